//! A scripted service on loopback: raw HTTP/1.1, so that connections can break at will.
//!
//! The script sees each request and says what to answer; every request is kept for the test to look at.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use nightjar::api::{DefenderClient, GraphClient, Transport, http_client};
use nightjar::auth::TokenSource;
use nightjar::config::{Profile, SecretSource};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub const TENANT: &str = "11111111-2222-4333-8444-555555555555";
pub const GRAPH: &str = "https://graph.microsoft.com";
pub const DEFENDER: &str = "https://api.securitycenter.microsoft.com";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path and query, undecoded.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.target.split('?').next() == Some(path)
    }
}

/// What to do with a request.
pub enum Reply {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Close without an answer.
    Drop,
    /// Announce more than is sent, then close.
    Cut(u16, String),
    /// Never answer; the connection stays.
    Hang,
}

pub fn json(status: u16, body: impl ToString) -> Reply {
    Reply::Answer(
        status,
        vec![("content-type", "application/json".to_owned())],
        body.to_string(),
    )
}

type Script = dyn Fn(&Request, usize) -> Reply + Send + Sync;

/// A running script.
pub struct Service {
    pub base: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Service {
    /// Serves the script; it is given each request and how many came before it on the same method and
    /// path. Tokens are issued by the service itself unless the script answers with a token or a refusal.
    pub async fn start(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self {
            base,
            requests,
            task,
        }
    }

    /// Requests so far that are not for tokens.
    pub fn requests(&self) -> Vec<Request> {
        let all = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.iter().filter(|it| !it.target.ends_with("/token"));
        own.cloned().collect()
    }

    /// Requests for tokens so far.
    pub fn token_requests(&self) -> Vec<Request> {
        let all = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.iter().filter(|it| it.target.ends_with("/token"));
        own.cloned().collect()
    }

    pub async fn until(&self, what: &str, condition: impl Fn(&[Request]) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition(&self.requests()) {
            assert!(Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn profile(&self) -> Profile {
        profile(&self.base)
    }

    /// Clients of this service.
    pub fn clients(&self) -> (GraphClient, DefenderClient) {
        clients(&self.profile())
    }
}

pub fn profile(base: &str) -> Profile {
    Profile {
        client_secret: Some(SecretSource::Value(SecretString::from("s3cret"))),
        authority: Some(base.to_owned()),
        graph_url: Some(base.to_owned()),
        defender_url: Some(base.to_owned()),
        ..Profile::new("test", TENANT, "22222222-2222-4333-8444-555555555555")
    }
}

pub fn clients(profile: &Profile) -> (GraphClient, DefenderClient) {
    let endpoints = profile.endpoints().expect("endpoints");
    let http = http_client(&endpoints, profile.ca_file.as_deref()).expect("an HTTP client");
    let tokens = TokenSource::new(profile, &endpoints, http.clone());
    let transport = Transport::new(&endpoints, tokens, http);
    (
        GraphClient::new(transport.clone()),
        DefenderClient::new(transport),
    )
}

/// An unsigned JWT.
pub fn jwt(aud: &str, roles: &[&str]) -> String {
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: serde_json::Value| engine.encode(value.to_string());
    let header = part(serde_json::json!({"alg": "none"}));
    let payload = part(serde_json::json!({"aud": aud, "tid": TENANT, "roles": roles}));
    format!("{header}.{payload}.c2ln")
}

pub fn token(jwt: &str, expires_in: u32) -> Reply {
    json(
        200,
        serde_json::json!({"token_type": "Bearer", "expires_in": expires_in, "access_token": jwt}),
    )
}

async fn connection(mut stream: TcpStream, script: Arc<Script>, seen: Arc<Mutex<Vec<Request>>>) {
    let mut buffer = Vec::new();
    loop {
        let Some(request) = read(&mut stream, &mut buffer).await else {
            return;
        };
        let before = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let path = |it: &Request| it.target.split('?').next().map(str::to_owned);
            let before = seen
                .iter()
                .filter(|it| it.method == request.method && path(it) == path(&request))
                .count();
            seen.push(request.clone());
            before
        };
        let mut reply = script(&request, before);
        let is_token = request.target.ends_with("/oauth2/v2.0/token");
        let meant = |body: &str| body.contains("access_token") || body.contains("AADSTS");
        if is_token && !matches!(&reply, Reply::Answer(_, _, body) if meant(body)) {
            let aud = if request.body.contains("graph") {
                GRAPH
            } else {
                DEFENDER
            };
            reply = token(&jwt(aud, &["All.Of.It"]), 3600);
        }
        let (status, headers, body, announced) = match reply {
            Reply::Answer(status, headers, body) => {
                let length = body.len();
                (status, headers, body, length)
            }
            Reply::Cut(status, body) => {
                let length = body.len() + 100;
                (status, Vec::new(), body, length)
            }
            Reply::Drop => return,
            Reply::Hang => {
                // Until the client goes away.
                let _ = stream.read(&mut [0; 1]).await;
                return;
            }
        };
        let mut head = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {announced}\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", &value, "\r\n"]);
        }
        head.push_str("\r\n");
        if stream.write_all(head.as_bytes()).await.is_err()
            || stream.write_all(body.as_bytes()).await.is_err()
            || announced != body.len()
        {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let length: usize = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    while buffer.len() < end + 4 + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
    buffer.drain(..end + 4 + length);
    Some(Request {
        method,
        target,
        headers,
        body,
        at: Instant::now(),
    })
}

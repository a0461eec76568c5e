//! A port of this machine that the browser brings its answer to: of a sign-in, or of a consent.
//!
//! It says as little as it can: two short pages without scripts, styles or anything of the answer.
//! Whoever else knocks, slowly, rudely or in crowds, is sent away and holds nobody up.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::domain::text::clean;

/// How long a client may take to ask, or to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last page may take to reach the browser.
const LAST_WORD: Duration = Duration::from_secs(2);
/// A request is no longer than this.
const LONGEST: usize = 32 * 1024;
/// Clients served at a time.
const CROWD: usize = 32;

/// The port, until dropped.
pub(crate) struct Loopback {
    port: u16,
    arrivals: mpsc::Receiver<Arrival>,
    serving: JoinHandle<()>,
}

/// An answer the browser brought, still waiting for its page.
pub(crate) struct Arrival {
    fields: Vec<(String, String)>,
    page: oneshot::Sender<Page>,
    delivered: oneshot::Receiver<()>,
}

impl Arrival {
    /// A parameter of the answer.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What the browser shows in the end.
pub(crate) enum Page {
    SignedIn,
    Failed(String),
    Consented,
    NotConsented(String),
}

impl Loopback {
    /// At this port; 0 is any that is free.
    pub(crate) async fn open(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let port = listener.local_addr()?.port();
        let (tell, arrivals) = mpsc::channel(CROWD);
        let serving = tokio::spawn(serve(listener, tell));
        Ok(Self {
            port,
            arrivals,
            serving,
        })
    }

    /// The redirect address: `localhost`, which is registered without a port and matches any.
    pub(crate) fn address(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The next answer.
    pub(crate) async fn next(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            // The port is served until it is dropped.
            None => std::future::pending().await,
        }
    }

    /// Shows the browser a page, and waits a little until it has it.
    pub(crate) async fn reply(&self, arrival: Arrival, page: Page) {
        // A browser that left has seen enough.
        if arrival.page.send(page).is_ok() {
            let _ = tokio::time::timeout(LAST_WORD, arrival.delivered).await;
        }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, tell: mpsc::Sender<Arrival>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = clients.join_next() => {}
            accepted = listener.accept(), if clients.len() < CROWD => match accepted {
                Ok((stream, _)) => {
                    clients.spawn(client(stream, tell.clone()));
                }
                // Out of descriptors, or a client that left already: others may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
}

async fn client(mut stream: TcpStream, tell: mpsc::Sender<Arrival>) {
    let Ok(Ok(head)) = tokio::time::timeout(PATIENCE, head(&mut stream)).await else {
        return;
    };
    let (status, title, words) = match read(&head) {
        Ok(fields) => {
            let (page, shown) = oneshot::channel();
            let (deliver, delivered) = oneshot::channel();
            let arrival = Arrival {
                fields,
                page,
                delivered,
            };
            if tell.send(arrival).await.is_err() {
                return;
            }
            let Ok(page) = shown.await else { return };
            let text = match page {
                Page::SignedIn => text(
                    "200 OK",
                    "Signed in",
                    "You can close this window and go back to nightjar.",
                ),
                Page::Failed(why) => text(
                    "400 Bad Request",
                    "Sign-in failed",
                    &format!("Sign-in failed: {why}"),
                ),
                Page::Consented => text(
                    "200 OK",
                    "Thank you",
                    "You can close this window and go back to nightjar.",
                ),
                Page::NotConsented(why) => text(
                    "400 Bad Request",
                    "No consent",
                    &format!("No consent: {why}"),
                ),
            };
            say(&mut stream, &text).await;
            let _ = deliver.send(());
            return;
        }
        Err(refused) => refused,
    };
    say(&mut stream, &text(status, title, words)).await;
}

/// Up to the empty line after the headers.
async fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(4096);
    let mut part = [0u8; 4096];
    loop {
        let count = stream.read(&mut part).await?;
        if count == 0 || head.len() + count > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(&part[..count]);
        if head.windows(4).any(|four| four == b"\r\n\r\n") {
            return Ok(head);
        }
    }
}

type Refused = (&'static str, &'static str, &'static str);

const GARBAGE: Refused = ("400 Bad Request", "Not understood", "This is no request.");
const NOTHING: Refused = (
    "404 Not Found",
    "Nothing here",
    "This address waits for the end of a sign-in.",
);
const NO_GET: Refused = (
    "405 Method Not Allowed",
    "Not allowed",
    "This address waits for the end of a sign-in.",
);

/// The answer a request brings: `GET /` with a code, a consent or an error, each parameter once.
fn read(head: &[u8]) -> Result<Vec<(String, String)>, Refused> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| GARBAGE)?;
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(GARBAGE);
    };
    if !version.starts_with("HTTP/1.") {
        return Err(GARBAGE);
    }
    if method != "GET" {
        return Err(NO_GET);
    }
    let Some(("/", query)) = target.split_once('?') else {
        return Err(NOTHING);
    };
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let count = |name: &str| fields.iter().filter(|(known, _)| known == name).count();
    let ends = count("code") + count("error");
    // Where no consent was given, the answer speaks of it too.
    match (ends.max(count("admin_consent")), count("state")) {
        (0, _) => Err(NOTHING),
        (1, 0 | 1) => Ok(fields),
        _ => Err(GARBAGE),
    }
}

fn text(status: &str, title: &str, words: &str) -> String {
    let words = clean(words)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><p>{words}</p></html>\n"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n\r\n{body}",
        body.len()
    )
}

async fn say(stream: &mut TcpStream, text: &str) {
    let saying = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await
    };
    // A client that does not listen is not waited for.
    let _ = tokio::time::timeout(PATIENCE, saying).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(port: u16, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("connects");
        stream.write_all(request).await.expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("reads");
        answer
    }

    #[test]
    fn only_an_answer_is_an_answer() {
        let status = |line: &str| match read(format!("{line}\r\nHost: x\r\n\r\n").as_bytes()) {
            Ok(_) => "answer",
            Err((status, ..)) => status.split(' ').next().unwrap_or_default(),
        };
        for (line, expected) in [
            ("GET /?code=1&state=2 HTTP/1.1", "answer"),
            ("GET /?error=access_denied&state=2 HTTP/1.1", "answer"),
            (
                "GET /?admin_consent=True&tenant=1&state=2 HTTP/1.1",
                "answer",
            ),
            (
                "GET /?error=access_denied&admin_consent=True&state=2 HTTP/1.1",
                "answer",
            ),
            ("GET /?admin_consent=True&admin_consent=1 HTTP/1.1", "400"),
            ("GET / HTTP/1.1", "404"),
            ("GET /?state=2 HTTP/1.1", "404"),
            ("GET /favicon.ico HTTP/1.1", "404"),
            ("GET /other?code=1&state=2 HTTP/1.1", "404"),
            ("POST /?code=1&state=2 HTTP/1.1", "405"),
            ("HEAD /?code=1&state=2 HTTP/1.1", "405"),
            ("GET /?code=1&code=2&state=2 HTTP/1.1", "400"),
            ("GET /?code=1&error=2&state=2 HTTP/1.1", "400"),
            ("GET /?code=1&state=2&state=3 HTTP/1.1", "400"),
            ("GET /?code=1 HTTP/2", "400"),
            ("GET /?code=1", "400"),
            ("", "400"),
            ("\u{16}\u{3}\u{1}", "400"),
        ] {
            assert_eq!(status(line), expected, "{line}");
        }
    }

    #[tokio::test]
    async fn whoever_else_knocks_holds_nobody_up() {
        let mut loopback = Loopback::open(0).await.expect("a port");
        let port = loopback.port;
        // Some who say nothing, one who stops halfway, one who speaks something else.
        let mut silent = Vec::new();
        for _ in 0..CROWD - 4 {
            silent.push(
                TcpStream::connect(("127.0.0.1", port))
                    .await
                    .expect("connects"),
            );
        }
        let mut halfway = TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("connects");
        halfway.write_all(b"GET /?code=").await.expect("writes");
        let icon = ask(
            port,
            b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )
        .await;
        assert!(icon.starts_with("HTTP/1.1 404"), "{icon}");
        let odd = ask(port, b"\x16\x03\x01 hello\r\n\r\n").await;
        assert!(odd.starts_with("HTTP/1.1 400"), "{odd}");
        let browser =
            tokio::spawn(
                async move { ask(port, b"GET /?code=sesame&state=s HTTP/1.1\r\n\r\n").await },
            );
        let arrival = loopback.next().await;
        assert_eq!(arrival.field("code"), Some("sesame"));
        loopback.reply(arrival, Page::SignedIn).await;
        let page = browser.await.expect("answered");
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        assert!(page.contains("close this window") && page.contains("default-src 'none'"));
        assert!(!page.contains("sesame"), "{page}");
    }

    #[test]
    fn a_page_shows_what_was_said_as_text() {
        let page = text(
            "400 Bad Request",
            "Sign-in failed",
            "<script>alert(1)</script>\u{1b}[31m",
        );
        assert!(
            !page.contains("<script>") && !page.contains('\u{1b}'),
            "{page}"
        );
    }
}

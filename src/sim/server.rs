//! The one port: reads requests, applies mishaps and quotas, dispatches, logs, answers.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::clock::{Clock, Ticks};
use super::entra::Entra;
use super::faults::{FaultKind, Faults, RetryAfter, spoil_row};
use super::http::{Ask, Reply};
use super::quota::{Quotas, Which};
use super::world::World;
use super::{LogLine, defender, graph};

/// The tenant as requests see it.
pub struct Tenant {
    /// The seed.
    pub seed: u64,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The token service.
    pub entra: Entra,
    /// Mishaps to come.
    pub faults: Faults,
    /// Requests answered so far.
    pub requests: AtomicU64,
    pub(super) quotas: Option<Quotas>,
    pub(super) base: String,
    pub(super) log: Option<LogLine>,
    pub(super) world: RwLock<World>,
    pub(super) next_event: AtomicI64,
    pub(super) hunting: graph::hunting::Hunting,
}

impl std::fmt::Debug for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tenant")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Tenant {
    /// Lets happen what is due, so that every answer shows the tenant as it is at this moment.
    fn catch_up(&self) {
        let now = self.clock.now();
        if now >= self.next_event.load(Ordering::Acquire) {
            let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = world.advance(now)
                && let Some(log) = &self.log
            {
                log(&format!("story: {error}"));
            }
            self.next_event.store(world.next_event(), Ordering::Release);
        }
    }

    /// The world, to read.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        self.catch_up();
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world, to change.
    pub fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.catch_up();
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes its connection without a word once pulled.
#[derive(Debug, Clone, Default)]
pub struct Plug(Arc<AtomicBool>);

impl Plug {
    fn pull(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A connection that can be cut.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    plug: Plug,
}

impl Line {
    fn cut(&self) -> std::io::Result<()> {
        if self.plug.0.load(Ordering::Acquire) {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.cut()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.cut()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.cut()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        self.cut()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The listening socket.
#[derive(Debug)]
pub struct Port(pub TcpListener);

impl Listener for Port {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => {
                    // Answers are written whole: waiting for more to send only costs time.
                    let _ = stream.set_nodelay(true);
                    return (
                        Line {
                            stream,
                            plug: Plug::default(),
                        },
                        peer,
                    );
                }
                // Out of file handles, most likely: some connection will close.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Port>> for Plug {
    fn connect_info(stream: IncomingStream<'_, Port>) -> Self {
        stream.io().plug.clone()
    }
}

/// Serves the tenant until `stop` is done.
pub async fn serve(
    port: Port,
    tenant: Arc<Tenant>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let app = Router::new()
        .fallback(handle)
        .with_state(tenant)
        .into_make_service_with_connect_info::<Plug>();
    let _ = axum::serve(port, app).with_graceful_shutdown(stop).await;
}

/// The largest request body that is read.
const LARGEST_BODY: usize = 4 << 20;

async fn handle(
    State(tenant): State<Arc<Tenant>>,
    ConnectInfo(plug): ConnectInfo<Plug>,
    request: Request,
) -> Response<Body> {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY)
        .await
        .map(|b| b.to_vec())
        .unwrap_or_default();
    let path = percent_decoded(parts.uri.path());
    let ask = Ask {
        method: parts.method,
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
        base: tenant.base.clone(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    tenant.requests.fetch_add(1, Ordering::Relaxed);
    let fault = tenant.faults.strike(ask.method.as_str(), &ask.path);
    let reply = match &fault {
        Some(FaultKind::DropBefore) => {
            plug.pull();
            Reply::json(500, Vec::new())
        }
        Some(FaultKind::Throttle(after)) => throttled(&tenant, &ask, *after, "Too many requests."),
        Some(FaultKind::Status(status)) => refused(&tenant, &ask, *status),
        Some(FaultKind::Gateway(status)) => {
            let page = format!(
                "<html><head><title>{status}</title></head><body><h1>{status} Service Temporarily Unavailable</h1></body></html>"
            );
            Reply {
                status: *status,
                content_type: "text/html",
                headers: Vec::new(),
                body: page.into_bytes(),
                why: None,
            }
        }
        Some(FaultKind::ExpiredToken) => refused(&tenant, &ask, 401),
        Some(FaultKind::Slow(by)) => {
            tokio::time::sleep(*by).await;
            answer(&tenant, &ask).await
        }
        Some(FaultKind::DropAfter) => {
            let reply = answer(&tenant, &ask).await;
            plug.pull();
            reply
        }
        Some(FaultKind::Garbage) => {
            let mut reply = answer(&tenant, &ask).await;
            reply.body.truncate(reply.body.len() / 2);
            reply
        }
        Some(FaultKind::BadRow) => {
            let mut reply = answer(&tenant, &ask).await;
            reply.body = spoil_row(&reply.body);
            reply
        }
        None => answer(&tenant, &ask).await,
    };
    if let Some(log) = &tenant.log {
        let fault = fault
            .map(|f| format!(" [injected: {f:?}]"))
            .unwrap_or_default();
        let why = reply
            .why
            .as_deref()
            .map(|w| format!(" {w}"))
            .unwrap_or_default();
        let query = if ask.query.is_empty() {
            String::new()
        } else {
            format!("?{}", percent_decoded(&ask.query))
        };
        // Whatever the client sent: a log is read in a terminal.
        let line: String = format!(
            "{} {} {}{query} {} B {:.1} ms{fault}{why}",
            reply.status,
            ask.method,
            ask.path,
            reply.body.len(),
            begun.elapsed().as_secs_f64() * 1e3
        )
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
        log(&line);
    }
    respond(&ask, reply)
}

async fn answer(tenant: &Arc<Tenant>, ask: &Ask) -> Reply {
    let now = tenant.clock.now();
    if ask.path.starts_with("/v1.0/") || ask.path.starts_with("/beta/") {
        let which = if ask.path.to_ascii_lowercase().contains("runhuntingquery") {
            Which::Hunting
        } else {
            Which::Security
        };
        if let Some(reply) = over_quota(tenant, ask, which, now) {
            return reply;
        }
        graph::answer(tenant, ask).await
    } else if ask.path.starts_with("/api/") {
        if let Some(reply) = over_quota(tenant, ask, Which::Defender, now) {
            return reply;
        }
        defender::answer(tenant, ask)
    } else {
        let mut parts = ask.path.trim_start_matches('/').splitn(2, '/');
        match (parts.next(), parts.next()) {
            (Some(id), Some("oauth2/v2.0/token")) if ask.method == axum::http::Method::POST => {
                tenant.entra.token(ask, id, now)
            }
            _ => {
                let mut reply = Reply::json(404, b"Not Found".to_vec());
                reply.content_type = "text/plain";
                reply.why = Some("no service has this path".into());
                reply
            }
        }
    }
}

fn over_quota(tenant: &Tenant, ask: &Ask, which: Which, now: Ticks) -> Option<Reply> {
    let (wait, words) = tenant.quotas.as_ref()?.take(which, now).err()?;
    Some(throttled(
        tenant,
        ask,
        RetryAfter::Seconds(wait),
        &format!("API calls quota exceeded! maximum allowed {words}"),
    ))
}

fn is_defender(ask: &Ask) -> bool {
    ask.path.starts_with("/api/")
}

fn throttled(tenant: &Tenant, ask: &Ask, after: RetryAfter, message: &str) -> Reply {
    let mut reply = if is_defender(ask) {
        defender::Refusal::new(429, "TooManyRequests", message).reply(ask)
    } else {
        graph::Refusal::new(429, "TooManyRequests", message).reply(ask, tenant.clock.now())
    };
    match after {
        RetryAfter::Seconds(seconds) => reply.headers.push(("retry-after", seconds.to_string())),
        RetryAfter::Date(seconds) => {
            let at = SystemTime::now() + Duration::from_secs(seconds);
            reply
                .headers
                .push(("retry-after", httpdate::fmt_http_date(at)));
        }
        RetryAfter::Missing => {}
    }
    reply
}

fn refused(tenant: &Tenant, ask: &Ask, status: u16) -> Reply {
    let (code, message) = match (status, is_defender(ask)) {
        (401, true) => (
            "Unauthorized",
            "Unauthorized request - reason of failure: The token is expired.",
        ),
        (401, false) => (
            "InvalidAuthenticationToken",
            "Lifetime validation failed, the token is expired.",
        ),
        (403, _) => ("Forbidden", "Forbidden"),
        (500, true) => ("InternalServerError", ""),
        (503, _) => (
            "ServiceUnavailable",
            "The service is temporarily unavailable.",
        ),
        (400..=499, _) => ("BadRequest", "Bad request."),
        _ => ("UnknownError", ""),
    };
    if is_defender(ask) {
        defender::Refusal::new(status, code, message).reply(ask)
    } else {
        graph::Refusal::new(status, code, message).reply(ask, tenant.clock.now())
    }
}

fn respond(ask: &Ask, reply: Reply) -> Response<Body> {
    let mut response = Response::builder()
        .status(reply.status)
        .header("content-type", reply.content_type)
        .header("request-id", &ask.request_id);
    if let Some(id) = ask.headers.get("client-request-id") {
        response = response.header("client-request-id", id);
    }
    if is_defender(ask) {
        response = response.header("mise-correlation-id", &ask.request_id);
    } else {
        response = response.header(
            "x-ms-ags-diagnostic",
            r#"{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"SIM0"}}"#,
        );
    }
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from(reply.body))
        .unwrap_or_else(|_| Response::new(Body::empty()))
}

/// Undoes percent encoding; what is not UTF-8 is replaced.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |i: usize| bytes.get(i).and_then(|b| (*b as char).to_digit(16));
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

//! A port: reads requests, applies mishaps, hands them to the host, logs, answers.
//!
//! Generic over its listener, so that the same host can be served in the clear and over TLS.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response};
use axum::serve::{IncomingStream, Listener};
use futures_util::stream::{self, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::admin;
use super::clock::Ticks;
use super::host::Host;
use super::http::{Ask, Reply};
use super::log::Entry;
use super::mishap::{self, Delivery, Resumed};

/// Closes its connection without a word once pulled.
#[derive(Debug, Clone, Default)]
pub struct Plug(Arc<AtomicBool>);

impl Plug {
    fn pull(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A connection that can be cut, over whatever carries it.
#[derive(Debug)]
pub struct Line<S> {
    stream: S,
    plug: Plug,
}

impl<S> Line<S> {
    fn cut(&self) -> std::io::Result<()> {
        if self.plug.0.load(Ordering::Acquire) {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.cut()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
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

/// A listening socket whose connections can be cut: plain TCP, or anything else that `axum` listens to.
#[derive(Debug)]
pub struct Port<L>(pub L);

impl<L: Listener> Listener for Port<L> {
    type Io = Line<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, peer) = self.0.accept().await;
        let plug = Plug::default();
        (Line { stream, plug }, peer)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl<L: Listener> Connected<IncomingStream<'_, Port<L>>> for Plug {
    fn connect_info(stream: IncomingStream<'_, Port<L>>) -> Self {
        stream.io().plug.clone()
    }
}

/// One port of the host. Several may be open at once, each under its own address.
#[derive(Debug, Clone)]
pub struct Door {
    /// Who answers.
    pub host: Arc<Host>,
    /// `http://127.0.0.1:PORT` or `https://…`: what next links begin with.
    pub base: Arc<str>,
}

/// Serves the host behind one listener until `stop` is done.
pub async fn serve<L: Listener>(
    listener: L,
    door: Door,
    stop: impl Future<Output = ()> + Send + 'static,
) where
    L::Addr: std::fmt::Debug,
{
    let app = Router::new()
        .fallback(handle)
        .with_state(door)
        .into_make_service_with_connect_info::<Plug>();
    let _ = axum::serve(Port(listener), app)
        .with_graceful_shutdown(stop)
        .await;
}

/// The largest request body that is read.
const LARGEST_BODY: usize = 24 << 20;

async fn handle(
    State(door): State<Door>,
    ConnectInfo(plug): ConnectInfo<Plug>,
    request: Request,
) -> Response<Body> {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY)
        .await
        .map(|b| b.to_vec())
        .unwrap_or_default();
    let raw_path = parts.uri.path().to_owned();
    let mut ask = Ask {
        method: parts.method,
        path: percent_decoded(&raw_path),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
        base: door.base.to_string(),
        request_id: String::new(),
    };
    let host = &door.host;
    let number = host.requests.fetch_add(1, Ordering::Relaxed);
    ask.request_id = host.request_id(number);
    let place = host.choose(&ask);
    let tenant = &host.tenants[place];
    let resumed = mishap::resume(host, &mut ask, &raw_path);
    let admin = admin::is_admin(&ask);
    let strike = if matches!(resumed, Resumed::Redirect(_)) || admin {
        None
    } else {
        let since = host.clock.now() - host.clock.start();
        let is_tenant = |name: &str| tenant.entra.is_named(name) || name.parse() == Ok(place + 1);
        let due = matches!(resumed, Resumed::Due);
        host.faults.strike(&ask, due, since, &is_tenant)
    };
    let (reply, delivery) = match resumed {
        _ if admin => (admin::answer(host, &ask).await, Delivery::Whole),
        Resumed::Redirect(reply) => (reply, Delivery::Whole),
        Resumed::New | Resumed::Due => {
            mishap::answer(host, tenant, &ask, &raw_path, strike.as_ref()).await
        }
    };
    if let Some(log) = &host.log {
        let query = percent_decoded(&ask.query);
        let line = Entry {
            ask: &ask,
            query: &query,
            reply: &reply,
            fault: strike.as_ref().map(|s| &s.kind),
            tenant: (host.tenants.len() > 1).then_some(place + 1),
            milliseconds: begun.elapsed().as_secs_f64() * 1e3,
        };
        log(&if host.config.log_json {
            line.json()
        } else {
            line.text()
        });
    }
    match delivery {
        Delivery::Closed => plug.pull(),
        // The client gives up some day, or we do.
        Delivery::Never => {
            host.stopping.cancelled().await;
            plug.pull();
        }
        Delivery::Whole | Delivery::Cut | Delivery::Drip(_) => {}
    }
    respond(&ask, reply, delivery, host.clock.now())
}

/// Whether a request is for Defender for Endpoint, whose errors look different.
fn is_defender(ask: &Ask) -> bool {
    ask.path.starts_with("/api/")
}

fn respond(ask: &Ask, reply: Reply, delivery: Delivery, now: Ticks) -> Response<Body> {
    let mut response = Response::builder()
        .status(reply.status.max(100))
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
    if !response
        .headers_ref()
        .is_some_and(|h| h.contains_key("date"))
    {
        response = response.header("date", mishap::http_date(now));
    }
    if delivery == Delivery::Cut {
        response = response.header("content-length", reply.body.len());
    }
    response
        .body(body(reply.body, delivery))
        .unwrap_or_else(|_| Response::new(Body::empty()))
}

/// The body on its way, whole or in pieces.
fn body(mut bytes: Vec<u8>, delivery: Delivery) -> Body {
    /// Pieces of a body that drips.
    const PIECES: usize = 24;
    match delivery {
        Delivery::Cut => {
            bytes.truncate(bytes.len() / 2);
            // What was written leaves before the connection breaks: the body is not ready for a moment.
            let end = stream::once(async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
            });
            Body::from_stream(stream::iter([Ok(bytes)]).chain(end))
        }
        Delivery::Drip(every) => {
            let size = bytes.len().div_ceil(PIECES).max(1);
            let pieces: Vec<Vec<u8>> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
            Body::from_stream(stream::iter(pieces).then(move |piece| async move {
                tokio::time::sleep(every).await;
                Ok::<_, std::io::Error>(piece)
            }))
        }
        Delivery::Whole | Delivery::Never | Delivery::Closed => Body::from(bytes),
    }
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

//! The one HTTP client of a tenant: TLS, connections, proxy.

use std::sync::Once;
use std::time::Duration;

use crate::cloud::Endpoints;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept.
const KEEP: Duration = Duration::from_secs(50);

static CRYPTO: Once = Once::new();

/// Makes the HTTP client that tokens and requests share: rustls, pooled connections, gzip and
/// deflate, no redirects (a bearer token must not follow one). Goes round any proxy where all
/// services are on this machine.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn http_client(endpoints: &Endpoints) -> Result<reqwest::Client, reqwest::Error> {
    CRYPTO.call_once(|| {
        // Fails only where another part of the process has installed one already, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("nightjar/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .pool_idle_timeout(KEEP)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none());
    if endpoints.is_loopback() {
        builder = builder.no_proxy();
    }
    builder.build()
}

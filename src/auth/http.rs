//! The one HTTP client of a tenant: TLS, connections, proxy.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use crate::cloud::Endpoints;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept.
const KEEP: Duration = Duration::from_secs(50);

static CRYPTO: Once = Once::new();

/// Why there is no HTTP client; each message says what to look at.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The file of certificates cannot be read.
    #[error("ca_file {}: {source}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no certificate.
    #[error("ca_file {} holds no PEM certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] reqwest::Error),
}

/// Makes the HTTP client that tokens and requests share: rustls, pooled connections, gzip and
/// deflate, no redirects (a bearer token must not follow one). Goes round any proxy where all
/// services are on this machine. Trusts the certificates of `ca_file` beside the system's.
///
/// # Errors
/// Where `ca_file` cannot be read or TLS cannot be set up.
pub fn http_client(
    endpoints: &Endpoints,
    ca_file: Option<&Path>,
) -> Result<reqwest::Client, HttpError> {
    provide_crypto();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("nightjar/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .pool_idle_timeout(KEEP)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none());
    if endpoints.is_loopback() {
        builder = builder.no_proxy();
    }
    if let Some(path) = ca_file {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    Ok(builder.build()?)
}

/// The client for the identity endpoint of the platform this runs on, which is no further than the
/// machine's host: no proxy, no redirects.
pub(super) fn platform_client() -> Result<reqwest::Client, HttpError> {
    provide_crypto();
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    Ok(builder.build()?)
}

fn provide_crypto() {
    CRYPTO.call_once(|| {
        // Fails only where another part of the process has installed one already, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, HttpError> {
    let pem = std::fs::read(path).map_err(|source| HttpError::CaFile {
        path: path.to_owned(),
        source,
    })?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(HttpError::NoCertificate {
            path: path.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        assert!(matches!(certificates(&path), Err(HttpError::CaFile { .. })));
        std::fs::write(&path, "nothing").expect("written");
        let error = certificates(&path).expect_err("no certificate");
        assert!(error.to_string().contains("ca.pem"), "{error}");
    }
}

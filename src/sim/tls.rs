//! HTTPS for the port: a certificate authority made for this run, a certificate of it for this computer's
//! names, and a listener that shakes hands beside accepting.
//!
//! The authority's key never leaves memory; its certificate is written to a file that clients trust.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::LogLine;

/// How long the certificates are good: what platforms accept of a server at most.
const DAYS: i32 = 397;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What is wrong with the certificate that HTTPS is served with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// It ended last year.
    Expired,
    /// It is for another host.
    Name,
    /// Another authority issued it than the one clients are told to trust.
    Issuer,
}

impl std::str::FromStr for TlsFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "expired" => Ok(Self::Expired),
            "name" => Ok(Self::Name),
            "issuer" => Ok(Self::Issuer),
            _ => Err("write expired, name or issuer".into()),
        }
    }
}

/// What a run serves HTTPS with.
pub struct Identity {
    /// The authority's certificate, PEM: what clients must trust.
    pub authority: String,
    config: Arc<rustls::ServerConfig>,
}

impl Identity {
    /// Makes an authority and a certificate for `localhost`, 127.0.0.1 and `::1`, unless something is to
    /// be wrong with it.
    pub fn new(fault: Option<TlsFault>) -> Result<Self, rcgen::Error> {
        let (root, mut issuer) = authority("nightjar simulated tenant")?;
        if fault == Some(TlsFault::Issuer) {
            (_, issuer) = authority("an authority nobody knows")?;
        }
        let key = KeyPair::generate()?;
        let mut server = dated(CertificateParams::default());
        if fault == Some(TlsFault::Expired) {
            server.not_before = rcgen::date_time_ymd(2024, 1, 1);
            server.not_after = rcgen::date_time_ymd(2025, 1, 1);
        }
        server
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        server.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        if fault == Some(TlsFault::Name) {
            server.subject_alt_names = vec![SanType::DnsName("elsewhere.example".try_into()?)];
        }
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &issuer)?;

        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![certificate.der().clone()], private)
            })
            .expect("a fresh key fits its certificate");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            authority: root.pem(),
            config: Arc::new(config),
        })
    }

    /// Writes the authority's certificate beside the path first, so that nobody reads half a file and a
    /// link that waits there is replaced, not followed.
    pub fn write_authority(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
        }
        let name = format!(".nightjar-{}.pem", uuid::Uuid::new_v4());
        let beside = folder.unwrap_or(Path::new(".")).join(name);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)?;
        io::Write::write_all(&mut file, self.authority.as_bytes())?;
        std::fs::rename(&beside, path).inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
    }
}

/// An authority of this run: its certificate, and what issues in its name.
fn authority(name: &str) -> Result<(rcgen::Certificate, Issuer<'static, KeyPair>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut authority = dated(CertificateParams::default());
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root = authority.self_signed(&key)?;
    Ok((root, Issuer::new(authority, key)))
}

fn dated(mut params: CertificateParams) -> CertificateParams {
    use jiff::ToSpan as _;
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let day = |date: jiff::civil::Date| {
        rcgen::date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(today.saturating_sub(1.day()));
    params.not_after = day(today.saturating_add((DAYS - 2).days()));
    params
}

/// A listening socket that speaks TLS. Handshakes go on beside each other: one slow client keeps nobody waiting.
#[derive(Debug)]
pub struct Secure {
    addr: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    doorman: JoinHandle<()>,
}

impl Secure {
    /// Listens on a bound socket. What goes wrong in a handshake is a line of the log: most often a client
    /// that does not trust the authority.
    pub fn new(
        listener: TcpListener,
        identity: &Identity,
        log: Option<LogLine>,
    ) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
        let (sender, ready) = mpsc::channel(64);
        let doorman = tokio::spawn(async move {
            loop {
                let Ok((stream, peer)) = listener.accept().await else {
                    // Out of file handles, most likely: some connection will close.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                // Answers are written whole: waiting for more to send only costs time.
                let _ = stream.set_nodelay(true);
                let (acceptor, sender, log) = (acceptor.clone(), sender.clone(), log.clone());
                tokio::spawn(async move {
                    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                    match shaken {
                        Ok(Ok(stream)) => {
                            let _ = sender.send((stream, peer)).await;
                        }
                        Ok(Err(error)) => {
                            if let Some(log) = log {
                                log(&format!("TLS: {error}"));
                            }
                        }
                        Err(_) => {}
                    }
                });
            }
        });
        Ok(Self {
            addr,
            ready,
            doorman,
        })
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.doorman.abort();
    }
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The doorman is gone, so nobody will come any more.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_replaces_a_link_and_does_not_follow_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let identity = Identity::new(None).expect("certificates");
        let path = folder.path().join("sub").join("ca.pem");
        identity.write_authority(&path).expect("written");
        assert!(
            std::fs::read_to_string(&path)
                .expect("read")
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
        #[cfg(unix)]
        {
            let precious = folder.path().join("precious");
            std::fs::write(&precious, "keep").expect("written");
            let link = folder.path().join("link.pem");
            std::os::unix::fs::symlink(&precious, &link).expect("a link");
            identity.write_authority(&link).expect("written");
            assert_eq!(std::fs::read_to_string(&precious).expect("read"), "keep");
        }
        let left: Vec<_> = std::fs::read_dir(folder.path().join("sub"))
            .expect("a folder")
            .collect();
        assert_eq!(left.len(), 1, "nothing else stays behind");
    }
}

//! What kept a connection from standing, told from the chain of causes under a `reqwest` error.

use std::error::Error as _;
use std::net::IpAddr;

use rustls::CertificateError;

use crate::domain::text::clean;

/// What kept a request from being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The name of the host, or of the proxy, leads nowhere.
    Name,
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The proxy wants to know who asks (407).
    ProxySignIn,
    /// The proxy would not lead there.
    Proxy(String),
    /// The certificate cannot be trusted.
    Certificate(BadCertificate),
    /// TLS failed otherwise: what is there may not speak it.
    Tls(String),
    /// Anything else, in the words of the system.
    Other(String),
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadCertificate {
    /// Nobody this machine trusts has issued it.
    UnknownIssuer,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYet,
    /// It is another host's.
    WrongName,
    /// Anything else, in the words of the TLS library.
    Other(String),
}

impl BadCertificate {
    fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYet
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            other => {
                let text = other.to_string();
                if text.contains("UnknownIssuer") {
                    return Self::UnknownIssuer;
                }
                Self::Other(clean(&text).into_owned())
            }
        }
    }
}

impl Trouble {
    /// Reads the causes of an error.
    pub fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        let mut innermost = String::new();
        let mut proxied = false;
        let mut cause = error.source();
        while let Some(inner) = cause {
            innermost = inner.to_string();
            let lower = innermost.to_ascii_lowercase();
            if lower.contains("proxy authorization required") {
                return Self::ProxySignIn;
            }
            proxied |= lower.contains("tunnel") || lower.contains("proxy");
            if lower.contains("dns error") {
                return Self::Name;
            }
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return Self::of_tls(tls);
            }
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                // An io::Error hides what it wraps from the chain.
                if let Some(tls) = io
                    .get_ref()
                    .and_then(|wrapped| wrapped.downcast_ref::<rustls::Error>())
                {
                    return Self::of_tls(tls);
                }
                match io.kind() {
                    std::io::ErrorKind::ConnectionRefused => return Self::Refused,
                    std::io::ErrorKind::TimedOut => return Self::TimedOut,
                    _ => {}
                }
            }
            cause = inner.source();
        }
        let words = clean(&innermost).into_owned();
        if proxied {
            Self::Proxy(words)
        } else {
            Self::Other(words)
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(bad) => Self::Certificate(BadCertificate::of(bad)),
            other => Self::Tls(clean(&other.to_string()).into_owned()),
        }
    }

    /// What happened, as the end of "`host` …".
    pub fn words(&self) -> String {
        match self {
            Self::Name => "cannot be found: its name leads to no address".to_owned(),
            Self::Refused => "refuses the connection: nobody listens there".to_owned(),
            Self::TimedOut => "does not answer".to_owned(),
            Self::ProxySignIn => "is behind a proxy that wants a sign-in (407)".to_owned(),
            Self::Proxy(why) => format!("cannot be reached through the proxy: {why}"),
            Self::Certificate(BadCertificate::UnknownIssuer) => {
                "shows a certificate whose issuer this machine does not trust".to_owned()
            }
            Self::Certificate(BadCertificate::Expired) => {
                "shows a certificate that has expired".to_owned()
            }
            Self::Certificate(BadCertificate::NotYet) => {
                "shows a certificate that is not valid yet".to_owned()
            }
            Self::Certificate(BadCertificate::WrongName) => {
                "shows a certificate of another host".to_owned()
            }
            Self::Certificate(BadCertificate::Other(why)) => {
                format!("shows a certificate that cannot be used: {why}")
            }
            Self::Tls(why) => format!("does not speak TLS as expected: {why}"),
            Self::Other(why) => format!("cannot be reached: {why}"),
        }
    }

    /// What to do about it.
    pub fn advice(&self, host: &str) -> String {
        let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match self {
            Self::Name => "check the network and its name servers, and the addresses in the profile".to_owned(),
            Self::Refused if local => {
                "start what is meant to listen there, or correct the addresses in the profile".to_owned()
            }
            Self::Refused | Self::TimedOut | Self::Other(_) => {
                format!("a firewall may be in the way: let this machine reach {host} on port 443")
            }
            Self::ProxySignIn => {
                "give HTTPS_PROXY a user and password (http://user:password@proxy:port), or let this machine pass"
                    .to_owned()
            }
            Self::Proxy(_) => {
                format!("check HTTPS_PROXY, let the proxy pass {host}, or name it in NO_PROXY")
            }
            Self::Certificate(BadCertificate::UnknownIssuer) => {
                "if a proxy opens TLS on purpose, set ca_file in the profile to its authority's certificate (PEM); else somebody listens in"
                    .to_owned()
            }
            Self::Certificate(BadCertificate::Expired | BadCertificate::NotYet) => {
                "check the clock of this machine first; else whoever keeps that host must renew its certificate"
                    .to_owned()
            }
            Self::Certificate(_) => {
                format!("check the address in the profile; a portal or proxy may answer in place of {host}")
            }
            Self::Tls(_) => {
                format!("check the address in the profile and what answers at {host}")
            }
        }
    }
}

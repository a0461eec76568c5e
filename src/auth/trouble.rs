//! Why there was no answer at all, in words that name the cure: certificates, proxies, captive portals.

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use url::Url;

use crate::domain::text::clean;

/// Something between here and the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What happened, one clause; sanitised.
    pub why: String,
    /// What to do about it.
    pub cure: &'static str,
}

const NETWORK: &str = "check the network and the proxy";

/// Words of an error's causes, in lower case, what they mean and what cures it. The first row that fits
/// counts; without one the innermost cause speaks for itself.
static CAUSES: &[(&str, &str, &str)] = &[
    (
        "proxy authorization required",
        "the proxy wants a name and password (407)",
        "write them into HTTPS_PROXY (http://name:password@proxy:port), or have this machine let through",
    ),
    (
        "tunnel error: failed to create underlying connection",
        "the proxy cannot be reached",
        "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or list the hosts in NO_PROXY",
    ),
    (
        "tunnel error",
        "the proxy did not let the connection through",
        "ask whoever keeps the proxy to allow the host, or check HTTPS_PROXY and NO_PROXY",
    ),
    (
        "socks",
        "the SOCKS proxy did not let the connection through",
        "check ALL_PROXY and HTTPS_PROXY",
    ),
    (
        "certificate expired",
        "its certificate has expired by this machine's clock",
        "check the clock of this machine; otherwise whoever answers there must renew the certificate",
    ),
    (
        "certificate not valid yet",
        "its certificate is not valid yet by this machine's clock",
        "set the clock of this machine (switch on time synchronisation)",
    ),
    (
        "not valid for name",
        "its certificate is for another name",
        "something else answers in its place (a captive portal or proxy), or the address in the profile is wrong",
    ),
    (
        "not valid for any names",
        "its certificate is for no name at all",
        "something else answers in its place (a captive portal or proxy), or the address in the profile is wrong",
    ),
    (
        "unknownissuer",
        "its certificate is from an issuer this machine does not trust",
        "where a proxy inspects traffic, set ca_file in the profile to the proxy's certificate (PEM); on a guest network, sign in on its page first",
    ),
    (
        "invalid peer certificate",
        "its certificate cannot be trusted",
        "where a proxy inspects traffic, set ca_file in the profile to the proxy's certificate (PEM)",
    ),
    (
        "failed to lookup address",
        "its name cannot be resolved",
        "check the network and the name servers, and the address in the profile; behind a proxy set HTTPS_PROXY",
    ),
    (
        "dns error",
        "its name cannot be resolved",
        "check the network and the name servers, and the address in the profile; behind a proxy set HTTPS_PROXY",
    ),
    (
        "connection refused",
        "nobody listens there",
        "check the address in the profile, and the network: a firewall may be in the way",
    ),
];

/// What became of a name that was looked up or a connection that was tried.
pub(crate) fn lost_way(error: &std::io::Error) -> Trouble {
    let text = error.to_string();
    of_texts(&text, &text)
}

/// What became of a request that brought no answer.
pub(crate) fn lost(error: &reqwest::Error) -> Trouble {
    let mut chain = String::new();
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
        chain.push_str(&cause.to_string());
        chain.push('\n');
    }
    // reqwest's own text repeats the address with its query; the innermost cause does not.
    let root = cause.to_string();
    of_texts(&chain, &root)
}

fn of_texts(chain: &str, root: &str) -> Trouble {
    let lower = chain.to_ascii_lowercase();
    let known = CAUSES.iter().find(|(words, ..)| lower.contains(words));
    let root = clean(root);
    match known {
        Some((_, why, cure)) => Trouble {
            why: format!("{why} ({root})"),
            cure,
        },
        None => Trouble {
            why: root.into_owned(),
            cure: NETWORK,
        },
    }
}

/// Whether somebody else answered in a service's place: a captive portal or a proxy, with a page of its own
/// or by sending us elsewhere. The services answer JSON, and send nobody elsewhere.
pub(crate) fn intercepted(asked: &Url, status: u16, headers: &HeaderMap) -> Option<Trouble> {
    const CURE: &str = "open any page in a browser and sign in to the network there (a hotel's or guest network's page), or set HTTPS_PROXY; then try again";
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = asked.host_str().unwrap_or_default();
    let trouble = |why| Some(Trouble { why, cure: CURE });
    match status {
        407 => Some(Trouble {
            why: "the proxy wants a name and password (407)".to_owned(),
            cure: "write them into HTTPS_PROXY (http://name:password@proxy:port), or have this machine let through",
        }),
        511 => trouble(format!(
            "the network wants a sign-in before it lets {host} through (511)"
        )),
        300..=399 => {
            let to = text(LOCATION).and_then(|to| asked.join(to).ok())?;
            let elsewhere = to.host_str().unwrap_or_default();
            (elsewhere != host || to.port_or_known_default() != asked.port_or_known_default()).then(
                || Trouble {
                    why: format!(
                        "something answered in place of {host} and pointed to {} ({status})",
                        clean(elsewhere)
                    ),
                    cure: CURE,
                },
            )
        }
        200..=299 => {
            let page = text(CONTENT_TYPE)?.to_ascii_lowercase();
            page.contains("html").then(|| Trouble {
                why: format!("something answered in place of {host} with a web page"),
                cure: CURE,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_on_the_way_has_its_own_cure() {
        let cases = [
            (
                "client error\ninvalid peer certificate: UnknownIssuer",
                "ca_file",
            ),
            (
                "invalid peer certificate: certificate expired: verification time 1 (UNIX)",
                "clock",
            ),
            (
                "invalid peer certificate: certificate not valid yet: verification",
                "set the clock",
            ),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is only valid for \"b\"",
                "captive portal",
            ),
            (
                "tunnel error: proxy authorization required",
                "name:password",
            ),
            (
                "tunnel error: failed to create underlying connection\ntcp connect error\nConnection refused",
                "HTTPS_PROXY",
            ),
            ("tunnel error: unsuccessful", "allow the host"),
            (
                "dns error\nfailed to lookup address information",
                "name servers",
            ),
            (
                "tcp connect error\nConnection refused (os error 111)",
                "network",
            ),
        ];
        for (chain, cure) in cases {
            let root = chain.lines().last().unwrap_or_default();
            let trouble = of_texts(chain, root);
            assert!(trouble.cure.contains(cure), "{chain}: {trouble:?}");
            assert!(trouble.why.contains(root));
        }
    }

    #[test]
    fn a_page_or_a_way_elsewhere_is_not_the_services() {
        let asked: Url = "https://graph.microsoft.com/v1.0/x".parse().expect("a url");
        let answer = |status, name: reqwest::header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a header"));
            intercepted(&asked, status, &headers).map(|trouble| trouble.why)
        };
        let page = answer(200, CONTENT_TYPE, "text/html; charset=utf-8").expect("a page");
        assert!(page.contains("in place of graph.microsoft.com"), "{page}");
        let away = answer(302, LOCATION, "http://login.hotel.example/?u=1").expect("away");
        assert!(away.contains("login.hotel.example"), "{away}");
        assert!(answer(511, CONTENT_TYPE, "text/html").is_some());
        assert_eq!(answer(302, LOCATION, "/v1.0/y"), None);
        assert_eq!(answer(200, CONTENT_TYPE, "application/json"), None);
        assert_eq!(answer(200, CONTENT_TYPE, "text/plain"), None);
        assert_eq!(answer(502, CONTENT_TYPE, "text/html"), None);
    }
}

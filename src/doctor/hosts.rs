//! Whether each host can be reached, by which way, and what time it has: name, connection, certificate,
//! answer. No token leaves here.

use std::time::{Duration, Instant};

use hyper_util::client::proxy::matcher::Matcher;
use jiff::SignedDuration;
use tokio::net::{TcpStream, lookup_host};
use url::Url;

use super::{Check, Notes, Section, Sign};
use crate::api::{Knock, Transport};
use crate::auth::judge::SKEW;
use crate::auth::{Resource, Trouble};
use crate::cloud::Endpoints;
use crate::config::Profile;
use crate::domain::text::clean;

/// How long finding a name, and then a connection, may take.
const STEP: Duration = Duration::from_secs(5);
/// How long an answer may take, TLS included.
const ANSWER: Duration = Duration::from_secs(12);
/// A clock this far off is worth a word.
const NOTABLE: i64 = 60;

/// One host to look at.
struct Host<'a> {
    id: &'static str,
    title: String,
    base: &'a Url,
    /// What is asked for without a token, and answered in JSON by the service.
    asks: Vec<&'a str>,
}

pub(super) async fn look(
    profile: &Profile,
    endpoints: &Endpoints,
    transport: &Transport,
    notes: &mut Notes,
) {
    let proxies = (!endpoints.is_loopback()).then(Matcher::from_system);
    notes.add(proxy(endpoints, proxies.as_ref()));
    let hosts = [
        Host {
            id: "host.sign-in",
            title: "Sign-in".to_owned(),
            base: &endpoints.authority,
            asks: vec![
                profile.tenant_id.as_str(),
                "v2.0",
                ".well-known",
                "openid-configuration",
            ],
        },
        Host {
            id: "host.graph",
            title: Resource::Graph.title().to_owned(),
            base: &endpoints.graph,
            asks: vec!["v1.0", "security", "incidents"],
        },
        Host {
            id: "host.defender",
            title: Resource::Defender.title().to_owned(),
            base: &endpoints.defender,
            asks: vec!["api", "machines"],
        },
    ];
    let looks = hosts
        .iter()
        .map(|host| reach(host, transport, proxies.as_ref()));
    let mut clocks = Vec::new();
    for (check, ahead) in futures_util::future::join_all(looks).await {
        clocks.extend(ahead);
        notes.add(check);
    }
    notes.add(clock(&clocks));
}

/// Which proxy the requests to an address go through.
fn proxy_of(proxies: Option<&Matcher>, url: &Url) -> Option<String> {
    let proxy = proxies?.intercept(&url.as_str().parse().ok()?)?;
    let uri = proxy.uri();
    // Without the user and password it may hold.
    let host = uri.host()?;
    let port = uri
        .port_u16()
        .map_or_else(String::new, |port| format!(":{port}"));
    Some(clean(&format!("{host}{port}")).into_owned())
}

fn proxy(endpoints: &Endpoints, proxies: Option<&Matcher>) -> Check {
    let check = |says: String| Check::new("proxy", Section::Network, "Proxy", Sign::Good, says);
    if proxies.is_none() {
        return check(
            "none: every service is on this machine, so any proxy is gone round".to_owned(),
        );
    }
    let used: Vec<(&str, Option<String>)> = [
        ("sign-in", &endpoints.authority),
        ("Graph", &endpoints.graph),
        ("Defender", &endpoints.defender),
    ]
    .into_iter()
    .map(|(name, url)| (name, proxy_of(proxies, url)))
    .collect();
    let set = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let from = set.unwrap_or("the system's settings");
    let through: Vec<String> = used
        .iter()
        .filter_map(|(name, proxy)| Some(format!("{name} through {}", proxy.as_deref()?)))
        .collect();
    let direct: Vec<&str> = used
        .iter()
        .filter(|(_, proxy)| proxy.is_none())
        .map(|(name, _)| *name)
        .collect();
    if through.is_empty() {
        return check("none in use".to_owned());
    }
    let rest = if direct.is_empty() {
        String::new()
    } else {
        format!("; {} directly (NO_PROXY)", direct.join(", "))
    };
    check(format!("from {from}: {}{rest}", through.join(", ")))
}

/// Looks at one host; how far its clock is ahead.
async fn reach(
    host: &Host<'_>,
    transport: &Transport,
    proxies: Option<&Matcher>,
) -> (Check, Option<i64>) {
    let started = Instant::now();
    let name = host.base.host_str().unwrap_or_default();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let port = host.base.port_or_known_default().unwrap_or(443);
    let shown = match host.base.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    let check = |sign, says: String| {
        Check::new(host.id, Section::Network, &*host.title, sign, clean(&says))
            .took(started.elapsed())
    };
    let failed = |step: &str, trouble: &Trouble| {
        check(Sign::Bad, format!("{step}: {shown} {}", trouble.words())).cured(trouble.advice(bare))
    };
    // Through a proxy, name and connection are the proxy's business.
    if proxy_of(proxies, host.base).is_none() {
        let addresses = match tokio::time::timeout(STEP, lookup_host((bare, port))).await {
            Ok(Ok(found)) => found.collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        if addresses.is_empty() {
            return (failed("name", &Trouble::Name), None);
        }
        let trouble = match tokio::time::timeout(STEP, TcpStream::connect(&addresses[..])).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Some(Trouble::Refused)
            }
            Ok(Err(error)) => Some(Trouble::Other(clean(&error.to_string()).into_owned())),
            Err(_) => Some(Trouble::TimedOut),
        };
        if let Some(trouble) = trouble {
            return (failed("connection", &trouble), None);
        }
    }
    let mut url = host.base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(&host.asks);
    }
    let knock = match transport.knock(url, ANSWER).await {
        Ok(knock) => knock,
        Err(trouble) => {
            let step = match &trouble {
                Trouble::Certificate(_) | Trouble::Tls(_) => "certificate",
                Trouble::Proxy(_) | Trouble::ProxySignIn => "proxy",
                _ => "answer",
            };
            return (failed(step, &trouble), None);
        }
    };
    let took = knock.took.as_millis();
    let secure = if host.base.scheme() == "https" {
        "certificate trusted, "
    } else {
        ""
    };
    if let Some((says, cure)) = stranger(&knock, bare, &shown) {
        return (check(Sign::Bad, says).cured(cure), None);
    }
    let ahead = knock.ahead;
    let result = match knock.status {
        429 => check(Sign::Warning, format!("{shown} asks for patience (429)"))
            .cured("wait a few minutes; another program may use up the limits"),
        500.. => check(
            Sign::Warning,
            format!("{shown} is troubled: it answered {}", knock.status),
        )
        .cured("try again later; the services' health is in the Microsoft 365 admin centre"),
        _ => check(
            Sign::Good,
            format!("{shown}: found, connected, {secure}answered in {took} ms"),
        ),
    };
    (result, ahead)
}

/// Whether something else answered in the service's place.
fn stranger(knock: &Knock, host: &str, shown: &str) -> Option<(String, String)> {
    let portal = "open any page in a browser and sign in to the network, then run this again; a proxy may also answer in place of the service";
    if knock.status == 407 {
        return Some((
            format!("proxy: {shown} {}", Trouble::ProxySignIn.words()),
            Trouble::ProxySignIn.advice(host),
        ));
    }
    if knock.status == 511 {
        return Some((
            format!(
                "answer: the network wants a sign-in before it lets {shown} through (511): a captive portal"
            ),
            portal.to_owned(),
        ));
    }
    if (300..400).contains(&knock.status) {
        let to = knock
            .location
            .as_deref()
            .and_then(|to| Url::parse(to).ok())
            .and_then(|to| to.host_str().map(str::to_owned))
            .unwrap_or_else(|| "another page".to_owned());
        return Some((
            format!(
                "answer: {shown} sends us on to {to} ({}), which the service never does: a captive portal or proxy",
                knock.status
            ),
            portal.to_owned(),
        ));
    }
    if !knock.json && knock.status < 500 {
        return Some((
            format!(
                "answer: {shown} answered {} with a page that is not the service's, as a captive portal or proxy does: {}",
                knock.status, knock.excerpt
            ),
            portal.to_owned(),
        ));
    }
    None
}

/// This machine's clock against the services', of which the middle one counts.
fn clock(ahead: &[i64]) -> Check {
    let mut ahead = ahead.to_vec();
    ahead.sort_unstable();
    let check = |sign, says| Check::new("clock", Section::Clock, "Clock", sign, says);
    let Some(middle) = ahead.get(ahead.len() / 2).copied() else {
        return check(
            Sign::Skipped,
            "no service answered with its time".to_owned(),
        );
    };
    // Ahead of us: our clock is behind.
    let skew = SignedDuration::from_secs(-middle);
    let side = if middle > 0 { "behind" } else { "ahead of" };
    let off = middle.abs();
    let span = match off {
        0..=119 => format!("{off} seconds"),
        120..=7199 => format!("{} minutes", (off + 30) / 60),
        _ => format!("{} hours", (off + 1800) / 3600),
    };
    if skew.abs() > SKEW {
        return check(
            Sign::Bad,
            format!("this machine's clock is {span} {side} the services'"),
        )
        .cured("set the clock (switch on time synchronisation): tokens and time filters are wrong until then");
    }
    if off > NOTABLE {
        return check(
            Sign::Warning,
            format!("this machine's clock is {span} {side} the services'"),
        )
        .cured("switch on time synchronisation");
    }
    check(Sign::Good, "within a minute of the services'".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knock(status: u16, json: bool, location: Option<&str>) -> Knock {
        Knock {
            status,
            date: None,
            ahead: None,
            location: location.map(str::to_owned),
            json,
            excerpt: "<html>".to_owned(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn what_is_no_service_is_told_from_one() {
        let says = |knock: &Knock| stranger(knock, "h", "h").map(|(says, _)| says);
        assert_eq!(says(&knock(401, true, None)), None);
        assert_eq!(says(&knock(503, false, None)), None);
        let portal = says(&knock(302, true, Some("http://wifi.example/login"))).expect("told");
        assert!(portal.contains("wifi.example"), "{portal}");
        assert!(
            says(&knock(200, false, None))
                .expect("told")
                .contains("captive portal")
        );
        assert!(
            says(&knock(511, false, None))
                .expect("told")
                .contains("captive portal")
        );
        assert!(
            says(&knock(407, false, None))
                .expect("told")
                .contains("407")
        );
    }

    #[test]
    fn the_clock_is_judged_by_the_middle_one() {
        assert_eq!(clock(&[]).sign, Sign::Skipped);
        assert_eq!(clock(&[0, 2, 9_000]).sign, Sign::Good);
        assert_eq!(clock(&[90]).sign, Sign::Warning);
        let off = clock(&[-3600, -3600, 0]);
        assert_eq!(off.sign, Sign::Bad);
        assert!(off.says.contains("60 minutes ahead of"), "{}", off.says);
    }
}

//! Whether each host can be reached, by which way, and what time it has: name, connection, certificate,
//! answer. No token leaves here.

use std::time::{Duration, Instant};

use hyper_util::client::proxy::matcher::Matcher;
use jiff::SignedDuration;
use tokio::net::{TcpStream, lookup_host};
use url::Url;

use super::{Check, Notes, Section, Sign};
use crate::api::{Knock, Transport};
use crate::auth::Resource;
use crate::auth::judge::SKEW;
use crate::auth::trouble::{self, Trouble};
use crate::cloud::Endpoints;
use crate::config::Profile;
use crate::domain::text::clean;

/// How long finding a name, and then a connection, may take.
const STEP: Duration = Duration::from_secs(5);
/// How long an answer may take, TLS included.
const ANSWER: Duration = Duration::from_secs(12);
/// A clock this far off is worth a word.
const NOTABLE: i64 = 60;

/// The check of the sign-in service.
const SIGN_IN: &str = "host.sign-in";
/// What a page in a service's place is cured by.
const PORTAL: &str = "open any page in a browser and sign in to the network, then run this again; a proxy may also answer in place of the service";
/// What a host that is silent is cured by.
const SILENT: &str = "a firewall may be in the way: let this machine reach it, or correct the address in the profile";

/// One host to look at.
struct Host<'a> {
    id: &'static str,
    title: String,
    base: &'a Url,
    /// What is asked for without a token, and answered in JSON by the service.
    asks: Vec<&'a str>,
}

/// Looks at every host; whether something else answered in the sign-in service's place, so that somebody
/// has to sign in to the network first.
pub(super) async fn look(
    profile: &Profile,
    endpoints: &Endpoints,
    transport: &Transport,
    notes: &mut Notes,
) -> bool {
    let proxies = (!endpoints.is_loopback()).then(Matcher::from_system);
    notes.add(proxy(endpoints, proxies.as_ref()));
    let hosts = [
        Host {
            id: SIGN_IN,
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
    let mut shut_out = false;
    for (host, seen) in hosts
        .iter()
        .zip(futures_util::future::join_all(looks).await)
    {
        clocks.extend(seen.ahead);
        shut_out |= seen.stranger && host.id == SIGN_IN;
        notes.add(seen.check);
    }
    notes.add(clock(&clocks));
    shut_out
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

/// What is known of a host after a look.
struct Seen {
    check: Check,
    /// How far its clock is ahead, in seconds.
    ahead: Option<i64>,
    /// Something else answered in its place.
    stranger: bool,
}

impl From<Check> for Seen {
    fn from(check: Check) -> Self {
        Self {
            check,
            ahead: None,
            stranger: false,
        }
    }
}

/// Looks at one host.
async fn reach(host: &Host<'_>, transport: &Transport, proxies: Option<&Matcher>) -> Seen {
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
        check(Sign::Bad, format!("{step}: {shown}: {}", trouble.why)).cured(trouble.cure)
    };
    let silent = || Trouble {
        why: format!("no answer within {} seconds", STEP.as_secs()),
        cure: SILENT,
    };
    // Through a proxy, name and connection are the proxy's business.
    if proxy_of(proxies, host.base).is_none() {
        let addresses = match tokio::time::timeout(STEP, lookup_host((bare, port))).await {
            Ok(Ok(found)) => found.collect::<Vec<_>>(),
            Ok(Err(error)) => return failed("name", &trouble::lost_way(&error)).into(),
            Err(_) => return failed("name", &silent()).into(),
        };
        match tokio::time::timeout(STEP, TcpStream::connect(&addresses[..])).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return failed("connection", &trouble::lost_way(&error)).into(),
            Err(_) => return failed("connection", &silent()).into(),
        }
    }
    let mut url = host.base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(&host.asks);
    }
    let knock = match transport.knock(url, ANSWER).await {
        Ok(knock) => knock,
        Err(trouble) => {
            let step = match &trouble.why {
                why if why.contains("certificate") => "certificate",
                why if why.contains("proxy") => "proxy",
                _ => "answer",
            };
            return failed(step, &trouble).into();
        }
    };
    let took = knock.took.as_millis();
    let secure = if host.base.scheme() == "https" {
        "certificate trusted, "
    } else {
        ""
    };
    if let Some(stranger) = stranger(&knock) {
        return Seen {
            stranger: true,
            ..failed("answer", &stranger).into()
        };
    }
    let check = match knock.status {
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
    Seen {
        ahead: knock.ahead,
        ..check.into()
    }
}

/// Whether something else answered in the service's place.
fn stranger(knock: &Knock) -> Option<Trouble> {
    if knock.stranger.is_some() {
        return knock.stranger.clone();
    }
    // Gateways in front of the services answer pages too, where they are in trouble.
    (!knock.json && knock.status < 500).then(|| Trouble {
        why: format!(
            "something answered {} in its place, as a captive portal or proxy does: {}",
            knock.status, knock.excerpt
        ),
        cure: PORTAL,
    })
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

    #[test]
    fn what_is_no_service_is_told_from_one() {
        let says = |status, json, stranger: Option<&str>| {
            let knock = Knock {
                status,
                date: None,
                ahead: None,
                stranger: stranger.map(|why| Trouble {
                    why: why.to_owned(),
                    cure: "",
                }),
                json,
                excerpt: "<html>".to_owned(),
                took: Duration::ZERO,
            };
            stranger_says(&knock)
        };
        assert_eq!(says(401, true, None), None);
        assert_eq!(says(503, false, None), None);
        assert_eq!(says(302, true, Some("it")), Some("it".to_owned()));
        let page = says(403, false, None).expect("told");
        assert!(page.contains("captive portal"), "{page}");
    }

    fn stranger_says(knock: &Knock) -> Option<String> {
        stranger(knock).map(|trouble| trouble.why)
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

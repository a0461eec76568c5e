//! Carrying out a mishap: what the struck request gets instead of, or made of, its answer.

use std::sync::Arc;
use std::time::Duration;

use super::clock::{self, SECOND, Ticks};
use super::faults::{FaultKind, RetryAfter, Service, Strike};
use super::host::{self, Host};
use super::http::{Ask, Reply};
use super::tenant::Tenant;
use super::{defender, graph, odata, spoil, steps};

/// How a reply leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As it is.
    Whole,
    /// Not at all, and the connection stays open.
    Never,
    /// Not at all, and the connection closes.
    Closed,
    /// Half of it, then the connection closes.
    Cut,
    /// In small pieces, this long apart.
    Drip(Duration),
}

/// The parameter that counts the redirects still to come.
const HOP: &str = "sim-hop";

/// What an earlier strike means for a request.
pub enum Resumed {
    /// Nothing: the request is a new one.
    New,
    /// It is to be answered now: it has been put off and came back.
    Due,
    /// One more redirect.
    Redirect(Reply),
}

/// Follows what an earlier strike left in the query of a request: redirects still to come, and rows put
/// behind a made-up token. The query becomes what the services are to see.
pub fn resume(host: &Host, ask: &mut Ask, raw_path: &str) -> Resumed {
    let mut resumed = Resumed::New;
    if ask.query.contains(HOP) {
        let (hops, rest): (Vec<_>, Vec<_>) = odata::pairs(&ask.query)
            .into_iter()
            .partition(|(name, _)| name == HOP);
        let hop = hops.first().map(|(_, hop)| hop.clone());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(rest);
        ask.query = query.finish().replace("%24", "$");
        match hop.as_deref() {
            Some("loop") => return Resumed::Redirect(redirect(ask, raw_path, "loop")),
            Some(left) => {
                if let Some(left) = left.parse::<u32>().ok().filter(|left| *left > 0) {
                    let reply = redirect(ask, raw_path, &(left - 1).to_string());
                    return Resumed::Redirect(reply);
                }
                resumed = Resumed::Due;
            }
            None => {}
        }
    }
    if ask.query.contains("held-")
        && let Some(query) = host.faults.held(&ask.query)
    {
        ask.query = query;
        resumed = Resumed::Due;
    }
    resumed
}

/// Answers a request that may be struck.
pub async fn answer(
    host: &Host,
    tenant: &Arc<Tenant>,
    ask: &Ask,
    raw_path: &str,
    strike: Option<&Strike>,
) -> (Reply, Delivery) {
    let Some(Strike { kind, salt }) = strike else {
        return (host::answer(host, tenant, ask).await, Delivery::Whole);
    };
    let whole = |reply| (reply, Delivery::Whole);
    match kind {
        FaultKind::Throttle(after) => whole(throttled(tenant, ask, *after, "Too many requests.")),
        FaultKind::Status(status) => whole(refused(tenant, ask, *status)),
        FaultKind::ExpiredToken => whole(refused(tenant, ask, 401)),
        FaultKind::Challenge => {
            let claims = steps::claims_of(ask).unwrap_or_default();
            let now = tenant.clock.now();
            for who in ["oid", "appid", "azp"] {
                if let Some(id) = claims[who].as_str() {
                    tenant.entra.call_back(id, now);
                    break;
                }
            }
            whole(host::answer(host, tenant, ask).await)
        }
        FaultKind::Gateway(status) => whole(page(
            *status,
            &format!("{status} Service Temporarily Unavailable"),
        )),
        FaultKind::Portal(to) => whole(portal(to.as_deref())),
        FaultKind::Proxy => {
            let mut reply = page(407, "Proxy Authentication Required");
            let realm = "Basic realm=\"proxy.contoso.com\"".to_owned();
            reply.headers.push(("proxy-authenticate", realm));
            whole(reply)
        }
        FaultKind::Aadsts(code) => {
            let now = tenant.clock.now();
            whole(tenant.entra.refuse(ask, *code, now))
        }
        FaultKind::Empty(status) => whole(plain(*status, "text/plain", String::new())),
        FaultKind::Timeout => (plain(0, "text/plain", String::new()), Delivery::Never),
        FaultKind::DropBefore => (plain(0, "text/plain", String::new()), Delivery::Closed),
        FaultKind::Redirects(hops) => {
            whole(redirect(ask, raw_path, &hops.saturating_sub(1).to_string()))
        }
        FaultKind::RedirectLoop => whole(redirect(ask, raw_path, "loop")),
        FaultKind::RedirectTo(origin) => {
            let mut reply = redirect(ask, raw_path, "0");
            let elsewhere = with_query(
                &format!("{}{raw_path}", origin.trim_end_matches('/')),
                &ask.query,
            );
            reply.headers = vec![("location", elsewhere)];
            whole(reply)
        }
        FaultKind::EmptyPage if ask.method == axum::http::Method::GET => {
            let token = host.faults.hold(&ask.query);
            let mut reply = host::answer(host, tenant, ask).await;
            spoil::document(&mut reply.body, |page| {
                if page["value"].is_array() {
                    page["value"] = serde_json::json!([]);
                    page["@odata.nextLink"] =
                        format!("{}{raw_path}?$skiptoken={token}", ask.base).into();
                }
            });
            whole(reply)
        }
        FaultKind::Skew(seconds) => {
            let now = tenant.clock.now() + seconds * SECOND;
            let mut reply = if Service::of(&ask.path) == Service::Entra {
                let answer = clock::at(now, host::services(tenant, ask));
                clock::ahead(*seconds, answer).await
            } else {
                host::answer(host, tenant, ask).await
            };
            reply.headers.push(("date", http_date(now)));
            whole(reply)
        }
        FaultKind::Slow(by) => {
            tokio::select! {
                () = tokio::time::sleep(*by) => {}
                () = host.stopping.cancelled() => {}
            }
            whole(host::answer(host, tenant, ask).await)
        }
        FaultKind::DropAfter => (host::answer(host, tenant, ask).await, Delivery::Closed),
        FaultKind::Cut => (host::answer(host, tenant, ask).await, Delivery::Cut),
        FaultKind::Drip(every) => (
            host::answer(host, tenant, ask).await,
            Delivery::Drip(*every),
        ),
        _ => {
            let mut reply = host::answer(host, tenant, ask).await;
            if reply.status < 300 {
                change(host, tenant, ask, kind, *salt, &mut reply);
            }
            whole(reply)
        }
    }
}

/// Changes the body of a good answer.
fn change(host: &Host, tenant: &Tenant, ask: &Ask, kind: &FaultKind, salt: u64, reply: &mut Reply) {
    let ticks = |span: &Duration| Ticks::try_from(span.as_nanos() / 100).unwrap_or(Ticks::MAX);
    let body = &mut reply.body;
    match kind {
        FaultKind::Garbage => body.truncate(body.len() / 2),
        FaultKind::WrongShape => spoil::wrong_shape(body, salt),
        FaultKind::NotUtf8 => spoil::not_utf8(body),
        FaultKind::BadRow => spoil::bad_row(body),
        FaultKind::Late(by) => {
            let updated = ask.query.to_ascii_lowercase().contains("lastupdate");
            spoil::hide_newer(body, tenant.clock.now() - ticks(by), updated);
        }
        FaultKind::SameTime(step) => spoil::same_time(body, ticks(step)),
        FaultKind::Duplicates => {
            let of = format!("{} {}", tenant.entra.tenant, ask.path);
            spoil::duplicate(body, |last| host.faults.last_row(&of, last), salt);
        }
        FaultKind::Reordered => spoil::reorder(body, salt),
        FaultKind::NextLinkTo(origin) => spoil::next_link_to(body, &ask.base, origin),
        FaultKind::ActionBack => spoil::actions_back(body),
        FaultKind::ActionOrder => spoil::oldest_action_open(body),
        FaultKind::Partial => {
            reply.status = 206;
            let words = "199 - \"Microsoft/Defender/504/30000\"";
            reply.headers.push(("warning", words.into()));
        }
        _ => {}
    }
}

fn plain(status: u16, content_type: &'static str, body: String) -> Reply {
    let mut reply = Reply::json(status, body.into_bytes());
    reply.content_type = content_type;
    reply
}

/// A page of something between the client and the service.
fn page(status: u16, title: &str) -> Reply {
    let html =
        format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
    plain(status, "text/html", html)
}

/// What a network says to whoever has not signed in to it: its page, whatever was asked.
fn portal(to: Option<&str>) -> Reply {
    let Some(to) = to else {
        return page(200, "Welcome to Hotel Contoso Wi-Fi: sign in to go on");
    };
    let mut reply = page(302, "Moved");
    reply.headers.push(("location", format!("{to}/guest")));
    reply
}

fn with_query(address: &str, query: &str) -> String {
    if query.is_empty() {
        address.into()
    } else {
        format!("{address}?{query}")
    }
}

/// A redirect to the same place, with so many more to come.
fn redirect(ask: &Ask, raw_path: &str, hop: &str) -> Reply {
    let mut reply = plain(307, "text/plain", String::new());
    let query = if ask.query.is_empty() {
        format!("{HOP}={hop}")
    } else {
        format!("{}&{HOP}={hop}", ask.query)
    };
    let there = with_query(&format!("{}{raw_path}", ask.base), &query);
    reply.headers.push(("location", there));
    reply
}

/// A moment of tenant time as HTTP writes it.
pub fn http_date(at: Ticks) -> String {
    let seconds = u64::try_from(clock::to_unix(at)).unwrap_or_default();
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// 429 in the words of the service that was asked.
pub fn throttled(tenant: &Tenant, ask: &Ask, after: RetryAfter, message: &str) -> Reply {
    let mut reply = if Service::of(&ask.path) == Service::Defender {
        defender::Refusal::new(429, "TooManyRequests", message).reply(ask)
    } else {
        graph::Refusal::new(429, "TooManyRequests", message).reply(ask, tenant.clock.now())
    };
    match after {
        RetryAfter::Seconds(seconds) => reply.headers.push(("retry-after", seconds.to_string())),
        RetryAfter::Date(seconds) => {
            let at = tenant.clock.now() + seconds as Ticks * SECOND;
            reply.headers.push(("retry-after", http_date(at)));
        }
        RetryAfter::Missing => {}
    }
    reply
}

fn refused(tenant: &Tenant, ask: &Ask, status: u16) -> Reply {
    let (code, message) = match (status, Service::of(&ask.path) == Service::Defender) {
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
    if Service::of(&ask.path) == Service::Defender {
        defender::Refusal::new(status, code, message).reply(ask)
    } else {
        graph::Refusal::new(status, code, message).reply(ask, tenant.clock.now())
    }
}

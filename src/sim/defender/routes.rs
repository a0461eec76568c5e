//! Every path of the endpoint service: who may call it, how often, and what answers.
//!
//! One table. Facts: sections 4, 5.3 and 6 of the endpoint fact sheet.

use super::super::http::Reply;
use super::{Refusal, call::Call, hunting::Service};
use super::{
    actions, alert_write, alerts, indicator_batch, indicators, inventory, investigations, library,
    live, machine_write, machines, pivots,
};

/// A call limit.
#[derive(Debug, PartialEq, Eq)]
pub struct Quota {
    /// What it is called: the limit is counted once for all paths of this name; an empty name is
    /// counted for each path alone.
    pub name: &'static str,
    /// Calls in a minute; 0 is not limited.
    pub minute: u32,
    /// Calls in an hour; 0 is not limited.
    pub hour: u32,
}

const fn quota(name: &'static str, minute: u32, hour: u32) -> Quota {
    Quota { name, minute, hour }
}

const USUAL: Quota = quota("", 100, 1500);
const LIVE_RESPONSE: Quota = quota("live response", 10, 0);
const PACKAGE_URI: Quota = quota("package uri", 2, 120);
const INVESTIGATION: Quota = quota("start investigation", 0, 50);
const BATCH_ALERTS: Quota = quota("batch alert update", 10, 500);
const CREATE_ALERT: Quota = quota("create alert", 15, 0);
const HUNTING: Quota = quota("advanced hunting", 45, 1500);
const IMPORT: Quota = quota("import indicators", 30, 0);
const BATCH_DELETE: Quota = quota("delete indicators", 30, 1500);

/// Whom a path asks for.
#[derive(Debug)]
pub struct Need {
    /// Any of these application roles. What stands for them in a person's token, and which portal role
    /// goes with it, is in the table of permissions of the token service.
    pub roles: &'static [&'static str],
    /// What a person needs instead, where that is something else.
    pub people: &'static [&'static str],
    /// The writing role alone, where the pages rewritten in 2025 list no other.
    pub rewritten: bool,
    /// Whether the refusal is in the older words: both are met in the field.
    pub older_words: bool,
}

const fn read(roles: &'static [&'static str]) -> Need {
    Need {
        roles,
        people: &[],
        rewritten: false,
        older_words: false,
    }
}

const fn write(roles: &'static [&'static str]) -> Need {
    Need {
        roles,
        people: &[],
        rewritten: false,
        older_words: true,
    }
}

const MACHINE_READ: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
const MACHINES: Need = read(MACHINE_READ);
const MACHINE: Need = Need {
    roles: MACHINE_READ,
    people: &[],
    rewritten: true,
    older_words: false,
};
const PACKAGE: Need = Need {
    people: &["Machine.CollectForensics"],
    ..read(MACHINE_READ)
};
const RESULT: Need = Need {
    people: &["Machine.LiveResponse"],
    ..read(MACHINE_READ)
};
const MACHINE_WRITE: Need = write(&["Machine.ReadWrite.All"]);
const ALERT: Need = read(&["Alert.Read.All", "Alert.ReadWrite.All"]);
const ALERT_WRITE: Need = write(&["Alert.ReadWrite.All"]);
const USER: Need = read(&["User.Read.All"]);
const FILE: Need = read(&["File.Read.All"]);
const IP: Need = read(&["Ip.Read.All"]);
const URL: Need = read(&["Url.Read.All"]);
const SOFTWARE: Need = read(&["Software.Read.All"]);
const VULNERABILITY: Need = read(&["Vulnerability.Read.All"]);
const RECOMMENDATION: Need = read(&["SecurityRecommendation.Read.All"]);
const QUERY: Need = read(&["AdvancedQuery.Read.All"]);
const XDR_HUNTING: Need = read(&["AdvancedHunting.Read.All"]);
const TI: Need = write(&["Ti.ReadWrite", "Ti.ReadWrite.All"]);
const TI_READ: Need = read(&["Ti.ReadWrite", "Ti.ReadWrite.All"]);
const LIBRARY: Need = write(&["Library.Manage"]);
const ISOLATE: Need = write(&["Machine.Isolate"]);
const RESTRICT: Need = write(&["Machine.RestrictExecution"]);
const SCAN: Need = write(&["Machine.Scan"]);
const COLLECT: Need = write(&["Machine.CollectForensics"]);
const QUARANTINE: Need = write(&["Machine.StopAndQuarantine"]);
const OFFBOARD: Need = write(&["Machine.Offboard"]);
const LIVE: Need = write(&["Machine.LiveResponse"]);
const CANCEL: Need = write(&[
    "Machine.CollectForensics",
    "Machine.Isolate",
    "Machine.RestrictExecution",
    "Machine.Scan",
    "Machine.Offboard",
    "Machine.StopAndQuarantine",
    "Machine.LiveResponse",
]);

/// Whether a path belongs to vulnerability management, which has a licence of its own.
pub fn is_vulnerability_management(route: &Route) -> bool {
    [&SOFTWARE, &VULNERABILITY, &RECOMMENDATION]
        .iter()
        .any(|need| need.roles == route.need.roles)
}

/// What answers a path at once.
pub type Handler = fn(&Call<'_>) -> Result<Reply, Refusal>;

/// What answers a path.
#[derive(Debug, Clone, Copy)]
pub enum Does {
    /// A function.
    Now(Handler),
    /// The upload of a library file.
    Upload,
    /// An alert from a row of the hunting tables.
    FromRow,
    /// A query, in a service's own shape.
    Query(Service),
}

/// One path.
#[derive(Debug)]
pub struct Route {
    /// Method.
    pub method: &'static str,
    /// Segments in lower case: `{}` takes one, `name(*)` what stands between the brackets.
    pub path: &'static str,
    /// Whom it asks for.
    pub need: &'static Need,
    /// How often it may be called.
    pub quota: &'static Quota,
    /// Whether `/$count` may follow.
    pub counted: bool,
    /// What answers.
    pub does: Does,
}

const fn get(path: &'static str, need: &'static Need, does: Handler) -> Route {
    Route {
        method: "GET",
        path,
        need,
        quota: &USUAL,
        counted: false,
        does: Does::Now(does),
    }
}

const fn post(path: &'static str, need: &'static Need, does: Handler) -> Route {
    Route {
        method: "POST",
        ..get(path, need, does)
    }
}

const fn by(method: &'static str, route: Route) -> Route {
    Route { method, ..route }
}

const fn counted(route: Route) -> Route {
    Route {
        counted: true,
        ..route
    }
}

const fn limited(quota: &'static Quota, route: Route) -> Route {
    Route { quota, ..route }
}

const fn later(path: &'static str, need: &'static Need, does: Does) -> Route {
    Route {
        method: "POST",
        path,
        need,
        quota: &USUAL,
        counted: false,
        does,
    }
}

/// The table. Where two rows fit, the first answers.
pub const ROUTES: &[Route] = &[
    // 6.2 machines
    counted(get("machines", &MACHINES, machines::list)),
    get("machines/findbyip(*)", &MACHINE, machines::find_by_ip),
    get("machines/findbytag", &MACHINE, machines::find_by_tag),
    get("machines/{}", &MACHINE, machines::get),
    get("machines/{}/logonusers", &USER, machines::logon_users),
    counted(get("machines/{}/alerts", &ALERT, alerts::of_machine)),
    counted(get("machines/{}/software", &SOFTWARE, inventory::software)),
    counted(get(
        "machines/{}/vulnerabilities",
        &VULNERABILITY,
        inventory::vulnerabilities,
    )),
    counted(get(
        "machines/{}/recommendations",
        &RECOMMENDATION,
        inventory::recommendations,
    )),
    counted(get(
        "machines/{}/getmissingkbs",
        &SOFTWARE,
        inventory::missing_kbs,
    )),
    post(
        "machines/addorremovetagformultiplemachines",
        &MACHINE_WRITE,
        machine_write::tag_many,
    ),
    post("machines/{}/tags", &MACHINE_WRITE, machine_write::tag),
    post(
        "machines/{}/setdevicevalue",
        &MACHINE_WRITE,
        machine_write::set_value,
    ),
    by(
        "PATCH",
        post("machines/{}", &MACHINE_WRITE, machine_write::patch),
    ),
    // 6.1 response actions
    post("machines/{}/isolate", &ISOLATE, actions::start),
    post("machines/{}/unisolate", &ISOLATE, actions::start),
    post(
        "machines/{}/restrictcodeexecution",
        &RESTRICT,
        actions::start,
    ),
    post(
        "machines/{}/unrestrictcodeexecution",
        &RESTRICT,
        actions::start,
    ),
    post("machines/{}/runantivirusscan", &SCAN, actions::start),
    post(
        "machines/{}/collectinvestigationpackage",
        &COLLECT,
        actions::start,
    ),
    post(
        "machines/{}/stopandquarantinefile",
        &QUARANTINE,
        actions::start,
    ),
    post("machines/{}/offboard", &OFFBOARD, actions::start),
    limited(
        &LIVE_RESPONSE,
        post("machines/{}/runliveresponse", &LIVE, actions::start),
    ),
    limited(
        &INVESTIGATION,
        post(
            "machines/{}/startinvestigation",
            &ALERT_WRITE,
            investigations::start,
        ),
    ),
    counted(get("machineactions", &MACHINE, actions::list)),
    get("machineactions/{}", &MACHINE, actions::get),
    post("machineactions/{}/cancel", &CANCEL, actions::cancel),
    limited(
        &PACKAGE_URI,
        get(
            "machineactions/{}/getpackageuri",
            &PACKAGE,
            actions::package_uri,
        ),
    ),
    get(
        "machineactions/{}/getliveresponseresultdownloadlink(*)",
        &RESULT,
        live::result_link,
    ),
    // 6.3 alerts and investigations
    counted(get("alerts", &ALERT, alerts::list)),
    limited(
        &BATCH_ALERTS,
        post("alerts/batchupdate", &ALERT_WRITE, alert_write::batch),
    ),
    limited(
        &CREATE_ALERT,
        later("alerts/createalertbyreference", &ALERT_WRITE, Does::FromRow),
    ),
    get("alerts/{}", &ALERT, alerts::get),
    by("PATCH", post("alerts/{}", &ALERT_WRITE, alert_write::patch)),
    get("alerts/{}/machine", &MACHINE, alerts::machine),
    get("alerts/{}/user", &USER, alerts::user),
    get("alerts/{}/files", &FILE, alerts::files),
    get("alerts/{}/ips", &IP, alerts::ips),
    get("alerts/{}/domains", &URL, alerts::domains),
    counted(get("investigations", &ALERT, investigations::list)),
    get("investigations/{}", &ALERT, investigations::get),
    // 6.4 indicators
    counted(get("indicators", &TI_READ, indicators::list)),
    post("indicators", &TI, indicators::submit),
    limited(
        &IMPORT,
        post("indicators/import", &TI, indicator_batch::import),
    ),
    limited(
        &BATCH_DELETE,
        post("indicators/batchdelete", &TI, indicator_batch::delete),
    ),
    by("DELETE", post("indicators/{}", &TI, indicators::delete)),
    // 6.5 library
    get("libraryfiles", &LIBRARY, library::list),
    later("libraryfiles", &LIBRARY, Does::Upload),
    by("DELETE", post("libraryfiles/{}", &LIBRARY, library::delete)),
    // 6.6 hunting
    limited(
        &HUNTING,
        later(
            "advancedqueries/run",
            &QUERY,
            Does::Query(Service::Endpoint),
        ),
    ),
    limited(
        &HUNTING,
        later(
            "advancedhunting/run",
            &XDR_HUNTING,
            Does::Query(Service::Xdr),
        ),
    ),
    // 11 statistics and pivots
    get("files/{}", &FILE, pivots::file),
    get("files/{}/stats", &FILE, pivots::file_stats),
    counted(get("files/{}/machines", &MACHINES, pivots::file_machines)),
    counted(get("files/{}/alerts", &ALERT, pivots::file_alerts)),
    get("domains/{}/stats", &URL, pivots::domain_stats),
    counted(get(
        "domains/{}/machines",
        &MACHINES,
        pivots::domain_machines,
    )),
    counted(get("domains/{}/alerts", &ALERT, pivots::domain_alerts)),
    get("ips/{}/stats", &IP, pivots::ip_stats),
    counted(get("ips/{}/alerts", &ALERT, pivots::ip_alerts)),
    counted(get("users/{}/machines", &MACHINE, pivots::user_machines)),
    counted(get("users/{}/alerts", &ALERT, pivots::user_alerts)),
];

/// A route, and what stands in its gaps.
#[derive(Debug)]
pub struct Found<'a> {
    /// The route.
    pub route: &'static Route,
    /// What stands in its gaps.
    pub args: Vec<&'a str>,
    /// Whether `/$count` follows.
    pub counting: bool,
}

/// The segments of a path below `/api`, without the version.
pub fn segments(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).skip(1).collect();
    if parts
        .first()
        .is_some_and(|p| p.eq_ignore_ascii_case("v1.0"))
    {
        parts.remove(0);
    }
    parts
}

/// The route of a request. The error says whether the path is served by another method.
pub fn find<'a>(method: &str, parts: &[&'a str]) -> Result<Found<'a>, bool> {
    let (parts, counting) = match parts.split_last() {
        Some((last, rest)) if last.eq_ignore_ascii_case("$count") => (rest, true),
        _ => (parts, false),
    };
    let mut other = false;
    for route in ROUTES {
        if let Some(args) = fits(route.path, parts)
            && (route.counted || !counting)
        {
            if route.method == method {
                return Ok(Found {
                    route,
                    args,
                    counting,
                });
            }
            // `machines/tags` is no machine of that name to be asked by another method.
            other = true;
        }
    }
    Err(other)
}

fn fits<'a>(pattern: &str, parts: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut args = Vec::new();
    let mut rest = parts.iter();
    for expected in pattern.split('/') {
        let part = rest.next()?;
        if expected == "{}" {
            args.push(*part);
        } else if let Some(name) = expected.strip_suffix("(*)") {
            let (function, inner) = part.split_once('(')?;
            if !function.eq_ignore_ascii_case(name) {
                return None;
            }
            args.push(inner.strip_suffix(')')?);
        } else if !expected.eq_ignore_ascii_case(part) {
            return None;
        }
    }
    rest.next().is_none().then_some(args)
}

/// The limit a request counts against, and under which name; `None` for what nobody serves.
pub fn quota_of(method: &str, path: &str) -> Option<(&'static str, &'static Quota)> {
    let route = find(method, &segments(path)).ok()?.route;
    let name = if route.quota.name.is_empty() {
        route.path
    } else {
        route.quota.name
    };
    Some((name, route.quota))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_route_whatever_their_case() {
        let route = |method: &str, path: &str| {
            find(method, &segments(path)).map(|f| (f.route.path, f.args.join("|"), f.counting))
        };
        assert_eq!(
            route("POST", "/api/v1.0/machines/A1/runAntiVirusScan"),
            Ok(("machines/{}/runantivirusscan", "A1".into(), false))
        );
        assert_eq!(
            route("GET", "/api/machines/a/alerts/$count"),
            Ok(("machines/{}/alerts", "a".into(), true))
        );
        assert_eq!(
            route(
                "GET",
                "/api/machines/FindByIp(ip='10.0.0.1',timestamp=2026-01-01T00:00:00Z)"
            ),
            Ok((
                "machines/findbyip(*)",
                "ip='10.0.0.1',timestamp=2026-01-01T00:00:00Z".into(),
                false
            ))
        );
        assert_eq!(route("DELETE", "/api/machines/a"), Err(true));
        assert_eq!(route("GET", "/api/nothing"), Err(false));
        assert_eq!(route("GET", "/api/machines/a/$count"), Err(false));
    }

    #[test]
    fn the_narrow_limits_are_named() {
        let quota = |m: &str, p: &str| quota_of(m, p).map(|(n, q)| (n, q.minute, q.hour));
        assert_eq!(
            quota("GET", "/api/machineactions/x/getPackageUri"),
            Some(("package uri", 2, 120))
        );
        assert_eq!(
            quota("POST", "/api/machines/x/startInvestigation"),
            Some(("start investigation", 0, 50))
        );
        assert_eq!(quota("GET", "/api/machines"), Some(("machines", 100, 1500)));
        assert_eq!(quota("GET", "/api/none"), None);
    }
}

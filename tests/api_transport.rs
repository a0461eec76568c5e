//! The one way out, against a scripted service: tokens, waiting, sending again, refusing.

#[path = "support/script.rs"]
mod script;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use nightjar::api::{
    ActionFilter, ApiErrorKind, HuntRequest, IncidentPatch, IsolationType, ListQuery,
    MachineFilter, Priority, Quota, Reached,
};
use nightjar::config::SecretSource;
use nightjar::domain::{EvidenceKind, IncidentStatus, MachineId, Severity};
use script::{DEFENDER, GRAPH, Reply, Request, Service, clients, json, jwt, profile, token};
use tokio_util::sync::CancellationToken;

const INCIDENTS: &str = "/v1.0/security/incidents";
const ALERTS: &str = "/v1.0/security/alerts_v2";
const ISOLATE: &str = "/api/machines/m1/isolate";
const HUNT: &str = "/v1.0/security/runHuntingQuery";

fn empty() -> Reply {
    json(200, r#"{"value":[]}"#)
}

fn not_here() -> Reply {
    json(404, r#"{"error":{"code":"NotFound","message":"not here"}}"#)
}

fn graph_error(status: u16, message: &str) -> Reply {
    json(
        status,
        serde_json::json!({"error": {"code": "X", "message": message, "innerError": {"request-id": "req-1"}}}),
    )
}

fn retry_after(value: String) -> Reply {
    Reply::Answer(429, vec![("retry-after", value)], String::new())
}

fn machine() -> MachineId {
    MachineId::new("m1")
}

fn query() -> ListQuery {
    ListQuery::default()
}

#[tokio::test]
async fn every_request_says_who_asks_and_what_it_takes() {
    let service = Service::start(|request, _| {
        if request.is("POST", HUNT) {
            return json(200, r#"{"schema":[],"results":[]}"#);
        }
        if request.is("GET", INCIDENTS) {
            return empty();
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect("a page");
    let hunt = HuntRequest {
        query: "DeviceInfo | where DeviceName has 'müller'".to_owned(),
        timespan: Some("P7D".to_owned()),
    };
    graph
        .hunt(&hunt, CancellationToken::new())
        .await
        .expect("a result");
    let requests = service.requests();
    let ids: Vec<_> = requests
        .iter()
        .map(|it| it.header("client-request-id").to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.len() == 36), "{ids:?}");
    for request in &requests {
        assert_eq!(request.header("prefer"), "include-unknown-enum-members");
        assert_eq!(request.header("accept"), "application/json");
        assert!(request.header("authorization").starts_with("Bearer "));
    }
    assert_eq!(
        requests[1].header("content-type"),
        "application/json; charset=utf-8"
    );
    assert_eq!(
        requests[1].body,
        r#"{"Query":"DeviceInfo | where DeviceName has 'müller'","Timespan":"P7D"}"#
    );
    let asked = &service.token_requests()[0].body;
    assert!(asked.contains("grant_type=client_credentials"), "{asked}");
    assert!(
        asked.contains("scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_token_is_used_until_it_is_due_and_one_is_asked_for_at_a_time() {
    let service = Service::start(|request, before| {
        if request.target.ends_with("/token") {
            // The first one is due as soon as it is there.
            return token(&jwt(GRAPH, &[]), if before == 0 { 0 } else { 3600 });
        }
        empty()
    })
    .await;
    let (graph, _) = service.clients();
    graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect("a page");
    let list = query();
    let asks = (0..12).map(|_| graph.incidents(&list, Priority::Background));
    for page in futures_util::future::join_all(asks).await {
        page.expect("a page");
    }
    assert_eq!(service.requests().len(), 13);
    assert_eq!(service.token_requests().len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let service = Service::start(|request, before| {
        if request.is("GET", INCIDENTS) {
            return if before == 0 {
                graph_error(401, "Lifetime validation failed, the token is expired.")
            } else {
                empty()
            };
        }
        if request.is("GET", ALERTS) {
            return graph_error(401, "Access token validation failure.");
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect("after a new token");
    assert_eq!(service.token_requests().len(), 2);
    let error = graph
        .alerts(&query(), Priority::Interactive)
        .await
        .expect_err("refused twice");
    assert_eq!(error.kind, ApiErrorKind::SignIn);
    assert_eq!(error.request_id.as_deref(), Some("req-1"));
    assert!(!error.advice.is_empty());
    assert_eq!(service.token_requests().len(), 3);
    let asked = service.requests();
    assert_eq!(asked.iter().filter(|it| it.is("GET", ALERTS)).count(), 2);
}

/// What a service demands of the next token, and its base64.
const DEMAND: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1755590400"}}}"#;

fn challenge() -> Reply {
    let demand = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, DEMAND);
    let header = format!(r#"Bearer realm="", error="insufficient_claims", claims="{demand}""#);
    Reply::Answer(401, vec![("www-authenticate", header)], String::new())
}

#[tokio::test]
async fn a_claims_challenge_is_answered_once_with_a_token_that_meets_it() {
    let service = Service::start(|request, before| {
        if request.is("POST", ISOLATE) && before == 0 {
            return challenge();
        }
        json(201, r#"{"id":"a1","type":"Isolate","status":"Pending"}"#)
    })
    .await;
    let (_, defender) = service.clients();
    defender
        .isolate(&machine(), IsolationType::Full, "why")
        .await
        .expect("sent again");
    assert_eq!(service.requests().len(), 2);
    let asked = service.token_requests();
    assert_eq!(asked.len(), 2);
    assert!(!asked[0].body.contains("nbf"), "{}", asked[0].body);
    assert!(asked[1].body.contains("claims=") && asked[1].body.contains("nbf"));
}

#[tokio::test]
async fn a_challenge_that_is_not_met_is_told_and_not_asked_again() {
    let service = Service::start(|_, _| challenge()).await;
    let (graph, _) = service.clients();
    let error = graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect_err("challenged");
    assert_eq!(error.kind, ApiErrorKind::SignIn);
    assert!(error.advice.contains("claims challenge"), "{error:?}");
    assert_eq!(service.requests().len(), 2);
    assert_eq!(service.token_requests().len(), 2);
}

#[tokio::test]
async fn a_clock_that_is_off_is_named_where_a_token_is_refused() {
    let service = Service::start(|_, _| {
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        let body = r#"{"error":{"code":"InvalidAuthenticationToken","message":"no"}}"#;
        let date = httpdate::fmt_http_date(ahead);
        Reply::Answer(401, vec![("date", date)], body.to_owned())
    })
    .await;
    let (graph, _) = service.clients();
    let error = graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect_err("refused");
    assert_eq!(error.kind, ApiErrorKind::SignIn);
    assert!(
        error.advice.contains("clock is 60 minutes behind"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_claims_challenge_without_a_demand_is_not_answered_with_another_token() {
    let service = Service::start(|request, _| {
        if request.is("GET", INCIDENTS) {
            let challenge = r#"Bearer realm="", error="insufficient_claims", claims="eyJ9""#;
            return Reply::Answer(
                401,
                vec![("www-authenticate", challenge.to_owned())],
                String::new(),
            );
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    let error = graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect_err("challenged");
    assert_eq!(error.kind, ApiErrorKind::SignIn);
    assert!(
        error.advice.contains("claims challenge"),
        "{}",
        error.advice
    );
    assert_eq!(service.requests().len(), 1);
    assert_eq!(service.token_requests().len(), 1);
}

#[tokio::test]
async fn without_a_secret_nothing_is_sent_and_the_cure_is_named() {
    let service = Service::start(|_, _| empty()).await;
    let mut own = service.profile();
    own.client_secret = Some(SecretSource::Env("NIGHTJAR_TEST_NO_SUCH_SECRET".to_owned()));
    let (graph, _) = clients(&own);
    let error = graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect_err("no secret");
    assert_eq!(error.kind, ApiErrorKind::SignIn);
    assert!(
        error
            .message
            .contains("NIGHTJAR_TEST_NO_SUCH_SECRET is not set"),
        "{error}"
    );
    assert!(service.requests().is_empty() && service.token_requests().is_empty());
}

#[tokio::test]
async fn a_wait_the_service_asks_for_is_kept_by_everybody_in_both_forms() {
    for date in [false, true] {
        let service = Service::start(move |request, before| {
            if request.is("GET", INCIDENTS) && before == 0 {
                return retry_after(if date {
                    // Dates know whole seconds: this is one to two seconds ahead.
                    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2))
                } else {
                    "1".to_owned()
                });
            }
            empty()
        })
        .await;
        let (graph, defender) = service.clients();
        let first = {
            let graph = graph.clone();
            tokio::spawn(async move { graph.incidents(&query(), Priority::Background).await })
        };
        let mut news = graph.transport().budgets();
        let told = news.wait_for(|it| {
            it.cool_down(Quota::GraphSecurity, Timestamp::now())
                .is_some()
        });
        let told = tokio::time::timeout(Duration::from_secs(20), told).await;
        drop(told.expect("told").expect("the ledger lives"));
        graph
            .alerts(&query(), Priority::Interactive)
            .await
            .expect("after the wait");
        defender
            .actions(&ActionFilter::default(), Priority::Interactive)
            .await
            .expect("another quota does not wait");
        first.await.expect("no panic").expect("sent again");
        let requests = service.requests();
        let refused = &requests[0];
        for later in requests
            .iter()
            .filter(|it| it.target.starts_with("/v1.0"))
            .skip(1)
        {
            let waited = later.at - refused.at;
            assert!(waited >= Duration::from_millis(900), "{date} {waited:?}");
        }
    }
}

#[tokio::test]
async fn a_long_wait_is_told_at_once_and_nothing_more_is_sent() {
    let service = Service::start(|request, _| {
        if request.is("GET", INCIDENTS) {
            return retry_after("300".to_owned());
        }
        empty()
    })
    .await;
    let (graph, _) = service.clients();
    for _ in 0..3 {
        let error = graph
            .incidents(&query(), Priority::Background)
            .await
            .expect_err("throttled");
        let at = error.retry_at().expect("a time");
        let wait = at.duration_since(Timestamp::now()).as_secs();
        assert!((280..=300).contains(&wait), "{wait}");
    }
    let error = graph
        .update_incident(&"1".into(), &IncidentPatch::default())
        .await
        .expect_err("the same quota");
    assert_eq!(error.reached, Reached::No);
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn a_person_goes_before_polls_that_asked_earlier() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    let service = Service::start(move |request: &Request, _| {
        // Polls hang until the test lets go: they hold their places.
        if request.target.contains("alerts_v2") && !gate.load(Ordering::SeqCst) {
            return Reply::Hang;
        }
        if request.is("GET", "/v1.0/security/incidents/1") {
            return json(200, r#"{"id":"1"}"#);
        }
        empty()
    })
    .await;
    let (graph, _) = service.clients();
    let polls: Vec<_> = (0..20)
        .map(|_| {
            let graph = graph.clone();
            tokio::spawn(async move { graph.alerts(&query(), Priority::Background).await })
        })
        .collect();
    service
        .until("polls hold their places", |requests| requests.len() >= 4)
        .await;
    let id = "1".into();
    let asked = graph.incident(&id, false, Priority::Interactive);
    tokio::time::timeout(Duration::from_secs(10), asked)
        .await
        .expect("no waiting behind polls")
        .expect("an incident");
    assert!(service.requests().len() < 20, "some polls still wait");
    open.store(true, Ordering::SeqCst);
    for poll in polls {
        poll.abort();
    }
}

#[tokio::test]
async fn a_write_that_may_have_arrived_is_never_sent_again() {
    type Case = (&'static str, fn() -> Reply);
    let cases: [Case; 4] = [
        ("dropped", || Reply::Drop),
        ("cut", || Reply::Cut(201, r#"{"id":"a1","#.to_owned())),
        ("troubled", || graph_error(503, "busy")),
        ("not understood", || json(201, "[]")),
    ];
    for (name, reply) in cases {
        let service = Service::start(move |request, _| {
            if request.is("POST", ISOLATE) {
                return reply();
            }
            not_here()
        })
        .await;
        let (_, defender) = service.clients();
        let error = defender
            .isolate(&machine(), IsolationType::Full, "why")
            .await
            .expect_err(name);
        assert_eq!(error.reached, Reached::Maybe, "{name}: {error:?}");
        assert_eq!(service.requests().len(), 1, "{name}");
        assert_eq!(
            service.requests()[0].body,
            r#"{"Comment":"why","IsolationType":"Full"}"#
        );
    }
}

#[tokio::test]
async fn a_write_surely_not_carried_out_is_sent_again() {
    let service = Service::start(|request, before| {
        if request.is("POST", ISOLATE) {
            return match before {
                0 => retry_after("0".to_owned()),
                1 => graph_error(401, "expired"),
                _ => json(201, r#"{"id":"a1","type":"Isolate","status":"Pending"}"#),
            };
        }
        not_here()
    })
    .await;
    let (_, defender) = service.clients();
    let action = defender
        .isolate(&machine(), IsolationType::Selective, "why")
        .await
        .expect("accepted");
    assert_eq!(action.value.id.as_str(), "a1");
    assert_eq!(service.requests().len(), 3);
}

#[tokio::test]
async fn a_refused_write_says_so_for_certain() {
    let service = Service::start(|request, _| {
        if request.is("POST", ISOLATE) {
            return json(
                400,
                r#"{"error":{"code":"ActiveRequestAlreadyExists","message":"Action is already in progress","target":"corr-7"}}"#,
            );
        }
        not_here()
    })
    .await;
    let (_, defender) = service.clients();
    let error = defender
        .isolate(&machine(), IsolationType::Full, "why")
        .await
        .expect_err("refused");
    assert_eq!(error.kind, ApiErrorKind::Conflict);
    assert_eq!(error.reached, Reached::Yes);
    assert_eq!(error.request_id.as_deref(), Some("corr-7"));
    assert_eq!(
        error.to_string(),
        "Action is already in progress (400 ActiveRequestAlreadyExists)"
    );
}

#[tokio::test]
async fn reads_come_back_from_broken_connections() {
    let service = Service::start(|request, before| {
        if request.is("GET", INCIDENTS) {
            return match before {
                0 => Reply::Drop,
                1 => Reply::Cut(200, r#"{"value":["#.to_owned()),
                _ => empty(),
            };
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    graph
        .incidents(&query(), Priority::Background)
        .await
        .expect("the third time");
    assert_eq!(service.requests().len(), 3);
}

#[tokio::test]
async fn nobody_there_is_offline_and_nothing_was_done() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let closed = format!("http://{}", listener.local_addr().expect("bound"));
    let service = Service::start(|_, _| not_here()).await;
    drop(listener);
    let mut own = profile(&service.base);
    own.defender_url = Some(closed);
    let (_, defender) = clients(&own);
    let error = defender
        .isolate(&machine(), IsolationType::Full, "why")
        .await
        .expect_err("nobody");
    assert_eq!(error.kind, ApiErrorKind::Offline);
    assert_eq!(error.reached, Reached::No);
}

#[tokio::test]
async fn a_next_link_to_another_host_is_not_followed() {
    let foreign = Service::start(|_, _| empty()).await;
    let link = format!("{}/v1.0/security/incidents?$skiptoken=x", foreign.base);
    let service = Service::start(move |request, _| {
        if request.is("GET", INCIDENTS) {
            return json(
                200,
                serde_json::json!({"value": [{"id": "1"}], "@odata.nextLink": link}),
            );
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    let error = graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect_err("refused");
    assert_eq!(error.kind, ApiErrorKind::Decode);
    assert!(error.message.contains("leads to another host"), "{error}");
    assert!(foreign.requests().is_empty());
}

#[tokio::test]
async fn next_links_are_followed_as_they_stand_and_circles_end() {
    let service = Service::start(|request, _| {
        let base = format!("http://{}", request.header("host"));
        let next = |to: &str| format!("{base}{INCIDENTS}?{to}");
        let page = |id: &str, next: String| {
            json(
                200,
                serde_json::json!({"value": [{"id": id}], "@odata.nextLink": next}),
            )
        };
        match request.target.split_once('?').map(|(_, query)| query) {
            Some("$skiptoken=a%27b%2B") => page("2", next("$skiptoken=c")),
            Some("$skiptoken=c") => page("3", next("$skiptoken=a%27b%2B")),
            _ if request.is("GET", INCIDENTS) => page("1", next("$skiptoken=a%27b%2B")),
            _ => not_here(),
        }
    })
    .await;
    let (graph, _) = service.clients();
    let first = graph
        .raw_incidents(&query(), Priority::Background)
        .await
        .expect("first");
    let second = graph
        .next_incidents(first.next.as_ref().expect("more"), Priority::Background)
        .await
        .expect("second");
    assert_eq!(second.rows[0].value.id.as_str(), "2");
    let error = graph
        .next_incidents(second.next.as_ref().expect("more"), Priority::Background)
        .await
        .expect_err("a circle");
    assert!(error.message.contains("already read"), "{error}");
}

#[tokio::test]
async fn the_page_size_bows_to_the_service_once() {
    let service = Service::start(|request, _| {
        if request.is("GET", INCIDENTS) {
            return if request.target.contains("$top=20") {
                empty()
            } else {
                json(
                    400,
                    r#"{"error":{"code":"","message":"The limit of '20' for Top query has been exceeded. The value from the incoming request is '50'."}}"#,
                )
            };
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    for _ in 0..2 {
        graph
            .incidents(&query(), Priority::Background)
            .await
            .expect("a page");
    }
    assert_eq!(service.requests().len(), 3);
}

#[tokio::test]
async fn a_gateways_page_is_shown_short_and_safe() {
    let service = Service::start(|request, _| {
        if request.is("PATCH", "/v1.0/security/incidents/7") {
            return Reply::Answer(
                502,
                vec![("content-type", "text/html".to_owned())],
                format!("<html>\r\n<h1>502 \u{1b}[31mBad</h1>{}", "x".repeat(5000)),
            );
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    let patch = IncidentPatch {
        status: Some(IncidentStatus::Resolved),
        ..IncidentPatch::default()
    };
    let error = graph
        .update_incident(&"7".into(), &patch)
        .await
        .expect_err("a gateway");
    assert_eq!(error.kind, ApiErrorKind::Service);
    assert_eq!(error.reached, Reached::Maybe);
    let text = error.to_string();
    assert!(
        text.starts_with(
            "Bad Gateway, and not in the service's words: <html> <h1>502 ⟪U+001B⟫[31mBad</h1>xx"
        ),
        "{text}"
    );
    assert!(text.len() < 450, "{text}");
    assert!(error.client_request_id.is_some());
    assert_eq!(service.requests()[0].body, r#"{"status":"resolved"}"#);
}

#[tokio::test]
async fn what_is_not_known_yet_is_kept() {
    let body = r##"{"value":[
        {"id":"1","severity":"apocalyptic","brandNew":{"a":1},"incidentId":"9",
         "evidence":[{"@odata.type":"#microsoft.graph.security.quantumLinkEvidence","linkLabel":"q"}]},
        {"severity":"high"},
        {"id":"2","title":7,"evidence":"none","lastUpdateDateTime":"soon"}
    ]}"##;
    let service = Service::start(move |request, _| {
        if request.is("GET", ALERTS) {
            return Reply::Answer(
                206,
                vec![("warning", "199 - \"Microsoft/MDI/504/10000\"".to_owned())],
                body.to_owned(),
            );
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    let page = graph
        .alerts(&query(), Priority::Interactive)
        .await
        .expect("a page");
    assert_eq!(
        page.partial.as_deref(),
        Some("199 - \"Microsoft/MDI/504/10000\"")
    );
    assert_eq!((page.rows.len(), page.bad.len()), (2, 1));
    let first = &page.rows[0];
    assert_eq!(
        first.value.severity,
        Some(Severity::Other("apocalyptic".into()))
    );
    assert_eq!(
        first.value.evidence[0].kind,
        EvidenceKind::Other("quantumLink".into())
    );
    assert!(first.json.get().contains("brandNew"));
    assert_eq!(page.bad[0].json, r#"{"severity":"high"}"#);
}

#[tokio::test]
async fn a_refusal_of_permission_names_the_cure() {
    let wrong = "Missing application roles. API required roles: Machine.Isolate, application roles: Incident.Read.All.";
    let cases = [
        (
            "https://api.security.microsoft.com",
            &["Incident.Read.All"][..],
            "set defender_audience to https://api.securitycenter.microsoft.com",
        ),
        (
            DEFENDER,
            &["Machine.Read.All"][..],
            "the token lacks Machine.Isolate",
        ),
        // It does not see what the token carries, with neither audience.
        (DEFENDER, &["Machine.Isolate"][..], "were both refused"),
    ];
    for (aud, roles, expected) in cases {
        let service = Service::start(move |request, _| {
            if request.target.ends_with("/token") {
                return token(&jwt(aud, roles), 3600);
            }
            json(
                403,
                serde_json::json!({"error": {"code": "Forbidden", "message": wrong}}),
            )
        })
        .await;
        let (_, defender) = service.clients();
        let error = defender
            .isolate(&machine(), IsolationType::Full, "why")
            .await
            .expect_err("forbidden");
        assert_eq!(error.kind, ApiErrorKind::Forbidden);
        assert!(error.advice.contains(expected), "{}", error.advice);
    }
}

#[tokio::test]
async fn an_answer_too_large_is_dropped_and_said() {
    let service = Service::start(|request, _| {
        if request.is("GET", "/api/machines/m1") {
            return json(200, " ".repeat(65 << 20));
        }
        not_here()
    })
    .await;
    let (_, defender) = service.clients();
    let error = defender
        .machine(&machine(), Priority::Interactive)
        .await
        .expect_err("too large");
    assert_eq!(error.kind, ApiErrorKind::Decode);
    assert!(error.message.contains("larger than 64 MB"), "{error}");
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn an_incident_the_service_cannot_expand_gets_its_alerts_listed() {
    let service = Service::start(|request, _| {
        if request.is("GET", "/v1.0/security/incidents/7") {
            return if request.target.contains("$expand") {
                graph_error(500, "")
            } else {
                json(
                    200,
                    r#"{"id":"7","createdDateTime":"2026-08-19T07:02:11Z"}"#,
                )
            };
        }
        if request.is("GET", ALERTS) {
            return json(
                200,
                r#"{"value":[{"id":"a","incidentId":"7"},{"id":"b","incidentId":"8"}]}"#,
            );
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    let found = graph
        .incident(&"7".into(), true, Priority::Interactive)
        .await
        .expect("both ways");
    let alerts = found.alerts.expect("asked for");
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].value.id.as_str(), "a");
}

#[tokio::test]
async fn a_hunt_can_be_cancelled_and_its_quotas_are_read() {
    let service = Service::start(|request, before| {
        if request.is("POST", HUNT) {
            return if before == 0 {
                Reply::Hang
            } else {
                graph_error(
                    429,
                    "You have exceeded processing resources allocated to this tenant. You can run queries again in 12 minutes.",
                )
            };
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    let hunt = HuntRequest {
        query: "x".to_owned(),
        timespan: None,
    };
    let cancel = CancellationToken::new();
    let running = {
        let (graph, hunt, cancel) = (graph.clone(), hunt.clone(), cancel.clone());
        tokio::spawn(async move { graph.hunt(&hunt, cancel).await })
    };
    service
        .until("the hunt is sent", |requests| !requests.is_empty())
        .await;
    cancel.cancel();
    let error = running.await.expect("no panic").expect_err("cancelled");
    assert_eq!(error.kind, ApiErrorKind::Cancelled);
    let error = graph
        .hunt(&hunt, CancellationToken::new())
        .await
        .expect_err("refused");
    let wait = error
        .retry_at()
        .expect("a time")
        .duration_since(Timestamp::now());
    assert!((700..=720).contains(&wait.as_secs()), "{wait}");
    assert!(
        error.advice.contains("processing budget"),
        "{}",
        error.advice
    );
    assert_eq!(graph.transport().budgets_now().hunts_used, 2);
}

#[tokio::test]
async fn no_machines_is_an_empty_list() {
    let service = Service::start(|_, _| not_here()).await;
    let (_, defender) = service.clients();
    let machines = defender
        .machines(&MachineFilter::default(), Priority::Interactive)
        .await
        .expect("none");
    assert!(machines.is_empty());
}

#[tokio::test]
async fn errors_hold_no_secret() {
    let service = Service::start(|request, _| {
        if request.target.ends_with("/token") {
            return json(
                401,
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}"#,
            );
        }
        not_here()
    })
    .await;
    let (graph, _) = service.clients();
    let error = graph
        .incidents(&query(), Priority::Interactive)
        .await
        .expect_err("refused");
    assert_eq!(&*error.code, "AADSTS7000215");
    assert!(
        error.advice.contains("value, not its id"),
        "{}",
        error.advice
    );
    assert!(!format!("{error:?} {error}").contains("s3cret"));
    assert!(!format!("{:?}", service.profile()).contains("s3cret"));
}

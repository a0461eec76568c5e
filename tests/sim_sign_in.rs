//! What becomes of people and applications after they signed in to the simulated tenant, and what they may be
//! given: sessions ended, tokens called back, consent, managed identities. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use nightjar::sim::{Quirks, Sim, SimConfig, SimHandle, fault};
use reqwest::Method;
use serde_json::{Value, json};
use support::{DEFENDER, GRAPH, Wire, claims, http, quiet, text};

const READER: &str = "noor.devries@contoso.com";
const ADMIN: &str = "ines.castro@contoso.com";
const CP1: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

fn small() -> SimConfig {
    SimConfig {
        incidents: 4,
        alerts: 8,
        machines: 4,
        ..quiet()
    }
}

fn with_quirks(all: &[&str]) -> SimConfig {
    let mut quirks = Quirks::default();
    for quirk in all {
        quirks.set(quirk).expect("a quirk");
    }
    SimConfig { quirks, ..small() }
}

/// Asks the token endpoint of a path segment; `client_id` is the first application's unless given.
async fn token(sim: &SimHandle, segment: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let mut form = form.to_vec();
    if !form.iter().any(|(name, _)| *name == "client_id") {
        form.push(("client_id", sim.client_id()));
    }
    let url = format!("{}/{segment}/oauth2/v2.0/token", sim.base_url());
    let answer = http().post(url).form(&form).send().await.expect("sent");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

async fn sign_in(sim: &SimHandle, who: &str, more: &[(&str, &str)]) -> (u16, Value) {
    let scope = format!("{GRAPH}/.default offline_access");
    let mut form = vec![
        ("grant_type", "password"),
        ("username", who),
        ("password", sim.password()),
    ];
    if !more.iter().any(|(name, _)| *name == "scope") {
        form.push(("scope", &scope));
    }
    form.extend(more);
    token(sim, sim.tenant_id(), &form).await
}

async fn renew(sim: &SimHandle, body: &Value, more: &[(&str, &str)]) -> (u16, Value) {
    let mut form = vec![
        ("grant_type", "refresh_token"),
        ("refresh_token", text(body, "refresh_token")),
    ];
    form.extend(more);
    token(sim, sim.tenant_id(), &form).await
}

async fn application(
    sim: &SimHandle,
    segment: &str,
    aud: &str,
    more: &[(&str, &str)],
) -> (u16, Value) {
    let scope = format!("{aud}/.default");
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_secret", sim.client_secret()),
        ("scope", &scope),
    ];
    form.extend(more);
    token(sim, segment, &form).await
}

/// Status and challenge of a read with this token.
async fn read(sim: &SimHandle, body: &Value, path: &str) -> (u16, String) {
    let answer = http()
        .get(format!("{}{path}", sim.base_url()))
        .bearer_auth(text(body, "access_token"))
        .send()
        .await
        .expect("sent");
    let challenge = answer.headers().get("www-authenticate");
    let challenge = challenge.map(|v| v.to_str().expect("text").to_owned());
    (answer.status().as_u16(), challenge.unwrap_or_default())
}

const INCIDENTS: &str = "/v1.0/security/incidents?$top=1";
const MACHINES: &str = "/api/machines?$top=1";

/// The claims of a challenge, decoded.
fn wanted(challenge: &str) -> Value {
    assert!(
        challenge.contains("error=\"insufficient_claims\""),
        "{challenge}"
    );
    let (_, rest) = challenge.split_once("claims=\"").expect("claims");
    let bytes = URL_SAFE
        .decode(rest.trim_end_matches('"'))
        .expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn refused(got: &(u16, Value), code: u32, suberror: &str) {
    let (status, body) = got;
    assert!(*status >= 400, "{body}");
    assert_eq!(
        (&body["error_codes"], text(body, "suberror")),
        (&json!([code]), suberror),
        "{body}"
    );
}

#[tokio::test]
async fn ended_sessions_call_back_the_tokens_of_those_who_can_take_it() {
    let wire = Wire::start(small()).await;
    let sim = &wire.sim;
    let (status, capable) = sign_in(sim, READER, &[("claims", CP1)]).await;
    assert_eq!(status, 200, "{capable}");
    let says = claims(text(&capable, "access_token"));
    assert_eq!(says["xms_cc"], json!(["cp1"]));
    let lives = says["exp"].as_i64().expect("a time") - says["iat"].as_i64().expect("a time");
    assert_eq!(lives, 86_400);
    let (_, plain) = sign_in(sim, READER, &[]).await;
    assert_eq!(read(sim, &capable, INCIDENTS).await.0, 200);

    let path = format!("/v1.0/users/{READER}/revokeSignInSessions");
    assert_eq!(wire.call(Method::POST, &path, None).await.0, 200);
    let (status, challenge) = read(sim, &capable, INCIDENTS).await;
    assert_eq!(status, 401);
    assert!(
        challenge.starts_with("Bearer realm=\"\", authorization_uri="),
        "{challenge}"
    );
    let nbf = &wanted(&challenge)["access_token"]["nbf"];
    assert_eq!(nbf["essential"], true);
    assert!(nbf["value"].is_string());
    // Who cannot keeps the token, and gets no other.
    assert_eq!(read(sim, &plain, INCIDENTS).await.0, 200);
    for old in [&capable, &plain] {
        refused(&renew(sim, old, &[]).await, 50_173, "bad_token");
    }
    // Signing in again helps, in the same second too.
    let (_, fresh) = sign_in(sim, READER, &[("claims", CP1)]).await;
    assert_eq!(read(sim, &fresh, INCIDENTS).await.0, 200);
    let (status, renewed) = renew(sim, &fresh, &[]).await;
    assert_eq!(status, 200, "{renewed}");
    sim.advance(Duration::from_secs(3700));
    let (status, challenge) = read(sim, &plain, INCIDENTS).await;
    assert!(
        status == 401 && !challenge.contains("claims"),
        "{challenge}"
    );
    assert_eq!(read(sim, &fresh, INCIDENTS).await.0, 200, "lives a day");
}

#[tokio::test]
async fn a_token_that_is_called_back_alone_is_replaced_without_a_person() {
    for (quirk, aud, path, challenged) in [
        ("defender-cae=off", GRAPH, INCIDENTS, true),
        ("defender-cae=off", DEFENDER, MACHINES, false),
        ("defender-cae=on", DEFENDER, MACHINES, true),
    ] {
        let sim = Sim::start(with_quirks(&[quirk])).await.expect("starts");
        let scope = format!("{aud}/.default offline_access");
        let scope = [("claims", CP1), ("scope", scope.as_str())];
        let (_, old) = sign_in(&sim, READER, &scope).await;
        sim.sessions(1, READER, "challenge").await.expect("done");
        let (status, challenge) = read(&sim, &old, path).await;
        assert_eq!(status, if challenged { 401 } else { 200 }, "{quirk} {aud}");
        if challenged {
            let mut claims = wanted(&challenge);
            claims["access_token"]["xms_cc"] = json!({"values": ["cp1"]});
            let claims = claims.to_string();
            let (status, new) = renew(&sim, &old, &[("claims", &claims)]).await;
            assert_eq!(status, 200, "{new}");
            assert_eq!(read(&sim, &new, path).await.0, 200);
        }
    }
    let sim = Sim::start(small()).await.expect("starts");
    let tenant = sim.tenant_id().to_owned();
    let (_, old) = application(&sim, &tenant, GRAPH, &[("claims", CP1)]).await;
    sim.inject(fault("kind=challenge times=1").expect("a fault"));
    assert_eq!(read(&sim, &old, INCIDENTS).await.0, 401);
    assert_eq!(
        read(&sim, &old, INCIDENTS).await.0,
        401,
        "it stays called back"
    );
    let (_, new) = application(&sim, &tenant, GRAPH, &[("claims", CP1)]).await;
    assert_eq!(read(&sim, &new, INCIDENTS).await.0, 200);
    refused(
        &application(&sim, &tenant, GRAPH, &[("claims", "nonsense")]).await,
        90_013,
        "",
    );
    let id = sim.client_id().to_owned();
    sim.sessions(1, &id, "disable").await.expect("done");
    refused(&application(&sim, &tenant, GRAPH, &[]).await, 7_000_112, "");
    assert_eq!(read(&sim, &new, INCIDENTS).await.0, 401);
    assert!(sim.sessions(1, "nobody", "revoke").await.is_err());
}

#[tokio::test]
async fn who_is_disabled_in_graph_is_out_until_enabled_again() {
    let wire = Wire::start(small()).await;
    let sim = &wire.sim;
    let (_, before) = sign_in(sim, READER, &[("claims", CP1)]).await;
    let path = format!("/v1.0/users/{READER}");
    let enable = |enabled: bool| {
        wire.call(
            Method::PATCH,
            &path,
            Some(json!({"accountEnabled": enabled})),
        )
    };
    assert_eq!(enable(false).await.0, 204);
    refused(&sign_in(sim, READER, &[]).await, 50_057, "");
    refused(&renew(sim, &before, &[]).await, 50_057, "");
    assert_eq!(read(sim, &before, INCIDENTS).await.0, 401);
    assert_eq!(enable(true).await.0, 204);
    assert_eq!(sign_in(sim, READER, &[]).await.0, 200);
    // Who is disabled from the beginning works here too, and can be let in.
    let petra = "petra.vogel@contoso.com";
    refused(&sign_in(sim, petra, &[]).await, 50_057, "");
    let body = wire
        .get(&format!("/v1.0/users/{petra}?$select=accountEnabled"))
        .await;
    assert_eq!(body["accountEnabled"], false);
    let path = format!("/v1.0/users/{petra}");
    let enabled = json!({"accountEnabled": true});
    assert_eq!(wire.call(Method::PATCH, &path, Some(enabled)).await.0, 204);
    assert_eq!(sign_in(sim, petra, &[]).await.0, 200);
    // Everybody else who works here can sign in, and has no role.
    let users = wire.get("/v1.0/users?$top=1").await;
    let somebody = text(&users["value"][0], "userPrincipalName").to_owned();
    let (status, body) = sign_in(sim, &somebody, &[]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(read(sim, &body, INCIDENTS).await.0, 403);
}

#[tokio::test]
async fn refresh_tokens_end_in_the_ways_entra_ends_them() {
    let sim = Sim::start(small()).await.expect("starts");
    let (_, often) = sign_in(&sim, "vera.lindqvist@contoso.com", &[]).await;
    assert_eq!(renew(&sim, &often, &[]).await.0, 200);
    sim.advance(Duration::from_secs(3601));
    refused(&renew(&sim, &often, &[]).await, 70_043, "token_expired");
    let (_, idle) = sign_in(&sim, READER, &[]).await;
    sim.advance(Duration::from_secs(80 * 86_400));
    let (_, kept) = renew(&sim, &idle, &[]).await;
    sim.advance(Duration::from_secs(20 * 86_400));
    refused(&renew(&sim, &idle, &[]).await, 700_082, "bad_token");
    assert_eq!(renew(&sim, &kept, &[]).await.0, 200, "using it prolongs it");
    sim.sessions(1, READER, "password").await.expect("done");
    refused(&renew(&sim, &kept, &[]).await, 50_173, "bad_token");
}

#[tokio::test]
async fn people_and_applications_meet_their_refusals() {
    let sim = Sim::start(small()).await.expect("starts");
    for (who, code, suberror) in [
        ("kofi.mensah@contoso.com", 50_079, "basic_action"),
        ("hana.sato@contoso.com", 53_000, "message_only"),
        ("bela.novak@contoso.com", 50_105, "message_only"),
        ("elena.rossi@fabrikam.com", 50_020, ""),
    ] {
        refused(&sign_in(&sim, who, &[]).await, code, suberror);
    }
    let apps = sim.applications();
    let app = |name: &str| {
        let found = apps.iter().find(|(n, _, _)| n == name);
        let (_, id, secret) = found.expect("an application");
        (id.as_str(), secret.as_str())
    };
    let (id, secret) = app("Old connector");
    let form = [("client_id", id), ("client_secret", secret)];
    let tenant = sim.tenant_id();
    let ask = |segment: String, form: [(&'static str, String); 2]| {
        let sim = &sim;
        async move {
            let scope = format!("{GRAPH}/.default");
            let form = [
                ("grant_type", "client_credentials"),
                ("scope", &scope),
                (form[0].0, &form[0].1),
                (form[1].0, &form[1].1),
            ];
            token(sim, &segment, &form).await
        }
    };
    let owned = |form: [(&'static str, &str); 2]| form.map(|(n, v)| (n, v.to_owned()));
    refused(&ask(tenant.into(), owned(form)).await, 7_000_112, "");
    let (id, secret) = app("Case portal");
    let form = [("client_id", id), ("client_secret", secret)];
    refused(&ask("organizations".into(), owned(form)).await, 50_194, "");
    let (id, secret) = app("vm-soc-01");
    let form = [("client_id", id), ("client_secret", secret)];
    refused(&ask(tenant.into(), owned(form)).await, 7_000_215, "");
}

/// Sends a form and gives status, where it leads, and the page.
async fn submit(url: &str, form: &[(&str, &str)]) -> (u16, Option<url::Url>, String) {
    // Another test in this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a browser");
    let request = if form.is_empty() {
        browser.get(url)
    } else {
        browser.post(url).form(form)
    };
    let answer = request.send().await.expect("sent");
    let to = answer.headers().get("location");
    let to = to.map(|to| url::Url::parse(to.to_str().expect("text")).expect("an address"));
    let status = answer.status().as_u16();
    (status, to, answer.text().await.expect("a page"))
}

fn field(to: Option<&url::Url>, name: &str) -> String {
    let to = to.expect("an address");
    let found = to.query_pairs().find(|(n, _)| n == name);
    found.map(|(_, v)| v.into_owned()).unwrap_or_default()
}

#[tokio::test]
async fn an_administrator_consents_for_one_tenant_and_tokens_have_it_at_once() {
    let config = SimConfig {
        tenants: 5,
        ..small()
    };
    let sim = Sim::start(config).await.expect("tenants");
    let bank = sim.tenants()[4].clone();
    assert_eq!(bank.name, "Woodgrove Bank");
    let roles = |body: &Value| claims(text(body, "access_token"))["roles"].clone();
    let (_, before) = application(&sim, &bank.id, GRAPH, &[]).await;
    assert_eq!(roles(&before), Value::Null);

    let scope = format!("{GRAPH}/.default openid");
    let url = format!("{}/{}/v2.0/adminconsent", sim.base_url(), bank.id);
    let form = |who: &'static str, consent: &'static str| {
        [
            ("client_id", sim.client_id()),
            ("redirect_uri", "http://localhost:1/done"),
            ("scope", scope.as_str()),
            ("state", "<s>"),
            ("sim_choice", who),
            ("sim_consent", consent),
        ]
    };
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form(ADMIN, "accept"))
        .finish();
    let (status, _, page) = submit(&format!("{url}?{query}"), &[]).await;
    assert_eq!(status, 200, "a link alone does not consent");
    assert!(
        page.contains("SecurityIncident.Read.All") && !page.contains("<s>"),
        "{page}"
    );
    let (_, to, _) = submit(&url, &form(ADMIN, "cancel")).await;
    assert_eq!(
        (
            field(to.as_ref(), "error"),
            field(to.as_ref(), "admin_consent")
        ),
        ("access_denied".into(), "True".into())
    );
    assert!(field(to.as_ref(), "error_description").contains("AADSTS65004"));
    let (_, to, _) = submit(&url, &form(READER, "accept")).await;
    assert!(field(to.as_ref(), "error_description").contains("AADSTS90094"));
    let (_, still) = application(&sim, &bank.id, GRAPH, &[]).await;
    assert_eq!(roles(&still), Value::Null);

    let (_, to, _) = submit(&url, &form(ADMIN, "accept")).await;
    for (name, value) in [
        ("admin_consent", "True"),
        ("tenant", bank.id.as_str()),
        ("state", "<s>"),
        ("scope", scope.as_str()),
    ] {
        assert_eq!(field(to.as_ref(), name), value);
    }
    let (_, after) = application(&sim, &bank.id, GRAPH, &[]).await;
    assert!(
        roles(&after)
            .as_array()
            .is_some_and(|r| r.contains(&json!("SecurityIncident.Read.All")))
    );
    let (_, other) = application(&sim, &bank.id, DEFENDER, &[]).await;
    assert_eq!(roles(&other), Value::Null, "it was not asked for");
    // It is part of the tenant's state.
    let kept = sim.export().expect("a state");
    sim.reset().await.expect("begins anew");
    let (_, again) = application(&sim, &bank.id, GRAPH, &[]).await;
    assert_eq!(roles(&again), Value::Null);
    sim.import(&kept).await.expect("taken over");
    let (_, again) = application(&sim, &bank.id, GRAPH, &[]).await;
    assert_eq!(roles(&again), roles(&after));
    // At the address of all, a tenant is chosen.
    let query = format!(
        "client_id={}&redirect_uri=http://localhost:1/",
        sim.client_id()
    );
    let url = format!("{}/organizations/adminconsent", sim.base_url());
    let (status, _, page) = submit(&format!("{url}?{query}"), &[]).await;
    assert_eq!(status, 200);
    for tenant in sim.tenants() {
        assert!(
            page.contains(&format!("action=\"/{}/adminconsent\"", tenant.id)),
            "{page}"
        );
    }
}

#[tokio::test]
async fn what_was_consented_to_is_what_the_tokens_have() {
    for (quirk, graph, defender) in [
        ("consent=full", true, true),
        ("consent=graph-only", true, false),
        ("consent=defender-only", false, true),
        ("consent=wrong-resource", true, false),
        ("consent=none", false, false),
    ] {
        let sim = Sim::start(with_quirks(&[quirk])).await.expect("starts");
        let tenant = sim.tenant_id().to_owned();
        for (aud, path, works) in [(GRAPH, INCIDENTS, graph), (DEFENDER, MACHINES, defender)] {
            let (_, body) = application(&sim, &tenant, aud, &[]).await;
            let got = read(&sim, &body, path).await.0;
            assert_eq!(got, if works { 200 } else { 403 }, "{quirk} {aud}");
            if !works {
                refused(
                    &sign_in(&sim, READER, &[("scope", &format!("{aud}/.default"))]).await,
                    65_001,
                    "consent_required",
                );
            }
        }
    }
    let sim = Sim::start(with_quirks(&["consent=absent"]))
        .await
        .expect("starts");
    let tenant = sim.tenant_id().to_owned();
    refused(&application(&sim, &tenant, GRAPH, &[]).await, 700_016, "");
    let url = format!("{}/{tenant}/adminconsent", sim.base_url());
    let form = [
        ("client_id", sim.client_id()),
        ("sim_choice", ADMIN),
        ("sim_consent", "accept"),
    ];
    assert_eq!(submit(&url, &form).await.0, 200);
    for (aud, path) in [(GRAPH, INCIDENTS), (DEFENDER, MACHINES)] {
        let (_, body) = application(&sim, &tenant, aud, &[]).await;
        assert_eq!(read(&sim, &body, path).await.0, 200, "{aud}");
    }
}

#[tokio::test]
async fn a_person_is_asked_for_consent_and_may_refuse() {
    let sim = Sim::start(small()).await.expect("starts");
    let apps = sim.applications();
    let trial = apps.iter().find(|(name, _, _)| name == "Trial dashboard");
    let (_, trial, _) = trial.expect("an application");
    let url = format!(
        "{}/{}/oauth2/v2.0/authorize",
        sim.base_url(),
        sim.tenant_id()
    );
    let ask = |scope: &'static str, who: &'static str, consent: &'static str| {
        let mut form = vec![
            ("client_id", trial.as_str()),
            ("response_type", "code"),
            ("redirect_uri", "http://localhost:1/"),
            ("scope", scope),
            ("sim_choice", who),
        ];
        if !consent.is_empty() {
            form.push(("sim_consent", consent));
        }
        let url = &url;
        async move { submit(url, &form).await }
    };
    let whole = "https://graph.microsoft.com/.default";
    let (_, to, _) = ask(whole, READER, "accept").await;
    assert!(
        field(to.as_ref(), "error_description").contains("AADSTS90094"),
        "{to:?}"
    );
    let (status, _, page) = ask("User.Read", READER, "").await;
    assert!(status == 200 && page.contains("User.Read"), "{page}");
    let (_, to, _) = ask("User.Read", READER, "cancel").await;
    assert_eq!(
        (
            field(to.as_ref(), "error"),
            field(to.as_ref(), "error_subcode")
        ),
        ("access_denied".into(), "cancel".into())
    );
    let (_, to, _) = ask("User.Read", READER, "accept").await;
    assert!(!field(to.as_ref(), "code").is_empty(), "{to:?}");
    let (_, to, _) = ask("User.Read", READER, "").await;
    assert!(
        !field(to.as_ref(), "code").is_empty(),
        "it is asked once: {to:?}"
    );
    let (_, to, _) = ask(whole, ADMIN, "accept").await;
    assert!(!field(to.as_ref(), "code").is_empty(), "{to:?}");
    let (_, to, _) = ask(whole, READER, "").await;
    assert!(
        !field(to.as_ref(), "code").is_empty(),
        "given for everybody: {to:?}"
    );
}

#[tokio::test]
async fn machines_get_tokens_without_a_secret() {
    let sim = Sim::start(small()).await.expect("starts");
    let apps = sim.applications();
    let id = |name: &str| {
        let app = apps.iter().find(|(n, _, _)| n == name);
        app.map(|(_, id, _)| id.clone()).expect("an identity")
    };
    let machine = format!("{}/metadata/identity/oauth2/token", sim.base_url());
    let site = format!("{}/msi/token", sim.base_url());
    let header = sim.identity_header();
    let ask = |url: String, headers: Vec<(&'static str, String)>| async move {
        let mut request = http().get(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("sent");
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.expect("JSON"))
    };
    let metadata = || vec![("metadata", "true".to_owned())];
    let usual = format!("api-version=2018-02-01&resource={GRAPH}");
    let (status, body) = ask(format!("{machine}?{usual}"), metadata()).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["expires_in"].is_string() && body["expires_on"].is_string());
    assert_eq!(
        claims(text(&body, "access_token"))["appid"],
        id("vm-soc-01").as_str()
    );
    assert_eq!(read(&sim, &body, INCIDENTS).await.0, 200);
    let other = id("id-soc-automation");
    let (_, body) = ask(format!("{machine}?{usual}&client_id={other}"), metadata()).await;
    assert_eq!(body["client_id"], other.as_str());
    let forwarded = [metadata(), vec![("x-forwarded-for", "10.0.0.1".to_owned())]].concat();
    for (query, headers, error) in [
        (usual.as_str(), vec![], "bad_request_102"),
        (usual.as_str(), forwarded, "bad_request_101"),
        ("api-version=2018-02-01", metadata(), "invalid_request"),
        (&format!("resource={GRAPH}"), metadata(), "invalid_request"),
        (
            "api-version=2018-02-01&resource=https://vault.azure.net",
            metadata(),
            "invalid_resource",
        ),
        (
            &format!("{usual}&client_id={}", sim.client_id()),
            metadata(),
            "invalid_request",
        ),
    ] {
        let (status, body) = ask(format!("{machine}?{query}"), headers).await;
        assert_eq!(
            (status, text(&body, "error")),
            (400, error),
            "{query}: {body}"
        );
    }
    let url = format!("{site}?api-version=2019-08-01&resource={DEFENDER}");
    let (status, body) = ask(url.clone(), vec![("x-identity-header", header)]).await;
    assert_eq!(status, 200, "{body}");
    assert!(text(&body, "expires_on").parse::<i64>().is_ok());
    assert_eq!(read(&sim, &body, MACHINES).await.0, 200);
    assert_eq!(
        ask(url, vec![("x-identity-header", "x".into())]).await.0,
        401
    );
}

#[tokio::test]
async fn a_role_for_some_device_groups_reaches_no_others() {
    let sim = Sim::start(SimConfig {
        machines: 30,
        ..small()
    })
    .await
    .expect("starts");
    let scope = format!("{DEFENDER}/.default");
    let scope = [("scope", scope.as_str())];
    let (_, body) = sign_in(&sim, "femi.adeyemi@contoso.com", &scope).await;
    let (_, all) = sign_in(&sim, "jonas.weber@contoso.com", &scope).await;
    let list = |body: Value| {
        let url = format!("{}/api/machines", sim.base_url());
        async move {
            let request = http().get(url).bearer_auth(text(&body, "access_token"));
            let page: Value = request
                .send()
                .await
                .expect("sent")
                .json()
                .await
                .expect("JSON");
            page["value"].as_array().cloned().unwrap_or_default()
        }
    };
    let (own, every) = (list(body.clone()).await, list(all).await);
    let is_server = |row: &&Value| row["rbacGroupName"] == "Servers";
    assert_eq!(own.len(), every.iter().filter(is_server).count());
    let other = every.iter().find(|row| !is_server(row)).expect("a machine");
    let path = format!("/api/machines/{}", text(other, "id"));
    assert_eq!(read(&sim, &body, &path).await.0, 403);
}

#[tokio::test]
async fn both_wordings_of_a_missing_permission_can_be_had() {
    for (words, says) in [
        ("newer", "Missing application roles. API required roles:"),
        (
            "older",
            "does not have any of the required application permissions",
        ),
    ] {
        let quirk = format!("forbidden-words={words}");
        let sim = Sim::start(with_quirks(&[&quirk])).await.expect("starts");
        let token = sim.mint(DEFENDER, sim.tenant_id(), &["Alert.Read.All"], 3600);
        for (method, path) in [
            (Method::GET, "/api/machines"),
            (Method::POST, "/api/machines/x/isolate"),
        ] {
            let request = http().request(method, format!("{}{path}", sim.base_url()));
            let answer = request.bearer_auth(&token).send().await.expect("sent");
            assert_eq!(answer.status(), 403);
            let body: Value = answer.json().await.expect("JSON");
            assert!(
                text(&body["error"], "message").contains(says),
                "{words}: {body}"
            );
        }
    }
}

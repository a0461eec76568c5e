//! How people sign in to the simulated tenant: password, refresh token, browser with PKCE, device code; and
//! what the services let them do.

#[path = "support/sim_wire.rs"]
mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightjar::sim::SimConfig;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Digest as _;
use support::{DEFENDER, GRAPH, Wire, text};

const ADMINISTRATOR: &str = "amira.haddad@contoso.com";
const OPERATOR: &str = "jonas.weber@contoso.com";
const READER: &str = "noor.devries@contoso.com";
const NEEDS_MFA: &str = "sipho.khumalo@contoso.com";
const NO_ROLE: &str = "lucia.brandt@contoso.com";

async fn start() -> Wire {
    Wire::start(SimConfig {
        incidents: 4,
        alerts: 8,
        machines: 4,
        ..support::quiet()
    })
    .await
}

async fn post(wire: &Wire, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}{path}", wire.sim.base_url());
    let response = wire.http.post(url).form(form).send().await.expect("sent");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

async fn token(wire: &Wire, form: &[(&str, &str)]) -> (u16, Value) {
    let mut form = form.to_vec();
    if !form.iter().any(|(n, _)| *n == "client_id") {
        form.push(("client_id", wire.sim.client_id()));
    }
    let path = format!("/{}/oauth2/v2.0/token", wire.sim.tenant_id());
    post(wire, &path, &form).await
}

/// Signs in with the password everybody has.
async fn with_password(wire: &Wire, who: &str, scope: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "password"),
        ("username", who),
        ("password", wire.sim.password()),
        ("scope", scope),
    ];
    token(wire, &form).await
}

fn part(token: &str, number: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(number).expect("three parts"))
        .expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn refused(got: &(u16, Value), status: u16, error: &str, code: u32) {
    let (seen, body) = got;
    assert_eq!(
        (*seen, text(body, "error"), &body["error_codes"]),
        (status, error, &json!([code])),
        "{body}"
    );
}

async fn call(
    wire: &Wire,
    token: &Value,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = wire
        .http
        .request(method, format!("{}{path}", wire.sim.base_url()))
        .bearer_auth(text(token, "access_token"));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("sent");
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_password_gives_the_tokens_that_were_asked_for() {
    let wire = start().await;
    let scope = format!("{DEFENDER}/Machine.Read openid profile offline_access");
    let (status, body) = with_password(&wire, READER, &scope).await;
    assert_eq!(status, 200, "{body}");
    let claims = part(text(&body, "access_token"), 1);
    assert_eq!(claims["upn"], READER);
    assert_eq!(claims["scp"], "Machine.Read openid profile");
    assert_eq!(claims["name"], "Noor de Vries");
    assert_eq!(claims["idtyp"], "user");
    assert_eq!(claims["appidacr"], "0");
    assert!(claims.get("roles").is_none());
    assert!(
        claims["wids"]
            .as_array()
            .is_some_and(|w| { w.contains(&json!("5d6b6bb7-de71-4623-b4af-96380a352509")) })
    );
    assert_eq!(
        body["scope"],
        format!("{DEFENDER}/Machine.Read openid profile")
    );
    let id = part(text(&body, "id_token"), 1);
    assert_eq!(id["aud"], wire.sim.client_id());
    assert_eq!(id["preferred_username"], READER);
    assert_eq!(id["oid"], claims["oid"]);
    // A plain request gets a plain answer.
    let (_, plain) = with_password(&wire, READER, &format!("{GRAPH}/.default")).await;
    assert!(plain.get("refresh_token").is_none() && plain.get("id_token").is_none());
    // The documented native application: first generation, numbers as text, refresh token in any case.
    let path = format!("/{}/oauth2/token", wire.sim.tenant_id());
    let form = [
        ("grant_type", "password"),
        ("client_id", wire.sim.client_id()),
        ("username", OPERATOR),
        ("password", wire.sim.password()),
        ("resource", DEFENDER),
    ];
    let (status, body) = post(&wire, &path, &form).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["expires_in"], "3599");
    assert_eq!(body["resource"], DEFENDER);
    assert!(text(&body, "scope").contains("Machine.Isolate"));
    assert!(body["refresh_token"].is_string());
}

#[tokio::test]
async fn what_is_wrong_with_a_person_or_application_is_said() {
    let wire = start().await;
    let scope = format!("{GRAPH}/.default");
    for (who, error, code) in [
        (NEEDS_MFA, "invalid_grant", 50_076),
        ("oskar.lund@contoso.com", "invalid_grant", 53_003),
        ("petra.vogel@contoso.com", "invalid_grant", 50_057),
        ("ravi.menon@contoso.com", "invalid_grant", 50_053),
        ("tessa.marin@contoso.com", "invalid_grant", 50_055),
        ("nobody@contoso.com", "invalid_grant", 50_034),
    ] {
        refused(&with_password(&wire, who, &scope).await, 400, error, code);
    }
    assert_eq!(
        with_password(&wire, NEEDS_MFA, &scope).await.1["suberror"],
        "basic_action"
    );
    let apps = wire.sim.applications();
    let id = |name: &str| {
        let app = apps.iter().find(|(n, _, _)| n == name);
        app.map(|(_, id, _)| id.as_str()).expect("an application")
    };
    let form = |name: &'static str, value: &'static str| {
        let mut form = vec![
            ("grant_type", "password"),
            ("client_id", wire.sim.client_id()),
            ("username", READER),
            ("password", wire.sim.password()),
            ("scope", scope.as_str()),
        ];
        if let Some(slot) = form.iter_mut().find(|(n, _)| *n == name) {
            slot.1 = value;
        }
        form
    };
    let mut confidential = form("", "");
    confidential[1].1 = id("Case portal");
    let mut unconsented = form("", "");
    unconsented[1].1 = id("Trial dashboard");
    for (form, status, error, code) in [
        (form("password", "wrong"), 400, "invalid_grant", 50_126),
        (
            form("scope", "https://graph.microsoft.com/Fly.High"),
            400,
            "invalid_client",
            650_053,
        ),
        (
            form(
                "scope",
                "https://graph.microsoft.com/User.Read https://api.securitycenter.microsoft.com/Machine.Read",
            ),
            400,
            "invalid_request",
            28_000,
        ),
        (
            form("scope", "https://vault.azure.net/.default"),
            400,
            "invalid_resource",
            500_011,
        ),
        (confidential, 401, "invalid_client", 7_000_218),
        (unconsented, 400, "invalid_grant", 65_001),
    ] {
        refused(&token(&wire, &form).await, status, error, code);
    }
}

#[tokio::test]
async fn scope_and_role_decide_together() {
    let wire = start().await;
    let incident = wire.get("/v1.0/security/incidents?$top=1").await["value"][0]["id"]
        .as_str()
        .expect("an incident")
        .to_owned();
    let incident = format!("/v1.0/security/incidents/{incident}");
    let machine = wire.get("/api/machines?$top=1").await["value"][0]["id"]
        .as_str()
        .expect("a machine")
        .to_owned();
    let isolate = format!("/api/machines/{machine}/isolate");
    let everything = (format!("{GRAPH}/.default"), format!("{DEFENDER}/.default"));
    for (who, read, write) in [
        (ADMINISTRATOR, 200, 200),
        (OPERATOR, 200, 200),
        (READER, 200, 403),
        (NO_ROLE, 403, 403),
    ] {
        let (_, graph) = with_password(&wire, who, &everything.0).await;
        let (_, defender) = with_password(&wire, who, &everything.1).await;
        let (got, body) = call(&wire, &graph, Method::GET, &incident, None).await;
        assert_eq!(got, read, "{who}: {body}");
        let (got, body) = call(&wire, &defender, Method::GET, "/api/machines?$top=1", None).await;
        assert_eq!(got, read, "{who}: {body}");
        let tags = json!({"customTags": [who]});
        let (got, body) = call(&wire, &graph, Method::PATCH, &incident, Some(tags)).await;
        assert_eq!(got, write, "{who}: {body}");
        if write == 200 {
            assert_eq!(body["lastModifiedBy"], who, "the person is named");
        }
    }
    let action = json!({"Comment": "contain", "IsolationType": "Full"});
    let (_, reader) = with_password(&wire, READER, &everything.1).await;
    let (got, _) = call(&wire, &reader, Method::POST, &isolate, Some(action.clone())).await;
    assert_eq!(got, 403);
    let narrow = format!("{DEFENDER}/Machine.Read");
    let (_, operator) = with_password(&wire, OPERATOR, &narrow).await;
    let (got, _) = call(
        &wire,
        &operator,
        Method::POST,
        &isolate,
        Some(action.clone()),
    )
    .await;
    assert_eq!(got, 403, "the role without the scope");
    let (_, operator) = with_password(&wire, OPERATOR, &everything.1).await;
    let (got, body) = call(&wire, &operator, Method::POST, &isolate, Some(action)).await;
    assert_eq!(got, 201, "{body}");
    assert_eq!(body["requestor"], OPERATOR);
}

#[tokio::test]
async fn refresh_tokens_rotate_cross_resources_and_can_be_ended() {
    let wire = start().await;
    let (_, first) = with_password(
        &wire,
        OPERATOR,
        &format!("{GRAPH}/SecurityIncident.Read.All offline_access openid"),
    )
    .await;
    let again = |token_text: String, scope: Option<String>| {
        let wire = &wire;
        async move {
            let mut form = vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", token_text.as_str()),
            ];
            if let Some(scope) = &scope {
                form.push(("scope", scope.as_str()));
            }
            token(wire, &form).await
        }
    };
    let refresh = text(&first, "refresh_token").to_owned();
    wire.sim.advance(Duration::from_secs(60));
    let (status, second) = again(refresh.clone(), None).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(
        part(text(&second, "access_token"), 1)["scp"],
        "SecurityIncident.Read.All openid"
    );
    let other = format!("{DEFENDER}/Machine.Read");
    let (status, third) = again(text(&second, "refresh_token").into(), Some(other)).await;
    assert_eq!(status, 200, "{third}");
    assert_eq!(part(text(&third, "access_token"), 1)["aud"], DEFENDER);
    // A code is no refresh token, nor is a changed one, nor another application's.
    refused(
        &again("1.code.x.y".into(), None).await,
        400,
        "invalid_grant",
        70_000,
    );
    refused(
        &again(refresh[..refresh.len() - 2].into(), None).await,
        400,
        "invalid_grant",
        70_000,
    );
    let apps = wire.sim.applications();
    let (_, other, secret) = apps
        .iter()
        .find(|(n, _, _)| n == "Case portal")
        .expect("one");
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", other),
        ("client_secret", secret),
        ("refresh_token", &refresh),
    ];
    refused(&token(&wire, &form).await, 400, "invalid_grant", 70_000);
    let oid = part(text(&first, "access_token"), 1)["oid"].clone();
    wire.sim.revoke_sessions(oid.as_str().expect("an id"));
    refused(
        &again(refresh.clone(), None).await,
        400,
        "invalid_grant",
        50_173,
    );
    wire.sim.advance(Duration::from_secs(60));
    let (_, fresh) =
        with_password(&wire, OPERATOR, &format!("{GRAPH}/.default offline_access")).await;
    let fresh = text(&fresh, "refresh_token").to_owned();
    assert_eq!(again(fresh.clone(), None).await.0, 200, "a new sign-in");
    wire.sim.advance(Duration::from_secs(91 * 86_400));
    refused(&again(fresh, None).await, 400, "invalid_grant", 700_082);
}

/// Asks `/authorize` and gives status, where it sends the browser, and the page.
async fn authorize(wire: &Wire, query: &[(&str, &str)]) -> (StatusCode, Option<url::Url>, String) {
    let address = format!(
        "{}/{}/oauth2/v2.0/authorize",
        wire.sim.base_url(),
        wire.sim.tenant_id()
    );
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a browser");
    let response = browser
        .get(address)
        .query(query)
        .send()
        .await
        .expect("sent");
    let to = response
        .headers()
        .get("location")
        .and_then(|v| v.to_str().ok())
        .map(|v| url::Url::parse(v).expect("an address"));
    let status = response.status();
    (status, to, response.text().await.expect("a page"))
}

fn answered(url: &url::Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.into_owned())
}

#[tokio::test]
async fn a_browser_brings_a_code_that_pkce_protects() {
    let wire = start().await;
    let verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789";
    let challenge = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier));
    let redirect = "http://localhost:53124/cb";
    let scope = format!("{GRAPH}/.default openid offline_access");
    let id = wire.sim.client_id().to_owned();
    let query = |name: &'static str, value: &'static str| {
        let mut query = vec![
            ("client_id", id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", redirect),
            ("scope", scope.as_str()),
            ("state", "a state"),
            ("nonce", "n-1"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        match query.iter_mut().find(|(n, _)| *n == name) {
            Some(slot) => slot.1 = value,
            None if !name.is_empty() => query.push((name, value)),
            None => {}
        }
        query
    };
    // Without a hint: the people to choose from, each a link to the same request.
    let (status, to, page) = authorize(&wire, &query("", "")).await;
    assert_eq!((status, to), (StatusCode::OK, None));
    assert!(
        page.contains("Amira Haddad") && page.contains("sim_choice=amira.haddad%40contoso.com")
    );
    assert!(page.contains("code_challenge_method=S256"));

    let (status, to, _) = authorize(&wire, &query("login_hint", NEEDS_MFA)).await;
    assert_eq!(status, StatusCode::FOUND);
    let to = to.expect("an address");
    assert!(to.as_str().starts_with(redirect));
    assert_eq!(answered(&to, "state").as_deref(), Some("a state"));
    let code = answered(&to, "code").expect("a code");
    let redeem = |code: String, verifier: &'static str, redirect: &'static str| {
        let wire = &wire;
        async move {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", redirect),
                ("code_verifier", verifier),
            ];
            token(wire, &form).await
        }
    };
    refused(
        &redeem(code.clone(), "wrong", redirect).await,
        400,
        "invalid_grant",
        501_481,
    );
    refused(
        &redeem(code.clone(), verifier, "http://localhost:1/").await,
        400,
        "invalid_grant",
        500_112,
    );
    let (status, body) = redeem(code.clone(), verifier, redirect).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(part(text(&body, "id_token"), 1)["nonce"], "n-1");
    assert_eq!(
        part(text(&body, "access_token"), 1)["amr"],
        json!(["pwd", "mfa"])
    );
    refused(
        &redeem(code, verifier, redirect).await,
        400,
        "invalid_grant",
        54_005,
    );
    let (_, to, _) = authorize(&wire, &query("login_hint", READER)).await;
    let old = answered(&to.expect("an address"), "code").expect("a code");
    wire.sim.advance(Duration::from_secs(601));
    refused(
        &redeem(old, verifier, redirect).await,
        400,
        "invalid_grant",
        70_008,
    );

    // What goes wrong after the address is known goes there; what goes wrong before is shown.
    for (name, value, error) in [
        ("sim_choice", "cancel", "access_denied"),
        ("prompt", "none", "login_required"),
        ("response_type", "token", "unsupported_response_type"),
        ("login_hint", "oskar.lund@contoso.com", "invalid_grant"),
        (
            "scope",
            "https://vault.azure.net/.default",
            "invalid_resource",
        ),
    ] {
        let (status, to, _) = authorize(&wire, &query(name, value)).await;
        assert_eq!(status, StatusCode::FOUND, "{name}");
        let to = to.expect("an address");
        assert_eq!(answered(&to, "error").as_deref(), Some(error), "{name}");
        assert_eq!(answered(&to, "state").as_deref(), Some("a state"));
    }
    for (name, value, code) in [
        ("redirect_uri", "https://example.com/cb", "AADSTS50011"),
        (
            "client_id",
            "11111111-2222-4333-8444-555555555555",
            "AADSTS700016",
        ),
    ] {
        let (status, to, page) = authorize(&wire, &query(name, value)).await;
        assert_eq!((status, to), (StatusCode::BAD_REQUEST, None), "{name}");
        assert!(page.contains(code), "{page}");
    }
    // What a client sends cannot become markup.
    let (_, _, page) = authorize(&wire, &query("redirect_uri", "https://x.example/<script>")).await;
    assert!(!page.contains("<script>"), "{page}");
    let (_, _, page) = authorize(
        &wire,
        &[
            query("response_mode", "form_post"),
            vec![("login_hint", READER)],
        ]
        .concat(),
    )
    .await;
    assert!(
        page.contains("name=\"code\"") && page.contains("method=\"post\""),
        "{page}"
    );
}

#[tokio::test]
async fn a_device_waits_until_somebody_decides() {
    let wire = start().await;
    let path = format!("/{}/oauth2/v2.0/devicecode", wire.sim.tenant_id());
    let scope = format!("{DEFENDER}/.default offline_access");
    let begin = || async {
        let form = [
            ("client_id", wire.sim.client_id()),
            ("scope", scope.as_str()),
        ];
        let (status, body) = post(&wire, &path, &form).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            (&body["expires_in"], &body["interval"]),
            (&json!(900), &json!(5))
        );
        assert!(text(&body, "message").contains(text(&body, "user_code")));
        body
    };
    let poll = |code: String| {
        let wire = &wire;
        async move {
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", code.as_str()),
            ];
            token(wire, &form).await
        }
    };
    let decide = |begun: Value, choice: &'static str| {
        let wire = &wire;
        async move {
            let page = text(&begun, "verification_uri").replace(wire.sim.base_url(), "");
            let form = [("user_code", text(&begun, "user_code")), ("choice", choice)];
            post(wire, &page, &form).await.0
        }
    };
    let begun = begin().await;
    let code = text(&begun, "device_code").to_owned();
    refused(
        &poll(code.clone()).await,
        400,
        "authorization_pending",
        70_016,
    );
    refused(&poll(code.clone()).await, 400, "slow_down", 70_016);
    wire.sim.advance(Duration::from_secs(6));
    refused(&poll(code.clone()).await, 400, "slow_down", 70_016);
    wire.sim.advance(Duration::from_secs(20));
    refused(
        &poll(code.clone()).await,
        400,
        "authorization_pending",
        70_016,
    );
    let page = format!(
        "{}?user_code={}",
        text(&begun, "verification_uri"),
        text(&begun, "user_code")
    );
    let shown = wire
        .http
        .get(page)
        .send()
        .await
        .expect("sent")
        .text()
        .await
        .expect("a page");
    assert!(shown.contains("Jonas Weber"), "{shown}");
    assert_eq!(decide(begun.clone(), OPERATOR).await, 200);
    assert_eq!(decide(begun, OPERATOR).await, 400, "decided once");
    let (status, body) = poll(code.clone()).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(part(text(&body, "access_token"), 1)["upn"], OPERATOR);
    refused(&poll(code).await, 400, "bad_verification_code", 70_018);

    let begun = begin().await;
    let code = text(&begun, "device_code").to_owned();
    assert_eq!(decide(begun, "decline").await, 200);
    refused(&poll(code).await, 400, "authorization_declined", 70_017);
    let begun = begin().await;
    wire.sim.advance(Duration::from_secs(901));
    refused(
        &poll(text(&begun, "device_code").into()).await,
        400,
        "expired_token",
        70_019,
    );
    let apps = wire.sim.applications();
    let (_, other, _) = apps
        .iter()
        .find(|(n, _, _)| n == "Case portal")
        .expect("one");
    let form = [("client_id", other.as_str()), ("scope", scope.as_str())];
    refused(
        &post(&wire, &path, &form).await,
        401,
        "invalid_client",
        7_000_218,
    );
}

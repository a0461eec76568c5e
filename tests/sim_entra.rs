//! Signing in to the simulated tenant over the wire: discovery, keys, every grant and every refusal. Raw
//! requests only; tokens are verified with what the tenant publishes.

#[path = "support/sim_wire.rs"]
mod support;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nightjar::sim::SimConfig;
use reqwest::Method;
use serde_json::{Value, json};
use support::{DEFENDER, GRAPH, Wire, text};

fn small() -> SimConfig {
    SimConfig {
        incidents: 4,
        alerts: 8,
        machines: 4,
        ..support::quiet()
    }
}

/// Posts a form to a path below the base.
async fn post(wire: &Wire, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}{path}", wire.sim.base_url());
    let response = wire.http.post(url).form(form).send().await.expect("sent");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

async fn get(wire: &Wire, url: &str) -> (u16, Value) {
    let response = wire.http.get(url).send().await.expect("sent");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

fn part(token: &str, number: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(number).expect("three parts"))
        .expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn claims(body: &Value) -> Value {
    part(text(body, "access_token"), 1)
}

/// Asserts a refusal: status, OAuth error, AADSTS number.
fn refused(got: &(u16, Value), status: u16, error: &str, code: u32) {
    let (seen, body) = got;
    assert_eq!(
        (*seen, text(body, "error"), &body["error_codes"]),
        (status, error, &json!([code])),
        "{body}"
    );
    assert!(text(body, "error_description").starts_with(&format!("AADSTS{code}: ")));
    assert!(body["trace_id"].is_string() && body["correlation_id"].is_string());
}

/// Checks a token as a resource would: with the key the tenant publishes under the token's `kid`.
async fn verify(wire: &Wire, token: &str, jwks: &str) {
    let (_, keys) = get(wire, jwks).await;
    let header = part(token, 0);
    assert_eq!(header["alg"], "RS256");
    let key = keys["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .find(|k| k["kid"] == header["kid"])
        .expect("the key is published");
    let number = |name| URL_SAFE_NO_PAD.decode(text(key, name)).expect("a number");
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    ring::signature::RsaPublicKeyComponents {
        n: number("n"),
        e: number("e"),
    }
    .verify(
        &ring::signature::RSA_PKCS1_2048_8192_SHA256,
        signed.as_bytes(),
        &URL_SAFE_NO_PAD.decode(signature).expect("base64url"),
    )
    .expect("the signature fits");
}

#[tokio::test]
async fn documents_lead_to_keys_that_verify_tokens() {
    let wire = Wire::start(small()).await;
    let (base, tenant) = (
        wire.sim.base_url().to_owned(),
        wire.sim.tenant_id().to_owned(),
    );
    for (path, issuer) in [
        (
            format!("/{tenant}/v2.0/.well-known/openid-configuration"),
            format!("{base}/{tenant}/v2.0"),
        ),
        (
            format!("/{tenant}/.well-known/openid-configuration"),
            format!("https://sts.windows.net/{tenant}/"),
        ),
        (
            "/contoso.com/v2.0/.well-known/openid-configuration".to_owned(),
            format!("{base}/{tenant}/v2.0"),
        ),
        (
            "/common/v2.0/.well-known/openid-configuration".to_owned(),
            format!("{base}/{{tenantid}}/v2.0"),
        ),
    ] {
        let (status, document) = get(&wire, &format!("{base}{path}")).await;
        assert_eq!(status, 200, "{path}");
        assert_eq!(document["issuer"], issuer, "{path}");
        for name in [
            "token_endpoint",
            "authorization_endpoint",
            "device_authorization_endpoint",
            "end_session_endpoint",
            "jwks_uri",
        ] {
            assert!(text(&document, name).starts_with(&base), "{path} {name}");
        }
        verify(&wire, &wire.graph, text(&document, "jwks_uri")).await;
        verify(&wire, &wire.defender, text(&document, "jwks_uri")).await;
    }
    let header = part(&wire.graph, 0);
    assert_eq!(header["x5t"], header["kid"]);
    assert_eq!(
        part(&wire.graph, 1)["iss"],
        format!("https://sts.windows.net/{tenant}/")
    );
    let nowhere = format!("{base}/nowhere.example/v2.0/.well-known/openid-configuration");
    refused(&get(&wire, &nowhere).await, 400, "invalid_tenant", 90_002);
}

#[tokio::test]
async fn instance_discovery_knows_its_own_hosts_and_the_clouds() {
    let wire = Wire::start(small()).await;
    let base = wire.sim.base_url();
    let ask = |endpoint: &str| {
        format!(
            "{base}/common/discovery/instance?api-version=1.1&authorization_endpoint={endpoint}"
        )
    };
    let (status, document) = get(
        &wire,
        &ask(&format!("{base}/contoso.com/oauth2/v2.0/authorize")),
    )
    .await;
    assert_eq!(status, 200, "{document}");
    assert_eq!(
        document["tenant_discovery_endpoint"],
        format!("{base}/contoso.com/v2.0/.well-known/openid-configuration")
    );
    let host = base.trim_start_matches("http://");
    assert!(
        document["metadata"][0]["aliases"]
            .as_array()
            .is_some_and(|a| a.contains(&json!(host)))
    );
    let (status, _) = get(
        &wire,
        &ask("https://login.microsoftonline.com/common/oauth2/authorize"),
    )
    .await;
    assert_eq!(status, 200);
    refused(
        &get(&wire, &ask("https://login.example/common/oauth2/authorize")).await,
        400,
        "invalid_instance",
        50_049,
    );
}

#[tokio::test]
async fn both_generations_issue_tokens_and_refuse_each_others_parameters() {
    let wire = Wire::start(small()).await;
    let tenant = wire.sim.tenant_id().to_owned();
    let (v1, v2) = (
        format!("/{tenant}/oauth2/token"),
        format!("/{tenant}/oauth2/v2.0/token"),
    );
    let form = |name: &'static str, value: &str| {
        vec![
            ("grant_type".to_owned(), "client_credentials".to_owned()),
            ("client_id".to_owned(), wire.sim.client_id().to_owned()),
            (
                "client_secret".to_owned(),
                wire.sim.client_secret().to_owned(),
            ),
            (name.to_owned(), value.to_owned()),
        ]
    };
    let send = |path: String, form: Vec<(String, String)>| {
        let wire = &wire;
        async move {
            let form: Vec<(&str, &str)> =
                form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            post(wire, &path, &form).await
        }
    };
    // v1 writes numbers as text, says what the token is for, and echoes the audience.
    for audience in [DEFENDER, "https://api.securitycenter.microsoft.com/", GRAPH] {
        let (status, body) = send(v1.clone(), form("resource", audience)).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["expires_in"], "3599");
        assert_eq!(body["resource"], audience);
        let claims = claims(&body);
        assert_eq!(claims["aud"], audience);
        assert_eq!(claims["ver"], "1.0");
        assert_eq!(claims["appidacr"], "1");
        let expires: i64 = text(&body, "expires_on").parse().expect("a number");
        assert_eq!(claims["exp"], expires);
    }
    // The slash of an audience survives only where the scope has two.
    for (scope, aud) in [
        (format!("{DEFENDER}/.default"), DEFENDER.to_owned()),
        (format!("{DEFENDER}//.default"), format!("{DEFENDER}/")),
        (
            "fc780465-2017-40d4-a0c5-307022471b92/.default".to_owned(),
            "fc780465-2017-40d4-a0c5-307022471b92".to_owned(),
        ),
    ] {
        let (status, body) = send(v2.clone(), form("scope", &scope)).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(claims(&body)["aud"], aud);
        let response = wire
            .http
            .get(format!("{}/api/machines?$top=1", wire.sim.base_url()))
            .bearer_auth(text(&body, "access_token"))
            .send()
            .await
            .expect("sent");
        assert_eq!(response.status(), 200, "{aud}");
    }
    // `.default` belongs to v2, `resource` to v1; `scope` alone at v1 names nothing.
    refused(
        &send(
            v1.clone(),
            form("resource", &format!("{DEFENDER}/.default")),
        )
        .await,
        400,
        "invalid_resource",
        500_011,
    );
    refused(
        &send(v2.clone(), form("resource", DEFENDER)).await,
        400,
        "invalid_request",
        901_002,
    );
    refused(
        &send(v2.clone(), form("scope", DEFENDER)).await,
        400,
        "invalid_scope",
        70_011,
    );
    let two = format!("{DEFENDER}/.default {GRAPH}/.default");
    refused(
        &send(v2, form("scope", &two)).await,
        400,
        "invalid_scope",
        70_011,
    );
    let (status, body) = send(v1, form("scope", &format!("{GRAPH}/.default"))).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(claims(&body)["aud"], "00000002-0000-0000-c000-000000000000");
    refused(
        &post(
            &wire,
            "/common/oauth2/v2.0/token",
            &[
                ("grant_type", "client_credentials"),
                ("client_id", wire.sim.client_id()),
                ("client_secret", wire.sim.client_secret()),
            ],
        )
        .await,
        400,
        "invalid_request",
        50_059,
    );
}

#[tokio::test]
async fn a_secret_comes_in_the_body_or_in_a_header() {
    let wire = Wire::start(small()).await;
    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        wire.sim.base_url(),
        wire.sim.tenant_id()
    );
    let scope = format!("{GRAPH}/.default");
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", scope.as_str()),
    ];
    for (secret, status) in [(wire.sim.client_secret(), 200), ("wrong", 401)] {
        let secret = secret.replace('~', "%7E");
        let value = STANDARD.encode(format!("{}:{secret}", wire.sim.client_id()));
        let response = wire
            .http
            .post(&url)
            .header("authorization", format!("Basic {value}"))
            .form(&form)
            .send()
            .await
            .expect("sent");
        assert_eq!(response.status(), status);
    }
    let twice = [
        ("grant_type", "client_credentials"),
        ("scope", scope.as_str()),
        ("scope", scope.as_str()),
    ];
    let path = format!("/{}/oauth2/v2.0/token", wire.sim.tenant_id());
    refused(
        &post(&wire, &path, &twice).await,
        400,
        "invalid_request",
        9_000_411,
    );
}

#[tokio::test]
async fn tokens_outlive_a_restart_with_the_same_seed_and_no_other() {
    let wire = Wire::start(small()).await;
    let token = wire.graph.clone();
    drop(wire);
    for (seed, status) in [(1, 200), (2, 401)] {
        let mut again = Wire::start(SimConfig { seed, ..small() }).await;
        again.graph = token.clone();
        let (got, body) = again
            .call(Method::GET, "/v1.0/security/incidents?$top=1", None)
            .await;
        assert_eq!(got, status, "{body}");
    }
}

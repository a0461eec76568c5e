//! Signing in to the simulated tenant over the wire: discovery, keys, every grant and every refusal. Raw
//! requests only; tokens are verified with what the tenant publishes. How people sign in is in
//! `sim_people.rs`.

#[path = "support/sim_wire.rs"]
mod support;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nightjar::sim::{Audience, Quirks, SimConfig, Trust};
use reqwest::Method;
use ring::signature::{EcdsaKeyPair, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use sha1::Digest as _;
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

/// A key and a certificate of it, as an application keeps them.
struct Credential {
    key: Signer,
    certificate: Vec<u8>,
    pem: String,
}

enum Signer {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl Credential {
    fn new(der: &PrivatePkcs8KeyDer<'_>, algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(der, algorithm).expect("a key");
        let certificate = rcgen::CertificateParams::default()
            .self_signed(&pair)
            .expect("a certificate");
        let der = der.secret_pkcs8_der();
        let key = if algorithm == &rcgen::PKCS_RSA_SHA256 {
            Signer::Rsa(Box::new(RsaKeyPair::from_pkcs8(der).expect("RSA")))
        } else {
            let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            let random = ring::rand::SystemRandom::new();
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, der, &random).expect("P-256");
            Signer::P256(Box::new(pair))
        };
        Self {
            key,
            certificate: certificate.der().to_vec(),
            pem: certificate.pem(),
        }
    }

    /// Any RSA key will do: making one takes too long.
    fn rsa() -> Self {
        let pem = include_bytes!("../assets/tenant/signing-key.pem");
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).expect("a key");
        Self::new(&der, &rcgen::PKCS_RSA_SHA256)
    }

    fn p256() -> Self {
        let der = rcgen::KeyPair::generate().expect("a key").serialize_der();
        Self::new(
            &PrivatePkcs8KeyDer::from(der),
            &rcgen::PKCS_ECDSA_P256_SHA256,
        )
    }

    fn assertion(&self, algorithm: &str, claims: &Value) -> String {
        let mut header = json!({"alg": algorithm, "typ": "JWT"});
        if algorithm == "RS256" {
            let print = sha1::Sha1::digest(&self.certificate);
            header["x5t"] = json!(URL_SAFE_NO_PAD.encode(print));
        } else {
            let print = sha2::Sha256::digest(&self.certificate);
            header["x5t#S256"] = json!(URL_SAFE_NO_PAD.encode(print));
        }
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let random = ring::rand::SystemRandom::new();
        let signature = match &self.key {
            Signer::Rsa(pair) => {
                let padding: &dyn ring::signature::RsaEncoding = match algorithm {
                    "PS256" => &ring::signature::RSA_PSS_SHA256,
                    _ => &ring::signature::RSA_PKCS1_SHA256,
                };
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, signed.as_bytes(), &mut out)
                    .expect("signed");
                out
            }
            Signer::P256(pair) => pair
                .sign(&random, signed.as_bytes())
                .expect("signed")
                .as_ref()
                .to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn unix_now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn assertion_claims(wire: &Wire) -> Value {
    let token = format!(
        "{}/{}/oauth2/v2.0/token",
        wire.sim.base_url(),
        wire.sim.tenant_id()
    );
    json!({
        "aud": token, "iss": wire.sim.client_id(), "sub": wire.sim.client_id(),
        "jti": "6f0a5c0e-0000-4000-8000-00000000a003",
        "nbf": unix_now(), "iat": unix_now(), "exp": unix_now() + 600,
    })
}

async fn present(wire: &Wire, assertion: &str) -> (u16, Value) {
    let path = format!("/{}/oauth2/v2.0/token", wire.sim.tenant_id());
    let scope = format!("{GRAPH}/.default");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", wire.sim.client_id()),
        ("scope", &scope),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
    ];
    post(wire, &path, &form).await
}

#[tokio::test]
async fn certificates_sign_in_once_they_are_registered() {
    let wire = Wire::start(small()).await;
    let (rsa, p256) = (Credential::rsa(), Credential::p256());
    let good = assertion_claims(&wire);
    refused(
        &present(&wire, &rsa.assertion("RS256", &good)).await,
        401,
        "invalid_client",
        700_027,
    );
    let prints = wire.sim.register_certificates(&rsa.pem).expect("taken");
    assert_eq!(prints[0].len(), 40);
    wire.sim.register_certificates(&p256.pem).expect("taken");
    assert!(wire.sim.register_certificates("nothing").is_err());
    for (credential, algorithm) in [(&rsa, "RS256"), (&rsa, "PS256"), (&p256, "ES256")] {
        let (status, body) = present(&wire, &credential.assertion(algorithm, &good)).await;
        assert_eq!(status, 200, "{algorithm}: {body}");
        assert_eq!(claims(&body)["appidacr"], "2");
    }
    let mut fractions = good.clone();
    fractions["exp"] = json!(unix_now() as f64 + 599.25);
    let (status, body) = present(&wire, &rsa.assertion("PS256", &fractions)).await;
    assert_eq!(status, 200, "{body}");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        rsa.assertion("RS256", &claims)
    };
    let mut forged = rsa.assertion("RS256", &good);
    forged.truncate(forged.len() - 8);
    forged.push_str("AAAAAAAA");
    let other = "11111111-2222-4333-8444-555555555555";
    let elsewhere = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token";
    for (assertion, status, code) in [
        (with("aud", json!(elsewhere)), 401, 700_023),
        (with("exp", json!(unix_now() - 400)), 401, 700_024),
        (with("nbf", json!(unix_now() + 900)), 401, 700_024),
        (with("sub", json!(other)), 401, 700_021),
        (forged, 401, 700_027),
        (p256.assertion("RS256", &good), 401, 700_027),
        (rsa.assertion("HS256", &good), 401, 5_002_738),
    ] {
        let got = present(&wire, &assertion).await;
        refused(&got, status, "invalid_client", code);
    }
    refused(&present(&wire, "a.b").await, 400, "invalid_request", 50_027);
}

#[tokio::test]
async fn an_assertion_is_good_again_unless_the_quirk_says_no() {
    for (quirk, second) in [
        ("assertion-replay=accepted", 200),
        ("assertion-replay=refused", 401),
    ] {
        let mut quirks = Quirks::default();
        quirks.set(quirk).expect("a quirk");
        let credential = Credential::p256();
        let wire = Wire::start(SimConfig {
            quirks,
            certificates: vec![credential.pem.clone()],
            ..small()
        })
        .await;
        let assertion = credential.assertion("ES256", &assertion_claims(&wire));
        assert_eq!(present(&wire, &assertion).await.0, 200);
        assert_eq!(present(&wire, &assertion).await.0, second, "{quirk}");
    }
}

#[tokio::test]
async fn a_foreign_issuer_is_believed_about_its_subject_alone() {
    let credential = Credential::p256();
    let wire = Wire::start(SimConfig {
        federated: vec![Trust {
            issuer: "https://token.actions.example".into(),
            subject: "repo:contoso/hunt".into(),
            certificate: credential.pem.clone(),
        }],
        ..small()
    })
    .await;
    let good = json!({
        "iss": "https://token.actions.example", "sub": "repo:contoso/hunt",
        "aud": "api://AzureADTokenExchange", "exp": unix_now() + 300,
    });
    let (status, body) = present(&wire, &credential.assertion("ES256", &good)).await;
    assert_eq!(status, 200, "{body}");
    for (name, value, code) in [
        ("iss", "https://other.example", 700_211),
        ("aud", "api://other", 700_212),
        ("sub", "repo:contoso/other", 700_213),
    ] {
        let mut claims = good.clone();
        claims[name] = json!(value);
        let got = present(&wire, &credential.assertion("ES256", &claims)).await;
        refused(&got, 401, "invalid_client", code);
    }
    let stranger = Credential::p256().assertion("ES256", &good);
    refused(
        &present(&wire, &stranger).await,
        401,
        "invalid_client",
        700_027,
    );
}

#[tokio::test]
async fn applications_are_refused_for_what_is_wrong_with_them() {
    let wire = Wire::start(small()).await;
    let path = format!("/{}/oauth2/v2.0/token", wire.sim.tenant_id());
    let scope = format!("{GRAPH}/.default");
    let apps = wire.sim.applications();
    let named = |name: &str| {
        apps.iter()
            .find(|(n, _, _)| n == name)
            .map(|(_, id, secret)| (id.as_str(), secret.as_str()))
            .expect("an application")
    };
    let ask = |id: &'static str, secret: Option<&str>| {
        let (wire, path, scope) = (&wire, &path, &scope);
        let (client, own) = named(id);
        let secret = secret.unwrap_or(own).to_owned();
        let client = client.to_owned();
        async move {
            let mut form = vec![
                ("grant_type", "client_credentials"),
                ("client_id", client.as_str()),
                ("scope", scope.as_str()),
            ];
            if !secret.is_empty() {
                form.push(("client_secret", secret.as_str()));
            }
            post(wire, path, &form).await
        }
    };
    refused(
        &ask("Weekly report", None).await,
        401,
        "invalid_client",
        7_000_222,
    );
    refused(
        &ask("nightjar", Some("wrong")).await,
        401,
        "invalid_client",
        7_000_215,
    );
    refused(
        &ask("nightjar", Some("")).await,
        401,
        "invalid_client",
        7_000_216,
    );
    // Without consent an application gets a token, and nothing in it.
    let (status, body) = ask("Trial dashboard", None).await;
    assert_eq!(status, 200, "{body}");
    assert!(claims(&body).get("roles").is_none());
}

#[tokio::test]
async fn the_audience_of_the_endpoint_api_can_move() {
    let xdr = "https://api.security.microsoft.com";
    for (audience, own, other) in [
        (Audience::Documented, 200, 403),
        (Audience::Migrated, 403, 200),
        (Audience::Both, 200, 200),
    ] {
        let mut wire = Wire::start(SimConfig {
            audience,
            ..small()
        })
        .await;
        for (name, status) in [(DEFENDER, own), (xdr, other)] {
            wire.defender = wire.token(name).await;
            let (got, body) = wire.call(Method::GET, "/api/machines?$top=1", None).await;
            assert_eq!(got, status, "{audience:?} {name}: {body}");
        }
    }
}

#[tokio::test]
async fn tokens_of_the_second_format_are_taken_too() {
    let mut quirks = Quirks::default();
    quirks.set("token-format=v2").expect("a quirk");
    let wire = Wire::start(SimConfig { quirks, ..small() }).await;
    let claims = part(&wire.defender, 1);
    assert_eq!(claims["ver"], "2.0");
    assert_eq!(claims["azp"], wire.sim.client_id());
    assert_eq!(claims["aud"], "fc780465-2017-40d4-a0c5-307022471b92");
    assert_eq!(
        claims["iss"],
        format!("{}/{}/v2.0", wire.sim.base_url(), wire.sim.tenant_id())
    );
    assert!(claims.get("appid").is_none());
    assert!(part(&wire.defender, 0).get("x5t").is_none());
    for path in ["/api/machines?$top=1", "/v1.0/security/incidents?$top=1"] {
        let (status, body) = wire.call(Method::GET, path, None).await;
        assert_eq!(status, 200, "{body}");
    }
}

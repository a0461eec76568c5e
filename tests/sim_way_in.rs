//! What stands between a client and the simulated tenant's services: networks that answer themselves,
//! proxies, certificates, clocks, tenants that are down. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use nightjar::sim::{Fault, FaultKind, Sim, SimConfig, TlsFault, fault};
use reqwest::Method;
use serde_json::json;
use support::{GRAPH, Wire, http, quiet, text};

fn small() -> SimConfig {
    SimConfig {
        incidents: 4,
        alerts: 8,
        machines: 4,
        ..quiet()
    }
}

#[tokio::test]
async fn a_network_or_proxy_answers_in_place_of_any_service() {
    let wire = Wire::start(small()).await;
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let base = wire.sim.base_url();
    let token_path = format!("/{}/oauth2/v2.0/token", wire.sim.tenant_id());
    for path in [
        token_path.as_str(),
        "/v1.0/security/incidents",
        "/api/machines",
    ] {
        for (words, status, location) in [
            ("kind=portal times=1", 200, None),
            (
                "kind=portal times=1 to=http://login.hotel.example/x",
                302,
                Some("http://login.hotel.example/guest"),
            ),
            ("kind=proxy times=1", 407, None),
        ] {
            wire.sim.inject(fault(words).expect("a fault"));
            let got = browser
                .post(format!("{base}{path}"))
                .send()
                .await
                .expect("an answer");
            assert_eq!(got.status(), status, "{path} {words}");
            let header = |name: &str| got.headers().get(name).and_then(|v| v.to_str().ok());
            assert_eq!(header("location"), location);
            assert_eq!(header("content-type"), Some("text/html"));
            assert_eq!(header("proxy-authenticate").is_some(), status == 407);
        }
    }
}

#[tokio::test]
async fn any_refusal_of_sign_in_can_be_asked_for_by_its_number() {
    let wire = Wire::start(small()).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", wire.sim.client_id()),
        ("client_secret", wire.sim.client_secret()),
        ("scope", &format!("{GRAPH}/.default")),
    ];
    for (code, status, error) in [
        (53_003, 400, "invalid_grant"),
        (7_000_112, 400, "unauthorized_client"),
        (90_055, 429, "temporarily_unavailable"),
    ] {
        wire.sim
            .inject(Fault::once("/token", FaultKind::Aadsts(code)));
        let (got, body) = wire.ask_token(wire.sim.tenant_id(), &form).await;
        assert_eq!((got, text(&body, "error")), (status, error), "{body}");
        assert_eq!(body["error_codes"], json!([code]));
    }
    // The services do not know these numbers.
    wire.sim
        .inject(Fault::always("", FaultKind::Aadsts(53_003)));
    wire.get("/v1.0/security/incidents?$top=1").await;
    assert!(fault("kind=aadsts code=1").is_err());
}

#[tokio::test]
async fn some_of_many_tenants_are_down_and_the_others_are_not() {
    let config = SimConfig {
        tenants: 25,
        alike: true,
        incidents: 2,
        alerts: 2,
        machines: 2,
        faults: vec![
            fault("tenant=2-6 kind=throttle seconds=60 rate=1 service=graph").expect("a fault"),
            fault("tenant=7,9 kind=gateway status=503").expect("a fault"),
        ],
        ..quiet()
    };
    let sim = Sim::start(config).await.expect("tenants");
    let mut seen = Vec::new();
    for tenant in sim.tenants() {
        assert_eq!(tenant.health, "fine");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sim.client_id()),
            ("client_secret", sim.client_secret()),
            ("scope", &format!("{GRAPH}/.default")),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", sim.base_url(), tenant.id);
        let answer = http().post(url).form(&form).send().await.expect("sent");
        if answer.status() != 200 {
            seen.push(answer.status().as_u16());
            continue;
        }
        let token: serde_json::Value = answer.json().await.expect("JSON");
        let url = format!("{}/v1.0/security/incidents", sim.base_url());
        let answer = http()
            .get(url)
            .bearer_auth(text(&token, "access_token"))
            .send()
            .await
            .expect("sent");
        seen.push(answer.status().as_u16());
    }
    let expected: Vec<u16> = (1..=25)
        .map(|n| match n {
            2..=6 => 429,
            7 | 9 => 503,
            _ => 200,
        })
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_wrong_certificate_is_one_that_clients_refuse() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    for (wrong, says) in [
        (None, ""),
        (Some(TlsFault::Expired), "xpired"),
        (Some(TlsFault::Name), "NotValidForName"),
        (Some(TlsFault::Issuer), "nknown"),
    ] {
        let path = folder.path().join("ca.pem");
        let sim = Sim::start(SimConfig {
            tls: true,
            tls_fault: wrong,
            ca_file: Some(path.clone()),
            ..small()
        })
        .await
        .expect("the tenant starts");
        let pem = std::fs::read(&path).expect("a certificate");
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem).expect("PEM")])
            .build()
            .expect("a client");
        let url = format!("{}/common/discovery/keys", sim.base_url());
        let got = client.get(url).send().await;
        match (wrong, got) {
            (None, Ok(answer)) => assert_eq!(answer.status(), 200),
            (Some(_), Err(error)) => {
                let why = format!("{error:?}");
                assert!(why.contains(says), "{wrong:?}: {why}");
            }
            (wrong, got) => panic!("{wrong:?}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_off_shows_in_dates_and_tokens() {
    let wire = Wire::start(small()).await;
    wire.sim.inject(fault("kind=skew by=-1h").expect("a fault"));
    let behind = |answer: &reqwest::Response| {
        let date = answer.headers()["date"].to_str().expect("a date");
        let date = httpdate::parse_http_date(date).expect("a date");
        std::time::SystemTime::now()
            .duration_since(date)
            .expect("behind")
            .as_secs()
    };
    let answer = wire
        .send(Method::GET, "/v1.0/security/incidents?$top=1", None)
        .await;
    assert!((3590..3660).contains(&behind(&answer)));
    let token = wire.token(GRAPH).await;
    let claims = support::claims(&token);
    let now = jiff::Timestamp::now().as_second();
    let issued = claims["nbf"].as_i64().expect("a time");
    assert!((3590..3660).contains(&(now - issued)), "{claims}");
}

#[tokio::test]
async fn everything_secret_can_be_listed() {
    let wire = Wire::start(small()).await;
    let issued = wire.sim.issued();
    for secret in [
        wire.graph.as_str(),
        wire.defender.as_str(),
        wire.sim.client_secret(),
        wire.sim.password(),
        wire.sim.admin_token().expect("a bearer"),
    ] {
        assert!(issued.iter().any(|(_, text)| text == secret), "{secret}");
    }
}

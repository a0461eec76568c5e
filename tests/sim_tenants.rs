//! Several tenants behind one port: own worlds, one application, own permissions. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::collections::BTreeSet;

use nightjar::sim::{Cloud, Sim, SimConfig};
use reqwest::Method;
use serde_json::Value;
use support::{DEFENDER, GRAPH, Wire, http, quiet, text};

#[tokio::test]
async fn twenty_five_tenants_are_kept_apart() {
    let config = SimConfig {
        tenants: 25,
        incidents: 8,
        alerts: 12,
        machines: 4,
        ..quiet()
    };
    let sim = Sim::start(config).await.expect("tenants");
    sim.clear_faults();
    let tenants = sim.tenants();
    assert_eq!(tenants.len(), 25);
    let (mut ids, mut incidents) = (BTreeSet::new(), BTreeSet::new());
    let mut refused = Vec::new();
    for tenant in &tenants {
        assert!(ids.insert(tenant.id.clone()));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sim.client_id()),
            ("client_secret", sim.client_secret()),
            ("scope", &format!("{}/.default", tenant.cloud.graph())),
        ];
        // By its id, and by its domain.
        for name in [&tenant.id, &tenant.domain] {
            let url = format!("{}/{name}/oauth2/v2.0/token", sim.base_url());
            let answer = http()
                .post(url)
                .form(&form)
                .send()
                .await
                .expect("an answer");
            let body: Value = answer.json().await.expect("JSON");
            let token = text(&body, "access_token");
            let url = format!("{}/v1.0/security/incidents?$top=50", sim.base_url());
            let answer = http()
                .get(url)
                .bearer_auth(token)
                .send()
                .await
                .expect("an answer");
            let status = answer.status().as_u16();
            let page: Value = answer.json().await.expect("JSON");
            if status != 200 {
                refused.push((tenant.name.clone(), status));
                continue;
            }
            let rows = page["value"].as_array().expect("rows");
            assert_eq!(rows.len(), 8);
            for row in rows {
                assert_eq!(row["tenantId"], tenant.id.as_str());
                incidents.insert(format!("{} {}", tenant.id, text(row, "displayName")));
            }
        }
        assert!(tenant.profile.contains(&tenant.id) && tenant.profile.contains(sim.client_id()));
    }
    assert!(
        incidents.len() > 100,
        "worlds of their own: {}",
        incidents.len()
    );
    // Nobody consented in one, and another cloud has no incidents.
    assert!(
        refused.contains(&("Woodgrove Bank".into(), 403)),
        "{refused:?}"
    );
    assert!(
        refused
            .iter()
            .any(|(name, _)| name == "Adventure Works China"),
        "{refused:?}"
    );
    assert!(
        refused
            .iter()
            .all(|(name, _)| name.starts_with("Woodgrove") || name.starts_with("Adventure")),
        "{refused:?}"
    );
}

/// What the cloud sheet says, once more: name, setting, Graph, Defender for Endpoint, portal.
const CLOUDS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "global",
        "commercial",
        GRAPH,
        DEFENDER,
        "https://security.microsoft.com/",
    ),
    (
        "gcc",
        "gcc",
        GRAPH,
        "https://api-gcc.securitycenter.microsoft.us",
        "https://security.microsoft.com/",
    ),
    (
        "gcc-high",
        "gcc-high",
        "https://graph.microsoft.us",
        "https://api-gov.securitycenter.microsoft.us",
        "https://security.microsoft.us/",
    ),
    (
        "dod",
        "dod",
        "https://dod-graph.microsoft.us",
        "https://api-gov.securitycenter.microsoft.us",
        "https://security.apps.mil/",
    ),
    (
        "china",
        "china",
        "https://microsoftgraph.chinacloudapi.cn",
        "",
        "",
    ),
];

fn small(cloud: &str) -> SimConfig {
    SimConfig {
        cloud: Cloud::named(cloud).expect("a cloud"),
        incidents: 4,
        alerts: 8,
        machines: 4,
        ..quiet()
    }
}

#[tokio::test]
async fn a_cloud_takes_its_own_tokens_and_links_to_its_own_portal() {
    for (name, setting, graph, defender, portal) in CLOUDS {
        let wire = Wire::start(small(name)).await;
        let line = format!("cloud = \"{setting}\"");
        assert!(wire.sim.profile_toml("sim").contains(&line), "{name}");
        // The token endpoints, both generations, and the services themselves.
        let foreign = CLOUDS.iter().flat_map(|c| [c.2, c.3]);
        for aud in foreign.filter(|aud| !aud.is_empty()) {
            let own = aud == *graph || aud == *defender;
            let mut answers = Vec::new();
            for (path, field, value) in [
                ("oauth2/v2.0/token", "scope", format!("{aud}/.default")),
                ("oauth2/token", "resource", aud.to_owned()),
            ] {
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", wire.sim.client_id()),
                    ("client_secret", wire.sim.client_secret()),
                    (field, &value),
                ];
                let url = format!("{}/{}/{path}", wire.sim.base_url(), wire.sim.tenant_id());
                let answer = wire.http.post(url).form(&form).send().await;
                answers.push(
                    answer
                        .expect("an answer")
                        .json::<Value>()
                        .await
                        .expect("JSON"),
                );
            }
            for answer in answers {
                if own {
                    assert!(answer["access_token"].is_string(), "{name} {aud}: {answer}");
                } else {
                    assert_eq!(answer["error_codes"][0], 500_011, "{name} {aud}: {answer}");
                }
            }
            let id = wire.sim.tenant_id();
            let roles = ["User.Read.All", "Machine.Read.All"];
            let token = wire.sim.mint(aud, id, &roles, 600);
            for (path, taker, refused) in [
                ("/v1.0/users?$top=1", *graph, 401),
                ("/api/machines?$top=1", *defender, 403),
            ] {
                let url = format!("{}{path}", wire.sim.base_url());
                let answer = wire.http.get(url).bearer_auth(&token).send().await;
                let status = answer.expect("an answer").status().as_u16();
                let expected = if aud == taker { 200 } else { refused };
                assert_eq!(status, expected, "{name} {aud} {path}");
            }
        }
        if portal.is_empty() {
            let (status, body) = wire
                .call(Method::GET, "/v1.0/security/incidents", None)
                .await;
            assert_eq!(status, 404, "{body}");
            continue;
        }
        for (path, field) in [
            ("/v1.0/security/incidents?$top=1", "incidentWebUrl"),
            ("/v1.0/security/alerts_v2?$top=1", "alertWebUrl"),
        ] {
            let page = wire.get(path).await;
            let url = text(&page["value"][0], field);
            assert!(url.starts_with(portal), "{name}: {url}");
        }
        let mails = "/v1.0/security/collaboration/analyzedEmails";
        let (status, _) = wire.call(Method::GET, mails, None).await;
        assert_eq!(status, if *graph == GRAPH { 200 } else { 404 }, "{name}");
    }
}

#[tokio::test]
async fn a_token_for_another_cloud_can_be_had_where_that_is_chosen() {
    let mut config = small("gcc");
    config.quirks.set("foreign-resource=issued").expect("known");
    let mut wire = Wire::start(config).await;
    let (status, _) = wire.call(Method::GET, "/api/machines?$top=1", None).await;
    assert_eq!(status, 200);
    wire.defender = wire.token(DEFENDER).await;
    let (status, body) = wire.call(Method::GET, "/api/machines?$top=1", None).await;
    assert_eq!(status, 403, "{body}");
}

#[tokio::test]
async fn licences_decide_what_is_served() {
    let sim = Sim::start(SimConfig {
        tenants: 5,
        incidents: 4,
        alerts: 8,
        machines: 4,
        ..quiet()
    })
    .await
    .expect("tenants");
    sim.clear_faults();
    let tenants = sim.tenants();
    let ask = async |name: &str, resource: &str, method: Method, path: &str, body: Value| {
        let tenant = tenants
            .iter()
            .find(|t| t.name == name)
            .expect("is one of them");
        let url = format!("{}/{}/oauth2/v2.0/token", sim.base_url(), tenant.id);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sim.client_id()),
            ("client_secret", sim.client_secret()),
            ("scope", &format!("{resource}/.default")),
        ];
        let token: Value = http()
            .post(url)
            .form(&form)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let request = http()
            .request(method, format!("{}{path}", sim.base_url()))
            .bearer_auth(text(&token, "access_token"));
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("text"))
    };
    let risky = "/v1.0/identityProtection/riskyUsers";
    let hunt = "/v1.0/security/runHuntingQuery";
    let query = serde_json::json!({"Query": "print 1"});
    for (name, resource, method, path, body, status, words) in [
        ("Contoso", GRAPH, Method::GET, risky, Value::Null, 200, ""),
        ("Contoso", GRAPH, Method::POST, hunt, query.clone(), 200, ""),
        ("Fabrikam", GRAPH, Method::GET, risky, Value::Null, 403, ""),
        (
            "Fabrikam",
            GRAPH,
            Method::POST,
            hunt,
            query,
            403,
            "Defender for Business",
        ),
        (
            "Northwind Traders",
            DEFENDER,
            Method::GET,
            "/api/machines",
            Value::Null,
            200,
            "",
        ),
        (
            "Woodgrove Bank",
            DEFENDER,
            Method::GET,
            "/api/machines",
            Value::Null,
            401,
            "Account is not provisioned",
        ),
    ] {
        let (got, said) = ask(name, resource, method, path, body).await;
        assert_eq!(got, status, "{name} {path}: {said}");
        assert!(said.contains(words), "{name} {path}: {said}");
    }
    let (_, machines) = ask(
        "Northwind Traders",
        DEFENDER,
        Method::GET,
        "/api/machines?$top=1",
        Value::Null,
    )
    .await;
    let machines: Value = serde_json::from_str(&machines).expect("JSON");
    let id = text(&machines["value"][0], "id");
    let (status, said) = ask(
        "Northwind Traders",
        DEFENDER,
        Method::GET,
        &format!("/api/machines/{id}/software"),
        Value::Null,
    )
    .await;
    assert_eq!(status, 401, "{said}");
    assert!(said.contains("No Tvm license"), "{said}");
    let (status, said) = ask(
        "Northwind Traders",
        DEFENDER,
        Method::POST,
        &format!("/api/machines/{id}/restrictCodeExecution"),
        serde_json::json!({"Comment": "containment"}),
    )
    .await;
    assert_eq!(status, 403, "{said}");
    assert!(said.contains("Plan 1"), "{said}");
}

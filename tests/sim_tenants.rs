//! Several tenants behind one port: own worlds, one application, own permissions. Raw requests only.

#[path = "support/sim_wire.rs"]
mod support;

use std::collections::BTreeSet;

use nightjar::sim::{Sim, SimConfig};
use serde_json::Value;
use support::{GRAPH, http, quiet, text};

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
            ("scope", &format!("{GRAPH}/.default")),
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

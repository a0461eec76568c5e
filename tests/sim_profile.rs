//! What the simulated tenant prints as ready-made settings is what the settings reader takes.

use std::path::Path;

use nightjar::config::Config;
use nightjar::sim::{Sim, SimConfig};

#[tokio::test]
async fn the_printed_profile_connects_to_the_tenant_that_printed_it() {
    let sim = Sim::start(SimConfig {
        incidents: 5,
        alerts: 5,
        machines: 5,
        ..SimConfig::default()
    })
    .await
    .expect("it starts");
    let loaded = Config::parse(&sim.profile_toml("sim"), Path::new("config.toml"));
    assert_eq!(loaded.problems, []);
    let profile = loaded.config.profile(Some("sim")).expect("a profile");
    let endpoints = profile.endpoints().expect("addresses");
    assert!(endpoints.is_loopback());
    assert!(endpoints.graph.as_str().starts_with(sim.base_url()));
    assert_eq!(profile.tenant_id, sim.tenant_id());
    sim.stop().await;
}

//! What the simulated tenant prints as ready-made settings is what the settings reader takes.

use std::path::Path;

use nightjar::auth::{Resource, TokenSource, http_client};
use nightjar::config::{Config, Profile};
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

#[tokio::test]
async fn over_https_the_printed_profile_trusts_the_tenants_own_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    let sim = Sim::start(SimConfig {
        incidents: 5,
        alerts: 5,
        machines: 5,
        tls: true,
        ca_file: Some(path.clone()),
        ..SimConfig::default()
    })
    .await
    .expect("it starts");
    assert!(sim.base_url().starts_with("https://localhost:"));
    assert_eq!(sim.ca_file(), Some(path.as_path()));
    let loaded = Config::parse(&sim.profile_toml("sim"), Path::new("config.toml"));
    assert_eq!(loaded.problems, []);
    let profile = loaded.config.profile(Some("sim")).expect("a profile");
    assert_eq!(profile.ca_file.as_deref(), Some(path.as_path()));

    let incidents = |profile: &Profile| {
        let endpoints = profile.endpoints().expect("addresses");
        let http = http_client(&endpoints, profile.ca_file.as_deref()).expect("a client");
        let tokens = TokenSource::new(profile, &endpoints, http);
        async move { tokens.token(Resource::Graph).await.map(|_| ()) }
    };
    incidents(profile).await.expect("it signs in");
    let strict = Profile {
        ca_file: None,
        ..profile.clone()
    };
    assert!(
        incidents(&strict).await.is_err(),
        "nobody else trusts that authority"
    );
    // Every name of this computer is in the certificate.
    let address = format!("https://127.0.0.1:{}", sim.addr().port());
    let by_number = Profile {
        authority: Some(address),
        ..profile.clone()
    };
    incidents(&by_number).await.expect("it signs in");
    sim.stop().await;
}

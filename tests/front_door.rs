//! Which audience a service takes, what stands between it and this machine, and what a refusal tells:
//! one connected tenant against a simulated one.

mod support;

use std::sync::Arc;

use nightjar::api::{
    ActionFilter, ApiError, ApiErrorKind, IsolationType, ListQuery, MachineFilter, Priority,
};
use nightjar::auth::Resource;
use nightjar::domain::MachineId;
use nightjar::sim::{Audience, Fault, FaultKind, SimConfig};
use nightjar::tenant::Tenant;
use support::tenant::{Rig, quiet};

const DOCUMENTED: &str = "https://api.securitycenter.microsoft.com";
const OTHER: &str = "https://api.security.microsoft.com";

async fn rig(audience: Audience) -> Rig {
    Rig::start(SimConfig {
        audience,
        ..quiet(4, 8)
    })
    .await
}

async fn machines(tenant: &Tenant) -> Result<Vec<MachineId>, ApiError> {
    let filter = MachineFilter::default();
    let listing = tenant.defender.machines(&filter, Priority::Interactive);
    let rows = listing.await?.rows;
    Ok(rows.into_iter().map(|row| row.value.id).collect())
}

async fn actions(tenant: &Tenant) -> usize {
    let filter = ActionFilter::default();
    let listing = tenant.defender.actions(&filter, Priority::Interactive);
    listing.await.expect("a list").rows.len()
}

async fn incidents(tenant: &Tenant) -> Result<(), ApiError> {
    let query = ListQuery::default();
    let asked = tenant.graph.incidents(&query, Priority::Interactive);
    asked.await.map(drop)
}

fn asked_for(tenant: &Tenant) -> Arc<str> {
    tenant.tokens.audience(Resource::Defender)
}

#[tokio::test]
async fn the_documented_audience_is_used_where_it_is_taken() {
    for mood in [Audience::Documented, Audience::Both] {
        let rig = rig(mood).await;
        let tenant = rig.connect();
        machines(&tenant).await.expect("taken");
        assert_eq!(&*asked_for(&tenant), DOCUMENTED);
        assert_eq!(*tenant.tokens.learned().borrow(), None);
    }
}

#[tokio::test]
async fn where_it_is_refused_the_other_one_is_tried_told_and_remembered() {
    let rig = rig(Audience::Migrated).await;
    let tenant = rig.connect();
    let (one, two) = tokio::join!(machines(&tenant), machines(&tenant));
    assert_eq!(one.expect("taken"), two.expect("taken as well"));
    assert_eq!(&*asked_for(&tenant), OTHER);
    let learned = tenant.tokens.learned().borrow().clone().expect("told");
    assert_eq!((&*learned.audience, &*learned.refused), (OTHER, DOCUMENTED));
    assert!(
        learned.to_string().contains("defender_audience"),
        "{learned}"
    );
    drop(tenant);
    // The next start begins with what worked, and has nothing to tell.
    let again = rig.connect();
    let before = rig.sim.requests();
    machines(&again).await.expect("taken");
    assert_eq!(rig.sim.requests() - before, 2, "one token, one list");
    assert_eq!(*again.tokens.learned().borrow(), None);
}

#[tokio::test]
async fn a_write_that_was_refused_for_its_audience_is_carried_out_once() {
    let rig = rig(Audience::Migrated).await;
    let (id, before) = {
        let tenant = rig.connect();
        let id = machines(&tenant).await.expect("taken").remove(0);
        (id, actions(&tenant).await)
    };
    // A store of its own, so that nothing is remembered.
    let store = nightjar::store::Store::in_memory().expect("a store");
    let tenant = Tenant::with_store(rig.profile(), store, Vec::new()).expect("connected");
    let sent = tenant.defender.isolate(&id, IsolationType::Full, "test");
    sent.await.expect("carried out");
    assert_eq!(actions(&tenant).await, before + 1);
}

#[tokio::test]
async fn an_audience_the_profile_names_is_never_replaced() {
    let rig = rig(Audience::Migrated).await;
    let mut profile = rig.profile();
    profile.defender_audience = Some(DOCUMENTED.to_owned());
    let tenant = Tenant::connect(profile, &rig.paths()).expect("connected");
    let error = machines(&tenant).await.expect_err("refused");
    assert_eq!(error.kind, ApiErrorKind::Forbidden);
    assert!(
        error.advice.contains("set defender_audience to"),
        "{}",
        error.advice
    );
    assert_eq!(&*asked_for(&tenant), DOCUMENTED);
}

#[tokio::test]
async fn a_missing_permission_does_not_change_the_audience() {
    let rig = rig(Audience::Documented).await;
    rig.sim
        .withhold_roles(&["Machine.Read.All", "Machine.ReadWrite.All"]);
    let tenant = rig.connect();
    let error = machines(&tenant).await.expect_err("refused");
    for part in [
        "Machine.Read.All",
        "application permission",
        "WindowsDefenderATP",
    ] {
        assert!(error.advice.contains(part), "{part}: {}", error.advice);
    }
    assert_eq!(&*asked_for(&tenant), DOCUMENTED);
}

#[tokio::test]
async fn who_answers_in_place_of_a_service_is_named_and_not_believed() {
    let rig = rig(Audience::Documented).await;
    let tenant = rig.connect();
    incidents(&tenant).await.expect("the token is there");
    for kind in [
        FaultKind::Portal(None),
        FaultKind::Portal(Some("http://wifi.hotel.example".to_owned())),
    ] {
        rig.sim
            .inject(Fault::once("/v1.0/security/incidents", kind));
        let error = incidents(&tenant).await.expect_err("not the service");
        assert_eq!(error.kind, ApiErrorKind::Decode, "{error:?}");
        assert!(error.message.contains("in place of"), "{error:?}");
        assert!(error.advice.contains("browser"), "{error:?}");
    }
    rig.sim
        .inject(Fault::once("/v1.0/security/incidents", FaultKind::Proxy));
    let error = incidents(&tenant).await.expect_err("not the service");
    assert!(error.advice.contains("HTTPS_PROXY"), "{error:?}");
    incidents(&tenant).await.expect("the service again");
}

#[tokio::test]
async fn how_far_the_clock_is_off_is_measured_from_the_answers() {
    let rig = rig(Audience::Documented).await;
    let tenant = rig.connect();
    assert_eq!(tenant.skew(), None);
    // The services' clock goes an hour ahead.
    rig.sim
        .inject(Fault::always("/v1.0/", FaultKind::Skew(3600)));
    incidents(&tenant).await.expect("answered");
    let skew = tenant.skew().expect("measured");
    assert!((skew.as_secs() + 3600).abs() < 60, "{skew}");
}

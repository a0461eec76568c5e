//! The feed against the simulated tenant: first sync, interruption, late rows, merges, mishaps.

mod support;

use std::time::Duration;

use nightjar::domain::{Change, Timestamp};
use nightjar::feed::{Feed, FeedEvent, FeedState, Level};
use nightjar::sim::{Fault, FaultKind, RetryAfter, SimConfig};
use nightjar::store::{Endpoint, Store};
use support::tenant::{Fed, Rig, hurried, quiet, until};
use tokio::sync::mpsc;

fn complete(store: &Store) -> bool {
    [Endpoint::Incidents, Endpoint::Alerts]
        .into_iter()
        .all(|endpoint| {
            let mark = store.watermark(endpoint).expect("readable");
            mark.is_some_and(|mark| mark.floor.is_none())
        })
}

fn counts(store: &Store) -> (usize, usize) {
    (
        store.incident_rows().expect("reads").len(),
        store.alert_rows().expect("reads").len(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_first_sync_has_the_newest_and_goes_on_where_it_was() {
    let rig = Rig::start(quiet(300, 700)).await;
    let tenant = rig.connect();
    // A listener that takes a few events and then none: the feed stands still in the middle.
    let (events, mut hearing) = mpsc::channel(1);
    let (settings, habits) = hurried();
    let feed = Feed::start_with(tenant.clone(), settings, habits, events);
    let mut pages = 0;
    while pages < 4 {
        if let FeedEvent::Changes(_) = hearing.recv().await.expect("it lives") {
            pages += 1;
        }
    }
    feed.shutdown().await;
    let (incidents, _) = counts(&tenant.store);
    assert!(!complete(&tenant.store), "interrupted in the middle");
    assert!(incidents < 300);
    let oldest_cached = tenant
        .store
        .incident_rows()
        .expect("reads")
        .iter()
        .map(|row| row.updated)
        .min();
    let before = rig.sim.requests();
    drop(tenant);

    let tenant = rig.connect();
    // Once round and no more: what is counted is the backlog.
    let (mut settings, habits) = hurried();
    settings.incidents_every = Duration::from_secs(3600);
    settings.alerts_every = Duration::from_secs(3600);
    settings.actions_every = Duration::from_secs(3600);
    let fed = Fed::start(&tenant, (settings, habits));
    until("the backlog is complete", || complete(&tenant.store)).await;
    let requests = rig.sim.requests() - before;
    assert_eq!(
        counts(&tenant.store),
        (300, 700),
        "nothing lost, nothing twice"
    );
    let rows = tenant.store.incident_rows().expect("reads");
    let later = rows
        .iter()
        .filter(|row| Some(row.updated) < oldest_cached)
        .count();
    assert_eq!(later, 300 - incidents, "the newest came first");
    assert!(requests < 60, "it began anew: {requests} requests");
    let counted: u32 = rows.iter().map(|row| row.alerts).sum();
    assert_eq!(counted, 700, "every alert counts in its incident");
    until("it is live", || {
        fed.health()
            .is_some_and(|health| health.state == FeedState::Live && health.syncing.is_none())
    })
    .await;
    fed.feed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_arrive_late_are_found_in_the_overlap() {
    let rig = Rig::start(quiet(40, 40)).await;
    let tenant = rig.connect();
    let fed = Fed::start(&tenant, hurried());
    until("it is complete", || complete(&tenant.store)).await;
    fed.feed.shutdown().await;
    // As if the newest had not been there yet when its time was read.
    let newest = tenant
        .store
        .incident_rows()
        .expect("reads")
        .into_iter()
        .max_by_key(|row| row.updated)
        .expect("one");
    let path = tenant.store.path().expect("a file").to_owned();
    drop(tenant);
    let raw = rusqlite::Connection::open(&path).expect("opens");
    raw.execute("DELETE FROM incident WHERE id = ?1", [newest.id.as_str()])
        .expect("deleted");
    drop(raw);

    let tenant = rig.connect();
    let fed = Fed::start(&tenant, hurried());
    until("the late row is there", || {
        tenant
            .store
            .incident_row(&newest.id)
            .expect("reads")
            .is_some()
    })
    .await;
    fed.feed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_is_followed_to_the_incident_it_went_to() {
    let rig = Rig::start(SimConfig {
        incidents: 5,
        alerts: 5,
        trickle: false,
        ..SimConfig::default()
    })
    .await;
    let tenant = rig.connect();
    let fed = Fed::start(&tenant, hurried());
    until("it is complete", || complete(&tenant.store)).await;
    let merged = || {
        fed.changes().into_iter().find_map(|change| match change {
            Change::Redirected { from, to: Some(to) } => Some((from, to)),
            _ => None,
        })
    };
    for _ in 0..40 {
        rig.sim.advance(Duration::from_secs(300));
        tokio::time::sleep(Duration::from_millis(50)).await;
        if merged().is_some() {
            break;
        }
    }
    until("the merge is told", || merged().is_some()).await;
    let (from, to) = merged().expect("just seen");
    assert_ne!(from, to);
    until("its target is read with its alerts", || {
        tenant
            .store
            .incident_row(&to)
            .expect("reads")
            .is_some_and(|row| row.alerts > 0)
    })
    .await;
    assert_eq!(tenant.store.merged_into(&from).expect("reads"), Some(to));
    fed.feed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_feed_says_until_when_and_comes_back() {
    let rig = Rig::start(quiet(20, 20)).await;
    let tenant = rig.connect();
    let fed = Fed::start(&tenant, hurried());
    until("it is complete", || complete(&tenant.store)).await;
    rig.sim.inject(Fault::once(
        "incidents",
        FaultKind::Throttle(RetryAfter::Seconds(1)),
    ));
    until("it says so", || {
        fed.healths()
            .iter()
            .any(|health| matches!(health.state, FeedState::Throttled { .. }))
    })
    .await;
    until("it is live again", || {
        fed.health()
            .is_some_and(|health| health.state == FeedState::Live)
    })
    .await;
    assert_eq!(counts(&tenant.store), (20, 20));
    fed.feed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_is_told_and_kept_and_stops_nothing() {
    let rig = Rig::start(quiet(120, 10)).await;
    rig.sim
        .inject(Fault::once("security/incidents", FaultKind::BadRow));
    let tenant = rig.connect();
    let fed = Fed::start(&tenant, hurried());
    until("it is complete", || complete(&tenant.store)).await;
    let (incidents, _) = counts(&tenant.store);
    assert!(incidents >= 119, "{incidents}");
    let kept = tenant.store.rejected(10).expect("reads");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].endpoint, "incidents");
    until("it is told", || {
        fed.notices().iter().any(|notice| {
            notice.level == Level::Warning && notice.text.contains("could not be understood")
        })
    })
    .await;
    until("it counts", || {
        fed.health().is_some_and(|health| health.rejected == 1)
    })
    .await;
    fed.feed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_told_and_the_rows_stay() {
    let rig = Rig::start(quiet(10, 10)).await;
    let tenant = rig.connect();
    let fed = Fed::start(&tenant, hurried());
    until("it is complete", || complete(&tenant.store)).await;
    rig.sim
        .inject(Fault::once("security/incidents", FaultKind::DropBefore).times(1000));
    until("it says so", || {
        fed.health()
            .is_some_and(|health| matches!(health.state, FeedState::Offline { .. }))
    })
    .await;
    assert_eq!(counts(&tenant.store), (10, 10));
    let gone = fed
        .changes()
        .iter()
        .any(|change| matches!(change, Change::IncidentGone(_)));
    assert!(!gone, "an error is never an empty list");
    rig.sim.clear_faults();
    fed.feed.refresh();
    until("it is live again", || {
        fed.health()
            .is_some_and(|health| health.state == FeedState::Live)
    })
    .await;
    fed.feed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_rests_the_feed_until_it_is_refreshed() {
    let rig = Rig::start(SimConfig {
        withheld_roles: [
            "SecurityIncident.Read.All",
            "SecurityIncident.ReadWrite.All",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..quiet(10, 10)
    })
    .await;
    let tenant = rig.connect();
    let fed = Fed::start(&tenant, hurried());
    let why = || match fed.health()?.state {
        FeedState::SignIn { why } => Some(why),
        _ => None,
    };
    until("it says so", || why().is_some()).await;
    let words = why().expect("just seen");
    assert!(words.contains("SecurityIncident.Read"), "{words}");
    let store = &tenant.store;
    assert_eq!(store.watermark(Endpoint::Incidents).expect("reads"), None);
    rig.sim.withhold_roles(&[]);
    fed.feed.refresh();
    until("it is complete", || complete(store)).await;
    until("it is live", || {
        fed.health()
            .is_some_and(|health| health.state == FeedState::Live)
    })
    .await;
    fed.feed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_incident_is_read_again_with_its_alerts() {
    let start = SimConfig {
        trickle: true,
        ..quiet(3, 3)
    };
    let rig = Rig::start(start).await;
    let tenant = rig.connect();
    // Listing alerts fails: what arrives, arrives with its incident.
    rig.sim
        .inject(Fault::once("security/alerts_v2", FaultKind::Status(500)).times(100_000));
    let (settings, mut habits) = hurried();
    habits.ladder = [20, 600_000].map(Duration::from_millis).to_vec();
    let fed = Fed::start(&tenant, (settings, habits));
    for _ in 0..30 {
        rig.sim.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let young = jiff::SignedDuration::from_mins(10);
    until("a young one has its alerts", || {
        let rows = tenant.store.incident_rows().expect("reads");
        rows.iter()
            .any(|row| row.alerts > 0 && Timestamp::now().duration_since(row.created) < young)
    })
    .await;
    fed.feed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_console_follows_what_the_first_one_reads() {
    let rig = Rig::start(quiet(10, 10)).await;
    let first = rig.connect();
    let second = rig.connect();
    let following = Fed::start(&second, hurried());
    until("it says that it only follows", || {
        following
            .notices()
            .iter()
            .any(|notice| notice.text.contains("another console"))
    })
    .await;
    let fed = Fed::start(&first, hurried());
    until("the second one is told", || {
        let rows = following
            .changes()
            .iter()
            .filter(|change| matches!(change, Change::Incident(_)))
            .count();
        rows >= 10
    })
    .await;
    fed.feed.shutdown().await;
    following.feed.shutdown().await;
}

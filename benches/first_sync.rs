//! The first synchronisation of a large tenant: the feed, which decodes, compresses, indexes and
//! stores, against a bare loop that drains the same pages and looks at nothing but the next link.
//! The tenant is the simulated one at 20,000 incidents, 100,000 alerts and 5,000 machines, in a
//! process of its own on loopback.
//!
//!     cargo bench --bench first_sync

#[path = "../tests/support/mod.rs"]
mod harness;
mod support;

use std::time::{Duration, Instant};

use harness::{Home, PROGRAM};
use nightjar::config::{FeedSettings, Paths, Profile};
use nightjar::feed::{Feed, FeedEvent};
use nightjar::store::Endpoint;
use nightjar::tenant::Tenant;
use support::service::{ALERTS, INCIDENTS, Service, next_link};
use support::{judged, resident_mb, say};
use tokio::sync::mpsc;

const ROUNDS: usize = 3;

fn main() {
    let begun = Instant::now();
    let service = Service::start(PROGRAM);
    say(&format!(
        "first synchronisation of {INCIDENTS} incidents and {ALERTS} alerts over loopback (tenant up in {:.1} s)",
        begun.elapsed().as_secs_f64()
    ));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut bare_best = Duration::MAX;
    let mut feed_best = Duration::MAX;
    for _ in 0..ROUNDS {
        let (took, pages, bytes) = runtime.block_on(bare(&service));
        bare_best = bare_best.min(took);
        say(&format!(
            "  bare loop  {:>6.2} s  {pages} pages, {:.1} MB",
            took.as_secs_f64(),
            bytes as f64 / 1e6
        ));
        let took = runtime.block_on(fed(&service.profile));
        feed_best = feed_best.min(took);
        say(&format!(
            "  feed       {:>6.2} s  {:.0} rows a second, {:.0} MB resident",
            took.as_secs_f64(),
            (INCIDENTS + ALERTS) as f64 / took.as_secs_f64(),
            resident_mb("self")
        ));
    }
    let ratio = feed_best.as_secs_f64() / bare_best.as_secs_f64();
    say(&format!(
        "  ratio      {ratio:.2}  (aim < 1.5: {})",
        judged(ratio < 1.5)
    ));
}

/// Drains both listings, side by side as the feed does.
async fn bare(service: &Service) -> (Duration, usize, usize) {
    let http = service.client();
    let base = service.base();
    let begun = Instant::now();
    let token = service.token(&http).await;
    let list = |name: &str, top: usize| {
        format!("{base}/v1.0/security/{name}?$top={top}&$orderby=lastUpdateDateTime%20desc")
    };
    let (incidents, alerts) = tokio::join!(
        drain(&http, &token, list("incidents", 50)),
        drain(&http, &token, list("alerts_v2", 200)),
    );
    (
        begun.elapsed(),
        incidents.0 + alerts.0,
        incidents.1 + alerts.1,
    )
}

async fn drain(http: &reqwest::Client, token: &str, first: String) -> (usize, usize) {
    let (mut pages, mut bytes) = (0, 0);
    let mut next = Some(first);
    while let Some(url) = next {
        let answer = http
            .get(url)
            .bearer_auth(token)
            .header("Prefer", "include-unknown-enum-members")
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        let body = answer.bytes().await.expect("a body");
        pages += 1;
        bytes += body.len();
        next = next_link(&body);
    }
    (pages, bytes)
}

/// A feed on an empty cache, until both backlogs are complete.
async fn fed(profile: &Profile) -> Duration {
    let home = Home::new();
    let paths = Paths {
        config: home.path("config"),
        data: home.path("data"),
        state: home.path("state"),
    };
    let settings = FeedSettings {
        backlog: Duration::from_secs(180 * 86400),
        retention: Duration::from_secs(400 * 86400),
        ..FeedSettings::default()
    };
    let begun = Instant::now();
    let tenant = Tenant::connect(profile.clone(), &paths).expect("connected");
    let (events, mut heard) = mpsc::channel(64);
    let feed = Feed::start(tenant.clone(), settings, events);
    let complete = |endpoint| {
        let mark = tenant.store.watermark(endpoint).expect("readable");
        mark.is_some_and(|mark| mark.floor.is_none())
    };
    loop {
        match heard.recv().await.expect("the feed lives") {
            FeedEvent::Notice(notice) => say(&format!("  the feed says: {}", notice.text)),
            FeedEvent::Changes(_) => {}
            FeedEvent::Health(_) => {
                if complete(Endpoint::Incidents) && complete(Endpoint::Alerts) {
                    break;
                }
            }
        }
    }
    let took = begun.elapsed();
    feed.shutdown().await;
    let rows = tenant.store.incident_rows().expect("rows").len();
    assert!(rows >= INCIDENTS, "{rows} incidents were stored");
    took
}

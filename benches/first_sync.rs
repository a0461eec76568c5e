//! The first synchronisation of a large tenant: the feed, which decodes, compresses, indexes and
//! stores, against a bare loop that drains the same pages and looks at nothing but the next link.
//! The tenant is the simulated one at 20,000 incidents, 100,000 alerts and 5,000 machines, in a
//! process of its own on loopback.
//!
//!     cargo bench --bench first_sync

#[path = "../tests/support/mod.rs"]
mod harness;
mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::{Home, PROGRAM};
use nightjar::config::{Config, FeedSettings, Paths, Profile};
use nightjar::feed::{Feed, FeedEvent};
use nightjar::store::Endpoint;
use nightjar::tenant::Tenant;
use support::{judged, resident_mb, say};
use tokio::sync::mpsc;

const INCIDENTS: usize = 20_000;
const ALERTS: usize = 100_000;
const MACHINES: usize = 5_000;
const ROUNDS: usize = 3;

fn main() {
    let begun = Instant::now();
    let (mut sim, profile) = start_sim();
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
        let (took, pages, bytes) = runtime.block_on(bare(&profile));
        bare_best = bare_best.min(took);
        say(&format!(
            "  bare loop  {:>6.2} s  {pages} pages, {:.1} MB",
            took.as_secs_f64(),
            bytes as f64 / 1e6
        ));
        let took = runtime.block_on(fed(&profile));
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
    let _ = sim.kill();
    let _ = sim.wait();
}

fn start_sim() -> (Child, Profile) {
    let scale = [INCIDENTS, ALERTS, MACHINES].map(|count| count.to_string());
    let mut sim = Command::new(PROGRAM)
        .args([
            "sim",
            "--listen",
            "127.0.0.1:0",
            "--no-story",
            "--no-trickle",
            "--quiet",
        ])
        .args([
            "--incidents",
            &scale[0],
            "--alerts",
            &scale[1],
            "--machines",
            &scale[2],
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the simulated tenant starts");
    let mut settings = String::new();
    let mut lines = BufReader::new(sim.stdout.take().expect("its output")).lines();
    while !settings.contains("defender_url") {
        let line = lines.next().expect("settings").expect("text");
        settings.push_str(&line);
        settings.push('\n');
    }
    let loaded = Config::parse(&settings, std::path::Path::new("sim.toml"));
    let profile = loaded.config.profile(None).expect("a profile").clone();
    (sim, profile)
}

/// Drains both listings, side by side as the feed does.
async fn bare(profile: &Profile) -> (Duration, usize, usize) {
    let endpoints = profile.endpoints().expect("addresses");
    let http = nightjar::api::http_client(&endpoints).expect("a client");
    let base = profile.graph_url.clone().expect("an address");
    let secret = match &profile.client_secret {
        Some(secret) => secret.read().expect("a secret"),
        None => panic!("the profile has no secret"),
    };
    let begun = Instant::now();
    let answer = http
        .post(format!("{base}/{}/oauth2/v2.0/token", profile.tenant_id))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &profile.client_id),
            (
                "client_secret",
                secrecy::ExposeSecret::expose_secret(&secret),
            ),
            ("scope", "https://graph.microsoft.com/.default"),
        ])
        .send()
        .await
        .expect("a token");
    let token: serde_json::Value = answer.json().await.expect("JSON");
    let token = token["access_token"].as_str().expect("a token").to_owned();
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

/// The next link, found without reading the JSON: it stands before or behind the rows.
fn next_link(body: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\"@odata.nextLink\":";
    let near = |place: usize, length: usize| {
        let end = (place + length).min(body.len());
        let part = &body[place..end];
        let at = part.windows(NAME.len()).position(|part| part == NAME)?;
        let rest = &part[at + NAME.len()..];
        let open = rest.iter().position(|byte| *byte == b'"')?;
        let close = open + 1 + rest[open + 1..].iter().position(|byte| *byte == b'"')?;
        String::from_utf8(rest[open + 1..close].to_vec()).ok()
    };
    near(0, 4096).or_else(|| near(body.len().saturating_sub(4096), 4096))
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

//! How fast the simulated tenant serves: requests a second and latency of a page of 50 incidents and
//! of a page of 1,000 alerts at 20,000 incidents, 100,000 alerts and 5,000 machines, its start and
//! its memory. The tenant is a process of its own on loopback; the client reads every body whole.
//!
//!     cargo bench --bench sim_pages

#[path = "../tests/support/mod.rs"]
mod harness;
mod support;

use std::time::{Duration, Instant};

use harness::PROGRAM;
use support::service::{ALERTS, INCIDENTS, Service, next_link};
use support::{Samples, judged, ms, resident_mb, say};

/// Aim for the 99th percentile of a page.
const PAGE: Duration = Duration::from_millis(20);
/// Aim for the start, until the first page has been answered.
const START: Duration = Duration::from_secs(3);
/// Aim for resident memory, in MB.
const MEMORY: f64 = 600.0;
/// Pages of one measurement.
const PAGES: usize = 300;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let begun = Instant::now();
    let service = Service::start(PROGRAM);
    let http = service.client();
    let base = service.base();
    let pid = service.pid().to_string();
    runtime.block_on(async {
        let token = service.token(&http).await;
        let client = Client { http, token };
        let incidents = format!("{base}/v1.0/security/incidents?$top=50");
        let alerts = format!("{base}/v1.0/security/alerts_v2?$top=1000");
        client.get(&incidents).await;
        let up = begun.elapsed();
        say(&format!(
            "the simulated tenant at {INCIDENTS} incidents and {ALERTS} alerts"
        ));
        say(&format!(
            "  start, to the first page     {}  (aim < 3 s: {})",
            ms(up),
            judged(up < START)
        ));
        // The hunting tables are filled beside the first requests; pages are measured after that.
        client.hunt(&base, "AlertInfo | count").await;
        say(&format!(
            "  hunting tables filled        {}",
            ms(begun.elapsed())
        ));
        for (what, first) in [
            ("50 incidents, page by page", incidents.clone()),
            ("50 incidents, changed lately", changed(&incidents)),
            ("50 incidents, open and high", filtered(&incidents)),
            ("1,000 alerts, page by page", alerts.clone()),
            ("1,000 alerts, changed lately", changed(&alerts)),
        ] {
            client.measure(what, &first).await;
        }
        let memory = resident_mb(&pid);
        say(&format!(
            "  memory                       {memory:.0} MB  (aim < {MEMORY:.0} MB: {})",
            judged(memory < MEMORY)
        ));
    });
}

fn changed(list: &str) -> String {
    format!(
        "{list}&$filter=lastUpdateDateTime%20ge%202020-01-01T00:00:00Z&$orderby=lastUpdateDateTime%20asc"
    )
}

fn filtered(list: &str) -> String {
    format!("{list}&$filter=status%20eq%20'active'%20and%20severity%20eq%20'high'")
}

struct Client {
    http: reqwest::Client,
    token: String,
}

impl Client {
    async fn get(&self, url: &str) -> Vec<u8> {
        let answer = self
            .http
            .get(url)
            .bearer_auth(&self.token)
            .header("Prefer", "include-unknown-enum-members")
            .header("Accept-Encoding", "identity")
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{} {url}", answer.status());
        answer.bytes().await.expect("a body").to_vec()
    }

    /// Waits for the answer of a query.
    async fn hunt(&self, base: &str, query: &str) {
        let answer = self
            .http
            .post(format!("{base}/v1.0/security/runHuntingQuery"))
            .bearer_auth(&self.token)
            .json(&serde_json::json!({ "Query": query }))
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Follows next links from the first page, and starts over at the end.
    async fn measure(&self, what: &str, first: &str) {
        let mut samples = Samples::default();
        let mut bytes = 0;
        let mut url = first.to_owned();
        let begun = Instant::now();
        for _ in 0..PAGES {
            let asked = Instant::now();
            let body = self.get(&url).await;
            samples.add(asked.elapsed());
            bytes += body.len();
            url = next_link(&body).unwrap_or_else(|| first.to_owned());
        }
        let rate = PAGES as f64 / begun.elapsed().as_secs_f64();
        say(&format!(
            "  {what:<29}{}  {rate:.0} a second, {:.0} kB each  (aim p99 < 20 ms: {})",
            samples.report(),
            bytes as f64 / PAGES as f64 / 1000.0,
            judged(samples.at(0.99) < PAGE)
        ));
    }
}

//! The simulated tenant as a process of its own, at the size that measurements are made at.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use nightjar::config::{Config, Profile};

/// Incidents of the large tenant.
pub const INCIDENTS: usize = 20_000;
/// Alerts of the large tenant.
pub const ALERTS: usize = 100_000;
/// Devices of the large tenant.
pub const MACHINES: usize = 5_000;

/// A running `nightjar sim`; dropping it ends the process.
pub struct Service {
    child: Child,
    /// Settings that connect to it, as it printed them.
    pub profile: Profile,
}

impl Service {
    /// Starts the large tenant without story or trickle, and waits until it says where it listens.
    pub fn start(program: &str) -> Self {
        let scale = [INCIDENTS, ALERTS, MACHINES].map(|count| count.to_string());
        let mut child = Command::new(program)
            .args(["sim", "--listen", "127.0.0.1:0"])
            .args(["--no-story", "--no-trickle", "--quiet"])
            .args(["--incidents", &scale[0]])
            .args(["--alerts", &scale[1]])
            .args(["--machines", &scale[2]])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulated tenant starts");
        let mut settings = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        while !settings.contains("defender_url") {
            let line = lines.next().expect("settings").expect("text");
            settings.push_str(&line);
            settings.push('\n');
        }
        let loaded = Config::parse(&settings, std::path::Path::new("sim.toml"));
        let profile = loaded.config.profile(None).expect("a profile").clone();
        Self { child, profile }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn base(&self) -> String {
        self.profile.graph_url.clone().expect("an address")
    }

    /// An HTTP client as nightjar's own are made.
    pub fn client(&self) -> reqwest::Client {
        let endpoints = self.profile.endpoints().expect("addresses");
        nightjar::api::http_client(&endpoints, self.profile.ca_file.as_deref()).expect("a client")
    }

    /// A token for Graph.
    pub async fn token(&self, http: &reqwest::Client) -> String {
        let secret = match &self.profile.client_secret {
            Some(secret) => secret.read().expect("a secret"),
            None => panic!("the profile has no secret"),
        };
        let answer = http
            .post(format!(
                "{}/{}/oauth2/v2.0/token",
                self.base(),
                self.profile.tenant_id
            ))
            .form(&[
                ("grant_type", "client_credentials"),
                ("client_id", &self.profile.client_id),
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
        token["access_token"].as_str().expect("a token").to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next link of a page, found without reading the JSON: it stands before or behind the rows.
pub fn next_link(body: &[u8]) -> Option<String> {
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

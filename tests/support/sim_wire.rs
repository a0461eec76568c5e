//! A bare HTTP client in front of a simulated tenant: what the tenant says, without any of our clients.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::time::Duration;

use nightjar::sim::{Sim, SimConfig, SimHandle};
use reqwest::{Method, Response};
use serde_json::Value;

/// The audience of Graph.
pub const GRAPH: &str = "https://graph.microsoft.com";
/// The audience of Defender for Endpoint.
pub const DEFENDER: &str = "https://api.securitycenter.microsoft.com";

/// A tenant and a client with a token for each audience.
pub struct Wire {
    pub sim: SimHandle,
    pub http: reqwest::Client,
    pub graph: String,
    pub defender: String,
}

/// A small tenant in which nothing happens by itself.
pub fn quiet() -> SimConfig {
    SimConfig {
        story: false,
        trickle: false,
        incidents: 120,
        alerts: 400,
        machines: 30,
        ..SimConfig::default()
    }
}

/// An HTTP client that speaks to loopback.
pub fn http() -> reqwest::Client {
    // A second test in this process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}

impl Wire {
    /// Starts a tenant and signs in to both services.
    pub async fn start(config: SimConfig) -> Self {
        let cloud = config.cloud;
        let sim = Sim::start(config).await.expect("the tenant starts");
        let http = http();
        let mut wire = Self {
            sim,
            http,
            graph: String::new(),
            defender: String::new(),
        };
        wire.graph = wire.token(cloud.graph()).await;
        if let Some(audience) = cloud.defender() {
            wire.defender = wire.token(audience).await;
        }
        wire
    }

    /// Posts a form to the token endpoint of a tenant.
    pub async fn ask_token(&self, tenant: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.sim.base_url());
        let response = self
            .http
            .post(url)
            .form(form)
            .send()
            .await
            .expect("an answer");
        (
            response.status().as_u16(),
            response.json().await.expect("JSON"),
        )
    }

    /// A token for an audience.
    pub async fn token(&self, audience: &str) -> String {
        let scope = format!("{audience}/.default");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.sim.client_id()),
            ("client_secret", self.sim.client_secret()),
            ("scope", &scope),
        ];
        let (status, body) = self.ask_token(self.sim.tenant_id(), &form).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Sends one request; the path decides which token goes along.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let below = path.strip_prefix(self.sim.base_url()).unwrap_or(path);
        let token = if below.starts_with("/api/") {
            &self.defender
        } else {
            &self.graph
        };
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.sim.base_url())
        };
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(token)
            .header("prefer", "include-unknown-enum-members")
            .header("client-request-id", "6f0a5c0e-0000-4000-8000-00000000a002");
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.expect("an answer")
    }

    /// Sends one request and reads status and JSON.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.send(method, path, body).await;
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    /// GETs what must be there.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Reads a collection to its end by next links: its rows and how many pages they came on.
    pub async fn drain(&self, path: &str) -> (Vec<Value>, usize) {
        let mut rows = Vec::new();
        let mut pages = 0;
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let mut page = self.get(&path).await;
            pages += 1;
            rows.append(page["value"].as_array_mut().expect("rows"));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
            if let Some(next) = &next {
                assert!(
                    next.starts_with(self.sim.base_url()),
                    "{next} leaves the host"
                );
            }
        }
        (rows, pages)
    }
}

/// The text at a place, empty when there is none.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// What a token says.
pub fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&bytes.expect("base64url")).expect("JSON")
}

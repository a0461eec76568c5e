//! The access log: one line a request, and why it was refused.
//!
//! Whatever a client sent may stand in it, so control characters are replaced: a log is read in a terminal.

use serde_json::Value;

use super::entra::Resource;
use super::faults::{FaultKind, Service};
use super::http::{Ask, Reply};
use super::steps::claims_of;

/// One answered request.
pub struct Entry<'a> {
    /// The request.
    pub ask: &'a Ask,
    /// The query, decoded.
    pub query: &'a str,
    /// The answer.
    pub reply: &'a Reply,
    /// The mishap, if there was one.
    pub fault: Option<&'a FaultKind>,
    /// Number of the tenant, from 1, where there are several.
    pub tenant: Option<usize>,
    /// How long it took.
    pub milliseconds: f64,
}

impl Entry<'_> {
    /// For people.
    pub fn text(&self) -> String {
        let query = if self.query.is_empty() {
            String::new()
        } else {
            format!("?{}", self.query)
        };
        let tenant = self.tenant.map(|n| format!(" #{n}")).unwrap_or_default();
        let fault = self.fault.map(|f| format!(" [fault: {}]", f.name()));
        let why = self.why().map(|w| format!(" {w}")).unwrap_or_default();
        let line = format!(
            "{}{tenant} {} {}{query} {} B {:.1} ms{}{why}",
            self.reply.status,
            self.ask.method,
            self.ask.path,
            self.reply.body.len(),
            self.milliseconds,
            fault.unwrap_or_default(),
        );
        line.chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect()
    }

    /// For programs: one JSON object.
    pub fn json(&self) -> String {
        serde_json::json!({
            "status": self.reply.status,
            "tenant": self.tenant.unwrap_or(1),
            "method": self.ask.method.as_str(),
            "path": self.ask.path,
            "query": self.query,
            "bytes": self.reply.body.len(),
            "ms": (self.milliseconds * 10.0).round() / 10.0,
            "requestId": self.ask.request_id,
            "fault": self.fault.map(FaultKind::name),
            "why": self.why(),
        })
        .to_string()
    }

    /// Why it was refused: what the service thought, and what its token has to do with it.
    fn why(&self) -> Option<String> {
        let status = self.reply.status;
        if status < 400 {
            return self.reply.why.clone();
        }
        let said = self.reply.why.as_deref().unwrap_or("no reason given");
        let claims = matches!(status, 401 | 403).then(|| claims_of(self.ask));
        let token = claims.flatten().and_then(|claims| token(self.ask, &claims));
        Some(match token {
            Some(token) => format!("{status}: {token} ({said})"),
            None if said.starts_with(&status.to_string()) => said.to_owned(),
            None => format!("{status}: {said}"),
        })
    }
}

/// What of a token may explain a refusal.
fn token(ask: &Ask, claims: &Value) -> Option<String> {
    let api = match Service::of(&ask.path) {
        Service::Entra => return None,
        Service::Graph => "Graph",
        Service::Defender => "the Defender API",
    };
    let aud = claims["aud"].as_str().unwrap_or_default();
    let resource = Resource::of_audience(aud).map(|r| match r.app_id {
        "00000003-0000-0000-c000-000000000000" => "Graph",
        "fc780465-2017-40d4-a0c5-307022471b92" => "the Defender API",
        "8ee8fdad-f234-4243-8f3b-15c294843740" => "Defender XDR",
        _ => aud,
    });
    if resource != Some(api) {
        let named = resource.unwrap_or(aud);
        return Some(format!("token audience is {named}, this is {api}"));
    }
    let mut held: Vec<&str> = claims["roles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    held.extend(
        claims["scp"]
            .as_str()
            .into_iter()
            .flat_map(str::split_whitespace),
    );
    Some(if held.is_empty() {
        "token has no permissions".into()
    } else {
        format!("token has {}", held.join(", "))
    })
}

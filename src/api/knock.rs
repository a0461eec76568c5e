//! Asking without changing anything, for whoever wants to know what works: a knock at a host without a
//! token, and one cheap read with one.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Method, header};
use serde_json::Value;
use url::Url;

use super::budget::Quota;
use super::error::{ApiError, ApiErrorKind, excerpt};
use super::gate::Priority;
use super::retry::Repeat;
use super::transport::{Call, Transport};
use super::url::{join, query};
use crate::auth::Resource;
use crate::auth::trouble::{self, Trouble};
use crate::domain::text::clean;

/// How much of an answer to a knock is read.
const GLANCE: usize = 16 * 1024;
/// The largest answer of a read.
const LARGEST: usize = 4 << 20;

/// What answered a knock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knock {
    /// HTTP status.
    pub status: u16,
    /// The clock of what answered.
    pub date: Option<Timestamp>,
    /// How far that clock is ahead of this machine's, in seconds, the way there and back counted half.
    pub ahead: Option<i64>,
    /// What makes it somebody else's answer: a portal's or a proxy's.
    pub stranger: Option<Trouble>,
    /// Whether the answer is JSON, as the services' are; an empty one passes.
    pub json: bool,
    /// The beginning of an answer that is not JSON, one safe line.
    pub excerpt: String,
    /// How long it took.
    pub took: Duration,
}

/// One read that changes nothing and costs little.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// For traces.
    pub operation: &'static str,
    /// Whose token.
    pub resource: Resource,
    /// Path segments; `{machine}` stands for a device's id.
    pub path: &'static [&'static str],
    /// Query options.
    pub options: &'static [(&'static str, &'static str)],
    /// A JSON body; it is then a `POST`.
    pub body: Option<&'static str>,
    /// Permissions of which one is enough.
    pub any_of: &'static [&'static str],
}

impl Transport {
    /// Asks an address without a token what it is. Redirects are not followed.
    ///
    /// # Errors
    /// Where nothing answers.
    pub async fn knock(&self, url: Url, patience: Duration) -> Result<Knock, Trouble> {
        let (started, asked) = (Instant::now(), Timestamp::now());
        let asked_of = url.clone();
        let exchange = async {
            let mut response = self
                .http()
                .get(url)
                .header(header::ACCEPT, "application/json")
                .send()
                .await?;
            let took = started.elapsed();
            let mut body = Vec::new();
            // What was read until the connection broke is enough to see what it is.
            while let Ok(Some(chunk)) = response.chunk().await {
                body.extend_from_slice(&chunk);
                if body.len() > GLANCE {
                    break;
                }
            }
            Ok::<_, reqwest::Error>((response, body, took))
        };
        let (response, body, took) = match tokio::time::timeout(patience, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(trouble::lost(&error)),
            Err(_) => {
                return Err(Trouble {
                    why: format!("no answer within {} seconds", patience.as_secs()),
                    cure: "a firewall or proxy may be in the way: let this machine reach it",
                });
            }
        };
        let text = |name: header::HeaderName| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(clean(value).into_owned())
        };
        let date = text(header::DATE)
            .and_then(|date| httpdate::parse_http_date(&date).ok())
            .and_then(|date| Timestamp::try_from(date).ok());
        let status = response.status().as_u16();
        let half = i64::try_from(took.as_secs() / 2).unwrap_or(0);
        let ahead = date.map(|date| date.as_second() - asked.as_second() - half);
        let kind = text(header::CONTENT_TYPE).unwrap_or_default();
        let json = body.is_empty()
            || kind.to_ascii_lowercase().contains("json")
            || serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
        Ok(Knock {
            status,
            date,
            ahead,
            stranger: trouble::intercepted(&asked_of, status, response.headers()),
            json,
            excerpt: if json { String::new() } else { excerpt(&body) },
            took,
        })
    }

    /// Makes a read; `machine` stands in for `{machine}` in its path.
    ///
    /// # Errors
    /// As every request.
    pub async fn probe(&self, probe: &Probe, machine: Option<&str>) -> Result<Value, ApiError> {
        let endpoints = self.endpoints();
        let (base, quota) = match probe.resource {
            Resource::Graph if probe.body.is_some() => (&endpoints.graph, Quota::GraphHunting),
            Resource::Graph => (&endpoints.graph, Quota::GraphSecurity),
            Resource::Defender => (&endpoints.defender, Quota::Defender),
        };
        let path: Vec<&str> = probe
            .path
            .iter()
            .map(|segment| match *segment {
                "{machine}" => machine.unwrap_or_default(),
                segment => segment,
            })
            .collect();
        let options: Vec<(&str, String)> = probe
            .options
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let answer = self
            .send(Call {
                operation: probe.operation,
                resource: probe.resource,
                quota,
                method: if probe.body.is_some() {
                    Method::POST
                } else {
                    Method::GET
                },
                url: query(join(base, &path)?, &options),
                body: probe.body.map(|body| body.as_bytes().to_vec()),
                repeat: Repeat::Read,
                priority: Priority::Interactive,
                attempts: 2,
                patience: Duration::from_secs(30),
                largest: LARGEST,
                any_of: probe.any_of,
            })
            .await?;
        serde_json::from_slice(&answer.body).map_err(|why| {
            let shown = excerpt(&answer.body);
            ApiError {
                message: format!("the answer is not the service's: {shown}").into(),
                ..answer.not_understood(&why.to_string())
            }
            .advise("a portal or proxy may answer in its place: open a page in a browser first")
        })
    }
}

impl ApiError {
    /// Nothing answered in the time a caller had.
    pub fn out_of_time(seconds: u64) -> Self {
        Self::local(
            ApiErrorKind::Timeout,
            format!("no answer within {seconds} seconds"),
        )
        .advise("try again; the service or the network is slow")
    }
}

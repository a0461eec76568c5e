//! Graph security: incidents, alerts, hunting (`graph-security` sheet).

mod hunting_schema;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Method;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::budget::Quota;
use super::error::{ApiError, ApiErrorKind, Reached};
use super::gate::Priority;
use super::hunting::{self, HuntTable};
use super::page::{NextLink, Page, RawPage, cut, decode_row};
use super::patch::{AlertPatch, IncidentPatch};
use super::retry::Repeat;
use super::transport::{Answer, Call, Transport};
use super::url::{join, query};
use crate::auth::Resource;
use crate::domain::{Alert, AlertId, BadRow, Comment, Incident, IncidentId, Raw, ResultTable};

/// What a page of incidents or alerts may weigh.
const PAGE_LARGEST: usize = 64 << 20;
/// What a hunting result may weigh; the service's own cap is 50 to 124 MB.
const HUNT_LARGEST: usize = 160 << 20;
/// How long a listing may take to begin.
const LIST_PATIENCE: Duration = Duration::from_secs(60);
/// A hunt runs three minutes at most; some more for the way.
const HUNT_PATIENCE: Duration = Duration::from_secs(200);

const READ_INCIDENTS: &[&str] = &[
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
];
const WRITE_INCIDENTS: &[&str] = &["SecurityIncident.ReadWrite.All"];
const READ_ALERTS: &[&str] = &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"];
const WRITE_ALERTS: &[&str] = &["SecurityAlert.ReadWrite.All"];
const HUNT: &[&str] = &["ThreatHunting.Read.All"];

/// Graph security, typed.
#[derive(Clone)]
pub struct GraphClient {
    transport: Transport,
    /// Page sizes, lowered once where the service names a smaller limit: incidents, alerts.
    sizes: Arc<[AtomicU32; 2]>,
}

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Changed at this time or later (`lastUpdateDateTime ge`).
    pub updated_since: Option<Timestamp>,
    /// Made at this time or later (`createdDateTime ge`).
    pub created_since: Option<Timestamp>,
    /// A further condition, OData, joined by `and`.
    pub filter: Option<String>,
    /// Rows a page; without it the most the service takes (50 incidents, 200 alerts).
    pub top: Option<u32>,
    /// Oldest change first, which is the order a watermark wants; else newest first.
    pub ascending: bool,
}

/// An incident with the alerts in it.
#[derive(Clone, Debug)]
pub struct IncidentWithAlerts {
    /// The incident, its JSON without the alerts.
    pub incident: Raw<Incident>,
    /// Its alerts; `None` where they were not asked for.
    pub alerts: Option<Vec<Raw<Alert>>>,
    /// Alerts that were not understood.
    pub bad: Vec<BadRow>,
    /// The service's clock.
    pub as_of: Timestamp,
}

/// A hunt to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HuntRequest {
    /// KQL.
    pub query: String,
    /// ISO 8601: `P7D`, `P7D/end`, `start/P7D`, `start/end`; without it the service takes 30 days.
    pub timespan: Option<String>,
}

/// What a hunt found.
#[derive(Clone, Debug)]
pub struct HuntAnswer {
    /// The result. The service cuts at 100,000 rows and does not say so.
    pub table: ResultTable,
    /// Rows that were no rows and were passed over.
    pub bad_rows: usize,
    /// The service's clock.
    pub as_of: Timestamp,
    /// From sending to the last byte.
    pub took: Duration,
    /// Bytes of the answer.
    pub bytes: usize,
}

/// A collection: where it is, its page size, who may read it.
#[derive(Clone, Copy)]
struct Collection {
    name: &'static str,
    operation: &'static str,
    size: usize,
    any_of: &'static [&'static str],
}

const INCIDENTS: Collection = Collection {
    name: "incidents",
    operation: "incidents.list",
    size: 0,
    any_of: READ_INCIDENTS,
};

const ALERTS: Collection = Collection {
    name: "alerts_v2",
    operation: "alerts.list",
    size: 1,
    any_of: READ_ALERTS,
};

impl GraphClient {
    /// The client of a transport.
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            sizes: Arc::new([AtomicU32::new(50), AtomicU32::new(200)]),
        }
    }

    /// The same client whose requests carry this `client-request-id`.
    #[must_use]
    pub fn tagged(&self, client_request_id: &str) -> Self {
        Self {
            transport: self.transport.tagged(client_request_id),
            sizes: Arc::clone(&self.sizes),
        }
    }

    /// The transport it stands on.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The first page of incidents.
    pub async fn incidents(
        &self,
        query: &ListQuery,
        priority: Priority,
    ) -> Result<Page<Incident>, ApiError> {
        Ok(self.raw_incidents(query, priority).await?.decode())
    }

    /// The first page of alerts, evidence inline.
    pub async fn alerts(
        &self,
        query: &ListQuery,
        priority: Priority,
    ) -> Result<Page<Alert>, ApiError> {
        Ok(self.raw_alerts(query, priority).await?.decode())
    }

    /// A further page of incidents.
    pub async fn next_incidents(
        &self,
        next: &NextLink,
        priority: Priority,
    ) -> Result<Page<Incident>, ApiError> {
        Ok(self.next_raw_incidents(next, priority).await?.decode())
    }

    /// A further page of alerts.
    pub async fn next_alerts(
        &self,
        next: &NextLink,
        priority: Priority,
    ) -> Result<Page<Alert>, ApiError> {
        Ok(self.next_raw_alerts(next, priority).await?.decode())
    }

    /// The first page of incidents, undecoded.
    pub async fn raw_incidents(
        &self,
        query: &ListQuery,
        priority: Priority,
    ) -> Result<RawPage<Incident>, ApiError> {
        self.list(INCIDENTS, query, priority).await
    }

    /// The first page of alerts, undecoded.
    pub async fn raw_alerts(
        &self,
        query: &ListQuery,
        priority: Priority,
    ) -> Result<RawPage<Alert>, ApiError> {
        self.list(ALERTS, query, priority).await
    }

    /// A further page of incidents, undecoded.
    pub async fn next_raw_incidents(
        &self,
        next: &NextLink,
        priority: Priority,
    ) -> Result<RawPage<Incident>, ApiError> {
        self.page(INCIDENTS, next.url.clone(), Some(next), priority)
            .await
    }

    /// A further page of alerts, undecoded.
    pub async fn next_raw_alerts(
        &self,
        next: &NextLink,
        priority: Priority,
    ) -> Result<RawPage<Alert>, ApiError> {
        self.page(ALERTS, next.url.clone(), Some(next), priority)
            .await
    }

    /// One incident, with its alerts where asked for. Where the service fails to bring both in one
    /// answer (it does, with many alerts), the alerts are listed over the incident's time instead.
    pub async fn incident(
        &self,
        id: &IncidentId,
        expand_alerts: bool,
        priority: Priority,
    ) -> Result<IncidentWithAlerts, ApiError> {
        let plain = self.address(&["incidents", id.as_str()])?;
        if expand_alerts {
            let url = query(plain.clone(), &[("$expand", "alerts".to_owned())]);
            let call = Call {
                attempts: 2,
                ..Self::read("incidents.get", url, priority, READ_INCIDENTS)
            };
            match self.transport.send(call).await {
                Ok(answer) => return split_incident(&answer, true),
                Err(error)
                    if matches!(error.kind, ApiErrorKind::Service | ApiErrorKind::Timeout) =>
                {
                    tracing::info!(%error, "alerts are listed instead of expanded");
                }
                Err(error) => return Err(error),
            }
        }
        let call = Self::read("incidents.get", plain, priority, READ_INCIDENTS);
        let answer = self.transport.send(call).await?;
        let mut found = split_incident(&answer, false)?;
        if expand_alerts {
            let (alerts, bad) = self.alerts_of(&found.incident.value, priority).await?;
            found.alerts = Some(alerts);
            found.bad.extend(bad);
        }
        Ok(found)
    }

    /// One alert.
    pub async fn alert(&self, id: &AlertId, priority: Priority) -> Result<Raw<Alert>, ApiError> {
        let url = self.address(&["alerts_v2", id.as_str()])?;
        let call = Self::read("alerts.get", url, priority, READ_ALERTS);
        one(&self.transport.send(call).await?)
    }

    /// Changes an incident; gives it as it now is.
    pub async fn update_incident(
        &self,
        id: &IncidentId,
        patch: &IncidentPatch,
    ) -> Result<Raw<Incident>, ApiError> {
        let url = self.address(&["incidents", id.as_str()])?;
        let call = Self::write(
            "incidents.update",
            Method::PATCH,
            url,
            patch,
            WRITE_INCIDENTS,
        );
        one(&self.transport.send(call).await?)
    }

    /// Changes an alert; gives it as it now is.
    pub async fn update_alert(
        &self,
        id: &AlertId,
        patch: &AlertPatch,
    ) -> Result<Raw<Alert>, ApiError> {
        let url = self.address(&["alerts_v2", id.as_str()])?;
        let call = Self::write("alerts.update", Method::PATCH, url, patch, WRITE_ALERTS);
        one(&self.transport.send(call).await?)
    }

    /// Comments on an incident; gives all its comments, newest last.
    pub async fn comment_incident(
        &self,
        id: &IncidentId,
        text: &str,
    ) -> Result<Vec<Comment>, ApiError> {
        let url = self.address(&["incidents", id.as_str(), "comments"])?;
        self.comment("incidents.comment", url, text, WRITE_INCIDENTS)
            .await
    }

    /// Comments on an alert; gives all its comments, newest last.
    pub async fn comment_alert(&self, id: &AlertId, text: &str) -> Result<Vec<Comment>, ApiError> {
        let url = self.address(&["alerts_v2", id.as_str(), "comments"])?;
        self.comment("alerts.comment", url, text, WRITE_ALERTS)
            .await
    }

    /// Runs a hunt. Cancelling drops the connection, which does not promise to stop the query there.
    pub async fn hunt(
        &self,
        request: &HuntRequest,
        cancel: CancellationToken,
    ) -> Result<HuntAnswer, ApiError> {
        let mut body = serde_json::Map::new();
        body.insert("Query".to_owned(), request.query.as_str().into());
        if let Some(timespan) = &request.timespan {
            body.insert("Timespan".to_owned(), timespan.as_str().into());
        }
        let url = self.address(&["runHuntingQuery"])?;
        let call = Call {
            quota: Quota::GraphHunting,
            repeat: Repeat::Hunt,
            attempts: 3,
            patience: HUNT_PATIENCE,
            largest: HUNT_LARGEST,
            priority: Priority::Interactive,
            ..Self::write("hunting.run", Method::POST, url, &body, HUNT)
        };
        let started = Instant::now();
        let answer = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(ApiError::cancelled(Reached::Maybe)),
            answer = self.transport.send(call) => answer?,
        };
        let took = started.elapsed();
        let Answer { body, as_of, .. } = answer;
        let bytes = body.len();
        let decoded = tokio::task::spawn_blocking(move || hunting::decode(&body)).await;
        let HuntTable { table, bad_rows } = match decoded {
            Ok(decoded) => decoded?,
            Err(why) => {
                return Err(ApiError::local(ApiErrorKind::Decode, why.to_string()));
            }
        };
        Ok(HuntAnswer {
            table,
            bad_rows,
            as_of,
            took,
            bytes,
        })
    }

    fn address(&self, segments: &[&str]) -> Result<Url, ApiError> {
        let mut path = vec!["v1.0", "security"];
        path.extend(segments);
        join(&self.transport.endpoints().graph, &path)
    }

    fn read(
        operation: &'static str,
        url: Url,
        priority: Priority,
        any_of: &'static [&'static str],
    ) -> Call {
        Call {
            operation,
            resource: Resource::Graph,
            quota: Quota::GraphSecurity,
            method: Method::GET,
            url,
            body: None,
            repeat: Repeat::Read,
            priority,
            attempts: 4,
            patience: LIST_PATIENCE,
            largest: PAGE_LARGEST,
            any_of,
        }
    }

    fn write(
        operation: &'static str,
        method: Method,
        url: Url,
        body: &impl serde::Serialize,
        any_of: &'static [&'static str],
    ) -> Call {
        Call {
            method,
            body: Some(serde_json::to_vec(body).unwrap_or_default()),
            repeat: Repeat::Write,
            ..Self::read(operation, url, Priority::Interactive, any_of)
        }
    }

    async fn comment(
        &self,
        operation: &'static str,
        url: Url,
        text: &str,
        any_of: &'static [&'static str],
    ) -> Result<Vec<Comment>, ApiError> {
        let body = serde_json::json!({
            "@odata.type": "microsoft.graph.security.alertComment",
            "comment": text,
        });
        let call = Self::write(operation, Method::POST, url, &body, any_of);
        let answer = self.transport.send(call).await?;
        #[derive(Deserialize)]
        struct Comments {
            value: Vec<serde_json::Value>,
        }
        let comments: Comments = serde_json::from_slice(&answer.body)
            .map_err(|why| answer.not_understood(&why.to_string()))?;
        let read = |comment| serde_json::from_value(comment).ok();
        Ok(comments.value.into_iter().filter_map(read).collect())
    }

    async fn list<T>(
        &self,
        what: Collection,
        list: &ListQuery,
        priority: Priority,
    ) -> Result<RawPage<T>, ApiError> {
        let own = &self.sizes[what.size];
        let top = list
            .top
            .unwrap_or(u32::MAX)
            .min(own.load(Ordering::Relaxed));
        let ask = |top: u32| {
            let url = query(self.address(&[what.name])?, &list.options(top));
            Ok::<_, ApiError>(self.page(what, url, None, priority))
        };
        match ask(top)?.await {
            Err(error) if error.kind == ApiErrorKind::BadRequest => {
                match limit_of(&error.message).filter(|limit| *limit < top) {
                    Some(limit) => {
                        own.store(limit, Ordering::Relaxed);
                        ask(limit)?.await
                    }
                    None => Err(error),
                }
            }
            answer => answer,
        }
    }

    async fn page<T>(
        &self,
        what: Collection,
        url: Url,
        asked: Option<&NextLink>,
        priority: Priority,
    ) -> Result<RawPage<T>, ApiError> {
        let call = Self::read(what.operation, url, priority, what.any_of);
        let answer = self.transport.send(call).await?;
        let ids = (answer.request_id, answer.client_request_id);
        cut(
            answer.body,
            &self.transport.endpoints().graph,
            asked,
            answer.as_of,
            answer.partial,
        )
        .map_err(|error| ApiError {
            status: Some(answer.status),
            request_id: ids.0,
            client_request_id: Some(ids.1),
            reached: Reached::Yes,
            ..error
        })
    }

    /// The alerts of an incident, found among all of its time: the service has no filter for it.
    async fn alerts_of(
        &self,
        incident: &Incident,
        priority: Priority,
    ) -> Result<(Vec<Raw<Alert>>, Vec<BadRow>), ApiError> {
        let list = ListQuery {
            // Alerts may be older than the incident they were put in.
            created_since: incident
                .created_date_time
                .and_then(|made| made.checked_sub(jiff::SignedDuration::from_hours(24)).ok()),
            ascending: true,
            ..ListQuery::default()
        };
        let (mut found, mut bad) = (Vec::new(), Vec::new());
        let mut page = self.alerts(&list, priority).await?;
        loop {
            let ours = |alert: &Raw<Alert>| alert.value.incident_id.as_ref() == Some(&incident.id);
            found.extend(page.rows.into_iter().filter(ours));
            bad.extend(page.bad);
            match page.next {
                Some(next) => page = self.next_alerts(&next, priority).await?,
                None => return Ok((found, bad)),
            }
        }
    }
}

impl ListQuery {
    fn options(&self, top: u32) -> Vec<(&'static str, String)> {
        let since =
            |field: &str, time: Option<Timestamp>| time.map(|it| format!("{field} ge {it}"));
        let conditions: Vec<String> = [
            since("lastUpdateDateTime", self.updated_since),
            since("createdDateTime", self.created_since),
            self.filter.clone().filter(|filter| !filter.is_empty()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let order = if self.ascending { "asc" } else { "desc" };
        vec![
            ("$filter", conditions.join(" and ")),
            ("$orderby", format!("lastUpdateDateTime {order}")),
            ("$top", top.to_string()),
        ]
    }
}

/// The number in "The limit of '50' for Top query has been exceeded".
fn limit_of(message: &str) -> Option<u32> {
    let lower = message.to_ascii_lowercase();
    if !lower.contains("limit") || !lower.contains("top") {
        return None;
    }
    let start = lower.find(|c: char| c.is_ascii_digit())?;
    let digits = &lower[start..];
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok().filter(|limit| *limit > 0)
}

fn one<T: DeserializeOwned>(answer: &Answer) -> Result<Raw<T>, ApiError> {
    let text =
        std::str::from_utf8(&answer.body).map_err(|why| answer.not_understood(&why.to_string()))?;
    decode_row(text).map_err(|bad| answer.not_understood(&bad.why))
}

/// Takes the alerts out of an expanded incident, so that their JSON is not kept twice.
fn split_incident(answer: &Answer, expanded: bool) -> Result<IncidentWithAlerts, ApiError> {
    let odd = |why: &dyn std::fmt::Display| answer.not_understood(&why.to_string());
    let text = std::str::from_utf8(&answer.body).map_err(|why| odd(&why))?;
    let Fields(fields) = serde_json::from_str(text).map_err(|why| odd(&why))?;
    let mut alerts = "[]";
    let mut rest = String::with_capacity(1024);
    for (name, value) in &fields {
        if name == "alerts" {
            alerts = value.get();
            continue;
        }
        rest.push(if rest.is_empty() { '{' } else { ',' });
        rest.push_str(&serde_json::Value::from(name.as_ref()).to_string());
        rest.push(':');
        rest.push_str(value.get());
    }
    rest.push_str(if rest.is_empty() { "{}" } else { "}" });
    let incident = decode_row(&rest).map_err(|bad| odd(&bad.why))?;
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    let items: Vec<&RawValue> = serde_json::from_str(alerts).unwrap_or_default();
    for item in items {
        match decode_row(item.get()) {
            Ok(row) => rows.push(row),
            Err(row) => bad.push(row),
        }
    }
    Ok(IncidentWithAlerts {
        incident,
        alerts: expanded.then_some(rows),
        bad,
        as_of: answer.as_of,
    })
}

/// An object's fields in their order, values undecoded.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_asks_for_what_changed_unrounded() {
        let list = ListQuery {
            updated_since: Some("2026-08-19T07:02:11.4133333Z".parse().expect("a time")),
            filter: Some("severity eq 'high'".to_owned()),
            ascending: true,
            ..ListQuery::default()
        };
        let options = list.options(50);
        assert_eq!(
            options[0].1,
            "lastUpdateDateTime ge 2026-08-19T07:02:11.4133333Z and severity eq 'high'"
        );
        assert_eq!(options[1].1, "lastUpdateDateTime asc");
    }

    #[test]
    fn the_limit_of_a_page_is_read_from_its_refusal() {
        let said = "The limit of '50' for Top query has been exceeded. The value from the incoming request is '51'.";
        assert_eq!(limit_of(said), Some(50));
        assert_eq!(limit_of("Invalid filter clause at position 12"), None);
        assert_eq!(limit_of("The limit for Top is nothing"), None);
    }

    #[test]
    fn an_expanded_incident_is_taken_apart() {
        let answer = Answer {
            status: 200,
            body: br#"{"id":"7","displayName":"a \"b\"","alerts":[{"id":"x","incidentId":"7"},{"bad":1}],"custom":{"deep":[1, 2]}}"#.to_vec(),
            as_of: Timestamp::UNIX_EPOCH,
            request_id: None,
            client_request_id: "c".into(),
            partial: None,
        };
        let found = split_incident(&answer, true).expect("taken apart");
        assert_eq!(
            found.incident.json.get(),
            r#"{"id":"7","displayName":"a \"b\"","custom":{"deep":[1, 2]}}"#
        );
        assert_eq!(found.alerts.expect("asked for").len(), 1);
        assert_eq!(found.bad.len(), 1);
    }
}

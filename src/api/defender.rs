//! Defender for Endpoint: machines and what is done to them (`defender-endpoint` sheet sections 5 to 8).
//!
//! Body names are in PascalCase and case matters. A 2xx on an action means accepted, never done.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::budget::Quota;
use super::error::{ApiError, ApiErrorKind, Reached};
use super::gate::Priority;
use super::page::{Listing, NextLink, Page, cut, decode_row};
use super::retry::Repeat;
use super::transport::{Call, Transport};
use super::url::{join, literal, query};
use crate::auth::Resource;
use crate::domain::{
    ActionId, ActionStatus, ActionType, IsolationType, LogonUser, Machine, MachineAction,
    MachineId, Raw, ScanType,
};

const LARGEST: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// Pages followed at most where a caller wants all: 10,000 rows a page.
const PAGES: usize = 200;

const READ: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
const READ_USERS: &[&str] = &["User.Read.All"];
const ISOLATE: &[&str] = &["Machine.Isolate"];
const SCAN: &[&str] = &["Machine.Scan"];
const CANCEL: &[&str] = &[
    "Machine.CollectForensics",
    "Machine.Isolate",
    "Machine.RestrictExecution",
    "Machine.Scan",
    "Machine.Offboard",
    "Machine.StopAndQuarantine",
    "Machine.LiveResponse",
];

/// Defender for Endpoint, typed.
#[derive(Clone)]
pub struct DefenderClient {
    transport: Transport,
}

/// Which machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineFilter {
    /// Beginning of the DNS name.
    pub name_prefix: Option<String>,
    /// Seen at this time or later.
    pub seen_since: Option<Timestamp>,
    /// Rows at most.
    pub top: Option<u32>,
}

/// Which machine actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionFilter {
    /// On this machine.
    pub machine: Option<MachineId>,
    /// Of this type.
    pub kind: Option<ActionType>,
    /// Of any of these states.
    pub status: Vec<ActionStatus>,
    /// Asked for at this time or later.
    pub since: Option<Timestamp>,
    /// Rows at most.
    pub top: Option<u32>,
}

impl DefenderClient {
    /// The client of a transport.
    pub fn new(transport: Transport) -> Self {
        Self { transport }
    }

    /// The same client whose requests carry this `client-request-id`.
    #[must_use]
    pub fn tagged(&self, client_request_id: &str) -> Self {
        Self {
            transport: self.transport.tagged(client_request_id),
        }
    }

    /// The transport it stands on.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// One machine, by id or DNS name.
    pub async fn machine(
        &self,
        id: &MachineId,
        priority: Priority,
    ) -> Result<Raw<Machine>, ApiError> {
        let url = self.address(&["machines", id.as_str()])?;
        self.one(Self::read("machines.get", url, priority, READ))
            .await
    }

    /// Machines. The service answers 404 where none match: that is an empty list here.
    pub async fn machines(
        &self,
        filter: &MachineFilter,
        priority: Priority,
    ) -> Result<Listing<Machine>, ApiError> {
        let conditions = [
            filter
                .name_prefix
                .as_deref()
                .map(|name| format!("startswith(computerDnsName,{})", literal(name))),
            filter.seen_since.map(|time| format!("lastSeen ge {time}")),
        ];
        let url = options(self.address(&["machines"])?, conditions, filter.top);
        let call = Self::read("machines.list", url, priority, READ);
        match self.all(call, filter.top).await {
            Err(error) if error.kind == ApiErrorKind::NotFound => Ok(Listing::default()),
            answer => answer,
        }
    }

    /// Who has logged on to a machine.
    pub async fn logon_users(
        &self,
        id: &MachineId,
        priority: Priority,
    ) -> Result<Listing<LogonUser>, ApiError> {
        let url = self.address(&["machines", id.as_str(), "logonusers"])?;
        let call = Self::read("machines.logonusers", url, priority, READ_USERS);
        self.all(call, None).await
    }

    /// Machine actions, in the service's order (newest first).
    pub async fn actions(
        &self,
        filter: &ActionFilter,
        priority: Priority,
    ) -> Result<Listing<MachineAction>, ApiError> {
        let states: Vec<String> = filter
            .status
            .iter()
            .map(|status| format!("status eq {}", literal(status.as_str())))
            .collect();
        let conditions = [
            filter
                .machine
                .as_ref()
                .map(|id| format!("machineId eq {}", literal(id.as_str()))),
            filter
                .kind
                .as_ref()
                .map(|kind| format!("type eq {}", literal(kind.as_str()))),
            (!states.is_empty()).then(|| format!("({})", states.join(" or "))),
            filter
                .since
                .map(|time| format!("creationDateTimeUtc ge {time}")),
        ];
        let url = options(self.address(&["machineactions"])?, conditions, filter.top);
        let call = Self::read("machineactions.list", url, priority, READ);
        self.all(call, filter.top).await
    }

    /// One machine action.
    pub async fn action(
        &self,
        id: &ActionId,
        priority: Priority,
    ) -> Result<Raw<MachineAction>, ApiError> {
        let url = self.address(&["machineactions", id.as_str()])?;
        self.one(Self::read("machineactions.get", url, priority, READ))
            .await
    }

    /// Cuts a machine off the network. While an isolation is pending the service may give that one
    /// instead of a new one: compare id and creation time.
    pub async fn isolate(
        &self,
        id: &MachineId,
        kind: IsolationType,
        comment: &str,
    ) -> Result<Raw<MachineAction>, ApiError> {
        let body = json!({ "Comment": comment, "IsolationType": kind.as_str() });
        self.act("machines.isolate", id, "isolate", &body, ISOLATE)
            .await
    }

    /// Releases a machine from isolation.
    pub async fn unisolate(
        &self,
        id: &MachineId,
        comment: &str,
    ) -> Result<Raw<MachineAction>, ApiError> {
        let body = json!({ "Comment": comment });
        self.act("machines.unisolate", id, "unisolate", &body, ISOLATE)
            .await
    }

    /// Starts an antivirus scan.
    pub async fn scan(
        &self,
        id: &MachineId,
        kind: ScanType,
        comment: &str,
    ) -> Result<Raw<MachineAction>, ApiError> {
        let body = json!({ "Comment": comment, "ScanType": kind.as_str() });
        self.act("machines.scan", id, "runAntiVirusScan", &body, SCAN)
            .await
    }

    /// Cancels a machine action that is not final; gives the same action. It may be done all the
    /// same: a cancel races the machine.
    pub async fn cancel(
        &self,
        id: &ActionId,
        comment: &str,
    ) -> Result<Raw<MachineAction>, ApiError> {
        let url = self.address(&["machineactions", id.as_str(), "cancel"])?;
        let body = json!({ "Comment": comment });
        self.one(Self::write("machineactions.cancel", url, &body, CANCEL))
            .await
    }

    fn address(&self, segments: &[&str]) -> Result<Url, ApiError> {
        let mut path = vec!["api"];
        path.extend(segments);
        join(&self.transport.endpoints().defender, &path)
    }

    fn read(
        operation: &'static str,
        url: Url,
        priority: Priority,
        any_of: &'static [&'static str],
    ) -> Call {
        Call {
            operation,
            resource: Resource::Defender,
            quota: Quota::Defender,
            method: Method::GET,
            url,
            body: None,
            repeat: Repeat::Read,
            priority,
            attempts: 4,
            patience: PATIENCE,
            largest: LARGEST,
            any_of,
        }
    }

    fn write(
        operation: &'static str,
        url: Url,
        body: &Value,
        any_of: &'static [&'static str],
    ) -> Call {
        Call {
            method: Method::POST,
            body: Some(body.to_string().into_bytes()),
            repeat: Repeat::Write,
            ..Self::read(operation, url, Priority::Interactive, any_of)
        }
    }

    async fn act(
        &self,
        operation: &'static str,
        id: &MachineId,
        verb: &str,
        body: &Value,
        any_of: &'static [&'static str],
    ) -> Result<Raw<MachineAction>, ApiError> {
        let url = self.address(&["machines", id.as_str(), verb])?;
        self.one(Self::write(operation, url, body, any_of)).await
    }

    async fn one<T: DeserializeOwned>(&self, call: Call) -> Result<Raw<T>, ApiError> {
        let answer = self.transport.send(call).await?;
        let text = std::str::from_utf8(&answer.body)
            .map_err(|why| answer.not_understood(&why.to_string()))?;
        decode_row(text).map_err(|bad| answer.not_understood(&bad.why))
    }

    /// All rows up to `top`, page by page; rows that are not understood stand beside them.
    async fn all<T: DeserializeOwned>(
        &self,
        first: Call,
        top: Option<u32>,
    ) -> Result<Listing<T>, ApiError> {
        let (operation, priority, any_of) = (first.operation, first.priority, first.any_of);
        let most = top.map_or(usize::MAX, |top| top as usize);
        let mut all = Listing::default();
        let mut page = self.page(first, None).await?;
        for _ in 0..PAGES {
            all.rows.extend(page.rows);
            all.bad.extend(page.bad);
            all.partial = all.partial.or(page.partial);
            let Some(next) = page.next.filter(|_| all.rows.len() < most) else {
                all.rows.truncate(most);
                return Ok(all);
            };
            let call = Self::read(operation, next.url.clone(), priority, any_of);
            page = self.page(call, Some(&next)).await?;
        }
        // A part must not pass for the whole.
        let what = format!(
            "the list goes on after {PAGES} pages and {} rows",
            all.rows.len()
        );
        let error = ApiError::local(ApiErrorKind::Decode, what).reached(Reached::Yes);
        Err(error.advise("ask for less with a filter or a limit"))
    }

    async fn page<T: DeserializeOwned>(
        &self,
        call: Call,
        asked: Option<&NextLink>,
    ) -> Result<Page<T>, ApiError> {
        let answer = self.transport.send(call).await?;
        let ids = (answer.request_id, answer.client_request_id);
        let base = &self.transport.endpoints().defender;
        let page = cut(answer.body, base, asked, answer.as_of, answer.partial);
        let page = page.map_err(|error| ApiError {
            status: Some(answer.status),
            request_id: ids.0,
            client_request_id: Some(ids.1),
            reached: Reached::Yes,
            ..error
        })?;
        Ok(page.decode())
    }
}

fn options(
    url: Url,
    conditions: impl IntoIterator<Item = Option<String>>,
    top: Option<u32>,
) -> Url {
    let conditions: Vec<String> = conditions.into_iter().flatten().collect();
    let top = top.map_or_else(String::new, |top| top.min(10_000).to_string());
    query(url, &[("$filter", conditions.join(" and ")), ("$top", top)])
}

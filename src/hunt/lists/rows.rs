//! The columns of each list.

use super::{Col, Facts, Listed, ticks};
use crate::domain::{
    AlertRow, IncidentRow, IncidentStatus, MachineAction, Of, ServiceSource, Severity, TacticSet,
    Timestamp,
};
use crate::engine::time::SECOND;
use crate::engine::{Type, Value};

fn text(it: impl AsRef<str>) -> Value {
    Value::String(it.as_ref().to_owned())
}

fn maybe(it: Option<&str>) -> Value {
    text(it.unwrap_or_default())
}

fn count(it: u32) -> Value {
    Value::Long(it.into())
}

fn moment(it: Option<Timestamp>) -> Value {
    it.map_or(Value::Null, |at| Value::DateTime(ticks(at)))
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    let texts: Vec<&str> = texts.collect();
    Value::Dynamic(serde_json::Value::from(texts).to_string())
}

fn tactics(set: TacticSet) -> Value {
    list(set.iter().map(crate::domain::Tactic::name))
}

/// As the hunting schema writes it.
fn severity(it: &Severity) -> Value {
    let mut text = it.as_str().to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Value::String(text)
}

fn rank(it: &Severity) -> Value {
    Value::Int(it.rank().into())
}

/// The product as the hunting schema names it.
fn product(it: &ServiceSource) -> Value {
    text(match it {
        ServiceSource::Endpoint => "Microsoft Defender for Endpoint",
        ServiceSource::Identity => "Microsoft Defender for Identity",
        ServiceSource::CloudApps => "Microsoft Defender for Cloud Apps",
        ServiceSource::Office365 => "Microsoft Defender for Office 365",
        ServiceSource::Xdr => "Microsoft 365 Defender",
        ServiceSource::EntraIdProtection => "AAD Identity Protection",
        ServiceSource::AppGovernance => "App Governance",
        ServiceSource::DataLossPrevention => "Microsoft Data Loss Prevention",
        ServiceSource::DefenderForCloud => "Microsoft Defender for Cloud",
        ServiceSource::Sentinel => "Microsoft Sentinel",
        other => other.as_str(),
    })
}

/// The time to the first action that its severity sets, in seconds.
fn target(row: &IncidentRow, facts: &Facts) -> Option<i64> {
    let index = match row.severity {
        Severity::High => 0,
        Severity::Medium => 1,
        Severity::Low => 2,
        Severity::Informational => 3,
        Severity::Unknown | Severity::Other(_) => return None,
    };
    Some(facts.sla[index])
}

/// Open and nobody has begun.
fn waits(row: &IncidentRow) -> bool {
    matches!(row.status, IncidentStatus::Active) && row.assigned_to.is_none()
}

fn due(row: &IncidentRow, facts: &Facts) -> Value {
    match target(row, facts).filter(|_| waits(row)) {
        Some(seconds) => Value::DateTime(ticks(row.created).saturating_add(seconds * SECOND)),
        None => Value::Null,
    }
}

/// A column and the value it has in a row.
macro_rules! columns {
    ($($name:ident $ty:ident |$row:ident, $facts:ident| $value:expr;)*) => {
        &[$(Col {
            name: stringify!($name),
            ty: Type::$ty,
            value: |$row: &Of<Self>, $facts: &Facts| { let _ = &$facts; $value },
        }),*]
    };
}

impl Listed for IncidentRow {
    const LIST: &'static str = "Incidents";
    const COLUMNS: &'static [Col<Self>] = columns! {
        IncidentId String |row, facts| text(row.id.as_str());
        Title String |row, facts| text(&row.title);
        Severity String |row, facts| severity(&row.severity);
        SeverityRank Int |row, facts| rank(&row.severity);
        Status String |row, facts| text(row.status.as_str());
        IsOpen Bool |row, facts| Value::Bool(row.status.is_open());
        AssignedTo String |row, facts| maybe(row.assigned_to.as_deref());
        IsMine Bool |row, facts| Value::Bool(facts.is_me(row.tenant, row.assigned_to.as_deref()));
        Classification String |row, facts| text(row.classification.as_str());
        Determination String |row, facts| text(row.determination.as_str());
        CreatedTime DateTime |row, facts| moment(Some(row.created));
        LastUpdateTime DateTime |row, facts| moment(Some(row.updated));
        SlaTarget TimeSpan |row, facts| target(row, facts).map_or(Value::Null, |it| Value::TimeSpan(it * SECOND));
        SlaDue DateTime |row, facts| due(row, facts);
        Tags Dynamic |row, facts| list(row.tags.iter().map(AsRef::as_ref));
        Tactics Dynamic |row, facts| tactics(row.tactics);
        AlertCount Long |row, facts| count(row.alerts);
        DeviceCount Long |row, facts| count(row.devices);
        UserCount Long |row, facts| count(row.users);
        PriorityScore Int |row, facts| row.priority.map_or(Value::Null, |it| Value::Int(it.into()));
        RedirectedTo String |row, facts| maybe(row.redirected_to.as_ref().map(crate::domain::IncidentId::as_str));
        FirstSeen DateTime |row, facts| moment(Some(row.first_seen));
        LastViewed DateTime |row, facts| moment(row.last_viewed);
        TenantName String |row, facts| text(facts.name(row.tenant));
    };
}

impl Listed for AlertRow {
    const LIST: &'static str = "Alerts";
    const COLUMNS: &'static [Col<Self>] = columns! {
        Timestamp DateTime |row, facts| moment(Some(row.created));
        AlertId String |row, facts| text(row.id.as_str());
        IncidentId String |row, facts| maybe(row.incident.as_ref().map(crate::domain::IncidentId::as_str));
        Title String |row, facts| text(&row.title);
        Subject String |row, facts| text(&row.subject);
        Category String |row, facts| maybe(row.category.as_deref());
        Tactics Dynamic |row, facts| tactics(row.tactics);
        Severity String |row, facts| severity(&row.severity);
        SeverityRank Int |row, facts| rank(&row.severity);
        Status String |row, facts| text(row.status.as_str());
        IsOpen Bool |row, facts| Value::Bool(row.status.is_open());
        AssignedTo String |row, facts| maybe(row.assigned_to.as_deref());
        IsMine Bool |row, facts| Value::Bool(facts.is_me(row.tenant, row.assigned_to.as_deref()));
        Classification String |row, facts| text(row.classification.as_str());
        ServiceSource String |row, facts| product(&row.source);
        FirstActivityTime DateTime |row, facts| moment(Some(row.first_activity));
        LastUpdateTime DateTime |row, facts| moment(Some(row.updated));
        EvidenceCount Long |row, facts| count(row.evidence);
        TenantName String |row, facts| text(facts.name(row.tenant));
    };
}

impl Listed for MachineAction {
    const LIST: &'static str = "Actions";
    const COLUMNS: &'static [Col<Self>] = columns! {
        Timestamp DateTime |row, facts| moment(row.creation_date_time_utc);
        ActionId String |row, facts| text(row.id.as_str());
        ActionType String |row, facts| text(row.kind.as_str());
        Scope String |row, facts| maybe(row.scope.as_deref());
        Status String |row, facts| text(row.status.as_str());
        IsOpen Bool |row, facts| Value::Bool(!row.status.is_final());
        Requestor String |row, facts| maybe(row.requestor.as_deref());
        RequestorComment String |row, facts| maybe(row.requestor_comment.as_deref());
        DeviceId String |row, facts| maybe(row.machine_id.as_ref().map(crate::domain::MachineId::as_str));
        DeviceName String |row, facts| maybe(row.computer_dns_name.as_deref());
        LastUpdateTime DateTime |row, facts| moment(row.last_update_date_time_utc);
        CancellationRequestor String |row, facts| maybe(row.cancellation_requestor.as_deref());
        CancellationComment String |row, facts| maybe(row.cancellation_comment.as_deref());
        TenantName String |row, facts| text(facts.name(row.tenant));
    };
}

//! `nightjar incidents …`: the queue without the screen.

use std::io;
use std::sync::Arc;

use super::args::{Global, IncidentCommand, IncidentList, Output};
use super::failure::Done;
use super::narrow::{self, Condition, Conditions};
use super::output::{Column, cut, whole, write_object};
use super::session::{api_failure, with_tenant, with_tenants};
use super::{edits, input};
use crate::api::{IncidentWithAlerts, Priority};
use crate::domain::{Incident, IncidentId, IncidentRow, IncidentStatus, Raw, Timestamp};
use crate::respond::Operation;
use crate::tenant::Tenant;

const COLUMNS: &[Column] = &[
    whole("ID", "id"),
    whole("SEVERITY", "severity"),
    whole("STATUS", "status"),
    cut("OWNER", "assignedTo", 32),
    whole("CREATED", "createdDateTime"),
    whole("UPDATED", "lastUpdateDateTime"),
    cut("CLASSIFICATION", "classification", 20),
    cut("DETERMINATION", "determination", 20),
    cut("TITLE", "displayName", 80),
];

/// Columns of the list that the service's rows say nothing of.
const LACKING: &[&str] = &[
    "SlaTarget",
    "SlaDue",
    "Tactics",
    "AlertCount",
    "DeviceCount",
    "UserCount",
    "FirstSeen",
    "LastViewed",
];

/// Does one of the `incidents` commands.
pub(crate) fn run(command: IncidentCommand, global: &Global) -> Done {
    let form = global.output;
    match command {
        IncidentCommand::List(list) => with_tenants(global, async |tenants| {
            let find = async |tenant| find(&tenant, &list).await;
            let top = list.narrow.top;
            tenants
                .list(form, COLUMNS, "lastUpdateDateTime", top, find)
                .await
        }),
        IncidentCommand::Show { id } => with_tenant(global, async |tenant| {
            let json = show(&tenant, &IncidentId::new(id)).await?;
            Ok(write_object(
                &mut io::stdout().lock(),
                form,
                COLUMNS,
                &json,
            )?)
        }),
        IncidentCommand::Update { id, edit } => with_tenant(global, async |tenant| {
            let id = IncidentId::new(id);
            let patch = edits::incident_patch(&tenant, &edit)?;
            let operation = Operation::UpdateIncident {
                id: id.clone(),
                patch,
            };
            edits::submit(&tenant, operation, None).await?;
            after(&tenant, &id, form).await
        }),
        IncidentCommand::Comment { id, text } => with_tenant(global, async |tenant| {
            let id = IncidentId::new(id);
            let text = input::argument(&text)?;
            let operation = Operation::CommentIncident {
                id: id.clone(),
                text,
            };
            edits::submit(&tenant, operation, None).await?;
            after(&tenant, &id, form).await
        }),
    }
}

/// The wanted incidents as the service sent them, the most recently updated first.
async fn find(tenant: &Arc<Tenant>, list: &IncidentList) -> Done<Vec<String>> {
    let wanted = Conditions::read(
        &list.narrow,
        list.status.as_deref(),
        &narrow::incident_statuses(),
        tenant,
        Timestamp::now(),
    )?;
    let condition = Condition::read(&list.narrow, tenant, Timestamp::now(), LACKING)?;
    let keeps = |row: &Raw<Incident>| {
        let incident = &row.value;
        wanted.keeps(
            incident.status.as_ref().map(IncidentStatus::as_str),
            incident.severity.as_ref(),
            incident.assigned_to.as_ref(),
            incident.last_update_date_time,
        )
    };
    let query = wanted.query();
    let mut rows = Vec::new();
    let mut page = tenant
        .graph
        .incidents(&query, Priority::Interactive)
        .await
        .map_err(api_failure)?;
    loop {
        let kept: Vec<&Raw<Incident>> = page.rows.iter().filter(|row| keeps(row)).collect();
        rows.extend(narrowed(&condition, &kept)?);
        narrow::say_bad(&page.bad);
        match page.next {
            Some(next) if rows.len() < wanted.top => {
                page = tenant
                    .graph
                    .next_incidents(&next, Priority::Interactive)
                    .await
                    .map_err(api_failure)?;
            }
            _ => break,
        }
    }
    rows.truncate(wanted.top);
    Ok(rows)
}

/// Those for which the condition holds, as the service sent them.
fn narrowed(condition: &Condition<IncidentRow>, kept: &[&Raw<Incident>]) -> Done<Vec<String>> {
    let now = Timestamp::now();
    let rows: Vec<IncidentRow> = kept.iter().map(|row| row.value.to_row(now)).collect();
    let passes = condition.passing(&rows)?;
    let wanted = kept.iter().zip(passes).filter(|(_, passes)| *passes);
    Ok(wanted.map(|(row, _)| row.json.get().to_owned()).collect())
}

/// One incident with its alerts in one object, as the service gives them where it can.
async fn show(tenant: &Arc<Tenant>, id: &IncidentId) -> Done<String> {
    let found = read(tenant, id, true).await?;
    narrow::say_bad(&found.bad);
    let json = found.incident.json.get();
    let alerts: Vec<&str> = found
        .alerts
        .iter()
        .flatten()
        .map(|alert| alert.json.get())
        .collect();
    let Some(open) = json.trim_end().strip_suffix('}') else {
        return Ok(json.to_owned());
    };
    Ok(format!("{open},\"alerts\":[{}]}}", alerts.join(",")))
}

async fn read(tenant: &Arc<Tenant>, id: &IncidentId, alerts: bool) -> Done<IncidentWithAlerts> {
    let found = tenant
        .graph
        .incident(id, alerts, Priority::Interactive)
        .await;
    found.map_err(api_failure)
}

/// What the incident has become, for forms a program reads; a person was told already.
async fn after(tenant: &Arc<Tenant>, id: &IncidentId, form: Output) -> Done {
    if form == Output::Table {
        return Ok(());
    }
    let found = read(tenant, id, false).await?;
    Ok(write_object(
        &mut io::stdout().lock(),
        form,
        COLUMNS,
        found.incident.json.get(),
    )?)
}

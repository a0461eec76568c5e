//! `nightjar alerts …`: alerts of all incidents without the screen.

use std::io;
use std::sync::Arc;

use super::args::{AlertCommand, AlertList, Global, Output};
use super::failure::Done;
use super::narrow::{self, Condition, Conditions};
use super::output::{Column, cut, whole, write_object};
use super::session::{api_failure, with_tenant, with_tenants};
use super::{edits, input};
use crate::api::Priority;
use crate::domain::{Alert, AlertId, AlertRow, AlertStatus, IncidentId, Raw, Timestamp};
use crate::respond::Operation;
use crate::tenant::Tenant;

const COLUMNS: &[Column] = &[
    whole("ID", "id"),
    whole("SEVERITY", "severity"),
    whole("STATUS", "status"),
    whole("INCIDENT", "incidentId"),
    cut("SOURCE", "serviceSource", 28),
    cut("OWNER", "assignedTo", 32),
    whole("CREATED", "createdDateTime"),
    whole("UPDATED", "lastUpdateDateTime"),
    cut("CLASSIFICATION", "classification", 20),
    cut("DETERMINATION", "determination", 20),
    cut("TITLE", "title", 80),
];

/// Columns of the list that the service's rows say nothing of.
const LACKING: &[&str] = &[];

/// Does one of the `alerts` commands.
pub(crate) fn run(command: AlertCommand, global: &Global) -> Done {
    let form = global.output;
    match command {
        AlertCommand::List(list) => with_tenants(global, async |tenants| {
            let find = async |tenant| find(&tenant, &list).await;
            let top = list.narrow.top;
            tenants
                .list(form, COLUMNS, "lastUpdateDateTime", top, find)
                .await
        }),
        AlertCommand::Show { id } => with_tenant(global, async |tenant| {
            let json = show(&tenant, &AlertId::new(id)).await?;
            Ok(write_object(
                &mut io::stdout().lock(),
                form,
                COLUMNS,
                &json,
            )?)
        }),
        AlertCommand::Update { id, edit } => with_tenant(global, async |tenant| {
            let id = AlertId::new(id);
            let patch = edits::alert_patch(&tenant, &edit)?;
            let operation = Operation::UpdateAlert {
                id: id.clone(),
                patch,
            };
            edits::submit(&tenant, operation, None).await?;
            after(&tenant, &id, form).await
        }),
        AlertCommand::Comment { id, text } => with_tenant(global, async |tenant| {
            let id = AlertId::new(id);
            let text = input::argument(&text)?;
            let operation = Operation::CommentAlert {
                id: id.clone(),
                text,
            };
            edits::submit(&tenant, operation, None).await?;
            after(&tenant, &id, form).await
        }),
    }
}

/// The wanted alerts as the service sent them, the most recently updated first.
async fn find(tenant: &Arc<Tenant>, list: &AlertList) -> Done<Vec<String>> {
    let wanted = Conditions::read(
        &list.narrow,
        list.status.as_deref(),
        &narrow::alert_statuses(),
        tenant,
        Timestamp::now(),
    )?;
    let condition = Condition::read(&list.narrow, tenant, Timestamp::now(), LACKING)?;
    let keeps = |row: &Raw<Alert>| {
        let alert = &row.value;
        wanted.keeps(
            alert.status.as_ref().map(AlertStatus::as_str),
            alert.severity.as_ref(),
            alert.assigned_to.as_ref(),
            alert.last_update_date_time,
        )
    };
    let mut rows = Vec::new();
    if let Some(incident) = &list.incident {
        let incident = IncidentId::new(incident.as_str());
        let found = tenant
            .graph
            .incident(&incident, true, Priority::Interactive)
            .await
            .map_err(api_failure)?;
        narrow::say_bad(&found.bad);
        let alerts = found.alerts.iter().flatten();
        let kept: Vec<&Raw<Alert>> = alerts.filter(|row| keeps(row)).collect();
        rows.extend(narrowed(&condition, &kept)?);
        rows.truncate(wanted.top);
        return Ok(rows);
    }
    let query = wanted.query();
    let mut page = tenant
        .graph
        .alerts(&query, Priority::Interactive)
        .await
        .map_err(api_failure)?;
    loop {
        let kept: Vec<&Raw<Alert>> = page.rows.iter().filter(|row| keeps(row)).collect();
        rows.extend(narrowed(&condition, &kept)?);
        narrow::say_bad(&page.bad);
        match page.next {
            Some(next) if rows.len() < wanted.top => {
                page = tenant
                    .graph
                    .next_alerts(&next, Priority::Interactive)
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
fn narrowed(condition: &Condition<AlertRow>, kept: &[&Raw<Alert>]) -> Done<Vec<String>> {
    let now = Timestamp::now();
    let rows: Vec<AlertRow> = kept.iter().map(|row| row.value.to_row(now)).collect();
    let passes = condition.passing(&rows)?;
    let wanted = kept.iter().zip(passes).filter(|(_, passes)| *passes);
    Ok(wanted.map(|(row, _)| row.json.get().to_owned()).collect())
}

/// One alert with its evidence, as the service sent it.
async fn show(tenant: &Arc<Tenant>, id: &AlertId) -> Done<String> {
    let found = tenant
        .graph
        .alert(id, Priority::Interactive)
        .await
        .map_err(api_failure)?;
    Ok(found.json.get().to_owned())
}

/// What the alert has become, for forms a program reads; a person was told already.
async fn after(tenant: &Arc<Tenant>, id: &AlertId, form: Output) -> Done {
    if form == Output::Table {
        return Ok(());
    }
    let found = tenant
        .graph
        .alert(id, Priority::Interactive)
        .await
        .map_err(api_failure)?;
    Ok(write_object(
        &mut io::stdout().lock(),
        form,
        COLUMNS,
        found.json.get(),
    )?)
}

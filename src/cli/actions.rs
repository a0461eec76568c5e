//! `nightjar actions …`: what is asked of machines, and what became of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::args::{ActionCommand, Global, Output, RunAction};
use super::edits;
use super::failure::{Done, Failure};
use super::narrow::{member, names};
use super::output::{Column, cut, whole, write_object};
use super::say;
use super::session::{api_failure, with_tenant, with_tenants};
use crate::api::{ActionFilter, Priority};
use crate::domain::{
    ActionId, ActionStatus, IsolationType, MachineAction, MachineId, Raw, ScanType,
};
use crate::respond::Operation;
use crate::tenant::Tenant;

const COLUMNS: &[Column] = &[
    whole("ID", "id"),
    cut("ACTION", "type", 28),
    cut("SCOPE", "scope", 12),
    cut("STATUS", "status", 12),
    cut("MACHINE", "computerDnsName", 40),
    cut("REQUESTOR", "requestor", 32),
    whole("CREATED", "creationDateTimeUtc"),
    cut("COMMENT", "requestorComment", 60),
];

/// The first and the longest pause between two looks at an action that is waited for.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Does one of the `actions` commands.
pub(crate) fn run(command: ActionCommand, global: &Global) -> Done {
    let form = global.output;
    match command {
        ActionCommand::List {
            machine,
            status,
            top,
        } => with_tenants(global, async |tenants| {
            let find = async |tenant| find(&tenant, machine.clone(), status.as_deref(), top).await;
            let newest = "creationDateTimeUtc";
            tenants.list(form, COLUMNS, newest, top, find).await
        }),
        ActionCommand::Show { id } => with_tenant(global, async |tenant| {
            let found = look(&tenant, &ActionId::new(id)).await?;
            show(&found, form)
        }),
        ActionCommand::Run {
            action,
            machine,
            comment,
            confirm,
            wait,
        } => with_tenant(global, async |tenant| {
            let operation = operation(action, MachineId::new(machine), comment);
            let begun = edits::submit(&tenant, operation, confirm.as_deref()).await?;
            follow(&tenant, begun, wait, form).await
        }),
        ActionCommand::Cancel { id, comment } => with_tenant(global, async |tenant| {
            let operation = Operation::CancelAction {
                action: ActionId::new(id),
                comment,
            };
            let cancelled = edits::submit(&tenant, operation, None).await?;
            follow(&tenant, cancelled, false, form).await
        }),
    }
}

async fn find(
    tenant: &Arc<Tenant>,
    machine: Option<String>,
    status: Option<&str>,
    top: usize,
) -> Done<Vec<String>> {
    let status = status
        .map(|given| member("--status", given, &names(ActionStatus::KNOWN)))
        .transpose()?;
    let filter = ActionFilter {
        machine: machine.map(MachineId::new),
        status: status
            .iter()
            .map(|name| ActionStatus::parse(name))
            .collect(),
        top: Some(u32::try_from(top).unwrap_or(u32::MAX)),
        ..ActionFilter::default()
    };
    let found = tenant
        .defender
        .actions(&filter, Priority::Interactive)
        .await
        .map_err(api_failure)?;
    Ok(found.iter().map(|row| row.json.get().to_owned()).collect())
}

fn operation(action: RunAction, machine: MachineId, comment: String) -> Operation {
    match action {
        RunAction::Isolate => Operation::Isolate {
            machine,
            kind: IsolationType::Full,
            comment,
        },
        RunAction::IsolateSelective => Operation::Isolate {
            machine,
            kind: IsolationType::Selective,
            comment,
        },
        RunAction::Release => Operation::Unisolate { machine, comment },
        RunAction::ScanQuick => Operation::Scan {
            machine,
            kind: ScanType::Quick,
            comment,
        },
        RunAction::ScanFull => Operation::Scan {
            machine,
            kind: ScanType::Full,
            comment,
        },
    }
}

async fn look(tenant: &Arc<Tenant>, id: &ActionId) -> Done<Raw<MachineAction>> {
    tenant
        .defender
        .action(id, Priority::Interactive)
        .await
        .map_err(api_failure)
}

fn show(action: &Raw<MachineAction>, form: Output) -> Done {
    Ok(write_object(
        &mut io::stdout().lock(),
        form,
        COLUMNS,
        action.json.get(),
    )?)
}

/// Shows the action, at its end where that is waited for; an action that did not succeed is a
/// refusal to whoever waited.
async fn follow(
    tenant: &Arc<Tenant>,
    begun: Option<MachineAction>,
    wait: bool,
    form: Output,
) -> Done {
    let Some(begun) = begun else { return Ok(()) };
    let mut now = look(tenant, &begun.id).await?;
    let mut pause = PAUSES.0;
    while wait && !now.value.status.is_final() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
        now = look(tenant, &begun.id).await?;
    }
    show(&now, form)?;
    if wait && now.value.status != ActionStatus::Succeeded {
        return Err(Failure::refused(format!(
            "action {}: {}",
            begun.id, now.value.status
        )));
    }
    if wait {
        say(&format!("action {}: succeeded", begun.id));
    }
    Ok(())
}

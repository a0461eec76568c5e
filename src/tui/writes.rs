//! Writes as the console sees them: what is on its way, what came of it, what takes it back. Sending
//! is `respond`'s alone.

use jiff::Timestamp;

use super::commands::Command;
use super::data::{Level, Undo};
use super::msg::{Act, DeviceRef, Effect, Write};
use super::screen::Cx;
use super::screens;
use super::screens::picker::Picker;
use super::screens::preflight::Preflight;
use super::state::State;
use super::widgets::list::Row;
use crate::domain::{Change, IsolationType, Of, ScanType, TenantNo};
use crate::respond::{self, Confirm, Operation, Outcome};

/// Sends changes that need no confirmation.
pub(super) fn send(state: &mut State, write: Write, now: Timestamp, effects: &mut Vec<Effect>) {
    let mut tenants = write
        .operations
        .iter()
        .map(|(operation, _)| operation.tenant);
    let first = tenants.next();
    if !write.agreed && tenants.any(|tenant| Some(tenant) != first) {
        state.open(screens::agree(write));
        return;
    }
    let batch = state.data.ticket();
    let several = write.operations.len() > 1;
    let mut refused = std::collections::BTreeSet::new();
    for (operation, seen) in write.operations {
        let tenant = operation.tenant;
        if state.data.tenants.is_read_only(tenant) {
            if refused.insert(tenant) {
                let text = "read-only: nothing can be sent";
                state.say_of(tenant, Level::Warning, text, now);
            }
            continue;
        }
        // A change that asks for a confirmation never goes this way.
        if respond::spec(&operation).confirm != Confirm::None {
            state.say(
                Level::Error,
                "this change asks for a confirmation; nothing was sent",
                now,
            );
            continue;
        }
        let ticket = state.data.ticket();
        let label = match &operation.it {
            Operation::UpdateIncident { id, .. } if several => {
                format!("incident {id}: {}", write.label)
            }
            _ => write.label.clone(),
        };
        state
            .data
            .writing
            .push((ticket, batch, write.label.clone()));
        effects.push(Effect::Submit {
            ticket,
            label,
            operation,
            typed: None,
            seen,
        });
    }
}

/// What changed in the cache with an outcome.
pub(super) fn changes(outcome: &Outcome) -> &[Change] {
    match outcome {
        Outcome::Done { changes, .. }
        | Outcome::Accepted { changes, .. }
        | Outcome::Changed { changes, .. } => changes,
        Outcome::Refused { .. }
        | Outcome::Unknown { .. }
        | Outcome::NotConfirmed
        | Outcome::ReadOnly => &[],
    }
}

/// Says what came of a write and keeps what takes it back.
pub(super) fn settled(
    state: &mut State,
    ticket: u64,
    label: &str,
    tenant: TenantNo,
    outcome: &Outcome,
    now: Timestamp,
) {
    let at = state
        .data
        .writing
        .iter()
        .position(|(known, _, _)| *known == ticket);
    let batch = at.map(|at| state.data.writing.remove(at));
    let (batch, words) = batch.map_or((ticket, label.to_owned()), |(_, batch, words)| {
        (batch, words)
    });
    let undo = match outcome {
        Outcome::Done { undo, .. } | Outcome::Accepted { undo, .. } => undo.clone(),
        _ => None,
    };
    let key = state
        .keymap
        .key_of(Command::Undo)
        .unwrap_or_else(|| ":undo".into());
    let back = if undo.is_some() {
        format!("   {key} undoes")
    } else {
        String::new()
    };
    let (level, text) = match outcome {
        Outcome::Done { .. } => {
            let left = state
                .data
                .writing
                .iter()
                .filter(|(_, known, _)| *known == batch)
                .count();
            let more = if left > 0 {
                format!(", {left} to go")
            } else {
                String::new()
            };
            (Level::Info, format!("{words}{more}{back}"))
        }
        Outcome::Accepted {
            action,
            attached: false,
            ..
        } => {
            let device = action.computer_dns_name.as_deref().unwrap_or_default();
            let text = format!(
                "{label} on {device}: accepted, now {}; 4 follows it{back}",
                action.status
            );
            (Level::Info, text)
        }
        Outcome::Accepted {
            action,
            attached: true,
            ..
        } => {
            let text = format!(
                "{label}: was {} already, nothing new was started; 4 follows it",
                action.status
            );
            (Level::Warning, text)
        }
        Outcome::Refused { why, .. } => (Level::Error, format!("{label}: not done. {why}")),
        Outcome::Unknown { why, .. } => {
            let text = format!(
                "{label}: outcome unknown, do not send it again. {why} The journal (5) has it."
            );
            (Level::Error, text)
        }
        Outcome::Changed { theirs, .. } => {
            let what: Vec<String> = theirs
                .iter()
                .map(|(field, was, is)| format!("{field} was {was}, is {is}"))
                .collect();
            let text = format!(
                "{label}: not sent, somebody changed it meanwhile ({}). Look again, then repeat.",
                what.join("; ")
            );
            (Level::Warning, text)
        }
        Outcome::NotConfirmed => (
            Level::Warning,
            format!("{label}: not confirmed, nothing was sent"),
        ),
        Outcome::ReadOnly => (
            Level::Warning,
            format!("{label}: read-only, nothing was sent"),
        ),
    };
    state.say_of(tenant, level, &text, now);
    if let Some(operation) = undo.map(|operation| Of::new(tenant, operation)) {
        match state
            .data
            .undo
            .last_mut()
            .filter(|last| last.batch == batch)
        {
            Some(last) => last.operations.push(operation),
            None => {
                state.data.undo.push(Undo {
                    batch,
                    label: words,
                    operations: vec![operation],
                });
            }
        }
        let surplus = state.data.undo.len().saturating_sub(50);
        state.data.undo.drain(..surplus);
    }
}

/// Takes the last change back; what asks for a confirmation gets its card.
pub(super) fn undo(state: &mut State, now: Timestamp, effects: &mut Vec<Effect>) {
    let Some(undo) = state.data.undo.pop() else {
        state.say(Level::Info, "nothing to undo", now);
        return;
    };
    let asks = |operation: &Operation| respond::spec(operation).confirm != Confirm::None;
    if let Some(operation) = undo.operations.iter().find(|operation| asks(operation)) {
        let mut cx = Cx::new(&mut state.data, now);
        let card = Preflight::new(operation.clone(), format!("undo: {}", undo.label), &mut cx);
        effects.extend(cx.acts.into_iter().filter_map(|act| match act {
            Act::Effect(effect) => Some(effect),
            _ => None,
        }));
        state.open(Box::new(card));
        return;
    }
    let operations = undo
        .operations
        .into_iter()
        .map(|operation| (operation, None))
        .collect();
    let label = format!("undone: {}", undo.label);
    let write = Write {
        label,
        operations,
        agreed: false,
    };
    send(state, write, now, effects);
}

/// A device command: on the device in focus, or the one chosen of several.
pub(super) fn device(state: &mut State, command: Command, now: Timestamp) -> Vec<Act> {
    let devices = state.front().devices(&state.data);
    let reason = match state.front().incident(&state.data) {
        Some(id) if matches!(command, Command::DeviceRelease) => format!("release, incident {id}"),
        Some(id) => format!("containment, incident {id}"),
        None => String::new(),
    };
    let title = command.spec().title;
    let mut cx = Cx::new(&mut state.data, now);
    match devices.as_slice() {
        [] => cx.notice(
            Level::Info,
            "no device in focus that Defender for Endpoint knows",
        ),
        [device] => card(command, device, reason, &mut cx),
        several => {
            let rows = several
                .iter()
                .map(|device| Row {
                    label: device.name.clone(),
                    detail: device.id.to_string(),
                    ..Row::default()
                })
                .collect();
            let several = several.to_vec();
            cx.popup(Box::new(Picker::new(
                format!("{title}: which?"),
                rows,
                move |index, cx| {
                    card(command, &several[index], reason, cx);
                },
            )));
        }
    }
    cx.acts
}

fn card(command: Command, device: &Of<DeviceRef>, reason: String, cx: &mut Cx<'_>) {
    let machine = device.id.clone();
    let comment = String::new();
    let operation = match command {
        Command::DeviceIsolateFull => Operation::Isolate {
            machine,
            kind: IsolationType::Full,
            comment,
        },
        Command::DeviceIsolateSelective => Operation::Isolate {
            machine,
            kind: IsolationType::Selective,
            comment,
        },
        Command::DeviceRelease => Operation::Unisolate { machine, comment },
        Command::DeviceScanQuick => Operation::Scan {
            machine,
            kind: ScanType::Quick,
            comment,
        },
        Command::DeviceScanFull => Operation::Scan {
            machine,
            kind: ScanType::Full,
            comment,
        },
        _ => return,
    };
    let popup = Preflight::new(device.with(operation), reason, cx);
    cx.popup(Box::new(popup));
}

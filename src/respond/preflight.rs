//! What the analyst should know before a write is sent: read from the service, changing nothing.

use super::catalogue::spec;
use super::{Confirm, Conflict, Operation, Permission, Preflight, Responder};
use crate::api::{ActionFilter, ApiError, Priority};
use crate::domain::{
    ActionStatus, ActionType, AlertStatus, Incident, IncidentStatus, Isolation, IsolationType,
    LogonUser, Machine, MachineAction, MachineId, Timestamp,
};

/// Not heard of for longer: an action waits until the device reports.
const OLD: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Responder {
    /// Reads everything the analyst should know before it is sent. Sends nothing that changes anything.
    pub async fn preflight(&self, operation: &Operation) -> Result<Preflight, ApiError> {
        let spec = spec(operation);
        let (method, path, body) = operation.request();
        let mut card = Preflight {
            operation: operation.clone(),
            title: spec.title.to_owned(),
            danger: spec.danger,
            target: Vec::new(),
            state: None,
            pending: Vec::new(),
            logged_on: None,
            permission: self.permission(operation).await,
            undo: spec.undo.map(str::to_owned),
            request: format!("{method} {path} {body}"),
            warnings: Vec::new(),
            conflict: None,
            confirm_text: None,
            read_only: self.read_only(),
            as_of: Timestamp::now(),
        };
        match operation {
            Operation::UpdateIncident { id, .. } | Operation::CommentIncident { id, .. } => {
                let found = self
                    .tenant
                    .graph
                    .incident(id, false, Priority::Interactive)
                    .await?;
                card.as_of = found.as_of;
                describe_incident(&found.incident.value, &mut card);
            }
            Operation::UpdateAlert { id, .. } | Operation::CommentAlert { id, .. } => {
                let alert = self
                    .tenant
                    .graph
                    .alert(id, Priority::Interactive)
                    .await?
                    .value;
                let text = |text: Option<&str>| text.unwrap_or("—").to_owned();
                card.target = vec![
                    ("Alert".to_owned(), text(alert.title.as_deref())),
                    (
                        "Status".to_owned(),
                        text(alert.status.as_ref().map(AlertStatus::as_str)),
                    ),
                    ("Owner".to_owned(), text(alert.assigned_to.as_deref())),
                    ("Id".to_owned(), alert.id.to_string()),
                ];
            }
            Operation::Isolate { machine, .. }
            | Operation::Unisolate { machine, .. }
            | Operation::Scan { machine, .. } => self.look_at_machine(machine, &mut card).await?,
            Operation::CancelAction { action, .. } => {
                let action = self
                    .tenant
                    .defender
                    .action(action, Priority::Interactive)
                    .await?
                    .value;
                describe_action(&action, &mut card);
            }
        }
        if spec.confirm != Confirm::TypeName {
            card.confirm_text = None;
        }
        Ok(card)
    }

    async fn permission(&self, operation: &Operation) -> Permission {
        let spec = spec(operation);
        let Ok(token) = self.tenant.tokens.token(spec.resource).await else {
            return Permission::Unknown;
        };
        let Some(claims) = &token.claims else {
            return Permission::Unknown;
        };
        match spec
            .permission
            .iter()
            .find(|permission| claims.holds(permission))
        {
            Some(held) => Permission::Held((*held).to_owned()),
            None => Permission::Missing(
                spec.permission
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect(),
            ),
        }
    }

    async fn look_at_machine(&self, id: &MachineId, card: &mut Preflight) -> Result<(), ApiError> {
        let defender = &self.tenant.defender;
        let actions = ActionFilter {
            machine: Some(id.clone()),
            ..ActionFilter::default()
        };
        let (machine, actions, users) = tokio::join!(
            defender.machine(id, Priority::Interactive),
            defender.actions(&actions, Priority::Interactive),
            defender.logon_users(id, Priority::Interactive),
        );
        let (machine, actions) = (machine?, actions?);
        let now = Timestamp::now();
        self.keep_machine(machine.json.get().to_owned(), now).await;
        let undescribed: serde_json::Value =
            serde_json::from_str(machine.json.get()).unwrap_or_default();
        let machine = machine.value;
        let actions: Vec<MachineAction> = actions.into_iter().map(|raw| raw.value).collect();

        card.as_of = now;
        card.target = describe_machine(&machine, now);
        card.confirm_text = Some(machine.short_name().to_owned());
        match users {
            Ok(users) => {
                card.logged_on = Some(users.iter().map(|raw| describe_user(&raw.value)).collect());
            }
            Err(error) => card
                .warnings
                .push(format!("logged-on users could not be read: {error}")),
        }
        let isolation = Isolation::derive(&actions);
        card.state = Some(describe_isolation(isolation.as_ref()));
        if isolation.as_ref().is_some_and(|state| state.out_of_order) {
            card.warnings
                .push("an action asked for earlier ended later than the newest one".to_owned());
        }
        card.pending = actions
            .into_iter()
            .filter(|action| !action.status.is_final())
            .collect();
        warn_of_machine(&machine, &undescribed, now, &mut card.warnings);
        let isolated = isolation.is_some_and(|state| state.isolated);
        match &card.operation {
            Operation::Isolate { kind, .. } => {
                if isolated {
                    card.warnings
                        .push("it is isolated already, as far as its actions tell".to_owned());
                }
                warn_of_isolation(&machine, kind, &mut card.warnings);
            }
            Operation::Unisolate { .. } if !isolated => {
                card.warnings
                    .push("it is not isolated, as far as its actions tell".to_owned());
            }
            _ => {}
        }
        if let Some((own, opposite)) = card.operation.action_types() {
            card.conflict = conflict(&card.pending, &own, opposite.as_ref());
        }
        Ok(())
    }

    /// The name of a device, for the typed confirmation: as last read, else asked for.
    pub(super) async fn machine_names(&self, id: &MachineId) -> Result<Machine, ApiError> {
        let asked = id.clone();
        if let Ok(Some((machine, _))) = self.blocking(move |store| store.machine(&asked)).await {
            return Ok(machine);
        }
        let machine = self
            .tenant
            .defender
            .machine(id, Priority::Interactive)
            .await?;
        self.keep_machine(machine.json.get().to_owned(), Timestamp::now())
            .await;
        Ok(machine.value)
    }

    async fn keep_machine(&self, json: String, now: Timestamp) {
        if self.read_only() {
            return;
        }
        if let Err(error) = self
            .blocking(move |store| store.put_machine(&json, now))
            .await
        {
            tracing::warn!(%error, "a machine was not kept");
        }
    }
}

/// What among the open actions stands in the way.
pub(super) fn conflict(
    pending: &[MachineAction],
    own: &ActionType,
    opposite: Option<&ActionType>,
) -> Option<Conflict> {
    let open = |kind: &ActionType| pending.iter().find(|action| action.kind == *kind).cloned();
    opposite
        .and_then(open)
        .map(Conflict::Opposite)
        .or_else(|| open(own).map(Conflict::InProgress))
}

fn describe_incident(incident: &Incident, card: &mut Preflight) {
    let text = |text: Option<&str>| text.unwrap_or("—").to_owned();
    card.target = vec![
        (
            "Incident".to_owned(),
            text(incident.display_name.as_deref()),
        ),
        (
            "Status".to_owned(),
            text(incident.status.as_ref().map(IncidentStatus::as_str)),
        ),
        ("Owner".to_owned(), text(incident.assigned_to.as_deref())),
        ("Id".to_owned(), incident.id.to_string()),
    ];
    if incident.status == Some(IncidentStatus::Redirected) {
        card.conflict = Some(Conflict::Redirected(incident.redirect_incident_id.clone()));
    }
}

fn describe_action(action: &MachineAction, card: &mut Preflight) {
    let text = |text: Option<&str>| text.unwrap_or("—").to_owned();
    let machine = action.machine_id.as_ref().map(MachineId::as_str);
    card.target = vec![
        (
            "Action".to_owned(),
            format!("{} {}", action.kind, text(action.scope.as_deref())),
        ),
        (
            "Device".to_owned(),
            text(action.computer_dns_name.as_deref().or(machine)),
        ),
        ("Asked by".to_owned(), text(action.requestor.as_deref())),
        ("Id".to_owned(), action.id.to_string()),
    ];
    card.state = Some(action.status.to_string());
    if action.status.is_final() {
        card.warnings
            .push("it has ended already: there is nothing to call off".to_owned());
    } else if action.status == ActionStatus::InProgress {
        card.warnings
            .push("the device works on it already: it may be done all the same".to_owned());
    }
    if !action.status.is_final() {
        card.pending = vec![action.clone()];
    }
}

fn describe_machine(machine: &Machine, now: Timestamp) -> Vec<(String, String)> {
    let mut lines = vec![("Target".to_owned(), machine.name().to_owned())];
    let mut add = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            lines.push((label.to_owned(), value));
        }
    };
    let own = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    let os =
        [&machine.os_platform, &machine.version].map(|text| text.as_deref().unwrap_or_default());
    add("System", Some(os.join(" ").trim().to_owned()));
    add("Id", Some(machine.id.to_string()));
    add(
        "Last seen",
        machine
            .last_seen
            .map(|seen| format!("{} ago", age(now, seen))),
    );
    add("Health", own(&machine.health_status));
    add("Risk", own(&machine.risk_score));
    add("Value", own(&machine.device_value));
    add("Group", own(&machine.rbac_group_name));
    add("Address", own(&machine.last_ip_address));
    add("Tags", Some(machine.machine_tags.join(", ")));
    lines
}

fn describe_user(user: &LogonUser) -> String {
    let name = user.account_name.as_deref().unwrap_or(&user.id);
    let kind = user.logon_types.as_deref().filter(|kind| !kind.is_empty());
    let mut text = match kind {
        Some(kind) => format!("{name} ({kind})"),
        None => name.to_owned(),
    };
    if user.is_domain_admin == Some(true) {
        text.push_str(" domain admin");
    }
    text
}

fn describe_isolation(state: Option<&Isolation>) -> String {
    let Some(state) = state else {
        return "not isolated (derived: no isolation on record)".to_owned();
    };
    let since = state
        .since
        .map(|time| format!(" since {}", time.strftime("%Y-%m-%d %H:%M UTC")));
    let by = state.by.as_ref().map(|by| format!(" by {by}"));
    let (since, by) = (since.unwrap_or_default(), by.unwrap_or_default());
    if state.isolated {
        format!("isolated{since}{by} (derived)")
    } else {
        format!(
            "not isolated, last release{}{by} (derived)",
            since.replace(" since", "")
        )
    }
}

fn warn_of_machine(
    machine: &Machine,
    json: &serde_json::Value,
    now: Timestamp,
    warnings: &mut Vec<String>,
) {
    let is = |text: &Option<std::sync::Arc<str>>, word: &str| {
        text.as_deref()
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    if let Some(seen) = machine
        .last_seen
        .filter(|seen| now.duration_since(*seen) > OLD)
    {
        warnings.push(format!(
            "last seen {} ago: the action waits until it reports (an isolation up to three days)",
            age(now, seen)
        ));
    }
    if machine.health_status.is_some() && !is(&machine.health_status, "Active") {
        let health = machine.health_status.as_deref().unwrap_or_default();
        warnings.push(format!("its sensor is not healthy: {health}"));
    }
    if machine.onboarding_status.is_some() && !is(&machine.onboarding_status, "Onboarded") {
        warnings.push("it is not onboarded: it cannot be acted on".to_owned());
    }
    if is(&machine.device_value, "High") {
        warnings.push("its value is high".to_owned());
    }
    if let Some(into) = json
        .get("mergedIntoMachineId")
        .and_then(serde_json::Value::as_str)
        && !into.is_empty()
    {
        warnings.push(format!(
            "its record was merged into {into}: act on that one"
        ));
    }
    if json
        .get("isPotentialDuplication")
        .and_then(serde_json::Value::as_bool)
        == Some(true)
    {
        warnings.push("it may be a duplicate record of another device".to_owned());
    }
}

fn warn_of_isolation(machine: &Machine, kind: &IsolationType, warnings: &mut Vec<String>) {
    let os = machine
        .os_platform
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if [
        "windows7",
        "windows8",
        "windowsserver2008",
        "windowsxp",
        "ios",
        "android",
    ]
    .iter()
    .any(|old| os.starts_with(old))
    {
        warnings.push(format!("{os} cannot be isolated, as far as is documented"));
    }
    match kind {
        IsolationType::Full => warnings.push(
            "behind a full-tunnel VPN it loses the service as well and cannot be released from here"
                .to_owned(),
        ),
        IsolationType::Selective if os.starts_with("linux") => {
            warnings.push("Linux knows no selective isolation".to_owned());
        }
        _ => {}
    }
    if os.contains("server") {
        warnings
            .push("a server: if it hosts virtual machines, they are cut off with it".to_owned());
    }
}

/// Short and rounded down: `9s`, `44m`, `3h`, `12d`.
fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

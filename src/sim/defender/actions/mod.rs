//! Machine actions: list, get, cancel, the link to a package, and the life of one over time.
//!
//! The state of an action follows from its times alone, so nothing has to run while nobody asks.

mod start;
mod table;

use serde_json::{Value as Json, json};

use super::super::clock::{DAY, MINUTE, SECOND, Ticks};
use super::super::http::Reply;
use super::super::ids::{self, Dice};
use super::super::json::Object;
use super::super::odata::{Field, Kind as Holds, Type, filterable};
use super::super::quirks::{ActionUpdateName, CancelCollectOnly, CancelRace, ExternalIdName};
use super::super::words;
use super::super::world::World;
use super::call::{Call, maybe_text, not_found, only, push_time};
use super::{METADATA, Refusal, blobs, live};
pub use start::start;
pub use table::Kind;

/// One action.
#[derive(Debug, Clone)]
pub struct Action {
    /// GUID.
    pub id: String,
    /// What is done.
    pub kind: Kind,
    /// `Full`, `Quick` …
    pub scope: Option<String>,
    /// Who asked.
    pub requestor: String,
    /// `PublicApi` or `Portal`.
    pub source: &'static str,
    /// Why.
    pub comment: String,
    /// Place of the machine.
    pub machine: u32,
    /// When it was asked.
    pub created: Ticks,
    /// When the sensor picks it up.
    pub starts: Ticks,
    /// When it is over.
    pub ends: Ticks,
    /// How it ends.
    pub outcome: &'static str,
    /// Who cancelled it, why and when.
    pub cancelled: Option<(String, String, Ticks)>,
    /// What few have.
    pub more: Option<Box<More>>,
}

/// What few actions have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct More {
    /// SHA-1 of the file it is about.
    pub file: Option<String>,
    /// The caller's own id of it.
    pub external: Option<String>,
    /// Commands of live response.
    pub commands: Vec<live::Run>,
    /// Whether the work was done although it was cancelled.
    pub done: bool,
}

impl Action {
    /// `status` at a moment.
    pub fn status(&self, now: Ticks) -> &'static str {
        if self.cancelled.is_some() {
            "Cancelled"
        } else if now < self.starts {
            "Pending"
        } else if now < self.ends {
            "InProgress"
        } else {
            self.outcome
        }
    }

    /// Whether it is not over yet.
    pub fn is_open(&self, now: Ticks) -> bool {
        matches!(self.status(now), "Pending" | "InProgress")
    }

    /// Whether the device is different for it: it succeeded, or was cancelled too late.
    pub fn took_effect(&self, now: Ticks) -> bool {
        let done = self.cancelled.is_none() || self.more.as_ref().is_some_and(|m| m.done);
        done && self.outcome == "Succeeded" && now >= self.ends
    }

    /// Commands of live response.
    pub fn commands(&self) -> &[live::Run] {
        self.more.as_ref().map_or(&[], |m| &m.commands)
    }

    /// When the status changed last; 0 while nothing has changed since it was asked.
    fn updated(&self, now: Ticks) -> Ticks {
        match (&self.cancelled, self.status(now)) {
            (Some((_, _, at)), _) => *at,
            (None, "Pending") => 0,
            (None, "InProgress") => self.starts,
            (None, _) => self.ends,
        }
    }
}

/// The latest action of these kinds that took effect on a machine.
pub fn last_of<'a>(
    world: &'a World,
    machine: u32,
    kinds: &[Kind],
    now: Ticks,
) -> Option<&'a Action> {
    world
        .actions
        .iter()
        .filter(|a| a.machine == machine && kinds.contains(&a.kind) && a.took_effect(now))
        .max_by_key(|a| a.ends)
}

/// Whether a machine has left the service.
pub fn is_offboarded(world: &World, machine: u32, now: Ticks) -> bool {
    last_of(world, machine, &[Kind::Offboard], now).is_some()
}

const STATUS: &[&str] = &[
    "Pending",
    "InProgress",
    "Succeeded",
    "Failed",
    "TimeOut",
    "Cancelled",
];

const TYPE: Type = Type {
    name: "microsoft.windowsDefenderATP.api.MachineAction",
    properties: &[
        filterable("id", Holds::Text),
        filterable("status", Holds::Member(STATUS)),
        filterable("machineId", Holds::Text),
        filterable("type", Holds::Text),
        filterable("requestor", Holds::Text),
        filterable("creationDateTimeUtc", Holds::Time),
        filterable("lastUpdateDateTimeUtc", Holds::Time),
    ],
};

fn field<'a>(world: &'a World, action: &'a Action, now: Ticks, property: usize) -> Field<'a> {
    match property {
        0 => Field::Text(&action.id),
        1 => words::place(STATUS, action.status(now)).map_or(Field::Null, Field::Member),
        2 => Field::Text(&world.device(action.machine).id),
        3 => Field::Text(action.kind.name()),
        4 => Field::Text(&action.requestor),
        5 => Field::Time(action.created),
        6 => match action.updated(now) {
            0 => Field::Null,
            at => Field::Time(at),
        },
        _ => Field::Null,
    }
}

/// GET the collection, newest first.
pub fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let mut actions: Vec<&Action> = world.actions.iter().collect();
    actions.sort_by_key(|a| std::cmp::Reverse(a.created));
    let page = call.page(TYPE, actions, |action, property| {
        field(&world, action, call.now, property)
    })?;
    Ok(call.write("MachineActions", &page, |out, action| {
        push(out, &world, action, call, None);
    }))
}

/// The place of the action with this id.
pub fn find(world: &World, id: &str) -> Result<usize, Refusal> {
    world
        .actions
        .iter()
        .position(|a| a.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| not_found("Machine action", id))
}

/// GET one.
pub fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let place = find(&world, call.args[0])?;
    Ok(entity(call, &world, &world.actions[place], 200))
}

/// POST a cancellation. The answer is the same action.
pub fn cancel(call: &Call<'_>) -> Result<Reply, Refusal> {
    if call.tenant.quirks.cancel_collect_only == CancelCollectOnly::Refused
        && !call.claims.has(&[
            "Machine.Isolate",
            "Machine.RestrictExecution",
            "Machine.Scan",
            "Machine.Offboard",
            "Machine.StopAndQuarantine",
            "Machine.LiveResponse",
        ])
    {
        return Err(Refusal::new(
            403,
            "Forbidden",
            "The application does not have any of the required application permissions (Machine.CollectForensic) to access the resource.",
        ));
    }
    let body = call.body_or_nothing()?;
    let comment = maybe_text(&body, "Comment")?.unwrap_or_default();
    only(&body, &["Comment"])?;
    let mut world = call.tenant.world_mut();
    let place = find(&world, call.args[0])?;
    let action = &mut world.actions[place];
    let status = action.status(call.now);
    if !action.is_open(call.now) {
        return Err(Refusal::new(
            400,
            "BadRequest",
            format!(
                "Machine action {} cannot be cancelled: its status is {status}.",
                action.id
            ),
        ));
    }
    action.cancelled = Some((call.requestor(), comment, call.now));
    if status == "InProgress" && call.tenant.quirks.cancel_race == CancelRace::TooLate {
        action.more.get_or_insert_default().done = true;
    }
    Ok(entity(call, &world, &world.actions[place], 200))
}

/// GET the link to a package; there is none until the collection has succeeded.
pub fn package_uri(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let action = &world.actions[find(&world, call.args[0])?];
    if action.kind != Kind::Collect || action.status(call.now) != "Succeeded" {
        return Err(not_found("The investigation package of", &action.id));
    }
    let link = blobs::link(call, &format!("package/{}", action.id), blobs::PACKAGE_LIFE);
    // The service quotes the link once more inside the string.
    Ok(Reply::value(
        200,
        &json!({
            "@odata.context": format!("{METADATA}Edm.String"),
            "value": format!("\"{link}\""),
        }),
    ))
}

/// One action with its context.
pub fn entity(call: &Call<'_>, world: &World, action: &Action, status: u16) -> Reply {
    let mut out = Vec::with_capacity(1024);
    let context = format!("{METADATA}MachineActions/$entity");
    push(&mut out, world, action, call, Some(&context));
    Reply::json(status, out)
}

fn push(out: &mut Vec<u8>, world: &World, action: &Action, call: &Call<'_>, context: Option<&str>) {
    let (machine, now) = (world.device(action.machine), call.now);
    let mut o = Object::open(out, None);
    if let Some(context) = context {
        o.str("@odata.context", context);
    }
    let cancelled = action.cancelled.as_ref();
    let more = action.more.as_deref();
    o.str("id", &action.id);
    o.plain("type", action.kind.name());
    o.raw("title", "null");
    o.str("requestor", &action.requestor);
    o.plain("requestSource", action.source);
    o.str("requestorComment", &action.comment);
    o.plain("status", action.status(now));
    o.str("machineId", &machine.id);
    o.str("computerDnsName", &machine.dns);
    o.always("creationDateTimeUtc");
    push_time(o.out, action.created);
    o.always(match call.tenant.quirks.action_update_name {
        ActionUpdateName::DateTime => "lastUpdateDateTimeUtc",
        ActionUpdateName::Time => "lastUpdateTimeUtc",
    });
    push_time(o.out, action.updated(now));
    o.opt("cancellationRequestor", cancelled.map(|c| c.0.as_str()));
    o.opt("cancellationComment", cancelled.map(|c| c.1.as_str()));
    o.always("cancellationDateTimeUtc");
    push_time(o.out, cancelled.map_or(0, |c| c.2));
    o.int("errorHResult", error(action, now));
    o.opt("scope", action.scope.as_deref());
    o.opt(
        match call.tenant.quirks.external_id_name {
            ExternalIdName::Documented => "externalID",
            ExternalIdName::Seen => "externalId",
        },
        more.and_then(|m| m.external.as_deref()),
    );
    match more.and_then(|m| m.file.as_deref()) {
        Some(sha1) => o.raw(
            "relatedFileInfo",
            &json!({ "fileIdentifier": sha1, "fileIdentifierType": "Sha1" }).to_string(),
        ),
        None => o.raw("relatedFileInfo", "null"),
    }
    let commands: Vec<Json> = live::commands(action, now);
    o.raw("commands", &Json::Array(commands).to_string());
    o.raw("troubleshootInfo", "null");
    o.close();
}

/// `errorHResult`: 0 is none.
fn error(action: &Action, now: Ticks) -> i64 {
    match (action.status(now), action.kind) {
        // ERROR_FILE_NOT_FOUND
        ("Failed", Kind::Quarantine) => -2_147_024_894,
        // E_INVALIDARG
        ("Failed", _) => -2_147_024_809,
        // ERROR_TIMEOUT
        ("TimeOut", _) => -2_147_023_436,
        _ => 0,
    }
}

/// What was asked of machines before the tenant was started.
pub fn history(world: &World) -> Vec<Action> {
    let start = world.clock.start();
    let mut out = Vec::new();
    for n in 0..world.machines.len().min(14) {
        let mut dice = Dice::of(world.seed, 21, n as u64);
        let machine = dice.index(world.machines.len()) as u32;
        let (kind, scope) = [
            (Kind::Scan, Some("Quick")),
            (Kind::Scan, Some("Full")),
            (Kind::Collect, None),
            (Kind::Isolate, Some("Full")),
        ][dice.index(4)];
        let created = start - DAY * (1 + dice.below(20) as i64) - MINUTE * dice.below(1000) as i64;
        let mut add = |kind: Kind, scope: Option<&str>, created: Ticks, comment: &str| {
            out.push(Action {
                id: ids::guid(world.seed, &format!("past action {}", out.len())),
                kind,
                scope: scope.map(str::to_owned),
                requestor: dice.pick(&world.catalogue.analysts).clone(),
                source: "Portal",
                comment: comment.into(),
                machine,
                created,
                starts: created + 9 * SECOND,
                ends: created + (40 + dice.below(400) as i64) * SECOND,
                outcome: if dice.chance(88) {
                    "Succeeded"
                } else {
                    "Failed"
                },
                cancelled: None,
                more: None,
            });
        };
        add(kind, scope, created, "Routine check");
        if kind == Kind::Isolate {
            add(
                Kind::Unisolate,
                None,
                created + 90 * MINUTE,
                "Reimaged and checked, released",
            );
        }
    }
    out.sort_by_key(|a| a.created);
    out
}

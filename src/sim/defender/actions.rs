//! Machine actions: start, list, get, cancel, and the life of one over time.
//!
//! The state of an action follows from its times alone, so nothing has to run while nobody asks.

use super::super::clock::{DAY, MINUTE, SECOND, Ticks};
use super::super::entra::Claims;
use super::super::http::{Ask, Reply};
use super::super::ids::{self, Dice};
use super::super::json::Object;
use super::super::odata::{Field, Filter, Kind as Holds, Options, Type, filterable};
use super::super::server::Tenant;
use super::super::world::World;
use super::{METADATA, Refusal, machines, push_time};

/// What is done to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `isolate`
    Isolate,
    /// `unisolate`
    Unisolate,
    /// `runAntiVirusScan`
    Scan,
    /// `restrictCodeExecution`
    Restrict,
    /// `unrestrictCodeExecution`
    Unrestrict,
    /// `collectInvestigationPackage`
    Collect,
}

/// One row of the table of actions.
struct Row {
    kind: Kind,
    path: &'static str,
    name: &'static str,
    role: &'static str,
    /// Name, values and whether it may be left out, of the parameter beside the comment.
    parameter: Option<(&'static str, &'static [&'static str], bool)>,
    /// How long it is pending, and how long it then runs, in seconds of story time.
    seconds: (i64, i64),
    /// Whether a second request is refused; if not, it is answered with the action that is open.
    refuses_second: bool,
}

const ROWS: &[Row] = &[
    Row {
        kind: Kind::Isolate,
        path: "isolate",
        name: "Isolate",
        role: "Machine.Isolate",
        parameter: Some((
            "IsolationType",
            &["Full", "Selective", "UnManagedDevice"],
            true,
        )),
        seconds: (4, 14),
        refuses_second: true,
    },
    Row {
        kind: Kind::Unisolate,
        path: "unisolate",
        name: "Unisolate",
        role: "Machine.Isolate",
        parameter: None,
        seconds: (4, 10),
        refuses_second: true,
    },
    Row {
        kind: Kind::Scan,
        path: "runantivirusscan",
        name: "RunAntiVirusScan",
        role: "Machine.Scan",
        parameter: Some(("ScanType", &["Quick", "Full"], false)),
        seconds: (5, 60),
        refuses_second: false,
    },
    Row {
        kind: Kind::Restrict,
        path: "restrictcodeexecution",
        name: "RestrictCodeExecution",
        role: "Machine.RestrictExecution",
        parameter: None,
        seconds: (4, 12),
        refuses_second: true,
    },
    Row {
        kind: Kind::Unrestrict,
        path: "unrestrictcodeexecution",
        name: "UnrestrictCodeExecution",
        role: "Machine.RestrictExecution",
        parameter: None,
        seconds: (4, 12),
        refuses_second: true,
    },
    Row {
        kind: Kind::Collect,
        path: "collectinvestigationpackage",
        name: "CollectInvestigationPackage",
        role: "Machine.CollectForensics",
        parameter: None,
        seconds: (6, 90),
        refuses_second: true,
    },
];

impl Kind {
    /// The action a path names, whatever its case.
    pub fn of_path(verb: &str) -> Option<Self> {
        ROWS.iter()
            .find(|r| r.path == verb.to_ascii_lowercase())
            .map(|r| r.kind)
    }

    /// The action with this `type`.
    pub fn named(name: &str) -> Option<Self> {
        ROWS.iter().find(|r| r.name == name).map(|r| r.kind)
    }

    fn row(self) -> &'static Row {
        ROWS.iter()
            .find(|r| r.kind == self)
            .expect("every kind has a row")
    }

    /// The role it needs.
    pub fn role(self) -> &'static str {
        self.row().role
    }

    /// `type`.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

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
        1 => super::super::words::place(STATUS, action.status(now))
            .map_or(Field::Null, Field::Member),
        2 => Field::Text(&world.machines[action.machine as usize].id),
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

/// A required text of a body, whose name is compared with its case.
fn text<'a>(
    body: &'a serde_json::Map<String, serde_json::Value>,
    name: &str,
) -> Result<&'a str, Refusal> {
    match body.get(name) {
        Some(serde_json::Value::String(text)) if !text.trim().is_empty() => Ok(text),
        Some(serde_json::Value::String(_)) => Err(Refusal::new(
            400,
            "InvalidInput",
            format!("{name} cannot be empty."),
        )),
        Some(_) => Err(Refusal::new(
            400,
            "InvalidRequestBody",
            format!("Request body is incorrect: {name} is expected to be a string."),
        )),
        None => Err(Refusal::new(
            400,
            "MissingRequiredParameter",
            format!("Required parameter {name} is missing. Parameter names are case-sensitive."),
        )),
    }
}

/// POST an action.
pub fn start(
    tenant: &Tenant,
    ask: &Ask,
    machine: &str,
    kind: Kind,
    claims: &Claims,
) -> Result<Reply, Refusal> {
    let body = super::body(ask)?;
    let row = kind.row();
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let place = machines::find(&world, machine)?;
    let comment = text(&body, "Comment")?.to_owned();
    let mut scope = None;
    if let Some((name, values, optional)) = row.parameter {
        if optional && !body.contains_key(name) {
            scope = Some(values[0].to_owned());
        } else {
            let value = text(&body, name)?;
            if !values.contains(&value) {
                return Err(Refusal::new(
                    400,
                    "InvalidInput",
                    format!(
                        "{value} is not a valid {name}. Allowed values: {}.",
                        values.join(", ")
                    ),
                ));
            }
            scope = Some(value.to_owned());
        }
    }
    let known = ["Comment", "ExternalId"];
    if let Some(name) = body
        .keys()
        .find(|k| !known.contains(&k.as_str()) && row.parameter.is_none_or(|p| p.0 != **k))
    {
        return Err(Refusal::new(
            400,
            "InvalidRequestBody",
            format!(
                "Request body is incorrect: unknown parameter {name}. Parameter names are case-sensitive."
            ),
        ));
    }
    let target = &world.machines[place as usize];
    if scope.as_deref() == Some("Selective") && target.os == "Linux" {
        return Err(Refusal::new(
            400,
            "OsPlatformNotSupported",
            format!("Selective isolation is not supported on {}.", target.os),
        ));
    }
    if let Some(open) = world
        .actions
        .iter()
        .rev()
        .find(|a| a.machine == place && a.kind == kind && a.is_open(now))
    {
        if row.refuses_second {
            return Err(Refusal::new(
                400,
                "ActiveRequestAlreadyExists",
                "Action is already in progress",
            ));
        }
        return Ok(entity(&world, open, now, 201));
    }
    let (pending, running) = row.seconds;
    let running = if scope.as_deref() == Some("Full") && kind == Kind::Scan {
        running * 5
    } else {
        running
    };
    let clock = &tenant.clock;
    let reachable = matches!(target.health, "Active" | "ImpairedCommunication");
    // A device that is off is tried for three days.
    let starts = now
        + if reachable {
            clock.scaled(pending * SECOND)
        } else {
            3 * DAY
        };
    let action = Action {
        id: ids::guid(tenant.seed, &format!("action {}", world.actions.len())),
        kind,
        scope,
        requestor: claims.app_displayname.clone(),
        source: "PublicApi",
        comment,
        machine: place,
        created: now,
        starts,
        ends: starts
            + if reachable {
                clock.scaled(running * SECOND)
            } else {
                0
            },
        outcome: match target.health {
            "Active" => "Succeeded",
            "ImpairedCommunication" => "Failed",
            _ => "TimeOut",
        },
        cancelled: None,
    };
    let reply = entity(&world, &action, now, 201);
    world.actions.push(action);
    Ok(reply)
}

/// GET the collection, newest first.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    // A sample of the documentation calls the update time so, and clients copied it.
    let query = ask
        .query
        .replace("lastUpdateTimeUtc", "lastUpdateDateTimeUtc");
    let options = Options::parse(&query, TYPE).map_err(|m| Refusal::new(400, "ODataError", m))?;
    let size = options.top.unwrap_or(10_000);
    if size > 10_000 {
        return Err(Refusal::new(
            400,
            "ODataError",
            "The limit of '10000' for Top query has been exceeded.",
        ));
    }
    let now = tenant.clock.now();
    let world = tenant.world();
    let passes = |action: &Action, filter: &Filter| {
        filter.passes(&|property| field(&world, action, now, property))
    };
    let mut found: Vec<&Action> = world
        .actions
        .iter()
        .filter(|a| options.filter.as_ref().is_none_or(|f| passes(a, f)))
        .collect();
    match options.order {
        Some((property, descending)) => {
            found.sort_by_key(|a| super::super::odata::Key::of(field(&world, a, now, property)));
            if descending {
                found.reverse();
            }
        }
        None => found.sort_by_key(|a| std::cmp::Reverse(a.created)),
    }
    let mut out = Vec::with_capacity(found.len() * 700 + 256);
    let mut document = Object::open(&mut out, None);
    document.str("@odata.context", &format!("{METADATA}MachineActions"));
    if options.count {
        document.int("@odata.count", found.len() as i64);
    }
    document.always("value");
    document.out.push(b'[');
    for (at, action) in found.iter().skip(options.skip).take(size).enumerate() {
        if at > 0 {
            document.out.push(b',');
        }
        push(document.out, &world, action, now, None);
    }
    document.out.push(b']');
    document.close();
    Ok(Reply::json(200, out))
}

fn find(world: &World, id: &str) -> Result<usize, Refusal> {
    world
        .actions
        .iter()
        .position(|a| a.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| {
            Refusal::new(
                404,
                "ResourceNotFound",
                format!("Machine action {id} was not found."),
            )
        })
}

/// GET one.
pub fn get(tenant: &Tenant, id: &str) -> Result<Reply, Refusal> {
    let world = tenant.world();
    let place = find(&world, id)?;
    Ok(entity(
        &world,
        &world.actions[place],
        tenant.clock.now(),
        200,
    ))
}

/// POST a cancellation. The answer is the same action.
pub fn cancel(tenant: &Tenant, ask: &Ask, id: &str, claims: &Claims) -> Result<Reply, Refusal> {
    let body = if ask.body.is_empty() {
        serde_json::Map::new()
    } else {
        super::body(ask)?
    };
    let comment = body
        .get("Comment")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let place = find(&world, id)?;
    let action = &mut world.actions[place];
    if !action.is_open(now) {
        return Err(Refusal::new(
            400,
            "BadRequest",
            format!(
                "Machine action {id} cannot be cancelled: its status is {}.",
                action.status(now)
            ),
        ));
    }
    action.cancelled = Some((claims.app_displayname.clone(), comment, now));
    Ok(entity(&world, &world.actions[place], now, 200))
}

fn entity(world: &World, action: &Action, now: Ticks, status: u16) -> Reply {
    let mut out = Vec::with_capacity(1024);
    push(
        &mut out,
        world,
        action,
        now,
        Some(&format!("{METADATA}MachineActions/$entity")),
    );
    Reply::json(status, out)
}

fn push(out: &mut Vec<u8>, world: &World, action: &Action, now: Ticks, context: Option<&str>) {
    let machine = &world.machines[action.machine as usize];
    let mut o = Object::open(out, None);
    if let Some(context) = context {
        o.str("@odata.context", context);
    }
    let cancelled = action.cancelled.as_ref();
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
    o.always("lastUpdateDateTimeUtc");
    push_time(o.out, action.updated(now));
    o.opt("cancellationRequestor", cancelled.map(|c| c.0.as_str()));
    o.opt("cancellationComment", cancelled.map(|c| c.1.as_str()));
    o.always("cancellationDateTimeUtc");
    push_time(o.out, cancelled.map_or(0, |c| c.2));
    o.int(
        "errorHResult",
        if action.status(now) == "Failed" {
            -2_147_024_809
        } else {
            0
        },
    );
    o.opt("scope", action.scope.as_deref());
    o.raw("externalId", "null");
    o.raw("relatedFileInfo", "null");
    o.raw("commands", "[]");
    o.raw("troubleshootInfo", "null");
    o.close();
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

//! Starting a machine action: what the body must say, what the device and the tenant must be able to
//! do, and how it will go.

use serde_json::{Map, Value as Json};

use super::super::super::clock::{DAY, HOUR, MINUTE, SECOND, Ticks};
use super::super::super::http::Reply;
use super::super::super::ids;
use super::super::super::quirks::{
    DuplicateAction, IsolateIsolated, LiveResponse, LiveResponseLimits, OffboardPlatforms,
    ReleaseContainment, RemediationLevel,
};
use super::super::super::world::World;
use super::super::Refusal;
use super::super::call::{Call, maybe_text, member, missing, only, text};
use super::super::effects::Effect;
use super::super::{facts, live, machines, routes, support};
use super::table::{CONTAIN, Kind, Row};
use super::{Action, More, entity, last_of};

/// What was asked.
struct Wish {
    row: &'static Row,
    comment: String,
    scope: Option<String>,
    /// Whether the body says the scope itself.
    chosen: bool,
    more: More,
    commands: Vec<live::Wish>,
}

/// How an action will go.
struct Course {
    starts: Ticks,
    ends: Ticks,
    outcome: &'static str,
}

fn read(row: &'static Row, body: &Map<String, Json>) -> Result<Wish, Refusal> {
    let comment = if row.comment {
        text(body, "Comment")?.to_owned()
    } else {
        maybe_text(body, "Comment")?.unwrap_or_default()
    };
    let mut known = vec!["Comment", "ExternalId"];
    let mut wish = Wish {
        row,
        comment,
        scope: None,
        chosen: false,
        more: More {
            external: maybe_text(body, "ExternalId")?,
            ..More::default()
        },
        commands: Vec::new(),
    };
    if let Some((name, values, optional)) = row.choice {
        known.push(name);
        wish.chosen = body.contains_key(name);
        wish.scope = Some(if optional && !wish.chosen {
            values[0].to_owned()
        } else {
            member(body, name, values)?.to_owned()
        });
    }
    if let Some(name) = row.parameter {
        known.push(name);
        match row.kind {
            Kind::LiveResponse => {
                let commands = body.get(name).ok_or_else(|| missing(name))?;
                wish.commands = live::read(commands)?;
            }
            _ => wish.more.file = Some(sha1(text(body, name)?)?),
        }
    }
    only(body, &known)?;
    Ok(wish)
}

fn sha1(text: &str) -> Result<String, Refusal> {
    if text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Refusal::new(
        400,
        "InvalidHashValue",
        format!("{text} is not a valid SHA-1 hash."),
    ))
}

/// Whether tenant and device can do it.
fn check(call: &Call<'_>, world: &World, place: u32, wish: &Wish) -> Result<(), Refusal> {
    let (row, quirks) = (wish.row, &call.tenant.quirks);
    support::licensed(quirks.plan, row.plans, row.name)?;
    if row.kind == Kind::LiveResponse {
        if quirks.live_response == LiveResponse::Off {
            return Err(Refusal::new(
                403,
                "DisabledFeature",
                "Live response is not enabled for this tenant.",
            ));
        }
        if quirks.remediation_level == RemediationLevel::None {
            return Err(Refusal::new(
                403,
                "Forbidden",
                "The device group's remediation level is lower than the minimum remediation level that live response requires.",
            ));
        }
    }
    let managed = machines::standing(world, place, call.now).onboarding == "Onboarded";
    let contains = wish.scope.as_deref() == Some(CONTAIN);
    let releases = row.kind == Kind::Unisolate
        && quirks.release_containment == ReleaseContainment::Unisolate
        && last_of(world, place, &[Kind::Isolate, Kind::Unisolate], call.now)
            .is_some_and(|a| a.kind == Kind::Isolate);
    if contains && managed {
        return Err(Refusal::new(
            400,
            "InvalidInput",
            "IsolationType UnManagedDevice is only for devices that are not onboarded.",
        ));
    }
    if !managed {
        if contains || releases {
            return Ok(());
        }
        // What may be left out for a managed device may not for this one.
        if row.kind == Kind::Isolate && !wish.chosen {
            return Err(missing("IsolationType"));
        }
        return Err(Refusal::new(
            400,
            "BadRequest",
            format!(
                "{} is not supported on a device that is not onboarded.",
                row.name
            ),
        ));
    }
    let platforms = match (row.kind, wish.scope.as_deref()) {
        (Kind::Isolate, Some("Selective")) => support::ISOLATE_SELECTIVE,
        (Kind::Offboard, _) if quirks.offboard_platforms == OffboardPlatforms::Older => {
            support::OFFBOARD_OLDER
        }
        _ => row.platforms,
    };
    support::check(world, place, row.name, platforms)?;
    if row.kind == Kind::LiveResponse {
        let most = match quirks.live_response_limits {
            LiveResponseLimits::Newest => 50,
            LiveResponseLimits::Older => 25,
        };
        let open = world
            .actions
            .iter()
            .filter(|a| a.kind == Kind::LiveResponse && a.is_open(call.now))
            .count();
        if open >= most && last_open(world, place, Kind::LiveResponse, call.now).is_none() {
            return Err(Refusal::new(
                429,
                "TooManyRequests",
                format!(
                    "The maximum of {most} concurrent live response sessions has been reached."
                ),
            ));
        }
        live::known(world, &wish.commands)?;
    }
    Ok(())
}

fn last_open(world: &World, place: u32, kind: Kind, now: Ticks) -> Option<&Action> {
    let mut open = world.actions.iter().rev();
    open.find(|a| a.machine == place && a.kind == kind && a.is_open(now))
}

/// When it starts and ends, and how.
fn course(call: &Call<'_>, world: &World, place: u32, wish: &Wish) -> Course {
    let health = machines::standing(world, place, call.now).health;
    let scaled = |seconds: i64| call.tenant.clock.scaled(seconds * SECOND);
    let contains = wish.scope.as_deref() == Some(CONTAIN);
    let reachable = contains || matches!(health, "Active" | "ImpairedCommunication" | "Unknown");
    if !reachable {
        let queue = match (wish.row.kind, call.tenant.quirks.live_response_limits) {
            (Kind::LiveResponse, LiveResponseLimits::Newest) => 2 * HOUR,
            // A device that is off is tried for three days.
            _ => 3 * DAY,
        };
        return Course {
            starts: call.now + queue,
            ends: call.now + queue,
            outcome: "TimeOut",
        };
    }
    let (pending, running) = wish.row.seconds;
    let running = match (wish.row.kind, wish.scope.as_deref()) {
        (Kind::Scan, Some("Full")) => running * 5,
        // Others take up to five minutes to learn whom to keep away from.
        (Kind::Isolate, Some(CONTAIN)) => 180,
        _ => running,
    };
    let lingers = wish.row.kind == Kind::Isolate
        && call.tenant.quirks.isolate_isolated == IsolateIsolated::Lingers
        && last_of(world, place, &[Kind::Isolate, Kind::Unisolate], call.now)
            .is_some_and(|a| a.kind == Kind::Isolate);
    let starts = call.now
        + if lingers {
            call.tenant.clock.scaled(30 * MINUTE)
        } else {
            scaled(pending)
        };
    let failed = health == "ImpairedCommunication"
        || wish.more.file.as_deref().is_some_and(|sha1| {
            // What Microsoft signed is not taken away; what is not there cannot be.
            facts::is_system(world, sha1) || !facts::file_is_on(world, place, sha1)
        });
    Course {
        starts,
        ends: starts + scaled(running),
        outcome: if failed { "Failed" } else { "Succeeded" },
    }
}

/// POST an action.
pub fn start(call: &Call<'_>) -> Result<Reply, Refusal> {
    let verb = routes::segments(&call.ask.path);
    let kind = verb
        .last()
        .and_then(|v| Kind::of_path(v))
        .expect("the table of routes names actions only");
    let body = call.body()?;
    let mut wish = read(kind.row(), &body)?;
    let mut world = call.tenant.world_mut();
    let place = machines::find(&world, call.args[0])?;
    check(call, &world, place, &wish)?;
    if let Some(open) = last_open(&world, place, kind, call.now) {
        let refuses = match call.tenant.quirks.duplicate_action {
            DuplicateAction::Usual => wish.row.refuses_second,
            DuplicateAction::Existing => kind == Kind::LiveResponse,
            DuplicateAction::Refused => true,
        };
        if refuses {
            return Err(Refusal::new(
                400,
                "ActiveRequestAlreadyExists",
                "Action is already in progress",
            ));
        }
        return Ok(entity(call, &world, open, 201));
    }
    let mut course = course(call, &world, place, &wish);
    if kind == Kind::LiveResponse && course.outcome != "TimeOut" {
        let runs = live::course(call, &world, place, &wish.commands, course.starts);
        course.ends = runs.iter().map(|r| r.ends).max().unwrap_or(course.starts);
        if runs.iter().any(|r| r.error.is_some()) {
            course.outcome = "Failed";
        }
        wish.more.commands = runs;
    } else if kind == Kind::LiveResponse {
        wish.more.commands = live::never(&wish.commands);
    }
    let action = Action {
        id: ids::guid(call.tenant.seed, &format!("action {}", world.actions.len())),
        kind,
        scope: wish.scope,
        requestor: call.requestor(),
        source: "PublicApi",
        comment: wish.comment,
        machine: place,
        created: call.now,
        starts: course.starts,
        ends: course.ends,
        outcome: course.outcome,
        cancelled: None,
        more: (wish.more != More::default()).then(|| Box::new(wish.more)),
    };
    let reply = entity(call, &world, &action, 201);
    if matches!(kind, Kind::Quarantine | Kind::Scan) && action.outcome == "Succeeded" {
        let number = world.actions.len();
        world.endpoint.line_up(action.ends, Effect::Action(number));
        call.wake_at(action.ends);
    }
    world.actions.push(action);
    Ok(reply)
}

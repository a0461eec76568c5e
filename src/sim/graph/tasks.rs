//! Tasks of Microsoft's experts (beta): list, get, and carrying out the action of one.
//!
//! Facts: the Graph fact sheet, "Response actions outside the security namespace".

use super::super::clock::Ticks;
use super::super::entra::Claims;
use super::super::http::{Ask, Reply};
use super::super::json::{self, Object};
use super::super::odata::{Field, Options, Property, Type, readable};
use super::super::tasks::{Done, Task};
use super::super::tenant::Tenant;
use super::super::world::World;
use super::list::Rows;
use super::{Refusal, incidents, metadata};

const PROPERTIES: &[Property] = &[
    readable("id"),
    readable("actionStatus"),
    readable("actionType"),
    readable("createdByDisplayName"),
    readable("createdDateTime"),
    readable("description"),
    readable("displayName"),
    readable("incident"),
    readable("lastModifiedByDisplayName"),
    readable("lastModifiedDateTime"),
    readable("responseAction"),
    readable("source"),
    readable("status"),
];

const TYPE: Type = Type {
    name: "microsoft.graph.security.incidentTask",
    properties: PROPERTIES,
};

const LARGEST_PAGE: usize = 100;
const EXPERTS: &str = "Microsoft Defender Experts";

fn options(ask: &Ask) -> Result<Options, Refusal> {
    let options = Options::parse(&ask.query, TYPE).map_err(Refusal::bad)?;
    match options.expand.as_deref().map(str::trim) {
        None | Some("incident") => Ok(options),
        Some(other) => Err(Refusal::bad(format!(
            "Could not find a property named '{other}' on type '{}'.",
            TYPE.name
        ))),
    }
}

/// GET the collection.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let size = options.top.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
    let now = tenant.clock.now();
    let world = tenant.world();
    let tasks = world.tasks(now);
    let rows = Rows {
        len: tasks.len(),
        times: None,
        field: &|_, _| Field::Null,
    };
    let page = rows.page(&options, size);
    Ok(super::list::document(
        ask,
        "security/incidentTasks",
        &page,
        900,
        |out, row| push(out, &world, &tasks[row as usize], now, None, &options, ask),
    ))
}

fn find(world: &World, id: &str, now: Ticks) -> Result<Task, Refusal> {
    world
        .tasks(now)
        .into_iter()
        .find(|t| t.id == id)
        .ok_or_else(|| {
            Refusal::new(
                404,
                "ResourceNotFound",
                format!("Incident task with id {id} was not found."),
            )
        })
}

/// GET one.
pub fn get(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let now = tenant.clock.now();
    let world = tenant.world();
    let task = find(&world, id, now)?;
    let context = format!("{}security/incidentTasks/$entity", metadata(ask));
    let mut out = Vec::with_capacity(2048);
    push(&mut out, &world, &task, now, Some(&context), &options, ask);
    Ok(Reply::json(200, out))
}

/// POST executeResponseAction: on tasks that experts wrote, once.
pub fn execute(tenant: &Tenant, id: &str, claims: &Claims) -> Result<Reply, Refusal> {
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let task = find(&world, id, now)?;
    let (Some(action), Some(machine)) = (task.kind.machine_action, task.machine) else {
        return Err(Refusal::bad(format!(
            "The response action of type '{}' is not supported.",
            task.kind.action
        )));
    };
    let (status, ..) = world.task_state(&task, now);
    if status != "notStarted" {
        return Err(Refusal::bad(format!(
            "The response action of incident task {id} is already {status}."
        )));
    }
    let by = claims.actor();
    let scope = match action {
        "Isolate" | "RunAntiVirusScan" => Some("Full".to_owned()),
        _ => None,
    };
    world
        .portal_action(machine, action, scope, &by, task.kind.title, now)
        .map_err(Refusal::bad)?;
    world.tasks.done.insert(task.id, Done { at: now, by });
    Ok(super::no_content())
}

fn push(
    out: &mut Vec<u8>,
    world: &World,
    task: &Task,
    now: Ticks,
    context: Option<&str>,
    options: &Options,
    ask: &Ask,
) {
    let (action_status, status, changed, by) = world.task_state(task, now);
    let mut o = Object::open(out, options.select.as_deref());
    if let Some(context) = context {
        o.always("@odata.context");
        json::push_str(o.out, context);
    }
    o.always("id");
    json::push_str(o.out, &task.id);
    o.plain("actionStatus", action_status);
    o.plain("actionType", task.kind.action);
    o.plain("createdByDisplayName", EXPERTS);
    o.time("createdDateTime", task.created);
    o.str("description", task.kind.text);
    o.str("displayName", task.kind.title);
    o.str("lastModifiedByDisplayName", by.unwrap_or(EXPERTS));
    o.time("lastModifiedDateTime", changed);
    match task.kind.response {
        None => o.raw("responseAction", "null"),
        Some(kind) => {
            if o.key("responseAction") {
                let mut inner = Object::open(o.out, None);
                inner.str("@odata.type", &format!("#microsoft.graph.security.{kind}"));
                inner.opt("identifierValue", task.target.as_deref());
                if task.kind.action == "isolateDevice" {
                    inner.plain("isolationType", "full");
                }
                inner.close();
            }
        }
    }
    o.plain("source", "defenderExpertsGuidedResponse");
    o.plain("status", status);
    if options.expand.is_some() {
        o.always("incident");
        let wanted = incidents::Wanted {
            context: None,
            select: None,
            alerts: false,
            unknown: ask.takes_unknown_members(),
            beta: true,
        };
        incidents::push(o.out, world, task.incident, wanted);
    }
    o.close();
}

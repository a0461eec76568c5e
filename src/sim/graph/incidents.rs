//! Incidents: list, get, update, comment, and how one is written.

use super::super::clock::Ticks;
use super::super::entra::Claims;
use super::super::http::{Ask, Reply};
use super::super::json::{self, Object};
use super::super::odata::{Field, Kind, Options, Property, Type, filterable, readable};
use super::super::quirks::{ExpandFiltered, IncidentSkip, ResolvingComment};
use super::super::tenant::Tenant;
use super::super::words::{self, CLASSIFICATION, DETERMINATION, INCIDENT_STATUS, SEVERITY};
use super::super::world::{Comment, Incident, REDIRECTED, RESOLVED, World};
use super::list::{Rows, Times};
use super::{Refusal, alerts, bodies, metadata};

/// The last two are the beta version's alone.
const BETA_PROPERTIES: &[Property] = &[
    filterable("assignedTo", Kind::Text),
    filterable("classification", Kind::Member(CLASSIFICATION)),
    filterable("createdDateTime", Kind::Time),
    filterable("determination", Kind::Member(DETERMINATION)),
    filterable("lastUpdateDateTime", Kind::Time),
    filterable("severity", Kind::Member(SEVERITY)),
    filterable("status", Kind::Member(INCIDENT_STATUS)),
    readable("id"),
    readable("tenantId"),
    readable("incidentWebUrl"),
    readable("redirectIncidentId"),
    readable("displayName"),
    readable("priorityScore"),
    readable("customTags"),
    readable("systemTags"),
    readable("description"),
    readable("summary"),
    readable("lastModifiedBy"),
    readable("resolvingComment"),
    readable("comments"),
    readable("alerts"),
    readable("recommendedActions"),
    readable("recommendedHuntingQueries"),
];
const PROPERTIES: &[Property] = BETA_PROPERTIES.split_at(BETA_PROPERTIES.len() - 2).0;
const CREATED: usize = 2;
const UPDATED: usize = 4;

/// The entity type.
pub const TYPE: Type = Type {
    name: "microsoft.graph.security.incident",
    properties: PROPERTIES,
};

const BETA_TYPE: Type = Type {
    name: TYPE.name,
    properties: BETA_PROPERTIES,
};

fn options(ask: &Ask) -> Result<Options, Refusal> {
    let of = if super::is_beta(ask) { BETA_TYPE } else { TYPE };
    Options::parse(&ask.query, of).map_err(Refusal::bad)
}

/// The largest page; more is refused, not clamped.
const LARGEST_PAGE: usize = 50;
/// From this offset on paging dries up, where it does.
const DRY: usize = 1000;
/// So many alerts make an incident too heavy to expand, where it can be.
const HEAVY: usize = 50;

fn field(world: &World, row: u32, property: usize) -> Field<'_> {
    let incident = &world.incidents[row as usize];
    match property {
        0 => world
            .text(incident.assigned)
            .map_or(Field::Null, Field::Text),
        1 if incident.classification == 0 => Field::Null,
        1 => Field::Member(incident.classification),
        CREATED => Field::Time(incident.created),
        3 if incident.determination == 0 => Field::Null,
        3 => Field::Member(incident.determination),
        UPDATED => Field::Time(incident.updated),
        5 => Field::Member(incident.severity),
        6 => Field::Member(incident.status),
        _ => Field::Null,
    }
}

fn rows<'a>(world: &'a World, field: &'a dyn Fn(u32, usize) -> Field<'a>) -> Rows<'a> {
    Rows {
        len: world.incidents.len(),
        times: Some(Times {
            index: &world.incident_index,
            created: CREATED,
            updated: UPDATED,
        }),
        field,
    }
}

/// GET the collection.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    if let Some(top) = options.top
        && top > LARGEST_PAGE
    {
        return Err(Refusal::new(
            400,
            "",
            format!(
                "The limit of '{LARGEST_PAGE}' for Top query has been exceeded. The value from the incoming request is '{top}'."
            ),
        ));
    }
    let alerts = expand(&options)?;
    let size = options.top.unwrap_or(LARGEST_PAGE);
    let world = tenant.world();
    let field = |row, property| field(&world, row, property);
    let mut page = rows(&world, &field).page(&options, size);
    let offset = options.cursor.as_ref().map_or(options.skip, |c| c.sent);
    if tenant.quirks.incident_skip == IncidentSkip::DriesUp && offset >= DRY {
        page.rows.clear();
        page.next = None;
    }
    let heavy = |row: &u32| world.incidents[*row as usize].alerts.len() > HEAVY;
    if tenant.quirks.expand_filtered == ExpandFiltered::Fails
        && alerts
        && options.filter.is_some()
        && page.rows.iter().any(heavy)
    {
        return Err(Refusal::new(500, "UnknownError", ""));
    }
    let context = format!(
        "security/incidents{}",
        if alerts { "(alerts())" } else { "" }
    );
    let wanted = Wanted {
        context: None,
        select: options.select.as_deref(),
        alerts,
        unknown: ask.takes_unknown_members(),
        beta: super::is_beta(ask),
    };
    Ok(super::list::document(
        ask,
        &context,
        &page,
        1400,
        |out, row| {
            push(out, &world, row, wanted);
        },
    ))
}

/// GET the number of incidents.
pub fn count(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let world = tenant.world();
    let field = |row, property| field(&world, row, property);
    Ok(super::bare_count(rows(&world, &field).count(&options)))
}

fn expand(options: &Options) -> Result<bool, Refusal> {
    match options.expand.as_deref() {
        None => Ok(false),
        Some(name) if name.trim() == "alerts" => Ok(true),
        Some(other) => Err(Refusal::bad(format!(
            "Could not find a property named '{other}' on type '{}'.",
            TYPE.name
        ))),
    }
}

/// The place of an incident.
pub fn find(world: &World, id: &str) -> Result<u32, Refusal> {
    world.find_incident(id).ok_or_else(|| {
        Refusal::new(
            404,
            "ResourceNotFound",
            format!("Incident with id {id} was not found."),
        )
    })
}

/// GET one.
pub fn get(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let alerts = expand(&options)?;
    let world = tenant.world();
    let place = find(&world, id)?;
    let mut out = Vec::with_capacity(16 * 1024);
    let context = format!(
        "{}security/incidents{}/$entity",
        metadata(ask),
        if alerts { "(alerts())" } else { "" }
    );
    let wanted = Wanted {
        context: Some(&context),
        select: options.select.as_deref(),
        alerts,
        unknown: ask.takes_unknown_members(),
        beta: super::is_beta(ask),
    };
    push(&mut out, &world, place, wanted);
    Ok(Reply::json(200, out))
}

/// PATCH one: only what the documentation lists can be written.
pub fn patch(tenant: &Tenant, ask: &Ask, id: &str, claims: &Claims) -> Result<Reply, Refusal> {
    let body = bodies::object(ask)?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let place = find(&world, id)?;
    changeable(&world, place)?;
    // Everything is checked before anything is changed.
    let mut status = None;
    let mut classification = None;
    let mut determination = None;
    let mut assigned = None;
    let mut severity = None;
    let mut tags = None;
    let mut texts: Vec<(&str, Option<String>)> = Vec::new();
    for (name, value) in &body {
        match name.as_str() {
            "status" => {
                let writable = ["active", "inProgress", "resolved"];
                status = Some(bodies::member(
                    name,
                    value,
                    INCIDENT_STATUS,
                    &writable,
                    "incidentStatus",
                )?);
            }
            "classification" => {
                classification = Some(bodies::member(
                    name,
                    value,
                    CLASSIFICATION,
                    &[],
                    "alertClassification",
                )?);
            }
            "determination" => {
                determination = Some(bodies::member(
                    name,
                    value,
                    DETERMINATION,
                    &[],
                    "alertDetermination",
                )?);
            }
            "severity" => {
                severity = Some(bodies::member(name, value, SEVERITY, &[], "alertSeverity")?);
            }
            "assignedTo" => assigned = Some(bodies::assignee(value)?.to_owned()),
            "customTags" => tags = Some(tag_list(value)?),
            "resolvingComment" if tenant.quirks.resolving_comment == ResolvingComment::ReadOnly => {
                return Err(bodies::not_writable(name, TYPE));
            }
            "description" | "displayName" | "summary" | "resolvingComment" => {
                texts.push((name, bodies::text_or_null(name, value)?));
            }
            _ if name.contains("@odata.") => {}
            _ => return Err(bodies::not_writable(name, TYPE)),
        }
    }
    let row = &world.incidents[place as usize];
    bodies::check_pair(
        tenant.quirks.classification_pairs,
        classification.unwrap_or(row.classification),
        determination.unwrap_or(row.determination),
    )?;
    let assigned = assigned.map(|text| world.name(&text));
    let by = world.name(&claims.actor());
    let row = &mut world.incidents[place as usize];
    row.status = status.unwrap_or(row.status);
    row.classification = classification.unwrap_or(row.classification);
    row.determination = determination.unwrap_or(row.determination);
    row.severity = severity.unwrap_or(row.severity);
    row.assigned = assigned.unwrap_or(row.assigned);
    if let Some(tags) = tags {
        row.extra_mut().custom_tags = tags;
    }
    for (name, text) in texts {
        let extra = row.extra_mut();
        match name {
            "description" => extra.description = text,
            "displayName" => extra.title = text,
            "summary" => extra.summary = text,
            _ => extra.resolving_comment = text,
        }
    }
    world.touch_incident(place, now, by);
    if status == Some(RESOLVED) {
        resolve_alerts(&mut world, place, now);
    }
    let mut out = Vec::with_capacity(4096);
    let context = format!("{}security/incidents/$entity", metadata(ask));
    let wanted = Wanted {
        context: Some(&context),
        select: None,
        alerts: false,
        unknown: ask.takes_unknown_members(),
        beta: super::is_beta(ask),
    };
    push(&mut out, &world, place, wanted);
    Ok(Reply::json(200, out))
}

/// An incident that was merged into another takes no changes and no comments.
fn changeable(world: &World, place: u32) -> Result<(), Refusal> {
    let row = &world.incidents[place as usize];
    if row.status == REDIRECTED {
        return Err(Refusal::bad(format!(
            "Incident {} was merged into incident {} and cannot be updated.",
            row.id, row.redirect
        )));
    }
    Ok(())
}

/// Resolving an incident resolves its open alerts, with the same verdict.
pub fn resolve_alerts(world: &mut World, place: u32, now: Ticks) {
    let incident = &world.incidents[place as usize];
    let (classification, determination) = (incident.classification, incident.determination);
    for alert in incident.alerts.clone() {
        let row = &mut world.alerts[alert as usize];
        if row.resolved == 0 {
            row.status = 3;
            row.resolved = now;
            if classification > 1 {
                (row.classification, row.determination) = (classification, determination);
            }
            world.touch_alert(alert, now);
        }
    }
}

fn tag_list(value: &serde_json::Value) -> Result<Vec<String>, Refusal> {
    let wrong = || {
        Refusal::bad(
            "Cannot convert the literal of property 'customTags' to the expected type 'Collection(Edm.String)'.",
        )
    };
    value
        .as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|tag| tag.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

/// POST a comment.
pub fn comment(tenant: &Tenant, ask: &Ask, id: &str, claims: &Claims) -> Result<Reply, Refusal> {
    let texts = bodies::comments(ask)?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let place = find(&world, id)?;
    changeable(&world, place)?;
    let by = claims.actor();
    let name = world.name(&by);
    let comments = &mut world.incidents[place as usize].extra_mut().comments;
    comments.extend(texts.into_iter().map(|text| Comment {
        text,
        by: by.clone(),
        at: now,
    }));
    world.touch_incident(place, now, name);
    let comments = &world.incidents[place as usize].extra_mut().comments;
    Ok(super::comment_list(ask, "incidents", id, comments))
}

/// How an incident is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// `@odata.context` of a single entity.
    pub context: Option<&'a str>,
    /// `$select`.
    pub select: Option<&'a [String]>,
    /// `$expand=alerts`.
    pub alerts: bool,
    /// Members above `unknownFutureValue` as they are.
    pub unknown: bool,
    /// With what the beta version has beside.
    pub beta: bool,
}

/// Appends one incident.
pub fn push(out: &mut Vec<u8>, world: &World, place: u32, wanted: Wanted<'_>) {
    let incident = &world.incidents[place as usize];
    let extra = incident.extra.as_deref();
    let id = incident.id.to_string();
    let mut o = Object::open(out, wanted.select);
    if let Some(context) = wanted.context {
        o.always("@odata.context");
        json::push_str(o.out, context);
    }
    // A key is always sent.
    o.always("id");
    json::push_str(o.out, &id);
    o.plain("tenantId", &world.tenant);
    let status = INCIDENT_STATUS[incident.status as usize];
    o.plain(
        "status",
        if status == "awaitingAction" {
            words::sent(status, wanted.unknown)
        } else {
            status
        },
    );
    if o.key("incidentWebUrl") {
        push_url(o.out, world, &id);
    }
    match incident.redirect {
        0 => o.raw("redirectIncidentId", "null"),
        target => o.str("redirectIncidentId", &target.to_string()),
    }
    if o.key("displayName") {
        json::push_str(o.out, &world.incident_title(incident));
    }
    o.time("createdDateTime", incident.created);
    o.time("lastUpdateDateTime", incident.updated);
    o.opt("assignedTo", world.text(incident.assigned));
    o.opt(
        "classification",
        Some(CLASSIFICATION[incident.classification.max(1) as usize]),
    );
    o.opt(
        "determination",
        Some(DETERMINATION[incident.determination.max(1) as usize]),
    );
    o.plain("severity", SEVERITY[incident.severity as usize]);
    match incident.priority {
        Some(score) => o.int("priorityScore", i64::from(score)),
        None => o.raw("priorityScore", "null"),
    }
    o.list("customTags", extra.map_or(&[][..], |e| &e.custom_tags));
    o.list("systemTags", extra.map_or(&[][..], |e| &e.system_tags));
    o.opt("description", extra.and_then(|e| e.description.as_deref()));
    o.opt("summary", extra.and_then(|e| e.summary.as_deref()));
    o.opt("lastModifiedBy", world.text(incident.modified_by));
    o.opt(
        "resolvingComment",
        extra.and_then(|e| e.resolving_comment.as_deref()),
    );
    if o.key("comments") {
        super::push_comments(o.out, extra.map_or(&[][..], |e| &e.comments));
    }
    if wanted.beta {
        push_recommended(&mut o, world, incident);
    }
    if wanted.alerts {
        o.always("alerts");
        o.out.push(b'[');
        for (at, alert) in incident.alerts.iter().enumerate() {
            if at > 0 {
                o.out.push(b',');
            }
            alerts::push(
                o.out,
                world,
                *alert,
                alerts::Wanted {
                    context: None,
                    select: None,
                    unknown: wanted.unknown,
                },
            );
        }
        o.out.push(b']');
    }
    o.close();
}

/// What the beta version recommends: what to do, and what to hunt for on the first device or person.
fn push_recommended(o: &mut Object<'_>, world: &World, incident: &Incident) {
    let first = incident.alerts.first().map(|a| &world.alerts[*a as usize]);
    let Some(alert) = first else {
        o.raw("recommendedActions", "null");
        o.raw("recommendedHuntingQueries", "[]");
        return;
    };
    o.raw("recommendedActions", &world.shell(alert).actions);
    if o.key("recommendedHuntingQueries") {
        let query = format!(
            "AlertEvidence\n| where AlertId == \"{}\"\n| project Timestamp, EntityType, EvidenceRole, DeviceName, AccountUpn, FileName, RemoteIP",
            world.alert_id(incident.alerts[0])
        );
        o.out.push(b'[');
        let mut inner = Object::open(o.out, None);
        inner.str("kqlText", &query);
        inner.close();
        o.out.push(b']');
    }
}

/// Appends the portal's address of an incident, as a JSON string.
pub fn push_url(out: &mut Vec<u8>, world: &World, id: &str) {
    out.push(b'"');
    out.extend_from_slice(world.portal.as_bytes());
    out.extend_from_slice(b"/incident2/");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b"/overview?tid=");
    out.extend_from_slice(world.tenant.as_bytes());
    out.push(b'"');
}

//! Alerts: list, get, update, comment, and how one is written.

use super::super::entra::Claims;
use super::super::http::{Ask, Reply};
use super::super::ids;
use super::super::json::{self, Object};
use super::super::odata::{Field, Kind, Options, Property, Type, filterable, readable};
use super::super::quirks::{AlertSkip, AlertTop};
use super::super::tenant::Tenant;
use super::super::words::{
    self, ALERT_STATUS, CLASSIFICATION, DETERMINATION, INVESTIGATION, SERVICE_SOURCE, SEVERITY,
};
use super::super::world::{Body, Comment, World};
use super::list::{Rows, Times};
use super::{Refusal, bodies, incidents, metadata};

const PROPERTIES: &[Property] = &[
    filterable("assignedTo", Kind::Text),
    filterable("classification", Kind::Member(CLASSIFICATION)),
    filterable("createdDateTime", Kind::Time),
    filterable("determination", Kind::Member(DETERMINATION)),
    filterable("lastUpdateDateTime", Kind::Time),
    filterable("severity", Kind::Member(SEVERITY)),
    filterable("status", Kind::Member(ALERT_STATUS)),
    filterable("serviceSource", Kind::Member(SERVICE_SOURCE)),
    readable("id"),
    readable("providerAlertId"),
    readable("incidentId"),
    readable("detectionSource"),
    readable("productName"),
    readable("detectorId"),
    readable("tenantId"),
    readable("title"),
    readable("description"),
    readable("recommendedActions"),
    readable("category"),
    readable("categories"),
    readable("alertPolicyId"),
    readable("alertWebUrl"),
    readable("incidentWebUrl"),
    readable("actorDisplayName"),
    readable("threatDisplayName"),
    readable("threatFamilyName"),
    readable("mitreTechniques"),
    readable("investigationState"),
    readable("firstActivityDateTime"),
    readable("lastActivityDateTime"),
    readable("resolvedDateTime"),
    readable("comments"),
    readable("systemTags"),
    readable("customDetails"),
    readable("additionalData"),
    readable("evidence"),
];
const CREATED: usize = 2;
const UPDATED: usize = 4;

/// The entity type.
pub const TYPE: Type = Type {
    name: "microsoft.graph.security.alert",
    properties: PROPERTIES,
};

/// Larger pages are clamped to this.
const LARGEST_PAGE: usize = 1000;
const USUAL_PAGE: usize = 100;
/// The constraints page refuses more.
const LARGEST_SKIP: usize = 500;

fn field(world: &World, row: u32, property: usize) -> Field<'_> {
    let alert = &world.alerts[row as usize];
    match property {
        0 => world.text(alert.assigned).map_or(Field::Null, Field::Text),
        1 if alert.classification == 0 => Field::Null,
        1 => Field::Member(alert.classification),
        CREATED => Field::Time(alert.created),
        3 if alert.determination == 0 => Field::Null,
        3 => Field::Member(alert.determination),
        UPDATED => Field::Time(alert.updated),
        5 => Field::Member(alert.severity),
        6 => Field::Member(alert.status),
        7 => words::place(SERVICE_SOURCE, world.shell(alert).source.service)
            .map_or(Field::Null, Field::Member),
        _ => Field::Null,
    }
}

fn rows<'a>(world: &'a World, field: &'a dyn Fn(u32, usize) -> Field<'a>) -> Rows<'a> {
    Rows {
        len: world.alerts.len(),
        times: Some(Times {
            index: &world.alert_index,
            created: CREATED,
            updated: UPDATED,
        }),
        field,
    }
}

fn options(ask: &Ask) -> Result<Options, Refusal> {
    let options = Options::parse(&ask.query, TYPE).map_err(Refusal::bad)?;
    if options.expand.is_some() {
        return Err(Refusal::bad(
            "The query specified in the URI is not valid. $expand is not supported on this resource.",
        ));
    }
    Ok(options)
}

/// GET the collection.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    if options.skip > LARGEST_SKIP && tenant.quirks.alert_skip == AlertSkip::Refused {
        return Err(Refusal::bad(format!(
            "The limit of '{LARGEST_SKIP}' for Skip query has been exceeded. The value from the incoming request is '{}'.",
            options.skip
        )));
    }
    if let Some(top) = options.top
        && top > LARGEST_PAGE
        && tenant.quirks.alert_top == AlertTop::Refused
    {
        return Err(Refusal::bad(format!(
            "The limit of '{LARGEST_PAGE}' for Top query has been exceeded. The value from the incoming request is '{top}'."
        )));
    }
    let size = options.top.unwrap_or(USUAL_PAGE).min(LARGEST_PAGE);
    let world = tenant.world();
    let field = |row, property| field(&world, row, property);
    let page = rows(&world, &field).page(&options, size);
    let wanted = Wanted {
        context: None,
        select: options.select.as_deref(),
        unknown: ask.takes_unknown_members(),
    };
    Ok(super::list::document(
        ask,
        "security/alerts_v2",
        &page,
        6000,
        |out, row| push(out, &world, row, wanted),
    ))
}

/// GET the number of alerts.
pub fn count(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let world = tenant.world();
    let field = |row, property| field(&world, row, property);
    Ok(super::bare_count(rows(&world, &field).count(&options)))
}

fn find(world: &World, id: &str) -> Result<u32, Refusal> {
    world.find_alert(id).ok_or_else(|| {
        Refusal::new(
            404,
            "ResourceNotFound",
            format!("Alert with id {id} was not found."),
        )
    })
}

/// GET one.
pub fn get(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let world = tenant.world();
    let place = find(&world, id)?;
    Ok(entity(&world, place, options.select.as_deref(), ask))
}

fn entity(world: &World, place: u32, select: Option<&[String]>, ask: &Ask) -> Reply {
    let mut out = Vec::with_capacity(8 * 1024);
    let context = format!("{}security/alerts_v2/$entity", metadata(ask));
    push(
        &mut out,
        world,
        place,
        Wanted {
            context: Some(&context),
            select,
            unknown: ask.takes_unknown_members(),
        },
    );
    Reply::json(200, out)
}

/// PATCH one.
pub fn patch(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let body = bodies::object(ask)?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let place = find(&world, id)?;
    let mut status = None;
    let mut classification = None;
    let mut determination = None;
    let mut assigned = None;
    for (name, value) in &body {
        match name.as_str() {
            "status" => {
                let writable = ["new", "inProgress", "resolved"];
                status = Some(bodies::member(
                    name,
                    value,
                    ALERT_STATUS,
                    &writable,
                    "alertStatus",
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
            "assignedTo" => assigned = Some(bodies::assignee(value)?.to_owned()),
            _ if name.contains("@odata.") => {}
            _ => return Err(bodies::not_writable(name, TYPE)),
        }
    }
    let row = &world.alerts[place as usize];
    bodies::check_pair(
        tenant.quirks.classification_pairs,
        classification.unwrap_or(row.classification),
        determination.unwrap_or(row.determination),
    )?;
    let assigned = assigned.map(|text| world.name(&text));
    let row = &mut world.alerts[place as usize];
    row.classification = classification.unwrap_or(row.classification);
    row.determination = determination.unwrap_or(row.determination);
    row.assigned = assigned.unwrap_or(row.assigned);
    let incident = row.incident;
    world.touch_alert(place, now);
    let by = world.incidents[incident as usize].modified_by;
    world.touch_incident(incident, now, by);
    if let Some(status) = status {
        world.set_alert_status(place, status, now);
    }
    Ok(entity(&world, place, None, ask))
}

/// POST a comment.
pub fn comment(tenant: &Tenant, ask: &Ask, id: &str, claims: &Claims) -> Result<Reply, Refusal> {
    let texts = bodies::comments(ask)?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let place = find(&world, id)?;
    let by = claims.actor();
    let comments = &mut world.alerts[place as usize].comments;
    comments.extend(texts.into_iter().map(|text| Comment {
        text,
        by: by.clone(),
        at: now,
    }));
    world.touch_alert(place, now);
    let comments = &world.alerts[place as usize].comments;
    Ok(super::comment_list(ask, "alerts_v2", id, comments))
}

/// How an alert is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// `@odata.context` of a single entity.
    pub context: Option<&'a str>,
    /// `$select`.
    pub select: Option<&'a [String]>,
    /// Members above `unknownFutureValue` as they are.
    pub unknown: bool,
}

/// Appends one alert.
pub fn push(out: &mut Vec<u8>, world: &World, place: u32, wanted: Wanted<'_>) {
    let alert = &world.alerts[place as usize];
    let shell = world.shell(alert);
    let source = shell.source;
    let told = match &alert.body {
        Body::Told(told) => Some(told.as_ref()),
        Body::Everyday { .. } => None,
    };
    let guid = ids::guid_of(alert.key);
    let incident = world.incidents[alert.incident as usize].id.to_string();
    let mut o = Object::open(out, wanted.select);
    if let Some(context) = wanted.context {
        o.always("@odata.context");
        json::push_str(o.out, context);
    }
    o.always("id");
    for part in ["\"", source.prefix, &guid, source.suffix, "\""] {
        o.out.extend_from_slice(part.as_bytes());
    }
    if o.key("providerAlertId") {
        json::push_str(o.out, &world.provider_alert_id(place));
    }
    o.plain("incidentId", &incident);
    o.plain("status", ALERT_STATUS[alert.status as usize]);
    o.plain("severity", SEVERITY[alert.severity as usize]);
    match alert.classification {
        0 => o.raw("classification", "null"),
        member => o.plain("classification", CLASSIFICATION[member as usize]),
    }
    match alert.determination {
        0 => o.raw("determination", "null"),
        member => o.plain("determination", DETERMINATION[member as usize]),
    }
    o.plain("serviceSource", words::sent(source.service, wanted.unknown));
    o.plain(
        "detectionSource",
        words::sent(source.detection, wanted.unknown),
    );
    o.plain("productName", source.product);
    o.raw("detectorId", &shell.detector);
    o.plain("tenantId", &world.tenant);
    o.raw("title", &shell.title_json);
    o.raw("description", &shell.description);
    o.raw("recommendedActions", &shell.actions);
    o.opt("category", shell.categories.first().map(String::as_str));
    o.raw("categories", &shell.categories_json);
    o.opt("assignedTo", world.text(alert.assigned));
    o.raw("alertPolicyId", "null");
    if o.key("alertWebUrl") {
        for part in [
            "\"",
            world.portal,
            "/alerts/",
            source.prefix,
            &guid,
            source.suffix,
            "?tid=",
            &world.tenant,
            "\"",
        ] {
            o.out.extend_from_slice(part.as_bytes());
        }
    }
    if o.key("incidentWebUrl") {
        incidents::push_url(o.out, world, &incident);
    }
    o.opt("actorDisplayName", told.and_then(|t| t.actor.as_deref()));
    o.raw("threatDisplayName", &shell.threat);
    o.raw("threatFamilyName", &shell.family);
    o.raw("mitreTechniques", &shell.techniques_json);
    o.plain(
        "investigationState",
        INVESTIGATION[alert.investigation as usize],
    );
    o.time("createdDateTime", alert.created);
    o.time("firstActivityDateTime", alert.first);
    o.time("lastActivityDateTime", alert.last);
    o.time("lastUpdateDateTime", alert.updated);
    o.time("resolvedDateTime", alert.resolved);
    if o.key("comments") {
        super::push_comments(o.out, &alert.comments);
    }
    o.list("systemTags", told.map_or(&[][..], |t| &t.tags));
    let custom = match &alert.body {
        Body::Told(told) => &told.custom,
        Body::Everyday { recipe, .. } => &world.catalogue.recipes[*recipe as usize].custom,
    };
    o.raw("customDetails", custom);
    o.raw("additionalData", told.map_or("{}", |t| &t.additional));
    if o.key("evidence") {
        match told {
            Some(told) => {
                o.out.push(b'[');
                for (at, evidence) in told.evidence.iter().enumerate() {
                    if at > 0 {
                        o.out.push(b',');
                    }
                    evidence.push(o.out, wanted.unknown);
                }
                o.out.push(b']');
            }
            None => match world.about(place, wanted.unknown) {
                Some((recipe, about)) => {
                    world.catalogue.recipes[recipe as usize].push_evidence(o.out, about);
                }
                None => o.out.extend_from_slice(b"[]"),
            },
        }
        world.churn.push_late(o.out, place, wanted.unknown);
    }
    o.close();
}

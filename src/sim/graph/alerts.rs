//! Alerts: list, get, update, comment, and how one is written.

use super::super::entra::Claims;
use super::super::http::{Ask, Reply};
use super::super::ids;
use super::super::json::{self, Object};
use super::super::odata::{Field, Kind, Options, Property, Type, filterable, readable};
use super::super::server::Tenant;
use super::super::words::{
    self, ALERT_STATUS, CLASSIFICATION, DETERMINATION, INVESTIGATION, SERVICE_SOURCE, SEVERITY,
};
use super::super::world::{Body, Comment, World};
use super::list::Rows;
use super::{METADATA, Refusal, incidents};

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

/// GET the collection.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = Options::parse(&ask.query, TYPE).map_err(Refusal::bad)?;
    if options.expand.is_some() {
        return Err(Refusal::bad(
            "The query specified in the URI is not valid. $expand is not supported on this resource.",
        ));
    }
    if options.skip > 500 {
        return Err(Refusal::bad(
            "The limit of '500' for Skip query has been exceeded.",
        ));
    }
    let size = options.top.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
    let world = tenant.world();
    let rows = Rows {
        index: &world.alert_index,
        created: CREATED,
        updated: UPDATED,
        field: &|row, property| field(&world, row, property),
    };
    let page = rows.page(&options, size);
    let unknown = ask.takes_unknown_members();
    let mut out = Vec::with_capacity(page.rows.len() * 6000 + 512);
    let mut document = Object::open(&mut out, None);
    document.str("@odata.context", &format!("{METADATA}security/alerts_v2"));
    if let Some(count) = page.count {
        document.int("@odata.count", count as i64);
    }
    if let Some(next) = &page.next {
        document.str("@odata.nextLink", &super::next_link(ask, next));
    }
    document.always("value");
    document.out.push(b'[');
    for (at, row) in page.rows.iter().enumerate() {
        if at > 0 {
            document.out.push(b',');
        }
        push(
            document.out,
            &world,
            *row,
            Wanted {
                context: None,
                select: options.select.as_deref(),
                unknown,
            },
        );
    }
    document.out.push(b']');
    document.close();
    Ok(Reply::json(200, out))
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
    let options = Options::parse(&ask.query, TYPE).map_err(Refusal::bad)?;
    let world = tenant.world();
    let place = find(&world, id)?;
    Ok(entity(&world, place, options.select.as_deref(), ask))
}

fn entity(world: &World, place: u32, select: Option<&[String]>, ask: &Ask) -> Reply {
    let mut out = Vec::with_capacity(8 * 1024);
    let context = format!("{METADATA}security/alerts_v2/$entity");
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
    let body = super::object(ask)?;
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
                status = Some(super::member(
                    name,
                    value,
                    ALERT_STATUS,
                    &writable,
                    "alertStatus",
                )?);
            }
            "classification" => {
                classification = Some(super::member(
                    name,
                    value,
                    CLASSIFICATION,
                    &[],
                    "alertClassification",
                )?);
            }
            "determination" => {
                determination = Some(super::member(
                    name,
                    value,
                    DETERMINATION,
                    &[],
                    "alertDetermination",
                )?);
            }
            "assignedTo" => assigned = Some(super::assignee(value)?.to_owned()),
            _ if name.contains("@odata.") => {}
            _ => return Err(super::not_writable(name, TYPE)),
        }
    }
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
    let text = super::comment_text(ask)?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let place = find(&world, id)?;
    let row = &mut world.alerts[place as usize];
    row.comments.push(Comment {
        text,
        by: claims.actor(),
        at: now,
    });
    world.touch_alert(place, now);
    let comments = &world.alerts[place as usize].comments;
    let mut out = Vec::new();
    let mut document = Object::open(&mut out, None);
    document.str(
        "@odata.context",
        &format!("{METADATA}security/alerts_v2('{id}')/comments"),
    );
    document.always("value");
    super::push_comments(document.out, comments);
    document.close();
    Ok(Reply::json(200, out))
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
        for part in ["\"", &guid, source.suffix, "\""] {
            o.out.extend_from_slice(part.as_bytes());
        }
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
            "\"https://security.microsoft.com/alerts/",
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
    o.raw("customDetails", told.map_or("{}", |t| &t.custom));
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

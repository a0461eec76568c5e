//! Analyzed mail: list, get, remediate, and which mails there are.
//!
//! Facts: the Graph fact sheet, "Mail". The mails are those of the story and those that alerts carry;
//! each is written from the evidence, so that list, alert and hunting tables name the same things.

use std::collections::HashMap;

use serde_json::Value;

use super::super::clock::{self, HOUR, MINUTE, Ticks};
use super::super::entra::Claims;
use super::super::evidence::Evidence;
use super::super::http::{Ask, Reply};
use super::super::ids;
use super::super::mail::{Move, REMEDIES};
use super::super::noise::{Kind as Everyday, Recipe};
use super::super::odata::{self, Field, Kind, Options, Property, Type, filterable, readable};
use super::super::quirks::MailDates;
use super::super::tenant::Tenant;
use super::super::world::{Body, World};
use super::bodies::{parameters, required_member, required_text};
use super::list::Rows;
use super::mail_json::push;
use super::{Refusal, metadata};

const PROPERTIES: &[Property] = &[
    filterable("networkMessageId", Kind::Text),
    filterable("recipientEmailAddress", Kind::Text),
    readable("id"),
    readable("alertIds"),
    readable("attachments"),
    readable("authenticationDetails"),
    readable("bulkComplaintLevel"),
    readable("clientType"),
    readable("contexts"),
    readable("detectionMethods"),
    readable("directionality"),
    readable("distributionList"),
    readable("dlpRules"),
    readable("emailClusterId"),
    readable("exchangeTransportRules"),
    readable("forwardingDetail"),
    readable("inboundConnectorFormattedName"),
    readable("internetMessageId"),
    readable("language"),
    readable("latestDelivery"),
    readable("loggedDateTime"),
    readable("originalDelivery"),
    readable("overrideSources"),
    readable("phishConfidenceLevel"),
    readable("policy"),
    readable("policyAction"),
    readable("policyType"),
    readable("primaryOverrideSource"),
    readable("recipientDetail"),
    readable("returnPath"),
    readable("senderDetail"),
    readable("sizeInBytes"),
    readable("spamConfidenceLevel"),
    readable("subject"),
    readable("threatDetectionDetails"),
    readable("threatTypes"),
    readable("timelineEvents"),
    readable("urls"),
];

const TYPE: Type = Type {
    name: "microsoft.graph.security.analyzedEmail",
    properties: PROPERTIES,
};

const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;
/// What is listed when no dates are given.
const WINDOW: Ticks = 20 * HOUR;
/// Everyday alerts about mail come this long after it.
const ALERT_AFTER: Ticks = 18 * MINUTE;

/// Where a mail is found.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// Place of the story, and of the mail in it.
    Story(usize, usize),
    /// Place of the alert, and which of its evidence.
    Everyday(u32, usize),
}

/// A mail before it is written.
#[derive(Debug)]
pub struct Found {
    /// `NetworkMessageId`.
    pub message: String,
    /// Recipient.
    pub recipient: String,
    /// When it was received.
    pub received: Ticks,
    /// Where it is found.
    pub origin: Origin,
}

/// `{networkMessageId}-{number}-1`, which is also `ReportId` in the hunting tables.
pub fn id_of(world: &World, mail: &Found, people: &HashMap<String, u32>) -> String {
    let number = people
        .get(&mail.recipient.to_lowercase())
        .map_or("00000000", |p| &world.people[*p as usize].object_id[..8]);
    format!("{}-{number}-1", mail.message)
}

fn people(world: &World) -> HashMap<String, u32> {
    world
        .people
        .iter()
        .enumerate()
        .map(|(at, p)| (p.upn.to_lowercase(), at as u32))
        .collect()
}

/// Mails received in a span of time, newest first.
fn gather(world: &World, from: Ticks, until: Ticks) -> Vec<Found> {
    let mut out = Vec::new();
    for (tale, told) in world.story.tales.iter().enumerate() {
        let cast = &told.cast;
        for (at, mail) in cast.scenario.mail.iter().enumerate() {
            let received = cast.at(mail.at);
            if received < from || received > until {
                continue;
            }
            if let Ok(to) = cast.person(&mail.to) {
                out.push(Found {
                    message: cast.message_id(mail),
                    recipient: to.upn.clone(),
                    received,
                    origin: Origin::Story(tale, at),
                });
            }
        }
    }
    let alerts = world.alert_index.created.range(
        (from.saturating_add(ALERT_AFTER), 0)..=(until.saturating_add(ALERT_AFTER), u32::MAX),
    );
    for (created, place) in alerts {
        let Body::Everyday { recipe, .. } = world.alerts[*place as usize].body else {
            continue;
        };
        let recipe = &world.catalogue.recipes[recipe as usize];
        for (at, _) in recipe
            .evidence
            .iter()
            .enumerate()
            .filter(|(_, kind)| **kind == Everyday::Mail)
        {
            let Some((_, about)) = world.about(*place, true) else {
                continue;
            };
            let (message, recipient, _) = Recipe::mail_ids(about, at as u64);
            out.push(Found {
                message,
                recipient,
                received: created - ALERT_AFTER,
                origin: Origin::Everyday(*place, at),
            });
        }
    }
    out.sort_by(|a, b| (b.received, &b.message).cmp(&(a.received, &a.message)));
    out
}

/// The span a request asks for.
fn span(ask: &Ask, quirk: MailDates, now: Ticks) -> Result<(Ticks, Ticks), Refusal> {
    let (mut from, mut until) = (None, None);
    if quirk == MailDates::Honoured {
        for (name, value) in odata::pairs(&ask.query) {
            let slot = match name.as_str() {
                "startTime" => &mut from,
                "endTime" => &mut until,
                _ => continue,
            };
            *slot = Some(clock::parse(&value).ok_or_else(|| {
                Refusal::bad(format!(
                    "The value '{value}' of parameter '{name}' is not a date."
                ))
            })?);
        }
    }
    let until = until.unwrap_or(now).min(now);
    let from = from.unwrap_or(until - WINDOW);
    if from > until {
        return Err(Refusal::bad("startTime must be earlier than endTime."));
    }
    Ok((from, until))
}

fn options(tenant: &Tenant, ask: &Ask) -> Result<Options, Refusal> {
    let options = Options::parse(&ask.query, TYPE).map_err(Refusal::bad)?;
    let ignored = tenant.quirks.mail_dates == MailDates::Ignored;
    for (given, name) in [
        (options.skip > 0, "$skip"),
        (options.order.is_some(), "$orderby"),
        (options.expand.is_some(), "$expand"),
        (ignored && options.filter.is_some(), "$filter"),
        (ignored && options.count, "$count"),
    ] {
        if given {
            return Err(Refusal::bad(format!(
                "The query parameter '{name}' is not supported."
            )));
        }
    }
    Ok(options)
}

/// GET the collection.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(tenant, ask)?;
    let (from, until) = span(ask, tenant.quirks.mail_dates, tenant.clock.now())?;
    let size = options.top.unwrap_or(USUAL_PAGE).min(LARGEST_PAGE);
    let world = tenant.world();
    let mails = gather(&world, from, until);
    let rows = Rows {
        len: mails.len(),
        times: None,
        field: &|row, property| match property {
            0 => Field::Text(&mails[row as usize].message),
            1 => Field::Text(&mails[row as usize].recipient),
            _ => Field::Null,
        },
    };
    let page = rows.page(&options, size);
    let people = people(&world);
    Ok(super::list::document(
        ask,
        "security/collaboration/analyzedEmails",
        &page,
        3000,
        |out, row| {
            let mail = &mails[row as usize];
            push(out, &world, mail, &people, None, options.select.as_deref());
        },
    ))
}

/// GET one.
pub fn get(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let options = options(tenant, ask)?;
    let world = tenant.world();
    let people = people(&world);
    let mail = gather(&world, Ticks::MIN / 2, tenant.clock.now())
        .into_iter()
        .find(|m| id.starts_with(&m.message) && id_of(&world, m, &people) == id)
        .ok_or_else(|| missing(id))?;
    let context = format!(
        "{}security/collaboration/analyzedEmails/$entity",
        metadata(ask)
    );
    let mut out = Vec::with_capacity(4096);
    let select = options.select.as_deref();
    push(&mut out, &world, &mail, &people, Some(&context), select);
    Ok(Reply::json(200, out))
}

fn missing(id: &str) -> Refusal {
    Refusal::new(
        404,
        "ResourceNotFound",
        format!("Analyzed email with id {id} was not found."),
    )
}

/// POST remediate: accepted, and there is no job to poll.
pub fn remediate(tenant: &Tenant, ask: &Ask, claims: &Claims) -> Result<Reply, Refusal> {
    let body = parameters(
        ask,
        &[
            "displayName",
            "description",
            "severity",
            "action",
            "remediateSendersCopy",
            "analyzedEmails",
            "approverUpn",
        ],
    )?;
    let name = required_text(&body, "displayName")?;
    required_member(
        &body,
        "severity",
        &["low", "medium", "high"],
        "remediationSeverity",
    )?;
    let action = required_member(
        &body,
        "action",
        &[
            "moveToJunk",
            "moveToInbox",
            "hardDelete",
            "softDelete",
            "moveToDeletedItems",
            "moveToQuarantine",
        ],
        "remediationAction",
    )?;
    let remedy = REMEDIES
        .iter()
        .find(|r| r.action == action)
        .ok_or_else(|| Refusal::bad(format!("The action '{action}' is not supported.")))?;
    match body.get("remediateSendersCopy") {
        // The page's own example quotes it.
        None | Some(Value::Null | Value::Bool(_)) => {}
        Some(Value::String(text)) if text == "true" || text == "false" => {}
        Some(_) => {
            return Err(Refusal::bad(
                "Cannot convert the literal of property 'remediateSendersCopy' to the expected type 'Edm.Boolean'.",
            ));
        }
    }
    if !super::is_beta(ask) && body.contains_key("approverUpn") {
        return Err(Refusal::bad(
            "The parameter 'approverUpn' in the request payload is not a valid parameter for the operation.",
        ));
    }
    let asked = body
        .get("analyzedEmails")
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
        .ok_or_else(|| Refusal::bad("The analyzedEmails parameter is required."))?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let mails = gather(&world, Ticks::MIN / 2, now);
    let people = people(&world);
    let mut chosen = Vec::new();
    for one in asked {
        let part = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, message, recipient) = (
            part("id"),
            part("networkMessageId"),
            part("recipientEmailAddress"),
        );
        let found = if !message.is_empty() && !recipient.is_empty() {
            mails.iter().find(|m| {
                m.message.eq_ignore_ascii_case(message)
                    && m.recipient.eq_ignore_ascii_case(recipient)
            })
        } else if super::is_beta(ask) && !id.is_empty() {
            mails.iter().find(|m| id_of(&world, m, &people) == id)
        } else {
            return Err(Refusal::bad(
                "Each of analyzedEmails needs networkMessageId and recipientEmailAddress.",
            ));
        };
        chosen.push(found.ok_or_else(|| missing(if message.is_empty() { id } else { message }))?);
    }
    let by = claims.actor();
    for mail in chosen {
        world.mail.push(Move {
            message: mail.message.clone(),
            recipient: mail.recipient.clone(),
            remedy,
            at: now,
            by: by.clone(),
            name: name.clone(),
        });
        show_in_alerts(&mut world, mail, now);
    }
    world.mail.remediations += 1;
    let approval = ids::guid(
        world.seed,
        &format!("mail remediation {}", world.mail.remediations),
    );
    let mut reply = Reply::json(202, Vec::new());
    // Braces and quotes stand there raw.
    reply.headers.push((
        "location",
        format!(
            "{}/action-center/history?filters={{\"approvalId\":[\"{approval}\"]}}&tid={}",
            world.portal, world.tenant
        ),
    ));
    Ok(reply)
}

/// The evidence of a moved mail says so, and its alerts have changed.
fn show_in_alerts(world: &mut World, mail: &Found, now: Ticks) {
    let status = match world.mail.last(&mail.message, &mail.recipient) {
        Some(last) if last.remedy.removes => "remediated",
        _ => "active",
    };
    let touched = match mail.origin {
        Origin::Everyday(alert, _) => vec![alert],
        Origin::Story(..) => {
            let places = alerts_about(world, &mail.message);
            for place in &places {
                if let Body::Told(told) = &mut world.alerts[*place as usize].body {
                    for evidence in told
                        .evidence
                        .iter_mut()
                        .filter(|e| is_message(e, &mail.message))
                    {
                        status.clone_into(&mut evidence.remediation);
                    }
                }
            }
            places
        }
    };
    for place in touched {
        world.touch_alert(place, now);
        let incident = world.alerts[place as usize].incident;
        let by = world.incidents[incident as usize].modified_by;
        world.touch_incident(incident, now, by);
    }
}

fn is_message(evidence: &Evidence, message: &str) -> bool {
    evidence.kind == "analyzedMessageEvidence" && evidence.id("networkMessageId") == Some(message)
}

/// Places of the stories' alerts that have a message among their evidence.
pub fn alerts_about(world: &World, message: &str) -> Vec<u32> {
    let about = |body: &Body| match body {
        Body::Told(told) => told.evidence.iter().any(|e| is_message(e, message)),
        Body::Everyday { .. } => false,
    };
    (0..world.alerts.len() as u32)
        .filter(|place| about(&world.alerts[*place as usize].body))
        .collect()
}

//! Rearranging: incidents merged into one, alerts moved to another incident.
//!
//! Facts: the Graph fact sheet, "Merge" and "Move".

use super::super::entra::Claims;
use super::super::http::{Ask, Reply};
use super::super::json::Object;
use super::super::tenant::Tenant;
use super::super::world::{ACTIVE, Comment, Incident, REDIRECTED, RESOLVED, World};
use super::bodies::{check_comment, check_reasons, optional_text, parameters, texts};
use super::{Refusal, incidents, metadata};

/// POST mergeIncidents: the service picks the target, the others are redirected to it.
pub fn merge(tenant: &Tenant, ask: &Ask, claims: &Claims) -> Result<Reply, Refusal> {
    let body = parameters(ask, &["incidentIds", "incidentComment", "mergeReasons"])?;
    let ids = texts(&body, "incidentIds")?;
    let comment = comment(optional_text(&body, "incidentComment")?)?;
    check_reasons(&body, "mergeReasons")?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let mut places = Vec::new();
    for id in &ids {
        let place = standing(&world, id)?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    if places.len() < 2 {
        return Err(Refusal::bad(
            "At least two different incidents are needed for a merge.",
        ));
    }
    // The worst one stays, then the one with most alerts, then the oldest.
    let target = *places
        .iter()
        .max_by_key(|place| {
            let row = &world.incidents[**place as usize];
            (row.severity, row.alerts.len(), std::cmp::Reverse(**place))
        })
        .expect("two at least");
    for place in places {
        world.merge(place, target, now);
    }
    let by = claims.actor();
    if let Some(text) = comment {
        world.incidents[target as usize]
            .extra_mut()
            .comments
            .push(Comment {
                text,
                by: by.clone(),
                at: now,
            });
    }
    let name = world.name(&by);
    world.touch_incident(target, now, name);
    Ok(answer(ask, &world, target))
}

/// POST moveAlerts: to the incident named, or to a new one.
pub fn relocate(tenant: &Tenant, ask: &Ask, claims: &Claims) -> Result<Reply, Refusal> {
    let body = parameters(
        ask,
        &[
            "alertIds",
            "incidentId",
            "alertComment",
            "newCorrelationReasons",
        ],
    )?;
    let ids = texts(&body, "alertIds")?;
    let incident = optional_text(&body, "incidentId")?;
    let comment = comment(optional_text(&body, "alertComment")?)?;
    check_reasons(&body, "newCorrelationReasons")?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let mut alerts = Vec::new();
    for id in &ids {
        let place = world.find_alert(id).ok_or_else(|| {
            Refusal::new(
                404,
                "ResourceNotFound",
                format!("Alert with id {id} was not found."),
            )
        })?;
        if !alerts.contains(&place) {
            alerts.push(place);
        }
    }
    let target = if let Some(id) = incident {
        standing(&world, &id)?
    } else {
        let by = world.name(&claims.actor());
        let incident = Incident {
            id: world.incident_id(world.incidents.len() as u32),
            created: now,
            updated: now,
            severity: 1,
            status: ACTIVE,
            classification: 1,
            determination: 1,
            priority: None,
            assigned: 0,
            modified_by: by,
            redirect: 0,
            alerts: Vec::new(),
            extra: None,
        };
        world.push_incident(incident)
    };
    let by = claims.actor();
    let name = world.name(&by);
    let mut left = Vec::new();
    for alert in alerts {
        if let Some(text) = &comment {
            world.alerts[alert as usize].comments.push(Comment {
                text: text.clone(),
                by: by.clone(),
                at: now,
            });
            world.touch_alert(alert, now);
        }
        if let Some(old) = world.move_alert(alert, target, now)
            && !left.contains(&old)
        {
            left.push(old);
        }
    }
    for place in left {
        // Nothing is open in an incident without alerts: as after the last one was resolved.
        let row = &mut world.incidents[place as usize];
        if row.alerts.is_empty() {
            row.status = RESOLVED;
        }
        world.touch_incident(place, now, name);
    }
    world.touch_incident(target, now, name);
    Ok(answer(ask, &world, target))
}

fn comment(text: Option<String>) -> Result<Option<String>, Refusal> {
    if let Some(text) = &text {
        check_comment(text)?;
    }
    Ok(text)
}

/// The place of an incident that has not been merged away.
fn standing(world: &World, id: &str) -> Result<u32, Refusal> {
    let place = incidents::find(world, id)?;
    let row = &world.incidents[place as usize];
    if row.status == REDIRECTED {
        return Err(Refusal::bad(format!(
            "Incident {id} was merged into incident {} and cannot be used.",
            row.redirect
        )));
    }
    Ok(place)
}

fn answer(ask: &Ask, world: &World, target: u32) -> Reply {
    let mut out = Vec::with_capacity(160);
    let mut o = Object::open(&mut out, None);
    o.str(
        "@odata.context",
        &format!("{}microsoft.graph.security.mergeResponse", metadata(ask)),
    );
    o.str("targetIncidentId", &world.incident_id(target).to_string());
    o.close();
    Reply::json(200, out)
}

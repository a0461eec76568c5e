//! Indicators: list, submit or update, delete, and what makes one valid.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value as Json, json};

use super::super::clock::{self, DAY, Ticks};
use super::super::http::Reply;
use super::super::ids::{self, Dice};
use super::super::odata::{Field, Kind, Type, filterable};
use super::super::world::World;
use super::Refusal;
use super::call::{
    Call, entity, maybe_text, member, not_found, only, text, texts, time, wrong_kind,
};

/// The most active indicators of a tenant.
const MOST_ACTIVE: usize = 15_000;

/// `indicatorType`.
const TYPES: &[&str] = &[
    "FileSha1",
    "FileSha256",
    "FileMd5",
    "CertificateThumbprint",
    "IpAddress",
    "DomainName",
    "Url",
];
/// `action`; the last two are the older names.
const ACTIONS: &[&str] = &[
    "Allowed",
    "Audit",
    "Block",
    "BlockAndRemediate",
    "Warn",
    "Alert",
    "AlertAndBlock",
];
const SEVERITY: &[&str] = &["Informational", "Low", "Medium", "High"];
/// Names a body may have; the last ones are the service's own, which clients send back to it.
const NAMES: &[&str] = &[
    "indicatorValue",
    "indicatorType",
    "action",
    "application",
    "title",
    "description",
    "severity",
    "generateAlert",
    "expirationTime",
    "recommendedActions",
    "rbacGroupNames",
    "educateUrl",
    "id",
    "externalID",
    "source",
    "createdBySource",
    "sourceType",
    "createdBy",
    "createdByDisplayName",
    "lastUpdatedBy",
    "creationTimeDateTimeUtc",
    "lastUpdateTime",
    "rbacGroupIds",
];

/// One indicator.
#[derive(Debug, Clone)]
pub struct Indicator {
    id: u64,
    /// `indicatorValue`.
    pub value: String,
    kind: String,
    action: String,
    title: String,
    description: String,
    severity: Option<String>,
    generate_alert: bool,
    application: Option<String>,
    expires: Ticks,
    recommended: Option<String>,
    groups: Vec<String>,
    group_ids: Vec<String>,
    educate: Option<String>,
    created_by: String,
    created_name: String,
    by_app: bool,
    created: Ticks,
    updated: Ticks,
    updated_by: String,
}

/// All indicators.
#[derive(Debug, Default)]
pub struct Indicators {
    rows: BTreeMap<u64, Indicator>,
    by_value: BTreeMap<String, u64>,
    last: u64,
}

/// What people put in before any application did: value, type, action, title.
const SEEDED: &[(&str, &str, &str, &str)] = &[
    (
        "malware.example.net",
        "DomainName",
        "Block",
        "Known bad host",
    ),
    ("203.0.113.66", "IpAddress", "Block", "Scanner"),
    (
        "https://files.example.org/tool.zip",
        "Url",
        "Warn",
        "Unapproved download",
    ),
];

impl Indicators {
    /// What the tenant starts with: indicators that people made in the portal.
    pub fn seeded(world: &World) -> Self {
        let mut all = Self {
            last: 2_000,
            ..Self::default()
        };
        let allowed = ids::sha256(world.seed, "in-house tool");
        let file = (allowed.as_str(), "FileSha256", "Allowed", "In-house tool");
        for (n, (value, kind, action, title)) in SEEDED.iter().chain([&file]).enumerate() {
            let mut dice = Dice::of(world.seed, 57, n as u64);
            let by = dice.pick(&world.catalogue.analysts).clone();
            let at = world.clock.start() - DAY * (10 + dice.below(90) as i64);
            all.last += 1;
            all.insert(Indicator {
                id: all.last,
                value: (*value).to_owned(),
                kind: (*kind).to_owned(),
                action: (*action).to_owned(),
                title: (*title).to_owned(),
                description: (*title).to_owned(),
                severity: Some("Medium".into()),
                generate_alert: false,
                application: None,
                expires: 0,
                recommended: None,
                groups: Vec::new(),
                group_ids: Vec::new(),
                educate: None,
                created_by: by.clone(),
                created_name: by.clone(),
                by_app: false,
                created: at,
                updated: at,
                updated_by: by,
            });
        }
        all
    }

    fn insert(&mut self, indicator: Indicator) {
        self.by_value
            .insert(indicator.value.to_lowercase(), indicator.id);
        self.rows.insert(indicator.id, indicator);
    }

    /// The indicator with this id, if it is there.
    pub fn get(&self, id: &str) -> Option<&Indicator> {
        self.rows.get(&id.parse().ok()?)
    }

    /// Takes one away.
    pub fn remove(&mut self, id: &str) {
        if let Some(gone) = id.parse().ok().and_then(|id: u64| self.rows.remove(&id)) {
            self.by_value.remove(&gone.value.to_lowercase());
        }
    }

    fn active(&self, now: Ticks) -> usize {
        let open = |i: &&Indicator| i.expires == 0 || i.expires > now;
        self.rows.values().filter(open).count()
    }
}

/// Whether a caller may see and change an indicator.
pub fn is_theirs(call: &Call<'_>, indicator: &Indicator) -> bool {
    call.claims.has(&["Ti.ReadWrite.All"]) || indicator.created_by == creator(call)
}

fn creator(call: &Call<'_>) -> String {
    if call.claims.is_person() {
        call.claims.upn.clone()
    } else {
        call.claims.application().to_owned()
    }
}

const TYPE: Type = Type {
    name: "microsoft.windowsDefenderATP.api.Indicator",
    properties: &[
        filterable("application", Kind::Text),
        filterable("createdByDisplayName", Kind::Text),
        filterable("expirationTime", Kind::Time),
        filterable("generateAlert", Kind::Flag),
        filterable("title", Kind::Text),
        filterable("rbacGroupNames", Kind::Many),
        filterable("rbacGroupIds", Kind::Many),
        filterable("indicatorValue", Kind::Text),
        filterable("indicatorType", Kind::Member(TYPES)),
        filterable("creationTimeDateTimeUtc", Kind::Time),
        filterable("createdBy", Kind::Text),
        filterable("action", Kind::Member(ACTIONS)),
        filterable("severity", Kind::Member(SEVERITY)),
    ],
};

fn field(row: &Indicator, property: usize) -> Field<'_> {
    let member = |list: &[&str], text: &str| {
        let place = list.iter().position(|m| *m == text);
        place.map_or(Field::Null, |p| Field::Member(p as u8))
    };
    let maybe = |text: &'_ Option<String>| text.is_none();
    match property {
        0 if maybe(&row.application) => Field::Null,
        0 => Field::Text(row.application.as_deref().unwrap_or_default()),
        1 => Field::Text(&row.created_name),
        2 if row.expires == 0 => Field::Null,
        2 => Field::Time(row.expires),
        3 => Field::Flag(row.generate_alert),
        4 => Field::Text(&row.title),
        5 => Field::Many(&row.groups),
        6 => Field::Many(&row.group_ids),
        7 => Field::Text(&row.value),
        8 => member(TYPES, &row.kind),
        9 => Field::Time(row.created),
        10 => Field::Text(&row.created_by),
        11 => member(ACTIONS, &row.action),
        12 => member(SEVERITY, row.severity.as_deref().unwrap_or_default()),
        _ => Field::Null,
    }
}

/// GET the collection; a caller without the wide role sees only what it made.
pub fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let world = call.tenant.world();
    let rows: Vec<&Indicator> = world
        .endpoint
        .indicators
        .rows
        .values()
        .filter(|i| is_theirs(call, i))
        .collect();
    let page = call.page(TYPE, rows, field)?;
    Ok(call.write("Indicators", &page, |out, row| {
        out.extend_from_slice(written(row).to_string().as_bytes());
    }))
}

/// One indicator.
fn written(row: &Indicator) -> Json {
    let source_type = if row.by_app { "AadApp" } else { "User" };
    let source = if row.by_app { "PublicApi" } else { "Portal" };
    json!({
        "id": row.id.to_string(),
        "indicatorValue": row.value,
        "indicatorType": row.kind,
        "action": row.action,
        "createdBy": row.created_by,
        "createdByDisplayName": row.created_name,
        "createdBySource": source,
        "source": row.created_name,
        "sourceType": source_type,
        "severity": row.severity,
        "generateAlert": row.generate_alert,
        "application": row.application,
        "educateUrl": row.educate,
        "externalID": null,
        "title": row.title,
        "description": row.description,
        "recommendedActions": row.recommended,
        "creationTimeDateTimeUtc": time(row.created),
        "expirationTime": time(row.expires),
        "lastUpdateTime": time(row.updated),
        "lastUpdatedBy": row.updated_by,
        "rbacGroupNames": row.groups,
        "rbacGroupIds": row.group_ids,
    })
}

/// POST one: a value that is there already is updated.
pub fn submit(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let mut world = call.tenant.world_mut();
    let id = put(call, &mut world, &body)?;
    let row = &world.endpoint.indicators.rows[&id];
    Ok(entity(200, "Indicators", written(row)))
}

/// DELETE one.
pub fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut world = call.tenant.world_mut();
    let all = &mut world.endpoint.indicators;
    let row = all
        .get(call.args[0])
        .ok_or_else(|| not_found("Indicator", call.args[0]))?;
    if !is_theirs(call, row) {
        return Err(not_yours(&row.value));
    }
    all.remove(call.args[0]);
    Ok(Reply::json(204, Vec::new()))
}

/// The refusal of an indicator that another made.
pub fn not_yours(value: &str) -> Refusal {
    Refusal::new(
        403,
        "DisallowedOperation",
        format!("Indicator {value} was not created by this application."),
    )
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidInput", message)
}

fn hash(value: &str, digits: usize) -> Result<(), Refusal> {
    if value.len() == digits && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "InvalidHashValue",
        format!("{value} is not a valid hash: {digits} hexadecimal digits are expected."),
    ))
}

/// Whether a text is a host name with a dot in it.
pub fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.parse::<IpAddr>().is_err()
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn is_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
}

fn checked_value(kind: &str, value: &str) -> Result<(), Refusal> {
    match kind {
        "FileSha1" | "CertificateThumbprint" => hash(value, 40),
        "FileSha256" => hash(value, 64),
        "FileMd5" => hash(value, 32),
        "IpAddress" if value.parse::<IpAddr>().is_err() => Err(Refusal::new(
            400,
            "InvalidIpAddress",
            format!("{value} is not a valid IP address. Ranges are not supported."),
        )),
        "DomainName" if !is_domain(value) => Err(Refusal::new(
            400,
            "InvalidDomainName",
            format!("{value} is not a valid domain name."),
        )),
        "Url" if !is_url(value) => Err(Refusal::new(
            400,
            "InvalidUrl",
            format!("{value} is not a valid URL."),
        )),
        _ => Ok(()),
    }
}

/// Reads a body and keeps what it says, new or in place of the one with that value. Gives the id.
pub fn put(call: &Call<'_>, world: &mut World, body: &Map<String, Json>) -> Result<u64, Refusal> {
    let value = text(body, "indicatorValue")?.trim().to_owned();
    let kind = member(body, "indicatorType", TYPES)?.to_owned();
    let action = member(body, "action", ACTIONS)?.to_owned();
    let title = text(body, "title")?.to_owned();
    let description = text(body, "description")?.to_owned();
    only(body, NAMES)?;
    checked_value(&kind, &value)?;
    let severity = match maybe_text(body, "severity")? {
        Some(_) => Some(member(body, "severity", SEVERITY)?.to_owned()),
        None => None,
    };
    let generate_alert = match body.get("generateAlert") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(yes)) => *yes,
        Some(_) => return Err(wrong_kind("generateAlert", "a boolean")),
    };
    if action == "Audit" && !generate_alert {
        return Err(invalid(
            "generateAlert must be true when the action is Audit.",
        ));
    }
    let on_network = matches!(kind.as_str(), "IpAddress" | "DomainName" | "Url");
    if action == "Warn" && !on_network {
        return Err(invalid(format!(
            "Action Warn is not supported for indicator type {kind}."
        )));
    }
    let expires = match maybe_text(body, "expirationTime")? {
        None => 0,
        Some(text) => {
            let at = clock::parse(&text)
                .ok_or_else(|| invalid(format!("{text} is not a valid expirationTime.")))?;
            if at <= call.now {
                return Err(invalid("expirationTime must be in the future."));
            }
            at
        }
    };
    let groups = match body.get("rbacGroupNames") {
        None | Some(Json::Null) => Vec::new(),
        // A table of the documentation calls it a text with commas.
        Some(Json::String(text)) => text
            .split(',')
            .map(|g| g.trim().to_owned())
            .filter(|g| !g.is_empty())
            .collect(),
        Some(_) => texts(body, "rbacGroupNames")?,
    };
    let group_ids = groups
        .iter()
        .map(|name| {
            let machine = world.machines.iter().find(|m| m.group == *name);
            machine
                .map(|m| m.group_id.to_string())
                .ok_or_else(|| invalid(format!("Device group {name} does not exist.")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let educate = maybe_text(body, "educateUrl")?.filter(|u| !u.is_empty());
    if let Some(link) = &educate {
        if kind != "Url" || !matches!(action.as_str(), "Block" | "Warn") {
            return Err(invalid(
                "educateUrl is only supported for URL indicators with action Block or Warn.",
            ));
        }
        if !is_url(link) {
            return Err(Refusal::new(
                400,
                "InvalidUrl",
                format!("{link} is not a valid URL."),
            ));
        }
    }
    let application = maybe_text(body, "application")?;
    let recommended = maybe_text(body, "recommendedActions")?;
    let all = &mut world.endpoint.indicators;
    let old = all.by_value.get(&value.to_lowercase()).copied();
    if let Some(row) = old.and_then(|id| all.rows.get(&id)) {
        if !is_theirs(call, row) {
            return Err(not_yours(&value));
        }
    } else if all.rows.len() >= MOST_ACTIVE && all.active(call.now) >= MOST_ACTIVE {
        return Err(Refusal::new(
            400,
            "BadRequest",
            format!("The maximum of {MOST_ACTIVE} active indicators has been reached."),
        ));
    }
    let old = old.and_then(|id| all.rows.get(&id)).cloned();
    let id = old.as_ref().map_or(all.last + 1, |row| row.id);
    all.last = all.last.max(id);
    all.insert(Indicator {
        id,
        value,
        kind,
        action,
        title,
        description,
        severity,
        generate_alert,
        // Honoured when it is made, not when it is updated.
        application: match &old {
            Some(row) => row.application.clone(),
            None => application,
        },
        expires,
        recommended,
        groups,
        group_ids,
        educate,
        created_by: old
            .as_ref()
            .map_or_else(|| creator(call), |r| r.created_by.clone()),
        created_name: old
            .as_ref()
            .map_or_else(|| call.requestor(), |r| r.created_name.clone()),
        by_app: old.as_ref().map_or(!call.claims.is_person(), |r| r.by_app),
        created: old.as_ref().map_or(call.now, |r| r.created),
        updated: call.now,
        updated_by: call.requestor(),
    });
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_by_their_type() {
        for (kind, value, code) in [
            ("FileSha1", "aa", "InvalidHashValue"),
            ("FileMd5", &"g".repeat(32), "InvalidHashValue"),
            ("IpAddress", "10.0.0.0/8", "InvalidIpAddress"),
            ("DomainName", "no dots", "InvalidDomainName"),
            ("DomainName", "10.0.0.1", "InvalidDomainName"),
            ("Url", "ftp://example.com", "InvalidUrl"),
        ] {
            assert_eq!(checked_value(kind, value).expect_err(value).code, code);
        }
        for (kind, value) in [
            ("FileSha256", "a".repeat(64)),
            ("IpAddress", "2001:db8::1".into()),
            ("DomainName", "cdn.example.org".into()),
            ("Url", "https://example.com/a".into()),
        ] {
            assert!(checked_value(kind, &value).is_ok(), "{value}");
        }
    }
}

//! What the cache needs to know of an alert or incident, read from its JSON without building it whole.
//!
//! An alert is mostly evidence, and of evidence only the identifying value matters here. The quick
//! reading below covers the kinds that make up nearly all of it; an entity of another kind is read by
//! itself, and an alert it trips over is read again as a whole [`Alert`], so that an odd field never costs
//! the row. A test holds both readings together.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha1::{Digest as _, Sha1};

use super::codec;
use crate::domain::{
    Alert, AlertId, AlertRow, AlertStatus, BadRow, Classification, EntityKey, Evidence, Incident,
    IncidentRow, ServiceSource, Severity, Tactic, TacticSet, Timestamp, parse_time,
};

/// An entity of an alert as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entity {
    /// 0 other, 1 device, 2 user: what incidents count.
    pub(super) class: u8,
    /// The index key.
    pub(super) hash: i64,
}

/// The index key of an entity: the first 8 bytes of a SHA-1, so that nobody can make two entities meet.
pub(super) fn entity_hash(kind: &str, value: &str) -> i64 {
    let mut sha = Sha1::new();
    sha.update(kind.as_bytes());
    sha.update([0]);
    sha.update(value.as_bytes());
    let digest = sha.finalize();
    i64::from_le_bytes(digest[..8].try_into().expect("a SHA-1 has 20 bytes"))
}

fn entity(kind: &str, value: &str) -> Entity {
    let class = match kind {
        "device" => 1,
        "user" => 2,
        _ => 0,
    };
    let hash = if value
        .bytes()
        .any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii())
    {
        entity_hash(kind, &value.to_lowercase())
    } else {
        entity_hash(kind, value)
    };
    Entity { class, hash }
}

/// An alert, ready to be written.
pub(super) struct AlertDigest {
    pub(super) row: AlertRow,
    /// Distinct, in order of their keys.
    pub(super) entities: Vec<Entity>,
    pub(super) updated: i64,
    pub(super) json: Vec<u8>,
}

/// An incident, ready to be written.
pub(super) struct IncidentDigest {
    pub(super) row: IncidentRow,
    pub(super) json: Vec<u8>,
}

/// Compresses a service's JSON.
pub(super) fn pack(json: &str) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(json.as_bytes())
}

/// Back again; `None` where the bytes are damaged.
pub(super) fn unpack(bytes: &[u8]) -> Option<String> {
    String::from_utf8(lz4_flex::block::decompress_size_prepended(bytes).ok()?).ok()
}

/// Reads an incident.
pub(super) fn incident(json: &str, now: Timestamp) -> Result<IncidentDigest, BadRow> {
    match serde_json::from_str::<Incident>(json) {
        Ok(incident) if !incident.id.as_str().is_empty() => Ok(IncidentDigest {
            row: incident.to_row(now),
            json: pack(json),
        }),
        Ok(_) => Err(bad(json, "its id is empty")),
        Err(error) => Err(bad(json, &error.to_string())),
    }
}

/// Reads an alert.
pub(super) fn alert(json: &str, now: Timestamp) -> Result<AlertDigest, BadRow> {
    let (row, mut entities) = match quick(json, now) {
        Some(read) => read,
        None => whole(json, now)?,
    };
    entities.sort_unstable();
    entities.dedup();
    Ok(AlertDigest {
        updated: codec::nanos(row.updated),
        row,
        entities,
        json: pack(json),
    })
}

fn bad(json: &str, why: &str) -> BadRow {
    BadRow {
        json: json.to_owned(),
        why: why.to_owned(),
    }
}

fn whole(json: &str, now: Timestamp) -> Result<(AlertRow, Vec<Entity>), BadRow> {
    let alert: Alert = serde_json::from_str(json).map_err(|error| bad(json, &error.to_string()))?;
    if alert.id.as_str().is_empty() {
        return Err(bad(json, "its id is empty"));
    }
    let entities = alert
        .evidence
        .iter()
        .filter_map(Evidence::key)
        .map(|key| of_key(&key))
        .collect();
    Ok((alert.to_row(now), entities))
}

/// The index entry of a key.
pub(super) fn of_key(key: &EntityKey) -> Entity {
    entity(&key.kind, &key.value)
}

/// Text borrowed from the JSON where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

type Opt<'a> = Option<Text<'a>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Quick<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, default)]
    incident_id: Opt<'a>,
    #[serde(borrow, default)]
    title: Opt<'a>,
    #[serde(borrow, default)]
    status: Opt<'a>,
    #[serde(borrow, default)]
    severity: Opt<'a>,
    #[serde(borrow, default)]
    assigned_to: Opt<'a>,
    #[serde(borrow, default)]
    classification: Opt<'a>,
    #[serde(borrow, default)]
    service_source: Opt<'a>,
    #[serde(borrow, default)]
    category: Opt<'a>,
    #[serde(borrow, default)]
    categories: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    created_date_time: Opt<'a>,
    #[serde(borrow, default)]
    first_activity_date_time: Opt<'a>,
    #[serde(borrow, default)]
    last_update_date_time: Opt<'a>,
    #[serde(borrow, default)]
    evidence: Option<Vec<&'a RawValue>>,
}

/// One entity: read quickly where its kind is covered, else by itself as a whole.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are quick: a box for each would cost more than the room"
)]
enum One<'a> {
    Quick(QuickEvidence<'a>),
    Whole(Evidence),
}

impl<'a> One<'a> {
    /// `None` where it is no entity at all, as the whole reading passes it over too.
    fn read(json: &'a RawValue) -> Option<Self> {
        let json = json.get();
        match serde_json::from_str::<QuickEvidence<'a>>(json) {
            Ok(quick) if quick.key().is_ok() && quick.title().is_some() => Some(Self::Quick(quick)),
            _ => serde_json::from_str(json).ok().map(Self::Whole),
        }
    }

    fn entity(&self) -> Option<Entity> {
        match self {
            Self::Quick(quick) => {
                let (kind, value) = quick.key().ok().flatten()?;
                Some(entity(kind, value))
            }
            Self::Whole(evidence) => evidence.key().map(|key| of_key(&key)),
        }
    }

    fn kind(&self) -> &str {
        match self {
            Self::Quick(quick) => quick.short_kind(),
            Self::Whole(evidence) => evidence.kind.name(),
        }
    }

    fn title(&self) -> Cow<'_, str> {
        match self {
            Self::Quick(quick) => Cow::Borrowed(quick.title().unwrap_or_default()),
            Self::Whole(evidence) => evidence.title(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuickEvidence<'a> {
    #[serde(borrow, rename = "@odata.type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    mde_device_id: Opt<'a>,
    #[serde(borrow, default)]
    device_dns_name: Opt<'a>,
    #[serde(borrow, default)]
    host_name: Opt<'a>,
    #[serde(borrow, default)]
    user_account: Option<QuickAccount<'a>>,
    #[serde(borrow, default)]
    file_details: Option<QuickFile<'a>>,
    #[serde(borrow, default)]
    image_file: Option<QuickFile<'a>>,
    #[serde(borrow, default)]
    ip_address: Opt<'a>,
    #[serde(borrow, default)]
    url: Opt<'a>,
    #[serde(borrow, default)]
    network_message_id: Opt<'a>,
    #[serde(borrow, default)]
    primary_address: Opt<'a>,
    #[serde(borrow, default)]
    upn: Opt<'a>,
    #[serde(borrow, default)]
    subject: Opt<'a>,
    #[serde(borrow, default)]
    internet_message_id: Opt<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuickAccount<'a> {
    #[serde(borrow, default)]
    azure_ad_user_id: Opt<'a>,
    #[serde(borrow, default)]
    user_principal_name: Opt<'a>,
    #[serde(borrow, default)]
    display_name: Opt<'a>,
    #[serde(borrow, default)]
    account_name: Opt<'a>,
    #[serde(borrow, default)]
    user_sid: Opt<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuickFile<'a> {
    #[serde(borrow, default)]
    file_name: Opt<'a>,
    #[serde(borrow, default)]
    sha256: Opt<'a>,
    #[serde(borrow, default)]
    sha1: Opt<'a>,
    #[serde(borrow, default)]
    md5: Opt<'a>,
}

/// The first that is there and not empty.
fn first<'b, 'a: 'b, const N: usize>(texts: [&'b Opt<'a>; N]) -> Option<&'b str> {
    texts
        .into_iter()
        .flatten()
        .map(|text| &*text.0)
        .find(|text| !text.is_empty())
}

impl QuickEvidence<'_> {
    /// The kind and value it is recognised by: `Ok(None)` where it has none, `Err` for kinds this
    /// reading does not cover.
    fn key(&self) -> Result<Option<(&'static str, &str)>, ()> {
        Ok(match self.short_kind() {
            "device" => {
                first([&self.mde_device_id, &self.device_dns_name]).map(|value| ("device", value))
            }
            "user" => self
                .user_account
                .as_ref()
                .and_then(|user| {
                    first([
                        &user.azure_ad_user_id,
                        &user.user_principal_name,
                        &user.user_sid,
                        &user.account_name,
                    ])
                })
                .map(|value| ("user", value)),
            "file" => self
                .file_details
                .as_ref()
                .and_then(|file| first([&file.sha256, &file.sha1, &file.md5]))
                .map(|value| ("file", value)),
            "process" => self
                .image_file
                .as_ref()
                .and_then(|file| first([&file.sha256, &file.sha1]))
                .map(|value| ("file", value)),
            "ip" => first([&self.ip_address]).map(|value| ("ip", value)),
            "url" => first([&self.url]).map(|value| ("url", value)),
            "analyzedMessage" => {
                first([&self.network_message_id]).map(|value| ("analyzedMessage", value))
            }
            "mailbox" => first([&self.primary_address]).map(|value| ("mailbox", value)),
            _ => return Err(()),
        })
    }

    fn short_kind(&self) -> &str {
        let name = self.kind.0.rsplit('.').next().unwrap_or(&self.kind.0);
        name.strip_suffix("Evidence").unwrap_or(name)
    }

    /// The title of the kinds that can be what an alert is about; `None` where the table of the
    /// domain has to be asked.
    fn title(&self) -> Option<&str> {
        match self.short_kind() {
            "device" => first([&self.device_dns_name, &self.host_name, &self.mde_device_id]),
            "user" => self.user_account.as_ref().and_then(|user| {
                first([
                    &user.user_principal_name,
                    &user.display_name,
                    &user.account_name,
                    &user.user_sid,
                ])
            }),
            "mailbox" => first([&self.primary_address, &self.upn]),
            "analyzedMessage" => first([
                &self.subject,
                &self.internet_message_id,
                &self.network_message_id,
            ]),
            "file" => self
                .file_details
                .as_ref()
                .and_then(|file| first([&file.file_name, &file.sha256, &file.sha1])),
            "process" => self
                .image_file
                .as_ref()
                .and_then(|file| first([&file.file_name])),
            "ip" => first([&self.ip_address]),
            "url" => first([&self.url]),
            _ => None,
        }
    }
}

/// Reads an alert in one pass; `None` where it has to be read whole.
fn quick(json: &str, now: Timestamp) -> Option<(AlertRow, Vec<Entity>)> {
    let it: Quick<'_> = serde_json::from_str(json).ok()?;
    if it.id.0.is_empty() {
        return None;
    }
    let evidence: Vec<One<'_>> = it
        .evidence
        .unwrap_or_default()
        .into_iter()
        .filter_map(One::read)
        .collect();
    let entities = evidence.iter().filter_map(One::entity).collect();
    let rank = |evidence: &One<'_>| match evidence.kind() {
        "device" => 0,
        "user" => 1,
        "mailbox" => 2,
        "analyzedMessage" => 3,
        _ => 4,
    };
    let subject = match evidence.iter().min_by_key(|evidence| rank(evidence)) {
        Some(about) => about.title().into(),
        None => "".into(),
    };
    let categories = it.categories.unwrap_or_default();
    let mut tactics = TacticSet::default();
    for category in categories.iter().chain(&it.category) {
        if let Some(tactic) = Tactic::from_category(&category.0) {
            tactics.insert(tactic);
        }
    }
    let time = |text: &Opt<'_>| text.as_ref().and_then(|text| parse_time(&text.0));
    let updated = time(&it.last_update_date_time);
    let created = time(&it.created_date_time).or(updated).unwrap_or(now);
    let row = AlertRow {
        id: AlertId::new(&*it.id.0),
        incident: it.incident_id.map(|id| (&*id.0).into()),
        title: it
            .title
            .map_or_else(|| "(no title)".into(), |text| (&*text.0).into()),
        status: it
            .status
            .map_or(AlertStatus::Unknown, |text| AlertStatus::parse(&text.0)),
        severity: it
            .severity
            .map_or(Severity::Unknown, |text| Severity::parse(&text.0)),
        source: it
            .service_source
            .map_or(ServiceSource::Unknown, |text| ServiceSource::parse(&text.0)),
        category: categories
            .first()
            .or(it.category.as_ref())
            .map(|text| (&*text.0).into()),
        tactics,
        assigned_to: it
            .assigned_to
            .filter(|owner| !owner.0.trim().is_empty())
            .map(|text| (&*text.0).into()),
        classification: it.classification.map_or(Classification::Unknown, |text| {
            Classification::parse(&text.0)
        }),
        created,
        updated: updated.unwrap_or(created),
        first_activity: time(&it.first_activity_date_time).unwrap_or(created),
        subject,
        evidence: evidence.len() as u32,
    };
    Some((row, entities))
}

/// Entities and tactics as the alert's table keeps them: what an incident's counts are made of.
pub(super) fn encode_entities(tactics: TacticSet, entities: &[Entity]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + entities.len() * 9);
    out.extend_from_slice(&tactics.0.to_le_bytes());
    for entity in entities {
        out.push(entity.class);
        out.extend_from_slice(&entity.hash.to_le_bytes());
    }
    out
}

/// Back again.
pub(super) fn decode_entities(bytes: &[u8]) -> (TacticSet, impl Iterator<Item = Entity> + '_) {
    let (head, rest) = bytes.split_at_checked(2).unwrap_or((&[0, 0], &[]));
    let tactics = TacticSet(u16::from_le_bytes([head[0], head[1]]));
    let entities = rest.chunks_exact(9).map(|chunk| Entity {
        class: chunk[0],
        hash: i64::from_le_bytes(chunk[1..].try_into().expect("chunks of nine")),
    });
    (tactics, entities)
}

/// The kinds the quick reading covers; the others are read by themselves.
#[cfg(test)]
const COVERED: [crate::domain::EvidenceKind; 8] = [
    crate::domain::EvidenceKind::Device,
    crate::domain::EvidenceKind::User,
    crate::domain::EvidenceKind::File,
    crate::domain::EvidenceKind::Process,
    crate::domain::EvidenceKind::Ip,
    crate::domain::EvidenceKind::Url,
    crate::domain::EvidenceKind::AnalyzedMessage,
    crate::domain::EvidenceKind::Mailbox,
];

#[cfg(test)]
mod tests;

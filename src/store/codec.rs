//! List rows as bytes: what a queue of 120,000 rows is read from in one scan.
//!
//! Enum members are written as their place in the enum's table, text inline; equal texts share one
//! allocation when read back. [`fingerprint`] names the tables the bytes were written with: when it
//! changes, [`rebuild`](super::rebuild) makes the rows again from the services' JSON.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::{
    AlertRow, AlertStatus, Classification, Determination, IncidentRow, IncidentStatus,
    ServiceSource, Severity, TacticSet, Timestamp,
};

/// Raised whenever the layout below changes.
const LAYOUT: u32 = 1;

/// A member that stands in no table: its text follows.
const OTHER: u8 = 255;

/// What the bytes depend on: the layout and the order of every enum table.
pub(super) fn fingerprint() -> String {
    let mut names = format!("{LAYOUT}");
    macro_rules! table {
        ($($name:ident),+) => {$(
            for member in $name::KNOWN {
                names.push('|');
                names.push_str(member.as_str());
            }
        )+};
    }
    table!(
        IncidentStatus,
        AlertStatus,
        Severity,
        Classification,
        Determination,
        ServiceSource
    );
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in names.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{LAYOUT}-{hash:016x}")
}

/// Equal texts, one allocation.
#[derive(Default)]
pub(super) struct Interner(HashSet<Arc<str>>);

impl Interner {
    /// The shared copy of a text.
    pub(super) fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let fresh: Arc<str> = text.into();
        self.0.insert(fresh.clone());
        fresh
    }
}

/// Nanoseconds since 1970, the form of every time in the file. Years past 2262 stop there.
pub(super) fn nanos(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(if time.as_second() < 0 {
        i64::MIN
    } else {
        i64::MAX
    })
}

/// Back again.
pub(super) fn time(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// 0 = none, else the length and one.
    fn option(&mut self, text: Option<&str>) {
        match text {
            None => self.0.push(0),
            Some(text) => {
                self.varint(text.len() as u64 + 1);
                self.0.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn time(&mut self, time: Timestamp) {
        self.0.extend_from_slice(&nanos(time).to_le_bytes());
    }
}

/// Reads what [`Writer`] wrote; `None` where the bytes are not a row.
struct Reader<'a> {
    rest: &'a [u8],
    texts: &'a mut Interner,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn number(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    fn str(&mut self, length: u64) -> Option<&'a str> {
        std::str::from_utf8(self.take(usize::try_from(length).ok()?)?).ok()
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let length = self.varint()?;
        let text = self.str(length)?;
        Some(self.texts.get(text))
    }

    #[expect(
        clippy::option_option,
        reason = "outer: readable at all; inner: present"
    )]
    fn option(&mut self) -> Option<Option<Arc<str>>> {
        let length = self.varint()?;
        if length == 0 {
            return Some(None);
        }
        let text = self.str(length - 1)?;
        Some(Some(self.texts.get(text)))
    }

    fn time(&mut self) -> Option<Timestamp> {
        let bytes = self.take(8)?;
        Some(time(i64::from_le_bytes(bytes.try_into().ok()?)))
    }
}

macro_rules! put_enum {
    ($out:expr, $type:ident, $value:expr) => {{
        let value = $value;
        match $type::KNOWN.iter().position(|known| known == value) {
            Some(place) => $out.0.push(place as u8),
            None => {
                $out.0.push(OTHER);
                $out.text(value.as_str());
            }
        }
    }};
}

macro_rules! get_enum {
    ($in:expr, $type:ident) => {
        match $in.byte()? {
            OTHER => $type::Other($in.text()?),
            place => $type::KNOWN.get(usize::from(place))?.clone(),
        }
    };
}

/// An incident's row, without its id and the two times that are the console's own.
pub(super) fn encode_incident(row: &IncidentRow) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(96 + row.title.len()));
    out.text(&row.title);
    put_enum!(out, IncidentStatus, &row.status);
    put_enum!(out, Severity, &row.severity);
    put_enum!(out, Classification, &row.classification);
    put_enum!(out, Determination, &row.determination);
    out.option(row.assigned_to.as_deref());
    out.time(row.created);
    out.time(row.updated);
    out.0
        .push(row.priority.map_or(OTHER, |score| score.min(100)));
    out.varint(row.tags.len() as u64);
    for tag in &row.tags {
        out.text(tag);
    }
    out.option(
        row.redirected_to
            .as_ref()
            .map(crate::domain::IncidentId::as_str),
    );
    out.varint(u64::from(row.alerts));
    out.varint(u64::from(row.devices));
    out.varint(u64::from(row.users));
    out.0.extend_from_slice(&row.tactics.0.to_le_bytes());
    out.0
}

/// Back again.
pub(super) fn decode_incident(
    bytes: &[u8],
    id: &str,
    first_seen: i64,
    last_viewed: Option<i64>,
    texts: &mut Interner,
) -> Option<IncidentRow> {
    let mut r = Reader { rest: bytes, texts };
    Some(IncidentRow {
        id: id.into(),
        title: r.text()?,
        status: get_enum!(r, IncidentStatus),
        severity: get_enum!(r, Severity),
        classification: get_enum!(r, Classification),
        determination: get_enum!(r, Determination),
        assigned_to: r.option()?,
        created: r.time()?,
        updated: r.time()?,
        priority: Some(r.byte()?).filter(|score| *score != OTHER),
        tags: {
            let count = r.number()?;
            (0..count).map(|_| r.text()).collect::<Option<_>>()?
        },
        redirected_to: r.option()?.map(crate::domain::IncidentId::new),
        alerts: r.number()?,
        devices: r.number()?,
        users: r.number()?,
        tactics: TacticSet(u16::from_le_bytes(r.take(2)?.try_into().ok()?)),
        first_seen: time(first_seen),
        last_viewed: last_viewed.map(time),
    })
}

/// An alert's row, without its id.
pub(super) fn encode_alert(row: &AlertRow) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(112 + row.title.len()));
    out.option(row.incident.as_ref().map(crate::domain::IncidentId::as_str));
    out.text(&row.title);
    put_enum!(out, AlertStatus, &row.status);
    put_enum!(out, Severity, &row.severity);
    put_enum!(out, ServiceSource, &row.source);
    put_enum!(out, Classification, &row.classification);
    out.option(row.category.as_deref());
    out.0.extend_from_slice(&row.tactics.0.to_le_bytes());
    out.option(row.assigned_to.as_deref());
    out.time(row.created);
    out.time(row.updated);
    out.time(row.first_activity);
    out.text(&row.subject);
    out.varint(u64::from(row.evidence));
    out.0
}

/// Back again.
pub(super) fn decode_alert(bytes: &[u8], id: &str, texts: &mut Interner) -> Option<AlertRow> {
    let mut r = Reader { rest: bytes, texts };
    Some(AlertRow {
        id: id.into(),
        incident: r.option()?.map(crate::domain::IncidentId::new),
        title: r.text()?,
        status: get_enum!(r, AlertStatus),
        severity: get_enum!(r, Severity),
        source: get_enum!(r, ServiceSource),
        classification: get_enum!(r, Classification),
        category: r.option()?,
        tactics: TacticSet(u16::from_le_bytes(r.take(2)?.try_into().ok()?)),
        assigned_to: r.option()?,
        created: r.time()?,
        updated: r.time()?,
        first_activity: r.time()?,
        subject: r.text()?,
        evidence: r.number()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Alert, Incident};

    #[test]
    fn rows_come_back_as_they_went_in_unknown_members_included() {
        let incident: Incident = serde_json::from_str(
            r#"{"id":"9","displayName":"ü\u202e","status":"onMars","severity":"high","priorityScore":88,
                "assignedTo":"dana@example.com","customTags":["a","b"],"systemTags":["c"],
                "classification":"truePositive","determination":"apt","redirectIncidentId":"7",
                "createdDateTime":"2026-08-19T07:02:11.4133333Z","lastUpdateDateTime":"2026-08-19T08:14:09.87Z"}"#,
        )
        .expect("decodes");
        let now: Timestamp = "2026-08-19T09:00:00Z".parse().expect("a time");
        let mut row = incident.to_row(now);
        (row.alerts, row.devices, row.users, row.tactics) = (300, 2, 1, TacticSet(0x2001));
        row.last_viewed = Some(now);
        let back = decode_incident(
            &encode_incident(&row),
            "9",
            nanos(now),
            Some(nanos(now)),
            &mut Interner::default(),
        );
        assert_eq!(back, Some(row));

        let alert: Alert = serde_json::from_str(
            r##"{"id":"a_1","incidentId":"9","title":"t","status":"new","severity":"veryHigh","serviceSource":"x",
                "categories":["Execution"],"createdDateTime":"2026-08-19T07:02:10.98Z",
                "evidence":[{"@odata.type":"#microsoft.graph.security.deviceEvidence","hostName":"ws-1"}]}"##,
        )
        .expect("decodes");
        let row = alert.to_row(now);
        assert_eq!(
            decode_alert(&encode_alert(&row), "a_1", &mut Interner::default()),
            Some(row)
        );
    }

    #[test]
    fn broken_bytes_are_no_row_and_no_panic() {
        let alert: Alert = serde_json::from_str(r#"{"id":"a"}"#).expect("decodes");
        let bytes = encode_alert(&alert.to_row(Timestamp::UNIX_EPOCH));
        for end in 0..bytes.len() {
            assert_eq!(
                decode_alert(&bytes[..end], "a", &mut Interner::default()),
                None
            );
        }
        assert_eq!(
            decode_incident(&[0xff; 40], "a", 0, None, &mut Interner::default()),
            None
        );
    }
}

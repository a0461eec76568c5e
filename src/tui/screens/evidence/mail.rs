//! A mail beyond what an alert carries: who it pretends to come from, and what hunting knows of its
//! authentication, links, attachments and later moves.

use std::sync::Arc;

use crate::domain::hunting::Cell;
use crate::domain::{Evidence, ResultTable, Timestamp, text};
use crate::hunt::{HuntError, HuntResult, prepared};

use super::layout::{Line, Tone};

/// The tables that know of a mail. One question asks them all, so it costs one call of the quota;
/// tables the tenant does not have are left out.
const TABLES: &str =
    "EmailEvents, EmailUrlInfo, EmailAttachmentInfo, EmailPostDeliveryEvents, UrlClickEvents";

/// The question.
pub(super) fn query(network_message_id: &str) -> String {
    let id = prepared::literal(network_message_id);
    format!(
        "union isfuzzy=true withsource=SourceTable {TABLES}\n| where NetworkMessageId == {id}\n| take 500"
    )
}

/// What was hunted for.
#[derive(Clone, Debug)]
pub(super) enum Facts {
    /// On its way since.
    Asked(Timestamp),
    /// Here.
    Known(Arc<HuntResult>),
    /// Not to be had.
    Failed(Arc<HuntError>, Timestamp),
}

impl Facts {
    pub(super) fn of(answer: &Result<Arc<HuntResult>, Arc<HuntError>>, now: Timestamp) -> Self {
        match answer {
            Ok(result) => Self::Known(result.clone()),
            Err(error) => Self::Failed(error.clone(), now),
        }
    }
}

/// Marks where the senders do not agree: put on the lines the layout made.
pub(super) fn mark_senders(evidence: &Evidence, lines: &mut [Line]) {
    let domain = |path: &str| domain_of(evidence, path);
    let (p1, p2) = (domain("p1Sender"), domain("p2Sender"));
    let to = evidence
        .text("recipientEmailAddress")
        .and_then(|it| after_at(&it));
    let inbound = evidence
        .text("antiSpamDirection")
        .is_some_and(|it| it.eq_ignore_ascii_case("inbound"));
    for line in lines {
        match line.label.as_str() {
            "Envelope" => {
                if let (Some(p1), Some(p2)) = (&p1, &p2)
                    && !same_organisation(p1, p2)
                {
                    line.notes.push(("≠ header domain".to_owned(), Tone::Bad));
                }
                if let (Some(p1), Some(to)) = (&p1, &to)
                    && inbound
                    && p1 != to
                {
                    line.notes
                        .push(("≠ recipient domain".to_owned(), Tone::Dim));
                }
            }
            "From" => {
                if let (Some(p2), Some(to)) = (&p2, &to) {
                    if inbound && p2 == to {
                        line.notes.push((
                            "says it is from inside, came from outside".to_owned(),
                            Tone::Bad,
                        ));
                    } else if let Some(how) = looks_like(p2, to) {
                        line.notes.push((
                            format!("looks like {} ({how})", text::defang(to)),
                            Tone::Bad,
                        ));
                    }
                }
                if let Some(other) = named_address(evidence)
                    && p2.as_ref() != Some(&other)
                {
                    line.notes
                        .push((format!("name says {}", text::defang(&other)), Tone::Bad));
                }
            }
            _ => {}
        }
    }
}

fn domain_of(evidence: &Evidence, sender: &str) -> Option<String> {
    let address = evidence
        .text(&format!("{sender}.emailAddress"))
        .and_then(|it| after_at(&it));
    address.or_else(|| {
        evidence
            .text(&format!("{sender}.domainName"))
            .map(|it| it.to_ascii_lowercase())
    })
}

fn after_at(address: &str) -> Option<String> {
    let domain = address
        .rsplit_once('@')?
        .1
        .trim_end_matches(['>', '.'])
        .to_ascii_lowercase();
    (!domain.is_empty()).then_some(domain)
}

/// An address inside the display name of another sender.
fn named_address(evidence: &Evidence) -> Option<String> {
    let name = evidence.text("p2Sender.displayName")?;
    let word = name
        .split([' ', '<', '>', '(', ')', '"', ','])
        .find(|word| word.contains('@'))?;
    after_at(word).filter(|domain| domain.contains('.'))
}

/// One is the other or a part of it: bounces come from sub-domains.
fn same_organisation(a: &str, b: &str) -> bool {
    a == b || a.ends_with(&format!(".{b}")) || b.ends_with(&format!(".{a}"))
}

/// Whether a domain is made to be taken for another, and how.
fn looks_like(domain: &str, other: &str) -> Option<String> {
    if same_organisation(domain, other) {
        return None;
    }
    let name = |domain: &str| -> String {
        let labels: Vec<&str> = domain.split('.').collect();
        labels[labels.len().saturating_sub(2)].to_owned()
    };
    let (own, known) = (name(domain), name(other));
    if known.len() < 4 {
        return None;
    }
    let distance = strsim::osa_distance(&own, &known);
    match distance {
        0 => Some("another ending".to_owned()),
        1 | 2 if known.len() >= 6 => Some(format!("{distance} letters differ")),
        1 => Some("1 letter differs".to_owned()),
        _ if domain.contains(&known) => Some("contains its name".to_owned()),
        _ => None,
    }
}

/// What hunting found, as lines with where and when they are from.
pub(super) fn lines(
    facts: Option<&Facts>,
    stamp: &dyn Fn(Timestamp) -> String,
    now: Timestamp,
) -> Vec<Line> {
    let mut out = Vec::new();
    if !matches!(facts, Some(Facts::Known(result)) if result.table.rows() > 0) {
        out.push(Line::title(
            "Authentication, links, attachments, later moves",
        ));
    }
    match facts {
        None => out.push(
            Line::new("", "not in the alert: ⏎ or d asks the hunting tables").toned(Tone::Dim),
        ),
        Some(Facts::Asked(since)) => {
            let seconds = now.duration_since(*since).as_secs().max(0);
            out.push(
                Line::new("", format!("asking the hunting tables, {seconds} s…")).toned(Tone::Wait),
            );
        }
        Some(Facts::Failed(error, at)) => {
            out.push(Line::new("", error.to_string()).toned(Tone::Bad).wrapped());
            out.push(Line::new("", error.advice()).toned(Tone::Dim).wrapped());
            out.push(Line::new("", format!("at {}; d asks again", stamp(*at))).toned(Tone::Dim));
        }
        Some(Facts::Known(result)) => found(result, stamp, &mut out),
    }
    out
}

fn found(result: &HuntResult, stamp: &dyn Fn(Timestamp) -> String, out: &mut Vec<Line>) {
    let rows = Rows::new(&result.table);
    let from = |table: &str| format!("from {table}, as of {}", stamp(result.as_of));
    if result.table.rows() == 0 {
        out.push(
            Line::new(
                "",
                "no hunting table knows this message (they keep 30 days)",
            )
            .toned(Tone::Dim)
            .wrapped(),
        );
        out.push(Line::new("", from("all e-mail tables")).toned(Tone::Dim));
        return;
    }
    let mut events = rows.of("EmailEvents").peekable();
    if events.peek().is_some() {
        out.push(Line::title("Authentication").noted(from("EmailEvents"), Tone::Dim));
    }
    for row in events {
        if let Some(details) = rows.text(row, "AuthenticationDetails") {
            out.extend(authentication(&details));
        }
        for (label, column) in [
            ("Delivered", "DeliveryAction"),
            ("To", "DeliveryLocation"),
            ("Now in", "LatestDeliveryLocation"),
            ("Last action", "LatestDeliveryAction"),
            ("Threats", "ThreatTypes"),
            ("Detected by", "DetectionMethods"),
            ("Confidence", "ConfidenceLevel"),
            ("Policy", "EmailActionPolicy"),
            ("Override", "OrgLevelAction"),
            ("User override", "UserLevelAction"),
            ("Connector", "Connectors"),
        ] {
            if let Some(value) = rows.text(row, column) {
                out.push(Line::new(label, text::clean(&value)).wrapped());
            }
        }
    }
    let mut group = |table: &'static str, title: &str, line: &dyn Fn(usize) -> Option<Line>| {
        let lines: Vec<Line> = rows.of(table).filter_map(line).collect();
        if !lines.is_empty() {
            out.push(Line::title(title).noted(from(table), Tone::Dim));
            out.extend(lines);
        }
    };
    group("EmailPostDeliveryEvents", "Later moves", &|row| {
        let what = [
            rows.text(row, "ActionType"),
            rows.text(row, "Action"),
            rows.text(row, "DeliveryLocation"),
        ];
        let what: Vec<String> = what
            .into_iter()
            .flatten()
            .map(|it| text::clean(&it).into_owned())
            .collect();
        let at = rows.time(row).map(stamp).unwrap_or_default();
        let mut line = Line::new("", format!("{at}  {}", what.join(" → "))).wrapped();
        if let Some(result) = rows.text(row, "ActionResult") {
            line = line.noted(text::clean(&result), Tone::Dim);
        }
        Some(line)
    });
    group("EmailUrlInfo", "Links", &|row| {
        let url = rows.text(row, "Url")?;
        let mut line = Line::new(
            rows.text(row, "UrlLocation").unwrap_or_default(),
            text::defang(&url),
        )
        .wrapped();
        if let Some(threats) = rows.text(row, "ThreatTypes") {
            line = line.noted(text::clean(&threats), Tone::Bad);
        }
        Some(line)
    });
    group("UrlClickEvents", "Clicks", &|row| {
        let who = rows.text(row, "AccountUpn")?;
        let url = rows
            .text(row, "Url")
            .map(|it| text::defang(&it))
            .unwrap_or_default();
        let at = rows.time(row).map(stamp).unwrap_or_default();
        let line = Line::new("", format!("{at}  {} {url}", text::clean(&who))).wrapped();
        let action = rows.text(row, "ActionType").unwrap_or_default();
        let tone = if action.to_ascii_lowercase().contains("block") {
            Tone::Good
        } else {
            Tone::Bad
        };
        Some(line.noted(text::clean(&action), tone))
    });
    group("EmailAttachmentInfo", "Attachments", &|row| {
        let name = rows.text(row, "FileName")?;
        let mut line = Line::new(
            rows.text(row, "FileType").unwrap_or_default(),
            text::clean(&name),
        )
        .wrapped();
        if let Some(hash) = rows.text(row, "SHA256") {
            line = line.noted(text::clean(&hash), Tone::Dim);
        }
        if let Some(threats) = rows.text(row, "ThreatTypes") {
            line = line.noted(text::clean(&threats), Tone::Bad);
        }
        Some(line)
    });
}

/// `AuthenticationDetails`: JSON text of check to result, `{"SPF":"pass","DKIM":"none",…}`.
fn authentication(details: &str) -> Vec<Line> {
    let Ok(serde_json::Value::Object(checks)) = serde_json::from_str(details) else {
        return vec![Line::new("Results", text::clean(details)).wrapped()];
    };
    let name = |check: &str| match check.to_ascii_lowercase().as_str() {
        "compauth" => "CompAuth".to_owned(),
        "spf" | "dkim" | "dmarc" | "arc" => check.to_ascii_uppercase(),
        _ => text::clean(check).into_owned(),
    };
    checks
        .iter()
        .map(|(check, result)| {
            let result = result
                .as_str()
                .map_or_else(|| result.to_string(), str::to_owned);
            let tone = match result.to_ascii_lowercase() {
                it if it.starts_with("pass") || it.starts_with("bestguesspass") => Tone::Good,
                it if it.starts_with("fail")
                    || it.starts_with("softfail")
                    || it.starts_with("hardfail") =>
                {
                    Tone::Bad
                }
                _ => Tone::Plain,
            };
            Line::new(name(check), text::clean(&result)).toned(tone)
        })
        .collect()
}

/// The rows of a union, by the table they are from. Columns two tables type differently carry a
/// suffix after the union (`ThreatTypes_string`).
struct Rows<'t> {
    table: &'t ResultTable,
    source: Option<usize>,
}

impl<'t> Rows<'t> {
    fn new(table: &'t ResultTable) -> Self {
        Self {
            table,
            source: table.column("SourceTable"),
        }
    }

    fn of(&self, name: &'static str) -> impl Iterator<Item = usize> + '_ {
        let source = self.source;
        (0..self.table.rows()).filter(move |&row| {
            source
                .is_some_and(|at| matches!(self.table.cell(row, at), Cell::Text(it) if it == name))
        })
    }

    fn text(&self, row: usize, column: &str) -> Option<String> {
        let same = |name: &str| {
            name.eq_ignore_ascii_case(column)
                || name.split_once('_').is_some_and(|(own, ty)| {
                    own.eq_ignore_ascii_case(column)
                        && [
                            "string", "dynamic", "long", "int", "guid", "bool", "datetime",
                        ]
                        .contains(&ty)
                })
        };
        let columns = self
            .table
            .columns()
            .iter()
            .enumerate()
            .filter(|(_, it)| same(&it.name));
        columns
            .map(|(at, _)| self.table.cell(row, at).text().into_owned())
            .find(|text| !text.is_empty() && text != "[]" && text != "{}")
    }

    fn time(&self, row: usize) -> Option<Timestamp> {
        match self.table.cell(row, self.table.column("Timestamp")?) {
            Cell::Time(time) => Some(time),
            other => crate::domain::parse_time(&other.text()),
        }
    }
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;

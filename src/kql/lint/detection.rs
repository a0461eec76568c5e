//! What a query still lacks to become a custom detection; asked only where a comment says that it is
//! one: `// nightjar: detection`.
//!
//! A rule's results need the time of the event, the event's report (or the device, for endpoint tables),
//! and a column that names who or what the alert is about.

use super::allow::{comments, directive};
use super::cx::Cx;
use super::rules::NOT_A_DETECTION;
use crate::kql::symbols::Source;
use crate::kql::syntax::{Span, StatementKind};

/// Columns that name an entity a rule can raise its alert on.
const ENTITIES: &[&str] = &[
    "AccountName",
    "AccountObjectId",
    "AccountSid",
    "AccountUpn",
    "DeviceId",
    "DeviceName",
    "InitiatingProcessAccountObjectId",
    "InitiatingProcessAccountSid",
    "InitiatingProcessAccountUpn",
    "RecipientEmailAddress",
    "RecipientObjectId",
    "RemoteDeviceName",
    "SenderFromAddress",
    "SenderMailFromAddress",
    "SenderObjectId",
    "SHA1",
];

pub(super) fn query(cx: &mut Cx<'_>) {
    let meant = comments(cx.text, &cx.analysis.syntax)
        .iter()
        .filter_map(|(_, comment, ..)| directive(comment))
        .any(|words| words.trim() == "detection");
    let Some(result) = cx.analysis.result.as_ref().filter(|r| meant && !r.open) else {
        return;
    };
    let has = |names: &[&str]| {
        names
            .iter()
            .any(|n| result.columns.iter().any(|c| c.name == *n))
    };
    let mut missing = Vec::new();
    if !has(&["Timestamp", "TimeGenerated"]) {
        missing.push("Timestamp");
    }
    // for endpoint tables the device will do; others that have a report must show it
    let device = result.columns.iter().any(|c| {
        matches!(c.name.as_str(), "DeviceId" | "DeviceName")
            && match c.origin.source() {
                Source::Table { index, .. } => cx.schema.tables().get(index).is_none_or(|t| {
                    t.name.starts_with("Device") || t.columns.iter().all(|c| c.name != "ReportId")
                }),
                _ => true,
            }
    });
    if !has(&["ReportId"]) && !device {
        missing.push("ReportId");
    }
    if !has(ENTITIES) {
        missing.push("an entity (DeviceId, AccountObjectId, RecipientEmailAddress, ...)");
    }
    let Some(span) = cx
        .analysis
        .syntax
        .statements
        .last()
        .and_then(|s| match &s.kind {
            StatementKind::Query(e) => Some(e.span),
            _ => None,
        })
    else {
        return;
    };
    if missing.is_empty() {
        return;
    }
    // the end of the query is where the columns are decided
    let tokens = &cx.analysis.syntax.tokens;
    let last = tokens.partition_point(|t| t.span.start < span.end);
    let place = last.checked_sub(1).and_then(|i| tokens.get(i)).map_or(
        Span {
            start: span.end,
            end: span.end,
        },
        |t| t.span,
    );
    let message = format!(
        "As a custom detection the result lacks {}.",
        missing.join(" and ")
    );
    cx.say(NOT_A_DETECTION, place, message, None);
}

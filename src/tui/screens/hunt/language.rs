//! What the language says of the editor's text: colours, findings, analyses, kept for each statement.
//!
//! A change of the text costs what the statement it is in costs: the others are known by their text. A
//! statement too long to be read while a key waits keeps its old colours, carried along, until a worker
//! has read it.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use crate::hunt::schema::tables_of;
use crate::hunt::{Finding, language, local, prepared};
use crate::kql::classify::{Kind, classify_analysis, classify_syntax};
use crate::kql::{self, Analysis, Schema};
use crate::tui::theme::Role;
use crate::tui::widgets::editor::change::{difference, shifted};
use crate::tui::widgets::editor::{Mark, Paint};

/// A longer statement is read by a worker, so that typing never waits.
pub(super) const AT_ONCE: usize = 6 * 1024;
/// A longer one is coloured by its grammar alone.
const MOST_CHECKED: usize = 256 * 1024;

/// What one statement is made of; places are its own.
#[derive(Debug)]
pub struct Statement {
    /// Its text.
    pub text: String,
    /// None where it is too long to be checked.
    pub analysis: Option<Analysis>,
    /// The tables it names, known or not.
    pub tables: BTreeSet<String>,
    paints: Vec<Paint>,
    findings: Vec<Finding>,
}

/// Reads a statement. May take its time: for long ones a worker does it.
pub fn read(text: String, schema: &Schema) -> Statement {
    let (analysis, kinds) = if text.len() > MOST_CHECKED {
        (None, classify_syntax(&text, &kql::parse(&text)))
    } else {
        let analysis = kql::analyze(&text, schema);
        let kinds = classify_analysis(&text, &analysis);
        (Some(analysis), kinds)
    };
    let mut findings = Vec::new();
    let mut tables = BTreeSet::new();
    if let Some(analysis) = &analysis {
        tables.extend(tables_of(&text, analysis));
        findings = language::found(analysis, 0);
        findings.extend(language::advice(&text, analysis, schema));
        local::elsewhere(&mut findings, &text, 0, schema);
        findings.sort_by_key(|it| (it.start, !it.error));
    }
    let paints = kinds.into_iter().map(|(span, kind)| Paint {
        range: span.start as usize..span.end as usize,
        role: role_of(kind),
    });
    Statement {
        paints: paints.collect(),
        text,
        analysis,
        tables,
        findings,
    }
}

#[derive(Debug)]
struct Part {
    range: Range<usize>,
    read: Arc<Statement>,
    /// It is of an earlier text of the statement: colours alone can be used.
    old: bool,
}

/// What is known of a text.
#[derive(Debug, Default)]
pub(super) struct Known {
    parts: Vec<Part>,
}

impl Known {
    /// Forgets everything: the schema is another.
    pub(super) fn forget(&mut self) {
        self.parts.clear();
    }

    /// The tables all statements name, known or not.
    pub(super) fn tables(&self) -> BTreeSet<String> {
        let all = self.parts.iter().flat_map(|part| &part.read.tables);
        all.cloned().collect()
    }

    /// Reads a text again, as far as it changed; returns the statement a worker has to read.
    pub(super) fn update(&mut self, text: &str, schema: &Schema) -> Option<String> {
        let before = std::mem::take(&mut self.parts);
        let ranges = prepared::statements(text);
        let (new, old) = (ranges.len(), before.len());
        let mut wanted = None;
        // by text, made where one is not in its old place
        let mut moved: Option<HashMap<&str, usize>> = None;
        for (nth, range) in ranges.into_iter().enumerate() {
            let query = &text[range.clone()];
            // mostly it has the same number, from the front or from the back
            let from_back = (nth + old).checked_sub(new);
            let mut near = [Some(nth), from_back].into_iter().flatten();
            let same = |part: &Part| !part.old && part.read.text == query;
            let near = near.find(|at| before.get(*at).is_some_and(same));
            let found = near.or_else(|| {
                let moved = moved.get_or_insert_with(|| by_text(&before));
                moved.get(query).copied()
            });
            if let Some(at) = found {
                let read = Arc::clone(&before[at].read);
                let old = false;
                self.parts.push(Part { range, read, old });
                continue;
            }
            if query.len() <= AT_ONCE {
                let read = Arc::new(read(query.to_owned(), schema));
                let old = false;
                self.parts.push(Part { range, read, old });
                continue;
            }
            wanted.get_or_insert_with(|| query.to_owned());
            let base = before.get(nth).map(|part| Arc::clone(&part.read));
            let read = Arc::new(carried(base.as_deref(), query));
            let old = true;
            self.parts.push(Part { range, read, old });
        }
        wanted
    }

    /// Takes what a worker read; false where the text has moved on.
    pub(super) fn install(&mut self, read: &Arc<Statement>) -> bool {
        let part = self
            .parts
            .iter_mut()
            .find(|part| part.old && part.read.text == read.text);
        let Some(part) = part else { return false };
        part.read = Arc::clone(read);
        part.old = false;
        true
    }

    /// The statement that still waits to be read.
    pub(super) fn waiting(&self) -> Option<String> {
        let part = self.parts.iter().find(|part| part.old)?;
        Some(part.read.text.clone())
    }

    /// Colours and marks of the whole text.
    pub(super) fn looks(&self) -> (Vec<Paint>, Vec<Mark>) {
        let mut paints = Vec::with_capacity(self.parts.iter().map(|it| it.read.paints.len()).sum());
        let mut marks = Vec::new();
        for part in &self.parts {
            let at = part.range.start;
            paints.extend(part.read.paints.iter().map(|paint| Paint {
                range: at + paint.range.start..at + paint.range.end,
                role: paint.role,
            }));
            marks.extend(part.read.findings.iter().map(|finding| Mark {
                range: at + finding.start..at + finding.end,
                role: if finding.error {
                    Role::KqlError
                } else {
                    Role::KqlWarning
                },
            }));
        }
        (paints, marks)
    }

    /// All findings, placed in the whole text.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let of = |part: &Part| {
            let at = part.range.start;
            let placed = move |finding: &Finding| {
                let mut finding = finding.clone();
                finding.start += at;
                finding.end += at;
                if let Some(fix) = &mut finding.fix {
                    for (range, _) in &mut fix.edits {
                        *range = at + range.start..at + range.end;
                    }
                }
                finding
            };
            let all: Vec<Finding> = part.read.findings.iter().map(placed).collect();
            all
        };
        self.parts.iter().flat_map(of).collect()
    }

    /// The statement at a place and where it begins, where it has been read as it is now.
    pub(super) fn at(&self, at: usize) -> Option<(usize, &Statement)> {
        let part = self
            .parts
            .iter()
            .find(|part| part.range.start <= at && at <= part.range.end)?;
        (!part.old).then(|| (part.range.start, &*part.read))
    }
}

/// The statements that have been read as they are, by their text.
fn by_text(parts: &[Part]) -> HashMap<&str, usize> {
    let read = parts.iter().enumerate().filter(|(_, part)| !part.old);
    read.map(|(at, part)| (part.read.text.as_str(), at))
        .collect()
}

/// The colours of an earlier text of a statement, carried along with what was changed.
fn carried(before: Option<&Statement>, text: &str) -> Statement {
    let mut paints = before.map_or_else(Vec::new, |it| it.paints.clone());
    let mut findings = before.map_or_else(Vec::new, |it| it.findings.clone());
    if let Some(edit) = before.and_then(|it| difference(&it.text, text)) {
        let edits = [edit];
        let [(range, with)] = &edits;
        for paint in &mut paints {
            // what is written at the end of a word is of the word
            let start = if paint.range.start == range.start && range.is_empty() && !with.is_empty()
            {
                paint.range.start
            } else {
                shifted(&edits, paint.range.start)
            };
            paint.range = start..shifted(&edits, paint.range.end).max(start);
        }
        // findings at what was changed may be over
        findings.retain(|it| it.end < range.start || it.start > range.end);
        for finding in &mut findings {
            finding.start = shifted(&edits, finding.start);
            finding.end = shifted(&edits, finding.end);
            finding.fix = None;
        }
        let mut end = 0;
        paints.retain(|paint| {
            let fine = paint.range.start >= end
                && paint.range.start < paint.range.end
                && text.get(paint.range.clone()).is_some();
            if fine {
                end = paint.range.end;
            }
            fine
        });
    }
    Statement {
        text: text.to_owned(),
        analysis: None,
        tables: before.map_or_else(BTreeSet::new, |it| it.tables.clone()),
        paints,
        findings,
    }
}

pub(super) fn role_of(kind: Kind) -> Role {
    match kind {
        Kind::Comment | Kind::Directive => Role::KqlComment,
        Kind::Punctuation | Kind::MathOperator => Role::KqlOperator,
        Kind::ScalarOperator | Kind::QueryOperator | Kind::Keyword | Kind::QueryParameter => {
            Role::KqlKeyword
        }
        Kind::Literal => Role::KqlNumber,
        Kind::StringLiteral => Role::KqlString,
        Kind::Type => Role::KqlType,
        Kind::Column => Role::KqlColumn,
        Kind::Table | Kind::Database => Role::KqlTable,
        Kind::Function => Role::KqlFunction,
        Kind::Variable | Kind::Parameter => Role::KqlVariable,
        Kind::Identifier | Kind::PlainText => Role::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Known {
        let mut known = Known::default();
        assert_eq!(known.update(text, Schema::hunting()), None);
        known
    }

    fn role_at(text: &str, word: &str) -> Option<Role> {
        let at = text.find(word).expect("is there");
        let (paints, _) = known(text).looks();
        paints
            .iter()
            .find(|paint| paint.range.start <= at && at < paint.range.end)
            .map(|paint| paint.role)
    }

    #[test]
    fn statements_are_read_apart_and_placed_in_the_whole_text() {
        let text = "// ä comment\nDeviceInfo | take 5\n\nDeviceInfo | where ==\n\nlet x = \"日本\"; DeviceEvents | where DeviceId == x";
        assert_eq!(role_at(text, "// ä comment"), Some(Role::KqlComment));
        assert_eq!(role_at(text, "where"), Some(Role::KqlKeyword));
        assert_eq!(role_at(text, "\"日本\""), Some(Role::KqlString));
        assert_eq!(role_at(text, "DeviceEvents"), Some(Role::KqlTable));
        assert_eq!(role_at(text, "DeviceId"), Some(Role::KqlColumn));
        let known = known(text);
        let broken = text.find("DeviceInfo | where ==").expect("is there");
        let findings = known.findings();
        let errors: Vec<_> = findings.iter().filter(|it| it.error).collect();
        assert!(!errors.is_empty());
        assert!(
            errors
                .iter()
                .all(|it| (broken..=broken + 22).contains(&it.start)),
            "{errors:?}"
        );
        let mut end = 0;
        for paint in known.looks().0 {
            assert!(
                paint.range.start >= end && text.get(paint.range.clone()).is_some(),
                "{paint:?}"
            );
            end = paint.range.end;
        }
    }

    #[test]
    fn what_did_not_change_is_not_read_again() {
        let mut known = known("DeviceInfo\n\nDeviceEvents\n\nEmailEvents");
        let kept: Vec<_> = known.parts.iter().map(|it| Arc::clone(&it.read)).collect();
        known.update(
            "DeviceInfo\n\nprint 1\n\nDeviceEvents\n\nEmailEvents",
            Schema::hunting(),
        );
        let now: Vec<_> = known.parts.iter().map(|it| &it.read).collect();
        assert!(Arc::ptr_eq(&kept[0], now[0]));
        assert!(Arc::ptr_eq(&kept[1], now[2]) && Arc::ptr_eq(&kept[2], now[3]));
        assert_eq!(
            known.at(14).map(|(at, it)| (at, it.text.as_str())),
            Some((12, "print 1"))
        );
    }

    #[test]
    fn many_statements_that_changed_places_are_known_by_their_text() {
        let text = |names: &mut dyn Iterator<Item = u32>| {
            let all: Vec<String> = names.map(|it| format!("T{it}")).collect();
            all.join("\n\n")
        };
        let mut known = known(&text(&mut (0..20_000)));
        let kept: Vec<_> = known.parts.iter().map(|it| Arc::clone(&it.read)).collect();
        let began = std::time::Instant::now();
        known.update(&text(&mut (0..20_000).rev()), Schema::hunting());
        let took = began.elapsed();
        let now = known.parts.iter().rev().map(|it| &it.read);
        assert!(kept.iter().zip(now).all(|(a, b)| Arc::ptr_eq(a, b)));
        // comparing each with each, two hundred million times, takes longer by far
        assert!(took.as_millis() < 500, "{took:?}");
    }

    #[test]
    fn a_long_statement_keeps_its_colours_until_it_has_been_read() {
        let line = "| where DeviceName == \"x\"\n";
        let text = format!(
            "DeviceInfo\n{}| count",
            line.repeat(AT_ONCE / line.len() + 1)
        );
        let schema = Schema::hunting();
        let mut known = Known::default();
        let wanted = known.update(&text, schema).expect("a worker reads it");
        assert!(known.looks().0.is_empty() && known.at(3).is_none());
        assert!(known.install(&Arc::new(read(wanted, schema))));
        assert_eq!(known.waiting(), None);
        let whole = known.looks().0;
        let changed = text.replacen("| where Dev", "| where xDev", 1);
        let wanted = known.update(&changed, schema).expect("again");
        let carried = known.looks().0;
        assert_eq!(carried.len(), whole.len());
        let last = carried.last().expect("colours");
        assert_eq!(&changed[last.range.clone()], "count");
        let stale = Arc::new(read(text, schema));
        assert!(!known.install(&stale), "the text has moved on");
        assert!(known.install(&Arc::new(read(wanted, schema))));
    }
}

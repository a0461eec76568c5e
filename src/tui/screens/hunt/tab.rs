//! One query with what came of it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Parts;
use super::completion::Popup;
use super::help::About;
use super::language::Known;
use super::local::Kept;
use super::slicing::Tools;
use crate::domain::{TenantNo, Timestamp};
use crate::hunt::error::Repair;
use crate::hunt::{Finding, HuntError, HuntResult, Place, SharedSchema, language};
use crate::kql::assist::SignatureHelp;
use crate::tui::widgets::editor::Editor;
use crate::tui::widgets::editor::change::{Caret, Change};
use crate::tui::widgets::editor::words;
use crate::tui::widgets::grid::Grid;

/// A query that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) ticket: u64,
    /// Who was asked.
    pub(super) tenants: Vec<TenantNo>,
    pub(super) place: Place,
    pub(super) since: Timestamp,
    /// What.
    pub(super) query: String,
    /// What part of the text.
    pub(super) range: Range<usize>,
    /// How long the text was, and where the caret stood: who has gone on writing keeps the keys.
    pub(super) left: (usize, usize),
    pub(super) cancel: CancellationToken,
}

/// A result as it is looked at.
#[derive(Debug)]
pub(super) struct Shown {
    /// Of its run.
    pub(super) ticket: u64,
    /// As what it is kept here.
    pub(super) kept: Kept,
    /// Whose rows they are.
    pub(super) tenants: Vec<TenantNo>,
    /// What each of several gave.
    pub(super) parts: Parts,
    pub(super) result: Arc<HuntResult>,
    pub(super) grid: Grid,
    /// An order being worked out: ticket, column, descending.
    pub(super) sorting: Option<(u64, usize, bool)>,
    /// What the analyst has laid upon it.
    pub(super) tools: Tools,
}

/// What came of the last run.
#[derive(Debug)]
pub(super) enum Outcome {
    Rows(Box<Shown>),
    Failed {
        error: Arc<HuntError>,
        at: Timestamp,
        /// Where the query began in the text.
        start: usize,
    },
}

/// A tab.
#[derive(Debug, Default)]
pub(super) struct Tab {
    /// What it was opened for; empty for a query of the analyst's own.
    pub(super) title: String,
    /// Whom it asks; none: the one tenant that is shown.
    pub(super) tenants: Vec<TenantNo>,
    /// Where it asks.
    pub(super) place: Place,
    pub(super) editor: Editor,
    /// What the language is asked against.
    pub(super) schema: SharedSchema,
    /// The tables the text names, known or not.
    pub(super) tables: BTreeSet<String>,
    /// The text, as it is kept.
    pub(super) kept_text: Arc<str>,
    /// What the language says of the text, by place.
    pub(super) findings: Vec<Finding>,
    /// What is known of each of its statements.
    pub(super) known: Known,
    /// The schema that is known by.
    pub(super) known_by: SharedSchema,
    /// The words offered.
    pub(super) popup: Option<Popup>,
    /// They were sent away: this word brings no others.
    pub(super) muted: bool,
    /// Where a word was taken with the space behind it: one typed there is that space.
    pub(super) spaced: Option<usize>,
    /// The call being written.
    pub(super) signature: Option<SignatureHelp>,
    /// What stands at the caret, while that was asked for.
    pub(super) about: Option<About>,
    /// The question what a long statement is made of.
    pub(super) reading: Option<u64>,
    /// The question what can be written in one, where its text begins, and whether a key asked it.
    pub(super) completing: Option<(u64, usize, bool)>,
    /// The text is being edited elsewhere.
    pub(super) outside: Option<u64>,
    pub(super) running: Option<Running>,
    pub(super) outcome: Option<Outcome>,
    /// The result before, of the same query.
    pub(super) former: Option<Arc<HuntResult>>,
    /// The query the outcome is of.
    pub(super) ran: String,
}

impl Tab {
    pub(super) fn shown(&self) -> Option<&Shown> {
        match &self.outcome {
            Some(Outcome::Rows(shown)) => Some(shown),
            _ => None,
        }
    }

    pub(super) fn shown_mut(&mut self) -> Option<&mut Shown> {
        match &mut self.outcome {
            Some(Outcome::Rows(shown)) => Some(shown),
            _ => None,
        }
    }

    /// Whether nothing has been done in it.
    pub(super) fn is_blank(&self) -> bool {
        self.editor.text().trim().is_empty() && self.running.is_none() && self.outcome.is_none()
    }

    /// Reads the text again, as far as it changed: once a change, never while drawing.
    pub(super) fn text_changed(&mut self) {
        if !self.schema.is(&self.known_by) {
            self.known_by = self.schema.clone();
            self.known.forget();
        }
        self.known.update(self.editor.text(), &self.schema);
        self.kept_text = self.editor.text().into();
        self.show_language();
    }

    /// Shows what is known of the text.
    pub(super) fn show_language(&mut self) {
        let (paints, marks) = self.known.looks();
        self.editor.set_language(paints, marks);
        self.findings = self.known.findings();
        self.tables = self.known.tables();
    }

    /// Errors and warnings in numbers.
    pub(super) fn counts(&self) -> (usize, usize) {
        let errors = self.findings.iter().filter(|it| it.error).count();
        (errors, self.findings.len() - errors)
    }

    /// The finding at the caret, else the first of its statement.
    pub(super) fn finding_here(&self) -> Option<usize> {
        let caret = self.editor.caret();
        let at = |finding: &Finding| finding.start <= caret && caret <= finding.end;
        self.findings.iter().position(at).or_else(|| {
            let part = crate::hunt::prepared::statement_at(self.editor.text(), caret);
            self.findings
                .iter()
                .position(|finding| part.start <= finding.start && finding.start <= part.end)
        })
    }

    /// Applies the repair of the error at the caret; false where there is none. What the lints would
    /// rather have is not what tab means: that has a key of its own.
    pub(super) fn apply_fix(&mut self) -> bool {
        let caret = self.editor.caret();
        self.apply_fix_of(|it| it.error && it.start <= caret && caret <= it.end)
    }

    /// Applies the repair at the caret, else the first one of its line, errors before warnings.
    pub(super) fn apply_any_fix(&mut self) -> bool {
        let (text, caret) = (self.editor.text(), self.editor.caret());
        let line = words::line_start(text, caret)..=words::line_end(text, caret);
        self.apply_fix()
            || self.apply_fix_of(|it| it.error && line.contains(&it.start))
            || self.apply_fix_of(|it| it.start <= caret && caret <= it.end)
            || self.apply_fix_of(|it| line.contains(&it.start))
    }

    /// Silences the lint at the caret, else the first one of its line, by a comment.
    pub(super) fn silence(&mut self) -> bool {
        let (text, caret) = (self.editor.text(), self.editor.caret());
        let line = words::line_start(text, caret)..=words::line_end(text, caret);
        let lints = || self.findings.iter().filter(|it| !it.error);
        let at_caret = lints().find(|it| it.start <= caret && caret <= it.end);
        let found = at_caret.or_else(|| lints().find(|it| line.contains(&it.start)));
        let fix = found.and_then(|found| {
            let (at, statement) = self.known.at(found.start)?;
            let analysis = statement.analysis.as_ref()?;
            language::silence(&statement.text, at, analysis, found)
        });
        fix.is_some_and(|fix| self.apply_repair(fix))
    }

    fn apply_fix_of(&mut self, here: impl Fn(&Finding) -> bool) -> bool {
        let mut found = self.findings.iter().filter(|it| here(it));
        match found.find_map(|it| it.fix.clone()) {
            Some(fix) => self.apply_repair(fix),
            None => false,
        }
    }

    fn apply_repair(&mut self, fix: Repair) -> bool {
        let caret = match fix.edits.as_slice() {
            [(range, with)] => Caret::at(range.start + with.len()),
            _ => Caret::at(self.editor.caret()),
        };
        let change = if fix.edits.len() == 1 {
            Change {
                edits: fix.edits,
                caret,
            }
        } else {
            Change::around(fix.edits, caret)
        };
        self.editor.apply(change)
    }

    /// The finding after the caret, or before it, going round.
    pub(super) fn problem(&self, back: bool) -> Option<&Finding> {
        let caret = self.editor.caret();
        if back {
            let before = self.findings.iter().rev().find(|it| it.start < caret);
            before.or(self.findings.last())
        } else {
            let after = self.findings.iter().find(|it| it.start > caret);
            after.or(self.findings.first())
        }
    }

    /// A short name for the tab line.
    pub(super) fn label(&self) -> String {
        if !self.title.is_empty() {
            return self.title.clone();
        }
        let first = self
            .editor
            .text()
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with("//"));
        first.map_or_else(
            || "new".to_owned(),
            |line| {
                let mut label: String = line.chars().take(24).collect();
                if line.chars().nth(24).is_some() {
                    label.push('…');
                }
                label
            },
        )
    }
}

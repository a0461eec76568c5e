//! One query with what came of it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Parts, language};
use crate::domain::{TenantNo, Timestamp};
use crate::hunt::{Finding, HuntError, HuntResult, SharedSchema};
use crate::tui::theme::Role;
use crate::tui::widgets::editor::{Editor, Mark};
use crate::tui::widgets::grid::Grid;

/// A query that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) ticket: u64,
    /// Who was asked.
    pub(super) tenants: Vec<TenantNo>,
    pub(super) since: Timestamp,
    /// What part of the text.
    pub(super) range: Range<usize>,
    pub(super) cancel: CancellationToken,
}

/// A result as it is looked at.
#[derive(Debug)]
pub(super) struct Shown {
    /// Whose rows they are.
    pub(super) tenants: Vec<TenantNo>,
    /// What each of several gave.
    pub(super) parts: Parts,
    pub(super) result: Arc<HuntResult>,
    pub(super) grid: Grid,
    /// An order being worked out: ticket, column, descending.
    pub(super) sorting: Option<(u64, usize, bool)>,
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
    pub(super) editor: Editor,
    /// What the language is asked against.
    pub(super) schema: SharedSchema,
    /// The tables the text names, known or not.
    pub(super) tables: BTreeSet<String>,
    /// The text, as it is kept.
    pub(super) kept_text: Arc<str>,
    /// What the language says of the text, by place.
    pub(super) findings: Vec<Finding>,
    pub(super) running: Option<Running>,
    pub(super) outcome: Option<Outcome>,
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

    /// Reads the text again: once a change, never while drawing.
    pub(super) fn text_changed(&mut self) {
        let read = language::read(self.editor.text(), &self.schema);
        self.tables = read.tables;
        self.kept_text = self.editor.text().into();
        let marks = read
            .findings
            .iter()
            .map(|finding| Mark {
                range: finding.start..finding.end,
                role: if finding.error {
                    Role::KqlError
                } else {
                    Role::KqlWarning
                },
            })
            .collect();
        self.editor.set_language(read.paints, marks);
        self.findings = read.findings;
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

    /// Applies the repair of the finding at the caret; false where there is none.
    pub(super) fn apply_fix(&mut self) -> bool {
        let caret = self.editor.caret();
        let here = self
            .findings
            .iter()
            .find(|it| it.start <= caret && caret <= it.end && it.fix.is_some());
        let Some(fix) = here.and_then(|it| it.fix.clone()) else {
            return false;
        };
        // the last first: what is before it keeps its place
        for (range, with) in fix.edits.into_iter().rev() {
            self.editor.replace(range, &with);
        }
        true
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

//! Why a query gave no answer.

use crate::kql::syntax::Span;

/// One thing wrong with the text of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The language's code, e.g. `KS142`, where it has one.
    pub code: Option<String>,
    /// Where, in bytes of the query text.
    pub span: Span,
    /// What.
    pub message: String,
}

/// Why a query gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The query has errors; there is at least one.
    #[error("{}", .0.first().map_or("the query has errors", |f| f.message.as_str()))]
    Query(Vec<Fault>),
    /// The query is sound, but this engine does not do what it asks; it never answers something else instead.
    #[error("{what} is not supported{}", .instead.as_ref().map(|i| format!("; {i}")).unwrap_or_default())]
    Unsupported {
        /// What: `operator 'scan'`, `function 'rand'`.
        what: String,
        /// Where, in bytes of the query text.
        span: Span,
        /// What to write instead, where there is something.
        instead: Option<String>,
    },
    /// The query is sound, but it asks for what nobody gave this engine: a file, a table of another
    /// service, facts about files or addresses.
    #[error("{what}{}", .instead.as_ref().map(|i| format!("; {i}")).unwrap_or_default())]
    Absent {
        /// What is not there, as a sentence.
        what: String,
        /// Where, in bytes of the query text.
        span: Span,
        /// What helps, where something does.
        instead: Option<String>,
    },
    /// The query is sound but failed on its data or arguments: a regular expression that cannot be
    /// read, a `range` without end.
    #[error("{message}")]
    Failed {
        /// What happened.
        message: String,
        /// Where, if one place is to blame.
        span: Option<Span>,
    },
    /// The query would keep more in memory than it may.
    #[error(
        "{what} would take more than {} MB of memory; look at fewer rows (a shorter time, 'where', 'take'), \
         or gather less of each (make_set(x, 1000), 'summarize')",
        .limit / 1_000_000
    )]
    TooLarge {
        /// What was being gathered: `make_set()`, `the result`.
        what: String,
        /// The bound in bytes.
        limit: u64,
    },
    /// The time given to the query is over.
    #[error("the query ran longer than its time limit")]
    TimedOut,
    /// Somebody cancelled it.
    #[error("the query was cancelled")]
    Cancelled,
    /// SQLite failed for reasons of its own.
    #[error("the local database failed: {0}")]
    Storage(#[from] rusqlite::Error),
}

impl EngineError {
    /// A refusal without a hint.
    pub(super) fn unsupported(what: impl Into<String>, span: Span) -> Self {
        Self::Unsupported {
            what: what.into(),
            span,
            instead: None,
        }
    }

    /// Something nobody gave.
    pub(super) fn absent(what: impl Into<String>, instead: &str, span: Span) -> Self {
        Self::Absent {
            what: what.into(),
            span,
            instead: (!instead.is_empty()).then(|| instead.to_owned()),
        }
    }

    /// A failure at a place.
    pub(super) fn failed(message: impl Into<String>, span: Span) -> Self {
        Self::Failed {
            message: message.into(),
            span: Some(span),
        }
    }
}

/// The engine's result.
pub type Result<T> = std::result::Result<T, EngineError>;

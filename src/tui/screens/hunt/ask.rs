//! What the Hunt screen asks of a worker, and what it is told.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::language::Statement;
use super::working::{Picture, Work, Worked};
use crate::domain::{Of, ResultTable, TenantNo};
use crate::hunt::chart::Look;
use crate::hunt::export::Format;
use crate::hunt::fan::Part;
use crate::hunt::library::Library;
use crate::hunt::local::{Held, Keeping};
use crate::hunt::schema::Wanted;
use crate::hunt::{HuntError, HuntResult, Place, SharedSchema, Timespan};
use crate::kql::complete::Completions;
use crate::kql::schema::Learnt;
use crate::store::HuntRecord;
use crate::tui::data::Level;

/// What the Hunt screen asks of a worker. Every answer carries the ticket of its question.
#[derive(Debug)]
pub enum HuntAsk {
    /// Run a query.
    Run {
        /// Its ticket.
        ticket: u64,
        /// At the service, or here.
        place: Place,
        /// Whom to ask; of several the answers are put together.
        tenants: Vec<TenantNo>,
        /// KQL.
        query: String,
        /// How far back.
        timespan: Timespan,
        /// Cancelled by [`HuntAsk::Cancel`].
        cancel: CancellationToken,
    },
    /// Stop waiting for one.
    Cancel(CancellationToken),
    /// Work out an order.
    Sort {
        /// Its ticket.
        ticket: u64,
        /// The result.
        table: Arc<ResultTable>,
        /// The column.
        column: usize,
        /// Greatest first.
        descending: bool,
    },
    /// Work something out of a result.
    Work {
        /// Its ticket.
        ticket: u64,
        /// The result.
        table: Arc<ResultTable>,
        /// The rows of it, in order; none: all.
        rows: Option<Arc<[u32]>>,
        /// What.
        work: Work,
    },
    /// Write a chart to a file.
    Picture(Picture),
    /// Write a result to a file.
    Export {
        /// The result.
        table: Arc<ResultTable>,
        /// Row numbers in the visible order.
        order: Option<Arc<[u32]>>,
        /// Columns in the visible order.
        columns: Vec<usize>,
        /// The format.
        format: Format,
        /// The file's name without ending.
        stem: String,
    },
    /// Read a statement that is too long to be read while a key waits.
    Read {
        /// Its ticket.
        ticket: u64,
        /// The statement.
        text: String,
        /// What it is read against.
        schema: SharedSchema,
    },
    /// Say what can be written in one.
    Complete {
        /// Its ticket.
        ticket: u64,
        /// The statement.
        text: String,
        /// The caret in it, in bytes.
        caret: usize,
        /// What it is read against.
        schema: SharedSchema,
    },
    /// Let the analyst edit a text in the editor of the environment.
    Outside {
        /// Its ticket.
        ticket: u64,
        /// The text.
        text: String,
    },
    /// Read what was asked earlier of these tenants, newest first.
    History(Vec<TenantNo>),
    /// Read what is known of a tenant's schema.
    Schema(TenantNo),
    /// Ask a tenant for its tables.
    Learn {
        /// Whom.
        tenant: TenantNo,
        /// Which.
        wanted: Wanted,
        /// Somebody waits to hear what came of it.
        told: bool,
    },
    /// Read the query library and the user's folder.
    Library,
    /// Write a query into the user's folder.
    Save {
        /// Under this title.
        title: String,
        /// KQL.
        query: String,
    },
    /// Keep a result of the service as a table of here.
    Keep {
        /// The ticket of its run.
        ticket: u64,
        /// Who gave it.
        tenants: Vec<TenantNo>,
        /// KQL.
        query: Arc<str>,
        /// It.
        result: Arc<HuntResult>,
    },
    /// Say what is held here.
    Held,
    /// Give a kept result a name.
    RenameKept(i64, String),
    /// Drop a kept result.
    DropKept(i64),
    /// Read a file as a table, as `NAME=FILE`.
    OpenFile(String),
    /// Read the tabs of the last run.
    Tabs,
    /// Keep the tabs as they are now, soon: what comes after takes their place.
    KeepTabs(Vec<OpenTab>),
}

/// A tab as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenTab {
    /// What it was opened for; empty for a query of the analyst's own.
    pub title: String,
    /// The text.
    pub query: Arc<str>,
    /// Where the caret stands, in bytes of the text.
    pub caret: usize,
    /// It is the one in front.
    pub active: bool,
    /// Whom it asks; none: the tenant that is shown.
    pub tenants: Vec<TenantNo>,
    /// Where it asks.
    pub place: Place,
}

/// A result that was kept, and all that is held now.
#[derive(Debug)]
pub struct Kept {
    /// What keeping it did.
    pub keeping: Keeping,
    /// What is held now.
    pub held: Arc<Held>,
}

/// Rows with the widths of their columns, or why there are none.
pub type Answer = Result<(Arc<HuntResult>, Arc<[u16]>), Arc<HuntError>>;

/// What each of several tenants gave, in the order of asking; empty where one was asked.
pub type Parts = Arc<[Part]>;

/// What the Hunt screen is told.
#[derive(Clone, Debug)]
pub enum HuntMsg {
    /// A hunt is over.
    Finished {
        /// Of the question.
        ticket: u64,
        /// Rows and column widths, or why there are none.
        answer: Answer,
        /// Who of several tenants answered.
        parts: Parts,
    },
    /// An order is worked out.
    Sorted {
        /// Of the question.
        ticket: u64,
        /// Row numbers.
        order: Arc<[u32]>,
    },
    /// Something is worked out of a result.
    Worked {
        /// Of the question.
        ticket: u64,
        /// What.
        answer: Worked,
    },
    /// The result in front is drawn like this from now on.
    DrawAs(Look),
    /// The result in front is compared with an earlier one, rows told apart by columns.
    CompareBy {
        /// The earlier one.
        before: Arc<ResultTable>,
        /// The columns; none: all.
        key: Vec<usize>,
    },
    /// What is looked for in the cell that is shown as a tree.
    FindInCell(String),
    /// All that is known of a tenant's schema now.
    Learnt {
        /// Whose.
        tenant: TenantNo,
        /// The schema, or why the tenant could not be asked.
        learnt: Result<Arc<Learnt>, String>,
        /// How many tables it was asked for, where somebody waits to hear that.
        told: Option<usize>,
    },
    /// The tabs of the last run, or why they cannot be read.
    Tabs(Result<Vec<OpenTab>, String>),
    /// A long statement has been read.
    Read {
        /// Of the question.
        ticket: u64,
        /// What it is made of.
        read: Arc<Statement>,
    },
    /// What can be written in a long statement.
    Completed {
        /// Of the question.
        ticket: u64,
        /// The words.
        words: Completions<'static>,
    },
    /// The text comes back from another editor, or why it does not.
    Outside {
        /// Of the question.
        ticket: u64,
        /// The text.
        answer: Result<String, String>,
    },
    /// The name at the caret gets this name.
    Rename(String),
    /// A result is kept here, or why not; nothing where the settings keep none.
    Kept {
        /// Of its run.
        ticket: u64,
        /// As what.
        keeping: Result<Option<Arc<Kept>>, String>,
    },
    /// What is held here.
    Held {
        /// All of it, or why it cannot be read.
        held: Result<Arc<Held>, String>,
        /// What somebody waits to hear of what was done.
        told: Option<(Level, String)>,
    },
    /// Opens a query where it was asked before; and runs it.
    Again(OpenTab, bool),
    /// Earlier queries, newest first.
    History(Result<Arc<Vec<Of<HuntRecord>>>, String>),
    /// Everything of the query library.
    Library(Arc<Library>),
    /// A query was written to the user's folder, or why not.
    Saved(Result<PathBuf, String>),
    /// The tenants the tab in front asks from now on.
    Where {
        /// Which.
        tenants: Vec<TenantNo>,
        /// Whether to run its query now.
        run: bool,
    },
}

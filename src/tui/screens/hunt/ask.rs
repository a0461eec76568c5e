//! What the Hunt screen asks of a worker, and what it is told.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::domain::{ResultTable, TenantNo};
use crate::hunt::export::Format;
use crate::hunt::fan::Part;
use crate::hunt::{HuntError, HuntResult, Timespan};
use crate::store::HuntRecord;

/// What the Hunt screen asks of a worker. Every answer carries the ticket of its question.
#[derive(Debug)]
pub enum HuntAsk {
    /// Run a query.
    Run {
        /// Its ticket.
        ticket: u64,
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
    /// Read what was asked earlier of these tenants, newest first.
    History(Vec<TenantNo>),
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
    /// Earlier queries, newest first.
    History(Result<Arc<Vec<HuntRecord>>, String>),
    /// The tenants the tab in front asks from now on.
    Where {
        /// Which.
        tenants: Vec<TenantNo>,
        /// Whether to run its query now.
        run: bool,
    },
}

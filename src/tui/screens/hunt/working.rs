//! What is worked out of a result by a worker: charts, slices, values, statistics, comparisons.
//! Everything here may walk a hundred thousand rows; no frame waits for it.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::domain::ResultTable;
use crate::hunt::Render;
use crate::hunt::chart::{self, Chart, Look, Subject, svg};
use crate::hunt::diff::{self, Compared};
use crate::hunt::pick::{self, Entity};
use crate::hunt::slice::{self, Condition, Groups, Stats};
use crate::tui::widgets::grid;

/// What to work out.
#[derive(Clone, Debug)]
pub enum Work {
    /// A chart: as the analyst chose, else as the query asks, else as suits the result.
    Chart {
        /// What the query asks for.
        render: Option<Render>,
        /// What the analyst chose.
        look: Option<Look>,
        /// The column the cursor is in.
        focus: usize,
    },
    /// The rows that meet conditions, in an order.
    Slice {
        /// All must hold.
        conditions: Vec<Condition>,
        /// The column and whether descending.
        sort: Option<(usize, bool)>,
    },
    /// The values of a column.
    Groups(usize),
    /// What the values of a column come to.
    Stats(usize),
    /// What is different from the run before.
    Compare {
        /// Its rows.
        before: Arc<ResultTable>,
        /// What rows are told apart by; none: all of them.
        key: Vec<usize>,
    },
    /// What the rows name.
    Entities,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Worked {
    /// A chart, or why there is none.
    Chart(Look, Result<Arc<Chart>, String>),
    /// Row numbers.
    Slice(Arc<[u32]>),
    /// Values with their counts.
    Groups(Arc<Groups>),
    /// Figures of a column.
    Stats(Arc<Stats>),
    /// Rows that are different with the widths of their columns, or why they cannot be told.
    Compared(Result<(Arc<Compared>, Arc<[u16]>), String>),
    /// Devices, users and so on.
    Entities(Arc<[Entity]>),
}

impl Work {
    /// Does it. Walks every row.
    pub fn carry_out(self, table: &ResultTable, rows: Option<&[u32]>) -> Worked {
        match self {
            Self::Chart {
                render,
                look,
                focus,
            } => {
                // what the analyst chose is not held to what the query asks of another kind
                let chosen = look.is_some();
                let of = Subject {
                    table,
                    rows,
                    render: render.as_ref(),
                    focus: Some(focus),
                };
                let asked = render.as_ref().filter(|_| !chosen);
                let look = match (look, asked) {
                    (Some(look), _) => look,
                    (None, Some(render)) => {
                        let Some(look) = Look::of(render) else {
                            let why = format!("{} is not drawn here.", render.kind);
                            return Worked::Chart(chart::suited(of), Err(why));
                        };
                        look
                    }
                    (None, None) => chart::suited(of),
                };
                let built = chart::build(of, look).or_else(|why| {
                    // its columns may say no to another kind, where the result would not
                    let free = Subject { render: None, ..of };
                    let again = chosen && of.render.is_some();
                    again
                        .then(|| chart::build(free, look).ok())
                        .flatten()
                        .ok_or(why)
                });
                Worked::Chart(look, built.map(Arc::new))
            }
            Self::Slice { conditions, sort } => {
                Worked::Slice(slice::rows(table, &conditions, sort).into())
            }
            Self::Groups(column) => Worked::Groups(Arc::new(slice::groups(table, rows, column))),
            Self::Stats(column) => Worked::Stats(Arc::new(slice::stats(table, rows, column))),
            Self::Compare { before, key } => {
                let compared = diff::compare(&before, table, &key);
                Worked::Compared(compared.map(|it| {
                    let widths = grid::measure(&it.table);
                    (Arc::new(it), widths)
                }))
            }
            Self::Entities => {
                let all: Vec<u32>;
                let rows = if let Some(rows) = rows {
                    rows
                } else {
                    all = (0..table.rows() as u32).collect();
                    &all
                };
                Worked::Entities(pick::entities(table, rows).into())
            }
        }
    }
}

/// A chart on its way to a file.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What.
    pub chart: Arc<Chart>,
    /// Where and when its rows are from.
    pub source: String,
    /// The zone its times are shown in.
    pub zone: TimeZone,
    /// The file's name without ending.
    pub stem: String,
}

impl Picture {
    /// The file's content.
    pub fn svg(&self) -> String {
        svg::write(&self.chart, &self.source, &self.zone)
    }
}

//! A SELECT in the making: where rows come from, what is asked of them, what comes out.

use super::with::Leg;
use crate::kql::bound::Column;
use crate::kql::types::{Type, Value};

/// A piece of SQL with what is known of its value.
#[derive(Debug, Clone)]
pub struct Sx {
    /// SQL that stands as an operand (parenthesised where it must be).
    pub sql: String,
    /// Type of the value.
    pub ty: Type,
    /// May be NULL. Strings never are.
    pub nullable: bool,
    /// A `real` that may be not-a-number, which plain SQL does not know.
    pub nan: bool,
    /// The constant it is, if it is one.
    pub literal: Option<Value>,
}

impl Sx {
    /// An expression that may be NULL (unless it is a string) and, if real, not-a-number.
    pub fn new(sql: impl Into<String>, ty: Type) -> Self {
        Self {
            sql: sql.into(),
            ty,
            nullable: ty != Type::String,
            nan: false,
            literal: None,
        }
    }

    /// The same, never NULL.
    pub fn solid(self) -> Self {
        Self {
            nullable: false,
            ..self
        }
    }

    /// The same, NULL if `nullable`.
    pub fn maybe(self, nullable: bool) -> Self {
        Self {
            nullable: nullable && self.ty != Type::String,
            ..self
        }
    }

    /// The same, perhaps not-a-number.
    pub fn wild(self) -> Self {
        Self {
            nan: self.ty == Type::Real,
            ..self
        }
    }
}

/// One column coming out.
#[derive(Debug, Clone)]
pub struct Col {
    /// Name in the language.
    pub name: String,
    /// The value.
    pub sx: Sx,
    /// Naming it twice costs nothing: a column of a table or a constant.
    pub simple: bool,
}

/// One key of an order.
#[derive(Debug, Clone)]
pub struct Order {
    /// SQL of the key.
    pub sql: String,
    /// Greatest first.
    pub descending: bool,
    /// Nulls before all others.
    pub nulls_first: bool,
}

impl Order {
    /// The term of an ORDER BY.
    pub fn term(&self) -> String {
        // Ascending with nulls first and descending with nulls last are SQLite's own defaults.
        let direction = if self.descending { " DESC" } else { "" };
        let nulls = match (self.descending, self.nulls_first) {
            (false, true) | (true, false) => "",
            (true, true) => " NULLS FIRST",
            (false, false) => " NULLS LAST",
        };
        // SQLite reads a bare whole number as the number of a column; a constant orders nothing.
        let constant = |b: u8| b.is_ascii_digit() || b"()+-* ".contains(&b);
        let key = if self.sql.bytes().all(constant) {
            "NULL"
        } else {
            &self.sql
        };
        format!("{key}{direction}{nulls}")
    }
}

/// A SELECT in the making. Its expressions are over `from`.
#[derive(Debug, Clone, Default)]
pub struct Frag {
    /// The FROM clause; empty for one row of nothing.
    pub from: String,
    /// Conditions that must all hold.
    pub filters: Vec<String>,
    /// Columns coming out; after `evaluate` there may be more than the binder knows of.
    pub cols: Vec<Col>,
    /// For each ordinal of the binder, the place in `cols`.
    pub known: Vec<usize>,
    /// The order of the rows, if they have one.
    pub order: Vec<Order>,
    /// `order` is one unique key, so that windows agree with each other.
    pub serial: bool,
    /// Hidden keys that part the rows: inside `mv-apply` and `partition` every operator works on
    /// each part for itself.
    pub parts: Vec<String>,
    /// GROUP BY terms; `Some` also where there are none but the SELECT aggregates.
    pub group: Option<Vec<String>>,
    /// SELECT DISTINCT.
    pub distinct: bool,
    /// LIMIT.
    pub limit: Option<String>,
    /// How many table expressions lie below.
    pub depth: usize,
    /// When the rows came in, where the query asks for it and it is known.
    pub ingestion: Option<String>,
    /// Columns hold window functions: the SELECT is finished but for its order.
    pub sealed: bool,
}

impl Frag {
    /// Rows of a FROM clause with columns.
    pub fn new(from: String, cols: Vec<Col>) -> Self {
        Self {
            from,
            known: (0..cols.len()).collect(),
            cols,
            ..Self::default()
        }
    }

    /// Nothing but an order may be added to this SELECT.
    pub fn is_finished(&self) -> bool {
        self.group.is_some() || self.distinct || self.limit.is_some() || self.sealed
    }

    /// When each row came in; what is grouped came in at no one time.
    pub fn arrived(&self) -> Option<&String> {
        let rows = self.group.is_none() && !self.distinct;
        self.ingestion.as_ref().filter(|_| rows)
    }

    /// Replaces the columns by ones the binder knows all of.
    pub fn set_cols(&mut self, cols: Vec<Col>) {
        self.known = (0..cols.len()).collect();
        self.cols = cols;
    }

    /// The columns as the language has them.
    pub fn columns(&self) -> Vec<Column> {
        self.cols
            .iter()
            .map(|c| Column::new(c.name.clone(), c.sx.ty))
            .collect()
    }

    /// The SELECT. Columns are named `c0`, `c1`…; `hidden` adds the keys of the order as `o0`… and
    /// the parting keys as `p0`…; `ordered` asks for the rows in order.
    pub fn select(&self, hidden: bool, ordered: bool) -> String {
        self.leg(hidden, ordered).sql()
    }

    /// The SELECT in its pieces.
    pub fn leg(&self, hidden: bool, ordered: bool) -> Leg {
        let mut items: Vec<String> = self
            .cols
            .iter()
            .enumerate()
            .map(|(i, c)| format!("{} AS c{i}", c.sx.sql))
            .collect();
        if hidden {
            items.extend(
                self.order
                    .iter()
                    .enumerate()
                    .map(|(i, o)| format!("{} AS o{i}", o.sql)),
            );
            items.extend(
                self.parts
                    .iter()
                    .enumerate()
                    .map(|(i, p)| format!("{p} AS p{i}")),
            );
            items.extend(self.arrived().map(|at| format!("{at} AS i0")));
        }
        if items.is_empty() {
            items.push("NULL AS c0".to_owned());
        }
        let mut sql = String::new();
        if !self.from.is_empty() {
            sql.push_str(" FROM ");
            sql.push_str(&self.from);
        }
        if !self.filters.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&super::super::sql::balanced(&self.filters, "AND", "1"));
        }
        if let Some(group) = self.group.as_ref().filter(|g| !g.is_empty()) {
            sql.push_str(" GROUP BY ");
            sql.push_str(&group.join(", "));
        }
        if (ordered || self.limit.is_some()) && !self.order.is_empty() {
            let terms: Vec<String> = self.order.iter().map(Order::term).collect();
            sql.push_str(" ORDER BY ");
            sql.push_str(&terms.join(", "));
        }
        if let Some(limit) = &self.limit {
            sql.push_str(" LIMIT ");
            sql.push_str(limit);
        }
        Leg {
            head: if self.distinct {
                "SELECT DISTINCT "
            } else {
                "SELECT "
            },
            items,
            rest: sql,
            // An item may be a key of the groups or hold the row of a greatest value.
            loose: !self.distinct && self.group.is_none(),
        }
    }

    /// The OVER clause of a window over each part in order; `more` parts further.
    pub fn window(&self, more: &[String], rows: &str) -> String {
        let mut over = Vec::new();
        let parts: Vec<String> = self.parts.iter().chain(more).cloned().collect();
        if !parts.is_empty() {
            over.push(format!("PARTITION BY {}", parts.join(", ")));
        }
        if !self.order.is_empty() {
            let terms: Vec<String> = self.order.iter().map(Order::term).collect();
            over.push(format!("ORDER BY {}", terms.join(", ")));
        }
        if !rows.is_empty() {
            over.push(rows.to_owned());
        }
        format!("OVER ({})", over.join(" "))
    }
}

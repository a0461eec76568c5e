//! Columns being put together: names made unique, declared twice reported, replaced in place.

use std::collections::{HashMap, HashSet};

use super::{Binder, Reference, TupleColumn, Ty, Val, unknown};
use crate::kql::bound::{Column, Expr, ExprKind};
use crate::kql::symbols::Origin;
use crate::kql::syntax::{self, ExprKind as S, Span};
use crate::kql::types::{Type, Value};

/// What an operator makes of its expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Default,
    Extend,
    Print,
    Replace,
    Summarize,
}

/// One column of the output.
#[derive(Clone, Debug)]
pub(super) struct Projected {
    pub(super) column: Column,
    /// The row's column it is, unchanged.
    pub(super) identity: Option<usize>,
    /// Its value; for a column of a tuple, the argument.
    pub(super) expr: Expr,
    /// Passed on from the row, not from an expression.
    pub(super) passed: bool,
    /// The item it came from.
    pub(super) item: usize,
}

/// Collects the output columns of an operator.
#[derive(Debug, Default)]
pub(super) struct Projection {
    pub(super) columns: Vec<Projected>,
    index: HashMap<String, usize>,
    declared: HashSet<String>,
    names: HashSet<String>,
    skip: HashSet<usize>,
    item: usize,
}

impl Projection {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// All columns of the row, passed on.
    pub(super) fn pass_all(&mut self, columns: &[Column], once: bool) {
        for (i, column) in columns.iter().enumerate() {
            self.add(column.clone(), Some(i), column_expr(i, column), true, false);
            if once {
                self.skip.insert(i);
            }
        }
    }

    /// Row columns already there are not added again.
    pub(super) fn skip_present(&mut self) {
        let present: Vec<usize> = self.columns.iter().filter_map(|c| c.identity).collect();
        self.skip.extend(present);
    }

    /// The column of this name, as it is now.
    fn find(&self, name: &str) -> Option<&Column> {
        self.index.get(name).map(|&at| &self.columns[at].column)
    }

    fn unique(&mut self, name: &str) -> String {
        if self.names.insert(name.to_owned()) {
            return name.to_owned();
        }
        let mut number = 1;
        loop {
            let candidate = format!("{name}{number}");
            if self.names.insert(candidate.clone()) {
                return candidate;
            }
            number += 1;
        }
    }

    /// Adds a column under a name made unique; true if it was added.
    pub(super) fn add(
        &mut self,
        column: Column,
        identity: Option<usize>,
        expr: Expr,
        passed: bool,
        replace: bool,
    ) -> bool {
        if column.name.is_empty() || identity.is_some_and(|i| self.skip.contains(&i)) {
            return false;
        }
        let item = self.item;
        if replace && let Some(&at) = self.index.get(&column.name) {
            self.columns[at] = Projected {
                column,
                identity,
                expr,
                passed,
                item,
            };
            return true;
        }
        let name = self.unique(&column.name);
        let identity = identity.filter(|_| name == column.name);
        self.index.insert(name.clone(), self.columns.len());
        let column = Column { name, ..column };
        self.columns.push(Projected {
            column,
            identity,
            expr,
            passed,
            item,
        });
        true
    }

    /// Adds a column under the name it was given; false if that name was given before.
    fn declare(
        &mut self,
        column: Column,
        identity: Option<usize>,
        expr: Expr,
        replace: bool,
    ) -> bool {
        if self.declared.contains(&column.name) {
            return false;
        }
        let name = column.name.clone();
        if replace && self.index.contains_key(&name) {
            self.add(column, identity, expr, false, true);
            self.declared.insert(name);
        } else {
            let before = self.columns.len();
            self.add(column, identity, expr, false, false);
            if let Some(added) = self.columns.get(before) {
                self.declared.insert(added.column.name.clone());
            } else {
                self.declared.insert(name);
            }
        }
        true
    }

    /// Columns of an open row that were named only now come after those passed on.
    pub(super) fn pass_inferred(&mut self, before: usize, now: &[Column]) {
        for (i, column) in now.iter().enumerate().skip(before) {
            if self.names.insert(column.name.clone()) {
                let expr = Expr {
                    kind: ExprKind::OpenColumn(column.name.clone()),
                    ty: column.ty,
                    span: Span::default(),
                };
                let projected = Projected {
                    column: column.clone(),
                    identity: None,
                    expr,
                    passed: true,
                    item: 0,
                };
                self.columns.insert(i.min(self.columns.len()), projected);
            }
        }
        self.index = self
            .columns
            .iter()
            .enumerate()
            .map(|(i, c)| (c.column.name.clone(), i))
            .collect();
    }

    pub(super) fn output(&self) -> Vec<Column> {
        self.columns.iter().map(|c| c.column.clone()).collect()
    }
}

/// A row's column as an expression.
pub(super) fn column_expr(i: usize, column: &Column) -> Expr {
    Expr {
        kind: ExprKind::Column(i),
        ty: column.ty,
        span: Span::default(),
    }
}

impl Binder<'_> {
    /// The columns one expression of an operator gives.
    pub(super) fn project(
        &mut self,
        e: &syntax::Expr,
        into: &mut Projection,
        style: Style,
        as_type: Option<Type>,
        position: usize,
    ) -> Val {
        into.item = position;
        let e = match &e.kind {
            S::Ordered { value, .. } => value,
            _ => e,
        };
        match &e.kind {
            S::Named { name, value } => {
                let val = self.expr(value, false);
                self.check_scalar(&val, value.span);
                self.refer(name.span, Reference::Column);
                self.project_named(&val, name, value.span, into, style, as_type);
                val
            }
            S::NamedList { names, list, value } => {
                let val = self.expr(value, false);
                self.check_scalar(&val, value.span);
                for name in names {
                    self.refer(name.span, Reference::Column);
                }
                self.project_names(&val, names, *list, into, style);
                val
            }
            S::Star => {
                let columns = self.row_columns();
                for (i, column) in columns.iter().enumerate() {
                    into.add(column.clone(), Some(i), column_expr(i, column), false, true);
                }
                Val::error(e.span)
            }
            _ => {
                let noted = self.noted();
                let first = into.columns.len();
                let val = self.expr(e, false);
                self.check_scalar(&val, e.span);
                self.project_plain(&val, e, into, style, as_type, position);
                for (part, added) in into.columns.iter_mut().skip(first).enumerate() {
                    self.make_up(&mut added.column, e.span, part, noted);
                }
                val
            }
        }
    }

    /// Where the column comes from that a value is, if it is one.
    pub(super) fn origin_of(&self, val: &Val) -> Origin {
        let row = self.row.as_ref();
        let column = row.zip(val.column).and_then(|(r, i)| r.columns.get(i));
        column.map_or(Origin::UNKNOWN, |c| c.origin)
    }

    /// All columns of the row, those named meanwhile included.
    pub(super) fn row_columns(&self) -> Vec<Column> {
        self.row.as_ref().map_or_else(Vec::new, |row| {
            row.columns.iter().chain(&row.inferred).cloned().collect()
        })
    }

    fn declared_twice(&mut self, name: &str, span: Span) {
        self.report(
            "KS171",
            span,
            format!("A column with the name '{name}' is already declared."),
        );
    }

    fn project_named(
        &mut self,
        val: &Val,
        name: &syntax::Name,
        value: Span,
        into: &mut Projection,
        style: Style,
        as_type: Option<Type>,
    ) {
        if let Ty::Tuple(columns) = &val.ty {
            let Some(first) = columns.first() else { return };
            let ty = as_type.unwrap_or(first.column.ty);
            let column = self.define_column(name, ty, value);
            let expr = tuple_expr(val, columns, 0);
            if !into.declare(column, None, expr, true) {
                self.declared_twice(&name.text, name.span);
            }
            if style == Style::Print {
                return;
            }
            for (i, tuple) in columns.iter().enumerate().skip(1) {
                let column = prefixed(val, tuple);
                into.add(
                    column,
                    tuple.identity,
                    tuple_expr(val, columns, i),
                    false,
                    false,
                );
            }
            return;
        }
        let ty = as_type.unwrap_or_else(|| val.type_or_unknown());
        let column = self.define_column(name, ty, value);
        let replace = val.is_column || matches!(style, Style::Replace | Style::Extend);
        if replace
            && let Some(before) = into.find(&name.text)
            && before.origin.as_symbol().is_some()
        {
            self.same(column.origin, before.origin);
        }
        if !name.is_missing() && !into.declare(column, None, val.expr.clone(), replace) {
            self.declared_twice(&name.text, name.span);
        }
    }

    fn project_names(
        &mut self,
        val: &Val,
        names: &[syntax::Name],
        list: Span,
        into: &mut Projection,
        style: Style,
    ) {
        if let Ty::Tuple(columns) = &val.ty {
            for (i, tuple) in columns.iter().enumerate() {
                let expr = tuple_expr(val, columns, i);
                if let Some(name) = names.get(i) {
                    let column = self.define_column(name, tuple.column.ty, list);
                    let replace = matches!(style, Style::Replace | Style::Extend);
                    if !into.declare(column, None, expr, replace) {
                        self.declared_twice(&name.text, name.span);
                    }
                } else if style != Style::Print {
                    into.add(prefixed(val, tuple), tuple.identity, expr, false, false);
                }
            }
            for name in names.iter().skip(columns.len()) {
                self.report(
                    "KS150",
                    name.span,
                    "The name does not have a corresponding expression.",
                );
            }
        } else if let [name] = names {
            let column = self.define_column(name, val.type_or_unknown(), list);
            let replace = val.is_column || matches!(style, Style::Replace | Style::Extend);
            if !into.declare(column, None, val.expr.clone(), replace) {
                self.declared_twice(&name.text, name.span);
            }
        } else if !val.ty.is_error() {
            self.report(
                "KS149",
                list,
                "The expression does not have multiple named values.",
            );
        }
    }

    fn project_plain(
        &mut self,
        val: &Val,
        e: &syntax::Expr,
        into: &mut Projection,
        style: Style,
        as_type: Option<Type>,
        position: usize,
    ) {
        // a column, or what is no more than a column
        if let (Some(i), Some(row)) = (val.same_as, &self.row) {
            let column = row.columns[i].clone();
            let name = column.name.clone();
            let ty = as_type.unwrap_or(column.ty);
            let column = Column { ty, ..column };
            let identity = as_type.is_none().then_some(i);
            if !into.declare(column, identity, val.expr.clone(), style == Style::Replace) {
                self.declared_twice(&name, e.span);
            }
            return;
        }
        if val.is_column
            && let Some(name) = &val.name
        {
            let column = Column::new(
                name.clone(),
                as_type.unwrap_or_else(|| val.type_or_unknown()),
            );
            if !into.declare(column, None, val.expr.clone(), style == Style::Replace) {
                self.declared_twice(name, e.span);
            }
            return;
        }
        if let Ty::Tuple(columns) = &val.ty
            && !(style == Style::Print && columns.len() == 1)
        {
            for (i, tuple) in columns.iter().enumerate() {
                into.add(
                    prefixed(val, tuple),
                    tuple.identity,
                    tuple_expr(val, columns, i),
                    false,
                    false,
                );
            }
            return;
        }
        let ty = as_type.unwrap_or_else(|| val.type_or_unknown());
        let expr = if val.ty.is_error() {
            unknown(e.span)
        } else {
            val.expr.clone()
        };
        let replace = matches!(style, Style::Replace | Style::Extend);
        if style == Style::Print {
            into.add(
                Column::new(format!("print_{position}"), ty),
                None,
                expr,
                false,
                false,
            );
            return;
        }
        let name = match &val.name {
            Some(name) if !name.is_empty() => name.clone(),
            _ => self.default_name(style == Style::Extend),
        };
        into.add(Column::new(name, ty), None, expr, false, replace);
    }

    /// `Column1`, `Column2`, ...: the first that nothing in sight is called.
    fn default_name(&mut self, with_row: bool) -> String {
        loop {
            let name = format!("Column{}", self.column_number);
            self.column_number += 1;
            let taken = (with_row && self.row.as_ref().is_some_and(|r| r.find(&name).is_some()))
                || self.local(&name).is_some()
                || self.schema.table(&name).is_some();
            if !taken {
                return name;
            }
        }
    }
}

/// A tuple's column as it is called outside.
fn prefixed(val: &Val, tuple: &TupleColumn) -> Column {
    match val.prefix {
        Some(prefix) => Column::new(format!("{prefix}_{}", tuple.column.name), tuple.column.ty),
        None => tuple.column.clone(),
    }
}

/// The call itself where it gives one column, else the argument of the column.
fn tuple_expr(val: &Val, columns: &[TupleColumn], i: usize) -> Expr {
    if columns.len() == 1 {
        val.expr.clone()
    } else if let ExprKind::Call { .. } = val.expr.kind {
        // A scalar function of several columns: the engine has it give an array of them.
        let at = |kind, ty| Expr {
            kind,
            ty,
            span: val.expr.span,
        };
        let place = at(ExprKind::Literal(Value::Long(i as i64)), Type::Long);
        let element = ExprKind::Index(Box::new(val.expr.clone()), Box::new(place));
        let element = at(element, Type::Dynamic);
        at(ExprKind::Convert(Box::new(element)), columns[i].column.ty)
    } else {
        columns[i].argument.clone()
    }
}

//! Columns being put together: names made unique, declared twice reported, replaced in place.

use std::collections::{BTreeMap, HashMap};

use super::{Binder, Reference, TupleColumn, Ty, Val, unknown};
use crate::kql::bound::{Column, Expr, ExprKind};
use crate::kql::columns::{Columns, NameIndex};
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

/// One column of the output that is not merely passed on.
#[derive(Clone, Debug)]
pub(super) struct Projected {
    pub(super) column: Column,
    /// The row's column it is, unchanged.
    pub(super) identity: Option<usize>,
    /// Its value; for a column of a tuple, the argument.
    pub(super) expr: Expr,
    /// The item it came from.
    pub(super) item: usize,
    /// Given under its own name: that name cannot be given again.
    declared: bool,
}

/// Collects the output columns of an operator.
#[derive(Debug, Default)]
pub(super) struct Projection {
    /// Columns of the row, passed on; they come first.
    base: Columns,
    /// Places of `base` that hold something else now.
    pub(super) replaced: BTreeMap<usize, Projected>,
    /// Columns of an open row that were named only now; they come after `base`.
    late: Vec<Column>,
    /// The others.
    pub(super) added: Vec<Projected>,
    index: NameIndex,
    /// The number to try next for a name that is taken.
    numbers: HashMap<String, u32>,
    /// Names declared that gave no column.
    absent: Vec<String>,
    /// Row columns not to be added (again).
    skip: Vec<usize>,
    item: usize,
}

/// Where a name stands in a projection.
#[derive(Clone, Copy)]
enum Spot {
    Base(usize),
    Added(usize),
}

impl Projection {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// All columns of the row, passed on.
    pub(super) fn over(base: Columns) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    /// Row columns already there are not added again.
    pub(super) fn skip_present(&mut self) {
        let present = self.added.iter().filter_map(|c| c.identity);
        self.skip.extend(present);
    }

    /// The column of this name, as it is now.
    fn column(&self, name: &str) -> Option<&Column> {
        Some(match self.find(name)? {
            Spot::Base(i) => self.replaced.get(&i).map_or(&self.base[i], |c| &c.column),
            Spot::Added(i) => &self.added[i].column,
        })
    }

    fn find(&self, name: &str) -> Option<Spot> {
        if let Some(i) = self.base.find(name) {
            return Some(Spot::Base(i));
        }
        let added = &self.added;
        self.index
            .find(name, |i| added[i].column.name.as_str())
            .map(Spot::Added)
    }

    fn unique(&mut self, name: String) -> String {
        if self.find(&name).is_none() {
            return name;
        }
        let mut number = self.numbers.get(&name).copied().unwrap_or(1);
        loop {
            let candidate = format!("{name}{number}");
            number += 1;
            if self.find(&candidate).is_none() {
                self.numbers.insert(name, number);
                return candidate;
            }
        }
    }

    /// Adds a column under a name made unique; true if it was added.
    pub(super) fn add(
        &mut self,
        column: Column,
        identity: Option<usize>,
        expr: Expr,
        replace: bool,
    ) -> bool {
        self.put(column, identity, expr, replace, false)
    }

    fn put(
        &mut self,
        column: Column,
        identity: Option<usize>,
        expr: Expr,
        replace: bool,
        declared: bool,
    ) -> bool {
        if column.name.is_empty() || identity.is_some_and(|i| self.skip.contains(&i)) {
            return false;
        }
        let mut projected = Projected {
            column,
            identity,
            expr,
            item: self.item,
            declared,
        };
        if replace && let Some(spot) = self.find(&projected.column.name) {
            match spot {
                Spot::Base(i) => {
                    projected.declared |= self.replaced.get(&i).is_some_and(|c| c.declared);
                    self.replaced.insert(i, projected);
                }
                Spot::Added(i) => {
                    projected.declared |= self.added[i].declared;
                    self.added[i] = projected;
                }
            }
            return true;
        }
        let name = std::mem::take(&mut projected.column.name);
        let length = name.len();
        projected.column.name = self.unique(name);
        projected.identity = identity.filter(|_| projected.column.name.len() == length);
        self.added.push(projected);
        let added = &self.added;
        self.index
            .insert(added.len() - 1, |i| added[i].column.name.as_str());
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
        let before = match self.find(&column.name) {
            Some(Spot::Base(i)) => self.replaced.get(&i).is_some_and(|c| c.declared),
            Some(Spot::Added(i)) => self.added[i].declared,
            None => false,
        };
        if before || self.absent.contains(&column.name) {
            return false;
        }
        let name = column.name.clone();
        if !self.put(column, identity, expr, replace, true) {
            self.absent.push(name);
        }
        true
    }

    /// Columns of an open row that were named only now come after those passed on.
    pub(super) fn pass_inferred(&mut self, now: &Columns) {
        for column in now.iter().skip(self.base.len()) {
            if self.find(&column.name).is_none() {
                self.late.push(column.clone());
            }
        }
    }

    /// Where the `i`th added column stands in the output.
    pub(super) fn place_of_added(&self, i: usize) -> usize {
        self.base.len() + self.late.len() + i
    }

    /// Everything that is not merely passed on, with its place in the output.
    pub(super) fn changes(&self) -> impl Iterator<Item = (usize, &Projected)> {
        let added = self.added.iter().enumerate();
        self.replaced
            .iter()
            .map(|(i, c)| (*i, c))
            .filter(|(i, c)| c.identity != Some(*i))
            .chain(added.map(|(i, c)| (self.place_of_added(i), c)))
    }

    /// The output columns, made in place where nobody else holds those of the row.
    pub(super) fn into_output(self) -> Columns {
        let mut columns = self.base;
        for (i, projected) in self.replaced {
            columns.set(i, projected.column);
        }
        for column in self.late {
            columns.push(column);
        }
        for projected in self.added {
            columns.push(projected.column);
        }
        columns
    }

    /// The output columns; those of the row itself where nothing changed.
    pub(super) fn output(&self) -> Columns {
        if self.replaced.is_empty() && self.late.is_empty() && self.added.is_empty() {
            return self.base.clone();
        }
        let mut list = Vec::with_capacity(self.place_of_added(self.added.len()));
        list.extend_from_slice(&self.base);
        for (i, projected) in &self.replaced {
            list[*i] = projected.column.clone();
        }
        list.extend_from_slice(&self.late);
        list.extend(self.added.iter().map(|c| c.column.clone()));
        list.into()
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
        self.project_typed(e, into, style, |_| as_type, position)
    }

    /// The same where the value says what type its column has: it is bound once, whatever nests in it.
    pub(super) fn project_typed(
        &mut self,
        e: &syntax::Expr,
        into: &mut Projection,
        style: Style,
        as_type: impl Fn(&Val) -> Option<Type>,
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
                self.check_scalar(&val, e.span);
                self.refer(name.span, Reference::Column);
                let ty = as_type(&val);
                self.project_named(&val, name, value.span, into, style, ty);
                val
            }
            S::NamedList { names, list, value } => {
                let val = self.expr(value, false);
                self.check_scalar(&val, e.span);
                for name in names {
                    self.refer(name.span, Reference::Column);
                }
                self.project_names(&val, names, *list, into, style);
                val
            }
            S::Star => {
                let columns = self.row_columns();
                for (i, column) in columns.iter().enumerate() {
                    into.add(column.clone(), Some(i), column_expr(i, column), true);
                }
                Val::error(e.span)
            }
            _ => {
                let noted = self.noted();
                let first = into.added.len();
                let replaced = into.replaced.len();
                let val = self.expr(e, false);
                self.check_scalar(&val, e.span);
                let ty = as_type(&val);
                self.project_plain(&val, e, into, style, ty, position);
                for (part, added) in into.added.iter_mut().skip(first).enumerate() {
                    self.make_up(&mut added.column, e.span, part, noted);
                }
                if into.replaced.len() > replaced {
                    for column in into.replaced.values_mut().filter(|c| c.item == position) {
                        self.make_up(&mut column.column, e.span, 0, noted);
                    }
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
    pub(super) fn row_columns(&self) -> Columns {
        match &self.row {
            Some(row) if self.spent() => row.columns.clone(),
            Some(row) => row.all(),
            None => Columns::default(),
        }
    }

    pub(super) fn declared_twice(&mut self, name: &str, span: Span) {
        self.report(
            "KS171",
            span,
            format!("The column '{name}' is given twice."),
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
                into.add(column, tuple.identity, tuple_expr(val, columns, i), false);
            }
            return;
        }
        let ty = as_type.unwrap_or_else(|| val.type_or_unknown());
        let column = self.define_column(name, ty, value);
        let replace = val.is_column || matches!(style, Style::Replace | Style::Extend);
        if replace
            && let Some(before) = into.column(&name.text)
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
                    into.add(prefixed(val, tuple), tuple.identity, expr, false);
                }
            }
            for name in names.iter().skip(columns.len()) {
                self.report("KS150", name.span, "There are more names than values.");
            }
        } else if let [name] = names {
            let column = self.define_column(name, val.type_or_unknown(), list);
            let replace = val.is_column || matches!(style, Style::Replace | Style::Extend);
            if !into.declare(column, None, val.expr.clone(), replace) {
                self.declared_twice(&name.text, name.span);
            }
        } else {
            self.report(
                "KS149",
                list,
                "Only calls that give several values can be given several names.",
            );
        }
    }

    pub(super) fn project_plain(
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
            let replace = style == Style::Replace || !into.base.is_empty();
            if !into.declare(column, identity, val.expr.clone(), replace) {
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
            );
            return;
        }
        let name = match &val.name {
            Some(name) if !name.is_empty() => name.clone(),
            _ => self.default_name(style == Style::Extend),
        };
        into.add(Column::new(name, ty), None, expr, replace);
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

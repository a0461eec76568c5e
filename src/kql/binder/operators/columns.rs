//! Operators that choose, name and group columns.

use std::collections::HashSet;

use crate::kql::binder::Binder;
use crate::kql::binder::Reference;
use crate::kql::binder::Scope;
use crate::kql::binder::Table;
use crate::kql::binder::Ty;
use crate::kql::binder::Val;
use crate::kql::binder::projection::Projected;
use crate::kql::binder::projection::Projection;
use crate::kql::binder::projection::Style;
use crate::kql::binder::projection::column_expr;
use crate::kql::bound::AggregateItem;
use crate::kql::bound::Column;
use crate::kql::bound::ColumnSetter;
use crate::kql::bound::Expr;
use crate::kql::bound::ExprKind;
use crate::kql::bound::OpKind;
use crate::kql::bound::TopNestedLevel;
use crate::kql::columns::Columns;
use crate::kql::syntax;
use crate::kql::syntax::ExprKind as S;
use crate::kql::syntax::NameForm;
use crate::kql::syntax::Span;
use crate::kql::types::Value;

impl Binder<'_> {
    pub(super) fn extend(
        &mut self,
        mut table: Table,
        list: &[syntax::Expr],
        style: Style,
        span: Span,
        make: impl Fn(Vec<ColumnSetter>) -> OpKind,
    ) -> Option<Table> {
        let mut into = Projection::over(self.row_columns());
        for (i, e) in list.iter().enumerate() {
            self.project(e, &mut into, style, None, i);
        }
        into.pass_inferred(&self.row_columns());
        let open = table.open();
        let setters = setters(&into);
        let columns = if self.spent() {
            // nobody but the last operator keeps its columns now
            self.row = None;
            match table.rel.ops.last_mut() {
                Some(op) => op.columns = Columns::default(),
                None => table.rel.source_columns = Columns::default(),
            }
            into.into_output()
        } else {
            into.output()
        };
        self.shape(table, make(setters), columns, open, span)
    }

    pub(super) fn pick(
        &mut self,
        table: Table,
        list: &[syntax::Expr],
        keep: bool,
        span: Span,
    ) -> Option<Table> {
        let mut picked: Vec<usize> = Vec::new();
        for e in list {
            self.pick_columns(e, &mut picked);
        }
        let columns = self.row_columns();
        let mut is_picked = vec![false; columns.len()];
        for i in picked {
            if let Some(place) = is_picked.get_mut(i) {
                *place = true;
            }
        }
        if self.spent() {
            return self.left_open(table, span);
        }
        let chosen: Vec<usize> = (0..columns.len())
            .filter(|i| is_picked[*i] == keep)
            .collect();
        let open = table.open();
        let exprs = chosen
            .iter()
            .map(|&i| column_expr(i, &columns[i]))
            .collect();
        let out: Columns = chosen.iter().map(|&i| columns[i].clone()).collect();
        self.shape(
            table,
            OpKind::Project {
                exprs,
                rest: open && !keep,
            },
            out,
            open,
            span,
        )
    }

    /// Ordinals an entry of `project-away` and its kin names.
    pub(super) fn pick_columns(&mut self, e: &syntax::Expr, picked: &mut Vec<usize>) {
        if let S::Name(name) = &e.kind
            && name.form == NameForm::Wildcard
        {
            let found: Vec<usize> = self
                .row
                .iter()
                .flat_map(|r| matching(&name.text, &r.columns))
                .collect();
            self.refer(e.span, Reference::Column);
            if found.is_empty() && !self.row.as_ref().is_some_and(|r| r.open) {
                self.report("KS109", e.span, "The name of a column is expected here.");
                let message = format!("There is no column like '{}' here.", name.text);
                self.report("KS142", e.span, message);
            }
            picked.extend(found);
            return;
        }
        let val = self.expr(e, false);
        if let Some(i) = val.column {
            picked.push(i);
        } else if !val.is_column && !matches!(e.kind, S::Missing) {
            self.report("KS109", e.span, "The name of a column is expected here.");
        }
    }

    /// Columns named by names, texts and patterns.
    /// The columns that names, patterns and constant lists of them stand for, and the operator that
    /// keeps them; names of columns that are not there are passed over.
    pub(super) fn by_names(&mut self, list: &[syntax::Expr], open: bool) -> (Columns, OpKind) {
        let mut columns = Columns::default();
        let mut exprs = Vec::new();
        let mut known = !open;
        for e in list {
            let val = self.expr(e, false);
            let Some(row) = &self.row else { continue };
            let found = match constant_names(&val.expr) {
                _ if val.column.is_some() => val.column.into_iter().collect(),
                Some(names) => names
                    .iter()
                    .flat_map(|name| matching(name, &row.columns))
                    .collect(),
                None => {
                    known = false;
                    Vec::new()
                }
            };
            for i in found {
                let column = &row.columns[i];
                if !columns.has(&column.name) {
                    exprs.push(column_expr(i, column));
                    columns.push(column.clone());
                }
            }
        }
        let kind = if known {
            OpKind::Project { exprs, rest: false }
        } else {
            OpKind::Unsupported {
                what: "'project-by-names' of names that only the running query shows".to_owned(),
            }
        };
        (columns, kind)
    }

    pub(super) fn rename(
        &mut self,
        table: Table,
        list: &[syntax::Expr],
        span: Span,
    ) -> Option<Table> {
        let before = self.row_columns();
        let mut columns = if self.spent() {
            Vec::new()
        } else {
            before.to_vec()
        };
        let mut taken: HashSet<&str> = HashSet::new();
        for e in list {
            let S::Named { name, value } = &e.kind else {
                self.expr(e, false);
                if !matches!(e.kind, S::Missing) {
                    self.report("KS110", e.span, "A new name is expected here: New = Old.");
                }
                continue;
            };
            let val = self.expr(value, false);
            self.refer(name.span, Reference::Column);
            let renamed = self.define_column(name, val.type_or_unknown(), value.span);
            let Some(i) = val.column else {
                if !val.is_column {
                    self.report(
                        "KS109",
                        value.span,
                        "The name of a column is expected here.",
                    );
                }
                continue;
            };
            if before.has(&name.text) || !taken.insert(&name.text) {
                let message = format!("The column '{}' is given twice.", name.text);
                self.report("KS171", name.span, message);
            } else if let Some(column) = columns.get_mut(i) {
                column.name.clone_from(&name.text);
                column.origin = renamed.origin;
            }
        }
        if self.spent() {
            return self.left_open(table, span);
        }
        let open = table.open();
        let exprs = columns
            .iter()
            .enumerate()
            .map(|(i, c)| column_expr(i, c))
            .collect();
        self.shape(
            table,
            OpKind::Project { exprs, rest: open },
            columns,
            open,
            span,
        )
    }

    pub(super) fn reorder(
        &mut self,
        table: Table,
        list: &[syntax::Expr],
        span: Span,
    ) -> Option<Table> {
        let mut order: Vec<usize> = Vec::new();
        let mut placed: HashSet<usize> = HashSet::new();
        let mut named: HashSet<usize> = HashSet::new();
        for e in list {
            let (value, direction) = match &e.kind {
                S::Ordered {
                    value, direction, ..
                } => (&**value, *direction),
                _ => (e, None),
            };
            let mut found = Vec::new();
            if let S::Name(name) = &value.kind
                && name.form == NameForm::Wildcard
            {
                self.refer(value.span, Reference::Column);
                let columns = self
                    .row
                    .as_ref()
                    .map(|r| r.columns.clone())
                    .unwrap_or_default();
                found = matching(&name.text, &columns);
                if found.is_empty() && !self.row.as_ref().is_some_and(|r| r.open) {
                    let message = format!("There is no column like '{}' here.", name.text);
                    self.report("KS142", value.span, message);
                }
                if let Some(i) = found.iter().find(|i| named.contains(i)) {
                    self.declared_twice(&columns[*i].name, value.span);
                }
                let key = |i: &usize| columns[*i].name.to_lowercase();
                match direction {
                    Some("asc") => found.sort_by_key(key),
                    Some("desc") => found.sort_by_key(|i| std::cmp::Reverse(key(i))),
                    Some("granny-asc") => found.sort_by_key(|i| natural(&columns[*i].name)),
                    Some("granny-desc") => {
                        found.sort_by_key(|i| std::cmp::Reverse(natural(&columns[*i].name)));
                    }
                    _ => {}
                }
            } else {
                let val = self.expr(value, false);
                found.extend(val.column);
                if let ExprKind::OpenColumn(name) = &val.expr.kind {
                    found.extend(self.row_columns().find(name));
                }
                if let Some(i) = found.first()
                    && !named.insert(*i)
                    && let Some(name) = val.name
                {
                    self.declared_twice(&name, value.span);
                }
            }
            for i in found {
                if placed.insert(i) {
                    order.push(i);
                }
            }
        }
        if self.spent() {
            return self.left_open(table, span);
        }
        let columns = self.row_columns();
        order.extend((0..columns.len()).filter(|i| !placed.contains(i)));
        let open = table.open();
        let known = table.columns().len();
        let exprs = order
            .iter()
            .map(|&i| {
                let mut e = column_expr(i, &columns[i]);
                if i >= known {
                    // It was named, but only the running query shows it.
                    e.kind = ExprKind::OpenColumn(columns[i].name.clone());
                }
                e
            })
            .collect();
        let out: Columns = order.iter().map(|&i| columns[i].clone()).collect();
        self.shape(
            table,
            OpKind::Project { exprs, rest: open },
            out,
            open,
            span,
        )
    }

    pub(super) fn summarize(
        &mut self,
        table: Table,
        aggregates: &[syntax::Expr],
        by: Option<&[syntax::Expr]>,
        span: Span,
    ) -> Option<Table> {
        let mut into = Projection::new();
        let mut fine = true;
        for (i, e) in by.unwrap_or_default().iter().enumerate() {
            let val = self.project(e, &mut into, Style::Default, None, i);
            fine = fine && self.not_dynamic(&val, e.span);
        }
        let keys = into.added.len();
        into.skip_present();
        self.group_columns = into.added.iter().filter_map(|c| c.identity).collect();
        self.scope = Scope::Aggregate;
        let mut vals = Vec::new();
        for (i, e) in aggregates.iter().enumerate() {
            vals.push(self.project(e, &mut into, Style::Summarize, None, keys + i));
        }
        self.scope = Scope::Normal;
        self.group_columns.clear();
        let by = into.added[..keys].iter().map(|c| c.expr.clone()).collect();
        let items = aggregate_items(&into.added[keys..], &vals, keys);
        let open = table.open();
        self.shape(
            table,
            OpKind::Summarize {
                by,
                aggregates: items,
            },
            into.output(),
            open,
            span,
        )
    }

    /// A column of `top-nested`, with where its name comes from: the author or the language.
    fn level_column(&mut self, mut column: Column, e: &syntax::Expr, noted: usize) -> Column {
        let inner = match &e.kind {
            S::Ordered { value, .. } => &**value,
            _ => e,
        };
        match &inner.kind {
            S::Named { name, value } => self.define_column(name, column.ty, value.span),
            _ => {
                self.make_up(&mut column, inner.span, 0, noted);
                column
            }
        }
    }

    pub(super) fn top_nested(
        &mut self,
        table: Table,
        levels: &[syntax::TopNestedSyntax],
        span: Span,
    ) -> Option<Table> {
        let mut columns: Vec<Column> = Vec::new();
        let mut bound = Vec::new();
        for level in levels {
            let count = level.count.as_ref().map(|c| self.integer(c));
            let noted = self.noted();
            let of = self.scalar_expr(&level.of);
            let others = level.others.as_ref().map(|e| self.scalar_expr(e).expr);
            self.scope = Scope::Aggregate;
            let (key, by) = self.sort_key(&level.by);
            self.scope = Scope::Normal;
            let of_name = named(&level.of)
                .or_else(|| of.name.clone())
                .unwrap_or_default();
            let origin = self.origin_of(&of);
            let column = Column::new(of_name.clone(), of.type_or_unknown()).from(origin);
            columns.push(self.level_column(column, &level.of, noted));
            let by_name = named(&level.by).unwrap_or_else(|| format!("aggregated_{of_name}"));
            let column = Column::new(by_name, by.type_or_unknown());
            columns.push(self.level_column(column, &level.by, noted));
            let ascending = !key.descending;
            bound.push(TopNestedLevel {
                count,
                of: of.expr,
                others,
                by: by.expr,
                ascending,
            });
        }
        crate::kql::binder::tables::make_unique(&mut columns);
        let open = table.open();
        self.shape(table, OpKind::TopNested(bound), columns, open, span)
    }
}

/// Everything that is not merely passed on.
pub(super) fn setters(into: &Projection) -> Vec<ColumnSetter> {
    into.changes()
        .map(|(index, c)| ColumnSetter {
            index,
            expr: c.expr.clone(),
        })
        .collect()
}

/// Columns of `summarize` after its keys, grouped by the item they came from.
pub(super) fn aggregate_items(
    columns: &[Projected],
    vals: &[Val],
    first_item: usize,
) -> Vec<AggregateItem> {
    let mut items: Vec<AggregateItem> = Vec::new();
    let mut at = 0;
    while at < columns.len() {
        let item = columns[at].item;
        let width = columns[at..].iter().take_while(|c| c.item == item).count();
        let group = &columns[at..at + width];
        at += width;
        let val = item.checked_sub(first_item).and_then(|i| vals.get(i));
        let call = val.and_then(|v| match (&v.ty, &v.expr.kind) {
            (Ty::Tuple(tuple), ExprKind::Aggregate { function, args }) if tuple.len() > 1 => {
                Some((function, args))
            }
            _ => None,
        });
        let Some((function, args)) = call else {
            items.extend(group.iter().map(|c| AggregateItem::One(c.expr.clone())));
            continue;
        };
        let lead = match function.as_str() {
            "percentiles" => 1,
            "percentilesw" => 2,
            _ => 0,
        };
        let mut list: Vec<Expr> = args.iter().take(lead).cloned().collect();
        list.extend(group.iter().map(|c| c.expr.clone()));
        items.push(AggregateItem::Many {
            function: function.clone(),
            args: list,
            width,
        });
    }
    items
}

/// The name given to an expression where it stands.
pub(super) fn named(e: &syntax::Expr) -> Option<String> {
    match &e.kind {
        S::Named { name, .. } => Some(name.text.clone()),
        S::Ordered { value, .. } => named(value),
        _ => None,
    }
}

/// Ordinals of columns a pattern with stars fits.
pub(in crate::kql::binder) fn matching(pattern: &str, columns: &[Column]) -> Vec<usize> {
    columns
        .iter()
        .enumerate()
        .filter(|(_, c)| fits(pattern, &c.name))
        .map(|(i, _)| i)
        .collect()
}

/// `*` is any text.
pub(in crate::kql::binder) fn fits(pattern: &str, text: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = &parts[..] else {
        return pattern == text;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A name cut into texts and numbers, for the order people expect.
pub(super) fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut number = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_digit() {
            number.push(c);
        } else {
            if !number.is_empty() {
                parts.push((
                    number.parse().unwrap_or(u64::MAX),
                    std::mem::take(&mut text),
                ));
                number.clear();
            }
            text.push(c);
        }
    }
    parts.push((number.parse().unwrap_or(0), text));
    parts
}

/// The names a constant text or a constant array of texts gives.
fn constant_names(e: &Expr) -> Option<Vec<String>> {
    match &e.kind {
        ExprKind::Literal(Value::String(name)) => Some(vec![name.clone()]),
        ExprKind::Literal(Value::Dynamic(text)) => text_array(text),
        ExprKind::Convert(inner) => constant_names(inner),
        _ => None,
    }
}

/// The texts of an array that holds nothing else; one with escapes is not read.
fn text_array(json: &str) -> Option<Vec<String>> {
    let mut rest = json.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (text, left) = rest[1..].split_once(quote)?;
        if text.contains('\\') {
            return None;
        }
        out.push(text.to_owned());
        rest = left.trim_start();
        if let Some(more) = rest.strip_prefix(',') {
            rest = more.trim_start();
        } else if !rest.is_empty() {
            return None;
        }
    }
    Some(out)
}

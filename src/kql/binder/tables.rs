//! Tables from text and from several tables: datatable, externaldata, union, join, lookup, search, find.

use std::collections::{HashMap, HashSet};

use super::operators::columns::fits;
use super::values::{Conversion, assignable};
use super::{Binder, Reference, Row, Table, Ty, Val};
use crate::kql::bound::{
    BinaryOp, Column, Expr, ExprKind, JoinKey, JoinKind, OpKind, Source, TextTest, Union, UnionLeg,
};
use crate::kql::syntax::{
    self, BinaryToken, ExprKind as S, JoinOn, NameForm, Operator, Parameter, ParameterValue, Span,
    Step,
};
use crate::kql::types::{Type, Value};

/// Numbers names that repeat; a name that stands further on is never taken for it, so
/// `c, c, c1` gives `c, c2, c1`.
pub(super) fn make_unique(columns: &mut [Column]) {
    let mut names: HashSet<String> = columns.iter().map(|c| c.name.clone()).collect();
    let mut seen: HashSet<String> = HashSet::new();
    for column in columns {
        if seen.insert(column.name.clone()) {
            continue;
        }
        for n in 1.. {
            let name = format!("{}{n}", column.name);
            if names.insert(name.clone()) {
                column.name = name;
                break;
            }
        }
    }
}

/// `isfuzzy=true`
pub(super) fn fuzzy(op: &Operator) -> bool {
    op.parameters.iter().any(|p| {
        matches!(
            p.name.text.as_str(),
            "isfuzzy" | "__isFuzzy" | "best_effort"
        ) && matches!(&p.value, ParameterValue::Expr(e) if e.span.end - e.span.start == 4)
    })
}

impl Binder<'_> {
    pub(super) fn datatable(
        &mut self,
        columns: &[syntax::ColumnDeclaration],
        values: &[syntax::Expr],
        list: Span,
        span: Span,
    ) -> Val {
        let columns = self.declared_columns(columns);
        let mut cells = Vec::new();
        for value in values {
            let val = self.scalar_expr(value);
            cells.push(val.expr);
        }
        let width = columns.len();
        if width > 0 && !cells.len().is_multiple_of(width) {
            let place = values
                .first()
                .zip(values.last())
                .map_or(list, |(a, b)| a.span.to(b.span));
            let message = format!(
                "Incorrect number of data values. The values should appear in multiples of {width}."
            );
            self.report("KS173", place, message);
        }
        let mut rows = Vec::new();
        if width > 0 {
            for row in cells.chunks(width) {
                rows.push(
                    row.iter()
                        .zip(&columns)
                        .map(|(e, c)| super::values::convert(e.clone(), c.ty))
                        .collect(),
                );
            }
        }
        let table = Self::source(Source::Datatable(rows), columns, false, span, None);
        Self::table_val(table, span)
    }

    pub(super) fn external_data(
        &mut self,
        columns: &[syntax::ColumnDeclaration],
        uris: &[syntax::Expr],
        properties: &[Parameter],
        span: Span,
    ) -> Val {
        let columns = self.declared_columns(columns);
        let mut list = Vec::new();
        for uri in uris {
            let val = self.expr(uri, false);
            list.push(
                super::constant_text(&val.expr)
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
        let options = properties
            .iter()
            .map(|p| {
                let value = match &p.value {
                    ParameterValue::Expr(e) => e.span.text(self.text).to_owned(),
                    ParameterValue::Word(s) => s.text(self.text).to_owned(),
                    _ => String::new(),
                };
                (p.name.text.clone(), value)
            })
            .collect();
        let source = Source::ExternalData {
            uris: list,
            options,
        };
        Self::table_val(Self::source(source, columns, false, span, None), span)
    }

    // ---- union

    /// The tables an operand stands for: one, or many for `Device*`.
    fn operand_tables(&mut self, e: &syntax::Expr) -> Vec<Table> {
        if let S::Name(name) = &e.kind
            && name.form == NameForm::Wildcard
        {
            self.refer(e.span, Reference::Table);
            let mut found: Vec<Table> = self
                .schema
                .tables()
                .iter()
                .filter(|t| fits(&name.text, &t.name))
                .map(|t| {
                    let source = Source::Table {
                        name: t.name.clone(),
                    };
                    Self::source(
                        source,
                        t.columns.clone(),
                        false,
                        e.span,
                        Some(t.name.clone()),
                    )
                })
                .collect();
            let views: Vec<std::rc::Rc<super::UserFunction>> = self
                .locals
                .iter()
                .filter(|(n, _)| fits(&name.text, n))
                .filter_map(|(_, l)| match &**l {
                    super::Local::Function(f) if f.declaration.view => Some(std::rc::Rc::clone(f)),
                    _ => None,
                })
                .collect();
            for view in views {
                if let Ty::Table(t) = self.expand(&view, Vec::new(), e.span).ty {
                    found.push(*t);
                }
            }
            if found.is_empty() {
                let message = format!(
                    "The name '{}' does not refer to any known table.",
                    name.text
                );
                self.report("KS142", e.span, message);
            }
            return found;
        }
        if let S::Path { base, steps } = &e.kind
            && let Some(Step::Wildcard(name)) = steps.last()
        {
            self.expr(base, false);
            let source = Source::Unsupported {
                what: format!("tables '{}' of another service", name.text),
            };
            return vec![Self::source(source, Vec::new(), true, e.span, None)];
        }
        let val = self.expr(e, true);
        self.table_of(val, e.span).into_iter().collect()
    }

    /// Columns of several tables laid over each other by name and type; a name with several types gives
    /// one column a type, called `name_type`. As the official language service has it, a name whose
    /// first two columns agree keeps their type whatever comes later.
    fn unify(
        tables: &[(Vec<Column>, bool)],
        by_type: bool,
    ) -> (Vec<Column>, Vec<Vec<Option<usize>>>) {
        let mut order: Vec<&str> = Vec::new();
        // types of a name, and whether they are settled
        let mut types: HashMap<&str, (Vec<Type>, bool)> = HashMap::new();
        for (columns, _) in tables {
            for column in columns {
                let Some((known, settled)) = types.get_mut(column.name.as_str()) else {
                    order.push(&column.name);
                    types.insert(&column.name, (vec![column.ty], !by_type));
                    continue;
                };
                if *settled {
                    continue;
                }
                if !known.contains(&column.ty) {
                    known.push(column.ty);
                } else if known.len() == 1 {
                    *settled = true;
                }
            }
        }
        let mut out: Vec<Column> = Vec::new();
        let mut source: Vec<(&str, Option<Type>)> = Vec::new();
        for name in order {
            let kinds = &types[name].0;
            if kinds.len() == 1 {
                out.push(Column::new(name, kinds[0]));
                source.push((name, None));
            } else {
                for ty in kinds {
                    out.push(Column::new(format!("{name}_{ty}"), *ty));
                    source.push((name, Some(*ty)));
                }
            }
        }
        make_unique(&mut out);
        let mapping = tables
            .iter()
            .map(|(columns, _)| {
                source
                    .iter()
                    .map(|(name, ty)| {
                        columns
                            .iter()
                            .position(|c| c.name == *name && ty.is_none_or(|t| t == c.ty))
                    })
                    .collect()
            })
            .collect();
        (out, mapping)
    }

    pub(super) fn union(
        &mut self,
        input: Option<Table>,
        op: &Operator,
        list: &[syntax::Expr],
        span: Span,
    ) -> Option<Table> {
        self.check_parameters(op, &[]);
        self.check_word(op, "kind", &["inner", "outer"]);
        let row = self.row.take();
        let fuzzy_before = self.fuzzy;
        let is_fuzzy = fuzzy(op);
        self.fuzzy |= is_fuzzy;
        let mut legs: Vec<Table> = Vec::new();
        for e in list {
            legs.extend(self.operand_tables(e));
        }
        self.fuzzy = fuzzy_before;
        self.row = row;
        legs.retain(|t| !is_fuzzy_gap(t) || t.open());
        let with_source = ["withsource", "with_source"]
            .iter()
            .find_map(|n| self.parameter_word(op, n));
        let inner = self
            .parameter_word(op, "kind")
            .is_some_and(|(w, _)| w == "inner");
        let mut shapes: Vec<(Vec<Column>, bool)> = Vec::new();
        if let Some(table) = &input {
            shapes.push((table.columns().to_vec(), table.open()));
        }
        shapes.extend(legs.iter().map(|t| (t.columns().to_vec(), t.open())));
        let (mut columns, mut mapping) = Self::unify(&shapes, true);
        if inner {
            let keep: Vec<bool> = (0..columns.len())
                .map(|i| mapping.iter().all(|m| m[i].is_some()))
                .collect();
            // the service's own view of the result keeps all columns; rows hold only the shared ones
            if keep.iter().any(|k| *k) {
                let mut k = keep.iter();
                columns.retain(|_| *k.next().unwrap_or(&true));
                for m in &mut mapping {
                    let mut k = keep.iter();
                    m.retain(|_| *k.next().unwrap_or(&true));
                }
            }
        }
        let open = shapes.iter().any(|(_, open)| *open);
        if let Some((name, place)) = &with_source {
            self.refer(*place, Reference::Column);
            columns.insert(0, Column::new(name.clone(), Type::String));
        }
        let mut union_legs: Vec<UnionLeg> = Vec::new();
        let mut mapping = mapping.into_iter();
        let mut number = 0;
        let mut leg_name = |name: &Option<String>| {
            let given = name.clone().unwrap_or_else(|| format!("union_arg{number}"));
            number += 1;
            given
        };
        if let Some(table) = &input {
            let name = leg_name(&table.name);
            union_legs.push(UnionLeg {
                rel: None,
                name,
                mapping: mapping.next().unwrap_or_default(),
            });
        }
        for leg in legs {
            if is_fuzzy_gap(&leg) {
                mapping.next();
                continue;
            }
            let name = leg_name(&leg.name);
            union_legs.push(UnionLeg {
                rel: Some(leg.rel),
                name,
                mapping: mapping.next().unwrap_or_default(),
            });
        }
        let union = Union {
            inner,
            fuzzy: is_fuzzy,
            with_source: with_source.is_some(),
            legs: union_legs,
        };
        match input {
            Some(table) => self.shape(table, OpKind::Union(union), columns, open, span),
            None => Some(Self::source(
                Source::Union(union),
                columns,
                open,
                span,
                None,
            )),
        }
    }

    /// A parameter whose value is one of some words.
    fn check_word(&mut self, op: &Operator, name: &str, words: &[&str]) {
        if let Some((word, span)) = self.parameter_word(op, name)
            && !words.contains(&word.as_str())
        {
            self.report(
                "KS005",
                span,
                format!("Expected one of: {}", words.join(", ")),
            );
        }
    }

    // ---- join

    pub(super) fn join(
        &mut self,
        left: Table,
        op: &Operator,
        right: &syntax::Expr,
        on: &JoinOn,
        span: Span,
    ) -> Option<Table> {
        let kinds = [
            "inner",
            "fullouter",
            "innerunique",
            "leftanti",
            "leftantisemi",
            "anti",
            "leftouter",
            "leftsemi",
            "rightanti",
            "rightantisemi",
            "rightouter",
            "rightsemi",
        ];
        self.check_parameters(op, &[]);
        self.check_word(op, "kind", &kinds);
        let row = self.row.take();
        let val = self.expr(right, true);
        self.row = row;
        let right_table = self.table_of(val, right.span);
        self.right = Some(right_table.as_ref().map_or_else(Row::default, |t| Row {
            columns: t.columns().to_vec(),
            open: t.open(),
            inferred: Vec::new(),
        }));
        let keys = match on {
            JoinOn::On(list) => self.join_keys(list),
            JoinOn::Where(e) => {
                let val = self.expr(e, false);
                self.check_type(&val, Type::Bool, Conversion::None, e.span);
                Vec::new()
            }
            JoinOn::Missing => {
                self.report("KS006", span, "Missing join on condition clause");
                Vec::new()
            }
        };
        let right_row = self.right.take();
        let kind = match self.parameter_word(op, "kind").map(|(w, _)| w).as_deref() {
            Some("inner") => JoinKind::Inner,
            Some("leftouter") => JoinKind::LeftOuter,
            Some("rightouter") => JoinKind::RightOuter,
            Some("fullouter") => JoinKind::FullOuter,
            Some("leftanti" | "leftantisemi" | "anti") => JoinKind::LeftAnti,
            Some("leftsemi") => JoinKind::LeftSemi,
            Some("rightanti" | "rightantisemi") => JoinKind::RightAnti,
            Some("rightsemi") => JoinKind::RightSemi,
            _ => JoinKind::InnerUnique,
        };
        let mut columns = Vec::new();
        let mut open = false;
        if !matches!(kind, JoinKind::RightAnti | JoinKind::RightSemi) {
            columns.extend(self.row_columns());
            open |= left.open();
        }
        if !matches!(kind, JoinKind::LeftAnti | JoinKind::LeftSemi) {
            columns.extend(
                right_row
                    .iter()
                    .flat_map(|r| r.columns.iter().chain(&r.inferred).cloned()),
            );
            open |= right_table.as_ref().is_some_and(Table::open);
        }
        make_unique(&mut columns);
        let kind = match right_table {
            Some(right) if !matches!(on, JoinOn::Where(_)) => OpKind::Join {
                kind,
                right: right.rel,
                on: keys,
            },
            _ => OpKind::Unsupported {
                what: "a join without equalities".to_owned(),
            },
        };
        self.shape(left, kind, columns, open, span)
    }

    fn join_keys(&mut self, list: &[syntax::Expr]) -> Vec<JoinKey> {
        let mut keys = Vec::new();
        for e in list {
            self.join_key(e, &mut keys);
        }
        keys
    }

    fn join_key(&mut self, e: &syntax::Expr, keys: &mut Vec<JoinKey>) {
        let mut e = e;
        while let S::Paren(inner) = &e.kind {
            e = inner;
        }
        match &e.kind {
            S::Name(name) if !name.is_missing() => self.common_key(name, keys),
            S::Chain { first, rest } if rest[0].0 == BinaryToken::And => {
                self.join_key(first, keys);
                for (_, _, term) in rest {
                    self.join_key(term, keys);
                }
            }
            S::Chain { first, rest } if rest.len() == 1 && rest[0].0 == BinaryToken::Equal => {
                let (left, right) = (&**first, &rest[0].2);
                let left_val = self.expr(left, false);
                let right_val = self.expr(right, false);
                let fine = self.key_operand(left, &left_val, "$left")
                    & self.key_operand(right, &right_val, "$right");
                if !fine {
                    return;
                }
                let (l, r) = (left_val.type_or_unknown(), right_val.type_or_unknown());
                if l == Type::Dynamic {
                    self.report("KS241", left.span, "Join keys cannot be dynamic");
                } else if r == Type::Dynamic {
                    self.report("KS241", right.span, "Join keys cannot be dynamic");
                } else if !Self::comparable(l, r) {
                    let message = format!("Inconsistent data types for join keys: ({l}, {r})");
                    self.report("KS242", e.span, message);
                }
                keys.push(JoinKey {
                    left: left_val.expr,
                    right: right_val.expr,
                });
            }
            S::Missing => {}
            _ => {
                self.expr(e, false);
                let message = "The join condition must be either the name of a column common to both tables or in \
                               the form $left.<column> == $right.<column>.";
                self.report("KS182", e.span, message);
            }
        }
    }

    fn key_operand(&mut self, e: &syntax::Expr, val: &Val, side: &str) -> bool {
        let mut e = e;
        while let S::Paren(inner) = &e.kind {
            e = inner;
        }
        let on_side = matches!(&e.kind, S::Path { base, .. }
            if matches!(&base.kind, S::Name(name) if name.text == side));
        if !on_side {
            if !matches!(e.kind, S::Missing) {
                let message = format!("The join condition operand must be: {side}.<column>");
                self.report("KS183", e.span, message);
            }
            return false;
        }
        if !val.is_column {
            if !val.ty.is_error() {
                self.report("KS109", e.span, "Column name expected.");
            }
            return false;
        }
        true
    }

    /// `on Name`: a column of both sides.
    fn common_key(&mut self, name: &syntax::Name, keys: &mut Vec<JoinKey>) {
        let side = |row: &mut Option<Row>| -> Option<(ExprKind, Type)> {
            let row = row.as_mut()?;
            if let Some(i) = row.find(&name.text) {
                return Some((ExprKind::Column(i), row.columns[i].ty));
            }
            row.open.then(|| {
                if !row.inferred.iter().any(|c| c.name == name.text) {
                    row.inferred
                        .push(Column::new(name.text.clone(), Type::Unknown));
                }
                (ExprKind::OpenColumn(name.text.clone()), Type::Unknown)
            })
        };
        let left = side(&mut self.row);
        let right = side(&mut self.right);
        match (left, right) {
            (Some((left, l)), Some((right, r))) => {
                self.refer(name.span, Reference::Column);
                if !assignable(l, r, Conversion::None) {
                    let message = format!(
                        "The common column '{}' must have the same type on both sides of the join.",
                        name.text
                    );
                    self.report("KS227", name.span, message);
                    return;
                }
                keys.push(JoinKey {
                    left: Expr {
                        kind: left,
                        ty: l,
                        span: name.span,
                    },
                    right: Expr {
                        kind: right,
                        ty: r,
                        span: name.span,
                    },
                });
            }
            (None, None) => {
                let val = self.name(name, false);
                if !val.ty.is_error() && !val.is_column {
                    self.report("KS109", name.span, "Column name expected.");
                }
            }
            _ => {
                self.refer(name.span, Reference::Column);
                let message = format!(
                    "The column '{}' must exist on both sides of the join.",
                    name.text
                );
                self.report("KS145", name.span, message);
            }
        }
    }

    pub(super) fn lookup(
        &mut self,
        left: Table,
        op: &Operator,
        right: &syntax::Expr,
        on: &JoinOn,
        span: Span,
    ) -> Option<Table> {
        self.check_parameters(op, &[]);
        self.check_word(op, "kind", &["leftouter", "inner"]);
        let row = self.row.take();
        let val = self.expr(right, true);
        self.row = row;
        let right_table = self.table_of(val, right.span);
        self.right = Some(right_table.as_ref().map_or_else(Row::default, |t| Row {
            columns: t.columns().to_vec(),
            open: t.open(),
            inferred: Vec::new(),
        }));
        let keys = match on {
            JoinOn::On(list) => self.join_keys(list),
            _ => Vec::new(),
        };
        let right_row = self.right.take();
        let used: Vec<usize> = keys
            .iter()
            .filter_map(|k| match k.right.kind {
                ExprKind::Column(i) => Some(i),
                _ => None,
            })
            .collect();
        let mut columns = self.row_columns();
        let mut right_columns = Vec::new();
        for (i, column) in right_row.iter().flat_map(|r| r.columns.iter().enumerate()) {
            if !used.contains(&i) {
                right_columns.push(i);
                columns.push(column.clone());
            }
        }
        make_unique(&mut columns);
        let inner = self
            .parameter_word(op, "kind")
            .is_some_and(|(w, _)| w == "inner");
        let open = left.open() || right_table.as_ref().is_some_and(Table::open);
        let kind = if inner {
            JoinKind::Inner
        } else {
            JoinKind::LeftOuter
        };
        let kind = match right_table {
            Some(right) => OpKind::Lookup {
                kind,
                right: right.rel,
                on: keys,
                right_columns,
            },
            None => OpKind::Unsupported {
                what: "a lookup without a table".to_owned(),
            },
        };
        self.shape(left, kind, columns, open, span)
    }

    // ---- search and find

    fn searched(&mut self, tables: Option<&[syntax::Expr]>) -> Vec<Table> {
        let row = self.row.take();
        let mut list = Vec::new();
        match tables {
            Some(exprs) => {
                for e in exprs {
                    list.extend(self.operand_tables(e));
                }
            }
            None => {
                for table in self.schema.tables() {
                    let source = Source::Table {
                        name: table.name.clone(),
                    };
                    list.push(Self::source(
                        source,
                        table.columns.clone(),
                        false,
                        Span::default(),
                        Some(table.name.clone()),
                    ));
                }
            }
        }
        self.row = row;
        list
    }

    pub(super) fn search(
        &mut self,
        input: Option<Table>,
        tables: Option<&[syntax::Expr]>,
        predicate: &syntax::Expr,
        had_input: bool,
        span: Span,
    ) -> Option<Table> {
        if let (Some(table), None) = (&input, tables) {
            let row = self.row_columns();
            let predicate = self.predicate(predicate, &[]);
            let mut columns = vec![Column::new("$table", Type::String)];
            columns.extend(row);
            let open = table.open();
            return self.shape(input?, OpKind::Search(predicate), columns, open, span);
        }
        if had_input && tables.is_some() {
            self.report(
                "KS175",
                Span {
                    start: span.start,
                    end: span.start + 6,
                },
                "The operator must be the first operator in the query.",
            );
        }
        let legs = self.searched(tables);
        let shapes: Vec<(Vec<Column>, bool)> = legs
            .iter()
            .map(|t| (t.columns().to_vec(), t.open()))
            .collect();
        let (columns, mapping) = Self::unify(&shapes, true);
        let open = shapes.iter().any(|(_, o)| *o);
        let mut out = vec![Column::new("$table", Type::String)];
        out.extend(columns);
        self.row = Some(Row {
            columns: out.clone(),
            open,
            inferred: Vec::new(),
        });
        let predicate = self.predicate(predicate, &[]);
        let out = self.row_columns();
        self.row = None;
        let union = Union {
            inner: false,
            fuzzy: false,
            with_source: true,
            legs: legs
                .into_iter()
                .zip(mapping)
                .map(|(t, mapping)| UnionLeg {
                    name: t.name.clone().unwrap_or_default(),
                    rel: Some(t.rel),
                    mapping,
                })
                .collect(),
        };
        Some(Self::source(
            Source::Search { union, predicate },
            out,
            open,
            span,
            None,
        ))
    }

    /// A predicate in which a text alone stands for `* has text`.
    fn predicate(&mut self, e: &syntax::Expr, _path: &[Span]) -> Expr {
        match &e.kind {
            S::Chain { first, rest } if matches!(rest[0].0, BinaryToken::And | BinaryToken::Or) => {
                let mut terms = vec![self.predicate(first, &[])];
                for (_, _, term) in rest {
                    terms.push(self.predicate(term, &[]));
                }
                let kind = if rest[0].0 == BinaryToken::And {
                    ExprKind::And(terms)
                } else {
                    ExprKind::Or(terms)
                };
                Expr {
                    kind,
                    ty: Type::Bool,
                    span: e.span,
                }
            }
            S::Paren(inner) => self.predicate(inner, &[]),
            S::Call(call) if call.name.text == "not" && call.args.len() == 1 => {
                self.refer(call.name.span, Reference::Function);
                let inner = self.predicate(&call.args[0], &[]);
                let kind = ExprKind::Call {
                    function: "not".to_owned(),
                    args: vec![inner],
                };
                Expr {
                    kind,
                    ty: Type::Bool,
                    span: e.span,
                }
            }
            S::Star => Expr {
                kind: ExprKind::Literal(Value::Bool(true)),
                ty: Type::Bool,
                span: e.span,
            },
            S::Chain { first, rest } if matches!(first.kind, S::Star) => {
                let (op, _, operand) = &rest[0];
                let val = self.expr(operand, false);
                let text = super::constant_text(&val.expr)
                    .unwrap_or_default()
                    .to_owned();
                let word = match op {
                    BinaryToken::Text(word) => word,
                    _ => "has",
                };
                let stars = match word {
                    "contains" | "contains_cs" => (true, true),
                    "startswith" | "hasprefix" => (false, true),
                    "endswith" | "hassuffix" => (true, false),
                    _ => (false, false),
                };
                let kind = ExprKind::SearchTerm {
                    text,
                    stars,
                    case_sensitive: word.ends_with("_cs"),
                };
                Expr {
                    kind,
                    ty: Type::Bool,
                    span: e.span,
                }
            }
            S::Chain { first, rest } if rest[0].0 == BinaryToken::Search => {
                let column = self.expr(first, false);
                let term = self.expr(&rest[0].2, false);
                let text = super::constant_text(&term.expr).map(str::to_owned);
                let Some(text) = text else {
                    return Expr {
                        kind: ExprKind::Binary(
                            BinaryOp::Equal,
                            Box::new(column.expr),
                            Box::new(term.expr),
                        ),
                        ty: Type::Bool,
                        span: e.span,
                    };
                };
                let (test, text) = star_test(&text);
                let op = BinaryOp::Text {
                    test,
                    negated: false,
                    case_sensitive: false,
                };
                let term = Expr {
                    kind: ExprKind::Literal(Value::String(text)),
                    ty: Type::String,
                    span: rest[0].2.span,
                };
                let kind = ExprKind::Binary(op, Box::new(column.expr), Box::new(term));
                Expr {
                    kind,
                    ty: Type::Bool,
                    span: e.span,
                }
            }
            _ => {
                let val = self.expr(e, false);
                if let Some(text) = super::constant_text(&val.expr) {
                    let stars = (text.starts_with('*'), text.len() > 1 && text.ends_with('*'));
                    let text = text.trim_matches('*').to_owned();
                    let kind = ExprKind::SearchTerm {
                        text,
                        stars,
                        case_sensitive: false,
                    };
                    return Expr {
                        kind,
                        ty: Type::Bool,
                        span: e.span,
                    };
                }
                self.check_type(&val, Type::Bool, Conversion::None, e.span);
                val.expr
            }
        }
    }

    pub(super) fn find(
        &mut self,
        op: &Operator,
        tables: Option<&[syntax::Expr]>,
        predicate: &syntax::Expr,
        project: Option<&[syntax::Expr]>,
        away: Option<&[syntax::Expr]>,
        span: Span,
    ) -> Option<Table> {
        let legs = self.searched(tables);
        let shapes: Vec<(Vec<Column>, bool)> = legs
            .iter()
            .map(|t| (t.columns().to_vec(), t.open()))
            .collect();
        let (all, _) = Self::unify(&shapes, false);
        let open = shapes.iter().any(|(_, o)| *o);
        self.row = Some(Row {
            columns: all.clone(),
            open,
            inferred: Vec::new(),
        });
        let before = self.references.len();
        let bound_predicate = self.predicate(predicate, &[]);
        let source_name = ["withsource", "with_source"]
            .iter()
            .find_map(|n| self.parameter_word(op, n));
        let source_name = source_name.map_or_else(|| "source_".to_owned(), |(n, _)| n);
        let mut columns = vec![Column::new(source_name, Type::String)];
        let mut out_open = open;
        if let Some(list) = project {
            out_open = false;
            for e in list {
                match &e.kind {
                    S::Pack => columns.push(Column::new("pack_", Type::Dynamic)),
                    S::TypedColumn { name, ty } => {
                        self.name(name, false);
                        let ty = self.declared_type(ty);
                        columns.push(Column::new(name.text.clone(), ty));
                    }
                    S::Star => {}
                    _ => {
                        let val = self.expr(e, false);
                        if val.is_column {
                            columns.push(Column::new(
                                val.name.clone().unwrap_or_default(),
                                val.type_or_unknown(),
                            ));
                        } else if !val.ty.is_error() {
                            self.report("KS109", e.span, "Column name expected.");
                        }
                    }
                }
            }
        } else {
            // columns all tables share, then those the predicate names, then the rest packed;
            // only tables that have a column the predicate names count
            let named: Vec<String> = self.references[before.min(self.references.len())..]
                .iter()
                .filter(|(_, r)| *r == Reference::Column)
                .map(|(s, _)| s.text(self.text).to_owned())
                .collect();
            let all_count = shapes.len() == 1 || has_term(&bound_predicate);
            let counted: Vec<&(Vec<Column>, bool)> = shapes
                .iter()
                .filter(|(c, o)| all_count || *o || c.iter().any(|c| named.contains(&c.name)))
                .collect();
            if let Some((first, _)) = counted.first() {
                for column in first {
                    let same: Vec<Type> = counted
                        .iter()
                        .filter_map(|(c, _)| c.iter().find(|o| o.name == column.name).map(|o| o.ty))
                        .collect();
                    if same.len() < counted.len() {
                        continue;
                    }
                    let ty = if same.iter().all(|t| *t == column.ty) {
                        column.ty
                    } else {
                        Type::Dynamic
                    };
                    columns.push(Column::new(column.name.clone(), ty));
                }
            }
            for name in named {
                if let Some(column) = all.iter().find(|c| c.name == name)
                    && !columns.iter().any(|c| c.name == name)
                {
                    columns.push(column.clone());
                }
            }
            let more = counted
                .iter()
                .any(|(c, o)| !o && c.iter().any(|x| !columns.iter().any(|k| k.name == x.name)));
            if more {
                columns.push(Column::new("pack_", Type::Dynamic));
            }
        }
        if let Some(list) = away {
            let gone: Vec<String> = list
                .iter()
                .filter_map(|e| self.expr(e, false).name)
                .collect();
            columns.retain(|c| !gone.contains(&c.name));
        }
        self.row = None;
        let source = Source::Unsupported {
            what: "operator 'find'".to_owned(),
        };
        Some(Self::source(source, columns, out_open, span, None))
    }
}

/// Does a text alone stand in the predicate?
fn has_term(predicate: &Expr) -> bool {
    match &predicate.kind {
        ExprKind::SearchTerm { .. } => true,
        ExprKind::And(list) | ExprKind::Or(list) => list.iter().any(has_term),
        ExprKind::Call { args, .. } => args.iter().any(has_term),
        _ => false,
    }
}

/// A table a fuzzy union may do without.
fn is_fuzzy_gap(table: &Table) -> bool {
    matches!(&table.rel.source, Source::Unsupported { what } if what == "fuzzy")
}

/// What `column:"te*xt"` asks.
fn star_test(text: &str) -> (TextTest, String) {
    let bare = text.trim_matches('*').to_owned();
    match (text.starts_with('*'), text.len() > 1 && text.ends_with('*')) {
        (true, true) => (TextTest::Contains, bare),
        (true, false) => (TextTest::HasSuffix, bare),
        (false, true) => (TextTest::HasPrefix, bare),
        (false, false) => (TextTest::Has, bare),
    }
}

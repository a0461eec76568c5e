//! `join` and `lookup`: their kinds, their keys, and the columns of both sides.

use crate::kql::binder::tables::make_unique;
use crate::kql::binder::values::{Conversion, assignable};
use crate::kql::binder::{Binder, Reference, Row, Table, Val};
use crate::kql::bound::{Expr, ExprKind, JoinKey, JoinKind, OpKind};
use crate::kql::builtins::{Kind, builtins};
use crate::kql::keywords::values;
use crate::kql::symbols::Origin;
use crate::kql::syntax::{self, BinaryToken, ExprKind as S, JoinOn, Operator, Span};
use crate::kql::types::Type;

impl Binder<'_> {
    pub(in crate::kql::binder) fn join(
        &mut self,
        left: Table,
        op: &Operator,
        right: &syntax::Expr,
        on: &JoinOn,
        span: Span,
    ) -> Option<Table> {
        self.check_parameters(op, &[]);
        self.check_word(op, "kind", values::JOIN_KINDS);
        let row = self.row.take();
        let val = self.expr(right, true);
        self.row = row;
        let right_table = self.table_of(val, right.span);
        self.right = Some(right_table.as_ref().map_or_else(Row::default, Row::of));
        self.probe_right(op);
        let keys = match on {
            JoinOn::On(list) => self.join_keys(list),
            JoinOn::Where(e) => {
                let val = self.expr(e, false);
                self.check_type(&val, Type::Bool, Conversion::None, e.span);
                Vec::new()
            }
            JoinOn::Missing => {
                self.report("KS006", span, "A join needs its keys: write 'on Column'.");
                Vec::new()
            }
        };
        let right_row = self.right.take();
        if self.spent() {
            return self.left_open(left, span);
        }
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
            columns.extend_from_slice(&self.row_columns());
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
                    self.report(
                        "KS241",
                        left.span,
                        "Join keys cannot be dynamic: write tostring(...).",
                    );
                } else if r == Type::Dynamic {
                    self.report(
                        "KS241",
                        right.span,
                        "Join keys cannot be dynamic: write tostring(...).",
                    );
                } else if !Self::comparable(l, r) {
                    let message = format!(
                        "The sides of a join key must be of one type. These are {l} and {r}."
                    );
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
                let message = "A join key is a column both sides have, or $left.A == $right.B.";
                self.report("KS182", e.span, message);
            }
        }
    }

    fn key_operand(&mut self, e: &syntax::Expr, val: &Val, side: &str) -> bool {
        let mut e = e;
        while let S::Paren(inner) = &e.kind {
            e = inner;
        }
        let on_side = matches!(&e.kind, S::Path { base, steps }
            if matches!(steps[..], [syntax::Step::Member(_)])
                && matches!(&base.kind, S::Name(name) if name.text == side));
        if !on_side {
            if !matches!(e.kind, S::Missing) {
                let advice = self.key_without_side(side, e);
                self.report_with("KS183", e.span, advice);
            }
            return false;
        }
        if !val.is_column {
            if !val.ty.is_error() {
                self.report("KS109", e.span, "The name of a column is expected here.");
            }
            return false;
        }
        true
    }

    /// A name of the query, the schema or the language that is no column.
    fn is_other(&self, name: &syntax::Name) -> bool {
        let text = name.text.as_str();
        matches!(text, "$left" | "$right")
            || self.local(text).is_some()
            || self.schema.table(text).is_some()
            || builtins().get(Kind::Function, text).is_some()
    }

    /// `on Name`: a column of both sides.
    fn common_key(&mut self, name: &syntax::Name, keys: &mut Vec<JoinKey>) {
        let side = |row: &mut Option<Row>| -> Option<(ExprKind, Type, Origin)> {
            let row = row.as_mut()?;
            if let Some(i) = row.find(&name.text) {
                let column = &row.columns[i];
                return Some((ExprKind::Column(i), column.ty, column.origin));
            }
            row.open.then(|| {
                row.infer(&name.text);
                let column = ExprKind::OpenColumn(name.text.clone());
                (column, Type::Unknown, Origin::UNKNOWN)
            })
        };
        let has = |row: Option<&Row>| row.is_some_and(|r| r.find(&name.text).is_some());
        // what an open left side may have is asked last
        let other = !has(self.row.as_ref()) && !has(self.right.as_ref()) && self.is_other(name);
        let left = if other { None } else { side(&mut self.row) };
        // an open right side may have the column, but alone it does not make one
        let known = left.is_some() || has(self.right.as_ref());
        let right = if known { side(&mut self.right) } else { None };
        match (left, right) {
            (Some((left, l, of_left)), Some((right, r, of_right))) => {
                self.mention(name.span, Reference::Column, l, of_left);
                self.same(of_left, of_right);
                if !assignable(l, r, Conversion::None) {
                    let message = format!(
                        "The column '{}' is of different types on the two sides.",
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
                    self.report("KS109", name.span, "The name of a column is expected here.");
                }
            }
            (on_left, _) => {
                let on_left = on_left.is_some();
                self.refer(name.span, Reference::Column);
                let advice = self.key_of_one_side(name, on_left);
                self.report_with("KS145", name.span, advice);
            }
        }
    }

    pub(in crate::kql::binder) fn lookup(
        &mut self,
        left: Table,
        op: &Operator,
        right: &syntax::Expr,
        on: &JoinOn,
        span: Span,
    ) -> Option<Table> {
        self.check_parameters(op, &[]);
        self.check_word(op, "kind", values::LOOKUP_KINDS);
        let row = self.row.take();
        let val = self.expr(right, true);
        self.row = row;
        let right_table = self.table_of(val, right.span);
        self.right = Some(right_table.as_ref().map_or_else(Row::default, Row::of));
        self.probe_right(op);
        let keys = match on {
            JoinOn::On(list) => self.join_keys(list),
            _ => Vec::new(),
        };
        let right_row = self.right.take();
        if self.spent() {
            return self.left_open(left, span);
        }
        let used: Vec<usize> = keys
            .iter()
            .filter_map(|k| match k.right.kind {
                ExprKind::Column(i) => Some(i),
                _ => None,
            })
            .collect();
        let mut columns = self.row_columns().to_vec();
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
}

//! `search` and `find`: many tables asked at once, with predicates in which a text may stand alone.

use crate::kql::binder::tables::make_unique;
use crate::kql::binder::values::Conversion;
use crate::kql::binder::{Binder, Reference, Row, Table, constant_text};
use crate::kql::bound::{
    BinaryOp, Column, Expr, ExprKind, FindColumn, OpKind, Source, TextTest, Union, UnionLeg,
};
use crate::kql::columns::Columns;
use crate::kql::syntax::{self, BinaryToken, ExprKind as S, Operator, Span};
use crate::kql::types::{Type, Value};

impl Binder<'_> {
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

    pub(in crate::kql::binder) fn search(
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
            columns.extend_from_slice(&row);
            make_unique(&mut columns);
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
        let shapes: Vec<(Columns, bool)> = legs
            .iter()
            .map(|t| (t.columns().clone(), t.open()))
            .collect();
        let (columns, mapping) = self.unify(&shapes, true);
        let open = shapes.iter().any(|(_, o)| *o);
        let mut out = vec![Column::new("$table", Type::String)];
        out.extend(columns);
        let out = Columns::from(out);
        self.row = Some(Row {
            columns: out.clone(),
            open,
            inferred: Columns::default(),
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
                let text = constant_text(&val.expr).unwrap_or_default().to_owned();
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
                self.operator_type(
                    BinaryToken::Search,
                    rest[0].1,
                    &column.ty,
                    &term.ty,
                    (None, None),
                );
                let text = constant_text(&term.expr).map(str::to_owned);
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
                if let Some(text) = constant_text(&val.expr) {
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

    pub(in crate::kql::binder) fn find(
        &mut self,
        op: &Operator,
        tables: Option<&[syntax::Expr]>,
        predicate: &syntax::Expr,
        project: Option<&[syntax::Expr]>,
        away: Option<&[syntax::Expr]>,
        span: Span,
    ) -> Option<Table> {
        let legs = self.searched(tables);
        let shapes: Vec<(Columns, bool)> = legs
            .iter()
            .map(|t| (t.columns().clone(), t.open()))
            .collect();
        let (all, mapping) = self.unify(&shapes, false);
        let all = Columns::from(all);
        let open = shapes.iter().any(|(_, o)| *o);
        self.row = Some(Row {
            columns: all.clone(),
            open,
            inferred: Columns::default(),
        });
        let before = self.references.len();
        let bound_predicate = self.predicate(predicate, &[]);
        // only tables that have a column the predicate names count
        let named: Vec<String> = self.references[before.min(self.references.len())..]
            .iter()
            .filter(|(_, r)| *r == Reference::Column)
            .map(|(s, _)| s.text(self.text).to_owned())
            .collect();
        let all_count = shapes.len() == 1 || has_term(&bound_predicate);
        let counts = |c: &Columns, open: bool| all_count || open || named.iter().any(|n| c.has(n));
        let source_name = ["withsource", "with_source"]
            .iter()
            .find_map(|n| self.parameter_word(op, n));
        let source_name = source_name.map_or_else(|| "source_".to_owned(), |(n, _)| n);
        let source_column = source_name.clone();
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
                            self.report("KS109", e.span, "The name of a column is expected here.");
                        }
                    }
                }
            }
        } else {
            // columns all tables share, then those the predicate names, then the rest packed
            let counted: Vec<&(Columns, bool)> =
                shapes.iter().filter(|(c, o)| counts(c, *o)).collect();
            if let Some((first, _)) = counted.first() {
                for column in first {
                    let same: Vec<Type> = counted
                        .iter()
                        .filter_map(|(c, _)| c.find(&column.name).map(|i| c[i].ty))
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
            for name in &named {
                if let Some(column) = all.find(name).map(|i| &all[i])
                    && !columns.iter().any(|c| c.name == *name)
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
        let output = columns
            .iter()
            .enumerate()
            .map(|(i, column)| match column.name.as_str() {
                name if i == 0 && away.is_none() || name == source_column => FindColumn::Source,
                "pack_" if all.find("pack_").is_none() => FindColumn::Pack,
                name => FindColumn::Of(all.find(name)),
            })
            .collect();
        let union_legs = legs
            .into_iter()
            .zip(mapping)
            .zip(&shapes)
            .filter(|(_, (columns, open))| counts(columns, *open))
            .map(|((table, mapping), _)| UnionLeg {
                name: table.name.clone().unwrap_or_default(),
                rel: Some(table.rel),
                mapping,
            })
            .collect();
        let union = Union {
            inner: false,
            fuzzy: false,
            with_source: true,
            legs: union_legs,
        };
        let source = Source::Find {
            union,
            all,
            predicate: bound_predicate,
            output,
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

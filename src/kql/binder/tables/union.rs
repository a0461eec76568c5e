//! `union`: the tables an operand stands for, and their columns laid over each other.

use std::collections::HashMap;
use std::rc::Rc;

use crate::kql::binder::operators::columns::fits;
use crate::kql::binder::tables::{fuzzy, make_unique};
use crate::kql::binder::{Binder, Local, Reference, Table, Ty, UserFunction};
use crate::kql::bound::{Column, OpKind, Source, Union, UnionLeg};
use crate::kql::symbols::Origin;
use crate::kql::syntax::{self, ExprKind as S, NameForm, Operator, Span, Step};
use crate::kql::types::Type;

impl Binder<'_> {
    /// The tables an operand stands for: one, or many for `Device*`.
    pub(super) fn operand_tables(&mut self, e: &syntax::Expr) -> Vec<Table> {
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
            let views: Vec<Rc<UserFunction>> = self
                .locals
                .iter()
                .filter(|(n, ..)| fits(&name.text, n))
                .filter_map(|(_, l, _)| match &**l {
                    Local::Function(f) if f.declaration.view => Some(Rc::clone(f)),
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
    pub(super) fn unify(
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

    /// Notes where the columns of a union come from.
    pub(super) fn same_columns(
        &mut self,
        tables: &[(Vec<Column>, bool)],
        columns: &mut [Column],
        mapping: &[Vec<Option<usize>>],
    ) {
        for ((legs, _), map) in tables.iter().zip(mapping) {
            for (column, leg) in columns.iter_mut().zip(map) {
                let Some(from) = leg.and_then(|i| legs.get(i)).map(|c| c.origin) else {
                    continue;
                };
                if column.origin == Origin::UNKNOWN {
                    column.origin = from;
                } else if column.origin != from {
                    self.same(column.origin, from);
                    column.origin = column.origin.and_more();
                }
            }
        }
    }

    pub(in crate::kql::binder) fn union(
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
        self.same_columns(&shapes, &mut columns, &mapping);
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
            let column = self.define_column_at(name.clone(), *place, Type::String);
            columns.insert(0, column);
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
}

/// A table a fuzzy union may do without.
fn is_fuzzy_gap(table: &Table) -> bool {
    matches!(&table.rel.source, Source::Unsupported { what } if what == "fuzzy")
}

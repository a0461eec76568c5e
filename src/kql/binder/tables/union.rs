//! `union`: the tables an operand stands for, and their columns laid over each other.

use std::rc::Rc;

use crate::kql::binder::operators::columns::fits;
use crate::kql::binder::places::Place;
use crate::kql::binder::tables::{fuzzy, make_unique};
use crate::kql::binder::{Binder, Reference, Table, Ty, UserFunction};
use crate::kql::bound::{Column, OpKind, Source, Union, UnionLeg};
use crate::kql::columns::{Columns, NameIndex};
use crate::kql::keywords::values;
use crate::kql::symbols::Origin;
use crate::kql::syntax::{self, ExprKind as S, NameForm, Operator, Span, Step};
use crate::kql::types::Type;

impl Binder<'_> {
    /// Tables of the schema with names like this.
    fn tables_like(&self, pattern: &str, span: Span) -> Vec<Table> {
        let names = self.schema.tables().iter().map(|t| t.name.as_str());
        names
            .filter(|name| fits(pattern, name))
            .filter_map(|name| self.schema_table(name, span))
            .collect()
    }

    /// The tables an operand stands for: one, or many for `Device*`.
    pub(super) fn operand_tables(&mut self, e: &syntax::Expr) -> Vec<Table> {
        if let S::Name(name) = &e.kind
            && name.form == NameForm::Wildcard
        {
            self.refer(e.span, Reference::Table);
            let mut found = self.tables_like(&name.text, e.span);
            let views: Vec<Rc<UserFunction>> = self.locals.views(|n| fits(&name.text, n));
            for view in views {
                if let Ty::Table(t) = self.expand(&view, Vec::new(), e.span).ty {
                    found.push(*t);
                }
            }
            if found.is_empty() {
                let message = format!("There is no table like '{}'.", name.text);
                self.report("KS142", e.span, message);
            }
            return found;
        }
        if let S::Path { base, steps } = &e.kind
            && let Some(Step::Wildcard(name)) = steps.last()
        {
            let mut before = self.expr(base, false);
            for step in &steps[..steps.len() - 1] {
                before = self.step(before, step, base.span, false);
            }
            if let Ty::Database(Place::Here) = before.ty {
                self.refer(name.span, Reference::Table);
                return self.tables_like(&name.text, e.span);
            }
            return vec![self.far_table(&name.text, e.span)];
        }
        let val = self.expr(e, true);
        self.table_of(val, e.span).into_iter().collect()
    }

    /// Columns of several tables laid over each other by name and type; a name with several types gives
    /// one column a type, called `name_type`. As the official language service has it, a name whose
    /// first two columns agree keeps their type whatever comes later.
    pub(in crate::kql::binder) fn unify(
        &mut self,
        tables: &[(Columns, bool)],
        by_type: bool,
    ) -> (Vec<Column>, Vec<Vec<Option<usize>>>) {
        /// A name in all tables.
        struct Known<'t> {
            name: &'t str,
            types: Vec<Type>,
            settled: bool,
            /// Where it comes out: the first of its types.
            place: usize,
        }
        let mut known: Vec<Known<'_>> = Vec::new();
        let mut index = NameIndex::default();
        // which of the known each column of each table is
        let mut places: Vec<Vec<usize>> = Vec::with_capacity(tables.len());
        for (columns, _) in tables {
            let mut of_table = Vec::with_capacity(columns.len());
            for column in columns {
                let Some(i) = index.find(&column.name, |i| known[i].name) else {
                    of_table.push(known.len());
                    known.push(Known {
                        name: &column.name,
                        types: vec![column.ty],
                        settled: !by_type,
                        place: 0,
                    });
                    index.insert(known.len() - 1, |i| known[i].name);
                    continue;
                };
                of_table.push(i);
                let known = &mut known[i];
                if known.settled {
                    continue;
                }
                if !known.types.contains(&column.ty) {
                    known.types.push(column.ty);
                } else if known.types.len() == 1 {
                    known.settled = true;
                }
            }
            places.push(of_table);
        }
        let mut out: Vec<Column> = Vec::with_capacity(known.len());
        for known in &mut known {
            known.place = out.len();
            match known.types[..] {
                [ty] => out.push(Column::new(known.name, ty)),
                _ => out.extend(
                    known
                        .types
                        .iter()
                        .map(|ty| Column::new(format!("{}_{ty}", known.name), *ty)),
                ),
            }
        }
        make_unique(&mut out);
        self.copied += out.len() * tables.len() / 8;
        if self.spent() {
            return (out, tables.iter().map(|_| Vec::new()).collect());
        }
        let mut mappings = Vec::with_capacity(tables.len());
        for ((columns, _), places) in tables.iter().zip(places) {
            let mut mapping = vec![None; out.len()];
            for (i, (column, place)) in columns.iter().zip(places).enumerate() {
                let known = &known[place];
                let part = match known.types[..] {
                    [_] => Some(0),
                    _ => known.types.iter().position(|ty| *ty == column.ty),
                };
                let Some(place) = part.map(|p| known.place + p) else {
                    continue;
                };
                if mapping[place].is_some() {
                    continue;
                }
                mapping[place] = Some(i);
                let origin = &mut out[place].origin;
                if *origin == Origin::UNKNOWN {
                    *origin = column.origin;
                } else if *origin != column.origin {
                    self.same(*origin, column.origin);
                    *origin = origin.and_more();
                }
            }
            mappings.push(mapping);
        }
        (out, mappings)
    }

    pub(in crate::kql::binder) fn union(
        &mut self,
        input: Option<Table>,
        op: &Operator,
        list: &[syntax::Expr],
        span: Span,
    ) -> Option<Table> {
        self.check_parameters(op, &[]);
        self.check_word(op, "kind", values::UNION_KINDS);
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
        let mut shapes: Vec<(Columns, bool)> = Vec::new();
        if let Some(table) = &input {
            shapes.push((table.columns().clone(), table.open()));
        }
        shapes.extend(legs.iter().map(|t| (t.columns().clone(), t.open())));
        let (mut columns, mut mapping) = self.unify(&shapes, true);
        if inner && !self.spent() {
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

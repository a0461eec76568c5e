//! Where rows come from.

use super::frag::{Col, Frag, Sx};
use super::with::{Body, Entry, Leg};
use super::{Hint, Planner, Stored};
use crate::engine::error::{EngineError, Result};
use crate::engine::sql::{self, ident};
use crate::kql::bound::{Column, Expr, LetId, LetValue, OpKind, Rel, Source, Union};
use crate::kql::syntax::Span;
use crate::kql::types::Type;

/// Columns of a source in place of those of its SQL.
fn rename(frag: &mut Frag, columns: &[Column]) {
    for (place, column) in frag.known.clone().into_iter().zip(columns) {
        frag.cols[place].name.clone_from(&column.name);
    }
}

/// What the binder could not represent: a table of another service is not here; all else is a refusal.
fn not_here(what: &str, span: Span) -> EngineError {
    if what.starts_with("table ") {
        return EngineError::absent(format!("there are no rows of {what} here"), "", span);
    }
    EngineError::unsupported(what, span)
}

impl Planner<'_> {
    /// Plans the source of a table expression.
    pub(super) fn source(&mut self, rel: &Rel) -> Result<Frag> {
        match &rel.source {
            Source::Table { name } => self.table(rel, name),
            Source::Let(id) => {
                let stored = self.let_table(*id, rel)?;
                let mut frag = self.over(&stored);
                rename(&mut frag, &rel.source_columns);
                Ok(frag)
            }
            Source::Print(exprs) => {
                let empty = Frag::default();
                let mut cols = Vec::with_capacity(exprs.len());
                for (e, column) in exprs.iter().zip(&rel.source_columns) {
                    let sx = self.expr(e, &empty)?;
                    cols.push(Col {
                        name: column.name.clone(),
                        simple: sx.literal.is_some(),
                        sx,
                    });
                }
                Ok(Frag::new(String::new(), cols))
            }
            Source::Datatable(rows) => self.datatable(rel, rows),
            Source::Range { from, to, step } => self.range(rel, from, to, step),
            Source::Union(union) => self.union(None, union, &rel.source_columns),
            Source::Nested(inner) => {
                let mut frag = self.rel(inner)?;
                rename(&mut frag, &rel.source_columns);
                Ok(frag)
            }
            Source::Piped => match self.piped.last() {
                Some(frag) => Ok(frag.clone()),
                None => Self::refuse("a sub-query without rows piped in", rel.span),
            },
            Source::Search { union, predicate } => {
                let frag = self.union(None, union, &rel.source_columns)?;
                self.filter_but(frag, predicate, 0)
            }
            Source::Find {
                union,
                all,
                predicate,
                output,
            } => self.find(rel, union, all, predicate, output),
            Source::ExternalData { uris, options } => self.external_data(rel, uris, options),
            Source::Function { name, .. } => Self::refuse(format!("function '{name}'"), rel.span),
            Source::Unsupported { what } => Err(not_here(what, rel.span)),
        }
    }

    fn table(&mut self, rel: &Rel, name: &str) -> Result<Frag> {
        let Some(table) = self.catalog.get(name) else {
            return Err(EngineError::absent(
                format!("there are no rows of table '{name}' here"),
                "",
                rel.span,
            ));
        };
        let mut cols = Vec::with_capacity(rel.source_columns.len());
        for column in &rel.source_columns {
            // The binder's schema may be older or wider than what there are rows for.
            let Some(def) = table.columns.iter().find(|d| d.name == column.name) else {
                let what = format!(
                    "column '{}' of table '{name}' (it has no rows here)",
                    column.name
                );
                return Self::refuse(what, rel.span);
            };
            let sx = if column.ty == Type::String && !def.not_null {
                Sx::new(format!("coalesce({}, '')", def.sql), Type::String)
            } else {
                Sx::new(def.sql.clone(), column.ty)
                    .maybe(!def.not_null)
                    .wild()
            };
            cols.push(Col {
                name: column.name.clone(),
                sx,
                simple: true,
            });
        }
        let mut frag = Frag::new(ident(&table.sql_name), cols);
        if self.arrivals == Some(true) {
            frag.ingestion = self.catalog.ingestion(name).map(str::to_owned);
        }
        Ok(frag)
    }

    /// A tabular let, planned at its first use.
    fn let_table(&mut self, id: LetId, rel: &Rel) -> Result<Stored> {
        if let Some(stored) = self.lets.get(&id) {
            return Ok(stored.clone());
        }
        let query = self.query;
        let Some(LetValue::Table {
            rel: body,
            materialize,
        }) = query.lets.get(id.0 as usize).map(|l| &l.value)
        else {
            return Self::refuse("a let that is no table", rel.span);
        };
        // A let stands outside of whatever sub-query names it, unless it is over the piped rows.
        let frag = self.rel(body)?;
        let cheap = !materialize
            && !frag.is_finished()
            && matches!(
                body.source,
                Source::Table { .. } | Source::Nested(_) | Source::Let(_)
            )
            && body.ops.iter().all(|op| {
                matches!(
                    op.kind,
                    OpKind::Where(_) | OpKind::Project { .. } | OpKind::Extend(_)
                )
            });
        let hint = if *materialize {
            Hint::Materialized
        } else if cheap {
            Hint::Inline
        } else {
            Hint::None
        };
        let stored = self.store(&frag, hint);
        if frag.parts.is_empty() {
            self.lets.insert(id, stored.clone());
        }
        Ok(stored)
    }

    /// Keeps rows under the name of a let (`as`).
    pub(super) fn define(&mut self, id: LetId, frag: &Frag) -> Frag {
        let stored = self.store(frag, Hint::None);
        self.lets.insert(id, stored.clone());
        self.over(&stored)
    }

    fn datatable(&mut self, rel: &Rel, rows: &[Vec<Expr>]) -> Result<Frag> {
        let empty = Frag::default();
        let mut nullable = vec![false; rel.source_columns.len()];
        let mut nan = nullable.clone();
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let mut cells = Vec::with_capacity(row.len());
            for (i, (e, column)) in row.iter().zip(&rel.source_columns).enumerate() {
                let sx = self.expr(e, &empty)?;
                let sx = self.convert(sx, column.ty, e.span)?;
                nullable[i] |= sx.nullable;
                nan[i] |= sx.nan;
                cells.push(sx.sql);
            }
            values.push(format!("({})", cells.join(", ")));
        }
        let alias = self.name('t');
        let from = if values.is_empty() {
            let nulls: Vec<String> = (1..=rel.source_columns.len())
                .map(|i| format!("NULL AS column{i}"))
                .collect();
            format!("(SELECT {} WHERE 0) AS {alias}", nulls.join(", "))
        } else {
            format!("(VALUES {}) AS {alias}", values.join(", "))
        };
        let cols = rel.source_columns.iter().enumerate().map(|(i, c)| {
            let sx = Sx::new(format!("{alias}.column{}", i + 1), c.ty);
            Col {
                name: c.name.clone(),
                sx: Sx {
                    nan: nan[i],
                    ..sx.maybe(nullable[i])
                },
                simple: true,
            }
        });
        Ok(Frag::new(from, cols.collect()))
    }

    fn range(&mut self, rel: &Rel, from: &Expr, to: &Expr, step: &Expr) -> Result<Frag> {
        let ty = rel.source_columns[0].ty;
        let step_ty = if ty == Type::DateTime {
            Type::TimeSpan
        } else {
            ty
        };
        let empty = Frag::default();
        let mut bound = |e: &Expr, ty: Type| {
            let sx = self.expr(e, &empty)?;
            self.convert(sx, ty, e.span).map(|s| s.sql)
        };
        let (from, to, step) = (bound(from, ty)?, bound(to, ty)?, bound(step, step_ty)?);
        let real = i32::from(ty == Type::Real);
        let name = self.name('q');
        // A recursive table streams: nothing is kept but the last row.
        self.with.push(Entry {
            name: name.clone(),
            how: "(i, n, a, s) AS ".to_owned(),
            body: Body::Text(format!(
                "SELECT 0, k_range_count({real}, {from}, {to}, {step}), {from}, {step} \
                 UNION ALL SELECT i + 1, n, a, s FROM {name} WHERE i + 1 < n"
            )),
        });
        let alias = self.name('t');
        let value = format!("({alias}.a + {alias}.i * {alias}.s)");
        let mut frag = Frag::new(
            format!("{name} AS {alias}"),
            vec![Col {
                name: rel.source_columns[0].name.clone(),
                sx: Sx::new(value, ty).solid(),
                simple: true,
            }],
        );
        frag.filters.push(format!("{alias}.i < {alias}.n"));
        Ok(frag)
    }

    /// Rows of several tables laid over each other; `piped` is the leg without rows of its own.
    pub(super) fn union(
        &mut self,
        piped: Option<Frag>,
        union: &Union,
        columns: &[Column],
    ) -> Result<Frag> {
        let offset = usize::from(union.with_source);
        let parts = piped.as_ref().map_or(0, |p| p.parts.len());
        let mut nullable = vec![false; columns.len()];
        let mut nan = vec![false; columns.len()];
        let mut depth = 0;
        let mut legs = Vec::with_capacity(union.legs.len());
        for leg in &union.legs {
            let frag = match (&leg.rel, &piped) {
                (Some(rel), _) => {
                    let frag = self.rel(rel)?;
                    if frag.parts.len() != parts {
                        return Self::refuse(
                            "operator 'union' inside 'mv-apply' or 'partition'",
                            rel.span,
                        );
                    }
                    frag
                }
                (None, Some(piped)) => piped.clone(),
                (None, None) => continue,
            };
            // A leg keeps its own limits and grouping.
            let mut frag = self.open(frag);
            depth = depth.max(frag.depth + 1);
            let mut cols = Vec::with_capacity(columns.len());
            for (i, column) in columns.iter().enumerate() {
                let sx = if i < offset {
                    Sx::new(sql::text(&leg.name), Type::String)
                } else {
                    match leg.mapping.get(i - offset).copied().flatten() {
                        // A name may stand for columns of several types.
                        Some(ordinal) => {
                            let sx = frag.cols[frag.known[ordinal]].sx.clone();
                            let span = leg.rel.as_ref().map(|r| r.span).unwrap_or_default();
                            self.convert(sx, column.ty, span)?
                        }
                        None if column.ty == Type::String => Sx::new("''", Type::String),
                        None => Sx::new("NULL", column.ty),
                    }
                };
                nullable[i] |= sx.nullable;
                nan[i] |= sx.nan;
                cols.push(Col {
                    name: column.name.clone(),
                    sx,
                    simple: true,
                });
            }
            frag.set_cols(cols);
            frag.order.clear();
            legs.push(frag);
        }
        let arrived = legs.iter().any(|leg| leg.ingestion.is_some());
        let mut legs: Vec<Leg> = legs
            .into_iter()
            .map(|mut leg| {
                if arrived && leg.ingestion.is_none() {
                    leg.ingestion = Some("NULL".to_owned());
                }
                leg.leg(true, false)
            })
            .collect();
        let name = self.name('q');
        if legs.is_empty() {
            legs.push(Leg {
                head: "SELECT ",
                items: (0..columns.len())
                    .map(|i| format!("NULL AS c{i}"))
                    .collect(),
                rest: " WHERE 0".to_owned(),
                loose: true,
            });
        }
        self.with.push(Entry {
            name: name.clone(),
            how: " AS ".to_owned(),
            body: Body::Legs(legs),
        });
        let alias = self.name('t');
        let cols = columns.iter().enumerate().map(|(i, c)| Col {
            name: c.name.clone(),
            sx: Sx {
                nan: nan[i],
                ..Sx::new(format!("{alias}.c{i}"), c.ty).maybe(nullable[i])
            },
            simple: true,
        });
        let mut frag = Frag::new(format!("{name} AS {alias}"), cols.collect());
        frag.ingestion = arrived.then(|| format!("{alias}.i0"));
        frag.parts = (0..parts).map(|i| format!("{alias}.p{i}")).collect();
        frag.depth = depth;
        Ok(frag)
    }
}

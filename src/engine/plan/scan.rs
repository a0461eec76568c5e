//! `scan`: sequences over rows in order. SQL has no such thing, so the rows are computed, walked once
//! in Rust, and kept in a temporary table for what follows; conditions and assignments are still SQL,
//! prepared once with a parameter for every value they may name.

use std::collections::HashMap;
use std::fmt::Write as _;

use rusqlite::types::Value as Cell;
use rusqlite::{Statement, params_from_iter};

use super::frag::{Col, Frag, Order, Sx};
use super::{Planner, Stored};
use crate::engine::error::Result;
use crate::kql::bound::{Expr, Op, OpKind, ScanStep};
use crate::kql::types::{Type, Value};

/// Values of the columns at each step, and the number of the sequence.
#[derive(Clone)]
struct State {
    steps: Vec<Vec<Cell>>,
    sequence: i64,
}

/// One step ready to be asked.
struct Ready<'c> {
    /// `SELECT condition, assignment…`
    ask: Statement<'c>,
    /// Places of the assigned columns among input and declared columns.
    assigned: Vec<usize>,
    /// Whether its rows come out: all, the last of a sequence, none.
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    All,
    None,
}

impl Planner<'_> {
    /// Plans `scan` by doing it.
    pub(super) fn scan(&mut self, frag: Frag, op: &Op) -> Result<Frag> {
        let OpKind::Scan {
            partition_by,
            match_id,
            declared,
            steps,
        } = &op.kind
        else {
            return Self::refuse("this operator", op.span);
        };
        let frag = self.serialize(frag);
        let inputs = frag.cols.len();
        if frag.known.len() != inputs {
            return Self::refuse(
                "operator 'scan' over columns only the running query shows",
                op.span,
            );
        }
        // Columns a step knows: those of the input, then the declared ones.
        let columns: Vec<(String, Type)> = frag
            .columns()
            .into_iter()
            .map(|c| (c.name, c.ty))
            .chain(
                declared
                    .iter()
                    .map(|(i, _)| (op.columns[*i].name.clone(), op.columns[*i].ty)),
            )
            .collect();
        let width = columns.len();
        let mut blank: Vec<Cell> = columns
            .iter()
            .map(|(_, ty)| {
                if *ty == Type::String {
                    Cell::Text(String::new())
                } else {
                    Cell::Null
                }
            })
            .collect();
        for (n, (index, default)) in declared.iter().enumerate() {
            if let Some(e) = default {
                let sx = self.expr(e, &Frag::default())?;
                let sx = self.convert(sx, op.columns[*index].ty, e.span)?;
                let sql = self.statement(&format!("SELECT {}", sx.sql));
                blank[inputs + n] = self.connection.query_row(&sql, [], |r| r.get(0))?;
            }
        }
        // Parameters: the row, then each step's columns.
        let row = Frag::new(
            String::new(),
            columns
                .iter()
                .enumerate()
                .map(|(i, (name, ty))| Col {
                    name: name.clone(),
                    sx: Sx {
                        nan: *ty == Type::Real,
                        ..Sx::new(format!("?{}", i + 1), *ty)
                    },
                    simple: true,
                })
                .collect(),
        );
        let mut selects = Vec::with_capacity(steps.len());
        self.scan_width = Some((width, columns.iter().map(|c| c.1).collect()));
        for step in steps {
            let planned = self.scan_step(step, &row, &op.columns, inputs, declared);
            match planned {
                Ok(planned) => selects.push(planned),
                Err(error) => {
                    self.scan_width = None;
                    return Err(error);
                }
            }
        }
        self.scan_width = None;
        // Each part of the rows, inside of `partition`, is scanned for itself.
        let parts = frag.parts.len();
        let mut keys = frag.parts.clone();
        for e in partition_by {
            keys.push(self.expr(e, &frag)?.sql);
        }

        let connection = self.connection;
        let mut ready = Vec::with_capacity(steps.len());
        for (step, (sql, assigned)) in steps.iter().zip(selects) {
            let output = match step.output.as_str() {
                "all" | "" => Output::All,
                "none" => Output::None,
                other => return Self::refuse(format!("'output={other}' of scan"), op.span),
            };
            if step.optional {
                return Self::refuse("an optional step of scan", op.span);
            }
            ready.push(Ready {
                ask: connection.prepare(&self.statement(&sql))?,
                assigned,
                output,
            });
        }
        let mut select = frag.select(false, true);
        if !keys.is_empty() {
            let more: Vec<String> = keys
                .iter()
                .enumerate()
                .map(|(i, k)| format!("{k} AS k{i}"))
                .collect();
            select = select.replacen("SELECT ", &format!("SELECT {}, ", more.join(", ")), 1);
        }
        let name = format!("k_rows_{}", self.name('q'));
        let mut made: Vec<String> = (0..=width).map(|i| format!("c{i}")).collect();
        made.extend((0..parts).map(|i| format!("p{i}")));
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE {name} (o0 INTEGER, {})",
            made.join(", ")
        ))?;
        self.temporary.push(name.clone());
        let places = vec!["?"; width + 2 + parts].join(", ");
        let mut insert =
            connection.prepare(&format!("INSERT INTO temp.{name} VALUES ({places})"))?;
        let mut rows = connection.prepare(&self.statement(&select))?;
        let mut rows = rows.query([])?;

        let mut groups: HashMap<String, Vec<Option<State>>> = HashMap::new();
        let mut sequence = -1i64;
        let mut written = 0i64;
        while let Some(given) = rows.next()? {
            let mut key = String::new();
            for i in 0..keys.len() {
                let _ = write!(key, "{:?}\u{0}", given.get_ref(i)?);
            }
            let mut part: Vec<Cell> = Vec::with_capacity(parts);
            for i in 0..parts {
                part.push(given.get(i)?);
            }
            let mut cells: Vec<Cell> = Vec::with_capacity(width);
            for i in 0..inputs {
                cells.push(given.get(keys.len() + i)?);
            }
            cells.extend_from_slice(&blank[inputs..]);
            let states = groups.entry(key).or_insert_with(|| vec![None; steps.len()]);
            for k in (0..steps.len()).rev() {
                // A row takes the sequence of the step before to this one…
                let promoted = if k > 0 { states[k - 1].clone() } else { None };
                let mut taken = None;
                if let Some(state) = promoted
                    && let Some(values) = ask(&mut ready[k], &cells, &state, inputs)?
                {
                    states[k - 1] = None;
                    taken = Some((state, values));
                }
                // …or goes on where the sequence is, or begins one at the first step.
                if taken.is_none() && (k == 0 || states[k].is_some()) {
                    let state = states[k].clone().unwrap_or_else(|| State {
                        steps: vec![blank.clone(); steps.len()],
                        sequence: -1,
                    });
                    if let Some(values) = ask(&mut ready[k], &cells, &state, inputs)? {
                        taken = Some((state, values));
                    }
                }
                let Some((mut state, values)) = taken else {
                    continue;
                };
                if state.sequence < 0 {
                    sequence += 1;
                    state.sequence = sequence;
                }
                state.steps[k].clone_from(&values);
                if ready[k].output == Output::All {
                    let head = [Cell::Integer(written)];
                    let tail = [Cell::Integer(state.sequence)];
                    let row = head.iter().chain(&values).chain(&tail).chain(&part);
                    insert.execute(params_from_iter(row))?;
                    written += 1;
                }
                states[k] = Some(state);
            }
        }

        let known = op.columns.iter().enumerate().map(|(i, column)| {
            let place = if Some(i) == *match_id {
                width
            } else {
                columns
                    .iter()
                    .position(|(n, _)| *n == column.name)
                    .unwrap_or(i)
            };
            Col {
                name: column.name.clone(),
                sx: Sx {
                    nan: column.ty == Type::Real,
                    ..Sx::new(format!("?.c{place}"), column.ty)
                },
                simple: true,
            }
        });
        let alias = self.name('t');
        let cols = known
            .map(|c| Col {
                sx: Sx {
                    sql: c.sx.sql.replacen('?', &alias, 1),
                    ..c.sx
                },
                ..c
            })
            .collect();
        let stored = Stored {
            name: format!("temp.{name}"),
            frag: Frag::default(),
            weights: Vec::new(),
        };
        let mut out = Frag::new(format!("{} AS {alias}", stored.name), cols);
        out.order = vec![Order {
            sql: format!("{alias}.o0"),
            descending: false,
            nulls_first: true,
        }];
        out.serial = true;
        out.parts = (0..parts).map(|i| format!("{alias}.p{i}")).collect();
        Ok(out)
    }

    /// The question of a step and the columns its answer sets.
    fn scan_step(
        &mut self,
        step: &ScanStep,
        row: &Frag,
        columns: &[crate::kql::bound::Column],
        inputs: usize,
        declared: &[(usize, Option<Expr>)],
    ) -> Result<(String, Vec<usize>)> {
        let mut items = vec![self.condition(&step.condition, row)?];
        let mut assigned = Vec::with_capacity(step.assignments.len());
        for (index, e) in &step.assignments {
            let place = match declared.iter().position(|(i, _)| i == index) {
                Some(n) => Some(inputs + n),
                None => row.cols.iter().position(|c| c.name == columns[*index].name),
            };
            let Some(place) = place else {
                return Self::refuse("an assignment of scan to no column", e.span);
            };
            let sx = self.expr(e, row)?;
            items.push(self.convert(sx, columns[*index].ty, e.span)?.sql);
            assigned.push(place);
        }
        Ok((format!("SELECT {}", items.join(", ")), assigned))
    }

    /// A column of a step's state as a parameter.
    pub(super) fn scan_state(&mut self, step: usize, column: usize, e: &Expr) -> Result<Sx> {
        match &self.scan_width {
            Some((width, types)) if column < *width => {
                let ty = types[column];
                let sql = format!("?{}", (step + 1) * width + column + 1);
                Ok(Sx {
                    nan: ty == Type::Real,
                    literal: None::<Value>,
                    ..Sx::new(sql, ty)
                })
            }
            _ => Self::refuse("a step's state outside of scan", e.span),
        }
    }
}

/// Asks a step about a row in a state; the row with its assignments comes back where the condition holds.
fn ask(
    step: &mut Ready<'_>,
    cells: &[Cell],
    state: &State,
    inputs: usize,
) -> rusqlite::Result<Option<Vec<Cell>>> {
    let most = step.ask.parameter_count();
    let all = cells.iter().chain(state.steps.iter().flatten()).take(most);
    let mut rows = step.ask.query(params_from_iter(all))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    if row.get::<_, Option<i64>>(0)?.unwrap_or(0) == 0 {
        return Ok(None);
    }
    let mut out = cells.to_vec();
    debug_assert!(out.len() >= inputs);
    for (i, place) in step.assigned.iter().enumerate() {
        out[*place] = row.get(i + 1)?;
    }
    Ok(Some(out))
}

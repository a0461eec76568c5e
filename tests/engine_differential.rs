//! Random queries over small random tables: the engine against a plain interpreter of the same
//! bound tree (`engine_model`). A case is a tape of choices, so a failing one shrinks to a short
//! query over few rows; it is printed as a query that brings its own rows, with both results.
//!
//! `NIGHTJAR_DIFFERENTIAL=20000:7` runs so many cases from another seed.

#![expect(clippy::print_stderr, reason = "the figures are said aloud")]

mod engine_model;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use engine_model::generate::{TABLES, Tape, Writer, table};
use engine_model::rel::{Model, Rows};
use engine_model::value::{Stop, V, same_row};
use nightjar::engine::{Catalog, Engine, EngineError, Options, ResultSet, TableDef, to_cell};
use nightjar::kql::bound::{BoundQuery, Column};
use nightjar::kql::{Schema, analyze};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

type Tables = BTreeMap<String, Vec<Vec<V>>>;

/// How often each outcome came, by its reason.
#[derive(Default)]
struct Counts {
    compared: usize,
    cells: usize,
    operators: (usize, usize),
    unbound: usize,
    open: BTreeMap<String, usize>,
    unknown: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
}

/// The engine with its tables.
struct Bench {
    engine: Engine,
    catalog: Catalog,
    schema: Schema,
    counts: RefCell<Counts>,
}

impl Bench {
    fn new() -> Self {
        let engine = Engine::in_memory().expect("SQLite opens");
        let mut catalog = Catalog::new();
        let mut schema = Schema::with_hunting_functions();
        for (name, columns) in TABLES {
            let def = TableDef::native(*name, columns.iter().copied());
            engine
                .connection()
                .execute_batch(&def.create_sql())
                .expect("a table is made");
            catalog.insert(def);
            schema.add_table(*name, columns.iter().map(|(n, ty)| Column::new(*n, *ty)));
        }
        Self {
            engine,
            catalog,
            schema,
            counts: RefCell::default(),
        }
    }

    fn bind(&self, query: &str) -> Option<BoundQuery> {
        analyze(query, &self.schema).bound
    }

    /// The query a tape stands for; operators that do not bind are left out.
    fn query(&self, tape: &mut Tape<'_>) -> Option<String> {
        let mut writer = Writer::new(tape);
        let (before, source) = writer.source();
        let mut query = format!("{before}{source}");
        let mut bound = self.bind(&query)?;
        for _ in 0..5 {
            let op = writer.operator(bound.body.columns());
            let longer = format!("{query}\n| {op}");
            let counts = &mut self.counts.borrow_mut().operators;
            counts.1 += 1;
            if let Some(more) = self.bind(&longer) {
                (query, bound) = (longer, more);
            } else {
                counts.0 += 1;
            }
            if writer.ends() {
                break;
            }
        }
        Some(query)
    }

    fn run(&self, query: &str, tables: &Tables) -> Result<ResultSet, EngineError> {
        let connection = self.engine.connection();
        for def in self.catalog.tables() {
            connection
                .execute_batch(&format!("DELETE FROM {}", def.name))
                .expect("rows go");
            let mut insert = connection
                .prepare_cached(&def.insert_sql())
                .expect("SQL reads");
            for row in &tables[&def.name] {
                let cells = row
                    .iter()
                    .zip(&def.columns)
                    .map(|(v, c)| to_cell(&v.engine(c.ty)));
                insert
                    .execute(rusqlite::params_from_iter(cells))
                    .expect("a row is stored");
            }
        }
        self.engine.run(query, &self.catalog, &Options::default())
    }

    /// Runs one case both ways; a difference comes back as text.
    fn check(&self, query: &str, tables: &Tables) -> Result<(), String> {
        let Some(bound) = self.bind(query) else {
            self.counts.borrow_mut().unbound += 1;
            return Ok(());
        };
        let model = Model {
            query: &bound,
            tables,
            any_order: Cell::new(0),
        };
        let expected = model.rel(&bound.body, None);
        let told = |what: &str| format!("{}\n{what}", self_contained(query, tables));
        let got = match self.run(query, tables) {
            Ok(got) => got,
            Err(EngineError::Unsupported { .. }) => {
                self.count(|c| &mut c.refused, "refused");
                return Ok(());
            }
            Err(error) => {
                match expected {
                    Err(Stop::Open(why)) => self.count(|c| &mut c.open, why),
                    _ => return Err(told(&format!("the engine fails: {error}"))),
                }
                return Ok(());
            }
        };
        let expected = match expected {
            Ok(rows) => rows,
            Err(Stop::Open(why)) => {
                self.count(|c| &mut c.open, why);
                return Ok(());
            }
            Err(Stop::Unknown(what)) => {
                self.count(
                    |c| &mut c.unknown,
                    &what.chars().take(60).collect::<String>(),
                );
                return Ok(());
            }
        };
        let columns = bound.body.columns();
        let got_rows: Vec<Vec<V>> = got
            .rows
            .iter()
            .map(|row| {
                row.iter()
                    .zip(columns.iter())
                    .map(|(v, c)| V::of(v, c.ty))
                    .collect()
            })
            .collect::<Result<_, _>>()
            .map_err(|e| told(&format!("a cell that does not read: {e:?}")))?;
        let mut counts = self.counts.borrow_mut();
        counts.compared += 1;
        counts.cells += got_rows.len() * columns.len();
        drop(counts);
        if same_columns(&got.columns, columns) && agree(&expected, &got_rows) {
            return Ok(());
        }
        let sql = self
            .engine
            .explain(query, &self.catalog, &Options::default());
        let mut what = String::from("expected:\n");
        print_rows(&mut what, &expected.rows);
        let _ = writeln!(
            what,
            "got ({:?}):",
            got.columns
                .iter()
                .map(|c| (&c.name, c.ty))
                .collect::<Vec<_>>()
        );
        print_rows(&mut what, &got_rows);
        let _ = writeln!(what, "{}", sql.unwrap_or_default());
        Err(told(&what))
    }

    fn count(&self, of: impl Fn(&mut Counts) -> &mut BTreeMap<String, usize>, why: &str) {
        *of(&mut self.counts.borrow_mut())
            .entry(why.to_owned())
            .or_default() += 1;
    }
}

fn same_columns(a: &[Column], b: &[Column]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(x, y)| x.name == y.name && x.ty == y.ty)
}

/// Whether rows are those expected: of one rank in any order, of several rank by rank.
fn agree(expected: &Rows, got: &[Vec<V>]) -> bool {
    if expected.rows.len() != got.len() {
        return false;
    }
    let mut from = 0;
    while from < got.len() {
        let to = expected
            .rank
            .as_ref()
            .map_or(got.len(), |r| r.partition_point(|x| *x <= r[from]));
        let mut left: Vec<&Vec<V>> = got[from..to].iter().collect();
        for row in &expected.rows[from..to] {
            match left.iter().position(|g| same_row(g, row)) {
                Some(at) => left.swap_remove(at),
                None => return false,
            };
        }
        from = to;
    }
    true
}

fn print_rows(out: &mut String, rows: &[Vec<V>]) {
    for row in rows {
        let _ = writeln!(out, "  {row:?}");
    }
}

/// The query with its tables before it.
fn self_contained(query: &str, tables: &Tables) -> String {
    let mut out = String::new();
    for (name, columns) in TABLES {
        let head: Vec<String> = columns.iter().map(|(n, ty)| format!("{n}:{ty}")).collect();
        let _ = writeln!(out, "let {name} = datatable({}) [", head.join(", "));
        for row in &tables[*name] {
            let cells: Vec<String> = row
                .iter()
                .zip(*columns)
                .map(|(v, (_, ty))| v.literal(*ty))
                .collect();
            let _ = writeln!(out, "  {},", cells.join(", "));
        }
        out.push_str("];\n");
    }
    out + query
}

fn tables(tape: &mut Tape<'_>) -> Tables {
    TABLES
        .iter()
        .map(|(name, columns)| ((*name).to_owned(), table(columns, tape)))
        .collect()
}

#[test]
fn random_queries_agree_with_the_model() {
    let asked = std::env::var("NIGHTJAR_DIFFERENTIAL").unwrap_or_default();
    let (cases, seed) = asked.split_once(':').unwrap_or((&asked, "1"));
    let cases = cases.parse().unwrap_or(1500);
    let seed: u64 = seed.parse().unwrap_or(1);
    let config = Config {
        cases,
        max_shrink_iters: 6000,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let bench = Bench::new();
    let choices = || prop::collection::vec(any::<u16>(), 0..120);
    let outcome = runner.run(&(choices(), choices()), |(rows, words)| {
        let tables = tables(&mut Tape::new(&rows));
        let Some(query) = bench.query(&mut Tape::new(&words)) else {
            bench.counts.borrow_mut().unbound += 1;
            return Ok(());
        };
        bench.check(&query, &tables).map_err(TestCaseError::fail)
    });
    let counts = bench.counts.borrow();
    let (out, all) = counts.operators;
    eprintln!(
        "{} of {cases} cases compared, {} cells; {out} of {all} operators did not bind, {} queries; \
         refused {:?}; unknown to the model {:?}; left open {:?}",
        counts.compared, counts.cells, counts.unbound, counts.refused, counts.unknown, counts.open
    );
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
    assert!(out * 2 < all, "too many operators do not bind");
    assert!(
        counts.compared * 2 > cases as usize,
        "too few cases are compared"
    );
}

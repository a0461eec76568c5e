//! Aggregates SQL lacks, registered under names that begin with `k_`.

mod ranked;
mod states;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, Result};
use serde_json::{Map, Value as Json};

use super::functions::{Args, refuse};
use super::limits::Control;
use super::{dynamic, value};

/// Gathers the rows of one group.
trait Gather: Default + Send + UnwindSafe + RefUnwindSafe + 'static {
    /// One row.
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()>;
    /// Bytes kept for the group, about.
    fn held(&self) -> usize {
        0
    }
    /// The answer; also of a group without rows.
    fn finish(self) -> Cell;
}

/// What an entry of a set or list costs beside its bytes.
const ENTRY: usize = 48;

/// An aggregate as SQLite calls it, with the limits of the query.
struct Of<G> {
    /// Its name in the language.
    name: &'static str,
    control: Control,
    gather: PhantomData<fn() -> G>,
}

impl<G: Gather> Aggregate<G, Cell> for Of<G> {
    fn init(&self, _: &mut Context<'_>) -> Result<G> {
        Ok(G::default())
    }

    fn step(&self, context: &mut Context<'_>, group: &mut G) -> Result<()> {
        if self.control.is_stopped() {
            return refuse("stopped");
        }
        let before = group.held();
        group.step(&Args::new(context))?;
        let now = group.held();
        if now != before && !self.control.keep(self.name, before, now) {
            return refuse("too large");
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, group: Option<G>) -> Result<Cell> {
        let group = group.unwrap_or_default();
        self.control.keep(self.name, group.held(), 0);
        // The values are gone through once more, for nobody.
        if self.control.is_stopped() {
            return refuse("stopped");
        }
        Ok(group.finish())
    }
}

/// Adds all aggregates to a connection.
pub fn register(connection: &Connection, control: &Control) -> Result<()> {
    let to = &(connection, control);
    add::<List<false>>(to, "k_list", "make_list()")?;
    add::<List<true>>(to, "k_list_nulls", "make_list_with_nulls()")?;
    add::<Set>(to, "k_set", "make_set()")?;
    add::<Cells<false>>(to, "k_list_cells", "make_list()")?;
    add::<Cells<true>>(to, "k_set_cells", "make_set()")?;
    add::<Bag>(to, "k_bag_of", "make_bag()")?;
    add::<Best<true>>(to, "k_arg_max", "arg_max()")?;
    add::<Best<false>>(to, "k_arg_min", "arg_min()")?;
    add::<AnyRow>(to, "k_any", "take_any()")?;
    add::<ranked::Percentile>(to, "k_percentile", "percentile()")?;
    add::<ranked::PercentileArray>(to, "k_percentiles_array", "percentiles_array()")?;
    add::<Spread<SAMPLE_VARIANCE>>(to, "k_variance", "variance()")?;
    add::<Spread<VARIANCE>>(to, "k_variancep", "variancep()")?;
    add::<Spread<SAMPLE_DEVIATION>>(to, "k_stdev", "stdev()")?;
    add::<Spread<DEVIATION>>(to, "k_stdevp", "stdevp()")?;
    add::<Numbers<SUM>>(to, "k_sum", "sum()")?;
    add::<Numbers<AVG>>(to, "k_avg", "avg()")?;
    add::<Numbers<MIN>>(to, "k_min", "min()")?;
    add::<Numbers<MAX>>(to, "k_max", "max()")?;
    add::<Bits<AND>>(to, "k_bits_and", "binary_all_and()")?;
    add::<Bits<OR>>(to, "k_bits_or", "binary_all_or()")?;
    add::<Bits<XOR>>(to, "k_bits_xor", "binary_all_xor()")?;
    add::<states::Schema>(to, "k_schema", "buildschema()")?;
    add::<states::Covariance<true>>(to, "k_covariance", "covariance()")?;
    add::<states::Covariance<false>>(to, "k_covariancep", "covariancep()")?;
    add::<Series>(to, "k_make_series", "make-series")
}

fn add<G: Gather>(
    (connection, control): &(&Connection, &Control),
    function: &str,
    name: &'static str,
) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    let aggregate = Of::<G> {
        name,
        control: (*control).clone(),
        gather: PhantomData,
    };
    connection.create_aggregate_function(function, -1, flags, aggregate)
}

/// The most elements of a list or set: the documented limit, and the default where a query gives none.
const MOST_ELEMENTS: usize = 1_048_576;

/// A JSON array being written: far smaller than the values it is read back to.
#[derive(Default)]
struct Elements {
    text: String,
    count: usize,
}

impl Elements {
    /// Whether there are as many as an argument allows.
    fn is_full(&self, a: &Args<'_, '_>, argument: usize) -> bool {
        let most = a.int(argument).map_or(MOST_ELEMENTS, |most| {
            usize::try_from(most.max(0)).map_or(MOST_ELEMENTS, |most| most.min(MOST_ELEMENTS))
        });
        self.count >= most
    }

    fn push(&mut self, json: &str) {
        self.text.push(if self.count == 0 { '[' } else { ',' });
        self.text.push_str(json);
        self.count += 1;
    }

    fn held(&self) -> usize {
        self.text.capacity()
    }

    fn finish(mut self) -> Cell {
        self.text.push_str(if self.count == 0 { "[]" } else { "]" });
        Cell::Text(self.text)
    }
}

/// `(JSON[, most])`: values in order of arrival; nulls are skipped or kept.
#[derive(Default)]
struct List<const NULLS: bool>(Elements);

impl<const NULLS: bool> Gather for List<NULLS> {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if !self.0.is_full(a, 1) && (NULLS || !a.is_null(0)) {
            self.0.push(&a.json(0).to_string());
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.0.held()
    }

    fn finish(self) -> Cell {
        self.0.finish()
    }
}

/// `(JSON[, most])`: distinct values in order of first arrival; arrays give their elements.
#[derive(Default)]
struct Set {
    seen: HashSet<String>,
    values: Elements,
    held: usize,
}

impl Gather for Set {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if self.values.is_full(a, 1) {
            return Ok(());
        }
        let items = match a.json(0) {
            Json::Array(items) => items,
            one => vec![one],
        };
        for item in items.iter().filter(|item| !item.is_null()) {
            let text = item.to_string();
            if !self.values.is_full(a, 1) && !self.seen.contains(&text) {
                self.values.push(&text);
                self.held += text.len() + ENTRY;
                self.seen.insert(text);
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.held + self.values.held()
    }

    fn finish(self) -> Cell {
        self.values.finish()
    }
}

/// `(cell, type[, most])`: as `List` and `Set`, of cells of one type that is not dynamic: JSON is written
/// only of what is kept.
#[derive(Default)]
struct Cells<const DISTINCT: bool> {
    seen: HashSet<Box<[u8]>>,
    values: Elements,
    held: usize,
}

impl<const DISTINCT: bool> Gather for Cells<DISTINCT> {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        let cell = a.cell(0);
        if matches!(cell, ValueRef::Null) || self.values.is_full(a, 2) {
            return Ok(());
        }
        if DISTINCT {
            let number;
            let bytes: &[u8] = match cell {
                ValueRef::Integer(i) => {
                    number = i.to_le_bytes();
                    &number
                }
                ValueRef::Real(r) => {
                    number = r.to_le_bytes();
                    &number
                }
                ValueRef::Text(t) | ValueRef::Blob(t) => t,
                ValueRef::Null => b"",
            };
            if self.seen.contains(bytes) {
                return Ok(());
            }
            self.seen.insert(bytes.into());
            self.held += bytes.len() + ENTRY;
        }
        let ty = crate::kql::types::Type::from_name(&a.text(1));
        let json = ty.map_or(Json::Null, |ty| dynamic::from_cell(cell, ty));
        if !json.is_null() {
            self.values.push(&json.to_string());
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.held + self.values.held()
    }

    fn finish(self) -> Cell {
        self.values.finish()
    }
}

/// `(JSON)`: bags merged; of a name seen twice the first value stays.
#[derive(Default)]
struct Bag(Map<String, Json>);

impl Gather for Bag {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if let Json::Object(bag) = a.json(0) {
            dynamic::merge_into(&mut self.0, &bag);
        }
        Ok(())
    }

    fn finish(self) -> Cell {
        Cell::Text(Json::Object(self.0).to_string())
    }
}

/// Compares cells of one type as SQLite does; NULL is not compared.
fn compare(a: &Cell, b: ValueRef<'_>) -> Ordering {
    match (a, b) {
        (Cell::Integer(x), ValueRef::Integer(y)) => x.cmp(&y),
        (Cell::Text(x), ValueRef::Text(y)) => x.as_bytes().cmp(y),
        (Cell::Real(x), ValueRef::Real(y)) => x.partial_cmp(&y).unwrap_or(Ordering::Equal),
        (Cell::Integer(x), ValueRef::Real(y)) => {
            (*x as f64).partial_cmp(&y).unwrap_or(Ordering::Equal)
        }
        (Cell::Real(x), ValueRef::Integer(y)) => {
            x.partial_cmp(&(y as f64)).unwrap_or(Ordering::Equal)
        }
        // `NaN` is the one text among reals; it loses against every number.
        (Cell::Text(_), _) => Ordering::Less,
        (_, ValueRef::Text(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// `(key, cell…)`: the cells of the row with the greatest or least key, packed for `k_unpack`. The
/// first such row wins; a null key loses against every other.
#[derive(Default)]
struct Best<const MAX: bool> {
    key: Option<Cell>,
    row: Option<Vec<Cell>>,
}

impl<const MAX: bool> Gather for Best<MAX> {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        let better = match (&self.key, a.cell(0)) {
            (_, ValueRef::Null) => self.row.is_none(),
            (None, _) => true,
            (Some(best), cell) => {
                compare(best, cell)
                    == if MAX {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    }
            }
        };
        if better {
            self.key = match a.cell(0) {
                ValueRef::Null => None,
                cell => Some(value::owned(cell)),
            };
            self.row = Some((1..a.len()).map(|i| value::owned(a.cell(i))).collect());
        }
        Ok(())
    }

    fn finish(self) -> Cell {
        self.row.map_or(Cell::Null, |row| pack(&row))
    }
}

/// `(cell…)`: the cells of one row, the first whose first cell is neither null nor empty if there is one.
#[derive(Default)]
struct AnyRow {
    row: Option<Vec<Cell>>,
    full: bool,
}

impl Gather for AnyRow {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if self.full {
            return Ok(());
        }
        let full = !matches!(a.cell(0), ValueRef::Null | ValueRef::Text(b""));
        if full || self.row.is_none() {
            self.row = Some((0..a.len()).map(|i| value::owned(a.cell(i))).collect());
            self.full = full;
        }
        Ok(())
    }

    fn finish(self) -> Cell {
        self.row.map_or(Cell::Null, |row| pack(&row))
    }
}

/// Packs cells into one BLOB: a letter for the storage class, then the bytes.
fn pack(row: &[Cell]) -> Cell {
    let mut out = Vec::new();
    for cell in row {
        match cell {
            Cell::Null => out.push(b'n'),
            Cell::Integer(i) => {
                out.push(b'i');
                out.extend(i.to_le_bytes());
            }
            Cell::Real(r) => {
                out.push(b'r');
                out.extend(r.to_le_bytes());
            }
            Cell::Text(t) => {
                out.push(b't');
                out.extend((t.len() as u64).to_le_bytes());
                out.extend(t.as_bytes());
            }
            Cell::Blob(b) => {
                out.push(b'b');
                out.extend((b.len() as u64).to_le_bytes());
                out.extend(b);
            }
        }
    }
    Cell::Blob(out)
}

/// Cell number `index` of a packed row; NULL for anything that is no packed row.
pub fn unpack(packed: &[u8], index: usize) -> Cell {
    let mut rest = packed;
    let eight = |bytes: &[u8]| bytes.get(..8).and_then(|b| <[u8; 8]>::try_from(b).ok());
    for at in 0..=index {
        let Some((tag, bytes)) = rest.split_first() else {
            return Cell::Null;
        };
        let (cell_len, cell) = match tag {
            b'n' => (0, Cell::Null),
            b'i' | b'r' => {
                let Some(raw) = eight(bytes) else {
                    return Cell::Null;
                };
                let cell = if *tag == b'i' {
                    Cell::Integer(i64::from_le_bytes(raw))
                } else {
                    Cell::Real(f64::from_le_bytes(raw))
                };
                (8, cell)
            }
            _ => {
                let Some(raw) = eight(bytes) else {
                    return Cell::Null;
                };
                let len = u64::from_le_bytes(raw) as usize;
                let Some(body) = bytes.get(8..8 + len) else {
                    return Cell::Null;
                };
                let cell = if at < index {
                    Cell::Null
                } else if *tag == b't' {
                    Cell::Text(value::cell_text(body))
                } else {
                    Cell::Blob(body.to_vec())
                };
                (8 + len, cell)
            }
        };
        if at == index {
            return cell;
        }
        rest = &bytes[cell_len..];
    }
    Cell::Null
}

const SAMPLE_VARIANCE: u8 = 0;
const VARIANCE: u8 = 1;
const SAMPLE_DEVIATION: u8 = 2;
const DEVIATION: u8 = 3;

/// Variance in one pass (Welford).
#[derive(Default)]
struct Spread<const KIND: u8> {
    count: f64,
    mean: f64,
    squares: f64,
}

impl<const KIND: u8> Gather for Spread<KIND> {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if let Some(x) = a.real(0) {
            self.count += 1.0;
            let delta = x - self.mean;
            self.mean += delta / self.count;
            self.squares += delta * (x - self.mean);
        }
        Ok(())
    }

    fn finish(self) -> Cell {
        if self.count == 0.0 {
            return Cell::Null;
        }
        let sample = matches!(KIND, SAMPLE_VARIANCE | SAMPLE_DEVIATION);
        let divisor = if sample {
            (self.count - 1.0).max(1.0)
        } else {
            self.count
        };
        let variance = self.squares / divisor;
        let root = matches!(KIND, SAMPLE_DEVIATION | DEVIATION);
        value::real_cell(if root { variance.sqrt() } else { variance })
    }
}

const SUM: u8 = 0;
const AVG: u8 = 1;
const MIN: u8 = 2;
const MAX: u8 = 3;

/// Sums and bounds of reals that may be not-a-number, which SQLite's own do not know.
#[derive(Default)]
struct Numbers<const KIND: u8> {
    count: f64,
    value: f64,
}

impl<const KIND: u8> Gather for Numbers<KIND> {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if let Some(x) = a.real(0) {
            self.value = match KIND {
                SUM | AVG => self.value + x,
                _ if self.count == 0.0 => x,
                MIN => self.value.min(x),
                _ => self.value.max(x),
            };
            self.count += 1.0;
        }
        Ok(())
    }

    fn finish(self) -> Cell {
        if self.count == 0.0 {
            return Cell::Null;
        }
        value::real_cell(if KIND == AVG {
            self.value / self.count
        } else {
            self.value
        })
    }
}

const AND: u8 = 0;
const OR: u8 = 1;
const XOR: u8 = 2;

/// Bitwise aggregates of integers.
#[derive(Default)]
struct Bits<const KIND: u8>(Option<i64>);

impl<const KIND: u8> Gather for Bits<KIND> {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if let Some(x) = a.int(0) {
            self.0 = Some(match (self.0, KIND) {
                (None, _) => x,
                (Some(y), AND) => x & y,
                (Some(y), OR) => x | y,
                (Some(y), _) => x ^ y,
            });
        }
        Ok(())
    }

    fn finish(self) -> Cell {
        self.0.map_or(Cell::Null, Cell::Integer)
    }
}

/// `(bin, JSON, bins, default JSON)`: an array with the value of each bin, the default where none came.
#[derive(Default)]
struct Series {
    values: Vec<Json>,
}

/// The longest series one group may have.
const LONGEST_SERIES: i64 = 1_048_576;

impl Gather for Series {
    fn step(&mut self, a: &Args<'_, '_>) -> Result<()> {
        if self.values.is_empty() {
            let bins = a.int(2).unwrap_or(0).clamp(0, LONGEST_SERIES);
            self.values = vec![a.json(3); bins as usize];
        }
        if let Some(slot) = a
            .int(0)
            .and_then(|i| usize::try_from(i).ok())
            .and_then(|i| self.values.get_mut(i))
            && !a.is_null(1)
        {
            *slot = a.json(1);
        }
        Ok(())
    }

    fn finish(self) -> Cell {
        Cell::Text(Json::Array(self.values).to_string())
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    fn text(sql: &str) -> String {
        let db = Connection::open_in_memory().expect("works");
        crate::engine::functions::register(&db).expect("works");
        db.query_row(&format!("SELECT CAST(({sql}) AS TEXT)"), [], |r| {
            r.get::<_, Option<String>>(0)
        })
        .expect("works")
        .unwrap_or_else(|| "NULL".into())
    }

    #[test]
    fn lists_sets_and_bags() {
        let rows = "FROM (VALUES ('1'),(NULL),('\"a\"'),('1'),('[2,1]'))";
        assert_eq!(
            text(&format!("SELECT k_list(column1) {rows}")),
            "[1,\"a\",1,[2,1]]"
        );
        assert_eq!(
            text(&format!("SELECT k_set(column1) {rows}")),
            "[1,\"a\",2]"
        );
        assert_eq!(
            text(&format!("SELECT k_list(column1, 2) {rows}")),
            "[1,\"a\"]"
        );
        assert_eq!(text("SELECT k_list('1') WHERE 0"), "[]");
        assert_eq!(
            text("SELECT k_bag_of(column1) FROM (VALUES ('{\"a\":1}'),('{\"a\":2,\"b\":3}'))"),
            "{\"a\":1,\"b\":3}"
        );
    }

    #[test]
    fn the_best_row_comes_whole() {
        let rows = "FROM (VALUES (NULL,'n',0.5),(2,'two',1.5),(3,'three',2.5),(3,'later',3.5))";
        assert_eq!(
            text(&format!(
                "SELECT k_unpack(k_arg_max(column1, column2, column3), 0) {rows}"
            )),
            "three"
        );
        assert_eq!(
            text(&format!(
                "SELECT k_unpack(k_arg_min(column1, column2, column3), 1) {rows}"
            )),
            "1.5"
        );
        assert_eq!(text("SELECT k_unpack(k_arg_max(NULL, 'x'), 0)"), "x");
        assert_eq!(
            text("SELECT k_unpack(k_arg_max(1, 'x'), 0) WHERE 0"),
            "NULL"
        );
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let rows = "FROM json_each('[3,1,2,4]')";
        assert_eq!(text(&format!("SELECT k_percentile(value, 50) {rows}")), "2");
        assert_eq!(
            text(&format!("SELECT k_percentile(value, 99.5) {rows}")),
            "4"
        );
        assert_eq!(
            text(&format!("SELECT round(k_stdev(value), 4) {rows}")),
            "1.291"
        );
        assert_eq!(text(&format!("SELECT k_variancep(value) {rows}")), "1.25");
    }

    #[test]
    fn series_fill_their_gaps() {
        assert_eq!(
            text(
                "SELECT k_make_series(column1, column2, 3, '0') FROM (VALUES (0,'5'),(2,'7'),(9,'1'))"
            ),
            "[5,0,7]"
        );
    }
}

//! Functions that rows are piped into, and when rows came in: both need facts that only the
//! catalogue's maker has.

use rusqlite::functions::FunctionFlags;
use rusqlite::params_from_iter;
use rusqlite::types::{Value as Cell, ValueRef};

use super::frag::{Col, Frag, Sx};
use super::{Planner, expr};
use crate::engine::error::{EngineError, Result};
use crate::engine::sql::type_affinity;
use crate::engine::value::to_cell;
use crate::kql::bound::{Argument, Column, Expr, Op};
use crate::kql::types::{Type, Value};

/// Files that `FileProfile` looks up where the query gives no number, and at most.
const FILES: (i64, i64) = (100, 1000);

impl Planner<'_> {
    /// Plans `invoke F(...)`.
    pub(super) fn invoke(
        &mut self,
        frag: Frag,
        function: &str,
        args: &[Argument],
        op: &Op,
    ) -> Result<Frag> {
        if function == "FileProfile" {
            return self.file_profile(frag, args, op);
        }
        Err(EngineError::absent(
            format!("{function}: nothing is known here of what it looks up"),
            "it needs the service's own data",
            op.span,
        ))
    }

    /// `invoke FileProfile([column[, number]])`: what is known of each file, beside its row. The rows so
    /// far are computed, and the files of the first of them looked up.
    fn file_profile(&mut self, frag: Frag, args: &[Argument], op: &Op) -> Result<Frag> {
        let catalog = self.catalog;
        if catalog.file_facts.is_empty() {
            return Err(EngineError::absent(
                "FileProfile: nothing is known of files here",
                "it needs the service's own data",
                op.span,
            ));
        }
        let mut scalars = args.iter().filter_map(|a| match a {
            Argument::Scalar(e) | Argument::Named(_, e) => Some(e),
            Argument::Table(_) | Argument::Star => None,
        });
        let (file, number) = (scalars.next(), scalars.next());
        let most = match number {
            Some(e) => match self.expr(e, &Frag::default())?.literal {
                Some(Value::Long(n)) => n,
                Some(Value::Int(n)) => i64::from(n),
                _ => return Self::refuse("FileProfile with a number that is no constant", e.span),
            },
            None => FILES.0,
        };
        let most = most.clamp(1, FILES.1);

        let mut frag = self.open(frag);
        let place = self.file_column(file, &frag, op)?;
        let number = frag.cols.len();
        let over = frag.window(&[], "");
        let hidden = Sx::new(format!("row_number() {over}"), Type::Long).solid();
        frag.cols.push(Col {
            name: "\u{0}file".to_owned(),
            sx: hidden,
            simple: false,
        });
        frag.sealed = true;
        let mut frag = self.settle(&frag)?;
        let counted = frag.cols[number].sx.sql.clone();
        frag.cols.truncate(number);
        let column = frag.cols[place].sx.clone();
        let key = self.convert(column, Type::String, op.span)?.sql;

        let known = frag.known.len();
        let added: Vec<Column> = op.columns.iter().skip(known).cloned().collect();
        let asked = format!(
            "SELECT DISTINCT {key} FROM {} WHERE {counted} <= {most} AND {key} <> ''",
            frag.from
        );
        let facts = self.look_up_files(&asked, &added)?;
        let alias = self.name('t');
        for (i, column) in added.into_iter().enumerate() {
            let sql = format!("{alias}.c{i}");
            let sx = match column.ty {
                Type::String => Sx::new(format!("coalesce({sql}, '')"), Type::String),
                ty => Sx::new(sql, ty).wild(),
            };
            frag.known.push(frag.cols.len());
            frag.cols.push(Col {
                name: column.name,
                sx,
                simple: true,
            });
        }
        frag.from = format!(
            "{} LEFT JOIN {facts} AS {alias} ON {alias}.hash = {key} AND {counted} <= {most}",
            frag.from
        );
        Ok(frag)
    }

    /// A temporary table with what is known of the files whose hashes a statement gives.
    fn look_up_files(&mut self, asked: &str, columns: &[Column]) -> Result<String> {
        let (connection, catalog) = (self.connection, self.catalog);
        let table = format!("k_rows_{}", self.name('q'));
        let made: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(i, c)| format!(", c{i} {}", type_affinity(c.ty)))
            .collect();
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE {table} (hash TEXT PRIMARY KEY{})",
            made.concat()
        ))?;
        self.temporary.push(table.clone());
        let places = vec!["?"; columns.len() + 1].join(", ");
        let mut insert =
            connection.prepare(&format!("INSERT INTO temp.{table} VALUES ({places})"))?;
        let mut statement = connection.prepare(&self.statement(asked))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            (self.check)()?;
            let hash: String = row.get(0)?;
            let Some(known) = catalog.file_facts.of(&hash) else {
                continue;
            };
            let values = columns.iter().map(|column| {
                let found = known.iter().find(|(name, _)| *name == column.name);
                found.map_or(Cell::Null, |(_, value)| to_cell(value))
            });
            let cells: Vec<Cell> = std::iter::once(Cell::Text(hash)).chain(values).collect();
            insert.execute(params_from_iter(cells))?;
        }
        Ok(format!("temp.{table}"))
    }

    /// The place of the column that names files: given as itself or by its name, or `SHA1`.
    fn file_column(&mut self, file: Option<&Expr>, frag: &Frag, op: &Op) -> Result<usize> {
        let name = match file {
            Some(e) => {
                if let Some(place) = expr::plain_column(e, frag) {
                    return Ok(place);
                }
                match self.expr(e, &Frag::default())?.literal {
                    Some(Value::String(name)) => name,
                    _ => return Self::refuse("FileProfile of an expression", e.span),
                }
            }
            None => "SHA1".to_owned(),
        };
        let found = frag.cols.iter().position(|c| c.name == name);
        found.ok_or_else(|| {
            EngineError::failed(
                format!("FileProfile: there is no column '{name}' in these rows"),
                op.span,
            )
        })
    }

    /// `geo_info_from_ip_address(address)`: where it lies, asked of the catalogue.
    pub(super) fn place(&mut self, address: &Expr, e: &Expr, frag: &Frag) -> Result<Sx> {
        if self.catalog.places.is_empty() {
            return Err(EngineError::absent(
                "geo_info_from_ip_address: it is not known here where addresses lie",
                "look the network up in a table of yours with ipv4_lookup",
                e.span,
            ));
        }
        let address = self.one(address, 't', frag)?;
        // The function of this query stands in place of that of the one before.
        let places = self.catalog.places.clone();
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        self.connection
            .create_scalar_function("k_place", 1, flags, move |context| {
                Ok(match context.get_raw(0) {
                    ValueRef::Text(text) => places.of(&String::from_utf8_lossy(text)),
                    _ => None,
                })
            })?;
        Ok(Sx::new(format!("k_place({address})"), Type::Dynamic))
    }

    /// `ingestion_time()`: when the row came in, where the table's owner knows.
    pub(super) fn ingestion_time(&mut self, e: &Expr, frag: &Frag) -> Result<Sx> {
        if let Some(at) = &frag.ingestion {
            return Ok(Sx::new(at.clone(), Type::DateTime));
        }
        if self.arrivals.is_none() {
            self.arrivals = Some(false);
        }
        Err(EngineError::absent(
            "ingestion_time: it is not known here when these rows came in",
            "compare the column that has the time of the event",
            e.span,
        ))
    }
}

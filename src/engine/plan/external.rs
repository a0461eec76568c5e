//! `externaldata`: files the user allows, read once into a temporary table.

use std::io;

use rusqlite::params_from_iter;

use super::Planner;
use super::frag::{Col, Frag, Sx};
use crate::engine::error::{EngineError, Result};
use crate::engine::external::{self, Format, Mapping, Shape};
use crate::engine::sql::type_affinity;
use crate::kql::bound::{Column, Rel};

/// Rows between two looks at the time limit.
const ROWS_BETWEEN_CHECKS: usize = 1024;

/// Why reading stopped.
enum Stop {
    Io(io::Error),
    Engine(EngineError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Planner<'_> {
    /// Plans `externaldata` by reading it.
    pub(super) fn external_data(
        &mut self,
        rel: &Rel,
        uris: &[String],
        options: &[(String, String)],
    ) -> Result<Frag> {
        let columns: &[Column] = &rel.source_columns;
        let (mut format, mut skip_first, mut mapping) = (None, false, None);
        for (name, value) in options {
            match name.to_ascii_lowercase().as_str() {
                "format" => {
                    let Some(known) = Format::named(value) else {
                        return Self::refuse(format!("format '{value}' of externaldata"), rel.span);
                    };
                    format = Some(known);
                }
                "ignorefirstrecord" => skip_first = value.eq_ignore_ascii_case("true"),
                "ingestionmapping" => mapping = Some(read_mapping(value, columns, rel)?),
                "ingestionmappingtype" | "ingestionmappingkind" => {}
                _ => return Self::refuse(format!("option '{name}' of externaldata"), rel.span),
            }
        }
        let table = format!("k_rows_{}", self.name('q'));
        let made: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(i, c)| format!("c{i} {}", type_affinity(c.ty)))
            .collect();
        let connection = self.connection;
        connection.execute_batch(&format!("CREATE TEMP TABLE {table} ({})", made.join(", ")))?;
        self.temporary.push(table.clone());
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert =
            connection.prepare(&format!("INSERT INTO temp.{table} VALUES ({places})"))?;
        for uri in uris {
            let shown = external::bare(uri);
            let failed = |error: &dyn std::fmt::Display| {
                EngineError::failed(format!("externaldata '{shown}': {error}"), rel.span)
            };
            let Some(reader) = self.catalog.external.open(uri).map_err(|e| failed(&e))? else {
                return Err(EngineError::Absent {
                    what: format!("externaldata: '{shown}' stands for no local file"),
                    span: rel.span,
                    instead: Some(
                        "nothing is fetched from outside; allow a file for it, or give the rows as a datatable"
                            .to_owned(),
                    ),
                });
            };
            let ending = shown.rsplit('.').next().unwrap_or_default();
            if ending.eq_ignore_ascii_case("zip") {
                return Self::refuse("a packed folder (.zip) of externaldata", rel.span);
            }
            let reader: Box<dyn io::Read> = if ending.eq_ignore_ascii_case("gz") {
                Box::new(flate2::read::MultiGzDecoder::new(reader))
            } else {
                reader
            };
            let shape = Shape {
                format: format
                    .or_else(|| Format::of_file(uri))
                    .unwrap_or(Format::Separated(b',')),
                skip_first,
                columns,
                mapping: mapping.clone(),
            };
            let mut rows = 0usize;
            let check = self.check;
            let read = external::read::<Stop>(reader, &shape, &mut |cells| {
                rows += 1;
                if rows.is_multiple_of(ROWS_BETWEEN_CHECKS) {
                    check().map_err(Stop::Engine)?;
                }
                let done = insert.execute(params_from_iter(cells));
                done.map(|_| ()).map_err(|e| Stop::Engine(e.into()))
            });
            read.map_err(|stop| match stop {
                Stop::Io(error) => failed(&error),
                Stop::Engine(error) => error,
            })?;
        }
        let alias = self.name('t');
        let cols = columns.iter().enumerate().map(|(i, c)| Col {
            name: c.name.clone(),
            sx: Sx::new(format!("{alias}.c{i}"), c.ty).wild(),
            simple: true,
        });
        Ok(Frag::new(
            format!("temp.{table} AS {alias}"),
            cols.collect(),
        ))
    }
}

/// `ingestionMapping='[{"Column":"a","Properties":{"Path":"$.x"}}]'`: for each column where it is found.
fn read_mapping(text: &str, columns: &[Column], rel: &Rel) -> Result<Mapping> {
    let bad = || EngineError::failed("externaldata: ingestionMapping cannot be read", rel.span);
    let items: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|_| bad())?;
    let text_of = |item: &serde_json::Value, key: &str| {
        let found = item
            .as_object()?
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(key))?
            .1;
        Some(
            found
                .as_str()
                .map_or_else(|| found.to_string(), str::to_owned),
        )
    };
    Ok(columns
        .iter()
        .map(|column| {
            let item = items
                .iter()
                .find(|i| text_of(i, "Column").as_deref() == Some(column.name.as_str()))?;
            let inner = item.get("Properties").or_else(|| item.get("properties"));
            let inner = inner.unwrap_or(item);
            text_of(inner, "Path").or_else(|| text_of(inner, "Ordinal"))
        })
        .collect())
}

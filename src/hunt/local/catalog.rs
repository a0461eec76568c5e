//! What a local query may name: as a schema for the language, and as a catalogue for the engine.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::files::FileTable;
use super::ident;
use super::kept::{self, KeptResult};
use super::queue::{self, Seat};
use super::tables::{SLA, TABLES, Table};
use crate::config::Sla;
use crate::engine::time::SECOND;
use crate::engine::{Catalog, Column, ColumnDef, TableDef, Type};
use crate::hunt::fan::{TENANT_ID, TENANT_NAME};
use crate::hunt::{Finding, SharedSchema};
use crate::kql::Schema;
use crate::kql::schema::Told;

/// What is kept and opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// Results of cloud hunts, the newest first.
    pub kept: Vec<KeptResult>,
    /// Files of this run.
    pub files: Vec<FileTable>,
}

/// A table as a query sees it.
pub(super) struct Seen<'a> {
    pub(super) name: String,
    pub(super) columns: Vec<(String, Type)>,
    pub(super) of: Of<'a>,
}

/// Where its rows are from.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    Queue(&'static Table),
    Kept(&'a KeptResult),
    File(&'a FileTable),
}

impl Of<'_> {
    /// What is told of the table where a query names it.
    fn told(self) -> Told {
        let (group, about) = match self {
            Self::Queue(table) => {
                let empty = empty_columns(table).join(", ");
                let mut about = table.about.clone();
                if !empty.is_empty() {
                    let _ = write!(about, " Always empty here: {empty}.");
                }
                ("Cached queue", about)
            }
            Self::Kept(kept) => (
                "Kept results",
                format!(
                    "{}: {} of {} as of {}. {}",
                    kept.number(),
                    rows_of(kept.rows),
                    kept.tenants.join(", "),
                    kept.as_of,
                    one_line(&kept.query)
                ),
            ),
            Self::File(file) => (
                "Files",
                format!("{} of {}.", rows_of(file.rows), file.path.display()),
            ),
        };
        Told { group, about }
    }
}

impl Held {
    /// Every table. The queue's say whose a row is where several tenants are asked.
    pub(super) fn tables(&self, several: bool) -> Vec<Seen<'_>> {
        let mut all: Vec<Seen<'_>> = Vec::new();
        for table in &TABLES.tables {
            let mut columns = Vec::new();
            if several {
                columns.push((TENANT_NAME.to_owned(), Type::String));
                columns.push((TENANT_ID.to_owned(), Type::String));
            }
            columns.extend(columns_of(table));
            all.push(Seen {
                name: table.name.clone(),
                columns,
                of: Of::Queue(table),
            });
        }
        for kept in &self.kept {
            for name in [Some(kept.number()), kept.name.clone()]
                .into_iter()
                .flatten()
            {
                all.push(Seen {
                    name,
                    columns: kept.columns.clone(),
                    of: Of::Kept(kept),
                });
            }
        }
        // A file of this run goes before a result of its name.
        for file in &self.files {
            all.retain(|other| other.name != file.name);
            all.push(Seen {
                name: file.name.clone(),
                columns: file.columns.clone(),
                of: Of::File(file),
            });
        }
        all
    }

    /// The schema a local query is written against; `several` tenants give the queue's tables two more
    /// columns.
    pub fn schema(&self, several: bool) -> SharedSchema {
        let mut schema = Schema::with_hunting_functions();
        for table in self.tables(several) {
            let columns = table.columns.iter();
            let columns = columns.map(|(name, ty)| Column::new(name.as_str(), *ty));
            schema.add_table(table.name.as_str(), columns);
            schema.tell(&table.name, table.of.told());
        }
        SharedSchema::new(schema)
    }

    /// The result of a number (`$7`) or name.
    pub fn find(&self, label: &str) -> Option<&KeptResult> {
        let mut kept = self.kept.iter();
        kept.find(|it| it.number() == label || it.name.as_deref() == Some(label))
    }
}

/// The columns of a table of the queue.
fn columns_of(table: &Table) -> Vec<(String, Type)> {
    if table.schema
        && let Some(documented) = Schema::hunting().table(&table.name)
    {
        let columns = documented.columns.iter();
        return columns
            .map(|column| (column.name.clone(), column.ty))
            .collect();
    }
    let kept = TABLES.kept(&table.rows).iter();
    let mut columns: Vec<(String, Type)> = kept.map(|it| (it.name.clone(), it.ty)).collect();
    if table.rows == "incident" {
        columns.extend(SLA.map(|(name, ty)| (name.to_owned(), ty)));
    }
    columns
}

/// What a table of the queue holds, in words; `None` for others.
pub fn about(table: &str) -> Option<&'static str> {
    TABLES.about(table)
}

/// The tables of the queue with what they hold, in their order.
pub fn queue_tables() -> impl Iterator<Item = (&'static str, &'static str)> {
    let tables = TABLES.tables.iter();
    tables.map(|table| (table.name.as_str(), table.about.as_str()))
}

/// What the sentence about a table of the service says, after its name.
pub const NOT_HELD: &str = "is not held here";

/// Tells faults about tables that are not held here, but at the service, so. `text` is what was read, which
/// begins at `at` in the places of the findings.
pub fn elsewhere(findings: &mut [Finding], text: &str, at: usize, schema: &Schema) {
    for finding in findings {
        if !matches!(finding.code.as_str(), "KS204" | "KS142") {
            continue;
        }
        let (Some(start), Some(end)) = (finding.start.checked_sub(at), finding.end.checked_sub(at))
        else {
            continue;
        };
        let Some(name) = text.get(start..end) else {
            continue;
        };
        // The schema of a tenant always has the documented tables: this one is of a local tab.
        if schema.table(name).is_none() && Schema::hunting().table(name).is_some() {
            finding.message = format!("{name} {NOT_HELD}: run it at Defender, then ask its $N");
            finding.fix = None;
        } else if is_number(name) && schema.table("AlertInfo").is_some() {
            finding.message = format!("{name} is not kept: it never was, or made room for others");
            finding.fix = None;
        }
    }
}

fn is_number(name: &str) -> bool {
    let digits = name.strip_prefix('$');
    digits.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The kinds of rows that the tables of these names show.
pub(super) fn kinds(tables: &[Seen<'_>], used: &BTreeSet<&str>) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    for table in tables {
        if let Of::Queue(table) = table.of
            && used.contains(table.name.as_str())
        {
            kinds.insert(table.rows.as_str());
            if table.rows == "evidence" {
                kinds.insert("alert");
            }
        }
    }
    kinds
}

/// Whose tables of the queue are there: each with its profile's number.
pub(super) type Numbered<'a> = [(&'a Seat, i64)];

/// Where the rows of every table lie. The queue's tables become views, which are made by the SQL given too.
pub(super) fn catalog(
    tables: &[Seen<'_>],
    seats: &Numbered<'_>,
    several: bool,
    sla: &Sla,
) -> (Catalog, String) {
    let mut views = String::new();
    let mut catalog = Catalog::new();
    for table in tables {
        let (sql_name, columns) = match table.of {
            Of::Queue(queue) => {
                let name = format!("queue_{}", queue.name);
                // Writing to a text cannot fail.
                let _ = writeln!(
                    views,
                    "CREATE TEMP VIEW {} AS {};",
                    ident(&name),
                    select(queue, seats, several, sla)
                );
                let columns = table.columns.iter();
                let columns = columns.map(|(name, ty)| ColumnDef::native(name, *ty));
                (name, columns.collect())
            }
            Of::Kept(kept) => (format!("r{}", kept.id), numbered(&table.columns)),
            Of::File(file) => (file.sql_name.clone(), numbered(&table.columns)),
        };
        catalog.insert(TableDef {
            name: table.name.clone(),
            sql_name,
            columns,
        });
    }
    (catalog, views)
}

fn numbered(columns: &[(String, Type)]) -> Vec<ColumnDef> {
    let columns = columns.iter().enumerate();
    columns
        .map(|(at, (name, ty))| ColumnDef {
            name: name.clone(),
            ty: *ty,
            sql: kept::column(at),
            not_null: *ty == Type::String,
        })
        .collect()
}

/// The rows of a table of the queue, profile after profile.
fn select(table: &Table, seats: &Numbered<'_>, several: bool, sla: &Sla) -> String {
    let columns = columns_of(table);
    let mut parts: Vec<String> = seats
        .iter()
        .map(|(seat, number)| {
            let mut cells = Vec::new();
            if several {
                cells.push(format!("{} AS {}", text(&seat.tenant), ident(TENANT_NAME)));
                cells.push(format!("{} AS {}", text(&seat.id), ident(TENANT_ID)));
            }
            for (name, ty) in &columns {
                cells.push(format!(
                    "{} AS {}",
                    cell(table, name, *ty, sla),
                    ident(name)
                ));
            }
            let rows = queue::table(&table.rows, *number);
            let mut sql = format!("SELECT {} FROM {rows} o", cells.join(", "));
            if table.rows == "evidence" {
                // Every entity has its alert. Where nothing of the alert is asked, it is not looked up.
                let alert = queue::table("alert", *number);
                let _ = write!(sql, " LEFT JOIN {alert} a ON a.n = o.n");
            }
            sql
        })
        .collect();
    if parts.is_empty() {
        let mut cells: Vec<String> = Vec::new();
        let lead = [
            (TENANT_NAME.to_owned(), Type::String),
            (TENANT_ID.to_owned(), Type::String),
        ];
        let lead = lead.iter().filter(|_| several);
        for (name, ty) in lead.chain(&columns) {
            cells.push(format!("{} AS {}", nothing(*ty), ident(name)));
        }
        parts.push(format!("SELECT {} WHERE 0", cells.join(", ")));
    }
    parts.join(" UNION ALL ")
}

fn cell(table: &Table, name: &str, ty: Type, sla: &Sla) -> String {
    let has = |kind: &str| TABLES.kept(kind).iter().any(|it| it.name == name);
    if has(&table.rows) {
        return format!("o.{}", ident(name));
    }
    if table.rows == "evidence" && has("alert") {
        return format!("a.{}", ident(name));
    }
    if table.rows == "incident" && SLA.iter().any(|(column, _)| *column == name) {
        let spans = [
            ("High", sla.high),
            ("Medium", sla.medium),
            ("Low", sla.low),
            ("Informational", sla.informational),
        ];
        let mut target = "CASE o.\"Severity\"".to_owned();
        for (word, span) in spans {
            let ticks = i64::try_from(span.as_secs()).unwrap_or(0) * SECOND;
            let _ = write!(target, " WHEN {} THEN {ticks}", text(word));
        }
        target.push_str(" END");
        return if ty == Type::DateTime {
            format!("o.\"CreatedTime\" + {target}")
        } else {
            target
        };
    }
    nothing(ty).to_owned()
}

/// The columns of a table that the cache has nothing for.
fn empty_columns(table: &Table) -> Vec<String> {
    let mut columns = columns_of(table);
    let sla = Sla::default();
    columns.retain(|(name, ty)| cell(table, name, *ty, &sla) == nothing(*ty));
    columns.into_iter().map(|(name, _)| name).collect()
}

/// The most of a query that is told, in characters.
const TOLD: usize = 240;

fn rows_of(rows: u64) -> String {
    format!("{rows} row{}", if rows == 1 { "" } else { "s" })
}

/// A query on one line, the end cut off where it is long.
fn one_line(query: &str) -> String {
    let words: Vec<&str> = query.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(TOLD) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

fn nothing(ty: Type) -> &'static str {
    match ty {
        Type::String => "''",
        _ => "NULL",
    }
}

fn text(it: &str) -> String {
    format!("'{}'", it.replace('\'', "''").replace('\0', ""))
}

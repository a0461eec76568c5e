//! Rows picked out of a result: the devices, users, files, messages and addresses they name, and rows or
//! values written into a query as KQL literals.
//!
//! Which column names what is a table, `assets/hunt/entities.toml`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::prepared::literal;
use crate::domain::ResultTable;
use crate::domain::hunting::{Cell, Column, ColumnKind};

/// Rows a query is given at most: a query is text, and the service reads it whole.
pub const MOST_ROWS: usize = 1_000;

/// Bytes of a query that is written.
const MOST_BYTES: usize = 100_000;

/// What a kind of entity looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A device.
    Device,
    /// A user or mailbox.
    User,
    /// A file.
    File,
    /// A message or an alert.
    Message,
    /// An address, link or name.
    Network,
}

/// A kind of entity: a row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// How one is called.
    pub kind: String,
    /// How several are called.
    pub kinds: String,
    /// How it looks.
    pub role: Role,
    /// The columns whose cells are its ids.
    pub columns: Vec<String>,
    /// For an id column, the column with the name people know it by.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// The name of its list in a query.
    #[serde(rename = "let")]
    pub list: String,
    /// A query about all of a list.
    pub hunt: String,
}

#[derive(Deserialize)]
struct Table {
    entity: Vec<Kind>,
}

/// Every kind of entity, in the order of the table.
pub fn kinds() -> &'static [Kind] {
    static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
        let table = include_str!("../../assets/hunt/entities.toml");
        let table: Table = toml::from_str(table).expect("the table of entities is well formed");
        table.entity
    });
    &KINDS
}

/// The kind a column names, by its place in [`kinds`].
pub fn kind_of(column: &str) -> Option<usize> {
    kinds().iter().position(|kind| {
        let mut columns = kind.columns.iter();
        columns.any(|it| it.eq_ignore_ascii_case(column))
    })
}

/// Something that rows name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its place in [`kinds`].
    pub kind: usize,
    /// Its id; hostile.
    pub id: Arc<str>,
    /// What people know it by; the id where there is no name. Hostile.
    pub name: Arc<str>,
    /// In how many of the rows.
    pub rows: u32,
    /// The first of them.
    pub first: u32,
}

/// What the rows name: by kind, each in the order it comes.
pub fn entities(table: &ResultTable, rows: &[u32]) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    for (kind, of) in kinds().iter().enumerate() {
        // where it is among those found, and the row it was met in last
        let mut at: HashMap<String, (usize, u32)> = HashMap::new();
        let columns = of.columns.iter().filter_map(|it| table.column(it));
        for column in columns {
            let name = &table.columns()[column].name;
            let named = of
                .names
                .iter()
                .find(|(it, _)| it.eq_ignore_ascii_case(name));
            let named = named.and_then(|(_, name)| table.column(name));
            for &row in rows {
                let cell = table.cell(row as usize, column);
                let id = cell.text();
                if cell == Cell::Null || id.is_empty() {
                    continue;
                }
                if let Some((nth, last)) = at.get_mut(&*id) {
                    found[*nth].rows += u32::from(*last != row);
                    *last = row;
                    continue;
                }
                let name = named.map(|at| table.cell(row as usize, at).text());
                let name = name.filter(|it| !it.is_empty()).unwrap_or(id.clone());
                at.insert(id.to_string(), (found.len(), row));
                found.push(Entity {
                    kind,
                    name: (*name).into(),
                    id: (*id).into(),
                    rows: 1,
                    first: row,
                });
            }
        }
    }
    found
}

/// A query about entities of one kind.
pub fn hunt(kind: usize, ids: &[Arc<str>]) -> Option<Written> {
    let of = kinds().get(kind)?;
    let values = ids.iter().map(|it| literal(it)).collect();
    let mut written = list(&of.list, values);
    let about = of.hunt.trim().replace("{list}", &of.list);
    let _ = writeln!(written.query, "{about}");
    Some(written)
}

/// A query, and what did not fit into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// KQL.
    pub query: String,
    /// Rows or values that were left out.
    pub left_out: usize,
}

/// `let name = dynamic([...]);`
fn list(name: &str, values: Vec<String>) -> Written {
    let mut written = Written {
        query: format!("let {name} = dynamic(["),
        left_out: 0,
    };
    let all = values.len();
    let mut taken = 0;
    for value in values {
        if taken == MOST_ROWS || written.query.len() + value.len() > MOST_BYTES {
            break;
        }
        written
            .query
            .push_str(if taken == 0 { "\n    " } else { ",\n    " });
        written.query.push_str(&value);
        taken += 1;
    }
    written.query.push_str("\n]);\n");
    written.left_out = all - taken;
    written
}

/// The different values of a column in the rows, as literals: nulls and, of texts, empty ones are left
/// out, for `in` finds neither.
fn values(table: &ResultTable, rows: &[u32], column: usize) -> Vec<String> {
    let Some(of) = table.columns().get(column) else {
        return Vec::new();
    };
    let mut seen = std::collections::HashSet::new();
    let mut values = Vec::new();
    for &row in rows {
        let cell = of.cell(row as usize);
        if cell == Cell::Null || cell == Cell::Text("") {
            continue;
        }
        let value = scalar(cell, of);
        if seen.insert(value.clone()) {
            values.push(value);
        }
    }
    values
}

/// A name that a query may bind: that of the column, made plural and plain.
fn list_name(column: &str) -> String {
    if let Some(kind) = kind_of(column) {
        return kinds()[kind].list.clone();
    }
    let mut name: String = column
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    format!("{name}_list")
}

/// A column's name as a query writes it.
pub fn column_name(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let (tokens, _) = crate::kql::lexer::tokenize(name);
    let word = tokens
        .first()
        .is_some_and(crate::kql::lexer::Token::is_name);
    if plain && word {
        name.to_owned()
    } else {
        format!("[{}]", literal(name))
    }
}

/// The values of a column as a list to ask for: `let names = dynamic([...]);`.
///
/// # Errors
/// A sentence, where there is nothing to write.
pub fn as_list(table: &ResultTable, rows: &[u32], column: usize) -> Result<Written, String> {
    let of = table.columns().get(column).ok_or("There is no column.")?;
    let values = values(table, rows, column);
    if values.is_empty() {
        return Err(format!("{} has no values in these rows.", of.name));
    }
    let name = list_name(&of.name);
    let mut written = list(&name, dynamics(values, of));
    let column = column_name(&of.name);
    let _ = writeln!(written.query, "// | where {column} in ({name})");
    Ok(written)
}

/// Literals as they stand in a `dynamic`: JSON, and times and spans as the language writes them.
fn dynamics(values: Vec<String>, of: &Column) -> Vec<String> {
    let kind = type_name(of);
    let plain = |it: String| match it.strip_prefix(kind).and_then(|it| it.strip_prefix('(')) {
        Some(inner) if !matches!(of.kind, ColumnKind::Time | ColumnKind::Span) => {
            inner.strip_suffix(')').unwrap_or(inner).to_owned()
        }
        _ => it,
    };
    let finite = |it: &String| !matches!(it.as_str(), "nan" | "+inf" | "-inf");
    values.into_iter().map(plain).filter(finite).collect()
}

/// `where column in (…)`, behind a comment that says where to put it.
///
/// # Errors
/// A sentence, where there is nothing to write.
pub fn as_condition(table: &ResultTable, rows: &[u32], column: usize) -> Result<Written, String> {
    let of = table.columns().get(column).ok_or("There is no column.")?;
    let values = values(table, rows, column);
    if values.is_empty() {
        return Err(format!("{} has no values in these rows.", of.name));
    }
    let all = values.len();
    let mut query = format!("| where {} in (", column_name(&of.name));
    let mut taken = 0;
    for value in values {
        if taken == MOST_ROWS || query.len() + value.len() > MOST_BYTES {
            break;
        }
        if taken > 0 {
            query.push_str(", ");
        }
        query.push_str(&value);
        taken += 1;
    }
    query.push_str(")\n");
    Ok(Written {
        query,
        left_out: all - taken,
    })
}

/// The rows as a `datatable`, in the columns given.
pub fn as_datatable(table: &ResultTable, rows: &[u32], columns: &[usize]) -> Written {
    let of: Vec<&Column> = columns
        .iter()
        .filter_map(|at| table.columns().get(*at))
        .collect();
    let heads: Vec<String> = of
        .iter()
        .map(|it| format!("{}: {}", column_name(&it.name), type_name(it)))
        .collect();
    let mut query = format!("let picked = datatable({})\n[\n", heads.join(", "));
    let mut taken = 0;
    for &row in rows {
        let cells: Vec<String> = of
            .iter()
            .map(|it| scalar(it.cell(row as usize), it))
            .collect();
        let line = format!("    {},\n", cells.join(", "));
        if taken == MOST_ROWS || query.len() + line.len() > MOST_BYTES {
            break;
        }
        query.push_str(&line);
        taken += 1;
    }
    query.push_str("];\npicked\n");
    Written {
        query,
        left_out: rows.len() - taken,
    }
}

/// The language's name of a column's type.
fn type_name(column: &Column) -> &'static str {
    match column.kind {
        ColumnKind::Text => "string",
        ColumnKind::Long => "long",
        ColumnKind::Real => "real",
        ColumnKind::Bool => "bool",
        ColumnKind::Time => "datetime",
        ColumnKind::Span => "timespan",
        ColumnKind::Dynamic => "dynamic",
    }
}

/// A cell as a literal of its column's type. A text cannot be null: it is empty.
fn scalar(cell: Cell<'_>, column: &Column) -> String {
    let kind = type_name(column);
    match cell {
        Cell::Null if column.kind == ColumnKind::Text => "\"\"".to_owned(),
        Cell::Null => format!("{kind}(null)"),
        Cell::Long(it) if it < 0 => format!("long({it})"),
        Cell::Long(it) => it.to_string(),
        Cell::Real(it) if it.is_nan() => "real(nan)".to_owned(),
        Cell::Real(it) if it.is_infinite() => {
            format!("real({}inf)", if it > 0.0 { "+" } else { "-" })
        }
        Cell::Real(it) => format!("real({it:?})"),
        Cell::Bool(it) => it.to_string(),
        Cell::Time(it) => format!("datetime({it})"),
        Cell::Text(it) if column.kind == ColumnKind::Span => {
            // what is no span must not become one
            if super::chart::seconds(it).is_some() {
                format!("timespan({it})")
            } else {
                "timespan(null)".to_owned()
            }
        }
        Cell::Text(it) if column.kind == ColumnKind::Dynamic => {
            match serde_json::from_str::<serde_json::Value>(it) {
                Ok(value) => {
                    let mut json = Vec::new();
                    let written = super::export::to_json(&value, &mut json);
                    let json = String::from_utf8(json).ok().filter(|_| written.is_ok());
                    json.map_or_else(|| "dynamic(null)".to_owned(), |it| format!("dynamic({it})"))
                }
                Err(_) => format!("dynamic({})", literal(it)),
            }
        }
        Cell::Text(it) => literal(it),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ResultTable {
        let rows = [
            (
                "d1",
                "ws-1.contoso.com",
                "j@contoso.com",
                Some(5),
                "{\"a\":\"\\u202e\"}",
                "00:00:05",
            ),
            ("d2", "ws-2.contoso.com", "", None, "no \"json\"", "soon"),
            (
                "d1",
                "ws-1.contoso.com",
                "x\"); drop",
                Some(-5),
                "[1]",
                "1.02:03:04",
            ),
        ];
        let mut columns = vec![
            Column::new("DeviceId", "String"),
            Column::new("DeviceName", "String"),
            Column::new("AccountUpn", "String"),
            Column::new("count_", "Int64"),
            Column::new("Additional Fields", "Object"),
            Column::new("took", "TimeSpan"),
        ];
        for (id, name, upn, count, bag, took) in rows {
            columns[0].push(Cell::Text(id));
            columns[1].push(Cell::Text(name));
            columns[2].push(Cell::Text(upn));
            columns[3].push(count.map_or(Cell::Null, Cell::Long));
            columns[4].push(Cell::Text(bag));
            columns[5].push(Cell::Text(took));
        }
        ResultTable::new(columns)
    }

    #[test]
    fn what_rows_name_is_found_by_the_table() {
        let table = table();
        let found = entities(&table, &[0, 1, 2]);
        let said: Vec<String> = found
            .iter()
            .map(|it| {
                format!(
                    "{} {} {} {}",
                    kinds()[it.kind].kind,
                    it.id,
                    it.name,
                    it.rows
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                "device d1 ws-1.contoso.com 2",
                "device d2 ws-2.contoso.com 1",
                "device name ws-1.contoso.com ws-1.contoso.com 2",
                "device name ws-2.contoso.com ws-2.contoso.com 1",
                "user j@contoso.com j@contoso.com 1",
                "user x\"); drop x\"); drop 1",
            ]
        );
    }

    #[test]
    fn every_column_of_the_table_is_of_one_kind_and_every_hunt_is_right() {
        let mut seen = std::collections::HashSet::new();
        for (at, kind) in kinds().iter().enumerate() {
            for column in &kind.columns {
                assert!(seen.insert(column.clone()), "{column} twice");
            }
            let written = hunt(at, &["a\"b".into(), "c".into()]).expect("a query");
            let found = crate::kql::analyze(&written.query, crate::kql::Schema::hunting());
            assert!(
                found.diagnostics.is_empty(),
                "{}: {:?}",
                kind.kind,
                found.diagnostics
            );
        }
    }

    /// What is written is KQL, whatever the cells say, and means the cells.
    #[test]
    fn rows_become_literals() {
        let table = table();
        let written = as_datatable(&table, &[0, 1, 2], &[0, 2, 3, 4, 5]);
        assert_eq!(
            written.query,
            r#"let picked = datatable(DeviceId: string, AccountUpn: string, count_: long, ["Additional Fields"]: dynamic, took: timespan)
[
    "d1", "j@contoso.com", 5, dynamic({"a":"\u202e"}), timespan(00:00:05),
    "d2", "", long(null), dynamic("no \"json\""), timespan(null),
    "d1", "x\"); drop", long(-5), dynamic([1]), timespan(1.02:03:04),
];
picked
"#
        );
        let found = crate::kql::analyze(&written.query, crate::kql::Schema::hunting());
        assert!(found.diagnostics.is_empty(), "{:?}", found.diagnostics);
        let list = as_list(&table, &[0, 1, 2], 2).expect("values");
        assert!(
            list.query.starts_with(
                "let users = dynamic([\n    \"j@contoso.com\",\n    \"x\\\"); drop\"\n]);\n"
            ),
            "{}",
            list.query
        );
        let condition = as_condition(&table, &[0, 2, 0], 0).expect("values");
        assert_eq!(condition.query, "| where DeviceId in (\"d1\")\n");
        let none = as_list(&table, &[1], 2).expect_err("empty");
        assert!(none.contains("no values"), "{none}");
    }

    #[test]
    fn what_is_too_much_is_left_out_and_told() {
        let mut column = Column::new("n", "Int64");
        for at in 0..5_000 {
            column.push(Cell::Long(at));
        }
        let table = ResultTable::new(vec![column]);
        let rows: Vec<u32> = (0..5_000).collect();
        assert_eq!(as_datatable(&table, &rows, &[0]).left_out, 4_000);
        assert_eq!(as_list(&table, &rows, 0).expect("values").left_out, 4_000);
        assert_eq!(
            as_condition(&table, &rows, 0).expect("values").left_out,
            4_000
        );
    }

    #[test]
    fn names_that_are_words_of_the_language_are_quoted() {
        assert_eq!(column_name("DeviceId"), "DeviceId");
        assert_eq!(column_name("a b"), "[\"a b\"]");
        assert_eq!(column_name("where"), "[\"where\"]");
    }
}

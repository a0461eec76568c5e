//! The tables that queries are read against.

use std::borrow::Cow;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::args::SchemaArgs;
use crate::cli::failure::{Done, Failure};
use crate::kql::bound::Column;
use crate::kql::{Schema, Type};

/// The schema asked for, or the built-in one.
pub(super) fn schema(args: &SchemaArgs) -> Done<Cow<'static, Schema>> {
    match &args.file {
        None => Ok(Cow::Borrowed(Schema::hunting())),
        Some(file) => match read(file) {
            Ok(schema) => Ok(Cow::Owned(schema)),
            Err(cause) => Err(Failure::usage(format!("{}: {cause:#}", file.display()))),
        },
    }
}

/// The schema of a file: `{"tables": [{"name", "columns": [{"name", "type"}]}]}`.
fn read(file: &Path) -> anyhow::Result<Schema> {
    let text = std::fs::read_to_string(file).context("reading the schema")?;
    let value: Value = serde_json::from_str(&text).context("the schema is not JSON")?;
    let tables = value["tables"]
        .as_array()
        .context("the schema has no \"tables\" list")?;
    let mut schema = Schema::with_hunting_functions();
    for table in tables {
        let name = table["name"].as_str().context("a table has no \"name\"")?;
        let columns = table["columns"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let columns = columns.iter().filter_map(|c| {
            let ty = c["type"]
                .as_str()
                .and_then(Type::from_name)
                .unwrap_or(Type::String);
            Some(Column::new(c["name"].as_str()?, ty))
        });
        schema.add_table(name, columns);
    }
    Ok(schema)
}

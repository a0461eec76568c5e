//! The tables that queries are read against.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::args::SchemaArgs;
use crate::cli::args::Global;
use crate::cli::failure::{Done, Failure};
use crate::cli::{say, settings};
use crate::config::{Chosen, Paths};
use crate::hunt::{SharedSchema, schema};
use crate::kql::bound::Column;
use crate::kql::{Schema, Type};

/// The schema asked for, or the built-in one. Only what is typed counts, not `NIGHTJAR_PROFILE` nor the
/// default profile: what a file is checked against must not depend on whose machine it is.
pub(super) fn schema(args: &SchemaArgs, global: &Global) -> Done<SharedSchema> {
    let named = global.all_profiles || !global.profiles.is_empty();
    match &args.file {
        Some(_) if named => Err(Failure::usage(
            "--schema and --profile both say which tables there are; give one",
        )),
        Some(file) => match read(file) {
            Ok(schema) => Ok(schema.into()),
            Err(cause) => Err(Failure::usage(format!("{}: {cause:#}", file.display()))),
        },
        None if named => of_profiles(&settings::chosen(global)),
        None => Ok(SharedSchema::default()),
    }
}

/// The documented schema with what was learnt from the tenants of profiles: read from their caches, no
/// tenant is asked.
///
/// # Errors
/// Where a profile is not set up, a cache cannot be read, or nothing was learnt from any of them.
pub(super) fn of_profiles(chosen: &Chosen) -> Done<SharedSchema> {
    let paths = Paths::resolve();
    let picked = settings::picked(&settings::load(&paths), chosen)?;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for name in picked.profiles.into_iter().map(|profile| profile.name) {
        let learnt = schema::peek(&paths.store_file(&name))
            .map_err(|why| Failure::usage(format!("{name}: {why}")))?;
        if learnt.is_empty() {
            unknown.push(name);
        } else {
            known.push(learnt);
        }
    }
    let words = |names: &[String]| {
        let plural = if names.len() == 1 { "" } else { "s" };
        let names = names.join(", ");
        format!("nothing was learnt yet from the tenant of the profile{plural} {names}")
    };
    if known.is_empty() {
        return Err(Failure::usage(words(&unknown)).advise(
            "Tables and columns are learnt in the console, as queries use them; alt-y beside the query \
             editor asks for all at once. Without --profile the documented tables are taken.",
        ));
    }
    if !unknown.is_empty() {
        say(&words(&unknown));
    }
    for (name, why) in picked.left_out {
        say(&format!("{name}: {why}"));
    }
    Ok(SharedSchema::of(&known))
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

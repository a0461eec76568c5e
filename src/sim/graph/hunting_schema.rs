//! The hunting schema (beta): tables and functions that can be queried, as the query language knows them.
//!
//! Facts: the Graph fact sheet, "Schema". Nobody has saved a function in this tenant.

use super::super::http::{Ask, Reply};
use super::super::json::{self, Object};
use super::super::tables::schema;
use super::super::tenant::Tenant;
use super::{Refusal, metadata};
use crate::kql::bound::Column;
use crate::kql::builtins::{Kind, builtins};
use crate::kql::schema::Table;

/// GET the schema, without the tables nobody can query. It takes no options.
pub fn get(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    if let Some((name, _)) = super::odata::pairs(&ask.query)
        .into_iter()
        .find(|(name, _)| name.starts_with('$'))
    {
        return Err(Refusal::bad(format!(
            "The query parameter '{name}' is not supported."
        )));
    }
    let schema = schema();
    let mut out = Vec::with_capacity(512 * 1024);
    let mut o = Object::open(&mut out, None);
    o.str(
        "@odata.context",
        &format!(
            "{}microsoft.graph.security.huntingSchemaResult",
            metadata(ask)
        ),
    );
    o.always("tables");
    let open: Vec<&Table> = schema
        .tables()
        .iter()
        .filter(|table| !tenant.hunting.hides(&table.name))
        .collect();
    each(o.out, &open, |out, table| {
        let mut o = Object::open(out, None);
        o.str("name", &table.name);
        o.raw("description", "null");
        o.always("columns");
        columns(o.out, &table.columns);
        o.close();
    });
    o.always("functions");
    let mut functions = Object::open(o.out, None);
    functions.always("builtInFunctions");
    let mut number = 0;
    functions.out.push(b'[');
    for function in schema.functions() {
        let parameters: Vec<Parameter<'_>> = function
            .parameters
            .iter()
            .map(|p| (p.name.as_str(), Some(p.ty.name())))
            .collect();
        built_in(
            functions.out,
            &mut number,
            (&function.name, "Security"),
            &parameters,
            &function.columns,
        );
    }
    for function in builtins().of(Kind::Function).filter(|b| !b.hidden) {
        let parameters: Vec<Parameter<'_>> = function
            .signatures
            .first()
            .into_iter()
            .flat_map(|s| &s.params)
            .map(|p| (p.name, None))
            .collect();
        built_in(
            functions.out,
            &mut number,
            (function.name, "Scalar"),
            &parameters,
            &[],
        );
    }
    functions.out.push(b']');
    functions.raw("savedFunctions", "[]");
    functions.close();
    o.close();
    Ok(Reply::json(200, out))
}

/// Name and type of a parameter; `None` where several types are taken.
type Parameter<'a> = (&'a str, Option<&'static str>);

fn built_in(
    out: &mut Vec<u8>,
    number: &mut i64,
    (name, path): (&str, &str),
    parameters: &[Parameter<'_>],
    output: &[Column],
) {
    if *number > 0 {
        out.push(b',');
    }
    *number += 1;
    let mut o = Object::open(out, None);
    o.int("huntingFunctionId", *number);
    o.str("name", name);
    o.raw("documentation", "null");
    o.str("path", path);
    o.always("inputParameters");
    each(o.out, parameters, |out, (name, ty)| {
        let mut o = Object::open(out, None);
        o.str("name", name);
        o.opt("cslType", *ty);
        o.raw("defaultValue", "null");
        o.close();
    });
    o.always("outputColumns");
    columns(o.out, output);
    o.close();
}

fn columns(out: &mut Vec<u8>, columns: &[Column]) {
    each(out, columns, |out, column| {
        let mut o = Object::open(out, None);
        o.str("name", &column.name);
        o.always("dataType");
        json::push_str(o.out, column.ty.name());
        o.raw("description", "null");
        o.close();
    });
}

fn each<T>(out: &mut Vec<u8>, items: &[T], mut push: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

//! `nightjar kql hover FILE:LINE:COL` and `complete FILE:LINE:COL`: help at a place of a file.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::files;
use crate::cli::args::Output;
use crate::cli::failure::{Done, Failure};
use crate::cli::output::{self, whole};
use crate::domain::text;
use crate::hunt::lines::{Lines, Unit};
use crate::hunt::sheet::Sheet;
use crate::kql::{Schema, analyze, assist, complete};

/// A place in a query.
struct Place {
    /// The query's text.
    query: String,
    /// In bytes of it.
    caret: u32,
}

/// Reads `FILE:LINE:COL`.
fn place(given: &str, schema: &Schema) -> Done<Place> {
    let wrong = || {
        Failure::usage(format!("{given:?} is no place"))
            .advise("A place is FILE:LINE:COL, both counted from 1; `-:1:1` is standard input.")
    };
    let mut parts = given.rsplitn(3, ':');
    let mut number = || -> Done<usize> {
        let part = parts.next().and_then(|it| it.parse::<usize>().ok());
        part.and_then(|it| it.checked_sub(1)).ok_or_else(wrong)
    };
    let (column, line) = (number()?, number()?);
    let file = parts.next().ok_or_else(wrong)?;
    let found = files::gather(&[PathBuf::from(file)]);
    if !found.unread.is_empty() {
        return Err(Failure::usage(found.unread.join("\n")));
    }
    let source = found.sources.into_iter().next().ok_or_else(wrong)?;
    let byte = Lines::new(&source.text).byte(&source.text, line, column, Unit::CodePoint);
    let region = source
        .regions
        .into_iter()
        .find(|it| it.start <= byte && byte <= it.end);
    let Some(region) = region else {
        return Err(Failure::refused(format!("there is no query at {given}")));
    };
    let text = &source.text[region.clone()];
    let caret = byte - region.start;
    let query = Sheet::new(text, schema).written_at(text, caret);
    Ok(Place {
        caret: (caret - query.start) as u32,
        query: text[query].to_owned(),
    })
}

/// Says what is at a place: its declaration, what is known of it, the call around it.
pub(super) fn hover(given: &str, schema: &Schema, form: Output, out: &mut dyn Write) -> Done {
    let Place { query, caret } = place(given, schema)?;
    let hover = assist::hover(&query, &analyze(&query, schema), schema, caret);
    let call = assist::signature_help(&query, caret, schema);
    if form != Output::Table {
        let row = json!({
            "title": hover.as_ref().map(|it| &it.title),
            "body": hover.as_ref().map(|it| &it.body),
            "signatures": call
                .iter()
                .flat_map(|it| &it.signatures)
                .map(|it| it.label.as_str())
                .collect::<Vec<_>>(),
            "parameter": call.as_ref().and_then(|it| it.parameter),
            "summary": call.as_ref().map(|it| &it.summary),
        });
        let columns = &[whole("TITLE", "title"), whole("BODY", "body")];
        return Ok(output::write_object(out, form, columns, &row.to_string())?);
    }
    if hover.is_none() && call.is_none() {
        return Err(Failure::refused(format!("nothing is known at {given}")));
    }
    if let Some(hover) = &hover {
        writeln!(out, "{}", text::clean_block(&hover.title))?;
        for words in &hover.body {
            writeln!(out, "\n{}", text::clean_block(words))?;
        }
    }
    for call in call.iter().filter_map(|it| it.signatures.get(it.active)) {
        writeln!(out, "\nin {}", text::clean(&call.label))?;
    }
    Ok(())
}

/// Lists what can be written at a place, best first, what was typed of the word applied.
pub(super) fn complete_at(given: &str, schema: &Schema, form: Output, out: &mut dyn Write) -> Done {
    let Place { query, caret } = place(given, schema)?;
    let offered = complete(&query, caret, schema);
    let typed = query[offered.replace.start as usize..caret.max(offered.replace.start) as usize]
        .to_lowercase();
    let rows: Vec<String> = offered
        .items
        .iter()
        .filter(|it| it.label.to_lowercase().starts_with(&typed))
        .map(|it| {
            let ty = it.ty.map(crate::kql::Type::name);
            json!({
                "label": it.label,
                "kind": format!("{:?}", it.kind),
                "type": ty,
                "insert": it.insert,
            })
            .to_string()
        })
        .collect();
    let columns = &[
        whole("WORD", "label"),
        whole("KIND", "kind"),
        whole("TYPE", "type"),
    ];
    Ok(output::write_rows(out, form, columns, &rows)?)
}

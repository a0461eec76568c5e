//! `nightjar kql …`: the query language alone; asks no tenant, and reads settings and a cache only where
//! a profile is named.
//!
//! Start in [`args`] for what can be typed. [`jsonl`] is the language service for programs, line by
//! line; the other files are for people and builds.

pub(super) mod args;
mod check;
mod files;
mod format;
mod jsonl;
mod place;
mod run;
mod sarif;
mod schema;

use std::io::{self, Write};

use self::args::{AtArgs, KqlCommand, LspArgs};
use self::schema::{of_profiles, schema};
use super::args::Global;
use super::failure::{Done, Failure};
use super::input;
use crate::config::Chosen;
use crate::domain::text;
use crate::hunt::lines::{Lines, Unit};
use crate::kql::classify;
use crate::kql::format::Style;
use crate::lsp::{self, Ending};

/// Does what was typed.
pub(super) fn run(command: KqlCommand, global: &Global) -> Done {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = language(command, global, &mut out);
    out.flush()?;
    done
}

fn language(command: KqlCommand, global: &Global, out: &mut dyn Write) -> Done {
    let lines = || io::stdin().lock();
    match command {
        KqlCommand::Check(given) if given.jsonl => {
            let lints = !given.no_lints;
            jsonl::check(&mut lines(), out, &*schema(&given.schema, global)?, lints)
        }
        KqlCommand::Check(given) => check::run(&given, global, out),
        KqlCommand::Format(given) => {
            let style = Style {
                indent: given.indent.into(),
                width: given.width.into(),
            };
            if given.jsonl {
                return jsonl::formatted(&mut lines(), out, style);
            }
            format::run(&given, style, out)
        }
        KqlCommand::Hover(AtArgs {
            schema: named,
            place,
            ..
        }) => {
            let schema = schema(&named, global)?;
            match place {
                Some(place) => place::hover(&place, &schema, global.output, out),
                None => jsonl::hovered(&mut lines(), out, &schema),
            }
        }
        KqlCommand::Complete(AtArgs {
            schema: named,
            place,
            ..
        }) => {
            let schema = schema(&named, global)?;
            match place {
                Some(place) => place::complete_at(&place, &schema, global.output, out),
                None => jsonl::completed(&mut lines(), out, &schema),
            }
        }
        KqlCommand::Lsp(given) => serve(&given, global),
        KqlCommand::Classify(given) => {
            let schema = schema(&given.schema, global)?;
            if given.jsonl {
                return jsonl::classified(&mut lines(), out, &schema);
            }
            input::each(&given.files, |name, query| {
                let lines = Lines::new(query);
                for (span, kind) in classify(query, &schema) {
                    let (line, column) = lines.place(query, span.start as usize, Unit::CodePoint);
                    let part = text::clean(span.text(query));
                    let (line, column) = (line + 1, column + 1);
                    writeln!(
                        out,
                        "{}:{line}:{column}: {} {part}",
                        text::clean(name),
                        kind.name()
                    )?;
                }
                Ok(())
            })
        }
        KqlCommand::Run(given) if given.jsonl => {
            run::run_jsonl(&mut lines(), out, given.external.opener())
        }
        KqlCommand::Run(given) => input::each(&given.files, |name, query| {
            run::run_text(name, query, global.output, out, given.external.opener())
        }),
    }
}

/// Serves an editor until it leaves.
fn serve(given: &LspArgs, global: &Global) -> Done {
    let settings = lsp::Settings {
        schema: schema(&given.schema, global)?,
        profiles: &|names| {
            of_profiles(&Chosen::Named(names.to_vec()))
                .map_err(|failure| failure.words().unwrap_or_default())
        },
        lints: !given.no_lints,
        log: given.log.then(|| Box::new(io::stderr()) as Box<dyn Write>),
    };
    match lsp::serve(io::stdin(), &mut io::stdout().lock(), settings)? {
        Ending::Asked => Ok(()),
        Ending::Left => Err(Failure::silent(1)),
    }
}

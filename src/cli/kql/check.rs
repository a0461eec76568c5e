//! `nightjar kql check FILE…`: what is wrong with queries, for a person, an editor or a build.

use std::io::Write;

use serde_json::{Value, json};

use super::args::CheckArgs;
use super::files::{self, Source};
use super::sarif;
use super::schema::schema;
use crate::cli::args::{Global, Output};
use crate::cli::failure::{Done, Failure};
use crate::cli::output::{self, whole};
use crate::cli::say;
use crate::domain::text;
use crate::hunt::lines::{Lines, Unit};
use crate::hunt::sheet::{self, Sheet};
use crate::kql::{Diagnostic, Schema, lint};

/// A finding in its file. Lines and columns count from 1, columns in code points.
pub(super) struct Finding {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
    pub(super) error: bool,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// What would repair it.
    pub(super) fix: Option<String>,
}

impl Finding {
    fn severity(&self) -> &'static str {
        if self.error { "error" } else { "warning" }
    }

    fn json(&self) -> Value {
        json!({
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "endLine": self.end_line,
            "endColumn": self.end_column,
            "severity": self.severity(),
            "code": self.code,
            "message": self.message,
            "fix": self.fix,
        })
    }
}

/// The columns of CSV.
const COLUMNS: &[output::Column] = &[
    whole("FILE", "file"),
    whole("LINE", "line"),
    whole("COLUMN", "column"),
    whole("SEVERITY", "severity"),
    whole("CODE", "code"),
    whole("MESSAGE", "message"),
];

/// Which lints are heard, and which of them fail a run.
struct Rules<'a> {
    lints: bool,
    allow: &'a [String],
    deny: &'a [String],
}

impl<'a> Rules<'a> {
    /// # Errors
    /// Where a lint is named that is none.
    fn new(args: &'a CheckArgs) -> Done<Self> {
        let named = args.deny.iter().filter(|it| *it != "warnings");
        for named in named.chain(&args.allow) {
            let known = lint::rules()
                .iter()
                .any(|rule| rule.code.eq_ignore_ascii_case(named) || rule.name == named);
            if !known {
                let names: Vec<&str> = lint::rules().iter().map(|rule| rule.name).collect();
                return Err(Failure::usage(format!("{named:?} is no lint"))
                    .advise(format!("There are: {}", names.join(", "))));
            }
        }
        Ok(Self {
            lints: !args.no_lints,
            allow: &args.allow,
            deny: &args.deny,
        })
    }

    fn named(list: &[String], code: &str) -> bool {
        let name = lint::rules()
            .iter()
            .find(|rule| rule.code == code)
            .map_or("", |rule| rule.name);
        list.iter()
            .any(|it| it.eq_ignore_ascii_case(code) || it == name)
    }

    fn hears(&self, found: &Diagnostic) -> bool {
        found.is_error() || (self.lints && !Self::named(self.allow, found.code))
    }

    fn fails(&self, found: &Finding) -> bool {
        found.error
            || self.deny.iter().any(|it| it == "warnings")
            || Self::named(self.deny, found.code)
    }
}

/// Checks files.
pub(super) fn run(args: &CheckArgs, global: &Global, out: &mut dyn Write) -> Done {
    let schema = schema(&args.schema, global)?;
    let rules = Rules::new(args)?;
    let mut given = files::gather(&args.files);
    let mut findings = Vec::new();
    let mut queries = 0;
    for source in &mut given.sources {
        if args.fix && source.path.is_none() {
            return Err(Failure::usage("--fix wants files, not standard input"));
        }
        if args.fix {
            repair(source, &schema, &rules)?;
        }
        queries += look(source, &schema, &rules, &mut findings);
    }
    let form = if args.json {
        Output::Json
    } else {
        global.output
    };
    if args.sarif {
        sarif::write(out, &findings)?;
    } else if form == Output::Table {
        for it in &findings {
            let (file, severity) = (&it.file, it.severity());
            let message = text::clean(&it.message);
            writeln!(
                out,
                "{file}:{}:{}: {severity} {}: {message}",
                it.line, it.column, it.code
            )?;
        }
    } else {
        let rows: Vec<String> = findings.iter().map(|it| it.json().to_string()).collect();
        output::write_rows(out, form, COLUMNS, &rows)?;
    }
    out.flush()?;
    summary(&findings, queries, given.sources.len());
    if !given.unread.is_empty() {
        return Err(Failure::usage(given.unread.join("\n")));
    }
    if findings.iter().any(|it| rules.fails(it)) {
        return Err(Failure::silent(1));
    }
    Ok(())
}

/// Adds what is wrong in one text; says how many queries it has.
fn look(source: &Source, schema: &Schema, rules: &Rules<'_>, into: &mut Vec<Finding>) -> usize {
    let lines = Lines::new(&source.text);
    let place = |byte| {
        let (line, column) = lines.place(&source.text, byte, Unit::CodePoint);
        (line + 1, column + 1)
    };
    let mut queries = 0;
    for region in &source.regions {
        let text = &source.text[region.clone()];
        let sheet = Sheet::new(text, schema);
        queries += sheet.parts().len();
        let found = sheet.findings(text, schema, rules.lints);
        for it in found.into_iter().filter(|it| rules.hears(it)) {
            let (line, column) = place(region.start + it.span.start as usize);
            let (end_line, end_column) = place(region.start + it.span.end as usize);
            into.push(Finding {
                file: source.name.clone(),
                line,
                column,
                end_line,
                end_column,
                error: it.is_error(),
                code: it.code,
                fix: it.fix.map(|fix| fix.title),
                message: it.message,
            });
        }
    }
    queries
}

/// Makes the repairs of one file, tells them, and keeps its text as it is now.
fn repair(source: &mut Source, schema: &Schema, rules: &Rules<'_>) -> Done {
    let mut text = source.text.clone();
    let mut told = Vec::new();
    // From the last: the regions before stay where they are.
    for region in source.regions.iter().rev() {
        let (repaired, done) =
            sheet::repair(&text[region.clone()], schema, |found| rules.hears(found));
        if done.is_empty() {
            continue;
        }
        let whole = format!("{}{repaired}", &text[..region.start]);
        let lines = Lines::new(&whole);
        let words = done.iter().map(|it| {
            let at = region.start + it.found.span.start as usize;
            let (line, column) = lines.place(&whole, at, Unit::CodePoint);
            format!(
                "{}:{}:{}: repaired {}: {}",
                source.name,
                line + 1,
                column + 1,
                it.found.code,
                it.title
            )
        });
        told.splice(0..0, words);
        text.replace_range(region.clone(), &repaired);
    }
    if told.is_empty() {
        return Ok(());
    }
    source
        .write(&text)
        .map_err(|why| Failure::refused(format!("{}: {why}", source.name)))?;
    for words in told {
        say(&words);
    }
    *source = source.with(text);
    Ok(())
}

/// One line for a person.
fn summary(findings: &[Finding], queries: usize, files: usize) {
    let errors = findings.iter().filter(|it| it.error).count();
    let warnings = findings.len() - errors;
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let queries = match queries {
        1 => "1 query".to_owned(),
        n => format!("{n} queries"),
    };
    say(&format!(
        "{} and {} in {queries}, {}",
        count(errors, "error"),
        count(warnings, "warning"),
        count(files, "file")
    ));
}

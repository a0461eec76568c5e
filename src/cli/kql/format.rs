//! `nightjar kql format FILE…`: queries laid out, in their files or from input to output.

use std::io::Write;

use super::args::FormatArgs;
use super::files::{self, Source};
use crate::cli::failure::{Done, Failure};
use crate::cli::say;
use crate::domain::text;
use crate::hunt::lines::{Lines, Unit};
use crate::hunt::sheet::Sheet;
use crate::kql::Schema;
use crate::kql::format::Style;

/// Formats files.
pub(super) fn run(args: &FormatArgs, style: Style, out: &mut dyn Write) -> Done {
    let given = files::gather(&args.files);
    let (mut changed, mut refused) = (0_usize, 0_usize);
    for source in &given.sources {
        let laid = lay_out(source, style, &mut refused);
        let differs = laid != source.text;
        changed += usize::from(differs);
        match &source.path {
            _ if args.check => {
                if differs {
                    writeln!(out, "{}", source.name)?;
                }
            }
            None => out.write_all(laid.as_bytes())?,
            Some(_) if differs => {
                source
                    .write(&laid)
                    .map_err(|why| Failure::refused(format!("{}: {why}", source.name)))?;
                writeln!(out, "{}", source.name)?;
            }
            Some(_) => {}
        }
    }
    out.flush()?;
    if !given.unread.is_empty() {
        return Err(Failure::usage(given.unread.join("\n")));
    }
    if refused > 0 || (args.check && changed > 0) {
        return Err(Failure::silent(1));
    }
    Ok(())
}

/// The text of a source laid out; says which queries are left as they are, and why.
fn lay_out(source: &Source, style: Style, refused: &mut usize) -> String {
    let mut out = String::with_capacity(source.text.len());
    let lines = Lines::new(&source.text);
    let mut at = 0;
    for region in &source.regions {
        out.push_str(&source.text[at..region.start]);
        // Layout does not depend on what tables there are.
        let text = &source.text[region.clone()];
        let laid = Sheet::new(text, Schema::hunting()).format(text, style);
        for fault in &laid.refused {
            *refused += 1;
            let byte = region.start + fault.span.start as usize;
            let (line, column) = lines.place(&source.text, byte, Unit::CodePoint);
            let (line, column) = (line + 1, column + 1);
            let message = text::clean(&fault.message);
            say(&format!(
                "{}:{line}:{column}: not formatted, it does not parse: {}: {message}",
                source.name, fault.code
            ));
        }
        out.push_str(&laid.text);
        at = region.end;
    }
    out.push_str(&source.text[at..]);
    out
}

//! What can be typed after `nightjar kql`. No behaviour.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::external::ExternalArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum KqlCommand {
    /// Says what is wrong with queries: `file:line:col: error KS142: …`.
    Check(CheckArgs),
    /// Lays queries out, in their files.
    Format(FormatArgs),
    /// Says what a name is: `nightjar kql hover FILE:LINE:COL`.
    Hover(AtArgs),
    /// Says what can be written at a place: `nightjar kql complete FILE:LINE:COL`.
    Complete(AtArgs),
    /// Serves an editor: a language server on standard input and output.
    Lsp(LspArgs),
    /// Says what each part of a query is.
    Classify(ClassifyArgs),
    /// Runs queries that bring their own data (`datatable`, `print`, `range`).
    Run(RunArgs),
}

/// The tables that queries are read against.
#[derive(Debug, Default, Args)]
pub(crate) struct SchemaArgs {
    /// The tables of a file in place of those built in (or of --profile, whose tenant's are taken as they
    /// were learnt): JSON, {"tables": [{"name": "T", "columns":
    /// [{"name": "A", "type": "string"}]}]}.
    #[arg(long = "schema", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nightjar kql check rules/                     every .kql, .csl, .kusto and Markdown file below
  nightjar kql check --deny warnings rules/     hunting lints fail the run too
  nightjar kql check --fix rules/beacon.kql     makes the repairs that leave less to say, and tells them
  nightjar kql check --sarif rules/ > kql.sarif for code scanning
  pbpaste | nightjar kql check -                one query from the clipboard

A file holds one query or several with blank lines between; of Markdown the blocks fenced as kql or kusto
are read. A lint is silenced with --allow, by name or code.

Exit status: 0 nothing wrong, 1 errors (with --deny warnings: or warnings), 2 a file cannot be read.")]
pub(crate) struct CheckArgs {
    /// Reads one JSON object a line from standard input ({"id", "query"}) and answers each with one.
    #[arg(long, conflicts_with_all = ["files", "json", "sarif", "fix"])]
    pub(crate) jsonl: bool,
    #[command(flatten)]
    pub(crate) schema: SchemaArgs,
    /// The findings as JSON; the same as --output json.
    #[arg(long, conflicts_with = "sarif")]
    pub(crate) json: bool,
    /// The findings as SARIF 2.1.0, for code scanning.
    #[arg(long)]
    pub(crate) sarif: bool,
    /// Fails on these too: `warnings` for all lints, or a lint's name or code. Repeatable.
    #[arg(long, value_name = "LINT")]
    pub(crate) deny: Vec<String>,
    /// Says nothing of these lints, by name or code. Repeatable.
    #[arg(long, value_name = "LINT")]
    pub(crate) allow: Vec<String>,
    /// Errors only, no hunting lints.
    #[arg(long)]
    pub(crate) no_lints: bool,
    /// Makes the repairs in the files and says which; what is left is reported.
    #[arg(long)]
    pub(crate) fix: bool,
    /// Files and folders; `-` or none is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nightjar kql format rules/            in place, every .kql, .csl and .kusto file below
  nightjar kql format --check rules/    changes nothing; lists what would change, status 1
  nightjar kql format - < a.kql         to standard output

The tokens and comments of a query stay the same. A query that does not parse is left as it is and named.")]
pub(crate) struct FormatArgs {
    /// Reads one JSON object a line from standard input ({"id", "query"}) and answers each with one.
    #[arg(long, conflicts_with_all = ["files", "check"])]
    pub(crate) jsonl: bool,
    /// Writes nothing; lists the files that would change, and fails where there are any.
    #[arg(long)]
    pub(crate) check: bool,
    /// Longer lines are broken where that can be done.
    #[arg(long, value_name = "COLUMNS", default_value_t = 100, value_parser = columns(20))]
    pub(crate) width: u16,
    /// Columns of one step to the right.
    #[arg(long, value_name = "COLUMNS", default_value_t = 4, value_parser = columns(0))]
    pub(crate) indent: u16,
    /// Files and folders; `-` or none is standard input, written to standard output.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// A number of columns, so many at least.
fn columns(least: i64) -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(least..=1000)
}

#[derive(Debug, Args)]
#[command(
    after_help = "Lines and columns count from 1, columns in characters; `-:1:12` is standard input."
)]
pub(crate) struct AtArgs {
    /// Reads one JSON object a line from standard input ({"id", "query", "caret"}, the caret in code
    /// points from 0) and answers each with one.
    #[arg(long, conflicts_with = "place", required_unless_present = "place")]
    pub(crate) jsonl: bool,
    #[command(flatten)]
    pub(crate) schema: SchemaArgs,
    /// Where.
    #[arg(value_name = "FILE:LINE:COL")]
    pub(crate) place: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ClassifyArgs {
    /// Reads one JSON object a line from standard input and answers each with one.
    #[arg(long, conflicts_with = "files")]
    pub(crate) jsonl: bool,
    #[command(flatten)]
    pub(crate) schema: SchemaArgs,
    /// Files; `-` or none is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Reads one JSON object a line from standard input and answers each with one.
    #[arg(long, conflicts_with = "files")]
    pub(crate) jsonl: bool,
    #[command(flatten)]
    pub(crate) external: ExternalArgs,
    /// Files with one query each; `-` or none is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The editor starts it; the README says how for helix, neovim and VS Code. Its initializationOptions:
  {\"lints\": false, \"format\": {\"width\": 120}, \"profile\": \"contoso\"}
With a profile, here or as --profile, tables and columns learnt from its tenant count; no tenant is asked.

Exit status: 0 where the editor shut it down, 1 where it went away."
)]
pub(crate) struct LspArgs {
    #[command(flatten)]
    pub(crate) schema: SchemaArgs,
    /// Errors only, no hunting lints, unless the editor asks for them.
    #[arg(long)]
    pub(crate) no_lints: bool,
    /// Writes what is asked and how long the answer takes to standard error.
    #[arg(long)]
    pub(crate) log: bool,
    /// Standard input and output; there is nothing else, editors say it all the same.
    #[arg(long, hide = true)]
    pub(crate) stdio: bool,
}

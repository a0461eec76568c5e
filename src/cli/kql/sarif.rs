//! Findings as SARIF 2.1.0, the form code scanning takes.

use std::io::Write;

use serde_json::{Value, json};

use super::check::Finding;
use crate::cli::failure::Done;
use crate::cli::output::json_line;
use crate::kql::lint;

/// Where the form is described.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes one document.
pub(super) fn write(out: &mut dyn Write, findings: &[Finding]) -> Done {
    let mut rules: Vec<Value> = lint::rules()
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code,
                "name": rule.name,
                "shortDescription": {"text": rule.name.replace('-', " ")},
                "fullDescription": {"text": rule.reason},
            })
        })
        .collect();
    let mut codes: Vec<&str> = findings
        .iter()
        .map(|it| it.code)
        .filter(|code| lint::rules().iter().all(|rule| rule.code != *code))
        .collect();
    codes.sort_unstable();
    codes.dedup();
    rules.extend(codes.into_iter().map(|code| json!({"id": code})));
    let results: Vec<Value> = findings.iter().map(result).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    writeln!(out, "{}", json_line(&document.to_string()))?;
    Ok(())
}

fn result(found: &Finding) -> Value {
    json!({
        "ruleId": found.code,
        "level": if found.error { "error" } else { "warning" },
        "message": {"text": found.message},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&found.file)},
            "region": {
                "startLine": found.line,
                "startColumn": found.column,
                "endLine": found.end_line,
                "endColumn": found.end_column,
            },
        }}],
    })
}

/// A path as a relative reference: `/` between its parts, everything unusual escaped.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;

    let mut out = String::with_capacity(path.len());
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        match byte {
            b'\\' if cfg!(windows) => out.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte as char);
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("./rules/a b é.kql"), "rules/a%20b%20%C3%A9.kql");
    }
}

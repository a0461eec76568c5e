//! The report as text, 80 columns or as many as there are: signs with words, so that it reads without
//! colour.

use std::fmt::Write as _;

use super::{Check, Outcome, Report, Row, Section, Standing};
use crate::auth::Cure;

/// Cells before what a line says.
const INDENT: usize = 4;

/// The whole report.
pub fn text(report: &Report, width: usize) -> String {
    let mut out = String::new();
    let about: Vec<&str> = [&*report.cloud, &*report.tenant]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    push_wrapped(
        &mut out,
        &format!("Profile {}: {}", report.profile, about.join(", ")),
        "",
        width,
    );
    for section in Section::ALL {
        let checks: Vec<&Check> = report
            .checks
            .iter()
            .filter(|check| check.section == section)
            .collect();
        if checks.is_empty() {
            continue;
        }
        let _ = write!(out, "\n{}\n", section.title());
        for check in checks {
            push_check(&mut out, check, width);
        }
    }
    if !report.rows.is_empty() {
        out.push_str(
            "\nFeatures (should: not tried, judged from the token and the other answers)\n",
        );
        for row in &report.rows {
            push_row(&mut out, row, width);
        }
    }
    let _ = write!(out, "\n{}\n", summary(report));
    out
}

/// The last line: what it comes to.
pub(super) fn summary(report: &Report) -> String {
    let count = |standing| {
        report
            .rows
            .iter()
            .filter(|row| row.standing == standing)
            .count()
    };
    let works = count(Standing::Works) + count(Standing::Judged);
    let will_not = count(Standing::WillNot);
    let unknown = count(Standing::Unknown);
    let counted = format!("{works} of {} features work", report.rows.len());
    match report.outcome {
        Outcome::Unusable => "The profile cannot be used as it is.".to_owned(),
        Outcome::SignIn => format!("Sign-in fails; {counted}."),
        Outcome::Works if report.rows.is_empty() => "Nothing wrong in the settings.".to_owned(),
        Outcome::Works => format!("All {works} features work."),
        Outcome::WillNot if unknown > 0 => {
            format!("{counted}, {will_not} will not, {unknown} could not be told.")
        }
        Outcome::WillNot if will_not > 0 => format!("{counted}, {will_not} will not."),
        Outcome::WillNot => format!("{counted}, but something else is wrong: see above."),
    }
}

fn push_check(out: &mut String, check: &Check, width: usize) {
    let head = format!(
        "  {} {:<8} {}",
        check.sign.mark(),
        check.sign.word(),
        check.title
    );
    push_wrapped(out, &head, "  ", width);
    push_indented(out, &check.says, width);
    if let Some(cure) = &check.cure {
        push_cure(out, cure, width);
    }
}

fn push_row(out: &mut String, row: &Row, width: usize) {
    let head = format!(
        "  {} {:<8} {}",
        row.standing.mark(),
        row.standing.word(),
        row.feature.title
    );
    let _ = writeln!(out, "{head}");
    if row.standing == Standing::Works {
        return;
    }
    push_indented(out, &row.why, width);
    if let Some(cure) = row.cure() {
        push_cure(out, cure, width);
    }
}

/// The lines of a cure, each named.
pub(super) fn cure_lines(cure: &Cure) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if !cure.advice.is_empty() {
        lines.push(("cure", cure.advice.clone()));
    }
    if let Some(kind) = cure.kind
        && !cure.permissions.is_empty()
    {
        let place = cure.resource.map_or_else(String::new, |resource| {
            format!(" under {}", resource.api_name())
        });
        lines.push((
            "permission",
            format!("{} ({}){place}", cure.permissions.join(" or "), kind.word()),
        ));
    }
    if let Some(role) = cure.role.filter(|role| !role.is_empty()) {
        lines.push(("role", role.to_owned()));
    }
    if let Some(licence) = cure.licence {
        lines.push(("licence", licence.to_owned()));
    }
    if let Some((name, value)) = &cure.setting {
        let value = value
            .as_ref()
            .map_or_else(String::new, |value| format!(" = \"{value}\""));
        lines.push(("setting", format!("{name}{value}")));
    }
    if let Some(link) = &cure.consent_link {
        lines.push(("consent", link.to_string()));
    }
    lines
}

fn push_cure(out: &mut String, cure: &Cure, width: usize) {
    for (name, says) in cure_lines(cure) {
        push_indented(out, &format!("{name}: {says}"), width);
    }
}

fn push_indented(out: &mut String, text: &str, width: usize) {
    let indent = " ".repeat(INDENT);
    push_wrapped(out, &format!("{indent}{text}"), &indent, width);
}

/// Writes a text in lines of at most `width` cells, those after the first indented; a word that is longer
/// (a link) stays whole, so that it can be copied.
fn push_wrapped(out: &mut String, text: &str, indent: &str, width: usize) {
    use unicode_width::UnicodeWidthStr as _;
    let own = text.len() - text.trim_start().len();
    let mut line = text[..own].to_owned();
    let mut empty = true;
    for word in text[own..].split(' ') {
        if !empty && line.width() + 1 + word.width() > width {
            let _ = writeln!(out, "{}", line.trim_end());
            indent.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

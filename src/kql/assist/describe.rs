//! Declarations and values in words: signatures of functions, lists of columns, durations, places.

use std::fmt::Write as _;

use super::Signature;
use crate::kql::bound::Column;
use crate::kql::builtins::{self, Builtin, Param, Returns};
use crate::kql::schema::{FunctionKind, SchemaFunction};
use crate::kql::symbols::Shape;
use crate::kql::syntax::{FunctionDeclaration, TypeSyntax};
use crate::kql::types::{TICKS_PER_DAY, TICKS_PER_SECOND, Type};

/// Columns shown of a table.
const SHOWN: usize = 12;

/// Characters shown of an expression.
const SHOWN_TEXT: usize = 160;

/// `line:column`, both from 1, the column in characters.
pub(super) fn place(text: &str, at: u32) -> String {
    let before = text.get(..at as usize).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    format!("{line}:{column}")
}

/// Text of the query on one line, cut where it is long.
pub(super) fn short(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.chars().count() > SHOWN_TEXT {
            let cut: String = out.chars().take(SHOWN_TEXT).collect();
            return format!("{cut}...");
        }
    }
    out
}

/// `12 columns: A: string, B: long, ..., and 3 more.`
pub(super) fn columns(list: &[Column], open: bool) -> String {
    let mut out = match list.len() {
        0 if open => return "Its columns are known when the query runs.".to_owned(),
        0 => return "No columns.".to_owned(),
        1 => "1 column: ".to_owned(),
        n => format!("{n} columns: "),
    };
    for (i, column) in list.iter().take(SHOWN).enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        let _ = write!(out, "{comma}{}: {}", column.name, column.ty);
    }
    if list.len() > SHOWN {
        let _ = write!(out, " and {} more", list.len() - SHOWN);
    }
    out.push_str(if open {
        "; others are known when the query runs."
    } else {
        "."
    });
    out
}

/// What a name stands for, as a type.
pub(super) fn shape(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Unknown => None,
        Shape::Scalar(ty) => Some(ty.name().to_owned()),
        Shape::Table(list, open) => {
            let mut names: Vec<String> = list
                .iter()
                .take(4)
                .map(|c| format!("{}: {}", c.name, c.ty))
                .collect();
            if list.len() > 4 || *open {
                names.push("...".to_owned());
            }
            Some(format!("({})", names.join(", ")))
        }
    }
}

/// A label and the places of its parameters.
struct Label {
    text: String,
    parameters: Vec<std::ops::Range<usize>>,
}

impl Label {
    fn new(name: &str) -> Self {
        Self {
            text: format!("{name}("),
            parameters: Vec::new(),
        }
    }

    fn parameter(&mut self, text: &str) {
        if !self.parameters.is_empty() {
            self.text.push_str(", ");
        }
        let start = self.text.len();
        self.text.push_str(text);
        self.parameters.push(start..self.text.len());
    }

    fn returns(mut self, what: Option<&str>) -> Signature {
        if self.text.ends_with(',') {
            self.text.pop();
        }
        self.text.push(')');
        if let Some(what) = what {
            self.text.push_str(": ");
            self.text.push_str(what);
        }
        Signature {
            label: self.text,
            parameters: self.parameters,
        }
    }
}

/// One way to call a built-in. `known` is the type of a call that is already there.
pub(super) fn builtin(builtin: &Builtin, n: usize, known: Option<Type>) -> Signature {
    let signature = &builtin.signatures[n];
    let mut label = Label::new(builtin.name);
    for (i, param) in signature.params.iter().enumerate() {
        // parameters that repeat together are followed by one `...`
        let last = signature.params.get(i + 1).is_none_or(|next| next.max == 1);
        label.parameter(&parameter(param, last));
    }
    let known = known.filter(|t| *t != Type::Unknown).map(Type::name);
    let what = match &signature.returns {
        Returns::Type(ty) => Some(ty.name()),
        Returns::Table(_) => Some("table"),
        Returns::Custom if builtin.kind == builtins::Kind::PlugIn => Some("table"),
        _ => known,
    };
    label.returns(what)
}

/// A parameter of a built-in: `[optional]`, `repeated, ...`.
fn parameter(param: &Param, last: bool) -> String {
    let repeats = if param.max > 1 && last { ", ..." } else { "" };
    if param.min == 0 {
        format!("[{}{repeats}]", param.name)
    } else {
        format!("{}{repeats}", param.name)
    }
}

/// How a function of the schema is called.
pub(super) fn schema_function(function: &SchemaFunction) -> Signature {
    let mut label = Label::new(&function.name);
    for p in &function.parameters {
        let text = format!("{}: {}", p.name, p.ty);
        label.parameter(&if p.required {
            text
        } else {
            format!("[{text}]")
        });
    }
    label.returns(Some(match function.kind {
        FunctionKind::CrossService => "database",
        FunctionKind::Tabular | FunctionKind::Invoked => "table",
    }))
}

/// How a function of the query is called.
pub(super) fn user_function(
    text: &str,
    name: &str,
    declaration: &FunctionDeclaration,
    returns: Option<&str>,
) -> Signature {
    let mut label = Label::new(name);
    for p in &declaration.parameters {
        let name = &p.declaration.name.text;
        let ty = match &p.declaration.ty {
            TypeSyntax::Named(span) => span.text(text).to_owned(),
            TypeSyntax::Table(None) => "(*)".to_owned(),
            TypeSyntax::Table(Some(columns)) => {
                let list: Vec<String> = columns.iter().map(|c| short(c.span.text(text))).collect();
                format!("({})", list.join(", "))
            }
            TypeSyntax::Missing => "?".to_owned(),
        };
        let default = p
            .default
            .as_ref()
            .map(|d| format!(" = {}", short(d.span.text(text))))
            .unwrap_or_default();
        label.parameter(&format!("{name}: {ty}{default}"));
    }
    label.returns(returns)
}

/// `1 day 12 hours`
pub(super) fn duration(ticks: i64) -> String {
    if ticks == 0 {
        return "no time".to_owned();
    }
    let second = TICKS_PER_SECOND.unsigned_abs();
    let units: [(&str, u64); 7] = [
        ("day", TICKS_PER_DAY.unsigned_abs()),
        ("hour", 3600 * second),
        ("minute", 60 * second),
        ("second", second),
        ("millisecond", second / 1000),
        ("microsecond", second / 1_000_000),
        ("tick", 1),
    ];
    let mut rest = ticks.unsigned_abs();
    let mut parts = Vec::new();
    for (name, size) in units {
        let n = rest / size;
        rest %= size;
        if n > 0 {
            let s = if n == 1 { "" } else { "s" };
            parts.push(format!("{n} {name}{s}"));
        }
    }
    let sign = if ticks < 0 { "minus " } else { "" };
    format!("{sign}{}", parts.join(" "))
}

/// `1,234,567`
pub(super) fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if n < 0 { format!("-{out}") } else { out }
}

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The weekday of an instant; 0001-01-01 was a Monday.
pub(super) fn weekday(ticks: i64) -> &'static str {
    let day = ticks.div_euclid(TICKS_PER_DAY).rem_euclid(7);
    WEEKDAYS[usize::try_from(day).unwrap_or(0)]
}

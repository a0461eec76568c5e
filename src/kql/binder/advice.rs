//! What is said of names that were not found and values that do not fit, and how to repair it.
//!
//! Codes and places are those of the official service, the words are our own. Names stand in single quotes,
//! what can be written stands as it is.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Binder, Local, Row, Ty};
use crate::kql::builtins::{Kind, builtins};
use crate::kql::diagnostics::{Diagnostic, Edit, Fix, nearest};
use crate::kql::symbols::Source as Home;
use crate::kql::syntax::{self, BinaryToken, ExprKind as S, Name, Span};
use crate::kql::types::Type;

/// So many faults of a query get advice that takes a search; the rest are only told.
const MAX_SEARCHES: usize = 100;

/// Names from elsewhere: kind (`C`, `T`, `F`) and name lead to the names here.
fn renamed(kind: u8, name: &str) -> &'static [&'static str] {
    static NAMES: OnceLock<HashMap<u8, HashMap<&str, Vec<&str>>>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names: HashMap<u8, HashMap<&str, Vec<&str>>> = HashMap::new();
        for line in include_str!("../../../assets/kql/renamed.txt").lines() {
            let mut words = line.split_whitespace();
            if let (Some(kind), Some(name)) = (words.next(), words.next()) {
                let of_kind = names.entry(kind.as_bytes()[0]).or_default();
                of_kind.insert(name, words.collect());
            }
        }
        names
    });
    let of_kind = names.get(&kind);
    of_kind.and_then(|n| n.get(name)).map_or(&[], Vec::as_slice)
}

/// What is said, and the repair.
type Advice = (String, Option<Fix>);

fn write(name: &str, at: Span) -> Option<Fix> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let text = if name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("['{name}']")
    };
    Some(Fix::replace(format!("Write {text}"), at, text))
}

/// Puts a call around a place.
fn wrap(function: &str, at: Span, text: &str) -> Fix {
    let inner = at.text(text);
    let new = format!("{function}({inner})");
    let shown = if inner.len() > 40 { "..." } else { inner };
    Fix::replace(format!("Write {function}({shown})"), at, new)
}

/// The function that makes a value of this type.
fn conversion(ty: Type) -> Option<&'static str> {
    Some(match ty {
        Type::String => "tostring",
        Type::Int => "toint",
        Type::Long => "tolong",
        Type::Real => "toreal",
        Type::Decimal => "todecimal",
        Type::DateTime => "todatetime",
        Type::TimeSpan => "totimespan",
        Type::Bool => "tobool",
        Type::Guid => "toguid",
        Type::Dynamic => "parse_json",
        Type::TypeLiteral | Type::Null | Type::Unknown => return None,
    })
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("'{n}'")).collect();
    match &quoted[..] {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn same_letters<'n>(name: &str, mut names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names.find(|n| n.eq_ignore_ascii_case(name) && *n != name)
}

impl Binder<'_> {
    pub(super) fn report_with(&mut self, code: &'static str, span: Span, advice: Advice) {
        if self.silent == 0 {
            let mut found = Diagnostic::semantic(code, span, advice.0);
            found.fix = advice.1;
            self.diagnostics.push(found);
        }
    }

    /// May another search be made?
    fn searches(&mut self) -> bool {
        self.searched += 1;
        self.silent == 0 && self.searched <= MAX_SEARCHES
    }

    /// A name that is neither column nor anything else.
    pub(super) fn no_column(&mut self, name: &Name) -> Advice {
        let word = name.text.as_str();
        if !self.searches() {
            return (format!("There is no column '{word}' here."), None);
        }
        if let Some(row) = &self.row
            && let Some(advice) = in_row(word, name.span, row)
        {
            return advice;
        }
        if self.wants_text && !word.contains(' ') {
            let said = format!(
                "There is no column '{word}' here. If it is a text, write it in quotes: \"{word}\"."
            );
            let quoted = format!("\"{word}\"");
            let fix = Fix::replace(format!("Write {quoted}"), name.span, quoted);
            return (said, Some(fix));
        }
        let mut homes: Vec<&str> = self
            .schema
            .tables()
            .iter()
            .filter(|t| t.columns.has(word))
            .map(|t| t.name.as_str())
            .collect();
        let here = self.row.as_ref().and_then(|row| home(row, self.schema));
        if let (false, Some(here)) = (homes.is_empty(), here) {
            // tables of the same family first
            let alike = |name: &str| {
                here.bytes()
                    .zip(name.bytes())
                    .take_while(|(a, b)| a == b)
                    .count()
            };
            homes.sort_by_key(|name| std::cmp::Reverse(alike(name)));
            let mut some = list(&homes[..homes.len().min(3)]);
            if homes.len() > 3 {
                some = format!("{}, {} and others", list(&homes[..1]), list(&homes[1..2]));
            }
            let said = format!("'{word}' is a column of {some}, not of '{here}'.");
            return (said, None);
        }
        if self.row.is_none() && !renamed(b'T', word).is_empty() {
            return self.no_table(name);
        }
        let tables = self.schema.tables().iter().map(|t| t.name.as_str());
        let locals = self.locals.visible().map(|(n, _)| n);
        if let Some(meant) = nearest(word, locals.chain(tables)) {
            let said = format!("There is no column '{word}' here. Did you mean '{meant}'?");
            let fix = write(meant, name.span);
            return (said, fix);
        }
        let said = match self.row {
            Some(_) => format!("There is no column '{word}' here."),
            None => format!(
                "Nothing is called '{word}' here: no rows are read, so there are no columns."
            ),
        };
        (said, None)
    }

    /// A name that is no table.
    pub(super) fn no_table(&mut self, name: &Name) -> Advice {
        let word = name.text.as_str();
        if !self.searches() {
            return (format!("There is no table '{word}'."), None);
        }
        let here: Vec<&str> = renamed(b'T', word)
            .iter()
            .copied()
            .filter(|n| self.schema.table(n).is_some())
            .collect();
        if let [first, ..] = here[..] {
            let said = format!(
                "There is no table '{word}': what it holds is in {} here.",
                list(&here)
            );
            return (said, write(first, name.span));
        }
        let names = || self.schema.tables().iter().map(|t| t.name.as_str());
        if let Some(same) = same_letters(word, names()) {
            let said = format!("Names keep capitals and small letters apart: write '{same}'.");
            return (said, write(same, name.span));
        }
        let locals = self.locals.visible().map(|(n, _)| n);
        match nearest(word, locals.chain(names())) {
            Some(meant) => (
                format!("There is no table '{word}'. Did you mean '{meant}'?"),
                write(meant, name.span),
            ),
            None => (format!("There is no table '{word}'."), None),
        }
    }

    /// A call of something that is no function.
    pub(super) fn no_function(&mut self, word: &str, at: Span, aggregates: bool) -> Advice {
        let plain = format!("There is no function '{word}'.");
        if !self.searches() {
            return (plain, None);
        }
        if let Some(here) = renamed(b'F', &word.to_lowercase()).first() {
            return (
                format!("'{word}' is called '{here}' here."),
                write(here, at),
            );
        }
        let of = |kind| builtins().of(kind).filter(|b| !b.hidden).map(|b| b.name);
        let own = self
            .locals
            .visible()
            .filter_map(|(name, local)| match local {
                Local::Function(_) => Some(name),
                _ => None,
            });
        let kind = if aggregates {
            Kind::Aggregate
        } else {
            Kind::Function
        };
        let names = || of(kind).chain(of(Kind::Function));
        if let Some(same) = same_letters(word, names()) {
            let said = format!("Names keep capitals and small letters apart: write '{same}'.");
            return (said, write(same, at));
        }
        match nearest(word, own.chain(names())) {
            Some(meant) => (format!("{plain} Did you mean '{meant}'?"), write(meant, at)),
            None => (plain, None),
        }
    }

    /// A function without its argument list.
    pub(super) fn no_arguments(&self, name: &Name, none_needed: bool) -> Advice {
        let word = &name.text;
        if none_needed {
            let text = format!("{word}()");
            let fix = Fix::replace(format!("Write {text}"), name.span, text);
            return (
                format!("'{word}' is a function: write {word}()."),
                Some(fix),
            );
        }
        let said = format!(
            "'{word}' is a function: its arguments stand in parentheses after it, as in {word}(...)."
        );
        (said, None)
    }

    /// A value that is not of the type wanted.
    pub(super) fn not_of_type(&self, wanted: &[Type], actual: Type, e: Span) -> Advice {
        let words: Vec<&str> = wanted.iter().map(|t| t.name()).collect();
        let wanted_words = super::calls::or_words(&words);
        let is = if actual == Type::Unknown {
            String::new()
        } else {
            format!(" This is {actual}.")
        };
        let said = format!("A value of type {wanted_words} is expected here.{is}");
        let inner = e.text(self.text);
        let is_number = inner.bytes().all(|b| b.is_ascii_digit()) && !inner.is_empty();
        match wanted {
            [Type::Bool] => (format!("A condition is expected here.{is}"), None),
            [Type::TimeSpan] if is_number => {
                let text = format!("{inner}d");
                let said = format!(
                    "A duration needs its unit, as in {text} (days), {inner}h or {inner}m."
                );
                (said, Some(Fix::replace(format!("Write {text}"), e, text)))
            }
            [one, ..] if actual != Type::Unknown && !e.is_empty() => {
                (said, conversion(*one).map(|f| wrap(f, e, self.text)))
            }
            _ => (said, None),
        }
    }

    /// A condition that is none; `a = b` gives a name.
    pub(super) fn not_a_condition(&self, ty: Type, e: &syntax::Expr) -> Advice {
        if let S::Named { name, value } = &e.kind {
            let between = Span {
                start: name.span.end,
                end: value.span.start,
            };
            let said = "'=' gives a name. To compare, write ==.".to_owned();
            let fix = between.text(self.text).find('=').map(|at| {
                let at = between.start as usize + at;
                Fix::replace("Write ==", Span::new(at, at + 1), "==")
            });
            return (said, fix);
        }
        self.not_of_type(&[Type::Bool], ty, e.span)
    }

    /// A dynamic value where none can stand.
    pub(super) fn not_dynamic_here(&self, e: Span) -> Advice {
        let said = "Dynamic values cannot be grouped, sorted or joined as they are: write tostring(...) or another type.";
        (said.to_owned(), Some(wrap("tostring", e, self.text)))
    }

    /// An operator between values it is not made for.
    pub(super) fn not_between(
        &self,
        op: BinaryToken,
        op_span: Span,
        left: (&Ty, Option<Span>),
        right: (&Ty, Option<Span>),
    ) -> Advice {
        let shown = op_span.text(self.text);
        let (l, r) = (left.0.type_or_unknown(), right.0.type_or_unknown());
        let name = |ty: &Ty| match ty {
            Ty::Table(_) => "a table".to_owned(),
            ty => ty.type_or_unknown().to_string(),
        };
        let said = format!(
            "'{shown}' does not go with {} and {}.",
            name(left.0),
            name(right.0)
        );
        let wrapped = |function: &str, at: Option<Span>| at.map(|at| wrap(function, at, self.text));
        let literal =
            |at: Option<Span>| at.filter(|at| at.text(self.text).starts_with(['"', '\'']));
        let comparison = matches!(
            op,
            BinaryToken::Equal
                | BinaryToken::NotEqual
                | BinaryToken::Less
                | BinaryToken::LessOrEqual
                | BinaryToken::Greater
                | BinaryToken::GreaterOrEqual
        );
        if matches!(op, BinaryToken::And | BinaryToken::Or) {
            let said = format!("'{shown}' joins conditions. {said}");
            return (said, None);
        }
        if matches!(op, BinaryToken::Text(_)) {
            if r == Type::Dynamic || l == Type::String || l == Type::Dynamic {
                let said = format!("{said} The right side must be a text.");
                return (said, wrapped("tostring", right.1));
            }
            let said = format!("{said} Only texts can be searched: write tostring(...).");
            return (said, wrapped("tostring", left.1));
        }
        let times = [(l, right.1, r), (r, left.1, l)];
        for (time, other, other_ty) in times {
            if time == Type::DateTime
                && other_ty == Type::String
                && (comparison || literal(other).is_some())
            {
                let fix = match literal(other) {
                    Some(at) => {
                        let inner = at.text(self.text).trim_matches(['"', '\'']);
                        let text = format!("datetime({inner})");
                        Some(Fix::replace(format!("Write {text}"), at, text))
                    }
                    None => wrapped("todatetime", other),
                };
                return (
                    format!("{said} A time is written datetime(2024-01-31)."),
                    fix,
                );
            }
            if time == Type::TimeSpan && other_ty.is_number() && comparison {
                return (format!("{said} A duration needs its unit, as in 7d."), None);
            }
        }
        if op == BinaryToken::Add && (l == Type::String || r == Type::String) {
            let fix = left.1.zip(right.1).map(|(a, b)| {
                let text = format!("strcat({}, {})", a.text(self.text), b.text(self.text));
                Fix::replace("Write strcat(...)", a.to(b), text)
            });
            return (
                format!("{said} Texts are put together with strcat(...)."),
                fix,
            );
        }
        if comparison && (l == Type::String) != (r == Type::String) {
            let (text, other, at) = if l == Type::String {
                (l, r, left.1)
            } else {
                (r, l, right.1)
            };
            if text == Type::String
                && let Some(function) = conversion(other)
            {
                let said =
                    format!("{said} Make the text a value of type {other} with {function}(...).");
                return (said, wrapped(function, at));
            }
        }
        (said, None)
    }

    /// A key of a join that only one side has.
    pub(super) fn key_of_one_side(&mut self, name: &Name, on_left: bool) -> Advice {
        let (side, other) = if on_left {
            ("left", "right")
        } else {
            ("right", "left")
        };
        let word = &name.text;
        let said = format!("Only the {side} side has a column '{word}'.");
        if !self.searches() {
            return (said, None);
        }
        let other_row = if on_left { &self.right } else { &self.row };
        let names = other_row
            .iter()
            .flat_map(|r| r.columns.iter().map(|c| c.name.as_str()));
        let Some(meant) = nearest(word, names) else {
            let hint = format!(
                " Write $left.A == $right.B where the names differ; the {other} side needs a key too."
            );
            return (said + &hint, None);
        };
        let (l, r) = if on_left {
            (word.as_str(), meant)
        } else {
            (meant, word.as_str())
        };
        let text = format!("$left.{l} == $right.{r}");
        let fix = Fix::replace(format!("Write {text}"), name.span, text.clone());
        (
            format!("{said} The {other} side has '{meant}': write {text}."),
            Some(fix),
        )
    }

    /// A key of a join without its side.
    pub(super) fn key_without_side(&self, side: &str, e: &syntax::Expr) -> Advice {
        let said = format!("The sides of a join key are named: {side}.Column is expected here.");
        let fix = match &e.kind {
            S::Name(name) => {
                let at = Span::new(name.span.start as usize, name.span.start as usize);
                let edits = vec![Edit {
                    span: at,
                    text: format!("{side}."),
                }];
                let title = format!("Write {side}.{}", name.text);
                Some(Fix { title, edits })
            }
            _ => None,
        };
        (said, fix)
    }

    /// A member of something that has none.
    pub(super) fn no_member(&self, of: Type, at: Span, member: &Name) -> Advice {
        let said = format!("A value of type {of} has no member '{}'.", member.text);
        if of == Type::String && !at.is_empty() {
            let said = format!("{said} If it is JSON, write parse_json(...).");
            return (said, Some(wrap("parse_json", at, self.text)));
        }
        (said, None)
    }

    /// An aggregate where none can stand.
    pub(super) fn aggregate_here(&self, word: &str, at: Span, arguments: usize) -> Advice {
        let said = format!("The aggregate '{word}' stands in summarize and its kin, not here.");
        let scalar = match word {
            "max" => "max_of",
            "min" => "min_of",
            _ => {
                return (
                    format!("{said} To filter by it, summarize first, then use where."),
                    None,
                );
            }
        };
        if arguments < 2 {
            return (said, None);
        }
        let hint = format!("{said} The {word} of several values is {scalar}(...).");
        (hint, write(scalar, at))
    }
}

/// What a name of the row is meant.
fn in_row(word: &str, at: Span, row: &Row) -> Option<Advice> {
    if let Some(here) = renamed(b'C', word).iter().find(|n| row.columns.has(n)) {
        return Some((
            format!("'{word}' is called '{here}' here."),
            write(here, at),
        ));
    }
    let names = || row.columns.iter().map(|c| c.name.as_str());
    if let Some(same) = same_letters(word, names()) {
        let said = format!("Names keep capitals and small letters apart: write '{same}'.");
        return Some((said, write(same, at)));
    }
    let meant = nearest(word, names())?;
    let said = format!("There is no column '{word}' here. Did you mean '{meant}'?");
    Some((said, write(meant, at)))
}

/// The table the rows come from, if all their columns come from one.
fn home<'s>(row: &Row, schema: &'s crate::kql::Schema) -> Option<&'s str> {
    let mut table = None;
    for column in &row.columns {
        if let Home::Table { index, .. } = column.origin.source() {
            match table {
                None => table = Some(index),
                Some(known) if known == index => {}
                Some(_) => return None,
            }
        }
    }
    schema.tables().get(table?).map(|t| t.name.as_str())
}

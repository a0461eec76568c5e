//! Parameters of operators: `kind = inner`, `hint.strategy = shuffle`, `with (title = "...")`.

use super::{ParameterSet, Parser, expected, is_reserved};
use crate::kql::lexer::{TokenKind, is_name_char};
use crate::kql::syntax::{Expr, ExprKind, Mark, Name, NameForm, Parameter, ParameterValue, Span};

/// What may stand right of `=`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Any,
    /// reported as missing under this name when absent
    Literal(&'static str),
    /// one of these words, or anything
    Word(&'static [&'static str]),
    Declaration,
    Column,
    ColumnList,
    /// a literal, function call or path
    Text,
}

/// Known parameters of all operators.
const KNOWN: &[&str] = &[
    "bagexpansion",
    "bin_legacy",
    "__crossCluster",
    "__crossDB",
    "decodeblocks",
    "expandoutput",
    "hint.concurrency",
    "hint.distribution",
    "hint.materialized",
    "hint.num_partitions",
    "hint.pass_filters",
    "hint.pass_filters_column",
    "hint.progressive_top",
    "hint.remote",
    "hint.shufflekey",
    "hint.spread",
    "hint.strategy",
    "__id",
    "isfuzzy",
    "__isFuzzy",
    "kind",
    "__noWithSource",
    "__packedColumn",
    "__sourceColumnIndex",
    "cycles",
    "with_match_id",
    "with_itemindex",
    "withsource",
    "with_source",
    "with_step_name",
    "force_remote",
];

fn value_of(name: &str) -> Value {
    match name {
        "hint.materialized"
        | "hint.progressive_top"
        | "isfuzzy"
        | "__isFuzzy"
        | "best_effort"
        | "decodeblocks"
        | "force_remote"
        | "accumulate"
        | "greedy" => Value::Literal("boolean"),
        "hint.num_partitions" | "ymin" | "ymax" | "threshold" => Value::Literal("number"),
        "xmin" | "xmax" => Value::Literal("value"),
        "characters" | "pair_delimiter" | "kv_delimiter" | "regex" | "quote" | "escape" => {
            Value::Literal("string")
        }
        "hint.pass_filters_column" | "hint.shufflekey" | "__packedColumn" | "xcolumn" => {
            Value::Column
        }
        "ycolumns" | "anomalycolumns" | "series" => Value::ColumnList,
        "with_component_id" | "with_match_id" | "with_itemindex" | "withsource" | "with_source"
        | "with_step_name" | "with_source_id" | "with_target_id" | "with_node_id" => {
            Value::Declaration
        }
        "title" | "xtitle" | "ytitle" => Value::Text,
        "kind" => Value::Word(&[
            "simple",
            "regex",
            "relaxed",
            "array",
            "bag",
            "default",
            "unstacked",
            "stacked",
            "stacked100",
            "map",
        ]),
        "legend" => Value::Word(&["visible", "hidden"]),
        "xaxis" | "yaxis" => Value::Word(&["linear", "log"]),
        "ysplit" => Value::Word(&["none", "axes", "panels"]),
        "hint.remote" | "hint.strategy" | "hint.concurrency" | "hint.spread"
        | "hint.distribution" => Value::Word(&[
            "auto",
            "left",
            "local",
            "right",
            "single",
            "per_node",
            "per_shard",
        ]),
        _ => Value::Any,
    }
}

pub(super) const NONE: ParameterSet = ParameterSet {
    own: &[],
    known: true,
    equals: false,
};
pub(super) const NONE_EQUALS: ParameterSet = ParameterSet {
    own: &[],
    known: true,
    equals: true,
};

pub(super) const fn own(names: &'static [&'static str], equals: bool) -> ParameterSet {
    ParameterSet {
        own: names,
        known: true,
        equals,
    }
}

pub(super) const fn only(names: &'static [&'static str]) -> ParameterSet {
    ParameterSet {
        own: names,
        known: false,
        equals: false,
    }
}

impl Parser<'_> {
    /// Parameters one after another, without commas.
    pub(super) fn parameters(&mut self, set: ParameterSet) -> Vec<Parameter> {
        let outer = self.parameters.replace(set);
        let mut list = Vec::new();
        while let Some(parameter) = self.parameter() {
            list.push(parameter);
        }
        self.parameters = outer;
        list
    }

    /// `(name = value, ...)` without its parentheses.
    pub(super) fn parameter_comma_list(&mut self, set: ParameterSet) -> Vec<Parameter> {
        let outer = self.parameters.replace(set);
        let list = self.comma_list(
            Self::parameter,
            Self::missing_parameter,
            Some(&Self::at_list_end),
            false,
            false,
        );
        self.parameters = outer;
        list
    }

    pub(super) fn missing_parameter(&mut self) -> Parameter {
        let made_up = self.missing_with("Missing parameter".to_owned());
        let name = Name {
            text: String::new(),
            span: made_up.span,
            form: NameForm::Missing,
        };
        Parameter {
            name,
            value: ParameterValue::Missing,
            span: made_up.span,
        }
    }

    /// How many tokens the name of a parameter takes here.
    fn scan_parameter_name(&self, set: ParameterSet, offset: usize) -> Option<usize> {
        let token = self.peek_at(offset);
        let mut n = None;
        if matches!(token.kind, TokenKind::Identifier | TokenKind::Keyword) {
            let text = self.text_of(token);
            if set.own.contains(&text) || (set.known && KNOWN.contains(&text)) {
                n = Some(1);
            }
        }
        if n.is_none() && set.known {
            n = KNOWN
                .iter()
                .filter(|k| is_many_tokens(k))
                .find_map(|k| self.scan_text(k, offset));
        }
        let n = n?;
        (!set.equals || self.kind_at(offset + n) == TokenKind::Equal).then_some(n)
    }

    /// A parameter of any operator stands here (used to tell operators from names).
    pub(super) fn scan_known_parameter(&self, offset: usize) -> bool {
        self.scan_parameter_name(NONE, offset).is_some()
    }

    fn parameter(&mut self) -> Option<Parameter> {
        let set = self.parameters?;
        let n = self.scan_parameter_name(set, 0)?;
        let first = self.next().span;
        let mut span = first;
        for _ in 1..n {
            span = first.to(self.next().span);
        }
        let text = span.text(self.text).to_owned();
        self.mark(span, Mark::Parameter);
        self.expect(TokenKind::Equal, "=");
        let value = self.parameter_value(value_of(&text));
        let name = Name {
            text,
            span,
            form: NameForm::Plain,
        };
        Some(Parameter {
            name,
            value,
            span: first.to(self.here()),
        })
    }

    /// `name = value` for one given name.
    pub(super) fn one_parameter(&mut self, name: &'static str) -> Option<Parameter> {
        let n = self.scan_text(name, 0)?;
        if self.kind_at(n) != TokenKind::Equal {
            return None;
        }
        let span = self.eat_text(name)?;
        self.mark(span, Mark::Parameter);
        self.next();
        let value = self.parameter_value(value_of(name));
        let name = Name {
            text: name.to_owned(),
            span,
            form: NameForm::Plain,
        };
        Some(Parameter {
            name,
            value,
            span: span.to(self.here()),
        })
    }

    fn parameter_value(&mut self, value: Value) -> ParameterValue {
        match value {
            Value::Any => match self.any_value() {
                Some(value) => value,
                None => self.missing_parameter_value("Missing value"),
            },
            Value::Literal(what) => match self.any_value() {
                Some(value) => value,
                None => self.missing_parameter_value(&format!("Missing {what}")),
            },
            Value::Word(words) => {
                let word = words.iter().find_map(|w| {
                    let n = self.scan_text(w, 0)?;
                    (n > 0).then_some(*w)
                });
                if let Some(span) = word.and_then(|w| self.eat_text(w)) {
                    self.mark(span, Mark::Keyword);
                    return ParameterValue::Word(span);
                }
                match self.any_value() {
                    Some(value) => value,
                    None => {
                        let place = self.here();
                        self.report("KS005", place, expected(words));
                        ParameterValue::Missing
                    }
                }
            }
            Value::Declaration => {
                if let Some(name) = self.name() {
                    return ParameterValue::Declaration(name);
                }
                match self.any_value() {
                    Some(value) => value,
                    None => ParameterValue::Declaration(self.missing_name()),
                }
            }
            Value::Column => {
                if let Some(name) = self.name() {
                    return ParameterValue::Columns(vec![name]);
                }
                match self.any_value() {
                    Some(value) => value,
                    None => ParameterValue::Columns(vec![self.missing_name()]),
                }
            }
            Value::ColumnList => {
                ParameterValue::Columns(self.column_names(&Self::at_column_names_end))
            }
            Value::Text => match self.path() {
                Some(expr) => ParameterValue::Expr(expr),
                None => self.missing_parameter_value("Missing value"),
            },
        }
    }

    pub(super) fn column_names(&mut self, end: &dyn Fn(&Self) -> bool) -> Vec<Name> {
        self.comma_list(
            |p| {
                let is_parameter = p.parameters.is_some_and(|set| {
                    set.own.contains(&p.text_of(p.peek())) && p.kind_at(1) == TokenKind::Equal
                });
                if is_parameter {
                    None
                } else {
                    p.extended_name()
                }
            },
            Self::missing_name,
            Some(end),
            true,
            false,
        )
    }

    fn at_column_names_end(&self) -> bool {
        let set = self.parameters.unwrap_or(NONE);
        if self.kind() == TokenKind::Comma {
            let known = ParameterSet {
                equals: false,
                known: true,
                ..set
            };
            self.scan_parameter_name(known, 1).is_some() || self.list_end_at(1)
        } else {
            let known = ParameterSet {
                equals: true,
                known: true,
                ..set
            };
            self.scan_parameter_name(known, 0).is_some() || self.at_list_end()
        }
    }

    /// A literal, a word that can be a name, or a name.
    fn any_value(&mut self) -> Option<ParameterValue> {
        if let Some(literal) = self.literal() {
            return Some(ParameterValue::Expr(literal));
        }
        if self.peek().is_name() {
            let span = self.next().span;
            self.mark(span, Mark::Keyword);
            return Some(ParameterValue::Word(span));
        }
        let name = self.name()?;
        Some(ParameterValue::Expr(Expr {
            span: name.span,
            kind: ExprKind::Name(name),
        }))
    }

    fn missing_parameter_value(&mut self, message: &str) -> ParameterValue {
        self.missing_with(message.to_owned());
        ParameterValue::Missing
    }

    /// The `with (name = value, ...)` of `externaldata`: any names.
    pub(super) fn free_properties(&mut self) -> Vec<Parameter> {
        if self.eat_word("with").is_none() {
            return Vec::new();
        }
        self.expect(TokenKind::OpenParen, "(");
        let list = self.comma_list(
            |p| {
                let name = p.extended_name()?;
                p.mark(name.span, Mark::Parameter);
                p.expect(TokenKind::Equal, "=");
                let value = if p.peek().is_literal() {
                    p.literal().map(ParameterValue::Expr)
                } else {
                    p.extended_name().map(|n| {
                        p.mark(n.span, Mark::Keyword);
                        ParameterValue::Word(n.span)
                    })
                };
                let value = value.unwrap_or_else(|| p.missing_parameter_value("Missing value"));
                let span: Span = name.span.to(p.here());
                Some(Parameter { name, value, span })
            },
            Self::missing_parameter,
            Some(&Self::at_list_end),
            false,
            false,
        );
        self.expect(TokenKind::CloseParen, ")");
        list
    }
}

/// Not one token for the lexer: neither a reserved word nor a plain name.
fn is_many_tokens(name: &str) -> bool {
    !is_reserved(name) && !name.chars().all(is_name_char)
}

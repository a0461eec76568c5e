//! Parameters of operators: `kind = inner`, `hint.strategy = shuffle`, `with (title = "...")`.

use super::parameter_sets::{self as sets, ParameterSet, Value};
use super::{Parser, expected};
use crate::kql::keywords::Roles;
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{Expr, ExprKind, Mark, Name, NameForm, Parameter, ParameterValue, Span};

/// The parameters any operator takes that are not one reserved word; the longer one first.
const DOTTED: &[&str] = &["hint.pass_filters_column", "hint.pass_filters"];

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
        let n = match token.kind {
            TokenKind::Keyword if set.known && token.has_role(Roles::PARAMETER) => 1,
            TokenKind::Identifier | TokenKind::Keyword => {
                let text = self.text_of(token);
                if set.own.iter().any(|(name, _)| *name == text) {
                    1
                } else if set.known && text == "hint" {
                    DOTTED.iter().find_map(|k| self.scan_text(k, offset))?
                } else {
                    return None;
                }
            }
            _ => return None,
        };
        (!set.equals || self.kind_at(offset + n) == TokenKind::Equal).then_some(n)
    }

    /// A parameter of any operator stands here (used to tell operators from names).
    pub(super) fn scan_known_parameter(&self, offset: usize) -> bool {
        self.scan_parameter_name(sets::NONE, offset).is_some()
    }

    fn parameter(&mut self) -> Option<Parameter> {
        let set = self.parameters?;
        let n = self.scan_parameter_name(set, 0)?;
        let span = self.take_tokens(n);
        let text = span.text(self.text).to_owned();
        self.mark(span, Mark::Parameter);
        self.expect(TokenKind::Equal, "=");
        let value = self.parameter_value(set.value_of(&text));
        let name = Name {
            text,
            span,
            form: NameForm::Plain,
        };
        Some(Parameter {
            name,
            value,
            span: span.to(self.here()),
        })
    }

    /// `name = value` for one given name.
    pub(super) fn one_parameter(&mut self, name: &'static str, value: Value) -> Option<Parameter> {
        let n = self.scan_text(name, 0)?;
        if self.kind_at(n) != TokenKind::Equal {
            return None;
        }
        let span = self.take_tokens(n);
        self.mark(span, Mark::Parameter);
        self.next();
        let value = self.parameter_value(value);
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

    pub(super) fn parameter_value(&mut self, value: Value) -> ParameterValue {
        match value {
            Value::Any => self.any_value().unwrap_or(ParameterValue::Missing),
            Value::Literal(what) => match self.any_value() {
                Some(value) => value,
                None => self.missing_parameter_value(&format!("Missing {what}")),
            },
            Value::Word([]) => match self.any_value() {
                Some(value) => value,
                None => self.missing_parameter_value("Missing value"),
            },
            Value::Word(words) => {
                if let Some(span) = words.iter().find_map(|w| self.eat_text(w)) {
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
                let is_parameter = p.parameters.is_some_and(|set| p.scan_own_parameter(set));
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

    /// One of the set's own parameters, with its `=`.
    fn scan_own_parameter(&self, set: ParameterSet) -> bool {
        let text = self.text_of(self.peek());
        self.kind_at(1) == TokenKind::Equal && set.own.iter().any(|(name, _)| *name == text)
    }

    fn at_column_names_end(&self) -> bool {
        let set = self.parameters.unwrap_or(sets::NONE);
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

    /// The literals that may be values of free properties.
    fn at_property_literal(&self) -> bool {
        use TokenKind as T;
        matches!(
            self.kind(),
            T::String | T::Long | T::Real | T::Bool | T::DateTime | T::Guid | T::RawGuid
        )
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
                let value = if p.at_property_literal() {
                    let token = p.peek();
                    if token.kind == TokenKind::String {
                        p.literal().map(ParameterValue::Expr)
                    } else {
                        // a guid needs no `guid(...)` here
                        p.next();
                        let kind = match token.kind {
                            TokenKind::RawGuid => TokenKind::Guid,
                            kind => kind,
                        };
                        Some(ParameterValue::Expr(Expr {
                            kind: ExprKind::Literal(kind),
                            span: token.span,
                        }))
                    }
                } else {
                    p.extended_name().map(|n| {
                        p.mark(n.span, Mark::Identifier);
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

//! Literals as values, rules of types: what may stand for what, common types.

use super::{Binder, Val};
use crate::kql::bound::{Expr, ExprKind};
use crate::kql::lexer::TokenKind;
use crate::kql::literals;
use crate::kql::syntax::{self, Json, Span};
use crate::kql::types::{Type, Value};

/// How far a type may be from the one wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Conversion {
    None,
    Promotable,
    Dynamic,
    Compatible,
}

/// `wide` holds all values of `narrow`.
pub(super) fn is_wider(wide: Type, narrow: Type) -> bool {
    matches!(
        (wide, narrow),
        (Type::Long, Type::Int)
            | (Type::Real, Type::Int | Type::Long)
            | (Type::Decimal, Type::Int | Type::Long | Type::Real)
            | (Type::String, Type::Dynamic)
    )
}

/// May a value of `source` stand where `target` is wanted?
pub(super) fn assignable(target: Type, source: Type, allowed: Conversion) -> bool {
    if target == source || target == Type::Unknown || source == Type::Unknown {
        return true;
    }
    if target == Type::Dynamic && allowed >= Conversion::Dynamic {
        return true;
    }
    match allowed {
        Conversion::Promotable => is_wider(target, source),
        Conversion::Compatible => is_wider(target, source) || is_wider(source, target),
        Conversion::None | Conversion::Dynamic => false,
    }
}

/// The type two types have in common.
pub(super) fn common(a: Type, b: Type, allowed: Conversion) -> Option<Type> {
    if a == b || b == Type::Null {
        return Some(a);
    }
    if a == Type::Null {
        return Some(b);
    }
    if a == Type::Unknown || b == Type::Unknown {
        return Some(Type::Unknown);
    }
    if a == Type::Dynamic || b == Type::Dynamic {
        return Some(Type::Dynamic);
    }
    if allowed >= Conversion::Promotable {
        if is_wider(b, a) {
            return Some(b);
        }
        if is_wider(a, b) {
            return Some(a);
        }
    }
    (allowed >= Conversion::Dynamic).then_some(Type::Dynamic)
}

/// The widest number among types, at least `long`.
pub(super) fn widest(types: &[Type]) -> Option<Type> {
    let mut widest: Option<Type> = None;
    for ty in types.iter().copied().filter(|t| t.is_number()) {
        if widest.is_none_or(|w| is_wider(ty, w)) {
            widest = Some(ty);
        }
    }
    widest.map(|w| if w == Type::Int { Type::Long } else { w })
}

impl Binder<'_> {
    /// A literal of one token.
    pub(super) fn literal(&self, kind: TokenKind, span: Span) -> Val {
        let raw = span.text(self.text);
        let inner = literals::inner(raw);
        let null = inner == "null";
        let (ty, value) = match kind {
            TokenKind::Bool => {
                let value = match inner.to_ascii_lowercase().as_str() {
                    "true" | "1" => Some(Value::Bool(true)),
                    "false" | "0" => Some(Value::Bool(false)),
                    _ => None,
                };
                (Type::Bool, value)
            }
            TokenKind::Int => (
                Type::Int,
                literals::long(inner)
                    .and_then(|v| i32::try_from(v).ok())
                    .map(Value::Int),
            ),
            TokenKind::Long => (Type::Long, literals::long(inner).map(Value::Long)),
            TokenKind::Real => (Type::Real, literals::real(inner).map(Value::Real)),
            TokenKind::Decimal => (
                Type::Decimal,
                (!null).then(|| Value::Decimal(inner.to_owned())),
            ),
            TokenKind::DateTime => (
                Type::DateTime,
                literals::datetime(inner).map(Value::DateTime),
            ),
            TokenKind::TimeSpan => (
                Type::TimeSpan,
                literals::timespan(inner).map(Value::TimeSpan),
            ),
            TokenKind::Guid | TokenKind::RawGuid => (
                Type::Guid,
                (!null).then(|| Value::Guid(inner.to_ascii_lowercase())),
            ),
            _ => (Type::String, Some(Value::String(literals::string(raw)))),
        };
        let mut val = Val::scalar(ExprKind::Literal(value.unwrap_or(Value::Null)), ty, span);
        val.constant = true;
        val.literal = true;
        val
    }

    /// One or more adjacent string literals.
    pub(super) fn strings(&self, parts: &[Span], span: Span) -> Val {
        let text: String = parts
            .iter()
            .map(|p| literals::string(p.text(self.text)))
            .collect();
        let mut val = Val::scalar(ExprKind::Literal(Value::String(text)), Type::String, span);
        val.constant = true;
        val.literal = true;
        val
    }

    /// `dynamic(...)` as JSON text.
    pub(super) fn dynamic(&mut self, json: &Json, span: Span) -> Val {
        let mut text = String::new();
        self.json(json, &mut text);
        let value = if text == "null" {
            Value::Null
        } else {
            Value::Dynamic(text)
        };
        let mut val = Val::scalar(ExprKind::Literal(value), Type::Dynamic, span);
        val.constant = true;
        val.literal = true;
        val
    }

    fn json(&mut self, json: &Json, out: &mut String) {
        match json {
            Json::Missing | Json::Null => out.push_str("null"),
            Json::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    self.json(item, out);
                }
                out.push(']');
            }
            Json::Object(pairs) => {
                out.push('{');
                for (i, (name, value)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    out.push_str(&literals::json_string(&literals::string(
                        name.text(self.text),
                    )));
                    out.push(':');
                    self.json(value, out);
                }
                out.push('}');
            }
            Json::Literal(expr) => self.json_literal(expr, out),
        }
    }

    fn json_literal(&mut self, expr: &syntax::Expr, out: &mut String) {
        let val = match &expr.kind {
            syntax::ExprKind::Literal(kind) => {
                if *kind == TokenKind::Decimal {
                    self.report(
                        "KS215",
                        expr.span,
                        "Decimal numbers cannot stand in dynamic values.",
                    );
                }
                self.literal(*kind, expr.span)
            }
            syntax::ExprKind::Strings(parts) => self.strings(parts, expr.span),
            syntax::ExprKind::Dynamic(json) => return self.json(json, out),
            _ => {
                self.report(
                    "KS213",
                    expr.span,
                    "Names in braces are filled in by some clients; here they are not.",
                );
                return out.push_str("null");
            }
        };
        match &val.expr.kind {
            ExprKind::Literal(value) => out.push_str(&json_value(value, expr.span.text(self.text))),
            _ => out.push_str("null"),
        }
    }
}

/// A literal inside `dynamic(...)` as JSON: numbers as written, times and durations as their text.
fn json_value(value: &Value, raw: &str) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Long(n) => n.to_string(),
        Value::Real(n) if n.is_finite() => {
            let plain = raw
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
            if plain && !raw.ends_with('.') {
                raw.to_owned()
            } else {
                format!("{n:?}")
            }
        }
        Value::Real(_) => literals::json_string(raw),
        Value::String(s) | Value::Guid(s) | Value::Decimal(s) => literals::json_string(s),
        Value::DateTime(ticks) => literals::json_string(&literals::datetime_text(*ticks)),
        Value::TimeSpan(ticks) => literals::json_string(&literals::timespan_text(*ticks)),
        Value::Dynamic(json) => json.clone(),
    }
}

/// A literal `dynamic(...)`: its type is known better than that of other dynamic values, and it is no text.
pub(super) fn is_literal_dynamic(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(_)) && expr.ty == Type::Dynamic
}

/// A literal `dynamic({...})`.
pub(super) fn is_bag(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(Value::Dynamic(text)) if text.starts_with('{'))
}

/// A literal `dynamic([...])`.
pub(super) fn is_array(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(Value::Dynamic(text)) if text.starts_with('['))
}

/// A conversion, where the type differs.
pub(super) fn convert(expr: Expr, ty: Type) -> Expr {
    if expr.ty == ty || ty == Type::Unknown {
        return expr;
    }
    if let ExprKind::Literal(Value::Null) = expr.kind {
        let value = if ty == Type::String {
            Value::String(String::new())
        } else {
            Value::Null
        };
        return Expr {
            kind: ExprKind::Literal(value),
            ty,
            span: expr.span,
        };
    }
    let span = expr.span;
    Expr {
        kind: ExprKind::Convert(Box::new(expr)),
        ty,
        span,
    }
}

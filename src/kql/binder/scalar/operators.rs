//! Operators between values: signs, chains, `in`, `between`, and the types they give.

use crate::kql::binder::scalar::{MAX_CHAIN, join_words, too_long, type_word};
use crate::kql::binder::values::convert;
use crate::kql::binder::{Binder, Row, Ty, Val, unknown};
use crate::kql::bound::{BinaryOp, Expr, ExprKind, InList, InOp, TextTest};
use crate::kql::builtins::{Kind, builtins};
use crate::kql::syntax::{self, BinaryToken, Span};
use crate::kql::types::{Type, Value};

/// Something with rows or tables in it.
fn is_table(ty: &Ty) -> bool {
    !matches!(
        ty,
        Ty::Error | Ty::Void | Ty::Scalar(_) | Ty::Tuple(_) | Ty::Group(_)
    )
}

impl Binder<'_> {
    pub(super) fn sign(
        &mut self,
        minus: bool,
        op: Span,
        operand: &syntax::Expr,
        span: Span,
    ) -> Val {
        let mut val = self.expr(operand, false);
        let ty = val.type_or_unknown();
        if !(val.ty.is_vague() || ty.is_summable() || ty == Type::Dynamic) {
            let sign = if minus { '-' } else { '+' };
            self.report("KS106", op, format!("'{sign}' does not go with {ty}."));
            return Val::error(span);
        }
        val.column = None;
        val.is_column = false;
        val.same_as = None;
        val.name = None;
        if ty == Type::Int && !val.literal {
            val.ty = Ty::Scalar(Type::Long);
        }
        if minus {
            val.expr.kind = match val.expr.kind {
                ExprKind::Literal(Value::Long(n)) if n != i64::MIN => {
                    ExprKind::Literal(Value::Long(-n))
                }
                ExprKind::Literal(Value::Int(n)) if n != i32::MIN => {
                    ExprKind::Literal(Value::Int(-n))
                }
                ExprKind::Literal(Value::Real(n)) => ExprKind::Literal(Value::Real(-n)),
                ExprKind::Literal(Value::TimeSpan(n)) if n != i64::MIN => {
                    ExprKind::Literal(Value::TimeSpan(-n))
                }
                kind => ExprKind::Negate(Box::new(Expr {
                    kind,
                    ty: val.expr.ty,
                    span: val.expr.span,
                })),
            };
        }
        val.expr = convert(val.expr, val.ty.type_or_unknown());
        val.expr.span = span;
        val
    }

    pub(super) fn chain(
        &mut self,
        first: &syntax::Expr,
        rest: &[(BinaryToken, Span, syntax::Expr)],
        span: Span,
    ) -> Val {
        let is_logic = matches!(rest[0].0, BinaryToken::And | BinaryToken::Or);
        let mut left = self.expr(first, false);
        let mut constant = left.constant;
        let mut left_ty = left.ty.clone();
        let mut terms = Vec::new();
        for (n, (op, op_span, operand)) in rest.iter().enumerate() {
            self.wants_text = !is_logic && left_ty.scalar() == Some(Type::String);
            let right = self.expr(operand, false);
            self.wants_text = false;
            constant &= right.constant;
            let ty = self.operator_type(
                *op,
                *op_span,
                &left_ty,
                &right.ty,
                ((n == 0).then_some(first.span), Some(operand.span)),
            );
            if is_logic {
                if terms.is_empty() {
                    terms.push(left.expr.clone());
                }
                terms.push(right.expr);
            } else {
                let kind = if n < MAX_CHAIN {
                    binary(*op, left.expr, right.expr)
                } else {
                    too_long()
                };
                let to = Span {
                    start: span.start,
                    end: operand.span.end,
                };
                left = Val::scalar(kind, ty.type_or_unknown(), to);
            }
            left_ty = ty;
        }
        let mut val = if is_logic {
            let kind = if rest[0].0 == BinaryToken::And {
                ExprKind::And(terms)
            } else {
                ExprKind::Or(terms)
            };
            Val::scalar(kind, Type::Bool, span)
        } else {
            left
        };
        val = val.typed(left_ty);
        val.constant = constant;
        val.name = None;
        val.column = None;
        val.is_column = false;
        val.same_as = None;
        val.expr.span = span;
        val
    }

    /// The type an operator gives, or a report that it is not defined.
    pub(in crate::kql::binder) fn operator_type(
        &mut self,
        op: BinaryToken,
        span: Span,
        left: &Ty,
        right: &Ty,
        places: (Option<Span>, Option<Span>),
    ) -> Ty {
        let name = operator_name(op);
        let Some(operator) = builtins().get(Kind::Operator, name) else {
            return Ty::Error;
        };
        let vals = [
            Val::new(unknown(span)).typed(left.clone()),
            Val::new(unknown(span)).typed(right.clone()),
        ];
        let matching = self.best_signatures(&operator.signatures, &vals, true, false);
        if let [signature] = matching[..] {
            return self.result_type(operator, signature, &vals, span);
        }
        if matches!(op, BinaryToken::Equal | BinaryToken::NotEqual) {
            // a value beside a table: the table is the fault, not the operator
            let table = match (is_table(left), is_table(right)) {
                (true, false) if right.scalar().is_some() => places.0,
                (false, true) if left.scalar().is_some() => places.1,
                _ => None,
            };
            if let Some(place) = table {
                self.single_value(place);
                return Ty::Scalar(Type::Bool);
            }
        }
        if !vals.iter().any(|v| v.ty.is_vague()) {
            let [l, r] = &vals;
            let advice = self.not_between(op, span, (&l.ty, places.0), (&r.ty, places.1));
            self.report_with("KS106", span, advice);
        }
        let matching = if matching.is_empty() {
            self.best_signatures(&operator.signatures, &vals, false, false)
        } else {
            matching
        };
        let mut types = matching
            .iter()
            .map(|s| self.result_type(operator, s, &vals, span));
        let Some(Ty::Scalar(first)) = types.next() else {
            return Ty::Error;
        };
        if types.all(|t| matches!(t, Ty::Scalar(t) if t == first)) {
            Ty::Scalar(first)
        } else if vals.iter().any(|v| v.ty.is_vague()) {
            Ty::Scalar(Type::Unknown)
        } else {
            Ty::Error
        }
    }

    pub(super) fn in_list(
        &mut self,
        op: &str,
        op_span: Span,
        left: &syntax::Expr,
        list: &[syntax::Expr],
        span: Span,
    ) -> Val {
        let value = self.expr(left, false);
        let row = self.row.clone();
        let texts = value.ty.scalar() == Some(Type::String);
        let mut items = Vec::with_capacity(list.len());
        for e in list {
            self.wants_text = texts;
            items.push(self.expr(e, false));
        }
        self.wants_text = false;
        self.keep_inferred(row);
        let (in_op, name) = match op {
            "!in" => (InOp::NotIn, "NotIn"),
            "in~" => (InOp::InTilde, "InCs"),
            "!in~" => (InOp::NotInTilde, "NotInCs"),
            "has_any" => (InOp::HasAny, "HasAny"),
            "has_all" => (InOp::HasAll, "HasAll"),
            _ => (InOp::In, "In"),
        };
        let constant = value.constant && items.iter().all(|i| i.constant);
        let mut vals = vec![value];
        vals.append(&mut items);
        let spans: Vec<Span> = std::iter::once(left.span)
            .chain(list.iter().map(|e| e.span))
            .collect();
        if let Some(operator) = builtins().get(Kind::Operator, name) {
            let matching = self.best_signatures(&operator.signatures, &vals, false, false);
            if let [signature] = matching[..] {
                self.check_signature(
                    operator.name,
                    signature,
                    &vals,
                    &spans,
                    op_span,
                    false,
                    true,
                );
            } else if is_table(&vals[0].ty) && vals[1..].iter().all(|v| v.ty.scalar().is_some()) {
                self.single_value(left.span);
            } else if !vals.iter().any(|v| v.ty.is_vague()) {
                let words: Vec<String> = vals.iter().map(|v| type_word(&v.ty)).collect();
                let shown = op_span.text(self.text).to_owned();
                let message = format!("'{shown}' does not go with {}.", join_words(&words));
                self.report("KS106", op_span, message);
            }
        }
        let mut vals = vals.into_iter();
        let value = vals.next().map_or_else(|| unknown(span), |v| v.expr);
        let mut rest: Vec<Val> = vals.collect();
        let list = if rest.len() == 1 && matches!(rest[0].ty, Ty::Table(_)) {
            match rest.remove(0).ty {
                Ty::Table(table) => InList::Rel(Box::new(table.rel)),
                _ => InList::Values(Vec::new()),
            }
        } else {
            InList::Values(rest.into_iter().map(|v| v.expr).collect())
        };
        let kind = ExprKind::In {
            op: in_op,
            value: Box::new(value),
            list,
        };
        let mut val = Val::scalar(kind, Type::Bool, span);
        val.constant = constant;
        val
    }

    /// Columns of an open table named meanwhile stay known.
    fn keep_inferred(&mut self, before: Option<Row>) {
        if self.row.is_none() {
            self.row = before;
        }
    }

    pub(super) fn between(
        &mut self,
        negated: bool,
        op_span: Span,
        left: &syntax::Expr,
        low: &syntax::Expr,
        high: &syntax::Expr,
        span: Span,
    ) -> Val {
        let vals = [
            self.expr(left, false),
            self.expr(low, false),
            self.expr(high, false),
        ];
        let spans = [left.span, low.span, high.span];
        let name = if negated { "NotBetween" } else { "Between" };
        if let Some(operator) = builtins().get(Kind::Operator, name) {
            let matching = self.best_signatures(&operator.signatures, &vals, false, false);
            if let [signature] = matching[..] {
                self.check_signature(name, signature, &vals, &spans, op_span, false, true);
            } else if !vals.iter().any(|v| v.ty.is_vague()) {
                let words: Vec<String> = vals.iter().map(|v| type_word(&v.ty)).collect();
                let shown = op_span.text(self.text).to_owned();
                let message = format!("'{shown}' does not go with {}.", join_words(&words));
                self.report("KS106", op_span, message);
            }
        }
        let constant = vals.iter().all(|v| v.constant);
        let [value, low, high] = vals;
        let high = if low.expr.ty == Type::DateTime && high.expr.ty == Type::TimeSpan {
            let span = high.expr.span;
            Expr {
                kind: ExprKind::Binary(
                    BinaryOp::Add,
                    Box::new(low.expr.clone()),
                    Box::new(high.expr),
                ),
                ty: Type::DateTime,
                span,
            }
        } else {
            high.expr
        };
        let kind = ExprKind::Between {
            value: Box::new(value.expr),
            low: Box::new(low.expr),
            high: Box::new(high),
            negated,
        };
        let mut val = Val::scalar(kind, Type::Bool, span);
        val.constant = constant;
        val
    }
}

/// The language service's name of an operator.
fn operator_name(op: BinaryToken) -> &'static str {
    match op {
        BinaryToken::Or => "Or",
        BinaryToken::And => "And",
        BinaryToken::Equal => "Equal",
        BinaryToken::NotEqual => "NotEqual",
        BinaryToken::Less => "LessThan",
        BinaryToken::LessOrEqual => "LessThanOrEqual",
        BinaryToken::Greater => "GreaterThan",
        BinaryToken::GreaterOrEqual => "GreaterThanOrEqual",
        BinaryToken::Add => "Add",
        BinaryToken::Subtract => "Subtract",
        BinaryToken::Multiply => "Multiply",
        BinaryToken::Divide => "Divide",
        BinaryToken::Modulo => "Modulo",
        BinaryToken::Search => "Search",
        BinaryToken::Text(word) => match word {
            "=~" => "EqualTilde",
            "!~" => "BangTilde",
            "has" => "Has",
            "!has" => "NotHas",
            "has_cs" => "HasCs",
            "!has_cs" => "NotHasCs",
            "hasprefix" => "HasPrefix",
            "!hasprefix" => "NotHasPrefix",
            "hasprefix_cs" => "HasPrefixCs",
            "!hasprefix_cs" => "NotHasPrefixCs",
            "hassuffix" => "HasSuffix",
            "!hassuffix" => "NotHasSuffix",
            "hassuffix_cs" => "HasSuffixCs",
            "!hassuffix_cs" => "NotHasSuffixCs",
            "like" => "Like",
            "notlike" => "NotLike",
            "likecs" => "LikeCs",
            "notlikecs" => "NotLikeCs",
            "contains" => "Contains",
            "notcontains" | "!contains" => "NotContains",
            "containscs" | "contains_cs" => "ContainsCs",
            "notcontainscs" | "!contains_cs" => "NotContainsCs",
            "startswith" => "StartsWith",
            "!startswith" => "NotStartsWith",
            "startswith_cs" => "StartsWithCs",
            "!startswith_cs" => "NotStartsWithCs",
            "endswith" => "EndsWith",
            "!endswith" => "NotEndsWith",
            "endswith_cs" => "EndsWithCs",
            "!endswith_cs" => "NotEndsWithCs",
            _ => "MatchRegex",
        },
    }
}

fn binary(op: BinaryToken, left: Expr, right: Expr) -> ExprKind {
    let op = match op {
        BinaryToken::Or => return ExprKind::Or(vec![left, right]),
        BinaryToken::And => return ExprKind::And(vec![left, right]),
        BinaryToken::Equal => BinaryOp::Equal,
        BinaryToken::NotEqual => BinaryOp::NotEqual,
        BinaryToken::Less => BinaryOp::Less,
        BinaryToken::LessOrEqual => BinaryOp::LessOrEqual,
        BinaryToken::Greater => BinaryOp::Greater,
        BinaryToken::GreaterOrEqual => BinaryOp::GreaterOrEqual,
        BinaryToken::Add => BinaryOp::Add,
        BinaryToken::Subtract => BinaryOp::Subtract,
        BinaryToken::Multiply => BinaryOp::Multiply,
        BinaryToken::Divide => BinaryOp::Divide,
        BinaryToken::Modulo => BinaryOp::Modulo,
        BinaryToken::Search => BinaryOp::Text {
            test: TextTest::Has,
            negated: false,
            case_sensitive: false,
        },
        BinaryToken::Text(word) => text_op(word),
    };
    ExprKind::Binary(op, Box::new(left), Box::new(right))
}

fn text_op(word: &str) -> BinaryOp {
    let negated = word.starts_with('!') || word.starts_with("not");
    let bare = word.trim_start_matches('!');
    let bare = bare.strip_prefix("not").unwrap_or(bare);
    let (bare, case_sensitive) = match bare.strip_suffix("_cs").or_else(|| bare.strip_suffix("cs"))
    {
        Some(bare) => (bare, true),
        None => (bare, false),
    };
    let test = match bare {
        "has" => TextTest::Has,
        "hasprefix" => TextTest::HasPrefix,
        "hassuffix" => TextTest::HasSuffix,
        "contains" => TextTest::Contains,
        "startswith" => TextTest::StartsWith,
        "endswith" => TextTest::EndsWith,
        "like" => TextTest::Like,
        "matches regex" => TextTest::Regex,
        _ => TextTest::Same,
    };
    BinaryOp::Text {
        test,
        negated,
        case_sensitive: case_sensitive || test == TextTest::Regex,
    }
}

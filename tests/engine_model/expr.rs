//! Scalar expressions, one row at a time.

use std::cmp::Ordering;

use nightjar::kql::bound::{BinaryOp, Expr, ExprKind, InList, InOp, LetValue, TextTest};
use nightjar::kql::types::Type;
use regex::Regex;
use serde_json::Value as Json;

use super::rel::{Model, Rows};
use super::value::{Answer, Stop, V, compare, convert, open};

/// What an expression may look at.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The row.
    pub row: &'a [V],
    /// The rows around it and its place, for `prev` and its like.
    pub around: Option<(&'a Rows, usize)>,
    /// The rows of the group, for aggregates.
    pub group: Option<&'a Rows>,
}

impl<'a> Env<'a> {
    /// A row by itself.
    pub const fn of(row: &'a [V]) -> Self {
        Self {
            row,
            around: None,
            group: None,
        }
    }
}

impl Model<'_> {
    /// The value of an expression.
    pub fn eval(&self, e: &Expr, env: Env<'_>) -> Answer<V> {
        let v = self.value(e, env)?;
        Ok(if e.ty == Type::String && v.is_null() {
            V::str("")
        } else {
            v
        })
    }

    fn value(&self, e: &Expr, env: Env<'_>) -> Answer<V> {
        match &e.kind {
            ExprKind::Literal(value) => V::of(value, e.ty),
            ExprKind::Column(i) => Ok(env.row[*i].clone()),
            ExprKind::Let(id) => match &self.query.lets[id.0 as usize].value {
                LetValue::Scalar(x) => self.eval(x, Env::of(&[])),
                LetValue::Table { .. } => Err(Stop::Unknown("a table as a value".into())),
            },
            ExprKind::Negate(x) => match self.eval(x, env)? {
                V::Null => Ok(V::Null),
                V::Long(i) => i
                    .checked_neg()
                    .map_or_else(|| open("overflow"), |i| Ok(V::Long(i))),
                V::Span(i) => i
                    .checked_neg()
                    .map_or_else(|| open("overflow"), |i| Ok(V::Span(i))),
                V::Real(r) => Ok(V::Real(-r)),
                v => Err(Stop::Unknown(format!("-{v:?}"))),
            },
            ExprKind::And(all) => self.junction(all, false, env),
            ExprKind::Or(all) => self.junction(all, true, env),
            ExprKind::Binary(op, x, y) => {
                let (x, y) = (self.eval(x, env)?, self.eval(y, env)?);
                binary(*op, &x, &y)
            }
            ExprKind::Between {
                value,
                low,
                high,
                negated,
            } => {
                let v = self.eval(value, env)?;
                let low = binary(BinaryOp::GreaterOrEqual, &v, &self.eval(low, env)?)?.truth()?;
                let high = binary(BinaryOp::LessOrEqual, &v, &self.eval(high, env)?)?.truth()?;
                let both = match (low, high) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                };
                Ok(both.map_or(V::Null, |b| V::Bool(b != *negated)))
            }
            ExprKind::In { op, value, list } => self.member_of(*op, value, list, env),
            ExprKind::Call { function, args } => self.call(function, args, e, env),
            ExprKind::Aggregate { function, args } => {
                let Some(group) = env.group else {
                    return Err(Stop::Unknown("an aggregate without a group".into()));
                };
                self.aggregate(function, args, group)
            }
            ExprKind::Member(x, name) => {
                let x = self.eval(x, env)?;
                Ok(match x {
                    V::Dyn(Json::Object(o)) => V::json(o.get(name).cloned().unwrap_or_default()),
                    _ => V::Null,
                })
            }
            ExprKind::Index(x, key) => {
                let (x, key) = (self.eval(x, env)?, self.eval(key, env)?);
                Ok(match (x, key) {
                    (V::Dyn(Json::Object(o)), V::Str(k)) => {
                        V::json(o.get(&k).cloned().unwrap_or_default())
                    }
                    (V::Dyn(Json::Array(a)), V::Long(i)) => {
                        let i = if i < 0 {
                            i.saturating_add(a.len() as i64)
                        } else {
                            i
                        };
                        let at = usize::try_from(i).ok().and_then(|i| a.get(i));
                        V::json(at.cloned().unwrap_or_default())
                    }
                    _ => V::Null,
                })
            }
            ExprKind::ToScalar(rel) => {
                let rows = self.rel(rel, None)?;
                let mut firsts = rows.rows.iter().map(|r| &r[0]);
                let Some(first) = firsts.next() else {
                    return Ok(V::Null);
                };
                if rows.rank.is_none() && firsts.any(|v| !super::value::same(v, first)) {
                    return open("which row is the first");
                }
                if rows.tied(1) {
                    return open("which row is the first");
                }
                Ok(rows.rows[0][0].clone())
            }
            ExprKind::Convert(x) => convert(self.eval(x, env)?, e.ty),
            other => Err(Stop::Unknown(format!("{other:?}"))),
        }
    }

    fn junction(&self, all: &[Expr], decides: bool, env: Env<'_>) -> Answer<V> {
        let mut null = false;
        let mut decided = false;
        for x in all {
            match self.eval(x, env)?.truth()? {
                None => null = true,
                Some(b) => decided |= b == decides,
            }
        }
        Ok(match (decided, null) {
            (true, _) => V::Bool(decides),
            (false, true) => V::Null,
            (false, false) => V::Bool(!decides),
        })
    }

    fn member_of(&self, op: InOp, value: &Expr, list: &InList, env: Env<'_>) -> Answer<V> {
        let x = self.eval(value, env)?;
        let mut items = Vec::new();
        match list {
            InList::Values(values) => {
                for v in values {
                    match self.eval(v, env)? {
                        V::Dyn(Json::Array(a)) => items.extend(a.into_iter().map(V::json)),
                        v => items.push(v),
                    }
                }
            }
            InList::Rel(rel) => {
                items.extend(
                    self.rel(rel, None)?
                        .rows
                        .into_iter()
                        .map(|mut r| r.swap_remove(0)),
                );
            }
        }
        if matches!(op, InOp::HasAny | InOp::HasAll) {
            let text = x.text()?;
            let mut found = Vec::new();
            for item in items {
                found.push(words(TextTest::Has, &text, &item.text()?, false)?);
            }
            let any = op == InOp::HasAny;
            let it = if any {
                found.contains(&true)
            } else {
                !found.contains(&false)
            };
            return Ok(V::Bool(it));
        }
        let fold = matches!(op, InOp::InTilde | InOp::NotInTilde);
        let negated = matches!(op, InOp::NotIn | InOp::NotInTilde);
        if x.is_null() || items.iter().any(V::is_null) {
            return open("null in a list");
        }
        let mut found = false;
        for item in items {
            let (x, item) = match (&x, item) {
                (x, V::Dyn(j)) => (V::str(x.text()?), V::str(V::Dyn(j).text()?)),
                (x, item) => (x.clone(), item),
            };
            found |= if fold {
                lower(&x.text()?) == lower(&item.text()?)
            } else {
                compare(&x, &item)? == Some(Ordering::Equal)
            };
        }
        Ok(V::Bool(found != negated))
    }
}

/// Lower case, character by character.
pub fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// A regular expression of the query.
pub fn regex(pattern: &str) -> Answer<Regex> {
    Regex::new(pattern).map_err(|_| Stop::Open("a broken regular expression"))
}

/// A word operator.
fn words(test: TextTest, text: &str, sought: &str, case: bool) -> Answer<bool> {
    let (t, s) = if case || test == TextTest::Regex {
        (text.to_owned(), sought.to_owned())
    } else {
        (lower(text), lower(sought))
    };
    let term = matches!(
        test,
        TextTest::Has | TextTest::HasPrefix | TextTest::HasSuffix
    );
    let whole = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    if term && !(whole(s.chars().next()) && whole(s.chars().next_back())) {
        return open("a sought term without a letter at an end");
    }
    let bounded = |left: bool, right: bool| {
        t.match_indices(&s).any(|(at, _)| {
            (!left || !whole(t[..at].chars().next_back()))
                && (!right || !whole(t[at + s.len()..].chars().next()))
        })
    };
    Ok(match test {
        TextTest::Same => t == s,
        TextTest::Has => bounded(true, true),
        TextTest::HasPrefix => bounded(true, false),
        TextTest::HasSuffix => bounded(false, true),
        TextTest::Contains => t.contains(&s),
        TextTest::StartsWith => t.starts_with(&s),
        TextTest::EndsWith => t.ends_with(&s),
        TextTest::Regex => regex(&s)?.is_match(&t),
        TextTest::Like => return Err(Stop::Unknown("like".into())),
    })
}

/// A sum, difference or product that stays within its type.
fn within(result: Option<i64>, make: fn(i64) -> V) -> Answer<V> {
    result.map_or_else(|| open("overflow"), |i| Ok(make(i)))
}

fn moment(result: Option<i64>) -> Answer<V> {
    match result {
        Some(t) if (0..=3_155_378_975_999_999_999).contains(&t) => Ok(V::Date(t)),
        _ => open("a datetime out of range"),
    }
}

/// An operator of two operands.
pub fn binary(op: BinaryOp, x: &V, y: &V) -> Answer<V> {
    use BinaryOp as B;
    if let B::Text {
        test,
        negated,
        case_sensitive,
    } = op
    {
        let found = words(test, &x.text()?, &y.text()?, case_sensitive)?;
        return Ok(V::Bool(found != negated));
    }
    if matches!(x, V::Dyn(_)) || matches!(y, V::Dyn(_)) {
        return open("an operator on a dynamic value without a cast");
    }
    match op {
        B::Equal | B::NotEqual => {
            return Ok(match (x.is_null(), y.is_null()) {
                (true, true) => V::Null,
                (true, false) | (false, true) => V::Bool(op == B::NotEqual),
                _ => V::Bool((compare(x, y)? == Some(Ordering::Equal)) == (op == B::Equal)),
            });
        }
        _ if x.is_null() || y.is_null() => return Ok(V::Null),
        _ => {}
    }
    if matches!(
        op,
        B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual
    ) {
        let Some(order) = compare(x, y)? else {
            return Ok(V::Bool(false));
        };
        return Ok(V::Bool(match op {
            B::Less => order.is_lt(),
            B::LessOrEqual => order.is_le(),
            B::Greater => order.is_gt(),
            _ => order.is_ge(),
        }));
    }
    Ok(match (op, x, y) {
        (B::Add, V::Long(a), V::Long(b)) => within(a.checked_add(*b), V::Long)?,
        (B::Subtract, V::Long(a), V::Long(b)) => within(a.checked_sub(*b), V::Long)?,
        (B::Multiply, V::Long(a), V::Long(b)) => within(a.checked_mul(*b), V::Long)?,
        (B::Divide | B::Modulo, V::Long(_), V::Long(0)) => V::Null,
        (B::Divide, V::Long(a), V::Long(b)) => within(a.checked_div(*b), V::Long)?,
        (B::Modulo, V::Long(a), V::Long(b)) => within(a.checked_rem_euclid(*b), V::Long)?,
        (B::Add, V::Span(a), V::Span(b)) => within(a.checked_add(*b), V::Span)?,
        (B::Subtract, V::Span(a), V::Span(b)) => within(a.checked_sub(*b), V::Span)?,
        (B::Add, V::Date(a), V::Span(b)) | (B::Add, V::Span(b), V::Date(a)) => {
            moment(a.checked_add(*b))?
        }
        (B::Subtract, V::Date(a), V::Span(b)) => moment(a.checked_sub(*b))?,
        (B::Subtract, V::Date(a), V::Date(b)) => V::Span(a - b),
        (B::Multiply, V::Span(a), V::Long(b)) | (B::Multiply, V::Long(b), V::Span(a)) => {
            within(a.checked_mul(*b), V::Span)?
        }
        (B::Divide, V::Span(_), V::Span(0)) => return open("a division by a timespan of zero"),
        (B::Divide, V::Span(a), V::Span(b)) => V::Real(*a as f64 / *b as f64),
        (B::Add | B::Subtract | B::Multiply | B::Divide | B::Modulo, _, _) => {
            let (Some(a), Some(b)) = (x.real(), y.real()) else {
                return Err(Stop::Unknown(format!("{op:?} on {x:?} and {y:?}")));
            };
            match op {
                B::Add => V::Real(a + b),
                B::Subtract => V::Real(a - b),
                B::Multiply => V::Real(a * b),
                // A real divided by zero is as IEEE 754 has it.
                B::Divide => V::Real(a / b),
                _ => return open("the remainder of reals"),
            }
        }
        _ => return Err(Stop::Unknown(format!("{op:?} on {x:?} and {y:?}"))),
    })
}

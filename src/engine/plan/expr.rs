//! Scalar expressions.

use super::Planner;
use super::frag::{Frag, Sx};
use crate::engine::error::{EngineError, Result};
use crate::engine::sql;
use crate::kql::bound::{BinaryOp, Expr, ExprKind, InList, LetValue};
use crate::kql::types::{Type, Value};

/// Calls `visit` on an expression and all within it, but not on sub-queries.
pub(super) fn walk<'e>(e: &'e Expr, visit: &mut dyn FnMut(&'e Expr)) {
    visit(e);
    match &e.kind {
        ExprKind::Negate(x) | ExprKind::Member(x, _) | ExprKind::Convert(x) => walk(x, visit),
        ExprKind::And(all) | ExprKind::Or(all) => all.iter().for_each(|x| walk(x, visit)),
        ExprKind::Binary(_, x, y) | ExprKind::Index(x, y) => {
            walk(x, visit);
            walk(y, visit);
        }
        ExprKind::Between {
            value, low, high, ..
        } => {
            walk(value, visit);
            walk(low, visit);
            walk(high, visit);
        }
        ExprKind::In { value, list, .. } => {
            walk(value, visit);
            if let InList::Values(all) = list {
                for x in all {
                    walk(x, visit);
                }
            }
        }
        ExprKind::Call { args, .. } | ExprKind::Aggregate { args, .. } => {
            for x in args {
                walk(x, visit);
            }
        }
        _ => {}
    }
}

/// The expressions directly within one, but for those of sub-queries.
pub(super) fn children_mut(e: &mut Expr) -> Vec<&mut Expr> {
    match &mut e.kind {
        ExprKind::Negate(x) | ExprKind::Member(x, _) | ExprKind::Convert(x) => vec![x],
        ExprKind::Binary(_, x, y) | ExprKind::Index(x, y) => vec![x, y],
        ExprKind::Between {
            value, low, high, ..
        } => vec![value, low, high],
        ExprKind::And(all) | ExprKind::Or(all) => all.iter_mut().collect(),
        ExprKind::In { value, list, .. } => {
            let mut out: Vec<&mut Expr> = vec![value];
            if let InList::Values(all) = list {
                out.extend(all.iter_mut());
            }
            out
        }
        ExprKind::Call { args, .. } | ExprKind::Aggregate { args, .. } => args.iter_mut().collect(),
        _ => Vec::new(),
    }
}

/// Counts in `uses` how often each column of a SELECT is named.
pub(super) fn columns_used(e: &Expr, frag: &Frag, uses: &mut [usize]) {
    walk(e, &mut |x| {
        if let Some(place) = plain_column(x, frag) {
            uses[place] += 1;
        }
        // Terms without a column look into all of them.
        let all = match &x.kind {
            ExprKind::SearchTerm { .. } => true,
            ExprKind::Call { function, .. } => function == "pack_all",
            _ => false,
        };
        if all {
            for n in uses.iter_mut() {
                *n += 1;
            }
        }
    });
}

/// The place in `frag.cols` of an expression that is just a column.
pub(super) fn plain_column(e: &Expr, frag: &Frag) -> Option<usize> {
    match &e.kind {
        ExprKind::Column(ordinal) => frag.known.get(*ordinal).copied(),
        ExprKind::OpenColumn(name) => frag.cols.iter().position(|c| c.name == *name),
        _ => None,
    }
}

impl Planner<'_> {
    /// Plans an expression over the columns of a SELECT.
    pub(super) fn expr(&mut self, e: &Expr, frag: &Frag) -> Result<Sx> {
        match &e.kind {
            ExprKind::Literal(value) => Ok(Self::literal(value, e.ty)),
            ExprKind::Column(ordinal) => {
                match frag.known.get(*ordinal).and_then(|p| frag.cols.get(*p)) {
                    Some(col) => Ok(col.sx.clone()),
                    None => Err(EngineError::failed(
                        "a column the plan does not have",
                        e.span,
                    )),
                }
            }
            ExprKind::OpenColumn(name) => match frag.cols.iter().find(|c| c.name == *name) {
                Some(col) => Ok(col.sx.clone()),
                None => Err(EngineError::failed(
                    format!("there is no column '{name}' in these rows"),
                    e.span,
                )),
            },
            ExprKind::Let(id) => {
                let query = self.query;
                match query.lets.get(id.0 as usize).map(|l| &l.value) {
                    Some(LetValue::Scalar(value)) => self.expr(value, &Frag::default()),
                    _ => Self::refuse("a table where a value is wanted", e.span),
                }
            }
            ExprKind::Negate(x) => {
                let x = self.expr(x, frag)?;
                let x = if x.ty == Type::Dynamic {
                    self.convert(x, e.ty, e.span)?
                } else {
                    x
                };
                Ok(match x.ty {
                    Type::Decimal => return Self::refuse("arithmetic on decimal values", e.span),
                    Type::Real if x.nan => Sx::new(format!("k_neg({})", x.sql), Type::Real).wild(),
                    ty => {
                        let literal = match &x.literal {
                            Some(Value::Long(i)) => i.checked_neg().map(Value::Long),
                            Some(Value::Int(i)) => i.checked_neg().map(Value::Int),
                            Some(Value::Real(r)) => Some(Value::Real(-r)),
                            Some(Value::TimeSpan(t)) => t.checked_neg().map(Value::TimeSpan),
                            _ => None,
                        };
                        match literal {
                            Some(value) => Self::literal(&value, ty),
                            None => Sx::new(format!("(-{})", x.sql), ty).maybe(x.nullable),
                        }
                    }
                })
            }
            ExprKind::And(all) => self.junction(all, "AND", frag),
            ExprKind::Or(all) => self.junction(all, "OR", frag),
            ExprKind::Binary(op, x, y) => {
                let (left, right) = (self.expr(x, frag)?, self.expr(y, frag)?);
                self.binary(*op, left, right, e, false)
            }
            ExprKind::Between {
                value,
                low,
                high,
                negated,
            } => {
                let value = self.expr(value, frag)?;
                let low = self.expr(low, frag)?;
                let high = self.expr(high, frag)?;
                let from = self.binary(BinaryOp::GreaterOrEqual, value.clone(), low, e, false)?;
                let to = self.binary(BinaryOp::LessOrEqual, value, high, e, false)?;
                let nullable = from.nullable || to.nullable;
                let not = if *negated { "NOT " } else { "" };
                Ok(
                    Sx::new(format!("({not}({} AND {}))", from.sql, to.sql), Type::Bool)
                        .maybe(nullable),
                )
            }
            ExprKind::In { op, value, list } => self.membership(*op, value, list, e, frag, false),
            ExprKind::Call { function, args } => self.call(function, args, e, frag),
            ExprKind::Aggregate { function, args } => self.aggregate(function, args, e, frag),
            ExprKind::Member(..) | ExprKind::Index(..) => self.path(e, frag),
            ExprKind::ToScalar(rel) => {
                let piped = std::mem::take(&mut self.piped);
                let planned = self.rel(rel);
                self.piped = piped;
                let mut planned = planned?;
                planned = self.open(planned);
                planned.limit = Some("1".to_owned());
                let stored = self.store(&planned, super::Hint::None);
                let sx = stored.frag.cols[0].sx.clone();
                let sql = format!("(SELECT c0 FROM {})", stored.name);
                let sql = if sx.ty == Type::String {
                    format!("coalesce({sql}, '')")
                } else {
                    sql
                };
                Ok(Sx {
                    nan: sx.nan,
                    ..Sx::new(sql, sx.ty)
                })
            }
            ExprKind::Convert(x) => {
                let x = self.expr(x, frag)?;
                self.convert(x, e.ty, e.span)
            }
            ExprKind::SearchTerm {
                text,
                stars,
                case_sensitive,
            } => {
                let mut texts = vec![
                    sql::text(text),
                    i32::from(stars.0).to_string(),
                    i32::from(stars.1).to_string(),
                    i32::from(*case_sensitive).to_string(),
                ];
                for (place, col) in frag.cols.iter().enumerate() {
                    if self.unsearched == Some(place) {
                        continue;
                    }
                    texts.push(self.convert(col.sx.clone(), Type::String, e.span)?.sql);
                }
                Ok(Sx::new(format!("k_search_term({})", texts.join(", ")), Type::Bool).solid())
            }
            ExprKind::ScanState { step, column } => self.scan_state(*step, *column, e),
            ExprKind::Unsupported { what } => Self::refuse(what.clone(), e.span),
        }
    }

    /// A constant.
    pub(super) fn literal(value: &Value, ty: Type) -> Sx {
        // A string has no null, whatever is written.
        if ty == Type::String && *value == Value::Null {
            return Self::literal(&Value::String(String::new()), ty);
        }
        let null = matches!(value, Value::Null)
            || matches!(value, Value::Dynamic(d) if d.trim() == "null");
        let mut sql = sql::literal(value);
        if sql.starts_with('-') {
            sql = format!("({sql})");
        }
        Sx {
            nullable: null,
            nan: matches!(value, Value::Real(r) if r.is_nan()),
            literal: Some(value.clone()),
            ..Sx::new(sql, ty)
        }
    }

    fn junction(&mut self, all: &[Expr], word: &str, frag: &Frag) -> Result<Sx> {
        let mut parts = Vec::with_capacity(all.len());
        let mut nullable = false;
        for x in all {
            let sx = self.expr(x, frag)?;
            let sx = self.convert(sx, Type::Bool, x.span)?;
            nullable |= sx.nullable;
            parts.push(sx.sql);
        }
        Ok(Sx::new(sql::balanced(&parts, word, "1"), Type::Bool).maybe(nullable))
    }

    /// A condition of which only "true" counts: null may pass for false. This is what lets plain
    /// comparisons reach an index.
    pub(super) fn condition(&mut self, e: &Expr, frag: &Frag) -> Result<String> {
        match &e.kind {
            ExprKind::And(all) | ExprKind::Or(all) => {
                let mut parts = Vec::with_capacity(all.len());
                for x in all {
                    parts.push(self.condition(x, frag)?);
                }
                let word = if matches!(e.kind, ExprKind::And(_)) {
                    "AND"
                } else {
                    "OR"
                };
                Ok(sql::balanced(&parts, word, "1"))
            }
            ExprKind::Binary(op, x, y) => {
                let (left, right) = (self.expr(x, frag)?, self.expr(y, frag)?);
                Ok(self.binary(*op, left, right, e, true)?.sql)
            }
            ExprKind::In { op, value, list } => {
                Ok(self.membership(*op, value, list, e, frag, true)?.sql)
            }
            _ => {
                let sx = self.expr(e, frag)?;
                Ok(self.convert(sx, Type::Bool, e.span)?.sql)
            }
        }
    }

    /// `d.a.b[0]` as one walk.
    fn path(&mut self, e: &Expr, frag: &Frag) -> Result<Sx> {
        let mut keys = Vec::new();
        let mut at = e;
        loop {
            match &at.kind {
                ExprKind::Member(inner, name) => {
                    keys.push(sql::text(name));
                    at = inner;
                }
                ExprKind::Index(inner, key) => {
                    let key = self.expr(key, frag)?;
                    keys.push(match key.ty {
                        Type::Dynamic => format!("k_key({})", key.sql),
                        _ => key.sql,
                    });
                    at = inner;
                }
                _ => break,
            }
        }
        let root = self.expr(at, frag)?;
        let root = self.convert(root, Type::Dynamic, at.span)?;
        keys.reverse();
        Ok(Sx::new(
            format!("k_path({}, {})", root.sql, keys.join(", ")),
            Type::Dynamic,
        ))
    }
}

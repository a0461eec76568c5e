//! Operators of two operands, and lists.

use super::convert::json_array;
use super::frag::{Frag, Sx};
use super::{Hint, Planner};
use crate::engine::error::Result;
use crate::engine::sql;
use crate::kql::bound::{BinaryOp, Expr, InList, InOp, TextTest};
use crate::kql::types::{Type, Value};

/// Ranks numeric types: a comparison or sum of two is of the wider.
const fn wider(a: Type, b: Type) -> Type {
    match (a, b) {
        (Type::Decimal, _) | (_, Type::Decimal) => Type::Decimal,
        (Type::Real, _) | (_, Type::Real) => Type::Real,
        _ => Type::Long,
    }
}

/// Whether plain SQL may sum these: two infinities can cancel out to not-a-number.
fn sums_plainly(x: &Sx, y: &Sx) -> bool {
    !x.nan && !y.nan && (is_finite(x) || is_finite(y))
}

/// Whether plain SQL may multiply these: infinity times zero is not-a-number.
fn multiplies_plainly(x: &Sx, y: &Sx) -> bool {
    !x.nan && !y.nan && (is_factor(x) || is_factor(y) || (is_finite(x) && is_finite(y)))
}

fn is_finite(x: &Sx) -> bool {
    match &x.literal {
        Some(Value::Real(r)) => r.is_finite(),
        _ => x.ty.is_integer(),
    }
}

/// A constant that is neither zero nor infinite.
fn is_factor(x: &Sx) -> bool {
    match &x.literal {
        Some(Value::Int(i)) => *i != 0,
        Some(Value::Long(i)) => *i != 0,
        Some(Value::Real(r)) => *r != 0.0 && r.is_finite(),
        _ => false,
    }
}

const fn is_open(ty: Type) -> bool {
    matches!(ty, Type::Dynamic | Type::Unknown | Type::Null)
}

impl Planner<'_> {
    /// An operator of two operands. With `filter` a null may come out where false is meant.
    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        x: Sx,
        y: Sx,
        e: &Expr,
        filter: bool,
    ) -> Result<Sx> {
        match op {
            BinaryOp::Text {
                test,
                negated,
                case_sensitive,
            } => self.text_test(test, negated, case_sensitive, x, y, e),
            BinaryOp::Equal | BinaryOp::NotEqual => {
                self.equal(op == BinaryOp::NotEqual, x, y, e, filter)
            }
            BinaryOp::Less => self.order("<", x, y, e),
            BinaryOp::LessOrEqual => self.order("<=", x, y, e),
            BinaryOp::Greater => self.order(">", x, y, e),
            BinaryOp::GreaterOrEqual => self.order(">=", x, y, e),
            BinaryOp::Add | BinaryOp::Subtract => self.sum(op == BinaryOp::Add, x, y, e),
            BinaryOp::Multiply => self.product(x, y, e),
            BinaryOp::Divide => self.quotient(x, y, e),
            BinaryOp::Modulo => self.modulo(x, y, e),
        }
    }

    /// Brings two values to be compared to one form; `None` where both are dynamic.
    fn align(&mut self, x: Sx, y: Sx, e: &Expr) -> Result<Option<(Sx, Sx)>> {
        match (is_open(x.ty), is_open(y.ty)) {
            (true, true) => Ok(None),
            (true, false) => Ok(Some((self.like(x, y.ty, e)?, y))),
            (false, true) => {
                let y = self.like(y, x.ty, e)?;
                Ok(Some((x, y)))
            }
            (false, false) => {
                let (x, y) = match (x.ty, y.ty) {
                    (Type::Guid, Type::String) => (x, self.convert(y, Type::Guid, e.span)?),
                    (Type::String, Type::Guid) => (self.convert(x, Type::Guid, e.span)?, y),
                    (Type::DateTime, Type::String) => (x, self.convert(y, Type::DateTime, e.span)?),
                    (Type::String, Type::DateTime) => (self.convert(x, Type::DateTime, e.span)?, y),
                    (Type::TimeSpan, Type::String) => (x, self.convert(y, Type::TimeSpan, e.span)?),
                    (Type::String, Type::TimeSpan) => (self.convert(x, Type::TimeSpan, e.span)?, y),
                    (a, b) if a == Type::Decimal || b == Type::Decimal => {
                        // Equal digits may be written differently; as reals they are exact to 15.
                        (
                            self.convert(x, Type::Real, e.span)?,
                            self.convert(y, Type::Real, e.span)?,
                        )
                    }
                    // The text is read as what it stands beside; one that does not read is null.
                    (a, Type::String) if a != Type::String => (x, self.convert(y, a, e.span)?),
                    (Type::String, b) if b != Type::String => (self.convert(x, b, e.span)?, y),
                    _ => (x, y),
                };
                Ok(Some((x, y)))
            }
        }
    }

    /// A dynamic value in the form of a type it is compared with.
    fn like(&mut self, x: Sx, ty: Type, e: &Expr) -> Result<Sx> {
        if ty.is_number() {
            return Ok(Sx::new(format!("k_number({})", x.sql), Type::Real));
        }
        self.convert(x, ty, e.span)
    }

    fn equal(&mut self, negated: bool, x: Sx, y: Sx, e: &Expr, filter: bool) -> Result<Sx> {
        let made = |sql: String, nullable: bool| Ok(Sx::new(sql, Type::Bool).maybe(nullable));
        let Some((x, y)) = self.align(x.clone(), y.clone(), e)? else {
            let not = if negated { "NOT " } else { "" };
            return made(format!("({not}k_json_equal({}, {}))", x.sql, y.sql), true);
        };
        if x.nan || y.nan {
            let op = if negated { "!=" } else { "=" };
            return made(format!("k_compare('{op}', {}, {})", x.sql, y.sql), true);
        }
        let (a, b) = (&x.sql, &y.sql);
        match (x.nullable, y.nullable) {
            (false, false) if negated => made(format!("({a} <> {b})"), false),
            (false, false) => made(format!("({a} = {b})"), false),
            // Null against null is null, null against a value is unequal.
            _ if negated && filter => made(format!("({a} IS NOT {b})"), false),
            _ if filter => made(format!("({a} = {b})"), true),
            (true, true) => {
                let not = if negated { " NOT" } else { "" };
                made(
                    format!(
                        "(CASE WHEN coalesce({a}, {b}) IS NULL THEN NULL ELSE {a} IS{not} {b} END)"
                    ),
                    true,
                )
            }
            _ if negated => made(format!("({a} IS NOT {b})"), false),
            _ => made(format!("({a} IS {b})"), false),
        }
    }

    fn order(&mut self, op: &str, x: Sx, y: Sx, e: &Expr) -> Result<Sx> {
        let Some((x, y)) = self.align(x.clone(), y.clone(), e)? else {
            return Ok(Sx::new(
                format!("k_json_compare('{op}', {}, {})", x.sql, y.sql),
                Type::Bool,
            ));
        };
        let nullable = x.nullable || y.nullable;
        if x.nan || y.nan {
            return Ok(Sx::new(
                format!("k_compare('{op}', {}, {})", x.sql, y.sql),
                Type::Bool,
            )
            .maybe(nullable));
        }
        Ok(Sx::new(format!("({} {op} {})", x.sql, y.sql), Type::Bool).maybe(nullable))
    }

    /// Dynamic operands of arithmetic become numbers, or what the other side asks for.
    fn operands(&mut self, x: Sx, y: Sx, e: &Expr) -> Result<(Sx, Sx)> {
        let number = |s: Sx| Sx::new(format!("k_number({})", s.sql), Type::Real);
        let (x, y) = match (is_open(x.ty), is_open(y.ty)) {
            (true, true) => (number(x), number(y)),
            (true, false) if y.ty.is_number() => (number(x), y),
            (false, true) if x.ty.is_number() => (x, number(y)),
            (true, false) => {
                let x = self.convert(x, y.ty, e.span)?;
                (x, y)
            }
            (false, true) => {
                let y = self.convert(y, x.ty, e.span)?;
                (x, y)
            }
            _ => (x, y),
        };
        if x.ty == Type::Decimal || y.ty == Type::Decimal {
            return Self::refuse("arithmetic on decimal values", e.span);
        }
        Ok((x, y))
    }

    fn sum(&mut self, add: bool, x: Sx, y: Sx, e: &Expr) -> Result<Sx> {
        let (x, y) = self.operands(x, y, e)?;
        let ty = match (x.ty, y.ty) {
            (Type::DateTime, Type::DateTime) if !add => Type::TimeSpan,
            (Type::DateTime, _) | (_, Type::DateTime) => Type::DateTime,
            (Type::TimeSpan, _) | (_, Type::TimeSpan) => Type::TimeSpan,
            (a, b) if a.is_number() && b.is_number() => wider(a, b),
            (a, b) => {
                return Self::refuse(
                    format!("arithmetic on {} and {}", a.name(), b.name()),
                    e.span,
                );
            }
        };
        if ty == Type::Real && !sums_plainly(&x, &y) {
            let f = if add { "k_add" } else { "k_sub" };
            return Ok(Sx::new(format!("{f}({}, {})", x.sql, y.sql), ty).wild());
        }
        let nullable = x.nullable || y.nullable;
        // Constant moments are added now, so that an index sees a constant.
        if let (Some(Value::DateTime(t)), Some(Value::TimeSpan(d))) = (&x.literal, &y.literal)
            && let Some(t) = if add {
                t.checked_add(*d)
            } else {
                t.checked_sub(*d)
            }
        {
            return Ok(Self::literal(&Value::DateTime(t), Type::DateTime));
        }
        let op = if add { '+' } else { '-' };
        Ok(Sx::new(format!("({} {op} {})", x.sql, y.sql), ty).maybe(nullable))
    }

    fn product(&mut self, x: Sx, y: Sx, e: &Expr) -> Result<Sx> {
        let (x, y) = self.operands(x, y, e)?;
        let nullable = x.nullable || y.nullable;
        let (a, b) = (&x.sql, &y.sql);
        Ok(match (x.ty, y.ty) {
            (Type::TimeSpan, n) | (n, Type::TimeSpan) if n.is_integer() => {
                Sx::new(format!("({a} * {b})"), Type::TimeSpan).maybe(nullable)
            }
            (Type::TimeSpan, Type::Real) => {
                Sx::new(format!("k_span_scale({a}, {b})"), Type::TimeSpan)
            }
            (Type::Real, Type::TimeSpan) => {
                Sx::new(format!("k_span_scale({b}, {a})"), Type::TimeSpan)
            }
            (m, n) if m.is_number() && n.is_number() => {
                let ty = wider(m, n);
                if ty == Type::Real && !multiplies_plainly(&x, &y) {
                    Sx::new(format!("k_mul({a}, {b})"), ty).wild()
                } else {
                    Sx::new(format!("({a} * {b})"), ty).maybe(nullable)
                }
            }
            (m, n) => {
                return Self::refuse(
                    format!("arithmetic on {} and {}", m.name(), n.name()),
                    e.span,
                );
            }
        })
    }

    fn quotient(&mut self, x: Sx, y: Sx, e: &Expr) -> Result<Sx> {
        let (x, y) = self.operands(x, y, e)?;
        let (a, b) = (&x.sql, &y.sql);
        // A constant that is not zero needs no care.
        let safe = match &y.literal {
            Some(Value::Int(i)) => *i != 0,
            Some(Value::Long(i) | Value::TimeSpan(i)) => *i != 0,
            Some(Value::Real(r)) => *r != 0.0 && r.is_finite(),
            _ => false,
        };
        let real = |x: &Sx| {
            if safe && !x.nan {
                Sx::new(format!("(CAST({a} AS REAL) / {b})"), Type::Real).maybe(x.nullable)
            } else {
                Sx::new(format!("k_div({a}, {b})"), Type::Real).wild()
            }
        };
        Ok(match (x.ty, y.ty) {
            (m, n) if m.is_integer() && n.is_integer() => {
                Sx::new(format!("({a} / {b})"), Type::Long).maybe(x.nullable || !safe)
            }
            (Type::TimeSpan | Type::DateTime, Type::TimeSpan) => real(&x),
            (Type::TimeSpan, n) if n.is_number() => {
                Sx::new(format!("k_span_scale({a}, {b}, 1)"), Type::TimeSpan)
            }
            (m, n) if m.is_number() && n.is_number() => real(&x),
            (m, n) => {
                return Self::refuse(
                    format!("arithmetic on {} and {}", m.name(), n.name()),
                    e.span,
                );
            }
        })
    }

    fn modulo(&mut self, x: Sx, y: Sx, e: &Expr) -> Result<Sx> {
        let (x, y) = self.operands(x, y, e)?;
        let ty = match (x.ty, y.ty) {
            (Type::TimeSpan | Type::DateTime, _) => Type::TimeSpan,
            (m, n) if m.is_number() && n.is_number() => wider(m, n),
            (m, n) => {
                return Self::refuse(
                    format!("arithmetic on {} and {}", m.name(), n.name()),
                    e.span,
                );
            }
        };
        Ok(Sx::new(format!("k_mod({}, {})", x.sql, y.sql), ty).wild())
    }

    fn text_test(
        &mut self,
        test: TextTest,
        negated: bool,
        case_sensitive: bool,
        x: Sx,
        y: Sx,
        e: &Expr,
    ) -> Result<Sx> {
        let (x, y) = (self.text(x, e.span)?, self.text(y, e.span)?);
        let not = if negated { "NOT " } else { "" };
        if test == TextTest::Same {
            // SQLite's own collation ignores the case of ASCII letters, and only those match ASCII.
            if matches!(&y.literal, Some(Value::String(s)) if s.is_ascii() && !s.contains('\0')) {
                let op = if negated { "<>" } else { "=" };
                let sql = format!("({} {op} {} COLLATE NOCASE)", x.sql, y.sql);
                return Ok(Sx::new(sql, Type::Bool).solid());
            }
            return Ok(Sx::new(format!("({not}k_same({}, {}))", x.sql, y.sql), Type::Bool).solid());
        }
        let function = match test {
            TextTest::Has => "k_has",
            TextTest::HasPrefix => "k_hasprefix",
            TextTest::HasSuffix => "k_hassuffix",
            TextTest::Contains => "k_contains",
            TextTest::StartsWith => "k_startswith",
            TextTest::EndsWith => "k_endswith",
            TextTest::Like => "k_like",
            TextTest::Regex | TextTest::Same => "k_regex",
        };
        let suffix = if case_sensitive && test != TextTest::Regex {
            "_cs"
        } else {
            ""
        };
        Ok(Sx::new(
            format!("({not}{function}{suffix}({}, {}))", x.sql, y.sql),
            Type::Bool,
        )
        .solid())
    }

    /// `in`, `has_any` and their like.
    pub(super) fn membership(
        &mut self,
        op: InOp,
        value: &Expr,
        list: &InList,
        e: &Expr,
        frag: &Frag,
        filter: bool,
    ) -> Result<Sx> {
        let x = self.expr(value, frag)?;
        if matches!(op, InOp::HasAny | InOp::HasAll) {
            let list = self.terms(list, e, frag)?;
            let x = self.text(x, e.span)?;
            let function = if op == InOp::HasAny {
                "k_has_any"
            } else {
                "k_has_all"
            };
            return Ok(Sx::new(format!("{function}({}, {list})", x.sql), Type::Bool).solid());
        }
        let negated = matches!(op, InOp::NotIn | InOp::NotInTilde);
        let fold = matches!(op, InOp::InTilde | InOp::NotInTilde);
        let mut tests: Vec<String> = Vec::new();
        match list {
            InList::Rel(rel) => {
                let piped = std::mem::take(&mut self.piped);
                let planned = self.rel(rel);
                self.piped = piped;
                let stored = self.store(&planned?, Hint::None);
                let element = Sx {
                    sql: "c0".to_owned(),
                    literal: None,
                    ..stored.frag.cols[0].sx.clone()
                };
                // Both sides in one form: text if either is not what the other is.
                let (a, b) = if fold
                    || x.ty != element.ty && !(x.ty.is_number() && element.ty.is_number())
                {
                    (self.text(x, e.span)?, self.text(element, e.span)?)
                } else {
                    (x, element)
                };
                let (a, b) = if fold {
                    (format!("k_fold({})", a.sql), format!("k_fold({})", b.sql))
                } else {
                    (a.sql, b.sql)
                };
                tests.push(format!(
                    "({a} IN (SELECT {b} FROM {} WHERE c0 IS NOT NULL))",
                    stored.name
                ));
            }
            InList::Values(values) => {
                // A single dynamic array may have thousands of elements: looked up in a set.
                let mut plain = Vec::new();
                for v in values {
                    let y = self.expr(v, frag)?;
                    if is_open(y.ty) && !matches!(y.literal, Some(Value::Null)) {
                        let function = if fold { "k_in_ci" } else { "k_in" };
                        let x = self.text(x.clone(), e.span)?;
                        tests.push(format!("{function}({}, {})", x.sql, y.sql));
                    } else {
                        plain.push(y);
                    }
                }
                if !plain.is_empty() {
                    tests.push(self.in_values(&x, plain, fold, e)?);
                }
            }
        }
        let sql = sql::balanced(&tests, "OR", "0");
        if filter && !negated {
            // Null may pass for false, and the bare list reaches an index.
            return Ok(Sx::new(sql, Type::Bool));
        }
        let sql = if negated {
            format!("(({sql}) IS NOT TRUE)")
        } else {
            format!("(({sql}) IS TRUE)")
        };
        Ok(Sx::new(sql, Type::Bool).solid())
    }

    fn in_values(&mut self, x: &Sx, values: Vec<Sx>, fold: bool, e: &Expr) -> Result<String> {
        if fold {
            let x = self.text(x.clone(), e.span)?;
            let mut items = Vec::with_capacity(values.len());
            let mut ascii = true;
            for y in values {
                let y = self.text(y, e.span)?;
                ascii &= matches!(&y.literal, Some(Value::String(s)) if s.is_ascii() && !s.contains('\0'));
                items.push(y.sql);
            }
            if ascii {
                return Ok(format!(
                    "({} COLLATE NOCASE IN ({}))",
                    x.sql,
                    items.join(", ")
                ));
            }
            let items: Vec<String> = items.iter().map(|i| format!("k_fold({i})")).collect();
            return Ok(format!("(k_fold({}) IN ({}))", x.sql, items.join(", ")));
        }
        let mut items = Vec::with_capacity(values.len());
        let mut left = x.clone();
        for y in values {
            let Some((a, b)) = self.align(x.clone(), y, e)? else {
                continue;
            };
            // Not-a-number is in no list.
            let number = |s: Sx| {
                if s.nan {
                    format!("nullif({}, 'NaN')", s.sql)
                } else {
                    s.sql
                }
            };
            left = Sx {
                sql: number(a.clone()),
                nan: false,
                ..a
            };
            items.push(number(b));
        }
        Ok(format!("({} IN ({}))", left.sql, items.join(", ")))
    }

    /// The list of `has_any` as one JSON array.
    fn terms(&mut self, list: &InList, e: &Expr, frag: &Frag) -> Result<String> {
        match list {
            InList::Rel(rel) => {
                let piped = std::mem::take(&mut self.piped);
                let planned = self.rel(rel);
                self.piped = piped;
                let stored = self.store(&planned?, Hint::None);
                let element = Sx {
                    sql: "c0".to_owned(),
                    literal: None,
                    ..stored.frag.cols[0].sx.clone()
                };
                let element = self.convert(element, Type::Dynamic, e.span)?;
                Ok(format!(
                    "(SELECT k_list({}) FROM {})",
                    element.sql, stored.name
                ))
            }
            InList::Values(values) => {
                let mut planned = Vec::with_capacity(values.len());
                for v in values {
                    planned.push(self.expr(v, frag)?);
                }
                if let [one] = planned.as_slice()
                    && is_open(one.ty)
                {
                    return Ok(one.sql.clone());
                }
                let constants: Option<Vec<String>> = planned
                    .iter()
                    .map(|p| match &p.literal {
                        Some(Value::String(s)) => Some(s.clone()),
                        Some(Value::Long(i)) => Some(i.to_string()),
                        _ => None,
                    })
                    .collect();
                if let Some(constants) = constants {
                    return Ok(json_array(&constants));
                }
                // Arrays among the values give their elements.
                let mut items = Vec::with_capacity(planned.len());
                for p in planned {
                    let open = is_open(p.ty);
                    let item = self.convert(p, Type::Dynamic, e.span)?.sql;
                    items.push(if open {
                        item
                    } else {
                        format!("k_array({item})")
                    });
                }
                Ok(format!("k_array_concat({})", items.join(", ")))
            }
        }
    }
}

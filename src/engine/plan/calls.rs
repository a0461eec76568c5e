//! Calls of scalar functions.
//!
//! Most functions are one row of [`TABLE`](super::call_table): which function of SQL they are, and what form each
//! argument must have. The rest, where types decide or constants are worked out, follow below it.

use std::fmt::Write as _;

use super::Planner;
use super::call_table::{SERIES, SEVERAL, TABLE};
use super::frag::{Frag, Sx};
use crate::engine::error::{EngineError, Result};
use crate::engine::{sql, time};
use crate::kql::bound::{BinaryOp, Expr, ExprKind};
use crate::kql::types::{Type, Value};

impl Planner<'_> {
    /// A call of a scalar function.
    pub(super) fn call(&mut self, name: &str, args: &[Expr], e: &Expr, frag: &Frag) -> Result<Sx> {
        if let Some((_, function, forms)) = TABLE.iter().find(|(n, ..)| *n == name) {
            return self.simple_call(function, forms, args, e, frag);
        }
        if let Some((_, function, forms)) = SEVERAL.iter().find(|(n, ..)| *n == name) {
            let list = self.formed(args, forms, frag)?;
            let sql = format!("{function}({})", list.join(", "));
            return Ok(Sx::new(sql, Type::Dynamic));
        }
        if let Some(op) = name.strip_prefix("series_")
            && SERIES.contains(&op)
        {
            let list = self.formed(args, "d", frag)?;
            return Ok(Sx::new(
                format!("k_series('{op}', {})", list.join(", ")),
                Type::Dynamic,
            ));
        }
        if let Some(how) = name.strip_prefix("series_fill_") {
            let mut list = self.formed(args, "d", frag)?;
            if how == "const" {
                // (series, constant, placeholder) becomes (series, placeholder, constant).
                let constant = list.remove(1);
                if list.len() == 1 {
                    list.push("NULL".to_owned());
                }
                list.truncate(2);
                list.push(constant);
            } else {
                list.truncate(2);
            }
            return Ok(Sx::new(
                format!("k_series_fill('{how}', {})", list.join(", ")),
                Type::Dynamic,
            ));
        }
        match name {
            "tostring" | "tolong" | "toint" | "todouble" | "toreal" | "todecimal" | "tobool"
            | "toboolean" | "todatetime" | "totimespan" | "toguid" => {
                self.conversion(name, &args[0], e, frag)
            }
            "now" => self.now(args.first(), e, frag),
            "ago" => {
                let x = self.expr(&args[0], frag)?;
                let x = self.convert(x, Type::TimeSpan, e.span)?;
                let now = Self::literal(&Value::DateTime(self.now), Type::DateTime);
                self.binary(BinaryOp::Subtract, now, x, e, false)
            }
            "not" => {
                let x = self.expr(&args[0], frag)?;
                let x = self.convert(x, Type::Bool, e.span)?;
                Ok(Sx::new(format!("(NOT {})", x.sql), Type::Bool).maybe(x.nullable))
            }
            "iff" | "iif" => self.case(&[&args[0], &args[1]], &args[2], e, frag),
            "case" => {
                let Some((otherwise, pairs)) = args.split_last() else {
                    return Self::refuse("case() without arguments", e.span);
                };
                let pairs: Vec<&Expr> = pairs.iter().collect();
                self.case(&pairs, otherwise, e, frag)
            }
            "coalesce" => self.coalesce(args, e, frag),
            "isnull" | "isnotnull" => {
                let x = self.expr(&args[0], frag)?;
                let not = if name == "isnull" { "" } else { " NOT" };
                Ok(if x.nullable {
                    Sx::new(format!("({} IS{not} NULL)", x.sql), Type::Bool).solid()
                } else {
                    Self::literal(&Value::Bool(name != "isnull"), Type::Bool)
                })
            }
            "isempty" | "isnotempty" | "notempty" => {
                let x = self.expr(&args[0], frag)?;
                let text = matches!(x.ty, Type::String | Type::Dynamic | Type::Unknown);
                let op = match (name == "isempty", text) {
                    (true, true) => "= ''",
                    (false, true) => "<> ''",
                    (true, false) => "IS NULL",
                    (false, false) => "IS NOT NULL",
                };
                let x = if text { self.text(x, e.span)? } else { x };
                Ok(Sx::new(format!("({} {op})", x.sql), Type::Bool).solid())
            }
            "strcat" => {
                let list = self.formed(args, "t", frag)?;
                Ok(Sx::new(format!("({})", list.join(" || ")), Type::String))
            }
            "string_size" => {
                let list = self.formed(args, "t", frag)?;
                Ok(Sx::new(format!("octet_length({})", list[0]), Type::Long).solid())
            }
            "replace_regex" | "replace" => {
                let list = self.formed(args, "ttt", frag)?;
                // `replace(regex, rewrite, text)` is the old order of `replace_regex(text, regex, rewrite)`.
                let list = if name == "replace" {
                    vec![&list[2], &list[0], &list[1]]
                } else {
                    list.iter().collect()
                };
                let sql = format!("k_replace_regex({}, {}, {})", list[0], list[1], list[2]);
                Ok(Sx::new(sql, Type::String))
            }
            "extract" => self.extract(args, e, frag),
            "extract_all" => {
                let list = match args {
                    [regex, text] => {
                        let (r, t) = (self.one(regex, 't', frag)?, self.one(text, 't', frag)?);
                        format!("{r}, NULL, {t}")
                    }
                    _ => self.formed(args, "tdt", frag)?.join(", "),
                };
                Ok(Sx::new(format!("k_extract_all({list})"), Type::Dynamic))
            }
            "bin" | "floor" => self.bin(args, e, frag),
            "bin_at" => {
                let x = self.expr(&args[0], frag)?;
                let real = x.ty == Type::Real || self.expr(&args[1], frag)?.ty == Type::Real;
                let function = if real { "k_bin_at_real" } else { "k_bin_at" };
                let forms = if real { "r" } else { "x" };
                let list = self.formed(args, forms, frag)?;
                Ok(Sx::new(format!("{function}({})", list.join(", ")), e.ty).wild())
            }
            "round" => {
                let x = self.expr(&args[0], frag)?;
                if x.ty.is_integer() && args.len() == 1 {
                    return self.convert(x, e.ty, e.span);
                }
                self.simple_call("k_round", "ri", args, e, frag)
            }
            "ceiling" => {
                let x = self.expr(&args[0], frag)?;
                if x.ty.is_integer() {
                    return self.convert(x, e.ty, e.span);
                }
                self.simple_call("k_ceiling", "r", args, e, frag)
            }
            "abs" => {
                let x = self.expr(&args[0], frag)?;
                let x = if x.ty == Type::Dynamic {
                    self.convert(x, e.ty, e.span)?
                } else {
                    x
                };
                if x.ty == Type::Decimal {
                    return Self::refuse("abs() of this value", e.span);
                }
                let ty = if x.ty == Type::Int { Type::Long } else { x.ty };
                Ok(Sx::new(format!("k_abs({})", x.sql), ty).wild())
            }
            "sign" => {
                let x = self.one(&args[0], 'r', frag)?;
                let sx = Sx::new(format!("k_sign({x})"), Type::Real).wild();
                self.convert(sx, e.ty, e.span)
            }
            "pi" => Ok(Self::literal(
                &Value::Real(std::f64::consts::PI),
                Type::Real,
            )),
            "binary_and" | "binary_or" => {
                let list = self.formed(args, "i", frag)?;
                let op = if name == "binary_and" { "&" } else { "|" };
                Ok(Sx::new(format!("({} {op} {})", list[0], list[1]), e.ty))
            }
            "binary_not" => {
                let list = self.formed(args, "i", frag)?;
                Ok(Sx::new(format!("(~{})", list[0]), e.ty))
            }
            "max_of" | "min_of" => self.extreme(name == "max_of", args, e, frag),
            "gettype" => {
                let x = self.expr(&args[0], frag)?;
                Ok(match x.ty {
                    Type::Dynamic | Type::Unknown => {
                        Sx::new(format!("k_gettype({})", x.sql), Type::String)
                    }
                    ty => Self::literal(&Value::String(ty.name().to_owned()), Type::String),
                })
            }
            "bag_pack" | "pack" | "pack_dictionary" => {
                let mut list = Vec::with_capacity(args.len());
                for (i, a) in args.iter().enumerate() {
                    list.push(self.one(a, if i % 2 == 0 { 't' } else { 'd' }, frag)?);
                }
                Ok(Sx::new(format!("k_bag({})", list.join(", ")), Type::Dynamic).solid())
            }
            "pack_all" => {
                let full = match args.first().map(|a| self.expr(a, frag)).transpose()? {
                    Some(sx) => sx.literal == Some(Value::Bool(true)),
                    None => false,
                };
                let mut list = Vec::with_capacity(frag.cols.len() * 2);
                for col in frag.cols.iter().filter(|c| !c.name.starts_with('\u{0}')) {
                    list.push(sql::text(&col.name));
                    list.push(self.convert(col.sx.clone(), Type::Dynamic, e.span)?.sql);
                }
                let function = if full { "k_bag_full" } else { "k_bag" };
                Ok(Sx::new(format!("{function}({})", list.join(", ")), Type::Dynamic).solid())
            }
            "array_sort_asc" | "array_sort_desc" => self.array_sort(name, args, frag),
            "range" => self.range_array(args, e, frag),
            "unixtime_seconds_todatetime" => self.unixtime(args, time::SECOND, frag),
            "unixtime_milliseconds_todatetime" => self.unixtime(args, time::MILLISECOND, frag),
            "unixtime_microseconds_todatetime" => self.unixtime(args, time::MICROSECOND, frag),
            "unixtime_nanoseconds_todatetime" => self.unixtime(args, -100, frag),
            "format_ipv4" | "format_ipv4_mask" => {
                let x = self.expr(&args[0], frag)?;
                let x = if x.ty.is_integer() {
                    x
                } else {
                    self.text(x, e.span)?
                };
                let prefix = match args.get(1) {
                    Some(a) => self.one(a, 'i', frag)?,
                    None => "32".to_owned(),
                };
                let mask = i32::from(name == "format_ipv4_mask");
                Ok(Sx::new(
                    format!("k_format_ipv4({}, {prefix}, {mask})", x.sql),
                    Type::String,
                ))
            }
            "has_ipv4" | "has_any_ipv4" | "has_ipv4_prefix" | "has_any_ipv4_prefix" => {
                let text = self.one(&args[0], 't', frag)?;
                let list = self.formed(&args[1..], "d", frag)?;
                let sql = format!(
                    "k_has_any_ipv4{}({text}, k_array_concat({}))",
                    if name.ends_with("prefix") {
                        "_prefix"
                    } else {
                        ""
                    },
                    list.iter()
                        .map(|l| format!("k_as_array({l})"))
                        .collect::<Vec<_>>()
                        .join(", ")
                );
                Ok(Sx::new(sql, Type::Bool).solid())
            }
            "materialize" => self.expr(&args[0], frag),
            "column_ifexists" => {
                let name = self.expr(&args[0], &Frag::default())?;
                let Some(Value::String(name)) = name.literal else {
                    return Self::refuse(
                        "column_ifexists() of a name that is not constant",
                        e.span,
                    );
                };
                match frag.cols.iter().find(|c| c.name == name) {
                    Some(col) => Ok(col.sx.clone()),
                    None => self.expr(&args[1], frag),
                }
            }
            "bag_pack_columns" => {
                let mut list = Vec::with_capacity(args.len() * 2);
                for a in args {
                    let Some(place) = super::expr::plain_column(a, frag) else {
                        return Self::refuse("bag_pack_columns() of an expression", a.span);
                    };
                    list.push(sql::text(&frag.cols[place].name));
                    list.push(self.one(a, 'd', frag)?);
                }
                Ok(Sx::new(format!("k_bag({})", list.join(", ")), Type::Dynamic).solid())
            }
            "tohex" => {
                let x = self.expr(&args[0], frag)?;
                let number = if x.ty == Type::Int {
                    // The bits of an `int` are 32.
                    format!("({} & 4294967295)", x.sql)
                } else {
                    self.one(&args[0], 'i', frag)?
                };
                let width = match args.get(1) {
                    Some(a) => self.one(a, 'i', frag)?,
                    None => "0".to_owned(),
                };
                Ok(Sx::new(format!("k_tohex({number}, {width})"), Type::String))
            }
            "hash" | "hash_xxhash64" => {
                let x = self.expr(&args[0], frag)?;
                // What other types are hashed as is not known.
                if !matches!(
                    x.ty,
                    Type::String | Type::Long | Type::DateTime | Type::TimeSpan
                ) {
                    return Self::refuse(format!("{name}() of a {} value", x.ty.name()), e.span);
                }
                let by = match args.get(1) {
                    Some(a) => format!(", {}", self.one(a, 'i', frag)?),
                    None => String::new(),
                };
                Ok(Sx::new(format!("k_hash({}{by})", x.sql), Type::Long))
            }
            "series_fit_poly" => {
                // `(y, degree)` and `(y, x, degree)`
                let forms = if args.len() == 2 { "di" } else { "ddi" };
                if args.len() < 2 {
                    return Self::refuse("series_fit_poly() without a degree", e.span);
                }
                let list = self.formed(args, forms, frag)?;
                let sql = format!("k_series_fit_poly({})", list.join(", "));
                Ok(Sx::new(sql, Type::Dynamic))
            }
            "assert" => {
                let list = self.formed(args, "bt", frag)?;
                Ok(Sx::new(format!("k_assert({})", list.join(", ")), Type::Bool).solid())
            }
            "new_guid" => Ok(Sx::new("k_new_guid()", Type::Guid).solid()),
            "around" => {
                let (x, y) = (self.expr(&args[0], frag)?, self.expr(&args[1], frag)?);
                let delta = self.expr(&args[2], frag)?;
                let low = self.binary(BinaryOp::Subtract, y.clone(), delta.clone(), e, false)?;
                let high = self.binary(BinaryOp::Add, y, delta, e, false)?;
                let from = self.binary(BinaryOp::GreaterOrEqual, x.clone(), low, e, false)?;
                let to = self.binary(BinaryOp::LessOrEqual, x, high, e, false)?;
                Ok(Sx::new(
                    format!("({} AND {})", from.sql, to.sql),
                    Type::Bool,
                ))
            }
            "hll_merge" => {
                let list = self.formed(args, "d", frag)?;
                let sql = format!("k_set_union({})", list.join(", "));
                Ok(Sx::new(sql, Type::Dynamic))
            }
            "rand" => match args {
                [] => Ok(Sx::new("k_rand()", Type::Real).solid()),
                [n] => {
                    let n = self.one(n, 'i', frag)?;
                    Ok(Sx::new(format!("k_rand({n})"), e.ty).solid())
                }
                _ => Self::refuse("rand() with a seed", e.span),
            },
            "prev" | "next" | "row_number" | "row_cumsum" | "row_rank_dense" | "row_rank_min" => {
                self.window_call(name, args, e, frag)
            }
            "parse_user_agent" => Err(EngineError::absent(
                "parse_user_agent: there is no list of the agents' patterns here",
                "take what you look for out of the text with extract",
                e.span,
            )),
            "ingestion_time" => self.ingestion_time(e, frag),
            "geo_info_from_ip_address" => self.place(&args[0], e, frag),
            _ => Self::refuse(format!("function '{name}'"), e.span),
        }
    }

    /// One argument in a form.
    pub(super) fn one(&mut self, a: &Expr, form: char, frag: &Frag) -> Result<String> {
        let x = self.expr(a, frag)?;
        Ok(match form {
            't' => self.convert(x, Type::String, a.span)?.sql,
            'd' => self.convert(x, Type::Dynamic, a.span)?.sql,
            'i' if !x.ty.is_integer() => self.convert(x, Type::Long, a.span)?.sql,
            'r' if !x.ty.is_number() || x.ty == Type::Decimal => {
                self.convert(x, Type::Real, a.span)?.sql
            }
            'm' => self.convert(x, Type::DateTime, a.span)?.sql,
            'p' => self.convert(x, Type::TimeSpan, a.span)?.sql,
            'b' => self.convert(x, Type::Bool, a.span)?.sql,
            _ => x.sql,
        })
    }

    /// Arguments in forms; the last form serves all further ones.
    fn formed(&mut self, args: &[Expr], forms: &str, frag: &Frag) -> Result<Vec<String>> {
        let forms: Vec<char> = forms.chars().collect();
        args.iter()
            .enumerate()
            .map(|(i, a)| self.one(a, forms[i.min(forms.len() - 1)], frag))
            .collect()
    }

    fn simple_call(
        &mut self,
        function: &str,
        forms: &str,
        args: &[Expr],
        e: &Expr,
        frag: &Frag,
    ) -> Result<Sx> {
        let list = self.formed(args, forms, frag)?;
        Ok(Sx::new(format!("{function}({})", list.join(", ")), e.ty).wild())
    }

    fn conversion(&mut self, name: &str, arg: &Expr, e: &Expr, frag: &Frag) -> Result<Sx> {
        let to = match name {
            "tostring" => Type::String,
            "tolong" => Type::Long,
            "toint" => Type::Int,
            "todouble" | "toreal" => Type::Real,
            "todecimal" => Type::Decimal,
            "tobool" | "toboolean" => Type::Bool,
            "todatetime" => Type::DateTime,
            "totimespan" => Type::TimeSpan,
            _ => Type::Guid,
        };
        let x = self.expr(arg, frag)?;
        // One walk for the common `tostring(d.a.b)`.
        if to == Type::String
            && x.ty == Type::Dynamic
            && let Some(rest) = x.sql.strip_prefix("k_path(")
            && matches!(arg.kind, ExprKind::Member(..) | ExprKind::Index(..))
        {
            return Ok(Sx::new(format!("k_path_text({rest}"), Type::String));
        }
        self.convert(x, to, e.span)
    }

    fn now(&mut self, offset: Option<&Expr>, e: &Expr, frag: &Frag) -> Result<Sx> {
        let now = Self::literal(&Value::DateTime(self.now), Type::DateTime);
        let Some(offset) = offset else { return Ok(now) };
        let x = self.expr(offset, frag)?;
        let x = self.convert(x, Type::TimeSpan, e.span)?;
        self.binary(BinaryOp::Add, now, x, e, false)
    }

    /// `case(condition, value, …, otherwise)`; a null condition counts as false.
    fn case(&mut self, pairs: &[&Expr], otherwise: &Expr, e: &Expr, frag: &Frag) -> Result<Sx> {
        let mut whens = Vec::new();
        let mut values = Vec::new();
        for pair in pairs.chunks(2) {
            let [condition, value] = pair else {
                return Self::refuse("case() with an even number of arguments", e.span);
            };
            whens.push(self.condition(condition, frag)?);
            values.push(self.expr(value, frag)?);
        }
        values.push(self.expr(otherwise, frag)?);
        let ty = common(&values, e.ty);
        let mut sql = String::from("(CASE");
        let mut nullable = false;
        let mut nan = false;
        let n = values.len();
        for (i, value) in values.into_iter().enumerate() {
            let value = self.convert(value, ty, e.span)?;
            nullable |= value.nullable;
            nan |= value.nan;
            if i + 1 < n {
                let _ = write!(sql, " WHEN {} THEN {}", whens[i], value.sql);
            } else {
                let _ = write!(sql, " ELSE {} END)", value.sql);
            }
        }
        Ok(Sx {
            nan,
            ..Sx::new(sql, ty).maybe(nullable)
        })
    }

    fn coalesce(&mut self, args: &[Expr], e: &Expr, frag: &Frag) -> Result<Sx> {
        let mut values = Vec::with_capacity(args.len());
        for a in args {
            values.push(self.expr(a, frag)?);
        }
        let ty = common(&values, e.ty);
        let mut list = Vec::with_capacity(values.len());
        let mut nullable = true;
        let mut nan = false;
        for value in values {
            let value = self.convert(value, ty, e.span)?;
            nullable &= value.nullable;
            nan |= value.nan;
            // An empty string counts as missing.
            list.push(if ty == Type::String {
                format!("nullif({}, '')", value.sql)
            } else {
                value.sql
            });
        }
        if ty == Type::String {
            list.push("''".to_owned());
        }
        if list.len() == 1 {
            list.push("NULL".to_owned());
        }
        Ok(Sx {
            nan,
            ..Sx::new(format!("coalesce({})", list.join(", ")), ty).maybe(nullable)
        })
    }

    /// The greatest or least of several values; nulls are passed over.
    fn extreme(&mut self, greatest: bool, args: &[Expr], e: &Expr, frag: &Frag) -> Result<Sx> {
        let mut values = Vec::with_capacity(args.len());
        for a in args {
            values.push(self.expr(a, frag)?);
        }
        let ty = common(&values, e.ty);
        let mut list = Vec::with_capacity(values.len());
        let mut wild = Vec::new();
        for value in values {
            let mut value = self.convert(value, ty, e.span)?;
            if ty == Type::Decimal {
                return Self::refuse("max_of() or min_of() of these values", e.span);
            }
            // Not-a-number loses against every number.
            if value.nan {
                wild.push(value.sql.clone());
                value.sql = format!("nullif({}, 'NaN')", value.sql);
            }
            list.push(value);
        }
        let Some(last) = list.pop() else {
            return Self::refuse("max_of() without arguments", e.span);
        };
        let function = if greatest { "max" } else { "min" };
        let sql = list.into_iter().rev().fold(last.sql, |rest, x| {
            // SQL's own gives null if any is null.
            format!("coalesce({function}({0}, {rest}), {0}, {rest})", x.sql)
        });
        if wild.is_empty() {
            return Ok(Sx::new(sql, ty));
        }
        Ok(Sx::new(format!("coalesce({sql}, {})", wild.join(", ")), ty).wild())
    }

    fn extract(&mut self, args: &[Expr], e: &Expr, frag: &Frag) -> Result<Sx> {
        let regex = self.one(&args[0], 't', frag)?;
        let group = self.expr(&args[1], frag)?;
        let text = self.one(&args[2], 't', frag)?;
        let sx = Sx::new(
            format!("k_extract({regex}, {}, {text})", group.sql),
            Type::String,
        );
        // `typeof(T)` as the fourth argument converts: the binder's type says to what.
        self.convert(sx, e.ty, e.span)
    }

    fn bin(&mut self, args: &[Expr], e: &Expr, frag: &Frag) -> Result<Sx> {
        let x = self.expr(&args[0], frag)?;
        let Some(size) = args.get(1) else {
            // `floor(x)` of one argument.
            let sx = self.one(&args[0], 'r', frag)?;
            let sx = Sx::new(format!("k_floor({sx})"), Type::Real).wild();
            return self.convert(sx, e.ty, e.span);
        };
        let size = self.expr(size, frag)?;
        let x = if x.ty == Type::Dynamic {
            self.convert(x, e.ty, e.span)?
        } else {
            x
        };
        match (x.ty, size.ty) {
            (Type::Decimal, _) | (_, Type::Decimal) => {
                Self::refuse("bin() of decimal values", e.span)
            }
            (Type::Real, _) | (_, Type::Real) if x.ty.is_number() => {
                Ok(Sx::new(format!("k_bin_real({}, {})", x.sql, size.sql), Type::Real).wild())
            }
            (Type::DateTime | Type::TimeSpan, Type::Real) => {
                let ty = x.ty;
                let size = self.convert(size, Type::TimeSpan, e.span)?;
                Ok(Sx::new(format!("k_bin({}, {})", x.sql, size.sql), ty))
            }
            _ => {
                let ty = if x.ty == Type::Int { e.ty } else { x.ty };
                // A constant size and a moment (never negative) need no function.
                if let (Type::DateTime, Some(Value::TimeSpan(size))) = (x.ty, &size.literal)
                    && *size > 0
                {
                    return Ok(
                        Sx::new(format!("({0} - {0} % {size})", x.sql), ty).maybe(x.nullable)
                    );
                }
                Ok(Sx::new(format!("k_bin({}, {})", x.sql, size.sql), ty))
            }
        }
    }

    fn array_sort(&mut self, name: &str, args: &[Expr], frag: &Frag) -> Result<Sx> {
        let (mut arrays, mut nulls_last) = (Vec::new(), None);
        for a in args {
            let x = self.expr(a, frag)?;
            if x.ty == Type::Bool {
                nulls_last = Some(x.sql);
            } else {
                arrays.push(self.convert(x, Type::Dynamic, a.span)?.sql);
            }
        }
        let descending = i32::from(name.ends_with("desc"));
        let nulls_last = nulls_last.unwrap_or_else(|| "1".to_owned());
        if arrays.len() > 1 {
            // Several arrays give several columns: an array of them all.
            let all = arrays.join(", ");
            let sorted: Vec<String> = (0..arrays.len())
                .map(|i| format!("k_array_sort({descending}, {nulls_last}, {i}, {all})"))
                .collect();
            return Ok(Sx::new(
                format!("k_array({})", sorted.join(", ")),
                Type::Dynamic,
            ));
        }
        Ok(Sx::new(
            format!("k_array_sort({descending}, {nulls_last}, 0, {})", arrays[0]),
            Type::Dynamic,
        ))
    }

    fn range_array(&mut self, args: &[Expr], e: &Expr, frag: &Frag) -> Result<Sx> {
        let from = self.expr(&args[0], frag)?;
        let to = self.expr(&args[1], frag)?;
        let step = args.get(2).map(|a| self.expr(a, frag)).transpose()?;
        let real = [Some(&from), Some(&to), step.as_ref()]
            .into_iter()
            .flatten()
            .any(|s| s.ty == Type::Real);
        let ty = match from.ty {
            Type::DateTime | Type::TimeSpan => from.ty,
            ty if ty.is_number() && real => Type::Real,
            ty if ty.is_integer() => Type::Long,
            ty => return Self::refuse(format!("range() of {}", ty.name()), e.span),
        };
        let to = self.convert(to, ty, e.span)?;
        let step = match step {
            Some(step) if ty == Type::DateTime => self.convert(step, Type::TimeSpan, e.span)?.sql,
            Some(step) => self.convert(step, ty, e.span)?.sql,
            None if ty == Type::DateTime => time::DAY.to_string(),
            None if ty == Type::TimeSpan => time::HOUR.to_string(),
            None => "1".to_owned(),
        };
        let from = self.convert(from, ty, e.span)?;
        Ok(Sx::new(
            format!("k_range('{}', {}, {}, {step})", ty.name(), from.sql, to.sql),
            Type::Dynamic,
        ))
    }

    fn unixtime(&mut self, args: &[Expr], per: i64, frag: &Frag) -> Result<Sx> {
        let x = self.expr(&args[0], frag)?;
        let x = if x.ty.is_number() {
            x.sql
        } else {
            self.convert(x, Type::Long, args[0].span)?.sql
        };
        Ok(Sx::new(format!("k_unixtime({x}, {per})"), Type::DateTime))
    }
}

/// The type several values share: the binder's, or worked out where it could not tell.
fn common(values: &[Sx], bound: Type) -> Type {
    if !matches!(bound, Type::Unknown | Type::Null) {
        return bound;
    }
    let mut types = values
        .iter()
        .filter(|v| v.literal != Some(Value::Null))
        .map(|v| v.ty);
    let first = types.next().unwrap_or(Type::Dynamic);
    types.fold(first, |a, b| {
        if a == b {
            a
        } else if a.is_number() && b.is_number() {
            if a == Type::Real || b == Type::Real {
                Type::Real
            } else {
                Type::Long
            }
        } else {
            Type::Dynamic
        }
    })
}

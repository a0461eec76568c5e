//! Random expressions of an asked type.

use nightjar::kql::types::Type;

use super::generate::{SCALARS, Writer};

impl Writer<'_, '_> {
    /// An expression of a type.
    pub(super) fn expr(&mut self, ty: Type, depth: usize) -> String {
        if depth == 0 || self.tape.below(4) == 0 {
            return if self.tape.below(5) == 4 {
                self.literal(ty)
            } else {
                self.column(ty)
            };
        }
        if self.tape.below(8) == 7 && ty != Type::Dynamic {
            let (p, x, y) = (
                self.expr(Type::Bool, depth - 1),
                self.expr(ty, depth - 1),
                self.expr(ty, depth - 1),
            );
            return match self.tape.below(4) {
                0 => format!("iff({p}, {x}, {y})"),
                1 => format!("coalesce({x}, {y})"),
                2 => format!(
                    "case({p}, {x}, {}, {y}, {x})",
                    self.expr(Type::Bool, depth - 1)
                ),
                _ => format!("max_of({x}, {y})"),
            };
        }
        let d = depth - 1;
        match ty {
            Type::Bool => self.boolean(d),
            Type::Long | Type::Int => self.long(ty, d),
            Type::Real => self.real(d),
            Type::String => self.string(d),
            Type::DateTime => match self.tape.below(5) {
                0 => format!(
                    "bin({}, {})",
                    self.expr(ty, d),
                    self.tape.of(&["1d", "1h", "7d"])
                ),
                1 => format!(
                    "({} {} {})",
                    self.expr(ty, d),
                    self.tape.of(&["+", "-"]),
                    self.expr(Type::TimeSpan, d)
                ),
                2 => {
                    let f = self.tape.of(&[
                        "startofday",
                        "startofweek",
                        "startofmonth",
                        "startofyear",
                        "endofday",
                        "endofweek",
                        "endofmonth",
                        "endofyear",
                    ]);
                    let more = self.tape.of(&["", ", 1", ", -1"]);
                    format!("{f}({}{more})", self.expr(ty, d))
                }
                3 => format!("todatetime({})", self.expr(Type::String, d)),
                _ => format!("todatetime({})", self.expr(Type::Dynamic, d)),
            },
            Type::TimeSpan => match self.tape.below(6) {
                0 => format!(
                    "({} - {})",
                    self.expr(Type::DateTime, d),
                    self.expr(Type::DateTime, d)
                ),
                1 => format!("({} + {})", self.expr(ty, d), self.expr(ty, d)),
                2 => format!("({} * {})", self.expr(ty, d), self.expr(Type::Long, d)),
                3 => format!("bin({}, 1h)", self.expr(ty, d)),
                4 => format!("(-{})", self.expr(ty, d)),
                _ => format!("dayofweek({})", self.expr(Type::DateTime, d)),
            },
            Type::Dynamic => match self.tape.below(9) {
                0 => format!(
                    "{}.{}",
                    self.column(Type::Dynamic),
                    self.tape.of(&["a", "b", "a.c", "a[1].c"])
                ),
                1 => format!(
                    "{}[{}]",
                    self.column(Type::Dynamic),
                    self.tape.of(&["0", "-1", "5", "'a'", "id"])
                ),
                2 => format!(
                    "split({}, {})",
                    self.expr(Type::String, d),
                    self.tape.of(&["','", "' '", "'a'"])
                ),
                3 => format!("parse_json({})", self.expr(Type::String, d)),
                4 => {
                    let (x, y) = (self.tape.of(SCALARS), self.tape.of(SCALARS));
                    format!("pack_array({}, {})", self.expr(x, d), self.expr(y, d))
                }
                5 => {
                    let x = self.tape.of(SCALARS);
                    format!(
                        "bag_pack('a', {}, 'c', {})",
                        self.expr(x, d),
                        self.expr(Type::String, d)
                    )
                }
                6 => format!("array_concat({}, {})", self.expr(ty, d), self.expr(ty, d)),
                7 => format!(
                    "iff({}, {}, {})",
                    self.expr(Type::Bool, d),
                    self.expr(ty, d),
                    self.expr(ty, d)
                ),
                _ => format!("todynamic({})", self.column(Type::String)),
            },
            _ => self.column(ty),
        }
    }

    fn boolean(&mut self, d: usize) -> String {
        let compared = &[
            Type::Long,
            Type::String,
            Type::Int,
            Type::Real,
            Type::DateTime,
            Type::TimeSpan,
            Type::Bool,
        ];
        match self.tape.below(14) {
            0 | 1 => {
                let ty = self.tape.of(compared);
                let op = self.tape.of(&["==", "!=", "<", "<=", ">", ">="]);
                let op = if matches!(ty, Type::Bool) {
                    self.tape.of(&["==", "!="])
                } else {
                    op
                };
                format!("({} {op} {})", self.expr(ty, d), self.expr(ty, d))
            }
            2 => format!(
                "({} {} {})",
                self.expr(Type::Bool, d),
                self.tape.of(&["and", "or"]),
                self.expr(Type::Bool, d)
            ),
            3 => format!("not({})", self.expr(Type::Bool, d)),
            4 | 5 => {
                let op = self.tape.of(&[
                    "has",
                    "!has",
                    "contains",
                    "!contains",
                    "startswith",
                    "!startswith",
                    "endswith",
                    "!endswith",
                    "=~",
                    "!~",
                    "has_cs",
                    "contains_cs",
                    "!contains_cs",
                    "startswith_cs",
                    "endswith_cs",
                    "hasprefix",
                    "hassuffix",
                    "!hasprefix",
                    "hasprefix_cs",
                    "hassuffix_cs",
                ]);
                format!(
                    "({} {op} {})",
                    self.expr(Type::String, d),
                    self.expr(Type::String, d)
                )
            }
            6 => format!(
                "({} matches regex {})",
                self.expr(Type::String, d),
                self.pattern()
            ),
            7 => {
                let op = self
                    .tape
                    .of(&["in", "!in", "in~", "!in~", "has_any", "has_all"]);
                let list =
                    self.tape
                        .of(&["'a', 'É', ''", "'A', 'b'", "dynamic(['a', 'x'])", "'ab'"]);
                format!("({} {op} ({list}))", self.expr(Type::String, d))
            }
            8 => format!(
                "({} {} (1, {}))",
                self.expr(Type::Long, d),
                self.tape.of(&["in", "!in"]),
                self.column(Type::Long)
            ),
            9 => {
                let ty = self
                    .tape
                    .of(&[Type::Long, Type::Real, Type::DateTime, Type::TimeSpan]);
                let op = self.tape.of(&["between", "!between"]);
                format!(
                    "({} {op} ({} .. {}))",
                    self.expr(ty, d),
                    self.expr(ty, d),
                    self.expr(ty, d)
                )
            }
            10 => {
                let ty = self.tape.of(SCALARS);
                let f = self
                    .tape
                    .of(&["isnull", "isnotnull", "isempty", "isnotempty"]);
                format!("{f}({})", self.expr(ty, d))
            }
            11 => format!(
                "({} in ((U | where n > 0 | project s)))",
                self.column(Type::String)
            ),
            12 => format!(
                "({} {} {})",
                self.expr(Type::Real, d),
                self.tape.of(&["==", "!=", "<", ">="]),
                self.expr(Type::Long, d)
            ),
            _ => format!("tobool({})", self.expr(Type::Dynamic, d)),
        }
    }

    fn pattern(&mut self) -> String {
        self.tape
            .of(&[
                "'^a'",
                "'[a-z]+$'",
                "'(?i)AB'",
                "'\\\\d'",
                "'a.b'",
                "'(a)|(b)'",
                "'é'",
            ])
            .into()
    }

    fn long(&mut self, ty: Type, d: usize) -> String {
        if ty == Type::Int {
            let of = self
                .tape
                .of(&[Type::String, Type::Long, Type::Real, Type::Dynamic]);
            return format!("toint({})", self.expr(of, d));
        }
        match self.tape.below(16) {
            0..=3 => {
                let other = self.tape.of(&[Type::Long, Type::Int]);
                let op = self.tape.of(&["+", "-", "*", "/", "%"]);
                format!(
                    "({} {op} {})",
                    self.expr(Type::Long, d),
                    self.expr(other, d)
                )
            }
            4 => format!("strlen({})", self.expr(Type::String, d)),
            5 => {
                let of = self.tape.of(&[
                    Type::String,
                    Type::Int,
                    Type::Real,
                    Type::Dynamic,
                    Type::Bool,
                    Type::DateTime,
                ]);
                format!("tolong({})", self.expr(of, d))
            }
            6 => format!(
                "bin({}, {})",
                self.expr(ty, d),
                self.tape.of(&["1", "2", "5", "10"])
            ),
            7 => format!(
                "indexof({}, {})",
                self.expr(Type::String, d),
                self.expr(Type::String, d)
            ),
            8 => format!("array_length({})", self.expr(Type::Dynamic, d)),
            9 => {
                let unit = self.tape.of(&[
                    "day", "hour", "week", "month", "quarter", "year", "minute", "second",
                ]);
                format!(
                    "datetime_diff('{unit}', {}, {})",
                    self.expr(Type::DateTime, d),
                    self.expr(Type::DateTime, d)
                )
            }
            10 => format!("abs({})", self.expr(ty, d)),
            11 => format!(
                "countof({}, {})",
                self.expr(Type::String, d),
                self.expr(Type::String, d)
            ),
            12 => {
                let f = self.tape.of(&[
                    "getyear",
                    "getmonth",
                    "hourofday",
                    "dayofmonth",
                    "dayofyear",
                ]);
                format!("{f}({})", self.expr(Type::DateTime, d))
            }
            13 => format!("(-{})", self.expr(ty, d)),
            14 => format!(
                "toscalar(T | summarize max({}))",
                self.tape.of(&["n", "id"])
            ),
            _ => {
                let unit = self
                    .tape
                    .of(&["month", "day", "quarter", "hour", "minute", "second"]);
                format!("datetime_part('{unit}', {})", self.expr(Type::DateTime, d))
            }
        }
    }

    fn real(&mut self, d: usize) -> String {
        match self.tape.below(9) {
            0..=2 => {
                let other = self.tape.of(&[Type::Real, Type::Long, Type::Int]);
                let op = self.tape.of(&["+", "-", "*", "/"]);
                format!(
                    "({} {op} {})",
                    self.expr(Type::Real, d),
                    self.expr(other, d)
                )
            }
            3 => {
                let of = self
                    .tape
                    .of(&[Type::String, Type::Long, Type::Dynamic, Type::Bool]);
                format!("todouble({})", self.expr(of, d))
            }
            4 => format!(
                "({} / {})",
                self.expr(Type::TimeSpan, d),
                self.expr(Type::TimeSpan, d)
            ),
            5 => format!("abs({})", self.expr(Type::Real, d)),
            6 => format!("bin({}, 0.5)", self.expr(Type::Real, d)),
            7 => format!("sqrt({})", self.expr(Type::Real, d)),
            _ => format!("(-{})", self.expr(Type::Real, d)),
        }
    }

    fn string(&mut self, d: usize) -> String {
        let s = Type::String;
        match self.tape.below(16) {
            0 | 1 => {
                let of = self.tape.of(&[
                    Type::Long,
                    Type::Dynamic,
                    Type::DateTime,
                    Type::TimeSpan,
                    Type::Real,
                    Type::Guid,
                ]);
                format!("tostring({})", self.expr(of, d))
            }
            2 => format!(
                "strcat({}, '-', {})",
                self.expr(s, d),
                self.expr(Type::Long, d)
            ),
            3 => format!(
                "substring({}, {})",
                self.expr(s, d),
                self.tape.of(&["0", "1", "2", "1, 1", "0, 2", "9"])
            ),
            4 => format!(
                "{}({})",
                self.tape.of(&["tolower", "toupper", "reverse"]),
                self.expr(s, d)
            ),
            5 => format!(
                "replace_string({}, {}, {})",
                self.expr(s, d),
                self.tape.of(&["'a'", "','", "'É'"]),
                self.expr(s, d)
            ),
            6 => format!(
                "replace_regex({}, {}, 'z')",
                self.expr(s, d),
                self.pattern()
            ),
            7 => format!(
                "{}({}, {})",
                self.tape.of(&["trim", "trim_start", "trim_end"]),
                self.tape.of(&["'a'", "'[ab]+'", "' '"]),
                self.expr(s, d)
            ),
            8 => format!(
                "extract({}, {}, {})",
                self.tape.of(&["'(a)(b)?'", "'(\\\\d+)'", "'([^,]*),(.)'"]),
                self.tape.of(&["0", "1", "2"]),
                self.expr(s, d)
            ),
            9 => format!(
                "tostring(split({}, ',')[{}])",
                self.expr(s, d),
                self.tape.of(&["0", "1", "-1"])
            ),
            10 => format!("strcat_array({}, '|')", self.expr(Type::Dynamic, d)),
            11 => format!(
                "strcat_delim('/', {}, {})",
                self.expr(s, d),
                self.expr(Type::Long, d)
            ),
            12 => format!(
                "strcat({}, {})",
                self.expr(s, d),
                self.expr(Type::TimeSpan, d)
            ),
            13 => format!("tostring({})", self.expr(Type::Dynamic, d)),
            14 => format!("toscalar(U | summarize max({}))", self.tape.of(&["s", "w"])),
            _ => format!(
                "strcat({}, {}, {})",
                self.expr(s, d),
                self.expr(Type::Dynamic, d),
                self.expr(Type::DateTime, d)
            ),
        }
    }
}

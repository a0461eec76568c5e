//! Random tables and random queries over them, read off a tape of choices: zeros (and the end of
//! the tape) choose what is simplest, so that a shorter or smaller tape is a simpler case.

use nightjar::kql::bound::Column;
use nightjar::kql::types::{TICKS_PER_DAY, Type, UNIX_EPOCH_TICKS};
use serde_json::json;

use super::value::{V, days};

/// A tape of choices.
pub struct Tape<'a> {
    choices: &'a [u16],
    at: usize,
}

impl<'a> Tape<'a> {
    /// From its first choice.
    pub const fn new(choices: &'a [u16]) -> Self {
        Self { choices, at: 0 }
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        let choice = self.choices.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(choice) % n
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// The tables of every case.
pub const TABLES: &[(&str, &[(&str, Type)])] = &[
    (
        "T",
        &[
            ("id", Type::Long),
            ("s", Type::String),
            ("n", Type::Long),
            ("i", Type::Int),
            ("r", Type::Real),
            ("b", Type::Bool),
            ("d", Type::DateTime),
            ("t", Type::TimeSpan),
            ("j", Type::Dynamic),
            ("g", Type::Guid),
        ],
    ),
    (
        "U",
        &[
            ("id", Type::Long),
            ("s", Type::String),
            ("n", Type::Long),
            ("w", Type::String),
            ("r", Type::Real),
            ("d", Type::DateTime),
            ("j", Type::Dynamic),
        ],
    ),
];

const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "A",
    "ab",
    "a b",
    "a-b",
    "É",
    "é",
    "x,y",
    "1",
    "-7",
    "2.5",
    "true",
    "2024-01-02",
    "{\"a\":1}",
    "[1,2]",
    "日本",
    "ab.AB,a",
    "it's",
];

fn cell(ty: Type, tape: &mut Tape<'_>) -> V {
    match ty {
        Type::String => V::str(tape.of(TEXTS)),
        _ if tape.below(4) == 1 => V::Null,
        Type::Long => V::Long(tape.of(&[0, 1, 2, -1, 5, -7, 100, i64::MAX, i64::MIN])),
        Type::Int => V::Long(tape.of(&[0, 1, -1, 3, i32::MAX.into(), i32::MIN.into()])),
        // Stored reals may be no number, or endless.
        Type::Real => V::Real(tape.of(&[0.0, 1.0, 0.5, -2.5, 2.0, 1e300, f64::NAN, f64::INFINITY])),
        Type::Bool => V::Bool(tape.below(2) == 1),
        Type::DateTime => V::Date(tape.of(&[
            days(2024, 1, 2) * TICKS_PER_DAY,
            days(2024, 1, 2) * TICKS_PER_DAY + 110_450_000_000,
            days(2024, 3, 1) * TICKS_PER_DAY - 1,
            days(2023, 12, 31) * TICKS_PER_DAY,
            UNIX_EPOCH_TICKS,
            0,
            3_155_378_975_999_999_999,
        ])),
        Type::TimeSpan => V::Span(tape.of(&[
            0,
            10_000_000,
            TICKS_PER_DAY,
            -36_000_000_000,
            26 * 36_000_000_000,
            1,
            15_000_001,
        ])),
        Type::Guid => V::Guid(
            tape.of(&[
                "74be27de-1e4e-49d9-b579-fe0b331d3642",
                "00000000-0000-0000-0000-000000000000",
            ])
            .into(),
        ),
        _ => {
            let all = [
                json!(1),
                json!("a"),
                json!([]),
                json!([1, 2, 2]),
                json!(["a", "b"]),
                json!({"a": 1, "b": "x"}),
                json!({"a": [1, {"c": null}]}),
                json!(2.5),
                json!({}),
                json!("2024-01-02"),
                json!({"b": "", "a": null}),
                json!([[1], "é"]),
            ];
            V::json(all[tape.below(all.len())].clone())
        }
    }
}

/// Rows of one table; `id` counts them.
pub fn table(columns: &[(&str, Type)], tape: &mut Tape<'_>) -> Vec<Vec<V>> {
    let rows = tape.below(7);
    (0..rows)
        .map(|i| {
            let cells = columns[1..].iter().map(|(_, ty)| cell(*ty, tape));
            std::iter::once(V::Long(i as i64)).chain(cells).collect()
        })
        .collect()
}

/// Writes queries.
pub struct Writer<'t, 'a> {
    pub(super) tape: &'t mut Tape<'a>,
    columns: Vec<(String, Type)>,
}

/// Types an expression may be asked for.
pub(super) const SCALARS: &[Type] = &[
    Type::Long,
    Type::String,
    Type::Bool,
    Type::Real,
    Type::DateTime,
    Type::TimeSpan,
    Type::Int,
    Type::Dynamic,
];

impl<'t, 'a> Writer<'t, 'a> {
    /// A writer that goes on reading a tape.
    pub const fn new(tape: &'t mut Tape<'a>) -> Self {
        Self {
            tape,
            columns: Vec::new(),
        }
    }

    /// Whether the query is long enough.
    pub fn ends(&mut self) -> bool {
        self.tape.below(3) == 0
    }

    /// What stands before the query, and its source.
    pub fn source(&mut self) -> (String, String) {
        let none = String::new();
        match self.tape.below(12) {
            0..=4 => (none, "T".into()),
            5 => (none, "U".into()),
            6 => (none, "union T, U".into()),
            7 => (none, "union kind=inner withsource=src T, U".into()),
            8 => (
                "let F = (x:long, y:string = 'a') { strcat(y, x + 1) };\n".into(),
                "T | extend f = F(n)".into(),
            ),
            9 => (
                "let S = materialize(T | where n >= 0);\n".into(),
                "union S, (S | project s, n)".into(),
            ),
            10 => (
                "let V = (X:(s:string, n:long)) { X | summarize n = sum(n) by s };\n".into(),
                "V(T)".into(),
            ),
            _ => (none, "range n from -2 to 5 step 3".into()),
        }
    }

    /// The next operator over some columns.
    pub fn operator(&mut self, columns: &[Column]) -> String {
        self.columns = columns.iter().map(|c| (c.name.clone(), c.ty)).collect();
        match self.tape.below(24) {
            0..=3 => format!("where {}", self.expr(Type::Bool, 3)),
            4..=6 => {
                let ty = self.tape.of(SCALARS);
                let name = self.tape.of(&["x", "y", "s", "n"]);
                format!("extend {name} = {}", self.expr(ty, 3))
            }
            7 => {
                let (x, y) = (self.tape.of(SCALARS), self.tape.of(SCALARS));
                let (a, b) = (self.column(x), self.column(y));
                format!("project {a}, {b}, z = {}", self.expr(x, 2))
            }
            8 => self
                .tape
                .of(&[
                    "project-away s*",
                    "project-keep n, s*, id",
                    "project-reorder r, n",
                    "project-rename q = n",
                    "count",
                ])
                .into(),
            9 => format!("distinct {}", self.keys()),
            10..=13 => {
                let first = self.aggregate();
                let more = if self.tape.below(2) == 0 {
                    String::new()
                } else {
                    format!(", m = {}", self.aggregate())
                };
                match self.tape.below(3) {
                    0 => format!("summarize {first}{more}"),
                    _ => format!("summarize {first}{more} by {}", self.keys()),
                }
            }
            14 => format!("sort by {}", self.orders()),
            15 => format!("top {} by {}", self.tape.below(5), self.orders()),
            16 => format!(
                "sort by {}, id asc | take {}",
                self.orders(),
                self.tape.below(4)
            ),
            17 | 18 => {
                let kind = self.tape.of(&[
                    "",
                    "kind=inner ",
                    "kind=leftouter ",
                    "kind=rightouter ",
                    "kind=fullouter ",
                    "kind=leftanti ",
                    "kind=leftsemi ",
                    "kind=rightanti ",
                    "kind=rightsemi ",
                    "kind=innerunique ",
                ]);
                let right = self.tape.of(&[
                    "U",
                    "(U | where n > 0)",
                    "(U | summarize c = count() by s, n)",
                    "(T | project s, n, v = r)",
                    "(U | project w, s, n)",
                    "(U | distinct s, n, r)",
                ]);
                let on = self.tape.of(&[
                    "s",
                    "n",
                    "s, n",
                    "$left.s == $right.s",
                    "r",
                    "d",
                    "$left.n == $right.n",
                ]);
                let left = self.tape.of(&["", "project s, n | ", "distinct s, n | "]);
                format!("{left}join {kind}{right} on {on}")
            }
            19 => {
                let kind = self.tape.of(&["", "kind=inner "]);
                format!(
                    "lookup {kind}(U | summarize c = count(), m = max(r), q = take_any(s) by n, w = s) on n"
                )
            }
            20 => {
                let kind = self.tape.of(&["", "kind=inner ", "withsource=src "]);
                let leg = self.tape.of(&[
                    "U",
                    "(U | project s, n, w)",
                    "(T | where b)",
                    "(U | extend n = tostring(n))",
                ]);
                format!("union {kind}{leg}")
            }
            21 => {
                let what = self.tape.of(&[
                    "j",
                    "x = j to typeof(long)",
                    "j to typeof(string)",
                    "x = split(s, ',')",
                    "j, x = split(s, ',')",
                ]);
                format!("mv-expand {what}")
            }
            22 => {
                let body = self.tape.of(&[
                    "x = j to typeof(string) on (where x != '')",
                    "x = j to typeof(long) on (summarize m = max(x), c = count())",
                    "x = j to typeof(long) on (top 1 by x)",
                ]);
                format!("mv-apply {body}")
            }
            _ => {
                let ty = self.tape.of(&[Type::Long, Type::String]);
                let direction = self.tape.of(&["asc", "desc"]);
                let window = match self.tape.below(5) {
                    0 => "row_number()".into(),
                    1 => format!("prev({})", self.expr(ty, 1)),
                    2 => format!("next({}, 2)", self.expr(ty, 1)),
                    3 => "row_cumsum(coalesce(n % 10, 0))".into(),
                    _ => format!(
                        "row_number(3) + strlen(prev({}, 1, 'a'))",
                        self.expr(Type::String, 1)
                    ),
                };
                format!("sort by id {direction} | extend w1 = {window}")
            }
        }
    }

    pub(super) fn column(&mut self, ty: Type) -> String {
        let of: Vec<String> = self
            .columns
            .iter()
            .filter(|c| c.1 == ty)
            .map(|c| c.0.clone())
            .collect();
        if of.is_empty() {
            self.literal(ty)
        } else {
            of[self.tape.below(of.len())].clone()
        }
    }

    fn keys(&mut self) -> String {
        let ty = self.tape.of(&[
            Type::String,
            Type::Long,
            Type::Bool,
            Type::DateTime,
            Type::Int,
        ]);
        let first = match self.tape.below(4) {
            0 | 1 => self.column(ty),
            2 => format!("k = {}", self.expr(ty, 2)),
            _ => format!("bin({}, 2)", self.column(Type::Long)),
        };
        if self.tape.below(3) == 2 {
            format!("{first}, k2 = {}", self.expr(Type::String, 1))
        } else {
            first
        }
    }

    fn orders(&mut self) -> String {
        let mut out = Vec::new();
        for _ in 0..=self.tape.below(2) {
            let ty = self.tape.of(&[
                Type::Long,
                Type::String,
                Type::DateTime,
                Type::Bool,
                Type::Int,
                Type::Real,
            ]);
            let what = if self.tape.below(3) == 2 {
                self.expr(ty, 2)
            } else {
                self.column(ty)
            };
            let way = self
                .tape
                .of(&["", " asc", " desc", " asc nulls last", " desc nulls first"]);
            out.push(format!("{what}{way}"));
        }
        out.join(", ")
    }

    fn aggregate(&mut self) -> String {
        let number = self
            .tape
            .of(&[Type::Long, Type::Real, Type::Int, Type::TimeSpan]);
        let any = self.tape.of(SCALARS);
        let when = if self.tape.below(3) == 2 {
            Some(self.expr(Type::Bool, 2))
        } else {
            None
        };
        let (of, other) = (self.expr(number, 2), self.expr(any, 1));
        let plain = self.tape.below(11);
        match (plain, when) {
            (0, None) => "count()".into(),
            (0, Some(p)) => format!("countif({p})"),
            (1, None) => format!("sum({of})"),
            (1, Some(p)) => format!("sumif({of}, {p})"),
            (2, None) => format!("avg({of})"),
            (2, Some(p)) => format!("avgif({of}, {p})"),
            (3, None) => format!("min({other})"),
            (3, Some(p)) => format!("minif({other}, {p})"),
            (4, None) => format!("max({other})"),
            (4, Some(p)) => format!("maxif({other}, {p})"),
            (5, None) => format!("dcount({other})"),
            (5, Some(p)) => format!("dcountif({other}, {p})"),
            (6, None) => format!("array_sort_asc(make_list({other}))"),
            (6, Some(p)) => format!("array_sort_asc(make_list_if({other}, {p}))"),
            (7, None) => format!("array_sort_asc(make_set({other}))"),
            (7, Some(p)) => format!("array_sort_asc(make_set_if({other}, {p}))"),
            (8, _) => format!(
                "arg_max({of}, {})",
                self.tape.of(&["s, n", "*", "id", "d, r"])
            ),
            (9, _) => format!(
                "arg_min({other}, {})",
                self.tape.of(&["s, n", "*", "id", "b, j"])
            ),
            _ => format!("iff(count() > 1, max({of}), min({of}))"),
        }
    }

    pub(super) fn literal(&mut self, ty: Type) -> String {
        let mut v = cell(ty, self.tape);
        if ty == Type::Long && matches!(v, V::Long(i64::MIN)) {
            v = V::Long(3);
        }
        match (ty, &v) {
            (Type::Real, V::Real(r)) if r.to_bits() == (-2.5f64).to_bits() => self
                .tape
                .of(&["-2.5", "real(nan)", "real(+inf)", "real(-inf)"])
                .to_owned(),
            (Type::Long, V::Long(i)) => i.to_string(),
            _ => v.literal(ty),
        }
    }
}

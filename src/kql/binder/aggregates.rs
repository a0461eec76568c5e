//! Calls whose result follows its own rule: aggregates of several columns, plug-ins, series functions.

use std::collections::HashSet;

use super::{Binder, TupleColumn, Ty, Val};
use crate::kql::bound::{Column, ExprKind};
use crate::kql::builtins::{Builtin, Kind};
use crate::kql::symbols::Origin;
use crate::kql::syntax::{Call, ExprKind as S, Span};
use crate::kql::types::{Type, Value};

impl Binder<'_> {
    pub(super) fn custom_result(
        &mut self,
        builtin: &Builtin,
        call: &Call,
        vals: &[Val],
        stars: &[bool],
        span: Span,
    ) -> Ty {
        if builtin.kind == Kind::PlugIn {
            return self.plug_in_result(builtin, call, vals, span);
        }
        match builtin.name {
            "arg_max" | "argmax" => self.arg_best(call, vals, stars, "max"),
            "arg_min" | "argmin" => self.arg_best(call, vals, stars, "min"),
            "take_any" | "any" => self.take_any(call, vals, stars),
            "percentile" | "percentiles" => percentiles(vals, 1),
            "percentilew" | "percentilesw" => percentiles(vals, 2),
            "percentiles_array" | "percentilesw_array" => {
                let name = vals
                    .first()
                    .and_then(|v| v.name.clone())
                    .unwrap_or_default();
                let argument = vals
                    .first()
                    .map_or_else(|| super::unknown(span), |v| v.expr.clone());
                Ty::Tuple(vec![TupleColumn {
                    column: Column::new(format!("percentiles_{name}"), Type::Dynamic),
                    identity: None,
                    argument,
                }])
            }
            "bin_auto" => match vals.first().and_then(|v| v.ty.scalar()) {
                Some(Type::Int) => Ty::Scalar(Type::Long),
                Some(ty) => Ty::Scalar(ty),
                None => Ty::Error,
            },
            "array_sort_asc" | "array_sort_desc" => {
                let columns = vals
                    .iter()
                    .enumerate()
                    .take_while(|(_, v)| v.type_or_unknown() == Type::Dynamic)
                    .map(|(i, v)| {
                        let name = match &v.name {
                            Some(name) if !name.is_empty() => format!("{name}_sorted"),
                            _ => format!("array{i}_sorted"),
                        };
                        let column = Column::new(name, Type::Dynamic);
                        TupleColumn {
                            column,
                            identity: None,
                            argument: v.expr.clone(),
                        }
                    })
                    .collect();
                Ty::Tuple(columns)
            }
            name => series(name, vals),
        }
    }

    /// Columns of `arg_max` and `arg_min`: the maximised one, then the others; `*` stands for all
    /// columns that are neither named nor group keys.
    fn arg_best(&self, call: &Call, vals: &[Val], stars: &[bool], prefix: &str) -> Ty {
        let any_star = stars.contains(&true);
        let mut seen: HashSet<usize> = HashSet::new();
        let mut columns = Vec::new();
        let primary = vals
            .first()
            .and_then(|v| v.name.clone())
            .unwrap_or_default();
        for (i, val) in vals.iter().enumerate() {
            if stars.get(i) == Some(&true) {
                self.add_star(&mut columns, &mut seen);
                continue;
            }
            let named = match call.args.get(i).map(|a| &a.kind) {
                Some(S::Named { name, .. }) => Some(name.text.clone()),
                _ => None,
            };
            let column = val.same_as.or(val.column);
            if let (Some(c), Some(row)) = (column, &self.row) {
                if any_star && i > 0 && (seen.contains(&c) || self.group_columns.contains(&c)) {
                    continue;
                }
                let fresh = seen.insert(c) && !self.group_columns.contains(&c) && named.is_none();
                let name = named.unwrap_or_else(|| row.columns[c].name.clone());
                let column = Column::new(name, row.columns[c].ty).from(if fresh {
                    row.columns[c].origin
                } else {
                    Origin::UNKNOWN
                });
                columns.push(TupleColumn {
                    column,
                    identity: fresh.then_some(c),
                    argument: val.expr.clone(),
                });
                continue;
            }
            let name = named.unwrap_or_else(|| match (&val.name, i) {
                (Some(name), _) if !name.is_empty() => name.clone(),
                (_, 0) => format!("{prefix}_"),
                _ => format!("{prefix}_{primary}_arg{i}"),
            });
            let column = Column::new(name, val.type_or_unknown());
            columns.push(TupleColumn {
                column,
                identity: None,
                argument: val.expr.clone(),
            });
        }
        Ty::Tuple(columns)
    }

    fn add_star(&self, columns: &mut Vec<TupleColumn>, seen: &mut HashSet<usize>) {
        let Some(row) = &self.row else { return };
        for (c, column) in row.columns.iter().enumerate() {
            if self.group_columns.contains(&c) || !seen.insert(c) {
                continue;
            }
            columns.push(TupleColumn {
                column: column.clone(),
                identity: Some(c),
                argument: super::projection::column_expr(c, column),
            });
        }
    }

    fn take_any(&self, call: &Call, vals: &[Val], stars: &[bool]) -> Ty {
        let any_star = stars.contains(&true);
        let mut seen: HashSet<usize> = HashSet::new();
        let mut columns = Vec::new();
        for (i, val) in vals.iter().enumerate() {
            if stars.get(i) == Some(&true) {
                self.add_star(&mut columns, &mut seen);
                continue;
            }
            let named = match call.args.get(i).map(|a| &a.kind) {
                Some(S::Named { name, .. }) => Some(name.text.clone()),
                _ => None,
            };
            if let (Some(c), Some(row)) = (val.same_as.or(val.column), &self.row) {
                if any_star && (seen.contains(&c) || self.group_columns.contains(&c)) {
                    continue;
                }
                let fresh = seen.insert(c) && !self.group_columns.contains(&c) && named.is_none();
                let name = named.unwrap_or_else(|| row.columns[c].name.clone());
                let column = Column::new(name, row.columns[c].ty).from(if fresh {
                    row.columns[c].origin
                } else {
                    Origin::UNKNOWN
                });
                columns.push(TupleColumn {
                    column,
                    identity: fresh.then_some(c),
                    argument: val.expr.clone(),
                });
                continue;
            }
            let name = named.or_else(|| val.name.clone().filter(|n| !n.is_empty()));
            let name = name.unwrap_or_else(|| {
                if call.name.text == "any" {
                    String::new()
                } else {
                    format!("any_arg{i}")
                }
            });
            let column = Column::new(name, val.type_or_unknown());
            columns.push(TupleColumn {
                column,
                identity: None,
                argument: val.expr.clone(),
            });
        }
        if call.name.text == "any"
            && let [only] = &columns[..]
            && !any_star
        {
            return Ty::Scalar(only.column.ty);
        }
        Ty::Tuple(columns)
    }
}

/// `percentile_x_95`, one column for each percentile.
fn percentiles(vals: &[Val], fixed: usize) -> Ty {
    let Some(value) = vals.first() else {
        return Ty::Error;
    };
    let name = value.name.clone().unwrap_or_default();
    let ty = match value.ty.scalar() {
        Some(Type::Int) => Type::Long,
        Some(Type::Decimal) => Type::Real,
        Some(ty) => ty,
        None => return Ty::Error,
    };
    let columns = vals
        .iter()
        .skip(fixed)
        .map(|p| {
            let text = match &p.expr.kind {
                ExprKind::Literal(Value::Long(n)) => n.to_string(),
                ExprKind::Literal(Value::Int(n)) => n.to_string(),
                ExprKind::Literal(Value::Real(n)) => n.to_string(),
                ExprKind::Literal(Value::Decimal(n)) => n.clone(),
                _ => String::new(),
            };
            let text: String = text
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            let column = Column::new(format!("percentile_{name}_{text}"), ty);
            TupleColumn {
                column,
                identity: None,
                argument: p.expr.clone(),
            }
        })
        .collect();
    Ty::Tuple(columns)
}

/// Functions over series that give several columns.
fn series(name: &str, vals: &[Val]) -> Ty {
    use Type::{Dynamic as D, Long as L, Real as R};
    let parts: &[(&str, Type)] = match name {
        "series_fit_line" => &[
            ("rsquare", R),
            ("slope", R),
            ("variance", R),
            ("rvariance", R),
            ("interception", R),
            ("line_fit", D),
        ],
        "series_fit_2lines" => &[
            ("rsquare", R),
            ("split_idx", L),
            ("variance", R),
            ("rvariance", R),
            ("line_fit", D),
            ("right_rsquare", R),
            ("right_slope", R),
            ("right_interception", R),
            ("right_variance", R),
            ("right_rvariance", R),
            ("left_rsquare", R),
            ("left_slope", R),
            ("left_interception", R),
            ("left_variance", R),
            ("left_rvariance", R),
        ],
        "series_fit_poly" => &[
            ("rsquare", R),
            ("coefficients", D),
            ("variance", R),
            ("rvariance", R),
            ("poly_fit", D),
        ],
        "series_decompose" => &[
            ("baseline", D),
            ("seasonal", D),
            ("trend", D),
            ("residual", D),
        ],
        "series_decompose_anomalies" => &[("ad_flag", D), ("ad_score", D), ("baseline", D)],
        "series_decompose_forecast" => &[
            ("forecast", D),
            ("seasonal", D),
            ("trend", D),
            ("residual", D),
        ],
        "series_periods_detect" | "series_periods_validate" => &[("periods", D), ("scores", D)],
        "series_fft" | "series_ifft" => &[("real", D), ("imag", D)],
        "series_stats" => &[
            ("min", R),
            ("min_idx", L),
            ("max", R),
            ("max_idx", L),
            ("avg", R),
            ("stdev", R),
            ("variance", R),
        ],
        _ => return Ty::Scalar(D),
    };
    let Some(first) = vals.first() else {
        return Ty::Error;
    };
    let of = first.name.clone().unwrap_or_default();
    Ty::Tuple(
        parts
            .iter()
            .map(|(part, ty)| TupleColumn {
                column: Column::new(format!("{name}_{of}_{part}"), *ty),
                identity: None,
                argument: first.expr.clone(),
            })
            .collect(),
    )
}

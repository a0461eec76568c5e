//! Functions that look at other rows: `prev`, `next`, `row_number`, `row_cumsum`, ranks.

use super::Planner;
use super::expr::{children_mut, walk};
use super::frag::{Col, Frag, Sx};
use crate::engine::error::Result;
use crate::kql::bound::{Expr, ExprKind};
use crate::kql::types::{Type, Value};

/// Whether an expression is a call that looks at other rows; then which argument asks for a restart.
fn window(e: &Expr) -> Option<(&str, usize)> {
    let ExprKind::Call { function, .. } = &e.kind else {
        return None;
    };
    Some(match function.as_str() {
        "prev" | "next" => (function, usize::MAX),
        "row_window_session" => (function, 3),
        "row_number" | "row_cumsum" | "row_rank_dense" | "row_rank_min" => (function, 1),
        _ => return None,
    })
}

/// Whether such a call is anywhere in an expression.
pub(super) fn has_window(e: &Expr) -> bool {
    let mut found = false;
    walk(e, &mut |x| found |= window(x).is_some());
    found
}

impl Planner<'_> {
    /// Computes beforehand what a window needs of other windows: one inside another, and the
    /// restarts of a count. The expressions come back over hidden columns, which
    /// [`Planner::drop_hidden`] forgets.
    pub(super) fn hoist(&mut self, mut frag: Frag, exprs: &[&Expr]) -> Result<(Frag, Vec<Expr>)> {
        let mut out: Vec<Expr> = exprs.iter().map(|e| (*e).clone()).collect();
        if out.iter().any(has_window) {
            for e in &mut out {
                frag = self.hoist_within(frag, e, false)?;
            }
        }
        Ok((frag, out))
    }

    /// As [`Planner::hoist`], where not even the outermost call may stay: SQL has no windows in conditions.
    pub(super) fn hoist_whole(&mut self, mut frag: Frag, e: &Expr) -> Result<(Frag, Vec<Expr>)> {
        let mut out = e.clone();
        if has_window(e) {
            frag = self.hoist_within(frag, &mut out, true)?;
        }
        Ok((frag, vec![out]))
    }

    fn hoist_within(&mut self, mut frag: Frag, e: &mut Expr, inside: bool) -> Result<Frag> {
        let found = window(e).map(|(name, restart)| (name.to_owned(), restart));
        for child in children_mut(e) {
            frag = self.hoist_within(frag, child, inside || found.is_some())?;
        }
        let Some((name, restart)) = found else {
            return Ok(frag);
        };
        let ExprKind::Call { args, .. } = &mut e.kind else {
            return Ok(frag);
        };
        if let Some(when) = args.get_mut(restart) {
            // The number of restarts so far tells the stretches apart.
            frag = self.serialize(frag);
            let when_sql = self.condition(when, &frag)?;
            let over = frag.window(&[], "ROWS UNBOUNDED PRECEDING");
            let count = format!("sum(CASE WHEN {when_sql} THEN 1 ELSE 0 END) {over}");
            let ty = Type::Long;
            *when = hidden_column(self.hide(&mut frag, Sx::new(count, ty)), ty, when);
        }
        if name.starts_with("row_rank") {
            // A rank goes up where the value changes.
            frag = self.serialize(frag);
            let term = self.expr(&args[0], &frag)?;
            let more = match args.get(1) {
                Some(stretch) => vec![self.expr(stretch, &frag)?.sql],
                None => Vec::new(),
            };
            let over = frag.window(&more, "");
            let changed = format!(
                "(CASE WHEN row_number() {over} = 1 OR {0} IS NOT lag({0}) {over} THEN 1 ELSE 0 END)",
                term.sql
            );
            let changed = hidden_column(
                self.hide(&mut frag, Sx::new(changed, Type::Long)),
                Type::Long,
                &args[0],
            );
            args[0] = if name == "row_rank_dense" {
                changed
            } else {
                // The place of the latest change.
                let flag = self.expr(&changed, &frag)?.sql;
                let over = frag.window(&more, "");
                let place = format!("(CASE WHEN {flag} = 1 THEN row_number() {over} END)");
                hidden_column(
                    self.hide(&mut frag, Sx::new(place, Type::Long)),
                    Type::Long,
                    &args[0],
                )
            };
        }
        if name == "row_window_session" {
            let (computed, sx) = self.sessions(frag, args)?;
            frag = computed;
            let ty = sx.ty;
            *e = hidden_column(self.hide(&mut frag, sx), ty, e);
            return Ok(frag);
        }
        if inside {
            frag = self.serialize(frag);
            let sx = self.expr(e, &frag)?;
            let ty = sx.ty;
            *e = hidden_column(self.hide(&mut frag, sx), ty, e);
        }
        Ok(frag)
    }

    /// Adds a hidden column and makes it one that costs nothing; its name comes back.
    fn hide(&mut self, frag: &mut Frag, sx: Sx) -> String {
        let name = format!("\u{0}{}", self.name('w'));
        frag.cols.push(Col {
            name: name.clone(),
            sx,
            simple: false,
        });
        frag.sealed = true;
        *frag = self.wrap(std::mem::take(frag));
        name
    }

    /// The SQL of a window over rows that have been numbered.
    pub(super) fn window_call(
        &mut self,
        name: &str,
        args: &[Expr],
        e: &Expr,
        frag: &Frag,
    ) -> Result<Sx> {
        if frag.order.is_empty() || !frag.serial {
            return Self::refuse(format!("function '{name}' here"), e.span);
        }
        match name {
            "prev" | "next" => {
                let x = self.expr(&args[0], frag)?;
                let offset = match args.get(1) {
                    Some(a) => self.one(a, 'i', frag)?,
                    None => "1".to_owned(),
                };
                let default = match args.get(2) {
                    Some(a) => {
                        let d = self.expr(a, frag)?;
                        self.convert(d, x.ty, a.span)?.sql
                    }
                    None => Self::literal(&Value::Null, x.ty).sql,
                };
                let function = if name == "prev" { "lag" } else { "lead" };
                let over = frag.window(&[], "");
                let sql = format!("{function}({}, {offset}, {default}) {over}", x.sql);
                Ok(Sx {
                    nan: x.nan,
                    ..Sx::new(sql, x.ty)
                })
            }
            "row_number" => {
                let start = match args.first() {
                    Some(a) => self.one(a, 'i', frag)?,
                    None => "1".to_owned(),
                };
                let over = frag.window(&self.stretch(args, frag)?, "");
                Ok(Sx::new(format!("(row_number() {over} + {start} - 1)"), Type::Long).solid())
            }
            _ => {
                let x = self.expr(&args[0], frag)?;
                let over = frag.window(&self.stretch(args, frag)?, "ROWS UNBOUNDED PRECEDING");
                let x_sql = &x.sql;
                Ok(match name {
                    "row_rank_dense" => Sx::new(format!("sum({x_sql}) {over}"), Type::Long),
                    "row_rank_min" => Sx::new(format!("max({x_sql}) {over}"), Type::Long),
                    _ => {
                        if x.ty == Type::Decimal {
                            return Self::refuse("row_cumsum() of these values", e.span);
                        }
                        if x.nan {
                            // Once not-a-number, always so.
                            let sql = format!(
                                "CASE WHEN max({x_sql} IS 'NaN') {over} THEN 'NaN' \
                                 ELSE coalesce(sum(coalesce({x_sql}, 0.0)) {over}, 'NaN') END"
                            );
                            return Ok(Sx::new(format!("({sql})"), e.ty).solid().wild());
                        }
                        Sx::new(format!("sum(coalesce({x_sql}, 0)) {over}"), e.ty).solid()
                    }
                })
            }
        }
    }

    /// The hidden column that tells stretches between restarts apart.
    fn stretch(&mut self, args: &[Expr], frag: &Frag) -> Result<Vec<String>> {
        match args.get(1) {
            Some(a) => Ok(vec![self.expr(a, frag)?.sql]),
            None => Ok(Vec::new()),
        }
    }
}

fn hidden_column(name: String, ty: Type, at: &Expr) -> Expr {
    Expr {
        kind: ExprKind::OpenColumn(name),
        ty,
        span: at.span,
    }
}

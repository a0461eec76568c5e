//! `row_window_session`: where each row's session began. Whether a row goes on with the session before it
//! depends on where that began, so the rows are computed in order and walked once.

use rusqlite::params;

use super::Planner;
use super::frag::{Frag, Sx};
use crate::engine::error::Result;
use crate::kql::bound::Expr;
use crate::kql::types::Type;

impl Planner<'_> {
    /// The start of each row's session as a value over the rows, which come back computed. `args`: the
    /// time, the longest session, the longest pause, and the stretch between restarts.
    pub(super) fn sessions(&mut self, frag: Frag, args: &[Expr]) -> Result<(Frag, Sx)> {
        let [at, longest, pause, stretch @ ..] = args else {
            return Self::refuse("row_window_session() with so few arguments", args[0].span);
        };
        let frag = self.serialize(frag);
        let mut frag = self.settle(&frag)?;
        let ty = self.expr(at, &frag)?.ty;
        if ty != Type::DateTime {
            return Self::refuse(format!("row_window_session() of {}", ty.name()), at.span);
        }
        let mut parts: Vec<String> = frag.parts.clone();
        for e in stretch {
            parts.push(self.expr(e, &frag)?.sql);
        }
        let at = self.expr(at, &frag)?.sql;
        let empty = Frag::default();
        let longest = self.one(longest, 'p', &empty)?;
        let pause = self.one(pause, 'p', &empty)?;
        let number = frag.order[0].sql.clone();
        let parts: Vec<String> = parts.iter().map(|p| format!("ifnull({p}, '')")).collect();
        let parts = if parts.is_empty() {
            "''".to_owned()
        } else {
            parts.join(" || char(0) || ")
        };
        let sql = self.statement(&format!(
            "SELECT {number}, {at}, {longest}, {pause}, {parts} FROM {} ORDER BY {number}",
            frag.from
        ));
        let table = format!("k_rows_{}", self.name('q'));
        let connection = self.connection;
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE {table} (n INTEGER PRIMARY KEY, start INTEGER)"
        ))?;
        self.temporary.push(table.clone());
        let mut insert = connection.prepare(&format!("INSERT INTO temp.{table} VALUES (?, ?)"))?;
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut open: Option<(i64, i64, String)> = None;
        let mut seen = 0usize;
        while let Some(row) = rows.next()? {
            seen += 1;
            if seen.is_multiple_of(1024) {
                (self.check)()?;
            }
            let number: i64 = row.get(0)?;
            let (Some(at), longest, pause) = (
                row.get::<_, Option<i64>>(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ) else {
                insert.execute(params![number, None::<i64>])?;
                continue;
            };
            let stretch = row.get_ref(4)?;
            let stretch = format!("{stretch:?}");
            let start = match &open {
                Some((start, before, same))
                    if *same == stretch
                        && longest.is_some_and(|most| at - start <= most)
                        && pause.is_some_and(|most| at - before <= most) =>
                {
                    *start
                }
                _ => at,
            };
            insert.execute(params![number, start])?;
            open = Some((start, at, stretch));
        }
        let alias = self.name('t');
        frag.from = format!(
            "{} LEFT JOIN temp.{table} AS {alias} ON {alias}.n = {number}",
            frag.from
        );
        Ok((frag, Sx::new(format!("{alias}.start"), Type::DateTime)))
    }
}

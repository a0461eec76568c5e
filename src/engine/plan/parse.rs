//! `parse`, `parse-where` and `parse-kv`.

use serde_json::json;

use super::Planner;
use super::frag::{Col, Frag, Sx};
use crate::engine::error::Result;
use crate::engine::sql;
use crate::kql::bound::{Column, Expr, ParseMode, ParsePart};
use crate::kql::types::{Type, Value};

/// What a value of a type looks like where nothing else says where it ends.
const fn shape(ty: Type) -> &'static str {
    match ty {
        Type::Int | Type::Long => r"\s*([+-]?\d+)",
        Type::Real | Type::Decimal => r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)",
        Type::Bool => r"\s*((?i:true|false)|\d+)",
        Type::TimeSpan | Type::Guid => r"\s*([0-9A-Za-z:.\-]+)",
        Type::DateTime => r"\s*([0-9T:./\- ]*[0-9Z](?: ?[AaPp][Mm])?)",
        _ => "(.*?)",
    }
}

/// The regular expression of a pattern and, for each of its groups, the column it fills.
fn regex(mode: &ParseMode, pattern: &[ParsePart]) -> (String, Vec<(usize, Type)>) {
    let mut out = String::from("(?s");
    let is_regex = matches!(mode, ParseMode::Regex { .. });
    if let ParseMode::Regex { flags } = mode {
        out.extend(flags.chars().filter(|c| matches!(c, 'i' | 'm' | 's' | 'U')));
    }
    out.push(')');
    if !is_regex {
        out.push('^');
    }
    let mut columns = Vec::new();
    for (i, part) in pattern.iter().enumerate() {
        match part {
            ParsePart::Skip => out.push_str(if is_regex { ".*" } else { ".*?" }),
            ParsePart::Literal(text) if is_regex => {
                out.push_str("(?:");
                out.push_str(text);
                out.push(')');
            }
            ParsePart::Literal(text) => out.push_str(&regex::escape(text)),
            ParsePart::Column { index, ty } => {
                columns.push((*index, *ty));
                match pattern.get(i + 1) {
                    Some(ParsePart::Literal(_)) if is_regex && *ty == Type::String => {
                        out.push_str("(.*)");
                    }
                    Some(ParsePart::Literal(_)) if !is_regex => out.push_str("(.*?)"),
                    None if *ty == Type::String || !is_regex => out.push_str("(.*)$"),
                    _ if *ty == Type::String && is_regex => out.push_str("(.*)"),
                    _ => out.push_str(shape(*ty)),
                }
            }
        }
    }
    (out, columns)
}

impl Planner<'_> {
    /// Plans `parse` and `parse-where`: one walk of a regular expression a row.
    pub(super) fn parse(
        &mut self,
        frag: Frag,
        source: &Expr,
        mode: &ParseMode,
        pattern: &[ParsePart],
        filter: bool,
        columns: &[Column],
    ) -> Result<Frag> {
        let frag = self.wrap(frag);
        let text = self.one(source, 't', &frag)?;
        let (regex, groups) = regex(mode, pattern);
        let types: Vec<&str> = groups.iter().map(|(_, ty)| ty.name()).collect();
        let spec = json!({
            "regex": regex, "types": types, "where": filter,
            "relaxed": *mode == ParseMode::Relaxed,
        });
        let call = format!("k_parse({}, {text})", sql::text(&spec.to_string()));
        let filled = groups
            .iter()
            .enumerate()
            .map(|(i, (index, ty))| (*index, i, *ty))
            .collect::<Vec<_>>();
        Ok(self.filled(frag, &call, &filled, columns))
    }

    /// Plans `parse-kv`.
    pub(super) fn parse_kv(
        &mut self,
        frag: Frag,
        source: &Expr,
        keys: &[(usize, String)],
        options: &[(String, Value)],
        columns: &[Column],
    ) -> Result<Frag> {
        let frag = self.wrap(frag);
        let text = self.one(source, 't', &frag)?;
        let option = |name: &str| {
            options
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| match v {
                    Value::String(s) => json!(s),
                    Value::Bool(b) => json!(b),
                    _ => json!(null),
                })
        };
        if option("regex").is_none()
            && option("pair_delimiter").is_none() != option("kv_delimiter").is_none()
        {
            return Self::refuse("'parse-kv' without its delimiters", source.span);
        }
        let names: Vec<&str> = keys.iter().map(|(_, k)| k.as_str()).collect();
        let types: Vec<&str> = keys.iter().map(|(i, _)| columns[*i].ty.name()).collect();
        let spec = json!({
            "keys": names, "types": types,
            "pair": option("pair_delimiter"), "kv": option("kv_delimiter"), "quote": option("quote"),
            "escape": option("escape"), "greedy": option("greedy"), "regex": option("regex"),
        });
        let call = format!("k_parse_kv({}, {text})", sql::text(&spec.to_string()));
        let filled: Vec<(usize, usize, Type)> = keys
            .iter()
            .enumerate()
            .map(|(i, (index, _))| (*index, i, columns[*index].ty))
            .collect();
        Ok(self.filled(frag, &call, &filled, columns))
    }

    /// Columns filled from the one array a call gives for a row: `(output ordinal, place, type)`.
    fn filled(
        &mut self,
        mut frag: Frag,
        call: &str,
        filled: &[(usize, usize, Type)],
        columns: &[Column],
    ) -> Frag {
        let each = self.name('j');
        let mut cols: Vec<Option<Col>> = (0..columns.len()).map(|_| None).collect();
        for (index, place, ty) in filled {
            let value = format!("json_extract({each}.value, '$[{place}]')");
            let sx = if *ty == Type::String {
                Sx::new(format!("coalesce({value}, '')"), Type::String)
            } else {
                Sx::new(
                    format!("k_to(k_json({value}, 'string'), '{}')", ty.name()),
                    *ty,
                )
                .wild()
            };
            cols[*index] = Some(Col {
                name: columns[*index].name.clone(),
                sx,
                simple: false,
            });
        }
        // New columns stand in place of those of the same name or behind them.
        let given = frag.known.len();
        let cols = cols.into_iter().enumerate().filter_map(|(o, col)| {
            col.or_else(|| (o < given).then(|| frag.cols[frag.known[o]].clone()))
        });
        let cols: Vec<Col> = cols.collect();
        frag.from = format!("{}, json_each({call}) AS {each}", frag.from);
        frag.set_cols(cols);
        frag
    }
}

//! What is known of the thing under the pointer.

use super::Hover;
use super::describe::{self, columns, place, short};
use super::names::{mention_at, name_of, symbol_of, unquoted};
use super::words::{self, Entry, Topic};
use crate::kql::Analysis;
use crate::kql::binder::Reference;
use crate::kql::builtins::{Builtin, Kind, builtins};
use crate::kql::lexer::{Token, TokenKind};
use crate::kql::literals;
use crate::kql::schema::{FunctionKind, Schema};
use crate::kql::symbols::{Mention, Source, Symbol, SymbolKind};
use crate::kql::syntax::{FunctionDeclaration, LetValue, Mark, Span, Statement, StatementKind};
use crate::kql::types::Type;

/// What is known of the thing at byte `at`.
pub fn hover(text: &str, analysis: &Analysis, schema: &Schema, at: u32) -> Option<Hover> {
    let ask = Ask {
        text,
        analysis,
        schema,
    };
    if let Some(token) = ask.token(at) {
        // an operator or literal that starts here goes before a name that ends here
        let names_here = ask.reference(at).is_some_and(|(s, _)| at < s.end);
        if !names_here
            && token.span.start <= at
            && at < token.span.end
            && let Some(hover) = ask.token_hover(token)
        {
            return Some(hover);
        }
    }
    if let Some(hover) = ask.name(at) {
        return Some(hover);
    }
    ask.token(at).and_then(|token| ask.token_hover(token))
}

struct Ask<'a> {
    text: &'a str,
    analysis: &'a Analysis,
    schema: &'a Schema,
}

impl Ask<'_> {
    /// The token around a byte, or the word or literal that ends there.
    fn token(&self, at: u32) -> Option<&Token> {
        let tokens = &self.analysis.syntax.tokens;
        let i = tokens.partition_point(|t| t.span.start <= at);
        let here = tokens[..i].last()?;
        if here.span.end as usize > self.text.len() || here.kind == TokenKind::End {
            let before = i.checked_sub(2).and_then(|i| tokens.get(i))?;
            return (before.span.end == at).then_some(before);
        }
        if at < here.span.end {
            let is_sign = !here.is_literal()
                && !matches!(here.kind, TokenKind::Identifier | TokenKind::Keyword);
            let before = i.checked_sub(2).and_then(|i| tokens.get(i));
            return match before {
                Some(b) if is_sign && here.span.start == at && b.span.end == at => Some(b),
                _ => Some(here),
            };
        }
        (here.span.end == at).then_some(here)
    }

    /// What the name at a byte refers to.
    fn reference(&self, at: u32) -> Option<(Span, Reference)> {
        let list = &self.analysis.references;
        let i = list.partition_point(|(s, _)| s.start <= at);
        list[..i]
            .last()
            .copied()
            .filter(|(s, _)| at <= s.end && s.end as usize <= self.text.len())
    }

    fn name(&self, at: u32) -> Option<Hover> {
        let mention = mention_at(self.text, self.analysis, at);
        if let Some(mention) = mention {
            match mention.origin.source() {
                Source::Symbol(_) => {
                    let symbol = symbol_of(&self.analysis.symbols, mention.origin)?;
                    return Some(self.symbol(mention, symbol));
                }
                Source::Table { index, more } => {
                    return Some(self.table_column(mention, index, more));
                }
                Source::Unknown => {}
            }
        }
        let (span, what) = self.reference(at)?;
        let known = mention.filter(|m| m.span == span).map(|m| m.ty);
        let name = unquoted(span.text(self.text));
        let is_member = known.is_some()
            && self
                .before(span.start)
                .is_some_and(|t| t.kind == TokenKind::Dot);
        match what {
            _ if is_member && self.schema.function(&name).is_none() => {
                identifier(span, &name, known)
            }
            Reference::Column => Some(column_of_nothing(span, &name, known)),
            Reference::Table => self.table(span, &name),
            Reference::Function => self.function(span, &name, known),
            Reference::Identifier => identifier(span, &name, known),
            Reference::Database | Reference::Variable | Reference::Parameter => None,
        }
    }

    fn table_column(&self, mention: &Mention, index: usize, more: bool) -> Hover {
        let name = unquoted(mention.span.text(self.text));
        let table = self
            .schema
            .tables()
            .get(index)
            .filter(|t| t.columns.iter().any(|c| c.name == name));
        let mut body = Vec::new();
        if let Some(table) = table {
            let more = if more { " and other tables" } else { "" };
            body.push(format!("Column of {}{more}.", table.name));
        }
        let words = words::about_column(table.map(|t| t.name.as_str()), &name);
        say(&mut body, words);
        Hover {
            span: mention.span,
            title: format!("(column) {name}: {}", mention.ty),
            body,
        }
    }

    /// What the query defines.
    fn symbol(&self, mention: &Mention, symbol: &Symbol) -> Hover {
        let name = unquoted(mention.span.text(self.text));
        let of = name_of(self.text, symbol);
        let word = match symbol.kind {
            SymbolKind::Let => "let",
            SymbolKind::Function => "function",
            SymbolKind::Parameter => "parameter",
            SymbolKind::QueryParameter => "query parameter",
            SymbolKind::As => "as",
            SymbolKind::Column => "column",
            SymbolKind::Step => "step",
            SymbolKind::Element => "node or edge",
            SymbolKind::Pattern => "pattern",
        };
        let mut ty = describe::shape(&symbol.shape);
        if symbol.kind == SymbolKind::Column && mention.ty != Type::Unknown {
            ty = Some(mention.ty.name().to_owned());
        }
        let mut title = match &ty {
            Some(ty) => format!("({word}) {name}: {ty}"),
            None => format!("({word}) {name}"),
        };
        if symbol.kind == SymbolKind::Function
            && let Some(declaration) = self.declaration(symbol.span)
        {
            let signature = describe::user_function(self.text, &name, declaration, ty.as_deref());
            title = format!("(function) {}", signature.label);
        }
        let mut body = Vec::new();
        if let crate::kql::symbols::Shape::Table(list, open) = &symbol.shape
            && symbol.kind != SymbolKind::Function
        {
            body.push(columns(list, *open));
        }
        body.push(self.defined(symbol, &of));
        Hover {
            span: mention.span,
            title,
            body,
        }
    }

    fn defined(&self, symbol: &Symbol, name: &str) -> String {
        let at = place(self.text, symbol.span.start);
        let value = short(symbol.value.text(self.text));
        if symbol.made_up.is_some() {
            return format!(
                "Named `{name}` by the language, after what is computed at {at}: {value}"
            );
        }
        let first = match symbol.kind {
            SymbolKind::Column if !value.is_empty() => "Computed",
            SymbolKind::Parameter | SymbolKind::QueryParameter => "Declared",
            SymbolKind::Column => "Named",
            _ => "Defined",
        };
        if value.is_empty() || value == name {
            format!("{first} at {at}.")
        } else {
            format!("{first} at {at}: {value}")
        }
    }

    /// The function of the query whose name stands at a place.
    fn declaration(&self, name: Span) -> Option<&FunctionDeclaration> {
        fn find(list: &[Statement], place: Span, depth: usize) -> Option<&FunctionDeclaration> {
            list.iter().find_map(|s| match &s.kind {
                StatementKind::Let {
                    name,
                    value: LetValue::Function(f),
                } => {
                    if name.span == place {
                        return Some(&**f);
                    }
                    (depth > 0)
                        .then(|| find(&f.statements, place, depth - 1))
                        .flatten()
                }
                _ => None,
            })
        }
        find(&self.analysis.syntax.statements, name, 16)
    }

    fn table(&self, span: Span, name: &str) -> Option<Hover> {
        let table = self.schema.table(name)?;
        let mut body = Vec::new();
        if let Some(told) = &table.told {
            body.push(told.about.clone());
            body.push(format!("Group: {}.", told.group));
        } else {
            say(&mut body, words::about(Topic::Table, name));
            if let Some(group) = words::table_group(name) {
                body.push(format!("Group: {group}."));
            }
        }
        if let Some(other) = &table.replaced_by {
            body.push(format!("Replaced by {other}."));
        }
        if table.preview {
            body.push("In preview: it may still change.".to_owned());
        }
        body.push(columns(&table.columns, false));
        Some(Hover {
            span,
            title: format!("(table) {name}"),
            body,
        })
    }

    fn function(&self, span: Span, name: &str, known: Option<Type>) -> Option<Hover> {
        if let Some(function) = self.schema.function(name) {
            let mut body = Vec::new();
            say(&mut body, words::about(Topic::HuntingFunction, name));
            if function.kind == FunctionKind::Invoked {
                body.push(format!("Takes the rows piped in: | invoke {name}(...)"));
            }
            if !function.columns.is_empty() {
                let adds = if function.keeps { "Adds " } else { "Gives " };
                body.push(format!("{adds}{}", columns(&function.columns, false)));
            }
            return Some(Hover {
                span,
                title: describe::schema_function(function).label,
                body,
            });
        }
        let kinds = if self.aggregates_here(span.start) {
            [Kind::Aggregate, Kind::Function, Kind::PlugIn]
        } else if self
            .before(span.start)
            .is_some_and(|t| t.is_word("evaluate"))
        {
            [Kind::PlugIn, Kind::Function, Kind::Aggregate]
        } else {
            [Kind::Function, Kind::Aggregate, Kind::PlugIn]
        };
        let builtin = kinds.into_iter().find_map(|k| builtins().get(k, name))?;
        Some(builtin_hover(builtin, span, known))
    }

    /// Is the place in an operator that takes aggregates?
    fn aggregates_here(&self, at: u32) -> bool {
        let tokens = &self.analysis.syntax.tokens;
        let i = tokens.partition_point(|t| t.span.start < at);
        tokens[..i]
            .iter()
            .rev()
            .take_while(|t| t.kind != TokenKind::Bar)
            .any(|t| {
                ["summarize", "make-series", "top-nested"]
                    .iter()
                    .any(|w| t.is_word(w))
            })
    }

    /// The token before a place.
    fn before(&self, at: u32) -> Option<&Token> {
        let tokens = &self.analysis.syntax.tokens;
        let i = tokens.partition_point(|t| t.span.start < at);
        tokens[..i].last()
    }

    fn token_hover(&self, token: &Token) -> Option<Hover> {
        let raw = token.span.text(self.text);
        if token.is_literal() {
            return literal(token, raw);
        }
        let mark = self.mark(token.span.start);
        let topics = match mark {
            Some(Mark::Operator) => [Topic::Operator, Topic::Word],
            Some(Mark::Type | Mark::Identifier | Mark::Literal) => return None,
            _ if token.kind == TokenKind::Keyword
                && crate::kql::parser::is_operator(raw)
                && self.before(token.span.start).is_none_or(|t| {
                    matches!(
                        t.kind,
                        TokenKind::Bar | TokenKind::OpenParen | TokenKind::Semicolon
                    ) || t.kind == TokenKind::OpenBrace
                        || t.is_word("=")
                        || t.kind == TokenKind::Equal
                }) =>
            {
                [Topic::Operator, Topic::Word]
            }
            _ => [Topic::Word, Topic::Operator],
        };
        let (topic, entry) = topics
            .into_iter()
            .find_map(|t| words::about(t, raw).map(|e| (t, e)))?;
        let title = if entry.form.is_empty() {
            raw.to_owned()
        } else {
            entry.form.to_owned()
        };
        let mut body = Vec::new();
        say(&mut body, Some(entry));
        let word = if topic == Topic::Operator {
            "(operator) "
        } else {
            ""
        };
        Some(Hover {
            span: token.span,
            title: format!("{word}{title}"),
            body,
        })
    }

    fn mark(&self, start: u32) -> Option<Mark> {
        self.analysis
            .syntax
            .marks
            .iter()
            .find(|(s, _)| s.start == start)
            .map(|(_, m)| *m)
    }
}

/// The sentence and the example.
fn say(body: &mut Vec<String>, entry: Option<&Entry>) {
    let Some(entry) = entry else { return };
    if !entry.sentence.is_empty() {
        body.push(entry.sentence.to_owned());
    }
    if !entry.example.is_empty() {
        body.push(format!("Example: {}", entry.example));
    }
}

fn builtin_hover(builtin: &Builtin, span: Span, known: Option<Type>) -> Hover {
    let (topic, word) = match builtin.kind {
        Kind::Function | Kind::Operator => (Topic::Function, ""),
        Kind::Aggregate => (Topic::Aggregate, "(aggregate) "),
        Kind::PlugIn => (Topic::PlugIn, "(plug-in) "),
    };
    let mut labels: Vec<String> = Vec::new();
    for n in 0..builtin.signatures.len() {
        let label = describe::builtin(builtin, n, known).label;
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    // the one that gives the type the call has here is the one to show
    if let Some(ty) = known {
        let fits = |l: &String| l.ends_with(&format!(": {ty}"));
        if let Some(i) = labels.iter().position(fits) {
            labels.swap(0, i);
        }
    }
    let mut rest = labels.into_iter();
    let title = rest.next().unwrap_or_else(|| format!("{}()", builtin.name));
    let mut body = Vec::new();
    if let Some(other) = builtin.obsolete {
        body.push(format!("An older name: write {other}."));
    }
    say(&mut body, words::about(topic, builtin.name));
    let others: Vec<String> = rest.collect();
    if !others.is_empty() {
        body.push(format!("Also: {}", others.join("; ")));
    }
    Hover {
        span,
        title: format!("{word}{title}"),
        body,
    }
}

/// Literals whose value is not plain to see.
fn literal(token: &Token, raw: &str) -> Option<Hover> {
    let inner = literals::inner(raw);
    let (ty, words) = match token.kind {
        TokenKind::TimeSpan => {
            let ticks = literals::timespan(inner)?;
            ("timespan", describe::duration(ticks))
        }
        TokenKind::DateTime => {
            let ticks = literals::datetime(inner)?;
            let text = literals::datetime_text(ticks);
            let text = text.trim_end_matches("0000000Z").trim_end_matches('.');
            (
                "datetime",
                format!("{} {text} UTC", describe::weekday(ticks)),
            )
        }
        TokenKind::Long | TokenKind::Int => {
            let value = literals::long(inner)?;
            let hex = inner.starts_with("0x") || inner.starts_with("0X");
            if value.unsigned_abs() < 10_000 && !hex {
                return None;
            }
            let ty = if token.kind == TokenKind::Int {
                "int"
            } else {
                "long"
            };
            (ty, describe::grouped(value))
        }
        _ => return None,
    };
    Some(Hover {
        span: token.span,
        title: format!("({ty}) {raw}"),
        body: vec![words],
    })
}

/// A column of which only the name and perhaps the type is known.
fn column_of_nothing(span: Span, name: &str, known: Option<Type>) -> Hover {
    let ty = known.unwrap_or(Type::Unknown);
    let mut body = Vec::new();
    if ty == Type::Unknown {
        body.push("Its type is known when the query runs.".to_owned());
    }
    say(&mut body, words::about_column(None, name));
    let title = if name.contains('*') {
        format!("(columns) {name}")
    } else {
        format!("(column) {name}: {ty}")
    };
    Hover { span, title, body }
}

fn identifier(span: Span, name: &str, known: Option<Type>) -> Option<Hover> {
    let (title, words) = match name {
        "$left" => ("$left", "The rows on the left of the join: those piped in."),
        "$right" => ("$right", "The rows on the right of the join."),
        _ => {
            known?;
            return Some(Hover {
                span,
                title: format!("(member) {name}: dynamic"),
                body: vec![
                    "A member of a dynamic value: null where it is missing. Convert it (tostring, tolong, \
                     todatetime...) before comparing or grouping."
                        .to_owned(),
                ],
            });
        }
    };
    Some(Hover {
        span,
        title: title.to_owned(),
        body: vec![words.to_owned()],
    })
}

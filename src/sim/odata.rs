//! The part of OData 4 that the services take: `$filter`, `$orderby`, `$top`, `$skip`, `$select`,
//! `$count`, `$expand` and opaque continuation tokens.
//!
//! Knows property names and their kinds, not where the values come from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::clock::{self, Ticks};

/// What a property holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, compared without regard to case as both services do.
    Text,
    /// A date-time, written without quotes.
    Time,
    /// One of the members of this list.
    Member(&'static [&'static str]),
    /// A number.
    Number,
    /// A collection of texts.
    Many,
    /// Something that can be selected and nothing else.
    Other,
}

/// One property of an entity type.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether `$filter` and `$orderby` take it.
    pub filterable: bool,
}

/// A property that can be filtered on.
pub const fn filterable(name: &'static str, kind: Kind) -> Property {
    Property {
        name,
        kind,
        filterable: true,
    }
}

/// A property that can only be read.
pub const fn readable(name: &'static str) -> Property {
    Property {
        name,
        kind: Kind::Other,
        filterable: false,
    }
}

/// An entity type as `$filter` sees it.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    /// Its full name, for messages.
    pub name: &'static str,
    /// Its properties.
    pub properties: &'static [Property],
}

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub enum Field<'a> {
    /// Nothing.
    Null,
    /// Text.
    Text(&'a str),
    /// A time.
    Time(Ticks),
    /// A number.
    Number(i64),
    /// Place in the members of the property.
    Member(u8),
    /// Several texts.
    Many(&'a [String]),
}

/// Comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `eq`
    Eq,
    /// `ne`
    Ne,
    /// `gt`
    Gt,
    /// `ge`
    Ge,
    /// `lt`
    Lt,
    /// `le`
    Le,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Text(String),
    Time(Ticks),
    Number(i64),
    Member(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Search {
    Starts,
    Ends,
    Contains,
}

/// A filter, checked against its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Compare(usize, Op, Value),
    Search(usize, Search, String),
    In(usize, Vec<Value>),
    Any(usize, String),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Open,
    Close,
    Comma,
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut out = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some(&(at, c)) = chars.peek() {
        match c {
            ' ' | '\t' => {
                chars.next();
            }
            '(' | ')' | ',' => {
                chars.next();
                out.push((
                    at,
                    match c {
                        '(' => Token::Open,
                        ')' => Token::Close,
                        _ => Token::Comma,
                    },
                ));
            }
            '\'' => {
                chars.next();
                let mut literal = String::new();
                loop {
                    match chars.next() {
                        Some((_, '\'')) if chars.peek().is_some_and(|(_, c)| *c == '\'') => {
                            chars.next();
                            literal.push('\'');
                        }
                        Some((_, '\'')) => break,
                        Some((_, c)) => literal.push(c),
                        None => {
                            return Err(format!(
                                "There is an unterminated string literal at position {} in '{text}'.",
                                text.len()
                            ));
                        }
                    }
                }
                out.push((at, Token::Quoted(literal)));
            }
            _ => {
                let mut word = String::new();
                while let Some(&(_, c)) = chars.peek() {
                    if matches!(c, ' ' | '\t' | '(' | ')' | ',' | '\'') {
                        break;
                    }
                    word.push(c);
                    chars.next();
                }
                out.push((at, Token::Word(word)));
            }
        }
    }
    Ok(out)
}

struct Parser<'a> {
    text: &'a str,
    of: Type,
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|t| &t.1)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn word(&mut self, expected: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(expected));
        self.at += usize::from(found);
        found
    }

    fn syntax(&self) -> String {
        let at = self.tokens.get(self.at).map_or(self.text.len(), |t| t.0);
        format!("Syntax error at position {at} in '{}'.", self.text)
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        if self.peek() == Some(token) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn or(&mut self) -> Result<Node, String> {
        let mut left = self.and()?;
        while self.word("or") {
            left = Node::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Node, String> {
        let mut left = self.not()?;
        while self.word("and") {
            left = Node::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("The recursion limit has been exceeded.".into());
        }
        let node = if self.word("not") {
            Node::Not(Box::new(self.not()?))
        } else if self.peek() == Some(&Token::Open) {
            self.at += 1;
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            inner
        } else {
            self.term()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn property(&self, name: &str) -> Result<usize, String> {
        let found = self
            .of
            .properties
            .iter()
            .position(|p| p.name == name)
            .ok_or_else(|| {
                format!(
                    "Could not find a property named '{name}' on type '{}'.",
                    self.of.name
                )
            })?;
        if self.of.properties[found].filterable {
            Ok(found)
        } else {
            Err(format!(
                "The property '{name}' cannot be used in the $filter query option."
            ))
        }
    }

    fn term(&mut self) -> Result<Node, String> {
        let Some(Token::Word(name)) = self.take() else {
            self.at -= 1;
            return Err(self.syntax());
        };
        if self.peek() == Some(&Token::Open) {
            if let Some(collection) = name.strip_suffix("/any") {
                return self.any(collection);
            }
            return self.search(&name);
        }
        let property = self.property(&name)?;
        let op = match self.take() {
            Some(Token::Word(op)) => match op.to_ascii_lowercase().as_str() {
                "eq" => Op::Eq,
                "ne" => Op::Ne,
                "gt" => Op::Gt,
                "ge" => Op::Ge,
                "lt" => Op::Lt,
                "le" => Op::Le,
                "in" => return self.list(property),
                _ => {
                    self.at -= 1;
                    return Err(self.syntax());
                }
            },
            _ => {
                self.at -= 1;
                return Err(self.syntax());
            }
        };
        let value = self.value(property, op)?;
        Ok(Node::Compare(property, op, value))
    }

    fn search(&mut self, function: &str) -> Result<Node, String> {
        let search = match function.to_ascii_lowercase().as_str() {
            "startswith" => Search::Starts,
            "endswith" => Search::Ends,
            "contains" => Search::Contains,
            _ => {
                return Err(format!(
                    "An unknown function with name '{function}' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed."
                ));
            }
        };
        self.expect(&Token::Open)?;
        let Some(Token::Word(name)) = self.take() else {
            return Err(self.syntax());
        };
        let property = self.property(&name)?;
        if self.of.properties[property].kind != Kind::Text {
            return Err(format!(
                "No function signature for the function with name '{function}' matches the specified arguments."
            ));
        }
        self.expect(&Token::Comma)?;
        let Some(Token::Quoted(text)) = self.take() else {
            return Err(self.syntax());
        };
        self.expect(&Token::Close)?;
        // `startswith(x,'y') eq true` is the long form.
        if self.word("eq") && !self.word("true") {
            return Err(self.syntax());
        }
        Ok(Node::Search(property, search, text.to_lowercase()))
    }

    /// `machineTags/any(tag: tag eq 'x')`
    fn any(&mut self, collection: &str) -> Result<Node, String> {
        let property = self.property(collection)?;
        self.expect(&Token::Open)?;
        let Some(Token::Word(range)) = self.take() else {
            return Err(self.syntax());
        };
        let Some(variable) = range.strip_suffix(':').map(str::to_owned) else {
            return Err(self.syntax());
        };
        if !(self.word(&variable) && self.word("eq")) {
            return Err(self.syntax());
        }
        let Some(Token::Quoted(text)) = self.take() else {
            return Err(self.syntax());
        };
        self.expect(&Token::Close)?;
        Ok(Node::Any(property, text.to_lowercase()))
    }

    fn list(&mut self, property: usize) -> Result<Node, String> {
        self.expect(&Token::Open)?;
        let mut values = vec![self.value(property, Op::Eq)?];
        while self.peek() == Some(&Token::Comma) {
            self.at += 1;
            values.push(self.value(property, Op::Eq)?);
        }
        self.expect(&Token::Close)?;
        Ok(Node::In(property, values))
    }

    fn value(&mut self, property: usize, op: Op) -> Result<Value, String> {
        let kind = self.of.properties[property].kind;
        let operator = match op {
            Op::Eq => "Equal",
            Op::Ne => "NotEqual",
            Op::Gt => "GreaterThan",
            Op::Ge => "GreaterThanOrEqual",
            Op::Lt => "LessThan",
            Op::Le => "LessThanOrEqual",
        };
        let mixed = |left: &str, right: &str| {
            Err(format!(
                "A binary operator with incompatible types was detected. Found operand types '{left}' and '{right}' for operator kind '{operator}'."
            ))
        };
        let token = self.take();
        match (kind, token) {
            (_, Some(Token::Word(word))) if word == "null" => Ok(Value::Null),
            (Kind::Time, Some(Token::Word(word))) => {
                clock::parse(&word).map(Value::Time).ok_or_else(|| {
                    format!(
                        "Unrecognized 'Edm.DateTimeOffset' literal '{word}' in '{}'.",
                        self.text
                    )
                })
            }
            (Kind::Time, Some(Token::Quoted(_))) => mixed("Edm.DateTimeOffset", "Edm.String"),
            (Kind::Text, Some(Token::Quoted(text))) => Ok(Value::Text(text.to_lowercase())),
            (Kind::Text, Some(Token::Word(word))) => Err(format!(
                "Could not find a property named '{word}' on type '{}'.",
                self.of.name
            )),
            (Kind::Member(members), Some(Token::Quoted(text) | Token::Word(text))) => {
                super::words::place(members, &text)
                    .map(Value::Member)
                    .ok_or_else(|| {
                        format!("The string '{text}' is not a valid enumeration type constant.")
                    })
            }
            (Kind::Number, Some(Token::Word(word) | Token::Quoted(word))) => match word.parse() {
                Ok(number) => Ok(Value::Number(number)),
                Err(_) => mixed("Edm.Int64", "Edm.String"),
            },
            (_, Some(_)) => mixed("Collection(Edm.String)", "Edm.String"),
            (_, None) => {
                self.at -= 1;
                Err(self.syntax())
            }
        }
    }
}

impl Filter {
    /// Reads a filter; the error is the service's sentence.
    pub fn parse(text: &str, of: Type) -> Result<Self, String> {
        let mut parser = Parser {
            text,
            of,
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
        };
        let node = parser.or()?;
        if parser.at < parser.tokens.len() {
            return Err(parser.syntax());
        }
        Ok(Self(node))
    }

    /// Whether a row passes.
    pub fn passes<'a>(&self, field: &dyn Fn(usize) -> Field<'a>) -> bool {
        holds(&self.0, field)
    }

    /// The times a property must lie between for the filter to pass, both ends included.
    pub fn bounds(&self, property: usize) -> (Ticks, Ticks) {
        fn walk(node: &Node, property: usize, (low, high): (Ticks, Ticks)) -> (Ticks, Ticks) {
            match node {
                Node::And(a, b) => walk(b, property, walk(a, property, (low, high))),
                Node::Compare(p, op, Value::Time(at)) if *p == property => match op {
                    Op::Eq => (low.max(*at), high.min(*at)),
                    Op::Ge => (low.max(*at), high),
                    Op::Gt => (low.max(*at + 1), high),
                    Op::Le => (low, high.min(*at)),
                    Op::Lt => (low, high.min(*at - 1)),
                    Op::Ne => (low, high),
                },
                _ => (low, high),
            }
        }
        walk(&self.0, property, (Ticks::MIN, Ticks::MAX))
    }
}

fn holds<'a>(node: &Node, field: &dyn Fn(usize) -> Field<'a>) -> bool {
    match node {
        Node::And(a, b) => holds(a, field) && holds(b, field),
        Node::Or(a, b) => holds(a, field) || holds(b, field),
        Node::Not(a) => !holds(a, field),
        Node::Compare(property, op, value) => compare(field(*property), *op, value),
        Node::In(property, values) => values.iter().any(|v| compare(field(*property), Op::Eq, v)),
        Node::Any(property, text) => match field(*property) {
            Field::Many(all) => all.iter().any(|t| t.to_lowercase() == *text),
            _ => false,
        },
        Node::Search(property, search, text) => match field(*property) {
            Field::Text(value) => {
                let value = value.to_lowercase();
                match search {
                    Search::Starts => value.starts_with(text),
                    Search::Ends => value.ends_with(text),
                    Search::Contains => value.contains(text),
                }
            }
            _ => false,
        },
    }
}

fn compare(field: Field<'_>, op: Op, value: &Value) -> bool {
    use std::cmp::Ordering;
    let ordering = match (field, value) {
        (Field::Null, Value::Null) => return op == Op::Eq,
        (Field::Null, _) | (_, Value::Null) => return op == Op::Ne,
        (Field::Text(a), Value::Text(b)) => a.to_lowercase().as_str().cmp(b.as_str()),
        (Field::Time(a), Value::Time(b)) => a.cmp(b),
        (Field::Number(a), Value::Number(b)) => a.cmp(b),
        (Field::Member(a), Value::Member(b)) => a.cmp(b),
        _ => return false,
    };
    match op {
        Op::Eq => ordering == Ordering::Equal,
        Op::Ne => ordering != Ordering::Equal,
        Op::Gt => ordering == Ordering::Greater,
        Op::Ge => ordering != Ordering::Less,
        Op::Lt => ordering == Ordering::Less,
        Op::Le => ordering != Ordering::Greater,
    }
}

/// The value a page was cut at: the sort key and the row's place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A time, a number or a member.
    Number(i64),
    /// Text.
    Text(String),
}

impl Key {
    /// The key of a field; null sorts first.
    pub fn of(field: Field<'_>) -> Self {
        match field {
            Field::Null | Field::Many(_) => Self::Number(i64::MIN),
            Field::Text(text) => Self::Text(text.to_lowercase()),
            Field::Time(ticks) => Self::Number(ticks),
            Field::Number(number) => Self::Number(number),
            Field::Member(member) => Self::Number(i64::from(member)),
        }
    }
}

/// Where the next page begins: after this key and row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Sort key of the last row sent.
    pub key: Key,
    /// Its place.
    pub place: u32,
    /// Rows sent on earlier pages.
    pub sent: usize,
}

impl Cursor {
    /// The opaque token.
    pub fn token(&self) -> String {
        let text = match &self.key {
            Key::Number(n) => format!("n{n}\n{}\n{}", self.place, self.sent),
            Key::Text(t) => format!("t{t}\n{}\n{}", self.place, self.sent),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    /// Reads a token back.
    pub fn parse(token: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut parts = text.rsplitn(3, '\n');
        let sent = parts.next()?.parse().ok()?;
        let place = parts.next()?.parse().ok()?;
        let key = parts.next()?;
        let key = match key.split_at_checked(1)? {
            ("n", number) => Key::Number(number.parse().ok()?),
            ("t", text) => Key::Text(text.into()),
            _ => return None,
        };
        Some(Self { key, place, sent })
    }
}

/// The options of one request.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `$filter`.
    pub filter: Option<Filter>,
    /// `$orderby`: property and whether it descends.
    pub order: Option<(usize, bool)>,
    /// `$top`.
    pub top: Option<usize>,
    /// `$skip`.
    pub skip: usize,
    /// `$select`.
    pub select: Option<Vec<String>>,
    /// `$count=true`.
    pub count: bool,
    /// `$expand`.
    pub expand: Option<String>,
    /// `$skiptoken`.
    pub cursor: Option<Cursor>,
}

/// The query options of a URL, decoded, in their order.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(k, v)| (k.into_owned(), v.into_owned()))
        .collect()
}

impl Options {
    /// Reads the options; the error is the service's sentence.
    pub fn parse(query: &str, of: Type) -> Result<Self, String> {
        let mut options = Self::default();
        for (name, value) in pairs(query) {
            let whole = || {
                value.parse::<usize>().map_err(|_| {
                    format!("Invalid value '{value}' for {name} query option found. The {name} query option requires a non-negative integer value.")
                })
            };
            match name.trim_start_matches('$').to_ascii_lowercase().as_str() {
                "filter" => {
                    options.filter = Some(
                        Filter::parse(&value, of)
                            .map_err(|e| format!("Invalid filter clause: {e}"))?,
                    );
                }
                "orderby" => options.order = Some(order(&value, of)?),
                "top" => options.top = Some(whole()?),
                "skip" => options.skip = whole()?,
                "count" => match value.as_str() {
                    "true" => options.count = true,
                    "false" => options.count = false,
                    _ => {
                        return Err(format!(
                            "Invalid value '{value}' for $count query option found. The $count query option requires a value of true or false."
                        ));
                    }
                },
                "select" => options.select = Some(select(&value, of)?),
                "expand" => options.expand = Some(value),
                "skiptoken" => {
                    options.cursor = Some(
                        Cursor::parse(&value)
                            .ok_or("Invalid skiptoken: the token cannot be read.")?,
                    );
                }
                _ if name.starts_with('$') => {
                    return Err(format!("The query parameter '{name}' is not supported."));
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

fn order(value: &str, of: Type) -> Result<(usize, bool), String> {
    let first = value.split(',').next().unwrap_or_default();
    let mut words = first.split_whitespace();
    let name = words.next().unwrap_or_default();
    let place = of
        .properties
        .iter()
        .position(|p| p.name == name && !matches!(p.kind, Kind::Other | Kind::Many))
        .ok_or_else(|| {
            format!(
                "Could not find a property named '{name}' on type '{}'.",
                of.name
            )
        })?;
    match words.next().map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc") => Ok((place, false)),
        Some("desc") => Ok((place, true)),
        Some(_) => Err(format!(
            "Syntax error at position {} in '{value}'.",
            name.len() + 1
        )),
    }
}

fn select(value: &str, of: Type) -> Result<Vec<String>, String> {
    value
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "*")
        .map(|name| {
            if of.properties.iter().any(|p| p.name == name) {
                Ok(name.to_owned())
            } else {
                Err(format!(
                    "Could not find a property named '{name}' on type '{}'.",
                    of.name
                ))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: Type = Type {
        name: "test.thing",
        properties: &[
            filterable("title", Kind::Text),
            filterable("created", Kind::Time),
            filterable("severity", Kind::Member(super::super::words::SEVERITY)),
            readable("evidence"),
            filterable("tags", Kind::Many),
        ],
    };

    fn passes(filter: &str) -> Result<bool, String> {
        let tags = ["A b".to_owned()];
        let field = |place: usize| match place {
            0 => Field::Text("It's Here"),
            1 => Field::Time(clock::parse("2026-08-19T07:00:00.5Z").expect("valid")),
            2 => Field::Member(4),
            4 => Field::Many(&tags),
            _ => Field::Null,
        };
        Filter::parse(filter, TYPE).map(|f| f.passes(&field))
    }

    #[test]
    fn filters_are_read_and_applied() {
        for (filter, expected) in [
            ("title eq 'it''s here'", true),
            ("title ne null and severity eq 'HIGH'", true),
            ("severity eq 'low' or severity eq 'high'", true),
            (
                "severity eq 'low' or severity eq 'medium' and title eq 'x'",
                false,
            ),
            ("not (severity eq 'low')", true),
            (
                "created ge 2026-08-19T07:00:00.5Z and created lt 2026-08-19T07:00:00.5000001Z",
                true,
            ),
            ("created gt 2026-08-19T09:00:00.5+02:00", false),
            ("startswith(title,'IT')", true),
            ("endswith(title,'x') eq true", false),
            ("severity in ('low','high')", true),
            ("tags/any(t: t eq 'a B')", true),
        ] {
            assert_eq!(passes(filter), Ok(expected), "{filter}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_filter_is_said() {
        for (filter, part) in [
            ("evidence eq 'x'", "cannot be used"),
            (
                "colour eq 'x'",
                "Could not find a property named 'colour' on type 'test.thing'",
            ),
            ("created ge '2026-01-01'", "incompatible types"),
            ("created ge soon", "Unrecognized 'Edm.DateTimeOffset'"),
            ("severity eq 'worst'", "not a valid enumeration"),
            ("title eq", "Syntax error at position 8"),
            ("title eq 'x", "unterminated string"),
            ("title eq 'x' title", "Syntax error"),
            ("substringof('x',title)", "unknown function"),
        ] {
            let error = passes(filter).expect_err(filter);
            assert!(error.contains(part), "{filter}: {error}");
        }
        assert!(passes(&"(".repeat(5000)).is_err());
    }

    #[test]
    fn bounds_narrow_what_must_be_read() {
        let filter = Filter::parse(
            "created ge 2026-01-01 and severity eq 'low' and created lt 2026-01-02",
            TYPE,
        )
        .expect("ok");
        let day = clock::parse("2026-01-01").expect("valid");
        assert_eq!(filter.bounds(1), (day, day + clock::DAY - 1));
        let filter = Filter::parse("created ge 2026-01-01 or severity eq 'low'", TYPE).expect("ok");
        assert_eq!(filter.bounds(1), (Ticks::MIN, Ticks::MAX));
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        for key in [Key::Number(-5), Key::Text("a\nb".into())] {
            let cursor = Cursor {
                key,
                place: 7,
                sent: 50,
            };
            assert_eq!(Cursor::parse(&cursor.token()), Some(cursor));
        }
        assert_eq!(Cursor::parse("AAAA"), None);
    }
}

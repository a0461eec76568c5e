//! `$filter`: text → tree, checked against a type; and whether a row passes.

use super::super::clock::{self, Ticks};
use super::super::words;
use super::{Field, Kind, Op, Type, folded, text_order};

/// Parentheses and `not` may be this deep.
const DEEPEST: usize = 100;

/// The place that stands for the range variable inside `any` and `all`.
const RANGE: usize = usize::MAX;

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Text(String),
    Time(Ticks),
    Number(i64),
    Flag(bool),
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
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Compare(usize, Op, Value),
    Search(usize, Search, String),
    In(usize, Vec<Value>),
    /// Some element of a collection; without a condition: it has elements.
    Any(usize, Option<Box<Node>>),
    /// Every element of a collection.
    All(usize, Box<Node>),
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
    /// The name of the range variable, inside `any` and `all`.
    range: Option<String>,
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
        let mut all = vec![self.and()?];
        while self.word("or") {
            all.push(self.and()?);
        }
        Ok(one_or(all, Node::Or))
    }

    fn and(&mut self) -> Result<Node, String> {
        let mut all = vec![self.not()?];
        while self.word("and") {
            all.push(self.not()?);
        }
        Ok(one_or(all, Node::And))
    }

    fn not(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("Recursion depth exceeded allowed limit.".into());
        }
        let node = if self.word("not") {
            let inner = self.not()?;
            // `not` binds tighter than a comparison: `not a eq 'b'` negates `a`.
            if let (Node::Compare(property, ..) | Node::In(property, _), false) =
                (&inner, self.tokens[self.at - 1].1 == Token::Close)
            {
                return Err(format!(
                    "A unary operator with an incompatible type was detected. Found operand type '{}' for operator kind 'Not'.",
                    self.type_of(*property)
                ));
            }
            Node::Not(Box::new(inner))
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

    fn kind(&self, property: usize) -> Kind {
        self.of
            .properties
            .get(property)
            .map_or(Kind::Text, |p| p.kind)
    }

    /// The EDM name of what a property holds, for messages.
    fn type_of(&self, property: usize) -> &'static str {
        match self.kind(property) {
            Kind::Text => "Edm.String",
            Kind::Time => "Edm.DateTimeOffset",
            Kind::Member(_) => "Edm.Enum",
            Kind::Number => "Edm.Int64",
            Kind::Flag => "Edm.Boolean",
            Kind::Many | Kind::Other => "Collection(Edm.String)",
        }
    }

    fn property(&self, name: &str) -> Result<usize, String> {
        if self.range.as_deref() == Some(name) {
            return Ok(RANGE);
        }
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
            return match name.rsplit_once('/') {
                Some((collection, "any")) => self.lambda(collection, false),
                Some((collection, "all")) => self.lambda(collection, true),
                _ => self.search(&name),
            };
        }
        let property = self.property(&name)?;
        let word = match self.take() {
            Some(Token::Word(word)) => word.to_ascii_lowercase(),
            _ => String::new(),
        };
        let op = match word.as_str() {
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
        if self.kind(property) != Kind::Text {
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

    /// `machineTags/any(tag: tag eq 'x')`, `machineTags/any()`, `tags/all(t: startswith(t,'x'))`
    fn lambda(&mut self, collection: &str, all: bool) -> Result<Node, String> {
        let property = self.property(collection)?;
        if self.range.is_some() || self.kind(property) != Kind::Many {
            return Err(format!(
                "The property '{collection}' is not a collection; any and all cannot be used on it."
            ));
        }
        self.expect(&Token::Open)?;
        if !all && self.peek() == Some(&Token::Close) {
            self.at += 1;
            return Ok(Node::Any(property, None));
        }
        let Some(Token::Word(word)) = self.peek().cloned() else {
            return Err(self.syntax());
        };
        // `t: t eq`, `t:t eq` and `t : t eq` are the same.
        let (variable, rest) = if let Some((variable, rest)) = word.split_once(':') {
            (variable.to_owned(), rest.to_owned())
        } else {
            self.at += 1;
            let colon = match self.peek() {
                Some(Token::Word(colon)) => colon.strip_prefix(':').map(str::to_owned),
                _ => None,
            };
            (word, colon.ok_or_else(|| self.syntax())?)
        };
        if variable.is_empty() {
            return Err(self.syntax());
        }
        if rest.is_empty() {
            self.at += 1;
        } else {
            self.tokens[self.at].1 = Token::Word(rest);
        }
        self.range = Some(variable);
        let inner = Box::new(self.or()?);
        self.range = None;
        self.expect(&Token::Close)?;
        Ok(if all {
            Node::All(property, inner)
        } else {
            Node::Any(property, Some(inner))
        })
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
        let kind = self.kind(property);
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
        let at = self.at;
        let token = self.take();
        match (kind, token) {
            (_, Some(Token::Word(word))) if word == "null" => Ok(Value::Null),
            (Kind::Time, Some(Token::Word(word))) => {
                clock::parse(&word).map(Value::Time).ok_or_else(|| {
                    format!(
                        "Unrecognized 'Edm.DateTimeOffset' literal '{word}' at '{}' in '{}'.",
                        self.tokens[at].0, self.text
                    )
                })
            }
            (Kind::Time, Some(Token::Quoted(_))) => mixed("Edm.DateTimeOffset", "Edm.String"),
            (Kind::Text, Some(Token::Quoted(text))) => Ok(Value::Text(text.to_lowercase())),
            (Kind::Text, Some(Token::Word(word))) if word.parse::<f64>().is_ok() => {
                mixed("Edm.String", "Edm.Int32")
            }
            (Kind::Text, Some(Token::Word(word))) if word == "true" || word == "false" => {
                mixed("Edm.String", "Edm.Boolean")
            }
            // The long form of a member: its type's name before the quotes.
            (Kind::Member(members), Some(Token::Word(name)))
                if name.contains('.') && matches!(self.peek(), Some(Token::Quoted(_))) =>
            {
                match self.take() {
                    Some(Token::Quoted(text)) => member(members, &text),
                    _ => Err(self.syntax()),
                }
            }
            // A bare word is a property, and here there is none of that name.
            (Kind::Text | Kind::Member(_), Some(Token::Word(word))) => Err(format!(
                "Could not find a property named '{word}' on type '{}'.",
                self.of.name
            )),
            (Kind::Member(members), Some(Token::Quoted(text))) => member(members, &text),
            (Kind::Number, Some(Token::Word(word) | Token::Quoted(word))) => match word.parse() {
                Ok(number) => Ok(Value::Number(number)),
                Err(_) => mixed("Edm.Int64", "Edm.String"),
            },
            (Kind::Flag, Some(Token::Word(word))) => match word.as_str() {
                "true" => Ok(Value::Flag(true)),
                "false" => Ok(Value::Flag(false)),
                _ => mixed("Edm.Boolean", "Edm.String"),
            },
            (Kind::Flag, Some(Token::Quoted(_))) => mixed("Edm.Boolean", "Edm.String"),
            (_, Some(Token::Open | Token::Close | Token::Comma)) => {
                self.at -= 1;
                Err(self.syntax())
            }
            (_, Some(_)) => mixed("Collection(Edm.String)", "Edm.String"),
            (_, None) => {
                self.at -= 1;
                Err(self.syntax())
            }
        }
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            nodes.extend(last);
            many(nodes)
        }
    }
}

fn member(members: &[&str], text: &str) -> Result<Value, String> {
    words::place(members, text)
        .map(Value::Member)
        .ok_or_else(|| format!("The string '{text}' is not a valid enumeration type constant."))
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
            range: None,
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
                Node::And(all) => all.iter().fold((low, high), |b, n| walk(n, property, b)),
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
        Node::And(all) => all.iter().all(|n| holds(n, field)),
        Node::Or(all) => all.iter().any(|n| holds(n, field)),
        Node::Not(a) => !holds(a, field),
        Node::Compare(property, op, value) => compare(field(*property), *op, value),
        Node::In(property, values) => values.iter().any(|v| compare(field(*property), Op::Eq, v)),
        Node::Any(property, inner) => match (field(*property), inner) {
            (Field::Many(all), None) => !all.is_empty(),
            (Field::Many(all), Some(inner)) => all.iter().any(|t| element(inner, t, field)),
            _ => false,
        },
        Node::All(property, inner) => match field(*property) {
            Field::Many(all) => all.iter().all(|t| element(inner, t, field)),
            _ => true,
        },
        Node::Search(property, search, text) => match field(*property) {
            Field::Text(value) => {
                let value = folded(value);
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

/// Whether one element of a collection passes a condition on the range variable.
fn element<'a>(node: &Node, text: &'a str, field: &dyn Fn(usize) -> Field<'a>) -> bool {
    holds(node, &|property| {
        if property == RANGE {
            Field::Text(text)
        } else {
            field(property)
        }
    })
}

fn compare(field: Field<'_>, op: Op, value: &Value) -> bool {
    use std::cmp::Ordering;
    let ordering = match (field, value) {
        (Field::Null, Value::Null) => return op == Op::Eq,
        (Field::Null, _) | (_, Value::Null) => return op == Op::Ne,
        (Field::Text(a), Value::Text(b)) => text_order(a, b),
        (Field::Time(a), Value::Time(b)) => a.cmp(b),
        (Field::Number(a), Value::Number(b)) => a.cmp(b),
        (Field::Flag(a), Value::Flag(b)) => a.cmp(b),
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

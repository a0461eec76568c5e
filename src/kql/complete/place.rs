//! Where the caret stands: the brackets open around it, and what was written in each since the last
//! pipe or semicolon. Tokens alone tell it, so half-written text is no trouble.
//!
//! Must not know what fits there, nor names and types.

use super::words;
use crate::kql::lexer::{Token, TokenKind};

/// What a bracket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The text itself.
    Text,
    /// `{ ... }` of a function.
    Block,
    /// A table in brackets.
    Table,
    /// Operators over the rows of the operator around it (`mv-apply ... on (`).
    Body,
    /// `( ... )` around a value.
    Group,
    /// Arguments of the function whose name is at this token.
    Call(usize),
    /// `in (`, `has_any (`.
    List,
    /// `between (`.
    Between,
    /// Tables to search: `search in (`.
    Tables,
    /// `(` after `let name =`: a group or a function's parameters.
    LetGroup,
    /// `name: type` pairs.
    Declarations,
    /// `with (name = value)` of the operator.
    Properties,
    /// `typeof(`.
    Types,
    /// `dynamic(` and what is in it.
    Json,
    /// `a[`.
    Index,
    /// What nothing is offered in.
    Other,
}

/// A token, or a bracket that is closed again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// This token.
    Token(usize),
    /// From this token to that one.
    Group(usize, usize),
}

impl Part {
    /// Its last token.
    pub(super) fn last(self) -> usize {
        match self {
            Self::Token(i) | Self::Group(_, i) => i,
        }
    }
}

/// A bracket that is open at the caret.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// What it is for.
    pub(super) role: Role,
    /// The token that opens it.
    pub(super) open: usize,
    /// What was written in it since the last pipe, semicolon.
    pub(super) parts: Vec<Part>,
    /// There is a pipe before `parts`.
    pub(super) piped: bool,
    /// The operator before the last pipe.
    pub(super) before: &'static str,
    /// The operators since the start of the pipeline.
    pub(super) operators: u32,
}

impl Frame {
    fn new(role: Role, open: usize) -> Self {
        Self {
            role,
            open,
            parts: Vec::new(),
            piped: false,
            before: "",
            operators: 0,
        }
    }
}

/// The text before the caret, taken apart.
#[derive(Debug)]
pub(super) struct Place<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: &'t [Token],
    /// Brackets open at the caret, outermost first; never empty.
    pub(super) frames: Vec<Frame>,
}

impl<'t> Place<'t> {
    /// Reads the tokens of a text that ends at the caret; the last one is the end.
    pub(super) fn read(text: &'t str, tokens: &'t [Token]) -> Self {
        let mut place = Self {
            text,
            tokens,
            frames: vec![Frame::new(Role::Text, 0)],
        };
        for (i, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::End => break,
                TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => {
                    let role = place.role(i);
                    place.frames.push(Frame::new(role, i));
                }
                TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                    if place.frames.len() > 1
                        && let Some(frame) = place.frames.pop()
                        && let Some(outer) = place.frames.last_mut()
                    {
                        outer.parts.push(Part::Group(frame.open, i));
                    }
                }
                TokenKind::Bar => {
                    let before = place.head();
                    if let Some(frame) = place.frames.last_mut() {
                        frame.before = before;
                        frame.operators += 1;
                        frame.piped = true;
                        frame.parts.clear();
                    }
                }
                TokenKind::Semicolon => {
                    if let Some(frame) = place.frames.last_mut() {
                        let (role, open) = (frame.role, frame.open);
                        *frame = Frame::new(role, open);
                    }
                }
                _ => {
                    if let Some(frame) = place.frames.last_mut() {
                        frame.parts.push(Part::Token(i));
                    }
                }
            }
        }
        place
    }

    /// The text of a token.
    pub(super) fn word(&self, i: usize) -> &'t str {
        self.tokens[i].span.text(self.text)
    }

    /// The word a part is, nothing for a bracket.
    pub(super) fn part(&self, part: Option<&Part>) -> &'t str {
        match part {
            Some(Part::Token(i)) => self.word(*i),
            _ => "",
        }
    }

    /// The innermost bracket.
    pub(super) fn frame(&self) -> &Frame {
        self.frames.last().expect("the text is a frame")
    }

    /// The parts of a statement without `let name =`; the second says that they were there.
    pub(super) fn body<'f>(&self, frame: &'f Frame) -> (&'f [Part], bool) {
        let parts = frame.parts.as_slice();
        if !frame.piped && self.part(parts.first()) == "let" && self.part(parts.get(2)) == "=" {
            return (&parts[3..], true);
        }
        (parts, false)
    }

    /// The operator a frame stands in at this pipe, with its token.
    pub(super) fn operator(&self, frame: &Frame) -> Option<(&'static str, usize)> {
        let (parts, _) = self.body(frame);
        let Some(Part::Token(i)) = parts.first() else {
            return None;
        };
        let word = words::operator(self.word(*i))?;
        let fits = frame.piped
            || frame.role == Role::Body
            || words::starts_query(word)
                && !matches!(
                    frame.role,
                    Role::Call(_) | Role::Declarations | Role::Properties | Role::Index
                );
        fits.then_some((word, *i))
    }

    /// The operator whose rows are seen at the caret: that of the innermost bracket which has one.
    pub(super) fn around(&self) -> Option<(&'static str, usize, usize)> {
        for (depth, frame) in self.frames.iter().enumerate().rev() {
            if let Some((word, i)) = self.operator(frame) {
                return Some((word, i, depth));
            }
            if matches!(frame.role, Role::Block | Role::Table | Role::Text) || frame.piped {
                return None;
            }
        }
        None
    }

    /// What the innermost frame's stage of the pipeline is: its operator, or `source`.
    fn head(&self) -> &'static str {
        let frame = self.frame();
        match self.operator(frame) {
            Some((word, _)) => word,
            None if frame.piped => "",
            None => "source",
        }
    }

    /// What the bracket at this token is for.
    fn role(&self, open: usize) -> Role {
        let frame = self.frame();
        let (parts, of_let) = self.body(frame);
        let kind = self.tokens[open].kind;
        if frame.role == Role::Json {
            return Role::Json;
        }
        let last = parts.last();
        if kind == TokenKind::OpenBrace {
            return match last {
                Some(Part::Group(..)) => Role::Block,
                _ => Role::Other,
            };
        }
        if kind == TokenKind::OpenBracket {
            return match last {
                Some(_) if self.operand(last) => Role::Index,
                _ => Role::Other,
            };
        }
        let operator = self.operator(frame);
        let word = self.part(last);
        match word {
            "in" if matches!(operator, Some(("search" | "find", _))) && parts.len() <= 4 => {
                return Role::Tables;
            }
            "in" | "in~" | "!in" | "!in~" | "has_any" | "has_all" => return Role::List,
            "between" | "!between" => return Role::Between,
            "toscalar" | "materialize" | "totable" => return Role::Table,
            "dynamic" => return Role::Json,
            "typeof" => return Role::Types,
            "datatable" | "externaldata" | "external_data" | "query_parameters" | "declare"
            | "view" => {
                return Role::Declarations;
            }
            "datetime" | "date" | "timespan" | "time" | "guid" | "long" | "int" | "real"
            | "double" | "bool" | "decimal" => return Role::Other,
            "with" => {
                return match operator {
                    Some(("facet", _)) => Role::Body,
                    Some(("scan", _)) => Role::Other,
                    _ => Role::Properties,
                };
            }
            _ => {}
        }
        if parts.is_empty() {
            return match frame.role {
                _ if frame.piped => Role::Other,
                _ if of_let => Role::LetGroup,
                Role::Text | Role::Table | Role::Block => Role::Table,
                Role::List => Role::List,
                _ => Role::Group,
            };
        }
        match operator {
            Some(("join" | "lookup", _)) if !self.has(parts, "on") => self.joined(parts, last),
            Some(("union", _)) => self.joined(parts, last),
            Some(("mv-apply" | "mvapply", _)) if word == "on" => Role::Body,
            Some(("fork", _)) => Role::Body,
            Some(("partition", _)) if self.has(parts, "by") && word != "by" => Role::Body,
            Some(("parse-kv", _)) if word == "as" => Role::Declarations,
            Some(("graph-match" | "graph-shortest-paths", _))
                if !self.has(parts, "where") && !self.has(parts, "project") =>
            {
                Role::Other
            }
            _ => self.call(last).unwrap_or(Role::Group),
        }
    }

    /// A bracket among the tables of `join` or `union`.
    fn joined(&self, parts: &[Part], last: Option<&Part>) -> Role {
        let value = parts.len() >= 2 && self.part(parts.get(parts.len() - 2)) == "=";
        if value || matches!(self.part(last), "," | "join" | "lookup" | "union") {
            return Role::Table;
        }
        self.call(last).unwrap_or(Role::Table)
    }

    /// A bracket after a name is a call.
    fn call(&self, last: Option<&Part>) -> Option<Role> {
        let Some(Part::Token(i)) = last else {
            return None;
        };
        let token = &self.tokens[*i];
        let name = token.is_extended_name() && !matches!(self.word(*i), "by" | "on" | "of" | "to");
        // an operator's word heads its clause, unless it is a function's name as well
        let heads = self.frame().parts.len() == 1
            && self.frame().piped
            && words::operator(self.word(*i)).is_some();
        (name && !heads && !self.is_infix(*i)).then_some(Role::Call(*i))
    }

    /// Does a part end an operand?
    pub(super) fn operand(&self, part: Option<&Part>) -> bool {
        match part {
            None => false,
            Some(Part::Group(..)) => true,
            Some(Part::Token(i)) => {
                let token = &self.tokens[*i];
                token.is_literal()
                    || token.kind == TokenKind::Star
                    || (token.is_extended_name() && !self.is_infix(*i))
            }
        }
    }

    /// Is this token an operator between operands?
    pub(super) fn is_infix(&self, i: usize) -> bool {
        matches!(
            self.tokens[i].kind,
            TokenKind::Plus
                | TokenKind::Minus
                | TokenKind::Slash
                | TokenKind::Percent
                | TokenKind::Equal
        ) || self.is_test(i)
            || matches!(self.word(i), "and" | "or")
    }

    /// Is this token an operator that compares?
    pub(super) fn is_test(&self, i: usize) -> bool {
        matches!(
            self.tokens[i].kind,
            TokenKind::Less
                | TokenKind::LessEqual
                | TokenKind::Greater
                | TokenKind::GreaterEqual
                | TokenKind::EqualEqual
                | TokenKind::NotEqual
                | TokenKind::LessGreater
                | TokenKind::EqualTilde
                | TokenKind::BangTilde
        ) || matches!(self.word(i), "between" | "!between")
            || words::TEXT_TESTS.contains(&self.word(i))
            || matches!(
                self.word(i),
                "like" | "notlike" | "notcontains" | "containscs" | "likecs" | "notcontainscs"
            )
    }

    /// Is this word among the parts?
    pub(super) fn has(&self, parts: &[Part], word: &str) -> bool {
        self.find(parts, word).is_some()
    }

    /// Where this word stands last among the parts.
    pub(super) fn find(&self, parts: &[Part], word: &str) -> Option<usize> {
        parts
            .iter()
            .rposition(|p| matches!(p, Part::Token(i) if self.word(*i) == word))
    }

    /// The parts after the last comma.
    pub(super) fn item<'p>(&self, parts: &'p [Part]) -> &'p [Part] {
        match self.find(parts, ",") {
            Some(at) => &parts[at + 1..],
            None => parts,
        }
    }
}

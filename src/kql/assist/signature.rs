//! The call around the caret. Read from the tokens, so that it works in text that is not finished.

use super::describe;
use super::form;
use super::words::{self, Topic};
use super::{Signature, SignatureHelp};
use crate::kql::builtins::{ArgumentForm, Builtin, Kind, ParamKind, builtins};
use crate::kql::lexer::{Token, TokenKind};
use crate::kql::schema::SchemaFunction;
use crate::kql::syntax::{
    FunctionDeclaration, LetValue, Span, Statement, StatementKind, TypeSyntax,
};
use crate::kql::types::Type;
use crate::kql::{Schema, Syntax, parse};

/// The call around byte `caret`, with the parameter being written.
pub fn signature_help(text: &str, caret: u32, schema: &Schema) -> Option<SignatureHelp> {
    let syntax = parse(text);
    let mut open = open_brackets(&syntax.tokens, caret);
    while let Some(bracket) = open.pop() {
        if let Some(help) = form::help(text, &syntax.tokens, &bracket, caret) {
            return Some(help);
        }
        match bracket.kind {
            TokenKind::OpenBrace => return None,
            TokenKind::OpenBracket => continue,
            _ => {}
        }
        let call = Call {
            text,
            syntax: &syntax,
            caret,
            bracket: &bracket,
            outer: &open,
        };
        if let Some(help) = call.help(schema) {
            return Some(help);
        }
        // a query of its own, whose operators are no part of what is around it
        if bracket.piped {
            return None;
        }
    }
    None
}

/// A bracket that is open at the caret.
pub(super) struct Bracket {
    kind: TokenKind,
    /// Place among the tokens.
    pub(super) at: usize,
    /// Places of the commas directly inside.
    commas: Vec<usize>,
    /// There is a pipe directly inside.
    piped: bool,
    /// The word of the operator the caret is in, directly inside, and its place among the tokens.
    pub(super) operator: Option<(&'static str, usize)>,
}

fn open_brackets(tokens: &[Token], caret: u32) -> Vec<Bracket> {
    let fresh = |kind, at| Bracket {
        kind,
        at,
        commas: Vec::new(),
        piped: false,
        operator: None,
    };
    // the first stands for the text itself
    let mut open = vec![fresh(TokenKind::OpenBrace, 0)];
    // how many of each kind are open, the first left out
    let mut counts = [0usize; 3];
    for (at, token) in tokens.iter().enumerate() {
        if token.span.end > caret || token.kind == TokenKind::End {
            break;
        }
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => {
                open.push(fresh(token.kind, at));
                counts[kind_number(token.kind)] += 1;
            }
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                let opens = match token.kind {
                    TokenKind::CloseParen => TokenKind::OpenParen,
                    TokenKind::CloseBracket => TokenKind::OpenBracket,
                    _ => TokenKind::OpenBrace,
                };
                // a bracket that closes nothing is passed over
                while counts[kind_number(opens)] > 0
                    && let Some(closed) = open.pop()
                {
                    counts[kind_number(closed.kind)] -= 1;
                    if closed.kind == opens {
                        break;
                    }
                }
            }
            TokenKind::Comma => {
                if let Some(last) = open.last_mut() {
                    last.commas.push(at);
                }
            }
            TokenKind::Bar => {
                if let Some(last) = open.last_mut() {
                    last.piped = true;
                    last.operator = None;
                }
            }
            TokenKind::Semicolon => {
                // a statement ends: nothing but a body is still open
                while open.last().is_some_and(|b| b.kind != TokenKind::OpenBrace)
                    && let Some(closed) = open.pop()
                {
                    counts[kind_number(closed.kind)] -= 1;
                }
                if let Some(last) = open.last_mut() {
                    last.operator = None;
                    last.piped = false;
                }
            }
            TokenKind::Keyword => {
                let word = token.keyword().unwrap_or_default();
                if let Some(last) = open.last_mut()
                    && last.operator.is_none()
                    && crate::kql::parser::is_operator(word)
                {
                    last.operator = Some((word, at));
                }
            }
            _ => {}
        }
    }
    open
}

fn kind_number(bracket: TokenKind) -> usize {
    match bracket {
        TokenKind::OpenParen => 0,
        TokenKind::OpenBracket => 1,
        _ => 2,
    }
}

struct Call<'a> {
    text: &'a str,
    syntax: &'a Syntax,
    caret: u32,
    bracket: &'a Bracket,
    outer: &'a [Bracket],
}

impl Call<'_> {
    fn tokens(&self) -> &[Token] {
        &self.syntax.tokens
    }

    fn help(&self, schema: &Schema) -> Option<SignatureHelp> {
        let at = self.bracket.at.checked_sub(1)?;
        let token = self.tokens().get(at)?;
        let name = match token.kind {
            TokenKind::Identifier | TokenKind::Keyword => token.span.text(self.text).to_owned(),
            TokenKind::CloseBracket => {
                let string = self.tokens().get(at.checked_sub(1)?)?;
                if string.kind != TokenKind::String {
                    return None;
                }
                crate::kql::literals::string(string.span.text(self.text))
            }
            _ => return None,
        };
        let before = at.checked_sub(1).and_then(|i| self.tokens().get(i));
        let declares = before.is_some_and(|t| t.is_word("let"));
        if declares {
            return None;
        }
        let invoked = before.is_some_and(|t| t.is_word("invoke"));
        if let Some(function) = declared(&self.syntax.statements, &name, self.caret) {
            return Some(self.user(&name, function, invoked));
        }
        if let Some(function) = schema.function(&name) {
            return Some(self.of_schema(function));
        }
        let plug_in = at
            .checked_sub(1)
            .is_some_and(|before| self.after_evaluate(before));
        let kinds = if plug_in {
            [Kind::PlugIn, Kind::Function, Kind::Aggregate]
        } else if self.takes_aggregates() {
            [Kind::Aggregate, Kind::Function, Kind::PlugIn]
        } else {
            [Kind::Function, Kind::Aggregate, Kind::PlugIn]
        };
        let builtin = kinds.into_iter().find_map(|k| builtins().get(k, &name))?;
        self.builtin(builtin)
    }

    /// Is the token at `before` the word `evaluate`, or a hint after it?
    fn after_evaluate(&self, before: usize) -> bool {
        self.tokens()[..=before]
            .iter()
            .rev()
            .take_while(|t| {
                !matches!(
                    t.kind,
                    TokenKind::Bar | TokenKind::Comma | TokenKind::OpenParen
                )
            })
            .any(|t| t.is_word("evaluate"))
    }

    fn takes_aggregates(&self) -> bool {
        self.outer
            .iter()
            .rev()
            .find_map(|b| b.operator)
            .is_some_and(|(w, _)| matches!(w, "summarize" | "make-series" | "top-nested"))
    }

    /// Which argument the caret is in.
    fn index(&self) -> usize {
        self.bracket.commas.len()
    }

    /// The tokens of the arguments written so far, the one with the caret last.
    fn arguments(&self) -> Vec<&[Token]> {
        let end = self
            .tokens()
            .iter()
            .position(|t| t.span.start >= self.caret)
            .unwrap_or(self.tokens().len());
        let mut from = self.bracket.at + 1;
        let mut list = Vec::new();
        for &comma in &self.bracket.commas {
            list.push(&self.tokens()[from.min(comma)..comma]);
            from = comma + 1;
        }
        list.push(&self.tokens()[from.min(end)..end]);
        list
    }

    /// The name the argument with the caret is given to: `f(b = |`.
    fn argument_name(&self) -> Option<&str> {
        let arguments = self.arguments();
        match arguments.last()? {
            [name, equal, ..] if equal.kind == TokenKind::Equal => Some(name.span.text(self.text)),
            _ => None,
        }
    }

    fn user(&self, name: &str, function: &FunctionDeclaration, invoked: bool) -> SignatureHelp {
        let piped = invoked
            && function
                .parameters
                .first()
                .is_some_and(|p| matches!(p.declaration.ty, TypeSyntax::Table(_)));
        let named = self.argument_name().and_then(|n| {
            function
                .parameters
                .iter()
                .position(|p| p.declaration.name.text == n)
        });
        let at = named.unwrap_or(self.index() + usize::from(piped));
        let signature = describe::user_function(self.text, name, function, None);
        SignatureHelp {
            active: 0,
            parameter: (at < signature.parameters.len()).then_some(at),
            signatures: vec![signature],
            summary: String::new(),
        }
    }

    fn of_schema(&self, function: &SchemaFunction) -> SignatureHelp {
        let signature = describe::schema_function(function);
        let at = self.index();
        SignatureHelp {
            active: 0,
            parameter: (at < signature.parameters.len()).then_some(at),
            signatures: vec![signature],
            summary: summary(Topic::HuntingFunction, &function.name),
        }
    }

    fn builtin(&self, builtin: &Builtin) -> Option<SignatureHelp> {
        if builtin.signatures.is_empty() {
            return None;
        }
        let arguments = self.arguments();
        let types: Vec<Option<Type>> = arguments.iter().map(|a| literal_type(a)).collect();
        let written = arguments.len();
        let fits = |n: usize| -> usize {
            let signature = &builtin.signatures[n];
            let mut score = usize::from(signature.max() >= written) * 100;
            let layout = signature.layout(written, types.last() == Some(&Some(Type::Bool)));
            for (i, ty) in types.iter().enumerate() {
                let param = layout
                    .get(i)
                    .copied()
                    .flatten()
                    .and_then(|p| signature.params.get(p));
                if let (Some(ty), Some(param)) = (ty, param) {
                    score += usize::from(takes(&param.kind, *ty)) * 2;
                }
                let star = arguments[i]
                    .first()
                    .is_some_and(|t| t.kind == TokenKind::Star);
                if let Some(param) = param {
                    let wants = matches!(
                        param.form,
                        ArgumentForm::StarOnly | ArgumentForm::StarAllowed
                    );
                    score += usize::from(star == wants);
                }
            }
            score
        };
        let mut active = 0;
        for n in 1..builtin.signatures.len() {
            if fits(n) > fits(active) {
                active = n;
            }
        }
        // ways that read the same are shown once
        let mut signatures: Vec<Signature> = Vec::new();
        let mut shown = 0;
        for n in 0..builtin.signatures.len() {
            let signature = describe::builtin(builtin, n, None);
            let place = signatures.iter().position(|s| *s == signature);
            let place = place.unwrap_or_else(|| {
                signatures.push(signature);
                signatures.len() - 1
            });
            if n == active {
                shown = place;
            }
        }
        let signature = &builtin.signatures[active];
        let named = self
            .argument_name()
            .and_then(|n| signature.params.iter().position(|p| p.name == n));
        let parameter = named.or_else(|| {
            let layout = signature.layout(written, false);
            layout.get(self.index()).copied().flatten()
        });
        let topic = match builtin.kind {
            Kind::Function | Kind::Operator => Topic::Function,
            Kind::Aggregate => Topic::Aggregate,
            Kind::PlugIn => Topic::PlugIn,
        };
        Some(SignatureHelp {
            signatures,
            active: shown,
            parameter,
            summary: summary(topic, builtin.name),
        })
    }
}

fn summary(topic: Topic, name: &str) -> String {
    words::about(topic, name).map_or_else(String::new, |e| e.sentence.to_owned())
}

/// May a literal of this type stand for such a parameter?
fn takes(kind: &ParamKind, ty: Type) -> bool {
    match kind {
        ParamKind::Types(list) => list.contains(&ty),
        ParamKind::Number => ty.is_number(),
        ParamKind::Integer => ty.is_integer(),
        ParamKind::NumberOrBool => ty.is_number() || ty == Type::Bool,
        ParamKind::Summable => ty.is_summable(),
        ParamKind::StringOrDynamic | ParamKind::StringOrArray => ty == Type::String,
        ParamKind::IntegerOrArray => ty.is_integer(),
        ParamKind::DynamicArray | ParamKind::DynamicBag | ParamKind::Tabular => false,
        ParamKind::NotBool => ty != Type::Bool,
        ParamKind::NotRealOrBool => !matches!(ty, Type::Bool | Type::Real),
        _ => true,
    }
}

/// The function of that name declared last before the caret.
fn declared<'s>(
    statements: &'s [Statement],
    name: &str,
    caret: u32,
) -> Option<&'s FunctionDeclaration> {
    let mut found: Option<&FunctionDeclaration> = None;
    let mut lists: Vec<&[Statement]> = vec![statements];
    while let Some(list) = lists.pop() {
        for statement in list {
            let StatementKind::Let {
                name: declared,
                value: LetValue::Function(function),
            } = &statement.kind
            else {
                continue;
            };
            if statement.span.start > caret {
                continue;
            }
            if declared.text == name
                && found.is_none_or(|f| f.body.start < function.body.start)
                && !around(function.body, caret)
            {
                found = Some(function);
            }
            // what is declared in a body is known in that body alone
            if around(function.body, caret) {
                lists.push(&function.statements);
            }
        }
    }
    found
}

fn around(span: Span, at: u32) -> bool {
    span.start < at && at < span.end
}

/// The type of an argument that is one literal.
fn literal_type(tokens: &[Token]) -> Option<Type> {
    let [token] = tokens else { return None };
    Some(match token.kind {
        TokenKind::String => Type::String,
        TokenKind::Bool => Type::Bool,
        TokenKind::Int => Type::Int,
        TokenKind::Long => Type::Long,
        TokenKind::Real => Type::Real,
        TokenKind::Decimal => Type::Decimal,
        TokenKind::DateTime => Type::DateTime,
        TokenKind::TimeSpan => Type::TimeSpan,
        TokenKind::Guid | TokenKind::RawGuid => Type::Guid,
        _ => return None,
    })
}

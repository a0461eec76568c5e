//! Scalar expressions, by rank: or, and, equality, comparison, sum, product, text operators, sign.

use super::{Parser, word_of};
use crate::kql::keywords::Roles;
use crate::kql::lexer::{Token, TokenKind};
use crate::kql::syntax::{BinaryToken, Expr, ExprKind, Name, NameForm};

/// Ranks of operators, weakest first.
const OR: u8 = 1;
const AND: u8 = 2;
const EQUALITY: u8 = 3;
const COMPARISON: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const TEXT: u8 = 7;

enum Infix {
    Binary(BinaryToken),
    In(&'static str),
    Between(bool),
}

impl Parser<'_> {
    /// `name = value`, `(a, b) = value`, or a plain expression.
    pub(super) fn named_expr(&mut self) -> Option<Expr> {
        let start = self.peek().span;
        if let Some(n) = self.scan_rename_name(0)
            && self.kind_at(n) == TokenKind::Equal
        {
            let name = self.extended_name()?;
            self.next();
            let value = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
            let span = start.to(value.span);
            return Some(Expr {
                kind: ExprKind::Named {
                    name,
                    value: Box::new(value),
                },
                span,
            });
        }
        if let Some(n) = self.scan_dashed_name()
            && self.kind_at(n) == TokenKind::Equal
        {
            let span = self.take_tokens(n);
            let text = span.text(self.text).to_owned();
            self.report(
                "KS228",
                span,
                format!("The name '{text}' needs to be bracketed as ['{text}'] to be used in this context."),
            );
            self.next();
            let value = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
            let name = Name {
                text,
                span,
                form: NameForm::Plain,
            };
            let span = start.to(value.span);
            return Some(Expr {
                kind: ExprKind::Named {
                    name,
                    value: Box::new(value),
                },
                span,
            });
        }
        if let Some(n) = self.scan_rename_list()
            && self.kind_at(n) == TokenKind::Equal
        {
            let open = self.next().span;
            let names = self.comma_list(
                Self::extended_name,
                Self::missing_name,
                Some(&Self::at_list_end),
                true,
                false,
            );
            let close = self.expect(TokenKind::CloseParen, ")");
            self.expect(TokenKind::Equal, "=");
            let value = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
            let span = start.to(value.span);
            let kind = ExprKind::NamedList {
                names,
                list: open.to(close),
                value: Box::new(value),
            };
            return Some(Expr { kind, span });
        }
        self.unnamed_expr()
    }

    fn scan_rename_name(&self, offset: usize) -> Option<usize> {
        match self.kind_at(offset) {
            TokenKind::OpenBracket => self.scan_bracketed_name(offset),
            TokenKind::OpenBrace => self.scan_name(offset),
            _ => self.peek_at(offset).is_extended_name().then_some(1),
        }
    }

    /// `a-b-c`: names and reserved words joined by dashes without space.
    fn scan_dashed_name(&self) -> Option<usize> {
        if !matches!(self.kind(), TokenKind::Identifier | TokenKind::Keyword) {
            return None;
        }
        let mut n = 1;
        loop {
            let token = self.peek_at(n);
            let part = matches!(
                token.kind,
                TokenKind::Identifier | TokenKind::Keyword | TokenKind::Minus
            );
            if !part || !token.is_adjacent() {
                return Some(n);
            }
            n += 1;
        }
    }

    fn scan_rename_list(&self) -> Option<usize> {
        if self.kind() != TokenKind::OpenParen {
            return None;
        }
        let mut at = 1;
        while !self.list_end_at(at) {
            at += self.scan_rename_name(at)?;
            if self.kind_at(at) != TokenKind::Comma {
                break;
            }
            at += 1;
        }
        (self.kind_at(at) == TokenKind::CloseParen).then_some(at + 1)
    }

    pub(super) fn unnamed_expr(&mut self) -> Option<Expr> {
        // most expressions are one name or literal
        if self.is_alone() {
            return self.path();
        }
        self.deeper(
            |p| p.binary(OR),
            |span| Expr {
                kind: ExprKind::Missing,
                span,
            },
        )
    }

    /// A name or literal, and something behind it that ends an expression.
    fn is_alone(&self) -> bool {
        let token = self.peek();
        (token.kind == TokenKind::Identifier || token.is_literal())
            && matches!(
                self.kind_at(1),
                TokenKind::Comma
                    | TokenKind::CloseParen
                    | TokenKind::CloseBracket
                    | TokenKind::CloseBrace
                    | TokenKind::Bar
            )
    }

    fn infix(&self) -> Option<(Infix, u8)> {
        use BinaryToken as B;
        let token = self.peek();
        let (op, rank) = match token.kind {
            TokenKind::EqualEqual => (B::Equal, EQUALITY),
            TokenKind::NotEqual | TokenKind::LessGreater => (B::NotEqual, EQUALITY),
            TokenKind::Less => (B::Less, COMPARISON),
            TokenKind::LessEqual => (B::LessOrEqual, COMPARISON),
            TokenKind::Greater => (B::Greater, COMPARISON),
            TokenKind::GreaterEqual => (B::GreaterOrEqual, COMPARISON),
            TokenKind::Plus => (B::Add, SUM),
            TokenKind::Minus => (B::Subtract, SUM),
            TokenKind::Star => (B::Multiply, PRODUCT),
            TokenKind::Slash => (B::Divide, PRODUCT),
            TokenKind::Percent => (B::Modulo, PRODUCT),
            TokenKind::EqualTilde => (B::Text("=~"), TEXT),
            TokenKind::BangTilde => (B::Text("!~"), TEXT),
            TokenKind::Colon => (B::Search, TEXT),
            TokenKind::Keyword => match word_of(token) {
                "or" => (B::Or, OR),
                "and" => (B::And, AND),
                "in" if self.word_at(1, "range") => return None,
                word @ ("in" | "!in" | "in~" | "!in~" | "has_any" | "has_all") => {
                    return Some((Infix::In(word), EQUALITY));
                }
                "between" => return Some((Infix::Between(false), EQUALITY)),
                "!between" => return Some((Infix::Between(true), EQUALITY)),
                word if token.has_role(Roles::TEXT_OPERATOR) => (B::Text(word), TEXT),
                _ => return None,
            },
            _ => return None,
        };
        Some((Infix::Binary(op), rank))
    }

    /// Operators of at least this rank. Ranks equality, comparison and text take one operator only.
    fn binary(&mut self, min: u8) -> Option<Expr> {
        let mut left = if self.kind() == TokenKind::Star && self.star_operand(min) {
            let span = self.next().span;
            Expr {
                kind: ExprKind::Star,
                span,
            }
        } else {
            self.sign()?
        };
        let mut cap = TEXT;
        while let Some((op, rank)) = self.infix() {
            if rank < min || rank > cap {
                break;
            }
            match op {
                Infix::Binary(op) => {
                    let op_span = self.next().span;
                    let not_equal = op == BinaryToken::NotEqual;
                    let right = self.binary(rank + 1).unwrap_or_else(|| {
                        if not_equal {
                            self.missing_with_code("KS005", "Expected: token")
                        } else {
                            self.missing_expr()
                        }
                    });
                    let span = left.span.to(right.span);
                    left = match left.kind {
                        ExprKind::Chain { first, mut rest }
                            if rest.first().is_some_and(|r| rank_of(r.0) == rank) =>
                        {
                            rest.push((op, op_span, right));
                            Expr {
                                kind: ExprKind::Chain { first, rest },
                                span,
                            }
                        }
                        _ => Expr {
                            kind: ExprKind::Chain {
                                first: Box::new(left),
                                rest: vec![(op, op_span, right)],
                            },
                            span,
                        },
                    };
                }
                Infix::In(op) => {
                    let op_span = self.next().span;
                    let list = self.in_list();
                    let span = left.span.to(self.here());
                    left = Expr {
                        kind: ExprKind::In {
                            op,
                            op_span,
                            left: Box::new(left),
                            list,
                        },
                        span,
                    };
                }
                Infix::Between(negated) => {
                    let op_span = self.next().span;
                    self.expect(TokenKind::OpenParen, "(");
                    let low = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
                    self.expect(TokenKind::DotDot, "..");
                    let high = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
                    self.expect(TokenKind::CloseParen, ")");
                    let span = left.span.to(self.here());
                    let kind = ExprKind::Between {
                        negated,
                        op_span,
                        left: Box::new(left),
                        low: Box::new(low),
                        high: Box::new(high),
                    };
                    left = Expr { kind, span };
                }
            }
            cap = match rank {
                EQUALITY | COMPARISON | TEXT => rank - 1,
                _ => rank,
            };
        }
        Some(left)
    }

    fn missing_with_code(&mut self, code: &'static str, message: &str) -> Expr {
        let span = self.here();
        self.report(code, span, message.to_owned());
        Expr {
            kind: ExprKind::Missing,
            span,
        }
    }

    /// `* has x` and `* == x` may start an operation.
    fn star_operand(&self, min: u8) -> bool {
        let next = self.peek_at(1);
        match next.kind {
            TokenKind::EqualTilde | TokenKind::BangTilde | TokenKind::Colon => min <= TEXT,
            TokenKind::EqualEqual => min <= EQUALITY,
            TokenKind::Keyword => min <= TEXT && next.has_role(Roles::TEXT_OPERATOR),
            _ => false,
        }
    }

    fn in_list(&mut self) -> Vec<Expr> {
        self.expect(TokenKind::OpenParen, "(");
        let list = if self.scan_is_query() {
            vec![self.pipe_expr().unwrap_or_else(|| self.missing_expr())]
        } else {
            self.comma_list(
                Self::unnamed_expr,
                Self::missing_expr,
                Some(&Self::at_list_end),
                true,
                false,
            )
        };
        self.expect(TokenKind::CloseParen, ")");
        list
    }

    /// Does the list hold one query: an operator first, or a pipe before its end?
    fn scan_is_query(&mut self) -> bool {
        /// Tokens looked at here and now; lists that are longer are looked up.
        const NEAR: usize = 64;

        if self.scan_operator() {
            return true;
        }
        let mut open = 0usize;
        for token in self.tokens[self.pos..].iter().take(NEAR) {
            match token.kind {
                TokenKind::End | TokenKind::Semicolon => return false,
                TokenKind::Comma | TokenKind::CloseParen if open == 0 => return false,
                TokenKind::CloseParen => open -= 1,
                TokenKind::OpenParen => open += 1,
                TokenKind::Bar if open == 0 => return true,
                _ => {}
            }
        }
        self.pipes.get_or_insert_with(|| pipes(self.tokens))[self.pos]
    }

    pub(super) fn sign(&mut self) -> Option<Expr> {
        if !matches!(self.kind(), TokenKind::Minus | TokenKind::Plus) {
            return self.path();
        }
        let token = self.next();
        let operand = self.path().unwrap_or_else(|| self.missing_expr());
        let span = token.span.to(operand.span);
        let minus = token.kind == TokenKind::Minus;
        Some(Expr {
            kind: ExprKind::Sign {
                minus,
                op: token.span,
                operand: Box::new(operand),
            },
            span,
        })
    }
}

/// For each token: does a scan from there meet a pipe before a comma or the end of the bracket it is in?
/// One pass from the back, so that lists within lists cost no more than their text.
fn pipes(tokens: &[Token]) -> Vec<bool> {
    // where the parenthesis that opens here closes; none where a statement ends before
    let mut close = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::OpenParen => open.push(i),
            TokenKind::CloseParen => {
                if let Some(start) = open.pop() {
                    close[start] = Some(i);
                }
            }
            TokenKind::Semicolon => open.clear(),
            _ => {}
        }
    }
    let mut found = vec![false; tokens.len() + 1];
    for (i, token) in tokens.iter().enumerate().rev() {
        found[i] = match token.kind {
            TokenKind::Bar => true,
            TokenKind::Comma | TokenKind::CloseParen | TokenKind::Semicolon | TokenKind::End => {
                false
            }
            TokenKind::OpenParen => close[i].is_some_and(|end| found[end + 1]),
            _ => found[i + 1],
        };
    }
    found
}

fn rank_of(op: BinaryToken) -> u8 {
    use BinaryToken as B;
    match op {
        B::Or => OR,
        B::And => AND,
        B::Equal | B::NotEqual => EQUALITY,
        B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual => COMPARISON,
        B::Add | B::Subtract => SUM,
        B::Multiply | B::Divide | B::Modulo => PRODUCT,
        B::Text(_) | B::Search => TEXT,
    }
}

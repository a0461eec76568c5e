//! Literals, `dynamic(...)`, `typeof(...)`, declared types and columns.

use super::{Parser, name_expr};
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{
    ColumnDeclaration, Expr, ExprKind, Json, Mark, Name, NameForm, Span, TypeOfItem, TypeSyntax,
};

impl Parser<'_> {
    pub(super) fn literal(&mut self) -> Option<Expr> {
        match self.kind() {
            TokenKind::String => self.strings(),
            TokenKind::RawGuid => {
                let span = self.next().span;
                self.report(
                    "KS214",
                    span,
                    "Raw guid literals are not allowed in this context, use guid(...) instead."
                        .to_owned(),
                );
                Some(Expr {
                    kind: ExprKind::Literal(TokenKind::Guid),
                    span,
                })
            }
            TokenKind::Plus | TokenKind::Minus => self.signed_number(),
            TokenKind::OpenBrace => self.braced_name().map(name_expr),
            _ if self.peek().is_literal() => {
                let token = self.next();
                Some(Expr {
                    kind: ExprKind::Literal(token.kind),
                    span: token.span,
                })
            }
            _ if self.at_word("dynamic") => self.dynamic(),
            _ if self.at_word("typeof") => self.type_of(),
            _ => None,
        }
    }

    /// One or more adjacent string literals.
    pub(super) fn strings(&mut self) -> Option<Expr> {
        let mut parts = Vec::new();
        while let Some(span) = self.eat(TokenKind::String) {
            parts.push(span);
        }
        let (first, last) = (*parts.first()?, *parts.last()?);
        Some(Expr {
            kind: ExprKind::Strings(parts),
            span: first.to(last),
        })
    }

    fn signed_number(&mut self) -> Option<Expr> {
        let number = self.peek_at(1);
        let is_plain = matches!(
            number.kind,
            TokenKind::Long | TokenKind::Real | TokenKind::TimeSpan
        ) && number.is_adjacent()
            && self
                .text_of(number)
                .starts_with(|c: char| c.is_ascii_digit());
        if !is_plain {
            return None;
        }
        let sign = self.next().span;
        let number = self.next();
        Some(Expr {
            kind: ExprKind::Literal(number.kind),
            span: sign.to(number.span),
        })
    }

    pub(super) fn dynamic(&mut self) -> Option<Expr> {
        if !self.at_word("dynamic") || self.kind_at(1) != TokenKind::OpenParen {
            return None;
        }
        let start = self.next().span;
        self.next();
        let value = self.json().unwrap_or_else(|| self.missing_json());
        let close = self.expect(TokenKind::CloseParen, ")");
        Some(Expr {
            kind: ExprKind::Dynamic(Box::new(value)),
            span: start.to(close),
        })
    }

    fn missing_json(&mut self) -> Json {
        self.missing_with("Missing json value".to_owned());
        Json::Missing
    }

    fn json(&mut self) -> Option<Json> {
        self.deeper(Self::json_inner, |_| Json::Missing)
    }

    fn json_inner(&mut self) -> Option<Json> {
        match self.kind() {
            TokenKind::Minus => {
                if !matches!(self.kind_at(1), TokenKind::Long | TokenKind::Real) {
                    return None;
                }
                let sign = self.next().span;
                let number = self.next();
                Some(Json::Literal(Expr {
                    kind: ExprKind::Literal(number.kind),
                    span: sign.to(number.span),
                }))
            }
            TokenKind::OpenBracket => {
                self.next();
                let items = self.comma_list(
                    Self::json,
                    Self::missing_json,
                    Some(&Self::at_list_end),
                    false,
                    false,
                );
                self.expect(TokenKind::CloseBracket, "]");
                Some(Json::Array(items))
            }
            TokenKind::OpenBrace if self.scan_braced_name(0).is_some() => {
                self.braced_name().map(|n| Json::Literal(name_expr(n)))
            }
            TokenKind::OpenBrace => {
                self.next();
                let pairs = self.comma_list(
                    Self::json_pair,
                    |p| {
                        let made_up = p.missing_with("Missing json key:value pair".to_owned());
                        (made_up.span, Json::Missing)
                    },
                    Some(&Self::at_list_end),
                    false,
                    false,
                );
                self.expect(TokenKind::CloseBrace, "}");
                Some(Json::Object(pairs))
            }
            TokenKind::Int => None,
            _ if self.peek().is_literal() || self.at_word("dynamic") => {
                self.literal().map(Json::Literal)
            }
            _ if self.at_word("null") => {
                self.next();
                Some(Json::Null)
            }
            _ => None,
        }
    }

    fn json_pair(&mut self) -> Option<(Span, Json)> {
        match self.kind() {
            TokenKind::String => {
                let name = self.next().span;
                self.expect(TokenKind::Colon, ":");
                let value = self.json().unwrap_or_else(|| self.missing_json());
                Some((name, value))
            }
            TokenKind::Colon => {
                let name = self.missing_place();
                self.report("KS006", name, "Missing string".to_owned());
                self.next();
                let value = self.json().unwrap_or_else(|| self.missing_json());
                Some((name, value))
            }
            _ => {
                let name = self.missing_place();
                let value = self.json()?;
                self.report("KS006", name, "Missing string".to_owned());
                self.report("KS005", name, "Expected: :".to_owned());
                Some((name, value))
            }
        }
    }

    pub(super) fn scan_type_of(&self) -> bool {
        self.at_word("typeof") && self.kind_at(1) == TokenKind::OpenParen
    }

    pub(super) fn type_of(&mut self) -> Option<Expr> {
        if !self.scan_type_of() {
            return None;
        }
        let scalar = is_type(self.peek_at(2).keyword(), true)
            || (self.kind_at(2) == TokenKind::Identifier
                && self.kind_at(3) == TokenKind::CloseParen);
        let start = self.next().span;
        self.next();
        let items = if scalar {
            let token = self.next();
            self.mark(token.span, Mark::Type);
            vec![TypeOfItem::Type(token.span)]
        } else {
            self.comma_list(
                |p| {
                    if let Some(span) = p.eat(TokenKind::Star) {
                        return Some(TypeOfItem::Star(span));
                    }
                    p.column_declaration().map(TypeOfItem::Column)
                },
                |p| {
                    let made_up = p.missing_with("Missing type name".to_owned());
                    TypeOfItem::Type(made_up.span)
                },
                Some(&Self::at_list_end),
                false,
                false,
            )
        };
        let close = self.expect(TokenKind::CloseParen, ")");
        Some(Expr {
            kind: ExprKind::TypeOf(items),
            span: start.to(close),
        })
    }

    /// A type after a colon; `extended` allows the rarer numeric names.
    pub(super) fn declared_type(&mut self, extended: bool) -> TypeSyntax {
        let token = self.peek();
        if is_type(token.keyword(), extended) {
            self.next();
            self.mark(token.span, Mark::Type);
            return TypeSyntax::Named(token.span);
        }
        let rare = is_type(token.keyword(), true);
        if token.is_name() || rare {
            self.next();
            self.mark(token.span, if rare { Mark::Type } else { Mark::Keyword });
            let name = self.text_of(token);
            self.report(
                "KS160",
                token.span,
                format!("The name '{name}' is not a valid type name that can be used here."),
            );
            return TypeSyntax::Missing;
        }
        self.missing_with("Missing type name".to_owned());
        TypeSyntax::Missing
    }

    /// `name: type`
    pub(super) fn column_declaration(&mut self) -> Option<ColumnDeclaration> {
        if let Some(name) = self.extended_name() {
            let start = name.span;
            self.expect(TokenKind::Colon, ":");
            let ty = if self.kind() == TokenKind::OpenParen {
                self.table_type()
            } else {
                self.declared_type(false)
            };
            return Some(ColumnDeclaration {
                name,
                ty,
                span: start.to(self.here()),
            });
        }
        if self.kind() == TokenKind::Colon {
            let start = self.here();
            let name = self.missing_name();
            self.next();
            let ty = self.declared_type(false);
            return Some(ColumnDeclaration {
                name,
                ty,
                span: start.to(self.here()),
            });
        }
        None
    }

    pub(super) fn missing_column_declaration(&mut self) -> ColumnDeclaration {
        let made_up = self.missing_with("Missing parameter".to_owned());
        let name = Name {
            text: String::new(),
            span: made_up.span,
            form: NameForm::Missing,
        };
        ColumnDeclaration {
            name,
            ty: TypeSyntax::Missing,
            span: made_up.span,
        }
    }

    fn table_type(&mut self) -> TypeSyntax {
        self.next();
        if self.kind() == TokenKind::Star {
            self.next();
            self.expect(TokenKind::CloseParen, ")");
            return TypeSyntax::Table(None);
        }
        let columns = self
            .deeper(
                |p| {
                    Some(p.comma_list(
                        Self::column_declaration,
                        Self::missing_column_declaration,
                        Some(&Self::at_list_end),
                        false,
                        true,
                    ))
                },
                |_| Vec::new(),
            )
            .unwrap_or_default();
        self.expect(TokenKind::CloseParen, ")");
        TypeSyntax::Table(Some(columns))
    }

    /// `(a: long, b: string)`, or reported as missing.
    pub(super) fn row_schema(&mut self) -> Vec<ColumnDeclaration> {
        if self.eat(TokenKind::OpenParen).is_none() {
            self.missing_with("Missing schema declaration".to_owned());
            return Vec::new();
        }
        self.eat(TokenKind::Comma);
        let columns = self.comma_list(
            Self::column_declaration,
            Self::missing_column_declaration,
            Some(&Self::at_list_end),
            false,
            true,
        );
        self.expect(TokenKind::CloseParen, ")");
        columns
    }
}

/// Words that name a type in declarations; `extended` adds those only `typeof` takes.
fn is_type(word: Option<&str>, extended: bool) -> bool {
    match word {
        Some(
            "bool" | "boolean" | "date" | "datetime" | "decimal" | "double" | "dynamic" | "guid"
            | "int" | "int64" | "int8" | "long" | "real" | "string" | "time" | "timespan"
            | "uniqueid",
        ) => true,
        Some(
            "float" | "int16" | "int32" | "uint" | "uint16" | "uint32" | "uint64" | "uint8"
            | "ulong",
        ) => extended,
        _ => false,
    }
}

//! `inline_external_table`: files named in the query.

use crate::kql::lexer::TokenKind;
use crate::kql::parser::Parser;
use crate::kql::syntax::Expr;
use crate::kql::syntax::ExprKind;
use crate::kql::syntax::OperatorKind;

impl Parser<'_> {
    /// `inline_external_table (a: long) kind = storage partition by (...) pathformat = (...)
    /// dataformat = csv ('https://...') with (...)`: read for its faults; nothing of it is kept.
    pub(super) fn inline_external_table(&mut self) -> OperatorKind {
        let has_schema = self.scan_external_schema(0);
        if has_schema {
            self.row_schema();
        }
        let mut delta = false;
        if self.eat_word("kind").is_some() {
            self.expect(TokenKind::Equal, "=");
            delta = self.text_of(self.peek()).eq_ignore_ascii_case("delta");
            self.expect_one_of(&["storage", "delta"]);
        } else {
            let place = self.here();
            self.report(
                "KS254",
                place,
                "External Table Kind definition is expected.".to_owned(),
            );
        }
        if !has_schema && !delta {
            self.missing_with("Missing schema declaration".to_owned());
        }
        if self.eat_word("partition").is_some() {
            self.expect_word("by");
            self.expect(TokenKind::OpenParen, "(");
            self.eat(TokenKind::Comma);
            self.comma_list(
                Self::partition_column,
                |p| {
                    let place = p.here();
                    p.report(
                        "KS252",
                        place,
                        "Partition column definition is expected.".to_owned(),
                    );
                },
                Some(&Self::at_list_end),
                false,
                true,
            );
            self.expect(TokenKind::CloseParen, ")");
        }
        if self.eat_word("pathformat").is_some() {
            self.expect(TokenKind::Equal, "=");
            self.expect(TokenKind::OpenParen, "(");
            self.eat(TokenKind::String);
            while !self.at_list_end() {
                self.path_format_part();
                self.eat(TokenKind::String);
            }
            self.expect(TokenKind::CloseParen, ")");
        }
        if self.eat_word("dataformat").is_some() {
            self.expect(TokenKind::Equal, "=");
            if self.eat(TokenKind::Identifier).is_none() {
                let place = self.missing_place();
                self.report("KS006", place, "Missing name".to_owned());
            }
        } else if !delta {
            let place = self.here();
            self.report(
                "KS253",
                place,
                "DataFormat definition is expected.".to_owned(),
            );
        }
        if self.eat(TokenKind::OpenParen).is_some() {
            self.comma_list(
                |p| {
                    p.deeper(Self::pipe_expr, |span| Expr {
                        kind: ExprKind::Missing,
                        span,
                    })
                },
                Self::missing_value,
                Some(&Self::at_list_end),
                false,
                true,
            );
            self.expect(TokenKind::CloseParen, ")");
        } else {
            let place = self.here();
            self.report(
                "KS256",
                place,
                "Connection strings definition is expected.".to_owned(),
            );
        }
        self.free_properties();
        OperatorKind::Bad
    }

    /// Is the word here the operator?
    pub(in crate::kql::parser) fn scan_external_table(&self) -> bool {
        self.word_at(1, "kind") || self.scan_external_schema(1)
    }

    /// A parenthesis with a colon before it ends.
    fn scan_external_schema(&self, offset: usize) -> bool {
        self.kind_at(offset) == TokenKind::OpenParen
            && self.tokens[self.pos + offset..]
                .iter()
                .find(|t| {
                    matches!(
                        t.kind,
                        TokenKind::Colon | TokenKind::CloseParen | TokenKind::End
                    )
                })
                .is_some_and(|t| t.kind != TokenKind::CloseParen)
    }

    fn partition_column(&mut self) -> Option<()> {
        self.extended_name()?;
        self.expect(TokenKind::Colon, ":");
        let token = self.peek();
        if !token
            .keyword()
            .is_some_and(|w| matches!(w, "datetime" | "long" | "string"))
        {
            self.report(
                "KS258",
                token.span,
                "External Table Partition Column type is not supported.".to_owned(),
            );
        }
        self.next();
        if self.eat(TokenKind::Equal).is_some() {
            self.unnamed_expr();
        }
        Some(())
    }

    fn path_format_part(&mut self) {
        if self.eat_word("datetime_pattern").is_some() {
            self.expect(TokenKind::OpenParen, "(");
            self.eat(TokenKind::String);
            self.expect(TokenKind::Comma, ",");
            self.name();
            self.expect(TokenKind::CloseParen, ")");
        } else if self.name().is_none() {
            let place = self.next().span;
            self.report(
                "KS257",
                place,
                "External Table Path Format syntax has unsupported expresion.".to_owned(),
            );
        }
    }
}

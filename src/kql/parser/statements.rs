//! Statements: `let`, `set`, `declare`, queries, and functions of the user.

use std::sync::Arc;

use super::Parser;
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{
    ColumnDeclaration, Expr, FunctionDeclaration, FunctionParameter, LetValue, Name,
    PatternDeclaration, PatternMatch, Span, Statement, StatementKind,
};

impl Parser<'_> {
    pub(super) fn query(&mut self) -> Vec<Statement> {
        while self.eat(TokenKind::Directive).is_some() {}
        self.statements()
    }

    /// Statements with semicolons between them.
    pub(super) fn statements(&mut self) -> Vec<Statement> {
        let mut list = Vec::new();
        let mut statement = self.statement();
        while let Some(current) = statement {
            list.push(current);
            if self.eat(TokenKind::Semicolon).is_some() {
                statement = self.statement();
                continue;
            }
            let (place, at) = (self.missing_place(), self.errors.len());
            statement = self.statement();
            if statement.is_some() {
                let error = super::Diagnostic::error("KS005", place, "Expected: ;".to_owned());
                self.errors.insert(at, error);
            }
        }
        list
    }

    fn statement(&mut self) -> Option<Statement> {
        let start = self.peek().span;
        let kind = match self.peek().keyword() {
            Some("let") if self.scan_name(1).is_some() => self.let_statement(),
            Some("set") => self.set_statement(),
            Some("alias") if self.word_at(1, "database") => {
                self.next();
                self.next();
                let name = self.name_declaration();
                self.expect(TokenKind::Equal, "=");
                let database = self.unnamed_expr().unwrap_or_else(|| self.missing_expr());
                StatementKind::Other {
                    what: "alias",
                    name: Some(name),
                    exprs: vec![database],
                }
            }
            Some("declare") if self.word_at(1, "query_parameters") => self.query_parameters(),
            Some("declare") if self.word_at(1, "pattern") => self.pattern_statement(),
            Some("restrict") if self.word_at(1, "access") => self.restrict_statement(),
            _ => StatementKind::Query(self.pipe_expr()?),
        };
        Some(Statement {
            kind,
            span: start.to(self.here()),
        })
    }

    fn let_statement(&mut self) -> StatementKind {
        self.next();
        let name = self.name_declaration();
        self.expect(TokenKind::Equal, "=");
        let value = if self.eat_word("materialize").is_some() {
            self.expect(TokenKind::OpenParen, "(");
            let inner = self.pipe_expr().unwrap_or_else(|| self.missing_expr());
            self.expect(TokenKind::CloseParen, ")");
            LetValue::Materialize(inner)
        } else if self.at_word("entity_group") {
            match self.scan_call(0).then(|| self.path_call()).flatten() {
                Some(call) => LetValue::Expr(call),
                None => LetValue::EntityGroup(self.entity_group()),
            }
        } else if self.scan_function() {
            LetValue::Function(Arc::new(self.function()))
        } else {
            LetValue::Expr(self.pipe_expr().unwrap_or_else(|| self.missing_expr()))
        };
        StatementKind::Let { name, value }
    }

    /// `entity_group [...]`
    pub(super) fn entity_group(&mut self) -> Vec<Expr> {
        self.next();
        self.expect(TokenKind::OpenBracket, "[");
        let list = self.comma_list(
            Self::unnamed_expr,
            Self::missing_expr,
            Some(&Self::at_list_end),
            true,
            false,
        );
        self.expect(TokenKind::CloseBracket, "]");
        list
    }

    /// `(`, then `)`, `*` or `name:`; `view` may stand before.
    fn scan_function(&self) -> bool {
        let at = usize::from(self.at_word("view"));
        if self.kind_at(at) != TokenKind::OpenParen {
            return false;
        }
        matches!(
            self.kind_at(at + 1),
            TokenKind::CloseParen | TokenKind::Star
        ) || self
            .scan_extended_name(at + 1)
            .is_some_and(|n| self.kind_at(at + 1 + n) == TokenKind::Colon)
    }

    fn function(&mut self) -> FunctionDeclaration {
        let view = self.eat_word("view").is_some();
        self.expect(TokenKind::OpenParen, "(");
        let parameters = self.function_parameters(false);
        self.expect(TokenKind::CloseParen, ")");
        let mut function = FunctionDeclaration {
            view,
            parameters,
            statements: Vec::new(),
            result: None,
            body: self.here(),
        };
        if self.kind() != TokenKind::OpenBrace {
            let place = self.missing_place();
            self.report("KS005", place, "Expected: {".to_owned());
            self.report("KS005", place, "Expected: }".to_owned());
            return function;
        }
        let open = self.next().span;
        let body = self.deeper(
            |p| {
                let mut statements = Vec::new();
                while !p.at_list_end() {
                    let start = p.peek().span;
                    let kind = match p.peek().keyword() {
                        Some("let") => p.let_statement(),
                        Some("declare") => p.query_parameters(),
                        _ => break,
                    };
                    p.expect(TokenKind::Semicolon, ";");
                    statements.push(Statement {
                        kind,
                        span: start.to(p.here()),
                    });
                }
                let result = p.pipe_expr();
                p.eat(TokenKind::Semicolon);
                Some((statements, result))
            },
            |_: Span| (Vec::new(), None::<Expr>),
        );
        if let Some((statements, result)) = body {
            function.statements = statements;
            function.result = result;
        }
        let close = self.expect(TokenKind::CloseBrace, "}");
        function.body = open.to(close);
        function
    }

    /// Parameters without their parentheses.
    pub(super) fn function_parameters(&mut self, one_or_more: bool) -> Vec<FunctionParameter> {
        self.comma_list(
            |p| {
                let declaration = p.column_declaration()?;
                let default = p.eat(TokenKind::Equal).map(|_| {
                    if let Some(literal) = p.literal() {
                        return literal;
                    }
                    if p.peek().is_name() {
                        let name: Name = p.token_name();
                        return super::name_expr(name);
                    }
                    p.missing_expr()
                });
                let span = declaration.span.to(p.here());
                Some(FunctionParameter {
                    declaration,
                    default,
                    span,
                })
            },
            |p| {
                let declaration = p.missing_column_declaration();
                let span = declaration.span;
                FunctionParameter {
                    declaration,
                    default: None,
                    span,
                }
            },
            Some(&Self::at_list_end),
            one_or_more,
            false,
        )
    }

    fn set_statement(&mut self) -> StatementKind {
        self.next();
        let name = self.name_declaration();
        let value = self
            .eat(TokenKind::Equal)
            .map(|_| self.unnamed_expr().unwrap_or_else(|| self.missing_expr()));
        StatementKind::Set { name, value }
    }

    fn query_parameters(&mut self) -> StatementKind {
        self.next();
        self.expect_word("query_parameters");
        self.expect(TokenKind::OpenParen, "(");
        let parameters = self.function_parameters(true);
        self.expect(TokenKind::CloseParen, ")");
        StatementKind::Parameters(parameters)
    }

    fn restrict_statement(&mut self) -> StatementKind {
        self.next();
        self.next();
        self.expect_word("to");
        self.expect(TokenKind::OpenParen, "(");
        let exprs = self.comma_list(
            Self::wildcard_entity,
            Self::missing_expr,
            Some(&Self::at_list_end),
            true,
            false,
        );
        self.expect(TokenKind::CloseParen, ")");
        self.free_properties();
        StatementKind::Other {
            what: "restrict",
            name: None,
            exprs,
        }
    }

    /// `declare pattern name = (params)[path] { (values).[path] = { body }; ... }`
    fn pattern_statement(&mut self) -> StatementKind {
        self.next();
        self.next();
        let mut pattern = PatternDeclaration {
            name: self.name_declaration(),
            parameters: Vec::new(),
            path: None,
            matches: Vec::new(),
        };
        if self.eat(TokenKind::Equal).is_some() {
            self.expect(TokenKind::OpenParen, "(");
            pattern.parameters = self.comma_list(
                Self::column_declaration,
                Self::missing_column_declaration,
                Some(&Self::at_list_end),
                false,
                false,
            );
            self.expect(TokenKind::CloseParen, ")");
            if self.eat(TokenKind::OpenBracket).is_some() {
                let path = self.column_declaration();
                pattern.path = Some(path.unwrap_or_else(|| self.missing_column_declaration()));
                self.expect(TokenKind::CloseBracket, "]");
            }
            self.expect(TokenKind::OpenBrace, "{");
            if self.kind() != TokenKind::OpenParen {
                let missing = self
                    .missing_with("Missing pattern match clause".to_owned())
                    .span;
                pattern.matches.push(PatternMatch {
                    values: Vec::new(),
                    list: missing,
                    path: None,
                    equal: missing,
                    body: Arc::new(FunctionDeclaration {
                        view: false,
                        parameters: Vec::new(),
                        statements: Vec::new(),
                        result: None,
                        body: missing,
                    }),
                });
            }
            let all = pattern.parameters.iter().chain(&pattern.path);
            let parameters: Vec<FunctionParameter> = all.map(parameter).collect();
            while self.kind() == TokenKind::OpenParen {
                let line = self.pattern_match(&parameters);
                pattern.matches.push(line);
            }
            self.expect(TokenKind::CloseBrace, "}");
        }
        StatementKind::Pattern(Box::new(pattern))
    }

    /// `(values).[path] = { body };`
    fn pattern_match(&mut self, parameters: &[FunctionParameter]) -> PatternMatch {
        let open = self.next().span;
        let values = self.comma_list(
            Self::unnamed_expr,
            |p| p.missing_with("Missing string".to_owned()),
            Some(&Self::at_list_end),
            true,
            false,
        );
        let list = open.to(self.expect(TokenKind::CloseParen, ")"));
        let path = self.eat(TokenKind::Dot).map(|dot| {
            self.expect(TokenKind::OpenBracket, "[");
            let value = self.literal();
            if value.is_none() {
                self.missing_with("Missing string".to_owned());
            }
            (value, dot.to(self.expect(TokenKind::CloseBracket, "]")))
        });
        let equal = self.expect(TokenKind::Equal, "=");
        let open = self.expect(TokenKind::OpenBrace, "{");
        let mut statements = Vec::new();
        while self.at_word("let") {
            let start = self.peek().span;
            let kind = self.let_statement();
            self.expect(TokenKind::Semicolon, ";");
            statements.push(Statement {
                kind,
                span: start.to(self.here()),
            });
        }
        let result = self.pipe_expr();
        self.eat(TokenKind::Semicolon);
        let body = open.to(self.expect(TokenKind::CloseBrace, "}"));
        self.expect(TokenKind::Semicolon, ";");
        PatternMatch {
            values,
            list,
            path,
            equal,
            body: Arc::new(FunctionDeclaration {
                view: false,
                parameters: parameters.to_vec(),
                statements,
                result,
                body,
            }),
        }
    }
}

fn parameter(declaration: &ColumnDeclaration) -> FunctionParameter {
    FunctionParameter {
        declaration: declaration.clone(),
        default: None,
        span: declaration.span,
    }
}

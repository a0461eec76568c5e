//! Pipelines: what starts a query, what may follow a pipe.

use super::{Parser, word_of};
use crate::kql::keywords::Roles;
use crate::kql::lexer::TokenKind;
use crate::kql::syntax::{Expr, ExprKind, Mark, Operator, OperatorKind, Span};

/// Chart kinds `render` knows.
pub(super) const CHARTS: &[&str] = &[
    "table",
    "list",
    "barchart",
    "piechart",
    "ladderchart",
    "timechart",
    "linechart",
    "anomalychart",
    "pivotchart",
    "areachart",
    "stackedareachart",
    "scatterchart",
    "timepivot",
    "columnchart",
    "timeline",
    "3Dchart",
    "card",
    "treemap",
    "plotly",
    "graph",
    "sankey",
];

impl Parser<'_> {
    /// A whole expression: tabular or scalar.
    /// Counts no level itself: what it reads in brackets does.
    pub(super) fn pipe_expr(&mut self) -> Option<Expr> {
        let mut source = None;
        let mut ops = Vec::new();
        if self.scan_operator() {
            match self.starting_operator().or_else(|| self.piped_operator()) {
                Some(op) => ops.push(op),
                None => source = self.unnamed_expr(),
            }
        } else {
            source = self.unnamed_expr();
            if source.is_none()
                && let Some(op) = self.starting_operator().or_else(|| self.piped_operator())
            {
                ops.push(op);
            }
        }
        if source.is_none() && ops.is_empty() {
            return None;
        }
        self.pipes(&mut ops);
        Some(pipeline(source, ops))
    }

    fn pipes(&mut self, ops: &mut Vec<Operator>) {
        while self.eat(TokenKind::Bar).is_some() {
            let op = self.required_operator();
            ops.push(op);
        }
    }

    /// The body of `mv-apply`: starts with an operator, or a table given from outside.
    pub(super) fn contextual_pipeline(&mut self) -> Expr {
        if !self.at_word("__contextual_datatable") {
            return self.sub_pipeline();
        }
        let source = self.contextual_datatable();
        let mut ops = Vec::new();
        self.pipes(&mut ops);
        pipeline(Some(source), ops)
    }

    /// The body of `partition`: starts with an operator.
    pub(super) fn sub_pipeline(&mut self) -> Expr {
        self.deeper(
            |p| {
                let mut ops = vec![p.required_operator()];
                p.pipes(&mut ops);
                Some(pipeline(None, ops))
            },
            |span| Expr {
                kind: ExprKind::Missing,
                span,
            },
        )
        .unwrap_or_else(|| self.missing_expr())
    }

    /// The body of `fork`, `facet with`: starts with an operator, or is nothing.
    pub(super) fn fork_pipeline(&mut self) -> Option<Expr> {
        self.deeper(
            |p| {
                let first = p.piped_operator().or_else(|| p.starting_operator())?;
                let mut ops = vec![first];
                p.pipes(&mut ops);
                Some(pipeline(None, ops))
            },
            |span| Expr {
                kind: ExprKind::Missing,
                span,
            },
        )
    }

    pub(super) fn required_operator(&mut self) -> Operator {
        if let Some(op) = self.piped_operator().or_else(|| self.starting_operator()) {
            return op;
        }
        let span = if self.kind() == TokenKind::Identifier {
            let span = self.next().span;
            self.mark(span, Mark::Keyword);
            span
        } else {
            self.here()
        };
        self.report("KS176", span, "Query operator expected.".to_owned());
        bad_operator(span)
    }

    /// The `as` after a table of `find in (...)`.
    pub(super) fn as_operator(&mut self) -> Operator {
        if self.at_word("as")
            && let Some(op) = self.operator()
        {
            return op;
        }
        let span = self.here();
        self.report("KS176", span, "Query operator expected.".to_owned());
        bad_operator(span)
    }

    /// Does an operator start here, where a name could stand as well?
    pub(super) fn scan_operator(&self) -> bool {
        let token = self.peek();
        if !token.has_role(Roles::OPERATOR) {
            return false;
        }
        match word_of(token) {
            "evaluate" => self.scan_name(1).is_some() || self.scan_known_parameter(1),
            "facet" => self.word_at(1, "by"),
            "partition" | "reduce" => self.word_at(1, "by") || self.scan_known_parameter(1),
            "range" => self
                .scan_name(1)
                .is_some_and(|n| self.word_at(1 + n, "from")),
            "render" => {
                CHARTS.iter().any(|c| self.scan_text(c, 1).is_some()) || self.peek_at(1).is_name()
            }
            "inline_external_table" => {
                self.kind_at(1) == TokenKind::OpenParen || self.word_at(1, "kind")
            }
            _ => token.has_role(Roles::OPERATOR) && !token.is_name(),
        }
    }

    /// An operator that needs no input.
    pub(super) fn starting_operator(&mut self) -> Option<Operator> {
        match self.peek().keyword()? {
            "evaluate" | "find" | "macro-expand" | "print" | "search" | "union" => self.operator(),
            _ => None,
        }
    }

    /// An operator after a pipe.
    pub(super) fn piped_operator(&mut self) -> Option<Operator> {
        let token = self.peek();
        if !token.has_role(Roles::OPERATOR) || matches!(word_of(token), "print" | "macro-expand") {
            return None;
        }
        self.operator()
    }

    fn operator(&mut self) -> Option<Operator> {
        let token = self.peek();
        let word = word_of(token);
        // `count()` and `range()` are functions, and `inline_external_table` may be a name
        let read = match word {
            "count" | "range" => self.kind_at(1) != TokenKind::OpenParen,
            "inline_external_table" => self.scan_external_table(),
            _ => true,
        };
        if !read {
            return None;
        }
        self.next();
        let mut parameters = Vec::new();
        let kind = self.operator_body(word, &mut parameters);
        let span = token.span.to(self.here());
        Some(Operator {
            kind,
            word,
            keyword: token.span,
            parameters,
            span,
        })
    }
}

fn bad_operator(span: Span) -> Operator {
    Operator {
        kind: OperatorKind::Bad,
        word: "",
        keyword: span,
        parameters: Vec::new(),
        span,
    }
}

fn pipeline(source: Option<Expr>, ops: Vec<Operator>) -> Expr {
    match source {
        Some(source) if ops.is_empty() => source,
        _ => {
            let start = source.as_ref().map_or_else(|| ops[0].span, |s| s.span);
            let span: Span = ops.last().map_or(start, |op| start.to(op.span));
            Expr {
                kind: ExprKind::Pipeline {
                    source: source.map(Box::new),
                    ops,
                },
                span,
            }
        }
    }
}

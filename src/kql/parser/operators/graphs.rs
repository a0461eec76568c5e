//! The graph operators and their patterns.

use crate::kql::lexer::TokenKind;
use crate::kql::parser::Parser;
use crate::kql::parser::expected;
use crate::kql::parser::parameter_sets as sets;
use crate::kql::syntax::Expr;
use crate::kql::syntax::Mark;
use crate::kql::syntax::Parameter;
use crate::kql::syntax::Span;

impl Parser<'_> {
    /// The graph operators. Their names refer to nodes and edges; only expressions are kept.
    pub(super) fn graph(&mut self, word: &str, parameters: &mut Vec<Parameter>) -> Vec<Expr> {
        let mut exprs = Vec::new();
        match word {
            "make-graph" => {
                *parameters = self.parameters(sets::MAKE_GRAPH);
                self.name_declaration();
                if self.eat_arrow(&["-->", "--"]).is_none() {
                    let place = self.missing_place();
                    self.report("KS005", place, expected(&["-->", "--"]));
                }
                self.name_declaration();
                if self.eat_word("with_node_id").is_some() {
                    self.expect(TokenKind::Equal, "=");
                    self.name_declaration();
                } else if self.eat_word("with").is_some() {
                    let end = |p: &Self| p.at_word("partitioned-by") || p.at_list_end();
                    exprs = self.comma_list(
                        |p| {
                            let table = p.sign()?;
                            p.expect_word("on");
                            p.name_declaration();
                            Some(table)
                        },
                        |p| p.missing_with("Missing expression".to_owned()),
                        Some(&end),
                        true,
                        false,
                    );
                }
                if self.eat_word("partitioned-by").is_some() {
                    if self.simple_path().is_none() {
                        self.missing_name();
                    }
                    self.expect(TokenKind::OpenParen, "(");
                    exprs.push(self.contextual_pipeline());
                    self.expect(TokenKind::CloseParen, ")");
                }
            }
            "graph-match" | "graph-shortest-paths" => {
                *parameters = self.parameters(if word == "graph-match" {
                    sets::NONE_EQUALS
                } else {
                    sets::SHORTEST_PATHS
                });
                loop {
                    self.graph_pattern();
                    if self.eat(TokenKind::Comma).is_none() {
                        break;
                    }
                }
                if self.eat_word("where").is_some() {
                    exprs.push(*self.required(Self::pipe_expr));
                }
                if self.eat_word("project").is_some() {
                    exprs.extend(self.expr_list(true));
                }
            }
            "graph-to-table" => loop {
                let set = if self.eat_word("nodes").is_some() {
                    sets::GRAPH_NODES
                } else if self.eat_word("edges").is_some() {
                    sets::GRAPH_EDGES
                } else {
                    let place = self.here();
                    self.report(
                        "KS230",
                        place,
                        "The graph-to-table operator requires 1-2 arguments (nodes, edges)."
                            .to_owned(),
                    );
                    break;
                };
                if self.eat_word("as").is_some() {
                    self.name_declaration();
                }
                parameters.extend(self.parameters(set));
                if self.eat(TokenKind::Comma).is_none() {
                    break;
                }
            },
            "graph-mark-components" => {
                *parameters = self.parameters(sets::MARK_COMPONENTS);
            }
            _ => exprs.push(*self.required(Self::unnamed_expr)),
        }
        exprs
    }

    /// The first of these arrows that stands here.
    fn eat_arrow(&mut self, arrows: &[&str]) -> Option<Span> {
        let span = arrows.iter().find_map(|arrow| self.eat_text(arrow))?;
        self.mark(span, Mark::Plain);
        Some(span)
    }

    /// `(a)-[e*1..3]->(b)<--(c)`
    pub(super) fn graph_pattern(&mut self) {
        let mut any = false;
        loop {
            if self.eat(TokenKind::OpenParen).is_some() {
                self.name();
                self.expect(TokenKind::CloseParen, ")");
            } else if self.eat_arrow(&["-->", "<--", "--"]).is_some() {
            } else if self.eat_arrow(&["-[", "<-["]).is_some() {
                self.name();
                if self.eat(TokenKind::Star).is_some() {
                    if self.sign().is_none() {
                        self.missing_value();
                    }
                    self.expect(TokenKind::DotDot, "..");
                    self.required(Self::sign);
                }
                if self.eat_arrow(&["]->", "]-"]).is_none() {
                    let place = self.missing_place();
                    self.report("KS005", place, expected(&["]->", "]-"]));
                }
            } else {
                break;
            }
            any = true;
        }
        if !any {
            let place = self.here();
            self.report("KS217", place, "Missing graph-match pattern.".to_owned());
        }
    }
}

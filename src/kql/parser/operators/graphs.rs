//! The graph operators and their patterns.

use std::collections::HashSet;

use crate::kql::lexer::TokenKind;
use crate::kql::parser::Parser;
use crate::kql::parser::expected;
use crate::kql::parser::parameter_sets as sets;
use crate::kql::syntax::Expr;
use crate::kql::syntax::GraphElement;
use crate::kql::syntax::GraphOutput;
use crate::kql::syntax::GraphSyntax;
use crate::kql::syntax::Mark;
use crate::kql::syntax::Name;
use crate::kql::syntax::NameForm;
use crate::kql::syntax::Parameter;
use crate::kql::syntax::ParameterValue;
use crate::kql::syntax::Span;

impl Parser<'_> {
    /// What follows the word of a graph operator.
    pub(super) fn graph(&mut self, word: &str, parameters: &mut Vec<Parameter>) -> GraphSyntax {
        match word {
            "make-graph" => {
                *parameters = self.parameters(sets::MAKE_GRAPH);
                self.make_graph()
            }
            "graph-match" | "graph-shortest-paths" => {
                *parameters = self.parameters(if word == "graph-match" {
                    sets::NONE_EQUALS
                } else {
                    sets::SHORTEST_PATHS
                });
                self.graph_match()
            }
            "graph-to-table" => self.graph_to_table(parameters),
            "graph-mark-components" => {
                *parameters = self.parameters(sets::MARK_COMPONENTS);
                GraphSyntax::MarkComponents
            }
            _ => GraphSyntax::Where(*self.required(Self::unnamed_expr)),
        }
    }

    fn make_graph(&mut self) -> GraphSyntax {
        let source = self.name_declaration();
        if self.eat_arrow(&["-->", "--"]).is_none() {
            let place = self.missing_place();
            self.report("KS005", place, expected(&["-->", "--"]));
        }
        let target = self.name_declaration();
        let mut node_id = None;
        let mut nodes = Vec::new();
        if self.eat_word("with_node_id").is_some() {
            self.expect(TokenKind::Equal, "=");
            node_id = Some(self.name_declaration());
        } else if self.eat_word("with").is_some() {
            let end = |p: &Self| p.at_word("partitioned-by") || p.at_list_end();
            nodes = self.comma_list(
                |p| {
                    let table = p.sign()?;
                    p.expect_word("on");
                    let key = p.name_declaration();
                    Some((table, key))
                },
                |p| {
                    let table = p.missing_with("Missing expression".to_owned());
                    let key = Name {
                        text: String::new(),
                        span: table.span,
                        form: NameForm::Missing,
                    };
                    (table, key)
                },
                Some(&end),
                true,
                false,
            );
        }
        let mut partition = None;
        if self.eat_word("partitioned-by").is_some() {
            let by = self
                .simple_path()
                .unwrap_or_else(|| self.missing_name_expr());
            self.expect(TokenKind::OpenParen, "(");
            let body = self.contextual_pipeline();
            self.expect(TokenKind::CloseParen, ")");
            partition = Some((by, body));
        }
        GraphSyntax::Make {
            source,
            target,
            node_id,
            nodes,
            partition,
        }
    }

    fn graph_match(&mut self) -> GraphSyntax {
        let mut patterns = Vec::new();
        loop {
            patterns.push(self.graph_pattern());
            if self.eat(TokenKind::Comma).is_none() {
                break;
            }
        }
        let condition = self
            .eat_word("where")
            .map(|_| *self.required(Self::pipe_expr));
        let project = self.eat_word("project").map(|_| {
            let list = self.expr_list(true);
            let repeated: HashSet<&str> = patterns
                .iter()
                .flatten()
                .filter(|e| e.repeated)
                .filter_map(|e| e.name.as_ref().map(|n| n.text.as_str()))
                .collect();
            let many = |e: &Expr| !repeated.is_empty() && self.names_any(e.span, &repeated);
            list.into_iter()
                .map(|e| {
                    let many = many(&e);
                    (e, many)
                })
                .collect()
        });
        GraphSyntax::Match {
            patterns,
            condition,
            project,
        }
    }

    /// Does a place name one of these?
    fn names_any(&self, place: Span, names: &HashSet<&str>) -> bool {
        let first = self.tokens.partition_point(|t| t.span.start < place.start);
        let inside = self.tokens[first..]
            .iter()
            .take_while(|t| t.span.end <= place.end);
        inside
            .filter(|t| t.is_name())
            .any(|t| names.contains(self.text_of(t)))
    }

    fn graph_to_table(&mut self, parameters: &mut Vec<Parameter>) -> GraphSyntax {
        let mut outputs = Vec::new();
        loop {
            let start = self.peek().span;
            let edges = if self.eat_word("nodes").is_some() {
                false
            } else if self.eat_word("edges").is_some() {
                true
            } else {
                let place = self.here();
                self.report(
                    "KS230",
                    place,
                    "The graph-to-table operator requires 1-2 arguments (nodes, edges).".to_owned(),
                );
                break;
            };
            let name = self.eat_word("as").map(|_| self.name_declaration());
            let own = self.parameters(if edges {
                sets::GRAPH_EDGES
            } else {
                sets::GRAPH_NODES
            });
            let end = own.last().map(|p| p.span);
            let end = end.or_else(|| name.as_ref().map(|n| n.span));
            // source before target, however they are written
            let wanted: &[&str] = if edges {
                &["with_source_id", "with_target_id"]
            } else {
                &["with_node_id"]
            };
            let id = |wanted: &&str| {
                let own = own.iter().find(|p| p.name.text == *wanted)?;
                match &own.value {
                    ParameterValue::Declaration(name) if !name.text.is_empty() => {
                        Some(name.clone())
                    }
                    _ => None,
                }
            };
            outputs.push(GraphOutput {
                edges,
                ids: wanted.iter().filter_map(id).collect(),
                span: start.to(end.unwrap_or(start)),
                name,
            });
            parameters.extend(own);
            if self.eat(TokenKind::Comma).is_none() {
                break;
            }
        }
        GraphSyntax::ToTable(outputs)
    }

    /// The first of these arrows that stands here.
    fn eat_arrow(&mut self, arrows: &[&str]) -> Option<Span> {
        let span = arrows.iter().find_map(|arrow| self.eat_text(arrow))?;
        self.mark(span, Mark::Plain);
        Some(span)
    }

    /// `(a)-[e*1..3]->(b)<--(c)`
    fn graph_pattern(&mut self) -> Vec<GraphElement> {
        let mut elements = Vec::new();
        loop {
            let start = self.peek().span;
            let mut element = GraphElement {
                edge: true,
                name: None,
                repeated: false,
                span: start,
            };
            let end;
            if self.eat(TokenKind::OpenParen).is_some() {
                element.edge = false;
                element.name = self.name();
                end = self.expect(TokenKind::CloseParen, ")");
            } else if let Some(arrow) = self.eat_arrow(&["-->", "<--", "--"]) {
                end = arrow;
            } else if self.eat_arrow(&["-[", "<-["]).is_some() {
                element.name = self.name();
                if self.eat(TokenKind::Star).is_some() {
                    element.repeated = true;
                    if self.sign().is_none() {
                        self.missing_value();
                    }
                    self.expect(TokenKind::DotDot, "..");
                    self.required(Self::sign);
                }
                end = self.eat_arrow(&["]->", "]-"]).unwrap_or_else(|| {
                    let place = self.missing_place();
                    self.report("KS005", place, expected(&["]->", "]-"]));
                    place
                });
            } else {
                break;
            }
            element.span = start.to(end);
            elements.push(element);
        }
        if elements.is_empty() {
            let place = self.here();
            self.report("KS217", place, "Missing graph-match pattern.".to_owned());
        }
        elements
    }
}

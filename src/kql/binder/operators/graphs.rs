//! Graphs: what their nodes and edges are like, the names of patterns, and what can be asked of them.
//!
//! A graph is no table: other operators see none of its columns. Nothing of it can be run here.

use std::rc::Rc;

use crate::kql::binder::Binder;
use crate::kql::binder::Graph;
use crate::kql::binder::Local;
use crate::kql::binder::Reference;
use crate::kql::binder::Row;
use crate::kql::binder::Table;
use crate::kql::binder::TupleColumn;
use crate::kql::binder::Ty;
use crate::kql::binder::Val;
use crate::kql::binder::projection::Projection;
use crate::kql::binder::projection::Style;
use crate::kql::binder::projection::column_expr;
use crate::kql::binder::unknown;
use crate::kql::binder::values::Conversion;
use crate::kql::binder::values::assignable;
use crate::kql::bound::Column;
use crate::kql::bound::OpKind;
use crate::kql::bound::Source;
use crate::kql::columns::Columns;
use crate::kql::symbols::Origin;
use crate::kql::symbols::Shape;
use crate::kql::symbols::SymbolKind;
use crate::kql::syntax;
use crate::kql::syntax::Call;
use crate::kql::syntax::ExprKind as S;
use crate::kql::syntax::GraphElement;
use crate::kql::syntax::GraphOutput;
use crate::kql::syntax::GraphSyntax;
use crate::kql::syntax::Name;
use crate::kql::syntax::Operator;
use crate::kql::syntax::ParameterValue;
use crate::kql::syntax::Span;
use crate::kql::syntax::Step;
use crate::kql::types::Type;

/// Functions that are known only where a pattern is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kql::binder) enum GraphFunction {
    /// `all`, `any`: a condition on each step of an edge.
    Test,
    /// `map`: a value of each step.
    Map,
    /// `labels`, `node_id`, ...: something of one node or edge, of this type.
    Of(Type),
    /// `inner_nodes`: the nodes between the steps of an edge.
    InnerNodes,
}

/// The function of graphs of this name. `any` is an aggregate elsewhere: it counts only in a match.
pub(in crate::kql::binder) fn function(name: &str) -> Option<GraphFunction> {
    Some(match name {
        "all" | "any" => GraphFunction::Test,
        "map" => GraphFunction::Map,
        "inner_nodes" => GraphFunction::InnerNodes,
        "labels" => GraphFunction::Of(Type::Dynamic),
        "node_id" => GraphFunction::Of(Type::String),
        "node_degree_in" | "node_degree_out" => GraphFunction::Of(Type::Long),
        _ => return None,
    })
}

/// A node or edge as a value: all its columns.
pub(in crate::kql::binder) fn element_val(row: &Row, span: Span) -> Val {
    let columns = row.columns.iter().enumerate().map(|(i, c)| TupleColumn {
        column: c.clone(),
        identity: None,
        argument: column_expr(i, c),
    });
    Val::new(unknown(span)).typed(Ty::Tuple(columns.collect()))
}

fn unsupported(op: &Operator) -> OpKind {
    OpKind::Unsupported {
        what: format!("operator '{}'", op.word),
    }
}

impl Binder<'_> {
    pub(super) fn graph_operator(
        &mut self,
        input: Option<Table>,
        op: &Operator,
        syntax: &GraphSyntax,
    ) -> Option<Table> {
        // a first operator without rows was reported already
        let input = input.unwrap_or_else(|| {
            let what = "a missing input".to_owned();
            Self::source(
                Source::Unsupported { what },
                Vec::new(),
                false,
                op.span,
                None,
            )
        });
        match syntax {
            GraphSyntax::Make {
                source,
                target,
                node_id,
                nodes,
                partition,
            } => {
                let ends = [self.node_key(source), self.node_key(target)];
                let mut shapes: Vec<Row> = Vec::new();
                if let Some(name) = node_id {
                    if name.is_missing() {
                        self.report("KS243", name.span, "Nodes need a name for their key.");
                    }
                    self.refer(name.span, Reference::Identifier);
                    let column = self.define_column(name, ends[0], op.span);
                    shapes.push(Row {
                        columns: vec![column].into(),
                        ..Row::default()
                    });
                }
                for (table, key) in nodes {
                    let val = self.expr(table, true);
                    let table = self.table_of(val, table.span);
                    let row = table.as_ref().map_or_else(Row::default, Row::of);
                    let outer = self.row.replace(row.clone());
                    self.node_key(key);
                    self.row = outer;
                    if table.is_some() {
                        shapes.push(row);
                    }
                }
                let graph = Graph {
                    edges: self.row.clone().unwrap_or_default(),
                    nodes: unified(shapes),
                };
                let Some((by, body)) = partition else {
                    return self.graph_shape(input, op, graph);
                };
                let val = self.expr(by, false);
                if !val.is_column && !val.ty.is_error() {
                    self.report("KS109", by.span, "The name of a column is expected here.");
                }
                let outer = self.parted.replace(Rc::new(graph));
                let val = self.expr(body, true);
                self.parted = outer;
                let Ty::Table(part) = val.ty else { return None };
                let open = part.open();
                self.shape(
                    input,
                    unsupported(op),
                    part.columns().clone(),
                    open,
                    op.span,
                )
            }
            GraphSyntax::Match {
                patterns,
                condition,
                project,
            } => {
                let graph = self.graph_of(&input, op);
                self.graph_match(
                    input,
                    op,
                    graph,
                    patterns,
                    condition.as_ref(),
                    project.as_deref(),
                )
            }
            GraphSyntax::ToTable(outputs) => {
                let graph = self.graph_of(&input, op)?;
                self.graph_to_table(input, op, &graph, outputs)
            }
            GraphSyntax::MarkComponents => {
                self.known_word(op, "kind", &["weak", "strong"]);
                let mut graph = self.graph_or_edges(&input);
                let named = op.parameters.iter().find_map(|p| match &p.value {
                    ParameterValue::Declaration(name) if p.name.text == "with_component_id" => {
                        Some(name)
                    }
                    _ => None,
                });
                let spent = self.spent();
                if let Some(nodes) = graph.nodes.as_mut().filter(|_| !spent) {
                    self.copied += nodes.columns.len();
                    nodes.columns.push(match named {
                        Some(name) => self.define_column(name, Type::Long, op.span),
                        None => Column::new("ComponentId", Type::Long),
                    });
                }
                self.graph_shape(input, op, graph)
            }
            GraphSyntax::Where(condition) => {
                self.graph_condition(condition);
                let graph = self.graph_or_edges(&input);
                self.graph_shape(input, op, graph)
            }
        }
    }

    /// The value of a parameter is one of these words.
    fn known_word(&mut self, op: &Operator, parameter: &str, words: &[&str]) {
        if let Some((word, place)) = self.parameter_word(op, parameter)
            && !words.contains(&word.as_str())
        {
            let message = format!("'{parameter}' is one of: {}.", words.join(", "));
            self.report("KS005", place, message);
        }
    }

    fn graph_shape(&mut self, input: Table, op: &Operator, graph: Graph) -> Option<Table> {
        let mut table = self.shape(input, unsupported(op), Vec::new(), false, op.span)?;
        table.graph = Some(Rc::new(graph));
        Some(table)
    }

    /// The graph that is piped in, or the one a `partitioned-by` around this cuts into parts.
    fn graph_of(&mut self, input: &Table, op: &Operator) -> Option<Rc<Graph>> {
        let graph = input.graph.clone().or_else(|| self.parted.clone());
        let known = !matches!(input.rel.source, Source::Unsupported { .. }) || !input.open();
        if graph.is_none() && known {
            let message = format!("'{}' needs a graph before it: see make-graph.", op.word);
            self.report("KS219", op.keyword, message);
        }
        graph
    }

    fn graph_or_edges(&self, input: &Table) -> Graph {
        match &input.graph {
            Some(graph) => Graph::clone(graph),
            None => Graph {
                edges: self.row.clone().unwrap_or_default(),
                nodes: None,
            },
        }
    }

    /// A column that tells nodes apart; its type.
    fn node_key(&mut self, name: &Name) -> Type {
        if name.is_missing() {
            return Type::Unknown;
        }
        let val = self.name(name, false);
        if !val.is_column && !val.ty.is_error() {
            self.report("KS109", name.span, "The name of a column is expected here.");
        } else if val.ty.scalar() == Some(Type::Dynamic) {
            let message = "Dynamic values cannot tell nodes apart: take a column of another type.";
            self.report("KS240", name.span, message);
        }
        val.type_or_unknown()
    }

    fn graph_condition(&mut self, condition: &syntax::Expr) {
        let val = self.expr(condition, false);
        match &val.ty {
            Ty::Tuple(_) => {
                let message = "A condition is expected here, not a node or edge.";
                self.report("KS141", condition.span, message);
            }
            ty => match ty.scalar() {
                Some(ty) if !assignable(Type::Bool, ty, Conversion::None) => {
                    let advice = self.not_a_condition(ty, condition);
                    self.report_with("KS141", condition.span, advice);
                }
                _ => {
                    self.check_type(&val, Type::Bool, Conversion::None, condition.span);
                }
            },
        }
    }

    fn graph_match(
        &mut self,
        input: Table,
        op: &Operator,
        graph: Option<Rc<Graph>>,
        patterns: &[Vec<GraphElement>],
        condition: Option<&syntax::Expr>,
        project: Option<&[(syntax::Expr, bool)]>,
    ) -> Option<Table> {
        let known = graph.clone().unwrap_or_default();
        let outer_row = self.row.take();
        let outer = self.matched.replace(Rc::clone(&known));
        let place = self.locals.place();
        let locals = self.locals.enter(Some(place));
        for pattern in patterns {
            self.pattern(pattern, &known);
        }
        self.probe_pattern(op);
        if let Some(condition) = condition {
            self.graph_condition(condition);
        }
        let mut into = Projection::new();
        for (i, (e, many)) in project.unwrap_or_default().iter().enumerate() {
            self.project_of_match(e, &mut into, many.then_some(Type::Dynamic), i);
        }
        self.locals.leave(locals);
        self.matched = outer;
        self.row = outer_row;
        if project.is_none() {
            return self.graph_shape(input, op, Graph::clone(&known));
        }
        self.shape(input, unsupported(op), into.output(), false, op.span)
    }

    /// Declares the names of a pattern; nodes and edges take turns in it.
    fn pattern(&mut self, pattern: &[GraphElement], graph: &Graph) {
        for (i, element) in pattern.iter().enumerate() {
            if element.edge != (i % 2 == 1) {
                let message = if element.edge {
                    "A node is expected here: (name)."
                } else {
                    "An edge is expected here: -[name]->."
                };
                self.report("KS239", element.span, message);
            }
            if let Some(name) = &element.name {
                let row = if element.edge {
                    Some(&graph.edges)
                } else {
                    graph.nodes.as_ref()
                };
                let row = row.cloned().unwrap_or_default();
                self.refer(name.span, Reference::Variable);
                let shape = Shape::Table(row.columns.clone(), row.open);
                let origin = self.define(name, SymbolKind::Element, shape, Span::default());
                self.push_local(&name.text, Local::Element(row), origin);
            }
        }
        if let Some(last) = pattern.last().filter(|e| e.edge) {
            self.report("KS238", last.span, "A node must follow this edge: (name).");
        }
    }

    /// A column of a match: `a.Name` is called `a_Name`, and names are made unique.
    fn project_of_match(
        &mut self,
        e: &syntax::Expr,
        into: &mut Projection,
        as_type: Option<Type>,
        position: usize,
    ) {
        if matches!(e.kind, S::Named { .. } | S::NamedList { .. } | S::Call(_)) {
            self.project(e, into, Style::Default, as_type, position);
            return;
        }
        let mut val = self.expr(e, false);
        self.check_scalar(&val, e.span);
        if let S::Path { base, .. } = &e.kind
            && let S::Name(element) = &base.kind
            && matches!(self.local(&element.text), Some((l, _)) if matches!(&*l, Local::Element(_)))
        {
            let member = val.name.take().unwrap_or_default();
            val.name = Some(format!("{}_{member}", element.text));
        }
        if matches!(val.ty, Ty::Tuple(_)) {
            val = Val {
                name: val.name,
                ..Val::new(unknown(e.span))
            };
        }
        (val.is_column, val.same_as) = (false, None);
        if val.name.as_ref().is_some_and(|n| !n.is_empty()) {
            self.project_plain(&val, e, into, Style::Default, as_type, position);
        }
    }

    fn graph_to_table(
        &mut self,
        input: Table,
        op: &Operator,
        graph: &Graph,
        outputs: &[GraphOutput],
    ) -> Option<Table> {
        if let [first, second] = outputs {
            if first.edges == second.edges {
                let place = first.span.to(second.span);
                self.report("KS229", place, "One table is of nodes, the other of edges.");
                return None;
            }
            for output in outputs.iter().filter(|o| o.name.is_none()) {
                let message = "Two tables need names: nodes as N, edges as E.";
                self.report("KS273", output.span, message);
            }
        } else if let [first, .., last] = outputs {
            let message = "graph-to-table gives one table, or one of nodes and one of edges.";
            self.report("KS230", first.span.to(last.span), message);
            return None;
        } else if outputs.is_empty() {
            return None;
        }
        let mut result = (Columns::default(), false);
        for output in outputs {
            let of = if output.edges {
                Some(&graph.edges)
            } else {
                graph.nodes.as_ref()
            };
            let mut columns = Columns::default();
            for id in &output.ids {
                let column = self.define_column(id, Type::Long, output.span);
                columns.push(column);
            }
            for column in of.iter().flat_map(|row| row.columns.iter().cloned()) {
                columns.push(column);
            }
            let open = of.is_some_and(|row| row.open);
            if let Some(name) = &output.name {
                self.refer(name.span, Reference::Identifier);
                if outputs.len() == 2 {
                    self.graph_output(op, name, &columns, open);
                }
            }
            result = (columns, open);
        }
        let (columns, open) = result;
        let mut table = self.shape(input, unsupported(op), columns, open, op.span)?;
        table.group = outputs.len() > 1;
        Some(table)
    }

    /// One of two tables, known by its name in the statements that follow.
    fn graph_output(&mut self, op: &Operator, name: &Name, columns: &Columns, open: bool) {
        let what = format!("operator '{}'", op.word);
        let source = Source::Unsupported { what };
        let table = Self::source(source, columns.clone(), open, op.span, None);
        let (id, columns, open) = self.let_table(&name.text, table, true);
        let shape = Shape::Table(columns.clone(), open);
        let origin = self.define(name, SymbolKind::As, shape, Span::default());
        let local = Local::Table {
            id,
            columns,
            open,
            parameter: false,
            graph: None,
        };
        self.push_local(&name.text, local, origin);
    }

    /// Is this a column of the row, whatever else it is called?
    pub(in crate::kql::binder) fn is_column(&self, name: &Name) -> bool {
        let row = self.row.as_ref();
        row.is_some_and(|r| r.find(&name.text).is_some())
    }

    /// `a.Name`, `e["Name"]`, `e.Fields.x`
    pub(in crate::kql::binder) fn element_path(
        &mut self,
        name: &Name,
        (row, origin): (&Row, Origin),
        steps: &[Step],
        span: Span,
    ) -> Val {
        self.mention(name.span, Reference::Variable, Type::Unknown, origin);
        let (mut val, rest) = match steps {
            [Step::Member(member), rest @ ..] => {
                let outer = self.row.replace(row.clone());
                let mut val = self.member_of_row(member);
                self.row = outer;
                val.name = Some(member.text.clone());
                (val, rest)
            }
            [Step::Index(inner, _), rest @ ..] => {
                let index = self.expr(inner, false);
                let mut val = Val::new(unknown(span));
                val.name = crate::kql::binder::constant_text(&index.expr).map(str::to_owned);
                (val, rest)
            }
            [first, rest @ ..] => {
                let base = element_val(row, name.span);
                (self.step(base, first, name.span, false), rest)
            }
            [] => return element_val(row, name.span),
        };
        for step in rest {
            val = self.step(val, step, name.span, false);
        }
        // its place in the row says nothing where rows are nodes and edges
        (val.column, val.same_as) = (None, None);
        val.expr = crate::kql::bound::Expr {
            ty: val.expr.ty,
            ..unknown(span)
        };
        val
    }

    /// A function of nodes and edges.
    pub(in crate::kql::binder) fn graph_call(
        &mut self,
        function: GraphFunction,
        graph: &Rc<Graph>,
        call: &Call,
        span: Span,
    ) -> Val {
        self.refer(call.name.span, Reference::Function);
        let (min, max) = match function {
            GraphFunction::Test | GraphFunction::Map => (2, 2),
            GraphFunction::InnerNodes => (1, 1),
            GraphFunction::Of(_) => (0, 1),
        };
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Function);
        let mut element = None;
        for (i, arg) in call.args.iter().enumerate() {
            let lambda = i == 1 && max == 2;
            let outer = self.row.clone();
            if lambda && let Some(row) = element.take() {
                self.row = Some(row);
            }
            let val = match &arg.kind {
                // only what goes over nodes takes them
                S::Call(nodes) if i == 0 && max == 2 && nodes.name.text == "inner_nodes" => {
                    self.graph_call(GraphFunction::InnerNodes, graph, nodes, arg.span)
                }
                _ => self.expr(arg, false),
            };
            self.row = outer;
            if lambda && function == GraphFunction::Test {
                self.check_type(&val, Type::Bool, Conversion::None, arg.span);
            } else if let Ty::Tuple(columns) = val.ty {
                element = Some(Row {
                    columns: columns.into_iter().map(|c| c.column).collect(),
                    ..Row::default()
                });
            }
        }
        self.enclosing = enclosing;
        if call.args.len() < min || call.args.len() > max {
            self.argument_count(&call.name.text, min, max, call.name.span);
        }
        let ty = match function {
            GraphFunction::Test => Type::Bool,
            GraphFunction::Map => Type::Dynamic,
            GraphFunction::Of(ty) => ty,
            GraphFunction::InnerNodes => {
                let nodes = graph.nodes.clone().unwrap_or_default();
                return element_val(&nodes, span);
            }
        };
        let mut val = Val::new(unknown(span)).typed(Ty::Scalar(ty));
        val.expr.ty = ty;
        val
    }
}

/// The columns of several kinds of node: those of one name are one.
fn unified(shapes: Vec<Row>) -> Option<Row> {
    let mut shapes = shapes.into_iter();
    let mut all = shapes.next()?;
    for row in shapes {
        all.open |= row.open;
        for column in &row.all() {
            if !all.columns.has(&column.name) {
                all.columns.push(column.clone());
            }
        }
    }
    Some(all)
}

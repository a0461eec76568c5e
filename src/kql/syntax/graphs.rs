//! The nodes of graph operators: their clauses and patterns.

use super::{Expr, Name, Span};

/// What stands behind the word of a graph operator.
#[derive(Clone, Debug)]
pub enum GraphSyntax {
    /// `make-graph Source --> Target with Nodes on Id`
    Make {
        /// The column of the source node.
        source: Name,
        /// The column of the target node.
        target: Name,
        /// `with_node_id = name`
        node_id: Option<Name>,
        /// Tables of nodes, each with its key.
        nodes: Vec<(Expr, Name)>,
        /// `partitioned-by Column (query)`
        partition: Option<(Expr, Expr)>,
    },
    /// `graph-match (a)-[e]->(b) where ... project ...`, and `graph-shortest-paths` of the same form.
    Match {
        /// The patterns.
        patterns: Vec<Vec<GraphElement>>,
        /// The condition.
        condition: Option<Expr>,
        /// The columns; true where one names an edge of several steps, whose values come as an array.
        project: Option<Vec<(Expr, bool)>>,
    },
    /// `graph-to-table nodes as N, edges as E`
    ToTable(Vec<GraphOutput>),
    /// `graph-mark-components`
    MarkComponents,
    /// `graph-where-nodes condition`, `graph-where-edges condition`
    Where(Expr),
}

impl GraphSyntax {
    /// Its expressions in the order of the text.
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            Self::Make {
                nodes, partition, ..
            } => {
                let body = partition.iter().map(|(_, body)| body);
                nodes.iter().map(|(table, _)| table).chain(body).collect()
            }
            Self::Match {
                condition, project, ..
            } => {
                let columns = project.iter().flatten().map(|(e, _)| e);
                condition.iter().chain(columns).collect()
            }
            Self::ToTable(_) | Self::MarkComponents => Vec::new(),
            Self::Where(condition) => vec![condition],
        }
    }
}

/// A node or edge of a pattern.
#[derive(Clone, Debug)]
pub struct GraphElement {
    /// An edge: `-[e]->`, `<--`; else a node.
    pub edge: bool,
    /// Its name.
    pub name: Option<Name>,
    /// An edge of several steps: `*1..3`.
    pub repeated: bool,
    /// Place.
    pub span: Span,
}

/// One table of `graph-to-table`.
#[derive(Clone, Debug)]
pub struct GraphOutput {
    /// `edges`; else `nodes`.
    pub edges: bool,
    /// `as name`
    pub name: Option<Name>,
    /// Columns of hashes it begins with: `with_node_id = name`.
    pub ids: Vec<Name>,
    /// Place.
    pub span: Span,
}

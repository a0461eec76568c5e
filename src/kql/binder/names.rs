//! What a name refers to: columns first, then lets, tables, functions.

use std::rc::Rc;

use super::model::Entity;
use super::operators::graphs::element_val;
use super::{Binder, Local, Reference, Scope, Table, Ty, Val};
use crate::kql::bound::{ExprKind, Rel, Source};
use crate::kql::builtins::{Kind, builtins};
use crate::kql::columns::Columns;
use crate::kql::diagnostics::{Diagnostic, Fix};
use crate::kql::symbols::Origin;
use crate::kql::syntax::{Name, NameForm, Span};
use crate::kql::types::Type;

impl Binder<'_> {
    /// A table that starts with this source.
    pub(super) fn source(
        source: Source,
        columns: impl Into<Columns>,
        open: bool,
        span: Span,
        name: Option<String>,
    ) -> Table {
        Table {
            rel: Rel {
                source,
                source_columns: columns.into(),
                source_open: open,
                span,
                ops: Vec::new(),
            },
            name,
            group: false,
            others: Vec::new(),
            graph: None,
        }
    }

    pub(super) fn table_val(table: Table, span: Span) -> Val {
        let mut val = Val::new(super::unknown(span)).typed(Ty::Table(Box::new(table)));
        val.constant = false;
        val
    }

    /// Binds a name. `tabular` says that only a table makes sense here (it changes what is said
    /// when nothing is found).
    pub(super) fn name(&mut self, name: &Name, tabular: bool) -> Val {
        match name.form {
            NameForm::Missing => return Val::error(name.span),
            NameForm::Braced => {
                self.report(
                    "KS213",
                    name.span,
                    "Names in braces are filled in by some clients; here they are not.",
                );
                return Val::new(super::unknown(name.span));
            }
            NameForm::Wildcard => {
                self.report("KS268", name.span, "A name with '*' cannot stand here.");
                return Val::error(name.span);
            }
            NameForm::Plain | NameForm::Bracketed => {}
        }
        let outer = self.scope;
        let found = self.find_name(name, outer != Scope::Aggregate);
        if let Some(mut val) = found {
            val.name = Some(name.text.clone());
            return val;
        }
        if outer == Scope::Aggregate
            && let Some(aggregate) = builtins().get(Kind::Aggregate, &name.text)
        {
            self.refer(name.span, Reference::Function);
            let none_needed = aggregate.signatures.iter().any(|s| s.min() == 0);
            let advice = self.no_arguments(name, none_needed);
            self.report_with("KS117", name.span, advice);
            let mut val = Val::error(name.span);
            val.name = Some(name.text.clone());
            return val;
        }
        if outer == Scope::Aggregate {
            // a column, where only aggregates make sense
            self.silent += 1;
            let elsewhere = self.find_name(name, true);
            self.silent -= 1;
            if elsewhere.is_some() {
                let message = format!(
                    "'{0}' is a column: put it after 'by', or in an aggregate, as in take_any({0}).",
                    name.text
                );
                self.report("KS236", name.span, message);
                self.refer(name.span, Reference::Identifier);
                let mut val = Val::error(name.span);
                val.name = Some(name.text.clone());
                return val;
            }
        }
        let mut val = self.not_found(name, tabular);
        val.name = Some(name.text.clone());
        val
    }

    fn find_name(&mut self, name: &Name, with_row: bool) -> Option<Val> {
        let text = name.text.as_str();
        if with_row {
            if let Some(val) = self.row_column(name) {
                return Some(val);
            }
            if self.right.is_some() && matches!(text, "$left" | "$right") {
                self.refer(name.span, Reference::Identifier);
                let side = Ty::Tuple(Vec::new());
                return Some(Val::new(super::unknown(name.span)).typed(side));
            }
            if let Some(right) = &self.right
                && let Some(i) = right.find(text)
            {
                let (ty, origin) = (right.columns[i].ty, right.columns[i].origin);
                self.mention(name.span, Reference::Column, ty, origin);
                let mut val = Val::scalar(ExprKind::Column(i), ty, name.span);
                val.is_column = true;
                return Some(val);
            }
        }
        if let Some((local, origin)) = self.local(text) {
            return Some(self.local_val(&local, origin, name));
        }
        if let Some(table) = self.schema_table(text, name.span) {
            self.refer(name.span, Reference::Table);
            return Some(Self::table_val(table, name.span));
        }
        if let Some(function) = builtins().get(Kind::Function, text) {
            self.refer(name.span, Reference::Function);
            let none_needed = function.signatures.iter().any(|s| s.min() == 0);
            let advice = self.no_arguments(name, none_needed);
            self.report_with("KS117", name.span, advice);
            let ty = match &function.signatures[0].returns {
                crate::kql::builtins::Returns::Type(ty) if function.signatures.len() == 1 => *ty,
                _ => return Some(Val::error(name.span)),
            };
            return Some(Val::new(super::unknown(name.span)).typed(Ty::Scalar(ty)));
        }
        if with_row
            && let Some(row) = &mut self.row
            && row.open
        {
            let ty = row.infer(text);
            self.mention(name.span, Reference::Column, ty, Origin::UNKNOWN);
            let mut val = Val::scalar(ExprKind::OpenColumn(text.to_owned()), ty, name.span);
            val.is_column = true;
            return Some(val);
        }
        None
    }

    fn row_column(&mut self, name: &Name) -> Option<Val> {
        let row = self.row.as_ref()?;
        let i = row.find(&name.text)?;
        let (ty, origin) = (row.columns[i].ty, row.columns[i].origin);
        self.mention(name.span, Reference::Column, ty, origin);
        let mut val = Val::scalar(ExprKind::Column(i), ty, name.span);
        val.column = Some(i);
        val.same_as = Some(i);
        val.is_column = true;
        Some(val)
    }

    fn local_val(&mut self, local: &Rc<Local>, origin: Origin, name: &Name) -> Val {
        let ty = match &**local {
            Local::Scalar { expr, .. } => expr.ty,
            _ => Type::Unknown,
        };
        self.note(name.span, ty, origin);
        match &**local {
            Local::Scalar {
                expr,
                constant,
                literal,
                parameter,
            } => {
                self.refer(
                    name.span,
                    if *parameter {
                        Reference::Parameter
                    } else {
                        Reference::Variable
                    },
                );
                let mut expr = expr.clone();
                if *parameter && self.row.is_some() && super::depends_on_row(&expr) {
                    let what =
                        "a column as an argument that a function uses inside a table expression"
                            .to_owned();
                    expr.kind = ExprKind::Unsupported { what };
                }
                expr.span = name.span;
                let mut val = Val::new(expr);
                val.constant = *constant;
                val.literal = *literal;
                val
            }
            Local::Table {
                id,
                columns,
                open,
                parameter,
                graph,
            } => {
                self.refer(
                    name.span,
                    if *parameter {
                        Reference::Parameter
                    } else {
                        Reference::Variable
                    },
                );
                let mut table = Self::source(
                    Source::Let(*id),
                    columns.clone(),
                    *open,
                    name.span,
                    Some(name.text.clone()),
                );
                table.graph.clone_from(graph);
                Self::table_val(table, name.span)
            }
            Local::Function(function) => {
                self.refer(name.span, Reference::Function);
                if function
                    .declaration
                    .parameters
                    .iter()
                    .all(|p| p.default.is_some())
                {
                    return self.expand(function, Vec::new(), name.span);
                }
                let advice = self.no_arguments(name, false);
                self.report_with("KS117", name.span, advice);
                Val::error(name.span)
            }
            Local::Element(row) => {
                self.refer(name.span, Reference::Variable);
                element_val(row, name.span)
            }
            Local::Step(_) => {
                self.refer(name.span, Reference::Variable);
                Val::error(name.span)
            }
            Local::Pattern(pattern) => {
                self.refer(name.span, Reference::Variable);
                Val::new(super::unknown(name.span)).typed(Ty::Pattern(Rc::clone(pattern)))
            }
            Local::Group(group) => {
                self.refer(name.span, Reference::Identifier);
                Val::new(super::unknown(name.span)).typed(Ty::Group(Rc::clone(group)))
            }
            Local::Entity(entity) => {
                self.refer(name.span, Reference::Identifier);
                match entity {
                    Entity::Place(place) => {
                        Val::new(super::unknown(name.span)).typed(Ty::Database(*place))
                    }
                    Entity::Table(table) => Self::table_val((**table).clone(), name.span),
                    Entity::Unknown => Val::error(name.span),
                }
            }
            Local::Error => {
                self.refer(name.span, Reference::Variable);
                Val::error(name.span)
            }
        }
    }

    fn not_found(&mut self, name: &Name, tabular: bool) -> Val {
        self.refer(name.span, Reference::Identifier);
        if tabular {
            let open = || {
                let source = Source::Unsupported {
                    what: format!("table '{}'", name.text),
                };
                Self::source(
                    source,
                    Columns::default(),
                    true,
                    name.span,
                    Some(name.text.clone()),
                )
            };
            if self.fuzzy {
                if self.silent == 0 {
                    let message = format!(
                        "There is no table '{}': the fuzzy union does without it.",
                        name.text
                    );
                    let mut warning = Diagnostic::semantic("KS205", name.span, message);
                    warning.severity = crate::kql::diagnostics::Severity::Warning;
                    self.diagnostics.push(warning);
                }
                let mut table = open();
                table.rel.source = Source::Unsupported {
                    what: "fuzzy".to_owned(),
                };
                return Self::table_val(table, name.span);
            }
            self.unknown_table(name);
            return Self::table_val(open(), name.span);
        }
        if self.silent == 0 {
            let advice = self.no_column(name);
            self.report_with("KS142", name.span, advice);
        }
        Val::error(name.span)
    }

    /// Reports a table that was not found.
    pub(super) fn unknown_table(&mut self, name: &Name) {
        if self.silent == 0 {
            let advice = self.no_table(name);
            self.report_with("KS204", name.span, advice);
        }
    }

    pub(super) fn suggest(
        &mut self,
        code: &'static str,
        span: Span,
        message: String,
        meant: Option<String>,
    ) {
        if self.silent > 0 {
            return;
        }
        let mut found = Diagnostic::semantic(code, span, message);
        if let Some(meant) = meant {
            found.message = format!("{} Did you mean '{meant}'?", found.message);
            found.fix = Some(Fix::replace(format!("Write {meant}"), span, meant));
        }
        self.diagnostics.push(found);
    }
}

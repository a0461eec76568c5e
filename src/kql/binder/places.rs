//! Databases, clusters and tables called by name: `cluster("x").database("y").T`, `table("T")`.

use super::operators::columns::fits;
use super::{Binder, Reference, Table, Ty, Val, constant_text, unknown};
use crate::kql::bound::Source;
use crate::kql::columns::Columns;
use crate::kql::syntax::{self, Call, ExprKind as S, Name, NameForm, Span, Step};

/// Where tables are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kql) enum Place {
    /// The database the query runs in.
    Here,
    /// The cluster of that database.
    Cluster,
    /// A database of which nothing is known.
    Elsewhere,
    /// A cluster of which nothing is known.
    FarCluster,
}

/// What the official language service was told this database and its cluster are called.
const DATABASE: &str = "hunting";
const CLUSTER: &str = "defender";

impl Binder<'_> {
    /// `alias database x = database("y")`
    pub(super) fn alias_database(&mut self, name: &Name, to: &[syntax::Expr]) {
        for e in to {
            if let Ty::Database(place) = self.expr(e, false).ty {
                self.aliases.insert(name.text.clone(), place);
            }
        }
        self.refer(name.span, Reference::Identifier);
    }

    /// A table, view or pattern of names in `restrict access to (...)`.
    pub(super) fn restricted_to(&mut self, e: &syntax::Expr) {
        match &e.kind {
            S::Name(name) if name.form == NameForm::Wildcard => {
                let pattern = name.text.as_str();
                let tables = self.schema.tables();
                let known = tables.iter().any(|t| fits(pattern, &t.name))
                    || self.locals.visible().any(|(n, _)| fits(pattern, n));
                if !known {
                    let message = format!("No table or view is called like '{pattern}'.");
                    self.report("KS142", name.span, message);
                }
            }
            S::Path { base, steps } if matches!(steps[..], [Step::Wildcard(_)]) => {
                self.expr(base, false);
            }
            _ => {
                self.expr(e, false);
            }
        }
    }

    /// A table of which nothing is known.
    pub(super) fn far_table(&mut self, name: &str, span: Span) -> Table {
        let source = Source::Unsupported {
            what: format!("table '{name}' of another service"),
        };
        Self::source(
            source,
            Columns::default(),
            true,
            span,
            Some(name.to_owned()),
        )
    }

    /// A table of the schema.
    pub(super) fn schema_table(&self, name: &str, span: Span) -> Option<Table> {
        let table = self.schema.table(name)?;
        let source = Source::Table {
            name: name.to_owned(),
        };
        let columns = table.columns.clone();
        Some(Self::source(
            source,
            columns,
            false,
            span,
            Some(name.to_owned()),
        ))
    }

    /// `database("x")`, `table("x")` and their kin, called in a place.
    pub(super) fn called_by_name(
        &mut self,
        function: &str,
        place: Place,
        vals: &[Val],
        spans: &[Span],
        span: Span,
    ) -> Ty {
        let name = vals.first().and_then(|v| constant_text(&v.expr));
        let name = name.map(str::to_owned);
        let at = spans.first().copied().unwrap_or(span);
        let open = |b: &mut Self| {
            Ty::Table(Box::new(
                b.far_table(name.as_deref().unwrap_or_default(), span),
            ))
        };
        match (function, name.as_deref()) {
            ("cluster", Some(name)) if fits(&name.to_lowercase(), CLUSTER) => {
                Ty::Database(Place::Cluster)
            }
            ("database", None) if vals.is_empty() => Ty::Database(place),
            ("cluster", _) => Ty::Database(Place::FarCluster),
            ("database", Some(name)) if !matches!(place, Place::Elsewhere | Place::FarCluster) => {
                if let Some(place) = self.aliases.get(name) {
                    return Ty::Database(*place);
                }
                if fits(&name.to_lowercase(), DATABASE) {
                    return Ty::Database(Place::Here);
                }
                let message = format!("No database is called '{name}' here.");
                if !self.fuzzy {
                    self.report("KS208", at, message);
                }
                Ty::Database(Place::Elsewhere)
            }
            ("database", _) => Ty::Database(Place::Elsewhere),
            ("table", Some(name)) if place == Place::Here => {
                if let Some(table) = self.schema_table(name, span) {
                    return Ty::Table(Box::new(table));
                }
                if !name.contains('*') {
                    let name = Name {
                        text: name.to_owned(),
                        span: at,
                        form: crate::kql::syntax::NameForm::Plain,
                    };
                    self.unknown_table(&name);
                }
                open(self)
            }
            ("external_table", Some(name)) if place == Place::Here => {
                self.report(
                    "KS209",
                    at,
                    format!("No external table is called '{name}'."),
                );
                open(self)
            }
            ("materialized_view", Some(name)) if place == Place::Here => {
                self.report(
                    "KS210",
                    at,
                    format!("No materialized view is called '{name}'."),
                );
                open(self)
            }
            ("stored_query_result", Some(name)) if place == Place::Here => {
                self.report(
                    "KS248",
                    at,
                    format!("No stored query result is called '{name}'."),
                );
                open(self)
            }
            ("entity_group", _) => {
                let name = name.unwrap_or_default();
                let message = format!("No entity group is called '{name}'.");
                self.report("KS247", at, message);
                Ty::Group([].into())
            }
            ("graph", Some(name)) => {
                let word = Span {
                    start: span.start,
                    end: span.start + function.len() as u32,
                };
                self.report("KS260", word, format!("No graph is called '{name}'."));
                let mut table = self.far_table(name, span);
                table.graph = Some(std::rc::Rc::default());
                Ty::Table(Box::new(table))
            }
            _ => open(self),
        }
    }

    /// `database("x").f(...)`
    pub(super) fn call_in(&mut self, place: Place, call: &Call, span: Span) -> Val {
        let name = call.name.text.as_str();
        self.refer(call.name.span, Reference::Function);
        if place == Place::Here
            && let Some(function) = self.schema.function(name)
        {
            return self.schema_call(function, call, span);
        }
        let vals: Vec<Val> = call.args.iter().map(|a| self.expr(a, false)).collect();
        let spans: Vec<Span> = call.args.iter().map(|a| a.span).collect();
        let of_database = [
            "table",
            "external_table",
            "materialized_view",
            "entity_group",
        ];
        let known = match place {
            Place::Cluster | Place::FarCluster => name == "database",
            Place::Here | Place::Elsewhere => of_database.contains(&name),
        };
        if known {
            let ty = self.called_by_name(name, place, &vals, &spans, span);
            return match ty {
                Ty::Table(table) => Self::table_val(*table, span),
                ty => Val::new(unknown(span)).typed(ty),
            };
        }
        if place != Place::Elsewhere {
            self.report(
                "KS211",
                call.name.span,
                format!("No function is called '{name}' here."),
            );
        }
        Self::table_val(self.far_table(name, span), span)
    }

    /// `database("x").T`
    pub(super) fn member_of_place(&mut self, place: Place, name: &Name) -> Val {
        if matches!(place, Place::Cluster | Place::FarCluster) {
            self.refer(name.span, Reference::Identifier);
            let message = "A cluster has databases: write cluster(...).database(...).";
            self.report("KS142", name.span, message);
            return Val::error(name.span);
        }
        if place == Place::Here {
            if let Some(table) = self.schema_table(&name.text, name.span) {
                self.refer(name.span, Reference::Table);
                return Self::table_val(table, name.span);
            }
            self.refer(name.span, Reference::Identifier);
            self.unknown_table(name);
        }
        self.refer(name.span, Reference::Table);
        Self::table_val(self.far_table(&name.text, name.span), name.span)
    }
}

//! Patterns (`declare pattern`), and `macro-expand` over a group of databases or tables.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::calls::literal_text;
use super::model::{Entity, Members, Pattern, PatternLine};
use super::places::Place;
use super::tables::fuzzy;
use super::{
    Binder, Local, MAX_EXPANDED, MAX_EXPANSIONS, Reference, Table, Ty, UserFunction, Val, unknown,
};
use crate::kql::bound::{ExprKind, Source, Union, UnionLeg};
use crate::kql::columns::Columns;
use crate::kql::symbols::{Origin, Shape, SymbolKind};
use crate::kql::syntax::{
    self, Call, EntityGroup, ExprKind as S, MacroExpandSyntax, Name, Operator, PatternDeclaration,
    Span, StatementKind,
};
use crate::kql::types::{Type, Value};

/// What the entity at hand can be asked, each a text.
const OF_ENTITY: [&str; 2] = ["$current_database", "$current_cluster_endpoint"];

impl Binder<'_> {
    // ---- patterns

    pub(super) fn pattern_statement(&mut self, declaration: &PatternDeclaration) {
        for parameter in declaration.parameters.iter().chain(&declaration.path) {
            self.refer(parameter.name.span, Reference::Parameter);
        }
        let mut lines = Vec::new();
        for line in &declaration.matches {
            if line.values.len() != declaration.parameters.len() {
                let message = "One value for each parameter is expected here.";
                self.report("KS185", line.list, message);
            }
            let values = line.values.iter().map(|value| {
                let val = self.expr(value, false);
                self.literal_of(Type::String, value, &val)
            });
            let values = values.collect();
            match (&line.path, &declaration.path) {
                (None, Some(_)) => {
                    let message = "The pattern has a path: write ('value').['path'] = {...}.";
                    self.report("KS187", line.equal, message);
                }
                (Some((_, place)), None) => {
                    let message = "A path needs its name in the declaration: (...)[name: string].";
                    self.report("KS186", *place, message);
                }
                _ => {}
            }
            let path = line.path.as_ref().map(|(value, _)| {
                let Some(value) = value else {
                    return String::new();
                };
                let val = self.expr(value, false);
                if declaration.path.is_none() {
                    return literal_text(&val.expr);
                }
                self.literal_of(Type::String, value, &val)
            });
            let body = UserFunction {
                name: declaration.name.text.clone(),
                declaration: Arc::clone(&line.body),
                scope: self.locals.place(),
            };
            self.check_declaration(&body);
            lines.push(PatternLine {
                values,
                path,
                body: Rc::new(body),
            });
        }
        // the official language service takes the first type for all
        let ty = declaration.parameters.first();
        let ty = ty.map_or(Type::String, |p| self.declared_type(&p.ty));
        let pattern = Pattern {
            parameters: declaration.parameters.len(),
            ty,
            lines,
        };
        let name = &declaration.name;
        self.refer(name.span, Reference::Variable);
        let value = declaration.matches.first().zip(declaration.matches.last());
        let value = value.map_or(Span::default(), |(a, b)| a.list.to(b.body.body));
        let origin = self.define(name, SymbolKind::Pattern, Shape::Unknown, value);
        if !name.is_missing() {
            self.push_local(&name.text, Local::Pattern(Rc::new(pattern)), origin);
        }
    }

    /// The text of a literal of this type; anything else is reported.
    fn literal_of(&mut self, ty: Type, e: &syntax::Expr, val: &Val) -> String {
        let literal = matches!(e.kind, S::Strings(_) | S::Literal(_));
        match &val.ty {
            Ty::Error => {}
            _ if ty == Type::Unknown => {}
            Ty::Scalar(of) if *of == ty => {
                if !literal {
                    self.report("KS131", e.span, "A literal is expected here.");
                }
            }
            _ => self.report(
                "KS141",
                e.span,
                format!("A value of type {ty} is expected here."),
            ),
        }
        if literal {
            literal_text(&val.expr)
        } else {
            String::new()
        }
    }

    /// `Pattern("value")`
    pub(super) fn pattern_call(&mut self, pattern: &Pattern, call: &Call, span: Span) -> Val {
        let name = &call.name;
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Function);
        let given: Vec<Val> = call.args.iter().map(|a| self.expr(a, false)).collect();
        self.enclosing = enclosing;
        if given.len() != pattern.parameters {
            let message = format!(
                "'{}' takes as many arguments as it has parameters: {}.",
                name.text, pattern.parameters
            );
            self.report("KS118", name.span, message);
        }
        let mut values = Vec::new();
        for (i, (e, val)) in call.args.iter().zip(&given).enumerate() {
            if i < pattern.parameters {
                values.push(self.literal_of(pattern.ty, e, val));
            } else {
                values.push(literal_text(&val.expr));
            }
        }
        let fits = |line: &PatternLine| line.values.iter().zip(&values).all(|(a, b)| a == b);
        let whole = |line: &&PatternLine| line.values.len() == values.len() && fits(line);
        let mut lines: Vec<&PatternLine> = pattern.lines.iter().filter(whole).collect();
        if lines.is_empty() {
            lines = pattern.lines.iter().filter(|line| fits(line)).collect();
        }
        if lines.is_empty() {
            let message = format!("No line of the pattern '{}' has these values.", name.text);
            self.report("KS188", name.span, message);
            return Val::error(span);
        }
        if lines.iter().any(|line| line.path.is_some()) {
            let lines = lines
                .into_iter()
                .filter_map(|line| Some((line.path.clone()?, Rc::clone(&line.body))))
                .collect();
            let members = Members { lines, given };
            return Val::new(unknown(span)).typed(Ty::Members(Rc::new(members)));
        }
        let mut vals = Vec::new();
        for line in lines {
            vals.push(self.pattern_line(&line.body, &given, None, span));
        }
        let first = vals.swap_remove(0);
        let alike = |val: &Val| val.ty.scalar().is_some() && val.ty.scalar() == first.ty.scalar();
        if vals.iter().all(alike) {
            return first;
        }
        let several = Members {
            lines: Vec::new(),
            given,
        };
        Val::new(unknown(span)).typed(Ty::Members(Rc::new(several)))
    }

    /// What one line of a pattern gives.
    fn pattern_line(
        &mut self,
        body: &Rc<UserFunction>,
        given: &[Val],
        path: Option<&str>,
        span: Span,
    ) -> Val {
        let path = path.map(|path| {
            let kind = ExprKind::Literal(Value::String(path.to_owned()));
            let mut val = Val::scalar(kind, Type::String, span);
            (val.constant, val.literal) = (true, true);
            val
        });
        let declared = body.declaration.parameters.len();
        let own = declared - usize::from(path.is_some()).min(declared);
        let given = given.iter().take(own).cloned().enumerate();
        let given = given.chain(path.map(|path| (own, path))).collect();
        self.expand(body, given, span)
    }

    /// `Pattern("value").Path`
    pub(super) fn member_of_pattern(&mut self, members: &Members, name: &Name) -> Val {
        let mut found = members.lines.iter().filter(|(path, _)| *path == name.text);
        match (found.next(), found.next()) {
            (Some((path, body)), None) => {
                self.refer(name.span, Reference::Variable);
                self.pattern_line(body, &members.given, Some(path), name.span)
            }
            (None, _) => {
                self.refer(name.span, Reference::Identifier);
                let message = format!("The pattern has no path '{}' for these values.", name.text);
                self.report("KS142", name.span, message);
                Val::error(name.span)
            }
            _ => {
                self.refer(name.span, Reference::Identifier);
                let message = format!(
                    "More than one line of the pattern has the path '{}'.",
                    name.text
                );
                self.report("KS146", name.span, message);
                Val::error(name.span)
            }
        }
    }

    // ---- groups of entities

    /// `entity_group [...]`: entities of one kind, that of the first.
    pub(super) fn entities(&mut self, list: &[syntax::Expr]) -> Rc<[Entity]> {
        let mut entities: Vec<Entity> = Vec::new();
        for e in list {
            let entity = match self.expr(e, false).ty {
                Ty::Table(table) if table.graph.is_none() => Entity::Table(table),
                Ty::Database(place) => Entity::Place(place),
                _ => Entity::Unknown,
            };
            let (code, message) = match (entities.first().map(Entity::kind), entity.kind()) {
                (_, Kind::None) | (Some(Kind::None), _) => {
                    ("KS216", "A cluster, database or table is expected here.")
                }
                (Some(first), kind) if first == kind => ("", ""),
                (None, _) => ("", ""),
                (Some(Kind::Table), _) => ("KS251", "A table is expected here, as before."),
                (Some(Kind::Cluster), _) => ("KS115", "A cluster is expected here, as before."),
                (Some(Kind::Database), _) => ("KS114", "A database is expected here, as before."),
            };
            if code.is_empty() {
                entities.push(entity);
            } else {
                self.report(code, e.span, message);
            }
        }
        entities.into()
    }

    /// `X.$current_database`, where `X` is the entity at hand.
    pub(super) fn asked_of_entity(&mut self, name: &Name, member: &Name) -> Option<Val> {
        let (local, origin) = self.local(&name.text)?;
        if !matches!(*local, Local::Entity(_)) || !OF_ENTITY.contains(&member.text.as_str()) {
            return None;
        }
        self.mention(name.span, Reference::Identifier, Type::Unknown, origin);
        self.refer(member.span, Reference::Variable);
        let kind = ExprKind::Unsupported {
            what: format!("'{}' of an entity", member.text),
        };
        let mut val = Val::scalar(kind, Type::String, name.span.to(member.span));
        val.name = Some(member.text.clone());
        Some(val)
    }

    /// `macro-expand group as X (...)`: the statements once for each entity, the tables laid over each
    /// other. Faults of several rounds in one place are told once.
    pub(super) fn macro_expand(
        &mut self,
        op: &Operator,
        syntax: &MacroExpandSyntax,
    ) -> Option<Table> {
        self.check_parameters(op, &[]);
        let outer = (self.row.take(), self.right.take(), self.fuzzy);
        self.fuzzy |= fuzzy(op);
        let mut of = syntax.name.as_ref();
        let group = match &syntax.group {
            EntityGroup::List(list) => Some(self.entities(list)),
            EntityGroup::Named(e) => {
                if let S::Name(name) = &e.kind {
                    of = of.or(Some(name));
                }
                match self.expr(e, false).ty {
                    Ty::Group(group) => Some(group),
                    _ => None,
                }
            }
            EntityGroup::Missing => None,
        };
        self.fuzzy = false;
        let origin = match &syntax.name {
            Some(name) => {
                self.refer(name.span, Reference::Identifier);
                self.define(name, SymbolKind::Let, Shape::Unknown, Span::default())
            }
            None => Origin::UNKNOWN,
        };
        let unknown = [Entity::Unknown];
        let entities = group.as_deref().unwrap_or(&unknown);
        // the first of which something is known is read first: its names are the ones told
        let known = |e: &Entity| match e {
            Entity::Place(place) => matches!(place, Place::Here | Place::Cluster),
            Entity::Table(table) => !table.columns().is_empty(),
            Entity::Unknown => false,
        };
        let first = entities.iter().position(known).unwrap_or(0);
        let others = (0..entities.len()).filter(|i| *i != first);
        let before = self.diagnostics.len();
        let mut tables: Vec<(usize, Table)> = Vec::new();
        for i in std::iter::once(first).chain(others) {
            let Some(entity) = entities.get(i) else {
                break;
            };
            self.expansions += 1;
            self.expanded += (op.span.end - op.span.start) as usize;
            if i != first && (self.expansions > MAX_EXPANSIONS || self.expanded > MAX_EXPANDED) {
                break;
            }
            let locals = self.locals.enter(Some(self.locals.place()));
            if let Some(of) = of {
                self.push_local(&of.text, Local::Entity(entity.clone()), origin);
            }
            let mut result = None;
            // names declared inside may repeat those outside
            self.expansion_depth += 1;
            for statement in &syntax.statements {
                match &statement.kind {
                    StatementKind::Query(e) if result.is_none() => {
                        let val = self.expr(e, false);
                        result = Some(self.table_of(val, e.span));
                    }
                    statement => self.statement(statement),
                }
            }
            self.expansion_depth -= 1;
            self.locals.leave(locals);
            tables.extend(result.flatten().map(|table| (i, table)));
        }
        let mut told = HashSet::new();
        let mut later = self.diagnostics.split_off(before);
        later.retain(|d| told.insert((d.code, d.span)));
        self.diagnostics.append(&mut later);
        (self.row, self.right, self.fuzzy) = outer;
        if group.is_none() {
            tables.clear();
        }
        tables.sort_by_key(|(i, _)| *i);
        Some(self.laid_over(
            tables.into_iter().map(|(_, table)| table).collect(),
            op.span,
        ))
    }

    /// Several tables as one, as `union` lays them over each other.
    fn laid_over(&mut self, mut tables: Vec<Table>, span: Span) -> Table {
        if let [table] = &mut tables[..]
            && !table.open()
        {
            table.name = None;
            return tables.remove(0);
        }
        if tables.is_empty() {
            let source = Source::Unsupported {
                what: "operator 'macro-expand' over nothing".to_owned(),
            };
            return Self::source(source, Columns::default(), false, span, None);
        }
        let shapes: Vec<(Columns, bool)> = tables
            .iter()
            .map(|t| (t.columns().clone(), t.open()))
            .collect();
        let (columns, mappings) = self.unify(&shapes, true);
        let legs = tables.into_iter().zip(mappings).enumerate();
        let legs = legs.map(|(i, (table, mapping))| UnionLeg {
            rel: Some(table.rel),
            name: format!("union_arg{i}"),
            mapping,
        });
        let union = Union {
            inner: false,
            fuzzy: false,
            with_source: false,
            legs: legs.collect(),
        };
        // more columns may come of open tables, but they are not asked for
        Self::source(Source::Union(union), columns, false, span, None)
    }
}

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cluster,
    Database,
    Table,
    None,
}

impl Entity {
    fn kind(&self) -> Kind {
        match self {
            Self::Place(Place::Cluster | Place::FarCluster) => Kind::Cluster,
            Self::Place(_) => Kind::Database,
            Self::Table(_) => Kind::Table,
            Self::Unknown => Kind::None,
        }
    }
}

//! Functions of the user, expanded where they are called, and functions of the schema.

use crate::kql::binder::Binder;
use crate::kql::binder::Local;
use crate::kql::binder::MAX_EXPANDED;
use crate::kql::binder::MAX_EXPANSION_DEPTH;
use crate::kql::binder::MAX_EXPANSIONS;
use crate::kql::binder::Reference;
use crate::kql::binder::Scope;
use crate::kql::binder::Ty;
use crate::kql::binder::UserFunction;
use crate::kql::binder::Val;
use crate::kql::binder::calls::value_span;
use crate::kql::binder::places::Place;
use crate::kql::binder::shape_of;
use crate::kql::binder::unknown;
use crate::kql::binder::values::Conversion;
use crate::kql::binder::values::assignable;
use crate::kql::binder::values::convert;
use crate::kql::bound::Argument;
use crate::kql::bound::Expr;
use crate::kql::bound::ExprKind;
use crate::kql::bound::LetValue;
use crate::kql::bound::Source;
use crate::kql::columns::Columns;
use crate::kql::schema::FunctionKind;
use crate::kql::schema::SchemaFunction;
use crate::kql::symbols::Shape;
use crate::kql::symbols::SymbolKind;
use crate::kql::syntax::Call;
use crate::kql::syntax::ExprKind as S;
use crate::kql::syntax::FunctionDeclaration;
use crate::kql::syntax::Span;
use crate::kql::syntax::TypeSyntax;
use crate::kql::types::Type;
use std::rc::Rc;

impl Binder<'_> {
    // ---- functions of the user

    pub(super) fn user_call(
        &mut self,
        function: &Rc<UserFunction>,
        call: &Call,
        span: Span,
    ) -> Val {
        let parameters = &function.declaration.parameters;
        let mut given: Vec<(usize, Val)> = Vec::new();
        let piped = self.piped.take();
        let offset = usize::from(piped.is_some());
        let mut given_span = call.name.span;
        if let Some(table) = piped {
            let at = table.rel.span;
            given_span = table.rel.ops.last().map_or(at, |op| at.to(op.span));
            given.push((0, Self::table_val(*table, at)));
        }
        let outer = self.scope;
        if self.scope == Scope::PlugIn {
            self.scope = Scope::Normal;
        }
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Function);
        let mut faults = false;
        let mut out_of_order = false;
        for (i, arg) in call.args.iter().enumerate() {
            let mut target = i + offset;
            if let S::Named { name, .. } = &arg.kind {
                match parameters
                    .iter()
                    .position(|p| p.declaration.name.text == name.text)
                {
                    Some(p) => {
                        let origin = self.defined_at(parameters[p].declaration.name.span);
                        self.note(name.span, Type::Unknown, origin);
                        out_of_order |= p != target;
                        target = p;
                    }
                    None => {
                        self.report(
                            "KS196",
                            name.span,
                            "The function has no parameter of this name.",
                        );
                        faults = true;
                    }
                }
            } else if out_of_order {
                self.report(
                    "KS195",
                    arg.span,
                    "After a named argument out of order, name the others too.",
                );
                faults = true;
            }
            let tabular = parameters
                .get(target)
                .is_some_and(|p| matches!(p.declaration.ty, TypeSyntax::Table(_)));
            let val = self.expr(arg, tabular);
            given.push((target, val));
        }
        self.enclosing = enclosing;
        self.scope = outer;
        let required = parameters.iter().filter(|p| p.default.is_none()).count();
        let count = given.len();
        if count < required || count > parameters.len() {
            self.argument_count(
                &function.name,
                parameters.len(),
                parameters.len(),
                call.name.span,
            );
            faults = true;
        }
        for (i, (target, val)) in given.iter().enumerate() {
            let Some(parameter) = parameters.get(*target) else {
                continue;
            };
            let place = if i < offset {
                given_span
            } else {
                value_span(&call.args[i - offset])
            };
            match (&parameter.declaration.ty, &val.ty) {
                (_, Ty::Error) => {}
                (TypeSyntax::Table(columns), Ty::Table(table)) if table.graph.is_none() => {
                    for column in columns.iter().flatten() {
                        if let Some(i) = table.columns().find(&column.name.text) {
                            let declared = self.defined_at(column.name.span);
                            self.same(declared, table.columns()[i].origin);
                        }
                    }
                    let missing = columns.iter().flatten().any(|c| {
                        let ty = self.declared_type(&c.ty);
                        !table.open()
                            && !table.columns().find(&c.name.text).is_some_and(|i| {
                                assignable(ty, table.columns()[i].ty, Conversion::None)
                            })
                    });
                    if missing && !faults {
                        self.report(
                            "KS249",
                            place,
                            "The table lacks columns the function asks for.",
                        );
                    }
                }
                (TypeSyntax::Table(_), _) if !faults => {
                    self.report("KS111", place, "A table is expected here.");
                }
                _ => {}
            }
        }
        let mut val = self.expand(function, given, span);
        val.name = None;
        val
    }

    /// The body of a function with arguments in the place of its parameters. Silent.
    pub(in crate::kql::binder) fn expand(
        &mut self,
        function: &Rc<UserFunction>,
        given: Vec<(usize, Val)>,
        span: Span,
    ) -> Val {
        self.expansions += 1;
        let body = function.declaration.body;
        self.expanded += (body.end - body.start) as usize;
        if self.expansions > MAX_EXPANSIONS
            || self.expanded > MAX_EXPANDED
            || self.expansion_depth >= MAX_EXPANSION_DEPTH
        {
            return Val::new(Expr {
                kind: ExprKind::Unsupported {
                    what: "so many calls of functions within functions".to_owned(),
                },
                ty: Type::Unknown,
                span,
            });
        }
        let constant = given.iter().all(|(_, v)| v.constant);
        let mut given: Vec<Option<Val>> = {
            let mut slots: Vec<Option<Val>> = function
                .declaration
                .parameters
                .iter()
                .map(|_| None)
                .collect();
            for (i, val) in given {
                if let Some(slot) = slots.get_mut(i) {
                    *slot = Some(val);
                }
            }
            slots
        };
        self.silent += 1;
        let mut locals = Vec::with_capacity(given.len());
        for (parameter, slot) in function.declaration.parameters.iter().zip(given.iter_mut()) {
            let name = parameter.declaration.name.text.as_str();
            let val = match slot.take() {
                Some(val) => Some(val),
                None => parameter.default.as_ref().map(|d| self.expr(d, false)),
            };
            let local = match (&parameter.declaration.ty, val) {
                (
                    TypeSyntax::Table(_),
                    Some(Val {
                        ty: Ty::Table(table),
                        ..
                    }),
                ) => {
                    let (id, columns, open) = self.let_table("", *table, false);
                    Local::Table {
                        id,
                        columns,
                        open,
                        parameter: true,
                        graph: None,
                    }
                }
                (TypeSyntax::Table(_), _) => Local::Error,
                (ty, Some(val)) => {
                    let ty = self.declared_type(ty);
                    let (constant, literal) = (val.constant, val.literal);
                    let expr = convert(val.expr, ty);
                    let expr = if expr.ty == ty {
                        expr
                    } else {
                        Expr { ty, ..expr }
                    };
                    Local::Scalar {
                        expr,
                        constant,
                        literal,
                        parameter: true,
                    }
                }
                (ty, None) => {
                    let ty = self.declared_type(ty);
                    let expr = Expr {
                        ty,
                        ..unknown(span)
                    };
                    Local::Scalar {
                        expr,
                        constant: true,
                        literal: true,
                        parameter: true,
                    }
                }
            };
            let shape = Shape::Unknown;
            let declared = &parameter.declaration.name;
            let origin = self.define(declared, SymbolKind::Parameter, shape, parameter.span);
            locals.push((name, local, origin));
        }
        let outer_locals = self.locals.enter(Some(function.scope));
        for (name, local, origin) in locals {
            self.locals.push(name, local, origin);
        }
        let outer = (
            self.row.take(),
            self.right.take(),
            self.scope,
            self.column_number,
            self.piped.take(),
            (self.matched.take(), self.parted.take()),
        );
        self.scope = Scope::Normal;
        self.column_number = 1;
        self.expansion_depth += 1;
        let mut val = self.body(&function.declaration, span);
        self.expansion_depth -= 1;
        (
            self.row,
            self.right,
            self.scope,
            self.column_number,
            self.piped,
            (self.matched, self.parted),
        ) = outer;
        self.locals.leave(outer_locals);
        self.silent -= 1;
        if val.ty.is_error() {
            val = Val::new(unknown(span));
        }
        val.expr.span = span;
        val.constant = constant;
        val.column = None;
        val.is_column = false;
        val.same_as = None;
        val.name = None;
        if let Ty::Table(table) = &mut val.ty {
            table.name = Some(function.name.clone());
        }
        val
    }

    /// The default of a parameter: a literal of its type.
    pub(in crate::kql::binder) fn default_value(
        &mut self,
        ty: &TypeSyntax,
        default: &crate::kql::syntax::Expr,
    ) -> Val {
        if matches!(default.kind, S::Name(_)) {
            let message = "A literal is expected here.";
            self.report("KS132", default.span, message);
            return Val::error(default.span);
        }
        let val = self.expr(default, false);
        let ty = self.declared_type(ty);
        if ty != Type::Unknown {
            self.check_type(&val, ty, Conversion::Compatible, default.span);
        }
        val
    }

    pub(super) fn body(&mut self, declaration: &FunctionDeclaration, span: Span) -> Val {
        for statement in &declaration.statements {
            self.statement(&statement.kind);
        }
        match &declaration.result {
            Some(result) => self.expr(result, false),
            None => Val::error(span),
        }
    }

    /// Reads a declared function once for its faults and colours; what it gives as far as the declaration
    /// alone tells.
    pub(in crate::kql::binder) fn check_declaration(&mut self, function: &UserFunction) -> Shape {
        let lets = self.lets.len();
        let outer_locals = self.locals.enter(Some(function.scope));
        let mut can_be_table = true;
        for parameter in &function.declaration.parameters {
            let name = &parameter.declaration.name;
            self.refer(name.span, Reference::Parameter);
            if let Some(default) = &parameter.default {
                self.default_value(&parameter.declaration.ty, default);
            }
            let is_table = matches!(parameter.declaration.ty, TypeSyntax::Table(_));
            if is_table && !can_be_table {
                self.report(
                    "KS226",
                    parameter.span,
                    "Parameters that take tables must come first.",
                );
            }
            can_be_table = is_table;
            let shape;
            let local = match &parameter.declaration.ty {
                TypeSyntax::Table(columns) => {
                    let columns = columns
                        .as_deref()
                        .map(|c| self.declared_columns(c))
                        .unwrap_or_default();
                    shape = Shape::Table(columns.clone(), false);
                    let source = Source::Unsupported {
                        what: "a parameter".to_owned(),
                    };
                    let table = Self::source(source, columns.clone(), false, name.span, None);
                    let id = self.add_let(
                        "",
                        LetValue::Table {
                            rel: Box::new(table.rel),
                            materialize: false,
                        },
                    );
                    Local::Table {
                        id,
                        columns,
                        open: false,
                        parameter: true,
                        graph: None,
                    }
                }
                ty => {
                    let ty = self.declared_type(ty);
                    shape = Shape::Scalar(ty);
                    let expr = Expr {
                        ty,
                        ..unknown(name.span)
                    };
                    Local::Scalar {
                        expr,
                        constant: true,
                        literal: true,
                        parameter: true,
                    }
                }
            };
            let origin = self.define(name, SymbolKind::Parameter, shape, parameter.span);
            self.push_local(&name.text, local, origin);
        }
        let outer = (
            self.row.take(),
            self.right.take(),
            self.scope,
            self.column_number,
        );
        self.scope = Scope::Normal;
        self.column_number = 1;
        // names declared inside may repeat those outside
        self.expansion_depth += 1;
        let val = self.body(&function.declaration, function.declaration.body);
        self.probe_body(&function.name, function.declaration.body, &val.ty);
        self.expansion_depth -= 1;
        (self.row, self.right, self.scope, self.column_number) = outer;
        self.locals.leave(outer_locals);
        self.lets.truncate(lets);
        shape_of(&val)
    }

    // ---- functions of the schema

    pub(in crate::kql::binder) fn schema_call(
        &mut self,
        function: &SchemaFunction,
        call: &Call,
        span: Span,
    ) -> Val {
        let piped = self.piped.take();
        let outer = self.scope;
        self.scope = Scope::Normal;
        let enclosing = std::mem::replace(&mut self.enclosing, Reference::Function);
        let vals: Vec<Val> = call.args.iter().map(|a| self.expr(a, false)).collect();
        self.enclosing = enclosing;
        self.scope = outer;
        for (val, arg) in vals.iter().zip(&call.args) {
            self.check_scalar(val, arg.span);
        }
        let required = function.parameters.iter().filter(|p| p.required).count();
        let extra = usize::from(function.kind == FunctionKind::Invoked);
        let given = vals.len() + usize::from(piped.is_some());
        if given < required + extra || given > function.parameters.len() + extra {
            let all = function.parameters.len() + extra;
            self.argument_count(&function.name, all, all, call.name.span);
        }
        let args: Vec<Argument> = vals.into_iter().map(|v| Argument::Scalar(v.expr)).collect();
        match function.kind {
            FunctionKind::CrossService => {
                Val::new(unknown(span)).typed(Ty::Database(Place::Elsewhere))
            }
            FunctionKind::Tabular => {
                let source = Source::Function {
                    name: function.name.clone(),
                    args,
                };
                let table = Self::source(source, function.columns.clone(), false, span, None);
                Self::table_val(table, span)
            }
            FunctionKind::Invoked => {
                let Some(mut table) = piped else {
                    let source = Source::Unsupported {
                        what: format!("function '{}' without input", function.name),
                    };
                    let table = Self::source(source, function.columns.clone(), false, span, None);
                    return Self::table_val(table, span);
                };
                let mut columns = if function.keeps {
                    table.columns().clone()
                } else {
                    Columns::default()
                };
                for column in &function.columns {
                    if !columns.has(&column.name) {
                        columns.push(column.clone());
                    }
                }
                let open = function.keeps && table.open();
                self.push_op(
                    &mut table,
                    crate::kql::bound::OpKind::Invoke {
                        function: function.name.clone(),
                        args,
                    },
                    columns,
                    open,
                    span,
                );
                Self::table_val(*table, span)
            }
        }
    }
}

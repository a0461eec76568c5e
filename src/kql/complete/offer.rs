//! From what fits to the items themselves, with their names, types and texts.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::slot::{Infix, Offer, Side, Slot};
use super::{Item, ItemKind, Read, words};
use crate::kql::binder::probe::{Answer, Declared};
use crate::kql::bound::Column;
use crate::kql::builtins::{Builtin, Kind, Returns, builtins};
use crate::kql::lexer::{TokenKind, is_name_char, is_name_start, is_space};
use crate::kql::schema::{FunctionKind, Presence, Schema, SchemaFunction};
use crate::kql::symbols::Source;
use crate::kql::syntax::Span;
use crate::kql::types::Type;

/// What an item is, for the ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    Column,
    Table,
    /// A table the query declares.
    OwnTable,
    /// A value the query declares.
    Value,
    /// A function the query declares.
    OwnFunction,
    Function,
    Aggregate,
    Word,
    /// A sample value.
    Example,
}

/// An item with what the ranking needs.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) item: Item<'a>,
    pub(super) class: Class,
    /// The table of the schema a column comes from, by its index.
    pub(super) table: Option<usize>,
    pub(super) score: f32,
    /// How near the end it was declared; place among the columns.
    pub(super) order: u32,
}

/// The text around the caret.
pub(super) struct Surroundings<'t> {
    /// Names written in the query so far, with where they stand.
    pub(super) used: Vec<&'t str>,
    /// Names already in the list being written.
    pub(super) written: Vec<&'t str>,
    /// A bracket follows.
    pub(super) called: bool,
    /// A space follows.
    pub(super) spaced: bool,
    /// The node or edge of a pattern whose columns are wanted.
    pub(super) element: Option<&'t str>,
    /// The caret is where a pattern is matched.
    pub(super) in_match: bool,
}

impl<'t> Surroundings<'t> {
    pub(super) fn new(text: &str, replace: Span, read: &Read<'t>, slot: &Slot) -> Self {
        let after = &text[replace.end as usize..];
        let place = read.place;
        Self {
            used: place
                .tokens
                .iter()
                .filter(|t| t.kind == TokenKind::Identifier)
                .map(|t| t.span.text(read.text))
                .collect(),
            written: slot.written.iter().map(|i| place.word(*i)).collect(),
            called: after.trim_start_matches(is_space).starts_with('('),
            spaced: after.starts_with(is_space),
            element: slot.element.map(|i| place.word(i)),
            in_match: slot.offers.contains(&Offer::Elements),
        }
    }
}

/// A built-in made ready to be shown.
#[derive(Debug)]
struct Ready {
    label: String,
    insert: String,
    caret: u32,
    ty: Option<Type>,
    /// It only makes sense over a graph.
    of_graphs: bool,
}

impl Ready {
    fn new(builtin: &Builtin) -> Self {
        let signature = builtin.signatures.first();
        let mut label = format!("{}(", builtin.name);
        let mut takes = false;
        for (i, param) in signature.iter().flat_map(|s| &s.params).enumerate() {
            takes = true;
            if i > 0 {
                label.push_str(", ");
            }
            if param.min == 0 {
                label.push('[');
            }
            label.push_str(param.name);
            if param.min == 0 {
                label.push(']');
            }
            if param.max > 1 {
                label.push_str(", ...");
            }
        }
        label.push(')');
        let insert = format!("{}()", builtin.name);
        let caret = insert.len() as u32 - u32::from(takes);
        let ty = match signature.map(|s| &s.returns) {
            Some(Returns::Type(ty)) => Some(*ty),
            _ => None,
        };
        Self {
            label,
            insert,
            caret,
            ty,
            of_graphs: GRAPH_FUNCTIONS.contains(&builtin.name),
        }
    }
}

/// The built-ins of a kind, ready.
fn ready(kind: Kind) -> &'static [Ready] {
    static FUNCTIONS: OnceLock<Vec<Ready>> = OnceLock::new();
    static AGGREGATES: OnceLock<Vec<Ready>> = OnceLock::new();
    static PLUG_INS: OnceLock<Vec<Ready>> = OnceLock::new();
    let all = match kind {
        Kind::Aggregate => &AGGREGATES,
        Kind::PlugIn => &PLUG_INS,
        Kind::Function | Kind::Operator => &FUNCTIONS,
    };
    all.get_or_init(|| {
        builtins()
            .of(kind)
            .filter(|b| !b.hidden && !words::TABLE_FUNCTIONS.contains(&b.name))
            .map(Ready::new)
            .collect()
    })
}

/// Functions that only make sense over a graph.
const GRAPH_FUNCTIONS: &[&str] = &[
    "all",
    "any",
    "inner_nodes",
    "labels",
    "map",
    "node_degree_in",
    "node_degree_out",
    "node_id",
];

/// The items of a place, in the order of the lists.
pub(super) fn items<'a>(
    slot: &Slot,
    known: &Answer,
    schema: &'a Schema,
    around: &Surroundings<'_>,
) -> Vec<Candidate<'a>> {
    let mut list = List {
        items: Vec::with_capacity(512),
        schema,
        known,
        around,
    };
    for offer in &slot.offers {
        list.offer(*offer);
    }
    list.items
}

struct List<'a, 'k> {
    items: Vec<Candidate<'a>>,
    schema: &'a Schema,
    known: &'k Answer,
    around: &'k Surroundings<'k>,
}

impl<'a> List<'a, '_> {
    fn push(&mut self, item: Item<'a>, class: Class) {
        let order = self.items.len() as u32;
        self.items.push(Candidate {
            item,
            class,
            table: None,
            score: 0.0,
            order,
        });
    }

    fn offer(&mut self, offer: Offer) {
        match offer {
            Offer::Columns(side) => self.columns(side),
            Offer::Tables => {
                for table in self.schema.tables() {
                    let label = Cow::Borrowed(table.name.as_str());
                    self.name(label, ItemKind::Table, None, Class::Table);
                    self.mark(table.presence, None);
                }
                for function in self.schema.functions() {
                    self.schema_function(function);
                }
                self.calls(words::TABLE_FUNCTIONS, Class::Word);
                self.declared(true);
            }
            Offer::Calls => {
                for function in self.schema.functions() {
                    self.schema_function(function);
                }
                self.calls(words::TABLE_FUNCTIONS, Class::Word);
            }
            Offer::Elements => self.elements(),
            Offer::Functions => {
                self.ready(Kind::Function, ItemKind::Function, Class::Function);
                self.declared(false);
            }
            Offer::Aggregates => {
                self.ready(Kind::Aggregate, ItemKind::Aggregate, Class::Aggregate);
            }
            Offer::PlugIns => self.ready(Kind::PlugIn, ItemKind::PlugIn, Class::Word),
            Offer::Invoked => {
                for function in self.schema.functions() {
                    if function.kind == FunctionKind::Invoked {
                        self.schema_function(function);
                    }
                }
                self.declared_functions();
            }
            Offer::ValueStarts => self.calls(words::VALUE_STARTS, Class::Word),
            Offer::Infix(infix) => self.infix(infix),
            Offer::Truth => {
                if self.known.operand == Some(Type::Bool) {
                    self.words(&["true", "false"], ItemKind::Value, Class::Example);
                }
            }
            Offer::Words(list, kind) => self.words(list, kind, Class::Word),
            Offer::Parameters(list) => {
                for word in list {
                    self.push(
                        Item::new(
                            Cow::Borrowed(word),
                            Cow::Owned(format!("{word}=")),
                            word.len() as u32 + 1,
                            ItemKind::Keyword,
                            None,
                        ),
                        Class::Word,
                    );
                }
            }
            Offer::Values(list) => self.words(list, ItemKind::Value, Class::Example),
        }
    }

    fn words(&mut self, list: &'static [&'static str], kind: ItemKind, class: Class) {
        for word in list {
            let (insert, caret) = self.written(word, kind);
            self.push(
                Item::new(Cow::Borrowed(word), insert, caret, kind, None),
                class,
            );
        }
    }

    /// What a word is written as, and where the caret goes.
    fn written(&self, word: &'static str, kind: ItemKind) -> (Cow<'static, str>, u32) {
        let at = word.len() as u32;
        let plain = (Cow::Borrowed(word), at);
        match kind {
            ItemKind::Variable => (Cow::Owned(format!("{word}.")), at + 1),
            ItemKind::ScalarOperator => match word {
                "in" | "in~" | "!in" | "!in~" | "has_any" | "has_all" if !self.around.called => {
                    (Cow::Owned(format!("{word} ()")), at + 2)
                }
                "between" | "!between" if !self.around.called => {
                    (Cow::Owned(format!("{word} ( .. )")), at + 2)
                }
                _ if self.around.spaced => plain,
                _ => (Cow::Owned(format!("{word} ")), at + 1),
            },
            ItemKind::Operator | ItemKind::Keyword => match word {
                "count" | "getschema" | "asc" | "desc" | "first" | "last" => plain,
                "|" if self.around.spaced => plain,
                "materialize" if !self.around.called => (Cow::Owned(format!("{word}()")), at + 1),
                _ if self.around.spaced => plain,
                _ => (Cow::Owned(format!("{word} ")), at + 1),
            },
            _ => plain,
        }
    }

    /// Words that are called.
    fn calls(&mut self, list: &'static [&'static str], class: Class) {
        for word in list {
            let insert = if self.around.called {
                Cow::Borrowed(*word)
            } else {
                Cow::Owned(format!("{word}()"))
            };
            self.push(
                Item::new(
                    Cow::Borrowed(word),
                    insert,
                    word.len() as u32 + u32::from(!self.around.called),
                    if class == Class::Word && words::VALUE_STARTS.contains(word) {
                        ItemKind::Keyword
                    } else {
                        ItemKind::Function
                    },
                    Type::from_name(word),
                ),
                class,
            );
        }
    }

    fn ready(&mut self, kind: Kind, item: ItemKind, class: Class) {
        let of_graphs = self.around.in_match;
        let fits = |it: &&Ready| of_graphs || !it.of_graphs;
        for ready in ready(kind).iter().filter(fits) {
            let name = ready.insert.len() - 2;
            let (insert, caret) = if self.around.called {
                (&ready.insert[..name], name as u32)
            } else {
                (ready.insert.as_str(), ready.caret)
            };
            self.push(
                Item::new(
                    Cow::Borrowed(&ready.label),
                    Cow::Borrowed(insert),
                    caret,
                    item,
                    ready.ty,
                ),
                class,
            );
        }
    }

    fn schema_function(&mut self, function: &'a SchemaFunction) {
        let parameters: Vec<&str> = function
            .parameters
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        let label = format!("{}({})", function.name, parameters.join(", "));
        let (insert, caret) = self.call(&function.name, !parameters.is_empty());
        self.push(
            Item::new(
                Cow::Owned(label),
                Cow::Owned(insert),
                caret,
                ItemKind::Function,
                None,
            ),
            Class::Table,
        );
    }

    /// The text of a call of this name.
    fn call(&self, name: &str, takes: bool) -> (String, u32) {
        let name = quoted(name);
        let at = name.len() as u32;
        if self.around.called {
            (name.into_owned(), at)
        } else {
            (format!("{name}()"), at + if takes { 1 } else { 2 })
        }
    }

    fn name(&mut self, name: Cow<'a, str>, kind: ItemKind, ty: Option<Type>, class: Class) {
        let insert = match quoted(&name) {
            Cow::Owned(quoted) => Cow::Owned(quoted),
            Cow::Borrowed(_) => name.clone(),
        };
        let caret = insert.len() as u32;
        self.push(Item::new(name, insert, caret, kind, ty), class);
    }

    /// Says of the item pushed last how it is known, and the table it is of.
    fn mark(&mut self, presence: Presence, table: Option<usize>) {
        if let Some(last) = self.items.last_mut() {
            last.item.presence = presence;
            last.table = table;
        }
    }

    /// How a column of the row is known, and the table it comes from.
    fn known_as(&self, column: &Column) -> (Presence, Option<usize>) {
        let Source::Table { index, more } = column.origin.source() else {
            return (Presence::Documented, None);
        };
        let presence = self.schema.tables().get(index).and_then(|table| {
            table.seen.filter(|_| !more)?;
            Some(table.column_presence(table.columns.find(&column.name)?))
        });
        (presence.unwrap_or_default(), Some(index))
    }

    /// Names of the pattern's nodes and edges.
    fn elements(&mut self) {
        for (name, _) in &self.known.elements {
            let label = Cow::Owned(name.clone());
            self.name(label, ItemKind::Variable, None, Class::Value);
        }
    }

    fn columns(&mut self, side: Side) {
        let known = self.known;
        let none: &[Column] = &[];
        let left: &[Column] = known.row.as_ref().map_or(none, |c| c);
        let right: &[Column] = known.right.as_ref().map_or(none, |c| c);
        let columns: Vec<&Column> = match side {
            Side::Row | Side::Left => left.iter().collect(),
            Side::Right => right.iter().collect(),
            Side::Common => {
                let names: std::collections::HashSet<&str> =
                    right.iter().map(|c| c.name.as_str()).collect();
                left.iter()
                    .filter(|c| names.contains(c.name.as_str()))
                    .collect()
            }
            Side::Element => {
                let element = self.around.element.unwrap_or_default();
                let mut all = known.elements.iter();
                let found = all.find(|(name, _)| name == element);
                found.map_or(none, |(_, columns)| columns).iter().collect()
            }
            Side::All => {
                let mut seen = std::collections::HashSet::new();
                for (index, table) in self.schema.tables().iter().enumerate() {
                    for (at, column) in table.columns.iter().enumerate() {
                        if seen.insert(column.name.as_str()) {
                            let label = Cow::Borrowed(column.name.as_str());
                            self.name(label, ItemKind::Column, Some(column.ty), Class::Column);
                            self.mark(table.column_presence(at), Some(index));
                        }
                    }
                }
                return;
            }
        };
        for column in columns {
            let label = Cow::Owned(column.name.clone());
            self.name(label, ItemKind::Column, Some(column.ty), Class::Column);
            let (presence, table) = self.known_as(column);
            self.mark(presence, table);
        }
    }

    /// What the query declares: tables, or values.
    fn declared(&mut self, tables: bool) {
        let mut seen = std::collections::HashSet::new();
        for name in &self.known.names {
            if !seen.insert(&name.name) {
                continue;
            }
            let (kind, ty, class, table) = match name.what {
                Declared::Value(ty) => (ItemKind::Variable, Some(ty), Class::Value, false),
                Declared::Parameter(ty) => (ItemKind::Parameter, Some(ty), Class::Value, false),
                Declared::Table => (ItemKind::Table, None, Class::OwnTable, true),
                Declared::TableParameter => (ItemKind::Parameter, None, Class::OwnTable, true),
                Declared::Function(ty) => (ItemKind::Function, Some(ty), Class::OwnFunction, false),
                Declared::TableFunction => (ItemKind::Function, None, Class::OwnTable, true),
                Declared::Unknown => continue,
            };
            if table != tables {
                continue;
            }
            if kind == ItemKind::Function {
                let (insert, caret) = self.call(&name.name, true);
                self.push(
                    Item::new(
                        Cow::Owned(format!("{}()", name.name)),
                        Cow::Owned(insert),
                        caret,
                        kind,
                        ty,
                    ),
                    class,
                );
            } else {
                self.name(Cow::Owned(name.name.clone()), kind, ty, class);
            }
        }
    }

    /// Functions of the query that may take piped rows.
    fn declared_functions(&mut self) {
        for name in &self.known.names {
            if name.what == Declared::TableFunction {
                let (insert, caret) = self.call(&name.name, true);
                self.push(
                    Item::new(
                        Cow::Owned(format!("{}()", name.name)),
                        Cow::Owned(insert),
                        caret,
                        ItemKind::Function,
                        None,
                    ),
                    Class::OwnTable,
                );
            }
        }
    }

    /// Operators that may follow the operand.
    fn infix(&mut self, infix: Infix) {
        let Some(ty) = self.known.operand else {
            if infix.listed && infix.condition {
                self.words(words::LOGIC, ItemKind::ScalarOperator, Class::Word);
            }
            return;
        };
        let number = ty.is_summable();
        let mut lists: Vec<&'static [&'static str]> = Vec::new();
        if infix.compared {
            if infix.condition {
                lists.push(words::LOGIC);
            }
            if number && !infix.listed {
                lists.push(words::ARITHMETIC);
            }
        } else if ty == Type::Dynamic && infix.member {
            lists.extend([words::TEXT_TESTS, words::ORDER_TESTS, words::ARITHMETIC]);
            if infix.chained {
                lists.push(words::LOGIC);
            }
        } else if infix.condition || infix.anything {
            let start = lists.len();
            match ty {
                Type::Bool => lists.push(words::LOGIC),
                Type::String => lists.push(words::TEXT_TESTS),
                Type::Dynamic => lists.extend([words::TEXT_TESTS, words::ORDER_TESTS]),
                Type::Unknown => {
                    lists.push(words::ANY_TESTS);
                    lists.push(words::LOGIC);
                }
                _ => {
                    lists.push(words::COMPARISONS);
                    if infix.calculated || infix.anything {
                        lists.push(words::ARITHMETIC);
                    }
                }
            }
            if infix.chained && lists.len() > start && !lists.contains(&words::LOGIC) {
                lists.push(words::LOGIC);
            }
        } else if number || ty == Type::Dynamic {
            lists.push(words::ARITHMETIC);
        }
        for list in lists {
            self.words(list, ItemKind::ScalarOperator, Class::Word);
        }
    }
}

/// A name as it must be written.
fn quoted(name: &str) -> Cow<'_, str> {
    let plain = name.starts_with(is_name_start) && name.chars().all(is_name_char);
    let free = crate::kql::keywords::WORDS
        .binary_search_by(|(w, _)| (*w).cmp(name))
        .map_or(true, |at| {
            crate::kql::keywords::WORDS[at].1 == crate::kql::keywords::AsName::Anywhere
        });
    if plain && free {
        Cow::Borrowed(name)
    } else {
        let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
        Cow::Owned(format!("['{escaped}']"))
    }
}

//! What tables and functions there are. The built-in schema is advanced hunting's; others are made
//! table by table.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use super::bound::Column;
use super::columns::Columns;
use super::symbols::Origin;
use super::types::Type;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, case-sensitive.
    pub name: String,
    /// Its columns in order.
    pub columns: Columns,
    /// Columns the documentation no longer lists; tenants may still have them.
    pub former: Vec<Column>,
    /// The service calls it a preview.
    pub preview: bool,
    /// The table that takes its place.
    pub replaced_by: Option<String>,
    /// How it came to be known.
    pub presence: Presence,
    /// Where the tenant was asked: how many of the columns, which then stand first, it has. The others
    /// are documented and were not seen there.
    pub seen: Option<usize>,
    /// Places of the columns that only the tenant has.
    pub added: Vec<usize>,
    /// What who added it tells of it, before anything documented.
    pub told: Option<Told>,
}

/// What is told of a table that a schema was given, instead of what is documented under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The group it is listed in.
    pub group: &'static str,
    /// What it holds, in sentences.
    pub about: String,
}

/// How a table or column came to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is documented, and the tenant has it or was not asked.
    #[default]
    Documented,
    /// Only the tenant has it.
    Tenant,
    /// It is documented, but the tenant was asked and lacks it: offered last, never an error.
    NotSeen,
}

/// What a tenant answered when it was asked for tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    /// By name: the columns in the tenant's order; `None` where it lacks the table.
    pub tables: BTreeMap<String, Option<Vec<Column>>>,
}

impl Learnt {
    /// Nothing was asked yet.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Takes in what another answer says of its tables; the newer one wins.
    pub fn update(&mut self, newer: Self) {
        self.tables.extend(newer.tables);
    }

    /// What either of two tenants has: a table is lacking where both lack it, and unknown where one
    /// lacks it and the other was not asked. Of a column with two types the first stands.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        self.tables
            .retain(|name, columns| columns.is_some() || other.tables.contains_key(name));
        for (name, theirs) in &other.tables {
            match (self.tables.get_mut(name), theirs) {
                (Some(Some(ours)), Some(theirs)) => {
                    for column in theirs {
                        if !ours.iter().any(|known| known.name == column.name) {
                            ours.push(column.clone());
                        }
                    }
                }
                (Some(ours @ None), Some(theirs)) => *ours = Some(theirs.clone()),
                (None, Some(theirs)) => {
                    self.tables.insert(name.clone(), Some(theirs.clone()));
                }
                (_, None) => {}
            }
        }
        self
    }
}

impl Table {
    /// Puts the tenant's columns before the documented ones that it lacks.
    fn lay_over(&mut self, index: usize, tenants: &[Column]) {
        let documented = std::mem::take(&mut self.columns);
        let mut names: HashSet<&str> = HashSet::new();
        let mut columns: Vec<Column> = Vec::new();
        for column in tenants {
            if names.insert(&column.name) {
                if !documented.has(&column.name) {
                    self.added.push(columns.len());
                }
                columns.push(column.clone().from(Origin::table(index)));
            }
        }
        self.seen = Some(columns.len());
        let lacking = documented
            .iter()
            .filter(|it| !names.contains(it.name.as_str()));
        columns.extend(lacking.cloned());
        self.columns = columns.into();
    }

    /// How its column at a place came to be known.
    pub fn column_presence(&self, at: usize) -> Presence {
        match (self.presence, self.seen) {
            (Presence::Documented, Some(seen)) if at >= seen => Presence::NotSeen,
            (Presence::Documented, Some(_)) if self.added.contains(&at) => Presence::Tenant,
            (presence, _) => presence,
        }
    }
}

/// A function of the schema (not of the query, not built into the language).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFunction {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: FunctionKind,
    /// Gives the rows it was given, with its own columns added.
    pub keeps: bool,
    /// Its parameters without the piped rows.
    pub parameters: Vec<FunctionParameter>,
    /// Its columns.
    pub columns: Columns,
}

/// A parameter of a schema function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionParameter {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: Type,
    /// Must be given.
    pub required: bool,
}

/// Kinds of schema function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// A source of rows.
    Tabular,
    /// Takes piped rows: `| invoke F()`.
    Invoked,
    /// Opens another service: `workspace("x").T`; nothing is known of its tables.
    CrossService,
}

/// Tables and functions.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    tables: Vec<Table>,
    by_name: HashMap<String, usize>,
    functions: Vec<SchemaFunction>,
}

impl Schema {
    /// No table, no function.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Advanced hunting's tables and functions.
    pub fn hunting() -> &'static Self {
        static HUNTING: OnceLock<Schema> = OnceLock::new();
        HUNTING.get_or_init(|| Self::read(include_str!("../../assets/kql/hunting.txt")))
    }

    /// No table, but advanced hunting's functions: a base for schemas read from elsewhere.
    pub fn with_hunting_functions() -> Self {
        Self {
            functions: Self::hunting().functions.clone(),
            ..Self::default()
        }
    }

    /// Adds a table, or puts it in the place of the one with its name. Columns named twice are taken once.
    pub fn add_table(
        &mut self,
        name: impl Into<String>,
        columns: impl IntoIterator<Item = Column>,
    ) {
        let name = name.into();
        let mut kept: Vec<Column> = Vec::new();
        for column in columns {
            if !kept.iter().any(|c| c.name == column.name) {
                kept.push(column);
            }
        }
        let table = Table {
            name: name.clone(),
            columns: kept.into(),
            former: Vec::new(),
            preview: false,
            replaced_by: None,
            presence: Presence::Documented,
            seen: None,
            added: Vec::new(),
            told: None,
        };
        self.push(name, table);
    }

    /// Tells of a table what its name does not: nothing where there is no such table.
    pub fn tell(&mut self, name: &str, told: Told) {
        if let Some(&at) = self.by_name.get(name) {
            self.tables[at].told = Some(told);
        }
    }

    /// This schema with what a tenant answered laid over it. The tenant's columns, their types and
    /// their order win; documented columns and tables that it lacks stay, marked [`Presence::NotSeen`].
    #[must_use]
    pub fn merged(&self, learnt: &Learnt) -> Self {
        let mut out = self.clone();
        for (name, columns) in &learnt.tables {
            let known = out.by_name.get(name).copied();
            match (known, columns) {
                (Some(at), None) => out.tables[at].presence = Presence::NotSeen,
                (None, None) => {}
                (None, Some(columns)) => {
                    out.add_table(name.clone(), columns.iter().cloned());
                    if let Some(table) = out.tables.last_mut() {
                        table.presence = Presence::Tenant;
                        table.seen = Some(table.columns.len());
                    }
                }
                (Some(at), Some(columns)) => out.tables[at].lay_over(at, columns),
            }
        }
        out
    }

    fn push(&mut self, name: String, mut table: Table) {
        let known = self.by_name.get(&name).copied();
        let index = known.unwrap_or(self.tables.len());
        let of_this = |c: &Column| c.clone().from(Origin::table(index));
        table.columns = table.columns.iter().map(of_this).collect();
        if let Some(at) = known {
            self.tables[at] = table;
        } else {
            self.by_name.insert(name, self.tables.len());
            self.tables.push(table);
        }
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.by_name.get(name).map(|&i| &self.tables[i])
    }

    /// All tables in order.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&SchemaFunction> {
        self.functions.iter().find(|f| f.name == name)
    }

    /// All functions in order.
    pub fn functions(&self) -> &[SchemaFunction] {
        &self.functions
    }

    /// Reads the format described at the head of `assets/kql/hunting.txt`; lines it does not
    /// understand are passed over.
    pub fn read(text: &str) -> Self {
        let mut schema = Self::default();
        let mut last_is_table = false;
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match line.as_bytes().first() {
                Some(b'T') => {
                    words.next();
                    let name = words.next().unwrap_or_default().to_owned();
                    let mut table = Table {
                        name: name.clone(),
                        columns: Columns::default(),
                        former: Vec::new(),
                        preview: false,
                        replaced_by: None,
                        presence: Presence::Documented,
                        seen: None,
                        added: Vec::new(),
                        told: None,
                    };
                    for word in words {
                        table.preview |= word == "preview";
                        table.replaced_by = word
                            .strip_prefix("replaced=")
                            .map(str::to_owned)
                            .or(table.replaced_by);
                    }
                    schema.push(name, table);
                    last_is_table = true;
                }
                Some(b'F') => {
                    words.next();
                    let name = words.next().unwrap_or_default().to_owned();
                    let kind = match words.next() {
                        Some("tabular-invoke") => FunctionKind::Invoked,
                        Some("cross-service") => FunctionKind::CrossService,
                        _ => FunctionKind::Tabular,
                    };
                    let keeps = words.next() == Some("keeps");
                    schema.functions.push(SchemaFunction {
                        name,
                        kind,
                        keeps,
                        parameters: Vec::new(),
                        columns: Columns::default(),
                    });
                    last_is_table = false;
                }
                Some(b'(') => {
                    let inner = line.trim_matches(['(', ')']);
                    let mut words = inner.split_whitespace();
                    if let (Some(name), Some(ty), Some(function)) = (
                        words.next(),
                        words.next().and_then(Type::from_name),
                        schema.functions.last_mut(),
                    ) {
                        let required = words.next() == Some("required");
                        function.parameters.push(FunctionParameter {
                            name: name.to_owned(),
                            ty,
                            required,
                        });
                    }
                }
                Some(b' ') => {
                    let (Some(name), Some(ty)) =
                        (words.next(), words.next().and_then(Type::from_name))
                    else {
                        continue;
                    };
                    if last_is_table {
                        let index = schema.tables.len().saturating_sub(1);
                        let Some(table) = schema.tables.last_mut() else {
                            continue;
                        };
                        match name.strip_prefix('-') {
                            Some(former) => table.former.push(Column::new(former, ty)),
                            None => table
                                .columns
                                .push(Column::new(name, ty).from(Origin::table(index))),
                        }
                    } else if let Some(function) = schema.functions.last_mut() {
                        function.columns.push(Column::new(name, ty));
                    }
                }
                _ => {}
            }
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hunting_schema_is_whole() {
        let schema = Schema::hunting();
        assert_eq!(schema.tables().len(), 66);
        assert_eq!(
            schema
                .tables()
                .iter()
                .map(|t| t.columns.len())
                .sum::<usize>(),
            1651
        );
        assert_eq!(schema.functions().len(), 13);
        let device = schema.table("DeviceInfo").expect("the table");
        assert_eq!(device.columns[0], Column::new("Timestamp", Type::DateTime));
        assert_eq!(
            schema
                .table("AADSignInEventsBeta")
                .and_then(|t| t.replaced_by.as_deref()),
            Some("EntraIdSignInEvents")
        );
        assert!(schema.table("deviceinfo").is_none());
        assert!(
            schema
                .function("FileProfile")
                .is_some_and(|f| f.keeps && f.parameters.len() == 2)
        );
    }

    #[test]
    fn tables_can_be_added() {
        let mut schema = Schema::empty();
        schema.add_table(
            "T",
            [Column::new("a", Type::Long), Column::new("a", Type::Int)],
        );
        schema.add_table("T", [Column::new("b", Type::Long)]);
        assert_eq!(schema.tables().len(), 1);
        assert_eq!(schema.table("T").map(|t| t.columns.len()), Some(1));
    }

    fn columns<const N: usize>(names: [(&str, Type); N]) -> Option<Vec<Column>> {
        let columns = names.map(|(name, ty)| Column::new(name, ty));
        (N > 0).then(|| columns.to_vec())
    }

    fn answered(tables: &[(&str, Option<Vec<Column>>)]) -> Learnt {
        let tables = tables.iter().cloned();
        Learnt {
            tables: tables
                .map(|(name, columns)| (name.to_owned(), columns))
                .collect(),
        }
    }

    #[test]
    fn what_a_tenant_has_wins_and_what_it_lacks_stays_marked() {
        let mut base = Schema::empty();
        base.add_table(
            "T",
            [Column::new("a", Type::Long), Column::new("b", Type::String)],
        );
        base.add_table("Gone", [Column::new("x", Type::Long)]);
        base.add_table("Unasked", [Column::new("x", Type::Long)]);
        let schema = base.merged(&answered(&[
            (
                "T",
                columns([("new", Type::Bool), ("b", Type::Dynamic), ("b", Type::Long)]),
            ),
            ("Own_CL", columns([("c", Type::Guid)])),
            ("Gone", None),
            ("NeverThere", None),
        ]));
        let table = schema.table("T").expect("the table");
        let told: Vec<_> = (0..table.columns.len())
            .map(|at| {
                (
                    table.columns[at].name.as_str(),
                    table.columns[at].ty,
                    table.column_presence(at),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("new", Type::Bool, Presence::Tenant),
                ("b", Type::Dynamic, Presence::Documented),
                ("a", Type::Long, Presence::NotSeen),
            ]
        );
        let own = schema.table("Own_CL").expect("the tenant's own");
        assert_eq!(
            (own.presence, own.column_presence(0)),
            (Presence::Tenant, Presence::Tenant)
        );
        let gone = schema.table("Gone").expect("stays");
        assert_eq!(
            (gone.presence, gone.column_presence(0)),
            (Presence::NotSeen, Presence::NotSeen)
        );
        assert_eq!(
            schema.table("Unasked").map(|it| it.column_presence(0)),
            Some(Presence::Documented)
        );
        assert!(schema.table("NeverThere").is_none());
        assert_eq!(
            base.table("T").map(|it| it.columns.len()),
            Some(2),
            "the base stays as it is"
        );
    }

    #[test]
    fn of_several_tenants_what_any_of_them_has_is_known() {
        let one = answered(&[
            ("T", columns([("a", Type::Long)])),
            ("OneLacks", None),
            ("BothLack", None),
            ("LackedButUnasked", None),
        ]);
        let other = answered(&[
            ("T", columns([("a", Type::String), ("b", Type::Bool)])),
            ("OneLacks", columns([("x", Type::Long)])),
            ("BothLack", None),
            ("Second", columns([("y", Type::Long)])),
        ]);
        let both = one.or(&other);
        assert_eq!(
            both,
            answered(&[
                ("T", columns([("a", Type::Long), ("b", Type::Bool)])),
                ("OneLacks", columns([("x", Type::Long)])),
                ("BothLack", None),
                ("Second", columns([("y", Type::Long)])),
            ])
        );
    }
}

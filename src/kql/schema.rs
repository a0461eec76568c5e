//! What tables and functions there are. The built-in schema is advanced hunting's; others are made
//! table by table.

use std::collections::HashMap;
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
        };
        self.push(name, table);
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
    fn read(text: &str) -> Self {
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
}

//! The schema of the tenants: what they answered when they were asked for their tables, kept in their
//! caches and laid over the documented schema.
//!
//! Asked are the beta hunting schema, where the cloud and the permissions have it (one call, not of
//! the hunting budget), and else `getschema`, many tables a call. A table is asked for once a day, when
//! it is first used, and again when a query that names it was refused. What cannot be learnt changes
//! nothing: the documented schema stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::{HuntError, HuntErrorKind, Hunter, Timespan};
use crate::domain::hunting::Cell;
use crate::domain::{ResultTable, Timestamp};
use crate::kql::binder::Reference;
use crate::kql::bound::Column;
use crate::kql::schema::Learnt;
use crate::kql::{Analysis, Schema, Type};
use crate::store::{self, Store, TableFacts};

/// How long an answer stands before a table is asked for again.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How soon a refused query has its tables asked for again.
const AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// Tables in one `getschema` query.
const TOGETHER: usize = 24;
/// Tables asked for one by one where the service refuses them together.
const MOST_ALONE: usize = 12;
/// Tables asked for because of one text.
const MOST_NAMED: usize = 48;
/// Tables and columns of a table that are kept; no tenant has more.
const MOST: usize = 5_000;

/// The setting that says when the beta schema was asked for last.
const BETA_ASKED: &str = "hunting-schema-asked";

/// The schema that everything about a query's language is asked against. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedSchema(Arc<Schema>);

impl Default for SharedSchema {
    /// The documented schema alone.
    fn default() -> Self {
        static DOCUMENTED: LazyLock<Arc<Schema>> =
            LazyLock::new(|| Arc::new(Schema::hunting().clone()));
        Self(Arc::clone(&DOCUMENTED))
    }
}

impl Deref for SharedSchema {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        &self.0
    }
}

impl SharedSchema {
    /// A schema of its own, which is no tenant's.
    pub fn new(schema: Schema) -> Self {
        Self(Arc::new(schema))
    }

    /// The documented schema with what these tenants have, each of them or any.
    pub fn of<'a>(tenants: impl IntoIterator<Item = &'a Learnt>) -> Self {
        // A tenant that was never asked would make everything of the others unknown.
        let mut asked = tenants.into_iter().filter(|learnt| !learnt.is_empty());
        let Some(first) = asked.next() else {
            return Self::default();
        };
        let union = asked.fold(first.clone(), Learnt::or);
        Self(Arc::new(Schema::hunting().merged(&union)))
    }

    /// The schema of caches in files, which are neither made nor written; one that cannot be read adds
    /// nothing. Waits for the disk.
    pub fn peek<'a>(caches: impl IntoIterator<Item = &'a Path>) -> Self {
        let learnt: Vec<Learnt> = caches
            .into_iter()
            .filter_map(|path| match peek(path) {
                Ok(learnt) => Some(learnt),
                Err(error) => {
                    tracing::info!(%error, "the tenant's schema is not known");
                    None
                }
            })
            .collect();
        Self::of(&learnt)
    }

    /// Whether both are one and the same.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Schema> for SharedSchema {
    fn from(schema: Schema) -> Self {
        Self(Arc::new(schema))
    }
}

/// What the tenant of a cache in a file answered so far; the file is neither made nor written, and one
/// that is not there knows nothing. Waits for the disk.
///
/// # Errors
/// Where the cache cannot be read.
pub fn peek(cache: &Path) -> store::Result<Learnt> {
    Ok(learnt(&Store::peek_hunting_tables(cache)?))
}

/// What a tenant answered so far. Waits for the disk.
///
/// # Errors
/// Where the cache cannot be read.
pub fn known(store: &Store) -> store::Result<Learnt> {
    Ok(learnt(&store.hunting_tables()?))
}

fn learnt(facts: &BTreeMap<String, TableFacts>) -> Learnt {
    let columns = |columns: &Vec<(String, String)>| {
        let columns = columns.iter();
        columns
            .map(|(name, ty)| Column::new(name.as_str(), kind(ty)))
            .collect()
    };
    let tables = facts.iter();
    Learnt {
        tables: tables
            .map(|(name, facts)| (name.clone(), facts.columns.as_ref().map(columns)))
            .collect(),
    }
}

/// A type the service named; what it left out or we do not know is text.
fn kind(ty: &str) -> Type {
    Type::from_name(&ty.to_ascii_lowercase()).unwrap_or(Type::String)
}

/// What to ask a tenant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Tables that a text uses: those not asked for since a day.
    Used(BTreeSet<String>),
    /// Tables of a query that was refused, or names it was refused for.
    Refused(BTreeSet<String>),
    /// Everything there is.
    All,
}

/// What came of asking.
#[derive(Clone, Debug, Default)]
pub struct Taught {
    /// Everything known of the tenant now.
    pub learnt: Learnt,
    /// How many tables it was asked for; none where all that was wanted is known.
    pub asked: usize,
}

/// The tables a query uses, and the names it uses as tables that are none here.
pub fn tables_of(query: &str, analysis: &Analysis) -> BTreeSet<String> {
    let tables = analysis.references.iter();
    let tables = tables.filter(|(_, what)| *what == Reference::Table);
    let unknown = analysis.diagnostics.iter().filter(|it| it.code == "KS204");
    tables
        .map(|(span, _)| *span)
        .chain(unknown.map(|it| it.span))
        .filter_map(|span| query.get(span.start as usize..span.end as usize))
        .filter(|name| is_name(name))
        .take(MOST_NAMED)
        .map(str::to_owned)
        .collect()
}

/// Only plain names are asked for: nothing of a text can become an operator of ours.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 128
}

/// Asks a tenant for tables and keeps its answer.
///
/// # Errors
/// Where the tenant could not be asked; that a table is not there is an answer.
pub async fn learn(
    hunter: &Hunter,
    wanted: &Wanted,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Taught, HuntError> {
    let store = hunter.tenant().store.clone();
    let (mut facts, asked) = of_store(&store, |store| {
        Ok((store.hunting_tables()?, store.setting(BETA_ASKED)?))
    })
    .await?;
    let stale = |name: &String, limit: SignedDuration| {
        facts
            .get(name)
            .is_none_or(|known| now.duration_since(known.at) >= limit)
    };
    let mut open: BTreeSet<String> = match wanted {
        Wanted::Used(names) => names.iter().filter(|it| stale(it, DAY)).cloned().collect(),
        Wanted::Refused(names) => names
            .iter()
            .filter(|it| stale(it, AGAIN))
            .cloned()
            .collect(),
        Wanted::All => {
            let documented = Schema::hunting().tables().iter();
            let named = documented.map(|table| table.name.clone());
            named.chain(facts.keys().cloned()).collect()
        }
    };
    open.retain(|name| is_name(name));
    if open.is_empty() {
        let learnt = learnt(&facts);
        return Ok(Taught { learnt, asked: 0 });
    }
    let mut fresh = BTreeMap::new();
    let asked: Option<Timestamp> = asked.and_then(|at| at.parse().ok());
    let recently = asked.is_some_and(|at| now.duration_since(at) < DAY);
    let beta = match wanted {
        Wanted::All => true,
        Wanted::Used(_) => !recently,
        // The list may be of this morning; the query was refused now.
        Wanted::Refused(_) => false,
    };
    if beta && hunter.tenant().endpoints.cloud.id == "commercial" {
        match hunter.tenant().graph.hunting_schema().await {
            Ok(tables) => fresh = whole(tables, now),
            // Not permitted, not there, not now: the tables are asked for one query a time.
            Err(error) => tracing::info!(%error, "the hunting schema is not given as a whole"),
        }
        let at = now.to_string();
        of_store(&store, move |store| {
            keep(store.set_setting(BETA_ASKED, &at))
        })
        .await?;
    }
    open.retain(|name| {
        fresh
            .get(name)
            .is_none_or(|it: &TableFacts| it.columns.is_none())
    });
    if wanted == &Wanted::All && !fresh.is_empty() {
        // The list is whole; what it leaves out is there for nobody.
        open.clear();
    }
    let open: Vec<String> = open.into_iter().collect();
    for names in open.chunks(TOGETHER) {
        fresh.extend(ask(hunter, names, now, cancel).await?);
    }
    let count = fresh.len();
    facts.extend(fresh.clone());
    of_store(&store, move |store| keep(store.put_hunting_tables(&fresh))).await?;
    Ok(Taught {
        learnt: learnt(&facts),
        asked: count,
    })
}

/// Every table of the whole schema, and the documented ones it does not have.
fn whole(
    tables: Vec<(String, Vec<(String, String)>)>,
    now: Timestamp,
) -> BTreeMap<String, TableFacts> {
    let mut fresh: BTreeMap<String, TableFacts> = BTreeMap::new();
    for (name, mut columns) in tables.into_iter().take(MOST) {
        columns.truncate(MOST);
        let columns = Some(columns);
        fresh.insert(name, TableFacts { at: now, columns });
    }
    if !fresh.is_empty() {
        for table in Schema::hunting().tables() {
            let absent = TableFacts {
                at: now,
                columns: None,
            };
            fresh.entry(table.name.clone()).or_insert(absent);
        }
    }
    fresh
}

/// A second console on the same cache learns for itself and keeps nothing.
fn keep(written: store::Result<()>) -> store::Result<()> {
    match written {
        Err(store::StoreError::ReadOnly) => Ok(()),
        other => other,
    }
}

async fn of_store<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Store) -> store::Result<T> + Send + 'static,
) -> Result<T, HuntError> {
    let store = store.clone();
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    let local = |why: String| HuntError::new(HuntErrorKind::Local, why);
    match done {
        Ok(done) => done.map_err(|why| local(why.to_string())),
        Err(why) => Err(local(why.to_string())),
    }
}

/// Asks for tables in one query; where the service refuses it as a whole, for each alone.
async fn ask(
    hunter: &Hunter,
    names: &[String],
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<BTreeMap<String, TableFacts>, HuntError> {
    match once(hunter, names, now, cancel).await {
        Err(error) if refuses_query(&error) && names.len() == 1 => Ok(absent(names, now)),
        Err(error) if refuses_query(&error) => {
            let mut fresh = BTreeMap::new();
            for name in names.chunks(1).take(MOST_ALONE) {
                match once(hunter, name, now, cancel).await {
                    Ok(facts) => fresh.extend(facts),
                    Err(error) if refuses_query(&error) => fresh.extend(absent(name, now)),
                    Err(error) => return Err(error),
                }
            }
            Ok(fresh)
        }
        other => other,
    }
}

fn refuses_query(error: &HuntError) -> bool {
    matches!(
        error.kind,
        HuntErrorKind::Semantic | HuntErrorKind::Syntax | HuntErrorKind::TooLarge
    )
}

fn absent(names: &[String], now: Timestamp) -> BTreeMap<String, TableFacts> {
    let fact = |name: &String| {
        let columns = None;
        (name.clone(), TableFacts { at: now, columns })
    };
    names.iter().map(fact).collect()
}

async fn once(
    hunter: &Hunter,
    names: &[String],
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<BTreeMap<String, TableFacts>, HuntError> {
    let query = question(names);
    let found = hunter
        .ask(&query, Some(Timespan::Hour), cancel.clone())
        .await?;
    let mut fresh = absent(names, now);
    read(&found.table, &mut fresh);
    Ok(fresh)
}

/// The query that asks for the columns of tables; those that are not there give no rows.
fn question(names: &[String]) -> String {
    let mut query = String::from("union isfuzzy=true");
    for (at, name) in names.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(
            query,
            "{comma}\n    ({name} | getschema | extend Table_ = \"{name}\")"
        );
    }
    query.push_str("\n| project Table_, ColumnOrdinal, ColumnName, ColumnType");
    query
}

/// Reads the answer into the facts of the tables asked for.
fn read(rows: &ResultTable, fresh: &mut BTreeMap<String, TableFacts>) {
    let column = |name: &str| rows.column(name);
    let (Some(table), Some(ordinal), Some(name), Some(ty)) = (
        column("Table_"),
        column("ColumnOrdinal"),
        column("ColumnName"),
        column("ColumnType"),
    ) else {
        return;
    };
    let mut found: BTreeMap<String, BTreeMap<i64, (String, String)>> = BTreeMap::new();
    for row in 0..rows.rows().min(MOST * TOGETHER) {
        let place = match rows.cell(row, ordinal) {
            Cell::Long(place) => place,
            _ => row as i64,
        };
        let text = |column| rows.cell(row, column).text().into_owned();
        let its = found.entry(text(table)).or_default();
        its.insert(place, (text(name), text(ty)));
    }
    for (name, columns) in found {
        if let Some(facts) = fresh.get_mut(&name) {
            facts.columns = Some(columns.into_values().collect());
        }
    }
}

//! What hunting keeps beside its history: the tenant's own schema, and the queries being written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rusqlite::{Connection, params};

use super::{Result, Store, codec, db};
use crate::domain::Timestamp;

/// A table of the hunting schema as a tenant answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    /// When it was asked.
    pub at: Timestamp,
    /// Names and types of its columns in the tenant's order; `None` where the tenant has no such table.
    pub columns: Option<Vec<(String, String)>>,
}

/// A query being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptTab {
    /// What it was opened for; empty for a query of the analyst's own.
    pub title: String,
    /// The text.
    pub query: String,
    /// Where the caret stands, in bytes of the text.
    pub caret: usize,
    /// It is the one in front.
    pub active: bool,
    /// The profiles it asks; none: whichever is shown.
    pub tenants: Vec<String>,
    /// Where it asks: `defender`, `local`; empty of earlier versions.
    pub engine: String,
}

/// The longest text of a tab that is kept, in bytes: what the editor takes.
const LONGEST: i64 = 1 << 20;

impl Store {
    /// Keeps what the tenant answered of some tables; what is known of others stays.
    pub fn put_hunting_tables(&self, tables: &BTreeMap<String, TableFacts>) -> Result<()> {
        self.db().write(|tx| {
            let mut put = tx.prepare_cached(
                "INSERT OR REPLACE INTO hunting_table (name, at, columns) VALUES (?1, ?2, ?3)",
            )?;
            for (name, facts) in tables {
                let columns = facts.columns.as_ref().map(|columns| {
                    columns.iter().fold(String::new(), |mut out, (name, ty)| {
                        // A type is one word; a name may hold blanks.
                        let _ = writeln!(out, "{ty} {}", name.replace('\n', " "));
                        out
                    })
                });
                put.execute(params![name, codec::nanos(facts.at), columns])?;
            }
            Ok(())
        })
    }

    /// Every table the tenant was asked for.
    pub fn hunting_tables(&self) -> Result<BTreeMap<String, TableFacts>> {
        self.db().read(hunting_tables)
    }

    /// The same of the cache in a file, which is neither made nor written, and may be in use.
    pub fn peek_hunting_tables(path: &Path) -> Result<BTreeMap<String, TableFacts>> {
        Ok(db::peek(path, hunting_tables)?.unwrap_or_default())
    }

    /// Keeps the queries being written in the place of those kept before.
    pub fn put_tabs(&self, tabs: &[KeptTab]) -> Result<()> {
        self.db().write(|tx| {
            tx.execute_batch("DELETE FROM keep.tab; DELETE FROM keep.tab_engine")?;
            let mut engine = tx
                .prepare_cached("INSERT INTO keep.tab_engine (place, engine) VALUES (?1, ?2)")?;
            let mut put = tx.prepare_cached(
                "INSERT INTO keep.tab (place, title, query, caret, active, tenants) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for (place, tab) in tabs.iter().enumerate() {
                put.execute(params![
                    place as i64,
                    tab.title,
                    tab.query,
                    i64::try_from(tab.caret).unwrap_or(0),
                    tab.active,
                    tab.tenants.join("\n"),
                ])?;
                engine.execute(params![place as i64, tab.engine])?;
            }
            Ok(())
        })
    }

    /// The queries being written, in their order. A row that is none is passed over; a caret always
    /// stands inside its text, between two characters.
    pub fn tabs(&self) -> Result<Vec<KeptTab>> {
        self.db().read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT title, query, caret, active, tenants, \
                 (SELECT e.engine FROM keep.tab_engine e WHERE e.place = t.place) FROM keep.tab t \
                 WHERE typeof(query) = 'text' AND length(query) <= ?1 ORDER BY place LIMIT 64",
            )?;
            let mut rows = statement.query([LONGEST])?;
            let mut tabs = Vec::new();
            while let Some(row) = rows.next()? {
                let Ok(query) = row.get::<_, String>(1) else {
                    continue;
                };
                let mut caret = usize::try_from(row.get::<_, i64>(2).unwrap_or(0)).unwrap_or(0);
                caret = caret.min(query.len());
                while !query.is_char_boundary(caret) {
                    caret -= 1;
                }
                let tenants: String = row.get(4).unwrap_or_default();
                tabs.push(KeptTab {
                    title: row.get(0).unwrap_or_default(),
                    query,
                    caret,
                    active: row.get(3).unwrap_or_default(),
                    tenants: tenants.lines().map(str::to_owned).collect(),
                    engine: row.get(5).unwrap_or_default(),
                });
            }
            Ok(tabs)
        })
    }
}

fn hunting_tables(db: &Connection) -> Result<BTreeMap<String, TableFacts>> {
    let mut statement = db.prepare_cached("SELECT name, at, columns FROM hunting_table")?;
    let rows = statement.query_map([], |row| {
        let columns: Option<String> = row.get(2)?;
        let columns = columns.map(|text| {
            let lines = text.lines().filter_map(|line| line.split_once(' '));
            lines
                .map(|(ty, name)| (name.to_owned(), ty.to_owned()))
                .collect()
        });
        let at = codec::time(row.get(1)?);
        Ok((row.get(0)?, TableFacts { at, columns }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().expect("a time")
    }

    #[test]
    fn what_a_tenant_answered_is_kept_table_by_table() {
        let store = Store::in_memory().expect("a store");
        let facts = |columns: &[(&str, &str)]| TableFacts {
            at: now(),
            columns: Some(
                columns
                    .iter()
                    .map(|(n, t)| ((*n).to_owned(), (*t).to_owned()))
                    .collect(),
            ),
        };
        let absent = TableFacts {
            at: now(),
            columns: None,
        };
        let first = BTreeMap::from([
            (
                "DeviceInfo".to_owned(),
                facts(&[("Timestamp", "datetime"), ("odd name", "string")]),
            ),
            ("Gone".to_owned(), absent.clone()),
        ]);
        store.put_hunting_tables(&first).expect("kept");
        assert_eq!(store.hunting_tables().expect("read"), first);
        let second = BTreeMap::from([
            ("Gone".to_owned(), facts(&[("x", "long")])),
            ("Empty".to_owned(), facts(&[])),
        ]);
        store.put_hunting_tables(&second).expect("kept");
        let all = store.hunting_tables().expect("read");
        assert_eq!(all.len(), 3);
        assert_eq!(all["Gone"], second["Gone"]);
        assert_eq!(all["Empty"], second["Empty"]);
        assert_eq!(all["DeviceInfo"], first["DeviceInfo"]);
    }

    #[test]
    fn tabs_are_kept_whole_and_replace_those_before() {
        let store = Store::in_memory().expect("a store");
        assert_eq!(store.tabs().expect("read"), []);
        let tab = |query: &str, caret, active| KeptTab {
            title: "t".to_owned(),
            query: query.to_owned(),
            caret,
            active,
            tenants: vec!["a".to_owned(), "b".to_owned()],
            engine: "local".to_owned(),
        };
        let tabs = [tab("DeviceInfo\n| take 1 // ä", 3, false), tab("", 0, true)];
        store.put_tabs(&tabs).expect("kept");
        assert_eq!(store.tabs().expect("read"), tabs);
        store.put_tabs(&tabs[..1]).expect("kept");
        assert_eq!(store.tabs().expect("read"), tabs[..1]);
    }

    #[test]
    fn a_row_that_is_no_tab_harms_none() {
        let store = Store::in_memory().expect("a store");
        let ok = KeptTab {
            query: "ä".to_owned(),
            caret: 1,
            ..KeptTab::default()
        };
        store
            .put_tabs(&[ok.clone(), ok.clone(), ok.clone()])
            .expect("kept");
        store
            .db()
            .write(|tx| {
                tx.execute("UPDATE keep.tab SET query = x'ff00fe' WHERE place = 0", [])?;
                tx.execute(
                    "UPDATE keep.tab SET caret = -5, title = x'ff', active = 'x' WHERE place = 1",
                    [],
                )?;
                Ok(())
            })
            .expect("spoilt");
        let tabs = store.tabs().expect("read");
        assert_eq!(tabs.len(), 2, "{tabs:?}");
        assert_eq!(tabs[0].caret, 0);
        assert_eq!(
            tabs[1].caret, 0,
            "a caret inside a character stands before it"
        );
    }
}

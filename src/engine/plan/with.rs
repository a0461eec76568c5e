//! The list of table expressions before a SELECT: those it stands on, with the columns it reads.
//!
//! Every operator hands on all columns of its rows. SQLite forgets unread ones where it merges a table
//! expression into its reader, but not where it has to compute one (windows, unions read twice): those would
//! carry a hundred columns for the two that are read. So what nobody reads is left out here, in text: names of
//! table expressions and aliases are numbered, and columns are always named with their alias.

use std::collections::{HashMap, HashSet};

/// One SELECT of a table expression.
#[derive(Debug, Clone)]
pub struct Leg {
    /// `SELECT ` or `SELECT DISTINCT `.
    pub head: &'static str,
    /// What comes out, each with its name.
    pub items: Vec<String>,
    /// All behind them.
    pub rest: String,
    /// Leaving out an item changes nothing else.
    pub loose: bool,
}

impl Leg {
    /// The SQL with all items.
    pub fn sql(&self) -> String {
        format!("{}{}{}", self.head, self.items.join(", "), self.rest)
    }

    /// The SQL with the items somebody reads.
    fn read(&self, read: &Read) -> String {
        let Read::Some(names) = read else {
            return self.sql();
        };
        if !self.loose {
            return self.sql();
        }
        let mut items: Vec<&str> = self
            .items
            .iter()
            .filter(|item| {
                item.rsplit_once(" AS ")
                    .is_none_or(|(_, name)| names.contains(name))
            })
            .map(String::as_str)
            .collect();
        if items.is_empty() {
            items.push("NULL AS c0");
        }
        format!("{}{}{}", self.head, items.join(", "), self.rest)
    }
}

/// One table expression.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name; text up to the opening parenthesis follows it.
    pub name: String,
    /// ` AS MATERIALIZED ` and its like, or the columns before it.
    pub how: String,
    /// Its SELECTs, one below the other.
    pub body: Body,
}

/// What stands in the parentheses of a table expression.
#[derive(Debug, Clone)]
pub enum Body {
    /// SELECTs laid over each other.
    Legs(Vec<Leg>),
    /// Text that stays as it is.
    Text(String),
}

/// Which columns of a table expression are read.
enum Read {
    /// Perhaps all.
    All,
    /// Those of these names.
    Some(HashSet<String>),
}

/// The table expressions of a query, each over those before it.
#[derive(Debug, Default)]
pub struct With {
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
}

impl With {
    /// Adds one.
    pub fn push(&mut self, entry: Entry) {
        self.places.insert(entry.name.clone(), self.entries.len());
        self.entries.push(entry);
    }

    /// A SELECT with the table expressions it stands on before it, and no others: a query that is
    /// computed in parts would else have every part read again what all parts before it were made from.
    pub fn statement(&self, select: &str) -> String {
        let mut read: Vec<Option<Read>> = self.entries.iter().map(|_| None).collect();
        self.look(select, &mut read);
        let mut texts = Vec::new();
        for (place, entry) in self.entries.iter().enumerate().rev() {
            let Some(wanted) = &read[place] else { continue };
            let body = match &entry.body {
                Body::Text(text) => text.clone(),
                Body::Legs(legs) => {
                    let legs: Vec<String> = legs.iter().map(|leg| leg.read(wanted)).collect();
                    legs.join("\nUNION ALL ")
                }
            };
            self.look(&body, &mut read);
            texts.push(format!("{}{}({body})", entry.name, entry.how));
        }
        if texts.is_empty() {
            return select.to_owned();
        }
        texts.reverse();
        format!("WITH {}\n{select}", texts.join(",\n"))
    }

    /// Notes what a text reads of the table expressions.
    fn look(&self, text: &str, read: &mut [Option<Read>]) {
        let mut aliases: HashMap<&str, usize> = HashMap::new();
        for (from, to) in words(text) {
            let Some(place) = self.places.get(&text[from..to]) else {
                continue;
            };
            // Read under an alias, or as it is.
            let alias = text[to..].strip_prefix(" AS ").map(|rest| {
                let end = rest.find(|c: char| !word_char(c)).unwrap_or(rest.len());
                &rest[..end]
            });
            match (alias, &mut read[*place]) {
                (None, slot) => *slot = Some(Read::All),
                (Some(alias), slot) => {
                    slot.get_or_insert_with(|| Read::Some(HashSet::new()));
                    aliases.insert(alias, *place);
                }
            }
        }
        if aliases.is_empty() {
            return;
        }
        for (from, to) in words(text) {
            let Some(place) = aliases.get(&text[from..to]) else {
                continue;
            };
            let Some(rest) = text[to..].strip_prefix('.') else {
                continue;
            };
            let end = rest.find(|c: char| !word_char(c)).unwrap_or(rest.len());
            match &mut read[*place] {
                Some(Read::Some(names)) if end > 0 => {
                    names.insert(rest[..end].to_owned());
                }
                Some(Read::Some(_)) => read[*place] = Some(Read::All),
                _ => {}
            }
        }
    }
}

fn word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The places of names and numbers in an SQL text.
fn words(sql: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at + sql[at..].find(word_char)?;
        let length = sql[from..].find(|c: char| !word_char(c));
        at = length.map_or(sql.len(), |length| from + length);
        Some((from, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(items: &[&str], rest: &str) -> Leg {
        Leg {
            head: "SELECT ",
            items: items.iter().map(|i| (*i).to_owned()).collect(),
            rest: rest.to_owned(),
            loose: true,
        }
    }

    fn entry(name: &str, legs: Vec<Leg>) -> Entry {
        Entry {
            name: name.to_owned(),
            how: " AS ".to_owned(),
            body: Body::Legs(legs),
        }
    }

    #[test]
    fn what_nobody_reads_is_left_out() {
        let mut with = With::default();
        with.push(entry(
            "q1",
            vec![leg(
                &["\"A\" AS c0", "\"B\" AS c1", "\"C AS c0\" AS c2"],
                " FROM \"T\"",
            )],
        ));
        with.push(entry("q2", vec![leg(&["1 AS c0"], " FROM \"U\"")]));
        with.push(entry(
            "q3",
            vec![leg(
                &["t1.c0 AS c0", "t1.c1 AS c1"],
                " FROM q1 AS t1 WHERE t1.c2 = 2",
            )],
        ));
        assert_eq!(
            with.statement("SELECT t2.c1 FROM q3 AS t2"),
            "WITH q1 AS (SELECT \"B\" AS c1, \"C AS c0\" AS c2 FROM \"T\"),\n\
             q3 AS (SELECT t1.c1 AS c1 FROM q1 AS t1 WHERE t1.c2 = 2)\n\
             SELECT t2.c1 FROM q3 AS t2"
        );
        assert_eq!(with.statement("SELECT 1"), "SELECT 1");
    }

    #[test]
    fn what_is_read_without_an_alias_stays_whole() {
        let mut with = With::default();
        with.push(entry("q1", vec![leg(&["1 AS c0", "2 AS c1"], "")]));
        assert_eq!(
            with.statement("SELECT 1 WHERE 1 IN (SELECT c0 FROM q1)"),
            "WITH q1 AS (SELECT 1 AS c0, 2 AS c1)\nSELECT 1 WHERE 1 IN (SELECT c0 FROM q1)"
        );
        // one reader with an alias and one without
        assert!(
            with.statement("SELECT t1.c1 FROM q1 AS t1 WHERE 1 IN (SELECT c0 FROM q1)")
                .contains("1 AS c0, 2 AS c1")
        );
    }

    #[test]
    fn items_that_hold_others_up_stay() {
        let mut with = With::default();
        let mut held = leg(&["a AS c0", "b AS c1"], " FROM x GROUP BY 1");
        held.loose = false;
        with.push(entry("q1", vec![held]));
        with.push(entry(
            "q2",
            vec![
                leg(&["1 AS c0", "2 AS c1"], ""),
                leg(&["3 AS c0", "4 AS c1"], ""),
            ],
        ));
        let sql = with.statement("SELECT t1.c0, t2.c1 FROM q1 AS t1, q2 AS t2");
        assert!(sql.contains("SELECT a AS c0, b AS c1 FROM x"));
        assert!(sql.contains("SELECT 2 AS c1\nUNION ALL SELECT 4 AS c1"));
    }
}

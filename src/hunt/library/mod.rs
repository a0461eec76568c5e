//! The query library: the queries that come with the program and the user's own, with what they are
//! for and what can be set in them.
//!
//! A file holds one or more queries. Each begins with a head of comments, `// title:` first:
//!
//! ```text
//! // title: One password tried on many accounts
//! // about: Failed sign-ins from one address against many accounts.
//! // tactics: CredentialAccess
//! // techniques: T1110.003
//! // tags: weekly, sign-in
//! // needs: Entra ID P2
//! let lookback = 2d; // how far back
//! EntraIdSignInEvents
//! | where Timestamp > ago(lookback)
//! ```
//!
//! A `let` of a plain value with a comment behind it, before anything else, is a parameter: its name,
//! its value as the default, the comment as its word. So the text is a query as it stands, and is opened,
//! changed and kept with its head. A file without a head is one query with the name of the file.

mod files;
mod parameter;
mod search;

use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

pub use files::{load, save};
pub use parameter::{Parameter, Refused, fill};
pub use search::search;

use super::prepared;
use super::schema::tables_of;
use crate::domain::text;
use crate::kql::{self, Schema};

/// A query of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called by on the command line: its title in small letters and hyphens.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it finds and how to read it.
    pub about: String,
    /// Where it is listed: a tactic, a subject, or the user's own.
    pub group: String,
    /// ATT&CK tactics as the services write them: `CredentialAccess`.
    pub tactics: Vec<String>,
    /// ATT&CK techniques: `T1110.003`.
    pub techniques: Vec<String>,
    /// Words of the user's own to find it by.
    pub tags: Vec<String>,
    /// Licences it needs.
    pub needs: String,
    /// The tables it reads.
    pub tables: Vec<String>,
    /// What can be set in it.
    pub parameters: Vec<Parameter>,
    /// KQL, without the head.
    pub query: String,
    /// The file it is from; none: it comes with the program.
    pub file: Option<PathBuf>,
}

/// Everything there is.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Those of the program in the order of the attack, then the user's own.
    pub entries: Vec<Entry>,
    /// What of the user's folder could not be read, in words.
    pub problems: Vec<String>,
}

impl Library {
    /// The entry of a name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// The group of the user's own queries.
pub const OWN: &str = "Your own";

/// Groups and files of the queries that come with the program.
const FILES: [(&str, &str); 21] = [
    (
        "Reconnaissance",
        include_str!("../../../assets/queries/01-reconnaissance.kql"),
    ),
    (
        "Resource development",
        include_str!("../../../assets/queries/02-resource-development.kql"),
    ),
    (
        "Initial access",
        include_str!("../../../assets/queries/03-initial-access.kql"),
    ),
    (
        "Execution",
        include_str!("../../../assets/queries/04-execution.kql"),
    ),
    (
        "Persistence",
        include_str!("../../../assets/queries/05-persistence.kql"),
    ),
    (
        "Privilege escalation",
        include_str!("../../../assets/queries/06-privilege-escalation.kql"),
    ),
    (
        "Defense evasion",
        include_str!("../../../assets/queries/07-defense-evasion.kql"),
    ),
    (
        "Credential access",
        include_str!("../../../assets/queries/08-credential-access.kql"),
    ),
    (
        "Discovery",
        include_str!("../../../assets/queries/09-discovery.kql"),
    ),
    (
        "Lateral movement",
        include_str!("../../../assets/queries/10-lateral-movement.kql"),
    ),
    (
        "Collection",
        include_str!("../../../assets/queries/11-collection.kql"),
    ),
    (
        "Command and control",
        include_str!("../../../assets/queries/12-command-and-control.kql"),
    ),
    (
        "Exfiltration",
        include_str!("../../../assets/queries/13-exfiltration.kql"),
    ),
    (
        "Impact",
        include_str!("../../../assets/queries/14-impact.kql"),
    ),
    (
        "E-mail",
        include_str!("../../../assets/queries/20-email.kql"),
    ),
    (
        "Identity",
        include_str!("../../../assets/queries/21-identity.kql"),
    ),
    (
        "Cloud apps",
        include_str!("../../../assets/queries/22-cloud-apps.kql"),
    ),
    (
        "Device health",
        include_str!("../../../assets/queries/30-device-health.kql"),
    ),
    (
        "Vulnerabilities",
        include_str!("../../../assets/queries/31-vulnerabilities.kql"),
    ),
    (
        "Exposure",
        include_str!("../../../assets/queries/32-exposure.kql"),
    ),
    (
        "Response",
        include_str!("../../../assets/queries/40-response.kql"),
    ),
];

/// The queries that come with the program. Read once; the first call takes some milliseconds.
pub fn delivered() -> &'static [Arc<Entry>] {
    static DELIVERED: LazyLock<Vec<Arc<Entry>>> = LazyLock::new(|| {
        FILES
            .iter()
            .flat_map(|(group, text)| read(text, group, group))
            .map(Arc::new)
            .collect()
    });
    &DELIVERED
}

impl Entry {
    /// The text of a query under this one's head, as a file holds it.
    pub fn headed(&self, query: &str) -> String {
        let lists = [&self.tactics, &self.techniques, &self.tags].map(|it| it.join(", "));
        let [tactics, techniques, tags] = &lists;
        let mut out = String::new();
        for (key, value) in [
            ("title", &self.title),
            ("about", &self.about),
            ("tactics", tactics),
            ("techniques", techniques),
            ("tags", tags),
            ("needs", &self.needs),
        ] {
            if !value.is_empty() {
                let _ = writeln!(out, "// {key}: {value}");
            }
        }
        out.push_str(query);
        out
    }
}

/// The title that the head of a query's text gives it.
pub fn title_of(text: &str) -> Option<String> {
    let mut rest = text.trim_start();
    while let Some((key, value, after)) = head_line(rest) {
        if key == "title" && !value.is_empty() {
            return Some(text::clean(value).into_owned());
        }
        rest = after;
    }
    None
}

/// A statement of a text with the comments above it, a blank line between or none.
pub fn with_head(text: &str, statement: Range<usize>) -> Range<usize> {
    let before = text[..statement.start].trim_end();
    let from = prepared::statements(before).pop().filter(|above| {
        let mut lines = before[above.clone()].lines();
        lines.all(|line| line.starts_with("//"))
    });
    from.map_or(statement.start, |above| above.start)..statement.end
}

/// The queries of a text. `name` is the title of one without a head.
pub fn read(text: &str, name: &str, group: &str) -> Vec<Entry> {
    let parts = parts(text);
    let entries = parts.iter().map(|part| entry(part, name, group));
    entries.filter(|entry| !entry.query.is_empty()).collect()
}

/// The text of each query with its head, and what stands behind it.
fn parts(text: &str) -> Vec<String> {
    let text = prepared::editable(text);
    let mut parts: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        let begins = line.starts_with("// title:");
        match parts.last_mut() {
            Some(part) if !begins => part.push_str(line),
            _ => parts.push(line.to_owned()),
        }
    }
    parts
}

fn entry(part: &str, name: &str, group: &str) -> Entry {
    let mut entry = Entry {
        name: String::new(),
        title: name.to_owned(),
        about: String::new(),
        group: group.to_owned(),
        tactics: Vec::new(),
        techniques: Vec::new(),
        tags: Vec::new(),
        needs: String::new(),
        tables: Vec::new(),
        parameters: Vec::new(),
        query: String::new(),
        file: None,
    };
    let list = |value: &str| {
        let words = value.split(',').map(str::trim);
        words
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut rest = part;
    while let Some((key, value, after)) = head_line(rest) {
        let value = text::clean(value);
        match key {
            "title" => entry.title = value.into_owned(),
            "about" => entry.about = value.into_owned(),
            "needs" => entry.needs = value.into_owned(),
            "tactics" => entry.tactics = list(&value),
            "techniques" => entry.techniques = list(&value),
            "tags" => entry.tags = list(&value),
            // Comments of the query itself begin here.
            _ => break,
        }
        rest = after;
    }
    rest.trim().clone_into(&mut entry.query);
    entry.name = slug(&entry.title);
    let analysis = kql::analyze(&entry.query, Schema::hunting());
    entry.tables = tables_of(&entry.query, &analysis).into_iter().collect();
    entry.parameters = parameter::read(&entry.query);
    entry
}

/// Key and value of a line of the head, and what follows it.
fn head_line(text: &str) -> Option<(&str, &str, &str)> {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (key, value) = line.strip_prefix("//")?.split_once(':')?;
    Some((key.trim(), value.trim(), rest))
}

/// A title as a name: small letters, digits and single hyphens.
pub fn slug(title: &str) -> String {
    let mut out = String::new();
    for c in title.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() && c != '\'' {
            out.push('-');
        }
        if out.len() >= 80 {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests;

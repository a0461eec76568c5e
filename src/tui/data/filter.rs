//! What `/` understands: `status:open sev>=medium owner:me tag:vip` ask fields, other words match
//! fuzzily. `-` in front turns a question round.

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::Tenants;
use crate::domain::{AlertRow, IncidentRow, IncidentStatus, Of, Severity, TenantNo};

/// What a row answers to a filter.
pub trait Filtered {
    /// Whose it is.
    fn tenant(&self) -> TenantNo;
    /// Its id.
    fn id(&self) -> &str;
    /// Its title.
    fn title(&self) -> &str;
    /// Its status as the service names it.
    fn status(&self) -> &str;
    /// Whether somebody still has to look at it.
    fn is_open(&self) -> bool;
    /// Its severity.
    fn severity(&self) -> &Severity;
    /// Its owner.
    fn owner(&self) -> Option<&str>;
    /// Further texts: tags, product, device.
    fn texts(&self, look: &mut dyn FnMut(&str) -> bool) -> bool;
}

impl Filtered for Of<IncidentRow> {
    fn tenant(&self) -> TenantNo {
        self.tenant
    }
    fn id(&self) -> &str {
        self.id.as_str()
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn status(&self) -> &str {
        self.status.as_str()
    }
    fn is_open(&self) -> bool {
        self.status.is_open()
    }
    fn severity(&self) -> &Severity {
        &self.severity
    }
    fn owner(&self) -> Option<&str> {
        self.assigned_to.as_deref()
    }
    fn texts(&self, look: &mut dyn FnMut(&str) -> bool) -> bool {
        self.tags.iter().any(|tag| look(tag))
    }
}

impl Filtered for Of<AlertRow> {
    fn tenant(&self) -> TenantNo {
        self.tenant
    }
    fn id(&self) -> &str {
        self.id.as_str()
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn status(&self) -> &str {
        self.status.as_str()
    }
    fn is_open(&self) -> bool {
        self.status.is_open()
    }
    fn severity(&self) -> &Severity {
        &self.severity
    }
    fn owner(&self) -> Option<&str> {
        self.assigned_to.as_deref()
    }
    fn texts(&self, look: &mut dyn FnMut(&str) -> bool) -> bool {
        look(&self.subject)
            || look(self.source.short())
            || look(self.source.as_str())
            || self.category.as_deref().is_some_and(look)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Ask {
    Open(bool),
    Status(String),
    Severity(u8),
    AtLeast(u8),
    Me,
    Nobody,
    Owner(String),
    Text(String),
    Id(String),
}

#[derive(Clone, Debug)]
enum Term {
    Ask {
        ask: Ask,
        not: bool,
    },
    /// Asked once for each tenant, not for each row.
    Tenant {
        text: String,
        not: bool,
    },
    Word {
        atom: Atom,
        word: String,
        not: bool,
    },
}

/// A filter, read once and asked for every row.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

impl Filter {
    /// Reads a filter; nothing is wrong in it: a word that asks no field is a word.
    pub fn new(text: &str) -> Self {
        let terms = text.split_whitespace().filter_map(read_term).collect();
        Self {
            text: text.trim().to_owned(),
            terms,
        }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The same with a term added, or taken away where it is there.
    #[must_use]
    pub fn toggled(&self, term: &str) -> Self {
        let there = self.text.split_whitespace().any(|word| word == term);
        let words = self.text.split_whitespace().filter(|word| *word != term);
        let mut words: Vec<&str> = words.collect();
        if !there {
            words.insert(0, term);
        }
        Self::new(&words.join(" "))
    }

    /// Prepares to ask rows of these tenants, of which only those shown pass.
    pub fn asker<'a>(&'a self, tenants: &'a Tenants) -> Asker<'a> {
        let wanted = |name: &str| {
            self.terms.iter().all(|term| match term {
                Term::Tenant { text, not } => contains(name, text) != *not,
                _ => true,
            })
        };
        let passes = tenants
            .iter()
            .map(|tenant| tenant.shown && wanted(&tenant.facts.name));
        Asker {
            filter: self,
            passes: passes.collect(),
            tenants,
            matcher: Matcher::new(Config::DEFAULT),
            buffer: Vec::new(),
            judged: None,
        }
    }
}

/// A filter with the room fuzzy matching needs.
pub struct Asker<'a> {
    filter: &'a Filter,
    tenants: &'a Tenants,
    /// Whether a tenant's rows may pass, by its number.
    passes: Vec<bool>,
    matcher: Matcher,
    buffer: Vec<char>,
    /// What a predicate says of the row at a place.
    judged: Option<&'a dyn Fn(u32) -> bool>,
}

impl<'a> Asker<'a> {
    /// Lets only rows through whose place a predicate lets through too.
    #[must_use]
    pub fn judged(mut self, judged: Option<&'a dyn Fn(u32) -> bool>) -> Self {
        self.judged = judged;
        self
    }

    /// What the predicate says of the row at a place.
    pub(super) fn lets(&self, place: u32) -> bool {
        self.judged.is_none_or(|judged| judged(place))
    }

    /// Whether the row passes.
    pub fn passes(&mut self, row: &impl Filtered) -> bool {
        if self.passes.get(row.tenant().index()) == Some(&false) {
            return false;
        }
        let me = self.tenants.me(row.tenant());
        for term in &self.filter.terms {
            let (holds, not) = match term {
                Term::Tenant { .. } => continue,
                Term::Ask { ask, not } => (holds(ask, row, me), *not),
                Term::Word { atom, word, not } => {
                    let fuzzy = |matcher: &mut Matcher, buffer: &mut Vec<char>| {
                        let haystack = Utf32Str::new(row.title(), buffer);
                        let score = atom.score(haystack, matcher);
                        // Letters strewn over a title are no match: most must stand together. (Of one
                        // or two letters nothing can be said yet.)
                        let letters = word.chars().count();
                        score.is_some_and(|score| letters < 3 || usize::from(score) >= 18 * letters)
                    };
                    let found = fuzzy(&mut self.matcher, &mut self.buffer)
                        || row.id().starts_with(word.as_str())
                        || row.owner().is_some_and(|owner| contains(owner, word))
                        || row.texts(&mut |text| contains(text, word));
                    (found, *not)
                }
            };
            if holds == not {
                return false;
            }
        }
        true
    }
}

fn holds(ask: &Ask, row: &impl Filtered, me: &str) -> bool {
    match ask {
        Ask::Open(open) => row.is_open() == *open,
        Ask::Status(status) => {
            let own = row.status();
            own.len() >= status.len()
                && own.is_char_boundary(status.len())
                && own[..status.len()].eq_ignore_ascii_case(status)
        }
        Ask::Severity(rank) => row.severity().rank() == *rank,
        Ask::AtLeast(rank) => row.severity().rank() >= *rank,
        Ask::Me => row
            .owner()
            .is_some_and(|owner| owner.eq_ignore_ascii_case(me)),
        Ask::Nobody => row.owner().is_none(),
        Ask::Owner(text) => row.owner().is_some_and(|owner| contains(owner, text)),
        Ask::Text(text) => row.texts(&mut |own| contains(own, text)),
        Ask::Id(text) => row.id().starts_with(text.as_str()),
    }
}

/// Whether `text` contains `part` without regard to ASCII case.
fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty()
        || text
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part))
}

fn severity(text: &str) -> Option<u8> {
    let wanted = text.to_ascii_lowercase();
    let names = [
        ("high", 4),
        ("medium", 3),
        ("low", 2),
        ("informational", 1),
        ("unknown", 0),
    ];
    let found = names
        .iter()
        .find(|(name, _)| !wanted.is_empty() && name.starts_with(&wanted));
    found.map(|(_, rank)| *rank)
}

fn read_term(word: &str) -> Option<Term> {
    let (not, rest) = match word.strip_prefix('-') {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, word),
    };
    let at_least = rest
        .strip_prefix("sev>=")
        .or_else(|| rest.strip_prefix("sev≥"))
        .or_else(|| rest.strip_prefix("severity>="))
        .and_then(severity);
    if let Some(rank) = at_least {
        return Some(Term::Ask {
            ask: Ask::AtLeast(rank),
            not,
        });
    }
    if let Some((field, value)) = rest.split_once(':') {
        let text = value.to_owned();
        if field == "tenant" && !value.is_empty() {
            return Some(Term::Tenant { text, not });
        }
        let ask = match (field, value) {
            (_, "") => None,
            ("status", "open") => Some(Ask::Open(true)),
            ("status", "closed") => Some(Ask::Open(false)),
            ("status", _) => Some(Ask::Status(text)),
            ("sev" | "severity", _) => severity(value).map(Ask::Severity),
            ("owner", "me") => Some(Ask::Me),
            ("owner", "none" | "nobody") => Some(Ask::Nobody),
            ("owner", _) => Some(Ask::Owner(text)),
            ("tag" | "source" | "src" | "device" | "category", _) => Some(Ask::Text(text)),
            ("id", _) => Some(Ask::Id(text)),
            _ => None,
        };
        match ask {
            Some(ask) => return Some(Term::Ask { ask, not }),
            // A field begun and not yet filled in asks nothing.
            None if value.is_empty() => return None,
            None => {}
        }
    }
    let atom = Atom::new(
        rest,
        CaseMatching::Ignore,
        Normalization::Smart,
        AtomKind::Fuzzy,
        false,
    );
    Some(Term::Word {
        atom,
        word: rest.to_owned(),
        not,
    })
}

/// A row's status in a word and how it looks.
pub fn incident_status(status: &IncidentStatus) -> (&str, crate::tui::theme::Role) {
    use crate::tui::theme::Role;
    match status {
        IncidentStatus::Active => ("active", Role::StatusActive),
        IncidentStatus::InProgress => ("in progress", Role::StatusProgress),
        IncidentStatus::AwaitingAction => ("awaiting", Role::StatusProgress),
        IncidentStatus::Resolved => ("resolved", Role::StatusResolved),
        IncidentStatus::Redirected => ("merged", Role::StatusResolved),
        IncidentStatus::Other(text) => (text, Role::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::TenantFacts;
    use super::*;
    use crate::domain::{Incident, Timestamp};

    fn row(title: &str, severity: &str, status: &str, owner: Option<&str>) -> Of<IncidentRow> {
        let json = serde_json::json!({
            "id": "4211", "displayName": title, "severity": severity, "status": status,
            "assignedTo": owner, "customTags": ["vip"],
        });
        let incident: Incident = serde_json::from_value(json).expect("an incident");
        Of::new(TenantNo(0), incident.to_row(Timestamp::UNIX_EPOCH))
    }

    fn tenants(names: &[&str]) -> Tenants {
        let facts = names.iter().map(|name| TenantFacts {
            name: (*name).to_owned(),
            me: format!("R.Ohara@{}", &name[..1]),
            ..TenantFacts::default()
        });
        Tenants::new(facts.collect())
    }

    #[test]
    fn fields_and_words_ask_what_they_say() {
        let open = row(
            "Password spray, one success",
            "medium",
            "active",
            Some("r.ohara@x"),
        );
        let done = row("PUA blocked", "low", "resolved", None);
        for (text, for_open, for_done) in [
            ("", true, true),
            ("status:open", true, false),
            ("status:act", true, false),
            ("sev>=medium", true, false),
            ("sev≥low", true, true),
            ("sev:low", false, true),
            ("owner:none", false, true),
            ("owner:me", true, false),
            ("owner:oha", true, false),
            ("tag:VIP", true, true),
            ("-tag:vip", false, false),
            ("spray", true, false),
            ("psspray", true, false),
            ("pua", false, true),
            ("-pua", true, false),
            ("421", true, true),
            ("status:", true, true),
            ("zzz", false, false),
        ] {
            let filter = Filter::new(text);
            let tenants = tenants(&["x.com"]);
            let mut asker = filter.asker(&tenants);
            assert_eq!(asker.passes(&open), for_open, "{text} on the open one");
            assert_eq!(asker.passes(&done), for_done, "{text} on the resolved one");
        }
    }

    #[test]
    fn letters_strewn_over_a_title_are_no_match() {
        let row = row("Password spray, one success", "medium", "active", None);
        let none = Tenants::default();
        assert!(!Filter::new("pwnucs").asker(&none).passes(&row));
    }

    #[test]
    fn terms_toggle() {
        let filter = Filter::new("status:open spray");
        assert_eq!(filter.toggled("status:open").text(), "spray");
        assert_eq!(
            filter.toggled("owner:me").text(),
            "owner:me status:open spray"
        );
    }
    #[test]
    fn tenants_are_asked_for_by_name_and_me_is_another_in_each() {
        let first = row("a", "low", "active", Some("r.ohara@x"));
        let second = Of::new(TenantNo(1), first.it.clone());
        let mut tenants = tenants(&["x.com", "y.com"]);
        let passing = |text: &str, tenants: &Tenants| {
            let filter = Filter::new(text);
            let mut asker = filter.asker(tenants);
            (asker.passes(&first), asker.passes(&second))
        };
        assert_eq!(passing("tenant:X", &tenants), (true, false));
        assert_eq!(passing("-tenant:x", &tenants), (false, true));
        assert_eq!(passing("tenant:", &tenants), (true, true));
        assert_eq!(passing("tenant:.com owner:me", &tenants), (true, false));
        tenants.show(&[TenantNo(1)]);
        assert_eq!(passing("", &tenants), (false, true));
        assert_eq!(passing("tenant:x", &tenants), (false, false));
    }
}

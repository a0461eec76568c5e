//! The tenants of the console: what is settled of each when it starts, how each is doing, and which
//! of them are shown.

use crate::api::Budgets;
use crate::domain::{Of, TenantNo, Timestamp};
use crate::feed::{FeedHealth, FeedState};

use super::{Counts, Level};

/// What is settled of a tenant when the console starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantFacts {
    /// As the header names it: its domain, else the profile's name.
    pub name: String,
    /// In full, as confirmations name it: the profile and the tenant's id or domain.
    pub title: String,
    /// Who "me" is there.
    pub me: String,
    /// No write is possible, and nothing in the console changes that.
    pub read_only: bool,
    /// Its cloud.
    pub cloud: String,
    /// The way to sign in.
    pub way: String,
    /// Why it could not be opened.
    pub broken: Option<String>,
}

/// A tenant: what is settled of it, and how it is doing.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// What is settled.
    pub facts: TenantFacts,
    /// As columns name it.
    pub short: String,
    /// No write is possible for now.
    pub read_only: bool,
    /// Whether its rows are shown.
    pub shown: bool,
    /// How its feed is doing; none before its first word.
    pub health: Option<FeedHealth>,
    /// What its services still let us ask; none before they are known.
    pub budgets: Option<Budgets>,
    /// Its open incidents in numbers.
    pub counts: Counts,
    /// The last trouble told of it.
    pub trouble: Option<(Timestamp, Level, String)>,
}

/// How a tenant is, in a word for counting; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Answers arrive on time.
    Live,
    /// No answer yet, or the first read is under way.
    Starting,
    /// The last answer is older than it should be.
    Lagging,
    /// Told to wait.
    Throttled,
    /// Somebody has to sign in, or access is refused.
    SignIn,
    /// No answers.
    Offline,
    /// It could not be opened.
    Broken,
}

impl Condition {
    /// In words, for a header.
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Starting => "starting",
            Self::Lagging => "lagging",
            Self::Throttled => "told to wait",
            Self::SignIn => "sign-in refused",
            Self::Offline => "offline",
            Self::Broken => "not opened",
        }
    }
}

impl Tenant {
    /// How it is.
    pub fn condition(&self) -> Condition {
        if self.facts.broken.is_some() {
            return Condition::Broken;
        }
        let Some(health) = &self.health else {
            return Condition::Starting;
        };
        match &health.state {
            FeedState::Starting => Condition::Starting,
            FeedState::Live if health.syncing.is_some() => Condition::Starting,
            FeedState::Live => Condition::Live,
            FeedState::Lagging { .. } => Condition::Lagging,
            FeedState::Throttled { .. } => Condition::Throttled,
            FeedState::SignIn { .. } => Condition::SignIn,
            FeedState::Offline { .. } => Condition::Offline,
        }
    }
}

/// All of them, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    all: Vec<Tenant>,
}

/// How wide a short name may be.
pub const SHORT: usize = 12;

impl Tenants {
    /// All shown, nothing known of how they are.
    pub fn new(facts: Vec<TenantFacts>) -> Self {
        let mut all: Vec<Tenant> = Vec::with_capacity(facts.len());
        for facts in facts {
            let short = short(&facts.name, &all);
            all.push(Tenant {
                short,
                read_only: facts.read_only,
                shown: true,
                facts,
                ..Tenant::default()
            });
        }
        Self { all }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none: the first screen.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether a tenant must be named for a thing to be known.
    pub fn several(&self) -> bool {
        self.all.len() > 1
    }

    /// Their numbers.
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = TenantNo> + DoubleEndedIterator + use<> {
        TenantNo::first(self.all.len())
    }

    /// All with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = Of<&Tenant>> {
        self.numbers()
            .zip(&self.all)
            .map(|(no, tenant)| Of::new(no, tenant))
    }

    /// One of them.
    pub fn get(&self, no: TenantNo) -> Option<&Tenant> {
        self.all.get(no.index())
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, no: TenantNo) -> Option<&mut Tenant> {
        self.all.get_mut(no.index())
    }

    /// Whether its rows are shown.
    pub fn shows(&self, no: TenantNo) -> bool {
        self.get(no).is_none_or(|tenant| tenant.shown)
    }

    /// Those shown.
    pub fn shown(&self) -> impl Iterator<Item = Of<&Tenant>> {
        self.iter().filter(|tenant| tenant.shown)
    }

    /// The one tenant everything on screen belongs to, where there is but one shown.
    pub fn only(&self) -> Option<TenantNo> {
        let mut shown = self.shown();
        let first = shown.next()?.tenant;
        shown.next().is_none().then_some(first)
    }

    /// Shows these alone; all, where none of them is known.
    pub fn show(&mut self, these: &[TenantNo]) {
        let any = these.iter().any(|no| no.index() < self.all.len());
        for (at, tenant) in self.all.iter_mut().enumerate() {
            tenant.shown = !any || these.iter().any(|no| no.index() == at);
        }
    }

    /// As the header names it.
    pub fn name(&self, no: TenantNo) -> &str {
        self.get(no).map_or("", |tenant| &tenant.facts.name)
    }

    /// As columns name it.
    pub fn short(&self, no: TenantNo) -> &str {
        self.get(no).map_or("", |tenant| &tenant.short)
    }

    /// In full.
    pub fn title(&self, no: TenantNo) -> &str {
        self.get(no).map_or("", |tenant| &tenant.facts.title)
    }

    /// Who "me" is there.
    pub fn me(&self, no: TenantNo) -> &str {
        self.get(no).map_or("", |tenant| &tenant.facts.me)
    }

    /// Whether nothing can be written there now.
    pub fn is_read_only(&self, no: TenantNo) -> bool {
        self.get(no).is_none_or(|tenant| tenant.read_only)
    }

    /// Whether nothing can be written at all.
    pub fn all_read_only(&self) -> bool {
        !self.all.is_empty() && self.all.iter().all(|tenant| tenant.read_only)
    }

    /// Words about a tenant, which they name where there are several.
    pub fn named(&self, no: TenantNo, text: impl Into<String>) -> String {
        let text = text.into();
        if self.several() {
            format!("{}: {text}", self.name(no))
        } else {
            text
        }
    }
}

/// A name for a narrow column that none of the others has.
fn short(name: &str, others: &[Tenant]) -> String {
    let plain = name
        .strip_suffix(".onmicrosoft.com")
        .filter(|plain| !plain.is_empty())
        .unwrap_or(name);
    let cut = |room: usize| -> String {
        if plain.chars().count() <= room {
            return plain.to_owned();
        }
        let mut cut: String = plain.chars().take(room.saturating_sub(1)).collect();
        cut.push('…');
        cut
    };
    let taken = |name: &str| others.iter().any(|other| other.short == name);
    let whole = cut(SHORT);
    if !taken(&whole) {
        return whole;
    }
    // One more than the others that may have taken them.
    (2..=others.len() + 2)
        .map(|count| {
            let tail = format!("~{count}");
            format!("{}{tail}", cut(SHORT - tail.len()))
        })
        .find(|name| !taken(name))
        .unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants(names: &[&str]) -> Tenants {
        let facts = names.iter().map(|name| TenantFacts {
            name: (*name).to_owned(),
            ..TenantFacts::default()
        });
        Tenants::new(facts.collect())
    }

    #[test]
    fn short_names_fit_and_differ() {
        let tenants = tenants(&[
            "contoso.com",
            "fabrikam.onmicrosoft.com",
            "northwind-traders-europe",
            "northwind-traders-asia",
            "fabrikam",
        ]);
        let short: Vec<&str> = tenants.numbers().map(|no| tenants.short(no)).collect();
        assert_eq!(
            short,
            [
                "contoso.com",
                "fabrikam",
                "northwind-t…",
                "northwind…~2",
                "fabrikam~2"
            ]
        );
        assert!(short.iter().all(|name| name.chars().count() <= SHORT));
    }

    #[test]
    fn shown_are_those_asked_for_and_never_none() {
        let mut tenants = tenants(&["a", "b", "c"]);
        assert_eq!(tenants.only(), None);
        tenants.show(&[TenantNo(1)]);
        assert_eq!(tenants.only(), Some(TenantNo(1)));
        assert!(!tenants.shows(TenantNo(0)) && tenants.shows(TenantNo(1)));
        tenants.show(&[TenantNo(7)]);
        assert_eq!(tenants.shown().count(), 3);
    }

    #[test]
    fn a_tenant_is_named_where_there_are_several() {
        assert_eq!(tenants(&["a"]).named(TenantNo(0), "done"), "done");
        assert_eq!(tenants(&["a", "b"]).named(TenantNo(1), "done"), "b: done");
    }
}

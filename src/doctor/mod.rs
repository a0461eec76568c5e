//! Says what works in a tenant, what does not, why not, and what cures it.
//!
//! [`examine`] looks in order at configuration, proxy, hosts, clock, sign-in and tokens, then makes one
//! cheap read a feature and judges what cannot be read from the token. Nothing is written anywhere, at the
//! services or on disk, but for a sign-in that the service renews. Every look has its own time limit, those at hosts and features run side by side,
//! and each result is told as it comes ([`News`]); the [`Report`] holds them in their order.
//!
//! Which features there are is a table ([`FEATURES`]); permissions come from `respond`'s catalogue and from
//! `auth`'s table, and why a refusal is one is [`crate::auth::judge()`]'s verdict: the same as in the
//! console. This room draws nothing: [`text()`] and [`json()`] give the report as text and as JSON.

mod card;
mod features;
mod hosts;
mod json;
mod matrix;
mod report;
mod settings;
mod tokens;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::api::{Transport, http_client};
use crate::auth::{Cure, Keeper, TokenSource, Verdict};
use crate::cloud::Endpoints;
use crate::config::{Paths, Problem, Profile};
use crate::tenant;

pub use card::{Card, Refused};
pub use features::{FEATURES, Feature, Look, Wants};
pub use json::json;
pub use report::text;
pub use tokens::TokenFacts;

/// The parts of a report, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// The settings file, the profile, the files with secrets.
    Configuration,
    /// This machine's clock against the services'.
    Clock,
    /// Proxy, names, connections, certificates.
    Network,
    /// A token for each resource.
    SignIn,
    /// What the tokens say.
    Tokens,
    /// What the services take away.
    Retirements,
}

impl Section {
    /// Every part.
    pub const ALL: [Self; 6] = [
        Self::Configuration,
        Self::Clock,
        Self::Network,
        Self::SignIn,
        Self::Tokens,
        Self::Retirements,
    ];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Configuration => "Configuration",
            Self::Clock => "Clock",
            Self::Network => "Network",
            Self::SignIn => "Sign-in",
            Self::Tokens => "Tokens",
            Self::Retirements => "Announced retirements",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// As it should be.
    Good,
    /// Works, and wants to be known.
    Warning,
    /// Does not work.
    Bad,
    /// Was not looked at, because something before it does not work.
    Skipped,
}

impl Sign {
    /// One cell.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Warning => "!",
            Self::Bad => "✗",
            Self::Skipped => "-",
        }
    }

    /// The same in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Bad => "fails",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A stable name: `host.graph`, `token.defender.audience`.
    pub id: &'static str,
    /// The part it belongs to.
    pub section: Section,
    /// What was looked at.
    pub title: String,
    /// How it came out.
    pub sign: Sign,
    /// What was found, sanitised.
    pub says: String,
    /// What makes it right.
    pub cure: Option<Cure>,
    /// How long it took, where it waited for somebody.
    pub took: Option<Duration>,
}

impl Check {
    fn new(
        id: &'static str,
        section: Section,
        title: impl Into<String>,
        sign: Sign,
        says: impl Into<String>,
    ) -> Self {
        Self {
            id,
            section,
            title: title.into(),
            sign,
            says: says.into(),
            cure: None,
            took: None,
        }
    }

    fn cured(mut self, advice: impl Into<String>) -> Self {
        self.cure = Some(Cure {
            advice: advice.into(),
            ..Cure::default()
        });
        self
    }

    fn with(mut self, cure: Cure) -> Self {
        self.cure = Some(cure);
        self
    }

    fn took(mut self, took: Duration) -> Self {
        self.took = Some(took);
        self
    }
}

/// Whether a feature works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It was tried and works.
    Works,
    /// It was not tried; nothing speaks against it.
    Judged,
    /// It will not.
    WillNot,
    /// Nobody can say now.
    Unknown,
}

impl Standing {
    /// One cell.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Works | Self::Judged => "✓",
            Self::Unknown => "!",
            Self::WillNot => "✗",
        }
    }

    /// The same in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Judged => "should",
            Self::Unknown => "unknown",
            Self::WillNot => "will not",
        }
    }
}

/// One row of the matrix.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which feature.
    pub feature: &'static Feature,
    /// Whether it works.
    pub standing: Standing,
    /// Whether it was tried, or judged from the token and the other answers.
    pub tried: bool,
    /// What came of it, or why not.
    pub why: String,
    /// The verdict on a refusal.
    pub verdict: Option<Verdict>,
    /// What makes it right, where no verdict says so.
    pub cure: Option<Cure>,
}

impl Row {
    /// What makes it right.
    pub fn cure(&self) -> Option<&Cure> {
        self.verdict
            .as_ref()
            .map(|verdict| &verdict.cure)
            .or(self.cure.as_ref())
    }
}

/// A result, as it comes.
#[derive(Clone, Debug)]
pub enum News {
    /// A check is done.
    Check(Check),
    /// A feature is settled.
    Feature(Row),
}

/// What comes of a profile, for a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All works: 0.
    Works,
    /// Something will not: 1.
    WillNot,
    /// Sign-in fails: 3.
    SignIn,
    /// The profile cannot be used: 2.
    Unusable,
}

impl Outcome {
    /// The exit status.
    pub fn code(self) -> u8 {
        match self {
            Self::Works => 0,
            Self::WillNot => 1,
            Self::Unusable => 2,
            Self::SignIn => 3,
        }
    }
}

/// Everything found about one profile.
#[derive(Clone, Debug)]
pub struct Report {
    /// The profile.
    pub profile: String,
    /// The tenant as the profile names it; empty where the profile cannot be read.
    pub tenant: String,
    /// The cloud's title; empty where the profile cannot be read.
    pub cloud: String,
    /// How it signs in, as the settings write it.
    pub sign_in: String,
    /// The checks, in the order of their parts.
    pub checks: Vec<Check>,
    /// What the tokens say.
    pub tokens: Vec<TokenFacts>,
    /// The matrix, in the order of [`FEATURES`].
    pub rows: Vec<Row>,
    /// What comes of it.
    pub outcome: Outcome,
}

impl Report {
    /// Of a profile about which nothing is known yet.
    pub fn empty(profile: &str) -> Self {
        Self {
            profile: profile.to_owned(),
            tenant: String::new(),
            cloud: String::new(),
            sign_in: String::new(),
            checks: Vec::new(),
            tokens: Vec::new(),
            rows: Vec::new(),
            outcome: Outcome::Works,
        }
    }
}

/// Who is to be examined.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The profile's name.
    pub name: String,
    /// The settings file.
    pub file: PathBuf,
    /// The profile, or what is wrong in it.
    pub profile: Result<Profile, Vec<Problem>>,
    /// What else is wrong in the file.
    pub problems: Vec<Problem>,
    /// Where sign-ins and what was learned are kept.
    pub paths: Paths,
    /// Look at the settings alone: send nothing.
    pub offline: bool,
}

/// Collects what is found and tells it.
struct Notes {
    checks: Vec<Check>,
    news: UnboundedSender<News>,
}

impl Notes {
    fn add(&mut self, check: Check) {
        // Nobody may be listening.
        let _ = self.news.send(News::Check(check.clone()));
        self.checks.push(check);
    }
}

/// Looks at everything. Never fails: what goes wrong is what is reported.
pub async fn examine(subject: Subject, news: UnboundedSender<News>) -> Report {
    let mut notes = Notes {
        checks: Vec::new(),
        news: news.clone(),
    };
    let mut report = Report::empty(&subject.name);
    settings::look(&subject, &mut notes);
    let usable = subject
        .profile
        .as_ref()
        .ok()
        .and_then(|profile| Some((profile, profile.endpoints().ok()?)));
    match usable {
        None => report.outcome = Outcome::Unusable,
        Some((profile, endpoints)) => {
            report.tenant.clone_from(&profile.tenant_id);
            endpoints.cloud.title.clone_into(&mut report.cloud);
            profile.sign_in().word().clone_into(&mut report.sign_in);
            if !subject.offline {
                look_outside(profile, &endpoints, &subject.paths, &mut notes, &mut report).await;
            }
        }
    }
    notes.checks.sort_by_key(|check| check.section);
    if report.outcome == Outcome::Works {
        let bad = notes.checks.iter().any(|check| check.sign == Sign::Bad)
            || report
                .rows
                .iter()
                .any(|row| matches!(row.standing, Standing::WillNot | Standing::Unknown));
        if bad {
            report.outcome = Outcome::WillNot;
        }
    }
    report.checks = notes.checks;
    report
}

/// Everything that waits for the network.
async fn look_outside(
    profile: &Profile,
    endpoints: &Endpoints,
    paths: &Paths,
    notes: &mut Notes,
    report: &mut Report,
) {
    let http = match http_client(endpoints, profile.ca_file.as_deref()) {
        Ok(http) => http,
        Err(error) => {
            notes.add(
                Check::new(
                    "profile.ca-file",
                    Section::Configuration,
                    "Certificates to trust",
                    Sign::Bad,
                    error.to_string(),
                )
                .cured("set ca_file to a PEM file with at least one certificate"),
            );
            report.outcome = Outcome::Unusable;
            return;
        }
    };
    // A person who signed in before stays signed in.
    let keeper = Keeper::new(profile, &paths.data);
    let tokens = TokenSource::keeping(profile, endpoints, http.clone(), keeper);
    tenant::prefer_known_audience(&tokens, &paths.store_file(&profile.name));
    let transport = Transport::new(endpoints, tokens.clone(), http);
    let shut_out = hosts::look(profile, endpoints, &transport, notes).await;
    let held = tokens::look(profile, endpoints, &tokens, notes).await;
    report.tokens = held.facts();
    // A portal or proxy in the sign-in service's place wants a sign-in of its own.
    if shut_out || held.sign_in_fails() {
        report.outcome = Outcome::SignIn;
    }
    report.rows = matrix::look(profile, endpoints, &transport, &held, &notes.news).await;
}

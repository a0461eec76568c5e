//! Everyday alerts: a catalogue of recipes as data, and evidence written from an alert's number.
//!
//! A row keeps only which recipe, machine and person it is about; everything else is derived again
//! whenever it is asked for, so a hundred thousand alerts stay small.

pub mod rhythm;
mod write;

use serde::Deserialize;

use super::clock::Ticks;
use super::ids::{self, Dice};
use super::json::{self, Object};
use super::mail::Mail;
use super::people::{Machine, Os, Person};
use super::words::{self, Source};

/// The text of the catalogue.
const EVERYDAY: &str = include_str!("../../../assets/scenarios/everyday.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    first_names: Vec<String>,
    last_names: Vec<String>,
    analysts: Vec<String>,
    system_tags: Vec<String>,
    custom_tags: Vec<String>,
    comments: Vec<String>,
    reasons: Vec<String>,
    os: Vec<Os>,
    alert: Vec<AlertFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertFile {
    title: String,
    source: String,
    severity: Vec<String>,
    categories: Vec<String>,
    techniques: Vec<String>,
    weight: u64,
    description: String,
    actions: String,
    threat: Option<String>,
    tuned: Option<String>,
    #[serde(default)]
    custom: toml::Table,
    verdict: String,
    remediation: String,
    closing: [String; 2],
    evidence: Vec<String>,
    file: Option<FileRecipe>,
    process: Option<ProcessRecipe>,
    registry: Option<RegistryRecipe>,
    mail: Option<MailRecipe>,
    url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecipe {
    name: String,
    folder: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcessRecipe {
    name: String,
    folder: String,
    command: String,
    parent: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryRecipe {
    hive: String,
    key: String,
    name: String,
    value: String,
    kind: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailRecipe {
    subject: String,
    sender: String,
    name: String,
    threats: String,
}

/// What an alert says about itself, whoever it is about. Strings are ready JSON, quotes included.
#[derive(Debug)]
pub struct Shell {
    /// Where it comes from.
    pub source: &'static Source,
    /// The title as text.
    pub title: String,
    /// `title`.
    pub title_json: String,
    /// `description`.
    pub description: String,
    /// `recommendedActions`.
    pub actions: String,
    /// Categories as text, the first being the `category`.
    pub categories: Vec<String>,
    /// `categories`.
    pub categories_json: String,
    /// `mitreTechniques`.
    pub techniques_json: String,
    /// `detectorId`.
    pub detector: String,
    /// `threatDisplayName`, JSON or `null`.
    pub threat: String,
    /// `threatFamilyName`, JSON or `null`.
    pub family: String,
}

/// The parts of a shell before they are made ready.
#[derive(Debug)]
pub struct ShellText<'a> {
    /// See [`Shell::source`].
    pub source: &'static Source,
    /// Title.
    pub title: &'a str,
    /// Description.
    pub description: &'a str,
    /// Recommended actions.
    pub actions: &'a str,
    /// Categories.
    pub categories: Vec<String>,
    /// Techniques.
    pub techniques: Vec<String>,
    /// Threat name.
    pub threat: Option<&'a str>,
}

impl Shell {
    /// Makes the strings ready.
    pub fn new(seed: u64, text: ShellText<'_>) -> Self {
        let list = |items: &[String]| {
            let mut out = Vec::new();
            json::push_list(&mut out, items);
            String::from_utf8(out).expect("JSON is UTF-8")
        };
        let threat = text.threat.map_or_else(|| "null".to_owned(), json::quoted);
        Self {
            source: text.source,
            title: text.title.into(),
            title_json: json::quoted(text.title),
            description: json::quoted(text.description),
            actions: json::quoted(text.actions),
            categories_json: list(&text.categories),
            techniques_json: list(&text.techniques),
            categories: text.categories,
            detector: json::quoted(&ids::guid(seed, &format!("detector {}", text.title))),
            family: threat.clone(),
            threat,
        }
    }
}

/// What a placeholder in a recipe is replaced with.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    /// `{user}`.
    pub user: &'a str,
    /// `{host}`.
    pub host: &'a str,
    /// `{n}`.
    pub n: u64,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    User,
    Host,
    Number,
}

/// A text with placeholders, cut and escaped once.
#[derive(Debug, Clone)]
pub struct Pattern(Vec<Piece>);

impl Pattern {
    /// Cuts a text at its placeholders.
    pub fn new(text: &str) -> Self {
        let escaped = |text: &str| {
            let quoted = json::quoted(text);
            Piece::Text(quoted[1..quoted.len() - 1].into())
        };
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let found = [
                ("{user}", Piece::User),
                ("{host}", Piece::Host),
                ("{n}", Piece::Number),
            ]
            .into_iter()
            .find(|(name, _)| rest[open..].starts_with(name));
            let (text, taken, piece) = match found {
                Some((name, piece)) => (open, open + name.len(), Some(piece)),
                None => (open + 1, open + 1, None),
            };
            pieces.push(escaped(&rest[..text]));
            pieces.extend(piece);
            rest = &rest[taken..];
        }
        pieces.push(escaped(rest));
        Self(pieces)
    }

    /// Appends it as a JSON string.
    pub fn push(&self, out: &mut Vec<u8>, with: Fill<'_>) {
        out.push(b'"');
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                // Account and host names need no escaping.
                Piece::User => out.extend_from_slice(with.user.as_bytes()),
                Piece::Host => out.extend_from_slice(with.host.as_bytes()),
                Piece::Number => json::push_int(out, with.n as i64),
            }
        }
        out.push(b'"');
    }
}

/// The kinds of evidence everyday alerts carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `deviceEvidence`.
    Device,
    /// `userEvidence`.
    User,
    /// `processEvidence`.
    Process,
    /// `fileEvidence`.
    File,
    /// `malwareEvidence`.
    Malware,
    /// `registryValueEvidence`.
    Registry,
    /// `ipEvidence`.
    Ip,
    /// `urlEvidence`.
    Url,
    /// `analyzedMessageEvidence`.
    Mail,
    /// `mailboxEvidence`.
    Mailbox,
    /// `cloudApplicationEvidence`.
    App,
    /// `oauthApplicationEvidence`.
    Oauth,
}

const KINDS: &[(&str, Kind)] = &[
    ("device", Kind::Device),
    ("user", Kind::User),
    ("process", Kind::Process),
    ("file", Kind::File),
    ("malware", Kind::Malware),
    ("registry", Kind::Registry),
    ("ip", Kind::Ip),
    ("url", Kind::Url),
    ("mail", Kind::Mail),
    ("mailbox", Kind::Mailbox),
    ("app", Kind::App),
    ("oauth", Kind::Oauth),
];

/// A file in a recipe: its hashes come in a few variants, so that devices share some of them.
#[derive(Debug)]
pub struct FileParts {
    /// File name.
    pub name: Pattern,
    /// Folder.
    pub folder: Pattern,
    /// `"sha1":…,"sha256":…` of each variant.
    hashes: Vec<String>,
    tail: String,
}

const VARIANTS: u64 = 6;

impl FileParts {
    fn new(seed: u64, name: &str, folder: &str) -> Self {
        let system = folder.starts_with("C:\\Windows");
        let publisher = if system {
            "\"Microsoft Corporation\""
        } else {
            "null"
        };
        let variants: Vec<(String, String)> = (0..if system { 1 } else { VARIANTS })
            .map(|v| {
                let key = if system {
                    format!("system {}", name.to_lowercase())
                } else {
                    format!("{name} {v}")
                };
                (ids::sha1(seed, &key), ids::sha256(seed, &key))
            })
            .collect();
        Self {
            name: Pattern::new(name),
            folder: Pattern::new(folder),
            hashes: variants
                .iter()
                .map(|(a, b)| format!(",\"sha1\":\"{a}\",\"sha256\":\"{b}\""))
                .collect(),
            tail: format!(
                ",\"md5\":null,\"sha256Ac\":null,\"filePublisher\":{publisher},\"signer\":{publisher},\"issuer\":{}}}",
                if system {
                    "\"Microsoft Windows Production PCA 2011\""
                } else {
                    "null"
                }
            ),
        }
    }

    /// Size in bytes of number `n`'s variant.
    pub fn size(&self, n: u64) -> i64 {
        40_960 + ids::mix(n % self.hashes.len() as u64) as i64 % 400_000 + 400_000
    }

    /// Appends it as `fileDetails`.
    pub(super) fn push(&self, out: &mut Vec<u8>, with: Fill<'_>) {
        out.extend_from_slice(b"{\"fileName\":");
        self.name.push(out, with);
        out.extend_from_slice(b",\"filePath\":");
        self.folder.push(out, with);
        out.extend_from_slice(b",\"fileSize\":");
        json::push_int(out, self.size(with.n));
        out.extend_from_slice(self.hashes[(with.n % self.hashes.len() as u64) as usize].as_bytes());
        out.extend_from_slice(self.tail.as_bytes());
    }
}

/// A process in a recipe.
#[derive(Debug)]
pub struct ProcessParts {
    /// Its image.
    pub image: FileParts,
    /// Command line.
    pub command: Pattern,
    /// Parent's image.
    pub parent: FileParts,
}

/// A mail in a recipe.
#[derive(Debug)]
pub struct MailParts {
    /// Subject.
    pub subject: Pattern,
    /// `From` address.
    pub sender: String,
    /// `From` name.
    pub name: String,
    /// Threat names, comma between them.
    pub threats: String,
}

/// One everyday alert.
#[derive(Debug)]
pub struct Recipe {
    /// What it says.
    pub shell: Shell,
    /// Severities it comes in.
    pub severity: Vec<u8>,
    weight: u64,
    verdict: String,
    remediation: String,
    /// Classification and determination it is mostly closed with.
    pub closing: (u8, u8),
    /// The tuning rule that resolves some of them as they come.
    pub tuned: Option<String>,
    /// `customDetails`, ready JSON.
    pub custom: String,
    /// Its evidence.
    pub evidence: Vec<Kind>,
    /// File.
    pub file: Option<FileParts>,
    /// Process.
    pub process: Option<ProcessParts>,
    registry: Option<String>,
    /// Mail.
    pub mail: Option<MailParts>,
    /// URL.
    pub url: Option<Pattern>,
}

/// The catalogue, read once.
#[derive(Debug)]
pub struct Catalogue {
    /// First names.
    pub first_names: Vec<String>,
    /// Last names.
    pub last_names: Vec<String>,
    /// User principal names of those who work the queue.
    pub analysts: Vec<String>,
    /// Tags the service sets on incidents.
    pub system_tags: Vec<String>,
    /// Tags people set on incidents.
    pub custom_tags: Vec<String>,
    /// What people write under incidents.
    pub comments: Vec<String>,
    /// Why people close incidents.
    pub reasons: Vec<String>,
    /// The fleet.
    pub fleet: Vec<Os>,
    /// Alerts.
    pub recipes: Vec<Recipe>,
}

/// What an everyday alert is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The seed.
    pub seed: u64,
    /// The alert's number.
    pub n: u64,
    /// The device.
    pub machine: &'a Machine,
    /// The person.
    pub person: &'a Person,
    /// Everybody, for alerts about several.
    pub people: &'a [Person],
    /// When the alert was created.
    pub created: Ticks,
    /// Whether the evidence has been dealt with.
    pub closed: bool,
    /// Whether the client takes unknown enum members.
    pub unknown_members: bool,
    /// What was done to mail.
    pub mail: &'a Mail,
}

impl Catalogue {
    /// Reads the catalogue. Its text is part of the program, so a mistake in it is one of ours.
    pub fn load(seed: u64) -> Result<Self, String> {
        let file: CatalogueFile =
            toml::from_str(EVERYDAY).map_err(|e| format!("everyday.toml: {e}"))?;
        let recipes = file
            .alert
            .into_iter()
            .map(|alert| Recipe::new(seed, alert))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| format!("everyday.toml: {e}"))?;
        Ok(Self {
            first_names: file.first_names,
            last_names: file.last_names,
            analysts: file.analysts,
            system_tags: file.system_tags,
            custom_tags: file.custom_tags,
            comments: file.comments,
            reasons: file.reasons,
            fleet: file.os,
            recipes,
        })
    }

    /// What an alert of a recipe turns out to be: mostly the recipe's own, now and then something else.
    pub fn verdict(&self, recipe: u16, dice: &mut Dice) -> (u8, u8) {
        const OTHERS: &[(&str, &str)] = &[
            ("falsePositive", "notMalicious"),
            ("falsePositive", "notEnoughDataToValidate"),
            ("informationalExpectedActivity", "confirmedActivity"),
            ("truePositive", "other"),
        ];
        if dice.chance(88) {
            return self.recipes[recipe as usize].closing;
        }
        let (classification, determination) = dice.pick(OTHERS);
        (
            words::place(words::CLASSIFICATION, classification).unwrap_or(1),
            words::place(words::DETERMINATION, determination).unwrap_or(1),
        )
    }

    /// Which recipe the dice choose.
    pub fn choose(&self, dice: &mut Dice) -> u16 {
        super::people::weighted(self.recipes.iter().map(|r| r.weight), dice) as u16
    }
}

impl Recipe {
    /// Whether the service itself has dealt with what it tells of.
    pub fn is_dealt_with(&self) -> bool {
        matches!(
            self.remediation.as_str(),
            "prevented" | "remediated" | "blocked"
        )
    }

    fn new(seed: u64, file: AlertFile) -> Result<Self, String> {
        let wrong =
            |what: &str, value: &str| format!("alert \"{}\": no {what} called {value}", file.title);
        let place = |list, what: &str, value: &String| {
            words::place(list, value).ok_or_else(|| wrong(what, value))
        };
        let source =
            words::source_named(&file.source).ok_or_else(|| wrong("source", &file.source))?;
        let evidence = file
            .evidence
            .iter()
            .map(|name| {
                KINDS
                    .iter()
                    .find(|(n, _)| n == name)
                    .map(|k| k.1)
                    .ok_or_else(|| wrong("evidence", name))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            severity: file
                .severity
                .iter()
                .map(|s| place(words::SEVERITY, "severity", s))
                .collect::<Result<_, _>>()?,
            closing: (
                place(words::CLASSIFICATION, "classification", &file.closing[0])?,
                place(words::DETERMINATION, "determination", &file.closing[1])?,
            ),
            shell: Shell::new(
                seed,
                ShellText {
                    source,
                    title: &file.title,
                    description: &file.description,
                    actions: &file.actions,
                    categories: file.categories,
                    techniques: file.techniques,
                    threat: file.threat.as_deref(),
                },
            ),
            tuned: file.tuned,
            custom: serde_json::to_string(&file.custom).map_err(|e| e.to_string())?,
            weight: file.weight,
            verdict: file.verdict,
            remediation: file.remediation,
            evidence,
            file: file.file.map(|f| FileParts::new(seed, &f.name, &f.folder)),
            process: file.process.map(|p| ProcessParts {
                image: FileParts::new(seed, &p.name, &p.folder),
                command: Pattern::new(&p.command),
                parent: FileParts::new(seed, &p.parent, "C:\\Windows\\System32"),
            }),
            registry: file.registry.map(|r| {
                let mut out = Vec::new();
                let mut object = Object::open(&mut out, None);
                object.str("registryHive", &r.hive);
                object.str("registryKey", &r.key);
                object.str("registryValueName", &r.name);
                object.str("registryValue", &r.value);
                object.str("registryValueType", &r.kind);
                object.close();
                String::from_utf8_lossy(&out[1..out.len() - 1]).into_owned()
            }),
            mail: file.mail.map(|m| MailParts {
                subject: Pattern::new(&m.subject),
                sender: m.sender,
                name: m.name,
                threats: m.threats,
            }),
            url: file.url.map(|u| Pattern::new(&u)),
        })
    }
}

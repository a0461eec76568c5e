//! Everyday alerts: a catalogue of recipes as data, and evidence written from an alert's number.
//!
//! A row keeps only which recipe, machine and person it is about; everything else is derived again
//! whenever it is asked for, so a hundred thousand alerts stay small.

use serde::Deserialize;

use super::clock::{MINUTE, SECOND, Ticks};
use super::ids::{self, Dice};
use super::json::{self, Object};
use super::people::{MAIL_DOMAIN, Machine, Os, Person};
use super::words::{self, PLACES, Source};

/// The text of the catalogue.
const EVERYDAY: &str = include_str!("../../assets/scenarios/everyday.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    first_names: Vec<String>,
    last_names: Vec<String>,
    departments: Vec<String>,
    analysts: Vec<String>,
    system_tags: Vec<String>,
    custom_tags: Vec<String>,
    comments: Vec<String>,
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
    /// ATT&CK technique ids.
    pub techniques: Vec<String>,
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
            techniques: text.techniques,
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

/// A text with placeholders, cut once.
#[derive(Debug, Clone)]
pub struct Pattern {
    plain: Vec<Piece>,
    escaped: Vec<Piece>,
}

impl Pattern {
    /// Cuts a text at its placeholders.
    pub fn new(text: &str) -> Self {
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let found = [
                ("{user}", Piece::User),
                ("{host}", Piece::Host),
                ("{n}", Piece::Number),
            ]
            .into_iter()
            .find(|(name, _)| rest[open..].starts_with(name));
            let (taken, piece) = match found {
                Some((name, piece)) => (open + name.len(), Some(piece)),
                None => (open + 1, None),
            };
            plain.push(Piece::Text(
                rest[..if piece.is_some() { open } else { taken }].into(),
            ));
            plain.extend(piece);
            rest = &rest[taken..];
        }
        plain.push(Piece::Text(rest.into()));
        let escaped = plain
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => {
                    let quoted = json::quoted(text);
                    Piece::Text(quoted[1..quoted.len() - 1].into())
                }
                other => other.clone(),
            })
            .collect();
        Self { plain, escaped }
    }

    fn fill(pieces: &[Piece], out: &mut Vec<u8>, with: Fill<'_>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::User => out.extend_from_slice(with.user.as_bytes()),
                Piece::Host => out.extend_from_slice(with.host.as_bytes()),
                Piece::Number => json::push_int(out, with.n as i64),
            }
        }
    }

    /// Appends it as a JSON string.
    pub fn push(&self, out: &mut Vec<u8>, with: Fill<'_>) {
        out.push(b'"');
        Self::fill(&self.escaped, out, with);
        out.push(b'"');
    }

    /// The filled text.
    pub fn text(&self, with: Fill<'_>) -> String {
        let mut out = Vec::new();
        Self::fill(&self.plain, &mut out, with);
        String::from_utf8(out).expect("pieces are UTF-8")
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
    /// SHA-1 and SHA-256 of each variant, as text.
    pub variants: Vec<(String, String)>,
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
            variants,
        }
    }

    /// Which variant number `n` has.
    pub fn variant(&self, n: u64) -> &(String, String) {
        &self.variants[(n % self.variants.len() as u64) as usize]
    }

    /// Size in bytes of number `n`'s variant.
    pub fn size(&self, n: u64) -> i64 {
        40_960 + ids::mix(n % self.variants.len() as u64) as i64 % 400_000 + 400_000
    }

    fn push(&self, out: &mut Vec<u8>, with: Fill<'_>) {
        out.extend_from_slice(b"{\"fileName\":");
        self.name.push(out, with);
        out.extend_from_slice(b",\"filePath\":");
        self.folder.push(out, with);
        out.extend_from_slice(b",\"fileSize\":");
        json::push_int(out, self.size(with.n));
        out.extend_from_slice(
            self.hashes[(with.n % self.variants.len() as u64) as usize].as_bytes(),
        );
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
    /// Classification and determination it is closed with.
    pub closing: (u8, u8),
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
    /// Departments.
    pub departments: Vec<String>,
    /// User principal names of those who work the queue.
    pub analysts: Vec<String>,
    /// Tags the service sets on incidents.
    pub system_tags: Vec<String>,
    /// Tags people set on incidents.
    pub custom_tags: Vec<String>,
    /// What people write under incidents.
    pub comments: Vec<String>,
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
            departments: file.departments,
            analysts: file.analysts,
            system_tags: file.system_tags,
            custom_tags: file.custom_tags,
            comments: file.comments,
            fleet: file.os,
            recipes,
        })
    }

    /// Which recipe the dice choose.
    pub fn choose(&self, dice: &mut Dice) -> u16 {
        super::people::weighted(self.recipes.iter().map(|r| r.weight), dice) as u16
    }
}

impl Recipe {
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

    /// Appends the evidence array of one alert.
    pub fn push_evidence(&self, out: &mut Vec<u8>, about: About<'_>) {
        let mut dice = Dice::of(about.seed, 5, about.n);
        let number = dice.below(900) + 100;
        let with = Fill {
            user: &about.person.account,
            host: &about.machine.host,
            n: number,
        };
        out.push(b'[');
        for (at, kind) in self.evidence.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.push_one(out, *kind, at as u64, about, with, &mut dice);
        }
        out.push(b']');
    }

    fn push_one(
        &self,
        out: &mut Vec<u8>,
        kind: Kind,
        at: u64,
        about: About<'_>,
        with: Fill<'_>,
        dice: &mut Dice,
    ) {
        let remediation = if about.closed && self.remediation == "active" {
            "remediated"
        } else {
            &self.remediation
        };
        let named = |name, verdict, roles| Base {
            kind: name,
            created: about.created + SECOND * at as i64,
            verdict,
            remediation: match verdict {
                "malicious" | "suspicious" => remediation,
                _ => "none",
            },
            roles,
        };
        let members = about.unknown_members;
        let base = |out: &mut Vec<u8>, name, verdict, roles| {
            named(name, verdict, roles).push(out, members)
        };
        let verdict = self.verdict.as_str();
        match kind {
            Kind::Device => {
                base(out, "deviceEvidence", "unknown", "[]");
                out.extend_from_slice(about.machine.json.as_bytes());
            }
            Kind::User => {
                base(out, "userEvidence", "unknown", "[]");
                let person = if at < 2 {
                    about.person
                } else {
                    dice.pick(about.people)
                };
                out.extend_from_slice(b",\"stream\":null,\"userAccount\":");
                out.extend_from_slice(person.json.as_bytes());
            }
            Kind::Process => {
                base(out, "processEvidence", verdict, "[]");
                if let Some(process) = &self.process {
                    let pid = 1000 + 4 * (dice.below(4000) as i64);
                    let begun = about.created - MINUTE * 3 - SECOND * at as i64;
                    out.extend_from_slice(b",\"detectionStatus\":\"detected\",\"mdeDeviceId\":\"");
                    out.extend_from_slice(about.machine.id.as_bytes());
                    out.extend_from_slice(b"\",\"processId\":");
                    json::push_int(out, pid);
                    out.extend_from_slice(b",\"processCommandLine\":");
                    process.command.push(out, with);
                    out.extend_from_slice(b",\"processCreationDateTime\":\"");
                    super::clock::push_graph(out, begun);
                    out.extend_from_slice(b"\",\"imageFile\":");
                    process.image.push(out, with);
                    out.extend_from_slice(b",\"parentProcessId\":");
                    json::push_int(out, 600 + 4 * (dice.below(200) as i64));
                    out.extend_from_slice(b",\"parentProcessCreationDateTime\":\"");
                    super::clock::push_graph(out, begun - MINUTE * 40);
                    out.extend_from_slice(b"\",\"parentProcessImageFile\":");
                    process.parent.push(out, with);
                    out.extend_from_slice(b",\"userAccount\":");
                    out.extend_from_slice(about.person.json.as_bytes());
                }
            }
            Kind::File => {
                base(out, "fileEvidence", verdict, "[]");
                if let Some(file) = &self.file {
                    self.push_file_own(out, file, about, with);
                }
            }
            Kind::Malware => {
                base(out, "malwareEvidence", verdict, "[]");
                out.extend_from_slice(b",\"name\":");
                out.extend_from_slice(self.shell.threat.as_bytes());
                out.extend_from_slice(b",\"category\":\"Trojan\",\"files\":[");
                if let Some(file) = &self.file {
                    named("fileEvidence", verdict, "[]").push_nested(out, members);
                    self.push_file_own(out, file, about, with);
                    out.push(b'}');
                }
                out.extend_from_slice(b"],\"processes\":[]");
            }
            Kind::Registry => {
                base(out, "registryValueEvidence", verdict, "[]");
                out.extend_from_slice(b",\"mdeDeviceId\":\"");
                out.extend_from_slice(about.machine.id.as_bytes());
                out.extend_from_slice(b"\",");
                out.extend_from_slice(self.registry.as_deref().unwrap_or_default().as_bytes());
            }
            Kind::Ip => {
                base(
                    out,
                    "ipEvidence",
                    if verdict == "malicious" {
                        "suspicious"
                    } else {
                        verdict
                    },
                    "[\"source\"]",
                );
                let (net, letters, city, country, latitude, longitude) =
                    PLACES[dice.index(PLACES.len())];
                out.extend_from_slice(
                    format!(
                        ",\"ipAddress\":\"{net}.{}\",\"countryLetterCode\":\"{letters}\",\"location\":{{\"city\":\"{city}\",\
                         \"state\":null,\"countryName\":\"{country}\",\"latitude\":{latitude},\"longitude\":{longitude}}},\
                         \"stream\":null",
                        1 + dice.below(254)
                    )
                    .as_bytes(),
                );
            }
            Kind::Url => {
                base(out, "urlEvidence", verdict, "[]");
                out.extend_from_slice(b",\"url\":");
                match &self.url {
                    Some(url) => url.push(out, with),
                    None => out.extend_from_slice(b"null"),
                }
            }
            Kind::Mail => {
                base(out, "analyzedMessageEvidence", verdict, "[]");
                self.push_mail(out, at, about, with, dice);
            }
            Kind::Mailbox => {
                base(out, "mailboxEvidence", "unknown", "[]");
                let person = about.person;
                out.extend_from_slice(
                    format!(
                        ",\"primaryAddress\":\"{0}\",\"upn\":\"{0}\",\"displayName\":\"{1}\",\"userAccount\":",
                        person.upn, person.display
                    )
                    .as_bytes(),
                );
                out.extend_from_slice(person.json.as_bytes());
            }
            Kind::App => {
                base(out, "cloudApplicationEvidence", "unknown", "[]");
                out.extend_from_slice(
                    b",\"appId\":20892,\"displayName\":\"Microsoft SharePoint Online\",\"instanceId\":0,\
                      \"instanceName\":\"Microsoft SharePoint Online\",\"saasAppId\":20892,\"stream\":null",
                );
            }
            Kind::Oauth => {
                base(out, "oauthApplicationEvidence", verdict, "[]");
                out.extend_from_slice(
                    format!(
                        ",\"appId\":\"{}\",\"objectId\":\"{}\",\"displayName\":\"Invoice Sync {}\",\"publisher\":\"Northwind Traders\"",
                        ids::guid(about.seed, &format!("app {}", with.n % 20)),
                        ids::guid(about.seed, &format!("service principal {}", with.n % 20)),
                        with.n % 20
                    )
                    .as_bytes(),
                );
            }
        }
        out.push(b'}');
    }

    fn push_file_own(&self, out: &mut Vec<u8>, file: &FileParts, about: About<'_>, with: Fill<'_>) {
        let status = match self.remediation.as_str() {
            "prevented" => "prevented",
            "blocked" => "blocked",
            _ => "detected",
        };
        out.extend_from_slice(b",\"detectionStatus\":\"");
        out.extend_from_slice(status.as_bytes());
        out.extend_from_slice(b"\",\"mdeDeviceId\":\"");
        out.extend_from_slice(about.machine.id.as_bytes());
        out.extend_from_slice(b"\",\"fileDetails\":");
        file.push(out, with);
    }

    /// The message id, recipient and sending address of an everyday mail: evidence and tables must agree.
    pub fn mail_ids(&self, about: About<'_>, at: u64) -> (String, String, String) {
        let mut dice = Dice::of(about.seed, 6, about.n * 8 + at);
        let message = ids::guid_of(dice.wide());
        let recipient = if at == 0 {
            about.person
        } else {
            dice.pick(about.people)
        };
        (
            message,
            recipient.upn.clone(),
            format!("203.0.113.{}", 1 + dice.below(254)),
        )
    }

    fn push_mail(
        &self,
        out: &mut Vec<u8>,
        at: u64,
        about: About<'_>,
        with: Fill<'_>,
        dice: &mut Dice,
    ) {
        let Some(mail) = &self.mail else { return };
        let (message, recipient, sender_ip) = self.mail_ids(about, at);
        let domain = mail.sender.split('@').nth(1).unwrap_or(MAIL_DOMAIN);
        out.extend_from_slice(b",\"networkMessageId\":\"");
        out.extend_from_slice(message.as_bytes());
        out.extend_from_slice(
            format!(
                "\",\"internetMessageId\":\"<{:x}@{domain}>\",\"subject\":",
                dice.next()
            )
            .as_bytes(),
        );
        mail.subject.push(out, with);
        out.extend_from_slice(b",\"language\":\"en\",\"receivedDateTime\":\"");
        super::clock::push_graph(out, about.created - MINUTE * 18);
        let removed = self.remediation == "remediated";
        out.extend_from_slice(
            format!(
                "\",\"recipientEmailAddress\":\"{recipient}\",\"p1Sender\":{{\"emailAddress\":\"bounce@{domain}\",\
                 \"displayName\":null,\"domainName\":\"{domain}\"}},\"p2Sender\":{{\"emailAddress\":\"{}\",\
                 \"displayName\":\"{}\",\"domainName\":\"{domain}\"}},\"senderIp\":\"{sender_ip}\",\
                 \"antiSpamDirection\":\"Inbound\",\"deliveryAction\":\"Delivered\",\"deliveryLocation\":\"{}\",\
                 \"attachmentsCount\":0,\"urlCount\":1,\"urls\":[",
                mail.sender,
                mail.name,
                if removed { "Quarantine" } else { "Inbox" }
            )
            .as_bytes(),
        );
        if let Some(url) = &self.url {
            url.push(out, with);
        }
        out.extend_from_slice(b"],\"threats\":[");
        if !mail.threats.is_empty() {
            json::push_str(out, &mail.threats);
        }
        out.extend_from_slice(b"],\"threatDetectionMethods\":[");
        if !mail.threats.is_empty() {
            out.extend_from_slice(b"\"URL malicious reputation\"");
        }
        out.extend_from_slice(b"],\"urn\":\"urn:MailEntity:");
        out.extend_from_slice(message.replace('-', "").as_bytes());
        out.push(b'"');
    }
}

/// The properties every piece of evidence has.
#[derive(Debug, Clone, Copy)]
struct Base<'a> {
    kind: &'a str,
    created: Ticks,
    verdict: &'a str,
    remediation: &'a str,
    roles: &'a str,
}

impl Base<'_> {
    fn push(self, out: &mut Vec<u8>, unknown_members: bool) {
        out.extend_from_slice(b"{\"@odata.type\":\"#microsoft.graph.security.");
        out.extend_from_slice(self.kind.as_bytes());
        out.extend_from_slice(b"\",");
        self.rest(out, unknown_members);
    }

    /// Evidence inside evidence has a declared type and so may come without its name.
    fn push_nested(self, out: &mut Vec<u8>, unknown_members: bool) {
        out.push(b'{');
        self.rest(out, unknown_members);
    }

    fn rest(self, out: &mut Vec<u8>, unknown_members: bool) {
        out.extend_from_slice(b"\"createdDateTime\":\"");
        super::clock::push_graph(out, self.created);
        out.extend_from_slice(b"\",\"verdict\":\"");
        out.extend_from_slice(words::sent(self.verdict, unknown_members).as_bytes());
        out.extend_from_slice(b"\",\"remediationStatus\":\"");
        out.extend_from_slice(words::sent(self.remediation, unknown_members).as_bytes());
        out.extend_from_slice(b"\",\"remediationStatusDetails\":null,\"roles\":");
        out.extend_from_slice(self.roles.as_bytes());
        out.extend_from_slice(b",\"detailedRoles\":[],\"tags\":[]");
    }
}

//! Scenario files: who takes part, what is found, what happens when. Data in, checked structures out.
//!
//! Every key is local to its file; only the programs and addresses of `common.toml` are everybody's.
//! A mistake in a file is told with the name of the entry and what was expected there.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::clock::{DAY, HOUR, MINUTE, SECOND, Ticks};

/// What every story may refer to: programs of the system, and the like.
const COMMON: &str = include_str!("../../assets/scenarios/common.toml");

/// A span of story time: `-12m30s`, `2h`, `45s`. In a file it counts from where the story begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct When(pub Ticks);

impl TryFrom<String> for When {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a time: write it as in -12m30s, 2h, 6d3h or 45s");
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.as_str()),
        };
        let mut total = 0;
        let mut number = String::new();
        for c in rest.chars() {
            if c.is_ascii_digit() {
                number.push(c);
                continue;
            }
            let unit = match c {
                's' => SECOND,
                'm' => MINUTE,
                'h' => HOUR,
                'd' => DAY,
                _ => return Err(wrong()),
            };
            total += number.parse::<i64>().map_err(|_| wrong())? * unit;
            number.clear();
        }
        if !number.is_empty() || rest.is_empty() {
            return Err(wrong());
        }
        Ok(Self(sign * total))
    }
}

/// The head of a file: what a reader should know before the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// One word, by which it is chosen.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What happens, in a sentence or two.
    pub summary: String,
    /// Where its time 0 lies, counted from the start of the tenant.
    #[serde(default)]
    pub begins: When,
    /// The attack in its order.
    pub stages: Vec<Stage>,
}

/// One stage of an attack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// What happens.
    pub title: String,
    /// The ATT&CK tactic, spelled as `category` has it: `InitialAccess`.
    pub tactic: String,
}

/// A person of the story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonFile {
    /// How the file calls them.
    pub key: String,
    /// Display name.
    pub display: String,
    /// Account name.
    pub account: String,
}

/// A device of the story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineFile {
    /// How the file calls it.
    pub key: String,
    /// Host name.
    pub host: String,
    /// `osPlatform` of a row of the fleet.
    pub os: String,
    /// Who uses it.
    pub person: String,
    /// Inner address.
    pub ip: String,
    /// `riskScore`.
    #[serde(default = "low")]
    pub risk: String,
    /// `exposureLevel`.
    #[serde(default = "low")]
    pub exposure: String,
    /// `deviceValue`.
    #[serde(default = "normal")]
    pub value: String,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Another device group than that of its operating system.
    pub group: Option<String>,
}

fn low() -> String {
    "Low".into()
}

fn normal() -> String {
    "Normal".into()
}

/// An address; one inside the company has no place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpFile {
    /// How the file calls it.
    pub key: String,
    /// Address.
    pub address: String,
    /// Two letters.
    #[serde(default)]
    pub country: String,
    /// City.
    #[serde(default)]
    pub city: String,
    /// Country.
    #[serde(default)]
    pub country_name: String,
    /// Degrees.
    #[serde(default)]
    pub latitude: f64,
    /// Degrees.
    #[serde(default)]
    pub longitude: f64,
}

/// A URL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UrlFile {
    /// How the file calls it.
    pub key: String,
    /// The URL.
    pub url: String,
}

/// A file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFile {
    /// How the file calls it.
    pub key: String,
    /// Name.
    pub name: String,
    /// Folder.
    pub folder: String,
    /// Bytes.
    pub size: i64,
    /// Publisher, for signed files.
    pub publisher: Option<String>,
}

/// A process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessFile {
    /// How the file calls it.
    pub key: String,
    /// On which device.
    pub machine: String,
    /// Its image.
    pub file: String,
    /// As whom.
    pub person: String,
    /// Started by.
    pub parent: Option<String>,
    /// When.
    pub at: When,
    /// Process id.
    pub pid: i64,
    /// Command line.
    pub command: String,
    /// It does not happen once this device is isolated.
    pub unless_isolated: Option<String>,
}

/// A mail to one recipient.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailFile {
    /// How the file calls it.
    pub key: String,
    /// Recipient.
    pub to: String,
    /// When it was received.
    pub at: When,
    /// Subject.
    pub subject: String,
    /// Header sender.
    pub from: String,
    /// Header sender's name.
    pub from_name: String,
    /// Envelope sender.
    pub envelope: String,
    /// Sending address.
    pub ip: String,
    /// URLs in it.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Attachments.
    #[serde(default)]
    pub files: Vec<String>,
    /// Threat types.
    #[serde(default)]
    pub threats: String,
    /// Detection methods.
    #[serde(default)]
    pub methods: String,
    /// `Inbound`, `Outbound`, `Intraorg`.
    #[serde(default = "inbound")]
    pub direction: String,
    /// Result of SPF.
    pub spf: String,
    /// Result of DKIM.
    pub dkim: String,
    /// Result of DMARC.
    pub dmarc: String,
    /// Composite authentication.
    pub compauth: String,
    /// Delivery action.
    pub delivery: String,
    /// Delivery location.
    pub location: String,
    /// Confidence.
    #[serde(default)]
    pub confidence: String,
}

fn inbound() -> String {
    "Inbound".into()
}

/// Evidence of any other kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThingFile {
    /// How the file calls it.
    pub key: String,
    /// `@odata.type` without its prefix.
    pub kind: String,
    /// No published schema has this kind: clients must keep what they do not know.
    #[serde(default)]
    pub unpublished: bool,
    /// Own properties; those that are not given are null or empty.
    pub own: toml::Table,
}

/// An incident.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentFile {
    /// How the file calls it.
    pub key: String,
    /// When it is created.
    pub at: When,
    /// Title.
    pub title: String,
    /// Severity.
    pub severity: String,
    /// Priority.
    pub priority: Option<u8>,
    /// Tags of people.
    #[serde(default)]
    pub custom_tags: Vec<String>,
    /// Tags of the service.
    #[serde(default)]
    pub system_tags: Vec<String>,
    /// Summary.
    pub summary: Option<String>,
}

/// A piece of evidence in an alert.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceFile {
    /// Which entity: `process.word`.
    pub of: String,
    /// Verdict.
    #[serde(default = "unknown")]
    pub verdict: String,
    /// Remediation status.
    #[serde(default = "none")]
    pub remediation: String,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Detailed roles.
    #[serde(default)]
    pub detailed: Vec<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

fn unknown() -> String {
    "unknown".into()
}

fn none() -> String {
    "none".into()
}

/// An alert.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertFile {
    /// How the file calls it.
    pub key: String,
    /// Which incident.
    pub incident: String,
    /// When it is created.
    pub at: When,
    /// First activity.
    pub first: When,
    /// Last activity.
    pub last: When,
    /// Where it comes from.
    pub source: String,
    /// Severity.
    pub severity: String,
    /// Title.
    pub title: String,
    /// Categories, the first being the `category`.
    pub categories: Vec<String>,
    /// Techniques.
    pub techniques: Vec<String>,
    /// Description.
    pub description: String,
    /// Recommended actions.
    pub actions: String,
    /// Investigation state.
    #[serde(default = "unsupported")]
    pub state: String,
    /// Threat name.
    pub threat: Option<String>,
    /// Display name of the actor, where the service names one.
    pub actor: Option<String>,
    /// Tags of the service.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The tuning rule that resolves it as it comes.
    pub tuned: Option<String>,
    /// Custom details.
    #[serde(default)]
    pub custom: toml::Table,
    /// Evidence it starts with.
    pub evidence: Vec<EvidenceFile>,
    /// It does not happen once this device is isolated.
    pub unless_isolated: Option<String>,
}

fn unsupported() -> String {
    "unsupportedAlertType".into()
}

/// What happens besides incidents and alerts.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub enum EventFile {
    /// An alert gets more evidence.
    Evidence {
        /// When.
        at: When,
        /// Which alert.
        alert: String,
        /// What.
        evidence: Vec<EvidenceFile>,
    },
    /// Verdict and remediation of evidence change.
    Remediation {
        /// When.
        at: When,
        /// Which alert.
        alert: String,
        /// Which entity.
        of: String,
        /// Verdict.
        verdict: String,
        /// Remediation status.
        remediation: String,
        /// Details.
        text: Option<String>,
    },
    /// An incident is merged into another.
    Merge {
        /// When.
        at: When,
        /// Which.
        incident: String,
        /// Into which.
        into: String,
    },
    /// An incident gets another title.
    Title {
        /// When.
        at: When,
        /// Which.
        incident: String,
        /// The title.
        text: String,
    },
    /// A colleague takes an incident.
    Assign {
        /// When.
        at: When,
        /// Which.
        incident: String,
        /// Who.
        who: String,
    },
    /// A colleague writes something.
    Comment {
        /// When.
        at: When,
        /// Which.
        incident: String,
        /// Who.
        who: String,
        /// What.
        text: String,
    },
    /// A colleague resolves an incident.
    Resolve {
        /// When.
        at: When,
        /// Which.
        incident: String,
        /// Who.
        who: String,
        /// Classification.
        classification: String,
        /// Determination.
        determination: String,
        /// Why.
        text: String,
    },
    /// A colleague asks something of a machine in the portal.
    Action {
        /// When.
        at: When,
        /// Which.
        machine: String,
        /// `RunAntiVirusScan` …
        kind: String,
        /// Scope.
        scope: Option<String>,
        /// Who.
        who: String,
        /// Why.
        text: String,
    },
}

impl EventFile {
    /// When it happens.
    pub fn at(&self) -> When {
        match self {
            Self::Evidence { at, .. }
            | Self::Remediation { at, .. }
            | Self::Merge { at, .. }
            | Self::Title { at, .. }
            | Self::Assign { at, .. }
            | Self::Comment { at, .. }
            | Self::Resolve { at, .. }
            | Self::Action { at, .. } => *at,
        }
    }
}

/// Many people of the tenant, one after the other.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crowd {
    /// How many.
    pub people: u32,
    /// After so many others: two rows with different spans are about different people.
    #[serde(default)]
    pub after: u32,
    /// This far apart.
    pub every: When,
}

/// A row of a hunting table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowFile {
    /// The table.
    pub table: String,
    /// When.
    pub at: When,
    /// On which device.
    pub machine: Option<String>,
    /// Which process did it.
    pub process: Option<String>,
    /// Which file it is about.
    pub file: Option<String>,
    /// Whose account.
    pub person: Option<String>,
    /// Whose accounts, where it happens to many: one row for each, each time it repeats.
    pub crowd: Option<Crowd>,
    /// Which mail.
    pub mail: Option<String>,
    /// Which URL.
    pub url: Option<String>,
    /// Which outside address it came from or went to, with its place where the table has one.
    pub ip: Option<String>,
    /// Further columns.
    #[serde(default)]
    pub columns: toml::Table,
    /// It repeats this far apart …
    #[serde(default)]
    pub repeat: When,
    /// … so many times.
    #[serde(default)]
    pub times: u32,
    /// It does not happen once this device is isolated.
    pub unless_isolated: Option<String>,
}

/// A scenario file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The head.
    pub story: Head,
    /// People.
    #[serde(default)]
    pub person: Vec<PersonFile>,
    /// Devices.
    #[serde(default)]
    pub machine: Vec<MachineFile>,
    /// Addresses.
    #[serde(default)]
    pub ip: Vec<IpFile>,
    /// URLs.
    #[serde(default)]
    pub url: Vec<UrlFile>,
    /// Files.
    #[serde(default)]
    pub file: Vec<FileFile>,
    /// Processes.
    #[serde(default)]
    pub process: Vec<ProcessFile>,
    /// Mails.
    #[serde(default)]
    pub mail: Vec<MailFile>,
    /// Other evidence.
    #[serde(default)]
    pub thing: Vec<ThingFile>,
    /// Incidents.
    #[serde(default)]
    pub incident: Vec<IncidentFile>,
    /// Alerts.
    #[serde(default)]
    pub alert: Vec<AlertFile>,
    /// Events.
    #[serde(default)]
    pub event: Vec<EventFile>,
    /// Rows.
    #[serde(default)]
    pub row: Vec<RowFile>,
}

/// What `common.toml` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    file: Vec<FileFile>,
    ip: Vec<IpFile>,
}

impl Scenario {
    /// Reads a file and brings what every story may refer to into it; what the file itself has under
    /// the same key comes first.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut scenario: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        let common: Common = toml::from_str(COMMON).map_err(|e| format!("common.toml: {e}"))?;
        for file in common.file {
            if !scenario.file.iter().any(|f| f.key == file.key) {
                scenario.file.push(file);
            }
        }
        for ip in common.ip {
            if !scenario.ip.iter().any(|i| i.key == ip.key) {
                scenario.ip.push(ip);
            }
        }
        Ok(scenario)
    }

    /// The entry of a list with this key.
    pub fn find<'a, T>(
        list: &'a [T],
        key: &str,
        of: fn(&T) -> &str,
        what: &str,
    ) -> Result<&'a T, String> {
        list.iter().find(|entry| of(entry) == key).ok_or_else(|| {
            let known: BTreeSet<&str> = list.iter().map(of).collect();
            let known: Vec<&str> = known.into_iter().collect();
            format!("no {what} is called {key}; there are {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_story_are_read() {
        let when = |text: &str| When::try_from(text.to_owned()).map(|w| w.0);
        assert_eq!(when("-12m30s"), Ok(-(12 * MINUTE + 30 * SECOND)));
        assert_eq!(when("6d3h"), Ok(6 * DAY + 3 * HOUR));
        for wrong in ["", "-", "12", "1x", "m"] {
            assert!(when(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_misspelt_key_is_told() {
        let error =
            Scenario::parse("[[person]]\nkey = \"x\"\ndisplya = \"X\"\n").expect_err("misspelt");
        assert!(error.contains("displya"), "{error}");
    }
}

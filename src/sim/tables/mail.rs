//! Everyday mail: who writes to whom, what is attached and linked, what the filters made of it, and what
//! was clicked and removed later. All rows of a message carry its `NetworkMessageId`.

use std::sync::Arc;

use serde::Deserialize;

use super::super::clock::{MINUTE, SECOND, Ticks};
use super::super::ids::{self, Dice};
use super::estate::{Estate, Soul};
use super::from_story::host_of;
use super::row::{Cell, Row};

/// Subjects, partners and documents.
const MAIL: &str = include_str!("../../../assets/sim/mail.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inside: Vec<String>,
    outside: Vec<String>,
    news: Vec<String>,
    junk: Vec<String>,
    phish: Vec<String>,
    documents: Vec<String>,
    links: Vec<String>,
    junk_links: Vec<String>,
    partner: Vec<PartnerFile>,
    sender: Vec<PartnerFile>,
    junk_sender: Vec<PartnerFile>,
}

/// Somebody outside who writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartnerFile {
    address: String,
    name: String,
    ip: String,
}

/// Where a mail lies, as evidence has it and as the tables do. Those who write queries know the tables'
/// spelling: `DeliveryLocation == "Inbox/folder"`.
const PLACES: &[(&str, &str)] = &[
    ("Inbox", "Inbox/folder"),
    ("JunkFolder", "Junk folder"),
    ("DeletedFolder", "Deleted items"),
    ("Quarantine", "Quarantine"),
    ("External", "On-premises/external"),
    ("Failed", "Failed"),
    ("Dropped", "Dropped"),
    ("Forwarded", "Forwarded"),
];

/// The tables' word for where evidence says that a mail is.
pub fn place_of(evidence: &str) -> Option<&'static str> {
    let mut places = PLACES.iter();
    places.find(|(own, _)| *own == evidence).map(|(_, t)| *t)
}

/// Everyday mail.
#[derive(Debug)]
pub struct Mail {
    file: File,
    documents: Vec<Arc<str>>,
    seed: u64,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Inside,
    Outgoing,
    Partner,
    News,
    Junk,
    Phish,
}

/// A message, before its recipients.
struct Message<'a> {
    id: String,
    internet: String,
    from: String,
    name: String,
    from_id: Cell,
    ip: String,
    subject: &'a str,
    sort: Sort,
    direction: &'static str,
    cluster: i64,
    size: i64,
}

fn domain(address: &str) -> &str {
    address.split('@').nth(1).unwrap_or_default()
}

impl Mail {
    /// Reads the data.
    pub fn load(seed: u64) -> Result<Self, String> {
        let file: File = toml::from_str(MAIL).map_err(|e| format!("mail: {e}"))?;
        let lists = [
            file.inside.len(),
            file.outside.len(),
            file.news.len(),
            file.junk.len(),
            file.phish.len(),
            file.documents.len(),
            file.links.len(),
            file.junk_links.len(),
            file.partner.len(),
            file.sender.len(),
            file.junk_sender.len(),
        ];
        if lists.contains(&0) {
            return Err("mail: a list is empty".into());
        }
        Ok(Self {
            documents: file.documents.iter().map(|d| d.as_str().into()).collect(),
            file,
            seed,
        })
    }

    /// The name of a document.
    pub fn document(&self, dice: &mut Dice) -> Arc<str> {
        Arc::clone(dice.pick(&self.documents))
    }

    fn message<'a>(&'a self, estate: &Estate, dice: &mut Dice) -> (Message<'a>, Option<usize>) {
        let sort = match dice.below(100) {
            0..38 => Sort::Inside,
            38..50 => Sort::Outgoing,
            50..72 => Sort::Partner,
            72..90 => Sort::News,
            90..98 => Sort::Junk,
            _ => Sort::Phish,
        };
        let file = &self.file;
        let from = match sort {
            Sort::Inside | Sort::Outgoing => None,
            Sort::Partner => Some(dice.pick(&file.partner)),
            Sort::News => Some(dice.pick(&file.sender)),
            Sort::Junk | Sort::Phish => Some(dice.pick(&file.junk_sender)),
        };
        let writer = dice.index(estate.people.len());
        let soul = &estate.people[writer];
        let subject = dice.pick(match sort {
            Sort::Inside => &file.inside,
            Sort::Outgoing | Sort::Partner => &file.outside,
            Sort::News => &file.news,
            Sort::Junk => &file.junk,
            Sort::Phish => &file.phish,
        });
        let from_address = from.map_or_else(|| soul.upn.to_string(), |p| p.address.clone());
        let message = Message {
            id: ids::guid_of(dice.wide()),
            internet: format!("<{:016x}@{}>", dice.next(), domain(&from_address)),
            name: from.map_or_else(|| soul.display.to_string(), |p| p.name.clone()),
            from_id: from.map_or_else(|| Cell::from(&soul.object_id), |_| "".into()),
            // Inside, mail comes from the tenant's own outgoing address.
            ip: from.map_or_else(|| "192.0.2.25".to_owned(), |p| p.ip.clone()),
            from: from_address,
            subject,
            sort,
            direction: match sort {
                Sort::Inside => "Intra-org",
                Sort::Outgoing => "Outbound",
                _ => "Inbound",
            },
            cluster: (ids::mix(subject.len() as u64 ^ u64::from(subject.as_bytes()[0]) << 16) >> 24)
                as i64,
            size: 4_000 + dice.below(400_000) as i64,
        };
        (message, from.is_none().then_some(writer))
    }

    /// Adds the rows of one message.
    pub fn one(&self, estate: &Estate, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
        let (message, writer) = self.message(estate, dice);
        let sort = message.sort;
        let bad = matches!(sort, Sort::Junk | Sort::Phish);
        let links: Vec<&String> = match sort {
            Sort::News => (0..=dice.below(2))
                .map(|_| dice.pick(&self.file.links))
                .collect(),
            Sort::Junk | Sort::Phish => vec![dice.pick(&self.file.junk_links)],
            _ if dice.chance(25) => vec![dice.pick(&self.file.links)],
            _ => Vec::new(),
        };
        let documents: Vec<(Arc<str>, u64)> =
            if matches!(sort, Sort::Inside | Sort::Outgoing | Sort::Partner) && dice.chance(28) {
                (0..=dice.below(1))
                    .map(|_| (self.document(dice), dice.below(400)))
                    .collect()
            } else {
                Vec::new()
            };
        let readers = if sort == Sort::Inside {
            1 + dice.below(4)
        } else {
            1
        };
        let mut seen: Vec<usize> = writer.into_iter().collect();
        for reader in 0..readers {
            let to = dice.index(estate.people.len());
            // Nobody gets it twice, and it goes to somebody.
            if reader > 0 && seen.contains(&to) {
                continue;
            }
            seen.push(to);
            let report = format!(
                "{}-{}-{}",
                message.id,
                ids::mix(to as u64) % 100_000,
                reader + 1
            );
            let (address, soul) = if sort == Sort::Outgoing {
                (dice.pick(&self.file.partner).address.clone(), None)
            } else {
                let soul = &estate.people[to];
                (soul.upn.to_string(), Some(soul))
            };
            // Most of what is bad is caught; some of the rest is taken back later.
            let caught = bad && dice.chance(82);
            Self::event(
                &message,
                (&address, soul),
                at,
                caught,
                (documents.len(), links.len()),
                &report,
                dice,
                out,
            );
            for (name, number) in &documents {
                self.attachment(
                    &message,
                    (&address, soul),
                    at,
                    (name, *number),
                    &report,
                    out,
                );
            }
            if bad && !caught {
                Self::taken_back(&message, &address, at, &report, dice, out);
            }
            if let (Some(soul), Some(link)) = (soul, links.first())
                && !caught
                && dice.chance(22)
            {
                Self::click(estate, &message, (soul, to), link, at, dice, out);
            }
            if sort == Sort::Phish {
                out.push(
                    Row::new("CampaignInfo", at + MINUTE)
                        .with(
                            "CampaignName",
                            format!("Phish.{}", &domain(&message.from).replace('.', "-")),
                        )
                        .with(
                            "CampaignId",
                            ids::guid(self.seed, &format!("campaign {}", message.from)),
                        )
                        .with("CampaignType", "Phish")
                        .with("CampaignSubtype", "Credential phish")
                        .with("NetworkMessageId", &message.id)
                        .with("RecipientEmailAddress", &address)
                        .with("ReportId", &report),
                );
            }
        }
        for link in links {
            out.push(
                Row::new("EmailUrlInfo", at)
                    .with("NetworkMessageId", &message.id)
                    .with("Url", link)
                    .with("UrlDomain", host_of(link))
                    .with("UrlLocation", "Body")
                    .with("ReportId", format!("{}-0-1", message.id)),
            );
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a row of many columns")]
    fn event(
        message: &Message<'_>,
        (address, soul): (&str, Option<&Soul>),
        at: Ticks,
        caught: bool,
        (files, links): (usize, usize),
        report: &str,
        dice: &mut Dice,
        out: &mut Vec<Row>,
    ) {
        let sort = message.sort;
        let bad = matches!(sort, Sort::Junk | Sort::Phish);
        let threat = match sort {
            Sort::Junk => "Spam",
            Sort::Phish => "Phish",
            _ => "",
        };
        let (action, place) = match (sort, caught) {
            (Sort::Phish, true) => ("Blocked", "Quarantine"),
            (_, true) => ("Junked", "Junk folder"),
            (Sort::Outgoing, _) => ("Delivered", "On-premises/external"),
            _ => ("Delivered", "Inbox/folder"),
        };
        let threats = if caught { threat } else { "" };
        let verdicts = match sort {
            Sort::Inside | Sort::Outgoing | Sort::Partner | Sort::News => "pass",
            _ if dice.chance(60) => "fail",
            _ => "none",
        };
        out.push(
            Row::new("EmailEvents", at)
                .with("NetworkMessageId", &message.id)
                .with("InternetMessageId", &message.internet)
                .with("SenderMailFromAddress", &message.from)
                .with("SenderFromAddress", &message.from)
                .with("SenderDisplayName", &message.name)
                .with("SenderObjectId", message.from_id.clone())
                .with("SenderMailFromDomain", domain(&message.from).to_owned())
                .with("SenderFromDomain", domain(&message.from).to_owned())
                .with("SenderIPv4", &message.ip)
                .with("RecipientEmailAddress", address.to_owned())
                .with("RecipientObjectId", soul.map_or(Cell::Fixed(""), |s| Cell::from(&s.object_id)))
                .with("RecipientDomain", domain(address).to_owned())
                .with("Subject", message.subject.to_owned())
                .with("EmailClusterId", message.cluster)
                .with("EmailDirection", message.direction)
                .with("DeliveryAction", action)
                .with("DeliveryLocation", place)
                .with("LatestDeliveryAction", action)
                .with("LatestDeliveryLocation", place)
                .with("ThreatTypes", threats)
                .with(
                    "DetectionMethods",
                    if threats.is_empty() {
                        String::new()
                    } else {
                        format!("{{\"{threat}\":[\"{}\"]}}", if sort == Sort::Phish { "URL malicious reputation" } else { "Advanced filter" })
                    },
                )
                .with(
                    "ConfidenceLevel",
                    if threats.is_empty() {
                        String::new()
                    } else {
                        format!("{{\"{threat}\":\"{}\"}}", if sort == Sort::Phish { "High" } else { "Normal" })
                    },
                )
                .with("BulkComplaintLevel", if sort == Sort::News { 4 } else { i64::from(bad) * 7 })
                .with("EmailAction", match action { "Blocked" => "Send to quarantine", "Junked" => "Move to junk mail folder", _ => "" })
                .with(
                    "AuthenticationDetails",
                    format!("{{\"SPF\":\"{verdicts}\",\"DKIM\":\"{verdicts}\",\"DMARC\":\"{verdicts}\",\"CompAuth\":\"{verdicts}\"}}"),
                )
                .with("AttachmentCount", files as i64)
                .with("UrlCount", links as i64)
                .with("EmailLanguage", if dice.chance(20) { "de" } else { "en" })
                .with("EmailSize", message.size)
                .with("IsFirstContact", i64::from(bad || dice.chance(3)))
                .with("To", format!("[\"{address}\"]"))
                .with("ReportId", report.to_owned()),
        );
    }

    fn attachment(
        &self,
        message: &Message<'_>,
        (address, soul): (&str, Option<&Soul>),
        at: Ticks,
        (name, number): (&Arc<str>, u64),
        report: &str,
        out: &mut Vec<Row>,
    ) {
        out.push(
            Row::new("EmailAttachmentInfo", at)
                .with("NetworkMessageId", &message.id)
                .with("SenderFromAddress", &message.from)
                .with("SenderDisplayName", &message.name)
                .with("SenderObjectId", message.from_id.clone())
                .with("RecipientEmailAddress", address.to_owned())
                .with(
                    "RecipientObjectId",
                    soul.map_or(Cell::Fixed(""), |s| Cell::from(&s.object_id)),
                )
                .with("FileName", name)
                .with(
                    "FileType",
                    name.rsplit('.').next().unwrap_or_default().to_owned(),
                )
                .with("FileSize", 4_000 + (ids::mix(number) % 4_000_000) as i64)
                .with(
                    "SHA256",
                    ids::sha256(self.seed, &format!("document {name} {number}")),
                )
                .with("ReportId", report.to_owned()),
        );
    }

    fn taken_back(
        message: &Message<'_>,
        address: &str,
        at: Ticks,
        report: &str,
        dice: &mut Dice,
        out: &mut Vec<Row>,
    ) {
        let phish = message.sort == Sort::Phish;
        out.push(
            Row::new(
                "EmailPostDeliveryEvents",
                at + MINUTE * (4 + dice.below(200) as i64),
            )
            .with("NetworkMessageId", &message.id)
            .with("InternetMessageId", &message.internet)
            .with(
                "Action",
                if phish {
                    "Moved to quarantine"
                } else {
                    "Moved to junk mail folder"
                },
            )
            // The documentation names two automatic moves; junk is taken back as phish is.
            .with("ActionType", "Phish ZAP")
            .with("ActionTrigger", "SpecialAction")
            .with("ActionResult", "Success")
            .with("RecipientEmailAddress", address.to_owned())
            .with(
                "DeliveryLocation",
                if phish { "Quarantine" } else { "Junk folder" },
            )
            .with("SourceLocation", "Inbox/folder")
            .with("ThreatTypes", if phish { "Phish" } else { "Spam" })
            .with("SenderFromAddress", &message.from)
            .with("EmailDirection", "Inbound")
            .with("ReportId", report.to_owned()),
        );
    }

    fn click(
        estate: &Estate,
        message: &Message<'_>,
        (soul, place): (&Soul, usize),
        link: &str,
        at: Ticks,
        dice: &mut Dice,
        out: &mut Vec<Row>,
    ) {
        let blocked = message.sort == Sort::Phish && dice.chance(70);
        let device = estate.devices.get(place).unwrap_or(&estate.devices[0]);
        out.push(
            Row::new(
                "UrlClickEvents",
                at + SECOND * (20 + dice.below(4_000) as i64),
            )
            .with("Url", link.to_owned())
            .with(
                "ActionType",
                if blocked {
                    "ClickBlocked"
                } else {
                    "ClickAllowed"
                },
            )
            .with("AccountUpn", &soul.upn)
            .with("Workload", "Email")
            .with("NetworkMessageId", &message.id)
            .with("ThreatTypes", if blocked { "Phish" } else { "" })
            .with("IPAddress", &device.external)
            .with("IsClickedThrough", false)
            .with("UrlChain", format!("[\"{link}\"]"))
            .with("ReportId", ids::guid_of(dice.wide())),
        );
    }
}

//! Writing the evidence of an everyday alert from its number.

use super::super::clock::{self, MINUTE, SECOND, Ticks};
use super::super::ids::{self, Dice};
use super::super::json;
use super::super::people::MAIL_DOMAIN;
use super::super::words::{self, PLACES};
use super::{About, FileParts, Fill, Kind, Recipe};

impl Recipe {
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
            named(name, verdict, roles).push(out, members);
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
                    clock::push_graph(out, begun);
                    out.extend_from_slice(b"\",\"imageFile\":");
                    process.image.push(out, with);
                    out.extend_from_slice(b",\"parentProcessId\":");
                    json::push_int(out, 600 + 4 * (dice.below(200) as i64));
                    out.extend_from_slice(b",\"parentProcessCreationDateTime\":\"");
                    clock::push_graph(out, begun - MINUTE * 40);
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
                let mut base = named("analyzedMessageEvidence", verdict, "[]");
                if !about.mail.moves.is_empty() {
                    let (message, recipient, _) = Self::mail_ids(about, at);
                    if let Some(last) = about.mail.last(&message, &recipient) {
                        base.remediation = if last.remedy.removes {
                            "remediated"
                        } else {
                            "active"
                        };
                    }
                }
                base.push(out, members);
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

    /// The message id, recipient and sending address of an everyday mail.
    pub fn mail_ids(about: About<'_>, at: u64) -> (String, String, String) {
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
        let (message, recipient, sender_ip) = Self::mail_ids(about, at);
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
        clock::push_graph(out, about.created - MINUTE * 18);
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
        clock::push_graph(out, self.created);
        out.extend_from_slice(b"\",\"verdict\":\"");
        out.extend_from_slice(words::sent(self.verdict, unknown_members).as_bytes());
        out.extend_from_slice(b"\",\"remediationStatus\":\"");
        out.extend_from_slice(words::sent(self.remediation, unknown_members).as_bytes());
        out.extend_from_slice(b"\",\"remediationStatusDetails\":null,\"roles\":");
        out.extend_from_slice(self.roles.as_bytes());
        out.extend_from_slice(b",\"detailedRoles\":[],\"tags\":[]");
    }
}

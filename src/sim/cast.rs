//! The cast of a story: every entity of the scenario with the ids, hashes and addresses of this seed,
//! and the references between them resolved.
//!
//! Evidence and hunting tables are both made from here, so they cannot disagree.

use std::collections::HashMap;
use std::sync::Arc;

use super::clock::{self, Clock, Ticks};
use super::evidence::Evidence;
use super::ids::{self, Dice};
use super::json::{self, Object};
use super::people::{MAIL_DOMAIN, Machine, Os, Person};
use super::scenario::{EvidenceFile, FileFile, IpFile, MailFile, ProcessFile, Scenario, When};

/// The entities of one scenario.
#[derive(Debug)]
pub struct Cast {
    /// The file.
    pub scenario: Scenario,
    /// People by key.
    pub people: HashMap<String, Person>,
    /// Devices by key.
    pub machines: HashMap<String, Machine>,
    seed: u64,
    clock: Arc<Clock>,
}

/// Hashes of a file.
#[derive(Debug, Clone)]
pub struct Hashes {
    /// SHA-1.
    pub sha1: String,
    /// SHA-256.
    pub sha256: String,
    /// MD5.
    pub md5: String,
}

impl Cast {
    /// Resolves a scenario. `people` and `machines` are how many there are already.
    pub fn new(
        scenario: Scenario,
        seed: u64,
        clock: Arc<Clock>,
        fleet: &[Os],
        people: u32,
        machines: u32,
    ) -> Result<Self, String> {
        let mut cast = Self {
            people: HashMap::new(),
            machines: HashMap::new(),
            scenario,
            seed,
            clock,
        };
        for (n, p) in cast.scenario.person.iter().enumerate() {
            let person = Person::new(seed, people + n as u32, &p.display, &p.account);
            cast.people.insert(p.key.clone(), person);
        }
        for (n, m) in cast.scenario.machine.iter().enumerate() {
            let os = fleet.iter().find(|os| os.platform == m.os).ok_or_else(|| {
                format!(
                    "machine {}: no operating system {} in the fleet",
                    m.key, m.os
                )
            })?;
            let place = cast.scenario.person.iter().position(|p| p.key == m.person);
            let place = place
                .ok_or_else(|| format!("machine {}: no person is called {}", m.key, m.person))?
                as u32;
            let mut dice = Dice::of(seed, 12, n as u64);
            let start = cast.clock.start();
            let mut machine = Machine::named(
                seed,
                machines + n as u32,
                &m.host,
                os,
                people + place,
                start,
                &mut dice,
            );
            machine.health = "Active";
            machine.last_seen = start - clock::MINUTE * (1 + n as i64);
            machine.ip.clone_from(&m.ip);
            machine.tags.clone_from(&m.tags);
            let member = |list: &[&'static str], value: &String| {
                list.iter().copied().find(|v| v == value).ok_or_else(|| {
                    format!("machine {}: {value} is none of {}", m.key, list.join(", "))
                })
            };
            machine.risk = member(&["None", "Informational", "Low", "Medium", "High"], &m.risk)?;
            machine.exposure = member(&["None", "Low", "Medium", "High"], &m.exposure)?;
            machine.value = member(&["Normal", "Low", "High"], &m.value)?;
            machine.fill(&cast.people[&m.person]);
            cast.machines.insert(m.key.clone(), machine);
        }
        cast.check()?;
        Ok(cast)
    }

    /// Every reference of the file leads somewhere.
    fn check(&self) -> Result<(), String> {
        let s = &self.scenario;
        for alert in &s.alert {
            for evidence in &alert.evidence {
                self.own(&evidence.of)
                    .map_err(|e| format!("alert {}: {e}", alert.key))?;
            }
        }
        for process in &s.process {
            self.process_own(process)
                .map_err(|e| format!("process {}: {e}", process.key))?;
        }
        for mail in &s.mail {
            self.mail_own(mail)
                .map_err(|e| format!("mail {}: {e}", mail.key))?;
        }
        Ok(())
    }

    /// When a story moment is.
    pub fn at(&self, when: When) -> Ticks {
        self.clock.at(when.0)
    }

    /// The person with this key.
    pub fn person(&self, key: &str) -> Result<&Person, String> {
        self.people
            .get(key)
            .ok_or_else(|| format!("no person is called {key}"))
    }

    /// The device with this key.
    pub fn machine(&self, key: &str) -> Result<&Machine, String> {
        self.machines
            .get(key)
            .ok_or_else(|| format!("no machine is called {key}"))
    }

    /// The file with this key.
    pub fn file(&self, key: &str) -> Result<&FileFile, String> {
        Scenario::find(&self.scenario.file, key, |f| &f.key, "file")
    }

    /// The process with this key.
    pub fn process(&self, key: &str) -> Result<&ProcessFile, String> {
        Scenario::find(&self.scenario.process, key, |p| &p.key, "process")
    }

    /// The mail with this key.
    pub fn mail(&self, key: &str) -> Result<&MailFile, String> {
        Scenario::find(&self.scenario.mail, key, |m| &m.key, "mail")
    }

    /// The address with this key.
    pub fn ip(&self, key: &str) -> Result<&IpFile, String> {
        Scenario::find(&self.scenario.ip, key, |i| &i.key, "ip")
    }

    /// The URL with this key.
    pub fn url(&self, key: &str) -> Result<&str, String> {
        Scenario::find(&self.scenario.url, key, |u| &u.key, "url").map(|u| u.url.as_str())
    }

    /// The hashes of a file; programs of the system have the same ones everywhere.
    pub fn hashes(&self, file: &FileFile) -> Hashes {
        let system = file.publisher.as_deref() == Some("Microsoft Corporation");
        let key = if system {
            format!("system {}", file.name.to_lowercase())
        } else {
            format!("story {}", file.key)
        };
        Hashes {
            sha1: ids::sha1(self.seed, &key),
            sha256: ids::sha256(self.seed, &key),
            md5: ids::md5(self.seed, &key),
        }
    }

    /// `NetworkMessageId` of a mail.
    pub fn message_id(&self, mail: &MailFile) -> String {
        ids::guid(self.seed, &format!("mail {}", mail.key))
    }

    /// `InternetMessageId` of a mail.
    pub fn internet_id(&self, mail: &MailFile) -> String {
        let domain = mail.envelope.split('@').nth(1).unwrap_or(MAIL_DOMAIN);
        format!(
            "<{}@{domain}>",
            &ids::sha1(self.seed, &format!("mail {}", mail.key))[..20]
        )
    }

    /// The alert id's bits.
    pub fn alert_key(&self, key: &str) -> u128 {
        ids::parse_guid(&ids::guid(self.seed, &format!("alert {key}"))).unwrap_or_default()
    }

    /// What `@person.dana.upn` and its like stand for; other texts stand for themselves.
    pub fn text(&self, text: &str) -> Result<String, String> {
        let Some(path) = text.strip_prefix('@') else {
            return Ok(text.into());
        };
        let (kind, rest) = path
            .split_once('.')
            .ok_or_else(|| format!("{text} refers to nothing"))?;
        let (key, part) = rest.split_once('.').unwrap_or((rest, ""));
        Ok(match (kind, part) {
            ("person", "upn") => self.person(key)?.upn.clone(),
            ("person", "id") => self.person(key)?.object_id.clone(),
            ("machine", "id") => self.machine(key)?.id.clone(),
            ("machine", "ip") => self.machine(key)?.ip.clone(),
            ("machine", "external") => self.machine(key)?.external_ip.clone(),
            ("machine", "host") => self.machine(key)?.host.clone(),
            ("machine", "dns") => self.machine(key)?.dns.clone(),
            ("ip", "") => self.ip(key)?.address.clone(),
            ("url", "") => self.url(key)?.into(),
            ("mail", "id") => self.message_id(self.mail(key)?),
            ("guid", _) => ids::guid(self.seed, rest),
            ("time", _) => clock::graph(self.at(When::try_from(rest.to_owned())?)),
            _ => return Err(format!("{text} refers to nothing")),
        })
    }

    /// A value of the file as JSON, with references resolved.
    fn json(&self, value: &toml::Value) -> Result<serde_json::Value, String> {
        use serde_json::Value as Json;
        let parse = |text: String| serde_json::from_str(&text).map_err(|e| e.to_string());
        Ok(match value {
            toml::Value::String(text) => {
                if let Some(of) = text.strip_prefix("@nested.") {
                    return parse(self.nested(of)?);
                }
                if let Some(key) = text
                    .strip_prefix("@person.")
                    .and_then(|t| t.strip_suffix(".json"))
                {
                    return parse(self.person(key)?.json.clone());
                }
                Json::String(self.text(text)?)
            }
            toml::Value::Integer(n) => Json::from(*n),
            toml::Value::Float(n) => Json::from(*n),
            toml::Value::Boolean(b) => Json::from(*b),
            toml::Value::Datetime(d) => Json::String(d.to_string()),
            toml::Value::Array(list) => Json::Array(
                list.iter()
                    .map(|v| self.json(v))
                    .collect::<Result<_, _>>()?,
            ),
            toml::Value::Table(table) => self.object(table)?,
        })
    }

    /// A table of the file as a JSON object.
    pub fn object(&self, table: &toml::Table) -> Result<serde_json::Value, String> {
        let mut map = serde_json::Map::new();
        for (name, value) in table {
            map.insert(name.clone(), self.json(value)?);
        }
        Ok(serde_json::Value::Object(map))
    }

    /// Evidence as it stands inside other evidence: the declared type, so no `@odata.type`.
    fn nested(&self, of: &str) -> Result<String, String> {
        let (_, own) = self.own(of)?;
        let evidence = Evidence {
            kind: String::new(),
            created: self.clock.start(),
            verdict: "unknown".into(),
            remediation: "none".into(),
            details: None,
            roles: Vec::new(),
            detailed_roles: Vec::new(),
            tags: Vec::new(),
            own,
            entity: of.into(),
        };
        let mut out = Vec::new();
        evidence.push(&mut out, true);
        let mut value: serde_json::Value =
            serde_json::from_slice(&out).map_err(|e| e.to_string())?;
        if let Some(map) = value.as_object_mut() {
            map.shift_remove("@odata.type");
        }
        Ok(value.to_string())
    }

    /// One piece of evidence, as it is when it is added at `created`.
    pub fn evidence(&self, file: &EvidenceFile, created: Ticks) -> Result<Evidence, String> {
        let (kind, own) = self.own(&file.of)?;
        Ok(Evidence {
            kind,
            created,
            verdict: file.verdict.clone(),
            remediation: file.remediation.clone(),
            details: None,
            roles: file.roles.clone(),
            detailed_roles: file.detailed.clone(),
            tags: file.tags.clone(),
            own,
            entity: file.of.clone(),
        })
    }

    /// Kind and own properties of an entity.
    fn own(&self, of: &str) -> Result<(String, String), String> {
        let (kind, key) = of
            .split_once('.')
            .ok_or_else(|| format!("evidence {of}: write it as kind.key"))?;
        let named = |kind: &str, own: String| Ok((kind.to_owned(), own));
        match kind {
            "machine" => named("deviceEvidence", self.machine(key)?.json.clone()),
            "person" => named(
                "userEvidence",
                format!(
                    ",\"stream\":null,\"userAccount\":{}",
                    self.person(key)?.json
                ),
            ),
            "process" => named("processEvidence", self.process_own(self.process(key)?)?),
            "file" => {
                let file = self.file(key)?;
                // A file is on the device whose process or table row it is first seen with.
                let machine = self
                    .machine_of_file(key)
                    .map_or_else(|| "null".to_owned(), |m| json::quoted(&m.id));
                named(
                    "fileEvidence",
                    format!(
                        ",\"detectionStatus\":\"detected\",\"mdeDeviceId\":{machine},\"fileDetails\":{}",
                        self.file_json(file)
                    ),
                )
            }
            "ip" => named(
                "ipEvidence",
                own_of(|o| {
                    let ip = self.ip(key)?;
                    o.str("ipAddress", &ip.address);
                    o.str("countryLetterCode", &ip.country);
                    if o.key("location") {
                        let mut place = Object::open(o.out, None);
                        place.str("city", &ip.city);
                        place.raw("state", "null");
                        place.str("countryName", &ip.country_name);
                        place.raw("latitude", &ip.latitude.to_string());
                        place.raw("longitude", &ip.longitude.to_string());
                        place.close();
                    }
                    o.raw("stream", "null");
                    Ok(())
                })?,
            ),
            "url" => named(
                "urlEvidence",
                own_of(|o| {
                    o.str("url", self.url(key)?);
                    Ok(())
                })?,
            ),
            "mail" => named("analyzedMessageEvidence", self.mail_own(self.mail(key)?)?),
            "thing" => {
                let thing = Scenario::find(&self.scenario.thing, key, |t| &t.key, "thing")?;
                let text = self.object(&thing.own)?.to_string();
                named(&thing.kind, format!(",{}", &text[1..text.len() - 1]))
            }
            _ => Err(format!("evidence {of}: no kind of entity is called {kind}")),
        }
    }

    /// The device a file was found on.
    pub fn machine_of_file(&self, key: &str) -> Option<&Machine> {
        let s = &self.scenario;
        let by_process = s.process.iter().find(|p| p.file == key).map(|p| &p.machine);
        let by_row = s
            .row
            .iter()
            .find(|r| r.file.as_deref() == Some(key))
            .and_then(|r| r.machine.as_ref());
        by_process.or(by_row).and_then(|m| self.machines.get(m))
    }

    fn file_json(&self, file: &FileFile) -> String {
        let hashes = self.hashes(file);
        let mut out = Vec::new();
        let mut o = Object::open(&mut out, None);
        o.str("fileName", &file.name);
        o.str("filePath", &file.folder);
        o.int("fileSize", file.size);
        o.str("sha1", &hashes.sha1);
        o.str("sha256", &hashes.sha256);
        o.str("md5", &hashes.md5);
        o.raw("sha256Ac", "null");
        o.opt("filePublisher", file.publisher.as_deref());
        o.opt("signer", file.publisher.as_deref());
        o.opt(
            "issuer",
            file.publisher
                .as_ref()
                .map(|_| "Microsoft Code Signing PCA 2011"),
        );
        o.close();
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    fn process_own(&self, process: &ProcessFile) -> Result<String, String> {
        own_of(|o| {
            o.plain("detectionStatus", "detected");
            o.str("mdeDeviceId", &self.machine(&process.machine)?.id);
            o.int("processId", process.pid);
            o.str("processCommandLine", &process.command);
            o.time("processCreationDateTime", self.at(process.at));
            o.raw("imageFile", &self.file_json(self.file(&process.file)?));
            if let Some(parent) = &process.parent {
                let parent = self.process(parent)?;
                o.int("parentProcessId", parent.pid);
                o.time("parentProcessCreationDateTime", self.at(parent.at));
                let image = self.file_json(self.file(&parent.file)?);
                o.raw("parentProcessImageFile", &image);
            } else {
                for name in [
                    "parentProcessId",
                    "parentProcessCreationDateTime",
                    "parentProcessImageFile",
                ] {
                    o.raw(name, "null");
                }
            }
            o.raw("userAccount", &self.person(&process.person)?.json);
            Ok(())
        })
    }

    fn mail_own(&self, mail: &MailFile) -> Result<String, String> {
        let id = self.message_id(mail);
        let sender = |address: &str, name: Option<&str>| {
            let mut out = Vec::new();
            let mut o = Object::open(&mut out, None);
            o.str("emailAddress", address);
            o.opt("displayName", name);
            o.str("domainName", address.split('@').nth(1).unwrap_or_default());
            o.close();
            String::from_utf8(out).expect("JSON is UTF-8")
        };
        let urls = mail
            .urls
            .iter()
            .map(|u| self.url(u))
            .collect::<Result<Vec<_>, _>>()?;
        for file in &mail.files {
            self.file(file)?;
        }
        let names = |list: &str| {
            list.split(", ")
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        own_of(|o| {
            o.str("networkMessageId", &id);
            o.str("internetMessageId", &self.internet_id(mail));
            o.str("subject", &mail.subject);
            o.plain("language", "en");
            o.time("receivedDateTime", self.at(mail.at));
            o.str("recipientEmailAddress", &self.person(&mail.to)?.upn);
            o.raw("p1Sender", &sender(&mail.envelope, None));
            o.raw("p2Sender", &sender(&mail.from, Some(&mail.from_name)));
            o.str("senderIp", &self.ip(&mail.ip)?.address);
            o.plain("antiSpamDirection", "Inbound");
            o.str("deliveryAction", &mail.delivery);
            o.str("deliveryLocation", &mail.location);
            o.int("attachmentsCount", mail.files.len() as i64);
            o.int("urlCount", urls.len() as i64);
            o.list("urls", &urls);
            o.list("threats", &names(&mail.threats));
            o.list("threatDetectionMethods", &names(&mail.methods));
            o.str("urn", &format!("urn:MailEntity:{}", id.replace('-', "")));
            Ok(())
        })
    }
}

/// Own properties: `,"name":value,…`.
fn own_of(write: impl FnOnce(&mut Object<'_>) -> Result<(), String>) -> Result<String, String> {
    let mut out = Vec::new();
    let mut object = Object::open(&mut out, None);
    write(&mut object)?;
    out[0] = b',';
    Ok(String::from_utf8(out).expect("JSON is UTF-8"))
}

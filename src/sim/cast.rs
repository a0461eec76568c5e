//! The cast of a story: every entity of the scenario with the ids, hashes and addresses of this seed,
//! and the references between them resolved.
//!
//! Evidence and hunting tables are both made from here, so they cannot disagree. Ids and hashes belong
//! to a story's name and the entity's key, so two stories share only what they mean to share: people
//! of the same name, and signed programs.

use std::collections::HashMap;
use std::sync::Arc;

use super::clock::{self, Clock, Ticks};
use super::evidence::Evidence;
use super::ids::{self, Dice};
use super::json::{self, Object};
use super::people::{MAIL_DOMAIN, Machine, Os, Person};
use super::scenario::{EvidenceFile, FileFile, IpFile, MailFile, ProcessFile, Scenario, When};
use super::shapes::shapes;

/// The entities of one scenario.
#[derive(Debug)]
pub struct Cast {
    /// The file.
    pub scenario: Scenario,
    /// People by key.
    pub people: HashMap<String, Person>,
    /// Devices by key.
    pub machines: HashMap<String, Machine>,
    /// Those of the people who are new to the tenant, in their order.
    pub newcomers: Vec<Person>,
    /// The many whom its rows are about, none of them one of [`Self::people`].
    pub crowd: Vec<Person>,
    seed: u64,
    clock: Arc<Clock>,
}

/// What the tenant has before a story joins it.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The seed.
    pub seed: u64,
    /// Operating systems.
    pub fleet: &'a [Os],
    /// Everybody.
    pub people: &'a [Person],
    /// First and last names, for people whom a story needs and nobody has named.
    pub names: [&'a [String]; 2],
    /// How many devices there are.
    pub machines: u32,
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
    /// Resolves a scenario. Somebody of the same name and account as one who is there already is the
    /// same person.
    pub fn new(
        scenario: Scenario,
        clock: Arc<Clock>,
        setting: Setting<'_>,
    ) -> Result<Self, String> {
        let seed = setting.seed;
        let mut cast = Self {
            people: HashMap::new(),
            machines: HashMap::new(),
            newcomers: Vec::new(),
            crowd: Vec::new(),
            scenario,
            seed,
            clock,
        };
        let mut places: HashMap<String, u32> = HashMap::new();
        for p in &cast.scenario.person {
            let known = setting
                .people
                .iter()
                .position(|k| k.account == p.account && k.display == p.display);
            let (place, person) = if let Some(at) = known {
                (at, setting.people[at].clone())
            } else {
                let at = setting.people.len() + cast.newcomers.len();
                let person = Person::new(seed, at as u32, &p.display, &p.account);
                cast.newcomers.push(person.clone());
                (at, person)
            };
            places.insert(p.key.clone(), place as u32);
            if cast.people.insert(p.key.clone(), person).is_some() {
                return Err(format!("two people are called {}", p.key));
            }
        }
        for (n, m) in cast.scenario.machine.iter().enumerate() {
            let wrong = |what: String| format!("machine {}: {what}", m.key);
            let os = setting.fleet.iter().find(|os| os.platform == m.os);
            let os =
                os.ok_or_else(|| wrong(format!("no operating system {} in the fleet", m.os)))?;
            let place = *places
                .get(&m.person)
                .ok_or_else(|| wrong(format!("no person is called {}", m.person)))?;
            let mut dice = Dice::of(seed, 12, ids::mix(u64::from(setting.machines)) ^ n as u64);
            let start = cast.clock.start();
            let number = setting.machines + n as u32;
            let mut machine = Machine::named(seed, number, &m.host, os, place, start, &mut dice);
            machine.health = "Active";
            machine.last_seen =
                start - clock::MINUTE * (1 + n as i64) - ids::fraction(seed, &m.host);
            machine.ip.clone_from(&m.ip);
            machine.tags.clone_from(&m.tags);
            if let Some(group) = &m.group {
                machine.join(group).map_err(wrong)?;
            }
            let member = |list: &[&'static str], value: &String| {
                list.iter()
                    .copied()
                    .find(|v| v == value)
                    .ok_or_else(|| wrong(format!("{value} is none of {}", list.join(", "))))
            };
            machine.risk = member(&["None", "Informational", "Low", "Medium", "High"], &m.risk)?;
            machine.exposure = member(&["None", "Low", "Medium", "High"], &m.exposure)?;
            machine.value = member(&["Normal", "Low", "High"], &m.value)?;
            machine.fill(&cast.people[&m.person]);
            if cast.machines.insert(m.key.clone(), machine).is_some() {
                return Err(format!("two machines are called {}", m.key));
            }
        }
        cast.gather(setting);
        super::check::check(&cast)?;
        Ok(cast)
    }

    /// Finds the many: people of the tenant in an order of the seed's, and where it has too few, more.
    fn gather(&mut self, setting: Setting<'_>) {
        let crowds = self.scenario.row.iter().filter_map(|r| r.crowd);
        let wanted = crowds.map(|c| c.after + c.people).max().unwrap_or(0) as usize;
        let mut others: Vec<&Person> = setting
            .people
            .iter()
            .filter(|p| self.people.values().all(|own| own.upn != p.upn))
            .collect();
        others.sort_by_cached_key(|p| ids::sha1(self.seed, &self.scoped("crowd", &p.upn)));
        self.crowd = others.into_iter().take(wanted).cloned().collect();
        for _ in self.crowd.len()..wanted {
            let number = setting.people.len() + self.newcomers.len();
            let mut dice = Dice::of(self.seed, 13, number as u64);
            let [first, last] = setting.names.map(|names| dice.pick(names).as_str());
            let initial = first.chars().next().unwrap_or('x');
            let account = format!("{initial}{last}{number}").to_lowercase();
            let display = format!("{first} {last}{number}");
            let person = Person::new(self.seed, number as u32, &display, &account);
            self.newcomers.push(person.clone());
            self.crowd.push(person);
        }
    }

    /// The name under which something of this story has its ids: `alert ransom/first`.
    fn scoped(&self, what: &str, key: &str) -> String {
        format!("{what} {}/{key}", self.scenario.story.name)
    }

    /// When a story moment is. A file counts in whole seconds; each of them has a fraction of its own, so
    /// that what happens at one moment has one time and other moments have other digits.
    pub fn at(&self, when: When) -> Ticks {
        let story = self.scenario.story.begins.0 + when.0;
        let part = match story {
            // What a tenant starts with is there at its start.
            0 => 0,
            _ => ids::fraction(self.seed, &self.scoped("moment", &when.0.to_string())),
        };
        self.clock.at(story + part)
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

    /// The hashes of a file; signed programs have the same ones everywhere.
    pub fn hashes(&self, file: &FileFile) -> Hashes {
        let key = match file.publisher.as_deref() {
            Some("Microsoft Corporation") => format!("system {}", file.name.to_lowercase()),
            Some(publisher) => format!("{publisher} {}", file.name.to_lowercase()),
            None => self.scoped("file", &file.key),
        };
        Hashes {
            sha1: ids::sha1(self.seed, &key),
            sha256: ids::sha256(self.seed, &key),
            md5: ids::md5(self.seed, &key),
        }
    }

    /// `NetworkMessageId` of a mail.
    pub fn message_id(&self, mail: &MailFile) -> String {
        ids::guid(self.seed, &self.scoped("mail", &mail.key))
    }

    /// `InternetMessageId` of a mail.
    pub fn internet_id(&self, mail: &MailFile) -> String {
        let domain = mail.envelope.split('@').nth(1).unwrap_or(MAIL_DOMAIN);
        format!(
            "<{}@{domain}>",
            &ids::sha1(self.seed, &self.scoped("mail", &mail.key))[..20]
        )
    }

    /// The alert id's bits.
    pub fn alert_key(&self, key: &str) -> u128 {
        ids::parse_guid(&ids::guid(self.seed, &self.scoped("alert", key))).unwrap_or_default()
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
            ("person", "sid") => self.person(key)?.sid.clone(),
            ("person", "account") => self.person(key)?.account.clone(),
            ("ip", "") => self.ip(key)?.address.clone(),
            ("url", "") => self.url(key)?.into(),
            ("mail", "id") => self.message_id(self.mail(key)?),
            ("file", "name") => self.file(key)?.name.clone(),
            ("file", "sha1") => self.hashes(self.file(key)?).sha1,
            ("file", "sha256") => self.hashes(self.file(key)?).sha256,
            ("file", "md5") => self.hashes(self.file(key)?).md5,
            ("guid", _) => ids::guid(self.seed, &self.scoped("guid", rest)),
            // 64 digits: a container, an image's digest, a signature.
            ("hash", _) => ids::sha256(self.seed, &self.scoped("hash", rest)),
            ("time", _) => clock::graph(self.at(When::try_from(rest.to_owned())?)),
            _ => return Err(format!("{text} refers to nothing")),
        })
    }

    /// A value of the file as JSON, with references resolved.
    pub fn json(&self, value: &toml::Value) -> Result<serde_json::Value, String> {
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

    /// Evidence as it stands inside other evidence; where its type is declared, its name is taken away.
    fn nested(&self, of: &str) -> Result<String, String> {
        let (kind, own) = self.own(of)?;
        let mut out = Vec::new();
        self.plain(kind, own, of).push(&mut out, true);
        String::from_utf8(out).map_err(|e| e.to_string())
    }

    /// Evidence inside evidence: nothing is said about it there.
    fn plain(&self, kind: String, own: String, entity: &str) -> Evidence {
        Evidence {
            kind,
            created: self.at(When::default()).min(self.clock.start()),
            verdict: "unknown".into(),
            remediation: "none".into(),
            details: None,
            roles: Vec::new(),
            detailed_roles: Vec::new(),
            tags: Vec::new(),
            own,
            entity: entity.into(),
        }
    }

    /// The properties that every piece of evidence begins with.
    fn base(&self) -> Result<serde_json::Map<String, serde_json::Value>, String> {
        let mut out = Vec::new();
        self.plain(String::new(), String::new(), "")
            .push(&mut out, true);
        let mut map: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&out).map_err(|e| e.to_string())?;
        map.shift_remove("@odata.type");
        Ok(map)
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
    pub fn own(&self, of: &str) -> Result<(String, String), String> {
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
                    if ip.country.is_empty() {
                        o.raw("countryLetterCode", "null");
                        o.raw("location", "null");
                    } else {
                        o.str("countryLetterCode", &ip.country);
                        o.raw("location", &place_json(ip));
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
                let mut own = self.object(&thing.own)?;
                if !thing.unpublished
                    && let Some(map) = own.as_object_mut()
                {
                    shapes()
                        .complete(&thing.kind, map, &self.base()?)
                        .map_err(|e| format!("thing {key}: {e}"))?;
                }
                let text = own.to_string();
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

    pub fn process_own(&self, process: &ProcessFile) -> Result<String, String> {
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

    /// Own properties of a mail as evidence.
    pub fn mail_own(&self, mail: &MailFile) -> Result<String, String> {
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
            o.str("antiSpamDirection", &mail.direction);
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

/// Where an address is said to be.
fn place_json(ip: &IpFile) -> String {
    let mut out = Vec::new();
    let mut place = Object::open(&mut out, None);
    place.str("city", &ip.city);
    place.raw("state", "null");
    place.str("countryName", &ip.country_name);
    place.raw("latitude", &ip.latitude.to_string());
    place.raw("longitude", &ip.longitude.to_string());
    place.close();
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Own properties: `,"name":value,…`.
fn own_of(write: impl FnOnce(&mut Object<'_>) -> Result<(), String>) -> Result<String, String> {
    let mut out = Vec::new();
    let mut object = Object::open(&mut out, None);
    write(&mut object)?;
    out[0] = b',';
    Ok(String::from_utf8(out).expect("JSON is UTF-8"))
}

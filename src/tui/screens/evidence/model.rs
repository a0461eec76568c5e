//! The entities of an alert or incident, folded, linked and put in order: what the tree shows.
//!
//! Pure: alerts in, nodes out. The same entity named by several alerts (or twice by one) is one
//! entity with all its occurrences, its worst verdict first.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::{
    Alert, AlertId, Evidence, EvidenceKind, IncidentId, RemediationStatus, Timestamp, Verdict, text,
};
use crate::tui::widgets::tree::Node;

/// An alert, as far as its entities need to name it.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its id.
    pub id: AlertId,
    /// Its incident.
    pub incident: Option<IncidentId>,
    /// Its title, sanitised.
    pub title: String,
    /// When what it is about began.
    pub at: Option<Timestamp>,
}

/// One time the service named the entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// In which alert: place in [`Model::alerts`].
    pub alert: usize,
    /// As the service sent it there.
    pub evidence: Arc<Evidence>,
}

/// An entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// What it is known by; never empty. Sanitised and, for links and addresses, defanged.
    pub title: String,
    /// Kept through reloads.
    pub identity: String,
    /// Worst verdict first, then newest.
    pub occurrences: Vec<Occurrence>,
}

impl Entity {
    /// The occurrence shown: the worst verdict's newest.
    pub fn evidence(&self) -> &Arc<Evidence> {
        &self.occurrences[0].evidence
    }

    /// Its kind.
    pub fn kind(&self) -> &EvidenceKind {
        &self.evidence().kind
    }

    /// Its worst verdict.
    pub fn verdict(&self) -> Verdict {
        self.evidence().verdict()
    }

    /// What was done about it, by the newest word of the service on that verdict.
    pub fn remediation(&self) -> RemediationStatus {
        self.evidence().remediation()
    }

    /// Verdicts with how often each was given, worst first.
    pub fn verdicts(&self) -> Vec<(Verdict, usize)> {
        let mut out: Vec<(Verdict, usize)> = Vec::new();
        for occurrence in &self.occurrences {
            let verdict = occurrence.evidence.verdict();
            match out.iter_mut().find(|(known, _)| *known == verdict) {
                Some((_, count)) => *count += 1,
                None => out.push((verdict, 1)),
            }
        }
        out
    }
}

/// What a row of the tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A kind with how many entities of it there are.
    Kind {
        /// Its label, sanitised.
        label: String,
        /// Entities.
        count: usize,
    },
    /// A device under which processes ran, where there are several.
    Device(String),
    /// An entity: place in [`Model::entities`].
    Entity(usize),
    /// A parent process the evidence names without being evidence itself.
    Parent {
        /// Its image, sanitised.
        image: String,
        /// Its process id.
        pid: Option<i64>,
    },
}

/// Everything the screen shows of an alert or incident.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The alerts, oldest first.
    pub alerts: Vec<Source>,
    /// The entities.
    pub entities: Vec<Entity>,
}

/// 3 for malicious down to 0 for no threats found; a verdict we do not know counts as suspicious.
pub fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Malicious => 3,
        Verdict::Suspicious | Verdict::Other(_) => 2,
        Verdict::Unknown => 1,
        Verdict::NoThreatsFound => 0,
    }
}

/// Kinds in reading order; the others follow by name.
const ORDER: &[&str] = &[
    "analyzedMessage",
    "submissionMail",
    "mailCluster",
    "teamsMessage",
    "mailbox",
    "mailboxConfiguration",
    "user",
    "device",
    "process",
    "file",
    "fileHash",
    "malware",
    "registryKey",
    "registryValue",
    "url",
    "ip",
    "dns",
    "networkConnection",
    "cloudLogonSession",
    "hostLogonSession",
    "oauthApplication",
];

impl Model {
    /// Gathers the entities of alerts.
    pub fn new<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> Self {
        let mut model = Self::default();
        let mut known: HashMap<String, usize> = HashMap::new();
        for alert in alerts {
            let source = model.alerts.len();
            model.alerts.push(Source {
                id: alert.id.clone(),
                incident: alert.incident_id.clone(),
                title: text::clean(alert.title.as_deref().unwrap_or("(no title)")).into_owned(),
                at: alert.first_activity_date_time.or(alert.created_date_time),
            });
            for evidence in &alert.evidence {
                let identity = identity(evidence);
                let occurrence = Occurrence {
                    alert: source,
                    evidence: Arc::new(evidence.clone()),
                };
                if let Some(&at) = known.get(&identity) {
                    model.entities[at].occurrences.push(occurrence);
                } else {
                    known.insert(identity.clone(), model.entities.len());
                    model.entities.push(Entity {
                        title: title(evidence),
                        identity,
                        occurrences: vec![occurrence],
                    });
                }
            }
        }
        for entity in &mut model.entities {
            entity.occurrences.sort_by_key(|it| {
                (
                    std::cmp::Reverse(rank(&it.evidence.verdict())),
                    std::cmp::Reverse(it.evidence.created()),
                )
            });
        }
        model
    }

    /// The rows of the tree, in reading order.
    pub fn nodes(&self) -> Vec<Node<String, Item>> {
        let mut kinds: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        for (at, entity) in self.entities.iter().enumerate() {
            let name = entity.kind().name();
            let place = ORDER
                .iter()
                .position(|it| *it == name)
                .unwrap_or(ORDER.len());
            kinds.entry((place, name)).or_default().push(at);
        }
        let mut nodes = Vec::new();
        for ((_, name), mut members) in kinds {
            let label = text::clean(self.entities[members[0]].kind().label()).into_owned();
            nodes.push(Node {
                key: format!("kind {name}"),
                depth: 0,
                item: Item::Kind {
                    label,
                    count: members.len(),
                },
            });
            self.sort(&mut members);
            if name == "process" {
                self.processes(&members, &mut nodes);
            } else {
                nodes.extend(members.into_iter().map(|at| self.leaf(at, 1)));
            }
        }
        nodes
    }

    fn leaf(&self, at: usize, depth: u16) -> Node<String, Item> {
        Node {
            key: self.entities[at].identity.clone(),
            depth,
            item: Item::Entity(at),
        }
    }

    /// Worst first, then the first to appear.
    fn sort(&self, members: &mut [usize]) {
        members.sort_by_cached_key(|&at| {
            let entity = &self.entities[at];
            let first = entity
                .occurrences
                .iter()
                .filter_map(|it| it.evidence.created())
                .min();
            (std::cmp::Reverse(rank(&entity.verdict())), first, at)
        });
    }

    /// Processes as trees, one device after another.
    fn processes(&self, members: &[usize], nodes: &mut Vec<Node<String, Item>>) {
        let mut devices: Vec<(String, Vec<usize>)> = Vec::new();
        for &at in members {
            let device = machine(self.entities[at].evidence());
            match devices.iter_mut().find(|(known, _)| *known == device) {
                Some((_, list)) => list.push(at),
                None => devices.push((device, vec![at])),
            }
        }
        let several = devices.len() > 1;
        for (device, list) in devices {
            let depth = if several {
                let key = format!("device {device}");
                nodes.push(Node {
                    key,
                    depth: 1,
                    item: Item::Device(self.device_name(&device)),
                });
                2
            } else {
                1
            };
            self.process_tree(&list, depth, nodes);
        }
    }

    fn process_tree(&self, list: &[usize], depth: u16, nodes: &mut Vec<Node<String, Item>>) {
        let mut by_pid: HashMap<i64, Vec<usize>> = HashMap::new();
        for &at in list {
            if let Some(pid) = number(self.entities[at].evidence(), "processId") {
                by_pid.entry(pid).or_default().push(at);
            }
        }
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        // roots: a process without a named parent, or the parents named but not in evidence
        let mut named: Vec<(String, Item, Vec<usize>)> = Vec::new();
        let mut roots: Vec<(usize, Option<usize>)> = Vec::new();
        for &at in list {
            let evidence = self.entities[at].evidence();
            if let Some(parent) = self.parent_of(at, &by_pid) {
                children.entry(parent).or_default().push(at);
            } else if let Some((key, item)) = outside_parent(evidence) {
                if let Some(nth) = named.iter().position(|(known, _, _)| *known == key) {
                    named[nth].2.push(at);
                } else {
                    roots.push((at, Some(named.len())));
                    named.push((key, item, vec![at]));
                }
            } else {
                roots.push((at, None));
            }
        }
        for list in children
            .values_mut()
            .chain(named.iter_mut().map(|(_, _, list)| list))
        {
            list.sort_by_cached_key(|&at| started(self.entities[at].evidence()));
        }
        let mut seen = HashSet::new();
        for (at, parent) in roots {
            match parent {
                None => self.branch(at, depth, &children, &mut seen, nodes),
                Some(nth) => {
                    let (key, item, list) = &named[nth];
                    nodes.push(Node {
                        key: key.clone(),
                        depth,
                        item: item.clone(),
                    });
                    for &child in list {
                        self.branch(child, depth + 1, &children, &mut seen, nodes);
                    }
                }
            }
        }
        // a circle of parents (recycled ids, hostile data) has no root: its members stand alone
        for &at in list {
            if !seen.contains(&at) {
                self.branch(at, depth, &children, &mut seen, nodes);
            }
        }
    }

    fn branch(
        &self,
        root: usize,
        depth: u16,
        children: &HashMap<usize, Vec<usize>>,
        seen: &mut HashSet<usize>,
        nodes: &mut Vec<Node<String, Item>>,
    ) {
        let mut stack = vec![(root, depth)];
        while let Some((at, depth)) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            nodes.push(self.leaf(at, depth));
            let below = children.get(&at).into_iter().flatten().rev();
            stack.extend(below.map(|child| (*child, depth.saturating_add(1))));
        }
    }

    /// The parent among the evidence: same device (the list is one device's), its id, and its
    /// start where both are known. Ids are reused, so a later process is no parent.
    fn parent_of(&self, at: usize, by_pid: &HashMap<i64, Vec<usize>>) -> Option<usize> {
        let evidence = self.entities[at].evidence();
        let pid = number(evidence, "parentProcessId")?;
        let wanted = evidence.time("parentProcessCreationDateTime");
        let own = started(evidence);
        let fits = |candidate: &&usize| {
            let it = started(self.entities[**candidate].evidence());
            match (wanted, it) {
                _ if **candidate == at => false,
                // the service writes the same instant with more or fewer digits
                (Some(wanted), Some(it)) => {
                    (wanted.as_millisecond() - it.as_millisecond()).abs() <= 1
                }
                (None, Some(it)) => own.is_none_or(|own| it <= own),
                _ => true,
            }
        };
        by_pid
            .get(&pid)?
            .iter()
            .filter(fits)
            .max_by_key(|it| started(self.entities[**it].evidence()))
            .copied()
    }

    /// The name of a device among the evidence, else its id.
    pub fn device_name(&self, machine_id: &str) -> String {
        let found = self.entities.iter().find(|entity| {
            *entity.kind() == EvidenceKind::Device && machine(entity.evidence()) == machine_id
        });
        match found {
            Some(entity) => entity.title.clone(),
            None if machine_id.is_empty() => "(device not named)".to_owned(),
            None => text::clean(machine_id).into_owned(),
        }
    }
}

fn number(evidence: &Evidence, path: &str) -> Option<i64> {
    evidence.get(path)?.as_i64()
}

fn machine(evidence: &Evidence) -> String {
    evidence
        .text("mdeDeviceId")
        .map(Cow::into_owned)
        .unwrap_or_default()
}

fn started(evidence: &Evidence) -> Option<Timestamp> {
    evidence.time("processCreationDateTime")
}

fn outside_parent(evidence: &Evidence) -> Option<(String, Item)> {
    let image = evidence.text("parentProcessImageFile.fileName")?;
    let pid = number(evidence, "parentProcessId");
    let at = evidence
        .text("parentProcessCreationDateTime")
        .unwrap_or_default();
    let key = format!("parent {} {pid:?} {at} {image}", machine(evidence));
    Some((
        key,
        Item::Parent {
            image: text::clean(&image).into_owned(),
            pid,
        },
    ))
}

/// What tells entities of one kind apart on this screen: finer than [`Evidence::key`], which asks
/// where else the same thing was seen.
fn identity(evidence: &Evidence) -> String {
    let kind = evidence.kind.name();
    let part = |path: &str| evidence.text(path).unwrap_or_default().to_lowercase();
    let parts: Vec<String> = match &evidence.kind {
        EvidenceKind::Process => {
            let parts = ["mdeDeviceId", "processId", "processCreationDateTime"].map(part);
            if parts[1].is_empty() {
                Vec::new()
            } else {
                parts.to_vec()
            }
        }
        EvidenceKind::File => {
            let hash = evidence
                .key()
                .map(|key| key.value.to_string())
                .unwrap_or_default();
            vec![
                hash,
                part("fileDetails.fileName"),
                part("fileDetails.filePath"),
                part("mdeDeviceId"),
            ]
        }
        EvidenceKind::AnalyzedMessage => {
            vec![part("networkMessageId"), part("recipientEmailAddress")]
        }
        _ => evidence
            .key()
            .map(|key| key.value.to_string())
            .into_iter()
            .collect(),
    };
    if parts.iter().any(|it| !it.is_empty()) {
        return format!("{kind} {}", parts.join(" "));
    }
    // nothing identifying: the same only if every field of its own is
    let own: serde_json::Map<_, _> = evidence
        .fields
        .iter()
        .filter(|(name, _)| !crate::domain::evidence::BASE_FIELDS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    format!("{kind} {}", serde_json::Value::Object(own))
}

/// The entity's name on screen.
fn title(evidence: &Evidence) -> String {
    let title = evidence.title();
    match evidence.kind {
        EvidenceKind::Url
        | EvidenceKind::Ip
        | EvidenceKind::Dns
        | EvidenceKind::NetworkConnection => text::defang(&title),
        EvidenceKind::Process => {
            let title = text::clean(&title);
            match number(evidence, "processId") {
                Some(pid) => format!("{title} ({pid})"),
                None => title.into_owned(),
            }
        }
        EvidenceKind::RegistryValue => {
            let key = evidence.text("registryKey").unwrap_or_default();
            let short = key.rsplit('\\').next().unwrap_or_default();
            text::clean(&format!("{short}\\{title}")).into_owned()
        }
        _ => text::clean(&title).into_owned(),
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;

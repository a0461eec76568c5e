//! What must hold in a scenario before it is told: every reference leads somewhere, words are the
//! services' own, nothing ends before it begins. The error names the entry.

use std::collections::BTreeSet;

use super::cast::Cast;
use super::scenario::{AlertFile, EventFile, EvidenceFile, Head, Scenario, When};
use super::shapes::shapes;
use super::{tables, words};

/// The tactics a stage or a category may be called by: ATT&CK's, as the services join their words,
/// and the services' own.
const TACTICS: &[&str] = &[
    "Reconnaissance",
    "ResourceDevelopment",
    "InitialAccess",
    "Execution",
    "Persistence",
    "PrivilegeEscalation",
    "DefenseEvasion",
    "CredentialAccess",
    "Discovery",
    "LateralMovement",
    "Collection",
    "CommandAndControl",
    "Exfiltration",
    "Impact",
    "Malware",
    "Ransomware",
    "SuspiciousActivity",
    "UnwantedSoftware",
    "Exploit",
];

/// Checks a whole scenario.
pub fn check(cast: &Cast) -> Result<(), String> {
    let s = &cast.scenario;
    head(&s.story)?;
    circles(s)?;
    for process in &s.process {
        let wrong = |e: String| format!("process {}: {e}", process.key);
        cast.process_own(process).map_err(wrong)?;
        if let Some(parent) = &process.parent
            && cast.process(parent)?.at > process.at
        {
            return Err(wrong(format!("it begins before its parent {parent}")));
        }
        unless(cast, process.unless_isolated.as_ref()).map_err(wrong)?;
    }
    for (n, row) in s.row.iter().enumerate() {
        let wrong = |e: String| format!("row {} of {}: {e}", n + 1, row.table);
        if let Some(key) = &row.process
            && cast.process(key).map_err(wrong)?.at > row.at
        {
            return Err(wrong(format!("it happens before process {key} begins")));
        }
        unless(cast, row.unless_isolated.as_ref()).map_err(wrong)?;
    }
    for mail in &s.mail {
        cast.mail_own(mail)
            .map_err(|e| format!("mail {}: {e}", mail.key))?;
    }
    for thing in &s.thing {
        cast.own(&format!("thing.{}", thing.key))?;
    }
    for incident in &s.incident {
        words::place(words::SEVERITY, &incident.severity)
            .ok_or_else(|| format!("incident {}: no such severity", incident.key))?;
    }
    for one in &s.alert {
        alert(cast, one).map_err(|e| format!("alert {}: {e}", one.key))?;
    }
    for (n, one) in s.event.iter().enumerate() {
        event(cast, one).map_err(|e| format!("event {}: {e}", n + 1))?;
    }
    tables::story_rows(cast).map(drop)
}

fn head(head: &Head) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if head.name.is_empty() || !head.name.chars().all(plain) {
        return Err("story: the name is one word of small letters".into());
    }
    if head.stages.is_empty() {
        return Err("story: it has no stages".into());
    }
    for stage in &head.stages {
        tactic(&stage.tactic).map_err(|e| format!("stage \"{}\": {e}", stage.title))?;
    }
    Ok(())
}

fn tactic(name: &str) -> Result<(), String> {
    if TACTICS.contains(&name) {
        return Ok(());
    }
    Err(format!("{name} is none of {}", TACTICS.join(", ")))
}

/// `T1059` or `T1059.001`.
fn is_technique(id: &str) -> bool {
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let Some(rest) = id.strip_prefix('T') else {
        return false;
    };
    match rest.split_once('.') {
        Some((number, sub)) => digits(number, 4) && digits(sub, 3),
        None => digits(rest, 4),
    }
}

/// Things may stand inside things, but none inside itself.
fn circles(s: &Scenario) -> Result<(), String> {
    fn inside(value: &toml::Value, out: &mut Vec<String>) {
        match value {
            toml::Value::String(text) => {
                out.extend(text.strip_prefix("@nested.thing.").map(str::to_owned));
            }
            toml::Value::Array(list) => list.iter().for_each(|v| inside(v, out)),
            toml::Value::Table(table) => table.values().for_each(|v| inside(v, out)),
            _ => {}
        }
    }
    for thing in &s.thing {
        let mut seen = BTreeSet::new();
        let mut open = vec![thing.key.clone()];
        while let Some(key) = open.pop() {
            let Some(at) = s.thing.iter().find(|t| t.key == key) else {
                continue;
            };
            let mut next = Vec::new();
            at.own.values().for_each(|v| inside(v, &mut next));
            if next.contains(&thing.key) {
                return Err(format!("thing {}: it stands inside itself", thing.key));
            }
            open.extend(next.into_iter().filter(|k| seen.insert(k.clone())));
        }
    }
    Ok(())
}

fn alert(cast: &Cast, file: &AlertFile) -> Result<(), String> {
    let s = &cast.scenario;
    Scenario::find(&s.incident, &file.incident, |i| &i.key, "incident")?;
    let source = words::source_named(&file.source);
    source.ok_or_else(|| format!("no source is called {}", file.source))?;
    words::place(words::SEVERITY, &file.severity).ok_or("no such severity")?;
    words::place(words::INVESTIGATION, &file.state).ok_or("no such investigation state")?;
    if file.first > file.last || file.last > file.at {
        return Err("first activity, last activity and creation follow each other".into());
    }
    for category in &file.categories {
        tactic(category)?;
    }
    if let Some(wrong) = file.techniques.iter().find(|t| !is_technique(t)) {
        return Err(format!(
            "{wrong} is no technique: write it as T1059 or T1059.001"
        ));
    }
    unless(cast, file.unless_isolated.as_ref())?;
    cast.object(&file.custom)?;
    file.evidence
        .iter()
        .try_for_each(|e| evidence(cast, e, file.at))
}

/// The device that stops something is there.
fn unless(cast: &Cast, key: Option<&String>) -> Result<(), String> {
    key.map_or(Ok(()), |key| cast.machine(key).map(drop))
}

/// A piece of evidence that an alert gets at a moment.
fn evidence(cast: &Cast, file: &EvidenceFile, at: When) -> Result<(), String> {
    cast.own(&file.of)?;
    let begun = match file.of.split_once('.') {
        Some(("process", key)) => cast.process(key)?.at,
        Some(("mail", key)) => cast.mail(key)?.at,
        _ => at,
    };
    if begun > at {
        return Err(format!("evidence {}: it comes before it happens", file.of));
    }
    let word = |of, member: &String| {
        shapes()
            .member(of, member)
            .map_err(|e| format!("evidence {}: {e}", file.of))
    };
    word("evidenceVerdict", &file.verdict)?;
    word("evidenceRemediationStatus", &file.remediation)?;
    file.roles.iter().try_for_each(|r| word("evidenceRole", r))
}

fn event(cast: &Cast, file: &EventFile) -> Result<(), String> {
    let s = &cast.scenario;
    let incident = |key| Scenario::find(&s.incident, key, |i| &i.key, "incident").map(drop);
    let alert = |key| Scenario::find(&s.alert, key, |a| &a.key, "alert");
    let later = |at, than| {
        if at < than {
            Err("it happens before what it is about".to_owned())
        } else {
            Ok(())
        }
    };
    match file {
        EventFile::Evidence {
            at,
            alert: key,
            evidence: files,
        } => {
            later(*at, alert(key)?.at)?;
            files.iter().try_for_each(|e| evidence(cast, e, *at))
        }
        EventFile::Remediation {
            at,
            alert: key,
            of,
            verdict,
            remediation,
            ..
        } => {
            later(*at, alert(key)?.at)?;
            cast.own(of)?;
            shapes().member("evidenceVerdict", verdict)?;
            shapes().member("evidenceRemediationStatus", remediation)
        }
        EventFile::Merge {
            incident: from,
            into,
            ..
        } => incident(from).and_then(|()| incident(into)),
        EventFile::Title { incident: key, .. }
        | EventFile::Assign { incident: key, .. }
        | EventFile::Comment { incident: key, .. } => incident(key),
        EventFile::Resolve {
            incident: key,
            classification,
            determination,
            ..
        } => {
            shapes().member("alertClassification", classification)?;
            shapes().member("alertDetermination", determination)?;
            incident(key)
        }
        EventFile::Action { machine, kind, .. } => {
            super::defender::actions::Kind::named(kind)
                .ok_or_else(|| format!("no machine action is called {kind}"))?;
            cast.machine(machine).map(drop)
        }
    }
}

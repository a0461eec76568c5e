//! Every story that comes with the program, held to what its readers rely on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::build::Scale;
use super::super::cast::Cast;
use super::super::clock::{Clock, SECOND, Ticks};
use super::super::evidence::Evidence;
use super::super::scenario::{EventFile, Scenario, When};
use super::super::shapes::shapes;
use super::super::tables::{Cell, Row, story_rows};
use super::super::words;
use super::super::world::World;
use super::*;

/// A small tenant in which these stories are told.
fn world(tales: &[Tale]) -> World {
    let clock = Arc::new(Clock::new(
        Some(super::super::clock::from_unix(1_770_000_000)),
        1.0,
    ));
    let scale = Scale {
        incidents: 4,
        alerts: 8,
        machines: 6,
    };
    let scenarios = tales
        .iter()
        .map(|t| t.scenario().expect("it is read"))
        .collect();
    World::build(7, "tenant", clock, scale, false, scenarios).expect("it is told")
}

fn casts(world: &World) -> impl Iterator<Item = &Cast> {
    world.story.tales.iter().map(|t| t.cast.as_ref())
}

#[test]
fn every_file_tells_its_attack_before_it_tells_the_data() {
    for tale in Tale::all() {
        let comment: Vec<&str> = tale
            .text
            .lines()
            .take_while(|l| l.starts_with('#'))
            .collect();
        assert!(comment.len() >= 8, "{}: {} lines", tale.name, comment.len());
        let comment = comment.join("\n");
        for word in ["Concluded:", "Verdict:"] {
            assert!(comment.contains(word), "{}: no {word}", tale.name);
        }
        let told = tale.synopsis().expect("it is read");
        assert_eq!(told.name, tale.name);
        assert!(told.stages.len() >= 3, "{}", tale.name);
    }
}

#[test]
fn a_story_is_told_to_its_end_beside_all_others() {
    let mut world = world(&Tale::all());
    let end = world.clock.start() + 30 * super::super::clock::DAY;
    world.advance(end).expect("nothing is wrong in any file");
    for cast in casts(&world) {
        let s = &cast.scenario;
        for alert in &s.alert {
            let id = super::super::ids::guid_of(cast.alert_key(&alert.key));
            assert!(
                world.alert_places.contains_key(&cast.alert_key(&alert.key)),
                "{}: alert {} ({id}) never comes",
                s.story.name,
                alert.key
            );
        }
    }
}

#[test]
fn a_mistake_is_told_with_the_story_and_the_entry() {
    let invoice = Tale::named("invoice").expect("it is there");
    for (right, wrong, said) in [
        (
            "registryHive =",
            "registryHvie =",
            "invoice: thing run: registryValueEvidence has no property registryHvie; did you mean registryHive?",
        ),
        (
            "of = \"process.word\"",
            "of = \"process.wrod\"",
            "invoice: alert macro: no process is called wrod",
        ),
        (
            "at = \"-23m12s\"",
            "at = \"-24m12s\"",
            "invoice: process powershell: it begins before its parent word",
        ),
        (
            "RemotePort = 443",
            "RemotePrt = 443",
            "did you mean RemotePort?",
        ),
        ("\"T1033\"", "\"T10333\"", "T10333 is no technique"),
        (
            "tactic = \"Discovery\"",
            "tactic = \"Discovring\"",
            "invoice: stage \"Exploration by hand\"",
        ),
        (
            "verdict = \"suspicious\"",
            "verdict = \"suspect\"",
            "evidenceVerdict has no member suspect",
        ),
    ] {
        let text = invoice.text.replacen(right, wrong, 1);
        assert_ne!(text, invoice.text, "{right}");
        let tale = Tale {
            name: "invoice".into(),
            text,
        };
        let clock = Arc::new(Clock::new(None, 1.0));
        let scale = Scale {
            incidents: 0,
            alerts: 0,
            machines: 1,
        };
        let error = tale
            .scenario()
            .and_then(|s| World::build(7, "t", clock, scale, false, vec![s]).map(drop))
            .expect_err(said);
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn files_are_the_same_file_wherever_they_appear() {
    let world = world(&Tale::all());
    let mut by_hash: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for cast in casts(&world) {
        for file in &cast.scenario.file {
            let hashes = cast.hashes(file);
            by_hash.entry(hashes.sha256).or_default().insert(format!(
                "{} {} {}",
                file.name.to_lowercase(),
                hashes.sha1,
                hashes.md5
            ));
        }
    }
    for (hash, files) in by_hash {
        assert_eq!(files.len(), 1, "{hash}: {files:?}");
    }
}

/// What names an entity in the hunting tables, by kind: a path into the evidence. What is not here
/// needs no row of the story: devices, people, processes and mails have theirs by themselves.
const NAMED_BY: &[(&str, &str)] = &[
    (
        "activeDirectoryDomainEvidence",
        "/activeDirectoryDomainName",
    ),
    ("aiAgentEvidence", "/agentId"),
    ("amazonResourceEvidence", "/amazonResourceId"),
    ("analyzedMessageEvidence", "/networkMessageId"),
    ("azureResourceEvidence", "/resourceId"),
    ("blobContainerEvidence", "/name"),
    ("blobEvidence", "/name"),
    ("cloudApplicationEvidence", "/displayName"),
    ("cloudLogonRequestEvidence", "/requestId"),
    ("cloudLogonSessionEvidence", "/sessionId"),
    ("containerEvidence", "/containerId"),
    ("containerImageEvidence", "/imageId"),
    ("containerRegistryEvidence", "/registry"),
    ("dnsEvidence", "/domainName"),
    ("fileEvidence", "/fileDetails/sha256"),
    ("fileHashEvidence", "/value"),
    ("gitHubOrganizationEvidence", "/login"),
    ("gitHubRepoEvidence", "/login"),
    ("gitHubUserEvidence", "/login"),
    ("googleCloudResourceEvidence", "/fullResourceName"),
    ("hostLogonSessionEvidence", "/sessionId"),
    ("ioTDeviceEvidence", "/deviceName"),
    ("ipEvidence", "/ipAddress"),
    ("kubernetesClusterEvidence", "/name"),
    ("kubernetesControllerEvidence", "/name"),
    ("kubernetesNamespaceEvidence", "/name"),
    ("kubernetesPodEvidence", "/name"),
    ("kubernetesSecretEvidence", "/name"),
    ("kubernetesServiceAccountEvidence", "/name"),
    ("kubernetesServiceEvidence", "/name"),
    ("mailboxConfigurationEvidence", "/configurationId"),
    ("mailClusterEvidence", "/networkMessageIds/0"),
    ("networkConnectionEvidence", "/destinationAddress/ipAddress"),
    ("nicEvidence", "/macAddress"),
    ("oauthApplicationEvidence", "/appId"),
    ("processEvidence", "/processCommandLine"),
    ("registryKeyEvidence", "/registryKey"),
    ("registryValueEvidence", "/registryKey"),
    ("sasTokenEvidence", "/signatureHash"),
    ("securityGroupEvidence", "/displayName"),
    ("servicePrincipalEvidence", "/servicePrincipalObjectId"),
    ("submissionMailEvidence", "/networkMessageId"),
    ("teamsMessageEvidence", "/messageId"),
    ("urlEvidence", "/url"),
];

/// Every piece of evidence of a story, what comes late included, with the alert's key.
fn all_evidence(cast: &Cast) -> Vec<(String, Evidence)> {
    let s = &cast.scenario;
    let mut files: Vec<_> = s
        .alert
        .iter()
        .flat_map(|a| a.evidence.iter().map(|e| (a.key.clone(), e)))
        .collect();
    for event in &s.event {
        if let EventFile::Evidence {
            alert, evidence, ..
        } = event
        {
            files.extend(evidence.iter().map(|e| (alert.clone(), e)));
        }
    }
    files
        .into_iter()
        .map(|(alert, e)| (alert, cast.evidence(e, 0).expect("it was checked")))
        .collect()
}

#[test]
fn what_the_evidence_names_is_found_by_hunting() {
    let world = world(&Tale::all());
    let mut missing = Vec::new();
    for cast in casts(&world) {
        let cells: Vec<String> = story_rows(cast)
            .expect("it was checked")
            .iter()
            .flat_map(|row| row.cells.iter())
            .filter_map(|(_, cell)| match cell {
                Cell::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect();
        for (alert, evidence) in all_evidence(cast) {
            let Some((_, path)) = NAMED_BY.iter().find(|(kind, _)| *kind == evidence.kind) else {
                continue;
            };
            let own: serde_json::Value =
                serde_json::from_str(&format!("{{{}}}", &evidence.own[1..])).expect("JSON");
            let name = own.pointer(path).and_then(|n| n.as_str());
            let name = name.unwrap_or_else(|| panic!("{} without {path}", evidence.entity));
            // In JSON inside a cell a backslash is written twice.
            let escaped = name.replace('\\', "\\\\");
            if !cells
                .iter()
                .any(|c| c.contains(name) || c.contains(&escaped))
            {
                let story = &cast.scenario.story.name;
                missing.push(format!("{story}: {alert}: {}: {name}", evidence.entity));
            }
        }
    }
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_kind_of_evidence_and_every_source_occurs() {
    let world = world(&Tale::all());
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    let mut sources: BTreeSet<&str> = BTreeSet::new();
    let (mut custom, mut tuned) = (0, 0);
    for cast in casts(&world) {
        kinds.extend(all_evidence(cast).into_iter().map(|(_, e)| e.kind));
        for alert in &cast.scenario.alert {
            let source = words::source_named(&alert.source).expect("it was checked");
            sources.insert(source.service);
            custom +=
                usize::from(source.detection == "customDetection" && !alert.custom.is_empty());
            tuned += usize::from(alert.tuned.is_some());
        }
    }
    let missing: Vec<&str> = shapes().kinds().filter(|k| !kinds.contains(*k)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "kinds of evidence");
    let known = words::SERVICE_SOURCE.iter().filter(|s| **s != "unknown");
    let missing: Vec<&&str> = known.filter(|s| !sources.contains(**s)).collect();
    assert_eq!(missing, Vec::<&&str>::new(), "sources");
    assert!(custom >= 2 && tuned >= 2, "{custom} custom, {tuned} tuned");
}

#[test]
fn a_spray_leaves_a_try_of_every_account_it_speaks_of() {
    let tale = Tale::named("spray").expect("a story");
    let world = world(std::slice::from_ref(&tale));
    let cast = casts(&world).next().expect("it is told");
    let text = |row: &Row, column: &str| {
        let cell = row.get(column).and_then(Cell::text);
        cell.unwrap_or_default().to_owned()
    };
    let mut tried: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut tries, mut opened) = (0, 0);
    for row in story_rows(cast).expect("it was checked") {
        if row.table != "EntraIdSignInEvents" || !text(&row, "UserAgent").contains("python") {
            continue;
        }
        let upn = text(&row, "AccountUpn");
        assert!(world.people.iter().any(|p| p.upn == upn), "{upn}");
        tries += 1;
        opened += usize::from(matches!(row.get("ErrorCode"), Some(Cell::Number(0))));
        tried
            .entry(text(&row, "IPAddress"))
            .or_default()
            .insert(upn);
    }
    assert_eq!((tries, opened), (214 * 3, 1));
    assert!(tale.text.contains("214 accounts"));
    let each: Vec<usize> = tried.values().map(BTreeSet::len).collect();
    assert_eq!(each, [107, 107]);
    let all: BTreeSet<&String> = tried.values().flatten().collect();
    assert_eq!(all.len(), 214, "nobody is tried from both addresses");
}

#[test]
fn a_row_is_about_one_person_or_about_many() {
    let tale = Tale::named("spray").expect("a story");
    let text = tale
        .text
        .replacen("crowd = {", "person = \"hedda\", crowd = {", 1);
    let scenario = Scenario::parse(&text).expect("it is read");
    let mut world = world(&[]);
    let wrong = world.tell(scenario).expect_err("it is wrong");
    assert_eq!(
        wrong,
        "spray: row 1 of EntraIdSignInEvents: it is about one person or about a crowd"
    );
}

#[test]
fn moments_of_a_story_have_digits_of_their_own_and_keep_their_order() {
    let world = world(&Tale::all());
    let mut all = Vec::new();
    for cast in casts(&world) {
        let mut of: Vec<When> = cast.scenario.row.iter().map(|r| r.at).collect();
        of.extend(
            cast.scenario
                .alert
                .iter()
                .flat_map(|a| [a.at, a.first, a.last]),
        );
        of.sort();
        of.dedup();
        let times: Vec<Ticks> = of.iter().map(|when| cast.at(*when)).collect();
        assert!(times.is_sorted(), "{}", cast.scenario.story.name);
        all.extend(times);
    }
    all.extend(
        world
            .machines
            .iter()
            .flat_map(|m| [m.first_seen, m.last_seen]),
    );
    let digits: BTreeSet<Ticks> = all.iter().map(|at| at % SECOND).collect();
    assert!(
        digits.len() * 100 > all.len() * 95,
        "{} fractions of {} times",
        digits.len(),
        all.len()
    );
}

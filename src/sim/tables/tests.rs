use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::background::KEPT;
use super::*;
use crate::kql::schema::Schema;
use crate::sim::build::Scale;
use crate::sim::clock::{Clock, MINUTE, from_unix};
use crate::sim::stories::Tale;
use crate::sim::world::Body;

fn world() -> World {
    let clock = Arc::new(Clock::new(Some(from_unix(1_790_000_000)), 1.0));
    let scale = Scale {
        incidents: 40,
        alerts: 120,
        machines: 20,
    };
    let scenario = Tale::named("invoice")
        .expect("a story")
        .scenario()
        .expect("the usual story");
    World::build(7, "tenant", clock, scale, false, vec![scenario]).expect("a world")
}

fn filled(world: &World) -> Tables {
    filled_to(world, world.clock.start())
}

fn filled_to(world: &World, now: Ticks) -> Tables {
    let mut tables = Tables::new(world, Some(9_000)).expect("tables");
    tables
        .fill(&|see| see(world), &|| now, &|_| {})
        .expect("every column is there");
    tables
}

fn rows(tables: &Tables, table: &str) -> u64 {
    tables.counts().get(table).copied().unwrap_or(0)
}

fn texts(tables: &Tables, sql: &str) -> Vec<String> {
    let connection = tables.writer.connection();
    let mut statement = connection.prepare(sql).expect("SQL");
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .expect("rows");
    rows.map(|r| r.expect("text")).collect()
}

/// Tables that were renamed: their rows are in those that took their place.
const RENAMED: [&str; 3] = [
    "AADSignInEventsBeta",
    "AADSpnSignInEventsBeta",
    "AIAgentsInfo",
];

#[test]
fn every_table_has_rows_and_tells_what_the_alerts_tell() {
    let mut world = world();
    let start = world.clock.start();
    world.advance(start).expect("the past");
    let mut tables = filled(&world);
    let empty: Vec<&str> = Schema::hunting()
        .tables()
        .iter()
        .map(|t| t.name.as_str())
        .filter(|t| rows(&tables, t) == 0)
        .collect();
    assert_eq!(empty, RENAMED);
    let removed = rows(&tables, "EmailPostDeliveryEvents");

    // Late evidence and later rows come with time.
    let before = rows(&tables, "AlertEvidence");
    let now = start + 15 * MINUTE;
    world.advance(now).expect("the story");
    tables.due(&|see| see(&world), now).expect("every column");
    let late = texts(
        &tables,
        &format!("SELECT DeviceId FROM DeviceProcessEvents WHERE Timestamp > {now}"),
    );
    assert_eq!(late, Vec::<String>::new(), "nothing from the future");
    assert!(rows(&tables, "AlertEvidence") > before + 20);
    assert!(rows(&tables, "EmailPostDeliveryEvents") >= removed + 2);
    let alerts = world.alerts.len() as u64;
    assert_eq!(rows(&tables, "AlertInfo"), alerts, "each alert once");

    // Every hash, message, device and account of the story's evidence is in the event tables.
    let join = |column: &str, table: &str, wanted: &str| {
        texts(
            &tables,
            &format!(
                "SELECT DISTINCT e.\"{column}\" FROM AlertEvidence e WHERE e.EntityType = '{wanted}' AND e.\"{column}\" <> '' \
             AND NOT EXISTS (SELECT 1 FROM {table} t WHERE t.\"{column}\" = e.\"{column}\")"
            ),
        )
    };
    for (column, table, wanted) in [
        ("ProcessCommandLine", "DeviceProcessEvents", "Process"),
        ("SHA1", "DeviceProcessEvents", "Process"),
        ("NetworkMessageId", "EmailEvents", "MailMessage"),
        ("DeviceId", "DeviceInfo", "Machine"),
    ] {
        assert_eq!(
            join(column, table, wanted),
            Vec::<String>::new(),
            "{column} of {table}"
        );
    }
    let lost = texts(
        &tables,
        "SELECT FileName FROM AlertEvidence e WHERE EntityType = 'File' AND DeviceId <> '' \
        AND NOT EXISTS (SELECT 1 FROM DeviceFileEvents f WHERE f.SHA1 = e.SHA1)",
    );
    assert_eq!(
        lost,
        ["statement_\u{202e}xcod.exe"],
        "only this file came before the sensor"
    );
    let dmarc = texts(
        &tables,
        "SELECT AuthenticationDetails FROM EmailEvents WHERE Subject LIKE 'Overdue%' LIMIT 1",
    );
    assert!(
        dmarc[0].contains("\"DMARC\":\"none\"") && dmarc[0].contains("\"CompAuth\":\"fail\""),
        "{dmarc:?}"
    );
    assert!(world.alerts.iter().any(|a| matches!(a.body, Body::Told(_))));
}

#[test]
fn a_query_asked_while_the_tables_were_filled_finds_them_further_on() {
    let world = world();
    let start = world.clock.start();
    let mut tables = filled_to(&world, start + MINUTE);
    let before = rows(&tables, "AlertInfo");
    tables
        .due(&|see| see(&world), start)
        .expect("nothing is due");
    assert_eq!(rows(&tables, "AlertInfo"), before);
}

#[test]
fn where_mail_lies_is_spelled_one_way() {
    let clock = Arc::new(Clock::new(Some(from_unix(1_790_000_000)), 1.0));
    let scale = Scale {
        incidents: 300,
        alerts: 800,
        machines: 20,
    };
    let told = Tale::all();
    let told = told.iter().map(|t| t.scenario().expect("it is read"));
    let mut world =
        World::build(7, "tenant", clock, scale, false, told.collect()).expect("a world");
    let now = world.clock.start() + 2 * clock::DAY;
    world.advance(now).expect("the stories");
    let tables = filled_to(&world, now);
    let mut seen = BTreeSet::new();
    for (table, column) in [
        ("EmailEvents", "DeliveryLocation"),
        ("EmailEvents", "LatestDeliveryLocation"),
        ("EmailPostDeliveryEvents", "DeliveryLocation"),
        ("EmailPostDeliveryEvents", "SourceLocation"),
    ] {
        let places = texts(&tables, &format!("SELECT DISTINCT {column} FROM {table}"));
        assert!(places.len() > 1 || column == "SourceLocation", "{places:?}");
        seen.extend(places);
    }
    let known = [
        "Deleted items",
        "Inbox/folder",
        "Junk folder",
        "On-premises/external",
        "Quarantine",
    ];
    assert_eq!(seen, known.map(str::to_owned).into());
}

/// Everyday rows of a small estate, in the order they come.
fn everyday(world: &World, rows: u64) -> (Background, Vec<Row>) {
    let mut background = Background::new(world, Some(rows))
        .expect("the data files can be read")
        .expect("somebody is there");
    let mut all = Vec::new();
    background.past(&mut |batch| {
        all.extend(batch);
        true
    });
    (background, all)
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).and_then(Cell::text).unwrap_or_default()
}

fn number(row: &Row, column: &str) -> i64 {
    match row.get(column) {
        Some(Cell::Number(n) | Cell::Time(n)) => *n,
        _ => 0,
    }
}

#[test]
fn every_process_was_started_by_one_that_runs() {
    let world = world();
    let (background, rows) = everyday(&world, 12_000);
    let begin = world.clock.start() - background.span();
    let started: HashSet<(&str, i64, i64)> = rows
        .iter()
        .filter(|r| r.table == "DeviceProcessEvents")
        .map(|r| {
            (
                text(r, "DeviceId"),
                number(r, "ProcessId"),
                number(r, "ProcessCreationTime"),
            )
        })
        .collect();
    let (mut known, mut older) = (0, 0);
    for row in &rows {
        let Some(Cell::Number(pid)) = row.get("InitiatingProcessId") else {
            continue;
        };
        let created = number(row, "InitiatingProcessCreationTime");
        assert!(created <= row.at, "{row:?}");
        if started.contains(&(text(row, "DeviceId"), *pid, created)) {
            known += 1;
        } else {
            // The first process of a device has no parent; others may be older than what is kept.
            assert!(matches!(pid, 1 | 4) || created < begin, "{row:?}");
            older += 1;
        }
    }
    assert!(known > 1_000 && older > 0, "{known} {older}");
}

#[test]
fn everyday_rows_agree_with_each_other() {
    let world = world();
    let (background, rows) = everyday(&world, 12_000);
    let start = world.clock.start();
    let seen: HashMap<&str, (Ticks, Ticks)> = world
        .machines
        .iter()
        .map(|m| {
            let gone = matches!(m.health, "Inactive" | "NoSensorData");
            (
                m.id.as_str(),
                (m.first_seen, if gone { m.last_seen } else { start }),
            )
        })
        .collect();
    let messages: HashSet<&str> = rows
        .iter()
        .filter(|r| r.table == "EmailEvents")
        .map(|r| text(r, "NetworkMessageId"))
        .collect();
    let mut hashes: HashMap<(&str, &str, &str), &str> = HashMap::new();
    let mut names: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for row in &rows {
        assert!(row.at <= start && row.at >= start - KEPT, "{row:?}");
        if row.table.starts_with("Device") && row.table.ends_with("Events") {
            let (first, last) = seen[text(row, "DeviceId")];
            assert!((first..=last).contains(&row.at), "{row:?}");
        }
        if row.table.starts_with("Email") || row.table == "UrlClickEvents" {
            assert!(messages.contains(text(row, "NetworkMessageId")), "{row:?}");
        }
        if row.table == "DeviceProcessEvents" {
            let key = (
                text(row, "FileName"),
                text(row, "ProcessVersionInfoCompanyName"),
                text(row, "ProcessVersionInfoProductVersion"),
            );
            let hash = text(row, "SHA1");
            if key.1 == "Microsoft Corporation" {
                assert_eq!(*hashes.entry(key).or_insert(hash), hash, "{key:?}");
            }
        }
        if row.table == "DeviceNetworkEvents" && !text(row, "RemoteUrl").is_empty() {
            names
                .entry(text(row, "RemoteUrl"))
                .or_default()
                .insert(text(row, "RemoteIP"));
        }
    }
    assert!(names.len() > 15);
    for (name, addresses) in names {
        assert_eq!(addresses.len(), 1, "{name}: {addresses:?}");
    }
    assert!(background.span() > 0);
    // By day and by night, with twice as much at noon at least.
    let hour = |from: i64, to: i64| {
        rows.iter()
            .filter(|r| r.table == "EmailEvents")
            .filter(|r| (from..to).contains(&(r.at / clock::HOUR % 24)))
            .count()
    };
    assert!(
        hour(8, 14) > 2 * hour(0, 6),
        "{} {}",
        hour(8, 14),
        hour(0, 6)
    );
}

use crate::sim::clock;

#[test]
fn isolating_the_device_stops_what_comes_next() {
    let mut world = world();
    let start = world.clock.start();
    world.advance(start).expect("the past");
    let machine = world
        .machines
        .iter()
        .position(|m| m.host == "ws-0417")
        .expect("the device") as u32;
    world.actions.push(crate::sim::defender::actions::Action {
        id: "x".into(),
        kind: crate::sim::defender::actions::Kind::Isolate,
        scope: None,
        requestor: "test".into(),
        source: "PublicApi",
        comment: "test".into(),
        machine,
        created: start + MINUTE,
        starts: start + MINUTE,
        ends: start + MINUTE,
        outcome: "Succeeded",
        cancelled: None,
        more: None,
    });
    let now = start + 15 * MINUTE;
    world.advance(now).expect("the story");
    let titles: Vec<&str> = world
        .alerts
        .iter()
        .map(|a| world.shell(a).title.as_str())
        .collect();
    assert!(
        titles.contains(&"Suspicious access to LSASS service"),
        "that was before"
    );
    assert!(
        !titles
            .iter()
            .any(|t| t.starts_with("Possible lateral movement")),
        "that would have been after"
    );
    let mut tables = filled(&world);
    tables.due(&|see| see(&world), now).expect("rows");
    let after = texts(
        &tables,
        "SELECT FileName FROM DeviceProcessEvents WHERE FileName = 'PSEXESVC.exe'",
    );
    assert_eq!(after, Vec::<String>::new());
}

#[test]
fn the_same_seed_tells_the_same_in_whatever_steps() {
    let told = |steps: &[Ticks]| {
        let world = world();
        let start = world.clock.start();
        let (mut background, _) = everyday(&world, 3_000);
        let mut rows = Vec::new();
        for step in steps {
            background.until(start + step * MINUTE, &mut rows);
        }
        format!("{rows:?}")
    };
    let once = told(&[600]);
    assert!(once.len() > 1_000);
    assert!(once == told(&[600]), "two tenants of one seed differ");
    assert!(
        once == told(&[1, 7, 300, 600]),
        "small steps tell something else"
    );
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    let world = world();
    let made = |rows: u64| {
        let mut background = Background::new(&world, Some(rows))
            .expect("data")
            .expect("somebody");
        let (mut total, mut largest) = (0, 0);
        background.past(&mut |batch| {
            total += batch.len();
            largest = largest.max(batch.len());
            true
        });
        (total as u64, largest)
    };
    let (few, small) = made(10_000);
    let (many, large) = made(60_000);
    assert!((8_000..15_000).contains(&few), "{few} for 10,000");
    assert!((52_000..68_000).contains(&many), "{many} for 60,000");
    assert!(
        large < 2 * small.max(5_000),
        "batches of {small}, then {large}"
    );
}

#[test]
fn mail_that_is_moved_says_so() {
    let mut world = world();
    let start = world.clock.start();
    world.advance(start).expect("the past");
    let mut tables = filled(&world);
    let one = |tables: &Tables, column: &str| {
        texts(
            tables,
            &format!("SELECT {column} FROM EmailEvents WHERE EmailDirection = 'Inbound' ORDER BY Timestamp, ReportId LIMIT 1"),
        )
        .remove(0)
    };
    let (message, recipient) = (
        one(&tables, "NetworkMessageId"),
        one(&tables, "RecipientEmailAddress"),
    );
    world.mail.push(crate::sim::mail::Move {
        message: message.clone(),
        recipient,
        remedy: &crate::sim::mail::REMEDIES[3],
        at: start + MINUTE,
        by: "test".into(),
        name: "test".into(),
    });
    for _ in 0..2 {
        let now = start + 2 * MINUTE;
        tables.due(&|see| see(&world), now).expect("rows");
    }
    let told = texts(
        &tables,
        &format!(
            "SELECT ActionType || ' ' || DeliveryLocation || ' ' || SenderFromAddress FROM EmailPostDeliveryEvents WHERE NetworkMessageId = '{message}' AND ActionType LIKE 'Manual%'"
        ),
    );
    assert_eq!(
        told,
        [format!(
            "Manual remediation SoftDeleted {}",
            one(&tables, "SenderFromAddress")
        )]
    );
    assert_eq!(one(&tables, "LatestDeliveryLocation"), "SoftDeleted");
}

#[test]
fn ready_tables_have_everything_up_to_now() {
    let mut world = world();
    let now = world.clock.start() + 2 * clock::DAY;
    world.advance(now).expect("two days");
    let mut tables = filled_to(&world, now);
    let ready = tables.counts().clone();
    tables.due(&|see| see(&world), now).expect("rows");
    assert_eq!(tables.counts(), &ready, "nothing was left to add");
    let mut later = filled(&world);
    assert!(rows(&later, "DeviceProcessEvents") < rows(&tables, "DeviceProcessEvents"));
    later.due(&|see| see(&world), now).expect("rows");
    assert_eq!(
        later.counts(),
        &ready,
        "it is the same whenever it is added"
    );
    let last = texts(
        &tables,
        "SELECT CAST(MAX(Timestamp) AS TEXT) FROM DeviceNetworkEvents",
    );
    let last: Ticks = last[0].parse().expect("a time");
    assert!((now - clock::DAY..=now).contains(&last));
}

#[test]
fn who_is_disabled_signs_in_no_more() {
    let mut world = world();
    let start = world.clock.start();
    world.advance(start).expect("the past");
    let mut tables = filled(&world);
    for person in 0..world.people.len() as u32 {
        world.accounts.change(person).disabled_since = start + 60 * MINUTE;
    }
    let now = start + 3_000 * MINUTE;
    tables.due(&|see| see(&world), now).expect("rows");
    let after = |from: Ticks| {
        texts(
            &tables,
            &format!("SELECT AccountUpn FROM EntraIdSignInEvents WHERE Timestamp >= {from} AND Timestamp > {start}"),
        )
        .len()
    };
    assert!(after(start) > 0);
    assert_eq!(after(start + 60 * MINUTE), 0);
}

use std::sync::Arc;

use super::*;
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

fn texts(tables: &Tables, sql: &str) -> Vec<String> {
    let connection = tables.engine.connection();
    let mut statement = connection.prepare(sql).expect("SQL");
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .expect("rows");
    rows.map(|r| r.expect("text")).collect()
}

#[test]
fn the_tables_tell_what_the_alerts_tell() {
    let mut world = world();
    let start = world.clock.start();
    let mut tables = Tables::new(&world).expect("tables");
    world.advance(start).expect("the past");
    let rows = tables.due(&world, start);
    tables.insert(&rows).expect("every column is there");
    for table in [
        "EmailEvents",
        "EmailUrlInfo",
        "EmailAttachmentInfo",
        "UrlClickEvents",
        "DeviceProcessEvents",
        "DeviceFileEvents",
        "DeviceNetworkEvents",
        "DeviceLogonEvents",
        "DeviceRegistryEvents",
        "DeviceEvents",
        "DeviceInfo",
        "IdentityLogonEvents",
        "CloudAppEvents",
        "EntraIdSignInEvents",
        "AlertInfo",
        "AlertEvidence",
    ] {
        assert!(tables.rows(table) > 0, "{table} is empty");
    }
    assert_eq!(
        tables.rows("EmailPostDeliveryEvents"),
        0,
        "the mail is removed later"
    );
    assert_eq!(
        tables.rows("ExposureGraphNodes"),
        0,
        "tables without a story exist, empty"
    );

    // Late evidence and later rows come with time.
    let before = tables.rows("AlertEvidence");
    let now = start + 15 * MINUTE;
    world.advance(now).expect("the story");
    let rows = tables.due(&world, now);
    assert!(rows.iter().all(|r| r.at <= now), "nothing from the future");
    tables.insert(&rows).expect("every column is there");
    assert!(tables.rows("AlertEvidence") > before + 20);
    assert_eq!(tables.rows("EmailPostDeliveryEvents"), 2);
    let alerts: i64 = world.alerts.len() as i64;
    assert_eq!(tables.rows("AlertInfo"), alerts, "each alert once");

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
    assert_eq!(
        join("ProcessCommandLine", "DeviceProcessEvents", "Process"),
        Vec::<String>::new()
    );
    assert_eq!(
        join("SHA1", "DeviceProcessEvents", "Process"),
        Vec::<String>::new()
    );
    assert_eq!(
        join("NetworkMessageId", "EmailEvents", "MailMessage"),
        Vec::<String>::new()
    );
    assert_eq!(
        join("DeviceId", "DeviceInfo", "Machine"),
        Vec::<String>::new()
    );
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
    let mut tables = Tables::new(&world).expect("tables");
    let rows = tables.due(&world, now);
    assert!(!rows.iter().any(|r| {
        r.cells
            .iter()
            .any(|(_, c)| *c == Cell::from("PSEXESVC.exe"))
    }));
}

#[test]
fn the_same_seed_tells_the_same() {
    let rows = || {
        let mut world = world();
        let now = world.clock.start() + MINUTE;
        world.advance(now).expect("the story");
        let mut tables = Tables::new(&world).expect("tables");
        format!("{:?}", tables.due(&world, now))
    };
    assert!(rows() == rows(), "two tenants of one seed differ");
}

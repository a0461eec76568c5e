//! Hunts as KQL and as the SQL that somebody who knows SQLite and this file would write by hand.
//!
//! The hand's SQL uses the engine's own functions only where SQL has no way: terms and regular
//! expressions. Both sides hand out every value of every row, and must give the same rows.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use nightjar::engine::{
    Catalog, Column, Engine, EngineError, Options, RowSink, TableDef, Value, to_text,
};
use nightjar::kql::Schema;
use rusqlite::types::Value as Cell;

/// One hunt.
pub struct Hunt {
    /// What it is typical of.
    pub name: &'static str,
    /// As an analyst writes it.
    pub kql: &'static str,
    /// By hand. `{now}` is the time of the last row, `{day}` one day before it.
    pub sql: &'static str,
}

/// The tables the hunts read.
pub const TABLES: &[&str] = &["DeviceProcessEvents", "DeviceNetworkEvents", "DeviceEvents"];

/// All of them.
pub const HUNTS: &[Hunt] = &[
    Hunt {
        name: "time and equality",
        kql: r#"DeviceProcessEvents
            | where Timestamp > ago(1d) and FileName == "powershell.exe"
            | project Timestamp, DeviceName, AccountName, ProcessCommandLine"#,
        sql: "SELECT Timestamp, DeviceName, AccountName, ProcessCommandLine FROM DeviceProcessEvents
            WHERE Timestamp > {day} AND FileName = 'powershell.exe'",
    },
    Hunt {
        name: "has",
        kql: r#"DeviceProcessEvents
            | where ProcessCommandLine has "windowstyle"
            | summarize count() by InitiatingProcessFileName"#,
        sql: "SELECT InitiatingProcessFileName, count(*) FROM DeviceProcessEvents
            WHERE ProcessCommandLine LIKE '%windowstyle%' AND k_has(ProcessCommandLine, 'windowstyle')
            GROUP BY InitiatingProcessFileName",
    },
    Hunt {
        name: "contains",
        kql: r#"DeviceProcessEvents
            | where ProcessCommandLine contains "update" or InitiatingProcessCommandLine contains "-nop"
            | summarize Runs = count() by FileName"#,
        sql: "SELECT FileName, count(*) FROM DeviceProcessEvents
            WHERE ProcessCommandLine LIKE '%update%' OR InitiatingProcessCommandLine LIKE '%-nop%'
            GROUP BY FileName",
    },
    Hunt {
        name: "regex",
        kql: r#"DeviceProcessEvents
            | where FileName =~ "powershell.exe"
            | where ProcessCommandLine matches regex @"(?i)-e(nc|ncodedcommand)?\s+[a-z0-9+/=]{20,}|-File\s+\S+\.ps1"
            | summarize count() by DeviceId"#,
        sql: r"SELECT DeviceId, count(*) FROM DeviceProcessEvents
            WHERE FileName = 'powershell.exe' COLLATE NOCASE
              AND k_regex(ProcessCommandLine, '(?i)-e(nc|ncodedcommand)?\s+[a-z0-9+/=]{20,}|-File\s+\S+\.ps1')
            GROUP BY DeviceId",
    },
    Hunt {
        name: "summarize by bin",
        kql: "DeviceProcessEvents | summarize Runs = count() by bin(Timestamp, 1h), ActionType",
        sql: "SELECT Timestamp - Timestamp % 36000000000, ActionType, count(*) FROM DeviceProcessEvents GROUP BY 1, 2",
    },
    Hunt {
        name: "dcount",
        kql: r"DeviceProcessEvents
            | where Timestamp > ago(7d)
            | summarize Devices = dcount(DeviceId), Runs = count() by FileName
            | where Devices < 5",
        sql: "SELECT FileName, count(DISTINCT DeviceId) AS d, count(*) FROM DeviceProcessEvents
            WHERE Timestamp > {now} - 7 * 864000000000 GROUP BY FileName HAVING d < 5",
    },
    Hunt {
        name: "process joined with network",
        kql: r#"DeviceProcessEvents
            | where Timestamp > ago(3d) and FileName =~ "powershell.exe"
            | join kind=inner (DeviceNetworkEvents | where Timestamp > ago(3d) and RemotePort == 443)
                on DeviceId, $left.ProcessId == $right.InitiatingProcessId
            | summarize Connections = count(), Last = max(Timestamp1) by RemoteUrl, DeviceName"#,
        sql: "SELECT n.RemoteUrl, p.DeviceName, count(*), max(n.Timestamp)
            FROM DeviceProcessEvents p JOIN DeviceNetworkEvents n
              ON n.DeviceId = p.DeviceId AND n.InitiatingProcessId = p.ProcessId
            WHERE p.Timestamp > {now} - 3 * 864000000000 AND p.FileName = 'powershell.exe' COLLATE NOCASE
              AND n.Timestamp > {now} - 3 * 864000000000 AND n.RemotePort = 443
            GROUP BY 1, 2",
    },
    Hunt {
        name: "arg_max",
        kql: r#"DeviceProcessEvents
            | where FileName == "MpCmdRun.exe"
            | summarize arg_max(Timestamp, ProcessCommandLine, AccountName) by DeviceId"#,
        sql: "SELECT DeviceId, max(Timestamp), ProcessCommandLine, AccountName FROM DeviceProcessEvents
            WHERE FileName = 'MpCmdRun.exe' GROUP BY DeviceId",
    },
    Hunt {
        name: "mv-expand",
        kql: r#"DeviceEvents
            | where ActionType == "DnsQueryResponse"
            | extend Results = parse_json(AdditionalFields).DnsQueryResult
            | mv-expand Results
            | summarize count() by Address = tostring(Results.Result)"#,
        sql: "SELECT coalesce(r.value ->> '$.Result', ''), count(*)
            FROM DeviceEvents, json_each(AdditionalFields, '$.DnsQueryResult') r
            WHERE ActionType = 'DnsQueryResponse' GROUP BY 1",
    },
    Hunt {
        name: "top",
        kql: "DeviceProcessEvents
            | top 100 by ProcessCreationTime desc
            | project ProcessCreationTime, DeviceName, FileName, FileSize, SHA1",
        sql: "SELECT ProcessCreationTime, DeviceName, FileName, FileSize, SHA1 FROM DeviceProcessEvents
            ORDER BY ProcessCreationTime DESC LIMIT 100",
    },
    Hunt {
        name: "make_set",
        kql: r"DeviceProcessEvents
            | where Timestamp > ago(7d)
            | summarize Programs = make_set(FileName) by DeviceName
            | extend Count = array_length(Programs)
            | project DeviceName, Count",
        sql: "SELECT DeviceName, json_array_length(json_group_array(DISTINCT FileName)) FROM DeviceProcessEvents
            WHERE Timestamp > {now} - 7 * 864000000000 GROUP BY DeviceName",
    },
    Hunt {
        name: "parse_json",
        kql: r#"DeviceEvents
            | extend Fields = parse_json(AdditionalFields)
            | where tostring(Fields.Command) startswith "Get-" or tolong(Fields.DesiredAccess) > 0
            | summarize count() by Command = tostring(Fields.Command), ActionType"#,
        sql: "SELECT coalesce(AdditionalFields ->> '$.Command', ''), ActionType, count(*) FROM DeviceEvents
            WHERE AdditionalFields <> ''
              AND (AdditionalFields ->> '$.Command' LIKE 'Get-%' OR AdditionalFields ->> '$.DesiredAccess' > 0)
            GROUP BY 1, 2",
    },
];

/// The tables over a file whose tables are in the engine's own form.
pub fn catalog() -> Catalog {
    let schema = Schema::hunting();
    let tables = schema.tables().iter();
    tables
        .filter(|table| TABLES.contains(&table.name.as_str()))
        .map(|table| {
            let columns = table.columns.iter().map(|c| (c.name.as_str(), c.ty));
            TableDef::native(table.name.as_str(), columns)
        })
        .collect()
}

/// Time this thread spent on a processor, which other programs do not lengthen, where the kernel tells it;
/// else time that passed.
struct Watch(Instant, Option<Duration>);

impl Watch {
    fn start() -> Self {
        Self(Instant::now(), Self::processor())
    }

    fn processor() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        let spent = text.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(spent))
    }

    fn elapsed(&self) -> Duration {
        // The kernel counts in ticks of some milliseconds: too coarse for what is short.
        const COARSE: Duration = Duration::from_millis(100);
        let passed = self.0.elapsed();
        match (self.1, Self::processor()) {
            (Some(before), Some(now)) if passed > COARSE => now.saturating_sub(before),
            _ => passed,
        }
    }
}

/// Keeps what comes out.
#[derive(Default)]
struct Rows(Vec<Vec<Value>>);

impl RowSink for Rows {
    fn columns(&mut self, _: &[Column]) {}

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.0.push(row);
        ControlFlow::Continue(())
    }
}

/// How long the engine takes, and its rows as text.
pub fn by_engine(
    engine: &Engine,
    catalog: &Catalog,
    hunt: &Hunt,
    now: i64,
) -> Result<(Duration, Vec<String>), EngineError> {
    let options = Options {
        now: Some(now),
        ..Options::default()
    };
    let begun = Watch::start();
    let mut rows = Rows::default();
    engine.stream(hunt.kql, catalog, &options, &mut rows)?;
    let taken = begun.elapsed();
    let text = |row: &Vec<Value>| row.iter().map(to_text).collect::<Vec<_>>().join("\t");
    let mut texts: Vec<String> = rows.0.iter().map(text).collect();
    texts.sort();
    Ok((taken, texts))
}

/// How long the hand's SQL takes on the same connection, and its rows as text. Columns that are times
/// by the engine's result are written as times.
pub fn by_hand(
    engine: &Engine,
    catalog: &Catalog,
    hunt: &Hunt,
    now: i64,
) -> Result<(Duration, Vec<String>), EngineError> {
    let day = now - 864_000_000_000;
    let sql = hunt
        .sql
        .replace("{now}", &now.to_string())
        .replace("{day}", &day.to_string());
    let begun = Watch::start();
    let mut statement = engine.connection().prepare(&sql)?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut all: Vec<Vec<Cell>> = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((0..width).map(|i| row.get(i)).collect::<Result<_, _>>()?);
    }
    let taken = begun.elapsed();
    let mut types = nightjar::engine::ResultSet::default();
    let options = Options {
        now: Some(now),
        max_rows: Some(0),
        ..Options::default()
    };
    engine.stream(hunt.kql, catalog, &options, &mut types)?;
    let text = |row: &Vec<Cell>| {
        row.iter()
            .zip(&types.columns)
            .map(|(cell, column)| match cell {
                Cell::Null => String::new(),
                Cell::Integer(i) if column.ty == nightjar::engine::Type::DateTime => {
                    to_text(&Value::DateTime(*i))
                }
                Cell::Integer(i) => i.to_string(),
                Cell::Real(r) => to_text(&Value::Real(*r)),
                Cell::Text(t) => t.clone(),
                Cell::Blob(_) => "blob".to_owned(),
            })
            .collect::<Vec<_>>()
            .join("\t")
    };
    let mut texts: Vec<String> = all.iter().map(text).collect();
    texts.sort();
    Ok((taken, texts))
}

//! Hunting as it was before Graph: the endpoint service's query over its own tables, the XDR service's
//! over all of them, and looking up the row an alert is made from. The engine and the tables are Graph's.

use std::ops::ControlFlow;

use super::super::clock::{self, Ticks};
use super::super::graph::hunting::{query, refusal};
use super::super::http::Reply;
use super::super::json::{self, push_str};
use super::super::quirks::RetiredHunting;
use super::super::tables::names;
use super::Refusal;
use super::call::{Call, only, text};
use crate::engine::{Column, RowSink, Type, Value, to_text};
use crate::kql::schema::Schema;

/// From this day on the tenant's clock finds both endpoints ended.
const ENDS: &str = "2027-02-01";
/// The largest answer, in bytes.
const LARGEST: usize = 124_000_000;

/// Which service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Defender for Endpoint: device tables.
    Endpoint,
    /// Defender XDR: all tables.
    Xdr,
}

/// A result in the older shape: `Schema`, `Results`.
#[derive(Debug, Default)]
struct Document {
    schema: Vec<u8>,
    rows: Vec<u8>,
    columns: Vec<(String, Type)>,
    count: i64,
    too_large: bool,
}

fn net_type(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "SByte",
        Type::Int => "Int32",
        Type::Long => "Int64",
        Type::Real => "Double",
        Type::Decimal => "SqlDecimal",
        Type::DateTime => "DateTime",
        Type::TimeSpan => "TimeSpan",
        Type::Guid => "Guid",
        Type::String => "String",
        Type::Dynamic | Type::TypeLiteral | Type::Null | Type::Unknown => "Object",
    }
}

impl RowSink for Document {
    fn columns(&mut self, columns: &[Column]) {
        for column in columns {
            if !self.schema.is_empty() {
                self.schema.push(b',');
            }
            self.schema.extend_from_slice(b"{\"Name\":");
            push_str(&mut self.schema, &column.name);
            self.schema
                .extend_from_slice(format!(",\"Type\":\"{}\"}}", net_type(column.ty)).as_bytes());
            self.columns.push((column.name.clone(), column.ty));
        }
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.rows
            .extend_from_slice(if self.count == 0 { b"{" } else { b",{" });
        self.count += 1;
        for (at, (value, (name, _))) in row.iter().zip(&self.columns).enumerate() {
            if at > 0 {
                self.rows.push(b',');
            }
            push_str(&mut self.rows, name);
            self.rows.push(b':');
            push_value(&mut self.rows, value);
        }
        self.rows.push(b'}');
        self.too_large = self.rows.len() > LARGEST;
        if self.too_large {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Cells come bare here: no annotations, null for what is empty.
fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(yes) => out.push(if *yes { b'1' } else { b'0' }),
        Value::Int(n) => json::push_int(out, i64::from(*n)),
        Value::Long(n) => json::push_int(out, *n),
        Value::Real(n) if n.is_finite() => {
            out.extend_from_slice(serde_json::json!(n).to_string().as_bytes());
        }
        Value::Real(_) | Value::TimeSpan(_) => push_str(out, &to_text(value)),
        Value::Decimal(text) => out.extend_from_slice(text.as_bytes()),
        Value::DateTime(at) => push_str(out, &clock::graph(*at)),
        Value::String(text) | Value::Guid(text) => push_str(out, text),
        Value::Dynamic(text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => out.extend_from_slice(text.as_bytes()),
            Err(_) => push_str(out, text),
        },
    }
}

/// A query's failure, in this service's envelope.
fn failed(failure: super::super::graph::hunting::Failed) -> Refusal {
    let told = refusal(failure);
    let code = match told.status {
        400 => "BadRequest",
        429 => "TooManyRequests",
        _ => "InternalServerError",
    };
    let status = if told.status == 504 { 500 } else { told.status };
    let mut out = Refusal::new(status, code, told.message);
    out.why = told.why;
    out
}

/// POST a query.
pub async fn run(call: &Call<'_>, service: Service) -> Result<Reply, Refusal> {
    let over = clock::parse(ENDS).is_some_and(|end| call.now >= end);
    if over || call.tenant.quirks.retired_hunting == RetiredHunting::On {
        return Err(Refusal::new(
            410,
            "Gone",
            "This API has been retired. Use the Microsoft Graph security API runHuntingQuery instead.",
        ));
    }
    let body = call.body()?;
    let wanted = text(&body, "Query")?.to_owned();
    only(&body, &["Query"])?;
    if service == Service::Endpoint
        && let Some(table) = Schema::hunting()
            .tables()
            .iter()
            .find(|t| !t.name.starts_with("Device") && names(&wanted, &t.name))
    {
        return Err(Refusal::new(
            400,
            "BadRequest",
            format!(
                "Failed to resolve table or column expression named '{}'. Fix semantic errors in your query.",
                table.name
            ),
        ));
    }
    let document = query(call.tenant, wanted, None, Document::default())
        .await
        .map_err(failed)?;
    if document.too_large {
        return Err(Refusal::new(
            400,
            "BadRequest",
            "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and try again.",
        ));
    }
    let mut out = Vec::with_capacity(document.rows.len() + document.schema.len() + 512);
    out.push(b'{');
    if service == Service::Xdr {
        out.extend_from_slice(stats(&document).as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(b"\"Schema\":[");
    out.extend_from_slice(&document.schema);
    out.extend_from_slice(b"],\"Results\":[");
    out.extend_from_slice(&document.rows);
    out.extend_from_slice(b"]}");
    Ok(Reply::json(200, out))
}

/// `Stats`: what the query cost. A model of the result's size, so that the same query tells the same.
fn stats(document: &Document) -> String {
    let size = document.rows.len() as i64;
    let micros = 4_000 + size / 40;
    let cpu = format!(
        "00:00:{:02}.{:07}",
        micros / 1_000_000 % 60,
        micros % 1_000_000 * 10
    );
    let stats = serde_json::json!({
        "ExecutionTime": micros as f64 / 1e6,
        "resource_usage": {
            "cache": {
                "memory": { "hits": document.count, "misses": 0, "total": document.count },
                "disk": { "hits": 0, "misses": 0, "total": 0 },
            },
            "cpu": { "user": cpu, "kernel": "00:00:00", "total cpu": cpu },
            "memory": { "peak_per_node": 33_554_432 + size },
        },
        "dataset_statistics": [{ "table_row_count": document.count, "table_size": size }],
    });
    format!("\"Stats\":{stats}")
}

/// What an alert takes from the row it is made from.
#[derive(Debug, Default)]
pub struct DeviceRow {
    /// `FileName`.
    pub file: Option<String>,
    /// `FolderPath`.
    pub folder: Option<String>,
    /// `SHA1`.
    pub sha1: Option<String>,
    /// `SHA256`.
    pub sha256: Option<String>,
}

/// The tables whose rows alerts are made from.
const EVENTS: &str = "DeviceProcessEvents, DeviceNetworkEvents, DeviceFileEvents, DeviceRegistryEvents, \
                      DeviceLogonEvents, DeviceImageLoadEvents, DeviceEvents";

#[derive(Debug, Default)]
struct First(Option<Vec<Value>>);

impl RowSink for First {
    fn columns(&mut self, _: &[Column]) {}

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.0 = Some(row);
        ControlFlow::Break(())
    }
}

/// The row of a device with exactly this time and report number.
pub async fn device_row(
    call: &Call<'_>,
    at: Ticks,
    report: i64,
    device: &str,
) -> Result<Option<DeviceRow>, Refusal> {
    let wanted = format!(
        "union {EVENTS} | where ReportId == {report} and DeviceId == '{device}' and Timestamp == datetime({}) \
         | take 1 | project FileName, FolderPath, SHA1, SHA256",
        clock::defender(at)
    );
    let First(row) = query(call.tenant, wanted, Some((at, at)), First::default())
        .await
        .map_err(failed)?;
    let mut cells = match row {
        Some(row) => row.into_iter(),
        None => return Ok(None),
    };
    let mut text = || match cells.next() {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    Ok(Some(DeviceRow {
        file: text(),
        folder: text(),
        sha1: text(),
        sha256: text(),
    }))
}

//! The tables of the cached queue as data: what is kept of each object, and which table shows it.
//!
//! See `assets/local/tables.toml`. Where the hunting schema has columns that the cache lacks, the table
//! has them too, typed and empty.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::engine::time::{self, parse_datetime};
use crate::engine::{Type, Value};
use crate::kql::Schema;

/// The columns an SLA gives an incident: made when they are read, for the settings may change.
pub(super) const SLA: [(&str, Type); 2] =
    [("SlaTarget", Type::TimeSpan), ("SlaDue", Type::DateTime)];

/// Everything that is known of the queue's tables.
pub(super) static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let text = include_str!("../../../assets/local/tables.toml");
    Tables::read(text).unwrap_or_else(|why| unreachable!("assets/local/tables.toml: {why}"))
});

/// What a file of tables says.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "tables are what it holds")]
pub(super) struct Tables {
    /// What is kept of each kind of object, by the kind's name; `evidence` among them.
    pub(super) rows: BTreeMap<String, Vec<Kept>>,
    /// The tables in their order.
    pub(super) tables: Vec<Table>,
    evidence: BTreeMap<String, Vec<Kept>>,
    entities: BTreeMap<String, String>,
    products: BTreeMap<String, String>,
}

/// A column of a kind of rows.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) ty: Type,
    from: Vec<String>,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Capital,
    Product,
    Json,
    Count,
}

/// A table of the queue.
#[derive(Debug, Deserialize)]
pub(super) struct Table {
    /// Its name in queries.
    pub(super) name: String,
    /// Which kind of rows it shows.
    pub(super) rows: String,
    /// It has the columns of the hunting schema's table of its name, in their order.
    #[serde(default)]
    pub(super) schema: bool,
    /// What it holds, and what it cannot.
    pub(super) about: String,
}

#[derive(Deserialize)]
struct File {
    rows: BTreeMap<String, Rows>,
    evidence: BTreeMap<String, BTreeMap<String, String>>,
    entities: BTreeMap<String, String>,
    products: BTreeMap<String, String>,
    table: Vec<Table>,
}

#[derive(Deserialize)]
struct Rows {
    columns: Vec<String>,
}

impl Tables {
    fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|why| why.to_string())?;
        let mut rows = BTreeMap::new();
        for (kind, columns) in file.rows {
            let columns = columns.columns.iter();
            let columns = columns.map(|spec| Kept::read(spec).ok_or_else(|| format!("{spec:?}")));
            rows.insert(kind, columns.collect::<Result<Vec<_>, _>>()?);
        }
        let documented = Schema::hunting()
            .table("AlertEvidence")
            .ok_or("the hunting schema has no AlertEvidence")?;
        let mut evidence = BTreeMap::new();
        let mut all: Vec<Kept> = Vec::new();
        for (kind, columns) in file.evidence {
            let mut kept = Vec::new();
            for (name, from) in columns {
                let known = documented.columns.iter().find(|it| it.name == name);
                let ty = known.ok_or_else(|| format!("no column {name}"))?.ty;
                let from = from.split('|').map(str::to_owned).collect();
                let form = Form::Plain;
                kept.push(Kept {
                    name,
                    ty,
                    from,
                    form,
                });
            }
            for column in &kept {
                if all.iter().all(|it| it.name != column.name) {
                    all.push(column.clone());
                }
            }
            evidence.insert(kind, kept);
        }
        all.push(Kept {
            name: "AdditionalFields".to_owned(),
            ty: Type::String,
            from: Vec::new(),
            form: Form::Json,
        });
        rows.insert("evidence".to_owned(), all);
        Ok(Self {
            rows,
            tables: file.table,
            evidence,
            entities: file.entities,
            products: file.products,
        })
    }

    /// What is kept of a kind of object.
    pub(super) fn kept(&self, kind: &str) -> &[Kept] {
        self.rows.get(kind).map_or(&[], Vec::as_slice)
    }

    /// What the table of this name holds, in words.
    pub(super) fn about(&self, name: &str) -> Option<&str> {
        let table = self.tables.iter().find(|table| table.name == name)?;
        Some(&table.about)
    }

    /// The values kept of an object, in the order of its kind's columns.
    pub(super) fn values(&self, kind: &str, object: &Json) -> Vec<Value> {
        let columns = self.kept(kind).iter();
        columns.map(|column| self.value(column, object)).collect()
    }

    /// The values kept of an entity of an alert. `json` is it as the service sent it.
    pub(super) fn entity(&self, item: &Json, json: &str) -> Vec<Value> {
        let kind = item["@odata.type"].as_str().unwrap_or_default();
        let kind = kind.rsplit('.').next().unwrap_or(kind);
        let kind = kind.strip_suffix("Evidence").unwrap_or(kind);
        let own = self.evidence.get(kind);
        let every = self.evidence.get("every");
        let columns = self.kept("evidence").iter();
        columns
            .map(|column| match column.name.as_str() {
                "EntityType" => {
                    let known = self.entities.get(kind).cloned();
                    Value::String(known.unwrap_or_else(|| capital(kind)))
                }
                // As the portal words it: what was attacked, or what it came with.
                "EvidenceRole" => {
                    let verdict = item["verdict"].as_str().unwrap_or("unknown");
                    let related = verdict.is_empty() || verdict == "unknown";
                    Value::String(if related { "Related" } else { "Impacted" }.to_owned())
                }
                "AdditionalFields" => Value::String(match own {
                    Some(_) => String::new(),
                    None => json.to_owned(),
                }),
                name => {
                    let mut sets = [own, every].into_iter().flatten();
                    let found = sets.find_map(|set| set.iter().find(|it| it.name == name));
                    found.map_or_else(|| empty(column.ty), |column| self.value(column, item))
                }
            })
            .collect()
    }

    fn value(&self, column: &Kept, object: &Json) -> Value {
        let mut found = column.from.iter().map(|path| at(object, path));
        let found = found.find(|it| !it.is_null() && it.as_str() != Some(""));
        let found = found.unwrap_or(&Json::Null);
        match column.form {
            Form::Plain => of(found, column.ty),
            Form::Capital => Value::String(capital(found.as_str().unwrap_or_default())),
            Form::Product => {
                let word = found.as_str().unwrap_or_default();
                let known = self.products.get(word).map(String::as_str);
                Value::String(known.unwrap_or(word).to_owned())
            }
            Form::Json => Value::String(match found {
                Json::Null => String::new(),
                Json::String(one) => Json::from(vec![one.as_str()]).to_string(),
                other => other.to_string(),
            }),
            Form::Count => Value::Long(found.as_array().map_or(0, Vec::len) as i64),
        }
    }
}

impl Kept {
    fn read(spec: &str) -> Option<Self> {
        let mut words = spec.split_whitespace();
        let name = words.next()?;
        let ty = Type::from_name(words.next()?)?;
        let from = words.next()?.split('|').map(str::to_owned).collect();
        let form = match words.next() {
            None => Form::Plain,
            Some("capital") => Form::Capital,
            Some("product") => Form::Product,
            Some("json") => Form::Json,
            Some("count") => Form::Count,
            Some(_) => return None,
        };
        Some(Self {
            name: name.to_owned(),
            ty,
            from,
            form,
        })
    }
}

/// The empty value of a type: null, but for strings, which have none.
pub(super) fn empty(ty: Type) -> Value {
    match ty {
        Type::String => Value::String(String::new()),
        _ => Value::Null,
    }
}

fn at<'j>(object: &'j Json, path: &str) -> &'j Json {
    path.split('.')
        .fold(object, |here, step| match step.parse::<usize>() {
            Ok(place) => here.get(place).unwrap_or(&Json::Null),
            Err(_) => here.get(step).unwrap_or(&Json::Null),
        })
}

fn of(found: &Json, ty: Type) -> Value {
    match (ty, found) {
        (Type::String, Json::String(text)) => Value::String(text.clone()),
        (Type::String, Json::Null) => Value::String(String::new()),
        (Type::String, other) => Value::String(other.to_string()),
        (_, Json::Null) => Value::Null,
        (Type::DateTime, Json::String(text)) => {
            parse_datetime(text).map_or(Value::Null, Value::DateTime)
        }
        (Type::Int, number) => number
            .as_i64()
            .and_then(|it| i32::try_from(it).ok())
            .map_or(Value::Null, Value::Int),
        (Type::Long, number) => number.as_i64().map_or(Value::Null, Value::Long),
        (Type::Dynamic, value) => Value::Dynamic(value.to_string()),
        _ => Value::Null,
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Ticks of a moment.
pub(super) fn ticks(at: crate::domain::Timestamp) -> i64 {
    let since = at.as_nanosecond() / 100 + i128::from(time::UNIX_EPOCH);
    i64::try_from(since)
        .unwrap_or(0)
        .clamp(0, time::MAX_DATETIME)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(kind: &str, values: &[Value], name: &str) -> Value {
        let at = TABLES.kept(kind).iter().position(|it| it.name == name);
        values[at.expect("a column")].clone()
    }

    #[test]
    fn every_table_shows_rows_that_are_kept() {
        for table in &TABLES.tables {
            assert!(!TABLES.kept(&table.rows).is_empty(), "{}", table.name);
            if table.schema {
                assert!(Schema::hunting().table(&table.name).is_some());
            }
            assert!(TABLES.about(&table.name).is_some());
        }
    }

    #[test]
    fn an_alert_reads_as_the_hunting_schema_has_it() {
        let alert = json!({"id": "a1", "severity": "high", "serviceSource": "microsoftDefenderForEndpoint",
            "categories": ["Execution", "Impact"], "createdDateTime": "2026-08-19T07:02:11.4133333Z",
            "mitreTechniques": ["T1059"], "evidence": [{}, {}], "detectionSource": null});
        let values = TABLES.values("alert", &alert);
        let text = |name: &str| match named("alert", &values, name) {
            Value::String(text) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(text("Severity"), "High");
        assert_eq!(text("ServiceSource"), "Microsoft Defender for Endpoint");
        assert_eq!(text("Category"), "Execution");
        assert_eq!(text("AttackTechniques"), r#"["T1059"]"#);
        assert_eq!(text("DetectionSource"), "");
        assert_eq!(named("alert", &values, "EvidenceCount"), Value::Long(2));
        assert_eq!(named("alert", &values, "ResolvedTime"), Value::Null);
        let at = "2026-08-19T07:02:11.4133333Z".parse().expect("a time");
        assert_eq!(
            named("alert", &values, "Timestamp"),
            Value::DateTime(ticks(at))
        );
    }

    #[test]
    fn an_entity_of_an_unknown_kind_keeps_all_it_came_with() {
        let odd = json!({"@odata.type": "#microsoft.graph.security.toasterEvidence", "heat": 3});
        let values = TABLES.entity(&odd, "{whole}");
        assert_eq!(
            named("evidence", &values, "EntityType"),
            Value::String("Toaster".into())
        );
        assert_eq!(
            named("evidence", &values, "AdditionalFields"),
            Value::String("{whole}".into())
        );
        assert_eq!(named("evidence", &values, "FileSize"), Value::Null);
        let process = json!({"@odata.type": "#microsoft.graph.security.processEvidence", "mdeDeviceId": "d",
            "verdict": "malicious", "imageFile": {"fileName": "a.exe", "fileSize": 7}});
        let values = TABLES.entity(&process, "{whole}");
        let of = |name| named("evidence", &values, name);
        assert_eq!(of("FileName"), Value::String("a.exe".into()));
        assert_eq!(of("FileSize"), Value::Long(7));
        assert_eq!(of("DeviceId"), Value::String("d".into()));
        assert_eq!(of("EvidenceRole"), Value::String("Impacted".into()));
        assert_eq!(of("AdditionalFields"), Value::String(String::new()));
    }
}

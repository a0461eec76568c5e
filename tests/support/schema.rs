//! The published schema as the fact sheet has it, and comparing JSON with it property by property.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

/// Where the sheet lies, beside the repository.
const SHEET: &str = "../shared/spec/graph-security.json";

/// The schema.
pub struct Schema(pub Value);

/// What a comparison found.
#[derive(Default)]
pub struct Found {
    /// What is not as the schema says.
    pub faults: BTreeSet<String>,
    /// Types of objects met.
    pub types: BTreeSet<String>,
    /// Objects compared.
    pub objects: usize,
}

/// How a request was made.
#[derive(Clone, Copy)]
pub struct How {
    /// To the beta version.
    pub beta: bool,
    /// With `Prefer: include-unknown-enum-members`.
    pub prefer: bool,
}

/// What the tenant serves on purpose though no schema has it: clients must survive it.
const AHEAD: &[(&str, &str)] = &[("detectionSource", "agentSupervision")];

impl Schema {
    /// Reads the sheet; says so where it is absent.
    pub fn load() -> Option<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SHEET);
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(Self(
                serde_json::from_str(&text).expect("the sheet is JSON"),
            )),
            Err(error) => {
                eprintln!("skipped: {SHEET}: {error}");
                None
            }
        }
    }

    fn definition(&self, name: &str) -> Option<&Value> {
        ["evidenceTypes", "entityTypes", "complexTypes"]
            .iter()
            .find_map(|group| self.0[group].get(name))
    }

    fn base<'a>(&'a self, name: &str) -> Option<&'a str> {
        let definition = self.definition(name)?;
        definition
            .get("base")
            .or_else(|| definition.get("baseType"))
            .and_then(Value::as_str)
    }

    fn derives(&self, name: &str, from: &str) -> bool {
        name == from || self.base(name).is_some_and(|base| self.derives(base, from))
    }

    /// Own and inherited properties.
    fn properties(&self, name: &str) -> Vec<&Value> {
        let mut out: Vec<&Value> = Vec::new();
        let mut at = Some(name);
        while let Some(name) = at {
            for property in self
                .definition(name)
                .and_then(|d| d["properties"].as_array())
                .into_iter()
                .flatten()
            {
                if !out.iter().any(|p| p["name"] == property["name"]) {
                    out.push(property);
                }
            }
            at = self.base(name);
        }
        out
    }

    /// Every kind of evidence there is.
    pub fn evidence_kinds(&self) -> BTreeSet<String> {
        self.0["evidenceTypes"]
            .as_object()
            .expect("a map")
            .keys()
            .filter(|k| *k != "alertEvidence")
            .cloned()
            .collect()
    }

    /// Compares an object of a declared type.
    pub fn object(&self, declared: &str, value: &Value, at: &str, how: How, found: &mut Found) {
        let Some(map) = value.as_object() else {
            found
                .faults
                .insert(format!("{at}: no object of {declared}"));
            return;
        };
        let Some(name) = self.actual(declared, map, at, found) else {
            return;
        };
        found.objects += 1;
        found.types.insert(name.clone());
        let definition = self.definition(&name).expect("a known type");
        if definition["open"] == true {
            return;
        }
        let properties = self.properties(&name);
        for property in &properties {
            let own = property["name"].as_str().expect("a name");
            match map.get(own) {
                None if property["navigation"] == true => {}
                None if property["beta"] == true && !how.beta => {}
                None => {
                    found.faults.insert(format!("{name}.{own} is missing"));
                }
                Some(_) if property["beta"] == true && !how.beta => {
                    found
                        .faults
                        .insert(format!("{name}.{own} is of beta alone"));
                }
                Some(value) => self.property(&name, property, value, at, how, found),
            }
        }
        for key in map.keys() {
            let annotation = matches!(key.as_str(), "@odata.type" | "@odata.context");
            if !annotation && !properties.iter().any(|p| p["name"] == key.as_str()) {
                found
                    .faults
                    .insert(format!("{name}.{key} is not in the schema"));
            }
        }
    }

    /// The type an object says it is, or the one declared.
    fn actual(
        &self,
        declared: &str,
        map: &Map<String, Value>,
        at: &str,
        found: &mut Found,
    ) -> Option<String> {
        let definition = self.definition(declared);
        let open_base = matches!(declared, "alertEvidence" | "incidentTaskResponseAction")
            || definition.is_some_and(|d| d["abstract"] == true);
        let Some(said) = map.get("@odata.type") else {
            if open_base {
                found
                    .faults
                    .insert(format!("{at}: {declared} without @odata.type"));
                return None;
            }
            if definition.is_none() {
                found.faults.insert(format!("{at}: no type {declared}"));
            }
            return definition.map(|_| declared.to_owned());
        };
        let said = said.as_str().unwrap_or_default();
        let full = said.strip_prefix('#').unwrap_or_else(|| {
            found.faults.insert(format!("{at}: {said} has no #"));
            said
        });
        let short = full
            .strip_prefix("microsoft.graph.security.")
            .unwrap_or(full);
        if self.definition(short).is_none() {
            found.faults.insert(format!("{at}: no type {short}"));
            return None;
        }
        if !self.derives(short, declared) {
            found
                .faults
                .insert(format!("{at}: {short} where {declared} belongs"));
        }
        Some(short.to_owned())
    }

    fn property(
        &self,
        of: &str,
        property: &Value,
        value: &Value,
        at: &str,
        how: How,
        found: &mut Found,
    ) {
        let name = property["name"].as_str().expect("a name");
        let here = format!("{of}.{name}");
        if property["collection"] == true {
            match value {
                Value::Array(list) => {
                    for one in list {
                        self.single(&here, property, one, at, how, found);
                    }
                }
                Value::Null if property["nullable"] == true => {}
                _ => {
                    found.faults.insert(format!("{here} is no list: {value}"));
                }
            }
            return;
        }
        if value.is_null() {
            if property["nullable"] != true {
                found.faults.insert(format!("{here} is null"));
            }
            return;
        }
        self.single(&here, property, value, at, how, found);
    }

    /// Compares one value, not null, with a property or a parameter.
    pub fn single(
        &self,
        here: &str,
        property: &Value,
        value: &Value,
        at: &str,
        how: How,
        found: &mut Found,
    ) {
        let ty = property["type"].as_str().expect("a type");
        let good = match (property["kind"].as_str(), ty) {
            (Some("enum"), _) => self.member(ty, value, how),
            (Some("complex" | "entity"), _) => {
                self.object(ty, value, &format!("{at}/{here}"), how, found);
                true
            }
            (_, "String") => value.is_string(),
            (_, "Boolean") => value.is_boolean(),
            (_, "Int32") => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            (_, "Int64" | "Integer") => value.is_i64() || value.is_u64(),
            (_, "Double") => value.is_number(),
            (_, "Guid") => value.as_str().is_some_and(|t| {
                uuid::Uuid::parse_str(t).is_ok_and(|u| u.to_string() == t.to_lowercase())
            }),
            (_, "DateTimeOffset") => value.as_str().is_some_and(is_time),
            _ => false,
        };
        if !good {
            found.faults.insert(format!("{here} is no {ty}: {value}"));
        }
    }

    fn member(&self, ty: &str, value: &Value, how: How) -> bool {
        let Some(text) = value.as_str() else {
            return false;
        };
        let definition = &self.0["enums"][ty];
        let has = |list: &str, text: &str| {
            definition[list]
                .as_array()
                .is_some_and(|l| l.iter().any(|m| m == text))
        };
        let all: Vec<&str> = if definition["flags"] == true {
            text.split(',').map(str::trim).collect()
        } else {
            vec![text]
        };
        all.into_iter().all(|text| {
            if text == "unknownFutureValue" {
                return !how.prefer;
            }
            if AHEAD.contains(&(ty, text)) {
                return how.prefer;
            }
            has("members", text) && (how.prefer || !has("needsPreferHeader", text))
        })
    }
}

/// `2026-08-19T07:02:11.4133333Z`: UTC, up to seven fraction digits.
fn is_time(text: &str) -> bool {
    let Some(rest) = text.strip_suffix('Z') else {
        return false;
    };
    let (seconds, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    seconds.chars().map(shape).eq("0000-00-00T00:00:00".chars())
        && (1..=7).contains(&fraction.len())
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

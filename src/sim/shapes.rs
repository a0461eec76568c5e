//! What evidence is made of, by the published schema: checks what a scenario says of an entity and
//! completes it, so that everything served has every property of its kind.
//!
//! Knows the table in `assets/sim/evidence.txt` and nothing of stories.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::clock;
use crate::kql::diagnostics::nearest;

/// The table, as text.
const TABLE: &str = include_str!("../../assets/sim/evidence.txt");

/// One property of a type.
#[derive(Debug)]
pub struct Property {
    /// Its name, spelled as it is sent.
    pub name: &'static str,
    ty: &'static str,
    collection: bool,
    nullable: bool,
}

/// Every kind of evidence, every type inside it, every enumeration.
#[derive(Debug, Default)]
pub struct Shapes {
    evidence: HashMap<&'static str, Vec<Property>>,
    complex: HashMap<&'static str, Vec<Property>>,
    enums: HashMap<&'static str, Vec<&'static str>>,
}

/// The base type: evidence declared as this must name its kind.
const BASE: &str = "alertEvidence";

/// Evidence holds evidence (a pod its containers, a container its pod): deeper than this is a circle.
const DEEPEST: usize = 8;

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::read(TABLE));

/// The published schema's shapes.
pub fn shapes() -> &'static Shapes {
    &SHAPES
}

fn property(text: &'static str) -> Option<Property> {
    let (name, ty) = text.split_once(':')?;
    let (ty, nullable) = ty.strip_suffix('!').map_or((ty, true), |ty| (ty, false));
    let inner = ty.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    Some(Property {
        name,
        ty: inner.unwrap_or(ty),
        collection: inner.is_some(),
        nullable,
    })
}

impl Shapes {
    fn read(text: &'static str) -> Self {
        let mut shapes = Self::default();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let mut words = line.split_ascii_whitespace();
            let (Some(what), Some(name)) = (words.next(), words.next()) else {
                continue;
            };
            match what {
                "evidence" => {
                    shapes
                        .evidence
                        .insert(name, words.filter_map(property).collect());
                }
                "complex" => {
                    shapes
                        .complex
                        .insert(name, words.filter_map(property).collect());
                }
                _ => {
                    shapes.enums.insert(name, words.collect());
                }
            }
        }
        shapes
    }

    /// Every kind of evidence, the base type left out.
    #[cfg(test)]
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.evidence.keys().copied().filter(|kind| *kind != BASE)
    }

    /// Whether an enumeration has a member. Members of no enumeration pass.
    pub fn member(&self, of: &str, member: &str) -> Result<(), String> {
        let Some(members) = self.enums.get(of) else {
            return Ok(());
        };
        if member != "unknownFutureValue" && members.contains(&member) {
            return Ok(());
        }
        Err(format!(
            "{of} has no member {member}{}",
            meant(member, members.iter().copied())
        ))
    }

    /// Checks the own properties of a kind and adds those that are not given. `base` is what
    /// evidence inside it begins with.
    pub fn complete(
        &self,
        kind: &str,
        own: &mut Map<String, Value>,
        base: &Map<String, Value>,
    ) -> Result<(), String> {
        let Some(properties) = self.evidence.get(kind).filter(|_| kind != BASE) else {
            let kinds = self.evidence.keys().copied().filter(|k| *k != BASE);
            return Err(format!(
                "no kind of evidence is called {kind}{}",
                meant(kind, kinds)
            ));
        };
        self.fill(kind, properties, own, base, 0)
    }

    fn fill(
        &self,
        of: &str,
        properties: &[Property],
        map: &mut Map<String, Value>,
        base: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), String> {
        for name in map.keys() {
            if !properties.iter().any(|p| p.name == name) {
                return Err(format!(
                    "{of} has no property {name}{}",
                    meant(name, properties.iter().map(|p| p.name))
                ));
            }
        }
        for property in properties {
            let place = || format!("{of}.{}", property.name);
            match map.get_mut(property.name) {
                None if property.collection => {
                    map.insert(property.name.into(), Value::Array(Vec::new()));
                }
                None if property.nullable => {
                    map.insert(property.name.into(), Value::Null);
                }
                None => return Err(format!("{} must be given", place())),
                Some(Value::Null) if property.nullable && !property.collection => {}
                Some(Value::Array(items)) if property.collection => {
                    for item in items {
                        self.value(item, property.ty, &place, base, depth)?;
                    }
                }
                Some(other) if property.collection => {
                    return Err(format!("{} is a list, not {other}", place()));
                }
                Some(value) => self.value(value, property.ty, &place, base, depth)?,
            }
        }
        Ok(())
    }

    fn value(
        &self,
        value: &mut Value,
        ty: &str,
        place: &dyn Fn() -> String,
        base: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("{}: evidence goes around in a circle", place()));
        }
        let fits = match ty {
            "String" => value.is_string(),
            "Guid" => value
                .as_str()
                .is_some_and(|t| super::ids::parse_guid(t).is_some()),
            "Boolean" => value.is_boolean(),
            "Int32" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            "Int64" => value.is_i64(),
            "Double" => value.is_number(),
            "DateTimeOffset" => value
                .as_str()
                .is_some_and(|t| t.ends_with('Z') && clock::parse(t).is_some()),
            "dictionary" => value
                .as_object()
                .is_some_and(|map| map.values().all(Value::is_string)),
            _ if self.enums.contains_key(ty) => {
                let member = value
                    .as_str()
                    .ok_or_else(|| format!("{}: {value} is no {ty}", place()))?;
                return self
                    .member(ty, member)
                    .map_err(|e| format!("{}: {e}", place()));
            }
            _ => return self.inside(value, ty, place, base, depth),
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{}: {value} is no {ty}", place()))
        }
    }

    /// An object inside evidence: other evidence, or a type of its own.
    fn inside(
        &self,
        value: &mut Value,
        ty: &str,
        place: &dyn Fn() -> String,
        base: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), String> {
        let shown = value.to_string();
        let map = value
            .as_object_mut()
            .ok_or_else(|| format!("{}: {shown} is no {ty}", place()))?;
        if let Some(properties) = self.complex.get(ty) {
            return self
                .fill(ty, properties, map, base, depth + 1)
                .map_err(|e| format!("{}: {e}", place()));
        }
        // What was made from another entity says which kind it is, and is complete.
        let kind = map.get("@odata.type").and_then(Value::as_str).map(|t| {
            t.trim_start_matches("#microsoft.graph.security.")
                .to_owned()
        });
        match kind {
            // Declared as the base type: only its own word says what it is.
            Some(_) if ty == BASE => Ok(()),
            Some(kind) if kind == ty => {
                map.shift_remove("@odata.type");
                Ok(())
            }
            Some(kind) => Err(format!("{}: a {kind} where a {ty} belongs", place())),
            None if ty == BASE => Err(format!("{}: refer to an entity with @nested", place())),
            None => {
                let properties = self
                    .evidence
                    .get(ty)
                    .ok_or_else(|| format!("{}: nothing is known of {ty}", place()))?;
                let mut own = std::mem::take(map);
                self.fill(ty, properties, &mut own, base, depth + 1)
                    .map_err(|e| format!("{}: {e}", place()))?;
                map.clone_from(base);
                map.extend(own);
                Ok(())
            }
        }
    }
}

/// `; did you mean …?`, when there is something near.
fn meant<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn completed(kind: &str, own: Value) -> Result<Value, String> {
        let Value::Object(mut own) = own else {
            return Err("no object".into());
        };
        let base = json!({"verdict": "unknown"});
        shapes().complete(kind, &mut own, base.as_object().expect("an object"))?;
        Ok(Value::Object(own))
    }

    #[test]
    fn what_is_not_given_is_null_or_empty_and_what_is_inside_is_complete() {
        assert_eq!(shapes().kinds().count(), 48);
        let url = completed("urlEvidence", json!({})).expect("fits");
        assert_eq!(url, json!({"url": null}));
        let dns = completed(
            "dnsEvidence",
            json!({"domainName": "a.example", "hostIpAddress": {"ipAddress": "192.0.2.1"}}),
        )
        .expect("fits");
        assert_eq!(dns["ipAddresses"], json!([]));
        assert_eq!(dns["dnsServerIp"], Value::Null);
        assert_eq!(
            dns["hostIpAddress"],
            json!({"verdict": "unknown", "ipAddress": "192.0.2.1", "countryLetterCode": null,
                   "location": null, "stream": null})
        );
    }

    #[test]
    fn mistakes_are_told_with_the_place_and_the_nearest_name() {
        for (kind, own, said) in [
            ("urlEvidense", json!({}), "did you mean urlEvidence?"),
            (
                "urlEvidence",
                json!({"ulr": "x"}),
                "urlEvidence has no property ulr; did you mean url?",
            ),
            (
                "urlEvidence",
                json!({"url": 5}),
                "urlEvidence.url: 5 is no String",
            ),
            (
                "nicEvidence",
                json!({"vlans": "7"}),
                "nicEvidence.vlans is a list",
            ),
            (
                "fileHashEvidence",
                json!({}),
                "fileHashEvidence.algorithm must be given",
            ),
            (
                "fileHashEvidence",
                json!({"algorithm": "sha265"}),
                "fileHashAlgorithm has no member sha265; did you mean sha256?",
            ),
            (
                "nicEvidence",
                json!({"ipAddress": {"adress": "x"}}),
                "nicEvidence.ipAddress: ipEvidence has no property adress",
            ),
            (
                "kubernetesClusterEvidence",
                json!({"cloudResource": {"resourceId": "x"}}),
                "refer to an entity",
            ),
        ] {
            let error = completed(kind, own).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
    }
}

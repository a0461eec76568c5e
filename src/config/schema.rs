//! The JSON schema of the configuration file, made from the tables of settings.

use serde_json::{Map, Value, json};

use super::fields::{self, Field, Shape};

pub(super) fn text() -> String {
    let mut properties = properties(fields::ROOT);
    properties.insert(
        "profiles".to_owned(),
        json!({
            "type": "object",
            "description": "One table a tenant: [profiles.NAME].",
            "propertyNames": { "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$" },
            "additionalProperties": table(fields::PROFILE),
        }),
    );
    for (name, fields) in fields::TABLES {
        properties.insert((*name).to_owned(), table(fields));
    }
    let keys = json!({ "type": "string", "minLength": 1 });
    properties.insert(
        "keys".to_owned(),
        json!({
            "type": "object",
            "description": "Key bindings: [keys.SCOPE] \"command\" = [\"key\", …]; [] takes the keys away.",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": {
                    "anyOf": [keys, { "type": "array", "items": keys }],
                },
            },
        }),
    );
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "nightjar configuration",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    format!("{schema:#}\n")
}

fn table(fields: &[Field]) -> Value {
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let mut table = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties(fields),
    });
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

fn properties(fields: &[Field]) -> Map<String, Value> {
    fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field)))
        .collect()
}

fn property(field: &Field) -> Value {
    let mut property = match field.shape {
        Shape::Text | Shape::Tenant | Shape::File => json!({ "type": "string", "minLength": 1 }),
        Shape::Names => {
            let name = json!({ "type": "string", "minLength": 1 });
            json!({ "anyOf": [name, { "type": "array", "items": name }] })
        }
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Span { .. } => {
            json!({ "type": "string", "pattern": "^\\s*([0-9]+[dhmsDHMS]\\s*)+$" })
        }
        Shape::Count { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Choice(words) => json!({ "enum": words() }),
        Shape::Guid => json!({ "type": "string", "format": "uuid" }),
        Shape::Address => json!({ "type": "string", "format": "uri" }),
        Shape::Audience => json!({ "type": "string" }),
        Shape::Secret => json!({
            "oneOf": [
                secret("env", json!({ "type": "string" })),
                secret("file", json!({ "type": "string" })),
                secret("command", json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })),
                secret("prompt", json!({ "const": true })),
                { "type": "string", "description": "For a tenant simulated on this machine alone." },
            ],
        }),
    };
    let mut about = field.about.to_owned();
    if matches!(field.shape, Shape::Span { .. }) {
        about = format!("{about} Expected {}.", field.shape.expected());
    }
    property["description"] = json!(about);
    match (field.shape, field.default) {
        (_, "") => {}
        (Shape::Count { .. }, default) => {
            property["default"] = json!(default.parse::<u64>().unwrap_or_default());
        }
        (Shape::Flag, default) => property["default"] = json!(default == "true"),
        (_, default) => property["default"] = json!(default),
    }
    property
}

fn secret(place: &str, value: Value) -> Value {
    json!({
        "type": "object",
        "properties": { place: value },
        "required": [place],
        "additionalProperties": false,
    })
}

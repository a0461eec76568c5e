//! Reading what clients send: objects, comments, members, flags; refusals in the service's words.

use serde_json::{Map, Value};

use super::super::http::Ask;
use super::super::odata;
use super::super::quirks::ClassificationPairs;
use super::super::words::{self, CLASSIFICATION, DETERMINATION};
use super::Refusal;

fn unreadable() -> Refusal {
    Refusal::bad(
        "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
    )
}

/// Reads a JSON object from a body.
pub fn object(ask: &Ask) -> Result<Map<String, Value>, Refusal> {
    if ask.body.is_empty() {
        return Err(Refusal::bad("Empty Payload. JSON content expected."));
    }
    match serde_json::from_slice(&ask.body) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(unreadable()),
    }
}

/// An operation's parameters: an object whose names are matched without regard to case, and which has
/// no others.
pub fn parameters(ask: &Ask, names: &[&'static str]) -> Result<Map<String, Value>, Refusal> {
    let mut out = Map::new();
    for (name, value) in object(ask)? {
        if name.contains("@odata.") {
            continue;
        }
        let known = names
            .iter()
            .find(|n| n.eq_ignore_ascii_case(&name))
            .ok_or_else(|| {
                Refusal::bad(format!(
                    "The parameter '{name}' in the request payload is not a valid parameter for the operation."
                ))
            })?;
        out.insert((*known).into(), value);
    }
    Ok(out)
}

fn mistyped(name: &str, expected: &str) -> Refusal {
    Refusal::bad(format!(
        "Cannot convert the literal of property '{name}' to the expected type '{expected}'."
    ))
}

/// A parameter that must be a list of texts and not empty.
pub fn texts(body: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refusal> {
    let wrong = || mistyped(name, "Collection(Edm.String)");
    let list = match body.get(name) {
        None | Some(Value::Null) => {
            return Err(Refusal::bad(format!("The {name} parameter is required.")));
        }
        Some(value) => value.as_array().ok_or_else(wrong)?,
    };
    if list.is_empty() {
        return Err(Refusal::bad(format!("The {name} parameter is empty.")));
    }
    list.iter()
        .map(|v| v.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

/// A parameter that is a text, null or absent.
pub fn optional_text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    body.get(name)
        .map_or(Ok(None), |value| text_or_null(name, value))
}

/// A parameter that must be a text.
pub fn required_text(body: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    optional_text(body, name)?
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| Refusal::bad(format!("The {name} parameter is required.")))
}

fn no_member(text: &str, of: &str) -> Refusal {
    Refusal::bad(format!(
        "Requested value '{text}' was not found. Cannot convert it to the expected type 'microsoft.graph.security.{of}'."
    ))
}

/// A parameter that must be a member of an enumeration.
pub fn required_member(
    body: &Map<String, Value>,
    name: &str,
    members: &'static [&'static str],
    of: &str,
) -> Result<&'static str, Refusal> {
    let text = required_text(body, name)?;
    members
        .iter()
        .find(|m| m.eq_ignore_ascii_case(&text))
        .copied()
        .ok_or_else(|| no_member(&text, of))
}

/// Flags of `correlationReason`: several members in one text, separated by commas.
pub fn check_reasons(body: &Map<String, Value>, name: &str) -> Result<(), Refusal> {
    let Some(text) = optional_text(body, name)? else {
        return Ok(());
    };
    for member in text.split(',').map(str::trim) {
        if !words::CORRELATION_REASON
            .iter()
            .any(|m| m.eq_ignore_ascii_case(member))
        {
            return Err(no_member(member, "correlationReason"));
        }
    }
    Ok(())
}

/// The longest comment.
const LONGEST_COMMENT: usize = 30_000;

/// Checks a comment's text.
pub fn check_comment(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::bad("Comment cannot be empty."));
    }
    if text.chars().count() > LONGEST_COMMENT {
        return Err(Refusal::bad(format!(
            "Comment is too long: at most {LONGEST_COMMENT} characters are allowed."
        )));
    }
    Ok(())
}

/// The texts of a posted comment: one object, or (as generated clients send it) an array of them.
pub fn comments(ask: &Ask) -> Result<Vec<String>, Refusal> {
    let body: Value = serde_json::from_slice(&ask.body).map_err(|_| unreadable())?;
    let list = match body {
        Value::Array(list) => list,
        other => vec![other],
    };
    if list.is_empty() {
        return Err(Refusal::bad("Comment cannot be empty."));
    }
    list.iter()
        .map(|comment| {
            let kind = comment.get("@odata.type").and_then(Value::as_str);
            if let Some(kind) = kind
                && kind.trim_start_matches('#') != "microsoft.graph.security.alertComment"
            {
                return Err(Refusal::bad(format!(
                    "A type named '{kind}' could not be resolved by the model. When a model is available, each type name must resolve to a valid type."
                )));
            }
            let text = match comment.get("comment") {
                Some(Value::String(text)) => text.clone(),
                None | Some(Value::Null) => String::new(),
                Some(_) => return Err(mistyped("comment", "Edm.String")),
            };
            check_comment(&text)?;
            Ok(text)
        })
        .collect()
}

/// The value of a member in a PATCH, checked.
pub fn member(
    name: &str,
    value: &Value,
    members: &[&str],
    writable: &[&str],
    of: &str,
) -> Result<u8, Refusal> {
    let text = value.as_str().unwrap_or_default();
    let place = words::place(members, text).ok_or_else(|| no_member(text, of))?;
    let member = members[place as usize];
    if !writable.is_empty() && !writable.contains(&member) {
        return Err(Refusal::bad(format!(
            "The value '{member}' of property '{name}' is set by the service and cannot be written."
        )));
    }
    Ok(place)
}

/// Determinations the portal offers with a classification (fact sheet, "Classification and determination").
const PAIRS: &[(&str, &[&str])] = &[
    (
        "truePositive",
        &[
            "multiStagedAttack",
            "maliciousUserActivity",
            "compromisedAccount",
            "malware",
            "phishing",
            "unwantedSoftware",
            "other",
        ],
    ),
    (
        "informationalExpectedActivity",
        &[
            "securityTesting",
            "lineOfBusinessApplication",
            "confirmedActivity",
            "other",
        ],
    ),
    (
        "falsePositive",
        &["notMalicious", "notEnoughDataToValidate", "other"],
    ),
];

/// Members that go with every classification.
const ANYWHERE: &[&str] = &["", "unknown", "apt", "securityPersonnel"];

/// Whether a classification and a determination may stand together, where somebody looks.
pub fn check_pair(
    quirk: ClassificationPairs,
    classification: u8,
    determination: u8,
) -> Result<(), Refusal> {
    let (class, why) = (
        CLASSIFICATION[classification as usize],
        DETERMINATION[determination as usize],
    );
    let listed = PAIRS
        .iter()
        .find(|(c, _)| *c == class)
        .is_none_or(|(_, list)| list.contains(&why));
    if quirk == ClassificationPairs::Unchecked || listed || ANYWHERE.contains(&why) {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "The determination '{why}' is not valid for the classification '{class}'."
    )))
}

/// An assignee in a PATCH: a text, or null (or nothing) for nobody.
pub fn assignee(value: &Value) -> Result<&str, Refusal> {
    match value {
        Value::Null => Ok(""),
        Value::String(text) => Ok(text.trim()),
        _ => Err(mistyped("assignedTo", "Edm.String")),
    }
}

/// A text in a PATCH.
pub fn text_or_null(name: &str, value: &Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(mistyped(name, "Edm.String")),
    }
}

/// The refusal of a property that is not written by clients.
pub fn not_writable(name: &str, of: odata::Type) -> Refusal {
    if of.properties.iter().any(|p| p.name == name) {
        Refusal::bad(format!(
            "The property '{name}' on type '{}' is read-only and cannot be updated.",
            of.name
        ))
    } else {
        Refusal::bad(format!(
            "The property '{name}' does not exist on type '{}'. Make sure to only use property names that are defined by the type.",
            of.name
        ))
    }
}

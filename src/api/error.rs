//! What went wrong with a request, and what to do about it.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::auth::{AuthError, AuthErrorKind};
use crate::domain::text::clean;

/// What kind of trouble; decides what the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// The service cannot be reached, or the connection broke.
    Offline,
    /// It did not answer in time.
    Timeout,
    /// Somebody cancelled.
    Cancelled,
    /// There is no token, or the service does not take it.
    SignIn,
    /// The token lacks a permission or role (403).
    Forbidden,
    /// No such thing (404).
    NotFound,
    /// Somebody else was there first (409, 412, an action already in progress).
    Conflict,
    /// The request is wrong (other 4xx).
    BadRequest,
    /// A quota is used up.
    Throttled {
        /// When asking again makes sense, where known.
        retry_at: Option<Timestamp>,
    },
    /// The service is troubled (5xx).
    Service,
    /// The answer could not be understood, or must not be followed.
    Decode,
}

/// Whether a request has been carried out; decides whether a write may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Surely not: it never left, or was turned away at the door.
    No,
    /// Not known: the answer was lost, or says nothing (5xx). Ask the service before anything else.
    Maybe,
    /// The service answered for certain.
    Yes,
}

/// Why a request failed. All texts are sanitised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What kind of trouble.
    pub kind: ApiErrorKind,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The service's code, the innermost where several are nested; empty where it sent none.
    pub code: Box<str>,
    /// What happened, one line.
    pub message: Box<str>,
    /// The service's id of the request, to quote to support.
    pub request_id: Option<Box<str>>,
    /// Our id of the request.
    pub client_request_id: Option<Box<str>>,
    /// What to do about it; empty where there is nothing.
    pub advice: Box<str>,
    /// Whether it was carried out.
    pub reached: Reached,
}

impl ApiError {
    /// An error of our own making, nothing sent.
    pub(super) fn local(kind: ApiErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            code: "".into(),
            message: message.into().into(),
            request_id: None,
            client_request_id: None,
            advice: "".into(),
            reached: Reached::No,
        }
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into().into();
        self
    }

    pub(super) fn reached(mut self, reached: Reached) -> Self {
        self.reached = reached;
        self
    }

    /// The request was cancelled.
    pub(super) fn cancelled(reached: Reached) -> Self {
        Self::local(ApiErrorKind::Cancelled, "cancelled").reached(reached)
    }

    /// Whether trying again later may help without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            ApiErrorKind::Offline
                | ApiErrorKind::Timeout
                | ApiErrorKind::Throttled { .. }
                | ApiErrorKind::Service
        )
    }

    /// When asking again makes sense, where the service said so.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self.kind {
            ApiErrorKind::Throttled { retry_at } => retry_at,
            _ => None,
        }
    }
}

impl std::error::Error for ApiError {}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (self.status, &*self.code) {
            (Some(status), "") => write!(f, " ({status})"),
            (Some(status), code) => write!(f, " ({status} {code})"),
            (None, _) => Ok(()),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let kind = match error.kind {
            AuthErrorKind::Offline => ApiErrorKind::Offline,
            AuthErrorKind::Busy => ApiErrorKind::Service,
            AuthErrorKind::NoSecret
            | AuthErrorKind::Refused
            | AuthErrorKind::Interaction
            | AuthErrorKind::Decode => ApiErrorKind::SignIn,
        };
        Self {
            code: error
                .aadsts
                .map_or_else(String::new, |code| format!("AADSTS{code}"))
                .into(),
            request_id: error.trace_id.map(Into::into),
            ..Self::local(kind, error.message)
        }
        .advise(error.advice)
    }
}

/// What an error body says, in either service's shape: Graph nests `innerError`, Defender for
/// Endpoint has `target`. Nothing is required to be there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The innermost code that says something.
    pub(super) code: String,
    /// The message as it came, unsanitised: quotas and permissions are read from it.
    pub(super) message: String,
    pub(super) request_id: Option<String>,
    pub(super) client_request_id: Option<String>,
}

/// Reads an error body; `None` where it is not one (a gateway's HTML, nothing at all).
pub(super) fn read_body(body: &[u8]) -> Option<Said> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = match value.get("error")? {
        error @ Value::Object(_) => error,
        Value::String(code) => {
            let message = value.get("error_description").and_then(Value::as_str);
            return Some(Said {
                code: code.clone(),
                message: message.unwrap_or_default().to_owned(),
                ..Said::default()
            });
        }
        _ => return None,
    };
    let text = |value: &Value, name: &str| -> Option<String> {
        match value.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    };
    let mut said = Said {
        code: text(error, "code").unwrap_or_default(),
        message: text(error, "message").unwrap_or_default(),
        request_id: text(error, "target"),
        client_request_id: None,
    };
    let mut level = error;
    for _ in 0..8 {
        let Some(inner) = level.get("innerError").or_else(|| level.get("innererror")) else {
            break;
        };
        if let Some(code) = text(inner, "code") {
            said.code = code;
        }
        if said.message.is_empty()
            && let Some(message) = text(inner, "message")
        {
            said.message = message;
        }
        if let Some(id) = text(inner, "request-id") {
            said.request_id = Some(id);
        }
        if let Some(id) = text(inner, "client-request-id") {
            said.client_request_id = Some(id);
        }
        level = inner;
    }
    Some(said)
}

/// How much of a body that is not an error body is shown.
const SHOWN: usize = 300;

/// The first bytes of a body nobody understands, as one safe line.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    clean(words.join(" ").trim_end_matches('\u{fffd}')).into_owned()
}

/// The kind a status names. `message` tells an action already in progress from a bad request.
pub(super) fn kind_of(status: u16, said: &Said) -> ApiErrorKind {
    let in_progress = said.code.eq_ignore_ascii_case("ActiveRequestAlreadyExists")
        || said
            .message
            .to_ascii_lowercase()
            .contains("already in progress");
    match status {
        400 if in_progress => ApiErrorKind::Conflict,
        401 => ApiErrorKind::SignIn,
        403 => ApiErrorKind::Forbidden,
        404 | 410 => ApiErrorKind::NotFound,
        409 | 412 => ApiErrorKind::Conflict,
        408 => ApiErrorKind::Timeout,
        429 => ApiErrorKind::Throttled { retry_at: None },
        400..=499 => ApiErrorKind::BadRequest,
        500..=599 => ApiErrorKind::Service,
        _ => ApiErrorKind::Decode,
    }
}

/// What a status that is no success says about a write: a refusal is certain, trouble is not.
pub(super) fn reached_of(status: u16) -> Reached {
    match status {
        408 | 500..=599 => Reached::Maybe,
        _ => Reached::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_services_error_shapes_are_read() {
        let graph = read_body(
            br#"{"error":{"code":"BadRequest","message":"Invalid filter clause","innerError":{"date":"2026-08-19T08:14:09","request-id":"r1","client-request-id":"c1","innererror":{"code":"Deeper"}}}}"#,
        )
        .expect("an error");
        assert_eq!(graph.code, "Deeper");
        assert_eq!(graph.message, "Invalid filter clause");
        assert_eq!(graph.request_id.as_deref(), Some("r1"));
        assert_eq!(graph.client_request_id.as_deref(), Some("c1"));
        let defender = read_body(
            br#"{"error":{"code":"ResourceNotFound","message":"none","target":"43f4cb08"}}"#,
        )
        .expect("an error");
        assert_eq!(defender.code, "ResourceNotFound");
        assert_eq!(defender.request_id.as_deref(), Some("43f4cb08"));
        for odd in ["", "<html>", "[]", "{}", r#"{"error":null}"#] {
            assert_eq!(read_body(odd.as_bytes()), None, "{odd}");
        }
        let numbers = read_body(br#"{"error":{"code":429,"message":null}}"#).expect("an error");
        assert_eq!(
            (numbers.code.as_str(), numbers.message.as_str()),
            ("429", "")
        );
    }

    #[test]
    fn an_excerpt_is_short_safe_and_one_line() {
        let html = format!("<html>\n <b>Bad\u{1b}[2J gateway</b>{}", "x".repeat(1000));
        let shown = excerpt(html.as_bytes());
        assert!(
            shown.starts_with("<html> <b>Bad⟪U+001B⟫[2J gateway</b>xx"),
            "{shown}"
        );
        assert!(shown.len() < SHOWN + 20);
        assert_eq!(excerpt(b""), "");
    }

    #[test]
    fn the_error_stays_small() {
        assert!(size_of::<ApiError>() <= 128, "{}", size_of::<ApiError>());
    }

    #[test]
    fn an_action_in_progress_is_a_conflict() {
        let said = |code: &str, message: &str| Said {
            code: code.to_owned(),
            message: message.to_owned(),
            ..Said::default()
        };
        assert_eq!(
            kind_of(400, &said("ActiveRequestAlreadyExists", "")),
            ApiErrorKind::Conflict
        );
        assert_eq!(
            kind_of(400, &said("BadRequest", "Action is already in progress")),
            ApiErrorKind::Conflict
        );
        assert_eq!(kind_of(400, &said("", "")), ApiErrorKind::BadRequest);
    }
}

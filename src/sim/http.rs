//! One request as the services read it, and what they answer: the shapes between server and services.

use axum::http::{HeaderMap, Method};

/// A request, read whole.
#[derive(Debug)]
pub struct Ask {
    /// Method.
    pub method: Method,
    /// Path, decoded.
    pub path: String,
    /// Query, as it came.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
    /// `http://127.0.0.1:PORT`, what next links begin with.
    pub base: String,
    /// The service's id of this request.
    pub request_id: String,
}

impl Ask {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// Whether the client takes members above `unknownFutureValue`.
    pub fn takes_unknown_members(&self) -> bool {
        self.headers
            .get_all("prefer")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split([',', ';']))
            .any(|v| {
                v.trim()
                    .eq_ignore_ascii_case("include-unknown-enum-members")
            })
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Why it is a refusal, for the log.
    pub why: Option<String>,
}

/// What the services call JSON.
pub const JSON: &str = "application/json; odata.metadata=minimal; odata.streaming=true; IEEE754Compatible=false; charset=utf-8";

impl Reply {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: JSON,
            headers: Vec::new(),
            body,
            why: None,
        }
    }

    /// An answer from a value.
    pub fn value(status: u16, value: &serde_json::Value) -> Self {
        Self::json(status, value.to_string().into_bytes())
    }
}

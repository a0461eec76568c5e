//! The refusals of the sign-in service: AADSTS documents. `table` has them all. Nothing is decided here.

mod table;

use super::super::clock::{self, Ticks};
use super::super::http::{Ask, Reply};
pub use table::*;

/// One kind of refusal. `{0}`, `{1}` … in the sentence are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The number after `AADSTS`.
    pub code: u32,
    /// HTTP status.
    pub status: u16,
    /// OAuth 2 error.
    pub error: &'static str,
    /// A finer reason that identity libraries act on; empty where there is none.
    pub suberror: &'static str,
    /// The sentence.
    pub text: &'static str,
    /// How a client meets it here, for people.
    pub how: &'static str,
}

/// A refusal on its way to a client.
#[derive(Debug)]
pub struct Aadsts {
    /// What kind.
    pub kind: Kind,
    /// The sentence, filled in.
    pub message: String,
}

impl Kind {
    /// A refusal of this kind with the blanks of its sentence filled in.
    pub fn of(self, blanks: &[&str]) -> Aadsts {
        let mut message = self.text.to_owned();
        for (at, blank) in blanks.iter().enumerate() {
            message = message.replace(&format!("{{{at}}}"), blank);
        }
        Aadsts {
            kind: self,
            message,
        }
    }
}

impl From<Kind> for Aadsts {
    fn from(kind: Kind) -> Self {
        kind.of(&[])
    }
}

impl Aadsts {
    /// The sentence as it appears in documents and on pages.
    pub fn sentence(&self, ask: &Ask, now: Ticks) -> String {
        format!(
            "AADSTS{}: {} Trace ID: {} Correlation ID: {} Timestamp: {}",
            self.kind.code,
            self.message,
            ask.request_id,
            correlation(ask),
            stamp(now)
        )
    }

    /// The document Entra sends.
    pub fn reply(self, ask: &Ask, now: Ticks) -> Reply {
        let mut body = serde_json::json!({
            "error": self.kind.error,
            "error_description": self.sentence(ask, now),
            "error_codes": [self.kind.code],
            "timestamp": stamp(now),
            "trace_id": ask.request_id,
            "correlation_id": correlation(ask),
            "error_uri": format!("{}/error?code={}", ask.base, self.kind.code),
        });
        if !self.kind.suberror.is_empty() {
            body["suberror"] = self.kind.suberror.into();
        }
        let mut reply = Reply::value(self.kind.status, &body);
        reply.content_type = "application/json; charset=utf-8";
        reply
            .headers
            .push(("cache-control", "no-store, no-cache".into()));
        reply.why = Some(format!("AADSTS{}: {}", self.kind.code, self.message));
        reply
    }
}

fn correlation(ask: &Ask) -> &str {
    ask.header("client-request-id").unwrap_or(&ask.request_id)
}

/// `2026-08-19 07:02:10Z`.
fn stamp(now: Ticks) -> String {
    clock::graph(now - now.rem_euclid(clock::SECOND)).replace('T', " ")
}

//! Mishaps on demand: what services do on bad days, injected into chosen requests.

use std::sync::Mutex;
use std::time::Duration;

/// How a `Retry-After` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// As a number of seconds.
    Seconds(u64),
    /// As an HTTP date this many seconds ahead.
    Date(u64),
    /// Not at all.
    Missing,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// 429.
    Throttle(RetryAfter),
    /// Another status, with the service's own error document.
    Status(u16),
    /// A status with a body of HTML, as gateways answer.
    Gateway(u16),
    /// The connection closes before the request is carried out.
    DropBefore,
    /// The request is carried out, then the connection closes without an answer.
    DropAfter,
    /// The answer comes this much later.
    Slow(Duration),
    /// The answer is cut in the middle of its JSON.
    Garbage,
    /// One row of the page is not what the schema says.
    BadRow,
    /// The token is said to be expired, whatever it says itself.
    ExpiredToken,
}

/// One mishap and where it strikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The method, any when `None`.
    pub method: Option<String>,
    /// A part of the path, any when empty.
    pub path: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many requests it strikes.
    pub times: u32,
}

impl Fault {
    /// Strikes the next request whose path contains `path`.
    pub fn once(path: &str, kind: FaultKind) -> Self {
        Self {
            method: None,
            path: path.into(),
            kind,
            times: 1,
        }
    }

    /// Strikes only this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Strikes this many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// The mishaps that are still to come.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds one.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many strikes are still to come.
    pub fn pending(&self) -> u32 {
        self.lock().iter().map(|f| f.times).sum()
    }

    /// The mishap of this request, if there is one.
    pub fn strike(&self, method: &str, path: &str) -> Option<FaultKind> {
        let mut faults = self.lock();
        let at = faults.iter().position(|f| {
            f.times > 0 && f.method.as_deref().is_none_or(|m| m == method) && path.contains(&f.path)
        })?;
        faults[at].times -= 1;
        let kind = faults[at].kind.clone();
        faults.retain(|f| f.times > 0);
        Some(kind)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Makes the second row (or the only one) of a page into something the schema does not have.
pub fn spoil_row(body: &[u8]) -> Vec<u8> {
    let Ok(mut document) = serde_json::from_slice::<serde_json::Value>(body) else {
        return body.to_vec();
    };
    if let Some(rows) = document
        .get_mut("value")
        .and_then(serde_json::Value::as_array_mut)
        && let Some(row) = (if rows.len() > 1 {
            rows.get_mut(1)
        } else {
            rows.first_mut()
        })
    {
        *row = serde_json::json!({ "id": 17, "severity": ["high"], "evidence": "none", "createdDateTime": "soon" });
    }
    document.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_where_it_should_and_as_often() {
        let faults = Faults::default();
        faults.add(
            Fault::once("/isolate", FaultKind::DropAfter)
                .method("post")
                .times(2),
        );
        assert_eq!(faults.strike("GET", "/api/machines/x/isolate"), None);
        assert_eq!(
            faults.strike("POST", "/api/machines/x/isolate"),
            Some(FaultKind::DropAfter)
        );
        assert_eq!(faults.pending(), 1);
        assert_eq!(
            faults.strike("POST", "/api/machines/x/isolate"),
            Some(FaultKind::DropAfter)
        );
        assert_eq!(faults.strike("POST", "/api/machines/x/isolate"), None);
    }

    #[test]
    fn one_row_is_spoilt() {
        let page = br#"{"value":[{"id":"1"},{"id":"2"},{"id":"3"}]}"#;
        let spoilt: serde_json::Value = serde_json::from_slice(&spoil_row(page)).expect("JSON");
        assert_eq!(spoilt["value"][0]["id"], "1");
        assert_eq!(spoilt["value"][1]["id"], 17);
        assert_eq!(spoilt["value"][2]["id"], "3");
    }
}

//! A 401 or 403 read once: the service's words, and what it demands of the next token.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde_json::Value;

use super::error::{Said, read_body};

/// The largest demand taken, in characters.
const LARGEST: usize = 16 * 1024;

/// What a service said when it turned a call away.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) said: Said,
    /// It wants more than a new token: a sign-in that answers its challenge (Continuous Access
    /// Evaluation, an authentication context).
    pub(super) challenged: bool,
    /// The JSON of its demand, for the `claims` of the next token request.
    pub(super) demand: Option<String>,
}

impl Refused {
    pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let challenges: Vec<&str> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let demand = challenges.iter().find_map(|text| demand(text));
        let said = read_body(body).unwrap_or_default();
        let challenged = demand.is_some()
            || challenges
                .iter()
                .any(|text| text.contains("insufficient_claims"))
            || said.code.eq_ignore_ascii_case("insufficient_claims");
        Self {
            status,
            said,
            challenged,
            demand,
        }
    }
}

/// The `claims` of a challenge: base64 of a JSON object, in either alphabet, padded or not.
fn demand(challenge: &str) -> Option<String> {
    let at = challenge.to_ascii_lowercase().find("claims=")? + "claims=".len();
    let rest = challenge[at..].trim_start_matches('"');
    let text = &rest[..rest.find(['"', ',', ' ']).unwrap_or(rest.len())];
    let text = text.trim_end_matches('=');
    if text.is_empty() || text.len() > LARGEST {
        return None;
    }
    let bytes = STANDARD_NO_PAD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text))
        .ok()?;
    match serde_json::from_slice(&bytes).ok()? {
        Value::Object(claims) => Some(Value::Object(claims).to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_is_decoded_in_either_alphabet() {
        let json = r#"{"access_token":{"nbf":{"essential":true,"value":"1755590400"}}}"#;
        let padded = base64::engine::general_purpose::STANDARD.encode(json);
        let safe = URL_SAFE_NO_PAD.encode(json);
        for text in [padded, safe] {
            let header = format!(
                "Bearer realm=\"\", authorization_uri=\"https://login.example/authorize\", error=\"insufficient_claims\", claims=\"{text}\""
            );
            assert_eq!(demand(&header).as_deref(), Some(json), "{header}");
        }
        for none in [
            "Bearer realm=\"\"",
            "Bearer error=\"insufficient_claims\"",
            "Bearer claims=\"\"",
            "Bearer claims=\"eyJ9\"",
            "Bearer claims=\"WzFd\"",
        ] {
            assert_eq!(demand(none), None, "{none}");
        }
    }

    #[test]
    fn a_challenge_is_known_by_header_or_code() {
        let mut headers = HeaderMap::new();
        assert!(!Refused::read(401, &headers, b"").challenged);
        let body = br#"{"error":{"code":"insufficient_claims","message":"x"}}"#;
        assert!(Refused::read(401, &headers, body).challenged);
        let value = "Bearer error=\"insufficient_claims\""
            .parse()
            .expect("a header");
        headers.insert(WWW_AUTHENTICATE, value);
        let read = Refused::read(401, &headers, b"");
        assert!(read.challenged && read.demand.is_none());
    }
}

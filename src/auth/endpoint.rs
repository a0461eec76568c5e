//! Speaking with Entra's v2 token endpoint.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::aadsts;
use super::{AccessToken, AuthError, AuthErrorKind};
use crate::domain::text::clean;

/// How long the token endpoint may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// A token answer is a few kilobytes.
const LARGEST: usize = 256 * 1024;
/// Assumed where the answer does not say.
const USUAL_LIFE: i64 = 3600;

/// `{authority}/{tenant}/oauth2/v2.0/token`.
pub(super) fn token_url(authority: &Url, tenant: &str) -> Result<Url, AuthError> {
    let mut url = authority.clone();
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments
                .pop_if_empty()
                .extend([tenant, "oauth2", "v2.0", "token"]);
        }
        Err(()) => {
            return Err(error(
                AuthErrorKind::Refused,
                "the authority is not a base address".to_owned(),
            ));
        }
    }
    Ok(url)
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Option<String>,
    error_description: Option<String>,
    error_codes: Vec<u32>,
    trace_id: Option<String>,
    suberror: Option<String>,
}

/// Posts a form and reads a token or a refusal.
pub(super) async fn ask(
    http: &reqwest::Client,
    url: Url,
    form: &[(&str, &str)],
) -> Result<AccessToken, AuthError> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let exchange = async {
        let mut response = http.post(url).form(form).send().await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok::<_, reqwest::Error>((status, body))
    };
    let (status, body) = match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) => {
            return Err(AuthError {
                advice: "check the network, the proxy and the profile's cloud or authority"
                    .to_owned(),
                ..error(
                    AuthErrorKind::Offline,
                    format!(
                        "the sign-in service {host} cannot be reached: {}",
                        root(&failure)
                    ),
                )
            });
        }
        Err(_) => {
            return Err(error(
                AuthErrorKind::Offline,
                format!(
                    "the sign-in service {host} did not answer within {} seconds",
                    PATIENCE.as_secs()
                ),
            ));
        }
    };
    read(status, &body, Timestamp::now())
}

/// The innermost cause: reqwest's own text repeats the address and says little.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    clean(&cause.to_string()).into_owned()
}

fn read(status: u16, body: &[u8], now: Timestamp) -> Result<AccessToken, AuthError> {
    if (200..300).contains(&status) {
        let granted: Granted = serde_json::from_slice(body).map_err(|_| {
            error(
                AuthErrorKind::Decode,
                "the sign-in service answered with something that is not a token".to_owned(),
            )
        })?;
        let life = granted
            .expires_in
            .and_then(|value| {
                value
                    .as_i64()
                    .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
            })
            .unwrap_or(USUAL_LIFE)
            .clamp(0, 7 * 86_400);
        let expires = now
            .checked_add(jiff::SignedDuration::from_secs(life))
            .unwrap_or(now);
        return Ok(AccessToken::new(
            SecretString::from(granted.access_token),
            expires,
        ));
    }
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    Err(refused(status, &refusal))
}

fn refused(status: u16, refusal: &Refusal) -> AuthError {
    let description = refusal.error_description.as_deref().unwrap_or_default();
    // The text goes on with trace id, correlation id and time, each on its own line.
    let said = clean(description.lines().next().unwrap_or_default()).into_owned();
    let code = refusal
        .error_codes
        .first()
        .copied()
        .or_else(|| aadsts::find(description));
    let busy = status == 429
        || status >= 500
        || matches!(
            refusal.error.as_deref(),
            Some("temporarily_unavailable" | "server_error")
        );
    let known = code.and_then(aadsts::explain);
    let interaction = refusal.error.as_deref() == Some("interaction_required")
        || refusal.suberror.as_deref() == Some("basic_action");
    let kind = match known {
        Some((kind, ..)) => kind,
        None if busy => AuthErrorKind::Busy,
        None if interaction => AuthErrorKind::Interaction,
        None if refusal.error.is_none() => AuthErrorKind::Decode,
        None => AuthErrorKind::Refused,
    };
    let message = match (known, code) {
        (Some((_, meaning, _)), Some(code)) => format!("sign-in refused: {meaning} (AADSTS{code})"),
        _ if !said.is_empty() => format!("sign-in refused: {said}"),
        _ => match &refusal.error {
            Some(name) => format!("sign-in refused: {}", clean(name)),
            None => format!("the sign-in service answered {status} without a reason"),
        },
    };
    let advice = match known {
        Some((.., advice)) => advice.to_owned(),
        None if kind == AuthErrorKind::Busy => "wait; it is tried again by itself".to_owned(),
        None if kind == AuthErrorKind::Decode => {
            "check the profile's cloud or authority: something else may be answering there"
                .to_owned()
        }
        None => "look the code up at https://login.microsoftonline.com/error".to_owned(),
    };
    AuthError {
        kind,
        aadsts: code,
        message,
        advice,
        trace_id: refusal.trace_id.as_deref().map(|id| clean(id).into_owned()),
    }
}

pub(super) fn error(kind: AuthErrorKind, message: String) -> AuthError {
    AuthError {
        kind,
        aadsts: None,
        message,
        advice: String::new(),
        trace_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-08-19T08:00:00Z".parse().expect("a time")
    }

    #[test]
    fn the_tenant_is_one_path_segment_whatever_it_holds() {
        let base: Url = "http://127.0.0.1:9/login/".parse().expect("url");
        assert_eq!(
            token_url(&base, "../evil").expect("builds").as_str(),
            "http://127.0.0.1:9/login/..%2Fevil/oauth2/v2.0/token"
        );
    }

    #[test]
    fn a_token_lives_as_long_as_the_answer_says() {
        for (life, seconds) in [("3599", 3599), ("\"60\"", 60), ("null", USUAL_LIFE)] {
            let body =
                format!(r#"{{"token_type":"Bearer","access_token":"x","expires_in":{life}}}"#);
            let token = read(200, body.as_bytes(), now()).expect("a token");
            assert_eq!(token.expires.as_second() - now().as_second(), seconds);
        }
    }

    #[test]
    fn refusals_are_explained_with_the_cure() {
        let body = br#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure...\r\nTrace ID: 1\r\n","error_codes":[7000215],"trace_id":"1"}"#;
        let error = read(401, body, now()).expect_err("refused");
        assert_eq!(error.kind, AuthErrorKind::Refused);
        assert_eq!(error.aadsts, Some(7_000_215));
        assert!(error.advice.contains("value, not its id"));
        assert_eq!(error.trace_id.as_deref(), Some("1"));
    }

    #[test]
    fn unknown_codes_show_what_was_said_sanitised() {
        let body = b"{\"error\":\"invalid_request\",\"error_description\":\"AADSTS99: odd \\u001b[31m thing\\nmore\"}";
        let error = read(400, body, now()).expect_err("refused");
        assert_eq!(
            error.message,
            "sign-in refused: AADSTS99: odd ⟪U+001B⟫[31m thing"
        );
        assert_eq!(error.aadsts, Some(99));
    }

    #[test]
    fn trouble_of_the_service_is_told_from_a_refusal() {
        assert!(read(503, b"<html>", now()).expect_err("busy").is_passing());
        assert_eq!(
            read(404, b"<html>", now()).expect_err("odd").kind,
            AuthErrorKind::Decode
        );
        assert_eq!(
            read(200, b"{}", now()).expect_err("no token").kind,
            AuthErrorKind::Decode
        );
    }
}

//! What a token endpoint answers: a grant, a refusal, or something that is no token endpoint's.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::{AccessToken, AuthError, AuthErrorKind, aadsts};
use crate::domain::text::clean;

use AuthErrorKind::{Busy, Decode, Interaction, Offline, Refused};

/// Assumed where the answer does not say.
const USUAL_LIFE: i64 = 3600;
/// No token lives longer, whatever an answer says, seconds.
const LONGEST_LIFE: i64 = 7 * 86_400;

/// What was granted.
#[derive(Debug)]
pub(super) struct Granted {
    /// The access token.
    pub(super) token: AccessToken,
    /// Gets the next one, where a person signed in and `offline_access` was granted.
    pub(super) refresh_token: Option<SecretString>,
    /// Who signed in, where `openid` was asked for.
    pub(super) id_token: Option<SecretString>,
}

/// A refusal: the service's own word (`invalid_grant`, `authorization_pending`), which decides what a
/// flow does next, and the error for people.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The `error` member, where there is one.
    pub(super) word: Option<String>,
    /// The same for people.
    pub(super) error: AuthError,
}

impl From<Refusal> for AuthError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// A raw answer.
pub(super) struct Answer<'a> {
    /// HTTP status.
    pub(super) status: u16,
    /// Where a redirect leads.
    pub(super) location: Option<&'a str>,
    /// The body.
    pub(super) body: &'a [u8],
    /// Who was asked.
    pub(super) host: &'a str,
}

#[derive(Deserialize)]
struct GrantBody {
    access_token: String,
    refresh_token: Option<String>,
    id_token: Option<String>,
    /// Seconds: a number in v2, text in v1 and from identity endpoints.
    expires_in: Option<Value>,
    /// Unix seconds, as text or number: all that App Service says.
    expires_on: Option<Value>,
}

/// The members of an error body; identity endpoints write some of them in other types or not at all.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RefusalBody {
    /// A word; an object with a message at some identity endpoints.
    error: Option<Value>,
    #[serde(alias = "message")]
    error_description: Option<String>,
    error_codes: Vec<u32>,
    trace_id: Option<String>,
    suberror: Option<String>,
}

/// What the standard's words mean where no `AADSTS` code says it better: RFC 6749 section 5.2, RFC 8628
/// section 3.5, RFC 8707.
static WORDS: &[(&str, AuthErrorKind, &str, &str)] = &[
    (
        "invalid_client",
        Refused,
        "the application or its credential is not known",
        "check client_id and the credential the profile names",
    ),
    (
        "unauthorized_client",
        Refused,
        "the application may not sign in this way",
        "allow this way of signing in at the application's registration, or choose another with sign_in",
    ),
    (
        "unsupported_grant_type",
        Refused,
        "the sign-in service does not offer this way of signing in",
        "choose another with sign_in",
    ),
    (
        "invalid_scope",
        Refused,
        "the sign-in service does not know what the token is for",
        "check graph_audience and defender_audience of the profile",
    ),
    (
        "invalid_target",
        Refused,
        "the sign-in service does not know what the token is for",
        "check graph_audience and defender_audience of the profile",
    ),
    (
        "invalid_resource",
        Refused,
        "the sign-in service does not know what the token is for",
        "check graph_audience and defender_audience of the profile",
    ),
    (
        "invalid_grant",
        Refused,
        "what the sign-in was made with is wrong, used up or lapsed",
        "check the credential the profile names; a person signs in again",
    ),
    (
        "access_denied",
        Refused,
        "the sign-in was declined",
        "sign in again and accept, or ask who may",
    ),
    (
        "authorization_declined",
        Refused,
        "the sign-in was declined",
        "sign in again and accept, or ask who may",
    ),
    (
        "expired_token",
        Interaction,
        "the code was not entered in time",
        "sign in again",
    ),
    (
        "code_expired",
        Interaction,
        "the code was not entered in time",
        "sign in again",
    ),
    (
        "bad_verification_code",
        Refused,
        "the sign-in service does not know the code any more",
        "sign in again",
    ),
    (
        "interaction_required",
        Interaction,
        "somebody has to sign in",
        "sign in again",
    ),
    (
        "login_required",
        Interaction,
        "somebody has to sign in",
        "sign in again",
    ),
    (
        "consent_required",
        Interaction,
        "nobody has consented to the permissions",
        "an administrator must grant consent under API permissions of the app registration",
    ),
    (
        "temporarily_unavailable",
        Busy,
        "the sign-in service is troubled for the moment",
        "wait; it is tried again by itself",
    ),
    (
        "server_error",
        Busy,
        "the sign-in service is troubled for the moment",
        "wait; it is tried again by itself",
    ),
];

/// A grant or a refusal.
pub(super) fn grant(answer: &Answer<'_>, now: Timestamp) -> Result<Granted, Refusal> {
    let found: GrantBody = json(answer)?;
    if found.access_token.is_empty() {
        return Err(plain(not_a_token()));
    }
    let number = |value: &Option<Value>| match value {
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value
            .as_i64()
            .or_else(|| value.as_f64().map(|it| it as i64)),
        None => None,
    };
    let life = number(&found.expires_in)
        // The moment is by the service's clock, so it is asked only where nothing better is said.
        .or_else(|| Some(number(&found.expires_on)? - now.as_second()))
        .unwrap_or(USUAL_LIFE)
        .clamp(0, LONGEST_LIFE);
    let expires = now
        .checked_add(SignedDuration::from_secs(life))
        .unwrap_or(now);
    let secret =
        |text: Option<String>| text.filter(|text| !text.is_empty()).map(SecretString::from);
    Ok(Granted {
        token: AccessToken::new(SecretString::from(found.access_token), expires),
        refresh_token: secret(found.refresh_token),
        id_token: secret(found.id_token),
    })
}

/// A JSON answer that is no refusal: a grant, a device code, a discovery document.
pub(super) fn json<T: serde::de::DeserializeOwned>(answer: &Answer<'_>) -> Result<T, Refusal> {
    if (200..300).contains(&answer.status) {
        return serde_json::from_slice(answer.body).map_err(|_| {
            plain(if is_page(answer.body) {
                in_between(answer)
            } else {
                not_a_token()
            })
        });
    }
    Err(refused(answer))
}

fn refused(answer: &Answer<'_>) -> Refusal {
    let status = answer.status;
    let said: Option<RefusalBody> = serde_json::from_slice(answer.body).ok();
    let between = (300..400).contains(&status)
        || matches!(status, 407 | 511)
        || (status < 404 && is_page(answer.body));
    let Some(body) = said.filter(|_| !(300..400).contains(&status)) else {
        return plain(if between {
            in_between(answer)
        } else {
            unreasoned(answer)
        });
    };
    let within = body.error.as_ref().and_then(|it| it.get("message"));
    let description = body
        .error_description
        .as_deref()
        .or(within.and_then(Value::as_str))
        .unwrap_or_default();
    // The text goes on with trace id, correlation id and time, each on its own line.
    let text = clean(description.lines().next().unwrap_or_default()).into_owned();
    let aadsts = body
        .error_codes
        .first()
        .copied()
        .or_else(|| aadsts::find(description));
    let word = match &body.error {
        Some(Value::String(word)) => Some(word.clone()),
        _ => None,
    };
    let known = aadsts.and_then(aadsts::explain);
    let standard = WORDS
        .iter()
        .find(|(known, ..)| word.as_deref() == Some(known));
    let kind = match (known, standard) {
        (Some((kind, ..)), _) => kind,
        _ if status == 429 || status >= 500 => Busy,
        _ if body.suberror.as_deref() == Some("basic_action") => Interaction,
        (None, Some((_, kind, ..))) => *kind,
        (None, None) if word.is_none() => Decode,
        (None, None) => Refused,
    };
    let message = match (known, aadsts, standard, &word) {
        (Some((_, meaning, _)), Some(code), ..) => {
            format!("sign-in refused: {meaning} (AADSTS{code})")
        }
        _ if !text.is_empty() => format!("sign-in refused: {text}"),
        (.., Some((word, _, meaning, _)), _) => format!("sign-in refused: {meaning} ({word})"),
        (.., Some(word)) => format!("sign-in refused: {}", clean(word)),
        _ => return plain(unreasoned(answer)),
    };
    let advice = match (known, standard) {
        (Some((.., advice)), _) => advice,
        _ if kind == Busy => "wait; it is tried again by itself",
        _ if aadsts.is_some() => "look the code up at https://login.microsoftonline.com/error",
        (None, Some((.., advice))) => advice,
        _ => "check client_id and the credential the profile names",
    };
    Refusal {
        word,
        error: AuthError {
            kind,
            aadsts,
            message,
            advice: advice.to_owned(),
            trace_id: body.trace_id.as_deref().map(|id| clean(id).into_owned()),
        },
    }
}

/// Whether a body is a web page.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// A page or a redirect where a token should be: what answers is not the service that was asked. A
/// token endpoint never redirects.
fn in_between(answer: &Answer<'_>) -> AuthError {
    let to = answer
        .location
        .and_then(|to| url::Url::parse(to).ok())
        .and_then(|to| to.host_str().map(|host| clean(host).into_owned()));
    let what = match to {
        Some(to) => format!("a redirect to {to}"),
        None if is_page(answer.body) => "a web page".to_owned(),
        None => format!("status {}", answer.status),
    };
    AuthError {
        advice: "a network's own sign-in page or a proxy stands in between: open a browser and sign in to the network, or set HTTPS_PROXY; where that is not it, check the profile's cloud, authority or issuer"
            .to_owned(),
        ..error(
            Offline,
            format!("{} answered with {what} instead of a token", clean(answer.host)),
        )
    }
}

fn unreasoned(answer: &Answer<'_>) -> AuthError {
    let busy = answer.status == 429 || answer.status >= 500;
    AuthError {
        advice: if busy {
            "wait; it is tried again by itself"
        } else {
            "check the profile's cloud, authority or issuer: something else may be answering there"
        }
        .to_owned(),
        ..error(
            if busy { Busy } else { Decode },
            format!(
                "the sign-in service {} answered {} without a reason",
                clean(answer.host),
                answer.status
            ),
        )
    }
}

fn not_a_token() -> AuthError {
    AuthError {
        advice:
            "check the profile's cloud, authority or issuer: something else may be answering there"
                .to_owned(),
        ..error(
            Decode,
            "the sign-in service answered with something that is not a token".to_owned(),
        )
    }
}

fn plain(error: AuthError) -> Refusal {
    Refusal { word: None, error }
}

/// An error without a code or a cure; whoever knows one adds it.
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

    fn read(status: u16, body: &[u8]) -> Result<Granted, Refusal> {
        let answer = Answer {
            status,
            location: None,
            body,
            host: "login.example",
        };
        grant(&answer, now())
    }

    fn refusal(status: u16, body: &[u8]) -> AuthError {
        read(status, body).expect_err("refused").error
    }

    #[test]
    fn a_token_lives_as_long_as_the_answer_says() {
        let soon = now().as_second() + 90;
        let cases = [
            (r#""expires_in":3599"#.to_owned(), 3599),
            (r#""expires_in":"60""#.to_owned(), 60),
            (r#""expires_in":60.9"#.to_owned(), 60),
            (r#""expires_in":null"#.to_owned(), USUAL_LIFE),
            (r#""expires_in":-5"#.to_owned(), 0),
            (r#""expires_in":99999999999"#.to_owned(), LONGEST_LIFE),
            (format!(r#""expires_on":"{soon}""#), 90),
            (format!(r#""expires_on":{soon}"#), 90),
            (format!(r#""expires_in":"60","expires_on":"{soon}""#), 60),
        ];
        for (life, seconds) in cases {
            let body = format!(r#"{{"token_type":"Bearer","access_token":"x",{life}}}"#);
            let granted = read(200, body.as_bytes()).expect("a token");
            let lives = granted.token.expires.as_second() - now().as_second();
            assert_eq!(lives, seconds, "{life}");
        }
    }

    #[test]
    fn what_comes_with_a_token_is_kept_and_not_printed() {
        let body = br#"{"access_token":"aaa","refresh_token":"rrr","id_token":"iii"}"#;
        let granted = read(200, body).expect("a token");
        assert!(granted.refresh_token.is_some() && granted.id_token.is_some());
        let printed = format!("{granted:?}");
        for secret in ["aaa", "rrr", "iii"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }

    #[test]
    fn refusals_are_explained_with_the_cure() {
        let body = br#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure...\r\nTrace ID: 1\r\n","error_codes":[7000215],"trace_id":"1"}"#;
        let error = refusal(401, body);
        assert_eq!(error.kind, Refused);
        assert_eq!(error.aadsts, Some(7_000_215));
        assert!(error.advice.contains("value, not its id"));
        assert_eq!(error.trace_id.as_deref(), Some("1"));
    }

    #[test]
    fn unknown_codes_show_what_was_said_sanitised() {
        let body = b"{\"error\":\"invalid_request\",\"error_description\":\"AADSTS99: odd \\u001b[31m thing\\nmore\"}";
        let error = refusal(400, body);
        assert_eq!(
            error.message,
            "sign-in refused: AADSTS99: odd ⟪U+001B⟫[31m thing"
        );
        assert_eq!(error.aadsts, Some(99));
    }

    #[test]
    fn the_standards_own_words_are_explained_too() {
        for (word, ..) in WORDS {
            let body = format!(r#"{{"error":"{word}"}}"#);
            let found = read(400, body.as_bytes()).expect_err("refused");
            assert_eq!(found.word.as_deref(), Some(*word));
            assert!(!found.error.advice.is_empty(), "{word}");
        }
        assert_eq!(
            refusal(400, br#"{"error":"interaction_required"}"#).kind,
            Interaction
        );
    }

    #[test]
    fn what_stands_in_between_is_told_from_the_service() {
        let page = b"\n<!DOCTYPE html><title>Welcome to the hotel</title>";
        for (status, kind) in [
            (200, Offline),
            (302, Offline),
            (403, Offline),
            (407, Offline),
            (511, Offline),
            (404, Decode),
            (503, Busy),
        ] {
            let error = refusal(status, page);
            assert_eq!(error.kind, kind, "{status}: {error}");
            assert!(!error.advice.is_empty(), "{status}");
        }
        let portal = Answer {
            status: 302,
            location: Some("https://portal.hotel.example/login?x=1"),
            body: b"",
            host: "login.example",
        };
        let error = grant(&portal, now()).expect_err("no token").error;
        assert_eq!(
            error.message,
            "login.example answered with a redirect to portal.hotel.example instead of a token"
        );
        for nothing in [&b"{}"[..], b"[]", b"", br#"{"access_token":""}"#] {
            assert_eq!(refusal(200, nothing).kind, Decode);
        }
    }
}

//! A person signs in in a browser elsewhere: a code is shown, they enter it on a page, and the token
//! endpoint is asked until they have (RFC 8628).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::person::{Asked, SCOPES, borrowed, called_off};
use crate::auth::endpoint::{Granted, Polled, error};
use crate::auth::{AuthError, AuthErrorKind, SignInStep, Talk};
use crate::domain::text::clean;

/// Between questions, where the service does not say.
const USUAL_PACE: u64 = 5;
/// Slower by this, where the service asks for it.
const SLOWER: u64 = 5;
/// A code lives this long, where the service does not say.
const USUAL_LIFE: u64 = 15 * 60;
/// No code is longer: one that is cannot be typed.
const LONGEST_CODE: usize = 32;

/// What the service shows and what it is asked with.
struct Code {
    shown: String,
    page: String,
    secret: SecretString,
    life: u64,
    pace: u64,
}

pub(super) async fn sign_in(asked: &Asked<'_>, talk: &Talk) -> Result<Granted, AuthError> {
    tokio::select! {
        biased;
        () = talk.cancel.cancelled() => Err(called_off()),
        granted = ask(asked, talk) => granted,
    }
}

async fn ask(asked: &Asked<'_>, talk: &Talk) -> Result<Granted, AuthError> {
    let addresses = asked.server.addresses().await?;
    let Some(device) = &addresses.device else {
        return Err(AuthError {
            advice: "sign in with the browser instead".to_owned(),
            ..error(
                AuthErrorKind::Refused,
                "the sign-in service gives no device codes".to_owned(),
            )
        });
    };
    let target = asked.server.target(asked.request, SCOPES);
    let mut form = borrowed(&target);
    form.push(("client_id", asked.client_id));
    let code = read(asked.server.send(device, &form).await?)?;
    let life = SignedDuration::from_secs(code.life as i64);
    talk.tell(SignInStep::Code {
        user_code: code.shown,
        page: code.page,
        expires: Timestamp::now().checked_add(life).unwrap_or(Timestamp::MAX),
    });
    // The first generation has its own names, and is told again what the token is for.
    let first = target.iter().any(|(name, _)| *name == "resource");
    let mut form = if first { borrowed(&target) } else { Vec::new() };
    let (grant, name) = if first {
        ("device_code", "code")
    } else {
        (
            "urn:ietf:params:oauth:grant-type:device_code",
            "device_code",
        )
    };
    form.extend([
        ("grant_type", grant),
        ("client_id", asked.client_id),
        (name, code.secret.expose_secret()),
    ]);
    let mut pace = code.pace;
    let mut waited = 0;
    while waited < code.life {
        (asked.around.sleep)(Duration::from_secs(pace)).await;
        waited += pace;
        match asked.server.poll(&form).await {
            Ok(Polled::Granted(granted)) => return Ok(granted),
            Ok(Polled::Pending) => {}
            Ok(Polled::SlowDown) => pace += SLOWER,
            // The person may be signing in while the network is away.
            Err(error) if error.is_passing() => tracing::debug!(%error, "asked in vain"),
            Err(error) => return Err(error),
        }
    }
    Err(AuthError {
        advice: "sign in again".to_owned(),
        ..error(
            AuthErrorKind::Interaction,
            "the code was not entered in time".to_owned(),
        )
    })
}

fn read(mut answer: Value) -> Result<Code, AuthError> {
    let mut take = |name: &str| match answer.get_mut(name).map(Value::take) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let seconds = |text: Option<String>, usual| {
        let read = text.and_then(|text| text.trim().parse::<f64>().ok());
        read.filter(|count| *count >= 1.0)
            .map_or(usual, |count| count as u64)
    };
    let (user_code, device_code) = (take("user_code"), take("device_code"));
    // The first generation calls it an URL.
    let page = take("verification_uri").or_else(|| take("verification_url"));
    let web = |page: &String| page.starts_with("https://") || page.starts_with("http://");
    let (Some(user_code), Some(device_code), Some(page)) =
        (user_code, device_code, page.filter(web))
    else {
        return Err(error(
            AuthErrorKind::Decode,
            "the sign-in service answered with something that is not a device code".to_owned(),
        ));
    };
    let user_code = clean(&user_code).chars().take(LONGEST_CODE).collect();
    Ok(Code {
        shown: user_code,
        page: clean(&page).into_owned(),
        secret: SecretString::from(device_code),
        life: seconds(take("expires_in"), USUAL_LIFE).min(3600),
        pace: seconds(take("interval"), USUAL_PACE).min(60),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_code_is_read_in_the_words_of_both_generations() {
        let code = read(json!({
            "user_code": "ABCD\u{1b}EFGH", "device_code": "sesame", "expires_in": "900",
            "interval": "7", "verification_url": "https://microsoft.com/devicelogin"
        }))
        .expect("a code");
        assert_eq!(code.shown, "ABCD⟪U+001B⟫EFGH");
        assert_eq!((code.life, code.pace), (900, 7));
        let code = read(json!({
            "user_code": "A", "device_code": "b", "verification_uri": "https://x.example/d"
        }))
        .expect("a code");
        assert_eq!((code.life, code.pace), (USUAL_LIFE, USUAL_PACE));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for odd in [
            json!({}),
            json!({"user_code": "A", "device_code": "b"}),
            json!({"user_code": "A", "device_code": "b", "verification_uri": "javascript:alert(1)"}),
            json!([]),
        ] {
            assert_eq!(read(odd).err().map(|e| e.kind), Some(AuthErrorKind::Decode));
        }
    }
}

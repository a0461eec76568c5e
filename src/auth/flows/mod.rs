//! The ways to sign in, a file each.

mod secret;

use secrecy::SecretString;

use super::endpoint::{TokenServer, error};
use super::{AccessToken, AuthError, AuthErrorKind, Flow, TokenRequest};
use crate::cloud::Endpoints;
use crate::config::{Profile, SecretSource};

/// The way a profile asks for.
pub(super) fn of(profile: &Profile, endpoints: &Endpoints, http: reqwest::Client) -> Box<dyn Flow> {
    let server = TokenServer::of(profile, endpoints, http);
    Box::new(secret::SecretFlow::new(profile, server))
}

/// What is missing or unusable on this side, with the cure.
fn no_secret(message: String, advice: impl Into<String>) -> AuthError {
    AuthError {
        advice: advice.into(),
        ..error(AuthErrorKind::NoSecret, message)
    }
}

/// Reads the secret of a setting off the threads that draw.
async fn read_secret(
    source: Option<&SecretSource>,
    setting: &str,
) -> Result<SecretString, AuthError> {
    let Some(source) = source.cloned() else {
        return Err(no_secret(
            format!("the profile has no {setting}"),
            format!(
                "add {setting} = {{ env = \"NAME\" }}, {{ file = \"path\" }} or {{ command = […] }} to the profile"
            ),
        ));
    };
    match tokio::task::spawn_blocking(move || source.read()).await {
        Ok(Ok(secret)) => Ok(secret),
        Ok(Err(why)) => Err(no_secret(
            why.to_string(),
            format!("put it where {setting} of the profile says"),
        )),
        Err(why) => Err(no_secret(format!("reading {setting} failed: {why}"), "")),
    }
}

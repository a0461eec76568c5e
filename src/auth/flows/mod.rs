//! The ways to sign in, a file each.

mod azure_cli;
mod browser;
mod certificate;
mod device_code;
mod federated;
mod loopback;
mod managed_identity;
mod password;
mod person;
mod secret;

use secrecy::SecretString;

use super::endpoint::{TokenServer, error};
use super::{AccessToken, AuthError, AuthErrorKind, Flow, Keeper, TokenRequest};
use crate::cloud::Endpoints;
use crate::config::{Profile, SecretSource, SignIn, TokenEndpoint};

pub(crate) use loopback::{Loopback, Page};
pub use person::{PersonFlow, Surroundings};

/// How assertions are announced (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The way a profile asks for.
pub(super) fn of(
    profile: &Profile,
    endpoints: &Endpoints,
    http: reqwest::Client,
    keeper: Keeper,
) -> Box<dyn Flow> {
    if matches!(profile.sign_in(), SignIn::Browser | SignIn::DeviceCode) {
        let around = Surroundings::default();
        return Box::new(PersonFlow::new(profile, endpoints, http, keeper, around));
    }
    let server = |profile: &Profile| TokenServer::of(profile, endpoints, http);
    match profile.sign_in() {
        SignIn::Certificate => {
            Box::new(certificate::CertificateFlow::new(profile, server(profile)))
        }
        SignIn::Federated => Box::new(federated::FederatedFlow::new(profile, server(profile))),
        SignIn::ManagedIdentity => Box::new(managed_identity::ManagedIdentityFlow::new(profile)),
        SignIn::Password => {
            // The documented sample speaks to the first generation; any other server has but one.
            let mut at = profile.clone();
            if at.issuer.is_none() {
                at.token_endpoint = TokenEndpoint::V1;
            }
            Box::new(password::PasswordFlow::new(profile, server(&at)))
        }
        SignIn::AzureCli => Box::new(azure_cli::AzureCliFlow::new(profile)),
        SignIn::Secret | SignIn::Browser | SignIn::DeviceCode => {
            Box::new(secret::SecretFlow::new(profile, server(profile)))
        }
    }
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

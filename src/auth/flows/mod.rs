//! The ways to sign in, a file each.

mod secret;

use super::{AccessToken, AuthError, Flow, TokenRequest};
use crate::cloud::Endpoints;
use crate::config::Profile;

pub use secret::SecretFlow;

/// The way a profile asks for.
pub(super) fn of(profile: &Profile, endpoints: &Endpoints, http: reqwest::Client) -> Box<dyn Flow> {
    Box::new(SecretFlow::new(profile, &endpoints.authority, http))
}

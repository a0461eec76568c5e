//! Getting, keeping, reading and judging tokens.
//!
//! [`TokenSource`] keeps one token a resource in memory, renews it before it expires, and lets one
//! request fetch what many wait for. How a token is got is a [`Flow`]: one small file each
//! in `flows/`. Tokens and secrets are never printed, logged or written to disk.
//!
//! This room knows the token endpoint and nothing of the services behind the tokens; [`judge()`] only
//! reads a token and what the service said, and gives the reason with its cure.

mod aadsts;
mod answer;
mod claims;
pub mod clock;
mod consent;
mod credential;
mod endpoint;
mod flow;
mod flows;
mod http;
pub mod judge;
mod keep;
mod permissions;
mod source;
mod talk;
pub(crate) mod trouble;
mod wording;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

pub use aadsts::explain;
pub use claims::Claims;
pub use consent::{CONSENT_REDIRECT, ConsentAsk, consent_url, profile_consent};
pub use flow::{Flow, TokenRequest};
pub(crate) use flows::{Loopback, Page};
pub use flows::{PersonFlow, Surroundings};
pub use http::{HttpError, http_client};
pub use judge::{
    Cure, Needs, PermissionKind, Reason, Refusal, Verdict, consent_link, foresee, judge,
};
pub use keep::{KeepError, Keeper, Kept, Lock, Who, keyring_available};
pub use permissions::{PERMISSIONS, Permission};
pub use source::{Learned, TokenSource};
pub use talk::{SignInStep, Talk};
pub use trouble::Trouble;
pub use wording::{Named, parse_forbidden};

/// A service tokens are asked for, one token each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// Microsoft Graph.
    Graph,
    /// Defender for Endpoint.
    Defender,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 2] = [Self::Graph, Self::Defender];

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Graph => "Microsoft Graph",
            Self::Defender => "Defender for Endpoint",
        }
    }

    /// The API its permissions are picked under in an app registration.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::Graph => "Microsoft Graph",
            Self::Defender => "WindowsDefenderATP",
        }
    }
}

/// An access token. Its text leaves through [`AccessToken::expose`] alone.
pub struct AccessToken {
    secret: SecretString,
    /// When it stops being good.
    pub expires: Timestamp,
    /// What can be read from it; `None` where it is opaque.
    pub claims: Option<Claims>,
}

impl AccessToken {
    /// Wraps a token that is good until `expires`.
    pub fn new(secret: SecretString, expires: Timestamp) -> Self {
        let claims = Claims::read(secret.expose_secret());
        Self {
            secret,
            expires,
            claims,
        }
    }

    /// The token's text, for the `Authorization` header and nothing else.
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires", &self.expires)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

/// What kind of trouble signing in met; decides what the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthErrorKind {
    /// The profile holds no usable secret.
    NoSecret,
    /// The token endpoint could not be reached, or something else stands in between: worth trying
    /// again.
    Offline,
    /// The token endpoint is troubled or asks for patience: worth trying again.
    Busy,
    /// Entra refused: trying again changes nothing until somebody changes the profile or registration.
    Refused,
    /// Somebody has to sign in.
    Interaction,
    /// The answer was not one of a token endpoint.
    Decode,
}

/// Why there is no token. `Clone`, because many may wait for the same one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AuthError {
    /// What kind of trouble.
    pub kind: AuthErrorKind,
    /// The number of an `AADSTS…` code.
    pub aadsts: Option<u32>,
    /// What happened, one line; sanitised.
    pub message: String,
    /// What to do about it; empty where there is nothing.
    pub advice: String,
    /// Entra's trace id, to quote to support.
    pub trace_id: Option<String>,
}

impl AuthError {
    /// Whether trying again later may help.
    pub fn is_passing(&self) -> bool {
        matches!(self.kind, AuthErrorKind::Offline | AuthErrorKind::Busy)
    }
}

/// A token many share.
pub type SharedToken = Arc<AccessToken>;

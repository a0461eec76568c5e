//! What a way to sign in is.

use futures_util::future::BoxFuture;

use super::{AccessToken, AuthError, Resource, Talk, Who};
use crate::cloud::scope_of;

/// A token that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// The service it is for.
    pub resource: Resource,
    /// Its audience: an identifier URI, or an application id.
    pub audience: String,
    /// What a service demanded of the next token (Continuous Access Evaluation): the JSON text of the
    /// `claims` parameter.
    pub claims: Option<String>,
}

impl TokenRequest {
    /// How the v2 endpoint is asked for it: `https://graph.microsoft.com/.default`.
    pub fn scope(&self) -> String {
        scope_of(&self.audience)
    }
}

/// One way to sign in. Each lives in a file of its own and keeps what it needs to itself. The
/// [`TokenSource`](super::TokenSource) sees to it that no token is asked for twice at once.
pub trait Flow: Send + Sync + 'static {
    /// Gets a token without anybody's help; an error of kind
    /// [`Interaction`](super::AuthErrorKind::Interaction) says that a person has to sign in.
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>>;

    /// Gets a token with the help of the person at the console. Ways that need no person do as
    /// without one.
    fn sign_in(
        &self,
        request: TokenRequest,
        talk: Talk,
    ) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        drop(talk);
        self.acquire(request)
    }

    /// What the person at the console should know of this way of signing in, said at each start; empty
    /// where there is nothing.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Forgets what was kept of a sign-in, on disk too; whether there was anything.
    ///
    /// # Errors
    /// Where what is kept cannot be removed.
    fn sign_out(&self) -> Result<bool, AuthError> {
        Ok(false)
    }

    /// Who is signed in, where that is a person and known; asks nobody.
    fn who(&self) -> Option<Who> {
        None
    }
}

//! The application signs in with a secret (`client_credentials`).

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;

use super::{AccessToken, AuthError, Flow, TokenRequest, TokenServer, read_secret};
use crate::config::{Profile, SecretSource};

/// Client credentials with a secret that is read anew for each token, so that a rotated secret
/// works without a restart.
pub(super) struct SecretFlow {
    server: TokenServer,
    client_id: String,
    secret: Option<SecretSource>,
}

impl SecretFlow {
    /// The flow of a profile.
    pub(super) fn new(profile: &Profile, server: TokenServer) -> Self {
        Self {
            server,
            client_id: profile.client_id.clone(),
            secret: profile.client_secret.clone(),
        }
    }

    async fn get(&self, request: TokenRequest) -> Result<AccessToken, AuthError> {
        let secret = read_secret(self.secret.as_ref(), "client_secret").await?;
        let proof = [("client_secret", secret.expose_secret())];
        self.server
            .application(&self.client_id, &request, &proof)
            .await
    }
}

impl Flow for SecretFlow {
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(self.get(request))
    }
}

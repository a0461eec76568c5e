//! The application signs in with a secret (`client_credentials`).

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use url::Url;

use super::{AccessToken, AuthError, Flow, TokenRequest};
use crate::auth::AuthErrorKind;
use crate::auth::endpoint::{self, error};
use crate::config::{Profile, SecretSource};

/// Client credentials with a secret that is read anew for each token, so that a rotated secret
/// works without a restart.
pub struct SecretFlow {
    http: reqwest::Client,
    authority: Url,
    tenant: String,
    client_id: String,
    secret: Option<SecretSource>,
}

impl SecretFlow {
    /// The flow of a profile.
    pub fn new(profile: &Profile, authority: &Url, http: reqwest::Client) -> Self {
        Self {
            http,
            authority: authority.clone(),
            tenant: profile.tenant_id.clone(),
            client_id: profile.client_id.clone(),
            secret: profile.client_secret.clone(),
        }
    }

    async fn get(&self, request: TokenRequest) -> Result<AccessToken, AuthError> {
        let no_secret = |message: String, advice: &str| AuthError {
            advice: advice.to_owned(),
            ..error(AuthErrorKind::NoSecret, message)
        };
        let source = self.secret.clone().ok_or_else(|| {
            no_secret(
                "the profile has no client_secret".to_owned(),
                "add client_secret = { env = \"NAME\" }, { file = \"path\" } or { command = […] } to the profile",
            )
        })?;
        let read = tokio::task::spawn_blocking(move || source.read()).await;
        let secret = match read {
            Ok(Ok(secret)) => secret,
            Ok(Err(why)) => {
                return Err(no_secret(
                    why.to_string(),
                    "put the application's secret where the profile says",
                ));
            }
            Err(why) => return Err(no_secret(format!("reading the secret failed: {why}"), "")),
        };
        let url = endpoint::token_url(&self.authority, &self.tenant)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", secret.expose_secret()),
            ("scope", &request.scope()),
        ];
        endpoint::ask(&self.http, url, &form).await
    }
}

impl Flow for SecretFlow {
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(self.get(request))
    }
}

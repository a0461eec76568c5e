//! A person signs in by name and password, exactly as the documented native-app sample does: the v1
//! token endpoint, `resource`, no secret (`defender-endpoint` sheet section 3).
//!
//! Only for those who must: it knows no second factor, and this program sees the password. It is read
//! for each token and kept nowhere.

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;

use super::{AccessToken, AuthError, Flow, TokenRequest, TokenServer, no_secret, read_secret};
use crate::config::{Profile, SecretSource};

/// The resource owner password grant.
pub(super) struct PasswordFlow {
    server: TokenServer,
    client_id: String,
    username: Option<String>,
    password: Option<SecretSource>,
    allowed: bool,
}

impl PasswordFlow {
    /// The flow of a profile.
    pub(super) fn new(profile: &Profile, server: TokenServer) -> Self {
        Self {
            server,
            client_id: profile.client_id.clone(),
            username: profile.username.clone(),
            password: profile.password.clone(),
            allowed: profile.allow_password_grant,
        }
    }

    async fn get(&self, request: TokenRequest) -> Result<AccessToken, AuthError> {
        if !self.allowed {
            return Err(no_secret(
                "signing in by password is not allowed by the profile".to_owned(),
                "use sign_in = \"browser\" or \"device-code\"; where it must be, set allow_password_grant = true",
            ));
        }
        let Some(username) = &self.username else {
            return Err(no_secret(
                "the profile has no username".to_owned(),
                "add username = \"name@domain\" to the profile",
            ));
        };
        let password = read_secret(self.password.as_ref(), "password").await?;
        let target = self.server.target(&request, &[]);
        let mut form = vec![
            ("grant_type", "password"),
            ("client_id", &self.client_id),
            ("username", username),
            ("password", password.expose_secret()),
        ];
        form.extend(target.iter().map(|(name, value)| (*name, value.as_str())));
        Ok(self.server.post(&form).await?.token)
    }
}

impl Flow for PasswordFlow {
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(self.get(request))
    }

    fn warnings(&self) -> Vec<String> {
        vec![
            "signing in by password: no second factor, no federated accounts, and this program sees the password; sign_in = \"browser\" or \"device-code\" needs none"
                .to_owned(),
        ]
    }
}

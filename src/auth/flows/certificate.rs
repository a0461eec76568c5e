//! The application signs in with a certificate: an assertion of its own, signed with the certificate's
//! key (RFC 7523; `defender-endpoint` sheet section 3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use serde_json::json;
use url::Url;

use super::{
    ASSERTION_TYPE, AccessToken, AuthError, Flow, TokenRequest, TokenServer, no_secret, read_secret,
};
use crate::auth::credential::{self, Credential, Files, RsaPadding};
use crate::config::{Profile, SecretSource};

/// How long an assertion is good, seconds: the documented most.
const LIFE: i64 = 10 * 60;

/// Client credentials with a certificate whose files are read anew for each token, so that a renewed
/// certificate works without a restart.
pub(super) struct CertificateFlow {
    server: TokenServer,
    client_id: String,
    files: Option<Files>,
    password: Option<SecretSource>,
}

impl CertificateFlow {
    /// The flow of a profile.
    pub(super) fn new(profile: &Profile, server: TokenServer) -> Self {
        Self {
            server,
            client_id: profile.client_id.clone(),
            files: profile.certificate.clone().map(|certificate| Files {
                certificate,
                key: profile.certificate_key.clone(),
            }),
            password: profile.certificate_password.clone(),
        }
    }

    async fn get(&self, request: TokenRequest) -> Result<AccessToken, AuthError> {
        let Some(files) = self.files.clone() else {
            return Err(no_secret(
                "the profile has no certificate".to_owned(),
                "add certificate = \"FILE\" to the profile",
            ));
        };
        let password = match &self.password {
            Some(source) => Some(read_secret(Some(source), "certificate_password").await?),
            None => None,
        };
        let to = self.server.addresses().await?;
        let (padding, token, id) = (to.padding, to.token.clone(), self.client_id.clone());
        // Opening a locked key is meant to take its time.
        let signed = tokio::task::spawn_blocking(move || {
            let now = Timestamp::now();
            let credential = Credential::read(&files, password.as_ref(), now)?;
            if let Some(warning) = credential.warning(&files, now) {
                tracing::warn!("{warning}");
            }
            assertion(&credential, &id, &token, padding, now)
        });
        let assertion = signed.await.map_err(|why| {
            no_secret(format!("signing with the certificate failed: {why}"), "")
        })??;
        let proof = [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion.as_str()),
        ];
        self.server
            .application(&self.client_id, &request, &proof)
            .await
    }
}

impl Flow for CertificateFlow {
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(self.get(request))
    }

    fn warnings(&self) -> Vec<String> {
        let files = self.files.iter();
        files
            .filter_map(|files| credential::early_warning(files, Timestamp::now()))
            .collect()
    }
}

/// The signed statement that the application is itself, for this one address.
fn assertion(
    credential: &Credential,
    client_id: &str,
    to: &Url,
    padding: RsaPadding,
    now: Timestamp,
) -> Result<Zeroizing<String>, AuthError> {
    let mut header = json!({
        "alg": credential.algorithm(padding),
        "typ": "JWT",
        "x5t#S256": credential.x5t_s256(),
    });
    if padding == RsaPadding::Pkcs1 {
        header["x5t"] = json!(credential.x5t());
    }
    let now = now.as_second();
    let claims = json!({
        "aud": to.as_str(),
        "iss": client_id,
        "sub": client_id,
        "jti": uuid::Uuid::new_v4().to_string(),
        "nbf": now,
        "iat": now,
        "exp": now + LIFE,
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut jwt = Zeroizing::new(format!("{}.{}", part(&header), part(&claims)));
    let signature = credential.sign(&jwt, padding)?;
    jwt.push('.');
    jwt.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(jwt)
}

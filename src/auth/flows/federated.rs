//! The application signs in with a token of another issuer that its tenant trusts: workload identity.

use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;

use super::{ASSERTION_TYPE, AccessToken, AuthError, Flow, TokenRequest, TokenServer, no_secret};
use crate::auth::Claims;
use crate::config::Profile;

/// Where Kubernetes' workload identity says the file is.
const VARIABLE: &str = "AZURE_FEDERATED_TOKEN_FILE";
/// How far clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// No token is longer.
const LARGEST: usize = 64 * 1024;

/// Client credentials with a foreign token that is read anew each time, because the platform replaces
/// it by the hour.
pub(super) struct FederatedFlow {
    server: TokenServer,
    client_id: String,
    file: Option<PathBuf>,
}

impl FederatedFlow {
    /// The flow of a profile.
    pub(super) fn new(profile: &Profile, server: TokenServer) -> Self {
        let named = profile.federated_token_file.clone();
        Self {
            server,
            client_id: profile.client_id.clone(),
            file: named.or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from)),
        }
    }

    async fn get(&self, request: TokenRequest) -> Result<AccessToken, AuthError> {
        let Some(file) = self.file.clone() else {
            return Err(no_secret(
                format!("neither the profile nor {VARIABLE} names a federated token file"),
                "add federated_token_file = \"PATH\" to the profile; a pod gets the variable from the label azure.workload.identity/use",
            ));
        };
        let read = tokio::task::spawn_blocking(move || token(&file, Timestamp::now())).await;
        let assertion =
            read.map_err(|why| no_secret(format!("reading the token failed: {why}"), ""))??;
        let proof = [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion.as_str()),
        ];
        self.server
            .application(&self.client_id, &request, &proof)
            .await
    }
}

impl Flow for FederatedFlow {
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(self.get(request))
    }
}

/// The token in a file, as far as can be seen from here a good one.
fn token(file: &Path, now: Timestamp) -> Result<Zeroizing<String>, AuthError> {
    let name = file.display();
    let bytes = std::fs::read(file).map_err(|why| {
        no_secret(
            format!("the federated token file {name} cannot be read: {why}"),
            "check federated_token_file of the profile, and that the platform puts a token there",
        )
    })?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    if text.is_empty() && bytes.trim_ascii().is_empty() {
        return Err(no_secret(
            format!("the federated token file {name} is empty"),
            "the platform writes the token; see that its identity webhook or token command runs",
        ));
    }
    let expires = Claims::read(text).map(|claims| claims.expires);
    let Some(expires) = expires.filter(|_| text.len() <= LARGEST) else {
        return Err(no_secret(
            format!("the federated token file {name} holds no token"),
            "it must hold one signed JWT and nothing else",
        ));
    };
    if let Some(expires) = expires.filter(|it| now.duration_since(*it) > SKEW) {
        return Err(no_secret(
            format!("the token in {name} expired at {expires}"),
            "the platform has stopped renewing it; see that its identity webhook or token command runs",
        ));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::claims::jwt;
    use serde_json::json;

    #[test]
    fn what_is_wrong_with_the_file_is_said() {
        let now: Timestamp = "2026-08-19T08:00:00Z".parse().expect("a time");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        let said = |text: Option<&str>| {
            if let Some(text) = text {
                std::fs::write(&file, text).expect("written");
            }
            token(&file, now).expect_err("unusable")
        };
        let old = jwt(&json!({ "exp": now.as_second() - 3600 }));
        for (text, what, cure) in [
            (None, "cannot be read", "federated_token_file"),
            (Some(" \n"), "is empty", "webhook"),
            (Some("hello"), "holds no token", "one signed JWT"),
            (
                Some("{\"token\":\"a.b.c\"}"),
                "holds no token",
                "nothing else",
            ),
            (Some(&old), "expired at 2026-08-19T07:00:00Z", "renewing"),
        ] {
            let error = said(text);
            assert!(error.message.contains(what), "{error}");
            assert!(error.advice.contains(cure), "{}", error.advice);
        }
        let good = jwt(&json!({ "exp": now.as_second() + 60 }));
        std::fs::write(&file, format!("{good}\n")).expect("written");
        assert_eq!(*token(&file, now).expect("a token"), good);
    }
}

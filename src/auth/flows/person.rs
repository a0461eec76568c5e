//! A person who signed in, in the browser or with a device code: one refresh token gets the tokens of
//! every resource, so that they sign in once and give their second factor once.
//!
//! Each answer may bring a new refresh token, and the newest is kept: a server may take the one before
//! for stolen. What is kept is read again before it is used, under a lock: another console may have
//! renewed or ended the sign-in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{browser, device_code};
use crate::auth::claims;
use crate::auth::endpoint::{Granted, TokenServer, error};
use crate::auth::keep::{KeepError, Keeper, Kept, Shared, Who};
use crate::auth::{AccessToken, AuthError, AuthErrorKind, Flow, SignInStep, Talk, TokenRequest};
use crate::cloud::Endpoints;
use crate::config::{Profile, SignIn};

/// Asked for beside the resource: a refresh token, and who it is.
pub(super) const SCOPES: &[&str] = &["offline_access", "openid", "profile"];

/// Refusals that a refresh token survives: the person owes something for one resource, and may have
/// given it for another.
static SURVIVED: &[u32] = &[
    50_072, 50_074, 50_076, 50_079, 50_105, 50_158, 53_000, 53_001, 53_002, 53_003, 53_004, 65_001,
    65_004,
];

/// What a sign-in needs of the machine it runs on; tests bring their own.
#[derive(Clone)]
pub struct Surroundings {
    /// Opens a page in the browser; whether that worked.
    pub open: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// Waits.
    pub sleep: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            open: Arc::new(|page| has_display() && open::that_detached(page).is_ok()),
            sleep: Arc::new(|span| Box::pin(tokio::time::sleep(span))),
        }
    }
}

/// Whether a browser could show itself: on a server, what opens pages may be there and show nothing.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"]
            .into_iter()
            .any(set)
}

/// The sign-in of a person. Cheap to clone; clones share.
#[derive(Clone)]
pub struct PersonFlow {
    inner: Arc<Inner>,
}

struct Inner {
    server: TokenServer,
    client_id: String,
    way: SignIn,
    around: Surroundings,
    kept: Arc<Shared>,
    /// Held while a token is renewed: the resources share what it is renewed with.
    renewing: tokio::sync::Mutex<()>,
    /// What a service demanded and a person has to give: for the next sign-in.
    demanded: Mutex<Option<String>>,
}

/// What the ways of asking a person share.
pub(super) struct Asked<'a> {
    pub(super) server: &'a TokenServer,
    pub(super) client_id: &'a str,
    pub(super) request: &'a TokenRequest,
    pub(super) around: &'a Surroundings,
    /// Who signed in last.
    pub(super) hint: Option<String>,
}

impl PersonFlow {
    /// The sign-in of a profile, kept by this keeper.
    pub fn new(
        profile: &Profile,
        endpoints: &Endpoints,
        http: reqwest::Client,
        keeper: Keeper,
        around: Surroundings,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                server: TokenServer::of(profile, endpoints, http),
                client_id: profile.client_id.clone(),
                way: profile.sign_in(),
                around,
                kept: Arc::new(Shared::new(keeper)),
                renewing: tokio::sync::Mutex::default(),
                demanded: Mutex::default(),
            }),
        }
    }
}

impl Inner {
    /// A token by the refresh token, which is the newest there is before and after.
    async fn renew(&self, request: TokenRequest) -> Result<AccessToken, AuthError> {
        let _one = self.renewing.lock().await;
        let _lock = self.lock().await;
        let kept = match self.newest().await {
            Ok(Some(kept)) => kept,
            Ok(None) => return Err(nobody("nobody is signed in with this profile".to_owned())),
            Err(why) => return Err(nobody(format!("nobody is signed in: {why}"))),
        };
        let target = self.server.target(&request, SCOPES);
        let mut form = borrowed(&target);
        form.extend([
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("refresh_token", kept.refresh_token.expose_secret()),
        ]);
        match self.server.post(&form).await {
            Ok(granted) => {
                let (token, unkept) = self.take(granted, Some(kept)).await;
                if let Some(why) = unkept {
                    tracing::warn!(%why, "a renewed sign-in is not kept");
                }
                Ok(token)
            }
            Err(mut error) => {
                if error.kind == AuthErrorKind::Interaction {
                    if request.claims.is_some() {
                        self.demanded().clone_from(&request.claims);
                    }
                    let alive = error.aadsts.is_some_and(|code| SURVIVED.contains(&code));
                    if !alive && let Err(why) = self.forget().await {
                        tracing::warn!(%why, "an ended sign-in is not removed");
                    }
                    if error.advice.is_empty() {
                        SIGN_IN.clone_into(&mut error.advice);
                    }
                }
                Err(error)
            }
        }
    }

    async fn ask(&self, mut request: TokenRequest, talk: Talk) -> Result<AccessToken, AuthError> {
        if request.claims.is_none() {
            request.claims.clone_from(&self.demanded());
        }
        let hint = self.kept.who().map(|who| who.username);
        let asked = Asked {
            server: &self.server,
            client_id: &self.client_id,
            request: &request,
            around: &self.around,
            hint: hint.filter(|name| !name.is_empty()),
        };
        let granted = match talk.way.unwrap_or(self.way) {
            SignIn::DeviceCode => device_code::sign_in(&asked, &talk).await?,
            _ => browser::sign_in(&asked, &talk).await?,
        };
        let _one = self.renewing.lock().await;
        let _lock = self.lock().await;
        let (token, unkept) = self.take(granted, None).await;
        *self.demanded() = None;
        if let Some(why) = unkept {
            talk.tell(SignInStep::Warning(why));
        }
        Ok(token)
    }

    /// Takes an answer in: its refresh token, or the one before where it brings none. In words, why it
    /// will not last.
    async fn take(&self, granted: Granted, before: Option<Kept>) -> (AccessToken, Option<String>) {
        let Granted {
            token,
            refresh_token,
            id_token,
        } = granted;
        let named = id_token.as_ref().and_then(who);
        let (old_token, old_who) = before.map_or((None, None), |kept| {
            (Some(kept.refresh_token), Some(kept.who))
        });
        let rotated = refresh_token.is_some();
        let who_now = named.or(old_who).unwrap_or_else(|| Who {
            username: upn(&token),
            tid: token
                .claims
                .as_ref()
                .and_then(|c| c.tid.clone())
                .unwrap_or_default(),
            ..Who::default()
        });
        let Some(refresh_token) = refresh_token.or(old_token) else {
            let _ = self.forget().await;
            let why = "the sign-in service gave nothing to renew the token with: sign in again when it ends; offline_access may not be allowed to the application";
            return (token, Some(why.to_owned()));
        };
        if !rotated {
            return (token, None);
        }
        let kept = Kept {
            refresh_token,
            who: who_now,
        };
        let shared = Arc::clone(&self.kept);
        let saved = blocking(move || shared.put(kept)).await;
        let why = saved.err().map(|why| {
            format!("the sign-in lasts until the program ends: {why}; `nightjar login --store file` keeps it in a file only you can read")
        });
        (token, why)
    }

    async fn lock(&self) -> Option<crate::auth::keep::Lock> {
        match self.kept.keeper().lock().await {
            Ok(lock) => Some(lock),
            Err(why) => {
                tracing::warn!(%why, "renewing without the lock");
                None
            }
        }
    }

    async fn newest(&self) -> Result<Option<Kept>, KeepError> {
        let shared = Arc::clone(&self.kept);
        blocking(move || shared.newest()).await
    }

    async fn forget(&self) -> Result<bool, KeepError> {
        let shared = Arc::clone(&self.kept);
        blocking(move || shared.forget()).await
    }

    fn demanded(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.demanded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flow for PersonFlow {
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        let inner = Arc::clone(&self.inner);
        // On its own feet: who stops waiting must not lose a refresh token that is on its way.
        let renewing = tokio::spawn(async move { inner.renew(request).await });
        Box::pin(async move {
            renewing.await.unwrap_or_else(|why| {
                Err(error(
                    AuthErrorKind::Busy,
                    format!("renewing the sign-in broke off: {why}"),
                ))
            })
        })
    }

    fn sign_in(
        &self,
        request: TokenRequest,
        talk: Talk,
    ) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(self.inner.ask(request, talk))
    }

    fn sign_out(&self) -> Result<bool, AuthError> {
        *self.inner.demanded() = None;
        self.inner
            .kept
            .forget()
            .map_err(|why| error(AuthErrorKind::Refused, why.to_string()))
    }

    fn who(&self) -> Option<Who> {
        self.inner.kept.who()
    }
}

/// What a person does about an ended sign-in.
const SIGN_IN: &str = "sign in: in the console with its sign-in command, else `nightjar login`";

fn nobody(message: String) -> AuthError {
    AuthError {
        advice: SIGN_IN.to_owned(),
        ..error(AuthErrorKind::Interaction, message)
    }
}

/// The person gave up.
pub(super) fn called_off() -> AuthError {
    nobody("the sign-in was called off".to_owned())
}

/// A form as the server takes it.
pub(super) fn borrowed<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    form.iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

/// Off the threads that draw. A keeper does not panic; were it to, nothing is kept.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeepError> + Send + 'static,
) -> Result<T, KeepError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(why) => Err(KeepError::Keyring(why.to_string())),
    }
}

/// Who an ID token is about. It came from the server itself, over the connection it was asked on: its
/// signature would prove nothing more (OpenID Connect Core section 3.1.3.7).
fn who(id_token: &SecretString) -> Option<Who> {
    let claims = claims::payload(id_token.expose_secret())?;
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| claims.get(name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    Some(Who {
        username: text(&["preferred_username", "upn", "unique_name", "email", "name"]),
        oid: text(&["oid", "sub"]),
        tid: text(&["tid"]),
    })
}

fn upn(token: &AccessToken) -> String {
    let claims = token.claims.as_ref();
    claims
        .and_then(|claims| claims.upn.clone())
        .unwrap_or_default()
}

/// Whether an ID token, where there is one, answers this request: its nonce, and for whom it is.
pub(super) fn answers(id_token: Option<&SecretString>, nonce: &str, client_id: &str) -> bool {
    let Some(token) = id_token else { return true };
    let Some(claims) = claims::payload(token.expose_secret()) else {
        return false;
    };
    let for_us = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(|aud| aud == client_id),
        Some(aud) => aud == client_id,
        None => false,
    };
    for_us && claims.get("nonce").and_then(Value::as_str) == Some(nonce)
}

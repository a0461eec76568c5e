//! Keeping tokens: one a resource, renewed early, fetched once however many wait.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{AccessToken, AuthError, Flow, Resource, SharedToken, Talk, TokenRequest, flows};
use crate::cloud::Endpoints;
use crate::config::Profile;

/// A token is renewed this long before it expires, or halfway through a shorter life.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// Where the tokens of a tenant come from. Cheap to clone; clones share.
#[derive(Clone)]
pub struct TokenSource {
    inner: Arc<Inner>,
}

struct Inner {
    flow: Box<dyn Flow>,
    slots: [Slot; 2],
    tenant: String,
}

struct Slot {
    resource: Resource,
    audience: String,
    /// Held while a token is fetched: who waits for it finds the answer, or tries next.
    fetching: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    token: Option<(SharedToken, Timestamp)>,
    /// The last failure, numbered, so that those who waited for that fetch share it.
    failed: Option<(u64, AuthError)>,
    fetches: u64,
}

impl TokenSource {
    /// The tokens of a profile, by the flow it asks for.
    pub fn new(profile: &Profile, endpoints: &Endpoints, http: reqwest::Client) -> Self {
        let flow = flows::of(profile, endpoints, http);
        Self::with_flow(flow, endpoints, &profile.tenant_id)
    }

    /// The tokens a flow gets.
    pub fn with_flow(flow: Box<dyn Flow>, endpoints: &Endpoints, tenant: &str) -> Self {
        let slot = |resource, audience: &str| Slot {
            resource,
            audience: audience.to_owned(),
            fetching: tokio::sync::Mutex::new(()),
            held: Mutex::default(),
        };
        Self {
            inner: Arc::new(Inner {
                flow,
                slots: [
                    slot(Resource::Graph, &endpoints.graph_audience),
                    slot(Resource::Defender, &endpoints.defender_audience),
                ],
                tenant: tenant.to_owned(),
            }),
        }
    }

    /// The tenant the tokens are asked for, as the profile names it.
    pub fn tenant(&self) -> &str {
        &self.inner.tenant
    }

    /// A token that is good for a while: the one held, or a new one where that is due. However many
    /// ask at once, one request is made; where a renewal fails while the old token is still good,
    /// the old one is given.
    ///
    /// # Errors
    /// Where there is none to be had.
    pub async fn token(&self, resource: Resource) -> Result<SharedToken, AuthError> {
        let slot = &self.inner.slots[resource as usize];
        if let Some(token) = slot.fresh(Timestamp::now()) {
            return Ok(token);
        }
        let seen = slot.held().fetches;
        let _one = slot.fetching.lock().await;
        if let Some(token) = slot.fresh(Timestamp::now()) {
            return Ok(token);
        }
        if let Some(error) = slot.failed_since(seen) {
            return Err(error);
        }
        let answer = self.inner.flow.acquire(slot.request()).await;
        slot.settle(answer)
    }

    /// Signs the person at the console in, whatever token is held; tells them what to do through
    /// `talk`.
    ///
    /// # Errors
    /// Where they did not, or were refused.
    pub async fn sign_in(&self, resource: Resource, talk: Talk) -> Result<SharedToken, AuthError> {
        let slot = &self.inner.slots[resource as usize];
        let _one = slot.fetching.lock().await;
        let answer = self.inner.flow.sign_in(slot.request(), talk).await;
        slot.settle(answer)
    }

    /// What the person at the console should know of the way they sign in, said at each start.
    pub fn warnings(&self) -> Vec<String> {
        self.inner.flow.warnings()
    }

    /// Forgets every token and what was kept of a sign-in, on disk too.
    ///
    /// # Errors
    /// Where what is kept cannot be removed.
    pub fn sign_out(&self) -> Result<(), AuthError> {
        for slot in &self.inner.slots {
            slot.held().token = None;
        }
        self.inner.flow.sign_out()
    }

    /// The token held, without asking for one: what "who am I" and permission checks look at.
    pub fn peek(&self, resource: Resource) -> Option<SharedToken> {
        let held = self.inner.slots[resource as usize].held();
        held.token.as_ref().map(|(token, _)| Arc::clone(token))
    }

    /// Drops a token the service refused. Does nothing where another has taken its place already.
    pub fn invalidate(&self, resource: Resource, refused: &SharedToken) {
        let mut held = self.inner.slots[resource as usize].held();
        if held
            .token
            .as_ref()
            .is_some_and(|(token, _)| Arc::ptr_eq(token, refused))
        {
            held.token = None;
        }
    }
}

impl Slot {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, now: Timestamp) -> Option<SharedToken> {
        let held = self.held();
        let (token, renew) = held.token.as_ref()?;
        (now < *renew).then(|| Arc::clone(token))
    }

    fn request(&self) -> TokenRequest {
        TokenRequest {
            resource: self.resource,
            audience: self.audience.clone(),
            claims: None,
        }
    }

    /// Takes an answer in: whoever waited for it finds it here.
    fn settle(&self, answer: Result<AccessToken, AuthError>) -> Result<SharedToken, AuthError> {
        let now = Timestamp::now();
        let mut held = self.held();
        held.fetches += 1;
        match answer {
            Ok(token) => {
                let life = token.expires.duration_since(now);
                let early = EARLY.min(life / 2);
                let renew = token.expires.checked_sub(early).unwrap_or(token.expires);
                let token = Arc::new(token);
                held.token = Some((Arc::clone(&token), renew));
                held.failed = None;
                tracing::debug!(resource = self.resource.title(), expires = %token.expires, "token");
                Ok(token)
            }
            Err(error) => {
                tracing::warn!(resource = self.resource.title(), aadsts = error.aadsts, %error, "no token");
                held.failed = Some((held.fetches, error.clone()));
                match &held.token {
                    Some((token, _)) if token.expires > now && error.is_passing() => {
                        Ok(Arc::clone(token))
                    }
                    _ => Err(error),
                }
            }
        }
    }

    fn failed_since(&self, seen: u64) -> Option<AuthError> {
        let held = self.held();
        let (fetch, error) = held.failed.as_ref()?;
        (*fetch > seen).then(|| error.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::AuthErrorKind;
    use crate::cloud::{Choice, resolve};
    use futures_util::future::BoxFuture;
    use secrecy::SecretString;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Hands out numbered tokens of a given life, or fails where told to.
    struct Counting {
        made: Arc<AtomicU32>,
        life: i64,
        fail_from: u32,
    }

    impl Flow for Counting {
        fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
            Box::pin(async move {
                let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::task::yield_now().await;
                if number >= self.fail_from {
                    return Err(super::super::endpoint::error(
                        AuthErrorKind::Offline,
                        "no network".to_owned(),
                    ));
                }
                let expires = Timestamp::now() + SignedDuration::from_secs(self.life);
                Ok(AccessToken::new(
                    SecretString::from(format!("{number} {}", request.scope())),
                    expires,
                ))
            })
        }
    }

    fn source(life: i64, fail_from: u32) -> (TokenSource, Arc<AtomicU32>) {
        let made = Arc::new(AtomicU32::new(0));
        let endpoints = resolve(&Choice {
            cloud: "commercial",
            ..Choice::default()
        })
        .expect("resolves");
        let flow = Counting {
            made: Arc::clone(&made),
            life,
            fail_from,
        };
        (
            TokenSource::with_flow(Box::new(flow), &endpoints, "t"),
            made,
        )
    }

    #[tokio::test]
    async fn many_waiters_make_one_request_a_resource() {
        let (source, made) = source(3600, u32::MAX);
        let asks = (0..20).map(|_| source.token(Resource::Graph));
        for token in futures_util::future::join_all(asks).await {
            assert_eq!(
                token.expect("a token").expose(),
                "1 https://graph.microsoft.com/.default"
            );
        }
        let other = source.token(Resource::Defender).await.expect("a token");
        assert_eq!(
            other.expose(),
            "2 https://api.securitycenter.microsoft.com/.default"
        );
        assert_eq!(made.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_token_is_renewed_five_minutes_early() {
        let (source, made) = source(3600, u32::MAX);
        source.token(Resource::Graph).await.expect("a token");
        let renew = {
            let held = source.inner.slots[0].held();
            held.token
                .as_ref()
                .map(|(token, renew)| (token.expires, *renew))
        };
        let (expires, renew) = renew.expect("held");
        assert_eq!(expires.duration_since(renew), EARLY);
        assert!(source.inner.slots[0].fresh(renew).is_none());
        source.token(Resource::Graph).await.expect("a token");
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_failed_renewal_leaves_a_good_token_in_use() {
        let (source, made) = source(3600, 2);
        let first = source.token(Resource::Graph).await.expect("a token");
        // Make renewal due without expiring the token.
        if let Some((_, renew)) = &mut source.inner.slots[0].held().token {
            *renew = Timestamp::UNIX_EPOCH;
        }
        let second = source.token(Resource::Graph).await.expect("still good");
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(made.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn waiters_share_a_failure_instead_of_repeating_it() {
        let (source, made) = source(3600, 1);
        let asks = (0..10).map(|_| source.token(Resource::Graph));
        for answer in futures_util::future::join_all(asks).await {
            assert!(answer.is_err());
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn only_the_refused_token_is_dropped() {
        let (source, made) = source(3600, u32::MAX);
        let first = source.token(Resource::Graph).await.expect("a token");
        source.invalidate(Resource::Graph, &first);
        let second = source.token(Resource::Graph).await.expect("a token");
        source.invalidate(Resource::Graph, &first);
        let third = source.token(Resource::Graph).await.expect("a token");
        assert!(Arc::ptr_eq(&second, &third));
        assert_eq!(made.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_token_does_not_print_itself() {
        let token = AccessToken::new(SecretString::from("sesame"), Timestamp::UNIX_EPOCH);
        assert!(!format!("{token:?}").contains("sesame"));
    }
}

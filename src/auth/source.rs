//! Keeping tokens: one a resource, renewed early, fetched once however many wait.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{
    AccessToken, AuthError, AuthErrorKind, Flow, Keeper, Resource, SharedToken, Talk, TokenRequest,
    Who, endpoint, flows,
};
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
    /// Told of what was learned, before anybody else: keeps it for the next start.
    keeper: OnceLock<Remember>,
    learned: watch::Sender<Option<Learned>>,
}

type Remember = Box<dyn Fn(&Learned) + Send + Sync>;

/// An audience other than the configured one with which a service took tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The service.
    pub resource: Resource,
    /// What it takes.
    pub audience: String,
    /// What it had refused.
    pub refused: String,
}

impl fmt::Display for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, taken, refused) = (self.resource.title(), &self.audience, &self.refused);
        write!(
            f,
            "{service} refused tokens for {refused} and takes those for {taken}: remembered for this profile \
             (defender_audience = \"{taken}\" makes it so for good)"
        )
    }
}

struct Slot {
    resource: Resource,
    /// What tokens are asked for: the configured audience, and those to try where it is refused.
    audiences: Vec<Arc<str>>,
    /// Held while a token is fetched: who waits for it finds the answer, or tries next.
    fetching: tokio::sync::Mutex<()>,
    /// A person is signing in: that takes minutes, for which nobody waits.
    person: AtomicBool,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    token: Option<(SharedToken, Timestamp)>,
    /// The last failure, numbered, so that those who waited for that fetch share it.
    failed: Option<(u64, AuthError)>,
    fetches: u64,
    /// Which of the audiences is asked for.
    audience: usize,
    /// Another one has been tried: never twice, so that nothing flips back and forth.
    tried: bool,
    /// Which one was refused before the one in use, until the service has taken that.
    replaced: Option<usize>,
    /// The service has taken a token for this audience.
    settled: bool,
    /// What the service demands of the next token.
    claims: Option<String>,
}

impl TokenSource {
    /// The tokens of a profile, by the flow it asks for; a person's sign-in ends with the program.
    pub fn new(profile: &Profile, endpoints: &Endpoints, http: reqwest::Client) -> Self {
        Self::keeping(profile, endpoints, http, Keeper::memory())
    }

    /// The same; a person's sign-in is kept by this keeper.
    pub fn keeping(
        profile: &Profile,
        endpoints: &Endpoints,
        http: reqwest::Client,
        keeper: Keeper,
    ) -> Self {
        let flow = flows::of(profile, endpoints, http, keeper);
        Self::with_flow(flow, endpoints, &profile.tenant_id)
    }

    /// The tokens a flow gets.
    pub fn with_flow(flow: Box<dyn Flow>, endpoints: &Endpoints, tenant: &str) -> Self {
        let slot = |resource, audience: &str, others: &[&str]| Slot {
            resource,
            audiences: std::iter::once(audience)
                .chain(others.iter().copied().filter(|other| *other != audience))
                .map(Arc::from)
                .collect(),
            fetching: tokio::sync::Mutex::new(()),
            person: AtomicBool::new(false),
            held: Mutex::default(),
        };
        Self {
            inner: Arc::new(Inner {
                flow,
                slots: [
                    slot(Resource::Graph, &endpoints.graph_audience, &[]),
                    slot(
                        Resource::Defender,
                        &endpoints.defender_audience,
                        endpoints.other_audiences,
                    ),
                ],
                tenant: tenant.to_owned(),
                keeper: OnceLock::new(),
                learned: watch::Sender::new(None),
            }),
        }
    }

    /// The tenant the tokens are asked for, as the profile names it.
    pub fn tenant(&self) -> &str {
        &self.inner.tenant
    }

    /// A token that is good for a while: the one held, or a new one where that is due. However many
    /// ask at once, one request is made; where a renewal fails while the old token is still good,
    /// the old one is given. While a person is signing in nobody waits for them.
    ///
    /// # Errors
    /// Where there is none to be had.
    pub async fn token(&self, resource: Resource) -> Result<SharedToken, AuthError> {
        let slot = &self.inner.slots[resource as usize];
        if let Some(token) = slot.fresh(Timestamp::now()) {
            return Ok(token);
        }
        if let Some(answer) = slot.while_signing_in() {
            return answer;
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
        let _person = Person::at(&slot.person);
        let answer = self.inner.flow.sign_in(slot.request(), talk).await;
        slot.settle(answer)
    }

    /// What the person at the console should know of the way they sign in, said at each start.
    pub fn warnings(&self) -> Vec<String> {
        self.inner.flow.warnings()
    }

    /// The audience tokens of a resource are asked for now.
    pub fn audience(&self, resource: Resource) -> Arc<str> {
        let slot = &self.inner.slots[resource as usize];
        let held = slot.held();
        Arc::clone(&slot.audiences[held.audience])
    }

    /// Begins with an audience that worked before, where it is one that would be tried; a profile that
    /// names its audience has none.
    pub fn prefer(&self, resource: Resource, audience: &str) {
        let slot = &self.inner.slots[resource as usize];
        if let Some(index) = slot.audiences.iter().position(|it| **it == *audience) {
            slot.held().audience = index;
        }
    }

    /// Sets who keeps what is learned for the next start; the first one set stays. It may wait for the
    /// disk.
    pub fn keep_learned(&self, keeper: impl Fn(&Learned) + Send + Sync + 'static) {
        let _ = self.inner.keeper.set(Box::new(keeper));
    }

    /// News of an audience that was learned, to be told once.
    pub fn learned(&self) -> watch::Receiver<Option<Learned>> {
        self.inner.learned.subscribe()
    }

    /// Whether the service has taken a token for the audience in use.
    pub fn is_settled(&self, resource: Resource) -> bool {
        self.inner.slots[resource as usize].held().settled
    }

    /// The service refused tokens for `refused` for a reason of audience. True where a token for another
    /// audience is in use now, so that the call is worth sending once more: somebody switched meanwhile,
    /// or there is another one, not tried before, for which a token is to be had that `serves`.
    pub async fn switch(
        &self,
        resource: Resource,
        refused: &str,
        serves: impl Fn(&AccessToken) -> bool,
    ) -> bool {
        let slot = &self.inner.slots[resource as usize];
        let _one = slot.fetching.lock().await;
        let next = {
            let mut held = slot.held();
            if *slot.audiences[held.audience] != *refused {
                return true;
            }
            if held.settled || held.tried || slot.audiences.len() < 2 {
                return false;
            }
            held.tried = true;
            (held.audience + 1) % slot.audiences.len()
        };
        let request = TokenRequest {
            audience: slot.audiences[next].to_string(),
            ..slot.request()
        };
        match self.inner.flow.acquire(request).await {
            Ok(token) if serves(&token) => {
                {
                    let mut held = slot.held();
                    held.replaced = Some(held.audience);
                    held.audience = next;
                }
                tracing::info!(refused, audience = %slot.audiences[next], "another audience is tried");
                slot.settle(Ok(token)).is_ok()
            }
            Ok(_) => false,
            Err(error) => {
                tracing::info!(refused, %error, "no token for another audience");
                false
            }
        }
    }

    /// The audience that was tried in place of `refused` does not do either: back to where it was.
    pub fn switch_back(&self, resource: Resource, refused: &str) {
        let slot = &self.inner.slots[resource as usize];
        let Some(index) = slot.audiences.iter().position(|it| **it == *refused) else {
            return;
        };
        let mut held = slot.held();
        if !held.settled && held.audience != index {
            held.audience = index;
            held.replaced = None;
            held.token = None;
        }
    }

    /// The service has taken a token: its audience is right from here on. Where another was refused before,
    /// that is news.
    pub(crate) fn accepted(&self, resource: Resource) {
        let slot = &self.inner.slots[resource as usize];
        let learned = {
            let mut held = slot.held();
            held.settled = true;
            let Some(refused) = held.replaced.take() else {
                return;
            };
            Learned {
                resource,
                audience: slot.audiences[held.audience].to_string(),
                refused: slot.audiences[refused].to_string(),
            }
        };
        if let Some(keeper) = self.inner.keeper.get() {
            keeper(&learned);
        }
        self.inner.learned.send_replace(Some(learned));
    }

    /// The service demands more of the next token than the refused one had (Continuous Access Evaluation):
    /// `claims` is the JSON of its demand.
    pub fn demand(&self, resource: Resource, claims: String, refused: &SharedToken) {
        self.inner.slots[resource as usize].held().claims = Some(claims);
        self.invalidate(resource, refused);
    }

    /// Signs the person at the console in for every resource: they are asked once, and once more only
    /// where one resource asks more of them than the other.
    ///
    /// # Errors
    /// Where they did not, or were refused.
    pub async fn sign_in_to_all(&self, talk: &Talk) -> Result<(), AuthError> {
        self.sign_in(Resource::Graph, talk.clone()).await?;
        // Of whoever was signed in before.
        if let Some(before) = self.peek(Resource::Defender) {
            self.invalidate(Resource::Defender, &before);
        }
        match self.token(Resource::Defender).await {
            Err(error) if error.kind == AuthErrorKind::Interaction => self
                .sign_in(Resource::Defender, talk.clone())
                .await
                .map(drop),
            answer => answer.map(drop),
        }
    }

    /// Who is signed in, where that is a person and known; asks nobody.
    pub fn who(&self) -> Option<Who> {
        self.inner.flow.who()
    }

    /// Why a person has to sign in, where that is what the last request for a token found.
    pub fn needs_person(&self) -> Option<AuthError> {
        self.inner.slots.iter().find_map(|slot| {
            let (_, error) = slot.held().failed.clone()?;
            (error.kind == AuthErrorKind::Interaction).then_some(error)
        })
    }

    /// Forgets every token and what was kept of a sign-in, on disk too; whether anything was kept.
    ///
    /// # Errors
    /// Where what is kept cannot be removed.
    pub fn sign_out(&self) -> Result<bool, AuthError> {
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

/// Says that a person is signing in for as long as it lives: a sign-in can be dropped half-way.
struct Person<'a>(&'a AtomicBool);

impl<'a> Person<'a> {
    fn at(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::SeqCst);
        Self(flag)
    }
}

impl Drop for Person<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
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
        let held = self.held();
        TokenRequest {
            resource: self.resource,
            audience: self.audiences[held.audience].to_string(),
            claims: held.claims.clone(),
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
                held.claims = None;
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

    /// What to answer at once while a person is signing in; `None` where nobody is.
    fn while_signing_in(&self) -> Option<Result<SharedToken, AuthError>> {
        if !self.person.load(Ordering::SeqCst) {
            return None;
        }
        let held = self.held();
        let good = held.token.as_ref();
        let good = good.filter(|(token, _)| token.expires > Timestamp::now());
        Some(match good {
            Some((token, _)) => Ok(Arc::clone(token)),
            None => Err(endpoint::error(
                AuthErrorKind::Interaction,
                "somebody is signing in just now".to_owned(),
            )),
        })
    }

    fn failed_since(&self, seen: u64) -> Option<AuthError> {
        let held = self.held();
        let (fetch, error) = held.failed.as_ref()?;
        (*fetch > seen).then(|| error.clone())
    }
}

#[cfg(test)]
mod tests;

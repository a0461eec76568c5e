//! Tokens shared, renewed, refused and waited for.

use super::*;
use crate::auth::AuthErrorKind;
use crate::cloud::{Choice, resolve};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use std::sync::atomic::AtomicU32;

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
                return Err(crate::auth::endpoint::error(
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

#[tokio::test]
async fn a_demand_goes_with_the_next_request_and_with_no_other() {
    let (source, _) = source(3600, u32::MAX);
    let first = source.token(Resource::Graph).await.expect("a token");
    source.demand(Resource::Graph, "{\"a\":1}".to_owned(), &first);
    let slot = &source.inner.slots[0];
    assert_eq!(slot.request().claims.as_deref(), Some("{\"a\":1}"));
    let second = source.token(Resource::Graph).await.expect("a token");
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(slot.request().claims, None);
}

#[tokio::test]
async fn another_audience_is_tried_once_and_stays_where_it_is_taken() {
    let (source, made) = source(3600, u32::MAX);
    let first = source.audience(Resource::Defender);
    assert!(source.switch(Resource::Defender, &first, |_| true).await);
    let other = source.audience(Resource::Defender);
    assert_eq!(&*other, "https://api.security.microsoft.com");
    // Whoever was refused with the old one meanwhile uses the new one, without another request.
    assert!(source.switch(Resource::Defender, &first, |_| true).await);
    assert_eq!(made.load(Ordering::SeqCst), 1);
    source.accepted(Resource::Defender);
    let told = source.learned().borrow().clone().expect("learned");
    assert_eq!((&*told.audience, &*told.refused), (&*other, &*first));
    assert!(!source.switch(Resource::Defender, &other, |_| true).await);
    source.switch_back(Resource::Defender, &first);
    assert_eq!(source.audience(Resource::Defender), other);
}

#[tokio::test]
async fn an_audience_that_does_not_do_either_is_given_up_for_good() {
    let (source, made) = source(3600, u32::MAX);
    let first = source.audience(Resource::Defender);
    assert!(!source.switch(Resource::Defender, &first, |_| false).await);
    assert_eq!(source.audience(Resource::Defender), first);
    assert!(!source.switch(Resource::Defender, &first, |_| true).await);
    assert_eq!(made.load(Ordering::SeqCst), 1);
    let graph = source.audience(Resource::Graph);
    assert!(!source.switch(Resource::Graph, &graph, |_| true).await);
    // What worked before is begun with, where it is one that would be tried.
    source.prefer(Resource::Defender, "https://evil.example");
    assert_eq!(source.audience(Resource::Defender), first);
    source.prefer(Resource::Defender, "https://api.security.microsoft.com");
    assert_ne!(source.audience(Resource::Defender), first);
}

/// A person who takes their time.
struct Slow(Arc<tokio::sync::Notify>);

impl Flow for Slow {
    fn acquire(&self, _: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(async { Err(endpoint::error(AuthErrorKind::Offline, String::new())) })
    }

    fn sign_in(&self, _: TokenRequest, _: Talk) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(async {
            self.0.notified().await;
            let expires = Timestamp::now() + SignedDuration::from_hours(1);
            Ok(AccessToken::new(SecretString::from("late"), expires))
        })
    }
}

#[tokio::test]
async fn nobody_waits_for_a_person_who_is_signing_in() {
    let endpoints = resolve(&Choice {
        cloud: "commercial",
        ..Choice::default()
    })
    .expect("resolves");
    let done = Arc::new(tokio::sync::Notify::new());
    let source = TokenSource::with_flow(Box::new(Slow(Arc::clone(&done))), &endpoints, "t");
    let (talk, _heard) = Talk::new(tokio_util::sync::CancellationToken::new());
    let signing_in = tokio::spawn({
        let source = source.clone();
        async move { source.sign_in(Resource::Graph, talk).await }
    });
    let slot = &source.inner.slots[Resource::Graph as usize];
    while !slot.person.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    let refused = source.token(Resource::Graph).await.expect_err("not yet");
    assert_eq!(refused.kind, AuthErrorKind::Interaction);
    done.notify_one();
    let given = signing_in.await.expect("runs").expect("a token");
    let held = source.token(Resource::Graph).await.expect("a token");
    assert!(Arc::ptr_eq(&given, &held));
    assert!(!slot.person.load(Ordering::SeqCst));
}

#[test]
fn a_token_does_not_print_itself() {
    let token = AccessToken::new(SecretString::from("sesame"), Timestamp::UNIX_EPOCH);
    assert!(!format!("{token:?}").contains("sesame"));
}

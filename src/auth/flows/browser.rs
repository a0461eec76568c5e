//! A person signs in in the browser of this machine: authorization code with PKCE (RFC 7636), answered
//! on the loopback interface (RFC 8252).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::loopback::{Arrival, Loopback, Page};
use super::person::{Asked, SCOPES, answers, borrowed, called_off};
use crate::auth::answer::{self, Answer};
use crate::auth::endpoint::{Granted, error};
use crate::auth::{AuthError, AuthErrorKind, SignInStep, Talk};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

pub(super) async fn sign_in(asked: &Asked<'_>, talk: &Talk) -> Result<Granted, AuthError> {
    let addresses = asked.server.addresses().await?;
    let Some(authorize) = &addresses.authorize else {
        return Err(AuthError {
            advice: "choose another way with sign_in".to_owned(),
            ..error(
                AuthErrorKind::Refused,
                "the sign-in service has no page to sign in on".to_owned(),
            )
        });
    };
    let mut loopback = Loopback::open(0).await.map_err(|why| AuthError {
        advice: "sign in with a device code instead".to_owned(),
        ..error(
            AuthErrorKind::Refused,
            format!("no port of this machine can be listened on: {why}"),
        )
    })?;
    let trip = Trip::new(loopback.address())?;
    let url = trip.url(authorize, asked);
    let expires = Timestamp::now() + SignedDuration::try_from(PATIENCE).unwrap_or_default();
    let opened = (asked.around.open)(url.as_str());
    talk.tell(SignInStep::Page {
        url,
        opened,
        expires,
    });
    let arrival = tokio::select! {
        biased;
        () = talk.cancel.cancelled() => return Err(called_off()),
        arrival = trip.answer(&mut loopback, talk) => arrival,
        () = (asked.around.sleep)(PATIENCE) => {
            return Err(AuthError {
                advice: "sign in again; where no browser of this machine can be used, with a device code".to_owned(),
                ..error(
                    AuthErrorKind::Interaction,
                    format!("nobody signed in within {} minutes", PATIENCE.as_secs() / 60),
                )
            });
        }
    };
    let granted = tokio::select! {
        biased;
        () = talk.cancel.cancelled() => Err(called_off()),
        granted = trip.redeem(asked, &arrival) => granted,
    };
    let page = match &granted {
        Ok(_) => Page::SignedIn,
        Err(error) => Page::Failed(error.message.clone()),
    };
    loopback.reply(arrival, page).await;
    granted
}

/// One way to the browser and back, with what proves that the answer belongs to the question.
struct Trip {
    back: String,
    state: String,
    nonce: String,
    verifier: String,
}

impl Trip {
    fn new(back: String) -> Result<Self, AuthError> {
        Ok(Self {
            back,
            state: random()?,
            nonce: random()?,
            verifier: random()?,
        })
    }

    fn url(&self, authorize: &Url, asked: &Asked<'_>) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier));
        let mut url = authorize.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("client_id", asked.client_id)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &self.back)
            .append_pair("response_mode", "query")
            .append_pair("state", &self.state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(asked.server.target(asked.request, SCOPES));
        match &asked.hint {
            Some(name) => query.append_pair("login_hint", name),
            // Whoever the browser knows may not be who is meant.
            None => query.append_pair("prompt", "select_account"),
        };
        drop(query);
        url
    }

    /// Waits for the answer to this question; refuses those to others, and waits on.
    async fn answer(&self, loopback: &mut Loopback, talk: &Talk) -> Arrival {
        loop {
            let arrival = loopback.next().await;
            if arrival.field("state") == Some(&self.state) {
                return arrival;
            }
            let why = "an answer to another sign-in came back (its state is not ours) and was refused; go on on the page that was opened now";
            talk.tell(SignInStep::Warning(why.to_owned()));
            loopback.reply(arrival, Page::Failed(why.to_owned())).await;
        }
    }

    async fn redeem(&self, asked: &Asked<'_>, arrival: &Arrival) -> Result<Granted, AuthError> {
        if let Some(word) = arrival.field("error") {
            let said = arrival.field("error_description");
            let body = json!({ "error": word, "error_description": said }).to_string();
            return Err(refused(&body));
        }
        let target = asked.server.target(asked.request, SCOPES);
        let mut form = borrowed(&target);
        form.extend([
            ("grant_type", "authorization_code"),
            ("client_id", asked.client_id),
            ("code", arrival.field("code").unwrap_or_default()),
            ("redirect_uri", &self.back),
            ("code_verifier", &self.verifier),
        ]);
        let granted = asked.server.post(&form).await?;
        if answers(granted.id_token.as_ref(), &self.nonce, asked.client_id) {
            return Ok(granted);
        }
        Err(AuthError {
            advice: "sign in again; where it happens again, something stands between this program and the sign-in service".to_owned(),
            ..error(
                AuthErrorKind::Refused,
                "the sign-in service answered about another sign-in (its nonce is not ours)".to_owned(),
            )
        })
    }
}

/// What the browser brought instead of a code, in the words of the token endpoint's refusals.
fn refused(body: &str) -> AuthError {
    let answer = Answer {
        status: 400,
        location: None,
        body: body.as_bytes(),
        host: "the sign-in page",
    };
    match answer::json::<serde_json::Value>(&answer) {
        Err(refusal) => refusal.error,
        Ok(_) => error(AuthErrorKind::Refused, "sign-in refused".to_owned()),
    }
}

/// 256 bits nobody can guess, as text.
fn random() -> Result<String, AuthError> {
    let mut bytes = [0u8; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        error(
            AuthErrorKind::Refused,
            "the system gives no random numbers".to_owned(),
        )
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

//! Speaking with an authorization server: Entra's token endpoint of either generation, or any server
//! that describes itself by OpenID Connect discovery.
//!
//! A profile with an `issuer` is answered by that standard server: its addresses come from
//! `{issuer}/.well-known/openid-configuration`. Every other profile's authority is laid out as
//! Entra's are, `{authority}/{tenant}/oauth2/…`, and nothing needs to be looked up.
//!
//! The exchange is a form out and a JSON object in, which is less here than the adapters that a client
//! library would need: to keep the `AADSTS` members of refusals, to send `resource` in place of
//! `scope` to the first generation, to send `claims`, and to wipe what was sent and received.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;
use url::form_urlencoded;

use super::answer::{self, Answer, Refusal};
use super::credential::RsaPadding;
use super::{AccessToken, AuthError, AuthErrorKind, TokenRequest, clock, trouble};
use crate::cloud::{Endpoints, is_loopback};
use crate::config::{Profile, TokenEndpoint};
use crate::domain::text::clean;

pub(super) use super::answer::{Granted, error};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// An answer is a few kilobytes.
const LARGEST: usize = 256 * 1024;

/// The addresses of an authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    /// Where tokens are got.
    pub(super) token: Url,
    /// Where a person signs in; none where the server knows no such thing.
    pub(super) authorize: Option<Url>,
    /// Where a device code is got; none where the server knows no such thing.
    pub(super) device: Option<Url>,
    /// Who issues the tokens, where the server described itself.
    pub(super) issuer: Option<String>,
    /// How an application's RSA key signs its assertions.
    pub(super) padding: RsaPadding,
    /// Whether a secret is sent in the `Authorization` header rather than in the form.
    basic: bool,
}

/// What polling with a device code found.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is alive at a time, and briefly"
)]
pub(super) enum Polled {
    /// The person signed in.
    Granted(Granted),
    /// Not yet.
    Pending,
    /// Not yet, and asked too often: five seconds more between questions from now on.
    SlowDown,
}

/// An authorization server. Cheap to clone; clones share what was discovered.
#[derive(Clone)]
pub(super) struct TokenServer {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    place: Place,
    generation: TokenEndpoint,
    discovered: OnceCell<Addresses>,
}

enum Place {
    Entra { authority: Url, tenant: String },
    Issuer(Url),
}

impl TokenServer {
    /// The server a profile signs in at.
    pub(super) fn of(profile: &Profile, endpoints: &Endpoints, http: reqwest::Client) -> Self {
        let place = if profile.issuer.is_some() {
            Place::Issuer(endpoints.authority.clone())
        } else {
            Place::Entra {
                authority: endpoints.authority.clone(),
                tenant: profile.tenant_id.clone(),
            }
        };
        Self {
            inner: Arc::new(Inner {
                http,
                place,
                generation: profile.token_endpoint,
                discovered: OnceCell::new(),
            }),
        }
    }

    /// Its addresses: laid out by rule, or discovered once.
    ///
    /// # Errors
    /// Where it does not describe itself, or as somebody else.
    pub(super) async fn addresses(&self) -> Result<&Addresses, AuthError> {
        let found = self.inner.discovered.get_or_try_init(|| async {
            match &self.inner.place {
                Place::Entra { authority, tenant } => {
                    laid_out(authority, tenant, self.inner.generation)
                }
                Place::Issuer(issuer) => self.discover(issuer).await,
            }
        });
        found.await
    }

    /// What says which token is wanted: `scope` with further scopes (`openid`, `offline_access`) for
    /// the second generation, `resource` for the first (which is RFC 8707's at any other server), and
    /// `claims` where a service demanded some.
    pub(super) fn target(
        &self,
        request: &TokenRequest,
        more: &[&str],
    ) -> Vec<(&'static str, String)> {
        let second = self.inner.generation == TokenEndpoint::V2;
        let mut form = match self.inner.generation {
            TokenEndpoint::V1 => vec![("resource", request.audience.clone())],
            TokenEndpoint::V2 => {
                let mut scope = request.scope();
                for one in more {
                    scope.push(' ');
                    scope.push_str(one);
                }
                vec![("scope", scope)]
            }
        };
        let entra = matches!(self.inner.place, Place::Entra { .. });
        if let Some(claims) = claims(request.claims.as_deref(), entra && second) {
            form.push(("claims", claims));
        }
        form
    }

    /// Gets the application a token with a credential: the fields that prove it.
    ///
    /// # Errors
    /// As [`TokenServer::post`].
    pub(super) async fn application(
        &self,
        client_id: &str,
        request: &TokenRequest,
        proof: &[(&str, &str)],
    ) -> Result<AccessToken, AuthError> {
        let target = self.target(request, &[]);
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
        ];
        form.extend(proof);
        form.extend(target.iter().map(|(name, value)| (*name, value.as_str())));
        Ok(self.post(&form).await?.token)
    }

    /// Asks the token endpoint.
    ///
    /// # Errors
    /// Where it refuses or cannot be reached. A refresh token that is good no more is an error of kind
    /// [`Interaction`](AuthErrorKind::Interaction), whatever the reason.
    pub(super) async fn post(&self, form: &[(&str, &str)]) -> Result<Granted, AuthError> {
        let refusal = match self.grant(form).await {
            Ok(granted) => return Ok(granted),
            Err(refusal) => refusal,
        };
        let refreshing = form.contains(&("grant_type", "refresh_token"));
        let lapsed = refreshing && refusal.word.as_deref() == Some("invalid_grant");
        let mut error = refusal.error;
        if lapsed && !error.is_passing() {
            error.kind = AuthErrorKind::Interaction;
        }
        Err(error)
    }

    /// Asks the token endpoint whether the person with the device code has signed in.
    ///
    /// # Errors
    /// Where they declined, were refused or came too late, or the endpoint cannot be reached.
    pub(super) async fn poll(&self, form: &[(&str, &str)]) -> Result<Polled, AuthError> {
        match self.grant(form).await {
            Ok(granted) => Ok(Polled::Granted(granted)),
            Err(refusal) => match refusal.word.as_deref() {
                Some("authorization_pending") => Ok(Polled::Pending),
                Some("slow_down") => Ok(Polled::SlowDown),
                _ => Err(refusal.error),
            },
        }
    }

    /// Posts a form to another of its addresses and gives the JSON object it answers.
    ///
    /// # Errors
    /// Where it refuses or cannot be reached.
    pub(super) async fn send(&self, to: &Url, form: &[(&str, &str)]) -> Result<Value, AuthError> {
        let request = self.inner.http.post(to.clone());
        let said = exchange(encoded(request, form), to).await?;
        Ok(answer::json(&said.answer())?)
    }

    async fn grant(&self, form: &[(&str, &str)]) -> Result<Granted, Refusal> {
        let to = self.addresses().await.map_err(unworded)?;
        let mut request = self.inner.http.post(to.token.clone());
        let field = |name| form.iter().find(|(it, _)| *it == name).map(|(_, v)| *v);
        let mut form = form.to_vec();
        if let (true, Some(id), Some(secret)) =
            (to.basic, field("client_id"), field("client_secret"))
        {
            request = request.header(reqwest::header::AUTHORIZATION, basic(id, secret));
            form.retain(|(name, _)| !matches!(*name, "client_id" | "client_secret"));
        }
        let said = exchange(encoded(request, &form), &to.token)
            .await
            .map_err(unworded)?;
        answer::grant(&said.answer(), Timestamp::now())
    }

    async fn discover(&self, issuer: &Url) -> Result<Addresses, AuthError> {
        let page = below(issuer, &[".well-known", "openid-configuration"])?;
        let said = exchange(self.inner.http.get(page.clone()), &page).await?;
        let document = answer::json::<Document>(&said.answer()).map_err(|refusal| {
            let error = refusal.error;
            match error.kind {
                AuthErrorKind::Offline | AuthErrorKind::Busy => error,
                _ => undescribed(issuer, "does not describe itself there".to_owned()),
            }
        })?;
        document.addresses(issuer)
    }
}

fn unworded(error: AuthError) -> Refusal {
    Refusal { word: None, error }
}

/// Entra's layout. The tenant is one path segment, whatever it holds.
fn laid_out(
    authority: &Url,
    tenant: &str,
    generation: TokenEndpoint,
) -> Result<Addresses, AuthError> {
    let at = |last| match generation {
        TokenEndpoint::V1 => below(authority, &[tenant, "oauth2", last]),
        TokenEndpoint::V2 => below(authority, &[tenant, "oauth2", "v2.0", last]),
    };
    Ok(Addresses {
        token: at("token")?,
        authorize: Some(at("authorize")?),
        device: Some(at("devicecode")?),
        issuer: None,
        // What each generation's pages document.
        padding: match generation {
            TokenEndpoint::V1 => RsaPadding::Pkcs1,
            TokenEndpoint::V2 => RsaPadding::Pss,
        },
        basic: false,
    })
}

fn below(base: &Url, segments: &[&str]) -> Result<Url, AuthError> {
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut path) => {
            path.pop_if_empty().extend(segments);
        }
        Err(()) => {
            return Err(error(
                AuthErrorKind::Refused,
                "the authority is not a base address".to_owned(),
            ));
        }
    }
    Ok(url)
}

/// What a server says about itself (OpenID Connect Discovery 1.0, RFC 8628 section 4).
#[derive(Deserialize)]
struct Document {
    issuer: String,
    token_endpoint: String,
    authorization_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    /// The header alone, where nothing is said.
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// How assertions may be signed.
    #[serde(default)]
    token_endpoint_auth_signing_alg_values_supported: Vec<String>,
}

impl Document {
    fn addresses(self, asked: &Url) -> Result<Addresses, AuthError> {
        let same = |a: &str, b: &str| a.trim_end_matches('/') == b.trim_end_matches('/');
        if !same(&self.issuer, asked.as_str()) {
            return Err(undescribed(
                asked,
                format!("says that it is {}", clean(&self.issuer)),
            ));
        }
        let address = |text: &str| {
            Url::parse(text)
                .ok()
                .filter(|url| url.scheme() == "https" || is_loopback(url) && url.scheme() == "http")
                .ok_or_else(|| {
                    undescribed(
                        asked,
                        format!("names an address that is not https: {}", clean(text)),
                    )
                })
        };
        let form = self
            .token_endpoint_auth_methods_supported
            .is_some_and(|ways| ways.iter().any(|way| way == "client_secret_post"));
        let signs = self.token_endpoint_auth_signing_alg_values_supported;
        let has = |name: &str| signs.iter().any(|it| it == name);
        Ok(Addresses {
            // Every server knows RS256 where it does not say otherwise.
            padding: if has("PS256") && !has("RS256") {
                RsaPadding::Pss
            } else {
                RsaPadding::Pkcs1
            },
            token: address(&self.token_endpoint)?,
            authorize: self
                .authorization_endpoint
                .as_deref()
                .map(address)
                .transpose()?,
            device: self
                .device_authorization_endpoint
                .as_deref()
                .map(address)
                .transpose()?,
            issuer: Some(self.issuer),
            basic: !form,
        })
    }
}

fn undescribed(issuer: &Url, why: String) -> AuthError {
    AuthError {
        advice: "issuer is the address that /.well-known/openid-configuration stands below, exactly as the server calls itself there; for Entra leave it out"
            .to_owned(),
        ..error(
            AuthErrorKind::Refused,
            format!("the issuer {issuer} {why}"),
        )
    }
}

/// The `claims` parameter: what a service demanded, and to Entra that this program heeds such demands
/// (`cp1`), without which services never make any.
fn claims(demanded: Option<&str>, capable: bool) -> Option<String> {
    if !capable {
        return demanded.map(str::to_owned);
    }
    let mut claims = match demanded.map(serde_json::from_str) {
        Some(Ok(Value::Object(claims))) => claims,
        // Not ours to mend: Entra says what is wrong with it.
        Some(_) => return demanded.map(str::to_owned),
        None => serde_json::Map::new(),
    };
    let token = claims.entry("access_token").or_insert_with(|| json!({}));
    if let Value::Object(token) = token {
        token.insert("xms_cc".to_owned(), json!({ "values": ["cp1"] }));
    }
    Some(Value::Object(claims).to_string())
}

/// Id and secret for the header, each form-encoded before they are joined (RFC 6749 section 2.3.1).
fn basic(id: &str, secret: &str) -> reqwest::header::HeaderValue {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let joined = Zeroizing::new(format!("{}:{}", part(id), part(secret)));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(joined.as_bytes())));
    let mut value = reqwest::header::HeaderValue::from_str(&text).expect("base64 is plain text");
    value.set_sensitive(true);
    value
}

/// The request with the form in a body that is wiped once it is sent.
fn encoded(request: reqwest::RequestBuilder, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    // Escaped, a byte takes three at most: the text never moves and leaves no copy behind.
    let size = form
        .iter()
        .map(|(name, value)| name.len() + 3 * value.len() + 2);
    let text = String::with_capacity(size.sum());
    let text = form_urlencoded::Serializer::new(text)
        .extend_pairs(form)
        .finish();
    request
        .header(
            reqwest::header::CONTENT_TYPE,
            "application/x-www-form-urlencoded",
        )
        .body(Bytes::from_owner(Zeroizing::new(text.into_bytes())))
}

/// An answer as it came; wiped when dropped.
pub(super) struct Said {
    status: u16,
    location: Option<String>,
    challenge: Option<String>,
    body: Zeroizing<Vec<u8>>,
    host: String,
}

impl Said {
    /// How a 401 wants to be asked again.
    pub(super) fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref().filter(|_| self.status == 401)
    }

    fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            location: self.location.as_deref(),
            body: &self.body,
            host: &self.host,
        }
    }
}

/// The grant in an answer of an endpoint that is no authorization server.
pub(super) fn grant_of(said: &Said, now: Timestamp) -> Result<Granted, AuthError> {
    Ok(answer::grant(&said.answer(), now)?)
}

/// Sends a request and reads its answer, within the time an answer may take.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
    to: &Url,
) -> Result<Said, AuthError> {
    let host = to.host_str().unwrap_or_default().to_owned();
    let conversation = async {
        let mut response = request
            .header(reqwest::header::ACCEPT, "application/json")
            .send()
            .await?;
        clock::note(to, response.headers(), Timestamp::now());
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let location = header(reqwest::header::LOCATION);
        let challenge = header(reqwest::header::WWW_AUTHENTICATE);
        let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok::<_, reqwest::Error>(Said {
            status: response.status().as_u16(),
            location,
            challenge,
            body,
            host: host.clone(),
        })
    };
    match tokio::time::timeout(PATIENCE, conversation).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(failure)) => {
            let lost = trouble::lost(&failure);
            Err(AuthError {
                advice: format!(
                    "{}, and the profile's cloud, authority or issuer",
                    lost.cure
                ),
                ..error(
                    AuthErrorKind::Offline,
                    format!("the sign-in service {host} cannot be reached: {}", lost.why),
                )
            })
        }
        Err(_) => Err(AuthError {
            advice: "check the network and the proxy; it is tried again by itself".to_owned(),
            ..error(
                AuthErrorKind::Offline,
                format!(
                    "the sign-in service {host} did not answer within {} seconds",
                    PATIENCE.as_secs()
                ),
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("url")
    }

    #[test]
    fn both_generations_have_their_addresses_and_the_tenant_is_one_segment() {
        let base = url("http://127.0.0.1:9/login/");
        let of = |generation| laid_out(&base, "../evil", generation).expect("built");
        assert_eq!(
            of(TokenEndpoint::V2).token.as_str(),
            "http://127.0.0.1:9/login/..%2Fevil/oauth2/v2.0/token"
        );
        let first = of(TokenEndpoint::V1);
        assert_eq!(
            first.token.as_str(),
            "http://127.0.0.1:9/login/..%2Fevil/oauth2/token"
        );
        assert!(first.device.expect("one").path().ends_with("/devicecode"));
    }

    #[test]
    fn a_server_is_believed_only_as_the_one_that_was_asked_for() {
        let read = |text: &str| {
            serde_json::from_str::<Document>(text)
                .expect("a document")
                .addresses(&url("https://id.example/realms/soc"))
        };
        let found = read(
            r#"{"issuer":"https://id.example/realms/soc/","token_endpoint":"https://t.example/token?x=1"}"#,
        )
        .expect("believed");
        assert_eq!(found.token.as_str(), "https://t.example/token?x=1");
        assert!(found.basic && found.device.is_none());
        for (document, why) in [
            (
                r#"{"issuer":"https://evil.example","token_endpoint":"https://t.example"}"#,
                "says that it is https://evil.example",
            ),
            (
                r#"{"issuer":"https://id.example/realms/soc","token_endpoint":"http://t.example"}"#,
                "not https: http://t.example",
            ),
        ] {
            let error = read(document).expect_err("not believed");
            assert!(error.message.contains(why), "{error}");
            assert!(error.advice.contains("issuer is"), "{}", error.advice);
        }
    }

    #[test]
    fn demands_of_a_service_are_passed_on_and_heeding_them_is_announced() {
        assert_eq!(claims(None, false), None);
        assert_eq!(
            claims(Some("{\"a\":1}"), false).as_deref(),
            Some("{\"a\":1}")
        );
        assert_eq!(
            claims(None, true).as_deref(),
            Some(r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#)
        );
        assert_eq!(
            claims(
                Some(r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#),
                true
            )
            .as_deref(),
            Some(
                r#"{"access_token":{"nbf":{"essential":true,"value":"1"},"xms_cc":{"values":["cp1"]}}}"#
            )
        );
        assert_eq!(claims(Some("garbage"), true).as_deref(), Some("garbage"));
    }

    #[test]
    fn a_secret_in_the_header_is_escaped_first() {
        let value = basic("id", "a:b c");
        assert_eq!(
            value.to_str().expect("text"),
            format!("Basic {}", STANDARD.encode("id:a%3Ab+c"))
        );
        assert!(!format!("{value:?}").contains("Basic"));
    }
}

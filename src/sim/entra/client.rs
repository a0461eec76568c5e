//! Who asks the token endpoint: the application, and how it proves itself.
//!
//! Facts: the Defender for Endpoint sheet, section 3.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::clock;
use super::super::http::Ask;
use super::super::quirks::AssertionReplay;
use super::Entra;
use super::credentials::{Assertion, Certificate, Federated};
use super::directory::App;
use super::discovery::is_loopback;
use super::refusals::{
    ASSERTION_AUDIENCE, ASSERTION_CLIENT, ASSERTION_REPLAYED, ASSERTION_TIME, Aadsts,
    BAD_ASSERTION_TYPE, BAD_SECRET, FOREIGN_AUDIENCE, FOREIGN_ISSUER, FOREIGN_SUBJECT, MISSING,
    NO_PROOF, NOT_PUBLIC, OLD_SECRET,
};
use super::token::TokenRequest;

/// How an application proved itself, as `appidacr` writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Not at all: a public client.
    None,
    /// By a secret.
    Secret,
    /// By a certificate or a foreign assertion.
    Certificate,
}

impl Proof {
    /// `0`, `1`, `2`.
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Secret => "1",
            Self::Certificate => "2",
        }
    }
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What foreign assertions are addressed to.
const EXCHANGE: &str = "api://AzureADTokenExchange";
/// How far clocks may be apart, seconds.
const SKEW: i64 = 300;

impl Entra {
    /// The application behind a request to the token endpoint.
    pub(super) fn client(&self, request: &TokenRequest<'_>) -> Result<(&App, Proof), Aadsts> {
        let form = &request.form;
        let basic = basic(request.ask);
        let assertion = form
            .get("client_assertion")
            .map(Assertion::read)
            .transpose()?;
        let id = match (&basic, form.get("client_id"), &assertion) {
            (Some((id, _)), _, _) => id.as_str(),
            (None, Some(id), _) => id,
            (None, None, Some(assertion)) => &assertion.sub,
            (None, None, None) => return Err(MISSING.of(&["client_id"])),
        };
        let app = self.app(id)?;
        if let Some(assertion) = &assertion {
            if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(BAD_ASSERTION_TYPE.into());
            }
            self.check_assertion(app, assertion, request.ask)?;
            return Ok((app, Proof::Certificate));
        }
        let secret = basic
            .as_ref()
            .map(|(_, secret)| secret.as_str())
            .or_else(|| form.get("client_secret"));
        match secret {
            Some(secret) if secret != app.secret || app.managed => Err(BAD_SECRET.of(&[&app.id])),
            Some(_) if app.secret_expired => Err(OLD_SECRET.of(&[&app.id])),
            Some(_) => Ok((app, Proof::Secret)),
            None if form.get("grant_type") == Some("client_credentials") => Err(NO_PROOF.into()),
            None if app.public_client => Ok((app, Proof::None)),
            None => Err(NOT_PUBLIC.into()),
        }
    }

    fn check_assertion(&self, app: &App, assertion: &Assertion, ask: &Ask) -> Result<(), Aadsts> {
        let credentials = self
            .credentials
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if assertion.iss.eq_ignore_ascii_case(&app.id) {
            assertion.check_signature(credentials.certificates.iter())?;
            if !assertion.sub.eq_ignore_ascii_case(&app.id) {
                return Err(ASSERTION_CLIENT.into());
            }
            if !assertion
                .aud
                .any(|aud| self.is_token_address(aud, &ask.base))
            {
                return Err(ASSERTION_AUDIENCE.into());
            }
        } else if self.directory.app(&assertion.iss).is_some() {
            return Err(ASSERTION_CLIENT.into());
        } else {
            let of_issuer = || {
                credentials
                    .federated
                    .iter()
                    .filter(|f| f.issuer == assertion.iss)
            };
            if of_issuer().next().is_none() {
                return Err(FOREIGN_ISSUER.of(&[&assertion.iss]));
            }
            let federated = of_issuer()
                .find(|f| f.subject == assertion.sub)
                .ok_or_else(|| FOREIGN_SUBJECT.of(&[&assertion.sub]))?;
            if !assertion.aud.any(|aud| aud.eq_ignore_ascii_case(EXCHANGE)) {
                return Err(FOREIGN_AUDIENCE.of(&[&assertion.aud.to_string()]));
            }
            assertion.check_foreign(&federated.certificate)?;
        }
        drop(credentials);
        // The client wrote these times by this computer's clock, whatever the tenant's says.
        let now = clock::own_unix();
        if assertion.exp + SKEW < now || assertion.nbf - SKEW > now {
            return Err(ASSERTION_TIME.of(&[&now.to_string(), &assertion.exp.to_string()]));
        }
        if self.assertion_replay == AssertionReplay::Refused && !assertion.jti.is_empty() {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.retain(|_, exp| *exp + SKEW >= now);
            if seen.insert(assertion.jti.clone(), assertion.exp).is_some() {
                return Err(ASSERTION_REPLAYED.into());
            }
        }
        Ok(())
    }

    /// Whether an address is a token endpoint or the issuer of this tenant, by any of its names and any
    /// name of this computer.
    fn is_token_address(&self, aud: &str, base: &str) -> bool {
        let (Ok(aud), Ok(base)) = (url::Url::parse(aud), url::Url::parse(base)) else {
            return false;
        };
        let here = aud.host_str().is_some_and(is_loopback)
            && aud.port_or_known_default() == base.port_or_known_default();
        let mut parts = aud.path().trim_matches('/').splitn(2, '/');
        let (Some(segment), Some(rest)) = (parts.next(), parts.next()) else {
            return false;
        };
        here && self.is_named(segment)
            && matches!(rest, "oauth2/v2.0/token" | "oauth2/token" | "v2.0")
    }

    /// Registers the certificates of a PEM text for every application of the tenant; their thumbprints.
    pub fn register_certificates(&self, pem: &str) -> Result<Vec<String>, String> {
        let certificates = Certificate::read(pem)?;
        let thumbprints = certificates.iter().map(Certificate::thumbprint).collect();
        self.credentials
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .certificates
            .extend(certificates);
        Ok(thumbprints)
    }

    /// Registers a foreign issuer's subject, whose assertions are signed with the certificate in a PEM text.
    pub fn register_federated(&self, issuer: &str, subject: &str, pem: &str) -> Result<(), String> {
        let certificate = Certificate::read(pem)?.swap_remove(0);
        self.credentials
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .federated
            .push(Federated {
                issuer: issuer.into(),
                subject: subject.into(),
                certificate,
            });
        Ok(())
    }
}

/// Id and secret of an `Authorization: Basic` header; each is form-encoded before it is joined (RFC 6749, 2.3.1).
fn basic(ask: &Ask) -> Option<(String, String)> {
    let text = ask.header("authorization")?;
    let (scheme, value) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| {
        url::form_urlencoded::parse(format!("v={}", text.replace('&', "%26")).as_bytes())
            .next()
            .map(|(_, v)| v.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

//! Signing in with a browser: `/authorize`, and the code it ends with (PKCE, loopback addresses).
//!
//! Facts: the Defender for Endpoint sheet, section 3; RFC 6749, 7636, 8252. A code is a sealed text; only
//! which ones were used is kept.

use std::fmt::Write as _;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::clock::Ticks;
use super::super::http::{Ask, Reply};
use super::consent::{Consent, PLAIN};
use super::directory::{Account, App};
use super::discovery::is_loopback;
use super::pages::{self, escaped, page};
use super::people::{Session, Sort, by_hand};
use super::refusals::{
    Aadsts, BAD_ADDRESS, BAD_CHALLENGE, BAD_GRANT, BAD_RESPONSE_TYPE, BAD_VERIFIER,
    DECLINED_CONSENT, NEEDS_ADMIN, NO_APP, NO_CONSENT, NO_USER, NOT_SIGNED_IN, OTHER_ADDRESS,
    RESOURCE_ON_V2, USED_CODE,
};
use super::resources::GRAPH;
use super::scopes;
use super::standing::capabilities;
use super::token::{Form, TokenRequest};
use super::{Entra, Version};

/// How long a code is good, seconds.
const CODE: i64 = 600;

/// What a code stands for.
#[derive(Debug, Serialize, Deserialize)]
struct Code {
    number: u64,
    session: Session,
    redirect_uri: String,
    challenge: Option<String>,
    method: Option<String>,
}

/// Where the answer of `/authorize` goes, and how.
struct Return<'a> {
    address: &'a str,
    mode: &'a str,
    state: Option<&'a str>,
}

impl Return<'_> {
    fn send(&self, fields: &[(&str, &str)]) -> Reply {
        let mut fields = fields.to_vec();
        if let Some(state) = self.state {
            fields.push(("state", state));
        }
        if self.mode == "form_post" {
            let mut form = format!(
                "<form method=\"post\" action=\"{}\">",
                escaped(self.address)
            );
            for (name, value) in &fields {
                let _ = write!(
                    form,
                    "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
                    escaped(value)
                );
            }
            form.push_str(
                "<button>Continue</button></form><script>document.forms[0].submit()</script>",
            );
            return page(200, "Signing in", &form);
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&fields);
        let mark = match self.mode {
            "fragment" => '#',
            _ if self.address.contains('?') => '&',
            _ => '?',
        };
        pages::redirect(format!("{}{mark}{}", self.address, query.finish()))
    }

    fn refuse(&self, refusal: &Aadsts, ask: &Ask, now: Ticks) -> Reply {
        let sentence = refusal.sentence(ask, now);
        let mut fields = vec![
            ("error", refusal.kind.error),
            ("error_description", sentence.as_str()),
        ];
        if refusal.kind == DECLINED_CONSENT {
            fields.push(("error_subcode", "cancel"));
        }
        let mut reply = self.send(&fields);
        reply.why = Some(format!("AADSTS{}: {}", refusal.kind.code, refusal.message));
        reply
    }
}

impl Entra {
    /// Answers `/{tenant}/oauth2[/v2.0]/authorize`: a page with the people to choose from, or at once
    /// where `login_hint` says who. The parameters come in the query or, as OpenID Connect has it, in the
    /// form of a `POST`. Without a browser: `sim_choice` beside them is a user principal name or `cancel`,
    /// and `sim_consent` of a `POST` is `accept` or `cancel`.
    pub(super) fn authorize(
        &self,
        ask: &Ask,
        segment: &str,
        version: Version,
        now: Ticks,
    ) -> Reply {
        let asked = asked(ask).and_then(|form| {
            self.check_tenancy(segment, &form)?;
            Ok(form)
        });
        let asked = match asked {
            Ok(form) => form,
            Err(refusal) => return pages::refusal(refusal, ask, now),
        };
        // What is wrong before the reply address is known to be the application's is shown, not sent.
        let (app, back) = match self.back(ask, &asked) {
            Ok(known) => known,
            Err(refusal) => return pages::refusal(refusal, ask, now),
        };
        match self.choose(ask, &asked, app, back.address, version, now) {
            Ok(Choice::Somebody(code)) => back.send(&[("code", &code)]),
            Ok(Choice::Page(page)) => *page,
            Err(refusal) => back.refuse(&refusal, ask, now),
        }
    }

    /// The application that sent the browser here, and where it waits for the answer.
    fn back<'a>(&self, ask: &Ask, asked: &'a Form) -> Result<(&App, Return<'a>), Aadsts> {
        let id = asked.need("client_id")?;
        let app = self.directory.app(id).ok_or_else(|| NO_APP.of(&[id]))?;
        let address = asked.need("redirect_uri")?;
        if !is_registered(address, &ask.base) {
            return Err(BAD_ADDRESS.of(&[address, id]));
        }
        let back = Return {
            address,
            mode: asked.get("response_mode").unwrap_or("query"),
            state: asked.get("state"),
        };
        Ok((app, back))
    }

    /// Answers `/authorize` with a refusal.
    pub(super) fn refuse_to_authorize(&self, ask: &Ask, refusal: Aadsts, now: Ticks) -> Reply {
        let form = asked(ask);
        match form.as_ref().map(|form| self.back(ask, form)) {
            Ok(Ok((_, back))) => back.refuse(&refusal, ask, now),
            _ => pages::refusal(refusal, ask, now),
        }
    }

    fn choose(
        &self,
        ask: &Ask,
        asked: &Form,
        app: &App,
        address: &str,
        version: Version,
        now: Ticks,
    ) -> Result<Choice, Aadsts> {
        match asked.need("response_type")? {
            "code" => {}
            other => return Err(BAD_RESPONSE_TYPE.of(&[other])),
        }
        let (challenge, method) = (
            asked.get("code_challenge"),
            asked.get("code_challenge_method"),
        );
        if let Some(challenge) = challenge
            && (!(43..=128).contains(&challenge.len())
                || !matches!(method, None | Some("S256" | "plain")))
        {
            return Err(BAD_CHALLENGE.into());
        }
        let scope = match version {
            Version::V1 => asked.get("resource").unwrap_or_default(),
            Version::V2 if asked.get("resource").is_some() => return Err(RESOURCE_ON_V2.into()),
            Version::V2 => asked.need("scope")?,
        };
        let prompt = asked.get("prompt").unwrap_or_default();
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        let missing = match version {
            Version::V1 => scopes::delegated_v1(asked, app, &grants),
            Version::V2 => scopes::delegated_v2(scope, app, &grants),
        };
        drop(grants);
        let missing = match missing {
            Ok(_) => false,
            Err(refusal) if refusal.kind == NO_CONSENT => true,
            Err(refusal) => return Err(refusal),
        };
        if asked.get("sim_choice") == Some("cancel") {
            return Err(DECLINED_CONSENT.into());
        }
        let ask_again = matches!(prompt, "login" | "select_account");
        let hint = asked
            .get("sim_choice")
            .or_else(|| asked.get("login_hint").filter(|_| !ask_again));
        let Some(upn) = hint else {
            if prompt == "none" {
                return Err(NOT_SIGNED_IN.into());
            }
            return Ok(Choice::Page(Box::new(self.people_page(ask, asked, app))));
        };
        let account = self
            .directory
            .account(upn)
            .ok_or_else(|| NO_USER.of(&[upn]))?;
        self.may_sign_in(account, app)?;
        if missing || prompt == "consent" {
            let wanted = self.wanted_by_person(asked, app, version, scope)?;
            if let Some(page) = self.ask_consent(ask, asked, app, wanted, account, missing)? {
                return Ok(Choice::Page(Box::new(page)));
            }
        }
        let code = Code {
            number: self.issued.fetch_add(1, Ordering::Relaxed),
            session: Session {
                app: app.id.clone(),
                upn: account.upn.clone(),
                amr: by_hand(account),
                at: self.begins(&account.id, &app.id, now),
                begun: self.begins(&account.id, &app.id, now),
                capabilities: capabilities(asked)?,
                spa: false,
                scope: scope.to_owned(),
                nonce: asked.get("nonce").map(str::to_owned),
            },
            redirect_uri: address.to_owned(),
            challenge: challenge.map(str::to_owned),
            method: method.map(str::to_owned),
        };
        let code = self.keys.seal("1.code", &json!(code));
        Ok(Choice::Somebody(self.hand_out("code", code)))
    }

    /// What a person who signs in is asked to consent to.
    fn wanted_by_person(
        &self,
        asked: &Form,
        app: &App,
        version: Version,
        scope: &str,
    ) -> Result<Consent, Aadsts> {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        let (resource, scopes) = match version {
            Version::V1 => (scopes::of_resource(asked, &grants)?.resource, None),
            Version::V2 => {
                let (resource, names) = scopes::requested(scope, app, &grants)?;
                let whole = scope.split_whitespace().any(|s| s.ends_with("/.default"));
                let names = names.into_iter().map(str::to_owned).collect();
                (resource.unwrap_or(GRAPH), (!whole).then_some(names))
            }
        };
        Ok(Consent {
            app: app.id.clone(),
            resource: resource.app_id.into(),
            scopes,
        })
    }

    /// Asks a person for consent: the page while nothing is decided, `None` once it is given.
    fn ask_consent(
        &self,
        ask: &Ask,
        asked: &Form,
        app: &App,
        wanted: Consent,
        account: &Account,
        missing: bool,
    ) -> Result<Option<Reply>, Aadsts> {
        let scopes = wanted.scopes.iter().flatten();
        let plain = wanted.scopes.is_some() && scopes.clone().all(|s| PLAIN.contains(&s.as_str()));
        if missing && !plain && !account.is_administrator() {
            return Err(NEEDS_ADMIN.into());
        }
        // A link alone must not consent.
        let decided = asked
            .get("sim_consent")
            .filter(|_| ask.method == Method::POST);
        match decided {
            Some("accept") => {
                if missing {
                    self.consent(wanted);
                }
                Ok(None)
            }
            Some(_) => Err(DECLINED_CONSENT.into()),
            None => Ok(Some(Self::consent_page(
                ask,
                asked,
                app,
                &[wanted],
                account,
            ))),
        }
    }

    /// The people to choose from: each a link to the same request with a choice made.
    fn people_page(&self, ask: &Ask, asked: &Form, app: &App) -> Reply {
        let link = |choice: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(asked.fields().filter(|(name, _)| *name != "sim_choice"));
            query.append_pair("sim_choice", choice);
            escaped(&format!("{}?{}", ask.path, query.finish()))
        };
        let mut body = format!("<p>to continue to {}</p><ul>", escaped(&app.name));
        for account in &self.directory.accounts {
            let _ = write!(
                body,
                "<li><a href=\"{}\">{}</a></li>",
                link(&account.upn),
                described(account)
            );
        }
        let _ = write!(
            body,
            "</ul><p><a href=\"{}\">Cancel</a></p>",
            link("cancel")
        );
        page(200, "Sign in", &body)
    }

    /// `grant_type=authorization_code`.
    pub(super) fn redeem(&self, request: &TokenRequest<'_>) -> Result<Reply, Aadsts> {
        let (app, proof) = self.client(request)?;
        let form = &request.form;
        let code: Code = self
            .keys
            .open("1.code", form.need("code")?)
            .and_then(|v| serde_json::from_value(v).ok())
            .filter(|c: &Code| c.session.app == app.id)
            .ok_or_else(|| Aadsts::from(BAD_GRANT))?;
        let address = form.need("redirect_uri")?;
        if address != code.redirect_uri {
            return Err(OTHER_ADDRESS.of(&[address, &code.redirect_uri]));
        }
        if let Some(challenge) = &code.challenge {
            let verifier = form.get("code_verifier").unwrap_or_default();
            let fits = match code.method.as_deref() {
                Some("S256") => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == *challenge,
                _ => verifier == challenge,
            };
            if !fits {
                return Err(BAD_VERIFIER.into());
            }
        }
        let first = self
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(code.number);
        if !first {
            return Err(USED_CODE.into());
        }
        let mut session = code.session;
        // Browsers say where a request comes from: the application is a page.
        session.spa = request.ask.header("origin").is_some();
        self.go_on(request, app, proof, session, Sort::Code(CODE))
    }

    /// `/logout`: there are no sessions in the browser to end.
    pub(super) fn logout(ask: &Ask) -> Reply {
        let back = url::form_urlencoded::parse(ask.query.as_bytes())
            .find(|(name, _)| name == "post_logout_redirect_uri")
            .map(|(_, value)| value.into_owned())
            .filter(|address| is_registered(address, &ask.base));
        match back {
            Some(address) => pages::redirect(address),
            None => page(200, "You signed out of your account", ""),
        }
    }
}

/// The parameters of a request: in the query, or in the form of a `POST`.
fn asked(ask: &Ask) -> Result<Form, Aadsts> {
    match ask.method {
        Method::POST => Form::read(&ask.body),
        _ => Form::read(ask.query.as_bytes()),
    }
}

enum Choice {
    Somebody(String),
    Page(Box<Reply>),
}

/// A person as the pages list them.
pub fn described(account: &Account) -> String {
    let role = if account.roles.is_empty() {
        "no role".to_owned()
    } else {
        account.roles.join(", ")
    };
    escaped(&format!("{} ({}; {role})", account.name, account.upn))
}

/// Whether an address may be replied to: any port of this computer (RFC 8252), or the page for native clients.
pub fn is_registered(address: &str, base: &str) -> bool {
    const NATIVE: &str = "/common/oauth2/nativeclient";
    if address == format!("https://login.microsoftonline.com{NATIVE}")
        || address == format!("{base}{NATIVE}")
    {
        return true;
    }
    url::Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(is_loopback)
            && url.fragment().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_go_to_this_computer_alone() {
        let base = "https://localhost:8484";
        for (address, fine) in [
            ("http://localhost:53123", true),
            ("http://127.0.0.1:1/cb?x=1", true),
            ("https://localhost:8484/common/oauth2/nativeclient", true),
            (
                "https://login.microsoftonline.com/common/oauth2/nativeclient",
                true,
            ),
            ("https://example.com/cb", false),
            ("http://localhost.example.com/cb", false),
            ("javascript:alert(1)", false),
            ("localhost", false),
        ] {
            assert_eq!(is_registered(address, base), fine, "{address}");
        }
    }
}

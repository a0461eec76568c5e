//! Consent: who may give applications what they ask for, and the pages that ask.
//!
//! Facts: the Defender for Endpoint sheet, section 3 "Partner flow"; Microsoft's pages on the admin consent
//! endpoint and on permissions and consent. What an administrator gives counts for this tenant alone and
//! with the next token. What a person gives (`User.Read` and nothing more) counts for everybody here: the
//! tenant keeps no consent a person.
//!
//! Pages are forms. Without a browser: `POST` to the address of the page with its own parameters, and
//! `sim_choice` (a user principal name) and `sim_consent` (`accept` or `cancel`) beside them.

use std::fmt::Write as _;
use std::sync::PoisonError;

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::super::clock::Ticks;
use super::super::http::{Ask, Reply};
use super::authorize::{described, is_registered};
use super::directory::{Account, App};
use super::pages::{self, escaped, page};
use super::refusals::{
    Aadsts, BAD_ADDRESS, DECLINED_CONSENT, MISSING, NEEDS_ADMIN, NO_APP, NO_USER, NOT_MULTI_TENANT,
};
use super::resources::{ALL, Resource};
use super::scopes;
use super::token::Form;
use super::{Entra, Version, is_common};

/// Delegated permissions that a person may give without an administrator.
pub const PLAIN: &[&str] = &["User.Read"];
/// Where the documented partner flow lets the browser end.
const PORTAL: &str = "https://portal.azure.com";

/// One act of consent: of one resource, everything the registration asks for or single delegated
/// permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Application id.
    pub app: String,
    /// Application id of the resource.
    pub resource: String,
    /// Delegated permissions; everything, application permissions too, when `None`.
    pub scopes: Option<Vec<String>>,
}

impl Entra {
    /// Becomes one of several tenants: ids and names of all, for pages on which one is chosen.
    pub fn meet(&self, tenants: &[(String, String)]) {
        let mut neighbours = self
            .neighbours
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *neighbours = tenants.to_vec();
    }

    /// Gives an application what was consented to; its tokens have it from now on.
    pub fn give(&self, consent: &Consent) {
        let Some(app) = self.directory.app(&consent.app) else {
            return;
        };
        if let Some(resource) = ALL.iter().find(|r| r.app_id == consent.resource) {
            let mut grants = self.grants.write().unwrap_or_else(PoisonError::into_inner);
            grants.give(app, *resource, consent.scopes.as_deref());
        }
    }

    /// The same, and remembers it for whoever keeps the tenant's state.
    pub(super) fn consent(&self, consent: Consent) {
        self.give(&consent);
        self.new_consents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(consent);
    }

    /// What was consented to since the last time.
    pub fn take_consents(&self) -> Vec<Consent> {
        let mut new = self
            .new_consents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut new)
    }

    /// `/{tenant}/adminconsent` and `/{tenant}/v2.0/adminconsent`: an administrator gives an application
    /// what it asks for, in this tenant. The second takes `scope`: whole resources (`…/.default`) or single
    /// delegated permissions.
    pub(super) fn admin_consent(
        &self,
        ask: &Ask,
        segment: &str,
        version: Version,
        now: Ticks,
    ) -> Reply {
        let form = match ask.method {
            Method::POST => Form::read(&ask.body),
            _ => Form::read(ask.query.as_bytes()),
        };
        let known = form.and_then(|form| {
            let id = form.need("client_id")?;
            let app = self.directory.app(id).ok_or_else(|| NO_APP.of(&[id]))?;
            if is_common(segment) && !app.multi_tenant {
                return Err(NOT_MULTI_TENANT.of(&[&app.id, &app.name]));
            }
            if let Some(address) = form.get("redirect_uri")
                && !is_registered(address, &ask.base)
                && address.trim_end_matches('/') != PORTAL
            {
                return Err(BAD_ADDRESS.of(&[address, id]));
            }
            let wanted = self.wanted_by_admin(&form, app, version)?;
            Ok((form, app, wanted))
        });
        let (form, app, wanted) = match known {
            Ok(known) => known,
            Err(refusal) => return pages::refusal(refusal, ask, now),
        };
        let choice = form
            .get("sim_choice")
            .filter(|_| ask.method == Method::POST);
        let Some(choice) = choice else {
            return self.admin_page(ask, segment, &form, app, &wanted);
        };
        match self.decide_as_admin(choice, form.get("sim_consent"), app) {
            Ok(()) => {
                for one in wanted {
                    self.consent(one);
                }
                let scope = form.get("scope").filter(|_| version == Version::V2);
                let mut fields = vec![("admin_consent", "True"), ("tenant", &self.tenant)];
                fields.extend(form.get("state").map(|state| ("state", state)));
                fields.extend(scope.map(|scope| ("scope", scope)));
                send(&form, &fields).unwrap_or_else(|| {
                    page(200, "Consent was given", "<p>You may close this page.</p>")
                })
            }
            Err(refusal) => {
                let sentence = refusal.sentence(ask, now);
                let mut fields = vec![
                    ("error", "access_denied"),
                    ("error_description", sentence.as_str()),
                    ("admin_consent", "True"),
                    ("tenant", self.tenant.as_str()),
                ];
                fields.extend(form.get("state").map(|state| ("state", state)));
                let why = format!("AADSTS{}: {}", refusal.kind.code, refusal.message);
                let mut reply =
                    send(&form, &fields).unwrap_or_else(|| pages::refusal(refusal, ask, now));
                reply.why = Some(why);
                reply
            }
        }
    }

    /// What an administrator is asked to consent to: one act a resource.
    fn wanted_by_admin(
        &self,
        form: &Form,
        app: &App,
        version: Version,
    ) -> Result<Vec<Consent>, Aadsts> {
        let of = |resource: Resource, scopes| Consent {
            app: app.id.clone(),
            resource: resource.app_id.into(),
            scopes,
        };
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        if version == Version::V1 {
            let all = ALL.iter().filter(|r| !r.permissions.is_empty());
            return Ok(all.map(|r| of(*r, None)).collect());
        }
        let scope = form.get("scope").ok_or_else(|| MISSING.of(&["scope"]))?;
        let mut wanted: Vec<Consent> = Vec::new();
        for one in scope.split_whitespace() {
            let (resource, names) = scopes::requested(one, app, &grants)?;
            let Some(resource) = resource else {
                continue;
            };
            let whole = one.ends_with("/.default");
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let known = wanted.iter_mut().find(|c| c.resource == resource.app_id);
            match known {
                Some(known) if whole => known.scopes = None,
                Some(known) => known
                    .scopes
                    .iter_mut()
                    .for_each(|s| s.extend(names.clone())),
                None => wanted.push(of(resource, (!whole).then_some(names))),
            }
        }
        Ok(wanted)
    }

    fn decide_as_admin(
        &self,
        choice: &str,
        consent: Option<&str>,
        app: &App,
    ) -> Result<(), Aadsts> {
        let account = self
            .directory
            .account(choice)
            .ok_or_else(|| NO_USER.of(&[choice]))?;
        self.may_sign_in(account, app)?;
        match consent {
            Some("accept") if account.is_administrator() => Ok(()),
            Some("accept") => Err(NEEDS_ADMIN.into()),
            _ => Err(DECLINED_CONSENT.into()),
        }
    }

    /// The page for administrators: what is asked, in which tenant, and by whom it can be given.
    fn admin_page(
        &self,
        ask: &Ask,
        segment: &str,
        form: &Form,
        app: &App,
        wanted: &[Consent],
    ) -> Reply {
        let mut body = asked_for(app, wanted);
        let neighbours = self
            .neighbours
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let rest = ask.path.trim_start_matches('/');
        let rest = rest.split_once('/').map_or("", |(_, rest)| rest);
        let mut tenants: Vec<(&str, &str)> = vec![(&self.tenant, "")];
        if is_common(segment) && !neighbours.is_empty() {
            tenants = neighbours
                .iter()
                .map(|(id, name)| (id.as_str(), name.as_str()))
                .collect();
        }
        for (id, name) in tenants {
            let _ = write!(body, "<h2>{} {}</h2>", escaped(name), escaped(id));
            for account in self
                .directory
                .accounts
                .iter()
                .filter(|a| a.is_administrator())
            {
                let action = format!("/{id}/{rest}");
                body.push_str(&buttons(&action, form, account));
            }
        }
        page(
            200,
            "Permissions requested: review for your organization",
            &body,
        )
    }

    /// The page on which a person who signed in consents.
    pub(super) fn consent_page(
        ask: &Ask,
        form: &Form,
        app: &App,
        wanted: &[Consent],
        account: &Account,
    ) -> Reply {
        let body = asked_for(app, wanted) + &buttons(&ask.path, form, account);
        page(200, "Permissions requested", &body)
    }
}

/// What an application asks for, as a list.
fn asked_for(app: &App, wanted: &[Consent]) -> String {
    let mut body = format!("<p>{} would like:</p><ul>", escaped(&app.name));
    for one in wanted {
        let resource = ALL.iter().find(|r| r.app_id == one.resource);
        let name = resource.and_then(|r| r.audiences.first()).unwrap_or(&"");
        let names = match (&one.scopes, resource) {
            (Some(scopes), _) => scopes.join(", "),
            (None, Some(resource)) => {
                let all = resource.permissions.iter();
                let all = all.map(|p| if p.role.is_empty() { p.scope } else { p.role });
                all.collect::<Vec<_>>().join(", ")
            }
            (None, None) => String::new(),
        };
        let _ = write!(body, "<li>{}: {}</li>", escaped(name), escaped(&names));
    }
    body.push_str("</ul>");
    body
}

/// A form that repeats the request with a person's decision.
fn buttons(action: &str, form: &Form, account: &Account) -> String {
    let mut out = format!("<form method=\"post\" action=\"{}\">", escaped(action));
    let own = |name: &str| matches!(name, "sim_choice" | "sim_consent");
    let fields = form.fields().filter(|(name, _)| !own(name));
    for (name, value) in fields.chain([("sim_choice", account.upn.as_str())]) {
        let _ = write!(
            out,
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
            escaped(name),
            escaped(value)
        );
    }
    let _ = write!(
        out,
        "<p>{}</p><button name=\"sim_consent\" value=\"accept\">Accept</button> \
         <button name=\"sim_consent\" value=\"cancel\">Cancel</button></form>",
        described(account)
    );
    out
}

/// Sends the browser to the application's address, if it gave one.
fn send(form: &Form, fields: &[(&str, &str)]) -> Option<Reply> {
    let address = form.get("redirect_uri")?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    let mark = if address.contains('?') { '&' } else { '?' };
    Some(pages::redirect(format!(
        "{address}{mark}{}",
        query.finish()
    )))
}

//! People signing in: with a password, and again with a refresh token. The other ways end here too, with
//! a [`Session`].
//!
//! Sessions are sealed texts, not state: a refresh token outlives a restart, as tokens do.

use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::super::clock::{self, Ticks};
use super::super::http::Reply;
use super::super::quirks::TokenFormat;
use super::claims::Claims;
use super::client::Proof;
use super::directory::{Account, App, Trouble};
use super::refusals::{
    Aadsts, BAD_GRANT, BAD_PASSWORD, BLOCKED, DEVICE_NOT_COMPLIANT, DISABLED, INACTIVE_REFRESH,
    LOCKED, MUST_ENROL_MFA, NEEDS_MFA, NEEDS_MFA_V1, NO_USER, NOT_ASSIGNED, OLD_GRANT,
    OLD_PASSWORD, OLD_SPA_REFRESH, OTHER_TENANT, REVOKED, SIGN_IN_FREQUENCY,
};
use super::scopes::{self, Delegated};
use super::standing::capabilities;
use super::token::{self, TokenRequest};
use super::{Entra, Version};

/// How long a refresh token lies unused at most: 90 days.
const REFRESH: i64 = 90 * 86_400;
/// How long a session in a page of a browser lasts, used or not: a day.
const SPA: i64 = 86_400;
/// How long one lasts where a policy wants a sign-in every so often.
const FREQUENCY: i64 = 3600;

/// What a session goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A code, good for so many seconds.
    Code(i64),
    /// A refresh token.
    Refresh,
}

/// A person who signed in to an application.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Session {
    /// The application.
    pub app: String,
    /// Who: user principal name.
    pub upn: String,
    /// How: `pwd`, `mfa`.
    pub amr: Vec<String>,
    /// When it went on last, Unix seconds.
    pub at: i64,
    /// When the person signed in, Unix seconds.
    #[serde(default)]
    pub begun: i64,
    /// Whether the client is a page in a browser.
    #[serde(default)]
    pub spa: bool,
    /// What the client said it can do.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// What was asked for, as it was written: `scope`, or the `resource` of a v1 request.
    pub scope: String,
    /// What the client wants to find again in its ID token.
    #[serde(default)]
    pub nonce: Option<String>,
}

impl Entra {
    /// `grant_type=password`: no second factor, blocked where one is needed.
    pub(super) fn password(&self, request: &TokenRequest<'_>) -> Result<Reply, Aadsts> {
        let (app, proof) = self.client(request)?;
        let form = &request.form;
        let (upn, password) = (form.need("username")?, form.need("password")?);
        let wanted = self.delegated(request, app, None)?;
        let account = self
            .directory
            .account(upn)
            .ok_or_else(|| NO_USER.of(&[upn]))?;
        if account.trouble == Some(Trouble::Locked) {
            return Err(LOCKED.into());
        }
        if password != self.directory.password {
            return Err(BAD_PASSWORD.into());
        }
        match account.trouble {
            Some(Trouble::Mfa) if request.version == Version::V1 => {
                return Err(NEEDS_MFA_V1.of(&[wanted.wanted.resource.app_id]));
            }
            Some(Trouble::Mfa) => {
                return Err(NEEDS_MFA.of(&[wanted.wanted.resource.app_id]));
            }
            Some(Trouble::MfaEnrol) => {
                return Err(MUST_ENROL_MFA.of(&[wanted.wanted.resource.app_id]));
            }
            _ => self.may_sign_in(account, app)?,
        }
        let session = Session {
            app: app.id.clone(),
            upn: account.upn.clone(),
            amr: vec!["pwd".into()],
            at: self.begins(&account.id, &app.id, request.now),
            begun: self.begins(&account.id, &app.id, request.now),
            scope: asked(request),
            capabilities: capabilities(form)?,
            ..Session::default()
        };
        Ok(self.signed_in(request, app, proof, account, &session, &wanted))
    }

    /// `grant_type=refresh_token`: the session goes on, for the same resource or another. Each answer
    /// carries a new refresh token; the old one stays good, as it does at Entra.
    pub(super) fn refresh(&self, request: &TokenRequest<'_>) -> Result<Reply, Aadsts> {
        let (app, proof) = self.client(request)?;
        let session: Session = self
            .keys
            .open("1.refresh", request.form.need("refresh_token")?)
            .and_then(|v| serde_json::from_value(v).ok())
            .filter(|s: &Session| s.app == app.id)
            .ok_or_else(|| Aadsts::from(BAD_GRANT))?;
        self.go_on(request, app, proof, session, Sort::Refresh)
    }

    /// Tokens for a session that began elsewhere, unless it is too old, was revoked, or its person is in
    /// trouble by now.
    pub(super) fn go_on(
        &self,
        request: &TokenRequest<'_>,
        app: &App,
        proof: Proof,
        session: Session,
        sort: Sort,
    ) -> Result<Reply, Aadsts> {
        let now = clock::to_unix(request.now);
        let time = |at: i64| clock::graph(request.now - (now - at) * clock::SECOND);
        match sort {
            Sort::Code(lifetime) if now >= session.at + lifetime => return Err(OLD_GRANT.into()),
            Sort::Refresh if session.spa && now >= session.begun + SPA => {
                return Err(OLD_SPA_REFRESH.of(&[&time(session.begun), "1.00:00:00"]));
            }
            Sort::Refresh if now >= session.at + REFRESH => {
                return Err(INACTIVE_REFRESH.of(&[&time(session.at), "90.00:00:00"]));
            }
            Sort::Code(_) | Sort::Refresh => {}
        }
        let account = self
            .directory
            .account(&session.upn)
            .ok_or_else(|| Aadsts::from(BAD_GRANT))?;
        self.may_sign_in(account, app)?;
        let person = self.standing(&account.id).sessions_until;
        let ended = person.max(self.standing(&app.id).sessions_until);
        if session.at <= ended {
            return Err(REVOKED.of(&[&time(session.at), &time(ended + 1)]));
        }
        if sort == Sort::Refresh
            && account.trouble == Some(Trouble::SignInFrequency)
            && now >= session.begun + FREQUENCY
        {
            return Err(SIGN_IN_FREQUENCY.of(&[&time(session.begun), &FREQUENCY.to_string()]));
        }
        let wanted = self.delegated(request, app, Some(&session.scope))?;
        let mut session = Session {
            at: now.max(session.at),
            ..session
        };
        let said = capabilities(&request.form)?;
        if !said.is_empty() {
            session.capabilities = said;
        }
        if request.form.get("scope").is_some() || request.form.get("resource").is_some() {
            session.scope = asked(request);
        }
        Ok(self.signed_in(request, app, proof, account, &session, &wanted))
    }

    /// Whether a person who has proved who they are may come in. A second factor is not asked here: whoever
    /// signs in by hand has given it.
    pub(super) fn may_sign_in(&self, account: &Account, app: &App) -> Result<(), Aadsts> {
        if self.standing(&account.id).disabled {
            return Err(DISABLED.into());
        }
        match account.trouble {
            Some(Trouble::ConditionalAccess) => Err(BLOCKED.into()),
            Some(Trouble::DeviceNotCompliant) => Err(DEVICE_NOT_COMPLIANT.into()),
            Some(Trouble::NotAssigned) => Err(NOT_ASSIGNED.into()),
            Some(Trouble::OtherTenant) => {
                Err(OTHER_TENANT.of(&[&account.upn, &self.tenant, &app.id]))
            }
            Some(Trouble::Locked) => Err(LOCKED.into()),
            Some(Trouble::PasswordExpired) => Err(OLD_PASSWORD.into()),
            // Who is disabled from the beginning may have been enabled since.
            None
            | Some(
                Trouble::Mfa | Trouble::MfaEnrol | Trouble::SignInFrequency | Trouble::Disabled,
            ) => Ok(()),
        }
    }

    /// What a request of a person wants; `before` is what the session was begun for.
    fn delegated(
        &self,
        request: &TokenRequest<'_>,
        app: &App,
        before: Option<&str>,
    ) -> Result<Delegated, Aadsts> {
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        match (request.version, before) {
            (Version::V1, Some(before)) if request.form.get("resource").is_none() => {
                let form = token::Form::of("resource", before);
                scopes::delegated_v1(&form, app, &grants)
            }
            (Version::V1, _) => scopes::delegated_v1(&request.form, app, &grants),
            (Version::V2, before) => {
                let scope = match (request.form.get("scope"), before) {
                    (Some(scope), _) => scope,
                    (None, Some(before)) => before,
                    (None, None) => request.form.need("scope")?,
                };
                // Whoever renews keeps what the sign-in was about.
                let mut wanted = scopes::delegated_v2(scope, app, &grants)?;
                for kept in ["openid", "profile", "email", "offline_access"] {
                    let had = before.is_some_and(|b| b.split_whitespace().any(|s| s == kept));
                    if had && !wanted.has(kept) {
                        wanted.openid.push(kept);
                    }
                }
                Ok(wanted)
            }
        }
    }

    /// The answer to a person: access token, and what else was asked for.
    fn signed_in(
        &self,
        request: &TokenRequest<'_>,
        app: &App,
        proof: Proof,
        account: &Account,
        session: &Session,
        wanted: &Delegated,
    ) -> Reply {
        let lifetime = self.lifetime(wanted.wanted.resource, &session.capabilities);
        let base = &request.ask.base;
        let claims = self.person_claims(
            base,
            app,
            proof,
            account,
            session,
            wanted,
            lifetime,
            request.now,
        );
        let mut more = Map::new();
        let scope = match request.version {
            Version::V1 => wanted.scopes.join(" "),
            Version::V2 => full_names(wanted),
        };
        more.insert("scope".into(), scope.into());
        if request.version == Version::V1 || wanted.has("offline_access") {
            let refresh = self.keys.seal("1.refresh", &json!(session));
            let refresh = self.hand_out("refresh token", refresh);
            more.insert("refresh_token".into(), refresh.into());
        }
        if request.version == Version::V1 || wanted.has("openid") {
            let id = self.id_token(request, &claims, account, session, wanted);
            more.insert("id_token".into(), id.into());
        }
        if request.form.get("client_info") == Some("1") {
            let info = json!({ "uid": account.id, "utid": self.tenant });
            let info = URL_SAFE_NO_PAD.encode(info.to_string());
            more.insert("client_info".into(), info.into());
        }
        token::answer(request, &wanted.wanted, self.sign(&claims), lifetime, more)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "everything a token says comes from somewhere else"
    )]
    fn person_claims(
        &self,
        base: &str,
        app: &App,
        proof: Proof,
        account: &Account,
        session: &Session,
        wanted: &Delegated,
        lifetime: Duration,
        now: Ticks,
    ) -> Claims {
        let issued = self.issues(&[&account.id, &app.id], now);
        // One person is another subject to every application.
        let subject = Sha256::digest(format!("{} {} {} subject", self.seed, app.id, account.id));
        let mut scp = wanted.scopes.clone();
        let own = wanted.openid.iter().filter(|s| **s != "offline_access");
        scp.extend(own.map(|s| (*s).to_owned()));
        let common = Claims {
            iat: issued,
            nbf: issued,
            exp: issued + lifetime.as_secs() as i64,
            idtyp: "user".into(),
            name: account.name.clone(),
            oid: account.id.clone(),
            scp: scp.join(" "),
            sub: URL_SAFE_NO_PAD.encode(subject),
            tid: self.tenant.clone(),
            uti: self.unique_id(now),
            wids: account.wids(),
            xms_cc: session.capabilities.clone(),
            ..Claims::default()
        };
        match self.format {
            TokenFormat::V1 => Claims {
                aud: wanted.wanted.aud.clone(),
                iss: self.issuer(base, Version::V1),
                amr: session.amr.clone(),
                appid: app.id.clone(),
                app_displayname: app.name.clone(),
                appidacr: proof.text().into(),
                unique_name: account.upn.clone(),
                upn: account.upn.clone(),
                ver: "1.0".into(),
                ..common
            },
            TokenFormat::V2 => Claims {
                aud: wanted.wanted.resource.app_id.into(),
                iss: self.issuer(base, Version::V2),
                azp: app.id.clone(),
                azpacr: proof.text().into(),
                preferred_username: account.upn.clone(),
                ver: "2.0".into(),
                ..common
            },
        }
    }

    /// The token that tells the application who signed in.
    fn id_token(
        &self,
        request: &TokenRequest<'_>,
        access: &Claims,
        account: &Account,
        session: &Session,
        wanted: &Delegated,
    ) -> String {
        let mut claims = json!({
            "aud": session.app,
            "iss": self.issuer(&request.ask.base, request.version),
            "iat": access.iat,
            "nbf": access.nbf,
            "exp": access.exp,
            "name": account.name,
            "oid": account.id,
            "sub": access.sub,
            "tid": self.tenant,
            "uti": access.uti,
        });
        match request.version {
            Version::V1 => {
                claims["amr"] = json!(session.amr);
                claims["unique_name"] = json!(account.upn);
                claims["upn"] = json!(account.upn);
                claims["ver"] = json!("1.0");
            }
            Version::V2 => {
                claims["preferred_username"] = json!(account.upn);
                claims["ver"] = json!("2.0");
            }
        }
        if wanted.has("email") {
            claims["email"] = json!(account.upn);
        }
        if let Some(nonce) = &session.nonce {
            claims["nonce"] = Value::from(nonce.as_str());
        }
        let token = self.keys.sign(&claims, request.version == Version::V1);
        self.hand_out("ID token", token)
    }
}

/// What a request asks for, to be kept in its session.
fn asked(request: &TokenRequest<'_>) -> String {
    let name = match request.version {
        Version::V1 => "resource",
        Version::V2 => "scope",
    };
    request.form.get(name).unwrap_or_default().to_owned()
}

/// Granted scopes as the second generation writes them: with their resource, Graph's short ones without.
fn full_names(wanted: &Delegated) -> String {
    let short = wanted.wanted.aud == super::resources::GRAPH.app_id;
    let own = wanted.openid.iter().filter(|s| **s != "offline_access");
    wanted
        .scopes
        .iter()
        .map(|scope| {
            if short {
                scope.clone()
            } else {
                format!("{}/{scope}", wanted.wanted.aud)
            }
        })
        .chain(own.map(|s| (*s).to_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// How somebody signed in by hand.
pub fn by_hand(account: &Account) -> Vec<String> {
    let mut amr = vec!["pwd".to_owned()];
    if matches!(account.trouble, Some(Trouble::Mfa | Trouble::MfaEnrol)) {
        amr.push("mfa".to_owned());
    }
    amr
}

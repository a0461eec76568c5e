//! Signing in on another device: a code is shown, somebody types it into a page, the client polls.
//!
//! Facts: the Defender for Endpoint sheet, section 3; RFC 8628. Codes under way live in memory: none
//! outlives fifteen minutes, nor the process.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use axum::http::Method;
use serde_json::json;

use super::super::clock::{self, Ticks};
use super::super::http::{Ask, Reply};
use super::super::ids;
use super::authorize::described;
use super::pages::{self, escaped, page};
use super::people::{Session, Sort, by_hand};
use super::refusals::{
    Aadsts, BAD_DEVICE_CODE, DECLINED, NO_TENANT, NO_USER, NOT_PUBLIC, OLD_DEVICE_CODE, PENDING,
    RESOURCE_ON_V2, SLOW_DOWN,
};
use super::scopes;
use super::token::{Form, TokenRequest};
use super::{Entra, Version, is_common};

/// How long a code is good, seconds.
const LIFETIME: i64 = 900;
/// How often a client may ask, seconds.
const INTERVAL: i64 = 5;

/// Codes under way, by device code.
#[derive(Debug, Default)]
pub struct Devices(HashMap<String, Device>);

#[derive(Debug)]
struct Device {
    user_code: String,
    app: String,
    scope: String,
    issued: i64,
    polled: i64,
    interval: i64,
    decision: Decision,
}

#[derive(Debug, Clone)]
enum Decision {
    Open,
    Declined,
    Approved(Box<Session>),
}

impl Entra {
    /// `POST /{tenant}/oauth2[/v2.0]/devicecode`.
    pub(super) fn device_code(
        &self,
        ask: &Ask,
        segment: &str,
        version: Version,
        now: Ticks,
    ) -> Result<Reply, Aadsts> {
        let form = match ask.method {
            // The first generation takes its parameters in the query as well.
            Method::GET => Form::read(ask.query.as_bytes())?,
            _ => Form::read(&ask.body)?,
        };
        if !self.is_named(segment) && !is_common(segment) {
            return Err(NO_TENANT.of(&[segment]));
        }
        let id = form.need("client_id")?;
        self.check_tenancy(segment, &form)?;
        let app = self.app(id)?;
        if !app.public_client {
            return Err(NOT_PUBLIC.into());
        }
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        let scope = match version {
            Version::V1 => {
                scopes::delegated_v1(&form, app, &grants)?;
                form.get("resource").unwrap_or_default()
            }
            Version::V2 if form.get("resource").is_some() => return Err(RESOURCE_ON_V2.into()),
            Version::V2 => {
                let scope = form.need("scope")?;
                scopes::delegated_v2(scope, app, &grants)?;
                scope
            }
        };
        drop(grants);
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let device_code = ids::sha256(self.seed, &format!("device code {number} {now}"));
        let user_code =
            ids::sha256(self.seed, &format!("user code {number} {now}"))[..9].to_uppercase();
        let issued = clock::to_unix(now);
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.0.retain(|_, d| issued < d.issued + 2 * LIFETIME);
        devices.0.insert(
            device_code.clone(),
            Device {
                user_code: user_code.clone(),
                app: app.id.clone(),
                scope: scope.to_owned(),
                issued,
                polled: 0,
                interval: INTERVAL,
                decision: Decision::Open,
            },
        );
        drop(devices);
        let device_code = self.hand_out("device code", device_code);
        let user_code = self.hand_out("user code", user_code);
        let address = format!("{}/common/oauth2/deviceauth", ask.base);
        let message = format!(
            "To sign in, use a web browser to open the page {address} and enter the code {user_code} to authenticate."
        );
        let body = match version {
            Version::V1 => json!({
                "user_code": user_code,
                "device_code": device_code,
                "verification_url": address,
                "expires_in": LIFETIME.to_string(),
                "interval": INTERVAL.to_string(),
                "message": message,
            }),
            Version::V2 => json!({
                "user_code": user_code,
                "device_code": device_code,
                "verification_uri": address,
                "expires_in": LIFETIME,
                "interval": INTERVAL,
                "message": message,
            }),
        };
        let mut reply = Reply::value(200, &body);
        reply.content_type = "application/json; charset=utf-8";
        Ok(reply)
    }

    /// `grant_type=…:device_code`: a client asks whether somebody has decided.
    pub(super) fn poll(&self, request: &TokenRequest<'_>) -> Result<Reply, Aadsts> {
        let (app, proof) = self.client(request)?;
        let form = &request.form;
        // The first generation calls it `code`.
        let code = match (form.get("device_code"), form.get("code")) {
            (Some(code), _) | (None, Some(code)) => code,
            (None, None) => form.need("device_code")?,
        };
        let now = clock::to_unix(request.now);
        let session = {
            let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
            let device = devices
                .0
                .get_mut(code)
                .filter(|d| d.app == app.id)
                .ok_or_else(|| Aadsts::from(BAD_DEVICE_CODE))?;
            if now >= device.issued + LIFETIME {
                return Err(OLD_DEVICE_CODE.into());
            }
            match &device.decision {
                Decision::Open => {
                    // A second of grace: clients sleep about as long as they were told.
                    let early = now - device.polled < device.interval - 1;
                    device.polled = now;
                    if early {
                        device.interval += 5;
                        return Err(SLOW_DOWN.into());
                    }
                    return Err(PENDING.into());
                }
                Decision::Declined => return Err(DECLINED.into()),
                Decision::Approved(session) => Session::clone(session),
            }
        };
        let reply = self.go_on(request, app, proof, session, Sort::Code(LIFETIME))?;
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.0.remove(code);
        Ok(reply)
    }

    /// The page where a code is typed and somebody approves or declines: `GET` shows, `POST` with
    /// `user_code` and `choice` (a user principal name, or `decline`) decides.
    pub(super) fn device_page(&self, ask: &Ask, now: Ticks) -> Reply {
        let fields = match ask.method {
            Method::POST => Form::read(&ask.body),
            _ => Form::read(ask.query.as_bytes()),
        };
        let fields = match fields {
            Ok(fields) => fields,
            Err(refusal) => return pages::refusal(refusal, ask, now),
        };
        let Some(typed) = fields.get("user_code") else {
            return page(
                200,
                "Enter code",
                "<form method=\"get\"><input name=\"user_code\" autofocus> <button>Next</button></form>",
            );
        };
        let outcome = match (fields.get("choice"), &ask.method) {
            (Some(choice), &Method::POST) => self.decide(typed, choice, now).map(|()| {
                page(
                    200,
                    "You have signed in",
                    "<p>Go back to your device; you may close this page.</p>",
                )
            }),
            _ => self.choices(typed, now),
        };
        outcome.unwrap_or_else(|refusal| pages::refusal(refusal, ask, now))
    }

    fn choices(&self, typed: &str, now: Ticks) -> Result<Reply, Aadsts> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let device = device(&mut devices, typed, now)?;
        let app = self.directory.app(&device.app).map_or("", |a| &a.name);
        let code = escaped(&device.user_code);
        let button = |choice: &str, words: &str| {
            format!(
                "<li><form method=\"post\"><input type=\"hidden\" name=\"user_code\" value=\"{code}\">\
                 <input type=\"hidden\" name=\"choice\" value=\"{}\"><button>{words}</button></form></li>",
                escaped(choice)
            )
        };
        let mut body = format!(
            "<p>to continue to {} on another device</p><ul>",
            escaped(app)
        );
        for account in &self.directory.accounts {
            body.push_str(&button(&account.upn, &described(account)));
        }
        let _ = write!(body, "{}</ul>", button("decline", "Cancel"));
        Ok(page(200, "Sign in", &body))
    }

    fn decide(&self, typed: &str, choice: &str, now: Ticks) -> Result<(), Aadsts> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let device = device(&mut devices, typed, now)?;
        if choice == "decline" {
            device.decision = Decision::Declined;
            return Ok(());
        }
        let account = self
            .directory
            .account(choice)
            .ok_or_else(|| NO_USER.of(&[choice]))?;
        self.may_sign_in(account, self.app(&device.app)?)?;
        device.decision = Decision::Approved(Box::new(Session {
            app: device.app.clone(),
            upn: account.upn.clone(),
            amr: by_hand(account),
            at: self.begins(&account.id, &device.app, now),
            begun: self.begins(&account.id, &device.app, now),
            scope: device.scope.clone(),
            ..Session::default()
        }));
        Ok(())
    }
}

/// The open code somebody typed.
fn device<'a>(devices: &'a mut Devices, typed: &str, now: Ticks) -> Result<&'a mut Device, Aadsts> {
    let device = devices
        .0
        .values_mut()
        .find(|d| d.user_code.eq_ignore_ascii_case(typed.trim()))
        .ok_or_else(|| Aadsts::from(BAD_DEVICE_CODE))?;
    if clock::to_unix(now) >= device.issued + LIFETIME {
        return Err(OLD_DEVICE_CODE.into());
    }
    if !matches!(device.decision, Decision::Open) {
        return Err(BAD_DEVICE_CODE.into());
    }
    Ok(device)
}

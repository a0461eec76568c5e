//! The page on which an administrator consents to what an application asks for.
//!
//! Entra has two, and they do different things:
//!
//! - `/{tenant}/adminconsent` consents to everything the registration lists, application and delegated
//!   permissions of every resource at once
//!   (<https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>;
//!   without `redirect_uri` it ends on a page of Entra's own, as
//!   <https://learn.microsoft.com/en-us/entra/identity/enterprise-apps/grant-admin-consent> has it);
//! - `/{tenant}/v2.0/adminconsent` takes `scope`: named delegated permissions of one resource, listed in
//!   the registration or not, or `/.default`. `scope` and `redirect_uri` are required, and `common` is
//!   not a tenant there (<https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent>).
//!
//! Application permissions cannot be named in a scope, so an application is sent to the first and a
//! person's permissions to the second.

use url::Url;

use crate::cloud::Endpoints;
use crate::config::Profile;

/// Where the v2 page sends the administrator back to unless said otherwise: the redirect address the
/// browser sign-in is registered with.
pub const CONSENT_REDIRECT: &str = "http://localhost";

/// What an administrator is asked to consent to.
#[derive(Clone, Copy, Debug)]
pub struct ConsentAsk<'a> {
    /// The customer's tenant, id or domain, or `organizations` where it is not known yet.
    pub tenant: &'a str,
    /// The application.
    pub client_id: &'a str,
    /// Delegated permissions as scopes (`https://graph.microsoft.com/ThreatHunting.Read.All`), all of one
    /// resource; none: everything the registration lists.
    pub scopes: &'a [String],
    /// Where the answer is sent to; must be registered. `None`: nowhere, or [`CONSENT_REDIRECT`] where the
    /// page requires one.
    pub redirect: Option<&'a str>,
    /// Comes back with the answer.
    pub state: Option<&'a str>,
}

/// The page that asks for it.
pub fn consent_url(authority: &Url, ask: &ConsentAsk<'_>) -> Url {
    let mut url = authority.clone();
    let v2 = !ask.scopes.is_empty();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(ask.tenant);
        if v2 {
            segments.push("v2.0");
        }
        segments.push("adminconsent");
    }
    let redirect = ask.redirect.or(v2.then_some(CONSENT_REDIRECT));
    let mut query = url.query_pairs_mut();
    query.append_pair("client_id", ask.client_id);
    if v2 {
        query.append_pair("scope", &ask.scopes.join(" "));
    }
    if let Some(redirect) = redirect {
        query.append_pair("redirect_uri", redirect);
    }
    if let Some(state) = ask.state {
        query.append_pair("state", state);
    }
    drop(query);
    url
}

/// The page on which an administrator of a profile's tenant lets it have permissions of one resource
/// (`audience`): everything registered for an application, the named ones for a person.
pub fn profile_consent(
    profile: &Profile,
    endpoints: &Endpoints,
    audience: &str,
    permissions: &[String],
) -> Url {
    let scopes: Vec<String> = if profile.sign_in().is_person() {
        permissions
            .iter()
            .map(|permission| format!("{audience}/{permission}"))
            .collect()
    } else {
        Vec::new()
    };
    consent_url(
        &endpoints.authority,
        &ConsentAsk {
            tenant: &profile.tenant_id,
            client_id: &profile.client_id,
            scopes: &scopes,
            redirect: None,
            state: None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SignIn;

    #[test]
    fn an_application_is_sent_to_the_page_of_everything_registered() {
        let profile = Profile {
            sign_in: Some(SignIn::Secret),
            ..Profile::new("p", "contoso.com", "11111111-2222-4333-8444-555555555555")
        };
        let endpoints = profile.endpoints().expect("resolves");
        let audience = endpoints.defender_audience.clone();
        let wanted = ["Machine.Isolate".to_owned()];
        let link = profile_consent(&profile, &endpoints, &audience, &wanted);
        assert_eq!(
            link.as_str(),
            "https://login.microsoftonline.com/contoso.com/adminconsent?client_id=11111111-2222-4333-8444-555555555555"
        );
        let person = Profile {
            sign_in: Some(SignIn::Browser),
            ..profile
        };
        let link = profile_consent(&person, &endpoints, &audience, &wanted);
        assert_eq!(link.path(), "/contoso.com/v2.0/adminconsent");
        let query: Vec<(String, String)> = link.query_pairs().into_owned().collect();
        assert_eq!(
            query[1].1,
            "https://api.securitycenter.microsoft.com/Machine.Isolate"
        );
        assert_eq!(query[2].1, CONSENT_REDIRECT);
    }

    #[test]
    fn state_and_redirect_come_last_and_are_encoded() {
        let authority: Url = "https://login.microsoftonline.us".parse().expect("a url");
        let url = consent_url(
            &authority,
            &ConsentAsk {
                tenant: "organizations",
                client_id: "c",
                scopes: &[],
                redirect: Some("http://localhost:4711/back"),
                state: Some("a b&c"),
            },
        );
        assert_eq!(
            url.as_str(),
            "https://login.microsoftonline.us/organizations/adminconsent?client_id=c&redirect_uri=http%3A%2F%2Flocalhost%3A4711%2Fback&state=a+b%26c"
        );
    }
}

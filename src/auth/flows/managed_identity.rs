//! The machine this runs on signs in, by the identity endpoint of its platform: virtual machines and
//! Kubernetes nodes (the instance metadata service), App Service and Functions, Azure Arc.
//!
//! Which platform it is, the environment says, as the platform documents it. These endpoints speak
//! plain http, and never leave the machine or its host: nothing else is accepted of the environment,
//! and no proxy is asked. They keep tokens themselves and know no `claims`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use super::{AccessToken, AuthError, AuthErrorKind, Flow, TokenRequest, no_secret};
use crate::auth::endpoint::{Said, exchange, grant_of};
use crate::auth::http::HttpError;
use crate::cloud::is_loopback;
use crate::config::Profile;

/// The metadata service's address on every virtual machine.
const IMDS: &str = "http://169.254.169.254";
/// Where Arc's agent puts the keys it challenges with.
const ARC_KEYS: &str = if cfg!(windows) {
    r"C:\ProgramData\AzureConnectedMachineAgent\Tokens"
} else {
    "/var/opt/azcmagent/tokens"
};
/// No key of Arc's agent is larger.
const LARGEST_KEY: u64 = 4096;

const ASSIGN: &str = "give this machine a managed identity in the portal (Identity), and the identity its permissions; with several identities, or one assigned by a user, name it by client_id";

/// Tokens of the platform.
pub(super) struct ManagedIdentityFlow {
    http: Result<reqwest::Client, HttpError>,
    platform: Result<Platform, AuthError>,
    client_id: Option<String>,
    arc_keys: PathBuf,
}

/// Who hands the tokens out.
#[derive(Debug)]
enum Platform {
    Imds { base: Url },
    AppService { endpoint: Url, header: SecretString },
    Arc { endpoint: Url },
}

impl ManagedIdentityFlow {
    /// The flow of a profile: of the user-assigned identity its `client_id` names, else of the
    /// machine's own.
    pub(super) fn new(profile: &Profile) -> Self {
        Self::within(profile, &|name| std::env::var(name).ok())
    }

    fn within(profile: &Profile, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            http: crate::auth::http::platform_client(),
            platform: Platform::of(variable),
            client_id: Some(profile.client_id.clone()).filter(|id| !id.is_empty()),
            arc_keys: ARC_KEYS.into(),
        }
    }

    async fn get(&self, request: TokenRequest) -> Result<AccessToken, AuthError> {
        let platform = self.platform.as_ref().map_err(Clone::clone)?;
        let http = self
            .http
            .as_ref()
            .map_err(|why| no_secret(format!("cannot set up connections: {why}"), ""))?;
        let said = match platform {
            Platform::Imds { base } => {
                let mut to = base.clone();
                to.set_path("/metadata/identity/oauth2/token");
                self.ask(&mut to, "2018-02-01", &request);
                send(http.get(to.clone()).header("Metadata", "true"), &to).await
            }
            Platform::AppService { endpoint, header } => {
                let mut to = endpoint.clone();
                self.ask(&mut to, "2019-08-01", &request);
                let asked = http.get(to.clone());
                let asked = asked.header("X-IDENTITY-HEADER", header.expose_secret());
                send(asked, &to).await
            }
            Platform::Arc { endpoint } => {
                if self.client_id.is_some() {
                    return Err(no_secret(
                        "Azure Arc knows no user-assigned identities".to_owned(),
                        "leave client_id out of the profile",
                    ));
                }
                let mut to = endpoint.clone();
                self.ask(&mut to, "2020-06-01", &request);
                self.challenged(http, &to).await
            }
        }?;
        Ok(grant_of(&said, Timestamp::now()).map_err(advised)?.token)
    }

    fn ask(&self, to: &mut Url, version: &str, request: &TokenRequest) {
        let mut query = to.query_pairs_mut();
        query
            .append_pair("api-version", version)
            .append_pair("resource", &request.audience);
        if let Some(id) = &self.client_id {
            query.append_pair("client_id", id);
        }
    }

    /// Arc's way: the first answer names a file that only those it trusts can read.
    async fn challenged(&self, http: &reqwest::Client, to: &Url) -> Result<Said, AuthError> {
        let asked = || http.get(to.clone()).header("Metadata", "true");
        let first = send(asked(), to).await?;
        let Some(named) = first.challenge() else {
            return Ok(first);
        };
        let key = self.arc_key(named)?;
        let mut value =
            reqwest::header::HeaderValue::try_from(format!("Basic {}", key.expose_secret()))
                .map_err(|_| {
                    no_secret(
                        "Azure Arc's key is not text".to_owned(),
                        "restart its agent",
                    )
                })?;
        value.set_sensitive(true);
        send(asked().header(reqwest::header::AUTHORIZATION, value), to).await
    }

    /// The key in the file of a challenge, which may be nowhere but where the agent keeps them: who
    /// answers there must not learn what is in other files.
    fn arc_key(&self, challenge: &str) -> Result<SecretString, AuthError> {
        let named = challenge
            .split_once('=')
            .filter(|(scheme, _)| scheme.trim().eq_ignore_ascii_case("basic realm"))
            .map(|(_, path)| Path::new(path.trim().trim_matches('"')));
        let odd = || {
            no_secret(
                "Azure Arc's agent answered with an odd challenge".to_owned(),
                "update and restart the agent (azcmagent)",
            )
        };
        let path = named
            .filter(|path| path.parent() == Some(&self.arc_keys))
            .filter(|path| path.extension().is_some_and(|it| it == "key"))
            .ok_or_else(odd)?;
        let unreadable = |why: std::io::Error| {
            no_secret(
                format!("Azure Arc's key {} cannot be read: {why}", path.display()),
                "run as a member of the group himds (on Windows: Hybrid agent extension applications)",
            )
        };
        if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST_KEY {
            return Err(odd());
        }
        let key = std::fs::read_to_string(path).map_err(unreadable)?;
        Ok(SecretString::from(key))
    }
}

impl Flow for ManagedIdentityFlow {
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(self.get(request))
    }
}

async fn send(request: reqwest::RequestBuilder, to: &Url) -> Result<Said, AuthError> {
    exchange(request, to).await.map_err(|why| AuthError {
        // Such an endpoint is there or is not; no weather comes between.
        kind: AuthErrorKind::NoSecret,
        message: format!("no managed identity here: {}", why.message),
        advice: "this works on Azure virtual machines, App Service, Kubernetes nodes and Arc machines alone; elsewhere choose another sign_in"
            .to_owned(),
        ..why
    })
}

fn advised(error: AuthError) -> AuthError {
    if error.is_passing() {
        return error;
    }
    AuthError {
        advice: ASSIGN.to_owned(),
        ..error
    }
}

impl Platform {
    /// The platform an environment belongs to.
    fn of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, AuthError> {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let elsewhere = |platform: &str, cure: &str| {
            no_secret(
                format!("managed identities of {platform} are not spoken here"),
                cure,
            )
        };
        if let Some(endpoint) = given("IDENTITY_ENDPOINT") {
            if given("IDENTITY_SERVER_THUMBPRINT").is_some() {
                return Err(elsewhere("Service Fabric", "choose another sign_in"));
            }
            let endpoint = address("IDENTITY_ENDPOINT", &endpoint)?;
            if let Some(header) = given("IDENTITY_HEADER") {
                let header = SecretString::from(header);
                return Ok(Self::AppService { endpoint, header });
            }
            if given("IMDS_ENDPOINT").is_some() {
                return Ok(Self::Arc { endpoint });
            }
        } else if given("MSI_ENDPOINT").is_some() {
            return Err(elsewhere(
                "Cloud Shell",
                "the Azure CLI is signed in there: sign_in = \"azure-cli\"",
            ));
        }
        let variable = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        let base = given(variable).unwrap_or_else(|| IMDS.to_owned());
        Ok(Self::Imds {
            base: address(variable, &base)?,
        })
    }
}

/// An address the environment gives: encrypted, or no further away than this machine's host.
fn address(name: &str, text: &str) -> Result<Url, AuthError> {
    let near = |url: &Url| match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_link_local() || ip.is_private(),
        Some(Host::Ipv6(ip)) => {
            IpAddr::V6(ip).is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local()
        }
        _ => is_loopback(url),
    };
    Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https" || url.scheme() == "http" && near(url))
        .ok_or_else(|| {
            no_secret(
                format!("{name} of the environment is no address of an identity endpoint"),
                format!("unset {name}, or set it to what the platform documents"),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Resource;
    use axum::Router;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::response::{IntoResponse as _, Response};
    use std::collections::HashMap;

    const GRAPH: &str = "https%3A%2F%2Fgraph.microsoft.com";

    /// Answers every request with what the function makes of it.
    async fn stand_in(
        answer: impl Fn(Request) -> Response + Clone + Send + Sync + 'static,
    ) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(move |request: Request| {
            let answer = answer.clone();
            async move { answer(request) }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        base
    }

    fn flow(client_id: &str, variables: &[(&str, &str)]) -> ManagedIdentityFlow {
        let variables: HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let profile = Profile::new("p", "t", client_id);
        ManagedIdentityFlow::within(&profile, &|name| variables.get(name).cloned())
    }

    async fn token(flow: &ManagedIdentityFlow) -> Result<AccessToken, AuthError> {
        let request = TokenRequest {
            resource: Resource::Graph,
            audience: "https://graph.microsoft.com".to_owned(),
            claims: None,
        };
        flow.acquire(request).await
    }

    fn header(request: &Request, name: &str) -> String {
        let value = request.headers().get(name);
        value
            .and_then(|it| it.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    }

    const GRANTED: &str = r#"{"access_token":"sesame","expires_in":"3599","resource":"https://graph.microsoft.com","token_type":"Bearer"}"#;

    #[tokio::test]
    async fn the_metadata_service_is_asked_as_documented() {
        let base = stand_in(|request| {
            let expected = format!(
                "/metadata/identity/oauth2/token?api-version=2018-02-01&resource={GRAPH}&client_id=abc"
            );
            if request.uri().to_string() == expected && header(&request, "metadata") == "true" {
                GRANTED.into_response()
            } else {
                StatusCode::BAD_REQUEST.into_response()
            }
        })
        .await;
        let flow = flow("abc", &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &base)]);
        assert_eq!(token(&flow).await.expect("a token").expose(), "sesame");
    }

    #[tokio::test]
    async fn app_service_is_asked_with_its_header_and_says_only_when_the_token_ends() {
        let ends = Timestamp::now().as_second() + 600;
        let base = stand_in(move |request| {
            let expected = format!("/msi/token?api-version=2019-08-01&resource={GRAPH}");
            if request.uri().to_string() == expected
                && header(&request, "x-identity-header") == "knock"
            {
                format!(r#"{{"access_token":"sesame","expires_on":"{ends}"}}"#).into_response()
            } else {
                (
                    StatusCode::BAD_REQUEST,
                    r#"{"statusCode":400,"message":"No managed identity found"}"#,
                )
                    .into_response()
            }
        })
        .await;
        let at = format!("{base}/msi/token");
        let right = flow(
            "",
            &[("IDENTITY_ENDPOINT", &at), ("IDENTITY_HEADER", "knock")],
        );
        let granted = token(&right).await.expect("a token");
        assert!((granted.expires.as_second() - ends).abs() <= 1);
        let wrong = flow("", &[("IDENTITY_ENDPOINT", &at), ("IDENTITY_HEADER", "x")]);
        let error = token(&wrong).await.expect_err("refused");
        assert!(
            error.message.contains("No managed identity found"),
            "{error}"
        );
        assert!(error.advice.contains("client_id"), "{}", error.advice);
    }

    #[tokio::test]
    async fn arc_is_believed_about_its_own_folder_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, other) = (folder.path().join("a.key"), folder.path().join("a.txt"));
        std::fs::write(&key, "knock").expect("written");
        std::fs::write(&other, "knock").expect("written");
        let outside = folder.path().join("x/../../a.key");
        for (named, works) in [(&key, true), (&other, false), (&outside, false)] {
            let named = format!("Basic realm={}", named.display());
            let base = stand_in(
                move |request| match header(&request, "authorization").as_str() {
                    "Basic knock" => GRANTED.into_response(),
                    _ => (
                        StatusCode::UNAUTHORIZED,
                        [("www-authenticate", named.clone())],
                        "",
                    )
                        .into_response(),
                },
            )
            .await;
            let variables = [("IDENTITY_ENDPOINT", base.as_str()), ("IMDS_ENDPOINT", "x")];
            let mut flow = flow("", &variables);
            flow.arc_keys = folder.path().to_owned();
            let got = token(&flow).await;
            assert_eq!(got.is_ok(), works, "{got:?}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_with_the_cure() {
        let refusing = stand_in(|_| {
            let body = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
            (StatusCode::BAD_REQUEST, body).into_response()
        })
        .await;
        let gone = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            format!("http://{}", listener.local_addr().expect("an address"))
        };
        let host = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        for (variables, what, cure) in [
            (
                vec![(host, refusing.as_str())],
                "Identity not found",
                "give this machine",
            ),
            (
                vec![(host, gone.as_str())],
                "no managed identity here",
                "virtual machines",
            ),
            (
                vec![(host, "http://example.com")],
                "no address",
                "unset AZURE_POD",
            ),
            (vec![("MSI_ENDPOINT", "x")], "Cloud Shell", "azure-cli"),
        ] {
            let error = token(&flow("", &variables)).await.expect_err(what);
            assert!(error.message.contains(what), "{error}");
            assert!(error.advice.contains(cure), "{}", error.advice);
            assert!(!error.is_passing(), "{error}");
        }
    }
}

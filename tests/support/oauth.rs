//! A small standard OAuth 2.0 server with OpenID Connect discovery, which knows nothing of Entra: no
//! tenants, no `resource`, no numbered codes; a secret is taken in the `Authorization` header alone, and
//! an assertion is verified with the registered key. Bodies can be replaced by what a bad network says.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

/// What is registered with it.
pub const CLIENT: &str = "22222222-2222-4333-8444-555555555555";
/// The client's secret; the characters are ones that must be escaped in the header.
pub const SECRET: &str = "s3cret: +%/&=";
/// The token it grants, which is opaque.
pub const TOKEN: &str = "opaque-token";

/// The server.
#[derive(Clone)]
pub struct OauthServer {
    /// What it calls itself.
    pub issuer: String,
    known: Arc<Known>,
}

struct Known {
    issuer: Mutex<String>,
    /// The key of the registered certificate: RSA, as in the certificate.
    key: Vec<u8>,
    /// Answers everything, where there is one.
    instead: Mutex<Option<(StatusCode, &'static str, &'static str)>>,
}

impl OauthServer {
    /// Starts one that knows an RSA key.
    pub async fn start(key: Vec<u8>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let issuer = format!("http://{address}/realms/soc");
        let known = Arc::new(Known {
            issuer: Mutex::new(issuer.clone()),
            key,
            instead: Mutex::default(),
        });
        let app = Router::new().fallback(answer).with_state(known.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { issuer, known }
    }

    /// From now on it calls itself something else.
    pub fn rename(&self, issuer: &str) {
        issuer.clone_into(&mut self.known.issuer.lock().expect("no panic"));
    }

    /// From now on everything is answered so: status, `Location`, body.
    pub fn instead(&self, status: StatusCode, location: &'static str, body: &'static str) {
        *self.known.instead.lock().expect("no panic") = Some((status, location, body));
    }
}

async fn answer(State(known): State<Arc<Known>>, request: Request) -> Response {
    if let Some((status, location, body)) = *known.instead.lock().expect("no panic") {
        return (status, [(header::LOCATION, location)], body).into_response();
    }
    let issuer = known.issuer.lock().expect("no panic").clone();
    let path = request.uri().path().to_owned();
    let host = request.headers()[header::HOST].to_str().expect("text");
    let token_endpoint = format!("http://{host}/protocol/token");
    match path.as_str() {
        "/realms/soc/.well-known/openid-configuration" => axum::Json(json!({
            "issuer": issuer,
            "token_endpoint": token_endpoint,
            "authorization_endpoint": format!("http://{host}/protocol/auth"),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        }))
        .into_response(),
        "/protocol/token" => {
            let basic = request.headers().get(header::AUTHORIZATION);
            let basic = basic.and_then(|it| it.to_str().ok()).map(str::to_owned);
            let body = axum::body::to_bytes(request.into_body(), 65_536).await;
            let form: Vec<(String, String)> = url::form_urlencoded::parse(&body.expect("a body"))
                .into_owned()
                .collect();
            grant(&known, &token_endpoint, basic.as_deref(), &form)
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn grant(known: &Known, here: &str, basic: Option<&str>, form: &[(String, String)]) -> Response {
    let refuse = |word: &str| {
        (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({ "error": word })),
        )
            .into_response()
    };
    let field = |name: &str| {
        form.iter()
            .find(|(it, _)| it == name)
            .map(|(_, v)| v.as_str())
    };
    // What is not standard is not ignored but refused, so that it shows.
    let allowed = [
        "grant_type",
        "client_id",
        "scope",
        "client_assertion_type",
        "client_assertion",
    ];
    if form
        .iter()
        .any(|(name, _)| !allowed.contains(&name.as_str()))
    {
        return refuse("invalid_request");
    }
    if field("grant_type") != Some("client_credentials") {
        return refuse("unsupported_grant_type");
    }
    let proven = match (basic, field("client_assertion")) {
        (Some(basic), None) => {
            let escaped: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
            basic == format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{escaped}")))
        }
        (None, Some(jwt)) => verified(known, here, jwt).is_some(),
        _ => false,
    };
    match (proven, field("scope")) {
        (false, _) => refuse("invalid_client"),
        (true, Some("https://graph.microsoft.com/.default")) => {
            axum::Json(json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 300 }))
                .into_response()
        }
        (true, _) => refuse("invalid_scope"),
    }
}

fn verified(known: &Known, here: &str, jwt: &str) -> Option<()> {
    let (signed, signature) = jwt.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &known.key)
        .verify(signed.as_bytes(), &signature)
        .ok()?;
    let (header, claims) = signed.split_once('.')?;
    let read = |part| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let claims = read(claims)?;
    let life = claims["exp"].as_i64()? - claims["iat"].as_i64()?;
    let right = read(header)?["alg"] == "RS256"
        && claims["aud"] == here
        && claims["iss"] == CLIENT
        && claims["sub"] == CLIENT
        && (300..=600).contains(&life)
        && claims["jti"].as_str().is_some_and(|it| it.len() > 20);
    right.then_some(())
}

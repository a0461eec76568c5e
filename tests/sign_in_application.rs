//! Every way an application signs in, through the token source that the program uses: against the
//! simulated tenant, which verifies proofs for real, against a standard OAuth 2.0 server that knows
//! nothing of Entra, and against the platforms' own endpoints; and what is said of each bad credential.
//!
//! The files in `credentials/` were made with OpenSSL 3 (`openssl3.pfx` with its defaults, `windows.pfx`
//! with 3DES, RC2 and SHA-1); their password is "open sesame", and nothing but these tests trusts them.

#[path = "support/oauth.rs"]
mod oauth;
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::StatusCode;
use nightjar::auth::{AuthError, AuthErrorKind, Resource, TokenSource, http_client};
use nightjar::config::{Profile, SecretSource, SignIn, TokenEndpoint};
use nightjar::sim::{Sim, SimConfig, SimHandle, Trust};
use oauth::{CLIENT, OauthServer};
use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};
use secrecy::SecretString;
use support::Home;
use tempfile::TempDir;

const OPERATOR: &str = "jonas.weber@contoso.com";
const PASSWORD: &str = "open sesame";

/// The bytes of a made file.
fn made(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/credentials");
    std::fs::read(path.join(name)).expect("a file")
}

/// A folder of credentials that only their owner reads.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Writes the parts into one file.
    fn put(&self, name: &str, parts: &[Vec<u8>]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, parts.concat()).expect("written");
        mode(&path, 0o600);
        path
    }

    /// Copies a made file.
    fn copy(&self, name: &str) -> PathBuf {
        self.put(name, &[made(name)])
    }
}

fn mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, mode).expect("chmod");
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
}

fn small() -> SimConfig {
    SimConfig {
        incidents: 3,
        alerts: 3,
        machines: 3,
        story: false,
        trickle: false,
        ..SimConfig::default()
    }
}

async fn start(config: SimConfig) -> SimHandle {
    Sim::start(config).await.expect("the tenant starts")
}

/// A profile of the tenant without a credential.
fn bare(sim: &SimHandle) -> Profile {
    let base = Some(sim.base_url().to_owned());
    Profile {
        authority: base.clone(),
        graph_url: base.clone(),
        defender_url: base,
        ..Profile::new("sim", sim.tenant_id(), sim.client_id())
    }
}

fn with_certificate(sim: &SimHandle, certificate: PathBuf) -> Profile {
    Profile {
        certificate: Some(certificate),
        ..bare(sim)
    }
}

fn secret(text: &str) -> SecretSource {
    SecretSource::Value(SecretString::from(text))
}

fn source(profile: &Profile) -> TokenSource {
    let endpoints = profile.endpoints().expect("addresses");
    let http = http_client(&endpoints, None).expect("a client");
    TokenSource::new(profile, &endpoints, http)
}

/// Signs in to both services.
async fn tokens(profile: &Profile) -> Result<(), AuthError> {
    let source = source(profile);
    for resource in Resource::ALL {
        let token = source.token(resource).await?;
        let claims = token.claims.as_ref().expect("a JWT");
        assert_eq!(claims.tid.as_deref(), Some(profile.tenant_id.as_str()));
        assert_eq!(claims.is_delegated(), profile.sign_in().is_person());
    }
    Ok(())
}

/// Signs in, in vain; the whole text, as a person reads it.
async fn refusal(profile: &Profile) -> (AuthErrorKind, String) {
    let error = source(profile).token(Resource::Graph).await;
    let error = error.expect_err("no token");
    (error.kind, format!("{error}; {}", error.advice))
}

/// A certificate of this kind and its key.
fn pair(algorithm: &'static SignatureAlgorithm, from: i32, to: i32) -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate_for(algorithm).expect("a key");
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem().into(), key.serialize_pem().into())
}

#[tokio::test]
async fn every_form_of_certificate_signs_in_at_both_generations() {
    let files = Files::new();
    let (cer, ec) = (made("rsa.cer.pem"), made("ec.cer.pem"));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let (p256, p256_key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256, 2020, 2200);
    let sim = start(SimConfig {
        certificates: vec![text(&cer), text(&ec), text(&p256)],
        ..small()
    })
    .await;
    let apart = |certificate: &str, key: &str| Profile {
        certificate_key: Some(files.copy(key)),
        ..with_certificate(&sim, files.copy(certificate))
    };
    let locked = |profile: Profile| Profile {
        certificate_password: Some(secret(PASSWORD)),
        ..profile
    };
    let own = |name: &str, parts: &[Vec<u8>]| with_certificate(&sim, files.put(name, parts));
    let cases = [
        apart("rsa.cer.pem", "rsa.pkcs1.pem"),
        apart("ec.cer.pem", "ec.sec1.pem"),
        locked(apart("rsa.cer.pem", "rsa.locked.pem")),
        locked(apart("rsa.cer.pem", "rsa.old-lock.pem")),
        locked(with_certificate(&sim, files.copy("openssl3.pfx"))),
        locked(with_certificate(&sim, files.copy("windows.pfx"))),
        // PKCS#8, the key first; another certificate before the right one, as chains come.
        own("p256.pem", &[p256_key, p256]),
        own("chain.pem", &[ec, cer, made("rsa.pkcs1.pem")]),
    ];
    for profile in cases {
        for token_endpoint in [TokenEndpoint::V2, TokenEndpoint::V1] {
            let profile = Profile {
                token_endpoint,
                ..profile.clone()
            };
            tokens(&profile).await.unwrap_or_else(|error| {
                panic!("{:?} {token_endpoint:?}: {error}", profile.certificate)
            });
        }
    }
    sim.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_with_the_cure() {
    let files = Files::new();
    let sim = start(small()).await;
    let (cer, pkcs1) = (made("rsa.cer.pem"), made("rsa.pkcs1.pem"));
    let one = |name: &str, parts: &[Vec<u8>]| with_certificate(&sim, files.put(name, parts));
    let of = |name: &str, (certificate, key)| one(name, &[certificate, key]);
    let with_password = |text: &str, profile: Profile| Profile {
        certificate_password: Some(secret(text)),
        ..profile
    };
    let locked = || one("locked.pem", &[cer.clone(), made("rsa.locked.pem")]);
    let pfx = || with_certificate(&sim, files.copy("openssl3.pfx"));
    let damaged = made("openssl3.pfx")[..900].to_vec();
    let broken_key = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n".to_vec();
    let exposed = files.put("exposed.pem", &[cer.clone(), pkcs1.clone()]);
    mode(&exposed, 0o644);
    let mut cases = vec![
        (
            of("old.pem", pair(&rcgen::PKCS_ECDSA_P256_SHA256, 2019, 2020)),
            "expired on 2020-01-01",
            "make a new certificate",
        ),
        (
            of("new.pem", pair(&rcgen::PKCS_ECDSA_P256_SHA256, 2150, 2200)),
            "not valid before 2150-01-01",
            "clock",
        ),
        (
            of("p384.pem", pair(&rcgen::PKCS_ECDSA_P384_SHA384, 2020, 2200)),
            "a P-384 key",
            "RSA key of 2048 to 4096 bits, or a P-256",
        ),
        (
            of("ed.pem", pair(&rcgen::PKCS_ED25519, 2020, 2200)),
            "an Ed25519 key",
            "P-256",
        ),
        (
            with_certificate(&sim, files.copy("weak.pem")),
            "an RSA key of 1024 bits",
            "2048",
        ),
        (
            one("mixed.pem", &[cer.clone(), made("ec.sec1.pem")]),
            "is not the one of the certificate",
            "the certificate was made with",
        ),
        (
            one(
                "other.pem",
                &[
                    made("ec.cer.pem"),
                    pair(&rcgen::PKCS_ECDSA_P256_SHA256, 2020, 2200).1,
                ],
            ),
            "is not the one of the certificate",
            "certificate_key",
        ),
        (
            one("alone.pem", std::slice::from_ref(&cer)),
            "holds no private key",
            "name the key's file as certificate_key",
        ),
        (
            one("key.pem", std::slice::from_ref(&pkcs1)),
            "holds no certificate",
            "-----BEGIN CERTIFICATE-----",
        ),
        (
            one("broken.pem", &[cer.clone(), broken_key]),
            "malformed",
            "export it again",
        ),
        (
            one("cut.pem", &[cer[..400].to_vec()]),
            "is damaged",
            "-----END",
        ),
        (
            one("empty.pem", &[Vec::new()]),
            "is empty",
            "certificate of the profile",
        ),
        (
            one("noise.pfx", &[b"hello".to_vec()]),
            "neither a PEM nor a PFX",
            "certificate names",
        ),
        (
            one("half.pfx", &[damaged]),
            "is damaged",
            "PFX file with its key",
        ),
        (
            with_certificate(&sim, files.copy("rsa.cer")),
            "a certificate without its key",
            "openssl x509 -inform der",
        ),
        (
            locked(),
            "is locked with a password",
            "add certificate_password",
        ),
        (
            with_password("wrong", locked()),
            "the password does not open",
            "certificate_password",
        ),
        (
            pfx(),
            "is locked with a password",
            "add certificate_password",
        ),
        (
            with_password("wrong", pfx()),
            "the password does not open",
            "certificate_password",
        ),
        (
            one("older.pem", &[cer.clone(), made("rsa.older-lock.pem")]),
            "encrypted in an outdated way",
            "openssl pkcs8 -topk8",
        ),
        (
            with_certificate(&sim, files.0.path().join("gone.pem")),
            "cannot be read",
            "check certificate of the profile",
        ),
    ];
    if cfg!(unix) {
        cases.push((
            with_certificate(&sim, exposed),
            "can be read by others (mode 644)",
            "chmod 600",
        ));
    }
    for (profile, what, cure) in cases {
        let (kind, said) = refusal(&profile).await;
        assert_eq!(kind, AuthErrorKind::NoSecret, "{said}");
        assert!(said.contains(what) && said.contains(cure), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
    // One the tenant does not know: Entra's own refusal.
    let (kind, said) = refusal(&one("unknown.pem", &[cer, pkcs1])).await;
    assert_eq!(kind, AuthErrorKind::Refused);
    assert!(said.contains("AADSTS700027"), "{said}");
    sim.stop().await;
}

#[tokio::test]
async fn a_certificate_that_expires_soon_is_spoken_of_at_the_start() {
    let files = Files::new();
    let sim = start(small()).await;
    let warnings = |days: i64| {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        let now = std::time::SystemTime::now();
        let end = now + Duration::from_secs(u64::try_from(days * 86_400 + 3600).expect("ahead"));
        params.not_after = end.into();
        let certificate = params.self_signed(&key).expect("a certificate");
        let file = files.put(
            "c.pem",
            &[certificate.pem().into(), key.serialize_pem().into()],
        );
        source(&with_certificate(&sim, file)).warnings()
    };
    let soon = warnings(12);
    assert!(soon[0].contains("expires in 12 days"), "{soon:?}");
    assert_eq!(warnings(31), Vec::<String>::new());
    sim.stop().await;
}

#[tokio::test]
async fn a_foreign_token_that_rotates_signs_in() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let files = Files::new();
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::default().self_signed(&key);
    let sim = start(SimConfig {
        federated: vec![Trust {
            issuer: "https://cluster.example".into(),
            subject: "system:serviceaccount:soc:nightjar".into(),
            certificate: certificate.expect("a certificate").pem(),
        }],
        ..small()
    })
    .await;
    let foreign = |subject: &str| {
        let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = ring::rand::SystemRandom::new();
        let der = key.serialize_der();
        let signer = ring::signature::EcdsaKeyPair::from_pkcs8(algorithm, &der, &random);
        let now = jiff::Timestamp::now().as_second();
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            part(serde_json::json!({"alg": "ES256", "kid": "1"})),
            part(serde_json::json!({
                "iss": "https://cluster.example", "sub": subject,
                "aud": "api://AzureADTokenExchange", "iat": now, "exp": now + 600, "jti": now.to_string() + subject,
            }))
        );
        let signature = signer.expect("a key").sign(&random, signed.as_bytes());
        format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature.expect("signed"))
        )
    };
    let file = files.put("token", &[foreign("somebody else").into()]);
    let profile = Profile {
        sign_in: Some(SignIn::Federated),
        federated_token_file: Some(file),
        ..bare(&sim)
    };
    let source = source(&profile);
    let error = source.token(Resource::Graph).await.expect_err("a stranger");
    assert_eq!(error.kind, AuthErrorKind::Refused, "{error}");
    // The platform writes a new one, and nothing has to be restarted.
    files.put(
        "token",
        &[
            foreign("system:serviceaccount:soc:nightjar").into(),
            b"\n".to_vec(),
        ],
    );
    let token = source.token(Resource::Graph).await.expect("a token");
    assert!(!token.claims.as_ref().expect("a JWT").is_delegated());
    sim.stop().await;
}

#[tokio::test]
async fn a_password_signs_in_where_that_is_allowed_and_says_so_each_time() {
    let sim = start(small()).await;
    let profile = Profile {
        sign_in: Some(SignIn::Password),
        username: Some(OPERATOR.to_owned()),
        password: Some(secret(sim.password())),
        allow_password_grant: true,
        ..bare(&sim)
    };
    tokens(&profile).await.expect("tokens");
    let warnings = source(&profile).warnings();
    assert!(warnings[0].contains("no second factor"), "{warnings:?}");
    let wrong = Profile {
        password: Some(secret("nonsense")),
        ..profile.clone()
    };
    let (kind, said) = refusal(&wrong).await;
    assert_eq!(kind, AuthErrorKind::Refused);
    assert!(
        said.contains("AADSTS50126") && !said.contains("nonsense"),
        "{said}"
    );
    let forbidden = Profile {
        allow_password_grant: false,
        ..profile
    };
    let (kind, said) = refusal(&forbidden).await;
    assert_eq!(kind, AuthErrorKind::NoSecret);
    assert!(said.contains("allow_password_grant = true"), "{said}");
    sim.stop().await;
}

#[tokio::test]
async fn any_standard_server_can_stand_in() {
    let files = Files::new();
    let pem = x509_parser::pem::Pem::iter_from_buffer(&made("rsa.cer.pem")).next();
    let pem = pem.expect("one").expect("a certificate");
    let key = pem
        .parse_x509()
        .expect("it parses")
        .public_key()
        .subject_public_key
        .data
        .to_vec();
    let server = OauthServer::start(key).await;
    let profile = Profile {
        issuer: Some(server.issuer.clone()),
        graph_url: Some("http://127.0.0.1:9".to_owned()),
        defender_url: Some("http://127.0.0.1:9".to_owned()),
        ..Profile::new("other", "contoso.example", CLIENT)
    };
    let with_secret = |text: &str| Profile {
        client_secret: Some(secret(text)),
        ..profile.clone()
    };
    let with_certificate = Profile {
        certificate: Some(files.copy("rsa.cer.pem")),
        certificate_key: Some(files.copy("rsa.pkcs1.pem")),
        ..profile.clone()
    };
    for profile in [&with_secret(oauth::SECRET), &with_certificate] {
        let source = source(profile);
        let token = source.token(Resource::Graph).await.expect("a token");
        assert_eq!(
            (token.expose(), token.claims.is_none()),
            (oauth::TOKEN, true)
        );
        let error = source.token(Resource::Defender).await;
        let error = error.expect_err("no such scope");
        assert!(error.message.contains("invalid_scope"), "{error}");
        assert!(
            error.advice.contains("defender_audience"),
            "{}",
            error.advice
        );
    }
    let (_, said) = refusal(&with_secret("wrong")).await;
    assert!(
        said.contains("invalid_client") && said.contains("client_id"),
        "{said}"
    );
    server.rename("https://somebody.example");
    let (kind, said) = refusal(&with_secret(oauth::SECRET)).await;
    assert_eq!(kind, AuthErrorKind::Refused);
    assert!(
        said.contains("says that it is https://somebody.example"),
        "{said}"
    );
    for (status, location, body, kind, what) in [
        (
            StatusCode::OK,
            "",
            "<html>Welcome to the hotel",
            AuthErrorKind::Offline,
            "a web page",
        ),
        (
            StatusCode::FOUND,
            "https://portal.hotel.example/x",
            "",
            AuthErrorKind::Offline,
            "a redirect to portal.hotel.example",
        ),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "",
            "<html>",
            AuthErrorKind::Busy,
            "503",
        ),
        (
            StatusCode::NOT_FOUND,
            "",
            "<html>",
            AuthErrorKind::Refused,
            "does not describe itself",
        ),
        (
            StatusCode::OK,
            "",
            "{}",
            AuthErrorKind::Refused,
            "does not describe itself",
        ),
    ] {
        server.instead(status, location, body);
        let (found, said) = refusal(&with_secret(oauth::SECRET)).await;
        assert_eq!(found, kind, "{said}");
        assert!(said.contains(what), "{said}");
    }
}

/// Settings for the built program, whose way to sign in comes from outside.
fn settings(sim: &SimHandle, way: &str) -> String {
    let base = sim.base_url();
    format!(
        "[profiles.sim]\ntenant_id = \"{}\"\nsign_in = \"{way}\"\nauthority = \"{base}\"\ngraph_url = \"{base}\"\ndefender_url = \"{base}\"\n",
        sim.tenant_id()
    )
}

const ROLES: &[&str] = &["SecurityIncident.Read.All", "SecurityAlert.Read.All"];

#[tokio::test(flavor = "multi_thread")]
async fn the_program_signs_in_as_the_machine_it_runs_on() {
    let sim = start(small()).await;
    let token = sim.mint("https://graph.microsoft.com", sim.tenant_id(), ROLES, 3600);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let right = request
            .headers()
            .get("metadata")
            .is_some_and(|it| it == "true")
            && request.uri().path() == "/metadata/identity/oauth2/token";
        let answer = if right {
            serde_json::json!({ "access_token": token, "expires_in": "3600" })
        } else {
            serde_json::json!({ "error": "invalid_request" })
        };
        async move { axum::Json(answer) }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let home = Home::new().with_settings(&settings(&sim, "managed-identity"));
    let mut command = home.command(&["incidents", "list"]);
    command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", address);
    let ran = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await;
    let ran = support::Ran::from(ran.expect("no panic"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.lines().count() >= 3, "{ran:?}");
    sim.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_program_signs_in_with_the_azure_cli() {
    let sim = start(small()).await;
    let token = sim.mint("https://graph.microsoft.com", sim.tenant_id(), ROLES, 3600);
    let home = Home::new().with_settings(&settings(&sim, "azure-cli"));
    let folder = home.path("bin");
    std::fs::create_dir(&folder).expect("a folder");
    let az = folder.join("az");
    for (body, code, said) in [
        (
            format!("echo '{{\"accessToken\":\"{token}\",\"expires_on\":4000000000}}'"),
            0,
            "",
        ),
        (
            "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1".to_owned(),
            3,
            "az login --tenant",
        ),
    ] {
        std::fs::write(&az, format!("#!/bin/sh\n{body}\n")).expect("written");
        mode(&az, 0o755);
        let mut command = home.command(&["incidents", "list"]);
        let rest = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{rest}", folder.display()));
        let ran = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await;
        let ran = support::Ran::from(ran.expect("no panic"));
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(
            ran.err.contains(said) && !ran.err.contains(&token),
            "{ran:?}"
        );
    }
    sim.stop().await;
}

//! Whoever is signed in to the Azure CLI: `az account get-access-token`, run without a shell.
//!
//! The token is the CLI's application's, so it carries the permissions that one was consented to, as
//! delegated ones.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;

use super::{AccessToken, AuthError, AuthErrorKind, Flow, TokenRequest, error, no_secret};
use crate::auth::aadsts;
use crate::config::Profile;
use crate::domain::text::clean;

/// How long the CLI may take: it starts slowly, and may itself ask Entra.
const PATIENCE: Duration = Duration::from_secs(60);
/// What it prints is a few kilobytes.
const LARGEST: u64 = 256 * 1024;
/// Assumed where neither the CLI nor the token says how long it lives.
const SHORT_LIFE: SignedDuration = SignedDuration::from_mins(5);

/// Tokens of the Azure CLI.
pub(super) struct AzureCliFlow {
    program: PathBuf,
    tenant: String,
    patience: Duration,
}

#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// Unix seconds; older versions print local time alone, which is not read.
    expires_on: Option<i64>,
}

impl AzureCliFlow {
    /// The flow of a profile.
    pub(super) fn new(profile: &Profile) -> Self {
        Self {
            // A batch file there, which is found by its whole name alone.
            program: if cfg!(windows) { "az.cmd" } else { "az" }.into(),
            tenant: profile.tenant_id.clone(),
            patience: PATIENCE,
        }
    }

    async fn get(&self, request: TokenRequest) -> Result<AccessToken, AuthError> {
        if request.claims.is_some() {
            return Err(AuthError {
                advice: self.login(&request.audience),
                ..error(
                    AuthErrorKind::Interaction,
                    "the service demands a new sign-in, which the Azure CLI asks nobody for by itself"
                        .to_owned(),
                )
            });
        }
        let mut command = Command::new(&self.program);
        command
            .args(["account", "get-access-token", "--output", "json"])
            .args(["--resource", &request.audience, "--tenant", &self.tenant]);
        let patience = self.patience;
        let ran = tokio::task::spawn_blocking(move || run(command, patience)).await;
        let ran =
            ran.map_err(|why| no_secret(format!("running the Azure CLI failed: {why}"), ""))?;
        let printed = match ran {
            Ok(printed) => printed,
            Err(Trouble::Absent(why)) => {
                return Err(no_secret(
                    format!("the Azure CLI cannot be started: {why}"),
                    "install it and see that `az version` runs in this terminal, or choose another sign_in",
                ));
            }
            Err(Trouble::Late) => {
                return Err(AuthError {
                    advice: format!(
                        "see what it waits for: az account get-access-token --tenant {}",
                        self.tenant
                    ),
                    ..error(
                        AuthErrorKind::Offline,
                        format!(
                            "the Azure CLI gave no token within {} seconds",
                            self.patience.as_secs()
                        ),
                    )
                });
            }
            Err(Trouble::Refused(said)) => return Err(self.refused(&said, &request.audience)),
        };
        let Ok(found) = serde_json::from_slice::<Printed>(&printed) else {
            return Err(AuthError {
                advice:
                    "see that `az version` says 2.0 or newer, and that nothing else is called az"
                        .to_owned(),
                ..error(
                    AuthErrorKind::Decode,
                    "the Azure CLI printed something that is not a token".to_owned(),
                )
            });
        };
        let now = Timestamp::now();
        let assumed = now.checked_add(SHORT_LIFE).unwrap_or(now);
        let said = found
            .expires_on
            .and_then(|at| Timestamp::from_second(at).ok());
        let token = AccessToken::new(SecretString::from(found.access_token), assumed);
        let read = token.claims.as_ref().and_then(|claims| claims.expires);
        Ok(AccessToken {
            expires: said.or(read).unwrap_or(assumed),
            ..token
        })
    }

    fn login(&self, audience: &str) -> String {
        format!(
            "run: az login --tenant {} --scope {audience}/.default",
            self.tenant
        )
    }

    fn refused(&self, said: &str, audience: &str) -> AuthError {
        let line = said.lines().map(str::trim).find(|line| !line.is_empty());
        let line = clean(line.unwrap_or("nothing")).into_owned();
        let code = aadsts::find(said);
        let (kind, message) = match code.and_then(aadsts::explain) {
            Some((kind, meaning, _)) => (
                kind,
                format!(
                    "the Azure CLI was refused: {meaning} (AADSTS{})",
                    code.unwrap_or_default()
                ),
            ),
            None if said.contains("az login") => (
                AuthErrorKind::Interaction,
                format!("nobody is signed in to the Azure CLI for this tenant: {line}"),
            ),
            None => (
                AuthErrorKind::Refused,
                format!("the Azure CLI gave no token: {line}"),
            ),
        };
        AuthError {
            aadsts: code,
            advice: self.login(audience),
            ..error(kind, message)
        }
    }
}

impl Flow for AzureCliFlow {
    fn acquire(&self, request: TokenRequest) -> BoxFuture<'_, Result<AccessToken, AuthError>> {
        Box::pin(self.get(request))
    }
}

enum Trouble {
    Absent(std::io::Error),
    Late,
    Refused(String),
}

/// Runs a program to its end, or for as long as it may take; gives what it printed.
fn run(mut command: Command, patience: Duration) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Trouble::Absent)?;
    // Both are read beside the wait, so that a full pipe cannot hold the program up.
    let printed = child.stdout.take().map(gather);
    let said = child.stderr.take().map(gather);
    let deadline = Instant::now() + patience;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Trouble::Late);
            }
            Err(why) => return Err(Trouble::Absent(why)),
        }
    };
    let text = |reader: Option<std::thread::JoinHandle<Zeroizing<Vec<u8>>>>| {
        reader.and_then(|it| it.join().ok()).unwrap_or_default()
    };
    if status.success() {
        return Ok(text(printed));
    }
    Err(Trouble::Refused(
        String::from_utf8_lossy(&text(said)).into_owned(),
    ))
}

fn gather(from: impl Read + Send + 'static) -> std::thread::JoinHandle<Zeroizing<Vec<u8>>> {
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
        // What was read before a failure is all there is.
        let _ = from.take(LARGEST).read_to_end(&mut bytes);
        bytes
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::auth::Resource;
    use std::os::unix::fs::PermissionsExt as _;

    /// What the flow makes of a program with this body.
    async fn with(body: &str, patience: Duration) -> Result<AccessToken, AuthError> {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("az");
        std::fs::write(&program, format!("#!/bin/sh\n{body}\n")).expect("written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("made a program");
        let flow = AzureCliFlow {
            program,
            tenant: "contoso.example".to_owned(),
            patience,
        };
        flow.acquire(request(None)).await
    }

    fn request(claims: Option<&str>) -> TokenRequest {
        TokenRequest {
            resource: Resource::Graph,
            audience: "https://graph.microsoft.com".to_owned(),
            claims: claims.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn the_cli_is_asked_in_its_own_words_and_its_token_is_taken() {
        let asked = "account get-access-token --output json --resource https://graph.microsoft.com --tenant contoso.example";
        let body = format!(
            r#"[ "$*" = "{asked}" ] || exit 9
printf '{{"accessToken":"sesame","expires_on":4000000000,"tokenType":"Bearer"}}'"#
        );
        let token = with(&body, PATIENCE).await.expect("a token");
        assert_eq!(token.expose(), "sesame");
        assert_eq!(token.expires.as_second(), 4_000_000_000);
    }

    #[tokio::test]
    async fn every_way_it_fails_has_its_cure() {
        let late = Duration::from_millis(300);
        for (body, patience, kind, what, cure) in [
            (
                "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1",
                PATIENCE,
                AuthErrorKind::Interaction,
                "nobody is signed in",
                "az login --tenant contoso.example",
            ),
            (
                "echo 'ERROR: AADSTS50076: Due to a configuration change' >&2; exit 1",
                PATIENCE,
                AuthErrorKind::Interaction,
                "AADSTS50076",
                "--scope https://graph.microsoft.com/.default",
            ),
            (
                "printf 'ERROR: \\033[31modd' >&2; exit 1",
                PATIENCE,
                AuthErrorKind::Refused,
                "ERROR: ⟪U+001B⟫[31modd",
                "az login",
            ),
            (
                "echo hello",
                PATIENCE,
                AuthErrorKind::Decode,
                "not a token",
                "az version",
            ),
            (
                "exec sleep 30",
                late,
                AuthErrorKind::Offline,
                "no token within",
                "see what it waits for",
            ),
        ] {
            let error = with(body, patience).await.expect_err(body);
            assert_eq!(error.kind, kind, "{body}: {error}");
            assert!(error.message.contains(what), "{error}");
            assert!(error.advice.contains(cure), "{}", error.advice);
        }
        let absent = AzureCliFlow {
            program: "no-such-program-here".into(),
            tenant: "t".to_owned(),
            patience: PATIENCE,
        };
        let error = absent.acquire(request(None)).await.expect_err("absent");
        assert_eq!(error.kind, AuthErrorKind::NoSecret);
        assert!(error.advice.contains("install"), "{}", error.advice);
        let error = absent.acquire(request(Some("{}"))).await.expect_err("told");
        assert_eq!(error.kind, AuthErrorKind::Interaction);
    }
}

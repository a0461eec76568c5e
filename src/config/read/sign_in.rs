//! Which settings go with which way to sign in: a table, and what to write where they do not.

use std::path::{Path, PathBuf};

use crate::config::SignIn::{
    self, AzureCli, Browser, Certificate, DeviceCode, Federated, ManagedIdentity, Password, Secret,
};
use crate::config::fields::{self, Shape};
use crate::config::read::values::Values;
use crate::config::read::{Reader, SecretFile};
use crate::config::secret::{SecretError, SecretSource, check_file};
use crate::config::{Profile, TokenEndpoint};

/// Settings of some ways alone. Those of others are refused beside them: what is written there would
/// be believed to be used.
static BELONGS: &[(&str, &[SignIn])] = &[
    ("client_secret", &[Secret]),
    ("certificate", &[Certificate]),
    ("certificate_key", &[Certificate]),
    ("certificate_password", &[Certificate]),
    ("federated_token_file", &[Federated]),
    // Browsers and device codes may be told who is about to sign in.
    ("username", &[Password, Browser, DeviceCode]),
    ("password", &[Password]),
    ("allow_password_grant", &[Password]),
];

/// Settings a way cannot do without. Where a federated token is, the environment may say.
static NEEDS: &[(SignIn, &str)] = &[
    (Secret, "client_secret"),
    (Certificate, "certificate"),
    (Password, "username"),
    (Password, "password"),
];

/// Credentials that choose the way by themselves.
static CHOOSE: &[(&str, SignIn)] = &[
    ("client_secret", Secret),
    ("certificate", Certificate),
    ("federated_token_file", Federated),
];

impl Reader<'_> {
    /// Reports what does not fit together in a profile whose table is named at `at`.
    ///
    /// `there` tells which settings the table holds, be their values right or reported already.
    pub(super) fn sign_in(
        &mut self,
        profile: &Profile,
        values: &Values,
        there: &dyn Fn(&str) -> bool,
        at: usize,
    ) {
        // Defaults stand nowhere.
        let written = |name: &str| values.at(name).filter(|at| *at != usize::MAX);
        let mut wrong = |at: usize, what: String, expected: String| {
            self.report(at, what, expected, None, true);
        };
        let named: Vec<(&str, SignIn, usize)> = CHOOSE
            .iter()
            .filter_map(|(name, way)| Some((*name, *way, written(name)?)))
            .collect();
        if let (None, [.., before, last]) = (profile.sign_in, named.as_slice()) {
            wrong(
                last.2,
                format!(
                    "{} and {} are both there, and nothing says which is used",
                    before.0, last.0
                ),
                format!(
                    "one of them, or sign_in = \"{}\" or \"{}\"",
                    before.1.word(),
                    last.1.word()
                ),
            );
            return;
        }
        let way = profile.sign_in();
        let word = way.word();
        let mut misplaced = false;
        for (name, ways) in BELONGS {
            let Some(at) = written(name) else { continue };
            // An application may keep its old credential there while it moves to another.
            let spare = CHOOSE.iter().any(|it| it.1 == way) && named.iter().any(|it| it.0 == *name);
            if !ways.contains(&way) && !spare {
                misplaced = true;
                wrong(
                    at,
                    format!("{name} does nothing with sign_in = \"{word}\""),
                    format!("sign_in = \"{}\", or no {name}", ways[0].word()),
                );
            }
        }
        if misplaced {
            return;
        }
        let sign_in_at = written("sign_in").unwrap_or(at);
        for (_, name) in NEEDS.iter().filter(|(of, _)| *of == way) {
            if !there(name) {
                wrong(
                    sign_in_at,
                    format!("sign_in = \"{word}\" lacks {name}"),
                    needed(name),
                );
            }
        }
        if !matches!(way, AzureCli | ManagedIdentity) && !there("client_id") {
            wrong(
                at,
                format!("the profile {} lacks client_id", profile.name),
                needed("client_id"),
            );
        }
        if way == Password && !profile.allow_password_grant {
            wrong(
                sign_in_at,
                "sign_in = \"password\" gives this program the password and knows no second factor"
                    .to_owned(),
                "sign_in = \"browser\" or \"device-code\"; where it must be, allow_password_grant = true"
                    .to_owned(),
            );
        }
        let second = profile.token_endpoint == TokenEndpoint::V2;
        if let (Password, true, None, Some(at)) =
            (way, second, &profile.issuer, written("token_endpoint"))
        {
            wrong(
                at,
                "sign_in = \"password\" speaks to the v1 endpoint, as documented".to_owned(),
                "no token_endpoint, or \"v1\"".to_owned(),
            );
        }
        if let (Some(at), Some(_)) = (written("issuer"), &profile.authority) {
            wrong(
                at,
                "authority and issuer are both there".to_owned(),
                "one of them: authority for Entra at another address, issuer for another OpenID Connect server"
                    .to_owned(),
            );
        }
    }

    /// Refuses secrets in the file itself, and notes the files that only their owner may read.
    pub(super) fn secrets(
        &mut self,
        profile: &Profile,
        values: &Values,
        sources: &[(&str, Option<&SecretSource>, usize)],
        loopback: bool,
    ) {
        for (name, source, at) in sources {
            match source {
                Some(SecretSource::Value(_)) if !loopback => self.report(
                    *at,
                    format!(
                        "{name} stands in the file, which only a tenant simulated on this machine may do"
                    ),
                    Shape::Secret.expected(),
                    None,
                    true,
                ),
                Some(SecretSource::File(path)) => self.note(profile, path, *at, check_file),
                _ => {}
            }
        }
        let files = [
            (
                "certificate",
                &profile.certificate,
                check_credential as Check,
            ),
            (
                "certificate_key",
                &profile.certificate_key,
                check_file as Check,
            ),
        ];
        for (name, path, check) in files {
            if let (Some(path), Some(at)) = (path, values.at(name)) {
                self.note(profile, path, at, check);
            }
        }
    }

    fn note(&mut self, profile: &Profile, path: &Path, at: usize, check: Check) {
        self.secrets.push(SecretFile {
            profile: profile.name.clone(),
            path: path.to_owned(),
            at,
            check,
        });
    }
}

/// What a file is asked.
pub(super) type Check = fn(&Path) -> Result<(), SecretError>;

/// A certificate may be read by all, a key by its owner alone; a file that is no PEM text holds both.
fn check_credential(path: &Path) -> Result<(), SecretError> {
    let bytes = std::fs::read(path).map_err(|source| SecretError::File {
        path: PathBuf::from(path),
        source,
    })?;
    let has = |text: &[u8]| bytes.windows(text.len()).any(|it| it == text);
    if has(b"-----BEGIN ") && !has(b"PRIVATE KEY-----") {
        return Ok(());
    }
    check_file(path)
}

fn needed(name: &str) -> String {
    let field = fields::PROFILE.iter().find(|field| field.name == name);
    let expected = field.map_or_else(String::new, |field| field.shape.expected());
    format!("{name} = {expected}")
}

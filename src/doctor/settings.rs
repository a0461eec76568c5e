//! The settings file, the profile, and the files its secrets are in. No network.

use std::path::Path;

use super::{Check, Notes, Section, Sign, Subject};
use crate::config::{Profile, SecretError, SecretSource, check_file};

const PART: Section = Section::Configuration;

pub(super) fn look(subject: &Subject, notes: &mut Notes) {
    let file = subject.file.display();
    if subject.problems.is_empty() {
        let says = format!("{file}: read without problems");
        notes.add(Check::new(
            "settings",
            PART,
            "Settings file",
            Sign::Good,
            says,
        ));
    }
    for problem in &subject.problems {
        notes.add(
            Check::new(
                "settings",
                PART,
                "Settings file",
                Sign::Warning,
                problem.to_string(),
            )
            .cured("`nightjar config check` lists everything that is wrong in the file"),
        );
    }
    let profile = match &subject.profile {
        Ok(profile) => profile,
        Err(problems) => {
            for problem in problems {
                notes.add(
                    Check::new("profile", PART, "Profile", Sign::Bad, problem.to_string()).cured(
                        format!("correct it in {file}: a profile with a problem is not used"),
                    ),
                );
            }
            return;
        }
    };
    match profile.endpoints() {
        Ok(endpoints) => notes.add(Check::new(
            "profile",
            PART,
            "Profile",
            Sign::Good,
            format!(
                "{}: {}, signs in by {}",
                profile.name,
                endpoints.cloud.title,
                profile.sign_in().word()
            ),
        )),
        Err(error) => notes.add(
            Check::new("profile", PART, "Profile", Sign::Bad, error.to_string())
                .cured(format!("correct it in {file}")),
        ),
    }
    for (what, source) in [
        ("Application secret", &profile.client_secret),
        ("Certificate password", &profile.certificate_password),
        ("Password", &profile.password),
    ] {
        if let Some(source) = source {
            notes.add(secret(what, source));
        }
    }
    files(profile, notes);
}

/// Where a secret is kept; it is not read but for what must be there.
fn secret(what: &str, source: &SecretSource) -> Check {
    let check = |sign, says: String| Check::new("profile.secret", PART, what, sign, says);
    match source {
        SecretSource::File(path) => match check_file(path) {
            Ok(()) => check(
                Sign::Good,
                format!("in {}, which only its owner can read", path.display()),
            ),
            Err(error) => check(Sign::Bad, error.to_string()).cured(file_cure(&error, path)),
        },
        SecretSource::Env(name) => match std::env::var_os(name).filter(|value| !value.is_empty()) {
            Some(_) => check(Sign::Good, format!("in the environment variable {name}")),
            None => check(
                Sign::Bad,
                format!("the environment variable {name} is not set"),
            )
            .cured(format!("export {name} before starting nightjar")),
        },
        source => check(Sign::Good, format!("from {}", source.place())),
    }
}

fn file_cure(error: &SecretError, path: &Path) -> String {
    match error {
        SecretError::Exposed { .. } => format!("run: chmod 600 {}", path.display()),
        _ => format!("put it into {}, or correct the path", path.display()),
    }
}

/// The other files a profile names.
fn files(profile: &Profile, notes: &mut Notes) {
    let mut keys: Vec<(&str, &Path)> = Vec::new();
    match (&profile.certificate, &profile.certificate_key) {
        (Some(certificate), None) => keys.push(("Certificate and key", certificate)),
        (Some(certificate), Some(key)) => {
            notes.add(readable("profile.certificate", "Certificate", certificate));
            keys.push(("Certificate key", key));
        }
        _ => {}
    }
    for (what, path) in keys {
        let check = |sign, says| Check::new("profile.certificate", PART, what, sign, says);
        notes.add(match check_file(path) {
            Ok(()) => check(
                Sign::Good,
                format!("in {}, which only its owner can read", path.display()),
            ),
            Err(error @ SecretError::Exposed { .. }) => check(
                Sign::Warning,
                error
                    .to_string()
                    .replacen("the secret file", "the file with the key", 1),
            )
            .cured(file_cure(&error, path)),
            Err(error) => check(
                Sign::Bad,
                error.to_string().replacen("the secret file", "the file", 1),
            )
            .cured(file_cure(&error, path)),
        });
    }
    if let Some(path) = &profile.federated_token_file {
        notes.add(readable("profile.federated", "Federated token", path));
    }
}

fn readable(id: &'static str, what: &str, path: &Path) -> Check {
    match std::fs::File::open(path) {
        Ok(_) => Check::new(id, PART, what, Sign::Good, format!("{}", path.display())),
        Err(error) => Check::new(
            id,
            PART,
            what,
            Sign::Bad,
            format!("{} cannot be read: {error}", path.display()),
        )
        .cured("put it there, or correct the path in the profile"),
    }
}

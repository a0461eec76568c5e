//! Secrets that are typed: asked for before anything else takes the terminal, shown to nobody, kept in
//! memory alone.

use std::io::{self, IsTerminal as _, Write as _};

use secrecy::SecretString;

use super::failure::{Done, Failure};
use crate::config::{Profile, SecretSource, SignIn};
use crate::domain::text;
use crate::tui::hidden::line as hidden_line;

/// Asks for every secret these profiles sign in with and want typed, once each.
pub(crate) fn ask<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Done {
    for profile in profiles {
        for (what, source) in typed(profile) {
            let Some(SecretSource::Prompt(typed)) = source else {
                continue;
            };
            if typed.get().is_none() {
                let secret = hidden(&format!("{what} of profile {}: ", profile.name))?;
                // Clones share: nobody else types meanwhile.
                let _ = typed.set(secret);
            }
        }
    }
    Ok(())
}

/// The secrets a profile's way to sign in uses.
fn typed(profile: &Profile) -> Vec<(&'static str, Option<&SecretSource>)> {
    match profile.sign_in() {
        SignIn::Secret => vec![("client secret", profile.client_secret.as_ref())],
        SignIn::Certificate => vec![(
            "certificate password",
            profile.certificate_password.as_ref(),
        )],
        SignIn::Password => vec![("password", profile.password.as_ref())],
        _ => Vec::new(),
    }
}

/// Reads a line from the terminal without showing it.
fn hidden(prompt: &str) -> Done<SecretString> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::usage(format!(
            "there is no terminal to ask for the {}",
            prompt.trim_end_matches([':', ' '])
        ))
        .advise("Run it in a terminal, or name another place in the profile: { env = \"NAME\" }, { file = \"path\" } or { command = […] }."));
    }
    let typed = hidden_line(&text::clean(prompt));
    writeln!(io::stderr())?;
    let Some(typed) = typed? else {
        return Err(Failure::interrupted());
    };
    if typed.trim().is_empty() {
        return Err(Failure::usage("nothing was typed"));
    }
    Ok(SecretString::from(typed.trim()))
}

//! The system's keyring: Keychain on macOS, the Secret Service elsewhere. Each question is asked on a
//! thread of its own and waited for only so long: a locked keyring waits for its owner, and a broken
//! session bus for ever.

use std::sync::mpsc;
use std::time::Duration;

use keyring::{Entry, Error};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::KeepError;

/// What entries are filed under.
const SERVICE: &str = "nightjar";
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether there is one that answers.
///
/// # Errors
/// Where there is none, or it does not answer.
pub fn available() -> Result<(), KeepError> {
    // An entry nobody made: that there is none proves that the keyring can be asked.
    get("is anybody there").map(drop)
}

pub(super) fn get(entry: &str) -> Result<Option<SecretString>, KeepError> {
    ask(entry, |entry| {
        match entry.get_secret().map(Zeroizing::new) {
            Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().map(SecretString::from)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

pub(super) fn set(entry: &str, secret: &SecretString) -> Result<(), KeepError> {
    let secret = secret.clone();
    ask(entry, move |entry| {
        entry.set_secret(secret.expose_secret().as_bytes())
    })
}

pub(super) fn remove(entry: &str) -> Result<(), KeepError> {
    ask(entry, |entry| match entry.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(error),
    })
}

fn ask<T: Send + 'static>(
    entry: &str,
    question: impl FnOnce(Entry) -> Result<T, Error> + Send + 'static,
) -> Result<T, KeepError> {
    let entry = entry.to_owned();
    let (tell, told) = mpsc::sync_channel(1);
    let asking = move || {
        let answer = match Entry::store_status() {
            Ok(()) => Entry::new(SERVICE, &entry)
                .and_then(question)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        // Whoever asked may have stopped waiting.
        let _ = tell.send(answer);
    };
    let named = std::thread::Builder::new().name("keyring".to_owned());
    named
        .spawn(asking)
        .map_err(|error| KeepError::Keyring(error.to_string()))?;
    match told.recv_timeout(PATIENCE) {
        Ok(answer) => answer.map_err(KeepError::Keyring),
        Err(_) => Err(KeepError::Keyring(format!(
            "it did not answer within {} seconds; it may be locked",
            PATIENCE.as_secs()
        ))),
    }
}

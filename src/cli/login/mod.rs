//! `nightjar login` and `nightjar logout`: a person signs in and what that gave is said; an application
//! tries its credential; without a profile, questions lead to one.

mod questions;

use std::io::{self, IsTerminal as _, Write};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::questions::yes;
use super::args::{Global, LoginArgs, LogoutArgs, Store};
use super::failure::{Done, Failure};
use super::{logging, runtime, say, secrets, settings};
use crate::auth::{
    AuthError, Keeper, Resource, SharedToken, SignInStep, Talk, TokenSource, http_client,
    keyring_available,
};
use crate::config::edit::{self, EditError, Setting};
use crate::config::{Chosen, Config, Paths, Profile, ProfileError, SignIn, TokenStore};
use crate::domain::text;

/// `nightjar login`.
pub(crate) fn login(args: &LoginArgs, global: &Global, out: &mut dyn Write) -> Done {
    let paths = Paths::resolve();
    let _log = logging::start(&paths.state, global.log_level.as_deref())?;
    let config = settings::load(&paths);
    let chosen = settings::chosen(global);
    let none = matches!(config.profiles(&chosen), Err(ProfileError::None { .. }));
    let draft = if args.new || none {
        terminal("setting up a profile")?;
        let name = match chosen {
            Chosen::Named(names) => names.into_iter().next(),
            _ => None,
        };
        Some(questions::draft(&config, &paths, name)?)
    } else {
        None
    };
    let mut profile = if let Some(draft) = &draft {
        draft.profile.clone()
    } else {
        let picked = settings::profiles(&config, global)?;
        picked.one().map_err(Failure::usage)?.clone()
    };
    if let Some(way) = args.way() {
        if !profile.sign_in().is_person() {
            return Err(Failure::usage(format!(
                "the profile {} signs in as an application ({})",
                profile.name,
                profile.sign_in().word()
            ))
            .advise("--browser and --device-code are for profiles that a person signs in with."));
        }
        profile.sign_in = Some(way);
    }
    let asks = matches!(profile.sign_in(), SignIn::Browser | SignIn::DeviceCode);
    let mut remember = None;
    if asks {
        terminal("signing in")?;
        (profile.token_store, remember) = store(args, &config, &profile, &paths)?;
    }
    secrets::ask([&profile])?;
    let signed = runtime()?.block_on(sign_in(&profile, &paths, asks, draft.is_some(), out))?;
    if let Some(draft) = draft
        && let Err(error) = draft.write()
    {
        // A sign-in for a profile that is not there would lie about for ever.
        let _ = signed.sign_out();
        return Err(edit_failure(&error));
    }
    if let Some(store) = remember {
        keep_choice(&paths, store).map_err(|error| edit_failure(&error))?;
    }
    Ok(())
}

/// `nightjar logout`.
pub(crate) fn logout(args: &LogoutArgs, global: &Global) -> Done {
    let paths = Paths::resolve();
    let _log = logging::start(&paths.state, global.log_level.as_deref())?;
    let config = settings::load(&paths);
    let mut global = global.clone();
    if let Some(name) = &args.profile {
        global.profiles = vec![name.clone()];
    }
    for profile in settings::profiles(&config, &global)?.profiles {
        if !forget(&profile, &paths)? {
            say(&format!("nobody was signed in with {}", profile.name));
        }
    }
    Ok(())
}

/// Removes what is kept of a profile's sign-in and says whose it was; whether there was anything.
pub(crate) fn forget(profile: &Profile, paths: &Paths) -> Done<bool> {
    // Wherever it was kept: the settings may have changed since.
    let mut profile = profile.clone();
    profile.token_store = Some(TokenStore::Keyring);
    let keeper = Keeper::new(&profile, &paths.data);
    let who = keeper.who().map(|who| who.username);
    let kept = keeper.forget().map_err(Failure::refused)?;
    if kept {
        say(&format!(
            "signed out of {}: the sign-in of {} is removed from this machine",
            profile.name,
            who.unwrap_or_else(|| "somebody".to_owned())
        ));
    }
    Ok(kept)
}

/// Signs in and says what that gave. Whoever presses Ctrl-C is as signed in as before.
async fn sign_in(
    profile: &Profile,
    paths: &Paths,
    asks: bool,
    undo: bool,
    out: &mut dyn Write,
) -> Done<TokenSource> {
    let endpoints = profile.endpoints().map_err(Failure::usage)?;
    let http = http_client(&endpoints, profile.ca_file.as_deref()).map_err(Failure::usage)?;
    let keeper = Keeper::new(profile, &paths.data);
    let place = keeper.place();
    let tokens = TokenSource::keeping(profile, &endpoints, http, keeper);
    let cancel = CancellationToken::new();
    let (talk, heard) = Talk::new(cancel.clone());
    let telling = tokio::spawn(tell(heard));
    let signing = async {
        if asks {
            return tokens.sign_in_to_all(&talk).await;
        }
        for resource in Resource::ALL {
            tokens.sign_in(resource, talk.clone()).await?;
        }
        Ok(())
    };
    let signed = tokio::select! {
        signed = signing => signed,
        _ = tokio::signal::ctrl_c() => {
            cancel.cancel();
            return Err(Failure::interrupted());
        }
    };
    drop(talk);
    // It ends with the last step told.
    let _ = telling.await;
    report(profile, &tokens, asks.then_some(place.as_str()), out)?;
    match signed {
        Ok(()) => Ok(tokens),
        Err(error) => {
            if undo {
                let _ = tokens.sign_out();
            }
            Err(refused(&error))
        }
    }
}

/// Each step of a sign-in, in words.
async fn tell(mut heard: mpsc::UnboundedReceiver<SignInStep>) {
    while let Some(step) = heard.recv().await {
        say(&match step {
            SignInStep::Code {
                user_code,
                page,
                expires,
            } => {
                let left = expires.duration_since(jiff::Timestamp::now()).as_secs();
                format!(
                    "Open this page in any browser:\n\n    {page}\n\nand enter the code\n\n    {user_code}\n\nIt is good for {} minutes; Ctrl-C gives up.",
                    (left + 59) / 60
                )
            }
            SignInStep::Page {
                url, opened: true, ..
            } => format!(
                "Your browser opens to sign you in. If it does not, open this page in it:\n\n    {url}\n\nCtrl-C gives up."
            ),
            SignInStep::Page { url, .. } => format!(
                "Open this page in a browser of this machine:\n\n    {url}\n\nWith a browser elsewhere, use --device-code. Ctrl-C gives up."
            ),
            SignInStep::Warning(words) => words,
        });
    }
}

/// Who signed in, where, and what they may do there; never the token.
fn report(
    profile: &Profile,
    tokens: &TokenSource,
    kept: Option<&str>,
    out: &mut dyn Write,
) -> Done {
    let held: Vec<(Resource, SharedToken)> = Resource::ALL
        .into_iter()
        .filter_map(|resource| Some((resource, tokens.peek(resource)?)))
        .collect();
    let Some((_, first)) = held.first() else {
        return Ok(());
    };
    let mut line = |what: &str, words: &str| -> Done {
        Ok(writeln!(out, "{what:<22} {}", text::clean(words))?)
    };
    line("profile", &profile.name)?;
    let claims = first.claims.clone().unwrap_or_default();
    let person = tokens.who().map(|who| who.username).or(claims.upn);
    match person.filter(|name| !name.is_empty()) {
        Some(name) => line("signed in as", &name)?,
        None => line(
            "application",
            claims.app_id.as_deref().unwrap_or(&profile.client_id),
        )?,
    }
    line(
        "tenant",
        claims.tid.as_deref().unwrap_or(&profile.tenant_id),
    )?;
    for (resource, token) in held {
        let may = token.claims.as_ref().map(|claims| {
            let all: Vec<&str> = claims.permissions().collect();
            all.join(" ")
        });
        line(
            resource.title(),
            may.as_deref()
                .filter(|may| !may.is_empty())
                .unwrap_or("no permissions in the token"),
        )?;
    }
    if let Some(place) = kept.filter(|_| tokens.who().is_some()) {
        line("kept in", place)?;
    }
    Ok(())
}

/// Where the sign-in shall be kept, and the choice to be remembered. Without a keyring a person has to
/// agree to a file, once.
fn store(
    args: &LoginArgs,
    config: &Config,
    profile: &Profile,
    paths: &Paths,
) -> Done<(Option<TokenStore>, Option<TokenStore>)> {
    let set = profile.token_store.or(config.token_store);
    if let Some(given) = args.store {
        let given = match given {
            Store::Keyring => TokenStore::Keyring,
            Store::File => TokenStore::File,
            Store::Memory => TokenStore::Memory,
        };
        return Ok((Some(given), (set != Some(given)).then_some(given)));
    }
    if set.is_some() {
        return Ok((set, None));
    }
    let Err(why) = keyring_available() else {
        return Ok((None, None));
    };
    let file = TokenStore::File;
    let kept = Profile {
        token_store: Some(file),
        ..profile.clone()
    };
    let place = Keeper::new(&kept, &paths.data).place();
    say(&format!("{why}."));
    if yes(
        &format!("Keep the sign-in in a file that only you can read, {place}?"),
        false,
    )? {
        return Ok((Some(file), Some(file)));
    }
    say("It ends with this program, then; the console asks you to sign in each time.");
    Ok((Some(TokenStore::Memory), None))
}

fn keep_choice(paths: &Paths, store: TokenStore) -> Result<(), EditError> {
    let path = paths.config_file();
    let setting = Setting::Text(store.word().to_owned());
    edit::change(&path, |before| {
        edit::with_root(before, "token_store", &setting)
    })?;
    say(&format!(
        "token_store = \"{}\" is remembered in {}",
        store.word(),
        path.display()
    ));
    Ok(())
}

fn refused(error: &AuthError) -> Failure {
    Failure::sign_in(error).advise(&error.advice)
}

fn edit_failure(error: &EditError) -> Failure {
    Failure::usage(error).advise("`nightjar config check` says what is wrong with the file.")
}

fn terminal(what: &str) -> Done {
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        return Ok(());
    }
    Err(Failure::sign_in(format!("{what} needs a terminal")).advise(
        "Run `nightjar login` in one. What runs unattended signs in as an application: with client_secret, certificate, federated_token_file or sign_in = \"managed-identity\" in its profile.",
    ))
}

//! From nothing to a profile: questions on the terminal, each answer judged by the reader of the
//! settings, and what will be written shown before it is.

use std::io::{self, Write as _};

use super::super::failure::{Done, Failure};
use super::super::say;
use crate::cloud::CLOUDS;
use crate::config::edit::{self, EditError, Setting};
use crate::config::{Config, Paths, Profile, SignIn};
use crate::domain::text;

/// A profile that is not in the settings yet.
pub(super) struct Draft {
    pub(super) profile: Profile,
    paths: Paths,
    settings: Vec<(&'static str, Setting)>,
}

impl Draft {
    /// Adds it to the settings as they are now.
    pub(super) fn write(&self) -> Result<(), EditError> {
        let path = self.paths.config_file();
        edit::change(&path, |before| {
            edit::with_profile(before, &self.profile.name, &self.settings)
        })?;
        say(&format!(
            "the profile {} is written to {}",
            self.profile.name,
            path.display()
        ));
        Ok(())
    }
}

/// Addresses given one by one, for a tenant that is in no cloud of the table.
const ELSEWHERE: &str = "elsewhere";

/// The ways offered, with what they are.
static WAYS: &[(SignIn, &str)] = &[
    (SignIn::Browser, "you, in the browser of this machine"),
    (
        SignIn::DeviceCode,
        "you, in a browser elsewhere, with a code",
    ),
    (SignIn::Secret, "an application, with a secret"),
    (SignIn::Certificate, "an application, with a certificate"),
    (
        SignIn::ManagedIdentity,
        "this machine, by its managed identity",
    ),
    (SignIn::AzureCli, "whoever is signed in to the Azure CLI"),
];

/// Asks the way to a profile. `name` is what it shall be called, where that is said already.
pub(super) fn draft(config: &Config, paths: &Paths, name: Option<String>) -> Done<Draft> {
    let before = edit::read(&paths.config_file()).map_err(Failure::usage)?;
    edit::with_profile(&before, "a b", &[]).map_err(|error| {
        Failure::usage(error).advise("`nightjar config check` says what is wrong with the file.")
    })?;
    say("A profile says which tenant to sign in to and how. Ctrl-C leaves everything as it is.\n");
    let mut settings: Vec<(&'static str, Setting)> = Vec::new();
    clouds(&mut settings)?;
    checked(
        &mut settings,
        "tenant_id",
        "Tenant: its id, or a domain such as contoso.com",
        "",
    )?;
    checked(
        &mut settings,
        "client_id",
        "Application (client) id of the app registration",
        "",
    )?;
    ways(&mut settings)?;
    let name = match name {
        Some(name) => name,
        None => named(config, &settings)?,
    };
    let profile = read(&name, &settings)
        .map_err(|why| Failure::usage(format!("this makes no profile: {why}")))?;
    let text = edit::with_profile("", &name, &settings).map_err(Failure::usage)?;
    say(&format!(
        "\nThis is added to {}:\n\n{text}",
        paths.config_file().display()
    ));
    if !yes("Sign in with it now, and write it if that works?", true)? {
        return Err(Failure::interrupted());
    }
    Ok(Draft {
        profile,
        paths: paths.clone(),
        settings,
    })
}

fn clouds(settings: &mut Vec<(&'static str, Setting)>) -> Done {
    let open = CLOUDS.iter().filter(|cloud| cloud.closed.is_none());
    let mut choices: Vec<(&str, &str)> = open.map(|cloud| (cloud.id, cloud.title)).collect();
    choices.push((
        ELSEWHERE,
        "other addresses: a proxy, or a tenant simulated on this machine",
    ));
    let cloud = choose("National cloud", &choices, 0)?;
    if cloud != ELSEWHERE {
        if cloud != CLOUDS[0].id {
            settings.push(("cloud", Setting::Text(cloud.to_owned())));
        }
        return Ok(());
    }
    for (key, what) in [
        ("authority", "Address to sign in at"),
        ("graph_url", "Address of Microsoft Graph"),
        ("defender_url", "Address of Defender for Endpoint"),
    ] {
        let before = settings.iter().find_map(|(_, setting)| match setting {
            Setting::Text(text) => Some(text.clone()),
            _ => None,
        });
        checked(settings, key, what, &before.unwrap_or_default())?;
    }
    Ok(())
}

fn ways(settings: &mut Vec<(&'static str, Setting)>) -> Done {
    let choices: Vec<(&str, &str)> = WAYS.iter().map(|(way, what)| (way.word(), *what)).collect();
    let usual = usize::from(std::env::var_os("SSH_CONNECTION").is_some());
    let word = choose("Who signs in, and how", &choices, usual)?;
    settings.push(("sign_in", Setting::Text(word.to_owned())));
    match SignIn::of(word) {
        Some(SignIn::Secret) => {
            let place = line(
                "Environment variable that holds the secret (empty: asked for each time)",
                "",
            )?;
            let secret = if place.is_empty() {
                Setting::Prompt
            } else {
                Setting::Secret("env", place)
            };
            settings.push(("client_secret", secret));
        }
        Some(SignIn::Certificate) => {
            checked(
                settings,
                "certificate",
                "PEM or PFX file with certificate and key",
                "",
            )?;
        }
        _ => {}
    }
    Ok(())
}

fn named(config: &Config, settings: &[(&'static str, Setting)]) -> Done<String> {
    let tenant = settings.iter().find_map(|(key, setting)| match setting {
        Setting::Text(text) if *key == "tenant_id" => Some(text.as_str()),
        _ => None,
    });
    let domain = tenant.filter(|tenant| tenant.contains('.'));
    let usual = domain.and_then(|domain| domain.split('.').next());
    let taken =
        |name: &str| config.profiles.contains_key(name) || config.unusable.contains_key(name);
    let usual = usual.filter(|name| !taken(name)).unwrap_or("work");
    loop {
        let name = line("Name of the profile", if taken(usual) { "" } else { usual })?;
        if taken(&name) {
            say(&format!("there is a profile \"{name}\" already"));
        } else if let Err(why) = read(&name, settings) {
            say(&why);
        } else {
            return Ok(name);
        }
    }
}

/// Asks until the settings take the answer.
fn checked(
    settings: &mut Vec<(&'static str, Setting)>,
    key: &'static str,
    question: &str,
    usual: &str,
) -> Done {
    loop {
        let answer = line(question, usual)?;
        settings.push((key, Setting::Text(answer)));
        match read("draft", settings) {
            Ok(_) => return Ok(()),
            Err(why) => {
                settings.pop();
                say(&why);
            }
        }
    }
}

/// The profile that these settings make, with what is still missing filled in.
fn read(name: &str, settings: &[(&'static str, Setting)]) -> Result<Profile, String> {
    let mut whole = settings.to_vec();
    for (key, usual) in [
        ("tenant_id", "contoso.com"),
        ("client_id", "00000000-0000-0000-0000-000000000000"),
    ] {
        if !whole.iter().any(|(known, _)| *known == key) {
            whole.push((key, Setting::Text(usual.to_owned())));
        }
    }
    let text = edit::with_profile("", name, &whole).map_err(|error| error.to_string())?;
    let mut loaded = Config::parse(&text, std::path::Path::new("config.toml"));
    match loaded.config.profiles.remove(name) {
        Some(profile) => Ok(profile),
        None => Err(match loaded.problems.first() {
            Some(problem) if problem.expected.is_empty() => problem.what.clone(),
            Some(problem) => format!("{}; expected {}", problem.what, problem.expected),
            None => "that is no name".to_owned(),
        }),
    }
}

/// One of some, by number or word.
fn choose<'a>(question: &str, choices: &[(&'a str, &str)], usual: usize) -> Done<&'a str> {
    say(&format!("{question}:"));
    for (number, (word, what)) in choices.iter().enumerate() {
        say(&format!("  {}  {word:<16} {what}", number + 1));
    }
    loop {
        let answer = line("Number or word", choices[usual].0)?;
        let number = answer.parse::<usize>().ok();
        let chosen = match number {
            Some(number) => number.checked_sub(1).and_then(|index| choices.get(index)),
            None => choices
                .iter()
                .find(|(word, _)| answer.eq_ignore_ascii_case(word)),
        };
        match chosen {
            Some((word, _)) => return Ok(word),
            None => say(&format!("there is no \"{answer}\" among them")),
        }
    }
}

/// Yes or no.
pub(super) fn yes(question: &str, usual: bool) -> Done<bool> {
    loop {
        let hint = if usual { "Y/n" } else { "y/N" };
        match line(&format!("{question} [{hint}]"), "")?
            .to_ascii_lowercase()
            .as_str()
        {
            "" => return Ok(usual),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => say("y or n"),
        }
    }
}

/// A line of the terminal, trimmed; nothing typed is the usual answer.
fn line(question: &str, usual: &str) -> Done<String> {
    let mut err = io::stderr();
    let hint = if usual.is_empty() {
        String::new()
    } else {
        format!(" [{usual}]")
    };
    write!(err, "{}{hint}: ", text::clean(question))?;
    err.flush()?;
    let mut answer = String::new();
    if io::stdin().read_line(&mut answer)? == 0 {
        return Err(Failure::interrupted());
    }
    let answer = answer.trim();
    Ok(if answer.is_empty() { usual } else { answer }.to_owned())
}

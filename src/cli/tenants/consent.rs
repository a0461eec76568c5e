//! `nightjar tenants consent-link`: the page on which a customer's administrator lets the application
//! in, and whether it has what the profile needs afterwards.

use std::io::{self, Write as _};
use std::time::Duration;

use url::Url;

use crate::auth::{
    self, ConsentAsk, Loopback, Page, Permission, Resource, TokenSource, consent_url, http_client,
};
use crate::cli::args::{ConsentArgs, Global};
use crate::cli::failure::{Done, Failure};
use crate::cli::{runtime, say, secrets, settings};
use crate::cloud::Endpoints;
use crate::config::edit::{change, with_copy};
use crate::config::{Paths, Profile};
use crate::domain::text::clean;
use crate::respond::CATALOGUE;

/// How long an administrator may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// After a consent the directory takes a moment until tokens carry it.
const LOOKS: usize = 5;
const BETWEEN: Duration = Duration::from_secs(3);

/// What reading needs, of each resource.
const READS: [(Resource, &str); 4] = [
    (Resource::Graph, "SecurityIncident.Read.All"),
    (Resource::Graph, "SecurityAlert.Read.All"),
    (Resource::Graph, "ThreatHunting.Read.All"),
    (Resource::Defender, "Machine.Read.All"),
];

/// Prints the page, and where asked waits for the answer and looks what it gave.
pub(crate) fn run(args: &ConsentArgs, global: &Global) -> Done {
    let paths = Paths::resolve();
    let config = settings::load(&paths);
    let picked = settings::profiles(&config, global)?;
    let mut profile = picked.one().map_err(Failure::usage)?.clone();
    profile.read_only |= global.read_only;
    let profile = &profile;
    if let Some(name) = &args.add_profile
        && (config.profiles.contains_key(name) || config.unusable.contains_key(name))
    {
        return Err(Failure::usage(format!(
            "there is a profile \"{name}\" already"
        )));
    }
    let endpoints = profile.endpoints().map_err(Failure::usage)?;
    let needed = needed(profile);
    explain(profile, &needed);
    if args.wait {
        secrets::ask([profile])?;
    }
    runtime()?.block_on(async {
        tokio::select! {
            done = ask(args, &paths, profile, &endpoints, &needed) => done,
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        }
    })
}

/// The permissions the profile's work needs, as applications hold them: reading, and where it may
/// write, every operation of the catalogue.
fn needed(profile: &Profile) -> Vec<(Resource, &'static str)> {
    let mut needed = READS.to_vec();
    for spec in CATALOGUE.iter().filter(|_| !profile.read_only) {
        let mut names = spec.permission.iter().map(|name| (spec.resource, *name));
        if let (false, Some(first)) = (names.clone().any(|it| needed.contains(&it)), names.next()) {
            needed.push(first);
        }
    }
    needed
}

/// Says what is asked for, resource by resource, in the names of the registration.
fn explain(profile: &Profile, needed: &[(Resource, &'static str)]) {
    let person = profile.sign_in().is_person();
    let kind = if person { "delegated" } else { "application" };
    for resource in Resource::ALL {
        let names = needed.iter().filter(|(of, _)| *of == resource);
        let names: Vec<&str> = names
            .map(|(_, name)| held_as(resource, name, person))
            .collect();
        say(&format!(
            "{} permissions of {}: {}",
            kind,
            resource.api_name(),
            names.join(", ")
        ));
    }
    if !person {
        say("The page asks for every permission the registration lists: list these there first.");
    }
}

/// A permission's name in a token of that kind.
fn held_as(resource: Resource, name: &'static str, person: bool) -> &'static str {
    let row = Permission::find(resource, name);
    row.and_then(|row| row.delegated)
        .filter(|_| person)
        .unwrap_or(name)
}

async fn ask(
    args: &ConsentArgs,
    paths: &Paths,
    profile: &Profile,
    endpoints: &Endpoints,
    needed: &[(Resource, &'static str)],
) -> Done {
    let person = profile.sign_in().is_person();
    let mut waiting = if args.wait {
        Some(Waiting::open(args.port).await?)
    } else {
        None
    };
    // A page for a person names permissions of one resource; the other has a page of its own.
    let resources: &[Resource] = if person {
        &Resource::ALL
    } else {
        &[Resource::Graph]
    };
    let mut tenant = None;
    for resource in resources {
        let audience = match resource {
            Resource::Graph => &endpoints.graph_audience,
            Resource::Defender => &endpoints.defender_audience,
        };
        let of = needed.iter().filter(|(of, _)| person && of == resource);
        let scopes: Vec<String> = of
            .map(|(_, name)| format!("{audience}/{}", held_as(*resource, name, person)))
            .collect();
        let link = consent_url(
            &endpoints.authority,
            &ConsentAsk {
                tenant: &args.tenant,
                client_id: &profile.client_id,
                scopes: &scopes,
                redirect: waiting.as_ref().map(|it| it.address.as_str()),
                state: waiting.as_ref().map(|it| it.state.as_str()),
            },
        );
        show(&link, args.open)?;
        if let Some(waiting) = &mut waiting {
            say("waiting for the administrator's answer; Ctrl-C gives up");
            tenant = Some(waiting.answer().await?);
        }
    }
    let Some(tenant) = tenant else {
        return Ok(());
    };
    say(&format!("consent was given in the tenant {tenant}"));
    if uuid::Uuid::parse_str(&args.tenant).is_ok() && !args.tenant.eq_ignore_ascii_case(&tenant) {
        return Err(Failure::refused(format!(
            "that is not the tenant that was meant ({}): nothing was written",
            args.tenant
        )));
    }
    let customer = Profile {
        tenant_id: tenant.clone(),
        ..profile.clone()
    };
    let verified = if person {
        say("what a person's sign-in carries is seen after `nightjar login` with that profile");
        Ok(())
    } else {
        verify(&customer, endpoints, needed).await
    };
    if let Some(name) = &args.add_profile {
        let file = paths.config_file();
        change(&file, |text| with_copy(text, &profile.name, name, &tenant))
            .map_err(Failure::refused)?;
        say(&format!("[profiles.{name}] is in {}", file.display()));
    }
    verified
}

fn show(link: &Url, open: bool) -> Done {
    writeln!(io::stdout().lock(), "{link}")?;
    if open && let Err(why) = open::that_detached(link.as_str()) {
        say(&format!("no browser could be opened: {why}"));
    }
    Ok(())
}

/// Looks at real tokens of the customer's tenant: whose they are and what they carry.
async fn verify(
    profile: &Profile,
    endpoints: &Endpoints,
    needed: &[(Resource, &'static str)],
) -> Done {
    let http = http_client(endpoints, profile.ca_file.as_deref()).map_err(Failure::usage)?;
    let mut missing = Vec::new();
    for resource in Resource::ALL {
        let wanted: Vec<&str> = needed
            .iter()
            .filter(|(of, _)| *of == resource)
            .map(|(_, name)| *name)
            .collect();
        let mut lacks = Vec::new();
        for look in 1..=LOOKS {
            // Each time anew: a token knows only what was consented to before it was made.
            let tokens = TokenSource::new(profile, endpoints, http.clone());
            let claims = match tokens.token(resource).await {
                Ok(token) => token.claims.clone().unwrap_or_default(),
                Err(error) if look == LOOKS => {
                    return Err(Failure::sign_in(&error).advise(&error.advice));
                }
                Err(_) => {
                    tokio::time::sleep(BETWEEN).await;
                    continue;
                }
            };
            let tid = claims.tid.as_deref().unwrap_or_default();
            if !tid.eq_ignore_ascii_case(&profile.tenant_id) {
                return Err(Failure::refused(format!(
                    "the token is of the tenant {}, not of {}",
                    clean(tid),
                    profile.tenant_id
                )));
            }
            lacks = wanted
                .iter()
                .copied()
                .filter(|name| !claims.holds(name))
                .collect();
            // Some of it is there: the consent has arrived, and what lacks was not in it.
            if lacks.len() < wanted.len() || look == LOOKS {
                break;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        let granted: Vec<&str> = wanted
            .iter()
            .copied()
            .filter(|it| !lacks.contains(it))
            .collect();
        say(&format!(
            "{}: granted {}; missing {}",
            resource.api_name(),
            listed(&granted),
            listed(&lacks)
        ));
        missing.extend(
            lacks
                .iter()
                .map(|name| format!("{name} of {}", resource.api_name())),
        );
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!("not granted: {}", missing.join(", ")))
        .advise("Add them to the application's registration as application permissions, then let the administrator consent again."))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// An answer that is waited for.
struct Waiting {
    loopback: Loopback,
    address: String,
    state: String,
}

impl Waiting {
    async fn open(port: u16) -> Done<Self> {
        let loopback = Loopback::open(port)
            .await
            .map_err(|why| Failure::refused(format!("no port to wait at: {why}")))?;
        Ok(Self {
            address: loopback.address(),
            loopback,
            state: uuid::Uuid::new_v4().simple().to_string(),
        })
    }

    /// The tenant that consented.
    async fn answer(&mut self) -> Done<String> {
        tokio::time::timeout(PATIENCE, self.ours())
            .await
            .map_err(|_| {
                Failure::refused("nobody answered within a quarter of an hour").advise(
                    "The link stays good; ask again with --wait when the administrator is there.",
                )
            })?
    }

    /// What the answer with our state says; whoever else knocks is sent away and changes nothing.
    async fn ours(&mut self) -> Done<String> {
        loop {
            let arrival = self.loopback.next().await;
            if arrival.field("state") != Some(self.state.as_str()) {
                let why = "this is the answer to another question".to_owned();
                self.loopback.reply(arrival, Page::NotConsented(why)).await;
                continue;
            }
            let said = read(|name| arrival.field(name));
            let page = match &said {
                Ok(_) => Page::Consented,
                Err(failure) => Page::NotConsented(failure.words().unwrap_or_default()),
            };
            self.loopback.reply(arrival, page).await;
            return said;
        }
    }
}

/// What an answer says: the tenant, or why not.
fn read<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Done<String> {
    if let Some(error) = field("error") {
        let said = field("error_description").unwrap_or(error);
        let said = said.lines().next().unwrap_or_default();
        let code = said.split_once("AADSTS").and_then(|(_, rest)| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        });
        let advice = match code.and_then(auth::explain) {
            Some((_, meaning, advice)) => format!("{meaning}: {advice}"),
            None => "An administrator of the customer's tenant (Privileged Role Administrator or Global Administrator) has to accept.".to_owned(),
        };
        return Err(
            Failure::refused(format!("consent was not given: {}", clean(said))).advise(advice),
        );
    }
    match field("tenant") {
        Some(tenant)
            if field("admin_consent").is_some_and(|it| it.eq_ignore_ascii_case("true"))
                && uuid::Uuid::parse_str(tenant).is_ok() =>
        {
            Ok(tenant.to_ascii_lowercase())
        }
        _ => Err(Failure::refused(
            "the answer is not one of the consent page",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[(&'static str, &'static str)]) -> Done<String> {
        read(|name| {
            let found = fields.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        })
    }

    #[test]
    fn an_answer_names_the_tenant_or_why_not() {
        let tenant = "5B0D6A1C-9a67-4f5e-8f0a-0a6f1c2d3e4f";
        let given = answer(&[("admin_consent", "True"), ("tenant", tenant)]);
        assert_eq!(given.expect("given"), tenant.to_lowercase());
        let refused = answer(&[
            ("error", "access_denied"),
            (
                "error_description",
                "AADSTS65004: The resource owner denied\r\nTrace ID: x",
            ),
            ("admin_consent", "True"),
            ("tenant", tenant),
        ]);
        let words = refused.expect_err("refused").words().expect("words");
        assert!(
            words.contains("AADSTS65004") && !words.contains("Trace"),
            "{words}"
        );
        assert!(answer(&[("tenant", tenant)]).is_err());
        assert!(answer(&[("admin_consent", "True"), ("tenant", "../x")]).is_err());
    }

    #[test]
    fn reading_needs_less_than_working() {
        let mut profile = Profile::new("a", "contoso.com", "11111111-2222-4333-8444-555555555555");
        let all = needed(&profile);
        assert!(all.contains(&(Resource::Defender, "Machine.Isolate")));
        assert!(all.contains(&(Resource::Graph, "SecurityAlert.ReadWrite.All")));
        let once: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(once.len(), all.len());
        profile.read_only = true;
        assert_eq!(needed(&profile), READS);
    }

    #[tokio::test]
    async fn only_an_answer_with_our_state_is_taken() {
        let mut waiting = Waiting::open(0).await.expect("a port");
        let http = http_client(
            &Profile::new("a", "contoso.com", "c")
                .endpoints()
                .expect("addresses"),
            None,
        )
        .expect("a client");
        let address = waiting.address.replace("localhost", "127.0.0.1");
        let tenant = "5b0d6a1c-9a67-4f5e-8f0a-0a6f1c2d3e4f";
        let page = |state: String| {
            http.get(format!(
                "{address}/?admin_consent=True&tenant={tenant}&state={state}"
            ))
        };
        let (guessed, ours) = (page("guessed".to_owned()), page(waiting.state.clone()));
        let knocks = async {
            let other = guessed.send().await.expect("an answer");
            let ours = ours.send().await.expect("an answer");
            (other.status().as_u16(), ours.status().as_u16())
        };
        let (tenant_of, statuses) = tokio::join!(waiting.answer(), knocks);
        assert_eq!(tenant_of.expect("consent"), tenant);
        assert_eq!(statuses, (400, 200));
    }
}

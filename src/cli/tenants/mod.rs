//! `nightjar tenants …`: which tenants there are, whether they answer, taking one away, and the page on
//! which a customer's administrator lets the application in.

mod consent;
mod remove;
mod test;

use std::io;

use serde_json::{Value, json};

use super::args::{Global, Output, TenantCommand};
use super::failure::{Done, Failure};
use super::output::{Column, cut, whole, write_rows};
use super::settings;
use crate::auth::Keeper;
use crate::config::{Chosen, Config, Paths, Profile};
use crate::store::remains;

const COLUMNS: &[Column] = &[
    whole("NAME", "name"),
    whole("CLOUD", "cloud"),
    whole("TENANT", "tenantId"),
    whole("SIGN-IN", "signIn"),
    cut("SIGNED IN AS", "signedInAs", 40),
    whole("READ-ONLY", "readOnly"),
    whole("CACHE", "cacheBytes"),
    whole("LAST SYNC", "lastSync"),
    cut("PROBLEM", "problem", 80),
];

/// Does one of the `tenants` commands.
pub(crate) fn run(command: TenantCommand, global: &Global) -> Done {
    match command {
        TenantCommand::List { json } => list(global, form(global, json)),
        TenantCommand::Test { json } => test::run(global, form(global, json)),
        TenantCommand::Add => Err(Failure::usage("profiles are added by signing in")
            .advise("`nightjar login --new` asks its way to one; for a partner's customer, `nightjar tenants consent-link organizations --wait --add-profile NAME`.")),
        TenantCommand::Remove(args) => remove::run(&args),
        TenantCommand::ConsentLink(args) => consent::run(&args, global),
    }
}

fn form(global: &Global, json: bool) -> Output {
    if json { Output::Json } else { global.output }
}

/// Every tenant that is set up, or those asked for. Nothing is opened and nobody is asked.
fn list(global: &Global, form: Output) -> Done {
    let paths = Paths::resolve();
    let config = settings::load(&paths);
    let wanted = |name: &str| match settings::chosen(global) {
        Chosen::Named(names) => names.iter().any(|it| it == name),
        Chosen::Default | Chosen::All => true,
    };
    if let named @ Chosen::Named(_) = settings::chosen(global) {
        settings::picked(&config, &named)?;
    }
    let mut rows: Vec<(String, Value)> = Vec::new();
    for (name, profile) in &config.profiles {
        rows.push((name.clone(), row(profile, &config, &paths, global, form)));
    }
    for (name, problems) in &config.unusable {
        let problem = problems.first().map(ToString::to_string);
        rows.push((name.clone(), json!({ "name": name, "problem": problem })));
    }
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    let rows: Vec<String> = rows
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(_, row)| row.to_string())
        .collect();
    if rows.is_empty() {
        super::say("no tenant is set up; `nightjar login` asks its way to one");
    }
    Ok(write_rows(&mut io::stdout().lock(), form, COLUMNS, &rows)?)
}

fn row(profile: &Profile, config: &Config, paths: &Paths, global: &Global, form: Output) -> Value {
    let remains = remains::look(&paths.store_file(&profile.name));
    let cache = match form {
        Output::Table => json!(size(remains.cache)),
        _ => json!(remains.cache),
    };
    json!({
        "name": profile.name,
        "default": config.default_profile.contains(&profile.name),
        "cloud": profile.cloud,
        "tenantId": profile.tenant_id,
        "signIn": profile.sign_in().word(),
        "signedInAs": signed_in_as(profile, paths),
        "readOnly": profile.read_only || global.read_only,
        "cacheBytes": cache,
        "journalBytes": remains.journal,
        "lastSync": remains.as_of.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    })
}

/// Who the services see: the application, or the person whose sign-in is kept.
fn signed_in_as(profile: &Profile, paths: &Paths) -> Option<String> {
    if profile.sign_in().is_person() {
        let kept = Keeper::new(profile, &paths.data).who();
        let name = kept.map(|who| who.username).filter(|it| !it.is_empty());
        return name.or_else(|| profile.username.clone());
    }
    Some(format!("application {}", profile.client_id))
}

/// Bytes for reading.
fn size(bytes: u64) -> String {
    match bytes {
        0 => "—".to_owned(),
        1..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

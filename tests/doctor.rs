//! The doctor over broken set-ups: each is really broken, examined by the built program, and must be told
//! with its cure. The set-ups are a table, `doctor/broken.toml`.

mod support;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use futures_util::StreamExt as _;
use nightjar::sim::{self, Cloud, Sim, SimConfig, SimHandle};
use serde::Deserialize;
use serde_json::Value;
use support::tenant::quiet;
use support::{Home, Ran};

#[derive(Deserialize)]
struct Table {
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(default)]
    quirks: Vec<String>,
    #[serde(default)]
    faults: Vec<String>,
    #[serde(default)]
    without_roles: Vec<String>,
    audience: Option<String>,
    cloud: Option<String>,
    tls: Option<String>,
    persona: Option<usize>,
    app: Option<String>,
    #[serde(default)]
    set: toml::Table,
    #[serde(default)]
    unset: Vec<String>,
    #[serde(default)]
    files: Vec<Written>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    exit: i32,
    check: Option<Says>,
    feature: Option<Fails>,
    cure: Option<String>,
    permission: Option<String>,
    kind: Option<String>,
    place: Option<String>,
    role: Option<String>,
    licence: Option<String>,
    setting: Option<String>,
    link: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    text: String,
    mode: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Says {
    id: String,
    says: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fails {
    id: String,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    why: String,
}

/// The tenant of a row.
async fn tenant(row: &Row, home: &Home) -> SimHandle {
    let mut config = SimConfig {
        machines: 3,
        ..quiet(2, 2)
    };
    for quirk in &row.quirks {
        config.quirks.set(quirk).expect("a quirk");
    }
    for words in &row.faults {
        config.faults.push(sim::fault(words).expect("a fault"));
    }
    config.withheld_roles.clone_from(&row.without_roles);
    if let Some(audience) = &row.audience {
        config.audience = audience.parse().expect("an audience");
    }
    if let Some(cloud) = &row.cloud {
        config.cloud = Cloud::named(cloud).expect("a cloud");
    }
    if let Some(fault) = &row.tls {
        config.tls = true;
        config.ca_file = Some(home.path("sim-ca.pem"));
        config.tls_fault = (fault != "none").then(|| fault.parse().expect("a fault"));
    }
    if let Some(persona) = row.persona {
        config.tenants = persona;
    }
    Sim::start(config).await.expect("the tenant starts")
}

/// A port nobody listens at: it was ours a moment ago.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// A proxy that lets nobody through.
fn wall() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut seen = Vec::new();
            let mut byte = [0; 1];
            while !seen.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                seen.push(byte[0]);
            }
            let answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\
                          Proxy-Authenticate: Basic realm=\"wall\"\r\nContent-Length: 0\r\n\
                          Connection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

fn settings(row: &Row, sim: &SimHandle, home: &Home, places: &[(&str, String)]) -> String {
    let printed = match row.persona {
        Some(persona) => sim.tenants().swap_remove(persona - 1).profile,
        None => sim.profile_toml("sim"),
    };
    let mut file: toml::Table = printed.parse().expect("settings");
    let profiles = file["profiles"].as_table_mut().expect("profiles");
    let (_, profile) = profiles.iter_mut().next().expect("one");
    let profile = profile.as_table_mut().expect("a profile");
    if let Some(app) = &row.app {
        let applications = sim.applications();
        let (_, id, secret) = applications
            .iter()
            .find(|(name, ..)| name == app)
            .expect("an application");
        profile.insert("client_id".into(), id.clone().into());
        profile.insert("client_secret".into(), secret.clone().into());
    }
    for name in &row.unset {
        profile.remove(name);
    }
    for (name, value) in &row.set {
        profile.insert(name.clone(), value.clone());
    }
    // A secret in the file is for hosts of this machine alone.
    if row.env.contains_key("HTTPS_PROXY")
        || row.set.values().any(|it| it.to_string().contains("{long}"))
    {
        let path = home.path("its-secret");
        std::fs::write(&path, sim.client_secret()).expect("written");
        permit(&path, 0o600);
        let place =
            toml::Table::from_iter([("file".to_owned(), path.display().to_string().into())]);
        profile.insert("client_secret".into(), place.into());
    }
    let mut text = toml::to_string(&file).expect("TOML");
    for (name, value) in places {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

fn permit(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("chmod");
}

/// Breaks it, has it examined, and says what is not as the row says.
async fn examine(row: Row) -> Vec<String> {
    let home = Home::new();
    let sim = tenant(&row, &home).await;
    let places = [
        ("base", sim.base_url().to_owned()),
        ("closed", closed()),
        ("dir", home.path("home").display().to_string()),
        ("long", format!("{}.example", "x".repeat(70))),
        ("password", sim.password().to_owned()),
        ("wall", wall()),
    ];
    for file in &row.files {
        let path = home.path("home").join(&file.name);
        std::fs::write(&path, &file.text).expect("written");
        permit(&path, file.mode);
    }
    let text = settings(&row, &sim, &home, &places);
    let home = home.with_settings(&text);
    let mut command = home.command(&["doctor", "--json"]);
    for (name, value) in &row.env {
        let value = places.iter().fold(value.clone(), |value, (place, is)| {
            value.replace(&format!("{{{place}}}"), is)
        });
        command.env(name, value);
    }
    let ran = tokio::task::spawn_blocking(move || Ran::from(command.output().expect("it runs")))
        .await
        .expect("it ends");
    let wrong = judged(&row, &ran, &sim.issued());
    sim.stop().await;
    wrong
}

fn judged(row: &Row, ran: &Ran, issued: &[(&str, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(format!("{}: {what}", row.name));
        }
    };
    let Ok(report) = serde_json::from_str::<Value>(&ran.out) else {
        return vec![format!("{}: no JSON: {ran:#?}", row.name)];
    };
    let report = &report["profiles"][0];
    must(
        ran.code == row.exit,
        format!("exit {} and not {}", ran.code, row.exit),
    );
    must(
        report["exit"] == row.exit,
        format!("says exit {}", report["exit"]),
    );
    for (what, text) in issued {
        let shown = ran.out.contains(text) || ran.err.contains(text);
        must(!shown, format!("the report shows a secret: {what}"));
    }
    let found = |list: &str, id: &str| -> Vec<Value> {
        let all = report[list].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| one["id"] == id).collect()
    };
    let mut cures = Vec::new();
    if let Some(expected) = &row.check {
        let checks = found("checks", &expected.id);
        let hit = checks.iter().find(|check| {
            check["state"] != "good"
                && check["says"]
                    .as_str()
                    .unwrap_or_default()
                    .contains(&expected.says)
        });
        must(
            hit.is_some(),
            format!(
                "check {} does not say {:?}: {checks:#?}",
                expected.id, expected.says
            ),
        );
        cures.extend(hit.map(|check| check["cure"].clone()));
    }
    if let Some(expected) = &row.feature {
        let state = expected.state.as_deref().unwrap_or("will-not");
        let rows = found("features", &expected.id);
        let hit = rows.iter().find(|row| {
            row["state"] == state
                && row["why"]
                    .as_str()
                    .unwrap_or_default()
                    .contains(&expected.why)
        });
        must(
            hit.is_some(),
            format!(
                "feature {} is not {state}, {:?}: {rows:#?}",
                expected.id, expected.why
            ),
        );
        cures.extend(hit.map(|row| row["cure"].clone()));
    }
    let parts = [
        ("advice", &row.cure),
        ("permissions", &row.permission),
        ("kind", &row.kind),
        ("resource", &row.place),
        ("role", &row.role),
        ("licence", &row.licence),
        ("setting", &row.setting),
        ("consentLink", &row.link),
    ];
    for (name, expected) in parts {
        let Some(expected) = expected else { continue };
        let holds = cures.iter().any(|cure| match &cure[name] {
            Value::String(text) => text.contains(expected.as_str()),
            other => other.to_string().contains(&format!("\"{expected}\"")),
        });
        must(holds, format!("no {name} with {expected:?} in {cures:#?}"));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_broken_set_up_is_told_with_its_cure() {
    let table: Table = toml::from_str(include_str!("doctor/broken.toml")).expect("the table");
    let count = table.row.len();
    assert!(count >= 60, "{count} set-ups");
    let wrong: Vec<String> = futures_util::stream::iter(table.row.into_iter().map(examine))
        .buffer_unordered(8)
        .concat()
        .await;
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_in_which_all_works_is_told_so() {
    let sim = Sim::start(SimConfig {
        machines: 3,
        ..quiet(2, 2)
    })
    .await
    .expect("it starts");
    let home = Home::new().with_settings(&sim.profile_toml("sim"));
    let mut command = home.command(&["doctor"]);
    let ran = tokio::task::spawn_blocking(move || Ran::from(command.output().expect("it runs")))
        .await
        .expect("it ends")
        .expect(0);
    assert!(ran.out.contains("✓ works    Read incidents"), "{}", ran.out);
    assert!(
        ran.out.contains("✓ should   Isolate devices"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("features work."), "{}", ran.out);
    let long = ran.out.lines().filter(|line| line.chars().count() > 80);
    let long: Vec<&str> = long.filter(|line| !line.contains("http")).collect();
    assert_eq!(long, Vec::<&str>::new(), "80 columns are enough");
    assert!(!ran.out.contains("eyJ"), "no token is shown");
    sim.stop().await;
}

#[test]
fn without_a_profile_it_says_how_to_get_one() {
    let ran = Home::new().run(&["doctor"]).expect(2);
    assert!(ran.err.contains("no profile is set up"), "{}", ran.err);
    assert!(ran.err.contains("[profiles.contoso]"), "{}", ran.err);
}

#[test]
fn offline_looks_at_the_settings_alone() {
    let home = Home::new().with_settings(
        "[profiles.a]\ntenant_id = \"contoso.com\"\nclient_id = \"11111111-2222-4333-8444-555555555555\"\n\
         client_secret = { env = \"NIGHTJAR_NO_SUCH_SECRET\" }\n",
    );
    let ran = home.run(&["doctor", "--offline"]).expect(1);
    assert!(
        ran.out.contains("export NIGHTJAR_NO_SUCH_SECRET"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("Network"), "{}", ran.out);
}

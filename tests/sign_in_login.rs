//! `nightjar login` and `logout`, the built program: what they refuse, what they say, what they leave
//! behind.

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nightjar::sim::{Sim, SimConfig, SimHandle};
use support::Home;
use support::pty::{Start, Terminal};

const WHO: &str = "amira.haddad@contoso.com";

async fn sim() -> SimHandle {
    Sim::start(SimConfig {
        incidents: 3,
        alerts: 3,
        machines: 2,
        story: false,
        trickle: false,
        ..SimConfig::default()
    })
    .await
    .expect("the simulated tenant starts")
}

/// A profile of the tenant that a person signs in with.
fn person(sim: &SimHandle) -> String {
    let base = sim.base_url();
    format!(
        "# mine\n[profiles.work]\ntenant_id = \"{}\"\nclient_id = \"{}\"\nsign_in = \"browser\"\nauthority = \"{base}\"\ngraph_url = \"{base}\"\ndefender_url = \"{base}\"\n",
        sim.tenant_id(),
        sim.client_id(),
    )
}

/// A folder with a browser in it that only notes where it was sent.
fn browser(home: &Home) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = home.path("bin");
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join("xdg-open");
    let script = "#!/bin/sh\nprintf '%s' \"$1\" > \"$HOME/opened.new\" && mv \"$HOME/opened.new\" \"$HOME/opened\"\n";
    std::fs::write(&program, script).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    folder
}

fn start(home: &Home, args: &[&str]) -> Terminal {
    let usual = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{usual}", browser(home).display());
    let mut env = home.variables();
    env.push(("PATH".to_owned(), path));
    env.push(("DISPLAY".to_owned(), ":0".to_owned()));
    let env: Vec<(&str, &str)> = env.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    Terminal::start(&Start {
        program: support::PROGRAM,
        args,
        env: &env,
        size: (120, 50),
    })
}

/// Chooses on the page the browser was sent to.
async fn choose(home: &Home, choice: &str) -> String {
    let noted = home.path("home").join("opened");
    let begun = Instant::now();
    while !noted.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no browser was opened"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut url = std::fs::read_to_string(&noted).expect("read");
    std::fs::remove_file(&noted).expect("removed");
    url.push_str("&sim_choice=");
    url.push_str(choice);
    // A second test in this process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client");
    loop {
        let answer = http.get(&url).send().await.expect("answers");
        match answer.headers().get("location") {
            Some(to) => url = to.to_str().expect("text").to_owned(),
            None => return answer.text().await.expect("a page"),
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let ran = Home::new().run(&["login"]).expect(3);
    assert!(ran.err.contains("needs a terminal"), "{}", ran.err);
    assert!(ran.err.contains("client_secret"), "{}", ran.err);
    let home = Home::new().with_settings(
        "[profiles.work]\ntenant_id = \"contoso.com\"\nclient_id = \"00000000-0000-0000-0000-000000000000\"\n\
         client_secret = { prompt = true }\n",
    );
    let ran = home.run(&["incidents", "list"]).expect(2);
    assert!(ran.err.contains("no terminal to ask"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_tries_its_credential() {
    let sim = sim().await;
    let home = Home::new().with_settings(&sim.profile_toml("app"));
    let ran = home.run(&["login"]).expect(0);
    for word in [
        "application",
        sim.client_id(),
        sim.tenant_id(),
        "Machine.Isolate",
    ] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
    let wrong = sim
        .profile_toml("app")
        .replace(sim.client_secret(), "wrong");
    let home = Home::new().with_settings(&wrong);
    let ran = home.run(&["login"]).expect(3);
    assert!(ran.err.contains("AADSTS7000215"), "{}", ran.err);
    assert!(ran.out.is_empty(), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_typed_and_shown_to_nobody() {
    let sim = sim().await;
    let given = format!("\"{}\"", sim.client_secret());
    let settings = sim.profile_toml("app").replace(&given, "{ prompt = true }");
    assert!(settings.contains("prompt"), "{settings}");
    let home = Home::new().with_settings(&settings);
    let terminal = start(&home, &["login"]);
    terminal.wait_for("client secret of profile app:");
    terminal.type_text(sim.client_secret());
    terminal.send(b"\r");
    assert_eq!(terminal.wait_exit(), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(
        screen.contains("Machine.Isolate") && !screen.contains(sim.client_secret()),
        "{screen}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_once_stays_signed_in_and_signs_out() {
    let sim = sim().await;
    let home = Home::new().with_settings(&person(&sim));
    home.run(&["incidents", "list"]).expect(3);
    let terminal = start(&home, &["login", "--store", "file"]);
    let page = choose(&home, WHO).await;
    assert!(page.contains("You can close this window"), "{page}");
    assert_eq!(terminal.wait_exit(), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(
        screen.contains(WHO) && screen.contains(".sign-in.json"),
        "{screen}"
    );

    let settings = std::fs::read_to_string(home.path("config/config.toml")).expect("read");
    assert!(
        settings.contains("token_store = \"file\""),
        "remembered: {settings}"
    );
    assert!(settings.contains("# mine\n[profiles.work]"), "{settings}");
    home.run(&["incidents", "list"]).expect(0);
    let ran = home.run(&["logout"]).expect(0);
    assert!(ran.err.contains(WHO), "{}", ran.err);
    home.run(&["incidents", "list"]).expect(3);
    let ran = home.run(&["logout"]).expect(0);
    assert!(ran.err.contains("nobody was signed in"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_sign_in_is_asked_for_again_beside_the_queue() {
    let sim = sim().await;
    let settings = format!(
        "{}[feed]\nincidents_every = \"1s\"\nalerts_every = \"1s\"\n",
        person(&sim)
    );
    let home = Home::new().with_settings(&settings);
    let terminal = start(&home, &["login", "--store", "file"]);
    choose(&home, WHO).await;
    assert_eq!(terminal.wait_exit(), 0, "{}", terminal.screen());

    let console = start(&home, &[]);
    console.wait_for("live");
    let queue = console.wait_for("Incidents");
    sim.sessions(1, WHO, "revoke").await.expect("revoked");
    let asked = console.wait_for("AADSTS50173");
    let title = |screen: &str| {
        let row = screen.lines().nth(3).unwrap_or_default();
        row.trim().to_owned()
    };
    assert_eq!(title(&asked), title(&queue), "the queue stays:\n{asked}");
    console.keys("<enter>");
    choose(&home, WHO).await;
    console.wait_gone("AADSTS50173");
    console.wait_for("live");
    console.keys("q");
    assert_eq!(console.wait_exit(), 0, "{}", console.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_or_called_off_nothing_is_left_behind() {
    let sim = sim().await;
    let home = Home::new().with_settings(&person(&sim));
    let terminal = start(&home, &["login", "--store", "file"]);
    choose(&home, "cancel").await;
    assert_eq!(terminal.wait_exit(), 3, "{}", terminal.screen());
    assert!(
        terminal.screen().contains("AADSTS65004"),
        "{}",
        terminal.screen()
    );
    let terminal = start(&home, &["login", "--store", "file"]);
    terminal.wait_for("Ctrl-C gives up");
    // To the program alone: the shell above it stays.
    terminal.signal("INT");
    assert_eq!(terminal.wait_exit(), 130, "{}", terminal.screen());
    let kept = names(&home.path("data"));
    assert!(
        !kept
            .iter()
            .any(|name| name.rsplit('.').next() == Some("json")),
        "{kept:?}"
    );
    let settings = std::fs::read_to_string(home.path("config/config.toml")).expect("read");
    assert_eq!(settings, person(&sim));
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_lead_to_a_first_profile() {
    let sim = sim().await;
    let home = Home::new();
    let terminal = start(&home, &["login", "--store", "file"]);
    for (question, answer) in [
        ("National cloud", "elsewhere"),
        ("Address to sign in at", sim.base_url()),
        ("Address of Microsoft Graph", ""),
        ("Address of Defender", ""),
        ("Tenant: its id", "not a tenant"),
        ("expected the tenant's id", sim.tenant_id()),
        ("Application (client) id", sim.client_id()),
        ("Who signs in", "browser"),
        ("Name of the profile", "lab"),
        ("write it if that works?", "y"),
    ] {
        terminal.wait_for(question);
        terminal.type_text(answer);
        terminal.send(b"\r");
    }
    choose(&home, WHO).await;
    assert_eq!(terminal.wait_exit(), 0, "{}", terminal.screen());
    let settings = std::fs::read_to_string(home.path("config/config.toml")).expect("read");
    assert!(settings.contains("[profiles.lab]"), "{settings}");
    assert!(!settings.contains("secret"), "{settings}");
    home.run(&["config", "check"]).expect(0);
    home.run(&["incidents", "list", "--profile", "lab"])
        .expect(0);

    // Refused, the second profile is not written, nor its sign-in kept.
    let terminal = start(&home, &["login", "--new", "--profile", "second"]);
    for (question, answer) in [
        ("National cloud", "elsewhere"),
        ("Address to sign in at", sim.base_url()),
        ("Address of Microsoft Graph", ""),
        ("Address of Defender", ""),
        ("Tenant: its id", sim.tenant_id()),
        ("Application (client) id", sim.client_id()),
        ("Who signs in", "browser"),
        ("write it if that works?", "y"),
    ] {
        terminal.wait_for(question);
        terminal.type_text(answer);
        terminal.send(b"\r");
    }
    choose(&home, "cancel").await;
    assert_eq!(terminal.wait_exit(), 3, "{}", terminal.screen());
    let after = std::fs::read_to_string(home.path("config/config.toml")).expect("read");
    assert_eq!(after, settings);
    let kept = names(&home.path("data"));
    assert!(
        !kept.iter().any(|name| name == "second.sign-in.json"),
        "{kept:?}"
    );
}

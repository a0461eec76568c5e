//! Nothing nightjar writes or says holds a secret: every file it made, everything it said and its command
//! line are searched for every secret of the tenant and every token it handed out, also as base64.

mod support;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use nightjar::sim::{Fault, FaultKind, Sim, SimConfig, SimHandle};
use support::pty::{Start, Terminal};
use support::{Home, PROGRAM, Ran};

/// The variable the secret is read from.
const SECRET: &str = "NIGHTJAR_LEAK_SECRET";
/// What is sent in place of the secret once.
const WRONG: &str = "wrong-Sesame-5f0c2d61~x";

struct Bench {
    runtime: tokio::runtime::Runtime,
    sim: SimHandle,
    home: Home,
    said: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sim = runtime
            .block_on(Sim::start(SimConfig {
                incidents: 30,
                alerts: 60,
                machines: 10,
                story: false,
                trickle: false,
                ..SimConfig::default()
            }))
            .expect("the simulated tenant starts");
        let settings: String = sim
            .profile_toml("sim")
            .lines()
            .filter(|line| !line.starts_with("client_secret"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let home = Home::new().with_settings(&format!(
            "{settings}client_secret = {{ env = \"{SECRET}\" }}\nanalyst = \"you@contoso.com\"\n"
        ));
        Self {
            runtime,
            sim,
            home,
            said: Vec::new(),
        }
    }

    fn run_with(&mut self, secret: &str, args: &[&str]) -> Ran {
        let args = [&["--log-level", "trace"], args].concat();
        let mut command = self.home.command(&args);
        let output = command
            .env(SECRET, secret)
            .output()
            .expect("the program runs");
        self.said.extend_from_slice(&output.stdout);
        self.said.extend_from_slice(&output.stderr);
        Ran::from(output)
    }

    fn run(&mut self, args: &[&str]) -> Ran {
        let secret = self.sim.client_secret().to_owned();
        self.run_with(&secret, args)
    }

    fn first_id(&mut self, kind: &str) -> String {
        let ran = self.run(&[kind, "list", "--top", "1", "--output", "jsonl"]);
        let ran = ran.expect(0);
        let row: serde_json::Value = serde_json::from_str(ran.out.trim()).expect("a row");
        row["id"].as_str().expect("an id").to_owned()
    }

    /// Fails where any secret stands in anything written or said.
    fn search(&self) {
        let secrets = self.sim.issued();
        let is = |kind: &str| secrets.iter().any(|(what, _)| what.contains(kind));
        assert!(
            is("secret") && is("token"),
            "the tenant handed something out"
        );
        let given = secrets
            .iter()
            .map(|(what, text)| (*what, text.as_str()))
            .chain([("wrong secret", WRONG)]);
        let needles = Needles::of(given.filter(|(_, text)| text.len() >= 8));
        let mut files = Vec::new();
        walk(&self.home.path(""), &mut files);
        let names: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        for kind in [".log", "config.toml", ".sqlite", "export"] {
            assert!(
                names.iter().any(|name| name.contains(kind)),
                "{kind}: {names:?}"
            );
        }
        for file in files {
            let bytes = std::fs::read(&file).expect("readable");
            needles.assert_none(&file.display().to_string(), &bytes);
        }
        needles.assert_none("what was said", &self.said);
    }
}

/// A secret as it may stand somewhere: itself, its last part (a token's signature), percent-encoded, and in
/// the middle of base64 of either alphabet.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut all = vec![secret.to_owned()];
    if let Some((_, signature)) = secret.rsplit_once('.')
        && signature.len() >= 20
    {
        all.push(signature.to_owned());
    }
    let escaped: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    if escaped != secret {
        all.push(escaped);
    }
    for before in 0..3_usize {
        let bytes = [vec![0; before], secret.as_bytes().to_vec()].concat();
        // Characters that hold bits of what stands before or behind say nothing.
        let begin = [0, 2, 3][before];
        let end = bytes.len() / 3 * 4;
        for text in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            all.push(text[begin..end].to_owned());
        }
    }
    all.into_iter().map(String::into_bytes).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Everything to look for. Whoever can use a secret has its end, so the ends are looked for.
struct Needles {
    all: regex::bytes::Regex,
    what: std::collections::BTreeMap<Vec<u8>, String>,
}

impl Needles {
    fn of<'a>(secrets: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut what = std::collections::BTreeMap::new();
        for (kind, secret) in secrets {
            for form in forms(secret) {
                let end = form[form.len().saturating_sub(32)..].to_owned();
                what.insert(end, kind.to_owned());
            }
        }
        let escaped: Vec<String> = what
            .keys()
            .map(|needle| regex::escape(std::str::from_utf8(needle).expect("text")))
            .collect();
        let all = regex::bytes::RegexBuilder::new(&escaped.join("|"))
            .size_limit(1 << 28)
            .build()
            .expect("a pattern");
        Self { all, what }
    }

    fn find<'a>(&self, bytes: &'a [u8]) -> Option<(&str, &'a [u8])> {
        let found = self.all.find(bytes)?;
        let before = &bytes[found.start().saturating_sub(160)..found.start()];
        Some((&self.what[found.as_bytes()], before))
    }

    #[track_caller]
    fn assert_none(&self, place: &str, bytes: &[u8]) {
        if let Some((what, before)) = self.find(bytes) {
            panic!(
                "{place} holds a {what} after: {}",
                String::from_utf8_lossy(before)
            );
        }
    }
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let secret = "Qx7~a/very+secret.value-0123456789abcdef";
    let needles = Needles::of(std::iter::once(("secret", secret)));
    for hidden in [
        format!("x{secret}y"),
        STANDARD.encode(format!("id:{secret}")),
        STANDARD.encode(format!("i:{secret} and more")),
        URL_SAFE_NO_PAD.encode(format!("abc{secret}")),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ] {
        assert!(needles.find(hidden.as_bytes()).is_some(), "{hidden}");
    }
    assert!(needles.find(b"nothing of the kind").is_none());
}

#[test]
fn commands_leave_no_secret_behind() {
    let mut bench = Bench::new();
    let incident = bench.first_id("incidents");
    let alert = bench.first_id("alerts");
    let machine = bench.first_id("machines");
    bench.run(&["incidents", "show", &incident]).expect(0);
    bench
        .run(&["alerts", "update", &alert, "--status", "resolved"])
        .expect(0);
    bench
        .run(&["incidents", "comment", &incident, "seen"])
        .expect(0);
    bench
        .run(&["actions", "run", "scan-full", &machine, "-m", "look"])
        .expect(0);
    let hunted = bench
        .run(&["hunt", "DeviceInfo | take 3", "--output", "csv"])
        .expect(0);
    std::fs::write(bench.home.path("export.csv"), hunted.out).expect("written");
    // Refusals and troubles, of the sign-in and of the services.
    bench.run_with(WRONG, &["incidents", "list"]).expect(3);
    for (path, kind) in [
        ("/token", FaultKind::Gateway(502)),
        ("/token", FaultKind::Garbage),
        ("/token", FaultKind::Portal(None)),
        ("/token", FaultKind::Cut),
        ("/token", FaultKind::Aadsts(50_076)),
        ("/v1.0/", FaultKind::ExpiredToken),
        ("/v1.0/", FaultKind::Status(403)),
        ("/v1.0/", FaultKind::Garbage),
        ("/v1.0/", FaultKind::Portal(None)),
        ("/v1.0/", FaultKind::Cut),
        (
            "/v1.0/",
            FaultKind::RedirectTo("http://127.0.0.1:9".to_owned()),
        ),
    ] {
        bench.sim.inject(Fault::once(path, kind));
        // However it ends: some are tried again, some are told.
        bench.run(&["incidents", "list", "--top", "1"]);
        bench.sim.clear_faults();
    }
    bench
        .sim
        .withhold_roles(&["Machine.Scan", "SecurityIncident.ReadWrite.All"]);
    bench
        .run(&["actions", "run", "scan-full", &machine, "-m", "look"])
        .expect(1);
    bench
        .run(&["incidents", "update", &incident, "--assign", "me"])
        .expect(1);
    bench.search();
    drop(bench.runtime);
}

#[test]
fn the_console_leaves_no_secret_behind_however_it_ends() {
    for signal in [None, Some("KILL")] {
        let mut bench = Bench::new();
        let secret = bench.sim.client_secret().to_owned();
        let mut variables = bench.home.variables();
        variables.push((SECRET.to_owned(), secret));
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let terminal = Terminal::start(&Start {
            program: PROGRAM,
            args: &["--log-level", "trace"],
            env: &variables,
            size: (120, 40),
        });
        terminal.wait_for("Incidents");
        let id = terminal.pid();
        // Rows are there: tokens were fetched and used.
        terminal.wait_until("rows", |_| {
            bench
                .sim
                .issued()
                .iter()
                .any(|(what, _)| what.contains("access token"))
        });
        terminal.keys("<enter>");
        let line = std::fs::read(format!("/proc/{id}/cmdline")).expect("a command line");
        bench.said.extend(line);
        match signal {
            Some(signal) => terminal.signal(signal),
            None => terminal.keys("<c-c>"),
        }
        terminal.wait_exit();
        bench.said.extend(terminal.since(0));
        std::fs::write(bench.home.path("export.txt"), terminal.screen()).expect("written");
        bench.search();
        drop(bench.runtime);
    }
}

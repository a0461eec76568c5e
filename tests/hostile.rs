//! A tenant whose every text is an attack: what reaches the terminal, the files and the clipboard is the
//! console's own.
//!
//! The simulated tenant answers through a door that laces every text of its answers: titles, comments,
//! file names, command lines, column names, errors, headers. What must stay what it is for the protocol
//! to work (ids that are asked for again, times, links) stays.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response};
use base64::Engine as _;
use nightjar::domain::text::is_safe;
use nightjar::sim::{Sim, SimConfig, SimHandle};
use serde_json::Value;
use support::pty::{Start, Terminal};
use support::{Home, PROGRAM};

/// A number that the console itself never sends to a terminal.
const MARK: &str = "7777";

/// What attackers write.
fn poisons() -> Vec<String> {
    vec![
        "\u{1b}[31;7777mRED\u{1b}[0m".into(),
        "\u{1b}]52;c;Nzc3Nw==\u{7}".into(),
        "\u{1b}]8;;http://evil.example/7777\u{1b}\\link\u{1b}]8;;\u{1b}\\".into(),
        "\u{1b}]0;7777\u{7}\u{1b}]2;7777\u{1b}\\".into(),
        "\u{9b}7777m\u{9d}52;c;Nzc3Nw==\u{9c}\u{90}7777\u{9c}".into(),
        "\u{1b}P7777q\u{1b}\\\u{1b}_G7777\u{1b}\\\u{1b}^7777\u{1b}\\\u{1b}X7777\u{1b}\\".into(),
        "\u{7}\u{8}\u{8}\u{8}\u{b}\u{c}\u{e}\u{f}\u{7f}\u{0}\u{5}".into(),
        "\u{1b}c\u{1b}[2J\u{1b}[7777;7777H\u{1b}[6n\u{1b}[?7777h\u{1b}[>7777u\u{1b}7\u{1b}8".into(),
        "invoice\u{202e}fdp.exe\u{202c}\u{2066}x\u{2069}\u{200f}\u{61c}".into(),
        "ze\u{200b}ro\u{200d}wi\u{2060}dth\u{feff}\u{ad}\u{34f}\u{180e}".into(),
        format!("Z{}a", "\u{301}\u{30a}\u{327}".repeat(120)),
        "=HYPERLINK(\"http://evil.example/7777\",\"open\")".into(),
        "line one\r\nline two\n\n\tthree\u{2028}four\u{2029}five\u{85}six".into(),
        "\u{e0041}\u{e0042}\u{e007f}\u{e000}\u{fff9}\u{fffb}\u{3164}\u{115f}".into(),
        "🏳\u{fe0f}\u{200d}🌈 \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} ａｂｃ 東京 العربية"
            .into(),
    ]
}

/// Fields that carry the protocol itself.
fn carries(key: &str, text: &str) -> bool {
    let named = matches!(
        key,
        "id" | "incidentId"
            | "alertId"
            | "redirectIncidentId"
            | "machineId"
            | "mdeDeviceId"
            | "tenantId"
            | "access_token"
            | "token_type"
            | "@odata.nextLink"
            | "computerDnsName"
            | "cancellationRequestor"
    );
    named
        || key.ends_with("Time")
        || key.ends_with("TimeUtc")
        || text.parse::<jiff::Timestamp>().is_ok()
}

/// Members the console decides by. Laced in one object of a few, so that unknown ones are met as well.
fn decides(key: &str) -> bool {
    matches!(
        key,
        "status"
            | "severity"
            | "classification"
            | "determination"
            | "type"
            | "onboardingStatus"
            | "osPlatform"
            | "@odata.type"
            | "serviceSource"
            | "isolationType"
            | "scope"
            | "Type"
            | "Name"
    )
}

struct Door {
    service: String,
    own: String,
    http: reqwest::Client,
    laced: AtomicUsize,
    poisons: Vec<String>,
    /// Every answer is a refusal in hostile words.
    refuse: AtomicBool,
    /// Next links lead somewhere else.
    lure: AtomicBool,
}

impl Door {
    fn poison(&self) -> String {
        let at = self.laced.fetch_add(1, Ordering::Relaxed);
        if at % 499 == 498 {
            return self.poisons[at % self.poisons.len()].repeat(100_000 / 20);
        }
        self.poisons[at % self.poisons.len()].clone()
    }

    fn lace(&self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) if carries(key, text) => {}
            Value::String(text) if decides(key) => {
                let nth = self.laced.fetch_add(1, Ordering::Relaxed);
                if nth % 11 == 10 {
                    text.push_str("\u{1b}[7777m\u{202e}");
                }
            }
            Value::String(text) => {
                let poison = self.poison();
                // A formula is one only at the beginning.
                *text = if poison.starts_with('=') {
                    format!("{poison}{text}")
                } else {
                    format!("{text}{poison}")
                };
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.lace(key, item)),
            Value::Object(fields) => {
                for (key, value) in fields.iter_mut() {
                    self.lace(key, value);
                }
                // And a field nobody has heard of.
                if fields.contains_key("id") {
                    fields.insert(format!("new{}", self.poisons[0]), self.poison().into());
                }
            }
            _ => {}
        }
    }

    /// A hunting result: its columns and its cells.
    fn lace_result(&self, body: &mut Value) {
        let mut names = Vec::new();
        for (at, column) in body["schema"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .enumerate()
        {
            if let Some(name) = column["name"].as_str() {
                let laced = format!("{name}{}", self.poisons[at % self.poisons.len()]);
                names.push((name.to_owned(), laced.clone()));
                column["name"] = laced.into();
            }
        }
        for row in body["results"].as_array_mut().into_iter().flatten() {
            if let Value::Object(cells) = row {
                for (old, new) in &names {
                    if let Some(mut cell) = cells.remove(old) {
                        self.lace("cell", &mut cell);
                        cells.insert(new.clone(), cell);
                    }
                }
            }
        }
    }
}

async fn pass(State(door): State<Arc<Door>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 22).await.expect("a body");
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut onward = door
        .http
        .request(parts.method, format!("{}{path}", door.service))
        .body(body.to_vec());
    for (name, value) in &parts.headers {
        if !matches!(name.as_str(), "host" | "content-length" | "accept-encoding") {
            onward = onward.header(name, value);
        }
    }
    let answer = onward.send().await.expect("the service answers");
    let mut status = answer.status().as_u16();
    let kept: Vec<_> = ["content-type", "retry-after", "date"]
        .iter()
        .filter_map(|name| Some((*name, answer.headers().get(*name)?.clone())))
        .collect();
    let text = answer.text().await.unwrap_or_default();
    let text = text.replace(&door.service, &door.own);
    let is_token = path.contains("/oauth2/");
    let out = match serde_json::from_str::<Value>(&text) {
        Ok(mut body) => {
            if door.refuse.load(Ordering::Relaxed) {
                let words: String = door.poisons.concat();
                status = if is_token { 401 } else { 400 };
                body = if is_token {
                    serde_json::json!({"error": format!("invalid_client{words}"), "error_codes": [7_000_215],
                        "error_description": format!("AADSTS7000215: Invalid client secret.{words}\r\nTrace ID: {words}")})
                } else {
                    serde_json::json!({"error": {"code": format!("Bad{words}"), "message": words,
                        "innerError": {"request-id": words}}})
                };
            } else if body.get("schema").is_some() {
                door.lace_result(&mut body);
            } else if !is_token {
                door.lace("", &mut body);
            }
            if door.lure.load(Ordering::Relaxed) && body.get("value").is_some() {
                body["@odata.nextLink"] =
                    "https://evil\u{1b}[7777m.example\u{202e}/next\u{1b}]52;c;eA==\u{7}".into();
            }
            body.to_string()
        }
        Err(_) => text,
    };
    let mut response = Response::new(Body::from(out));
    *response.status_mut() = axum::http::StatusCode::from_u16(status).expect("a status");
    for (name, value) in kept {
        response.headers_mut().insert(name, value);
    }
    // Bytes of 0x80 and above are let through by HTTP.
    let hostile =
        HeaderValue::from_bytes(b"7777\x9b7777m\xc2\x9b7777m\xe2\x80\xae\t").expect("a value");
    for name in [
        "request-id",
        "x-ms-ags-diagnostic",
        "warning",
        "client-request-id",
    ] {
        response.headers_mut().insert(name, hostile.clone());
    }
    response
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    _sim: SimHandle,
    door: Arc<Door>,
    home: Home,
}

impl Bench {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (sim, door) = runtime.block_on(async {
            let sim = Sim::start(SimConfig {
                incidents: 40,
                alerts: 120,
                machines: 15,
                ..SimConfig::default()
            })
            .await
            .expect("the simulated tenant starts");
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            let own = format!("http://{}", listener.local_addr().expect("an address"));
            let door = Arc::new(Door {
                service: sim.base_url().to_owned(),
                own,
                http: reqwest::Client::builder()
                    .no_proxy()
                    .build()
                    .expect("a client"),
                laced: AtomicUsize::new(0),
                poisons: poisons(),
                refuse: AtomicBool::new(false),
                lure: AtomicBool::new(false),
            });
            let app = axum::Router::new().fallback(pass).with_state(door.clone());
            tokio::spawn(async move { axum::serve(listener, app).await });
            (sim, door)
        });
        let settings = sim.profile_toml("sim").replace(sim.base_url(), &door.own);
        let home = Home::new().with_settings(&format!(
            "{settings}analyst = \"you@contoso.com\"\n\n[feed]\nincidents_every = \"5s\"\nalerts_every = \"5s\"\n"
        ));
        Self {
            runtime,
            _sim: sim,
            door,
            home,
        }
    }
}

/// A terminal's input cut into what is shown and what commands it.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    /// `ESC [` … with its last byte.
    Csi(String),
    /// `ESC ]` … without its end.
    Osc(String),
    /// `ESC` and what follows.
    Esc(String),
    Control(char),
}

fn pieces(bytes: &[u8]) -> Vec<Piece> {
    let text = std::str::from_utf8(bytes).expect("a terminal is sent UTF-8");
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => {
                    let mut body = String::new();
                    for c in chars.by_ref() {
                        body.push(c);
                        if ('\u{40}'..='\u{7e}').contains(&c) {
                            break;
                        }
                    }
                    out.push(Piece::Csi(body));
                }
                Some(']') => {
                    let mut body = String::new();
                    while let Some(c) = chars.next() {
                        match c {
                            '\u{7}' => break,
                            '\u{1b}' => {
                                chars.next_if_eq(&'\\');
                                break;
                            }
                            c => body.push(c),
                        }
                    }
                    out.push(Piece::Osc(body));
                }
                other => out.push(Piece::Esc(other.map(String::from).unwrap_or_default())),
            },
            c if c.is_control() => out.push(Piece::Control(c)),
            c => match out.last_mut() {
                Some(Piece::Text(text)) => text.push(c),
                _ => out.push(Piece::Text(c.to_string())),
            },
        }
    }
    out
}

/// The sequences the console and its terminal library send.
fn is_own(csi: &str) -> bool {
    let Some(last) = csi.chars().last() else {
        return false;
    };
    let body = &csi[..csi.len() - last.len_utf8()];
    let numbers = |text: &str, most: u32| {
        text.split([';', ':'])
            .all(|part| part.is_empty() || part.parse::<u32>().is_ok_and(|number| number <= most))
    };
    match last {
        'm' => numbers(body, 255),
        'H' | 'A' | 'B' | 'C' | 'D' | 'G' | 'd' | 'X' => numbers(body, 999),
        'J' | 'K' => numbers(body, 3),
        'h' | 'l' => {
            let modes = [
                "25", "1000", "1002", "1003", "1004", "1006", "1015", "1049", "2004", "2026", "7",
            ];
            body.strip_prefix('?')
                .is_some_and(|modes_of| modes_of.split(';').all(|mode| modes.contains(&mode)))
        }
        'u' => body
            .strip_prefix(['>', '<', '=', '?'])
            .is_some_and(|rest| numbers(rest, 31)),
        'n' => body == "6",
        'c' => matches!(body, "" | "0"),
        'q' => body.strip_suffix(' ').is_some_and(|rest| numbers(rest, 6)),
        _ => false,
    }
}

/// Marks heaped upon one character.
fn tallest_heap(text: &str) -> usize {
    let (mut tallest, mut marks) = (0, 0);
    for c in text.chars() {
        let mark = !c.is_ascii() && unicode_width::UnicodeWidthChar::width(c) == Some(0);
        marks = if mark { marks + 1 } else { 0 };
        tallest = tallest.max(marks);
    }
    tallest
}

#[track_caller]
fn assert_harmless_text(text: &str, of: &str) {
    let bad = text.chars().find(|c| !is_safe(*c) && *c != '\n');
    assert_eq!(bad, None, "{of}: {:?}", around(text, bad.unwrap_or(' ')));
    assert!(tallest_heap(text) <= 8, "{of}: heaps of marks");
}

fn around(text: &str, c: char) -> String {
    let at = text.find(c).unwrap_or(0);
    let from = text[..at]
        .char_indices()
        .rev()
        .nth(60)
        .map_or(0, |(at, _)| at);
    text[from..].chars().take(140).collect()
}

/// Everything a terminal received is the console's own; gives what was put on the clipboard.
#[track_caller]
fn assert_own(bytes: &[u8]) -> Vec<String> {
    let mut copied = Vec::new();
    for piece in pieces(bytes) {
        match piece {
            Piece::Text(text) => assert_harmless_text(&text, "the screen"),
            Piece::Csi(csi) => assert!(is_own(&csi), "not the console's: ESC [ {csi:?}"),
            Piece::Osc(osc) => {
                let Some(payload) = osc.strip_prefix("52;c;") else {
                    panic!("not the console's: ESC ] {osc:?}")
                };
                let decoded = base64::engine::general_purpose::STANDARD
                    .decode(payload)
                    .expect("what is copied is base64");
                copied.push(String::from_utf8(decoded).expect("text"));
            }
            Piece::Esc(what) => assert!(
                matches!(what.as_str(), "7" | "8"),
                "not the console's: ESC {what:?}"
            ),
            Piece::Control(c) => assert!(matches!(c, '\r' | '\n'), "control character {c:?}"),
        }
    }
    copied
}

/// Walks everything the console shows, with what opens, details, finds and copies on every screen.
const WALK: &[&str] = &[
    "j j J J K <enter>",
    "<esc>",
    "e",
    "j j j <enter> J",
    "<esc>",
    "j j w",
    "<esc>",
    "d",
    "<esc>",
    "y",
    "Y",
    "H",
    "<esc>",
    "1 <esc> <esc>",
    "1",
    "/ a <enter>",
    "\\",
    "S",
    "S",
    "R",
    "z o",
    "space",
    "c",
    "<esc>",
    "s",
    "<esc>",
    "m h i <esc>",
    "y",
    "Y",
    "?",
    "<pgdn>",
    "<pgdn>",
    "<esc>",
    ": i n c <esc>",
    "2",
    "j j J J",
    "<enter>",
    "j j j j <enter>",
    "J",
    "<pgdn>",
    "y",
    "<esc>",
    "<c-d> <c-d>",
    "<esc>",
    "z o",
    "S",
    "y",
    "Y",
    "4",
    "j j z o",
    "y",
    "Y",
    "5",
    "j <enter>",
    "y",
    "<esc>",
    "E",
    "6",
    "j j <enter>",
    "y",
    "<esc>",
    "r",
    "?",
    "<esc>",
];

#[test]
fn nothing_a_tenant_says_commands_the_terminal() {
    let bench = Bench::new();
    let variables = bench.home.variables();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let terminal = Terminal::start(&Start {
        program: PROGRAM,
        args: &[],
        env: &variables,
        size: (180, 50),
    });
    terminal.wait_for("live");
    terminal.wait_for("⟪U+001B⟫");
    for keys in WALK {
        terminal.keys(keys);
        terminal.wait_silent(Duration::from_millis(120));
    }
    // A hunt, its result, a row of it, its files.
    terminal.keys("3");
    terminal.wait_silent(Duration::from_millis(200));
    // In a tab of its own.
    terminal.send(b"\x1b[20~");
    terminal.wait_silent(Duration::from_millis(200));
    terminal.type_text("DeviceInfo | take 20");
    terminal.keys("<f5>");
    terminal.wait_for(" rows · ");
    for keys in [
        "<esc>",
        "l l s j <enter>",
        "<pgdn>",
        "y",
        "<esc>",
        "C",
        "E c",
        "E j",
        "E l",
        "y",
        "Y",
    ] {
        terminal.keys(keys);
        terminal.wait_silent(Duration::from_millis(150));
    }
    // Then everything is refused, in words of the same kind; and again what is left to look at.
    bench.door.refuse.store(true, Ordering::Relaxed);
    terminal.keys("<f5>");
    terminal.wait_silent(Duration::from_millis(400));
    for keys in [
        "1 <esc> <esc> r",
        "a",
        "j x q",
        "<esc>",
        "6",
        "<enter>",
        "<pgdn>",
        "<esc>",
        "j <enter>",
        "<esc>",
        "g <enter> y <esc>",
    ] {
        terminal.keys(keys);
        terminal.wait_silent(Duration::from_millis(200));
    }
    // Small, so that everything is cut somewhere.
    for (columns, rows) in [(80, 24), (40, 12), (200, 60)] {
        terminal.resize(columns, rows);
        for screen in ["1", "2", "3 <esc>", "4", "5", "6"] {
            terminal.keys(screen);
            terminal.wait_silent(Duration::from_millis(100));
        }
    }
    for keys in ["1", "<esc> <esc>", "q"] {
        terminal.keys(keys);
        terminal.wait_silent(Duration::from_millis(200));
    }
    terminal.wait_exit();
    terminal.assert_restored();
    let received = terminal.since(0);
    let copied = assert_own(&received);
    assert!(copied.len() >= 3, "something was copied: {copied:?}");
    for text in &copied {
        for line in text.lines() {
            let bad = line.chars().find(|c| !is_safe(*c) && *c != '\t');
            assert_eq!(
                bad,
                None,
                "on the clipboard: {}",
                around(line, bad.unwrap_or(' '))
            );
        }
    }
    // What the console wrote to files.
    let mut files = Vec::new();
    for folder in ["state", "data", "config"] {
        collect(&bench.home.path(folder), &mut files);
    }
    let mut ends = std::collections::BTreeSet::new();
    for path in files {
        let end = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if end.contains("sqlite") || path.to_string_lossy().contains("sqlite") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let of = path.display().to_string();
        for line in text.lines() {
            if end.starts_with("json") {
                // A heap of marks is data there.
                let bad = line.chars().find(|c| !is_safe(*c));
                assert_eq!(bad, None, "{of}: {}", around(line, bad.unwrap_or(' ')));
            } else {
                assert_harmless_text(line, &of);
            }
        }
        if end == "csv" {
            assert_no_formulas(&text, &of);
        }
        ends.insert(end);
    }
    for end in ["csv", "json", "jsonl", "log"] {
        assert!(ends.contains(end), "no .{end} was written: {ends:?}");
    }
}

fn collect(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.push(path);
        }
    }
}

#[track_caller]
fn assert_no_formulas(text: &str, of: &str) {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    for record in reader.records() {
        for cell in &record.expect("CSV") {
            let formula =
                cell.trim_start().starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
            assert!(!formula, "{of}: {cell:?}");
        }
    }
}

/// Runs a command; what it writes is harmless, whatever it says.
#[track_caller]
fn run(bench: &Bench, args: &[&str]) -> (i32, String) {
    let output = bench.home.command(args).output().expect("it runs");
    let of = args.join(" ");
    let out = String::from_utf8(output.stdout).unwrap_or_else(|_| panic!("{of}: UTF-8"));
    let err = String::from_utf8(output.stderr).unwrap_or_else(|_| panic!("{of}: UTF-8"));
    for line in out.lines().chain(err.lines()) {
        if args.contains(&"json") || args.contains(&"jsonl") {
            // A heap of marks is data there, and a tool's to show.
            let bad = line.chars().find(|c| !is_safe(*c));
            assert_eq!(bad, None, "{of}: {}", around(line, bad.unwrap_or(' ')));
        } else {
            assert_harmless_text(line, &of);
        }
    }
    if args.contains(&"csv") {
        assert_no_formulas(&out, &of);
    }
    (output.status.code().unwrap_or(-1), out)
}

#[test]
fn nothing_a_tenant_says_leaves_a_command_raw() {
    let bench = Bench::new();
    let ids = |args: &[&str]| -> Vec<String> {
        let (code, out) = run(&bench, args);
        assert_eq!(code, 0, "{args:?}");
        out.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|row| Some(row["id"].as_str()?.to_owned()))
            .collect()
    };
    let incidents = ids(&["incidents", "list", "--top", "5", "-o", "jsonl"]);
    let alerts = ids(&["alerts", "list", "--top", "5", "-o", "jsonl"]);
    let machines = ids(&["machines", "list", "--top", "5", "-o", "jsonl"]);
    let actions = ids(&["actions", "list", "--top", "5", "-o", "jsonl"]);
    let (incident, alert) = (incidents[0].as_str(), alerts[0].as_str());
    let (machine, action) = (machines[0].as_str(), actions[0].as_str());
    for form in ["table", "json", "jsonl", "csv"] {
        let commands: &[&[&str]] = &[
            &["incidents", "list"],
            &["incidents", "show", incident],
            &["alerts", "list"],
            &["alerts", "list", "--incident", incident],
            &["alerts", "show", alert],
            &["machines", "list"],
            &["machines", "show", machine],
            &["actions", "list"],
            &["actions", "show", action],
            &["hunt", "DeviceInfo | take 5"],
            &["incidents", "update", incident, "--assign", "me"],
            &["alerts", "comment", alert, "seen"],
            &["actions", "run", "scan-quick", machine, "-m", "why"],
        ];
        for command in commands {
            let args = [*command, &["-o", form]].concat();
            let (_, out) = run(&bench, &args);
            if matches!(command[1], "list" | "show") {
                assert!(!out.is_empty(), "{args:?} shows something");
                let escaped = if matches!(form, "json" | "jsonl") {
                    "\\u001b"
                } else {
                    "⟪U+"
                };
                assert!(out.contains(escaped), "{args:?} shows that it was there");
            }
            if form == "json" && !out.is_empty() {
                serde_json::from_str::<Value>(&out).unwrap_or_else(|why| panic!("{args:?}: {why}"));
            }
        }
    }
    // Pages that lead elsewhere, then refusals of everything, the sign-in included.
    bench.door.lure.store(true, Ordering::Relaxed);
    for what in ["incidents", "alerts", "machines", "actions"] {
        let (code, _) = run(&bench, &[what, "list", "--top", "5000"]);
        assert_ne!(code, 0, "a list that leads elsewhere is not whole");
    }
    bench.door.lure.store(false, Ordering::Relaxed);
    bench.door.refuse.store(true, Ordering::Relaxed);
    for command in [
        &["incidents", "list"][..],
        &["alerts", "show", alert],
        &["hunt", "DeviceInfo"],
        &["incidents", "update", incident, "--assign", "nobody"],
        &["actions", "cancel", action, "-m", "x"],
    ] {
        let (code, out) = run(&bench, command);
        assert!(code != 0 && out.is_empty(), "{command:?}");
    }
    let _ = &bench.runtime;
    assert!(bench.door.laced.load(Ordering::Relaxed) > 1000);
    assert!(
        poisons()
            .iter()
            .filter(|poison| poison.contains(MARK))
            .count()
            > 5
    );
}

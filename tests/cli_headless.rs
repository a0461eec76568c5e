//! Reads and writes without the screen, against a simulated tenant over a real socket.

mod support;

use std::time::Duration;

use nightjar::sim::{Sim, SimConfig, SimHandle};
use serde_json::Value;
use support::{Home, Ran};

/// A quiet tenant and a profile that reaches it.
struct Bench {
    runtime: tokio::runtime::Runtime,
    sim: SimHandle,
    home: Home,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sim = runtime
            .block_on(Sim::start(SimConfig {
                incidents: 70,
                alerts: 210,
                machines: 30,
                story: false,
                trickle: false,
                ..SimConfig::default()
            }))
            .expect("the simulated tenant starts");
        let home = Home::new().with_settings(&format!(
            "{}analyst = \"you@contoso.com\"\n",
            sim.profile_toml("sim")
        ));
        Self { runtime, sim, home }
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.home.run(args)
    }

    /// Runs, expects success, and reads the JSON lines.
    #[track_caller]
    fn rows(&self, args: &[&str]) -> Vec<Value> {
        let ran = self.run(&[args, &["--output", "jsonl"]].concat()).expect(0);
        ran.out
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
            .collect()
    }

    #[track_caller]
    fn one(&self, args: &[&str]) -> Value {
        self.rows(args).pop().expect("a row")
    }
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

#[test]
fn lists_come_in_every_form_with_the_services_own_fields() {
    let bench = Bench::new();
    let rows = bench.rows(&["incidents", "list", "--top", "60"]);
    assert_eq!(rows.len(), 60, "more than one page");
    for field in [
        "id",
        "displayName",
        "severity",
        "status",
        "lastUpdateDateTime",
    ] {
        assert!(!text(&rows[0], field).is_empty(), "{field}");
    }
    let updated: Vec<&str> = rows
        .iter()
        .map(|row| text(row, "lastUpdateDateTime"))
        .collect();
    assert!(updated.is_sorted_by(|a, b| a >= b), "newest change first");

    let json = bench
        .run(&["incidents", "list", "--top", "3", "--output", "json"])
        .expect(0);
    let list: Value = serde_json::from_str(&json.out).expect("one document");
    assert_eq!(list.as_array().map(Vec::len), Some(3));

    let table = bench.run(&["incidents", "list", "--top", "3"]).expect(0);
    assert!(table.out.starts_with("ID "), "{}", table.out);
    assert_eq!(table.out.lines().count(), 4);

    let csv = bench
        .run(&["alerts", "list", "--top", "5", "-o", "csv"])
        .expect(0);
    let mut reader = csv::Reader::from_reader(csv.out.as_bytes());
    assert!(
        reader
            .headers()
            .expect("heads")
            .iter()
            .any(|head| head == "serviceSource")
    );
    assert_eq!(reader.records().count(), 5);
}

#[test]
fn lists_are_narrowed_and_words_are_checked() {
    let bench = Bench::new();
    let high = bench.rows(&["incidents", "list", "--severity", "HIGH", "--top", "100"]);
    assert!(!high.is_empty() && high.iter().all(|row| row["severity"] == "high"));
    let open = bench.rows(&["incidents", "list", "--status", "active", "--unassigned"]);
    assert!(
        open.iter()
            .all(|row| row["status"] == "active" && row["assignedTo"].is_null())
    );
    let worst = bench.rows(&[
        "incidents",
        "list",
        "--where",
        "SeverityRank >= 3 and Severity != 'Medium'",
        "--top",
        "100",
    ]);
    assert_eq!(worst, high);
    let alerts = bench.rows(&[
        "alerts",
        "list",
        "--where",
        "Severity == 'Low'",
        "--top",
        "7",
    ]);
    assert!(alerts.len() == 7 && alerts.iter().all(|row| text(row, "severity") == "low"));
    for (condition, said) in [
        ("Severity == 'High' | take 1", "without |"),
        ("Severty == 'High'", "character 1: "),
        ("AlertCount > 3", "AlertCount"),
    ] {
        let refused = bench
            .run(&["incidents", "list", "--where", condition])
            .expect(2);
        assert!(refused.err.contains(said), "{}", refused.err);
        assert!(refused.err.contains("a condition over IncidentId, "));
    }
    let recent = bench.rows(&["incidents", "list", "--since", "1s"]);
    assert_eq!(recent, Vec::<Value>::new());
    let wrong = bench
        .run(&["incidents", "list", "--severity", "hihg"])
        .expect(2);
    assert!(wrong.err.contains("Did you mean high?"), "{}", wrong.err);
    let wrong = bench
        .run(&["incidents", "list", "--since", "yesterday"])
        .expect(2);
    assert!(wrong.err.contains("7d"), "{}", wrong.err);
}

#[test]
fn one_of_each_is_shown_whole() {
    let bench = Bench::new();
    let alert = bench.one(&["alerts", "list", "--top", "1"]);
    let incident = bench.one(&["incidents", "show", text(&alert, "incidentId")]);
    let alerts = incident["alerts"].as_array().expect("with its alerts");
    assert!(alerts.iter().any(|one| one["id"] == alert["id"]));
    let of_it = bench.rows(&["alerts", "list", "--incident", text(&alert, "incidentId")]);
    assert_eq!(of_it.len(), alerts.len());
    let shown = bench.run(&["alerts", "show", text(&alert, "id")]).expect(0);
    assert!(shown.out.contains("evidence"), "{}", shown.out);
    let machine = bench.one(&["machines", "list", "--top", "1"]);
    let again = bench.one(&["machines", "show", text(&machine, "id")]);
    assert_eq!(machine["computerDnsName"], again["computerDnsName"]);
    let missing = bench.run(&["incidents", "show", "999999999"]).expect(1);
    assert!(
        missing.out.is_empty() && missing.err.contains("404"),
        "{}",
        missing.err
    );
}

#[test]
fn an_update_is_seen_by_the_service_and_written_in_the_journal_first() {
    let bench = Bench::new();
    let id = text(&bench.one(&["incidents", "list", "--top", "1"]), "id").to_owned();
    let after = bench.one(&[
        "incidents",
        "update",
        &id,
        "--assign",
        "me",
        "--status",
        "inProgress",
        "--classification",
        "truePositive",
        "--determination",
        "phishing",
    ]);
    assert_eq!(after["assignedTo"], "you@contoso.com");
    assert_eq!(after["determination"], "phishing");
    bench
        .run(&["incidents", "comment", &id, "taking \u{1b}[31mthis"])
        .expect(0);
    let shown = bench.one(&["incidents", "show", &id]);
    assert_eq!(shown["status"], "inProgress");
    assert!(shown["comments"].to_string().contains("taking"));
    let freed = bench.one(&["incidents", "update", &id, "--assign", "nobody"]);
    assert!(freed["assignedTo"].as_str().unwrap_or_default().is_empty());

    let alert = text(&bench.one(&["alerts", "list", "--top", "1"]), "id").to_owned();
    let after = bench.one(&["alerts", "update", &alert, "--status", "resolved"]);
    assert_eq!(after["status"], "resolved");
    let illegal = [
        "--classification",
        "falsePositive",
        "--determination",
        "phishing",
    ];
    let refused = bench
        .run(&[&["alerts", "update", &alert][..], &illegal].concat())
        .expect(2);
    assert!(refused.err.contains("notMalicious"), "{}", refused.err);
}

#[test]
fn read_only_sends_nothing() {
    let bench = Bench::new();
    let id = text(&bench.one(&["incidents", "list", "--top", "1"]), "id").to_owned();
    let before = bench.one(&["incidents", "show", &id]);
    let refused = bench.run(&["--read-only", "incidents", "update", &id, "--assign", "me"]);
    let refused = refused.expect(2);
    assert!(refused.err.contains("read-only"), "{}", refused.err);
    let after = bench.one(&["incidents", "show", &id]);
    assert_eq!(before["lastUpdateDateTime"], after["lastUpdateDateTime"]);
}

#[test]
fn an_isolation_wants_the_devices_name_and_is_followed_to_its_end() {
    let bench = Bench::new();
    let machine = bench.one(&["machines", "list", "--top", "1"]);
    let (id, name) = (text(&machine, "id"), text(&machine, "computerDnsName"));
    let short = name.split('.').next().expect("a name");
    let before = isolations(&bench, id);
    let isolate = ["actions", "run", "isolate", id, "--comment", "containment"];
    let refused = bench.run(&isolate).expect(2);
    assert!(
        refused.err.contains(&format!("--confirm {short}")),
        "{}",
        refused.err
    );
    bench
        .run(&[&isolate[..], &["--confirm", "other"]].concat())
        .expect(2);
    assert_eq!(isolations(&bench, id), before, "nothing was sent yet");

    let confirmed = [&isolate[..], &["--confirm", short]].concat();
    let action = bench.one(&confirmed);
    assert_eq!(action["type"], "Isolate");
    assert_eq!(isolations(&bench, id), before + 1);
    bench.sim.advance(Duration::from_secs(3600));
    let ended = bench.one(&["actions", "show", text(&action, "id")]);
    assert_eq!(ended["status"], "Succeeded");

    let scan = bench.one(&["actions", "run", "scan-full", id, "-m", "after the fact"]);
    let cancelled = bench.one(&["actions", "cancel", text(&scan, "id"), "-m", "wrong device"]);
    assert_eq!(cancelled["status"], "Cancelled");
}

fn isolations(bench: &Bench, machine: &str) -> usize {
    let actions = bench.rows(&["actions", "list", "--machine", machine]);
    actions
        .iter()
        .filter(|row| row["type"] == "Isolate")
        .count()
}

#[test]
fn a_missing_permission_is_named_before_anything_is_sent() {
    let bench = Bench::new();
    bench
        .sim
        .withhold_roles(&["SecurityIncident.ReadWrite.All"]);
    let id = text(&bench.one(&["incidents", "list", "--top", "1"]), "id").to_owned();
    let refused = bench
        .run(&["incidents", "update", &id, "--assign", "me"])
        .expect(1);
    assert!(
        refused.err.contains("SecurityIncident.ReadWrite.All"),
        "{}",
        refused.err
    );
}

#[test]
fn a_wrong_secret_is_status_3_with_what_to_do() {
    let bench = Bench::new();
    let settings = bench
        .sim
        .profile_toml("sim")
        .replace(bench.sim.client_secret(), "wrong");
    let refused = Home::new()
        .with_settings(&settings)
        .run(&["incidents", "list"])
        .expect(3);
    assert!(refused.err.contains("AADSTS7000215"), "{}", refused.err);
}

#[test]
fn a_service_that_is_not_there_is_status_1_and_said_so() {
    let bench = Bench::new();
    let Bench { runtime, sim, home } = bench;
    runtime.block_on(sim.stop());
    let refused = home.run(&["incidents", "list"]).expect(1);
    assert!(refused.out.is_empty() && !refused.err.is_empty());
}

#[test]
fn a_hunt_gives_its_rows_from_argument_file_and_standard_input() {
    let bench = Bench::new();
    let query = "DeviceInfo | summarize count() by OSPlatform | order by count_ desc";
    let rows = bench.rows(&["hunt", query]);
    assert!(
        rows[0]["count_"].as_i64().is_some_and(|count| count > 0),
        "{rows:?}"
    );
    let file = bench.home.path("query.kql");
    std::fs::write(&file, query).expect("written");
    assert_eq!(
        bench.rows(&["hunt", "-f", &file.display().to_string()]),
        rows
    );
    let piped = bench
        .home
        .run_with_input(&["hunt", "-", "-o", "csv"], query)
        .expect(0);
    assert!(
        piped.out.starts_with("OSPlatform,count_\n"),
        "{}",
        piped.out
    );
    let table = bench.run(&["hunt", query]).expect(0);
    assert!(table.out.starts_with("OSPlatform"), "{}", table.out);
    assert!(
        table.err.contains("rows in"),
        "words are for standard error"
    );
    let drawn = format!("{query} | render piechart with (title=\"<systems>\")");
    let chart = bench.run(&["hunt", "--chart", &drawn]).expect(0);
    let read = roxmltree::Document::parse(&chart.out).expect("is XML");
    assert!(read.descendants().any(|it| it.text() == Some("<systems>")));
    let not_drawn = bench.run(&[
        "hunt",
        "--chart",
        "DeviceInfo | project DeviceId | render timechart",
    ]);
    assert!(not_drawn.expect(1).err.contains("needs a datetime column"));
    let wrong = bench.run(&["hunt", "DeviceInfo | wehre 1"]).expect(1);
    assert!(wrong.out.is_empty() && !wrong.err.is_empty());
}

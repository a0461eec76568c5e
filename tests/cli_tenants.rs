//! Several tenants in one command, without the screen, against simulated tenants behind one port.

mod support;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};

use nightjar::sim::{Sim, SimConfig, SimHandle};
use serde_json::Value;
use support::{Home, Ran};

/// Five customers, of whom one never consented; and two profiles with a wrong secret.
struct Bench {
    _runtime: tokio::runtime::Runtime,
    sim: SimHandle,
    home: Home,
}

const QUERY: &str = "DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId | project DeviceName, OSPlatform | take 3";

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sim = runtime
            .block_on(Sim::start(SimConfig {
                tenants: 5,
                incidents: 20,
                alerts: 40,
                machines: 8,
                story: false,
                trickle: false,
                ..SimConfig::default()
            }))
            .expect("the simulated tenants start");
        sim.clear_faults();
        let mut settings = String::from("default_profile = [\"sim\", \"sim-fabrikam\"]\n");
        for tenant in sim.tenants() {
            settings.push_str(&tenant.profile);
        }
        let own = sim.profile_toml("sim");
        for name in ["wrong-a", "wrong-b"] {
            let wrong = own.replace(sim.client_secret(), "not-the-secret");
            settings.push_str(&wrong.replace("[profiles.sim]", &format!("[profiles.{name}]")));
        }
        let home = Home::new().with_settings(&settings);
        Self {
            _runtime: runtime,
            sim,
            home,
        }
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.home.run(args)
    }
}

fn lines(ran: &Ran) -> Vec<Value> {
    let lines = ran.out.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
        .collect()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

fn whose(rows: &[Value], field: &str) -> BTreeSet<String> {
    rows.iter().map(|row| text(row, field).to_owned()).collect()
}

#[test]
fn rows_of_several_tenants_say_whose_they_are_and_who_is_missing_is_said() {
    let bench = Bench::new();
    let ids: Vec<String> = bench.sim.tenants().into_iter().map(|it| it.id).collect();
    let list = ["incidents", "list", "--top", "30", "-o", "jsonl"];
    let all = bench
        .run(&[&list[..], &["--all-profiles"]].concat())
        .expect(1);
    let rows = lines(&all);
    assert_eq!(rows.len(), 30, "at most so many together");
    let updated: Vec<&str> = rows
        .iter()
        .map(|row| text(row, "lastUpdateDateTime"))
        .collect();
    assert!(updated.is_sorted_by(|a, b| a >= b), "newest change first");
    assert!(
        whose(&rows, "tenant").len() > 2,
        "{:?}",
        whose(&rows, "tenant")
    );
    assert!(
        rows.iter()
            .all(|row| ids.contains(&text(row, "tenantId").to_owned()))
    );
    assert!(all.err.contains("sim-woodgrovebank: "), "{}", all.err);
    assert!(all.err.contains("wrong-a, wrong-b: "), "{}", all.err);
    assert!(
        all.err.contains("3 of 7 tenants did not answer"),
        "{}",
        all.err
    );

    // The default is a list; machines carry no tenant of the service's own.
    let machines = bench.run(&["machines", "list", "-o", "jsonl"]).expect(0);
    let rows = lines(&machines);
    assert_eq!(
        whose(&rows, "tenantId"),
        BTreeSet::from([ids[0].clone(), ids[1].clone()])
    );
    let csv = bench.run(&[
        "alerts",
        "list",
        "-o",
        "csv",
        "--profile",
        "sim,sim-tailspintoys",
    ]);
    let csv = csv.expect(0).out;
    assert!(csv.starts_with("tenant,tenantId,id,"), "{csv}");
    let table = bench.run(&[
        "actions",
        "list",
        "--profile",
        "sim",
        "--profile",
        "sim-fabrikam",
    ]);
    assert!(table.expect(0).out.starts_with("TENANT"));
    // One tenant is as ever.
    let one = bench
        .run(&["machines", "list", "-o", "jsonl", "--profile", "sim"])
        .expect(0);
    assert!(lines(&one).iter().all(|row| row["tenant"].is_null()));
}

#[test]
fn where_nobody_answers_the_status_says_whether_a_sign_in_would_help() {
    let bench = Bench::new();
    let nobody = bench
        .run(&["incidents", "list", "--profile", "wrong-a,wrong-b"])
        .expect(3);
    assert!(nobody.out.is_empty(), "{}", nobody.out);
    let slip = bench
        .run(&["incidents", "list", "--profile", "sim,sim-fabricam"])
        .expect(2);
    assert!(
        slip.err.contains("did you mean \"sim-fabrikam\"?"),
        "{}",
        slip.err
    );
    bench
        .run(&["incidents", "list", "--profile", "sim", "--all-profiles"])
        .expect(2);
    let once = bench
        .run(&["incidents", "list", "--severity", "hihg"])
        .expect(2);
    assert_eq!(
        once.err.matches("Did you mean high?").count(),
        1,
        "{}",
        once.err
    );
}

#[test]
fn a_write_has_one_place_to_go_and_names_it() {
    let bench = Bench::new();
    let listed = bench
        .run(&["incidents", "list", "-o", "jsonl", "--profile", "sim"])
        .expect(0);
    let id = text(&lines(&listed)[0], "id").to_owned();
    let write = ["incidents", "update", &id, "--assign", "dana@contoso.com"];
    let two = bench.run(&write).expect(2);
    assert!(two.err.contains("sim, sim-fabrikam"), "{}", two.err);
    assert!(two.err.contains("--profile"), "{}", two.err);
    let done = bench
        .run(&[&write[..], &["--profile", "sim"]].concat())
        .expect(0);
    let tenant = format!("in sim ({})", bench.sim.tenant_id());
    assert!(done.err.contains(&tenant), "{}", done.err);
    // What is looked at alone has one place too.
    bench.run(&["incidents", "show", &id]).expect(2);
}

#[test]
fn the_environment_names_profiles_and_the_options_outdo_it() {
    let bench = Bench::new();
    let named = |variable: &str, args: &[&str]| {
        let all = [&["machines", "list", "-o", "jsonl"], args].concat();
        let mut command = bench.home.command(&all);
        let ran = command.env("NIGHTJAR_PROFILE", variable).output();
        Ran::from(ran.expect("the program runs"))
    };
    let two = named("sim, sim-tailspintoys", &[]).expect(0);
    assert_eq!(
        whose(&lines(&two), "tenant"),
        BTreeSet::from(["sim".to_owned(), "sim-tailspintoys".to_owned()])
    );
    let one = named("sim,sim-tailspintoys", &["--profile", "sim"]).expect(0);
    assert!(lines(&one)[0]["tenant"].is_null());
    assert!(whose(&lines(&named("sim", &["--all-profiles"])), "tenant").len() > 2);
}

#[test]
fn one_query_is_asked_of_several_tenants_at_once() {
    let bench = Bench::new();
    let fan = ["hunt", QUERY, "-o", "jsonl", "--all-profiles"];
    let ran = bench.run(&fan).expect(1);
    let rows = lines(&ran);
    // One has no licence to hunt, one no permission, one no consent, two a wrong secret.
    assert_eq!(
        whose(&rows, "TenantName"),
        BTreeSet::from(["sim", "sim-tailspintoys"].map(str::to_owned))
    );
    assert_eq!(rows.len(), 6);
    let first: Vec<&String> = rows[0].as_object().expect("a row").keys().take(3).collect();
    assert_eq!(first, ["TenantName", "TenantId", "DeviceName"]);
    for row in &rows {
        let tenants = bench.sim.tenants();
        assert!(
            tenants
                .iter()
                .any(|tenant| tenant.id == text(row, "TenantId"))
        );
    }
    assert!(
        ran.err.contains("sim-tailspintoys: 3 rows in"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("ThreatHunting.Read.All"), "{}", ran.err);
    assert!(
        ran.err.contains("5 of 7 tenants did not answer"),
        "{}",
        ran.err
    );

    let one = bench
        .run(&["hunt", QUERY, "-o", "csv", "--profile", "sim"])
        .expect(0);
    assert!(one.out.starts_with("DeviceName,"), "{}", one.out);
    let wrong = bench
        .run(&[
            "hunt",
            "DeviceInfo | wher x",
            "--profile",
            "sim,sim-tailspintoys",
        ])
        .expect(1);
    assert!(wrong.out.is_empty());
    assert!(
        wrong.err.contains("sim, sim-tailspintoys: syntax error"),
        "{}",
        wrong.err
    );
}

#[test]
fn tenants_are_listed_tested_and_removed_and_the_rest_of_the_settings_stays() {
    let bench = Bench::new();
    bench
        .run(&["machines", "list", "--profile", "sim"])
        .expect(0);
    let listed = bench.run(&["tenants", "list", "--json"]).expect(0);
    let rows: Value = serde_json::from_str(&listed.out).expect("one document");
    let rows = rows.as_array().expect("a list");
    assert_eq!(rows.len(), 7);
    let own = rows.iter().find(|row| row["name"] == "sim").expect("there");
    assert_eq!(own["tenantId"], bench.sim.tenant_id());
    assert_eq!(
        (own["signIn"].as_str(), &own["default"]),
        (Some("secret"), &Value::Bool(true))
    );
    assert!(own["cacheBytes"].as_u64() > Some(0), "{own}");
    assert!(!listed.out.contains(bench.sim.client_secret()));

    let tested = bench.run(&["tenants", "test", "-o", "jsonl", "--profile", "sim,wrong-a"]);
    let tested = tested.expect(1);
    let rows = lines(&tested);
    let of = |name: &'static str| rows.iter().filter(move |row| row["tenant"] == name);
    assert_eq!((of("sim").count(), of("wrong-a").count()), (2, 2));
    assert!(
        of("sim").all(|row| text(row, "result").starts_with("works")),
        "{rows:?}"
    );
    assert!(of("wrong-a").all(|row| row["result"] == "no token" && !text(row, "cure").is_empty()));
    bench
        .run(&["tenants", "test", "--profile", "wrong-a"])
        .expect(3);

    let file = bench.home.path("config/config.toml");
    let before = std::fs::read_to_string(&file).expect("reads");
    bench.run(&["tenants", "remove", "sim-fabrikam"]).expect(2);
    assert_eq!(
        std::fs::read_to_string(&file).expect("reads"),
        before,
        "nobody said yes"
    );
    let removed = bench
        .run(&["tenants", "remove", "sim", "--yes", "--cache"])
        .expect(0);
    assert!(removed.err.contains("journal stays in"), "{}", removed.err);
    let after = std::fs::read_to_string(&file).expect("reads");
    assert!(!after.contains("[profiles.sim]") && after.contains("[profiles.sim-fabrikam]"));
    assert!(
        after.starts_with("default_profile = [ \"sim-fabrikam\"]"),
        "{after}"
    );
    assert!(!bench.home.path("data/sim.sqlite").exists());
    assert!(bench.home.path("data/sim.journal.sqlite").exists());
    bench.run(&["config", "check"]).expect(0);
    bench.run(&["tenants", "remove", "sim", "--yes"]).expect(2);
}

#[test]
fn the_consent_page_asks_for_what_the_profile_needs() {
    let bench = Bench::new();
    let link = ["tenants", "consent-link", "organizations", "--profile"];
    let ran = bench.run(&[&link[..], &["sim"]].concat()).expect(0);
    let wanted = format!(
        "{}/organizations/adminconsent?client_id={}\n",
        bench.sim.base_url(),
        bench.sim.client_id()
    );
    assert_eq!(ran.out, wanted);
    for name in [
        "ThreatHunting.Read.All",
        "Machine.Isolate",
        "WindowsDefenderATP",
    ] {
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
    }
    // One application asks, so one profile is wanted.
    bench
        .run(&[&link[..], &["sim,sim-fabrikam"]].concat())
        .expect(2);
}

/// Reads what the program prints until a line with this in it.
fn line_with(out: &mut impl std::io::BufRead, part: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(
            out.read_line(&mut line).expect("reads") > 0,
            "no line with {part}"
        );
        if line.contains(part) {
            return line.trim().to_owned();
        }
    }
}

#[test]
fn an_answer_of_the_consent_page_is_verified_with_real_tokens_and_makes_a_profile() {
    let bench = Bench::new();
    let customer = bench.sim.tenants().remove(3);
    let args = [
        "tenants",
        "consent-link",
        "organizations",
        "--profile",
        "sim",
        "--wait",
        "--add-profile",
        "customer",
    ];
    let mut command = bench.home.command(&args);
    command.stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let mut out = std::io::BufReader::new(child.stdout.take().expect("its output"));
    let link: url::Url = line_with(&mut out, "adminconsent")
        .parse()
        .expect("an address");
    let field = |name: &str| {
        let found = link.query_pairs().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.into_owned())
            .expect("in the link")
    };
    let back = field("redirect_uri").replace("localhost", "127.0.0.1");
    let host = back.trim_start_matches("http://").to_owned();
    let answer = |state: &str| {
        let mut stream = std::net::TcpStream::connect(&host).expect("it listens");
        let ask = format!(
            "GET /?admin_consent=True&tenant={}&state={state} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
            customer.id
        );
        stream.write_all(ask.as_bytes()).expect("asked");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("answered");
        said.split(' ').nth(1).map(str::to_owned)
    };
    assert_eq!(answer("guessed").as_deref(), Some("400"));
    assert_eq!(answer(&field("state")).as_deref(), Some("200"));
    // This customer gave reading only: that is said, and the profile is written all the same.
    assert_eq!(child.wait().expect("ends").code(), Some(1));
    let file = std::fs::read_to_string(bench.home.path("config/config.toml")).expect("reads");
    let added = file.split("[profiles.customer]").nth(1).expect("a profile");
    assert!(added.contains(&customer.id), "{added}");
    bench
        .run(&["incidents", "list", "--profile", "customer"])
        .expect(0);
}

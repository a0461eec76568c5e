//! State that survives: kill, restart, export, import, and files that are not ours.

#[path = "support/sim_wire.rs"]
mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nightjar::sim::{self, Sim, SimConfig, Tale};
use reqwest::Method;
use serde_json::{Value, json};
use support::{DEFENDER, GRAPH, Wire, quiet, text};

const START: &str = "2026-08-01T00:00:00Z";

fn config(state: Option<&Path>) -> SimConfig {
    SimConfig {
        start: sim::moment(START),
        clock_rate: 0.0,
        story: true,
        trickle: true,
        incidents: 30,
        alerts: 60,
        machines: 12,
        state: state.map(Path::to_path_buf),
        ..quiet()
    }
}

/// The program, serving; its settings as it printed them.
struct Program {
    child: Child,
    base: String,
    tenant: String,
    client: String,
    secret: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(state: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nightjar"))
            .args([
                "sim",
                "--listen",
                "127.0.0.1:0",
                "--quiet",
                "--clock",
                "frozen",
                "--start",
                START,
            ])
            .args([
                "--incidents",
                "30",
                "--alerts",
                "60",
                "--machines",
                "12",
                "--scenario",
                "invoice",
                "--state",
            ])
            .arg(state)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut value = |name: &str| loop {
            let line = lines.next().expect("more output").expect("text");
            if let Some((key, value)) = line.split_once(" = ")
                && key == name
            {
                return value.trim_matches('"').to_owned();
            }
        };
        let (tenant, client) = (value("tenant_id"), value("client_id"));
        let (secret, base) = (value("client_secret"), value("graph_url"));
        Self {
            child,
            base,
            tenant,
            client,
            secret,
        }
    }

    async fn token(&self, audience: &str) -> String {
        let scope = format!("{audience}/.default");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client),
            ("client_secret", &self.secret),
            ("scope", &scope),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", self.base, self.tenant);
        let answer = support::http()
            .post(url)
            .form(&form)
            .send()
            .await
            .expect("an answer");
        let body: Value = answer.json().await.expect("JSON");
        text(&body, "access_token").to_owned()
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let token = self
            .token(if path.starts_with("/api/") {
                DEFENDER
            } else {
                GRAPH
            })
            .await;
        let request = support::http()
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(token);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (
            status,
            answer.text().await.expect("a body").replace(&self.base, ""),
        )
    }

    /// What reads say.
    async fn reads(&self) -> Vec<String> {
        let mut out = Vec::new();
        for path in [
            "/v1.0/security/incidents?$expand=alerts",
            "/v1.0/security/alerts_v2?$orderby=lastUpdateDateTime desc",
            "/api/machineactions",
            "/api/machines",
        ] {
            let (status, body) = self.call(Method::GET, path, None).await;
            assert_eq!(status, 200, "{path}: {body}");
            out.push(body);
        }
        out
    }
}

#[tokio::test]
async fn a_killed_process_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let mut program = Program::start(&state);
    let (_, list) = program
        .call(Method::GET, "/v1.0/security/incidents?$top=3", None)
        .await;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let (_, machines) = program
        .call(
            Method::GET,
            "/api/machines?$filter=healthStatus eq 'Active'",
            None,
        )
        .await;
    let machines: Value = serde_json::from_str(&machines).expect("JSON");
    let incident = |n: usize| format!("/v1.0/security/incidents/{}", text(&list["value"][n], "id"));
    let isolate = format!(
        "/api/machines/{}/isolate",
        text(&machines["value"][0], "id")
    );
    let writes = [
        (
            Method::PATCH,
            incident(0),
            json!({"status": "inProgress", "assignedTo": "dana@contoso.com"}),
        ),
        (
            Method::POST,
            isolate,
            json!({"Comment": "out", "IsolationType": "Full"}),
        ),
        (
            Method::POST,
            format!("{}/comments", incident(1)),
            json!({"comment": "π ≈ \u{1b}[31m3"}),
        ),
        (
            Method::PATCH,
            incident(1),
            json!({"status": "resolved", "classification": "falsePositive", "determination": "notMalicious"}),
        ),
    ];
    let untouched = program.reads().await;
    for (method, path, body) in writes {
        let (status, answer) = program.call(method, &path, Some(body)).await;
        assert!(status < 300, "{path}: {answer}");
        let (status, _) = program
            .call(Method::PATCH, &incident(2), Some(json!({"colour": "red"})))
            .await;
        assert_eq!(status, 400);
        let before = program.reads().await;
        assert_ne!(before, untouched);
        drop(program);
        program = Program::start(&state);
        for (a, b) in before.iter().zip(&program.reads().await) {
            assert_eq!(a, b);
        }
    }
    // The second process is refused, and says so.
    let second = Command::new(env!("CARGO_BIN_EXE_nightjar"))
        .args(["sim", "--listen", "127.0.0.1:0", "--quiet", "--state"])
        .arg(&state)
        .output()
        .expect("it runs");
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        !second.status.success() && words.contains("another simulated tenant"),
        "{words}"
    );
    let journal = std::fs::read_to_string(&state).expect("the file");
    assert_eq!(
        journal.lines().count(),
        5,
        "the head and the four that were accepted"
    );
    assert!(
        !journal.contains(&program.secret) && !journal.contains("eyJ"),
        "no secret, no token"
    );
}

#[tokio::test]
async fn a_start_that_the_file_overrules_says_so_on_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let mut said = Vec::new();
    let mut tenants = Vec::new();
    for seed in [7, 7, 9] {
        let (send, lines) = std::sync::mpsc::channel();
        let send = std::sync::Mutex::new(send);
        let wire = Wire::start(SimConfig {
            seed,
            log: Some(std::sync::Arc::new(move |line: &str| {
                let _ = send.lock().expect("nobody panicked").send(line.to_owned());
            })),
            ..config(Some(&path))
        })
        .await;
        tenants.push(wire.sim.tenant_id().to_owned());
        wire.sim.stop().await;
        said.push(
            lines
                .try_iter()
                .filter(|l| l.contains("goes on"))
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(tenants[0], tenants[2], "the file wins");
    assert_eq!((said[0].len(), said[1].len(), said[2].len()), (0, 0, 1));
    assert!(said[2][0].ends_with("with seed 7; what this start says otherwise is not used: seed"));
}

#[tokio::test]
async fn an_export_makes_another_process_the_same() {
    let one = Wire::start(config(None)).await;
    let incidents = one.get("/v1.0/security/incidents?$top=5").await;
    let path = format!(
        "/v1.0/security/incidents/{}",
        text(&incidents["value"][0], "id")
    );
    one.call(
        Method::PATCH,
        &path,
        Some(json!({"assignedTo": "dana@contoso.com"})),
    )
    .await;
    one.sim.advance(Duration::from_secs(333));
    assert_eq!(one.sim.churn(50, 4).await.len(), 50);
    one.sim.advance(Duration::from_millis(1500));
    one.sim.change("merge", 1).await.expect("a merge");
    one.call(
        Method::POST,
        &format!("{path}/comments"),
        Some(json!({"comment": "x"})),
    )
    .await;
    one.sim.advance(Duration::from_secs(600));
    let text = one.sim.export().expect("a state");

    let two = Wire::start(config(None)).await;
    assert_ne!(two.sim.snapshot().await, one.sim.snapshot().await);
    two.sim.import(&text).await.expect("the same settings");
    assert_eq!(two.sim.snapshot().await, one.sim.snapshot().await);
    assert_eq!(two.sim.now(), one.sim.now());
    assert_eq!(two.sim.export().expect("a state"), text);
    // And they stay the same.
    for wire in [&one, &two] {
        wire.sim.advance(Duration::from_secs(120));
        wire.sim.churn(10, 5).await;
    }
    let query = json!({"Query": "AlertEvidence | summarize n=count() by EntityType | order by EntityType asc"});
    let hunt = async |wire: &Wire| {
        wire.call(
            Method::POST,
            "/v1.0/security/runHuntingQuery",
            Some(query.clone()),
        )
        .await
    };
    assert_eq!(hunt(&one).await, hunt(&two).await);
    assert_eq!(two.sim.snapshot().await, one.sim.snapshot().await);

    two.sim.reset().await.expect("a new beginning");
    let fresh = Wire::start(config(None)).await;
    assert_eq!(two.sim.snapshot().await, fresh.sim.snapshot().await);
    assert_eq!(two.sim.now(), fresh.sim.now());

    let other = Wire::start(SimConfig {
        seed: 9,
        ..config(None)
    })
    .await;
    let before = other.sim.snapshot().await;
    let error = other.sim.import(&text).await.expect_err("another seed");
    assert!(error.contains("another seed"), "{error}");
    other
        .sim
        .import(b"dear diary")
        .await
        .expect_err("not a state");
    assert_eq!(other.sim.snapshot().await, before);
}

#[tokio::test]
async fn a_state_in_a_file_is_what_the_next_start_begins_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let sim = Sim::start(config(Some(&path))).await.expect("a tenant");
    sim.churn(30, 1).await;
    sim.advance(Duration::from_secs(90));
    let again = Tale::named("invoice").expect("a story");
    let error = sim.tell(&again).await.expect_err("it is being told");
    assert!(error.contains("invoice"), "{error}");
    let (before, now) = (sim.snapshot().await, sim.now());
    sim.stop().await;
    // Whatever the options say, the file knows what it was made from.
    let other = SimConfig {
        seed: 77,
        incidents: 5,
        ..config(Some(&path))
    };
    let sim = Sim::start(other).await.expect("the same tenant");
    assert_eq!((sim.snapshot().await, sim.now()), (before, now));
    sim.reset().await.expect("a new beginning");
    sim.stop().await;
    assert_eq!(
        std::fs::read_to_string(&path)
            .expect("the file")
            .lines()
            .count(),
        1
    );

    let diary = folder.path().join("diary");
    std::fs::write(&diary, "dear diary\n").expect("written");
    let error = Sim::start(config(Some(&diary)))
        .await
        .expect_err("foreign")
        .to_string();
    assert!(
        error.contains("diary") && error.contains("not the state"),
        "{error}"
    );
    assert_eq!(
        std::fs::read_to_string(&diary).expect("the file"),
        "dear diary\n"
    );
}

//! Live response on the wire: sessions, results, the library, and links that need no token.

#[path = "support/endpoint.rs"]
mod endpoint;
#[path = "support/sim_wire.rs"]
mod support;

use std::io::Read as _;
use std::time::Duration;

use endpoint::{act, machine, post, refused, rows, start, with_quirks};
use nightjar::sim::SimConfig;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use support::{Wire, text};

const ACTIVE: &str = "healthStatus eq 'Active' and osPlatform eq 'Windows11'";

fn put(name: &str) -> Value {
    json!({"type": "PutFile", "params": [{"key": "FileName", "value": name}]})
}

fn run(name: &str, args: &str) -> Value {
    json!({"type": "RunScript", "params": [{"key": "ScriptName", "value": name}, {"key": "Args", "value": args}]})
}

fn fetch(path: &str) -> Value {
    json!({"type": "GetFile", "params": [{"key": "Path", "value": path}]})
}

fn session(commands: &[Value]) -> Value {
    json!({"Commands": commands, "Comment": "case 17"})
}

/// GETs a link as anybody would.
async fn follow(wire: &Wire, link: &str) -> Response {
    wire.http.get(link).send().await.expect("an answer")
}

#[tokio::test]
async fn a_session_runs_its_commands_in_order_and_gives_results() {
    let wire = start(with_quirks(&[])).await;
    let id = machine(&wire, ACTIVE).await;
    let path = format!("/api/machines/{id}/runliveresponse");
    let wish = session(&[
        put("Remove-Persistence.ps1"),
        run("Get-NetworkState.ps1", ""),
        run("Remove-Persistence.ps1", "-Name Updater"),
        fetch("C:\\Windows\\Temp\\logs.zip"),
    ]);
    let action = post(&wire, &path, wish.clone()).await;
    assert_eq!(
        (text(&action, "type"), text(&action, "status")),
        ("LiveResponse", "Pending")
    );
    let created = action["commands"].as_array().expect("commands");
    assert_eq!(created.len(), 4);
    assert!(
        created
            .iter()
            .all(|c| c["commandStatus"] == "Created" && c["startTime"].is_null())
    );
    assert_eq!(
        created[1]["command"]["params"][0]["value"],
        "Get-NetworkState.ps1"
    );
    assert_eq!(
        refused(&wire, &path, wish, 400).await.0,
        "ActiveRequestAlreadyExists"
    );

    let one = format!("/api/machineactions/{}", text(&action, "id"));
    let link = |index: usize| format!("{one}/GetLiveResponseResultDownloadLink(index={index})");
    assert_eq!(
        wire.call(Method::GET, &link(1), None).await.0,
        404,
        "it has not run yet"
    );
    wire.sim.advance(Duration::from_secs(12));
    let running = wire.get(&one).await;
    assert_eq!(running["status"], "InProgress");
    assert_eq!(running["commands"][0]["commandStatus"], "Completed");
    assert_eq!(running["commands"][3]["commandStatus"], "Created");
    wire.sim.advance(Duration::from_secs(60));
    let done = wire.get(&one).await;
    assert_eq!(done["status"], "Succeeded", "{done}");

    let value = wire.get(&link(1)).await;
    let response = follow(&wire, text(&value, "value")).await;
    assert_eq!(response.status().as_u16(), 200);
    let script: Value = response.json().await.expect("JSON");
    let host = text(
        &wire.get(&format!("/api/machines/{id}")).await,
        "computerDnsName",
    )
    .split('.')
    .next()
    .map(str::to_owned)
    .expect("a host");
    assert!(
        script["exit_code"] == 0 && text(&script, "script_output").contains(&host),
        "{script}"
    );
    assert_eq!(script["script_name"], "Get-NetworkState.ps1");
    let value = wire.get(&link(2)).await;
    let script: Value = follow(&wire, text(&value, "value"))
        .await
        .json()
        .await
        .expect("JSON");
    assert!(script["exit_code"] == 1 && text(&script, "script_errors").contains("-Name Updater"));
    let value = wire.get(&link(3)).await;
    let bytes = follow(&wire, text(&value, "value"))
        .await
        .bytes()
        .await
        .expect("bytes");
    assert!(bytes.len() > 1000 && bytes.starts_with(b"PK"));
    for nothing in [link(0), link(9)] {
        assert_eq!(
            wire.call(Method::GET, &nothing, None).await.0,
            404,
            "{nothing}"
        );
    }
}

#[tokio::test]
async fn what_fails_stops_the_rest() {
    let wire = start(with_quirks(&[])).await;
    let id = machine(&wire, ACTIVE).await;
    let path = format!("/api/machines/{id}/runliveresponse");
    let wish = session(&[run("Endless.ps1", ""), fetch("C:\\Temp\\a.txt")]);
    let action = post(&wire, &path, wish).await;
    let one = format!("/api/machineactions/{}", text(&action, "id"));
    wire.sim.advance(Duration::from_secs(500));
    assert_eq!(wire.get(&one).await["status"], "InProgress");
    wire.sim.advance(Duration::from_secs(200));
    let done = wire.get(&one).await;
    assert_eq!(done["status"], "Failed");
    assert_eq!(done["commands"][0]["commandStatus"], "Failed");
    assert!(
        done["commands"][0]["errors"][0]
            .as_str()
            .is_some_and(|e| e.contains("10 minutes"))
    );
    assert_eq!(done["commands"][1]["commandStatus"], "Created");
    assert!(done["commands"][1]["startTime"].is_null());
    // A file that nobody has ever seen is not there.
    let action = post(&wire, &path, session(&[fetch("D:\\nowhere\\x.bin")])).await;
    wire.sim.advance(Duration::from_secs(60));
    let done = wire
        .get(&format!("/api/machineactions/{}", text(&action, "id")))
        .await;
    assert_eq!(done["commands"][0]["commandStatus"], "Failed");
}

#[tokio::test]
async fn a_session_is_checked_before_it_begins() {
    let wire = start(with_quirks(&[])).await;
    let id = machine(&wire, ACTIVE).await;
    let path = format!("/api/machines/{id}/runliveresponse");
    for (body, code) in [
        (json!({}), "MissingRequiredParameter"),
        (session(&[]), "InvalidInput"),
        (json!({"Commands": "GetFile"}), "InvalidRequestBody"),
        (
            session(&[fetch("C:\\Temp\\a"), put("triage.sh")]),
            "InvalidInput",
        ),
        (session(&[run("not-there.ps1", "")]), "InvalidInput"),
        (
            session(&[json!({"type": "Delete", "params": []})]),
            "InvalidInput",
        ),
        (
            session(&[json!({"Type": "GetFile", "params": []})]),
            "InvalidRequestBody",
        ),
        (
            session(&[json!({"type": "GetFile", "params": []})]),
            "MissingRequiredParameter",
        ),
        (
            session(&[json!({"type": "GetFile", "params": [{"key": "path", "value": "x"}]})]),
            "InvalidInput",
        ),
    ] {
        assert_eq!(
            refused(&wire, &path, body.clone(), 400).await.0,
            code,
            "{body}"
        );
    }
    let unknown = format!("/api/machines/{}/runliveresponse", "0".repeat(40));
    assert_eq!(
        refused(&wire, &unknown, session(&[fetch("C:\\Temp\\a")]), 404)
            .await
            .0,
        "ResourceNotFound"
    );
    for (quirk, code) in [
        ("live-response=off", "DisabledFeature"),
        ("remediation-level=none", "Forbidden"),
    ] {
        let wire = start(with_quirks(&[quirk])).await;
        assert_eq!(
            refused(&wire, &path, session(&[fetch("C:\\Temp\\a")]), 403)
                .await
                .0,
            code
        );
    }
}

#[tokio::test]
async fn a_device_that_is_off_is_waited_for() {
    for (quirk, hours) in [
        ("live-response-limits=newest", 2),
        ("live-response-limits=older", 72),
    ] {
        let wire = start(with_quirks(&[quirk])).await;
        let id = machine(
            &wire,
            "healthStatus eq 'Inactive' and osPlatform eq 'Windows11'",
        )
        .await;
        let path = format!("/api/machines/{id}/runliveresponse");
        let action = post(&wire, &path, session(&[fetch("C:\\Temp\\a")])).await;
        let one = format!("/api/machineactions/{}", text(&action, "id"));
        wire.sim.advance(Duration::from_secs(3600 * hours - 60));
        assert_eq!(wire.get(&one).await["status"], "Pending", "{quirk}");
        wire.sim.advance(Duration::from_secs(120));
        assert_eq!(wire.get(&one).await["status"], "TimeOut", "{quirk}");
    }
}

#[tokio::test]
async fn a_package_is_behind_a_quoted_link_that_expires() {
    let wire = start(SimConfig {
        trickle: false,
        ..SimConfig::default()
    })
    .await;
    let id = machine(&wire, ACTIVE).await;
    let action = act(&wire, &id, "collectInvestigationPackage").await;
    let uri = format!("/api/machineactions/{}/getPackageUri", text(&action, "id"));
    assert_eq!(
        wire.call(Method::GET, &uri, None).await.0,
        404,
        "not finished"
    );
    wire.sim.advance(Duration::from_secs(200));
    let value = wire.get(&uri).await;
    let quoted = text(&value, "value");
    assert!(quoted.starts_with('"') && quoted.ends_with('"'), "{quoted}");
    let link = quoted.trim_matches('"');
    assert!(link.contains("se=") && link.contains("sig="));

    let response = follow(&wire, link).await;
    assert_eq!(response.headers()["content-type"], "application/zip");
    let bytes = response.bytes().await.expect("bytes");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes.to_vec())).expect("a zip");
    let names: Vec<String> = archive
        .file_names()
        .map(|n| n.expect("a name").into_owned())
        .collect();
    assert!(
        names.iter().any(|n| n == "Autoruns/Autoruns.csv") && names.len() > 6,
        "{names:?}"
    );
    let mut system = String::new();
    let mut file = archive
        .by_name("System Information/SystemInformation.txt")
        .expect("the file");
    file.read_to_string(&mut system).expect("text");
    assert!(
        system.contains("Windows11") && !system.contains('{'),
        "{system}"
    );

    // With a token it is refused, with another signature too, and after its time.
    let with_token = wire
        .http
        .get(link)
        .bearer_auth(&wire.defender)
        .send()
        .await
        .expect("an answer");
    assert_eq!(with_token.status().as_u16(), 403);
    let other = link.replace("package/", "package/x");
    for bad in [
        other,
        link.replace("se=20", "se=21"),
        link.split('?').next().expect("a path").to_owned(),
    ] {
        let response = follow(&wire, &bad).await;
        assert_eq!(response.status().as_u16(), 403, "{bad}");
        assert_eq!(
            response.headers()["x-ms-error-code"],
            "AuthenticationFailed"
        );
        assert!(
            response
                .text()
                .await
                .expect("text")
                .contains("<Code>AuthenticationFailed</Code>")
        );
    }
    wire.sim.advance(Duration::from_secs(3600));
    let late = follow(&wire, link).await;
    assert_eq!(late.status().as_u16(), 403);
    assert!(
        late.text()
            .await
            .expect("text")
            .contains("not valid in the specified time frame")
    );
    let again = wire.get(&uri).await;
    assert_eq!(
        follow(&wire, text(&again, "value").trim_matches('"'))
            .await
            .status()
            .as_u16(),
        200
    );
}

/// A form as clients send it.
fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, file, content) in parts {
        let file = file
            .map(|f| format!("; filename=\"{f}\""))
            .unwrap_or_default();
        out.extend_from_slice(
            format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n")
                .as_bytes(),
        );
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--frontier--\r\n");
    out
}

async fn upload(wire: &Wire, body: Vec<u8>) -> (u16, Value) {
    let response = wire
        .http
        .post(format!("{}/api/libraryfiles", wire.sim.base_url()))
        .bearer_auth(&wire.defender)
        .header("content-type", "multipart/form-data; boundary=frontier")
        .body(body)
        .send()
        .await
        .expect("an answer");
    (
        response.status().as_u16(),
        response.json().await.expect("JSON"),
    )
}

#[tokio::test]
async fn the_library_takes_lists_and_drops_files() {
    let wire = start(with_quirks(&[])).await;
    let before = rows(&wire, "/api/libraryfiles").await;
    assert!(
        before
            .iter()
            .any(|f| f["fileName"] == "triage.sh" && text(f, "sha256").len() == 64)
    );
    let parts: &[(&str, Option<&str>, &[u8])] = &[
        ("file", Some("hello.ps1"), b"Write-Output 'hello'"),
        ("Description", None, b"says hello"),
        ("HasParameters", None, b"true"),
        ("ParametersDescription", None, b"none"),
        ("OverrideIfExists", None, b"false"),
    ];
    let (status, file) = upload(&wire, form(parts)).await;
    assert_eq!(status, 200, "{file}");
    assert_eq!(
        text(&file, "sha256"),
        "800f70932cae0e52e5030bcb642e25996990ab94181e053ffac33ece9d22cbda"
    );
    assert!(file["hasParameters"] == true && file["createdBy"] == "nightjar");
    let (status, again) = upload(&wire, form(parts)).await;
    assert_eq!((status, text(&again["error"], "code")), (400, "BadRequest"));
    let (status, replaced) = upload(
        &wire,
        form(&[
            ("File", Some("hello.ps1"), b"exit 0"),
            ("OverrideIfExists", None, b"true"),
        ]),
    )
    .await;
    assert_eq!(status, 200);
    assert_ne!(replaced["sha256"], file["sha256"]);
    assert_eq!(replaced["creationTime"], file["creationTime"]);
    for (body, code) in [
        (
            form(&[("Description", None, b"no file")]),
            "MissingRequiredParameter",
        ),
        (form(&[("File", Some("empty.ps1"), b"")]), "InvalidInput"),
        (form(&[("File", Some("a/b.ps1"), b"x")]), "InvalidInput"),
        (
            form(&[("File", Some("big.bin"), &vec![0; (20 << 20) + 1])]),
            "InvalidInput",
        ),
        (b"no form".to_vec(), "InvalidRequestBody"),
    ] {
        let (status, answer) = upload(&wire, body).await;
        assert_eq!(
            (status, text(&answer["error"], "code")),
            (400, code),
            "{answer}"
        );
    }
    // What is in the library can be run and put; a script without a story prints nothing.
    let id = machine(&wire, ACTIVE).await;
    let action = post(
        &wire,
        &format!("/api/machines/{id}/runliveresponse"),
        session(&[
            put("hello.ps1"),
            run("hello.ps1", ""),
            fetch("C:\\x\\hello.ps1"),
        ]),
    )
    .await;
    let (status, _) = wire
        .call(Method::DELETE, "/api/libraryfiles/hello.ps1", None)
        .await;
    assert_eq!(status, 204);
    assert_eq!(
        wire.call(Method::DELETE, "/api/libraryfiles/hello.ps1", None)
            .await
            .0,
        404
    );
    wire.sim.advance(Duration::from_secs(60));
    let link = |n: usize| {
        format!(
            "/api/machineactions/{}/GetLiveResponseResultDownloadLink(index={n})",
            text(&action, "id")
        )
    };
    let value = wire.get(&link(1)).await;
    let script: Value = follow(&wire, text(&value, "value"))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(
        (&script["exit_code"], &script["script_output"]),
        (&json!(0), &json!(""))
    );
    let value = wire.get(&link(2)).await;
    let back = follow(&wire, text(&value, "value"))
        .await
        .bytes()
        .await
        .expect("bytes");
    assert_eq!(&back[..], b"exit 0", "what was put there comes back");
}

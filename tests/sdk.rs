//! Clients that were written for the real services, unchanged, against the simulated tenant over HTTPS: MSAL,
//! azure-identity, the generated Graph SDK (`tests/sdk/clients.py`), and the examples of the README.
//!
//! Python packages are installed into a folder that is thrown away; `NIGHTJAR_SDK_PYTHON` names a Python
//! that has them already. Skips, with a printed word, where any of it cannot be had; never waits for long.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nightjar::sim::{Sim, SimConfig, SimHandle};
use tempfile::TempDir;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
/// How long packages may take to come.
const INSTALL: Duration = Duration::from_secs(100);
/// How long a script may take.
const RUN: Duration = Duration::from_secs(90);

/// Runs a program to its end or to the limit, everything it says in a file.
fn within(limit: Duration, command: &mut Command, says: &Path) -> Result<(), String> {
    let out = File::create(says).expect("a file");
    let err = out.try_clone().expect("a file");
    let told = || std::fs::read_to_string(says).unwrap_or_default();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(|e| format!("{command:?}: {e}"))?;
    let end = Instant::now() + limit;
    loop {
        match child.try_wait().expect("a child") {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("{status}\n{}", told())),
            None if Instant::now() >= end => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("not done after {limit:?}\n{}", told()));
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// A Python with the packages.
fn python(folder: &Path) -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os("NIGHTJAR_SDK_PYTHON") {
        return Ok(python.into());
    }
    let says = folder.join("install.txt");
    let venv = folder.join("venv");
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&venv);
    within(INSTALL, &mut make, &says)?;
    let python = venv.join("bin").join("python");
    let mut install = Command::new(&python);
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ])
        .args(["--retries", "1", "--timeout", "15", "-r"])
        .arg(Path::new(SCRIPTS).join("requirements.txt"));
    within(INSTALL, &mut install, &says)?;
    Ok(python)
}

/// A tenant over HTTPS, with a certificate registered that is in a file with its key.
async fn tenant(folder: &Path) -> SimHandle {
    // Any RSA key will do: making one takes too long.
    let pem = include_str!("../assets/tenant/signing-key.pem");
    let key = rcgen::KeyPair::from_pem(pem).expect("a key");
    let certificate = rcgen::CertificateParams::default()
        .self_signed(&key)
        .expect("a certificate")
        .pem();
    let both = format!("{}{certificate}", key.serialize_pem());
    std::fs::write(folder.join("app.pem"), both).expect("written");
    Sim::start(SimConfig {
        tls: true,
        ca_file: Some(folder.join("ca.pem")),
        certificates: vec![certificate],
        machines: 40,
        trickle: false,
        ..SimConfig::default()
    })
    .await
    .expect("it starts")
}

/// A program that knows the tenant as any client would: by its environment.
fn client(program: impl AsRef<OsStr>, sim: &SimHandle, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("SIM_BASE", sim.base_url())
        .env("SIM_TENANT", sim.tenant_id())
        .env("SIM_CLIENT", sim.client_id())
        .env("SIM_SECRET", sim.client_secret())
        .env("SIM_CERTIFICATE", folder.join("app.pem"))
        .env("SIM_PERSON", "jonas.weber@contoso.com")
        .env("REQUESTS_CA_BUNDLE", folder.join("ca.pem"))
        .env("SSL_CERT_FILE", folder.join("ca.pem"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command
}

/// The examples of one language in the README's chapter, in its order.
fn examples(language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(README).expect("README.md");
    let chapter = text
        .split_once("\n## The simulated tenant\n")
        .and_then(|(_, rest)| rest.split_once("\n## "))
        .expect("the chapter")
        .0;
    chapter
        .split(&format!("```{language}\n"))
        .skip(1)
        .map(|rest| rest.split_once("```").expect("it closes").0.to_owned())
        .collect()
}

async fn run(limit: Duration, mut command: Command, says: PathBuf) -> Result<(), String> {
    tokio::task::spawn_blocking(move || within(limit, &mut command, &says))
        .await
        .expect("it ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_written_for_the_real_services_sign_in_and_work() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path().to_owned();
    let python = {
        let at = at.clone();
        tokio::task::spawn_blocking(move || python(&at))
            .await
            .expect("it ends")
    };
    let python = match python {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: no Python with the packages: {why}");
            return;
        }
    };
    let sim = tenant(&at).await;
    for (number, example) in examples("python").into_iter().enumerate() {
        let script = at.join(format!("readme-{number}.py"));
        std::fs::write(&script, &example).expect("written");
        let mut command = client(&python, &sim, &at);
        command.arg(&script);
        let outcome = run(RUN, command, at.join("readme.txt")).await;
        assert_eq!(outcome, Ok(()), "of the README:\n{example}");
    }
    let mut command = client(&python, &sim, &at);
    command.arg(Path::new(SCRIPTS).join("clients.py"));
    let outcome = run(RUN, command, at.join("clients.txt")).await;
    assert_eq!(outcome, Ok(()));
    let told = std::fs::read_to_string(at.join("clients.txt")).expect("its words");
    assert!(
        told.lines().filter(|l| l.starts_with("ok ")).count() >= 10,
        "{told}"
    );
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_curl_examples_of_the_readme_run() {
    for program in ["bash", "curl", "jq"] {
        let found = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !found.is_ok_and(|s| s.success()) {
            println!("skipped: no {program}");
            return;
        }
    }
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let sim = tenant(at).await;
    let scripts = examples("bash");
    assert!(!scripts.is_empty(), "there are examples");
    let script = format!("set -euo pipefail\n{}", scripts.join("\n"));
    let mut command = client("bash", &sim, at);
    command.arg("-c").arg(&script);
    let says = at.join("curl.txt");
    let outcome = run(RUN, command, says.clone()).await;
    assert_eq!(outcome, Ok(()), "{script}");
    let told = std::fs::read_to_string(says).expect("its words");
    assert!(
        told.contains("\"Isolate\"") && told.contains("lastUpdateDateTime"),
        "{told}"
    );
    sim.stop().await;
}

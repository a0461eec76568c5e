//! Clients that were written for the real services, unchanged, against the simulated tenant over HTTPS: MSAL,
//! azure-identity, the generated Graph SDK (`tests/sdk/clients.py`, `clients.js`), and the examples of the README.
//!
//! Packages are installed into a folder that is thrown away; `NIGHTJAR_SDK_PACKAGES` names a folder that has
//! those of Python already. Skips, with a printed word, where any of it cannot be had; never waits for long.

#![allow(
    clippy::print_stdout,
    reason = "what is skipped, and what clients did, is said aloud"
)]

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
const INSTALL: Duration = Duration::from_secs(90);
/// How long a script may take.
const RUN: Duration = Duration::from_secs(80);

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

/// Where the Python packages are: in a folder of their own.
fn packages(folder: &Path) -> Result<PathBuf, String> {
    if let Some(packages) = std::env::var_os("NIGHTJAR_SDK_PACKAGES") {
        return Ok(packages.into());
    }
    let packages = folder.join("packages");
    let mut install = Command::new("python3");
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args([
            "--no-input",
            "--no-compile",
            "--retries",
            "1",
            "--timeout",
            "15",
        ])
        .arg("--target")
        .arg(&packages)
        .arg("-r")
        .arg(Path::new(SCRIPTS).join("requirements.txt"));
    within(INSTALL, &mut install, &folder.join("install.txt"))?;
    Ok(packages)
}

/// Puts the Node script beside its packages.
fn node(folder: &Path) -> Result<PathBuf, String> {
    for name in ["package.json", "clients.js"] {
        std::fs::copy(Path::new(SCRIPTS).join(name), folder.join(name)).expect("copied");
    }
    let mut install = Command::new("npm");
    install.current_dir(folder).args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
    ]);
    within(INSTALL, &mut install, &folder.join("install.txt"))?;
    Ok(folder.join("clients.js"))
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
        .env("NODE_EXTRA_CA_CERTS", folder.join("ca.pem"))
        .env("PYTHONNOUSERSITE", "1");
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
    let packages = {
        let at = at.clone();
        tokio::task::spawn_blocking(move || packages(&at))
            .await
            .expect("it ends")
    };
    let packages = match packages {
        Ok(packages) => packages,
        Err(why) => {
            println!("skipped: no Python with the packages: {why}");
            return;
        }
    };
    let sim = tenant(&at).await;
    for (number, example) in examples("python").into_iter().enumerate() {
        let script = at.join(format!("readme-{number}.py"));
        std::fs::write(&script, &example).expect("written");
        let mut command = client("python3", &sim, &at);
        command.env("PYTHONPATH", &packages).arg(&script);
        let outcome = run(RUN, command, at.join("readme.txt")).await;
        assert_eq!(outcome, Ok(()), "of the README:\n{example}");
    }
    let mut command = client("python3", &sim, &at);
    command
        .env("PYTHONPATH", &packages)
        .arg(Path::new(SCRIPTS).join("clients.py"));
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
async fn clients_of_node_sign_in_and_page() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path().to_owned();
    let script = {
        let at = at.clone();
        tokio::task::spawn_blocking(move || node(&at))
            .await
            .expect("it ends")
    };
    let script = match script {
        Ok(script) => script,
        Err(why) => {
            println!("skipped: no Node with the packages: {why}");
            return;
        }
    };
    let sim = tenant(&at).await;
    let mut command = client("node", &sim, &at);
    command.arg(script);
    let says = at.join("clients.txt");
    assert_eq!(run(RUN, command, says.clone()).await, Ok(()));
    let told = std::fs::read_to_string(says).expect("its words");
    assert_eq!(
        told.lines().filter(|l| l.starts_with("ok ")).count(),
        3,
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

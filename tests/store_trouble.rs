//! When the store is in trouble: damage, no room, no rights, somebody else's file, two at once. Each
//! time a word that says what, where and what to do; and the journal survives.

#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "says what cannot be tried here")]

mod support;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nightjar::config::{Config, Paths, Profile};
use nightjar::domain::IncidentId;
use nightjar::respond::{Operation, Outcome, Responder};
use nightjar::sim::{Sim, SimConfig, SimHandle};
use nightjar::store::{Access, Endpoint, JournalState, Store, StoreError};
use nightjar::tenant::Tenant;
use support::tenant::{Fed, assert_same, hurried, until};
use support::{Home, PROGRAM, Ran};

/// A tenant, a console's folders, and a cache that has been read, with one entry in its journal.
struct Bench {
    runtime: tokio::runtime::Runtime,
    sim: SimHandle,
    home: Home,
    settings: String,
    incident: String,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sim = runtime
            .block_on(Sim::start(SimConfig {
                incidents: 60,
                alerts: 150,
                machines: 15,
                story: false,
                trickle: false,
                ..SimConfig::default()
            }))
            .expect("the simulated tenant starts");
        let settings = format!("{}analyst = \"you@contoso.com\"\n", sim.profile_toml("sim"));
        let home = Home::new().with_settings(&settings);
        Self {
            incident: String::new(),
            runtime,
            sim,
            home,
            settings,
        }
    }

    /// The same with a full cache and a change in the journal.
    fn used() -> Self {
        let mut bench = Self::new();
        let tenant = bench.connect();
        assert!(tenant.set_aside.is_empty());
        bench.incident = bench.runtime.block_on(async {
            read(&tenant).await;
            let mut rows = tenant.store.incident_rows().expect("reads");
            rows.retain(|row| row.status.is_open());
            let id = rows.first().expect("an open one").id.clone();
            comment(&tenant, &id, "the first").await;
            id.to_string()
        });
        bench
    }

    fn profile(&self) -> Profile {
        let loaded = Config::parse(&self.settings, Path::new("sim.toml"));
        loaded.config.profile(None).expect("a profile").clone()
    }

    fn paths(&self) -> Paths {
        let at = |below: &str| self.home.path(below);
        Paths {
            config: at("config"),
            data: at("data"),
            state: at("state"),
        }
    }

    fn connect(&self) -> Arc<Tenant> {
        Tenant::connect(self.profile(), &self.paths()).expect("connected")
    }

    fn cache(&self) -> PathBuf {
        self.paths().store_file("sim")
    }

    fn journal(&self) -> PathBuf {
        self.paths().data.join("sim.journal.sqlite")
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.home.run(args)
    }

    /// Comments of the incident at the tenant with this text.
    fn comments(&self, text: &str) -> usize {
        let truth = self.runtime.block_on(self.sim.snapshot());
        let comments = truth.incidents[&self.incident]["comments"].as_array();
        comments.map_or(0, |all| {
            all.iter().filter(|one| one["comment"] == *text).count()
        })
    }

    /// The journal has the first entry, another can be written, and the cache fills again.
    #[track_caller]
    fn assert_well(&self, entries: usize) {
        let tenant = self.connect();
        assert_eq!(tenant.store.access(), Access::Owner);
        let journal = tenant.store.journal(100).expect("reads");
        assert_eq!(journal.len(), entries, "{journal:?}");
        assert!(
            journal
                .iter()
                .all(|entry| entry.state == JournalState::Succeeded)
        );
        self.runtime.block_on(async {
            read(&tenant).await;
            comment(
                &tenant,
                &IncidentId::new(self.incident.as_str()),
                "once more",
            )
            .await;
        });
        let truth = self.runtime.block_on(self.sim.snapshot());
        assert_same(&tenant.store, &truth, "after the trouble");
        assert_eq!(tenant.store.journal(100).expect("reads").len(), entries + 1);
    }
}

async fn read(tenant: &Arc<Tenant>) {
    let begun = nightjar::domain::Timestamp::now();
    let fed = Fed::start(tenant, hurried());
    until("the cache is complete", || {
        let whole = [Endpoint::Incidents, Endpoint::Alerts]
            .iter()
            .all(|endpoint| {
                let mark = tenant.store.watermark(*endpoint).expect("reads");
                mark.is_some_and(|mark| mark.floor.is_none())
            });
        whole
            && fed
                .health()
                .is_some_and(|health| health.as_of.is_some_and(|as_of| as_of > begun))
    })
    .await;
    fed.feed.shutdown().await;
}

async fn comment(tenant: &Arc<Tenant>, id: &IncidentId, text: &str) {
    let operation = Operation::CommentIncident {
        id: id.clone(),
        text: text.to_owned(),
    };
    let responder = Responder::new(tenant.clone(), false);
    let outcome = responder.submit(operation, None, None).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
}

/// Damaged files beside the given one.
fn aside(file: &Path) -> Vec<PathBuf> {
    let name = file
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let folder = std::fs::read_dir(file.parent().expect("a folder")).expect("reads");
    let paths = folder.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| {
            let other = path.file_name().expect("a name").to_string_lossy();
            other.starts_with(&format!("{name}.damaged-"))
                && !other.ends_with("-wal")
                && !other.ends_with("-shm")
        })
        .collect()
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    use std::io::{Seek as _, Write as _};
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .expect("opens");
    file.seek(std::io::SeekFrom::Start(at)).expect("there");
    file.write_all(bytes).expect("written");
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut dice = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| dice.u8(..))
        .take(length)
        .collect()
}

#[test]
fn a_broken_cache_is_set_aside_and_read_anew_and_the_journal_stays() {
    type Breaking = fn(&Path);
    let ways: [(&str, Breaking); 4] = [
        ("cut off", |path| {
            let length = std::fs::metadata(path).expect("there").len();
            let file = std::fs::OpenOptions::new()
                .write(true)
                .open(path)
                .expect("opens");
            file.set_len(length / 2 + 100).expect("cut");
        }),
        ("its head overwritten", |path| {
            overwrite(path, 0, &noise(1, 100));
        }),
        ("its first pages overwritten", |path| {
            overwrite(path, 20, &noise(2, 20_000));
        }),
        ("something else", |path| {
            std::fs::write(path, "not a database at all\n".repeat(1000)).expect("written");
        }),
    ];
    for (how, break_it) in ways {
        let bench = Bench::used();
        break_it(&bench.cache());
        let ran = bench.run(&["incidents", "list", "--top", "3"]).expect(0);
        assert_eq!(ran.out.lines().count(), 4, "{how}: {ran:?}");
        let kept = aside(&bench.cache());
        assert_eq!(kept.len(), 1, "{how}: set aside, once: {kept:?}");
        for word in [
            "the cache was damaged",
            "journal is untouched",
            &kept[0].display().to_string(),
        ] {
            assert!(
                ran.err.contains(word),
                "{how}: {word:?} is not said: {}",
                ran.err
            );
        }
        // Said once: the new one is well.
        let ran = bench.run(&["incidents", "list", "--top", "3"]).expect(0);
        assert_eq!(ran.err, "", "{how}");
        bench.assert_well(1);
    }
}

#[test]
fn an_empty_cache_file_is_a_new_one() {
    let bench = Bench::used();
    std::fs::write(bench.cache(), "").expect("emptied");
    bench.run(&["incidents", "list", "--top", "3"]).expect(0);
    bench.assert_well(1);
}

#[test]
fn pages_damaged_anywhere_end_in_a_good_cache_after_a_start_or_two() {
    for seed in 0..12 {
        let bench = Bench::used();
        let path = bench.cache();
        let pages = std::fs::metadata(&path).expect("there").len() / 8192;
        let mut dice = fastrand::Rng::with_seed(seed);
        for _ in 0..6 {
            let page = dice.u64(1..pages);
            overwrite(&path, page * 8192, &noise(seed, 8192));
        }
        // As a console does: it opens, looks at everything it holds, writes.
        let mut found = Vec::new();
        for _start in 0..3 {
            let tenant = bench.connect();
            found.extend(tenant.set_aside.iter().map(ToString::to_string));
            let store = &tenant.store;
            let looks: [Result<(), StoreError>; 3] = [
                store.incident_rows().map(drop),
                store.alert_rows().map(drop),
                store.incident_rows().and_then(|rows| {
                    rows.iter().try_for_each(|row| {
                        store.incident(&row.id)?;
                        store.alerts_of(&row.id).map(drop)
                    })
                }),
            ];
            let damage: Vec<String> = looks
                .into_iter()
                .filter_map(Result::err)
                .map(|error| error.to_string())
                .collect();
            if damage.is_empty() {
                break;
            }
            for word in ["sim.sqlite is damaged", "start again"] {
                assert!(damage[0].contains(word), "seed {seed}: {damage:?}");
            }
            assert_eq!(store.journal(9).expect("the journal is elsewhere").len(), 1);
        }
        assert!(found.len() <= 1, "seed {seed}: {found:?}");
        if found.is_empty() {
            // The noise fell where nothing is kept, or nothing looked.
            continue;
        }
        bench.assert_well(1);
    }
}

#[test]
fn a_damaged_journal_is_never_thrown_away_and_gives_what_can_be_read() {
    let bench = Bench::used();
    // Enough for several pages.
    {
        let tenant = bench.connect();
        bench.runtime.block_on(async {
            for n in 0..30 {
                let id = IncidentId::new(bench.incident.as_str());
                comment(
                    &tenant,
                    &id,
                    &format!("number {n}, {}", "and so on ".repeat(40)),
                )
                .await;
            }
        });
    }
    let length = std::fs::metadata(bench.journal()).expect("there").len();
    overwrite(&bench.journal(), length / 2 / 4096 * 4096, &noise(3, 4096));
    let ran = bench.run(&["incidents", "list", "--top", "3"]).expect(0);
    assert!(ran.err.contains("the journal was damaged"), "{}", ran.err);
    let kept = aside(&bench.journal());
    assert_eq!(kept.len(), 1, "the damaged file is kept");
    assert!(
        ran.err.contains(&kept[0].display().to_string()),
        "{}",
        ran.err
    );
    assert_eq!(
        aside(&bench.cache()),
        Vec::<PathBuf>::new(),
        "the cache is well"
    );
    let tenant = bench.connect();
    let entries = tenant.store.journal(100).expect("reads").len();
    assert!(
        (10..=31).contains(&entries),
        "{entries} of 31 entries were carried over"
    );
    assert!(
        ran.err.contains(&format!("{entries} entries")),
        "{}",
        ran.err
    );
    assert_eq!(tenant.store.incident_rows().expect("reads").len(), 60);
    drop(tenant);

    // Nothing at all can be read of it: told, kept, begun anew.
    overwrite(&bench.journal(), 0, &noise(4, 4096));
    let ran = bench.run(&["incidents", "list", "--top", "3"]).expect(0);
    assert!(
        ran.err.contains("the journal was damaged: 0 entries"),
        "{}",
        ran.err
    );
    assert_eq!(aside(&bench.journal()).len(), 2);
    bench.assert_well(0);
}

#[test]
fn a_newer_file_and_somebody_elses_are_refused_and_left_as_they_are() {
    let bench = Bench::used();
    let raw = rusqlite::Connection::open(bench.cache()).expect("opens");
    raw.pragma_update(None, "user_version", 99)
        .expect("written");
    drop(raw);
    let before = std::fs::read(bench.cache()).expect("reads");
    let ran = bench.run(&["incidents", "list"]).expect(2);
    for word in [
        "sim.sqlite",
        "newer version",
        "schema 99",
        "move the file away",
    ] {
        assert!(ran.err.contains(word), "{word:?}: {}", ran.err);
    }
    assert_eq!(std::fs::read(bench.cache()).expect("reads"), before);

    let bench = Bench::new();
    std::fs::create_dir_all(bench.paths().data).expect("a folder");
    let raw = rusqlite::Connection::open(bench.cache()).expect("opens");
    raw.execute_batch("CREATE TABLE bookmark (url TEXT); INSERT INTO bookmark VALUES ('x');")
        .expect("written");
    drop(raw);
    let before = std::fs::read(bench.cache()).expect("reads");
    let ran = bench.run(&["incidents", "list"]).expect(2);
    for word in ["sim.sqlite", "another program", "NIGHTJAR_DATA_DIR"] {
        assert!(ran.err.contains(word), "{word:?}: {}", ran.err);
    }
    assert_eq!(
        std::fs::read(bench.cache()).expect("reads"),
        before,
        "untouched"
    );
    assert!(!bench.journal().exists());
}

#[test]
fn the_journal_of_an_earlier_version_moves_to_its_own_file() {
    let bench = Bench::used();
    // As the file was when the journal was in it.
    let raw = rusqlite::Connection::open(bench.cache()).expect("opens");
    raw.execute("ATTACH ?1 AS keep", [bench.journal().to_string_lossy()])
        .expect("attached");
    raw.execute_batch(
        "CREATE TABLE main.journal AS SELECT * FROM keep.journal;
         CREATE TABLE main.journal_step AS SELECT * FROM keep.journal_step;
         CREATE TABLE main.hunt AS SELECT * FROM keep.hunt;
         DROP TABLE main.hunting_table;
         PRAGMA main.user_version = 2; PRAGMA main.application_id = 0;",
    )
    .expect("written");
    drop(raw);
    for companion in ["", "-wal", "-shm"] {
        let mut file = bench.journal().into_os_string();
        file.push(companion);
        let _ = std::fs::remove_file(file);
    }
    let tenant = bench.connect();
    let journal = tenant.store.journal(9).expect("reads");
    assert_eq!(journal.len(), 1);
    assert!(
        tenant
            .store
            .journal_steps(journal[0].id)
            .expect("reads")
            .len()
            >= 2
    );
    assert_eq!(tenant.store.incident_rows().expect("reads").len(), 60);
    drop(tenant);
    bench.assert_well(1);
}

#[test]
fn beside_an_open_console_a_headless_write_is_refused_and_reads_go_on() {
    let bench = Bench::used();
    let console = bench.connect();
    assert_eq!(console.store.access(), Access::Owner);
    let ran = bench.run(&["incidents", "list", "--top", "3"]).expect(0);
    assert_eq!(ran.out.lines().count(), 4);
    let ran = bench
        .run(&["incidents", "comment", &bench.incident, "beside"])
        .expect(1);
    for word in [
        "another console is using this profile",
        "nothing was sent",
        "close it",
    ] {
        assert!(ran.err.contains(word), "{word:?}: {}", ran.err);
    }
    assert_eq!(bench.comments("beside"), 0);
    drop(console);
    bench
        .run(&["incidents", "comment", &bench.incident, "beside"])
        .expect(0);
    assert_eq!(bench.comments("beside"), 1);
}

/// Runs as somebody without special rights: whoever is root may write anywhere.
fn unprivileged(home: &Home, args: &[&str]) -> Option<Command> {
    let mut command = home.command(args);
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return Some(command);
    }
    let found = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .args([PROGRAM, "--version"])
        .stdout(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        println!("skipped: no way to give up root's rights here");
        return None;
    }
    let own = Command::new("chown")
        .arg("-R")
        .arg("65534:65534")
        .arg(home.path(""))
        .status();
    assert!(own.expect("chown runs").success());
    let variables = home.variables();
    command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(PROGRAM)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .envs(variables)
        .stdin(Stdio::null());
    Some(command)
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
}

#[test]
fn without_the_right_to_write_it_says_where_and_refuses() {
    // A folder that may not be written to, a home in which none can be made.
    for (what, below) in [("the folder of the cache", "data"), ("the home", "")] {
        let bench = Bench::new();
        let folder = bench.home.path(below);
        std::fs::create_dir_all(&folder).expect("a folder");
        let Some(mut command) = unprivileged(&bench.home, &["incidents", "list"]) else {
            return;
        };
        set_mode(&folder, 0o555);
        let ran = Ran::from(command.output().expect("it runs"));
        set_mode(&folder, 0o755);
        assert_eq!(ran.code, 2, "{what}: {ran:?}");
        for word in [
            "cannot use",
            "data/sim.sqlite",
            "Permission denied",
            "NIGHTJAR_DATA_DIR",
        ] {
            assert!(ran.err.contains(word), "{what}: {word:?}: {}", ran.err);
        }
    }
    // Files that may not be written to.
    for name in ["sim.sqlite", "sim.journal.sqlite"] {
        let bench = Bench::used();
        let Some(mut command) = unprivileged(&bench.home, &["incidents", "list"]) else {
            return;
        };
        let file = bench.paths().data.join(name);
        set_mode(&file, 0o444);
        let ran = Ran::from(command.output().expect("it runs"));
        set_mode(&file, 0o644);
        assert_eq!(ran.code, 2, "{name}: {ran:?}");
        for word in ["cannot use", "may write there"] {
            assert!(ran.err.contains(word), "{name}: {word:?}: {}", ran.err);
        }
        assert_eq!(
            bench.connect().store.journal(9).expect("reads").len(),
            1,
            "{name}"
        );
    }
}

#[test]
fn a_file_that_may_not_grow_stops_writes_before_anything_is_sent() {
    let bench = Bench::used();
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            script,
            PROGRAM,
            "incidents",
            "comment",
            &bench.incident,
            "too much",
        ])
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .envs(bench.home.variables())
        .stdin(Stdio::null());
    let ran = Ran::from(command.output().expect("it runs"));
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("sim."), "it says which file: {}", ran.err);
    assert_eq!(bench.comments("too much"), 0, "nothing was sent");
    bench.assert_well(1);
}

#[test]
fn a_full_disk_is_told_nothing_is_sent_and_with_room_all_goes_on() {
    let bench = Bench::used();
    let disk = bench.home.path("disk");
    std::fs::create_dir(&disk).expect("a folder");
    // A small disk of its own, in a namespace of its own: filled by the cache, then a write is tried.
    let script = format!(
        "mount -t tmpfs -o size=2m tmpfs {disk} && cp {data}/sim.* {disk}/ && \
         NIGHTJAR_DATA_DIR={disk} && export NIGHTJAR_DATA_DIR && \
         (dd if=/dev/zero of={disk}/filler bs=4096 2>/dev/null; true) && \
         \"$0\" incidents comment {id} 'no room'; echo \"exit $?\" && \
         rm {disk}/filler && \"$0\" incidents comment {id} 'room again'; echo \"exit $?\"",
        disk = disk.display(),
        data = bench.paths().data.display(),
        id = bench.incident,
    );
    let mut command = Command::new("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "/bin/sh",
            "-c",
            &script,
            PROGRAM,
        ])
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .envs(bench.home.variables())
        .stdin(Stdio::null());
    let Ok(output) = command.output() else {
        println!("skipped: no namespaces here");
        return;
    };
    let ran = Ran::from(output);
    if !ran.out.contains("exit ") {
        println!("skipped: no disk of one's own here: {}", ran.err);
        return;
    }
    let exits: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.starts_with("exit "))
        .collect();
    assert_ne!(exits[0], "exit 0", "{ran:?}");
    assert_eq!(exits[1], "exit 0", "{ran:?}");
    for word in ["disk/sim.", "room"] {
        assert!(ran.err.contains(word), "{word:?}: {}", ran.err);
    }
    assert_eq!(
        (bench.comments("no room"), bench.comments("room again")),
        (0, 1)
    );
}

#[test]
fn a_feed_that_cannot_write_says_so_once_and_claims_nothing() {
    let bench = Bench::used();
    let tenant = bench.connect();
    bench.runtime.block_on(async {
        let fed = Fed::start(&tenant, hurried());
        until("it is well", || {
            fed.health().is_some_and(|health| health.as_of.is_some())
        })
        .await;
        // Nothing can be added from now on.
        let raw = rusqlite::Connection::open(bench.cache()).expect("opens");
        raw.execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON alert_json BEGIN SELECT RAISE(ABORT, 'no more'); END;
             CREATE TRIGGER more BEFORE UPDATE ON incident BEGIN SELECT RAISE(ABORT, 'no more'); END;",
        )
        .expect("written");
        let before = nightjar::domain::Timestamp::now();
        bench.sim.churn(20, 1).await;
        until("it says so", || {
            fed.notices()
                .iter()
                .any(|notice| notice.text.contains("were read but not kept"))
        })
        .await;
        // Many polls later.
        let polls = bench.sim.requests();
        until("it has tried again", || bench.sim.requests() > polls + 20).await;
        let said = |what: &str| {
            fed.notices()
                .iter()
                .filter(|notice| notice.text.starts_with(what) && notice.text.contains("not kept"))
                .count()
        };
        assert!(
            said("incidents") <= 1 && said("alerts") <= 1,
            "{:?}",
            fed.notices()
        );
        let health = fed.health().expect("some");
        assert!(
            matches!(health.state, nightjar::feed::FeedState::Lagging { .. }),
            "{health:?}"
        );
        assert!(
            health
                .as_of
                .is_none_or(|as_of| as_of < before + Duration::from_secs(1))
        );
        raw.execute_batch("DROP TRIGGER full; DROP TRIGGER more;")
            .expect("written");
        until("it is well again", || {
            fed.health()
                .is_some_and(|health| health.state == nightjar::feed::FeedState::Live)
        })
        .await;
        fed.feed.shutdown().await;
    });
    bench.runtime.block_on(read(&tenant));
    let truth = bench.runtime.block_on(bench.sim.snapshot());
    assert_same(&tenant.store, &truth, "after the trouble");
}

#[test]
fn a_store_opened_for_reading_alone_writes_nothing() {
    let bench = Bench::used();
    // What used it before may still be letting go.
    let begun = std::time::Instant::now();
    let owner = loop {
        let tenant = bench.connect();
        if tenant.store.access() == Access::Owner {
            break tenant;
        }
        drop(tenant);
        assert!(begun.elapsed() < Duration::from_secs(30), "never let go");
        std::thread::sleep(Duration::from_millis(10));
    };
    let reader = Store::open(&bench.cache()).expect("opens");
    assert_eq!(reader.access(), Access::Reader);
    let refused = reader.mark_viewed(&IncidentId::new("1"), nightjar::domain::Timestamp::now());
    assert!(matches!(refused, Err(StoreError::ReadOnly)));
    assert_eq!(reader.journal(9).expect("reads").len(), 1);
    drop(owner);
}

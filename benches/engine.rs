//! What the local engine costs beside SQL written by hand: twelve typical hunts over millions of rows as the
//! simulated tenant makes them, on the same file in the same run, and their results compared. Aims: median
//! at most 1.3 times, none over 2 times, peak memory under 300 MB. Times are those on the processor where the
//! kernel tells them.
//!
//!     cargo bench --bench engine -- --rows 5000000
//!
//! `--rows` is how many rows `DeviceProcessEvents` has, about; `--rounds` how often each side runs (the best
//! counts). The file stands in the target folder and is made once for each number of rows; `--drop` removes it
//! at the end. Columns that no hunt here reads and that are long (hashes, version texts) stay empty in it, so
//! that five million rows need 4 GB, not 7.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nightjar::engine::Engine;
use nightjar::sim::HuntingFile;
use rusqlite::Connection;
use support::hunts::{HUNTS, TABLES, by_engine, by_hand, catalog};
use support::{judged, ms, say, status_field};

/// Rows of processes where nothing else is asked for.
const ROWS: u64 = 500_000;
/// Of so many everyday rows of a tenant one is a process.
const SHARE: u64 = 3;
/// Rounds of each side.
const ROUNDS: usize = 3;
/// The last row is at this time: 2026-09-21T14:13:20Z.
const END: i64 = 639_256_004_000_000_000;
/// Long columns that stay empty.
const WITHOUT: &[&str] = &[
    "SHA256",
    "MD5",
    "ProcessVersionInfoCompanyName",
    "ProcessVersionInfoProductName",
    "ProcessVersionInfoProductVersion",
    "ProcessVersionInfoInternalFileName",
    "ProcessVersionInfoOriginalFileName",
    "ProcessVersionInfoFileDescription",
    "InitiatingProcessSHA256",
    "InitiatingProcessMD5",
    "InitiatingProcessVersionInfoCompanyName",
    "InitiatingProcessVersionInfoProductName",
    "InitiatingProcessVersionInfoProductVersion",
    "InitiatingProcessVersionInfoInternalFileName",
    "InitiatingProcessVersionInfoOriginalFileName",
    "InitiatingProcessVersionInfoFileDescription",
    "InitiatingProcessTokenElevation",
    "ProcessTokenElevation",
    "InitiatingProcessAccountObjectId",
    "InitiatingProcessAccountSid",
];
/// The most that a hunt may take of what the hand's SQL takes: the median of all, and the worst.
const AIMS: (f64, f64) = (1.3, 2.0);
/// The most memory, in kB.
const MEMORY: u64 = 300 * 1024;

fn main() {
    let rows = argument("--rows").unwrap_or(ROWS);
    let rounds = argument("--rounds").map_or(ROUNDS, |n| n as usize);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("hunting-{rows}.db"));
    if has("--fill") {
        fill(&path, rows);
        return;
    }
    if !path.exists() {
        // In a process of its own: making rows takes memory that is not the engine's.
        let status = Command::new(std::env::current_exe().expect("this program"))
            .args(["--fill", "--rows", &rows.to_string()])
            .status()
            .expect("it starts again");
        assert!(status.success(), "the file could not be made");
    }
    measure(&path, rounds);
    if has("--drop") {
        std::fs::remove_file(&path).expect("the file can be removed");
    }
}

fn has(name: &str) -> bool {
    std::env::args().any(|it| it == name)
}

fn argument(name: &str) -> Option<u64> {
    let mut all = std::env::args().skip_while(|it| it != name);
    all.nth(1)?.parse().ok()
}

fn fill(path: &Path, rows: u64) {
    let begun = Instant::now();
    let file = HuntingFile {
        seed: 7,
        machines: 2_000,
        rows: rows * SHARE,
        end: END,
        tables: TABLES,
        without: WITHOUT,
    };
    let mut told = begun;
    file.write(path, &mut |written| {
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            say(&format!("{written} rows"));
        }
    })
    .expect("the file can be made");
    say(&format!(
        "made {} in {:.0} s: {} MB",
        path.display(),
        begun.elapsed().as_secs_f64(),
        path.metadata().map_or(0, |it| it.len()) / 1_000_000
    ));
}

fn measure(path: &Path, rounds: usize) {
    let engine = Engine::new(Connection::open(path).expect("the file")).expect("an engine");
    let catalog = catalog();
    let one = |sql: &str| -> i64 {
        engine
            .connection()
            .query_row(sql, [], |row| row.get(0))
            .expect("a number")
    };
    let now = one("SELECT max(Timestamp) FROM DeviceProcessEvents");
    for table in TABLES {
        say(&format!(
            "{table}: {} rows",
            one(&format!("SELECT count(*) FROM {table}"))
        ));
    }
    let before = status_field("self", "VmHWM:").unwrap_or(0);
    let mut ratios = Vec::new();
    let mut peak = 0;
    for hunt in HUNTS {
        let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
        let mut count = 0;
        let mut most = 0;
        for _ in 0..rounds {
            let (time, hand) = by_hand(&engine, &catalog, hunt, now).expect("the hand's SQL");
            theirs = theirs.min(time);
            forget_peak();
            let (time, rows) = by_engine(&engine, &catalog, hunt, now).expect("the hunt");
            most = most.max(status_field("self", "VmHWM:").unwrap_or(0));
            ours = ours.min(time);
            assert_eq!(rows, hand, "{}: the results differ", hunt.name);
            count = rows.len();
        }
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64().max(1e-9);
        say(&format!(
            "  {:28} {:>12} by hand {:>12}  {ratio:5.2}x  {count:>7} rows  {:>4} MB",
            hunt.name,
            ms(ours),
            ms(theirs),
            most / 1024
        ));
        ratios.push(ratio);
        peak = peak.max(most);
    }
    ratios.sort_by(f64::total_cmp);
    let (median, worst) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    say(&format!(
        "median {median:.2}x (aim {}: {}), worst {worst:.2}x (aim {}: {})",
        AIMS.0,
        judged(median <= AIMS.0),
        AIMS.1,
        judged(worst <= AIMS.1)
    ));
    say(&format!(
        "peak memory {} MB, {} MB before the first hunt (aim {}: {})",
        peak / 1024,
        before / 1024,
        MEMORY / 1024,
        judged(peak < MEMORY)
    ));
}

/// Lets the kernel measure the peak of this process anew.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

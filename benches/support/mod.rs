//! What the measurements share: percentiles, what the kernel knows of a process, and words.

#![allow(dead_code, reason = "each bench uses its own part")]

pub mod hunts;
pub mod queue;
pub mod service;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

/// Writes a line of the report.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Durations with their percentiles.
#[derive(Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub fn add(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sample below which the given share (0 to 1) lies.
    pub fn at(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        let index = (share * last as f64).round() as usize;
        sorted.get(index.min(last)).copied().unwrap_or_default()
    }

    /// Adds those of another.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many would pass in a second, one after the other.
    pub fn per_second(&self) -> f64 {
        self.0.len() as f64 / self.0.iter().sum::<Duration>().as_secs_f64()
    }

    /// `n 2000  p50 0.41 ms  p99 1.20 ms  max 2.02 ms`.
    pub fn report(&self) -> String {
        format!(
            "n {}  p50 {}  p99 {}  max {}",
            self.0.len(),
            ms(self.at(0.5)),
            ms(self.at(0.99)),
            ms(self.at(1.0))
        )
    }
}

/// Milliseconds with two digits.
pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Whether a figure reaches its aim, in words.
pub fn judged(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}

/// A field of `/proc/PID/status` in its own unit (kB for memory); `self` works for PID.
pub fn status_field(pid: &str, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Resident memory in MB.
pub fn resident_mb(pid: &str) -> f64 {
    status_field(pid, "VmRSS:").unwrap_or(0) as f64 / 1024.0
}

/// What a process has cost so far.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// Processor time, user and system, of all threads.
    pub cpu: Duration,
    /// How often each thread went to sleep of its own accord: once for every time it was woken.
    sleeps: BTreeMap<String, u64>,
}

/// What a process cost between two looks.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Processor time, user and system, of all threads.
    pub cpu: Duration,
    /// Wake-ups of the threads alive at the end; those of threads that ended meanwhile are lost.
    pub wakeups: u64,
}

impl Cost {
    /// What it has cost since.
    pub fn since(&self, before: &Self) -> Spent {
        let woken = |(thread, now): (&String, &u64)| {
            now.saturating_sub(before.sleeps.get(thread).copied().unwrap_or(0))
        };
        Spent {
            cpu: self.cpu.saturating_sub(before.cpu),
            wakeups: self.sleeps.iter().map(woken).sum(),
        }
    }
}

/// The cost of a process until now.
pub fn cost(pid: u32) -> Cost {
    // Clock ticks of /proc are hundredths of a second on every Linux there is.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ticks: u64 = stat.rsplit_once(')').map_or(0, |(_, rest)| {
        let fields: Vec<u64> = rest
            .split_whitespace()
            .map(|field| field.parse().unwrap_or(0))
            .collect();
        fields.get(11).unwrap_or(&0) + fields.get(12).unwrap_or(&0)
    });
    let mut sleeps = BTreeMap::new();
    if let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) {
        for thread in threads.flatten() {
            let id = thread.file_name().to_string_lossy().into_owned();
            let place = format!("{pid}/task/{id}");
            let count = status_field(&place, "voluntary_ctxt_switches:").unwrap_or(0);
            sleeps.insert(id, count);
        }
    }
    Cost {
        cpu: Duration::from_millis(ticks * 10),
        sleeps,
    }
}

/// The number after an option of this bench's own, such as `--seconds 60`.
pub fn option(name: &str, otherwise: u64) -> u64 {
    let mut args = std::env::args();
    while let Some(arg) = args.next() {
        if arg == name {
            return args
                .next()
                .and_then(|value| value.parse().ok())
                .unwrap_or(otherwise);
        }
    }
    otherwise
}

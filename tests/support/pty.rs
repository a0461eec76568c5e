//! The built program in a pseudo-terminal: keys in, a screen out, and every byte it ever wrote.
//!
//! Nothing here sleeps for a guess: every wait is for a condition and ends with the screen in the
//! message when it does not come true.
//!
//! The program runs below a shell that stays when it has ended, because the kernel resets a
//! terminal whose session leader exits: only so can a test see in which state it was left.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

/// How long a condition may take; generous, because a machine under test is often busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the terminal has received so far.
struct Received {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

struct Shared {
    received: Mutex<Received>,
    news: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A terminal with the program in it.
pub struct Terminal {
    shared: Arc<Shared>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    master: Box<dyn MasterPty + Send>,
    shell: Box<dyn Child + Send + Sync>,
    // Kept open, so that the terminal's modes outlive the program.
    _slave: Box<dyn SlavePty + Send>,
}

/// How to start a program in a terminal.
pub struct Start<'a> {
    /// The program.
    pub program: &'a str,
    /// Its arguments.
    pub args: &'a [&'a str],
    /// Variables besides the few every terminal has. The environment of the test is not passed on.
    pub env: &'a [(&'a str, &'a str)],
    /// Columns and rows.
    pub size: (u16, u16),
}

impl Terminal {
    /// Starts the program below a shell that says `[exited N]` when it has ended.
    pub fn start(start: &Start<'_>) -> Self {
        let script = r#""$0" "$@"; printf '\n[exited %s]\n' "$?"; exec sleep 100000"#;
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-c", script, start.program]);
        command.args(start.args);
        Self::spawn(command, start)
    }

    /// Starts an interactive shell with job control; the test types the command itself.
    pub fn shell(start: &Start<'_>) -> Self {
        let mut command = CommandBuilder::new("/bin/sh");
        command.arg("-i");
        command.env("PS1", "ready> ");
        Self::spawn(command, start)
    }

    fn spawn(mut command: CommandBuilder, start: &Start<'_>) -> Self {
        let (columns, rows) = start.size;
        let pair = native_pty_system()
            .openpty(size(columns, rows))
            .expect("a pseudo-terminal");
        command.env_clear();
        command.env("PS1", "ready> ");
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in start.env {
            command.env(name, value);
        }
        let shell = pair.slave.spawn_command(command).expect("a shell");
        let shared = Arc::new(Shared {
            received: Mutex::new(Received {
                parser: vt100::Parser::new(cells(rows), cells(columns), 0),
                bytes: Vec::new(),
                ended: false,
            }),
            news: Condvar::new(),
        });
        let writer = Arc::new(Mutex::new(pair.master.take_writer().expect("a writer")));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (told, answers) = (Arc::clone(&shared), Arc::clone(&writer));
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            loop {
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut received = told.lock();
                if count == 0 {
                    received.ended = true;
                    told.news.notify_all();
                    return;
                }
                received.parser.process(&buffer[..count]);
                received.bytes.extend_from_slice(&buffer[..count]);
                let answer = answer_to(&buffer[..count], &received.parser);
                told.news.notify_all();
                drop(received);
                if !answer.is_empty() {
                    let mut writer = answers.lock().unwrap_or_else(PoisonError::into_inner);
                    let _ = writer.write_all(answer.as_bytes());
                }
            }
        });
        Self {
            shared,
            writer,
            master: pair.master,
            shell,
            _slave: pair.slave,
        }
    }

    /// Sends raw bytes.
    pub fn send(&self, bytes: &[u8]) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(bytes).expect("the terminal takes input");
        writer.flush().expect("the terminal takes input");
    }

    /// Types text as it is.
    pub fn type_text(&self, text: &str) {
        self.send(text.as_bytes());
    }

    /// Presses keys written as `j`, `<enter>`, `<esc>`, `<c-z>`, `<f5>`, with blanks between.
    pub fn keys(&self, keys: &str) {
        for key in keys.split_whitespace() {
            self.send(&key_bytes(key));
        }
    }

    /// The screen as text, one line a row.
    pub fn screen(&self) -> String {
        let received = self.shared.lock();
        screen_text(&received.parser)
    }

    /// How many bytes were received so far; the place from which to look with [`Self::since`].
    pub fn received(&self) -> usize {
        self.shared.lock().bytes.len()
    }

    /// The bytes received after the given place.
    pub fn since(&self, place: usize) -> Vec<u8> {
        self.shared.lock().bytes[place..].to_vec()
    }

    /// Waits until the screen holds the text, and gives the screen.
    ///
    /// # Panics
    /// When it does not come, with the screen as it was.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} on the screen"), |screen| {
            screen.contains(text)
        })
    }

    /// Waits until the text is gone from the screen, and gives the screen.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} gone from the screen"), |screen| {
            !screen.contains(text)
        })
    }

    /// Waits until the screen fulfils the condition, and gives the screen.
    #[track_caller]
    pub fn wait_until(&self, what: &str, holds: impl FnMut(&str) -> bool) -> String {
        self.wait_within(PATIENCE, what, holds)
    }

    /// The same with a patience of its own.
    #[track_caller]
    pub fn wait_within(
        &self,
        patience: Duration,
        what: &str,
        mut holds: impl FnMut(&str) -> bool,
    ) -> String {
        let until = Instant::now() + patience;
        let mut received = self.shared.lock();
        loop {
            let screen = screen_text(&received.parser);
            if holds(&screen) {
                return screen;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !received.ended,
                "waited {patience:?} for {what}; the screen is\n{}",
                framed(&screen)
            );
            received = self
                .shared
                .news
                .wait_timeout(received, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard);
        }
    }

    /// Waits until nothing arrived for the given time; false when the terminal never fell silent.
    pub fn wait_silent(&self, quiet: Duration) -> bool {
        let until = Instant::now() + PATIENCE;
        let mut received = self.shared.lock();
        while Instant::now() < until {
            let before = received.bytes.len();
            let (guard, timeout) = self
                .shared
                .news
                .wait_timeout(received, quiet)
                .unwrap_or_else(PoisonError::into_inner);
            received = guard;
            if timeout.timed_out() && received.bytes.len() == before {
                return true;
            }
        }
        false
    }

    /// Waits for the program's end and gives its exit status.
    #[track_caller]
    pub fn wait_exit(&self) -> i32 {
        let screen = self.wait_until("the program's end", |screen| exit_status(screen).is_some());
        exit_status(&screen).expect("just seen")
    }

    /// Changes the size, which tells the program.
    pub fn resize(&self, columns: u16, rows: u16) {
        // The parser first: what the program draws for the new size must find it.
        let mut received = self.shared.lock();
        received.parser.set_size(cells(rows), cells(columns));
        drop(received);
        self.master
            .resize(size(columns, rows))
            .expect("a terminal can be resized");
    }

    /// The process id of the program below the shell.
    pub fn pid(&self) -> u32 {
        let shell = self.shell.process_id().expect("the shell runs");
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(pid) = child_of(shell) {
                return pid;
            }
            assert!(
                Instant::now() < until,
                "the shell never started the program"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal (`TERM`, `HUP`, `INT`, `CONT`) to the program.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let done = std::process::Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status()
            .expect("kill runs");
        assert!(done.success(), "kill -{name} {pid}");
    }

    /// Asserts that the terminal is as a shell wants it: the main screen, a visible cursor, no
    /// mouse, paste, focus or keyboard modes left, lines and echo on.
    #[track_caller]
    pub fn assert_restored(&self) {
        let received = self.shared.lock();
        let left = modes_left(&received.bytes);
        assert!(left.is_empty(), "terminal modes left behind: {left:?}");
        assert!(!received.parser.screen().alternate_screen());
        drop(received);
        // The modes of the line follow the screen by a moment, and no byte tells of them.
        let until = Instant::now() + PATIENCE;
        while self.line_modes() != (true, true) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let (lines, echo) = self.line_modes();
        assert!(lines, "the terminal was left without line editing (raw)");
        assert!(echo, "the terminal was left without echo");
    }

    /// Whether the terminal edits lines (ICANON) and echoes (ECHO).
    pub fn line_modes(&self) -> (bool, bool) {
        let modes = self.master.get_termios().expect("a terminal has modes");
        let local = modes.local_flags.bits();
        (local & 0o2 != 0, local & 0o10 != 0)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only what this test started: the program, then its shell.
        if let Some(program) = self.shell.process_id().and_then(child_of) {
            let _ = std::process::Command::new("kill")
                .args(["-KILL", &program.to_string()])
                .stderr(std::process::Stdio::null())
                .status();
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has cells")
}

fn screen_text(parser: &vt100::Parser) -> String {
    let (_, columns) = parser.screen().size();
    let rows: Vec<String> = parser
        .screen()
        .rows(0, columns.get())
        .map(|row| row.trim_end().to_owned())
        .collect();
    rows.join("\n")
}

fn framed(screen: &str) -> String {
    screen.lines().fold(String::new(), |mut out, line| {
        out.push_str("  | ");
        out.push_str(line);
        out.push('\n');
        out
    })
}

fn exit_status(screen: &str) -> Option<i32> {
    let (_, rest) = screen.rsplit_once("[exited ")?;
    rest.split_once(']')?.0.parse().ok()
}

/// What a terminal answers to the questions programs ask at start.
fn answer_to(bytes: &[u8], parser: &vt100::Parser) -> String {
    let mut answer = String::new();
    let has = |question: &[u8]| bytes.windows(question.len()).any(|part| part == question);
    if has(b"\x1b[6n") {
        let (row, column) = parser.screen().cursor_position();
        let _ = write!(answer, "\x1b[{};{}R", row + 1, column + 1);
    }
    if has(b"\x1b[c") || has(b"\x1b[0c") {
        answer.push_str("\x1b[?62;22c");
    }
    answer
}

/// The private modes that were set and not reset again, in the order of the bytes; the cursor
/// (`?25`) counts as left behind when it was hidden last.
pub fn modes_left(bytes: &[u8]) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    let mut keyboard = 0i32;
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|part| part == b"\x1b[") {
        rest = &rest[at + 2..];
        let end = rest
            .iter()
            .position(|byte| (0x40..=0x7e).contains(byte))
            .unwrap_or(rest.len());
        let (body, last) = (&rest[..end], rest.get(end));
        match (body.first(), last) {
            (Some(b'?'), Some(which @ (b'h' | b'l'))) => {
                for mode in String::from_utf8_lossy(&body[1..]).split(';') {
                    // the cursor is hidden by a reset, everything else is turned on by a set;
                    // wrapping (7) and blinking (12) are on by default or harmless
                    let on = (*which == b'h') != (mode == "25");
                    if matches!(mode, "7" | "12") {
                        continue;
                    }
                    if on {
                        set.insert(mode.to_owned());
                    } else {
                        set.remove(mode);
                    }
                }
            }
            (Some(b'>'), Some(b'u')) => keyboard += 1,
            (Some(b'<'), Some(b'u')) => keyboard -= 1,
            _ => {}
        }
    }
    if keyboard > 0 {
        set.insert("keyboard enhancement".to_owned());
    }
    set
}

fn key_bytes(key: &str) -> Vec<u8> {
    let Some(name) = key
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .filter(|name| !name.is_empty())
    else {
        return key.as_bytes().to_vec();
    };
    match name {
        "enter" => b"\r".to_vec(),
        "esc" => b"\x1b".to_vec(),
        "tab" => b"\t".to_vec(),
        "s-tab" => b"\x1b[Z".to_vec(),
        "space" => b" ".to_vec(),
        "bs" => b"\x7f".to_vec(),
        "del" => b"\x1b[3~".to_vec(),
        "up" => b"\x1b[A".to_vec(),
        "down" => b"\x1b[B".to_vec(),
        "right" => b"\x1b[C".to_vec(),
        "left" => b"\x1b[D".to_vec(),
        "home" => b"\x1b[H".to_vec(),
        "end" => b"\x1b[F".to_vec(),
        "pgup" => b"\x1b[5~".to_vec(),
        "pgdn" => b"\x1b[6~".to_vec(),
        "f1" => b"\x1bOP".to_vec(),
        "f2" => b"\x1bOQ".to_vec(),
        "f5" => b"\x1b[15~".to_vec(),
        _ => match name.split_once('-') {
            Some(("c", letter)) => vec![letter.as_bytes()[0] & 0x1f],
            Some(("a", letter)) => [b"\x1b", letter.as_bytes()].concat(),
            _ => panic!("no such key: {key}"),
        },
    }
}

/// The first process whose parent is the given one.
fn child_of(parent: u32) -> Option<u32> {
    let entries = std::fs::read_dir(Path::new("/proc")).ok()?;
    entries.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // pid (name) state ppid …; the name may hold anything, so look behind its last bracket
        let (_, rest) = stat.rsplit_once(')')?;
        let found: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        (found == parent).then_some(pid)
    })
}

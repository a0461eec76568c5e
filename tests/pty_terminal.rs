//! The console in a real terminal: however it ends or pauses, the terminal is clean afterwards;
//! it follows the window's size; it writes nothing while nothing changes.

mod support;

use std::time::Duration;

use nightjar::sim::{Sim, SimConfig, SimHandle};
use support::pty::{Start, Terminal, modes_left};
use support::{Home, PROGRAM};

/// A word of the queue's hint line or title that is there whenever the console is up.
const UP: &str = "Incidents";

fn start(home: &Home, args: &[&str], size: (u16, u16)) -> Terminal {
    let variables = home.variables();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Terminal::start(&Start {
        program: PROGRAM,
        args,
        env: &variables,
        size,
    })
}

fn demo(home: &Home) -> Terminal {
    let terminal = start(
        home,
        &["demo", "--incidents", "40", "--alerts", "120"],
        (120, 40),
    );
    terminal.wait_for(UP);
    terminal
}

#[test]
fn quitting_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let terminal = demo(&home);
    assert!(
        !modes_left(&terminal.since(0)).is_empty(),
        "it took the screen"
    );
    let (lines, _) = terminal.line_modes();
    assert!(!lines, "it reads single keys");
    terminal.keys("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_restored();
}

/// The query goes to another program, twice, and the keys come back here each time.
#[test]
fn another_editor_has_the_terminal_and_gives_it_back() {
    let home = Home::new();
    let script = "f() { stty -a > /dev/tty; printf 'AlertInfo | take 7' >> \"$1\"; }; f";
    let mut variables = home.variables();
    variables.push(("VISUAL".to_owned(), script.to_owned()));
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let terminal = Terminal::start(&Start {
        program: PROGRAM,
        args: &["demo", "--incidents", "40", "--alerts", "120"],
        env: &variables,
        size: (120, 40),
    });
    terminal.wait_for(UP);
    terminal.keys("3");
    terminal.wait_for("Nothing has been run");
    for seen in ["2 AlertInfo | take 7", "3 AlertInfo | take 7"] {
        terminal.type_text("// ");
        terminal.send(b"\x0f");
        terminal.wait_for(seen);
        let (lines, _) = terminal.line_modes();
        assert!(!lines, "it reads single keys again");
    }
    terminal.type_text(" // here again");
    terminal.wait_for("here again");
    terminal.keys("<c-c>");
    terminal.wait_exit();
    terminal.assert_restored();
}

#[test]
fn ctrl_c_quits_from_anywhere() {
    let home = Home::new();
    let terminal = demo(&home);
    terminal.keys("?");
    terminal.keys("<c-c>");
    terminal.wait_exit();
    terminal.assert_restored();
}

#[test]
fn signals_end_it_cleanly() {
    for signal in ["TERM", "HUP", "INT"] {
        let home = Home::new();
        let terminal = demo(&home);
        terminal.signal(signal);
        let status = terminal.wait_exit();
        assert_ne!(status, 0, "SIG{signal} is not a normal end");
        terminal.assert_restored();
    }
}

#[test]
fn suspending_gives_the_shell_back_and_continuing_the_console() {
    let home = Home::new();
    let variables = home.variables();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let terminal = Terminal::shell(&Start {
        program: PROGRAM,
        args: &[],
        env: &variables,
        size: (120, 40),
    });
    terminal.wait_for("ready>");
    terminal.type_text(&format!("{PROGRAM} demo --incidents 40 --alerts 120\r"));
    terminal.wait_for(UP);
    terminal.keys("<c-z>");
    terminal.wait_for("ready>");
    terminal.wait_for("topped"); // "Stopped" or "[1] + Stopped", as the shell words it
    terminal.assert_restored();
    let paused = terminal.received();
    terminal.type_text("fg\r");
    terminal.wait_for(UP);
    assert!(
        !modes_left(&terminal.since(paused)).is_empty(),
        "it took the screen again"
    );
    terminal.keys("q");
    terminal.wait_gone(UP);
    terminal.wait_for("ready>");
    terminal.assert_restored();
}

#[test]
fn it_follows_the_window_down_to_nothing_and_back() {
    let home = Home::new();
    let terminal = demo(&home);
    for (columns, rows) in [(80, 24), (200, 60), (20, 5), (1, 1), (3, 2), (80, 24)] {
        terminal.resize(columns, rows);
        if columns >= 80 {
            terminal.wait_for(UP);
        }
    }
    terminal.keys("j k ?");
    terminal.wait_for("Keys that work here");
    terminal.keys("<esc>");
    terminal.wait_gone("Keys that work here");
    terminal.keys("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn without_a_terminal_it_says_so() {
    let home = Home::new();
    let refused = home.run(&["demo"]).expect(2);
    assert!(refused.out.is_empty());
    assert!(refused.err.contains("terminal"), "{}", refused.err);
}

#[test]
fn without_a_profile_the_first_screen_offers_the_demo() {
    let home = Home::new();
    let terminal = start(&home, &[], (80, 24));
    terminal.wait_for("demo");
    terminal.wait_for("config.toml");
    terminal.keys("q");
    terminal.wait_exit();
    terminal.assert_restored();
}

/// A tenant in which nothing happens, and settings that ask it nothing more.
fn still() -> (tokio::runtime::Runtime, SimHandle, Home) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sim = runtime
        .block_on(Sim::start(SimConfig {
            incidents: 40,
            alerts: 120,
            story: false,
            trickle: false,
            ..SimConfig::default()
        }))
        .expect("the simulated tenant starts");
    let home = Home::new().with_settings(&format!(
        "default_profile = \"sim\"\n{}\n[feed]\nincidents_every = \"1h\"\nalerts_every = \"1h\"\n\
         actions_every = \"1h\"\nidle_every = \"1h\"\n",
        sim.profile_toml("sim")
    ));
    (runtime, sim, home)
}

#[test]
fn while_nothing_changes_nothing_is_written_but_ages() {
    let (_runtime, _sim, home) = still();
    let terminal = start(&home, &[], (120, 40));
    terminal.wait_for(UP);
    terminal.wait_for("live");
    assert!(
        terminal.wait_silent(Duration::from_millis(700)),
        "the first synchronisation ends"
    );
    let before = terminal.received();
    // Not a wait for something to happen: the time in which nothing may.
    std::thread::sleep(Duration::from_secs(5));
    let written = terminal.received() - before;
    assert!(
        written < 5 * 120,
        "{written} bytes in five idle seconds: more than a few cells of ages"
    );
    terminal.keys("q");
    terminal.wait_exit();
}

#[test]
fn a_panic_leaves_the_terminal_clean_and_says_what_broke() {
    // The test program itself in a terminal, running the one test below that panics.
    let exe = std::env::current_exe().expect("a path");
    let terminal = Terminal::start(&Start {
        program: exe.to_str().expect("UTF-8"),
        args: &[
            "--ignored",
            "--exact",
            "panics_inside_the_console",
            "--nocapture",
        ],
        env: &[],
        size: (100, 30),
    });
    assert_ne!(terminal.wait_exit(), 0);
    let screen = terminal.wait_for("a fault made for this test");
    assert!(
        !screen.contains("INSIDE"),
        "the screen was given back\n{screen}"
    );
    terminal.assert_restored();
}

/// Run by the test above, in a terminal of its own; as part of a test run it would take yours.
#[test]
#[ignore = "panics on purpose; run by a_panic_leaves_the_terminal_clean_and_says_what_broke"]
fn panics_inside_the_console() {
    use nightjar::tui::terminal::Tty;
    let notes = tempfile::tempdir().expect("a folder");
    let _tty = Tty::set_up(true, notes.path()).expect("a terminal");
    panic!("a fault made for this test");
}

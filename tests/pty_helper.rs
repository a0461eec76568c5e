//! The terminal helper itself: a test of the terminal that could not fail would be worth nothing.

mod support;

use support::pty::{Start, Terminal, modes_left};

fn sh(script: &str) -> Terminal {
    Terminal::start(&Start {
        program: "/bin/sh",
        args: &["-c", script],
        env: &[],
        size: (40, 10),
    })
}

#[test]
fn sees_text_keys_size_and_exit_status() {
    let terminal = sh("stty size; read line; echo \"got $line\"; exit 3");
    terminal.wait_for("10 40");
    terminal.type_text("abc");
    terminal.keys("<enter>");
    terminal.wait_for("got abc");
    assert_eq!(terminal.wait_exit(), 3);
    terminal.assert_restored();
}

#[test]
fn tells_the_program_of_a_new_size() {
    let terminal = sh("trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done");
    terminal.wait_for("up");
    terminal.resize(60, 20);
    terminal.wait_for("20 60");
}

#[test]
fn notices_a_terminal_left_raw_or_with_modes_on() {
    let terminal = sh("stty raw -echo; printf '\\033[?1049h\\033[?25l\\033[?2004h'");
    terminal.wait_exit();
    let (lines, echo) = terminal.line_modes();
    assert!(!lines && !echo, "the modes outlive the program");
    let left: Vec<String> = modes_left(&terminal.since(0)).into_iter().collect();
    assert_eq!(left, ["1049", "2004", "25"]);
}

#[test]
fn counts_modes_that_were_put_back_as_clean() {
    let bytes = b"\x1b[?1049h\x1b[?25l\x1b[?1000;1006h\x1b[>1u text \x1b[<1u\x1b[?1006;1000l\x1b[?25h\x1b[?1049l";
    assert!(modes_left(bytes).is_empty());
    assert!(!modes_left(&bytes[..20]).is_empty());
}

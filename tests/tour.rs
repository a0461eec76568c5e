//! The executable tour: the demo in a terminal, its story triaged to the end with nothing but keys.
//! Assign, read the mail, hunt, isolate with a typed confirmation, see the action succeed,
//! classify, resolve, and find it all in the journal. Waits for conditions only.

mod support;

use support::pty::{Start, Terminal};
use support::{Home, PROGRAM};

/// Ten times faster than life: what takes the story minutes takes the tour seconds.
const SPEED: &str = "10";

struct Tour {
    terminal: Terminal,
    _home: Home,
}

impl Tour {
    fn start(size: (u16, u16)) -> Self {
        let home = Home::new();
        let variables = home.variables();
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let terminal = Terminal::start(&Start {
            program: PROGRAM,
            args: &["demo", "--seed", "7", "--speed", SPEED],
            env: &variables,
            size,
        });
        Self {
            terminal,
            _home: home,
        }
    }

    fn keys(&self, keys: &str) {
        self.terminal.keys(keys);
    }

    fn type_text(&self, text: &str) {
        self.terminal.type_text(text);
    }

    #[track_caller]
    fn see(&self, text: &str) -> String {
        self.terminal.wait_for(text)
    }

    #[track_caller]
    fn wait(&self, what: &str, holds: impl FnMut(&str) -> bool) {
        self.terminal.wait_until(what, holds);
    }

    /// Waits for a row among the first of a list, going back to its beginning as rows arrive.
    #[track_caller]
    fn wait_at_top(&self, text: &str) {
        let until = std::time::Instant::now() + support::pty::PATIENCE;
        self.wait(&format!("{text:?} among the first rows"), |screen| {
            if !screen.contains(text) && std::time::Instant::now() < until {
                self.keys("g");
            }
            screen.contains(text)
        });
    }

    /// Goes down, row by row, until the row in focus holds the text.
    #[track_caller]
    fn move_to(&self, text: &str) {
        self.keys("g");
        for _ in 0..80 {
            let screen = self
                .terminal
                .wait_until("a row in focus", |screen| focus(screen).is_some());
            let (line, row) = focus(&screen).unwrap_or_default();
            if row.contains(text) {
                return;
            }
            self.keys("j");
            // Neighbours may read the same: then the line has changed; in a list that scrolls, the words.
            self.wait("the cursor moves", |screen| {
                focus(screen).is_some_and(|now| now != (line, row))
            });
        }
        panic!("no row with {text:?}:\n{}", self.terminal.screen());
    }
}

/// The row with the cursor: its line on the screen and its words.
fn focus(screen: &str) -> Option<(usize, &str)> {
    screen
        .lines()
        .enumerate()
        .find(|(_, line)| line.trim_start().starts_with('▌'))
}

/// The alert by which the attack is found among the everyday.
const FIRST_ALERT: &str = "encoded script host";

fn triage(size: (u16, u16)) {
    let tour = Tour::start(size);
    tour.see("live");

    // The alert that says most, and from it the incident: take it.
    tour.keys("2");
    tour.see("by first activity");
    tour.keys("/");
    tour.type_text(FIRST_ALERT);
    tour.see("Alerts 1 of");
    tour.keys("<enter> i");
    tour.see("by SLA");
    tour.keys("a");
    tour.see("assigned to you");
    tour.keys("e");
    tour.see("Evidence");

    // The mail that began it joins the incident a little later, by a merge the console follows.
    tour.wait_at_top("▾ E-mail");
    // What the alert does not carry of it is hunted when asked for.
    tour.move_to("Overdue");
    tour.keys("d");
    tour.see("northwlnd-traders[.]e");

    // Hunt for the message everywhere.
    tour.keys("H");
    tour.see("the message everywhere");
    tour.keys("<f5>");
    tour.see(" rows");
    tour.keys("1");
    tour.see("Evidence");

    // Contain the machine: the card names it, its name is typed, the action is followed to its end.
    tour.move_to("ws-0417");
    tour.keys("x i");
    tour.see("Type ws-0417 to confirm");
    tour.keys("<tab>");
    tour.type_text("ws-0417");
    tour.keys("<enter>");
    tour.see("accepted");
    tour.keys("4");
    tour.wait("the isolation has succeeded", |screen| {
        screen.lines().any(|line| {
            line.contains("ws-0417") && line.contains("Isolate") && line.contains("succeeded")
        })
    });

    // Decide and close. The list opens on what is now ("not classified", the last) and goes round.
    tour.keys("1 <esc>");
    tour.see("by SLA");
    tour.keys("c");
    tour.see("multi staged attack");
    tour.keys("j <enter>");
    tour.see("classified truePositive: multiStagedAttack");
    tour.keys("s");
    tour.see("Status of incident");
    tour.keys("j j <enter>");
    tour.see("set to resolved");

    // All of it stands in the journal.
    tour.keys("5");
    tour.wait("the isolation and three updates in the journal", |screen| {
        let done = |what: &str| {
            let rows = screen
                .lines()
                .filter(|line| line.contains("succeeded") && line.contains(what));
            rows.count()
        };
        done("Isolate") == 1 && done("Update incident") >= 3
    });
    tour.keys("q");
    assert_eq!(tour.terminal.wait_exit(), 0);
    tour.terminal.assert_restored();
}

#[test]
fn the_story_is_triaged_to_the_end_at_120_by_40() {
    triage((120, 40));
}

#[test]
fn the_story_is_triaged_to_the_end_at_80_by_24() {
    triage((80, 24));
}

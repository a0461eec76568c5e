//! The query editor of the Hunt screen: keys in, texts, effects and frames out.

#[path = "support/console.rs"]
mod console;

use std::sync::Arc;

use console::Console;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use nightjar::kql::Schema;
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::screens::hunt::{HuntAsk, HuntMsg, language};

fn open() -> Console {
    let mut console = Console::new(80, 24);
    console.keys("3");
    console.effects();
    console
}

fn open_vim() -> Console {
    let mut console = Console::new(80, 24);
    console.state.data.settings.vim_keys = true;
    console.keys("3");
    console.effects();
    console
}

/// What F5 would send: the whole text where it is one statement.
fn text(console: &mut Console) -> String {
    console.effects();
    console.keys("alt-g");
    let run = console.effects().into_iter().find_map(|it| match it {
        Effect::Hunt(HuntAsk::Run { query, .. }) => Some(query),
        _ => None,
    });
    console.keys("ctrl-g");
    run.expect("it runs")
}

/// The rows between the tab line and the results, without line numbers.
fn rows(console: &mut Console) -> Vec<String> {
    let screen = console.screen();
    let rows = screen.lines().skip(2).take_while(|it| !it.starts_with('─'));
    rows.map(str::to_owned).collect()
}

#[test]
fn brackets_close_and_lines_keep_their_indent() {
    let mut console = open();
    console.type_text("let recent = (\nDeviceEvents\n| where Timestamp > ago(1d)");
    console.keys("down end").type_text(";\nrecent");
    assert_eq!(
        text(&mut console),
        "let recent = (\n    DeviceEvents\n    | where Timestamp > ago(1d)\n);\nrecent"
    );
}

#[test]
fn what_commands_do_is_one_step_of_undo() {
    let mut console = open();
    console.type_text("DeviceEvents\n| take 10\n| take 10");
    let before = text(&mut console);
    for (keys, after) in [
        ("ctrl-/", "DeviceEvents\n| take 10\n// | take 10"),
        ("ctrl-d", "DeviceEvents\n| take 10\n| take 10\n| take 10"),
        ("alt-k ctrl-x", "DeviceEvents\n| take 10"),
    ] {
        console.keys(keys);
        assert_eq!(text(&mut console), after, "{keys}");
        for _ in keys.split(' ') {
            console.keys("ctrl-u");
        }
        assert_eq!(text(&mut console), before, "{keys}");
    }
    console.keys("ctrl-x alt-u");
    assert_eq!(
        text(&mut console),
        "DeviceEvents\n| take 10",
        "nothing to do again"
    );
}

#[test]
fn undo_survives_another_tab() {
    let mut console = open();
    console.type_text("DeviceEvents");
    console.keys("F9").type_text("DeviceInfo");
    console.keys("F10 ctrl-/ F10 F10 ctrl-u");
    assert_eq!(text(&mut console), "DeviceEvents");
    console.keys("F10");
    assert_eq!(text(&mut console), "DeviceInfo");
}

#[test]
fn finding_and_replacing() {
    let mut console = open();
    console.type_text("DeviceEvents\n| where DeviceName == \"devices\" or DeviceId == \"x\"");
    console.keys("ctrl-f").type_text("device");
    insta::assert_snapshot!("find_80x24", console.screen_at(80, 24));
    console.keys("enter enter alt-c");
    assert!(
        console.screen().contains("1/1  capitals"),
        "{}",
        console.screen()
    );
    console.keys("alt-c alt-w");
    assert!(
        console.screen().contains("none  words"),
        "{}",
        console.screen()
    );
    console.keys("alt-w tab").type_text("machine");
    insta::assert_snapshot!("replace_80x24", console.screen_at(80, 24));
    console.keys("enter");
    console.keys("alt-a esc");
    assert_eq!(
        text(&mut console),
        "machineEvents\n| where machineName == \"machines\" or machineId == \"x\""
    );
    console.keys("ctrl-u ctrl-u");
    assert_eq!(
        text(&mut console),
        "DeviceEvents\n| where DeviceName == \"devices\" or DeviceId == \"x\"",
        "one step for each"
    );
    console.keys("ctrl-f alt-x").type_text("(");
    assert!(
        console.screen().contains("unclosed group"),
        "{}",
        console.screen()
    );
}

#[test]
fn problems_are_counted_and_gone_to() {
    let mut console = open();
    let query = |device, file| {
        format!(
            "DeviceEvents\n| where Timestamp > ago(1d)\n| where {device} =~ 'x'\n| where {file} =~ 'y'"
        )
    };
    console.type_text(&query("DeviceNmae", "FileNmae"));
    console.keys("ctrl-up");
    let screen = console.screen_at(120, 40);
    assert!(screen.contains("2 errors ·"), "{screen}");
    console.keys("F8 tab F8 alt-.");
    assert_eq!(text(&mut console), query("DeviceName", "FileName"));
}

#[test]
fn a_warning_is_silenced_where_it_stands() {
    let mut console = open();
    console.type_text("DeviceEvents\n| where Timestamp > ago(1d)\n| where FileName == 'cmd.exe'");
    console.keys("alt-,");
    assert_eq!(
        text(&mut console),
        "DeviceEvents\n| where Timestamp > ago(1d)\n// nightjar: allow(case-of-name)\n| where FileName == 'cmd.exe'"
    );
    let screen = console.screen_at(120, 40);
    assert!(!screen.contains("NJ013"), "{screen}");
    console.keys("alt-,");
    let screen = console.screen_at(120, 40);
    assert!(screen.contains("no warning on this line"), "{screen}");
}

#[test]
fn what_is_known_of_a_name_is_said_on_a_key() {
    let mut console = open();
    console.type_text("DeviceEvents | where DeviceName");
    console.keys("ctrl-k");
    let screen = console.screen();
    assert!(screen.contains("DeviceName: string"), "{screen}");
    insta::assert_snapshot!("hover_80x24", console.screen_at(80, 24));
    console.keys("left");
    assert!(!console.screen().contains("DeviceName: string"));
}

#[test]
fn the_call_being_written_is_shown() {
    let mut console = open();
    console.type_text("DeviceEvents\n| extend x = bin(Timestamp, ");
    let screen = console.screen();
    assert!(screen.contains("bin("), "{screen}");
    insta::assert_snapshot!("signature_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("signature_120x40", console.screen_at(120, 40));
    console.keys("end");
    let signature = rows(&mut console);
    assert!(
        !signature.iter().any(|row| row.contains("roundTo")),
        "{signature:?}"
    );
}

#[test]
fn a_let_is_renamed_everywhere_and_found() {
    let mut console = open();
    console.type_text("let recent = 7d;\nDeviceEvents | where Timestamp > ago(recent");
    console.keys("alt-r ctrl-u").type_text("back").keys("enter");
    assert_eq!(
        text(&mut console),
        "let back = 7d;\nDeviceEvents | where Timestamp > ago(back)"
    );
    console.keys("ctrl-] shift-end ctrl-x").type_text("x");
    assert_eq!(
        text(&mut console),
        "let x\nDeviceEvents | where Timestamp > ago(back)"
    );
}

#[test]
fn the_text_goes_to_another_editor_and_comes_back_as_one_step() {
    let mut console = open();
    console.type_text("DeviceEvents | take 1");
    console.keys("ctrl-o");
    let asked = console.effects().into_iter().find_map(|it| match it {
        Effect::Hunt(HuntAsk::Outside { ticket, text }) => Some((ticket, text)),
        _ => None,
    });
    let (ticket, sent) = asked.expect("asked");
    assert_eq!(sent, "DeviceEvents | take 1");
    console.tell(Msg::Hunt(HuntMsg::Outside {
        ticket,
        answer: Ok("DeviceInfo\r\n| take 2\u{202e}\n".to_owned()),
    }));
    assert_eq!(text(&mut console), "DeviceInfo\n| take 2\\u202E");
    console.keys("ctrl-u");
    assert_eq!(text(&mut console), "DeviceEvents | take 1");
    console.tell(Msg::Hunt(HuntMsg::Outside {
        ticket,
        answer: Ok("late".to_owned()),
    }));
    assert_eq!(
        text(&mut console),
        "DeviceEvents | take 1",
        "nobody waits for it"
    );
}

#[test]
fn vim_keys_and_their_mode() {
    let mut console = open_vim();
    console.type_text("iDeviceEvents\n| take 10");
    insta::assert_snapshot!("vim_insert_80x24", console.screen_at(80, 24));
    console.keys("esc").type_text("ggcwDeviceInfo");
    console.keys("esc").type_text("jA0");
    console.keys("esc");
    assert_eq!(text(&mut console), "DeviceInfo\n| take 100");
    console.type_text("u");
    console.keys("ctrl-r").type_text("V");
    insta::assert_snapshot!("vim_lines_80x24", console.screen_at(80, 24));
    console.type_text("d2");
    assert!(
        console.screen().contains("NORMAL 2"),
        "{}",
        console.screen()
    );
    console.keys("esc esc esc").type_text("x");
    assert_eq!(
        text(&mut console),
        "eviceInfo",
        "escape by habit leaves the keys where they are"
    );
    console.type_text("A!");
    console.keys("alt-0").type_text("x");
    assert_eq!(
        text(&mut console),
        "viceInfo!",
        "escape and a letter, pressed fast"
    );
    console.type_text("/in");
    console.keys("enter esc").type_text("x");
    assert_eq!(text(&mut console), "vicenfo!");
    console.keys("tab j");
    assert_eq!(text(&mut console), "vicenfo!", "tab goes to the results");
}

#[test]
fn a_long_statement_is_read_by_a_worker() {
    let mut console = open();
    let line = "| where DeviceName has \"fin\" and ActionType != \"x\"\n";
    let long = format!("DeviceEvents\n{}| where Nmae == 1", line.repeat(300));
    console.tell(Msg::Paste(long.clone()));
    let asked = |console: &mut Console| {
        console.effects().into_iter().find_map(|it| match it {
            Effect::Hunt(HuntAsk::Read { ticket, text, .. }) => Some((ticket, text)),
            _ => None,
        })
    };
    let (ticket, sent) = asked(&mut console).expect("a worker is asked");
    assert_eq!(sent, long);
    console.type_text("0");
    assert!(asked(&mut console).is_none(), "one question at a time");
    let answer = |ticket, text: String| {
        let read = Arc::new(language::read(text, Schema::hunting()));
        Msg::Hunt(HuntMsg::Read { ticket, read })
    };
    console.tell(answer(ticket, sent));
    let (ticket, sent) = asked(&mut console).expect("the text has moved on");
    assert_eq!(sent, format!("{long}0"));
    console.tell(answer(ticket, sent));
    assert!(
        console.screen_at(120, 40).contains("1 error"),
        "{}",
        console.screen()
    );
    assert!(asked(&mut console).is_none());
}

#[test]
fn words_are_offered_while_typing() {
    let mut console = open();
    console.type_text("DeviceProcessEvents\n|");
    insta::assert_snapshot!("words_80x24", console.screen_at(80, 24));
    insta::assert_snapshot!("words_120x40", console.screen_at(120, 40));
    insta::assert_snapshot!("words_200x60", console.screen_at(200, 60));
    // nothing chosen, nothing typed: a new line
    console.keys("enter");
    assert_eq!(text(&mut console), "DeviceProcessEvents\n|");
    console.keys("backspace").type_text(" whe");
    console.keys("enter").type_text(" InitiatingProcessFileN");
    console.keys("tab").type_text(" =~ \"x\"");
    assert_eq!(
        text(&mut console),
        "DeviceProcessEvents\n| where InitiatingProcessFileName =~ \"x\""
    );
    // a word that is whole does not take enter
    console.type_text("\n| project DeviceName\n| take 5");
    assert_eq!(
        text(&mut console),
        "DeviceProcessEvents\n| where InitiatingProcessFileName =~ \"x\"\n| project DeviceName\n| take 5"
    );
    console.type_text("\n| summ");
    console.keys("tab").type_text(" dco");
    console.keys("enter").type_text("DeviceId) by DeviceN");
    console.keys("tab");
    let written = text(&mut console);
    let last = written.lines().last().unwrap_or_default();
    assert_eq!(last, "| summarize dcount(DeviceId) by DeviceName");
}

#[test]
fn a_phrase_is_filled_in_place_by_place() {
    let mut console = open();
    console.type_text("DeviceEvents\n| top");
    console.keys("down down down tab");
    assert_eq!(
        text(&mut console),
        "DeviceEvents\n| top 10 by Timestamp desc"
    );
    console.type_text("5").keys("tab").type_text("ReportId");
    console.keys("tab").type_text("\n| take 1");
    assert_eq!(
        text(&mut console),
        "DeviceEvents\n| top 5 by ReportId desc\n| take 1"
    );
    // the brackets of a call are left by tab
    console.type_text("\n| where Timestamp > ag");
    console.keys("enter").type_text("1d").keys("tab");
    console.type_text(" and x");
    let written = text(&mut console);
    let last = written.lines().last().unwrap_or_default();
    assert_eq!(last, "| where Timestamp > ago(1d) and x");
}

#[test]
fn words_are_sent_away_and_called_back() {
    let mut console = open();
    console.type_text("DeviceEvents | ");
    let offered = |console: &mut Console| console.screen().contains("summarize");
    assert!(offered(&mut console));
    console.keys("esc");
    assert!(!offered(&mut console));
    console.type_text("su");
    assert!(!offered(&mut console), "this word brings none");
    console.keys("ctrl-space");
    assert!(offered(&mut console));
    console.keys("esc backspace backspace").type_text("where ");
    assert!(
        console.screen().contains("ActionType"),
        "the next place does"
    );
    console.keys("down up enter");
    let written = text(&mut console);
    assert!(written.len() > "DeviceEvents | where ".len(), "{written}");
}

#[test]
fn the_mouse_takes_a_word() {
    let mut console = open();
    console.type_text("DeviceEvents | wh");
    let screen = console.screen();
    let row = screen
        .lines()
        .position(|line| line.contains("| where") && !line.contains("DeviceEvents"));
    let row = row.unwrap_or_else(|| panic!("offered: {screen}")) as u16;
    let line = screen.lines().nth(usize::from(row)).unwrap_or_default();
    let column = line[..line.find("where").expect("there")].chars().count() as u16;
    console.tell(Msg::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column,
        row,
        modifiers: KeyModifiers::NONE,
    }));
    assert_eq!(text(&mut console), "DeviceEvents | where");
}

#[test]
fn nothing_is_offered_in_strings_and_comments() {
    let mut console = open();
    console.type_text("DeviceEvents | where DeviceName == \"a | wh");
    assert!(!console.screen().contains("summarize"));
    console.keys("end").type_text("\n// by |");
    assert!(
        !console.screen().contains("summarize"),
        "{}",
        console.screen()
    );
}

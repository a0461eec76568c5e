//! The widget as a whole: text, colours, keys.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::tui::keys::Chord;
use crate::tui::theme::Theme;
use ratatui::style::Modifier;

fn paint(text: &str, word: &str, role: Role) -> Paint {
    let start = text.find(word).expect("is there");
    Paint {
        range: start..start + word.len(),
        role,
    }
}

fn draw(editor: &Editor, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    editor.draw(area, &mut buf, &Theme::default());
    buf
}

fn press(editor: &mut Editor, key: &str) {
    editor.key(Chord::parse(key).expect("a key"));
}

fn style_of(buf: &Buffer, symbol: &str) -> Style {
    buf.content()
        .iter()
        .find(|cell| cell.symbol() == symbol)
        .expect("drawn")
        .style()
}

#[test]
fn colours_fall_on_their_letters_behind_wide_ones() {
    let text = "let ä = \"日本\"; Ω\n| where x";
    let mut editor = Editor::new(text);
    let theme = Theme::default();
    editor.set_language(
        vec![
            paint(text, "let", Role::KqlKeyword),
            paint(text, "\"日本\"", Role::KqlString),
            paint(text, "Ω", Role::KqlError),
            paint(text, "where", Role::KqlKeyword),
        ],
        Vec::new(),
    );
    let buf = draw(&editor, 40, 3);
    let fg = |symbol: &str| style_of(&buf, symbol).fg;
    assert_eq!(fg("l"), theme.style(Role::KqlKeyword).fg);
    assert_eq!(fg("日"), theme.style(Role::KqlString).fg);
    assert_eq!(fg("ä"), theme.style(Role::Text).fg);
    assert_eq!(fg("Ω"), theme.style(Role::KqlError).fg);
    assert_eq!(fg("w"), theme.style(Role::KqlKeyword).fg);
}

#[test]
fn findings_selection_and_colours_do_not_disturb_each_other() {
    let text = "abcdefgh";
    let mut editor = Editor::new(text);
    let theme = Theme::default();
    editor.set_language(
        vec![
            Paint {
                range: 0..4,
                role: Role::KqlTable,
            },
            Paint {
                range: 4..8,
                role: Role::KqlString,
            },
        ],
        vec![Mark {
            range: 2..6,
            role: Role::KqlError,
        }],
    );
    editor.go_to(3);
    press(&mut editor, "shift-right");
    press(&mut editor, "shift-right");
    assert_eq!(editor.selection(), Some(3..5));
    let buf = draw(&editor, 20, 1);
    let is_error = |symbol: &str| {
        let error = theme.style(Role::KqlError);
        let style = style_of(&buf, symbol);
        style.add_modifier.contains(error.add_modifier)
            && (error.fg.is_none() || style.fg == error.fg)
    };
    assert_eq!(style_of(&buf, "b").fg, theme.style(Role::KqlTable).fg);
    assert!(
        is_error("c") && is_error("f"),
        "{:?} {:?}",
        style_of(&buf, "c"),
        style_of(&buf, "f")
    );
    assert_eq!(style_of(&buf, "g").fg, theme.style(Role::KqlString).fg);
    assert!(!is_error("g") && !is_error("b"));
    let selected = theme.style(Role::Selected);
    assert_eq!(
        style_of(&buf, "d").bg,
        selected.bg.or(style_of(&buf, "d").bg)
    );
    assert!(
        style_of(&buf, "d")
            .add_modifier
            .contains(selected.add_modifier)
    );
    assert!(
        !style_of(&buf, "h")
            .add_modifier
            .contains(Modifier::REVERSED)
    );
}

#[test]
fn offsets_and_places_agree_in_any_script() {
    let text = "ä\n日本x\n\nend";
    let mut editor = Editor::new(text);
    for (offset, place) in [
        (0, (1, 1)),
        (2, (1, 2)),
        (3, (2, 1)),
        (9, (2, 3)),
        (10, (2, 4)),
        (11, (3, 1)),
        (15, (4, 4)),
    ] {
        assert_eq!(editor.place_of(offset), place, "{offset}");
        editor.go_to(offset);
        assert_eq!(editor.caret(), offset);
    }
}

#[test]
fn a_fix_is_one_step_back() {
    let mut editor = Editor::new("T | were ä");
    editor.replace(4..8, "where");
    assert_eq!(editor.text(), "T | where ä");
    assert_eq!(editor.caret(), 9);
    editor.undo(false);
    assert_eq!(editor.text(), "T | were ä");
}

#[test]
fn hostile_text_is_made_visible_on_the_way_in() {
    let mut editor = Editor::new("");
    editor.paste("a\u{202e}b\r\nc\u{1b}");
    editor.key(Chord {
        code: KeyCode::Char('\u{200b}'),
        modifiers: KeyModifiers::NONE,
    });
    assert_eq!(editor.text(), "a\\u202Eb\nc\\u001B\\u200B");
}

#[test]
fn a_long_text_keeps_only_what_can_be_seen() {
    let text = "where x == 1\n".repeat(5_000);
    let mut editor = Editor::new(&text);
    let paints = text.match_indices("where").map(|(at, word)| Paint {
        range: at..at + word.len(),
        role: Role::KqlKeyword,
    });
    editor.set_language(paints.collect(), Vec::new());
    let theme = Theme::default();
    editor.go_to(text.len() / 2);
    let caret = editor.area.borrow().cursor().0;
    let bytes = editor.lines[caret - 10]..editor.lines[caret + 11];
    assert!(editor.pieces(&bytes, None, &theme).len() <= 21);
    let buf = draw(&editor, 20, 10);
    assert_eq!(style_of(&buf, "w").fg, theme.style(Role::KqlKeyword).fg);
}

#[test]
fn no_size_is_too_small() {
    let editor = Editor::new("日本\nab");
    for width in 0..8 {
        for height in 0..4 {
            draw(&editor, width, height);
        }
    }
}

/// Keys one after another, by name; a text between quotes is typed.
fn keys(editor: &mut Editor, keys: &[&str]) {
    for key in keys {
        match key.strip_prefix(':') {
            Some(text) => {
                for c in text.chars() {
                    let name = if c == ' ' {
                        "space".to_owned()
                    } else {
                        c.to_string()
                    };
                    press(editor, &name);
                }
            }
            None => press(editor, key),
        }
    }
}

fn shown(editor: &Editor) -> String {
    let mut text = editor.text().to_owned();
    text.insert(editor.caret(), '^');
    text
}

#[test]
fn typing_closes_brackets_and_gets_out_of_the_way() {
    for (pressed, result) in [
        (&[":T | where ago(1d)"][..], "T | where ago(1d)^"),
        (&[":x has \"a\" or"], "x has \"a\" or^"),
        (&[":f("], "f(^)"),
        (&[":f(", "backspace"], "f^"),
        (&[":f(a", "left", ":("], "f((^a)"),
        (&[":f(", "enter", ":a"], "f(\n    a^\n)"),
        (&[":f(x", "right", ":)"], "f(x))^"),
        (&[":f(", "home", "end", ":)"], "f())^"),
        (&[":print 'it", "right", ":s'"], "print 'it's'^"),
        (&[":h\"x\""], "h\"x\"^"),
        (&[":a", "shift-left", ":("], "(^a)"),
        (
            &[":let x = (", "enter", ":T", "enter", ":| take 1)"],
            "let x = (\n    T\n    | take 1)^\n)",
        ),
    ] {
        let mut editor = Editor::default();
        keys(&mut editor, pressed);
        assert_eq!(shown(&editor), result, "{pressed:?}");
    }
}

#[test]
fn keys_of_a_plain_editor() {
    for (text, pressed, result) in [
        (
            "abc\nde\nfgh",
            &["ctrl-home", "end", "down", "down"][..],
            "abc\nde\nfgh^",
        ),
        (
            "abc\nde\nfgh",
            &["ctrl-home", "end", "down", "left", "down"],
            "abc\nde\nf^gh",
        ),
        ("one two", &["ctrl-left", "ctrl-w"], "^two"),
        ("one two", &["home", "alt-delete"], "^ two"),
        ("a\nb", &["alt-up"], "b^\na"),
        ("a b", &["shift-left", "ctrl-x"], "a ^b"),
        ("  a", &["home", "home"], "^  a"),
        ("      x", &["left", "backspace"], "    ^x"),
        ("x", &["tab"], "x   ^"),
        ("a\nb", &["shift-up", "tab"], "    a^\n    b"),
        ("ab", &["shift-left", "shift-left", "left"], "^ab"),
        ("ab", &["shift-left", "shift-left", "right"], "ab^"),
        ("a\nb", &["up", "up"], "^a\nb"),
    ] {
        let mut editor = Editor::new(text);
        keys(&mut editor, pressed);
        assert_eq!(shown(&editor), result, "{text} {pressed:?}");
    }
}

#[test]
fn words_are_undone_and_every_other_change_is_a_step() {
    let mut editor = Editor::new("T");
    keys(&mut editor, &[":| take 10", "home"]);
    editor.comment();
    editor.replace(0..2, "");
    editor.turn_into("a\nb\nc");
    let mut seen = Vec::new();
    while editor.undo(false) {
        seen.push(editor.text().to_owned());
    }
    assert_eq!(
        seen,
        [
            " T| take 10",
            "// T| take 10",
            "T| take 10",
            "T| take",
            "T|",
            "T"
        ]
    );
    while editor.undo(true) {}
    assert_eq!(editor.text(), "a\nb\nc");
}

#[test]
fn another_text_keeps_the_caret_in_its_surroundings() {
    let mut editor = Editor::new("T|where a\n| take 1");
    editor.go_to(14);
    editor.turn_into("T\n| where a\n| take 1");
    assert_eq!(shown(&editor), "T\n| where a\n| ta^ke 1");
}

#[test]
fn what_is_too_long_is_refused_and_nothing_is_lost() {
    let long = "x".repeat(LONGEST - 1);
    let mut editor = Editor::new(&long);
    press(&mut editor, "a");
    assert_eq!(editor.text().len(), LONGEST);
    press(&mut editor, "b");
    assert!(!editor.apply(change::Change::replace(0..0, "more")));
    assert_eq!(editor.text().len(), LONGEST);
    assert_eq!(
        editor.caret(),
        LONGEST,
        "the caret stands past 65,535 columns"
    );
}

#[test]
fn a_long_line_that_was_left_scrolls_back() {
    let mut editor = Editor::new(&format!("short\n{}", "x".repeat(100)));
    let row = |buf: &Buffer| -> String {
        let cells = (0..20).map(|x| buf[(x, 0)].symbol().to_owned());
        cells.collect()
    };
    draw(&editor, 20, 4);
    press(&mut editor, "enter");
    press(&mut editor, "a");
    assert!(row(&draw(&editor, 20, 4)).contains("short"));
    let area = Rect::new(0, 0, 20, 4);
    let at = editor.draw(area, &mut Buffer::empty(area), &Theme::default());
    assert_eq!(at, Some(Position { x: 4, y: 2 }));
    assert_eq!(editor.place(), (3, 2));
}

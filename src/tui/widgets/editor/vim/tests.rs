//! Keys in, texts out: one table. The caret is `^`; on a letter, it stands before it.

use super::super::Editor;
use super::Mode;
use crate::tui::keys::Chord;

fn editor(marked: &str) -> Editor {
    let at = marked.find('^').expect("a caret");
    let mut editor = Editor::new(&marked.replacen('^', "", 1));
    editor.set_vim(true);
    editor.go_to(at);
    editor
}

/// Keys one after another; `<esc>`, `<ctrl-r>` and the like by name.
fn press(editor: &mut Editor, keys: &str) {
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let (name, after) = match rest.strip_prefix('<').and_then(|it| it.split_once('>')) {
            Some((name, after)) if name.len() > 1 => (name.to_owned(), after),
            _ => (c.to_string(), &rest[c.len_utf8()..]),
        };
        rest = after;
        match name.as_str() {
            "esc" => {
                editor.escape();
            }
            "redo" => {
                editor.undo(true);
            }
            " " => {
                editor.key(Chord::parse("space").expect("a key"));
            }
            name => {
                editor.key(Chord::parse(name).unwrap_or_else(|| panic!("no key {name}")));
            }
        }
    }
}

fn shown(editor: &Editor) -> String {
    let mut text = editor.text().to_owned();
    text.insert(editor.caret(), '^');
    text
}

#[test]
fn the_table_of_keys() {
    for (before, keys, after) in [
        // motions
        ("^abc", "ll", "ab^c"),
        ("^abc", "9l", "ab^c"),
        ("ab^c", "h", "a^bc"),
        ("^a\nbc\nd", "jl", "a\nb^c\nd"),
        ("ab^c\nd\nefg", "jj", "abc\nd\nef^g"),
        ("^one two.three", "w", "one ^two.three"),
        ("^one two.three", "3w", "one two.^three"),
        ("one two^", "b", "one ^two"),
        ("^one two", "e", "on^e two"),
        ("^one two", "ee", "one tw^o"),
        ("  ab^c", "0", "^  abc"),
        ("  ab^c", "^", "  ^abc"),
        ("^abc", "$", "ab^c"),
        ("^a\nb\n  c", "G", "a\nb\n  ^c"),
        ("a\nb\n^c", "gg", "^a\nb\nc"),
        ("^a\nb\nc", "2G", "a\n^b\nc"),
        ("^a(b)c(d)", "f(", "a^(b)c(d)"),
        ("^a(b)c(d)", "f(;", "a(b)c^(d)"),
        ("^a(b)c(d)", "t(;", "a(b)^c(d)"),
        ("a(b)c(^d)", "F(", "a(b)c^(d)"),
        ("^a(b)c(d)", "f(;,", "a^(b)c(d)"),
        ("^f(a, (b))", "%", "f(a, (b)^)"),
        ("^a\nb\n\nc", "}", "a\nb\n^\nc"),
        // deleting
        ("a^bc", "x", "a^c"),
        ("a^bc", "5x", "^a"),
        ("a^bc", "X", "^bc"),
        ("^one two", "dw", "^two"),
        ("one ^two\nthree", "dw", "one^ \nthree"),
        ("^one two three", "d2w", "^three"),
        ("^one two three", "2dw", "^three"),
        ("one t^wo", "d0", "^wo"),
        ("o^ne two", "d$", "^o"),
        ("o^ne two", "D", "^o"),
        ("a\nb^b\nc", "dd", "a\n^c"),
        ("a\n^b", "dd", "^a"),
        ("^a\nb\nc\nd", "2dd", "^c\nd"),
        ("^a\nb\nc", "dj", "^c"),
        ("a\nb\n^c", "dgg", "^"),
        ("^has \"x\" or", "dt\"", "^\"x\" or"),
        ("f(a, ^b)", "di(", "f(^)"),
        ("f(a, ^b) c", "da(", "f^ c"),
        ("x == \"a ^b\"", "di\"", "x == \"^\""),
        ("a wo^rd b", "diw", "a ^ b"),
        ("a wo^rd b", "daw", "a ^b"),
        ("a\n\nb^\nc\n\nd", "dip", "a\n\n^\nd"),
        // changing
        ("^one two", "cwx<esc>", "^x two"),
        ("one ^two", "ciwxyz<esc>", "one xy^z"),
        ("f(^a)", "ci(b<esc>", "f(^b)"),
        ("x == '^a'", "ci'b<esc>", "x == '^b'"),
        ("  a^b\nc", "ccx<esc>", "  ^x\nc"),
        ("  a^b", "Sx<esc>", "  ^x"),
        ("a^bc", "Cx<esc>", "a^x"),
        ("a^bc", "sx<esc>", "a^xc"),
        ("a^bc", "rx", "a^xc"),
        ("^abc", "2rx", "x^xc"),
        ("^abc", "9rx", "^abc"),
        ("^aBc", "~", "A^Bc"),
        ("^a\n  b", "J", "a^ b"),
        // inserting
        ("a^b", "ix<esc>", "a^xb"),
        ("a^b", "ax<esc>", "ab^x"),
        ("  a^b", "Ix<esc>", "  ^xab"),
        ("^ab", "Ax<esc>", "ab^x"),
        ("  a^b", "ox<esc>", "  ab\n  ^x"),
        ("  a^b", "Ox<esc>", "  ^x\n  ab"),
        // yanking and putting
        ("^a\nb", "yyp", "a\n^a\nb"),
        ("a\n^b", "yyP", "a\n^b\nb"),
        ("^one two", "ywwP", "one one^ two"),
        ("^one two", "yw$p", "one twoone^ "),
        ("^ab", "xp", "b^a"),
        ("^a\nb\nc", "ddp", "b\n^a\nc"),
        ("^a", "yy2p", "a\n^a\na"),
        // visual
        ("^abc", "vld", "^c"),
        ("a^bc", "v$y0P", "b^cabc"),
        ("^a\nb\nc", "Vjd", "^c"),
        ("^a\nb", "Vj>", "    ^a\n    b"),
        ("f(^a, b)", "vi(d", "f(^)"),
        ("^abc", "vlcx<esc>", "^xc"),
        ("ab^c", "vhod", "^a"),
        ("^ab cd", "yiwwviwp", "ab a^b"),
        ("^abc", "vlrx", "x^xc"),
        // lines
        ("^a\nb", ">>", "    ^a\nb"),
        ("    ^a", "<<", "^a"),
        ("^a\nb", ">j", "    ^a\n    b"),
        ("^a\nb", "gcc", "^// a\nb"),
        ("^a\nb", "gcj", "^// a\n// b"),
        // again and back
        ("^a b c d", "dw..", "^d"),
        ("^a\nb", "Ax<esc>j.", "ax\nb^x"),
        ("^one one", "cwtwo<esc>w.", "two tw^o"),
        ("^a\nb\nc", "ddu", "^a\nb\nc"),
        ("^ab", "cwone two<esc>u", "^ab"),
        ("^ab", "xu<redo>", "^b"),
        // escape ends what is under way
        ("^ab cd", "d<esc>w", "ab ^cd"),
        ("^ab cd", "3<esc>l", "a^b cd"),
        ("^ab cd", "vl<esc>x", "a^ cd"),
        ("^ab", "dz", "^ab"),
    ] {
        let mut editor = editor(before);
        press(&mut editor, keys);
        assert_eq!(shown(&editor), after, "{before:?} {keys}");
        assert_eq!(editor.vim_mode(), Some(Mode::Normal), "{before:?} {keys}");
    }
}

#[test]
fn modes_are_told_and_arrows_work_in_all_of_them() {
    let mut editor = editor("^abc\ndef");
    press(&mut editor, "<right><down>");
    assert_eq!(shown(&editor), "abc\nd^ef");
    press(&mut editor, "v<right>");
    assert_eq!(editor.vim_mode(), Some(Mode::Visual));
    assert_eq!(editor.selection(), Some(5..7));
    press(&mut editor, "<esc>i<left>x");
    assert_eq!(editor.vim_mode(), Some(Mode::Insert));
    assert_eq!(shown(&editor), "abc\ndx^ef");
    editor.escape();
    editor.set_vim(false);
    assert_eq!(editor.vim_mode(), None);
    press(&mut editor, "dd");
    assert_eq!(editor.text(), "abc\ndddxef");
}

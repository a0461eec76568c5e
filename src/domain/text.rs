//! The one sanitiser: what attackers write never reaches a terminal, file or clipboard raw.
//!
//! Every string of a service passes [`clean`] (one line), [`clean_block`] (several lines) or one of
//! the export guards before it leaves the program. Control characters, escape sequences,
//! bidirectional overrides and invisible characters are made visible as `⟪U+202E⟫` rather than
//! removed: an analyst must see that they were there.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One line, safe for any sink: everything that could move, hide or reorder text is made visible;
/// line breaks become `⏎`, tabs a space. Borrows when nothing had to change.
pub fn clean(text: &str) -> Cow<'_, str> {
    replace(text, false)
}

/// The same for text of several lines: `\n` stays (`\r\n` counts as one), a tab becomes four spaces.
pub fn clean_block(text: &str) -> Cow<'_, str> {
    replace(text, true)
}

/// Whether a character may reach a terminal as it is.
pub fn is_safe(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => false,
        // soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul and Khmer fillers
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            false
        }
        // Mongolian vowel separator and variation selectors; zero width, direction, invisible operators
        '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' => false,
        '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' => false,
        // private use draws as anything or nothing; tags and further variation selectors hide text
        '\u{e000}'..='\u{f8ff}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}' => false,
        _ => true,
    }
}

/// Marks upon one character that are shown; no writing needs more, and heaps of them run over the lines
/// above and below.
const MARKS: usize = 8;

/// Whether a character stands upon the one before it.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && unicode_width::UnicodeWidthChar::width(c) == Some(0)
}

/// Whether nothing has to change.
fn is_calm(text: &str) -> bool {
    let mut marks = 0;
    text.chars().all(|c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        is_safe(c) && marks <= MARKS
    })
}

fn replace(text: &str, block: bool) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || is_calm(text) {
        return Cow::Borrowed(text);
    }
    let mut marks = 0;
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        marks = if is_mark(c) && is_safe(c) {
            marks + 1
        } else {
            0
        };
        if marks > MARKS {
            let mut more = 1;
            while chars.next_if(|c| is_mark(*c) && is_safe(*c)).is_some() {
                more += 1;
            }
            let _ = write!(out, "⟪{more} marks⟫");
            continue;
        }
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' if block => out.push('\n'),
            '\n' => out.push('⏎'),
            '\t' => out.push_str(if block { "    " } else { " " }),
            c if is_safe(c) => out.push(c),
            c => {
                let _ = write!(out, "⟪U+{:04X}⟫", c as u32);
            }
        }
    }
    Cow::Owned(out)
}

/// A URL, host or address that no program will turn into a link: `hxxps://evil[.]example/x`.
/// Sanitised as well.
pub fn defang(text: &str) -> String {
    let text = clean(text);
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, &*text),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, tail) = rest.split_at(end);
    let mut out = String::with_capacity(text.len() + 8);
    if let Some(scheme) = scheme {
        out.push_str(&scheme.replace("http", "hxxp").replace("HTTP", "HXXP"));
        out.push_str("://");
    }
    out.push_str(&host.replace('.', "[.]"));
    out.push_str(tail);
    out
}

/// A cell for a spreadsheet: sanitised, and a leading formula character is put behind a quote.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let cleaned = clean(text);
    if cleaned.trim_start().starts_with(['=', '+', '-', '@']) && cleaned.parse::<f64>().is_err() {
        return Cow::Owned(format!("'{cleaned}"));
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_are_shown_not_sent() {
        assert_eq!(clean("a\u{1b}[31mb"), "a⟪U+001B⟫[31mb");
        assert_eq!(clean("invoice\u{202e}fdp.exe"), "invoice⟪U+202E⟫fdp.exe");
        assert_eq!(clean("x\u{9b}1m\u{200b}"), "x⟪U+009B⟫1m⟪U+200B⟫");
        assert_eq!(clean("one\r\ntwo\tthree"), "one⏎two three");
        assert_eq!(clean_block("one\r\ntwo"), "one\ntwo");
    }

    #[test]
    fn heaps_of_marks_are_counted_and_writing_keeps_its_own() {
        let heap = format!("a{}b", "\u{301}".repeat(100));
        let shown = format!("a{}⟪92 marks⟫b", "\u{301}".repeat(8));
        assert_eq!(clean(&heap), shown);
        assert_eq!(clean(&shown), shown, "cleaned once is clean");
        for writing in ["e\u{301}", "ก็่", "שָׁ֣לֹום"] {
            assert_eq!(clean(writing), writing);
        }
    }

    #[test]
    fn ordinary_text_is_borrowed() {
        for text in ["plain", "Grüße, 東京 🙂", "a‑b"] {
            assert!(matches!(clean(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn links_are_defanged_in_the_host_alone() {
        assert_eq!(
            defang("https://contoso-billing.com/inv/0919.html?u=a.b"),
            "hxxps://contoso-billing[.]com/inv/0919.html?u=a.b"
        );
        assert_eq!(defang("203.0.113.9"), "203[.]0[.]113[.]9");
        assert_eq!(
            defang("bounce@mailer.example.net"),
            "bounce@mailer[.]example[.]net"
        );
    }

    #[test]
    fn formulas_are_disarmed_and_numbers_left_alone() {
        assert_eq!(csv_cell("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(csv_cell("-12.5"), "-12.5");
        assert_eq!(csv_cell("\t=1+1"), "' =1+1");
    }
}

//! Keys as text: `ctrl-r`, `shift-tab`, `F5`, `x i`. Read from tables and configuration, shown in
//! hints, and matched against what the terminal sends.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key press in its one form: a printable character never carries `shift` (it is another
/// character), back-tab is `shift-tab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Control, alt and, for keys that print nothing, shift.
    pub modifiers: KeyModifiers,
}

const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
];

impl Chord {
    /// The chord of a terminal event, in its one form.
    pub fn of(event: &KeyEvent) -> Self {
        let mut modifiers =
            event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(c) => {
                modifiers -= KeyModifiers::SHIFT;
                if modifiers.contains(KeyModifiers::CONTROL) {
                    KeyCode::Char(match c.to_ascii_lowercase() {
                        // one byte on the line, read by its digit or written by its sign
                        '4' => '\\',
                        '5' => ']',
                        '6' => '^',
                        '7' | '_' => '/',
                        c => c,
                    })
                } else {
                    KeyCode::Char(c)
                }
            }
            code => code,
        };
        Self { code, modifiers }
    }

    /// Reads `ctrl-x`, `alt-x`, `shift-tab`, `F5`, `enter`, `G`; `None` where it names no key.
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            let lower = rest.to_ascii_lowercase();
            let (flag, length) = if lower.starts_with("ctrl-") && rest.len() > 5 {
                (KeyModifiers::CONTROL, 5)
            } else if lower.starts_with("alt-") && rest.len() > 4 {
                (KeyModifiers::ALT, 4)
            } else if lower.starts_with("shift-") && rest.len() > 6 {
                (KeyModifiers::SHIFT, 6)
            } else {
                break;
            };
            modifiers |= flag;
            rest = &rest[length..];
        }
        let lower = rest.to_ascii_lowercase();
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => KeyCode::Char(c),
            _ => {
                if let Some((_, code)) = NAMED.iter().find(|(name, _)| *name == lower) {
                    *code
                } else {
                    let number: u8 = lower.strip_prefix('f')?.parse().ok()?;
                    if !(1..=24).contains(&number) {
                        return None;
                    }
                    KeyCode::F(number)
                }
            }
        };
        let event = match code {
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::SHIFT) => {
                KeyEvent::new(KeyCode::Char(c.to_ascii_uppercase()), modifiers)
            }
            _ => KeyEvent::new(code, modifiers),
        };
        Some(Self::of(&event))
    }

    /// Whether it types a character into a text.
    pub fn prints(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }

    /// Whether every terminal sends it, and sends it as nothing else: no control with digits or
    /// with the letters that are tab, enter and backspace, no shifted function keys, no
    /// control-enter. Of signs, control has `]`, `\` and `/` (which is `_` to some).
    pub fn is_plain(self) -> bool {
        let control = self.modifiers.contains(KeyModifiers::CONTROL);
        let shift = self.modifiers.contains(KeyModifiers::SHIFT);
        match self.code {
            KeyCode::Char(c) if control => {
                !self.modifiers.contains(KeyModifiers::ALT)
                    && (c.is_ascii_lowercase() || matches!(c, ' ' | ']' | '\\' | '/'))
                    && !matches!(c, 'h' | 'i' | 'j' | 'm')
            }
            KeyCode::Char(_) => true,
            KeyCode::Tab => !control && !self.modifiers.contains(KeyModifiers::ALT),
            KeyCode::F(number) => self.modifiers.is_empty() && number <= 12,
            KeyCode::Enter | KeyCode::Esc | KeyCode::Backspace => self.modifiers.is_empty(),
            _ => !control && !shift && !self.modifiers.contains(KeyModifiers::ALT),
        }
    }

    /// The key event it stands for, for tests and replays.
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }
}

impl fmt::Display for Chord {
    /// As hints show it: `^r`, `⏎`, `␣`, `esc`, `M-x`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("^")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("M-")?;
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            f.write_str("⇧")?;
        }
        match self.code {
            KeyCode::Enter => f.write_str("⏎"),
            KeyCode::Char(' ') => f.write_str("␣"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(number) => write!(f, "F{number}"),
            code => {
                let name = NAMED.iter().find(|(_, known)| *known == code);
                f.write_str(name.map_or("?", |(name, _)| name))
            }
        }
    }
}

/// Reads a sequence of chords, `"x i"`.
///
/// # Errors
/// The part that names no key.
pub fn parse_sequence(text: &str) -> Result<Vec<Chord>, String> {
    let chords: Result<Vec<Chord>, String> = text
        .split_whitespace()
        .map(|part| Chord::parse(part).ok_or_else(|| part.to_owned()))
        .collect();
    match chords {
        Ok(chords) if chords.is_empty() => Err(text.to_owned()),
        other => other,
    }
}

/// A sequence as hints show it: `x i`.
pub fn show_sequence(chords: &[Chord]) -> String {
    let mut out = String::new();
    for (index, chord) in chords.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(&chord.to_string());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_form() {
        let upper = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(Some(Chord::of(&upper)), Chord::parse("G"));
        assert_eq!(Chord::parse("shift-g"), Chord::parse("G"));
        let back = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(Some(Chord::of(&back)), Chord::parse("shift-tab"));
        assert_eq!(Chord::parse("ctrl--"), Chord::parse("Ctrl--"));
        assert_eq!(Chord::parse("-").map(|c| c.to_string()), Some("-".into()));
        assert_eq!(Chord::parse("hyper-x"), None);
        assert_eq!(Chord::parse("F0"), None);
        for (sent, meant) in [
            ("ctrl-7", "ctrl-/"),
            ("ctrl-_", "ctrl-/"),
            ("ctrl-5", "ctrl-]"),
        ] {
            assert_eq!(Chord::parse(sent), Chord::parse(meant), "{sent}");
        }
    }

    #[test]
    fn chords_plain_terminals_cannot_send_are_known() {
        for text in [
            "ctrl-enter",
            "ctrl-i",
            "ctrl-m",
            "ctrl-1",
            "shift-F5",
            "ctrl-up",
            "F13",
        ] {
            let chord = Chord::parse(text).expect("a key");
            assert!(!chord.is_plain(), "{text}");
        }
        for text in ["enter", "ctrl-r", "alt-x", "shift-tab", "F12", "space", "~"] {
            let chord = Chord::parse(text).expect("a key");
            assert!(chord.is_plain(), "{text}");
        }
    }
}

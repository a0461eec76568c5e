//! A line typed at the terminal that is shown to nobody, before the console takes the terminal over.

use std::io::{self, Write as _};

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use secrecy::zeroize::Zeroizing;

/// No secret is longer; memory for it is taken at once, so that none is left behind.
const LONGEST: usize = 4096;

/// Asks on standard error and reads a line; `None` where the person gave up. Wiped when dropped. The
/// prompt, sanitised by the caller, comes after the terminal has stopped showing what is typed: who is
/// quick to answer it is not shown either.
///
/// # Errors
/// Where there is no terminal to read from.
pub fn line(prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
    let _raw = Raw::enter()?;
    let mut err = io::stderr();
    write!(err, "{prompt}")?;
    err.flush()?;
    let mut typed = Zeroizing::new(String::with_capacity(LONGEST));
    loop {
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Ok(Some(typed)),
            // Enter, pressed before the terminal was ours.
            KeyCode::Char('j') if control => return Ok(Some(typed)),
            KeyCode::Char('c' | 'd') if control => return Ok(None),
            KeyCode::Char('u') if control => typed.clear(),
            KeyCode::Esc => return Ok(None),
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Char(letter) if !control && typed.len() + letter.len_utf8() <= LONGEST => {
                typed.push(letter);
            }
            _ => {}
        }
    }
}

/// Raw mode, left again however this ends.
struct Raw;

impl Raw {
    fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The terminal is gone: nobody is left to see it.
        let _ = disable_raw_mode();
    }
}

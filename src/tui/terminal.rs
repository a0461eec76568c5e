//! The terminal: set up, restored whatever happens, suspended, drawn to in whole frames.

use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};

use super::draw::{self, Drawn};
use super::state::State;

/// What the loop draws on: a terminal, or a buffer in tests.
pub trait Surface {
    /// Draws a frame.
    fn draw(&mut self, state: &State, now: Timestamp) -> io::Result<Drawn>;

    /// Forgets what is on screen, so that the next frame draws everything.
    fn clear(&mut self) -> io::Result<()>;

    /// Puts a text on the clipboard of the person at the terminal.
    fn copy(&mut self, text: &str) -> io::Result<()>;

    /// Gives the terminal back to the shell until it lets the program go on.
    fn suspend(&mut self) -> io::Result<()>;

    /// Gives the terminal to another program; [`Surface::take_back`] ends that.
    fn give_away(&mut self) -> io::Result<()>;

    /// Takes the terminal over again.
    fn take_back(&mut self) -> io::Result<()>;

    /// Its size now.
    fn size(&self) -> io::Result<(u16, u16)>;
}

/// A real terminal. Dropping it restores what was.
pub struct Tty {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
    restored: Arc<AtomicBool>,
}

/// Big enough for any frame: one write, no tearing on slow links.
const FRAME_BYTES: usize = 256 * 1024;

impl Tty {
    /// Takes the terminal over. `crash_notes` is the folder a panic writes its note to.
    ///
    /// # Errors
    /// Where standard output is no terminal, or refuses.
    pub fn set_up(mouse: bool, crash_notes: &Path) -> io::Result<Self> {
        let restored = Arc::new(AtomicBool::new(false));
        hook_panics(crash_notes.to_owned(), Arc::clone(&restored));
        enter(mouse).inspect_err(|_| leave())?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, io::stdout()));
        let terminal = Terminal::new(backend).inspect_err(|_| leave())?;
        Ok(Self {
            terminal,
            mouse,
            restored,
        })
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        if !self.restored.swap(true, Ordering::SeqCst) {
            leave();
        }
    }
}

impl Surface for Tty {
    fn draw(&mut self, state: &State, now: Timestamp) -> io::Result<Drawn> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let mut drawn = Drawn::default();
        self.terminal.draw(|frame| {
            drawn = draw::draw(state, frame.buffer_mut(), now);
            if let Some(at) = drawn.cursor {
                frame.set_cursor_position(at);
            }
        })?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        Write::flush(self.terminal.backend_mut())?;
        Ok(drawn)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(
            self.terminal.backend_mut(),
            CopyToClipboard::to_clipboard_from(text)
        )
    }

    #[cfg(unix)]
    fn suspend(&mut self) -> io::Result<()> {
        leave();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        // Here again: the shell has let the program go on.
        enter(self.mouse)?;
        self.terminal.clear()
    }

    #[cfg(not(unix))]
    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn give_away(&mut self) -> io::Result<()> {
        leave();
        Ok(())
    }

    fn take_back(&mut self) -> io::Result<()> {
        enter(self.mouse)?;
        // Who stopped listening left a wake-up call behind, which would be taken for the silence of a
        // terminal that is asked where its cursor is.
        crossterm::event::poll(std::time::Duration::ZERO)?;
        self.terminal.clear()
    }

    fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.backend().size()?;
        Ok((size.width, size.height))
    }
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    let mut out = io::stdout();
    execute!(
        out,
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange
    )?;
    if mouse {
        execute!(out, EnableMouseCapture)?;
    }
    Ok(())
}

/// Puts everything back. Errors are of no use to anybody here: each step is tried.
fn leave() {
    let mut out = io::stdout();
    let _ = execute!(out, EndSynchronizedUpdate);
    let _ = execute!(out, DisableMouseCapture);
    let _ = execute!(out, DisableFocusChange, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// A panic of the console's own thread restores the terminal before anything is said; one of a
/// worker leaves the screen alone (the task's answer is missing, the console goes on). Both leave a
/// note: where and what, and nothing of the data at hand.
fn hook_panics(folder: PathBuf, restored: Arc<AtomicBool>) {
    let own = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let mine = std::thread::current().id() == own;
        if mine && !restored.swap(true, Ordering::SeqCst) {
            leave();
        }
        let note = crash_note(info);
        let stamp = Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        let path = folder.join(format!("crash-{stamp}.txt"));
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, note));
        tracing::error!(panic = %info.location().map(ToString::to_string).unwrap_or_default(), "panic");
        if mine {
            if written.is_ok() {
                let mut err = io::stderr();
                let _ = writeln!(err, "nightjar crashed; a note is in {}", path.display());
            }
            before(info);
        }
    }));
}

fn crash_note(info: &std::panic::PanicHookInfo<'_>) -> String {
    let what = info
        .payload()
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| info.payload().downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no words)");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    format!(
        "nightjar {}\n{}\nat {place}\n{}\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        Timestamp::now(),
        crate::domain::text::clean(what),
        std::backtrace::Backtrace::force_capture()
    )
}

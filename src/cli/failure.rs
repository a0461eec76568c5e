//! Why a command did not do what was asked: words for standard error and an exit status.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// What every command returns.
pub(crate) type Done<T = ()> = Result<T, Failure>;

/// The exit statuses besides 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The reader of standard output went away: nothing failed and nobody is listening.
    Quiet,
    /// The service or the query said no.
    Refused,
    /// Wrong usage or configuration.
    Usage,
    /// A sign-in is needed.
    SignIn,
    /// Ended by a signal: 128 and its number; 130 is Ctrl-C.
    Signal(u8),
}

/// A failure: what, and where it helps, what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
    advice: Option<String>,
}

impl Failure {
    fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            advice: None,
        }
    }

    /// The service or the query said no.
    pub(crate) fn refused(message: impl fmt::Display) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Sign-in is needed.
    pub(crate) fn sign_in(message: impl fmt::Display) -> Self {
        Self::new(Exit::SignIn, message)
    }

    /// Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Signal(2), "interrupted")
    }

    /// Ended by a signal, which needs no words.
    pub(crate) fn signal(number: i32) -> Self {
        Self::new(Exit::Signal(u8::try_from(number).unwrap_or(15)), "")
    }

    /// A status alone: what there is to say has been written already.
    pub(crate) fn silent(code: u8) -> Self {
        let exit = match code {
            2 => Exit::Usage,
            3 => Exit::SignIn,
            _ => Exit::Refused,
        };
        Self::new(exit, "")
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn advise(mut self, advice: impl fmt::Display) -> Self {
        let advice = advice.to_string();
        self.advice = Some(advice).filter(|text| !text.trim().is_empty());
        self
    }

    /// Words for a person, unsanitised: the message, then the advice on lines of its own.
    pub(crate) fn words(&self) -> Option<String> {
        if self.message.is_empty() {
            return None;
        }
        Some(match &self.advice {
            Some(advice) => format!("{}\n{advice}", self.message),
            None => self.message.clone(),
        })
    }

    /// The exit status.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self.exit {
            Exit::Quiet => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::SignIn => 3,
            Exit::Signal(number) => 128_u8.saturating_add(number),
        })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Quiet, ""),
            io::ErrorKind::Interrupted => Self::interrupted(),
            _ => Self::refused(error),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<io::Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::refused(format!("{error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed.exit, Exit::Quiet);
        assert_eq!(closed.words(), None);
        let wrapped = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(Failure::from(wrapped).exit, Exit::Quiet);
    }
}

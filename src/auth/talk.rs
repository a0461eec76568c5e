//! What a person who signs in is told, and how they call it off. Who shows it, a terminal line or a
//! popup, is not this room's business.

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::SignIn;

/// A step of signing in, to be shown. Texts of the service are sanitised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInStep {
    /// Enter this code on that page, in any browser.
    Code {
        /// What to type there.
        user_code: String,
        /// Where, as the service gave it.
        page: String,
        /// When the code stops being good.
        expires: Timestamp,
    },
    /// Sign in on this page, in a browser of this machine.
    Page {
        /// The page, for a browser that did not open by itself.
        url: Url,
        /// Whether a browser was opened on it.
        opened: bool,
        /// When waiting for it ends.
        expires: Timestamp,
    },
    /// Something to know before going on.
    Warning(String),
}

/// The line between a sign-in and the person doing it. Clones share.
#[derive(Clone, Debug)]
pub struct Talk {
    steps: mpsc::UnboundedSender<SignInStep>,
    /// The way the person chose in place of the profile's: the browser or a device code.
    pub way: Option<SignIn>,
    /// Cancelled where the person gives up.
    pub cancel: CancellationToken,
}

impl Talk {
    /// A line and where its steps arrive.
    pub fn new(cancel: CancellationToken) -> (Self, mpsc::UnboundedReceiver<SignInStep>) {
        let (steps, heard) = mpsc::unbounded_channel();
        let talk = Self {
            steps,
            way: None,
            cancel,
        };
        (talk, heard)
    }

    /// The same, by a way the person chose.
    #[must_use]
    pub fn by(self, way: Option<SignIn>) -> Self {
        Self { way, ..self }
    }

    /// Shows a step.
    pub fn tell(&self, step: SignInStep) {
        // Nobody listens any more: the sign-in is being called off.
        let _ = self.steps.send(step);
    }
}

//! What the console is told ([`Msg`]), what a screen asks of the console ([`Act`]), and what the
//! console asks of its workers ([`Effect`]). All three are values: nothing here does anything.

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use super::commands::Command;
use super::data::{Level, Story};
use super::screen::Screen;
use super::screens::doctor::{DoctorAsk, DoctorMsg};
use super::screens::evidence::{EvidenceAsk, EvidenceMsg};
use super::screens::hunt::{HuntAsk, HuntMsg};
use super::screens::sign_in::{SignInAsk, SignInMsg};
use super::screens::views::{ViewAsk, ViewsMsg};
use crate::api::Budgets;
use crate::doctor::Refused;
use crate::domain::{
    Alert, AlertId, AlertRow, Change, EntityKey, IncidentId, IncidentRow, MachineAction, MachineId,
    Of, TenantNo, Timestamp,
};
use crate::feed::FeedHealth;
use crate::hunt::lists::{Judge, Judged};
use crate::respond::{self, Operation, Outcome, Seen};
use crate::store::{JournalEntry, Sighting};

/// A device by id and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRef {
    /// Its id at Defender for Endpoint.
    pub id: MachineId,
    /// Its name; hostile.
    pub name: String,
}

/// Whose evidence to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidenceOf {
    /// Of one alert.
    Alert(Of<AlertId>),
    /// Of all alerts of an incident.
    Incident(Of<IncidentId>),
}

/// The first-level screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// The incident queue.
    Incidents,
    /// Alerts of all incidents.
    Alerts,
    /// Hunting.
    Hunt,
    /// Machine actions.
    Actions,
    /// The console's own audit.
    Journal,
    /// The message log.
    Messages,
    /// The tenants.
    Tenants,
}

impl Root {
    /// In the order of their keys.
    pub const ALL: [Root; 7] = [
        Root::Incidents,
        Root::Alerts,
        Root::Hunt,
        Root::Actions,
        Root::Journal,
        Root::Messages,
        Root::Tenants,
    ];
}

/// Where an entity was seen, and which caches could not be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sightings {
    /// Where.
    pub found: Vec<Of<Sighting>>,
    /// Whose cache could not be read, and why.
    pub unread: Vec<Of<String>>,
}

/// What a token held for a tenant says about itself; all of it hostile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// What it is for.
    pub resource: &'static str,
    /// Whom it names: a person, else the application.
    pub who: String,
    /// The audience it was issued for.
    pub audience: String,
    /// Application permissions, else delegated ones.
    pub may: Vec<String>,
    /// When it ends.
    pub expires: Timestamp,
}

/// Changes that need no confirmation because they can be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// What they come to, in words: "incident 4211 assigned to you".
    pub label: String,
    /// What is sent, each with what the analyst saw.
    pub operations: Vec<(Of<Operation>, Option<Seen>)>,
    /// The analyst was asked and agreed: without that nothing is sent to several tenants at once.
    pub agreed: bool,
}

/// What the console is told.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "few are alive at a time, and briefly"
)]
pub enum Msg {
    /// A key.
    Key(KeyEvent),
    /// Pasted text; hostile.
    Paste(String),
    /// A click or wheel turn.
    Mouse(MouseEvent),
    /// The terminal's size in cells.
    Resize(u16, u16),
    /// The terminal gained or lost the focus.
    Focus(bool),
    /// An age on screen has changed, or a wait is over.
    Tick,

    /// The queue as a tenant's cache has it.
    Queue(TenantNo, Vec<IncidentRow>),
    /// The alerts as a tenant's cache has them.
    Alerts(TenantNo, Vec<AlertRow>),
    /// News from feeds or a write, in the order each tenant told them.
    Changes(Vec<Of<Change>>),
    /// Something the console has to say.
    Notice(Level, String),
    /// Something there is to say of a tenant.
    TenantNotice(TenantNo, Level, String),
    /// An incident with its alerts; none where it is not cached.
    Story(Of<IncidentId>, Result<Option<Arc<Story>>, String>),
    /// One alert in full; none where it is not cached.
    Alert(Of<AlertId>, Result<Option<Arc<Alert>>, String>),
    /// Where else an entity occurs, in the caches of all tenants.
    Sightings(EntityKey, Sightings),
    /// Machine actions as a tenant's cache has them.
    Actions(TenantNo, Vec<MachineAction>),
    /// How a feed is doing.
    Health(Of<FeedHealth>),
    /// What a tenant's services still let us ask.
    Budgets(Of<Budgets>),
    /// What the tokens held for a tenant say.
    Tokens(Of<Vec<TokenFacts>>),
    /// Show these tenants alone on every screen; none of them: all.
    Show(Vec<TenantNo>),
    /// The preflight card of a ticket.
    Preflight(u64, Result<Box<respond::Preflight>, String>),
    /// What came of a write.
    Outcome {
        /// The ticket of its question.
        ticket: u64,
        /// What was asked, in words.
        label: String,
        /// What was asked of whom.
        operation: Of<Operation>,
        /// What came of it.
        outcome: Outcome,
    },
    /// A tenant's journal has a new entry or an entry moved on.
    JournalChanged(TenantNo),
    /// A tenant's journal, newest first.
    Journal(TenantNo, Result<Vec<JournalEntry>, String>),
    /// A file was written, or not.
    Exported(&'static str, Result<PathBuf, String>),
    /// For the queue: put the cursor on this incident.
    ShowIncident(Of<IncidentId>),
    /// For the Hunt screen: a hunt, an order, earlier queries.
    Hunt(HuntMsg),
    /// A service refused something outside of what else is told here.
    Refused(Box<Of<Refused>>),
    /// For the doctor's screen: results; an explanation.
    Doctor(DoctorMsg),
    /// For the Evidence screen: what was hunted for.
    Evidence(EvidenceMsg),
    /// Which rows of a list pass its condition.
    Judged(Judged),
    /// Filters that were kept.
    Views(ViewsMsg),
    /// Somebody has to sign in, or is doing so.
    SignIn(SignInMsg),
    /// For the Hunt screen: put this query into a tab (title, text, run at once).
    OpenQuery {
        /// The tenants to ask; none: those the screen would ask anyway.
        tenants: Vec<TenantNo>,
        /// The tab's title.
        title: String,
        /// The query.
        query: String,
        /// Whether to run it.
        run: bool,
    },
}

/// What a screen asks of the console.
#[expect(
    clippy::large_enum_variant,
    reason = "few are alive at a time, and briefly"
)]
pub enum Act {
    /// Ask a worker.
    Effect(Effect),
    /// Show a screen on top.
    Push(Box<dyn Screen>),
    /// Back to the screen below.
    Back,
    /// Show a first-level screen.
    Go(Root),
    /// Show a popup.
    Popup(Box<dyn Screen>),
    /// Close the uppermost popup.
    Close,
    /// Close the popup that carries this ticket, wherever it is.
    CloseTicket(u64),
    /// Send changes that need no confirmation.
    Write(Write),
    /// Say something.
    Notice(Level, String),
    /// Tell every screen something.
    Tell(Msg),
    /// Put a text on the clipboard, sanitised.
    Copy(String),
    /// Do a command as if its key had been pressed (after closing the popup that asked).
    Run(Command),
    /// Show evidence.
    Evidence(EvidenceOf),
    /// Show an incident in the queue.
    ShowIncident(Of<IncidentId>),
    /// Show the Hunt screen with a query.
    Hunt {
        /// The tenants to ask; none: those the screen would ask anyway.
        tenants: Vec<TenantNo>,
        /// The tab's title.
        title: String,
        /// The query.
        query: String,
        /// Whether to run it at once.
        run: bool,
    },
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Effect(effect) => f.debug_tuple("Effect").field(effect).finish(),
            Self::Push(screen) => f.debug_tuple("Push").field(&screen.title()).finish(),
            Self::Popup(screen) => f.debug_tuple("Popup").field(&screen.title()).finish(),
            Self::Back => f.write_str("Back"),
            Self::Close => f.write_str("Close"),
            Self::CloseTicket(ticket) => f.debug_tuple("CloseTicket").field(ticket).finish(),
            Self::Write(write) => f.debug_tuple("Write").field(write).finish(),
            Self::Go(root) => f.debug_tuple("Go").field(root).finish(),
            Self::Notice(level, text) => f.debug_tuple("Notice").field(level).field(text).finish(),
            Self::Tell(msg) => f.debug_tuple("Tell").field(msg).finish(),
            Self::Copy(text) => f.debug_tuple("Copy").field(text).finish(),
            Self::Run(command) => f.debug_tuple("Run").field(command).finish(),
            Self::Evidence(of) => f.debug_tuple("Evidence").field(of).finish(),
            Self::ShowIncident(id) => f.debug_tuple("ShowIncident").field(id).finish(),
            Self::Hunt { title, .. } => f.debug_tuple("Hunt").field(title).finish(),
        }
    }
}

/// What the console asks of its workers. Carried out in `workers`; the answer is a [`Msg`].
#[derive(Debug)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Leave, and start the demo instead.
    Demo,
    /// Stop until the shell brings the program back.
    Suspend,
    /// Clear the terminal and draw everything.
    Redraw,
    /// Put a sanitised text on the clipboard.
    Copy(String),
    /// Open a page of a known portal in the browser.
    OpenPortal(String),
    /// Read the queue from every tenant's cache.
    LoadQueue,
    /// Read all alerts from every tenant's cache.
    LoadAlerts,
    /// Read an incident with its alerts from the cache; only the newest such question is answered.
    LoadStory(Of<IncidentId>),
    /// Read an alert from the cache.
    LoadAlert(Of<AlertId>),
    /// Look an entity up in every tenant's cache.
    LoadSightings(EntityKey),
    /// Read a tenant's journal.
    LoadJournal(TenantNo),
    /// Write every tenant's journal to a file.
    ExportJournal,
    /// Remember that the incident was looked at.
    MarkViewed(Of<IncidentId>),
    /// Read machine actions from every tenant's cache.
    LoadActions,
    /// Ask what an analyst should know before an operation.
    Preflight {
        /// For the answer to carry.
        ticket: u64,
        /// What is meant to be done to whom.
        operation: Of<Operation>,
    },
    /// Send an operation, once.
    Submit {
        /// For the answer to carry.
        ticket: u64,
        /// What it is, in words.
        label: String,
        /// What is to be done to whom.
        operation: Of<Operation>,
        /// What was typed to confirm it.
        typed: Option<String>,
        /// What its target looked like when the analyst decided.
        seen: Option<Seen>,
    },
    /// Nobody looks, or somebody does again.
    Idle(bool),
    /// Look at the tokens held for a tenant; asks for none.
    LoadTokens(TenantNo),
    /// Make writes to a tenant impossible for this session, or possible again.
    ReadOnly(TenantNo, bool),
    /// Ask the services of these tenants now.
    Refresh(Vec<TenantNo>),
    /// Keep this incident fresh while it is looked at; none: nothing is open any more.
    Watch(Option<Of<IncidentId>>),
    /// For the Hunt screen: run, cancel, sort, export, read history.
    Hunt(HuntAsk),
    /// For the doctor's screen: examine, explain.
    Doctor(DoctorAsk),
    /// For the Evidence screen: hunt for facts.
    Evidence(EvidenceAsk),
    /// Judge the rows of a list by its condition.
    Judge(Judge),
    /// Read or change the filters that were kept.
    Views(ViewAsk),
    /// Sign a person in.
    SignIn(SignInAsk),
}

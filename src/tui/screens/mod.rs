//! One module a screen. The first-level ones are listed in [`roots`]; the others are pushed or
//! popped up by whoever wants them shown.

pub mod actions;
mod agree;
pub mod alerts;
pub mod doctor;
pub mod evidence;
mod first_run;
mod help;
pub mod hunt;
pub mod incidents;
pub mod journal;
mod messages;
mod narrow;
mod palette;
pub mod picker;
pub mod preflight;
pub mod prompt;
pub mod sign_in;
pub mod tenants;
pub mod text;
mod triage;
pub mod views;

use super::commands::Scope;
use super::data::Data;
use super::keymap::Keymap;
use super::msg::{EvidenceOf, Write};
use super::screen::Screen;

/// The first-level screens in the order of [`super::msg::Root::ALL`].
pub fn roots() -> Vec<Box<dyn Screen>> {
    vec![
        Box::new(incidents::Incidents::default()),
        Box::new(alerts::Alerts::all()),
        Box::new(hunt::HuntScreen::new()),
        Box::new(actions::Actions::default()),
        Box::new(journal::Journal::default()),
        Box::new(messages::Messages::default()),
        Box::new(tenants::Tenants::default()),
    ]
}

/// The evidence of an alert or incident.
pub fn evidence(of: EvidenceOf) -> Box<dyn Screen> {
    Box::new(evidence::EvidenceScreen::new(of))
}

/// The first screen of a console without a profile.
pub fn first_run() -> Box<dyn Screen> {
    Box::new(first_run::FirstRun)
}

/// Asks before changes in several tenants.
pub(super) fn agree(write: Write) -> Box<dyn Screen> {
    Box::new(agree::Agree::new(write))
}

/// Which tenants are shown.
pub(super) fn choose_tenants(data: &Data) -> Box<dyn Screen> {
    Box::new(tenants::Choose::new(data))
}

/// The keys that work in a scope.
pub fn help(scope: Scope, keymap: &Keymap) -> Box<dyn Screen> {
    Box::new(help::Help::new(scope, keymap))
}

/// Any command by name.
pub fn palette(scope: Scope, keymap: &Keymap) -> Box<dyn Screen> {
    Box::new(palette::Palette::new(scope, keymap))
}

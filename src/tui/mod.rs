//! The console: what the analyst sees and types.
//!
//! | file | what it is for |
//! |---|---|
//! | [`update`] | the one place that changes state: a [`msg::Msg`] in, [`msg::Effect`]s out, no I/O |
//! | [`state`] | what the console is in: data, stacks of screens, popups |
//! | [`screen`] | how a screen plugs in, with an example |
//! | [`commands`] | every command: name, title, scope, danger, keys, help |
//! | [`keymap`] | keys to commands, the user's over the defaults |
//! | [`theme`] | roles to styles, from `themes/*.toml` |
//! | [`draw`], [`header`] | one frame from `&State` |
//! | [`data`] | what the console knows, shared by all screens |
//! | [`screens`] | one module a screen |
//! | [`outside`] | a text edited in `$EDITOR` |
//! | [`widgets`] | the virtual table, inputs, popups, the one painter |
//!
//! Screens know no network, no file and no clock: they ask for effects and are told messages.

pub mod commands;
pub mod data;
pub mod draw;
pub mod header;
pub mod hidden;
pub mod keymap;
pub mod keys;
pub mod msg;
pub mod outside;
pub mod run;
pub mod screen;
pub mod screens;
pub mod state;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod widgets;
pub mod workers;
mod writes;

pub use run::{ExitReason, Start, run};

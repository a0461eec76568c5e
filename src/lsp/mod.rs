//! A language server: what the language says of queries, to any editor, over the Language Server
//! Protocol.
//!
//! One thread reads messages, one answers them in order. A change of a text is applied at once and read
//! when somebody asks, so that fast typing is not answered letter by letter; findings are sent when no
//! message waits. Texts hold several queries ([`crate::hunt::sheet`]); those that did not change are not
//! read again. A message that is none is refused and the next one is read.
//!
//! Start in [`server`] for the life of a server and the list of what it answers, in [`document`] for a
//! text and its places. Must not know files, tenants or settings: the schema is given.

mod actions;
mod client;
mod completion;
mod document;
mod help;
mod layout;
mod names;
mod server;
mod tokens;
mod wire;

use std::io::{self, Read, Write};

use crate::hunt::SharedSchema;

/// What a server is started with.
pub struct Settings<'s> {
    /// The tables queries are read against, unless the client names profiles.
    pub schema: SharedSchema,
    /// The tables of the tenants of these profiles, or why not, in words.
    pub profiles: &'s dyn Fn(&[String]) -> Result<SharedSchema, String>,
    /// Whether hunting lints are sent as warnings.
    pub lints: bool,
    /// Where to write what was asked and how long it took; nowhere unless somebody looks for a fault.
    pub log: Option<Box<dyn Write>>,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client shut it down and told it to exit.
    Asked,
    /// The client went away or told it to exit without shutting it down.
    Left,
}

/// Serves one client until it leaves.
///
/// # Errors
/// Where the client cannot be written to, other than by having left.
pub fn serve(
    input: impl Read + Send + 'static,
    output: &mut dyn Write,
    settings: Settings<'_>,
) -> io::Result<Ending> {
    match server::Server::new(output, settings).run(wire::read(input)) {
        Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Ok(Ending::Left),
        ended => ended,
    }
}

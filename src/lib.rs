//! nightjar: a terminal triage console for Microsoft Defender XDR.
//!
//! # The map
//!
//! | room | what it is for |
//! |---|---|
//! | [`cli`] | one file a command; words to standard error, data to standard output |
//! | [`tui`] | the console: loop, state, update, commands, keys, themes, screens, widgets |
//! | [`feed`] | keeps the cache true: polling, overlap, de-duplication, merge-following, lag |
//! | [`respond`] | changes the world: operations, preflight, confirmation rules, journal, tracking |
//! | [`hunt`] | a hunt as the analyst knows it: where it runs, results, charts, history, export |
//! | [`lsp`] | a language server: what the language says of queries, to any editor |
//! | [`doctor`] | what works in a tenant, what will not, why, and what cures it; changes nothing |
//! | [`tenant`] | one connected tenant: profile, tokens, clients, store, budgets |
//! | [`api`] | the one way out: transport, and two thin typed clients, Graph and Defender |
//! | [`store`] | two SQLite files a profile: the cache (queue, watermarks, query history), and the journal, which outlives it |
//! | [`auth`] | getting, keeping, reading and judging tokens |
//! | [`config`] | profiles, settings, paths; errors name file, line and nearest valid name |
//! | [`cloud`] | national clouds: hosts, authorities, audiences, portals, as one table |
//! | [`domain`] | incident, alert, evidence, device, machine action, hunting result, ids, open enums, the sanitiser |
//! | [`kql`] | the language: tokens, tree, binder, diagnostics, classification |
//! | [`engine`] | KQL run locally: bound tree → plan → SQL on SQLite |
//! | [`sim`] | the simulated tenant: a stranger that speaks the services' wire protocols |
//!
//! # The laws
//!
//! 1. **Downhill only.** `main → cli → tui → doctor → {feed, respond, hunt} → tenant → {api, store} → auth →
//!    {cloud, config} → domain`. `kql` stands on nothing but the standard library and its assets,
//!    `engine` on `kql` and SQLite alone, `hunt` on both; `lsp` on `hunt`, for the command line alone. `tests/laws.rs` reads the imports.
//! 2. **The simulated tenant is a stranger.** `sim` imports no room but `kql` and `engine`.
//! 3. **One place changes state.** `tui::update` does no I/O; effects are carried out by workers.
//! 4. **One way out.** Requests pass `api::transport`, writes pass `respond`, and every string for
//!    a terminal, file or clipboard passes [`domain::text`].
//! 5. **Keep what you do not understand.** Unknown enum members, evidence kinds and fields survive.
//! 6. **Data over code.** Clouds, operations, commands, keys, themes and schemas are tables.
//! 7. **Cost follows the screen.** Lists hold compact rows; no frame walks more than what is visible.

pub mod api;
pub mod auth;
pub mod cli;
pub mod cloud;
pub mod config;
pub mod doctor;
pub mod domain;
pub mod engine;
pub mod feed;
pub mod hunt;
pub mod kql;
pub mod lsp;
pub mod respond;
pub mod sim;
pub mod store;
pub mod tenant;
pub mod tui;

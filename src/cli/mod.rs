//! The command line: one file a command; words to standard error, data to standard output.
//!
//! Start in [`args`] for what can be typed, in [`run`] for which file does it. [`failure`] holds
//! the exit statuses, [`output`] every form data is written in.

mod actions;
mod alerts;
mod args;
mod chart;
mod console;
mod doctor;
mod edits;
mod external;
mod failure;
mod held;
mod hunt;
mod incidents;
mod input;
mod kql;
mod library;
mod logging;
mod login;
mod machines;
mod narrow;
mod output;
mod secrets;
mod session;
mod settings;
mod several;
mod sim;
mod tenants;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use self::args::{Cli, Command};
use self::failure::Done;
use crate::domain::text;

/// Runs the program: reads the arguments, does the command, says what failed.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // clap writes help to standard output and mistakes to standard error; a closed pipe
            // there is nobody's fault.
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(words) = failure.words() {
                say(&format!("nightjar: {words}"));
            }
            failure.code()
        }
    }
}

/// Words for a person, sanitised, to standard error.
pub(crate) fn say(words: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", text::clean_block(words));
}

fn run(cli: Cli) -> Done {
    let global = cli.global;
    let Some(command) = cli.command else {
        return console::run(&global);
    };
    match command {
        Command::Kql(command) => kql::run(command, &global),
        Command::Config(command) => settings::run(command, &global, &mut io::stdout().lock()),
        Command::Login(args) => login::login(&args, &global, &mut io::stdout().lock()),
        Command::Logout(args) => login::logout(&args, &global),
        Command::Sim(args) => sim::run(args),
        Command::Demo(args) => console::demo(args, &global),
        Command::Incidents(command) => incidents::run(command, &global),
        Command::Alerts(command) => alerts::run(command, &global),
        Command::Machines(command) => machines::run(command, &global),
        Command::Actions(command) => actions::run(command, &global),
        Command::Tenants(command) => tenants::run(command, &global),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "nightjar", &mut script);
            io::stdout().lock().write_all(&script)?;
            Ok(())
        }
        Command::Hunt(args) => hunt::run(args, &global),
        Command::Doctor(args) => doctor::run(&args, &global),
    }
}

/// The asynchronous runtime of a command: two workers serve a console well.
fn runtime() -> Done<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    Ok(built?)
}

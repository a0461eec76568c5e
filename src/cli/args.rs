//! What can be typed: every command and option, as clap reads it. No behaviour.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::SignIn;

/// A terminal triage console for Microsoft Defender XDR.
#[derive(Debug, Parser)]
#[command(
    name = "nightjar",
    version,
    about,
    disable_help_subcommand = true,
    after_help = "Without a command the console opens on the default profile.\n\
                  No tenant at hand? `nightjar demo` brings its own.\n\n\
                  Exit status: 0 done, 1 refused by the service or the query, 2 wrong usage or \
                  configuration, 3 sign-in needed, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// The profile to use instead of the default one; repeat it or separate names by commas for several
    /// tenants at once. Without it NIGHTJAR_PROFILE says which.
    #[arg(
        long = "profile",
        global = true,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "all_profiles"
    )]
    pub(crate) profiles: Vec<String>,
    /// Every profile that is set up.
    #[arg(long, global = true)]
    pub(crate) all_profiles: bool,
    /// Makes every write impossible.
    #[arg(long, global = true)]
    pub(crate) read_only: bool,
    /// How data is written to standard output.
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        value_name = "FORM",
        default_value = "table"
    )]
    pub(crate) output: Output,
    /// What goes to the log file: off, error, warn, info, debug, trace, or a filter such as
    /// `info,nightjar::api=debug`.
    #[arg(long, global = true, value_name = "LEVEL", env = "NIGHTJAR_LOG")]
    pub(crate) log_level: Option<String>,
}

/// The forms data is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Aligned columns for reading.
    #[default]
    Table,
    /// One JSON document, fields named as the service names them.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma separated, spreadsheet formulas disarmed.
    Csv,
}

/// The options every command takes, hidden, for a command on which all but the log level have no effect.
fn without_use() -> Vec<clap::Arg> {
    Global::augment_args(clap::Command::new(""))
        .get_arguments()
        .filter(|arg| arg.get_id() != "log_level")
        .map(|arg| arg.clone().hide(true))
        .collect()
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "made once a run")]
pub(crate) enum Command {
    /// Opens the console on a simulated tenant inside this process.
    Demo(DemoArgs),
    /// Serves the simulated tenant alone, on loopback.
    #[command(args = without_use())]
    Sim(super::sim::SimArgs),
    /// Lists, shows, updates and comments incidents.
    #[command(subcommand)]
    Incidents(IncidentCommand),
    /// Lists, shows, updates and comments alerts.
    #[command(subcommand)]
    Alerts(AlertCommand),
    /// Lists and shows machines.
    #[command(subcommand)]
    Machines(MachineCommand),
    /// Lists, shows, runs and cancels machine actions.
    #[command(subcommand)]
    Actions(ActionCommand),
    /// Lists, tests and removes tenants; the page on which a customer lets the application in.
    #[command(subcommand)]
    Tenants(TenantCommand),
    /// Runs a hunting query in the tenant, or in several at once.
    Hunt(HuntArgs),
    /// Says what works in the tenant, what will not, why, and what cures it; changes nothing.
    Doctor(DoctorArgs),
    /// The query language alone, without a tenant.
    #[command(subcommand)]
    Kql(super::kql::args::KqlCommand),
    /// Signs in and says who, where and with which permissions; without a profile, asks its way to one.
    Login(LoginArgs),
    /// Removes a person's sign-in from this machine.
    Logout(LogoutArgs),
    /// Where the settings are, whether they are right, what they may be.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Writes completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Chooses the people, machines and noise; the same seed gives the same tenant.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// How many times faster than life the story unfolds.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub(crate) speed: f64,
    /// How many incidents the tenant holds.
    #[arg(long, value_name = "N")]
    pub(crate) incidents: Option<usize>,
    /// How many alerts the tenant holds.
    #[arg(long, value_name = "N")]
    pub(crate) alerts: Option<usize>,
    /// How many machines the tenant holds.
    #[arg(long, value_name = "N")]
    pub(crate) machines: Option<usize>,
    /// How many tenants, side by side in one console; each is another customer with its own troubles.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(crate) tenants: u16,
    /// Keeps the cache and journal of the demo, and says where they are.
    #[arg(long)]
    pub(crate) keep: bool,
}

impl Default for DemoArgs {
    /// What `nightjar demo` means without options.
    fn default() -> Self {
        Self {
            seed: 7,
            speed: 1.0,
            incidents: None,
            alerts: None,
            machines: None,
            tenants: 1,
            keep: false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Lists incidents, the most recently updated first.
    List(IncidentList),
    /// Shows one incident with its alerts.
    Show {
        /// Incident id.
        id: String,
    },
    /// Changes status, owner, classification, determination or tags.
    Update {
        /// Incident id.
        id: String,
        #[command(flatten)]
        edit: Edit,
    },
    /// Adds a comment.
    Comment {
        /// Incident id.
        id: String,
        /// The text; `-` reads it from standard input.
        text: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct IncidentList {
    /// Only with this status: active, inProgress, resolved, redirected…
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    #[command(flatten)]
    pub(crate) narrow: Narrow,
}

/// What both lists can be narrowed by.
#[derive(Debug, Args)]
pub(crate) struct Narrow {
    /// Only of this severity: high, medium, low, informational.
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) severity: Option<String>,
    /// Only assigned to this person; `me` is the profile's analyst.
    #[arg(long, value_name = "UPN", conflicts_with = "unassigned")]
    pub(crate) assigned_to: Option<String>,
    /// Only assigned to nobody.
    #[arg(long)]
    pub(crate) unassigned: bool,
    /// Only updated since: a time (2026-08-19T07:00Z) or an age (36h, 7d).
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Only those for which this KQL condition holds: 'SeverityRank >= 3 and Tags has "vip"'.
    #[arg(long = "where", value_name = "KQL")]
    pub(crate) predicate: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) top: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Lists alerts, the most recently updated first.
    List(AlertList),
    /// Shows one alert with its evidence.
    Show {
        /// Alert id.
        id: String,
    },
    /// Changes status, owner, classification or determination.
    Update {
        /// Alert id.
        id: String,
        #[command(flatten)]
        edit: Edit,
    },
    /// Adds a comment.
    Comment {
        /// Alert id.
        id: String,
        /// The text; `-` reads it from standard input.
        text: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AlertList {
    /// Only with this status: new, inProgress, resolved.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// Only of this incident.
    #[arg(long, value_name = "ID")]
    pub(crate) incident: Option<String>,
    #[command(flatten)]
    pub(crate) narrow: Narrow,
}

/// The fields an update can change; at least one.
#[derive(Debug, Default, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Edit {
    /// New status.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// New owner: a UPN, `me`, or `nobody`.
    #[arg(long, value_name = "WHO")]
    pub(crate) assign: Option<String>,
    /// New classification: truePositive, falsePositive, informationalExpectedActivity.
    #[arg(long, value_name = "CLASS")]
    pub(crate) classification: Option<String>,
    /// New determination; must be one the classification allows.
    #[arg(long, value_name = "WHAT")]
    pub(crate) determination: Option<String>,
    /// The whole list of custom tags (incidents only); repeat for several.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MachineCommand {
    /// Lists machines.
    List {
        /// Only those whose DNS name starts so.
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 50, value_name = "N")]
        top: usize,
    },
    /// Shows one machine.
    Show {
        /// Machine id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ActionCommand {
    /// Lists machine actions, newest first.
    List {
        /// Only of this machine.
        #[arg(long, value_name = "ID")]
        machine: Option<String>,
        /// Only with this status: Pending, InProgress, Succeeded, Failed, TimeOut, Cancelled.
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 50, value_name = "N")]
        top: usize,
    },
    /// Shows one machine action.
    Show {
        /// Action id.
        id: String,
    },
    /// Asks for an action on a machine.
    Run {
        /// What to do.
        #[arg(value_enum)]
        action: RunAction,
        /// Machine id.
        machine: String,
        /// Why; kept by the service with the action.
        #[arg(long, short = 'm', value_name = "TEXT")]
        comment: String,
        /// The device's name, typed out, which is the confirmation of an isolation.
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
        /// Follows the action to its end.
        #[arg(long)]
        wait: bool,
    },
    /// Cancels a pending action.
    Cancel {
        /// Action id.
        id: String,
        /// Why.
        #[arg(long, short = 'm', value_name = "TEXT")]
        comment: String,
    },
}

/// What `actions run` can ask of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunAction {
    /// Cuts the device off from all but Defender.
    Isolate,
    /// Cuts it off, but lets Outlook, Teams and Skype through.
    IsolateSelective,
    /// Ends an isolation.
    Release,
    /// A quick antivirus scan.
    ScanQuick,
    /// A full antivirus scan.
    ScanFull,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Lists what is set up. Nobody is asked and nothing is opened.
    List {
        /// The same as --output json.
        #[arg(long)]
        json: bool,
    },
    /// Asks for a token of each service and makes one cheap read with it; all tenants unless some are named.
    Test {
        /// The same as --output json.
        #[arg(long)]
        json: bool,
    },
    /// Says how a profile is added.
    Add,
    /// Takes a profile out of the settings file, which keeps all else, and forgets its sign-in.
    Remove(RemoveArgs),
    /// Prints the page on which a customer's administrator consents to the profile's application.
    ConsentLink(ConsentArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The profile.
    pub(crate) name: String,
    /// Does not ask. Cache and journal stay unless they are named.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Deletes the cache too.
    #[arg(long)]
    pub(crate) cache: bool,
    /// Deletes the journal too, the record of what was changed.
    #[arg(long)]
    pub(crate) journal: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConsentArgs {
    /// The customer's tenant, id or domain; `organizations` where it is not known yet.
    pub(crate) tenant: String,
    /// Opens the page in the browser too.
    #[arg(long)]
    pub(crate) open: bool,
    /// Waits for the answer on this machine, then looks at real tokens for what was granted.
    #[arg(long)]
    pub(crate) wait: bool,
    /// The port to wait at; a free one unless given. The registration needs http://localhost as a redirect address.
    #[arg(long, default_value_t = 0, value_name = "PORT", requires = "wait")]
    pub(crate) port: u16,
    /// Writes a profile of this name for the tenant that consented, like the one whose application it is.
    #[arg(long, value_name = "NAME", requires = "wait")]
    pub(crate) add_profile: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Writes the report as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Looks at the settings and their files alone: sends nothing.
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HuntArgs {
    /// The query; `-` reads it from standard input.
    #[arg(
        required_unless_present_any = ["file", "library", "tables", "drop"],
        conflicts_with_all = ["file", "library"]
    )]
    pub(crate) query: Option<String>,
    /// Runs a query of the library; without a name, lists what there is. `--library=?WORDS` lists what fits.
    /// Your own are the .kql files of the folder `queries` beside the settings, or of the one that
    /// `queries` under `[hunt]` names.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "?", conflicts_with = "file")]
    pub(crate) library: Option<String>,
    /// Sets a parameter of a query of the library; may be given again.
    #[arg(long, value_name = "NAME=VALUE", requires = "library")]
    pub(crate) set: Vec<String>,
    /// Reads the query from a file.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How far back the service looks; a filter in the query narrows within it. 30d without it.
    #[arg(long, value_enum, value_name = "SPAN", conflicts_with = "local")]
    pub(crate) timespan: Option<Span>,
    /// Writes the result as a chart, an SVG document: as its `render` asks, else as suits it.
    #[arg(long)]
    pub(crate) chart: bool,
    /// Gives the result a name, by which `--local` asks it again; without it, it has a number, $1, $2…
    #[arg(long, value_name = "NAME", conflicts_with = "local")]
    pub(crate) keep: Option<String>,
    /// Asks what is held here instead of the service: the cached queue (Incidents, Alerts, AlertInfo,
    /// AlertEvidence, Comments, MachineActions, Journal), kept results ($1, $2… or their names) and files.
    /// Connects to nothing.
    #[arg(long)]
    pub(crate) local: bool,
    /// A CSV, TSV, JSON or JSONL file as a table; may be given again. Types of columns are guessed from all
    /// rows (bool, long, real, datetime, timespan, dynamic, string), or said: `logs(Time:datetime, Id:string)=FILE`.
    #[arg(long, value_name = "NAME=FILE", requires = "local")]
    pub(crate) table: Vec<String>,
    #[command(flatten)]
    pub(crate) external: super::external::ExternalArgs,
    /// Lists what can be asked locally, with rows, time and the query of kept results.
    #[arg(long, requires = "local", conflicts_with_all = ["query", "file", "library"])]
    pub(crate) tables: bool,
    /// Drops a kept result, by number or name; may be given again.
    #[arg(long, value_name = "NAME", requires = "local", conflicts_with_all = ["query", "file", "library"])]
    pub(crate) drop: Vec<String>,
}

/// How far back a hunt looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Span {
    /// An hour.
    #[value(name = "1h")]
    Hour,
    /// A day.
    #[value(name = "1d")]
    Day,
    /// Seven days.
    #[value(name = "7d")]
    Week,
    /// Thirty days.
    #[value(name = "30d")]
    Month,
}

#[derive(Debug, Default, Args)]
pub(crate) struct LoginArgs {
    /// Signs in in the browser of this machine.
    #[arg(long, conflicts_with = "device_code")]
    pub(crate) browser: bool,
    /// Signs in in a browser elsewhere, with a code.
    #[arg(long)]
    pub(crate) device_code: bool,
    /// Where the sign-in is kept; remembered in the settings as token_store.
    #[arg(long, value_enum, value_name = "PLACE")]
    pub(crate) store: Option<Store>,
    /// Asks the way to one more profile; --profile names it.
    #[arg(long)]
    pub(crate) new: bool,
}

impl LoginArgs {
    /// The way that was asked for.
    pub(crate) fn way(&self) -> Option<SignIn> {
        match (self.browser, self.device_code) {
            (true, _) => Some(SignIn::Browser),
            (_, true) => Some(SignIn::DeviceCode),
            _ => None,
        }
    }
}

/// Where a sign-in is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// The system's keyring.
    Keyring,
    /// A file only its owner can read.
    File,
    /// Nowhere: it ends with the program.
    Memory,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The profile, instead of the default one.
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Prints where settings, data and logs are.
    Path,
    /// Reads the settings and says what is wrong with them, line by line.
    Check,
    /// Prints the JSON schema of the settings file.
    Schema,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_update_without_a_field_is_refused() {
        assert!(Cli::try_parse_from(["nightjar", "incidents", "update", "7"]).is_err());
        let set = ["nightjar", "incidents", "update", "7", "--assign", "me"];
        assert!(Cli::try_parse_from(set).is_ok());
    }
}

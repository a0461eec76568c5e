//! `nightjar` and `nightjar demo`: the console, on a tenant of the settings or on a simulated one
//! inside this process.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::args::{DemoArgs, Global};
use super::failure::{Done, Failure};
use super::session::tenant_failure;
use super::several::open_all;
use super::{logging, runtime, say, secrets, settings};
use crate::config::{
    Chosen, Config, FeedSettings, Loaded, Paths, Picked, Profile, ProfileError, SecretSource,
};
use crate::sim::{Sim, SimConfig, SimHandle, Tale};
use crate::tenant::Tenant;
use crate::tui::run::{ExitReason, Start, run as console};

/// How the demo's profile is called.
const DEMO: &str = "demo";
/// Who the demo's analyst is.
const ANALYST: &str = "you@contoso.com";

/// The console on the profile asked for, or on the default one; without any, its first screen.
pub(crate) fn run(global: &Global) -> Done {
    need_terminal()?;
    let paths = Paths::resolve();
    let log = logging::start(&paths.state, global.log_level.as_deref())?;
    let Loaded { config, problems } = Config::load(&paths);
    let mut notices = Vec::new();
    let chosen = settings::chosen(global);
    let picked = match config.profiles(&chosen) {
        Ok(picked) => picked,
        // Asked for by name and not there: better said than replaced by another.
        Err(_) if chosen != Chosen::Default => {
            return settings::profiles(&config, global).map(drop);
        }
        Err(ProfileError::None { .. }) => Picked::default(),
        Err(error) => {
            notices.push(error.to_string());
            Picked::default()
        }
    };
    notices.extend(picked.left_out.into_iter().map(|(_, why)| why));
    secrets::ask(&picked.profiles)?;
    let ended = runtime()?.block_on(async {
        let profiles = picked.profiles.clone();
        let (mut tenants, mut broken, mut first) = (Vec::new(), Vec::new(), None);
        for (profile, (_, opened)) in profiles
            .into_iter()
            .zip(open_all(picked.profiles, &paths).await)
        {
            match opened {
                Ok(tenant) => tenants.push(tenant),
                Err(failure) => {
                    broken.push((profile, failure.words().unwrap_or_default()));
                    first.get_or_insert(failure);
                }
            }
        }
        if let (true, Some(failure)) = (tenants.is_empty(), first) {
            return Err(failure);
        }
        let start = Start {
            tenants,
            broken,
            config,
            paths,
            read_only: global.read_only,
            demo: false,
            problems,
            notices,
        };
        Done::Ok(console(start).await?)
    })?;
    drop(log);
    match ended {
        ExitReason::Demo => demo(DemoArgs::default(), global),
        ended => status(ended),
    }
}

/// The console on a simulated tenant, reached over a real socket like any other.
pub(crate) fn demo(args: DemoArgs, global: &Global) -> Done {
    need_terminal()?;
    if !(args.speed.is_finite() && args.speed > 0.0) {
        return Err(Failure::usage("--speed must be a number above 0"));
    }
    let folder = Folder::make(args.keep)?;
    let own = Paths::resolve();
    let paths = Paths {
        // Looks and keys are the person's own; what is stored is the demo's.
        config: own.config,
        data: folder.path.join("data"),
        state: folder.path.join("state"),
    };
    let log = logging::start(&paths.state, global.log_level.as_deref())?;
    let Loaded {
        mut config,
        problems,
    } = Config::load(&paths);
    config.feed = demo_feed();
    let ended = runtime()?.block_on(async {
        let defaults = SimConfig::default();
        let sim = Sim::start(SimConfig {
            seed: args.seed,
            speed: args.speed,
            incidents: args.incidents.unwrap_or(defaults.incidents),
            alerts: args.alerts.unwrap_or(defaults.alerts),
            machines: args.machines.unwrap_or(defaults.machines),
            tenants: usize::from(args.tenants),
            scenarios: Tale::all(),
            ..defaults
        })
        .await
        .map_err(Failure::refused)?;
        let profiles = if args.tenants > 1 {
            demo_profiles(&sim)
        } else {
            vec![demo_profile(&sim)]
        };
        let mut tenants = Vec::new();
        for profile in profiles {
            tenants.push(Tenant::connect(profile, &paths).map_err(tenant_failure)?);
        }
        let start = Start {
            tenants,
            broken: Vec::new(),
            config,
            paths,
            read_only: global.read_only,
            demo: true,
            problems,
            notices: Vec::new(),
        };
        let ended = console(start).await?;
        sim.stop().await;
        Done::Ok(ended)
    });
    drop(log);
    if args.keep {
        say(&format!(
            "cache, journal and log are kept in {}",
            folder.path.display()
        ));
    }
    drop(folder);
    status(ended?)
}

/// A demo shows its story as it unfolds, so it asks as often as settings may; the tenant is ours.
fn demo_feed() -> FeedSettings {
    FeedSettings {
        incidents_every: Duration::from_secs(5),
        alerts_every: Duration::from_secs(5),
        actions_every: Duration::from_secs(60),
        open_actions_every: Duration::from_secs(5),
        ..FeedSettings::default()
    }
}

/// A profile like any other, whose services happen to be simulated.
fn demo_profile(sim: &SimHandle) -> Profile {
    let base = || Some(sim.base_url().to_owned());
    Profile {
        client_secret: Some(SecretSource::Value(SecretString::from(sim.client_secret()))),
        authority: base(),
        graph_url: base(),
        defender_url: base(),
        analyst: Some(ANALYST.to_owned()),
        ..Profile::new(DEMO, sim.tenant_id(), sim.client_id())
    }
}

/// The profiles of several simulated tenants, named as their domains are.
fn demo_profiles(sim: &SimHandle) -> Vec<Profile> {
    let profiles = sim.tenants().into_iter().filter_map(|info| {
        let written = Config::parse(&info.profile, Path::new(DEMO));
        let profile = written.config.profiles.into_values().next()?;
        let label = info.domain.split('.').next().unwrap_or(DEMO).to_owned();
        Some(Profile {
            name: label,
            analyst: Some(format!("you@{}", info.domain)),
            tenant_id: info.domain,
            ..profile
        })
    });
    profiles.collect()
}

fn need_terminal() -> Done {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("the console needs a terminal on both ends")
        .advise("Without one there are `nightjar incidents`, `alerts`, `hunt` and the rest; see --help."))
}

/// How the console's end looks to the shell: signals as 128 and their number.
fn status(ended: ExitReason) -> Done {
    match ended {
        ExitReason::Quit | ExitReason::Demo => Ok(()),
        ExitReason::Signal(number) => Err(Failure::signal(number)),
        ExitReason::Hangup => Err(Failure::signal(1)),
    }
}

/// A folder of the demo's own, gone when the demo is over.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn make(keep: bool) -> Done<Self> {
        let name = format!("nightjar-demo-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        logging::make_private(&path).map_err(|error| {
            Failure::refused(format!(
                "no folder for the demo: {}: {error}",
                path.display()
            ))
        })?;
        Ok(Self { path, keep })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            remove(&self.path);
        }
    }
}

fn remove(path: &Path) {
    // Nothing depends on it any more; what cannot be removed is the system's to clean.
    let _ = std::fs::remove_dir_all(path);
}

//! What works where: the platforms, builds and sensor versions that each action asks for, and the
//! plans that include it. Facts: machine-actions, `osSupport` and `plan`.

use super::super::ids::Dice;
use super::super::people::Machine;
use super::super::quirks::Plan;
use super::super::world::World;
use super::Refusal;

/// Devices that can do something.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    /// What `osPlatform` begins with.
    pub os: &'static str,
    /// The lowest build; 0 is any.
    pub build: i64,
    /// The lowest major version, of systems without a build; 0 is any.
    pub major: u32,
    /// The lowest sensor version; empty is any.
    pub client: &'static str,
}

const fn built(os: &'static str, build: i64) -> Platform {
    Platform {
        os,
        build,
        major: 0,
        client: "",
    }
}

/// Windows of any edition.
const fn windows(build: i64) -> Platform {
    built("Windows", build)
}

const fn other(os: &'static str, major: u32, client: &'static str) -> Platform {
    Platform {
        os,
        build: 0,
        major,
        client,
    }
}

/// Windows builds by the name documents use.
const SERVER_2012_R2: i64 = 9_600;
const V1703: i64 = 15_063;
const V1709: i64 = 16_299;
const V1809: i64 = 17_763;
/// The sensor of macOS and Linux that learnt to isolate and to scan.
const CLIENT: &str = "101.98.84";

/// Full isolation, and its release.
pub const ISOLATE: &[Platform] = &[
    windows(SERVER_2012_R2),
    other("macOS", 0, CLIENT),
    other("Linux", 0, ""),
];
/// Selective isolation.
pub const ISOLATE_SELECTIVE: &[Platform] = &[windows(SERVER_2012_R2), other("macOS", 0, CLIENT)];
/// Restriction of programs, and its removal.
pub const RESTRICT: &[Platform] = &[built("Windows1", V1709), built("WindowsServer", V1809)];
/// Antivirus scan.
pub const SCAN: &[Platform] = &[
    windows(V1709),
    other("macOS", 0, CLIENT),
    other("Linux", 0, CLIENT),
];
/// Investigation package.
pub const COLLECT: &[Platform] = &[windows(V1703), other("macOS", 0, ""), other("Linux", 0, "")];
/// Stop and quarantine.
pub const QUARANTINE: &[Platform] = &[windows(V1703)];
/// Offboarding, newest documentation.
pub const OFFBOARD: &[Platform] = &[
    windows(SERVER_2012_R2),
    other("macOS", 14, ""),
    other("Linux", 0, ""),
];
/// Offboarding, earlier documentation.
pub const OFFBOARD_OLDER: &[Platform] = &[windows(SERVER_2012_R2)];
/// Live response.
pub const LIVE_RESPONSE: &[Platform] = &[
    built("Windows1", V1709),
    built("WindowsServer", V1809),
    other("macOS", 11, ""),
    other("Linux", 0, ""),
];
/// Automated investigation.
pub const INVESTIGATION: &[Platform] = &[built("Windows1", V1709), built("WindowsServer", V1809)];

/// Plans: everything.
pub const EVERY_PLAN: &[Plan] = &[Plan::P1, Plan::P2, Plan::Business];
/// Plans: not Business.
pub const P1_P2: &[Plan] = &[Plan::P1, Plan::P2];
/// Plans: not P1.
pub const P2_BUSINESS: &[Plan] = &[Plan::P2, Plan::Business];
/// Plans: P2 alone.
pub const P2: &[Plan] = &[Plan::P2];

/// Sensor versions of macOS and Linux in the fleet, newest first, with their share of sixteen.
const CLIENTS: &[(&str, u64)] = &[
    ("101.25072.0000", 11),
    ("101.24122.0005", 3),
    ("101.75.43", 2),
];

/// The sensor's version on a device of the fleet.
pub fn agent_version(world: &World, place: u32) -> &'static str {
    if world.device(place).build > 0 {
        return "10.8800.26100.4484";
    }
    let mut rest = Dice::of(world.seed, 52, u64::from(place)).below(16);
    for (version, share) in CLIENTS {
        if rest < *share {
            return version;
        }
        rest -= share;
    }
    CLIENTS[0].0
}

fn older(version: &str, than: &str) -> bool {
    let parts =
        |text: &str| -> Vec<u64> { text.split('.').map(|p| p.parse().unwrap_or(0)).collect() };
    parts(version) < parts(than)
}

fn major(machine: &Machine) -> u32 {
    let text = machine.version.split('.').next().unwrap_or_default();
    text.parse().unwrap_or(0)
}

/// Whether a device can do something; if not, the refusal in the service's words.
pub fn check(
    world: &World,
    place: u32,
    action: &str,
    platforms: &[Platform],
) -> Result<(), Refusal> {
    let machine = world.device(place);
    let fits = platforms.iter().find(|p| {
        machine.os.starts_with(p.os)
            && (p.build == 0 || machine.build >= p.build)
            && (p.major == 0 || major(machine) >= p.major)
    });
    let Some(platform) = fits else {
        return Err(Refusal::new(
            400,
            "OsPlatformNotSupported",
            format!(
                "{action} is not supported on {} {}.",
                machine.os, machine.version
            ),
        ));
    };
    let client = agent_version(world, place);
    if !platform.client.is_empty() && older(client, platform.client) {
        return Err(Refusal::new(
            400,
            "ClientVersionNotSupported",
            format!(
                "{action} requires client version {} or later; the device has {client}.",
                platform.client
            ),
        ));
    }
    Ok(())
}

/// Whether the tenant's plan includes something.
pub fn licensed(plan: Plan, plans: &[Plan], action: &str) -> Result<(), Refusal> {
    if plans.contains(&plan) {
        return Ok(());
    }
    let name = match plan {
        Plan::P1 => "Microsoft Defender for Endpoint Plan 1",
        Plan::P2 => "Microsoft Defender for Endpoint Plan 2",
        Plan::Business => "Microsoft Defender for Business",
    };
    Err(Refusal::new(
        403,
        "DisallowedOperation",
        format!("{action} is not included in {name}."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(older("101.75.43", "101.98.84"));
        assert!(!older("101.25072.0000", "101.98.84"));
        assert!(!older("101.98.84", "101.98.84"));
    }
}

//! What only the endpoint service keeps: devices it has seen but does not manage, investigations,
//! indicators, library files, and work that has an effect when it is done.

use std::collections::{BTreeMap, HashMap};

use super::super::clock::{DAY, HOUR, MINUTE, Ticks};
use super::super::ids::{self, Dice};
use super::super::people::{Machine, Os};
use super::super::world::World;
use super::effects::Effect;
use super::indicators::Indicators;
use super::investigations::Investigation;
use super::library::Library;

/// Places of devices that were only seen begin here.
pub const DISCOVERED: u32 = 1 << 30;

/// The state of the service.
#[derive(Debug, Default)]
pub struct Endpoint {
    /// Devices that were seen on the network and are not onboarded.
    pub discovered: Vec<Machine>,
    /// Investigations that were started by hand or by an alert, oldest first.
    pub investigations: Vec<Investigation>,
    /// Which of them an alert started, by the alert's place.
    pub investigated: HashMap<u32, usize>,
    /// Indicators.
    pub indicators: Indicators,
    /// Files for live response.
    pub library: Library,
    /// What is still to have its effect, by time.
    pub effects: BTreeMap<(Ticks, u64), Effect>,
}

/// Operating system, version, host name of devices that somebody brought along.
const UNMANAGED: &[(&str, &str, i64, &str)] = &[
    ("Windows10", "22H2", 19_045, "desktop"),
    ("Linux", "12", 0, "printsrv"),
    ("Windows11", "23H2", 22_631, "laptop"),
    ("macOS", "14.6", 0, "macbook"),
];

impl Endpoint {
    /// The state a tenant starts with.
    pub fn new(world: &World) -> Self {
        let start = world.clock.start();
        let fleet = world.machines.len();
        let discovered = (0..(fleet / 20).clamp(1, 200) as u32)
            .map(|n| {
                let (platform, version, build, prefix) = UNMANAGED[n as usize % UNMANAGED.len()];
                let os = Os {
                    platform: platform.into(),
                    version: version.into(),
                    build,
                    prefix: prefix.into(),
                    weight: 1,
                    group: "Unassigned".into(),
                };
                let mut dice = Dice::of(world.seed, 51, u64::from(n));
                let tail = ids::sha1(world.seed, &format!("unmanaged {n}"))[..6].to_uppercase();
                let host = format!("{prefix}-{}", tail.to_lowercase());
                let mut machine = Machine::named(
                    world.seed,
                    fleet as u32 + n,
                    &host,
                    &os,
                    0,
                    start,
                    &mut dice,
                );
                // Nothing is known of it but what others saw on the wire.
                machine.health = "Unknown";
                machine.risk = "None";
                machine.exposure = "None";
                machine.value = "Normal";
                machine.tags = Vec::new();
                machine.first_seen = start - DAY * (1 + dice.below(20) as i64);
                machine.last_seen = start - HOUR * dice.below(20) as i64 - MINUTE;
                machine
            })
            .collect();
        Self {
            discovered,
            indicators: Indicators::seeded(world),
            library: Library::seeded(world),
            ..Self::default()
        }
    }

    /// When something has its effect next.
    pub fn next_effect(&self) -> Option<Ticks> {
        self.effects.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lines up an effect.
    pub fn line_up(&mut self, at: Ticks, effect: Effect) {
        let number = self.effects.keys().map(|(_, n)| *n).max().unwrap_or(0) + 1;
        self.effects.insert((at, number), effect);
    }
}

impl World {
    /// A device of the fleet, or one that was only seen.
    pub fn device(&self, place: u32) -> &Machine {
        match place.checked_sub(DISCOVERED) {
            Some(place) => &self.endpoint.discovered[place as usize],
            None => &self.machines[place as usize],
        }
    }

    /// The same, to change it.
    pub fn device_mut(&mut self, place: u32) -> &mut Machine {
        match place.checked_sub(DISCOVERED) {
            Some(place) => &mut self.endpoint.discovered[place as usize],
            None => &mut self.machines[place as usize],
        }
    }

    /// Places of all devices, the fleet first.
    pub fn devices(&self) -> impl Iterator<Item = u32> + use<> {
        let seen = self.endpoint.discovered.len() as u32;
        (0..self.machines.len() as u32).chain(DISCOVERED..DISCOVERED + seen)
    }

    /// The place of the device with this id or DNS name.
    pub fn find_device(&self, id: &str) -> Option<u32> {
        self.find_machine(id).or_else(|| {
            let seen = &self.endpoint.discovered;
            seen.iter()
                .position(|m| m.id.eq_ignore_ascii_case(id) || m.dns.eq_ignore_ascii_case(id))
                .map(|place| DISCOVERED + place as u32)
        })
    }
}

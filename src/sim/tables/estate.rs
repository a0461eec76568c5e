//! Who and what everyday rows are about: people and devices as they were when the tables were begun,
//! ready to be named in many rows, and the rhythm of their week.
//!
//! A snapshot: rows are made from it without holding the world.

use std::sync::Arc;

use super::super::clock::{DAY, HOUR, Ticks};
use super::super::ids::{self, Dice, mix};
use super::super::world::World;

/// A person.
#[derive(Debug)]
pub struct Soul {
    /// Account name.
    pub account: Arc<str>,
    /// Name in mail and directory.
    pub display: Arc<str>,
    /// User principal name, also the mail address.
    pub upn: Arc<str>,
    /// Windows security identifier.
    pub sid: Arc<str>,
    /// Entra object id.
    pub object_id: Arc<str>,
}

/// What kind of device it is: decides which programs run there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A Windows computer somebody sits at.
    Client,
    /// A Windows server.
    Server,
    /// A Mac.
    Mac,
    /// A Linux server.
    Linux,
}

/// A device.
#[derive(Debug)]
pub struct Device {
    /// `DeviceId`.
    pub id: Arc<str>,
    /// `DeviceName`.
    pub dns: Arc<str>,
    /// Host name alone.
    pub host: Arc<str>,
    /// Inner address.
    pub ip: Arc<str>,
    /// Outside address.
    pub external: Arc<str>,
    /// Network card.
    pub mac: Arc<str>,
    /// Entra device id.
    pub aad: Arc<str>,
    /// `OSPlatform`.
    pub os: Arc<str>,
    /// `24H2`.
    pub version: Arc<str>,
    /// Build, 0 where there is none.
    pub build: i64,
    /// Kind.
    pub class: Class,
    /// Who uses it: place in [`Estate::people`].
    pub person: usize,
    /// Device group.
    pub group: Arc<str>,
    /// `Active` and so on.
    pub health: &'static str,
    /// Exposure level.
    pub exposure: &'static str,
    /// Asset value.
    pub value: &'static str,
    /// Tags as JSON.
    pub tags: Arc<str>,
    /// Nothing happens on it before.
    pub first: Ticks,
    /// Nothing happens on it after.
    pub last: Ticks,
    /// Whose turn it is when devices take turns.
    pub rank: usize,
}

impl Class {
    /// The class of a device with this `osPlatform`.
    pub fn of(os: &str) -> Self {
        match os {
            "macOS" => Self::Mac,
            "Linux" => Self::Linux,
            os if os.contains("Server") => Self::Server,
            _ => Self::Client,
        }
    }
}

/// People and devices.
#[derive(Debug)]
pub struct Estate {
    /// The seed of the tenant.
    pub seed: u64,
    /// The tenant's id.
    pub tenant: Arc<str>,
    /// When the tenant was started.
    pub start: Ticks,
    /// Everybody; never empty.
    pub people: Vec<Soul>,
    /// Every device; never empty.
    pub devices: Vec<Device>,
    /// Devices in the order of their turns.
    pub turns: Vec<usize>,
    /// Places of servers; of all devices where there is none.
    pub servers: Vec<usize>,
}

impl Estate {
    /// The estate of a world, `None` where nobody is there.
    pub fn of(world: &World) -> Option<Self> {
        if world.people.is_empty() || world.machines.is_empty() {
            return None;
        }
        let people = world.people.iter().map(|p| Soul {
            account: p.account.as_str().into(),
            display: p.display.as_str().into(),
            upn: p.upn.as_str().into(),
            sid: p.sid.as_str().into(),
            object_id: p.object_id.as_str().into(),
        });
        let mut turns: Vec<usize> = (0..world.machines.len()).collect();
        turns.sort_by_key(|at| mix(world.seed ^ mix(*at as u64)));
        let mut ranks = vec![0; turns.len()];
        for (rank, at) in turns.iter().enumerate() {
            ranks[*at] = rank;
        }
        let devices: Vec<Device> = world
            .machines
            .iter()
            .enumerate()
            .map(|(at, m)| Device {
                id: m.id.as_str().into(),
                dns: m.dns.as_str().into(),
                host: m.host.as_str().into(),
                ip: m.ip.as_str().into(),
                external: m.external_ip.as_str().into(),
                mac: m.mac.as_str().into(),
                aad: m.aad_id.as_str().into(),
                os: m.os.as_str().into(),
                version: m.version.as_str().into(),
                build: m.build,
                class: Class::of(&m.os),
                person: m.person as usize,
                group: m.group.as_str().into(),
                health: m.health,
                exposure: m.exposure,
                value: m.value,
                tags: serde_json::json!(m.tags).to_string().into(),
                first: m.first_seen,
                last: if matches!(m.health, "Inactive" | "NoSensorData") {
                    m.last_seen
                } else {
                    Ticks::MAX
                },
                rank: ranks[at],
            })
            .collect();
        let mut servers: Vec<usize> = (0..devices.len())
            .filter(|at| devices[*at].class == Class::Server && devices[*at].last == Ticks::MAX)
            .collect();
        if servers.is_empty() {
            servers = (0..devices.len()).collect();
        }
        Some(Self {
            seed: world.seed,
            tenant: world.tenant.as_str().into(),
            start: world.clock.start(),
            people: people.collect(),
            devices,
            turns,
            servers,
        })
    }

    /// A device on which something may happen at a time, of the classes wanted; `None` where the
    /// dice find none in a few throws.
    pub fn device(
        &self,
        dice: &mut Dice,
        at: Ticks,
        wanted: impl Fn(Class) -> bool,
    ) -> Option<usize> {
        for _ in 0..24 {
            let place = dice.index(self.devices.len());
            let device = &self.devices[place];
            if wanted(device.class) && device.first <= at && at <= device.last {
                return Some(place);
            }
        }
        None
    }
}

impl Device {
    /// Whether it runs Windows.
    pub fn windows(&self) -> bool {
        matches!(self.class, Class::Client | Class::Server)
    }
}

impl Soul {
    /// First name.
    pub fn given(&self) -> &str {
        self.display.split(' ').next().unwrap_or_default()
    }

    /// Last name.
    pub fn surname(&self) -> &str {
        self.display.rsplit(' ').next().unwrap_or_default()
    }

    /// A number that belongs to the person.
    pub fn number(&self) -> u64 {
        let hex = self.object_id.get(..8).unwrap_or_default();
        u64::from_str_radix(hex, 16).unwrap_or_default()
    }
}

/// Share of the day's work in each hour, in UTC, on a working day.
const HOURS: [i64; 24] = [
    8, 7, 7, 7, 8, 16, 45, 90, 120, 128, 124, 96, 92, 118, 120, 112, 84, 48, 26, 20, 16, 13, 11, 9,
];
/// Share of each day, Monday first.
const DAYS: [i64; 7] = [100, 104, 103, 102, 92, 22, 18];

/// How activity is spread over the week. Activity time runs fast when people work and slowly at
/// night; a whole week of it is as long as a week.
#[derive(Debug, Clone)]
pub struct Week {
    /// Activity time at the beginning of each hour, and at the end.
    sums: Vec<Ticks>,
}

impl Week {
    /// The same at all hours.
    pub fn flat() -> Self {
        Self {
            sums: (0..=168).map(|h| h * HOUR).collect(),
        }
    }

    /// Day and night, working days and weekends.
    pub fn office() -> Self {
        let weights: Vec<i64> = DAYS
            .iter()
            .flat_map(|day| HOURS.iter().map(move |hour| day * hour))
            .collect();
        let total: i64 = weights.iter().sum();
        let mut sums = Vec::with_capacity(169);
        let mut sum = 0_i128;
        sums.push(0);
        for weight in weights {
            sum += i128::from(weight);
            sums.push((sum * i128::from(7 * DAY) / i128::from(total)) as Ticks);
        }
        Self { sums }
    }

    /// Activity time of a time.
    pub fn activity(&self, at: Ticks) -> Ticks {
        // The first day of the calendar was a Monday.
        let (week, rest) = (at.div_euclid(7 * DAY), at.rem_euclid(7 * DAY));
        let hour = (rest / HOUR) as usize;
        let (low, high) = (self.sums[hour], self.sums[hour + 1]);
        let part = i128::from(rest % HOUR) * i128::from(high - low) / i128::from(HOUR);
        week * 7 * DAY + low + part as Ticks
    }

    /// The time of an activity time.
    pub fn time(&self, activity: Ticks) -> Ticks {
        let (week, rest) = (activity.div_euclid(7 * DAY), activity.rem_euclid(7 * DAY));
        let hour = self.sums.partition_point(|sum| *sum <= rest) - 1;
        let (low, high) = (self.sums[hour], self.sums[hour + 1]);
        let part = i128::from(rest - low) * i128::from(HOUR) / i128::from((high - low).max(1));
        week * 7 * DAY + hour as i64 * HOUR + part as Ticks
    }
}

/// A number that depends on the seed and three others.
pub fn number(seed: u64, a: u64, b: u64, c: u64) -> u64 {
    mix(seed ^ mix(a ^ mix(b ^ mix(c))))
}

/// The hashes of a program by the key the stories use for it, so that both agree.
pub fn hashes(seed: u64, key: &str) -> [Arc<str>; 3] {
    [
        ids::sha1(seed, key).into(),
        ids::sha256(seed, key).into(),
        ids::md5(seed, key).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_of_activity_is_a_week() {
        for week in [Week::flat(), Week::office()] {
            for at in [0, HOUR / 3, 8 * HOUR, 5 * DAY + 1, 100 * DAY + 17 * HOUR] {
                let back = week.time(week.activity(at));
                assert!((back - at).abs() < 100_000, "{back} of {at}");
            }
            assert_eq!(week.activity(14 * DAY), 14 * DAY);
        }
        let office = Week::office();
        let (noon, night) = (
            office.activity(13 * HOUR) - office.activity(12 * HOUR),
            office.activity(3 * HOUR) - office.activity(2 * HOUR),
        );
        assert!(noon > 8 * night, "{noon} {night}");
    }
}

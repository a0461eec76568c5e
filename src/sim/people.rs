//! Who works in the simulated tenant and on which devices: made from the seed, the same in every table.

use serde::Deserialize;

use super::clock::{DAY, HOUR, MINUTE, Ticks};
use super::ids::{self, Dice};
use super::json::Object;

/// The NT domain of every account.
pub const NT_DOMAIN: &str = "CONTOSO";
/// The DNS domain of every device.
pub const DNS_DOMAIN: &str = "corp.contoso.com";
/// The mail domain of every person.
pub const MAIL_DOMAIN: &str = "contoso.com";

/// A person with an account.
#[derive(Debug, Clone)]
pub struct Person {
    /// `Adele Vance`.
    pub display: String,
    /// `avance`: letters and digits only.
    pub account: String,
    /// `adele.vance@contoso.com`, also the mail address.
    pub upn: String,
    /// Windows security identifier.
    pub sid: String,
    /// Entra object id.
    pub object_id: String,
    /// The person as a `userAccount`, ready to copy.
    pub json: String,
}

impl Person {
    /// A person of this seed.
    pub fn new(seed: u64, number: u32, display: &str, account: &str) -> Self {
        let upn = format!("{}@{MAIL_DOMAIN}", display.to_lowercase().replace(' ', "."));
        Self::with_upn(seed, number, display, account, upn)
    }

    /// A person of another user principal name than the usual one.
    pub fn with_upn(seed: u64, number: u32, display: &str, account: &str, upn: String) -> Self {
        let sid = format!(
            "S-1-5-21-{}-{}-{}-{}",
            1_000_000_000 + ids::mix(seed) % 1_000_000_000,
            1_000_000_000 + ids::mix(seed ^ 1) % 1_000_000_000,
            1_000_000_000 + ids::mix(seed ^ 2) % 1_000_000_000,
            1100 + number
        );
        let object_id = ids::guid(seed, &format!("person {upn}"));
        let mut person = Self {
            display: display.into(),
            account: account.into(),
            upn,
            sid,
            object_id,
            json: String::new(),
        };
        person.json = person.as_user_account();
        person
    }

    fn as_user_account(&self) -> String {
        let mut out = Vec::with_capacity(400);
        let mut object = Object::open(&mut out, None);
        object.str("accountName", &self.account);
        object.str("domainName", NT_DOMAIN);
        object.str("displayName", &self.display);
        object.str("userSid", &self.sid);
        object.str("azureAdUserId", &self.object_id);
        object.str("userPrincipalName", &self.upn);
        object.raw("activeDirectoryObjectGuid", "null");
        object.raw("tenantId", "null");
        object.raw("resourceAccessEvents", "[]");
        object.close();
        String::from_utf8(out).expect("JSON is UTF-8")
    }
}

/// A device, as Defender for Endpoint knows it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// 40 hexadecimal digits; `mdeDeviceId` and hunting's `DeviceId` are the same.
    pub id: String,
    /// `ws-0412`.
    pub host: String,
    /// `ws-0412.corp.contoso.com`.
    pub dns: String,
    /// `Windows11`, `WindowsServer2022`, `macOS`, `Linux` …
    pub os: String,
    /// `24H2`.
    pub version: String,
    /// OS build; 0 when the platform has none.
    pub build: i64,
    /// Device group.
    pub group: String,
    /// Device group number.
    pub group_id: i64,
    /// Who uses it: place in the list of people.
    pub person: u32,
    /// Inner address.
    pub ip: String,
    /// Outside address.
    pub external_ip: String,
    /// Network card, without separators.
    pub mac: String,
    /// Entra device id.
    pub aad_id: String,
    /// `Active`, `Inactive` … as the Defender API spells it.
    pub health: &'static str,
    /// `None` … `High`.
    pub risk: &'static str,
    /// `None` … `High`.
    pub exposure: &'static str,
    /// `Normal`, `Low`, `High`.
    pub value: &'static str,
    /// When the device was first seen.
    pub first_seen: Ticks,
    /// When the device reported last.
    pub last_seen: Ticks,
    /// Tags.
    pub tags: Vec<String>,
    /// Own properties of a `deviceEvidence`, ready to copy after the base ones.
    pub json: String,
}

/// An operating system in the fleet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Os {
    /// `osPlatform`.
    pub platform: String,
    /// `version`.
    pub version: String,
    /// `osBuild`.
    pub build: i64,
    /// What host names begin with.
    pub prefix: String,
    /// Share of the fleet.
    pub weight: u64,
    /// Device group.
    pub group: String,
}

/// Which of a weighted list comes up.
pub fn weighted(weights: impl Iterator<Item = u64> + Clone, dice: &mut Dice) -> usize {
    let total: u64 = weights.clone().sum();
    let mut rest = dice.below(total.max(1));
    for (at, weight) in weights.enumerate() {
        if rest < weight {
            return at;
        }
        rest -= weight;
    }
    0
}

/// The groups in their order: place plus 10 is the group's number.
const GROUPS: &[&str] = &[
    "Unassigned",
    "Workstations",
    "Laptops",
    "Servers",
    "Domain Controllers",
];

/// What keeps a device of the fleet apart from one of a story with the same number.
const ASIDE: u32 = 50_000;

impl Machine {
    /// Puts the device into a group by name.
    pub fn join(&mut self, group: &str) -> Result<(), String> {
        let place = GROUPS.iter().position(|g| *g == group);
        let place =
            place.ok_or_else(|| format!("group {group} is none of {}", GROUPS.join(", ")))?;
        self.group = group.into();
        self.group_id = 10 + place as i64;
        Ok(())
    }

    /// Device number `n` of the fleet, used by the person of that number. `taken` are host names of
    /// stories.
    pub fn new(
        seed: u64,
        n: u32,
        fleet: &[Os],
        user: &Person,
        taken: &[String],
        start: Ticks,
    ) -> Self {
        let person = n;
        let mut dice = Dice::of(seed, 11, u64::from(n));
        let os = &fleet[weighted(fleet.iter().map(|o| o.weight), &mut dice)];
        let mut host = format!("{}-{:04}", os.prefix, n + 101);
        if taken.contains(&host) {
            host = format!("{}-{}", os.prefix, n + 101 + ASIDE);
        }
        let mut machine = Self::named(seed, n, &host, os, person, start, &mut dice);
        machine.fill(user);
        machine
    }

    /// A device with a given name, as the story needs it.
    pub fn named(
        seed: u64,
        n: u32,
        host: &str,
        os: &Os,
        person: u32,
        start: Ticks,
        dice: &mut Dice,
    ) -> Self {
        let inactive = dice.chance(6);
        let health = if inactive {
            *dice.pick(&["Inactive", "NoSensorData"])
        } else if dice.chance(3) {
            "ImpairedCommunication"
        } else {
            "Active"
        };
        let last_seen = if inactive {
            start - DAY * (8 + dice.below(20) as i64) - ids::fraction(seed, &format!("last {host}"))
        } else {
            start - MINUTE * (2 + dice.below(900) as i64) - dice.below(600_000_000) as i64
        };
        let group = os.group.clone();
        let number = 1 + i64::from(n);
        Self {
            id: ids::sha1(seed, &format!("machine {host}")),
            host: host.into(),
            dns: format!("{host}.{DNS_DOMAIN}"),
            os: os.platform.clone(),
            version: os.version.clone(),
            build: os.build,
            group_id: 10 + GROUPS.iter().position(|g| *g == group).unwrap_or(0) as i64,
            group,
            person,
            ip: format!(
                "10.{}.{}.{}",
                20 + number / 62_500,
                number / 250 % 250,
                1 + number % 250
            ),
            external_ip: format!("198.51.100.{}", 1 + number % 40),
            mac: format!("00155D{:06X}", 0x10_0000 + n),
            aad_id: ids::guid(seed, &format!("entra device {host}")),
            health,
            risk: [
                "None",
                "None",
                "None",
                "Informational",
                "Low",
                "Low",
                "Medium",
                "High",
            ][dice.index(8)],
            exposure: ["None", "Low", "Low", "Medium", "High"][dice.index(5)],
            value: if os.group == "Servers" {
                "High"
            } else {
                "Normal"
            },
            first_seen: start
                - DAY * (40 + dice.below(500) as i64)
                - HOUR * dice.below(24) as i64
                - ids::fraction(seed, &format!("first {host}")),
            last_seen,
            tags: if dice.chance(12) {
                vec![["finance", "kiosk", "lab", "pilot"][dice.index(4)].into()]
            } else {
                Vec::new()
            },
            json: String::new(),
        }
    }

    /// Prepares the evidence form. To be called again when a field was changed.
    pub fn fill(&mut self, user: &Person) {
        let mut out = Vec::with_capacity(900);
        let mut object = Object::open(&mut out, None);
        object.str("mdeDeviceId", &self.id);
        object.str("azureAdDeviceId", &self.aad_id);
        object.str("deviceDnsName", &self.dns);
        object.str("hostName", &self.host);
        object.str("dnsDomain", DNS_DOMAIN);
        object.str("ntDomain", NT_DOMAIN);
        object.str("osPlatform", &self.os);
        if self.build > 0 {
            object.int("osBuild", self.build);
        } else {
            object.raw("osBuild", "null");
        }
        object.str("version", &self.version);
        object.str("healthStatus", &lower_first(self.health));
        object.str("riskScore", &lower_first(self.risk));
        object.str("onboardingStatus", "onboarded");
        object.str(
            "defenderAvStatus",
            if self.health == "Active" {
                "updated"
            } else {
                "unknown"
            },
        );
        object.int("rbacGroupId", self.group_id);
        object.str("rbacGroupName", &self.group);
        object.time("firstSeenDateTime", self.first_seen);
        object.list("ipInterfaces", &[self.ip.as_str()]);
        object.str("lastIpAddress", &self.ip);
        object.str("lastExternalIpAddress", &self.external_ip);
        if object.key("loggedOnUsers") {
            object.out.push(b'[');
            let mut inner = Object::open(object.out, None);
            inner.str("accountName", &user.account);
            inner.str("domainName", NT_DOMAIN);
            inner.close();
            object.out.push(b']');
        }
        object.raw("resourceAccessEvents", "[]");
        object.raw("vmMetadata", "null");
        object.close();
        // `{…}` becomes `,…`: own properties that follow the base ones.
        out[0] = b',';
        out.pop();
        self.json = String::from_utf8(out).expect("JSON is UTF-8");
    }
}

/// `ImpairedCommunication` → `impairedCommunication`: the Defender API's spelling in Graph's.
pub fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

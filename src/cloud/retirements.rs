//! What ends, when, and what to do instead (`defender-endpoint` sheet section 12, `graph-security` sheet
//! "Endpoints at a glance").

use super::{Endpoints, Standing};

/// What a retirement concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Concerns {
    /// Hunting outside Graph: scripts and other tools that share the registration. The console hunts
    /// through Graph.
    OldHunting,
    /// The alerts of Graph before `alerts_v2`, which the console does not read.
    OldAlerts,
    /// Profiles whose Defender base is a legacy host.
    LegacyHost,
    /// Indicators with the actions Alert and AlertAndBlock.
    IndicatorActions,
    /// Device actions asked for through Graph, which the console does not use.
    GraphDeviceActions,
    /// The `category` of an alert; the console reads `categories` first.
    AlertCategory,
}

/// Something the services take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// What ends.
    pub what: &'static str,
    /// The day it ends, as `YYYY-MM-DD`; `None` where none is announced.
    pub ends: Option<&'static str>,
    /// What it concerns.
    pub concerns: Concerns,
    /// Permissions whose only use ends with it, as the registration holds them.
    pub permissions: &'static [&'static str],
    /// What to do instead.
    pub instead: &'static str,
}

/// Everything announced, the nearest end first.
pub static RETIREMENTS: &[Retirement] = &[
    Retirement {
        what: "the indicator actions Alert and AlertAndBlock",
        ends: Some("2022-01-31"),
        concerns: Concerns::IndicatorActions,
        permissions: &[],
        instead: "use Audit, or Block with generateAlert",
    },
    Retirement {
        what: "device actions through Microsoft Graph (incident task response actions, beta)",
        ends: Some("2026-10-01"),
        concerns: Concerns::GraphDeviceActions,
        permissions: &[],
        instead: "the Defender for Endpoint API, which the console uses",
    },
    Retirement {
        what: "the legacy alerts of Microsoft Graph, /security/alerts",
        ends: Some("2026-10-15"),
        concerns: Concerns::OldAlerts,
        permissions: &["SecurityEvents.Read.All", "SecurityEvents.ReadWrite.All"],
        instead: "/security/alerts_v2 with SecurityAlert.Read.All, which the console uses",
    },
    Retirement {
        what: "the older hunting endpoints, advancedqueries/run and advancedhunting/run",
        ends: Some("2027-02-01"),
        concerns: Concerns::OldHunting,
        permissions: &[
            "AdvancedQuery.Read.All",
            "AdvancedQuery.Read",
            "AdvancedHunting.Read.All",
        ],
        instead: "hunt through Microsoft Graph (runHuntingQuery) with ThreatHunting.Read.All, as the console does",
    },
    Retirement {
        what: "the property category of an alert",
        ends: Some("2028-03-18"),
        concerns: Concerns::AlertCategory,
        permissions: &[],
        instead: "read categories, as the console does",
    },
    Retirement {
        what: "request hosts api.securitycenter.*",
        ends: None,
        concerns: Concerns::LegacyHost,
        permissions: &[],
        instead: "leave defender_url out, or set it to https://api.security.microsoft.com; the audience stays as it is",
    },
];

impl Retirement {
    /// Whether it concerns a profile: by its hosts, or by permissions its tokens carry.
    pub fn concerns(&self, endpoints: &Endpoints, carries: impl Fn(&str) -> bool) -> bool {
        match self.concerns {
            Concerns::LegacyHost => endpoints
                .defender
                .host_str()
                .and_then(super::Host::find)
                .is_some_and(|host| host.standing == Standing::Legacy),
            _ => self.permissions.iter().any(|name| carries(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Choice, resolve};

    #[test]
    fn a_profile_is_told_of_what_concerns_it_and_of_nothing_else() {
        let mut choice = Choice {
            cloud: "commercial",
            ..Choice::default()
        };
        let told = |choice: &Choice<'_>, held: &str| {
            let endpoints = resolve(choice).expect("resolves");
            let rows = RETIREMENTS.iter();
            rows.filter(|row| row.concerns(&endpoints, |name| name == held))
                .map(|row| row.concerns)
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&choice, "Machine.Read.All"), []);
        assert_eq!(
            told(&choice, "AdvancedQuery.Read.All"),
            [Concerns::OldHunting]
        );
        choice.defender = Some("https://api.securitycenter.microsoft.com");
        assert_eq!(told(&choice, ""), [Concerns::LegacyHost]);
    }

    #[test]
    fn the_dates_are_days_in_order_and_each_row_says_what_to_do() {
        let dates: Vec<jiff::civil::Date> = RETIREMENTS
            .iter()
            .filter_map(|row| row.ends)
            .map(|day| day.parse().expect("a day"))
            .collect();
        assert!(dates.is_sorted());
        assert!(RETIREMENTS.iter().all(|row| !row.instead.is_empty()));
    }
}

//! The stories that come with the program, and what a reader is told of them before they begin.

use super::scenario::Scenario;

/// A scenario to be told: what its mistakes are told under, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tale {
    /// Its name, or the file it was read from.
    pub name: String,
    /// TOML.
    pub text: String,
}

/// What a scenario says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synopsis {
    /// The word by which it is chosen.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What happens.
    pub summary: String,
    /// Its stages in order: title and ATT&CK tactic.
    pub stages: Vec<(String, String)>,
}

/// Every story that comes with the program, the one that unfolds in the first minutes first.
const TALES: &[(&str, &str)] = &[
    (
        "invoice",
        include_str!("../../assets/scenarios/invoice.toml"),
    ),
    ("ransom", include_str!("../../assets/scenarios/ransom.toml")),
    (
        "consent",
        include_str!("../../assets/scenarios/consent.toml"),
    ),
    ("bec", include_str!("../../assets/scenarios/bec.toml")),
    ("server", include_str!("../../assets/scenarios/server.toml")),
    (
        "insider",
        include_str!("../../assets/scenarios/insider.toml"),
    ),
    ("spray", include_str!("../../assets/scenarios/spray.toml")),
    (
        "cluster",
        include_str!("../../assets/scenarios/cluster.toml"),
    ),
    ("supply", include_str!("../../assets/scenarios/supply.toml")),
    (
        "assistant",
        include_str!("../../assets/scenarios/assistant.toml"),
    ),
    ("plant", include_str!("../../assets/scenarios/plant.toml")),
    ("teams", include_str!("../../assets/scenarios/teams.toml")),
];

impl Tale {
    /// Every story that comes with the program.
    pub fn all() -> Vec<Self> {
        let tale = |(name, text): &(&str, &str)| Self {
            name: (*name).into(),
            text: (*text).into(),
        };
        TALES.iter().map(tale).collect()
    }

    /// The story of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|tale| tale.name == name)
    }

    /// What it says of itself.
    pub fn synopsis(&self) -> Result<Synopsis, String> {
        let head = self.scenario()?.story;
        Ok(Synopsis {
            name: head.name,
            title: head.title,
            summary: head.summary,
            stages: head
                .stages
                .into_iter()
                .map(|s| (s.title, s.tactic))
                .collect(),
        })
    }

    pub(super) fn scenario(&self) -> Result<Scenario, String> {
        Scenario::parse(&self.text).map_err(|e| format!("{}: {e}", self.name))
    }
}

#[cfg(test)]
mod tests;

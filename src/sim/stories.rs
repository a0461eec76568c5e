//! The stories that come with the program, and what a reader is told of them before they begin.

use std::collections::HashSet;

use super::scenario::{EventFile, Scenario};

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

/// Takes out of a scenario what no published schema has, and out of its alerts what refers to it.
pub(super) fn keep_published(scenario: &mut Scenario) {
    let gone: HashSet<String> = scenario
        .thing
        .iter()
        .filter(|thing| thing.unpublished)
        .map(|thing| format!("thing.{}", thing.key))
        .collect();
    scenario.thing.retain(|thing| !thing.unpublished);
    for alert in &mut scenario.alert {
        alert.evidence.retain(|e| !gone.contains(&e.of));
    }
    for event in &mut scenario.event {
        if let EventFile::Evidence { evidence, .. } = event {
            evidence.retain(|e| !gone.contains(&e.of));
        }
    }
    scenario
        .event
        .retain(|event| !matches!(event, EventFile::Remediation { of, .. } if gone.contains(of)));
}

#[cfg(test)]
mod tests;

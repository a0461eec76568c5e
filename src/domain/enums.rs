//! The enums of incidents, alerts and evidence (Graph security API, `graph-security.json`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::open_enum::open_enum;

open_enum!(
    /// How bad it is (`alertSeverity`).
    Severity {
        High = "high",
        Medium = "medium",
        Low = "low",
        Informational = "informational",
        Unknown = "unknown",
    }
);

impl Severity {
    /// 4 for high down to 0 for unknown or a member we do not know.
    pub fn rank(&self) -> u8 {
        match self {
            Self::High => 4,
            Self::Medium => 3,
            Self::Low => 2,
            Self::Informational => 1,
            Self::Unknown | Self::Other(_) => 0,
        }
    }
}

open_enum!(
    /// State of an incident (`incidentStatus`).
    IncidentStatus {
        Active = "active",
        InProgress = "inProgress",
        AwaitingAction = "awaitingAction",
        Resolved = "resolved",
        /// Merged away: follow `redirectIncidentId`.
        Redirected = "redirected",
    }
);

impl IncidentStatus {
    /// Whether somebody still has to look at it.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Resolved | Self::Redirected)
    }
}

open_enum!(
    /// State of an alert (`alertStatus`): `new`, where incidents say `active`.
    AlertStatus {
        New = "new",
        InProgress = "inProgress",
        Resolved = "resolved",
        Unknown = "unknown",
    }
);

impl AlertStatus {
    /// Whether somebody still has to look at it.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Resolved)
    }
}

open_enum!(
    /// What the analyst decided (`alertClassification`).
    Classification {
        Unknown = "unknown",
        TruePositive = "truePositive",
        InformationalExpectedActivity = "informationalExpectedActivity",
        FalsePositive = "falsePositive",
    }
);

open_enum!(
    /// Why (`alertDetermination`). Old spellings are read and never sent.
    Determination {
        Unknown = "unknown",
        MultiStagedAttack = "multiStagedAttack",
        MaliciousUserActivity = "maliciousUserActivity",
        CompromisedAccount = "compromisedAccount" | "compromisedUser",
        Malware = "malware",
        Phishing = "phishing",
        UnwantedSoftware = "unwantedSoftware",
        SecurityTesting = "securityTesting",
        LineOfBusinessApplication = "lineOfBusinessApplication",
        ConfirmedActivity = "confirmedActivity" | "confirmedUserActivity",
        NotMalicious = "notMalicious" | "clean",
        NotEnoughDataToValidate = "notEnoughDataToValidate" | "insufficientData",
        Apt = "apt",
        SecurityPersonnel = "securityPersonnel",
        Other_ = "other",
    }
);

impl Classification {
    /// The determinations the service accepts with this classification
    /// (`graph-security.md`, "Classification and determination").
    pub fn legal_determinations(&self) -> &'static [Determination] {
        use Determination as D;
        match self {
            Self::TruePositive => &[
                D::MultiStagedAttack,
                D::MaliciousUserActivity,
                D::CompromisedAccount,
                D::Malware,
                D::Phishing,
                D::UnwantedSoftware,
                D::Other_,
            ],
            Self::InformationalExpectedActivity => &[
                D::SecurityTesting,
                D::LineOfBusinessApplication,
                D::ConfirmedActivity,
                D::Other_,
            ],
            Self::FalsePositive => &[D::NotMalicious, D::NotEnoughDataToValidate, D::Other_],
            Self::Unknown | Self::Other(_) => &[D::Unknown],
        }
    }
}

open_enum!(
    /// What the service thinks of an entity (`evidenceVerdict`).
    Verdict {
        Malicious = "malicious",
        Suspicious = "suspicious",
        NoThreatsFound = "noThreatsFound",
        Unknown = "unknown",
    }
);

open_enum!(
    /// What has been done about an entity (`evidenceRemediationStatus`).
    RemediationStatus {
        None_ = "none",
        Remediated = "remediated",
        Prevented = "prevented",
        Blocked = "blocked",
        NotFound = "notFound",
        Active = "active",
        PendingApproval = "pendingApproval",
        Declined = "declined",
        Unremediated = "unremediated",
        Running = "running",
        PartiallyRemediated = "partiallyRemediated",
    }
);

open_enum!(
    /// Which product raised the alert (`serviceSource`).
    ServiceSource {
        Endpoint = "microsoftDefenderForEndpoint",
        Identity = "microsoftDefenderForIdentity",
        CloudApps = "microsoftDefenderForCloudApps",
        Office365 = "microsoftDefenderForOffice365",
        Xdr = "microsoft365Defender",
        EntraIdProtection = "azureAdIdentityProtection",
        AppGovernance = "microsoftAppGovernance",
        DataLossPrevention = "dataLossPrevention",
        DefenderForCloud = "microsoftDefenderForCloud",
        Sentinel = "microsoftSentinel",
        InsiderRisk = "microsoftInsiderRiskManagement",
        ThreatIntelligence = "microsoftThreatIntelligence",
        SecurityForAi = "microsoftSecurityForAI",
        Unknown = "unknown",
    }
);

impl ServiceSource {
    /// The product's usual short name, at most four letters; the text as it came where unknown.
    pub fn short(&self) -> &str {
        match self {
            Self::Endpoint => "MDE",
            Self::Identity => "MDI",
            Self::CloudApps => "MDA",
            Self::Office365 => "MDO",
            Self::Xdr => "XDR",
            Self::EntraIdProtection => "EIDP",
            Self::AppGovernance => "APPG",
            Self::DataLossPrevention => "DLP",
            Self::DefenderForCloud => "MDC",
            Self::Sentinel => "SENT",
            Self::InsiderRisk => "IRM",
            Self::ThreatIntelligence => "MDTI",
            Self::SecurityForAi => "AI",
            Self::Unknown => "—",
            Self::Other(text) => text,
        }
    }
}

/// A tactic of MITRE ATT&CK (enterprise), in kill-chain order; alerts name them as categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Tactic {
    Reconnaissance,
    ResourceDevelopment,
    InitialAccess,
    Execution,
    Persistence,
    PrivilegeEscalation,
    DefenseEvasion,
    CredentialAccess,
    Discovery,
    LateralMovement,
    Collection,
    CommandAndControl,
    Exfiltration,
    Impact,
}

impl Tactic {
    /// Every tactic with its category name and two-letter mark.
    pub const ALL: [(Tactic, &'static str, &'static str); 14] = [
        (Tactic::Reconnaissance, "Reconnaissance", "RE"),
        (Tactic::ResourceDevelopment, "ResourceDevelopment", "RD"),
        (Tactic::InitialAccess, "InitialAccess", "IA"),
        (Tactic::Execution, "Execution", "EX"),
        (Tactic::Persistence, "Persistence", "PE"),
        (Tactic::PrivilegeEscalation, "PrivilegeEscalation", "PR"),
        (Tactic::DefenseEvasion, "DefenseEvasion", "DE"),
        (Tactic::CredentialAccess, "CredentialAccess", "CA"),
        (Tactic::Discovery, "Discovery", "DI"),
        (Tactic::LateralMovement, "LateralMovement", "LM"),
        (Tactic::Collection, "Collection", "CO"),
        (Tactic::CommandAndControl, "CommandAndControl", "C2"),
        (Tactic::Exfiltration, "Exfiltration", "XF"),
        (Tactic::Impact, "Impact", "IM"),
    ];

    /// The tactic an alert category names, if it names one ("Malware" does not).
    pub fn from_category(category: &str) -> Option<Self> {
        let found = Self::ALL
            .iter()
            .find(|(_, name, _)| name.eq_ignore_ascii_case(category));
        match found {
            Some((tactic, _, _)) => Some(*tactic),
            None if category.eq_ignore_ascii_case("Ransomware") => Some(Self::Impact),
            None => None,
        }
    }

    /// The two-letter mark shown in tight places.
    pub fn mark(self) -> &'static str {
        Self::ALL[self as usize].2
    }

    /// The full name.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// A set of tactics in two bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TacticSet(pub u16);

impl TacticSet {
    /// Adds a tactic.
    pub fn insert(&mut self, tactic: Tactic) {
        self.0 |= 1 << tactic as u16;
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the tactic is in the set.
    pub fn contains(self, tactic: Tactic) -> bool {
        self.0 & (1 << tactic as u16) != 0
    }

    /// The tactics in kill-chain order.
    pub fn iter(self) -> impl Iterator<Item = Tactic> {
        Tactic::ALL
            .iter()
            .map(|(tactic, _, _)| *tactic)
            .filter(move |tactic| self.contains(*tactic))
    }
}

impl fmt::Display for TacticSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tactic) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(tactic.mark())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_survive_a_round_trip() {
        let severity: Severity = serde_json::from_str("\"unknownFutureValue\"").expect("decodes");
        assert_eq!(severity, Severity::Other("unknownFutureValue".into()));
        assert_eq!(
            serde_json::to_string(&severity).expect("encodes"),
            "\"unknownFutureValue\""
        );
    }

    #[test]
    fn old_spellings_are_read_and_new_ones_written() {
        assert_eq!(Determination::parse("clean").as_str(), "notMalicious");
        assert_eq!(
            Determination::parse("ConfirmedUserActivity").as_str(),
            "confirmedActivity"
        );
    }

    #[test]
    fn tactics_print_in_kill_chain_order() {
        let mut set = TacticSet::default();
        set.insert(Tactic::Impact);
        set.insert(Tactic::InitialAccess);
        assert_eq!(set.to_string(), "IA IM");
    }
}

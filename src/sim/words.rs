//! Enum members and display names as the services spell them, in the order of their values.
//!
//! A member's place in these lists is what the compact rows keep. Facts: the published Graph schema.

/// `alertSeverity`.
pub const SEVERITY: &[&str] = &["unknown", "informational", "low", "medium", "high"];
/// `alertStatus`.
pub const ALERT_STATUS: &[&str] = &["unknown", "new", "inProgress", "resolved"];
/// `incidentStatus`; `awaitingAction` is above the sentinel and so gated.
pub const INCIDENT_STATUS: &[&str] = &[
    "active",
    "resolved",
    "inProgress",
    "redirected",
    "awaitingAction",
];
/// `alertClassification`; 0 is null.
pub const CLASSIFICATION: &[&str] = &[
    "",
    "unknown",
    "falsePositive",
    "truePositive",
    "informationalExpectedActivity",
];
/// `alertDetermination`; 0 is null.
pub const DETERMINATION: &[&str] = &[
    "",
    "unknown",
    "apt",
    "malware",
    "securityPersonnel",
    "securityTesting",
    "unwantedSoftware",
    "other",
    "multiStagedAttack",
    "compromisedAccount",
    "phishing",
    "maliciousUserActivity",
    "notMalicious",
    "notEnoughDataToValidate",
    "confirmedActivity",
    "lineOfBusinessApplication",
];
/// `serviceSource`.
pub const SERVICE_SOURCE: &[&str] = &[
    "unknown",
    "microsoftDefenderForEndpoint",
    "microsoftDefenderForIdentity",
    "microsoftDefenderForCloudApps",
    "microsoftDefenderForOffice365",
    "microsoft365Defender",
    "azureAdIdentityProtection",
    "microsoftAppGovernance",
    "dataLossPrevention",
    "microsoftDefenderForCloud",
    "microsoftSentinel",
    "microsoftInsiderRiskManagement",
    "microsoftThreatIntelligence",
    "microsoftSecurityForAI",
];
/// `investigationState`, the part of it the tenant uses.
pub const INVESTIGATION: &[&str] = &[
    "unknown",
    "terminated",
    "successfullyRemediated",
    "benign",
    "failed",
    "partiallyRemediated",
    "running",
    "pendingApproval",
    "pendingResource",
    "queued",
    "innerFailure",
    "preexistingAlert",
    "unsupportedOs",
    "unsupportedAlertType",
    "suppressedAlert",
    "partiallyInvestigated",
    "terminatedByUser",
    "terminatedBySystem",
];

/// `correlationReason`, flags; one is misspelt on the wire.
pub const CORRELATION_REASON: &[&str] = &[
    "repeatedAlertOccurrence",
    "sameGeography",
    "similarArtifacts",
    "sameTargetedAsset",
    "sameNetworkSegment",
    "eventSequence",
    "timeFrame",
    "sameThreatSource",
    "similarTTPsOrBehavior",
    "sameActor",
    "sameCampaign",
    "sharedIndicators",
    "sameAsset",
    "networkProximity",
    "eventCasualSequence",
    "temporalProximity",
    "lateralMovementPath",
];
/// `riskLevel` of the directory.
pub const RISK_LEVEL: &[&str] = &["low", "medium", "high", "hidden", "none"];
/// `riskState` of the directory.
pub const RISK_STATE: &[&str] = &[
    "none",
    "confirmedSafe",
    "remediated",
    "dismissed",
    "atRisk",
    "confirmedCompromised",
];

/// Members above `unknownFutureValue`, hidden behind that word unless the request asks for them.
const GATED: &[&str] = &[
    // incidentStatus
    "awaitingAction",
    // evidenceRemediationStatus
    "active",
    "pendingApproval",
    "declined",
    "unremediated",
    "running",
    "partiallyRemediated",
    // serviceSource
    "microsoftDefenderForCloud",
    "microsoftSentinel",
    "microsoftInsiderRiskManagement",
    "microsoftThreatIntelligence",
    "microsoftSecurityForAI",
    // detectionSource
    "microsoftDefenderForIoT",
    "microsoftDefenderForServers",
    "microsoftDefenderForStorage",
    "microsoftDefenderForDNS",
    "microsoftDefenderForDatabases",
    "microsoftDefenderForContainers",
    "microsoftDefenderForNetwork",
    "microsoftDefenderForAppService",
    "microsoftDefenderForKeyVault",
    "microsoftDefenderForResourceManager",
    "microsoftDefenderForApiManagement",
    "nrtAlerts",
    "scheduledAlerts",
    "microsoftDefenderThreatIntelligenceAnalytics",
    "builtInMl",
    "microsoftDefenderForAIServices",
    "securityCopilot",
    // riskDetail
    "m365DAdminDismissedDetection",
    "adminConfirmedAccountSafe",
    "microsoftRevokedSessions",
    // a member that no published schema has yet
    "agentSupervision",
];

/// The member as it is sent: gated ones only to a client that said it can take them.
pub fn sent(member: &str, unknown_members: bool) -> &str {
    if unknown_members || !GATED.contains(&member) {
        member
    } else {
        "unknownFutureValue"
    }
}

/// The place of a member in its list, whatever the case.
pub fn place(list: &[&str], member: &str) -> Option<u8> {
    list.iter()
        .position(|m| !m.is_empty() && m.eq_ignore_ascii_case(member))
        .and_then(|p| u8::try_from(p).ok())
}

/// Where an alert comes from, in every spelling the services use for it.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The name used in scenario files.
    pub name: &'static str,
    /// `serviceSource`.
    pub service: &'static str,
    /// `detectionSource`.
    pub detection: &'static str,
    /// `productName`; also `ServiceSource` in hunting tables.
    pub product: &'static str,
    /// `DetectionSource` in hunting tables.
    pub detection_text: &'static str,
    /// What alert ids begin with.
    pub prefix: &'static str,
    /// What alert ids end with.
    pub suffix: &'static str,
}

/// Every source the tenant has alerts from.
pub const SOURCES: &[Source] = &[
    source(
        "antivirus",
        "microsoftDefenderForEndpoint",
        "antivirus",
        "Microsoft Defender for Endpoint",
        "Antivirus",
        "da",
        "_1",
    ),
    source(
        "endpoint",
        "microsoftDefenderForEndpoint",
        "microsoftDefenderForEndpoint",
        "Microsoft Defender for Endpoint",
        "EDR",
        "da",
        "_1",
    ),
    source(
        "custom",
        "microsoftDefenderForEndpoint",
        "customTi",
        "Microsoft Defender for Endpoint",
        "Custom TI",
        "da",
        "_1",
    ),
    source(
        "detection-rule",
        "microsoft365Defender",
        "customDetection",
        "Microsoft Defender XDR",
        "Custom detection",
        "ed",
        "_1",
    ),
    source(
        "xdr",
        "microsoft365Defender",
        "microsoft365Defender",
        "Microsoft Defender XDR",
        "Microsoft Defender XDR",
        "ra",
        "",
    ),
    source(
        "office",
        "microsoftDefenderForOffice365",
        "microsoftDefenderForOffice365",
        "Microsoft Defender for Office 365",
        "Microsoft Defender for Office 365",
        "fa",
        "",
    ),
    source(
        "identity",
        "microsoftDefenderForIdentity",
        "microsoftDefenderForIdentity",
        "Microsoft Defender for Identity",
        "Microsoft Defender for Identity",
        "aa",
        "",
    ),
    source(
        "identity-protection",
        "azureAdIdentityProtection",
        "azureAdIdentityProtection",
        "AAD Identity Protection",
        "AAD Identity Protection",
        "ad",
        "",
    ),
    source(
        "cloud-apps",
        "microsoftDefenderForCloudApps",
        "cloudAppSecurity",
        "Microsoft Defender for Cloud Apps",
        "Cloud App Security",
        "ca",
        "",
    ),
    source(
        "app-governance",
        "microsoftAppGovernance",
        "appGovernanceDetection",
        "Microsoft Application Protection",
        "App Governance Detection",
        "ma",
        "",
    ),
    source(
        "dlp",
        "dataLossPrevention",
        "microsoftDataLossPrevention",
        "Microsoft Data Loss Prevention",
        "Microsoft Data Loss Prevention",
        "dl",
        "",
    ),
    source(
        "sentinel",
        "microsoftSentinel",
        "scheduledAlerts",
        "Microsoft Sentinel",
        "Scheduled Alerts",
        "sn",
        "",
    ),
    source(
        "smartscreen",
        "microsoftDefenderForEndpoint",
        "smartScreen",
        "Microsoft Defender for Endpoint",
        "SmartScreen",
        "da",
        "_1",
    ),
    source(
        "investigation",
        "microsoftDefenderForEndpoint",
        "automatedInvestigation",
        "Microsoft Defender for Endpoint",
        "Automated investigation",
        "da",
        "_1",
    ),
    source(
        "experts",
        "microsoftDefenderForEndpoint",
        "microsoftThreatExperts",
        "Microsoft Defender for Endpoint",
        "Microsoft Defender Experts",
        "da",
        "_1",
    ),
    source(
        "manual",
        "microsoft365Defender",
        "manual",
        "Microsoft Defender XDR",
        "Manual",
        "ra",
        "",
    ),
    source(
        "app-policy",
        "microsoftAppGovernance",
        "appGovernancePolicy",
        "Microsoft Application Protection",
        "App Governance Policy",
        "ma",
        "",
    ),
    source(
        "sentinel-nrt",
        "microsoftSentinel",
        "nrtAlerts",
        "Microsoft Sentinel",
        "NRT Alerts",
        "sn",
        "",
    ),
    source(
        "sentinel-ml",
        "microsoftSentinel",
        "builtInMl",
        "Microsoft Sentinel",
        "Built-in ML",
        "sn",
        "",
    ),
    source(
        "insider-risk",
        "microsoftInsiderRiskManagement",
        "microsoftInsiderRiskManagement",
        "Microsoft Purview Insider Risk Management",
        "Microsoft Insider Risk Management",
        "ir",
        "",
    ),
    source(
        "threat-intelligence",
        "microsoftThreatIntelligence",
        "microsoftThreatIntelligence",
        "Microsoft Threat Intelligence",
        "Microsoft Threat Intelligence",
        "ti",
        "",
    ),
    source(
        "ti-analytics",
        "microsoftSentinel",
        "microsoftDefenderThreatIntelligenceAnalytics",
        "Microsoft Sentinel",
        "Microsoft Defender Threat Intelligence Analytics",
        "sn",
        "",
    ),
    source(
        "cloud",
        "microsoftDefenderForCloud",
        "microsoftDefenderForCloud",
        "Microsoft Defender for Cloud",
        "Microsoft Defender for Cloud",
        "dc",
        "",
    ),
    source(
        "cloud-servers",
        "microsoftDefenderForCloud",
        "microsoftDefenderForServers",
        "Microsoft Defender for Cloud",
        "Microsoft Defender for Servers",
        "dc",
        "",
    ),
    source(
        "cloud-containers",
        "microsoftDefenderForCloud",
        "microsoftDefenderForContainers",
        "Microsoft Defender for Cloud",
        "Microsoft Defender for Containers",
        "dc",
        "",
    ),
    source(
        "cloud-storage",
        "microsoftDefenderForCloud",
        "microsoftDefenderForStorage",
        "Microsoft Defender for Cloud",
        "Microsoft Defender for Storage",
        "dc",
        "",
    ),
    source(
        "cloud-keys",
        "microsoftDefenderForCloud",
        "microsoftDefenderForKeyVault",
        "Microsoft Defender for Cloud",
        "Microsoft Defender for Key Vault",
        "dc",
        "",
    ),
    source(
        "cloud-resources",
        "microsoftDefenderForCloud",
        "microsoftDefenderForResourceManager",
        "Microsoft Defender for Cloud",
        "Microsoft Defender for Resource Manager",
        "dc",
        "",
    ),
    source(
        "cloud-apps-web",
        "microsoftDefenderForCloud",
        "microsoftDefenderForAppService",
        "Microsoft Defender for Cloud",
        "Microsoft Defender for App Service",
        "dc",
        "",
    ),
    source(
        "cloud-databases",
        "microsoftDefenderForCloud",
        "microsoftDefenderForDatabases",
        "Microsoft Defender for Cloud",
        "Microsoft Defender for Databases",
        "dc",
        "",
    ),
    source(
        "iot",
        "microsoftDefenderForCloud",
        "microsoftDefenderForIoT",
        "Microsoft Defender for IoT",
        "Microsoft Defender for IoT",
        "dc",
        "",
    ),
    source(
        "ai",
        "microsoftSecurityForAI",
        "microsoftDefenderForAIServices",
        "Microsoft Security for AI",
        "Microsoft Defender for AI Services",
        "sa",
        "",
    ),
    source(
        "copilot",
        "microsoftSecurityForAI",
        "securityCopilot",
        "Microsoft Security for AI",
        "Security Copilot",
        "sa",
        "",
    ),
    source(
        "agents",
        "microsoft365Defender",
        "agentSupervision",
        "Microsoft Defender XDR",
        "Agent supervision",
        "ra",
        "",
    ),
];

const fn source(
    name: &'static str,
    service: &'static str,
    detection: &'static str,
    product: &'static str,
    detection_text: &'static str,
    prefix: &'static str,
    suffix: &'static str,
) -> Source {
    Source {
        name,
        service,
        detection,
        product,
        detection_text,
        prefix,
        suffix,
    }
}

/// The source called `name` in scenario files.
pub fn source_named(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|s| s.name == name)
}

/// Outside addresses of the documentation ranges, with the place they are said to be in.
pub const PLACES: &[(&str, &str, &str, &str, f64, f64)] = &[
    ("203.0.113", "NL", "Amsterdam", "Netherlands", 52.37, 4.89),
    (
        "198.51.100",
        "US",
        "Ashburn",
        "United States",
        39.04,
        -77.49,
    ),
    ("192.0.2", "DE", "Frankfurt am Main", "Germany", 50.11, 8.68),
    ("203.0.113", "SG", "Singapore", "Singapore", 1.35, 103.82),
    ("198.51.100", "BR", "Sao Paulo", "Brazil", -23.55, -46.63),
];

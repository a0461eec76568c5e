//! How much the hunting tables hold, by class: the order of magnitude in a tenant of any size.

/// Classes of volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Volume {
    /// A row an alert, an incident, a policy.
    Small,
    /// A row or some a day for each device, account or software.
    Medium,
    /// Events of people: mails, sign-ins, files in the cloud.
    Large,
    /// Events of machines: processes, connections, files.
    Huge,
}

/// Tables by class; what is not named is not judged.
const TABLES: &[(&str, Volume)] = &[
    ("AlertEvidence", Volume::Small),
    ("AlertInfo", Volume::Small),
    ("BehaviorEntities", Volume::Small),
    ("BehaviorInfo", Volume::Small),
    ("AADSignInEventsBeta", Volume::Large),
    ("AADSpnSignInEventsBeta", Volume::Large),
    ("CloudAppEvents", Volume::Large),
    ("CloudAuditEvents", Volume::Large),
    ("CloudProcessEvents", Volume::Large),
    ("DeviceEvents", Volume::Huge),
    ("DeviceFileCertificateInfo", Volume::Large),
    ("DeviceFileEvents", Volume::Huge),
    ("DeviceImageLoadEvents", Volume::Huge),
    ("DeviceInfo", Volume::Medium),
    ("DeviceLogonEvents", Volume::Large),
    ("DeviceNetworkEvents", Volume::Huge),
    ("DeviceNetworkInfo", Volume::Medium),
    ("DeviceProcessEvents", Volume::Huge),
    ("DeviceRegistryEvents", Volume::Huge),
    ("DeviceTvmSecureConfigurationAssessment", Volume::Medium),
    ("DeviceTvmSoftwareInventory", Volume::Medium),
    ("DeviceTvmSoftwareVulnerabilities", Volume::Medium),
    ("DeviceTvmSoftwareVulnerabilitiesKB", Volume::Medium),
    ("EmailAttachmentInfo", Volume::Large),
    ("EmailEvents", Volume::Large),
    ("EmailPostDeliveryEvents", Volume::Medium),
    ("EmailUrlInfo", Volume::Large),
    ("EntraIdSignInEvents", Volume::Large),
    ("EntraIdSpnSignInEvents", Volume::Large),
    ("GraphAPIAuditEvents", Volume::Large),
    ("IdentityDirectoryEvents", Volume::Large),
    ("IdentityInfo", Volume::Medium),
    ("IdentityLogonEvents", Volume::Large),
    ("IdentityQueryEvents", Volume::Large),
    ("OAuthAppInfo", Volume::Small),
    ("UrlClickEvents", Volume::Large),
];

pub(super) fn volume(table: &str) -> Option<Volume> {
    TABLES
        .iter()
        .find(|(name, _)| *name == table)
        .map(|(_, volume)| *volume)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::Schema;

    #[test]
    fn tables_exist() {
        for (name, _) in TABLES {
            assert!(Schema::hunting().table(name).is_some(), "{name}");
        }
    }
}

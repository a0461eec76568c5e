//! Evidence: the entities of an alert, as the service sent them.
//!
//! The fields stay in the service's own JSON map, so that nothing is lost whatever the kind; typed
//! questions are asked by path. What a kind is called, titled and recognised by is a table
//! (`graph-security.json`, evidenceTypes; `graph-security.md`, "Evidence").

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::MachineId;
use super::enums::{RemediationStatus, Verdict};
use super::lenient::parse_time;
use super::open_enum::open_enum;

open_enum!(
    /// A kind of evidence: the `@odata.type` without `#microsoft.graph.security.` and `Evidence`.
    EvidenceKind {
        ActiveDirectoryDomain = "activeDirectoryDomain",
        AiAgent = "aiAgent",
        AmazonResource = "amazonResource",
        AnalyzedMessage = "analyzedMessage",
        AzureResource = "azureResource",
        Blob = "blob",
        BlobContainer = "blobContainer",
        CloudApplication = "cloudApplication",
        CloudLogonRequest = "cloudLogonRequest",
        CloudLogonSession = "cloudLogonSession",
        Container = "container",
        ContainerImage = "containerImage",
        ContainerRegistry = "containerRegistry",
        Device = "device",
        Dns = "dns",
        File = "file",
        FileHash = "fileHash",
        GitHubOrganization = "gitHubOrganization",
        GitHubRepo = "gitHubRepo",
        GitHubUser = "gitHubUser",
        GoogleCloudResource = "googleCloudResource",
        HostLogonSession = "hostLogonSession",
        IoTDevice = "ioTDevice",
        Ip = "ip",
        KubernetesCluster = "kubernetesCluster",
        KubernetesController = "kubernetesController",
        KubernetesNamespace = "kubernetesNamespace",
        KubernetesPod = "kubernetesPod",
        KubernetesSecret = "kubernetesSecret",
        KubernetesService = "kubernetesService",
        KubernetesServiceAccount = "kubernetesServiceAccount",
        Mailbox = "mailbox",
        MailboxConfiguration = "mailboxConfiguration",
        MailCluster = "mailCluster",
        Malware = "malware",
        NetworkConnection = "networkConnection",
        Nic = "nic",
        OauthApplication = "oauthApplication",
        Process = "process",
        RegistryKey = "registryKey",
        RegistryValue = "registryValue",
        SasToken = "sasToken",
        SecurityGroup = "securityGroup",
        ServicePrincipal = "servicePrincipal",
        SubmissionMail = "submissionMail",
        TeamsMessage = "teamsMessage",
        Url = "url",
        User = "user",
    }
);

/// What the table knows of one kind.
struct KindRow {
    kind: EvidenceKind,
    label: &'static str,
    /// Paths whose first present value names an entity to a person.
    title: &'static [&'static str],
    /// Paths whose first present value is the same wherever the entity occurs.
    key: &'static [&'static str],
}

const fn row(
    kind: EvidenceKind,
    label: &'static str,
    title: &'static [&'static str],
    key: &'static [&'static str],
) -> KindRow {
    KindRow {
        kind,
        label,
        title,
        key,
    }
}

use EvidenceKind as K;

static KINDS: &[KindRow] = &[
    row(
        K::ActiveDirectoryDomain,
        "Active directory domain",
        &[],
        &[],
    ),
    row(K::AiAgent, "AI agent", &["agentName", "agentId"], &[]),
    row(
        K::AmazonResource,
        "Amazon resource",
        &["resourceName", "amazonResourceId"],
        &[],
    ),
    row(
        K::AnalyzedMessage,
        "E-mail",
        &["subject", "internetMessageId", "networkMessageId"],
        &["networkMessageId"],
    ),
    row(
        K::AzureResource,
        "Azure resource",
        &["resourceName", "resourceId"],
        &[],
    ),
    row(K::Blob, "Blob", &[], &[]),
    row(K::BlobContainer, "Blob container", &[], &[]),
    row(
        K::CloudApplication,
        "Cloud application",
        &["displayName", "appId"],
        &["appId"],
    ),
    row(K::CloudLogonRequest, "Cloud logon request", &[], &[]),
    row(
        K::CloudLogonSession,
        "Cloud logon session",
        &["account.userPrincipalName", "sessionId"],
        &["sessionId"],
    ),
    row(K::Container, "Container", &[], &[]),
    row(K::ContainerImage, "Container image", &[], &[]),
    row(K::ContainerRegistry, "Container registry", &[], &[]),
    row(
        K::Device,
        "Device",
        &["deviceDnsName", "hostName", "mdeDeviceId"],
        &["mdeDeviceId", "deviceDnsName"],
    ),
    row(K::Dns, "DNS name", &["domainName"], &["domainName"]),
    row(
        K::File,
        "File",
        &[
            "fileDetails.fileName",
            "fileDetails.sha256",
            "fileDetails.sha1",
        ],
        &["fileDetails.sha256", "fileDetails.sha1", "fileDetails.md5"],
    ),
    row(K::FileHash, "File hash", &["value"], &["value"]),
    row(K::GitHubOrganization, "GitHub organization", &[], &[]),
    row(K::GitHubRepo, "GitHub repository", &[], &[]),
    row(K::GitHubUser, "GitHub user", &[], &[]),
    row(
        K::GoogleCloudResource,
        "Google cloud resource",
        &["resourceName", "fullResourceName"],
        &[],
    ),
    row(
        K::HostLogonSession,
        "Host logon session",
        &["account.accountName", "sessionId"],
        &[],
    ),
    row(K::IoTDevice, "IoT device", &[], &[]),
    row(K::Ip, "IP address", &["ipAddress"], &["ipAddress"]),
    row(K::KubernetesCluster, "Kubernetes cluster", &[], &[]),
    row(K::KubernetesController, "Kubernetes controller", &[], &[]),
    row(K::KubernetesNamespace, "Kubernetes namespace", &[], &[]),
    row(K::KubernetesPod, "Kubernetes pod", &[], &[]),
    row(K::KubernetesSecret, "Kubernetes secret", &[], &[]),
    row(K::KubernetesService, "Kubernetes service", &[], &[]),
    row(
        K::KubernetesServiceAccount,
        "Kubernetes service account",
        &[],
        &[],
    ),
    row(
        K::Mailbox,
        "Mailbox",
        &["primaryAddress", "upn", "displayName"],
        &["primaryAddress"],
    ),
    row(
        K::MailboxConfiguration,
        "Mailbox configuration",
        &["displayName", "configurationType", "configurationId"],
        &["configurationId"],
    ),
    row(
        K::MailCluster,
        "Mail cluster",
        &["query", "clusterBy"],
        &["query"],
    ),
    row(K::Malware, "Malware", &["name", "category"], &["name"]),
    row(
        K::NetworkConnection,
        "Network connection",
        &["destinationAddress.ipAddress", "sourceAddress.ipAddress"],
        &[],
    ),
    row(K::Nic, "Network adapter", &[], &[]),
    row(
        K::OauthApplication,
        "OAuth application",
        &["displayName", "appId", "objectId"],
        &["appId"],
    ),
    row(
        K::Process,
        "Process",
        &["imageFile.fileName", "processCommandLine", "processId"],
        &["imageFile.sha256", "imageFile.sha1"],
    ),
    row(K::RegistryKey, "Registry key", &["registryKey"], &[]),
    row(
        K::RegistryValue,
        "Registry value",
        &["registryValueName", "registryKey"],
        &[],
    ),
    row(K::SasToken, "SAS token", &[], &[]),
    row(
        K::SecurityGroup,
        "Security group",
        &["displayName", "securityGroupId"],
        &["securityGroupId"],
    ),
    row(
        K::ServicePrincipal,
        "Service principal",
        &["servicePrincipalName", "servicePrincipalObjectId", "appId"],
        &["servicePrincipalObjectId", "appId"],
    ),
    row(
        K::SubmissionMail,
        "Submission mail",
        &["subject", "networkMessageId"],
        &["networkMessageId"],
    ),
    row(
        K::TeamsMessage,
        "Teams message",
        &["subject", "messageId", "threadId"],
        &[],
    ),
    row(K::Url, "URL", &["url"], &["url"]),
    row(
        K::User,
        "User",
        &[
            "userAccount.userPrincipalName",
            "userAccount.displayName",
            "userAccount.accountName",
            "userAccount.userSid",
        ],
        &[
            "userAccount.azureAdUserId",
            "userAccount.userPrincipalName",
            "userAccount.userSid",
            "userAccount.accountName",
        ],
    ),
];

/// Paths tried for the title of a kind that has none of its own, unknown kinds included.
const GENERIC_TITLE: &[&str] = &[
    "displayName",
    "name",
    "resourceName",
    "hostName",
    "deviceName",
    "title",
    "id",
];

impl EvidenceKind {
    /// The kind an `@odata.type` names, with or without `#`, namespace and suffix.
    pub fn from_odata(odata_type: &str) -> Self {
        let name = odata_type.rsplit('.').next().unwrap_or(odata_type);
        let name = name.trim_start_matches('#');
        Self::parse(name.strip_suffix("Evidence").unwrap_or(name))
    }

    /// The short wire name, `device` for `#microsoft.graph.security.deviceEvidence`.
    pub fn name(&self) -> &str {
        self.as_str()
    }

    /// What people call it; the wire name for kinds not in the table.
    pub fn label(&self) -> &str {
        self.table_row()
            .map_or_else(|| self.as_str(), |row| row.label)
    }

    fn table_row(&self) -> Option<&'static KindRow> {
        KINDS.iter().find(|row| row.kind == *self)
    }
}

/// One entity of an alert, with what the service thinks of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Its kind.
    pub kind: EvidenceKind,
    /// Every field as it came, `@odata.type` included.
    pub fields: Map<String, Value>,
}

/// What makes the same entity in two alerts the same: "where else" is asked with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct EntityKey {
    /// A kind's wire name; hashes of files and processes meet under `file`, addresses of mailboxes
    /// and users stay apart.
    pub kind: Arc<str>,
    /// The identifying value, in lower case.
    pub value: Arc<str>,
}

impl Evidence {
    /// Wraps a JSON object; `None` where it is not an object.
    pub fn from_json(value: Value) -> Option<Self> {
        let Value::Object(fields) = value else {
            return None;
        };
        let kind = fields
            .get("@odata.type")
            .and_then(Value::as_str)
            .map_or_else(
                || EvidenceKind::Other("untyped".into()),
                EvidenceKind::from_odata,
            );
        Some(Self { kind, fields })
    }

    /// The value at a dotted path, nulls taken as absent.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let mut value = self.fields.get(names.next()?)?;
        for name in names {
            value = value.get(name)?;
        }
        (!value.is_null()).then_some(value)
    }

    /// The text at a path: strings as they are, numbers and booleans printed, empty as absent.
    pub fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        match self.get(path)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            _ => None,
        }
    }

    /// The strings of the array at a path.
    pub fn texts(&self, path: &str) -> Vec<&str> {
        match self.get(path) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The instant at a path.
    pub fn time(&self, path: &str) -> Option<Timestamp> {
        self.get(path)?.as_str().and_then(parse_time)
    }

    /// When the entity was added to the alert.
    pub fn created(&self) -> Option<Timestamp> {
        self.time("createdDateTime")
    }

    /// The service's verdict.
    pub fn verdict(&self) -> Verdict {
        self.text("verdict")
            .map_or(Verdict::Unknown, |text| Verdict::parse(&text))
    }

    /// What has been done about it.
    pub fn remediation(&self) -> RemediationStatus {
        self.text("remediationStatus")
            .map_or(RemediationStatus::None_, |text| {
                RemediationStatus::parse(&text)
            })
    }

    /// The name a person knows it by; never empty. Hostile text until sanitised.
    pub fn title(&self) -> Cow<'_, str> {
        let own = self.kind.table_row().map_or(&[][..], |row| row.title);
        own.iter()
            .chain(GENERIC_TITLE)
            .find_map(|path| self.text(path))
            .or_else(|| {
                let mut rest = self.fields.iter().filter(|(name, _)| {
                    !name.contains('@') && !BASE_FIELDS.contains(&name.as_str())
                });
                rest.find_map(|(_, value)| value.as_str().filter(|text| !text.is_empty()))
                    .map(Cow::Borrowed)
            })
            .unwrap_or_else(|| Cow::Owned(format!("({})", self.kind.label())))
    }

    /// What it is recognised by elsewhere; `None` where it carries nothing identifying.
    pub fn key(&self) -> Option<EntityKey> {
        let row = self.kind.table_row()?;
        let value = row.key.iter().find_map(|path| self.text(path))?;
        let kind = match self.kind {
            K::FileHash | K::Process => "file",
            _ => self.kind.as_str(),
        };
        Some(EntityKey {
            kind: kind.into(),
            value: value.to_lowercase().into(),
        })
    }

    /// The device it happened on or is, for actions of Defender for Endpoint.
    pub fn machine(&self) -> Option<MachineId> {
        self.text("mdeDeviceId").map(|id| MachineId::new(&*id))
    }
}

/// Fields every kind has (`alertEvidence`).
pub const BASE_FIELDS: &[&str] = &[
    "createdDateTime",
    "verdict",
    "remediationStatus",
    "remediationStatusDetails",
    "roles",
    "detailedRoles",
    "tags",
];

impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(value).ok_or_else(|| serde::de::Error::custom("evidence is not an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(json: &str) -> Evidence {
        serde_json::from_str(json).expect("decodes")
    }

    #[test]
    fn every_known_kind_has_a_table_row() {
        for kind in EvidenceKind::KNOWN {
            assert!(kind.table_row().is_some(), "{kind}");
        }
    }

    #[test]
    fn an_unknown_kind_keeps_its_fields_and_finds_a_title() {
        let it = evidence(
            r##"{"@odata.type":"#microsoft.graph.security.quantumLinkEvidence","linkLabel":"q1","depth":3}"##,
        );
        assert_eq!(it.kind, EvidenceKind::Other("quantumLink".into()));
        assert_eq!(it.title(), "q1");
        assert_eq!(it.text("depth").as_deref(), Some("3"));
        assert!(
            serde_json::to_string(&it)
                .expect("encodes")
                .contains("quantumLinkEvidence")
        );
    }

    #[test]
    fn a_process_and_a_file_meet_by_hash() {
        let process = evidence(
            r#"{"@odata.type":"microsoft.graph.security.processEvidence","imageFile":{"sha256":"AB"}}"#,
        );
        let file = evidence(
            r##"{"@odata.type":"#microsoft.graph.security.fileEvidence","fileDetails":{"sha256":"ab"}}"##,
        );
        assert_eq!(process.key(), file.key());
    }
}

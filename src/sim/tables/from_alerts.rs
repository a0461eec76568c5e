//! Rows of the alerts: `AlertInfo`, `AlertEvidence`, and what everyday alerts saw happen.
//!
//! They are read from the alert as it is served, so that both always name the same things.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::super::clock::{self, MINUTE, Ticks};
use super::super::graph::alerts::{Wanted, push};
use super::super::world::{Body, World};
use super::from_story::host_of;
use super::mail::place_of;
use super::row::{Cell, Row};

/// Which alerts have been written, and with how much evidence.
#[derive(Debug, Default)]
pub struct Seen {
    evidence: HashMap<u32, usize>,
    /// Alerts that changed before this are written.
    until: (Ticks, u32),
    /// What ids of mails say of their recipients, by lower-case address.
    mailboxes: HashMap<String, String>,
}

impl Seen {
    /// Adds rows for alerts that are new or have grown up to now, for so many of them. Says whether
    /// there are more.
    pub fn due(&mut self, world: &World, now: Ticks, most: usize, out: &mut Vec<Row>) -> bool {
        for person in world.people.iter().skip(self.mailboxes.len()) {
            let number = person.object_id.get(..8).unwrap_or_default().to_owned();
            self.mailboxes.insert(person.upn.to_lowercase(), number);
        }
        // A query that was asked while the tables were filled comes with a time they have passed.
        if (now, u32::MAX) < self.until {
            return false;
        }
        let changed: Vec<(Ticks, u32)> = world
            .alert_index
            .updated
            .range(self.until..=(now, u32::MAX))
            .take(most)
            .copied()
            .collect();
        for (_, place) in &changed {
            self.one(world, *place, out);
        }
        match changed.last() {
            Some((at, place)) if changed.len() == most => {
                self.until = (*at, place + 1);
                true
            }
            // An alert may change again at this very time.
            _ => {
                self.until = (now, 0);
                false
            }
        }
    }

    fn one(&mut self, world: &World, place: u32, out: &mut Vec<Row>) {
        let mut text = Vec::with_capacity(8 * 1024);
        push(
            &mut text,
            world,
            place,
            Wanted {
                context: None,
                select: None,
                unknown: true,
            },
        );
        // What we write ourselves is JSON.
        let Ok(alert) = serde_json::from_slice::<Json>(&text) else {
            return;
        };
        let everyday = matches!(world.alerts[place as usize].body, Body::Everyday { .. });
        let shell = world.shell(&world.alerts[place as usize]);
        let created = time(&alert, "createdDateTime");
        let categories = shell.categories.first().cloned().unwrap_or_default();
        let techniques = shell.techniques_json.clone();
        let severity = title_case(string(&alert, "severity"));
        let base = |table, at| {
            Row::new(table, at)
                .with("AlertId", string(&alert, "id"))
                .with("Title", string(&alert, "title"))
                .with("ServiceSource", shell.source.product)
                .with("DetectionSource", shell.source.detection_text)
                .with("Severity", severity.clone())
                .with("AttackTechniques", techniques.clone())
        };
        let Some(evidence) = alert["evidence"].as_array() else {
            return;
        };
        let done = self.evidence.insert(place, evidence.len());
        if done.is_none() {
            out.push(base("AlertInfo", created).with("Category", categories));
        }
        for item in evidence.iter().skip(done.unwrap_or(0)) {
            let row = base("AlertEvidence", time(item, "createdDateTime"))
                .with("Categories", shell.categories_json.clone());
            out.push(evidence_row(row, item));
            if everyday {
                self.happened(world, item, created, out);
            }
        }
    }
}

fn string(value: &Json, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn time(value: &Json, name: &str) -> Ticks {
    value[name]
        .as_str()
        .and_then(clock::parse)
        .unwrap_or_default()
}

fn title_case(text: String) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// `deviceEvidence` → `Machine` and so on, as `AlertEvidence.EntityType` has them. Resources of all clouds
/// are one type there. No list of them is published: those that published queries do not name are
/// spelled after the entity.
const ENTITIES: &[(&str, &str)] = &[
    ("activeDirectoryDomainEvidence", "ActiveDirectoryDomain"),
    ("aiAgentEvidence", "AIAgent"),
    ("amazonResourceEvidence", "CloudResource"),
    ("analyzedMessageEvidence", "MailMessage"),
    ("azureResourceEvidence", "CloudResource"),
    ("blobContainerEvidence", "BlobContainer"),
    ("blobEvidence", "Blob"),
    ("cloudApplicationEvidence", "CloudApplication"),
    ("cloudLogonRequestEvidence", "CloudLogonRequest"),
    ("cloudLogonSessionEvidence", "CloudLogonSession"),
    ("containerEvidence", "Container"),
    ("containerImageEvidence", "ContainerImage"),
    ("containerRegistryEvidence", "ContainerRegistry"),
    ("deviceEvidence", "Machine"),
    ("dnsEvidence", "Dns"),
    ("fileEvidence", "File"),
    ("fileHashEvidence", "FileHash"),
    ("gitHubOrganizationEvidence", "GitHubOrganization"),
    ("gitHubRepoEvidence", "GitHubRepo"),
    ("gitHubUserEvidence", "GitHubUser"),
    ("googleCloudResourceEvidence", "CloudResource"),
    ("hostLogonSessionEvidence", "HostLogonSession"),
    ("ioTDeviceEvidence", "IoTDevice"),
    ("ipEvidence", "Ip"),
    ("kubernetesClusterEvidence", "KubernetesCluster"),
    ("kubernetesControllerEvidence", "KubernetesController"),
    ("kubernetesNamespaceEvidence", "KubernetesNamespace"),
    ("kubernetesPodEvidence", "KubernetesPod"),
    ("kubernetesSecretEvidence", "KubernetesSecret"),
    (
        "kubernetesServiceAccountEvidence",
        "KubernetesServiceAccount",
    ),
    ("kubernetesServiceEvidence", "KubernetesService"),
    ("mailClusterEvidence", "MailCluster"),
    ("mailboxConfigurationEvidence", "MailboxConfiguration"),
    ("mailboxEvidence", "Mailbox"),
    ("malwareEvidence", "Malware"),
    ("networkConnectionEvidence", "NetworkConnection"),
    ("nicEvidence", "NetworkInterface"),
    ("oauthApplicationEvidence", "OAuthApplication"),
    ("processEvidence", "Process"),
    ("registryKeyEvidence", "RegistryKey"),
    ("registryValueEvidence", "RegistryValue"),
    ("sasTokenEvidence", "SasToken"),
    ("securityGroupEvidence", "SecurityGroup"),
    ("servicePrincipalEvidence", "ServicePrincipal"),
    ("submissionMailEvidence", "SubmissionMail"),
    ("teamsMessageEvidence", "TeamsMessage"),
    ("urlEvidence", "Url"),
    ("userEvidence", "User"),
];

/// The `EntityType` of a kind of evidence; one that nobody has told us of is called after its kind.
fn entity_type(kind: &str) -> String {
    let known = ENTITIES.iter().find(|(k, _)| *k == kind);
    known.map_or_else(
        || title_case(kind.trim_end_matches("Evidence").to_owned()),
        |(_, entity)| (*entity).to_owned(),
    )
}

fn kind(item: &Json) -> &str {
    item["@odata.type"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches("#microsoft.graph.security.")
}

fn account(row: Row, user: &Json) -> Row {
    if user.is_null() {
        return row;
    }
    row.with("AccountName", string(user, "accountName"))
        .with("AccountDomain", string(user, "domainName").to_lowercase())
        .with("AccountSid", string(user, "userSid"))
        .with("AccountObjectId", string(user, "azureAdUserId"))
        .with("AccountUpn", string(user, "userPrincipalName"))
}

fn file(row: Row, details: &Json) -> Row {
    row.with("FileName", string(details, "fileName"))
        .with("FolderPath", string(details, "filePath"))
        .with("SHA1", string(details, "sha1"))
        .with("SHA256", string(details, "sha256"))
        .maybe("FileSize", details["fileSize"].as_i64())
}

fn evidence_row(row: Row, item: &Json) -> Row {
    let kind = kind(item);
    let role = if item["verdict"] == "unknown" {
        "Related"
    } else {
        "Impacted"
    };
    let row = row
        .with("EntityType", entity_type(kind))
        .with("EvidenceRole", role)
        .maybe("DeviceId", item["mdeDeviceId"].as_str().map(str::to_owned));
    match kind {
        "deviceEvidence" => row
            .with("DeviceName", string(item, "deviceDnsName"))
            .with("LocalIP", string(item, "lastIpAddress")),
        "userEvidence" | "mailboxEvidence" => account(row, &item["userAccount"]),
        "cloudLogonSessionEvidence" => account(row, &item["account"]["userAccount"]),
        "processEvidence" => account(
            file(row, &item["imageFile"])
                .with("ProcessCommandLine", string(item, "processCommandLine")),
            &item["userAccount"],
        ),
        "fileEvidence" => file(row, &item["fileDetails"]),
        "malwareEvidence" => row.with("ThreatFamily", string(item, "name")),
        "ipEvidence" => row.with("RemoteIP", string(item, "ipAddress")),
        "urlEvidence" => row.with("RemoteUrl", string(item, "url")),
        "analyzedMessageEvidence" => row
            .with("NetworkMessageId", string(item, "networkMessageId"))
            .with("EmailSubject", string(item, "subject"))
            .with("AccountUpn", string(item, "recipientEmailAddress")),
        "registryValueEvidence" => row
            .with(
                "RegistryKey",
                format!(
                    "{}\\{}",
                    string(item, "registryHive"),
                    string(item, "registryKey")
                ),
            )
            .with("RegistryValueName", string(item, "registryValueName"))
            .with("RegistryValueData", string(item, "registryValue")),
        "oauthApplicationEvidence" => row
            .with("OAuthApplicationId", string(item, "appId"))
            .with("Application", string(item, "displayName")),
        "cloudApplicationEvidence" => row
            .with("Application", string(item, "displayName"))
            .maybe("ApplicationId", item["appId"].as_i64()),
        _ => row.with("AdditionalFields", item.to_string()),
    }
}

impl Seen {
    /// What an everyday alert saw, as the event tables have it.
    fn happened(&self, world: &World, item: &Json, created: Ticks, out: &mut Vec<Row>) {
        let machine = item["mdeDeviceId"]
            .as_str()
            .and_then(|id| world.find_machine(id));
        let machine = machine.map(|place| &world.machines[place as usize]);
        match (kind(item), machine) {
            ("processEvidence", Some(machine)) => {
                let at = time(item, "processCreationDateTime");
                let parent = &item["parentProcessImageFile"];
                let row = super::from_story::on(Row::new("DeviceProcessEvents", at), machine)
                    .with("ActionType", "ProcessCreated")
                    .maybe("ProcessId", item["processId"].as_i64())
                    .with("ProcessCommandLine", string(item, "processCommandLine"))
                    .with("ProcessCreationTime", Cell::Time(at))
                    .maybe("InitiatingProcessId", item["parentProcessId"].as_i64())
                    .with("InitiatingProcessFileName", string(parent, "fileName"))
                    .with("InitiatingProcessSHA1", string(parent, "sha1"))
                    .with(
                        "InitiatingProcessCreationTime",
                        Cell::Time(time(item, "parentProcessCreationDateTime")),
                    );
                out.push(account(file(row, &item["imageFile"]), &item["userAccount"]));
            }
            ("fileEvidence", Some(machine)) => {
                let row = super::from_story::on(
                    Row::new("DeviceFileEvents", created - 2 * MINUTE),
                    machine,
                );
                out.push(file(row, &item["fileDetails"]).with("ActionType", "FileCreated"));
            }
            ("analyzedMessageEvidence", _) => {
                let at = time(item, "receivedDateTime");
                let (p1, p2) = (&item["p1Sender"], &item["p2Sender"]);
                let threats = item["threats"]
                    .as_array()
                    .and_then(|t| t.first())
                    .and_then(Json::as_str)
                    .unwrap_or_default()
                    .to_owned();
                let spoofed = !threats.is_empty();
                let results = if spoofed {
                    ("fail", "none", "none", "fail")
                } else {
                    ("pass", "pass", "pass", "pass")
                };
                let details = serde_json::json!({
                    "SPF": results.0, "DKIM": results.1, "DMARC": results.2, "CompAuth": results.3,
                });
                let id = string(item, "networkMessageId");
                out.push(
                    Row::new("EmailEvents", at)
                        .with("NetworkMessageId", &id)
                        .with("InternetMessageId", string(item, "internetMessageId"))
                        .with("SenderMailFromAddress", string(p1, "emailAddress"))
                        .with("SenderMailFromDomain", string(p1, "domainName"))
                        .with("SenderFromAddress", string(p2, "emailAddress"))
                        .with("SenderFromDomain", string(p2, "domainName"))
                        .with("SenderDisplayName", string(p2, "displayName"))
                        .with("SenderIPv4", string(item, "senderIp"))
                        .with(
                            "RecipientEmailAddress",
                            string(item, "recipientEmailAddress"),
                        )
                        .with("Subject", string(item, "subject"))
                        .with("EmailDirection", "Inbound")
                        .with("DeliveryAction", string(item, "deliveryAction"))
                        .with("DeliveryLocation", "Inbox/folder")
                        .with(
                            "LatestDeliveryLocation",
                            place_of(item["deliveryLocation"].as_str().unwrap_or_default())
                                .unwrap_or_default(),
                        )
                        .with("ThreatTypes", threats)
                        .with("AuthenticationDetails", details.to_string())
                        .with(
                            "ReportId",
                            // The id the collaboration service has for it.
                            format!(
                                "{id}-{}-1",
                                self.mailboxes
                                    .get(&string(item, "recipientEmailAddress").to_lowercase())
                                    .map_or("00000000", String::as_str)
                            ),
                        )
                        .with("UrlCount", item["urlCount"].as_i64().unwrap_or_default()),
                );
                for url in item["urls"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Json::as_str)
                {
                    out.push(
                        Row::new("EmailUrlInfo", at)
                            .with("NetworkMessageId", &id)
                            .with("Url", url.to_owned())
                            .with("UrlDomain", host_of(url))
                            .with("UrlLocation", "Body"),
                    );
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::shapes::shapes;

    #[test]
    fn every_kind_of_evidence_has_a_type_of_its_own_spelling() {
        let unnamed: Vec<&str> = shapes()
            .kinds()
            .filter(|kind| ENTITIES.iter().filter(|(k, _)| k == kind).count() != 1)
            .collect();
        assert_eq!(unnamed, Vec::<&str>::new());
        assert_eq!(ENTITIES.len(), shapes().kinds().count());
        for (kind, entity) in [
            ("deviceEvidence", "Machine"),
            ("azureResourceEvidence", "CloudResource"),
            ("analyzedMessageEvidence", "MailMessage"),
            ("browserExtensionEvidence", "BrowserExtension"),
        ] {
            assert_eq!(entity_type(kind), entity);
        }
    }
}

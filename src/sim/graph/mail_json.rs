//! How one analyzed mail is written: from its evidence, what happened to it by itself, and what was done to it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::clock::{self, MINUTE, Ticks};
use super::super::ids;
use super::super::json::{self as text, Object};
use super::super::words;
use super::super::world::World;
use super::mail::{Found, Origin, alerts_about, id_of};

/// The mail as evidence has it.
fn evidence(world: &World, origin: Origin) -> Option<Value> {
    match origin {
        Origin::Story(tale, at) => {
            let cast = &world.story.tales[tale].cast;
            let own = cast.mail_own(&cast.scenario.mail[at]).ok()?;
            serde_json::from_str(&format!("{{{}}}", own.get(1..)?)).ok()
        }
        Origin::Everyday(place, at) => {
            let (recipe, about) = world.about(place, true)?;
            let mut out = Vec::with_capacity(4096);
            world.catalogue.recipes[recipe as usize].push_evidence(&mut out, about);
            let all: Value = serde_json::from_slice(&out).ok()?;
            all.get(at).cloned()
        }
    }
}

/// Delivery as evidence writes it → members of `deliveryAction` and `deliveryLocation`.
const DELIVERY: &[(&str, &str)] = &[
    ("delivered", "delivered"),
    ("deliveredasspam", "deliveredToJunk"),
    ("junked", "deliveredToJunk"),
    ("blocked", "blocked"),
    ("replaced", "replaced"),
    ("inbox", "inbox_folder"),
    ("junkfolder", "junkFolder"),
    ("deletedfolder", "deletedFolder"),
    ("quarantine", "quarantine"),
    ("external", "onprem_external"),
    ("failed", "failed"),
    ("dropped", "dropped"),
    ("forwarded", "others"),
];

fn delivery(value: &Value) -> &'static str {
    let plain: String = value
        .as_str()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphabetic)
        .collect();
    DELIVERY
        .iter()
        .find(|(seen, _)| plain.eq_ignore_ascii_case(seen))
        .map_or("unknown", |(_, member)| member)
}

/// `Phish, Malware` and detection names → members of `threatType`.
fn threat_types(threats: &str) -> Vec<&'static str> {
    let lower = threats.to_lowercase();
    let found: Vec<&str> = ["spam", "malware", "phish"]
        .into_iter()
        .filter(|t| lower.contains(t))
        .collect();
    match (found.is_empty(), lower.is_empty()) {
        (false, _) => found,
        (true, true) => vec!["none"],
        (true, false) => vec!["unknown"],
    }
}

fn joined(list: &Value) -> String {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// One entry of the timeline.
fn event(at: Ticks, kind: &str, source: &str, details: &str, threats: &Value) -> Value {
    json!({
        "eventDateTime": clock::graph(at),
        "eventDetails": details,
        "eventResult": "Success",
        "eventSource": source,
        "eventThreats": threats,
        "eventType": kind,
    })
}

/// What happened to a mail by itself: where it went, and the entries of its timeline.
fn by_itself(world: &World, mail: &Found, seen: &Value) -> (Option<&'static str>, Vec<Value>) {
    let threats = &seen["threats"];
    let mut out = Vec::new();
    let mut location = None;
    match mail.origin {
        Origin::Story(tale, at) => {
            let now = world.clock.now();
            let cast = &world.story.tales[tale].cast;
            let key = Some(&cast.scenario.mail[at].key);
            for row in cast.scenario.row.iter().filter(|r| {
                r.table == "EmailPostDeliveryEvents"
                    && r.mail.as_ref() == key
                    && cast.at(r.at) <= now
            }) {
                let column = |name: &str| {
                    row.columns
                        .get(name)
                        .and_then(toml::Value::as_str)
                        .unwrap_or_default()
                };
                let kind = if column("ActionType").contains("ZAP") {
                    "zap"
                } else {
                    "air"
                };
                out.push(event(
                    cast.at(row.at),
                    kind,
                    "system",
                    column("Action"),
                    threats,
                ));
                location = Some(delivery(&json!(column("DeliveryLocation"))));
            }
        }
        Origin::Everyday(..) => {
            if seen["deliveryLocation"] == "Quarantine" && seen["deliveryAction"] == "Delivered" {
                let at = mail.received + 11 * MINUTE;
                out.push(event(at, "zap", "system", "Moved to quarantine", threats));
            }
        }
    }
    (location, out)
}

/// Appends one mail.
pub fn push(
    out: &mut Vec<u8>,
    world: &World,
    mail: &Found,
    people: &HashMap<String, u32>,
    context: Option<&str>,
    select: Option<&[String]>,
) {
    let seen = evidence(world, mail.origin).unwrap_or_default();
    let threats = joined(&seen["threats"]);
    let kinds = threat_types(&threats);
    let bad = kinds != ["none"];
    let action = delivery(&seen["deliveryAction"]);
    let own = delivery(&seen["deliveryLocation"]);
    let original = if action == "delivered" {
        "inbox_folder"
    } else {
        own
    };
    let (moved, mut timeline) = by_itself(world, mail, &seen);
    let mut latest = moved.unwrap_or(own);
    timeline.insert(
        0,
        event(
            mail.received,
            "originalDelivery",
            "system",
            "Message delivered",
            &seen["threats"],
        ),
    );
    for one in world.mail.of(&mail.message, &mail.recipient) {
        latest = one.remedy.location;
        let details = format!("{}: {} ({})", one.remedy.table.0, one.name, one.by);
        timeline.push(event(one.at, "air", "admin", &details, &seen["threats"]));
    }
    let (authentication, files) = story_facts(world, mail, bad);
    let place = |location: &str| {
        json!({
            "action": action,
            "latestThreats": threats,
            "location": location,
            "originalThreats": threats,
        })
    };
    let (p1, p2) = (&seen["p1Sender"], &seen["p2Sender"]);
    let urls: Vec<Value> = seen["urls"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|url| {
            json!({
                "detectionMethod": if bad { Value::from("URL malicious reputation") } else { Value::Null },
                "detonationDetails": detonation(world, mail, bad, url),
                "tenantAllowBlockListDetailInfo": null,
                "threatType": kinds[0],
                "url": url,
            })
        })
        .collect();
    let level = |bad_level: &str, good: &str| if bad { bad_level } else { good }.to_owned();
    let mut o = Object::open(out, select);
    if let Some(context) = context {
        o.always("@odata.context");
        text::push_str(o.out, context);
    }
    o.always("id");
    text::push_str(o.out, &id_of(world, mail, people));
    o.list("alertIds", &alert_ids(world, mail));
    o.raw("attachments", &attachments(&files, kinds[0]).to_string());
    o.raw("authenticationDetails", &authentication.to_string());
    o.str("bulkComplaintLevel", &level("1", "0"));
    o.raw("clientType", "null");
    o.raw("contexts", "[]");
    o.raw(
        "detectionMethods",
        &seen["threatDetectionMethods"].to_string(),
    );
    o.plain("directionality", "inbound");
    o.raw("distributionList", "null");
    o.raw("dlpRules", "[]");
    let subject = seen["subject"].as_str().unwrap_or_default();
    o.str("emailClusterId", &cluster(world, subject));
    o.raw("exchangeTransportRules", "[]");
    o.raw("forwardingDetail", "null");
    o.raw("inboundConnectorFormattedName", "null");
    o.raw("internetMessageId", &seen["internetMessageId"].to_string());
    o.raw("language", &seen["language"].to_string());
    o.raw("latestDelivery", &place(latest).to_string());
    o.time("loggedDateTime", mail.received);
    o.str("networkMessageId", &mail.message);
    o.raw("originalDelivery", &place(original).to_string());
    o.raw("overrideSources", "[]");
    o.str("phishConfidenceLevel", &level("High", "Normal"));
    let policy = if bad {
        "\"Anti-phishing policy\""
    } else {
        "null"
    };
    o.raw("policy", policy);
    o.raw(
        "policyAction",
        if bad {
            "\"Move to quarantine\""
        } else {
            "null"
        },
    );
    o.raw("policyType", policy);
    o.raw("primaryOverrideSource", "null");
    let domain = |address: &str| address.rsplit('@').next().unwrap_or_default().to_owned();
    o.raw(
        "recipientDetail",
        &json!({ "ccRecipients": [], "domainName": domain(&mail.recipient) }).to_string(),
    );
    o.str("recipientEmailAddress", &mail.recipient);
    o.raw("returnPath", &p1["emailAddress"].to_string());
    o.raw(
        "senderDetail",
        &json!({
            "displayName": p2["displayName"],
            "domainCreationDateTime": null,
            "domainName": p2["domainName"],
            "domainOwner": null,
            "fromAddress": p2["emailAddress"],
            "ipv4": seen["senderIp"],
            "location": country(&seen["senderIp"]),
            "mailFromAddress": p1["emailAddress"],
            "mailFromDomainName": p1["domainName"],
        })
        .to_string(),
    );
    o.int("sizeInBytes", 94_208);
    o.str("spamConfidenceLevel", &level("5", "1"));
    o.raw("subject", &seen["subject"].to_string());
    let details = if bad {
        json!([{ "confidenceLevel": "High", "priorityAccountProtection": null, "threats": threats }])
    } else {
        json!([])
    };
    o.raw("threatDetectionDetails", &details.to_string());
    o.list("threatTypes", &kinds);
    o.raw("timelineEvents", &Value::from(timeline).to_string());
    o.raw("urls", &Value::from(urls).to_string());
    o.close();
}

/// Mails that look alike share a cluster.
fn cluster(world: &World, subject: &str) -> String {
    let stem: String = subject
        .chars()
        .filter(|c| !c.is_ascii_digit())
        .collect::<String>();
    let hash = ids::sha1(world.seed, &format!("mail cluster {stem}"));
    u32::from_str_radix(&hash[..8], 16)
        .unwrap_or_default()
        .to_string()
}

fn country(ip: &Value) -> Value {
    let ip = ip.as_str().unwrap_or_default();
    words::PLACES
        .iter()
        .find(|(net, ..)| ip.starts_with(net))
        .map_or(Value::Null, |(_, letters, ..)| Value::from(*letters))
}

fn alert_ids(world: &World, mail: &Found) -> Vec<String> {
    let places = match mail.origin {
        Origin::Everyday(place, _) => vec![place],
        Origin::Story(..) => alerts_about(world, &mail.message),
    };
    places.iter().map(|place| world.alert_id(*place)).collect()
}

/// Name, size and hash of a file.
type Attached = (String, i64, String);

/// Results of authentication, and the files attached.
fn story_facts(world: &World, mail: &Found, bad: bool) -> (Value, Vec<Attached>) {
    let results = |spf: &str, dkim: &str, dmarc: &str, all: &str| {
        json!({
            "compositeAuthentication": all,
            "dkim": dkim,
            "dmarc": dmarc,
            "senderPolicyFramework": spf,
        })
    };
    match mail.origin {
        Origin::Story(tale, at) => {
            let cast = &world.story.tales[tale].cast;
            let m = &cast.scenario.mail[at];
            let files = m
                .files
                .iter()
                .filter_map(|key| cast.file(key).ok())
                .map(|file| (file.name.clone(), file.size, cast.hashes(file).sha256))
                .collect();
            (results(&m.spf, &m.dkim, &m.dmarc, &m.compauth), files)
        }
        Origin::Everyday(..) if bad => (results("fail", "none", "none", "fail"), Vec::new()),
        Origin::Everyday(..) => (results("pass", "pass", "pass", "pass"), Vec::new()),
    }
}

fn attachments(files: &[Attached], kind: &str) -> Value {
    files
        .iter()
        .map(|(name, size, sha256)| {
            let extension = name.rsplit('.').next().unwrap_or_default();
            json!({
                "detonationDetails": null,
                "fileExtension": extension,
                "fileName": name,
                "fileSize": size,
                "fileType": extension,
                "malwareFamily": null,
                "sha256": sha256,
                "tenantAllowBlockListDetailInfo": null,
                "threatType": kind,
            })
        })
        .collect()
}

/// What opening a URL in the sandbox showed.
fn detonation(world: &World, mail: &Found, bad: bool, url: &Value) -> Value {
    if !bad {
        return Value::Null;
    }
    let host = url
        .as_str()
        .and_then(|u| u.split('/').nth(2))
        .unwrap_or_default();
    let hash = ids::sha256(world.seed, &format!("detonation {host}"));
    json!({
        "analysisDateTime": clock::graph(mail.received + 6 * MINUTE),
        "compromiseIndicators": [{ "value": host, "verdict": "phish" }],
        "detonationBehaviourDetails": {
            "actionStatus": "Success",
            "behaviourCapability": "Network",
            "behaviourGroup": "Browser",
            "details": "A page asked for a password.",
            "eventDateTime": clock::graph(mail.received + 6 * MINUTE),
            "operation": "Navigate",
            "processId": "4120",
            "processName": "msedge.exe",
            "target": url,
        },
        "detonationBehaviourDetailsV2": null,
        "detonationChain": { "childNodes": [{ "childNodes": [], "value": url }], "value": url },
        "detonationObservables": {
            "contactedIps": [],
            "contactedUrls": [url],
            "droppedfiles": [],
        },
        "detonationScreenshotUri": null,
        "detonationVerdict": "Malicious",
        "detonationVerdictReason": "Phishing page",
        "entityMetadata": null,
        "mitreTechniques": "T1566.002",
        "staticAnalysis": null,
        "submissionSource": format!("sandbox-{}", &hash[..8]),
    })
}

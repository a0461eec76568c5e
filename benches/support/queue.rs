//! A cache of 20,000 incidents and 100,000 alerts, built through the store's own API from JSON in
//! the services' form, and kept below the target folder so that it is built once.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use nightjar::store::Store;

use super::say;

/// How many incidents.
pub const INCIDENTS: usize = 20_000;
/// How many alerts.
pub const ALERTS: usize = 100_000;

/// Change this with the shape of the rows or of the store.
const VERSION: &str = "1";

/// The file, built now where it is not there yet.
pub fn file() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("queue-{VERSION}.sqlite"));
    if !path.exists() {
        say(&format!(
            "building a cache of {INCIDENTS} incidents and {ALERTS} alerts, once"
        ));
        let making = folder.join(format!("queue-{VERSION}.making.sqlite"));
        for leftover in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{leftover}", making.display()));
        }
        fill(&Store::open(&making).expect("a new file"));
        std::fs::rename(&making, &path).expect("renamed");
    }
    path
}

fn fill(store: &Store) {
    let now = Timestamp::now();
    for page in (0..INCIDENTS).collect::<Vec<_>>().chunks(1000) {
        let rows: Vec<String> = page.iter().map(|n| incident(*n, now)).collect();
        store.put_incidents(&rows, None, now).expect("written");
    }
    for page in (0..ALERTS).collect::<Vec<_>>().chunks(2000) {
        let rows: Vec<String> = page.iter().map(|n| alert(*n, now)).collect();
        store.put_alerts(&rows, None, now).expect("written");
    }
}

const TITLES: [&str; 8] = [
    "Multi-stage incident involving initial access and credential access",
    "Suspicious PowerShell command line on one endpoint",
    "Email reported by user as malware or phish",
    "Password spray against several accounts, one success",
    "Mailbox forwarding rule created after unusual sign-in",
    "Possible lateral movement over SMB",
    "Potentially unwanted application blocked",
    "Unusual addition of credentials to an OAuth app",
];
const SEVERITIES: [&str; 4] = ["high", "medium", "low", "informational"];
const OWNERS: [&str; 4] = [
    "",
    "amira@contoso.com",
    "jonas@contoso.com",
    "you@contoso.com",
];

fn ago(now: Timestamp, minutes: usize) -> Timestamp {
    now.checked_sub(SignedDuration::from_mins(minutes as i64))
        .unwrap_or(now)
}

fn incident(n: usize, now: Timestamp) -> String {
    let status = if n.is_multiple_of(5) {
        "active"
    } else if n.is_multiple_of(7) {
        "inProgress"
    } else {
        "resolved"
    };
    let owner = OWNERS[n % OWNERS.len()];
    let owner = if owner.is_empty() {
        "null".to_owned()
    } else {
        format!("\"{owner}\"")
    };
    let made = ago(now, n * 2 + 3);
    format!(
        r#"{{"@odata.etag":"W/\"{n}\"","id":"{id}","tenantId":"5b0d6a1c-9a67-4f5e-8f0a-0a6f1c2d3e4f","incidentWebUrl":"https://security.microsoft.com/incident2/{id}/overview","redirectIncidentId":null,"displayName":"{title} (case {n})","createdDateTime":"{made}","lastUpdateDateTime":"{updated}","assignedTo":{owner},"classification":"unknown","determination":"unknown","status":"{status}","severity":"{severity}","customTags":["tier {tier}"],"systemTags":[],"description":null,"summary":null,"lastModifiedBy":"Microsoft 365 Defender-AlertCorrelation","priorityScore":{score},"comments":[]}}"#,
        id = 10_000 + n,
        title = TITLES[n % TITLES.len()],
        updated = ago(now, n),
        severity = SEVERITIES[(n * 7 / 3) % SEVERITIES.len()],
        tier = n % 3,
        score = n % 100,
    )
}

/// An alert with a device, its user, a process with its file, and an address: a few kB, as they are.
fn alert(n: usize, now: Timestamp) -> String {
    let incident = 10_000 + n % INCIDENTS;
    let device = n % 4000;
    let made = ago(now, n % INCIDENTS * 2 + 2);
    let mut evidence = String::new();
    let _ = write!(
        evidence,
        r##"{{"@odata.type":"#microsoft.graph.security.deviceEvidence","createdDateTime":"{made}","verdict":"unknown","remediationStatus":"none","roles":[],"tags":[],"mdeDeviceId":"{device:040x}","deviceDnsName":"ws-{device:04}.contoso.com","osPlatform":"Windows11","version":"24H2","healthStatus":"active","riskScore":"medium","onboardingStatus":"onboarded","loggedOnUsers":[{{"accountName":"user{user}","domainName":"CONTOSO"}}]}},"##,
        user = n % 9000,
    );
    let _ = write!(
        evidence,
        r##"{{"@odata.type":"#microsoft.graph.security.userEvidence","createdDateTime":"{made}","verdict":"suspicious","remediationStatus":"none","userAccount":{{"accountName":"user{user}","domainName":"CONTOSO","userPrincipalName":"user{user}@contoso.com","userSid":"S-1-5-21-1-2-3-{user}","displayName":"User {user}"}}}},"##,
        user = n % 9000,
    );
    let _ = write!(
        evidence,
        r##"{{"@odata.type":"#microsoft.graph.security.processEvidence","createdDateTime":"{made}","verdict":"suspicious","remediationStatus":"none","processId":{pid},"parentProcessId":{parent},"processCommandLine":"powershell.exe -NoProfile -EncodedCommand {n:064x}","processCreationDateTime":"{made}","mdeDeviceId":"{device:040x}","imageFile":{{"sha1":"{hash:040x}","sha256":"{hash:064x}","fileName":"powershell.exe","filePath":"C:\\Windows\\System32\\WindowsPowerShell\\v1.0","fileSize":451584}},"parentProcessImageFile":{{"sha1":"{other:040x}","fileName":"winword.exe","filePath":"C:\\Program Files\\Microsoft Office"}}}},"##,
        pid = 1000 + n % 50_000,
        parent = 900 + n % 50_000,
        hash = n % 700,
        other = n % 30,
    );
    let _ = write!(
        evidence,
        r##"{{"@odata.type":"#microsoft.graph.security.ipEvidence","createdDateTime":"{made}","verdict":"malicious","remediationStatus":"none","ipAddress":"203.0.{a}.{b}","countryLetterCode":"NL"}}"##,
        a = n % 200,
        b = n % 251,
    );
    format!(
        r#"{{"id":"da{n:024x}_1","providerAlertId":"{n:024x}","incidentId":"{incident}","status":"{status}","severity":"{severity}","classification":null,"determination":null,"serviceSource":"microsoftDefenderForEndpoint","detectionSource":"microsoftDefenderForEndpoint","productName":"Microsoft Defender for Endpoint","title":"{title}","description":"A process behaved in a way that is often seen in attacks. The command line was encoded, and the process made a connection to an address with a poor reputation shortly afterwards.","recommendedActions":"Collect artifacts and determine scope.\nInspect the process tree and its command lines.\nIsolate the device where the activity is confirmed.","category":"Execution","assignedTo":null,"alertWebUrl":"https://security.microsoft.com/alerts/da{n:024x}_1","tenantId":"5b0d6a1c-9a67-4f5e-8f0a-0a6f1c2d3e4f","createdDateTime":"{made}","firstActivityDateTime":"{made}","lastActivityDateTime":"{made}","lastUpdateDateTime":"{made}","mitreTechniques":["T1059.001","T1071"],"comments":[],"evidence":[{evidence}]}}"#,
        status = if n.is_multiple_of(5) {
            "new"
        } else {
            "resolved"
        },
        severity = SEVERITIES[(n % INCIDENTS * 7 / 3) % SEVERITIES.len()],
        title = TITLES[n % TITLES.len()],
    )
}

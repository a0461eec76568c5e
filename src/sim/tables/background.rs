//! Everyday rows: what devices, mailboxes and accounts do all day.
//!
//! Row number `n` of a kind has its time and content from the seed, so the past week and the minutes
//! to come are made the same way, when they are asked for.

use super::super::clock::{DAY, HOUR, MINUTE, SECOND, Ticks};
use super::super::ids::{self, Dice};
use super::super::people::{MAIL_DOMAIN, Machine, NT_DOMAIN, Person};
use super::super::world::World;
use super::from_story::{initiating_account, on};
use super::{Cell, Row};

/// How far back everyday rows go.
const SPAN: Ticks = 7 * DAY;

type Make = fn(&World, &mut Dice, Ticks, &mut Vec<Row>);

/// The kinds of everyday rows, and how many there are in the span.
const KINDS: &[(i64, Make)] = &[
    (5000, process),
    (4200, network),
    (2000, logon),
    (1600, file),
    (500, registry),
    (700, device_event),
    (2400, mail),
    (1200, identity),
    (1500, sign_in),
    (1800, cloud_app),
];

/// Where each kind stands.
#[derive(Debug)]
pub struct Background {
    next: Vec<i64>,
    seed: u64,
    start: Ticks,
    info: Ticks,
}

impl Background {
    /// Nothing made yet.
    pub fn new(world: &World) -> Self {
        let start = world.clock.start();
        Self {
            next: vec![0; KINDS.len()],
            seed: world.seed,
            start,
            info: start - 2 * DAY,
        }
    }

    /// Adds every everyday row up to now.
    pub fn due(&mut self, world: &World, now: Ticks, out: &mut Vec<Row>) {
        if world.machines.is_empty() || world.people.is_empty() {
            return;
        }
        for (kind, (count, make)) in KINDS.iter().enumerate() {
            let step = SPAN / count;
            loop {
                let n = self.next[kind];
                let mut dice = Dice::of(self.seed, 30 + kind as u64, n as u64);
                let at = self.start - SPAN + n * step + dice.below(step as u64) as i64;
                if at > now {
                    break;
                }
                make(world, &mut dice, at, out);
                self.next[kind] += 1;
            }
        }
        // A record of each device: twice a day, of large fleets once.
        let step = if world.machines.len() > 500 {
            2 * DAY
        } else {
            12 * HOUR
        };
        while self.info <= now {
            for (n, machine) in world.machines.iter().enumerate() {
                let at = self.info + SECOND * (n as i64 % 3000);
                if at <= now || self.info < self.start {
                    out.push(info(world, machine, at.min(now)));
                }
            }
            self.info += step;
        }
    }
}

fn somebody<'a>(world: &'a World, dice: &mut Dice) -> (&'a Machine, &'a Person) {
    let machine = &world.machines[dice.index(world.machines.len())];
    (machine, &world.people[machine.person as usize])
}

const SYSTEM: &str = "C:\\Windows\\System32\\";

/// Image, folder, command line, parent.
const PROGRAMS: &[(&str, &str, &str, &str)] = &[
    (
        "chrome.exe",
        "C:\\Program Files\\Google\\Chrome\\Application\\",
        "\"chrome.exe\" --type=renderer --lang=en-US",
        "chrome.exe",
    ),
    (
        "msedge.exe",
        "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\",
        "\"msedge.exe\" --type=utility",
        "msedge.exe",
    ),
    (
        "svchost.exe",
        SYSTEM,
        "svchost.exe -k netsvcs -p",
        "services.exe",
    ),
    (
        "conhost.exe",
        SYSTEM,
        "conhost.exe 0xffffffff -ForceV1",
        "cmd.exe",
    ),
    (
        "OUTLOOK.EXE",
        "C:\\Program Files\\Microsoft Office\\root\\Office16\\",
        "\"OUTLOOK.EXE\"",
        "explorer.exe",
    ),
    (
        "EXCEL.EXE",
        "C:\\Program Files\\Microsoft Office\\root\\Office16\\",
        "\"EXCEL.EXE\" \"C:\\Users\\Public\\Documents\\plan.xlsx\"",
        "explorer.exe",
    ),
    (
        "Teams.exe",
        "C:\\Program Files\\WindowsApps\\MSTeams\\",
        "\"ms-teams.exe\" --background",
        "explorer.exe",
    ),
    (
        "powershell.exe",
        "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\",
        "powershell.exe -NoProfile -File C:\\ProgramData\\Inventory\\collect.ps1",
        "svchost.exe",
    ),
    (
        "SearchProtocolHost.exe",
        SYSTEM,
        "\"SearchProtocolHost.exe\" Global\\UsGthrFltPipeMssGthrPipe1_",
        "SearchIndexer.exe",
    ),
    (
        "git.exe",
        "C:\\Program Files\\Git\\cmd\\",
        "git.exe fetch --all --prune",
        "Code.exe",
    ),
];

fn acting(row: Row, world: &World, dice: &mut Dice, person: &Person, at: Ticks) -> Row {
    let (image, folder, command, _) = dice.pick(PROGRAMS);
    let key = format!("system {}", image.to_lowercase());
    initiating_account(row, person)
        .with("InitiatingProcessFileName", *image)
        .with(
            "InitiatingProcessFolderPath",
            format!("{folder}{image}").to_lowercase(),
        )
        .with("InitiatingProcessCommandLine", *command)
        .with("InitiatingProcessSHA1", ids::sha1(world.seed, &key))
        .with("InitiatingProcessId", 1000 + 4 * dice.below(4000) as i64)
        .with(
            "InitiatingProcessCreationTime",
            Cell::Time(at - MINUTE * (1 + dice.below(300) as i64)),
        )
}

fn process(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let (image, folder, command, parent) = dice.pick(PROGRAMS);
    let key = format!("system {}", image.to_lowercase());
    let pid = 1000 + 4 * dice.below(4000) as i64;
    let row = on(Row::new("DeviceProcessEvents", at), machine)
        .with("ActionType", "ProcessCreated")
        .with("FileName", *image)
        .with("FolderPath", format!("{folder}{image}"))
        .with("SHA1", ids::sha1(world.seed, &key))
        .with("SHA256", ids::sha256(world.seed, &key))
        .with("ProcessId", pid)
        .with("ProcessCommandLine", *command)
        .with("ProcessCreationTime", Cell::Time(at))
        .with("ProcessIntegrityLevel", "Medium")
        .with("AccountDomain", NT_DOMAIN.to_lowercase())
        .with("AccountName", &person.account)
        .with("AccountSid", &person.sid)
        .with("AccountUpn", &person.upn)
        .with("AccountObjectId", &person.object_id)
        .with("InitiatingProcessFileName", *parent)
        .with("InitiatingProcessId", 600 + 4 * dice.below(900) as i64)
        .with("InitiatingProcessCreationTime", Cell::Time(at - HOUR));
    out.push(initiating_account(row, person));
}

/// Names that devices talk to, and the last part of their address.
const HOSTS: &[(&str, i64)] = &[
    ("outlook.office365.example", 10),
    ("teams.microsoft.example", 11),
    ("sharepoint.contoso.com", 12),
    ("update.contoso.com", 20),
    ("inventory.contoso.com", 21),
    ("www.example.com", 80),
    ("news.example.net", 81),
    ("cdn.example.org", 82),
];

fn network(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let (host, last) = dice.pick(HOSTS);
    let row = on(Row::new("DeviceNetworkEvents", at), machine)
        .with(
            "ActionType",
            *dice.pick(&[
                "ConnectionSuccess",
                "ConnectionSuccess",
                "ConnectionSuccess",
                "ConnectionFailed",
            ]),
        )
        .with("RemoteIP", format!("192.0.2.{last}"))
        .with("RemotePort", *dice.pick(&[443, 443, 443, 80, 53]))
        .with("RemoteUrl", *host)
        .with("LocalIP", &machine.ip)
        .with("LocalPort", 49_152 + dice.below(16_000) as i64)
        .with("Protocol", "Tcp")
        .with("LocalIPType", "Private")
        .with("RemoteIPType", "Public");
    out.push(acting(row, world, dice, person, at));
}

fn logon(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let failed = dice.chance(6);
    out.push(
        on(Row::new("DeviceLogonEvents", at), machine)
            .with(
                "ActionType",
                if failed {
                    "LogonFailed"
                } else {
                    "LogonSuccess"
                },
            )
            .with(
                "LogonType",
                *dice.pick(&[
                    "Interactive",
                    "Unlock",
                    "Network",
                    "Batch",
                    "RemoteInteractive",
                ]),
            )
            .with("AccountDomain", NT_DOMAIN.to_lowercase())
            .with("AccountName", &person.account)
            .with("AccountSid", &person.sid)
            .with("Protocol", *dice.pick(&["Kerberos", "Negotiate", "NTLM"]))
            .with(
                "FailureReason",
                if failed {
                    "InvalidUserNameOrPassword"
                } else {
                    ""
                },
            )
            .with("IsLocalAdmin", dice.chance(10))
            .with("LogonId", 100_000 + dice.below(9_000_000) as i64),
    );
}

fn file(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let names = [
        "plan.xlsx",
        "notes.docx",
        "~WRL0003.tmp",
        "report.pdf",
        "cache.db",
        "build.log",
    ];
    let name = *dice.pick(&names);
    let key = format!("document {name} {}", dice.below(400));
    let row = on(Row::new("DeviceFileEvents", at), machine)
        .with(
            "ActionType",
            *dice.pick(&["FileCreated", "FileModified", "FileRenamed", "FileDeleted"]),
        )
        .with("FileName", name)
        .with(
            "FolderPath",
            format!("C:\\Users\\{}\\Documents\\{name}", person.account),
        )
        .with("SHA1", ids::sha1(world.seed, &key))
        .with("SHA256", ids::sha256(world.seed, &key))
        .with("FileSize", 1_000 + dice.below(4_000_000) as i64);
    out.push(acting(row, world, dice, person, at));
}

fn registry(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let row = on(Row::new("DeviceRegistryEvents", at), machine)
        .with(
            "ActionType",
            *dice.pick(&[
                "RegistryValueSet",
                "RegistryKeyCreated",
                "RegistryValueDeleted",
            ]),
        )
        .with(
            "RegistryKey",
            "HKEY_CURRENT_USER\\SOFTWARE\\Microsoft\\Office\\16.0\\Common\\Roaming",
        )
        .with(
            "RegistryValueName",
            *dice.pick(&["LastSync", "Identity", "Theme"]),
        )
        .with("RegistryValueType", "Dword")
        .with("RegistryValueData", dice.below(1000).to_string());
    out.push(acting(row, world, dice, person, at));
}

fn device_event(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let row = on(Row::new("DeviceEvents", at), machine)
        .with(
            "ActionType",
            *dice.pick(&[
                "PowerShellCommand",
                "DnsQueryResponse",
                "AntivirusScanCompleted",
                "ScheduledTaskUpdated",
                "BrowserLaunchedToOpenUrl",
            ]),
        )
        .with("AdditionalFields", "{\"Source\":\"sensor\"}");
    out.push(acting(row, world, dice, person, at));
}

const SUBJECTS: &[&str] = &[
    "Minutes of Tuesday's meeting",
    "Your order has been shipped",
    "Question about the budget",
    "Weekly newsletter",
    "Re: contract",
    "Invitation: planning",
    "Invoice for October",
    "Welcome aboard",
    "Out of office",
    "Service report",
];

fn mail(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let to = dice.pick(&world.people);
    let inside = dice.chance(45);
    let from = dice.pick(&world.people);
    let domain = if inside {
        MAIL_DOMAIN
    } else {
        *dice.pick(&[
            "northwind-traders.example",
            "fabrikam.example",
            "example.com",
            "example.net",
        ])
    };
    let address = if inside {
        from.upn.clone()
    } else {
        format!(
            "{}@{domain}",
            dice.pick(&["billing", "info", "orders", "no-reply", "j.doe"])
        )
    };
    let id = ids::guid_of(dice.wide());
    let junk = !inside && dice.chance(8);
    let result = if junk { "fail" } else { "pass" };
    let urls = i64::from(dice.chance(40));
    let files = i64::from(dice.chance(25));
    out.push(
        Row::new("EmailEvents", at)
            .with("NetworkMessageId", &id)
            .with("InternetMessageId", format!("<{:x}@{domain}>", dice.next()))
            .with("SenderMailFromAddress", &address)
            .with("SenderMailFromDomain", domain)
            .with("SenderFromAddress", &address)
            .with("SenderFromDomain", domain)
            .with("SenderDisplayName", if inside { from.display.clone() } else { domain.to_owned() })
            .with("SenderIPv4", if inside { "192.0.2.25".to_owned() } else { format!("198.51.100.{}", 1 + dice.below(250)) })
            .with("RecipientEmailAddress", &to.upn)
            .with("RecipientObjectId", &to.object_id)
            .with("RecipientDomain", MAIL_DOMAIN)
            .with("Subject", *dice.pick(SUBJECTS))
            .with("EmailDirection", if inside { "Intra-org" } else { "Inbound" })
            .with("DeliveryAction", if junk { "Junked" } else { "Delivered" })
            .with("DeliveryLocation", if junk { "Junk folder" } else { "Inbox/folder" })
            .with("ThreatTypes", if junk { "Spam" } else { "" })
            .with("AuthenticationDetails", format!("{{\"SPF\":\"{result}\",\"DKIM\":\"{result}\",\"DMARC\":\"{result}\",\"CompAuth\":\"{result}\"}}"))
            .with("UrlCount", urls)
            .with("AttachmentCount", files)
            .with("EmailLanguage", "en")
            .with("EmailSize", 4_000 + dice.below(400_000) as i64)
            .with("IsFirstContact", i64::from(dice.chance(5))),
    );
    if urls > 0 {
        let url = format!("https://www.example.com/{}", dice.below(500));
        out.push(
            Row::new("EmailUrlInfo", at)
                .with("NetworkMessageId", &id)
                .with("Url", &url)
                .with("UrlDomain", "www.example.com")
                .with("UrlLocation", "Body"),
        );
        if dice.chance(30) {
            out.push(
                Row::new("UrlClickEvents", at + MINUTE)
                    .with("Url", &url)
                    .with("ActionType", "ClickAllowed")
                    .with("AccountUpn", &to.upn)
                    .with("Workload", "Email")
                    .with("NetworkMessageId", &id)
                    .with("IsClickedThrough", false),
            );
        }
    }
    if files > 0 {
        let name = *dice.pick(&["agenda.docx", "offer.pdf", "figures.xlsx", "photo.jpg"]);
        out.push(
            Row::new("EmailAttachmentInfo", at)
                .with("NetworkMessageId", &id)
                .with("SenderFromAddress", &address)
                .with("RecipientEmailAddress", &to.upn)
                .with("RecipientObjectId", &to.object_id)
                .with("FileName", name)
                .with("FileType", name.rsplit('.').next().unwrap_or_default())
                .with("FileSize", 1_000 + dice.below(900_000) as i64)
                .with(
                    "SHA256",
                    ids::sha256(
                        world.seed,
                        &format!("attachment {name} {}", dice.below(300)),
                    ),
                ),
        );
    }
}

fn identity(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let failed = dice.chance(5);
    out.push(
        Row::new("IdentityLogonEvents", at)
            .with(
                "ActionType",
                if failed {
                    "LogonFailed"
                } else {
                    "LogonSuccess"
                },
            )
            .with("Application", "Active Directory")
            .with("LogonType", "Credentials validation")
            .with(
                "Protocol",
                *dice.pick(&["Kerberos", "Kerberos", "Ntlm", "Ldap"]),
            )
            .with("FailureReason", if failed { "WrongPassword" } else { "" })
            .with("AccountName", &person.account)
            .with("AccountDomain", NT_DOMAIN.to_lowercase())
            .with("AccountUpn", &person.upn)
            .with("AccountSid", &person.sid)
            .with("AccountObjectId", &person.object_id)
            .with("AccountDisplayName", &person.display)
            .with("DeviceName", &machine.host)
            .with("IPAddress", &machine.ip)
            .with("DestinationDeviceName", "dc-01"),
    );
}

fn sign_in(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let failed = dice.chance(7);
    out.push(
        Row::new("EntraIdSignInEvents", at)
            .with(
                "Application",
                *dice.pick(&[
                    "Microsoft Office",
                    "Microsoft Teams",
                    "Office 365 Exchange Online",
                    "Azure Portal",
                ]),
            )
            .with("LogonType", "[\"interactiveUser\"]")
            .with("ErrorCode", if failed { 50_126 } else { 0 })
            .with("CorrelationId", ids::guid_of(dice.wide()))
            .with("SessionId", ids::guid_of(dice.wide()))
            .with("AccountDisplayName", &person.display)
            .with("AccountObjectId", &person.object_id)
            .with("AccountUpn", &person.upn)
            .with("IPAddress", &machine.external_ip)
            .with("Country", "DE")
            .with("City", "Frankfurt am Main")
            .with("DeviceName", &machine.host)
            .with("EntraIdDeviceId", &machine.aad_id)
            .with("OSPlatform", &machine.os)
            .with("Browser", "Edge 141")
            .with("ClientAppUsed", "Browser")
            .with("AuthenticationRequirement", "multiFactorAuthentication")
            .with("IsManaged", 1)
            .with("IsCompliant", 1)
            .with("RiskLevelDuringSignIn", 0)
            .with("ConditionalAccessStatus", 0),
    );
}

fn cloud_app(world: &World, dice: &mut Dice, at: Ticks, out: &mut Vec<Row>) {
    let (machine, person) = somebody(world, dice);
    let (action, application, number, object) = *dice.pick(&[
        (
            "FileDownloaded",
            "Microsoft SharePoint Online",
            20_892,
            "File",
        ),
        (
            "FilePreviewed",
            "Microsoft OneDrive for Business",
            15_600,
            "File",
        ),
        (
            "MailItemsAccessed",
            "Microsoft Exchange Online",
            20_893,
            "Mailbox",
        ),
        ("SoftDelete", "Microsoft Exchange Online", 20_893, "Message"),
        ("ReactedToMessage", "Microsoft Teams", 28_375, "Message"),
    ]);
    out.push(
        Row::new("CloudAppEvents", at)
            .with("ActionType", action)
            .with("Application", application)
            .with("ApplicationId", number)
            .with("AccountObjectId", &person.object_id)
            .with("AccountId", &person.object_id)
            .with("AccountDisplayName", &person.display)
            .with("AccountType", "Regular")
            .with("IPAddress", &machine.external_ip)
            .with("CountryCode", "DE")
            .with("City", "Frankfurt am Main")
            .with("IsAdminOperation", false)
            .with("IsExternalUser", false)
            .with("IsAnonymousProxy", false)
            .with("ObjectType", object)
            .with(
                "RawEventData",
                format!(
                    "{{\"Operation\":\"{action}\",\"UserId\":\"{}\"}}",
                    person.upn
                ),
            ),
    );
}

fn info(world: &World, machine: &Machine, at: Ticks) -> Row {
    let person = &world.people[machine.person as usize];
    let users = serde_json::json!([{ "UserName": person.account, "DomainName": NT_DOMAIN, "Sid": person.sid }]);
    on(Row::new("DeviceInfo", at), machine)
        .with("ClientVersion", "10.8800.26100.4484")
        .with("PublicIP", &machine.external_ip)
        .with("OSArchitecture", "64-bit")
        .with("OSPlatform", &machine.os)
        .with("OSBuild", machine.build)
        .with("OSVersion", "10.0")
        .with("OSVersionInfo", &machine.version)
        .with(
            "IsAzureADJoined",
            machine.build > 0 && machine.group != "Servers",
        )
        .with("JoinType", "Hybrid Azure AD Join")
        .with("AadDeviceId", &machine.aad_id)
        .with("LoggedOnUsers", users.to_string())
        .with("MachineGroup", &machine.group)
        .with("OnboardingStatus", "Onboarded")
        .with("DeviceCategory", "Endpoint")
        .with(
            "DeviceType",
            if machine.group == "Servers" {
                "Server"
            } else {
                "Workstation"
            },
        )
        .with("SensorHealthState", machine.health)
        .with("ExposureLevel", machine.exposure)
        .with("AssetValue", machine.value)
        .with("IsExcluded", false)
        .with("IsInternetFacing", false)
        .with(
            "DeviceManualTags",
            serde_json::json!(machine.tags).to_string(),
        )
}

//! Rows of the story: what its people, mails and processes left behind in the tables.

use super::super::cast::Cast;
use super::super::clock::Ticks;
use super::super::people::{MAIL_DOMAIN, Machine, NT_DOMAIN, Person};
use super::super::scenario::{FileFile, MailFile, ProcessFile, RowFile, When};
use super::super::world::World;
use super::mail::place_of;
use super::row::{Cell, Row};
use crate::kql::diagnostics::nearest;
use crate::kql::schema::Schema;

/// A row, and the device that must not be isolated for it to happen.
type Told = (Row, Option<String>);

/// Rows that are still to come, by time.
#[derive(Debug, Default)]
pub struct Pending {
    /// With the place of their story.
    rows: Vec<(usize, Told)>,
    next: usize,
}

impl Pending {
    /// All rows of the world's stories. The error names the entry that refers to nothing.
    pub fn new(world: &World) -> Result<Self, String> {
        let mut rows = Vec::new();
        for (tale, told) in world.story.tales.iter().enumerate() {
            let name = &told.cast.scenario.story.name;
            let of = rows_of(&told.cast).map_err(|e| format!("{name}: {e}"))?;
            rows.extend(of.into_iter().map(|row| (tale, row)));
        }
        rows.sort_by_key(|(_, (row, _))| row.at);
        Ok(Self { rows, next: 0 })
    }

    /// Moves what is due into `out`.
    pub fn due(&mut self, world: &World, now: Ticks, out: &mut Vec<Row>) {
        while let Some((tale, (row, unless))) = self
            .rows
            .get(self.next)
            .filter(|(_, (row, _))| row.at <= now)
        {
            let stopped = unless
                .as_deref()
                .is_some_and(|machine| world.is_isolated(*tale, machine, row.at));
            if !stopped {
                out.push(row.clone());
            }
            self.next += 1;
        }
    }
}

/// All rows of one story, in the order of its file.
pub fn rows_of(cast: &Cast) -> Result<Vec<Told>, String> {
    let mut rows = Vec::new();
    for mail in &cast.scenario.mail {
        mail_rows(cast, mail, &mut rows).map_err(|e| format!("mail {}: {e}", mail.key))?;
    }
    for process in &cast.scenario.process {
        let row =
            process_row(cast, process).map_err(|e| format!("process {}: {e}", process.key))?;
        rows.push((row, process.unless_isolated.clone()));
    }
    for (n, file) in cast.scenario.row.iter().enumerate() {
        let wrong = |e| format!("row {} of {}: {e}", n + 1, file.table);
        let people = whose(cast, file).map_err(wrong)?;
        let every = file.crowd.map_or(0, |crowd| crowd.every.0);
        for time in 0..=file.times {
            for (place, person) in people.iter().enumerate() {
                let after = file.repeat.0 * i64::from(time) + every * place as i64;
                let at = cast.at(When(file.at.0 + after));
                let row = told_row(cast, file, *person, at).map_err(wrong)?;
                rows.push((row, file.unless_isolated.clone()));
            }
        }
    }
    Ok(rows)
}

/// Whose accounts a row is about: one row for each.
fn whose<'a>(cast: &'a Cast, file: &RowFile) -> Result<Vec<Option<&'a Person>>, String> {
    match (&file.person, file.crowd) {
        (Some(_), Some(_)) => Err("it is about one person or about a crowd".into()),
        (Some(key), None) => Ok(vec![Some(cast.person(key)?)]),
        (None, None) => Ok(vec![None]),
        (None, Some(crowd)) => {
            let crowd = crowd.after as usize..(crowd.after + crowd.people) as usize;
            let people = cast.crowd.get(crowd).unwrap_or_default();
            Ok(people.iter().map(Some).collect())
        }
    }
}

/// Columns every device table begins with.
pub fn on(row: Row, machine: &Machine) -> Row {
    row.with("DeviceId", &machine.id)
        .with("DeviceName", &machine.dns)
}

fn whole_path(folder: &str, name: &str) -> String {
    if folder.is_empty() || folder.ends_with(name) {
        folder.into()
    } else {
        format!("{folder}\\{name}")
    }
}

/// The process that did something.
fn initiated(cast: &Cast, mut row: Row, process: &ProcessFile) -> Result<Row, String> {
    let (file, person) = (cast.file(&process.file)?, cast.person(&process.person)?);
    let hashes = cast.hashes(file);
    row = row
        .with("InitiatingProcessFileName", &file.name)
        .with(
            "InitiatingProcessFolderPath",
            whole_path(&file.folder, &file.name),
        )
        .with("InitiatingProcessFileSize", file.size)
        .with("InitiatingProcessSHA1", hashes.sha1)
        .with("InitiatingProcessSHA256", hashes.sha256)
        .with("InitiatingProcessMD5", hashes.md5)
        .with("InitiatingProcessId", process.pid)
        .with("InitiatingProcessCommandLine", &process.command)
        .with(
            "InitiatingProcessCreationTime",
            Cell::Time(cast.at(process.at)),
        )
        .maybe(
            "InitiatingProcessVersionInfoCompanyName",
            file.publisher.as_ref(),
        );
    row = initiating_account(row, person);
    if let Some(parent) = &process.parent {
        let parent = cast.process(parent)?;
        row = row
            .with("InitiatingProcessParentId", parent.pid)
            .with(
                "InitiatingProcessParentFileName",
                &cast.file(&parent.file)?.name,
            )
            .with(
                "InitiatingProcessParentCreationTime",
                Cell::Time(cast.at(parent.at)),
            );
    }
    Ok(row)
}

/// The account a process ran as.
pub fn initiating_account(row: Row, person: &Person) -> Row {
    row.with("InitiatingProcessAccountDomain", NT_DOMAIN.to_lowercase())
        .with("InitiatingProcessAccountName", &person.account)
        .with("InitiatingProcessAccountSid", &person.sid)
        .with("InitiatingProcessAccountUpn", &person.upn)
        .with("InitiatingProcessAccountObjectId", &person.object_id)
}

/// The file a row is about.
fn about_file(cast: &Cast, row: Row, file: &FileFile) -> Row {
    let hashes = cast.hashes(file);
    row.with("FileName", &file.name)
        .with("FolderPath", whole_path(&file.folder, &file.name))
        .with("FileSize", file.size)
        .with("SHA1", hashes.sha1)
        .with("SHA256", hashes.sha256)
        .with("MD5", hashes.md5)
}

fn process_row(cast: &Cast, process: &ProcessFile) -> Result<Row, String> {
    let (file, person) = (cast.file(&process.file)?, cast.person(&process.person)?);
    let at = cast.at(process.at);
    let mut row = on(
        Row::new("DeviceProcessEvents", at),
        cast.machine(&process.machine)?,
    )
    .with("ActionType", "ProcessCreated")
    .with("ProcessId", process.pid)
    .with("ProcessCommandLine", &process.command)
    .with("ProcessCreationTime", Cell::Time(at))
    .with("ProcessIntegrityLevel", "Medium")
    .with("ProcessTokenElevation", "TokenElevationTypeLimited")
    .with("AccountDomain", NT_DOMAIN.to_lowercase())
    .with("AccountName", &person.account)
    .with("AccountSid", &person.sid)
    .with("AccountUpn", &person.upn)
    .with("AccountObjectId", &person.object_id)
    .maybe("ProcessVersionInfoCompanyName", file.publisher.as_ref());
    row = about_file(cast, row, file);
    match &process.parent {
        Some(parent) => initiated(cast, row, cast.process(parent)?),
        None => Ok(row.with("InitiatingProcessFileName", "services.exe")),
    }
}

fn mail_rows(cast: &Cast, mail: &MailFile, rows: &mut Vec<Told>) -> Result<(), String> {
    let at = cast.at(mail.at);
    let to = cast.person(&mail.to)?;
    let id = cast.message_id(mail);
    let domain = |address: &str| address.split('@').nth(1).unwrap_or_default().to_owned();
    let authentication = serde_json::json!({
        "SPF": mail.spf, "DKIM": mail.dkim, "DMARC": mail.dmarc, "CompAuth": mail.compauth,
    });
    let report = format!("{id}-{}-1", &to.object_id[..8]);
    let place = place_of(&mail.location)
        .ok_or_else(|| format!("no place for mail is called {}", mail.location))?;
    rows.push((
        Row::new("EmailEvents", at)
            .with("NetworkMessageId", &id)
            .with("InternetMessageId", cast.internet_id(mail))
            .with("SenderMailFromAddress", &mail.envelope)
            .with("SenderMailFromDomain", domain(&mail.envelope))
            .with("SenderFromAddress", &mail.from)
            .with("SenderFromDomain", domain(&mail.from))
            .with("SenderDisplayName", &mail.from_name)
            .with("SenderIPv4", &cast.ip(&mail.ip)?.address)
            .with("RecipientEmailAddress", &to.upn)
            .with("RecipientObjectId", &to.object_id)
            .with("RecipientDomain", MAIL_DOMAIN)
            .with("Subject", &mail.subject)
            .with("EmailDirection", &mail.direction)
            .with("DeliveryAction", &mail.delivery)
            .with("DeliveryLocation", place)
            .with("LatestDeliveryAction", &mail.delivery)
            .with("LatestDeliveryLocation", place)
            .with("ThreatTypes", &mail.threats)
            .with(
                "DetectionMethods",
                if mail.methods.is_empty() {
                    String::new()
                } else {
                    serde_json::json!({ "Phish": mail.methods.split(", ").collect::<Vec<_>>() })
                        .to_string()
                },
            )
            .with(
                "ConfidenceLevel",
                if mail.confidence.is_empty() {
                    String::new()
                } else {
                    serde_json::json!({ "Phish": mail.confidence }).to_string()
                },
            )
            .with("AuthenticationDetails", authentication.to_string())
            .with("AttachmentCount", mail.files.len() as i64)
            .with("UrlCount", mail.urls.len() as i64)
            .with("EmailLanguage", "en")
            .with("EmailSize", 94_208)
            .with("IsFirstContact", 1)
            .with("ReportId", &report),
        None,
    ));
    for url in &mail.urls {
        let url = cast.url(url)?;
        rows.push((
            Row::new("EmailUrlInfo", at)
                .with("NetworkMessageId", &id)
                .with("Url", url.to_owned())
                .with("UrlDomain", host_of(url))
                .with("UrlLocation", "Body")
                .with("ReportId", &report),
            None,
        ));
    }
    for file in &mail.files {
        let file = cast.file(file)?;
        rows.push((
            Row::new("EmailAttachmentInfo", at)
                .with("NetworkMessageId", &id)
                .with("SenderFromAddress", &mail.from)
                .with("SenderDisplayName", &mail.from_name)
                .with("RecipientEmailAddress", &to.upn)
                .with("RecipientObjectId", &to.object_id)
                .with("FileName", &file.name)
                .with(
                    "FileType",
                    file.name.rsplit('.').next().unwrap_or_default().to_owned(),
                )
                .with("FileSize", file.size)
                .with("SHA256", cast.hashes(file).sha256)
                .with("ThreatTypes", &mail.threats)
                .with("ReportId", &report),
            None,
        ));
    }
    Ok(())
}

/// `https://user@host:1/path` → `host`.
pub fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default().to_owned()
}

/// The schema's own spelling of a table and a column, which live as long as the program.
fn spelled(table: &str, column: &str) -> Result<&'static str, String> {
    let table = Schema::hunting()
        .table(table)
        .ok_or_else(|| format!("no table is called {table}"))?;
    let found = table.columns.iter().find(|c| c.name == column);
    found.map(|c| c.name.as_str()).ok_or_else(|| {
        let near = nearest(column, table.columns.iter().map(|c| c.name.as_str()));
        let meant = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        format!("{} has no column {column}{meant}", table.name)
    })
}

fn told_row(
    cast: &Cast,
    file: &RowFile,
    person: Option<&Person>,
    at: Ticks,
) -> Result<Row, String> {
    let table = Schema::hunting()
        .table(&file.table)
        .ok_or_else(|| format!("no table is called {}", file.table))?;
    // A few tables name their time otherwise: their rows say it themselves.
    let mut row = if table.columns.iter().any(|c| c.name == "Timestamp") {
        Row::new(&table.name, at)
    } else {
        Row::timeless(&table.name, at)
    };
    let has = |column: &str| table.columns.iter().any(|c| c.name == column);
    if let Some(machine) = &file.machine {
        row = on(row, cast.machine(machine)?);
    }
    if let Some(process) = &file.process {
        row = initiated(cast, row, cast.process(process)?)?;
    }
    if let Some(about) = &file.file {
        row = about_file(cast, row, cast.file(about)?);
    }
    if let Some(person) = person {
        for (column, cell) in [
            ("AccountName", person.account.clone()),
            ("AccountDomain", NT_DOMAIN.to_lowercase()),
            ("AccountSid", person.sid.clone()),
            ("AccountUpn", person.upn.clone()),
            ("AccountObjectId", person.object_id.clone()),
            ("AccountDisplayName", person.display.clone()),
        ] {
            if has(column) {
                row = row.with(column, cell);
            }
        }
    }
    if let Some(mail) = &file.mail {
        let mail = cast.mail(mail)?;
        let to = cast.person(&mail.to)?;
        for (column, cell) in [
            ("NetworkMessageId", cast.message_id(mail)),
            ("InternetMessageId", cast.internet_id(mail)),
            ("RecipientEmailAddress", to.upn.clone()),
            ("AccountUpn", to.upn.clone()),
            ("SenderFromAddress", mail.from.clone()),
            ("EmailDirection", mail.direction.clone()),
        ] {
            if has(column) {
                row = row.with(column, cell);
            }
        }
    }
    if let Some(url) = &file.url {
        row = row.with("Url", cast.url(url)?.to_owned());
    }
    if let Some(ip) = &file.ip {
        let ip = cast.ip(ip)?;
        for (column, cell) in [
            ("IPAddress", &ip.address),
            ("IpAddress", &ip.address),
            ("RemoteIP", &ip.address),
            ("Country", &ip.country),
            ("CountryCode", &ip.country),
            ("City", &ip.city),
            ("Latitude", &ip.latitude.to_string()),
            ("Longitude", &ip.longitude.to_string()),
        ] {
            // A table of devices has a place for the address alone.
            if has(column) && (!ip.country.is_empty() || cell == &ip.address) {
                row = row.with(column, cell);
            }
        }
    }
    for (column, value) in &file.columns {
        let column = spelled(&file.table, column)?;
        let cell = match value {
            toml::Value::String(text) => Cell::Text(cast.text(text)?),
            toml::Value::Integer(n) => Cell::Number(*n),
            toml::Value::Boolean(b) => Cell::from(*b),
            other => Cell::Text(cast.json(other)?.to_string()),
        };
        row.cells.retain(|(name, _)| *name != column);
        row = row.with(column, cell);
    }
    Ok(row)
}

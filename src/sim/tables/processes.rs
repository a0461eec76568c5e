//! Processes: which programs run on a device, since when, under which id, and who started them.
//!
//! A device starts now and then; some programs start with it, a fixed time after, and stay. Their ids
//! and times follow from the device and the start alone, so any row can name them. Other programs come
//! and go; a row for each is made when one is needed, and their parents are always there before them.

use std::sync::Arc;

use super::super::clock::{DAY, MINUTE, SECOND, Ticks};
use super::super::ids::Dice;
use super::super::people::NT_DOMAIN;
use super::estate::{Device, Estate, hashes, number};
use super::programs::{Account, Program, Programs};
use super::row::{Cell, Row};
use super::template::Scene;

/// Programs that start with the device are all there after this long.
const STARTING: Ticks = 6 * MINUTE;

/// A process that runs or ran.
#[derive(Debug, Clone)]
pub struct Process {
    program: usize,
    pid: i64,
    created: Ticks,
    command: Cell,
    folder: Cell,
    logon: i64,
    session: i64,
    unique: u64,
    parent: Option<(i64, Arc<str>, Ticks)>,
}

impl Programs {
    /// How often devices start, in activity time: one of all of them after so long.
    pub fn step(&self, estate: &Estate) -> Ticks {
        (self.up / estate.devices.len() as i64).max(1)
    }

    /// Start number `n` of all devices: which device, and when.
    pub fn start(&self, estate: &Estate, n: i64) -> (usize, Ticks) {
        let devices = estate.devices.len() as i64;
        let device = estate.turns[n.rem_euclid(devices) as usize];
        (device, self.week.time(self.from + n * self.step(estate)))
    }

    /// The last start of a device before a time: its number and when.
    fn started(&self, estate: &Estate, device: usize, at: Ticks) -> (i64, Ticks) {
        let (devices, step) = (estate.devices.len() as i64, self.step(estate));
        let rank = estate.devices[device].rank as i64;
        let since = self.week.activity(at - STARTING) - self.from - rank * step;
        let round = since.div_euclid(devices * step);
        let n = round * devices + rank;
        let (_, start) = self.start(estate, n);
        (n, start)
    }

    /// What tells a process that came with a start of the device from all others: a number of its own,
    /// its id and when it was created.
    fn identity(
        &self,
        estate: &Estate,
        device: usize,
        program: usize,
        boot: (i64, Ticks),
    ) -> (u64, i64, Ticks) {
        let p = &self.list[program];
        let salt = number(
            estate.seed,
            82 + program as u64,
            device as u64,
            boot.0 as u64,
        );
        let root = p.parent.is_none();
        let pid = match (root, estate.devices[device].windows()) {
            (true, true) => 4,
            (true, false) => 1,
            (false, true) => 4 * (120 + program as i64 * 19 + (salt % 19) as i64),
            (false, false) => 300 + program as i64 * 23 + (salt % 23) as i64,
        };
        let jitter = if root { 0 } else { (salt >> 20) % 9_000_000 };
        let created = boot.1 + p.base.unwrap_or_default() + jitter as i64;
        (salt, pid, created)
    }

    /// A program that came with a start of the device.
    fn based(&self, scene: &Scene<'_>, program: usize, boot: (i64, Ticks)) -> Process {
        let p = &self.list[program];
        let estate = scene.estate;
        let (salt, pid, created) = self.identity(estate, scene.device, program, boot);
        // Ids and command lines of processes that stay must not depend on who asks.
        let mut own = Scene {
            dice: Dice::of(salt, 83, 0),
            person: estate.devices[scene.device].person,
            at: boot.1,
            ids: [0; 3],
            host: None,
            file: scene.file.clone(),
            ..*scene
        };
        Process {
            program,
            pid,
            created,
            command: p.command.fill(&mut own),
            folder: p.folder.fill(&mut own),
            logon: Self::logon(estate, scene.device, boot.0, p),
            session: i64::from(p.account.key == "user"),
            unique: salt >> 16,
            parent: p.parent.map(|parent| {
                let (_, pid, created) = self.identity(estate, scene.device, parent, boot);
                (pid, Arc::clone(&self.list[parent].image), created)
            }),
        }
    }

    fn logon(estate: &Estate, device: usize, boot: i64, p: &Program) -> i64 {
        if p.account.key == "user" {
            200_000 + (number(estate.seed, 84, device as u64, boot as u64) % 9_000_000) as i64
        } else {
            p.account.logon
        }
    }

    /// A process of a program on the scene's device: one that runs, or one that starts now, whose row
    /// is then added, and before it those of its parents.
    pub fn run(&self, scene: &mut Scene<'_>, program: usize, out: &mut Vec<Row>) -> Process {
        let boot = self.started(scene.estate, scene.device, scene.at);
        self.run_in(scene, program, boot, scene.at, out)
    }

    fn run_in(
        &self,
        scene: &mut Scene<'_>,
        program: usize,
        boot: (i64, Ticks),
        at: Ticks,
        out: &mut Vec<Row>,
    ) -> Process {
        let p = &self.list[program];
        if p.base.is_some() {
            return self.based(scene, program, boot);
        }
        let before = at - SECOND / 5 - scene.dice.below(30_000_000) as i64;
        let parent = p
            .parent
            .map(|parent| self.run_in(scene, parent, boot, before, out));
        let windows = scene.estate.devices[scene.device].windows();
        let wide = scene.dice.next();
        let process = Process {
            program,
            pid: if windows {
                4 * (2_600 + (wide % 5_000) as i64)
            } else {
                4_000 + (wide % 60_000) as i64
            },
            created: at,
            command: p.command.fill(scene),
            folder: p.folder.fill(scene),
            logon: Self::logon(scene.estate, scene.device, boot.0, p),
            session: i64::from(p.account.key == "user"),
            unique: wide >> 16,
            parent: parent
                .as_ref()
                .map(|q| (q.pid, Arc::clone(&self.list[q.program].image), q.created)),
        };
        out.push(self.row(scene, &process, parent.as_ref()));
        process
    }

    /// The rows of a device's start number `n`.
    pub fn boot(&self, scene: &mut Scene<'_>, n: i64, out: &mut Vec<Row>) {
        let (device, start) = self.start(scene.estate, n);
        scene.device = device;
        scene.person = scene.estate.devices[device].person;
        for program in 0..self.list.len() {
            let p = &self.list[program];
            let Some(parent) = p.parent else { continue };
            if p.base.is_none() || !self.has(device, program) {
                continue;
            }
            let process = self.based(scene, program, (n, start));
            let parent = self.based(scene, parent, (n, start));
            out.push(self.row(scene, &process, Some(&parent)));
        }
    }

    /// One of the programs that come and go on the scene's device, by weight.
    pub fn passing(&self, scene: &mut Scene<'_>) -> Option<usize> {
        let fits = |at: &usize| self.list[*at].weight > 0 && self.has(scene.device, *at);
        let total: u64 = (0..self.list.len())
            .filter(fits)
            .map(|at| self.list[at].weight)
            .sum();
        let mut rest = scene.dice.below(total);
        for at in (0..self.list.len()).filter(fits) {
            let weight = self.list[at].weight;
            if rest < weight {
                return Some(at);
            }
            rest -= weight;
        }
        None
    }

    fn account_cells(scene: &Scene<'_>, account: &Account) -> [Cell; 5] {
        let device = &scene.estate.devices[scene.device];
        if account.key != "user" {
            let domain = if account.domain.is_empty() {
                Cell::from(&device.host)
            } else {
                Cell::from(account.domain)
            };
            return [
                domain,
                account.name.into(),
                account.sid.into(),
                "".into(),
                "".into(),
            ];
        }
        let person = &scene.estate.people[device.person];
        if device.windows() {
            [
                NT_DOMAIN.to_lowercase().into(),
                (&person.account).into(),
                (&person.sid).into(),
                (&person.upn).into(),
                (&person.object_id).into(),
            ]
        } else {
            [
                (&device.host).into(),
                (&person.account).into(),
                "".into(),
                (&person.upn).into(),
                (&person.object_id).into(),
            ]
        }
    }

    fn row(&self, scene: &Scene<'_>, process: &Process, parent: Option<&Process>) -> Row {
        let device = &scene.estate.devices[scene.device];
        let p = &self.list[process.program];
        let [domain, name, sid, upn, oid] = Self::account_cells(scene, p.account);
        let mut row = Row::new("DeviceProcessEvents", process.created);
        row.cells.reserve(64);
        let row = row
            .with("DeviceId", &device.id)
            .with("DeviceName", &device.dns)
            .with("ActionType", "ProcessCreated")
            .with("FileName", &p.image)
            .with("FolderPath", path(device, &process.folder, &p.image))
            .with("SHA1", &p.hashes[0])
            .with("SHA256", &p.hashes[1])
            .with("MD5", &p.hashes[2])
            .with("FileSize", p.size)
            .with("ProcessVersionInfoCompanyName", &p.product.company)
            .with("ProcessVersionInfoProductName", &p.product.name)
            .with("ProcessVersionInfoProductVersion", &p.product.version)
            .with("ProcessVersionInfoInternalFileName", &p.image)
            .with("ProcessVersionInfoOriginalFileName", &p.image)
            .with("ProcessVersionInfoFileDescription", &p.text)
            .with("ProcessId", process.pid)
            .with("ProcessCommandLine", process.command.clone())
            .with("ProcessIntegrityLevel", p.account.integrity)
            .with("ProcessTokenElevation", p.account.elevation)
            .with("ProcessCreationTime", Cell::Time(process.created))
            .with("AccountDomain", domain)
            .with("AccountName", name)
            .with("AccountSid", sid)
            .with("AccountUpn", upn)
            .with("AccountObjectId", oid)
            .with("LogonId", process.logon)
            .with("CreatedProcessSessionId", process.session)
            .with("IsProcessRemoteSession", false)
            .with("ProcessUniqueId", process.unique.to_string());
        match parent {
            Some(parent) => self.initiated(row, scene, parent, Columns::ALL),
            None => row,
        }
    }

    /// Adds who did it: the columns `InitiatingProcess…` that the table has.
    pub fn initiated(
        &self,
        mut row: Row,
        scene: &Scene<'_>,
        by: &Process,
        columns: Columns,
    ) -> Row {
        let device = &scene.estate.devices[scene.device];
        let p = &self.list[by.program];
        let [domain, name, sid, upn, oid] = Self::account_cells(scene, p.account);
        let (parent_id, parent_name, parent_time) = match &by.parent {
            Some((pid, name, created)) => {
                (Cell::Number(*pid), Cell::from(name), Cell::Time(*created))
            }
            None => (Cell::Number(0), "".into(), Cell::Text(String::new())),
        };
        let signed = !p.product.signer.is_empty();
        let cells = [
            Cell::from(&p.hashes[0]),
            (&p.hashes[1]).into(),
            (&p.hashes[2]).into(),
            (&p.image).into(),
            p.size.into(),
            (&p.product.company).into(),
            (&p.product.name).into(),
            (&p.product.version).into(),
            (&p.image).into(),
            (&p.image).into(),
            (&p.text).into(),
            by.pid.into(),
            by.command.clone(),
            Cell::Time(by.created),
            path(device, &by.folder, &p.image),
            parent_id,
            parent_name,
            parent_time,
            domain,
            name,
            sid,
            upn,
            oid,
            by.logon.into(),
            p.account.integrity.into(),
            p.account.elevation.into(),
            by.session.into(),
            false.into(),
            by.unique.to_string().into(),
            if signed { "OsVendor" } else { "Unsigned" }.into(),
            if signed { "Valid" } else { "Unsigned" }.into(),
        ];
        for (at, cell) in cells.into_iter().enumerate() {
            if columns.0 & (1 << at) != 0 {
                row.cells.push((INITIATING[at], cell));
            }
        }
        row
    }

    /// What is known of the certificate of a program's file.
    pub fn certificate(&self, scene: &mut Scene<'_>, out: &mut Vec<Row>) {
        let program = scene.dice.index(self.list.len());
        let p = &self.list[program];
        if p.parent.is_none() || !self.has(scene.device, program) {
            return;
        }
        let device = &scene.estate.devices[scene.device];
        let signed = !p.product.signer.is_empty();
        let serial = number(scene.estate.seed, 85, p.product.signer.len() as u64, 0);
        let root = p.product.company.starts_with("Microsoft");
        let made = scene.estate.start - 200 * DAY - (serial % 9_000) as i64 * MINUTE;
        let row = Row::new("DeviceFileCertificateInfo", scene.at)
            .with("DeviceId", &device.id)
            .with("DeviceName", &device.dns)
            .with("SHA1", &p.hashes[0])
            .with("IsSigned", signed)
            .with("IsTrusted", signed)
            .with("IsRootSignerMicrosoft", root);
        out.push(if signed {
            row.with("SignatureType", if root { "Catalog" } else { "Embedded" })
                .with("Signer", &p.product.signer)
                .with(
                    "SignerHash",
                    hashes(scene.estate.seed, &format!("signer {}", p.product.signer))[0]
                        .to_string(),
                )
                .with("Issuer", &p.product.issuer)
                .with(
                    "IssuerHash",
                    hashes(scene.estate.seed, &format!("issuer {}", p.product.issuer))[0]
                        .to_string(),
                )
                .with("CertificateSerialNumber", format!("33{serial:016x}"))
                .with(
                    "CrlDistributionPointUrls",
                    "[\"http://crl.example.com/codesigning.crl\"]",
                )
                .with("CertificateCreationTime", Cell::Time(made))
                .with("CertificateExpirationTime", Cell::Time(made + 460 * DAY))
                .with(
                    "CertificateCountersignatureTime",
                    Cell::Time(made + 30 * DAY),
                )
        } else {
            row
        });
    }
}

fn path(device: &Device, folder: &Cell, image: &Arc<str>) -> Cell {
    let slash = if device.windows() { '\\' } else { '/' };
    Cell::Text(format!(
        "{}{slash}{image}",
        folder.text().unwrap_or_default()
    ))
}

/// The columns that say who did it.
const INITIATING: [&str; 31] = [
    "InitiatingProcessSHA1",
    "InitiatingProcessSHA256",
    "InitiatingProcessMD5",
    "InitiatingProcessFileName",
    "InitiatingProcessFileSize",
    "InitiatingProcessVersionInfoCompanyName",
    "InitiatingProcessVersionInfoProductName",
    "InitiatingProcessVersionInfoProductVersion",
    "InitiatingProcessVersionInfoInternalFileName",
    "InitiatingProcessVersionInfoOriginalFileName",
    "InitiatingProcessVersionInfoFileDescription",
    "InitiatingProcessId",
    "InitiatingProcessCommandLine",
    "InitiatingProcessCreationTime",
    "InitiatingProcessFolderPath",
    "InitiatingProcessParentId",
    "InitiatingProcessParentFileName",
    "InitiatingProcessParentCreationTime",
    "InitiatingProcessAccountDomain",
    "InitiatingProcessAccountName",
    "InitiatingProcessAccountSid",
    "InitiatingProcessAccountUpn",
    "InitiatingProcessAccountObjectId",
    "InitiatingProcessLogonId",
    "InitiatingProcessIntegrityLevel",
    "InitiatingProcessTokenElevation",
    "InitiatingProcessSessionId",
    "IsInitiatingProcessRemoteSession",
    "InitiatingProcessUniqueId",
    "InitiatingProcessSignerType",
    "InitiatingProcessSignatureStatus",
];

/// Which of the columns that say who did it a table has.
#[derive(Debug, Clone, Copy)]
pub struct Columns(u64);

impl Columns {
    /// All of them: only `DeviceProcessEvents` has.
    pub const ALL: Self = Self((1 << INITIATING.len()) - 1);

    /// Those of a table.
    pub fn of(has: impl Fn(&str) -> bool) -> Self {
        Self(
            INITIATING
                .iter()
                .enumerate()
                .filter(|(_, name)| has(name))
                .map(|(at, _)| 1 << at)
                .sum(),
        )
    }
}

//! What is installed on which device, and what is known to be wrong with it: the vulnerability tables.
//! A version is vulnerable where the data says so, so inventory, vulnerabilities and knowledge agree.

use serde::Deserialize;

use super::super::clock::{self, DAY, HOUR};
use super::estate::{Class, Estate, number};
use super::programs::classes;
use super::row::{Cell, Row};

/// Software, versions and vulnerabilities.
const SOFTWARE: &str = include_str!("../../../assets/sim/software.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    software: Vec<Item>,
    cve: Vec<Cve>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Vendor.
    pub vendor: String,
    /// Name.
    pub name: String,
    on: Vec<String>,
    #[serde(default = "everywhere")]
    share: u64,
    /// Newest last.
    pub versions: Vec<String>,
    path: String,
    /// Date after which it is no longer supported.
    ends: Option<String>,
}

fn everywhere() -> u64 {
    100
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cve {
    /// Its number.
    pub id: String,
    software: String,
    /// So many of its oldest versions have it.
    pub versions: usize,
    /// `Critical` …
    pub severity: String,
    /// A number with one digit.
    pub score: String,
    /// Whether an exploit is public.
    pub exploit: bool,
    /// A date.
    pub published: String,
    /// The update that ends it: its name, its number last.
    pub update: String,
    /// What it is.
    pub text: String,
}

impl Cve {
    /// The number of the update that ends it.
    pub fn kb(&self) -> &str {
        self.update.split(' ').next_back().unwrap_or_default()
    }
}

/// Something installed on a device.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    /// What.
    pub item: &'a Item,
    /// Place of its version.
    pub version: usize,
    luck: u64,
}

/// Everything that can be installed.
#[derive(Debug)]
pub struct Software(File);

impl Software {
    /// Reads the data.
    pub fn load() -> Result<Self, String> {
        let file: File = toml::from_str(SOFTWARE).map_err(|e| format!("software: {e}"))?;
        for item in &file.software {
            classes(&item.on).map_err(|e| format!("software: {}: {e}", item.name))?;
            if item.versions.is_empty() {
                return Err(format!("software: {} has no version", item.name));
            }
        }
        Ok(Self(file))
    }

    /// What is known of every vulnerability.
    pub fn once(&self, estate: &Estate, out: &mut Vec<Row>) {
        for cve in &self.0.cve {
            let published = clock::parse(&cve.published).unwrap_or(estate.start - 100 * DAY);
            out.push(
                Row::timeless("DeviceTvmSoftwareVulnerabilitiesKB", estate.start - DAY)
                    .with("CveId", &cve.id)
                    .with("CvssScore", &cve.score)
                    .with("IsExploitAvailable", cve.exploit)
                    .with("VulnerabilitySeverityLevel", &cve.severity)
                    .with("LastModifiedTime", Cell::Time(published + 3 * DAY))
                    .with("PublishedDate", Cell::Time(published))
                    .with("VulnerabilityDescription", &cve.text)
                    .with(
                        "AffectedSoftware",
                        serde_json::json!([cve.software]).to_string(),
                    ),
            );
        }
    }

    /// What the device at a place has.
    pub fn of(
        &self,
        seed: u64,
        class: Class,
        device: usize,
    ) -> impl Iterator<Item = Installed<'_>> {
        let items = self.0.software.iter().enumerate();
        items.filter_map(move |(n, item)| {
            let luck = number(seed, 95, n as u64, device as u64);
            let runs = classes(&item.on).is_ok_and(|on| on.contains(&class));
            // Most devices are up to date, some are behind.
            let behind = match (luck >> 10) % 10 {
                0..7 => 0,
                7..9 => 1,
                _ => 2,
            };
            (runs && luck % 100 < item.share).then(|| Installed {
                item,
                version: (item.versions.len() - 1).saturating_sub(behind),
                luck,
            })
        })
    }

    /// What is wrong with a version of something.
    pub fn open(&self, item: &Item, version: usize) -> impl Iterator<Item = &Cve> {
        let mut all = self.known(item);
        std::iter::from_fn(move || all.find(|c| version < c.versions))
    }

    /// What is known to be wrong with any version of something.
    pub fn known(&self, item: &Item) -> impl Iterator<Item = &Cve> {
        let name = item.name.clone();
        self.0.cve.iter().filter(move |c| c.software == name)
    }

    /// Inventory and vulnerabilities of a device.
    pub fn installed(&self, estate: &Estate, device: usize, out: &mut Vec<Row>) {
        let d = &estate.devices[device];
        let at = estate.start - HOUR;
        let system = |table, version: &str, item: &Item| {
            Row::timeless(table, at)
                .with("DeviceId", &d.id)
                .with("DeviceName", &d.dns)
                .with("OSPlatform", &d.os)
                .with("OSVersion", &d.version)
                .with("OSArchitecture", "x64")
                .with("SoftwareVendor", &item.vendor)
                .with("SoftwareName", &item.name)
                .with("SoftwareVersion", version.to_owned())
        };
        for Installed {
            item,
            version: at_version,
            luck,
        } in self.of(estate.seed, d.class, device)
        {
            let version = &item.versions[at_version];
            let ended = item.ends.as_deref().and_then(clock::parse);
            out.push(
                system("DeviceTvmSoftwareInventory", version, item)
                    .with(
                        "EndOfSupportStatus",
                        match ended {
                            Some(end) if end < estate.start => "EOS Version",
                            Some(_) => "Upcoming EOS Version",
                            None => "",
                        },
                    )
                    .maybe("EndOfSupportDate", ended.map(Cell::Time))
                    .with(
                        "ProductCodeCpe",
                        format!(
                            "cpe:2.3:a:{}:{}:{version}:*:*:*:*:*:*:*",
                            item.vendor, item.name
                        ),
                    ),
            );
            if luck.is_multiple_of(4) {
                out.push(
                    Row::timeless("DeviceTvmSoftwareEvidenceBeta", at)
                        .with("DeviceId", &d.id)
                        .with("SoftwareVendor", &item.vendor)
                        .with("SoftwareName", &item.name)
                        .with("SoftwareVersion", version)
                        .with("RegistryPaths", "[]")
                        .with("DiskPaths", serde_json::json!([item.path]).to_string())
                        .with("LastSeenTime", clock::graph(at - (luck % 20) as i64 * HOUR)),
                );
            }
            for cve in self.open(item, at_version) {
                out.push(
                    system("DeviceTvmSoftwareVulnerabilities", version, item)
                        .with("CveId", &cve.id)
                        .with("VulnerabilitySeverityLevel", &cve.severity)
                        .with("RecommendedSecurityUpdate", &cve.update)
                        .with("RecommendedSecurityUpdateId", cve.kb().to_owned())
                        .with(
                            "CveTags",
                            if cve.exploit {
                                "[\"ExploitAvailable\"]"
                            } else {
                                "[]"
                            },
                        ),
                );
            }
        }
    }
}

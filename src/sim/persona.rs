//! What sets the tenants of one host apart: name, cloud, licence, permissions, health. Rows of
//! `assets/sim/tenants.toml`.

use serde::Deserialize;

use super::clouds::Cloud;
use super::faults::Fault;
use super::trouble;

const TENANTS: &str = include_str!("../../assets/sim/tenants.toml");

/// One row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Persona {
    /// What it is called.
    pub name: String,
    /// The domain it is named by in sign-in addresses.
    pub domain: String,
    #[serde(default = "global")]
    cloud: String,
    /// What it bought, for people.
    #[serde(default = "full")]
    pub licence: String,
    /// What the licence leaves out at the services, as `--quirk` reads it.
    #[serde(default)]
    pub quirks: Vec<String>,
    /// Hunting tables it has no licence for.
    #[serde(default)]
    pub without_tables: Vec<String>,
    /// Permissions the application was not given.
    #[serde(default)]
    pub without_roles: Vec<String>,
    /// Whether an administrator consented to the application.
    #[serde(default = "yes")]
    pub consented: bool,
    /// How it is, in a word.
    #[serde(default = "fine")]
    pub health: String,
    #[serde(default)]
    faults: Vec<String>,
}

fn global() -> String {
    "global".into()
}

fn full() -> String {
    "E5".into()
}

fn fine() -> String {
    "fine".into()
}

fn yes() -> bool {
    true
}

impl Persona {
    /// The persona of the tenant at a place of a host with several.
    pub fn at(place: usize) -> Self {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            tenant: Vec<Persona>,
        }
        let file: File = toml::from_str(TENANTS).expect("tenants.toml is part of the program");
        let mut persona = file.tenant[place % file.tenant.len()].clone();
        let round = place / file.tenant.len();
        if round > 0 {
            persona.name = format!("{} {}", persona.name, round + 1);
            persona.domain = persona.domain.replacen('.', &format!("{}.", round + 1), 1);
        }
        persona
    }

    /// Nothing but a name of its own: a healthy tenant that bought and granted everything.
    #[must_use]
    pub fn plain(self) -> Self {
        Self {
            name: self.name,
            domain: self.domain,
            cloud: global(),
            licence: full(),
            quirks: Vec::new(),
            without_tables: Vec::new(),
            without_roles: Vec::new(),
            consented: true,
            health: fine(),
            faults: Vec::new(),
        }
    }

    /// The national cloud it is in.
    pub fn cloud(&self) -> Cloud {
        Cloud::named(&self.cloud).unwrap_or_default()
    }

    /// What its health means for the tenant with this number.
    pub fn faults(&self, number: usize) -> Result<Vec<Fault>, String> {
        let faults = self.faults.iter().map(|words| trouble::from_text(words));
        faults
            .map(|fault| fault.map(|f| f.tenant(&number.to_string())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_and_no_two_tenants_share_a_domain() {
        let mut domains = std::collections::HashSet::new();
        for place in 0..40 {
            let persona = Persona::at(place);
            assert!(domains.insert(persona.domain.clone()), "{}", persona.domain);
            assert!(Cloud::named(&persona.cloud).is_some());
            persona.faults(place + 1).expect("faults read");
        }
    }
}

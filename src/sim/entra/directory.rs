//! Who and what can sign in: applications and people, read from `assets/tenant/directory.toml`.
//!
//! Knows nothing of tokens. Ids and secrets come from the seed.

use serde::Deserialize;

use super::super::ids;
use super::claims::DIRECTORY_ROLES;

const DIRECTORY: &str = include_str!("../../../assets/tenant/directory.toml");

/// The domains a tenant can be named by, beside its id.
pub const DOMAINS: &[&str] = &["contoso.com", "contoso.onmicrosoft.com"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    app: Vec<AppRow>,
    account: Vec<AccountRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppRow {
    key: String,
    name: String,
    #[serde(default)]
    public_client: bool,
    #[serde(default)]
    consented: bool,
    #[serde(default)]
    secret_expired: bool,
    #[serde(default)]
    multi_tenant: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    managed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountRow {
    upn: String,
    name: String,
    roles: Vec<String>,
    trouble: Option<Trouble>,
    #[serde(default)]
    device_groups: Vec<String>,
}

/// Why a person cannot sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// A second factor is needed: a password alone does not do.
    Mfa,
    /// The same, and it is not set up yet.
    MfaEnrol,
    /// Conditional Access blocks.
    ConditionalAccess,
    /// The device does not meet a policy.
    DeviceNotCompliant,
    /// A policy wants a new sign-in every hour.
    SignInFrequency,
    /// The person was not assigned to the application.
    NotAssigned,
    /// The account is one of another tenant.
    OtherTenant,
    /// The account is disabled.
    Disabled,
    /// The account is locked.
    Locked,
    /// The password has run out.
    PasswordExpired,
}

/// A registered application.
#[derive(Debug, Clone)]
pub struct App {
    /// Application (client) id.
    pub id: String,
    /// Object id of its service principal.
    pub principal: String,
    /// Display name.
    pub name: String,
    /// Its secret.
    pub secret: String,
    /// Whether the secret has run out.
    pub secret_expired: bool,
    /// Whether people can sign in to it without a secret.
    pub public_client: bool,
    /// Whether an administrator consented to its permissions.
    pub consented: bool,
    /// Whether people and administrators of any tenant can use it.
    pub multi_tenant: bool,
    /// Whether it was switched off.
    pub disabled: bool,
    /// Whether it is a managed identity: it has no secret, and only machines get its tokens.
    pub managed: bool,
}

/// A person's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// User principal name.
    pub upn: String,
    /// Display name.
    pub name: String,
    /// Object id: that of the same person in evidence and hunting tables.
    pub id: String,
    /// Directory roles, by name.
    pub roles: Vec<String>,
    /// Why signing in fails, if it does.
    pub trouble: Option<Trouble>,
    /// The device groups that the person's role in Defender is for; all when empty.
    pub device_groups: Vec<String>,
}

impl Account {
    /// Whether the person may consent for the whole tenant.
    pub fn is_administrator(&self) -> bool {
        self.roles.iter().any(|role| role == "Global Administrator")
    }

    /// Template ids of the person's directory roles, and that of everybody's default role.
    pub fn wids(&self) -> Vec<String> {
        const MEMBER: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";
        DIRECTORY_ROLES
            .iter()
            .filter(|r| self.roles.iter().any(|name| name == r.name))
            .map(|r| r.wid)
            .chain([MEMBER])
            .map(str::to_owned)
            .collect()
    }
}

/// Applications and people of one tenant.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Applications; the first is the one whose id and secret are printed.
    pub apps: Vec<App>,
    /// People.
    pub accounts: Vec<Account>,
    /// Everybody else who works there: they can sign in and have no role.
    pub others: Vec<Account>,
    /// Everybody's password.
    pub password: String,
}

impl Directory {
    /// The directory of a seed.
    pub fn of(seed: u64) -> Self {
        let file: File = toml::from_str(DIRECTORY).expect("directory.toml is part of the program");
        let apps = file.app.into_iter().map(|row| {
            // The first application's secret is older than the others: its name is short.
            let secret = match row.key.as_str() {
                "application" => "client secret".to_owned(),
                key => format!("client secret of {key}"),
            };
            let principal = match row.key.as_str() {
                "application" => "service principal".to_owned(),
                key => format!("service principal of {key}"),
            };
            App {
                id: ids::guid(seed, &row.key),
                principal: ids::guid(seed, &principal),
                name: row.name,
                secret: format!("sim~{}", &ids::sha256(seed, &secret)[..36]),
                secret_expired: row.secret_expired,
                public_client: row.public_client,
                consented: row.consented,
                multi_tenant: row.multi_tenant,
                disabled: row.disabled,
                managed: row.managed,
            }
        });
        let accounts = file.account.into_iter().map(|row| Account {
            id: ids::guid(seed, &format!("person {}", row.upn)),
            upn: row.upn,
            name: row.name,
            roles: row.roles,
            trouble: row.trouble,
            device_groups: row.device_groups,
        });
        Self {
            apps: apps.collect(),
            accounts: accounts.collect(),
            others: Vec::new(),
            password: format!("Sim-{}", &ids::sha256(seed, "password")[..12]),
        }
    }

    /// The application with this id.
    pub fn app(&self, id: &str) -> Option<&App> {
        self.apps.iter().find(|a| a.id.eq_ignore_ascii_case(id))
    }

    /// The person with this user principal name.
    pub fn account(&self, upn: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .chain(&self.others)
            .find(|a| a.upn.eq_ignore_ascii_case(upn.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::noise::Catalogue;
    use super::*;

    #[test]
    fn everybody_who_works_the_queue_can_sign_in() {
        let directory = Directory::of(7);
        let catalogue = Catalogue::load(7).expect("the catalogue reads");
        for analyst in &catalogue.analysts {
            let account = directory.account(analyst).expect("an account");
            assert!(account.wids().len() > 1, "{analyst} has no role");
        }
        assert_eq!(
            directory
                .account("lucia.brandt@contoso.com")
                .map(|a| a.wids().len()),
            Some(1)
        );
    }

    #[test]
    fn every_role_is_one_the_services_know() {
        for account in Directory::of(7).accounts {
            for role in &account.roles {
                assert!(DIRECTORY_ROLES.iter().any(|r| r.name == role), "{role}");
            }
            let own = DOMAINS.iter().any(|d| account.upn.ends_with(d));
            assert_eq!(own, account.trouble != Some(Trouble::OtherTenant));
        }
    }

    #[test]
    fn seeds_share_nothing_secret() {
        let (one, other) = (Directory::of(1), Directory::of(2));
        assert_ne!(one.password, other.password);
        for (a, b) in one.apps.iter().zip(&other.apps) {
            assert!(a.id != b.id && a.secret != b.secret && a.principal != b.principal);
        }
    }
}

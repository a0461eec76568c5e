//! Identities of Defender for Identity: list, get, and acting on one of their accounts.
//!
//! Facts: the Graph fact sheet, "Response actions outside the security namespace".

use super::super::accounts::Account;
use super::super::clock::Ticks;
use super::super::http::{Ask, Reply};
use super::super::ids;
use super::super::json::{self, Object};
use super::super::odata::{Field, Kind, Options, Property, Type, filterable, readable};
use super::super::people::DNS_DOMAIN;
use super::super::quirks::InvokeResult;
use super::super::tenant::Tenant;
use super::super::world::World;
use super::bodies::{parameters, required_member, required_text};
use super::list::Rows;
use super::{Refusal, metadata};

const PROPERTIES: &[Property] = &[
    filterable("id", Kind::Text),
    filterable("displayName", Kind::Text),
    filterable("domain", Kind::Text),
    filterable("isEnabled", Kind::Flag),
    filterable("onPremisesSecurityIdentifier", Kind::Text),
    filterable("cloudSecurityIdentifier", Kind::Text),
    filterable("emailAddress", Kind::Text),
    filterable("userPrincipalName", Kind::Text),
    readable("accounts"),
];

const TYPE: Type = Type {
    name: "microsoft.graph.security.identityAccounts",
    properties: PROPERTIES,
};

const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

const ACTIONS: &[&str] = &[
    "disable",
    "enable",
    "forcePasswordReset",
    "revokeAllSessions",
    "requireUserToSignInAgain",
    "markUserAsCompromised",
];
const PROVIDERS: &[&str] = &["entraID", "activeDirectory", "okta"];

/// Which actions a provider's accounts take: what an operation does to the account.
struct Support {
    provider: &'static str,
    action: &'static str,
    apply: fn(&mut Account, Ticks),
}

/// The support matrix. `entraID` is in the enumeration and has no row: the directory has its own operations.
const MATRIX: &[Support] = &[
    Support {
        provider: "activeDirectory",
        action: "disable",
        apply: |account, _| account.directory_disabled = true,
    },
    Support {
        provider: "activeDirectory",
        action: "enable",
        apply: |account, _| account.directory_disabled = false,
    },
    Support {
        provider: "activeDirectory",
        action: "forcePasswordReset",
        apply: |account, now| account.reset = now,
    },
    Support {
        provider: "okta",
        action: "disable",
        apply: |account, _| account.okta_disabled = true,
    },
    Support {
        provider: "okta",
        action: "enable",
        apply: |account, _| account.okta_disabled = false,
    },
    Support {
        provider: "okta",
        action: "revokeAllSessions",
        apply: |account, now| account.okta_sessions_from = now,
    },
];

/// The id of the identity of the person in this place.
fn identity_id(world: &World, person: u32) -> String {
    ids::guid(
        world.seed,
        &format!("identity {}", world.people[person as usize].object_id),
    )
}

/// `S-1-12-1-…`: an object id as a security identifier.
fn cloud_sid(object_id: &str) -> String {
    let bits = ids::parse_guid(object_id).unwrap_or_default();
    let bytes = bits.to_be_bytes();
    // The first three groups of a GUID are little-endian in memory.
    let words = [
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
        u32::from(u16::from_be_bytes([bytes[4], bytes[5]]))
            | u32::from(u16::from_be_bytes([bytes[6], bytes[7]])) << 16,
        u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
        u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
    ];
    format!(
        "S-1-12-1-{}-{}-{}-{}",
        words[0], words[1], words[2], words[3]
    )
}

/// Accounts of a person: provider and identifier. Every fourth has one in Okta.
fn accounts(world: &World, person: u32) -> Vec<(&'static str, String)> {
    let one = &world.people[person as usize];
    let mut out = vec![
        ("activeDirectory", one.sid.clone()),
        ("entraID", one.object_id.clone()),
    ];
    if person % 4 == 1 {
        let hash = ids::sha1(world.seed, &format!("okta {}", one.upn));
        out.push(("okta", format!("00u{}", &hash[..17])));
    }
    out
}

/// An identity is enabled while all its accounts are.
fn enabled(account: &Account) -> bool {
    !account.disabled && !account.directory_disabled && !account.okta_disabled
}

/// What a row is compared with, made once a request.
struct Row {
    id: String,
    cloud: String,
}

fn table(world: &World) -> Vec<Row> {
    (0..world.people.len() as u32)
        .map(|person| Row {
            id: identity_id(world, person),
            cloud: cloud_sid(&world.people[person as usize].object_id),
        })
        .collect()
}

fn field<'a>(world: &'a World, rows: &'a [Row], place: u32, property: usize) -> Field<'a> {
    let person = &world.people[place as usize];
    match property {
        0 => Field::Text(&rows[place as usize].id),
        1 => Field::Text(&person.display),
        2 => Field::Text(DNS_DOMAIN),
        3 => Field::Flag(enabled(world.accounts.get(place))),
        4 => Field::Text(&person.sid),
        5 => Field::Text(&rows[place as usize].cloud),
        6 | 7 => Field::Text(&person.upn),
        _ => Field::Null,
    }
}

/// GET the collection.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = Options::parse(&ask.query, TYPE).map_err(Refusal::bad)?;
    let size = options.top.unwrap_or(USUAL_PAGE).min(LARGEST_PAGE);
    let world = tenant.world();
    let made = table(&world);
    let rows = Rows {
        len: made.len(),
        times: None,
        field: &|row, property| field(&world, &made, row, property),
    };
    let page = rows.page(&options, size);
    Ok(super::list::document(
        ask,
        "security/identities/identityAccounts",
        &page,
        700,
        |out, row| push(out, &world, row, None, options.select.as_deref()),
    ))
}

fn find(world: &World, id: &str) -> Result<u32, Refusal> {
    (0..world.people.len() as u32)
        .find(|person| identity_id(world, *person) == id)
        .ok_or_else(|| {
            Refusal::new(
                404,
                "NotFound",
                format!("Identity account with id {id} was not found."),
            )
        })
}

/// GET one.
pub fn get(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let options = Options::parse(&ask.query, TYPE).map_err(Refusal::bad)?;
    let world = tenant.world();
    let person = find(&world, id)?;
    let context = format!(
        "{}security/identities/identityAccounts/$entity",
        metadata(ask)
    );
    let mut out = Vec::with_capacity(1024);
    let select = options.select.as_deref();
    push(&mut out, &world, person, Some(&context), select);
    Ok(Reply::json(200, out))
}

/// POST invokeAction.
pub fn invoke(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let body = parameters(ask, &["accountId", "action", "identityProvider"])?;
    let account = required_text(&body, "accountId")?;
    let action = required_member(&body, "action", ACTIONS, "action")?;
    let provider = required_member(&body, "identityProvider", PROVIDERS, "identityProvider")?;
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let person = find(&world, id)?;
    if !accounts(&world, person).contains(&(provider, account.clone())) {
        return Err(Refusal::bad(format!(
            "The account '{account}' of provider '{provider}' does not belong to identity '{id}'."
        )));
    }
    let support = MATRIX
        .iter()
        .find(|s| s.provider == provider && s.action == action)
        .ok_or_else(|| {
            Refusal::bad(format!(
                "The action '{action}' is not supported for identity provider '{provider}'."
            ))
        })?;
    (support.apply)(world.accounts.change(person), now);
    world.accounts.operations += 1;
    let correlation = ids::guid(
        world.seed,
        &format!("identity operation {}", world.accounts.operations),
    );
    let mut out = Vec::with_capacity(320);
    let mut o = Object::open(&mut out, None);
    o.str(
        "@odata.context",
        &format!(
            "{}microsoft.graph.security.invokeActionResult",
            metadata(ask)
        ),
    );
    let wrapped = tenant.quirks.invoke_result == InvokeResult::Wrapped;
    let write = |o: &mut Object<'_>| {
        o.str("accountId", &account);
        o.plain("action", action);
        o.plain(
            if wrapped {
                "provider"
            } else {
                "identityProvider"
            },
            provider,
        );
        o.str("correlationId", &correlation);
    };
    if wrapped {
        o.always("value");
        let mut inner = Object::open(o.out, None);
        write(&mut inner);
        inner.close();
    } else {
        write(&mut o);
    }
    o.close();
    Ok(Reply::json(200, out))
}

fn push(
    out: &mut Vec<u8>,
    world: &World,
    place: u32,
    context: Option<&str>,
    select: Option<&[String]>,
) {
    let person = &world.people[place as usize];
    let mut o = Object::open(out, select);
    if let Some(context) = context {
        o.always("@odata.context");
        json::push_str(o.out, context);
    }
    o.always("@odata.type");
    json::push_str(o.out, "#microsoft.graph.security.user");
    o.always("id");
    json::push_str(o.out, &identity_id(world, place));
    o.str("displayName", &person.display);
    o.str("domain", DNS_DOMAIN);
    o.raw(
        "isEnabled",
        if enabled(world.accounts.get(place)) {
            "true"
        } else {
            "false"
        },
    );
    o.str("onPremisesSecurityIdentifier", &person.sid);
    o.str("cloudSecurityIdentifier", &cloud_sid(&person.object_id));
    o.str("emailAddress", &person.upn);
    o.str("userPrincipalName", &person.upn);
    if o.key("accounts") {
        o.out.push(b'[');
        for (at, (provider, identifier)) in accounts(world, place).iter().enumerate() {
            if at > 0 {
                o.out.push(b',');
            }
            let actions: Vec<&str> = MATRIX
                .iter()
                .filter(|s| s.provider == *provider)
                .map(|s| s.action)
                .collect();
            let mut inner = Object::open(o.out, None);
            inner.str("identifier", identifier);
            inner.plain("identityProvider", provider);
            inner.list("actions", &actions);
            inner.close();
        }
        o.out.push(b']');
    }
    o.close();
}

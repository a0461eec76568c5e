//! Users of the directory, the little of it that triage needs: find one, end sessions, disable.
//!
//! Facts: the Graph fact sheet, "Response actions outside the security namespace".

use super::super::http::{Ask, Reply};
use super::super::json::{self, Object};
use super::super::odata::{Field, Kind, Options, Property, Type, filterable, readable};
use super::super::quirks::RevokeStatus;
use super::super::tenant::Tenant;
use super::super::world::World;
use super::bodies::object;
use super::list::Rows;
use super::{Refusal, metadata};

const PROPERTIES: &[Property] = &[
    filterable("userPrincipalName", Kind::Text),
    filterable("id", Kind::Text),
    filterable("displayName", Kind::Text),
    filterable("mail", Kind::Text),
    filterable("accountEnabled", Kind::Flag),
    filterable("givenName", Kind::Text),
    filterable("surname", Kind::Text),
    readable("businessPhones"),
    readable("jobTitle"),
    readable("mobilePhone"),
    readable("officeLocation"),
    readable("preferredLanguage"),
    readable("onPremisesSecurityIdentifier"),
    readable("onPremisesSamAccountName"),
    readable("signInSessionsValidFromDateTime"),
];

const TYPE: Type = Type {
    name: "microsoft.graph.user",
    properties: PROPERTIES,
};

/// What comes without `$select`.
const USUAL: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 999;

fn names(display: &str) -> (&str, &str) {
    display.split_once(' ').unwrap_or((display, ""))
}

fn field(world: &World, person: u32, property: usize) -> Field<'_> {
    let one = &world.people[person as usize];
    match property {
        0 | 3 => Field::Text(&one.upn),
        1 => Field::Text(&one.object_id),
        2 => Field::Text(&one.display),
        4 => Field::Flag(!world.accounts.get(person).disabled),
        5 => Field::Text(names(&one.display).0),
        6 => Field::Text(names(&one.display).1),
        _ => Field::Null,
    }
}

fn directory_refusal(message: String) -> Refusal {
    Refusal::new(400, "Request_UnsupportedQuery", message)
}

fn options(ask: &Ask) -> Result<Options, Refusal> {
    let mut options = Options::parse(&ask.query, TYPE).map_err(directory_refusal)?;
    if options
        .top
        .is_some_and(|top| top == 0 || top > LARGEST_PAGE)
    {
        return Err(directory_refusal(format!(
            "Invalid page size specified: '{}'. Must be between 1 and {LARGEST_PAGE} inclusive.",
            options.top.unwrap_or_default()
        )));
    }
    if options.skip > 0 {
        return Err(directory_refusal(
            "'$skip' is not supported by the service.".into(),
        ));
    }
    // Counting the directory is an advanced query, which the client has to say it wants.
    if options.count && ask.header("consistencylevel") != Some("eventual") {
        return Err(directory_refusal(
            "$count is not currently supported without the ConsistencyLevel header set to eventual."
                .into(),
        ));
    }
    if options.select.is_none() {
        options.select = Some(USUAL.iter().map(|n| (*n).to_owned()).collect());
    }
    Ok(options)
}

/// GET the collection.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let size = options.top.unwrap_or(USUAL_PAGE);
    let world = tenant.world();
    let rows = Rows {
        len: world.people.len(),
        times: None,
        field: &|row, property| field(&world, row, property),
    };
    let page = rows.page(&options, size);
    let select = options.select.as_deref();
    Ok(super::list::document(
        ask,
        "users",
        &page,
        400,
        |out, row| {
            push(out, &world, row, None, select);
        },
    ))
}

fn find(world: &World, id: &str) -> Result<u32, Refusal> {
    world.find_person(id).ok_or_else(|| {
        Refusal::new(
            404,
            "Request_ResourceNotFound",
            format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
            ),
        )
    })
}

/// GET one, by object id or user principal name.
pub fn get(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let options = options(ask)?;
    let world = tenant.world();
    let person = find(&world, id)?;
    let context = format!("{}users/$entity", metadata(ask));
    let mut out = Vec::with_capacity(512);
    let select = options.select.as_deref();
    push(&mut out, &world, person, Some(&context), select);
    Ok(Reply::json(200, out))
}

/// PATCH one: whether the account is enabled. The permissions here reach no other property.
pub fn patch(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let body = object(ask)?;
    let mut enabled = None;
    for (name, value) in &body {
        match name.as_str() {
            "accountEnabled" => {
                enabled = Some(value.as_bool().ok_or_else(|| {
                    Refusal::new(
                        400,
                        "Request_BadRequest",
                        "A value of type other than 'Edm.Boolean' was found for property 'accountEnabled'.",
                    )
                })?);
            }
            _ if name.contains("@odata.") => {}
            _ if PROPERTIES.iter().any(|p| p.name == name) => {
                return Err(Refusal::new(
                    403,
                    "Authorization_RequestDenied",
                    "Insufficient privileges to complete the operation.",
                ));
            }
            _ => {
                return Err(Refusal::new(
                    400,
                    "Request_BadRequest",
                    format!(
                        "Property '{name}' does not exist as a declared property or extension property."
                    ),
                ));
            }
        }
    }
    let enabled = enabled.ok_or_else(|| {
        Refusal::new(
            400,
            "Request_BadRequest",
            "At least one property must be present in the request payload.",
        )
    })?;
    let mut world = tenant.world_mut();
    let person = find(&world, id)?;
    let account = world.accounts.change(person);
    account.disabled_since = match (enabled, account.disabled_since) {
        (true, _) => 0,
        (false, 0) => tenant.clock.now(),
        (false, since) => since,
    };
    account.disabled = !enabled;
    Ok(super::no_content())
}

/// POST revokeSignInSessions: what is signed in must sign in again.
pub fn revoke(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let person = find(&world, id)?;
    world.accounts.change(person).sessions_from = now;
    if tenant.quirks.revoke_status == RevokeStatus::NoContent {
        return Ok(super::no_content());
    }
    let mut out = Vec::with_capacity(120);
    let mut o = Object::open(&mut out, None);
    o.str("@odata.context", &format!("{}Edm.Boolean", metadata(ask)));
    o.raw("value", "true");
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
    let account = world.accounts.get(place);
    let (given, surname) = names(&person.display);
    let mut o = Object::open(out, select);
    if let Some(context) = context {
        o.always("@odata.context");
        json::push_str(o.out, context);
    }
    o.raw("businessPhones", "[]");
    o.str("displayName", &person.display);
    o.opt("givenName", Some(given));
    o.raw("jobTitle", "null");
    o.str("mail", &person.upn);
    o.raw("mobilePhone", "null");
    o.raw("officeLocation", "null");
    o.raw("preferredLanguage", "null");
    o.opt("surname", (!surname.is_empty()).then_some(surname));
    o.str("userPrincipalName", &person.upn);
    o.str("id", &person.object_id);
    o.raw(
        "accountEnabled",
        if account.disabled { "false" } else { "true" },
    );
    o.str("onPremisesSecurityIdentifier", &person.sid);
    o.str("onPremisesSamAccountName", &person.account);
    o.time("signInSessionsValidFromDateTime", account.sessions_from);
    o.close();
}

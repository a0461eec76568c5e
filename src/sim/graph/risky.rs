//! Risky users of identity protection: list, get, and the three decisions.
//!
//! Facts: the Graph fact sheet, "Response actions outside the security namespace".

pub use super::super::accounts::Decision;
use super::super::accounts::Risk;
use super::super::http::{Ask, Reply};
use super::super::json::{self, Object};
use super::super::odata::{Field, Kind, Options, Property, Type, filterable, readable};
use super::super::quirks::RiskLicence;
use super::super::tenant::Tenant;
use super::super::words::{self, RISK_LEVEL, RISK_STATE};
use super::super::world::World;
use super::bodies::{parameters, texts};
use super::list::Rows;
use super::{Refusal, metadata};

const PROPERTIES: &[Property] = &[
    filterable("riskLevel", Kind::Member(RISK_LEVEL)),
    filterable("riskState", Kind::Member(RISK_STATE)),
    filterable("riskLastUpdatedDateTime", Kind::Time),
    filterable("userDisplayName", Kind::Text),
    filterable("userPrincipalName", Kind::Text),
    filterable("id", Kind::Text),
    filterable("isDeleted", Kind::Flag),
    filterable("isProcessing", Kind::Flag),
    readable("riskDetail"),
];

const TYPE: Type = Type {
    name: "microsoft.graph.riskyUser",
    properties: PROPERTIES,
};

/// The largest page, and the usual one.
const LARGEST_PAGE: usize = 500;
/// So many people can be decided on at once.
const MOST: usize = 60;

fn field<'a>(world: &'a World, risk: &Risk, property: usize) -> Field<'a> {
    let person = &world.people[risk.person as usize];
    match property {
        0 => Field::Member(risk.level),
        1 => Field::Member(risk.state),
        2 => Field::Time(risk.updated),
        3 => Field::Text(&person.display),
        4 => Field::Text(&person.upn),
        5 => Field::Text(&person.object_id),
        6 | 7 => Field::Flag(false),
        _ => Field::Null,
    }
}

fn licensed(tenant: &Tenant) -> Result<(), Refusal> {
    match tenant.quirks.risk_licence {
        RiskLicence::Present => Ok(()),
        RiskLicence::Missing => Err(Refusal::new(
            403,
            "Forbidden",
            "Your tenant is not licensed for this feature.",
        )),
    }
}

fn options(tenant: &Tenant, ask: &Ask) -> Result<Options, Refusal> {
    licensed(tenant)?;
    let options = Options::parse(&ask.query, TYPE).map_err(Refusal::bad)?;
    if options.expand.is_some() {
        return Err(Refusal::bad(
            "The query parameter '$expand' is not supported.",
        ));
    }
    Ok(options)
}

/// GET the collection.
pub fn list(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(tenant, ask)?;
    let size = options.top.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
    let world = tenant.world();
    let risks = world.risks();
    let rows = Rows {
        len: risks.len(),
        times: None,
        field: &|row, property| field(&world, &risks[row as usize], property),
    };
    let page = rows.page(&options, size);
    let unknown = ask.takes_unknown_members();
    Ok(super::list::document(
        ask,
        "identityProtection/riskyUsers",
        &page,
        400,
        |out, row| {
            let select = options.select.as_deref();
            push(out, &world, &risks[row as usize], None, select, unknown);
        },
    ))
}

/// GET the number of risky users.
pub fn count(tenant: &Tenant, ask: &Ask) -> Result<Reply, Refusal> {
    let options = options(tenant, ask)?;
    let world = tenant.world();
    let risks = world.risks();
    let rows = Rows {
        len: risks.len(),
        times: None,
        field: &|row, property| field(&world, &risks[row as usize], property),
    };
    Ok(super::bare_count(rows.count(&options)))
}

/// GET one.
pub fn get(tenant: &Tenant, ask: &Ask, id: &str) -> Result<Reply, Refusal> {
    let options = options(tenant, ask)?;
    let world = tenant.world();
    let risk = world
        .risks()
        .into_iter()
        .find(|r| world.people[r.person as usize].object_id == id)
        .ok_or_else(|| {
            Refusal::new(
                404,
                "NotFound",
                format!("Risky user with id {id} was not found."),
            )
        })?;
    let context = format!("{}identityProtection/riskyUsers/$entity", metadata(ask));
    let mut out = Vec::with_capacity(512);
    push(
        &mut out,
        &world,
        &risk,
        Some(&context),
        options.select.as_deref(),
        ask.takes_unknown_members(),
    );
    Ok(Reply::json(200, out))
}

/// POST one of the decisions on a list of people.
pub fn decide(tenant: &Tenant, ask: &Ask, decision: Decision) -> Result<Reply, Refusal> {
    licensed(tenant)?;
    let body = parameters(ask, &["userIds"])?;
    let ids = texts(&body, "userIds")?;
    if ids.len() > MOST {
        return Err(Refusal::bad(format!(
            "At most {MOST} users can be named in one request."
        )));
    }
    let now = tenant.clock.now();
    let mut world = tenant.world_mut();
    let people = ids
        .iter()
        .map(|id| {
            // Object ids alone: a name is no key here.
            world
                .people
                .iter()
                .position(|p| p.object_id.eq_ignore_ascii_case(id))
                .map(|at| at as u32)
                .ok_or_else(|| {
                    Refusal::new(404, "NotFound", format!("User with id {id} was not found."))
                })
        })
        .collect::<Result<Vec<_>, _>>()?;
    for person in people {
        world.accounts.change(person).decision = Some((decision, now));
    }
    Ok(super::no_content())
}

fn push(
    out: &mut Vec<u8>,
    world: &World,
    risk: &Risk,
    context: Option<&str>,
    select: Option<&[String]>,
    unknown: bool,
) {
    let person = &world.people[risk.person as usize];
    let mut o = Object::open(out, select);
    if let Some(context) = context {
        o.always("@odata.context");
        json::push_str(o.out, context);
    }
    o.always("id");
    json::push_str(o.out, &person.object_id);
    o.raw("isDeleted", "false");
    o.raw("isProcessing", "false");
    o.plain("riskLevel", RISK_LEVEL[risk.level as usize]);
    o.plain("riskState", RISK_STATE[risk.state as usize]);
    o.plain("riskDetail", words::sent(risk.detail, unknown));
    o.time("riskLastUpdatedDateTime", risk.updated);
    o.str("userDisplayName", &person.display);
    o.str("userPrincipalName", &person.upn);
    o.close();
}

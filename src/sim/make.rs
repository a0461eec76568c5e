//! From settings to tenants: what a host is made of, the same every time.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, RwLock};

use super::build::Scale;
use super::clock::{self, Clock, Hands, Ticks};
use super::clouds::Cloud;
use super::entra::{self, Entra, Grants};
use super::persona::Persona;
use super::quirks::UnknownEvidence;
use super::state::{Head, Made};
use super::stories::{Tale, keep_published};
use super::tenant::Tenant;
use super::world::World;
use super::{SimConfig, SimError, defender, graph, ids, quota};

/// The seed of the tenant at a place: the first one's is the host's.
pub fn seed(config: &SimConfig, place: usize) -> u64 {
    match place {
        0 => config.seed,
        _ => ids::mix(config.seed ^ ids::mix(place as u64)),
    }
}

/// The first line of the state of a host that begins now.
pub fn head(config: &SimConfig) -> Head {
    let wall = clock::wall();
    let at = config.start.unwrap_or(wall);
    let ago = Ticks::try_from(config.start_ago.as_nanos() / 100).unwrap_or(0);
    let hands = Hands {
        at,
        wall,
        rate: config.clock_rate,
    };
    let made = Made {
        seed: config.seed,
        tenants: config.tenants.max(1),
        alike: config.alike,
        scale: (config.incidents, config.alerts, config.machines),
        story: config.story,
        scenarios: config
            .scenarios
            .iter()
            .map(|tale| (tale.name.clone(), tale.text.clone()))
            .collect(),
        trickle: config.trickle,
        everyday: config.rate,
        speed: config.speed,
        quirks: config.quirks.values(),
        start: config.start,
        start_ago: ago,
        rate: config.clock_rate,
    };
    Head::new(made, at.saturating_sub(ago), hands)
}

/// Takes over what a state was made from.
pub fn adopt(config: &mut SimConfig, made: &Made) -> Result<(), String> {
    config.seed = made.seed;
    config.tenants = made.tenants;
    config.alike = made.alike;
    (config.incidents, config.alerts, config.machines) = made.scale;
    config.story = made.story;
    config.scenarios = made
        .scenarios
        .iter()
        .map(|(name, text)| Tale {
            name: name.clone(),
            text: text.clone(),
        })
        .collect();
    config.trickle = made.trickle;
    config.rate = made.everyday;
    config.speed = made.speed;
    for quirk in &made.quirks {
        config.quirks.set(quirk)?;
    }
    config.start = made.start;
    config.start_ago = super::ticks_to_duration(made.start_ago);
    config.clock_rate = made.rate;
    Ok(())
}

/// What sets the tenant at a place apart.
fn persona(config: &SimConfig, place: usize) -> Persona {
    let persona = Persona::at(place);
    if config.alike {
        persona.plain()
    } else {
        persona
    }
}

/// The cloud of the tenant at a place: the first one's is the host's.
fn cloud(config: &SimConfig, place: usize) -> Cloud {
    if config.alike || place == 0 {
        config.cloud
    } else {
        Persona::at(place).cloud()
    }
}

/// The world of the tenant at a place, as it stands at `now`.
pub fn world(
    config: &SimConfig,
    place: usize,
    clock: Arc<Clock>,
    now: Ticks,
) -> Result<World, String> {
    let scale = Scale {
        incidents: config.incidents,
        alerts: config.alerts,
        machines: config.machines,
    };
    let mut tales = config.scenarios.clone();
    if tales.is_empty() {
        tales.extend(Tale::named("invoice"));
    }
    if !config.story {
        tales.clear();
    }
    let mut scenarios: Vec<_> = tales.iter().map(Tale::scenario).collect::<Result<_, _>>()?;
    if config.quirks.unknown_evidence == UnknownEvidence::Off {
        scenarios.iter_mut().for_each(keep_published);
    }
    let seed = seed(config, place);
    let id = ids::guid(seed, "tenant");
    let mut world = World::build(seed, &id, clock, scale, config.trickle, scenarios)?;
    world.life.rate = config.rate;
    world.portal = cloud(config, place).portal();
    world.actions = defender::actions::history(&world);
    world.endpoint = defender::state::Endpoint::new(&world);
    world.advance(now)?;
    world.employ(entra::staff());
    Ok(world)
}

/// Makes the tenant at a place.
pub async fn tenant(
    config: &SimConfig,
    place: usize,
    clock: &Arc<Clock>,
    now: Ticks,
) -> Result<Tenant, SimError> {
    let seed = seed(config, place);
    let persona = persona(config, place);
    let several = config.tenants > 1;
    let mut withheld = config.withheld_roles.clone();
    let mut hidden = config.hidden_tables.clone();
    let mut quirks = config.quirks;
    let cloud = cloud(config, place);
    if several {
        for quirk in &persona.quirks {
            quirks.set(quirk).map_err(SimError::Scenario)?;
        }
        withheld.extend(persona.without_roles.iter().cloned());
        hidden.extend(persona.without_tables.iter().cloned());
    }
    let mut entra = Entra::new(
        seed,
        ids::guid(seed, "tenant"),
        config.token_lifetime,
        Grants {
            withheld,
            audience: config.audience,
            cloud,
            foreign: quirks.foreign_resource,
            consent: quirks.consent,
            ..Grants::default()
        },
        quirks,
    );
    if place > 0 {
        entra.join(config.seed, &persona.domain, persona.consented);
    }
    for pem in &config.certificates {
        entra
            .register_certificates(pem)
            .map_err(SimError::Credential)?;
    }
    for trust in &config.federated {
        entra
            .register_federated(&trust.issuer, &trust.subject, &trust.certificate)
            .map_err(SimError::Credential)?;
    }
    let world = {
        let (config, clock) = (config.clone(), Arc::clone(clock));
        tokio::task::spawn_blocking(move || world(&config, place, clock, now))
            .await
            .map_err(|e| SimError::Scenario(e.to_string()))?
            .map_err(SimError::Scenario)?
    };
    let people = world.people.iter();
    entra.welcome(people.map(|p| (p.upn.clone(), p.display.clone(), p.object_id.clone())));
    Ok(Tenant {
        place,
        seed,
        quirks,
        cloud,
        persona,
        entra,
        quotas: config
            .throttle
            .then(|| quota::Quotas::new(config.throttle_scale)),
        log: config.log.clone(),
        next_event: AtomicI64::new(world.next_event()),
        turn: tokio::sync::RwLock::default(),
        world: RwLock::new(world),
        hunting: graph::hunting::Hunting::new(graph::hunting::Settings {
            rows: config.hunting_rows,
            cpu: config.hunting_cpu,
            hidden: hidden.into_iter().collect(),
        }),
        clock: Arc::clone(clock),
    })
}

//! Two days of everyday life, and what it may not touch.

use std::sync::Arc;

use super::super::build::Scale;
use super::super::clock::{Clock, DAY, HOUR, parse};
use super::super::stories::Tale;
use super::*;

/// A tenant on a Tuesday at noon.
fn world(scale: Scale) -> World {
    let start = parse("2026-08-04T12:00:00Z").expect("a time");
    let clock = Arc::new(Clock::new(Some(start), 1.0));
    let invoice = Tale::named("invoice").expect("it is there");
    let scenarios = vec![invoice.scenario().expect("it is read")];
    World::build(7, "tenant", clock, scale, true, scenarios).expect("it is told")
}

fn small() -> Scale {
    Scale {
        incidents: 60,
        alerts: 150,
        machines: 40,
    }
}

#[test]
fn two_weekdays_have_believable_numbers_and_somebody_works() {
    let mut world = world(small());
    let start = world.clock.start();
    let before = world.alerts.len();
    let old = world.incidents.len() as u32;
    world.advance(start + 2 * DAY).expect("nothing is wrong");
    let new: Vec<_> = world.alerts[before..]
        .iter()
        .filter(|a| matches!(a.body, Body::Everyday { .. }))
        .collect();
    let a_day = new.len() / 2;
    assert!((1_000..3_000).contains(&a_day), "{a_day} alerts a day");
    let share =
        |severity: u8| 100 * new.iter().filter(|a| a.severity == severity).count() / new.len();
    for (severity, least, most) in [(1, 22, 38), (2, 38, 56), (3, 12, 28), (4, 2, 9)] {
        let share = share(severity);
        assert!(
            (least..=most).contains(&share),
            "severity {severity}: {share} %"
        );
    }
    let everyday: Vec<_> = (old..world.incidents.len() as u32)
        .filter(|p| world.is_everyday(*p) || world.incidents[*p as usize].redirect != 0)
        .map(|p| &world.incidents[p as usize])
        .collect();
    let count = |what: &str, like: &dyn Fn(&super::super::world::Incident) -> bool, least, most| {
        let found = everyday.iter().filter(|i| like(i)).count() * 100 / everyday.len();
        assert!((least..=most).contains(&found), "{what}: {found} %");
    };
    count("closed", &|i| i.status == RESOLVED, 55, 97);
    count("merged away", &|i| i.redirect != 0, 1, 8);
    count("taken by somebody", &|i| i.assigned != 0, 15, 60);
    let open_again = everyday
        .iter()
        .filter(|i| i.status == ACTIVE && i.classification > 1);
    assert!(
        open_again.count() > 0,
        "one that came back, with its verdict"
    );
    let tuned = new
        .iter()
        .filter(|a| words::INVESTIGATION[a.investigation as usize] == "suppressedAlert");
    assert!(tuned.count() > 10, "alerts a tuning rule resolved");
    let wrong = new
        .iter()
        .filter(|a| words::CLASSIFICATION[a.classification as usize] == "falsePositive")
        .count();
    let closed = new.iter().filter(|a| a.classification > 1).count();
    assert!(
        (25..50).contains(&(wrong * 100 / closed)),
        "{wrong} of {closed} were false"
    );
}

#[test]
fn alerts_follow_the_incident_that_somebody_works_on() {
    let mut world = world(small());
    let start = world.clock.start();
    world.advance(start + 2 * DAY).expect("nothing is wrong");
    let (mut open, mut behind, mut closed) = (0, 0, 0);
    for place in 0..world.incidents.len() as u32 {
        if !world.is_everyday(place) {
            continue;
        }
        let row = &world.incidents[place as usize];
        for alert in row.alerts.iter().map(|a| &world.alerts[*a as usize]) {
            if row.status == IN_PROGRESS {
                open += 1;
                // What comes while somebody works is new until they look at it.
                behind += usize::from(alert.status == 1);
            }
            if row.status == RESOLVED && row.classification > 1 {
                closed += 1;
                assert_eq!(
                    (alert.classification, alert.determination),
                    (row.classification, row.determination),
                    "incident {}",
                    row.id
                );
            }
        }
    }
    assert!(open > 20 && closed > 500, "{open} open, {closed} closed");
    assert!(behind * 10 < open, "{behind} of {open} are new");
    let mut texts: Vec<&str> = world
        .incidents
        .iter()
        .filter_map(|i| i.extra.as_ref())
        .flat_map(|e| {
            let own = e.comments.iter().map(|c| c.text.as_str());
            own.chain(e.resolving_comment.as_deref())
        })
        .collect();
    texts.sort_unstable();
    texts.dedup();
    assert!(texts.len() > 40, "{} different texts", texts.len());
}

#[test]
fn nobody_touches_what_somebody_outside_has_taken() {
    let mut world = world(small());
    let start = world.clock.start();
    world.advance(start + HOUR).expect("nothing is wrong");
    let mine: Vec<u32> = (0..world.incidents.len() as u32)
        .filter(|p| world.is_untouched(*p))
        .take(12)
        .collect();
    assert!(mine.len() > 5);
    let me = world.name("you@contoso.com");
    for place in &mine {
        world.incidents[*place as usize].assigned = me;
        world.touch_incident(*place, start + HOUR, me);
    }
    let told = told(&world);
    world.advance(start + DAY).expect("nothing is wrong");
    for place in mine {
        let row = &world.incidents[place as usize];
        assert_eq!((row.assigned, row.status), (me, ACTIVE));
    }
    assert_eq!(
        told,
        self::told(&world),
        "the team keeps away from the stories"
    );
}

#[test]
fn the_same_seed_lives_the_same_days_however_often_it_is_asked() {
    let (mut once, mut often) = (world(small()), world(small()));
    let start = once.clock.start();
    once.advance(start + DAY).expect("nothing is wrong");
    for step in 1..=24 * 60 {
        often
            .advance(start + step * MINUTE)
            .expect("nothing is wrong");
    }
    let state = |world: &World| -> Vec<_> {
        let row = |i: &super::super::world::Incident| (i.id, i.status, i.updated, i.assigned);
        world.incidents.iter().map(row).collect()
    };
    assert_eq!(state(&once), state(&often));
    assert_eq!(once.next_event(), often.next_event());
}

#[test]
fn a_large_tenant_at_sixty_times_the_speed_of_life_stays_cheap() {
    let mut world = world(Scale {
        incidents: 33_000,
        alerts: 100_000,
        machines: 1_000,
    });
    let start = world.clock.start();
    let begun = std::time::Instant::now();
    // A minute of wall time at 60 times the speed is an hour of story.
    world.advance(start + HOUR).expect("nothing is wrong");
    let took = begun.elapsed();
    assert!(took.as_millis() < 2_000, "{took:?}");
}

/// How the incidents of the stories stand, and who has them.
fn told(world: &World) -> Vec<(u32, u8, Name)> {
    let places = world
        .story
        .tales
        .iter()
        .flat_map(super::super::story::Tale::places);
    let mut told: Vec<_> = places
        .map(|p| &world.incidents[p as usize])
        .map(|i| (i.id, i.status, i.assigned))
        .collect();
    told.sort_unstable();
    assert_eq!(told.len(), 4);
    told
}

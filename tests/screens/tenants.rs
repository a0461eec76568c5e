//! Several tenants in one console: whose everything is, who is asked, and what is never mixed.

use nightjar::domain::{Change, IncidentRow, IncidentStatus, Of, TenantNo};
use nightjar::feed::{FeedHealth, FeedState};
use nightjar::respond::{Operation, Outcome};
use nightjar::store::Sighting;
use nightjar::tui::data::{Level, Settings, TenantFacts};
use nightjar::tui::msg::{Effect, Msg, Sightings, TokenFacts};
use nightjar::tui::theme::{Depth, Role, Theme};

use crate::harness::{Console, ago, facts, incident, now, queue, settings, story};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const FABRIKAM: TenantNo = TenantNo(1);

fn several() -> Settings {
    let read_only = TenantFacts {
        read_only: true,
        ..facts("tailspintoys.com", "you@tailspintoys.com")
    };
    let broken = TenantFacts {
        broken: Some("its cache is of a newer nightjar".into()),
        read_only: true,
        ..facts("litware-federal", "litware-federal")
    };
    Settings {
        tenants: vec![
            facts("contoso.com", "you@contoso.com"),
            facts("fabrikam.com", "guest_you@fabrikam.com"),
            read_only,
            broken,
        ],
        ..settings()
    }
}

fn health(state: FeedState) -> FeedHealth {
    FeedHealth {
        state,
        as_of: Some(now()),
        syncing: None,
        failures: 0,
        rejected: 0,
    }
}

fn fabrikam() -> Vec<IncidentRow> {
    let row = |id, severity, minutes, title, owner| {
        incident(id, severity, "active", minutes, title, owner, [2, 1, 1])
    };
    vec![
        // The same number as one of Contoso's, and another thing.
        row("4211", "medium", 30, "Consent to a rare application", None),
        row("77", "high", 10, "Hands on keyboard on DC-1", None),
        row(
            "78",
            "low",
            80,
            "Blocked macro",
            Some("guest_you@fabrikam.com"),
        ),
    ]
}

fn console(width: u16, height: u16) -> Console {
    let mut console = Console::with(several(), width, height);
    console.fill();
    console.tell(Msg::Queue(FABRIKAM, fabrikam()));
    let until = now().checked_add(jiff::SignedDuration::from_secs(95));
    let until = until.expect("a time");
    let wait = health(FeedState::Throttled { until });
    console.tell(Msg::Health(Of::new(FABRIKAM, wait)));
    let row = incident("9", "low", "active", 50, "Old news", None, [1, 1, 0]);
    console.tell(Msg::Queue(TenantNo(2), vec![row]));
    let why = "no route to graph.microsoft.com".to_owned();
    let gone = FeedState::Offline {
        since: ago(7).parse().expect("a time"),
        why,
    };
    console.tell(Msg::Health(Of::new(TenantNo(2), health(gone))));
    console.effects();
    console
}

fn snapshot(name: &str, make: impl Fn(&mut Console)) {
    for (width, height) in SIZES {
        let mut console = console(width, height);
        make(&mut console);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), console.screen());
    }
}

fn line_of(console: &Console, what: &str) -> String {
    let screen = console.screen();
    let line = screen.lines().find(|line| line.contains(what));
    line.unwrap_or_else(|| panic!("{what} in\n{screen}"))
        .to_owned()
}

fn submitted(effects: Vec<Effect>) -> Vec<(u64, Of<Operation>)> {
    let writes = effects.into_iter().filter_map(|effect| match effect {
        Effect::Submit {
            ticket, operation, ..
        } => Some((ticket, operation)),
        _ => None,
    });
    writes.collect()
}

#[test]
fn the_queue_of_several_tenants() {
    snapshot("tenants_queue", |_| {});
}

#[test]
fn the_queue_grouped_by_tenant() {
    snapshot("tenants_grouped", |console| {
        console.keys("z g g");
    });
}

#[test]
fn the_tenants_screen() {
    snapshot("tenants", |console| {
        console.keys("7 j");
        let token = TokenFacts {
            resource: "Microsoft Graph",
            who: "8d0b…-app".into(),
            audience: "https://graph.microsoft.com".into(),
            may: vec![
                "SecurityIncident.ReadWrite.All".into(),
                "ThreatHunting.Read.All".into(),
            ],
            expires: now()
                .checked_add(jiff::SignedDuration::from_mins(52))
                .expect("a time"),
        };
        console.tell(Msg::Tokens(Of::new(FABRIKAM, vec![token])));
    });
}

#[test]
fn choosing_which_tenants_are_shown() {
    snapshot("tenants_choose", |console| {
        console.keys("t");
    });
}

#[test]
fn equal_numbers_of_two_tenants_are_two_incidents() {
    let mut console = console(120, 40);
    console.keys("/").text("id:4211").keys("enter");
    let contoso = "contoso.com  4211   Multi-stage";
    let fabrikam_row = "fabrikam.com 4211   Consent";
    line_of(&console, contoso);
    line_of(&console, fabrikam_row);
    // News of one leaves the other alone.
    let mut row = fabrikam().remove(0);
    row.severity = nightjar::domain::Severity::High;
    row.status = IncidentStatus::InProgress;
    console.tell(Msg::Changes(vec![Of::new(FABRIKAM, Change::Incident(row))]));
    assert!(line_of(&console, fabrikam_row).contains("▲H       —"));
    assert!(line_of(&console, contoso).contains("▲H   -0:13"));
    console.tell(Msg::Changes(vec![Of::new(
        FABRIKAM,
        Change::IncidentGone("4211".into()),
    )]));
    assert!(!console.screen().contains(fabrikam_row));
    line_of(&console, contoso);
}

#[test]
fn a_story_is_its_tenants() {
    let mut console = console(120, 40);
    console
        .keys("/")
        .text("id:4211 tenant:fabrikam")
        .keys("enter");
    let wanted = Of::new(FABRIKAM, "4211".into());
    let effects = console.effects();
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::LoadStory(id) if *id == wanted)),
        "{effects:?}"
    );
    assert!(
        !console.screen().contains("Kerberoasting"),
        "Contoso's story is not told of Fabrikam's incident"
    );
    console.keys("enter");
    let effects = console.effects();
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Watch(Some(id)) if *id == wanted))
    );
}

#[test]
fn assigning_in_several_tenants_asks_first_and_i_am_another_in_each() {
    let mut console = console(120, 40);
    console
        .keys("/")
        .text("id:4211")
        .keys("enter g space space a");
    assert!(submitted(console.effects()).is_empty(), "it asks first");
    let screen = console.screen();
    for word in [
        "In 2 tenants",
        "1  contoso.com (5b0d",
        "1  fabrikam.com (5b0d",
    ] {
        assert!(screen.contains(word), "{word} in\n{screen}");
    }
    insta::assert_snapshot!("tenants_agree_120x40", screen);
    console.keys("esc");
    assert!(submitted(console.effects()).is_empty(), "esc sends nothing");
    console.keys("a enter");
    let mut sent = submitted(console.effects());
    sent.sort_by_key(|(_, operation)| operation.tenant);
    let owners: Vec<(TenantNo, Option<String>)> = sent
        .iter()
        .map(|(_, operation)| match &operation.it {
            Operation::UpdateIncident { patch, .. } => {
                (operation.tenant, patch.assigned_to.clone().flatten())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        owners,
        [
            (TenantNo(0), Some("you@contoso.com".to_owned())),
            (FABRIKAM, Some("guest_you@fabrikam.com".to_owned()))
        ]
    );
    for (ticket, operation) in sent {
        console.tell(Msg::Outcome {
            ticket,
            label: "assigned".into(),
            operation,
            outcome: Outcome::ReadOnly,
        });
    }
    console.keys("6");
    let screen = console.screen();
    assert!(
        screen.contains("contoso.com: ") && screen.contains("fabrikam.com: "),
        "{screen}"
    );
}

#[test]
fn a_read_only_tenant_refuses_by_name_and_the_others_do_not() {
    let mut console = console(120, 40);
    console.keys("/").text("tenant:tailspin").keys("enter a");
    assert!(submitted(console.effects()).is_empty());
    let screen = console.screen();
    assert!(
        screen.contains("tailspintoys.com (5b0d6a1c") && screen.contains("read-only"),
        "{screen}"
    );
    console
        .keys("/")
        .keys("ctrl-u")
        .text("tenant:fabrikam")
        .keys("enter a");
    assert_eq!(submitted(console.effects()).len(), 1);
}

#[test]
fn a_tenant_is_made_read_only_for_the_session() {
    let mut console = console(120, 40);
    console.keys("7 j w");
    let effects = console.effects();
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::ReadOnly(FABRIKAM, true))),
        "{effects:?}"
    );
    console.keys("1 /").text("tenant:fabrikam").keys("enter a");
    assert!(submitted(console.effects()).is_empty());
    // What the profile forbids, no key allows.
    console.keys("7 j w");
    assert!(
        !console
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::ReadOnly(..)))
    );
}

#[test]
fn switching_limits_every_screen() {
    let mut console = console(120, 40);
    console.keys("]");
    let screen = console.screen();
    assert!(
        screen.contains("contoso.com 1 of 4") && !screen.contains("Hands on keyboard"),
        "{screen}"
    );
    console.keys("]");
    let screen = console.screen();
    assert!(
        screen.contains("Hands on keyboard") && !screen.contains("Multi-stage"),
        "{screen}"
    );
    assert!(
        screen.contains("told to wait"),
        "its feed is in the header: {screen}"
    );
    console.keys("[ [");
    assert!(console.screen().contains("4 tenants"));
    console.keys("t").text("fabri").keys("enter");
    assert!(console.screen().contains("fabrikam.com 1 of 4"));
    console.keys("t tab down tab enter");
    assert!(
        console.screen().contains("2 of 4 tenants"),
        "{}",
        console.screen()
    );
    console.keys("t enter");
    assert!(console.screen().contains("4 tenants"));
}

#[test]
fn an_entity_is_looked_for_everywhere_and_the_tenant_named() {
    let mut console = console(120, 40);
    console.keys("e");
    let id = Of::new(TenantNo(0), "4211".into());
    console.tell(Msg::Story(id, Ok(Some(story().into()))));
    console.keys("w");
    let key = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::LoadSightings(key) => Some(key),
            _ => None,
        });
    let key = key.expect("the entity is looked up");
    let sighting = Sighting {
        alert: "a1".into(),
        incident: Some("4211".into()),
        title: "Beacon".into(),
        severity: nightjar::domain::Severity::High,
        created: now(),
    };
    let answer = Sightings {
        // the same alert id as here, in another tenant: it is elsewhere
        found: vec![Of::new(FABRIKAM, sighting)],
        unread: vec![Of::new(TenantNo(2), "disk on fire".into())],
    };
    console.tell(Msg::Sightings(key, answer));
    let screen = console.screen();
    assert!(
        screen.contains("fabrikam.com") && screen.contains("Beacon"),
        "{screen}"
    );
    assert!(
        screen.contains("tailspintoys.com: disk on fire"),
        "{screen}"
    );
    console.effects();
    console.keys("enter");
    assert!(
        console
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::LoadAlert(id) if id.tenant == FABRIKAM))
    );
}

#[test]
fn a_hunt_asks_which_tenant_unless_one_is_shown() {
    use nightjar::tui::screens::hunt::HuntAsk;
    let mut console = console(120, 40);
    console.keys("3").text("DeviceInfo").keys("F5");
    assert!(
        console.screen().contains("Hunt where?"),
        "{}",
        console.screen()
    );
    console.keys("down enter");
    let effects = console.effects();
    assert!(
        effects.iter().any(
            |effect| matches!(effect, Effect::Hunt(HuntAsk::Run { tenants, .. }) if *tenants == [FABRIKAM])
        ),
        "{effects:?}"
    );
    assert!(console.screen().contains("fabrikam.com · Defender"));
}

#[test]
fn one_hunt_in_all_tenants_says_who_answered_and_whose_each_row_is() {
    use nightjar::domain::ResultTable;
    use nightjar::domain::hunting::{Cell, Column};
    use nightjar::hunt::fan::{Given, Part};
    use nightjar::hunt::{HuntError, HuntErrorKind, HuntResult, Place};
    use nightjar::tui::screens::hunt::{HuntAsk, HuntMsg};
    use std::sync::Arc;
    use std::time::Duration;

    let mut console = console(120, 40);
    console.keys("3").text("DeviceInfo").keys("F5");
    // Under the three that are open stands the row for all of them.
    console.keys("down down down enter");
    let asked = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Hunt(HuntAsk::Run {
                tenants, ticket, ..
            }) => Some((tenants, ticket)),
            _ => None,
        });
    let (tenants, ticket) = asked.expect("a hunt");
    assert_eq!(tenants, [TenantNo(0), FABRIKAM, TenantNo(2)]);
    assert!(console.screen().contains("3 tenants · Defender"));

    let mut columns = ["TenantName", "TenantId", "DeviceId", "DeviceName"]
        .map(|name| Column::new(name, "String"));
    for tenant in ["contoso.com", "fabrikam.com"] {
        columns[0].push(Cell::Text(tenant));
        columns[1].push(Cell::Text("id"));
        columns[2].push(Cell::Text("d1"));
        columns[3].push(Cell::Text("dc-1"));
    }
    let table = Arc::new(ResultTable::new(columns.into()));
    let part = |name: &str, outcome| Part {
        tenant: name.to_owned(),
        id: "id".to_owned(),
        took: Duration::from_secs(1),
        outcome,
    };
    let given = Given {
        rows: 1,
        kept: 1,
        bad_rows: 0,
        as_of: now(),
    };
    let throttled = HuntError::new(HuntErrorKind::Quota, "wait".to_owned());
    console.tell(Msg::Hunt(HuntMsg::Finished {
        ticket,
        answer: Ok((
            Arc::new(HuntResult {
                table: Arc::clone(&table),
                bad_rows: 0,
                took: Duration::from_secs(1),
                as_of: now(),
                render: None,
                place: Place::Defender,
                over: None,
            }),
            nightjar::tui::widgets::grid::measure(&table),
        )),
        parts: Arc::new([
            part("contoso.com", Ok(given)),
            part("fabrikam.com", Ok(given)),
            part("tailspintoys.com", Err(throttled)),
        ]),
    }));
    let screen = console.screen();
    assert!(
        screen.contains("2 of 3 tenants, tailspintoys.com: quota used up"),
        "{screen}"
    );
    let whose = |console: &Console| console.state.screen().tenant(&console.state.data);
    assert_eq!(whose(&console), Some(TenantNo(0)));
    console.keys("j");
    assert_eq!(whose(&console), Some(FABRIKAM));
}

#[test]
fn notices_of_a_tenant_name_it() {
    let mut console = console(120, 40);
    console.tell(Msg::TenantNotice(FABRIKAM, Level::Error, "403".into()));
    assert!(console.screen().contains("fabrikam.com: 403"));
    console.keys("7 j");
    assert!(
        console.screen().contains("last said"),
        "{}",
        console.screen()
    );
}

/// Names in colour must be read on every ground, and each apart from its neighbour's.
#[test]
fn the_inks_of_tenants_are_legible_in_every_theme() {
    use ratatui::style::Color;
    let inks = [
        Role::Tenant1,
        Role::Tenant2,
        Role::Tenant3,
        Role::Tenant4,
        Role::Tenant5,
        Role::Tenant6,
        Role::Tenant7,
        Role::Tenant8,
    ];
    let luminance = |(r, g, b): (u8, u8, u8)| {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
    };
    for (name, ground) in [("dark", (0x20, 0x25, 0x2f)), ("light", (0xf4, 0xf6, 0xfa))] {
        let (theme, _) = Theme::load(name, None, Depth::True);
        let mut seen = Vec::new();
        for ink in inks {
            let Some(Color::Rgb(r, g, b)) = theme.style(ink).fg else {
                panic!("{name}: {ink:?} has no colour");
            };
            let (one, other) = (luminance((r, g, b)), luminance(ground));
            let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
            assert!(
                contrast >= 4.5,
                "{name}: {ink:?} has a contrast of {contrast:.1}"
            );
            assert!(!seen.contains(&(r, g, b)), "{name}: {ink:?} is another's");
            seen.push((r, g, b));
        }
    }
}

#[test]
fn one_row_is_not_many_tenants() {
    // What one tenant shows, one tenant shows: no column, no count.
    let mut console = Console::new(120, 40);
    console.tell(Msg::Queue(TenantNo(0), queue()));
    let screen = console.screen();
    assert!(
        !screen.contains("TENANT") && !screen.contains("tenants"),
        "{screen}"
    );
    console.keys("]");
    assert!(console.screen().contains("only one tenant is connected"));
}

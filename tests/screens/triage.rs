//! What is decided, what is asked, and what leaves when.

use nightjar::api::IncidentPatch;
use nightjar::domain::{Change, Classification, Determination, IncidentStatus, IsolationType, Of};
use nightjar::respond::{Danger, Operation, Outcome, Permission, Preflight};
use nightjar::store::{JournalEntry, JournalId, JournalState};
use nightjar::tui::data::{Settings, TenantFacts};
use nightjar::tui::msg::{Effect, Msg};

use crate::harness::{Console, facts, incident, now, of, queue, settings};

fn submitted(effects: &[Effect]) -> Vec<(u64, Of<Operation>)> {
    let writes = effects.iter().filter_map(|effect| match effect {
        Effect::Submit {
            ticket, operation, ..
        } => Some((*ticket, operation.clone())),
        _ => None,
    });
    writes.collect()
}

fn patches(effects: &[Effect]) -> Vec<(String, IncidentPatch)> {
    let writes = submitted(effects)
        .into_iter()
        .filter_map(|(_, operation)| match operation.it {
            Operation::UpdateIncident { id, patch } => Some((id.to_string(), patch)),
            _ => None,
        });
    writes.collect()
}

fn entry() -> JournalEntry {
    JournalEntry {
        id: JournalId(1),
        at: now(),
        updated: now(),
        who: "you@contoso.com".into(),
        tenant: "contoso.com".into(),
        operation: "incident.update".into(),
        title: "Update incident".into(),
        target: "incident 4211".into(),
        request: "{}".into(),
        state: JournalState::Succeeded,
        detail: String::new(),
        action: None,
        client_request_id: "c".into(),
        request_id: None,
    }
}

#[test]
fn the_worst_that_waits_longest_is_first() {
    let mut console = Console::new(120, 40);
    console.keys("g");
    assert!(
        console
            .screen()
            .lines()
            .any(|line| line.starts_with("▌ ▲H   -0:13 4211")),
        "{}",
        console.screen()
    );
}

#[test]
fn a_takes_it_and_gives_it_back() {
    let mut console = Console::new(120, 40);
    console.keys("a");
    let effects = console.effects();
    let patches_sent = patches(&effects);
    assert_eq!(patches_sent.len(), 1);
    assert_eq!(patches_sent[0].0, "4211");
    assert_eq!(
        patches_sent[0].1.assigned_to,
        Some(Some("you@contoso.com".into()))
    );
    console.keys("/").text("id:4207").keys("enter a");
    let given = patches(&console.effects());
    assert_eq!(given[0].1.assigned_to, Some(None), "4207 was mine");
}

#[test]
fn marks_make_it_many_and_u_takes_all_back() {
    let mut console = Console::new(120, 40);
    console.keys("g space space");
    assert!(console.screen().contains("2 marked"));
    console.keys("s down enter");
    let effects = console.effects();
    let sent = submitted(&effects);
    assert_eq!(sent.len(), 2);
    for (_, patch) in patches(&effects) {
        assert_eq!(patch.status, Some(IncidentStatus::InProgress));
    }
    for (ticket, operation) in &sent {
        let undo = Operation::UpdateIncident {
            id: match &operation.it {
                Operation::UpdateIncident { id, .. } => id.clone(),
                _ => unreachable!("both are updates"),
            },
            patch: IncidentPatch {
                status: Some(IncidentStatus::Active),
                ..IncidentPatch::default()
            },
        };
        console.tell(Msg::Outcome {
            ticket: *ticket,
            label: "set".into(),
            operation: operation.clone(),
            outcome: Outcome::Done {
                changes: Vec::new(),
                undo: Some(undo),
                entry: entry(),
            },
        });
    }
    assert!(
        console.screen().contains("u undoes"),
        "{}",
        console.screen()
    );
    console.effects();
    console.keys("u");
    let undone = patches(&console.effects());
    assert_eq!(undone.len(), 2);
    assert!(
        undone
            .iter()
            .all(|(_, patch)| patch.status == Some(IncidentStatus::Active))
    );
}

#[test]
fn classification_offers_only_what_is_legal() {
    let mut console = Console::new(120, 40);
    console.keys("c");
    let screen = console.screen();
    assert!(
        screen.contains("true positive · multi staged attack"),
        "{screen}"
    );
    console.keys("g"); // means nothing here
    console.keys("down up enter");
    let sent = patches(&console.effects());
    let (_, patch) = &sent[0];
    let classification = patch.classification.clone().expect("one");
    let determination = patch.determination.clone().expect("one");
    assert!(
        classification
            .legal_determinations()
            .contains(&determination)
    );
    assert_ne!(classification, Classification::Other("".into()));
    assert_ne!(determination, Determination::Other("".into()));
}

#[test]
fn a_comment_is_sent_when_confirmed_and_not_when_cancelled() {
    let mut console = Console::new(120, 40);
    console.keys("m").text("called the user, qu").keys("esc");
    assert!(submitted(&console.effects()).is_empty());
    console.keys("m enter");
    assert!(
        submitted(&console.effects()).is_empty(),
        "an empty comment is none"
    );
    console.text("benign").keys("enter");
    let sent = submitted(&console.effects());
    assert_eq!(
        sent[0].1.it,
        Operation::CommentIncident {
            id: "4211".into(),
            text: "benign".into()
        }
    );
}

#[test]
fn read_only_makes_every_write_impossible() {
    let mut console = Console::with(
        Settings {
            tenants: vec![TenantFacts {
                read_only: true,
                ..facts("contoso.com", "you@contoso.com")
            }],
            ..settings()
        },
        120,
        40,
    );
    console.fill();
    assert!(console.screen().contains("read-only"));
    for keys in ["a", "s", "c", "m", "u", "x i", "x r", "x q"] {
        console.keys(keys);
        assert_eq!(console.state.popups().len(), 0, "{keys} opens nothing");
        let effects = console.effects();
        assert!(effects.is_empty(), "{keys}: {effects:?}");
        assert!(console.screen().contains("read-only: "), "{keys} says why");
    }
}

fn card(operation: Operation, confirm: Option<&str>) -> Preflight {
    Preflight {
        operation,
        title: "Isolate device, full".into(),
        danger: Danger::High,
        target: vec![
            ("Target".into(), "FIN-07".into()),
            ("System".into(), "Windows11 24H2".into()),
            (
                "id".into(),
                "1f3c0000000000000000000000000000000009ab2".into(),
            ),
            ("last seen".into(), "9s ago".into()),
        ],
        state: Some("not isolated (last release 2026-08-02 by s.kim)".into()),
        pending: Vec::new(),
        logged_on: Some(vec![
            "j.doe (interactive)".into(),
            "svc-backup (batch)".into(),
        ]),
        permission: Permission::Held("Machine.Isolate".into()),
        undo: Some("release (u)".into()),
        request: "POST /api/machines/1f3c/isolate {\"Comment\":…,\"IsolationType\":\"Full\"}"
            .into(),
        warnings: vec!["device value is High".into()],
        conflict: None,
        confirm_text: confirm.map(str::to_owned),
        read_only: false,
        as_of: now(),
    }
}

/// Opens the card for isolating FIN-07 in full.
fn isolating(width: u16, height: u16) -> (Console, Of<Operation>) {
    let mut console = Console::new(width, height);
    console.keys("x i");
    assert!(
        console.screen().contains("which?"),
        "three devices are in the story"
    );
    console.keys("enter");
    let effects = console.effects();
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Preflight { ticket, operation } => Some((*ticket, operation.clone())),
        _ => None,
    });
    let (ticket, operation) = asked.expect("the card is asked for");
    assert!(
        submitted(&effects).is_empty(),
        "nothing leaves before the analyst confirms"
    );
    let answer = Ok(Box::new(card(operation.it.clone(), Some("FIN-07"))));
    console.tell(Msg::Preflight(ticket, answer));
    (console, operation)
}

#[test]
fn isolating_asks_for_a_reason_and_the_name_typed() {
    let (mut console, operation) = isolating(120, 40);
    assert!(
        matches!(&operation.it, Operation::Isolate { kind: IsolationType::Full, machine, .. } if machine.as_str() == "m1")
    );
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        insta::assert_snapshot!(
            format!("preflight_{width}x{height}"),
            isolating(width, height).0.screen()
        );
    }
    console.keys("enter enter");
    assert!(
        submitted(&console.effects()).is_empty(),
        "the name is asked for"
    );
    console.text("fin-0").keys("enter");
    assert!(
        submitted(&console.effects()).is_empty(),
        "half a name is none"
    );
    console.tell(Msg::Paste("7".into()));
    console.keys("enter");
    assert!(
        submitted(&console.effects()).is_empty(),
        "pasting is not typing"
    );
    console.text("7").keys("enter");
    let effects = console.effects();
    let sent = submitted(&effects);
    assert_eq!(sent.len(), 1);
    let Operation::Isolate { comment, .. } = &sent[0].1.it else {
        panic!("{:?}", sent[0].1);
    };
    assert_eq!(comment, "containment, incident 4211");
    assert!(effects.iter().any(
        |effect| matches!(effect, Effect::Submit { typed: Some(name), .. } if name == "fin-07")
    ));
    console.keys("enter enter");
    assert!(
        submitted(&console.effects()).is_empty(),
        "nothing is sent twice"
    );
    assert!(console.screen().contains("sending…"));
}

#[test]
fn escape_sends_nothing() {
    let (mut console, _) = isolating(120, 40);
    console.keys("enter").text("fin-07").keys("esc");
    assert_eq!(console.state.popups().len(), 0);
    assert!(submitted(&console.effects()).is_empty());
}

#[test]
fn a_refusal_is_shown_on_the_card_and_success_closes_it() {
    let (mut console, operation) = isolating(120, 40);
    console.keys("enter").text("fin-07").keys("enter");
    let ticket = submitted(&console.effects())[0].0;
    let refused = |why: &str| Outcome::Refused {
        why: why.into(),
        error: None,
        entry: None,
    };
    console.tell(Msg::Outcome {
        ticket,
        label: "Isolate device, full".into(),
        operation: operation.clone(),
        outcome: refused("403: the token lacks Machine.Isolate"),
    });
    assert_eq!(console.state.popups().len(), 1);
    assert!(console.screen().contains("the token lacks Machine.Isolate"));
    console.keys("enter");
    let again = submitted(&console.effects());
    let action = serde_json::from_value(serde_json::json!({
        "id": "x1", "type": "Isolate", "status": "Pending", "computerDnsName": "fin-07",
    }))
    .expect("an action");
    console.tell(Msg::Outcome {
        ticket: again[0].0,
        label: "Isolate device, full".into(),
        operation,
        outcome: Outcome::Accepted {
            action,
            changes: Vec::new(),
            attached: false,
            undo: None,
            entry: entry(),
        },
    });
    assert_eq!(console.state.popups().len(), 0);
    assert!(
        console.screen().contains("accepted, now Pending"),
        "{}",
        console.screen()
    );
}

#[test]
fn a_lost_answer_is_said_as_such() {
    let mut console = Console::new(120, 40);
    console.keys("a");
    let (ticket, operation) = submitted(&console.effects()).remove(0);
    let outcome = Outcome::Unknown {
        why: "the connection broke after sending.".into(),
        entry: entry(),
    };
    console.tell(Msg::Outcome {
        ticket,
        label: "x".into(),
        operation,
        outcome,
    });
    let screen = console.screen();
    assert!(
        screen.contains("outcome unknown, do not send it again"),
        "{screen}"
    );
}

#[test]
fn the_cursor_follows_a_merge() {
    let mut console = Console::new(120, 40);
    console.keys("/").text("id:4202").keys("enter");
    console.keys("\\");
    assert!(
        console
            .screen()
            .lines()
            .any(|line| line.starts_with('▌') && line.contains("4202"))
    );
    console.tell(Msg::Changes(vec![of(Change::Redirected {
        from: "4202".into(),
        to: Some("4211".into()),
    })]));
    let screen = console.screen();
    assert!(
        screen
            .lines()
            .any(|line| line.starts_with('▌') && line.contains("4211")),
        "{screen}"
    );
    assert!(screen.contains("4202 was merged into 4211"), "{screen}");
}

#[test]
fn the_cursor_stays_on_its_incident_through_refreshes() {
    let mut console = Console::new(120, 40);
    console.keys("j j j");
    let focus = |console: &Console| {
        let screen = console.screen();
        let line = screen
            .lines()
            .find(|line| line.starts_with('▌'))
            .map(str::to_owned);
        line.map(|line| line.chars().skip(12).take(30).collect::<String>())
    };
    let before = focus(&console);
    let mut rows = vec![incident(
        "1",
        "high",
        "active",
        500,
        "Very old and overdue",
        None,
        [1, 1, 1],
    )];
    rows.extend(queue());
    console.tell(Msg::Changes(
        rows.into_iter().map(Change::Incident).map(of).collect(),
    ));
    assert_eq!(focus(&console), before);
}

#[test]
fn the_portal_opens_known_hosts_only() {
    let mut console = Console::new(120, 40);
    console.keys("o");
    assert!(
        matches!(console.effects().as_slice(), [Effect::OpenPortal(page)] if page.contains("incident2/4211"))
    );
    let mut story = crate::harness::story();
    story.incident.incident_web_url = Some("https://security.microsoft.com.evil.example/x".into());
    console.tell(Msg::Story(of("4211".into()), Ok(Some(story.into()))));
    console.keys("o");
    assert!(console.effects().is_empty());
    assert!(console.screen().contains("no known portal"));
}

#[test]
fn opening_an_incident_watches_it_and_leaving_stops() {
    let mut console = Console::new(120, 40);
    console.keys("enter");
    assert_eq!(console.state.breadcrumb(), "Incidents > 4211");
    let effects = console.effects();
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Watch(Some(id)) if id.as_str() == "4211"))
    );
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::MarkViewed(_)))
    );
    console.keys("q");
    assert_eq!(console.state.breadcrumb(), "Incidents");
    assert!(
        console
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::Watch(None)))
    );
    console.keys("q");
    assert!(matches!(console.effects().as_slice(), [Effect::Quit]));
}

#[test]
fn n_goes_to_what_falls_due_next() {
    let mut console = Console::new(120, 40);
    console.keys("G n");
    assert!(
        console
            .screen()
            .lines()
            .any(|line| line.starts_with('▌') && line.contains("4177")
                || line.starts_with('▌') && line.contains("4211")),
        "{}",
        console.screen()
    );
}

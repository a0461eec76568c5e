//! Writes against the simulated tenant: done once, undone, lost and found, refused, followed to the end.

mod support;

use std::sync::Arc;
use std::time::Duration;

use nightjar::api::{ActionFilter, IncidentPatch, ListQuery, Priority};
use nightjar::domain::{
    ActionStatus, ActionType, Change, IncidentId, IncidentStatus, IsolationType, MachineId,
    ScanType, Timestamp,
};
use nightjar::respond::{Conflict, Operation, Outcome, Patience, Permission, Responder, Seen};
use nightjar::sim::{Fault, FaultKind};
use nightjar::store::{JournalState, NewEntry};
use nightjar::tenant::Tenant;
use support::tenant::{Fed, Rig, hurried, quiet, until};

fn patience(no_trace_after: Duration) -> Patience {
    Patience {
        verify_after: vec![Duration::ZERO, Duration::from_millis(30)],
        no_trace_after,
    }
}

const LATER: Duration = Duration::from_secs(300);

async fn open() -> (Rig, Arc<Tenant>, Responder) {
    let rig = Rig::start(quiet(10, 20)).await;
    let tenant = rig.connect();
    let responder = Responder::with_patience(tenant.clone(), false, patience(LATER));
    (rig, tenant, responder)
}

async fn an_incident(tenant: &Tenant) -> IncidentId {
    let page = tenant
        .graph
        .incidents(&ListQuery::default(), Priority::Interactive)
        .await
        .expect("listed");
    let open = |status: &Option<IncidentStatus>| *status == Some(IncidentStatus::Active);
    let found = page
        .rows
        .iter()
        .find(|raw| open(&raw.value.status))
        .expect("one is active");
    found.value.id.clone()
}

async fn a_machine(tenant: &Tenant) -> (MachineId, String) {
    let machines = tenant
        .defender
        .machines(
            &nightjar::api::MachineFilter::default(),
            Priority::Interactive,
        )
        .await;
    let machines = machines.expect("listed");
    let fit = machines.iter().find(|raw| {
        let is = |text: &Option<Arc<str>>, word: &str| {
            text.as_deref()
                .is_some_and(|text| text.eq_ignore_ascii_case(word))
        };
        is(&raw.value.onboarding_status, "onboarded")
            && raw.value.os_platform.as_deref() == Some("Windows11")
    });
    let machine = &fit.expect("an onboarded one").value;
    (machine.id.clone(), machine.short_name().to_owned())
}

async fn actions(tenant: &Tenant, machine: &MachineId, kind: ActionType) -> usize {
    let filter = ActionFilter {
        machine: Some(machine.clone()),
        kind: Some(kind),
        ..ActionFilter::default()
    };
    tenant
        .defender
        .actions(&filter, Priority::Interactive)
        .await
        .expect("listed")
        .len()
}

fn assign(id: &IncidentId, to: &str) -> Operation {
    let patch = IncidentPatch {
        assigned_to: Some(Some(to.to_owned())),
        ..IncidentPatch::default()
    };
    Operation::UpdateIncident {
        id: id.clone(),
        patch,
    }
}

fn isolate(machine: &MachineId) -> Operation {
    Operation::Isolate {
        machine: machine.clone(),
        kind: IsolationType::Full,
        comment: "containment".to_owned(),
    }
}

fn steps(tenant: &Tenant, entry: usize) -> Vec<JournalState> {
    let journal = tenant.store.journal(100).expect("reads");
    let id = journal[entry].id;
    tenant
        .store
        .journal_steps(id)
        .expect("reads")
        .iter()
        .map(|step| step.state)
        .collect()
}

/// What the journal holds when the program ends between writing it down and hearing the answer.
fn intention(operation: &Operation) -> NewEntry {
    let spec = nightjar::respond::spec(operation);
    NewEntry {
        at: Timestamp::now(),
        who: "dana".to_owned(),
        tenant: "t".to_owned(),
        operation: spec.id.to_owned(),
        title: spec.title.to_owned(),
        target: operation.target(),
        request: serde_json::to_string(operation).expect("encodes"),
        client_request_id: "c".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_one_request_is_not_taken_for_another_of_the_same_words() {
    let (rig, tenant, _) = open().await;
    let responder = Responder::with_patience(tenant.clone(), false, patience(Duration::ZERO));
    let (machine, name) = a_machine(&tenant).await;
    let done = responder.submit(isolate(&machine), Some(&name), None).await;
    assert!(matches!(done, Outcome::Accepted { .. }), "{done:?}");
    let id = an_incident(&tenant).await;
    let comment = Operation::CommentIncident {
        id: id.clone(),
        text: "seen".to_owned(),
    };
    let done = responder.submit(comment.clone(), None, None).await;
    assert!(matches!(done, Outcome::Done { .. }), "{done:?}");
    rig.sim.advance(Duration::from_secs(120));
    responder.recover().await;
    // The same again, and the end before anything left.
    for operation in [&isolate(&machine), &comment] {
        let entry = intention(operation);
        tenant.store.journal_append(&entry).expect("written");
    }
    let states: Vec<_> = responder
        .recover()
        .await
        .iter()
        .map(|settled| settled.entry.state)
        .collect();
    assert_eq!(states, [JournalState::NotSent, JournalState::NotSent]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_since_is_not_called_never_sent() {
    let (_rig, tenant, _) = open().await;
    let responder = Responder::with_patience(tenant.clone(), false, patience(Duration::ZERO));
    let id = an_incident(&tenant).await;
    let assignment = assign(&id, "dana@contoso.com");
    let entry = intention(&assignment);
    tenant.store.journal_append(&entry).expect("written");
    let Operation::UpdateIncident { patch, .. } = assign(&id, "lee@contoso.com") else {
        unreachable!()
    };
    tenant
        .graph
        .update_incident(&id, &patch)
        .await
        .expect("changed");
    let settled = responder.recover().await.remove(0);
    assert_eq!(settled.entry.state, JournalState::Unknown);
    assert!(!settled.again, "asking again tells nothing more");
    // And it does not stand in the way of the next one.
    let outcome = responder.submit(assignment, None, None).await;
    assert!(
        matches!(outcome, Outcome::Changed { .. } | Outcome::Done { .. }),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_done_journalled_and_undone() {
    let (_rig, tenant, responder) = open().await;
    let id = an_incident(&tenant).await;
    let Outcome::Done {
        changes,
        undo,
        entry,
    } = responder
        .submit(assign(&id, "dana@contoso.com"), None, None)
        .await
    else {
        panic!("not done")
    };
    let row = changes.iter().find_map(|change| match change {
        Change::Incident(row) if row.id == id => Some(row),
        _ => None,
    });
    assert_eq!(
        row.expect("told").assigned_to.as_deref(),
        Some("dana@contoso.com")
    );
    assert_eq!(
        (entry.state, &*entry.who, &*entry.operation),
        (
            JournalState::Succeeded,
            "dana@contoso.com",
            "incident.update"
        )
    );
    assert_eq!(entry.client_request_id.len(), 36);
    assert_eq!(
        steps(&tenant, 0),
        [JournalState::Intended, JournalState::Succeeded]
    );
    let undone = responder
        .submit(undo.expect("it can be undone"), None, None)
        .await;
    assert!(matches!(undone, Outcome::Done { .. }), "{undone:?}");
    let now = tenant
        .graph
        .incident(&id, false, Priority::Interactive)
        .await
        .expect("read")
        .incident
        .value;
    assert_eq!(
        now.assigned_to.as_deref().filter(|owner| !owner.is_empty()),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_looked_into_and_nothing_is_sent_twice() {
    let (rig, tenant, responder) = open().await;
    let id = an_incident(&tenant).await;
    rig.sim
        .inject(Fault::once("security/incidents", FaultKind::DropAfter).method("PATCH"));
    let outcome = responder
        .submit(assign(&id, "dana@contoso.com"), None, None)
        .await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!(rig.sim.pending_faults(), 0);
    assert_eq!(
        steps(&tenant, 0),
        [
            JournalState::Intended,
            JournalState::Unknown,
            JournalState::Succeeded
        ]
    );

    let comment = Operation::CommentIncident {
        id: id.clone(),
        text: "host reimaged".to_owned(),
    };
    rig.sim
        .inject(Fault::once("/comments", FaultKind::DropAfter));
    let outcome = responder.submit(comment, None, None).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    let now = tenant
        .graph
        .incident(&id, false, Priority::Interactive)
        .await
        .expect("read")
        .incident
        .value;
    let said = now
        .comments
        .iter()
        .filter(|comment| comment.comment.as_deref() == Some("host reimaged"))
        .count();
    assert_eq!(said, 1);

    let (machine, name) = a_machine(&tenant).await;
    let before = actions(&tenant, &machine, ActionType::Isolate).await;
    rig.sim
        .inject(Fault::once("/isolate", FaultKind::DropAfter));
    let outcome = responder.submit(isolate(&machine), Some(&name), None).await;
    let Outcome::Accepted {
        attached: false,
        entry,
        ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert!(entry.action.is_some());
    assert_eq!(
        actions(&tenant, &machine, ActionType::Isolate).await,
        before + 1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_no_trace_stays_unknown_and_is_not_sent_again_until_that_is_certain() {
    let (rig, tenant, responder) = open().await;
    let (machine, name) = a_machine(&tenant).await;
    let before = actions(&tenant, &machine, ActionType::Isolate).await;
    rig.sim
        .inject(Fault::once("/isolate", FaultKind::DropBefore));
    let outcome = responder.submit(isolate(&machine), Some(&name), None).await;
    let Outcome::Unknown { entry, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(entry.state, JournalState::Unknown);
    let again = responder.submit(isolate(&machine), Some(&name), None).await;
    assert!(matches!(again, Outcome::Unknown { .. }), "{again:?}");
    assert_eq!(
        actions(&tenant, &machine, ActionType::Isolate).await,
        before,
        "nothing was sent again"
    );

    let later = Responder::with_patience(tenant.clone(), false, patience(Duration::ZERO));
    let settled = later.recover().await;
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].entry.state, JournalState::NotSent);
    let outcome = later.submit(isolate(&machine), Some(&name), None).await;
    assert!(
        matches!(
            outcome,
            Outcome::Accepted {
                attached: false,
                ..
            }
        ),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_console_left_open_is_settled_at_the_next_start() {
    let (rig, tenant, responder) = open().await;
    let (machine, _) = a_machine(&tenant).await;
    let id = an_incident(&tenant).await;
    // Killed between the answer and the journal: the service has them, the journal says "intended".
    let isolation = Operation::Isolate {
        machine: machine.clone(),
        kind: IsolationType::Full,
        comment: "at night".to_owned(),
    };
    tenant
        .defender
        .isolate(&machine, IsolationType::Full, "at night")
        .await
        .expect("taken on");
    let assignment = assign(&id, "dana@contoso.com");
    let Operation::UpdateIncident { patch, .. } = &assignment else {
        unreachable!()
    };
    tenant
        .graph
        .update_incident(&id, patch)
        .await
        .expect("changed");
    for operation in [&isolation, &assignment] {
        let entry = intention(operation);
        tenant.store.journal_append(&entry).expect("written");
    }
    let states: Vec<_> = responder
        .recover()
        .await
        .iter()
        .map(|settled| settled.entry.state)
        .collect();
    assert_eq!(states, [JournalState::Accepted, JournalState::Succeeded]);
    rig.sim.advance(Duration::from_secs(120));
    let states: Vec<_> = responder
        .recover()
        .await
        .iter()
        .map(|settled| settled.entry.state)
        .collect();
    assert_eq!(
        states,
        [JournalState::Succeeded],
        "the action has ended, and its entry with it"
    );
    assert!(responder.recover().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_isolation_attaches_to_the_first_and_a_release_waits_for_it() {
    let (_rig, tenant, responder) = open().await;
    let (machine, name) = a_machine(&tenant).await;
    let Outcome::Accepted { action, .. } =
        responder.submit(isolate(&machine), Some(&name), None).await
    else {
        panic!("not accepted")
    };
    let again = responder.submit(isolate(&machine), Some(&name), None).await;
    let Outcome::Accepted {
        action: same,
        attached: true,
        ..
    } = again
    else {
        panic!("{again:?}")
    };
    assert_eq!(same.id, action.id);
    let card = responder
        .preflight(&isolate(&machine))
        .await
        .expect("a card");
    assert!(
        matches!(card.conflict, Some(Conflict::InProgress(_))),
        "{:?}",
        card.conflict
    );
    assert_eq!(card.pending.len(), 1);
    assert_eq!(
        card.permission,
        Permission::Held("Machine.Isolate".to_owned())
    );
    assert!(
        card.confirm_text
            .is_some_and(|text| text.eq_ignore_ascii_case(&name))
    );
    assert!(
        card.request
            .starts_with(&format!("POST /api/machines/{machine}/isolate {{"))
    );
    let release = Operation::Unisolate {
        machine: machine.clone(),
        comment: "clean".to_owned(),
    };
    let outcome = responder.submit(release, None, None).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleagues_change_is_shown_before_it_is_overwritten() {
    let (rig, tenant, responder) = open().await;
    let id = an_incident(&tenant).await;
    let seen = Seen::of_incident(
        &tenant
            .graph
            .incident(&id, false, Priority::Interactive)
            .await
            .expect("read")
            .incident
            .value,
    );
    let theirs = IncidentPatch {
        assigned_to: Some(Some("r.ohara@contoso.com".to_owned())),
        custom_tags: Some(vec!["theirs".to_owned()]),
        ..IncidentPatch::default()
    };
    tenant
        .graph
        .update_incident(&id, &theirs)
        .await
        .expect("changed");
    let before = rig.sim.requests();
    let outcome = responder
        .submit(assign(&id, "dana@contoso.com"), None, Some(seen))
        .await;
    let Outcome::Changed { theirs, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        theirs
            .iter()
            .any(|(field, _, now)| field == "owner" && now == "r.ohara@contoso.com"),
        "{theirs:?}"
    );
    assert_eq!(rig.sim.requests() - before, 1, "one look, no write");
    // having seen it, the analyst insists; and adds a tag to theirs
    let now = tenant
        .store
        .incident(&id)
        .expect("reads")
        .expect("cached by the look");
    let patch = IncidentPatch {
        assigned_to: Some(Some("dana@contoso.com".to_owned())),
        custom_tags: Some(vec!["theirs".to_owned(), "mine".to_owned()]),
        ..IncidentPatch::default()
    };
    let operation = Operation::UpdateIncident {
        id: id.clone(),
        patch,
    };
    let outcome = responder
        .submit(operation, None, Some(Seen::of_incident(&now)))
        .await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    let now = tenant.store.incident(&id).expect("reads").expect("cached");
    let tags: Vec<_> = now.custom_tags.iter().map(ToString::to_string).collect();
    assert_eq!(tags, ["theirs", "mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_sends_nothing_and_a_wrong_name_neither() {
    let (rig, tenant, responder) = open().await;
    let id = an_incident(&tenant).await;
    let (machine, name) = a_machine(&tenant).await;
    let read_only = Responder::new(tenant.clone(), true);
    let before = rig.sim.requests();
    for operation in [assign(&id, "me"), isolate(&machine)] {
        let outcome = read_only.submit(operation, Some(&name), None).await;
        assert!(matches!(outcome, Outcome::ReadOnly), "{outcome:?}");
    }
    assert_eq!(rig.sim.requests(), before, "not even a look");
    let mut profile = rig.profile();
    profile.read_only = true;
    let store = nightjar::store::Store::in_memory().expect("opens");
    let bound = Tenant::with_store(profile, store, Vec::new()).expect("connected");
    assert!(Responder::new(bound, false).read_only());

    for typed in [None, Some(""), Some("some-other-host")] {
        let outcome = responder.submit(isolate(&machine), typed, None).await;
        assert!(matches!(outcome, Outcome::NotConfirmed), "{outcome:?}");
    }
    assert!(tenant.store.journal(10).expect("reads").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_followed_to_its_end_by_the_feed_and_can_be_cancelled() {
    let (rig, tenant, responder) = open().await;
    let (machine, name) = a_machine(&tenant).await;
    let (mut settings, habits) = hurried();
    settings.actions_every = Duration::from_secs(3600);
    let fed = Fed::start(&tenant, (settings, habits));
    let Outcome::Accepted { action, .. } =
        responder.submit(isolate(&machine), Some(&name), None).await
    else {
        panic!("not accepted")
    };
    fed.feed.track(action.id.clone());
    rig.sim.advance(Duration::from_secs(120));
    until("its end is told", || {
        fed.changes().iter().any(|change| {
            matches!(change, Change::Action(told) if told.id == action.id && told.status == ActionStatus::Succeeded)
        })
    })
    .await;
    assert_eq!(
        steps(&tenant, 0),
        [
            JournalState::Intended,
            JournalState::Accepted,
            JournalState::Succeeded
        ]
    );
    let card = responder
        .preflight(&isolate(&machine))
        .await
        .expect("a card");
    assert!(
        card.state
            .is_some_and(|state| state.starts_with("isolated since"))
    );

    let scan = Operation::Scan {
        machine: machine.clone(),
        kind: ScanType::Full,
        comment: "look again".to_owned(),
    };
    let Outcome::Accepted { action, undo, .. } = responder.submit(scan, None, None).await else {
        panic!("not accepted")
    };
    fed.feed.track(action.id.clone());
    let cancelled = responder
        .submit(undo.expect("a cancellation"), None, None)
        .await;
    assert!(
        matches!(cancelled, Outcome::Accepted { .. }),
        "{cancelled:?}"
    );
    rig.sim.advance(Duration::from_secs(120));
    until("it is cancelled", || {
        tenant
            .store
            .action(&action.id)
            .expect("reads")
            .is_some_and(|now| now.status == ActionStatus::Cancelled)
    })
    .await;
    until("the journal knows both ends", || {
        let journal = tenant.store.journal(2).expect("reads");
        let states: Vec<_> = journal.iter().map(|entry| entry.state).collect();
        states == [JournalState::Succeeded, JournalState::Cancelled]
    })
    .await;
    fed.feed.shutdown().await;
}

/// The other half of `--read-only`: no other file has a way to a write.
#[test]
fn only_one_file_of_the_crate_calls_what_writes() {
    let calls = [
        ".update_incident(",
        ".update_alert(",
        ".comment_incident(",
        ".comment_alert(",
        ".isolate(",
        ".unisolate(",
        ".scan(",
        ".cancel(action",
        ".cancel(&action",
    ];
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src"
    ))];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            // These import no client: laws.rs holds them to it.
            let stranger = ["kql", "engine", "sim"]
                .iter()
                .any(|room| path.ends_with(room));
            if path.is_dir() && !stranger {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                if calls.iter().any(|call| code.contains(call)) {
                    found.push(path);
                }
            }
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("respond/writes.rs"), "{found:?}");
}

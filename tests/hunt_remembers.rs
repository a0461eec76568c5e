//! What hunting remembers: what a tenant has beyond the documentation, which is learnt from it and stops
//! being an error, and the queries being written.

#[path = "support/tenant.rs"]
mod tenant;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use nightjar::domain::TenantNo;
use nightjar::hunt::local::{Bounds, Local};
use nightjar::hunt::schema::{self, Wanted};
use nightjar::hunt::{Hunter, Place, SharedSchema, language};
use nightjar::kql::Schema;
use nightjar::kql::schema::Presence;
use nightjar::tui::msg::Msg;
use nightjar::tui::screens::hunt::{HuntAsk, HuntMsg, OpenTab, work};
use tenant::{Rig, quiet};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Columns and a table that only the tenant has.
const OWN: [&str; 3] = [
    "DeviceNetworkEvents | where isnotempty(ProcessUniqueId) | take 1",
    "DoorBadge_CL | where Granted_b | project TimeGenerated, AccountUpn_s, Reader_d",
    "EntraIdSignInEvents | where IsConfidentialClient | take 1",
];

fn faults(query: &str, schema: &Schema) -> Vec<String> {
    let found = language::findings(query, 0, schema).into_iter();
    found.filter(|it| it.error).map(|it| it.message).collect()
}

fn used(queries: &[&str], schema: &Schema) -> BTreeSet<String> {
    let each = queries.iter();
    each.flat_map(|query| schema::tables_of(query, &language::analyze(query, schema)))
        .collect()
}

fn merged(tenant: &nightjar::tenant::Tenant) -> SharedSchema {
    SharedSchema::of([&schema::known(&tenant.store).expect("the cache")])
}

#[tokio::test]
async fn a_whole_schema_is_learnt_in_one_call_and_kept() {
    let rig = Rig::start(quiet(1, 1)).await;
    let (never, now) = (CancellationToken::new(), Timestamp::now());
    for query in OWN {
        assert_eq!(faults(query, Schema::hunting()).len(), 1, "{query}");
    }
    {
        let hunter = Hunter::new(rig.connect());
        let names = used(&OWN[..1], Schema::hunting());
        assert_eq!(names, BTreeSet::from(["DeviceNetworkEvents".to_owned()]));
        let wanted = Wanted::Used(names);
        let taught = schema::learn(&hunter, &wanted, now, &never)
            .await
            .expect("taught");
        assert!(taught.asked > 60, "{}", taught.asked);
        let again = schema::learn(&hunter, &wanted, now, &never)
            .await
            .expect("known");
        assert_eq!(again.asked, 0, "it is not asked again on the same day");
        assert_eq!(again.learnt, taught.learnt);
    }
    // another run of the console
    let tenant = rig.connect();
    let schema = merged(&tenant);
    for query in OWN {
        assert_eq!(faults(query, &schema), [""; 0], "{query}");
    }
    let own = schema
        .table("DoorBadge_CL")
        .expect("the tenant's own table");
    assert_eq!(own.presence, Presence::Tenant);
    let file = rig.paths().store_file("sim");
    let peeked = SharedSchema::peek([file.as_path()]);
    assert_eq!(
        faults(OWN[1], &peeked),
        [""; 0],
        "others read it from the file"
    );
}

#[tokio::test]
async fn tables_are_asked_for_by_query_where_the_list_does_not_help() {
    let mut config = quiet(1, 1);
    config.hidden_tables = vec!["CloudAppEvents".to_owned()];
    let rig = Rig::start(config).await;
    let tenant = rig.connect();
    let hunter = Hunter::new(Arc::clone(&tenant));
    let (never, now) = (CancellationToken::new(), Timestamp::now());
    let mut names = used(&OWN, Schema::hunting());
    names.extend(["CloudAppEvents".to_owned(), "NoSuchTable".to_owned()]);
    names.insert("DeviceInfo | take 1".to_owned());
    let wanted = Wanted::Refused(names);
    let taught = schema::learn(&hunter, &wanted, now, &never)
        .await
        .expect("taught");
    assert_eq!(taught.asked, 5, "{:?}", taught.learnt.tables.keys());
    let schema = merged(&tenant);
    for query in OWN {
        assert_eq!(faults(query, &schema), [""; 0], "{query}");
    }
    let hidden = schema.table("CloudAppEvents").expect("documented");
    assert_eq!(hidden.presence, Presence::NotSeen);
    assert!(schema.table("NoSuchTable").is_none());
    let again = schema::learn(&hunter, &wanted, now, &never)
        .await
        .expect("known");
    assert_eq!(again.asked, 0, "a moment later nothing is asked again");
    let later = now + SignedDuration::from_mins(6);
    let again = schema::learn(&hunter, &wanted, later, &never)
        .await
        .expect("taught");
    assert_eq!(again.asked, 5);
}

#[tokio::test]
async fn a_refused_query_names_what_the_tenant_really_lacks() {
    let rig = Rig::start(quiet(1, 1)).await;
    let hunter = Hunter::new(rig.connect());
    let never = CancellationToken::new();
    let wanted = Wanted::All;
    schema::learn(&hunter, &wanted, Timestamp::now(), &never)
        .await
        .expect("taught");
    let query = "DoorBadge_CL | where Granted_b | project Dor_s";
    let error = hunter.ask(query, None, never).await.expect_err("refused");
    let told: Vec<&str> = error
        .findings
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("Dor_s") && told[0].contains("Door_s"),
        "{told:?}"
    );
}

#[tokio::test]
async fn tabs_outlive_the_program_that_ends_at_once() {
    let rig = Rig::start(quiet(1, 1)).await;
    let tab = |query: &str, caret, active, tenants: &[u16]| OpenTab {
        title: "first sight".to_owned(),
        query: query.into(),
        caret,
        active,
        tenants: tenants.iter().map(|no| TenantNo(*no)).collect(),
        place: if active {
            Place::Local
        } else {
            Place::Defender
        },
    };
    let tabs = vec![
        tab("DeviceInfo\n| take 1 // ä", 4, false, &[0]),
        tab("DeviceEv", 8, true, &[]),
    ];
    {
        let (kept, latest) = watch::channel(Vec::new());
        let stop = CancellationToken::new();
        let keeper = work::keep_tabs(vec![rig.connect()], latest, stop.clone());
        let keeper = tokio::spawn(keeper);
        kept.send_replace(tabs[..1].to_vec());
        kept.send_replace(tabs.clone());
        stop.cancel();
        drop(kept);
        keeper.await.expect("it ends by itself");
    }
    let exports = rig.paths().state;
    let local = Arc::new(Local::new(&rig.paths().data, Bounds::default()));
    let answer = work::carry_out(HuntAsk::Tabs, vec![rig.connect()], local, exports).await;
    let Some(Msg::Hunt(HuntMsg::Tabs(Ok(found)))) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(found, tabs);
}

#[tokio::test]
async fn a_console_that_only_reads_keeps_nothing() {
    let rig = Rig::start(quiet(1, 1)).await;
    let _first = rig.connect();
    let second = rig.connect();
    let (kept, latest) = watch::channel(Vec::new());
    let stop = CancellationToken::new();
    let keeper = tokio::spawn(work::keep_tabs(vec![second.clone()], latest, stop.clone()));
    kept.send_replace(vec![OpenTab::default()]);
    stop.cancel();
    keeper.await.expect("it ends by itself");
    assert_eq!(second.store.tabs().expect("read"), []);
    let hunter = Hunter::new(second);
    let never = CancellationToken::new();
    let wanted = Wanted::Used(BTreeSet::from(["DeviceInfo".to_owned()]));
    let taught = schema::learn(&hunter, &wanted, Timestamp::now(), &never).await;
    let taught = taught.expect("it learns for itself all the same");
    assert!(taught.learnt.tables.contains_key("DoorBadge_CL"));
}

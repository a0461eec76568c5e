//! Local hunts from end to end: a cache, kept results and files asked together.

#![expect(clippy::result_large_err, reason = "as in the room itself")]

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::hunting::{Cell, Column};
use crate::hunt::{HuntError, HuntErrorKind, HuntResult, Place};
use crate::store::Store;

struct Desk {
    folder: tempfile::TempDir,
    local: Arc<Local>,
    stores: Vec<Store>,
}

fn now() -> Timestamp {
    "2026-08-19T09:00:00Z".parse().expect("a time")
}

fn incident(id: &str, title: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","displayName":"{title}","status":"active","severity":"high",
            "createdDateTime":"2026-08-19T07:00:00Z","lastUpdateDateTime":"2026-08-19T07:10:00Z",
            "customTags":["vip"],"comments":[{{"comment":"looking","createdByDisplayName":"dana",
            "createdDateTime":"2026-08-19T07:05:00Z"}}]{more}}}"#
    )
}

fn alert(id: &str, incident: &str, device: &str) -> String {
    format!(
        r##"{{"id":"{id}","incidentId":"{incident}","title":"Alert {id}","status":"new","severity":"medium",
            "categories":["Execution"],"productName":"Microsoft Defender for Endpoint",
            "createdDateTime":"2026-08-19T07:00:00Z","lastUpdateDateTime":"2026-08-19T07:11:00Z","evidence":[
            {{"@odata.type":"#microsoft.graph.security.deviceEvidence","mdeDeviceId":"{device}",
              "deviceDnsName":"{device}.contoso.com","createdDateTime":"2026-08-19T07:00:30Z"}},
            {{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"203.0.113.9"}}]}}"##
    )
}

impl Desk {
    fn of(tenants: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |name: &&str| {
            let path = folder.path().join(format!("{name}.sqlite"));
            let store = Store::open(&path).expect("opens");
            let incidents = [incident("7", name, ""), incident("8", "quiet", "")];
            store
                .put_incidents(&incidents, None, now())
                .expect("written");
            let alerts = [alert("a1", "7", "d1"), alert("a2", "7", "d2")];
            store.put_alerts(&alerts, None, now()).expect("written");
            store
        };
        let stores = tenants.iter().map(open).collect();
        let local = Arc::new(Local::new(folder.path(), Bounds::default()));
        Self {
            folder,
            local,
            stores,
        }
    }

    fn seats(&self) -> Vec<Seat> {
        let path = |store: &Store| store.path().expect("a file").to_owned();
        let seat = |store: &Store| Seat {
            tenant: path(store)
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            id: "id".to_owned(),
            cache: path(store),
        };
        self.stores.iter().map(seat).collect()
    }

    fn ask(&self, query: &str) -> Result<HuntResult, HuntError> {
        self.local.run(query, &self.seats(), &Cancel::new())
    }

    fn rows(&self, query: &str) -> Vec<String> {
        let result = self
            .ask(query)
            .unwrap_or_else(|why| panic!("{query}: {why}"));
        let table = &result.table;
        let row = |row| {
            let cells = (0..table.columns().len()).map(|at| table.cell(row, at).text());
            cells.collect::<Vec<_>>().join("|")
        };
        (0..table.rows()).map(row).collect()
    }
}

#[test]
fn the_queue_answers_in_the_hunting_schemas_columns_and_in_its_own() {
    let desk = Desk::of(&["contoso"]);
    for (query, expected) in [
        (
            "AlertInfo | where AlertId == 'a1' | project Title, Severity, Category, ServiceSource, DetectionSource",
            "Alert a1|Medium|Execution|Microsoft Defender for Endpoint|",
        ),
        (
            "AlertEvidence | where DeviceId == 'd2' | project AlertId, Title, EntityType, DeviceName, Timestamp, FileSize, CloudPlatform",
            "a2|Alert a2|Machine|d2.contoso.com|2026-08-19T07:00:30Z||",
        ),
        (
            "Incidents | where Title == 'contoso' | project IncidentId, AlertCount, DeviceCount, tostring(Tags[0]), tostring(Tactics), SlaDue - CreatedTime",
            "7|2|2|vip|[\"Execution\"]|00:30:00",
        ),
        ("Comments | summarize count() by Author, AlertId", "dana||2"),
        (
            "Alerts | summarize count() by IncidentId, Status",
            "7|new|2",
        ),
        ("MachineActions | count", "0"),
        ("Journal | where Who has 'x' | count", "0"),
        (
            "Incidents | join kind=inner Alerts on IncidentId | join kind=inner (AlertEvidence | where EntityType == 'Ip') on AlertId | summarize dcount(AlertId) by RemoteIP",
            "203.0.113.9|2",
        ),
    ] {
        assert_eq!(desk.rows(query), [expected], "{query}");
    }
    let result = desk.ask("Incidents | take 1").expect("runs");
    assert_eq!(result.place, Place::Local);
    let over = result.over.expect("over something");
    assert_eq!(over.words(), "Incidents (2 rows of contoso)");
}

#[test]
fn what_changes_in_the_cache_changes_in_the_tables_and_nothing_else_is_made_anew() {
    let desk = Desk::of(&["contoso"]);
    let query = "Incidents | order by IncidentId asc | project IncidentId, Title, AlertCount";
    assert_eq!(desk.rows(query), ["7|contoso|2", "8|quiet|0"]);
    let store = &desk.stores[0];
    let renamed = incident("8", "loud", "").replace("active", "resolved");
    store
        .put_incidents(&[renamed], None, now())
        .expect("written");
    store
        .put_alerts(&[alert("a3", "8", "d1")], None, now())
        .expect("written");
    assert_eq!(desk.rows(query), ["7|contoso|2", "8|loud|1"]);
    assert_eq!(
        desk.rows("AlertEvidence | where DeviceId == 'd1' | count"),
        ["2"]
    );
    // What leaves the cache leaves the tables, its evidence and comments with it.
    let retention = crate::store::Retention {
        days: 0,
        ..crate::store::Retention::default()
    };
    let later = "2026-09-19T09:00:00Z".parse().expect("a time");
    store.retain(&retention, later).expect("dropped");
    assert_eq!(desk.rows(query), ["7|contoso|2"]);
    assert_eq!(desk.rows("AlertEvidence | count"), ["4"]);
    assert_eq!(desk.rows("Comments | count"), ["1"]);
    // Another run starts from the file.
    let again = Local::new(desk.folder.path(), Bounds::default());
    let answer = again.run("Alerts | count", &desk.seats(), &Cancel::new());
    assert_eq!(answer.expect("runs").table.cell(0, 0), Cell::Long(2));
}

#[test]
fn of_several_tenants_every_row_says_whose_it_is() {
    let desk = Desk::of(&["contoso", "fabrikam"]);
    assert_eq!(
        desk.rows("Incidents | where Title != 'quiet' | project TenantName, TenantId, Title | order by TenantName asc"),
        ["contoso|id|contoso", "fabrikam|id|fabrikam"]
    );
    let result = desk.ask("AlertEvidence | count").expect("runs");
    assert_eq!(result.table.cell(0, 0), Cell::Long(8));
    assert_eq!(
        result.over.expect("over something").words(),
        "AlertEvidence (8 rows of contoso, fabrikam)"
    );
    let left = forget(desk.folder.path(), "contoso").expect("forgotten");
    assert!(left.queue);
}

fn kept(desk: &Desk, query: &str, name: Option<&str>) -> KeptResult {
    let mut device = Column::new("DeviceId", "String");
    let mut seen = Column::new("Seen", "DateTime");
    let mut facts = Column::new("Facts", "Object");
    for id in ["d1", "d9"] {
        device.push(Cell::Text(id));
        seen.push(Cell::Time(now()));
        facts.push(Cell::Text(r#"{"score":3}"#));
    }
    let fresh = Fresh {
        name,
        query,
        tenants: &["contoso".to_owned()],
        as_of: now(),
        table: &ResultTable::new(vec![device, seen, facts]),
    };
    let keeping = desk.local.keep(fresh, now()).expect("kept");
    keeping.expect("the settings keep some").kept
}

#[test]
fn a_kept_result_is_a_table_with_the_types_of_the_answer() {
    let desk = Desk::of(&["contoso"]);
    kept(&desk, "DeviceInfo | take 2", None);
    let second = kept(&desk, "DeviceInfo | take 3", Some("devices"));
    for query in [
        "$1 | where Seen > datetime(2026-08-19) and toint(Facts.score) == 3 | project DeviceId | order by DeviceId asc",
        "['$1'] | project DeviceId | order by DeviceId asc",
        "devices | project DeviceId | order by DeviceId asc",
        "$2 | project DeviceId | order by DeviceId asc",
    ] {
        assert_eq!(desk.rows(query), ["d1", "d9"], "{query}");
    }
    let joined = "$1 | join kind=inner AlertEvidence on DeviceId | project DeviceId, AlertId";
    assert_eq!(desk.rows(joined), ["d1|a1"]);
    let over = desk.ask(joined).expect("runs").over.expect("tables");
    assert_eq!(
        over.words(),
        "AlertEvidence (4 rows of contoso), $1 (2 rows of contoso)"
    );
    let rows = desk.local.rows(&second).expect("read");
    assert_eq!((rows.rows(), rows.columns().len()), (2, 3));
    // A union over a pattern finds them too.
    assert_eq!(desk.rows("union $1, devices | count"), ["4"]);
    // They outlive the program.
    let again = Local::new(desk.folder.path(), Bounds::default());
    let held = again.held().expect("read");
    assert_eq!(held.kept.len(), 2);
    assert_eq!(held.find("devices").map(|it| it.id), Some(2));
}

#[test]
fn what_is_not_held_is_told_with_its_place() {
    let desk = Desk::of(&["contoso"]);
    let refused = |query: &str| desk.ask(query).expect_err("refused");
    let cloud = refused("AlertInfo | join DeviceProcessEvents on AlertId");
    assert_eq!(cloud.kind, HuntErrorKind::Refused);
    assert_eq!((cloud.findings[0].start, cloud.findings[0].end), (17, 36));
    assert!(
        cloud.message.contains("run it at Defender"),
        "{}",
        cloud.message
    );
    let gone = refused("$9 | take 1");
    assert!(gone.message.contains("$9 is not kept"), "{}", gone.message);
    let typo = refused("Incidentz | take 1");
    assert!(typo.message.contains("Incidents"), "{}", typo.message);
    assert_eq!(refused(".show tables").kind, HuntErrorKind::Local);
    let unsupported = refused("Incidents | evaluate autocluster()");
    assert_eq!(
        unsupported.kind,
        HuntErrorKind::Unsupported,
        "{unsupported:?}"
    );
    assert!(!unsupported.findings.is_empty());
    let absent = refused("externaldata(a: string)['https://lists.example/a.csv']");
    assert_eq!(absent.kind, HuntErrorKind::Unsupported, "{absent:?}");
    assert!(!absent.findings.is_empty());
}

#[test]
fn files_are_tables_beside_the_rest() {
    let desk = Desk::of(&["contoso"]);
    let path = desk.folder.path().join("watch list.csv");
    std::fs::write(&path, "DeviceId,Since\nd2,2026-08-01\nd7,2026-08-02\n").expect("written");
    let wanted = Wanted::read(&format!("watch={}", path.display())).expect("reads");
    let table = desk
        .local
        .open_file(&wanted, &Cancel::new())
        .expect("opens");
    assert_eq!(table.rows, 2);
    let query = "watch | join kind=inner AlertEvidence on DeviceId | project AlertId, Since";
    assert_eq!(desk.rows(query), ["a2|2026-08-01T00:00:00Z"]);
    // Without any tenant the file is there still.
    let alone = desk.local.run("watch | count", &[], &Cancel::new());
    let alone = alone.expect("runs");
    assert_eq!(
        alone.over.expect("tables").words(),
        "watch (2 rows of watch list.csv)"
    );
    let none = desk.local.run("Incidents | count", &[], &Cancel::new());
    assert_eq!(none.expect("runs").table.cell(0, 0), Cell::Long(0));
}

#[tokio::test]
async fn a_hunt_is_written_to_the_history_and_can_be_cancelled() {
    let desk = Desk::of(&["contoso"]);
    let store = desk.stores[0].clone();
    let never = CancellationToken::new();
    let done = desk
        .local
        .hunt("Alerts | count", desk.seats(), Some(store.clone()), never);
    assert_eq!(done.await.expect("runs").table.rows(), 1);
    let token = CancellationToken::new();
    let slow = "range x from 1 to 3000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 3000 step 1 | extend k = 1) on k | summarize sum(x * y)";
    let running = desk
        .local
        .hunt(slow, desk.seats(), Some(store.clone()), token.clone());
    token.cancel();
    assert_eq!(
        running.await.expect_err("cancelled").kind,
        HuntErrorKind::Cancelled
    );
    let history = store.hunts("", 9).expect("read");
    let told: Vec<(&str, Option<u64>)> = history
        .iter()
        .map(|it| (it.engine.as_str(), it.rows))
        .collect();
    assert_eq!(told, [("local", None), ("local", Some(1))]);
}

#[test]
fn the_schema_tells_what_a_table_of_the_queue_lacks_and_whose_a_result_is() {
    let desk = Desk::of(&["contoso"]);
    let schema = desk.local.held().expect("what is held").schema(false);
    let told = |name: &str| {
        let table = schema.table(name).unwrap_or_else(|| panic!("{name}"));
        table.told.clone().unwrap_or_else(|| panic!("{name}"))
    };
    let evidence = told("AlertEvidence");
    assert_eq!(evidence.group, "Cached queue");
    let empty = evidence.about.split("Always empty here: ").nth(1);
    let empty = empty.unwrap_or_else(|| panic!("{}", evidence.about));
    assert!(empty.contains("EvidenceDirection"), "{empty}");
    assert!(!empty.contains("DeviceName"), "{empty}");
    assert!(!told("Incidents").about.contains("Always empty"));
    for (name, about) in queue_tables() {
        assert!(told(name).about.starts_with(about), "{name}");
    }
}

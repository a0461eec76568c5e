//! Hunting locally from end to end: a simulated tenant is asked once, and its answer, its queue and files
//! are asked again without it.

mod support;

use std::sync::Arc;

use nightjar::domain::TenantNo;
use nightjar::hunt::local::{Bounds, Local};
use nightjar::hunt::{Place, Timespan};
use nightjar::sim::{Sim, SimConfig};
use nightjar::tui::msg::Msg;
use nightjar::tui::screens::hunt::{HuntAsk, HuntMsg, work};
use serde_json::Value;
use support::Home;
use support::tenant::{Rig, quiet};

use tokio_util::sync::CancellationToken;

fn rows(home: &Home, args: &[&str]) -> Vec<Value> {
    let ran = home.run(&[args, &["--output", "jsonl"]].concat()).expect(0);
    let lines = ran.out.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
        .collect()
}

#[test]
fn what_was_asked_once_is_asked_again_without_the_service() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sim = runtime
        .block_on(Sim::start(SimConfig {
            incidents: 10,
            alerts: 30,
            machines: 20,
            story: false,
            trickle: false,
            ..SimConfig::default()
        }))
        .expect("the simulated tenant starts");
    let home = Home::new().with_settings(&sim.profile_toml("sim"));
    let devices = home
        .run(&[
            "hunt",
            "DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId",
        ])
        .expect(0);
    assert!(devices.err.contains("kept as $1"), "{}", devices.err);
    home.run(&[
        "hunt",
        "--keep",
        "platforms",
        "DeviceInfo | summarize n=count() by OSPlatform",
    ])
    .expect(0);
    let platforms = rows(&home, &["hunt", "--local", "platforms | order by n desc"]);
    runtime.block_on(sim.stop());

    // From here on there is nobody to ask.
    let again = rows(
        &home,
        &[
            "hunt",
            "--local",
            "platforms | where n == toscalar($2 | summarize max(n)) | count",
        ],
    );
    assert!(
        again[0]["Count"].as_i64().is_some_and(|it| it > 0),
        "{again:?}"
    );
    let by_platform = rows(
        &home,
        &[
            "hunt",
            "--local",
            "$1 | summarize dcount(DeviceId) by OSPlatform",
        ],
    );
    assert_eq!(by_platform.len(), platforms.len());
    let file = home.path("owners.csv");
    std::fs::write(&file, "OSPlatform,Team\nWindows11,blue\nbroken\n").expect("written");
    let table = format!("owners={}", file.display());
    let joined = home
        .run(&[
            "hunt",
            "--local",
            "--table",
            &table,
            "$1 | join kind=inner owners on OSPlatform | distinct Team",
            "-o",
            "csv",
        ])
        .expect(0);
    assert!(joined.out.starts_with("Team\n"), "{}", joined.out);
    for words in [
        "owners: 1 rows of",
        "line 3: it has 1 cells",
        "local, over $1 (",
    ] {
        assert!(joined.err.contains(words), "{words}: {}", joined.err);
    }
    let list = home.path("list.txt");
    std::fs::write(&list, "Windows11\n").expect("written");
    let stands = format!("https://lists.example/os.txt={}", list.display());
    let query = "externaldata(OSPlatform: string)['https://lists.example/os.txt'] | join kind=inner $2 on OSPlatform | project n";
    let listed = rows(&home, &["hunt", "--local", "--external", &stands, query]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    let unnamed = home.run(&["hunt", "--local", query]).expect(1);
    assert!(
        unnamed.err.contains("stands for no local file"),
        "{}",
        unnamed.err
    );
    for form in ["table", "json", "jsonl", "csv"] {
        let ran = home
            .run(&["hunt", "--local", "$2 | take 1", "-o", form])
            .expect(0);
        assert!(ran.out.contains("OSPlatform"), "{form}: {}", ran.out);
    }
    let cloud = home
        .run(&["hunt", "--local", "DeviceProcessEvents | take 1"])
        .expect(1);
    assert!(cloud.err.contains("not held here"), "{}", cloud.err);

    let listed = rows(&home, &["hunt", "--local", "--tables"]);
    let names: Vec<&str> = listed.iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.contains(&"Incidents") && names.contains(&"platforms") && names.contains(&"$1"));
    home.run(&["hunt", "--local", "--drop", "$1"]).expect(0);
    let gone = home.run(&["hunt", "--local", "$1 | take 1"]).expect(1);
    assert!(gone.err.contains("$1 is not kept"), "{}", gone.err);
    home.run(&["tenants", "remove", "sim", "--yes", "--cache"])
        .expect(0);
    let none = home
        .run(&["hunt", "--local", "platforms | take 1"])
        .expect(1);
    assert!(none.err.contains("platforms"), "{}", none.err);
    // Without any profile files can be asked still.
    let alone = rows(
        &home,
        &[
            "hunt",
            "--local",
            "--table",
            &table,
            "owners | project Team",
        ],
    );
    assert_eq!(alone[0]["Team"], "blue");
}

#[tokio::test]
async fn the_consoles_worker_keeps_answers_and_asks_them_here() {
    let rig = Rig::start(quiet(3, 6)).await;
    let tenant = rig.connect();
    let tenants = vec![Arc::clone(&tenant)];
    let local = Arc::new(Local::new(&rig.paths().data, Bounds::default()));
    let exports = rig.paths().state;
    let ask = async |ask| {
        let done = work::carry_out(ask, tenants.clone(), Arc::clone(&local), exports.clone());
        done.await
    };
    let run = |place, query: &str| HuntAsk::Run {
        ticket: 7,
        place,
        tenants: vec![TenantNo(0)],
        query: query.to_owned(),
        timespan: Timespan::Month,
        cancel: CancellationToken::new(),
    };
    let query = "DeviceInfo | summarize count() by OSPlatform";
    let Some(Msg::Hunt(HuntMsg::Finished {
        answer: Ok((result, _)),
        ..
    })) = ask(run(Place::Defender, query)).await
    else {
        panic!("the service answers");
    };
    let keep = HuntAsk::Keep {
        ticket: 7,
        tenants: vec![TenantNo(0)],
        query: query.into(),
        result: Arc::clone(&result),
    };
    let Some(Msg::Hunt(HuntMsg::Kept {
        ticket: 7,
        keeping: Ok(Some(kept)),
    })) = ask(keep).await
    else {
        panic!("it is kept");
    };
    assert_eq!(kept.keeping.kept.number(), "$1");
    let name = &tenant.profile.name;
    assert_eq!(kept.keeping.kept.tenants, std::slice::from_ref(name));
    assert_eq!(kept.held.kept.len(), 1);
    let Some(Msg::Hunt(HuntMsg::Finished {
        answer: Ok((here, _)),
        ..
    })) = ask(run(
        Place::Local,
        "$1 | summarize sum(count_) | extend Incidents = toscalar(Incidents | count)",
    ))
    .await
    else {
        panic!("it answers here");
    };
    assert_eq!(here.place, Place::Local);
    assert_eq!(here.table.rows(), 1);
    let renamed = ask(HuntAsk::RenameKept(1, "mine".to_owned())).await;
    let Some(Msg::Hunt(HuntMsg::Held {
        held: Ok(held),
        told: Some(_),
    })) = renamed
    else {
        panic!("{renamed:?}");
    };
    assert_eq!(held.kept[0].label(), "mine");
    let history = tenant.store.hunts("", 9).expect("read");
    assert_eq!(history[0].engine, "local");
}

//! `nightjar kql … --profile` and the language server with a profile: what was learnt from a tenant counts,
//! is read from its cache alone, and is said to be missing where nothing was learnt yet.

#[path = "support/editor.rs"]
mod editor;
mod support;

use std::collections::BTreeMap;

use editor::Editor;
use jiff::Timestamp;
use nightjar::store::{Store, TableFacts};
use serde_json::{Value, json};
use support::Home;

const PROFILE: &str = "tenant_id = \"5b0d6a1c-9a67-4f5e-8f0a-0a6f1c2d3e4f\"\n\
                       client_id = \"0c5b8d5e-4c1f-4d6e-9b1a-6f2e3d4c5b6a\"\n";

const OWN: &str = "DoorBadge_CL | where Granted_b | project Reader_d\n";

/// Two profiles, of whose tenants one was asked for its tables.
fn home() -> Home {
    let home = Home::new().with_settings(&format!(
        "[profiles.contoso]\n{PROFILE}\n[profiles.fabrikam]\n{PROFILE}"
    ));
    let data = home.path("data");
    std::fs::create_dir_all(&data).expect("a folder");
    let store = Store::open(&data.join("contoso.sqlite")).expect("a cache");
    let column = |name: &str, ty: &str| (name.to_owned(), ty.to_owned());
    let facts = TableFacts {
        at: Timestamp::now(),
        columns: Some(vec![
            column("TimeGenerated", "datetime"),
            column("Granted_b", "bool"),
            column("Reader_d", "real"),
        ]),
    };
    store
        .put_hunting_tables(&BTreeMap::from([("DoorBadge_CL".to_owned(), facts)]))
        .expect("kept");
    home
}

#[test]
fn the_tables_of_a_tenant_are_those_of_the_profile() {
    let home = home();
    let check = ["kql", "check", "--no-lints", "--profile", "contoso"];
    home.run_with_input(&check, OWN).expect(0);
    home.run_with_input(&["kql", "check", "--no-lints"], OWN)
        .expect(1);
    let wrong = home
        .run_with_input(&check, "DoorBadge_CL | where Grantd_b")
        .expect(1);
    assert!(wrong.out.contains("Granted_b"), "{}", wrong.out);
    home.run_with_input(&check, "DeviceInfo | where DeviceName == 'x'")
        .expect(0);

    let file = home.path("a.kql");
    std::fs::write(&file, OWN).expect("written");
    let at = format!("{}:1:24", file.display());
    let offered = home
        .run(&["kql", "complete", &at, "--profile", "contoso"])
        .expect(0);
    assert!(offered.out.contains("Granted_b"), "{}", offered.out);
    let hover = home
        .run(&["kql", "hover", &at, "--profile", "contoso"])
        .expect(0);
    assert!(hover.out.contains("Granted_b: bool"), "{}", hover.out);
    let line = json!({"id": 1, "query": OWN}).to_string();
    let args = ["kql", "classify", "--jsonl", "--profile", "contoso"];
    let parts = home.run_with_input(&args, &line).expect(0);
    assert!(parts.out.contains("[0,12,\"Table\"]"), "{}", parts.out);
}

#[test]
fn what_is_not_known_is_said_and_nothing_is_made_or_asked() {
    let home = home();
    let check = |profile: &str| {
        home.run_with_input(
            &["kql", "check", "--no-lints", "--profile", profile, "-"],
            OWN,
        )
    };
    let none = check("fabrikam").expect(2);
    assert!(
        none.err
            .contains("nothing was learnt yet from the tenant of the profile fabrikam")
            && none.err.contains("alt-y"),
        "{}",
        none.err
    );
    assert!(!home.path("data/fabrikam.sqlite").exists());
    let both = check("contoso,fabrikam").expect(0);
    assert!(both.err.contains("fabrikam"), "{}", both.err);
    let all = ["kql", "check", "--no-lints", "--all-profiles", "-"];
    home.run_with_input(&all, OWN).expect(0);
    let slip = check("contso").expect(2);
    assert!(
        slip.err.contains("did you mean \"contoso\""),
        "{}",
        slip.err
    );
    // what a build says must not depend on whose machine it is
    let mut command = home.command(&["kql", "check", "--no-lints", "absent.kql"]);
    let ran = command.env("NIGHTJAR_PROFILE", "nonsense").output();
    let err = String::from_utf8(ran.expect("it runs").stderr).expect("UTF-8");
    assert!(!err.contains("nonsense"), "{err}");

    let schema = home.path("schema.json");
    std::fs::write(&schema, r#"{"tables": []}"#).expect("written");
    let two = home
        .run(&[
            "kql",
            "check",
            "--profile",
            "contoso",
            "--schema",
            &schema.display().to_string(),
        ])
        .expect(2);
    assert!(two.err.contains("give one"), "{}", two.err);
    std::fs::write(home.path("data/fabrikam.sqlite"), "no cache at all").expect("written");
    let damaged = check("fabrikam").expect(2);
    assert!(damaged.err.contains("fabrikam.sqlite"), "{}", damaged.err);
}

/// Opens a query of the tenant's own table; gives its findings and what the person was told.
fn opened(home: &Home, args: &[&str], options: Value) -> (Vec<Value>, Option<String>) {
    const URI: &str = "file:///own.kql";
    let mut editor = Editor::start_with(args, &home.variables());
    let params = json!({"capabilities": {}, "initializationOptions": options});
    let answer = editor.ask("initialize", params);
    assert!(answer["capabilities"].is_object(), "{answer}");
    editor.tell("initialized", json!({}));
    editor.open(URI, OWN);
    let found = editor.findings(URI, Some(1));
    let told = editor.told("window/showMessage");
    assert_eq!(editor.quit(), 0);
    let words = told.map(|it| it["message"].as_str().unwrap_or_default().to_owned());
    (found, words)
}

#[test]
fn an_editor_names_the_profile() {
    let home = home();
    let with = |options: Value| opened(&home, &["--no-lints"], options);
    assert_eq!(with(json!({})).0.len(), 1);
    assert_eq!(with(json!({"profile": "contoso"})), (Vec::new(), None));
    let several = with(json!({"profile": ["contoso", "fabrikam"]}));
    assert_eq!(several, (Vec::new(), None));
    let args = ["--no-lints", "--profile", "contoso"];
    assert_eq!(opened(&home, &args, Value::Null), (Vec::new(), None));
    // help goes on without it
    for (name, words) in [("fabrikam", "nothing was learnt"), ("nobody", "no profile")] {
        let (found, told) = with(json!({"profile": name}));
        assert_eq!(found.len(), 1);
        assert!(
            told.as_ref().is_some_and(|it| it.contains(words)),
            "{told:?}"
        );
    }
}

//! `nightjar kql check`, `format`, `hover` and `complete` on files: findings with places and exit
//! statuses, repairs and layout written in place, hostile names and texts, the forms for machines.

mod support;

use std::path::PathBuf;

use serde_json::Value;
use support::Home;

/// Writes a file below the folders of a test; gives its path as text.
fn file(home: &Home, name: &str, text: &str) -> String {
    let path = home.path(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).expect("a text")
}

#[test]
fn findings_have_clickable_places_and_the_status_says_whether_there_are_any() {
    let home = Home::new();
    let good = file(
        &home,
        "rules/a.kql",
        "DeviceInfo\n| where Timestamp > ago(1d)\n| take 5\n",
    );
    let bad = file(
        &home,
        "rules/b.csl",
        "\u{feff}// é\nDeviceInfo | where DeviceNmae == 'é' and Nothing == 1\n\n\nAlertInfo | where (\n",
    );
    file(&home, "rules/notes.txt", "DeviceInfo | nonsense");
    file(&home, "rules/.hidden/c.kql", "nonsense");
    file(&home, "rules/x.md", "# no query\n");
    let rules = home.path("rules").display().to_string();

    let ran = home.run(&["kql", "check", "--no-lints", &rules]).expect(1);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with(&format!("{bad}:2:20: error KS142: ")),
        "{lines:?}"
    );
    assert!(lines[0].contains("DeviceName"), "{lines:?}");
    assert!(
        lines[1].starts_with(&format!("{bad}:2:42: error KS142: ")),
        "{lines:?}"
    );
    assert!(lines[2].starts_with(&format!("{bad}:5:")), "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with(&bad)), "{lines:?}");
    assert!(ran.err.contains("in 3 queries, 2 files"), "{}", ran.err);

    let ran = home.run(&["kql", "check", "--no-lints", &good]).expect(0);
    assert_eq!(ran.out, "");
    assert!(
        ran.err
            .contains("0 errors and 0 warnings in 1 query, 1 file"),
        "{}",
        ran.err
    );
}

#[test]
fn what_cannot_be_read_is_status_2_and_the_rest_is_still_checked() {
    let home = Home::new();
    let bad = file(&home, "b.kql", "DeviceInfo | nonsense");
    let bytes = home.path("c.kql");
    std::fs::write(&bytes, b"\xff\xfe\x00").expect("written");
    let ran = home
        .run(&[
            "kql",
            "check",
            "absent.kql",
            &bytes.display().to_string(),
            &bad,
        ])
        .expect(2);
    assert!(ran.out.starts_with(&bad), "{}", ran.out);
    assert!(
        ran.err.contains("absent.kql: ") && ran.err.contains("not UTF-8"),
        "{}",
        ran.err
    );
    let schema = home
        .run(&["kql", "check", "--schema", "absent.json", &bad])
        .expect(2);
    assert!(schema.err.contains("absent.json"), "{}", schema.err);
    let lint = home
        .run(&["kql", "check", "--deny", "nonsense", &bad])
        .expect(2);
    assert!(lint.err.contains("\"nonsense\" is no lint"), "{}", lint.err);
}

#[test]
fn standard_input_is_a_file_too() {
    let home = Home::new();
    for args in [&["kql", "check", "-"][..], &["kql", "check"]] {
        let ran = home.run_with_input(args, "DeviceInfo | take\n").expect(1);
        assert!(ran.out.starts_with("<stdin>:1:18: error "), "{}", ran.out);
    }
}

#[test]
fn blocks_of_markdown_are_checked_where_they_stand() {
    let home = Home::new();
    let page = file(
        &home,
        "page.md",
        "# A\n```kql\nDeviceInfo\n| tkae 1\n```\n```bash\nls | nonsense (\n```\n",
    );
    let ran = home.run(&["kql", "check", "--no-lints", &page]).expect(1);
    assert!(
        ran.out.starts_with(&format!("{page}:4:3: error ")),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains(":7:"), "{}", ran.out);
}

#[test]
fn a_schema_of_ones_own_takes_the_place_of_the_built_in_one() {
    let home = Home::new();
    let schema = file(
        &home,
        "schema.json",
        r#"{"tables": [{"name": "Mine", "columns": [{"name": "Clé", "type": "long"}]}]}"#,
    );
    let query = "Mine | where ['Clé'] > 1 | project ['Clé']";
    home.run_with_input(
        &["kql", "check", "--no-lints", "--schema", &schema, "-"],
        query,
    )
    .expect(0);
    home.run_with_input(&["kql", "check", "--no-lints"], query)
        .expect(1);
}

#[test]
fn findings_can_be_read_by_machines() {
    let home = Home::new();
    let bad = file(&home, "a b.kql", "DeviceInfo | where DeviceNmae == 'x'");
    for args in [
        &["kql", "check", "--json", "--no-lints", &bad][..],
        &["kql", "check", "--output", "json", "--no-lints", &bad],
    ] {
        let found: Value = serde_json::from_str(&home.run(args).expect(1).out).expect("JSON");
        assert_eq!(found.as_array().map(Vec::len), Some(1));
        assert_eq!(found[0]["file"], bad.as_str());
        assert_eq!(found[0]["line"], 1);
        assert_eq!(found[0]["column"], 20);
        assert_eq!(found[0]["endColumn"], 30);
        assert_eq!(found[0]["severity"], "error");
        assert_eq!(found[0]["code"], "KS142");
        assert!(
            found[0]["fix"]
                .as_str()
                .is_some_and(|fix| fix.contains("DeviceName"))
        );
    }
    let sarif = home
        .run(&["kql", "check", "--sarif", "--no-lints", &bad])
        .expect(1);
    let sarif: Value = serde_json::from_str(&sarif.out).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "KS142");
    let place = &result["locations"][0]["physicalLocation"];
    assert!(
        place["artifactLocation"]["uri"]
            .as_str()
            .is_some_and(|uri| uri.ends_with("a%20b.kql"))
    );
    assert_eq!(place["region"]["startColumn"], 20);
    let empty = home
        .run_with_input(&["kql", "check", "--sarif"], "print 1")
        .expect(0);
    let empty: Value = serde_json::from_str(&empty.out).expect("JSON");
    assert_eq!(empty["runs"][0]["results"], Value::Array(Vec::new()));
}

#[test]
fn hostile_texts_and_names_do_not_reach_the_terminal_raw() {
    let home = Home::new();
    let bad = file(
        &home,
        "x\u{1b}[2J\u{202e}.kql",
        "DeviceInfo | where ['\u{1b}]0;owned\u{7}\u{202e}'] == 1 and \u{1b}[31m",
    );
    for args in [
        &["kql", "check", &bad][..],
        &["kql", "check", "--json", &bad],
        &["kql", "check", "--sarif", &bad],
        &["kql", "classify", &bad],
        &["kql", "format", "--check", &bad],
    ] {
        let ran = home.run(args);
        for said in [&ran.out, &ran.err] {
            let raw = said
                .chars()
                .any(|c| c != '\n' && (c.is_control() || c == '\u{202e}'));
            assert!(!raw, "{args:?}: {said:?}");
        }
    }
}

#[test]
fn repairs_are_made_in_the_file_and_told() {
    let home = Home::new();
    let path = file(
        &home,
        "a.kql",
        "\u{feff}DeviceInfo | where DeviceNmae == 'x'\r\n\r\nDeviceInfo | where Qwerty == 1\r\n",
    );
    let page = file(
        &home,
        "b.md",
        "```kql\nDeviceInfo | project OSPlatfrom\n```\nDeviceNmae\n",
    );
    let ran = home
        .run(&["kql", "check", "--no-lints", "--fix", &path, &page])
        .expect(1);
    assert_eq!(
        read(&path),
        "\u{feff}DeviceInfo | where DeviceName == 'x'\r\n\r\nDeviceInfo | where Qwerty == 1\r\n"
    );
    assert_eq!(
        read(&page),
        "```kql\nDeviceInfo | project OSPlatform\n```\nDeviceNmae\n"
    );
    assert!(
        ran.err.contains(&format!("{path}:1:20: repaired KS142: ")),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains(&format!("{page}:2:22: repaired KS142: ")),
        "{}",
        ran.err
    );
    // what cannot be repaired is reported
    assert!(
        ran.out.starts_with(&format!("{path}:3:20: error KS142: ")),
        "{}",
        ran.out
    );
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    home.run_with_input(&["kql", "check", "--fix", "-"], "print 1")
        .expect(2);
}

#[test]
fn a_file_is_laid_out_in_place_once() {
    let home = Home::new();
    let text = "DeviceInfo|where   DeviceName=='é'|take 1   \n\n\n\nAlertInfo | where (\n";
    let path = file(&home, "q/a.kql", text);
    let folder = home.path("q").display().to_string();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(&path, mode).expect("set");
    }
    let listed = home.run(&["kql", "format", "--check", &folder]).expect(1);
    assert_eq!(listed.out, format!("{path}\n"));
    assert_eq!(read(&path), text, "--check writes nothing");

    // one query does not parse: it stays as it is and is named
    let ran = home.run(&["kql", "format", &folder]).expect(1);
    assert!(ran.err.contains(&format!("{path}:5:")), "{}", ran.err);
    assert!(
        read(&path).ends_with("\n\n\n\nAlertInfo | where (\n"),
        "{}",
        read(&path)
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o640);
    }
    let left: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(left, [PathBuf::from(&path)], "nothing is left beside it");

    std::fs::write(
        &path,
        read(&path).replace("AlertInfo | where (\n", "AlertInfo\n"),
    )
    .expect("written");
    home.run(&["kql", "format", &path]).expect(0);
    let once = read(&path);
    let again = home.run(&["kql", "format", "--check", &path]).expect(0);
    assert_eq!(again.out, "");
    let piped = home
        .run_with_input(&["kql", "format", "-"], &once)
        .expect(0);
    assert_eq!(piped.out, once);
}

#[test]
fn one_line_is_answered_by_one_line_whatever_it_says() {
    let home = Home::new();
    let lines = [
        r#"{"id": 1, "query": "print ['é'] = strlen('😀')", "caret": 12}"#,
        r#"{"id": "two"}"#,
        "not JSON",
        "",
        r#"{"id": [4], "query": "DeviceInfo | where (", "caret": 9999999999}"#,
        r#"{"id": 5, "query": "", "caret": 0, "unknown": {}}"#,
    ]
    .join("\n");
    for command in ["check", "classify", "complete", "hover", "format"] {
        let ran = home
            .run_with_input(&["kql", command, "--jsonl"], &lines)
            .expect(0);
        let answers: Vec<Value> = ran
            .out
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(answers.len(), 5, "{command}: {}", ran.out);
        let ids: Vec<String> = answers.iter().map(|it| it["id"].to_string()).collect();
        assert_eq!(ids, ["1", "\"two\"", "null", "[4]", "5"], "{command}");
        assert!(answers[1]["failed"].is_string() && answers[2]["failed"].is_string());
        assert_eq!(answers[0].get("failed"), None, "{command}: {}", answers[0]);
        assert_eq!(
            answers[3].get("failed").is_some(),
            command == "format",
            "{command}"
        );
    }
    let caretless = r#"{"id": 1, "query": "print 1"}"#;
    for command in ["complete", "hover"] {
        let ran = home
            .run_with_input(&["kql", command, "--jsonl"], caretless)
            .expect(0);
        assert!(ran.out.contains("caret"), "{}", ran.out);
    }
}

#[test]
fn places_are_file_line_and_column() {
    let home = Home::new();
    let path = file(
        &home,
        "a:b.kql",
        "// x\nDeviceInfo | where Timestamp > ago(1d)\n",
    );
    for command in ["hover", "complete"] {
        for wrong in ["a.kql", "a.kql:1", "a.kql:0:1", "a.kql:x:1"] {
            home.run(&["kql", command, wrong]).expect(2);
        }
        let absent = home.run(&["kql", command, "absent.kql:1:1"]).expect(2);
        assert!(absent.err.contains("absent.kql"), "{}", absent.err);
    }
    let offered = home
        .run(&[
            "kql",
            "complete",
            &format!("{path}:2:14"),
            "--output",
            "json",
        ])
        .expect(0);
    let offered: Value = serde_json::from_str(&offered.out).expect("JSON");
    assert!(
        offered
            .as_array()
            .is_some_and(|all| all.iter().any(|it| it["label"] == "where")),
        "{offered}"
    );
    let hover = home
        .run(&["kql", "hover", &format!("{path}:2:3")])
        .expect(0);
    assert!(
        hover.out.starts_with("(table) DeviceInfo\n"),
        "{}",
        hover.out
    );
    let call = home
        .run(&["kql", "hover", &format!("{path}:2:38"), "--output", "json"])
        .expect(0);
    let call: Value = serde_json::from_str(&call.out).expect("JSON");
    assert!(
        call["signatures"][0]
            .as_str()
            .is_some_and(|it| it.starts_with("ago(")),
        "{call}"
    );
    home.run(&["kql", "hover", &format!("{path}:3:1")])
        .expect(1);
}

/// For each lint, by code, a query of which it is all there is to say.
const LINTS: [&str; 24] = [
    "AlertInfo // nightjar: allow(nonsense)\n| take 5",
    "DeviceEvents",
    "AlertInfo | where Title contains 'malware'",
    "search Timestamp > ago(1d) | take 5",
    "DeviceProcessEvents | where Timestamp > ago(1d) | where ProcessCommandLine matches regex '[a-z]{9}' and ProcessId == 4",
    "DeviceEvents | where Timestamp > ago(1d) | where FolderPath matches regex 'temp'",
    "DeviceProcessEvents | where Timestamp > ago(1d) | join kind=inner (DeviceInfo | where Timestamp > ago(1d)) on DeviceId",
    "AlertInfo | sort by Timestamp desc | take 5",
    "AlertInfo | sort by Timestamp desc | summarize count() by Category",
    "// nightjar: detection\nAlertInfo | project Title",
    "AADSignInEventsBeta | where Timestamp > ago(1d) | project Timestamp, AccountUpn",
    "AlertInfo | summarize s = makeset(Title) by Category",
    "AlertInfo | join (AlertEvidence | where Timestamp > ago(1d)) on AlertId",
    "DeviceEvents | where Timestamp > ago(1d) | where FileName == 'cmd.exe'",
    "AlertInfo | where tolower(Title) == 'malware'",
    "AlertInfo | where tolower(Title) == 'Malware'",
    "AlertInfo | where Title has '--'",
    "let unused = 1; AlertInfo | take 5",
    "AlertInfo | extend a = strcat(Title, '') | project Title",
    "AlertInfo | summarize count() by Title | where Title has 'malware'",
    "AlertInfo | where isnull(Title)",
    "AlertInfo | take 5 | count",
    "DeviceEvents | where Timestamp < ago(1d)",
    "DeviceEvents | where Timestamp > ago(1d) | where FileName =~ '*.exe'",
];

#[test]
fn every_lint_is_heard_denied_allowed_and_repaired() {
    let home = Home::new();
    assert_eq!(nightjar::kql::lint::rules().len(), LINTS.len());
    let paths: Vec<String> = (0..LINTS.len())
        .map(|n| file(&home, &format!("rules/{n:02}.kql"), LINTS[n]))
        .collect();
    let rules = home.path("rules").display().to_string();

    // warnings alone do not fail a run
    let heard = home.run(&["kql", "check", "--json", &rules]).expect(0);
    let heard: Value = serde_json::from_str(&heard.out).expect("JSON");
    let heard = heard.as_array().expect("findings");
    let sarif = home.run(&["kql", "check", "--sarif", &rules]).expect(0);
    let sarif: Value = serde_json::from_str(&sarif.out).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let known = sarif["runs"][0]["tool"]["driver"]["rules"].as_array();
    assert_eq!((heard.len(), results.len()), (24, 24), "{heard:#?}");
    home.run(&["kql", "check", "--no-lints", "--deny", "warnings", &rules])
        .expect(0);
    home.run(&["kql", "check", "--deny", "warnings", &rules])
        .expect(1);

    for (n, rule) in nightjar::kql::lint::rules().iter().enumerate() {
        let (found, path) = (&heard[n], paths[n].as_str());
        assert_eq!(found["code"], rule.code);
        assert_eq!(found["file"], path);
        assert_eq!(found["severity"], "warning");
        assert_eq!(results[n]["ruleId"], rule.code);
        assert_eq!(results[n]["level"], "warning");
        let region = &results[n]["locations"][0]["physicalLocation"]["region"];
        assert_eq!(region["startColumn"], found["column"]);
        assert_eq!(
            known.map(|all| &all[n]["id"]),
            Some(&Value::from(rule.code))
        );

        let check = |args: &[&str]| home.run(&[&["kql", "check", path], args].concat());
        for named in [rule.name, rule.code, &rule.code.to_lowercase()] {
            check(&["--deny", named]).expect(1);
            let silent = check(&["--deny", "warnings", "--allow", named]).expect(0);
            assert_eq!(silent.out, "", "{named}");
        }
        let other = nightjar::kql::lint::rules()[(n + 1) % LINTS.len()].name;
        check(&["--deny", other, "--allow", other]).expect(0);
    }

    // what can be repaired is, and is not said again; the rest stays and is said
    let fixed = home
        .run(&["kql", "check", "--fix", "--json", &rules])
        .expect(0);
    let left: Value = serde_json::from_str(&fixed.out).expect("JSON");
    let left: Vec<&str> = left
        .as_array()
        .expect("findings")
        .iter()
        .map(|it| it["code"].as_str().expect("a code"))
        .collect();
    let mut repaired = 0;
    for (n, found) in heard.iter().enumerate() {
        let code = found["code"].as_str().expect("a code");
        let changed = read(&paths[n]) != LINTS[n];
        assert_eq!(
            changed,
            !left.contains(&code),
            "{code}: {}",
            read(&paths[n])
        );
        assert_eq!(
            changed,
            fixed.err.contains(&format!("repaired {code}:")),
            "{code}"
        );
        // a repair that is offered is made, unless it leaves as much to say
        assert!(!changed || !found["fix"].is_null(), "{code}");
        repaired += usize::from(changed);
    }
    assert!(repaired >= 10, "{repaired} of 24: {}", fixed.err);
    let again = home.run(&["kql", "check", "--fix", &rules]).expect(0);
    assert!(!again.err.contains("repaired"), "{}", again.err);
}

#[test]
fn own_queries_are_in_the_folder_that_the_settings_name() {
    let listed = |home: &Home| {
        let ran = home.run(&["hunt", "--library", "?badger", "--output", "json"]);
        let found: Vec<Value> = serde_json::from_str(&ran.expect(0).out).expect("JSON");
        let own = found.into_iter().filter(|it| it["file"].is_string());
        own.collect::<Vec<Value>>()
    };
    let text = "// title: Sets of the badger\n// tags: weekly\nlet n = 5; // how many\nDeviceInfo\n| take n\n";
    let home = Home::new().with_settings("[hunt]\nqueries = \"../detections\"\n");
    file(&home, "detections/deep/a.kql", text);
    file(&home, "config/queries/b.kql", text);
    let found = listed(&home);
    assert_eq!(found.len(), 1, "{found:?}");
    let kept = found[0]["file"].as_str().expect("a file");
    assert!(kept.ends_with("detections/deep/a.kql"), "{kept}");
    assert_eq!(found[0]["tags"], serde_json::json!(["weekly"]));
    assert_eq!(found[0]["parameters"][0]["about"], "how many");
    // without the setting: beside the settings
    let home = Home::new().with_settings("");
    file(&home, "config/queries/b.kql", text);
    let found = listed(&home);
    assert!(
        found[0]["file"]
            .as_str()
            .is_some_and(|it| it.ends_with("config/queries/b.kql")),
        "{found:?}"
    );
}

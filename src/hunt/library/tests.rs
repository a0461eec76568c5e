use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::engine::{Catalog, Engine, Options, TableDef};
use crate::kql::format::{Style, format};
use crate::kql::lint;
use crate::kql::types::Type;

#[test]
fn the_library_is_large_and_every_entry_complete() {
    let all = delivered();
    assert!(all.len() >= 100, "{}", all.len());
    let mut names = BTreeSet::new();
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in all {
        let at = &entry.title;
        assert!(names.insert(&entry.name), "{at}: the name is taken");
        *groups.entry(&entry.group).or_default() += 1;
        assert!(entry.about.len() > 40 && entry.about.ends_with('.'), "{at}");
        assert!(
            !entry.title.ends_with('.') && entry.title.len() < 70,
            "{at}"
        );
        assert!(!entry.tactics.is_empty() && !entry.needs.is_empty(), "{at}");
        let response = entry.tactics == ["Response"];
        assert!(
            response != entry.techniques.iter().any(|it| it.starts_with('T')),
            "{at}"
        );
        assert!(!entry.tables.is_empty(), "{at}");
        assert!(!entry.parameters.is_empty(), "{at}: nothing can be set");
        for parameter in &entry.parameters {
            assert!(!parameter.about.is_empty(), "{at}: {}", parameter.name);
            parameter
                .literal(&parameter.default)
                .expect("its own default");
        }
    }
    assert_eq!(groups.len(), FILES.len());
    // the fourteen tactics of ATT&CK for enterprises
    let tactics: BTreeSet<&str> = all
        .iter()
        .flat_map(|entry| entry.tactics.iter().map(String::as_str))
        .collect();
    assert_eq!(tactics.len(), 15, "{tactics:?}");
}

#[test]
fn every_query_is_right_and_laid_out_as_we_lay_out() {
    let schema = Schema::hunting();
    let mut faults = Vec::new();
    for entry in delivered() {
        let analysis = kql::analyze(&entry.query, schema);
        for found in &analysis.diagnostics {
            faults.push(format!("{}: {} {}", entry.title, found.code, found.message));
        }
        for found in lint(&entry.query, &analysis, schema) {
            faults.push(format!("{}: {} {}", entry.title, found.code, found.message));
        }
        match format(&entry.query, Style::default()) {
            Ok(text) if text.trim() == entry.query => {}
            Ok(_) => faults.push(format!("{}: laid out otherwise", entry.title)),
            Err(why) => faults.push(format!("{}: {}", entry.title, why.message)),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_query_runs_on_the_local_engine() {
    let engine = Engine::in_memory().expect("an engine");
    let mut catalog = Catalog::new();
    for table in Schema::hunting().tables() {
        let columns = table.columns.iter().map(|it| (it.name.as_str(), it.ty));
        let table = TableDef::native(table.name.clone(), columns);
        engine
            .connection()
            .execute_batch(&table.create_sql())
            .expect("a table");
        catalog.insert(table);
    }
    let faults: Vec<String> = delivered()
        .iter()
        .filter_map(|entry| {
            let answer = engine.run(&entry.query, &catalog, &Options::default());
            answer.err().map(|why| format!("{}: {why}", entry.title))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

const TEXT: &str = r#"// title: It's “one” / two
// about: A: b
// tactics: Execution, Impact
// a comment of the query
let lookback = 7d; // how far back
let least = 10; // how many
let ratio = 0.5; // share
let host = "a; // b"; // a name
let since = datetime(2026-01-02 03:04); // from when
let names = dynamic([
    "x",
    "y"
]); // some
let all = true; // everything
let fixed = 3;
let not_at_the_head = 1; // no parameter
DeviceInfo | where Timestamp > ago(lookback) and DeviceName in (names)
// title: Second
DeviceEvents | take 1
"#;

#[test]
fn a_file_holds_queries_with_heads_and_parameters() {
    let found = read(TEXT, "stem", OWN);
    assert_eq!(found.len(), 2);
    let first = &found[0];
    assert_eq!(
        (first.title.as_str(), first.name.as_str()),
        ("It's “one” / two", "its-one-two")
    );
    assert_eq!(first.about, "A: b");
    assert_eq!(first.tactics, ["Execution", "Impact"]);
    assert!(
        first
            .query
            .starts_with("// a comment of the query\nlet lookback")
    );
    assert_eq!(first.tables, ["DeviceInfo"]);
    let told: Vec<(&str, Type, &str)> = first
        .parameters
        .iter()
        .map(|it| (it.name.as_str(), it.ty, it.default.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("lookback", Type::TimeSpan, "7d"),
            ("least", Type::Long, "10"),
            ("ratio", Type::Real, "0.5"),
            ("host", Type::String, "a; // b"),
            ("since", Type::DateTime, "2026-01-02 03:04"),
            ("names", Type::Dynamic, "x, y"),
            ("all", Type::Bool, "true"),
        ]
    );
    assert_eq!(
        read("DeviceInfo | take 1", "my file", OWN)[0].title,
        "my file"
    );
    assert_eq!(read("", "empty", OWN), []);
    assert_eq!(read("// title: only a head", "x", OWN), []);
}

#[test]
fn values_are_checked_and_put_in_their_place() {
    let entry = &read(TEXT, "stem", OWN)[0];
    let values = |set: &[(usize, &str)]| -> Vec<String> {
        let mut values: Vec<String> = entry
            .parameters
            .iter()
            .map(|it| it.default.clone())
            .collect();
        for (at, value) in set {
            (*value).clone_into(&mut values[*at]);
        }
        values
    };
    let same = fill(&entry.query, &entry.parameters, &values(&[])).expect("defaults");
    assert_eq!(same, entry.query);
    let set = [
        (0, "36h"),
        (2, "1"),
        (3, "x\" or 1==1 //"),
        (4, "2026-11-20T14:30:00Z"),
        (5, "one, two"),
        (6, "false"),
    ];
    let text = fill(&entry.query, &entry.parameters, &values(&set)).expect("all fit");
    for line in [
        "let lookback = 36h; // how far back",
        "let ratio = 1; // share",
        "let host = \"x\\\" or 1==1 //\"; // a name",
        "let since = datetime(2026-11-20T14:30:00Z); // from when",
        "let names = dynamic([\"one\", \"two\"]); // some",
        "let all = false; // everything",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(kql::analyze(&text, Schema::hunting()).is_ok());
    for (at, wrong) in [
        (0, "soon"),
        (0, "7d; DeviceEvents"),
        (0, "7"),
        (1, "many"),
        (1, "1.5"),
        (4, "yesterday"),
        (4, "2026-13-40"),
        (4, "2026-01-01) or (1==1"),
        (6, "maybe"),
        (6, "true | x"),
        (0, ""),
    ] {
        let refused = fill(&entry.query, &entry.parameters, &values(&[(at, wrong)]));
        assert!(refused.is_err(), "{wrong}: {refused:?}");
    }
}

#[test]
fn a_few_letters_find_a_query() {
    let all = delivered();
    let best = |wanted: &str| {
        let found = search(all, wanted);
        found.first().map(|at| all[*at].title.as_str())
    };
    assert_eq!(best("lsass"), Some("Memory of LSASS dumped"));
    assert_eq!(best("T1486"), Some("Files renamed to one new ending"));
    assert_eq!(best("zzzz nothing"), None);
    assert!(
        search(all, "logs cleared").len() < 6,
        "not what only has the letters"
    );
    assert!(
        search(all, "identity kerberoast")
            .iter()
            .any(|at| all[*at].title.contains("Tickets"))
    );
    assert_eq!(search(all, "  ").len(), all.len());
}

#[test]
fn own_queries_are_read_and_kept_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("queries");
    assert!(
        load(std::slice::from_ref(&at)).problems.is_empty(),
        "no folder is no fault"
    );
    let first = save(&at, "Mine: \u{1b}[31mred\nline", "DeviceInfo\n| take 1").expect("kept");
    let second = save(&at, "Mine: \u{1b}[31mred\nline", "DeviceEvents").expect("kept");
    assert_ne!(first, second);
    std::fs::create_dir(at.join("deeper")).expect("a folder");
    std::fs::write(at.join("deeper/plain.kql"), "AlertInfo | take 2").expect("written");
    std::fs::write(at.join("notes.txt"), "no query").expect("written");
    std::fs::write(at.join("bad.kql"), [0xff, 0xfe, 0x00]).expect("written");
    let library = load(&[at]);
    let own: Vec<&Entry> = library
        .entries
        .iter()
        .filter(|it| it.file.is_some())
        .collect();
    assert_eq!(own.len(), 3, "{own:?}");
    assert!(
        own.iter()
            .all(|it| it.group == OWN && !it.title.contains('\u{1b}'))
    );
    assert!(
        own.iter()
            .any(|it| it.title == "plain" && it.query == "AlertInfo | take 2")
    );
    assert!(own.iter().any(|it| it.query == "DeviceInfo\n| take 1"));
    let names: BTreeSet<&String> = library.entries.iter().map(|it| &it.name).collect();
    assert_eq!(
        names.len(),
        library.entries.len(),
        "every name is one entry's"
    );
    assert_eq!(library.problems.len(), 1, "{:?}", library.problems);
    assert!(library.problems[0].contains("bad.kql"));
}

#[test]
fn a_query_is_kept_with_all_that_is_said_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("queries");
    let own = || -> Vec<Entry> {
        let entries = load(std::slice::from_ref(&at)).entries.into_iter();
        entries.filter(|it| it.file.is_some()).collect()
    };
    // one that came with the program, another value set, kept under another title
    let delivered = delivered().iter().find(|it| it.parameters.len() > 1);
    let delivered = delivered.expect("one with parameters");
    let mut values: Vec<String> = delivered
        .parameters
        .iter()
        .map(|it| it.default.clone())
        .collect();
    "9d".clone_into(&mut values[0]);
    let query = fill(&delivered.query, &delivered.parameters, &values).expect("filled");
    let opened = delivered.headed(&query);
    assert_eq!(title_of(&opened).as_deref(), Some(&*delivered.title));
    let file = save(&at, "Mine", &opened).expect("kept");
    let kept = own();
    let [mine] = &kept[..] else {
        panic!("{kept:?}")
    };
    assert_eq!(mine.title, "Mine");
    assert_eq!(mine.file.as_ref(), Some(&file));
    assert_eq!(
        (&mine.about, &mine.tactics, &mine.techniques, &mine.needs),
        (
            &delivered.about,
            &delivered.tactics,
            &delivered.techniques,
            &delivered.needs
        )
    );
    assert_eq!(mine.query, query);
    assert_eq!(mine.parameters[0].default, "9d");
    let about = |entry: &Entry| -> Vec<String> {
        let all = entry.parameters.iter();
        all.map(|it| it.about.clone()).collect()
    };
    assert_eq!(about(mine), about(delivered));

    // opened, changed and kept: the same query, and what stands beside it in its file stays
    let beside = "// title: Other\nAlertInfo | take 1\n";
    let text = std::fs::read_to_string(&file).expect("a text");
    std::fs::write(&file, format!("{}\n\n{beside}", text.trim_end())).expect("written");
    let edited = mine
        .headed(&mine.query)
        .replace("// needs:", "// tags: weekly, mine\n// needs:")
        .replace("9d", "11d");
    assert_eq!(save(&at, "Mine", &edited).expect("kept"), file);
    let kept = own();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(kept[0].parameters[0].default, "11d");
    assert_eq!(kept[0].tags, ["weekly", "mine"]);
    assert_eq!(kept[0].about, delivered.about);
    let text = std::fs::read_to_string(&file).expect("a text");
    assert!(text.ends_with(&format!("\n\n{beside}")), "{text}");
    assert_eq!(kept[0].headed(&kept[0].query), edited.trim_end());

    // a new query of the same title takes nobody's place
    let other = save(&at, "Mine", "// about: another\nDeviceInfo").expect("kept");
    assert_ne!(other, file);
    assert!(own().iter().any(|it| it.about == "another"));
    // two of that title: which was meant cannot be told
    let third = save(&at, "Mine", &edited).expect("kept");
    assert!(third != file && third != other);
}

//! Which line of a pattern a call stands for, and what is made of a group of entities.

use crate::kql::binder::tests::{columns, first};
use crate::kql::{Schema, analyze};

const PATTERN: &str = "declare pattern App = (name: string)[path: string] {
    ('a').['Hosts'] = { DeviceInfo | where DeviceName == name | project DeviceId };
    ('a').['One'] = { let x = 1; print x, path };
    ('b').['Hosts'] = { DeviceEvents };
};
";

#[test]
fn a_pattern_is_chosen_by_its_values_and_path() {
    let asked = |query: &str| columns(&format!("{PATTERN}{query}"));
    assert_eq!(asked("App('a').Hosts"), ["DeviceId:string"]);
    assert_eq!(
        asked("App('a').['One']"),
        ["print_0:long", "print_1:string"]
    );
    assert_eq!(asked("let t = App; t('a').Hosts | count"), ["Count:long"]);
    let refused = |query: &str, code: &str, place: &str| {
        let (found, text, _, _) = first(&format!("{PATTERN}{query}"));
        assert_eq!((found, text.as_str()), (code, place), "{query}");
    };
    refused("App('a').Nope", "KS142", "Nope");
    refused("App('c').Hosts", "KS188", "App");
    refused("App('a', 'b').Hosts", "KS118", "App");
    refused("App(1).Hosts", "KS188", "App");
    refused("let v = 'a'; App(v).Hosts", "KS188", "App");
    refused("App('a').Hosts | where Nope == 1", "KS142", "Nope");
    let declared = |rest: &str, code: &str, place: &str| {
        let (found, text, _, _) = first(&format!("declare pattern P = {rest}; print 1"));
        assert_eq!((found, text.as_str()), (code, place), "{rest}");
    };
    declared(
        "(a: string) { ('x', 'y') = { print 1 }; }",
        "KS185",
        "('x', 'y')",
    );
    declared(
        "(a: string) { ('x').['y'] = { print 1 }; }",
        "KS186",
        ".['y']",
    );
    declared(
        "(a: string)[p: string] { ('x') = { print 1 }; }",
        "KS187",
        "=",
    );
    declared("(a: string) { (1) = { print 1 }; }", "KS141", "1");
    declared("(a: string) { ('x') = { print Nope }; }", "KS142", "Nope");
}

#[test]
fn what_is_expanded_over_a_group_is_laid_over_each_other() {
    let two = "let g = entity_group [DeviceInfo, EmailEvents];\n";
    let all = columns(&format!(
        "{two}macro-expand g as X (X | project Timestamp, Same = 1)"
    ));
    assert_eq!(all, ["Timestamp:datetime", "Same:long"]);
    let place = "macro-expand entity_group [database('hunting')] as X";
    let one = columns(&format!(
        "{place} (let n = X.DeviceInfo | project DeviceId; n | extend d = X.$current_database)"
    ));
    assert_eq!(one, ["DeviceId:string", "d:string"]);
    let errors = |query: &str| {
        let analysis = analyze(query, Schema::hunting());
        let told = analysis.diagnostics.iter().filter(|d| d.is_error());
        told.map(|d| format!("{} {}", d.code, d.span.text(query)))
            .collect::<Vec<_>>()
    };
    // a fault in every round is told once
    let nope = format!("{two}macro-expand g as X (X | where Nope == 1)");
    assert_eq!(errors(&nope), ["KS142 Nope"]);
    let mixed = "macro-expand entity_group [DeviceInfo, database('hunting')] as X (X | take 1)";
    assert_eq!(errors(mixed), ["KS251 database('hunting')"]);
    assert_eq!(errors("let g = entity_group [1]; print 1"), ["KS216 1"]);
    let number = format!("{two}macro-expand g as X (1)");
    assert_eq!(errors(&number), ["KS111 1"]);
}

#[test]
fn groups_within_groups_end() {
    let mut query = "X | count".to_owned();
    for i in 0..60 {
        let list = "entity_group [DeviceInfo, EmailEvents, DeviceEvents]";
        query = format!(
            "macro-expand {list} as {} ({query})",
            if i == 0 { "X" } else { "Y" }
        );
    }
    let started = std::time::Instant::now();
    analyze(&query, Schema::hunting());
    assert!(started.elapsed().as_secs() < 5);
}

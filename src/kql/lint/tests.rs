//! Each lint on a text it is for, and on neighbours it must leave alone.

use super::{lint, rules};
use crate::kql::diagnostics::Edit;
use crate::kql::{Diagnostic, Schema, analyze};

fn found(text: &str) -> Vec<Diagnostic> {
    let schema = Schema::hunting();
    lint(text, &analyze(text, schema), schema)
}

fn names(text: &str) -> Vec<&'static str> {
    let name = |d: &Diagnostic| {
        rules()
            .iter()
            .find(|r| r.code == d.code)
            .expect("a rule")
            .name
    };
    found(text).iter().map(name).collect()
}

/// The only finding is this one, and its repair gives that text.
fn repaired(text: &str, name: &str, wanted: &str) {
    assert_eq!(names(text), [name], "{text}");
    let list = found(text);
    let fix = list[0].fix.as_ref().expect("a repair");
    let after = Edit::apply(text, &fix.edits);
    assert_eq!(after, wanted);
    assert!(!names(&after).contains(&name), "still said of {after}");
}

/// The time is limited, so nothing is said of that.
fn timed(rest: &str) -> String {
    format!("DeviceProcessEvents | where Timestamp > ago(1d) | {rest}")
}

fn quiet(text: &str) {
    assert_eq!(names(text), [""; 0], "{text}");
}

#[test]
fn every_rule_has_its_own_code_and_name() {
    for (n, rule) in rules().iter().enumerate() {
        assert_eq!(rule.code, format!("NJ{n:03}"));
        assert!(!rule.reason.is_empty());
        assert_eq!(rules().iter().filter(|r| r.name == rule.name).count(), 1);
    }
}

#[test]
fn time_filters() {
    repaired(
        "DeviceEvents\n| where FileName =~ 'a.exe'",
        "no-time-filter",
        "DeviceEvents\n| where Timestamp > ago(7d)\n| where FileName =~ 'a.exe'",
    );
    assert_eq!(names("DeviceEvents"), ["no-time-filter"]);
    for text in [
        "let t = 3d; DeviceEvents | where FileName =~ 'a.exe' | where Timestamp between (ago(t) .. now())",
        "let e = DeviceEvents | project Timestamp, DeviceId; e | where Timestamp > ago(1d)",
        "let f = (d: timespan) { DeviceEvents | where Timestamp > ago(d) }; f(1d)",
        "let f = () { DeviceEvents }; f | where Timestamp > ago(1d)",
        "union DeviceEvents, DeviceFileEvents | where Timestamp > ago(1d)",
        "DeviceEvents | take 10",
        "DeviceEvents | where ingestion_time() > ago(1h)",
        "AlertInfo | where Severity == 'High'",
        "DeviceInfo | where OSPlatform has 'Linux'",
        "EmailEvents | where NetworkMessageId == 'x'",
        "search in (DeviceEvents) Timestamp > ago(1d) and 'x'",
    ] {
        quiet(text);
    }
    // each side of a join, each leg of a union
    assert_eq!(
        names("DeviceInfo | join kind=inner (DeviceEvents | project DeviceId) on DeviceId"),
        ["no-time-filter"]
    );
    assert_eq!(
        names("union (DeviceEvents | where Timestamp > ago(1d)), DeviceFileEvents"),
        ["no-time-filter"]
    );
    assert_eq!(
        names("AlertEvidence | where DeviceId in (DeviceEvents | project DeviceId)"),
        ["no-time-filter"]
    );
    // nor does the time of a sub-query limit the outer read
    assert_eq!(
        names(
            "DeviceEvents | where DeviceId in ((DeviceInfo | where Timestamp > ago(1d) | project DeviceId))"
        ),
        ["no-time-filter"]
    );
    quiet(
        "DeviceEvents | where DeviceId in ((DeviceInfo | project DeviceId)) and Timestamp > ago(1d)",
    );
}

#[test]
fn words_instead_of_characters() {
    repaired(
        &timed("where ProcessCommandLine contains \"mimikatz\""),
        "contains-word",
        &timed("where ProcessCommandLine has \"mimikatz\""),
    );
    repaired(
        &timed("where ProcessCommandLine has '--'"),
        "has-without-word",
        &timed("where ProcessCommandLine contains '--'"),
    );
    for rest in [
        "where ProcessCommandLine contains \"-enc\"",
        "where ProcessCommandLine contains \"cmd\"",
        "where ActionType contains \"ExploitGuard\"",
        "where ProcessCommandLine has '-enc'",
    ] {
        quiet(&timed(rest));
    }
}

#[test]
fn regular_expressions() {
    repaired(
        &timed("where FileName matches regex @'(?i)\\.ps1$'"),
        "needless-regex",
        &timed("where FileName endswith \".ps1\""),
    );
    repaired(
        &timed("where ProcessCommandLine matches regex '[a-z]{9}' and ProcessId == 4"),
        "regex-first",
        &timed("where ProcessId == 4 and ProcessCommandLine matches regex '[a-z]{9}'"),
    );
    quiet(&timed(
        "where ProcessId == 4 and ProcessCommandLine matches regex '[a-z]{9}'",
    ));
    quiet(&timed(
        "where ProcessId == 4 or ProcessCommandLine matches regex '[a-z]{9}'",
    ));
}

#[test]
fn case_of_names() {
    repaired(
        &timed("where FileName == 'cmd.exe'"),
        "case-of-name",
        &timed("where FileName =~ 'cmd.exe'"),
    );
    repaired(
        &timed("where DeviceName !in ('A', 'b')"),
        "case-of-name",
        &timed("where DeviceName !in~ ('A', 'b')"),
    );
    repaired(
        &timed("where tolower(AccountName) in ('a', 'b')"),
        "lowered",
        &timed("where AccountName in~ ('a', 'b')"),
    );
    repaired(
        &timed("where tolower(ProcessCommandLine) has 'encoded'"),
        "lowered",
        &timed("where ProcessCommandLine has 'encoded'"),
    );
    repaired(
        &timed("where tolower(FileName) == 'CMD.exe'"),
        "never-equal",
        &timed("where FileName =~ 'CMD.exe'"),
    );
    assert_eq!(names(&timed("where FileName =~ '*.ps1'")), ["star-in-name"]);
    for test in [
        "FolderPath has @'C:\\Users\\*\\AppData'",
        "FileName in~ ('a.exe', 'b*')",
        "FileName !contains 'a*b'",
    ] {
        let text = timed(&format!("where {test}"));
        assert_eq!(names(&text), ["star-in-name"], "{text}");
    }
    quiet(&timed(
        "where ProcessCommandLine has 'a*' or FileName contains '*'",
    ));
    let said = |text: &str| found(&timed(text)).remove(0).message;
    assert!(said("where FileName != 'cmd.exe'").contains("leaves out only this spelling"));
    // the one that never matches is named
    assert!(
        said("where tolower(FileName) in ('cmd.exe', 'CMD.com')").contains("\"CMD.com\" is not")
    );
    quiet(&timed(
        "where FileName == '7' or SHA1 == 'ab' or ActionType == 'ProcessCreated'",
    ));
    quiet(&timed("extend x = tolower(FileName)"));
}

#[test]
fn joins() {
    let join = |kind: &str| {
        timed(&format!(
            "join{kind} (DeviceInfo | project DeviceId) on DeviceId"
        ))
    };
    assert_eq!(names(&join("")), ["large-left-join", "join-without-kind"]);
    let filtered = timed("where FileName =~ 'a.exe' | join DeviceInfo on DeviceId");
    repaired(
        &filtered,
        "join-without-kind",
        &filtered.replace("join", "join kind=inner"),
    );
    for text in [
        timed("summarize count() by DeviceId | join (DeviceInfo | project DeviceId) on DeviceId"),
        join(" kind=leftouter"),
        "let d = AlertEvidence | distinct DeviceId; d | join DeviceInfo on DeviceId".to_owned(),
        "AlertEvidence | join kind=inner AlertInfo on AlertId".to_owned(),
        "AlertEvidence | distinct DeviceId | project-rename Id = DeviceId | join DeviceInfo on $left.Id == $right.DeviceId".to_owned(),
        "AlertEvidence | summarize n = count() by DeviceId | project Id = DeviceId, n | join DeviceInfo on $left.Id == $right.DeviceId".to_owned(),
        timed("where * has 'x' | join kind=inner DeviceInfo on DeviceId"),
    ] {
        quiet(&text);
    }
    // computed anew, two devices may have one key
    assert_eq!(
        names(
            "AlertEvidence | distinct DeviceId | extend DeviceId = substring(DeviceId, 0, 4) | join DeviceInfo on DeviceId"
        ),
        ["join-without-kind"]
    );
}

#[test]
fn order() {
    repaired(
        &timed("order by Timestamp desc | limit 10"),
        "sort-then-take",
        &timed("top 10 by Timestamp desc"),
    );
    repaired(
        &timed("sort by Timestamp | where ProcessId == 4 | summarize count() by FileName"),
        "lost-sort",
        &timed("where ProcessId == 4 | summarize count() by FileName"),
    );
    quiet(&timed(
        "sort by Timestamp asc | summarize make_list(FileName) by DeviceId",
    ));
    quiet(&timed(
        "sort by Timestamp asc | extend p = prev(FileName) | summarize count() by p",
    ));
    quiet(&timed("sort by Timestamp"));
    assert_eq!(names(&timed("take 5 | count")), ["count-after-take"]);
    assert_eq!(
        names(&timed("take 5 | summarize n = count()")),
        ["count-after-take"]
    );
    // a sample, looked at
    quiet(&timed("take 5000 | summarize count() by FileName"));
}

#[test]
fn filters_in_their_place() {
    repaired(
        &timed("summarize n = count() by DeviceName, AccountName | where DeviceName has 'srv'"),
        "late-filter",
        &timed("where DeviceName has 'srv' | summarize n = count() by DeviceName, AccountName"),
    );
    quiet(&timed(
        "summarize n = count() by DeviceName | where n > 5 and DeviceName has 'srv'",
    ));
    repaired(
        "DeviceEvents | where Timestamp < ago(1d)",
        "time-backwards",
        "DeviceEvents | where Timestamp > ago(1d)",
    );
    quiet("DeviceEvents | where Timestamp < ago(1d) and Timestamp > ago(8d)");
    repaired(
        "DeviceEvents | where (Timestamp <= ago(1d) and FileName =~ 'a') | summarize count() by DeviceId",
        "time-backwards",
        "DeviceEvents | where (Timestamp >= ago(1d) and FileName =~ 'a') | summarize count() by DeviceId",
    );
    for text in [
        // devices not seen for a week, a column, the opposite, a baseline, other bounds
        "DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId | where Timestamp < ago(7d)",
        "DeviceInfo | extend Old = Timestamp < ago(1d)",
        "DeviceEvents | where not(Timestamp < ago(1d))",
        "let known = DeviceEvents | where Timestamp < ago(7d) | distinct SHA1; AlertEvidence | where SHA1 in (known)",
        "DeviceEvents | where Timestamp < ago(1d) and startofday(Timestamp) > ago(9d)",
        "DeviceEvents | where Timestamp < ago(1d) | where ingestion_time() > ago(1h)",
    ] {
        quiet(text);
    }
    // a choice by chance among groups is not one among rows
    quiet(&timed(
        "summarize count() by DeviceName | where DeviceName has 'srv' and rand() < 0.1",
    ));
}

#[test]
fn sources_and_functions() {
    assert_eq!(names("search 'x'"), ["all-tables"]);
    assert_eq!(names("union * | count"), ["all-tables"]);
    quiet("search in (AlertInfo) 'x'");
    assert_eq!(
        names("AADSignInEventsBeta | where Timestamp > ago(1d) | project Timestamp, AccountUpn"),
        ["old-table"]
    );
    repaired(
        &timed("summarize s = makeset(FileName) by DeviceId"),
        "old-function",
        &timed("summarize s = make_set(FileName) by DeviceId"),
    );
    repaired(
        &timed("where isnull(FileName)"),
        "null-text",
        &timed("where isempty(FileName)"),
    );
    quiet(&timed("where isnull(ProcessId)"));
}

#[test]
fn names_nobody_uses() {
    repaired("let a = 1;\nAlertInfo", "unused-let", "AlertInfo");
    quiet("let _a = 1;\nlet b = 2;\nAlertInfo | take b");
    assert_eq!(
        names(&timed("extend a = strcat(FileName, '') | project DeviceId")),
        ["unused-column"]
    );
    quiet(&timed("extend a = strcat(FileName, '')"));
    quiet(&timed(
        "extend a = strcat(FileName, '') | extend b = a | project b",
    ));
    // shown as a1, or as a row of the schema
    quiet(
        "AlertEvidence | extend a = 1 | join kind=inner (AlertInfo | extend a = 2) on AlertId | project-away a",
    );
    quiet(&timed("extend a = 1 | getschema"));
    quiet(&timed(
        "extend a = strcat(FileName, '') | summarize arg_max(Timestamp, *) by DeviceId | project a",
    ));
}

#[test]
fn detections() {
    let text = |columns: &str| {
        format!(
            "// nightjar: detection\n{}",
            timed(&format!("project {columns}"))
        )
    };
    assert_eq!(names(&text("FileName")), ["not-a-detection"]);
    quiet(&text("Timestamp, DeviceName"));
    // a device column of a table that is not the endpoint's does not identify the event
    let sign_in = "// nightjar: detection\nIdentityLogonEvents | where Timestamp > ago(1h) | project Timestamp, AccountUpn, DeviceName";
    assert_eq!(names(sign_in), ["not-a-detection"]);
    quiet(&format!("{sign_in}, ReportId"));
    quiet(&text("Timestamp, DeviceId, ReportId"));
    quiet(
        "// nightjar: detection\nEmailEvents | where Timestamp > ago(1d) | project Timestamp, ReportId, SenderObjectId",
    );
    quiet(&timed("project FileName"));
}

#[test]
fn silence() {
    quiet(
        "// nightjar: allow(no-time-filter, NJ002)\nDeviceEvents\n| where FolderPath contains 'temp'",
    );
    quiet("DeviceEvents // nightjar: allow(no-time-filter)\n| where FileName =~ 'a'");
    quiet("AlertInfo\n// nightjar: allow(contains-word)\n| where Title contains 'malware'");
    assert_eq!(
        names(
            "AlertInfo\n// nightjar: allow(contains-word)\n| where Category == 'a'\n| where Title contains 'malware'"
        ),
        ["contains-word"]
    );
    let text = "AlertInfo // nightjar: allow(contains-wrd)\n| take 5";
    repaired(text, "unknown-allow", &text.replace("wrd", "word"));
}

/// Silenced at its first finding, that is no longer said, and everything else is.
fn silenced(text: &str, wanted: &str) {
    let schema = Schema::hunting();
    let analysis = analyze(text, schema);
    let before = lint(text, &analysis, schema);
    let at = before[0].span.start as usize;
    let fix = super::silence(text, &analysis.syntax, before[0].code, at).expect("a comment");
    let after = Edit::apply(text, &fix.edits);
    assert_eq!(after, wanted);
    let left: Vec<_> = found(&after).iter().map(|it| it.code).collect();
    let wanted: Vec<_> = before[1..].iter().map(|it| it.code).collect();
    assert_eq!(left, wanted, "{after}");
}

#[test]
fn silencing_one_place() {
    // the first line: a comment above it would speak for all of the query
    silenced(
        "DeviceEvents  \n| where FolderPath contains 'temp'",
        "DeviceEvents // nightjar: allow(no-time-filter)  \n| where FolderPath contains 'temp'",
    );
    silenced(
        "// what\r\nDeviceEvents // so\r\n| count",
        "// what\r\nDeviceEvents // nightjar: allow(no-time-filter) // so\r\n| count",
    );
    silenced(
        "DeviceEvents // nightjar: allow( contains-word )",
        "DeviceEvents // nightjar: allow( contains-word , no-time-filter)",
    );
    // other lines: above, as far to the right
    silenced(
        "AlertInfo\r\n\t| where Title contains 'malware' // x\r\n| where Title contains 'virus'",
        "AlertInfo\r\n\t// nightjar: allow(contains-word)\r\n\t| where Title contains 'malware' // x\r\n| where Title contains 'virus'",
    );
    silenced(
        "AlertInfo\n// why\n// nightjar: allow(sort-then-take)\n| where Title contains 'malware'",
        "AlertInfo\n// why\n// nightjar: allow(sort-then-take, contains-word)\n| where Title contains 'malware'",
    );
    // a line that begins within a string
    silenced(
        "AlertInfo | where AlertId != ```\n``` and Title contains 'malware'",
        "AlertInfo | where AlertId != ```\n``` and Title contains 'malware' // nightjar: allow(contains-word)",
    );
    let text = "AlertInfo | where Title contains 'malware' and AlertId != ```\n```";
    let analysis = analyze(text, Schema::hunting());
    assert_eq!(super::silence(text, &analysis.syntax, "NJ002", 20), None);
    assert_eq!(super::silence(text, &analysis.syntax, "KS142", 20), None);
}

#[test]
fn broken_queries() {
    quiet("DeviceEvents | where (");
    // names unknown, but what the text itself says is said
    assert_eq!(
        names("search 'x' | where Nope == 1 | sort by Timestamp | take 5").len(),
        2
    );
}

#[test]
fn lines_are_silenced_apart_however_many() {
    let has = "| where Title contains 'malware'\n";
    let silent = format!("// nightjar: allow(contains-word, contains-word)\n{has}");
    let text = format!("AlertInfo\n{silent}{has}{silent}{has}");
    assert_eq!(names(&text), ["contains-word"; 2]);
    let whole = format!("// nightjar: allow(contains-word)\n{text}");
    quiet(&whole);
    let unknown = format!(
        "AlertInfo // nightjar: allow({}x)",
        "no-tme-filter,".repeat(5000)
    );
    let all = found(&unknown);
    assert_eq!(all.len(), 5001, "each is named");
    assert!(all[0].fix.is_some() && all[5000].fix.is_none());
}

//! The words of faults of names and types, and what their repairs make of a query.

use crate::kql::diagnostics::Edit;
use crate::kql::{Schema, analyze};

/// The first error: code, text at its place, words, and the query repaired.
pub(super) fn first(query: &str) -> (&'static str, String, String, Option<String>) {
    let analysis = analyze(query, Schema::hunting());
    let found = analysis
        .diagnostics
        .iter()
        .find(|d| d.is_error())
        .expect("an error");
    let fixed = found.fix.as_ref().map(|f| Edit::apply(query, &f.edits));
    (
        found.code,
        found.span.text(query).to_owned(),
        found.message.clone(),
        fixed,
    )
}

/// Code, words and repaired query of the first error; the repair must leave fewer errors.
#[track_caller]
fn says(query: &str, code: &str, words: &str, fixed: Option<&str>) {
    let (found, _, message, repaired) = first(query);
    assert_eq!(
        (found, message.as_str(), repaired.as_deref()),
        (code, words, fixed),
        "{query}"
    );
    if let Some(repaired) = repaired {
        let errors = |q: &str| {
            analyze(q, Schema::hunting())
                .diagnostics
                .iter()
                .filter(|d| d.is_error())
                .count()
        };
        assert!(errors(&repaired) < errors(query), "{repaired}");
    }
}

#[test]
fn names_from_elsewhere_are_known() {
    says(
        "DeviceInfo | where TimeGenerated > ago(1d)",
        "KS142",
        "'TimeGenerated' is called 'Timestamp' here.",
        Some("DeviceInfo | where Timestamp > ago(1d)"),
    );
    says(
        "DeviceInfo | project Computer",
        "KS142",
        "'Computer' is called 'DeviceName' here.",
        Some("DeviceInfo | project DeviceName"),
    );
    says(
        "ProcessCreationEvents | take 5",
        "KS204",
        "There is no table 'ProcessCreationEvents': what it holds is in 'DeviceProcessEvents' here.",
        Some("DeviceProcessEvents | take 5"),
    );
    says(
        "SecurityAlert | take 5",
        "KS204",
        "There is no table 'SecurityAlert': what it holds is in 'AlertInfo' and 'AlertEvidence' here.",
        Some("AlertInfo | take 5"),
    );
    says(
        "DeviceInfo | extend x = len(DeviceName)",
        "KS211",
        "'len' is called 'strlen' here.",
        Some("DeviceInfo | extend x = strlen(DeviceName)"),
    );
}

#[test]
fn slips_of_the_pen_are_understood() {
    says(
        "DeviceInfo | project DeviceNmae",
        "KS142",
        "There is no column 'DeviceNmae' here. Did you mean 'DeviceName'?",
        Some("DeviceInfo | project DeviceName"),
    );
    says(
        "DeviceInfo | project devicename",
        "KS142",
        "Names keep capitals and small letters apart: write 'DeviceName'.",
        Some("DeviceInfo | project DeviceName"),
    );
    says(
        "DeviceInf | count",
        "KS204",
        "There is no table 'DeviceInf'. Did you mean 'DeviceInfo'?",
        Some("DeviceInfo | count"),
    );
    says(
        "DeviceInfo | extend x = strlenn(DeviceName)",
        "KS211",
        "There is no function 'strlenn'. Did you mean 'strlen'?",
        Some("DeviceInfo | extend x = strlen(DeviceName)"),
    );
    says(
        "DeviceInfo | where DeviceName = 'x'",
        "KS141",
        "'=' gives a name. To compare, write ==.",
        Some("DeviceInfo | where DeviceName == 'x'"),
    );
    says(
        "DeviceInfo | where DeviceName == server1",
        "KS142",
        "There is no column 'server1' here. If it is a text, write it in quotes: \"server1\".",
        Some("DeviceInfo | where DeviceName == \"server1\""),
    );
}

#[test]
fn a_column_of_another_table_is_sent_home() {
    says(
        "DeviceInfo | project ProcessCommandLine",
        "KS142",
        "'ProcessCommandLine' is a column of 'DeviceEvents', 'DeviceProcessEvents' and others, not of 'DeviceInfo'.",
        None,
    );
}

#[test]
fn functions_want_their_arguments() {
    says(
        "DeviceInfo | summarize count by DeviceName",
        "KS117",
        "'count' is a function: write count().",
        Some("DeviceInfo | summarize count() by DeviceName"),
    );
    says(
        "DeviceInfo | where Timestamp > now",
        "KS117",
        "'now' is a function: write now().",
        Some("DeviceInfo | where Timestamp > now()"),
    );
    says(
        "DeviceInfo | summarize DeviceName",
        "KS236",
        "'DeviceName' is a column: put it after 'by', or in an aggregate, as in take_any(DeviceName).",
        None,
    );
    says(
        "print strlen('a', 'b')",
        "KS119",
        "'strlen' takes 1 argument.",
        None,
    );
    says(
        "DeviceInfo | where count() > 5",
        "KS144",
        "The aggregate 'count' stands in summarize and its kin, not here. To filter by it, summarize first, then use where.",
        None,
    );
}

#[test]
fn types_are_named_and_repaired() {
    says(
        "DeviceInfo | where Timestamp > '2024-01-01'",
        "KS106",
        "'>' does not go with datetime and string. A time is written datetime(2024-01-31).",
        Some("DeviceInfo | where Timestamp > datetime(2024-01-01)"),
    );
    says(
        "DeviceInfo | where OSBuild contains '19'",
        "KS106",
        "'contains' does not go with long and string. Only texts can be searched: write tostring(...).",
        Some("DeviceInfo | where tostring(OSBuild) contains '19'"),
    );
    says(
        "DeviceInfo | where DeviceName > 5",
        "KS106",
        "'>' does not go with string and long. Make the text a value of type long with tolong(...).",
        Some("DeviceInfo | where tolong(DeviceName) > 5"),
    );
    says(
        "DeviceInfo | extend x = DeviceName + 'a'",
        "KS106",
        "'+' does not go with string and string. Texts are put together with strcat(...).",
        Some("DeviceInfo | extend x = strcat(DeviceName, 'a')"),
    );
    says(
        "DeviceInfo | where Timestamp > ago(7)",
        "KS107",
        "A duration needs its unit, as in 7d (days), 7h or 7m.",
        Some("DeviceInfo | where Timestamp > ago(7d)"),
    );
    says(
        "DeviceInfo | where DeviceName",
        "KS141",
        "A condition is expected here. This is string.",
        None,
    );
    says(
        "DeviceInfo | extend x = AdditionalFields.a",
        "KS142",
        "A value of type string has no member 'a'. If it is JSON, write parse_json(...).",
        Some("DeviceInfo | extend x = parse_json(AdditionalFields).a"),
    );
    says(
        "CloudAppEvents | summarize count() by RawEventData",
        "KS116",
        "Dynamic values cannot be grouped, sorted or joined as they are: write tostring(...) or another type.",
        Some("CloudAppEvents | summarize count() by tostring(RawEventData)"),
    );
}

#[test]
fn keys_of_joins_are_named_with_their_sides() {
    says(
        "DeviceInfo | join DeviceEvents on DeviceId == DeviceId",
        "KS183",
        "The sides of a join key are named: $left.Column is expected here.",
        Some("DeviceInfo | join DeviceEvents on $left.DeviceId == DeviceId"),
    );
    says(
        "DeviceInfo | join (AlertInfo | project DeviceID = Title) on DeviceId",
        "KS145",
        "Only the left side has a column 'DeviceId'. The right side has 'DeviceID': write $left.DeviceId == $right.DeviceID.",
        Some(
            "DeviceInfo | join (AlertInfo | project DeviceID = Title) on $left.DeviceId == $right.DeviceID",
        ),
    );
}

#[test]
fn many_faults_are_told_without_a_search_for_each() {
    let names: Vec<String> = (0..5_000).map(|i| format!("Colunm{i}")).collect();
    let query = format!("DeviceInfo | project {}", names.join(", "));
    let analysis = analyze(&query, Schema::hunting());
    assert_eq!(analysis.diagnostics.len(), 5_000);
    assert_eq!(
        analysis.diagnostics[4_999].message,
        "There is no column 'Colunm4999' here."
    );
}

#[test]
fn what_follows_several_results_sees_no_columns() {
    let analysis = analyze("DeviceInfo | fork (take 1) (count)", Schema::hunting());
    assert!(analysis.is_ok() && analysis.result.is_none());
    let (code, place, ..) = first("DeviceInfo | fork (take 1) (count) | project DeviceName");
    assert_eq!((code, place.as_str()), ("KS142", "DeviceName"));
}

#[test]
fn plug_ins_give_their_columns() {
    let columns = |query: &str| -> Vec<String> {
        let analysis = analyze(query, Schema::hunting());
        assert!(analysis.is_ok(), "{query}: {}", analysis.report(query));
        let result = analysis.result.expect("a table");
        result
            .columns
            .iter()
            .map(|c| format!("{}:{}", c.name, c.ty))
            .collect()
    };
    assert_eq!(
        columns(
            "DeviceInfo | evaluate session_count(DeviceId, Timestamp, ago(1d), now(), 1h, 1h, OSPlatform)"
        ),
        [
            "Timestamp:datetime",
            "OSPlatform:string",
            "count_sessions:long"
        ]
    );
    assert_eq!(
        columns("DeviceInfo | project DeviceId | evaluate autocluster()"),
        [
            "SegmentId:long",
            "Count:long",
            "Percent:real",
            "DeviceId:string"
        ]
    );
}

#[test]
fn tables_are_found_by_name() {
    let (code, place, ..) = first("table('AlertInfo') | where Nothing == 1");
    assert_eq!((code, place.as_str()), ("KS142", "Nothing"));
    let (code, place, ..) = first("table('AlertInf')");
    assert_eq!((code, place.as_str()), ("KS204", "'AlertInf'"));
    let (code, place, ..) = first("database('other').AlertInfo");
    assert_eq!((code, place.as_str()), ("KS208", "'other'"));
}

#[test]
fn thousands_of_lets_and_pipes_are_bound() {
    use std::fmt::Write as _;

    let mut query = String::new();
    for i in 0..3_000 {
        let _ = write!(query, "let v{i} = {i}; ");
    }
    query.push_str("DeviceInfo");
    for i in 0..3_000 {
        let _ = write!(query, " | extend c{i} = v{i}");
    }
    query.push_str(" | project c0, c2999");
    let analysis = analyze(&query, Schema::hunting());
    assert!(analysis.is_ok(), "{}", analysis.report(&query));
    assert_eq!(analysis.result.map(|r| r.columns.len()), Some(2));
}

/// The result's columns and their types.
pub(super) fn columns(query: &str) -> Vec<String> {
    let analysis = analyze(query, Schema::hunting());
    assert!(analysis.is_ok(), "{}", analysis.report(query));
    let result = analysis.result.expect("a table");
    let columns = result.columns.iter();
    columns.map(|c| format!("{}:{}", c.name, c.ty)).collect()
}

/// Processes that start each other, on devices.
const GRAPH: &str = "DeviceProcessEvents | make-graph InitiatingProcessFileName --> FileName with DeviceInfo on DeviceName | ";

#[test]
fn patterns_of_graphs_have_names_with_columns() {
    let of = |rest: &str| columns(&format!("{GRAPH}{rest}"));
    assert_eq!(
        of(
            "graph-match (a)-[e]->(b) where a.OSPlatform has 'Win' project a.DeviceName, e.Timestamp, n = b.IsAzureADJoined, labels(a), node_degree_in(b)"
        ),
        [
            "a_DeviceName:string",
            "e_Timestamp:datetime",
            "n:bool",
            "Column1:dynamic",
            "Column2:long"
        ]
    );
    // the values of an edge of several steps come as an array
    assert_eq!(
        of(
            "graph-match (a)-[e*1..3]->(b) where all(e, ProcessId > 4) project e.FileName, x = map(inner_nodes(e), DeviceName), a.DeviceId"
        ),
        ["e_FileName:dynamic", "x:dynamic", "a_DeviceId:string"]
    );
    assert_eq!(
        of(
            "graph-shortest-paths (a)-[e*1..5]->(b) project a.DeviceId, a.DeviceId | where isnotempty(a_DeviceId1)"
        ),
        ["a_DeviceId:string", "a_DeviceId1:string"]
    );
    for (rest, place) in [
        (
            "graph-match (a)-[e]->(b) where a.FileName == 'x' project b.DeviceId",
            "FileName",
        ),
        (
            "graph-match (a)-[e]->(b) project e.OSPlatform",
            "OSPlatform",
        ),
        ("graph-match (a)-[e]->(b) project c.DeviceId", "c"),
        ("graph-match (a)-[e]->(b) project DeviceId", "DeviceId"),
        (
            "graph-match (a)-[e*1..3]->(b) where any(e, FileNam == '') project a.DeviceId",
            "FileNam",
        ),
        ("where DeviceId == ''", "DeviceId"),
    ] {
        let (code, at, ..) = first(&format!("{GRAPH}{rest}"));
        assert_eq!((code, at.as_str()), ("KS142", place), "{rest}");
    }
    let (code, at, ..) = first(&format!(
        "{GRAPH}graph-match (a)-[e]->(b) where e.ProcessId project a.DeviceId"
    ));
    assert_eq!((code, at.as_str()), ("KS141", "e.ProcessId"));
    let (code, at, ..) = first(&format!(
        "{GRAPH}graph-match (a)-->-->(b) project a.DeviceId"
    ));
    assert_eq!((code, at.as_str()), ("KS239", "-->"));
    // its names and functions end with it
    let (code, at, ..) = first("DeviceInfo | where labels(DeviceId) has 'x'");
    assert_eq!((code, at.as_str()), ("KS211", "labels"));
    assert_eq!(columns("DeviceInfo | summarize any(DeviceId)").len(), 1);
}

#[test]
fn graphs_are_no_tables_until_made_into_some() {
    let made = "DeviceLogonEvents | make-graph AccountName --> DeviceName with_node_id=Who";
    assert_eq!(
        columns(&format!(
            "{made} | graph-mark-components with_component_id=C | graph-to-table nodes with_node_id=Hash"
        )),
        ["Hash:long", "Who:string", "C:long"]
    );
    assert_eq!(
        columns(&format!(
            "let G = {made}; G | graph-to-table edges with_target_id=T with_source_id=S | project S, T, LogonType"
        )),
        ["S:long", "T:long", "LogonType:string"]
    );
    assert_eq!(
        columns(&format!(
            "{made} | graph-to-table nodes as N, edges as E; N"
        )),
        ["Who:string"]
    );
    assert_eq!(
        columns(&format!(
            "{made} partitioned-by DeviceId (graph-match (a)-[e]->(b) project a.Who, e.LogonType)"
        )),
        ["a_Who:string", "e_LogonType:string"]
    );
    let analysis = analyze(made, Schema::hunting());
    assert!(analysis.is_ok() && analysis.result.is_none());
    for (query, code, place) in [
        (
            "DeviceInfo | graph-match (a)-->(b) project a".to_owned(),
            "KS219",
            "graph-match",
        ),
        (format!("let G = {made}; union G, DeviceInfo"), "KS111", "G"),
        (
            format!("{made} | graph-to-table nodes, edges"),
            "KS273",
            "nodes",
        ),
        (
            format!("{made} | graph-mark-components kind=odd"),
            "KS005",
            "odd",
        ),
        (
            "DeviceInfo | make-graph DeviceIdd --> DeviceName".to_owned(),
            "KS142",
            "DeviceIdd",
        ),
        (
            "DeviceInfo | extend d = dynamic(1) | make-graph d --> DeviceName".to_owned(),
            "KS240",
            "d",
        ),
        (
            "DeviceInfo | make-graph DeviceId --> DeviceName with AlertInfo on DeviceId".to_owned(),
            "KS142",
            "DeviceId",
        ),
    ] {
        let (found, at, ..) = first(&query);
        assert_eq!((found, at.as_str()), (code, place), "{query}");
    }
}

#[test]
fn aliases_stand_for_databases() {
    let alias = "alias database Here = database('hunting'); database('Here').";
    let (code, place, ..) = first(&format!("{alias}AlertInfo | where Titel == ''"));
    assert_eq!((code, place.as_str()), ("KS142", "Titel"));
    assert_eq!(
        columns(&format!("{alias}AlertInfo | project Title")),
        ["Title:string"]
    );
    let far = "alias database Far = cluster('c').database('d'); database('Far').Anything | take 1";
    assert!(analyze(far, Schema::hunting()).is_ok());
    let (code, place, ..) = first("alias database A = database('nowhere'); AlertInfo");
    assert_eq!((code, place.as_str()), ("KS208", "'nowhere'"));
}

#[test]
fn access_is_restricted_to_what_there_is() {
    for fine in [
        "restrict access to (AlertInfo, Device*); AlertInfo",
        "let v = view () { AlertInfo }; restrict access to (v); v",
        "restrict access to (database('hunting').*); AlertInfo",
    ] {
        let analysis = analyze(fine, Schema::hunting());
        assert!(analysis.is_ok(), "{}", analysis.report(fine));
    }
    for (name, query) in [
        ("Nowhere", "restrict access to (Nowhere); AlertInfo"),
        (
            "Nowhere*",
            "restrict access to (AlertInfo, Nowhere*); AlertInfo",
        ),
    ] {
        let (code, place, ..) = first(query);
        assert_eq!((code, place.as_str()), ("KS142", name));
    }
}

#[test]
fn many_columns_of_one_name() {
    // each gets the next number, without trying all that are taken
    let many = "max(FileName), ".repeat(20_000);
    let analysis = crate::kql::analyze(
        &format!("DeviceEvents | summarize {many} max_FileName7 = count()"),
        Schema::hunting(),
    );
    let columns = analysis.result.expect("a result").columns;
    assert_eq!(columns.len(), 20_001);
    assert_eq!(columns[19_999].name, "max_FileName19999");
}

#[test]
fn inner_nodes_are_gone_over_and_nothing_else() {
    let (code, place, _, _) = first(&format!(
        "{GRAPH}graph-match (a)-[e*1..3]->(b) project inner_nodes(e)"
    ));
    assert_eq!((code, place.as_str()), ("KS211", "inner_nodes"));
}

#[test]
fn keys_of_joins_are_columns_of_their_sides() {
    let of = |rest: &str| {
        let (code, place, _, _) = first(&format!("DeviceEvents | {rest}"));
        (code, place)
    };
    let told = |code, place: &str| (code, place.to_owned());
    let element = "join DeviceInfo on $left['DeviceId'] == $right.DeviceId";
    assert_eq!(of(element), told("KS183", "$left['DeviceId']"));
    assert_eq!(of("join DeviceInfo on $left"), told("KS109", "$left"));
    let open = "cluster('a').database('b').T";
    assert_eq!(of(&format!("join {open} on Nope")), told("KS142", "Nope"));
    let quoted = "join kind='inner' DeviceInfo on DeviceId";
    assert_eq!(of(quoted), told("KS005", "'inner'"));
}

/// Work that doubled with each level would never end here.
#[test]
fn what_nests_deep_is_bound_once() {
    for step in [
        "| mv-expand x = (\"a\" or F\n",
        "| mv-apply x = (\"a\" or F\n",
        "| evaluate narrow(toscalar(T\n",
        "| evaluate bag_unpack((T | where a\n",
    ] {
        let text = format!("AlertInfo\n{}", step.repeat(48));
        assert!(!analyze(&text, Schema::hunting()).is_ok());
    }
}

//! Help at a place marked by `¦` in texts of our own.

use super::*;
use crate::kql::diagnostics::Edit;
use crate::kql::{Schema, analyze};

/// The text without its mark, and the place of the mark.
fn marked(text: &str) -> (String, u32) {
    let at = text.find('¦').expect("a mark");
    (text.replace('¦', ""), at as u32)
}

fn hovered(text: &str) -> Option<Hover> {
    let (text, at) = marked(text);
    let schema = Schema::hunting();
    hover(&text, &analyze(&text, schema), schema, at)
}

fn defined(text: &str) -> Option<String> {
    let (text, at) = marked(text);
    let analysis = analyze(&text, Schema::hunting());
    definition(&text, &analysis, at).map(|s| {
        let before = &text[..s.start as usize];
        format!("{}@{}", s.text(&text), before.matches('\n').count() + 1)
    })
}

fn renamed(text: &str, to: &str) -> Result<String, String> {
    let (text, at) = marked(text);
    let schema = Schema::hunting();
    rename(&text, &analyze(&text, schema), schema, at, to)
        .map(|edits| Edit::apply(&text, &edits))
        .map_err(|e| e.to_string())
}

/// Label with the active parameter in angle brackets.
fn called(text: &str) -> Option<String> {
    let (text, at) = marked(text);
    let help = signature_help(&text, at, Schema::hunting())?;
    let signature = &help.signatures[help.active];
    let mut label = signature.label.clone();
    if let Some(range) = help.parameter.map(|p| signature.parameters[p].clone()) {
        label.insert(range.end, '>');
        label.insert(range.start, '<');
    }
    Some(label)
}

#[test]
fn hover_says_what_a_name_is() {
    for (text, title) in [
        ("Device¦Info", "(table) DeviceInfo"),
        (
            "DeviceInfo | where ¦Timestamp > ago(1d)",
            "(column) Timestamp: datetime",
        ),
        (
            "DeviceInfo | where Timestamp¦ > ago(1d)",
            "(column) Timestamp: datetime",
        ),
        ("DeviceInfo | wh¦ere true", "(operator) where condition"),
        (
            "DeviceInfo | where Timestamp > a¦go(1d)",
            "ago(timespan): datetime",
        ),
        ("print 1.5¦d", "(timespan) 1.5d"),
        ("print ¦1234567", "(long) 1234567"),
        ("let x = 5m; print ¦x", "(let) x: timespan"),
        (
            "let T = DeviceInfo | project DeviceId; T¦",
            "(let) T: (DeviceId: string)",
        ),
        (
            "let f = (a: string, n: long = 3) { strcat(a, n) }; print ¦f('x')",
            "(function) f(a: string, n: long = 3): string",
        ),
        (
            "let f = (a: string) { strcat(¦a, 'x') }; print f('x')",
            "(parameter) a: string",
        ),
        (
            "DeviceEvents | extend A = parse_json(AdditionalFields) | where A.b.¦c == 1",
            "(member) c: dynamic",
        ),
        (
            "DeviceEvents | extend A = parse_json(AdditionalFields) | where tostring(A.¦count) == ''",
            "(member) count: dynamic",
        ),
        (
            "DeviceEvents | summarize count() by DeviceId | where coun¦t_ > 1",
            "(column) count_: long",
        ),
        (
            "DeviceEvents | summarize co¦unt()",
            "(aggregate) count(): long",
        ),
        (
            "DeviceEvents | evaluate bag_un¦pack(x)",
            "(plug-in) bag_unpack(column, [column_prefix]): table",
        ),
        ("DeviceEvents | where ActionType ha¦s 'x'", "has"),
        (
            "DeviceEvents | join kind=left¦anti (DeviceInfo) on DeviceId",
            "leftanti",
        ),
        (
            "DeviceEvents | join (DeviceInfo) on $le¦ft.DeviceId == $right.DeviceId",
            "$left",
        ),
        (
            "DeviceEvents | invoke File¦Profile()",
            "FileProfile([x: string], [y: int]): table",
        ),
    ] {
        let found = hovered(text).map(|h| h.title);
        assert_eq!(found.as_deref(), Some(title), "{text}");
    }
    for text in [
        "DeviceInfo ¦ | take 1",
        "¦",
        "print 'a¦b'",
        "// com¦ment\nDeviceInfo",
    ] {
        assert_eq!(hovered(text), None, "{text}");
    }
}

#[test]
fn hover_tells_where_a_column_comes_from() {
    let body = |text: &str| hovered(text).map(|h| h.body.join(" ")).unwrap_or_default();
    assert!(body("DeviceEvents | where Device¦Id == ''").starts_with("Column of DeviceEvents."));
    assert!(
        body("union DeviceEvents, DeviceInfo | where Device¦Id == ''")
            .starts_with("Column of DeviceEvents and other tables.")
    );
    assert_eq!(
        body("DeviceEvents\n| extend x = strlen(DeviceId)\n| where ¦x > 1"),
        "Computed at 2:10: strlen(DeviceId)"
    );
    assert!(body("AADSignInEventsB¦eta").contains("Replaced by EntraIdSignInEvents."));
    assert_eq!(body("print 90¦m"), "1 hour 30 minutes");
    assert_eq!(
        body("print datetime(2024-02-29¦)"),
        "Thursday 2024-02-29T00:00:00 UTC"
    );
    assert_eq!(body("print ¦0x1F40"), "8,000");
}

#[test]
fn definitions() {
    for (text, place) in [
        ("let x = 1;\nprint ¦x", "x@1"),
        ("DeviceInfo\n| extend X = 1\n| where ¦X > 0", "X@2"),
        // a column goes before a let of the same name
        (
            "let X = 2;\nDeviceInfo\n| extend X = 1\n| where ¦X > 0",
            "X@3",
        ),
        // a parameter goes before a let of the same name
        (
            "let a = 1;\nlet f = (a: long) { a¦ + 1 };\nprint f(a)",
            "a@2",
        ),
        (
            "let a = 1;\nlet f = (a: long) { a + 1 };\nprint f(¦a)",
            "a@1",
        ),
        // the same name in two functions
        (
            "let f = () { let t = 1;\n t };\nlet g = () { let t = 2;\n t¦ };\nprint f() + g()",
            "t@3",
        ),
        // computed anew
        (
            "DeviceInfo\n| extend X = 1\n| extend X = X + 1\n| where ¦X > 0",
            "X@3",
        ),
        (
            "DeviceInfo\n| extend X = 1\n| extend X = ¦X + 1\n| where X > 0",
            "X@2",
        ),
        (
            "DeviceInfo\n| summarize N = count() by DeviceId\n| where ¦N > 0",
            "N@2",
        ),
        (
            "DeviceInfo\n| extend D = 1\n| summarize count() by D\n| where ¦D > 0",
            "D@2",
        ),
        (
            "DeviceInfo\n| summarize max(Timestamp)\n| project ¦max_Timestamp",
            "max(Timestamp)@2",
        ),
        (
            "DeviceInfo\n| project-rename Host = DeviceName\n| where ¦Host == ''",
            "Host@2",
        ),
        ("DeviceInfo | as T\n| union ¦T", "T@1"),
        (
            "DeviceInfo\n| parse DeviceName with Host '.' *\n| where ¦Host == ''",
            "Host@2",
        ),
        (
            "declare query_parameters(p: string = 'x');\nprint ¦p",
            "p@1",
        ),
        (
            "let A = DeviceInfo | extend K = 1;\nlet B = DeviceInfo | extend K = 2;\nA | join (B) on $left.K == $right.¦K",
            "K@2",
        ),
        (
            "let A = DeviceInfo | extend K = 1;\nlet B = DeviceInfo | extend K = 2;\nA | join (B) on $left.¦K == $right.K",
            "K@1",
        ),
        ("range i from 1 to 3 step 1\n| where ¦i > 1", "i@1"),
        ("datatable (n: long) [1]\n| where ¦n > 1", "n@1"),
        (
            "DeviceInfo\n| mv-expand with_itemindex = i x = parse_json('[1]')\n| where ¦i > 1",
            "i@2",
        ),
    ] {
        assert_eq!(defined(text).as_deref(), Some(place), "{text}");
    }
    for text in [
        "DeviceInfo | where ¦DeviceId == ''",
        "Device¦Info",
        "print str¦len('')",
        "print ¦nothing",
    ] {
        assert_eq!(defined(text), None, "{text}");
    }
}

#[test]
fn names_stand_where_they_mean_the_same() {
    let (text, at) = marked(
        "let a = 1; let f = (a: long) { a + 1 }; DeviceInfo | extend b = ¦a | where b > a and f(a) > 1",
    );
    let analysis = analyze(&text, Schema::hunting());
    let starts: Vec<u32> = occurrences(&text, &analysis, at)
        .iter()
        .map(|s| s.start)
        .collect();
    assert_eq!(starts.len(), 4, "{starts:?}");
    let (text, at) = marked("DeviceInfo | where Device¦Id != '' | distinct DeviceId, DeviceName");
    let analysis = analyze(&text, Schema::hunting());
    assert_eq!(occurrences(&text, &analysis, at).len(), 2);
}

#[test]
fn renaming_changes_every_place() {
    for (text, to, want) in [
        ("let x¦ = 1; print x + x", "y", "let y = 1; print y + y"),
        (
            "let x = 1; print ¦x",
            "a b",
            "let ['a b'] = 1; print ['a b']",
        ),
        (
            "let x = 1; print ¦x",
            "where",
            "let ['where'] = 1; print ['where']",
        ),
        ("let x = 1; print ¦x", "['q']", "let q = 1; print q"),
        (
            "let a = 1; let f = (a: long) { ¦a + 1 }; print f(a)",
            "n",
            "let a = 1; let f = (n: long) { n + 1 }; print f(a)",
        ),
        // named arguments
        (
            "let f = (¦a: long) { a + 1 }; print f(a = 2)",
            "n",
            "let f = (n: long) { n + 1 }; print f(n = 2)",
        ),
        (
            "let f = (a: long) { a + 1 }; print ¦f(1) + f(2)",
            "g",
            "let g = (a: long) { a + 1 }; print g(1) + g(2)",
        ),
        (
            "DeviceInfo | extend X = 1 | extend X = X + 1 | where ¦X > 0",
            "Y",
            "DeviceInfo | extend Y = 1 | extend Y = Y + 1 | where Y > 0",
        ),
        // both legs of a union, and the key of a join
        (
            "union (DeviceInfo | extend K = 1), (DeviceEvents | extend K = 2) | where ¦K > 0",
            "L",
            "union (DeviceInfo | extend L = 1), (DeviceEvents | extend L = 2) | where L > 0",
        ),
        (
            "DeviceInfo | extend K = 1 | join (DeviceEvents | extend K = 2) on ¦K | project K, K1",
            "L",
            "DeviceInfo | extend L = 1 | join (DeviceEvents | extend L = 2) on L | project L, L1",
        ),
        // what the language names after it keeps its name
        (
            "DeviceInfo | extend X¦ = 1 | summarize max(X) by DeviceId | where max_X > 0",
            "Y",
            "DeviceInfo | extend Y = 1 | summarize max_X = max(Y) by DeviceId | where max_X > 0",
        ),
        (
            "let x¦ = 1; DeviceInfo | extend x",
            "y",
            "let y = 1; DeviceInfo | extend x = y",
        ),
        (
            "DeviceInfo | summarize count() by DeviceId | where ¦count_ > 1",
            "N",
            "DeviceInfo | summarize N = count() by DeviceId | where N > 1",
        ),
        (
            "DeviceInfo | summarize count() by bin(Timestamp, 1h) | sort by ¦Timestamp asc",
            "Hour",
            "DeviceInfo | summarize count() by Hour = bin(Timestamp, 1h) | sort by Hour asc",
        ),
        (
            "print A = 1 | summarize percentiles(A, 50, 90) | project ¦percentile_A_50, percentile_A_90",
            "Half",
            "print A = 1 | summarize (Half, percentile_A_90) = percentiles(A, 50, 90) | project Half, percentile_A_90",
        ),
        (
            "DeviceInfo | extend K = 1 | top-nested 3 of ¦K by count() | where aggregated_K > 1",
            "L",
            "DeviceInfo | extend L = 1 | top-nested 3 of L by aggregated_K = count() | where aggregated_K > 1",
        ),
        (
            "let f = (T: (K: long)) { T | where K > 0 }; f((print ¦K = 1))",
            "L",
            "let f = (T: (L: long)) { T | where L > 0 }; f((print L = 1))",
        ),
    ] {
        assert_eq!(renamed(text, to).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn renaming_refuses_what_would_change_the_meaning() {
    for (text, to, word) in [
        (
            "DeviceInfo | where ¦DeviceId == ''",
            "x",
            "column of DeviceInfo",
        ),
        ("print str¦len('')", "x", "not defined"),
        ("DeviceInfo ¦ | take 1", "x", "no name here"),
        ("let x = 1; print ¦x", "", "empty"),
        ("let x = 1; print ¦x", "a\nb", "line breaks"),
        ("let x = 1; let y = 2; print ¦x + y", "y", "y"),
        // the column would be read in place of the let
        (
            "let x = 'a'; DeviceInfo | where DeviceName == ¦x",
            "DeviceId",
            "column of the table",
        ),
        (
            "let x = 1; DeviceInfo | extend y = 2 | where y == ¦x",
            "y",
            "already a column",
        ),
        // the let would hide a table
        (
            "let x¦ = DeviceEvents; union x, DeviceInfo",
            "DeviceInfo",
            "DeviceInfo",
        ),
        (
            "DeviceInfo | extend DeviceId¦ = 'x' | join (DeviceEvents) on DeviceId",
            "Id",
            "one column with",
        ),
    ] {
        let refused = renamed(text, to).expect_err(text);
        assert!(refused.contains(word), "{text}: {refused}");
    }
}

#[test]
fn calls_show_the_parameter_being_written() {
    for (text, label) in [
        ("print ago(¦", "ago(<timespan>): datetime"),
        ("print bin(1, ¦)", "bin(value, <roundTo>)"),
        (
            "DeviceInfo | summarize arg_max(Timestamp, ¦",
            "arg_max(maximized, <[returned, ...]>)",
        ),
        (
            "DeviceInfo | summarize arg_max(Timestamp, A, B, ¦",
            "arg_max(maximized, <[returned, ...]>)",
        ),
        (
            "print strcat('a,(', \"b)\", ¦",
            "strcat(<arg, ...>): string",
        ),
        ("print iff((1 == ¦1), 2, 3)", "iff(<if>, then, else)"),
        (
            "print case(true, 1, ¦",
            "case(predicate, then, ..., <else>)",
        ),
        (
            "print tostring(split('a', ¦",
            "split(source, <delimiter>, [requestedIndex]): dynamic",
        ),
        (
            "print tostring(split('a', 'b')[¦0])",
            "tostring(<value>): string",
        ),
        (
            "let f = (a: long, b: string) { a }; print f(b = ¦",
            "f(a: long, <b: string>)",
        ),
        (
            "let f = (T: (*), b: string) { T }; DeviceInfo | invoke f(¦)",
            "f(T: (*), <b: string>)",
        ),
        (
            "DeviceInfo | invoke FileProfile(SHA1, ¦)",
            "FileProfile([x: string], <[y: int]>): table",
        ),
        (
            "DeviceInfo | evaluate bag_unpack(¦",
            "bag_unpack(<column>, [column_prefix]): table",
        ),
        (
            "DeviceInfo | top ¦",
            "top <number> by expression [asc|desc] [nulls first|last]",
        ),
        (
            "DeviceInfo | top 5 by ¦",
            "top number <by expression [asc|desc] [nulls first|last]>",
        ),
        (
            "DeviceInfo | join kind=inner (DeviceEvents | where a == (1)) on ¦ | take 1",
            "join [kind = kind] (right) <on column, $left.column == $right.column>",
        ),
        (
            "DeviceInfo | join (DeviceEvents ¦",
            "join <[kind = kind] (right)> on column, $left.column == $right.column",
        ),
        (
            "DeviceInfo | parse DeviceName with * ¦",
            "parse [kind = simple|regex|relaxed] expression <with [*] \"text\" column[:type] [*] ...>",
        ),
        (
            "DeviceInfo | make-series n = count() on Timestamp from ago(1d) ¦",
            "make-series [name =] aggregate [default = value], ... on axis <from start> to end step step [by expression, ...]",
        ),
        ("print strlen('un¦closed", "strlen(<string>): long"),
    ] {
        let found = called(text);
        assert_eq!(found.as_deref(), Some(label), "{text}");
    }
    for text in [
        "print ago(1d)¦",
        "print ¦ago(1d)",
        "DeviceInfo | where ¦",
        "DeviceInfo | top¦",
        "DeviceInfo | join (DeviceEvents | where ¦",
        "let f = (a: long¦",
        "DeviceInfo | where A in (1, ¦",
        "print ago(1d; DeviceInfo | where ¦",
        "¦",
    ] {
        assert_eq!(called(text), None, "{text}");
    }
}

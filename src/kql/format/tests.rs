//! Layouts as they should look; what must hold for any text is in `tests/kql_format.rs`.

use super::{Style, format};

/// The text is laid out so, and stays so.
fn becomes(text: &str, wanted: &str) {
    let out = format(text, Style::default()).expect("a query");
    assert_eq!(out, wanted, "of:\n{text}");
    let again = format(&out, Style::default()).expect("still a query");
    assert_eq!(again, out, "formatting twice changes something");
}

fn stays(text: &str) {
    becomes(text, text);
}

#[test]
fn one_operator_a_line() {
    becomes(
        "DeviceInfo|where  Timestamp>ago( 1d ) |take 10",
        "DeviceInfo\n| where Timestamp > ago(1d)\n| take 10",
    );
}

#[test]
fn long_conditions_break_before_their_words() {
    becomes(
        "DeviceProcessEvents | where FileName =~ \"powershell.exe\" and ProcessCommandLine has \"-enc\" and AccountName !in (\"system\", \"local service\")",
        "DeviceProcessEvents\n| where FileName =~ \"powershell.exe\"\n    and ProcessCommandLine has \"-enc\"\n    and AccountName !in (\"system\", \"local service\")",
    );
    stays("T\n| where a == 1 and b == 2");
    // broken by its author: stays broken
    becomes(
        "T | where a == 1 and\n b == 2",
        "T\n| where a == 1\n    and b == 2",
    );
}

#[test]
fn brackets_inside_conditions() {
    stays(
        "T\n| where (\n        a == 1\n        or b == 2\n    )\n    and c == 3\n| where not(\n    x == 1\n    or y == 2\n)",
    );
}

#[test]
fn lists_stand_on_a_line_or_one_a_line() {
    stays("T\n| project A, B, C = a + 1");
    stays("T\n| project\n    A,\n    B");
    becomes(
        "T | project A,\n  B,\n  C",
        "T\n| project\n    A,\n    B,\n    C",
    );
    becomes(
        "DeviceProcessEvents | project Timestamp, DeviceName, AccountName, FileName, FolderPath, ProcessCommandLine, SHA1, SHA256, MD5",
        "DeviceProcessEvents\n| project\n    Timestamp,\n    DeviceName,\n    AccountName,\n    FileName,\n    FolderPath,\n    ProcessCommandLine,\n    SHA1,\n    SHA256,\n    MD5",
    );
}

#[test]
fn summarize_gives_by_its_own_line() {
    stays("T\n| summarize Count = count() by A, B");
    becomes(
        "T | summarize Count=count(),First=min(Timestamp),Last=max(Timestamp),Names=make_set(DeviceName, 100) by AccountName, AccountDomain",
        "T\n| summarize\n    Count = count(),\n    First = min(Timestamp),\n    Last = max(Timestamp),\n    Names = make_set(DeviceName, 100)\n    by AccountName, AccountDomain",
    );
}

#[test]
fn sub_queries_stay_short_or_are_indented() {
    stays("T\n| join kind=inner (U | project Id) on Id");
    becomes(
        "T | join kind = inner (U\n| project Id) on Id",
        "T\n| join kind=inner (\n    U\n    | project Id\n) on Id",
    );
    becomes(
        "union (T\n|where a==1),(U)",
        "union\n    (\n        T\n        | where a == 1\n    ),\n    (U)",
    );
    stays("T\n| mv-apply x = xs to typeof(long) on (\n    where x > 1\n    | project x\n)");
    stays("T\n| partition hint.strategy=native by A (top 1 by B)");
}

#[test]
fn lets_and_functions() {
    becomes(
        "let a=1d;let b = T | where x;\n\n\n\nlet f=(x:string,n:long=3){T|where y==x};\nlet g = (t:(*)) {\nlet z = 1; t\n| take z};\nb",
        "let a = 1d;\nlet b = T | where x;\n\nlet f = (x: string, n: long = 3) { T | where y == x };\nlet g = (t: (*)) {\n    let z = 1;\n    t\n    | take z\n};\nb",
    );
    becomes(
        "let b = T\n| where x;\nb",
        "let b =\n    T\n    | where x;\nb",
    );
}

#[test]
fn lists_of_values_are_filled() {
    let values: Vec<String> = (10..40).map(|n| format!("\"value{n}\"")).collect();
    let text = format!("T | where a in~ ({})", values.join(","));
    let out = format(&text, Style::default()).expect("a query");
    assert!(out.lines().all(|l| l.chars().count() <= 100), "{out}");
    assert_eq!(out.lines().count(), 7, "{out}");
    stays(&out);
    stays("let x = dynamic([\n    \"a\",\n    \"b\"\n]);\nx");
    becomes(
        "print dynamic({ \"a\" : [1,-2], 'b':{ } })",
        "print dynamic({\"a\": [1, -2], 'b': {}})",
    );
}

#[test]
fn rows_of_tables() {
    becomes(
        "datatable (a:long,b:string)[ 1,\"x\", 2,\"y\",\n]\n| count",
        "datatable(a: long, b: string) [\n    1, \"x\",\n    2, \"y\",\n]\n| count",
    );
}

#[test]
fn pairs_of_case() {
    becomes(
        "T | extend Kind = case(FileName =~ \"powershell.exe\", \"shell\", FileName =~ \"rundll32.exe\", \"loader\", \"other\")",
        "T\n| extend Kind = case(\n    FileName =~ \"powershell.exe\", \"shell\",\n    FileName =~ \"rundll32.exe\", \"loader\",\n    \"other\"\n)",
    );
}

#[test]
fn comments_keep_their_place() {
    stays(
        "// head\n\n// of it\nT // the table\n// first\n| where a // why\n    // and more\n    and b\n// | take 10\n| project\n    A, // one\n    // two\n    B\n// end",
    );
    becomes(
        "T //x\n| take 1;//y  \n//z\n",
        "T //x\n| take 1; //y\n//z\n",
    );
    becomes(
        "let a = T\n| where x\n  // not: | take 5\n  ;\na",
        "let a =\n    T\n    | where x\n    // not: | take 5\n;\na",
    );
    stays("// nothing but this");
    becomes("T | take // how many\n5", "T\n| take // how many\n    5");
}

#[test]
fn blank_lines_do_not_cut_a_query() {
    becomes("T\n\n| where a\n\n\n| take 5", "T\n| where a\n| take 5");
    becomes(
        "let a = 1;\n\n\n// of b\n\nlet b = 2;\nb",
        "let a = 1;\n\n// of b\n\nlet b = 2;\nb",
    );
}

#[test]
fn strings_are_left_alone() {
    stays(
        "print ```a  |\n   b```, @'c:\\x', h\"s\"  'x'"
            .replace("  'x'", " 'x'")
            .as_str(),
    );
    stays("T\n| where a == \"x // y\" // c");
}

#[test]
fn lines_end_as_they_did() {
    becomes("T|take 1\r\n\r\n", "T\r\n| take 1\r\n");
    becomes("T|take 1\n", "T\n| take 1\n");
}

#[test]
fn spacing() {
    becomes(
        "print a=-1,b = - x,c=1-2,d=x [ 0 ] . y",
        "print a = -1, b = -x, c = 1 - 2, d = x[0].y",
    );
    becomes(
        "T | where t between(ago(1d)..now())",
        "T\n| where t between (ago(1d) .. now())",
    );
    becomes(
        "T|where not( a ) and b in('x')",
        "T\n| where not(a) and b in ('x')",
    );
    becomes(
        "search in (T,Device*) a:\"x\" and \"y\"",
        "search in (T, Device*) a:\"x\" and \"y\"",
    );
    becomes(
        "T | render timechart with(title = 'x')",
        "T\n| render timechart with (title='x')",
    );
    becomes(
        "T | parse a with * 'x' b : long 'y' *",
        "T\n| parse a with * 'x' b:long 'y' *",
    );
    becomes(
        "T | project-away A* , B | project {x}",
        "T\n| project-away A*, B\n| project {x}",
    );
}

#[test]
fn what_does_not_parse_is_not_touched() {
    assert_eq!(
        format("T | where (", Style::default())
            .expect_err("broken")
            .code,
        "KS006"
    );
}

#[test]
fn a_comment_before_a_comma_decides_nothing() {
    let narrow = Style {
        indent: 2,
        width: 30,
    };
    let text = "T | join (U\n| take 1) on DDoTi //\n, $left,DeviceName == $right.DeviceName";
    let once = format(text, narrow).expect("a query");
    assert_eq!(format(&once, narrow).expect("a query"), once);
}

#[test]
fn narrow_and_deep() {
    let deep = format!("print {}1{}", "(".repeat(50), ")".repeat(50));
    stays(&deep);
    for levels in [100, 127, 200, 250] {
        let deep = format!("print {}1{}", "(".repeat(levels), ")".repeat(levels));
        let _ = format(&deep, Style::default());
    }
    let deep = format!("print {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let _ = format(&deep, Style::default());
    let narrow = Style {
        indent: 2,
        width: 0,
    };
    let text = "T | where a == 1 and b in (1, 2, 3) | summarize count() by a, b";
    let out = format(text, narrow).expect("a query");
    assert_eq!(format(&out, narrow).expect("a query"), out);
}

#[test]
fn a_layout_that_would_make_a_keyword_of_a_name_is_not_given() {
    for text in ["project-away2", "print project-away2"] {
        assert_eq!(format(text, Style::default()).expect("a query"), text);
    }
}

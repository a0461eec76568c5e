use super::*;

fn table(json: &str) -> HuntTable {
    decode(json.as_bytes()).expect("decodes")
}

fn row(table: &ResultTable, row: usize) -> Vec<String> {
    (0..table.columns().len())
        .map(|column| match table.cell(row, column) {
            Cell::Null => "∅".to_owned(),
            cell => cell.text().into_owned(),
        })
        .collect()
}

#[test]
fn the_oddities_of_the_service_are_met() {
    let answer = table(
        r##"{
      "@odata.context": "x",
      "schema": [
        {"name": "Timestamp", "type": "DateTime"}, {"Name": "Id", "Type": "String"},
        {"name": "Size", "type": "Int64"}, {"name": "First", "type": "SByte"},
        {"name": "Later", "type": "DateTime"}, {"name": "Threats", "type": "Object"},
        {"name": "Extra", "type": "Object"}, {"name": "Score", "type": "Double"}
      ],
      "results": [
        {"Timestamp": "2026-08-19T06:41:30.1204417Z", "Id": "a\u001b\"b", "Size@odata.type": "#Int64",
         "Size": 94208, "First@odata.type": "#SByte", "First": 1, "Later": {},
         "Threats@odata.type": "#Collection(String)", "Threats": ["Phish", "{\"a\":1}"],
         "Extra": {"@odata.type": "#microsoft.graph.security.dynamicColumnValue", "campaign": "invoice", "score": 72},
         "Score": 0.5},
        {"Score": 1, "First": 0, "Id": "short row", "Later": "2026-08-19T07:10:00Z", "Extra": {}, "Threats": []},
        {"Id": null, "First": true, "Extra": {"@odata.type": "x"}, "Score": "NaN"}
      ]
    }"##,
    );
    let it = &answer.table;
    assert_eq!(it.rows(), 3);
    assert_eq!(
        row(it, 0),
        [
            "2026-08-19T06:41:30.1204417Z",
            "a\u{1b}\"b",
            "94208",
            "true",
            "∅",
            r#"["Phish","{\"a\":1}"]"#,
            r#"{"campaign":"invoice","score":72}"#,
            "0.5"
        ]
    );
    assert_eq!(
        row(it, 1),
        [
            "∅",
            "short row",
            "∅",
            "false",
            "2026-08-19T07:10:00Z",
            "[]",
            "∅",
            "1"
        ]
    );
    assert_eq!(row(it, 2), ["∅", "∅", "∅", "true", "∅", "∅", "∅", "NaN"]);
    assert_eq!(it.columns()[3].kind, ColumnKind::Bool);
}

#[test]
fn a_schema_after_its_results_is_waited_for() {
    let answer = table(
        r#"{"results":[{"n":1,"s":"x"}],"schema":[{"name":"s","type":"String"},{"name":"n","type":"Int32"}]}"#,
    );
    assert_eq!(row(&answer.table, 0), ["x", "1"]);
    assert_eq!(answer.table.columns()[1].kind, ColumnKind::Long);
}

#[test]
fn columns_only_rows_name_are_kept() {
    let answer = table(
        r#"{"schema":[{"name":"a","type":"Int64"}],"results":[{"a":1},{"b":"new","a":2},{"a":3}]}"#,
    );
    assert_eq!(row(&answer.table, 0), ["1", "∅"]);
    assert_eq!(row(&answer.table, 1), ["2", "new"]);
    assert_eq!(row(&answer.table, 2), ["3", "∅"]);
}

#[test]
fn values_of_another_type_than_announced_are_not_lost() {
    let answer = table(
        r#"{"schema":[{"name":"a","type":"Int64"}],"results":[{"a":1},{"a":"many"},{"a":2.5},{"a":{"x":1}},{"a":18446744073709551615}]}"#,
    );
    let cells: Vec<_> = (0..5).map(|at| row(&answer.table, at)[0].clone()).collect();
    assert_eq!(
        cells,
        ["1", "many", "2.5", r#"{"x":1}"#, "18446744073709551615"]
    );
}

#[test]
fn numbers_too_large_keep_their_digits() {
    let answer = table(
        r#"{"schema":[{"name":"a","type":"Int64"}],"results":[{"a":-5},{"a":18446744073709551615}]}"#,
    );
    assert_eq!(row(&answer.table, 0), ["-5"]);
    assert_eq!(row(&answer.table, 1), ["18446744073709551615"]);
}

#[test]
fn empty_answers_and_broken_ones_are_told_apart() {
    let zero = table(r#"{"schema":[{"name":"a","type":"String"}],"results":[]}"#);
    assert_eq!((zero.table.rows(), zero.table.columns().len()), (0, 1));
    assert_eq!(table(r#"{"schema":[{"name":"a"}]}"#).table.rows(), 0);
    let null = table(r#"{"schema":[],"results":null}"#);
    assert_eq!(null.table.rows(), 0);
    for broken in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"schema":[],"results":[{"#,
        r#"{"schema":[]} x"#,
    ] {
        assert!(decode(broken.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn rows_that_are_no_objects_are_counted() {
    let answer = table(
        r#"{"schema":[{"name":"a","type":"String"}],"results":[1,null,"x",[{}],{"a":"good"},true]}"#,
    );
    assert_eq!(answer.bad_rows, 5);
    assert_eq!(answer.table.rows(), 1);
}

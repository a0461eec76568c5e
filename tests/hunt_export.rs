//! What leaves the program as a file: order, neutralised formulas, escaped characters, names.

use nightjar::domain::ResultTable;
use nightjar::domain::hunting::{Cell, Column};
use nightjar::hunt::export::{self, Format, View};

fn table() -> ResultTable {
    let mut name = Column::new("Name", "String");
    let mut count = Column::new("count_", "Int64");
    let mut bag = Column::new("Bag", "Object");
    let mut flag = Column::new("Flag", "SByte");
    for (n, c, b, f) in [
        (
            Cell::Text("=HYPERLINK(\"x\")"),
            Cell::Long(-3),
            Cell::Text(r#"{"a":[1,"\u202e"]}"#),
            Cell::Bool(true),
        ),
        (
            Cell::Text("a\u{1b}[2J,\"b\"\nc"),
            Cell::Null,
            Cell::Text("not json"),
            Cell::Null,
        ),
    ] {
        name.push(n);
        count.push(c);
        bag.push(b);
        flag.push(f);
    }
    ResultTable::new(vec![name, count, bag, flag])
}

fn text(format: Format, view: View<'_>) -> String {
    let mut out = Vec::new();
    format.write(&table(), view, &mut out).expect("writes");
    String::from_utf8(out).expect("utf-8")
}

#[test]
fn csv_is_disarmed_and_in_the_visible_order() {
    let view = View {
        rows: Some(&[1, 0]),
        columns: Some(&[1, 0]),
    };
    assert_eq!(
        text(Format::Csv, view),
        "count_,Name\n,\"a⟪U+001B⟫[2J,\"\"b\"\"⏎c\"\n-3,\"'=HYPERLINK(\"\"x\"\")\"\n"
    );
}

#[test]
fn json_keeps_every_character_and_shows_none_that_harms() {
    let out = text(Format::Json, View::default());
    assert!(
        out.chars()
            .all(|c| c == '\n' || nightjar::domain::text::is_safe(c)),
        "{out}"
    );
    let rows: Vec<serde_json::Value> = serde_json::from_str(&out).expect("is JSON");
    assert_eq!(rows[0]["Bag"]["a"][1], "\u{202e}");
    assert_eq!(rows[0]["count_"], -3);
    assert_eq!(rows[0]["Flag"], true);
    assert_eq!(rows[1]["Name"], "a\u{1b}[2J,\"b\"\nc");
    assert_eq!(rows[1]["Bag"], "not json");
    assert!(rows[1]["count_"].is_null());
}

#[test]
fn jsonl_has_a_line_a_row() {
    let out = text(
        Format::Jsonl,
        View {
            rows: Some(&[1, 7]),
            columns: None,
        },
    );
    assert_eq!(
        out.lines().count(),
        1,
        "a row that does not exist is passed over"
    );
    serde_json::from_str::<serde_json::Value>(&out).expect("is JSON");
}

#[test]
fn an_existing_file_is_never_overwritten_and_only_its_owner_may_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = || {
        export::to_file(
            folder.path(),
            "hunt",
            Format::Csv,
            &table(),
            View::default(),
        )
        .expect("writes")
    };
    let (first, second) = (write(), write());
    assert_eq!(first.file_name().expect("a name"), "hunt.csv");
    assert_eq!(second.file_name().expect("a name"), "hunt-2.csv");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&first)
            .expect("exists")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn numbers_beyond_json_become_text() {
    let mut column = Column::new("x", "Double");
    column.push(Cell::Real(f64::NAN));
    let mut out = Vec::new();
    export::jsonl(&ResultTable::new(vec![column]), View::default(), &mut out).expect("writes");
    assert_eq!(String::from_utf8(out).expect("utf-8"), "{\"x\":\"NaN\"}\n");
}

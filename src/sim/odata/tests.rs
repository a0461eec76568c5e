use super::*;
use crate::sim::clock;

const TYPE: Type = Type {
    name: "test.thing",
    properties: &[
        filterable("title", Kind::Text),
        filterable("created", Kind::Time),
        filterable("severity", Kind::Member(crate::sim::words::SEVERITY)),
        readable("evidence"),
        filterable("tags", Kind::Many),
    ],
};

fn passes(filter: &str) -> Result<bool, String> {
    let tags = ["A b".to_owned()];
    let field = |place: usize| match place {
        0 => Field::Text("It's Here"),
        1 => Field::Time(clock::parse("2026-08-19T07:00:00.5Z").expect("valid")),
        2 => Field::Member(4),
        4 => Field::Many(&tags),
        _ => Field::Null,
    };
    Filter::parse(filter, TYPE).map(|f| f.passes(&field))
}

#[test]
fn filters_are_read_and_applied() {
    for (filter, expected) in [
        ("title eq 'it''s here'", true),
        ("title ne null and severity eq 'HIGH'", true),
        ("severity eq 'low' or severity eq 'high'", true),
        (
            "severity eq 'low' or severity eq 'medium' and title eq 'x'",
            false,
        ),
        ("not (severity eq 'low')", true),
        (
            "created ge 2026-08-19T07:00:00.5Z and created lt 2026-08-19T07:00:00.5000001Z",
            true,
        ),
        ("created gt 2026-08-19T09:00:00.5+02:00", false),
        ("startswith(title,'IT')", true),
        ("endswith(title,'x') eq true", false),
        ("severity in ('low','high')", true),
        ("tags/any(t: t eq 'a B')", true),
    ] {
        assert_eq!(passes(filter), Ok(expected), "{filter}");
    }
}

#[test]
fn what_is_wrong_with_a_filter_is_said() {
    for (filter, part) in [
        ("evidence eq 'x'", "cannot be used"),
        (
            "colour eq 'x'",
            "Could not find a property named 'colour' on type 'test.thing'",
        ),
        ("created ge '2026-01-01'", "incompatible types"),
        ("created ge soon", "Unrecognized 'Edm.DateTimeOffset'"),
        ("severity eq 'worst'", "not a valid enumeration"),
        ("title eq", "Syntax error at position 8"),
        ("title eq 'x", "unterminated string"),
        ("title eq 'x' title", "Syntax error"),
        ("substringof('x',title)", "unknown function"),
    ] {
        let error = passes(filter).expect_err(filter);
        assert!(error.contains(part), "{filter}: {error}");
    }
    assert!(passes(&"(".repeat(5000)).is_err());
}

#[test]
fn bounds_narrow_what_must_be_read() {
    let filter = Filter::parse(
        "created ge 2026-01-01 and severity eq 'low' and created lt 2026-01-02",
        TYPE,
    )
    .expect("ok");
    let day = clock::parse("2026-01-01").expect("valid");
    assert_eq!(filter.bounds(1), (day, day + clock::DAY - 1));
    let filter = Filter::parse("created ge 2026-01-01 or severity eq 'low'", TYPE).expect("ok");
    assert_eq!(filter.bounds(1), (Ticks::MIN, Ticks::MAX));
}

#[test]
fn cursors_come_back_as_they_went() {
    for key in [Key::Number(-5), Key::Text("a\nb".into())] {
        let cursor = Cursor {
            key,
            place: 7,
            sent: 50,
        };
        assert_eq!(Cursor::parse(&cursor.token()), Some(cursor));
    }
    assert_eq!(Cursor::parse("AAAA"), None);
}

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
        ("tags/any(t:t eq 'a B' or startswith(t,'x'))", true),
        (
            "tags/any(t : contains(t,' b') and severity eq 'high')",
            true,
        ),
        ("tags/any(t: t eq 'c')", false),
        ("tags/all(t: startswith(t,'a'))", true),
        ("tags/all(t: t ne 'a b')", false),
        ("tags/any()", true),
        ("not tags/any(t: t eq 'c')", true),
        ("not contains(title,'elsewhere')", true),
        ("not not (severity eq 'high')", true),
        (
            "severity eq microsoft.graph.security.alertSeverity'high'",
            true,
        ),
        ("severity ge 'medium' and severity lt 'unknown'", false),
        ("title in ('x', 'it''s here')", true),
        ("title eq null", false),
        ("title gt null", false),
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
        ("title eq here", "Could not find a property named 'here'"),
        ("severity eq high", "Could not find a property named 'high'"),
        ("title eq 5", "'Edm.String' and 'Edm.Int32'"),
        (
            "not severity eq 'high'",
            "operand type 'Edm.Enum' for operator kind 'Not'",
        ),
        ("title/any(t: t eq 'x')", "not a collection"),
        ("tags/any(t eq 'x')", "Syntax error"),
        ("tags/any(t: u eq 'x')", "property named 'u'"),
        ("tags/all()", "Syntax error"),
        ("tags eq 'x'", "incompatible types"),
        ("contains(severity,'x')", "No function signature"),
        ("title in ()", "Syntax error"),
        ("substringof('x',title)", "unknown function"),
    ] {
        let error = passes(filter).expect_err(filter);
        assert!(error.contains(part), "{filter}: {error}");
    }
    assert!(passes(&"(".repeat(5000)).is_err());
    for deep in ["(", "not ", "not("] {
        let error = passes(&deep.repeat(50_000)).expect_err("deep");
        assert_eq!(error, "Recursion depth exceeded allowed limit.");
    }
    // Width is no depth.
    let wide = vec!["severity eq 'low'"; 50_000].join(" or ");
    assert_eq!(passes(&wide), Ok(false));
}

#[test]
fn options_are_read_once_each_and_orders_have_several_keys() {
    let options = Options::parse("$orderby=severity desc, created,title asc&$select=*", TYPE)
        .expect("options");
    assert_eq!(options.order, Some((2, true)));
    assert_eq!(options.then, [(1, false), (0, false)]);
    assert_eq!(options.select, None);
    for (query, part) in [
        ("$top=1&top=2", "more than once"),
        ("$orderby=created,", "Syntax error at position 8"),
        ("$orderby=created up", "Syntax error"),
        ("$orderby=created desc desc", "Syntax error"),
        ("$orderby=evidence", "property named 'evidence'"),
        ("$top=-1", "non-negative integer"),
        ("$skip=x", "non-negative integer"),
        ("$count=yes", "true or false"),
        ("$search=\"x\"", "'$search' is not supported"),
        ("$skiptoken=AAAA", "Invalid skiptoken"),
    ] {
        let error = Options::parse(query, TYPE).expect_err(query);
        assert!(error.contains(part), "{query}: {error}");
    }
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
            keys: vec![key],
            place: 7,
            sent: 50,
        };
        assert_eq!(Cursor::parse(&cursor.token()), Some(cursor));
    }
    assert_eq!(Cursor::parse("AAAA"), None);
}

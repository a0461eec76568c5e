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

/// The operators of the last statement.
fn operators(text: &str) -> Vec<crate::kql::syntax::Operator> {
    let syntax = parse(text);
    let Some(StatementKind::Query(query)) = syntax.statements.last().map(|s| s.kind.clone()) else {
        panic!("a query: {text}")
    };
    match query.kind {
        ExprKind::Pipeline { ops, .. } => ops,
        _ => Vec::new(),
    }
}

#[test]
fn what_is_being_typed_is_kept() {
    use crate::kql::syntax::JoinOn;

    let missing = |e: &Expr| matches!(e.kind, ExprKind::Missing);
    let last = |text: &str| operators(text).pop().expect("an operator");

    let op = last("T | where ");
    assert!(matches!(&op.kind, OperatorKind::Where(e) if missing(e)));
    assert_eq!(op.word, "where");
    assert!(matches!(last("T | ").kind, OperatorKind::Bad));
    let op = last("T | take 5 | summ");
    assert!(matches!(op.kind, OperatorKind::Bad) && op.keyword == Span::new(13, 17));
    assert!(matches!(
        last("T | summarize count() by ").kind,
        OperatorKind::Summarize { aggregates, by: Some(by) }
            if aggregates.len() == 1 && by.len() == 1 && missing(&by[0])
    ));
    assert!(matches!(
        last("T | project a, ").kind,
        OperatorKind::Project(list) if list.len() == 2 && missing(&list[1])
    ));
    assert!(matches!(
        last("T | extend a = ").kind,
        OperatorKind::Extend(list)
            if matches!(&list[0].kind, ExprKind::Named { name, value } if name.text == "a" && missing(value))
    ));
    for text in [
        "T | where A == \"",
        "T | where A == 'abc",
        "T | where A == ",
        "T | where A has ",
        "T | where A == 1 and ",
    ] {
        let OperatorKind::Where(condition) = last(text).kind else {
            panic!("where: {text}")
        };
        assert!(
            matches!(condition.kind, ExprKind::Chain { rest, .. } if rest.len() == 1),
            "{text}"
        );
    }
    assert!(matches!(
        last("T | where A in ('x', ").kind,
        OperatorKind::Where(e) if matches!(&e.kind, ExprKind::In { list, .. } if list.len() == 2)
    ));
    assert!(matches!(
        last("T | extend b = strcat(a, ").kind,
        OperatorKind::Extend(list)
            if matches!(&list[0].kind, ExprKind::Named { value, .. }
                if matches!(&value.kind, ExprKind::Call(call) if call.args.len() == 2))
    ));
    assert!(matches!(
        last("T | where a.").kind,
        OperatorKind::Where(e) if matches!(&e.kind, ExprKind::Path { steps, .. } if steps.len() == 1)
    ));
    let op = last("T | join kind=");
    assert!(matches!(&op.kind, OperatorKind::Join { right, .. } if missing(right)));
    assert_eq!(op.parameters.len(), 1);
    assert!(matches!(
        last("T | join (U | where x) on ").kind,
        OperatorKind::Join { right, on: JoinOn::On(list) }
            if matches!(right.kind, ExprKind::Paren(_)) && list.len() == 1
    ));
    assert!(matches!(
        last("T | sort by a ").kind,
        OperatorKind::Sort(list) if list.len() == 1
    ));
    assert!(matches!(
        last("T | render ").kind,
        OperatorKind::Render { .. }
    ));
    // the pipe inside an open bracket is one of the inner query
    let OperatorKind::Join { right, .. } = last("T | join (U | where ").kind else {
        panic!("join")
    };
    let ExprKind::Paren(inner) = right.kind else {
        panic!("in parentheses")
    };
    assert!(matches!(inner.kind, ExprKind::Pipeline { ops, .. } if ops.len() == 1));
    let syntax = parse("let x = T | where a; let y = ");
    assert!(matches!(
        &syntax.statements[1].kind,
        StatementKind::Let { name, value: crate::kql::syntax::LetValue::Expr(e) }
            if name.text == "y" && missing(e)
    ));
}

#[test]
fn the_rest_of_the_language_is_read() {
    for text in [
        "T | render timechart title=strcat('a', 'b') by a, b",
        "T | render piechart with 'x'",
        "T | mv-apply a on (__contextual_datatable 1 (a:long) | count)",
        "materialized-view-combine ('v') base (T) delta (T) aggregations (summarize count() by a)",
        "inline_external_table (a:long) kind=storage partition by (p:datetime = bin(a, 1d)) \
         pathformat = ('x' p '/' datetime_pattern('yy', p)) dataformat=csv ('https://x') with (b=1)",
        "let inline_external_table = 1; print inline_external_table",
        "let E = entity_group [database('a')]; macro-expand E as X (let y = 1; X.T | take y)",
        "macro-expand isfuzzy=true cluster('a').database('b') (T)",
        "declare pattern P = (a:string)[b:string] { ('x').['y'] = { let z = 1; T | take z }; }; P('x').y",
        "restrict access to (database('d').T*, ['U']) with (a='x', g=74be27de-1e4e-49d9-b579-fe0b331d3642)",
        "alias database D = cluster('c').database('d'); database('D').T",
        "union T*, (U | where a), ['V'], database('d').W*, [X*], f(1)",
        "find in (T, U | as V, W*) where a project b, c:string, pack(*)",
        "T | make-graph a --> b with U on c, (V) on d | graph-match cycles=none (x)-[e*1..3]->(y), (z)<--() \
         where x.a == 1 project x.b",
        "T | make-graph a -- b with_node_id=n | graph-to-table nodes as N with_node_id=i, edges as E",
        "T | graph-mark-components kind=weak with_component_id=c",
        "print {p}, {p[0]}, {p[-1]}",
        "T | where a.['b'] == c[0] and d.[e*] == 1",
        "set notruncation; set a = 5; T",
        "print x = toscalar kind=nooptimization (T | count)",
    ] {
        assert_eq!(errors(text), [], "{text}");
    }
}

#[test]
fn slips_are_placed_as_the_official_service_does() {
    assert_eq!(
        errors("T | join kind=simple U on a"),
        [("KS005", 14, 0), ("KS006", 14, 0), ("KS198", 14, 6)]
    );
    assert_eq!(
        errors("print a[*]"),
        [
            ("KS006", 8, 0),
            ("KS005", 8, 1),
            ("KS006", 9, 0),
            ("KS198", 9, 1)
        ]
    );
    assert_eq!(
        errors("find in (T | foo) where a")[..2],
        [("KS176", 12, 0), ("KS005", 13, 3)]
    );
    assert_eq!(
        errors("restrict access to ((T))")[..2],
        [("KS006", 20, 0), ("KS005", 20, 1)]
    );
    assert_eq!(errors("print {p[x]}"), [("KS006", 5, 0), ("KS198", 6, 1)]);
    assert_eq!(errors("print café")[0], ("KS002", 9, 2));
    assert_eq!(
        errors("T | inline_external_table (a:long) dataformat=csv ('x')"),
        [("KS254", 34, 0)]
    );
    assert_eq!(
        errors("T | search in (U) kind=default a"),
        [("KS198", 22, 1)]
    );
}

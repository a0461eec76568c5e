//! What comes from outside of the tables, and what looks into many of them.

use std::io;

use super::*;

/// Rows of a query over what a catalogue gives, as text; or the words of its refusal.
fn over(catalog: &Catalog, setup: &str, query: &str) -> String {
    let engine = Engine::in_memory().expect("works");
    for table in catalog.tables() {
        let sql = table.create_sql();
        engine.connection().execute_batch(&sql).expect("makes");
    }
    engine.connection().execute_batch(setup).expect("fills");
    match engine.run(query, catalog, &Options::default()) {
        Ok(result) => {
            let rows = result.rows.iter();
            rows.map(|row| row.iter().map(to_text).collect::<Vec<_>>().join("|"))
                .collect::<Vec<_>>()
                .join("; ")
        }
        Err(error) => error.to_string(),
    }
}

fn files() -> Catalog {
    let mut catalog = Catalog::new();
    catalog.external = External::new(|uri| {
        let text = match uri {
            "https://x.example/list.csv" => "name,n\nann,1\nbob,\n",
            "https://x.example/list.txt" => "ann\nbob",
            "https://x.example/broken.json" => "{\"name\":",
            "https://x.example/gone" => return Err(io::ErrorKind::NotFound.into()),
            _ => return Ok(None),
        };
        Ok(Some(Box::new(io::Cursor::new(text))))
    });
    catalog
}

#[test]
fn files_the_caller_opens_are_tables() {
    let read = |query: &str| over(&files(), "", query);
    assert_eq!(
        read(
            "externaldata(name:string, n:long)[@'https://x.example/list.csv'] with (format=\"csv\", ignoreFirstRecord=True) | where n == 1 or isnull(n)"
        ),
        "ann|1; bob|"
    );
    assert_eq!(
        read(
            "let names = externaldata(name:string)['https://x.example/list.txt']; print n = 'bob' | where n in (names)"
        ),
        "bob"
    );
    assert_eq!(
        read(
            "externaldata(n:string)[h@'https://x.example/list.txt', 'https://x.example/list.txt'] | count"
        ),
        "4"
    );
}

#[test]
fn files_that_cannot_be_read_are_named_without_their_keys() {
    let read = |query: &str| over(&files(), "", query);
    let not_given = read("externaldata(a:string)['https://y.example/a.csv?sig=secret']");
    assert!(
        not_given.starts_with("externaldata: 'https://y.example/a.csv' stands for no local file"),
        "{not_given}"
    );
    let gone = read("externaldata(a:string)['https://x.example/gone']");
    assert!(gone.contains("https://x.example/gone"), "{gone}");
    let broken = read("externaldata(name:string)['https://x.example/broken.json']");
    assert!(broken.contains("broken.json"), "{broken}");
    let format =
        read("externaldata(a:string)['https://x.example/list.txt'] with (format='parquet')");
    assert_eq!(format, "format 'parquet' of externaldata is not supported");
}

#[test]
fn facts_about_files_stand_beside_their_rows() {
    let table = TableDef::native(
        "DeviceFileEvents",
        [("FileName", Type::String), ("SHA1", Type::String)],
    );
    let setup = "INSERT INTO DeviceFileEvents VALUES ('x.exe', 'a1'), ('y.exe', 'zz'), ('z.exe', ''), ('w.exe', 'a1')";
    let mut catalog: Catalog = [table].into_iter().collect();
    let query = "DeviceFileEvents | sort by FileName asc | invoke FileProfile(SHA1, 2) | project FileName, GlobalPrevalence, ProfileAvailability";
    assert!(over(&catalog, setup, query).starts_with("FileProfile: nothing is known"));
    catalog.file_facts = FileFacts::new(|hash| match hash {
        "a1" | "b1" => Some(vec![
            ("GlobalPrevalence", Value::Int(7)),
            ("ProfileAvailability", Value::String("Available".into())),
        ]),
        _ => None,
    });
    assert_eq!(
        over(&catalog, setup, query),
        "w.exe|7|Available; x.exe|7|Available; y.exe||; z.exe||"
    );
    let unasked = "DeviceFileEvents | invoke FileProfile() | where GlobalPrevalence < 10 | count";
    assert_eq!(over(&catalog, setup, unasked), "2");
    let named = "DeviceFileEvents | extend SHA256 = 'b1' | invoke FileProfile('SHA256', 1000) | where GlobalPrevalence == 7 | count";
    assert_eq!(over(&catalog, setup, named), "4");
}

#[test]
fn rows_say_when_they_came_where_the_table_knows() {
    let tables = ["A", "B"].map(|name| TableDef::native(name, [("x", Type::Long)]));
    let mut catalog: Catalog = tables.into_iter().collect();
    let setup = "INSERT INTO A VALUES (1), (2); INSERT INTO B VALUES (3)";
    let query = "union A, B | extend y = x * 2 | where y > 0 | extend at = ingestion_time() | where isnotnull(at) | summarize sum(x), max(at)";
    assert!(over(&catalog, setup, query).starts_with("ingestion_time: it is not known"));
    catalog.set_ingestion("A", "x * 600000000");
    assert_eq!(
        over(&catalog, setup, query),
        "3|0001-01-01T00:02:00.0000000Z"
    );
    assert_eq!(
        over(
            &catalog,
            setup,
            "A | where ingestion_time() > datetime(0001-01-01 00:01:30) | project x"
        ),
        "2"
    );
    let grouped = over(
        &catalog,
        setup,
        "A | summarize by x | where isnull(ingestion_time())",
    );
    assert!(
        grouped.starts_with("ingestion_time: it is not known"),
        "{grouped}"
    );
}

#[test]
fn many_tables_are_asked_at_once() {
    let catalog: Catalog = [
        TableDef::native("A", [("k", Type::String), ("n", Type::Long)]),
        TableDef::native("B", [("k", Type::String), ("m", Type::Long)]),
        TableDef::native("C", [("other", Type::String)]),
    ]
    .into_iter()
    .collect();
    let setup = "INSERT INTO A VALUES ('x', 1), ('A', 2); INSERT INTO B VALUES ('x', 3); INSERT INTO C VALUES ('x')";
    let ask = |query: &str| over(&catalog, setup, query);
    assert_eq!(
        ask("find in (A, B, C) where k == 'x'"),
        "A|x|{\"n\":1}; B|x|{\"m\":3}"
    );
    assert_eq!(
        ask("find in (A, B) where k == 'x' project k, n | where isnotnull(n)"),
        "A|x|1"
    );
    assert_eq!(ask("find in (A, B, C) where 'x' | count"), "3");
    // The name of a table is not its rows' text.
    assert_eq!(ask("search in (A, B) 'A' | project $table, k"), "A|A");
    assert_eq!(ask("A | search 'x' | project-away n"), "A|x");
}

#[test]
fn neighbours_may_be_asked_for_in_conditions() {
    let data = "datatable(t:long, k:string)[1, 'a', 2, 'a', 3, 'b', 4, 'b']";
    assert_eq!(
        rows(&format!("{data} | sort by t asc | where k != prev(k)")),
        "1|a; 3|b"
    );
    assert_eq!(
        rows(&format!(
            "{data} | serialize | where row_number() == 2 or t == 4 | project t"
        )),
        "2; 4"
    );
}

#[test]
fn columns_declared_of_a_pivot_come_out_as_declared() {
    let data = "datatable(k:string, c:string)['x', 'High', 'x', 'High', 'y', 'Low']";
    assert_eq!(
        rows(&format!(
            "{data} | evaluate pivot(c) : (k:string, Critical:long, High:long) | sort by k asc"
        )),
        "x||2; y||0"
    );
}

#[test]
fn texts_are_compared_with_numbers_as_numbers() {
    let data = "datatable(s:string, n:long, b:bool)['7', 7, true, '07', 8, false, 'x', 7, true]";
    assert_eq!(rows(&format!("{data} | where s == n | project s")), "7");
    assert_eq!(rows(&format!("{data} | where s == 7 | project s")), "7; 07");
    assert_eq!(rows(&format!("{data} | where b == 'True' | count")), "2");
    assert_eq!(rows(&format!("{data} | where s != 7 | project s")), "x");
}

#[test]
fn seasons_and_anomalies() {
    let spike = "print s = dynamic([1,2,3,4,1,2,3,4,1,2,3,40,1,2,3,4,1,2,3,4])";
    assert_eq!(
        rows(&format!(
            "{spike} | extend (flag, score, base) = series_decompose_anomalies(s, 1.5, 4, 'none') | project flag[11], flag[3], base[11]"
        )),
        "1|0|4.0"
    );
    assert_eq!(
        rows("print series_seasonal(dynamic([1,2,3,4,1,2,3,4,1,2,3,4]))[3]"),
        "4.0"
    );
    assert_eq!(
        rows(
            "print y = dynamic([1, 3, 5, 7]) | extend (r, slope, v, rv, start, line) = series_fit_line(y) | project r, slope, v, start, line"
        ),
        "1|2|6.666666666666667|1|[1.0,3.0,5.0,7.0]"
    );
    assert_eq!(
        rows("print series_fir(dynamic([2, 4, 6]), dynamic([1, 1]))"),
        "[1.0,3.0,5.0]"
    );
    assert_eq!(
        rows("print series_iir(dynamic([1, 1, 1]), dynamic([1]), dynamic([1, -1]))"),
        "[1.0,2.0,3.0]"
    );
}

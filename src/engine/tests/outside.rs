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

#[test]
fn sessions_begin_where_pauses_or_lengths_end_them() {
    let data = "datatable(k:string, t:datetime)['a', datetime(2024-01-01 10:00), 'a', datetime(2024-01-01 10:04), 'a', datetime(2024-01-01 10:08), 'a', datetime(2024-01-01 10:20), 'b', datetime(2024-01-01 10:21)]";
    assert_eq!(
        rows(&format!(
            "{data} | sort by k asc, t asc | extend s = row_window_session(t, 7m, 5m, k != prev(k)) | project minute = datetime_part('minute', s)"
        )),
        "0; 0; 8; 20; 21"
    );
}

#[test]
fn columns_are_named_by_texts() {
    let data = "datatable(Name:string, Age:int, City:string)['Ann', 31, 'Rome']";
    assert_eq!(
        rows(&format!("{data} | project-by-names 'C*', 'Name'")),
        "Rome|Ann"
    );
    assert_eq!(
        rows(&format!(
            "{data} | project-by-names dynamic(['Age', 'None'])"
        )),
        "31"
    );
    assert_eq!(
        rows(&format!("let T = {data}; print column_names_of(T)")),
        "[\"Name\",\"Age\",\"City\"]"
    );
}

#[test]
fn pairs_without_delimiters_are_words() {
    assert_eq!(
        rows(
            "print s = 'at 10:00 [x] id:7, host=\\'a b\\' done' | parse-kv s as (id:long, host:string, none:string) with (quote=\"'\") | project id, host, none"
        ),
        "7|a b|"
    );
}

#[test]
fn texts_written_otherwise() {
    assert_eq!(
        rows(
            "print punycode_from_string('bücher'), punycode_domain_from_string('xn--bcher-kva.example')"
        ),
        "bcher-kva|bücher.example"
    );
    assert_eq!(
        rows(
            "print g = toguid('00112233-4455-6677-8899-aabbccddeeff') | extend b = base64_encode_fromguid(g) | project b, base64_decode_toguid(b) == g"
        ),
        "MyIRAFVEd2aImaq7zN3u/w==|true"
    );
    assert_eq!(
        rows(
            "print zlib_decompress_from_base64_string('eJxLTEoGAAJNASc='), gzip_decompress_from_base64_string('no')"
        ),
        "abc|"
    );
}

#[test]
fn clocks_of_places() {
    let at = |f: &str, t: &str, zone: &str| {
        rows(&format!("print tostring({f}(datetime({t}), '{zone}'))"))
    };
    let utc = "datetime_utc_to_local";
    let local = "datetime_local_to_utc";
    assert_eq!(
        at(utc, "2024-07-01 12:00:00.5", "Europe/Rome"),
        "2024-07-01T14:00:00.5000000Z"
    );
    assert_eq!(
        at(local, "2024-01-15 12:00", "US/Pacific"),
        "2024-01-15T20:00:00.0000000Z"
    );
    // No clock in Rome shows this; then one that two hours show.
    assert_eq!(
        at(local, "2024-03-31 02:30", "Europe/Rome"),
        "2024-03-31T00:30:00.0000000Z"
    );
    assert_eq!(
        at(local, "2024-10-27 02:30", "Europe/Rome"),
        "2024-10-27T00:30:00.0000000Z"
    );
    assert!(refused("print datetime_utc_to_local(now(), 'Moon/Base')").contains("Moon/Base"));
}

#[test]
fn values_counted_apart_are_counted_together() {
    assert_eq!(
        rows(
            "range x from 1 to 10 step 1 | summarize h = hll(x % 4) by x % 2 | summarize m = hll_merge(h) | project dcount_hll(m)"
        ),
        "4"
    );
    assert_eq!(
        rows(
            "datatable(x:real, y:real)[1, 2, 2, 4, 3, 6] | summarize c = covariance(x, y), p = covariancep(x, y) | project c, round(p, 3)"
        ),
        "2|1.333"
    );
    assert_eq!(rows("print around(5, 4, 1), around(7, 4, 1)"), "true|false");
}

#[test]
fn parts_are_scanned_for_themselves() {
    let data = "datatable(k:string, t:long, v:long)['a', 1, 5, 'b', 2, 7, 'a', 3, long(null), 'b', 4, long(null)]";
    assert_eq!(
        rows(&format!(
            "{data} | partition hint.strategy=native by k (order by t asc | scan with (step s: true => v = iff(isnull(v), s.v, v);) | extend n = next(t)) | sort by t asc | project k, v, n"
        )),
        "a|5|3; b|7|4; a|5|; b|7|"
    );
}

#[test]
fn addresses_lie_where_the_catalogue_says() {
    let query = "range n from 1 to 2 step 1 | extend place = geo_info_from_ip_address(strcat('192.0.2.', n)) | project tostring(place.city), isnull(place)";
    assert!(refused(query).starts_with("geo_info_from_ip_address: it is not known"));
    let mut catalog = Catalog::new();
    catalog.places =
        Places::new(|address| (address == "192.0.2.1").then(|| "{\"city\":\"Rome\"}".to_owned()));
    assert_eq!(over(&catalog, "", query), "Rome|false; |true");
}

use super::*;

fn evidence(json: &str) -> Evidence {
    serde_json::from_str(json).expect("decodes")
}

fn shown(evidence: &Evidence) -> Vec<(String, String)> {
    lines(evidence, &|time| time.to_string())
        .into_iter()
        .map(|line| (line.label, line.value))
        .collect()
}

#[test]
fn every_file_is_read_and_no_kind_stands_twice() {
    let mut names = Vec::new();
    for (name, text) in FILES {
        let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        names.extend(file.kind.into_iter().map(|kind| kind.name));
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    for name in &names {
        assert!(
            !matches!(EvidenceKind::parse(name), EvidenceKind::Other(_)),
            "{name}"
        );
    }
}

/// Every path and every template field is a property the service documents.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn paths_are_the_services_property_names() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/spec/graph-security.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let spec: Value = serde_json::from_str(&text).expect("is JSON");
    let property = |kind: &str, name: &str| -> Option<String> {
        let types = [&spec["evidenceTypes"], &spec["complexTypes"]];
        let own = types.iter().find_map(|types| types.get(kind))?;
        let all = own["properties"].as_array()?;
        let found = all.iter().find(|it| it["name"] == name)?;
        Some(found["type"].as_str()?.to_owned())
    };
    let mut checked = 0;
    for layout in layouts().values() {
        let fields = layout
            .group
            .iter()
            .flat_map(|group| &group.fields)
            .map(|field| field.path.clone());
        let holes = layout.hunt.iter().flat_map(|template| {
            let parts = template.query.split('{').skip(1);
            parts.filter_map(|it| Some(it.split_once('}')?.0.split(':').next()?.to_owned()))
        });
        for path in fields.chain(holes).filter(|path| !path.starts_with('@')) {
            let mut kind = format!("{}Evidence", layout.name);
            for name in path.split('.') {
                kind = property(&kind, name)
                    .unwrap_or_else(|| panic!("{}: no {name} in {kind}", layout.name));
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn an_unknown_kind_is_shown_whole() {
    let it = evidence(
        r##"{"@odata.type":"#microsoft.graph.security.quantumLinkEvidence","verdict":"suspicious",
            "peer":{"hostName":"a.evil.example","ports":[1,2],"@odata.type":"x"},
            "seenAt":"2026-08-19T06:58:41Z","uri":"https://evil.example/x.y","nodes":[{"id":1},{"id":2}],"flag":false,"none":null}"##,
    );
    assert_eq!(
        shown(&it),
        [
            ("peer.hostName", "a[.]evil[.]example"),
            ("peer.ports", "1, 2"),
            ("seenAt", "2026-08-19T06:58:41Z"),
            ("uri", "hxxps://evil[.]example/x.y"),
            ("nodes[0].id", "1"),
            ("nodes[1].id", "2"),
            ("flag", "false"),
        ]
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
    );
}

#[test]
fn fields_a_layout_does_not_name_come_last() {
    let it = evidence(
        r##"{"@odata.type":"#microsoft.graph.security.fileEvidence","newField":"x",
            "fileDetails":{"fileName":"a\u202Eb.exe","fileSize":81920,"entropy":7.2}}"##,
    );
    let lines = shown(&it);
    assert_eq!(lines[0], ("Name".to_owned(), "a⟪U+202E⟫b.exe".to_owned()));
    assert_eq!(lines[1].1, "80.0 KiB (81920 bytes)");
    let labels: Vec<&str> = lines.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels[2..], ["", "newField", "fileDetails.entropy"]);
}

#[test]
fn a_hunt_is_prepared_from_the_first_template_that_can_be_filled() {
    let both = evidence(
        r##"{"@odata.type":"#microsoft.graph.security.fileEvidence","fileDetails":{"sha256":"ab\"; T","fileName":"x.exe"}}"##,
    );
    let (title, query) = hunt_around(&both, None).expect("prepared");
    assert_eq!(title, "the file by SHA-256");
    assert!(query.starts_with(r#"let hash = "ab\"; T";"#), "{query}");
    let name = evidence(
        r##"{"@odata.type":"#microsoft.graph.security.fileEvidence","fileDetails":{"fileName":"x.exe"}}"##,
    );
    assert_eq!(
        hunt_around(&name, None).expect("prepared").0,
        "files of that name"
    );
    assert_eq!(
        hunt_around(&evidence(r#"{"@odata.type":"fileEvidence"}"#), None),
        None
    );
}

#[test]
fn a_shape_nobody_expected_is_not_lost() {
    let it = evidence(
        r##"{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":{"v4":"10.0.0.1"}}"##,
    );
    assert!(
        shown(&it)
            .iter()
            .any(|(_, value)| value.contains("10[.]0[.]0[.]1") || value.contains("10.0.0.1")),
        "{:?}",
        shown(&it)
    );
}

/// Every prepared query is one the service would take: tables, columns and types resolve.
#[test]
fn prepared_queries_are_sound() {
    let field = |path: &str| {
        let value = if path == "@time" || path.ends_with("DateTime") {
            "2026-08-19T06:58:41Z"
        } else {
            "42"
        };
        Some(Cow::Borrowed(value))
    };
    for layout in layouts().values() {
        for template in &layout.hunt {
            let query = prepared::fill(&template.query, field).expect("every field is there");
            let found = crate::hunt::language::findings(&query, 0, crate::kql::Schema::hunting());
            let errors: Vec<_> = found
                .iter()
                .filter(|it| it.error)
                .map(|it| (&query[it.start..it.end], &it.message))
                .collect();
            assert!(
                errors.is_empty(),
                "{} {:?}: {errors:#?}\n{query}",
                layout.name,
                template.title
            );
        }
    }
    let mail = crate::hunt::language::findings(
        &crate::tui::screens::evidence::mail::query("x"),
        0,
        crate::kql::Schema::hunting(),
    );
    assert!(mail.iter().all(|it| !it.error), "{mail:#?}");
}

use super::*;

fn alert(id: &str, evidence: &str) -> Alert {
    serde_json::from_str(&format!(
        r#"{{"id":"{id}","title":"{id}","evidence":{evidence}}}"#
    ))
    .expect("decodes")
}

fn rows(model: &Model) -> Vec<String> {
    model
        .nodes()
        .iter()
        .map(|node| {
            let text = match &node.item {
                Item::Kind { label, count } => format!("{label} {count}"),
                Item::Device(name) => format!("[{name}]"),
                Item::Entity(at) => model.entities[*at].title.clone(),
                Item::Parent { image, pid } => format!("({image} {})", pid.unwrap_or(0)),
            };
            format!("{}{text}", " ".repeat(usize::from(node.depth)))
        })
        .collect()
}

fn process(device: &str, pid: i64, at: u8, parent: i64, parent_at: u8, name: &str) -> String {
    format!(
        r#"{{"@odata.type":"processEvidence","mdeDeviceId":"{device}","processId":{pid},
            "processCreationDateTime":"2026-08-19T07:00:{at:02}Z","imageFile":{{"fileName":"{name}"}},
            "parentProcessId":{parent},"parentProcessCreationDateTime":"2026-08-19T07:00:{parent_at:02}.0000000Z",
            "parentProcessImageFile":{{"fileName":"p{parent}.exe"}}}}"#
    )
}

#[test]
fn the_same_entity_is_one_row_with_its_worst_verdict() {
    let user = |verdict: &str| {
        format!(
            r#"{{"@odata.type":"userEvidence","verdict":"{verdict}","userAccount":{{"azureAdUserId":"U1","accountName":"x"}}}}"#
        )
    };
    let model = Model::new(&[
        alert(
            "a",
            &format!("[{},{}]", user("suspicious"), user("unknown")),
        ),
        alert("b", &format!("[{}]", user("malicious"))),
    ]);
    assert_eq!(rows(&model), ["User 1", " x"]);
    let entity = &model.entities[0];
    assert_eq!(entity.verdict(), Verdict::Malicious);
    assert_eq!(
        entity.verdicts(),
        [
            (Verdict::Malicious, 1),
            (Verdict::Suspicious, 1),
            (Verdict::Unknown, 1)
        ]
    );
    assert_eq!(model.alerts[entity.occurrences[0].alert].title, "b");
}

#[test]
fn processes_hang_under_their_parents_by_id_start_and_device() {
    let list = [
        process("d1", 30, 3, 20, 2, "powershell.exe"),
        process("d1", 20, 2, 10, 1, "winword.exe"),
        process("d1", 31, 4, 20, 2, "cmd.exe"),
        // the id 20 again, later: not the parent of 30
        process("d1", 20, 9, 4, 0, "other.exe"),
        process("d2", 40, 5, 20, 2, "elsewhere.exe"),
    ];
    let device = r#"{"@odata.type":"deviceEvidence","mdeDeviceId":"d1","deviceDnsName":"fin-07"}"#;
    let model = Model::new(&[alert("a", &format!("[{},{device}]", list.join(",")))]);
    assert_eq!(
        rows(&model),
        [
            "Device 1",
            " fin-07",
            "Process 5",
            " [fin-07]",
            "  (p10.exe 10)",
            "   winword.exe (20)",
            "    powershell.exe (30)",
            "    cmd.exe (31)",
            "  (p4.exe 4)",
            "   other.exe (20)",
            " [d2]",
            "  (p20.exe 20)",
            "   elsewhere.exe (40)",
        ]
    );
}

#[test]
fn parents_in_a_circle_lose_nobody() {
    let list = [
        process("d", 1, 1, 2, 2, "a"),
        process("d", 2, 2, 1, 1, "b"),
        process("d", 3, 3, 3, 3, "self"),
    ];
    let model = Model::new(&[alert("a", &format!("[{}]", list.join(",")))]);
    let text = rows(&model).join("\n");
    for name in ["a (1)", "b (2)", "self (3)"] {
        assert_eq!(text.matches(name).count(), 1, "{text}");
    }
}

#[test]
fn unknown_kinds_come_last_and_links_are_defanged() {
    let model = Model::new(&[alert(
        "a",
        r##"[{"@odata.type":"#microsoft.graph.security.quantumLinkEvidence","name":"q"},
            {"@odata.type":"#microsoft.graph.security.urlEvidence","url":"https://evil.example/a.b"},
            {"name":"no type"}]"##,
    )]);
    assert_eq!(
        rows(&model),
        [
            "URL 1",
            " hxxps://evil[.]example/a.b",
            "quantumLink 1",
            " q",
            "untyped 1",
            " no type"
        ]
    );
}

#[test]
fn worst_entities_come_first_within_a_kind() {
    let ip = |address: &str, verdict: &str| {
        format!(r#"{{"@odata.type":"ipEvidence","ipAddress":"{address}","verdict":"{verdict}"}}"#)
    };
    let list = [
        ip("10.0.0.1", "noThreatsFound"),
        ip("10.0.0.2", "unknown"),
        ip("10.0.0.3", "malicious"),
        ip("10.0.0.4", "newVerdict"),
    ];
    let model = Model::new(&[alert("a", &format!("[{}]", list.join(",")))]);
    let order: Vec<char> = rows(&model)[1..]
        .iter()
        .filter_map(|row| row.chars().last())
        .collect();
    assert_eq!(order, ['3', '4', '2', '1']);
}

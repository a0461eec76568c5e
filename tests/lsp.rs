//! The language server as an editor meets it: the built program over its standard input and output.

#[path = "support/editor.rs"]
mod editor;

use editor::{Editor, at};
use serde_json::{Value, json};

const URI: &str = "file:///a%20b.kql";

/// What most editors can do.
fn able() -> Value {
    json!({
        "general": {"positionEncodings": ["utf-16"]},
        "workspace": {"workspaceEdit": {"documentChanges": true}},
        "textDocument": {
            "completion": {"completionItem": {"snippetSupport": true, "documentationFormat": ["markdown"]}},
            "hover": {"contentFormat": ["markdown", "plaintext"]},
            "documentSymbol": {"hierarchicalDocumentSymbolSupport": true},
            "publishDiagnostics": {"tagSupport": {"valueSet": [1, 2]}},
            "signatureHelp": {"signatureInformation": {"parameterInformation": {"labelOffsetSupport": true}}},
        },
    })
}

fn quiet() -> Value {
    json!({"lints": false})
}

/// The part of a text that a range covers, columns counted in UTF-16 or in bytes.
fn covered<'t>(text: &'t str, range: &Value, bytes: bool) -> &'t str {
    let place = |at: &Value| {
        let number = |name: &str| at[name].as_u64().expect("a number") as usize;
        let start: usize = text
            .split_inclusive('\n')
            .take(number("line"))
            .map(str::len)
            .sum();
        let mut units = 0;
        let wanted = number("character");
        for (at, c) in text[start..].char_indices() {
            if units == wanted {
                return start + at;
            }
            units += if bytes { c.len_utf8() } else { c.len_utf16() };
        }
        assert_eq!(units, wanted, "a place within the text");
        text.len()
    };
    &text[place(&range["start"])..place(&range["end"])]
}

/// A text with edits made.
fn edited(text: &str, edits: &Value) -> String {
    let mut out = text.to_owned();
    let mut edits: Vec<&Value> = edits.as_array().expect("edits").iter().collect();
    edits.sort_by_key(|it| {
        let start = &it["range"]["start"];
        (start["line"].as_u64(), start["character"].as_u64())
    });
    for edit in edits.into_iter().rev() {
        let part = covered(text, &edit["range"], false);
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        let new = edit["newText"].as_str().expect("a text");
        out.replace_range(start..start + part.len(), new);
    }
    out
}

#[test]
fn a_session_from_greeting_to_farewell() {
    let text = "let threshold = 5;\nDeviceInfo\n| where DeviceNmae == 'é😀' and threshold > 3\n| take threshold\n";
    let mut editor = Editor::with(able(), quiet());
    editor.open(URI, text);

    let found = editor.findings(URI, Some(1));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(covered(text, &found[0]["range"], false), "DeviceNmae");
    assert_eq!(found[0]["code"], "KS142");
    assert_eq!(found[0]["severity"], 1);

    // the repair of what was found
    let params = json!({
        "textDocument": {"uri": URI}, "range": found[0]["range"], "context": {"diagnostics": found},
    });
    let actions = editor.ask("textDocument/codeAction", params);
    let fix = &actions[0];
    assert_eq!(fix["kind"], "quickfix");
    let edits = &fix["edit"]["documentChanges"][0];
    assert_eq!(edits["textDocument"]["version"], 1);
    assert!(edited(text, &edits["edits"]).contains("where DeviceName == 'é😀'"));

    // a new line is typed below
    let line = json!([{
        "range": {"start": {"line": 3, "character": 16}, "end": {"line": 3, "character": 16}},
        "text": "\n| count",
    }]);
    editor.change(URI, 2, line);
    assert_eq!(editor.findings(URI, Some(2)).len(), 1);

    // the name is another one everywhere
    let place = at(URI, 3, 9);
    let prepared = editor.ask("textDocument/prepareRename", place.clone());
    assert_eq!(prepared["placeholder"], "threshold");
    let mut to = place.clone();
    to["newName"] = json!("most");
    let renamed = editor.ask("textDocument/rename", to.clone());
    let edits = &renamed["documentChanges"][0]["edits"];
    let after = edited(&format!("{}\n| count\n", text.trim_end()), edits);
    assert_eq!(after.matches("most").count(), 3, "{after}");
    assert_eq!(after.matches("threshold").count(), 0, "{after}");
    to["newName"] = json!("");
    editor.refused("textDocument/rename", to);

    let defined = editor.ask("textDocument/definition", place.clone());
    assert_eq!(defined["uri"], URI);
    assert_eq!(covered(text, &defined["range"], false), "threshold");
    assert_eq!(defined["range"]["start"]["line"], 0);
    let mut all = place.clone();
    all["context"] = json!({"includeDeclaration": true});
    assert_eq!(
        editor
            .ask("textDocument/references", all.clone())
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    all["context"] = json!({"includeDeclaration": false});
    assert_eq!(
        editor
            .ask("textDocument/references", all)
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let marked = editor.ask("textDocument/documentHighlight", place);
    assert_eq!(marked.as_array().map(Vec::len), Some(3));

    let hover = editor.ask("textDocument/hover", at(URI, 1, 3));
    assert!(
        hover["contents"]["value"]
            .as_str()
            .is_some_and(|it| it.contains("DeviceInfo")),
        "{hover}"
    );
    assert_eq!(covered(text, &hover["range"], false), "DeviceInfo");

    assert_eq!(editor.quit(), 0);
}

#[test]
fn a_lint_can_be_silenced_beside_its_repair() {
    let text = "AlertInfo\r\n| where Timestamp > ago(1d) and Title contains 'malware'\r\n\r\nDeviceEvents\r\n";
    let mut editor = Editor::with(able(), json!({}));
    editor.open(URI, text);
    let found = editor.findings(URI, Some(1));
    assert_eq!(found.len(), 2, "{found:?}");
    let mut left = text.to_owned();
    for (found, titles) in found.iter().rev().zip([
        &["Silence no-time-filter here"][..],
        &["Write has", "Silence contains-word here"],
    ]) {
        let params = json!({
            "textDocument": {"uri": URI}, "range": found["range"],
            "context": {"diagnostics": [found], "only": ["quickfix"]},
        });
        let actions = editor.ask("textDocument/codeAction", params);
        let actions = actions.as_array().expect("actions");
        let said: Vec<&str> = actions
            .iter()
            .map(|it| it["title"].as_str().expect("a title"))
            .collect();
        assert_eq!(said.len(), titles.len(), "{said:?}");
        assert_eq!(said.last(), titles.last());
        let silence = actions.last().expect("one");
        assert!(silence["isPreferred"].is_null());
        assert_eq!(silence["diagnostics"][0]["code"], found["code"]);
        left = edited(&left, &silence["edit"]["documentChanges"][0]["edits"]);
    }
    assert_eq!(
        left,
        "AlertInfo\r\n// nightjar: allow(contains-word)\r\n| where Timestamp > ago(1d) and Title contains 'malware'\r\n\r\nDeviceEvents // nightjar: allow(no-time-filter)\r\n"
    );
    editor.change(URI, 2, json!([{"text": left}]));
    assert_eq!(editor.findings(URI, Some(2)), Vec::<Value>::new());
    assert_eq!(editor.quit(), 0);
}

#[test]
fn what_fits_is_offered_and_explained() {
    let text = "DeviceInfo // 😀\n| su\n\nlet lim = 1;\nDeviceEvents\n| where Timestamp > ";
    let mut editor = Editor::with(able(), quiet());
    editor.open(URI, text);
    let offered = |editor: &mut Editor, line, character| {
        let list = editor.ask("textDocument/completion", at(URI, line, character));
        list["items"].as_array().expect("items").clone()
    };
    let named = |items: &[Value], name: &str| {
        let found = items.iter().find(|it| it["filterText"] == name);
        found
            .unwrap_or_else(|| panic!("{name} in {} items", items.len()))
            .clone()
    };
    let operators = offered(&mut editor, 1, 4);
    let summarize = named(&operators, "summarize");
    let range = &summarize["textEdit"]["range"];
    assert_eq!(
        covered(text, range, false),
        "su",
        "the word is replaced whole"
    );
    let sorts: Vec<&str> = operators
        .iter()
        .filter_map(|it| it["sortText"].as_str())
        .collect();
    assert!(sorts.is_sorted(), "the order is kept by clients that sort");
    // the place after white space still belongs to its query
    let values = offered(&mut editor, 5, 20);
    assert_eq!(named(&values, "lim")["kind"], 6, "a variable");
    let ago = named(&values, "ago");
    assert_eq!(ago["kind"], 3);
    assert_eq!(ago["insertTextFormat"], 2);
    assert_eq!(ago["textEdit"]["newText"], "ago($1)$0");
    let words = editor.ask("completionItem/resolve", ago.clone());
    assert_eq!(words["documentation"]["kind"], "markdown");
    let shown = words["documentation"]["value"].as_str().unwrap_or_default();
    assert!(
        shown.contains("ago(") && shown.contains("datetime"),
        "{words}"
    );
    // nothing is offered in a comment; an item of another time comes back as it is
    assert_eq!(offered(&mut editor, 0, 15), Vec::<Value>::new());
    assert_eq!(editor.ask("completionItem/resolve", ago.clone()), ago);
    assert_eq!(editor.quit(), 0);

    let mut plain = Editor::with(json!({}), quiet());
    plain.open(URI, text);
    let ago = named(&offered(&mut plain, 5, 20), "ago");
    assert_eq!(ago.get("insertTextFormat"), None);
    assert_eq!(plain.quit(), 0);
}

#[test]
fn the_call_being_written_is_shown() {
    let text = "print 'é😀', strcat('a', ";
    let mut editor = Editor::with(able(), quiet());
    editor.open(URI, text);
    let units = text.encode_utf16().count();
    let help = editor.ask("textDocument/signatureHelp", at(URI, 0, units));
    let signature = &help["signatures"][help["activeSignature"].as_u64().unwrap_or(0) as usize];
    let label = signature["label"].as_str().expect("a label");
    assert!(label.starts_with("strcat("), "{help}");
    let parameter = &signature["parameters"][0]["label"];
    let place = |at: usize| parameter[at].as_u64().expect("a place") as usize;
    assert!(
        label
            .get(place(0)..place(1))
            .is_some_and(|it| !it.is_empty()),
        "{help}"
    );
    assert_eq!(help["activeParameter"], 0, "the one that repeats: {help}");
    assert_eq!(
        editor.ask("textDocument/signatureHelp", at(URI, 0, 3)),
        Value::Null
    );
    assert_eq!(editor.quit(), 0);
}

#[test]
fn places_are_exact_in_every_encoding_and_line_end() {
    let text = "// 😀é\r\nDeviceInfo | where DeviceName == '😀é' and Wrong == 1\r\n\r\nprint 'é', Wrong\r\n";
    for (offered, chosen, bytes) in [
        (json!(["utf-8", "utf-16"]), "utf-8", true),
        (json!(["utf-32", "utf-16"]), "utf-16", false),
        (Value::Null, "utf-16", false),
    ] {
        let mut editor = Editor::start(&["--no-lints"]);
        let params = json!({"capabilities": {"general": {"positionEncodings": offered}}});
        let answer = editor.ask("initialize", params);
        assert_eq!(answer["capabilities"]["positionEncoding"], chosen);
        editor.tell("initialized", json!({}));
        editor.open(URI, text);
        let found = editor.findings(URI, Some(1));
        let places: Vec<&str> = found
            .iter()
            .map(|it| covered(text, &it["range"], bytes))
            .collect();
        assert_eq!(places, ["Wrong", "Wrong"], "{found:?}");
        let column = if bytes { 46 } else { 43 };
        let hover = editor.ask("textDocument/hover", at(URI, 1, 22));
        assert_eq!(covered(text, &hover["range"], bytes), "DeviceName");
        assert_eq!(found[0]["range"]["start"]["character"], column);
        assert_eq!(editor.quit(), 0);
    }
}

#[test]
fn any_sequence_of_edits_leaves_both_with_one_text() {
    let pieces = [
        "DeviceInfo",
        "\n",
        "\r\n",
        "| take 1",
        "é",
        "😀",
        " ",
        "\n\n",
        "where (",
        ")",
        "'",
        "// ",
        "\r",
        "let x = 1;",
        "",
        "```",
        "| where Timestamp > ago(1d)",
    ];
    let mut editor = Editor::with(able(), quiet());
    let mut text = String::from("DeviceInfo\n| where DeviceName == '😀'\r\n");
    editor.open(URI, &text);
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below.max(1) as u64) as usize
    };
    // where an editor's text begins its lines
    let starts = |text: &str| {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                starts.push(at + 1);
            }
        }
        starts
    };
    for version in 2..100 {
        let mut changes = Vec::new();
        for _ in 0..=next(3) {
            let boundaries: Vec<usize> = text
                .char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                // between \r and \n no editor puts a caret
                .filter(|at| !(text[..*at].ends_with('\r') && text[*at..].starts_with('\n')))
                .collect();
            let one = boundaries[next(boundaries.len())];
            let two = boundaries[next(boundaries.len())];
            // short ones, that the text grows
            let (from, to) = (one.min(two), one.max(two).min(one.min(two) + 12));
            let to = *boundaries.iter().rfind(|at| **at <= to).expect("one");
            let lines = starts(&text);
            let place = |at: usize| {
                let line = lines.partition_point(|start| *start <= at) - 1;
                json!({"line": line, "character": text[lines[line]..at].encode_utf16().count()})
            };
            let new = pieces[next(pieces.len())];
            changes.push(json!({"range": {"start": place(from), "end": place(to)}, "text": new}));
            text.replace_range(from..to, new);
            if text.len() > 500 {
                text = "DeviceInfo\n".to_owned();
                changes.push(json!({"text": text}));
            }
        }
        editor.change(URI, version, json!(changes));
        if version % 3 == 0 {
            // a range in the middle of nothing is brought back, and nothing breaks
            editor.ask("textDocument/hover", at(URI, next(40), next(90)));
            editor.ask(
                "textDocument/semanticTokens/full",
                json!({"textDocument": {"uri": URI}}),
            );
            editor.ask("textDocument/completion", at(URI, next(20), next(40)));
        }
    }
    // a query comes and goes on every line: each place is found again
    let lines = starts(&text);
    for (version, line) in (100..).zip(0..lines.len()) {
        let start = json!({"line": line, "character": 0});
        let end = json!({"line": line + 2, "character": 0});
        let come =
            json!({"range": {"start": start, "end": start}, "text": "Probe😀 | nonsense\n\n"});
        let go = json!({"range": {"start": start, "end": end}, "text": ""});
        editor.change(URI, version, json!([come, go]));
    }
    // one that has only seen the end of it says the same of everything
    let mut other = Editor::with(able(), quiet());
    other.open(URI, &text);
    for method in [
        "textDocument/semanticTokens/full",
        "textDocument/documentSymbol",
        "textDocument/foldingRange",
    ] {
        let params = json!({"textDocument": {"uri": URI}});
        assert_eq!(
            editor.ask(method, params.clone()),
            other.ask(method, params),
            "{method} of {text:?}"
        );
    }
    let last = 100 + lines.len() as i32 - 1;
    let found = editor.findings(URI, Some(last));
    assert_eq!(found, other.findings(URI, Some(1)), "{text:?}");
    assert_eq!(editor.quit(), 0);
    assert_eq!(other.quit(), 0);
}

#[test]
fn what_is_no_message_is_refused_and_the_server_lives() {
    let mut editor = Editor::start(&[]);
    let (code, _) = editor.refused("textDocument/hover", at(URI, 0, 0));
    assert_eq!(code, -32002, "before initialize");
    editor.raw(b"Content-Length: 1\r\n\r\n{");
    assert_eq!(editor.reply(&Value::Null)["error"]["code"], -32700);
    editor.raw(b"nonsense\r\n\r\n");
    assert_eq!(editor.reply(&Value::Null)["error"]["code"], -32700);
    editor.ask("initialize", json!({"capabilities": "odd"}));
    assert_eq!(editor.refused("initialize", json!({})).0, -32600);
    assert_eq!(editor.refused("textDocument/nonsense", json!({})).0, -32601);
    assert_eq!(editor.refused("textDocument/hover", json!([])).0, -32602);
    assert_eq!(
        editor
            .refused("textDocument/hover", at("file:///closed", 0, 0))
            .0,
        -32602
    );
    editor.tell(
        "textDocument/didChange",
        json!({"textDocument": {"uri": URI, "version": 1}}),
    );
    editor.tell("$/nonsense", json!(7));
    editor.open(URI, "DeviceInfo | take 1");
    // a change that makes no sense is passed over whole
    editor.change(
        URI,
        2,
        json!([{"range": {"start": {"line": -1}}, "text": "x"}]),
    );
    assert_eq!(editor.findings(URI, Some(1)), Vec::<Value>::new());
    for method in [
        "textDocument/completion",
        "textDocument/hover",
        "textDocument/signatureHelp",
        "textDocument/definition",
        "textDocument/documentHighlight",
        "textDocument/prepareRename",
    ] {
        let id = editor.begin(method, at(URI, 4_000_000_000, 4_000_000_000));
        let reply = editor.reply(&json!(id));
        assert_ne!(reply["error"]["code"], -32603, "{reply}");
    }
    editor.ask("shutdown", Value::Null);
    assert_eq!(
        editor.refused("textDocument/hover", at(URI, 0, 0)).0,
        -32600
    );
    editor.tell("exit", Value::Null);
    assert_eq!(editor.end(), 0);
}

#[test]
fn a_client_that_leaves_without_a_word_is_status_1() {
    let mut editor = Editor::with(json!({}), Value::Null);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.end(), 1);
    let mut editor = Editor::with(json!({}), Value::Null);
    editor.hang_up();
    assert_eq!(editor.end(), 1);
}

#[test]
fn what_is_cancelled_in_time_is_not_worked_on() {
    let mut editor = Editor::with(able(), quiet());
    editor.open(
        URI,
        &"DeviceInfo | where DeviceName == 'x' and strlen(DeviceName) > 3\n\n".repeat(2_000),
    );
    // the first keeps it busy while the others and their end arrive
    let first = editor.begin(
        "textDocument/semanticTokens/full",
        json!({"textDocument": {"uri": URI}}),
    );
    let ids: Vec<i32> = (0..20)
        .map(|_| {
            editor.begin(
                "textDocument/semanticTokens/full",
                json!({"textDocument": {"uri": URI}}),
            )
        })
        .collect();
    for id in &ids {
        editor.tell("$/cancelRequest", json!({"id": id}));
    }
    assert!(editor.reply(&json!(first)).get("result").is_some());
    let cancelled = ids
        .iter()
        .filter(|id| editor.reply(&json!(id))["error"]["code"] == -32800)
        .count();
    assert!(cancelled > 0);
    // one that was answered already, or never asked
    editor.tell("$/cancelRequest", json!({"id": first}));
    editor.tell("$/cancelRequest", json!({"id": "x"}));
    assert_eq!(editor.quit(), 0);
}

#[test]
fn formatting_is_that_of_the_command_line_and_moves_nothing_else() {
    let text = "DeviceInfo|where   DeviceName=='é😀'|take 1   \r\n\r\n\r\nAlertInfo | where == 1\r\n\r\nprint   1";
    let mut editor = Editor::with(able(), quiet());
    editor.open(URI, text);
    let options = json!({"tabSize": 4, "insertSpaces": true});
    let params = json!({"textDocument": {"uri": URI}, "options": options});
    let whole = edited(text, &editor.ask("textDocument/formatting", params));
    assert_eq!(whole, editor::run(&["kql", "format", "-"], text));

    let params = json!({
        "textDocument": {"uri": URI}, "options": options,
        "range": {"start": {"line": 5, "character": 3}, "end": {"line": 5, "character": 4}},
    });
    let part = edited(text, &editor.ask("textDocument/rangeFormatting", params));
    assert_eq!(part, text.replace("print   1", "print 1"));
    let broken = json!({
        "textDocument": {"uri": URI}, "options": options,
        "range": {"start": {"line": 3, "character": 3}, "end": {"line": 3, "character": 4}},
    });
    let (code, why) = editor.refused("textDocument/rangeFormatting", broken);
    assert_eq!(code, -32803, "{why}");
    assert_eq!(editor.quit(), 0);
}

#[test]
fn queries_are_listed_and_folded() {
    let text = "// Sign-ins at night\nlet f = (n: long) {\n    print n\n};\nf(1)\n\nDeviceInfo\n| take 1\n";
    let mut editor = Editor::with(able(), quiet());
    editor.open(URI, text);
    let params = json!({"textDocument": {"uri": URI}});
    let symbols = editor.ask("textDocument/documentSymbol", params.clone());
    assert_eq!(symbols[0]["name"], "Sign-ins at night");
    assert_eq!(symbols[0]["children"][0]["name"], "f");
    assert_eq!(symbols[0]["children"][0]["kind"], 12);
    assert_eq!(symbols[1]["name"], "DeviceInfo");
    let folds = editor.ask("textDocument/foldingRange", params.clone());
    let lines: Vec<(u64, u64)> = folds
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            (
                it["startLine"].as_u64().expect("from"),
                it["endLine"].as_u64().expect("to"),
            )
        })
        .collect();
    assert_eq!(lines, [(0, 4), (1, 3), (6, 7)]);
    assert_eq!(editor.quit(), 0);

    let mut plain = Editor::with(json!({}), quiet());
    plain.open(URI, text);
    let flat = plain.ask("textDocument/documentSymbol", params);
    assert_eq!(flat[1]["containerName"], "Sign-ins at night");
    assert_eq!(flat[1]["location"]["uri"], URI);
    assert_eq!(plain.quit(), 0);
}

#[test]
fn typing_in_a_large_file_is_answered_from_what_is_known() {
    let query = "DeviceProcessEvents\n| where Timestamp > ago(1d) and FileName =~ 'powershell.exe'\n| summarize count() by DeviceName\n\n";
    let text = query.repeat(1_000_000 / query.len());
    let mut editor = Editor::with(able(), quiet());
    editor.open(URI, &text);
    assert_eq!(editor.findings(URI, Some(1)), Vec::<Value>::new());
    let line = text.lines().count() / 2 / 4 * 4 + 1;
    let began = std::time::Instant::now();
    for (version, letter) in (2..).zip("x == 1 and ".chars().rev()) {
        let place = json!({"line": line, "character": 8});
        let typed = json!([{"range": {"start": place, "end": place}, "text": letter.to_string()}]);
        editor.change(URI, version, typed);
        let hover = editor.ask("textDocument/hover", at(URI, line - 1, 3));
        assert_eq!(hover["range"]["start"]["line"], line - 1);
    }
    let found = editor.findings(URI, Some(12));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0]["range"]["start"],
        json!({"line": line, "character": 8})
    );
    // a slow machine and a debug build: reading it anew each time would take many times this
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    assert_eq!(editor.quit(), 0);
}

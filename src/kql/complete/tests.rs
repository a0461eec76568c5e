//! What fits at a place, in what order, and what it is written as.

use super::*;

/// Completes where `^` stands in the text.
fn at(text: &str) -> Completions<'static> {
    let caret = text.find('^').expect("a caret");
    complete(&text.replacen('^', "", 1), caret as u32, Schema::hunting())
}

fn names(text: &str) -> Vec<String> {
    at(text).items.iter().map(|i| i.name().to_owned()).collect()
}

fn first(text: &str, count: usize) -> Vec<String> {
    names(text).into_iter().take(count).collect()
}

#[track_caller]
fn offers(text: &str, wanted: &[&str], unwanted: &[&str]) {
    let names = names(text);
    for name in wanted {
        assert!(names.iter().any(|n| n == name), "{text}: no {name}");
    }
    for name in unwanted {
        assert!(!names.iter().any(|n| n == name), "{text}: {name}");
    }
}

#[test]
fn a_query_starts_with_a_table() {
    offers(
        "^",
        &["DeviceEvents", "let", "union", "FileProfile"],
        &["where", "ago"],
    );
    offers("let a = DeviceInfo; ^", &["a", "DeviceInfo"], &["where"]);
    offers(
        "let a = ^",
        &["DeviceInfo", "dynamic", "ago", "materialize"],
        &["let"],
    );
    offers("DeviceInfo ^", &["|"], &["where", "DeviceInfo"]);
}

#[test]
fn operators_follow_a_pipe() {
    offers(
        "DeviceInfo | ^",
        &["where", "summarize", "join"],
        &["DeviceInfo", "and"],
    );
    offers("DeviceInfo |^ ", &["where"], &[]);
    offers(
        "DeviceInfo | mv-apply a = LoggedOnUsers on (^",
        &["where", "take"],
        &["ago"],
    );
    offers("let a = (b: string) { DeviceInfo | ^", &["where"], &[]);
    assert_eq!(first("DeviceEvents | ^", 1), ["where"]);
    assert!(
        first(
            "DeviceEvents | where ActionType == 'a' | summarize count() by DeviceId | ^",
            3
        )
        .contains(&"where".to_owned())
    );
}

#[test]
fn columns_are_those_of_the_row() {
    offers(
        "DeviceInfo | project A = OSPlatform, DeviceId | where ^",
        &["A", "DeviceId", "ago"],
        &["OSPlatform", "DeviceInfo"],
    );
    offers(
        "DeviceInfo | extend A = 1 | project ^",
        &["A", "OSPlatform"],
        &["where"],
    );
    offers(
        "DeviceInfo | join kind=inner (DeviceEvents | project DeviceId, ActionType | where ^",
        &["ActionType"],
        &["OSPlatform"],
    );
    offers(
        "DeviceInfo | summarize N = count() by OSPlatform | where ^",
        &["N", "OSPlatform"],
        &["DeviceId"],
    );
    offers(
        "let t = 1d; let f = (a: string) { DeviceInfo | where ^",
        &["t", "a", "OSPlatform"],
        &["f"],
    );
}

#[test]
fn what_follows_an_operand_depends_on_its_type() {
    offers(
        "DeviceInfo | where DeviceName ^",
        &["has", "contains", "==", "in~"],
        &["between", "and", "+", "<"],
    );
    offers(
        "DeviceInfo | where Timestamp ^",
        &[">", "between"],
        &["has", "and"],
    );
    offers(
        "DeviceInfo | where DeviceName has 'a' ^",
        &["and", "or"],
        &["has"],
    );
    offers(
        "DeviceInfo | where DeviceName has 'a' and Timestamp > ago(1d) ^",
        &["and", "-"],
        &["has"],
    );
    offers("DeviceInfo | extend a = Timestamp ^", &["-"], &["and", ">"]);
    assert!(names("DeviceInfo | where nothing ^").is_empty());
}

#[test]
fn clauses_are_known() {
    offers(
        "DeviceInfo | summarize ^",
        &["count", "dcount", "by"],
        &["OSPlatform"],
    );
    offers("DeviceInfo | summarize count() ^", &["by"], &["where"]);
    offers("DeviceInfo | summarize dcount(^", &["DeviceId"], &["count"]);
    offers("DeviceInfo | sort by OSPlatform ^", &["asc", "desc"], &[]);
    offers("DeviceInfo | top 10 ^", &["by"], &[]);
    offers(
        "DeviceInfo | join ^",
        &["DeviceEvents", "kind"],
        &["where", "on"],
    );
    offers(
        "DeviceInfo | join kind=^",
        &["inner", "leftanti"],
        &["DeviceEvents"],
    );
    offers("DeviceInfo | join DeviceEvents ^", &["on"], &[]);
    offers(
        "DeviceInfo | join DeviceEvents on ^",
        &["DeviceId", "$left", "$right"],
        &["OSPlatform", "ActionType"],
    );
    offers(
        "DeviceInfo | join DeviceEvents on $left.^",
        &["OSPlatform"],
        &["ActionType"],
    );
    offers(
        "DeviceInfo | join DeviceEvents on $left.DeviceId == $right.^",
        &["ActionType"],
        &["OSPlatform"],
    );
    offers("union ^", &["DeviceEvents", "isfuzzy"], &["where"]);
    offers(
        "DeviceInfo | where DeviceId in (^",
        &["DeviceEvents", "DeviceName", "dynamic"],
        &["where"],
    );
    offers("DeviceInfo | render ^", &["timechart"], &[]);
    offers("let a = datatable(b: ^", &["string", "long"], &["where"]);
}

#[test]
fn nothing_is_offered_where_nothing_fits() {
    for text in [
        "DeviceInfo // a ^",
        "DeviceInfo | where DeviceName == \"a^",
        "DeviceInfo | where DeviceName == \"a^\"",
        "DeviceInfo | where Timestamp > ago(1^",
        "let ^",
        "let a^ = 1",
        "DeviceInfo | parse DeviceName with ^",
        "DeviceInfo | where Timestamp > datetime(^",
    ] {
        assert_eq!(at(text).items, [], "{text}");
    }
}

#[test]
fn the_word_at_the_caret_is_replaced_whole() {
    let replaced = |text: &str| {
        let replace = at(text).replace;
        replace.text(&text.replacen('^', "", 1)).to_owned()
    };
    assert_eq!(
        replaced("DeviceInfo | where Dev^iceName == 'a'"),
        "DeviceName"
    );
    assert_eq!(replaced("DeviceInfo | wh^"), "wh");
    assert_eq!(
        replaced("DeviceInfo | mv^-expand LoggedOnUsers"),
        "mv-expand"
    );
    assert_eq!(replaced("DeviceInfo | project-a^"), "project-a");
    assert_eq!(replaced("DeviceInfo | where DeviceName !ha^"), "!ha");
    assert_eq!(replaced("DeviceInfo | join DeviceEvents on $le^"), "$le");
    assert_eq!(replaced("DeviceInfo | where ^DeviceName"), "DeviceName");
    assert_eq!(replaced("DeviceInfo | where ^"), "");
}

#[test]
fn items_are_written_ready_to_go_on() {
    let written = |text: &str, name: &str| {
        let completions = at(text);
        let item = completions.items.iter().find(|i| i.name() == name);
        let item = item.expect("the item");
        let (before, after) = item.insert.split_at(item.caret as usize);
        format!("{before}^{after}")
    };
    assert_eq!(written("DeviceInfo | where Timestamp > ^", "ago"), "ago(^)");
    assert_eq!(written("DeviceInfo | where Timestamp > ^", "now"), "now(^)");
    assert_eq!(
        written("DeviceInfo | where to^(DeviceName)", "tolower"),
        "tolower^"
    );
    assert_eq!(written("DeviceInfo | ^", "where"), "where ^");
    assert_eq!(written("DeviceInfo | ^ DeviceName", "where"), "where^");
    assert_eq!(written("DeviceInfo | where DeviceName ^", "in~"), "in~ (^)");
    assert_eq!(written("DeviceInfo | join ^", "kind"), "kind=^");
    assert_eq!(
        written("DeviceInfo | extend ['a b'] = 1 | where ^", "a b"),
        "['a b']^"
    );
    assert_eq!(
        written("DeviceInfo | join DeviceEvents on ^", "$left"),
        "$left.^"
    );
}

#[test]
fn the_likely_comes_first() {
    assert!(first("DeviceProcessEvents | where Timestamp > ^", 3).contains(&"ago".to_owned()));
    assert_eq!(
        first("DeviceInfo | join DeviceEvents on ^", 1),
        ["DeviceId"]
    );
    let tail = names("DeviceInfo | project DeviceId, Timestamp, ^");
    let place = |name: &str| tail.iter().position(|n| n == name);
    assert!(
        place("DeviceName") < place("DeviceId"),
        "what is there already comes later"
    );
    assert!(first("DeviceInfo | extend Oddity = 1 | project ^", 10).contains(&"Oddity".to_owned()));
}

#[test]
fn typing_filters() {
    let completions = at("DeviceProcessEvents | where ^");
    let matching = |typed: &str| -> Vec<String> {
        let found = completions.matching(typed);
        found
            .iter()
            .map(|&i| completions.items[i].name().to_owned())
            .collect()
    };
    let prefix = matching("device");
    assert_eq!(&prefix[..2].iter().all(|n| n.starts_with("Device")), &true);
    assert!(matching("dn").contains(&"DeviceName".to_owned()));
    assert_eq!(matching("pcl")[0], "ProcessCommandLine");
    assert_eq!(matching("IPFN")[0], "InitiatingProcessFileName");
    assert_eq!(matching("").len(), completions.items.len());
    assert!(matching("qqq").is_empty());
    let all: Vec<usize> = completions.matching("a");
    assert!(all.iter().all(|&i| {
        let name = completions.items[i].name().to_lowercase();
        name.contains('a')
    }));
}

#[test]
fn every_caret_of_any_text_is_answered() {
    for text in [
        "let t = 1d;\nDeviceInfo // é\n| where Timestamp between (ago(t) .. now()) and DeviceName has_any ('é😀', @'x')\n| summarize arg_max(Timestamp, *), n = countif(OSPlatform == \"a\") by DeviceId, bin(Timestamp, 1h)\n| join kind=inner (DeviceEvents | extend a = parse_json(AdditionalFields).b[0]) on $left.DeviceId == $right.DeviceId\n| mv-apply x = a on (where x == 1 | top 1 by x desc nulls last)\n| project-away ['a b'], é*\n| render timechart with (title = 'a', kind = stacked)",
        "let f = (T: (a: string), b: long = 5) { T | where a == tostring(b) }; f(DeviceInfo, ",
        ")]}|;,= | where ( [ { | ) in ( between .. $left. ! !ha \u{a0} ``` \" ' // ",
        "evaluate range from to step | join on on | on by by , , = = == and or | search in (|) | find where | parse x with * : | parse-kv as ( | make-series on from to step in range( default= ",
        "print dynamic({\"a\": [1, ",
        "😀😀 | é",
    ] {
        for caret in 0..=text.len() + 1 {
            let completions = complete(text, caret as u32, Schema::hunting());
            let Span { start, end } = completions.replace;
            assert!(start <= end && text.get(start as usize..end as usize).is_some());
            for item in &completions.items {
                assert!(
                    item.insert.is_char_boundary(item.caret as usize),
                    "{item:?}"
                );
            }
        }
    }
}

#[test]
fn phrases_fit_the_place_and_its_columns() {
    let phrases = |text: &str| -> Vec<String> {
        let all = at(text).snippets;
        all.iter().map(|it| it.label.to_string()).collect()
    };
    let has = |text: &str, label: &str| phrases(text).iter().any(|it| it == label);
    assert!(has("DeviceInfo | ^", "summarize count() by …"));
    assert!(has("DeviceInfo | ^", "where Timestamp > ago(1d)"));
    let without = "DeviceInfo | project DeviceId | ^";
    assert!(!has(without, "where Timestamp > ago(1d)"), "no such column");
    assert!(has(without, "summarize count() by …"));
    assert!(has("^", "let name = …;"));
    assert!(has("DeviceInfo | where ^", "Timestamp > ago(1d)"));
    for text in [
        "DeviceInfo | ^ DeviceId == 'a'",
        "DeviceInfo | where DeviceId == ^",
        "DeviceInfo | project ^",
    ] {
        assert_eq!(phrases(text), [""; 0], "{text}");
    }
}

#[test]
fn what_is_to_be_filled_in_is_told() {
    let filled = |text: &str, name: &str| {
        let completions = at(text);
        let mut all = completions.items.iter().chain(&completions.snippets);
        let item = all.find(|i| i.label == name || i.name() == name);
        let item = item.expect("the item");
        let mut out = item.insert.to_string();
        for stop in item.open().iter().rev() {
            let inner = format!("<{}>", stop.text(&item.insert));
            out.replace_range(stop.start as usize..stop.end as usize, &inner);
        }
        out
    };
    assert_eq!(
        filled("DeviceInfo | where Timestamp > ^", "ago"),
        "ago(<>)<>"
    );
    assert_eq!(
        filled("DeviceInfo | where Timestamp ^", "between"),
        "between (<> .. <>)<>"
    );
    assert_eq!(filled("DeviceInfo | ^", "where"), "where ");
    assert_eq!(
        filled("DeviceInfo | ^", "top 10 by Timestamp desc"),
        "top <10> by <Timestamp> desc<>"
    );
}

#[test]
fn names_of_a_pattern_are_offered_with_their_columns() {
    let graph = "DeviceNetworkEvents | make-graph DeviceId --> RemoteIP with DeviceInfo on DeviceId \
                 | graph-match (a)-[e]->(b)";
    let elsewhere = offers;
    let offers = |rest: &str, wanted: &[&str], unwanted: &[&str]| {
        elsewhere(&format!("{graph} {rest}"), wanted, unwanted);
    };
    offers(
        "where ^",
        &["a", "e", "b", "all", "ago"],
        &["RemoteIP", "OSPlatform"],
    );
    offers("where a.^", &["OSPlatform"], &["RemotePort", "a", "ago"]);
    offers("project e.^", &["RemotePort"], &["OSPlatform"]);
    offers("where a.OSPlatform == 'x' and b.^", &["OSPlatform"], &[]);
    offers("where all(e, ^", &["RemotePort", "ago"], &["OSPlatform"]);
    offers("project a.LoggedOnUsers.^", &[], &["OSPlatform"]);
    elsewhere("DeviceInfo | where ^", &["ago"], &["all", "labels"]);
    elsewhere(
        "DeviceInfo | make-graph DeviceId --> DeviceName with DeviceInfo ^",
        &["on"],
        &["with"],
    );
    elsewhere(
        "DeviceInfo | make-graph DeviceId --> DeviceName with_node_id=N | graph-to-table ^",
        &["nodes", "edges"],
        &[],
    );
}

#[test]
fn what_the_tenant_lacks_comes_last_and_says_so() {
    use crate::kql::bound::Column;
    use crate::kql::schema::Learnt;
    let mut learnt = Learnt::default();
    let columns = ["Timestamp", "DeviceId", "Own_s"].map(|it| Column::new(it, Type::String));
    learnt
        .tables
        .insert("DeviceInfo".to_owned(), Some(columns.to_vec()));
    learnt.tables.insert("EmailEvents".to_owned(), None);
    let schema = Schema::hunting().merged(&learnt);
    let text = "DeviceInfo | extend Made = 1 | where ";
    let offered = complete(text, text.len() as u32, &schema);
    let presence = |name: &str| {
        let item = offered.items.iter().find(|it| it.name() == name);
        item.map(|it| it.presence)
    };
    assert_eq!(presence("DeviceId"), Some(Presence::Documented));
    assert_eq!(presence("Own_s"), Some(Presence::Tenant));
    assert_eq!(presence("Made"), Some(Presence::Documented));
    assert_eq!(presence("OSPlatform"), Some(Presence::NotSeen));
    let lacking = |it: &Item<'_>| it.presence == Presence::NotSeen;
    let first = offered.items.iter().position(lacking).expect("some lack");
    assert!(offered.items[first..].iter().all(lacking), "all behind");
    let tables = complete("", 0, &schema);
    let last = tables.items.last().map(Item::name);
    assert_eq!(last, Some("EmailEvents"));
}

#[test]
fn columns_are_ranked_by_their_table() {
    assert!(first("DeviceNetworkEvents | where ^", 5).contains(&"RemoteIP".to_owned()));
    assert!(first("DeviceProcessEvents | where ^", 3).contains(&"ProcessCommandLine".to_owned()));
    assert!(first("EmailEvents | where ^", 6).contains(&"SenderFromAddress".to_owned()));
}

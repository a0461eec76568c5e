//! Both readings of an alert give the same row and the same entities.

use super::*;
use crate::domain::EvidenceKind;

fn now() -> Timestamp {
    "2026-08-19T09:00:00Z".parse().expect("a time")
}

fn both(json: &str) -> Option<()> {
    let (quick_row, mut quick_entities) = quick(json, now())?;
    let (row, mut entities) = whole(json, now()).expect("readable");
    quick_entities.sort_unstable();
    entities.sort_unstable();
    assert_eq!(quick_row, row, "{json}");
    assert_eq!(quick_entities, entities, "{json}");
    Some(())
}

fn evidence(kind: &EvidenceKind, fields: &str) -> String {
    format!(
        r##"{{"id":"a1","incidentId":"7","title":"T \"q\" \u202e","status":"new","severity":"High","assignedTo":" ",
            "serviceSource":"microsoftDefenderForEndpoint","categories":["Execution","Malware"],
            "classification":null,"createdDateTime":"2026-08-19T07:02:10.9812345Z","lastUpdateDateTime":"2026-08-19T07:20:00Z",
            "evidence":[{{"@odata.type":"#microsoft.graph.security.{kind}Evidence","verdict":"malicious",{fields}}}]}}"##
    )
}

const FIELDS: &str = r#""mdeDeviceId":"AB","deviceDnsName":"Ws-1.corp","hostName":"ws-1","ipAddress":"192.0.2.1",
    "url":"https://Example.org/x","networkMessageId":"N-1","internetMessageId":"<a@b>","subject":"s\u202eÜ",
    "primaryAddress":"A@b.c","upn":"u@b.c",
    "userAccount":{"azureAdUserId":"U-1","userPrincipalName":"j.doe@b.c","accountName":"jdoe","userSid":"S-1"},
    "fileDetails":{"fileName":"a.exe","sha256":"FF","sha1":"EE","md5":"DD"},
    "imageFile":{"fileName":"p.exe","sha256":null,"sha1":"EE"}"#;

#[test]
fn every_covered_kind_reads_alike_full_and_bare() {
    for kind in &COVERED {
        both(&evidence(kind, FIELDS)).unwrap_or_else(|| panic!("{kind} is not read quickly"));
        // bare: the quick reading may give up, but must not differ
        both(&evidence(kind, r#""roles":[]"#));
        both(&evidence(
            kind,
            r#""mdeDeviceId":"","deviceDnsName":"d","userAccount":null,"imageFile":null"#,
        ));
    }
}

#[test]
fn kinds_outside_the_quick_reading_are_read_by_themselves() {
    let unknown = EvidenceKind::Other("quantumLink".into());
    for kind in EvidenceKind::KNOWN.iter().chain([&unknown]) {
        let json = evidence(kind, FIELDS);
        both(&json).unwrap_or_else(|| panic!("{kind} costs the whole alert"));
        let digest = alert(&json, now()).expect("readable");
        let (row, _) = whole(&json, now()).expect("readable");
        assert_eq!(digest.row, row);
    }
}

#[test]
fn odd_shapes_fall_back_and_a_row_without_id_is_kept_as_bad() {
    let odd = r#"{"id":"a","title":17,"evidence":[{"verdict":"x"},"what"],"categories":"One"}"#;
    assert!(quick(odd, now()).is_none());
    let digest = alert(odd, now()).expect("readable");
    assert_eq!(&*digest.row.title, "17");
    assert_eq!(digest.row.evidence, 1);
    for broken in [
        r#"{"title":"no id"}"#,
        r#"{"id":""}"#,
        "7",
        "null",
        r#"{"id":null}"#,
    ] {
        let bad = alert(broken, now()).err().expect("refused");
        assert_eq!(bad.json, broken);
        assert!(!bad.why.is_empty());
        assert!(incident(broken, now()).is_err());
    }
}

#[test]
fn entities_come_back_and_json_unpacks_to_itself() {
    let json = evidence(&EvidenceKind::Device, FIELDS);
    let digest = alert(&json, now()).expect("readable");
    assert_eq!(unpack(&digest.json).as_deref(), Some(&*json));
    let bytes = encode_entities(digest.row.tactics, &digest.entities);
    let (tactics, entities) = decode_entities(&bytes);
    assert_eq!(tactics, digest.row.tactics);
    assert_eq!(entities.collect::<Vec<_>>(), digest.entities);
    assert_eq!(unpack(&[1, 2, 3]), None);
}

use super::*;
use crate::cloud::{Choice, resolve};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const MDE: &str = "https://api.securitycenter.microsoft.com";
const XDR: &str = "https://api.security.microsoft.com";

fn endpoints(cloud: &str) -> Endpoints {
    let choice = Choice {
        cloud,
        ..Choice::default()
    };
    resolve(&choice).expect("resolves")
}

fn claims(aud: &str, roles: &[&str], scopes: &[&str]) -> Claims {
    let own = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect();
    Claims {
        aud: Some(aud.to_owned()),
        tid: Some(TENANT.to_owned()),
        app_id: Some("aaaaaaaa-2222-4333-8444-555555555555".to_owned()),
        roles: own(roles),
        scopes: own(scopes),
        ..Claims::default()
    }
}

fn needs<'a>(resource: Resource, any_of: &'a [&'a str]) -> Needs<'a> {
    Needs {
        resource,
        any_of,
        tenant: TENANT,
        settled: false,
    }
}

fn read(claims: &Claims, resource: Resource, any_of: &[&str]) -> Option<Verdict> {
    let now = "2026-08-19T08:00:00Z".parse().expect("a time");
    foresee(
        claims,
        needs(resource, any_of),
        &endpoints("commercial"),
        now,
    )
}

fn refused(status: u16, message: &str, claims: &Claims, any_of: &[&str]) -> Verdict {
    let refusal = Refusal {
        status,
        message,
        ..Refusal::default()
    };
    judge(
        refusal,
        Some(claims),
        needs(Resource::Defender, any_of),
        &endpoints("commercial"),
    )
}

#[test]
fn the_audience_trap_is_named_with_its_cure() {
    let token = claims(XDR, &["Incident.Read.All"], &[]);
    let said = read(&token, Resource::Defender, &["Machine.Isolate"]).expect("a verdict");
    assert_eq!(said.reason, Reason::Audience);
    assert!(
        said.to_string()
            .contains(&format!("set defender_audience to {MDE}")),
        "{said}"
    );
    // Where the service has taken such tokens, the audience is not blamed.
    let needs = Needs {
        settled: true,
        ..needs(Resource::Defender, &["Machine.Isolate"])
    };
    let said = foresee(
        &token,
        needs,
        &endpoints("commercial"),
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(said.expect("a verdict").reason, Reason::Permission);
}

#[test]
fn a_missing_permission_comes_with_kind_resource_role_licence_and_link() {
    let app = claims(MDE, &["Machine.Read.All"], &[]);
    let said = read(&app, Resource::Defender, &["Machine.StopAndQuarantine"]).expect("a verdict");
    assert_eq!(said.reason, Reason::Permission);
    let text = said.to_string();
    for part in [
        "lacks Machine.StopAndQuarantine",
        "the application permission",
        "WindowsDefenderATP",
        "grant consent",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(said.cure.role, None, "an application needs no role");
    assert!(
        said.cure
            .licence
            .expect("a licence")
            .contains("Defender for Business")
    );
    assert_eq!(
        said.cure.consent_link.expect("a link").as_str(),
        format!(
            "https://login.microsoftonline.com/{TENANT}/adminconsent?client_id=aaaaaaaa-2222-4333-8444-555555555555"
        )
    );
    let person = claims(MDE, &[], &["Alert.Read"]);
    let said = read(
        &person,
        Resource::Defender,
        &["Machine.Read.All", "Machine.ReadWrite.All"],
    )
    .expect("a verdict");
    assert_eq!(said.cure.kind, Some(PermissionKind::Delegated));
    assert_eq!(said.cure.permissions, ["Machine.Read", "Machine.ReadWrite"]);
    assert!(said.cure.role.expect("a role").contains("View data"));
}

#[test]
fn each_finding_of_a_token_has_its_own_reason() {
    let reason = |claims: &Claims, any_of: &[&str]| {
        read(claims, Resource::Defender, any_of).map(|verdict| verdict.reason)
    };
    assert_eq!(
        reason(&claims(MDE, &[], &[]), &[]),
        Some(Reason::NoPermission)
    );
    let mut foreign = claims(MDE, &["Machine.Isolate"], &[]);
    foreign.tid = Some("99999999-2222-4333-8444-555555555555".to_owned());
    assert_eq!(reason(&foreign, &[]), Some(Reason::Tenant));
    let government = claims(
        "https://api-gcc.securitycenter.microsoft.us",
        &["Machine.Isolate"],
        &[],
    );
    let said = read(&government, Resource::Defender, &[]).expect("a verdict");
    assert!(said.to_string().contains("different clouds"), "{said}");
    let mut old = claims(MDE, &["Machine.Isolate"], &[]);
    old.expires = Some("2026-08-19T07:00:00Z".parse().expect("a time"));
    assert_eq!(reason(&old, &[]), Some(Reason::Expired));
    assert_eq!(
        reason(
            &claims(MDE, &["machine.isolate"], &[]),
            &["Machine.Isolate"]
        ),
        None
    );
    assert_eq!(
        reason(&claims(MDE, &[], &["Machine.Read"]), &["Machine.Read.All"]),
        None
    );
    let graph = claims("https://graph.microsoft.com", &["Machine.Isolate"], &[]);
    assert_eq!(reason(&graph, &[]), Some(Reason::Audience));
    let mail = claims(
        "https://graph.microsoft.com",
        &[],
        &["SecurityAlert.Read.All"],
    );
    let said = read(
        &mail,
        Resource::Graph,
        &["SecurityAnalyzedMessage.Read.All"],
    );
    assert_eq!(said.expect("a verdict").reason, Reason::ApplicationOnly);
}

#[test]
fn the_audience_is_blamed_where_the_service_does_not_see_what_the_token_carries() {
    let token = claims(MDE, &["Machine.Isolate"], &[]);
    for words in [
        "Missing application roles. API required roles: Machine.Isolate, application roles: .",
        "The application does not have any of the required application permissions (Machine.Isolate) to access the resource.",
        "Token audience is not accepted by this resource.",
    ] {
        let said = refused(403, words, &token, &["Machine.Isolate"]);
        assert_eq!(said.reason, Reason::Audience, "{words}");
        let (setting, to) = said.cure.setting.expect("a setting");
        assert_eq!((setting, to.as_deref()), ("defender_audience", Some(XDR)));
    }
    let lacking = claims(MDE, &["Machine.Read.All"], &[]);
    let said = refused(
        403,
        "Missing application roles. API required roles: Machine.Isolate, application roles: Machine.Read.All.",
        &lacking,
        &["Machine.Isolate"],
    );
    assert_eq!(said.reason, Reason::Permission);
}

#[test]
fn the_tenants_state_is_not_blamed_on_the_token() {
    let token = claims(MDE, &["Vulnerability.Read.All"], &[]);
    let reason = |message: &str| {
        let said = refused(401, message, &token, &["Vulnerability.Read.All"]);
        assert!(!said.cure.advice.is_empty());
        (said.reason, said.cure.licence)
    };
    let start = "Unauthorized request - reason of failure: ";
    assert_eq!(
        reason(&format!("{start}Account mode is inactive")).0,
        Reason::Provisioning
    );
    assert_eq!(
        reason(&format!("{start}Account is not provisioned")).0,
        Reason::Provisioning
    );
    let (tvm, licence) = reason(&format!("{start}No Tvm license"));
    assert_eq!(tvm, Reason::Licence);
    assert!(
        licence
            .expect("a licence")
            .contains("Vulnerability Management")
    );
    assert_eq!(reason("Invalid Authorization payload.").0, Reason::Token);
}

#[test]
fn clock_challenge_and_role_have_their_own_words() {
    let token = claims(MDE, &["Machine.Isolate"], &[]);
    let judged = |refusal| {
        judge(
            refusal,
            Some(&token),
            needs(Resource::Defender, &[]),
            &endpoints("commercial"),
        )
    };
    let off = judged(Refusal {
        status: 401,
        skew: Some(SignedDuration::from_mins(-61)),
        ..Refusal::default()
    });
    assert_eq!(off.reason, Reason::Clock);
    assert!(off.why.contains("61 minutes behind"), "{off}");
    let challenged = judged(Refusal {
        status: 401,
        challenged: true,
        ..Refusal::default()
    });
    assert_eq!(challenged.reason, Reason::Challenge);
    assert!(
        challenged
            .cure
            .advice
            .contains("an application cannot answer it")
    );
    let person = claims(MDE, &[], &["Machine.Isolate"]);
    let said = refused(403, "no", &person, &["Machine.Isolate"]);
    assert_eq!(said.reason, Reason::Role);
    assert!(
        said.cure
            .role
            .expect("a role")
            .contains("Active remediation actions")
    );
    assert!(said.to_string().contains("device group"));
}

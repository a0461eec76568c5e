//! The doctor's screen, and the explanation of a refusal on one key.

use nightjar::api::{ApiError, ApiErrorKind, Reached};
use nightjar::auth::{Cure, PermissionKind, Resource};
use nightjar::doctor::{
    Card, Check, FEATURES, News, Outcome, Refused, Report, Row, Section, Sign, Standing,
};
use nightjar::domain::{Of, TenantNo};
use nightjar::tui::data::Settings;
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::screens::doctor::{DoctorAsk, DoctorMsg};

use crate::harness::{Console, facts, of, settings};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn cure() -> Cure {
    Cure {
        advice: "add the application permission Machine.Isolate under API permissions → WindowsDefenderATP \
                 of the app registration, have an administrator grant consent, then get a new token"
            .to_owned(),
        permissions: vec!["Machine.Isolate".to_owned()],
        kind: Some(PermissionKind::Application),
        resource: Some(Resource::Defender),
        ..Cure::default()
    }
}

fn check(id: &'static str, section: Section, sign: Sign, says: &str) -> Check {
    Check {
        id,
        section,
        title: "Microsoft Graph".to_owned(),
        sign,
        says: says.to_owned(),
        cure: (sign == Sign::Bad).then(cure),
        took: None,
    }
}

fn row(id: &str, standing: Standing) -> Row {
    let feature = FEATURES.iter().find(|known| known.id == id);
    Row {
        feature: feature.expect("a feature"),
        standing,
        tried: standing == Standing::Works,
        why: "the token lacks Machine.Isolate".to_owned(),
        verdict: None,
        cure: (standing == Standing::WillNot).then(cure),
    }
}

fn report() -> Report {
    Report {
        tenant: "5b0d6a1c-9a67-4f5e-8f0a-0a6f1c2d3e4f".to_owned(),
        cloud: "Commercial (global)".to_owned(),
        checks: vec![
            check(
                "clock",
                Section::Clock,
                Sign::Warning,
                "this machine's clock is 90 seconds behind the services'",
            ),
            check(
                "host.graph",
                Section::Network,
                Sign::Good,
                "graph.microsoft.com: found, connected, certificate trusted, answered in 41 ms",
            ),
            check(
                "sign-in.graph",
                Section::SignIn,
                Sign::Bad,
                "the application secret has expired (AADSTS7000222)",
            ),
        ],
        rows: vec![
            row("incidents.read", Standing::Works),
            row("machine.isolate", Standing::WillNot),
        ],
        outcome: Outcome::SignIn,
        ..Report::empty("contoso")
    }
}

/// The ticket of the examination asked for.
fn ticket(console: &mut Console) -> u64 {
    let asked = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Doctor(DoctorAsk::Examine { ticket, .. }) => Some(ticket),
            _ => None,
        });
    asked.expect("an examination")
}

#[test]
fn the_report_comes_in_and_stays() {
    for (width, height) in SIZES {
        let mut console = Console::new(width, height);
        console.keys("D");
        let ticket = ticket(&mut console);
        let report = report();
        let news = News::Check(report.checks[0].clone());
        console.tell(Msg::Doctor(DoctorMsg::News(ticket, Box::new(news))));
        let screen = console.screen();
        assert!(
            screen.contains("looking…") && screen.contains("90 seconds"),
            "{screen}"
        );
        // An answer to another question is no news.
        let stale = DoctorMsg::Report(ticket + 7, Box::new(Report::empty("else")));
        console.tell(Msg::Doctor(stale));
        console.tell(Msg::Doctor(DoctorMsg::Report(ticket, Box::new(report))));
        insta::assert_snapshot!(format!("doctor_{width}x{height}"), console.screen());
    }
}

#[test]
fn it_looks_again_scrolls_and_is_copied_whole() {
    let mut console = Console::new(80, 24);
    console.keys("D");
    let first = ticket(&mut console);
    console.tell(Msg::Doctor(DoctorMsg::Report(first, Box::new(report()))));
    console.keys("G");
    assert!(
        console.screen().contains("Sign-in fails"),
        "{}",
        console.screen()
    );
    console.keys("y");
    let copied = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Copy(text) => Some(text),
            _ => None,
        });
    let copied = copied.expect("copied");
    assert!(
        copied.contains("Profile contoso") && copied.contains("Sign-in fails"),
        "{copied}"
    );
    console.keys("enter");
    assert_ne!(ticket(&mut console), first);
}

fn refused() -> Refused {
    let error = ApiError {
        kind: ApiErrorKind::Forbidden,
        status: Some(403),
        code: "Forbidden".into(),
        message: "Missing application roles. API required roles: Machine.Isolate".into(),
        request_id: Some("r-1".into()),
        client_request_id: None,
        advice: "".into(),
        reached: Reached::Yes,
    };
    Refused::new(
        "Isolate device, full",
        Resource::Defender,
        &["Machine.Isolate"],
        &error,
    )
    .expect("a refusal")
}

#[test]
fn a_refusal_is_explained_on_one_key() {
    for (width, height) in SIZES {
        let mut console = Console::new(width, height);
        console.keys("!");
        assert!(console.effects().is_empty(), "nothing was refused so far");
        console.tell(Msg::Refused(Box::new(of(refused()))));
        console.keys("!");
        let asked = console
            .effects()
            .into_iter()
            .find_map(|effect| match effect {
                Effect::Doctor(DoctorAsk::Explain(refused)) => Some(refused),
                _ => None,
            });
        assert_eq!(asked.expect("a question").it, refused());
        let card = Card {
            asked: "Isolate device, full, of Defender for Endpoint in contoso".to_owned(),
            said: "Missing application roles (403 Forbidden)".to_owned(),
            why: "the token lacks Machine.Isolate".to_owned(),
            cure: cure(),
            request_id: Some("r-1".to_owned()),
        };
        console.tell(Msg::Doctor(DoctorMsg::Card(Box::new(card))));
        insta::assert_snapshot!(format!("explained_{width}x{height}"), console.screen());
        console.keys("esc");
        assert!(!console.screen().contains("Why it was refused"));
    }
}

#[test]
fn of_several_tenants_the_one_in_focus_is_meant() {
    let several = Settings {
        tenants: vec![
            facts("contoso.com", "you@contoso.com"),
            facts("fabrikam.com", "you@fabrikam.com"),
        ],
        ..settings()
    };
    let mut console = Console::with(several, 120, 40);
    console.keys("7 j D");
    let examined = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Doctor(DoctorAsk::Examine { tenant, .. }) => Some(tenant),
            _ => None,
        });
    assert_eq!(examined, Some(TenantNo(1)));
    // Each tenant's last refusal is kept; without one of the tenant in focus, the last of all.
    let explained = |console: &mut Console| {
        console.keys("!");
        let effects = console.effects();
        effects.into_iter().find_map(|effect| match effect {
            Effect::Doctor(DoctorAsk::Explain(refused)) => Some(refused.tenant),
            _ => None,
        })
    };
    console.tell(Msg::Refused(Box::new(Of::new(TenantNo(0), refused()))));
    assert_eq!(explained(&mut console), Some(TenantNo(0)));
    console.tell(Msg::Refused(Box::new(Of::new(TenantNo(1), refused()))));
    console.tell(Msg::Refused(Box::new(Of::new(TenantNo(0), refused()))));
    assert_eq!(explained(&mut console), Some(TenantNo(1)));
}

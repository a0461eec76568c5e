//! The sign-in popup: what it shows, what it asks of the workers, and when it opens by itself.

use nightjar::auth::SignInStep;
use nightjar::config::SignIn;
use nightjar::domain::TenantNo;
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::screens::sign_in::{SignInAsk, SignInMsg};

use crate::harness::{Console, now};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const WHY: &str = "sign-in refused: the sign-in was revoked (AADSTS50173)";

fn needed() -> Msg {
    Msg::SignIn(SignInMsg::Needed(TenantNo(0), WHY.into()))
}

fn in_minutes(minutes: i64) -> nightjar::domain::Timestamp {
    now() + jiff::SignedDuration::from_mins(minutes)
}

fn code() -> SignInStep {
    SignInStep::Code {
        user_code: "BX7QK2M9D".into(),
        page: "https://microsoft.com/devicelogin".into(),
        expires: in_minutes(15),
    }
}

fn page(opened: bool) -> SignInStep {
    SignInStep::Page {
        url: "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/authorize?client_id=0c5b8d5e-4c1f-4d6e-9b1a-6f2e3d4c5b6a&state=abcdefgh"
            .parse()
            .expect("an address"),
        opened,
        expires: in_minutes(5),
    }
}

/// The one question asked of the workers since the last look.
fn asked(console: &mut Console) -> SignInAsk {
    let mut asks = console
        .effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::SignIn(ask) => Some(ask),
            _ => None,
        });
    let ask = asks.next().expect("a sign-in is asked for");
    assert!(asks.next().is_none(), "once");
    ask
}

fn snapshot(name: &str, make: impl Fn(&mut Console)) {
    for (width, height) in SIZES {
        let mut console = Console::new(width, height);
        make(&mut console);
        insta::assert_snapshot!(format!("sign_in_{name}_{width}x{height}"), console.screen());
    }
}

#[test]
fn looks() {
    let begun = |console: &mut Console, step: SignInStep| {
        console.keys("L");
        let ask = asked(console);
        console.tell(Msg::SignIn(SignInMsg::Step(ask.ticket, step)));
    };
    snapshot("offered", |console| {
        console.tell(needed());
    });
    snapshot("code", |console| begun(console, code()));
    snapshot("page", |console| begun(console, page(true)));
    snapshot("failed", |console| {
        console.keys("L");
        let ask = asked(console);
        console.tell(Msg::SignIn(SignInMsg::Ended {
            tenant: TenantNo(0),
            ticket: ask.ticket,
            found: Err((
                "sign-in refused: Conditional Access blocked the sign-in (AADSTS53003)".into(),
                "ask whoever keeps the Conditional Access policies".into(),
            )),
        }));
    });
}

#[test]
fn a_code_is_copied_its_page_opened_and_the_way_switched() {
    let mut console = Console::new(80, 24);
    console.keys("L");
    let first = asked(&mut console);
    assert_eq!(first.way, None, "as the profile says");
    console.tell(Msg::SignIn(SignInMsg::Step(first.ticket, code())));
    console.keys("c");
    assert!(matches!(console.effects().as_slice(), [Effect::Copy(text)] if text == "BX7QK2M9D"));
    console.keys("o");
    assert!(
        matches!(console.effects().as_slice(), [Effect::OpenPortal(page)] if page.ends_with("/devicelogin"))
    );
    console.keys("b");
    assert!(first.cancel.is_cancelled(), "the code is called off");
    let second = asked(&mut console);
    assert_eq!(second.way, Some(SignIn::Browser));
    // The end of the first is no news to the second.
    console.tell(Msg::SignIn(SignInMsg::Ended {
        tenant: TenantNo(0),
        ticket: first.ticket,
        found: Err(("the sign-in was called off".into(), String::new())),
    }));
    assert!(!console.screen().contains("called off"));
    console.tell(Msg::SignIn(SignInMsg::Step(second.ticket, page(false))));
    assert!(console.screen().contains("No browser opens by itself"));
    console.keys("d");
    assert_eq!(asked(&mut console).way, Some(SignIn::DeviceCode));
    assert!(second.cancel.is_cancelled());
}

#[test]
fn closed_it_calls_the_sign_in_off() {
    let mut console = Console::new(80, 24);
    console.keys("L");
    let ask = asked(&mut console);
    assert!(!ask.cancel.is_cancelled());
    console.keys("esc");
    assert!(ask.cancel.is_cancelled());
    assert_eq!(console.state.popups().len(), 0);
}

#[test]
fn signed_in_the_popup_goes_and_the_feed_is_asked() {
    let mut console = Console::new(120, 40);
    console.tell(needed());
    console.keys("enter");
    let ask = asked(&mut console);
    console.tell(Msg::SignIn(SignInMsg::Ended {
        tenant: TenantNo(0),
        ticket: ask.ticket,
        found: Ok("amira.haddad@contoso.com".into()),
    }));
    assert_eq!(console.state.popups().len(), 0);
    let effects = console.effects();
    assert!(
        effects
            .iter()
            .any(|it| matches!(it, Effect::Refresh(these) if *these == [TenantNo(0)])),
        "{effects:?}"
    );
    assert!(
        console.screen().contains("signed in to"),
        "{}",
        console.screen()
    );
    assert_eq!(
        console.state.data.tenants.me(TenantNo(0)),
        "amira.haddad@contoso.com"
    );
}

#[test]
fn it_takes_the_keyboard_from_nobody() {
    let mut console = Console::new(120, 40);
    console.keys("/");
    console.tell(needed());
    assert_eq!(console.state.popups().len(), 0, "somebody is typing");
    assert!(
        console.screen().contains("somebody has to sign in"),
        "{}",
        console.screen()
    );
}

/// Offered, nothing is asked of anybody until a key says so; the queue beneath goes on as it was.
#[test]
fn offered_it_waits_and_the_queue_stays() {
    let mut console = Console::new(120, 40);
    console.effects();
    let before = console.screen();
    console.tell(needed());
    assert!(console.effects().is_empty());
    console.keys("esc");
    assert_eq!(console.screen(), before);
    console.keys("j");
    assert_eq!(console.state.popups().len(), 0);
}

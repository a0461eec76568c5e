//! A person signs in, in the browser or with a device code, and stays signed in: against the simulated
//! tenant's Entra, and against a standard server that takes each refresh token once.

#[path = "support/sim_wire.rs"]
mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nightjar::auth::{
    AuthError, AuthErrorKind, Flow as _, Keeper, PersonFlow, Resource, SignInStep, Surroundings,
    Talk, TokenRequest, TokenSource, http_client,
};
use nightjar::config::{Profile, SignIn, TokenStore};
use nightjar::sim::SimConfig;
use support::Wire;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

const ADMINISTRATOR: &str = "amira.haddad@contoso.com";
const OPERATOR: &str = "jonas.weber@contoso.com";
const BLOCKED: &str = "oskar.lund@contoso.com";

async fn start() -> Wire {
    Wire::start(SimConfig {
        incidents: 2,
        alerts: 2,
        machines: 2,
        ..support::quiet()
    })
    .await
}

fn profile(wire: &Wire, way: SignIn) -> Profile {
    let base = || Some(wire.sim.base_url().to_owned());
    Profile {
        sign_in: Some(way),
        token_store: Some(TokenStore::File),
        authority: base(),
        graph_url: base(),
        defender_url: base(),
        ..Profile::new("work", wire.sim.tenant_id(), wire.sim.client_id())
    }
}

fn flow(profile: &Profile, keeper: Keeper, around: Surroundings) -> PersonFlow {
    let endpoints = profile.endpoints().expect("endpoints");
    let http = http_client(&endpoints, None).expect("a client");
    PersonFlow::new(profile, &endpoints, http, keeper, around)
}

fn source(profile: &Profile, flow: PersonFlow) -> TokenSource {
    let endpoints = profile.endpoints().expect("endpoints");
    TokenSource::with_flow(Box::new(flow), &endpoints, &profile.tenant_id)
}

fn request(profile: &Profile, resource: Resource) -> TokenRequest {
    let endpoints = profile.endpoints().expect("endpoints");
    TokenRequest {
        resource,
        audience: match resource {
            Resource::Graph => endpoints.graph_audience,
            Resource::Defender => endpoints.defender_audience,
        },
        claims: None,
    }
}

fn talk() -> (Talk, UnboundedReceiver<SignInStep>) {
    Talk::new(CancellationToken::new())
}

fn told(heard: &mut UnboundedReceiver<SignInStep>) -> Vec<SignInStep> {
    std::iter::from_fn(|| heard.try_recv().ok()).collect()
}

/// A browser with somebody before it, who makes a choice on the sign-in page. What it was shown in the
/// end, page by page.
#[derive(Clone, Default)]
struct Browser {
    opened: Arc<AtomicU32>,
    shown: Arc<Mutex<Vec<String>>>,
}

impl Browser {
    fn choosing(&self, choice: &'static str) -> Surroundings {
        self.walking(move |url| vec![format!("{url}&sim_choice={choice}")])
    }

    /// Opens these pages, given the one it was sent to, one after the other, and follows each to where
    /// it leads.
    fn walking(&self, pages: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> Surroundings {
        let browser = self.clone();
        let open = move |url: &str| {
            browser.opened.fetch_add(1, Ordering::SeqCst);
            let (pages, shown) = (pages(url), browser.shown.clone());
            tokio::spawn(async move {
                for page in pages {
                    let text = follow(&page).await;
                    shown.lock().expect("no panic").push(text);
                }
            });
            true
        };
        Surroundings {
            open: Arc::new(open),
            ..Surroundings::default()
        }
    }

    fn opened(&self) -> u32 {
        self.opened.load(Ordering::SeqCst)
    }

    async fn shown(&self, count: usize) -> Vec<String> {
        for _ in 0..2000 {
            let shown = self.shown.lock().expect("no panic").clone();
            if shown.len() >= count {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the browser was shown too little");
    }
}

/// The page and every redirect after it; what stands on the last.
async fn follow(page: &str) -> String {
    let http = support::http();
    let mut url = page.to_owned();
    for _ in 0..5 {
        let answer = http.get(&url).send().await.expect("answers");
        match answer.headers().get("location") {
            Some(to) => url = to.to_str().expect("text").to_owned(),
            None => return answer.text().await.expect("a page"),
        }
    }
    panic!("round in circles from {page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sign_in_in_the_browser_serves_both_services() {
    let wire = start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let profile = profile(&wire, SignIn::Browser);
    let browser = Browser::default();
    let keeper = Keeper::new(&profile, folder.path());
    let tokens = source(
        &profile,
        flow(&profile, keeper, browser.choosing(ADMINISTRATOR)),
    );
    assert_eq!(tokens.who(), None);
    let nobody = tokens.token(Resource::Graph).await.expect_err("nobody");
    assert_eq!(nobody.kind, AuthErrorKind::Interaction);
    assert!(nobody.advice.contains("nightjar login"), "{nobody:?}");
    assert!(tokens.needs_person().is_some());

    let (talk, mut heard) = talk();
    tokens.sign_in_to_all(&talk).await.expect("signed in");
    assert!(tokens.needs_person().is_none());
    assert_eq!(browser.opened(), 1, "asked once");
    let who = tokens.who().expect("somebody");
    assert_eq!(who.username, ADMINISTRATOR);
    assert_eq!(who.tid, wire.sim.tenant_id());
    assert!(!who.oid.is_empty());
    for (resource, scope) in [
        (Resource::Graph, "SecurityIncident.ReadWrite.All"),
        (Resource::Defender, "Machine.Isolate"),
    ] {
        let token = tokens.peek(resource).expect("held");
        let claims = token.claims.clone().expect("a JWT");
        assert!(
            claims.is_delegated() && claims.permissions().any(|it| it == scope),
            "{claims:?}"
        );
    }
    let steps = told(&mut heard);
    let [
        SignInStep::Page {
            url, opened: true, ..
        },
    ] = steps.as_slice()
    else {
        panic!("{steps:?}");
    };
    let asked: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    for name in ["state", "nonce", "code_challenge", "redirect_uri"] {
        assert!(asked.iter().any(|it| it == name), "{asked:?}");
    }
    assert!(
        url.query_pairs()
            .any(|it| it == ("prompt".into(), "select_account".into()))
    );
    let page = browser.shown(1).await.remove(0);
    assert!(page.contains("You can close this window"), "{page}");

    // Another console, later: nobody is asked.
    let again = source(
        &profile,
        flow(
            &profile,
            Keeper::new(&profile, folder.path()),
            browser.choosing(OPERATOR),
        ),
    );
    assert_eq!(again.who(), tokens.who());
    let token = again.token(Resource::Defender).await.expect("kept");
    assert_eq!(
        token.claims.as_ref().and_then(|c| c.upn.clone()).as_deref(),
        Some(ADMINISTRATOR)
    );
    assert_eq!(browser.opened(), 1);
    assert!(again.sign_out().expect("signed out"));
    assert_eq!(
        again
            .token(Resource::Graph)
            .await
            .map(drop)
            .map_err(|e| e.kind),
        Err(AuthErrorKind::Interaction)
    );
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("reads")
            .filter(|entry| {
                entry
                    .as_ref()
                    .is_ok_and(|it| it.path().extension().is_some_and(|ext| ext == "json"))
            })
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_in_the_browser_are_explained_there_and_here() {
    let wire = start().await;
    let profile = profile(&wire, SignIn::Browser);
    for (choice, code) in [("cancel", 65_004), (BLOCKED, 53_003)] {
        let browser = Browser::default();
        let flow = flow(&profile, Keeper::memory(), browser.choosing(choice));
        let (talk, _heard) = talk();
        let error = flow.sign_in(request(&profile, Resource::Graph), talk).await;
        let error = error.map(drop).expect_err("refused");
        assert_eq!(error.aadsts, Some(code), "{error:?}");
        assert!(!error.advice.is_empty(), "{error:?}");
        let page = browser.shown(1).await.remove(0);
        assert!(
            page.contains("Sign-in failed") && page.contains(&code.to_string()),
            "{page}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_another_state_is_refused_and_the_right_one_still_taken() {
    let wire = start().await;
    let profile = profile(&wire, SignIn::Browser);
    let browser = Browser::default();
    let around = browser.walking(|url| {
        let url = url::Url::parse(url).expect("an address");
        let back = url
            .query_pairs()
            .find(|(name, _)| name == "redirect_uri")
            .expect("there")
            .1;
        vec![
            format!("{back}/favicon.ico"),
            format!("{back}/?code=stolen&state=another"),
            format!("{back}/?code=stolen"),
            format!("{url}&sim_choice={ADMINISTRATOR}"),
        ]
    });
    let flow = flow(&profile, Keeper::memory(), around);
    let (talk, mut heard) = talk();
    let token = flow.sign_in(request(&profile, Resource::Graph), talk).await;
    assert!(token.is_ok(), "{token:?}");
    let pages = browser.shown(4).await;
    assert!(
        pages[1].contains("refused") && !pages[1].contains("stolen"),
        "{}",
        pages[1]
    );
    let warned = told(&mut heard)
        .into_iter()
        .filter(|step| matches!(step, SignInStep::Warning(words) if words.contains("state")));
    assert_eq!(warned.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_ever_for_the_browser() {
    let wire = start().await;
    let profile = profile(&wire, SignIn::Browser);
    let sign_in = |around: Surroundings, talk: Talk| {
        let flow = flow(&profile, Keeper::memory(), around);
        let request = request(&profile, Resource::Graph);
        async move {
            flow.sign_in(request, talk)
                .await
                .map(drop)
                .expect_err("not signed in")
        }
    };
    let spans = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&spans);
    let around = Surroundings {
        open: Arc::new(|_| false),
        sleep: Arc::new(move |span| {
            noted.lock().expect("no panic").push(span);
            Box::pin(async {})
        }),
    };
    let (late, mut heard) = talk();
    let error = sign_in(around, late).await;
    assert_eq!(error.kind, AuthErrorKind::Interaction);
    assert!(error.message.contains("5 minutes"), "{error:?}");
    assert_eq!(*spans.lock().expect("no panic"), [Duration::from_secs(300)]);
    assert!(matches!(
        told(&mut heard).as_slice(),
        [SignInStep::Page { opened: false, .. }]
    ));

    let (given_up, _heard) = talk();
    let around = Surroundings {
        open: Arc::new({
            let cancel = given_up.cancel.clone();
            move |_| {
                cancel.cancel();
                true
            }
        }),
        ..Surroundings::default()
    };
    let error = sign_in(around, given_up).await;
    assert!(error.message.contains("called off"), "{error:?}");
}

/// Lets the tenant's clock run instead of waiting, and notes how long it was waited.
fn hurried(wire: &Arc<Wire>, waits: &Arc<Mutex<Vec<u64>>>) -> Surroundings {
    let (wire, waits) = (Arc::clone(wire), Arc::clone(waits));
    Surroundings {
        open: Arc::new(|_| false),
        sleep: Arc::new(move |span| {
            wire.sim.advance(span);
            waits.lock().expect("no panic").push(span.as_secs());
            Box::pin(async {})
        }),
    }
}

/// Enters the code on the page, as a person with another device does.
async fn enter(step: &SignInStep, choice: &str) {
    let SignInStep::Code {
        user_code, page, ..
    } = step
    else {
        panic!("{step:?}");
    };
    let form = [("user_code", user_code.as_str()), ("choice", choice)];
    let answer = support::http()
        .post(page)
        .form(&form)
        .send()
        .await
        .expect("answers");
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap_or_default()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_code_signs_in_at_the_services_pace() {
    let wire = Arc::new(start().await);
    let profile = profile(&wire, SignIn::DeviceCode);
    let waits = Arc::new(Mutex::new(Vec::new()));
    let (talk, mut heard) = talk();
    let mut around = hurried(&wire, &waits);
    let (entered, entering) = tokio::sync::watch::channel(false);
    // The first two questions come in vain; the third waits until the code is entered.
    let hurry = Arc::clone(&around.sleep);
    let noted = Arc::clone(&waits);
    around.sleep = Arc::new(move |span| {
        let (mut entering, waited) = (entering.clone(), hurry(span));
        let third = noted.lock().expect("no panic").len() >= 3;
        Box::pin(async move {
            waited.await;
            if third {
                let _ = entering.wait_for(|entered| *entered).await;
            }
        })
    });
    let flow = flow(&profile, Keeper::memory(), around);
    let person = tokio::spawn(async move {
        let step = heard.recv().await.expect("a code");
        enter(&step, OPERATOR).await;
        entered.send_replace(true);
    });
    let token = flow
        .sign_in(request(&profile, Resource::Defender), talk)
        .await;
    let token = token.expect("signed in");
    person.await.expect("entered");
    assert_eq!(token.claims.and_then(|c| c.upn).as_deref(), Some(OPERATOR));
    assert_eq!(
        flow.who().map(|who| who.username).as_deref(),
        Some(OPERATOR)
    );
    let waits = waits.lock().expect("no panic").clone();
    assert_eq!(waits[..3], [5, 5, 5], "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_slowed_down_and_heeds_it() {
    let wire = Arc::new(start().await);
    let profile = profile(&wire, SignIn::DeviceCode);
    let waits = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&waits);
    let (talk, _heard) = talk();
    let cancel = talk.cancel.clone();
    // The tenant's clock stands still: to the service every question comes too soon.
    let around = Surroundings {
        open: Arc::new(|_| false),
        sleep: Arc::new(move |span| {
            let mut waits = noted.lock().expect("no panic");
            waits.push(span.as_secs());
            if waits.len() == 5 {
                cancel.cancel();
            }
            Box::pin(tokio::task::yield_now())
        }),
    };
    let flow = flow(&profile, Keeper::memory(), around);
    let ended = flow.sign_in(request(&profile, Resource::Graph), talk).await;
    assert!(ended.is_err());
    let waits = waits.lock().expect("no panic").clone();
    assert_eq!(waits, [5, 5, 10, 15, 20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_code_that_is_declined_or_forgotten_is_explained() {
    let wire = Arc::new(start().await);
    let profile = profile(&wire, SignIn::DeviceCode);
    let waits = Arc::new(Mutex::new(Vec::new()));
    let (declining, mut heard) = talk();
    let declined = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&declined);
    let around = Surroundings {
        open: Arc::new(|_| false),
        sleep: Arc::new(move |_| {
            let done = Arc::clone(&done);
            Box::pin(async move {
                while !done.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
        }),
    };
    let declines = flow(&profile, Keeper::memory(), around);
    let person = tokio::spawn(async move {
        let step = heard.recv().await.expect("a code");
        enter(&step, "decline").await;
        declined.store(true, Ordering::SeqCst);
    });
    let error = declines
        .sign_in(request(&profile, Resource::Graph), declining)
        .await;
    person.await.expect("declined");
    let error = error.map(drop).expect_err("declined");
    assert!(error.message.contains("declined"), "{error:?}");
    assert!(!error.advice.is_empty());

    let forgets = flow(&profile, Keeper::memory(), hurried(&wire, &waits));
    let (forgotten, _heard) = talk();
    let error = forgets
        .sign_in(request(&profile, Resource::Graph), forgotten)
        .await;
    let error = error.map(drop).expect_err("too late");
    assert_eq!(error.kind, AuthErrorKind::Interaction, "{error:?}");
    assert!(error.advice.contains("again"), "{error:?}");
    let waited: u64 = waits.lock().expect("no panic").iter().sum();
    assert!((895..=905).contains(&waited), "{waited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_sign_in_is_forgotten_and_made_again() {
    let wire = start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let profile = profile(&wire, SignIn::Browser);
    let browser = Browser::default();
    let keeper = || Keeper::new(&profile, folder.path());
    let flow = flow(&profile, keeper(), browser.choosing(ADMINISTRATOR));
    let graph = || request(&profile, Resource::Graph);
    let (first, _heard) = talk();
    flow.sign_in(graph(), first).await.expect("signed in");
    let oid = flow.who().expect("somebody").oid;
    flow.acquire(graph()).await.expect("renewed");
    assert!(keeper().load().expect("reads").is_some());

    wire.sim.revoke_sessions(&oid);
    let demanding = TokenRequest {
        claims: Some(r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#.to_owned()),
        ..graph()
    };
    let error = flow
        .acquire(demanding)
        .await
        .map(drop)
        .expect_err("revoked");
    assert_eq!(
        (error.kind, error.aadsts),
        (AuthErrorKind::Interaction, Some(50_173))
    );
    assert!(
        keeper().load().expect("reads").is_none(),
        "gone from the disk too"
    );
    let error = flow.acquire(graph()).await.map(drop).expect_err("nobody");
    assert_eq!(error.kind, AuthErrorKind::Interaction);

    wire.sim.advance(Duration::from_secs(2));
    let (again, mut heard) = talk();
    flow.sign_in(graph(), again).await.expect("signed in again");
    let steps = told(&mut heard);
    let SignInStep::Page { url, .. } = &steps[0] else {
        panic!("{steps:?}");
    };
    let claims = url
        .query_pairs()
        .find(|(name, _)| name == "claims")
        .expect("what was demanded")
        .1;
    assert!(claims.contains("nbf") && claims.contains("cp1"), "{claims}");
    flow.acquire(graph()).await.expect("renewed again");
    assert!(keeper().load().expect("reads").is_some());
}

/// A server by the standards alone, which takes each refresh token once and asks for the newest.
async fn strict() -> (String, Arc<Mutex<u32>>) {
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use serde_json::{Value, json};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let newest = Arc::new(Mutex::new(0));
    let (counting, described) = (Arc::clone(&newest), base.clone());
    let token = move |body: String| async move {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let field = |name: &str| {
            let found = form.iter().find(|(it, _)| it == name);
            found.map(|(_, value)| value.as_str())
        };
        // Slow enough for two to meet.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut newest = counting.lock().expect("no panic");
        if field("refresh_token") != Some(format!("refresh-{newest}").as_str()) {
            let refusal = json!({"error": "invalid_grant"});
            return (axum::http::StatusCode::BAD_REQUEST, Json(refusal));
        }
        *newest += 1;
        let granted: Value = json!({
            "access_token": format!("access-{newest}"), "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": format!("refresh-{newest}"),
        });
        (axum::http::StatusCode::OK, Json(granted))
    };
    let description = json!({
        "issuer": described,
        "token_endpoint": format!("{described}/token"),
        "authorization_endpoint": format!("{described}/authorize"),
    });
    let router = Router::new().route("/token", post(token)).route(
        "/.well-known/openid-configuration",
        get(|| async { Json(description) }),
    );
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, newest)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_programs_that_renew_at_once_neither_loses_the_newest_token() {
    let (base, newest) = strict().await;
    let folder = tempfile::tempdir().expect("a folder");
    let profile = Profile {
        sign_in: Some(SignIn::Browser),
        token_store: Some(TokenStore::File),
        issuer: Some(base.clone()),
        graph_url: Some(base.clone()),
        defender_url: Some(base),
        ..Profile::new(
            "work",
            "contoso.com",
            "8d3bd3ac-0000-4000-8000-000000000001",
        )
    };
    let seed = |folder: &Path| {
        let kept = nightjar::auth::Kept {
            refresh_token: "refresh-0".to_owned().into(),
            who: nightjar::auth::Who::default(),
        };
        Keeper::new(&profile, folder).save(&kept).expect("kept");
    };
    seed(folder.path());
    let program = || {
        let keeper = Keeper::new(&profile, folder.path());
        flow(&profile, keeper, Surroundings::default())
    };
    let programs: Vec<PersonFlow> = (0..3).map(|_| program()).collect();
    let asks = programs.iter().flat_map(|program| {
        Resource::ALL.map(|resource| program.acquire(request(&profile, resource)))
    });
    let answers: Vec<Result<_, AuthError>> = futures_util::future::join_all(asks).await;
    for answer in answers {
        answer.expect("renewed");
    }
    assert_eq!(*newest.lock().expect("no panic"), 6);

    // Who stops waiting does not lose what is on its way.
    let leaving = program();
    let gone = tokio::time::timeout(
        Duration::from_millis(5),
        leaving.acquire(request(&profile, Resource::Graph)),
    );
    assert!(gone.await.is_err(), "left early");
    program()
        .acquire(request(&profile, Resource::Graph))
        .await
        .expect("renewed");
    assert_eq!(*newest.lock().expect("no panic"), 8);
}

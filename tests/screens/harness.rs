//! The console without terminal, runtime or clock: keys in, effects and screen text out.

use nightjar::api::Budgets;
use nightjar::domain::{Alert, Incident, IncidentRow, Of, TenantNo, Timestamp};
use nightjar::tui::data::{Settings, Story, TenantFacts};
use nightjar::tui::draw::{Drawn, draw};
use nightjar::tui::keymap::Keymap;
use nightjar::tui::keys::{Chord, parse_sequence};
use nightjar::tui::msg::{Effect, Msg};
use nightjar::tui::state::State;
use nightjar::tui::theme::{Depth, Theme};
use nightjar::tui::update::{start, update};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The moment all tests happen at.
pub const NOW: &str = "2026-08-19T21:42:07Z";

pub fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// So many minutes before now.
pub fn ago(minutes: i64) -> String {
    let at = now().checked_sub(jiff::SignedDuration::from_mins(minutes));
    at.expect("a time").to_string()
}

pub struct Console {
    pub state: State,
    pub effects: Vec<Effect>,
    pub now: Timestamp,
}

/// A tenant of this name.
pub fn facts(name: &str, me: &str) -> TenantFacts {
    TenantFacts {
        name: name.into(),
        title: format!("{name} (5b0d6a1c-9a67-4f5e-8f0a-0a6f1c2d3e4f)"),
        me: me.into(),
        cloud: "commercial".into(),
        ..TenantFacts::default()
    }
}

/// Something of the only tenant.
pub fn of<T>(it: T) -> Of<T> {
    Of::new(TenantNo(0), it)
}

pub fn settings() -> Settings {
    Settings {
        tenants: vec![facts("contoso.com", "you@contoso.com")],
        config_file: "/home/you/.config/nightjar/config.toml".into(),
        ..Settings::default()
    }
}

impl Console {
    /// A console of this size that knows nothing yet.
    pub fn empty(width: u16, height: u16) -> Self {
        Self::with(settings(), width, height)
    }

    pub fn with(settings: Settings, width: u16, height: u16) -> Self {
        let (theme, _) = Theme::load("dark", None, Depth::True);
        let mut state = State::new(settings, Keymap::default(), theme);
        let mut effects = start(&mut state, now());
        effects.extend(update(&mut state, Msg::Resize(width, height), now()));
        Self {
            state,
            effects,
            now: now(),
        }
    }

    /// The same with a queue, one story and a live feed.
    pub fn new(width: u16, height: u16) -> Self {
        let mut console = Self::empty(width, height);
        console.fill();
        console
    }

    pub fn fill(&mut self) {
        use nightjar::feed::{FeedHealth, FeedState};
        self.tell(Msg::Queue(TenantNo(0), queue()));
        self.tell(Msg::Health(of(FeedHealth {
            state: FeedState::Live,
            as_of: Some(now()),
            syncing: None,
            failures: 0,
            rejected: 0,
        })));
        let mut budgets = Budgets::default();
        budgets.hunts_used = 3;
        self.tell(Msg::Budgets(of(budgets)));
        self.tell(Msg::Story(of("4211".into()), Ok(Some(story().into()))));
        self.effects.clear();
    }

    /// Tells the console something.
    pub fn tell(&mut self, msg: Msg) -> &mut Self {
        self.effects.extend(update(&mut self.state, msg, self.now));
        self
    }

    /// Presses keys, parted by spaces: `j j enter`.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for chord in parse_sequence(keys).expect("keys") {
            self.press(chord);
        }
        self
    }

    /// Types text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            let key = if c == ' ' {
                "space".to_owned()
            } else {
                c.to_string()
            };
            self.press(Chord::parse(&key).expect("a key"));
        }
        self
    }

    pub fn press(&mut self, chord: Chord) {
        self.tell(Msg::Key(chord.event()));
    }

    /// Takes the effects so far.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub fn frame(&self) -> (Buffer, Drawn) {
        let mut buf = Buffer::empty(self.state.size);
        let drawn = draw(&self.state, &mut buf, self.now);
        (buf, drawn)
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        text_of(&self.frame().0)
    }
}

/// A buffer's text, spaces at line ends cut.
pub fn text_of(buf: &Buffer) -> String {
    let Rect { width, height, .. } = buf.area;
    let mut out = String::new();
    for y in 0..height {
        let mut line = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buf[(x, y)].symbol();
            line.push_str(symbol);
            // A wide character covers the cell after it.
            x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// One row of the queue.
pub fn incident(
    id: &str,
    severity: &str,
    status: &str,
    minutes: i64,
    title: &str,
    owner: Option<&str>,
    counts: [u32; 3],
) -> IncidentRow {
    let json = serde_json::json!({
        "id": id, "displayName": title, "severity": severity, "status": status,
        "assignedTo": owner, "createdDateTime": ago(minutes), "lastUpdateDateTime": ago(minutes / 3),
    });
    let incident: Incident = serde_json::from_value(json).expect("an incident");
    let mut row = incident.to_row(now());
    [row.alerts, row.devices, row.users] = counts;
    row
}

pub const HOSTILE: &str =
    "Mail \u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}gpj.exe\u{200b}\r\n<end>\u{9b}31m";

pub fn queue() -> Vec<IncidentRow> {
    let story = story();
    let mut first = story.incident.to_row(now());
    [first.alerts, first.devices, first.users] = [4, 3, 2];
    for alert in &story.alerts {
        first.tactics.extend(alert.tactics());
    }
    vec![
        first,
        incident(
            "4207",
            "high",
            "active",
            12,
            "Ransomware staging on SRV-DB2",
            Some("you@contoso.com"),
            [6, 1, 1],
        ),
        incident(
            "4213",
            "high",
            "active",
            8,
            "Mailbox rule after token theft",
            None,
            [3, 0, 1],
        ),
        incident(
            "4198",
            "medium",
            "inProgress",
            300,
            "Password spray, one success",
            Some("r.ohara@contoso.com"),
            [8, 0, 41],
        ),
        incident(
            "4190",
            "medium",
            "active",
            60,
            "OAuth consent: \"Docs Viewer\"",
            None,
            [2, 0, 1],
        ),
        incident(
            "4202",
            "medium",
            "active",
            40,
            "Suspicious LSASS access",
            None,
            [1, 1, 0],
        ),
        incident(
            "4188",
            "low",
            "resolved",
            900,
            "PUA blocked",
            None,
            [1, 1, 0],
        ),
        incident("4177", "low", "active", 5000, HOSTILE, None, [1, 0, 1]),
        incident(
            "4150",
            "unheardOf",
            "transferred",
            7000,
            "東京支社 の 端末で不審なサインイン",
            None,
            [1, 1, 1],
        ),
    ]
}

fn alert(
    id: &str,
    minutes: i64,
    source: &str,
    category: &str,
    title: &str,
    evidence: serde_json::Value,
) -> Alert {
    serde_json::from_value(serde_json::json!({
        "id": id, "incidentId": "4211", "title": title, "severity": "high", "status": "new",
        "serviceSource": source, "detectionSource": "antivirus", "categories": [category],
        "mitreTechniques": ["T1566.001"], "description": "A long account of what was seen.\nSecond line.",
        "recommendedActions": "Isolate the device.", "productName": "Microsoft Defender",
        "createdDateTime": ago(minutes), "firstActivityDateTime": ago(minutes),
        "lastUpdateDateTime": ago(minutes / 2), "evidence": evidence,
        "alertWebUrl": "https://security.microsoft.com/alerts/a1",
    }))
    .expect("an alert")
}

fn device(id: &str, name: &str, verdict: &str) -> serde_json::Value {
    serde_json::json!({
        "@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": id,
        "deviceDnsName": name, "verdict": verdict, "createdDateTime": ago(3),
    })
}

/// The story of incident 4211.
pub fn story() -> Story {
    let incident: Incident = serde_json::from_value(serde_json::json!({
        "id": "4211", "displayName": "Multi-stage attack on FIN-07", "severity": "high",
        "status": "active", "createdDateTime": ago(44), "lastUpdateDateTime": ago(4),
        "customTags": ["finance", "vip"],
        "incidentWebUrl": "https://security.microsoft.com/incident2/4211/overview",
        "comments": [{"comment": "Called the owner, no answer.", "createdByDisplayName": "r.ohara@contoso.com", "createdDateTime": ago(20)}],
    }))
    .expect("an incident");
    let user = |name: &str| {
        serde_json::json!({
            "@odata.type": "#microsoft.graph.security.userEvidence", "verdict": "suspicious",
            "userAccount": {"userPrincipalName": name}, "createdDateTime": ago(30),
        })
    };
    let url = serde_json::json!({
        "@odata.type": "#microsoft.graph.security.urlEvidence", "verdict": "malicious",
        "url": "https://contoso-billing.com/inv/0919?u=x", "createdDateTime": ago(40),
    });
    let file = serde_json::json!({
        "@odata.type": "#microsoft.graph.security.fileEvidence", "verdict": "malicious",
        "fileDetails": {"fileName": "invoice_0919.docm", "sha256": "ab"}, "createdDateTime": ago(40),
    });
    let odd = serde_json::json!({
        "@odata.type": "#microsoft.graph.security.quantumLinkEvidence", "name": "q1",
    });
    let alerts = vec![
        alert(
            "a3",
            33,
            "microsoftDefenderForIdentity",
            "CredentialAccess",
            "Kerberoasting from FIN-07",
            serde_json::json!([
                device("m1", "fin-07.contoso.com", "suspicious"),
                user("svc-backup@contoso.com")
            ]),
        ),
        alert(
            "a1",
            44,
            "microsoftDefenderForOffice365",
            "InitialAccess",
            "Phish delivered to j.doe",
            serde_json::json!([url, user("j.doe@contoso.com"), odd]),
        ),
        alert(
            "a2",
            38,
            "microsoftDefenderForEndpoint",
            "Execution",
            "winword → powershell -enc …",
            serde_json::json!([device("m1", "fin-07.contoso.com", "malicious"), file]),
        ),
        alert(
            "a4",
            11,
            "microsoftDefenderForEndpoint",
            "LateralMovement",
            "SMB admin share to SRV-DB2",
            serde_json::json!([
                device("m1", "fin-07.contoso.com", "malicious"),
                device("m2", "srv-db2.contoso.com", "suspicious"),
                device("m3", "ws-112", "unknown")
            ]),
        ),
    ];
    Story::new(incident, alerts)
}

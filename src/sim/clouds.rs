//! National clouds as one table: what each one's services are called and take.
//!
//! Facts: the Graph sheet, "National clouds"; the endpoint sheet, sections 1.1 to 1.3. Knows nothing of
//! requests. What a resource is called in a cloud is in the token service's table of resources.

/// A national cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cloud {
    /// Global.
    #[default]
    Global,
    /// US Government GCC: Graph and sign-in are the global ones, Defender for Endpoint is not.
    Gcc,
    /// US Government L4.
    GccHigh,
    /// US Government L5.
    Dod,
    /// China, operated by 21Vianet.
    China,
}

use Cloud::{China, Dod, Gcc, GccHigh, Global};

/// What sets a cloud apart.
#[derive(Debug)]
struct Row {
    cloud: Cloud,
    /// What options and tables call it.
    name: &'static str,
    /// What nightjar's own settings call it.
    setting: &'static str,
    authority: &'static str,
    graph: &'static str,
    /// `None` where Defender for Endpoint has no API.
    defender: Option<&'static str>,
    portal: &'static str,
}

/// Every cloud. The 21Vianet one has no portal for these services, and nothing there links to any.
const ROWS: &[Row] = &[
    Row {
        cloud: Global,
        name: "global",
        setting: "commercial",
        authority: "https://login.microsoftonline.com",
        graph: "https://graph.microsoft.com",
        defender: Some("https://api.securitycenter.microsoft.com"),
        portal: "https://security.microsoft.com",
    },
    Row {
        cloud: Gcc,
        name: "gcc",
        setting: "gcc",
        authority: "https://login.microsoftonline.com",
        graph: "https://graph.microsoft.com",
        defender: Some("https://api-gcc.securitycenter.microsoft.us"),
        portal: "https://security.microsoft.com",
    },
    Row {
        cloud: GccHigh,
        name: "gcc-high",
        setting: "gcc-high",
        authority: "https://login.microsoftonline.us",
        graph: "https://graph.microsoft.us",
        defender: Some("https://api-gov.securitycenter.microsoft.us"),
        portal: "https://security.microsoft.us",
    },
    Row {
        cloud: Dod,
        name: "dod",
        setting: "dod",
        authority: "https://login.microsoftonline.us",
        graph: "https://dod-graph.microsoft.us",
        defender: Some("https://api-gov.securitycenter.microsoft.us"),
        portal: "https://security.apps.mil",
    },
    Row {
        cloud: China,
        name: "china",
        setting: "china",
        authority: "https://login.chinacloudapi.cn",
        graph: "https://microsoftgraph.chinacloudapi.cn",
        defender: None,
        portal: "",
    },
];

impl Cloud {
    fn row(self) -> &'static Row {
        let row = ROWS.iter().find(|row| row.cloud == self);
        row.expect("every cloud has a row")
    }

    /// The cloud with this name.
    pub fn named(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.name == name).map(|r| r.cloud)
    }

    /// Every name, for a help text.
    pub fn names() -> String {
        let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        names.join(", ")
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What nightjar's own settings call it.
    pub fn setting(self) -> &'static str {
        self.row().setting
    }

    /// Where people and applications sign in.
    pub fn authority(self) -> &'static str {
        self.row().authority
    }

    /// The audience of Graph.
    pub fn graph(self) -> &'static str {
        self.row().graph
    }

    /// The audience of Defender for Endpoint; `None` where it has no API.
    pub fn defender(self) -> Option<&'static str> {
        self.row().defender
    }

    /// Where addresses of the portal begin.
    pub fn portal(self) -> &'static str {
        self.row().portal
    }
}

//! Every setting there is, as tables: what the reader accepts, the schema says and the defaults are.

use crate::cloud;
use crate::config::{SignIn, TokenStore};

/// What a setting holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Any text that is not empty.
    Text,
    /// A name, or a list of names.
    Names,
    /// `true` or `false`.
    Flag,
    /// A span such as `30s` or `2h 30m`, within bounds in seconds.
    Span {
        /// Least, in seconds.
        min: u64,
        /// Most, in seconds.
        max: u64,
    },
    /// A whole number within bounds.
    Count {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// One of some words.
    Choice(fn() -> Vec<&'static str>),
    /// A GUID.
    Guid,
    /// A GUID or a domain name.
    Tenant,
    /// A base address: https, or http on this machine.
    Address,
    /// An audience of Entra.
    Audience,
    /// Where a secret is kept.
    Secret,
    /// A file.
    File,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Its name in the file.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) shape: Shape,
    /// The value used where it is left out, as it would be written; empty where there is none.
    pub(super) default: &'static str,
    /// Whether it must be there.
    pub(super) required: bool,
    /// What it is for, one sentence.
    pub(super) about: &'static str,
}

const fn field(
    name: &'static str,
    shape: Shape,
    default: &'static str,
    about: &'static str,
) -> Field {
    Field {
        name,
        shape,
        default,
        required: false,
        about,
    }
}

const fn required(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field {
        name,
        shape,
        default: "",
        required: true,
        about,
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn clouds() -> Vec<&'static str> {
    cloud::CLOUDS.iter().map(|cloud| cloud.id).collect()
}

fn ways() -> Vec<&'static str> {
    SignIn::ALL.iter().map(|way| way.word()).collect()
}

fn stores() -> Vec<&'static str> {
    TokenStore::ALL.iter().map(|store| store.word()).collect()
}

fn regions() -> Vec<&'static str> {
    let regions = cloud::CLOUDS.iter().flat_map(|cloud| cloud.regions);
    regions.copied().collect()
}

/// Settings before the first table.
pub(super) static ROOT: &[Field] = &[
    field(
        "default_profile",
        Shape::Names,
        "",
        "The profile used where none is named, or a list of them.",
    ),
    field(
        "token_store",
        Shape::Choice(stores),
        "",
        "Where a person's sign-in is kept: the system's keyring, a file only you can read, or memory; left out, the keyring where there is one, else memory.",
    ),
];

/// The tables of the file, besides `profiles` and `keys`.
pub(super) static TABLES: &[(&str, &[Field])] =
    &[("ui", UI), ("hunt", HUNT), ("feed", FEED), ("sla", SLA)];

/// `[profiles.NAME]`.
pub(super) static PROFILE: &[Field] = &[
    field(
        "cloud",
        Shape::Choice(clouds),
        "commercial",
        "The national cloud the tenant lives in.",
    ),
    field(
        "region",
        Shape::Choice(regions),
        "",
        "Region of Defender for Endpoint; saves latency, changes nothing else.",
    ),
    required("tenant_id", Shape::Tenant, "The tenant's id or domain."),
    field(
        "client_id",
        Shape::Guid,
        "",
        "Application (client) id of the registration that signs in; the Azure CLI has its own, and a managed identity needs one only where several are assigned.",
    ),
    field(
        "sign_in",
        Shape::Choice(ways),
        "",
        "How to sign in; left out, by the credential named, else as a person.",
    ),
    field(
        "client_secret",
        Shape::Secret,
        "",
        "Where the application's secret is kept.",
    ),
    field(
        "certificate",
        Shape::File,
        "",
        "The application's certificate: a PEM file, or a PFX file with its key inside.",
    ),
    field(
        "certificate_key",
        Shape::File,
        "",
        "The certificate's private key, where it is not in the same file.",
    ),
    field(
        "certificate_password",
        Shape::Secret,
        "",
        "Where the password of the key or the PFX file is kept.",
    ),
    field(
        "federated_token_file",
        Shape::File,
        "",
        "A file with a token of another issuer, read anew each time: workload identity.",
    ),
    field("username", Shape::Text, "", "Who signs in by password."),
    field(
        "password",
        Shape::Secret,
        "",
        "Where the password of username is kept.",
    ),
    field(
        "allow_password_grant",
        Shape::Flag,
        "false",
        "Allow sign_in = \"password\", which knows no second factor and shows this program the password.",
    ),
    field(
        "token_endpoint",
        Shape::Choice(|| vec!["v1", "v2"]),
        "v2",
        "Generation of the token endpoint: v2 asks with scope, v1 with resource.",
    ),
    field(
        "authority",
        Shape::Address,
        "",
        "Sign-in address in place of the cloud's.",
    ),
    field(
        "issuer",
        Shape::Address,
        "",
        "Issuer of a standard OpenID Connect server that signs in in place of Entra; it is asked for its addresses.",
    ),
    field(
        "graph_url",
        Shape::Address,
        "",
        "Base of Graph in place of the cloud's.",
    ),
    field(
        "graph_audience",
        Shape::Audience,
        "",
        "Audience of Graph tokens in place of the cloud's.",
    ),
    field(
        "defender_url",
        Shape::Address,
        "",
        "Base of Defender for Endpoint in place of the cloud's.",
    ),
    field(
        "defender_audience",
        Shape::Audience,
        "",
        "Audience of Defender for Endpoint tokens in place of the cloud's.",
    ),
    field(
        "ca_file",
        Shape::File,
        "",
        "A file of PEM certificates trusted beside the system's: of a proxy that inspects TLS, or of a simulated tenant.",
    ),
    field(
        "analyst",
        Shape::Text,
        "",
        "Who \"me\" is: the name incidents are assigned to.",
    ),
    field(
        "read_only",
        Shape::Flag,
        "false",
        "Refuse every write with this profile.",
    ),
];

/// `[ui]`.
pub(super) static UI: &[Field] = &[
    field("theme", Shape::Text, "dark", "Name of a theme."),
    field(
        "time_zone",
        Shape::Choice(|| vec!["utc", "local"]),
        "utc",
        "Zone of the times on screen; exports are always UTC.",
    ),
    field(
        "mouse",
        Shape::Flag,
        "true",
        "Whether the mouse is listened to.",
    ),
];

/// `[hunt]`.
pub(super) static HUNT: &[Field] = &[
    field(
        "keys",
        Shape::Choice(|| vec!["plain", "vim"]),
        "plain",
        "The keys of the query editor.",
    ),
    field(
        "keep_results",
        Shape::Count { min: 0, max: 1_000 },
        "50",
        "How many results of hunts are kept as local tables; the oldest make room, 0 keeps none.",
    ),
    field(
        "keep_megabytes",
        Shape::Count {
            min: 1,
            max: 100_000,
        },
        "512",
        "How large all kept results together may be.",
    ),
    field(
        "local_time",
        Shape::Span { min: 1, max: HOUR },
        "2m",
        "How long one local hunt may take.",
    ),
    field(
        "queries",
        Shape::File,
        "",
        "The folder of your own queries; without it the folder queries beside this file.",
    ),
];

/// `[feed]`.
pub(super) static FEED: &[Field] = &[
    field(
        "incidents_every",
        Shape::Span { min: 5, max: HOUR },
        "30s",
        "How often incidents are asked for.",
    ),
    field(
        "alerts_every",
        Shape::Span { min: 5, max: HOUR },
        "60s",
        "How often alerts are asked for.",
    ),
    field(
        "actions_every",
        Shape::Span {
            min: MINUTE,
            max: DAY,
        },
        "5m",
        "How often machine actions are asked for while none of ours is open.",
    ),
    field(
        "open_actions_every",
        Shape::Span {
            min: 5,
            max: 10 * MINUTE,
        },
        "10s",
        "How often machine actions are asked for while one of ours is open.",
    ),
    field(
        "idle_every",
        Shape::Span { min: 30, max: HOUR },
        "5m",
        "How often incidents and alerts are asked for while nobody looks.",
    ),
    field(
        "overlap",
        Shape::Span {
            min: MINUTE,
            max: DAY,
        },
        "10m",
        "How far behind the newest change each poll begins, for changes that arrive late.",
    ),
    field(
        "backlog",
        Shape::Span {
            min: HOUR,
            max: 180 * DAY,
        },
        "30d",
        "How far back the first poll begins.",
    ),
    field(
        "retention",
        Shape::Span {
            min: DAY,
            max: 730 * DAY,
        },
        "30d",
        "How long after its last change a closed incident stays in the cache.",
    ),
];

/// `[sla]`: time to the first action, by severity.
pub(super) static SLA: &[Field] = &[
    field(
        "high",
        SLA_SPAN,
        "30m",
        "Time to the first action on a high incident.",
    ),
    field(
        "medium",
        SLA_SPAN,
        "2h",
        "Time to the first action on a medium incident.",
    ),
    field(
        "low",
        SLA_SPAN,
        "8h",
        "Time to the first action on a low incident.",
    ),
    field(
        "informational",
        SLA_SPAN,
        "24h",
        "Time to the first action on an informational incident.",
    ),
];

const SLA_SPAN: Shape = Shape::Span {
    min: MINUTE,
    max: 30 * DAY,
};

impl Shape {
    /// What is expected, in words for a message.
    pub(super) fn expected(self) -> String {
        match self {
            Self::File => "the path of a file; ~/ is the home folder".to_owned(),
            Self::Names => "a name in quotes, or a list of them: [\"one\", \"two\"]".to_owned(),
            Self::Text => "text in quotes, such as \"name\"".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Span { min, max } => format!(
                "a span from {} to {}, such as \"90s\" or \"2h 30m\"",
                super::span::write(min),
                super::span::write(max)
            ),
            Self::Count { min, max } => format!("a number from {min} to {max}, without quotes"),
            Self::Choice(words) => {
                let quoted: Vec<_> = words()
                    .iter()
                    .map(|word| format!("\"{word}\""))
                    .collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::Guid => {
                "an id such as \"11111111-2222-4333-8444-555555555555\"".to_owned()
            }
            Self::Tenant => {
                "the tenant's id, such as \"11111111-2222-4333-8444-555555555555\", or its domain"
                    .to_owned()
            }
            Self::Address => {
                "an address such as \"https://host\" (http:// for this machine alone)".to_owned()
            }
            Self::Audience => {
                "an identifier URI such as \"https://api.securitycenter.microsoft.com\"".to_owned()
            }
            Self::Secret => {
                "{ env = \"NAME\" }, { file = \"path\" }, { command = [\"program\", \"argument\"] } or { prompt = true }"
                    .to_owned()
            }
        }
    }
}

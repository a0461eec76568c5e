//! Configuration files with mistakes: the very line a person reads, and what is used all the same.

use std::path::Path;
use std::time::Duration;

use nightjar::config::{Chosen, Config, Paths, ProfileError, SecretSource, TimeZone};

const IDS: &str = "tenant_id = \"11111111-2222-4333-8444-555555555555\"\nclient_id = \"22222222-2222-4333-8444-555555555555\"\n";

fn lines(text: &str) -> Vec<String> {
    let loaded = Config::parse(text, Path::new("config.toml"));
    loaded.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_file_is_read() {
    let text = format!(
        r#"
default_profile = "contoso"
[profiles.contoso]
{IDS}cloud = "gcc-high"
client_secret = {{ env = "CONTOSO_SECRET" }}
analyst = "dana@contoso.com"
read_only = true
[profiles.fabrikam]
region = "eu"
{IDS}client_secret = {{ command = ["pass", "show", "fabrikam"] }}
[ui]
theme = "light"
time_zone = "local"
mouse = false
[feed]
incidents_every = "1m 30s"
backlog = "7d"
[sla]
high = "15m"
[keys.incidents]
"incident.assign" = ["a m", "ctrl+a"]
"incident.close" = []
"#
    );
    let loaded = Config::parse(&text, Path::new("config.toml"));
    assert_eq!(loaded.problems, []);
    let config = loaded.config;
    let contoso = config.profile(None).expect("the default");
    assert_eq!(
        (contoso.name.as_str(), contoso.read_only),
        ("contoso", true)
    );
    let endpoints = contoso.endpoints().expect("endpoints");
    assert_eq!(endpoints.graph.as_str(), "https://graph.microsoft.us/");
    let fabrikam = config.profile(Some("fabrikam")).expect("named");
    assert_eq!(fabrikam.region.as_deref(), Some("eu"));
    assert!(matches!(
        &fabrikam.client_secret,
        Some(SecretSource::Command(words)) if words.len() == 3
    ));
    assert_eq!(config.ui.theme, "light");
    assert_eq!(config.ui.theme_at, Some((16, 9)));
    assert_eq!(config.ui.time_zone, TimeZone::Local);
    assert_eq!(config.feed.incidents_every, Duration::from_secs(90));
    assert_eq!(config.feed.alerts_every, Duration::from_mins(1));
    assert_eq!(config.sla.high, Duration::from_mins(15));
    assert_eq!(config.sla.low, Duration::from_hours(8));
    let scope = &config.keys.scopes["incidents"];
    let keys: Vec<_> = scope.commands["incident.assign"]
        .keys
        .iter()
        .map(|(key, at)| (key.as_str(), *at))
        .collect();
    assert_eq!(keys, [("a m", (25, 22)), ("ctrl+a", (25, 29))]);
    assert!(scope.commands["incident.close"].keys.is_empty());
}

#[test]
fn each_mistake_has_its_line() {
    let guid = "11111111-2222-4333-8444-555555555555";
    let cases: &[(&str, &[&str])] = &[
        (
            "defualt_profile = \"x\"",
            &[
                "config.toml:1:1: unknown setting \"defualt_profile\" at the top; expected one of default_profile, token_store, ui, hunt, feed, sla, profiles, keys; did you mean \"default_profile\"?",
            ],
        ),
        (
            "default_profile = \"contso\"\n[profiles.contoso]\nIDS",
            &[
                "config.toml:1:19: default_profile names \"contso\", which is not set up; expected one of contoso; did you mean \"contoso\"?",
            ],
        ),
        (
            "[profiles.a]\nclient_id = \"GUID\"",
            &[
                "config.toml:1:11: the profile a lacks tenant_id; expected tenant_id = the tenant's id, such as \"11111111-2222-4333-8444-555555555555\", or its domain",
            ],
        ),
        (
            "[profiles.a]\nIDS\nclowd = \"gcc\"",
            &[
                "config.toml:5:1: unknown setting \"clowd\" in [profiles.a]; expected one of cloud, region, tenant_id, client_id, sign_in, client_secret, certificate, certificate_key, certificate_password, federated_token_file, username, password, allow_password_grant, token_endpoint, authority, issuer, graph_url, graph_audience, defender_url, defender_audience, ca_file, analyst, read_only; did you mean \"cloud\"?",
            ],
        ),
        (
            "[profiles.a]\nIDS\ncloud = \"gcchigh\"",
            &[
                "config.toml:5:9: cloud is \"gcchigh\"; expected one of \"commercial\", \"gcc\", \"gcc-high\", \"dod\", \"china\"; did you mean \"gcc-high\"?",
            ],
        ),
        (
            "[profiles.a]\nIDS\ncloud = \"china\"",
            &[
                "config.toml:5:9: China (21Vianet) cannot be used: the cloud run by 21Vianet has no security API: no incidents, alerts or hunting",
            ],
        ),
        (
            "[profiles.a]\nIDS\ncloud = \"gcc\"\nregion = \"eu\"",
            &[
                "config.toml:6:10: the cloud \"gcc\" has no region \"eu\"; it has none, leave region out",
            ],
        ),
        (
            "[profiles.a]\nIDS\nread_only = \"yes\"",
            &["config.toml:5:13: read_only is \"yes\"; expected true or false"],
        ),
        (
            "[profiles.a]\ntenant_id = \"nowhere\"\nclient_id = 5",
            &[
                "config.toml:2:13: tenant_id is \"nowhere\"; expected the tenant's id, such as \"11111111-2222-4333-8444-555555555555\", or its domain",
                "config.toml:3:13: client_id is a number without unit; expected an id such as \"11111111-2222-4333-8444-555555555555\"",
            ],
        ),
        (
            "[profiles.a]\nIDS\ngraph_url = \"http://graph.example.com\"",
            &[
                "config.toml:5:13: graph_url \"http://graph.example.com\" is not encrypted: http is for loopback hosts alone, expected https://; expected an address such as \"https://host\" (http:// for this machine alone)",
            ],
        ),
        (
            "[profiles.a]\nIDS\nclient_secret = \"plain text\"",
            &[
                "config.toml:5:17: client_secret stands in the file, which only a tenant simulated on this machine may do; expected { env = \"NAME\" }, { file = \"path\" }, { command = [\"program\", \"argument\"] } or { prompt = true }",
            ],
        ),
        (
            "[profiles.a]\nIDS\nclient_secret = { enw = \"X\" }",
            &[
                "config.toml:5:19: unknown place \"enw\" of client_secret; expected { env = \"NAME\" }, { file = \"path\" }, { command = [\"program\", \"argument\"] } or { prompt = true }; did you mean \"env\"?",
            ],
        ),
        (
            "[profiles.\"a/b\"]\nIDS",
            &[
                "config.toml:1:11: \"a/b\" cannot name a profile; expected letters, digits, '.', '_' and '-', at most 64",
            ],
        ),
        (
            "[feed]\nincidents_every = 30",
            &[
                "config.toml:2:19: incidents_every is a number without unit; expected a span from 5s to 1h, such as \"90s\" or \"2h 30m\"",
            ],
        ),
        (
            "[feed]\nincidents_every = \"1s\"",
            &[
                "config.toml:2:19: incidents_every is \"1s\"; expected a span from 5s to 1h, such as \"90s\" or \"2h 30m\"",
            ],
        ),
        (
            "[ui]\ntime_zone = \"UTZ\"",
            &[
                "config.toml:2:13: time_zone is \"UTZ\"; expected one of \"utc\", \"local\"; did you mean \"utc\"?",
            ],
        ),
        (
            "ui = 1",
            &["config.toml:1:6: ui is a number without unit; expected a table: [ui]"],
        ),
        (
            "[keys.incidents]\n\"incident.assign\" = 5",
            &[
                "config.toml:2:21: the keys of incident.assign are a number without unit; expected keys in quotes, such as [\"a i\", \"ctrl+r\"], or [] for none",
            ],
        ),
    ];
    for (text, expected) in cases {
        let text = text.replace("IDS", IDS).replace("GUID", guid);
        assert_eq!(lines(&text), *expected, "{text}");
    }
}

#[test]
fn settings_of_sign_in_go_together_or_say_what_to_write() {
    let tenant = "tenant_id = \"11111111-2222-4333-8444-555555555555\"\n";
    let head = format!("[profiles.a]\n{IDS}");
    // What stands after line 3, and what is said of it: the place and parts of the line.
    let cases: &[(&str, &[&str])] = &[
        (
            "sign_in = \"certificate\"",
            &[
                "config.toml:4:11: ",
                "lacks certificate",
                "certificate = the path of a file",
            ],
        ),
        (
            "sign_in = \"secret\"",
            &[
                "config.toml:4:11: ",
                "lacks client_secret",
                "client_secret = { env",
            ],
        ),
        (
            "client_secret = { env = \"X\" }\ncertificate = \"c.pem\"",
            &[
                "config.toml:5:15: ",
                "nothing says which is used",
                "sign_in = \"secret\" or \"certificate\"",
            ],
        ),
        (
            "client_secret = { env = \"X\" }\nsign_in = \"browser\"",
            &[
                "config.toml:4:17: ",
                "client_secret does nothing with sign_in = \"browser\"",
                "sign_in = \"secret\"",
            ],
        ),
        (
            "certificate_key = \"k.pem\"\nsign_in = \"secret\"\nclient_secret = { env = \"X\" }",
            &[
                "config.toml:4:19: ",
                "certificate_key does nothing",
                "or no certificate_key",
            ],
        ),
        (
            "sign_in = \"password\"\nusername = \"u\"\npassword = { env = \"X\" }",
            &[
                "config.toml:4:11: ",
                "no second factor",
                "allow_password_grant = true",
            ],
        ),
        (
            "sign_in = \"password\"\nallow_password_grant = true\nusername = \"u\"",
            &["config.toml:4:11: ", "lacks password", "password = { env"],
        ),
        (
            "sign_in = \"password\"\nallow_password_grant = true\nusername = \"u\"\npassword = \"p\"",
            &["config.toml:7:12: ", "password stands in the file"],
        ),
        (
            "sign_in = \"password\"\nallow_password_grant = true\nusername = \"u\"\npassword = { env = \"X\" }\ntoken_endpoint = \"v2\"",
            &["config.toml:8:18: ", "v1 endpoint", "no token_endpoint"],
        ),
        (
            "issuer = \"https://id.example\"\nauthority = \"https://login.example\"",
            &["config.toml:4:10: ", "authority and issuer", "one of them"],
        ),
        (
            "issuer = \"http://id.example\"",
            &["config.toml:4:10: ", "not encrypted"],
        ),
    ];
    for (text, expected) in cases {
        let lines = lines(&format!("{head}{text}\n"));
        assert_eq!(lines.len(), 1, "{text}: {lines:?}");
        for part in *expected {
            assert!(lines[0].contains(part), "{text}: {lines:?}");
        }
    }
    // The Azure CLI and the machine itself know who they are.
    for way in ["azure-cli", "managed-identity"] {
        let none = lines(&format!("[profiles.a]\n{tenant}sign_in = \"{way}\"\n"));
        assert_eq!(none, Vec::<String>::new());
    }
    let lacking = lines(&format!("[profiles.a]\n{tenant}"));
    assert!(lacking[0].contains("lacks client_id"), "{lacking:?}");
    let spare =
        "client_secret = { env = \"X\" }\ncertificate = \"c.pem\"\nsign_in = \"certificate\"";
    assert_eq!(lines(&format!("{head}{spare}\n")), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_certificate_file_is_looked_at_before_it_is_needed() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let at = || folder.path().to_owned();
    let paths = Paths {
        config: at(),
        data: at(),
        state: at(),
    };
    let text = format!("[profiles.a]\n{IDS}certificate = \"c.pem\"\n");
    std::fs::write(paths.config_file(), text).expect("writes");
    let said = || {
        let problems = Config::load(&paths).problems;
        problems.iter().map(ToString::to_string).collect::<String>()
    };
    assert!(said().contains("config.toml:4:15: "), "{}", said());
    assert!(said().contains("cannot be read"), "{}", said());
    let file = folder.path().join("c.pem");
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&file, mode).expect("chmod");
    };
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").expect("writes");
    mode(0o644);
    assert_eq!(said(), "");
    // A key in it, or no PEM at all, which is a key too.
    for secret in [
        "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n",
        "\u{30}",
    ] {
        std::fs::write(&file, secret).expect("writes");
        mode(0o640);
        assert!(said().contains("chmod 600"), "{}", said());
        mode(0o600);
        assert_eq!(said(), "");
    }
}

#[test]
fn a_profile_with_a_mistake_is_named_and_not_used_while_the_rest_is() {
    let text = format!(
        "[profiles.good]\n{IDS}[profiles.bad]\n{IDS}regoin = \"eu\"\n[feed]\nbacklog = \"never\"\nalerts_every = \"2m\"\n"
    );
    let loaded = Config::parse(&text, Path::new("config.toml"));
    let config = loaded.config;
    assert!(config.profiles.contains_key("good"));
    assert_eq!(config.unusable["bad"].len(), 1);
    assert_eq!(config.feed.alerts_every, Duration::from_mins(2));
    assert_eq!(config.feed.backlog, Duration::from_hours(30 * 24));
    let fatal: Vec<bool> = loaded.problems.iter().map(|it| it.fatal).collect();
    assert_eq!(fatal, [true, false]);
    let error = config.profile(Some("bad")).expect_err("unusable");
    assert!(
        error.to_string().starts_with(
            "the profile \"bad\" cannot be used: config.toml:7:1: unknown setting \"regoin\""
        ),
        "{error}"
    );
}

#[test]
fn broken_toml_costs_its_profile_and_nothing_else() {
    let text = format!(
        "[profiles.good]\n{IDS}[profiles.broken]\n{IDS}analyst = \"dana\ncloud = \"gcc\"\n[ui]\ntheme = \"light\"\n"
    );
    let loaded = Config::parse(&text, Path::new("config.toml"));
    assert!(!loaded.problems.is_empty());
    let first = loaded.problems[0].to_string();
    assert!(first.starts_with("config.toml:7:"), "{first}");
    assert!(loaded.config.profiles.contains_key("good"));
    assert!(!loaded.config.profiles.contains_key("broken"));
    assert!(loaded.config.unusable.contains_key("broken"));
    assert_eq!(loaded.config.ui.theme, "light");
}

#[test]
fn odd_files_are_survived() {
    for odd in [
        "",
        "\u{0}",
        "[",
        "]]",
        "= 1",
        "[profiles]\n",
        "profiles = []",
        "[[profiles]]\nx = 1",
        "[profiles.a.b]\nx = 1",
        "keys = 1",
        "[keys]\nx = 1",
        "a = \"\u{202e}\"",
        "[profiles.\"\"]\n",
        "[ui]\n[ui]\n",
        "[profiles.a",
        "x = 1\r\n\ty = ",
        "ü = 'ü\nü",
    ] {
        let loaded = Config::parse(odd, Path::new("config.toml"));
        assert!(loaded.config.profiles.is_empty(), "{odd:?}");
    }
}

#[test]
fn which_profile_is_meant_is_said_or_asked() {
    let config = |text: &str| Config::parse(text, Path::new("/c/config.toml")).config;
    let none = config("").profile(None).expect_err("none").to_string();
    assert!(none.contains("write one into /c/config.toml"), "{none}");
    assert!(none.contains("nightjar demo"), "{none}");
    let one = config(&format!("[profiles.only]\n{IDS}"));
    assert_eq!(one.profile(None).expect("the only one").name, "only");
    let two = config(&format!("[profiles.a]\n{IDS}[profiles.abc]\n{IDS}"));
    assert!(matches!(
        two.profile(None),
        Err(ProfileError::Several { .. })
    ));
    let near = two.profile(Some("abd")).expect_err("unknown").to_string();
    assert_eq!(
        near,
        "there is no profile \"abd\" (did you mean \"abc\"?); set up are: a, abc"
    );
}

#[test]
fn several_profiles_are_meant_by_name_by_default_or_all() {
    let text = format!(
        "default_profile = [\"b\", \"gone\", \"a\"]\n[profiles.a]\n{IDS}[profiles.b]\n{IDS}[profiles.bad]\n{IDS}cloud = \"moon\"\n"
    );
    let loaded = Config::parse(&text, Path::new("/c/config.toml"));
    assert!(
        loaded.problems.iter().any(|it| it
            .to_string()
            .contains("1:25: default_profile names \"gone\"")),
        "{:?}",
        loaded.problems
    );
    let config = loaded.config;
    let names = |chosen: &Chosen| {
        let picked = config.profiles(chosen).expect("some");
        let used: Vec<String> = picked.profiles.into_iter().map(|it| it.name).collect();
        let left: Vec<String> = picked.left_out.into_iter().map(|(name, _)| name).collect();
        (used.join(" "), left.join(" "))
    };
    let named = |names: &[&str]| Chosen::Named(names.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(names(&Chosen::Default), ("b a".into(), "gone".into()));
    assert_eq!(names(&Chosen::All), ("a b".into(), "bad".into()));
    assert_eq!(
        names(&named(&["b", "b", "bad"])),
        ("b".into(), "bad".into())
    );
    assert!(matches!(
        config.profiles(&named(&["a", "aa"])),
        Err(ProfileError::Unknown { .. })
    ));
    assert!(matches!(
        config.profiles(&named(&["bad"])),
        Err(ProfileError::Unusable { .. })
    ));
    assert!(matches!(
        config.profile(None),
        Err(ProfileError::TooMany { .. })
    ));
    for (wrong, found) in [
        ("[]", None),
        ("[1]", Some("a list")),
        ("3", Some("a number")),
    ] {
        let text = format!("default_profile = {wrong}\n[profiles.a]\n{IDS}");
        let loaded = Config::parse(&text, Path::new("config.toml"));
        let said = loaded.problems.first().map(ToString::to_string);
        assert_eq!(said.is_some(), found.is_some(), "{said:?}");
        assert!(said.unwrap_or_default().contains(found.unwrap_or_default()));
        assert_eq!(loaded.config.profile(None).expect("the only one").name, "a");
    }
}

#[cfg(unix)]
#[test]
fn a_secret_file_others_can_read_is_a_mistake_of_the_profile() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let paths = Paths {
        config: folder.path().to_owned(),
        data: folder.path().to_owned(),
        state: folder.path().to_owned(),
    };
    assert_eq!(Config::load(&paths).problems, []);
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s").expect("writes");
    std::fs::write(
        paths.config_file(),
        format!("[profiles.a]\n{IDS}client_secret = {{ file = \"secret\" }}\n"),
    )
    .expect("writes");
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&secret, mode).expect("chmod");
    };
    mode(0o640);
    let loaded = Config::load(&paths);
    let line = loaded.problems[0].to_string();
    assert!(line.contains("config.toml:4:17: "), "{line}");
    assert!(line.contains("chmod 600"), "{line}");
    assert!(loaded.config.unusable.contains_key("a"));
    mode(0o600);
    let loaded = Config::load(&paths);
    assert_eq!(loaded.problems, []);
    assert!(loaded.config.profiles.contains_key("a"));
}

#[test]
fn the_schema_knows_every_setting() {
    let schema: serde_json::Value = serde_json::from_str(&Config::schema()).expect("JSON");
    let profile = &schema["properties"]["profiles"]["additionalProperties"];
    assert_eq!(profile["required"], serde_json::json!(["tenant_id"]));
    assert_eq!(
        profile["properties"]["cloud"]["enum"][1],
        serde_json::json!("gcc")
    );
    assert_eq!(
        schema["properties"]["feed"]["properties"]["overlap"]["default"],
        serde_json::json!("10m")
    );
    for table in ["ui", "feed", "sla", "keys"] {
        assert!(schema["properties"][table].is_object(), "{table}");
    }
}

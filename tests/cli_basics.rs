//! What people expect of a command-line program: help, exit statuses, settings, closed pipes.

mod support;

use std::io::Read as _;

use support::Home;

#[test]
fn wrong_usage_is_status_2_and_help_is_data() {
    let home = Home::new();
    let wrong = home.run(&["incidnets"]).expect(2);
    assert!(wrong.out.is_empty());
    assert!(wrong.err.contains("incidents"), "{}", wrong.err);
    let help = home.run(&["--help"]).expect(0);
    for command in [
        "demo",
        "sim",
        "incidents",
        "alerts",
        "hunt",
        "kql",
        "config",
    ] {
        assert!(help.out.contains(command), "{command} is in the help");
    }
    home.run(&["--version"]).expect(0);
}

#[test]
fn the_simulated_tenant_shows_what_it_heeds_and_explains_its_quirks() {
    let home = Home::new();
    let help = home.run(&["sim", "--help"]).expect(0).out;
    for (option, shown) in [
        ("--log-level", true),
        ("--profile", false),
        ("--read-only", false),
        ("--output", false),
    ] {
        let listed = help
            .lines()
            .any(|l| l.trim_start().contains(&format!("{option} ")) || l.trim() == option);
        assert_eq!(listed, shown, "{option}: {help}");
    }
    let quirks = home
        .run(&[
            "--output",
            "json",
            "--profile",
            "x",
            "sim",
            "--quirk",
            "list",
        ])
        .expect(0)
        .out;
    assert!(quirks.contains("wrong-audience\n    Status of a token for another resource (endpoint facts 14.2).\n    - 403 (default): 403.\n    - 401: 401.\n"), "{quirks}");
}

#[test]
fn config_says_where_it_is_and_what_it_may_be() {
    let home = Home::new();
    let path = home.run(&["config", "path"]).expect(0);
    assert!(
        path.out
            .contains(&home.path("config").display().to_string())
    );
    let schema = home.run(&["config", "schema"]).expect(0);
    let schema: serde_json::Value = serde_json::from_str(&schema.out).expect("JSON");
    assert!(schema["properties"]["profiles"].is_object());
}

#[test]
fn config_check_names_file_line_and_the_nearest_name() {
    let home = Home::new().with_settings("[ui]\nthem = \"dark\"\n");
    let checked = home.run(&["config", "check"]).expect(2);
    let file = home.path("config").join("config.toml");
    let place = format!("{}:2:1: ", file.display());
    assert!(checked.out.starts_with(&place), "{}", checked.out);
    assert!(checked.out.contains("did you mean \"theme\"?"));
    Home::new()
        .with_settings("[ui]\nmouse = false\n")
        .run(&["config", "check"])
        .expect(0);
}

#[test]
fn config_check_knows_commands_keys_and_themes() {
    let home = Home::new().with_settings(
        "[ui]\ntheme = \"drak\"\n\n[keys.incidents]\nnext-braech = [\"n\"]\nstory-down = [\"hyper-j\"]\n",
    );
    let checked = home.run(&["config", "check"]).expect(2);
    for words in [
        "dark",
        "config.toml:5:",
        "next-breach",
        "config.toml:6:",
        "hyper-j",
    ] {
        assert!(checked.out.contains(words), "{words}: {}", checked.out);
    }
}

#[test]
fn without_a_profile_it_says_what_to_write() {
    let home = Home::new();
    for args in [
        &["incidents", "list"][..],
        &["alerts", "show", "7"],
        &["machines", "list"],
        &["actions", "list"],
        &["hunt", "AlertInfo"],
    ] {
        let refused = home.run(args).expect(2);
        assert!(
            refused.out.is_empty(),
            "{args:?}: words are for standard error"
        );
        assert!(
            refused.err.contains("[profiles."),
            "{args:?}: {}",
            refused.err
        );
        assert!(
            refused.err.contains("nightjar demo"),
            "{args:?}: {}",
            refused.err
        );
    }
}

#[test]
fn without_its_secret_it_says_which_and_how() {
    let home = Home::new().with_settings(
        "[profiles.contoso]\n\
         tenant_id = \"5b0d6a1c-9a67-4f5e-8f0a-0a6f1c2d3e4f\"\n\
         client_id = \"0c5b8d5e-4c1f-4d6e-9b1a-6f2e3d4c5b6a\"\n\
         client_secret = { env = \"NIGHTJAR_TEST_SECRET_NOBODY_SETS\" }\n",
    );
    let refused = home.run(&["incidents", "list"]).expect(3);
    assert!(
        refused.err.contains("NIGHTJAR_TEST_SECRET_NOBODY_SETS"),
        "{}",
        refused.err
    );
}

#[test]
fn completions_are_written_for_every_shell() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = home.run(&["completions", shell]).expect(0);
        assert!(script.out.contains("incidents"), "{shell}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let home = Home::new();
    let mut child = home
        .command(&["completions", "zsh"])
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let mut words = String::new();
    let mut stderr = child.stderr.take().expect("standard error");
    stderr.read_to_string(&mut words).expect("read");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "{words}");
    assert_eq!(words, "");
}

//! The table of commands walked.

use std::collections::HashSet;

use super::*;

#[test]
fn every_row_is_found_by_its_command() {
    for (index, spec) in COMMANDS.iter().enumerate() {
        assert_eq!(spec.command as usize, index, "{}", spec.name);
        assert_eq!(Command::by_name(spec.name), Some(spec.command));
    }
}

#[test]
fn names_are_unique_and_rows_are_complete() {
    let mut names = HashSet::new();
    for spec in COMMANDS {
        assert!(names.insert(spec.name), "{} twice", spec.name);
        assert!(
            !spec.title.is_empty() && spec.help.ends_with('.'),
            "{}",
            spec.name
        );
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(spec.name.chars().all(plain), "{}", spec.name);
    }
}

#[test]
fn every_default_key_exists_in_plain_terminals() {
    for spec in COMMANDS {
        for text in spec.keys {
            let chords = keys::parse_sequence(text).expect("a key");
            assert!(chords.iter().all(|c| c.is_plain()), "{}: {text}", spec.name);
        }
    }
}

/// Two commands that can meet on one key where both are alive, or one key that begins the
/// other's sequence: inside one scope that is a fault; an inner scope may take a key over.
#[test]
fn no_key_means_two_things_inside_a_scope() {
    for (scope, _, _) in Scope::ALL {
        let rows: Vec<&Spec> = COMMANDS.iter().filter(|spec| spec.scope == scope).collect();
        let mut seen: Vec<(Vec<Chord>, &str)> = Vec::new();
        for spec in rows {
            for chords in default_keys(spec) {
                for (other, name) in &seen {
                    let clash = other.starts_with(&chords) || chords.starts_with(other);
                    assert!(!clash, "{} and {name} on {chords:?}", spec.name);
                }
                seen.push((chords, spec.name));
            }
        }
    }
}

/// An inner scope takes over a parent's key only where the table says so here.
#[test]
fn keys_taken_over_from_a_parent_are_deliberate() {
    let deliberate = [
        ("grid-sort", "status"),
        ("json-open", "popup-right"),
        ("json-fold", "popup-left"),
        // while words are offered, these keys are about them
        ("complete-accept", "hunt-fix"),
        ("complete-close", "hunt-leave"),
        // what vim's own keys mean goes before
        ("vim-redo", "hunt-run"),
        ("vim-half-page-down", "duplicate"),
        ("vim-half-page-up", "edit-undo"),
        ("vim-page-down", "find"),
    ];
    for spec in COMMANDS {
        for chords in default_keys(spec) {
            for scope in spec.scope.chain().skip(1) {
                for other in COMMANDS.iter().filter(|other| other.scope == scope) {
                    for theirs in default_keys(other) {
                        let clash = theirs.starts_with(&chords) || chords.starts_with(&theirs);
                        // Two sequences with one first key stay apart by their second.
                        let fine = deliberate.contains(&(spec.name, other.name));
                        assert!(
                            !clash || fine,
                            "{} hides {} on {chords:?}",
                            spec.name,
                            other.name
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn texts_are_typed_not_dispatched() {
    for spec in COMMANDS {
        if spec.scope.chain().any(|scope| scope == Scope::Text) || spec.scope == Scope::Anywhere {
            for chords in default_keys(spec) {
                assert!(!chords[0].prints(), "{} would eat a letter", spec.name);
            }
        }
    }
}

#[test]
fn the_documentation_names_every_command() {
    let text = markdown();
    for spec in COMMANDS {
        assert!(text.contains(&format!("`{}`", spec.name)), "{}", spec.name);
    }
}

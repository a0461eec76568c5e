use super::*;
use secrecy::ExposeSecret as _;
use std::sync::Arc;

fn keeper(folder: &Path, client: &str) -> Keeper {
    let profile = Profile {
        token_store: Some(TokenStore::File),
        ..Profile::new("work", "Contoso.com", client)
    };
    Keeper::new(&profile, folder)
}

fn kept(token: &str) -> Kept {
    Kept {
        refresh_token: SecretString::from(token),
        who: Who {
            username: "amira.haddad@contoso.com".to_owned(),
            ..Who::default()
        },
    }
}

fn token(keeper: &Keeper) -> Option<String> {
    let kept = keeper.load().expect("reads")?;
    Some(kept.refresh_token.expose_secret().to_owned())
}

#[test]
fn a_sign_in_is_found_again_and_forgotten_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mine = keeper(&data, "app");
    assert!(mine.load().expect("reads").is_none() && mine.who().is_none());
    assert!(!mine.forget().expect("nothing there"));
    // A token may hold what JSON escapes.
    mine.save(&kept("0.\"\\first")).expect("kept");
    mine.save(&kept("0.\"\\second")).expect("kept");
    let again = keeper(&data, "app");
    assert_eq!(token(&again).as_deref(), Some("0.\"\\second"));
    assert_eq!(again.who(), Some(kept("").who));
    assert_eq!(
        token(&keeper(&data, "another")),
        None,
        "of another application"
    );
    assert!(again.forget().expect("removed"));
    assert_eq!(token(&mine), None);
    let left: Vec<_> = std::fs::read_dir(&data).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone_and_refused_where_it_is_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = keeper(folder.path(), "app");
    keeper.save(&kept("sesame")).expect("kept");
    let path = folder.path().join("work.sign-in.json");
    let mode = std::fs::metadata(&path)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("chmod");
    let refused = keeper.load().expect_err("exposed").to_string();
    assert!(
        refused.contains("mode 640") && refused.contains("chmod 600"),
        "{refused}"
    );
    assert!(!refused.contains("sesame"));
}

#[test]
fn a_damaged_file_is_set_aside_with_a_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let mine = keeper(folder.path(), "app");
    mine.save(&kept("sesame")).expect("kept");
    let path = folder.path().join("work.sign-in.json");
    let whole = std::fs::read(&path).expect("reads");
    for damaged in [&whole[..whole.len() / 2], b"", b"[]", b"{\"version\":9}"] {
        // Over a whole one, so that it is the owner's alone.
        mine.save(&kept("sesame")).expect("kept");
        std::fs::write(&path, damaged).expect("writes");
        assert_eq!(mine.who(), None);
        let word = mine.load().expect_err("damaged");
        let KeepError::Damaged { to } = &word else {
            panic!("{word}")
        };
        assert_eq!(std::fs::read(to).expect("still there"), damaged);
        assert!(
            mine.load().expect("reads").is_none(),
            "afterwards nobody is signed in"
        );
        std::fs::remove_file(to).expect("removed");
    }
}

#[test]
fn nothing_of_a_token_is_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = Shared::new(keeper(folder.path(), "app"));
    shared.put(kept("sesame")).expect("kept");
    assert!(!format!("{shared:?} {:?}", kept("sesame")).contains("sesame"));
}

#[test]
fn what_another_program_renewed_or_ended_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = Shared::new(keeper(folder.path(), "app"));
    let there = Shared::new(keeper(folder.path(), "app"));
    let newest = |of: &Shared| {
        let kept = of.newest().expect("reads");
        kept.map(|kept| kept.refresh_token.expose_secret().to_owned())
    };
    here.put(kept("one")).expect("kept");
    assert_eq!(newest(&there).as_deref(), Some("one"));
    there.put(kept("two")).expect("kept");
    assert_eq!(newest(&here).as_deref(), Some("two"));
    assert!(there.forget().expect("removed"));
    assert_eq!(newest(&here), None);
}

#[test]
fn where_nothing_can_be_kept_memory_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    // A file where the folder should be.
    let data = folder.path().join("data");
    std::fs::write(&data, "").expect("writes");
    let shared = Shared::new(keeper(&data, "app"));
    assert!(shared.put(kept("one")).is_err(), "and that is said");
    let newest = shared.newest().expect("from memory").expect("there");
    assert_eq!(newest.refresh_token.expose_secret(), "one");
}

#[tokio::test]
async fn one_renews_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mine = Arc::new(keeper(folder.path(), "app"));
    let held = mine.lock().await.expect("locked");
    let other = Arc::clone(&mine);
    let mut waiting = tokio::spawn(async move { other.lock().await.map(drop) });
    let early = tokio::time::timeout(LOCK_AGAIN * 4, &mut waiting).await;
    assert!(early.is_err(), "it is held");
    drop(held);
    waiting.await.expect("ends").expect("locked");
}

/// Where no session bus is, the keyring says so at once instead of waiting for one.
#[cfg(target_os = "linux")]
#[test]
fn without_a_session_bus_the_keyring_says_so() {
    let users = std::fs::read_dir("/run/user")
        .into_iter()
        .flatten()
        .flatten();
    let bus = users
        .into_iter()
        .any(|user| user.path().join("bus").exists());
    if bus || std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() {
        #[expect(clippy::print_stdout, reason = "says what cannot be tried here")]
        {
            println!("skipped: there may be a session bus here");
        }
        return;
    }
    let begun = std::time::Instant::now();
    let why = keyring_available().expect_err("no bus").to_string();
    assert!(why.contains("keyring"), "{why}");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

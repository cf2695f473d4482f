use std::fs;
use std::os::unix::fs::PermissionsExt;

use store::Memory;
use tempfile::TempDir;

use super::*;

fn config(folder: &TempDir) -> Config {
    Config {
        data: folder.path().to_owned(),
        ..Config::default()
    }
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

fn given(access_key: &str, secret_key: &str) -> GivenKey {
    GivenKey {
        access_key: Some(access_key.to_owned()),
        secret_key: Some(secret_key.to_owned()),
    }
}

#[test]
fn who_needs_a_signature() {
    let folder = tempfile::tempdir().unwrap();
    let everywhere = Config {
        listen: "0.0.0.0:1".parse().unwrap(),
        ..config(&folder)
    };
    let here = config(&folder);
    let none = GivenKey::default();
    let check = |config: &Config, mode, given: &GivenKey, expected: Result<bool, &str>| {
        let rules = rules(config, mode, given, false);
        match (rules, expected) {
            (Ok(rules), Ok(is_verified)) => assert_eq!(rules.root.is_some(), is_verified),
            (Err(error), Err(text)) => assert!(format!("{error:#}").contains(text), "{error:#}"),
            (rules, expected) => panic!("{rules:?}, not {expected:?}"),
        }
    };
    check(&here, Mode::Dev, &none, Ok(false));
    check(&here, Mode::Dev, &given("admin", "long enough"), Ok(true));
    check(
        &everywhere,
        Mode::Dev,
        &none,
        Err("refusing to listen on `0.0.0.0:1`"),
    );
    check(
        &everywhere,
        Mode::Dev,
        &given("admin", "long enough"),
        Ok(true),
    );
    check(
        &everywhere,
        Mode::Dev,
        &given("admin", "short"),
        Err("at least 8"),
    );
    check(
        &everywhere,
        Mode::Dev,
        &given("a/b", "long enough"),
        Err("letters and digits"),
    );
    check(&everywhere, Mode::Serve, &none, Ok(true));
    check(&here, Mode::Serve, &none, Ok(true));
}

#[test]
fn the_root_key_is_made_once_and_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        account: "123456789012".to_owned(),
        ..config(&folder)
    };
    let root = || rules(&config, Mode::Serve, &GivenKey::default(), false).map(|r| r.root.unwrap());
    let made = root().unwrap();
    let file = root_credentials_file(&config);
    assert_eq!(mode(&file), 0o600);
    assert!(made.access_key_id.starts_with("AKIA"), "{made:?}");
    assert!(!format!("{made:?}").contains(&*made.secret_access_key));
    let account = session::account_of_key(&made.access_key_id);
    assert_eq!(account.as_deref(), Some("123456789012"));
    let again = root().unwrap();
    assert_eq!(again.access_key_id, made.access_key_id);
    assert_eq!(again.secret_access_key, made.secret_access_key);
    for wrong in [0o644, 0o640, 0o604, 0o660] {
        fs::set_permissions(&file, fs::Permissions::from_mode(wrong)).unwrap();
        let error = format!("{:#}", root().unwrap_err());
        assert!(
            error.contains(&format!("its mode is {wrong:04o}")),
            "{error}"
        );
        assert!(problem(&file).is_some());
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    root().unwrap();
    assert_eq!(problem(&file), None);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "[default]\naws_access_key_id = AKIA\n").unwrap();
    let error = format!("{:#}", root().unwrap_err());
    assert!(error.contains("no `aws_secret_access_key"), "{error}");
}

#[test]
fn a_store_opens_with_its_own_master_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder);
    let store = Memory::new();
    let sealed = open_seal(&config, &store)
        .unwrap()
        .seal("p", b"secret")
        .unwrap();
    let file = master_key_file(&config);
    assert_eq!(mode(&file), 0o600);
    let opened = open_seal(&config, &store).unwrap().open("p", &sealed);
    assert_eq!(opened.unwrap(), b"secret");
    let check = |expected: &str| {
        let error = format!("{:#}", open_seal(&config, &store).unwrap_err());
        assert!(error.contains(expected), "{error}");
    };
    let key = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        key.replace(['0', '1', '2', '3'], "4").replace('5', "6"),
    )
    .unwrap();
    check("is not the one that the secrets of this store");
    fs::write(&file, "no key").unwrap();
    check("64 hex digits");
    fs::remove_file(&file).unwrap();
    check("is missing");
    assert!(!file.exists());
    // A crash while it is made leaves a file that is no key, and does not stand in the way.
    fs::write(folder.path().join("master.key.new"), "half").unwrap();
    let other = Memory::new();
    open_seal(&config, &other).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap().trim().len(), 64);
}

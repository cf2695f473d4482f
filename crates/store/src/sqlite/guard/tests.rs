use tempfile::{TempDir, tempdir};

use super::*;
use crate::sqlite::{Sqlite, crash_image};
use crate::tests::{Owner, execution, of};
use crate::{Committed, Expected, Kind, ShardId, Store, Write};

fn name(counter: u64) -> String {
    format!("name-{counter}")
}

fn open(owner: &mut Owner, store: &Sqlite, counter: u64) {
    let row = execution(counter, 1, &name(counter));
    owner.commit(store, vec![Write::OpenExecution(row)]);
}

/// A store with executions 1 to 5.
fn running() -> (Sqlite, TempDir, Owner) {
    let folder = tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    for counter in 1..=5 {
        open(&mut owner, &store, counter);
    }
    (store, folder, owner)
}

fn executions(folder: &Path) -> usize {
    let store = Sqlite::open(folder).unwrap();
    let rows = store.list_executions(&of(1), None, 100);
    rows.unwrap().len()
}

fn lock_text(folder: &Path) -> String {
    fs::read_to_string(folder.join("lockstep.lock")).unwrap()
}

fn image_of(folder: &Path) -> TempDir {
    let image = tempdir().unwrap();
    crash_image(folder, image.path());
    image
}

#[test]
fn a_clean_stop_leaves_one_whole_file() {
    let check = |stop: &dyn Fn(Sqlite) -> Option<Sqlite>| {
        let (store, folder, _) = running();
        assert!(lock_text(folder.path()).starts_with("open "));
        let _kept = stop(store);
        assert!(lock_text(folder.path()).starts_with("clean"));
        assert!(!holds_bytes(&folder.path().join("lockstep.db-wal")));
        let copy = tempdir().unwrap();
        let (from, to) = (folder.path(), copy.path());
        fs::copy(from.join("lockstep.db"), to.join("lockstep.db")).unwrap();
        assert_eq!(executions(copy.path()), 5);
        let store = Sqlite::open(copy.path()).unwrap();
        open(&mut Owner::of(&store), &store, 6);
        drop(store);
        assert_eq!(executions(copy.path()), 6);
    };
    check(&|store| {
        drop(store);
        None
    });
    check(&|store| {
        store.close();
        Some(store)
    });
}

#[test]
fn a_closed_store_answers_errors() {
    let (store, _folder, mut owner) = running();
    store.close();
    store.close();
    let batch = owner.batch(ShardId(1), vec![]);
    assert_eq!(store.commit(&[batch]), [Committed::Unknown]);
    assert!(store.trouble().unwrap().contains("closed"));
    let closed = |error: Error| assert!(error.to_string().contains("closed"), "{error}");
    closed(store.sequence(ShardId(1)).unwrap_err());
    closed(store.acquire(&[ShardId(1)]).unwrap_err());
    closed(store.check().unwrap_err());
    let put = store.put_document(Kind::Tags, "key", b"", Expected::Any);
    closed(put.unwrap_err());
}

#[test]
fn a_log_that_cannot_be_moved_stays() {
    let (store, folder, mut owner) = running();
    let path = folder.path().join("lockstep.db");
    let reader = rusqlite::Connection::open(path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM shards")
        .unwrap();
    open(&mut owner, &store, 6);
    let writer = store.writer.lock();
    writer
        .connection
        .busy_timeout(std::time::Duration::ZERO)
        .unwrap();
    drop(writer);
    drop(store);
    assert!(lock_text(folder.path()).starts_with("open "));
    assert_eq!(executions(image_of(folder.path()).path()), 6);
}

#[test]
fn a_missing_part_is_refused() {
    let check = |stopped: bool, harm: &dyn Fn(&Path), expected: &[&str]| {
        let (store, folder, _) = running();
        let image = image_of(folder.path());
        drop(store);
        let folder = if stopped { folder } else { image };
        harm(folder.path());
        let error = Sqlite::open(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        let text = error.to_string();
        for part in expected.iter().chain(&["keep a copy"]) {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(Sqlite::exists(folder.path()), "{text}");
    };
    let remove =
        |file: &'static str| move |folder: &Path| fs::remove_file(folder.join(file)).unwrap();
    let empty =
        |file: &'static str| move |folder: &Path| fs::write(folder.join(file), b"").unwrap();
    let database = [
        "lockstep.db`",
        "missing or empty",
        "`lockstep.db-wal`",
        "put the file back",
    ];
    check(false, &remove("lockstep.db"), &database);
    check(false, &empty("lockstep.db"), &database);
    let no_lock = |folder: &Path| {
        remove("lockstep.lock")(folder);
        remove("lockstep.db")(folder);
    };
    check(false, &no_lock, &database);
    let gone = [
        "lockstep.db`",
        "missing or empty",
        "delete `lockstep.lock` too",
    ];
    check(true, &remove("lockstep.db"), &gone);
    let log = [
        "lockstep.db-wal`",
        "log is missing or empty",
        "put the file back",
    ];
    check(false, &remove("lockstep.db-wal"), &log);
    check(false, &empty("lockstep.db-wal"), &log);
    let other = |folder: &Path| {
        let (_store, other, _) = running();
        let file = "lockstep.db-wal";
        fs::copy(other.path().join(file), folder.join(file)).unwrap();
    };
    check(
        false,
        &other,
        &[
            "lockstep.db-wal`",
            "isn't the log that the last server wrote",
        ],
    );
    let garbage = |folder: &Path| fs::write(folder.join("lockstep.lock"), b"opne 12\n").unwrap();
    check(
        true,
        &garbage,
        &["lockstep.lock`", "no Lockstep server writes"],
    );
}

#[test]
fn a_log_that_began_anew_is_recorded() {
    let (store, folder, mut owner) = running();
    let before = image_of(folder.path());
    for counter in 6..=9 {
        store.move_log();
        let recorded = lock_text(folder.path());
        open(&mut owner, &store, counter);
        assert_ne!(lock_text(folder.path()), recorded);
        let image = image_of(folder.path());
        // Killed after the log began anew and before that was recorded.
        let unrecorded = image_of(folder.path());
        fs::write(unrecorded.path().join("lockstep.lock"), &recorded).unwrap();
        let expected = usize::try_from(counter).unwrap();
        assert_eq!(executions(image.path()), expected);
        assert_eq!(executions(unrecorded.path()), expected);
    }
    let image = image_of(folder.path());
    let file = "lockstep.db-wal";
    fs::copy(before.path().join(file), image.path().join(file)).unwrap();
    let error = Sqlite::open(image.path()).unwrap_err().to_string();
    assert!(error.contains("isn't the log"), "{error}");
}

#[test]
fn a_kill_at_any_step_of_a_stop_or_start_opens() {
    let (store, folder, _) = running();
    let crashed = image_of(folder.path());
    drop(store);
    // Between writing `clean` and cutting the log.
    let lock = "lockstep.lock";
    fs::copy(folder.path().join(lock), crashed.path().join(lock)).unwrap();
    // Crashes of crashes, with and without commits in between.
    let store = Sqlite::open(crashed.path()).unwrap();
    let quiet = image_of(crashed.path());
    open(&mut Owner::of(&store), &store, 6);
    let busy = image_of(crashed.path());
    assert_eq!(executions(quiet.path()), 5);
    assert_eq!(executions(busy.path()), 6);
    // A loss of power may leave a lock file of zeros, one that is empty, or none.
    for text in [Some(&[0; 22][..]), Some(b""), None] {
        let image = image_of(crashed.path());
        let path = image.path().join(lock);
        match text {
            Some(text) => fs::write(path, text).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        assert_eq!(executions(image.path()), 6);
    }
}

#[test]
fn deleted_files_are_noticed_before_a_commit_is_acknowledged() {
    let check = |delete: &dyn Fn(&Path)| {
        let (store, folder, mut owner) = running();
        delete(folder.path());
        let row = execution(6, 1, "lost");
        let batch = owner.batch(ShardId(1), vec![Write::OpenExecution(row)]);
        assert_eq!(store.commit(&[batch]), [Committed::Unknown]);
        let trouble = store.trouble().unwrap();
        for part in ["were deleted", "stop the server", "--data"] {
            assert!(trouble.contains(part), "{trouble}");
        }
        let settled = store.sequence(ShardId(1)).unwrap_err().to_string();
        assert!(settled.contains("were deleted"), "{settled}");
        let put = store.put_document(Kind::Tags, "key", b"", Expected::Any);
        assert!(put.unwrap_err().to_string().contains("were deleted"));
    };
    check(&|folder| fs::remove_dir_all(folder).unwrap());
    check(&|folder| fs::remove_file(folder.join("lockstep.db")).unwrap());
    check(&|folder| fs::remove_file(folder.join("lockstep.db-wal")).unwrap());
}

#[test]
fn states_are_read_as_written() {
    let states = [
        State::Clean,
        State::Open(Salts(0)),
        State::Open(Salts(u64::MAX)),
    ];
    for state in states {
        assert_eq!(State::parse(state.text().as_bytes()), Some(state));
        assert_eq!(state.text().len(), 22);
    }
    for other in ["open", "open x\n", "clean", "shut\n", "open 12 13\n"] {
        assert_eq!(State::parse(other.as_bytes()), None, "{other}");
    }
}

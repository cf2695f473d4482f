use std::fs;

use rusqlite::Row;

use super::*;
use crate::Write;
use crate::tests::{JANUARY, Owner, execution};

impl Sqlite {
    /// A store that writes names after a few only, in a run per few commits.
    pub(crate) fn open_small(folder: &Path) -> Result<Sqlite> {
        let options = Options {
            names_max: 70,
            synced: false,
            ..Options::default()
        };
        Sqlite::open_with(folder, options)
    }

    /// A store in which half of all names share their hash with others.
    pub(crate) fn open_colliding(folder: &Path) -> Result<Sqlite> {
        let hash = |machine, name: &str| match names::hash(machine, name) {
            hash if hash % 2 == 0 => hash,
            hash => ((hash % 5) << 62) | (hash % 3),
        };
        Sqlite::open_with(
            folder,
            Options {
                names_max: 70,
                hash,
                synced: false,
                ..Options::default()
            },
        )
    }

    /// Moves all of the log: the next commit begins it anew.
    pub(super) fn move_log(&self) {
        let mode = rusqlite::wal::CheckpointMode::PASSIVE;
        let writer = self.writer.lock();
        let moved = writer
            .connection
            .wal_checkpoint_v2(rusqlite::DEFAULT_NAME, mode);
        let (pages, moved) = moved.unwrap();
        assert_eq!(pages, moved);
    }

    fn pages(&self, pages: &str) {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        self.writer
            .lock()
            .connection
            .query_row(&pragma, (), |_| Ok(()))
            .unwrap();
    }
}

/// What a crash at this moment leaves: the files as they are, without the one in shared memory.
pub(crate) fn crash_image(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["lockstep.db", "lockstep.db-wal", "lockstep.lock"] {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

#[test]
fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sqlite::open(folder.path()).unwrap();
    let error = Sqlite::open(folder.path()).unwrap_err().to_string();
    let named = format!("`{}`", folder.path().display());
    assert!(
        error.contains(&named) && error.contains("--data"),
        "{error}"
    );
    drop(first);
    Sqlite::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_says_what_to_do() {
    let kinds = [
        std::io::ErrorKind::PermissionDenied,
        std::io::ErrorKind::ReadOnlyFilesystem,
    ];
    for kind in kinds {
        let error = files::not_writable(Path::new("data/lockstep.lock"), &kind.into());
        let text = error.to_string();
        for part in ["data/lockstep.lock`", "right to write", "--data"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn what_is_not_ours_is_refused() {
    let check = |prepare: &dyn Fn(&Path), expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lockstep.db");
        prepare(&path);
        let error = Sqlite::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&format!("`{}`", path.display())), "{error}");
    };
    let sql = |path: &Path, sql: &str| {
        drop(Sqlite::open(path.parent().unwrap()).unwrap());
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
    };
    check(
        &|path| sql(path, "PRAGMA user_version = 7"),
        "schema version `7`",
    );
    check(
        &|path| sql(path, "PRAGMA application_id = 5"),
        "database of another program",
    );
    check(
        &|path| {
            Connection::open(path)
                .unwrap()
                .execute_batch("CREATE TABLE t (a)")
                .unwrap();
        },
        "database of another program",
    );
    check(
        &|path| fs::write(path, b"not a database at all".repeat(500)).unwrap(),
        "is damaged",
    );
}

#[test]
fn a_damaged_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    for counter in 1..200 {
        owner.commit(
            &store,
            vec![Write::OpenExecution(execution(counter, 1, "name"))],
        );
    }
    drop(store);
    let path = folder.path().join("lockstep.db");
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 2_048;
    // Every page after the schema's and the tables' first ones.
    bytes[pages / 2 * 2_048..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let opened = Sqlite::open(folder.path());
    let error = opened.and_then(|store| store.check()).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("lockstep doctor") && text.contains("lockstep.db"),
        "{text}"
    );
}

#[test]
fn a_full_disk_is_unknown_until_settled() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    owner.commit(
        &store,
        vec![Write::OpenExecution(execution(1, 1, "before"))],
    );
    let shard = ShardId(1);
    let sequence = store.sequence(shard).unwrap();

    store.pages("1");
    let entity = EntityId::new(2, shard);
    let large = Write::Append {
        entity,
        number: 0,
        record: vec![9; 1 << 20],
    };
    let batch = owner.batch(
        shard,
        vec![large, Write::OpenExecution(execution(2, 1, "lost"))],
    );
    assert_eq!(
        store.commit(std::slice::from_ref(&batch)),
        [Committed::Unknown]
    );
    assert!(
        store.trouble().unwrap().contains("no space is left"),
        "{:?}",
        store.trouble()
    );
    store.pages("1000000");
    assert_eq!(
        store.commit(std::slice::from_ref(&batch)),
        [Committed::Unknown],
        "not settled"
    );

    assert_eq!(store.sequence(shard).unwrap(), sequence);
    assert_eq!(store.trouble(), None);
    assert_eq!(store.execution(entity).unwrap(), None);
    assert_eq!(
        store.find_execution(MachineNumber(1), "lost").unwrap(),
        None
    );
    assert_eq!(store.last_entity().unwrap(), Some(EntityId::new(1, shard)));
    assert_eq!(store.commit(&[batch]), [Committed::Ok]);
    assert_eq!(
        store.find_execution(MachineNumber(1), "lost").unwrap(),
        Some(entity)
    );
    assert_eq!(
        store.journal(entity, 0, 0).unwrap()[0].bytes,
        vec![9; 1 << 20]
    );
}

/// Commits `count` executions with names, 30 in a group.
fn open_many(store: &Sqlite, owner: &mut Owner, from: u64, count: u64) {
    let counters: Vec<u64> = (from..from + count).collect();
    for group in counters.chunks(30) {
        let batches = group.iter().map(|counter| {
            let row = execution(*counter, 1, &format!("name-{counter}"));
            let (entity, record) = (row.entity, counter.to_le_bytes().to_vec());
            let append = Write::Append {
                entity,
                number: 0,
                record,
            };
            owner.batch(entity.shard(), vec![append, Write::OpenExecution(row)])
        });
        let batches: Vec<Batch> = batches.collect();
        assert!(
            store
                .commit(&batches)
                .iter()
                .all(|answer| *answer == Committed::Ok)
        );
    }
}

fn find_all(store: &Sqlite, counters: std::ops::Range<u64>) {
    for counter in counters {
        let entity = execution(counter, 1, "").entity;
        let name = format!("name-{counter}");
        assert_eq!(
            store.find_execution(MachineNumber(1), &name).unwrap(),
            Some(entity),
            "{name}"
        );
        assert_eq!(
            store.find_execution(MachineNumber(2), &name).unwrap(),
            None,
            "{name}"
        );
        assert_eq!(
            store.journal(entity, 0, 0).unwrap()[0].bytes,
            counter.to_le_bytes()
        );
    }
}

#[test]
fn names_are_found_wherever_they_are() {
    for open in [Sqlite::open_small, Sqlite::open_colliding] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let mut owner = Owner::of(&store);
        for from in (1..1_200).step_by(90) {
            open_many(&store, &mut owner, from, 90);
            find_all(&store, 1..from + 90);
            let image = tempfile::tempdir().unwrap();
            crash_image(folder.path(), image.path());
            find_all(&open(image.path()).unwrap(), 1..from + 90);
        }
        let runs = |store: &Sqlite| -> u64 {
            let count = "SELECT count(*) FROM name_runs";
            store
                .read(|connection| connection.query_row(count, (), |row| row.get(0)))
                .unwrap()
        };
        assert!(runs(&store) > 5);
        assert_eq!(
            store.find_execution(MachineNumber(1), "name-5000").unwrap(),
            None
        );
        drop(store);
        find_all(&open(folder.path()).unwrap(), 1..1_171);
    }
}

#[test]
fn a_name_that_comes_late_is_found_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open_small(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    // Execution 50 is committed long after those with higher numbers were written to a run.
    open_many(&store, &mut owner, 1, 49);
    open_many(&store, &mut owner, 51, 250);
    assert!(store.index.read().names.watermark() > execution(50, 1, "").entity);
    open_many(&store, &mut owner, 50, 1);
    let image = tempfile::tempdir().unwrap();
    crash_image(folder.path(), image.path());
    find_all(&Sqlite::open_small(image.path()).unwrap(), 1..301);
}

#[test]
fn names_in_memory_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open_small(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    for from in (1..3_000).step_by(30) {
        open_many(&store, &mut owner, from, 30);
        let index = store.index.read();
        assert!(index.names.len() <= 2 * 70, "{} names", index.names.len());
    }
    drop(store);
    let store = Sqlite::open_small(folder.path()).unwrap();
    assert!(store.index.read().names.len() <= 4 * 70);
}

#[test]
fn runs_of_names_expire_with_their_executions() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open_small(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    open_many(&store, &mut owner, 1, 600);
    for counter in 1..=600 {
        let entity = execution(counter, 1, "").entity;
        let close = Write::UpdateExecution {
            entity,
            status: 2,
            stopped_ms: Some(JANUARY + 5),
            redrive: None,
        };
        owner.commit_to(&store, entity.shard(), vec![close]);
    }
    let mut row = execution(1_000, 1, "february");
    row.started_ms = JANUARY + 40 * 86_400_000;
    owner.commit(&store, vec![Write::OpenExecution(row)]);
    let mut deleted = 0;
    loop {
        let expired = store.expire(JANUARY + 6, 100).unwrap();
        assert!(expired.executions <= 100);
        deleted += expired.executions;
        if !expired.more {
            break;
        }
    }
    assert_eq!(deleted, 600);
    let count = "SELECT (SELECT count(*) FROM names), (SELECT count(*) FROM name_runs)";
    let left = |row: &Row<'_>| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?));
    let (_, runs) = store
        .read(|connection| connection.query_row(count, (), left))
        .unwrap();
    assert_eq!(runs, 0);
    assert_eq!(
        store.last_entity().unwrap(),
        Some(execution(1_000, 1, "").entity)
    );
}

#[test]
fn the_log_is_moved_and_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    let log = folder.path().join("lockstep.db-wal");
    let record = vec![7; 1 << 20];
    let entity = EntityId::new(1, ShardId(1));
    // Far more than one log; the moving thread gets its turn while the writer syncs.
    for number in 0..200 {
        let append = Write::Append {
            entity,
            number,
            record: record.clone(),
        };
        owner.commit_to(&store, ShardId(1), vec![append]);
    }
    let bytes = fs::metadata(&log).unwrap().len();
    assert!(bytes < 150 << 20, "{bytes} bytes of log");
    drop(store);
    assert!(!log.exists() || fs::metadata(&log).unwrap().len() == 0);
    let store = Sqlite::open(folder.path()).unwrap();
    assert_eq!(store.journal(entity, 199, 0).unwrap()[0].bytes, record);
    assert_eq!(store.check().unwrap().problems, Vec::<String>::new());
}

#[test]
fn reads_do_not_wait_for_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    open_many(&store, &mut owner, 1, 10);
    let _writing = store.writer.lock();
    let _index = store.index.read();
    let reads = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| find_all(&store, 1..11)))
            .collect();
        readers.into_iter().all(|reader| reader.join().is_ok())
    });
    assert!(reads);
}

#[test]
fn closing_an_execution_keeps_the_size_of_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    open_many(&store, &mut owner, 1, 500);
    let size = || -> (u64, u64) {
        let query = "SELECT sum(payload), count(*) FROM dbstat WHERE name = 'executions'";
        let sizes = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        store
            .read(|connection| connection.query_row(query, (), sizes))
            .unwrap()
    };
    let before = size();
    for counter in 1..=500 {
        let entity = execution(counter, 1, "").entity;
        let close = Write::UpdateExecution {
            entity,
            status: 4,
            stopped_ms: Some(JANUARY + 99),
            redrive: None,
        };
        owner.commit_to(&store, entity.shard(), vec![close]);
    }
    assert_eq!(size(), before);
}

#[test]
fn a_store_from_before_there_was_anybody_to_show_records_to_is_opened() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let drop_table = "DROP TABLE unseen";
    store
        .writer
        .lock()
        .connection
        .execute_batch(drop_table)
        .unwrap();
    store.close();
    drop(store);
    let store = Sqlite::open(folder.path()).unwrap();
    let unseen = crate::Unseen {
        ticket: 1,
        records: Vec::new(),
    };
    let mut owner = Owner::of(&store);
    owner.commit(&store, vec![Write::Unseen(unseen.clone())]);
    assert_eq!(store.unseen(None, 9).unwrap(), [unseen]);
}

use super::*;
use store::{Batch, EntityId, ExecutionRow, ShardId, Write};

/// A store with one execution whose journal is `record`.
fn findings_of(record: Option<&[u8]>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let opened = Sqlite::open(folder.path()).unwrap();
    let shard = ShardId(5);
    let (epoch, sequence) = opened.acquire(&[shard]).unwrap()[0];
    let entity = EntityId::new(1, shard);
    let row = ExecutionRow {
        entity,
        machine: opened.machine_number("arn").unwrap(),
        name: "n".to_owned(),
        name_is_generated: false,
        status: 2,
        started_ms: 1_790_000_000_000,
        stopped_ms: Some(1_790_000_000_000),
        definition: 1,
        ..ExecutionRow::default()
    };
    let mut writes = vec![Write::OpenExecution(row)];
    if let Some(record) = record {
        writes.push(Write::Append {
            entity,
            number: 0,
            record: record.to_vec(),
        });
    }
    let sequence = sequence + 1;
    opened.commit(&[Batch {
        shard,
        epoch,
        sequence,
        writes,
    }]);
    drop(opened);
    let text = |finding| match finding {
        Finding::Good(text) | Finding::Notice(text) => format!("fine: {text}"),
        Finding::Bad(text) => text,
    };
    super::store(folder.path()).into_iter().map(text).collect()
}

#[test]
fn damaged_journals_are_named() {
    for record in [
        None,
        Some(&b""[..]),
        Some(&b"\x01garbage that is no record"[..]),
    ] {
        let found = findings_of(record);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("execution") && !found[0].starts_with("fine"),
            "{found:?}"
        );
    }
}

#[test]
fn no_store_is_no_problem() {
    let folder = tempfile::tempdir().unwrap();
    let found = super::store(folder.path());
    assert!(matches!(&found[..], [Finding::Good(text)] if text.contains("none at")));
    assert!(!folder.path().join("lockstep.db").exists());
}

#[test]
fn the_audit_log_is_looked_at() {
    use store::Lines as _;
    let folder = tempfile::tempdir().unwrap();
    let check = |expected: &[&str]| {
        let found = super::logs(folder.path());
        let texts = found.into_iter().map(|finding| match finding {
            Finding::Good(text) => format!("ok {text}"),
            Finding::Notice(text) => format!("note {text}"),
            Finding::Bad(text) => format!("bad {text}"),
        });
        let texts = texts.collect::<Vec<_>>().join("\n");
        for part in expected {
            assert!(texts.contains(part), "{part}: {texts}");
        }
        assert_eq!(texts.is_empty(), expected.is_empty(), "{texts}");
    };
    check(&[]);
    let lines = store::SqliteLines::open(folder.path()).unwrap();
    let line = store::lines::Line {
        time_ms: 1,
        bytes: b"event".to_vec(),
    };
    lines.append("audit/1/r", &[line.clone(), line]).unwrap();
    check(&[]);
    drop(lines);
    check(&["ok logs: ", "lines.db is sound: 2 lines"]);
    std::fs::remove_file(folder.path().join("lines.db")).unwrap();
    check(&["bad logs: ", "missing or empty"]);
}

/// A store without the key it was used with does not start: a backup of it was not whole.
#[test]
fn the_master_key_has_to_be_the_stores() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        data: folder.path().to_owned(),
        ..Config::default()
    };
    let check = |expected: &str| {
        let texts: Vec<String> = super::identity(&config)
            .into_iter()
            .map(|finding| match finding {
                Finding::Good(text) => format!("ok {text}"),
                Finding::Notice(text) => format!("note {text}"),
                Finding::Bad(text) => format!("bad {text}"),
            })
            .filter(|text| text.contains("master key:"))
            .collect();
        assert!(
            matches!(&texts[..], [text] if text.contains(expected)),
            "{expected}: {texts:?}"
        );
    };
    let key = crate::identity::master_key_file(&config);
    check("ok master key: none in");
    crate::identity::open_seal(&config, &Sqlite::open(folder.path()).unwrap()).unwrap();
    check("is private");
    std::fs::rename(&key, folder.path().join("kept")).unwrap();
    check("is missing, and this store has secrets");
    let other = tempfile::tempdir().unwrap();
    let of_other = Config {
        data: other.path().to_owned(),
        ..Config::default()
    };
    crate::identity::open_seal(&of_other, &Sqlite::open(other.path()).unwrap()).unwrap();
    std::fs::copy(crate::identity::master_key_file(&of_other), &key).unwrap();
    check("is not the one");
    std::fs::rename(folder.path().join("kept"), &key).unwrap();
    check("is private");
}

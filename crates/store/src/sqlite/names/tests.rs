use super::*;

#[test]
fn the_stored_hash_never_changes() {
    let check = |machine, name, expected| {
        let hash = hash(MachineNumber(machine), name);
        assert_eq!(hash, expected, "{machine} `{name}` {hash:#018x}");
    };
    check(0, "", 0x7bd3_144f_29c0_cc9e);
    check(1, "a", 0xdea1_3a43_1626_96b9);
    check(2, "a", 0xe296_9e52_b037_7107);
    check(1, "order-2026-01-02", 0x9633_ec6d_720e_1d97);
}

#[test]
fn rows_keep_names_of_one_prefix_together() {
    let connection = Connection::open_in_memory().unwrap();
    let table = "CREATE TABLE names (place INTEGER PRIMARY KEY, entries BLOB NOT NULL)";
    connection.execute_batch(table).unwrap();
    // 100 prefixes of one name each, one prefix of 300 names, then 500 prefixes again.
    let same = (0..300).map(|number| {
        (
            (100 << SUFFIX_BITS) | (number / 2),
            EntityId(1_000 + number),
        )
    });
    let before = (0..100).map(|prefix| (prefix << SUFFIX_BITS, EntityId(prefix)));
    let after = (101..601).map(|prefix| ((prefix << SUFFIX_BITS) | 5, EntityId(prefix)));
    let entries: Vec<Entry> = before.chain(same).chain(after).collect();
    write_rows(&connection, 3, &entries).unwrap();

    for (hash, _) in &entries {
        let mut expected: Vec<EntityId> = entries
            .iter()
            .filter(|entry| entry.0 == *hash)
            .map(|(_, entity)| *entity)
            .collect();
        expected.reverse();
        assert_eq!(
            search(&connection, 3, *hash).unwrap(),
            expected,
            "{hash:#x}"
        );
    }
    for (run, hash) in [
        (2, 0),
        (4, 0),
        (3, 1),
        (3, u64::MAX),
        (3, 101 << SUFFIX_BITS),
    ] {
        assert_eq!(
            search(&connection, run, hash).unwrap(),
            [],
            "{run} {hash:#x}"
        );
    }
    let mut rows = connection
        .prepare("SELECT length(entries) / 16 FROM names")
        .unwrap();
    let sizes: Vec<u64> = rows
        .query_map((), |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(sizes, [400, 120, 120, 120, 120, 20]);
}

//! One suite for every store; what only one of them has is tested beside it.

mod agreement;

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::*;

/// 2026-01-01T00:00:00Z
pub(crate) const JANUARY: i64 = 1_767_225_600_000;
pub(crate) const DAY: i64 = 86_400_000;

/// The owner of all shards of a store: knows epochs and sequences.
pub(crate) struct Owner {
    shards: BTreeMap<ShardId, (Epoch, u64)>,
}

impl Owner {
    pub(crate) fn of(store: &dyn Store) -> Owner {
        let shards: Vec<ShardId> = (0..SHARDS).map(ShardId).collect();
        let owned = store.acquire(&shards).unwrap();
        Owner {
            shards: shards.into_iter().zip(owned).collect(),
        }
    }

    /// The shard's next batch.
    pub(crate) fn batch(&mut self, shard: ShardId, writes: Vec<Write>) -> Batch {
        let (epoch, sequence) = self.shards.get_mut(&shard).unwrap();
        *sequence += 1;
        Batch {
            shard,
            epoch: *epoch,
            sequence: *sequence,
            writes,
        }
    }

    pub(crate) fn commit_to(&mut self, store: &dyn Store, shard: ShardId, writes: Vec<Write>) {
        let batch = self.batch(shard, writes);
        assert_eq!(
            store.commit(&[batch]),
            [Committed::Ok],
            "{:?}",
            store.trouble()
        );
    }

    /// Commits to shard 1.
    pub(crate) fn commit(&mut self, store: &dyn Store, writes: Vec<Write>) {
        self.commit_to(store, ShardId(1), writes);
    }
}

/// A running execution of shard 1.
pub(crate) fn execution(counter: u64, machine: u64, name: &str) -> ExecutionRow {
    ExecutionRow {
        entity: EntityId::new(counter, ShardId(1)),
        machine: MachineNumber(machine),
        name: name.to_owned(),
        name_is_generated: false,
        status: 0,
        started_ms: JANUARY,
        ..ExecutionRow::default()
    }
}

/// All executions of a machine.
pub(crate) fn of(machine: u64) -> ExecutionFilter {
    ExecutionFilter {
        machine: MachineNumber(machine),
        ..ExecutionFilter::default()
    }
}

fn entity(counter: u64) -> EntityId {
    EntityId::new(counter, ShardId(1))
}

fn append(counter: u64, number: u32, record: &[u8]) -> Write {
    Write::Append {
        entity: entity(counter),
        number,
        record: record.to_vec(),
    }
}

/// Runs a case against every store.
fn on_every_store(case: impl Fn(&dyn Store)) {
    case(&Memory::new());
    let open: [fn(&std::path::Path) -> Result<Sqlite>; 3] =
        [Sqlite::open, Sqlite::open_small, Sqlite::open_colliding];
    for open in open {
        let folder = TempDir::new().unwrap();
        case(&open(folder.path()).unwrap());
    }
}

#[test]
fn an_entity_holds_its_shard() {
    let entity = EntityId::new(1_000_000, ShardId(63));
    assert_eq!((entity.counter(), entity.shard()), (1_000_000, ShardId(63)));
    assert!(EntityId::new(5, ShardId(63)) < EntityId::new(6, ShardId(0)));
}

#[test]
fn a_fence_lets_the_owner_pass_only() {
    on_every_store(|store| {
        let shards = [ShardId(1), ShardId(2)];
        let first = store.acquire(&shards).unwrap();
        let second = store.acquire(&shards).unwrap();
        assert!(first[0].0 < second[0].0);
        let other = store.acquire(&[ShardId(3)]).unwrap()[0];
        let batch = |shard, epoch, sequence, counter| Batch {
            shard: ShardId(shard),
            epoch,
            sequence,
            writes: vec![append(counter, 0, b"x")],
        };
        let old = first[0].0;
        let new = second[0].0;
        use Committed::{Fenced, Ok};
        let cases = [
            // An earlier owner, a sequence repeated, one skipped, a shard that doesn't exist.
            (
                vec![batch(1, old, 1, 1), batch(2, new, 1, 2)],
                vec![Fenced, Ok],
            ),
            (vec![batch(2, new, 1, 3)], vec![Fenced]),
            (vec![batch(2, new, 3, 3)], vec![Fenced]),
            (
                vec![batch(64, new, 1, 3), batch(1, new, 0, 3)],
                vec![Fenced, Fenced],
            ),
            // Several batches of one shard in a group; one after a gap.
            (
                vec![
                    batch(1, new, 1, 4),
                    batch(3, other.0, 1, 5),
                    batch(1, new, 2, 6),
                ],
                vec![Ok, Ok, Ok],
            ),
            (
                vec![batch(1, new, 4, 7), batch(1, new, 3, 8)],
                vec![Fenced, Ok],
            ),
            (vec![], vec![]),
        ];
        for (batches, answers) in cases {
            assert_eq!(store.commit(&batches), answers, "{batches:?}");
        }
        let sequences = [1, 2, 3, 4].map(|shard| store.sequence(ShardId(shard)).unwrap().1);
        assert_eq!(sequences, [3, 1, 1, 0]);
        let kept =
            (1..9).filter(|counter| !store.journal(entity(*counter), 0, 9).unwrap().is_empty());
        assert_eq!(kept.collect::<Vec<_>>(), [2, 4, 5, 6, 8]);
        assert_eq!(store.acquire(&[ShardId(1)]).unwrap()[0].1, 3);
        for error in [
            store.sequence(ShardId(64)).err(),
            store.acquire(&[ShardId(64)]).err(),
        ] {
            assert!(error.unwrap().to_string().contains("shard `64`"));
        }
    });
}

#[test]
fn a_record_is_never_written_twice() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        owner.commit(store, vec![append(1, 0, b"first"), append(1, 1, b"second")]);
        let again = owner.batch(ShardId(1), vec![append(1, 1, b"other")]);
        assert_eq!(
            store.commit(std::slice::from_ref(&again)),
            [Committed::Unknown]
        );
        assert!(store.trouble().is_some());
        assert_eq!(
            store.sequence(ShardId(1)).unwrap(),
            (again.epoch, again.sequence - 1)
        );
        assert_eq!(store.journal(entity(1), 1, 99).unwrap()[0].bytes, b"second");
    });
}

#[test]
fn a_journal_is_read_in_order_and_pages() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        // Execution 1: record 0 with its row, the others later and beside another one's.
        let row = Write::OpenExecution(execution(1, 1, "one"));
        owner.commit(store, vec![append(1, 0, b"00"), row, append(1, 1, b"11")]);
        for number in 2..40_u8 {
            let record = [number; 2];
            owner.commit(
                store,
                vec![
                    append(2, (number - 2).into(), b"other"),
                    append(1, number.into(), &record),
                ],
            );
        }
        let large = vec![1; 300_000];
        owner.commit(
            store,
            vec![
                append(3, 0, b""),
                append(3, 1, &large),
                append(3, 2, &large),
            ],
        );

        let check = |counter, from, bytes_max, expected: &[u32]| {
            let records = store.journal(entity(counter), from, bytes_max).unwrap();
            let numbers: Vec<u32> = records.iter().map(|record| record.number).collect();
            assert_eq!(
                numbers, expected,
                "{counter} from {from}, {bytes_max} bytes"
            );
        };
        check(1, 0, 6, &[0, 1, 2]);
        check(1, 0, 7, &[0, 1, 2]);
        check(1, 0, 0, &[0]);
        check(1, 1, 0, &[1]);
        check(1, 3, 5, &[3, 4]);
        check(1, 38, 1_000, &[38, 39]);
        check(1, 40, 1_000, &[]);
        check(1, 0, usize::MAX, &(0..40).collect::<Vec<_>>());
        check(2, 36, 1_000, &[36, 37]);
        check(3, 0, 300_000, &[0, 1]);
        check(3, 1, 599_999, &[1]);
        check(3, 1, 600_000, &[1, 2]);
        check(4, 0, 1_000, &[]);
        let records = store.journal(entity(1), 0, 4).unwrap();
        assert_eq!(
            (&records[0].bytes[..], &records[1].bytes[..]),
            (&b"00"[..], &b"11"[..])
        );
        assert_eq!(store.journal(entity(3), 2, 0).unwrap()[0].bytes, large);
        assert_eq!(store.journal(entity(3), 0, 0).unwrap()[0].bytes, b"");
        assert_eq!(store.last_entity().unwrap(), Some(entity(3)));
    });
}

#[test]
fn executions_are_found_by_name() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        assert_eq!(store.last_entity().unwrap(), None);
        let mut generated = execution(3, 1, "generated-3");
        generated.name_is_generated = true;
        let ended = ExecutionRow {
            status: 2,
            stopped_ms: Some(JANUARY + 5),
            definition: 7,
            ..execution(2, 2, "same")
        };
        for row in [execution(1, 1, "same"), ended.clone(), generated.clone()] {
            owner.commit(store, vec![Write::OpenExecution(row)]);
        }
        let find = |machine, name| store.find_execution(MachineNumber(machine), name).unwrap();
        assert_eq!(find(1, "same"), Some(entity(1)));
        assert_eq!(find(2, "same"), Some(entity(2)));
        assert_eq!(find(3, "same"), None);
        assert_eq!(find(1, "Same"), None);
        assert_eq!(find(1, ""), None);
        assert_eq!(find(1, "generated-3"), None);
        assert_eq!(store.execution(entity(3)).unwrap(), Some(generated));
        assert_eq!(store.execution(entity(2)).unwrap(), Some(ended));
        assert_eq!(store.execution(entity(9)).unwrap(), None);
        // A name that is used again, as AWS allows after 90 days.
        owner.commit(store, vec![Write::OpenExecution(execution(4, 1, "same"))]);
        assert_eq!(find(1, "same"), Some(entity(4)));
        let close = |counter, stopped_ms| Write::UpdateExecution {
            entity: entity(counter),
            status: 3,
            stopped_ms: Some(stopped_ms),
            redrive: None,
        };
        owner.commit(store, vec![close(1, JANUARY + 1), close(99, 5)]);
        let row = store.execution(entity(1)).unwrap().unwrap();
        assert_eq!((row.status, row.stopped_ms), (3, Some(JANUARY + 1)));
        assert_eq!(store.execution(entity(99)).unwrap(), None);
    });
}

/// Executions 1 to 30 of machines 0 and 1 in turn, with three statuses in turn; those of version 1
/// are every fifth, of version 2 every seventh, half of which were started by an alias.
fn thirty(store: &dyn Store, owner: &mut Owner) {
    for counter in 1..=30 {
        let mut row = execution(counter, counter % 2, &format!("n{counter}"));
        row.status = [0, 1, 200][usize::try_from(counter % 3).unwrap()];
        row.version = match counter {
            counter if counter % 5 == 0 => Some(1),
            counter if counter % 7 == 0 => Some(2),
            _ => None,
        };
        let is_aliased = row.version.is_some() && counter % 4 == 1;
        row.alias = is_aliased.then(|| "live".to_owned());
        owner.commit(store, vec![Write::OpenExecution(row)]);
    }
}

#[test]
fn executions_are_listed_newest_first() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        thirty(store, &mut owner);
        let close = Write::UpdateExecution {
            entity: entity(9),
            status: 1,
            stopped_ms: Some(JANUARY),
            redrive: None,
        };
        owner.commit(store, vec![close]);
        let check = |filter: &ExecutionFilter, before: Option<u64>, limit, expected: &[u64]| {
            let rows = store.list_executions(filter, before.map(entity), limit);
            let rows = rows.unwrap();
            let counters: Vec<u64> = rows.iter().map(|row| row.entity.counter()).collect();
            assert_eq!(counters, expected, "{filter:?} before {before:?}, {limit}");
        };
        let all = of(1);
        check(&all, None, 4, &[29, 27, 25, 23]);
        check(&all, Some(23), 3, &[21, 19, 17]);
        check(&all, Some(4), 9, &[3, 1]);
        check(&all, Some(1), 9, &[]);
        check(&all, None, 0, &[]);
        let statuses = |statuses: &[u8]| ExecutionFilter {
            statuses: statuses.to_vec(),
            ..of(1)
        };
        check(&statuses(&[0]), None, 99, &[27, 21, 15, 3]);
        check(&statuses(&[1]), None, 99, &[25, 19, 13, 9, 7, 1]);
        check(&statuses(&[1]), Some(13), 2, &[9, 7]);
        check(&statuses(&[200]), Some(20), usize::MAX, &[17, 11, 5]);
        check(&statuses(&[200, 0, 0, 3]), Some(22), 4, &[21, 17, 15, 11]);
        check(&statuses(&[3]), None, 99, &[]);
        check(&of(7), None, 9, &[]);
        let version = |version| ExecutionFilter {
            version: Some(version),
            ..of(1)
        };
        check(&version(1), None, 9, &[25, 15, 5]);
        check(&version(2), None, 9, &[21, 7]);
        check(&version(2), Some(21), 9, &[7]);
        check(&version(3), None, 9, &[]);
        let alias = |version, statuses: &[u8]| ExecutionFilter {
            statuses: statuses.to_vec(),
            version,
            alias: Some("live".to_owned()),
            ..of(1)
        };
        check(&alias(None, &[]), None, 9, &[25, 21, 5]);
        check(&alias(None, &[]), Some(25), 1, &[21]);
        check(&alias(None, &[0, 1]), None, 9, &[25, 21]);
        check(&alias(Some(1), &[]), None, 9, &[25, 5]);
        check(&alias(Some(1), &[200]), None, 9, &[5]);
        let other = ExecutionFilter {
            alias: Some("Live".to_owned()),
            ..of(1)
        };
        check(&other, None, 9, &[]);
        let count = |machine: Option<u64>, statuses: &[u8]| {
            let machine = machine.map(MachineNumber);
            store.count_executions(machine, statuses).unwrap()
        };
        assert_eq!(count(Some(1), &[0]), 4);
        assert_eq!(count(Some(1), &[0, 1, 0, 7]), 10);
        assert_eq!(count(None, &[0, 1, 200]), 30);
        assert_eq!(store.machines().unwrap(), [0, 1].map(MachineNumber));
        assert_eq!((count(None, &[]), count(Some(9), &[0])), (0, 0));
    });
}

#[test]
fn an_execution_is_redriven() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        let row = ExecutionRow {
            version: Some(u32::MAX),
            alias: Some("live".to_owned()),
            ..execution(1, 1, "one")
        };
        owner.commit(store, vec![Write::OpenExecution(row.clone())]);
        let update = |status, stopped_ms, redrive| Write::UpdateExecution {
            entity: entity(1),
            status,
            stopped_ms,
            redrive,
        };
        let check = |owner: &mut Owner, write, expected: ExecutionRow| {
            owner.commit(store, vec![write]);
            assert_eq!(
                store.execution(entity(1)).unwrap().as_ref(),
                Some(&expected)
            );
            let listed = store.list_executions(&of(1), None, 9).unwrap();
            assert_eq!(listed, [expected]);
        };
        let failed = ExecutionRow {
            status: 2,
            stopped_ms: Some(JANUARY + 5),
            ..row.clone()
        };
        check(&mut owner, update(2, Some(JANUARY + 5), None), failed);
        let redriven = ExecutionRow {
            redrive_count: 1,
            redriven_ms: Some(JANUARY + 9),
            ..row
        };
        check(
            &mut owner,
            update(0, None, Some((1, JANUARY + 9))),
            redriven.clone(),
        );
        let ended = ExecutionRow {
            status: 1,
            stopped_ms: Some(JANUARY + 20),
            ..redriven
        };
        check(&mut owner, update(1, Some(JANUARY + 20), None), ended);
    });
}

#[test]
fn wake_ups_are_replaced_and_removed() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        let wake = |counter, due_ms, owes_calls| Write::WakeUp {
            entity: entity(counter),
            due_ms,
            owes_calls,
        };
        let row = |counter, due_ms, owes_calls| WakeUp {
            entity: entity(counter),
            due_ms,
            owes_calls,
        };
        let first = vec![
            wake(5, Some(-1), false),
            wake(1, None, true),
            wake(3, Some(JANUARY), true),
            wake(2, Some(1), false),
            wake(4, None, false),
        ];
        owner.commit(store, first);
        owner.commit(store, vec![wake(2, None, false), wake(3, Some(7), false)]);
        let all = [
            row(1, None, true),
            row(3, Some(7), false),
            row(5, Some(-1), false),
        ];
        assert_eq!(store.wake_ups(None, 9).unwrap(), all);
        assert_eq!(store.wake_ups(Some(entity(1)), 1).unwrap(), all[1..2]);
        assert_eq!(store.wake_ups(Some(entity(5)), 1).unwrap(), []);
    });
}

#[test]
fn machines_have_numbers() {
    on_every_store(|store| {
        assert_eq!(store.known_machine("arn:a").unwrap(), None);
        let first = store.machine_number("arn:a").unwrap();
        let second = store.machine_number("arn:b").unwrap();
        assert_ne!(first, second);
        assert_eq!(store.machine_number("arn:a").unwrap(), first);
        assert_eq!(store.known_machine("arn:b").unwrap(), Some(second));
        assert_eq!(store.machine_arn(second).unwrap().as_deref(), Some("arn:b"));
        assert_eq!(store.machine_arn(MachineNumber(0)).unwrap(), None);
        assert_eq!(store.machine_arn(MachineNumber(99)).unwrap(), None);
    });
}

#[test]
fn documents_change_under_their_revision() {
    on_every_store(|store| {
        let put = |key: &str, body: &str, expected| {
            store.put_document(Kind::Role, key, body.as_bytes(), expected)
        };
        let conflict = |result: Result<u64>, expected: Option<u64>| match result.unwrap_err() {
            Error::Conflict { found, .. } => assert_eq!(found, expected),
            error => panic!("{error}"),
        };
        let first = put("a", "1", Expected::Absent).unwrap();
        conflict(put("a", "2", Expected::Absent), Some(first));
        conflict(put("b", "2", Expected::Revision(first)), None);
        let second = put("a", "2", Expected::Revision(first)).unwrap();
        assert!(second > first);
        conflict(put("a", "3", Expected::Revision(first)), Some(second));
        let third = put("a", "3", Expected::Any).unwrap();
        let document = store.document(Kind::Role, "a").unwrap().unwrap();
        assert_eq!((document.revision, &document.body[..]), (third, &b"3"[..]));
        assert_eq!(store.document(Kind::Policy, "a").unwrap(), None);

        let delete = |key, expected| store.delete_document(Kind::Role, key, expected);
        conflict(
            delete("a", Expected::Revision(second)).map(u64::from),
            Some(third),
        );
        assert!(delete("a", Expected::Revision(third)).unwrap());
        assert!(!delete("a", Expected::Any).unwrap());
        conflict(delete("a", Expected::Revision(third)).map(u64::from), None);
        assert_eq!(store.document(Kind::Role, "a").unwrap(), None);
        // A revision is never given again, so that an old one can't match.
        assert!(put("a", "4", Expected::Absent).unwrap() > third);
        let text = put("a", "5", Expected::Absent).unwrap_err().to_string();
        assert!(text.contains("`a`"), "{text}");
    });
}

#[test]
fn documents_are_listed_by_prefix() {
    on_every_store(|store| {
        for key in ["b/2", "a", "b/1", "b", "b/ü", "b0", "b/10", "c%", "c_"] {
            store
                .put_document(Kind::Tags, key, key.as_bytes(), Expected::Any)
                .unwrap();
        }
        store
            .put_document(Kind::Setting, "b/0", b"", Expected::Any)
            .unwrap();
        let check = |prefix, after, limit, expected: &[&str]| {
            let found = store
                .list_documents(Kind::Tags, prefix, after, limit)
                .unwrap();
            let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, expected, "`{prefix}` after {after:?}");
            assert!(
                found
                    .iter()
                    .all(|(key, document)| document.body == key.as_bytes())
            );
        };
        check("b/", None, 9, &["b/1", "b/10", "b/2", "b/ü"]);
        check("b/", Some("b/1"), 2, &["b/10", "b/2"]);
        check("b/", Some("a"), 1, &["b/1"]);
        check("b/", Some("b/ü"), 9, &[]);
        check("b/", Some("z"), 9, &[]);
        check(
            "",
            None,
            99,
            &["a", "b", "b/1", "b/10", "b/2", "b/ü", "b0", "c%", "c_"],
        );
        check("c_", None, 9, &["c_"]);
        check("", None, 0, &[]);
    });
}

#[test]
fn definitions_last_as_long_as_they_are_used() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        let numbers = [1, 2, 3, 4, 5].map(|byte| store.add_definition(&[byte; 9]).unwrap());
        assert!(numbers[0] > 0);
        assert_eq!(store.definition(numbers[1]).unwrap(), Some(vec![2; 9]));
        assert_eq!(store.definition(0).unwrap(), None);
        let row = ExecutionRow {
            definition: numbers[1],
            ..execution(1, 1, "one")
        };
        owner.commit(store, vec![Write::OpenExecution(row)]);
        // Those above the highest one named may be newer than the list.
        assert_eq!(store.expire_definitions(&[]).unwrap(), 0);
        assert_eq!(store.expire_definitions(&[numbers[2]]).unwrap(), 1);
        assert_eq!(store.expire_definitions(&[numbers[2], 999]).unwrap(), 1);
        let left = numbers.map(|number| store.definition(number).unwrap().is_some());
        assert_eq!(left, [false, true, true, false, true]);
        assert!(store.add_definition(b"new").unwrap() > numbers[4]);
    });
}

/// One call after the other until nothing is left to do.
fn expire(store: &dyn Store, ended_before_ms: i64, rows_max: usize) -> Expired {
    let mut total = Expired::default();
    for _ in 0..1_000 {
        let expired = store.expire(ended_before_ms, rows_max).unwrap();
        assert!(expired.executions <= rows_max as u64);
        total.executions += expired.executions;
        total.months += expired.months;
        if !expired.more {
            return total;
        }
    }
    panic!("expiry doesn't end");
}

/// Ten executions a month in January, February and March, ended the next day but for the last one
/// of February; and a queue.
fn three_months(store: &dyn Store, owner: &mut Owner) {
    owner.commit(store, vec![append(1, 0, b"queue")]);
    for counter in 10..40 {
        let month = i64::try_from(counter / 10).unwrap() - 1;
        let started_ms = JANUARY + month * 31 * DAY;
        let row = ExecutionRow {
            started_ms,
            ..execution(counter, 1, &format!("n{counter}"))
        };
        let row = Write::OpenExecution(row);
        owner.commit(
            store,
            vec![append(counter, 0, b"zero"), row, append(counter, 1, b"one")],
        );
        let stopped_ms = started_ms + DAY;
        let close = Write::UpdateExecution {
            entity: entity(counter),
            status: 1,
            stopped_ms: Some(stopped_ms),
            redrive: None,
        };
        if counter != 29 {
            owner.commit(store, vec![close]);
        }
    }
    owner.commit(store, vec![append(1, 1, b"queue")]);
}

#[test]
fn months_expire_whole() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        three_months(store, &mut owner);

        assert_eq!(expire(store, JANUARY, 3), Expired::default());
        assert_eq!(expire(store, JANUARY + DAY, 3), Expired::default());
        let january = Expired {
            executions: 10,
            months: 1,
            more: false,
        };
        assert_eq!(expire(store, JANUARY + DAY + 1, 3), january);
        assert_eq!(expire(store, JANUARY + 365 * DAY, 3), Expired::default());
        assert_eq!(store.journal(entity(19), 0, 99).unwrap(), []);
        assert_eq!(store.execution(entity(19)).unwrap(), None);
        assert_eq!(store.find_execution(MachineNumber(1), "n19").unwrap(), None);
        assert_eq!(store.journal(entity(20), 0, 99).unwrap().len(), 2);
        assert_eq!(
            store.find_execution(MachineNumber(1), "n20").unwrap(),
            Some(entity(20))
        );

        let stopped_ms = JANUARY + 60 * DAY;
        let close = Write::UpdateExecution {
            entity: entity(29),
            status: 1,
            stopped_ms: Some(stopped_ms),
            redrive: None,
        };
        owner.commit(store, vec![close]);
        assert_eq!(expire(store, stopped_ms, 3), Expired::default());
        let february = Expired {
            executions: 10,
            months: 1,
            more: false,
        };
        assert_eq!(expire(store, stopped_ms + 1, 1_000), february);
        // The latest month stays, and so does the journal of what is no execution.
        assert_eq!(expire(store, i64::MAX, 1_000), Expired::default());
        assert_eq!(store.journal(entity(39), 1, 99).unwrap()[0].bytes, b"one");
        assert_eq!(store.journal(entity(1), 0, 99).unwrap().len(), 2);
        assert_eq!(store.list_executions(&of(1), None, 99).unwrap().len(), 10);
        assert_eq!(store.last_entity().unwrap(), Some(entity(39)));
        assert_eq!(store.check().unwrap().executions, 10);
    });
}

#[test]
fn a_check_counts() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        let wake = Write::WakeUp {
            entity: entity(1),
            due_ms: Some(1),
            owes_calls: false,
        };
        let writes = vec![
            append(1, 0, b"x"),
            Write::OpenExecution(execution(1, 1, "a")),
            wake,
        ];
        owner.commit(store, writes);
        store
            .put_document(Kind::Function, "f", b"", Expected::Any)
            .unwrap();
        store.add_definition(b"{}").unwrap();
        let found = store.check().unwrap();
        assert!(found.bytes > 0);
        let expected = Integrity {
            problems: vec![],
            executions: 1,
            wake_ups: 1,
            documents: 1,
            definitions: 1,
            bytes: found.bytes,
        };
        assert_eq!(found, expected);
    });
}

#[test]
fn planned_faults_happen_once_each() {
    let store = Memory::new();
    let mut owner = Owner::of(&store);
    store.plan([
        Fault::None,
        Fault::Fenced,
        Fault::UnknownApplied,
        Fault::UnknownNotApplied,
    ]);
    owner.commit(&store, vec![append(1, 0, b"x")]);
    let batch = owner.batch(ShardId(1), vec![append(1, 1, b"x")]);
    let batches = std::slice::from_ref(&batch);
    assert_eq!(store.commit(batches), [Committed::Fenced]);
    assert_eq!(store.commit(batches), [Committed::Unknown]);
    assert!(store.trouble().is_some());
    assert_eq!(store.sequence(ShardId(1)).unwrap().1, 2);
    assert_eq!(store.trouble(), None);
    let batch = owner.batch(ShardId(1), vec![append(1, 2, b"x")]);
    let batches = std::slice::from_ref(&batch);
    assert_eq!(store.commit(batches), [Committed::Unknown]);
    assert_eq!(store.commit(batches), [Committed::Unknown], "not settled");
    assert_eq!(store.sequence(ShardId(1)).unwrap().1, 2);

    let crashed = store.crash();
    assert_eq!(store.commit(batches), [Committed::Ok]);
    assert_eq!(crashed.journal(entity(1), 0, 99).unwrap().len(), 2);
    assert_eq!(store.journal(entity(1), 0, 99).unwrap().len(), 3);
}

#[test]
fn what_is_to_be_shown_is_kept_until_it_was() {
    on_every_store(|store| {
        let mut owner = Owner::of(store);
        let unseen = |ticket, counters: &[u64]| Unseen {
            ticket,
            records: counters
                .iter()
                .map(|counter| (entity(*counter), 0))
                .collect(),
        };
        let note = |ticket, counters: &[u64]| {
            let appended = counters.iter().map(|counter| append(*counter, 0, b"x"));
            let unseen = Write::Unseen(unseen(ticket, counters));
            appended.chain([unseen]).collect::<Vec<_>>()
        };
        owner.commit(store, note(7, &[1, 2]));
        owner.commit(store, note(8, &[3]));
        owner.commit(store, note(u64::MAX >> 1, &[]));
        let (first, second) = (unseen(7, &[1, 2]), unseen(8, &[3]));
        let last = unseen(u64::MAX >> 1, &[]);
        assert_eq!(
            store.unseen(None, 9).unwrap(),
            [first.clone(), second.clone(), last.clone()]
        );
        assert_eq!(store.unseen(Some(7), 1).unwrap(), [second]);
        // What was fenced was never committed.
        let mut stale = owner.batch(ShardId(2), note(9, &[4]));
        stale.epoch = Epoch(0);
        assert_eq!(store.commit(&[stale]), [Committed::Fenced]);
        store.seen(&[8..=8, 100..=200]).unwrap();
        assert_eq!(store.unseen(None, 9).unwrap(), [first, last]);
        store.seen(&[0..=u64::MAX >> 1]).unwrap();
        assert_eq!(store.unseen(None, 9).unwrap(), []);
    });
}

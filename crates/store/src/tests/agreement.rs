//! Random operations: the SQLite store agrees with the one in memory, also after being reopened and
//! when opened from a copy of its files.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::sqlite::crash_image;

#[derive(Debug, Clone)]
enum Operation {
    /// Commits what has gathered.
    Commit,
    Open {
        machine: u64,
        name: u16,
        generated: bool,
        ended: bool,
        version: Option<u32>,
    },
    /// Appends to the entity this many before the last one.
    Append {
        back: u64,
        bytes: usize,
    },
    Lasting,
    Close {
        back: u64,
        status: u8,
    },
    Redrive {
        back: u64,
        count: u32,
    },
    WakeUp {
        back: u64,
        due_ms: Option<i64>,
        owes_calls: bool,
    },
    Days(u8),
    Expire {
        days: u8,
        rows_max: usize,
    },
    Put {
        key: u8,
        expected: Expected,
    },
    Delete {
        key: u8,
    },
    Definition,
    Machine(u8),
    /// Commits an empty batch under the epoch before.
    Stale,
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let expected = prop_oneof![
        Just(Expected::Any),
        Just(Expected::Absent),
        (0..20_u64).prop_map(Expected::Revision)
    ];
    let bytes = prop_oneof![9 => 0..300_usize, 1 => 20_000..90_000_usize];
    prop_oneof![
        8 => Just(Commit),
        30 => (
            (0..2_u64, 0..400_u16, prop::bool::weighted(0.2)),
            (any::<bool>(), prop::option::weighted(0.4, 1..4_u32)),
        )
            .prop_map(|((machine, name, generated), (ended, version))| {
                Open { machine, name, generated, ended, version }
            }),
        10 => (0..9_u64, bytes).prop_map(|(back, bytes)| Append { back, bytes }),
        1 => Just(Lasting),
        10 => (0..99_u64, 0..6_u8).prop_map(|(back, status)| Close { back, status }),
        3 => (0..99_u64, 1..9_u32).prop_map(|(back, count)| Redrive { back, count }),
        5 => (0..99_u64, prop::option::of(0..99_i64), any::<bool>())
            .prop_map(|(back, due_ms, owes_calls)| WakeUp { back, due_ms, owes_calls }),
        2 => (0..20_u8).prop_map(Days),
        1 => (0..90_u8, 1..50_usize).prop_map(|(days, rows_max)| Expire { days, rows_max }),
        2 => (0..4_u8, expected).prop_map(|(key, expected)| Put { key, expected }),
        1 => (0..4_u8).prop_map(|key| Delete { key }),
        1 => Just(Definition),
        1 => (0..4_u8).prop_map(Machine),
        1 => Just(Stale),
        1 => Just(Reopen),
    ]
}

/// Both stores and what the test knows of them.
struct Pair {
    memory: Memory,
    sqlite: Option<Sqlite>,
    folder: TempDir,
    owner: Owner,
    group: Vec<Batch>,
    /// Entities opened, with the number of records each will have when the group is committed.
    entities: Vec<(EntityId, u32)>,
    /// Nothing is appended to an execution that is gone.
    expired: BTreeSet<EntityId>,
    now_ms: i64,
}

impl Pair {
    fn new() -> Pair {
        let folder = TempDir::new().unwrap();
        let (memory, sqlite) = (
            Memory::new(),
            Sqlite::open_colliding(folder.path()).unwrap(),
        );
        let owner = Owner::of(&memory);
        Owner::of(&sqlite);
        let (sqlite, entities) = (Some(sqlite), Vec::new());
        Pair {
            memory,
            sqlite,
            folder,
            owner,
            group: vec![],
            entities,
            expired: BTreeSet::new(),
            now_ms: JANUARY,
        }
    }

    fn stores(&self) -> [&dyn Store; 2] {
        [&self.memory, self.sqlite.as_ref().unwrap()]
    }

    fn both<T: PartialEq + std::fmt::Debug>(&self, call: impl Fn(&dyn Store) -> T) {
        let [memory, sqlite] = self.stores().map(call);
        assert_eq!(memory, sqlite);
    }

    fn commit(&mut self) {
        let group = std::mem::take(&mut self.group);
        self.both(|store| (store.commit(&group), store.trouble()));
    }

    fn add(&mut self, entity: EntityId, writes: Vec<Write>) {
        let batch = self.owner.batch(entity.shard(), writes);
        self.group.push(batch);
    }

    fn next_entity(&self) -> EntityId {
        let counter = self.entities.len() as u64 + 1;
        EntityId::new(counter, ShardId(u16::try_from(counter % 5).unwrap()))
    }

    fn earlier(&mut self, back: u64) -> Option<&mut (EntityId, u32)> {
        let place = self
            .entities
            .len()
            .checked_sub(usize::try_from(back).unwrap() + 1)?;
        self.entities.get_mut(place)
    }

    fn open(&mut self, row: ExecutionRow) {
        let entity = row.entity;
        self.entities.push((entity, 1));
        let record = entity.0.to_le_bytes().repeat(20);
        let append = Write::Append {
            entity,
            number: 0,
            record,
        };
        self.add(entity, vec![append, Write::OpenExecution(row)]);
    }

    fn append(&mut self, back: u64, bytes: usize) {
        let expired = self.expired.clone();
        let Some((entity, records)) = self.earlier(back) else {
            return;
        };
        if expired.contains(entity) {
            return;
        }
        let (entity, number) = (*entity, *records);
        *records += 1;
        let record = vec![u8::try_from(number % 251).unwrap(); bytes];
        self.add(
            entity,
            vec![Write::Append {
                entity,
                number,
                record,
            }],
        );
    }

    fn update(
        &mut self,
        back: u64,
        status: u8,
        stopped_ms: Option<i64>,
        redrive: Option<(u32, i64)>,
    ) {
        let Some((entity, _)) = self.earlier(back) else {
            return;
        };
        let entity = *entity;
        let update = Write::UpdateExecution {
            entity,
            status,
            stopped_ms,
            redrive,
        };
        self.add(entity, vec![update]);
    }

    fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Commit => self.commit(),
            Operation::Open {
                machine,
                name,
                generated,
                ended,
                version,
            } => self.open(ExecutionRow {
                entity: self.next_entity(),
                machine: MachineNumber(machine),
                name: format!("name-{name}"),
                name_is_generated: generated,
                status: u8::from(ended),
                started_ms: self.now_ms,
                stopped_ms: ended.then_some(self.now_ms),
                definition: u64::from(name % 3),
                version,
                // Version 2 has two aliases, the others none.
                alias: version
                    .filter(|version| *version == 2)
                    .map(|_| format!("alias-{}", name % 2)),
                ..ExecutionRow::default()
            }),
            Operation::Append { back, bytes } => self.append(back, bytes),
            Operation::Lasting => {
                let entity = self.next_entity();
                self.entities.push((entity, 1));
                self.add(
                    entity,
                    vec![Write::Append {
                        entity,
                        number: 0,
                        record: vec![],
                    }],
                );
            }
            Operation::Close { back, status } => {
                self.update(back, status, Some(self.now_ms), None);
            }
            Operation::Redrive { back, count } => {
                self.update(back, 0, None, Some((count, self.now_ms)));
            }
            Operation::WakeUp {
                back,
                due_ms,
                owes_calls,
            } => {
                let Some((entity, _)) = self.earlier(back) else {
                    return;
                };
                let entity = *entity;
                self.add(
                    entity,
                    vec![Write::WakeUp {
                        entity,
                        due_ms,
                        owes_calls,
                    }],
                );
            }
            Operation::Days(days) => self.now_ms += i64::from(days) * DAY,
            ref other => self.apply_at_once(other),
        }
    }

    /// Operations that aren't part of a group: what has gathered is committed before.
    fn apply_at_once(&mut self, operation: &Operation) {
        self.commit();
        match *operation {
            Operation::Expire { days, rows_max } => {
                let horizon = self.now_ms - i64::from(days) * DAY;
                self.both(|store| expire(store, horizon, rows_max));
                let entities = self.entities.iter().map(|(entity, _)| *entity);
                let gone = entities
                    .filter(|entity| self.memory.journal(*entity, 0, 0).unwrap().is_empty());
                self.expired = gone.collect();
            }
            Operation::Put { key, expected } => {
                let key = format!("key-{key}");
                self.both(|store| {
                    let put = store.put_document(Kind::Setting, &key, key.as_bytes(), expected);
                    put.map_err(|error| error.to_string())
                });
            }
            Operation::Delete { key } => {
                let key = format!("key-{key}");
                let delete = |store: &dyn Store| {
                    store
                        .delete_document(Kind::Setting, &key, Expected::Any)
                        .unwrap()
                };
                self.both(delete);
            }
            Operation::Definition => {
                self.both(|store| store.add_definition(b"{}").unwrap());
                self.both(|store| store.expire_definitions(&[u64::MAX]).unwrap());
            }
            Operation::Machine(number) => {
                let arn = format!("arn:{number}");
                self.both(|store| store.machine_number(&arn).unwrap());
            }
            Operation::Stale => {
                let stale = self.owner.batch(ShardId(3), vec![]);
                self.owner = Owner::of(&self.memory);
                Owner::of(self.sqlite.as_ref().unwrap());
                self.both(|store| store.commit(std::slice::from_ref(&stale)));
            }
            _ => {
                let image = TempDir::new().unwrap();
                crash_image(self.folder.path(), image.path());
                self.compare(&Sqlite::open_colliding(image.path()).unwrap());
                self.sqlite = None;
                self.sqlite = Some(Sqlite::open_colliding(self.folder.path()).unwrap());
            }
        }
    }

    /// Everything a store shows.
    fn compare(&self, sqlite: &Sqlite) {
        let agree = |call: &dyn Fn(&dyn Store) -> String| {
            assert_eq!(call(&self.memory), call(sqlite));
        };
        for (entity, _) in &self.entities {
            agree(&|store| format!("{:?}", store.journal(*entity, 0, usize::MAX).unwrap()));
            agree(&|store| format!("{:?}", store.journal(*entity, 1, 100).unwrap()));
            agree(&|store| format!("{:?}", store.execution(*entity).unwrap()));
        }
        for machine in [MachineNumber(0), MachineNumber(1)] {
            for name in (0..400).map(|name| format!("name-{name}")) {
                agree(&|store| format!("{:?}", store.find_execution(machine, &name).unwrap()));
            }
        }
        let middle = self.entities.get(self.entities.len() / 2);
        for filter in filters() {
            for before in [None, middle.map(|(entity, _)| *entity)] {
                let list = |store: &dyn Store| store.list_executions(&filter, before, 50);
                agree(&|store| format!("{filter:?}: {:?}", list(store).unwrap()));
            }
        }
        agree(&|store| format!("{:?}", store.machines().unwrap()));
        for machine in [None, Some(MachineNumber(1)), Some(MachineNumber(7))] {
            for statuses in [&[0_u8][..], &[1, 5, 1], &[]] {
                agree(&|store| format!("{:?}", store.count_executions(machine, statuses).unwrap()));
            }
        }
        let documents = |store: &dyn Store| store.list_documents(Kind::Setting, "key", None, 9);
        agree(&|store| format!("{:?}", documents(store).unwrap()));
        agree(&|store| format!("{:?}", store.wake_ups(None, usize::MAX).unwrap()));
        agree(&|store| format!("{:?}", store.last_entity().unwrap()));
        for shard in 0..5 {
            agree(&|store| format!("{:?}", store.sequence(ShardId(shard)).unwrap()));
        }
        agree(&|store| {
            let found = store.check().unwrap();
            format!("{:?}", Integrity { bytes: 0, ..found })
        });
    }
}

/// Every kind of filter.
fn filters() -> impl Iterator<Item = ExecutionFilter> {
    let qualifiers = [
        (None, None),
        (Some(1), None),
        (Some(2), None),
        (None, Some("alias-0")),
        (Some(2), Some("alias-1")),
        (Some(1), Some("alias-1")),
    ];
    let statuses: [&[u8]; 5] = [&[], &[0], &[1], &[5], &[0, 5, 3]];
    let each = move |machine| {
        qualifiers.into_iter().flat_map(move |(version, alias)| {
            statuses.map(|statuses| ExecutionFilter {
                machine: MachineNumber(machine),
                statuses: statuses.to_vec(),
                version,
                alias: alias.map(str::to_owned),
            })
        })
    };
    (0..2).flat_map(each)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn sqlite_agrees_with_memory(operations in prop::collection::vec(operation(), 1..400)) {
        let mut pair = Pair::new();
        for operation in &operations {
            pair.apply(operation);
        }
        pair.commit();
        pair.compare(pair.sqlite.as_ref().unwrap());
    }
}

//! Every case again, through records: cut after each commit, folded, and continued.

use engine::ExecutionStatus;
use engine::journal::{self, JournalError};
use engine::record::{Compressor, Encoder};
use engine::shard::route;
use store::{Batch, Committed, EntityId, ExecutionRow, Memory, Store, Write};

use super::file::{EXECUTION_ARN, EXECUTION_NAME, MACHINE_ARN};
use super::{Commit, Played, Step, difference, files, play};

/// The entity of every case, in the shard of its ARN.
pub(crate) fn entity() -> EntityId {
    EntityId::new(7, route(EXECUTION_ARN))
}

/// The records of one execution.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    pub(crate) records: Vec<Vec<u8>>,
}

impl Journal {
    /// The records of these commits, as the engine writes them.
    pub(crate) fn of<'c>(commits: impl Iterator<Item = &'c Commit>) -> Journal {
        let mut journal = Journal::default();
        journal.append(&mut Encoder::new(entity()), commits);
        journal
    }

    /// Writes on, with the encoder that has written so far.
    pub(crate) fn append<'c>(
        &mut self,
        encoder: &mut Encoder,
        commits: impl Iterator<Item = &'c Commit>,
    ) {
        let mut compressor = Compressor::default();
        for commit in commits {
            self.records
                .push(encoder.encode(commit.time, &commit.events, &mut compressor));
        }
    }

    /// A store that holds these records, the execution's row and what it waits for.
    pub(crate) fn store(
        &self,
        status: ExecutionStatus,
        due_ms: Option<i64>,
        owes_calls: bool,
    ) -> Memory {
        let store = Memory::new();
        let (entity, shard) = (entity(), entity().shard());
        let machine = store.machine_number(MACHINE_ARN).unwrap();
        let (epoch, sequence) = store.acquire(&[shard]).unwrap()[0];
        let open = Write::OpenExecution(ExecutionRow {
            entity,
            machine,
            name: EXECUTION_NAME.into(),
            name_is_generated: false,
            status: status.code(),
            started_ms: 0,
            stopped_ms: (status != ExecutionStatus::Running).then_some(0),
            ..ExecutionRow::default()
        });
        let append = |(number, record): (u32, &Vec<u8>)| Write::Append {
            entity,
            number,
            record: record.clone(),
        };
        let wake_up = Write::WakeUp {
            entity,
            due_ms,
            owes_calls,
        };
        let records = (0..).zip(&self.records).map(append);
        let writes = [open].into_iter().chain(records).chain([wake_up]).collect();
        let batch = Batch {
            shard,
            epoch,
            sequence: sequence + 1,
            writes,
        };
        assert_eq!(store.commit(&[batch]), [Committed::Ok]);
        store
    }

    /// The fold of the records.
    pub(crate) fn load(&self) -> Result<journal::Loaded, engine::Error> {
        let store = self.store(ExecutionStatus::Running, None, false);
        journal::load(&store, entity()).map(|loaded| loaded.expect("a journal"))
    }
}

fn commits(steps: &[Step]) -> impl Iterator<Item = &Commit> {
    steps.iter().filter_map(|step| step.commit.as_ref())
}

fn each_case(mut check: impl FnMut(&str, Played)) {
    for (_, file) in files() {
        for case in &file.cases {
            check(&case.name, play(case));
        }
    }
}

#[test]
fn a_run_cut_after_any_commit_goes_on_as_it_would_have() {
    let mut cuts = 0;
    each_case(|name, played| {
        let whole = Journal::of(commits(&played.steps));
        let mut kept = Journal::default();
        for (at, step) in played.steps.iter().enumerate() {
            if step.commit.is_some() {
                kept.records.push(whole.records[kept.records.len()].clone());
                go_on(name, &played, at + 1, kept.clone());
                cuts += 1;
            }
        }
    });
    println!("{cuts} cuts");
}

/// Folds the records written before the step `next`, and takes the steps from there on.
fn go_on(name: &str, played: &Played, next: usize, mut journal: Journal) {
    let loaded = journal.load().unwrap();
    let mut sim = played
        .steps
        .get(next)
        .map_or(&played.last, |step| &step.before)
        .clone();
    let place = format!("{name}, after step {next}");
    assert_eq!(loaded.run, sim.run, "{place}");
    let owed = |run: &asl::run::Run| {
        let (calls, watches) = (run.owed_calls(&sim.program), run.owed_watches(&sim.program));
        (calls, watches, run.owed_cancels(&sim.program))
    };
    assert_eq!(owed(&loaded.run), owed(&sim.run), "{place}");
    sim.run = loaded.run;
    let mut commits = Vec::new();
    for step in &played.steps[next..] {
        let (lines, commit) = sim.take(step.moment, &step.input);
        if let Some(difference) = difference(&step.lines, &lines) {
            panic!("{place}\n{difference}");
        }
        commits.extend(commit);
    }
    if !commits.is_empty() {
        let mut encoder = loaded.encoder;
        journal.append(&mut encoder, commits.iter());
        assert_eq!(journal.load().unwrap().run, played.last.run, "{place}");
    }
}

/// Bytes changed in each case's record, spread over it.
const CHANGES: usize = 48;

#[test]
fn a_changed_byte_is_reported_with_its_execution_and_record() {
    let mut changes = 0;
    each_case(|name, played| {
        let mut journal = Journal::of(commits(&played.steps));
        if journal.records.is_empty() {
            return;
        }
        let last = changes % journal.records.len();
        journal.records.truncate(last + 1);
        let len = journal.records[last].len();
        let stride = len.div_ceil(CHANGES);
        for at in (0..CHECKED_ALWAYS.min(len)).chain((0..len).step_by(stride)) {
            let mut changed = journal.clone();
            changed.records[last][at] ^= 1 << (at % 8);
            check_reported(&format!("{name}, byte {at} of {len}"), &changed, last);
            changes += 1;
        }
        let mut cut = journal.clone();
        cut.records[last].truncate(len / 2);
        check_reported(&format!("{name}, cut"), &cut, last);
    });
    println!("{changes} changed bytes");
}

/// Version, checksum and flags.
const CHECKED_ALWAYS: usize = 6;

fn check_reported(place: &str, journal: &Journal, record: usize) {
    let record = u32::try_from(record).unwrap();
    let error = journal.load().map(|loaded| loaded.run).expect_err(place);
    let engine::Error::Journal(error) = error else {
        panic!("{place}: {error:?}")
    };
    let (execution, number) = match &error {
        JournalError::Damaged {
            execution, record, ..
        }
        | JournalError::Foreign {
            execution, record, ..
        } => (execution.as_str(), *record),
        JournalError::Empty { .. } => panic!("{place}: {error}"),
    };
    assert_eq!((execution, number), (EXECUTION_ARN, record), "{place}");
    let text = error.to_string();
    assert!(
        text.contains(EXECUTION_ARN) && text.contains(&record.to_string()),
        "{text}"
    );
}

//! Random valid definitions with random outcomes. Whatever happens, the history is one that AWS
//! could have written ([`crate::cases`] checks each event and each decision), nothing waits for
//! nobody, and a crash at any commit changes nothing.
//!
//! ```text
//! LOCKSTEP_SEED=17 cargo test -p harness drawn -- --nocapture    one seed, with its history
//! LOCKSTEP_SEEDS=20000 cargo test -p harness drawn               many seeds
//! ```

mod cuts;
mod definition;
mod redriven;
mod world;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use asl::decide::Input;
use asl::event::{Event, EventKind};
use asl::history::EVENT_TYPES;
use parking_lot::Mutex;

use crate::dice::Dice;
use crate::seeds::{self, variable};
use world::Life;

/// Seeds of the gate.
const SEEDS: u64 = 200;

/// A fault must be caught within this many seeds.
const SEEDS_TO_CATCH: u64 = 60;

/// What seeds met in all.
#[derive(Default)]
struct Met {
    kinds: Mutex<BTreeSet<&'static str>>,
    ends: Mutex<BTreeSet<String>>,
    events: AtomicUsize,
    refused: AtomicUsize,
    heavy: AtomicUsize,
    cuts: AtomicUsize,
}

impl Met {
    fn note(&self, life: &Life) {
        let commits = life.steps.iter().filter_map(|step| step.commit.as_ref());
        let events: usize = commits.map(|commit| commit.events.len()).sum();
        self.events.fetch_add(events, Ordering::Relaxed);
        let refused = life.steps.iter().filter(|step| step.commit.is_none());
        self.refused.fetch_add(refused.count(), Ordering::Relaxed);
        self.heavy.fetch_add(life.heavy, Ordering::Relaxed);
        let Some(last) = life.steps.last() else {
            return;
        };
        self.kinds.lock().extend(last.after.kinds());
        let status = format!("{:?}", last.after.run.status);
        self.ends.lock().insert(status);
    }
}

fn check(seed: u64, met: &Met) -> Result<(), String> {
    let life = world::live(seed);
    met.note(&life);
    let cuts = cuts::check(&life, &mut Dice::new(!seed), |_| true);
    let cuts = cuts.map_err(|why| format!("seed {seed}: {}\n{why}", life.definition))?;
    met.cuts.fetch_add(cuts, Ordering::Relaxed);
    Ok(())
}

fn show(seed: u64) {
    let life = world::live(seed);
    println!("{}", life.definition);
    let mut sim = life.begin.clone();
    for step in &life.steps {
        match &step.input {
            Input::Start(start) => println!("> start {}", start.input),
            input => println!("> {input:?}"),
        }
        let (lines, _) = sim.take(step.moment, &step.input);
        lines.iter().for_each(|line| println!("{line}"));
    }
}

#[test]
fn drawn_executions_survive_a_crash_at_any_commit() {
    let met = Met::default();
    let one = variable("LOCKSTEP_SEED");
    let problems = match (one, variable("LOCKSTEP_SEEDS")) {
        (Some(seed), _) => {
            show(seed);
            seeds::check_all(std::iter::once(seed), |seed| check(seed, &met))
        }
        (None, seeds) => seeds::check_all(0..seeds.unwrap_or(SEEDS), |seed| check(seed, &met)),
    };
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    let Met {
        kinds,
        ends,
        events,
        refused,
        heavy,
        cuts,
    } = met;
    println!("{events:?} events, {refused:?} refused inputs, {heavy:?} heavy ones, {cuts:?} cuts");
    if one.is_none() {
        // A draw that leaves something out shows nothing about it.
        let (kinds, ends) = (kinds.into_inner(), ends.into_inner());
        let missing = EVENT_TYPES.iter().filter(|kind| !kinds.contains(*kind));
        let missing: Vec<_> = missing.collect();
        assert!(missing.is_empty(), "no seed met {missing:?}");
        assert_eq!(ends.len(), 4, "{ends:?}");
    }
}

#[test]
fn a_redriven_execution_comes_to_the_end_of_an_unbroken_one() {
    let seeds = variable("LOCKSTEP_SEEDS").unwrap_or(SEEDS);
    let breaks = AtomicUsize::new(0);
    let problems = seeds::check_all(0..seeds, |seed| {
        let count = redriven::check(seed)?;
        breaks.fetch_add(count, Ordering::Relaxed);
        Ok(())
    });
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    println!("{breaks:?} redrives");
    assert!(breaks.into_inner() > 0, "no execution was broken");
}

/// Whether journals that lack such events are noticed within the first seeds.
fn is_caught(keeps: fn(&Event) -> bool) -> bool {
    (0..SEEDS_TO_CATCH).any(|seed| {
        let life = world::live(seed);
        cuts::check(&life, &mut Dice::new(!seed), keeps).is_err()
    })
}

#[test]
fn a_journal_that_forgets_is_caught() {
    let forgotten: [fn(&Event) -> bool; 6] = [
        |event| !matches!(event.kind, EventKind::BranchesCut),
        |event| !matches!(event.kind, EventKind::BranchSucceeded),
        |event| !matches!(event.kind, EventKind::RetryAt { .. }),
        |event| !matches!(event.kind, EventKind::MapIterationSucceeded { .. }),
        |event| !matches!(event.kind, EventKind::Yielded { .. }),
        |event| !matches!(event.kind, EventKind::JobCancelled { .. }),
    ];
    for (at, keeps) in forgotten.into_iter().enumerate() {
        assert!(is_caught(keeps), "fault {at} is not caught");
    }
}

//! A crash at every commit: what the journal's bytes fold to goes on as if nothing had happened.

use asl::event::Event;
use engine::journal::Loaded;

use super::world::{Life, Step};
use crate::cases::{Commit, Journal};
use crate::dice::Dice;

/// One cut in so many is followed to the end, the others for one step.
const WHOLE_ONE_IN: u64 = 8;

/// Cuts a life after each of its commits. Answers how many cuts that were. A journal that does not
/// keep every event is a fault on purpose.
pub(super) fn check(
    life: &Life,
    dice: &mut Dice,
    keeps: fn(&Event) -> bool,
) -> Result<usize, String> {
    let commits = life.steps.iter().filter_map(|step| step.commit.as_ref());
    let written: Vec<Commit> = commits
        .map(|commit| Commit {
            time: commit.time,
            events: commit
                .events
                .iter()
                .filter(|it| keeps(it))
                .cloned()
                .collect(),
        })
        .collect();
    let whole = Journal::of(written.iter());
    let mut kept = Journal::default();
    for (at, step) in life.steps.iter().enumerate() {
        if step.commit.is_none() {
            continue;
        }
        kept.records.push(whole.records[kept.records.len()].clone());
        let loaded = kept.load().map_err(|error| error.to_string())?;
        let place = format!("cut after input {at}, {:?}", step.input);
        if loaded.run != step.after.run {
            let (folded, lived) = (&loaded.run, &step.after.run);
            return Err(format!("{place}: folded {folded:#?}\nlived {lived:#?}"));
        }
        let rest = &life.steps[at + 1..];
        let steps = match dice.one_in(WHOLE_ONE_IN) {
            true => rest.len(),
            false => rest.len().min(1),
        };
        go_on(loaded, step, &rest[..steps], &kept).map_err(|why| format!("{place}: {why}"))?;
    }
    Ok(kept.records.len())
}

/// Takes the steps that follow a cut, with the folded run, and writes on.
fn go_on(loaded: Loaded, cut: &Step, steps: &[Step], kept: &Journal) -> Result<(), String> {
    let mut sim = cut.after.clone();
    sim.run = loaded.run;
    let mut commits: Vec<Commit> = Vec::new();
    for step in steps {
        let (_, commit) = sim.take(step.moment, &step.input);
        let events = |commit: &Option<Commit>| commit.as_ref().map(|it| it.events.clone());
        if events(&commit) != events(&step.commit) {
            return Err(format!(
                "{:?} gives {:#?}, without the crash {:#?}",
                step.input,
                events(&commit),
                events(&step.commit)
            ));
        }
        commits.extend(commit);
    }
    let mut journal = kept.clone();
    let mut encoder = loaded.encoder;
    journal.append(&mut encoder, commits.iter());
    let folded = journal.load().map_err(|error| error.to_string())?.run;
    match folded == sim.run {
        true => Ok(()),
        false => Err(format!(
            "written on, it folds to {folded:#?}\nnot {:#?}",
            sim.run
        )),
    }
}

//! The text cases of `conformance/cases`: executions of definitions, input by input, and everything
//! each input causes. They judge the language; folded from records they judge the engine's records.
//!
//! ```text
//! === name of the case
//! # a note; `# unverified` where no source tells what AWS does
//! --- settings                  (optional: limits, ARNs, the random bits of every decision;
//! history_events_max 10          `allowance inline`; `shown ends`: only `=` lines and refusals;
//!                                `kind express`, `sync express` or `test`; `starts queued`;
//!                                `missing_activity ARN`; `machine deleted`: the state machine is,
//!                                right after the start)
//! --- definition
//! {"StartAt": "A", "States": {...}}
//! --- run
//! > start {"a": 1}
//! 1<0 ExecutionStarted input={"a": 1} roleArn="..."
//! . WaitUntil +5s               an internal event, which AWS does not show
//! . BranchStarted 1 of 0 ...    a branch begins as thread 1; its parent is thread 0, the root
//! . BranchesCut 0 after 8       the threads below thread 0 are gone; event 8 was their end
//! ! call 3 arn:... {"a":1}      what the outside must do after the commit
//! ! watch 3 arn:... {"id":1}    how the job ends that the call started; it had answered this
//! ! cancel 3 arn:... {"id":1}   the job is to be stopped; `?` if no answer was recorded
//! ~ owes a cancellation of 3    until it was told
//! ~ queued                      waits for its state machine's concurrency limit
//! ~ due +5s                     the next deadline, as seen from here
//! > due
//! = SUCCEEDED {"a":1}           how the execution ended
//! > stop
//! refused: NotRunning
//! ```
//!
//! Lines that begin with `>` are inputs ([`script`]), all others are compared with what comes out;
//! `UPDATE_EXPECT=1` rewrites them. `%{x*300}` stands for 300 times `x`, `%{token 3}` for the task
//! token of attempt 3. The middle of a long answer is left out.

mod file;
mod legal;
mod recovery;
mod render;
mod script;
mod sim;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use asl::decide::{Input, Moment};
use asl::event::Event;
use asl::time::Timestamp;

pub(crate) use file::{Case, EXECUTION_ARN, File, Settings};
pub(crate) use recovery::{Journal, entity};
pub(crate) use render::shape_of_events;
use script::Clock;
pub(crate) use sim::{Sim, indices};

/// Most lines shown of what one input causes, before the middle is left out.
const LINES_MAX: usize = 40;
/// Lines kept at each end then.
const LINES_KEPT: usize = 8;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/cases")
}

/// Every case file, by name.
pub(crate) fn files() -> Vec<(PathBuf, File)> {
    let entries = fs::read_dir(folder()).expect("conformance/cases is part of the repository");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let file = File::parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        (path, file)
    };
    paths.into_iter().map(read).collect()
}

/// One input that was taken or refused.
pub(crate) struct Step {
    /// How things stood before it.
    pub(crate) before: Sim,
    pub(crate) moment: Moment,
    pub(crate) input: Input,
    pub(crate) lines: Vec<String>,
    /// `None` for a refused input.
    pub(crate) commit: Option<Commit>,
}

/// What one commit writes.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) time: Timestamp,
    pub(crate) events: Vec<Event>,
}

/// A case that was run.
pub(crate) struct Played {
    pub(crate) steps: Vec<Step>,
    pub(crate) last: Sim,
    /// What each `>` line caused.
    pub(crate) answers: Vec<Vec<String>>,
}

/// Runs a case. Checks on the way what holds for every decision ([`Sim::take`]).
pub(crate) fn play(case: &Case) -> Played {
    let mut sim = Sim::new(case);
    let mut clock = Clock::default();
    let mut played = Played {
        steps: Vec::new(),
        last: sim.clone(),
        answers: Vec::new(),
    };
    for block in &case.blocks {
        let line = script::parse(&block.input)
            .unwrap_or_else(|why| panic!("{}: `{}`: {why}", case.name, block.input));
        let mut answer = Vec::new();
        loop {
            let taken = line.now(&mut clock, &sim);
            let taken = taken.and_then(|now| Ok((now, line.input(case, &sim)?)));
            let (now, input) =
                taken.unwrap_or_else(|why| panic!("{}: `{}`: {why}", case.name, block.input));
            let moment = Moment {
                now,
                random: case.settings.random,
                allowance: case.settings.allowance,
            };
            let before = sim.clone();
            let (lines, commit) = sim.take(moment, &input);
            let is_shown =
                |line: &&String| !case.settings.shows_ends_only || line.starts_with(['=', 'r']);
            answer.extend(lines.iter().filter(is_shown).cloned());
            played.steps.push(Step {
                before,
                moment,
                input,
                lines,
                commit,
            });
            if !(line.repeats && sim.run.is_yielded()) {
                break;
            }
        }
        played.answers.push(without_middle(answer));
    }
    played.last = sim;
    played
}

fn without_middle(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > LINES_MAX {
        let middle = LINES_KEPT..lines.len() - LINES_KEPT;
        let note = format!("... {} lines", middle.len());
        lines.splice(middle, [note]);
    }
    lines
}

/// Where two texts part.
fn difference(expected: &[String], found: &[String]) -> Option<String> {
    let at = (0..expected.len().max(found.len())).find(|at| expected.get(*at) != found.get(*at))?;
    let line = |lines: &[String]| lines.get(at).cloned().unwrap_or("(nothing)".into());
    Some(format!(
        "  expected {}\n  found    {}",
        line(expected),
        line(found)
    ))
}

#[test]
fn cases_give_what_they_expect() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let (mut count, mut unverified, mut problems) = (0, 0, Vec::new());
    for (path, mut file) in files() {
        let before = file.to_text();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for case in &mut file.cases {
            count += 1;
            unverified += usize::from(case.is_unverified());
            let played = catch_unwind(AssertUnwindSafe(|| play(case)));
            let Ok(Played { answers, .. }) = played else {
                problems.push(format!("{name}: {}: panicked", case.name));
                continue;
            };
            for (block, answer) in case.blocks.iter_mut().zip(answers) {
                if let Some(difference) = difference(&block.expected, &answer) {
                    problems.push(format!(
                        "{name}: {}: {}\n{difference}",
                        case.name, block.input
                    ));
                }
                block.expected = answer;
            }
        }
        let after = file.to_text();
        if update && after != before {
            fs::write(&path, after).unwrap();
        }
    }
    println!("{count} text cases, {unverified} of them without a source");
    let count = problems.len();
    assert!(
        update || problems.is_empty(),
        "{count} differences:\n{}",
        problems.join("\n")
    );
    assert!(
        count_is_kept(&files()),
        "cases have been lost, or share a name"
    );
}

/// Cases are added, not lost.
fn count_is_kept(files: &[(PathBuf, File)]) -> bool {
    const CASES_MIN: usize = 850;
    let mut names: Vec<&str> = files
        .iter()
        .flat_map(|(_, file)| &file.cases)
        .map(|case| case.name.as_str())
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    count >= CASES_MIN && names.len() == count
}

//! A second opinion on IAM: random policies and requests, decided by our evaluator and by one
//! that others wrote.
//!
//! ```text
//! target/release/judge                        100,000 cases, the laws on 10,000: the gate
//! make judge                                  the laws on all of them, too
//! target/release/judge --seed 17 --count 1    one case, shown with what both say of it
//! target/release/judge --update               writes how often each known difference is met
//! ```
//!
//! The other one is `@cloud-copilot/iam-simulate` (AGPL-3.0-or-later), a program that tests run as
//! a process of its own, see `tests/js/judge.mjs`; nothing of it is part of Lockstep. Where it and
//! AWS's documentation differ, the documentation wins: [`dialect`] says how, and
//! `conformance/iam/differences-from-judge.json` why, and how often that is met, so that a class
//! nobody needs any more is noticed.

mod asked;
mod case;
mod dialect;
mod generate;
mod known;
mod laws;
mod words;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;

use asked::{ask, letter};
use case::Case;
use dialect::{DIFFERENCES, Side, reworded};
use known::Known;

/// Disagreements shown at most.
const SHOWN_MAX: usize = 12;
/// Where cases are counted that only several classes together explain.
const SEVERAL: &str = "several-together";

/// Decides random cases twice and compares.
#[derive(Debug, Parser)]
#[command(name = "judge")]
pub struct Options {
    /// Cases
    #[arg(long, default_value_t = 100_000)]
    count: u64,
    /// The first case's seed; the others follow it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// To how many of them the laws are applied, each of which changes a case and decides it anew
    #[arg(long, default_value_t = 10_000)]
    laws: usize,
    /// Write how often each known difference was met
    #[arg(long)]
    update: bool,
    /// The judge
    #[arg(long, value_name = "FILE", default_value = "tests/js/judge.mjs")]
    script: PathBuf,
    /// Known differences
    #[arg(
        long,
        value_name = "FILE",
        default_value = "conformance/iam/differences-from-judge.json"
    )]
    differences: PathBuf,
}

/// Runs, compares, prints. The exit code says whether all was as it should be.
///
/// # Errors
/// If the judge doesn't run, or a file can't be read.
pub fn run(options: &Options) -> Result<ExitCode> {
    let started = Instant::now();
    let seeds = options.seed..options.seed + options.count;
    let cases: Vec<Case> = seeds.map(generate::case).collect();
    let lawful = cases.get(..options.laws).unwrap_or(&cases);
    let mut problems = laws::check(lawful, options.seed);
    println!(
        "{} cases under the laws: {} problems, {:.1} s",
        lawful.len(),
        problems.len(),
        started.elapsed().as_secs_f64()
    );
    let ours = laws::decisions(&cases)?;
    let written: Vec<String> = cases.iter().map(Case::write).collect();
    let theirs = ask(&options.script, &written)?;
    println!("{}", census(&ours));
    let differing: Vec<usize> = (0..cases.len())
        .filter(|&at| ours.get(at) != theirs.get(at))
        .collect();
    let (counts, unexplained) = explain(&cases, &differing, options)?;
    println!(
        "{} differ at first, {} without a known reason, {:.1} s",
        differing.len(),
        unexplained.len(),
        started.elapsed().as_secs_f64()
    );
    for &at in unexplained.iter().take(SHOWN_MAX) {
        let (Some(case), Some(ours), Some(theirs)) =
            (written.get(at), ours.get(at), theirs.get(at))
        else {
            continue;
        };
        let seed = options.seed + at as u64;
        println!("seed {seed}: ours {ours}, the judge {theirs}: {case}\n");
    }
    if !unexplained.is_empty() {
        problems.push(format!("{} unexplained differences", unexplained.len()));
    }
    if options.count == 1 {
        written
            .iter()
            .for_each(|case| println!("{case}\nours {ours:?}, the judge {theirs:?}"));
    }
    let known = Known::read(&options.differences)?;
    if options.update {
        known
            .with_counts(options.count, &counts)
            .write(&options.differences)?;
    } else {
        problems.extend(known.problems(options.count, options.seed, &counts));
    }
    problems.iter().for_each(|problem| println!("{problem}"));
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// How often each answer was given: cases that are nearly all denied would test little.
fn census(letters: &[char]) -> String {
    let count = |letter| letters.iter().filter(|it| **it == letter).count();
    format!(
        "{} allowed, {} denied explicitly, {} implicitly",
        count('A'),
        count('E'),
        count('I')
    )
}

/// A question about a differing case, in other words.
struct Question {
    case: usize,
    /// Of the one class that was applied; all that apply together are `None`.
    class: Option<usize>,
    ours: Case,
    theirs: Case,
}

/// Counts of the classes that explain, and the cases that none explains.
fn explain(
    cases: &[Case],
    differing: &[usize],
    options: &Options,
) -> Result<(BTreeMap<&'static str, u64>, Vec<usize>)> {
    let mut questions = Vec::new();
    for (&at, case) in differing
        .iter()
        .filter_map(|at| Some((at, cases.get(*at)?)))
    {
        let mut add = |class: Option<usize>, classes: Range<usize>| {
            let classes = || classes.clone();
            let (ours, changed) = reworded(case, Side::Ours, classes());
            let (theirs, more) = reworded(case, Side::Theirs, classes());
            if !(changed.is_empty() && more.is_empty()) {
                questions.push(Question {
                    case: at,
                    class,
                    ours,
                    theirs,
                });
            }
        };
        let count = DIFFERENCES.len();
        (0..count).for_each(|class| add(Some(class), class..class + 1));
        // The last puts another question, so the others together are tried without it first.
        add(None, 0..count - 1);
        add(None, 0..count);
    }
    let written: Vec<String> = questions.iter().map(|it| it.theirs.write()).collect();
    let theirs = ask(&options.script, &written)?;
    let mut explained: BTreeMap<usize, Option<usize>> = BTreeMap::new();
    for (question, theirs) in questions.iter().zip(theirs) {
        if options.count == 1 {
            let class = question.class.and_then(|class| DIFFERENCES.get(class));
            let name = class.map_or(SEVERAL, |it| it.name);
            println!("{name}: the judge {theirs} of {}", question.theirs.write());
        }
        if letter(question.ours.decide()?.effect) == theirs {
            explained.entry(question.case).or_insert(question.class);
        }
    }
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for class in explained.values() {
        let name = class.and_then(|class| DIFFERENCES.get(class));
        *counts
            .entry(name.map_or(SEVERAL, |it| it.name))
            .or_default() += 1;
    }
    let rest = differing.iter().copied();
    let unexplained = rest.filter(|at| !explained.contains_key(at)).collect();
    Ok((counts, unexplained))
}

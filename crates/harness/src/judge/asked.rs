//! The other evaluator: node processes that answer cases, a line each.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use aws::iam::Effect;

/// What either evaluator says.
pub(crate) fn letter(effect: Effect) -> char {
    match effect {
        Effect::Allow => 'A',
        Effect::ExplicitDeny => 'E',
        Effect::ImplicitDeny => 'I',
    }
}

/// Asks the judge in as many processes as there are cores; one letter per case, in order.
pub(crate) fn ask(script: &Path, cases: &[String]) -> Result<Vec<char>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = cases.len().div_ceil(workers).max(1);
    thread::scope(|scope| {
        let asked: Vec<_> = cases
            .chunks(share)
            .map(|cases| scope.spawn(move || ask_one(script, cases)))
            .collect();
        let mut letters = Vec::with_capacity(cases.len());
        for answers in asked {
            let answers = answers.join().map_err(|_| anyhow!("a thread panicked"))?;
            letters.extend(answers?);
        }
        Ok(letters)
    })
}

fn ask_one(script: &Path, cases: &[String]) -> Result<Vec<char>> {
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("`node` could not be started; `make setup` installs it")?;
    let (input, output) = pipes(&mut node)?;
    let letters = thread::scope(|scope| {
        let written = scope.spawn(move || write(input, cases));
        let letters = read(output, cases);
        // The reader's error says more: one who dies also stops reading.
        let letters = letters?;
        written.join().map_err(|_| anyhow!("a thread panicked"))??;
        Ok::<_, anyhow::Error>(letters)
    })?;
    let ended = node.wait()?;
    ensure!(
        ended.success(),
        "`node {}` ended with {ended}",
        script.display()
    );
    Ok(letters)
}

fn pipes(node: &mut Child) -> Result<(ChildStdin, ChildStdout)> {
    let input = node.stdin.take().context("no pipe to node")?;
    let output = node.stdout.take().context("no pipe from node")?;
    Ok((input, output))
}

fn write(input: ChildStdin, cases: &[String]) -> Result<()> {
    let mut input = BufWriter::new(input);
    for case in cases {
        writeln!(input, "{case}")?;
    }
    Ok(input.flush()?)
}

fn read(output: ChildStdout, cases: &[String]) -> Result<Vec<char>> {
    let mut letters = Vec::with_capacity(cases.len());
    for (line, case) in BufReader::new(output).lines().zip(cases) {
        let line = line?;
        let letter = line.chars().next().filter(|it| "AEI".contains(*it));
        letters.push(letter.with_context(|| format!("the judge says `{line}` of {case}"))?);
    }
    ensure!(
        letters.len() == cases.len(),
        "the judge answered {} of {} cases; is tests/js installed (`npm ci`)?",
        letters.len(),
        cases.len()
    );
    Ok(letters)
}

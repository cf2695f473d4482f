//! Hostile definitions and inputs, decided as the engine does: each ends by itself, in bounded
//! memory, measured in a process of its own. What single expressions cost is tested in the crates
//! that evaluate them; here is what reaches an execution.
//!
//! ```text
//! cargo test -p harness hostile -- --nocapture       with what each took
//! ```

mod cases;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use asl::decide::{Allowance, Decision, Input, Moment, Refusal, decide};
use asl::definition::MachineType;
use asl::run::Run;
use asl::time::Timestamp;
use parking_lot::Mutex;
use services::states::Integrations;

use crate::cases::Settings;
use cases::{Case, Ends};

/// Set for the process that runs one case.
const VARIABLE: &str = "LOCKSTEP_HOSTILE";
const MARK: &str = "measured ";
/// In a debug build, beside other tests; seconds where it matters.
const PATIENCE: Duration = Duration::from_secs(240);
/// Decisions of one execution: 25,000 events end all of them.
const DECISIONS_MAX: usize = 30_000;

/// What a case took.
struct Measured {
    /// The status and the error it ended with; or why the definition was refused.
    end: String,
    ms: u128,
    /// The longest decision that was not made on the slow lane.
    inline_ms: u128,
    peak_kib: u64,
}

fn run(case: &Case) -> Measured {
    let begun = Instant::now();
    let before = memory_kib("VmRSS:");
    let definition = (case.definition)();
    let input = (case.input)();
    let mut inline = Duration::ZERO;
    let end = execute(&definition, &input, &mut inline);
    Measured {
        end,
        ms: begun.elapsed().as_millis(),
        inline_ms: inline.as_millis(),
        peak_kib: memory_kib("VmHWM:").saturating_sub(before),
    }
}

fn execute(definition: &str, input: &str, inline: &mut Duration) -> String {
    let compiled = asl::compile::compile(definition, MachineType::Standard, &Integrations);
    let Some(program) = compiled.program else {
        let first = compiled.diagnostics.first().map(|it| it.code.to_owned());
        return format!("refused {}", first.unwrap_or_default());
    };
    let mut run = Run::default();
    let start = Settings::default().start("hostile", input);
    let mut input = Input::Start(Box::new(start));
    for _ in 0..DECISIONS_MAX {
        let decision = decided(&program, &run, input, inline);
        run = decision.run;
        if let Some(end) = &run.end {
            let error = end.failure.error.as_deref().unwrap_or_default();
            return format!("{:?} {error}", run.status);
        }
        input = match run.is_yielded() {
            true => Input::Continue,
            false => Input::DeadlineReached,
        };
    }
    "never".to_owned()
}

/// On the fast lane, and on the slow one if it has to be.
fn decided(
    program: &asl::program::Program,
    run: &Run,
    input: Input,
    inline: &mut Duration,
) -> Decision {
    let now = run.deadline().unwrap_or(run.time).max(Timestamp(0));
    let mut moment = Moment {
        now,
        random: 7,
        allowance: Allowance::Inline,
    };
    let begun = Instant::now();
    let decision = decide(program, run, moment, input.clone());
    *inline = begun.elapsed().max(*inline);
    match decision {
        Err(Refusal::TooHeavy) => {
            moment.allowance = Allowance::Full;
            decide(program, run, moment, input).expect("it is for this run")
        }
        decision => decision.expect("it is for this run"),
    }
}

/// From `/proc`, which this is about.
fn memory_kib(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.unwrap_or_else(|| panic!("no {field} in /proc/self/status"))
}

/// No test by itself: the process that [`measure`] starts.
#[test]
fn one_hostile_case() {
    let Ok(name) = std::env::var(VARIABLE) else {
        return;
    };
    let case = cases::CASES.iter().find(|case| case.name == name).unwrap();
    let Measured {
        end,
        ms,
        inline_ms,
        peak_kib,
    } = run(case);
    println!("{MARK}{ms} {inline_ms} {peak_kib} {end}");
}

fn measure(case: &Case) -> Result<Measured, String> {
    let wrong = |why: &str| format!("{}: {why}", case.name);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::one_hostile_case", "--nocapture"])
        .env(VARIABLE, case.name)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let patience = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err(wrong("does not end"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let measured = text.lines().find_map(|line| Some(line.split_once(MARK)?.1));
    let parts = measured.map(|measured| measured.splitn(4, ' ').collect::<Vec<_>>());
    let Some([ms, inline_ms, peak_kib, end]) = parts.as_deref() else {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(wrong(&format!("{:?} {why}", output.status)));
    };
    Ok(Measured {
        end: (*end).to_owned(),
        ms: ms.parse().unwrap(),
        inline_ms: inline_ms.parse().unwrap(),
        peak_kib: peak_kib.parse().unwrap(),
    })
}

fn check(case: &Case) -> Result<(), String> {
    let measured = measure(case)?;
    let Measured {
        end,
        ms,
        inline_ms,
        peak_kib,
    } = &measured;
    let mib = peak_kib / 1_024;
    println!(
        "{:<44} {ms:>6} ms, inline at most {inline_ms:>5} ms, {mib:>4} MiB: {end}",
        case.name
    );
    let is_right = match case.ends {
        Ends::With(text) => end == text,
        Ends::Refused => end.starts_with("refused"),
    };
    if !is_right {
        return Err(format!("{}: ends {end}, not {:?}", case.name, case.ends));
    }
    if mib > case.mib_max {
        return Err(format!(
            "{}: {mib} MiB, at most {}",
            case.name, case.mib_max
        ));
    }
    Ok(())
}

#[test]
fn hostile_executions_end_in_bounded_memory() {
    let next = Mutex::new(cases::CASES.iter());
    let problems = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some(case) = next.lock().next() else {
                return;
            };
            problems.lock().extend(check(case).err());
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let problems = problems.into_inner();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

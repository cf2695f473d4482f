//! `lockstep run`: one execution of a definition in this process, without a server or a store.

mod execution;
mod locate;
mod path;
mod report;
mod world;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use asl::compile::compile;
use asl::definition::MachineType;
use asl::event::{Start, Text};
use asl::limits::Limits;
use asl::program::Program;
use clap::ValueEnum;
use json::Value;
use services::states::Integrations;
use uuid::Uuid;

use self::execution::{Time, execute};
use self::path::Data;
use self::report::Report;
use self::world::{Events, Telling, World};
use crate::mocks::{MockFile, Selection, TestCase};
use crate::plain::Plain;
use crate::{diagnostics, files};

/// Exit code of an execution that failed or timed out.
const FAILED: u8 = 1;
/// Exit code when the execution could not be run to its end: the definition, the input, the mocks
/// or a call that nothing answers.
const REFUSED: u8 = 2;

/// Longest input, in bytes (Step Functions developer guide, "Quotas").
const INPUT_BYTES_MAX: usize = 262_144;

/// Beginning of the ARNs of a local run.
const REGION_AND_ACCOUNT: &str = "us-east-1:000000000000";

pub(crate) const EXAMPLES: &str = "\
Exit code 0: succeeded, 1: failed or timed out, 2: could not be run.
The output goes to standard output, everything else to standard error.

Examples:
  lockstep run hello.asl.json
  lockstep run order.asl.json --input '{\"id\": 7}' --skip-waits --show states
  lockstep run order.asl.json --input @order.json --mocks MockConfigFile.json --test-case Retries
  generate | lockstep run order.asl.json --input - | jq .total
  lockstep run order.asl.json --json --show events > run.json

A mock file has the format of Step Functions Local:
  {\"StateMachines\": {\"order\": {\"TestCases\": {\"Retries\": {\"Charge\": \"FlakyCharge\"}}}},
   \"MockedResponses\": {\"FlakyCharge\": {
     \"0-1\": {\"Throw\": {\"Error\": \"Busy\", \"Cause\": \"try again\"}},
     \"2\": {\"Return\": {\"paid\": true}}}}}
The keys count the calls of a state, from 0.";

/// What `lockstep run` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A file with a definition in JSON, or - for standard input
    file: PathBuf,
    /// The input: JSON, @FILE, or - for standard input
    #[arg(long, short, value_name = "JSON|@FILE|-", default_value = "{}")]
    input: String,
    /// Mocked responses of tasks, in the format of Step Functions Local's MockConfigFile.json
    #[arg(long, value_name = "FILE")]
    mocks: Option<PathBuf>,
    /// The test case of the mock file; may be left out when there is one only
    #[arg(long, value_name = "NAME", requires = "mocks")]
    test_case: Option<String>,
    /// The state machine's name, also in the mock file [default: its only one, or the file's name]
    #[arg(long, value_name = "NAME")]
    state_machine: Option<String>,
    /// Jump over waits and retry back-offs instead of waiting
    #[arg(long)]
    skip_waits: bool,
    /// What to tell on standard error while it runs
    #[arg(long, value_name = "WHAT", default_value = "path")]
    show: Show,
    /// Print one JSON object with the outcome instead of the output; with `--show events` it holds
    /// the history
    #[arg(long)]
    json: bool,
    /// The execution's name [default: a random one]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The execution role that the context object shows
    #[arg(
        long,
        value_name = "ARN",
        default_value = "arn:aws:iam::000000000000:role/lockstep-run"
    )]
    role_arn: String,
}

/// What is told of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Show {
    /// How it ended, if it did not succeed
    None,
    /// The states entered and left, retries and failures
    Path,
    /// The path with inputs, outputs, calls and results; long ones are cut
    States,
    /// The events of the history, as GetExecutionHistory has them, one a line
    Events,
    /// The path with everything in full, and the events
    All,
}

impl Telling {
    fn of(arguments: &Arguments) -> Telling {
        let show = arguments.show;
        Telling {
            path: match show {
                Show::None | Show::Events => None,
                Show::Path => Some(Data::Left),
                Show::States => Some(Data::Cut),
                Show::All => Some(Data::Whole),
            },
            events: match (show, arguments.json) {
                (Show::Events | Show::All, true) => Some(Events::Kept),
                (Show::Events | Show::All, false) => Some(Events::Told),
                (Show::None | Show::Path | Show::States, _) => None,
            },
            waits: show != Show::None,
        }
    }
}

/// Runs the execution; the output goes to `out`.
pub(crate) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<ExitCode> {
    match prepare(arguments).and_then(|prepared| play(arguments, prepared)) {
        Ok(report) => {
            let text = match arguments.json {
                true => Some(report.to_json().to_text()),
                false => report.output.as_ref().map(Value::to_text),
            };
            if let Some(text) = text {
                print(out, &text)?;
            }
            Ok(match report.has_succeeded() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(FAILED),
            })
        }
        Err(error) => {
            if arguments.json {
                print(out, &report::refused(&error).to_text())?;
            }
            let _ = writeln!(Plain(io::stderr()), "lockstep: {error:#}");
            Ok(ExitCode::from(REFUSED))
        }
    }
}

/// Prints a line. A reader that has gone changes nothing about the outcome.
fn print(out: &mut dyn Write, text: &str) -> Result<()> {
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Everything an execution needs.
struct Prepared {
    definition: String,
    program: Program,
    case: Option<Arc<TestCase>>,
    start: Start,
}

fn prepare(arguments: &Arguments) -> Result<Prepared> {
    let sources = [
        Some(&*arguments.file),
        input_file(&arguments.input),
        arguments.mocks.as_deref(),
    ];
    let stdins = sources
        .into_iter()
        .flatten()
        .filter(|it| files::is_stdin(it));
    if stdins.count() > 1 {
        bail!("standard input (-) can be read once only");
    }
    let definition = files::definition(&arguments.file)?;
    let program = program(&arguments.file, &definition)?;
    let case = match &arguments.mocks {
        Some(file) => Some(test_case(file, arguments, &program)?),
        None => None,
    };
    let mocked = case.as_ref().map(|case| &*case.machine);
    let machine = arguments.state_machine.as_deref().or(mocked);
    let machine = machine.map_or_else(|| name_of(&arguments.file), str::to_owned);
    let start = Start {
        mock_case: case.as_ref().map(|case| case.name.as_str().into()),
        ..start(arguments, machine, input(&arguments.input)?)?
    };
    Ok(Prepared {
        definition,
        program,
        case,
        start,
    })
}

fn program(file: &Path, definition: &str) -> Result<Program> {
    let name = file.display().to_string();
    let compiled = compile(definition, MachineType::Standard, &Integrations);
    let _ = diagnostics::print(&mut Plain(io::stderr()), &name, definition, &compiled);
    let tally = diagnostics::tally(&compiled).unwrap_or_default();
    let diagnostics = diagnostics::to_json(&compiled);
    compiled.program.ok_or_else(|| {
        anyhow::Error::new(report::Invalid {
            diagnostics,
            text: format!("`{name}` is no valid definition: {tally}"),
        })
    })
}

fn test_case(file: &Path, arguments: &Arguments, program: &Program) -> Result<Arc<TestCase>> {
    let mocks = MockFile::read(file)?;
    let selection = Selection {
        state_machine: arguments.state_machine.as_deref(),
        test_case: arguments.test_case.as_deref(),
    };
    let case = mocks.select(selection)?;
    case.check(program)?;
    Ok(Arc::clone(case))
}

/// The file an input is read from, unless it stands for itself.
fn input_file(argument: &str) -> Option<&Path> {
    let file = match argument {
        "-" => Some(argument),
        argument => argument.strip_prefix('@'),
    };
    file.map(Path::new)
}

/// The input and its text, checked as StartExecution checks it.
fn input(argument: &str) -> Result<(Value, Text)> {
    let text = match input_file(argument) {
        Some(file) => files::text(file, "the input", INPUT_BYTES_MAX)?,
        None => argument.to_owned(),
    };
    if text.len() > INPUT_BYTES_MAX {
        bail!("the input is longer than {INPUT_BYTES_MAX} bytes");
    }
    let value = files::json(&text, "the input")?;
    Ok((value, text.into()))
}

/// What the execution starts with: names as a real one would have them.
fn start(arguments: &Arguments, machine: String, (input, text): (Value, Text)) -> Result<Start> {
    let name = arguments
        .name
        .clone()
        .unwrap_or_else(|| Uuid::new_v4().to_string());
    for (flag, name) in [("--state-machine", &machine), ("--name", &name)] {
        if !aws::arn::is_valid_name(name) {
            bail!("`{name}` ({flag}) is no name that Step Functions allows");
        }
    }
    if !aws::Arn::parse(&arguments.role_arn).is_ok_and(|arn| arn.role_path_and_name().is_some()) {
        bail!(
            "`{}` (--role-arn) is no role's ARN; one looks like \
             `arn:aws:iam::000000000000:role/name`",
            arguments.role_arn
        );
    }
    let prefix = format!("arn:aws:states:{REGION_AND_ACCOUNT}");
    Ok(Start {
        execution_arn: format!("{prefix}:execution:{machine}:{name}").into(),
        state_machine_arn: format!("{prefix}:stateMachine:{machine}").into(),
        execution_name: name.into(),
        state_machine_name: machine.into(),
        role_arn: arguments.role_arn.as_str().into(),
        input_text: (input.to_text() != *text).then_some(text),
        input,
        limits: Limits::default(),
        token_secret: *Uuid::new_v4().as_bytes(),
        ..Start::default()
    })
}

/// A state machine's name made of its file's: `order` of `order.asl.json`.
fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    let allowed = |char: char| match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => char,
        _ => '-',
    };
    // A name has 80 characters at most.
    let name: String = stem.chars().map(allowed).take(80).collect();
    match name.trim_matches('-').is_empty() {
        true => "StateMachine".to_owned(),
        false => name,
    }
}

fn play(arguments: &Arguments, prepared: Prepared) -> Result<Report> {
    let Prepared {
        definition,
        program,
        case,
        start,
    } = prepared;
    let mut time = match arguments.skip_waits {
        true => Time::virtual_now(),
        false => Time::Real,
    };
    let mut world = World::new(&program, start.clone(), case, Telling::of(arguments));
    let run = execute(&program, start, &mut time, &mut world)?;
    let report = world.report(&run, &definition)?;
    if arguments.show != Show::None || !report.has_succeeded() {
        let file = arguments.file.display().to_string();
        let _ = report.tell(&file, &mut Plain(io::stderr()));
    }
    Ok(report)
}

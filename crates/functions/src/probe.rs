//! Which runtimes this host can run: the interpreters found on `PATH`, and which AWS runtime
//! each of them serves.
//!
//! A function asks for `python3.12`; the host has the Python it has. The same minor version is
//! taken when it is there, else the host's default, so that a function runs on a machine
//! that nobody prepared. `lockstep doctor` shows what was found.

use std::collections::HashMap;
use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::InvokeError;

#[cfg(test)]
mod tests;

/// An interpreter that takes longer to say its version is of no use: it takes 20 ms on an idle
/// host, seconds on one that starts a hundred functions at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most an interpreter may say: a path and a version.
const ANSWER_BYTES_MAX: u64 = 8_192;
/// The oldest Python the bootstrap is written for.
const PYTHON_MINOR_MIN: u32 = 8;
/// The newest `python3.N` looked for on `PATH`, a few years ahead.
const PYTHON_MINOR_MAX: u32 = 19;
/// The oldest Node with what the bootstrap uses.
const NODE_MAJOR_MIN: u32 = 16;

/// Four lines: the executable, the version, the folders it was installed into, those of packages.
const PYTHON_QUESTION: &str = "import os, sys
print(sys.executable)
print('%d.%d.%d' % sys.version_info[:3])
print(os.pathsep.join(sorted({sys.base_prefix, sys.prefix})))
print(os.pathsep.join(p for p in sys.path if p.endswith(('site-packages', 'dist-packages'))))";
/// The first three of them.
const NODE_QUESTION: &str = "const prefix = require('path').resolve(process.execPath, '../..');
for (const line of [process.execPath, process.versions.node, prefix]) console.log(line)";

/// A language this build has a bootstrap for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    Python,
    Node,
}

/// AWS's runtime identifier taken apart: `python3.12` is Python with minor version 12,
/// `nodejs22.x` is Node with major version 22.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Runtime {
    pub language: Language,
    /// The number that tells one runtime of the language from the next.
    pub number: u32,
}

impl Runtime {
    /// `None` for a runtime this build cannot run.
    pub fn parse(identifier: &str) -> Option<Runtime> {
        let (language, number) = if let Some(number) = identifier.strip_prefix("python3.") {
            (Language::Python, number)
        } else {
            let number = identifier.strip_prefix("nodejs")?.strip_suffix(".x")?;
            (Language::Node, number)
        };
        // Three digits are more than AWS will ever use, and keep caches by runtime small.
        if number.len() > 3 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Runtime {
            language,
            number: number.parse().ok()?,
        })
    }
}

/// Whether a runtime is a program of the function's own, such as `provided.al2023`.
pub fn is_provided(identifier: &str) -> bool {
    identifier == "provided" || identifier.starts_with("provided.")
}

/// An interpreter of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    pub language: Language,
    /// The real executable, not a launcher script in front of it.
    pub path: PathBuf,
    /// Such as `3.11.7`.
    pub version: String,
    /// See [`Runtime::number`].
    pub number: u32,
    /// The folders that it and its library were installed into.
    pub folders: Vec<PathBuf>,
    /// The folders that have packages in them, such as AWS's SDK.
    pub packages: Vec<PathBuf>,
}

/// One line of what `lockstep doctor` shows about a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub language: Language,
    pub interpreter: Result<Interpreter, String>,
    /// One line: what this means for the user's functions.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.language {
            Language::Python => "python",
            Language::Node => "nodejs",
        };
        match &self.interpreter {
            Ok(found) => write!(f, "{name}: {} at {}", found.version, found.path.display())?,
            Err(reason) => write!(f, "{name}: not available, {reason}")?,
        }
        write!(f, "; {}", self.advice)
    }
}

/// Looks for the default interpreter of every language. Starts processes and waits for
/// them: tens of milliseconds, half a minute each at worst.
pub fn findings() -> Vec<Finding> {
    [Language::Python, Language::Node]
        .into_iter()
        .map(|language| {
            let default = match language {
                Language::Python => ask(language, OsStr::new("python3")),
                Language::Node => ask(language, OsStr::new("node")),
            };
            let advice = match (&default, language) {
                (Err(_), _) => missing_advice(language).to_string(),
                (Ok(found), Language::Python) => python_advice(found),
                (Ok(found), Language::Node) => {
                    format!(
                        "runs functions of every nodejs runtime, on Node {}",
                        found.number
                    )
                }
            };
            Finding {
                language,
                interpreter: default,
                advice,
            }
        })
        .collect()
}

fn python_advice(default: &Interpreter) -> String {
    let sdk = default
        .packages
        .iter()
        .find(|folder| folder.join("boto3").is_dir());
    let sdk = match sdk {
        Some(folder) => format!("import boto3 from {}", folder.display()),
        None => "have to bring boto3: install it for python3 to have it there".to_owned(),
    };
    format!(
        "runs functions of every python3 runtime: with the `python3.N` on PATH that is nearest to \
         the runtime, by default 3.{}; functions {sdk}",
        default.number
    )
}

fn missing_advice(language: Language) -> &'static str {
    match language {
        Language::Python => "install Python 3.8 or newer and have `python3` on PATH",
        Language::Node => "install Node.js 16 or newer and have `node` on PATH",
    }
}

/// Finds interpreters for runtimes and remembers those it found. One that was missing is
/// looked for again, so installing it needs no restart.
#[derive(Debug, Default)]
pub(crate) struct Interpreters {
    /// At most one entry per runtime identifier [`Runtime::parse`] lets through.
    found: Mutex<HashMap<Runtime, Arc<Interpreter>>>,
    /// Held while somebody searches, so that the functions a restart resumes all at once ask
    /// once; holds the last search that failed.
    failed: Mutex<Option<FailedSearch>>,
}

#[derive(Debug)]
struct FailedSearch {
    runtime: Runtime,
    ended: Instant,
    reason: String,
}

impl Interpreters {
    /// The interpreter for `identifier`, if it was looked for before.
    pub(crate) fn known(&self, identifier: &str) -> Result<Option<Arc<Interpreter>>, InvokeError> {
        let runtime = parse(identifier)?;
        Ok(self.found.lock().get(&runtime).cloned())
    }

    /// The interpreter for `identifier`. Starts processes and waits for them.
    pub(crate) fn find(&self, identifier: &str) -> Result<Arc<Interpreter>, InvokeError> {
        let runtime = parse(identifier)?;
        self.find_by(runtime, Instant::now(), search)
            .map_err(|reason| InvokeError::RuntimeMissing {
                runtime: identifier.to_string(),
                reason,
                advice: missing_advice(runtime.language).to_string(),
            })
    }

    /// One search at a time. Whoever `asked` before it ended takes its outcome.
    fn find_by(
        &self,
        runtime: Runtime,
        asked: Instant,
        search: impl FnOnce(Runtime) -> Result<Interpreter, String>,
    ) -> Result<Arc<Interpreter>, String> {
        let mut failed = self.failed.lock();
        if let Some(found) = self.found.lock().get(&runtime) {
            return Ok(Arc::clone(found));
        }
        if let Some(last) = &*failed
            && last.runtime == runtime
            && last.ended > asked
        {
            return Err(last.reason.clone());
        }
        match search(runtime) {
            Ok(found) => {
                let found = Arc::new(found);
                self.found.lock().insert(runtime, Arc::clone(&found));
                Ok(found)
            }
            Err(reason) => {
                *failed = Some(FailedSearch {
                    runtime,
                    ended: Instant::now(),
                    reason: reason.clone(),
                });
                Err(reason)
            }
        }
    }
}

fn parse(identifier: &str) -> Result<Runtime, InvokeError> {
    Runtime::parse(identifier).ok_or_else(|| InvokeError::RuntimeUnsupported {
        runtime: identifier.to_string(),
    })
}

/// The same version, else the nearest one; of two at the same distance the host's default, else
/// the newer one.
fn search(runtime: Runtime) -> Result<Interpreter, String> {
    match runtime.language {
        Language::Node => ask(Language::Node, OsStr::new("node")),
        Language::Python => search_python(runtime.number),
    }
}

fn search_python(wanted: u32) -> Result<Interpreter, String> {
    // Both at once: on some hosts each is a launcher that takes a tenth of a second.
    let (exact, default) = thread::scope(|scope| {
        let exact = scope.spawn(|| ask_python(wanted));
        let default = ask(Language::Python, OsStr::new("python3"));
        (exact.join(), default)
    });
    if let Ok(Ok(exact)) = exact {
        return Ok(exact);
    }
    let distance = |found: &Interpreter| found.number.abs_diff(wanted);
    let nearest_max = default.as_ref().map_or(u32::MAX, distance);
    let mut others: Vec<u32> = (PYTHON_MINOR_MIN..=PYTHON_MINOR_MAX)
        .rev()
        .filter(|minor| minor.abs_diff(wanted) < nearest_max)
        .collect();
    others.sort_by_key(|minor| minor.abs_diff(wanted));
    // A launcher may be there for a version that is not.
    others
        .into_iter()
        .find_map(|minor| ask_python(minor).ok())
        .map_or(default, Ok)
}

fn ask_python(minor: u32) -> Result<Interpreter, String> {
    let program = format!("python3.{minor}");
    if !on_path(&program) {
        return Err(format!("`{program}` is not on PATH"));
    }
    ask(Language::Python, OsStr::new(&program))
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Asks a program where it really lives and what version it is. The answer is what counts: a
/// launcher (pyenv, asdf) may be on `PATH` for a version that is not there.
fn ask(language: Language, program: &OsStr) -> Result<Interpreter, String> {
    let (flag, script) = match language {
        Language::Python => ("-c", PYTHON_QUESTION),
        Language::Node => ("-e", NODE_QUESTION),
    };
    let shown = Path::new(program).display().to_string();
    let answer = run(Command::new(program).arg(flag).arg(script))
        .map_err(|error| format!("`{shown}` did not start: {error}"))?;
    let mut lines = answer.lines();
    let (Some(path), Some(version)) = (lines.next(), lines.next()) else {
        return Err(format!("`{shown}` did not tell its version"));
    };
    let parts: Vec<u32> = version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect();
    let (number, oldest) = match (language, parts.as_slice()) {
        (Language::Python, [3, minor, ..]) => (*minor, PYTHON_MINOR_MIN),
        (Language::Node, [major, ..]) => (*major, NODE_MAJOR_MIN),
        _ => return Err(format!("`{shown}` is version `{version}`")),
    };
    if number < oldest {
        return Err(format!("`{shown}` is version `{version}`, too old"));
    }
    let folders = |line: Option<&str>| env::split_paths(line.unwrap_or_default()).collect();
    Ok(Interpreter {
        language,
        path: PathBuf::from(path),
        version: version.to_string(),
        number,
        folders: folders(lines.next()),
        packages: folders(lines.next()),
    })
}

/// Runs a program to its end and returns what it wrote, killing it when it takes too long.
fn run(command: &mut Command) -> std::io::Result<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > ANSWER_TIMEOUT {
            child.kill()?;
            child.wait()?;
            return Err(std::io::Error::other("it did not answer in time"));
        }
        thread::sleep(Duration::from_millis(2));
    };
    if !status.success() {
        return Err(std::io::Error::other(format!("it ended with {status}")));
    }
    let mut answer = String::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    }
    Ok(answer)
}

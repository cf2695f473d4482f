//! Which program a runtime is, and how it is started.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;

use crate::bootstrap;
use crate::failure::Cause;
use crate::probe::Interpreter;
use crate::process::{Folders, Seen};
use crate::sandbox;
use crate::spec::FunctionSpec;

#[cfg(test)]
mod tests;

/// The variable that names a program to start instead, with the runtime as its arguments.
const WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";

/// What runs a function.
#[derive(Debug, Clone)]
pub(crate) enum Engine {
    /// Our bootstrap, by an interpreter of this host.
    Interpreter(Arc<Interpreter>),
    /// The program `bootstrap` that the package or a layer brings: `provided.*`.
    Provided,
}

/// A program and its arguments, as the process sees them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entrypoint {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Engine {
    /// The version of the host's interpreter.
    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Engine::Interpreter(interpreter) => Some(&interpreter.version),
            Engine::Provided => None,
        }
    }

    /// What the sandbox has to show though it may lie in somebody's home.
    pub(crate) fn shown(&self) -> Vec<PathBuf> {
        match self {
            Engine::Interpreter(interpreter) => {
                let mut shown = sandbox::of_interpreter(&interpreter.path);
                shown.extend(
                    interpreter
                        .folders
                        .iter()
                        .flat_map(|it| sandbox::of_prefix(it)),
                );
                shown.extend_from_slice(&interpreter.packages);
                shown
            }
            Engine::Provided => Vec::new(),
        }
    }

    /// What to start.
    pub(crate) fn entrypoint(
        &self,
        spec: &FunctionSpec,
        folders: &Folders,
        seen: &Seen,
    ) -> Result<Entrypoint, Cause> {
        let interpreter = match self {
            Engine::Provided => return bootstrap_of(folders, seen),
            Engine::Interpreter(interpreter) => interpreter,
        };
        let direct = Entrypoint {
            program: interpreter.path.clone(),
            arguments: bootstrap::arguments(interpreter, seen),
        };
        let mut variables = spec.environment.iter();
        let wrapper = variables.find(|(name, value)| name == WRAPPER && !value.is_empty());
        Ok(match wrapper {
            Some((_, wrapper)) => wrapped(direct, wrapper, seen),
            None => direct,
        })
    }

    /// What it means that the system did not start the entry point, if that is the fault of the
    /// function.
    pub(crate) fn not_executable(&self, error: &io::Error) -> Option<Cause> {
        let Engine::Provided = self else { return None };
        // As AWS's platform, written in Go, prints them.
        let text = match Errno::from_raw(error.raw_os_error()?) {
            Errno::EACCES => "permission denied",
            Errno::ENOEXEC => "exec format error",
            // The program is there, what it asks to be run by is not.
            Errno::ENOENT => "no such file or directory",
            _ => return None,
        };
        let text = format!("fork/exec /var/task/bootstrap: {text}");
        Some(Cause::InvalidEntrypoint(text))
    }
}

/// The first `bootstrap` there is: of the package, else of the layers.
fn bootstrap_of(folders: &Folders, seen: &Seen) -> Result<Entrypoint, Cause> {
    let candidates = [
        (Some(&folders.code), &seen.code, "/var/task/bootstrap"),
        (folders.layers.as_ref(), &seen.layers, "/opt/bootstrap"),
    ];
    for (folder, seen, shown) in candidates {
        let Some(metadata) = folder.and_then(|folder| folder.join("bootstrap").metadata().ok())
        else {
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            let text = format!("fork/exec {shown}: permission denied");
            return Err(Cause::InvalidEntrypoint(text));
        }
        return Ok(Entrypoint {
            program: seen.join("bootstrap"),
            arguments: Vec::new(),
        });
    }
    let text = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";
    Err(Cause::InvalidEntrypoint(text.to_owned()))
}

/// As AWS's own runtimes do it: the shell takes the place of the process and gives 127 for a
/// wrapper that is missing, 126 for one that is not executable, and a line in the log.
fn wrapped(direct: Entrypoint, wrapper: &str, seen: &Seen) -> Entrypoint {
    let mut arguments: Vec<OsString> = ["-c", "exec \"$0\" \"$@\""].map(OsString::from).into();
    arguments.push(translated(wrapper, seen).into());
    arguments.push(direct.program.into());
    arguments.extend(direct.arguments);
    Entrypoint {
        program: "/bin/sh".into(),
        arguments,
    }
}

/// AWS's path, where it is here.
fn translated(path: &str, seen: &Seen) -> PathBuf {
    let path = Path::new(path);
    let roots = [("/opt", &seen.layers), ("/var/task", &seen.code)];
    roots
        .into_iter()
        .find_map(|(root, real)| Some(real.join(path.strip_prefix(root).ok()?)))
        .unwrap_or_else(|| path.to_path_buf())
}

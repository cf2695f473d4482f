//! The environment variables of a function process: AWS's names and values, and nothing of
//! the server's own.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::entrypoint::Engine;
use crate::probe::{Language, Runtime};
use crate::process::Seen;
use crate::spec::{FunctionSpec, LogFormat};

#[cfg(test)]
mod tests;

/// Where one process lives.
pub(crate) struct Place<'a> {
    pub(crate) api: SocketAddr,
    pub(crate) seen: &'a Seen,
    pub(crate) log_stream: &'a str,
}

/// The log group of a function: its own, unless the user chose one.
pub(crate) fn log_group(spec: &FunctionSpec) -> String {
    match &spec.logging.group {
        Some(group) => group.clone(),
        None => format!("/aws/lambda/{}", spec.name),
    }
}

/// All variables of a new process: defaults, then the user's, then the reserved ones, then
/// what [`FunctionSpec::extra_env`] made. Later ones win.
pub(crate) fn variables(
    spec: &FunctionSpec,
    engine: &Engine,
    place: &Place<'_>,
    added: Vec<(String, String)>,
) -> BTreeMap<String, String> {
    let given = spec.environment.iter().cloned();
    defaults(spec, engine, place.seen)
        .into_iter()
        .chain(given)
        .chain(reserved(spec, engine, place))
        .chain(added)
        // The operating system can hold neither; a control plane refuses them before.
        .filter(|(name, _)| !name.is_empty() && !name.contains(['=', '\0']))
        .filter(|(_, value)| !value.contains('\0'))
        .collect()
}

/// What the user may override.
fn defaults(spec: &FunctionSpec, engine: &Engine, seen: &Seen) -> Vec<(String, String)> {
    let (task, opt) = (seen.code.display(), seen.layers.display());
    let runtime = seen.runtime.display();
    let mut programs = "/usr/local/bin:/usr/bin:/bin".to_owned();
    if let Engine::Interpreter(interpreter) = engine
        && let Some(folder) = interpreter.path.parent()
    {
        // In the place of AWS's /var/lang/bin.
        programs = format!("{}:{programs}", folder.display());
    }
    let libraries =
        format!("/lib64:/usr/lib64:{runtime}:{runtime}/lib:{task}:{task}/lib:{opt}/lib");
    let mut defaults = vec![
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("PATH", format!("{programs}:{opt}/bin")),
        ("LD_LIBRARY_PATH", libraries),
        ("PWD", task.to_string()),
        // AWS sets neither. Without them tools would read the settings, and the AWS credentials,
        // of whoever runs the server, and leave their files behind.
        ("HOME", seen.scratch.display().to_string()),
        ("TMPDIR", seen.scratch.display().to_string()),
    ];
    if let Engine::Interpreter(interpreter) = engine {
        // Layers are made for the runtime, whatever the host has for it.
        let number = Runtime::parse(&spec.runtime).map_or(0, |runtime| runtime.number);
        defaults.push(match interpreter.language {
            Language::Python => ("PYTHONPATH", runtime.to_string()),
            Language::Node => (
                "NODE_PATH",
                format!(
                    "{opt}/nodejs/node{number}/node_modules:{opt}/nodejs/node_modules:\
                     {runtime}/node_modules:{runtime}:{task}"
                ),
            ),
        });
    }
    owned(defaults)
}

/// What is AWS's to say.
fn reserved(spec: &FunctionSpec, engine: &Engine, place: &Place<'_>) -> Vec<(String, String)> {
    let mut reserved = vec![
        ("_HANDLER", spec.handler.clone()),
        ("LAMBDA_TASK_ROOT", place.seen.code.display().to_string()),
        (
            "LAMBDA_RUNTIME_DIR",
            place.seen.runtime.display().to_string(),
        ),
        ("AWS_REGION", spec.region.clone()),
        ("AWS_DEFAULT_REGION", spec.region.clone()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", spec.version.clone()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            spec.memory_mb.to_string(),
        ),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", log_group(spec)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", place.log_stream.to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", place.api.to_string()),
    ];
    if let Engine::Interpreter(_) = engine {
        // Recorded: not set for `provided.*`.
        let value = format!("AWS_Lambda_{}", spec.runtime);
        reserved.push(("AWS_EXECUTION_ENV", value));
    }
    if spec.logging.format == LogFormat::Json {
        let level = spec.logging.application_level.name().to_owned();
        reserved.push(("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()));
        reserved.push(("AWS_LAMBDA_LOG_LEVEL", level));
    }
    owned(reserved)
}

fn owned(variables: Vec<(&str, String)>) -> Vec<(String, String)> {
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    variables.into_iter().map(owned).collect()
}

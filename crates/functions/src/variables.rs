//! The environment variables of a function process: AWS's names and values, and nothing of
//! the server's own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use crate::probe::{Interpreter, Language};
use crate::spec::FunctionSpec;

#[cfg(test)]
mod tests;

/// Where AWS puts the package. Our processes find it in their working directory.
pub(crate) const TASK_ROOT: &str = "/var/task";

/// Where one process lives.
pub(crate) struct Place<'a> {
    pub(crate) api: SocketAddr,
    /// The unpacked package.
    pub(crate) code: &'a Path,
    /// A folder of its own, removed with the process.
    pub(crate) scratch: &'a Path,
    pub(crate) log_stream: &'a str,
}

/// The log group AWS would use.
pub(crate) fn log_group(spec: &FunctionSpec) -> String {
    format!("/aws/lambda/{}", spec.name)
}

/// All variables of a new process: defaults, then the user's, then the reserved ones, then
/// what the caller adds. Later ones win.
pub(crate) fn variables(
    spec: &FunctionSpec,
    interpreter: &Interpreter,
    place: &Place<'_>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut add = |name: &str, value: String| {
        // The operating system can hold neither; a control plane refuses them before.
        if !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0') {
            variables.insert(name.to_string(), value);
        }
    };
    let code = place.code.display();
    let programs = interpreter
        .path
        .parent()
        .unwrap_or(Path::new("/usr/bin"))
        .display();
    let scratch = place.scratch.display().to_string();

    add("LANG", "en_US.UTF-8".into());
    add("TZ", ":UTC".into());
    add(
        "PATH",
        format!("{programs}:/usr/local/bin:/usr/bin:/bin:/opt/bin"),
    );
    add("LD_LIBRARY_PATH", format!("{code}:{code}/lib:/opt/lib"));
    add("PWD", code.to_string());
    match interpreter.language {
        Language::Python => add("PYTHONPATH", "/var/runtime".into()),
        Language::Node => add("NODE_PATH", format!("/opt/nodejs/node_modules:{code}")),
    }
    // AWS sets neither. Without them tools would read the settings, and the AWS credentials, of
    // whoever runs the server, and leave their files behind.
    add("HOME", scratch.clone());
    add("TMPDIR", scratch);

    for (name, value) in &spec.environment {
        add(name, value.clone());
    }

    add("_HANDLER", spec.handler.clone());
    add("LAMBDA_TASK_ROOT", TASK_ROOT.into());
    add("LAMBDA_RUNTIME_DIR", "/var/runtime".into());
    add("AWS_REGION", spec.region.clone());
    add("AWS_DEFAULT_REGION", spec.region.clone());
    add("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", spec.runtime));
    add("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone());
    add("AWS_LAMBDA_FUNCTION_VERSION", spec.version.clone());
    add(
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        spec.memory_mb.to_string(),
    );
    add("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into());
    add("AWS_LAMBDA_LOG_GROUP_NAME", log_group(spec));
    add("AWS_LAMBDA_LOG_STREAM_NAME", place.log_stream.to_string());
    add("AWS_LAMBDA_RUNTIME_API", place.api.to_string());

    for (name, value) in (spec.extra_env)() {
        add(&name, value);
    }
    variables
}

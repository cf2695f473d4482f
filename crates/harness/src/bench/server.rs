//! The release binary as a child: started on a folder, measured, stopped.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use json::ObjectBuilder;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::load::{Load, Slice};
use super::process::Process;

/// A server that needs longer to end is killed.
const STOP_SECONDS_MAX: u64 = 30;

/// A running `lockstep dev`.
pub(crate) struct Server {
    child: Child,
    /// Kept open: the server may write more.
    _output: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    /// From the start of the process to its first answer.
    pub(crate) ready: Duration,
}

impl Server {
    /// Starts a server and waits for its first answer.
    pub(crate) fn start(binary: &Path, data: &Path) -> Result<Server> {
        let begun = Instant::now();
        let mut child = Command::new(binary)
            .args(["dev", "--listen", "127.0.0.1:0", "--log", "error", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", binary.display()))?;
        let output = child.stdout.take().context("the server has no output")?;
        let process = Process::child(child.id())?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split_once(','));
        let Some((address, _)) = address else {
            bail!(
                "the server ended or did not say where it listens: `{}`",
                line.trim()
            );
        };
        let address = address.parse()?;
        let ready = Duration::ZERO;
        let mut server = Server {
            child,
            _output: output,
            address,
            process,
            ready,
        };
        server.load(1)?.call("ListStateMachines", "{}")?;
        server.ready = begun.elapsed();
        Ok(server)
    }

    /// Clients of this server.
    pub(crate) fn load(&self, clients: usize) -> Result<Load> {
        Load::open(self.address, clients)
    }

    /// Runs a slice of load and adds what the server used for it.
    pub(crate) fn slice(
        &self,
        load: &mut Load,
        operation: &str,
        count: u64,
        body: impl Fn(u64) -> String,
    ) -> Result<Slice> {
        let before = self.process.usage()?;
        let mut slice = load.run(operation, count, body)?;
        slice.usage = self.process.usage()?.since(before);
        Ok(slice)
    }

    /// Asks the server to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill(
            Pid::from_raw(i32::try_from(self.child.id())?),
            Signal::SIGTERM,
        )?;
        let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not stop within {STOP_SECONDS_MAX} s");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only what an error left running; one that ended already is not there to be killed.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The role that `lockstep dev` makes.
pub(crate) const DEV_ROLE: &str = "arn:aws:iam::000000000000:role/lockstep-dev";

/// CreateStateMachine of a Standard one; gives the ARN.
pub(crate) fn create_machine(load: &mut Load, name: &str, definition: &str) -> Result<String> {
    create_machine_of(load, name, definition, "STANDARD")
}

/// CreateStateMachine; gives the ARN.
pub(crate) fn create_machine_of(
    load: &mut Load,
    name: &str,
    definition: &str,
    machine_type: &str,
) -> Result<String> {
    let body = ObjectBuilder::new()
        .add("name", name)
        .add("definition", definition)
        .add("type", machine_type)
        .add("roleArn", DEV_ROLE)
        .build();
    let answer = load.call("CreateStateMachine", &json::Value::from(body).to_text())?;
    let answer = json::parse(&answer)?;
    let arn = answer.get("stateMachineArn").and_then(json::Value::as_str);
    Ok(arn.context("the answer has no stateMachineArn")?.to_owned())
}

/// The body of a StartExecution.
pub(crate) fn start_body(machine: &str, name: &str, input: &str) -> String {
    let mut body = String::with_capacity(input.len() + input.len() / 8 + 256);
    body.push_str(r#"{"stateMachineArn":""#);
    body.push_str(machine);
    body.push_str(r#"","name":""#);
    body.push_str(name);
    body.push_str(r#"","input":"#);
    json::Value::from(input).write_to(&mut body);
    body.push('}');
    body
}

//! `lockstep iam least-privilege`: the smallest policy a state machine's role needs, and what it
//! has beyond it.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use aws::Service;
use json::{ObjectBuilder, Value};

use crate::client::{Client, Error, Server, list, text};
use crate::plain::Plain;
use crate::pretty;

/// Exit code when there is no such state machine.
const UNKNOWN: u8 = 1;

pub(crate) const HELP: &str = "\
What a Task calls is taken from the definition where it says so, and otherwise from what executions
really called. Exit code 0: printed, 1: there is no such state machine, 2: the server could not be
asked. The credentials need lockstep:GetLeastPrivilege on the state machine.

Examples:
  lockstep iam least-privilege orders
  lockstep iam least-privilege orders --policy > policy.json
  aws iam put-role-policy --role-name orders --policy-name tasks \\
    --policy-document file://policy.json";

/// What `lockstep iam least-privilege` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Name or ARN of the state machine; the ARN may be of a version
    #[arg(value_name = "STATE_MACHINE")]
    machine: String,
    /// Print the policy document only, ready for `aws iam put-role-policy`
    #[arg(long)]
    policy: bool,
    /// Print the answer of the operation lockstep:GetLeastPrivilege
    #[arg(long, conflicts_with = "policy")]
    json: bool,
    /// Read the histories of at most this many executions, the newest ones; 0 reads none
    #[arg(long, value_name = "NUMBER", default_value_t = 100,
        value_parser = clap::value_parser!(u16).range(0..=1000))]
    executions: u16,
    #[command(flatten)]
    server: Server,
}

/// Asks the server and prints what it says.
pub(crate) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<ExitCode> {
    let client = Client::new(&arguments.server)?;
    let arn = match arguments.machine.starts_with("arn:") {
        true => arguments.machine.clone(),
        false => {
            let caller = client.call(Service::Sts, "GetCallerIdentity", &Value::empty_object())?;
            let (region, account) = (client.region(), text(&caller, "Account"));
            let name = &arguments.machine;
            format!("arn:aws:states:{region}:{account}:stateMachine:{name}")
        }
    };
    let input = ObjectBuilder::new()
        .add("stateMachineArn", arn)
        .add("maxExecutions", u64::from(arguments.executions))
        .build();
    let answer = match client.call(Service::Lockstep, "GetLeastPrivilege", &input.into()) {
        Ok(answer) => answer,
        Err(Error::Refused(error)) if error.code == "StateMachineDoesNotExist" => {
            writeln!(Plain(io::stderr()), "lockstep: {}", error.message)?;
            return Ok(ExitCode::from(UNKNOWN));
        }
        Err(error) => return Err(error.into()),
    };
    // What steers a terminal is written as JSON writes it, so that JSON stays what it was.
    let out = &mut Plain(out);
    if arguments.json {
        writeln!(out, "{answer}")?;
    } else if arguments.policy {
        if needs_nothing(text(&answer, "policyDocument")) {
            writeln!(Plain(io::stderr()), "lockstep: {NEEDS_NOTHING}")?;
        }
        pretty::print(text(&answer, "policyDocument"), "", out)?;
    } else {
        print(&answer, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What to know about a policy document without statements.
const NEEDS_NOTHING: &str = "the role needs no policy, and IAM takes none without statements";

fn needs_nothing(policy: &str) -> bool {
    let policy = json::parse(policy).unwrap_or_default();
    policy.get("Statement").and_then(Value::as_array) == Some(&[])
}

fn joined(value: &Value, member: &str) -> String {
    let texts = list(value, member).iter().filter_map(Value::as_str);
    texts.collect::<Vec<_>>().join(", ")
}

fn number(value: &Value, member: &str) -> i64 {
    value
        .get(member)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// How many executions, in words; not everything is counted.
fn executions(value: &Value, member: &str) -> String {
    match value.get(member).and_then(Value::as_i64) {
        None => "executions".to_owned(),
        Some(0) => "no execution".to_owned(),
        Some(1) => "1 execution".to_owned(),
        Some(more) => format!("{more} executions"),
    }
}

fn print(answer: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", text(answer, "stateMachineArn"))?;
    writeln!(out, "  runs as {}", text(answer, "roleArn"))?;
    let read = executions(answer, "executionsRead");
    let all = match answer.get("isComplete").and_then(Value::as_bool) {
        Some(true) => "all there are",
        _ => "there are more, or longer ones",
    };
    writeln!(out, "  read: its definition and {read} ({all})")?;
    match list(answer, "states") {
        [] => writeln!(out, "\nIts states call nothing that needs a permission.")?,
        states => {
            writeln!(out, "\nWhat its states call:")?;
            states
                .iter()
                .try_for_each(|state| print_state(state, out))?;
        }
    }
    print_list(answer, "notes", "To know:", out)?;
    let missing = list(answer, "missing");
    if !missing.is_empty() {
        writeln!(out, "\nThe role is not allowed, and needs:")?;
        for permission in missing {
            let (action, resource) = (text(permission, "action"), text(permission, "resource"));
            writeln!(out, "  {action} on {resource}")?;
        }
    }
    let unused = list(answer, "unused");
    if !unused.is_empty() {
        writeln!(out, "\nThe role is allowed, and does not use:")?;
        for statement in unused {
            print_unused(statement, out)?;
        }
    }
    let policy = text(answer, "policyDocument");
    match needs_nothing(policy) {
        true => writeln!(out, "\nThe policy it needs: none.")?,
        false => {
            writeln!(out, "\nThe policy it needs:")?;
            pretty::print(policy, "  ", out)?;
        }
    }
    for role in list(answer, "assumedRoles") {
        writeln!(out, "\nThe policy that {} needs:", text(role, "roleArn"))?;
        pretty::print(text(role, "policyDocument"), "  ", out)?;
    }
    Ok(())
}

fn print_state(state: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {}", text(state, "name"))?;
    print_privileges(state, "privileges", out)?;
    if state.get("assumedRoleArns").is_some() {
        writeln!(out, "    as {}:", joined(state, "assumedRoleArns"))?;
        print_privileges(state, "assumedRolePrivileges", out)?;
    }
    Ok(())
}

fn print_privileges(state: &Value, member: &str, out: &mut dyn Write) -> io::Result<()> {
    for privilege in list(state, member) {
        let sources = list(privilege, "sources").iter().filter_map(Value::as_str);
        let sources = sources.map(|source| match source {
            "EXECUTIONS" => executions(privilege, "executions"),
            _ => "definition".to_owned(),
        });
        let sources = sources.collect::<Vec<_>>().join(", ");
        writeln!(out, "    {} ({sources})", text(privilege, "action"))?;
        for resource in list(privilege, "resources")
            .iter()
            .filter_map(Value::as_str)
        {
            writeln!(out, "      {resource}")?;
        }
    }
    Ok(())
}

fn print_unused(unused: &Value, out: &mut dyn Write) -> io::Result<()> {
    let statement = number(unused, "statement").saturating_add(1);
    let sid = match text(unused, "sid") {
        "" => String::new(),
        sid => format!(" `{sid}`"),
    };
    writeln!(
        out,
        "  statement {statement}{sid} of {}",
        text(unused, "policy")
    )?;
    for (member, words) in [
        ("unusedActions", "never used:"),
        ("unusedResources", "never used on:"),
        ("usedActions", "used of it:"),
        ("usedResources", "used on:"),
    ] {
        if !list(unused, member).is_empty() {
            writeln!(out, "    {words:<15}{}", joined(unused, member))?;
        }
    }
    Ok(())
}

fn print_list(answer: &Value, member: &str, title: &str, out: &mut dyn Write) -> io::Result<()> {
    let texts = list(answer, member);
    if !texts.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    for text in texts.iter().filter_map(Value::as_str) {
        writeln!(out, "  {text}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

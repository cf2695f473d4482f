//! `lockstep why`: how a call came to be denied, and the smallest change that would allow it.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use aws::{Service, time};
use json::{ObjectBuilder, Value};

use crate::client::{Client, Error, Server, list, text};
use crate::plain::Plain;
use crate::pretty;

/// Exit code when there is no such denial.
const UNKNOWN: u8 = 1;

pub(crate) const HELP: &str = "\
Exit code 0: explained, 1: there is no such denial, 2: the server could not be asked.
The server is asked with the credentials of the aws command. They need
lockstep:ExplainAuthorization, and must be of the account the denied caller is in.

Examples:
  lockstep why 0f3a9c2e51d7
  lockstep why 'An error occurred (AccessDeniedException) when calling ...'
  aws stepfunctions start-execution ... 2>&1 | lockstep why -
  lockstep why --json ID | jq -r '.remedies[].command'";

/// What `lockstep why` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The authorization id of the denial, or the whole text of the error; - reads standard input
    #[arg(required = true, value_name = "ID")]
    denial: Vec<String>,
    /// Print the answer of the operation lockstep:ExplainAuthorization
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Asks the server and prints what it says.
pub(crate) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<ExitCode> {
    let mut told = arguments.denial.join(" ");
    if told == "-" {
        told.clear();
        let read = io::stdin().read_to_string(&mut told);
        read.context("standard input cannot be read")?;
    }
    let Some(id) = id_in(&told) else {
        bail!("{}", without_id(&told));
    };
    let server = arguments.server.clone().within(region_in(&told));
    let client = Client::new(&server)?;
    let input = ObjectBuilder::new().add("authorizationId", id).build();
    let explained = client.call(Service::Lockstep, "ExplainAuthorization", &input.into());
    let explained = match explained {
        Ok(explained) => explained,
        Err(Error::Refused(error)) if error.code == "ResourceNotFound" => {
            writeln!(Plain(io::stderr()), "lockstep: {}", error.message)?;
            return Ok(ExitCode::from(UNKNOWN));
        }
        Err(error) => return Err(error.into()),
    };
    // What steers a terminal is written as JSON writes it, so that JSON stays what it was.
    let out = &mut Plain(out);
    match arguments.json {
        true => writeln!(out, "{explained}")?,
        false => Explained(&explained).print(&client, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What to say to a text that has no authorization id: one refusal of AWS's is known by its words.
fn without_id(told: &str) -> &'static str {
    match told.contains("authorized to assume the provided role") {
        true => {
            "this refusal has no authorization id: the role does not exist, or its trust policy \
             does not let `states.amazonaws.com` assume it for this state machine; look at it with \
             `aws iam get-role`"
        }
        false => {
            "there is no authorization id in the text; an error of a denied call ends with \
             `... the following authorization id: ID`"
        }
    }
}

/// The authorization id in an error's text, or the text itself if it may be one.
fn id_in(text: &str) -> Option<&str> {
    let is_of_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let behind = |mark: &str| {
        let (_, rest) = text.split_once(mark)?;
        let end = rest.find(|c| !is_of_id(c)).unwrap_or(rest.len());
        rest.get(..end).filter(|id| !id.is_empty())
    };
    behind("authorization-details/")
        .or_else(|| behind("authorization id: "))
        .or_else(|| behind("authorization id:"))
        .or_else(|| {
            let text = text.trim();
            (!text.is_empty() && text.chars().all(is_of_id)).then_some(text)
        })
}

/// The Region that an error's text says the call was denied in.
fn region_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("/iam/home?region=")?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    rest.get(..end.unwrap_or(rest.len()))
}

/// The answer of ExplainAuthorization.
struct Explained<'e>(&'e Value);

/// Layers in the words of AWS's documentation.
const LAYERS: [(&str, &str); 5] = [
    ("PERMISSIONS_BOUNDARY", "the permissions boundary"),
    ("SESSION_POLICY", "the session policy"),
    ("IDENTITY_BASED_POLICY", "an identity-based policy"),
    ("RESOURCE_BASED_POLICY", "the resource-based policy"),
    ("ROLE_TRUST_POLICY", "the role trust policy"),
];

/// Which policies a check looks at, and what it is called.
const CHECKS: [(&str, &str, &[&str]); 4] = [
    (
        "PERMISSIONS_BOUNDARY",
        "permissions boundary",
        &["PERMISSIONS_BOUNDARY"],
    ),
    ("SESSION", "session policies", &["SESSION_POLICY"]),
    (
        "PRINCIPAL",
        "identity-based policies",
        &["IDENTITY_BASED_POLICY"],
    ),
    (
        "RESOURCE",
        "policy of the resource",
        &["RESOURCE_BASED_POLICY", "ROLE_TRUST_POLICY"],
    ),
];

fn layer(policy_type: &str) -> &str {
    let known = LAYERS.iter().find(|(name, _)| *name == policy_type);
    known.map_or(policy_type, |(_, words)| words)
}

impl Explained<'_> {
    fn print(&self, client: &Client, out: &mut dyn Write) -> io::Result<()> {
        let Explained(answer) = self;
        let at = answer.get("date").and_then(time::epoch_ms);
        let at = at.map(time::iso8601).unwrap_or_default();
        let (action, operation) = (text(answer, "action"), text(answer, "operation"));
        writeln!(out, "{} was denied", text(answer, "principalArn"))?;
        writeln!(out, "  action    {action}")?;
        if operation != action {
            writeln!(out, "  needed by {operation}")?;
        }
        writeln!(out, "  on        {}", text(answer, "resource"))?;
        let (region, request) = (text(answer, "region"), text(answer, "requestId"));
        writeln!(out, "  at        {at} in {region}, request {request}")?;
        writeln!(out, "  because   {}", text(answer, "reason"))?;
        writeln!(out, "\nChecks, in this order:")?;
        for check in list(answer, "checks") {
            self.print_check(check, out)?;
        }
        let remedies = list(answer, "remedies");
        match remedies {
            [] => return Ok(()),
            [_] => writeln!(out, "\nThis would allow it:")?,
            _ => writeln!(out, "\nAll of this would allow it:")?,
        }
        for remedy in remedies {
            print_remedy(remedy, client, out)?;
        }
        Ok(())
    }

    fn print_check(&self, check: &Value, out: &mut dyn Write) -> io::Result<()> {
        let kind = text(check, "checkType");
        let known = CHECKS.iter().find(|(name, _, _)| *name == kind);
        let (words, types) = known.map_or((kind, &[][..]), |(_, words, types)| (*words, *types));
        let (verdict, does_not_allow) = match text(check, "effect") {
            "ALLOW" => ("allowed", false),
            "EXPLICIT_DENY" => ("denied", false),
            "IMPLICIT_DENY" => ("not allowed", true),
            _ => ("no say", false),
        };
        writeln!(out, "  {words:<24}{verdict}")?;
        for matched in list(check, "matchedStatements") {
            let verb = match text(matched, "effect") {
                "DENY" => "denied",
                _ => "allowed",
            };
            writeln!(out, "    {verb} by {}", named(matched, "statement"))?;
            if verb == "denied" {
                pretty::print(text(matched, "text"), "      ", out)?;
            }
        }
        if does_not_allow {
            let considered = list(self.0, "policies").iter();
            let considered: Vec<&str> = considered
                .filter(|policy| types.contains(&text(policy, "policyType")))
                .map(|policy| text(policy, "policy"))
                .collect();
            match considered[..] {
                [] => writeln!(out, "    there is none")?,
                _ => writeln!(out, "    looked at {}", considered.join("\n              "))?,
            }
        }
        Ok(())
    }
}

/// A statement by its place, its Sid and its policy.
fn named(value: &Value, index: &str) -> String {
    let index = value.get(index).and_then(Value::as_i64).unwrap_or_default();
    let number = index.saturating_add(1);
    let sid = match text(value, "sid") {
        "" => String::new(),
        sid => format!(" `{sid}`"),
    };
    format!("statement {number}{sid} of {}", text(value, "policy"))
}

fn print_remedy(remedy: &Value, client: &Client, out: &mut dyn Write) -> io::Result<()> {
    let kind = layer(text(remedy, "policyType"));
    let target = text(remedy, "target");
    match text(remedy, "remedyType") {
        "NARROW_STATEMENT" => {
            let statement = named(remedy, "statementIndex");
            writeln!(out, "  take back or narrow {statement}, which denies:")?;
        }
        _ => writeln!(out, "  add to {kind} of {target}:")?,
    }
    pretty::print(text(remedy, "statement"), "    ", out)?;
    match (text(remedy, "command"), text(remedy, "policyType")) {
        ("", "SESSION_POLICY") => writeln!(
            out,
            "  a session gets its policies when it is made: assume the role with this in --policy"
        ),
        ("", _) => Ok(()),
        (commands, _) => {
            writeln!(out, "  with:")?;
            let mut lines = commands.lines();
            lines.try_for_each(|line| writeln!(out, "    {}", client.for_this_server(line)))
        }
    }
}

#[cfg(test)]
mod tests;

//! Functions that are called elsewhere: the table `remote_functions`, and whose credentials its
//! calls are signed with.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use services::lambda::remote::{RemoteFunction, RemoteIdentity, RemoteKeys};

/// Functions at another endpoint, and how they are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remote {
    /// A name or an unqualified ARN; each `*` in it stands for any text.
    pub function: String,
    /// `https://lambda.eu-west-1.amazonaws.com`.
    pub endpoint: String,
    /// Who calls there.
    pub identity: Identity,
    /// Where the caller's role is assumed (`identity = "role"`).
    #[serde(default)]
    pub sts_endpoint: Option<String>,
    /// A profile of a credentials file of AWS's tools.
    #[serde(default)]
    pub profile: Option<String>,
    /// That file; `~/.aws/credentials` unless said.
    #[serde(default)]
    pub credentials_file: Option<PathBuf>,
    /// Instead of a profile: the variables that hold the keys.
    #[serde(default)]
    pub access_key_id_env: Option<String>,
    #[serde(default)]
    pub secret_access_key_env: Option<String>,
    #[serde(default)]
    pub session_token_env: Option<String>,
    /// The function's name or ARN there, where it is another than here.
    #[serde(default)]
    pub function_name: Option<String>,
    /// The Region that calls are signed for, where it is another than here.
    #[serde(default)]
    pub region: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Identity {
    /// Whoever the credentials belong to.
    Fixed,
    /// The role that calls here, which the credentials assume there.
    Role,
}

impl Remote {
    /// What the services take, with the credentials read.
    pub(crate) fn read(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<RemoteFunction> {
        self.read_unnamed(variable)
            .with_context(|| format!("cannot use `{}` of `remote_functions`", self.function))
    }

    fn read_unnamed(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<RemoteFunction> {
        check_url("endpoint", &self.endpoint)?;
        let identity = match (self.identity, &self.sts_endpoint) {
            (Identity::Fixed, None) => RemoteIdentity::Fixed,
            (Identity::Fixed, Some(_)) => bail!(
                "`sts_endpoint` is where roles are assumed; leave it out, or set `identity = \
                 \"role\"`"
            ),
            (Identity::Role, Some(url)) => {
                check_url("sts_endpoint", url)?;
                RemoteIdentity::Role {
                    sts_endpoint: url.clone(),
                }
            }
            (Identity::Role, None) => bail!(
                "with `identity = \"role\"` the caller's role is assumed there: set \
                 `sts_endpoint`, such as `https://sts.eu-west-1.amazonaws.com`"
            ),
        };
        Ok(RemoteFunction {
            function: self.function.clone(),
            endpoint: self.endpoint.clone(),
            identity,
            keys: self.keys(variable)?,
            function_name: self.function_name.clone(),
            region: self.region.clone(),
        })
    }

    fn keys(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<RemoteKeys> {
        let of = |name: &String| {
            variable(name).with_context(|| format!("the variable `{name}` is not set"))
        };
        match (
            &self.profile,
            &self.access_key_id_env,
            &self.secret_access_key_env,
        ) {
            (Some(profile), None, None) => {
                let file = self.credentials_file(variable)?;
                let text = std::fs::read_to_string(&file)
                    .with_context(|| format!("cannot read `{}`", file.display()))?;
                of_profile(&text, profile)
                    .with_context(|| format!("`{}`, profile `{profile}`", file.display()))
            }
            (None, Some(id), Some(secret)) => Ok(RemoteKeys {
                access_key_id: of(id)?,
                secret_access_key: of(secret)?,
                session_token: self.session_token_env.as_ref().map(of).transpose()?,
            }),
            _ => bail!(
                "name the credentials: either `profile`, or `access_key_id_env` and \
                 `secret_access_key_env`"
            ),
        }
    }

    fn credentials_file(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<PathBuf> {
        if let Some(file) = &self.credentials_file {
            return Ok(file.clone());
        }
        if let Some(file) = variable("AWS_SHARED_CREDENTIALS_FILE") {
            return Ok(file.into());
        }
        let home = variable("HOME").context("there is no HOME; set `credentials_file`")?;
        Ok(Path::new(&home).join(".aws/credentials"))
    }
}

fn check_url(name: &str, url: &str) -> Result<()> {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    match rest {
        Some(host) if !host.is_empty() && !host.trim_end_matches('/').contains(['/', '?', '#']) => {
            Ok(())
        }
        _ => bail!("`{name}` is `{url}`: it must be a scheme and a host, `https://host`"),
    }
}

/// The keys of a profile in the format of AWS's tools: sections in brackets, `name = value`.
fn of_profile(text: &str, profile: &str) -> Result<RemoteKeys> {
    let lines = text.lines().map(str::trim);
    let mut is_in = false;
    let mut found: [Option<String>; 3] = Default::default();
    let names = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    ];
    for line in lines {
        let section = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'));
        if let Some(section) = section {
            is_in = section.trim() == profile;
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| is_in) else {
            continue;
        };
        for (known, place) in names.iter().zip(&mut found) {
            if name.trim() == *known {
                *place = Some(value.trim().to_owned());
            }
        }
    }
    match found {
        [Some(access_key_id), Some(secret_access_key), session_token] => Ok(RemoteKeys {
            access_key_id,
            secret_access_key,
            session_token,
        }),
        _ => bail!("it has no `aws_access_key_id` and `aws_secret_access_key`"),
    }
}

#[cfg(test)]
mod tests;

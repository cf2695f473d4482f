//! Where the command line finds its credentials, in the order of the `aws` command: a profile that
//! is named, the environment, the shared credentials file.

use std::path::PathBuf;

use ini::{Ini, ParseOption, Properties};

use super::Variables;

const PROFILE_DEFAULT: &str = "default";

/// What a call is signed with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

/// Why there are no credentials.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (`lockstep \
         dev` on loopback takes any, say `test` and `test`), or name a file of `lockstep serve` \
         with AWS_SHARED_CREDENTIALS_FILE=DATA/root-credentials"
    )]
    None,
    #[error("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both")]
    NoSecret,
    #[error("the credentials file `{path}` cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("the credentials file `{path}` has no profile `{profile}`")]
    NoProfile { path: String, profile: String },
    #[error("profile `{profile}` of the credentials file `{path}` has no `{key}`")]
    NoKey {
        path: String,
        profile: String,
        key: &'static str,
    },
}

/// The credentials to sign with; `profile` was asked for by name.
pub(super) fn find(profile: Option<&str>, variable: Variables<'_>) -> Result<Key, Error> {
    if profile.is_none()
        && let Some(access_key_id) = variable("AWS_ACCESS_KEY_ID")
    {
        return Ok(Key {
            access_key_id,
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY").ok_or(Error::NoSecret)?,
            session_token: variable("AWS_SESSION_TOKEN"),
        });
    }
    let named = profile.map(str::to_owned);
    let named = named
        .or_else(|| variable("AWS_PROFILE"))
        .or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let file = variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
    // A file or a profile that is named must be there; that there is nothing at all is told in
    // words of its own.
    let is_asked_for = named.is_some() || file.is_some();
    let home = || Some(PathBuf::from(variable("HOME")?).join(".aws/credentials"));
    let Some(path) = file.or_else(home) else {
        return Err(Error::None);
    };
    if !is_asked_for && !path.exists() {
        return Err(Error::None);
    }
    let shown = path.display().to_string();
    let profile = named.unwrap_or_else(|| PROFILE_DEFAULT.to_owned());
    // A secret may have any character; quotes and backslashes stand for themselves.
    let plainly = ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        ..ParseOption::default()
    };
    let file = Ini::load_from_file_opt(&path, plainly).map_err(|error| Error::Unreadable {
        path: shown.clone(),
        reason: error.to_string(),
    })?;
    match file.section(Some(&profile)) {
        Some(section) => of_section(section, &shown, &profile),
        None => Err(Error::NoProfile {
            path: shown,
            profile,
        }),
    }
}

fn of_section(section: &Properties, path: &str, profile: &str) -> Result<Key, Error> {
    let member = |key| section.get(key).filter(|value| !value.is_empty());
    let required = |key| {
        member(key).map(str::to_owned).ok_or_else(|| Error::NoKey {
            path: path.to_owned(),
            profile: profile.to_owned(),
            key,
        })
    };
    Ok(Key {
        access_key_id: required("aws_access_key_id")?,
        secret_access_key: required("aws_secret_access_key")?,
        session_token: member("aws_session_token").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;

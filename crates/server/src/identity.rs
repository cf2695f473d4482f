//! How a server knows its callers: its root user's key, its master key, and the rules that follow
//! from how it was started.

mod private;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hex::FromHex;
use services::access::{RootCredentials, Rules};
use services::seal::{self, KEY_BYTES, Seal};
use services::sts::session;
use store::{Expected, Kind, Store};

use crate::cli::Mode;
use crate::config::Config;

/// The root user's key in the data folder.
const ROOT_CREDENTIALS: &str = "root-credentials";
/// The master key, unless the setting `master_key_file` says where.
const MASTER_KEY: &str = "master.key";

/// A secret that is shorter can be guessed by whoever sees one signed request.
const SECRET_CHARACTERS_MIN: usize = 8;
/// AWS's are 16 to 128 letters and digits.
const KEY_CHARACTERS_MAX: usize = 128;

/// The document that tells whether a master key is the one that this store's secrets are sealed
/// under: a known text, sealed.
const CHECK_DOCUMENT: &str = "identity/master-key";
const CHECK_PURPOSE: &str = "check of the master key";

/// The root user's key as a command line gives it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct GivenKey {
    /// Access key of the root user: with it every signature is verified, and only IAM's keys count
    /// beside it [LOCKSTEP_ACCESS_KEY]
    #[arg(
        long,
        value_name = "ID",
        requires = "secret_key",
        env = "LOCKSTEP_ACCESS_KEY"
    )]
    pub access_key: Option<String>,
    /// Its secret; others on this machine see flags, so rather set LOCKSTEP_SECRET_KEY
    #[arg(
        long,
        value_name = "SECRET",
        requires = "access_key",
        env = "LOCKSTEP_SECRET_KEY",
        hide_env_values = true
    )]
    pub secret_key: Option<String>,
}

/// The rules of a server, with the root user's key where it has one.
pub(crate) fn rules(
    config: &Config,
    mode: Mode,
    given: &GivenKey,
    has_mocks: bool,
) -> Result<Rules> {
    let root = match (mode, given.credentials()?) {
        (Mode::Dev, Some(given)) => Some(given),
        (Mode::Dev, None) if config.is_on_loopback() => None,
        (Mode::Dev, None) => bail!(
            "refusing to listen on `{}`: any access key would be the administrator's, so anyone \
             who reaches the port could run code; give --access-key and --secret-key, use a \
             loopback address such as 127.0.0.1 or [::1], or start `lockstep serve`",
            config.listen
        ),
        (Mode::Serve, _) => Some(root_credentials(config)?),
    };
    Ok(Rules {
        account: config.account.as_str().into(),
        root,
        skew_ms_max: i64::from(config.clock_skew_seconds) * 1_000,
        refuses_replays: config.refuse_replays.unwrap_or(mode == Mode::Serve),
        roles_are_enforced: !has_mocks,
        function_roles_may_be_missing: mode == Mode::Dev,
    })
}

impl GivenKey {
    fn credentials(&self) -> Result<Option<RootCredentials>> {
        let (Some(id), Some(secret)) = (&self.access_key, &self.secret_key) else {
            return Ok(None);
        };
        let is_id = id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_id || !(1..=KEY_CHARACTERS_MAX).contains(&id.len()) {
            bail!("`--access-key {id}` is no access key: use letters and digits only");
        }
        if secret.chars().count() < SECRET_CHARACTERS_MIN {
            bail!("`--secret-key` is too short: use at least {SECRET_CHARACTERS_MIN} characters");
        }
        Ok(Some(RootCredentials {
            access_key_id: id.as_str().into(),
            secret_access_key: secret.as_str().into(),
        }))
    }
}

/// Where the root user's key is.
pub(crate) fn root_credentials_file(config: &Config) -> PathBuf {
    config.data.join(ROOT_CREDENTIALS)
}

/// Where the master key is.
pub(crate) fn master_key_file(config: &Config) -> PathBuf {
    let of_data = || config.data.join(MASTER_KEY);
    config.master_key_file.clone().unwrap_or_else(of_data)
}

/// The root user's key, made at the first start. The data folder must be this process's own.
fn root_credentials(config: &Config) -> Result<RootCredentials> {
    let file = root_credentials_file(config);
    if let Some(text) = private::read(&file, "the root user's key")? {
        return parsed(&text).with_context(|| {
            format!(
                "`{}` does not hold the root user's key; put it back, or delete the file for a new \
                 key",
                file.display()
            )
        });
    }
    let (id, secret) = session::new_key(&config.account)?;
    // The same form with the prefix of a key that lasts.
    let id = format!("AKIA{}", id.trim_start_matches("ASIA"));
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    private::create(&file, &text, "the root user's key")?;
    parsed(&text)
}

/// The key in a credentials file of AWS's form.
fn parsed(text: &str) -> Result<RootCredentials> {
    let value = |name: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        let found = pairs.find(|(key, _)| key.trim() == name);
        let value = found
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty());
        value.with_context(|| format!("there is no `{name} = ...` in it"))
    };
    Ok(RootCredentials {
        access_key_id: value("aws_access_key_id")?.into(),
        secret_access_key: value("aws_secret_access_key")?.into(),
    })
}

/// Seals under the server's master key, which is made at the first start; after that it must be the
/// one that this store was used with. The data folder must be this process's own.
pub(crate) fn open_seal(config: &Config, store: &dyn Store) -> Result<Seal> {
    let seal = match seal_of(config, store)? {
        Some(seal) => seal,
        None => {
            let key = seal::random_key()?;
            let text = format!("{}\n", hex::encode(key));
            private::create(&master_key_file(config), &text, "the master key")?;
            Seal::new(&key)
        }
    };
    if store.document(Kind::Setting, CHECK_DOCUMENT)?.is_none() {
        let sealed = seal.seal(CHECK_PURPOSE, &[])?;
        store.put_document(Kind::Setting, CHECK_DOCUMENT, &sealed, Expected::Absent)?;
    }
    Ok(seal)
}

/// Seals under the master key that is there; `None` where there is none yet, and none is missed.
/// Fails where this store was used with another one. Changes nothing.
pub(crate) fn seal_of(config: &Config, store: &dyn Store) -> Result<Option<Seal>> {
    let file = master_key_file(config);
    let check = store.document(Kind::Setting, CHECK_DOCUMENT)?;
    let seal = match private::read(&file, "the master key")? {
        Some(text) => Seal::new(&master_key(&text, &file)?),
        None if check.is_some() => bail!(
            "the master key `{}` is missing, and this store has secrets that are sealed under it; \
             put the file back, or say with `master_key_file` where it is",
            file.display()
        ),
        None => return Ok(None),
    };
    if check.is_some_and(|check| seal.open(CHECK_PURPOSE, &check.body).is_err()) {
        bail!(
            "the master key in `{}` is not the one that the secrets of this store are sealed \
             under; put that one back, or say with `master_key_file` where it is",
            file.display()
        );
    }
    Ok(Some(seal))
}

fn master_key(text: &str, file: &Path) -> Result<[u8; KEY_BYTES]> {
    <[u8; KEY_BYTES]>::from_hex(text.trim())
        .ok()
        .with_context(|| {
            format!(
                "`{}` does not hold a master key: {} hex digits",
                file.display(),
                2 * KEY_BYTES
            )
        })
}

/// What is wrong with a file that holds a secret; `None` if it is private or not there.
pub(crate) fn problem(file: &Path) -> Option<String> {
    private::read(file, "it")
        .err()
        .map(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests;

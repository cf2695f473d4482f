//! What a server prints once it is ready: where it is and what to try.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::Mode;
use crate::config::Config;
use crate::dev_role;
use crate::identity::{GivenKey, root_credentials_file};

/// The definition of the first command; it must stay free of single quotes.
const HELLO: &str =
    r#"{"StartAt":"Hello","States":{"Hello":{"Type":"Pass","Result":"Hello, World!","End":true}}}"#;

/// Prints to standard output, which is for people here; logs go to standard error. A server whose
/// reader has gone serves all the same.
pub(crate) fn print(mode: Mode, address: SocketAddr, config: &Config, given: &GivenKey) {
    let text = match mode {
        Mode::Dev => dev(address, config, given.access_key.as_deref()),
        Mode::Serve => serve(address, config),
    };
    if let Err(error) = io::stdout().write_all(text.as_bytes()) {
        tracing::debug!(%error, "nobody reads where the server is");
    }
}

fn ready(address: SocketAddr, config: &Config) -> String {
    let data = config.data.display();
    let mut text = format!("Lockstep is ready on http://{address}, data in {data}\n");
    if !config.is_on_loopback() {
        text += "WARNING: this is plain HTTP, and others can reach it: whoever is on the way reads \
                 and changes what is sent. Put it behind a proxy that speaks TLS.\n";
    }
    text
}

fn serve(address: SocketAddr, config: &Config) -> String {
    let ready = ready(address, config);
    let file = root_credentials_file(config);
    let file = std::path::absolute(&file).unwrap_or_else(|_| PathBuf::from(&file));
    format!(
        "{ready}
Every request must be signed. The root user's key (account {account}), for users and roles:

  export AWS_SHARED_CREDENTIALS_FILE='{file}' AWS_ENDPOINT_URL=http://{address} \
AWS_DISABLE_HOST_PREFIX_INJECTION=true AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  aws sts get-caller-identity
",
        account = config.account,
        file = file.display()
    )
}

fn dev(address: SocketAddr, config: &Config, access_key: Option<&str>) -> String {
    let ready = ready(address, config);
    let account = &config.account;
    let (who, keys) = match access_key {
        None => (
            "any access key is the administrator",
            "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test".to_owned(),
        ),
        Some(id) => (
            "every request must be signed; put in your --secret-key",
            format!("AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY=..."),
        ),
    };
    format!(
        "{ready}
Try it in another terminal ({who}; the console comes later):

  export AWS_ENDPOINT_URL=http://{address} AWS_DISABLE_HOST_PREFIX_INJECTION=true \
AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 {keys}
  aws stepfunctions create-state-machine --name hello --role-arn {role} --definition '{HELLO}'
  aws stepfunctions start-execution \
--state-machine-arn arn:aws:states:us-east-1:{account}:stateMachine:hello

Tasks run as their state machine's role; {role} may do everything.
Stop with Ctrl-C; everything in flight goes on at the next start.
",
        role = dev_role::arn(account)
    )
}

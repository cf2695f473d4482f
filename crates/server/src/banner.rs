//! What a server prints once it is ready: where it is and what to try.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use crate::cli::Mode;

/// The definition of the first command; it must stay free of single quotes.
const HELLO: &str =
    r#"{"StartAt":"Hello","States":{"Hello":{"Type":"Pass","Result":"Hello, World!","End":true}}}"#;

/// Prints to standard output, which is for people here; logs go to standard error. A server whose
/// reader has gone serves all the same.
pub(crate) fn print(mode: Mode, address: SocketAddr, data: &Path) {
    if let Err(error) = io::stdout().write_all(text(mode, address, data).as_bytes()) {
        tracing::debug!(%error, "nobody reads where the server is");
    }
}

fn text(mode: Mode, address: SocketAddr, data: &Path) -> String {
    let ready = format!(
        "Lockstep is ready on http://{address}, data in {}\n",
        data.display()
    );
    if mode == Mode::Serve {
        return ready;
    }
    format!(
        "{ready}
Try it in another terminal (any access key works; the console comes later):

  export AWS_ENDPOINT_URL=http://{address} AWS_DISABLE_HOST_PREFIX_INJECTION=true \
AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  aws stepfunctions create-state-machine --name hello \
--role-arn arn:aws:iam::000000000000:role/hello --definition '{HELLO}'
  aws stepfunctions start-execution \
--state-machine-arn arn:aws:states:us-east-1:000000000000:stateMachine:hello

IAM policies are not evaluated yet: whoever reaches this port may do everything.
Stop with Ctrl-C; everything in flight goes on at the next start.
"
    )
}

//! The few lines that turn an interpreter into a Lambda runtime, one file per language.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::probe::{Interpreter, Language};
use crate::process::Seen;
use crate::sandbox::{make_folder, write_file};

#[cfg(test)]
mod tests;

const PYTHON: &str = "python.py";
const NODE: &str = "node.mjs";

/// The bootstrap files on disk.
pub(crate) struct Bootstraps {
    folder: PathBuf,
}

impl Bootstraps {
    /// Writes the files into `folder`, replacing those of an older build.
    pub(crate) fn new(folder: &Path) -> io::Result<Bootstraps> {
        make_folder(folder)?;
        let folder = folder.canonicalize()?;
        write_file(&folder.join(PYTHON), include_str!("bootstrap/python.py"))?;
        write_file(&folder.join(NODE), include_str!("bootstrap/node.mjs"))?;
        Ok(Bootstraps { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// What to start an interpreter with, where the process sees its folders at `seen`.
pub(crate) fn arguments(interpreter: &Interpreter, seen: &Seen) -> Vec<OsString> {
    match interpreter.language {
        // Unbuffered, so that output is in the pipe before the answer is sent; no bytecode files
        // beside the package; UTF-8 though AWS's locale may be missing here. Packages of this host
        // are not there (`-S`, `-s`) but those the bootstrap is told of: AWS has its SDK installed.
        Language::Python => ["-u", "-B", "-s", "-S", "-X", "utf8"]
            .into_iter()
            .map(OsString::from)
            .chain([
                seen.runtime.join(PYTHON).into(),
                seen.layers.clone().into(),
                // Fails for a folder with a colon in its name: then there is no SDK.
                env::join_paths(&interpreter.packages).unwrap_or_default(),
            ])
            .collect(),
        Language::Node => vec![seen.runtime.join(NODE).into(), seen.layers.clone().into()],
    }
}

//! The few lines that turn an interpreter into a Lambda runtime, one file per language.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::probe::Language;

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
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        fs::write(folder.join(PYTHON), include_str!("bootstrap/python.py"))?;
        fs::write(folder.join(NODE), include_str!("bootstrap/node.mjs"))?;
        Ok(Bootstraps { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What to start an interpreter of `language` with, where it finds the files in `folder`.
    pub(crate) fn arguments(language: Language, folder: &Path) -> Vec<OsString> {
        match language {
            // Unbuffered, so that output is in the pipe before the answer is sent; no bytecode
            // files beside the package; nothing from the home of whoever runs the server;
            // UTF-8 though AWS's locale may be missing here.
            Language::Python => ["-u", "-B", "-s", "-X", "utf8"]
                .into_iter()
                .map(OsString::from)
                .chain([folder.join(PYTHON).into()])
                .collect(),
            Language::Node => vec![folder.join(NODE).into()],
        }
    }
}

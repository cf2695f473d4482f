//! The few lines that turn an interpreter into a Lambda runtime, one file per language.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::probe::Language;

#[cfg(test)]
mod tests;

/// The bootstrap files on disk.
pub(crate) struct Bootstraps {
    python: PathBuf,
    node: PathBuf,
}

impl Bootstraps {
    /// Writes the files into `folder`, replacing those of an older build.
    pub(crate) fn new(folder: &Path) -> io::Result<Bootstraps> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let (python, node) = (folder.join("python.py"), folder.join("node.mjs"));
        fs::write(&python, include_str!("bootstrap/python.py"))?;
        fs::write(&node, include_str!("bootstrap/node.mjs"))?;
        Ok(Bootstraps { python, node })
    }

    /// What to start an interpreter of `language` with.
    pub(crate) fn arguments(&self, language: Language) -> Vec<OsString> {
        match language {
            // Unbuffered, so that output is in the pipe before the answer is sent; no bytecode
            // files beside the package; nothing from the home of whoever runs the server;
            // UTF-8 though AWS's locale may be missing here.
            Language::Python => ["-u", "-B", "-s", "-X", "utf8"]
                .into_iter()
                .map(OsString::from)
                .chain([self.python.clone().into()])
                .collect(),
            Language::Node => vec![self.node.clone().into()],
        }
    }
}

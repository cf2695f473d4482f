//! Unpacked packages, one folder per digest, shared by all processes that run it.
//!
//! The folder is a cache: emptied at start, so that what runs is what the store holds, and
//! bounded, the longest unused going first.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::package::unpack;
use crate::spec::{CodeRef, InvokeError};

#[cfg(test)]
mod tests;

/// How many packages stay unpacked beyond those in use. At AWS's limit of 250 MB each that is
/// disk enough; usual ones are a few kilobytes.
const FOLDERS_MAX: usize = 64;

/// An unpacked package. As long as this lives, its folder does.
#[derive(Debug)]
pub(crate) struct Code {
    folder: PathBuf,
    unpacked: OnceCell<()>,
    used: AtomicU64,
}

impl Code {
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

pub(crate) struct CodeStore {
    root: PathBuf,
    folders: Mutex<HashMap<String, Arc<Code>>>,
    /// Counts uses, to know the oldest; also names folders on their way out.
    uses: AtomicU64,
}

impl CodeStore {
    /// Empties and uses `root`.
    pub(crate) fn new(root: &Path) -> io::Result<CodeStore> {
        remove_if_there(root)?;
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        Ok(CodeStore {
            root,
            folders: Mutex::default(),
            uses: AtomicU64::new(0),
        })
    }

    /// The unpacked package; unpacks it when it is not there. Callers that want the same one
    /// wait for the first.
    pub(crate) async fn get(&self, code: &CodeRef) -> Result<Arc<Code>, InvokeError> {
        check(code)?;
        let found = self.entry(&code.sha256)?;
        found
            .unpacked
            .get_or_try_init(|| fill(code.clone(), found.folder.clone()))
            .await?;
        Ok(found)
    }

    /// All `layers` in one folder; of files with one name the last is there.
    pub(crate) async fn layers(
        &self,
        layers: &[CodeRef],
    ) -> Result<Option<Arc<Code>>, InvokeError> {
        if layers.is_empty() {
            return Ok(None);
        }
        let mut name = Sha256::new();
        for layer in layers {
            check(layer)?;
            name.update(&layer.sha256);
        }
        let found = self.entry(&format!("layers-{}", hex::encode(name.finalize())))?;
        found
            .unpacked
            .get_or_try_init(|| merge(layers.to_vec(), found.folder.clone()))
            .await?;
        Ok(Some(found))
    }

    fn entry(&self, digest: &str) -> Result<Arc<Code>, InvokeError> {
        let mut folders = self.folders.lock();
        let now = self.uses.fetch_add(1, Ordering::Relaxed);
        if let Some(found) = folders.get(digest) {
            found.used.store(now, Ordering::Relaxed);
            return Ok(Arc::clone(found));
        }
        if folders.len() >= FOLDERS_MAX {
            self.drop_oldest(&mut folders, now)
                .map_err(|e| InvokeError::Code(e.to_string()))?;
        }
        let added = Arc::new(Code {
            folder: self.root.join(digest),
            unpacked: OnceCell::new(),
            used: AtomicU64::new(now),
        });
        folders.insert(digest.to_string(), Arc::clone(&added));
        Ok(added)
    }

    /// Makes room unless all are in use.
    fn drop_oldest(&self, folders: &mut HashMap<String, Arc<Code>>, now: u64) -> io::Result<()> {
        let oldest = folders
            .iter()
            .filter(|(_, code)| Arc::strong_count(code) == 1)
            .min_by_key(|(_, code)| code.used.load(Ordering::Relaxed))
            .map(|(digest, _)| digest.clone());
        let Some(code) = oldest.and_then(|digest| folders.remove(&digest)) else {
            return Ok(());
        };
        if !code.folder.exists() {
            return Ok(());
        }
        // Renaming is quick and frees the name; removing happens aside.
        let leaving = self.root.join(format!("leaving-{now}"));
        fs::rename(&code.folder, &leaving)?;
        tokio::task::spawn_blocking(move || {
            if let Err(error) = fs::remove_dir_all(&leaving) {
                tracing::warn!(%error, folder = %leaving.display(), "unpacked code stays on disk");
            }
        });
        Ok(())
    }
}

fn check(code: &CodeRef) -> Result<(), InvokeError> {
    if code.sha256.len() == 64 && code.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(InvokeError::Code(format!("`{}` is no digest", code.sha256)))
}

/// Unpacks the first layer, then moves what the others hold over it, in order.
async fn merge(layers: Vec<CodeRef>, folder: PathBuf) -> Result<(), InvokeError> {
    let failed = |error: io::Error| InvokeError::Code(error.to_string());
    let mut next = folder.clone();
    for layer in layers {
        fill(layer, next.clone()).await?;
        if next != folder {
            overlay(&next, &folder).map_err(failed)?;
            fs::remove_dir_all(&next).map_err(failed)?;
        }
        next = folder.with_extension("next");
    }
    Ok(())
}

/// Moves all that is in `from` to `to`: folders are united, all else is replaced.
fn overlay(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let there = fs::symlink_metadata(&target).ok();
        match there {
            Some(there) if there.is_dir() && entry.file_type()?.is_dir() => {
                overlay(&entry.path(), &target)?;
                continue;
            }
            Some(there) if there.is_dir() => fs::remove_dir_all(&target)?,
            Some(_) => fs::remove_file(&target)?,
            None => {}
        }
        fs::rename(entry.path(), &target)?;
    }
    Ok(())
}

async fn fill(code: CodeRef, folder: PathBuf) -> Result<(), InvokeError> {
    let unpacked = tokio::task::spawn_blocking(move || {
        let bytes = (code.load)().map_err(InvokeError::Code)?;
        // An attempt that failed, or was given up half way, may have left something.
        remove_if_there(&folder).map_err(|error| InvokeError::Code(error.to_string()))?;
        unpack(&bytes, &folder).map_err(|error| match &error {
            crate::ZipError::Unreadable { reason } => InvokeError::Code(reason.clone()),
            _ => InvokeError::Code(error.to_string()),
        })
    });
    unpacked
        .await
        .map_err(|error| InvokeError::Code(error.to_string()))?
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

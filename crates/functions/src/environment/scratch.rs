//! A folder that lives as long as its environment.

use std::io;
use std::path::{Path, PathBuf};

pub(super) struct Scratch {
    pub(super) folder: PathBuf,
}

impl Scratch {
    pub(super) fn new(folder: PathBuf) -> io::Result<Scratch> {
        std::fs::create_dir(&folder)?;
        Ok(Scratch { folder })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let remove = |folder: &Path| {
            if let Err(error) = std::fs::remove_dir_all(folder)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, folder = %folder.display(), "scratch folder stays");
            }
        };
        // What a function left may be large.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let folder = std::mem::take(&mut self.folder);
                runtime.spawn_blocking(move || remove(&folder));
            }
            Err(_) => remove(&self.folder),
        }
    }
}

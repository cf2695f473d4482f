//! What is large and immutable (function code, objects, Map results), found by its digest.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// The SHA-256 of a blob's bytes; shown as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The 32 bytes, from which `CodeSha256` is made.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Digest> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| Error::Invalid {
            cause: format!("`{text}` isn't a digest: 64 hexadecimal digits are"),
        })?;
        Ok(Digest(bytes))
    }
}

/// Where blobs are kept. All methods block.
pub trait Blobs: Send + Sync {
    /// Keeps `bytes`. Once it returned, they survive a loss of power under the digest it answers.
    /// Putting the same bytes again is cheap.
    fn put(&self, bytes: &[u8]) -> Result<Digest>;

    /// The bytes with this digest; they are checked against it, and `Error::Corrupt` says if they
    /// changed.
    fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>>;

    /// Whether there are bytes with this digest.
    fn contains(&self, digest: Digest) -> Result<bool>;

    /// Deletes the bytes with this digest, if there are any.
    fn delete(&self, digest: Digest) -> Result<()>;

    /// The digests of all blobs there are, in no particular order.
    fn list(&self) -> Result<Vec<Digest>>;
}

/// Blobs in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    blobs: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

impl Blobs for MemoryBlobs {
    fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        self.blobs
            .lock()
            .entry(digest)
            .or_insert_with(|| bytes.to_vec());
        Ok(digest)
    }

    fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        Ok(self.blobs.lock().get(&digest).cloned())
    }

    fn contains(&self, digest: Digest) -> Result<bool> {
        Ok(self.blobs.lock().contains_key(&digest))
    }

    fn delete(&self, digest: Digest) -> Result<()> {
        self.blobs.lock().remove(&digest);
        Ok(())
    }

    fn list(&self) -> Result<Vec<Digest>> {
        Ok(self.blobs.lock().keys().copied().collect())
    }
}

/// Blobs as files of a folder: `<folder>/<first two digits>/<digest>`.
#[derive(Debug)]
pub struct LocalBlobs {
    folder: PathBuf,
    /// Distinguishes the temporary files of this process.
    temporary: AtomicU64,
}

impl LocalBlobs {
    /// Opens the folder, which is made if it doesn't exist, and removes what an earlier process
    /// left unfinished: only one process may have it open, as [`crate::Sqlite`]'s lock ensures.
    pub fn open(folder: &Path) -> Result<LocalBlobs> {
        let blobs = LocalBlobs {
            folder: folder.to_owned(),
            temporary: AtomicU64::new(0),
        };
        let unfinished = blobs.unfinished();
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&unfinished, &error));
            }
            _ => {}
        }
        fs::create_dir_all(&unfinished).map_err(|error| failed(&unfinished, &error))?;
        Ok(blobs)
    }

    fn unfinished(&self) -> PathBuf {
        self.folder.join("unfinished")
    }

    /// The folder and the file of a digest.
    fn place(&self, digest: Digest) -> (PathBuf, PathBuf) {
        let name = digest.to_string();
        let folder = self.folder.join(name.get(..2).unwrap_or_default());
        let file = folder.join(name);
        (folder, file)
    }

    fn write(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        let (folder, file) = self.place(digest);
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.unfinished().join(number.to_string());
        let mut handle = File::create_new(&temporary)?;
        handle.write_all(bytes)?;
        handle.sync_all()?;
        if !folder.exists() {
            fs::create_dir_all(&folder)?;
            File::open(&self.folder)?.sync_all()?;
        }
        fs::rename(&temporary, &file)?;
        File::open(&folder)?.sync_all()
    }
}

impl Blobs for LocalBlobs {
    fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        // A file that exists is whole, but it may have been damaged since: writing it anew heals.
        if !matches!(self.get(digest), Ok(Some(_))) {
            let (_, file) = self.place(digest);
            self.write(digest, bytes)
                .map_err(|error| failed(&file, &error))?;
        }
        Ok(digest)
    }

    fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        let (_, file) = self.place(digest);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&file, &error)),
        };
        if Digest::of(&bytes) == digest {
            return Ok(Some(bytes));
        }
        Err(Error::Corrupt {
            path: file,
            cause: "its bytes don't have its digest".to_owned(),
        })
    }

    fn contains(&self, digest: Digest) -> Result<bool> {
        let (_, file) = self.place(digest);
        file.try_exists().map_err(|error| failed(&file, &error))
    }

    fn delete(&self, digest: Digest) -> Result<()> {
        let (_, file) = self.place(digest);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&file, &error)),
            _ => Ok(()),
        }
    }

    fn list(&self) -> Result<Vec<Digest>> {
        let mut digests = Vec::new();
        for folder in entries(&self.folder)? {
            // What is unfinished has no digest yet.
            if !folder.is_dir() || folder == self.unfinished() {
                continue;
            }
            let names = entries(&folder)?;
            let names = names.iter().filter_map(|file| file.file_name()?.to_str());
            digests.extend(names.filter_map(|name| name.parse::<Digest>().ok()));
        }
        Ok(digests)
    }
}

/// What is in a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|error| failed(folder, &error))
}

/// An error of the operating system at `path`.
pub(crate) fn failed(path: &Path, error: &io::Error) -> Error {
    let (path, cause) = (path.to_owned(), error.to_string());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { path, cause },
        _ => Error::Io { path, cause },
    }
}

#[cfg(test)]
mod tests;

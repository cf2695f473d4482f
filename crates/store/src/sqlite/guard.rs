//! What keeps a store from losing one of its files unnoticed.
//!
//! The lock file says how the store was left: `clean` (the database holds everything) or `open`,
//! with the salts of the log that holds what the database may not. An empty one says nothing: the
//! store is new, older than this, or its database was copied elsewhere alone, which is fine.

use std::cell::{Cell, OnceCell};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Display, Path, PathBuf};
use std::sync::Arc;

use rusqlite::ffi;

use super::log::{self, Salts};
use crate::blobs::failed;
use crate::{Error, Result};

/// More than a state takes.
const STATE_BYTES_MAX: u64 = 64;

/// How a store was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Clean,
    Open(Salts),
}

impl State {
    /// `None` when no server wrote that. A loss of power can leave zeros.
    fn parse(bytes: &[u8]) -> Option<State> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Some(State::Unknown);
        }
        let text = str::from_utf8(bytes).ok()?.strip_suffix('\n')?.trim_end();
        match text.split_once(' ') {
            None if text == "clean" => Some(State::Clean),
            Some(("open", salts)) => {
                let salts = u64::from_str_radix(salts, 16).ok()?;
                Some(State::Open(Salts(salts)))
            }
            _ => None,
        }
    }

    /// Of one length, so that writing over another state leaves nothing of it and needs no space.
    fn text(self) -> String {
        let text = match self {
            State::Unknown => String::new(),
            State::Clean => "clean".to_owned(),
            State::Open(salts) => format!("open {salts}"),
        };
        format!("{text:<21}\n")
    }
}

/// Where the files of a store are.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub(super) database: PathBuf,
    pub(super) log: PathBuf,
    pub(super) lock: PathBuf,
}

impl Paths {
    /// The files of the database `name` in a folder.
    pub(super) fn of(folder: &Path, name: &str) -> Paths {
        Paths {
            database: folder.join(format!("{name}.db")),
            log: folder.join(format!("{name}.db-wal")),
            lock: folder.join(format!("{name}.lock")),
        }
    }

    /// Whether any file shows that a store is or was here.
    pub(super) fn any(&self) -> bool {
        self.database.exists() || holds_bytes(&self.log) || holds_bytes(&self.lock)
    }
}

/// The last part of a path.
fn name(path: &Path) -> Display<'_> {
    Path::new(path.file_name().unwrap_or_default()).display()
}

fn holds_bytes(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// Refuses a store of which a file is missing or damaged. To be called under the lock and before
/// the database is opened, which would make up for what is missing.
pub(super) fn require_whole(paths: &Paths, lock: &File) -> Result<()> {
    let corrupt = |path: &Path, cause: &str| {
        let (path, cause) = (path.to_owned(), cause.to_owned());
        Err(Error::Corrupt { path, cause })
    };
    let mut text = Vec::new();
    let read = lock.take(STATE_BYTES_MAX).read_to_end(&mut text);
    read.map_err(|error| failed(&paths.lock, &error))?;
    let Some(state) = State::parse(&text) else {
        return corrupt(&paths.lock, "it holds what no Lockstep server writes");
    };
    if !holds_bytes(&paths.database) {
        if holds_bytes(&paths.log) {
            return corrupt(
                &paths.database,
                &format!(
                    "the file is missing or empty, though its log `{}` is there: put the file back \
                     beside it",
                    name(&paths.log)
                ),
            );
        }
        if state != State::Unknown {
            return corrupt(
                &paths.database,
                &format!(
                    "the file is missing or empty, though a store was kept here: put it back, or, \
                     to begin an empty store, delete `{}` too",
                    name(&paths.lock)
                ),
            );
        }
    }
    let log = log::check(&paths.log)?;
    let State::Open(recorded) = state else {
        return Ok(());
    };
    // A log is recorded once its first commit is synced.
    match log {
        Some(log) if log.salts == recorded && log.holds_commit => Ok(()),
        Some(log) if log.salts.follows(recorded) => Ok(()),
        Some(log) if log.salts == recorded => corrupt(
            &paths.log,
            "no commit can be read from the log any more, though some in it were acknowledged",
        ),
        Some(log) => corrupt(
            &paths.log,
            &format!(
                "it isn't the log that the last server wrote: its salts are `{}`, those recorded \
                 in `{}` are `{recorded}`; put the right file back",
                log.salts,
                name(&paths.lock)
            ),
        ),
        None => corrupt(
            &paths.log,
            &format!(
                "the log is missing or empty, though the last server could not close the store, so \
                 that commits it acknowledged are in the log alone: put the file back beside `{}`; \
                 only if a tool of SQLite has opened the database since, and thereby moved the log \
                 into it, delete `{}` instead",
                name(&paths.database),
                name(&paths.lock)
            ),
        ),
    }
}

/// Looks after the files while the store is open.
#[derive(Debug)]
pub(super) struct Guard {
    paths: Paths,
    lock: Arc<File>,
    /// Only looked at. It outlives the connections, because closing it would release their locks.
    database: Arc<File>,
    log: OnceCell<File>,
    /// The log that the lock file names.
    recorded: Cell<Option<Salts>>,
}

impl Guard {
    pub(super) fn new(paths: Paths, lock: Arc<File>, database: Arc<File>) -> Guard {
        Guard {
            paths,
            lock,
            database,
            log: OnceCell::new(),
            recorded: Cell::new(None),
        }
    }

    /// To be called after each commit and before it is acknowledged: that it went into files that
    /// are still there, and that a start without this log will be refused. Three cheap calls of the
    /// operating system (1 µs together), and a sync whenever the log began anew.
    pub(super) fn after_commit(&self) -> rusqlite::Result<()> {
        self.look_after().map_err(|error| {
            let code = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ffi::SQLITE_FULL,
                _ => ffi::SQLITE_IOERR,
            };
            rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(error.to_string()))
        })
    }

    fn look_after(&self) -> io::Result<()> {
        let log = match self.log.get() {
            Some(log) => log,
            None => match File::open(&self.paths.log) {
                Ok(log) => self.log.get_or_init(|| log),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(deleted()),
                Err(error) => return Err(error),
            },
        };
        if self.database.metadata()?.nlink() == 0 || log.metadata()?.nlink() == 0 {
            return Err(deleted());
        }
        let mut salts = [0; 8];
        match log.read_exact_at(&mut salts, Salts::PLACE) {
            Ok(()) => {}
            // Nothing was committed yet that changed anything.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        let salts = Salts(u64::from_be_bytes(salts));
        if self.recorded.get() == Some(salts) {
            return Ok(());
        }
        if self.recorded.get().is_none()
            && let Some(folder) = self.paths.log.parent()
        {
            // What the lock file says is there must be there after a loss of power.
            File::open(folder)?.sync_all()?;
        }
        self.write(State::Open(salts))?;
        self.recorded.set(Some(salts));
        Ok(())
    }

    /// To be called when the database holds everything, durably.
    pub(super) fn clean(&self) -> io::Result<()> {
        self.write(State::Clean)
    }

    fn write(&self, state: State) -> io::Result<()> {
        self.lock.write_all_at(state.text().as_bytes(), 0)?;
        self.lock.sync_all()
    }
}

fn deleted() -> io::Error {
    io::Error::other(
        "its files were deleted while the server runs, and what is in them is lost when it stops: \
         copy out what you need through the API, stop the server, restore a backup or choose \
         another folder with `--data`, and start it again",
    )
}

#[cfg(test)]
mod tests;

//! Files that only this user may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Of the files that hold secrets.
const MODE: u32 = 0o600;
/// What others may do with a file.
const OF_OTHERS: u32 = 0o077;
/// A key takes some hundred bytes.
const BYTES_MAX: u64 = 4_096;

/// The text of a private file; `None` if it is not there. `what` is for messages.
pub(super) fn read(file: &Path, what: &str) -> Result<Option<String>> {
    let name = file.display();
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {what} `{name}`")),
    };
    let mode = opened.metadata()?.permissions().mode() & 0o777;
    if mode & OF_OTHERS != 0 {
        bail!(
            "refusing {what} in `{name}`: its mode is {mode:04o}, so others on this machine can \
             read it; `chmod 600 {name}`, and take it for known if others may have read it"
        );
    }
    let mut text = String::new();
    opened
        .take(BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {what} `{name}`"))?;
    Ok(Some(text))
}

/// Makes a private file: whole, durable, or not at all.
pub(super) fn create(file: &Path, text: &str, what: &str) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut unfinished = file.as_os_str().to_owned();
        unfinished.push(".new");
        // One that a crash left behind.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut opened = options
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&unfinished)?;
        opened.write_all(text.as_bytes())?;
        opened.sync_all()?;
        fs::rename(&unfinished, file)?;
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("cannot make {what} in `{}`", file.display()))
}

//! The deployment package: the checks at intake, and unpacking.
//!
//! A package comes from outside, so nothing it says is believed: names, sizes, modes and links
//! are checked against what is really there, before a byte is written. Both entry points walk
//! the same plan, so what [`check_zip`] accepts [`unpack`] can write.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::sandbox::make_folder;

#[cfg(test)]
mod tests;

/// AWS's quota for a zip.
pub const ZIPPED_BYTES_MAX: usize = 52_428_800;
/// AWS's quota for an unpacked package, layers included.
pub const UNZIPPED_BYTES_MAX: u64 = 262_144_000;
/// The most a zip without the zip64 extension can hold. AWS names no number of its own.
pub const ENTRIES_MAX: usize = 65_534;
/// The longest target of a symbolic link; Linux's `PATH_MAX`.
const LINK_BYTES_MAX: u64 = 4_096;
/// The longest name of an entry: room for the folder that it is unpacked into is left.
const PATH_BYTES_MAX: usize = 3_072;
/// The longest name of a file; Linux's `NAME_MAX`.
const NAME_BYTES_MAX: usize = 255;
/// How deep folders may lie, and how many steps a link may take. Whoever removes a folder holds a
/// descriptor for each level, of which there are a thousand; and checking a path takes time that
/// grows with the square of its steps. Nested `node_modules` come to some fifty.
const STEPS_MAX: usize = 128;
/// The targets of all links together, which are held in memory.
const LINKS_BYTES_MAX: usize = 4 << 20;
/// The fixed part of an entry of the directory.
const HEADER_BYTES: usize = 46;
/// The end record of a zip is 22 bytes and a comment of at most 65,535.
const END_RECORD_REACH: usize = 22 + 65_535;

/// What the control plane reports about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipFacts {
    /// Bytes of the zip: `CodeSize`.
    pub code_size: u64,
    /// Bytes of its files, which count together with those of the layers.
    pub unzipped_size: u64,
    /// `CodeSha256`: base64 of the SHA-256 of the zip.
    pub code_sha256: String,
    /// The same digest in hex, for [`crate::CodeRef`].
    pub sha256: String,
}

/// Why a package is refused. The text is AWS's; `reason` is for the log.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    #[error("Zipped size must be smaller than 52428800 bytes")]
    ZippedTooLarge,
    #[error("Unzipped size must be smaller than 262144000 bytes")]
    UnzippedTooLarge,
    #[error("Could not unzip uploaded file. Please check your file, then try to upload again.")]
    Unreadable { reason: String },
    /// Not the package's fault: the disk refused.
    #[error("the package could not be written: {0}")]
    Io(#[from] io::Error),
}

/// Reads the whole package once and refuses it for anything that could not be unpacked.
pub fn check_zip(bytes: &[u8]) -> Result<ZipFacts, ZipError> {
    let (mut archive, plan) = open(bytes)?;
    let mut budget = UNZIPPED_BYTES_MAX;
    for entry in &plan.entries {
        if let Kind::File { .. } = entry.kind {
            inflate(&mut archive, entry, &mut budget, &mut io::sink())?;
        }
    }
    let digest = Sha256::digest(bytes);
    Ok(ZipFacts {
        code_size: bytes.len() as u64,
        unzipped_size: UNZIPPED_BYTES_MAX - budget,
        code_sha256: BASE64_STANDARD.encode(digest),
        sha256: hex::encode(digest),
    })
}

/// Unpacks a package into `dest`, which must not exist or be empty. Everybody may read and nobody
/// write: a function runs as another user than the server, and sees its code read-only. Of the
/// modes in the package one thing counts, whether a file can be executed. Links are made last, so
/// nothing is ever written through one.
pub fn unpack(bytes: &[u8], dest: &Path) -> Result<(), ZipError> {
    let (mut archive, plan) = open(bytes)?;
    make_folder(dest)?;
    let mut budget = UNZIPPED_BYTES_MAX;
    for entry in &plan.entries {
        let path = dest.join(&entry.path);
        match &entry.kind {
            Kind::Folder => make_folder(&path)?,
            Kind::File { mode } => {
                create_parent(&path)?;
                let mut file = fs::File::create_new(&path)?;
                file.set_permissions(fs::Permissions::from_mode(*mode))?;
                inflate(&mut archive, entry, &mut budget, &mut file)?;
            }
            Kind::Link { .. } => {}
        }
    }
    for entry in &plan.entries {
        if let Kind::Link { target } = &entry.kind {
            let path = dest.join(&entry.path);
            create_parent(&path)?;
            symlink(target, &path)?;
        }
    }
    Ok(())
}

fn create_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => make_folder(parent),
        None => Ok(()),
    }
}

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// What a zip would put on disk, in its order.
struct Plan {
    entries: Vec<Entry>,
}

struct Entry {
    index: usize,
    /// Relative, of plain names only.
    path: PathBuf,
    kind: Kind,
    bytes: u64,
}

enum Kind {
    Folder,
    File { mode: u32 },
    Link { target: String },
}

fn unreadable(reason: impl Into<String>) -> ZipError {
    ZipError::Unreadable {
        reason: reason.into(),
    }
}

fn open(bytes: &[u8]) -> Result<(Archive<'_>, Plan), ZipError> {
    if bytes.len() >= ZIPPED_BYTES_MAX {
        return Err(ZipError::ZippedTooLarge);
    }
    refuse_zip64(bytes)?;
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| unreadable(error.to_string()))?;
    if archive.len() > ENTRIES_MAX {
        return Err(unreadable(format!("{} entries", archive.len())));
    }
    if archive.has_duplicate_names() {
        return Err(unreadable("two entries have the same name"));
    }
    match archive.has_overlapping_entries() {
        Ok(false) => {}
        Ok(true) => return Err(unreadable("two entries share bytes")),
        Err(error) => return Err(unreadable(error.to_string())),
    }
    refuse_more_entries(&mut archive, bytes)?;
    let plan = plan(&mut archive)?;
    Ok((archive, plan))
}

/// Refuses a directory that goes on after the last of the entries it is said to have: other tools
/// would see files there that nobody has checked.
fn refuse_more_entries(archive: &mut Archive<'_>, bytes: &[u8]) -> Result<(), ZipError> {
    let mut last = None;
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index);
        let start = file.map_err(|error| unreadable(error.to_string()))?;
        last = last.max(usize::try_from(start.central_header_start()).ok());
    }
    let header = last.and_then(|start| bytes.get(start..)).unwrap_or(&[]);
    // The lengths of name, extra field and comment, which follow the fixed part.
    let lengths = header.get(28..34).unwrap_or(&[]).chunks_exact(2);
    let lengths = lengths.filter_map(|two| Some(u16::from_le_bytes(two.try_into().ok()?)));
    let length = HEADER_BYTES + lengths.map(usize::from).sum::<usize>();
    match header.get(length..) {
        Some(rest) if rest.starts_with(b"PK\x01\x02") => {
            Err(unreadable("more entries than it says"))
        }
        _ => Ok(()),
    }
}

/// Refuses the zip64 extension, which no package of this size needs, before the directory is
/// read: only there can a few bytes claim billions of entries.
fn refuse_zip64(bytes: &[u8]) -> Result<(), ZipError> {
    let tail = bytes
        .split_at(bytes.len().saturating_sub(END_RECORD_REACH))
        .1;
    for window in tail.windows(24) {
        if window.starts_with(b"PK\x06\x07") && window.ends_with(b"PK\x05\x06") {
            return Err(unreadable("zip64, which no package under 50 MB needs"));
        }
    }
    Ok(())
}

fn plan(archive: &mut Archive<'_>) -> Result<Plan, ZipError> {
    let mut entries = Vec::with_capacity(archive.len());
    let mut unzipped_bytes = 0u64;
    let mut link_bytes = 0;
    for index in 0..archive.len() {
        let entry = describe(archive, index)?;
        unzipped_bytes = unzipped_bytes.saturating_add(entry.bytes);
        if let Kind::Link { target } = &entry.kind {
            link_bytes += target.len();
        }
        if link_bytes > LINKS_BYTES_MAX {
            return Err(unreadable("the targets of its links are too long"));
        }
        entries.push(entry);
    }
    if unzipped_bytes >= UNZIPPED_BYTES_MAX {
        return Err(ZipError::UnzippedTooLarge);
    }
    let plan = Plan { entries };
    check_folders(&plan)?;
    check_tree(&plan)?;
    Ok(plan)
}

/// Refuses more folders than there may be entries: a name of three kilobytes makes a thousand of
/// them, and each takes more room on disk than the name in the zip.
fn check_folders(plan: &Plan) -> Result<(), ZipError> {
    let mut folders = HashSet::new();
    for entry in &plan.entries {
        let own = usize::from(!matches!(entry.kind, Kind::Folder));
        // Once one is known, so are those above it.
        let above = entry.path.ancestors().skip(own);
        for folder in above.take_while(|folder| !folder.as_os_str().is_empty()) {
            if !folders.insert(folder) {
                break;
            }
        }
        if folders.len() > ENTRIES_MAX {
            return Err(unreadable(format!("more than {ENTRIES_MAX} folders")));
        }
    }
    Ok(())
}

/// File type bits of a Unix mode.
const TYPE_MASK: u32 = 0o170_000;
const TYPE_FOLDER: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_LINK: u32 = 0o120_000;

fn describe(archive: &mut Archive<'_>, index: usize) -> Result<Entry, ZipError> {
    let file = archive
        .by_index(index)
        .map_err(|error| unreadable(error.to_string()))?;
    let name = file
        .name()
        .map_err(|error| unreadable(error.to_string()))?
        .into_owned();
    if file.encrypted() {
        return Err(unreadable(format!("`{name}` is encrypted")));
    }
    let path = plain_path(&name)?;
    let bytes = file.size();
    let mode = file.unix_mode().unwrap_or(0o644);
    let kind = match mode & TYPE_MASK {
        _ if file.is_dir() => Kind::Folder,
        TYPE_FOLDER => Kind::Folder,
        TYPE_LINK => Kind::Link {
            target: link_target(file, &name)?,
        },
        // Packages made without a type are common: plain files.
        0 | TYPE_FILE => Kind::File {
            mode: if mode & 0o111 == 0 { 0o444 } else { 0o555 },
        },
        _ => {
            return Err(unreadable(format!(
                "`{name}` is neither file, folder nor link"
            )));
        }
    };
    if path.as_os_str().is_empty() && !matches!(kind, Kind::Folder) {
        return Err(unreadable(format!("`{name}` names no file")));
    }
    Ok(Entry {
        index,
        path,
        kind,
        bytes,
    })
}

/// The name as a path below the package, without `.` and doubled slashes.
fn plain_path(name: &str) -> Result<PathBuf, ZipError> {
    if name.starts_with('/') || name.contains('\0') {
        return Err(unreadable(format!(
            "`{}` is not a relative path",
            name.escape_debug()
        )));
    }
    if name.len() > PATH_BYTES_MAX {
        return Err(unreadable(format!(
            "a name of {} bytes is too long",
            name.len()
        )));
    }
    let mut path = PathBuf::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            part if part.len() > NAME_BYTES_MAX => {
                return Err(unreadable(format!(
                    "`{part}` is too long for a file's name"
                )));
            }
            ".." => return Err(unreadable(format!("`{name}` leaves the package"))),
            part => path.push(part),
        }
    }
    if path.iter().count() > STEPS_MAX {
        return Err(unreadable(format!(
            "a name leads through more than {STEPS_MAX} folders"
        )));
    }
    Ok(path)
}

fn link_target(file: impl Read, name: &str) -> Result<String, ZipError> {
    let mut target = Vec::new();
    file.take(LINK_BYTES_MAX + 1)
        .read_to_end(&mut target)
        .map_err(|error| unreadable(format!("link `{name}`: {error}")))?;
    let is_long = target.len() as u64 > LINK_BYTES_MAX
        || target.split(|byte| *byte == b'/').count() > STEPS_MAX;
    if target.is_empty() || is_long || target.contains(&0) {
        return Err(unreadable(format!("link `{name}` has no usable target")));
    }
    String::from_utf8(target).map_err(|_| unreadable(format!("link `{name}` is not UTF-8")))
}

/// Refuses names that meet on disk, files used as folders, and links that lead outside.
fn check_tree(plan: &Plan) -> Result<(), ZipError> {
    let mut leaves = HashMap::new();
    for entry in &plan.entries {
        let is_link = matches!(entry.kind, Kind::Link { .. });
        if !matches!(entry.kind, Kind::Folder)
            && leaves.insert(entry.path.as_path(), is_link).is_some()
        {
            return Err(unreadable(format!(
                "two entries are `{}`",
                entry.path.display()
            )));
        }
    }
    let links: HashSet<&Path> = leaves
        .iter()
        .filter(|(_, is_link)| **is_link)
        .map(|(path, _)| *path)
        .collect();
    for entry in &plan.entries {
        // A folder may be named again, but not where a file or a link stands.
        let own = usize::from(!matches!(entry.kind, Kind::Folder));
        if entry
            .path
            .ancestors()
            .skip(own)
            .any(|above| leaves.contains_key(above))
        {
            return Err(unreadable(format!(
                "`{}` lies below a file",
                entry.path.display()
            )));
        }
        if let Kind::Link { target } = &entry.kind
            && !stays_inside(&entry.path, target, &links)
        {
            return Err(unreadable(format!(
                "link `{}` leads to `{target}`, outside the package",
                entry.path.display()
            )));
        }
    }
    Ok(())
}

/// Walks a target as the kernel would. A step through another link is refused, because a `..`
/// after it would start somewhere else than the text says.
fn stays_inside(link: &Path, target: &str, links: &HashSet<&Path>) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let mut at = link.parent().map(Path::to_path_buf).unwrap_or_default();
    for part in target.split('/') {
        if links.contains(at.as_path()) {
            return false;
        }
        match part {
            "" | "." => {}
            ".." => {
                if !at.pop() {
                    return false;
                }
            }
            part => at.push(part),
        }
    }
    true
}

/// Writes the real bytes of one file, never more than it declared or than `budget` has left.
fn inflate(
    archive: &mut Archive<'_>,
    entry: &Entry,
    budget: &mut u64,
    out: &mut impl Write,
) -> Result<(), ZipError> {
    let broken =
        |text: Cow<'static, str>| unreadable(format!("`{}`: {text}", entry.path.display()));
    let file = archive
        .by_index(entry.index)
        .map_err(|error| broken(error.to_string().into()))?;
    let mut file = file.take(entry.bytes + 1);
    let mut buffer = [0u8; 16 * 1024];
    let mut written = 0u64;
    loop {
        // The reader checks the CRC at the end of the entry.
        let count = file
            .read(&mut buffer)
            .map_err(|error| broken(error.to_string().into()))?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            break;
        };
        written += count as u64;
        if written > entry.bytes {
            return Err(broken("more bytes than declared".into()));
        }
        out.write_all(chunk)?;
    }
    if written != entry.bytes {
        return Err(broken("fewer bytes than declared".into()));
    }
    *budget = budget
        .checked_sub(written)
        .ok_or(ZipError::UnzippedTooLarge)?;
    Ok(())
}

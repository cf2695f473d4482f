//! Whether the write-ahead log is whole, found out before the database reads it.
//!
//! The database recovers the part of its log before the first frame that doesn't verify and says
//! nothing about the rest. That is right for a commit cut off by a crash, and loses acknowledged
//! commits when the frame was damaged later. This tells the two apart. The format is SQLite's
//! (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>): a header of 32 bytes, then
//! frames of 24 bytes and a page, each with the header's salts and a checksum over all before it.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::blobs::failed;
use crate::{Error, Result};

const HEADER_BYTES: usize = 32;

const FRAME_HEADER_BYTES: usize = 24;

/// The header's first word; its last bit says that the checksums read words big-endian.
const MAGIC: u32 = 0x377f_0682;

/// What disks write whole; many write more.
const SECTOR_BYTES: usize = 512;

/// The sizes a page can have.
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// What is read at once.
const BUFFER_BYTES: usize = 256 * 1_024;

/// Marks a log's generation: a log that begins anew gets other salts, and its frames with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Salts(pub(super) u64);

impl Salts {
    /// Where they are in the header.
    pub(super) const PLACE: u64 = 16;

    /// Whether the log that had the `earlier` salts has these when it begins anew: the database
    /// adds one to the first and draws the second.
    pub(super) fn follows(self, earlier: Salts) -> bool {
        let first = |salts: Salts| u32::try_from(salts.0 >> 32).unwrap_or(0);
        first(self) == first(earlier).wrapping_add(1)
    }
}

impl fmt::Display for Salts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// The two running sums of the header or a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checksum(u32, u32);

impl Checksum {
    fn stored(bytes: &[u8], at: usize) -> Checksum {
        Checksum(word(bytes, at), word(bytes, at + 4))
    }

    fn over(self, bytes: &[u8], big_endian: bool) -> Checksum {
        let read = if big_endian {
            u32::from_be_bytes
        } else {
            u32::from_le_bytes
        };
        let (words, _) = bytes.as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        let Checksum(mut first, mut second) = self;
        for [one, two] in pairs {
            first = first.wrapping_add(read(*one)).wrapping_add(second);
            second = second.wrapping_add(read(*two)).wrapping_add(first);
        }
        Checksum(first, second)
    }
}

/// The big-endian word at `at`.
fn word(bytes: &[u8], at: usize) -> u32 {
    let rest = bytes.get(at..).and_then(|rest| rest.first_chunk());
    rest.map_or(0, |word| u32::from_be_bytes(*word))
}

#[derive(Debug)]
struct Header {
    big_endian: bool,
    page_bytes: usize,
    salts: Salts,
    checksum: Checksum,
}

impl Header {
    /// `None` when it isn't what was written.
    fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
        let magic = word(bytes, 0);
        let page_bytes = word(bytes, 8);
        let big_endian = magic & 1 == 1;
        let (summed, _) = bytes.split_at(HEADER_BYTES - 8);
        let checksum = Checksum::stored(bytes, HEADER_BYTES - 8);
        let whole = magic & !1 == MAGIC
            && PAGE_BYTES.contains(&page_bytes)
            && page_bytes.is_power_of_two()
            && Checksum(0, 0).over(summed, big_endian) == checksum;
        whole.then_some(Header {
            big_endian,
            page_bytes: usize::try_from(page_bytes).unwrap_or(0),
            salts: salts(bytes, 16),
            checksum,
        })
    }
}

fn salts(bytes: &[u8], at: usize) -> Salts {
    Salts(u64::from(word(bytes, at)) << 32 | u64::from(word(bytes, at + 4)))
}

/// A log that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) salts: Salts,
    /// Whether a commit can be read from it.
    pub(super) holds_commit: bool,
}

/// Reads the log, refuses a damaged one, and syncs it; `None` when there is no log or an empty one.
///
/// What counts as damage: every commit is synced before the next begins, so a crash can tear none
/// but the last. A frame that follows a commit and verifies on that commit's checksum was written
/// after the commit was synced; if such a pair comes after a frame that doesn't verify (or is
/// begun by it), that frame was whole once and is damaged. Nothing else makes such a pair: frames
/// left by earlier generations have other salts, and those left by a commit that failed or was torn
/// were never built upon. Counting commits wouldn't do, as two failed ones can leave two behind.
///
/// What can't be told from a commit cut off: damage to the last commit, or a log cut short.
pub(super) fn check(path: &Path) -> Result<Option<Log>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, &error)),
    };
    let found = find(&file).and_then(|found| {
        // A server killed between writing and syncing leaves a commit that is about to be read and
        // built upon: it must be durable first, or the rule above wouldn't hold.
        file.sync_all()?;
        Ok(found)
    });
    match found.map_err(|error| failed(path, &error))? {
        Found::Empty => Ok(None),
        Found::Whole(log) => Ok(Some(log)),
        Found::Damaged(cause) => Err(Error::Corrupt {
            path: path.to_owned(),
            cause,
        }),
    }
}

#[derive(Debug)]
enum Found {
    /// No header was ever synced, so no frame was written.
    Empty,
    Whole(Log),
    Damaged(String),
}

fn find(file: &File) -> io::Result<Found> {
    let bytes = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut reader, &mut header)? {
        return Ok(Found::Empty);
    }
    let Some(header) = Header::parse(&header) else {
        // The header is synced before the first frame is written, and lies in one sector.
        let cause = "its header isn't what was written, and commits that were acknowledged may \
                     follow it";
        return Ok(match u64::try_from(HEADER_BYTES) {
            Ok(header_bytes) if bytes > header_bytes => Found::Damaged(cause.to_owned()),
            _ => Found::Empty,
        });
    };
    frames(&mut reader, &header)
}

/// Reads the frames; they are counted from 1.
fn frames(reader: &mut impl Read, header: &Header) -> io::Result<Found> {
    let mut frame = vec![0; FRAME_HEADER_BYTES + header.page_bytes];
    let mut log = Log {
        salts: header.salts,
        holds_commit: false,
    };
    // What the next frame must verify on; past the broken frame only after a commit.
    let mut base = Some(header.checksum);
    let mut broken = None;
    let mut number = 0_usize;
    while fill(reader, &mut frame)? {
        let place = HEADER_BYTES + number * frame.len();
        number += 1;
        let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
        let (summed, _) = head.split_at(8);
        let stored = Checksum::stored(head, 16);
        let is_of_log = salts(head, 8) == header.salts && word(head, 0) != 0;
        // One that lies in two sectors may be torn into an old mark and new sums.
        let is_commit = is_of_log && word(head, 4) != 0 && is_in_one_sector(place);
        let sum = |base: Checksum| {
            let base = base.over(summed, header.big_endian);
            base.over(page, header.big_endian)
        };
        let verifies = is_of_log && base.is_some_and(|base| sum(base) == stored);
        match broken {
            None if verifies => {
                log.holds_commit |= word(head, 4) != 0;
                base = Some(stored);
                continue;
            }
            None => broken = Some(number),
            Some(damaged) if verifies => {
                return Ok(Found::Damaged(format!(
                    "frame {damaged} of the log isn't what was written, and commits that were \
                     acknowledged follow it, such as the one before frame {number}"
                )));
            }
            Some(_) => {}
        }
        base = is_commit.then_some(stored);
    }
    Ok(Found::Whole(log))
}

/// Whether disks write the header of a frame at this place whole.
fn is_in_one_sector(place: usize) -> bool {
    place % SECTOR_BYTES <= SECTOR_BYTES - FRAME_HEADER_BYTES
}

/// Whether there was as much to read.
fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;

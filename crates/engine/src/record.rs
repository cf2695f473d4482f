//! The form on disk of one commit's events of one execution.
//!
//! ```text
//! format version   1 byte
//! checksum         4 bytes: CRC-32 of entity, record number and all that follows
//! flags            1 byte, 0 (for what a later release adds without a new format version)
//! time             milliseconds since the epoch, signed: the common time of the events
//! literals         encoding byte (raw or LZ4), length, [stored length,] bytes
//! payloads         count, then each: pieces * 2 + "is the text as sent", then the pieces:
//!                  length * 2 + "copied", [records back, offset there]
//! texts            the length of the literals' front part, which the payloads are made of; error
//!                  texts, names and ARNs follow behind it in the order of their use
//! events           count, then each: kind, flags, what the flags do not imply, the kind's fields
//! ```
//!
//! Numbers are LEB128. Events name states by index and payloads by their number in this record.
//! The text of a payload is put together from *pieces*: the next literals of this record, or a
//! range of the literals of an earlier one. Pieces always name literals, never other payloads, so a
//! record needs only those records whose text it shows, and a chain of changes is never followed.
//! What was stored once is named again in some five bytes, and a changed member of a large payload
//! costs that member ([`Encoder`] finds what is shared).

mod bytes;
mod encode;
mod event;
mod read;
mod splice;
mod window;

pub(crate) use bytes::{Reader, put_len, put_number, put_signed};
pub use encode::{Compressor, Encoder};
pub(crate) use read::{Context, Events};
pub use read::{Literals, Record};
pub(crate) use window::Window;

/// The format this build writes, and the only one there has been.
pub const FORMAT_VERSION: u8 = 1;

/// Bytes in front of what the checksum covers.
const CHECKED_FROM: usize = 5;

/// A range of the literals of a record of the same execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) record: u32,
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

/// What is wrong with the bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    #[error("its checksum does not fit its bytes")]
    Checksum,
    #[error("it ends too early")]
    Short,
    #[error("it goes on behind its last event")]
    Long,
    #[error("it holds a number that is too large for its place")]
    Number,
    #[error("its literals do not decompress")]
    Compression,
    #[error("it holds bytes that are not UTF-8")]
    Utf8,
    #[error("it names payload text that is not there")]
    Piece,
    #[error("it holds a payload that is not JSON")]
    Json,
    #[error("it names a kind of event, encoding or flag that does not exist")]
    Kind,
    #[error("it is of format version {0}, this build reads version 1; use a build that knows it")]
    ForeignVersion(u8),
    #[error("it is not there")]
    Missing,
}

/// The checksum of a record: its place is part of it, so records that changed places are noticed.
fn checksum(entity: store::EntityId, number: u32, checked: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&entity.0.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(checked);
    hasher.finalize()
}

#[cfg(test)]
mod tests;

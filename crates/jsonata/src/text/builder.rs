//! Strings in the making: growth is charged before it happens.

use crate::error::{Error, Limit};
use crate::meter::Meter;

/// The longest string, in UTF-16 units: measured on AWS, where 2^22 are fine and 2^23 are not.
pub(crate) const UNITS_MAX: usize = 1 << 22;

/// The length of a text as the reference counts it.
pub(crate) fn utf16_len(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    // A character takes one unit, and a second one if it needs four bytes; its first byte tells.
    let units = |byte: u8| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0);
    text.bytes().map(units).sum()
}

/// Collects the pieces of one string. What is returned by [`Builder::finish`] has been charged.
pub(crate) struct Builder<'m> {
    meter: &'m Meter,
    text: String,
    units: usize,
}

impl<'m> Builder<'m> {
    /// An empty string.
    pub(crate) fn new(meter: &'m Meter) -> Builder<'m> {
        Builder {
            meter,
            text: String::new(),
            units: 0,
        }
    }

    /// An empty string with room for `len` bytes.
    pub(crate) fn with_capacity(meter: &'m Meter, len: usize) -> Result<Builder<'m>, Error> {
        let mut builder = Builder::new(meter);
        builder.reserve(len)?;
        Ok(builder)
    }

    /// Appends `piece`.
    ///
    /// # Errors
    /// `Limit::Bytes` if the string gets longer than [`UNITS_MAX`] or memory ends; `Limit::Steps`.
    pub(crate) fn push_str(&mut self, piece: &str) -> Result<(), Error> {
        let units = self.units.saturating_add(utf16_len(piece));
        if units > UNITS_MAX {
            return Err(Error::limit(Limit::Bytes));
        }
        self.reserve(piece.len())?;
        self.units = units;
        self.text.push_str(piece);
        Ok(())
    }

    /// Appends `character`.
    ///
    /// # Errors
    /// Those of [`Builder::push_str`].
    pub(crate) fn push(&mut self, character: char) -> Result<(), Error> {
        self.push_str(character.encode_utf8(&mut [0; 4]))
    }

    /// What has been collected so far.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The string; room it did not use is given back.
    pub(crate) fn finish(mut self) -> String {
        let spare = self.text.capacity() - self.text.len();
        self.text.shrink_to_fit();
        self.meter.refund(spare);
        self.text
    }

    fn reserve(&mut self, more: usize) -> Result<(), Error> {
        let capacity = self.text.capacity();
        let needed = self.text.len().saturating_add(more);
        if needed <= capacity {
            return Ok(());
        }
        // Something short is often added to something long, and nothing after that.
        let spare = if capacity < 4096 {
            capacity
        } else {
            capacity / 4
        };
        let wanted = needed.max(capacity.saturating_add(spare));
        self.meter.make(wanted - capacity)?;
        self.text.reserve_exact(wanted - self.text.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests;

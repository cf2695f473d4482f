//! What AWS adds to the language, but for `$hash` and `$parse`. Numbers meant as integers are cut
//! off towards zero, as measured on AWS.

use super::error;
use super::numbers::{count_of, integer_of};
use crate::error::Error;

/// `$partition`: how many elements each chunk of an array has; all of them if no size is given.
/// `None` means that the result is undefined: the array is empty or the size is zero.
///
/// # Errors
/// D3137 for a negative size.
pub(crate) fn partition_size(len: usize, size: Option<f64>) -> Result<Option<usize>, Error> {
    let size = match size.map(f64::trunc) {
        Some(size) if size < 0.0 => {
            let message = "Second argument of partition function must be a positive number";
            return Err(error("D3137", message));
        }
        Some(size) => count_of(size),
        None => len,
    };
    Ok(Some(size).filter(|size| *size > 0 && len > 0))
}

/// The numbers `$range` makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) first: f64,
    pub(crate) step: f64,
    /// How many there are, at least one.
    pub(crate) count: usize,
}

impl Range {
    /// The number at a position from 0.
    pub(crate) fn element(&self, at: usize) -> f64 {
        self.first + self.step * at as f64
    }
}

/// `$range`: from `first` to `last`, both included. `None` means that the result is undefined: the
/// step is missing, zero or leads away from `last`.
pub(crate) fn range(first: f64, last: f64, step: Option<f64>) -> Option<Range> {
    let (first, last, step) = (first.trunc(), last.trunc(), step?.trunc());
    let steps = ((last - first) / step).floor();
    let is_sound = steps.is_finite() && steps >= 0.0 && step != 0.0;
    is_sound.then(|| Range {
        first,
        step,
        count: count_of(steps).saturating_add(1),
    })
}

/// `$random()`: a number from 0 to below 1, of 64 random bits.
pub(crate) fn random_of_bits(bits: u64) -> f64 {
    // As many bits as a double holds exactly.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// `$random(seed)`: the same number for the same seed. The bits are the first ones of SplitMix64.
pub(crate) fn random_of_seed(seed: f64) -> f64 {
    let state = integer_of(seed)
        .cast_unsigned()
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    random_of_bits(mixed ^ (mixed >> 31))
}

/// `$uuid`: a UUID of version 4 of 128 random bits.
pub(crate) fn uuid(high: u64, low: u64) -> String {
    const VERSION_4: u64 = 0x4000;
    const VARIANT: u64 = 1 << 63;
    let high = high & !0xf000 | VERSION_4;
    let low = low & !(3 << 62) | VARIANT;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests;

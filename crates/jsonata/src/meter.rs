//! What an evaluation may use: steps instead of seconds, bytes instead of a heap, levels instead of
//! a stack. No bound is a clock, so the same expression ends the same way on every machine.

use std::cell::Cell;

use crate::error::{Error, Limit};

/// How much one evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// One for each node, each element a function looks at, and each 64 bytes made or compared.
    pub steps: u64,
    /// Bytes alive at a time, as closely as ownership is known, never fewer.
    pub bytes: u64,
    /// Nested evaluations.
    pub depth: u32,
}

impl Allowance {
    /// What an expression may use at most. The steps stand for AWS's one second; 64 MiB and 100
    /// levels are measured on AWS (99 parentheses, `1+1+...` of 100 terms).
    pub const FULL: Allowance = Allowance {
        steps: 20_000_000,
        bytes: 64 * 1024 * 1024,
        depth: 100,
    };
}

/// What is left of an [`Allowance`]. Many evaluations may share one: what one of them made is given
/// back when it ends, except for its result.
#[derive(Debug)]
pub struct Meter {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    allowance: Allowance,
    elements_max: usize,
}

/// What an element of a list counts for: a list of numbers in AWS's engine, as far as the measured
/// edge tells.
pub(crate) const ELEMENT_BYTES: usize = 24;

/// How long a list may be, by the bytes allowed: 873,782 elements of 64 MiB, as measured on AWS.
fn elements_max(bytes: u64) -> usize {
    let elements = u128::from(bytes) * 10 / 768;
    usize::try_from(elements)
        .unwrap_or(usize::MAX)
        .saturating_sub(31)
}

impl Meter {
    /// A meter with everything left.
    pub fn new(allowance: Allowance) -> Meter {
        Meter {
            steps: Cell::new(allowance.steps),
            bytes: Cell::new(allowance.bytes),
            allowance,
            elements_max: elements_max(allowance.bytes),
        }
    }

    /// Steps that may still be taken.
    pub fn steps_left(&self) -> u64 {
        self.steps.get()
    }

    pub(crate) fn depth_max(&self) -> u32 {
        self.allowance.depth
    }

    pub(crate) fn bytes_left(&self) -> u64 {
        self.bytes.get()
    }

    /// Ends an evaluation that began with `before` bytes left: all it made is gone, but for a
    /// result of so many bytes.
    pub(crate) fn keep_only(&self, before: u64, result: usize) {
        let result = u64::try_from(result).unwrap_or(u64::MAX);
        let made = before.saturating_sub(self.bytes.get());
        self.bytes.set(before.saturating_sub(made.min(result)));
    }

    /// Takes what one more element costs in a list that has `len`.
    ///
    /// # Errors
    /// `Limit::Bytes` or `Limit::Steps`.
    #[inline]
    pub(crate) fn element(&self, len: usize) -> Result<(), Error> {
        self.step(1)?;
        match self.bytes.get().checked_sub(ELEMENT_BYTES as u64) {
            Some(left) if len < self.elements_max => {
                self.bytes.set(left);
                Ok(())
            }
            _ => Err(Error::limit(Limit::Bytes)),
        }
    }

    /// Takes what `more` elements cost in a list that has `len`.
    ///
    /// # Errors
    /// `Limit::Bytes` or `Limit::Steps`.
    pub(crate) fn elements(&self, len: usize, more: usize) -> Result<(), Error> {
        let count = u64::try_from(more).unwrap_or(u64::MAX);
        let bytes = count.saturating_mul(ELEMENT_BYTES as u64);
        match self.bytes.get().checked_sub(bytes) {
            Some(left) if len.saturating_add(more) <= self.elements_max => {
                self.bytes.set(left);
                self.step(count)
            }
            _ => Err(Error::limit(Limit::Bytes)),
        }
    }

    /// Gives back what the elements of a list cost.
    #[inline]
    pub(crate) fn refund_elements(&self, len: usize) {
        self.refund(len.saturating_mul(ELEMENT_BYTES));
    }

    /// Takes steps.
    ///
    /// # Errors
    /// `Limit::Steps` when there are not that many; none are left then.
    #[inline]
    pub fn step(&self, count: u64) -> Result<(), Error> {
        match self.steps.get().checked_sub(count) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => {
                self.steps.set(0);
                Err(Error::limit(Limit::Steps))
            }
        }
    }

    /// Takes bytes, and a step for each 64 of them: making them takes time too.
    ///
    /// # Errors
    /// `Limit::Bytes` or `Limit::Steps`.
    #[inline]
    pub fn make(&self, bytes: usize) -> Result<(), Error> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.step(bytes / 64)?;
        match self.bytes.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes.set(left);
                Ok(())
            }
            None => Err(Error::limit(Limit::Bytes)),
        }
    }

    /// Gives bytes back that are free again.
    #[inline]
    pub fn refund(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let left = self.bytes.get().saturating_add(bytes);
        self.bytes.set(left.min(self.allowance.bytes));
    }
}

#[cfg(test)]
mod tests;

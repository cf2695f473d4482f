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

/// What is left of an [`Allowance`]. Many evaluations may share one.
#[derive(Debug)]
pub struct Meter {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    depth_max: u32,
}

impl Meter {
    /// A meter with everything left.
    pub fn new(allowance: Allowance) -> Meter {
        Meter {
            steps: Cell::new(allowance.steps),
            bytes: Cell::new(allowance.bytes),
            depth_max: allowance.depth,
        }
    }

    /// Steps that may still be taken.
    pub fn steps_left(&self) -> u64 {
        self.steps.get()
    }

    pub(crate) fn depth_max(&self) -> u32 {
        self.depth_max
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
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }
}

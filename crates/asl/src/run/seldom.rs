//! A part of a run that most runs never have.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use super::{Cancel, Redrives};
use crate::program::StateIndex;

/// A value that is nearly always its default, and then takes one word: a run is copied with each
/// decision. Reads as the value; writing makes room for it.
#[derive(Clone, Debug)]
pub struct Seldom<T>(Option<Box<T>>);

/// What a [`Seldom`] value is until it is written.
pub trait Unwritten: Default + 'static {
    /// The default.
    fn unwritten() -> &'static Self;
}

impl Unwritten for Redrives {
    fn unwritten() -> &'static Redrives {
        static UNWRITTEN: Redrives = Redrives {
            count: 0,
            last_at: None,
            tokens: Vec::new(),
        };
        &UNWRITTEN
    }
}

impl Unwritten for Vec<Cancel> {
    fn unwritten() -> &'static Vec<Cancel> {
        static UNWRITTEN: Vec<Cancel> = Vec::new();
        &UNWRITTEN
    }
}

impl Unwritten for BTreeMap<StateIndex, u32> {
    fn unwritten() -> &'static BTreeMap<StateIndex, u32> {
        static UNWRITTEN: BTreeMap<StateIndex, u32> = BTreeMap::new();
        &UNWRITTEN
    }
}

impl<T> Default for Seldom<T> {
    fn default() -> Seldom<T> {
        Seldom(None)
    }
}

impl<T: Unwritten> Deref for Seldom<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => T::unwritten(),
        }
    }
}

impl<T: Unwritten> DerefMut for Seldom<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

/// A default that was written is as good as one that was not.
impl<T: Unwritten + PartialEq> PartialEq for Seldom<T> {
    fn eq(&self, other: &Seldom<T>) -> bool {
        **self == **other
    }
}

//! Calls over the door, from bytes to bytes, against services on a store in memory.

mod bad_input;
mod inputs;
mod mutations;
mod world;

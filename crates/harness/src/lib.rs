//! Development only: repository checks, text cases, the simulator, recovery and property tests,
//! benches.
//!
//! ```text
//! cargo test -p harness                 all checks, cases and simulations
//! UPDATE_EXPECT=1 cargo test -p harness write what the text cases now give
//! make bench                            figures
//! make judge                            IAM policies before a second evaluator
//! ```

pub mod bench;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod coverage;
mod dice;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod hostile;
pub mod instructions;
pub mod judge;
#[cfg(test)]
mod property;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod upgrade;

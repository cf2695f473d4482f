//! Tests that draw everything from a seed: a failure is a number.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use parking_lot::Mutex;

/// A look at so many failures is enough.
const PROBLEMS_MAX: usize = 4;

/// Checks seeds on all cores; the problems of the first few that have any. A panic is a problem.
pub(crate) fn check_all(
    seeds: impl Iterator<Item = u64> + Send,
    check: impl Fn(u64) -> Result<(), String> + Sync,
) -> Vec<String> {
    let seeds = Mutex::new(seeds);
    let problems = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while problems.lock().len() < PROBLEMS_MAX {
                    let Some(seed) = seeds.lock().next() else {
                        return;
                    };
                    let checked = catch_unwind(AssertUnwindSafe(|| check(seed)));
                    let panicked = |_| Err(format!("seed {seed} panicked, see above"));
                    problems
                        .lock()
                        .extend(checked.unwrap_or_else(panicked).err());
                }
            });
        }
    });
    problems.into_inner()
}

/// A number from the environment: `LOCKSTEP_SEED` for one seed, `LOCKSTEP_SEEDS` for how many.
pub(crate) fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("`{name}` is `{text}`, not a number")),
    )
}

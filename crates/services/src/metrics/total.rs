//! What a series was given since the process began.

/// Upper bounds of the buckets of times, in milliseconds: a warm function to a slow batch job. The
/// last bucket has none.
pub const BOUNDS_MS: [f64; 16] = [
    1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0, 30_000.0,
    60_000.0, 300_000.0, 900_000.0,
];

/// Sums over the life of the process, which only grow, as Prometheus wants them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    pub count: f64,
    pub sum: f64,
    /// The newest value: what a gauge shows.
    pub last: f64,
    /// Values of each bucket of [`BOUNDS_MS`], and those beyond.
    pub buckets: [u64; BOUNDS_MS.len() + 1],
}

impl Total {
    pub(super) fn add(&mut self, value: f64, count: f64) {
        self.count += count;
        self.sum += value * count;
        self.last = value;
        let at = BOUNDS_MS.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get_mut(at) {
            *bucket = bucket.saturating_add(whole(count));
        }
    }

    /// Values of which only the sums are known: all of them are in the bucket of the greatest.
    pub(super) fn add_sums(&mut self, count: f64, sum: f64, max: f64) {
        self.add(max, count);
        self.sum += sum - max * count;
    }
}

/// A count as a whole number; what can't be one is the nearest that can.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "INVARIANT: the cast of a float saturates, which is what is wanted"
)]
fn whole(count: f64) -> u64 {
    count as u64
}

//! Metrics: what the server measures and what its users put, added up by the minute.
//!
//! [`Metrics::series`] gives a handle that takes values at a few tens of nanoseconds: it locks one
//! small cell and touches nothing else. Minutes that have ended are appended to [`Lines`] by
//! [`Metrics::flush`], which the server calls every minute and at its end; a crash costs the values
//! since the last flush. [`Metrics::read`] gives what was kept together with what is still in
//! memory. [`Metrics::totals`] is what was recorded since the process began, for Prometheus.
//!
//! Values are kept by the minute also where AWS keeps them by the second, and there are no coarser
//! steps for older ones: a minute stays for the retention, then it is gone.

mod aggregate;
pub mod emf;
mod kept;
mod key;
mod open;
mod own;
mod states;
mod total;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};
use store::Lines;

pub use aggregate::Aggregate;
pub use kept::Which;
pub use key::{MetricKey, Unit};
pub use own::Counter;
pub use states::StatesMetrics;
pub use total::{BOUNDS_MS, Total};

use key::SeriesId;

/// What values are added up by.
pub const MINUTE_MS: i64 = 60_000;
/// Minutes of all series that are open at once: values far in the past or future open one each.
/// A minute takes about 100 bytes, and up to 2 KiB of different values.
const OPEN_MAX: usize = 400_000;

/// Why a value is dropped.
const NO_NUMBER: &str = "not every value is a number";

/// Every series of a server. See the module.
pub struct Metrics {
    series: RwLock<HashMap<Arc<MetricKey>, Arc<Cell>>>,
    series_max: usize,
    shared: Arc<Shared>,
    lines: Arc<dyn Lines>,
    /// Held for writing while minutes move from memory to the lines: who reads sees them once.
    moving: RwLock<()>,
    own: own::Own,
}

/// What all cells share.
struct Shared {
    /// Minutes of all cells.
    open: AtomicUsize,
    dropped: Counter,
    /// Whether it was said since the last flush that values are dropped.
    warned: AtomicBool,
}

impl Shared {
    fn drop_values(&self, count: u64, why: &str) {
        self.dropped.add(count);
        if !self.warned.swap(true, Relaxed) {
            tracing::warn!("values of metrics are dropped: {why}");
        }
    }
}

/// A handle to one series, to be kept; cheap to clone.
#[derive(Clone)]
pub struct Series {
    /// `None` where there were too many series.
    cell: Option<Arc<Cell>>,
    shared: Arc<Shared>,
}

struct Cell {
    key: Arc<MetricKey>,
    id: SeriesId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By minute; mostly one, the current one last.
    open: Vec<(i64, Aggregate)>,
    total: Total,
    /// The time of the newest value.
    last_ms: i64,
    /// The day (UTC) on which the key was last written to the lines.
    listed_day: Option<i64>,
}

impl Metrics {
    /// No series yet ([`Metrics::load`] brings back those of before), and at most `series_max`.
    pub fn new(lines: Arc<dyn Lines>, series_max: usize) -> Metrics {
        let own = own::Own::default();
        let dropped = own.counter(
            "lockstep_metric_values_dropped",
            "Values of metrics that were not kept: too many series or minutes, or no number",
        );
        let shared = Shared {
            open: AtomicUsize::new(0),
            dropped,
            warned: AtomicBool::new(false),
        };
        Metrics {
            series: RwLock::default(),
            series_max,
            shared: Arc::new(shared),
            lines,
            moving: RwLock::default(),
            own,
        }
    }

    /// The handle of a series, which is made where there is none. Beyond the bound on series the
    /// handle drops what it is given, counts that, and one warning a minute says so.
    pub fn series(&self, key: &MetricKey) -> Series {
        let sorted;
        let key = if key.is_sorted() {
            key
        } else {
            sorted = key.clone().sorted();
            &sorted
        };
        Series {
            cell: self.cell(key),
            shared: Arc::clone(&self.shared),
        }
    }

    fn cell(&self, key: &MetricKey) -> Option<Arc<Cell>> {
        if let Some(cell) = self.series.read().get(key) {
            return Some(Arc::clone(cell));
        }
        let mut series = self.series.write();
        let is_full = series.len() >= self.series_max;
        match series.entry(Arc::new(key.clone())) {
            Entry::Occupied(known) => Some(Arc::clone(known.get())),
            Entry::Vacant(_) if is_full => None,
            Entry::Vacant(vacant) => {
                let cell = Cell {
                    key: Arc::clone(vacant.key()),
                    id: key.id(),
                    state: Mutex::default(),
                };
                Some(Arc::clone(vacant.insert(Arc::new(cell))))
            }
        }
    }

    /// Records one value of a series that no handle was kept of.
    pub fn record(&self, key: &MetricKey, value: f64, time_ms: i64) {
        self.series(key).record(value, time_ms);
    }

    /// Counts values that are not recorded.
    pub(crate) fn drop_values(&self, count: u64, why: &str) {
        self.shared.drop_values(count, why);
    }

    /// A number of the server's own that only ever grows, shown at `/metrics` under `name`, which
    /// is made where there is none.
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.own.counter(name, help)
    }

    /// The server's own counters: name, help, value.
    #[must_use]
    pub fn counters(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.own.values()
    }

    /// Every series with a value in this process, sorted by its key, and what it was given so far.
    #[must_use]
    pub fn totals(&self) -> Vec<(Arc<MetricKey>, Total)> {
        let series = self.series.read();
        let total = |cell: &Arc<Cell>| (Arc::clone(&cell.key), cell.state.lock().total.clone());
        let mut totals: Vec<_> = series.values().map(total).collect();
        drop(series);
        totals.retain(|(_, total)| total.count > 0.0);
        totals.sort_by(|(one, _), (other, _)| {
            let family = |key: &MetricKey| (Arc::clone(&key.namespace), Arc::clone(&key.name));
            family(one).cmp(&family(other)).then_with(|| one.cmp(other))
        });
        totals
    }

    /// The series of an account and Region that had a value at `since_ms` or later, in order.
    #[must_use]
    pub fn active(&self, account: &str, region: &str, since_ms: i64) -> Vec<Arc<MetricKey>> {
        let series = self.series.read();
        let cells = series.values().filter(|cell| {
            *cell.key.account == *account
                && *cell.key.region == *region
                && cell.state.lock().last_ms >= since_ms
        });
        let mut keys: Vec<_> = cells.map(|cell| Arc::clone(&cell.key)).collect();
        drop(series);
        keys.sort();
        keys
    }

    /// The known keys that differ from `key` in nothing but the unit.
    #[must_use]
    pub fn of_any_unit(&self, key: &MetricKey) -> Vec<Arc<MetricKey>> {
        let mut key = key.clone().sorted();
        let series = self.series.read();
        let mut of_unit = |unit: &Unit| {
            key.unit = *unit;
            series.get_key_value(&key).map(|(key, _)| Arc::clone(key))
        };
        Unit::ALL.iter().filter_map(&mut of_unit).collect()
    }

    /// What is known of `keys` in `times_ms`. `period` says of each key, by its number, and of a
    /// minute under which time it is added up: all minutes of weeks take much room. May block.
    ///
    /// # Errors
    /// When the lines can't be read.
    pub fn read(
        &self,
        keys: &[Arc<MetricKey>],
        times_ms: std::ops::Range<i64>,
        period: &dyn Fn(usize, i64) -> i64,
    ) -> Result<Vec<BTreeMap<i64, Aggregate>>, store::Error> {
        let _still = self.moving.read();
        let mut found = self.read_kept(keys, times_ms.clone(), period)?;
        let series = self.series.read();
        for (at, (key, periods)) in keys.iter().zip(&mut found).enumerate() {
            let Some(cell) = series.get(key) else {
                continue;
            };
            let state = cell.state.lock();
            let wanted = state.open.iter();
            let wanted = wanted.filter(|(minute, _)| times_ms.contains(minute));
            for (minute, aggregate) in wanted {
                let period = period(at, *minute);
                periods.entry(period).or_default().merge(aggregate);
            }
        }
        Ok(found)
    }
}

impl Series {
    /// Adds a value to the minute of `time_ms`. Never blocks: memory only, a few tens of
    /// nanoseconds. What is no finite number is dropped and counted.
    pub fn record(&self, value: f64, time_ms: i64) {
        self.record_each(&[(value, 1.0)], time_ms);
    }

    /// Whether what is recorded is kept: not so where there were too many series.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.cell.is_some()
    }

    /// Adds values, each as often as it was seen.
    pub fn record_each(&self, values: &[(f64, f64)], time_ms: i64) {
        let is_number = |(value, count): &(f64, f64)| value.is_finite() && count.is_finite();
        if !values.iter().all(is_number) {
            return self.shared.drop_values(values.len() as u64, NO_NUMBER);
        }
        self.change(time_ms, |total, minute| {
            for (value, count) in values {
                minute.add(*value, *count);
                total.add(*value, *count);
            }
        });
    }

    /// Adds the sums of `count` values that are known no better.
    pub fn record_statistics(&self, count: f64, sum: f64, min: f64, max: f64, time_ms: i64) {
        if ![count, sum, min, max].into_iter().all(f64::is_finite) {
            return self.shared.drop_values(1, NO_NUMBER);
        }
        self.change(time_ms, |total, minute| {
            minute.add_statistics(count, sum, min, max);
            total.add_sums(count, sum, max);
        });
    }

    fn change(&self, time_ms: i64, add: impl FnOnce(&mut Total, &mut Aggregate)) {
        let Some(cell) = &self.cell else {
            return self
                .shared
                .drop_values(1, "there are too many series (`metrics_series_max`)");
        };
        let minute = time_ms.saturating_sub(time_ms.rem_euclid(MINUTE_MS));
        let mut state = cell.state.lock();
        let state = &mut *state;
        let at = match state.open.iter().rposition(|(known, _)| *known == minute) {
            Some(at) => at,
            None if self.shared.open.fetch_add(1, Relaxed) >= OPEN_MAX => {
                self.shared.open.fetch_sub(1, Relaxed);
                return self
                    .shared
                    .drop_values(1, "too many different minutes are open");
            }
            None => {
                state.open.push((minute, Aggregate::default()));
                state.open.len() - 1
            }
        };
        if let Some((_, aggregate)) = state.open.get_mut(at) {
            add(&mut state.total, aggregate);
            state.last_ms = state.last_ms.max(time_ms);
        }
    }
}

#[cfg(test)]
mod tests;

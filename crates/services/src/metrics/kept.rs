//! Metrics in [`Lines`](store::Lines), kind `metrics`.
//!
//! `metrics/<account>/<region>/<bucket>` has a line for each minute with the points of all series
//! of the bucket, so that a read of few series over many minutes decodes little beside them.
//! Points name their series by number. What the numbers stand for is in `metrics/series`: on every
//! day on which a series has points, its key is written there once, so that both go together.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::lines::{Line, Order};

use super::{Aggregate, MINUTE_MS, MetricKey, Metrics, SeriesId, Unit};

/// The kind of the streams, under which they expire.
pub(super) const KIND: &str = "metrics";
const KEYS: &str = "metrics/series";
/// The streams of an account and Region. Of 10,000 series some 160 share a line: 6 KiB a minute.
const BUCKETS: u64 = 64;
/// Series of one line; a line stays below 3 MiB even where all values of all of them differ.
const SERIES_PER_LINE_MAX: usize = 1_024;
/// Lines read in one go.
const PAGE_LINES: usize = 512;
/// What a line may have unpacked; a damaged one must not ask for more.
const LINE_BYTES_MAX: usize = 16 << 20;
/// The first byte of a line: how the rest is read.
const FORMAT: u8 = 1;
const DAY_MS: i64 = 86_400_000;
/// How long a series without values is remembered. AWS lists a metric for two weeks.
const REMEMBERED_MS: i64 = 15 * DAY_MS;

/// The points of a minute.
type Points = Vec<(SeriesId, Aggregate)>;
/// Whose points these are: account, Region, bucket.
type Stream = (Arc<str>, Arc<str>, u64);
/// A key as it is kept: account, Region, namespace, name, unit, dimensions.
type KeptKey = (
    String,
    String,
    String,
    String,
    String,
    Vec<(String, String)>,
);

/// Which minutes leave memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that are over.
    Ended,
    /// All, since the server ends. What comes later for the same minute is added to it.
    All,
}

/// What leaves memory at once.
#[derive(Default)]
struct Leaving {
    keys: Vec<Arc<MetricKey>>,
    minutes: BTreeMap<(Stream, i64), Points>,
}

impl Metrics {
    /// Brings back the series of before. Call it once, before others record. May block.
    ///
    /// # Errors
    /// When the lines can't be read.
    pub fn load(&self, now_ms: i64) -> Result<(), store::Error> {
        let times_ms = now_ms - REMEMBERED_MS..i64::MAX;
        self.lines_of(KEYS, times_ms, |time_ms, bytes| {
            let keys: Vec<KeptKey> = unpacked(bytes)?;
            for key in keys.into_iter().filter_map(key_of) {
                if let Some(cell) = self.cell(&key.sorted()) {
                    let mut state = cell.state.lock();
                    state.last_ms = state.last_ms.max(time_ms);
                    state.listed_day = state.listed_day.max(Some(time_ms.div_euclid(DAY_MS)));
                }
            }
            Some(())
        })
    }

    /// Moves minutes from memory to the lines, and forgets series that had no value for long. Once
    /// it returned, what was moved survives kill -9 and loss of power. May block.
    ///
    /// # Errors
    /// When the lines can't be written: then the values of those minutes are lost.
    pub fn flush(&self, now_ms: i64, which: Which) -> Result<(), store::Error> {
        let _moving = self.moving.write();
        self.shared.warned.store(false, Relaxed);
        let Leaving { keys, minutes } = self.leaving(now_ms, which);
        for keys in keys.chunks(SERIES_PER_LINE_MAX) {
            let kept: Vec<_> = keys.iter().map(|key| kept_key(key)).collect();
            self.append(KEYS, &[line(now_ms, &kept)?])?;
        }
        let mut lines: BTreeMap<Stream, Vec<Line>> = BTreeMap::new();
        for ((stream, minute), points) in minutes {
            let lines = lines.entry(stream).or_default();
            for points in points.chunks(SERIES_PER_LINE_MAX) {
                lines.push(line(minute, &points)?);
            }
        }
        for ((account, region, bucket), lines) in lines {
            self.append(&stream_name(&account, &region, bucket), &lines)?;
        }
        Ok(())
    }

    /// Drops the days that ended before `before_ms`; says how many. May block.
    ///
    /// # Errors
    /// When the lines can't be written.
    pub fn expire(&self, before_ms: i64) -> Result<u64, store::Error> {
        self.lines.expire(KIND, before_ms)
    }

    fn append(&self, stream: &str, lines: &[Line]) -> Result<(), store::Error> {
        self.lines.append(stream, lines).map(drop)
    }

    /// Takes out what is to be written.
    fn leaving(&self, now_ms: i64, which: Which) -> Leaving {
        let today = now_ms.div_euclid(DAY_MS);
        let within = now_ms - REMEMBERED_MS..now_ms + DAY_MS;
        let mut leaving = Leaving::default();
        let mut series = self.series.write();
        series.retain(|key, cell| {
            let mut state = cell.state.lock();
            let is_over = |minute: i64| which == Which::All || minute + MINUTE_MS <= now_ms;
            let mut open = std::mem::take(&mut state.open);
            let count = open.len();
            // Log lines may say any time.
            open.retain(|(minute, _)| within.contains(minute));
            for _ in open.len()..count {
                self.shared
                    .drop_values(1, "their time is too far in the past or future");
            }
            let (over, open): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|(minute, _)| is_over(*minute));
            state.open = open;
            if !over.is_empty() && state.listed_day != Some(today) {
                state.listed_day = Some(today);
                leaving.keys.push(Arc::clone(key));
            }
            self.shared
                .open
                .fetch_sub(count - state.open.len(), Relaxed);
            let bucket = bucket_of(cell.id);
            for (minute, aggregate) in over {
                let stream = (Arc::clone(&key.account), Arc::clone(&key.region), bucket);
                let points = leaving.minutes.entry((stream, minute)).or_default();
                points.push((cell.id, aggregate));
            }
            // Whoever keeps a handle may still record: its cell stays.
            let is_held = Arc::strong_count(cell) > 1;
            is_held || !state.open.is_empty() || state.last_ms >= now_ms - REMEMBERED_MS
        });
        leaving
    }

    /// What the lines have of `keys`: as [`Metrics::read`].
    pub(super) fn read_kept(
        &self,
        keys: &[Arc<MetricKey>],
        times_ms: Range<i64>,
        period: &dyn Fn(usize, i64) -> i64,
    ) -> Result<Vec<BTreeMap<i64, Aggregate>>, store::Error> {
        let mut found = vec![BTreeMap::<i64, Aggregate>::new(); keys.len()];
        let mut streams: BTreeMap<String, HashMap<SeriesId, Vec<usize>>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            let id = key.id();
            let stream = stream_name(&key.account, &key.region, bucket_of(id));
            let wanted = streams.entry(stream).or_default();
            wanted.entry(id).or_default().push(at);
        }
        for (stream, wanted) in streams {
            self.lines_of(&stream, times_ms.clone(), |minute, bytes| {
                let points: Points = unpacked(bytes)?;
                for (id, aggregate) in &points {
                    for at in wanted.get(id).into_iter().flatten() {
                        if let Some(periods) = found.get_mut(*at) {
                            let period = period(*at, minute);
                            periods.entry(period).or_default().merge(aggregate);
                        }
                    }
                }
                Some(())
            })?;
        }
        Ok(found)
    }

    /// Shows `each` the lines of a stream, oldest first. One that it can't read is passed over, and
    /// one warning says so.
    fn lines_of(
        &self,
        stream: &str,
        times_ms: Range<i64>,
        mut each: impl FnMut(i64, &[u8]) -> Option<()>,
    ) -> Result<(), store::Error> {
        let mut after = None;
        let mut unreadable = 0;
        loop {
            let times_ms = times_ms.clone();
            let page = self
                .lines
                .read(stream, times_ms, Order::OldestFirst, after, PAGE_LINES)?;
            for (place, line) in &page {
                after = Some(*place);
                if each(line.time_ms, &line.bytes).is_none() {
                    unreadable += 1;
                }
            }
            if page.len() < PAGE_LINES {
                break;
            }
        }
        if unreadable > 0 {
            tracing::warn!(
                stream,
                unreadable,
                "lines of metrics are damaged and passed over"
            );
        }
        Ok(())
    }
}

fn bucket_of(id: SeriesId) -> u64 {
    id.0 % BUCKETS
}

fn stream_name(account: &str, region: &str, bucket: u64) -> String {
    format!("{KIND}/{account}/{region}/{bucket}")
}

fn line<T: Serialize>(time_ms: i64, content: &T) -> Result<Line, store::Error> {
    let cause = |error: postcard::Error| store::Error::Invalid {
        cause: error.to_string(),
    };
    let content = postcard::to_allocvec(content).map_err(cause)?;
    let mut bytes = vec![FORMAT];
    bytes.extend(compress_prepend_size(&content));
    Ok(Line { time_ms, bytes })
}

/// What a line holds; `None` when it is damaged or of another format.
fn unpacked<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let packed = bytes.strip_prefix(&[FORMAT])?;
    let size = u32::from_le_bytes(*packed.first_chunk()?);
    if usize::try_from(size).is_ok_and(|size| size > LINE_BYTES_MAX) {
        return None;
    }
    postcard::from_bytes(&decompress_size_prepended(packed).ok()?).ok()
}

/// A key as `KeptKey` reads it back.
fn kept_key(key: &MetricKey) -> impl Serialize + '_ {
    let dimensions = key
        .dimensions
        .iter()
        .map(|(name, value)| (&**name, &**value));
    (
        &*key.account,
        &*key.region,
        &*key.namespace,
        &*key.name,
        key.unit.name(),
        dimensions.collect::<Vec<(&str, &str)>>(),
    )
}

fn key_of((account, region, namespace, name, unit, dimensions): KeptKey) -> Option<MetricKey> {
    let pair = |(name, value): (String, String)| (name.into(), value.into());
    Some(MetricKey {
        account: account.into(),
        region: region.into(),
        namespace: namespace.into(),
        name: name.into(),
        unit: Unit::of_name(&unit)?,
        dimensions: dimensions.into_iter().map(pair).collect(),
    })
}

//! What names a series: account, Region, namespace, name, unit and the exact set of dimensions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A series of values. Two keys are the same whatever the order of their dimensions; nothing is
/// added up over dimensions, as on AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricKey {
    pub account: Arc<str>,
    pub region: Arc<str>,
    /// `AWS/States`.
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    pub unit: Unit,
    /// Names and values. [`super::Metrics::series`] sorts them where they aren't.
    pub dimensions: Vec<(Arc<str>, Arc<str>)>,
}

impl MetricKey {
    /// Whether the dimensions stand in the order that makes equal keys equal.
    pub(super) fn is_sorted(&self) -> bool {
        self.dimensions.is_sorted()
    }

    /// The same key with its dimensions in order.
    #[must_use]
    pub fn sorted(mut self) -> MetricKey {
        self.dimensions.sort();
        self
    }

    /// A number that stands for the key wherever it is kept: the same in every process. Two of
    /// 100,000 keys have the same one with a probability of 3 in 10,000,000,000.
    pub(super) fn id(&self) -> SeriesId {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        let texts = [&self.account, &self.region, &self.namespace, &self.name];
        let dimensions = self
            .dimensions
            .iter()
            .flat_map(|(name, value)| [name, value]);
        for text in texts.into_iter().chain(dimensions) {
            digest.update(&text.len().to_le_bytes());
            digest.update(text.as_bytes());
        }
        digest.update(self.unit.name().as_bytes());
        let digest = digest.finish();
        let first = digest.as_ref().first_chunk().copied().unwrap_or_default();
        SeriesId(u64::from_le_bytes(first))
    }
}

/// See [`MetricKey::id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct SeriesId(pub(super) u64);

/// The units that CloudWatch knows, by their names there.
macro_rules! units {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// What a value is counted in (CloudWatch API reference, MetricDatum).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Unit {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Unit {
            /// Every unit.
            pub const ALL: &'static [Unit] = &[$(Unit::$variant),+];

            /// As the API spells it: `Count/Second`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Unit::$variant => $name,)+
                }
            }
        }
    };
}

units! {
    Seconds "Seconds",
    Microseconds "Microseconds",
    Milliseconds "Milliseconds",
    Bytes "Bytes",
    Kilobytes "Kilobytes",
    Megabytes "Megabytes",
    Gigabytes "Gigabytes",
    Terabytes "Terabytes",
    Bits "Bits",
    Kilobits "Kilobits",
    Megabits "Megabits",
    Gigabits "Gigabits",
    Terabits "Terabits",
    Percent "Percent",
    Count "Count",
    BytesPerSecond "Bytes/Second",
    KilobytesPerSecond "Kilobytes/Second",
    MegabytesPerSecond "Megabytes/Second",
    GigabytesPerSecond "Gigabytes/Second",
    TerabytesPerSecond "Terabytes/Second",
    BitsPerSecond "Bits/Second",
    KilobitsPerSecond "Kilobits/Second",
    MegabitsPerSecond "Megabits/Second",
    GigabitsPerSecond "Gigabits/Second",
    TerabitsPerSecond "Terabits/Second",
    CountPerSecond "Count/Second",
    None "None",
}

impl Unit {
    /// The unit of this name, exactly as spelled.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Unit> {
        Unit::ALL.iter().copied().find(|unit| unit.name() == name)
    }
}

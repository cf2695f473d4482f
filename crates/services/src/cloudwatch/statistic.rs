//! Statistics: what of an aggregate is asked for (CloudWatch user guide, "Statistics definitions").

use crate::metrics::Aggregate;

/// One statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// `p99.9`
    Percentile(f64),
}

impl Statistic {
    /// The statistic of this name. `None` also for those of AWS that are not served: trimmed means,
    /// winsorized means, percentile ranks and the like.
    pub(super) fn of_name(name: &str) -> Option<Statistic> {
        Some(match name {
            "SampleCount" => Statistic::SampleCount,
            "Average" => Statistic::Average,
            "Sum" => Statistic::Sum,
            "Minimum" => Statistic::Minimum,
            "Maximum" => Statistic::Maximum,
            _ => Statistic::Percentile(percent(name)?),
        })
    }

    /// Its value; `None` for a percentile of values of which only sums are known.
    pub(super) fn value(self, of: &Aggregate) -> Option<f64> {
        Some(match self {
            Statistic::SampleCount => of.count,
            Statistic::Average => of.average(),
            Statistic::Sum => of.sum,
            Statistic::Minimum => of.min,
            Statistic::Maximum => of.max,
            Statistic::Percentile(percent) => of.percentile(percent)?,
        })
    }
}

/// `99.9` of `p99.9`: `p`, a number from 0 to 100 with at most ten digits behind the point.
fn percent(name: &str) -> Option<f64> {
    let text = name.strip_prefix('p')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str, max| {
        (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_digits(whole, 3) || !is_digits(fraction, 10) {
        return None;
    }
    text.parse().ok().filter(|percent| *percent <= 100.0)
}

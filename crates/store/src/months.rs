//! Which month an entity belongs to, by its number alone.
//!
//! Numbers are given in order, so a month is a range of them: it begins with the first execution
//! that started in it. The journal of an entity is thus found without reading anything.

use crate::EntityId;

/// A month as the number `year * 100 + month`, UTC.
pub(crate) type Month = u32;

/// The months of a store, ascending, each with its first entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Months(Vec<(EntityId, Month)>);

impl Months {
    /// Months as stored; both columns must ascend.
    pub(crate) fn new(starts: Vec<(EntityId, Month)>) -> Months {
        Months(starts)
    }

    /// The month whose journals hold `entity`. Entities of a month that was dropped count to the
    /// next one: they have no records any more.
    pub(crate) fn of(&self, entity: EntityId) -> Option<Month> {
        let after = self.0.partition_point(|(first, _)| *first <= entity);
        let start = self.0.get(after.saturating_sub(1))?;
        Some(start.1)
    }

    /// Whether an execution that starts at `started_ms` begins a month.
    pub(crate) fn begins(&self, started_ms: i64) -> bool {
        self.0
            .last()
            .is_none_or(|(_, latest)| month_of(started_ms) > *latest)
    }

    /// Takes note that `entity` starts at `started_ms`, `last` being the highest entity that has
    /// records: answers the month this begins and its first entity, if it begins one.
    ///
    /// A month never begins at or below an entity that has records, so an entity never changes
    /// its month; a clock that went back begins none.
    pub(crate) fn begin(
        &mut self,
        entity: EntityId,
        started_ms: i64,
        last: Option<EntityId>,
    ) -> Option<(EntityId, Month)> {
        let month = month_of(started_ms);
        let first = match self.0.last() {
            Some((_, latest)) if month <= *latest => return None,
            Some(_) => last.map_or(entity, |last| {
                entity.max(EntityId(last.0.saturating_add(1)))
            }),
            None => EntityId(0),
        };
        self.0.push((first, month));
        Some((first, month))
    }

    /// The months before the latest: each with its first entity and the first one after it.
    pub(crate) fn closed(&self) -> impl Iterator<Item = (Month, EntityId, EntityId)> {
        let after = self.0.iter().skip(1);
        self.0
            .iter()
            .zip(after)
            .map(|((first, month), (next, _))| (*month, *first, *next))
    }

    /// Forgets a month.
    pub(crate) fn remove(&mut self, month: Month) {
        self.0.retain(|(_, other)| *other != month);
    }
}

/// The month of a time, UTC. From the Gregorian calendar's 400-year cycle with years that begin in
/// March, so that the leap day is a year's last.
fn month_of(time_ms: i64) -> Month {
    let days = time_ms.div_euclid(86_400_000) + 719_468;
    let cycle = days.div_euclid(146_097);
    let day_of_cycle = days.rem_euclid(146_097);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524
        - day_of_cycle / 146_096)
        / 365;
    let day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let (month, carry) = if march_month < 10 {
        (march_month + 3, 0)
    } else {
        (march_month - 9, 1)
    };
    let year = year_of_cycle + cycle * 400 + carry;
    // Times before the year 0 or after 42,949,672 aren't times of executions.
    Month::try_from(year.saturating_mul(100) + month).unwrap_or(0)
}

#[cfg(test)]
mod tests;

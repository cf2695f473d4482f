//! Finding executions by the names their callers gave, without a random write per name.
//!
//! A B-tree over random names costs a page write for nearly every name. So recent names stay in
//! memory; once they reach a bound, a **sweep** writes them out in the order of their hashes, a few
//! with every commit, as one sorted **run**: entries are only ever appended to the table `names`.
//! A filter per run says which runs a look-up must read, for most names none, and expiry deletes a
//! run whole once all its executions are gone. What was in memory when the process ended is found
//! again in `executions`, from the **watermark** on: the lowest entity that may be in no complete
//! run. A run left incomplete is deleted at open.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};

use super::filter::Filter;
use crate::{EntityId, MachineNumber};

/// A name's hash and the execution that has it.
pub(super) type Entry = (u64, EntityId);

/// Stored in `numbers`.
pub(super) const WATERMARK: &str = "names_watermark";

/// How many bits of a hash are part of a row's place; the run is above them.
const PREFIX_BITS: u32 = 40;
const SUFFIX_BITS: u32 = 64 - PREFIX_BITS;

/// Entries a row begins with at most: 16 bytes each, so that a row fits one page.
const ROW_ENTRIES_MAX: usize = 120;

/// Names written at once at least, so that small commits don't each write a page of names.
const WRITTEN_MIN: usize = 64;

/// Memory all filters may take: those of 11 million names. Older runs are read at every look-up.
const FILTERS_BYTES_MAX: usize = 16 << 20;

/// The names in memory and what is known of the runs.
#[derive(Debug)]
pub(super) struct Names {
    recent: BTreeSet<Entry>,
    /// How many names begin a sweep; also executions, which bound what is read at open.
    recent_max: usize,
    sweep: Option<Sweep>,
    /// The filter of the run being written.
    filter: Filter,
    /// Complete runs, ascending.
    runs: Vec<Run>,
    /// Executions opened since the last sweep ended.
    opened: usize,
    /// Those of them opened since names were last written.
    unwritten: usize,
    next_run: u64,
    /// As stored.
    watermark: EntityId,
}

/// How far the run being written is.
#[derive(Debug, Clone, Copy)]
struct Sweep {
    /// Names with prefixes below this one are written, or wait for the next sweep.
    prefix: u64,
    entity_max: EntityId,
}

#[derive(Debug, Clone)]
struct Run {
    number: u64,
    entity_max: EntityId,
    filter: Option<Arc<Filter>>,
}

/// What a commit adds to the names and takes out of memory; applied once it is durable.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) added: Vec<Entry>,
    pub(super) opened: usize,
    flushed: Vec<Entry>,
    sweep: Option<Sweep>,
    completed: Option<Run>,
    watermark: Option<EntityId>,
}

/// Where a name may be found.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Executions, newest first.
    pub(super) entities: Vec<EntityId>,
    /// Runs, newest first.
    pub(super) runs: Vec<u64>,
}

/// The hash of a machine's execution name: FNV-1a with MurmurHash3's finish. Stored.
pub(super) fn hash(machine: MachineNumber, name: &str) -> u64 {
    let bytes = machine.0.to_le_bytes();
    let bytes = bytes.iter().chain(name.as_bytes());
    mix(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    }))
}

/// MurmurHash3's finish: every bit of the result depends on every bit of the number. Stored.
pub(super) fn mix(mut number: u64) -> u64 {
    number = (number ^ number >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    number = (number ^ number >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ number >> 33
}

impl Names {
    /// Reads the runs, deletes what an unfinished sweep left, and reads the names above the
    /// watermark.
    pub(super) fn load(
        connection: &Connection,
        recent_max: usize,
        hash: fn(MachineNumber, &str) -> u64,
    ) -> rusqlite::Result<Names> {
        let runs = load_runs(connection)?;
        let next_run = runs.last().map_or(0, |run| run.number + 1);
        connection.execute("DELETE FROM names WHERE place >= ?1", [place(next_run, 0)])?;
        let watermark = EntityId(super::number(connection, WATERMARK)?.unwrap_or(0));
        let mut statement = connection.prepare(
            "SELECT entity, machine, name, name_is_generated FROM executions WHERE entity >= ?1",
        )?;
        let mut rows = statement.query([watermark])?;
        let (mut recent, mut opened) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            opened += 1;
            if !row.get::<_, bool>(3)? {
                let name = row.get_ref(2)?.as_str()?;
                recent.push((hash(row.get(1)?, name), row.get(0)?));
            }
        }
        // Sorted first: a tree made from sorted entries is built without searching.
        recent.sort_unstable();
        let recent = recent.into_iter().collect();
        let filter = Filter::new(0);
        Ok(Names {
            recent,
            recent_max,
            sweep: None,
            filter,
            runs,
            opened,
            unwritten: 0,
            next_run,
            watermark,
        })
    }

    /// How many names are in memory.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.recent.len()
    }

    #[cfg(test)]
    pub(super) fn watermark(&self) -> EntityId {
        self.watermark
    }

    /// Where a name with this hash may be.
    pub(super) fn candidates(&self, hash: u64) -> Candidates {
        let range = (hash, EntityId(0))..=(hash, EntityId(u64::MAX));
        let entities = self
            .recent
            .range(range)
            .rev()
            .map(|(_, entity)| *entity)
            .collect();
        let unfinished = self.sweep.filter(|_| self.filter.may_contain(hash));
        let may_contain = |run: &&Run| run.filter.as_ref().is_none_or(|f| f.may_contain(hash));
        let complete = self
            .runs
            .iter()
            .rev()
            .filter(may_contain)
            .map(|run| run.number);
        let runs = unfinished
            .map(|_| self.next_run)
            .into_iter()
            .chain(complete)
            .collect();
        Candidates { entities, runs }
    }

    /// Writes the next names of a sweep, if one is under way or due, as part of a transaction.
    /// `next_entity` is above every entity so far.
    pub(super) fn flush(
        &self,
        connection: &Connection,
        change: &mut Change,
        next_entity: EntityId,
    ) -> rusqlite::Result<()> {
        change.sweep = self.sweep;
        if change.opened == 0 {
            return Ok(());
        }
        // An execution may be committed after others that began later.
        let lowest = change.added.iter().map(|(_, entity)| *entity).min();
        if let Some(lowest) = lowest.filter(|lowest| *lowest < self.watermark) {
            change.set_watermark(connection, lowest)?;
        }
        let due = self.recent.len() >= self.recent_max || self.opened >= 4 * self.recent_max;
        let mut sweep = match self.sweep {
            Some(sweep) => sweep,
            None if due => Sweep {
                prefix: 0,
                entity_max: EntityId(0),
            },
            None => return Ok(()),
        };
        // Twice what comes in, so that a sweep ends before as much again has come.
        let count = 2 * (self.unwritten + change.opened);
        if count < WRITTEN_MIN {
            change.sweep = Some(sweep);
            return Ok(());
        }
        let passed = sweep.prefix;
        let more = self.take(&mut sweep, &mut change.flushed, count);
        write_rows(connection, self.next_run, &change.flushed)?;
        change.sweep = more.then_some(sweep);
        if more {
            return Ok(());
        }
        // What is left are the names that came after the sweep had passed their place.
        let left = self.recent.range(..(passed << SUFFIX_BITS, EntityId(0)));
        let lowest = left.chain(&change.added).map(|(_, entity)| *entity).min();
        change.set_watermark(connection, lowest.unwrap_or(next_entity))?;
        self.complete(connection, change, sweep.entity_max)
    }

    /// Stores what is known of the run whose last names were just written.
    fn complete(
        &self,
        connection: &Connection,
        change: &mut Change,
        entity_max: EntityId,
    ) -> rusqlite::Result<()> {
        let mut filter = match self.sweep {
            Some(_) => self.filter.clone(),
            None => self.new_filter(),
        };
        for (hash, _) in &change.flushed {
            filter.insert(*hash);
        }
        let number = self.next_run;
        connection.execute(
            "INSERT INTO name_runs (run, entity_max, filter) VALUES (?1, ?2, ?3)",
            (number, entity_max, filter.as_bytes()),
        )?;
        let filter = Some(Arc::new(filter));
        change.completed = Some(Run {
            number,
            entity_max,
            filter,
        });
        Ok(())
    }

    /// Takes the sweep's next names, at least `count` and all that share the last one's prefix, if
    /// there are so many; whether there are more.
    fn take(&self, sweep: &mut Sweep, flushed: &mut Vec<Entry>, count: usize) -> bool {
        // The prefix after the highest one is above every hash.
        let Some(from) = sweep.prefix.checked_mul(1 << SUFFIX_BITS) else {
            return false;
        };
        for entry in self.recent.range((from, EntityId(0))..) {
            let prefix = entry.0 >> SUFFIX_BITS;
            if flushed.len() >= count && prefix >= sweep.prefix {
                return true;
            }
            sweep.prefix = prefix + 1;
            sweep.entity_max = sweep.entity_max.max(entry.1);
            flushed.push(*entry);
        }
        false
    }

    /// A filter for a sweep that begins now: more names come while it goes on.
    fn new_filter(&self) -> Filter {
        Filter::new(self.recent.len() / 2 * 3)
    }

    /// Takes over what a transaction wrote, now that it is durable.
    pub(super) fn apply(&mut self, change: Change) {
        self.opened += change.opened;
        self.unwritten += change.opened;
        if self.sweep.is_none() && change.sweep.is_some() {
            self.filter = self.new_filter();
        }
        if !change.flushed.is_empty() {
            self.unwritten = 0;
        }
        for entry in &change.flushed {
            self.recent.remove(entry);
            self.filter.insert(entry.0);
        }
        self.recent.extend(change.added);
        self.sweep = change.sweep;
        self.watermark = change.watermark.unwrap_or(self.watermark);
        if let Some(run) = change.completed {
            self.next_run = run.number + 1;
            self.opened = self.recent.len();
            self.runs.push(run);
            bound_filters(&mut self.runs);
        }
    }

    /// The oldest run if all its executions are below `entity`, which is the lowest one left.
    pub(super) fn expired_run(&self, entity: EntityId) -> Option<u64> {
        self.runs
            .iter()
            .find(|run| run.entity_max < entity)
            .map(|run| run.number)
    }

    /// Forgets a run that was deleted.
    pub(super) fn remove_run(&mut self, number: u64) {
        self.runs.retain(|run| run.number != number);
    }
}

impl Change {
    fn set_watermark(&mut self, connection: &Connection, to: EntityId) -> rusqlite::Result<()> {
        self.watermark = Some(to);
        super::set_number(connection, WATERMARK, to.0)
    }
}

fn load_runs(connection: &Connection) -> rusqlite::Result<Vec<Run>> {
    let mut statement =
        connection.prepare("SELECT run, entity_max, filter FROM name_runs ORDER BY run")?;
    let rows = statement.query_map((), |row| {
        let filter = Filter::from_bytes(row.get_ref(2)?.as_blob()?);
        let number = row.get(0)?;
        Ok(Run {
            number,
            entity_max: row.get(1)?,
            filter: filter.map(Arc::new),
        })
    })?;
    let mut runs = rows.collect::<rusqlite::Result<Vec<Run>>>()?;
    bound_filters(&mut runs);
    Ok(runs)
}

/// Drops the filters of the oldest runs where all together take too much memory.
fn bound_filters(runs: &mut [Run]) {
    let mut bytes_left = FILTERS_BYTES_MAX;
    for run in runs.iter_mut().rev() {
        let bytes = run
            .filter
            .as_ref()
            .map_or(0, |filter| filter.as_bytes().len());
        match bytes_left.checked_sub(bytes) {
            Some(left) => bytes_left = left,
            None => {
                bytes_left = 0;
                run.filter = None;
            }
        }
    }
}

/// The place of the row that begins with this prefix, in the table of all runs.
fn place(run: u64, prefix: u64) -> u64 {
    run << PREFIX_BITS | prefix
}

/// Writes sorted entries as rows. Names that share a prefix share a row.
fn write_rows(connection: &Connection, run: u64, entries: &[Entry]) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("INSERT INTO names (place, entries) VALUES (?1, ?2)")?;
    let mut rest = entries;
    while let Some((first, _)) = rest.first() {
        let prefix_of = |entry: &Entry| entry.0 >> SUFFIX_BITS;
        let last = rest
            .get(ROW_ENTRIES_MAX - 1)
            .or(rest.last())
            .map_or(0, prefix_of);
        let (row, after) = rest.split_at(rest.partition_point(|entry| prefix_of(entry) <= last));
        let bytes: Vec<u8> = row
            .iter()
            .flat_map(|(hash, entity)| [hash.to_le_bytes(), entity.0.to_le_bytes()])
            .flatten()
            .collect();
        statement.execute((place(run, first >> SUFFIX_BITS), bytes))?;
        rest = after;
    }
    Ok(())
}

/// The executions in a run whose names have this hash, newest first.
pub(super) fn search(
    connection: &Connection,
    run: u64,
    hash: u64,
) -> rusqlite::Result<Vec<EntityId>> {
    let mut statement = connection.prepare_cached(
        "SELECT entries FROM names WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1",
    )?;
    let places = (place(run, 0), place(run, hash >> SUFFIX_BITS));
    let entities = statement.query_row(places, |row| {
        let (entries, _) = row.get_ref(0)?.as_blob()?.as_chunks::<16>();
        let entry = |bytes: &[u8; 16]| {
            let number = u128::from_le_bytes(*bytes);
            let [hash, entity] = [number & u128::from(u64::MAX), number >> 64];
            (
                u64::try_from(hash).unwrap_or(0),
                EntityId(u64::try_from(entity).unwrap_or(0)),
            )
        };
        let from = entries.partition_point(|bytes| entry(bytes).0 < hash);
        let same = entries
            .iter()
            .skip(from)
            .map(entry)
            .take_while(|found| found.0 == hash);
        let mut entities: Vec<EntityId> = same.map(|(_, entity)| entity).collect();
        entities.reverse();
        Ok(entities)
    });
    Ok(entities.optional()?.unwrap_or_default())
}

/// Deletes a run, as part of a transaction.
pub(super) fn delete_run(connection: &Connection, run: u64) -> rusqlite::Result<()> {
    let places = (place(run, 0), place(run + 1, 0));
    connection.execute("DELETE FROM names WHERE place >= ?1 AND place < ?2", places)?;
    connection.execute("DELETE FROM name_runs WHERE run = ?1", [run])?;
    Ok(())
}

#[cfg(test)]
mod tests;

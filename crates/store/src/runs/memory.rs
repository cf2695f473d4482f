use std::collections::{BTreeMap, BTreeSet};

use super::{Bound, Head, Run, Runs};
use crate::lines::MemoryLines;
use crate::store::Result;

/// By number.
#[derive(Default)]
pub(crate) struct KeptRuns(BTreeMap<u64, Run>);

impl KeptRuns {
    fn of<'k>(&'k self, machine: &'k str) -> impl Iterator<Item = &'k Run> {
        let newest_first = self.0.values().rev();
        newest_first.filter(move |run| &*run.machine == machine)
    }
}

impl Runs for MemoryLines {
    fn put_runs(&self, runs: &[Run], bound: Bound) -> Result<()> {
        let mut kept = self.runs.lock();
        for run in runs {
            kept.0.entry(run.number).or_insert_with(|| run.clone());
        }
        let machines: BTreeSet<_> = runs.iter().map(|run| &run.machine).collect();
        for machine in machines {
            let beyond = kept.of(machine).skip(bound.per_machine);
            let beyond: Vec<u64> = beyond.map(|run| run.number).collect();
            kept.0.retain(|number, _| !beyond.contains(number));
        }
        while kept.0.values().map(Run::size).sum::<u64>() > bound.bytes {
            kept.0.pop_first();
        }
        Ok(())
    }

    fn runs(&self, machine: &str, limit: usize) -> Result<Vec<Head>> {
        let kept = self.runs.lock();
        let head = |run: &Run| Head {
            number: run.number,
            name: run.name.clone(),
            started_ms: run.started_ms,
            summary: Some(run.summary.clone()),
        };
        Ok(kept.of(machine).take(limit).map(head).collect())
    }

    fn run(&self, machine: &str, name: &str) -> Result<Option<Run>> {
        let kept = self.runs.lock();
        Ok(kept.of(machine).find(|run| &*run.name == name).cloned())
    }

    fn last_run(&self) -> Result<Option<u64>> {
        Ok(self.runs.lock().0.keys().next_back().copied())
    }

    fn run_definitions(&self) -> Result<Vec<u64>> {
        let kept = self.runs.lock();
        let definitions: BTreeSet<u64> = kept.0.values().map(|run| run.definition).collect();
        Ok(definitions.into_iter().collect())
    }

    fn drop_runs(&self, machine: &str) -> Result<()> {
        self.runs.lock().0.retain(|_, run| &*run.machine != machine);
        Ok(())
    }

    fn expire_runs(&self, before_ms: i64) -> Result<bool> {
        let mut kept = self.runs.lock();
        while let Some(oldest) = kept.0.first_entry()
            && oldest.get().started_ms < before_ms
        {
            oldest.remove();
        }
        Ok(false)
    }
}

//! Threads that could move at once, in the order in which they do.

use std::collections::VecDeque;

use crate::event::BranchId;
use crate::run::Run;

/// A stack of groups of siblings. Branches and iterations run in the order of their index, and
/// those of an inner state before the siblings of the outer one; an iteration that takes the place
/// of one that ended comes after its waiting siblings.
#[derive(Debug, Default)]
pub(super) struct Ready(Vec<Group>);

#[derive(Debug)]
struct Group {
    parent: Option<BranchId>,
    threads: VecDeque<BranchId>,
}

impl Ready {
    /// Every thread that can move, of a run that yielded or was redriven, the one that moved the
    /// longest time ago first: all get their turns.
    pub(super) fn of(run: &Run) -> Ready {
        let ready = run.branches.iter().filter(|thread| thread.is_ready());
        let mut threads: Vec<_> = ready
            .map(|thread| {
                let parent = thread.parent.map(|parent| parent.branch);
                (thread.last_event, thread.id, parent)
            })
            .collect();
        threads.sort_unstable();
        // Groups stand in the order of the thread that waited longest.
        let mut by_parent: Vec<_> = threads
            .iter()
            .enumerate()
            .map(|(place, (_, id, parent))| (*parent, place, *id))
            .collect();
        by_parent.sort_unstable();
        let mut groups: Vec<(usize, Group)> = Vec::new();
        for (parent, place, id) in by_parent {
            match groups.last_mut() {
                Some((_, group)) if group.parent == parent => group.threads.push_back(id),
                _ => groups.push((
                    place,
                    Group {
                        parent,
                        threads: VecDeque::from([id]),
                    },
                )),
            }
        }
        groups.sort_unstable_by_key(|(place, _)| std::cmp::Reverse(*place));
        Ready(groups.into_iter().map(|(_, group)| group).collect())
    }

    /// A thread below `parent` joins its siblings.
    pub(super) fn push(&mut self, parent: BranchId, thread: BranchId) {
        while let Some(group) = self.0.last_mut() {
            if group.parent == Some(parent) {
                group.threads.push_back(thread);
                return;
            }
            if !group.threads.is_empty() {
                break;
            }
            self.0.pop();
        }
        self.0.push(Group {
            parent: Some(parent),
            threads: VecDeque::from([thread]),
        });
    }

    /// The thread whose turn it is. Its group stays until another one's turn has come, so that
    /// whoever takes its place finds it.
    pub(super) fn pop(&mut self) -> Option<BranchId> {
        while let Some(group) = self.0.last_mut() {
            if let Some(thread) = group.threads.pop_front() {
                return Some(thread);
            }
            self.0.pop();
        }
        None
    }
}

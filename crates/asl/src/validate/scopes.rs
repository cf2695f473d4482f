//! Which variables each scope assigns. The top level is a scope, and so is every branch and every
//! item processor; what lies within sees the variables of the scopes around it and may not assign
//! them. (Developer guide, "Passing data between states with variables")

use std::collections::BTreeSet;

/// Index into [`Scopes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScopeIndex(usize);

/// All scopes of a definition.
#[derive(Debug, Default)]
pub(crate) struct Scopes<'a>(Vec<Scope<'a>>);

#[derive(Debug)]
struct Scope<'a> {
    parent: Option<ScopeIndex>,
    assigned: BTreeSet<&'a str>,
}

impl<'a> Scopes<'a> {
    pub(crate) fn add(&mut self, parent: Option<ScopeIndex>) -> ScopeIndex {
        self.0.push(Scope {
            parent,
            assigned: BTreeSet::new(),
        });
        ScopeIndex(self.0.len() - 1)
    }

    /// Notes that a state of `scope` assigns the variable; false if a scope around it does, too.
    /// All assignments of those must have been noted before.
    pub(crate) fn assign(&mut self, scope: ScopeIndex, name: &'a str) -> bool {
        let mut around = self.0.get(scope.0).and_then(|scope| scope.parent);
        while let Some(outer) = around.and_then(|index| self.0.get(index.0)) {
            if outer.assigned.contains(name) {
                return false;
            }
            around = outer.parent;
        }
        if let Some(scope) = self.0.get_mut(scope.0) {
            scope.assigned.insert(name);
        }
        true
    }
}

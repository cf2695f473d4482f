//! Containers kept as checked text until somebody looks inside.

use std::sync::{Arc, OnceLock};

use crate::parse::{self, Checked};
use crate::{Kind, Value};

/// Valid JSON text of a container, with what is asked of it most often.
pub(crate) struct Lazy {
    text: Arc<str>,
    checked: Checked,
    tree: OnceLock<Value>,
}

impl Lazy {
    /// `checked` is what the check of this very text found.
    pub(crate) fn new(text: Arc<str>, checked: Checked) -> Lazy {
        Lazy {
            text,
            checked,
            tree: OnceLock::new(),
        }
    }

    pub(crate) fn tree(&self) -> &Value {
        // The text has been checked, so parsing it again does not fail.
        self.tree
            .get_or_init(|| parse::parse(&self.text).unwrap_or_default())
    }

    pub(crate) fn is_unread(&self) -> bool {
        self.tree.get().is_none()
    }

    pub(crate) fn kind(&self) -> Kind {
        self.checked.kind
    }

    pub(crate) fn size(&self) -> usize {
        self.checked.size
    }

    pub(crate) fn depth(&self) -> usize {
        self.checked.depth
    }

    pub(crate) fn compact_text(&self) -> Option<&Arc<str>> {
        self.checked.is_compact.then_some(&self.text)
    }

    #[cfg(test)]
    pub(crate) fn is_parsed(&self) -> bool {
        self.tree.get().is_some()
    }
}

//! What a call needs to be allowed.

use std::borrow::Cow;
use std::sync::Arc;

use aws::iam::Values;

/// One action on one resource; a call may need several, all of which must be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// `states:StartExecution`.
    pub action: Cow<'static, str>,
    /// An ARN, or `*`.
    pub resource: Arc<str>,
    /// Condition keys of this action beside those that every call has: `aws:RequestTag/...`,
    /// `iam:PassedToService`.
    pub context: Vec<(Arc<str>, Values)>,
}

impl Need {
    #[must_use]
    pub fn new(action: impl Into<Cow<'static, str>>, resource: impl Into<Arc<str>>) -> Need {
        Need {
            action: action.into(),
            resource: resource.into(),
            context: Vec::new(),
        }
    }

    /// The same need with a condition key of one value.
    #[must_use]
    pub fn with(mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Need {
        self.context.push((key.into(), Values::One(value.into())));
        self
    }
}

/// What is always true of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub class: Class,
    pub reads_only: bool,
}

impl Facts {
    /// Of a management call that only reads.
    pub const READS: Facts = Facts {
        class: Class::Management,
        reads_only: true,
    };
    /// Of a management call that changes something.
    pub const CHANGES: Facts = Facts {
        class: Class::Management,
        reads_only: false,
    };
    /// Of a data call that only reads.
    pub const READS_DATA: Facts = Facts {
        class: Class::Data,
        reads_only: true,
    };
    /// Of a data call that changes something.
    pub const CHANGES_DATA: Facts = Facts {
        class: Class::Data,
        reads_only: false,
    };
}

/// When the audit log holds a call: management calls always, data calls when switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Management,
    /// Starting, describing and stopping executions, tokens, invocations.
    Data,
}

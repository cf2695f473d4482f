//! Identity and Access Management, pure: policies, who asks, and whether it is allowed.
//!
//! [`Policy`] is the language, [`Principal`] who asks, [`Context`] the condition keys of a request,
//! [`evaluate`] the decision and its explanation. Sources: the IAM user guide, "Policy evaluation
//! logic" and "IAM JSON policy elements".

mod condition;
pub mod context;
pub mod evaluate;
mod pattern;
pub mod policy;
pub mod principal;

pub use context::{Context, Values};
pub use evaluate::{
    Attached, Check, CheckKind, Decision, Effect, Explanation, Layers, Matched, PolicyKind, Remedy,
    Request, Source,
};
pub use policy::{Malformed, Policy, Position, Purpose, Statement};
pub use principal::{Acting, FederatedUser, Principal, RoleSession, Tag, Temporary};

#[cfg(test)]
mod testing;

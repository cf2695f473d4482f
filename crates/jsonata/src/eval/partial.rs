//! Partial application.

use std::rc::Rc;

use super::{Evaluation, Result};
use crate::error::Fault;
use crate::frame::Frame;
use crate::function::{Function, Partial};
use crate::item::{Item, OPAQUE_DEPTH_MAX};
use crate::ledger::Charge;
use crate::program::{Call, Kind};

/// What a function with some of its arguments takes.
const PARTIAL_BYTES: usize = 128;

impl Evaluation<'_> {
    pub(super) fn partial(&self, call: &Call, input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for node in &call.arguments {
            arguments.push(match node.kind {
                Kind::Placeholder => None,
                _ => Some(self.evaluate(node, input, frame)?),
            });
        }
        let procedure = self.evaluate(&call.procedure, input, frame)?;
        self.check_meant(call, &procedure, "T1007", frame)?;
        let Item::Function(function) = procedure else {
            let fault = Fault::at("T1008", call.position);
            return Err(fault.or_token(call.token.as_deref()));
        };
        let bytes = PARTIAL_BYTES + arguments.len() * size_of::<Item>();
        self.ledger.settle(self.meter);
        self.meter.make(bytes)?;
        let depths = arguments.iter().flatten().map(Item::depth);
        let depth = 1 + depths.max().unwrap_or(0).max(function.depth());
        if depth > OPAQUE_DEPTH_MAX {
            return Err(Fault::too_deep());
        }
        Ok(Item::Function(Rc::new(Function::Partial(Partial {
            function,
            arguments,
            depth,
            _charge: Charge::new(bytes, &self.ledger),
        }))))
    }
}

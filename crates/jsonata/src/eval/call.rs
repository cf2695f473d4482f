//! Calls: of builtins, of functions the expression defines, and of those that are values.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use super::validate::validate;
use super::{Evaluation, Result};
use crate::error::Fault;
use crate::frame::Frame;
use crate::function::{Closure, Function};
use crate::item::Item;
use crate::program::{Call, Kind, Lambda, Node};

/// What `$f ~> $g` makes of two functions.
const CHAIN: &str = "function($f, $g) { function($x) { $g($f($x)) } }";

/// What a call takes besides the steps within: a frame is made.
const CALL_STEPS: u64 = 2;

impl Evaluation<'_> {
    /// A call; `first` is an argument before those written.
    pub(super) fn call(
        &self,
        call: &Call,
        first: Option<Item>,
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        let procedure = self.evaluate(&call.procedure, input, frame)?;
        self.check_meant(call, &procedure, "T1005", frame)?;
        let mut arguments = Vec::with_capacity(call.arguments.len() + 1);
        arguments.extend(first);
        for argument in &call.arguments {
            arguments.push(self.evaluate(argument, input, frame)?);
        }
        let result = match &procedure {
            Item::Function(function) => {
                self.set_site(function, call.position);
                self.apply(function, &mut arguments, input)
            }
            _ => Err(Fault::new("T1006")),
        };
        self.release_all(&mut arguments);
        result.map_err(|fault| {
            fault
                .or_position(call.position)
                .or_token(call.token.as_deref())
        })
    }

    /// Helps who forgot the `$` before the name of a function.
    pub(super) fn check_meant(
        &self,
        call: &Call,
        procedure: &Item,
        code: &'static str,
        frame: &Rc<Frame>,
    ) -> Result<()> {
        let Some((name, variable)) = &call.meant else {
            return Ok(());
        };
        if !procedure.is_undefined() || !self.truth(&self.variable(variable, frame))? {
            return Ok(());
        }
        Err(Fault::at(code, call.position).set_token(name))
    }

    /// Calls a function, and whatever it ends with calling. Empties the arguments.
    pub(crate) fn apply(
        &self,
        function: &Rc<Function>,
        arguments: &mut Vec<Item>,
        context: &Item,
    ) -> Result<Item> {
        let mut result = self.invoke(function, arguments, context)?;
        while let Item::Tail(tail) = result {
            let procedure = self.evaluate(&tail.call.procedure, &tail.input, &tail.frame)?;
            self.release_all(arguments);
            for argument in &tail.call.arguments {
                arguments.push(self.evaluate(argument, &tail.input, &tail.frame)?);
            }
            let call = Arc::clone(&tail.call);
            if let Some(tail) = Rc::into_inner(tail) {
                self.release_frame(tail.frame);
            }
            let position = call.procedure.position;
            let token = match call.procedure.kind {
                Kind::Variable(_) => call.token.as_deref(),
                _ => None,
            };
            result = match &procedure {
                Item::Function(function) => {
                    self.set_site(function, position);
                    self.invoke(function, arguments, context)
                }
                _ => Err(Fault::at("T1006", position)),
            }
            .map_err(|fault| fault.or_token(token))?;
        }
        Ok(result)
    }

    /// Calls a function for a builtin, without a context value.
    ///
    /// # Errors
    /// Also `Limit::Depth` when such calls nest too deep: tail calls between them take no depth,
    /// but they do take stack.
    pub(crate) fn apply_to_items(
        &self,
        function: &Rc<Function>,
        arguments: &mut Vec<Item>,
    ) -> Result<Item> {
        let nested = self.nested_calls.get() + 1;
        if nested > self.meter.depth_max() {
            return Err(Fault::too_deep());
        }
        self.nested_calls.set(nested);
        let result = self.apply(function, arguments, &Item::null());
        self.nested_calls.set(nested - 1);
        result
    }

    fn invoke(
        &self,
        function: &Rc<Function>,
        arguments: &mut Vec<Item>,
        context: &Item,
    ) -> Result<Item> {
        let result = match &**function {
            Function::Builtin(builtin) => {
                let checked = validate(self, builtin.signature(), arguments, context);
                self.ledger.settle(self.meter);
                checked.and_then(|()| builtin.run(self, arguments))
            }
            Function::Closure(closure) => self.invoke_closure(closure, arguments, context),
            Function::Partial(partial) => {
                let mut given = std::mem::take(arguments).into_iter();
                let fill = |argument: &Option<Item>| {
                    argument
                        .clone()
                        .unwrap_or_else(|| given.next().unwrap_or_default())
                };
                let mut all = partial.arguments.iter().map(fill).collect();
                match &*partial.function {
                    // Its signature is not looked at again.
                    Function::Closure(closure) => self.run_closure(closure, &mut all),
                    _ => self.invoke(&partial.function, &mut all, &Item::null()),
                }
            }
            Function::Matcher(regex) => self.first_match(regex, arguments),
            Function::Next(next) => self.next_match(next),
            Function::Transformer(transformer) => {
                let subject = arguments.first().cloned().unwrap_or_default();
                self.transform(transformer, subject)
            }
        };
        result.map_err(|fault| match self.site(function) {
            0 => fault,
            position => fault.with_position(position),
        })
    }

    fn release_all(&self, arguments: &mut Vec<Item>) {
        arguments
            .drain(..)
            .for_each(|argument| self.release(argument));
    }

    fn invoke_closure(
        &self,
        closure: &Closure,
        arguments: &mut Vec<Item>,
        context: &Item,
    ) -> Result<Item> {
        if let Some(signature) = &closure.lambda.signature {
            validate(self, signature, arguments, context)?;
        }
        self.run_closure(closure, arguments)
    }

    fn run_closure(&self, closure: &Closure, arguments: &mut Vec<Item>) -> Result<Item> {
        self.meter.step(CALL_STEPS)?;
        let lambda = &*closure.lambda;
        let frame = self.new_frame(&closure.frame, lambda.slots)?;
        let mut given = arguments.drain(..);
        for slot in &lambda.parameters {
            frame.set(*slot, given.next().unwrap_or_default());
        }
        drop(given);
        let result = self.evaluate(&lambda.body, &closure.input, &frame);
        self.release_frame(frame);
        result
    }

    /// What a function that is a comparison compares of an argument.
    pub(crate) fn compared_field(&self, closure: &Closure, argument: &Item) -> Result<Item> {
        let Kind::Binary(_, left, _) = &closure.lambda.body.kind else {
            return Ok(Item::Undefined);
        };
        self.enter()?;
        let field = match self.fields_from(left, argument) {
            Some(field) => field?,
            None => {
                let frame = self.new_frame(&closure.frame, closure.lambda.slots)?;
                for slot in &closure.lambda.parameters {
                    frame.set(*slot, argument.clone());
                }
                let field = self.evaluate(left, &closure.input, &frame)?;
                self.release_frame(frame);
                field
            }
        };
        self.exit();
        Ok(field)
    }

    fn set_site(&self, function: &Function, position: usize) {
        match function {
            Function::Builtin(builtin) => {
                if let Some(site) = self.sites.get(builtin.index()) {
                    site.set(position);
                }
            }
            Function::Closure(closure) => closure.site.set(position),
            _ => {}
        }
    }

    fn site(&self, function: &Function) -> usize {
        match function {
            Function::Builtin(builtin) => self.sites.get(builtin.index()).map_or(0, Cell::get),
            Function::Closure(closure) => closure.site.get(),
            _ => 0,
        }
    }

    /// `~>`
    pub(super) fn apply_to(
        &self,
        left: &Node,
        right: &Node,
        position: usize,
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        let left = self.evaluate(left, input, frame)?;
        if let Kind::Call(call) = &right.kind {
            // What stands behind the call is not looked at, as in the reference.
            return self.call(call, Some(left), input, frame);
        }
        let right = self.evaluate(right, input, frame)?;
        let Item::Function(function) = &right else {
            return Err(Fault::at("T2006", position));
        };
        if let Item::Function(_) = left {
            let chain = chain(frame);
            return self.apply_to_items(&chain, &mut vec![left, right]);
        }
        self.apply_to_items(function, &mut vec![left])
    }
}

fn chain(frame: &Rc<Frame>) -> Rc<Function> {
    static LAMBDA: LazyLock<Arc<Lambda>> = LazyLock::new(|| {
        let syntax = crate::syntax::parse(CHAIN);
        let kind = syntax.map(|syntax| crate::lower::lower(syntax).0.root.kind);
        match kind {
            Ok(Kind::Lambda(lambda)) => lambda,
            _ => Arc::new(Lambda::nothing()),
        }
    });
    Rc::new(Function::Closure(Closure {
        lambda: Arc::clone(&LAMBDA),
        frame: Rc::clone(frame),
        input: Item::null(),
        site: Cell::new(0),
        _charge: None,
    }))
}

//! Intrinsic functions: `States.Format('{}', $.name)`.
//!
//! A call is compiled once, with its nested calls; [`FUNCTIONS`] lists every function of the States
//! Language with the arguments it takes (developer guide, "Intrinsic functions").

mod arguments;
mod array;
mod call;
mod math;
mod objects;
mod parse;
mod text;

use json::Value;

pub use call::{Call, CallError};

use arguments::{Arguments, Problem};

/// An intrinsic function.
#[derive(Debug)]
pub struct Function {
    /// `States.Format`
    pub name: &'static str,
    pub arguments_min: usize,
    pub arguments_max: usize,
    run: fn(&Arguments<'_>) -> Result<Value, Problem>,
}

/// For functions that take any number of arguments.
const MANY: usize = usize::MAX;

const fn function(
    name: &'static str,
    (arguments_min, arguments_max): (usize, usize),
    run: fn(&Arguments<'_>) -> Result<Value, Problem>,
) -> Function {
    Function {
        name,
        arguments_min,
        arguments_max,
        run,
    }
}

/// Every intrinsic function.
pub static FUNCTIONS: [Function; 18] = [
    function("States.Array", (0, MANY), array::array),
    function("States.ArrayContains", (2, 2), array::contains),
    function("States.ArrayGetItem", (2, 2), array::get_item),
    function("States.ArrayLength", (1, 1), array::length),
    function("States.ArrayPartition", (2, 2), array::partition),
    function("States.ArrayRange", (3, 3), array::range),
    function("States.ArrayUnique", (1, 1), array::unique),
    function("States.Base64Decode", (1, 1), text::base64_decode),
    function("States.Base64Encode", (1, 1), text::base64_encode),
    function("States.Format", (1, MANY), text::format),
    function("States.Hash", (2, 2), text::hash),
    function("States.JsonMerge", (3, 3), objects::json_merge),
    function("States.JsonToString", (1, 1), objects::json_to_string),
    function("States.MathAdd", (2, 2), math::add),
    function("States.MathRandom", (2, 3), math::random),
    function("States.StringSplit", (2, 2), text::split),
    function("States.StringToJson", (1, 1), objects::string_to_json),
    function("States.UUID", (0, 0), math::uuid),
];

impl Function {
    /// The function of a name; `None` if the States Language has none.
    pub fn named(name: &str) -> Option<&'static Function> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }
}

#[cfg(test)]
mod tests;

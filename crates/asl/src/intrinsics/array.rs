//! Functions on arrays.

use std::hash::{DefaultHasher, Hash, Hasher};

use json::{Value, View};
use jsonata::Meter;

use super::arguments::{Arguments, Problem};

/// The longest array that States.ArrayRange makes (developer guide).
const RANGE_LEN_MAX: i64 = 1_000;

/// The largest array that States.ArrayPartition takes, in bytes of JSON (developer guide: 256 KB).
const PARTITION_BYTES_MAX: usize = 262_144;

/// What an array takes beside its elements.
const ARRAY_BYTES: usize = 80;

pub(super) fn array(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    make(arguments, 1, arguments.values.len())?;
    Ok(arguments.values.clone().into())
}

pub(super) fn length(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let len = i64::try_from(arguments.array(0)?.len());
    Ok(len.unwrap_or(i64::MAX).into())
}

pub(super) fn get_item(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let elements = arguments.array(0)?;
    let index = arguments.rounded(1)?;
    let element = usize::try_from(index)
        .ok()
        .and_then(|index| elements.get(index));
    element.cloned().ok_or_else(|| {
        Problem::new(format_args!(
            "the index {index} is out of bounds for an array of length {}",
            elements.len()
        ))
    })
}

/// Whether an element equals the value, as JSON: numbers by value, objects in any order.
pub(super) fn contains(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let (elements, wanted) = (arguments.array(0)?, arguments.value(1)?);
    arguments.step(elements.len())?;
    for element in elements {
        if equal(element, wanted, arguments.meter)? {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

/// The first of each elements that are equal, in their order.
pub(super) fn unique(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let elements = arguments.array(0)?;
    let meter = arguments.meter;
    let mut hashes = Vec::with_capacity(elements.len());
    for (at, element) in elements.iter().enumerate() {
        hashes.push((hash(element, meter)?, at));
    }
    hashes.sort_unstable();
    let mut kept = Vec::new();
    for run in hashes.chunk_by(|left, right| left.0 == right.0) {
        // Most runs hold equal elements only, which the first one meets at once.
        let mut different: Vec<&Value> = Vec::new();
        for (at, element) in run
            .iter()
            .filter_map(|(_, at)| Some((*at, elements.get(*at)?)))
        {
            let mut is_repeated = false;
            for earlier in &different {
                is_repeated = is_repeated || equal(earlier, element, meter)?;
            }
            if !is_repeated {
                different.push(element);
                kept.push(at);
            }
        }
    }
    kept.sort_unstable();
    make(arguments, 1, kept.len())?;
    let kept = kept.into_iter().filter_map(|at| elements.get(at).cloned());
    Ok(kept.collect())
}

/// Arrays of `size` elements each; the last may be shorter.
pub(super) fn partition(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let elements = arguments.array(0)?;
    let size = arguments.rounded(1)?;
    if arguments.value(0)?.size() > PARTITION_BYTES_MAX {
        return Err(Problem::new(format_args!(
            "argument 1 has more than {PARTITION_BYTES_MAX} bytes"
        )));
    }
    let chunk = usize::try_from(size).ok().filter(|size| *size > 0);
    let chunk = chunk.ok_or_else(|| {
        Problem::new(format_args!(
            "argument 2 must be a positive integer, but is {size}"
        ))
    })?;
    let chunks = elements.chunks(chunk);
    make(arguments, chunks.len() + 1, elements.len() + chunks.len())?;
    Ok(chunks
        .map(|chunk| chunk.iter().cloned().collect())
        .collect())
}

/// From the first number to the second, which is included if a step meets it.
pub(super) fn range(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let (first, last) = (arguments.rounded(0)?, arguments.rounded(1)?);
    let step = arguments.rounded(2)?;
    let span = i128::from(last) - i128::from(first);
    let Some(steps) = span.checked_div(i128::from(step)) else {
        return Err(Problem::new("argument 3, the step, must not be 0"));
    };
    // A step away from the end makes no element; the quotient of a span below one step is 0.
    let is_away = (span < 0) != (step < 0) && span != 0;
    if is_away {
        return Ok(Value::empty_array());
    }
    let len = i64::try_from(steps + 1).unwrap_or(i64::MAX);
    if len > RANGE_LEN_MAX {
        return Err(Problem::new(format_args!(
            "the array would have {len} elements, more than {RANGE_LEN_MAX}"
        )));
    }
    make(arguments, 1, usize::try_from(len).unwrap_or(usize::MAX))?;
    let element = |at: i64| i128::from(first) + i128::from(at) * i128::from(step);
    let elements = (0..len).filter_map(|at| i64::try_from(element(at)).ok());
    Ok(elements.map(Value::from).collect())
}

/// Takes the steps and bytes of making arrays.
fn make(arguments: &Arguments<'_>, arrays: usize, elements: usize) -> Result<(), Problem> {
    arguments.step(arrays.saturating_add(elements))?;
    let bytes = arrays.saturating_mul(ARRAY_BYTES);
    let bytes = bytes.saturating_add(elements.saturating_mul(size_of::<Value>()));
    Ok(arguments.meter.make(bytes)?)
}

/// Equality, paid for by the smaller of the two.
fn equal(left: &Value, right: &Value, meter: &Meter) -> Result<bool, Problem> {
    if left.kind() != right.kind() {
        return Ok(false);
    }
    let bytes = left.size().min(right.size());
    meter.step(u64::try_from(bytes / 16).unwrap_or(u64::MAX))?;
    Ok(left == right)
}

/// The same for values that are equal. Collisions, though they can be made for objects, only cost
/// comparisons. As deep as JSON nests.
fn hash(value: &Value, meter: &Meter) -> Result<u64, Problem> {
    let mut hasher = DefaultHasher::new();
    value.kind().hash(&mut hasher);
    meter.step(1)?;
    match value.view() {
        View::Null => {}
        View::Bool(bool) => bool.hash(&mut hasher),
        View::Number(number) => {
            meter.step(bytes_steps(number.as_text()))?;
            number.hash(&mut hasher);
        }
        View::String(text) => {
            meter.step(bytes_steps(text))?;
            text.hash(&mut hasher);
        }
        View::Array(elements) => {
            for element in elements {
                hash(element, meter)?.hash(&mut hasher);
            }
        }
        View::Object(members) => {
            // A sum, as the order of members makes no difference.
            let mut sum = 0_u64;
            for (name, member) in members.iter() {
                let mut pair = DefaultHasher::new();
                meter.step(bytes_steps(name))?;
                name.hash(&mut pair);
                hash(member, meter)?.hash(&mut pair);
                sum = sum.wrapping_add(pair.finish());
            }
            sum.hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

/// A step for each 64 bytes.
fn bytes_steps(text: &str) -> u64 {
    u64::try_from(text.len() / 64).unwrap_or(u64::MAX)
}

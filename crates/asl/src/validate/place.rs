//! Where in a definition something stands: a list on the stack, rendered only when reported.

use std::fmt;

use json::{Step, Value};

/// One place of a definition. It displays as AWS writes locations: `/States/A/Retry[0]/Next`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    part: Part<'p>,
}

/// The last part of a place.
#[derive(Clone, Copy, Debug)]
enum Part<'p> {
    Root,
    Member(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    /// The whole definition, `/`.
    pub(crate) const ROOT: Place<'static> = Place {
        parent: None,
        part: Part::Root,
    };

    pub(crate) fn member(&'p self, name: &'p str) -> Place<'p> {
        Place {
            parent: Some(self),
            part: Part::Member(name),
        }
    }

    pub(crate) fn item(&'p self, index: usize) -> Place<'p> {
        Place {
            parent: Some(self),
            part: Part::Item(index),
        }
    }

    /// Hands on the place that `steps` lead to from here. Recurses once for each step, and there
    /// are no more of them than JSON may nest.
    pub(crate) fn below(&self, steps: &[Step], then: &mut dyn FnMut(&Place<'_>)) {
        match steps.split_first() {
            None => then(self),
            Some((Step::Key(name), rest)) => self.member(name).below(rest, then),
            Some((Step::Index(index), rest)) => self.item(*index).below(rest, then),
        }
    }

    /// From the whole definition down to this place.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let step = |place: &Place<'_>| match place.part {
            Part::Root => None,
            Part::Member(name) => Some(Step::Key(name.into())),
            Part::Item(index) => Some(Step::Index(index)),
        };
        let places = std::iter::successors(Some(self), |place| place.parent);
        let mut steps = places.filter_map(step).collect::<Vec<_>>();
        steps.reverse();
        steps
    }
}

/// The steps of a JSON pointer (RFC 6901) into `value`, which tells members from elements.
pub(crate) fn pointer_steps(value: &Value, pointer: &str) -> Vec<Step> {
    let mut at = Some(value);
    let mut steps = Vec::new();
    for token in pointer.split('/').skip(1) {
        let array = at.and_then(Value::as_array);
        if let (Some(elements), Ok(index)) = (array, token.parse()) {
            steps.push(Step::Index(index));
            at = elements.get(index);
        } else {
            let name = token.replace("~1", "/").replace("~0", "~");
            at = at.and_then(|value| value.get(&name));
            steps.push(Step::Key(name.into()));
        }
    }
    steps
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps();
        if steps.is_empty() {
            return formatter.write_str("/");
        }
        steps.iter().try_for_each(|step| match step {
            Step::Key(name) => write!(formatter, "/{name}"),
            Step::Index(index) => write!(formatter, "[{index}]"),
        })
    }
}

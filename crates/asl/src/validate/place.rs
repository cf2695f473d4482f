//! Where in a definition something stands: a list on the stack, rendered only when reported.

use std::fmt;
use std::sync::Arc;

use json::{Step, Value};

use super::report::beginning;

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
    /// Where a body begins that was set aside.
    Anchor(&'p Anchor),
    /// A member of `States`.
    State(&'p str),
    Member(&'p str),
    Item(usize),
}

/// A place that outlives the stack it was found on. It shares what leads to it with others, as
/// thousands of branches may lie hundreds of levels deep.
#[derive(Debug)]
pub(crate) struct Anchor {
    parent: Option<Arc<Anchor>>,
    /// From the parent.
    steps: Vec<Step>,
}

impl Anchor {
    /// The whole definition.
    pub(crate) fn root() -> Arc<Anchor> {
        Arc::new(Anchor {
            parent: None,
            steps: Vec::new(),
        })
    }

    /// The place that `place` is; `parent` is the anchor it was found from.
    pub(crate) fn at(place: &Place<'_>, parent: &Arc<Anchor>) -> Arc<Anchor> {
        Arc::new(Anchor {
            parent: Some(Arc::clone(parent)),
            steps: place.steps_from_anchor(),
        })
    }

    fn steps(&self) -> Vec<Step> {
        let anchors = std::iter::successors(Some(self), |anchor| anchor.parent.as_deref());
        let mut parts = anchors
            .map(|anchor| anchor.steps.as_slice())
            .collect::<Vec<_>>();
        parts.reverse();
        parts.concat()
    }
}

impl<'p> Place<'p> {
    /// The whole definition, `/`.
    pub(crate) const ROOT: Place<'static> = Place {
        parent: None,
        part: Part::Root,
    };

    pub(crate) fn anchored(anchor: &'p Anchor) -> Place<'p> {
        Place {
            parent: None,
            part: Part::Anchor(anchor),
        }
    }

    /// Whether this is the whole definition.
    pub(crate) fn is_root(&self) -> bool {
        self.parent.is_none() && self.steps().is_empty()
    }

    /// The state `name` below its body's `States`.
    pub(crate) fn state(&'p self, name: &'p str) -> Place<'p> {
        Place {
            parent: Some(self),
            part: Part::State(name),
        }
    }

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
        let mut places = std::iter::successors(Some(self), |place| place.parent);
        let mut steps = match places.find(|place| place.parent.is_none()) {
            Some(Place {
                part: Part::Anchor(anchor),
                ..
            }) => anchor.steps(),
            _ => Vec::new(),
        };
        steps.append(&mut self.steps_from_anchor());
        steps
    }

    /// As AWS names a field of a state: `Catch[1]/Output`; cut when it is longer than anyone reads.
    pub(crate) fn field(&self) -> String {
        let places = std::iter::successors(Some(self), |place| place.parent);
        let below = places.take_while(|place| !matches!(place.part, Part::State(_)));
        let mut parts = below.map(|place| place.part).collect::<Vec<_>>();
        parts.reverse();
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Root | Part::Anchor(_) => {}
                Part::State(name) | Part::Member(name) => {
                    let slash = if text.is_empty() { "" } else { "/" };
                    text.extend([slash, name]);
                }
                Part::Item(index) => text.extend(["[", &index.to_string(), "]"]),
            }
            if text.len() > FIELD_BYTES_MAX {
                return beginning(&text, FIELD_BYTES_MAX).to_owned();
            }
        }
        text
    }

    fn steps_from_anchor(&self) -> Vec<Step> {
        let step = |place: &Place<'_>| match place.part {
            Part::Root | Part::Anchor(_) => None,
            Part::State(name) | Part::Member(name) => Some(Step::Key(name.into())),
            Part::Item(index) => Some(Step::Index(index)),
        };
        let places = std::iter::successors(Some(self), |place| place.parent);
        let mut steps = places.filter_map(step).collect::<Vec<_>>();
        steps.reverse();
        steps
    }
}

/// Messages about thousands of expressions may repeat the name of a field of half a megabyte.
const FIELD_BYTES_MAX: usize = 1_000;

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

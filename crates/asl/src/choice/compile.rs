//! From a rule's JSON to its condition, or to everything that is wrong with it.

use json::{Object, Value};

use super::operators::{Check, Domain, OPERATORS, Operator};
use super::pattern::Pattern;
use super::{Node, Operand, RuleProblem, Test, instant};
use crate::definition::DIAGNOSTICS_MAX;
use crate::template::{ValuePath, push_step};
use crate::validate::message;

/// Members of a rule that are no part of its condition.
const BESIDE_CONDITION: [&str; 5] = ["Next", "Comment", "Assign", "Output", "Condition"];

/// A nested rule is a condition and nothing else.
const BESIDE_NESTED: [&str; 1] = ["Comment"];

/// As deep as the JSON nests, so the recursion is bounded.
#[derive(Default)]
pub(super) struct Compiler {
    /// JSON pointer from the outermost rule.
    pointer: String,
    /// At most one more than is ever shown.
    pub(super) problems: Vec<RuleProblem>,
}

impl Compiler {
    /// Compiles a rule; `None` if there are problems.
    pub(super) fn rule(&mut self, rule: &Value) -> Option<Node> {
        let Some(object) = rule.as_object() else {
            return self.report(message::expected("Object"));
        };
        let is_nested = !self.pointer.is_empty();
        let beside: &[&str] = if is_nested {
            &BESIDE_NESTED
        } else {
            &BESIDE_CONDITION
        };
        let mut conditions = Vec::new();
        for name in object.keys() {
            if is_combinator(name) || Operator::named(name).is_some() {
                conditions.push(name);
            } else if name != "Variable" && !beside.contains(&name) {
                self.unsupported(name);
            }
        }
        match conditions.as_slice() {
            [] => self.report(message::one_required(&condition_names())),
            [name] => self.condition(object, name),
            names => self.report(message::only_one(names)),
        }
    }

    fn condition(&mut self, object: &Object, name: &str) -> Option<Node> {
        let operand = object.get(name)?;
        if let Some(operator) = Operator::named(name) {
            let variable = self.variable(object);
            let test = self.at(name, |it| it.test(operator, operand));
            return Some(Node::Test(Box::new((variable?, test?))));
        }
        if object.contains_key("Variable") {
            self.unsupported("Variable");
        }
        self.at(name, |it| match name {
            "Not" => it.rule(operand).map(|rule| Node::Not(Box::new(rule))),
            "And" => it.rules(operand).map(Node::And),
            _ => it.rules(operand).map(Node::Or),
        })
    }

    fn rules(&mut self, operand: &Value) -> Option<Box<[Node]>> {
        let Some(rules) = operand.as_array() else {
            return self.report(message::expected("Array"));
        };
        if rules.is_empty() {
            return self.report(message::EMPTY);
        }
        let compiled: Vec<_> = (0..)
            .zip(rules)
            .map(|(index, rule): (usize, _)| self.at(&index.to_string(), |it| it.rule(rule)))
            .collect();
        compiled.into_iter().collect()
    }

    fn variable(&mut self, object: &Object) -> Option<ValuePath> {
        match object.get("Variable") {
            Some(variable) => self.at("Variable", |it| it.reference(variable)),
            None => self.report(message::required(&["Variable"])),
        }
    }

    fn reference(&mut self, path: &Value) -> Option<ValuePath> {
        let Some(text) = path.as_str() else {
            return self.report(message::expected("String"));
        };
        match ValuePath::parse(text) {
            Ok(path) if path.path.is_reference() => Some(path),
            _ => self.report(message::NOT_REFERENCE_PATH),
        }
    }

    fn test(&mut self, operator: &Operator, operand: &Value) -> Option<Test> {
        match operator.check {
            Check::Is(quality) => match operand.as_bool() {
                Some(wanted) => Some(Test::Is { quality, wanted }),
                None => self.report(message::expected("Boolean")),
            },
            Check::StringMatches => match operand.as_str().map(Pattern::parse) {
                Some(Ok(pattern)) => Some(Test::Matches(pattern)),
                Some(Err(text)) => self.report(text),
                None => self.report(message::expected("String")),
            },
            Check::Compare(domain, relation) => {
                let operand = if operator.takes_path {
                    Operand::Path(domain, self.reference(operand)?)
                } else {
                    self.literal(domain, operand)?
                };
                Some(Test::Compare { relation, operand })
            }
        }
    }

    fn literal(&mut self, domain: Domain, operand: &Value) -> Option<Operand> {
        let text = operand.as_str();
        let (literal, otherwise) = match domain {
            Domain::String => (text.map(|text| Operand::String(text.into())), "String"),
            Domain::Numeric => (operand.as_number().cloned().map(Operand::Numeric), "Number"),
            Domain::Boolean => (operand.as_bool().map(Operand::Boolean), "Boolean"),
            Domain::Timestamp => match text.map(instant) {
                Some(None) => return self.report(message::NOT_RFC3339),
                instant => (instant.flatten().map(Operand::Timestamp), "String"),
            },
        };
        if literal.is_none() {
            return self.report(message::expected(otherwise));
        }
        literal
    }

    /// Says what is wrong here, and makes nothing.
    fn report<T>(&mut self, message: impl Into<String>) -> Option<T> {
        self.add(None, message.into());
        None
    }

    /// The object here has a member that no rule has.
    fn unsupported(&mut self, name: &str) {
        self.add(Some(name.to_owned()), message::unsupported(name));
    }

    fn add(&mut self, member: Option<String>, message: String) {
        // Each repeats the pointer, and more than these are shown to nobody.
        if self.problems.len() <= DIAGNOSTICS_MAX {
            let pointer = self.pointer.clone();
            self.problems.push(RuleProblem {
                pointer,
                member,
                message,
            });
        }
    }

    /// Works one step further down.
    fn at<T>(&mut self, step: &str, work: impl FnOnce(&mut Compiler) -> T) -> T {
        let len = self.pointer.len();
        push_step(&mut self.pointer, step);
        let made = work(self);
        self.pointer.truncate(len);
        made
    }
}

fn is_combinator(name: &str) -> bool {
    matches!(name, "And" | "Or" | "Not")
}

fn condition_names() -> Vec<&'static str> {
    ["And", "Or", "Not"]
        .into_iter()
        .chain(OPERATORS.iter().map(|operator| operator.name))
        .collect()
}

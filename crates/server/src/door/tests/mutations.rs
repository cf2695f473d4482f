//! What can be wrong with an input, made from the model: for each member what it must not be.

use aws::model::{Constraints, Kind, Member, Model, Shape, ShapeId};
use json::Value;

use super::world::World;

/// An input with something wrong with it.
pub(super) struct Mutation {
    /// What is wrong, with the path of the member.
    pub what: String,
    pub body: String,
    /// Whether AWS refuses it. Otherwise it must only not fail.
    pub is_refused: bool,
}

/// Everything that can be wrong with an input, and the paths of the members it has.
pub(super) struct Mutations<'w> {
    world: &'w World,
    model: &'static Model,
    whole: Value,
    pub made: Vec<Mutation>,
    pub paths: Vec<String>,
}

type Path = Vec<Step>;

#[derive(Clone)]
enum Step {
    Member(String),
    First,
}

impl<'w> Mutations<'w> {
    /// Of an input of this shape.
    pub(super) fn of(
        world: &'w World,
        model: &'static Model,
        shape: ShapeId,
        input: &Value,
    ) -> Mutations<'w> {
        let mut mutations = Mutations {
            world,
            model,
            whole: input.clone(),
            made: Vec::new(),
            paths: Vec::new(),
        };
        mutations.bodies(shape);
        mutations.members(shape, input, &Vec::new());
        mutations
    }

    /// Bodies that are no inputs at all.
    fn bodies(&mut self, shape: ShapeId) {
        let structure = self.model.structure(shape).unwrap();
        let needs_members = structure.members.iter().any(|member| member.required);
        for (body, is_refused) in [
            ("", needs_members),
            ("{}", needs_members),
            ("null", needs_members),
            ("{", true),
            ("[]", true),
            ("\"x\"", true),
            ("7", true),
            ("{\"a\": 1} x", true),
            ("{\"a\": \u{1}}", true),
        ] {
            self.made.push(Mutation {
                what: format!("the body `{body}`"),
                body: body.to_owned(),
                is_refused,
            });
        }
        let unknown = self.whole.with_member("unknownMember", 1.into());
        self.made.push(Mutation {
            what: "a member that AWS does not have".to_owned(),
            body: unknown.to_text(),
            is_refused: false,
        });
    }

    fn members(&mut self, shape: ShapeId, value: &Value, path: &Path) {
        let structure = self.model.structure(shape).unwrap();
        for member in &structure.members {
            let mut path = path.clone();
            path.push(Step::Member(member.name.as_str().to_owned()));
            let present = value.get(member.name.as_str());
            match present {
                Some(present) => {
                    self.paths.push(spelled(&path));
                    self.absence(member, &path);
                    self.value(member.reference.shape, present, &path);
                }
                None if member.name.as_str() == "nextToken" => {
                    self.paths.push(spelled(&path));
                    self.page_tokens(&path);
                    self.constraints(self.model.shape(member.reference.shape), &path);
                }
                None => {}
            }
        }
    }

    fn absence(&mut self, member: &Member, path: &Path) {
        self.push("null", path, Some(Value::null()), member.required);
        if member.required {
            self.push("missing", path, None, true);
        }
    }

    /// A member, or the first element of a list.
    fn value(&mut self, id: ShapeId, value: &Value, path: &Path) {
        let shape = self.model.shape(id);
        self.types(&shape.kind, path);
        self.constraints(shape, path);
        match &shape.kind {
            Kind::Structure(_) => self.members(id, value, path),
            Kind::List { member, .. } => {
                let mut path = path.clone();
                path.push(Step::First);
                self.push("a null element", &path, Some(Value::null()), true);
                self.value(member.shape, value.index(0).unwrap(), &path);
            }
            Kind::String => self.texts(value.as_str().unwrap(), path),
            _ => {}
        }
    }

    fn types(&mut self, kind: &Kind, path: &Path) {
        let all = [
            Value::from("x"),
            Value::from(7),
            Value::from(true),
            Value::empty_array(),
            Value::empty_object(),
        ];
        for wrong in all {
            let fits = match kind {
                Kind::Structure(_) | Kind::Map { .. } => wrong.as_object().is_some(),
                Kind::List { .. } => wrong.as_array().is_some(),
                Kind::String | Kind::Blob => wrong.as_str().is_some(),
                Kind::Boolean => wrong.as_bool().is_some(),
                _ => wrong.as_number().is_some(),
            };
            if !fits {
                self.push(
                    &format!("{wrong}, of another type"),
                    path,
                    Some(wrong),
                    true,
                );
            }
        }
    }

    fn constraints(&mut self, shape: &Shape, path: &Path) {
        let Constraints {
            min,
            max,
            pattern,
            choices,
        } = &shape.constraints;
        let count = |bound: f64| format!("{bound}").parse::<usize>().unwrap();
        let (least, most) = (min.map(count), max.map(|max| count(max.trunc())));
        match &shape.kind {
            Kind::String => {
                if let Some(most) = most {
                    self.text("too long", path, &"a".repeat(most + 1));
                }
                if least.is_some_and(|least| least > 0) {
                    self.text("too short", path, "");
                }
                if let Some(pattern) = pattern {
                    let wrong = ["\u{7f}", "é", " ", "!", "1"];
                    let wrong = wrong.into_iter().find(|text| !pattern.matches(text));
                    self.text("against the pattern", path, wrong.unwrap());
                }
                if !choices.is_empty() {
                    self.text("no such value", path, "UNKNOWN");
                    self.text("a value in lower case", path, &choices[0].to_lowercase());
                }
            }
            Kind::List { .. } => {
                let first = self.at(path).and_then(|list| list.index(0).cloned());
                if let (Some(most), Some(first)) = (most, first) {
                    let many = vec![first; most + 1];
                    self.push("too many elements", path, Some(many.into()), true);
                }
                if least.is_some_and(|least| least > 0) {
                    self.push("no elements", path, Some(Value::empty_array()), true);
                }
            }
            Kind::Integer | Kind::Long | Kind::Float | Kind::Double => {
                let value = |text: String| json::parse(&text).unwrap();
                if let Some(min) = min {
                    let less = value(format!("{}", min - 1.0));
                    self.push("too small", path, Some(less), true);
                }
                if let Some(max) = max {
                    let more = value(format!("{}", max + 1.0));
                    self.push("too large", path, Some(more), true);
                }
            }
            _ => {}
        }
    }

    /// What the model does not say of a text, by the member's name.
    fn texts(&mut self, text: &str, path: &Path) {
        let name = match path.last() {
            Some(Step::Member(name)) => name.clone(),
            _ => return,
        };
        match &*name {
            "taskToken" => {
                let (half, _) = text.split_at(text.len() / 2);
                let mut changed: Vec<char> = text.chars().collect();
                let near_the_end = changed.len() - 5;
                changed[near_the_end] = if changed[near_the_end] == 'A' {
                    'B'
                } else {
                    'A'
                };
                self.text("a forged token", path, "forged");
                self.text(
                    "a token that was changed",
                    path,
                    &String::from_iter(changed),
                );
                self.text("half a token", path, half);
            }
            "name" if path.len() == 1 => {
                for wrong in ["a b", "a/b", "a*", "a\u{1}", "{", "\u{7f}"] {
                    self.text(&format!("the name {wrong:?}"), path, wrong);
                }
            }
            "definition" | "input" | "output" | "variables" | "context" | "result" => {
                let judges = self.whole.get("severity").is_some();
                if !judges {
                    self.text("no JSON", path, "{");
                    self.text("JSON and more", path, "{} x");
                }
            }
            _ if name.ends_with("Arn") => self.arns(&name, text, path),
            _ => {}
        }
    }

    fn arns(&mut self, name: &str, arn: &str, path: &Path) {
        for wrong in [
            "x",
            "arn",
            "arn:aws:states",
            "arn:aws:states:us-east-1:000000000000:stateMachine",
            "arn:aws:states:us-east-1:000000000000:stateMachine:",
            "arn:aws:states:us-east-1:000000000000:stateMachine:a b",
            "arn:aws:states:us-east-1:000000000000:unknown:m",
            "arn:aws:states:::sqs:sendMessage",
            "arn:::::::::",
            "ärn:aws:states:us-east-1:000000000000:stateMachine:m",
        ] {
            self.text(&format!("the ARN `{wrong}`"), path, wrong);
        }
        self.text(
            "of another partition",
            path,
            &arn.replacen("arn:aws:", "arn:aws-cn:", 1),
        );
        self.text(
            "of another account",
            path,
            &arn.replace("000000000000", "999999999999"),
        );
        // Roles are in no Region.
        if name != "roleArn" {
            self.text(
                "of another region",
                path,
                &arn.replace("us-east-1", "eu-west-3"),
            );
        }
        let others: &[&str] = match name {
            "stateMachineArn" => &["execution", "activity", "role", "function", "map_run"],
            "executionArn" if arn.contains(":express:") => &["execution", "machine", "role"],
            "executionArn" => &[
                "express_execution",
                "machine",
                "activity",
                "role",
                "map_run",
            ],
            "activityArn" => &["machine", "execution", "role", "map_run"],
            "mapRunArn" => &["machine", "execution", "activity", "role"],
            "resourceArn" => &["execution", "role", "map_run", "version", "alias"],
            "stateMachineAliasArn" => &["machine", "version", "execution", "activity", "role"],
            "stateMachineVersionArn" => &["machine", "alias", "execution", "activity", "role"],
            "roleArn" | "logGroupArn" => &["machine", "execution", "function"],
            _ => panic!("which ARNs does `{name}` not take?"),
        };
        for other in others {
            let arn = self.world.name(other).to_owned();
            self.text(&format!("the ARN of the {other}"), path, &arn);
        }
    }

    fn page_tokens(&mut self, path: &Path) {
        for token in ["forged", "AAAA", "e30=", "{}", "\u{7f}"] {
            self.text("a forged token", path, token);
        }
        // It lists state machines by name, and so does nothing else.
        if self.whole.as_object().is_some_and(|input| input.len() > 1) {
            let token = self.world.name("page_token").to_owned();
            self.text("the token of another list", path, &token);
        }
    }

    fn text(&mut self, what: &str, path: &Path, text: &str) {
        self.push(what, path, Some(text.into()), true);
    }

    fn push(&mut self, what: &str, path: &Path, value: Option<Value>, is_refused: bool) {
        self.made.push(Mutation {
            what: format!("`{}`: {what}", spelled(path)),
            body: replaced(&self.whole, path, value).to_text(),
            is_refused,
        });
    }

    fn at(&self, path: &Path) -> Option<&Value> {
        let mut value = &self.whole;
        for step in path {
            value = match step {
                Step::Member(name) => value.get(name)?,
                Step::First => value.index(0)?,
            };
        }
        Some(value)
    }
}

fn spelled(path: &Path) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Member(name) => name.as_str(),
        Step::First => "0",
    });
    steps.collect::<Vec<_>>().join(".")
}

/// The value with another one at a path, or none.
fn replaced(value: &Value, path: &[Step], new: Option<Value>) -> Value {
    match path {
        [] => new.unwrap_or_default(),
        [Step::Member(name)] if new.is_none() => value.as_object().unwrap().without(name).into(),
        [Step::Member(name), rest @ ..] => {
            let inner = value.get(name).cloned().unwrap_or_default();
            value.with_member(name, replaced(&inner, rest, new))
        }
        [Step::First, rest @ ..] => {
            let inner = replaced(value.index(0).unwrap(), rest, new);
            value.with_element(0, inner).unwrap()
        }
    }
}

/// The paths of all members of an input, down to those of elements.
pub(super) fn paths(model: &Model, shape: ShapeId) -> Vec<String> {
    let mut paths = Vec::new();
    collect(model, shape, "", &mut paths);
    paths
}

fn collect(model: &Model, shape: ShapeId, above: &str, paths: &mut Vec<String>) {
    match &model.shape(shape).kind {
        Kind::Structure(structure) => {
            for member in &structure.members {
                let path = format!("{above}{}", member.name.as_str());
                paths.push(path.clone());
                collect(model, member.reference.shape, &format!("{path}."), paths);
            }
        }
        Kind::List { member, .. } => collect(model, member.shape, &format!("{above}0."), paths),
        _ => {}
    }
}

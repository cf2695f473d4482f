use std::cell::Cell;

use super::*;

const CASES: &str = include_str!("../../../../conformance/template/cases.json");

/// Counts how often the context object is asked for.
struct Counted(Value, Cell<u32>);

impl Outside for Counted {
    fn variable(&self, _name: &str) -> Option<Value> {
        None
    }

    fn random(&self) -> u64 {
        4
    }

    fn now_ms(&self) -> i64 {
        0
    }

    fn context(&self) -> Value {
        self.1.set(self.1.get() + 1);
        self.0.clone()
    }
}

fn list<'c>(value: &'c Value, member: &str) -> &'c [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .unwrap_or_default()
}

#[test]
fn templates_are_filled() {
    let file = json::parse(CASES).unwrap();
    let context = Counted(file.get("context").unwrap().clone(), Cell::new(0));
    let input = file.get("input").unwrap();
    let scope = Scope::new(input, &context);
    assert!(list(&file, "cases").len() >= 30);
    for case in list(&file, "cases") {
        check(case, &scope);
    }
}

fn check(case: &Value, scope: &Scope<'_>) {
    let template = match Template::compile(case.get("template").unwrap()) {
        Ok(template) => template,
        Err(errors) => {
            let errors: Value = errors
                .iter()
                .map(|error| Value::from(described(error)))
                .collect();
            assert_eq!(
                Some(errors.to_text()),
                case.get("errors").map(Value::to_text),
                "{case}"
            );
            return;
        }
    };
    match template.evaluate(scope) {
        Ok(made) => {
            assert_eq!(
                Some(made.to_text()),
                case.get("ok").map(Value::to_text),
                "{case}"
            );
        }
        Err(failure) => {
            let input = format!(" could not be found in the input '{}'", scope.input);
            let expected = case
                .get("failure")
                .and_then(Value::as_str)
                .unwrap_or_default();
            assert_eq!(failure.to_string(), format!("{expected}{input}"), "{case}");
        }
    }
}

fn described(error: &TemplateError) -> String {
    format!(
        "{} {} {:?} {}",
        error.pointer, error.field, error.reason, error.text
    )
}

#[test]
fn constant_parts_and_selected_nodes_are_shared() {
    let template =
        json::parse(r#"{"fixed":{"a":[1,2]},"list":[{"x.$":"$.big"},{"y":0}]}"#).unwrap();
    let input = json::parse(r#"{"big":{"b":[1,2,3]}}"#).unwrap();
    let context = Counted(Value::null(), Cell::new(0));
    let scope = Scope {
        input: &input,
        context: &context,
    };
    let made = Template::compile(&template)
        .unwrap()
        .evaluate(&scope)
        .unwrap();
    assert!(
        made.get("fixed")
            .unwrap()
            .ptr_eq(template.get("fixed").unwrap())
    );
    let list = made.get("list").unwrap();
    assert!(
        list.index(0)
            .unwrap()
            .get("x")
            .unwrap()
            .ptr_eq(input.get("big").unwrap())
    );
    assert!(
        list.index(1)
            .unwrap()
            .ptr_eq(template.get("list").unwrap().index(1).unwrap())
    );
    let constant = template.get("fixed").unwrap();
    assert!(
        Template::compile(constant)
            .unwrap()
            .evaluate(&scope)
            .unwrap()
            .ptr_eq(constant)
    );
}

#[test]
fn the_context_object_is_built_at_most_once() {
    for (template, expected) in [
        (r#"{"a.$":"$.x"}"#, 0),
        (r#"{"a.$":"$$.Id","b":[{"c.$":"$$.Id"}],"d.$":"$.x"}"#, 1),
    ] {
        let context = Counted(json::parse(r#"{"Id":"e"}"#).unwrap(), Cell::new(0));
        let input = json::parse(r#"{"x":1}"#).unwrap();
        let template = Template::compile(&json::parse(template).unwrap()).unwrap();
        template
            .evaluate(&Scope {
                input: &input,
                context: &context,
            })
            .unwrap();
        assert_eq!(context.1.get(), expected);
    }
}

#[test]
fn value_paths_begin_with_a_root() {
    let variable = |name: &str| Err(ValuePathError::Variable(name.into()));
    let intrinsic = |name: &str, known| {
        Err(ValuePathError::Intrinsic {
            name: name.into(),
            known,
        })
    };
    for (text, expected) in [
        ("$", Ok(Root::Input)),
        ("$.a", Ok(Root::Input)),
        ("$['a']", Ok(Root::Input)),
        ("$$", Ok(Root::Context)),
        ("$$.Execution.Id", Ok(Root::Context)),
        ("$name", variable("name")),
        ("$name.a[0]", variable("name")),
        ("$n\u{e4}me_1", variable("n\u{e4}me_1")),
        ("States.Format('{}', $.a)", intrinsic("States.Format", true)),
        ("States.UUID()", intrinsic("States.UUID", true)),
        ("States.Nope(1)", intrinsic("States.Nope", false)),
        (
            "States.Format",
            Err(ValuePathError::NotAPath("States.Format".into())),
        ),
        ("name", Err(ValuePathError::NotAPath("name".into()))),
        (" $.a", Err(ValuePathError::NotAPath(" $.a".into()))),
        ("@.a", Err(ValuePathError::NotAPath("@.a".into()))),
        ("", Err(ValuePathError::NotAPath(String::new()))),
    ] {
        assert_eq!(
            ValuePath::parse(text).map(|path| path.root),
            expected,
            "{text}"
        );
    }
    for text in ["$.", "$.a[", "$$$", "$$.a..", "$-", "$$name"] {
        let error = ValuePath::parse(text).map(|path| path.text);
        assert!(
            matches!(error, Err(ValuePathError::Path(_))),
            "{text}: {error:?}"
        );
    }
}

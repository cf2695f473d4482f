use jsonata::{Allowance, Meter};

use super::testing::{Fixed, list};
use super::*;

const CASES: &str = include_str!("../../../../conformance/template/cases.json");
const QUERIES: &str = include_str!("../../../../conformance/template/queries.json");

#[test]
fn templates_are_filled() {
    let file = json::parse(CASES).unwrap();
    assert!(list(&file, "cases").len() >= 50);
    check(&file, |template| {
        let compiled = Template::compile(template);
        compiled.map_err(|errors| errors.iter().map(described).collect())
    });
}

#[test]
fn templates_with_queries_are_filled() {
    let file = json::parse(QUERIES).unwrap();
    assert!(list(&file, "cases").len() >= 25);
    check(&file, |template| {
        let compiled = Template::compile_queries(template, "Output");
        compiled.map_err(|errors| {
            let described = |error: &QueryError| {
                let (pointer, location) = (&error.pointer, &error.location);
                Value::from(format!("{pointer} {location} {error} {}", error.expression))
            };
            errors.iter().map(described).collect()
        })
    });
}

/// Compiles each case and fills it; the errors of `compile` are as the file writes them.
fn check(file: &Value, compile: impl Fn(&Value) -> Result<Template, Value>) {
    let mut wrong = Vec::new();
    for case in list(file, "cases") {
        let compiled = compile(case.get("template").unwrap());
        let (member, said) = answer(file, compiled);
        if case.get(member).map(Value::to_text) != Some(said.to_text()) {
            wrong.push(format!("{case}\n    {member}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The member of the case that applies, and what it should hold.
fn answer(file: &Value, compiled: Result<Template, Value>) -> (&'static str, Value) {
    let input = file.get("input").unwrap();
    let (outside, meter) = (Fixed::of(file), Meter::new(Allowance::FULL));
    let template = match compiled {
        Ok(template) => template,
        Err(errors) => return ("errors", errors),
    };
    match template.evaluate(&Scope::new(input, &outside, &meter)) {
        Ok(made) => ("ok", made),
        Err(failure) => {
            // Each text ends with the whole input, which the file does not repeat.
            let said = failure.to_string().replace(&input.to_text(), "INPUT");
            ("failure", format!("{} {said}", failure.error()).into())
        }
    }
}

fn described(error: &TemplateError) -> Value {
    let reason = match &error.reason {
        TemplateProblem::NotAString => "is no string".to_owned(),
        TemplateProblem::NotAReference(error) => error.to_string(),
        TemplateProblem::Duplicate => "is a duplicate".to_owned(),
    };
    let TemplateError {
        pointer,
        field,
        text,
        ..
    } = error;
    format!("{pointer} {field} {text}: {reason}").into()
}

#[test]
fn constant_parts_and_selected_nodes_are_shared() {
    let template =
        json::parse(r#"{"fixed":{"a":[1,2]},"list":[{"x.$":"$.big"},{"y":0}]}"#).unwrap();
    let input = json::parse(r#"{"big":{"b":[1,2,3]}}"#).unwrap();
    let (outside, meter) = (Fixed::of(&Value::null()), Meter::new(Allowance::FULL));
    let scope = Scope::new(&input, &outside, &meter);
    let filled = |template: &Value| Template::compile(template).unwrap().evaluate(&scope);
    let made = filled(&template).unwrap();
    let list = made.get("list").unwrap();
    let big = list.index(0).and_then(|it| it.get("x")).unwrap();
    assert!(big.ptr_eq(input.get("big").unwrap()));
    let constant = template.get("fixed").unwrap();
    let last = template.get("list").unwrap().index(1).unwrap();
    assert!(made.get("fixed").unwrap().ptr_eq(constant));
    assert!(list.index(1).unwrap().ptr_eq(last));
    assert!(filled(constant).unwrap().ptr_eq(constant));
    let literal = Template::compile_queries(&template, "Output").unwrap();
    assert!(literal.as_constant().unwrap().ptr_eq(&template));
}

#[test]
fn the_context_object_is_built_at_most_once() {
    let input = json::parse(r#"{"x":1}"#).unwrap();
    let built = |template: Template| {
        let (outside, meter) = (Fixed::of(&Value::null()), Meter::new(Allowance::FULL));
        let _ = template.evaluate(&Scope::new(&input, &outside, &meter));
        outside.contexts_built.get()
    };
    for (template, expected) in [
        (r#"{"a.$":"$.x"}"#, 0),
        (
            r#"{"a.$":"$$","b":[{"c.$":"$$"}],"d.$":"$.x","e.$":"States.Array($$)"}"#,
            1,
        ),
    ] {
        let template = json::parse(template).unwrap();
        assert_eq!(built(Template::compile(&template).unwrap()), expected);
    }
    for (template, expected) in [
        (r#"{"a":"{% $states.input.x %}"}"#, 0),
        (
            r#"["{% $type($states.context) %}","{% $type($states) %}"]"#,
            1,
        ),
    ] {
        let template = json::parse(template).unwrap();
        let template = Template::compile_queries(&template, "Output").unwrap();
        assert_eq!(built(template), expected);
    }
}

#[test]
fn variables_are_named() {
    let template = r#"{"a.$":"$x.y","b":["$no",{"c.$":"States.Array($y, States.UUID(), $$.z)"}]}"#;
    let template = Template::compile(&json::parse(template).unwrap()).unwrap();
    assert_eq!(template.references(), ["y", "x"]);
    assert!(template.queries().is_empty());
    let template = r#"{"a":"{% $x.y + $states.input.z %}","b":["$no","{% $y %}"]}"#;
    let template = Template::compile_queries(&json::parse(template).unwrap(), "Output").unwrap();
    assert_eq!(template.references(), ["x", "y"]);
    let locations: Vec<_> = template.queries().iter().map(|it| &*it.location).collect();
    assert_eq!(locations, ["Output/a", "Output/b[1]"]);
}

#[test]
fn value_paths_begin_with_a_root() {
    let variable = |name: &str| Ok(Root::Variable(name.into()));
    let not_a_path = |text: &str| Err(ValuePathError::NotAPath(text.into()));
    for (text, expected) in [
        ("$", Ok(Root::Input)),
        ("$.a", Ok(Root::Input)),
        ("$['a']", Ok(Root::Input)),
        ("$$", Ok(Root::Context)),
        ("$$.Execution.Id", Ok(Root::Context)),
        ("$name", variable("name")),
        ("$name.a[0]", variable("name")),
        ("$name['a b']", variable("name")),
        ("$n\u{e4}me_1", variable("n\u{e4}me_1")),
        ("$\u{540d}\u{524d}..a", variable("\u{540d}\u{524d}")),
        (
            "States.Format('{}', $.a)",
            not_a_path("States.Format('{}', $.a)"),
        ),
        ("States.Format", not_a_path("States.Format")),
        ("name", not_a_path("name")),
        (" $.a", not_a_path(" $.a")),
        ("@.a", not_a_path("@.a")),
        ("", not_a_path("")),
    ] {
        assert_eq!(
            ValuePath::parse(text).map(|path| path.root),
            expected,
            "{text}"
        );
    }
    for text in [
        "$.", "$.a[", "$$$", "$$.a..", "$-", "$$name", "$1", "$_a", "$a-b", "$a b", "$a(1)",
    ] {
        let error = ValuePath::parse(text).map(|path| path.text);
        assert!(
            matches!(error, Err(ValuePathError::Path(_))),
            "{text}: {error:?}"
        );
    }
    assert!(is_variable_name("a_1") && is_variable_name(&"\u{e9}".repeat(80)));
    for name in ["", "_a", "1", "a-b", "a.b", "$a", &"a".repeat(81)] {
        assert!(!is_variable_name(name), "{name}");
    }
}

/// A path that leads nowhere because the meter ran out says so: nobody may take it for absence.
#[test]
fn an_empty_meter_is_no_absence() {
    let input = json::parse(r#"{"a":[1,2,3,4,5,6,7,8]}"#).unwrap();
    let outside = Fixed::of(&json::parse(r#"{"variables":{"v":1}}"#).unwrap());
    let allowance = Allowance {
        steps: 3,
        ..Allowance::FULL
    };
    let refused = |evaluate: &dyn Fn(&Scope<'_>) -> Result<Value, Failure>| {
        let (tight, full) = (Meter::new(allowance), Meter::new(Allowance::FULL));
        let failure = evaluate(&Scope::new(&input, &outside, &tight)).unwrap_err();
        assert!(failure.is_exhaustion(), "{failure}");
        assert!(evaluate(&Scope::new(&input, &outside, &full)).is_ok());
    };
    let template = json::parse(r#"{"x.$":"$.a[*]"}"#).unwrap();
    let template = Template::compile(&template).unwrap();
    refused(&|scope| template.evaluate(scope));
    let path = ValuePath::parse("$..*").unwrap();
    refused(&|scope| path.evaluate(scope));
    for call in ["States.Array($.a[*])", "States.ArrayUnique($.a)"] {
        let call = Reference::parse(call).unwrap();
        refused(&|scope| call.evaluate("ErrorPath", scope));
    }
    let rule = json::parse(r#"{"Variable":"$.a","IsPresent":true}"#).unwrap();
    let rules = Value::empty_object().with_member("And", vec![rule; 9].into());
    let condition = crate::choice::Condition::compile(&rules).unwrap();
    refused(&|scope| condition.evaluate(scope).map(Value::from));
}

use json::Object;
use jsonata::Allowance;

use super::*;

/// The answers of the reference implementation, which lie beside the repository.
const JAYWAY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/conformance/jsonpath/jayway-2.0.0.json"
);

const OURS: &str = include_str!("../../../../conformance/jsonpath/paths.json");

const PLACES: &str = include_str!("../../../../conformance/jsonpath/places.json");

/// Follows a path with all that an evaluation may use.
fn select(path: &Path, document: &Value) -> Result<Value, SelectError> {
    path.select(document, &Meter::new(Allowance::FULL))
}

fn read(text: &str) -> (Vec<Value>, Vec<Value>) {
    let file = json::parse(text).unwrap();
    let list = |name| {
        file.get(name)
            .and_then(Value::as_array)
            .unwrap_or_default()
            .to_vec()
    };
    (list("documents"), list("cases"))
}

fn text<'c>(case: &'c Value, member: &str) -> Option<&'c str> {
    case.get(member).and_then(Value::as_str)
}

fn document<'d>(documents: &'d [Value], case: &Value) -> &'d Value {
    let at = case.get("document").and_then(Value::as_i64).unwrap();
    &documents[usize::try_from(at).unwrap()]
}

#[test]
fn paths_select_what_jayway_selects() {
    let (documents, cases) = read(OURS);
    assert!(cases.len() >= 60);
    for case in &cases {
        check(document(&documents, case), case);
    }
}

fn check(document: &Value, case: &Value) {
    let path = match Path::parse(text(case, "path").unwrap()) {
        Ok(path) => path,
        Err(error) => {
            assert!(case.get("refused").is_some(), "{case}: {error}");
            return;
        }
    };
    assert_eq!(
        case.get("definite").and_then(Value::as_bool),
        Some(path.is_definite()),
        "{case}"
    );
    match select(&path, document) {
        Ok(selected) => assert_eq!(
            Some(selected.to_text()),
            case.get("ok").map(Value::to_text),
            "{case}"
        ),
        Err(SelectError::NotFound(message)) => {
            assert_eq!(Some(&*message), text(case, "not_found"), "{case}");
        }
        Err(error) => assert!(case.get("invalid").is_some(), "{case}: {error}"),
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the reference file lies outside the repository"
)]
fn the_reference_agrees() {
    let Ok(reference) = std::fs::read_to_string(JAYWAY) else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{JAYWAY} is not there"
        );
        println!("not compared with Jayway: {JAYWAY} is not there");
        return;
    };
    let (documents, cases) = read(&reference);
    assert!(!cases.is_empty());
    for case in &cases {
        check_reference(document(&documents, case), case);
    }
}

fn check_reference(document: &Value, case: &Value) {
    let written = text(case, "path").unwrap();
    let expected_error = text(case, "err");
    let Some(definite) = case.get("definite") else {
        assert!(Path::parse(written).is_err(), "{case}");
        return;
    };
    let path = Path::parse(written).unwrap();
    assert_eq!(definite.as_bool(), Some(path.is_definite()), "{case}");
    match select(&path, document) {
        Ok(selected) => {
            let expected = case
                .get("ok")
                .unwrap_or_else(|| panic!("{case}: {selected}"));
            // The reference was recorded with Java's HashMap, so where members of an object become
            // elements their order is an accident of hashing. AWS keeps that of the document.
            if written.contains('*') || written.contains("..") {
                assert!(same_elements(&selected, expected), "{case}: {selected}");
            } else {
                assert_eq!(selected, *expected, "{case}");
            }
        }
        Err(SelectError::NotFound(message)) => {
            assert_eq!(
                expected_error,
                Some(&*format!("PathNotFoundException: {message}"))
            );
        }
        Err(error) => {
            let kind = expected_error
                .and_then(|error| error.split_once(": "))
                .map(|(kind, _)| kind);
            assert_eq!(kind, Some("InvalidPathException"), "{case}: {error}");
        }
    }
}

fn same_elements(left: &Value, right: &Value) -> bool {
    let mut rest = right.as_array().unwrap().to_vec();
    let all_there = left.as_array().unwrap().iter().all(|element| {
        let at = rest.iter().position(|other| other == element);
        at.map(|at| rest.remove(at)).is_some()
    });
    all_there && rest.is_empty()
}

#[test]
fn misuse_is_told_as_jayway_tells_it() {
    for (path, document, expected) in [
        (
            "$.a[0]",
            r#"{"a":"x"}"#,
            r#"Filter: [0] can only be applied to arrays. Current context is: "x""#,
        ),
        (
            "$.a[0].b",
            r#"{"a":{}}"#,
            "Filter: [0]['b'] can only be applied to arrays. Current context is: {}",
        ),
        (
            "$.a[?(@.b)]",
            r#"{"a":1}"#,
            "Filter: [?] can not be applied to primitives. Current context is: 1",
        ),
        (
            "$['a','b'].c",
            r#"{"a":1}"#,
            "Multi properties can only be used as path leafs: $['a', 'b']",
        ),
    ] {
        let compiled = Path::parse(path).unwrap();
        let selected = select(&compiled, &json::parse(document).unwrap());
        assert_eq!(
            selected,
            Err(SelectError::Invalid(expected.into())),
            "{path}"
        );
    }
}

#[test]
fn reference_paths_are_names_and_indices() {
    for (path, expected) in [
        ("$", true),
        ("$.a.b", true),
        ("$['a b'][0].c", true),
        ("$.a[-1]", false),
        ("$.a[(@.length-1)]", false),
        ("$['a','b']", false),
        ("$.a[*]", false),
        ("$..a", false),
        ("$.a[0:1]", false),
        ("$.a[?(@.b)]", false),
        ("@.a", false),
        ("a.b", false),
    ] {
        assert_eq!(
            Path::parse(path).unwrap().is_reference(),
            expected,
            "{path}"
        );
    }
}

#[test]
fn results_share_the_nodes_of_the_document() {
    let document = json::parse(r#"{"a":{"b":[{"c":[1]}]},"d":[2]}"#).unwrap();
    let node = document.get("a").and_then(|a| a.get("b")).unwrap();
    let definite = Path::parse("$.a.b").unwrap();
    assert!(select(&definite, &document).unwrap().ptr_eq(node));
    let all = select(&Path::parse("$..b").unwrap(), &document).unwrap();
    assert!(all.index(0).unwrap().ptr_eq(node));
    let placed = Path::parse("$.a.x")
        .unwrap()
        .place(&document, 1.into())
        .unwrap();
    assert!(
        placed
            .get("a")
            .and_then(|a| a.get("b"))
            .unwrap()
            .ptr_eq(node)
    );
    assert!(placed.get("d").unwrap().ptr_eq(document.get("d").unwrap()));
}

#[test]
fn place_sets_one_node() {
    let (_, cases) = read(PLACES);
    assert!(cases.len() >= 20);
    for case in &cases {
        let path = Path::parse(text(case, "path").unwrap()).unwrap();
        let root = case.get("root").unwrap();
        match path.place(root, case.get("value").unwrap().clone()) {
            Ok(placed) => {
                assert_eq!(
                    Some(placed.to_text()),
                    case.get("ok").map(Value::to_text),
                    "{case}"
                );
            }
            Err(error) => assert_eq!(Some(&*error.to_string()), text(case, "error"), "{case}"),
        }
    }
}

/// `{"a":{"a":...1}}`
fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::from(1), |inner, _| {
        Object::from_iter([("a", inner)]).into()
    })
}

#[test]
fn deep_documents_and_long_paths_need_no_deep_stack() {
    let deep = nested(json::DEPTH_MAX);
    let all = select(&Path::parse("$..a").unwrap(), &deep).unwrap();
    assert_eq!(all.as_array().unwrap().len(), json::DEPTH_MAX);
    let long = Path::parse(&format!("${}", ".a".repeat(100_000))).unwrap();
    assert!(matches!(
        select(&long, &deep),
        Err(SelectError::NotFound(_))
    ));
    let placed = long.place(&Value::empty_object(), 1.into()).unwrap();
    assert_eq!(placed.depth(), 100_000);
    let filters = "[?(@)]".repeat(parse::INDEFINITE_TOKENS_MAX);
    let filtered = Path::parse(&format!("${filters}")).unwrap();
    assert_eq!(select(&filtered, &deep).unwrap(), vec![deep].into());
    assert!(Path::parse(&format!("${filters}[?(@)]")).is_err());
    assert!(Path::parse(&"[?(@".repeat(100_000)).is_err());
    assert!(Path::parse(&"$[?(".repeat(100_000)).is_err());
}

#[test]
fn hostile_paths_are_stopped() {
    let allowance = Allowance {
        steps: 1_000_000,
        ..Allowance::FULL
    };
    let stopped = |path: &str, document: &Value| {
        let selected = Path::parse(path)
            .unwrap()
            .select(document, &Meter::new(allowance));
        assert_eq!(selected, Err(SelectError::TooExpensive), "{path}");
    };
    stopped("$..*..*..*..*", &nested(300));
    let text = Value::from("x".repeat(100_000));
    let elements = Value::from(vec![Value::from(1); 10_000]);
    let document = Object::from_iter([("text", text), ("list", elements)]).into();
    stopped("$.list[?($.text =~ /.*y/)]", &document);
    assert!(Path::parse("$.list[?(@ =~ /(((a{100}){100}){100}){100}/)]").is_err());
    // A value that holds the one below it many times over: 10^12 nodes in a few allocations.
    let shared = (0..12).fold(Value::from(1), |inner, _| vec![inner; 10].into());
    stopped("$..*", &shared);
    stopped(&format!("$[*]{}", "[*]".repeat(11)), &shared);
    // What is found counts twice: its list is there twice while it grows.
    let bounded = |count: usize| {
        let allowance = Allowance {
            bytes: 64 * 1024,
            ..Allowance::FULL
        };
        let document = Value::from(vec![Value::from(1); count]);
        let path = Path::parse("$[*]").unwrap();
        path.select(&document, &Meter::new(allowance)).is_ok()
    };
    assert_eq!((bounded(2_048), bounded(2_049)), (true, false));
    // All of a full payload is well within the bound.
    let full = Value::from(vec![Value::from(1); 131_000]);
    assert_eq!(select(&Path::parse("$..*").unwrap(), &full).unwrap(), full);
}

/// The order is that of UTF-16, wherever in a long text the difference lies.
#[test]
fn texts_are_ordered_by_code_units() {
    let marks = [
        "",
        "a",
        "b",
        "\u{e9}",
        "\u{e8}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
    ];
    for len in [0, 1, 61, 62, 63, 64, 65, 127, 128, 129] {
        let before = [
            "x".repeat(len),
            "\u{e9}".repeat(len / 2),
            "\u{10000}".repeat(len / 4),
        ];
        for (before, left, right) in before.iter().flat_map(|before| {
            let pairs = marks
                .iter()
                .flat_map(|left| marks.iter().map(move |right| (left, right)));
            pairs.map(move |(left, right)| (before, left, right))
        }) {
            let (left, right) = (format!("{before}{left}z"), format!("{before}{right}"));
            let expected = left.encode_utf16().cmp(right.encode_utf16());
            assert_eq!(utf16_order(&left, &right), expected, "{left} {right}");
        }
    }
}

use super::*;

/// The statements as `action|action on resource|resource`.
fn statements(document: &Value) -> Vec<String> {
    let texts = |value: &Value| match value.as_array() {
        Some(texts) => {
            let texts = texts.iter().filter_map(Value::as_str);
            texts.collect::<Vec<_>>().join("|")
        }
        None => value.as_str().unwrap().to_owned(),
    };
    let statements = document.get("Statement").and_then(Value::as_array).unwrap();
    let shown = |statement: &Value| {
        let member = |name| texts(statement.get(name).unwrap());
        assert_eq!(member("Effect"), "Allow");
        format!("{} on {}", member("Action"), member("Resource"))
    };
    statements.iter().map(shown).collect()
}

#[test]
fn statements_are_as_few_as_say_exactly_that() {
    let cases: [(&str, &[&str]); 5] = [
        ("", &[]),
        ("a:B r", &["a:B on r"]),
        (
            "a:B r, a:C r, a:D s, a:E s, a:E r",
            &["a:B|a:C on r", "a:D on s", "a:E on r|s"],
        ),
        (
            "a:B arn:aws:a:::x/*, a:B arn:aws:a:::x/y, a:B arn:aws:a:::z",
            &["a:B on arn:aws:a:::x/*|arn:aws:a:::z"],
        ),
        (
            "a:B *, a:B arn:aws:a:::x/*, a:C arn:aws:a:::x/*",
            &["a:B on *", "a:C on arn:aws:a:::x/*"],
        ),
    ];
    for (needed, expected) in cases {
        let needed = needed.split(", ").filter_map(|pair| pair.split_once(' '));
        let needed: Vec<Privilege> = needed
            .map(|(action, resource)| Privilege::new(action, resource))
            .collect();
        let document = document(&needed);
        assert_eq!(statements(&document), expected);
        assert_eq!(document.get("Version").unwrap(), &Value::from("2012-10-17"));
    }
}

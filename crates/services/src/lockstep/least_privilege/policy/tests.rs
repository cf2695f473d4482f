use super::*;

#[test]
fn statements_are_as_few_as_say_exactly_that() {
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "[]"),
        (
            &[("a:B", "r")],
            r#"[{"Effect":"Allow","Action":"a:B","Resource":"r"}]"#,
        ),
        (
            &[
                ("a:B", "r"),
                ("a:C", "r"),
                ("a:D", "s"),
                ("a:E", "s"),
                ("a:E", "r"),
            ],
            r#"[{"Effect":"Allow","Action":["a:B","a:C"],"Resource":"r"},{"Effect":"Allow","Action":"a:D","Resource":"s"},{"Effect":"Allow","Action":"a:E","Resource":["r","s"]}]"#,
        ),
        (
            &[
                ("a:B", "arn:aws:a:::x/*"),
                ("a:B", "arn:aws:a:::x/y"),
                ("a:B", "arn:aws:a:::z"),
            ],
            r#"[{"Effect":"Allow","Action":"a:B","Resource":["arn:aws:a:::x/*","arn:aws:a:::z"]}]"#,
        ),
        (
            &[
                ("a:B", "*"),
                ("a:B", "arn:aws:a:::x/*"),
                ("a:C", "arn:aws:a:::x/*"),
            ],
            r#"[{"Effect":"Allow","Action":"a:B","Resource":"*"},{"Effect":"Allow","Action":"a:C","Resource":"arn:aws:a:::x/*"}]"#,
        ),
    ];
    for (needed, expected) in cases {
        let needed: Vec<Privilege> = needed
            .iter()
            .map(|(action, resource)| Privilege::new(*action, resource))
            .collect();
        let document = document(&needed);
        assert_eq!(document.get("Statement").unwrap().to_text(), expected);
    }
}

//! Cases: configuration and text, and the items.

use super::*;

fn check(config: &ReaderConfig, text: &str, items_max: usize, expected: &str) {
    let found = match items(config, text, items_max) {
        Ok(items) => items.to_text(),
        Err(error) => format!("error: {error}"),
    };
    assert_eq!(found, expected, "{text}");
}

fn of(input_type: InputType) -> ReaderConfig {
    ReaderConfig {
        input_type: Some(input_type),
        ..ReaderConfig::default()
    }
}

#[test]
fn json_is_an_array_or_an_object_or_lies_within() {
    let all = usize::MAX;
    check(&of(InputType::Json), "[1, 2, 3]", all, "[1,2,3]");
    check(&of(InputType::Json), "[1, 2, 3]", 2, "[1,2]");
    check(&of(InputType::Json), r#"{"a":1,"b":2}"#, 1, r#"{"a":1}"#);
    check(
        &ReaderConfig::default(),
        r#"[{"Key":"k"}]"#,
        all,
        r#"[{"Key":"k"}]"#,
    );
    let not_iterable = "error: Attempting to map over non-iterable node.";
    check(&of(InputType::Json), "7", all, not_iterable);
    let pointed = |pointer: &str| ReaderConfig {
        items_pointer: Some(pointer.into()),
        ..of(InputType::Json)
    };
    let text = r#"{"a/b":[{"c":["x"]}]}"#;
    check(&pointed("/a~1b/0/c"), text, all, r#"["x"]"#);
    let nothing = "error: the ItemsPointer `/d` leads to nothing in the data";
    check(&pointed("/d"), text, all, nothing);
    check(&pointed("/a~1b/0/c/0"), text, all, not_iterable);
}

#[test]
fn lines_of_json() {
    check(
        &of(InputType::JsonLines),
        "{\"a\":1}\n\n[2]\r\n",
        9,
        r#"[{"a":1},[2]]"#,
    );
}

#[test]
fn rows_of_csv() {
    let csv = || of(InputType::Csv);
    check(
        &csv(),
        "a,b\n1,2\n3\n4,5,6\n",
        9,
        r#"[{"a":"1","b":"2"},{"a":"3","b":""},{"a":"4","b":"5"}]"#,
    );
    check(
        &csv(),
        "a,b\n\"x,\"\"y\n\",\\,\\z",
        9,
        r#"[{"a":"x,\"y\n","b":",z"}]"#,
    );
    check(
        &csv(),
        "a,a\n1,2",
        9,
        "error: CSV headers cannot contain duplicates.",
    );
    let given = ReaderConfig {
        csv_headers: Some(CsvHeaders::Given(["h".into()].into())),
        csv_delimiter: CsvDelimiter::Pipe,
        ..csv()
    };
    check(&given, "1|2\n3|4", 1, r#"[{"h":"1"}]"#);
    let parquet = "error: the input type `PARQUET` is binary or a list of other files, which a \
                   text cannot hold";
    check(&of(InputType::Parquet), "", 9, parquet);
}

#[test]
fn rows_of_csv_are_bounded() {
    let csv = of(InputType::Csv);
    // Each name four bytes long.
    let header = |names: usize| -> String {
        let names: Vec<String> = (0..names).map(|name| format!("{name:04}")).collect();
        names.join(",")
    };
    let problem = |text: &str, items_max| items(&csv, text, items_max).map(|_| ());
    assert_eq!(problem(&header(2_560), 1), Ok(()));
    assert_eq!(problem(&header(2_561), 1), Err(ItemReaderError::LongHeader));
    // A row of a single cell stands for 2,560 members of ten bytes.
    let text = header(2_560) + &"\n1".repeat(400);
    assert_eq!(problem(&text, 300), Ok(()));
    assert_eq!(problem(&text, usize::MAX), Err(ItemReaderError::TooLarge));
}

#[test]
fn what_is_beyond_the_last_item_is_not_looked_at() {
    check(&of(InputType::JsonLines), "1\n2\n]", 2, "[1,2]");
    check(
        &of(InputType::Csv),
        "\n\na\r\n1\r\n\r\n2",
        1,
        r#"[{"a":"1"}]"#,
    );
}

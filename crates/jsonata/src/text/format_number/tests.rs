use super::*;
use crate::Allowance;

fn check(value: f64, picture: &str, options: &str, expected: &str) {
    let meter = Meter::new(Allowance::FULL);
    let options = json::parse(options).unwrap();
    let result = format_number(value, picture, options.as_object(), &meter);
    let result = result.unwrap_or_else(|error| match error.code {
        "" => error.message,
        code => code.to_owned(),
    });
    assert_eq!(result, expected, "{value} {picture} {options}");
}

#[test]
fn numbers_in_pictures() {
    let cases = [
        (12_345.6, "#,###.00", "12,345.60"),
        (0.0, "#.##", ".0"),
        (0.0, "#", "0"),
        (0.5, "#", "0"),
        (1.5, "#.#", "1.5"),
        (1.5, "#", "2"),
        (2.5, "0", "2"),
        (7.0, "007", "007"),
        (-12.0, "x0y", "-x12y"),
        (-12.0, "0;(0)", "(12)"),
        (12.0, "0;(0)", "12"),
        (-0.0, "0;(0)", "0"),
        (0.1, "0%", "10%"),
        (0.1, "%0", "%10"),
        (0.4857, "###.###‰", "485.7‰"),
        (1234.0, "#,#,#", "1,2,3,4"),
        (1e21, "0.00", "1e+21.00"),
        (
            123_456_789_012_345_680_000.0,
            "0,000.00",
            "123,456,789,012,345,683,968.00",
        ),
        (1.0, "0.000000000000000000000", "1.000000000000000000000"),
        (
            2.14 * 86.58,
            "PREFIX##00.000###SUFFIX",
            "PREFIX185.2812SUFFIX",
        ),
    ];
    for (value, picture, expected) in cases {
        check(value, picture, "{}", expected);
    }
}

#[test]
fn groups_of_different_sizes() {
    let cases = [
        (123_456.0, "#,##,##0.00", "1,23,456.00"),
        (12_345_678.0, "#,##0,00", "123,456,78"),
        (1_234_567.891, "#,##,#00.0,0", "12,34,567.8,,9"),
        (1_234_567.891_234_5, "0.00,00,0#", "1234567.89,1234"),
        (12.0, "00,00,0.0,0,0", "00,01,2.0,,,00"),
        // Too few digits for the groups: as the reference has it.
        (12_345.0, "#,##,##0.00", ",12,345.00"),
        (1.0, "#,##,##0.00", ",1.0,0"),
        (1.5678, "#,##,##0.0000", "1.,567,8"),
    ];
    for (value, picture, expected) in cases {
        check(value, picture, "{}", expected);
    }
}

#[test]
fn exponents() {
    let cases = [
        (1234.5678, "00.000e0", "12.346e2"),
        (1234.5678, "00.000e000", "12.346e002"),
        (0.234, "0.0e0", "2.3e-1"),
        (0.234, "#.00e0", "0.23e0"),
        (0.123, "#.e9", "0.1e0"),
        (0.234, ".00e0", ".23e0"),
        (999.99, "0.0e0", "10.0e2"),
        (10.0, "0.0e0", "10.0e0"),
        (12.5, "0e0", "1e1"),
        (12.5, "e0", "e12"),
        (1000.0, "#0.0e0", "10.0e2"),
        (f64::MAX, "0.0e0", "1.8e308"),
        // The reference never comes to an end with these.
        (0.0, "0.0e0", "0.0e0"),
        (-1234.5, "0.0e0", "-1.2e3"),
    ];
    for (value, picture, expected) in cases {
        check(value, picture, "{}", expected);
    }
}

#[test]
fn other_characters() {
    let european = r#"{"decimal-separator":",","grouping-separator":"."}"#;
    let zero = "must be one character";
    let cases = [
        (1234.5, "#.##0,00", european, "1.234,50"),
        (1234.5678, "①①.①①①e①", r#"{"zero-digit":"⑟"}"#, "①②.③④⑥e②"),
        (0.14, "###pm", r#"{"per-mille":"pm"}"#, "140pm"),
        (
            -1234.5,
            "0.00",
            r#"{"minus-sign":"minus "}"#,
            "minus 1234.50",
        ),
        (-5.0, "0|<0>", r#"{"pattern-separator":"|"}"#, "<5>"),
        (1.5, "_._", r#"{"digit":"_"}"#, "1.5"),
        (1234.0, "0.0E0", r#"{"exponent-separator":"E"}"#, "1.2E3"),
        (1.0, "0", r#"{"infinity":"oo","other":5}"#, "1"),
        (
            1.0,
            "0",
            r#"{"zero-digit":"00"}"#,
            &format!("option `zero-digit` of formatNumber {zero}"),
        ),
        (
            1.0,
            "0",
            r#"{"digit":""}"#,
            &format!("option `digit` of formatNumber {zero}"),
        ),
        (
            1.0,
            "0",
            r#"{"percent":5}"#,
            "option `percent` of formatNumber must be a string",
        ),
    ];
    for (value, picture, options, expected) in cases {
        check(value, picture, options, expected);
    }
}

#[test]
fn broken_pictures() {
    let cases = [
        ("#;#;#", "D3080"),
        (";;", "D3080"),
        ("#.0.0", "D3081"),
        ("#0%%", "D3082"),
        ("#0‰‰", "D3083"),
        ("#0%‰", "D3084"),
        (".e0", "D3085"),
        ("", "D3085"),
        ("abc", "D3085"),
        ("0;", "D3085"),
        ("0+.e0", "D3086"),
        ("0,.e0", "D3087"),
        ("0.,0", "D3087"),
        ("0,", "D3088"),
        ("0,,0", "D3089"),
        ("0#.e0", "D3090"),
        ("#0.#0e0", "D3091"),
        ("#0.0e0%", "D3092"),
        ("#0.0e0,0", "D3093"),
        ("0.0exx", "D3093"),
        ("x0e0y", "D3093"),
    ];
    for (picture, expected) in cases {
        check(20.0, picture, "{}", expected);
    }
    check(f64::INFINITY, "0", "{}", "D1001");
    let places = format!("0.{}", "0".repeat(101));
    check(
        1.0,
        &places,
        "{}",
        "toFixed() digits argument must be between 0 and 100",
    );
}

#[test]
fn long_pictures_end_with_the_meter() {
    for picture in ["0,".repeat(500_000) + "00", "0".repeat(3_000_000)] {
        let meter = Meter::new(Allowance::FULL);
        let error = format_number(1.0, &picture, None, &meter).unwrap_err();
        assert!(error.limit.is_some(), "{error}");
    }
}

use super::*;

#[test]
fn texts_of_numbers() {
    let cases = [
        (0.0, "0", "0"),
        (-0.0, "0", "0"),
        (1.0, "1", "1"),
        (-12.5, "-12.5", "-12.5"),
        (0.1 + 0.2, "0.30000000000000004", "0.3"),
        (1e20, "100000000000000000000", "100000000000000000000"),
        (1e21, "1e+21", "1e+21"),
        (
            123_456_789_012_345_680.0,
            "123456789012345680",
            "123456789012346000",
        ),
        (1e-6, "0.000001", "0.000001"),
        (1e-7, "1e-7", "1e-7"),
        (1.0 / 3.0, "0.3333333333333333", "0.333333333333333"),
        // Exactly between two numbers of 15 digits: up, away from zero.
        (
            100_000_000_000_000.5,
            "100000000000000.5",
            "100000000000001",
        ),
        (
            -100_000_000_000_000.5,
            "-100000000000000.5",
            "-100000000000001",
        ),
        (
            100_000_000_000_001.5,
            "100000000000001.5",
            "100000000000002",
        ),
        (
            999_999_999_999_999.5,
            "999999999999999.5",
            "1000000000000000",
        ),
        (f64::MAX, "1.7976931348623157e+308", "null"),
        (5e-324, "5e-324", "5e-324"),
        (f64::NAN, "NaN", "null"),
        (f64::NEG_INFINITY, "-Infinity", "null"),
    ];
    for (value, text, shown) in cases {
        assert_eq!(text_of(value), text);
        assert_eq!(string_text_of(value), shown);
    }
}

#[test]
fn texts_as_numbers() {
    let cases = [
        ("0", Ok(0.0)),
        ("-12.5e-1", Ok(-1.25)),
        ("007", Ok(7.0)),
        ("1E5", Ok(1e5)),
        ("0x1F", Ok(31.0)),
        ("0X1f", Ok(31.0)),
        ("0b101", Ok(5.0)),
        ("  0b11", Ok(3.0)),
        ("0o17", Ok(15.0)),
        ("0xFFFFFFFFFFFFFFFFF", Ok(295_147_905_179_352_830_000.0)),
        // A tie of 53 bits that a digit far behind decides.
        (
            "0x200000000000010000000000000000000000000000001",
            Ok(2_f64.powi(177) + 2_f64.powi(125)),
        ),
        (
            "12.",
            Err(r#"D3030: Unable to cast value to a number: "12.""#),
        ),
        (
            "1e400",
            Err(r#"D3030: Unable to cast value to a number: "1e400""#),
        ),
        (
            ".5",
            Err(r#"D3030: Unable to cast value to a number: ".5""#),
        ),
        (
            "+5",
            Err(r#"D3030: Unable to cast value to a number: "+5""#),
        ),
        (
            " 5",
            Err(r#"D3030: Unable to cast value to a number: " 5""#),
        ),
        ("", Err(r#"D3030: Unable to cast value to a number: """#)),
        (
            "a\"b",
            Err(r#"D3030: Unable to cast value to a number: "a\"b""#),
        ),
        (
            "Infinity",
            Err(r#"D3030: Unable to cast value to a number: "Infinity""#),
        ),
    ];
    for (text, expected) in cases {
        let result = number_of_text(text).map_err(|error| error.to_string());
        assert_eq!(result, expected.map_err(str::to_owned), "{text}");
    }
    // The reference's pattern is not anchored as a whole.
    for text in ["0x1z", "x0o17", "x0b1"] {
        assert!(number_of_text(text).unwrap().is_nan(), "{text}");
    }
}

#[test]
fn integers_at_the_start_of_texts() {
    let cases = [
        ("12px", 12.0),
        ("  -7", -7.0),
        ("+1:00", 1.0),
        ("0x1F", 31.0),
        ("08", 8.0),
        ("1e3", 1.0),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_int(text), expected, "{text}");
    }
    for text in ["", "x", "-", "0x", "٣"] {
        assert!(parse_int(text).is_nan(), "{text}");
    }
}

#[test]
fn rounding() {
    let cases = [
        (11.5, None, 11.5_f64.round()),
        (12.5, None, 12.0),
        (-2.5, None, -2.0),
        (-0.5, None, 0.0),
        (0.499_999_999_999_999_94, None, 0.0),
        (1.255, Some(2.0), 1.26),
        (1.245, Some(2.0), 1.24),
        (125.0, Some(-1.0), 120.0),
        (135.0, Some(-1.0), 140.0),
        (123.456, Some(-5.0), 0.0),
        (1e-7, Some(7.0), 1e-7),
        (1e21, Some(2.0), 1e21),
        (4.5, Some(0.0), 4.0),
        (1.0, Some(-400.0), 0.0),
    ];
    for (value, precision, expected) in cases {
        let result = round(value, precision);
        assert_eq!(
            result.to_bits(),
            f64::to_bits(expected),
            "{value} {precision:?}: {result}"
        );
    }
    for (value, precision) in [
        (1.5, 0.5),
        (5.0, 400.0),
        (f64::INFINITY, 1.0),
        (f64::NAN, 0.0),
    ] {
        assert!(
            round(value, Some(precision)).is_nan(),
            "{value} {precision}"
        );
    }
}

#[test]
fn powers_and_roots() {
    assert_eq!(power(2.0, 10.0), Ok(1024.0));
    assert_eq!(power(9.0, 0.5), Ok(3.0));
    assert_eq!(sqrt(2.25), Ok(1.5));
    let cases = [
        (
            power(10.0, 400.0),
            "D3061: The power function has resulted in a value that cannot be represented as a \
             JSON number: base=10, exponent=400",
        ),
        (
            power(-8.0, 1.0 / 3.0),
            "D3061: The power function has resulted in a value that cannot be represented as a \
             JSON number: base=-8, exponent=0.3333333333333333",
        ),
        (
            sqrt(-1.0),
            "D3060: The sqrt function cannot be applied to a negative number: -1",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
}

#[test]
fn bases() {
    let cases = [
        (255.0, Some(16.0), "ff"),
        (-255.5, Some(16.0), "-100"),
        (100.0, None, "100"),
        (100.0, Some(2.5), "1100100"),
        (35.0, Some(36.0), "z"),
        (0.0, Some(2.0), "0"),
        (99.5, Some(2.0), "1100100"),
        (1e22, None, "1e+22"),
        (2_f64.powi(60), Some(16.0), "1000000000000000"),
        (9_007_199_254_740_991.0, Some(36.0), "2gosa7pa2gv"),
        (f64::INFINITY, Some(2.0), "Infinity"),
    ];
    for (value, radix, expected) in cases {
        assert_eq!(
            format_base(value, radix).unwrap(),
            expected,
            "{value} {radix:?}"
        );
    }
    for (radix, given) in [
        (1.0, "1"),
        (36.6, "37"),
        (-2.0, "-2"),
        (f64::INFINITY, "null"),
    ] {
        let expected = format!(
            "D3100: The radix of the formatBase function must be between 2 and 36.  It was given \
             {given}"
        );
        assert_eq!(
            format_base(1.0, Some(radix)).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn fixed_places() {
    let cases = [
        (0.0, 2, "0.00"),
        (1.005, 2, "1.00"),
        (1e21, 2, "1e+21"),
        (2.5, 0, "2"),
    ];
    for (value, places, expected) in cases {
        assert_eq!(to_fixed(value, places).unwrap(), expected);
    }
    let message = "toFixed() digits argument must be between 0 and 100";
    assert_eq!(to_fixed(1.0, 101).unwrap_err().to_string(), message);
}

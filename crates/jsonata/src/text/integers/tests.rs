use super::*;
use crate::error::Limit;
use crate::{Allowance, Meter};

fn meter() -> Meter {
    Meter::new(Allowance::FULL)
}

fn check_format(cases: &[(f64, &str, &str)]) {
    for (value, picture, expected) in cases {
        let result = format_integer(*value, picture, &meter());
        let result = result.unwrap_or_else(|error| error.to_string());
        assert_eq!(result, *expected, "{value} {picture}");
    }
}

#[test]
fn decimals() {
    check_format(&[
        (0.0, "0", "0"),
        (123.0, "0000", "0123"),
        (-12.5, "000", "-013"),
        (1_234_567.0, "#,##0", "1,234,567"),
        (1_234_567.0, "0,000", "1,234,567"),
        (12.0, "0,000", "0,012"),
        (1_234_567.0, "#:###,000", "1:234,567"),
        (1_234_567.0, "#,##,000", "12,34,567"),
        (123.0, "0,", "123,"),
        (1e21, "0", "1e+21"),
        (12.0, "٠٠٠", "٠١٢"),
        (1234.0, "９,９９９", "１,２３４"),
        (12.0, "0;1;x", "1;2"),
        // Too few digits for the groups: as the reference has it.
        (12.0, "#,##,000", ",,12"),
        (12_345.0, "#,#######,00", ",23,45"),
    ]);
}

#[test]
fn ordinals() {
    check_format(&[
        (1.0, "1;o", "1st"),
        (2.0, "1;o", "2nd"),
        (3.0, "1;o", "3rd"),
        (4.0, "1;o", "4th"),
        (11.0, "1;o", "11th"),
        (112.0, "1;o", "112th"),
        (22.0, "1;o", "22nd"),
        (1_001.0, "#,##0;o", "1,001st"),
        (-2.5, "1;o", "-3rd"),
        (1.0, "1;c", "1"),
    ]);
}

#[test]
fn letters_and_numerals() {
    check_format(&[
        (0.0, "a", ""),
        (1.0, "a", "a"),
        (26.0, "A", "Z"),
        (27.0, "A", "AA"),
        (703.0, "A", "AAA"),
        (-5.0, "a", "-e"),
        (0.0, "I", ""),
        (4.0, "i", "iv"),
        (1999.0, "I", "MCMXCIX"),
        (3888.0, "I", "MMMDCCCLXXXVIII"),
    ]);
}

#[test]
fn words_of_numbers() {
    check_format(&[
        (0.0, "w", "zero"),
        (12.0, "Ww", "Twelve"),
        (12.0, "W", "TWELVE"),
        (-12.0, "Ww", "-Twelve"),
        (20.0, "w", "twenty"),
        (99.0, "w", "ninety-nine"),
        (100.0, "w", "one hundred"),
        (101.0, "w", "one hundred and one"),
        (1001.0, "w", "one thousand and one"),
        (1100.0, "w", "one thousand, one hundred"),
        (
            1_234_567.0,
            "w",
            "one million, two hundred and thirty-four thousand, five hundred and sixty-seven",
        ),
        (1e12, "w", "one trillion"),
        (1e15, "w", "one thousand trillion"),
        (1e24, "w", "one trillion trillion"),
        (0.0, "w;o", "zeroth"),
        (12.0, "w;o", "twelfth"),
        (20.0, "w;o", "twentieth"),
        (121.0, "Ww;o", "One Hundred and Twenty-First"),
        (100.0, "w;o", "one hundredth"),
        (1100.0, "w;o", "one thousand, one hundredth"),
        (1e6, "w;o", "one millionth"),
    ]);
    let largest = format_integer(f64::MAX, "w", &meter()).unwrap();
    assert_eq!(largest.matches("trillion").count(), 25);
}

#[test]
fn broken_pictures() {
    let sequence = |token: &str| {
        format!(
            "D3130: Formatting or parsing an integer as a sequence starting with \"{token}\" is \
             not supported by this implementation"
        )
    };
    let mixed = "D3131: In a decimal digit pattern, all digits must be from the same decimal group";
    check_format(&[
        (1.0, "#", &sequence("#")),
        (1.0, "", &sequence("")),
        (1.0, "α;o", &sequence("α")),
        (1.0, "٠0", mixed),
        (f64::NAN, "w", "D1001: Number out of range: null"),
    ]);
    assert_eq!(parse_integer("1", "#", &meter()).unwrap_err().code, "D3130");
}

#[test]
fn integers_of_texts() {
    let cases = [
        ("12,345", "#,##0", 12_345.0),
        ("-12", "0", -12.0),
        ("1,2:345", "#:#,#00", 12_345.0),
        // Regular groups have commas, whatever the picture has.
        ("12:345", "#:##0", 12.0),
        ("0x1F", "0", 31.0),
        ("12th", "0;o", 12.0),
        ("١٢", "٠", 12.0),
        ("", "a", 0.0),
        ("aa", "a", 27.0),
        ("AA", "A", 27.0),
        ("AA", "a", -837.0),
        ("mcmxcix", "i", 1999.0),
        ("MCMXCIX", "i", 1999.0),
        ("MCMXCIX", "I", 1999.0),
        ("twelve", "w", 12.0),
        ("one hundred and two", "w", 102.0),
        ("Twenty-First", "w;o", 21.0),
        ("one thousand, one hundredth", "w;o", 1100.0),
        (
            "one million, two hundred and thirty-four thousand, five hundred and sixty-seven",
            "Ww",
            1_234_567.0,
        ),
        ("one trillion", "w", 1e12),
    ];
    for (text, picture, expected) in cases {
        assert_eq!(
            parse_integer(text, picture, &meter()),
            Ok(expected),
            "{text} {picture}"
        );
    }
    for (text, picture) in [
        ("x", "0"),
        ("", "0"),
        ("mcm", "I"),
        ("some", "w"),
        ("", "w"),
    ] {
        assert!(
            parse_integer(text, picture, &meter()).unwrap().is_nan(),
            "{text} {picture}"
        );
    }
}

#[test]
fn words_and_numbers_are_each_others_inverse() {
    let cubes = (1..400_i64).map(|step| step * step * step * 7_919);
    for number in (0..2_000).chain(cubes) {
        let number = number as f64;
        for picture in ["w", "Ww;o"] {
            let words = format_integer(number, picture, &meter()).unwrap();
            assert_eq!(
                parse_integer(&words, picture, &meter()),
                Ok(number),
                "{words}"
            );
        }
    }
}

#[test]
fn large_results_end_with_the_meter() {
    let zeros = "0".repeat(5_000_000);
    let commas = "0,".repeat(100_000) + ":0";
    for (value, picture) in [(1e15, "I"), (1.0, zeros.as_str()), (1.0, commas.as_str())] {
        let error = format_integer(value, picture, &meter()).unwrap_err();
        assert!(
            matches!(error.limit, Some(Limit::Bytes | Limit::Steps)),
            "{error}"
        );
    }
}

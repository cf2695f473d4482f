use super::*;
use crate::Allowance;

const NOVEMBER: f64 = 1_510_067_557_121.0;
/// 2023-11-14T22:13:20.123Z
const NOW_MS: i64 = 1_700_000_000_123;

fn check_format(cases: &[(f64, Option<&str>, Option<&str>, &str)]) {
    for (millis, picture, timezone, expected) in cases {
        let meter = Meter::new(Allowance::FULL);
        let result = from_millis(*millis, *picture, *timezone, &meter);
        let result = result.unwrap_or_else(|error| error.to_string());
        assert_eq!(result, *expected, "{millis} {picture:?} {timezone:?}");
    }
}

#[test]
fn instants_in_iso_8601() {
    check_format(&[
        (NOVEMBER, None, None, "2017-11-07T15:12:37.121Z"),
        (
            NOVEMBER,
            None,
            Some("+0530"),
            "2017-11-07T20:42:37.121+05:30",
        ),
        (0.0, None, None, "1970-01-01T00:00:00.000Z"),
        (-1.0, None, None, "1969-12-31T23:59:59.999Z"),
        (1.9, None, None, "1970-01-01T00:00:00.001Z"),
        (-1.9, None, None, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000.0, None, None, "2000-02-29T00:00:00.000Z"),
        (
            -62_198_755_200_000.0,
            None,
            None,
            "-0001-01-01T00:00:00.000Z",
        ),
        (8.64e15, Some("[Y]-[M]-[D]"), None, "275760-9-13"),
        (-8.64e15, Some("[Y]-[M]-[D]"), None, "-271821-4-20"),
        (8.64e15 + 1.0, None, None, "Invalid time value"),
        (f64::NAN, None, None, "Invalid time value"),
    ]);
}

#[test]
fn components() {
    let cases = [
        (
            "[Y] [M] [D] [d] [F] [W] [w] [X] [x]",
            "2017 11 7 311 tuesday 45 2 2017 11",
        ),
        (
            "[H] [h] [P] [m] [s] [f] [Z] [z]",
            "15 3 pm 12 37 121 +00:00 GMT+00:00",
        ),
        ("[C] [E] [CN]", "ISO ISO ISO"),
        ("[P] [PN] [Pn] [PNn] [P,1]", "pm PM pm pm pm"),
        (
            "[F] [FN] [FNn] [Fn,3-3] [FNn,3] [F1] [F01]",
            "tuesday TUESDAY Tuesday tue Tuesday 2 02",
        ),
        (
            "[MN] [MNn] [Mn] [MNn,3-3] [M1] [Mi] [MI] [Mw] [MWw] [Ma] [xNn]",
            "NOVEMBER November november Nov 11 xi XI eleven Eleven k November",
        ),
        (
            "[D1o] [Dwo] [Dw] [DWw] [d001]",
            "7th seventh seven Seven 311",
        ),
        ("[Y,2] [Y,2-2] [Y,*-2] [Y01] [Y0001]", "17 17 17 17 2017"),
        (
            "[Yw] [YI] [Y9,999,*] [Y##01] [Y,x]",
            "two thousand and seventeen MMXVII 2,017 2017 2017",
        ),
        (
            "[f01] [f001] [f0001] [f,3-3] [f,*-2]",
            "121 121 0121 121 121",
        ),
        ("[H01] [s,1] [H#1] [ H , 3 ]", "15 37 15 015"),
        ("[[Y]] [[x]] ]] ] [Y ]", "[Y] [x] ] ] 2017"),
        ("", ""),
        ("no marker", "no marker"),
    ];
    for (picture, expected) in cases {
        check_format(&[(NOVEMBER, Some(picture), None, expected)]);
    }
}

#[test]
fn midnight_and_noon() {
    let hour = 3_600_000.0;
    for (hours, expected) in [
        (0.0, "12 am"),
        (1.0, "1 am"),
        (12.0, "12 pm"),
        (13.0, "1 pm"),
    ] {
        check_format(&[(hours * hour, Some("[h] [P]"), None, expected)]);
    }
}

#[test]
fn weeks() {
    let picture = Some("[X]-[W] [x]-[w] [F1]");
    let cases = [
        (1_104_537_600_000.0, "2004-53 12-5 6"), // 2005-01-01
        (1_104_710_400_000.0, "2005-1 1-1 1"),   // 2005-01-03
        (1_230_508_800_000.0, "2009-1 1-1 1"),   // 2008-12-29
        (1_262_304_000_000.0, "2009-53 12-5 5"), // 2010-01-01
        (1_483_228_800_000.0, "2016-52 12-5 7"), // 2017-01-01
        (1_514_678_400_000.0, "2017-52 12-4 7"), // 2017-12-31
        (1_359_590_400_000.0, "2013-5 1-5 4"),   // 2013-01-31
        (1_359_676_800_000.0, "2013-5 1-5 5"),   // 2013-02-01
    ];
    for (millis, expected) in cases {
        check_format(&[(millis, picture, None, expected)]);
    }
}

#[test]
fn zones() {
    let picture = Some("[Z0] [Z00] [Z0000] [Z:000] [Z00:00] [z] [Z01:01t] [Z0t]");
    let hour = Some("[H]:[m] [Z]");
    let no_offset = r#"The timezone must be an offset such as "+0100"; got: "abc""#;
    check_format(&[
        (
            NOVEMBER,
            picture,
            Some("+0530"),
            "+5:30 +05:30 +0530 +530 +05:30 GMT+05:30 +05:30 +5:30",
        ),
        (
            NOVEMBER,
            picture,
            Some("-0500"),
            "-5 -05 -0500 -500 -05:00 GMT-05:00 -05:00 -5",
        ),
        (
            NOVEMBER,
            picture,
            None,
            "+0 +00 +0000 +000 +00:00 GMT+00:00 Z Z",
        ),
        (0.0, hour, Some("0100"), "1:00 +01:00"),
        (0.0, hour, Some("1"), "0:01 +00:01"),
        // The reference rounds the hours down and keeps the sign of the minutes.
        (0.0, hour, Some("-0030"), "22:30 -01:30"),
        (0.0, hour, Some("abc"), no_offset),
    ]);
}

#[test]
fn broken_pictures() {
    let cases = [
        (
            "[Y",
            "D3135: No matching closing bracket ']' in date/time picture string",
        ),
        (
            "[q]",
            r#"D3132: Unknown component specifier "q" in date/time picture string"#,
        ),
        (
            "[]",
            r#"D3132: Unknown component specifier "" in date/time picture string"#,
        ),
        (
            "[YN]",
            "D3133: The 'name' modifier can only be applied to months and days in the date/time \
             picture string, not \"Y\"",
        ),
        (
            "[HN]",
            "D3133: The 'name' modifier can only be applied to months and days in the date/time \
             picture string, not \"H\"",
        ),
        (
            "[Z00000]",
            "D3134: The timezone integer format specifier cannot have more than four digits",
        ),
        (
            "[Y#]",
            "D3130: Formatting or parsing an integer as a sequence starting with \"#\" is not \
             supported by this implementation",
        ),
        (
            "[Y٠1]",
            "D3131: In a decimal digit pattern, all digits must be from the same decimal group",
        ),
    ];
    for (picture, expected) in cases {
        check_format(&[(NOVEMBER, Some(picture), None, expected)]);
    }
}

#[test]
fn widths_are_paid_for() {
    for picture in ["[Y,9999999999]", "[D,9999999999999999999999]"] {
        let meter = Meter::new(Allowance::FULL);
        let error = from_millis(0.0, Some(picture), None, &meter).unwrap_err();
        assert!(error.limit.is_some(), "{error}");
    }
}

/// The instant or the code of the error. `None` is undefined, `f64::NAN` a date that does not exist.
type Parsed = Result<Option<f64>, &'static str>;

fn check_parse(cases: &[(&str, Option<&str>, Parsed)]) {
    for (text, picture, expected) in cases {
        let meter = Meter::new(Allowance::FULL);
        let result = to_millis(text, *picture, NOW_MS, &meter).map_err(|error| error.code);
        match (result, expected) {
            (Ok(Some(millis)), Ok(Some(expected))) if expected.is_nan() => {
                assert!(millis.is_nan(), "{text} {picture:?}: {millis}");
            }
            (result, expected) => assert_eq!(result, *expected, "{text} {picture:?}"),
        }
    }
}

#[test]
fn iso_8601() {
    let cases = [
        ("2017", 1_483_228_800_000.0),
        ("2017-11", 1_509_494_400_000.0),
        ("2017-11-07", 1_510_012_800_000.0),
        ("2017-11-07Z", 1_510_012_800_000.0),
        ("2017-11-07T15:12:37", 1_510_067_557_000.0),
        ("2017-11T15:12:37Z", 1_509_549_157_000.0),
        ("2017-11-07T15:12:37.1Z", 1_510_067_557_100.0),
        ("2017-11-07T15:12:37.121456789Z", 1_510_067_557_121.0),
        ("2017-11-07T15:12:37+0100", 1_510_063_957_000.0),
        ("2017-11-07T15:12:37+01:00", 1_510_063_957_000.0),
        ("2017-11-07T15:12:37.5-0130", 1_510_072_957_500.0),
        ("2017-11-07T24:00:00Z", 1_510_099_200_000.0),
        ("2017-02-31T00:00:00Z", 1_488_499_200_000.0),
        ("0050-01-01T00:00:00+0100", -60_589_299_600_000.0),
        ("0000-01-01", -62_167_219_200_000.0),
        ("2017-13-01", f64::NAN),
        ("2017-00-01", f64::NAN),
        ("2017-02-32", f64::NAN),
        ("2017-02-00", f64::NAN),
        ("2017-11-07T24:00:01Z", f64::NAN),
        ("2017-11-07T25:00:00Z", f64::NAN),
        ("2017-11-07T15:12:37+24:00", f64::NAN),
        ("2017-11-07-03", f64::NAN),
        ("2017-11-07+01:00", f64::NAN),
        ("2017-11-07T15:12:37T15:12:37", f64::NAN),
    ];
    for (text, expected) in cases {
        check_parse(&[(text, None, Ok(Some(expected)))]);
    }
    let others = [
        "",
        "foo",
        "2017-1-7",
        "2017-11-07T15:12",
        "2017-11-07 15:12:37",
        " 2017-11-07",
        "2017-11-07T15:12:37z",
        "2017-11-07T15:60:37Z",
        "+002017-11-07",
        "2017-11-07\n",
    ];
    for text in others {
        check_parse(&[(text, None, Err("D3110"))]);
    }
}

#[test]
fn pictures_as_forms() {
    let cases = [
        ("2017-11-07", "[Y]-[M]-[D]", 1_510_012_800_000.0),
        // The years 0 to 99 are those of the 20th century.
        ("07/11/17", "[D01]/[M01]/[Y]", -1_645_747_200_000.0),
        ("7th November 2017", "[D1o] [MNn] [Y]", 1_510_012_800_000.0),
        ("Nov 7, 2017", "[MNn,3-3] [D], [Y]", 1_510_012_800_000.0),
        (
            "Tuesday, 7 November 2017",
            "[FNn], [D] [MNn] [Y]",
            1_510_012_800_000.0,
        ),
        ("two thousand and seventeen", "[Yw]", 1_483_228_800_000.0),
        ("MMXVII xi", "[YI] [Mi]", 1_509_494_400_000.0),
        ("2017-311", "[Y]-[d]", 1_510_012_800_000.0),
        (
            "20171107 15",
            "[Y0001][M01][D01] [H01]",
            1_510_066_800_000.0,
        ),
        (
            "2017-11-07 3:12 pm",
            "[Y]-[M]-[D] [h]:[m] [P]",
            1_510_067_520_000.0,
        ),
        (
            "2017-11-07 12 AM",
            "[Y]-[M]-[D] [h] [PN]",
            1_510_012_800_000.0,
        ),
        (
            "2017-11-07 12 pm",
            "[Y]-[M]-[D] [h] [P]",
            1_510_056_000_000.0,
        ),
        (
            "2017-11-07T15:12:37.121+01:00",
            "[Y]-[M]-[D]T[H]:[m]:[s].[f][Z]",
            NOVEMBER - 3.6e6,
        ),
        (
            "2017-11-07 15 +0530",
            "[Y]-[M]-[D] [H] [Z0]",
            1_510_047_000_000.0,
        ),
        (
            "2017-11-07 15 GMT+1",
            "[Y]-[M]-[D] [H] [z0]",
            1_510_063_200_000.0,
        ),
        // The sign counts for the hours alone, as in the reference.
        (
            "2017-11-07 15 -05:30",
            "[Y]-[M]-[D] [H] [Z]",
            1_510_083_000_000.0,
        ),
        // What stands above is that of now.
        ("11/7", "[M]/[D]", 1_699_315_200_000.0),
        ("5", "[D]", 1_699_142_400_000.0),
        ("5:30", "[H]:[m]", 1_699_939_800_000.0),
        ("[2017] a.b", "[[[Y]]] a.b", 1_483_228_800_000.0),
    ];
    for (text, picture, expected) in cases {
        check_parse(&[(text, Some(picture), Ok(Some(expected)))]);
    }
}

#[test]
fn texts_that_do_not_fit() {
    check_parse(&[
        ("2017", Some("[Y]-[M]"), Ok(None)),
        ("x2017", Some("[Y]"), Ok(None)),
        ("2017", Some("2017"), Ok(None)),
        ("17", Some("[Y0001]"), Ok(None)),
        ("", Some(""), Ok(None)),
        ("2017 11:37", Some("[Y] [H]:[s]"), Err("D3136")),
        ("2017 11", Some("[Y] [H]"), Err("D3136")),
        ("2017-7", Some("[Y]-[D]"), Err("D3136")),
        ("2017-45-2", Some("[X]-[W]-[F1]"), Err("D3136")),
        ("2017-11-2", Some("[X]-[x]-[w]"), Err("D3136")),
        ("ISO", Some("[E]"), Err("D3133")),
        ("2017", Some("[YN]"), Err("D3133")),
        ("2017", Some("[Y#]"), Err("D3130")),
        ("2017", Some("[Y"), Err("D3135")),
        ("2017", Some("[q]"), Err("D3132")),
    ]);
}

#[test]
fn days_and_dates_are_each_others_inverse() {
    let mut previous = None;
    for day in (-100_000_000..100_000_000_i64).step_by(9_973) {
        let millis = day as f64 * 86_400_000.0;
        let meter = Meter::new(Allowance::FULL);
        let text = from_millis(millis, Some("[Y]/[M]/[D]"), None, &meter).unwrap();
        let parts: Vec<i64> = text.split('/').map(|part| part.parse().unwrap()).collect();
        assert_eq!(
            calendar::true_day_number(parts[0], parts[1] - 1, parts[2]),
            day,
            "{text}"
        );
        assert!(previous < Some(parts.clone()), "{text}");
        previous = Some(parts);
    }
}

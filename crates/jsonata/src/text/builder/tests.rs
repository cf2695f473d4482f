use super::*;
use crate::Allowance;

#[test]
fn lengths_in_utf16_units() {
    for (text, expected) in [("", 0), ("abc", 3), ("é€", 2), ("😀", 2), ("a😀é", 4)] {
        assert_eq!(utf16_len(text), expected, "{text}");
    }
}

#[test]
fn a_string_costs_its_bytes() {
    let allowance = Allowance {
        bytes: 1000,
        ..Allowance::FULL
    };
    let meter = Meter::new(allowance);
    let mut builder = Builder::new(&meter);
    for _ in 0..10 {
        builder.push_str("0123456789").unwrap();
    }
    assert_eq!(builder.finish().len(), 100);
    meter.make(900).unwrap();
    assert_eq!(meter.make(1).unwrap_err().limit, Some(Limit::Bytes));
}

#[test]
fn the_longest_string() {
    let meter = Meter::new(Allowance::FULL);
    let mut builder = Builder::new(&meter);
    let half = "x".repeat(UNITS_MAX / 2);
    builder.push_str(&half).unwrap();
    builder.push_str(&half).unwrap();
    assert_eq!(builder.push('x').unwrap_err().limit, Some(Limit::Bytes));
    assert_eq!(builder.finish().len(), UNITS_MAX);
}

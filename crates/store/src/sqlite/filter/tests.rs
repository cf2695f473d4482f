use super::super::names::mix;
use super::*;

#[test]
fn a_filter_knows_what_was_added_and_little_else() {
    let mut filter = Filter::new(10_000);
    (0..10_000).for_each(|number| filter.insert(mix(number)));
    assert!((0..10_000).all(|number| filter.may_contain(mix(number))));
    let passed = (10_000..110_000)
        .filter(|number| filter.may_contain(mix(*number)))
        .count();
    assert!(passed < 1_000, "{passed} of 100,000 absent hashes pass");
}

#[test]
fn a_filter_is_read_as_it_was_written() {
    let mut filter = Filter::new(100);
    assert!(!filter.may_contain(7));
    filter.insert(7);
    let read = Filter::from_bytes(filter.as_bytes()).unwrap();
    assert_eq!(read, filter);
    assert!(read.may_contain(7));
    assert_eq!(Filter::from_bytes(&[]), None);
    assert_eq!(Filter::from_bytes(&[0; 65]), None);
}

#[test]
fn the_smallest_filter_holds_something() {
    let mut filter = Filter::new(0);
    filter.insert(u64::MAX);
    filter.insert(0);
    assert!(filter.may_contain(u64::MAX) && filter.may_contain(0));
}

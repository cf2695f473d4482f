use super::*;

fn of(values: &[(f64, f64)]) -> Aggregate {
    let mut aggregate = Aggregate::default();
    for (value, count) in values {
        aggregate.add(*value, *count);
    }
    aggregate
}

#[test]
fn sums() {
    let found = of(&[(3.0, 1.0), (-1.0, 2.0), (0.5, 1.0)]);
    let sums = (found.count, found.sum, found.min, found.max);
    assert_eq!(sums, (4.0, 1.5, -1.0, 3.0));
    assert_eq!(found.average(), 0.375);
    assert_eq!(Aggregate::default().average(), 0.0);
}

#[test]
fn percentiles_of_few_values_are_exact() {
    #[track_caller]
    fn check(values: &[(f64, f64)], percent: f64, expected: Option<f64>) {
        assert_eq!(of(values).percentile(percent), expected, "p{percent}");
    }
    let hundred: Vec<(f64, f64)> = (1..=100).rev().map(|n| (f64::from(n), 1.0)).collect();
    for (percent, value) in [
        (0.0, 1.0),
        (1.0, 1.0),
        (50.0, 50.0),
        (99.0, 99.0),
        (100.0, 100.0),
    ] {
        check(&hundred, percent, Some(value));
    }
    check(&hundred, 99.9, Some(100.0));
    check(&[(7.25, 1.0)], 50.0, Some(7.25));
    check(&[(1.0, 9.0), (2.0, 1.0)], 90.0, Some(1.0));
    check(&[(1.0, 9.0), (2.0, 1.0)], 91.0, Some(2.0));
    check(&[(-0.0, 1.0), (0.0, 1.0)], 50.0, Some(0.0));
    check(&[], 50.0, None);
}

/// Of many values percentiles are near: within 1 % as long as the values span less than a factor of
/// 12, and a few percent over the span of what is measured.
#[test]
fn percentiles_of_many_values_are_near() {
    #[track_caller]
    fn check(value: impl Fn(f64) -> f64, off: f64) {
        let mut aggregate = Aggregate::default();
        // In an order that is not theirs.
        for n in 0..20_000_u32 {
            aggregate.add(value(f64::from(n.wrapping_mul(7_919) % 20_000)), 1.0);
        }
        for percent in [1.0, 25.0, 50.0, 90.0, 99.0, 99.9] {
            let exact = value((20_000.0 * percent / 100.0_f64).ceil() - 1.0);
            let found = aggregate.percentile(percent).unwrap();
            assert!(
                (found - exact).abs() <= off * exact.abs(),
                "p{percent}: {found}, not {exact}"
            );
        }
        let ends = (
            aggregate.percentile(0.0).unwrap(),
            aggregate.percentile(100.0).unwrap(),
        );
        assert!((ends.1 - aggregate.max).abs() <= off * aggregate.max.abs());
        assert!((ends.0 - aggregate.min).abs() <= off * aggregate.min.abs());
        let distribution = aggregate.distribution.unwrap();
        assert!(distribution.values.len() <= VALUES_MAX);
        assert!(
            distribution
                .values
                .is_sorted_by(|one, other| one.0 < other.0)
        );
        assert_eq!(
            distribution
                .values
                .iter()
                .map(|(_, count)| count)
                .sum::<f64>(),
            20_000.0
        );
    }
    check(|n| 1.0 + n / 2_000.0, 0.0101);
    check(|n| -12.0 + n / 2_000.0, 0.0101);
    // A millisecond to a quarter of an hour.
    check(|n| (n / 20_000.0 * 900_000_f64.ln()).exp(), 0.09);
}

/// However far apart the values are, and in whatever order aggregates are added up.
#[test]
fn it_stays_small() {
    let mut aggregate = Aggregate::default();
    for n in 0..200_000_u32 {
        let value = (f64::from(n % 1_400) - 700.0).exp();
        aggregate.add(if n % 2 == 0 { value } else { -value }, 1.0);
    }
    let distribution = aggregate.distribution.clone().unwrap();
    assert!(distribution.values.len() <= VALUES_MAX, "{distribution:?}");
    let few = of(&[(1.0, 1.0), (2.0, 1.0)]);
    let (mut one, mut other) = (aggregate.clone(), few.clone());
    one.merge(&few);
    other.merge(&aggregate);
    assert_eq!(one.count, 200_002.0);
    assert_eq!(one.distribution, other.distribution);
}

#[test]
fn sums_alone_have_no_percentiles() {
    let mut aggregate = of(&[(1.0, 1.0)]);
    aggregate.add_statistics(3.0, 6.0, 2.0, 2.0);
    assert_eq!(aggregate.percentile(50.0), Some(2.0));
    aggregate.add_statistics(3.0, 7.0, 2.0, 3.0);
    assert_eq!(aggregate.percentile(50.0), None);
    assert_eq!(
        (aggregate.count, aggregate.sum, aggregate.max),
        (7.0, 14.0, 3.0)
    );
    let mut whole = of(&[(1.0, 1.0)]);
    whole.merge(&aggregate);
    assert_eq!(whole.percentile(50.0), None);
}

use super::*;

#[test]
fn sizes_of_partitions() {
    let cases = [
        (5, None, Ok(Some(5))),
        (5, Some(2.0), Ok(Some(2))),
        (5, Some(2.9), Ok(Some(2))),
        (5, Some(100.0), Ok(Some(100))),
        (5, Some(1e300), Ok(Some(usize::MAX))),
        (5, Some(0.0), Ok(None)),
        (5, Some(-0.5), Ok(None)),
        (0, None, Ok(None)),
        (0, Some(3.0), Ok(None)),
        (5, Some(-1.0), Err("D3137")),
        (0, Some(-1.0), Err("D3137")),
    ];
    for (len, size, expected) in cases {
        let result = partition_size(len, size).map_err(|error| error.code);
        assert_eq!(result, expected, "{len} {size:?}");
    }
}

#[test]
fn ranges() {
    let cases = [
        (0.0, 9.0, Some(3.0), Some(vec![0.0, 3.0, 6.0, 9.0])),
        (0.0, 10.0, Some(3.0), Some(vec![0.0, 3.0, 6.0, 9.0])),
        (1.0, 9.0, Some(9.0), Some(vec![1.0])),
        (1.9, 3.9, Some(1.9), Some(vec![1.0, 2.0, 3.0])),
        (3.0, 1.0, Some(-1.0), Some(vec![3.0, 2.0, 1.0])),
        (-1.5, 1.5, Some(1.0), Some(vec![-1.0, 0.0, 1.0])),
        (3.0, 1.0, Some(1.0), None),
        (1.0, 3.0, Some(-1.0), None),
        (1.0, 3.0, Some(0.0), None),
        (1.0, 3.0, Some(0.5), None),
        (1.0, 1.0, Some(0.0), None),
        (1.0, 1.0, Some(-2.0), Some(vec![1.0])),
        (1.0, 3.0, None, None),
        (1.0, f64::INFINITY, Some(1.0), None),
        (f64::NAN, 1.0, Some(1.0), None),
    ];
    for (first, last, step, expected) in cases {
        let result = range(first, last, step);
        let elements = result.map(|range| (0..range.count).map(|at| range.element(at)).collect());
        assert_eq!(elements, expected, "{first} {last} {step:?}");
    }
    assert_eq!(range(0.0, 1e300, Some(1.0)).unwrap().count, usize::MAX);
}

#[test]
fn random_numbers() {
    assert_eq!(random_of_bits(0), 0.0);
    assert!(random_of_bits(u64::MAX) < 1.0);
    assert_eq!(random_of_bits(1 << 63), 0.5);
    let numbers: Vec<f64> = (0..1000)
        .map(|seed| random_of_seed(f64::from(seed)))
        .collect();
    let mean = numbers.iter().sum::<f64>() / 1000.0;
    assert!((0.45..0.55).contains(&mean), "{mean}");
    assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
    assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(random_of_seed(7.9), random_of_seed(7.0));
    assert_ne!(random_of_seed(-7.0), random_of_seed(7.0));
    // The first number of SplitMix64 for the seed 0 is 0xe220a8397b1dcdaf.
    assert_eq!(random_of_seed(0.0), random_of_bits(0xe220_a839_7b1d_cdaf));
}

#[test]
fn uuids() {
    let cases = [
        (0, 0, "00000000-0000-4000-8000-000000000000"),
        (u64::MAX, u64::MAX, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        (
            0x0123_4567_89ab_cdef,
            0x0123_4567_89ab_cdef,
            "01234567-89ab-4def-8123-456789abcdef",
        ),
    ];
    for (high, low, expected) in cases {
        assert_eq!(uuid(high, low), expected);
    }
}

use super::*;

#[test]
fn numbers_come_back() {
    for number in [
        0,
        1,
        127,
        128,
        16_383,
        16_384,
        u64::from(u32::MAX),
        u64::MAX,
    ] {
        let mut bytes = Vec::new();
        put_number(&mut bytes, number);
        let mut reader = Reader(&bytes);
        assert_eq!(reader.number(), Ok(number));
        assert!(reader.0.is_empty());
    }
    for number in [0, -1, 1, -64, 64, i64::MIN, i64::MAX] {
        let mut bytes = Vec::new();
        put_signed(&mut bytes, number);
        assert_eq!(Reader(&bytes).signed(), Ok(number));
    }
}

#[test]
fn what_is_no_number_is_refused() {
    assert_eq!(Reader(&[]).number(), Err(Flaw::Short));
    assert_eq!(Reader(&[0x80]).number(), Err(Flaw::Short));
    assert_eq!(Reader(&[0xff; 11]).number(), Err(Flaw::Number));
    let beyond = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
    assert_eq!(Reader(&beyond).number(), Err(Flaw::Number));
    assert_eq!(Reader(&[5, 1, 2]).count(), Err(Flaw::Short));
}

use super::*;

#[test]
fn lists_end_where_they_end_on_aws() {
    let meter = Meter::new(Allowance::FULL);
    assert!(meter.elements(0, 873_782).is_ok());
    assert_eq!(meter.elements(0, 873_783), Err(Error::limit(Limit::Bytes)));
    assert!(meter.element(873_781).is_ok());
    assert_eq!(meter.element(873_782), Err(Error::limit(Limit::Bytes)));
}

#[test]
fn bytes_come_back_but_no_more_than_there_were() {
    let meter = Meter::new(Allowance {
        steps: 100,
        bytes: 1000,
        depth: 1,
    });
    assert!(meter.make(900).is_ok());
    assert_eq!(meter.make(200), Err(Error::limit(Limit::Bytes)));
    meter.refund(5000);
    assert!(meter.make(1000).is_ok());
    assert_eq!(meter.make(1), Err(Error::limit(Limit::Bytes)));
}

#[test]
fn steps_do_not_come_back() {
    let meter = Meter::new(Allowance {
        steps: 3,
        bytes: 1000,
        depth: 1,
    });
    assert!(meter.step(1).is_ok());
    assert!(meter.make(128).is_ok());
    assert_eq!(meter.step(1), Err(Error::limit(Limit::Steps)));
    assert_eq!(meter.steps_left(), 0);
}

#[test]
fn an_evaluation_leaves_its_result_only() {
    let meter = Meter::new(Allowance {
        steps: 1000,
        bytes: 1000,
        depth: 1,
    });
    assert!(meter.make(100).is_ok());
    let before = meter.bytes_left();
    assert!(meter.make(500).is_ok());
    meter.keep_only(before, 50);
    assert_eq!(meter.bytes_left(), 850);
    meter.keep_only(meter.bytes_left(), 5000);
    assert_eq!(meter.bytes_left(), 850);
}

use super::*;

#[test]
fn each_account_and_region_is_counted_by_itself() {
    let places = Places::default();
    let machine = |region: &str, account: &str, name: &str| {
        places.of(&format!(
            "arn:aws:states:{region}:{account}:stateMachine:{name}"
        ))
    };
    let check = |region: &str, account: &str, is_opened: bool| {
        let place = machine(region, account, "M");
        assert_eq!(place.open(2), is_opened, "{region} {account}");
    };
    check("eu-west-1", "1", true);
    check("eu-west-1", "1", true);
    check("eu-west-1", "1", false);
    check("eu-west-2", "1", true);
    check("eu-west-1", "2", true);
    let first = machine("eu-west-1", "1", "other");
    assert_eq!(first.open_executions(), 2);
    first.close(1);
    check("eu-west-1", "1", true);
    let open = places
        .all()
        .iter()
        .map(|it| it.open_executions())
        .sum::<u64>();
    assert_eq!(open, 4);
}

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
    assert_eq!(places.open_executions(), 4);
    // The server's own take nothing of the account's.
    check("eu-west-1", "1", false);
    for is_opened in [true, true, false] {
        let own = machine("eu-west-1", "1", "~lambda-event");
        assert_eq!(own.open(2), is_opened);
    }
    assert_eq!(places.open_executions(), 6);
    let of_users = places.of_users();
    let of_users = of_users.iter().map(|place| place.open_executions());
    assert_eq!(of_users.collect::<Vec<_>>(), [2, 1, 1]);
}

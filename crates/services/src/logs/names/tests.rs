use super::*;

#[test]
fn groups_of_arns() {
    let shown = |it: GroupName| format!("{} {} {}", it.account, it.region, it.name);
    let here = "arn:aws:logs:eu-west-1:123456789012";
    let check = |text: &str, of_arn: bool, of_resource: bool| {
        let text = text.replace("HERE", here);
        let a = |is_a: bool| is_a.then(|| "123456789012 eu-west-1 /a".to_owned());
        assert_eq!(GroupName::of_arn(&text).map(shown), a(of_arn), "{text}");
        let found = GroupName::of_resource(&text).map(shown);
        assert_eq!(found, a(of_resource), "{text}");
    };
    check("HERE:log-group:/a", true, true);
    check("HERE:log-group:/a:*", true, true);
    check("HERE:log-group:/a:log-stream:", false, true);
    check("HERE:log-group:/a:log-stream:s/[$LATEST]1", false, true);
    check("HERE:log-group:/a:b", false, false);
    check("HERE:log-group:", false, false);
    check("HERE:log-group::*", false, false);
    check("HERE:log-group::log-stream:", false, false);
    check("HERE:delivery:/a", false, false);
    check(
        "arn:aws:s3:eu-west-1:123456789012:log-group:/a",
        false,
        false,
    );
    check("/a", false, false);
}

#[test]
fn arns() {
    let group = group_arn("123456789012", "eu-west-1", "/a/b");
    assert_eq!(group, "arn:aws:logs:eu-west-1:123456789012:log-group:/a/b");
    let stream = stream_arn("123456789012", "eu-west-1", "/a", "s");
    let expected = "arn:aws:logs:eu-west-1:123456789012:log-group:/a:log-stream:s";
    assert_eq!(stream, expected);
}

use super::*;

#[test]
fn groups_of_arns() {
    let check = |text: &str, expected: Option<&str>| {
        let found = GroupName::of_arn(text);
        let shown = found.map(|it| format!("{} {} {}", it.account, it.region, it.name));
        assert_eq!(shown.as_deref(), expected, "{text}");
    };
    let here = "arn:aws:logs:eu-west-1:123456789012";
    let a = Some("123456789012 eu-west-1 /a");
    check(&format!("{here}:log-group:/a"), a);
    check(&format!("{here}:log-group:/a:*"), a);
    check(&format!("{here}:log-group:/a:log-stream:"), a);
    check(&format!("{here}:log-group:/a:log-stream:s/[$LATEST]1"), a);
    check(&format!("{here}:log-group:/a:b"), None);
    check(&format!("{here}:log-group:"), None);
    check(&format!("{here}:log-group::*"), None);
    check(&format!("{here}:delivery:d"), None);
    check("arn:aws:s3:eu-west-1:123456789012:log-group:/a", None);
    check("/a", None);
}

#[test]
fn arns() {
    let group = group_arn("123456789012", "eu-west-1", "/a/b");
    assert_eq!(group, "arn:aws:logs:eu-west-1:123456789012:log-group:/a/b");
    let stream = stream_arn("123456789012", "eu-west-1", "/a", "s");
    let expected = "arn:aws:logs:eu-west-1:123456789012:log-group:/a:log-stream:s";
    assert_eq!(stream, expected);
}

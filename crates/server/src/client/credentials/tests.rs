use std::collections::BTreeMap;
use std::fs;

use super::*;

const FILE: &str = "\
# of Lockstep
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=a/b+c\\d\"e'f;g#h

[deploy]
aws_access_key_id = ASIADEPLOY
aws_secret_access_key = secret
aws_session_token = token==
[half]
aws_access_key_id = AKIAHALF
[empty]
";

/// The key found, as `id/secret/token`, or the error's text; `FILE` stands for the file's path.
fn check(profile: Option<&str>, variables: &[(&str, &str)], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials");
    fs::write(&path, FILE).unwrap();
    let path = path.to_str().unwrap();
    fs::create_dir(folder.path().join(".aws")).unwrap();
    fs::write(folder.path().join(".aws/credentials"), FILE).unwrap();
    let variables: BTreeMap<&str, String> = variables
        .iter()
        .map(|(name, value)| {
            let value = value.replace("FILE", path);
            (
                *name,
                value.replace("HERE", folder.path().to_str().unwrap()),
            )
        })
        .collect();
    let found = match find(profile, &|name| variables.get(name).cloned()) {
        Ok(key) => {
            let token = key.session_token.as_deref().unwrap_or("-");
            format!("{}/{}/{token}", key.access_key_id, key.secret_access_key)
        }
        Err(error) => error.to_string().replace(path, "FILE"),
    };
    let same = match expected.strip_suffix('*') {
        Some(prefix) => found.starts_with(prefix),
        None => found == expected,
    };
    assert!(same, "{profile:?} {variables:?}: {found}");
}

#[test]
fn the_order_of_the_aws_command() {
    let id = ("AWS_ACCESS_KEY_ID", "AKIAENV");
    let secret = ("AWS_SECRET_ACCESS_KEY", "s");
    let token = ("AWS_SESSION_TOKEN", "t");
    let file = ("AWS_SHARED_CREDENTIALS_FILE", "FILE");
    let deploy = ("AWS_PROFILE", "deploy");
    check(None, &[id, secret], "AKIAENV/s/-");
    check(None, &[id, secret, token, file, deploy], "AKIAENV/s/t");
    check(None, &[id, file], "AWS_ACCESS_KEY_ID is set and*");
    let default = "AKIADEFAULT/a/b+c\\d\"e'f;g#h/-";
    check(None, &[file], default);
    check(None, &[("HOME", "HERE")], default);
    check(None, &[secret, file], default);
    check(None, &[file, deploy], "ASIADEPLOY/secret/token==");
    check(
        Some("deploy"),
        &[id, secret, file],
        "ASIADEPLOY/secret/token==",
    );
    check(
        Some("deploy"),
        &[("HOME", "HERE")],
        "ASIADEPLOY/secret/token==",
    );
}

#[test]
fn what_is_missing_is_named() {
    let file = ("AWS_SHARED_CREDENTIALS_FILE", "FILE");
    check(None, &[], "there are no credentials: set*");
    check(
        None,
        &[("HOME", "HERE/nowhere")],
        "there are no credentials: set*",
    );
    let absent = ("AWS_SHARED_CREDENTIALS_FILE", "FILE.absent");
    check(
        None,
        &[absent],
        "the credentials file `FILE.absent` cannot be read: *",
    );
    check(
        Some("x"),
        &[file],
        "the credentials file `FILE` has no profile `x`",
    );
    let half = "profile `half` of the credentials file `FILE` has no `aws_secret_access_key`";
    check(Some("half"), &[file], half);
    let empty = "profile `empty` of the credentials file `FILE` has no `aws_access_key_id`";
    check(Some("empty"), &[file], empty);
}

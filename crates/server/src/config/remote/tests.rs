use figment::Figment;
use figment::providers::{Format as _, Toml};

use super::*;

const FILE: &str = "\
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = other

# for tests
[prod]
aws_access_key_id=AKIAPROD
aws_secret_access_key = s3cr3t=
aws_session_token = token
";

fn check(table: &str, expected: Result<&str, &str>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    std::fs::write(&file, FILE).unwrap();
    let table = table.replace("FILE", file.to_str().unwrap());
    let remote: Remote = Figment::from(Toml::string(&table)).extract().unwrap();
    let variable = |name: &str| match name {
        "ID" => Some("AKIAENV".to_owned()),
        "SECRET" => Some("secret".to_owned()),
        _ => None,
    };
    let read = remote.read(&variable).map(|read| {
        let RemoteKeys {
            access_key_id,
            secret_access_key,
            session_token,
        } = read.keys;
        format!(
            "{} {:?} {access_key_id} {secret_access_key} {session_token:?}",
            read.endpoint, read.identity
        )
    });
    match (read, expected) {
        (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{table}"),
        (Err(error), Err(expected)) => {
            let error = format!("{error:#}");
            assert!(error.contains(expected), "{table}\n{error}");
        }
        (read, _) => panic!("{table}\n{read:?}"),
    }
}

#[test]
fn tables() {
    let fixed = "function = \"f\"\nendpoint = \"https://h\"\nidentity = \"fixed\"\n";
    let role = "function = \"f\"\nendpoint = \"https://h\"\nidentity = \"role\"\n";
    let keys = "access_key_id_env = \"ID\"\nsecret_access_key_env = \"SECRET\"\n";
    let profile = "profile = \"prod\"\ncredentials_file = \"FILE\"\n";
    let sts = "sts_endpoint = \"https://sts/\"\n";
    for (table, expected) in [
        (
            format!("{fixed}{keys}"),
            Ok("https://h Fixed AKIAENV secret None"),
        ),
        (
            format!("{fixed}{profile}"),
            Ok("https://h Fixed AKIAPROD s3cr3t= Some(\"token\")"),
        ),
        (
            format!("{role}{sts}{keys}"),
            Ok("https://h Role { sts_endpoint: \"https://sts/\" } AKIAENV secret None"),
        ),
        (format!("{role}{keys}"), Err("set `sts_endpoint`")),
        (format!("{fixed}{sts}{keys}"), Err("leave it out")),
        (fixed.to_owned(), Err("name the credentials")),
        (
            format!("{fixed}{keys}{profile}"),
            Err("name the credentials"),
        ),
        (
            format!("{fixed}profile = \"dev\"\ncredentials_file = \"FILE\"\n"),
            Err("profile `dev`: it has no `aws_access_key_id`"),
        ),
        (
            format!("{fixed}access_key_id_env = \"NONE\"\nsecret_access_key_env = \"SECRET\"\n"),
            Err("the variable `NONE` is not set"),
        ),
        (
            format!("{}{keys}", fixed.replace("https://h", "h")),
            Err("`endpoint` is `h`"),
        ),
        (
            format!("{}{keys}", fixed.replace("https://h", "https://h/path")),
            Err("it must be a scheme and a host"),
        ),
    ] {
        check(&table, expected);
    }
}

use std::path::Path;

use super::*;

fn check(toml: &str, flags: &Flags, expected: Result<fn(&Config) -> bool, &str>) {
    let folder = std::env::temp_dir().join(format!("lockstep-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!(
        "{:x}.toml",
        toml.len() * 31 + toml.matches('e').count()
    ));
    std::fs::write(&file, toml).unwrap();
    let flags = Flags {
        listen: flags.listen,
        data: flags.data.clone(),
        config: Some(file),
        log: flags.log.clone(),
    };
    match (Config::load(&flags), expected) {
        (Ok(config), Ok(holds)) => assert!(holds(&config), "{toml}: {config:?}"),
        (Err(error), Err(text)) => assert!(format!("{error:#}").contains(text), "{error:#}"),
        (got, _) => panic!("{toml}: {got:?}"),
    }
}

#[test]
fn files_and_flags() {
    let none = Flags::default();
    let port = Flags {
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 9))),
        ..Flags::default()
    };
    let everywhere = Flags {
        listen: Some(SocketAddr::from(([0, 0, 0, 0], 9))),
        ..Flags::default()
    };
    check(
        "",
        &none,
        Ok(|c| c.listen.port() == 8083 && c.retention_days == 90),
    );
    check(
        "listen = \"127.0.0.1:1\"",
        &none,
        Ok(|c| c.listen.port() == 1),
    );
    check("listen = \"[::1]:1\"", &port, Ok(|c| c.listen.port() == 9));
    check("retention_days = 30", &none, Ok(|c| c.retention_days == 30));
    check("", &everywhere, Err("refusing to listen on `0.0.0.0:9`"));
    check(
        "listen = \"192.168.1.1:80\"",
        &none,
        Err("refusing to listen"),
    );
    check("listn = \"127.0.0.1:1\"", &none, Err("unknown field"));
    check(
        "function_processes_max = 0",
        &none,
        Err("no function could run"),
    );
    check(
        "history_events_max = 1",
        &none,
        Err("no execution could end"),
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = env!("CARGO_MANIFEST_DIR");
    for config in ["no/such/file.toml", folder] {
        let flags = Flags {
            config: Some(config.into()),
            ..Flags::default()
        };
        let error = Config::load(&flags).unwrap_err().to_string();
        assert!(error.contains(config), "{error}");
    }
}

#[test]
fn variables() {
    let check = |variables: &[(&str, &str)], expected: Result<fn(&Config) -> bool, &str>| {
        let given = variables
            .iter()
            .map(|(n, t)| (n.to_string(), t.to_string()));
        match (Config::load_with(&Flags::default(), given), expected) {
            (Ok(config), Ok(holds)) => assert!(holds(&config), "{variables:?}: {config:?}"),
            (Err(error), Err(text)) => assert!(format!("{error:#}").contains(text), "{error:#}"),
            (got, _) => panic!("{variables:?}: {got:?}"),
        }
    };
    check(
        &[("LOCKSTEP_DATA", "123"), ("LOCKSTEP_LOG", "true")],
        Ok(|c| c.data == Path::new("123") && c.log == "true"),
    );
    check(
        &[("LOCKSTEP_DATA", "[a, b"), ("LOCKSTEP_LOG", "\"info\"")],
        Ok(|c| c.data == Path::new("[a, b") && c.log == "\"info\""),
    );
    check(
        &[
            ("LOCKSTEP_LISTEN", "[::1]:7"),
            ("LOCKSTEP_RETENTION_DAYS", "3"),
        ],
        Ok(|c| c.listen.to_string() == "[::1]:7" && c.retention_days == 3),
    );
    check(
        &[
            ("LOCKSTEP_PORT", "tcp://10.0.0.1:8083"),
            ("LOCKSTEP_SERVICE_HOST", "10.0.0.1"),
            ("LOCKSTEP_PORT_8083_TCP_ADDR", "10.0.0.1"),
        ],
        Ok(|c| c.listen.port() == 8083),
    );
    check(
        &[("LOCKSTEP_RETENTION_DAYS", "many")],
        Err("the variable `LOCKSTEP_RETENTION_DAYS` is `many`: not a number"),
    );
    check(&[("LOCKSTEP_LISTEN", "here")], Err("listen"));
    check(&[("LOCKSTEP_RETENTION_DAYS", "-1")], Err("not a number"));
    check(
        &[("RETENTION_DAYS", "many")],
        Ok(|c| c.retention_days == 90),
    );
}

/// A setting that is on neither list could not be set by a variable.
#[test]
fn every_setting_has_a_variable() {
    let all = Serialized::defaults(Config::default());
    let names: Dict = Figment::from(all).extract().unwrap();
    let mut listed: Vec<&str> = TEXTS.into_iter().chain(NUMBERS).collect();
    listed.sort_unstable();
    assert!(names.keys().eq(listed), "{names:?}");
}

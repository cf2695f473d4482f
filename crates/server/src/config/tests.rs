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

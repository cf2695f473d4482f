use std::path::Path;

use super::*;

fn check(toml: &str, flags: &Flags, expected: Result<fn(&Config) -> bool, &str>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lockstep.toml");
    std::fs::write(&file, toml).unwrap();
    let flags = Flags {
        listen: flags.listen,
        data: flags.data.clone(),
        config: Some(file),
        allow_unsandboxed: flags.allow_unsandboxed,
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
    check("", &everywhere, Ok(|c| !c.is_on_loopback()));
    let trusting = Flags {
        allow_unsandboxed: true,
        ..Flags::default()
    };
    check("", &none, Ok(|c| !c.allow_unsandboxed));
    check("", &trusting, Ok(|c| c.allow_unsandboxed));
    let toml = "function_network = \"none\"\nfunction_sandbox = [\"cgroups\"]";
    check(
        toml,
        &none,
        Ok(|c| {
            c.function_sandbox
                .as_ref()
                .is_some_and(|names| names == &["cgroups"])
        }),
    );
    check("listen = \"[::1]:1\"", &none, Ok(Config::is_on_loopback));
    check("account = \"12\"", &none, Err("12 digits"));
    check(
        "account = \"123456789012\"\nmaster_key_file = \"/k\"\nrefuse_replays = true",
        &none,
        Ok(|c| c.refuse_replays == Some(true) && c.master_key_file.is_some()),
    );
    check("clock_skew_seconds = 3601", &none, Err("use 3600 or less"));
    check(
        "function_processes_max = 0",
        &none,
        Err("`function_processes_max` is 0"),
    );
    check(
        "history_events_max = 1",
        &none,
        Err("`history_events_max` is 1, and less than 10"),
    );
}

/// Which setting, where, what it is and what it takes.
#[test]
fn refusals_name_the_setting() {
    let none = Flags::default();
    for (toml, text) in [
        (
            "listn = \"127.0.0.1:1\"",
            "lockstep.toml` is no setting; did you mean `listen`? docs/operations.md lists all",
        ),
        (
            "nonsense = 1",
            "lockstep.toml` is no setting; docs/operations",
        ),
        (
            "calls_max = \"a\"",
            "lockstep.toml` is `\"a\"`, and it takes a whole number from 0",
        ),
        (
            "tags_max = -1",
            "is `-1`, and it takes a whole number from 0",
        ),
        (
            "retention_days = 4294967296",
            "is `4294967296`, and it takes a whole number from 0 to 4294967295",
        ),
        ("strict = \"yes\"", "`strict` in `"),
        (
            "strict = \"yes\"",
            "is `\"yes\"`, and it takes true or false",
        ),
        ("log = 5", "is `5`, and it takes a text in quotes"),
        (
            "listen = 5",
            "an address and a port, such as \"127.0.0.1:8083\"",
        ),
        ("outbound_allow = \"a\"", "it takes a list"),
        (
            "x y",
            "lockstep.toml`: TOML parse error at line 1, column 3",
        ),
        ("[[remote_functions]]\n", "`remote_functions.0` in `"),
        ("[[remote_functions]]\n", "lacks `function`"),
    ] {
        check(toml, &none, Err(text));
    }
}

#[test]
fn strict_mode_grants_what_aws_grants() {
    let check = |toml: &str, expected: Result<fn(&Config) -> bool, &str>| {
        super::tests::check(
            &format!("strict = true\n{toml}"),
            &Flags::default(),
            expected,
        );
    };
    check("", Ok(|c| c.strict));
    check(
        "payload_bytes_max = 1024",
        Ok(|c| c.payload_bytes_max == 1024),
    );
    check(
        "payload_bytes_max = 262145",
        Err("`payload_bytes_max` is 262145, and AWS grants no more than 262144"),
    );
    check("state_machines_max = 150000", Ok(|c| c.strict));
    check(
        "state_machines_max = 150001",
        Err("AWS grants no more than 150000; lower it, or unset `strict`"),
    );
    check(
        "versions_max = 5000\nopen_executions_max = 2000000",
        Ok(|c| c.strict),
    );
    super::tests::check(
        "payload_bytes_max = 262145",
        &Flags::default(),
        Ok(|c| !c.strict),
    );
}

#[test]
fn the_defaults_are_those_of_aws() {
    let defaults = Config::default();
    for quota in QUOTAS {
        assert_eq!((quota.of)(&defaults), quota.aws, "{}", quota.name);
        assert!(NUMBERS.contains(&quota.name), "{}", quota.name);
    }
    let limits = asl::limits::Limits::default();
    assert_eq!(defaults.payload_bytes_max, limits.payload_bytes_max);
    assert_eq!(defaults.variables_bytes_max, limits.variables_bytes_max);
    assert_eq!(defaults.history_events_max, limits.history_events_max);
    assert_eq!(defaults.map_concurrency_max, limits.map_concurrency_max);
    let engine = engine::Config::default();
    assert_eq!(defaults.express_runs_max, engine.express_runs_max);
    let of_defaults = (
        defaults.express_run_bytes_max,
        defaults.express_bytes_max,
        defaults.express_kept_bytes_max,
    );
    let of_engine = (
        engine.express_run_bytes_max,
        engine.express_bytes_max,
        engine.express_kept_bytes_max,
    );
    assert_eq!(of_defaults, of_engine);
    assert_eq!(
        defaults.express_stored_bytes_max,
        engine.express_stored_bytes_max
    );
    assert_eq!(defaults.calls_max, engine.calls_max);
    assert_eq!(defaults.watches_max, engine.watches_max);
}

#[test]
fn rate_limits() {
    let none = Flags::default();
    check("", &none, Ok(|c| c.rate_limits.is_none()));
    assert_eq!(RateLimits::default().to_string(), "calls are not limited");
    let shown = |c: &Config| c.rate_limits.as_ref().unwrap().to_string();
    assert_eq!(shown(&loaded("rate_limits = \"aws\"")), "AWS's");
    let table = "[rate_limits]\nStartExecution = { bucket = 1300, refill_per_second = 300, \
                 express = { bucket = 6000, refill_per_second = 6000 } }";
    assert_eq!(
        shown(&loaded(table)),
        "StartExecution 1300, then 300/s (Express 6000, then 6000/s)"
    );
    let both = "[rate_limits]\nbase = \"aws\"\n\
                \"lambda:Invoke\" = { bucket = 9, refill_per_second = 0.5 }";
    assert_eq!(shown(&loaded(both)), "AWS's; lambda:Invoke 9, then 0.5/s");
    for (toml, text) in [
        ("StartExecution = { bucket = 1 }", "refill_per_second"),
        ("StartExecution = 5", "rate_limits"),
        ("Start = { bucket = 1, refill_per_second = 1 }", "`Start`"),
        (
            "StopExecution = { bucket = 0, refill_per_second = 1 }",
            "no call through",
        ),
        (
            "base = \"gcp\"",
            "lockstep.toml`: `base`: `gcp` is no word for it; the only one is `aws`",
        ),
    ] {
        check(&format!("[rate_limits]\n{toml}"), &none, Err(text));
    }
    check(
        "rate_limits = \"AWS\"",
        &none,
        Err("`AWS` is no word for it; the only one is `aws`, for AWS's numbers"),
    );
    check(
        "rate_limits = 5",
        &none,
        Err("is `5`, and it takes the word \"aws\", or a table of operations"),
    );
}

#[test]
fn secrets_are_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lockstep.toml");
    for (toml, expected) in [
        (
            "otlp_headers = \"a=secret\"",
            "is a text, and it takes a list",
        ),
        ("strict = true\notlp_headers = [\"a=secret", "line 2"),
        (
            "otlp_headers = [\n  \"a=secret\",\n  \"b=secret\" c\n]",
            "line 3",
        ),
    ] {
        std::fs::write(&file, toml).unwrap();
        let flags = Flags {
            config: Some(file.clone()),
            ..Flags::default()
        };
        let error = format!("{:#}", Config::load(&flags).unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

fn loaded(toml: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lockstep.toml");
    std::fs::write(&file, toml).unwrap();
    let flags = Flags {
        config: Some(file),
        ..Flags::default()
    };
    Config::load(&flags).unwrap()
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
    check(&[("LOCKSTEP_STRICT", "true")], Ok(|c| c.strict));
    check(
        &[("LOCKSTEP_STRICT", "yes")],
        Err("the variable `LOCKSTEP_STRICT` is `yes`: neither true nor false"),
    );
    check(
        &[("LOCKSTEP_OUTBOUND_ALLOW", " keys.test, 10.0.0.0/8,")],
        Ok(|c| c.outbound_allow == ["keys.test", "10.0.0.0/8"]),
    );
    check(
        &[("LOCKSTEP_RATE_LIMITS", "aws")],
        Ok(|c| c.rate_limits.as_ref().is_some_and(|limits| limits.is_aws)),
    );
    check(
        &[("LOCKSTEP_RATE_LIMITS", "on")],
        Err("the variable `LOCKSTEP_RATE_LIMITS`: `on` is no word for it"),
    );
    check(
        &[("LOCKSTEP_LISTEN", "here")],
        Err("the variable `LOCKSTEP_LISTEN` is not an address and a port, such as \"127"),
    );
    check(&[("LOCKSTEP_RETENTION_DAYS", "-1")], Err("not a number"));
    check(
        &[("RETENTION_DAYS", "many")],
        Ok(|c| c.retention_days == 90),
    );
}

/// What nearly is a setting's variable is told; what others set for themselves is not.
#[test]
fn slips_of_variables_are_told() {
    let known = ["rate_limits", "log", "data", "listen", "strict", "config"];
    for (variable, meant) in [
        ("LOCKSTEP_RATE_LIMIT", Some("LOCKSTEP_RATE_LIMITS")),
        ("LOCKSTEP_RATELIMITS", Some("LOCKSTEP_RATE_LIMITS")),
        ("LOCKSTEP_LISTN", Some("LOCKSTEP_LISTEN")),
        ("LOCKSTEP_STRIKT", Some("LOCKSTEP_STRICT")),
        ("LOCKSTEP_RATE_LIMITS", None),
        ("LOCKSTEP_CONFIG", None),
        ("LOCKSTEP_PORT", None),
        ("LOCKSTEP_SERVICE_HOST", None),
        ("RATE_LIMIT", None),
    ] {
        let slips = refusal::slips([variable].into_iter(), &known);
        let expected: Vec<(String, String)> = meant
            .map(|meant| (variable.to_owned(), meant.to_owned()))
            .into_iter()
            .collect();
        assert_eq!(slips, expected, "{variable}");
    }
}

/// A setting that is on neither list could not be set by a variable.
#[test]
fn every_setting_has_a_variable() {
    let all = Serialized::defaults(Config::default());
    let names: Dict = Figment::from(all).extract().unwrap();
    const TABLES: [&str; 1] = ["remote_functions"];
    // A table needs a file.
    let settings = TEXTS.into_iter().chain(NUMBERS).chain(SWITCHES);
    let mut listed: Vec<&str> = settings.chain(LISTS).chain(TABLES).collect();
    listed.sort_unstable();
    assert!(names.keys().eq(listed), "{names:?}");
}

/// What an operator reads is what there is.
#[test]
fn the_documentation_has_every_setting_and_its_default() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented = |name: &str| {
        let mut rows = rows.clone();
        let row = rows.find_map(|row| row.strip_prefix(name)?.strip_prefix("` | "));
        let row = row.unwrap_or_else(|| panic!("`{name}` is not in docs/operations.md"));
        row.split(" | ")
            .next()
            .unwrap()
            .trim_matches('`')
            .to_owned()
    };
    let all = Serialized::defaults(Config::default());
    let defaults: Dict = Figment::from(all).extract().unwrap();
    for name in TEXTS.into_iter().chain(NUMBERS).chain(SWITCHES) {
        let shown = shown_as(&defaults[name]);
        assert_eq!(documented(name), shown, "{name}");
    }
}

fn shown_as(value: &figment::value::Value) -> String {
    use figment::value::Value::{Bool, Empty, Num, String};
    match value {
        String(_, text) => text.clone(),
        Num(_, number) => number.to_u128().unwrap().to_string(),
        Bool(_, flag) => flag.to_string(),
        Empty(..) => "none".to_owned(),
        other => panic!("{other:?}"),
    }
}

use std::cell::Cell;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn runtimes_are_those_with_a_bootstrap() {
    let cases = [
        ("python3.12", Some((Language::Python, 12))),
        ("python3.7", Some((Language::Python, 7))),
        ("nodejs22.x", Some((Language::Node, 22))),
        ("python3", None),
        ("python3.", None),
        ("python3.x", None),
        ("python3.+1", None),
        ("python3.1234", None),
        ("python2.7", None),
        ("nodejs", None),
        ("nodejs22", None),
        ("nodejs4.3", None),
        ("java21", None),
        ("provided.al2023", None),
        ("", None),
    ];
    for (identifier, expected) in cases {
        let found = Runtime::parse(identifier).map(|runtime| (runtime.language, runtime.number));
        assert_eq!(found, expected, "{identifier}");
    }
}

/// A program that behaves like an interpreter asked for its version.
fn asked(script: &str) -> Result<Interpreter, String> {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("python3");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    ask(Language::Python, program.as_os_str())
}

#[test]
fn an_interpreter_is_what_it_says_it_is() {
    let found = asked("echo /opt/real/python3; echo 3.13.1").unwrap();
    assert_eq!(
        (found.path, found.number),
        (PathBuf::from("/opt/real/python3"), 13)
    );
    let cases = [
        ("echo /p; echo 3.6.15", "too old"),
        ("echo /p; echo 2.7.18", "is version `2.7.18`"),
        ("echo hello", "did not tell its version"),
        ("echo /p; echo 3.12.0; exit 127", "exit status: 127"),
    ];
    for (script, part) in cases {
        let reason = asked(script).unwrap_err();
        assert!(reason.contains(part), "{script}: {reason}");
    }
    assert!(ask(Language::Python, OsStr::new("no-such-python")).is_err());
}

#[test]
fn an_interpreter_says_where_its_library_and_packages_are() {
    let found = asked("echo /opt/real/python3; echo 3.13.1; echo /a:/b; echo /b/site-packages");
    let found = found.unwrap();
    assert_eq!(found.folders, [PathBuf::from("/a"), PathBuf::from("/b")]);
    assert_eq!(found.packages, [PathBuf::from("/b/site-packages")]);
    let python = ask(Language::Python, OsStr::new("python3")).unwrap();
    assert!(
        python
            .folders
            .iter()
            .any(|folder| python.path.starts_with(folder))
    );
}

#[test]
fn this_host_is_described_in_one_line_per_language() {
    let findings = findings();
    assert_eq!(findings.len(), 2);
    for finding in &findings {
        let line = finding.to_string();
        assert!(!line.contains('\n') && line.contains("; "), "{line}");
    }
    // The tests of this crate need one.
    let python = findings[0].interpreter.as_ref().unwrap();
    assert!(python.path.is_absolute() && python.number >= PYTHON_MINOR_MIN);
}

#[test]
fn those_who_ask_at_once_share_one_search() {
    let runtime = Runtime::parse("python3.12").unwrap();
    let interpreter = Interpreter {
        language: Language::Python,
        path: PathBuf::from("/p"),
        version: "3.12.0".to_owned(),
        number: 12,
        folders: Vec::new(),
        packages: Vec::new(),
    };
    // What a search finds, and how many searches it takes when somebody asks again later.
    let cases = [(Ok(interpreter), 1), (Err("not on PATH".to_owned()), 2)];
    for (outcome, later) in cases {
        let interpreters = Interpreters::default();
        let searches = Cell::new(0);
        let ask = |asked| {
            let answer = interpreters.find_by(runtime, asked, |_| {
                searches.set(searches.get() + 1);
                outcome.clone()
            });
            assert_eq!(answer.map(|found| (*found).clone()), outcome);
        };
        let at_once = Instant::now();
        ask(at_once);
        ask(at_once);
        assert_eq!(searches.get(), 1);
        ask(Instant::now());
        assert_eq!(searches.get(), later);
    }
}

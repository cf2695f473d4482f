use std::fs;

use super::*;
use crate::probe::Language;

/// The mode of a `bootstrap` in the code and in the layers, and the program or the failure.
type Case = (Option<u32>, Option<u32>, Result<&'static str, &'static str>);

#[test]
fn a_bootstrap_is_looked_for_in_the_code_and_then_in_the_layers() {
    let missing = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";
    let denied = "fork/exec /var/task/bootstrap: permission denied";
    let cases: [Case; 6] = [
        (Some(0o755), None, Ok("/seen/code/bootstrap")),
        (Some(0o755), Some(0o755), Ok("/seen/code/bootstrap")),
        (None, Some(0o555), Ok("/seen/layers/bootstrap")),
        (None, None, Err(missing)),
        (Some(0o644), Some(0o755), Err(denied)),
        (
            None,
            Some(0o644),
            Err("fork/exec /opt/bootstrap: permission denied"),
        ),
    ];
    for (in_code, in_layers, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, mode: Option<u32>| {
            let place = folder.path().join(name);
            fs::create_dir(&place).unwrap();
            if let Some(mode) = mode {
                let file = place.join("bootstrap");
                fs::write(&file, "").unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            }
            place
        };
        let folders = Folders {
            code: put("code", in_code),
            layers: Some(put("layers", in_layers)),
            runtime: PathBuf::new(),
            scratch: PathBuf::new(),
        };
        let spec = crate::pool::tests::spec_of(&[], "any");
        let found = match Engine::Provided.entrypoint(&spec, &folders, &seen()) {
            Ok(start) => Ok(start.program.display().to_string()),
            Err(Cause::InvalidEntrypoint(text)) => Err(text),
            Err(other) => panic!("{other:?}"),
        };
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, expected, "{in_code:?} {in_layers:?}");
    }
}

fn seen() -> Seen {
    Seen {
        code: "/seen/code".into(),
        layers: "/seen/layers".into(),
        runtime: "/seen/runtime".into(),
        scratch: "/seen/scratch".into(),
    }
}

#[test]
fn a_wrapper_gets_the_command_of_the_runtime() {
    let engine = Engine::Interpreter(Arc::new(Interpreter {
        language: Language::Node,
        path: "/usr/bin/node".into(),
        version: "22.1.0".into(),
        number: 22,
        folders: Vec::new(),
        packages: Vec::new(),
    }));
    let folders = Folders {
        code: PathBuf::new(),
        layers: None,
        runtime: PathBuf::new(),
        scratch: PathBuf::new(),
    };
    let script = "exec \"$0\" \"$@\"";
    let node = ["/usr/bin/node", "/seen/runtime/node.mjs", "/seen/layers"];
    let cases = [
        ("", vec![]),
        ("/opt/w", vec!["/bin/sh", "-c", script, "/seen/layers/w"]),
        (
            "/var/task/a/w",
            vec!["/bin/sh", "-c", script, "/seen/code/a/w"],
        ),
        (
            "/usr/bin/env",
            vec!["/bin/sh", "-c", script, "/usr/bin/env"],
        ),
    ];
    for (wrapper, before) in cases {
        let mut spec = crate::pool::tests::spec_of(&[], "any");
        spec.environment = vec![(WRAPPER.into(), wrapper.into())];
        let start = engine.entrypoint(&spec, &folders, &seen()).unwrap();
        let found: Vec<OsString> = std::iter::once(start.program.into())
            .chain(start.arguments)
            .collect();
        let expected: Vec<OsString> = before.iter().chain(&node).map(OsString::from).collect();
        assert_eq!(found, expected, "{wrapper}");
    }
}

#[test]
fn what_the_system_does_not_start_is_the_fault_of_the_function_or_not() {
    let cases = [
        (Errno::EACCES, Some("permission denied")),
        (Errno::ENOEXEC, Some("exec format error")),
        (Errno::ENOENT, Some("no such file or directory")),
        (Errno::EAGAIN, None),
        (Errno::ENOMEM, None),
    ];
    for (errno, text) in cases {
        let cause = Engine::Provided.not_executable(&errno.into());
        let expected = text
            .map(|text| Cause::InvalidEntrypoint(format!("fork/exec /var/task/bootstrap: {text}")));
        assert_eq!(cause, expected, "{errno}");
    }
}

/// `~/bin/node` says that it was installed into `~`.
#[test]
fn a_home_with_an_interpreter_in_it_is_not_shown() {
    let home = Path::new("/users/somebody");
    let engine = Engine::Interpreter(Arc::new(Interpreter {
        language: Language::Node,
        path: home.join("bin/node"),
        version: "22.1.0".into(),
        number: 22,
        folders: vec![home.into()],
        packages: Vec::new(),
    }));
    let parts = ["bin", "lib", "lib64", "pyvenv.cfg"].map(|part| home.join(part));
    assert_eq!(engine.shown(), parts);
}

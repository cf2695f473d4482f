use super::*;

fn touched(folder: &Path, files: &[&str]) {
    for file in files {
        let file = folder.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
}

#[test]
fn of_an_interpreter_programs_and_libraries_are_seen() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let files = [
        "py/bin/python3",
        "py/lib/python3.12/os.py",
        "venv/pyvenv.cfg",
        "venv/lib/x",
        "venv/bin/y",
        "secret",
        "tool/node",
    ];
    touched(&home, &files);
    symlink(home.join("py/bin/python3"), home.join("venv/bin/python")).unwrap();
    let cases: [(&str, &[&str]); 3] = [
        ("py/bin/python3", &["py/bin", "py/lib"]),
        (
            "venv/bin/python",
            &[
                "venv/bin",
                "venv/lib",
                "venv/pyvenv.cfg",
                "py/bin",
                "py/lib",
            ],
        ),
        ("tool/node", &["tool/node"]),
    ];
    for (program, expected) in cases {
        let expected: Vec<PathBuf> = expected.iter().map(|part| home.join(part)).collect();
        assert_eq!(of_interpreter(&home.join(program)), expected, "{program}");
    }
    assert_eq!(
        of_interpreter(Path::new("/usr/bin/env")),
        Vec::<PathBuf>::new()
    );
}

#[test]
fn etc_is_made_for_all_to_read_and_made_again_over_itself() {
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("a/etc");
    for _ in 0..2 {
        make_etc(&etc).unwrap();
    }
    let users = fs::read_to_string(etc.join("passwd")).unwrap();
    assert!(users.contains(&format!(":{USER}:{GROUP}:")), "{users}");
    assert_eq!(etc.join("hosts").exists(), Path::new("/etc/hosts").exists());
    assert!(!etc.join("shadow").exists());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&etc), mode(&etc.join("group"))), (0o755, 0o644));
}

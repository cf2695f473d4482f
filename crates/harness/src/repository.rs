//! Checks on the repository itself: who may depend on whom, and how long things may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 600;
const COLUMNS_MAX: usize = 100;

/// Each crate and the Lockstep crates it may name (architecture: "Directions").
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("json", &[]),
    ("jsonata", &["json"]),
    ("asl", &["json", "jsonata"]),
    ("aws", &["json"]),
    ("store", &[]),
    ("functions", &[]),
    ("outbound", &[]),
    ("engine", &["asl", "json", "store"]),
    ("tasks", &["aws", "engine", "json"]),
    (
        "services",
        &[
            "asl",
            "aws",
            "engine",
            "functions",
            "json",
            "outbound",
            "store",
        ],
    ),
    (
        "server",
        &[
            "asl",
            "aws",
            "engine",
            "functions",
            "json",
            "outbound",
            "services",
            "store",
            "tasks",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files git tracks or would track, relative to the root.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("git lists the files of the checkout");
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let files: Vec<PathBuf> = names
        .split('\0')
        .filter(|n| !n.is_empty())
        .map(Into::into)
        .collect();
    assert!(
        files.len() > 20,
        "the checkout has files; git said {files:?}"
    );
    files
}

fn read(file: &Path) -> Option<String> {
    fs::read(root().join(file))
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
}

fn is_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests")
        || file
            .file_stem()
            .is_some_and(|stem| stem == "tests" || stem == "repository")
}

fn has_extension(file: &Path, extensions: &[&str]) -> bool {
    file.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| extensions.contains(&e))
}

fn report(problems: &[String]) {
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[test]
fn crates_depend_only_downwards() {
    let allowed: BTreeMap<_, _> = DIRECTIONS.iter().copied().collect();
    let ours: Vec<&str> = allowed.keys().copied().collect();
    let mut problems = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let manifest = fs::read_to_string(root().join("crates").join(&name).join("Cargo.toml"));
        let manifest = manifest.unwrap();
        if name == "harness" {
            continue;
        }
        let Some(allowed) = allowed.get(name.as_str()) else {
            problems.push(format!(
                "crate `{name}` has no row in the table of directions"
            ));
            continue;
        };
        for line in manifest.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if ours.contains(&dependency) && !allowed.contains(&dependency) {
                problems.push(format!("`{name}` must not depend on `{dependency}`"));
            }
        }
    }
    report(&problems);
}

#[test]
fn source_files_stay_readable() {
    let mut problems = Vec::new();
    for file in files()
        .iter()
        .filter(|f| has_extension(f, &["rs", "py", "ts", "tsx"]))
    {
        let Some(text) = read(file) else { continue };
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX && !is_test(file) {
            problems.push(format!(
                "{}: {lines} lines, at most {FILE_LINES_MAX}",
                file.display()
            ));
        }
        for (number, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX && !is_test(file) {
                let place = format!("{}:{}", file.display(), number + 1);
                problems.push(format!("{place}: {columns} columns, at most {COLUMNS_MAX}"));
            }
        }
    }
    report(&problems);
}

#[test]
fn no_machine_paths_and_no_leftovers() {
    // Written in two parts, so that this file does not name what it looks for.
    let forbidden: Vec<String> = [
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/home", "/"),
        ("TO", "DO"),
        ("FIX", "ME"),
        ("dbg", "!("),
        ("#[ign", "ore"),
        ("unimpl", "emented!("),
    ]
    .iter()
    .map(|(a, b)| format!("{a}{b}"))
    .collect();
    let mut problems = Vec::new();
    for file in files() {
        if has_extension(&file, &["lock", "png"]) || file.starts_with("models") {
            continue;
        }
        let Some(text) = read(&file) else { continue };
        for (number, line) in text.lines().enumerate() {
            for word in forbidden.iter().filter(|word| line.contains(word.as_str())) {
                problems.push(format!("{}:{}: `{word}`", file.display(), number + 1));
            }
        }
    }
    report(&problems);
}

#[test]
fn tests_lie_beside_their_module() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|f| has_extension(f, &["rs"])) {
        if file
            .components()
            .nth(2)
            .is_some_and(|part| part.as_os_str() == "tests")
        {
            problems.push(format!("{}: one test binary per crate", file.display()));
        }
    }
    report(&problems);
}

/// Building what nobody uses takes everybody's time.
#[test]
fn every_dependency_is_used() {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        let own = path.strip_prefix(root()).unwrap().to_owned();
        let sources = files().into_iter().filter(|file| {
            file.starts_with(&own) && has_extension(file, &["rs"]) && root().join(file).exists()
        });
        let source: String = sources.filter_map(|file| read(&file)).collect();
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
        for dependency in dependencies(&manifest) {
            // `md-5` is `md5` to the compiler.
            let is_used = ["_", ""].iter().any(|dash| {
                let module = dependency.replace('-', dash);
                source.contains(&format!("{module}::"))
            });
            if !is_used {
                problems.push(format!("{}: `{dependency}` is not used", own.display()));
            }
        }
    }
    report(&problems);
}

/// The names in the sections of dependencies of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut is_inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_inside = line.ends_with("dependencies]");
        } else if is_inside && !line.starts_with('#') && line.contains('=') {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn every_crate_takes_the_lints() {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
        if !manifest.contains("[lints]\nworkspace = true") {
            problems.push(format!("{}: no workspace lints", path.display()));
        }
        if !path.join("clippy.toml").exists() {
            problems.push(format!("{}: no clippy.toml", path.display()));
        }
    }
    report(&problems);
}

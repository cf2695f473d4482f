use super::*;

fn counts(entries: &[(&str, u64)]) -> Counts {
    entries
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn rises_above_the_bound_are_problems() {
    let check = |known: &[(&str, u64)], counted: &[(&str, u64)], expected: &[&str]| {
        let problems = compare(&counts(known), &counts(counted));
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, part) in problems.iter().zip(expected) {
            assert!(problem.contains(part), "{problem}");
        }
    };
    check(&[("a", 1_000)], &[("a", 1_050)], &[]);
    check(
        &[("a", 1_000)],
        &[("a", 1_051)],
        &["rose from 1000 to 1051"],
    );
    check(&[("a", 100)], &[("a", 120)], &[]);
    check(&[("a", 1_000)], &[("a", 10)], &[]);
    check(&[], &[("a", 10)], &["not in the file"]);
    check(&[("a", 10)], &[], &["not counted"]);
}

#[test]
fn the_file_is_read_as_it_is_written() {
    let counts = counts(&[
        ("json-parse", 1),
        ("a-name-that-is-longer-than-its-column", 12_345),
    ]);
    assert_eq!(parse_file(&file_text(&counts)).unwrap(), counts);
    assert!(parse_file("nonsense").is_err());
    assert!(parse_file("name x").is_err());
}

#[test]
fn every_path_runs() {
    for path in paths::PATHS {
        (path.run)(2).unwrap_or_else(|error| panic!("{}: {error:#}", path.name));
    }
}

#[test]
fn the_file_names_every_path() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/instructions.txt");
    let known = read_file(&file).unwrap();
    let names: std::collections::BTreeSet<&str> =
        paths::PATHS.iter().map(|path| path.name).collect();
    assert_eq!(
        known
            .keys()
            .map(String::as_str)
            .collect::<std::collections::BTreeSet<_>>(),
        names
    );
}

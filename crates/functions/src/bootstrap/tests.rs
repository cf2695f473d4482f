use super::*;

#[test]
fn the_files_of_this_build_replace_older_ones() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("python.py"), "old").unwrap();
    let bootstraps = Bootstraps::new(folder.path()).unwrap();
    for (language, name) in [
        (Language::Python, "python.py"),
        (Language::Node, "node.mjs"),
    ] {
        let arguments = Bootstraps::arguments(language, bootstraps.folder());
        let file = Path::new(arguments.last().unwrap());
        assert!(file.is_absolute() && file.ends_with(name));
        assert!(
            std::fs::read_to_string(file)
                .unwrap()
                .contains("Lambda Runtime API")
        );
    }
}

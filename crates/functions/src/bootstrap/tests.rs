use super::*;

#[test]
fn the_files_of_this_build_replace_older_ones() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(PYTHON), "old").unwrap();
    let bootstraps = Bootstraps::new(folder.path()).unwrap();
    assert!(bootstraps.folder().is_absolute());
    for name in [PYTHON, NODE] {
        let text = std::fs::read_to_string(bootstraps.folder().join(name)).unwrap();
        assert!(text.contains("Lambda Runtime API"), "{name}");
    }
}

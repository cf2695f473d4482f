use store::blobs::MemoryBlobs;

use super::*;

/// One pass over documents that name these.
fn pass(packages: &Packages, named: &[Digest]) -> usize {
    packages.begin_pass();
    packages.end_pass(&named.iter().copied().collect()).unwrap()
}

#[test]
fn a_package_goes_when_nothing_named_it_for_two_passes() {
    let packages = Packages::new(Arc::new(MemoryBlobs::default()));
    let has = |digest| packages.get(digest).unwrap().is_some();
    let (kept, gone) = (
        packages.put(b"kept").unwrap(),
        packages.put(b"gone").unwrap(),
    );
    // Put a moment ago: their documents may be on their way.
    assert_eq!(pass(&packages, &[]), 0);
    assert_eq!(pass(&packages, &[kept, gone]), 0);
    // Named in the pass before.
    assert_eq!(pass(&packages, &[kept]), 0);
    assert!(has(kept) && has(gone));
    assert_eq!(pass(&packages, &[kept]), 1);
    assert!(has(kept) && !has(gone));
    assert_eq!(pass(&packages, &[kept]), 0);
}

#[test]
fn a_package_that_is_put_again_stays() {
    let packages = Packages::new(Arc::new(MemoryBlobs::default()));
    let digest = packages.put(b"code").unwrap();
    for _ in 0..2 {
        assert_eq!(pass(&packages, &[digest]), 0);
    }
    assert_eq!(pass(&packages, &[]), 0);
    // While the next pass is under way, and its documents are read already.
    packages.begin_pass();
    packages.put(b"code").unwrap();
    assert_eq!(packages.end_pass(&BTreeSet::new()).unwrap(), 0);
    // The document may have come too late for that pass, and too late for the beginning of this.
    assert_eq!(pass(&packages, &[]), 0);
    assert_eq!(pass(&packages, &[]), 1);
    // What was deleted is written anew.
    packages.put(b"code").unwrap();
    assert!(packages.get(digest).unwrap().is_some());
}

use super::*;

fn check(blobs: &dyn Blobs) {
    let list = || {
        let mut digests = blobs.list().unwrap();
        digests.sort_unstable();
        digests
    };
    assert_eq!(list(), []);
    let hello = blobs.put(b"hello").unwrap();
    assert_eq!(
        hello.to_string(),
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
    assert_eq!(blobs.put(b"hello").unwrap(), hello);
    assert_eq!(
        blobs.get(hello).unwrap().as_deref(),
        Some(b"hello".as_slice())
    );
    assert!(blobs.contains(hello).unwrap());

    let large = vec![7; 3 << 20];
    let digest = blobs.put(&large).unwrap();
    assert_eq!(blobs.get(digest).unwrap(), Some(large));
    let mut both = [hello, digest];
    both.sort_unstable();
    assert_eq!(list(), both);

    let other = Digest::of(b"never put");
    assert_eq!(blobs.get(other).unwrap(), None);
    assert!(!blobs.contains(other).unwrap());
    blobs.delete(other).unwrap();

    blobs.delete(hello).unwrap();
    assert_eq!(blobs.get(hello).unwrap(), None);
    assert!(!blobs.contains(hello).unwrap());
    assert!(blobs.contains(digest).unwrap());
    assert_eq!(list(), [digest]);
}

#[test]
fn both_forms_keep_blobs() {
    check(&MemoryBlobs::default());
    let folder = tempfile::tempdir().unwrap();
    check(&LocalBlobs::open(&folder.path().join("blobs")).unwrap());
}

#[test]
fn files_survive_and_what_is_unfinished_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = LocalBlobs::open(folder.path()).unwrap();
    let digest = blobs.put(b"code").unwrap();
    fs::write(blobs.unfinished().join("0"), b"half").unwrap();
    // Nor is what lies in the folder and is no blob.
    fs::write(folder.path().join("note"), b"x").unwrap();
    let (neighbours, _) = blobs.place(digest);
    fs::write(neighbours.join("note"), b"x").unwrap();
    assert_eq!(blobs.list().unwrap(), [digest]);
    drop(blobs);

    let blobs = LocalBlobs::open(folder.path()).unwrap();
    assert_eq!(
        blobs.get(digest).unwrap().as_deref(),
        Some(b"code".as_slice())
    );
    assert_eq!(fs::read_dir(blobs.unfinished()).unwrap().count(), 0);
}

#[test]
fn a_changed_blob_is_refused_and_healed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = LocalBlobs::open(folder.path()).unwrap();
    let digest = blobs.put(b"code").unwrap();
    let (_, file) = blobs.place(digest);
    fs::write(&file, b"c0de").unwrap();
    let error = blobs.get(digest).unwrap_err().to_string();
    assert!(
        error.contains(file.to_str().unwrap()) && error.contains("digest"),
        "{error}"
    );
    assert_eq!(blobs.put(b"code").unwrap(), digest);
    assert_eq!(
        blobs.get(digest).unwrap().as_deref(),
        Some(b"code".as_slice())
    );
}

#[test]
fn a_digest_is_read_as_it_is_shown() {
    let digest = Digest::of(b"x");
    assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    for text in ["", "12", "zz", &"g".repeat(64), &"0".repeat(66)] {
        let error = text.parse::<Digest>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}`")), "{error}");
    }
}

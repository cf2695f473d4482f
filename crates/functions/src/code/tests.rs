use std::sync::atomic::AtomicUsize;

use super::*;
use crate::package::check_zip;
use crate::pool::tests::zipped;

/// A package of one file, and how often it was read.
fn package(text: &str) -> (CodeRef, Arc<AtomicUsize>) {
    let zip = zipped(&[("f.py", text)]);
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let sha256 = check_zip(&zip).unwrap().sha256;
    let load = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(zip.clone())
    };
    (
        CodeRef {
            sha256,
            load: Arc::new(load),
        },
        reads,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_unpacked_once_and_a_failure_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(CodeStore::new(&folder.path().join("code")).unwrap());
    let (code, reads) = package("x = 1");
    let gets: Vec<_> = (0..8)
        .map(|_| {
            let (store, code) = (Arc::clone(&store), code.clone());
            tokio::spawn(async move { store.get(&code).await.unwrap() })
        })
        .collect();
    for get in gets {
        let found = get.await.unwrap();
        assert_eq!(
            fs::read_to_string(found.folder().join("f.py")).unwrap(),
            "x = 1"
        );
    }
    assert_eq!(reads.load(Ordering::Relaxed), 1);

    let (mut broken, _) = package("y = 2");
    let working = Arc::clone(&broken.load);
    broken.load = Arc::new(|| Err("not there".into()));
    store.get(&broken).await.unwrap_err();
    broken.load = working;
    store.get(&broken).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_unused_packages_go_and_those_in_use_stay() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("code");
    fs::create_dir_all(root.join("left by an earlier server")).unwrap();
    let store = CodeStore::new(&root).unwrap();
    let in_use = store.get(&package("in use").0).await.unwrap();
    let (first, _) = package("0");
    let unused = store.get(&first).await.unwrap().folder().to_path_buf();
    for number in 1..=FOLDERS_MAX {
        store.get(&package(&number.to_string()).0).await.unwrap();
    }
    assert!(in_use.folder().exists() && !unused.exists());
    assert_eq!(store.folders.lock().len(), FOLDERS_MAX);
    // It comes back when it is wanted again.
    assert!(
        store
            .get(&first)
            .await
            .unwrap()
            .folder()
            .join("f.py")
            .exists()
    );
    assert!(!root.join("left by an earlier server").exists());
}

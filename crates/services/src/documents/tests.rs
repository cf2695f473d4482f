use super::*;
use store::Memory;

fn documents() -> Documents {
    Documents::new(Arc::new(Memory::new()))
}

#[tokio::test]
async fn a_document_is_created_once_changed_and_deleted() {
    let documents = documents();
    assert!(documents.create(Kind::Role, "a/r", &1_u32).await.unwrap());
    assert!(!documents.create(Kind::Role, "a/r", &2_u32).await.unwrap());
    let add = |number: &mut u32| {
        *number += 10;
        Ok::<_, ()>(*number)
    };
    assert_eq!(
        documents.change(Kind::Role, "a/r", add).await.unwrap(),
        Some(Ok(11))
    );
    assert_eq!(
        documents.change(Kind::Role, "a/none", add).await.unwrap(),
        None
    );
    let refuse = |number: &mut u32| {
        *number = 0;
        Err::<(), _>("no")
    };
    assert_eq!(
        documents.change(Kind::Role, "a/r", refuse).await.unwrap(),
        Some(Err("no"))
    );
    let found = documents
        .get::<u32>(Kind::Role, "a/r")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.body, 11);
    assert!(
        !documents
            .delete(Kind::Role, "a/r", found.revision + 1)
            .await
            .unwrap()
    );
    assert!(
        documents
            .delete(Kind::Role, "a/r", found.revision)
            .await
            .unwrap()
    );
    assert!(
        documents
            .get::<u32>(Kind::Role, "a/r")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn changes_at_once_are_all_made() {
    let documents = documents();
    documents.create(Kind::Role, "n", &0_u32).await.unwrap();
    let changes = (0..8).map(|_| {
        let documents = documents.clone();
        tokio::spawn(async move {
            let add = |number: &mut u32| {
                *number += 1;
                Ok::<_, ()>(())
            };
            documents.change(Kind::Role, "n", add).await
        })
    });
    for change in changes.collect::<Vec<_>>() {
        assert_eq!(change.await.unwrap().unwrap(), Some(Ok(())));
    }
    assert_eq!(
        documents
            .get::<u32>(Kind::Role, "n")
            .await
            .unwrap()
            .unwrap()
            .body,
        8
    );
}

#[tokio::test]
async fn a_damaged_document_is_named() {
    let store = Arc::new(Memory::new());
    store
        .put_document(Kind::Role, "a/r", b"{", Expected::Any)
        .unwrap();
    let error = Documents::new(store)
        .get::<u32>(Kind::Role, "a/r")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("`a/r`"), "{error}");
}

#[tokio::test]
async fn lists_are_in_order() {
    let documents = documents();
    for key in ["a/3", "a/1", "b/1", "a/2"] {
        documents
            .create(Kind::Role, key, &key.to_owned())
            .await
            .unwrap();
    }
    let keys = |list: Vec<(String, String)>| list.into_iter().map(|(k, _)| k).collect::<Vec<_>>();
    let all = documents.list(Kind::Role, "a/", None, 10).await.unwrap();
    assert_eq!(keys(all), ["a/1", "a/2", "a/3"]);
    let some = documents
        .list(Kind::Role, "a/", Some("a/1"), 1)
        .await
        .unwrap();
    assert_eq!(keys(some), ["a/2"]);
}

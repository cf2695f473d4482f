use super::*;
use crate::states::arn::Qualifier;
use crate::states::startable::tests::{machine, startable};

fn definition(cache: &Cache, arn: &str) -> Option<u64> {
    cache
        .get(arn)
        .map(|machine| machine.target(|| 0).definition)
}

#[test]
fn what_was_read_before_a_change_is_not_kept() {
    let cache = Arc::new(Cache::default());
    let (current, first) = (None, Some(Qualifier::Version(1)));
    cache.keep(
        cache.age(),
        "a",
        &startable(&machine("a"), current.as_ref()),
    );
    cache.keep(
        cache.age(),
        "a:1",
        &startable(&machine("a"), first.as_ref()),
    );
    cache.keep(
        cache.age(),
        "b",
        &startable(&machine("b"), current.as_ref()),
    );
    assert_eq!(definition(&cache, "a"), Some(13));
    assert_eq!(definition(&cache, "a:1"), Some(11));
    let before = cache.age();
    drop(cache.forget_afterwards("a"));
    cache.keep(before, "a", &startable(&machine("a"), current.as_ref()));
    assert_eq!(definition(&cache, "a"), None);
    assert_eq!(definition(&cache, "a:1"), None);
    assert_eq!(definition(&cache, "b"), Some(13));
    cache.keep(
        cache.age(),
        "a",
        &startable(&machine("a"), current.as_ref()),
    );
    assert_eq!(definition(&cache, "a"), Some(13));
}

#[test]
fn it_stays_within_its_bound() {
    let cache = Cache::default();
    for number in 0..=MACHINES_MAX {
        let arn = number.to_string();
        cache.keep(cache.age(), &arn, &startable(&machine(&arn), None));
    }
    assert!(cache.machines.read().by_arn.len() <= MACHINES_MAX);
    assert!(cache.get(&MACHINES_MAX.to_string()).is_some());
}

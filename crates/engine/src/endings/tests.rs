use futures_util::FutureExt as _;

use super::*;

#[test]
fn an_end_is_told_to_those_who_wait_for_it() {
    let endings = Endings::default();
    let (one, other) = (Text::from("one"), Text::from("other"));
    let mut first = endings.subscribe(&one);
    let mut second = endings.subscribe(&one);
    let mut third = endings.subscribe(&other);
    let left = endings.subscribe(&one);
    assert_eq!((&mut first).now_or_never(), None);
    drop(left);
    endings.tell(&one);
    endings.tell(&one);
    assert_eq!((&mut first).now_or_never(), Some(()));
    assert_eq!((&mut second).now_or_never(), Some(()));
    assert_eq!((&mut third).now_or_never(), None);
    drop((first, second));
    assert!(endings.is_awaited());
    drop(third);
    assert!(!endings.is_awaited());
    assert!(endings.shared.waiting.lock().by_arn.is_empty());
}

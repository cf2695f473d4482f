use futures_util::FutureExt as _;

use super::*;

const FIRST: Task = (EntityId(1), 2);
const SECOND: Task = (EntityId(1), 5);
const THIRD: Task = (EntityId(2), 2);

fn arn() -> Text {
    Text::from("arn:aws:states:us-east-1:000000000000:activity:a")
}

fn activities() -> Arc<Activities> {
    Arc::new(Activities::new(2))
}

fn now(poller: &mut Poller) -> Option<Result<Task, Closed>> {
    poller.next().now_or_never()
}

#[test]
fn tasks_are_taken_in_the_order_in_which_they_came() {
    let activities = activities();
    for task in [THIRD, FIRST, SECOND, FIRST] {
        activities.offer(&arn(), task);
    }
    activities.offer(&Text::from("another"), (EntityId(9), 9));
    assert_eq!(activities.len(), 4);
    assert_eq!(activities.take(&arn()), Some(THIRD));
    activities.put_back(&arn(), THIRD);
    activities.withdraw(FIRST);
    activities.withdraw(FIRST);
    assert_eq!(activities.take(&arn()), Some(THIRD));
    assert_eq!(activities.take(&arn()), Some(SECOND));
    assert_eq!(activities.take(&arn()), None);
    activities.withdraw((EntityId(9), 9));
    assert!(activities.state.lock().queues.is_empty());
}

#[test]
fn who_polled_first_is_served_first() {
    let activities = activities();
    let mut first = activities.poll(&arn()).unwrap();
    let mut second = activities.poll(&arn()).unwrap();
    assert!(activities.poll(&arn()).is_none(), "two may poll");
    assert!(activities.poll(&Text::from("another")).is_some());
    assert_eq!((now(&mut second), now(&mut first)), (None, None));
    activities.offer(&arn(), FIRST);
    assert_eq!(now(&mut second), None);
    assert_eq!(now(&mut first), Some(Ok(FIRST)));
    assert_eq!(now(&mut first), Some(Ok(FIRST)), "it holds it");
    first.let_go();
    activities.offer(&arn(), SECOND);
    assert_eq!(now(&mut second), Some(Ok(SECOND)));
    drop((first, second));
    assert_eq!(activities.take(&arn()), Some(SECOND), "not let go");
    assert!(activities.state.lock().queues.is_empty());
}

/// It leaves before a task came, after one was sent to it, and with one in hand.
#[test]
fn a_poller_that_left_takes_no_task_along() {
    let activities = activities();
    for sent_before in [false, true] {
        let mut leaving = activities.poll(&arn()).unwrap();
        assert_eq!(now(&mut leaving), None);
        if sent_before {
            activities.offer(&arn(), FIRST);
            activities.offer(&arn(), SECOND);
        }
        drop(leaving);
        if !sent_before {
            activities.offer(&arn(), FIRST);
            activities.offer(&arn(), SECOND);
        }
        let mut leaving = activities.poll(&arn()).unwrap();
        assert_eq!(now(&mut leaving), Some(Ok(FIRST)));
        drop(leaving);
        assert_eq!(activities.take(&arn()), Some(FIRST));
        assert_eq!(activities.take(&arn()), Some(SECOND));
    }
}

#[test]
fn who_waits_for_what_is_deleted_or_closed_is_told() {
    let activities = activities();
    let mut poller = activities.poll(&arn()).unwrap();
    assert_eq!(now(&mut poller), None);
    activities.delete(&arn());
    assert_eq!(now(&mut poller), Some(Err(Closed)));
    assert_eq!(now(&mut poller), None, "it may be made again");
    activities.offer(&arn(), FIRST);
    assert_eq!(now(&mut poller), Some(Ok(FIRST)));
    poller.let_go();
    assert_eq!(now(&mut poller), None);
    activities.close();
    assert_eq!(now(&mut poller), Some(Err(Closed)));
    assert_eq!(now(&mut poller), Some(Err(Closed)));
}

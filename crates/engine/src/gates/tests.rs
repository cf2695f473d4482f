use super::*;

fn machine() -> Text {
    Text::from("M")
}

fn ids(numbers: &[u64]) -> Vec<EntityId> {
    numbers.iter().copied().map(EntityId).collect()
}

fn filled(limit: Option<u32>, running: &[u64], queued: &[u64]) -> (Gates, Vec<EntityId>) {
    let gates = Gates::default();
    assert!(!gates.is_ready(&machine()));
    let standing = Standing {
        limit,
        running: ids(running),
        queued: ids(queued),
    };
    let admitted = gates.fill(&machine(), standing).unwrap();
    (gates, admitted)
}

fn sets(gates: &Gates) -> Option<(usize, Vec<EntityId>)> {
    let view = gates.view(&machine(), 10)?;
    assert_eq!(view.queued, view.first.len());
    Some((view.running, view.first))
}

/// What came and went is told by its effect on the gate: running, and queued in order.
#[test]
fn a_gate_lets_in_as_many_as_the_limit_says_oldest_first() {
    let (gates, admitted) = filled(Some(2), &[1], &[5, 4, 3]);
    assert_eq!(admitted, ids(&[3]));
    assert_eq!(sets(&gates), Some((2, ids(&[4, 5]))));
    assert_eq!(gates.enter(&machine(), EntityId(9)), Turn::Later);
    // Older than those that wait: redriven.
    assert_eq!(gates.enter(&machine(), EntityId(2)), Turn::Later);
    assert_eq!(gates.enter(&machine(), EntityId(3)), Turn::Now);
    assert_eq!(gates.leave(&machine(), EntityId(1)), ids(&[2]));
    assert_eq!(gates.leave(&machine(), EntityId(4)), ids(&[]));
    assert_eq!(gates.leave(&machine(), EntityId(4)), ids(&[]));
    assert_eq!(sets(&gates), Some((2, ids(&[5, 9]))));
    assert_eq!(gates.forget(EntityId(3)), ids(&[5]));
    assert_eq!(gates.leave(&Text::from("N"), EntityId(2)), ids(&[]));
}

#[test]
fn nobody_overtakes_those_that_wait() {
    let (gates, _) = filled(Some(1), &[1], &[2]);
    assert_eq!(gates.set_limit(&machine(), Some(0)), ids(&[]));
    assert_eq!(gates.leave(&machine(), EntityId(1)), ids(&[]));
    assert_eq!(gates.enter(&machine(), EntityId(3)), Turn::Later);
    assert_eq!(gates.set_limit(&machine(), Some(1)), ids(&[2]));
    assert_eq!(sets(&gates), Some((1, ids(&[3]))));
}

#[test]
fn a_new_limit_lets_in_or_holds_back_and_none_lets_all_in() {
    let (gates, _) = filled(Some(3), &[1, 2, 3], &[4, 5, 6]);
    assert_eq!(gates.set_limit(&machine(), Some(4)), ids(&[4]));
    assert_eq!(gates.set_limit(&machine(), Some(1)), ids(&[]));
    assert_eq!(gates.leave(&machine(), EntityId(1)), ids(&[]));
    assert_eq!(sets(&gates), Some((3, ids(&[5, 6]))));
    assert_eq!(gates.set_limit(&machine(), None), ids(&[5, 6]));
    assert!(!gates.are_used());
    assert_eq!(gates.enter(&machine(), EntityId(7)), Turn::Now);
    assert_eq!(gates.set_limit(&machine(), Some(1)), ids(&[]));
    assert!(!gates.are_used(), "it is set up when it is needed");
}

#[test]
fn a_machine_without_a_limit_needs_no_gate() {
    let (gates, admitted) = filled(None, &[1], &[2, 3]);
    assert_eq!(admitted, ids(&[2, 3]));
    assert!(!gates.are_used());
    assert_eq!(sets(&gates), None);
}

#[test]
fn what_happens_while_the_rows_are_read_counts() {
    let gates = Gates::default();
    assert!(!gates.is_ready(&machine()) && !gates.is_ready(&machine()));
    assert!(gates.are_used());
    gates.leave(&machine(), EntityId(1));
    gates.note_running(&machine(), EntityId(7));
    gates.note_running(&machine(), EntityId(8));
    gates.leave(&machine(), EntityId(8));
    gates.leave(&machine(), EntityId(3));
    assert_eq!(gates.set_limit(&machine(), Some(2)), ids(&[]));
    let standing = || Standing {
        limit: Some(100),
        running: ids(&[1, 2, 8]),
        queued: ids(&[3, 4]),
    };
    assert_eq!(gates.fill(&machine(), standing()), Some(ids(&[])));
    assert_eq!(sets(&gates), Some((2, ids(&[4]))));
    // The other thread that read the rows comes later.
    assert_eq!(gates.fill(&machine(), standing()), Some(ids(&[])));
    assert_eq!(sets(&gates), Some((2, ids(&[4]))));
    assert!(gates.is_ready(&machine()));
}

#[test]
fn rows_that_come_too_late_are_read_again() {
    let gates = Gates::default();
    assert!(!gates.is_ready(&machine()));
    gates.give_up(&machine());
    assert!(!gates.are_used());
    assert_eq!(gates.fill(&machine(), Standing::default()), None);
    let (gates, _) = filled(Some(1), &[], &[]);
    gates.give_up(&machine());
    assert!(gates.is_ready(&machine()));
}

#[test]
fn those_that_did_not_go_through_the_gate_count() {
    let (gates, _) = filled(Some(2), &[1], &[]);
    gates.note_running(&machine(), EntityId(2));
    assert_eq!(gates.enter(&machine(), EntityId(3)), Turn::Later);
    // It is known to wait.
    gates.note_running(&machine(), EntityId(3));
    assert_eq!(sets(&gates), Some((2, ids(&[3]))));
}

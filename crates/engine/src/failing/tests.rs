use store::ShardId;

use super::*;

/// One step: what happens at this second, and what the log is told.
enum Step {
    Waits(u64),
    Fails(i64, Option<usize>),
    Over(Option<usize>),
}

#[test]
fn the_log_is_told_of_the_beginning_now_and_then_and_of_the_end() {
    use Step::{Fails, Over, Waits};
    let check = |steps: &[Step]| {
        let mut failing = Failing::default();
        for (at, step) in steps.iter().enumerate() {
            match step {
                Waits(number) => failing.waits(EntityId::new(*number, ShardId(0))),
                Fails(second, told) => {
                    let now = Timestamp(second * 1_000);
                    assert_eq!(failing.fails(now), *told, "step {at}");
                }
                Over(told) => assert_eq!(failing.is_over(), *told, "step {at}"),
            }
        }
    };
    check(&[Over(None)]);
    check(&[Fails(0, Some(0)), Over(Some(0)), Over(None)]);
    // Many failures and retries of the same executions.
    check(&[
        Fails(0, Some(0)),
        Waits(1),
        Fails(0, None),
        Waits(2),
        Waits(1),
        Fails(29, None),
        Fails(30, Some(2)),
        Fails(31, None),
        Waits(3),
        Over(Some(3)),
        Over(None),
    ]);
    // On and off: what the log was not told of does not end in it either.
    check(&[
        Fails(0, Some(0)),
        Over(Some(0)),
        Waits(1),
        Fails(1, None),
        Over(None),
        Fails(40, Some(0)),
    ]);
    // The clock was set back.
    check(&[Fails(100, Some(0)), Fails(50, Some(0)), Fails(51, None)]);
}

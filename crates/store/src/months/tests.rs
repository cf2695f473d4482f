use super::*;

const JANUARY: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z
const DAY: i64 = 86_400_000;

#[test]
fn a_time_has_a_month() {
    let check = |time_ms, month| assert_eq!(month_of(time_ms), month, "{time_ms}");
    check(0, 197_001);
    check(-1, 196_912);
    check(JANUARY, 202_601);
    check(JANUARY - 1, 202_512);
    check(JANUARY + 31 * DAY - 1, 202_601);
    check(JANUARY + 31 * DAY, 202_602);
    check(951_782_400_000, 200_002); // 2000-02-29
    check(951_868_800_000, 200_003);
    check(1_709_164_800_000, 202_402); // 2024-02-29
    check(4_107_456_000_000, 210_002); // 2100-02-28, no leap day follows
    check(4_107_542_400_000, 210_003);
    check(i64::MIN, 0);
}

#[test]
fn an_entity_keeps_its_month() {
    let mut months = Months::default();
    assert_eq!(months.of(EntityId(5)), None);
    assert_eq!(
        months.begin(EntityId(70), JANUARY, None),
        Some((EntityId(0), 202_601))
    );
    assert_eq!(months.of(EntityId(1)), Some(202_601));
    assert_eq!(
        months.begin(EntityId(130), JANUARY + DAY, Some(EntityId(70))),
        None
    );

    // The execution that begins February has a lower number than one of January has.
    let began = months.begin(EntityId(129), JANUARY + 31 * DAY, Some(EntityId(130)));
    assert_eq!(began, Some((EntityId(131), 202_602)));
    assert_eq!(months.of(EntityId(129)), Some(202_601));
    assert_eq!(months.of(EntityId(131)), Some(202_602));

    // A clock that goes back begins nothing; the entity counts to the latest month.
    assert_eq!(
        months.begin(EntityId(200), JANUARY, Some(EntityId(130))),
        None
    );
    assert_eq!(months.of(EntityId(200)), Some(202_602));

    assert_eq!(
        months
            .begin(EntityId(300), JANUARY + 60 * DAY, Some(EntityId(200)))
            .unwrap()
            .1,
        202_603
    );
    let closed: Vec<_> = months.closed().collect();
    assert_eq!(
        closed,
        [
            (202_601, EntityId(0), EntityId(131)),
            (202_602, EntityId(131), EntityId(300)),
        ]
    );
    months.remove(202_601);
    assert_eq!(months.of(EntityId(1)), Some(202_602));
    assert_eq!(months.closed().count(), 1);
}

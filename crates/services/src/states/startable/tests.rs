use asl::time::Timestamp;

use super::*;
use crate::states::aliases::Routing;
use crate::states::machine::Publication;

/// A machine with three versions, the third of them current.
pub(crate) fn machine(arn: &str) -> StateMachine {
    let mut machine = StateMachine {
        name: "m".to_owned(),
        arn: arn.to_owned(),
        created_ms: 0,
        is_express: false,
        created_with: Publication::default(),
        definition: 0,
        role_arn: "role".to_owned(),
        revision_id: None,
        versions: Vec::new(),
        versions_published: 0,
        aliases: Vec::new(),
        aliases_created: 0,
        tags: Vec::new(),
        is_deleting: false,
    };
    for definition in 11..=13 {
        machine.definition = definition;
        machine.publish(None, Timestamp(0), 1_000).unwrap();
    }
    machine
}

fn with_alias(shares: &[(u32, u32)]) -> StateMachine {
    let mut machine = machine("arn");
    let share = |&(version, weight): &(u32, u32)| Share { version, weight };
    machine.aliases.push(Alias {
        number: 1,
        name: "live".to_owned(),
        description: None,
        routing: Routing(shares.iter().map(share).collect()),
        created_ms: 0,
        updated_ms: 0,
    });
    machine
}

fn live() -> Qualifier {
    Qualifier::Alias("live".to_owned())
}

#[test]
fn a_qualifier_chooses_the_revision() {
    let machine = with_alias(&[(2, 100)]);
    let check = |qualifier: Option<Qualifier>,
                 expected: Option<(u64, Option<&str>, Option<&str>)>| {
        let startable = Startable::of(&machine, qualifier.as_ref());
        let found = startable.as_ref().map(|startable| {
            let target = startable.target(|| 99);
            let (version, alias) = (&target.version_arn, &startable.alias_arn);
            (target.definition, version.as_deref(), alias.as_deref())
        });
        assert_eq!(found, expected, "{qualifier:?}");
    };
    check(None, Some((13, None, None)));
    check(Some(Qualifier::Version(1)), Some((11, Some("arn:1"), None)));
    check(Some(live()), Some((12, Some("arn:2"), Some("arn:live"))));
    check(Some(Qualifier::Version(4)), None);
    check(Some(Qualifier::Alias("other".to_owned())), None);
}

#[test]
fn an_alias_shares_its_starts_by_weight() {
    let check = |shares: &[(u32, u32)], first: u32| {
        let startable = Startable::of(&with_alias(shares), Some(&live())).unwrap();
        let to_first = |drawn: &u32| {
            let expected = u64::from(shares[0].0) + 10;
            startable.target(|| *drawn).definition == expected
        };
        assert_eq!(
            (0..100).filter(to_first).count(),
            usize::try_from(first).unwrap()
        );
    };
    check(&[(1, 100)], 100);
    check(&[(1, 30), (2, 70)], 30);
    check(&[(2, 99), (1, 1)], 99);
    check(&[(1, 0), (3, 100)], 0);
    check(&[(1, 100), (3, 0)], 100);
}

/// What a machine that has it is started with.
pub(crate) fn startable(machine: &StateMachine, qualifier: Option<&Qualifier>) -> Arc<Startable> {
    Arc::new(Startable::of(machine, qualifier).unwrap())
}

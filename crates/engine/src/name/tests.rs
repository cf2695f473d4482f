use super::*;

#[test]
fn generated_names_hold_their_entity() {
    for entity_number in [0, 1, 63, 64, 4_711, u64::MAX >> 1, u64::MAX] {
        for random in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let name = generate(EntityId(entity_number), random);
            assert_eq!(entity(&name), Some(EntityId(entity_number)), "{name}");
            let uuid = uuid_shape(&name);
            assert!(uuid, "{name}");
        }
    }
}

fn uuid_shape(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && parts[2].starts_with('4')
        && parts[3].starts_with(['8', '9', 'a', 'b'])
}

#[test]
fn other_names_hold_none() {
    for name in ["", "x", "run-1", "00000000-0000-4000-8000-000000000000-"] {
        assert_eq!(entity(name), None, "{name}");
    }
    let name = generate(EntityId(4_711), 42);
    assert_eq!(entity(&name.to_uppercase()), None);
    assert_eq!(entity(&name.replacen("-4", "-5", 1)), None);
    assert_eq!(entity(&name.replace('-', "0")), None);
}

#[test]
fn a_changed_digit_is_noticed_nearly_always() {
    let name = generate(EntityId(123_456), 77);
    let mut missed = 0;
    for at in (0..36).filter(|at| !matches!(at, 8 | 13 | 14 | 18 | 23)) {
        for digit in "0123456789abcdef".chars() {
            let mut changed = name.clone();
            changed.replace_range(at..=at, &digit.to_string());
            missed += u32::from(changed != name && entity(&changed).is_some());
        }
    }
    assert!(missed <= 1, "{missed}");
}

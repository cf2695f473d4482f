//! How many executions of a state machine may run at a time: a limit that AWS does not have. It is
//! a tag, so that every tool that makes state machines can set it unchanged.

use aws::ServiceError;

use super::tags::Tag;

/// The tag that holds the limit, a whole number from 1.
pub(super) const TAG: &str = "lockstep:maxConcurrency";

/// The limit that tags hold; `None` for none.
pub(super) fn limit(tags: &[Tag]) -> Option<u32> {
    let tag = tags.iter().find(|tag| tag.key == TAG)?;
    tag.value.parse().ok().filter(|limit| *limit > 0)
}

/// Refuses tags of a state machine that hold something else than a limit, or the limit of a
/// machine whose executions never wait.
pub(super) fn check(tags: &[Tag], is_express: bool) -> Result<(), ServiceError> {
    let Some(tag) = tags.iter().find(|tag| tag.key == TAG) else {
        return Ok(());
    };
    let message = match (is_express, limit(tags)) {
        (false, Some(_)) => return Ok(()),
        (false, None) => format!(
            "The tag '{TAG}' must be a whole number from 1 to {}: '{}'",
            u32::MAX,
            tag.value
        ),
        (true, _) => format!(
            "The tag '{TAG}' has no effect on Express state machines, whose executions do not \
             wait; leave it out."
        ),
    };
    Err(ServiceError::new("ValidationException", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_from_1() {
        let check = |value: &str, expected| {
            let tags = [Tag {
                key: TAG.to_owned(),
                value: value.to_owned(),
            }];
            assert_eq!(limit(&tags), expected, "{value}");
            assert_eq!(
                super::check(&tags, false).is_ok(),
                expected.is_some(),
                "{value}"
            );
            assert!(super::check(&tags, true).is_err(), "{value}");
        };
        check("1", Some(1));
        check("4294967295", Some(u32::MAX));
        for wrong in ["", "0", "-1", "1.0", " 1", "many", "4294967296"] {
            check(wrong, None);
        }
        assert_eq!(limit(&[]), None);
    }
}

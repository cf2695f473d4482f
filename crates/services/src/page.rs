//! Page tokens of list operations: opaque, bound to the request they were given for, checked.

use asl::time::Timestamp;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// A token is good for this long (Step Functions API: nextToken "expires after 24 hours").
const VALID_MS: i64 = 24 * 60 * 60 * 1000;

/// A token that continues after `position` in the list that `request` asks for. `request` holds
/// everything that must be the same in the next call.
pub fn token(request: &str, position: &str, now: Timestamp) -> String {
    let check = checksum(request, position, now.0);
    BASE64_URL_SAFE_NO_PAD.encode(format!("{check:016x}{:016x}{position}", now.0))
}

/// The position of a token; `None` for one that is malformed, too old, or of another request.
pub fn position(request: &str, token: &str, now: Timestamp) -> Option<String> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let check = u64::from_str_radix(text.get(..16)?, 16).ok()?;
    let made = i64::from_str_radix(text.get(16..32)?, 16).ok()?;
    let position = text.get(32..)?;
    let fresh = (made..=made.saturating_add(VALID_MS)).contains(&now.0);
    (fresh && check == checksum(request, position, made)).then(|| position.to_owned())
}

/// FNV-1a. A token is no secret and grants nothing: this catches mistakes, not attackers, who could
/// ask for the same page without a token.
fn checksum(request: &str, position: &str, made: i64) -> u64 {
    let parts = [request.as_bytes(), &made.to_le_bytes(), position.as_bytes()];
    parts
        .iter()
        .flat_map(|part| part.iter())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_request_within_a_day() {
        let made = Timestamp(1_790_000_000_000);
        let token = token("ListRoles /", "after-this", made);
        let check = |request: &str, token: &str, now: i64, expected: Option<&str>| {
            assert_eq!(
                position(request, token, Timestamp(now)).as_deref(),
                expected
            );
        };
        check("ListRoles /", &token, made.0, Some("after-this"));
        check("ListRoles /", &token, made.0 + VALID_MS, Some("after-this"));
        check("ListRoles /", &token, made.0 + VALID_MS + 1, None);
        check("ListRoles /", &token, made.0 - 1, None);
        check("ListRoles /x", &token, made.0, None);
        check("ListRoles /", &format!("x{token}"), made.0, None);
        check("ListRoles /", "forged", made.0, None);
        check("ListRoles /", "", made.0, None);
    }
}

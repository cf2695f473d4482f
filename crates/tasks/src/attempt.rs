//! Names made from an attempt, so that the same attempt, made again after a crash, makes the same.

use sha2::{Digest, Sha256};
use uuid::Builder;

/// A UUID that stands for the attempt `id` ([`engine::TaskCall::attempt_id`]).
pub(crate) fn uuid(id: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = digest;
    let bytes = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}

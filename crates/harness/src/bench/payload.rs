//! Inputs of a given size that hardly compress, the same ones in every run.

use json::Value;

/// Bits that look random and are the same in every run: splitmix64.
pub(crate) struct Bits(u64);

impl Bits {
    pub(crate) fn new(seed: u64) -> Bits {
        Bits(seed)
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// Appends `len` characters of 64 kinds.
    pub(crate) fn text(&mut self, len: usize, out: &mut String) {
        const KINDS: &[u8; 64] =
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
        let (mut bits, mut left) = (0, 0);
        for _ in 0..len {
            if left == 0 {
                (bits, left) = (self.draw(), 10);
            }
            let kind = usize::try_from(bits % 64).unwrap_or(0);
            out.push(KINDS.get(kind).copied().map_or('0', char::from));
            bits >>= 6;
            left -= 1;
        }
    }
}

/// What stands around the random text of [`order`].
const AROUND: usize = r#"{"id":"","order":{"paid":false,"items":[],"note":""},"step":0}"#.len();
/// One line of an order, without its comma.
const ITEM_BYTES: usize = 128;

/// The text of an order of exactly `bytes` bytes: `id`, `order` with a line for each 128 bytes,
/// `step`. Texts of different seeds have nothing in common but their keys.
pub(crate) fn order(seed: u64, bytes: usize) -> String {
    const ID: usize = 20;
    let mut bits = Bits::new(seed);
    let mut out = String::with_capacity(bytes);
    out.push_str(r#"{"id":""#);
    bits.text(ID, &mut out);
    out.push_str(r#"","order":{"paid":false,"items":["#);
    let free = bytes.saturating_sub(AROUND + ID);
    let items = free.saturating_sub(ITEM_BYTES) / (ITEM_BYTES + 1);
    for item in 0..items {
        if item > 0 {
            out.push(',');
        }
        let begun = out.len();
        out.push_str(r#"{"quantity":"#);
        out.push_str(&(10 + bits.draw() % 90).to_string());
        out.push_str(r#","article":""#);
        let rest = ITEM_BYTES.saturating_sub(out.len() - begun + r#""}"#.len());
        bits.text(rest, &mut out);
        out.push_str(r#""}"#);
    }
    out.push_str(r#"],"note":""#);
    let used = items * ITEM_BYTES + items.saturating_sub(1);
    bits.text(free.saturating_sub(used), &mut out);
    out.push_str(r#""},"step":0}"#);
    out
}

/// [`order`] as a value, its text checked and not looked into: as the server has it.
///
/// # Errors
/// None that a text of `order` causes.
pub(crate) fn order_value(seed: u64, bytes: usize) -> Result<Value, json::ParseError> {
    json::parse_lazy(order(seed, bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_have_the_size_asked_for() {
        for bytes in [256, 1_024, 4_000, 200 << 10] {
            let text = order(7, bytes);
            assert_eq!(text.len(), bytes);
            assert_eq!(
                json::parse(&text).unwrap().size(),
                bytes,
                "it is compact JSON"
            );
        }
        assert_eq!(order(1, 1_024), order(1, 1_024));
        assert_ne!(order(1, 1_024), order(2, 1_024));
    }
}

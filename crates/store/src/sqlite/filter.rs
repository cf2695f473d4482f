//! A Bloom filter in blocks of one cache line: says of most hashes that they aren't in a set.

/// Bits per hash: with seven of them set in one block, about 1 in 150 absent hashes passes.
const BITS_PER_HASH: usize = 12;

const BLOCK_BYTES: usize = 64;

/// Which hashes a set may hold. Its bytes are part of the stored format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    blocks: Vec<[u8; BLOCK_BYTES]>,
}

impl Filter {
    /// An empty filter for about `hashes` hashes.
    pub(super) fn new(hashes: usize) -> Filter {
        let blocks = (hashes * BITS_PER_HASH).div_ceil(BLOCK_BYTES * 8).max(1);
        Filter {
            blocks: vec![[0; BLOCK_BYTES]; blocks],
        }
    }

    /// The filter with these bytes; `None` if a filter never has so many.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Filter> {
        let (blocks, rest) = bytes.as_chunks();
        (rest.is_empty() && !blocks.is_empty()).then(|| Filter {
            blocks: blocks.to_vec(),
        })
    }

    /// What `from_bytes` reads.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.blocks.as_flattened()
    }

    /// Adds a hash.
    pub(super) fn insert(&mut self, hash: u64) {
        let place = self.block_of(hash);
        let Some(block) = self.blocks.get_mut(place) else {
            return;
        };
        for (byte, bit) in bits(hash) {
            if let Some(byte) = block.get_mut(byte) {
                *byte |= bit;
            }
        }
    }

    /// Whether the hash may have been added; never false when it was.
    pub(super) fn may_contain(&self, hash: u64) -> bool {
        let Some(block) = self.blocks.get(self.block_of(hash)) else {
            return true;
        };
        bits(hash).all(|(byte, bit)| block.get(byte).is_none_or(|byte| byte & bit != 0))
    }

    fn block_of(&self, hash: u64) -> usize {
        // Maps the hash to 0..blocks by its high half, without a division.
        let place = (u128::from(hash) * self.blocks.len() as u128) >> 64;
        usize::try_from(place).unwrap_or(0)
    }
}

/// The seven bits of a hash in its block, nine bits of a second hash for each: byte and mask.
fn bits(hash: u64) -> impl Iterator<Item = (usize, u8)> {
    let mixed = super::names::mix(hash ^ 0x9e37_79b9_7f4a_7c15);
    (0..7).map(move |number| {
        let bit = (mixed >> (number * 9)) & 0x1ff;
        (usize::try_from(bit / 8).unwrap_or(0), 1 << (bit % 8))
    })
}

#[cfg(test)]
mod tests;

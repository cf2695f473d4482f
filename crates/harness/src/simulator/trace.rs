//! What happened, in words, and the hash by which two runs of one seed are compared.

/// Lines of the tail that a failure prints.
const TAIL: usize = 80;

#[derive(Default)]
pub(super) struct Trace {
    lines: Vec<String>,
    hash: u64,
}

impl Trace {
    pub(super) fn note(&mut self, now: u64, text: &str) {
        self.hash = mix(self.hash ^ hash(text.as_bytes()) ^ now);
        self.lines.push(format!("{now:>9} {text}"));
    }

    /// Of every line.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    pub(super) fn tail(&self) -> String {
        let from = self.lines.len().saturating_sub(TAIL);
        self.lines[from..].join("\n")
    }
}

/// FNV-1a.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn mix(bits: u64) -> u64 {
    (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

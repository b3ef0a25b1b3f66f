//! Randomness for tests: the same every time.

use super::Entropy;

/// `SplitMix64`: different bytes at every call, the same for the same seed.
pub(crate) struct Seeded(pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            [*byte, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
        }
    }
}

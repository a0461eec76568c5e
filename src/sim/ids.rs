//! Seeded choice: the same seed gives the same ids, hashes and content in every run.
//!
//! Everything is derived from the seed and a name or a number; no state is kept between calls.

use sha2::{Digest, Sha256};

use super::clock::{SECOND, Ticks};

/// Scrambles 64 bits (the SplitMix64 finaliser).
pub fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A stream of seeded choices for one thing (an alert, a machine), cheap enough to make on every rendering.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice of number `n` of a kind of thing.
    pub fn of(seed: u64, kind: u64, n: u64) -> Self {
        Self(mix(seed ^ mix(kind.wrapping_mul(0x1_0000_0001) ^ mix(n))))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n` (0 when `n` is 0).
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.next() % n }
    }

    /// An index below `n`.
    pub fn index(&mut self, n: usize) -> usize {
        self.below(n as u64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of a list, which must not be empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.index(list.len())]
    }

    /// 128 bits.
    pub fn wide(&mut self) -> u128 {
        (u128::from(self.next()) << 64) | u128::from(self.next())
    }
}

/// The part of a second at which something called `name` happens: clocks of services do not strike together.
pub fn fraction(seed: u64, name: &str) -> Ticks {
    let bytes = digest(seed, &format!("fraction {name}"));
    let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    i64::from(number) % SECOND
}

/// 32 bytes that belong to a seed and a name.
fn digest(seed: u64, name: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.finalize().into()
}

/// Lower-case hexadecimal text of bytes.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
            let _ = write!(out, "{b:02x}");
            out
        })
}

/// The SHA-256 of the file called `name`.
pub fn sha256(seed: u64, name: &str) -> String {
    hex(&digest(seed, &format!("sha256 {name}")))
}

/// The SHA-1 of the file called `name`; also the shape of a machine id.
pub fn sha1(seed: u64, name: &str) -> String {
    hex(&digest(seed, &format!("sha1 {name}"))[..20])
}

/// The MD5 of the file called `name`.
pub fn md5(seed: u64, name: &str) -> String {
    hex(&digest(seed, &format!("md5 {name}"))[..16])
}

/// A version 4 GUID that belongs to a name.
pub fn guid(seed: u64, name: &str) -> String {
    let bytes = digest(seed, &format!("guid {name}"));
    let mut wide = [0; 16];
    wide.copy_from_slice(&bytes[..16]);
    guid_of(u128::from_be_bytes(wide))
}

/// 128 bits written as a version 4 GUID (six bits are the version's own).
pub fn guid_of(bits: u128) -> String {
    let bits = as_v4(bits);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        (bits >> 64) & 0xffff,
        (bits >> 48) & 0xffff,
        bits & 0xffff_ffff_ffff
    )
}

/// The bits of a version 4 GUID.
pub fn as_v4(bits: u128) -> u128 {
    (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
}

/// The bits of a GUID's text.
pub fn parse_guid(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|i| bytes[*i] != b'-') {
        return None;
    }
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_with_the_seed_and_differ_without() {
        assert_eq!(guid(7, "user.dana"), guid(7, "user.dana"));
        assert_ne!(guid(7, "user.dana"), guid(8, "user.dana"));
        assert_eq!(sha1(7, "x").len(), 40);
        assert_eq!(sha256(7, "x").len(), 64);
        assert_eq!(md5(7, "x").len(), 32);
        let bits = Dice::of(1, 2, 3).wide();
        assert_eq!(parse_guid(&guid_of(bits)), Some(as_v4(bits)));
        assert_eq!(guid_of(bits).as_bytes()[14], b'4');
    }
}

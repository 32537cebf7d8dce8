//! Secrets of the door: random, compared in constant time, shown as hex.

use std::fmt;

use engine::Result;
use engine::crypto::random;

use crate::ui::format;

/// Bytes of a secret: 192 bits.
const LEN: usize = 24;

/// A random value that only one browser or program knows.
#[derive(Clone, Copy)]
pub struct Secret([u8; LEN]);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new() -> Result<Self> {
        Ok(Secret(random()?))
    }

    /// Whether `text` is this secret. It takes the same time wherever they differ.
    pub fn is(&self, text: &str) -> bool {
        are_same(self.to_string().as_bytes(), text.as_bytes())
    }
}

/// Compares values, of which one is secret. It takes the same time wherever they differ.
pub fn are_same(one: &[u8], two: &[u8]) -> bool {
    one.len() == two.len() && one.iter().zip(two).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format::hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_own_text_and_no_other() {
        let (one, two) = (Secret::new().unwrap(), Secret::new().unwrap());
        assert!(one.is(&one.to_string()));
        assert!(!one.is(&two.to_string()) && !one.is("") && !one.is(&one.to_string()[1..]));
        assert_eq!(one.to_string().len(), 2 * LEN);
    }
}

//! The operating system's randomness.

use crate::error::{Error, ErrorKind, Result};

/// `N` random bytes.
///
/// # Errors
/// [`ErrorKind::Io`] if the operating system has no randomness.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    #[cfg(any(test, all(debug_assertions, feature = "test-support")))]
    if seeded::fill(&mut bytes) {
        return Ok(bytes);
    }
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::caused(ErrorKind::Io, "cannot get random bytes from the operating system", e.to_string())
    })?;
    Ok(bytes)
}

/// Random bytes that a test can repeat: a run with the same seed writes the same bytes. No release build has this.
#[cfg(any(test, all(debug_assertions, feature = "test-support")))]
pub mod seeded {
    use std::cell::RefCell;

    thread_local! {
        static NUMBERS: RefCell<Option<blake3::OutputReader>> = const { RefCell::new(None) };
    }

    /// Runs `work`. Meanwhile, on this thread only, random bytes follow from `seed`.
    pub fn with_seed<T>(seed: &[u8], work: impl FnOnce() -> T) -> T {
        let numbers = blake3::Hasher::new_derive_key("Enamel tests: seeded randomness").update(seed).finalize_xof();
        let before = NUMBERS.replace(Some(numbers));
        let result = work();
        NUMBERS.set(before);
        result
    }

    pub(super) fn fill(bytes: &mut [u8]) -> bool {
        NUMBERS.with_borrow_mut(|numbers| numbers.as_mut().map(|numbers| numbers.fill(bytes)).is_some())
    }
}

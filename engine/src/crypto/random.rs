//! The operating system's randomness.

use crate::error::{Error, ErrorKind, Result};

/// `N` random bytes.
///
/// # Errors
/// [`ErrorKind::Io`] if the operating system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::caused(ErrorKind::Io, "cannot get random bytes from the operating system", e.to_string())
    })?;
    Ok(bytes)
}

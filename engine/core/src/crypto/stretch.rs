//! Stretches a password with Argon2id. This runs on its own thread, so that the user can stop it meanwhile.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use repo_format::id::Bytes32;
use repo_format::member::Argon2Cost;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;

/// The interval at which it looks for the wish to stop.
const LOOK: Duration = Duration::from_millis(50);

/// The largest cost of one password that needs no question: the most memory and about three times the passes that this
/// program chooses itself.
const UNASKED: Argon2Cost = Argon2Cost { memory_kib: 256 * 1024, passes: 10, lanes: 16 };

/// The largest cost of all members together that needs no question, as MiB times passes: 32 members of a repository
/// that somebody else holds, 128 of others.
pub(crate) const WORK_MAX: u64 = 32 * 256 * 3;

/// A key that was stretched from a password.
pub type Stretched = Zeroizing<[u8; 32]>;

/// The work of one derivation, as MiB times passes.
pub fn work(cost: Argon2Cost) -> u64 {
    u64::from(cost.memory_kib).div_ceil(1024) * u64::from(cost.passes)
}

/// Whether a derivation costs so little that the user need not be asked.
pub(crate) fn is_modest(cost: Argon2Cost) -> bool {
    cost.memory_kib <= UNASKED.memory_kib && cost.passes <= UNASKED.passes && cost.lanes <= UNASKED.lanes
}

/// Stretches a password. Returns early if `monitor` wishes to stop; the derivation then ends with the process.
///
/// # Errors
/// [`ErrorKind::Cancelled`]; [`ErrorKind::Io`] if there is not enough memory.
pub fn stretch(password: &str, cost: Argon2Cost, salt: &Bytes32, monitor: &dyn Monitor) -> Result<Stretched> {
    let password = Zeroizing::new(password.as_bytes().to_vec());
    let salt = *salt;
    let (done, result) = mpsc::sync_channel(1);
    let run = move || {
        // The receiver is gone if the user stopped.
        let _ = done.send(derive(&password, cost, &salt));
    };
    let started = thread::Builder::new().name("password".to_owned()).spawn(run);
    started.map_err(|e| Error::io("cannot derive a key from the password", e))?;
    loop {
        match result.recv_timeout(LOOK) {
            Ok(stretched) => return stretched,
            Err(RecvTimeoutError::Timeout) if monitor.is_cancelled() => return Err(Error::cancelled()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(failed("the thread that did it has ended".to_owned())),
        }
    }
}

fn failed(why: String) -> Error {
    Error::caused(ErrorKind::Io, "cannot derive a key from the password", why)
}

fn derive(password: &[u8], cost: Argon2Cost, salt: &Bytes32) -> Result<Stretched> {
    let mut stretched = Zeroizing::new([0; 32]);
    let refused = |e: argon2::Error| failed(e.to_string());
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(stretched.len())).map_err(refused)?;
    let mut blocks: Vec<Block> = Vec::new();
    // Allocation may fail without a panic: the repository decides the amount.
    blocks
        .try_reserve_exact(params.block_count())
        .map_err(|_| failed(format!("it needs {} MiB of memory, and there is not so much", cost.memory_kib / 1024)))?;
    blocks.resize(params.block_count(), Block::default());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done = argon2.hash_password_into_with_memory(password, &salt.0, &mut stretched[..], &mut blocks);
    blocks.iter_mut().for_each(Zeroize::zeroize);
    done.map_err(refused)?;
    Ok(stretched)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Impatient;
    impl Monitor for Impatient {
        fn is_cancelled(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_wish_to_stop_is_heard_while_a_password_is_stretched() {
        let cost = Argon2Cost { memory_kib: 64 * 1024, passes: 64, lanes: 1 };
        let error = stretch("password", cost, &Bytes32([1; 32]), &Impatient).err().map(|e| e.kind());
        assert_eq!(error, Some(ErrorKind::Cancelled));
    }

    #[test]
    fn what_this_program_chooses_is_modest_and_what_the_format_allows_is_not() {
        assert!(is_modest(Argon2Cost::DEFAULT));
        assert!(!is_modest(Argon2Cost { passes: 11, ..Argon2Cost::DEFAULT }));
        assert!(!is_modest(Argon2Cost { memory_kib: 256 * 1024 + 1, ..Argon2Cost::DEFAULT }));
        assert!(is_modest(Argon2Cost::OFF_SITE));
        assert_eq!(work(Argon2Cost::OFF_SITE) * 32, WORK_MAX);
        assert_eq!(work(Argon2Cost::DEFAULT) * 128, WORK_MAX);
    }
}

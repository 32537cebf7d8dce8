//! Reusable buffers for reading files: allocating new memory costs as much as reading.

use std::sync::{Mutex, PoisonError};

/// The number of unused buffers that are kept.
const KEPT: usize = 4;

/// A pool of buffers.
#[derive(Default)]
pub(super) struct Buffers {
    free: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    /// A buffer of `len` bytes, of any content.
    pub fn take(&self, len: usize) -> Vec<u8> {
        let mut buffer = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        buffer.resize(len, 0);
        buffer
    }

    /// Gives a buffer back.
    pub fn give(&self, buffer: Vec<u8>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(buffer);
        }
    }
}

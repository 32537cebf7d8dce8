//! Packs that no segment names, as an interrupted run leaves them: what must be sure before one is named.

use repo_format::id::PackId;
use repo_format::segment::SegmentPack;

use super::{Repository, WholePack};
use crate::error::Result;
use crate::store::{ObjectName, StoreErrorKind};

impl Repository {
    /// Reads a pack of `size` bytes that no segment names, checks all of it, and puts it again: its writer may have died between placing
    /// it and making that durable, and a store says that a name is taken only when what stands there is durable. Then it may be named.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Damaged`] if its bytes do not fit its name, or any chunk in it does not open: then it is not whole, and what somebody
    /// took out of the index on purpose does not come back.
    pub fn adoptable(&self, id: PackId, size: u64) -> Result<SegmentPack> {
        let whole = WholePack::read(self, id, size)?;
        let pack = whole.check(self)?;
        match self.store().put_new(&ObjectName::Pack(id), &[whole.bytes()]) {
            Err(error) if error.kind != StoreErrorKind::AlreadyExists => Err(error.into()),
            _ => Ok(pack),
        }
    }
}

//! Packs that no segment names, as an interrupted run leaves them: what must be sure before one is named.

use repo_format::id::PackId;
use repo_format::segment::SegmentPack;

use super::{Repository, WholePack};
use crate::error::{Error, Result};
use crate::store::ObjectName;

impl Repository {
    /// Reads a pack of `size` bytes that no segment names, checks all of it, and makes it durable: its writer may have died between placing
    /// it and doing so. Then it may be named.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Damaged`] if its bytes do not fit its name, or any chunk in it does not open: then it is not whole, and what somebody
    /// took out of the index on purpose does not come back; also if it has been deleted meanwhile.
    pub fn adoptable(&self, id: PackId, size: u64) -> Result<SegmentPack> {
        let pack = WholePack::read(self, id, size)?.check(self)?;
        self.store().ensure_durable(&ObjectName::Pack(id)).map_err(Error::of_object)?;
        Ok(pack)
    }
}

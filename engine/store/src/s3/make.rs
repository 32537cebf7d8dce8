//! Buckets for tests: a user makes them with other programs, because a bucket may cost money, and has an owner and rules.

use super::S3Store;
use super::answer::Failure;
use super::request::Subject;
use crate::Result;

/// The versions that a new bucket keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// The newest contents of each object.
    Newest,
    /// Also what was deleted or replaced.
    Versions,
    /// The same, and versions can be locked.
    Locks,
}

const VERSIONS: &[u8] =
    b"<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>";

impl S3Store {
    /// Makes the bucket of this store.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn make_bucket(&self, keeps: Keeps) -> Result<()> {
        let failed = |failure: Failure| failure.error("make", &self.address);
        let bucket = Subject::bucket(&[]);
        let locked = [("x-amz-bucket-object-lock-enabled", "true")];
        let subject = if keeps == Keeps::Locks { bucket.with(&locked) } else { bucket };
        self.request_with("PUT", subject, Vec::new()).map_err(failed)?;
        if keeps == Keeps::Versions {
            self.request_with("PUT", Subject::bucket(&[("versioning", "")]), VERSIONS.to_vec()).map_err(failed)?;
        }
        Ok(())
    }
}

//! Records that receipts leave: of a release, and of receipts that are forgotten.

use repo_format::id::LeaseId;
use repo_format::manifest::{KIND_RECORD, Manifest, Problems, SeenManifest, Statistics};

use crate::crypto::random;
use crate::error::Result;
use crate::repository::Repository;

/// What a record says.
pub(super) struct Record<'r> {
    /// When: seconds since 1970.
    pub seconds: i64,
    /// The machine.
    pub host: &'r str,
    /// Who.
    pub user: &'r str,
    /// Program and version.
    pub program: &'r str,
    /// Words.
    pub tags: Vec<String>,
    /// Manifests that go.
    pub forgotten: Option<Vec<SeenManifest>>,
}

/// Puts a record, durably.
///
/// # Errors
/// If it cannot be stored, or is too large.
pub(super) fn put_record(repository: &Repository, record: Record<'_>) -> Result<()> {
    let (condemned, _) = repository.condemned()?;
    let manifest = Manifest {
        kind: KIND_RECORD,
        id: LeaseId(random()?),
        ids: Vec::new(),
        seconds: record.seconds,
        nanoseconds: 0,
        host: record.host.to_owned(),
        user: record.user.to_owned(),
        tags: record.tags,
        program: record.program.to_owned(),
        parent: None,
        seen: Vec::new(),
        config_version: repository.config().version,
        keyring_version: repository.keyring_version(),
        condemned_seen: condemned.next - 1,
        roots: Vec::new(),
        tree: None,
        problems: Problems::default(),
        statistics: Statistics::default(),
        forgotten: record.forgotten,
    };
    repository.put_record(manifest).map(drop)
}

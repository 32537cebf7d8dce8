//! Evidence: what was tried with the saved data, and how it went (FORMAT.md, section 11.4).
//!
//! ```text
//! put:    facts -> as many notes as fit -> manifest, which names the evidence before it -> those of old checks merged
//! list:   manifests -> pieces -> the newest drill, when each pack was last read
//! actions: what people ordered, some at a time
//! ```
//! Everything here is in the repository, so it survives the machine. Nothing else forgets it.

mod actions;
mod list;
mod merge;
mod put;
mod read_times;

use repo_format::entry::Time;
use repo_format::evidence::{Evidence, EvidenceKind};
use repo_format::id::{Bytes32, LeaseId};
use repo_format::manifest::{ManifestKind, Origin, SeenManifest};

use crate::repository::ManifestObject;

pub use actions::put_actions;
pub use list::{Pieces, list};
pub(crate) use merge::{merge, parts};
pub use put::put;
pub use read_times::{ReadTimes, Unread, unread};

/// The figure of a drill that says how long it would take to bring everything back.
pub const BRING_BACK: &str = "milliseconds to bring everything back, extrapolated";

/// A piece of evidence in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The id of its manifest.
    pub id: LeaseId,
    /// The digest of its manifest.
    pub digest: Bytes32,
    /// When what it says was begun.
    pub time: Time,
    /// The machine.
    pub host: String,
    /// The user.
    pub user: String,
    /// Program and version.
    pub program: String,
    /// The evidence of another repository that it is a copy of.
    pub origin: Option<Origin>,
    /// Its contents.
    pub evidence: Evidence,
}

impl Piece {
    /// The evidence in a manifest, if it is evidence.
    pub fn of(object: ManifestObject) -> Option<Self> {
        let ManifestObject { manifest, digest } = object;
        if manifest.kind != ManifestKind::Evidence {
            return None;
        }
        let (id, time) = (manifest.id, manifest.time());
        let evidence = manifest.evidence?;
        let (host, user, program) = (manifest.host, manifest.user, manifest.program);
        Some(Piece { id, digest, time, host, user, program, origin: manifest.origin, evidence })
    }

    /// Its id and digest.
    pub fn reference(&self) -> SeenManifest {
        SeenManifest { id: self.id, digest: self.digest }
    }

    /// Whether it is about this repository, not a copy of what another one has.
    pub fn is_own(&self) -> bool {
        self.origin.is_none()
    }

    /// Whether it is own evidence of this kind. The rest of evidence that was too long is none.
    pub fn is_own_of(&self, kind: EvidenceKind) -> bool {
        self.is_own() && self.evidence.kind == kind && !self.is_continuation()
    }

    /// Whether it has only further readings of a check.
    pub fn is_continuation(&self) -> bool {
        self.evidence.kind == EvidenceKind::Verify && self.evidence.steps.is_empty()
    }

    /// The person who did it.
    pub fn by(&self) -> &str {
        self.evidence.by.as_deref().unwrap_or(&self.user)
    }
}

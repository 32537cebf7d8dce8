//! Lists the evidence of a repository.

use std::collections::HashSet;

use repo_format::evidence::{EvidenceKind, EvidenceResult};
use repo_format::id::{LeaseId, MemberId};
use repo_format::manifest::ManifestKind;

use super::Piece;
use crate::error::Result;
use crate::machine;
use crate::memory::RememberedManifest;
use crate::repository::{Manifests, Repository, SnapshotObject, UnreadableManifest};

/// The evidence of a repository.
#[derive(Debug, Default)]
pub struct Pieces {
    /// All of it that can be read, newest first.
    pub pieces: Vec<Piece>,
    /// The rest.
    pub unreadable: Vec<UnreadableManifest>,
}

impl Pieces {
    /// Own evidence of one kind, newest first, without any from the future.
    pub fn of_kind(&self, kind: EvidenceKind) -> impl Iterator<Item = &Piece> {
        let now = machine::now();
        let of_kind = self.pieces.iter().filter(move |piece| piece.is_own_of(kind));
        of_kind.filter(move |piece| !machine::is_from_the_future(piece.time, now))
    }

    /// The newest drill of this repository that was carried out, passed or not.
    pub fn newest_drill(&self) -> Option<&Piece> {
        self.of_kind(EvidenceKind::Drill).find(|piece| piece.evidence.result != EvidenceResult::NotDone)
    }

    /// The newest drill of this repository that passed, with or without notes.
    pub fn newest_passed_drill(&self) -> Option<&Piece> {
        let passed = [EvidenceResult::Passed, EvidenceResult::PassedWithNotes];
        self.of_kind(EvidenceKind::Drill).find(|piece| passed.contains(&piece.evidence.result))
    }

    /// The newest trial of the key of this member that opened the repository.
    pub fn newest_trial_of(&self, member: MemberId) -> Option<&Piece> {
        let id = member.to_string();
        let is_of = |piece: &&Piece| {
            let texts = piece.evidence.steps.iter().filter_map(|step| step.text.as_deref());
            piece.evidence.result == EvidenceResult::Passed && texts.into_iter().any(|text| text.starts_with(&id))
        };
        self.of_kind(EvidenceKind::KeyTried).find(is_of)
    }

    /// The reviews of a piece, newest first.
    pub fn reviews_of(&self, piece: &Piece) -> impl Iterator<Item = &Piece> {
        let reference = piece.reference();
        let reviews = self.pieces.iter().filter(|review| review.evidence.kind == EvidenceKind::Review);
        reviews.filter(move |review| review.evidence.reviewed().contains(&reference))
    }

    /// The ids of all evidence that somebody has reviewed.
    pub(super) fn reviewed(&self) -> HashSet<LeaseId> {
        self.pieces.iter().flat_map(|piece| piece.evidence.reviewed()).map(|seen| seen.id).collect()
    }
}

/// Reads the evidence of `repository`.
///
/// # Errors
/// If the store cannot be read. Evidence that cannot be read is in the result.
pub fn list(repository: &Repository) -> Result<Pieces> {
    list_in(repository, &repository.manifests()?)
}

/// As [`list`], of manifests that were listed before.
pub(super) fn list_in(repository: &Repository, manifests: &Manifests) -> Result<Pieces> {
    let present = manifests.present.iter().filter(|known| known.kind == ManifestKind::Evidence);
    let present: Vec<RememberedManifest> = present.copied().collect();
    let mut found = Pieces::default();
    for (id, read) in repository.each_remembered(&present) {
        match read {
            Ok(SnapshotObject::Manifest(object)) => found.pieces.extend(Piece::of(*object)),
            Ok(SnapshotObject::Void(_)) => {}
            // If it is not there, it was merged into other evidence since it was listed.
            Err(error) => found.unreadable.extend(repository.unreadable(id, error)?),
        }
    }
    found.pieces.sort_by_key(|piece| std::cmp::Reverse((piece.time, piece.id)));
    Ok(found)
}

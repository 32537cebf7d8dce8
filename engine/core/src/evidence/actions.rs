//! Actions of people: who ordered what, and how it ended.

use std::collections::HashSet;

use repo_format::entry::Time;
use repo_format::evidence::{Action, Evidence, EvidenceKind, EvidenceResult};

use super::{Pieces, put};
use crate::error::Result;
use crate::repository::{Author, Repository};

/// Actions in one manifest: with texts of [`TEXT_MAX`] they fit.
const TOGETHER: usize = 100;
/// Bytes of a text of an action.
const TEXT_MAX: usize = 140;

impl Pieces {
    /// All actions, the newest first. An action that was put twice is there once.
    pub fn actions(&self) -> Vec<&Action> {
        let mut known = HashSet::new();
        let all = self.pieces.iter().flat_map(|piece| piece.evidence.actions());
        let mut actions: Vec<_> = all.filter(|action| known.insert(action.number)).collect();
        actions.sort_by_key(|action| std::cmp::Reverse(action.seconds));
        actions
    }
}

/// Puts actions, durably: as many together as fit. Returns how many manifests that took.
///
/// # Errors
/// As of [`put()`]. Some may be there then.
pub fn put_actions(repository: &Repository, author: &Author, mut actions: Vec<Action>) -> Result<u64> {
    actions.sort_by_key(|action| action.seconds);
    let mut manifests = 0;
    for together in actions.chunks(TOGETHER) {
        let seconds = together.first().map_or(0, |first| first.seconds);
        let evidence = Evidence {
            place: repository.location(),
            actions: Some(together.iter().cloned().map(shortened).collect()),
            ..Evidence::new(EvidenceKind::Actions, EvidenceResult::Passed)
        };
        put(repository, author, Time { seconds, nanoseconds: 0 }, evidence)?;
        manifests += 1;
    }
    Ok(manifests)
}

fn shortened(mut action: Action) -> Action {
    let texts = [&mut action.person, &mut action.role, &mut action.what];
    for text in texts.into_iter().chain(action.about.as_mut()) {
        super::put::shorten(text, TEXT_MAX);
    }
    action
}

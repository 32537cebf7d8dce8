//! Records of second copies: other repositories that have copies of this one (FORMAT.md, section 11).

use std::collections::HashMap;

use repo_format::entry::Time;
use repo_format::id::RepositoryId;
use repo_format::manifest::SecondCopy;

use super::{Author, ManifestObject, Manifests, Record, Repository};
use crate::error::Result;
use crate::machine;

/// Another repository with copies of this one, as it was last found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCopy {
    /// The record.
    pub copy: SecondCopy,
    /// The time of the newest snapshot that it has, if that is still here.
    pub newest_time: Option<Time>,
}

impl Repository {
    /// The second copies that records name, by place.
    ///
    /// # Errors
    /// If the store cannot be read. An unreadable record says nothing, and `verify` reports it.
    pub(crate) fn second_copies_in(&self, manifests: &Manifests) -> Result<Vec<KnownCopy>> {
        let mut newest: HashMap<RepositoryId, (Time, SecondCopy)> = HashMap::new();
        for record in self.second_copy_records(manifests)? {
            let manifest = record.manifest;
            let time = manifest.time();
            let Some(copy) = manifest.second_copy else { continue };
            if newest.get(&copy.repository).is_none_or(|(known, _)| *known < time) {
                newest.insert(copy.repository, (time, copy));
            }
        }
        let time_of = |copy: &SecondCopy| {
            let newest = manifests.present.iter().find(|m| m.id == copy.newest.id && m.digest == copy.newest.digest);
            newest.map(|manifest| manifest.time)
        };
        let mut copies: Vec<_> =
            newest.into_values().map(|(_, copy)| KnownCopy { newest_time: time_of(&copy), copy }).collect();
        copies.sort_by(|a, b| (&a.copy.place, a.copy.repository.0).cmp(&(&b.copy.place, b.copy.repository.0)));
        Ok(copies)
    }

    /// Records how a second copy was found. Puts a record, **then** forgets earlier ones about the same repository.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn note_second_copy(&self, copy: SecondCopy, author: &Author) -> Result<()> {
        let manifests = self.manifests()?;
        let old: Vec<ManifestObject> = self
            .second_copy_records(&manifests)?
            .into_iter()
            .filter(|record| record.manifest.second_copy.as_ref().is_some_and(|c| c.repository == copy.repository))
            .collect();
        let seen = manifests.newest_seen();
        self.put_record(author, Record { time: machine::now(), seen, second_copy: Some(copy), ..Record::default() })?;
        self.retire(&old.iter().map(ManifestObject::reference).collect::<Vec<_>>(), author)
    }

    fn second_copy_records(&self, manifests: &Manifests) -> Result<Vec<ManifestObject>> {
        let (records, _) = self.read_records(&manifests.present)?;
        Ok(records.into_iter().filter(|record| record.manifest.second_copy.is_some()).collect())
    }
}

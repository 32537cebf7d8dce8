//! Older versions of objects: which ones a bucket keeps, and a store that reads what was there at one moment.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use object_store::{GetOptions, GetRange};
use serde::Deserialize;

use super::answer::{Failure, Reply};
use super::request::{Subject, parse};
use super::{Read, S3Store};
use crate::{Folder, Medium, ObjectInfo, ObjectName, Result, Store, StoreError, StoreErrorKind, Tag};

/// Said of a change that somebody wants to make to the past.
const PAST: &str = "this is what was there at an earlier moment: it can only be read";

/// A [`Store`] that shows a bucket as it was at one moment, and refuses every change.
///
/// A deletion or replacement in a bucket with versions only hides an object. Until a rule of the bucket removes the
/// hidden versions they can be read.
pub struct PastStore {
    store: S3Store,
    moment: Timestamp,
    objects: BTreeMap<ObjectName, Version>,
    /// Keys within the prefix that are no names of objects.
    strange: Vec<String>,
    config_from: Option<Timestamp>,
}

/// One version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    id: String,
    size: u64,
    written: Timestamp,
    /// Whether this is what a reader of the bucket sees now.
    is_current: bool,
}

impl S3Store {
    /// The objects as they were at `moment`, by the clock of the server.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unsupported`] if the bucket keeps no versions; [`StoreErrorKind::PermissionDenied`] if the
    /// account may not list them.
    pub fn as_of(self, moment: Timestamp) -> Result<PastStore> {
        if !self.keeps_versions()? {
            let why = "the bucket keeps no older versions of objects, so what was deleted is gone";
            return Err(Failure::new(Reply::Unsupported, why).error("look back in", &self.address));
        }
        let mut chosen: BTreeMap<String, Entry> = BTreeMap::new();
        let mut config_from: Option<Timestamp> = None;
        self.each_version(|entry| {
            if entry.size.is_some() && self.within(&entry.key).parse() == Ok(ObjectName::Config) {
                config_from = config_from.into_iter().chain([entry.last_modified]).min();
            }
            if entry.last_modified > moment {
                return;
            }
            // The server lists the newer one of two in one second first.
            let is_newer = chosen.get(&entry.key).is_none_or(|other| entry.last_modified > other.last_modified);
            if is_newer {
                chosen.insert(entry.key.clone(), entry);
            }
        })?;
        let (mut objects, mut strange) = (BTreeMap::new(), Vec::new());
        for (key, entry) in chosen {
            let Some(size) = entry.size else { continue };
            let path = self.within(&key);
            match path.parse::<ObjectName>() {
                Ok(name) => {
                    let version = Version {
                        id: entry.version_id,
                        size,
                        written: entry.last_modified,
                        is_current: entry.is_latest,
                    };
                    objects.insert(name, version);
                }
                Err(_) => strange.push(path.to_owned()),
            }
        }
        Ok(PastStore { store: self, moment, objects, strange, config_from })
    }

    /// Whether the bucket keeps what is deleted or replaced.
    pub(super) fn keeps_versions(&self) -> Result<bool> {
        let failed = |failure: Failure| failure.error("ask about the versions of", &self.address);
        let document = self.request("GET", Subject::bucket(&[("versioning", "")])).map_err(failed)?;
        let versioning: Versioning = parse(&document, "versions").map_err(failed)?;
        Ok(versioning.status.as_deref() == Some("Enabled"))
    }

    /// Calls `found` for each version and each mark of a deletion within the prefix.
    fn each_version(&self, mut found: impl FnMut(Entry)) -> Result<()> {
        let failed = |failure: Failure| failure.error("list the versions in", &self.address);
        let prefix = self.prefix(Folder::Top).unwrap_or_default();
        let (mut key, mut version) = (String::new(), String::new());
        loop {
            let mut query = vec![("versions", ""), ("prefix", prefix.as_str())];
            if !key.is_empty() {
                query.extend([("key-marker", key.as_str()), ("version-id-marker", version.as_str())]);
            }
            let document = self.request("GET", Subject::bucket(&query)).map_err(failed)?;
            let page: Page = parse(&document, "versions").map_err(failed)?;
            for item in page.items {
                match item {
                    Item::Version(entry) => found(entry),
                    Item::DeleteMarker(entry) => found(Entry { size: None, ..entry }),
                    Item::Other => {}
                }
            }
            match page.next_key_marker {
                Some(next) if page.is_truncated => {
                    (key, version) = (next, page.next_version_id_marker.unwrap_or_default())
                }
                _ if page.is_truncated => {
                    return Err(failed(Failure::new(
                        Reply::Other,
                        "the server does not say where the next page begins",
                    )));
                }
                _ => return Ok(()),
            }
        }
    }
}

impl PastStore {
    /// The moment.
    pub fn moment(&self) -> Timestamp {
        self.moment
    }

    /// How many objects there were, and how many of them are hidden or replaced since.
    pub fn changes(&self) -> PastChanges {
        let is_hidden = |version: &&Version| !version.is_current;
        PastChanges {
            objects: self.objects.len() as u64,
            bytes: self.objects.values().map(|version| version.size).sum(),
            hidden: self.objects.values().filter(is_hidden).count() as u64,
        }
    }

    /// The time at which the newest snapshot of that moment was written.
    pub fn newest_snapshot(&self) -> Option<Timestamp> {
        let is_snapshot = |name: &ObjectName| name.folder() == Folder::Snapshots;
        self.objects.iter().filter(|(name, _)| is_snapshot(name)).map(|(_, version)| version.written).max()
    }

    /// The time since which the bucket has had a `config`, also when that is after the moment.
    ///
    /// SeaweedFS moves the time of an object when its lock is extended, so this can be later than the first backup.
    pub fn config_from(&self) -> Option<Timestamp> {
        self.config_from
    }

    fn version(&self, name: &ObjectName) -> Result<&Version> {
        self.objects.get(name).ok_or_else(|| StoreError::new(StoreErrorKind::NotFound, "read", name))
    }

    fn read(&self, name: &ObjectName, version: &Version, range: Option<Range<u64>>) -> Result<Read> {
        let path = self.store.path(name)?;
        let options = GetOptions {
            version: Some(version.id.clone()),
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        self.store.read(&path, &options, |_| Ok(())).map_err(|failure| failure.error("read", name))
    }
}

/// The objects of a moment, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastChanges {
    /// Objects of that moment.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The number of them that were deleted or replaced since.
    pub hidden: u64,
}

fn refused(action: &'static str, name: &ObjectName) -> StoreError {
    let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, PAST);
    StoreError { kind: StoreErrorKind::PermissionDenied, action, object: name.to_string(), source: Some(source) }
}

impl Store for PastStore {
    fn location(&self) -> String {
        format!("{} as of {}", self.store.location(), self.moment)
    }

    fn medium(&self) -> Medium {
        Medium::NETWORK
    }

    fn put_new(&self, name: &ObjectName, _: &[&[u8]]) -> Result<()> {
        Err(refused("write", name))
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>> {
        let version = self.version(name)?;
        if version.size > limit {
            return Err(StoreError::new(StoreErrorKind::TooLarge, "read", name));
        }
        self.read(name, version, None).map(|read| read.bytes)
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> Result<Vec<u8>> {
        let version = self.version(name)?;
        if range.end > version.size {
            return Err(StoreError::new(StoreErrorKind::Truncated, "read", name));
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.read(name, version, Some(range)).map(|read| read.bytes)
    }

    fn list(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        for (name, version) in self.objects.iter().filter(|(name, _)| name.folder() == folder) {
            found(ObjectInfo { name: *name, size: version.size })?;
        }
        if folder == Folder::Top {
            self.strange.iter().cloned().for_each(strange);
        }
        Ok(())
    }

    fn ensure_durable(&self, name: &ObjectName) -> Result<()> {
        self.version(name).map(drop)
    }

    fn delete(&self, name: &ObjectName) -> Result<()> {
        if self.objects.contains_key(name) { Err(refused("delete", name)) } else { Ok(()) }
    }

    fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>> {
        Ok(self.objects.get(name).map(|version| ObjectInfo { name: *name, size: version.size }))
    }

    fn replace_if(&self, name: &ObjectName, _: Option<Tag>, _: &[u8]) -> Result<()> {
        Err(refused("replace", name))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versioning {
    status: Option<String>,
}

/// One page of a listing of versions.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_version_id_marker: Option<String>,
    /// Versions and marks in the order of the document: the newest of each key first.
    #[serde(rename = "$value", default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
enum Item {
    Version(Entry),
    DeleteMarker(Entry),
    #[serde(other)]
    Other,
}

/// A version of an object, or the mark of its deletion, which has no size.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    version_id: String,
    last_modified: Timestamp,
    #[serde(default)]
    is_latest: bool,
    size: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_marks_are_read_in_their_order() {
        let document = "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>practice</Name>\
            <Prefix>p/</Prefix><IsTruncated>true</IsTruncated><NextKeyMarker>p/b</NextKeyMarker><NextVersionIdMarker>9</NextVersionIdMarker>\
            <DeleteMarker><Key>p/a</Key><VersionId>3</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-03T00:00:00.000Z</LastModified>\
            <Owner><ID>x</ID></Owner></DeleteMarker><Version><Key>p/a</Key><VersionId>2</VersionId><IsLatest>false</IsLatest>\
            <LastModified>2026-11-02T00:00:00.000Z</LastModified><ETag>&quot;t&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass>\
            </Version><CommonPrefixes><Prefix>p/c/</Prefix></CommonPrefixes></ListVersionsResult>";
        let page: Page = parse(document, "versions").unwrap();
        assert!(page.is_truncated);
        assert_eq!(page.next_key_marker.as_deref(), Some("p/b"));
        let shown = |item: &Item| match item {
            Item::Version(entry) => format!("{} {} {:?}", entry.key, entry.version_id, entry.size),
            Item::DeleteMarker(entry) => format!("{} {} deleted", entry.key, entry.version_id),
            Item::Other => "other".to_owned(),
        };
        let shown: Vec<_> = page.items.iter().map(shown).filter(|text| text != "other").collect();
        assert_eq!(shown, ["p/a 3 deleted", "p/a 2 Some(5)"]);
    }

    #[test]
    fn a_bucket_that_never_had_versions_says_so() {
        let read = |text| parse::<Versioning>(text, "versions").unwrap().status;
        assert_eq!(read("<VersioningConfiguration/>"), None);
        assert_eq!(
            read("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>").as_deref(),
            Some("Enabled")
        );
    }
}

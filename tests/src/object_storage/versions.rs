//! Versions of objects, locks on them, and the rules of the bucket.

use std::collections::BTreeMap;

use super::http::{Reply, Request};

/// The first second of the server's clock, since 1970.
const EPOCH: i64 = 1_760_000_000;

/// One version of an object, or the mark of its deletion.
struct Version {
    id: u64,
    written: i64,
    bytes: Option<Vec<u8>>,
    /// Nobody deletes it before this second.
    locked_until: Option<i64>,
}

/// All versions of all keys, the oldest first.
#[derive(Default)]
pub(super) struct Versions {
    keys: BTreeMap<String, Vec<Version>>,
    next: u64,
    /// Seconds since the server started, by its own clock, which only a test moves.
    pub clock: i64,
    /// Parts of the bucket's configuration, by their parameter.
    pub configuration: BTreeMap<&'static str, String>,
}

impl Versions {
    /// The time now, in seconds since 1970.
    pub fn now(&self) -> i64 {
        EPOCH + self.clock
    }

    /// Notes what a key holds from now on; `None` after a deletion.
    pub fn note(&mut self, key: &str, bytes: Option<Vec<u8>>) {
        self.next += 1;
        let version = Version { id: self.next, written: self.now(), bytes, locked_until: None };
        self.keys.entry(key.to_owned()).or_default().push(version);
    }

    /// The second until which each version of a key is locked.
    pub fn locks(&self, key: &str) -> Vec<Option<i64>> {
        self.keys.get(key).into_iter().flatten().map(|version| version.locked_until).collect()
    }

    /// The answer to a request about versions, locks and rules; `None` if it is about something else.
    pub fn perform(&mut self, request: &Request) -> Option<Reply> {
        if request.verb() == "LIST" {
            if request.parameter("versions").is_some() {
                return Some(self.list(request));
            }
            let asked = ["versioning", "object-lock", "lifecycle"]
                .into_iter()
                .find(|part| request.parameter(part).is_some())?;
            return Some(match (self.configuration.get(asked), asked) {
                (Some(document), _) => Reply::new(200).with_body(document.clone().into_bytes()),
                (None, "versioning") => Reply::new(200).with_body(b"<VersioningConfiguration/>".to_vec()),
                (None, "object-lock") => Reply::error(404, "ObjectLockConfigurationNotFoundError"),
                (None, _) => Reply::error(404, "NoSuchLifecycleConfiguration"),
            });
        }
        if request.parameter("retention").is_some() {
            return Some(self.retention(request));
        }
        let id = request.parameter("versionId")?;
        let versions = self.keys.get(request.key());
        let found = versions.into_iter().flatten().find(|version| version.id.to_string() == id);
        Some(match found.and_then(|version| version.bytes.as_ref()) {
            Some(bytes) => super::bucket::read(bytes, request.header("range")),
            None => Reply::error(404, "NoSuchVersion"),
        })
    }

    fn retention(&mut self, request: &Request) -> Reply {
        if !self.configuration.contains_key("object-lock") {
            return Reply::error(400, "InvalidRequest");
        }
        let newest = self.keys.get_mut(request.key()).and_then(|versions| versions.last_mut());
        let Some(newest) = newest.filter(|version| version.bytes.is_some()) else {
            return Reply::error(404, "NoSuchKey");
        };
        if request.verb() == "GET" {
            let Some(until) = newest.locked_until else { return Reply::error(404, "NoSuchObjectLockConfiguration") };
            let until = time(until);
            let body =
                format!("<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
            return Reply::new(200).with_body(body.into_bytes());
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let (_, rest) = body.split_once("<RetainUntilDate>").expect("a date");
        let until: jiff::Timestamp = rest.split_once('<').expect("an end").0.parse().unwrap();
        if newest.locked_until.is_some_and(|there| there > until.as_second()) {
            return Reply::error(403, "AccessDenied");
        }
        newest.locked_until = Some(until.as_second());
        Reply::new(200)
    }

    /// Pages of two entries, the newest of each key first.
    fn list(&self, request: &Request) -> Reply {
        let prefix = request.parameter("prefix").unwrap_or_default();
        let all = self.keys.iter().filter(|(key, _)| key.starts_with(prefix));
        let all: Vec<_> = all
            .flat_map(|(key, versions)| versions.iter().rev().enumerate().map(move |(n, v)| (key, n == 0, v)))
            .collect();
        let after = (request.parameter("key-marker"), request.parameter("version-id-marker"));
        let first = match after {
            (Some(key), Some(id)) => {
                all.iter().position(|(k, _, v)| *k == key && v.id.to_string() == id).map_or(0, |n| n + 1)
            }
            _ => 0,
        };
        let page = &all[first..all.len().min(first + 2)];
        let mut body = String::from("<ListVersionsResult>");
        for (key, is_latest, version) in page {
            let kind = if version.bytes.is_some() { "Version" } else { "DeleteMarker" };
            let size = version.bytes.as_ref().map_or_else(String::new, |bytes| format!("<Size>{}</Size>", bytes.len()));
            body.push_str(&format!(
                "<{kind}><Key>{key}</Key><VersionId>{}</VersionId><IsLatest>{is_latest}</IsLatest><LastModified>{}</LastModified>{size}</{kind}>",
                version.id,
                time(version.written)
            ));
        }
        let is_truncated = first + page.len() < all.len();
        body.push_str(&format!("<IsTruncated>{is_truncated}</IsTruncated>"));
        if let (true, Some((key, _, version))) = (is_truncated, page.last()) {
            body.push_str(&format!(
                "<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>{}</NextVersionIdMarker>",
                version.id
            ));
        }
        body.push_str("</ListVersionsResult>");
        Reply::new(200).with_body(body.into_bytes())
    }
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

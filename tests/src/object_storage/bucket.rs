//! The objects, and what each request does to them.

use std::collections::{BTreeMap, BTreeSet};

use engine::store::Tag;

use super::http::{Reply, Request};
use super::versions::Versions;
use super::{Conditions, Manner};

/// The time that every object was written at.
const WRITTEN: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

/// Objects by their keys.
#[derive(Default)]
pub(super) struct Bucket {
    pub objects: BTreeMap<String, Vec<u8>>,
    /// The contents that keys had, with the present ones.
    pub versions: Versions,
    /// Keys that listings do not show yet.
    hidden: BTreeSet<String>,
}

impl Bucket {
    pub fn settle(&mut self) {
        self.hidden.clear();
    }

    pub fn perform(&mut self, request: &Request, manner: &Manner) -> Reply {
        if let Some(reply) = self.versions.perform(request) {
            return reply;
        }
        let key = request.key();
        match request.verb() {
            "LIST" => self.list(request, manner),
            "PUT" => match self.refuses(request, manner) {
                Some(refused) => refused,
                None => self.put(key, request.body.clone(), manner),
            },
            "GET" | "HEAD" => match self.objects.get(key) {
                Some(bytes) => read(bytes, request.header("range")),
                None => Reply::error(404, "NoSuchKey"),
            },
            "DELETE" => {
                self.objects.remove(key);
                self.versions.note(key, None);
                Reply::new(204)
            }
            _ => Reply::error(501, "NotImplemented"),
        }
    }

    fn put(&mut self, key: &str, bytes: Vec<u8>, manner: &Manner) -> Reply {
        let reply = Reply::new(200).with("ETag", tag(&bytes));
        if manner.lists_late {
            self.hidden.insert(key.to_owned());
        }
        self.versions.note(key, Some(bytes.clone()));
        self.objects.insert(key.to_owned(), bytes);
        reply
    }

    /// The answer to a PUT whose condition does not hold.
    pub fn refuses(&self, request: &Request, manner: &Manner) -> Option<Reply> {
        let there = self.objects.get(request.key());
        let failed = || Some(Reply::error(412, "PreconditionFailed"));
        if !request.is_conditional() || manner.conditions == Conditions::Ignored {
            return None;
        }
        if manner.conditions == Conditions::Refused {
            return Some(Reply::error(501, "NotImplemented"));
        }
        if request.header("if-none-match") == Some("*") && there.is_some() {
            return failed();
        }
        let expected = request.header("if-match")?;
        let Some(there) = there else { return Some(Reply::error(404, "NoSuchKey")) };
        let tag = tag(there);
        let wanted = if manner.bare_tags { tag.trim_matches('"') } else { &tag };
        if expected == wanted { None } else { failed() }
    }

    fn list(&self, request: &Request, manner: &Manner) -> Reply {
        let prefix = request.parameter("prefix").unwrap_or_default();
        let after = request.parameter("continuation-token").or(request.parameter("start-after")).unwrap_or_default();
        let is_shown = |key: &&String| key.starts_with(prefix) && key.as_str() > after && !self.hidden.contains(*key);
        let (mut entries, mut folders, mut last) = (String::new(), BTreeSet::new(), None);
        let mut is_whole = true;
        for (count, key) in self.objects.keys().filter(is_shown).enumerate() {
            if count == manner.page {
                is_whole = false;
                break;
            }
            last = Some(key);
            let rest = &key[prefix.len()..];
            match (request.parameter("delimiter"), rest.split_once('/')) {
                (Some("/"), Some((folder, _))) => drop(folders.insert(format!("{prefix}{folder}/"))),
                _ => entries.push_str(&entry(key, &self.objects[key])),
            }
        }
        let folders: String =
            folders.iter().map(|f| format!("<CommonPrefixes><Prefix>{f}</Prefix></CommonPrefixes>")).collect();
        let next = last.filter(|_| !is_whole);
        let next = next
            .map_or_else(String::new, |key| format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(key)));
        let body = format!(
            "<ListBucketResult><IsTruncated>{}</IsTruncated>{entries}{folders}{next}</ListBucketResult>",
            !is_whole
        );
        Reply::new(200).with_body(body.into_bytes())
    }
}

fn entry(key: &str, bytes: &[u8]) -> String {
    let (key, size, tag) = (escaped(key), bytes.len(), escaped(&tag(bytes)));
    format!(
        "<Contents><Key>{key}</Key><LastModified>2015-10-21T07:28:00.000Z</LastModified><ETag>{tag}</ETag><Size>{size}</Size></Contents>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn tag(bytes: &[u8]) -> String {
    let Tag(hash) = Tag::of(bytes);
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// An object, or a range of it.
pub(super) fn read(bytes: &[u8], range: Option<&str>) -> Reply {
    let reply = |status| Reply::new(status).with("ETag", tag(bytes)).with("Last-Modified", WRITTEN);
    let Some(range) = range else { return reply(200).with_body(bytes.to_vec()) };
    let bounds = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let (first, last) = bounds.expect("a range of bytes");
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    if first >= bytes.len() {
        return Reply::error(416, "InvalidRange");
    }
    let last = last.min(bytes.len() - 1);
    let reply = reply(206).with("Content-Range", format!("bytes {first}-{last}/{}", bytes.len()));
    reply.with_body(bytes[first..=last].to_vec())
}

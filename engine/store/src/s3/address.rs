//! `s3://bucket/prefix`: the place of a repository in object storage.

use std::fmt;
use std::str::FromStr;

/// How such an address begins.
const SCHEME: &str = "s3://";
/// The lengths of a bucket's name, in bytes.
const BUCKET: std::ops::RangeInclusive<usize> = 3..=63;
/// The longest prefix in bytes: with the longest name of an object it stays far below the 1,024 bytes of a key.
const PREFIX_MAX: usize = 512;

/// A bucket, and a prefix in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S3Address {
    bucket: String,
    prefix: String,
}

impl S3Address {
    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The beginning of all keys, without slashes at its ends; may be empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

/// Why a text is no address of object storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address in object storage is `s3://BUCKET/PREFIX`: {0}")]
pub struct NotAnAddress(&'static str);

impl FromStr for S3Address {
    type Err = NotAnAddress;

    /// Reads an address. Slashes at the end of the prefix do not count.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let rest = text.strip_prefix(SCHEME).ok_or(NotAnAddress("it begins with `s3://`"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') || bucket.contains(':') {
            return Err(NotAnAddress("no password, user or port stands in it; the server is the setting `endpoint`"));
        }
        let is_of_bucket = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        if !BUCKET.contains(&bucket.len()) || !bucket.bytes().all(is_of_bucket) {
            return Err(NotAnAddress("the name of a bucket has 3 to 63 lower-case letters, digits, dots and hyphens"));
        }
        let prefix = prefix.trim_end_matches('/');
        let is_of_prefix = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/=+@,".contains(&byte);
        if !prefix.bytes().all(is_of_prefix) {
            return Err(NotAnAddress("a prefix has letters, digits, and - . _ / = + @ ,"));
        }
        if prefix.len() > PREFIX_MAX {
            return Err(NotAnAddress("a prefix has 512 bytes at most"));
        }
        let is_odd = |part: &str| matches!(part, "" | "." | "..");
        if !prefix.is_empty() && prefix.split('/').any(is_odd) {
            return Err(NotAnAddress("no part of a prefix is empty, `.` or `..`"));
        }
        Ok(S3Address { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_bucket_and_a_prefix() {
        for (text, bucket, prefix, shown) in [
            ("s3://practice", "practice", "", "s3://practice"),
            ("s3://practice/", "practice", "", "s3://practice"),
            ("s3://practice/a/b-1_2.x//", "practice", "a/b-1_2.x", "s3://practice/a/b-1_2.x"),
        ] {
            let address: S3Address = text.parse().unwrap();
            assert_eq!((address.bucket(), address.prefix()), (bucket, prefix));
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn what_could_be_meant_otherwise_is_refused() {
        for text in [
            "practice",
            "S3://practice",
            "s3:practice",
            "s3:/practice/x",
            "s3://",
            "s3:///x",
            "s3://ab",
            "s3://Practice/x",
            "s3://key:secret@host/bucket",
            "s3://host:9000/bucket",
            "s3://practice//x",
            "s3://practice/a//b",
            "s3://practice/a/../b",
            "s3://practice/./b",
            "s3://practice/a b",
            "s3://practice/a?x",
            "s3://practice/ä",
        ] {
            assert!(text.parse::<S3Address>().is_err(), "{text}");
        }
        assert!(format!("s3://practice/{}", "x".repeat(513)).parse::<S3Address>().is_err());
    }
}

//! The guards of a bucket: how long objects cannot be deleted, and rules that would delete them.

use jiff::Timestamp;
use serde::Deserialize;

use super::S3Store;
use super::answer::{Failure, Reply};
use super::request::{Subject, parse};
use crate::{ObjectName, Result};

/// The settings of a bucket that protect objects, or destroy them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// Whether it keeps what is deleted or replaced.
    pub keeps_versions: bool,
    /// Whether versions can be locked, and for how long each new one is.
    pub lock: Lock,
    /// Rules that would delete objects of the repository, or move them where they cannot be read at once, in words.
    pub harmful: Vec<String>,
}

/// Whether versions of objects can be locked against deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// They cannot.
    None,
    /// They can, and new ones are not unless somebody asks.
    OnRequest,
    /// Every new one is, for so many days.
    Days(u32),
}

/// The mode in which a version is locked. An administrator of the bucket can open it.
const MODE: &str = "GOVERNANCE";
/// The mode that nobody can open. A lock in it stays in it.
const STRICT: &str = "COMPLIANCE";

impl S3Store {
    /// The settings of the bucket that protect objects, or destroy them. A server that does not know such things has none.
    ///
    /// # Errors
    /// [`crate::StoreErrorKind::PermissionDenied`] if the account may not ask; if the server does not answer.
    pub fn guards(&self) -> Result<Guards> {
        let failed = |failure: Failure| failure.error("ask for the rules of", &self.address);
        let keeps_versions = match self.keeps_versions() {
            Err(error) if error.kind == crate::StoreErrorKind::Unsupported => false,
            known => known?,
        };
        let lock = match self.configuration("object-lock").map_err(failed)? {
            None => Lock::None,
            Some(document) => parse::<LockConfiguration>(&document, "locks").map_err(failed)?.lock(),
        };
        let harmful = match self.configuration("lifecycle").map_err(failed)? {
            None => Vec::new(),
            Some(document) => {
                let lifecycle = parse::<Lifecycle>(&document, "rules for the age of objects").map_err(failed)?;
                let prefix = self.prefix(crate::Folder::Top).unwrap_or_default();
                lifecycle.rules.iter().filter_map(|rule| rule.harm(&prefix)).collect()
            }
        };
        Ok(Guards { keeps_versions, lock, harmful })
    }

    /// Locks an object that is there until `until`; a lock that lasts longer already stays.
    ///
    /// # Errors
    /// [`crate::StoreErrorKind::NotFound`]; [`crate::StoreErrorKind::Unsupported`] if the bucket has no locks;
    /// [`crate::StoreErrorKind::PermissionDenied`].
    pub(super) fn lock(&self, name: &ObjectName, until: i64) -> Result<()> {
        let path = self.path(name)?;
        let until = Timestamp::from_second(until).unwrap_or(Timestamp::MAX);
        let subject = Subject::object(&path, &[("retention", "")]);
        let failed = |failure: Failure| failure.error("protect", name);
        let there = match self.request("GET", subject) {
            Ok(document) => parse::<Retention>(&document, "a lock").map_err(failed)?,
            Err(failure) if failure.is_unset() => Retention::default(),
            Err(failure) => return Err(failed(failure)),
        };
        if there.retain_until_date.is_some_and(|there| there >= until) {
            return Ok(());
        }
        let mode = if there.mode.as_deref() == Some(STRICT) { STRICT } else { MODE };
        let until = until.strftime("%Y-%m-%dT%H:%M:%SZ");
        let body = format!(
            "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
        );
        self.request_with("PUT", subject, body.into_bytes()).map(drop).map_err(failed)
    }

    /// A part of the bucket's configuration; `None` if it was never set, or the server has none.
    fn configuration(&self, part: &str) -> std::result::Result<Option<String>, Failure> {
        match self.request("GET", Subject::bucket(&[(part, "")])) {
            Ok(document) => Ok(Some(document)),
            Err(failure) if failure.is_unset() || failure.reply == Reply::Unsupported => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LockConfiguration {
    object_lock_enabled: Option<String>,
    rule: Option<LockRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LockRule {
    default_retention: Option<DefaultRetention>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DefaultRetention {
    days: Option<u32>,
    years: Option<u32>,
}

impl LockConfiguration {
    fn lock(&self) -> Lock {
        if self.object_lock_enabled.as_deref() != Some("Enabled") {
            return Lock::None;
        }
        let retention = self.rule.as_ref().and_then(|rule| rule.default_retention.as_ref());
        let days = retention.and_then(|r| r.days.or(r.years.map(|years| years.saturating_mul(365))));
        days.map_or(Lock::OnRequest, Lock::Days)
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Retention {
    mode: Option<String>,
    retain_until_date: Option<Timestamp>,
}

/// Rules for the age of objects.
#[derive(Deserialize)]
struct Lifecycle {
    #[serde(rename = "Rule", default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    #[serde(rename = "ID")]
    id: Option<String>,
    #[serde(default)]
    status: String,
    prefix: Option<String>,
    filter: Option<Filter>,
    expiration: Option<Expiration>,
    #[serde(rename = "Transition", default)]
    transitions: Vec<Transition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    prefix: Option<String>,
    and: Option<And>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct And {
    prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Expiration {
    days: Option<String>,
    date: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transition {
    #[serde(default)]
    storage_class: String,
}

/// Classes of storage that answer a read only after hours.
const COLD: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

impl Rule {
    /// The harm that the rule does to objects whose keys begin with `prefix`, in words. A filter by tags or size counts as
    /// none: nobody knows which objects it will meet.
    fn harm(&self, prefix: &str) -> Option<String> {
        let filter = self.filter.as_ref();
        let of_filter =
            filter.and_then(|f| f.prefix.as_deref().or(f.and.as_ref().and_then(|and| and.prefix.as_deref())));
        let concerned = self.prefix.as_deref().or(of_filter).unwrap_or_default();
        let is_met = concerned.starts_with(prefix) || prefix.starts_with(concerned);
        if self.status != "Enabled" || !is_met {
            return None;
        }
        let named = self.id.as_deref().filter(|id| !id.is_empty()).map_or_else(String::new, |id| format!(" `{id}`"));
        let after = self.expiration.as_ref().and_then(|expiration| match (&expiration.days, &expiration.date) {
            (Some(days), _) => Some(format!("{days} days after they were written")),
            (None, Some(date)) => Some(format!("on {date}")),
            (None, None) => None,
        });
        if let Some(after) = after {
            return Some(format!("the rule{named} deletes objects {after}, also those that snapshots need"));
        }
        let cold = self.transitions.iter().find(|transition| COLD.contains(&transition.storage_class.as_str()));
        cold.map(|cold| {
            format!("the rule{named} moves objects to {}, where they cannot be read at once", cold.storage_class)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn harms(rules: &str, prefix: &str) -> Vec<String> {
        let document = format!(
            "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{rules}</LifecycleConfiguration>"
        );
        let lifecycle: Lifecycle = parse(&document, "rules").unwrap();
        lifecycle.rules.iter().filter_map(|rule| rule.harm(prefix)).collect()
    }

    #[test]
    fn a_rule_that_deletes_objects_of_the_repository_does_harm() {
        let rule = |filter: &str, act: &str| format!("<Rule><ID>old</ID>{filter}<Status>Enabled</Status>{act}</Rule>");
        let by_days = "<Expiration><Days>30</Days></Expiration>";
        for filter in [
            "",
            "<Prefix/>",
            "<Filter/>",
            "<Filter><Prefix>office/</Prefix></Filter>",
            "<Filter><Prefix>office/enamel/packs/</Prefix></Filter>",
            "<Filter><And><Prefix>office</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>",
            "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>",
            "<Prefix>off</Prefix>",
        ] {
            let said = harms(&rule(filter, by_days), "office/enamel/");
            assert_eq!(said.len(), 1, "{filter}");
            assert!(said[0].contains("`old` deletes objects 30 days after"), "{said:?}");
        }
        let by_date = "<Expiration><Date>2027-01-01T00:00:00Z</Date></Expiration>";
        assert_eq!(harms(&rule("", by_date), "office/enamel/").len(), 1);
        let cold = "<Transition><Days>90</Days><StorageClass>DEEP_ARCHIVE</StorageClass></Transition>";
        assert!(harms(&rule("", cold), "")[0].contains("DEEP_ARCHIVE"));
        assert_eq!(harms(&format!("{}{}", rule("", by_days), rule("", by_days)), "").len(), 2);
    }

    #[test]
    fn rules_about_other_objects_or_old_versions_do_none() {
        let harmless = [
            "<Rule><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
            "<Rule><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
            "<Rule><Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>35</NoncurrentDays></NoncurrentVersionExpiration></Rule>",
            "<Rule><Status>Enabled</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>",
            "<Rule><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>",
            "<Rule><Status>Enabled</Status><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition></Rule>",
        ];
        for rule in harmless {
            assert_eq!(harms(rule, "office/enamel/"), Vec::<String>::new(), "{rule}");
        }
        assert_eq!(harms("", ""), Vec::<String>::new());
    }

    #[test]
    fn a_lock_is_for_days_or_years_or_on_request() {
        let lock = |inside: &str| {
            let document = format!("<ObjectLockConfiguration>{inside}</ObjectLockConfiguration>");
            parse::<LockConfiguration>(&document, "locks").unwrap().lock()
        };
        let enabled = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>";
        let rule = |time: &str| {
            format!("{enabled}<Rule><DefaultRetention><Mode>GOVERNANCE</Mode>{time}</DefaultRetention></Rule>")
        };
        assert_eq!(lock(""), Lock::None);
        assert_eq!(lock(enabled), Lock::OnRequest);
        assert_eq!(lock(&rule("<Days>35</Days>")), Lock::Days(35));
        assert_eq!(lock(&rule("<Years>2</Years>")), Lock::Days(730));
    }
}

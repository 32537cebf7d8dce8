//! Filters snapshots by host and tag.

use std::collections::BTreeSet;

use repo_format::manifest::Manifest;

use crate::error::{Error, ErrorKind, Result};

/// A filter of snapshots; empty, it accepts all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter<'f> {
    /// Accept only snapshots of this host.
    pub host: Option<&'f str>,
    /// Accept only snapshots with this tag.
    pub tag: Option<&'f str>,
}

impl Filter<'_> {
    /// Whether the filter accepts `manifest`.
    pub fn counts(&self, manifest: &Manifest) -> bool {
        self.host.is_none_or(|host| host == manifest.host)
            && self.tag.is_none_or(|tag| manifest.tags.iter().any(|own| own == tag))
    }

    /// Refuses a filter that accepts none of `snapshots`: it is probably mistyped, and a run that does nothing would
    /// look like a success.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`]; the message names the existing hosts or tags.
    pub fn check<'m>(&self, snapshots: impl Iterator<Item = &'m Manifest> + Clone) -> Result<()> {
        let mut all = snapshots.clone().peekable();
        if all.peek().is_none() || all.any(|manifest| self.counts(manifest)) {
            return Ok(());
        }
        let hosts: BTreeSet<&str> = snapshots.clone().map(|manifest| manifest.host.as_str()).collect();
        let tags: BTreeSet<&str> = snapshots.flat_map(|manifest| &manifest.tags).map(String::as_str).collect();
        let message = match (self.host, self.tag) {
            (Some(host), _) if !hosts.contains(host) => {
                format!("no snapshot is of the host `{host}`; there are: {}", listed(&hosts))
            }
            (_, Some(tag)) if !tags.contains(tag) => {
                format!("no snapshot has the tag `{tag}`; there are: {}", listed(&tags))
            }
            (host, tag) => format!(
                "no snapshot of the host `{}` has the tag `{}`",
                host.unwrap_or_default(),
                tag.unwrap_or_default()
            ),
        };
        Err(Error::new(ErrorKind::Usage, message).with_hint("`enamel snapshots` lists all hosts and tags."))
    }
}

fn listed(names: &BTreeSet<&str>) -> String {
    if names.is_empty() { "none".to_owned() } else { names.iter().copied().collect::<Vec<_>>().join(", ") }
}

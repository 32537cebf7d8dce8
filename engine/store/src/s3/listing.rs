//! Listings: page after page, and those of many objects in several parts at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use object_store::list::{PaginatedListOptions, PaginatedListStore};

use super::answer::Failure;
use super::{S3Address, S3Store};
use crate::{Folder, ObjectInfo, ObjectName, Result};

/// More bytes than a page of a listing has.
pub(super) const LARGEST_PAGE: u64 = 4 << 20;
/// The parts of a long listing: names are hashes, so they are alike.
const PARTS: &[u8; 16] = b"0123456789abcdef";
/// Parts that are listed at once.
const LISTERS: usize = 8;
/// Pages that wait for the caller.
const PAGES: usize = 4;

/// A part of a listing, and the token for the next.
pub(super) struct Page {
    pub objects: Vec<Listed>,
    /// The beginnings of keys up to their next slash, where only the top is listed.
    folders: Vec<String>,
    next: Option<String>,
}

/// An object in a listing.
pub(super) struct Listed {
    pub key: String,
    pub size: u64,
    /// Seconds since 1970, by the clock of the server.
    pub written: i64,
}

/// The keys behind `after`, up to `until`; without a bound there is none.
struct Part {
    after: Option<String>,
    until: Option<String>,
}

impl S3Store {
    /// Calls `found` and `strange` as [`crate::Store::list`] says.
    pub(super) fn list_all(
        &self,
        folder: Folder,
        found: &mut dyn FnMut(ObjectInfo) -> Result<()>,
        strange: &mut dyn FnMut(String),
    ) -> Result<()> {
        let what = if folder == Folder::Top { self.address.to_string() } else { folder.as_str().to_owned() };
        let failed = |failure: Failure| failure.error("list", &what);
        let mut pass = |objects: Vec<Listed>| {
            for Listed { key, size, .. } in objects {
                let path = self.within(&key);
                match path.parse::<ObjectName>() {
                    Ok(name) if name.folder() == folder => found(ObjectInfo { name, size })?,
                    _ => strange(path.to_owned()),
                }
            }
            Ok(())
        };
        let first = self.page(folder, None, None).map_err(failed)?;
        let last = first.objects.last().map(|listed| listed.key.clone());
        pass(first.objects)?;
        match (first.next, last) {
            (None, _) => Ok(()),
            (Some(_), Some(last)) if folder == Folder::Packs => {
                self.list_parts(folder, &self.parts(folder, last), &mut pass, failed)
            }
            (Some(token), _) => self.pages(folder, token, &mut |objects| pass(objects), failed),
        }
    }

    /// Calls `each` for every page of a listing, one after the other.
    pub(super) fn each_page(&self, folder: Folder, each: &mut dyn FnMut(Page) -> Result<()>) -> Result<()> {
        let what = if folder == Folder::Top { self.address.to_string() } else { folder.as_str().to_owned() };
        let mut token = None;
        loop {
            let mut page = self.page(folder, None, token.take()).map_err(|failure| failure.error("list", &what))?;
            token = page.next.take();
            each(page)?;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// The places one step below this one, in the order of their names. A place whose name no address can have is left
    /// out.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn places_below(&self) -> Result<Vec<S3Address>> {
        let mut places = BTreeMap::new();
        self.each_page(Folder::Top, &mut |page| {
            for prefix in page.folders {
                // A server may name one again on the next page.
                if let Ok(address) = format!("s3://{}/{prefix}", self.address.bucket()).parse() {
                    places.insert(prefix, address);
                }
            }
            Ok(())
        })?;
        Ok(places.into_values().collect())
    }

    fn pages(
        &self,
        folder: Folder,
        token: String,
        pass: &mut dyn FnMut(Vec<Listed>) -> Result<()>,
        failed: impl Fn(Failure) -> crate::StoreError,
    ) -> Result<()> {
        let mut token = Some(token);
        while let Some(here) = token {
            let page = self.page(folder, None, Some(here)).map_err(&failed)?;
            pass(page.objects)?;
            token = page.next;
        }
        Ok(())
    }

    /// The keys of a folder behind `last`, in parts of about the same length.
    fn parts(&self, folder: Folder, last: String) -> Vec<Part> {
        let prefix = self.prefix(folder).unwrap_or_default();
        let bounds = PARTS.iter().map(|digit| format!("{prefix}{}", char::from(*digit)));
        let mut after = last;
        let mut parts = Vec::new();
        for bound in bounds {
            if bound > after {
                parts.push(Part { after: Some(std::mem::replace(&mut after, bound.clone())), until: Some(bound) });
            }
        }
        parts.push(Part { after: Some(after), until: None });
        parts
    }

    /// Lists several parts at once. The caller's thread passes on what they find.
    fn list_parts(
        &self,
        folder: Folder,
        parts: &[Part],
        pass: &mut dyn FnMut(Vec<Listed>) -> Result<()>,
        failed: impl Fn(Failure) -> crate::StoreError,
    ) -> Result<()> {
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            let (sender, pages) = sync_channel(PAGES);
            for _ in 0..LISTERS.min(parts.len()) {
                let (sender, next, is_over) = (sender.clone(), &next, &is_over);
                let own = move || parts.get(next.fetch_add(1, Ordering::Relaxed));
                scope.spawn(move || {
                    std::iter::from_fn(own).for_each(|part| self.list_part(folder, part, &sender, is_over))
                });
            }
            drop(sender);
            let mut result = Ok(());
            for page in pages {
                // The others end at their next page.
                if result.is_ok() {
                    result = page.map_err(&failed).and_then(&mut *pass);
                    is_over.store(result.is_err(), Ordering::Relaxed);
                }
            }
            result
        })
    }

    /// Sends the pages of a part, or why that failed.
    fn list_part(
        &self,
        folder: Folder,
        part: &Part,
        pages: &SyncSender<std::result::Result<Vec<Listed>, Failure>>,
        is_over: &AtomicBool,
    ) {
        let mut token = None;
        while !is_over.load(Ordering::Relaxed) {
            let after = if token.is_none() { part.after.clone() } else { None };
            let mut page = match self.page(folder, after, token.take()) {
                Ok(page) => page,
                Err(failure) => return drop(pages.send(Err(failure))),
            };
            let is_within = |key: &String| part.until.as_ref().is_none_or(|until| key <= until);
            let ends = page.objects.last().is_some_and(|listed| !is_within(&listed.key));
            page.objects.retain(|listed| is_within(&listed.key));
            token = page.next.filter(|_| !ends);
            if pages.send(Ok(page.objects)).is_err() || token.is_none() {
                return;
            }
        }
    }

    /// One page of a listing, from a token or behind a key.
    fn page(&self, folder: Folder, after: Option<String>, token: Option<String>) -> std::result::Result<Page, Failure> {
        let prefix = self.prefix(folder);
        let delimiter = (folder == Folder::Top).then_some("/".into());
        self.repeat(|| {
            let options = PaginatedListOptions {
                offset: after.clone(),
                delimiter: delimiter.clone(),
                page_token: token.clone(),
                ..PaginatedListOptions::default()
            };
            let page = self.client.wait(
                self.patience.limit(LARGEST_PAGE),
                self.client.reads.list_paginated(prefix.as_deref(), options),
            )?;
            let objects = page.result.objects.into_iter();
            let listed = |o: object_store::ObjectMeta| Listed {
                key: String::from(o.location),
                size: o.size,
                written: o.last_modified.timestamp(),
            };
            let folders = page.result.common_prefixes.into_iter().map(String::from).collect();
            Ok(Page { objects: objects.map(listed).collect(), folders, next: page.page_token })
        })
    }
}

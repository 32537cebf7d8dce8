//! A store, with what this machine keeps of what is lost in it.

use std::collections::BTreeMap;

use engine_store::{Original, Store};

/// Objects by what they are.
pub(super) type Objects = BTreeMap<Original, Vec<u8>>;

static NOTHING: Objects = Objects::new();

/// A store, and what this machine keeps of what is lost there.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    pub store: &'s dyn Store,
    pub kept: &'s Objects,
}

impl<'s> From<&'s dyn Store> for Source<'s> {
    fn from(store: &'s dyn Store) -> Self {
        Source { store, kept: &NOTHING }
    }
}

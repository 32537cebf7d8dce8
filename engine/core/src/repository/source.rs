//! A store, together with this machine's copies of lost objects.

use std::collections::BTreeMap;

use engine_store::{Original, Store};

/// Objects by their original.
pub(super) type Objects = BTreeMap<Original, Vec<u8>>;

static NOTHING: Objects = Objects::new();

/// A store, together with this machine's copies of objects that the store has lost.
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

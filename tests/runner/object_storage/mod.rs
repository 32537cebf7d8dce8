//! Repositories in object storage, on a server of the tests' own.

mod cluster;
mod conformance;
mod encrypted;
mod exclusive;
mod faults;
mod keys;
mod losing;
mod middle;
mod past;
mod real;
mod repository;
mod requests;
mod volumes;

use std::sync::Arc;

use engine::store::Store;
use engine::store::s3::S3Store;
use scenario_tests::object_storage::{Manner, ObjectStorage};

/// A server, and a store in it.
fn server(manner: Manner) -> (ObjectStorage, Arc<S3Store>) {
    let server = ObjectStorage::start(manner);
    let store = Arc::new(S3Store::new(&server.options("office/enamel")).unwrap());
    (server, store)
}

/// Another client of the same place.
fn another(server: &ObjectStorage) -> Arc<dyn Store> {
    Arc::new(S3Store::new(&server.options("office/enamel")).unwrap())
}

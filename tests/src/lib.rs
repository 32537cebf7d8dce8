//! Programs that tests need: real database servers and their schemas; the explorer of everything that processes can do to
//! one store; a server of object storage.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails as the test does")]

pub mod awkward;
pub mod damage;
pub mod databases;
pub mod differences;
pub mod explore;
pub mod filled;
pub mod object_storage;
pub mod server;
pub mod writers;

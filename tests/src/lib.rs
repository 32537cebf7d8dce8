//! What tests of several packages need: real database servers, and what lies in them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails as the test does")]

pub mod damage;
pub mod databases;
pub mod server;
pub mod writers;

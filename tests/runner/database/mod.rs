//! Databases: servers of the tests' own, and what is saved of them and restored.

mod data;
mod server;

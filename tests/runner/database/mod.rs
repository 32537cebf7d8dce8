//! Databases: servers of the tests' own, and what is saved of them and restored.

mod connection;
mod load;
mod save;
mod server;

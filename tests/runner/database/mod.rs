//! Databases: servers of the tests' own, and what is saved of them and restored.

mod broken;
mod connection;
mod copies;
mod data;
mod export;
mod generated;
mod heal;
mod held;
mod live;
mod load;
mod locks;
mod matrix;
mod past;
mod programs;
mod receipts;
mod replay;
pub mod save;
mod scratch;
mod server;
mod settings;
mod standstill;
mod stopping;
mod torture;
mod trouble;
mod twin;
mod versions;
mod writers;

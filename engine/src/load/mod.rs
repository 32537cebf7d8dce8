//! Load: databases of a snapshot into a server.

pub mod definition;
pub mod insert;
pub mod rows;
pub mod session;
pub mod tokens;
pub mod warnings;

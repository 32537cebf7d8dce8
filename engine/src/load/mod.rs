//! Load: databases of a snapshot into a server.

mod definition;
mod insert;
mod rows;
mod session;
mod tokens;
mod warnings;

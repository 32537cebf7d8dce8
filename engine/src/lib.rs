//! The Enamel backup engine.

pub mod error;
pub mod filesystem;
pub mod monitor;
pub mod source;
pub mod store;

pub use error::{Error, ErrorKind, Result};

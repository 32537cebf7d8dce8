//! Copies between repositories.

mod interruption;
mod parts;
mod scene;
mod whole;

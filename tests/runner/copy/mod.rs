//! Copies between repositories.

mod check;
mod folder;
mod hostile;
mod interruption;
mod parts;
mod scene;
mod swapped;
mod together;
mod unrelated;
mod whole;

pub use scene::Scene;

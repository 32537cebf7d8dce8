//! Scenarios through the whole engine.

mod damage;
mod hostile;

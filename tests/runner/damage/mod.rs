//! A damaged repository: what is wrong is noticed, what can be restored is, and nothing crashes.

mod aside;
mod cache;
mod copies;
mod errors;
pub mod lab;
mod matrix;
mod repair;
mod whole;

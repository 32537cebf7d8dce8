//! The plan: what would go, of which snapshot, and what is refused; sealed, so that what is run is what was planned.

mod checks;
mod contents;
mod digest;
mod forecast;
mod make;
mod seal;

pub use contents::{Plan, Seal};
pub use forecast::Forecast;
pub use make::{PlanOptions, Planned, plan};

pub(in crate::purge) use checks::{check_cutoff, check_exceptions, check_names, check_rights};
pub(in crate::purge) use seal::check_seal;

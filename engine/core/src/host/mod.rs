//! The host's side of supplemental repositories: everything here works without any key, and can check no tag.

mod look;
mod scrub;

pub use look::{Claim, Practice, Standing, is_repository, look, look_at_all};
pub use scrub::{ScrubOutcome, scrub};

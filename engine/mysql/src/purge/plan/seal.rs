//! The seal of a plan: it says that a member of the repository made it, and that nobody has edited it since.

use super::contents::{Plan, Seal};
use engine_core::crypto::Keys;
use engine_core::error::{Error, ErrorKind, Result};

impl Seal {
    /// The seal of `plan` by `keys`.
    pub(in crate::purge) fn of(plan: &Plan, keys: &Keys) -> Self {
        Seal { epoch: keys.newest_epoch(), tag: keys.plan_tag(&plan.digest()) }
    }
}

/// Checks that `plan` is as its maker sealed it, with the newest of `keys`.
///
/// # Errors
/// [`ErrorKind::Refused`] if its keys have been replaced since, as the removal of a member does; [`ErrorKind::Usage`] if it was edited, or
/// is of another repository.
pub(in crate::purge) fn check_seal(plan: &Plan, keys: &Keys) -> Result<()> {
    let newest = keys.newest_epoch();
    if plan.seal.epoch < newest {
        let message = "the keys of the repository were replaced after the plan was made: make a new plan";
        return Err(Error::new(ErrorKind::Refused, message));
    }
    // This comparison takes as long however much of it is right.
    if plan.seal.epoch == newest && blake3::Hash::from(plan.seal.tag) == keys.plan_tag(&plan.digest()) {
        Ok(())
    } else {
        let message = "the plan was edited after it was made, or is of another repository: make a new plan";
        Err(Error::new(ErrorKind::Usage, message)
            .with_hint("`enamel purge plan` makes one; a plan can be run as it was made only."))
    }
}

//! How a writer announces itself, and gives way to a run that must be alone (FORMAT.md, section 13.3).

use std::time::{Duration, Instant};

use repo_format::id::LeaseId;
use repo_format::lease::Lease;

use super::WriterSession;
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::repository::{Other, lease_names, lease_of_this_process, put_lease};
use crate::words::counted;

/// The pause before a waiting writer looks again.
const PAUSE: Duration = Duration::from_secs(2);
/// A waiting writer asks after this time whether to stop.
const STEP: Duration = Duration::from_millis(100);

impl WriterSession<'_> {
    /// Reads the condemned packs, **then** puts the lease, **then** looks for a run that must be alone. While there is
    /// one, takes the lease back, waits, and begins again with another id.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if such a run is there for too long.
    pub(super) fn announce(&mut self, monitor: &dyn Monitor) -> Result<()> {
        let began = Instant::now();
        loop {
            let (condemned, _) = self.repository.newest_condemned()?;
            // The list may show that an older copy of the keyring stands in its place. Then nothing is written.
            self.repository.refuse_older_copies()?;
            self.seen = condemned.next - 1;
            if self.options.dry_run {
                return Ok(());
            }
            // It may exist even if this fails; the session then gives it up.
            self.lease_is_there = true;
            put_lease(self.repository, &self.lease())?;
            let ahead = self.repository.ahead_of(self.id)?;
            let Some(first) = ahead.first() else { return Ok(()) };
            self.give_up_lease()?;
            self.wait_for(first, began, monitor)?;
            self.id = LeaseId(random()?);
        }
    }

    fn lease(&self) -> Lease {
        let own = lease_of_this_process(self.repository, self.id, &self.options.host, &self.options.program);
        Lease { seen: self.seen, ..own }
    }

    /// Waits until a lease is gone.
    fn wait_for(&self, other: &Other, began: Instant, monitor: &dyn Monitor) -> Result<()> {
        let patience = self.repository.patience();
        let describe = || format!("there is {other}, and nobody else may write meanwhile");
        let give_up = || {
            Error::new(ErrorKind::Fenced, describe()).with_hint(
                "Wait until it has ended, then run this command again. If it is dead for certain, see `enamel leases remove --help`.",
            )
        };
        if began.elapsed() >= patience {
            return Err(give_up());
        }
        let most = counted(patience.as_secs().div_ceil(60), "minute");
        monitor.note(&format!("{}; waiting for it, {most} at most", describe()));
        while began.elapsed() < patience {
            let pause = Instant::now();
            while pause.elapsed() < PAUSE.min(patience) {
                if monitor.is_cancelled() {
                    return Err(Error::cancelled());
                }
                std::thread::sleep(STEP);
            }
            if !lease_names(self.repository)?.contains(&other.id) {
                return Ok(());
            }
        }
        Err(give_up())
    }
}

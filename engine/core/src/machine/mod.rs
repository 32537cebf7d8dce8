//! Identifies this machine, this boot and this process, for leases. And the clock.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "other.rs")]
mod system;

pub use system::{boot_id, go_last, host, process_space};

use repo_format::context;
use repo_format::id::{Bytes32, RepositoryId};

/// A process id on this machine, as the system sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// No process has this id.
    Gone,
    /// A process has this id. Its start time is in the system's own units, or `None` if the system does not say.
    There(Option<u64>),
}

/// Looks up the process with this id.
pub fn process(id: u64) -> Process {
    system::process(id)
}

/// The machine's identity in one repository. It differs between repositories, so nobody can tell that two are used from
/// one machine. `None` if the machine has no marks.
pub fn identity(repository: RepositoryId) -> Option<Bytes32> {
    let marks = system::marks()?;
    let mut hasher = blake3::Hasher::new_derive_key(context::MACHINE);
    hasher.update(&repository.0).update(&marks);
    Some(Bytes32(*hasher.finalize().as_bytes()))
}

/// The time of the last boot, in seconds since 1970; `None` if the system does not say.
pub(crate) fn booted() -> Option<i64> {
    Some(now().seconds.saturating_sub(system::uptime()?))
}

/// The current time, in whole seconds and nanoseconds since 1970.
pub fn now() -> repo_format::entry::Time {
    #[cfg(any(test, all(debug_assertions, feature = "test-support")))]
    if let Some(time) = standing::time() {
        return time;
    }
    let now = jiff::Timestamp::now();
    let (seconds, nanoseconds) = (now.as_second(), now.subsec_nanosecond());
    // Before 1970 the parts are negative; a clock that is so wrong counts as 1970.
    repo_format::entry::Time { seconds: seconds.max(0), nanoseconds: nanoseconds.try_into().unwrap_or(0) }
}

/// The difference between the clocks of two machines that is still plausible, in seconds: some clocks are set by hand.
const CLOCKS_DIFFER: i64 = 10 * 60;

/// Whether `time` lies so far after `now` that one of the two clocks must be wrong.
pub fn is_from_the_future(time: repo_format::entry::Time, now: repo_format::entry::Time) -> bool {
    time.seconds > now.seconds.saturating_add(CLOCKS_DIFFER)
}

/// A clock that stands still, for tests. No release build has it.
#[cfg(any(test, all(debug_assertions, feature = "test-support")))]
pub mod standing {
    use std::cell::Cell;

    use repo_format::entry::Time;

    thread_local! {
        static TIME: Cell<Option<Time>> = const { Cell::new(None) };
    }

    /// Runs `work`. Meanwhile, on this thread only, the time is `time`.
    pub fn at<T>(time: Time, work: impl FnOnce() -> T) -> T {
        let before = TIME.replace(Some(time));
        let result = work();
        TIME.set(before);
        result
    }

    pub(super) fn time() -> Option<Time> {
        TIME.get()
    }
}

//! What tells this machine, this run of it and this process from others: for leases. And the clock.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "other.rs")]
mod system;

pub use system::{boot_id, process_space};

use repo_format::context;
use repo_format::id::{Bytes32, RepositoryId};

/// What this machine knows of a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// There is none.
    Gone,
    /// There is one. When it started, as the system counts; none where the system does not say.
    There(Option<u64>),
}

/// The process of this number.
pub fn process(id: u64) -> Process {
    system::process(id)
}

/// The machine as a repository knows it: nobody can tell by it that two repositories are used from one machine. None where nothing tells
/// it from others.
pub fn identity(repository: RepositoryId) -> Option<Bytes32> {
    let marks = system::marks()?;
    let mut hasher = blake3::Hasher::new_derive_key(context::MACHINE);
    hasher.update(&repository.0).update(&marks);
    Some(Bytes32(*hasher.finalize().as_bytes()))
}

/// When this machine was booted, in seconds since 1970; none where the system does not say.
pub(crate) fn booted() -> Option<i64> {
    Some(now().seconds.saturating_sub(system::uptime()?))
}

/// Now, in whole seconds and nanoseconds since 1970.
pub fn now() -> repo_format::entry::Time {
    #[cfg(any(test, all(debug_assertions, feature = "test-support")))]
    if let Some(time) = standing::time() {
        return time;
    }
    let now = jiff::Timestamp::now();
    let (seconds, nanoseconds) = (now.as_second(), now.subsec_nanosecond());
    // Before 1970 the parts are negative; a clock that wrong is taken as 1970.
    repo_format::entry::Time { seconds: seconds.max(0), nanoseconds: nanoseconds.try_into().unwrap_or(0) }
}

/// How far the clocks of machines may differ, seconds: some are set by hand.
const CLOCKS_DIFFER: i64 = 10 * 60;

/// Whether something of this time was made by a clock that is wrong, if it is `now`: this machine's clock, or the other one.
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

    /// Runs `work`. On this thread, and on no other, it is `time` meanwhile.
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

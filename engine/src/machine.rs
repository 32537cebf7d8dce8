//! What tells this run of this machine from others: for leases.

/// Identity of the machine's current run; empty where the operating system does not say.
pub fn boot_id() -> String {
    #[cfg(target_os = "linux")]
    if let Ok(id) = std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        return id.trim().to_owned();
    }
    String::new()
}

/// Now, in whole seconds and nanoseconds since 1970.
pub fn now() -> repo_format::entry::Time {
    #[cfg(any(test, feature = "test-support"))]
    if let Some(time) = standing::time() {
        return time;
    }
    let now = jiff::Timestamp::now();
    let (seconds, nanoseconds) = (now.as_second(), now.subsec_nanosecond());
    // Before 1970 the parts are negative; a clock that wrong is taken as 1970.
    repo_format::entry::Time { seconds: seconds.max(0), nanoseconds: nanoseconds.try_into().unwrap_or(0) }
}

/// A clock that stands still, for tests.
#[cfg(any(test, feature = "test-support"))]
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

//! What of connections only Unix knows.

use std::os::fd::RawFd;

use mysql::OptsBuilder;
use nix::sys::socket::{Shutdown, shutdown};

/// A connection without traffic is probed after so many milliseconds,
const PROBE_AFTER_MS: u32 = 60_000;
/// again each so many seconds,
const PROBE_EVERY_SECONDS: u32 = 15;
/// and is given up after so many probes without an answer: three minutes after the last sign of the other machine.
const PROBES: u32 = 8;
/// What was sent is given up when it was not acknowledged for as long.
const UNACKNOWLEDGED_MS: u32 = 180_000;

/// Has the system find out when the machine at the other end is gone, or something between has forgotten the connection.
pub(super) fn with_probes(opts: OptsBuilder) -> OptsBuilder {
    let opts = opts.tcp_keepalive_time_ms(Some(PROBE_AFTER_MS));
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    let opts =
        opts.tcp_keepalive_probe_interval_secs(Some(PROBE_EVERY_SECONDS)).tcp_keepalive_probe_count(Some(PROBES));
    #[cfg(target_os = "linux")]
    let opts = opts.tcp_user_timeout_ms(Some(UNACKNOWLEDGED_MS));
    opts
}

/// Ends what waits for bytes from `socket`, or sends some. It stays open.
pub(super) fn shut_down(socket: RawFd) {
    // A connection that is down already is as it should be.
    let _ = shutdown(socket, Shutdown::Both);
}

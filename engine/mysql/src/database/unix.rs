//! Settings of connections that only Unix has.

use std::os::fd::RawFd;

use mysql::OptsBuilder;
use nix::sys::socket::{Shutdown, shutdown};

/// A connection without traffic is probed after this many milliseconds.
const PROBE_AFTER_MS: u32 = 60_000;
/// The number of seconds between probes.
const PROBE_EVERY_SECONDS: u32 = 15;
/// A connection is given up after this many unanswered probes: three minutes after the last sign of the other machine.
const PROBES: u32 = 8;
/// Data that stays unacknowledged for this long ends the connection.
const UNACKNOWLEDGED_MS: u32 = 180_000;

/// Has the system notice a dead machine at the other end, or a device in between that has forgotten the connection.
pub(super) fn with_probes(opts: OptsBuilder) -> OptsBuilder {
    let opts = opts.tcp_keepalive_time_ms(Some(PROBE_AFTER_MS));
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    let opts =
        opts.tcp_keepalive_probe_interval_secs(Some(PROBE_EVERY_SECONDS)).tcp_keepalive_probe_count(Some(PROBES));
    #[cfg(target_os = "linux")]
    let opts = opts.tcp_user_timeout_ms(Some(UNACKNOWLEDGED_MS));
    opts
}

/// Ends all waits to read from `socket` or write to it. The socket stays open.
pub(super) fn shut_down(socket: RawFd) {
    // If it is down already, nothing is left to do.
    let _ = shutdown(socket, Shutdown::Both);
}

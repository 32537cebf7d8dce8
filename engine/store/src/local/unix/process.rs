//! The process that made a temporary file, and whether it is certainly dead.

/// Whether a process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::local) enum Life {
    Runs,
    /// It is certainly dead.
    Ended,
    /// It belongs to another machine or container, or the system does not say.
    Unknown,
}

/// Identifies this process among all others of this machine, in one line; empty if the system does not say. Process ids
/// are reused, and each container has its own. So the line also has the start time and the namespace.
pub(in crate::local) fn own_identity() -> String {
    let this = std::process::id();
    match (place(), started(this)) {
        (Some(place), Some(started)) => format!("{place} {this} {started}"),
        _ => String::new(),
    }
}

/// Whether the process with that identity lives.
pub(in crate::local) fn state_of(identity: &str) -> Life {
    let mut words = identity.split(' ');
    let (Some(boot), Some(namespace), Some(process), Some(began), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Life::Unknown;
    };
    let is_of_here = place().is_some_and(|place| place == format!("{boot} {namespace}"));
    let (true, Ok(process), Ok(began)) = (is_of_here, process.parse::<u32>(), began.parse::<u64>()) else {
        return Life::Unknown;
    };
    match started(process) {
        Some(now) if now == began => Life::Runs,
        // Another process has the id now.
        Some(_) => Life::Ended,
        None if is_gone(process) => Life::Ended,
        None => Life::Unknown,
    }
}

fn is_gone(process: u32) -> bool {
    let pid = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

/// The boot of this machine, and the namespace of process ids.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn place() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.to_str()?))
}

/// The start of a process, in ticks since the machine booted.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn started(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field, a name in parentheses, may hold any characters; the start is the 22nd field.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn place() -> Option<String> {
    None
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn started(_: u32) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_living_the_dead_and_those_of_other_machines_are_told_apart() {
        let own = own_identity();
        assert_eq!(own.split(' ').count(), 4, "{own}");
        assert_eq!(state_of(&own), Life::Runs);
        let (place, started) = own.rsplit_once(' ').unwrap();
        assert_eq!(state_of(&format!("{place} {}", started.parse::<u64>().unwrap() + 1)), Life::Ended);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (machine, _) = place.rsplit_once(' ').unwrap();
        let dead = format!("{machine} {} {started}", child.id());
        child.wait().unwrap();
        assert_eq!(state_of(&dead), Life::Ended);
        assert_eq!(state_of(&dead.replace("pid:", "pid:1")), Life::Unknown, "another container");
        for odd in ["", "a b c d", "a b c", &format!("{own} more"), &format!("another-{own}")] {
            assert_eq!(state_of(odd), Life::Unknown, "{odd}");
        }
    }
}

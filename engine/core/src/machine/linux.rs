//! The machine and its processes, as Linux describes them.

use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::Process;

/// The files in which systems keep their unique id.
const MACHINE_ID_FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
/// The number of hex digits in a machine id.
const MACHINE_ID_LEN: usize = 32;
/// The value of `addr_assign_type` for a network card's permanent address.
const PERMANENT: &str = "0";

/// Identifies this boot of the machine; empty if the operating system does not say.
pub fn boot_id() -> String {
    read("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// The niceness of threads that go last.
const LAST: i32 = 10;

/// Lets everything else on this machine go before the calling thread; its reads follow, as the kernel derives their priority.
pub fn go_last() {
    // A thread that is nicer already stays so. A thread that may not change is only in the way a little more.
    if rustix::process::getpriority_process(None).is_ok_and(|nice| nice < LAST) {
        let _ = rustix::process::setpriority_process(None, LAST);
    }
}

/// The name of this machine.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The uptime in seconds.
pub(super) fn uptime() -> Option<i64> {
    read("/proc/uptime")?.split(['.', ' ']).next()?.parse().ok()
}

/// The namespaces in which a process id and a start time have meaning: containers on one machine have their own. Empty
/// if the system does not say.
pub fn process_space() -> String {
    let space = |name: &str| fs::read_link(Path::new("/proc/self/ns").join(name)).ok();
    let spaces = ["pid", "time"].map(space).into_iter().flatten();
    spaces.map(|link| link.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Marks that distinguish this machine from others. Two clones of a disk have the same machine id, so the addresses of
/// built-in network cards count, too.
pub(super) fn marks() -> Option<Vec<u8>> {
    let is_id = |id: &String| id.len() == MACHINE_ID_LEN && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let mut marks = MACHINE_ID_FILES.iter().find_map(|file| read(file).filter(is_id))?.into_bytes();
    for address in card_addresses() {
        marks.push(b' ');
        marks.extend(address.as_bytes());
    }
    Some(marks)
}

/// The permanent addresses of network cards that users rarely change: no USB, no radio, nothing virtual.
fn card_addresses() -> Vec<String> {
    let Ok(cards) = fs::read_dir("/sys/class/net") else { return Vec::new() };
    let mut addresses: Vec<_> = cards.flatten().filter_map(|card| card_address(&card.path())).collect();
    addresses.sort();
    addresses
}

fn card_address(card: &Path) -> Option<String> {
    let device = fs::canonicalize(card.join("device")).ok()?;
    let is_plugged = device.iter().any(|part| part.as_encoded_bytes().starts_with(b"usb"));
    let is_radio = card.join("phy80211").exists() || card.join("wireless").exists();
    let is_permanent = read(card.join("addr_assign_type")).is_some_and(|kind| kind == PERMANENT);
    if is_plugged || is_radio || !is_permanent {
        return None;
    }
    read(card.join("address")).filter(|address| address.bytes().any(|byte| !matches!(byte, b'0' | b':')))
}

/// A zombie has ended; its parent has not collected its exit code yet.
pub(super) fn process(id: u64) -> Process {
    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return Process::Gone };
    // A process that we may not signal exists, and other users' processes may be hidden in /proc.
    if test_kill_process(pid) == Err(Errno::SRCH) {
        return Process::Gone;
    }
    match read(format!("/proc/{pid}/stat")).as_deref().and_then(Stat::parse) {
        Some(stat) if stat.is_zombie => Process::Gone,
        stat => Process::There(stat.map(|stat| stat.start)),
    }
}

/// The contents of `/proc/PID/stat`.
struct Stat {
    is_zombie: bool,
    /// In ticks since boot.
    start: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is a name in parentheses that may contain anything.
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<_> = fields.split(' ').collect();
        let threads: u64 = fields.get(17)?.parse().ok()?;
        Some(Stat { is_zombie: matches!(fields[0], "Z" | "X") && threads <= 1, start: fields.get(19)?.parse().ok()? })
    }
}

fn read(file: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_stands_behind_a_name_with_anything_in_it() {
        let text = |state: char, threads: u8| {
            format!("26454 (a) b (c) {state} 1 1 1 0 -1 41943 100 0 0 0 0 0 0 0 20 0 {threads} 0 102585 3133440 380")
        };
        let stat = Stat::parse(&text('R', 2)).unwrap();
        assert_eq!((stat.start, stat.is_zombie), (102_585, false));
        assert!(Stat::parse(&text('Z', 1)).unwrap().is_zombie);
        assert!(!Stat::parse(&text('Z', 2)).unwrap().is_zombie, "its other threads go on");
        assert!(Stat::parse("1 (short) R 1 2").is_none() && Stat::parse("").is_none());
    }

    #[test]
    fn this_process_is_there_and_one_that_was_not_waited_for_is_gone() {
        let own = process(std::process::id().into());
        assert!(matches!(own, Process::There(Some(_))), "{own:?}");
        assert_eq!(own, process(std::process::id().into()));
        assert_eq!(process(u64::MAX), Process::Gone);
        let mut child = std::process::Command::new("true").stdout(std::process::Stdio::piped()).spawn().unwrap();
        // Its output ends when it does, or shortly before.
        std::io::Read::read_to_end(child.stdout.as_mut().unwrap(), &mut Vec::new()).unwrap();
        while process(child.id().into()) != Process::Gone {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(process(child.id().into()), Process::Gone);
    }

    #[test]
    fn this_machine_is_always_the_same() {
        assert_eq!((boot_id(), process_space(), marks()), (boot_id(), process_space(), marks()));
        assert!(uptime().is_some_and(|seconds| seconds >= 0));
    }
}

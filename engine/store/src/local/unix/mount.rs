//! Whether locks of a mount reach other machines.

use std::path::Path;

/// Network mounts whose locks hold on this machine only: the driver does not pass them on.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LOCAL_LOCKS: [&str; 12] = [
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.gcsfuse",
    "fuse.goofys",
    "fuse.davfs",
    "davfs",
    "9p",
    "virtiofs",
    "vboxsf",
    "fuse.vmhgfs-fuse",
    "prl_fs",
];

/// Options that keep a mount's locks on this machine.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LOCAL_OPTIONS: [&str; 4] = ["nolock", "nobrl", "local_lock=flock", "local_lock=all"];

/// The kind of mount that the folder `path` is on, if its locks do not reach other machines.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::local) fn locks_are_of_one_machine(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let device = std::fs::metadata(path).ok()?.dev();
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    of_one_machine(&std::fs::read_to_string("/proc/self/mountinfo").ok()?, &device)
}

/// This system does not say.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in crate::local) fn locks_are_of_one_machine(_: &Path) -> Option<String> {
    None
}

/// A line is: number, parent, device, root, place, options, tags…, `-`, kind, source, options of the file system.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn of_one_machine(mounts: &str, device: &str) -> Option<String> {
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    let (_, of_the_file_system) = line.split_once(" - ")?;
    let mut words = of_the_file_system.split(' ');
    let (kind, options) = (words.next()?, words.nth(1).unwrap_or_default());
    let keeps = options.split(',').any(|option| LOCAL_OPTIONS.contains(&option));
    (LOCAL_LOCKS.contains(&kind) || keeps).then(|| kind.to_owned())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::of_one_machine;

    const MOUNTS: &str = "\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 22 0:50 / /mnt/a rw,nosuid - fuse.sshfs host:srv rw,user_id=0
41 22 0:51 / /mnt/b rw - nfs4 host:/srv rw,vers=4.2,local_lock=none
42 22 0:52 / /mnt/c rw - nfs host:/srv rw,vers=3,nolock,local_lock=all
43 22 0:53 / /mnt/d rw - cifs //host/d rw,vers=3.1.1,nobrl
44 22 0:54 / /mnt/e rw - cifs //host/e rw,vers=3.1.1
45 22 8:1 / /mnt/f rw - fuseblk /dev/sda1 rw
";

    #[test]
    fn mounts_whose_locks_other_machines_do_not_see_are_known() {
        let kinds =
            ["254:1", "0:50", "0:51", "0:52", "0:53", "0:54", "8:1", "9:9"].map(|of| of_one_machine(MOUNTS, of));
        let local = [None, Some("fuse.sshfs"), None, Some("nfs"), Some("cifs"), None, None, None];
        assert_eq!(kinds.each_ref().map(Option::as_deref), local);
    }
}

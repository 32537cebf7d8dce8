//! Storage whose host puts other things in the place of objects and folders. Every command ends in time, without a panic,
//! and in bounded memory. It restores no wrong byte with exit status 0, and touches nothing outside the repository.
//!
//! The ordinary run tries each thing in each place with a few commands, others for each; `ENAMEL_HOSTILE=all` tries all
//! with all.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Answer, ENAMEL, Machine, tree};

/// The time that a command may take, in seconds; they take less than one.
const SECONDS_MAX: &str = "30";
/// The memory that a command may use, in KiB: far less than the sparse file claims to hold.
const MEMORY_MAX: &str = "3000000";
/// How many commands each thing in each place is tried with, if not all.
const SAMPLED: usize = 3;
const WORKERS: usize = 4;

/// Things that can stand in a place.
#[derive(Debug, Clone, Copy)]
enum Thing {
    Pipe,
    Socket,
    Device,
    LinkToFile,
    LinkToFolder,
    LinkToItself,
    Dangling,
    Folder,
    File,
    Sparse,
    Junk,
    Empty,
    OfAnother,
    OlderCopy,
    OfAnotherEpoch,
    Nothing,
}

const THINGS: [Thing; 16] = [
    Thing::Pipe,
    Thing::Socket,
    Thing::Device,
    Thing::LinkToFile,
    Thing::LinkToFolder,
    Thing::LinkToItself,
    Thing::Dangling,
    Thing::Folder,
    Thing::File,
    Thing::Sparse,
    Thing::Junk,
    Thing::Empty,
    Thing::OfAnother,
    Thing::OlderCopy,
    Thing::OfAnotherEpoch,
    Thing::Nothing,
];

/// Commands, those that only read first; `SOURCE`, `TARGET` and `OTHER` are put in.
const COMMANDS: [&[&str]; 19] = [
    &["snapshots"],
    &["status"],
    &["ls", "latest", "--recursive"],
    &["cat", "latest:source/A/letter.txt"],
    &["find", "letter*"],
    &["diff", "FIRST", "latest"],
    &["stats"],
    &["verify"],
    &["verify", "--read-data"],
    &["key", "list"],
    &["leases"],
    &["config", "check"],
    &["restore", "latest", "--target", "TARGET"],
    &["forget", "--keep-last", "1", "--dry-run"],
    &["prune", "--dry-run"],
    &["backup", "SOURCE"],
    &["forget", "--keep-last", "1"],
    &["prune"],
    &["repair", "--read-data"],
];

/// A machine with two snapshots, and what stands outside of its repository, where links lead.
struct Scene {
    machine: Machine,
    first: String,
    places: Vec<PathBuf>,
}

impl Scene {
    fn new() -> Self {
        let machine = Machine::with_snapshot();
        let first = machine.run(["--json", "snapshots"]).expect(0).last("snapshot")["id"].as_str().unwrap().to_owned();
        // As it was before a key was removed, which begins an epoch.
        machine.run(["key", "add", "--new-key-file", "second", "--label", "second"]).expect(0);
        copy(&machine.path("repo"), &machine.path("older"));
        let keys = machine.run(["--json", "key", "list"]).expect(0).messages();
        let second = keys.iter().find(|key| key["label"] == "second").unwrap()["id"].as_str().unwrap().to_owned();
        machine.run(["key", "remove", &second]).expect(0);
        machine.write("source/B/more", vec![7; 50_000]);
        machine.backup(&[]);
        fs::create_dir_all(machine.path("outside/0123456789abcdef/years")).unwrap();
        machine.write("outside/file", vec![1; 100]);
        machine.write("outside/0123456789abcdef/years/file", "precious");
        let places = places(&machine.path("repo"));
        Scene { machine, first, places }
    }

    /// Puts a thing in a place of a copy of the repository, and tries commands on it.
    fn try_one(&self, number: usize, place: &Path, thing: Thing, wrong: &Mutex<Vec<String>>) {
        let name = format!("case {number}");
        let repository = self.machine.path(&name).join("repo");
        copy(&self.machine.path("repo"), &repository);
        copy(&self.machine.path("cache"), &self.machine.path(&name).join("cache"));
        let outside = tree(&self.machine.path("outside"));
        let from = Elsewhere { outside: self.machine.path("outside"), older: self.machine.path("older") };
        if !put(&repository, place, thing, &from) {
            return;
        }
        let all = std::env::var_os("ENAMEL_HOSTILE").is_some_and(|value| value == "all");
        for (at, command) in COMMANDS.iter().enumerate() {
            // Others for each, and in all of them every command in every place.
            let wanted = all || (0..SAMPLED).any(|turn| (number * 5 + turn * 7) % COMMANDS.len() == at);
            if wanted {
                let what = format!("{thing:?} in place of {}: {}", place.display(), command.join(" "));
                let mut found = self.run(&self.machine.path(&name), command);
                if tree(&self.machine.path("outside")) != outside {
                    found.push("something outside was changed".to_owned());
                }
                wrong.lock().unwrap().extend(found.into_iter().map(|found| format!("{what}: {found}")));
            }
        }
        fs::remove_dir_all(self.machine.path(&name)).unwrap();
    }

    /// The fault of a command.
    fn run(&self, folder: &Path, command: &[&str]) -> Vec<String> {
        let target = folder.join("target");
        let _ = fs::remove_dir_all(&target);
        let source = self.machine.path("source");
        let arguments = command.iter().map(|argument| match *argument {
            "SOURCE" => source.clone().into_os_string(),
            "TARGET" => target.clone().into_os_string(),
            "FIRST" => self.first.clone().into(),
            other => other.into(),
        });
        let script = r#"ulimit -v "$0" && exec timeout -k 1 "$@""#;
        let mut bounded = Command::new("sh");
        bounded.args(["-c", script, MEMORY_MAX, SECONDS_MAX, ENAMEL]).args(arguments);
        for (name, value) in self.machine.command([""; 0]).get_envs() {
            bounded.env(name, value.unwrap_or_default());
        }
        bounded.env("ENAMEL_REPO", folder.join("repo")).env("ENAMEL_CACHE_DIR", folder.join("cache"));
        let answer = Answer::of(bounded.current_dir(folder).output().unwrap());
        let mut wrong = Vec::new();
        let mut check = |is_right: bool, why: String| wrong.extend((!is_right).then_some(why));
        check(answer.code != 124, "it hangs".to_owned());
        check([0, 1, 3, 4, 10, 11, 12].contains(&answer.code), format!("{} {}", answer.code, answer.err));
        check(!answer.err.contains("panicked"), answer.err.clone());
        if answer.code != 0 {
            check(!(answer.err.is_empty() && answer.out.is_empty()), format!("{} without a word", answer.code));
            return wrong;
        }
        match command[0] {
            "restore" => check(tree(&target.join("source")) == tree(&source), "restored otherwise".to_owned()),
            "cat" => check(answer.out == "Dear patient", answer.out.clone()),
            _ => {}
        }
        wrong
    }
}

/// Each kind of object, and each folder; below the root.
fn places(repository: &Path) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        ["config", "condemned", "leases", "tmp", "tmp/lock", "leases/00112233445566778899aabbccddeeff"]
            .map(PathBuf::from)
            .into();
    for folder in ["keys", "keyring", "index", "snapshots", "packs"] {
        places.push(folder.into());
        let first = first_in(&repository.join(folder));
        places.push(Path::new(folder).join(first.file_name().unwrap()));
        if folder == "packs" {
            let pack = first_in(&first);
            places.push(pack.strip_prefix(repository).unwrap().to_path_buf());
        }
    }
    places
}

/// The first name in a folder, in order.
fn first_in(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).min().unwrap()
}

/// Where things come from.
struct Elsewhere {
    outside: PathBuf,
    /// The repository as it was in an older epoch.
    older: PathBuf,
}

impl Elsewhere {
    /// The same object of the older repository; or another one of the same kind, which is sealed in the epoch of then.
    fn older(&self, place: &Path) -> (Option<PathBuf>, Option<PathBuf>) {
        let same = self.older.join(place);
        let others = fs::read_dir(same.parent().unwrap()).into_iter().flatten().map(|entry| entry.unwrap().path());
        let other = others.filter(|path| *path != same && path.is_dir() == same.is_dir()).min();
        (Some(same).filter(|path| path.exists()), other)
    }
}

/// Puts a copy of a file or folder in a place, if there is one.
fn put_copy(from: Option<PathBuf>, path: &Path) -> bool {
    match from {
        Some(from) if from.is_dir() => copy(&from, path),
        Some(from) => drop(fs::copy(from, path).unwrap()),
        None => return false,
    }
    true
}

/// Puts a thing in a place; whether that was possible.
fn put(repository: &Path, place: &Path, thing: Thing, from: &Elsewhere) -> bool {
    let outside = &from.outside;
    let path = repository.join(place);
    let was_folder = path.is_dir();
    let other = path.parent().and_then(|folder| {
        let names = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path());
        names.filter(|name| *name != path && name.is_file()).min()
    });
    if path.exists() {
        fs::rename(&path, repository.with_extension("aside")).unwrap();
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    match thing {
        Thing::Pipe => mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).is_ok(),
        Thing::Device => mknodat(CWD, &path, FileType::CharacterDevice, Mode::RWXU, makedev(1, 5)).is_ok(),
        // A path of a socket has few bytes: it is made elsewhere, and moved.
        Thing::Socket => {
            let short = tempfile::tempdir().unwrap();
            let made = UnixListener::bind(short.path().join("s")).is_ok();
            made && fs::rename(short.path().join("s"), &path).is_ok()
        }
        Thing::LinkToFile => symlink(outside.join("file"), &path).is_ok(),
        Thing::LinkToFolder => symlink(outside, &path).is_ok(),
        Thing::LinkToItself => symlink(&path, &path).is_ok(),
        Thing::Dangling => symlink(outside.join("nowhere"), &path).is_ok(),
        Thing::Folder => !was_folder && fs::create_dir(&path).is_ok(),
        Thing::File => was_folder && fs::write(&path, "a file").is_ok(),
        Thing::Sparse => fs::File::create(&path).unwrap().set_len(1 << 40).is_ok(),
        Thing::Junk => fs::write(&path, vec![0x5a; 70_000]).is_ok(),
        Thing::Empty if was_folder => fs::create_dir(&path).is_ok(),
        Thing::Empty => fs::write(&path, "").is_ok(),
        Thing::OlderCopy => put_copy(from.older(place).0, &path),
        Thing::OfAnotherEpoch => put_copy(from.older(place).1, &path),
        Thing::OfAnother => other.is_some_and(|other| fs::copy(other, &path).is_ok()),
        Thing::Nothing => true,
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn whatever_stands_in_place_of_an_object_or_a_folder_no_command_hangs_or_is_fooled() {
    let scene = Scene::new();
    let cases: Vec<(&PathBuf, Thing)> =
        scene.places.iter().flat_map(|place| THINGS.iter().map(move |thing| (place, *thing))).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((number, (place, thing))) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    cases.get(number).map(|case| (number, *case))
                } {
                    scene.try_one(number, place, thing, &wrong);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

//! The package for Debian: installed, it is all there; removed, nothing of it is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{ENAMEL, Machine};

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Everything in a folder, but for the notes of dpkg.
fn files(folder: &Path) -> Vec<String> {
    let found = run(Command::new("find").arg(folder).args([
        "-type",
        "f",
        "-not",
        "-path",
        "*/var/lib/dpkg/*",
        "-printf",
        "%P\\n",
    ]));
    found.lines().map(str::to_owned).collect()
}

fn dpkg(root: &Path, args: &[&str]) {
    // As on a computer of its own: scripts of the package are told where it is.
    let forced = ["--force-not-root", "--force-script-chrootless", "--force-depends", "--log=/dev/null"];
    run(Command::new("dpkg").arg(format!("--root={}", root.display())).args(forced).args(args));
}

#[test]
fn a_package_is_made_installed_and_removed() {
    let machine = Machine::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packaging/deb");
    let package = run(Command::new(script).args([ENAMEL.into(), machine.path("out")]));
    let package = PathBuf::from(package.trim());

    let root = machine.path("computer");
    for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc/systemd/system"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    dpkg(&root, &["-i", package.to_str().unwrap()]);
    let installed = files(&root);
    for name in [
        "usr/bin/enamel",
        "usr/share/man/man1/enamel.1.gz",
        "usr/share/man/man1/enamel-backup.1.gz",
        "usr/share/bash-completion/completions/enamel",
        "usr/share/doc/enamel/copyright",
        "usr/share/doc/enamel/every-day.md",
    ] {
        assert!(installed.iter().any(|file| file == name), "{name} is missing in {installed:?}");
    }
    assert!(run(Command::new(root.join("usr/bin/enamel")).arg("--version")).starts_with("enamel "));

    fs::write(root.join("etc/systemd/system/enamel-agent.service"), "# Written by `enamel schedule install`.\n")
        .unwrap();
    fs::write(root.join("etc/enamel.toml"), "of the user").unwrap();
    dpkg(&root, &["-r", "enamel"]);
    assert_eq!(files(&root), ["etc/enamel.toml"]);
}

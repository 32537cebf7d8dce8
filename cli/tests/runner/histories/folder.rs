//! A folder that changes. Its contents come from a few blocks that all folders share. So data is stored for one folder
//! and counted on for another, and forgotten data comes back just when it is being deleted.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::ledger::Tree;
use super::random::Random;
use crate::harness::{Machine, tree};

/// Different blocks.
const BLOCKS: u64 = 40;
/// Blocks of a file, at most.
const FILE_BLOCKS: u64 = 6;
/// How files are called: each kind is cut otherwise.
const NAMES: [&str; 8] =
    ["table.sql", "rows.sql", "scan.jpg", "below/scan.jpg", "letter", "below/letter", "below/deep/notes", "empty"];

/// A folder, and how it will change.
pub struct Folder {
    path: PathBuf,
    random: Random,
    files: BTreeMap<&'static str, Vec<u64>>,
    earlier: Vec<BTreeMap<&'static str, Vec<u64>>>,
}

impl Folder {
    /// The name of folder `number`.
    pub fn name(number: usize) -> String {
        format!("folder-{number}")
    }

    /// An empty folder.
    pub fn new(machine: &Machine, number: usize, random: Random) -> Self {
        let path = machine.path(Folder::name(number));
        fs::create_dir(&path).unwrap();
        Folder { path, random, files: BTreeMap::new(), earlier: vec![BTreeMap::new()] }
    }

    /// Changes some files, or goes back to how it was some time ago; gives what it holds now.
    pub fn change(&mut self) -> Tree {
        let before = self.files.clone();
        if self.random.one_in(5) {
            self.files = self.random.pick(&self.earlier).clone();
        } else {
            for _ in 0..=self.random.below(3) {
                self.change_file();
            }
        }
        self.write(&before);
        self.earlier.push(self.files.clone());
        Arc::new(tree(&self.path))
    }

    fn change_file(&mut self) {
        let random = &mut self.random;
        let name = *random.pick(&NAMES);
        let blocks = self.files.entry(name).or_default();
        match random.below(6) {
            0 => drop(self.files.remove(name)),
            1 if !blocks.is_empty() => *blocks = blocks.split_off(1),
            2 if !blocks.is_empty() => {
                let at = usize::try_from(random.below(blocks.len() as u64)).unwrap();
                blocks[at] = random.below(BLOCKS);
            }
            3 if (blocks.len() as u64) < FILE_BLOCKS => blocks.push(random.below(BLOCKS)),
            _ => *blocks = (0..random.below(FILE_BLOCKS)).map(|_| random.below(BLOCKS)).collect(),
        }
    }

    fn write(&self, before: &BTreeMap<&'static str, Vec<u64>>) {
        for name in before.keys().filter(|name| !self.files.contains_key(*name)) {
            fs::remove_file(self.path.join(name)).unwrap();
        }
        for (name, blocks) in self.files.iter().filter(|(name, blocks)| before.get(*name) != Some(*blocks)) {
            let path = self.path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, blocks.iter().flat_map(|block| content(*block)).collect::<Vec<u8>>()).unwrap();
        }
    }
}

/// A block of 20 to 180 kB. Every third one compresses.
fn content(block: u64) -> Vec<u8> {
    let mut random = Random::new(block);
    let len = usize::try_from(20_000 + random.below(160_000)).unwrap();
    if !block.is_multiple_of(3) {
        return random.bytes(len);
    }
    let words = ["tooth ", "crown ", "patient ", "recall ", "x-ray ", "upper ", "lower ", "left\n"];
    let mut text = Vec::with_capacity(len + 8);
    while text.len() < len {
        text.extend_from_slice(random.pick(&words).as_bytes());
    }
    text.truncate(len);
    text
}

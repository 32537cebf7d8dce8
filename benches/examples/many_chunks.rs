//! How much memory and time a prune takes of a repository with very many chunks: `many_chunks make FOLDER CHUNKS`, then
//! `/usr/bin/time -v many_chunks prune FOLDER [MAX_REWRITE]`. One snapshot needs all chunks, of 16 bytes each, one needs two of three; `prune` forgets the former first.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people who measure")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use engine::chunk::{Coder, Compression, FileCompression};
use engine::crypto::{Credential, KeyFile};
use engine::monitor::NullMonitor;
use engine::pack::{ChunkStore, Mode, NodeSink};
use engine::repository::{InitOptions, OpenOptions, Repository, init};
use engine::session::{WriterOptions, WriterSession};
use engine::store::{LocalStore, ObjectName};
use engine::tree::{ContentBuilder, ContentRef};
use engine::upkeep::prune::{PruneOptions, plan};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::{ChunkId, LeaseId};
use repo_format::manifest::{Manifest, ManifestKind};
use repo_format::node::ContentItem;
use repo_format::pack::ChunkKind;

const BYTES: usize = 16;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", folder, chunks] => number(chunks).and_then(|chunks| make(Path::new(folder), chunks)),
        ["prune", folder] => prune(Path::new(folder), u64::MAX),
        ["prune", folder, most] => number(most).and_then(|most| prune(Path::new(folder), most)),
        _ => {
            Err(Error::new(ErrorKind::Usage, "many_chunks make FOLDER CHUNKS | many_chunks prune FOLDER [MAX_REWRITE]"))
        }
    };
    match result {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", engine::error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|_| Error::new(ErrorKind::Usage, format!("{text} is no number")))
}

fn open(folder: &Path) -> Result<Repository> {
    let key = std::fs::read_to_string(folder.join("key")).map_err(|e| Error::io("cannot read the key", e))?;
    let options = OpenOptions::new(folder.join("cache"), Access::Prune);
    let store = Arc::new(LocalStore::open(&folder.join("repository"))?);
    Repository::open(store, &Credential::KeyFile(KeyFile::parse(&key)?), &options, &NullMonitor)
}

fn make(folder: &Path, chunks: u64) -> Result<String> {
    let start = Instant::now();
    let key = KeyFile::generate()?;
    let store = LocalStore::create(&folder.join("repository"))?;
    std::fs::write(folder.join("key"), key.to_text().as_bytes()).map_err(|e| Error::io("cannot write the key", e))?;
    init(&store, &Credential::KeyFile(key), &InitOptions { label: "bench".to_owned(), ..InitOptions::default() })?;
    let repository = open(folder)?;
    save(&repository, chunks, |_| true)?;
    save(&repository, chunks, |number| number % 3 > 0)?;
    Ok(format!("{chunks} chunks stored in {:.0} s", start.elapsed().as_secs_f64()))
}

/// Makes a snapshot of those chunks that are `wanted`.
fn save(repository: &Repository, chunks: u64, wanted: impl Fn(u64) -> bool) -> Result<()> {
    let options = WriterOptions { host: "bench".to_owned(), program: "bench".to_owned(), ..WriterOptions::default() };
    let session = WriterSession::begin(repository, &options, &NullMonitor)?;
    let chunks = (0..chunks).filter(|number| wanted(*number));
    let list = session.write(Mode::Write, |store| store_all(store, chunks))?.value;
    let manifest = Manifest {
        ids: vec![list],
        seconds: engine::machine::now().seconds,
        host: "bench".to_owned(),
        config_version: repository.config().version,
        keyring_version: repository.keyring_version(),
        condemned_seen: session.condemned_seen(),
        ..Manifest::new(ManifestKind::Snapshot, session.id())
    };
    let plain = manifest.encode().map_err(|e| Error::damaged("a new manifest", e))?;
    session.commit_plain(&plain)
}

fn store_all(store: &ChunkStore<'_>, numbers: impl Iterator<Item = u64>) -> Result<ChunkId> {
    let (mut coder, mut builder) = (Coder::new(1)?, ContentBuilder::default());
    let compression = FileCompression::default();
    for number in numbers {
        let mut plain = [0; BYTES];
        plain[..8].copy_from_slice(&number.to_le_bytes());
        let stored = store.store(&mut coder, ChunkKind::Data, &plain, Compression::Probe(&compression))?;
        let item = ContentItem { id: stored.id, len: BYTES as u64 };
        builder.push(item, &mut NodeSink { store, coder: &mut coder })?;
    }
    match builder.finish(&mut NodeSink { store, coder: &mut coder })? {
        Some(ContentRef::List(list)) => Ok(list),
        _ => Err(Error::new(ErrorKind::Usage, "more than a few chunks are needed")),
    }
}

fn prune(folder: &Path, max_rewrite: u64) -> Result<String> {
    let repository = open(folder)?;
    let oldest = repository.read_manifests()?.0.first().map(|object| object.manifest.id);
    let forget = |id: LeaseId| Ok::<_, Error>(repository.store().delete(&ObjectName::Snapshot(id))?);
    oldest.filter(|_| repository.snapshot_names().is_ok_and(|names| names.len() > 1)).map_or(Ok(()), forget)?;
    let options = PruneOptions { this_host: "bench", process: &engine::machine::process, max_unused: 5, max_rewrite };
    let start = Instant::now();
    let plan = plan(&repository, &options, &NullMonitor)?;
    let planned = start.elapsed().as_secs_f64();
    let forecast = plan.forecast().clone();
    let report = plan.run(&NullMonitor)?;
    let all = start.elapsed().as_secs_f64();
    Ok(format!(
        "planned in {planned:.1} s, done in {all:.1} s; {forecast:?}; {} packs deleted, {} put",
        report.deleted_packs, report.new_packs
    ))
}

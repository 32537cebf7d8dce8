//! The page for an auditor: every purge, in words, with what proves that its rows are kept.

use engine::Result;
use engine::binlog::stored::StoredLog;
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::snapshots::saved::server_record;
use engine::upkeep::receipt::{History, KeptTable, Purge, PurgedFiles, PurgedTable, Receipt, Release, kept};
use repo_format::manifest::{Root, RootKind};

use super::words::{files_sentence, kept_logs_sentence, logs_of, rows, shown, state};
use crate::ui::format;

/// Key ranges that are written out of a table; the receipt has all of them.
const RANGES_MAX: usize = 1000;
/// And files.
const FILES_MAX: usize = 1000;

/// The page. `place` is where the repository is.
///
/// # Errors
/// If a receipt cannot be read.
pub fn text(repository: &Repository, place: &str, all: &History, logs: &[StoredLog]) -> Result<String> {
    let mut page = Page(String::new());
    page.line("ROWS REMOVED FROM LIVE DATABASES");
    page.line("");
    page.field("repository", place);
    page.field("its id", &repository.config().repository.to_string());
    page.field("purges", &format::count(all.purges.len() as u64));
    page.field("released", &format::count(all.released.len() as u64));
    for (id, error) in &all.unreadable {
        page.field("CANNOT BE READ", &format!("{id}: {}", engine::error::chain(error)));
    }
    for purge in &all.purges {
        page.purge(repository, purge, logs)?;
    }
    for release in &all.released {
        page.release(release);
    }
    page.line("");
    page.line(HOW);
    Ok(page.0)
}

const HOW: &str = "\
HOW TO VERIFY THIS

  `enamel verify --read-data` reads every byte that the repository keeps, these rows among them, and names what is damaged or missing.
  A segment is some rows of a table that follow each other, neighbours that were not removed among them; its digest is the BLAKE3 of these
  rows as they are encoded, and is compared whenever they are read. `enamel restore --purged RECEIPT --to-database URL --table S.T=OTHER.T`
  puts exactly the removed rows into another table, where they can be read and counted; `enamel restore --purged RECEIPT --target DIR` brings
  removed files back into a folder. `enamel purge history --json` says all of this for
  programs. The format is described in FORMAT.md, sections 11.1 and 11.2.";

struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    fn field(&mut self, name: &str, value: &str) {
        self.line(&format!("  {name:<14}{}", shown(value)));
    }

    fn purge(&mut self, repository: &Repository, purge: &Purge, logs: &[StoredLog]) -> Result<()> {
        let receipt = purge.receipt()?;
        let Receipt { record, manifest, digest } = receipt;
        let utc = |seconds| format::rfc3339(format::seconds(seconds));
        self.line("");
        self.line(&format!("PURGE {}", record.purge));
        self.line("");
        self.field("by", &format!("{} on {}", record.operator, record.host));
        self.field("reason", &record.reason);
        self.field("started", &utc(record.started));
        match record.ended {
            Some(ended) => self.field("ended", &utc(ended)),
            None => self.field("ended", "no: it is running, or was interrupted; any of these rows may be gone"),
        }
        self.field("old is", &record.cutoff);
        self.field("rows", &format::count(rows(&record.tables)));
        self.server(repository, receipt)?;
        self.field("plan", &format!("digest {}", format::hex(&record.plan.0)));
        self.field("proven by", &format!("snapshot {}", record.snapshot));
        self.field("receipt", &format!("{} ({}), digest {}", manifest.id, state(purge), format::hex(&digest.0)));
        if let Some(begun) = purge.begun.as_ref().filter(|_| purge.ended.is_some()) {
            self.field("", &format!("{} (begun), which names all rows that were to go", begun.id()));
        }
        self.field("written by", &manifest.program);
        self.field("binary log", &kept_logs_sentence(&logs_of(logs, record)));
        let kept = kept(repository, receipt)?;
        for table in &record.tables {
            let parents = record.tables.iter().find(|other| other.category == table.category);
            self.table(table, parents);
        }
        kept.iter().for_each(|table| self.kept(table));
        if let Some(files) = &record.files {
            self.files(files, &manifest.roots);
        }
        Ok(())
    }

    /// The server by the names of its machine and its address, as people know it, and by its identity.
    fn server(&mut self, repository: &Repository, receipt: &Receipt) -> Result<()> {
        let manifest = &receipt.manifest;
        let root = manifest.roots.iter().find(|root| root.kind == RootKind::Database);
        let record = match root {
            Some(root) => server_record(&ChunkReader::new(repository), manifest, root)?,
            None => None,
        };
        let address = root.map_or_else(String::new, |root| format!(", {}", format::path(&root.path.0)));
        match record {
            Some(server) => self.field("server", &format!("{}{address}, {}", server.hostname, server.version)),
            None => self.field("server", address.trim_start_matches(", ")),
        }
        self.field("its id", &receipt.record.server);
        Ok(())
    }

    /// A table with rows that went; `parents` is the table of its category that has the dates.
    fn table(&mut self, table: &PurgedTable, parents: Option<&PurgedTable>) {
        self.line("");
        let name = format!("{}.{}", table.schema, table.table);
        self.line(&format!("  {} ({})", shown(&name), shown(&table.category)));
        self.field("  rows", &format::count(table.rows));
        self.field("  dates", &dates(table, parents));
        for left in &table.left {
            self.field("  left", &format!("{}: {}", format::counted(left.rows, "row"), left.why));
        }
        let key = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
        for range in table.ranges.iter().take(RANGES_MAX) {
            if range.first == range.last {
                self.field("  key", &key(&range.first.0))
            } else {
                self.field("  keys", &format!("{} to {}", key(&range.first.0), key(&range.last.0)))
            }
        }
        if let Some(more) = table.ranges.len().checked_sub(RANGES_MAX).filter(|more| *more > 0) {
            self.field(
                "  keys",
                &format!("and {}, which the receipt holds", format::counted(more as u64, "more range")),
            );
        }
    }

    fn files(&mut self, files: &PurgedFiles, roots: &[Root]) {
        self.line("");
        let root = roots.iter().find(|root| root.kind == RootKind::Folder);
        let folder = root.map_or_else(String::new, |root| format!(" below {}", format::path(&root.path.0)));
        self.line(&format!("  {}{folder}, each kept whole", files_sentence(files)));
        for left in &files.left {
            self.field("  left", &format!("{}: {}", format::counted(left.files, "file"), left.why));
        }
        for file in files.files.iter().take(FILES_MAX) {
            self.line(&format!("    {}  {}", format::path(&file.path.0), format::counted(file.size, "byte")));
        }
        if let Some(more) = files.files.len().checked_sub(FILES_MAX).filter(|more| *more > 0) {
            self.line(&format!("    and {} more, which the receipt holds", format::count(more as u64)));
        }
    }

    fn kept(&mut self, table: &KeptTable) {
        self.line("");
        let name = format!("{}.{}", table.schema, table.table);
        self.line(&format!(
            "  {} is kept in {}",
            shown(&name),
            format::counted(table.segments.len() as u64, "segment")
        ));
        for segment in &table.segments {
            let end = |key: &Option<Vec<u8>>| key.as_deref().map_or("?".into(), format::path);
            self.line(&format!(
                "    {}  {}, keys {} to {}",
                format::hex(&segment.digest.0),
                format::counted(segment.rows, "row"),
                end(&segment.low),
                end(&segment.high)
            ));
        }
    }

    fn release(&mut self, release: &Release) {
        self.line("");
        self.line(&format!("RELEASED {}", release.purge));
        self.line("");
        self.field("by", &format!("{} on {}", release.author.user, release.author.host));
        self.field("time", &format::rfc3339(format::seconds(release.seconds)));
        self.field("reason", &release.reason);
        self.field("so", "its rows are not kept any more, unless a snapshot has them");
    }
}

/// The dates of rows; rows without dates of their own went with those of another table.
fn dates(table: &PurgedTable, parents: Option<&PurgedTable>) -> String {
    let range = |table: &PurgedTable| {
        let date = |date: &Option<String>| date.clone().unwrap_or_else(|| "unknown".to_owned());
        let is_known = table.first_date.is_some() || table.last_date.is_some();
        is_known.then(|| format!("{} to {}", date(&table.first_date), date(&table.last_date)))
    };
    let of_parents = || {
        let parents = parents?;
        Some(format!("those of their rows in {}: {}", parents.table, range(parents)?))
    };
    range(table).or_else(of_parents).unwrap_or_else(|| "none that is known".to_owned())
}

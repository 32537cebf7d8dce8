//! The exclusions of a backup: patterns in the syntax of `.gitignore`, ignore files in the folders themselves, and
//! caches.
//!
//! Later patterns win over earlier ones, and those of a folder over those of its parents. A pattern that begins with
//! `!` cancels an earlier exclusion, but not inside an excluded folder, which is never read. Protected folders and the
//! patterns of an application stand above all of them: nothing cancels those.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::files::source::path::is_form_of;
use crate::files::source::protected::{Guard, Protected};
use crate::filesystem::{Dir, FileStat, path_from_bytes, path_to_bytes};

/// The name of ignore files, unless told otherwise.
pub const IGNORE_FILE: &str = ".enamelignore";

/// The largest ignore file in a folder that is read completely.
pub(crate) const LARGEST_IGNORE_FILE: usize = 1 << 20;

/// Marks a folder that holds nothing but a cache: <https://bford.info/cachedir/>.
pub(crate) const CACHE_TAG: &[u8] = b"CACHEDIR.TAG";
const CACHE_TAG_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// The form of patterns.
const FORM: &str = "Patterns are those of .gitignore; a backslash before a letter takes it as it is.";

/// The things to exclude.
#[derive(Debug, Clone, Default)]
pub struct ExcludeOptions {
    /// Patterns, one each. They win over those of `pattern_files`.
    pub patterns: Vec<String>,
    /// Files of patterns, one per line, with comments.
    pub pattern_files: Vec<PathBuf>,
    /// The name of files with patterns for their own folder: [`IGNORE_FILE`], or none.
    pub ignore_file_name: Option<String>,
    /// Exclude the contents of folders that a `CACHEDIR.TAG` marks as caches.
    pub caches: bool,
    /// Patterns that no other pattern and no ignore file cancels.
    pub always: Vec<String>,
    /// Folders that are never saved.
    pub protected: Vec<Protected>,
}

impl ExcludeOptions {
    /// The same options with the patterns of files inserted. So each file is read only once: it may be a pipe.
    ///
    /// # Errors
    /// If a file of patterns cannot be read, or has an invalid line. The message names it.
    pub(crate) fn resolved(&self) -> Result<Self> {
        let mut patterns = Vec::new();
        for path in &self.pattern_files {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|error| unreadable(&name, error))?;
            RulesBuilder::new(None).add_file(&name, &bytes)?;
            let is_pattern = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
            patterns.extend(file_lines(&name, &bytes)?.into_iter().filter(is_pattern).map(str::to_owned));
        }
        patterns.extend(self.patterns.iter().cloned());
        Ok(ExcludeOptions { patterns, pattern_files: Vec::new(), ..self.clone() })
    }
}

/// The exclusions of one folder. Cheap to clone; folders without patterns of their own share those of the parent.
#[derive(Debug, Clone)]
pub struct Excludes {
    ignore_file_name: Option<Arc<[u8]>>,
    caches: bool,
    in_cache: bool,
    guard: Arc<Guard>,
    /// Patterns above all others.
    always: Option<Arc<Rules>>,
    /// The patterns of the options.
    own: Arc<OwnPatterns>,
    rules: Option<Arc<Rules>>,
}

/// The patterns of the options, in their order, and whether each has matched anything.
#[derive(Debug, Default)]
struct OwnPatterns(Vec<OwnPattern>);

#[derive(Debug)]
struct OwnPattern {
    /// In the form of the matcher.
    line: String,
    is_used: AtomicBool,
}

impl OwnPatterns {
    fn use_line(&self, line: &str) {
        let same = self.0.iter().filter(|pattern| pattern.line == line);
        same.for_each(|pattern| pattern.is_used.store(true, Ordering::Relaxed));
    }
}

/// The patterns of one place, and those that they override.
#[derive(Debug)]
struct Rules {
    matcher: Gitignore,
    /// The length of the path from the root to the folder of the patterns, with the slash.
    prefix: usize,
    above: Option<Arc<Rules>>,
}

impl Excludes {
    /// The exclusions of `options` in the folder `root`, an absolute path. Call [`Excludes::enter`] for the root itself
    /// next.
    ///
    /// Patterns are relative to the root. A pattern may also begin with `./` or the path of the root. It may begin with
    /// the root's name, as snapshots show paths, if the root contains nothing of that name.
    ///
    /// # Errors
    /// If a pattern is invalid or a file of patterns cannot be read (the message names file, line and pattern); if the
    /// root is in a protected folder.
    pub fn root(options: &ExcludeOptions, root: &Path) -> Result<Self> {
        let mut rules = RulesBuilder::new(Some(root));
        for path in &options.pattern_files {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|error| unreadable(&name, error))?;
            rules.add_file(&name, &bytes)?;
        }
        let mut own = Vec::with_capacity(options.patterns.len());
        for pattern in &options.patterns {
            let line = rules.add_pattern(pattern)?;
            own.push(OwnPattern { line, is_used: AtomicBool::new(false) });
        }
        let mut always = RulesBuilder::new(Some(root));
        for pattern in &options.always {
            always.add_pattern(pattern)?;
        }
        Ok(Excludes {
            ignore_file_name: options.ignore_file_name.as_ref().map(|name| name.as_bytes().into()),
            caches: options.caches,
            in_cache: false,
            guard: Arc::new(Guard::new(&options.protected, root)?),
            always: always.build(0, None)?,
            own: Arc::new(OwnPatterns(own)),
            rules: rules.build(0, None)?,
        })
    }

    /// The exclusions of the folder `dir`, whose path from the root is `path` (empty for the root) and which has the
    /// sorted `names`; `self` has the exclusions of its parent. Reads the folder's ignore file and cache tag, if any.
    ///
    /// A tag in the root itself does not count: the user named that folder.
    ///
    /// # Errors
    /// As [`Excludes::root`], about the folder's ignore file; also if a tag cannot be read. A caller that continues
    /// with `self` then saves too much rather than too little.
    pub fn enter(&self, dir: &Dir, path: &[u8], names: &[Vec<u8>]) -> Result<Excludes> {
        let mut inside = self.clone();
        inside.in_cache = self.caches && !path.is_empty() && has(names, CACHE_TAG) && is_cache(dir, path)?;
        let Some(name) = self.ignore_file_name.as_deref().filter(|name| has(names, name)) else { return Ok(inside) };
        let shown = show(path, name);
        let bytes = read(dir, name, LARGEST_IGNORE_FILE + 1).map_err(|error| unreadable(&shown, error))?;
        if bytes.len() > LARGEST_IGNORE_FILE {
            return Err(unreadable(&shown, io::ErrorKind::FileTooLarge.into()));
        }
        inside.with_ignore_file(path, &shown, &bytes)
    }

    /// Adds the patterns of an ignore file. `bytes` is its content, `path` the path of its folder from the root, and
    /// `shown` its name in messages.
    ///
    /// # Errors
    /// If a line is not a pattern; the message names it.
    pub(crate) fn with_ignore_file(mut self, path: &[u8], shown: &str, bytes: &[u8]) -> Result<Excludes> {
        let mut rules = RulesBuilder::new(None);
        rules.add_file(shown, bytes)?;
        let prefix = if path.is_empty() { 0 } else { path.len() + 1 };
        self.rules = rules.build(prefix, self.rules)?;
        Ok(self)
    }

    /// The description of the folder `path`, from the root, if it is protected.
    pub fn protected(&self, path: &[u8], stat: &FileStat) -> Option<&str> {
        self.guard.find(path, stat)
    }

    /// The indexes of the patterns of the options that have excluded nothing so far. Patterns that cancel others are
    /// omitted.
    pub fn unused(&self) -> Vec<usize> {
        let unused = |(_, pattern): &(usize, &OwnPattern)| {
            !pattern.line.starts_with('!') && !pattern.is_used.load(Ordering::Relaxed)
        };
        self.own.0.iter().enumerate().filter(unused).map(|(place, _)| place).collect()
    }

    /// Whether `path`, from the root and in this folder, is excluded. The tag of a cache is not.
    pub(crate) fn is_excluded(&self, path: &[u8], is_dir: bool) -> bool {
        if self.in_cache {
            return path.strip_suffix(CACHE_TAG).is_none_or(|folder| !folder.ends_with(b"/"));
        }
        if let Some(Rules { matcher, .. }) = self.always.as_deref()
            && matcher.matched(path_from_bytes(path), is_dir).is_ignore()
        {
            return true;
        }
        let mut rules = self.rules.as_deref();
        while let Some(Rules { matcher, prefix, above }) = rules {
            let beneath = path.get(*prefix..).unwrap_or_default();
            match matcher.matched(path_from_bytes(beneath), is_dir) {
                Match::Ignore(glob) => {
                    if above.is_none() {
                        self.own.use_line(glob.original());
                    }
                    return true;
                }
                Match::Whitelist(_) => return false,
                Match::None => rules = above.as_deref(),
            }
        }
        false
    }
}

/// Collects the patterns of one folder.
struct RulesBuilder<'a> {
    builder: GitignoreBuilder,
    /// Path of the folder, if patterns may begin with it.
    root: Option<&'a Path>,
}

impl<'a> RulesBuilder<'a> {
    fn new(root: Option<&'a Path>) -> Self {
        // Paths are relative to the folder, so the matcher's own root must be empty.
        let mut builder = GitignoreBuilder::new("");
        // An unclosed bracket, which git takes literally, is more likely a mistake.
        builder.allow_unclosed_class(false);
        // Without a slash at its end.
        let root = root.map(|root| root.components().as_path());
        RulesBuilder { builder, root }
    }

    /// Adds a single pattern, in which `#` begins no comment. Returns the matcher's form.
    fn add_pattern(&mut self, pattern: &str) -> Result<String> {
        let escaped = if pattern.starts_with('#') { &format!("\\{pattern}") } else { pattern };
        self.add(escaped)
            .map_err(|error| Error::caused(ErrorKind::Usage, format!("bad pattern '{pattern}'"), error).with_hint(FORM))
    }

    /// Adds the lines of a file.
    fn add_file(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        for (index, line) in file_lines(name, bytes)?.into_iter().enumerate() {
            self.add(line)
                .map(drop)
                .map_err(|error| Error::caused(ErrorKind::Usage, bad_line(name, index, line), error).with_hint(FORM))?;
        }
        Ok(())
    }

    fn add(&mut self, line: &str) -> std::result::Result<String, ignore::Error> {
        let line = self.without_root(line);
        self.builder.add_line(None, &line).map(|_| line)
    }

    /// The pattern, anchored at the root instead of containing the root's path.
    fn without_root(&self, line: &str) -> String {
        let (not, pattern) = line.strip_prefix('!').map_or(("", line), |pattern| ("!", pattern));
        let beneath = self.root.and_then(|root| beneath_path(root, pattern).or_else(|| beneath_name(root, pattern)));
        format!("{not}{}", beneath.unwrap_or(pattern))
    }

    fn build(&self, prefix: usize, above: Option<Arc<Rules>>) -> Result<Option<Arc<Rules>>> {
        let matcher =
            self.builder.build().map_err(|error| Error::caused(ErrorKind::Usage, "cannot use the patterns", error))?;
        if matcher.is_empty() {
            return Ok(above);
        }
        Ok(Some(Arc::new(Rules { matcher, prefix, above })))
    }
}

/// The rest of a pattern after the path of the root, or `.`, with the slash.
fn beneath_path<'p>(root: &Path, pattern: &'p str) -> Option<&'p str> {
    let (bytes, root) = (pattern.as_bytes(), path_to_bytes(root));
    let rest = bytes.strip_prefix(root).or_else(|| strip_quoted(bytes, root)).or_else(|| bytes.strip_prefix(b"."))?;
    if rest.first() == Some(&b'/') { pattern.get(pattern.len() - rest.len()..) } else { None }
}

/// The rest of `pattern` after `path`, in which backslashes may precede special characters.
fn strip_quoted<'p>(pattern: &'p [u8], path: &[u8]) -> Option<&'p [u8]> {
    path.iter().try_fold(pattern, |rest, byte| rest.strip_prefix(b"\\").unwrap_or(rest).strip_prefix(&[*byte]))
}

/// The rest of a pattern after the name of the root, with the slash. If the root contains a folder of that name, the
/// pattern means that one.
fn beneath_name<'p>(root: &Path, pattern: &'p str) -> Option<&'p str> {
    let (first, rest) = pattern.split_once('/').filter(|(_, rest)| !rest.is_empty())?;
    let name = path_to_bytes(Path::new(root.file_name()?));
    let is_it = is_form_of(first.as_bytes(), name) && root.join(first).symlink_metadata().is_err();
    if is_it { pattern.get(pattern.len() - rest.len() - 1..) } else { None }
}

/// The lines of a file of patterns.
fn file_lines<'b>(name: &str, bytes: &'b [u8]) -> Result<Vec<&'b str>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let line = |(index, line): (usize, &'b [u8])| {
        let bad = || bad_line(name, index, &String::from_utf8_lossy(line));
        let line = std::str::from_utf8(line).map_err(|error| Error::caused(ErrorKind::Usage, bad(), error))?;
        Ok(line.strip_suffix('\r').unwrap_or(line))
    };
    bytes.split(|byte| *byte == b'\n').enumerate().map(line).collect()
}

fn bad_line(name: &str, index: usize, line: &str) -> String {
    format!("{name}, line {}: bad pattern '{line}'", index + 1)
}

fn has(names: &[Vec<u8>], name: &[u8]) -> bool {
    names.binary_search_by(|probe| probe.as_slice().cmp(name)).is_ok()
}

/// Whether the tag in `dir` is genuine: the file's name alone does not count.
fn is_cache(dir: &Dir, path: &[u8]) -> Result<bool> {
    match read(dir, CACHE_TAG, CACHE_TAG_SIGNATURE.len()) {
        Ok(bytes) => Ok(bytes == CACHE_TAG_SIGNATURE),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(false),
        Err(error) => Err(Error::io(format!("cannot read {}", show(path, CACHE_TAG)), error)),
    }
}

/// At most the first `most` bytes of the file `name`.
fn read(dir: &Dir, name: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let file = dir.open_file(name)?;
    let size = usize::try_from(file.stat()?.entry.size).unwrap_or(most);
    let mut bytes = vec![0; size.min(most)];
    let mut len = 0;
    while len < bytes.len() {
        match file.read_at(&mut bytes[len..], len as u64)? {
            0 => break,
            n => len += n,
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

fn unreadable(file: &str, error: io::Error) -> Error {
    Error::io(format!("cannot read the patterns in {file}"), error)
}

fn show(path: &[u8], name: &[u8]) -> String {
    String::from_utf8_lossy(&[path, name].join(&b'/')).trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests;

//! What a command works with: the user interface, the settings, and from these the store and the repository.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::monitor::Monitor;
use engine::repository::{OpenOptions, Repository};
use engine::snapshots::{self, Snapshot};
use engine::store::{AppendOnlyStore, LocalStore, ObjectName, Store};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

use crate::global::Global;
use crate::settings::{Settings, user_file};
use crate::snap::Snap;
use crate::ui::Ui;

/// Settings and user interface of one run.
pub struct Context<'u> {
    /// Where everything is shown.
    pub ui: &'u Ui,
    /// Flags, environment and file, merged.
    pub settings: Settings,
}

impl<'u> Context<'u> {
    /// Merges the settings.
    ///
    /// # Errors
    /// The settings contradict each other, or their file cannot be read.
    pub fn new(options: &Global, ui: &'u Ui) -> Result<Self> {
        let context = Context { ui, settings: Settings::load(options)? };
        context.tell_of_unused_file();
        Ok(context)
    }

    /// Tells of a settings file beside the repository: nobody shall believe that it has any effect.
    fn tell_of_unused_file(&self) {
        let Some(path) = &self.settings.unused_file else { return };
        let better = user_file().map_or_else(String::new, |path| format!("move it to {}, or ", path.display()));
        let message = format!(
            "{} is not read: whoever can write beside the repository would decide what is saved and kept; {better}name it with --config",
            path.display()
        );
        // With settings of the user's own it changes nothing that was expected.
        match self.settings.file_path {
            Some(_) => self.ui.note(&message),
            None => self.ui.warn(message),
        }
    }

    /// The folder of the repository.
    ///
    /// # Errors
    /// None is set.
    pub fn repository_path(&self) -> Result<&Path> {
        match &self.settings.repository {
            Some(setting) => Ok(&setting.value),
            None => Err(Error::new(
                ErrorKind::Usage,
                "no repository is set: use --repo DIR, ENAMEL_REPO, or `repository` in enamel.toml",
            )),
        }
    }

    /// Opens the store of the repository.
    ///
    /// # Errors
    /// [`ErrorKind::NoRepository`] if its folder does not exist.
    pub fn store(&self) -> Result<Arc<dyn Store>> {
        let store = open_store(self.repository_path()?)?;
        match self.settings.append_only.value {
            true => Ok(Arc::new(AppendOnlyStore::new(store))),
            false => Ok(store),
        }
    }

    /// Opens the repository and shows what it warns of.
    ///
    /// # Errors
    /// See the engine's `Repository::open`.
    pub fn open(&self, access: Access) -> Result<Repository> {
        let store = self.store()?;
        let credential = self.settings.secret.value.credential(self.ui)?;
        let options = OpenOptions { cache_dir: self.cache_dir()?, access };
        let repo = Repository::open(store, &credential, &options, self.ui)?;
        repo.warnings().iter().for_each(|warning| self.ui.warn(warning));
        Ok(repo)
    }

    /// Enamel's cache folder.
    ///
    /// # Errors
    /// None is set and the user has no home folder.
    pub fn cache_dir(&self) -> Result<PathBuf> {
        match &self.settings.cache_dir {
            Some(setting) => Ok(setting.value.clone()),
            None => Err(Error::new(ErrorKind::Usage, "this user has no home folder: use --cache-dir DIR")),
        }
    }

    /// Finds the snapshot that the user named.
    ///
    /// # Errors
    /// There is none, or several are meant.
    pub fn select(&self, repo: &Repository, snap: &Snap) -> Result<Snapshot> {
        snapshots::select(repo, &snap.selector())
    }
}

/// Opens the store in `path`.
///
/// # Errors
/// [`ErrorKind::NoRepository`] if there is no such folder, or no repository in it.
pub fn open_store(path: &Path) -> Result<Arc<dyn Store>> {
    if !path.is_dir() {
        return Err(Error::new(
            ErrorKind::NoRepository,
            format!("there is no repository {}: no such folder", path.display()),
        ));
    }
    let store = LocalStore::open(path).map_err(Error::from)?;
    // Said before a password is asked for.
    match store.stat(&ObjectName::Config).map_err(Error::from)? {
        Some(_) => Ok(Arc::new(store)),
        None => Err(Error::new(ErrorKind::NoRepository, format!("there is no repository in {}", path.display()))),
    }
}

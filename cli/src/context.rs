//! Everything that a command works with: the user interface, the settings, and from these the store and the repository.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::crypto::Credential;
use engine::error::chain;
use engine::monitor::Monitor;
use engine::repository::{OpenOptions, Repository, Rollback};
use engine::snapshots::{self, Selection, Selector, Snapshot};
use engine::store::s3::{S3Address, S3Store, Stop};
use engine::store::{AppendOnlyStore, LocalStore, Locks, Store};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

use crate::exit::Exit;
use crate::global::Global;
use crate::settings::{Other, Place, SecretSource, Settings, Storage, user_file};
use crate::snap::Snap;
use crate::stores::{expect_repository, open_local, open_store};
use crate::ui::{Ui, format};

/// Said where keys are, and neither `config` nor its second copy.
const CONFIG_IS_LOST: &str = "`config` and its second copy are lost, but keys are there. A computer that has opened this repository in this place keeps a copy: \
                              run `enamel repair` there, as the same user. Else put `config` back from a copy of the repository.";

/// Said where nobody says who asks for object storage.
const NO_CREDENTIALS: &str =
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a part of ~/.aws/credentials with AWS_PROFILE.";

/// Things that a snapshot lacks and that are named one by one; of the others only the number is told.
const PROBLEMS_SHOWN: usize = 20;

/// Snapshots later than a retired key that are named one by one.
const LATER_SHOWN: usize = 8;

/// The engine's way to open a repository.
type Opener = fn(Arc<dyn Store>, &Credential, &OpenOptions, &dyn Monitor) -> Result<Repository>;

/// How a repository is opened.
struct How {
    access: Access,
    rollback: Rollback,
    open: Opener,
}

/// Settings and user interface of one run.
pub struct Context<'u> {
    /// Where everything is shown.
    pub ui: &'u Ui,
    /// Flags, environment and file, merged.
    pub settings: Settings,
    /// Whether something was left out that the user has been told of.
    is_incomplete: AtomicBool,
}

impl<'u> Context<'u> {
    /// Merges the settings.
    ///
    /// # Errors
    /// The settings contradict each other, or their file cannot be read.
    pub fn new(options: &Global, ui: &'u Ui) -> Result<Self> {
        let context = Context { ui, settings: Settings::load(options)?, is_incomplete: AtomicBool::new(false) };
        context.tell_of_unused_file();
        Ok(context)
    }

    /// Notes a settings file beside the repository: otherwise a user would believe that it has an effect.
    fn tell_of_unused_file(&self) {
        let Some(path) = &self.settings.unused_file else { return };
        let better = user_file().map_or_else(String::new, |path| format!("move it to {}, or ", path.display()));
        let message = format!(
            "{} is not read: anybody who can write beside the repository would decide what is saved and kept; {better}name it with --config",
            path.display()
        );
        // With settings of the user's own it changes nothing that was expected.
        match self.settings.file_path {
            Some(_) => self.ui.note(&message),
            None => self.ui.warn(message),
        }
    }

    /// The place of the repository.
    ///
    /// # Errors
    /// No repository is set.
    pub fn repository_place(&self) -> Result<&Place> {
        match &self.settings.repository {
            Some(setting) => Ok(&setting.value),
            None => Err(Error::new(
                ErrorKind::Usage,
                "no repository is set: use --repo REPO, ENAMEL_REPO, or `repository` in enamel.toml",
            )
            .with_hint("`enamel setup` asks for everything that is needed, and makes the first backup.")),
        }
    }

    /// The folder of the repository; `None` if it is in object storage.
    ///
    /// # Errors
    /// No repository is set.
    pub fn repository_folder(&self) -> Result<Option<&Path>> {
        Ok(self.repository_place()?.folder())
    }

    /// Opens the store of the repository.
    ///
    /// # Errors
    /// [`ErrorKind::NoRepository`] if there is no repository.
    pub fn store(&self) -> Result<Arc<dyn Store>> {
        Ok(self.guarded(self.store_at(self.repository_place()?, Storage::Repository)?))
    }

    /// The store of the repository at `place`.
    ///
    /// # Errors
    /// [`ErrorKind::NoRepository`] if there is no repository.
    pub fn store_at(&self, place: &Place, storage: Storage) -> Result<Arc<dyn Store>> {
        let store = self.place_at(place, storage)?;
        expect_repository(&*store)?;
        Ok(store)
    }

    /// The store at `place`, in which there may be no repository.
    fn place_at(&self, place: &Place, storage: Storage) -> Result<Arc<dyn Store>> {
        match place {
            Place::Folder(path) => open_store(path),
            Place::ObjectStorage(address) => Ok(Arc::new(self.object_storage(address, storage)?)),
        }
    }

    fn place(&self) -> Result<Arc<dyn Store>> {
        Ok(self.guarded(self.place_at(self.repository_place()?, Storage::Repository)?))
    }

    /// Opens the second repository of a command. `--append-only` holds for it, too.
    ///
    /// # Errors
    /// [`ErrorKind::NoRepository`] if there is none. See the engine's `Repository::open`.
    pub fn open_other(&self, other: &Other, access: Access) -> Result<Repository> {
        let store = self.guarded(self.place_at(&other.place, other.storage)?);
        let credential = || other.secret.credential_of(self.ui, &other.place);
        let how = How { access, rollback: Rollback::Refuse, open: Repository::open };
        self.open_with(store, &other.secret, credential, how)
    }

    /// Refuses a second repository at the place of the first, inside it or around it: each would take the objects of the other
    /// for foreign ones, and a disk that dies takes both along.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub fn refuse_overlap(&self, other: &Place, storage: Storage) -> Result<()> {
        self.refuse_same((self.repository_place()?, Storage::Repository), (other, storage))
    }

    /// As [`Context::refuse_overlap`], of any two places.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub fn refuse_same(&self, one: (&Place, Storage), other: (&Place, Storage)) -> Result<()> {
        let server = |(place, storage): (&Place, Storage)| {
            self.settings.reach(place, storage).map(|reach| reach.and_then(|reach| reach.endpoint))
        };
        if !one.0.overlaps(other.0) || server(one)? != server(other)? {
            return Ok(());
        }
        let message = format!("{} and {} are the same place, or one lies inside the other", other.0, one.0);
        Err(Error::new(ErrorKind::Usage, message)
            .with_hint("A second copy belongs on another disk, or with somebody else."))
    }

    /// A store in object storage, whatever is there.
    ///
    /// # Errors
    /// Settings or credentials that cannot be used.
    pub fn object_storage(&self, address: &S3Address, storage: Storage) -> Result<S3Store> {
        let interrupt = self.ui.interrupt().clone();
        let (s3, limits) = self.settings.storage(storage);
        let mut options = s3.options(address, limits)?;
        options.stop = Stop::when(move || interrupt.is_requested());
        let store = S3Store::new(&options).map_err(Error::from);
        store.map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => error.with_hint(NO_CREDENTIALS),
            _ => error,
        })
    }

    /// Opens the repository and shows what it warns of.
    ///
    /// # Errors
    /// See the engine's `Repository::open`.
    pub fn open(&self, access: Access) -> Result<Repository> {
        let repo = self.open_in(self.place()?, access, Rollback::Refuse, Repository::open)?;
        self.tell_what_is_later(&repo)?;
        // A run that writes looks by itself, and writes nothing then.
        if access == Access::Read
            && let Some(evidence) = repo.look_for_rollback()
        {
            self.tell_incomplete(format_args!("{evidence}; what somebody saved with a removed key may pass for yours"));
        }
        Ok(repo)
    }

    /// Says that a retired key opens only what was there in its time.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn tell_what_is_later(&self, repo: &Repository) -> Result<()> {
        let Some(as_of) = repo.as_of() else { return Ok(()) };
        let since = format::time(format::seconds(as_of.since));
        let later = repo.later_snapshots()?;
        if later.is_empty() {
            self.ui.note(&format!("this key was retired at {since}: it opens what was saved until then"));
            return Ok(());
        }
        let shown: Vec<_> = later.iter().take(LATER_SHOWN).map(format::short).collect();
        let more = if later.len() > shown.len() { ", …" } else { "" };
        self.tell_incomplete(format_args!(
            "this key was retired at {since}: it opens what was saved until then, and not what came later: {} in `snapshots` ({}{more})",
            format::counted(later.len() as u64, "object"),
            shown.join(", ")
        ));
        Ok(())
    }

    /// Fails if nothing in the repository may be deleted: before anything says that it was.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`].
    pub fn refuse_append_only(&self, why: &str) -> Result<()> {
        if self.settings.append_only.value {
            return Err(Error::new(ErrorKind::PermissionDenied, why));
        }
        Ok(())
    }

    /// As [`Context::open`], for somebody who answers for an older state.
    ///
    /// # Errors
    /// See the engine's `Repository::open`.
    pub fn open_to_answer(&self, access: Access) -> Result<Repository> {
        self.open_in(self.place()?, access, Rollback::Tell, Repository::open_for_repair)
    }

    /// Opens the repository to replace objects in it, which needs locks that other machines see, or the user's word
    /// that no other machine writes.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if locks of the storage keep nobody out and `others` may write. See the engine's
    /// `Repository::open`.
    pub fn open_to_replace(&self, access: Access, others: Others) -> Result<Repository> {
        let Some(path) = self.repository_folder()? else {
            // Conditional writes take the place of locks there.
            return self.open_in(self.place()?, access, Rollback::Refuse, Repository::open);
        };
        let store = open_local(path)?;
        let store = match others {
            Others::None => store.exclusively(),
            Others::Possible => {
                refuse_without_locks(&store)?;
                store
            }
        };
        self.open_in(self.guarded(Arc::new(store)), access, Rollback::Refuse, Repository::open)
    }

    fn guarded(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        if self.settings.append_only.value { Arc::new(AppendOnlyStore::new(store)) } else { store }
    }

    /// As [`Context::open`], also if there may be newer keys that cannot be read: for putting that right.
    ///
    /// # Errors
    /// See the engine's `Repository::open_for_repair`.
    pub fn open_for_repair(&self, access: Access) -> Result<Repository> {
        self.open_in(self.place()?, access, Rollback::Refuse, Repository::open_for_repair)
    }

    fn open_in(&self, store: Arc<dyn Store>, access: Access, rollback: Rollback, open: Opener) -> Result<Repository> {
        let secret = &self.settings.secret.value;
        self.open_with(store, secret, || secret.credential(self.ui), How { access, rollback, open })
    }

    /// Opens a repository. If there is none, nobody is asked for a password, and nothing else is said.
    fn open_with(
        &self,
        store: Arc<dyn Store>,
        secret: &SecretSource,
        credential: impl FnOnce() -> Result<Credential>,
        how: How,
    ) -> Result<Repository> {
        if matches!(secret, SecretSource::Prompt) {
            expect_repository(&*store)?;
        }
        let (cache_dir, state_dir) = (self.cache_dir(), self.state_dir());
        let patience = self.settings.file.s3.wait_for_others().map_err(|why| Error::new(ErrorKind::Usage, why))?;
        let options = OpenOptions { cache_dir, state_dir, access: how.access, rollback: how.rollback, patience };
        let opened = credential().and_then(|credential| (how.open)(store.clone(), &credential, &options, self.ui));
        let repo = opened.map_err(|error| match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Cancelled => error,
            kind => match expect_repository(&*store) {
                Err(none) => none,
                // Keys are there.
                Ok(()) if kind == ErrorKind::NoRepository => error.with_hint(CONFIG_IS_LOST),
                Ok(()) => error,
            },
        })?;
        if let Some((number, all)) = repo.memory().turn()? {
            self.ui.note(&format!("this is disk {number} of {all} that take turns in {}", repo.store().location()));
        }
        repo.warnings().iter().chain(repo.troubles()).for_each(|warning| self.ui.warn(warning));
        repo.lost_here().iter().for_each(|lost| self.tell_incomplete(format_args!("{lost}")));
        Ok(repo)
    }

    /// Enamel's cache folder; `None` if no folder is set and the user has no home folder.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        self.settings.cache_dir.as_ref().map(|setting| setting.value.clone())
    }

    /// Enamel's folder for what this computer has seen; `None` if no folder is set and the user has no home folder.
    pub fn state_dir(&self) -> Option<PathBuf> {
        self.settings.state_dir.as_ref().map(|setting| setting.value.clone())
    }

    /// Files and folders of this run that no restore may touch: repository, cache, state, key, password and settings.
    ///
    /// # Errors
    /// As of [`Context::repository_place`].
    pub fn own_paths(&self) -> Result<Vec<PathBuf>> {
        let mut paths: Vec<_> = self.repository_folder()?.into_iter().map(Path::to_owned).collect();
        paths.extend(self.cache_dir());
        paths.extend(self.state_dir());
        paths.extend(self.settings.secret.value.path().map(Path::to_owned));
        paths.extend(self.settings.file_path.iter().chain(&self.settings.unused_file).cloned());
        paths.extend(user_file());
        Ok(paths)
    }

    /// Finds the snapshot that the user named. If a newer one cannot be chosen, it is named, and the run is
    /// not complete. The same holds if the newest one needs lost data.
    ///
    /// # Errors
    /// There is none, or several are meant.
    pub fn select(&self, repo: &Repository, snap: &Snap) -> Result<Snapshot> {
        let selector = snap.selector();
        let Selection { snapshot, remarks, suffers_since } = snapshots::select(repo, &selector)?;
        self.tell_of_copy(&snapshot);
        for remark in &remarks {
            self.tell_incomplete(remark);
        }
        if let Some(since) = suffers_since {
            let lost = lost_since(&snapshot, since);
            match selector {
                Selector::Latest { .. } | Selector::Earlier { .. } => {
                    self.tell_incomplete(format_args!("{lost}; `enamel status` names the last whole one"));
                }
                Selector::IdPrefix(_) => self.ui.warn(lost),
            }
        }
        if !remarks.is_empty() {
            let (id, time) = (format::short(snapshot.id), format::time(snapshot.manifest.time()));
            self.ui.warn(format_args!("snapshot {id} of {time} is taken; name another one by its id"));
        }
        Ok(snapshot)
    }

    /// Names the sources of a snapshot that this copy of it lacks.
    fn tell_of_copy(&self, snapshot: &Snapshot) {
        let Some(origin) = &snapshot.manifest.origin else { return };
        let names: Vec<_> = snapshot.manifest.roots_left_out().iter().map(|name| format::path(&name.0)).collect();
        if !names.is_empty() {
            self.ui.warn(format_args!(
                "snapshot {} is a copy without {}: that is in the repository {}, as {}",
                format::short(snapshot.id),
                names.join(", "),
                format::short(origin.repository),
                format::short(origin.id)
            ));
        }
    }

    /// Finds the snapshot that the user named, and refuses to guess: for what cannot be undone.
    ///
    /// # Errors
    /// There is none, several are meant, or a newer one may be.
    pub fn select_exactly(&self, repo: &Repository, snap: &Snap) -> Result<Snapshot> {
        let Selection { snapshot, remarks, .. } = snapshots::select(repo, &snap.selector())?;
        match remarks.first() {
            None => Ok(snapshot),
            Some(remark) => {
                let message = format!("the newest snapshot is in doubt, so name one by its id: {remark}");
                Err(Error::new(ErrorKind::Usage, message).with_hint("`enamel snapshots` shows the ids."))
            }
        }
    }

    /// Names the parts of `path` that could not be saved when `snapshot` was made: the restored folder must not pass for whole.
    pub fn tell_what_is_missing(&self, repo: &Repository, snapshot: &Snapshot, path: &[u8]) {
        let manifest = &snapshot.manifest;
        let all = manifest.problems.count;
        if all == 0 {
            return;
        }
        let (id, count) = (format::short(snapshot.id), format::counted(all, "problem"));
        let mut problems = match snapshots::problems(repo, manifest) {
            Ok(problems) => problems,
            Err(error) => {
                let why = chain(&error);
                return self
                    .tell_incomplete(format_args!("snapshot {id} was made with {count}, which cannot be read: {why}"));
            }
        };
        // The list may have been cut.
        let unnamed = all.saturating_sub(problems.len() as u64);
        problems.retain(|problem| snapshots::concerns(&manifest.roots, &problem.path.0, path));
        if problems.is_empty() && unnamed == 0 {
            return;
        }
        self.tell_incomplete(format_args!(
            "snapshot {id} was made with {count}: files that could not be saved then are not in it"
        ));
        let shown = if self.ui.is_verbose() { problems.len() } else { problems.len().min(PROBLEMS_SHOWN) };
        for problem in &problems[..shown] {
            let (path, message) = (format::path_or_all(&problem.path.0), format::path(problem.message.as_bytes()));
            self.ui.warn(format_args!("not in it: {path}: {message}"));
        }
        let more = (problems.len() - shown) as u64 + unnamed;
        if more > 0 {
            self.ui.warn(format_args!("not in it: and {} more; --verbose names them", format::count(more)));
        }
    }

    /// For a run that settings are for: with none but a file that is not read, it is not complete.
    pub fn expect_settings(&self) {
        if self.settings.unused_file.is_some() && self.settings.file_path.is_none() {
            self.is_incomplete.store(true, Ordering::Relaxed);
        }
    }

    /// Tells the user of something that is left out, and that the run is not complete.
    pub fn tell_incomplete(&self, message: impl Display) {
        self.is_incomplete.store(true, Ordering::Relaxed);
        self.ui.warn(message);
    }

    /// How a run has ended that came to `exit`: what was left out counts.
    pub fn ended(&self, exit: Exit) -> Exit {
        match exit {
            Exit::Done if self.is_incomplete.load(Ordering::Relaxed) => Exit::Incomplete,
            _ => exit,
        }
    }
}

/// That a snapshot needs something that is lost, in words.
pub fn lost_since(snapshot: &Snapshot, since: i64) -> String {
    let (id, made) = (format::short(snapshot.id), format::time(snapshot.manifest.time()));
    let since = format::time(format::seconds(since));
    format!(
        "snapshot {id} of {made} needs data that was lost when the repository was checked at {since}: the rest can be restored"
    )
}

/// Whether others may write to the repository meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They may.
    Possible,
    /// The user says that there are none.
    None,
}

/// The message about locks of a storage, if they do not keep others out.
pub fn without_locks(locks: &Locks) -> Option<String> {
    let how = match locks {
        Locks::Hold => return None,
        Locks::OfThisMachine(kind) => format!("other machines do not see locks of this storage ({kind})"),
        _ => "locks of this storage do not keep others out: two programs got the same lock".to_owned(),
    };
    Some(format!(
        "{how}; backups do without, `enamel prune` needs --exclusive, and no other machine that writes meanwhile"
    ))
}

fn refuse_without_locks(store: &LocalStore) -> Result<()> {
    match without_locks(&store.locks().map_err(Error::from)?) {
        None => Ok(()),
        Some(message) => Err(Error::new(ErrorKind::Refused, message)),
    }
}

//! Chooses the snapshots that a run is compared with: the best one for each root.

use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, ManifestKind, Root};
use repo_format::node::{Problem, ProblemKind, decode_problems};
use repo_format::pack::ChunkKind;

use super::{BackupOptions, ParentChoice};
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::repository::{KnownLosses, ManifestObject, Manifests, Repository, SnapshotObject, family};
use crate::tree::is_beneath;

/// The number of snapshots that are read at most in search of a root; each is a small object of the store. A source
/// that is saved regularly is in one of the newest, even if many machines share a repository.
const LOOKED_AT: usize = 128;

/// The snapshots that were chosen.
#[derive(Default)]
pub(super) struct Choice {
    /// Each snapshot once, newest first.
    pub snapshots: Vec<ManifestObject>,
    /// One for each root of the run, in their order.
    pub roots: Vec<Option<ChosenRoot>>,
}

/// A root of a chosen snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChosenRoot {
    /// The index of the snapshot in [`Choice::snapshots`].
    pub snapshot: usize,
    /// The index of the root in that snapshot.
    pub root: usize,
}

impl Choice {
    /// The newest snapshot that serves for comparison.
    pub fn id(&self) -> Option<LeaseId> {
        self.snapshots.first().map(|object| object.manifest.id)
    }

    /// The snapshot that all roots are compared with, if it has these and no others.
    pub fn of_all_roots(&self) -> Option<&Manifest> {
        let [object] = &self.snapshots[..] else { return None };
        let is_whole = self.roots.len() == object.manifest.roots.len() && self.roots.iter().all(Option::is_some);
        is_whole.then_some(&object.manifest)
    }

    /// The snapshot and root to compare root number `root` with.
    pub fn of(&self, root: usize) -> Option<(&ManifestObject, &Root)> {
        let chosen = self.roots.get(root).copied().flatten()?;
        let object = self.snapshots.get(chosen.snapshot)?;
        Some((object, object.manifest.roots.get(chosen.root)?))
    }
}

/// Chooses among the existing snapshots. The order of `roots` does not matter.
pub(super) fn choose(
    repository: &Repository,
    options: &BackupOptions,
    manifests: &Manifests,
    roots: &[Root],
    monitor: &dyn Monitor,
) -> Result<Choice> {
    match options.parent {
        ParentChoice::None => Ok(Choice::default()),
        ParentChoice::Snapshot(id) => match repository.read_snapshot_object(id)? {
            SnapshotObject::Manifest(object) => Ok(named(*object, roots, monitor)),
            SnapshotObject::Void(_) => Err(Error::new(ErrorKind::NotFound, format!("there is no snapshot {id}"))),
        },
        ParentChoice::Newest => Search::new(repository, options, roots, monitor).run(manifests),
    }
}

/// The snapshot that the user named, for all roots that it contains. A root may have another path there: it may be a
/// copy of the source, or a moved one.
fn named(object: ManifestObject, roots: &[Root], monitor: &dyn Monitor) -> Choice {
    let there = &object.manifest.roots;
    let by_path: Vec<Option<usize>> = roots.iter().map(|root| place_of(there, root)).collect();
    let is_free = |place: usize| !by_path.contains(&Some(place));
    let moved = |root: &Root| {
        let similar = |by_name: bool| {
            let fits = |r: &Root| r.kind == root.kind && (!by_name || r.name == root.name);
            let mut found = there.iter().enumerate().filter(|(place, r)| is_free(*place) && fits(r));
            let first = found.next();
            first.filter(|_| found.next().is_none()).map(|(place, _)| place)
        };
        let alone = roots.iter().zip(&by_path).filter(|(r, place)| r.kind == root.kind && place.is_none()).count() == 1;
        similar(true).or_else(|| if alone { similar(false) } else { None })
    };
    let mut taken = Vec::new();
    let mut chosen = Vec::new();
    for (root, place) in roots.iter().zip(&by_path) {
        let place = place.or_else(|| moved(root)).filter(|place| !taken.contains(place));
        taken.extend(place);
        if place.is_none() {
            let path = String::from_utf8_lossy(&root.path.0);
            monitor.note(&format!("snapshot {} has no root like {path}, which is read completely", object.manifest.id));
        }
        chosen.push(place.map(|root| ChosenRoot { snapshot: 0, root }));
    }
    let snapshots = if taken.is_empty() { Vec::new() } else { vec![object] };
    Choice { snapshots, roots: chosen }
}

/// The place of the same source in `roots`.
fn place_of(roots: &[Root], root: &Root) -> Option<usize> {
    roots.iter().position(|r| r.is_same_source(root))
}

/// Looks through snapshots, the newest first.
struct Search<'s> {
    repository: &'s Repository,
    reader: ChunkReader<'s>,
    options: &'s BackupOptions,
    wanted: &'s [Root],
    monitor: &'s dyn Monitor,
    found: Choice,
    /// The known losses.
    losses: KnownLosses,
    /// Roots of snapshots with something missing or lost; used if there is nothing better.
    less: Vec<Option<ChosenRoot>>,
    /// The snapshots of these roots.
    doubtful: Vec<ManifestObject>,
}

impl<'s> Search<'s> {
    fn new(
        repository: &'s Repository,
        options: &'s BackupOptions,
        wanted: &'s [Root],
        monitor: &'s dyn Monitor,
    ) -> Self {
        let found = Choice { snapshots: Vec::new(), roots: vec![None; wanted.len()] };
        let reader = ChunkReader::new(repository);
        let less = vec![None; wanted.len()];
        let losses = KnownLosses::default();
        Search { repository, reader, options, wanted, monitor, found, losses, less, doubtful: Vec::new() }
    }

    fn run(mut self, manifests: &Manifests) -> Result<Choice> {
        self.losses = self.repository.known_losses_in(manifests)?;
        // A snapshot from the future would be the newest for years.
        let now = machine::now();
        let candidates = manifests
            .present
            .iter()
            .filter(|m| m.kind == ManifestKind::Snapshot && !machine::is_from_the_future(m.time, now));
        let same = family(self.repository, &self.options.host, self.wanted);
        for (number, candidate) in candidates.enumerate() {
            let is_near = number < LOOKED_AT || candidate.family == same;
            let is_wanted = if is_near { self.lacks_any() } else { self.lacks_whole() };
            if !is_wanted {
                continue;
            }
            match self.repository.read_remembered(candidate) {
                Ok(SnapshotObject::Manifest(object)) => self.take(*object)?,
                Ok(SnapshotObject::Void(_)) => {}
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => {
                    self.monitor.note(&format!("snapshot {} is not compared with: {error}", candidate.id));
                }
            }
        }
        Ok(self.settle())
    }

    /// Whether any root lacks a whole snapshot.
    fn lacks_any(&self) -> bool {
        self.found.roots.iter().any(Option::is_none)
    }

    /// Whether a root was found, but only in a snapshot with something missing.
    fn lacks_whole(&self) -> bool {
        self.found.roots.iter().zip(&self.less).any(|(found, less)| found.is_none() && less.is_some())
    }

    fn take(&mut self, object: ManifestObject) -> Result<()> {
        if object.manifest.host != self.options.host {
            return Ok(());
        }
        let mut problems = None;
        let (mut is_chosen, mut is_doubtful) = (false, false);
        for (number, root) in self.wanted.iter().enumerate() {
            let place = place_of(&object.manifest.roots, root).filter(|_| self.found.roots[number].is_none());
            let Some(place) = place else { continue };
            let problems = problems.get_or_insert_with(|| much_less(&self.reader, &object.manifest));
            let is_lost = self.losses.suffers(object.manifest.id);
            if is_lost || problems.iter().any(|problem| is_beneath(&problem.path.0, root.plain_path())) {
                if self.less[number].is_none() {
                    is_doubtful = true;
                    self.less[number] = Some(ChosenRoot { snapshot: self.doubtful.len(), root: place });
                }
            } else {
                is_chosen = true;
                self.found.roots[number] = Some(ChosenRoot { snapshot: self.found.snapshots.len(), root: place });
            }
        }
        if is_doubtful {
            self.doubtful.push(object.clone());
        }
        if is_chosen {
            self.found.snapshots.push(object);
        }
        Ok(())
    }

    /// Uses doubtful snapshots for roots that have nothing else.
    fn settle(mut self) -> Choice {
        for (number, chosen) in self.less.iter().enumerate() {
            let Some(chosen) = chosen.filter(|_| self.found.roots[number].is_none()) else { continue };
            let Some(object) = self.doubtful.get(chosen.snapshot) else { continue };
            let known = self.found.snapshots.iter().position(|o| o.manifest.id == object.manifest.id);
            let snapshot = known.unwrap_or_else(|| {
                self.found.snapshots.push(object.clone());
                self.found.snapshots.len() - 1
            });
            self.found.roots[number] = Some(ChosenRoot { snapshot, root: chosen.root });
        }
        newest_first(self.found)
    }
}

fn newest_first(choice: Choice) -> Choice {
    let time = |m: &Manifest| (m.time(), m.id);
    let mut order: Vec<usize> = (0..choice.snapshots.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(time(&choice.snapshots[*at].manifest)));
    let place = |old: usize| order.iter().position(|at| *at == old).unwrap_or(0);
    let moved = |chosen: ChosenRoot| ChosenRoot { snapshot: place(chosen.snapshot), ..chosen };
    let roots = choice.roots.iter().map(|chosen| chosen.map(moved)).collect();
    let snapshots = order.iter().filter_map(|at| choice.snapshots.get(*at).cloned()).collect();
    Choice { snapshots, roots }
}

/// The sources that held much less than before in a snapshot. Unreadable lists say nothing; `verify` reports damage.
fn much_less(reader: &ChunkReader<'_>, manifest: &Manifest) -> Vec<Problem> {
    let ids = manifest.problems.lists.iter().filter_map(|place| manifest.ids.get(*place as usize));
    let lists = ids.filter_map(|id| decode_problems(&reader.read(ChunkKind::Node, id).ok()?).ok());
    lists.flatten().filter(|problem| problem.kind == ProblemKind::Less).collect()
}

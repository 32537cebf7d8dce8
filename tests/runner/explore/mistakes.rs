//! Mistakes that could be made, planted between a process and the store: the code is right, but what it is told is what
//! it would know if it did things otherwise.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use engine::store::{Folder, ObjectInfo, ObjectName, Original, Store, StoreErrorKind, Tag};
use repo_format::condemned::{Condemned, Phase};
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{LeaseId, PackId, SegmentId};
use repo_format::limits;
use repo_format::segment::{self, SegmentPack};
use scenario_tests::explore::{Answer, Request, pass};

use super::scene::Scene;

/// A layer between a process and the store. It answers a request of the process, and asks the store as it likes.
pub type Lie = Box<dyn FnMut(Request, &dyn Store) -> Answer + Send>;

/// A store that lies.
pub fn lying(store: Arc<dyn Store>, lie: Lie) -> Arc<dyn Store> {
    let lie = Mutex::new(lie);
    Arc::new(pass(move |request| locked(&lie)(request, &*store)))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// Nothing is wrong.
pub fn truth() -> Lie {
    Box::new(|request, store| request.perform(store))
}

/// Nothing is wrong, but a commit whose answer got lost is asked again, as programs between us and a far store do.
pub fn asks_again() -> Lie {
    Box::new(|request, store| match (request.perform(store), &request) {
        (Answer::Failed(StoreErrorKind::Io), Request::PutNew(ObjectName::Snapshot(_), _)) => request.perform(store),
        (answer, _) => answer,
    })
}

/// A writer that gives up when its manifest had no answer, and deletes its lease like any that failed.
pub fn no_lease_for_late_puts() -> Lie {
    let (mut is_unanswered, mut is_over) = (false, false);
    Box::new(move |request, store| match request {
        Request::PutNew(ObjectName::Snapshot(_), _) | Request::Overwrite(ObjectName::Snapshot(_), _) if is_over => {
            Answer::Failed(StoreErrorKind::Unavailable)
        }
        Request::Get(ObjectName::Snapshot(id), _) if is_unanswered && !is_over => {
            let answer = request.perform(store);
            is_over = answer == Answer::Failed(StoreErrorKind::NotFound);
            if is_over {
                Request::Delete(ObjectName::Lease(id)).perform(store);
            }
            answer
        }
        Request::Get(ObjectName::Snapshot(_), _) if is_over => Answer::Failed(StoreErrorKind::NotFound),
        Request::PutNew(ObjectName::Snapshot(_), _) | Request::Overwrite(ObjectName::Snapshot(_), _) => {
            let answer = request.perform(store);
            is_unanswered = answer == Answer::Failed(StoreErrorKind::Unavailable);
            answer
        }
        _ => request.perform(store),
    })
}

/// A writer that deletes its lease after its manifest was put, also if an earlier put had no answer.
pub fn no_lease_after_a_second_put() -> Lie {
    let mut is_unanswered = false;
    Box::new(move |request, store| match &request {
        Request::PutNew(ObjectName::Snapshot(id), _) | Request::Overwrite(ObjectName::Snapshot(id), _) => {
            let answer = request.perform(store);
            if answer == Answer::Done && is_unanswered {
                Request::Delete(ObjectName::Lease(*id)).perform(store);
            }
            is_unanswered |= answer == Answer::Failed(StoreErrorKind::Unavailable);
            answer
        }
        _ => request.perform(store),
    })
}

/// Somebody who looks for leases before putting one, in a store without conditions, and not after.
pub fn looks_before_putting() -> Lie {
    let mut seen = None;
    Box::new(move |request, store| match &request {
        Request::Overwrite(name @ ObjectName::Lease(_), bytes) => {
            if let Answer::Found(mut there) = Request::List(Folder::Leases).perform(store) {
                there.push(ObjectInfo { name: *name, size: bytes.len() as u64 });
                seen = Some(there);
            }
            request.perform(store)
        }
        Request::List(Folder::Leases) => seen.take().map_or_else(|| request.perform(store), Answer::Found),
        _ => request.perform(store),
    })
}

/// A writer that does not read the condemned packs again after it has put its lease.
pub fn no_relist() -> Lie {
    let mut first = None;
    Box::new(move |request, store| match request {
        Request::Get(ObjectName::Condemned, _) => first.get_or_insert_with(|| request.perform(store)).clone(),
        _ => request.perform(store),
    })
}

/// Keyrings, by what their maker had been told before.
pub type Keyrings = Arc<Mutex<HashMap<u64, Vec<u8>>>>;

/// Nothing is wrong, but a keyring that is sealed once more by somebody who was told the same is the same: what seals it
/// has randomness of its own.
pub fn same_keyrings(made: &Keyrings) -> Lie {
    let (made, mut told, mut own) = (made.clone(), DefaultHasher::new(), HashMap::new());
    Box::new(move |mut request, store| {
        if let Request::PutNew(ObjectName::Keyring(_) | ObjectName::Copy(Original::Keyring(_)), bytes) = &mut request {
            let made = |sealed: &Vec<u8>| locked(&made).entry(told.finish()).or_insert_with(|| sealed.clone()).clone();
            // Its second copy has the same bytes.
            *bytes = own.entry(bytes.clone()).or_insert_with_key(made).clone();
        }
        let answer = request.perform(store);
        (&request, &answer).hash(&mut told);
        answer
    })
}

/// A writer that does not look for new keys any more when its manifest is put.
pub fn no_new_keys() -> Lie {
    let mut is_put = false;
    Box::new(move |request, store| match request {
        Request::PutNew(ObjectName::Snapshot(_), _) => {
            is_put = true;
            request.perform(store)
        }
        Request::Stat(ObjectName::Keyring(_)) if is_put => Answer::Info(None),
        _ => request.perform(store),
    })
}

/// A writer that does not list the packs, but believes that all it ever heard of are there: those that were there in the
/// beginning, too.
pub fn no_pack_list(known: Vec<ObjectInfo>) -> Lie {
    Box::new(move |request, store| match (request.perform(store), &request) {
        (Answer::Found(listed), Request::List(Folder::Packs)) => {
            let all = known.iter().chain(&listed).map(|info| (info.name, info.clone()));
            Answer::Found(all.collect::<BTreeMap<_, _>>().into_values().collect())
        }
        (answer, _) => answer,
    })
}

/// A prune that does not care for leases.
pub fn forget_lease() -> Lie {
    Box::new(|request, store| match request {
        Request::List(Folder::Leases) => Answer::Found(Vec::new()),
        _ => request.perform(store),
    })
}

/// A prune that lists the snapshots before the leases.
pub fn snapshots_first() -> Lie {
    let mut before = None;
    Box::new(move |request, store| match request {
        Request::List(Folder::Leases) => {
            before = Some(Request::List(Folder::Snapshots).perform(store));
            request.perform(store)
        }
        Request::List(Folder::Snapshots) => before.take().unwrap_or_else(|| request.perform(store)),
        _ => request.perform(store),
    })
}

/// A prune that takes no notice of a lease whose snapshot exists already.
pub fn no_lease_root() -> Lie {
    Box::new(|request, store| match (request.perform(store), &request) {
        (Answer::Found(leases), Request::List(Folder::Leases)) => {
            let is_open = |info: &ObjectInfo| match info.name {
                ObjectName::Lease(id) => !is_there(store, id),
                _ => true,
            };
            Answer::Found(leases.into_iter().filter(is_open).collect())
        }
        (answer, _) => answer,
    })
}

fn is_there(store: &dyn Store, snapshot: LeaseId) -> bool {
    matches!(Request::Stat(ObjectName::Snapshot(snapshot)).perform(store), Answer::Info(Some(_)))
}

/// The `condemned` that a process is shown, and the one that it writes in return.
struct Shown {
    scene: Arc<Scene>,
    /// The true contents, by the tag of what was shown.
    real: HashMap<[u8; 32], Vec<u8>>,
}

impl Shown {
    fn new(scene: &Arc<Scene>) -> Self {
        Shown { scene: scene.clone(), real: HashMap::new() }
    }

    fn open(&self, bytes: &[u8]) -> Condemned {
        let keys = self.scene.repository().keys();
        let plain = keys.open(ObjectKind::Condemned, KeyClass::Index, "condemned", bytes, limits::CONDEMNED).unwrap();
        Condemned::decode(&plain).unwrap()
    }

    fn seal(&self, condemned: &Condemned) -> Vec<u8> {
        let keys = self.scene.repository().keys();
        keys.seal(ObjectKind::Condemned, KeyClass::Index, "condemned", &condemned.encode().unwrap()).unwrap()
    }

    /// Shows what `alter` makes of the real one.
    fn show(&mut self, answer: Answer, alter: impl FnOnce(&mut Condemned)) -> Answer {
        let Answer::Bytes(real) = answer else { return answer };
        let mut condemned = self.open(&real);
        alter(&mut condemned);
        let shown = self.seal(&condemned);
        self.real.insert(Tag::of(&shown).0, real);
        Answer::Bytes(shown)
    }

    /// Replaces the real one, if it is still what it was when `tag` was shown, by what `merge` makes of it and of what is
    /// to be written.
    fn replace(
        &self,
        request: Request,
        store: &dyn Store,
        merge: impl FnOnce(&Condemned, Condemned) -> Condemned,
    ) -> Answer {
        let Request::ReplaceIf(name, Some(tag), bytes) = request else { return request.perform(store) };
        let Some(real) = self.real.get(&tag) else { return Answer::Failed(StoreErrorKind::Conflict) };
        let merged = merge(&self.open(real), self.open(&bytes));
        Request::ReplaceIf(name, Some(Tag::of(real).0), self.seal(&merged)).perform(store)
    }
}

/// A prune that takes the number after the last list that is there, whatever numbers there were.
pub fn reuse_number(scene: &Arc<Scene>) -> Lie {
    let mut shown = Shown::new(scene);
    let mut own = 1;
    Box::new(move |request, store| match &request {
        Request::Get(ObjectName::Condemned, _) => {
            let answer = request.perform(store);
            shown.show(answer, |condemned| {
                own = condemned.lists.last().map_or(1, |last| last.number + 1).max(own);
                condemned.next = own;
            })
        }
        Request::ReplaceIf(ObjectName::Condemned, _, bytes) => {
            own = own.max(shown.open(bytes).next);
            shown.replace(request, store, |real, new| Condemned { next: new.next.max(real.next), ..new })
        }
        _ => request.perform(store),
    })
}

/// A prune that, when it looks for other copies, takes the packs of all lists but the first for good.
pub fn trust_condemned(scene: &Arc<Scene>) -> Lie {
    let mut shown = Shown::new(scene);
    let mut knows_leases = false;
    Box::new(move |request, store| match &request {
        Request::Get(ObjectName::Condemned, _) => {
            let answer = request.perform(store);
            let length = if std::mem::take(&mut knows_leases) { 1 } else { usize::MAX };
            shown.show(answer, |condemned| condemned.lists.truncate(length))
        }
        Request::ReplaceIf(ObjectName::Condemned, ..) => shown.replace(request, store, |real, mut new| {
            let is_hidden = |number| !new.lists.iter().any(|list| list.number == number);
            let hidden: Vec<_> = real.lists.iter().skip(1).filter(|list| is_hidden(list.number)).cloned().collect();
            new.lists.extend(hidden);
            new.lists.sort_by_key(|list| list.number);
            new
        }),
        Request::List(Folder::Leases) => {
            knows_leases = true;
            request.perform(store)
        }
        _ => request.perform(store),
    })
}

/// A prune that deletes packs without having written that their list is final.
pub fn no_doom(scene: &Arc<Scene>) -> Lie {
    let mut shown = Shown::new(scene);
    Box::new(move |request, store| match &request {
        Request::Get(ObjectName::Condemned, _) => {
            let answer = request.perform(store);
            shown.show(answer, |_| {})
        }
        Request::ReplaceIf(ObjectName::Condemned, _, bytes)
            if shown.open(bytes).lists.iter().any(|list| list.phase == Phase::Doomed) =>
        {
            Answer::Done
        }
        Request::ReplaceIf(ObjectName::Condemned, ..) => shown.replace(request, store, |_, new| new),
        _ => request.perform(store),
    })
}

/// A prune that does not care whether a segment names a pack: it sees one that names all that no other names.
pub fn count_unnamed(scene: &Arc<Scene>) -> Lie {
    let scene = scene.clone();
    let mut made: HashMap<SegmentId, Vec<u8>> = HashMap::new();
    Box::new(move |request, store| match &request {
        Request::List(Folder::Index) => {
            let Answer::Found(mut segments) = request.perform(store) else { return Answer::Failed(StoreErrorKind::Io) };
            let (id, bytes) = segment_of_unnamed(&scene, &segments, store);
            let name = ObjectName::Segment(id);
            segments.push(ObjectInfo { name, size: bytes.len() as u64 });
            made.insert(id, bytes);
            Answer::Found(segments)
        }
        Request::Get(ObjectName::Segment(id), _) => {
            made.get(id).map_or_else(|| request.perform(store), |bytes| Answer::Bytes(bytes.clone()))
        }
        Request::Stat(ObjectName::Segment(id)) if made.contains_key(id) => Answer::Info(None),
        _ => request.perform(store),
    })
}

/// A segment that names all existing packs that `segments` do not name.
fn segment_of_unnamed(scene: &Scene, segments: &[ObjectInfo], store: &dyn Store) -> (SegmentId, Vec<u8>) {
    let keys = scene.repository().keys();
    let mut named = HashSet::new();
    for info in segments {
        let Answer::Bytes(bytes) = Request::Get(info.name, limits::SEGMENT).perform(store) else { continue };
        let parts = repo_format::sealed::decode(ObjectKind::Segment, &bytes, limits::SEGMENT).unwrap();
        let plain = keys.open_parts(KeyClass::Index, b"index", &parts).unwrap();
        named.extend(segment::decode(&plain).unwrap().into_iter().map(|pack| ObjectName::Pack(pack.id)));
    }
    let Answer::Found(mut packs) = Request::List(Folder::Packs).perform(store) else { unreachable!("a list of packs") };
    packs.retain(|info| !named.contains(&info.name));
    let tables: Vec<_> = packs.iter().filter_map(|info| table(scene, info, store)).collect();
    let mut encoded = Vec::new();
    tables.iter().for_each(|table| table.encode_into(&mut encoded).unwrap());
    let plain = segment::encode(u32::try_from(tables.len()).unwrap(), &encoded).unwrap();
    let object = keys.seal_named_by_hash(ObjectKind::Segment, KeyClass::Index, b"index", &plain).unwrap();
    (SegmentId(*blake3::hash(&object).as_bytes()), object)
}

fn table(scene: &Scene, info: &ObjectInfo, store: &dyn Store) -> Option<SegmentPack> {
    let ObjectName::Pack(PackId(id)) = info.name else { return None };
    let Answer::Bytes(bytes) = Request::Get(info.name, limits::PACK).perform(store) else { return None };
    let range =
        repo_format::pack::decode_trailer(&bytes[bytes.len() - repo_format::pack::TRAILER_LEN..], info.size).ok()?;
    let table = &bytes[usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?];
    let head = &bytes[..repo_format::sealed::ENVELOPE_LEN];
    scene.repository().open_pack_table(PackId(id), info.size, head, table).ok()
}

/// Index segments are put as if their names did not matter: one that is there is as good as put.
pub fn same_name() -> Lie {
    Box::new(|request, store| match (request.perform(store), &request) {
        (Answer::Failed(StoreErrorKind::AlreadyExists), Request::PutNew(ObjectName::Segment(_), _)) => Answer::Done,
        (answer, _) => answer,
    })
}

//! Tests every promise of [`Store`], on any store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use repo_format::id::{LeaseId, MemberId, PackId, SegmentId};

use super::{Folder, ObjectName, Store, StoreError, StoreErrorKind, Tag};

/// Why a store did not pass.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An operation failed that should have succeeded.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store gave a wrong answer.
    #[error("the storage does not keep a promise: {0}")]
    Broken(String),
}

type Outcome = Result<(), Failure>;

const THREADS: usize = 8;

/// Tests the promises that matter most on the real store: a name can be given only once, and an object is replaced only
/// if it is as expected, also if several ask at once; and a listing shows what was put. Uses two leases with random
/// names, and deletes them.
///
/// # Errors
/// [`Failure::Store`] if the store cannot be used; [`Failure::Broken`] if it is unsafe to keep a repository there.
pub fn check_conditions(store: &dyn Store) -> Outcome {
    for test in [conditions, race] {
        let name = random_lease()?;
        let result = test(store, &name);
        if result.is_err() {
            // The first failure is worth telling; this one only follows from it.
            let _ = store.delete(&name);
        }
        result?;
    }
    Ok(())
}

/// How a storage treats conditions, as [`survey_conditions`] found.
#[derive(Debug)]
pub enum Conditions {
    /// It keeps them.
    Kept,
    /// It says that it has none.
    Missing(StoreError),
    /// It does not keep this promise, and does not say so.
    Broken(String),
}

/// Finds out what a storage does with conditions, by [`check_conditions`].
///
/// # Errors
/// If the storage cannot be used at all.
pub fn survey_conditions(store: &dyn Store) -> super::Result<Conditions> {
    match check_conditions(store) {
        Ok(()) => Ok(Conditions::Kept),
        Err(Failure::Broken(promise)) => Ok(Conditions::Broken(promise)),
        Err(Failure::Store(error)) if error.kind == StoreErrorKind::Unsupported => Ok(Conditions::Missing(error)),
        Err(Failure::Store(error)) => Err(error),
    }
}

/// Tests what a repository needs where there are no conditions: that a put replaces what is there; that reading and
/// listing show at once what was put, and no more what was deleted; and that of two who put a name each, and then look,
/// one sees the other. Uses leases with random names, and deletes them.
///
/// # Errors
/// [`Failure::Store`] if the store cannot be used; [`Failure::Broken`] if it is unsafe to keep a repository there.
pub fn check_without_conditions(store: &dyn Store) -> Outcome {
    let names = (0..THREADS).map(|_| random_lease()).collect::<super::Result<Vec<_>>>()?;
    let tested = overwrites(store, &names[0]).and_then(|()| put_then_look(store, &names));
    for name in &names {
        let deleted = store.delete(name);
        if tested.is_ok() {
            deleted?;
            is_listed(store, name, Listed::No)?;
        }
    }
    tested
}

fn random_lease() -> super::Result<ObjectName> {
    let mut id = [0; LeaseId::LEN];
    getrandom::fill(&mut id).map_err(|e| StoreError::io("choose", "a random name", std::io::Error::other(e)))?;
    Ok(ObjectName::Lease(LeaseId(id)))
}

fn overwrites(store: &dyn Store, name: &ObjectName) -> Outcome {
    is_listed(store, name, Listed::No)?;
    for bytes in [b"one", b"two"] {
        store.overwrite(name, &[bytes])?;
        holds(store, name, bytes)?;
        is_listed(store, name, Listed::Yes)?;
    }
    store.delete(name)?;
    is_absent(store, name)?;
    is_listed(store, name, Listed::No)
}

/// Each thread puts a name of its own, and then looks: of any two, one sees the other.
fn put_then_look(store: &dyn Store, names: &[ObjectName]) -> Outcome {
    let seen = Mutex::new(BTreeMap::new());
    in_threads(|thread| {
        store.overwrite(&names[thread], &[b"put"])?;
        let mut listed = Vec::new();
        let mut found = |info: super::ObjectInfo| {
            listed.push(info.name);
            Ok(())
        };
        store.list(Folder::Leases, &mut found, &mut |_| {})?;
        seen.lock().unwrap_or_else(PoisonError::into_inner).insert(thread, listed);
        Ok(())
    })?;
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let sees = |one: usize, other: usize| seen.get(&one).is_some_and(|listed| listed.contains(&names[other]));
    let all_met = (0..THREADS).all(|one| sees(one, one) && (0..one).all(|other| sees(one, other) || sees(other, one)));
    ensure(all_met, "of two that put an object and then list, one sees the other")
}

/// Several threads put one name at once, and then replace its content at once: one of them succeeds each time.
fn race(store: &dyn Store, name: &ObjectName) -> Outcome {
    is_listed(store, name, Listed::No)?;
    let first = only_winner(|bytes| {
        let put = store.put_new(name, &[bytes]);
        loses_by(put, "a name is given once only, also if several ask at once", StoreErrorKind::AlreadyExists)
    })?;
    holds(store, name, &first)?;
    is_listed(store, name, Listed::Yes)?;
    if matches!(store.replace_if(name, Some(Tag::of(b"-")), b"-"), Err(e) if e.kind == StoreErrorKind::NoLocks) {
        return Ok(store.delete(name)?);
    }
    let promise = "an object is replaced only if it is as expected, also if several ask at once";
    let second = only_winner(|bytes| {
        let replaced = store.replace_if(name, Some(Tag::of(&first)), &[b"then ", bytes].concat());
        loses_by(replaced, promise, StoreErrorKind::Conflict)
    })?;
    holds(store, name, &[b"then ", &second[..]].concat())?;
    store.delete(name)?;
    is_listed(store, name, Listed::No)
}

/// Whether a listing shows an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    Yes,
    No,
}

fn is_listed(store: &dyn Store, name: &ObjectName, expected: Listed) -> Outcome {
    let mut listed = Listed::No;
    let mut found = |info: super::ObjectInfo| {
        if info.name == *name {
            listed = Listed::Yes;
        }
        Ok(())
    };
    store.list(name.folder(), &mut found, &mut |_| {})?;
    ensure(listed == expected, "a listing shows at once what was put, and what was deleted no more")
}

/// The bytes of the only thread for which `try_one` says that it has won.
fn only_winner(try_one: impl Fn(&[u8]) -> Result<bool, Failure> + Sync) -> Result<Vec<u8>, Failure> {
    let winners = Mutex::new(Vec::new());
    in_threads(|thread| {
        let bytes = format!("thread {thread}").into_bytes();
        if try_one(&bytes)? {
            winners.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        }
        Ok(())
    })?;
    let mut winners = winners.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (winners.pop(), winners.len()) {
        (Some(winner), 0) => Ok(winner),
        (None, _) => Err(Failure::Broken("one of several that ask at once succeeds".to_owned())),
        _ => Err(Failure::Broken("only one of several that ask at once succeeds".to_owned())),
    }
}

/// Whether a thread has won; it loses by an error of this kind.
fn loses_by(result: super::Result<()>, promise: &str, kind: StoreErrorKind) -> Result<bool, Failure> {
    if result.is_ok() {
        return Ok(true);
    }
    refuses(promise, result, kind).map(|()| false)
}

fn conditions(store: &dyn Store, name: &ObjectName) -> Outcome {
    store.put_new(name, &[b"one"])?;
    refuses("a name is given once only", store.put_new(name, &[b"two"]), StoreErrorKind::AlreadyExists)?;
    holds(store, name, b"one")?;
    let replaced = store.replace_if(name, Some(Tag::of(b"two")), b"three");
    if matches!(&replaced, Err(error) if error.kind == StoreErrorKind::NoLocks) {
        // Backups work without this operation; the operations that need it fail there with the same error.
        return Ok(store.delete(name)?);
    }
    refuses("an object is replaced only if it is as expected", replaced, StoreErrorKind::Conflict)?;
    refuses("an object that exists is not new", store.replace_if(name, None, b"three"), StoreErrorKind::Conflict)?;
    store.replace_if(name, Some(Tag::of(b"one")), b"three")?;
    holds(store, name, b"three")?;
    store.delete(name)?;
    is_absent(store, name)
}

/// Tests every promise. The store must be empty, and is empty again after it has passed. Takes about a second and 40
/// MiB.
///
/// # Errors
/// The first promise that is broken.
pub fn check(store: &dyn Store) -> Outcome {
    for folder in Folder::ALL {
        lists(store, folder, &BTreeMap::new())?;
    }
    put_and_get(store)?;
    ranges(store)?;
    sizes(store)?;
    listings(store)?;
    replacements(store)?;
    one_winner(store)?;
    no_lost_update(store)?;
    check_conditions(store)?;
    for folder in Folder::ALL {
        lists(store, folder, &BTreeMap::new())?;
    }
    Ok(())
}

fn put_and_get(store: &dyn Store) -> Outcome {
    for name in one_of_each() {
        is_absent(store, &name)?;
        refuses(
            "an object that does not exist cannot be made durable",
            store.ensure_durable(&name),
            StoreErrorKind::NotFound,
        )?;
        is_absent(store, &name)?;
        store.delete(&name)?;
        store.put_new(&name, &[b"con", b"", b"tents"])?;
        refuses("a name is given once only", store.put_new(&name, &[b"other"]), StoreErrorKind::AlreadyExists)?;
        holds(store, &name, b"contents")?;
        store.ensure_durable(&name)?;
        holds(store, &name, b"contents")?;
        ensure(store.get(&name, 8)?[..] == *b"contents", "an object of just the limit can be read")?;
        refuses("a limit is kept", store.get(&name, 7), StoreErrorKind::TooLarge)?;
        store.delete(&name)?;
        is_absent(store, &name)?;
        store.delete(&name)?;
        store.put_new(&name, &[b"again"])?;
        holds(store, &name, b"again")?;
        store.delete(&name)?;
    }
    Ok(())
}

fn ranges(store: &dyn Store) -> Outcome {
    for name in one_of_each() {
        store.put_new(&name, &[b"0123456789"])?;
        for (range, expected) in
            [(0..10, "0123456789"), (0..1, "0"), (3..7, "3456"), (9..10, "9"), (5..5, ""), (10..10, "")]
        {
            let read = store.get_range(&name, range.clone())?;
            ensure(read == expected.as_bytes(), format!("{range:?} of {name} are the bytes of that range"))?;
        }
        for range in [0..11, 10..11, 11..11, 20..30, 0..u64::MAX, u64::MAX - 1..u64::MAX] {
            refuses("a range ends within the object", store.get_range(&name, range), StoreErrorKind::Truncated)?;
        }
        store.delete(&name)?;
        refuses("a deleted object cannot be read", store.get_range(&name, 0..1), StoreErrorKind::NotFound)?;
    }
    Ok(())
}

fn sizes(store: &dyn Store) -> Outcome {
    let empty = pack(1);
    store.put_new(&empty, &[])?;
    holds(store, &empty, b"")?;
    store.delete(&empty)?;

    let big: Vec<u8> = (0..10 << 20).flat_map(|word: u32| word.wrapping_mul(2_654_435_769).to_le_bytes()).collect();
    let name = pack(2);
    let (head, tail) = big.split_at(12_345_678);
    store.put_new(&name, &[head, tail])?;
    holds(store, &name, &big)?;
    refuses("a limit is kept", store.get(&name, big.len() as u64 - 1), StoreErrorKind::TooLarge)?;
    let seam = store.get_range(&name, 12_345_000..12_346_000)?;
    ensure(seam == big[12_345_000..12_346_000], "a range of a big object is read right")?;
    // Bytes that were read stay valid, whatever happens to the object.
    let read = store.get(&name, u64::MAX)?;
    store.delete(&name)?;
    ensure(read[..] == big, "bytes that were read outlive the object")
}

fn listings(store: &dyn Store) -> Outcome {
    let mut names: Vec<_> = (0..200u8).map(pack).collect();
    names.extend(one_of_each());
    for (size, name) in names.iter().enumerate() {
        store.put_new(name, &[&vec![b'x'; size]])?;
    }
    for folder in Folder::ALL {
        let expected = names.iter().enumerate().filter(|(_, name)| name.folder() == folder);
        lists(store, folder, &expected.map(|(size, name)| (*name, size as u64)).collect())?;
    }
    let mut seen = 0;
    let stopped = store.list(
        Folder::Packs,
        &mut |info| {
            seen += 1;
            Err(StoreError::new(StoreErrorKind::Conflict, "stop at", info.name))
        },
        &mut |_| {},
    );
    refuses("a listing stops when told", stopped, StoreErrorKind::Conflict)?;
    ensure(seen == 1, "a listing stops when told")?;
    let mut stop = |name| Err(StoreError::new(StoreErrorKind::Conflict, "stop at", name));
    refuses("a list of names stops when told", store.list_names(Folder::Packs, &mut stop), StoreErrorKind::Conflict)?;
    // A caller may delete the objects it is told of while the listing runs.
    for folder in Folder::ALL {
        store.list(folder, &mut |info| store.delete(&info.name), &mut |_| {})?;
        lists(store, folder, &BTreeMap::new())?;
    }
    Ok(())
}

fn replacements(store: &dyn Store) -> Outcome {
    let name = ObjectName::Condemned;
    let (first, second) = (Tag::of(b"first"), Tag::of(b"second"));
    let promise = "an object is replaced only if it is as expected";
    refuses(promise, store.replace_if(&name, Some(first), b"second"), StoreErrorKind::Conflict)?;
    is_absent(store, &name)?;
    store.replace_if(&name, None, b"first")?;
    refuses(promise, store.replace_if(&name, None, b"second"), StoreErrorKind::Conflict)?;
    refuses(promise, store.replace_if(&name, Some(second), b"second"), StoreErrorKind::Conflict)?;
    holds(store, &name, b"first")?;
    store.replace_if(&name, Some(first), b"second")?;
    holds(store, &name, b"second")?;
    refuses(promise, store.replace_if(&name, Some(first), b"third"), StoreErrorKind::Conflict)?;
    store.replace_if(&name, Some(second), b"")?;
    holds(store, &name, b"")?;
    store.replace_if(&name, Some(Tag::of(b"")), b"first")?;
    refuses("an object that exists is not new", store.put_new(&name, &[b"new"]), StoreErrorKind::AlreadyExists)?;
    holds(store, &name, b"first")?;
    store.delete(&name)?;
    refuses(promise, store.replace_if(&name, Some(first), b"second"), StoreErrorKind::Conflict)?;
    is_absent(store, &name)
}

/// If several threads put one name at once, exactly one succeeds, and its bytes are stored.
fn one_winner(store: &dyn Store) -> Outcome {
    for round in 0..20 {
        let name = if round % 2 == 0 { pack(round) } else { ObjectName::Snapshot(LeaseId([round; LeaseId::LEN])) };
        let winner = AtomicUsize::new(0);
        let wins = AtomicUsize::new(0);
        in_threads(|thread| match store.put_new(&name, &[&vec![b'a'; thread], b"."]) {
            Ok(()) => {
                winner.store(thread, Ordering::Relaxed);
                wins.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            lost => refuses("a name is given once only", lost, StoreErrorKind::AlreadyExists),
        })?;
        ensure(wins.into_inner() == 1, "exactly one of many who put a name succeeds")?;
        let size = winner.into_inner() as u64 + 1;
        ensure(
            store.stat(&name)?.is_some_and(|info| info.size == size),
            "the thread that succeeds has put its own bytes",
        )?;
        store.delete(&name)?;
    }
    Ok(())
}

/// Threads that count in one object do not lose an increment, and readers see whole numbers only.
fn no_lost_update(store: &dyn Store) -> Outcome {
    const EACH: u64 = 25;
    let name = ObjectName::Condemned;
    store.replace_if(&name, None, &0u64.to_le_bytes())?;
    in_threads(|_| {
        let mut done = 0;
        while done < EACH {
            let current = store.get(&name, 8)?;
            let count = u64::from_le_bytes(
                current[..].try_into().map_err(|_| Failure::Broken("a reader sees all of an object".to_owned()))?,
            );
            match store.replace_if(&name, Some(Tag::of(&current)), &(count + 1).to_le_bytes()) {
                Ok(()) => done += 1,
                lost => refuses("an object is replaced only if it is as expected", lost, StoreErrorKind::Conflict)?,
            }
        }
        Ok(())
    })?;
    holds(store, &name, &(THREADS as u64 * EACH).to_le_bytes())?;
    Ok(store.delete(&name)?)
}

fn in_threads(run: impl Fn(usize) -> Outcome + Sync) -> Outcome {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let run = &run;
                    move || run(thread)
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(Failure::Broken("a store does not panic".to_owned())))
        })
    })
}

fn pack(n: u8) -> ObjectName {
    ObjectName::Pack(PackId([n; PackId::LEN]))
}

/// A name in every folder, and two neighbouring names where the folder is sharded.
fn one_of_each() -> Vec<ObjectName> {
    let mut neighbour = [0xfe; PackId::LEN];
    neighbour[PackId::LEN - 1] = 0;
    vec![
        ObjectName::Config,
        ObjectName::Condemned,
        ObjectName::Member(MemberId([1; MemberId::LEN])),
        ObjectName::Keyring(u64::MAX),
        pack(0xfe),
        ObjectName::Pack(PackId(neighbour)),
        ObjectName::Segment(SegmentId([2; SegmentId::LEN])),
        ObjectName::Snapshot(LeaseId([3; LeaseId::LEN])),
        ObjectName::Lease(LeaseId([3; LeaseId::LEN])),
    ]
}

fn ensure(kept: bool, promise: impl Into<String>) -> Outcome {
    if kept { Ok(()) } else { Err(Failure::Broken(promise.into())) }
}

fn refuses<T>(promise: &str, result: super::Result<T>, expected: StoreErrorKind) -> Outcome {
    match result {
        Err(e) if e.kind == expected => Ok(()),
        Err(e) => Err(e.into()),
        Ok(_) => Err(Failure::Broken(promise.to_owned())),
    }
}

fn holds(store: &dyn Store, name: &ObjectName, bytes: &[u8]) -> Outcome {
    ensure(store.get(name, u64::MAX)?[..] == *bytes, format!("{name} holds the bytes that were written"))?;
    let info = store.stat(name)?;
    let right = info.is_some_and(|info| info.name == *name && info.size == bytes.len() as u64);
    ensure(right, format!("the size of {name} is right"))
}

fn is_absent(store: &dyn Store, name: &ObjectName) -> Outcome {
    ensure(store.stat(name)?.is_none(), format!("{name} is not there"))?;
    refuses("an object that does not exist cannot be read", store.get(name, u64::MAX), StoreErrorKind::NotFound)?;
    refuses("an object that does not exist cannot be read", store.get_range(name, 0..0), StoreErrorKind::NotFound)
}

fn lists(store: &dyn Store, folder: Folder, expected: &BTreeMap<ObjectName, u64>) -> Outcome {
    let mut listed = Vec::new();
    let mut strange = Vec::new();
    store.list(
        folder,
        &mut |info| {
            listed.push((info.name, info.size));
            Ok(())
        },
        &mut |path| strange.push(path),
    )?;
    listed.sort();
    ensure(strange.is_empty(), format!("nothing strange is in {folder:?}: {strange:?}"))?;
    let expected: Vec<_> = expected.iter().map(|(name, size)| (*name, *size)).collect();
    ensure(listed == expected, format!("the listing of {folder:?} names every object once, with its size"))?;
    let mut names = Vec::new();
    let mut found = |name| {
        names.push(name);
        Ok(())
    };
    store.list_names(folder, &mut found)?;
    names.sort();
    let same = names.iter().eq(expected.iter().map(|(name, _)| name));
    ensure(same, format!("the names of {folder:?} are those of the listing"))
}

//! The repositories that a host keeps for others, as it sees them.

use repo_format::card::{Card, CardMode};
use repo_format::clear;
use repo_format::head::ObjectKind;
use repo_format::id::MemberId;
use repo_format::limits;
use repo_format::member::Member;

use crate::at_once::at_once;
use crate::error::{Error, Result, chain};
use engine_store::{Folder, Holdings, ObjectInfo, ObjectName, Original, Store, StoreErrorKind};

/// Repositories that are looked at side by side: each look waits for a network most of the time.
const LOOKS_AT_ONCE: usize = 8;
/// A copy is late when the time since the newest is this many halves of the promised interval.
const LATE_HALVES: i64 = 3;
/// The clocks of an office and of a storage may differ by so many seconds.
const CLOCKS_DIFFER_MAX: i64 = 86_400;

/// A repository, as its host sees it.
#[derive(Debug)]
pub struct Practice {
    /// Its place.
    pub location: String,
    /// Its card.
    pub claim: Claim,
    /// The manifests in it, by the clock of the storage.
    pub snapshots: Holdings,
    /// The bytes of packs, index and manifests together.
    pub bytes: u64,
    /// The label of the member that the card names, if it can be read.
    pub administrator: Option<String>,
    /// Whether copies arrive.
    pub standing: Standing,
}

/// The card of a repository, whose tag nobody has checked.
#[derive(Debug)]
pub enum Claim {
    /// There is one.
    Card(Card),
    /// There is none: this is not a supplemental repository, or nothing was ever copied.
    None,
    /// It cannot be read, for this reason.
    Unreadable(String),
}

impl Claim {
    /// The card, if it can be read.
    pub fn card(&self) -> Option<&Card> {
        match self {
            Claim::Card(card) => Some(card),
            _ => None,
        }
    }
}

/// Whether copies arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The newest copy is as young as promised.
    Fresh,
    /// It is older than promised.
    Late,
    /// There is no copy.
    Never,
    /// The card names a copy that is not there, or that was written at another time.
    Disagrees,
    /// The practice has switched copies off.
    Off,
    /// No card says what was promised.
    Unknown,
}

impl Standing {
    /// It in a few words.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Fresh => "fresh",
            Standing::Late => "late",
            Standing::Never => "never",
            Standing::Disagrees => "card and snapshots disagree",
            Standing::Off => "off",
            Standing::Unknown => "unknown",
        }
    }

    /// Whether somebody should look.
    pub fn is_alarm(self) -> bool {
        matches!(self, Standing::Late | Standing::Never | Standing::Disagrees)
    }
}

/// Looks at a repository without a key. `now` is in seconds since 1970.
///
/// # Errors
/// If the store cannot be read.
pub fn look(store: &dyn Store, now: i64) -> Result<Practice> {
    let snapshots = store.holdings(Folder::Snapshots)?;
    let claim = read_card(store)?;
    let others = store.holdings(Folder::Packs)?.bytes + store.holdings(Folder::Index)?.bytes;
    let card = claim.card();
    let administrator = card.and_then(|card| card.administrator).map(|id| label(store, id)).transpose()?.flatten();
    let standing = match card {
        Some(card) => standing(store, card, &snapshots, now)?,
        None => Standing::Unknown,
    };
    Ok(Practice {
        location: store.location(),
        snapshots,
        bytes: others + snapshots.bytes,
        administrator,
        standing,
        claim,
    })
}

/// Looks at many places, several at once; the results are in the order of `stores`. `None` stands for a place without a
/// repository.
pub fn look_at_all(stores: &[&dyn Store], now: i64) -> Vec<Option<Result<Practice>>> {
    at_once(stores, LOOKS_AT_ONCE, |store| match is_repository(*store) {
        Ok(false) => None,
        Ok(true) => Some(look(*store, now)),
        Err(error) => Some(Err(error)),
    })
}

/// Whether anything of a repository is there.
///
/// # Errors
/// If the store cannot be read.
pub fn is_repository(store: &dyn Store) -> Result<bool> {
    for name in [ObjectName::Config, ObjectName::Copy(Original::Config)] {
        match store.stat(&name) {
            // There are two of it; opening says what stands in their place.
            Err(error) if matches!(error.kind, StoreErrorKind::NotAFile | StoreErrorKind::NotAFolder) => {}
            found => {
                if found?.is_some() {
                    return Ok(true);
                }
            }
        }
    }
    // This computer may have kept a copy, if there is anything that it could be of.
    has_members(store)
}

fn has_members(store: &dyn Store) -> Result<bool> {
    let mut found = false;
    let mut note = |_: ObjectInfo| {
        found = true;
        Ok(())
    };
    match store.list(Folder::Keys, &mut note, &mut |_| {}) {
        Err(error) if error.kind == StoreErrorKind::NotAFolder => Ok(false),
        listed => Ok(listed.map(|()| found)?),
    }
}

fn read_card(store: &dyn Store) -> Result<Claim> {
    let bytes = match store.get(&ObjectName::Card, limits::CARD + clear::OVERHEAD as u64) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == StoreErrorKind::NotFound => return Ok(Claim::None),
        Err(error) if error.kind == StoreErrorKind::Unavailable => return Err(error.into()),
        Err(error) => return Ok(Claim::Unreadable(chain(&Error::from(error)))),
    };
    let decoded = clear::decode(ObjectKind::Card, &bytes, limits::CARD).and_then(|object| Card::decode(object.body));
    Ok(decoded.map_or_else(|error| Claim::Unreadable(error.to_string()), Claim::Card))
}

/// The label of a member; `None` if it cannot be read.
fn label(store: &dyn Store, id: MemberId) -> Result<Option<String>> {
    for name in [ObjectName::Member(id), ObjectName::Copy(Original::Member(id))] {
        let bytes = match store.get(&name, limits::SMALL_OBJECT + clear::OVERHEAD as u64) {
            Ok(bytes) => bytes,
            Err(error) if error.kind == StoreErrorKind::Unavailable => return Err(error.into()),
            Err(_) => continue,
        };
        let member = clear::decode(ObjectKind::Member, &bytes, limits::SMALL_OBJECT)
            .and_then(|object| Member::decode(object.body));
        if let Ok(member) = member {
            return Ok(Some(member.label));
        }
    }
    Ok(None)
}

fn standing(store: &dyn Store, card: &Card, snapshots: &Holdings, now: i64) -> Result<Standing> {
    if let Some(newest) = card.newest {
        let is_there = store.stat(&ObjectName::Snapshot(newest.id))?.is_some();
        let is_older = snapshots.newest.is_some_and(|written| written < newest.time.saturating_sub(CLOCKS_DIFFER_MAX));
        if !is_there || is_older {
            return Ok(Standing::Disagrees);
        }
    }
    if card.mode == CardMode::Off {
        return Ok(Standing::Off);
    }
    // A storage without times leaves only the word of the card.
    let Some(newest) = snapshots.newest.or(card.newest.map(|newest| newest.time)) else { return Ok(Standing::Never) };
    let promised = i64::try_from(card.interval).unwrap_or(i64::MAX);
    let is_late = promised > 0 && now.saturating_sub(newest) > promised.saturating_mul(LATE_HALVES) / 2;
    Ok(if is_late { Standing::Late } else { Standing::Fresh })
}

//! Opens the repository's secrets with a credential: members, and the chain of keyring versions.

use std::collections::{BTreeSet, HashSet};

use repo_format::clear;
use repo_format::head::ObjectKind;
use repo_format::id::{Bytes32, MemberId, RepositoryId};
use repo_format::keyring::Keyring;
use repo_format::limits;
use repo_format::member::{Member, Wrap};

use super::as_of::AsOf;
use super::source::{Objects, Source};
use super::vital::{self, Vital};
use crate::crypto::{
    Admission, Credential, KeyringVersion, OpenedKeyring, UnlockedMember, WORK_MAX, is_modest, open_keyring,
    open_unauthenticated, unlock_member, work,
};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::monitor::Monitor;
use engine_store::{Folder, Original, Store};

/// The number of versions above a gap that are examined; normally there are none.
const STRAY_MAX: usize = 16;

/// The opened keyring.
pub(super) struct OpenKeyring {
    pub opened: OpenedKeyring,
    pub version: u64,
    /// BLAKE3 of the newest version's object.
    pub digest: Bytes32,
    /// All versions that it was opened with.
    pub objects: Objects,
    pub member: UnlockedMember,
    /// Oddities that were found, as sentences.
    pub notices: Vec<String>,
    /// The reason why there may be a newer version that cannot be opened. Nothing may be sealed then.
    pub doubt: Option<String>,
    /// There if the member was retired.
    pub as_of: Option<AsOf>,
    /// The originals that had copies.
    pub copies: Vec<Original>,
}

/// Members in `keys`.
pub(super) struct Members {
    /// Members that can be read, or whose copy can.
    pub readable: Vec<Member>,
    /// Members that cannot be read, and why.
    pub damaged: Vec<(MemberId, Error)>,
}

/// All members.
pub(super) fn read_members(store: &dyn Store) -> Result<Members> {
    let mut members = Members { readable: Vec::new(), damaged: Vec::new() };
    for of in vital::originals(store, Folder::Keys)? {
        let Original::Member(id) = of else { continue };
        match read_member(store, id) {
            Ok(member) => members.readable.push(member),
            Err(error) if error.is_damage() => members.damaged.push((id, error)),
            Err(error) => return Err(error),
        }
    }
    Ok(members)
}

fn read_member(store: &dyn Store, id: MemberId) -> Result<Member> {
    vital::read(store.into(), Original::Member(id), |bytes| decode_member(id, bytes)).map(|member| member.value)
}

fn decode_member(id: MemberId, bytes: &[u8]) -> Result<Member> {
    let name = Original::Member(id).name();
    let object = clear::decode(ObjectKind::Member, bytes, limits::SMALL_OBJECT).map_err(|e| Error::damaged(name, e))?;
    let member = Member::decode(object.body).map_err(|e| Error::damaged(name, e))?;
    if member.id == id {
        Ok(member)
    } else {
        Err(Error::new(ErrorKind::Damaged, format!("{name} holds another member")))
    }
}

/// Unlocks the repository's secrets. Tries only members that a keyring is sealed to, those of the newest keyring first.
/// The member's object decides the cost of trying it, and anyone may have written it.
///
/// # Errors
/// [`ErrorKind::WrongPassword`] if the credential fits no member; [`ErrorKind::Damaged`]; [`ErrorKind::Refused`] if it
/// would cost more than `monitor` allows; [`ErrorKind::Cancelled`].
pub(super) fn open_secrets(
    source: Source<'_>,
    repository: RepositoryId,
    credential: &Credential,
    monitor: &dyn Monitor,
) -> Result<OpenKeyring> {
    let copies = vital::copies(source.store)?;
    let versions = versions_beside(source, &copies)?;
    let mut tries = Tries { source, credential, monitor, spent: 0, tried: HashSet::new(), there: None, refused: None };
    let (mut failure, mut unread) = (None, None);
    for version in newest_first(&versions) {
        let read = match read_version(source, version) {
            Ok(read) => read,
            Err(error) => {
                unread = unread.or(Some(error));
                continue;
            }
        };
        let chain = Chain { source, repository, versions: &versions, at_hand: &read.at_hand };
        for id in tries.those_there(read.recipients)? {
            let Some(unlocked) = tries.unlock(id)? else { continue };
            match chain.open(unlocked) {
                Ok(open) => return Ok(OpenKeyring { copies, ..open }),
                // An interrupted change leaves a member that opens nothing; a member that was added later may have the
                // same credential.
                Err(error) => failure = failure.or(Some(error)),
            }
        }
    }
    match failure.or(tries.refused).or(unread) {
        Some(error) => Err(error),
        None => Err(nothing_fits(credential, read_members(source.store)?)),
    }
}

/// The attempts so far.
struct Tries<'a> {
    source: Source<'a>,
    credential: &'a Credential,
    monitor: &'a dyn Monitor,
    /// The cost so far, in units of [`work`].
    spent: u64,
    tried: HashSet<MemberId>,
    /// All members that exist, once that was asked.
    there: Option<BTreeSet<MemberId>>,
    refused: Option<Error>,
}

impl Tries<'_> {
    /// The recipients that were not tried before and may exist. All recipients of the newest version should, so they
    /// are not looked up in a listing. Most of the others were removed.
    fn those_there(&mut self, mut recipients: BTreeSet<MemberId>) -> Result<BTreeSet<MemberId>> {
        recipients.retain(|id| !self.tried.contains(id));
        if self.tried.is_empty() || recipients.is_empty() {
            return Ok(recipients);
        }
        let there = match self.there.take() {
            Some(there) => there,
            None => {
                let listed = vital::originals(self.source.store, Folder::Keys)?.into_iter();
                listed.filter_map(|of| if let Original::Member(id) = of { Some(id) } else { None }).collect()
            }
        };
        recipients.retain(|id| there.contains(id));
        self.there = Some(there);
        Ok(recipients)
    }

    fn unlock(&mut self, id: MemberId) -> Result<Option<UnlockedMember>> {
        self.tried.insert(id);
        let member = match read_member(self.source.store, id) {
            Ok(member) => member,
            // If nothing else fits, the user hears of it.
            Err(error) if error.is_damage() => return Ok(None),
            Err(error) => return Err(error),
        };
        if !self.is_allowed(&member) {
            return Ok(None);
        }
        unlock_member(&member, self.credential, self.monitor)
    }

    fn is_allowed(&mut self, member: &Member) -> bool {
        let (Credential::Password(_), Ok(Wrap::Password(cost))) = (self.credential, member.wrap()) else { return true };
        self.spent = self.spent.saturating_add(work(cost));
        if is_modest(cost) && self.spent <= WORK_MAX {
            return true;
        }
        let what = format!(
            "trying the password of key {} takes {} MiB of memory and {} passes, as the repository says",
            member.id,
            cost.memory_kib / 1024,
            cost.passes
        );
        let allowed = self.monitor.may_cost(&what);
        if !allowed {
            self.refused = Some(Error::new(ErrorKind::Refused, format!("{what}: more than this program would choose")));
        }
        allowed
    }
}

/// The numbers of all versions that exist, as an original or a copy.
pub(super) fn versions(source: Source<'_>) -> Result<BTreeSet<u64>> {
    versions_beside(source, &vital::copies(source.store)?)
}

/// As [`versions`], with `copies` that were listed before.
pub(super) fn versions_beside(source: Source<'_>, copies: &[Original]) -> Result<BTreeSet<u64>> {
    let mut all = vital::originals_beside(source.store, Folder::Keyring, copies)?;
    all.extend(source.kept.keys());
    Ok(all.into_iter().filter_map(|of| if let Original::Keyring(n) = of { Some(n) } else { None }).collect())
}

/// First the versions without a gap below them, then the others, which should not exist.
fn newest_first(versions: &BTreeSet<u64>) -> Vec<u64> {
    let sound = versions.iter().zip(1..).take_while(|(version, expected)| *version == expected).count();
    let (mut first, mut rest): (Vec<u64>, Vec<u64>) =
        (versions.iter().take(sound).copied().collect(), versions.iter().skip(sound).copied().collect());
    first.reverse();
    rest.reverse();
    first.extend(rest.into_iter().take(STRAY_MAX));
    first
}

/// A version of the keyring before it is opened.
struct Sealed {
    /// The recipients that it states; they are not authenticated.
    recipients: BTreeSet<MemberId>,
    /// Its object, unless that was read from the copy.
    at_hand: Objects,
}

fn read_version(source: Source<'_>, version: u64) -> Result<Sealed> {
    let of = Original::Keyring(version);
    let keyring = vital::read(source, of, |bytes| {
        let object =
            clear::decode(ObjectKind::Keyring, bytes, limits::KEYRING).map_err(|e| Error::damaged(of.name(), e))?;
        Keyring::decode(object.body).map_err(|e| Error::damaged(of.name(), e))
    })?;
    let recipients = keyring.value.recipients.iter().map(|recipient| recipient.member).collect();
    let original = keyring.warning.is_none().then_some((of, keyring.object));
    Ok(Sealed { recipients, at_hand: original.into_iter().collect() })
}

/// Opens one version, or its copy; `link` is that of the previous version.
///
/// # Errors
/// [`ErrorKind::WrongPassword`] if the member was removed; [`ErrorKind::Damaged`].
pub(super) fn open_version(
    source: Source<'_>,
    at: KeyringVersion,
    member: &UnlockedMember,
    link: &[u8; 32],
) -> Result<Vital<Admission>> {
    vital::read(source, Original::Keyring(at.version), |bytes| open_object(at, member, link, bytes))
}

fn open_object(at: KeyringVersion, member: &UnlockedMember, link: &[u8; 32], bytes: &[u8]) -> Result<Admission> {
    let name = Original::Keyring(at.version).name();
    let object = clear::decode(ObjectKind::Keyring, bytes, limits::KEYRING).map_err(|e| Error::damaged(name, e))?;
    open_keyring(at, &object, member, link)
}

/// All versions of the keyring of a repository.
struct Chain<'a> {
    source: Source<'a>,
    repository: RepositoryId,
    versions: &'a BTreeSet<u64>,
    /// Versions that were read before.
    at_hand: &'a Objects,
}

impl Chain<'_> {
    fn open_version(&self, version: u64, member: &UnlockedMember, link: &[u8; 32]) -> Result<Vital<Admission>> {
        let at = KeyringVersion { repository: self.repository, version };
        let at_hand = self.at_hand.get(&Original::Keyring(version));
        let opened = at_hand.map(|bytes| vital::checked(bytes, &|bytes: &[u8]| open_object(at, member, link, bytes)));
        match opened {
            Some(Ok(opened)) => Ok(opened),
            // The copy may be another.
            _ => open_version(self.source, at, member, link),
        }
    }

    /// Opens all keyrings from the one that `member` joined with to the newest.
    fn open(&self, member: UnlockedMember) -> Result<OpenKeyring> {
        let Chain { source, repository, versions, .. } = *self;
        let mut notices = Vec::new();
        let mut newest: Option<(u64, Chained)> = None;
        let (mut doubt, mut objects, mut as_of) = (None, Objects::new(), None);
        for version in member.joined()..=u64::MAX {
            if !versions.contains(&version) {
                break;
            }
            let link = newest.as_ref().map_or(*member.link(), |(_, before)| *before.opened.secrets.link());
            match self.open_version(version, &member, &link) {
                Ok(Vital { value: Admission::Opened(value), digest, object, warning }) => {
                    notices.extend(warning);
                    objects.insert(Original::Keyring(version), object);
                    newest = Some((version, Chained { opened: value, digest }));
                }
                // A version that retires somebody is not the first that this member opens.
                Ok(Vital { value: Admission::Retired { since }, .. }) => {
                    as_of = newest.as_ref().map(|(version, _)| AsOf { version: *version, since });
                    break;
                }
                Err(error) if newest.is_none() || error.kind() != ErrorKind::Damaged => return Err(error),
                Err(error) => {
                    doubt = Some(format!(
                        "keyring/{version} cannot be read, so the newest secrets are not known, nor who was removed with it ({})",
                        chain(&error)
                    ));
                    break;
                }
            }
        }
        let Some((version, Chained { opened, digest })) = newest else {
            let message = format!("the keyring has no version {}, with which this key joined", member.joined());
            return Err(Error::new(ErrorKind::Damaged, message));
        };
        if as_of.is_some() {
            return Ok(OpenKeyring {
                opened,
                version,
                digest,
                objects,
                member,
                notices,
                doubt,
                as_of,
                copies: Vec::new(),
            });
        }
        let beyond = version.saturating_add(if doubt.is_some() { 2 } else { 1 });
        for stray in versions.range(beyond..).take(STRAY_MAX) {
            if is_ours(source, KeyringVersion { repository, version: *stray }, &member, &opened) {
                doubt.get_or_insert_with(|| {
                    format!(
                        "keyring/{stray} is there and versions before it are missing, so the newest secrets are not known, nor who was removed"
                    )
                });
            } else {
                notices.push(format!(
                    "keyring/{stray} is not a version of the keyring, because the versions before it never existed: it is ignored"
                ));
            }
        }
        Ok(OpenKeyring { opened, version, digest, objects, member, notices, doubt, as_of, copies: Vec::new() })
    }
}

/// A version that was opened, and whose link opens the next.
struct Chained {
    opened: OpenedKeyring,
    digest: Bytes32,
}

/// Whether someone who knows secrets of this repository has made a version for this member.
fn is_ours(source: Source<'_>, at: KeyringVersion, member: &UnlockedMember, known: &OpenedKeyring) -> bool {
    let of = Original::Keyring(at.version);
    let opened = vital::read(source, of, |bytes| {
        let object =
            clear::decode(ObjectKind::Keyring, bytes, limits::KEYRING).map_err(|e| Error::damaged(of.name(), e))?;
        open_unauthenticated(at, &object, member)
    });
    opened.is_ok_and(|opened| match opened.value {
        Admission::Opened(opened) => opened.secrets.is_kin(&known.secrets),
        Admission::Retired { .. } => false,
    })
}

/// The reason why a credential fits no member.
fn nothing_fits(credential: &Credential, members: Members) -> Error {
    if let Some((_, error)) = members.damaged.into_iter().next() {
        return error.context("the key fits no readable member, and one member cannot be read");
    }
    let message = match credential {
        _ if members.readable.is_empty() => {
            return Error::new(ErrorKind::Damaged, "the repository has no members: `keys` is empty");
        }
        Credential::Password(_) => "wrong password: it opens no key of this repository",
        Credential::KeyFile(_) => "wrong key file: it opens no key of this repository",
    };
    Error::new(ErrorKind::WrongPassword, message)
}

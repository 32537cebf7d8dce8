//! Members of the keyring: lists, adds, removes and changes them.

use repo_format::id::{Bytes32, MemberId};
use repo_format::lease::Purpose;
use repo_format::member::{Argon2Cost, Member, Wrap};

use super::as_of::retired_members;
use super::close::{Trust, close_epochs};
use super::create::encode_member;
use super::next_keyring::{KEYS_CHANGED, put_keyring};
use super::secrets::{Members, read_members};
use super::{Repository, vital};
use crate::crypto::{Credential, Membership, NewMember, create_member, unlock_member};
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use crate::monitor::Monitor;
use engine_store::{ObjectName, Original, StoreErrorKind};

/// The way in which a member unlocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlock {
    /// A password.
    Password,
    /// A key file.
    KeyFile,
    /// Its object cannot be read.
    Unreadable,
}

/// A member, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its id.
    pub id: MemberId,
    /// The owner's name.
    pub label: String,
    /// The time when it was added, in seconds since 1970.
    pub created: i64,
    /// The way in which it unlocks.
    pub unlock: Unlock,
    /// Whether this repository was opened with it.
    pub is_self: bool,
    /// The part of the repository that it opens.
    pub state: MemberState,
}

/// The part of the repository that a member opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberState {
    /// Everything: the newest keyring is sealed to it.
    Active,
    /// Everything that was saved until it was retired, at this time in seconds since 1970.
    Retired(i64),
    /// Nothing new: it is the rest of an interrupted change.
    Leftover,
}

/// The reason for changing a member's own key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Routine: new objects use the same secrets.
    Routine,
    /// Somebody may know the old key: new objects use new secrets.
    Compromised,
}

/// All members, in the order in which they were added.
///
/// # Errors
/// If `keys` or the keyring cannot be read.
pub fn members(repository: &Repository) -> Result<Vec<MemberInfo>> {
    let Members { readable, damaged } = read_members(repository.store())?;
    let recipients: Vec<_> = repository.recipients().into_iter().map(|(member, _)| member).collect();
    let retired = retired_members(repository.store())?;
    let state = |id: &MemberId| match retired.get(id) {
        _ if recipients.contains(id) && repository.as_of().is_none() => MemberState::Active,
        Some(since) => MemberState::Retired(*since),
        // A retired member only knows that later ones are there.
        None if repository.as_of().is_some() => MemberState::Active,
        None => MemberState::Leftover,
    };
    let mut infos = readable
        .iter()
        .map(|member| {
            let wrap = member.wrap().map_err(|e| Error::damaged(ObjectName::Member(member.id), e))?;
            Ok(MemberInfo {
                id: member.id,
                label: member.label.clone(),
                created: member.created,
                unlock: if wrap == Wrap::KeyFile { Unlock::KeyFile } else { Unlock::Password },
                is_self: member.id == repository.member(),
                state: state(&member.id),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    infos.extend(damaged.iter().map(|(id, _)| MemberInfo {
        id: *id,
        label: String::new(),
        created: 0,
        unlock: Unlock::Unreadable,
        is_self: *id == repository.member(),
        state: state(id),
    }));
    infos.sort_by_key(|info| (info.created, info.id));
    Ok(infos)
}

/// Adds a member, whose password costs as much to guess as that of a new repository.
///
/// # Errors
/// As [`add_new_member`].
pub fn add_member(repository: &Repository, credential: &Credential, label: &str) -> Result<MemberId> {
    add_new_member(repository, &NewMember { credential, label, cost: Argon2Cost::DEFAULT })
}

/// Adds a member.
///
/// # Errors
/// [`ErrorKind::Fenced`] if another process changes the keys at the same time.
pub fn add_new_member(repository: &Repository, new: &NewMember<'_>) -> Result<MemberId> {
    let _alone = repository.alone(Purpose::Keys)?;
    let mut recipients = recipients(repository)?;
    let new = put_member(repository, new)?;
    recipients.push((new.id, new.public_key));
    put_keyring(repository, sealed_to(recipients), repository.keys().secrets().next(false)?)?;
    Ok(new.id)
}

/// A membership that retires nobody.
fn sealed_to(recipients: Vec<(MemberId, Bytes32)>) -> Membership {
    Membership { recipients, retired: Vec::new() }
}

/// Removes a member and starts a new epoch, which it cannot open.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] for the last member.
pub fn remove_member(repository: &Repository, id: MemberId) -> Result<()> {
    let _alone = repository.alone(Purpose::Keys)?;
    let mut recipients = recipients(repository)?;
    if !recipients.iter().any(|(member, _)| *member == id) {
        let store = repository.store();
        let is_there = |name| Ok::<_, Error>(store.stat(&name)?.is_some());
        if !is_there(ObjectName::Member(id))? && !is_there(ObjectName::Copy(Original::Member(id)))? {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no key {id}")));
        }
        return take_away(repository, id);
    }
    leave_out(&mut recipients, id)?;
    put_keyring(repository, sealed_to(recipients), repository.keys().secrets().next(true)?)?;
    take_away(repository, id)?;
    close(repository)
}

/// Retires a member: it opens what is there, with its password or key file of now, and nothing later. Starts a new epoch.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] for the last member.
pub fn retire_member(repository: &Repository, id: MemberId) -> Result<()> {
    let _alone = repository.alone(Purpose::Keys)?;
    let mut recipients = recipients(repository)?;
    if !recipients.iter().any(|(member, _)| *member == id) {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no active key {id}")));
    }
    leave_out(&mut recipients, id)?;
    let members = Membership { recipients, retired: vec![id] };
    put_keyring(repository, members, repository.keys().secrets().next(true)?)?;
    close(repository)
}

fn leave_out(recipients: &mut Vec<(MemberId, Bytes32)>, id: MemberId) -> Result<()> {
    recipients.retain(|(member, _)| *member != id);
    if recipients.is_empty() {
        let message = "this is the last key: without it nobody could ever open the repository";
        return Err(Error::new(ErrorKind::Usage, message).with_hint("Add another key first: `enamel key add`."));
    }
    Ok(())
}

/// Closes the epochs before the one that has just begun.
fn close(repository: &Repository) -> Result<()> {
    let closed = close_epochs(repository, Trust::Noted);
    closed
        .map(|_| ())
        .map_err(|e| e.context("the key opens nothing new, but what was saved before is not yet closed to it"))
}

/// Replaces the key that this repository was opened with.
///
/// # Errors
/// [`ErrorKind::Fenced`] if another process changes the keys at the same time.
pub fn change_member(repository: &Repository, credential: &Credential, change: Change) -> Result<MemberId> {
    let _alone = repository.alone(Purpose::Keys)?;
    let old = repository.member();
    let mut recipients = recipients(repository)?;
    let members = read_members(repository.store())?.readable;
    let member = members.into_iter().find(|m| m.id == old);
    // A dear password stays dear to guess.
    let cost = member.as_ref().and_then(|m| m.wrap().ok()).map_or(Argon2Cost::DEFAULT, |wrap| match wrap {
        Wrap::Password(cost) if cost.memory_kib >= Argon2Cost::OFF_SITE.memory_kib => Argon2Cost::OFF_SITE,
        _ => Argon2Cost::DEFAULT,
    });
    let label = member.map(|m| m.label).unwrap_or_default();
    let new = put_member(repository, &NewMember { credential, label: &label, cost })?;
    recipients.retain(|(member, _)| *member != old);
    recipients.push((new.id, new.public_key));
    let secrets = repository.keys().secrets().next(change == Change::Compromised)?;
    put_keyring(repository, sealed_to(recipients), secrets)?;
    take_away(repository, old)?;
    if change == Change::Compromised {
        close(repository)?;
    }
    Ok(new.id)
}

/// Whether a credential unlocks the member `id`. Changes nothing.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Damaged`]; [`ErrorKind::Cancelled`].
pub fn unlocks(repository: &Repository, id: MemberId, credential: &Credential, monitor: &dyn Monitor) -> Result<bool> {
    let members = read_members(repository.store())?.readable;
    let Some(member) = members.iter().find(|member| member.id == id) else {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no readable key {id}")));
    };
    Ok(unlock_member(member, credential, monitor)?.is_some())
}

/// Deletes the object of a member that the newest keyring is not sealed to. If the store forbids deleting, it stays,
/// and opens nothing new.
fn take_away(repository: &Repository, id: MemberId) -> Result<()> {
    match vital::delete(repository.store(), Original::Member(id)) {
        Err(error) if error.kind != StoreErrorKind::PermissionDenied => Err(error.into()),
        _ => Ok(()),
    }
}

/// Puts `keys/<id>` of a new member, which will join with the next keyring version.
fn put_member(repository: &Repository, new: &NewMember<'_>) -> Result<Member> {
    let link = *repository.keys().secrets().link();
    let created = machine::now().seconds;
    let member = create_member(new, created, repository.keyring_version() + 1, &link)?;
    vital::put(repository.store(), Original::Member(member.id), &encode_member(&member)?)?;
    Ok(member)
}

/// Continues without keyring versions that are unreadable, after the user has accepted that. Deletes them, **then**
/// begins an epoch that replaces whatever they began. The user must add again the keys that were added with them, and
/// remove again those that were removed.
///
/// # Errors
/// If the store cannot be read or written.
pub(super) fn go_on_without(repository: &Repository, lost: &[Original], known: u64) -> Result<()> {
    let _alone = repository.alone(Purpose::Keys)?;
    for of in lost {
        for name in [ObjectName::Copy(*of), of.name()] {
            match repository.store().delete(&name) {
                // It is not a file.
                Err(_) if repository.store().stat(&name).is_err() => repository.store().set_aside(&name)?,
                deleted => deleted?,
            }
        }
    }
    // No number is used again, so that machines that remember a lost version see that the new ones differ.
    while repository.keyring_version() <= known {
        put_keyring(repository, sealed_to(repository.recipients()), repository.keys().secrets().next(true)?)?;
    }
    Ok(())
}

/// The recipients of the newest keyring, as authenticated when the repository was opened. This ignores the public keys
/// in `keys/`: anyone who can write to the store could have put others there.
fn recipients(repository: &Repository) -> Result<Vec<(MemberId, Bytes32)>> {
    repository.refuse_as_of()?;
    let next = ObjectName::Keyring(repository.keyring_version().saturating_add(1));
    match repository.store().stat(&next)? {
        None => {
            repository.look_for_newer()?;
            Ok(repository.recipients())
        }
        Some(_) => Err(Error::new(ErrorKind::Fenced, KEYS_CHANGED)),
    }
}

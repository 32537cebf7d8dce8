//! From a credential to the repository's secrets: members, and the chain of keyring versions.

use repo_format::clear;
use repo_format::head::ObjectKind;
use repo_format::id::{Bytes32, RepositoryId};
use repo_format::limits;
use repo_format::member::Member;

use crate::crypto::{Credential, KeyringVersion, OpenedKeyring, UnlockedMember, open_keyring, unlock_member};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Folder, ObjectInfo, ObjectName, Store};

/// The opened keyring.
pub(super) struct OpenKeyring {
    pub opened: OpenedKeyring,
    pub version: u64,
    /// BLAKE3 of the newest version's object.
    pub digest: Bytes32,
    pub member: UnlockedMember,
}

/// All members that can be read, and what is wrong with the others.
pub(super) fn read_members(store: &dyn Store) -> Result<(Vec<Member>, Vec<Error>)> {
    let mut names = Vec::new();
    let mut found = |info: ObjectInfo| {
        names.push(info.name);
        Ok(())
    };
    store.list(Folder::Keys, &mut found, &mut |_| {})?;
    names.sort();
    let (mut members, mut damaged) = (Vec::new(), Vec::new());
    for name in names {
        match read_member(store, &name) {
            Ok(member) => members.push(member),
            Err(error) if error.is_damage() => damaged.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok((members, damaged))
}

fn read_member(store: &dyn Store, name: &ObjectName) -> Result<Member> {
    let bytes = store.get(name, limits::SMALL_OBJECT + clear::OVERHEAD as u64).map_err(Error::of_object)?;
    let object =
        clear::decode(ObjectKind::Member, &bytes, limits::SMALL_OBJECT).map_err(|e| Error::damaged(name, e))?;
    let member = Member::decode(object.body).map_err(|e| Error::damaged(name, e))?;
    match ObjectName::Member(member.id) == *name {
        true => Ok(member),
        false => Err(Error::new(ErrorKind::Damaged, format!("{name} holds another member"))),
    }
}

/// Unlocks the repository's secrets.
///
/// # Errors
/// [`ErrorKind::WrongPassword`] if the credential fits no member; [`ErrorKind::Damaged`].
pub(super) fn open_secrets(
    store: &dyn Store,
    repository: RepositoryId,
    credential: &Credential,
) -> Result<OpenKeyring> {
    let (members, damaged) = read_members(store)?;
    let newest = newest_keyring(store)?;
    let mut failure = None;
    for member in &members {
        let Some(unlocked) = unlock_member(member, credential)? else { continue };
        match open_chain(store, repository, newest, unlocked) {
            Ok(open) => return Ok(open),
            // An interrupted change leaves a member that opens nothing; one that was added later may have the same credential.
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| nothing_fits(credential, &members, damaged)))
}

/// Opens all keyrings from the one that `member` joined with to the newest.
fn open_chain(store: &dyn Store, repository: RepositoryId, newest: u64, member: UnlockedMember) -> Result<OpenKeyring> {
    let mut link = Bytes32(*member.link());
    let mut opened = None;
    for version in member.joined()..=newest {
        let name = ObjectName::Keyring(version);
        let bytes = store.get(&name, limits::KEYRING + clear::OVERHEAD as u64).map_err(Error::of_object)?;
        let object =
            clear::decode(ObjectKind::Keyring, &bytes, limits::KEYRING).map_err(|e| Error::damaged(name, e))?;
        let keyring = open_keyring(KeyringVersion { repository, version }, &object, &member, &link.0)?;
        link = Bytes32(*keyring.secrets.link());
        opened = Some((keyring, Bytes32(*blake3::hash(&bytes).as_bytes())));
    }
    let (opened, digest) = opened.ok_or_else(|| {
        Error::new(
            ErrorKind::Damaged,
            format!("the keyring has no version {}, with which this key joined", member.joined()),
        )
    })?;
    Ok(OpenKeyring { opened, version: newest, digest, member })
}

/// The newest version's number.
pub(super) fn newest_keyring(store: &dyn Store) -> Result<u64> {
    let mut newest = 0;
    let mut found = |info: crate::store::ObjectInfo| {
        if let ObjectName::Keyring(n) = info.name {
            newest = newest.max(n);
        }
        Ok(())
    };
    store.list(Folder::Keyring, &mut found, &mut |_| {})?;
    Ok(newest)
}

/// Why a credential fits no member.
fn nothing_fits(credential: &Credential, members: &[Member], damaged: Vec<Error>) -> Error {
    if let Some(error) = damaged.into_iter().next() {
        return error.context("the key fits none of the readable members, and one cannot be read");
    }
    let message = match credential {
        _ if members.is_empty() => {
            return Error::new(ErrorKind::Damaged, "the repository has no members: `keys` is empty");
        }
        Credential::Password(_) => "wrong password: it opens no key of this repository",
        Credential::KeyFile(_) => "wrong key file: it opens no key of this repository",
    };
    Error::new(ErrorKind::WrongPassword, message)
}

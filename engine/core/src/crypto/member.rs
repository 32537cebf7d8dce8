//! Wrapping and unwrapping a member's private key (FORMAT.md, section 6.1).

use hpke::{Deserializable, Kem, Serializable, kem::X25519HkdfSha256};
use repo_format::cbor::ByteString;
use repo_format::context;
use repo_format::id::{Bytes32, MemberId};
use repo_format::member::{Argon2Cost, Member, MemberSecret, Wrap, WrapKind};
use zeroize::{Zeroize, Zeroizing};

use super::seal::{open_once, seal_once};
use super::stretch::stretch;
use super::{Credential, random};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, NullMonitor};

/// A member whose secret has been unwrapped.
pub struct UnlockedMember {
    /// Its id.
    pub id: MemberId,
    secret: MemberSecret,
}

impl Drop for UnlockedMember {
    fn drop(&mut self) {
        self.secret.private_key.0.zeroize();
        self.secret.link.0.zeroize();
    }
}

impl UnlockedMember {
    /// The keyring version that the member joined with.
    pub fn joined(&self) -> u64 {
        self.secret.joined
    }

    /// The link that authenticates that version.
    pub fn link(&self) -> &[u8; 32] {
        &self.secret.link.0
    }

    pub(super) fn private_key(&self) -> Result<<X25519HkdfSha256 as Kem>::PrivateKey> {
        <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&self.secret.private_key.0)
            .map_err(|e| Error::caused(ErrorKind::Damaged, "cannot use the member's private key", e.to_string()))
    }
}

/// A member to be made.
pub struct NewMember<'a> {
    /// The password or key file that unlocks it.
    pub credential: &'a Credential,
    /// Its owner. Everybody who can read the store sees it.
    pub label: &'a str,
    /// How much each guess of a password costs.
    pub cost: Argon2Cost,
}

/// A new member that joins with keyring version `joined`, which `link` authenticates.
///
/// # Errors
/// If the operating system has no randomness, or no memory for Argon2id.
pub(crate) fn create_member(new: &NewMember<'_>, created: i64, joined: u64, link: &[u8; 32]) -> Result<Member> {
    let seed = Zeroizing::new(random::<32>()?);
    let (private, public) = X25519HkdfSha256::derive_keypair(&seed[..]);
    let mut private = Bytes32(private.to_bytes().into());
    let public_key = Bytes32(public.to_bytes().into());
    let (wrap, cost) = match new.credential {
        Credential::Password(_) => (WrapKind::Argon2id, Some(new.cost)),
        Credential::KeyFile(_) => (WrapKind::KeyFile, None),
    };
    let mut member = Member {
        id: MemberId(random()?),
        label: new.label.to_owned(),
        created,
        public_key,
        wrap,
        memory_kib: cost.map(|c| c.memory_kib),
        passes: cost.map(|c| c.passes),
        lanes: cost.map(|c| c.lanes),
        salt: Bytes32(random()?),
        commitment: Bytes32([0; 32]),
        wrapped: ByteString::default(),
    };
    let keys = WrapKeys::derive(new.credential, cost, &member.salt, &NullMonitor)?;
    let secret = MemberSecret { private_key: private, joined, link: Bytes32(*link) };
    let plain = secret.encode().map(Zeroizing::new).map_err(|e| Error::damaged("a new member", e))?;
    private.0.zeroize();
    member.commitment = keys.commitment;
    member.wrapped = ByteString(seal_once(&keys.key, &wrap_aad(&member), &plain));
    Ok(member)
}

/// Unlocks `member`, or returns `None` if the credential is not this member's.
///
/// # Errors
/// [`ErrorKind::Damaged`] if the credential fits and the unlocked secret does not; [`ErrorKind::Cancelled`].
pub(crate) fn unlock_member(
    member: &Member,
    credential: &Credential,
    monitor: &dyn Monitor,
) -> Result<Option<UnlockedMember>> {
    let wrap = member.wrap().map_err(|e| Error::damaged(format!("keys/{}", member.id), e))?;
    let cost = match (wrap, credential) {
        (Wrap::Password(cost), Credential::Password(_)) => Some(cost),
        (Wrap::KeyFile, Credential::KeyFile(_)) => None,
        _ => return Ok(None),
    };
    let keys = WrapKeys::derive(credential, cost, &member.salt, monitor)?;
    if keys.commitment != member.commitment {
        return Ok(None);
    }
    let damaged =
        |why: &str| Error::caused(ErrorKind::Damaged, format!("cannot use keys/{}", member.id), why.to_owned());
    let plain = open_once(&keys.key, &wrap_aad(member), &member.wrapped.0)
        .ok_or_else(|| damaged("its secret does not open with the key that it commits to"))?;
    let secret = MemberSecret::decode(&plain).map_err(|e| Error::damaged(format!("keys/{}", member.id), e))?;
    Ok(Some(UnlockedMember { id: member.id, secret }))
}

struct WrapKeys {
    key: Zeroizing<[u8; 32]>,
    commitment: Bytes32,
}

impl WrapKeys {
    fn derive(
        credential: &Credential,
        cost: Option<Argon2Cost>,
        salt: &Bytes32,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let mut material = Zeroizing::new([0; 64]);
        let (stretched, rest) = material.split_at_mut(32);
        rest.copy_from_slice(&salt.0);
        match (credential, cost) {
            (Credential::KeyFile(file), _) => stretched.copy_from_slice(&file.0),
            (Credential::Password(password), cost) => {
                let cost = cost.unwrap_or(Argon2Cost::DEFAULT);
                stretched.copy_from_slice(&stretch(password, cost, salt, monitor)?[..]);
            }
        }
        Ok(WrapKeys {
            key: Zeroizing::new(blake3::derive_key(context::MEMBER_WRAP_KEY, &material[..])),
            commitment: Bytes32(blake3::derive_key(context::MEMBER_WRAP_COMMITMENT, &material[..])),
        })
    }
}

fn wrap_aad(member: &Member) -> Vec<u8> {
    [&member.id.0[..], &member.public_key.0[..]].concat()
}

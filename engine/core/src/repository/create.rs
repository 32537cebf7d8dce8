//! Makes a repository.

use repo_format::clear;
use repo_format::condemned::Condemned;
use repo_format::config::Config;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::RepositoryId;
use repo_format::limits;
use repo_format::member::{Argon2Cost, Member};

use super::conditions::{Exclusive, choose_rules};
use super::{Repository, vital};
use crate::crypto::{
    Credential, KeyringSecrets, KeyringVersion, Keys, Membership, NewMember, create_member, random, seal_keyring,
};
use crate::error::{Error, ErrorKind, Result};
use crate::machine;
use engine_store::{Folder, ObjectName, Original, Store, UnconditionalStore};

/// How to make a repository.
#[derive(Debug, Clone, Default)]
pub struct InitOptions {
    /// The owner of the first password or key file.
    pub label: String,
    /// When programs are kept apart by leases alone.
    pub exclusive: Exclusive,
}

/// The size in bytes at which a pack is full, where several are put at once.
const NETWORK_PACK: u64 = 16 * limits::MIB;

/// Makes a repository in an empty store. Writes the config last: until then there is no repository, and the next
/// attempt replaces the leftovers of an interrupted one.
///
/// # Errors
/// [`ErrorKind::RepositoryExists`]; [`ErrorKind::Usage`] if the store holds something else.
pub fn init(store: &dyn Store, credential: &Credential, options: &InitOptions) -> Result<RepositoryId> {
    let new = || Ok(New { secrets: KeyringSecrets::generate()?, like: None });
    init_with(store, credential, options, new)
}

/// As [`init`], for copies of `like`: the new repository gives the same data the same ids, and cuts it alike. It has an
/// id, members and sealing secrets of its own, so the key of one opens nothing of the other.
///
/// # Errors
/// As [`init`].
pub fn init_like(
    store: &dyn Store,
    credential: &Credential,
    options: &InitOptions,
    like: &Repository,
) -> Result<RepositoryId> {
    let new = || Ok(New { secrets: like.keys().secrets().for_copies()?, like: Some(like.config()) });
    init_with(store, credential, options, new)
}

/// The contents of a new repository that do not follow from its place.
struct New<'c> {
    secrets: KeyringSecrets,
    /// The config of the repository that it is to be like.
    like: Option<&'c Config>,
}

fn init_with<'c>(
    store: &dyn Store,
    credential: &Credential,
    options: &InitOptions,
    new: impl FnOnce() -> Result<New<'c>>,
) -> Result<RepositoryId> {
    if store.stat(&ObjectName::Config)?.is_some() {
        return Err(Error::new(
            ErrorKind::RepositoryExists,
            format!("there is a repository in {} already", store.location()),
        ));
    }
    make_room(store)?;
    let repository = RepositoryId(random()?);
    let New { secrets, like } = new()?;
    let mut config = config_for(store, repository, machine::now().seconds, like);
    choose_rules(store, options.exclusive, &mut config)?;
    let new = NewRepository { credential, label: &options.label, config, secrets };
    if new.config.is_exclusive() { new.put(&UnconditionalStore::new(store)) } else { new.put(store) }?;
    Ok(repository)
}

/// Everything that a new repository consists of.
struct NewRepository<'c> {
    credential: &'c Credential,
    label: &'c str,
    config: Config,
    secrets: KeyringSecrets,
}

impl NewRepository<'_> {
    fn put(self, store: &dyn Store) -> Result<()> {
        let NewRepository { credential, label, config, secrets } = self;
        let Config { repository, created, .. } = config;
        let link = random()?;
        let first_member = NewMember { credential, label, cost: Argon2Cost::DEFAULT };
        let member = create_member(&first_member, created, 1, &link)?;
        let first = KeyringVersion { repository, version: 1 };
        let only = Membership { recipients: vec![(member.id, member.public_key)], retired: Vec::new() };
        let keyring = seal_keyring(first, created, &only, &secrets, &link)?;
        let keys = Keys::new(secrets);

        let name = ObjectName::Member(member.id);
        let object = encode_member(&member)?;
        store.put_new(&name, &[&object])?;
        store.put_new(&ObjectName::Keyring(1), &[&keyring])?;
        let condemned = Condemned::none().encode().map_err(|e| Error::damaged("condemned", e))?;
        let condemned = keys.seal(ObjectKind::Condemned, KeyClass::Index, "condemned", &condemned)?;
        store.put_new(&ObjectName::Condemned, &[&condemned])?;
        let config = encode_config(&keys, &config)?;
        store.put_new(&ObjectName::Config, &[&config])?;
        // Copies come last: the repository exists without them, and the first backup makes them.
        vital::complete(store, &[Original::Config, Original::Keyring(1), Original::Member(member.id)], &[])?;
        Ok(())
    }
}

/// The config of a new repository. Over a network several packs are on their way at once, so each is smaller.
fn config_for(store: &dyn Store, repository: RepositoryId, created: i64, like: Option<&Config>) -> Config {
    let mut config = Config::new(repository, created);
    if let Some(like) = like {
        config.profiles.clone_from(&like.profiles);
        config.zstd_level = like.zstd_level;
    }
    if store.medium().puts_at_once > 1 {
        config.pack_bytes = NETWORK_PACK;
    }
    config
}

/// The object `config`.
pub(super) fn encode_config(keys: &Keys, config: &Config) -> Result<Vec<u8>> {
    let encoded =
        config.encode().and_then(|body| clear::encode(ObjectKind::Config, &body, |tagged| keys.config_tag(tagged)));
    encoded.map_err(|e| Error::damaged(ObjectName::Config, e))
}

/// The object `keys/<id>`.
pub(super) fn encode_member(member: &Member) -> Result<Vec<u8>> {
    let encoded = member.encode().and_then(|body| clear::encode(ObjectKind::Member, &body, |_| [0; 32]));
    encoded.map_err(|e| Error::damaged(ObjectName::Member(member.id), e))
}

/// Removes the leftovers of an interrupted `init`. Refuses a place that holds anything else.
fn make_room(store: &dyn Store) -> Result<()> {
    let mut leftovers = Vec::new();
    let mut foreign = None;
    let mut precious = None;
    for folder in Folder::ALL {
        let mut found = |info: engine_store::ObjectInfo| {
            match (folder, info.name) {
                // Only a complete repository has copies.
                (
                    Folder::Packs | Folder::Index | Folder::Snapshots | Folder::Notes | Folder::Copies | Folder::Aside,
                    name,
                ) => {
                    precious = Some(name);
                }
                (_, name) => leftovers.push(name),
            }
            Ok(())
        };
        store.list(folder, &mut found, &mut |name| foreign = Some(name))?;
    }
    if let Some(name) = precious {
        let message = format!("{} holds a repository without its `config` (there is {name})", store.location());
        return Err(Error::new(ErrorKind::Damaged, message));
    }
    if let Some(name) = foreign {
        let message = format!("{} is not empty (there is {name})", store.location());
        return Err(Error::new(ErrorKind::Usage, message).with_hint(
            "Name an empty folder, or one that is not there yet; `enamel setup` takes a repository that is there.",
        ));
    }
    leftovers.iter().try_for_each(|name| store.delete(name).map_err(Error::from))
}

//! The card of a supplemental repository, as members read and write it (FORMAT.md, section 7.1).

use repo_format::card::{Card, CardMode};
use repo_format::clear;
use repo_format::head::ObjectKind;
use repo_format::id::Bytes32;
use repo_format::limits;

use super::Repository;
use crate::error::{Error, ErrorKind, Result, chain};
use engine_store::{ObjectName, StoreErrorKind, Tag};

/// The number of attempts, because other processes may replace the card at the same time.
const TRIES: u32 = 10;

/// The name under which this machine remembers the newest card.
const MEMORY: &str = "card";

fn digest_of(card: &[u8]) -> Bytes32 {
    Bytes32(*blake3::hash(card).as_bytes())
}

impl Repository {
    /// The card, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`], also if no member wrote it.
    pub fn card(&self) -> Result<Option<Card>> {
        let bytes = self.card_object()?;
        bytes.map(|bytes| self.open_card(&bytes)).transpose()
    }

    /// The reason, as a sentence, why the card is not the one that this machine has seen last, or a later one: somebody who
    /// can write to the storage has put back an older one, removed it, or changed it.
    ///
    /// # Errors
    /// If the storage does not answer, or the memory cannot be used.
    pub fn look_at_card(&self) -> Result<Option<String>> {
        let seen = self.memory.version(MEMORY)?.map(|seen| (seen.number, seen.digest));
        let bytes = match self.card_object() {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                return Ok(seen.map(|(number, _)| format!("the card is gone: this computer has seen number {number}")));
            }
            Err(error) if error.is_damage() => return Ok(Some(format!("the card cannot be used: {}", chain(&error)))),
            Err(error) => return Err(error),
        };
        let card = match self.open_card(&bytes) {
            Ok(card) => card,
            Err(error) => return Ok(Some(format!("the card cannot be used: {}", chain(&error)))),
        };
        let number = card.number.unwrap_or(0);
        let what = match seen {
            Some((seen, _)) if number < seen => {
                format!(
                    "an older card stands in place of the last one: it is number {number}, and this computer has seen number {seen}"
                )
            }
            Some((seen, digest)) if number == seen && digest != digest_of(&bytes) => {
                format!("another card stands in place of number {number}, which this computer has seen")
            }
            _ => {
                self.remember_card(&card, &bytes)?;
                return Ok(None);
            }
        };
        Ok(Some(what))
    }

    fn remember_card(&self, card: &Card, bytes: &[u8]) -> Result<()> {
        match card.number {
            Some(number) => self.memory.remember_version(MEMORY, number, digest_of(bytes)),
            None => Ok(()),
        }
    }

    /// Changes the card, or puts the first. A card that is damaged, huge or not a member's is replaced by a new one.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if others keep changing it; [`ErrorKind::Refused`] if the key of this run was retired.
    pub fn update_card(&self, program: &str, change: &dyn Fn(&mut Card)) -> Result<Card> {
        self.ready_to_seal()?;
        for _ in 0..TRIES {
            let before = self.usable_card_object()?;
            let known = before.as_deref().and_then(|bytes| self.open_card(bytes).ok());
            let mut card = known.clone().unwrap_or_else(|| self.blank_card());
            change(&mut card);
            let remembered = self.memory.version(MEMORY)?.map_or(0, |seen| seen.number);
            if known.as_ref() == Some(&card) && card.number.unwrap_or(0) >= remembered {
                return Ok(card);
            }
            program.clone_into(&mut card.program);
            card.number = Some(remembered.max(card.number.unwrap_or(0)).saturating_add(1));
            let encoded = card
                .encode()
                .and_then(|body| clear::encode(ObjectKind::Card, &body, |tagged| self.keys.card_tag(tagged)))
                .map_err(|e| Error::damaged(ObjectName::Card, e))?;
            match self.store.replace_if(&ObjectName::Card, before.as_deref().map(Tag::of), &encoded) {
                Ok(()) => {
                    self.remember_card(&card, &encoded)?;
                    return Ok(card);
                }
                Err(error) if error.kind == StoreErrorKind::Conflict => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::new(ErrorKind::Fenced, "other processes keep changing the card of the repository"))
    }

    fn blank_card(&self) -> Card {
        Card {
            repository: self.id(),
            practice: String::new(),
            newest: None,
            verified: None,
            level: None,
            interval: 0,
            administrator: None,
            mode: CardMode::On,
            program: String::new(),
            number: None,
        }
    }

    fn card_object(&self) -> Result<Option<Vec<u8>>> {
        match self.store.get(&ObjectName::Card, limits::CARD + clear::OVERHEAD as u64) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::of_object(error)),
        }
    }

    /// The same. A thing in its place that cannot be read whole, as it is far too large, is taken away.
    fn usable_card_object(&self) -> Result<Option<Vec<u8>>> {
        match self.card_object() {
            Err(error) if error.is_damage() => {
                // A folder or link in its place cannot be deleted as a file.
                self.store.delete(&ObjectName::Card).or_else(|_| self.store.set_aside(&ObjectName::Card))?;
                Ok(None)
            }
            read => read,
        }
    }

    fn open_card(&self, bytes: &[u8]) -> Result<Card> {
        let damaged = |e| Error::damaged(ObjectName::Card, e);
        let object = clear::decode(ObjectKind::Card, bytes, limits::CARD).map_err(damaged)?;
        let card = Card::decode(object.body).map_err(damaged)?;
        // `blake3::Hash` compares in constant time.
        let is_ours = blake3::Hash::from(self.keys.card_tag(object.tagged)) == blake3::Hash::from(object.tag);
        if is_ours && card.repository == self.id() {
            Ok(card)
        } else {
            Err(Error::new(ErrorKind::Damaged, "the card was not written by a member of this repository"))
        }
    }
}

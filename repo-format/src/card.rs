//! The card: facts that the host of a supplemental repository may know (FORMAT.md, section 7.1).

use minicbor::{Decode, Encode};

use crate::cbor;
use crate::error::{FormatError, Result, check_limit};
use crate::id::{LeaseId, MemberId, RepositoryId};
use crate::kinds::kinds;
use crate::limits;

const WHAT: &str = "card";

/// Body of the object `card`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Card {
    /// The repository that it is about.
    #[n(0)]
    pub repository: RepositoryId,
    /// The number or name under which the host knows the practice; may be empty.
    #[n(1)]
    pub practice: String,
    /// The newest copy, if there is one.
    #[n(2)]
    pub newest: Option<NewestCopy>,
    /// When the copies were last verified, seconds since 1970.
    #[n(3)]
    pub verified: Option<i64>,
    /// How deep: 1 arrived, 2 opened, 3 read in part.
    #[n(4)]
    pub level: Option<u8>,
    /// A copy is promised each time when this many seconds have passed.
    #[n(5)]
    pub interval: u64,
    /// The member whose password opens it.
    #[n(6)]
    pub administrator: Option<MemberId>,
    /// Whether copies are made.
    #[n(7)]
    pub mode: CardMode,
    /// Program and version.
    #[n(8)]
    pub program: String,
    /// 1, and one more with every replacement; no number counts as 0.
    #[n(9)]
    pub number: Option<u64>,
}

/// A copy, as its card names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NewestCopy {
    /// When it was made, seconds since 1970.
    #[n(0)]
    pub time: i64,
    /// Its name in `snapshots/`.
    #[n(1)]
    pub id: LeaseId,
}

kinds! {
    /// Whether copies are made.
    CardMode {
        /// To a host.
        On = 1 "on",
        /// Not any more.
        Off = 2 "off",
        /// To a folder or share of the practice.
        Local = 3 "local",
    }
}

impl Card {
    /// Decodes and checks a body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn decode(body: &[u8]) -> Result<Self> {
        let card: Card = cbor::decode_within(WHAT, limits::CARD, body)?;
        card.check()?;
        Ok(card)
    }

    /// Checks and encodes the body.
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()?;
        cbor::encode_within(WHAT, limits::CARD, self)
    }

    fn check(&self) -> Result<()> {
        check_limit(WHAT, "practice", self.practice.len() as u64, limits::CARD_PRACTICE)?;
        if self.level.is_some() && self.verified.is_none() {
            return Err(FormatError::invalid(WHAT, "it has a level and was never verified"));
        }
        Ok(())
    }
}

//! Errors of the decoders and encoders.

/// The result of decoding.
pub type Result<T> = std::result::Result<T, FormatError>;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes end too early.
    #[error("the {what} is cut short: {need} bytes are needed at offset {offset}, {have} are left")]
    Truncated {
        /// The structure that was being decoded.
        what: &'static str,
        /// Offset in bytes.
        offset: usize,
        /// Bytes needed.
        need: usize,
        /// Bytes there.
        have: usize,
    },
    /// The first bytes are not those of an Enamel object.
    #[error("the {what} does not begin like an Enamel object")]
    Magic {
        /// The structure that was being decoded.
        what: &'static str,
    },
    /// A version, kind, suite, mode or codec that this program does not know.
    #[error("the {what} has {field} {value}, which this version of Enamel does not know")]
    Unknown {
        /// The structure that was being decoded.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// The object is of another kind than its name says.
    #[error("a {expected} was expected, but the object is of kind {found}")]
    WrongKind {
        /// The kind that its name implies.
        expected: &'static str,
        /// The kind byte found.
        found: u8,
    },
    /// A size or count beyond the format's limits.
    #[error("the {what} is beyond the format's limits: {field} is {value}, at most {limit} is allowed")]
    Limit {
        /// The structure that was being decoded.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// The checksum at the end does not fit.
    #[error("the {what} is damaged: its checksum does not fit")]
    Checksum {
        /// The structure that was being decoded.
        what: &'static str,
    },
    /// Bytes that contradict each other or the specification.
    #[error("the {what} is not valid: {why}")]
    Invalid {
        /// The structure that was being decoded.
        what: &'static str,
        /// Why.
        why: String,
    },
}

impl FormatError {
    /// An [`FormatError::Invalid`].
    pub fn invalid(what: &'static str, why: impl Into<String>) -> Self {
        FormatError::Invalid { what, why: why.into() }
    }
}

/// `count` as the integer that stands for it in the bytes, if it is at most `limit` and fits.
pub(crate) fn fit<T: TryFrom<usize>>(what: &'static str, field: &'static str, count: usize, limit: u64) -> Result<T> {
    let value = count as u64;
    check_limit(what, field, value, limit)?;
    T::try_from(count).map_err(|_| FormatError::Limit { what, field, value, limit })
}

/// Refuses `value` beyond `limit`.
pub(crate) fn check_limit(what: &'static str, field: &'static str, value: u64, limit: u64) -> Result<()> {
    if value > limit {
        return Err(FormatError::Limit { what, field, value, limit });
    }
    Ok(())
}

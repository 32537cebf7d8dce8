//! A value of a row, as a server gives it. Only this room knows the driver's type.

use mysql::Value as Raw;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Value(Raw);

impl Value {
    /// The driver's value.
    pub(super) fn raw(&self) -> &Raw {
        &self.0
    }

    /// The number, if the value is a whole one.
    pub fn whole_number(&self) -> Option<i128> {
        match &self.0 {
            Raw::Int(number) => Some(i128::from(*number)),
            Raw::UInt(number) => Some(i128::from(*number)),
            _ => None,
        }
    }

    /// The bytes, if the value is made of bytes: a text, or a decimal number.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Raw::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Whether the value is a number that SQL takes for true. Nothing else is a truth.
    pub fn is_true(&self) -> bool {
        match &self.0 {
            Raw::Double(number) => *number != 0.0,
            Raw::Float(number) => *number != 0.0,
            _ => self.whole_number().is_some_and(|number| number != 0),
        }
    }
}

impl From<Raw> for Value {
    fn from(raw: Raw) -> Self {
        Value(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_other_than_0_are_true() {
        let is_true = |raw| Value::from(raw).is_true();
        assert!(is_true(Raw::Int(-1)) && is_true(Raw::UInt(u64::MAX)) && is_true(Raw::Double(0.5)));
        assert!(!is_true(Raw::Int(0)) && !is_true(Raw::UInt(0)) && !is_true(Raw::Float(0.0)));
        assert!(!is_true(Raw::NULL) && !is_true(Raw::Bytes(b"1".to_vec())));
    }

    #[test]
    fn a_whole_number_is_none_of_bytes_or_fractions() {
        let number = |raw| Value::from(raw).whole_number();
        assert_eq!(
            (number(Raw::Int(i64::MIN)), number(Raw::UInt(u64::MAX))),
            (Some(i64::MIN.into()), Some(u64::MAX.into()))
        );
        assert_eq!((number(Raw::Double(1.0)), number(Raw::Bytes(b"1".to_vec()))), (None, None));
    }
}

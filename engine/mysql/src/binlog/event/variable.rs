//! Values that a statement finds in its session: counters, the seed of RAND, user variables.

use super::{Cursor, Malformed, decimal};

/// The largest name of a user variable.
const NAME_MAX: u32 = 64 << 10;
/// The value is not negative, whatever its highest bit is.
const UNSIGNED: u8 = 1;

/// A counter for the statement that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// `LAST_INSERT_ID`.
    Last(u64),
    /// `INSERT_ID`.
    Next(u64),
}

impl Counter {
    /// Reads the body of an event of the kind INTVAR.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        match (cursor.u8()?, cursor.u64()?) {
            (1, value) => Ok(Counter::Last(value)),
            (2, value) => Ok(Counter::Next(value)),
            _ => Err(Malformed("a counter is of an unknown kind")),
        }
    }
}

/// Reads the two seeds of the body of an event of the kind RAND.
///
/// # Errors
/// [`Malformed`].
pub fn seeds(body: &[u8]) -> Result<(u64, u64), Malformed> {
    let mut cursor = Cursor::new(body);
    Ok((cursor.u64()?, cursor.u64()?))
}

/// A user variable.
#[derive(Debug, Clone, PartialEq)]
pub struct UserVariable {
    /// Its name, in UTF-8.
    pub name: Vec<u8>,
    /// Its value.
    pub value: UserValue,
}

/// The value of a user variable.
#[derive(Debug, Clone, PartialEq)]
pub enum UserValue {
    /// NULL.
    Null,
    /// A text, with its collation by number.
    Text(Vec<u8>, u32),
    /// A double.
    Double(f64),
    /// An integer.
    Signed(i64),
    /// An integer without a sign.
    Unsigned(u64),
    /// A decimal, as it is written.
    Decimal(String),
}

impl UserVariable {
    /// Reads the body of an event of the kind USER_VAR.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let length = cursor.u32()?;
        if length > NAME_MAX {
            return Err(Malformed("the name of a variable is too long"));
        }
        let name = cursor.take(length as usize)?.to_vec();
        if cursor.u8()? != 0 {
            return Ok(UserVariable { name, value: UserValue::Null });
        }
        let (of, collation, length) = (cursor.u8()?, cursor.u32()?, cursor.u32()?);
        let mut value = Cursor::new(cursor.take(length as usize)?);
        // Servers before 5.5 write no flags.
        let is_unsigned = !cursor.is_empty() && cursor.u8()? & UNSIGNED != 0;
        let value = match of {
            0 => UserValue::Text(value.rest().to_vec(), collation),
            1 => UserValue::Double(f64::from_bits(value.u64()?)),
            2 if is_unsigned => UserValue::Unsigned(value.u64()?),
            2 => UserValue::Signed(value.u64()?.cast_signed()),
            4 => {
                let (digits, behind) = (value.u8()?, value.u8()?);
                UserValue::Decimal(decimal::text(&mut value, digits, behind)?)
            }
            _ => return Err(Malformed("a variable is of an unknown type")),
        };
        Ok(UserVariable { name, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(of: u8, value: &[u8], flags: &[u8]) -> Vec<u8> {
        let length = u32::try_from(value.len()).unwrap().to_le_bytes();
        [&[1, 0, 0, 0, b'a', 0, of, 33, 0, 0, 0][..], &length, value, flags].concat()
    }

    #[test]
    fn values_of_all_types_are_read() {
        let value = |of, value: &[u8], flags: &[u8]| UserVariable::read(&body(of, value, flags)).unwrap().value;
        assert_eq!(value(0, b"x\0'", &[0]), UserValue::Text(b"x\0'".to_vec(), 33));
        assert_eq!(value(1, &1.5f64.to_le_bytes(), &[]), UserValue::Double(1.5));
        assert_eq!(value(2, &(-3i64).to_le_bytes(), &[0]), UserValue::Signed(-3));
        assert_eq!(value(2, &u64::MAX.to_le_bytes(), &[1]), UserValue::Unsigned(u64::MAX));
        assert_eq!(value(4, &[4, 2, 0x80 | 12, 34], &[0]), UserValue::Decimal("12.34".to_owned()));
        let null = UserVariable::read(&[1, 0, 0, 0, b'a', 1]).unwrap();
        assert_eq!(null, UserVariable { name: b"a".to_vec(), value: UserValue::Null });
        assert!(UserVariable::read(&body(9, b"", &[])).is_err());
        assert!(UserVariable::read(&[255; 5]).is_err());
    }

    #[test]
    fn counters_and_seeds_are_read() {
        assert_eq!(Counter::read(&[2, 7, 0, 0, 0, 0, 0, 0, 0]), Ok(Counter::Next(7)));
        assert_eq!(Counter::read(&[1, 7, 0, 0, 0, 0, 0, 0, 0]), Ok(Counter::Last(7)));
        assert!(Counter::read(&[3, 7, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert_eq!(seeds(&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]), Ok((1, 2)));
        assert!(seeds(&[1]).is_err());
    }
}

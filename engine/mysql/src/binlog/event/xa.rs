//! XA transactions: their ids, and the event that prepares one.

use super::{Cursor, Malformed};

/// The most bytes of each of the two parts of an id.
const PART_MAX: u32 = 64;
/// MariaDB: what stands in the event of a GTID before the id.
const SEQUENCE_AND_DOMAIN: usize = 12;
const GROUP_COMMIT: u8 = 0x02;
const PREPARES: u8 = 0x40;
const COMMIT_NUMBER: usize = 8;

/// The id of an XA transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Xid {
    format: u32,
    global: Vec<u8>,
    branch: Vec<u8>,
}

impl Xid {
    /// Reads an id whose lengths have a byte each.
    ///
    /// # Errors
    /// [`Malformed`].
    pub(super) fn read_short(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let (format, global, branch) = (cursor.u32()?, cursor.u8()?, cursor.u8()?);
        Xid::read_parts(cursor, format, [global.into(), branch.into()])
    }

    fn read_parts(cursor: &mut Cursor<'_>, format: u32, [global, branch]: [u32; 2]) -> Result<Self, Malformed> {
        if global > PART_MAX || branch > PART_MAX {
            return Err(Malformed("the id of an XA transaction is too long"));
        }
        let (global, branch) = (cursor.take(global as usize)?.to_vec(), cursor.take(branch as usize)?.to_vec());
        Ok(Xid { format, global, branch })
    }

    /// As statements name it.
    pub fn to_sql(&self) -> String {
        let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("X'{}',X'{}',{}", hex(&self.global), hex(&self.branch), self.format)
    }
}

/// MariaDB: the id of the XA transaction that begins with the event of this body; `None` if it is another transaction.
///
/// # Errors
/// [`Malformed`].
pub fn prepared_xid(body: &[u8]) -> Result<Option<Xid>, Malformed> {
    let mut cursor = Cursor::new(body);
    cursor.take(SEQUENCE_AND_DOMAIN)?;
    let flags = cursor.u8()?;
    if flags & PREPARES == 0 {
        return Ok(None);
    }
    if flags & GROUP_COMMIT != 0 {
        cursor.take(COMMIT_NUMBER)?;
    }
    Xid::read_short(&mut cursor).map(Some)
}

/// The end of the events of an XA transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XaPrepare {
    /// It is committed at once.
    pub is_one_phase: bool,
    /// Its id.
    pub xid: Xid,
}

impl XaPrepare {
    /// Reads the body of an event of the kind XA_PREPARE.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let is_one_phase = cursor.u8()? != 0;
        let (format, global, branch) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        Ok(XaPrepare { is_one_phase, xid: Xid::read_parts(&mut cursor, format, [global, branch])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_named_as_statements_do() {
        let body = [0, 7, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, b'a', b'b', b'c'];
        let prepare = XaPrepare::read(&body).unwrap();
        assert!(!prepare.is_one_phase);
        assert_eq!(prepare.xid.to_sql(), "X'6162',X'63',7");
        assert!(XaPrepare::read(&body[..15]).is_err());
        assert!(XaPrepare::read(&[0, 7, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0]).is_err());
    }
}

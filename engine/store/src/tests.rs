//! Both stores keep all promises; each, then, its own.

mod append_only;
mod faulty;
mod local;
mod local_full;
mod local_hostile;
mod local_trouble;
mod memory;

use repo_format::id::{LeaseId, PackId, SegmentId};

use super::*;

fn pack(n: u8) -> ObjectName {
    ObjectName::Pack(PackId([n; PackId::LEN]))
}

fn segment(n: u8) -> ObjectName {
    ObjectName::Segment(SegmentId([n; SegmentId::LEN]))
}

fn lease(n: u8) -> ObjectName {
    ObjectName::Lease(LeaseId([n; LeaseId::LEN]))
}

#[track_caller]
fn kind<T>(result: Result<T>) -> StoreErrorKind {
    result.map(drop).expect_err("it should have failed").kind
}

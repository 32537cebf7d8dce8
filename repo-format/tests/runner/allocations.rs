//! Decoders allocate no more than the bytes at hand justify.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use crate::samples;

struct Counting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "there is no other way to see allocations; every call is handed on unchanged")]
// SAFETY: all four hand their arguments to the system's allocator, which keeps the contract; a `Cell` of a number that needs
// no initialisation does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(size));
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

/// The largest single allocation of `work` on this thread.
fn largest_allocation(work: impl FnOnce()) -> usize {
    LARGEST.set(0);
    work();
    LARGEST.get()
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    /// Changes a few bytes, often to those that claim great lengths.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const GREEDY: [u8; 12] = [0xff, 0x7f, 0x80, 0x9b, 0x9a, 0xbb, 0xba, 0x5b, 0x5a, 0x7b, 0x9f, 0x00];
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len());
            bytes[at] = GREEDY[self.below(GREEDY.len())];
        }
        if self.below(4) == 0 {
            bytes.truncate(self.below(bytes.len()) + 1);
        }
    }
}

/// So that what lies behind the checksum is reached.
fn correct_checksum(bytes: &mut [u8]) {
    if let Some((object, checksum)) = bytes.split_last_chunk_mut::<32>() {
        *checksum = blake3::hash(object).into();
    }
}

#[test]
fn a_decoder_of_mutated_bytes_allocates_little_at_once_and_does_not_panic() {
    let mut numbers = Numbers(0x0123_4567_89ab_cdef);
    for sample in samples::all() {
        for _ in 0..1000 {
            let mut bytes = sample.encoded.clone();
            numbers.mutate(&mut bytes);
            if sample.has_checksum() {
                correct_checksum(&mut bytes);
            }
            let largest = largest_allocation(|| drop((sample.decode)(&bytes)));
            let allowed = 64 * bytes.len() + 64 * 1024;
            assert!(largest <= allowed, "{}: {largest} bytes at once for {}: {bytes:02x?}", sample.name, bytes.len());
        }
    }
}

#[test]
fn a_claim_of_many_items_allocates_nothing() {
    let probe = || drop(std::hint::black_box(Vec::<u8>::with_capacity(5000)));
    assert_eq!(largest_allocation(probe), 5000, "allocations are not seen");
    let mut node = vec![1, 2, 0, 0, 0, 0, 0, 0, 0x9b];
    node.extend(u64::MAX.to_be_bytes());
    assert!(largest_allocation(|| drop(repo_format::node::DirectoryNode::decode(&node))) < 1024);
    for level in [0, 1] {
        let mut node = vec![1, 4, level, 0, 0, 0, 0, 0, 0x9b];
        node.extend(u64::MAX.to_be_bytes());
        assert!(largest_allocation(|| drop(repo_format::segments::SegmentNode::decode(&node))) < 1024);
    }
    let mut table = vec![1, 0xff, 0xff];
    table.extend([0xff; 100]);
    assert!(largest_allocation(|| drop(repo_format::pack::PackTable::decode(&table))) < 1024);
    let mut segment = vec![1, 0xff, 0xff, 0xff, 0xff];
    segment.extend([0; 200]);
    assert!(largest_allocation(|| drop(repo_format::segment::decode(&segment))) < 1024);
}

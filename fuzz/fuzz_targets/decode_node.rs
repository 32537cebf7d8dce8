//! Nodes of every kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repo_format::node::{ContentNode, DirectoryNode, RawNode, decode_problems, encode_problems};
use repo_format::segments::SegmentNode;

fuzz_target!(|data: &[u8]| {
    let raw = RawNode::decode(data);
    if let Ok(node) = ContentNode::decode(data) {
        assert_eq!(node.encode().unwrap(), data);
        assert_eq!(node.items.len(), raw.as_ref().unwrap().ids.len());
    }
    if let Ok(node) = DirectoryNode::decode(data) {
        assert!(raw.is_ok());
        assert_eq!(DirectoryNode::decode(&node.encode().unwrap()), Ok(node));
    }
    if let Ok(node) = SegmentNode::decode(data) {
        assert!(raw.is_ok() && !node.is_empty() && node.len() > 0 && node.rows() > 0);
        assert_eq!(SegmentNode::decode(&node.encode().unwrap()), Ok(node));
    }
    if let Ok(problems) = decode_problems(data) {
        assert_eq!(decode_problems(&encode_problems(&problems).unwrap()), Ok(problems));
    }
});

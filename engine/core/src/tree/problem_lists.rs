//! Lists of problems, as nodes.

use repo_format::id::ChunkId;
use repo_format::node::{Problem, encode_problems};

use crate::chunk::Compression;
use crate::error::{Error, Result};
use crate::pack::NodeSink;

/// A list ends at this size of its paths and messages: far below the 8 MiB that a node may have.
const LIST_BYTES: usize = 1 << 20;

/// Stores `problems` as lists, in their order.
///
/// # Errors
/// If a node cannot be stored.
pub(crate) fn store_problems(problems: &[Problem], sink: &mut NodeSink<'_, '_>) -> Result<Vec<ChunkId>> {
    let mut store_list = |list| {
        let node = encode_problems(list).map_err(|e| Error::damaged("a new list of problems", e))?;
        sink.store(&node, Compression::Always)
    };
    lists(problems).into_iter().map(&mut store_list).collect()
}

/// `problems` in parts of at most [`LIST_BYTES`].
fn lists(problems: &[Problem]) -> Vec<&[Problem]> {
    let mut lists = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, problem) in problems.iter().enumerate() {
        if index > start && bytes + problem_weight(problem) > LIST_BYTES {
            lists.push(&problems[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += problem_weight(problem);
    }
    if start < problems.len() {
        lists.push(&problems[start..]);
    }
    lists
}

/// The size of a problem, with a few bytes for its frame.
pub(crate) fn problem_weight(problem: &Problem) -> usize {
    const FRAME: usize = 16;
    problem.path.0.len() + problem.message.len() + FRAME
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::node::ProblemKind;

    use super::*;

    #[test]
    fn any_number_of_long_problems_makes_few_lists_of_bounded_size() {
        let problem = |number: u32| Problem {
            path: ByteString(format!("{number}{}", "x".repeat(2000)).into_bytes()),
            kind: ProblemKind::Unreadable,
            message: "y".repeat(1000),
        };
        let problems: Vec<_> = (0..2000).map(problem).collect();
        let lists = lists(&problems);
        assert_eq!(lists.concat(), problems);
        for list in &lists {
            assert!(encode_problems(list).unwrap().len() < 2 * LIST_BYTES);
        }
        assert!(lists.len() < 20, "the manifest names each");
    }
}

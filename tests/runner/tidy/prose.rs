//! Rules on sentences: the subject comes first, in documents and comments.

use super::Faults;
use super::files::Repository;

/// A sentence that begins so has a clause as its subject, or none.
const BEGINNINGS: [&str; 11] =
    ["Who", "Whoever", "Whom", "Whose", "What", "Whatever", "That which", "Those", "One that", "Of", "None of"];

pub fn beginnings(repository: &Repository) -> Faults {
    let mut faults = Faults::new();
    for (path, text) in repository.files() {
        let paragraphs = match path.rsplit('.').next() {
            Some("rs") => comments(text),
            Some("md") => documents(text),
            _ => continue,
        };
        for (line, paragraph) in paragraphs {
            let wrong = sentences(&paragraph).filter(|sentence| begins_wrongly(sentence));
            faults.extend(wrong.map(|sentence| format!("{path}:{line}: begin with the subject: {sentence}")));
        }
    }
    faults
}

fn begins_wrongly(sentence: &str) -> bool {
    let words = sentence.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '`');
    let follows = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '`');
    !sentence.ends_with('?') && BEGINNINGS.iter().any(|word| words.strip_prefix(word).is_some_and(follows))
}

/// The sentences of a paragraph: each ends with a stop before a space.
fn sentences(paragraph: &str) -> impl Iterator<Item = &str> {
    let mut rest = paragraph;
    std::iter::from_fn(move || {
        let stops = rest.match_indices(['.', '!', '?']).map(|(at, _)| at + 1);
        let end = stops.into_iter().find(|end| rest[*end..].starts_with(' ')).unwrap_or(rest.len());
        let (sentence, after) = rest.split_at(end);
        rest = after.trim_start();
        (!sentence.is_empty()).then_some(sentence)
    })
}

/// The paragraphs of the comments of a Rust file, with the number of their first line.
fn comments(text: &str) -> Vec<(usize, String)> {
    let comment = |line: &str| {
        let line = line.trim_start();
        let text = ["///", "//!", "//"].into_iter().find_map(|mark| line.strip_prefix(mark))?;
        Some(text.trim().to_owned())
    };
    paragraphs((1..).zip(text.lines().map(comment)))
}

/// The paragraphs, items and cells of a Markdown file outside of code blocks.
fn documents(text: &str) -> Vec<(usize, String)> {
    let lines = super::markdown::prose(text).flat_map(|(number, line)| {
        let is_code = line.starts_with("    ") || line.starts_with('#') || line.starts_with("<!--");
        let cells: Vec<&str> = if line.starts_with('|') { line.split('|').collect() } else { vec![line] };
        let ends = cells.len() > 1;
        let texts = cells.into_iter().flat_map(move |cell| {
            let text = (!is_code).then(|| cell.trim().to_owned());
            if ends { vec![text, None] } else { vec![text] }
        });
        texts.map(move |text| (number, text)).collect::<Vec<_>>()
    });
    paragraphs(lines)
}

/// Joins lines. One without text, and one that begins an item of a list, ends a paragraph.
fn paragraphs(lines: impl Iterator<Item = (usize, Option<String>)>) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in lines {
        let text = line.unwrap_or_default();
        let item = ["- ", "* "].iter().find_map(|mark| text.strip_prefix(mark));
        open &= !text.is_empty() && item.is_none();
        let text = item.unwrap_or(&text);
        match found.last_mut() {
            Some((_, paragraph)) if open => {
                paragraph.push(' ');
                paragraph.push_str(text);
            }
            _ if text.is_empty() => {}
            _ => found.push((number, text.to_owned())),
        }
        open = !text.is_empty();
    }
    found
}

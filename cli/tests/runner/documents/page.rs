//! A page: the commands in it, and what it shows of their output.

use std::fmt::Write as _;

use super::ids::Ids;
use super::shape;

/// Something that the shell runs.
pub enum Step {
    /// A command that the page shows, its output, and the number of its line.
    Command { text: String, output: String, line: usize },
    /// Commands that the page does not show. They must succeed.
    Setup(String),
}

impl Step {
    /// How `printed` differs from the page, in words.
    pub fn difference(&self, printed: &str) -> Option<String> {
        let Step::Command { text, output, line } = self else { return None };
        let differs = shape::of(output) != shape::of(printed);
        differs.then(|| format!("line {line}: `{text}` shows\n{output}\nand prints\n{printed}"))
    }
}

/// The steps of a page, and its other lines.
pub struct Page {
    pub steps: Vec<Step>,
    /// Every line of the page but outputs; a command's last line has its place in `steps`.
    lines: Vec<(String, Option<usize>)>,
}

#[derive(Clone, PartialEq)]
enum Inside {
    Text,
    Setup,
    Console,
    OtherBlock { file: Option<String> },
}

impl Page {
    /// Finds the steps of a page.
    pub fn parse(text: &str) -> Self {
        let (mut page, mut inside) = (Page { steps: Vec::new(), lines: Vec::new() }, Inside::Text);
        let (mut file, mut block) = (None, String::new());
        let mut lines = (1..).zip(text.lines());
        while let Some((number, line)) = lines.next() {
            match inside.clone() {
                Inside::Text if line == "<!-- setup" => inside = Inside::Setup,
                Inside::Text if line.starts_with("<!-- file ") => {
                    file = Some(line["<!-- file ".len()..].trim_end_matches(" -->").to_owned());
                }
                Inside::Text if line == "```console" => inside = Inside::Console,
                Inside::Text if line.starts_with("```") => inside = Inside::OtherBlock { file: file.take() },
                Inside::Setup if line == "-->" => {
                    page.steps.push(Step::Setup(std::mem::take(&mut block)));
                    inside = Inside::Text;
                }
                Inside::OtherBlock { file } if line == "```" => {
                    if let Some(path) = file {
                        page.steps.push(Step::Setup(format!("cat >{path} <<'END'\n{block}END")));
                    }
                    (inside, block) = (Inside::Text, String::new());
                }
                Inside::Console if line == "```" => inside = Inside::Text,
                Inside::Setup | Inside::OtherBlock { file: Some(_) } => writeln!(block, "{line}").unwrap(),
                Inside::Console => match line.strip_prefix("$ ") {
                    Some(command) => {
                        let mut command = command.to_owned();
                        page.lines.push((line.to_owned(), None));
                        while command.ends_with('\\') {
                            let (_, more) = lines.next().unwrap();
                            write!(command, "\n{more}").unwrap();
                            page.lines.push((more.to_owned(), None));
                        }
                        page.lines.last_mut().unwrap().1 = Some(page.steps.len());
                        page.steps.push(Step::Command { text: command, output: String::new(), line: number });
                        continue;
                    }
                    None => {
                        let Some(Step::Command { output, .. }) = page.steps.last_mut() else {
                            panic!("line {number}: output without a command");
                        };
                        writeln!(output, "{line}").unwrap();
                        continue;
                    }
                },
                Inside::Text | Inside::OtherBlock { file: None } => {}
            }
            page.lines.push((line.to_owned(), None));
        }
        page
    }

    /// The page with what each step printed in place of the outputs that it shows, and with the same ids in its commands.
    pub fn with(&self, printed: &[String]) -> String {
        let (mut text, mut ids) = (String::new(), Ids::default());
        for (line, step) in &self.lines {
            writeln!(text, "{}", if line.starts_with("$ ") { ids.real(line) } else { line.clone() }).unwrap();
            let Some(Step::Command { output, .. }) = step.map(|step| &self.steps[step]) else { continue };
            let printed = &printed[step.unwrap_or_default()];
            text.push_str(printed);
            ids.learn(output, printed);
        }
        text
    }
}

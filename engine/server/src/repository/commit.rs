//! What a commit says: who wrote it, and which pipelines it wants to have run.

use std::collections::BTreeMap;
use std::path::Path;

use glob::{MatchOptions, Pattern};
use language::decoder::read_with;
use language::scope::Unresolved;
use language::{Content, Diagnostics, Document, Node, Sources};
use model::file::pipeline::{Cancel, Concurrency, Keep, Push, Schedule};
use runtime::engine::Problem;
use runtime::pipeline::schedules;

use super::{BRANCHES, is_nothing};
use crate::git::{asked, finished, git, told};
use crate::records::Grouped;
use crate::trouble::failed;

/// What a commit says.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommitSays {
    /// Who wrote it.
    pub(crate) author: String,
    /// The first line of what they say about it.
    pub(crate) title: String,
    /// Its pipelines.
    pub(crate) pipelines: Vec<CommitPipeline>,
}

/// A pipeline file of a commit.
#[derive(Clone, Debug)]
pub(crate) struct CommitPipeline {
    /// Its path.
    pub(crate) file: String,
    /// Its name; where that cannot be read, that of the file.
    pub(crate) name: String,
    /// Which pushes start it. A file that cannot be read wants to be looked at by every push.
    pub(crate) push: Option<Push>,
    /// When the time starts it.
    pub(crate) schedules: Vec<Schedule>,
    /// Which other runs of the repository it does not run beside.
    pub(crate) grouped: Option<Grouped>,
    /// Its parameters that are secret.
    pub(crate) secrets: Vec<String>,
}

/// Returns what a commit says.
///
/// # Errors
/// It is not there.
pub(crate) async fn says(repository: &Path, commit: &str) -> Result<CommitSays, Problem> {
    let about = told(repository, ["show", "-s", "--format=%an%x00%s", commit, "--"]);
    let (about, pipelines) = tokio::join!(about, pipelines(repository, commit));
    let about = about?;
    let (author, title) = about.trim_end().split_once('\0').unwrap_or_default();
    Ok(CommitSays { author: harmless(author), title: harmless(title), pipelines: pipelines? })
}

/// Returns a text without what would steer the terminal of whoever reads it.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

async fn pipelines(repository: &Path, commit: &str) -> Result<Vec<CommitPipeline>, Problem> {
    let listed =
        told(repository, ["ls-tree", "-z", "--full-tree", commit, "--", "pipelines/"]).await?;
    // Each is `<mode> blob <hash>\t<path>`.
    let files = listed.split('\0').filter_map(|entry| {
        let (about, path) = entry.split_once('\t')?;
        let mut words = about.split(' ').skip(1);
        let hash = (words.next() == Some("blob")).then(|| words.next())??;
        let end = Path::new(path).extension().unwrap_or_default();
        let is_read = end == "yml" || end == "yaml";
        let is_hidden = path.starts_with("pipelines/.");
        (is_read && !is_hidden).then(|| (hash.to_owned(), path.to_owned()))
    });
    let files: Vec<(String, String)> = files.collect();
    let texts = texts(repository, files.iter().map(|(hash, _)| hash.as_str())).await?;
    let read = files
        .iter()
        .map(|(hash, path)| pipeline(path, texts.get(hash).map(Vec::as_slice).unwrap_or_default()));
    Ok(read.collect())
}

/// Returns the content of blobs, by their hashes, in one call.
async fn texts(
    repository: &Path,
    hashes: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
    let asked: String = hashes.map(|hash| format!("{hash}\n")).collect();
    let mut texts = BTreeMap::new();
    if asked.is_empty() {
        return Ok(texts);
    }
    let mut command = git(repository);
    command.args(["cat-file", "--batch"]);
    let answer = finished(command, asked.as_bytes()).await?;
    // Each is `<hash> blob <size>\n`, the content, `\n`.
    let mut rest = &answer[..];
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let mut words = head.split(' ');
        let (hash, size) =
            (words.next().unwrap_or_default(), words.nth(1).and_then(|s| s.parse().ok()));
        let content = size.and_then(|size: usize| rest.get(end + 1..end + 1 + size));
        let content = content.ok_or_else(|| failed("`git cat-file` gave an odd answer"))?;
        texts.insert(hash.to_owned(), content.to_vec());
        rest = rest.get(end + 2 + content.len()..).unwrap_or_default();
    }
    Ok(texts)
}

/// What starts a pipeline. What is wrong with it is said where it runs.
fn pipeline(path: &str, text: &[u8]) -> CommitPipeline {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let id = sources.add_bytes(path.to_owned(), text.to_vec(), &mut diagnostics);
    let document = Document::parse(&sources, id, &mut diagnostics);
    let root = document.root();
    let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
    let name = root.get("pipeline").and_then(Node::scalar).map(|name| name.text.to_owned());
    let push = match (diagnostics.has_errors(), root.get("on").and_then(|on| on.get("push"))) {
        (true, _) => Some(everything()),
        (false, None) => None,
        (false, Some(node)) => {
            let read = |decoder: &mut language::Decoder<'_>| decoder.read::<Push>(node);
            let read = read_with(&document, &Unresolved, &mut diagnostics, read);
            Some(read.value.unwrap_or_else(everything))
        }
    };
    let name = name.unwrap_or_else(|| stem.into_owned());
    let schedules = schedules(&document);
    let concurrency = root.get("concurrency").and_then(|node| {
        let read = |decoder: &mut language::Decoder<'_>| decoder.read::<Concurrency>(node);
        read_with(&document, &Unresolved, &mut diagnostics, read).value
    });
    let grouped = concurrency.map(|one| Grouped {
        group: one.group.0,
        keeps_newest: one.keep == Keep::Newest,
        ends_running: one.cancel == Some(Cancel::Running),
    });
    let secrets = secrets(root);
    CommitPipeline { file: path.to_owned(), name, push, schedules, grouped, secrets }
}

fn secrets(root: Node<'_>) -> Vec<String> {
    let Some(Content::Map(all)) = root.get("parameters").map(Node::content) else {
        return Vec::new();
    };
    let is_secret = |parameter: &Node<'_>| {
        parameter.get("type").and_then(Node::scalar).is_some_and(|word| word.text == "secret")
    };
    let secret = all.iter().filter(|(_, parameter)| is_secret(parameter));
    secret.filter_map(|(name, _)| Some(name.scalar()?.text.to_owned())).collect()
}

fn everything() -> Push {
    Push { branches: vec!["**".to_owned()], paths: Vec::new() }
}

/// Returns the branches of a repository, and their commits.
pub(crate) async fn heads(repository: &Path) -> Result<Vec<(String, String)>, Problem> {
    let format = "--format=%(objectname) %(refname)";
    let listed = told(repository, ["for-each-ref", format, BRANCHES]).await?;
    let pair = |line: &str| {
        let (hash, name) = line.split_once(' ')?;
        Some((name.to_owned(), hash.to_owned()))
    };
    Ok(listed.lines().filter_map(pair).collect())
}

impl CommitPipeline {
    /// Returns whether a push of this branch, with these files changed (None: nobody knows), starts it.
    pub(crate) fn wants(&self, branch: &str, changed: Option<&[String]>) -> bool {
        let Some(push) = &self.push else { return false };
        let of_branch = push.branches.iter().any(|pattern| fits(pattern, branch));
        let of_paths = push.paths.is_empty()
            || changed.is_none_or(|changed| {
                changed.iter().any(|path| push.paths.iter().any(|pattern| fits(pattern, path)))
            });
        of_branch && of_paths
    }

    /// Returns whether it has to be known which files changed.
    pub(crate) fn asks_for_paths(&self) -> bool {
        self.push.as_ref().is_some_and(|push| !push.paths.is_empty())
    }
}

/// `*` stays within a name, `**` does not.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_with(text, options))
        || pattern == text
        || pattern == "**"
}

/// Returns whether a commit is an ancestor of another one. What is not there is not.
pub(crate) async fn leads_to(repository: &Path, commit: &str, other: &str) -> bool {
    asked(repository, ["merge-base", "--is-ancestor", commit, other]).await.is_ok()
}

/// Returns the files that differ between two commits; None: there is nothing to compare with.
pub(crate) async fn changed(repository: &Path, old: &str, new: &str) -> Option<Vec<String>> {
    if is_nothing(old) {
        return None;
    }
    let listed = asked(repository, ["diff", "--name-only", "-z", "--no-renames", old, new, "--"]);
    let listed = listed.await.ok()?;
    let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    Some(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> CommitPipeline {
        pipeline("pipelines/shop.yml", text.as_bytes())
    }

    #[test]
    fn a_push_starts_what_says_so() {
        let main = of("pipeline: shop\non: { push: {} }\nsteps: {}\n");
        assert_eq!(main.name, "shop");
        assert!(main.wants("main", None) && !main.wants("topic", None));
        let wide =
            of("pipeline: shop\non: { push: { branches: [main, release/*], paths: [app/**] } }\n");
        let app = ["app/web/main.py".to_owned()];
        let docs = ["docs/index.md".to_owned()];
        assert!(wide.wants("release/1", Some(&app)) && !wide.wants("release/1", Some(&docs)));
        assert!(!wide.wants("release/1/2", Some(&app)) && wide.wants("main", None));
        assert!(!of("pipeline: shop\nsteps: {}\n").wants("main", None));
    }

    #[test]
    fn a_title_steers_no_terminal() {
        assert_eq!(harmless("\u{1b}[2Jgone\u{9b}31m"), "\u{fffd}[2Jgone\u{fffd}31m");
    }

    #[test]
    fn secret_parameters_are_known_by_their_type() {
        let text =
            "pipeline: shop\nparameters:\n  token: { type: secret }\n  name: { default: a }\n";
        assert_eq!(of(text).secrets, ["token"]);
    }

    #[test]
    fn what_cannot_be_read_is_looked_at_by_every_push() {
        for text in ["pipeline: [", "pipeline: shop\non: { push: 7 }\n"] {
            assert!(of(text).wants("topic", None), "{text}");
        }
    }
}

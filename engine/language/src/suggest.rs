//! "Did you mean": the nearest of a few names, and names put into a sentence.

use std::borrow::Cow;

/// More slips than this are another word, however long it is.
const MOST_SLIPS: usize = 4;
/// What is shown of a text that people wrote.
const MOST_SHOWN: usize = 40;
/// How many names are written out in a sentence.
const MOST_LISTED: usize = 24;

/// Returns the candidate that a person most likely meant, if one is near enough. Of equally near ones
/// the one whose length is nearer, then the first.
pub fn nearest<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let written = fold(written);
    let length = written.chars().count();
    let mut best: Option<(Distance, &str)> = None;
    let mut allowed = slips(length);
    for candidate in candidates {
        let Some(distance) = distance(&written, length, candidate, allowed) else { continue };
        if best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, candidate));
            if distance == (0, 0) {
                break;
            }
            allowed = allowed.min(distance.0);
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Slips of the hand, and by how much the lengths differ.
type Distance = (usize, usize);

/// How many slips of the hand a word of this length may have and still be the same word.
fn slips(length: usize) -> usize {
    match length {
        0 | 1 => 0,
        2..=5 => 1,
        _ => (length / 3).min(MOST_SLIPS),
    }
}

/// Returns how far apart they are, if that is at most `allowed`. A beginning is nearly the whole.
fn distance(written: &str, length: usize, candidate: &str, allowed: usize) -> Option<Distance> {
    let candidate = fold(candidate);
    let difference = candidate.chars().count().abs_diff(length);
    if length > 2 && candidate.starts_with(written) {
        return Some((usize::from(difference > 0), difference));
    }
    // Lengths first: they cost nothing, and most names fail here.
    if allowed == 0 && *written != *candidate || difference > allowed {
        return None;
    }
    let slips = strsim::osa_distance(written, &candidate);
    (slips <= allowed).then_some((slips, difference))
}

/// Case, `_` and `-` are slips of the hand, not different letters.
fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.to_lowercase().replace('_', "-"))
}

/// Returns `a`, `a or b`, `a, b or c`, each in backticks; of very many only the first.
pub fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names = names.into_iter();
    let quoted: Vec<String> = names.by_ref().take(MOST_LISTED).map(|n| format!("`{n}`")).collect();
    let more = names.count();
    match quoted.split_last() {
        None => String::new(),
        Some(_) if more > 0 => format!("{} and {more} more", quoted.join(", ")),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Returns what somebody wrote in backticks, on one line and not longer than a person reads.
pub fn quoted(text: &str) -> String {
    let mut shown = String::from("`");
    for (count, letter) in text.chars().enumerate() {
        match letter {
            _ if count == MOST_SHOWN => {
                shown.push('…');
                break;
            }
            _ if letter.is_control() => shown.extend(letter.escape_default()),
            _ => shown.push(letter),
        }
    }
    shown.push('`');
    shown
}

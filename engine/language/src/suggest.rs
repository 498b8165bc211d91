//! "Did you mean": the nearest of a few names.

/// Returns the candidate that a person most likely meant, if one is near enough.
pub fn nearest<'c>(
    written: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let allowed = (written.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(written, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case, `_` and `-` are slips of the hand, not different letters; a beginning is nearly the whole.
fn distance(written: &str, candidate: &str) -> usize {
    let fold = |text: &str| text.to_lowercase().replace('_', "-");
    let (written, candidate) = (fold(written), fold(candidate));
    if written.len() > 2 && candidate.starts_with(&written) {
        return 1;
    }
    strsim::damerau_levenshtein(&written, &candidate)
}

/// Returns `a`, `a or b`, `a, b or c`, each in backticks.
pub fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

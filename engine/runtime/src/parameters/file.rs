//! Parameters that name a file of the project.
//!
//! It must not read the file: whoever uses the path does.

use std::path::{Component, Path};

use model::file::stack::Parameter;

/// Returns why a path does not fit what is declared: it is to name a file of the project, with a size in
/// bytes between `min` and `max`.
pub(super) fn unfit(project: &Path, path: &str, parameter: &Parameter) -> Option<String> {
    let leaves = Path::new(path).components().any(|part| part == Component::ParentDir);
    if leaves || Path::new(path).is_absolute() {
        return Some("it lies outside of the project".to_owned());
    }
    let found = match std::fs::metadata(project.join(path)) {
        Err(error) => return Some(format!("it cannot be read: {error}")),
        Ok(found) if !found.is_file() => return Some("it is no file".to_owned()),
        Ok(found) => found,
    };
    let size = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let least = parameter.min.filter(|min| size < *min);
    let most = parameter.max.filter(|max| size > *max);
    match (least, most) {
        (Some(least), _) => Some(format!("it has {size} bytes, and the least is {least}")),
        (_, Some(most)) => Some(format!("it has {size} bytes, and the most is {most}")),
        (None, None) => None,
    }
}

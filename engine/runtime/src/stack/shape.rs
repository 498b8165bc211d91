//! What stands in a part of a file, without its looks: the bytes that its digest is made of, and the
//! references in it.
//!
//! It must not know what they mean.

use language::{Content, Node, Reference, Span, template};

/// Keys of the header that make more or fewer resources, or say how a change is made, but do not
/// change one.
const AROUND: [&str; 4] = ["count", "each", "timeout", "attempts"];

/// Writes what stands here, aliases followed, and notes the references in it.
pub(super) fn write(node: Node<'_>, out: &mut Vec<u8>, paths: &mut Vec<Reference>) {
    match node.content() {
        Content::Scalar(scalar) => {
            out.push(if scalar.is_null() { b'0' } else { b't' });
            out.extend((scalar.text.len() as u32).to_le_bytes());
            out.extend(scalar.text.as_bytes());
            if scalar.text.contains("${") {
                let pieces = template::pieces(scalar.text, node.written(), node.span());
                paths.extend(pieces.into_iter().filter_map(|piece| match piece {
                    Ok(template::Part::Reference(reference)) => Some(reference),
                    _ => None,
                }));
            }
        }
        Content::List(list) => {
            out.push(b'[');
            list.iter().for_each(|item| write(item, out, paths));
            out.push(b']');
        }
        Content::Map(entries) => {
            out.push(b'{');
            for (key, value) in entries.iter() {
                write(key, out, paths);
                write(value, out, paths);
            }
            out.push(b'}');
        }
    }
}

/// Writes the keys of a block as [`write`] does, without those that do not change a resource.
pub(super) fn write_block(node: Node<'_>, out: &mut Vec<u8>, paths: &mut Vec<Reference>) {
    let Content::Map(entries) = node.content() else { return };
    out.push(b'{');
    for (key, value) in entries.iter() {
        if key.scalar().is_none_or(|key| !AROUND.contains(&key.text)) {
            write(key, out, paths);
            write(value, out, paths);
        }
    }
    out.push(b'}');
}

/// Returns the span of the first value that holds this text.
pub fn place(node: Node<'_>, text: &str) -> Option<Span> {
    match node.content() {
        Content::Scalar(scalar) => scalar.text.contains(text).then(|| node.span()),
        Content::List(list) => list.iter().find_map(|item| place(item, text)),
        Content::Map(entries) => entries.iter().find_map(|(_, value)| place(value, text)),
    }
}

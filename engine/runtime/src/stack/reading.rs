//! Which stacks read the outputs of which others, as their files say it.
//!
//! It must not know what those outputs are.

use language::{Code, Content, Diagnostic, Diagnostics, Node, Span, template};
use model::graph::Graph;

/// Returns the names of the stacks whose outputs a file reads, and where, in the order of the file.
pub fn stacks_read(root: Node<'_>) -> Vec<(String, Span)> {
    let mut found = Vec::new();
    collect(root, &mut found);
    found
}

fn collect(node: Node<'_>, found: &mut Vec<(String, Span)>) {
    match node.content() {
        Content::Scalar(scalar) => {
            let Some(Ok(parts)) = template::split(scalar.text, node.written(), node.span()) else {
                return;
            };
            for part in parts {
                if let template::Part::Reference(reference) = part
                    && let Some(rest) = reference.path.strip_prefix("stack.")
                {
                    let name = rest.split('.').next().unwrap_or(rest);
                    found.push((name.to_owned(), reference.span));
                }
            }
        }
        Content::List(list) => list.iter().for_each(|item| collect(item, found)),
        Content::Map(entries) => entries.iter().for_each(|(_, value)| collect(value, found)),
    }
}

/// Notes stacks that read each other: none of them could ever be the first. `stacks` are the roots of
/// all stack files.
pub fn check_circle(stacks: &[Node<'_>], diagnostics: &mut Diagnostics) {
    let named = stacks.iter().map(|root| Some(root.get("stack")?.scalar()?.text));
    let names: Vec<Option<&str>> = named.collect();
    let reads = |root: &Node<'_>| {
        let at = |(read, span): (String, Span)| {
            names.iter().position(|name| *name == Some(read.as_str())).map(|at| (at, span))
        };
        stacks_read(*root).into_iter().filter_map(at).collect::<Vec<_>>()
    };
    let reads: Vec<Vec<(usize, Span)>> = stacks.iter().map(reads).collect();
    let edges: Vec<Vec<usize>> = reads
        .iter()
        .enumerate()
        .map(|(own, reads)| reads.iter().map(|(at, _)| *at).filter(|at| *at != own).collect())
        .collect();
    let Err(circle) = Graph::new(edges.iter().map(Vec::as_slice)).order() else { return };
    let mut edges = circle.iter().zip(circle.iter().cycle().skip(1)).filter_map(|(&own, &next)| {
        let (_, span) = reads[own].iter().find(|(at, _)| *at == next)?;
        Some((*span, format!("`{}` reads `{}`", names[own]?, names[next]?)))
    });
    if let Some((place, text)) = edges.next() {
        let message = "these stacks read each other, so none can be applied first";
        let error = Diagnostic::new(Code::Cycle, place, message).label(text);
        let error = edges.fold(error, |error, (place, text)| error.also(place, text));
        diagnostics.push(error.help("put what both need into a third stack that both read"));
    }
}

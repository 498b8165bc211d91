//! A graph as a picture: boxes with names and kinds, and curves between them.
//!
//! It stands alone (no fonts, scripts or files from elsewhere) and suits light and dark pages. It must
//! not choose where things stand.

use std::fmt::Write;

use super::layout::{Edge, Layout, Problem, layout};
use super::{Graph, Node};
use crate::render::measure::{clean, counted, cut_middle, width};
use crate::render::style::Style;

/// The height of a box.
const BOX: f64 = 46.0;
/// Around the picture, and above it for the title.
const MARGIN: f64 = 24.0;
const TITLE: f64 = 34.0;
/// Between layers, for the curves.
const BETWEEN: f64 = 64.0;
/// The width of a character of a name and of a kind, at most.
const NAME: f64 = 8.2;
const KIND: f64 = 6.8;
/// Longer names are cut in the middle.
const LONGEST: usize = 30;
/// How far the boxes behind a repeated one stand out.
const BEHIND: f64 = 4.0;

/// One colour for each provider, in the order of their names; alike in light and dark.
const COLOURS: [&str; 8] =
    ["#3b82c4", "#2f9e6e", "#c2702c", "#8b5fc7", "#c04f73", "#2a9aa5", "#8a8f2a", "#7c7f8a"];

const LOOK: &str = "\
text { font-family: ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
.title { font-size: 15px; font-weight: 600; fill: #1f2328; }
.about { font-size: 12px; font-weight: 400; fill: #656d76; }
.name { font-size: 13px; font-weight: 600; fill: #1f2328; }
.kind { font-size: 11px; fill: #656d76; }
.box { fill: #ffffff; stroke: #c8cdd3; }
.edge { fill: none; stroke: #8b949e; stroke-width: 1.3; }
.head { fill: #8b949e; }
.ground { fill: #f6f8fa; }
@media (prefers-color-scheme: dark) {
.title, .name { fill: #e6edf3; }
.about, .kind { fill: #9aa4af; }
.box { fill: #1c2128; stroke: #444c56; }
.edge { stroke: #768390; }
.head { fill: #768390; }
.ground { fill: #0d1117; }
}
";

/// Returns a graph as SVG.
pub(super) fn draw(graph: &Graph) -> String {
    let needs = graph.direct();
    let heights = vec![BOX; graph.nodes.len()];
    let layout = layout(&Problem { heights: &heights, needs: &needs });
    let columns = Columns::of(graph, &layout);
    let size = (columns.end + MARGIN, layout.height + TITLE + 2.0 * MARGIN);
    let mut out = head(graph, size);
    for edge in &layout.edges {
        curve(edge, &layout, &columns, &mut out);
    }
    let providers = providers(graph);
    for (id, node) in graph.nodes.iter().enumerate() {
        let (layer, middle) = layout.places[id];
        let corner = (columns.starts[layer], middle - BOX / 2.0 + TITLE + MARGIN);
        let colour = colour(node, &providers);
        boxed(node, graph, corner, columns.widths[layer], colour, &mut out);
    }
    out.push_str("</svg>\n");
    out
}

/// Where layers begin, and how wide their boxes are.
struct Columns {
    starts: Vec<f64>,
    widths: Vec<f64>,
    end: f64,
}

impl Columns {
    fn of(graph: &Graph, layout: &Layout) -> Self {
        let mut widths = vec![90.0_f64; layout.layers];
        for (node, (layer, _)) in graph.nodes.iter().zip(&layout.places) {
            let name = width(&label(node)) as f64 * NAME;
            let kind = width(&shortened(&node.kind)) as f64 * KIND;
            widths[*layer] = widths[*layer].max(name.max(kind) + 30.0);
        }
        let mut end = MARGIN;
        let mut starts = Vec::with_capacity(widths.len());
        for width in &widths {
            starts.push(end);
            end += width + BETWEEN;
        }
        let end = if widths.is_empty() { end } else { end - BETWEEN };
        Self { starts, widths, end: end.max(300.0) }
    }
}

fn head(graph: &Graph, (width, height): (f64, f64)) -> String {
    let mut out = String::new();
    _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{}">"#,
        escaped(&format!("What needs what in {}", graph.title))
    );
    _ = writeln!(out, "<style>\n{LOOK}</style>");
    out.push_str(
        "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path class=\"head\" d=\"M0 0.8 L7.5 4 L0 7.2 z\"/></marker></defs>\n",
    );
    out.push_str("<rect class=\"ground\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n");
    let resources: usize = graph.nodes.iter().map(|node| node.count).sum();
    _ = writeln!(
        out,
        r#"<text class="title" x="{MARGIN}" y="32">{}<tspan class="about" dx="10">{}, each right of what it waits for</tspan></text>"#,
        escaped(&graph.title),
        counted(resources, "resource"),
    );
    out
}

fn curve(edge: &Edge, layout: &Layout, columns: &Columns, out: &mut String) {
    let down = TITLE + MARGIN;
    let (from_layer, from) = layout.places[edge.from];
    let (to_layer, to) = layout.places[edge.to];
    let mut at = (columns.starts[from_layer] + columns.widths[from_layer], from + down);
    let mut path = format!("M{:.1} {:.1}", at.0, at.1);
    for (layer, middle) in &edge.through {
        let (start, y) = (columns.starts[*layer], middle + down);
        bend(&mut path, at, (start, y));
        at = (start + columns.widths[*layer], y);
        _ = write!(path, " L{:.1} {:.1}", at.0, at.1);
    }
    bend(&mut path, at, (columns.starts[to_layer] - 1.0, to + down));
    _ = writeln!(out, r#"<path class="edge" marker-end="url(#head)" d="{path}"/>"#);
}

/// From one point to another, leaving and arriving level.
fn bend(path: &mut String, from: (f64, f64), to: (f64, f64)) {
    let middle = f64::midpoint(from.0, to.0);
    let ((_, y), (end, level)) = (from, to);
    _ = write!(path, " C{middle:.1} {y:.1} {middle:.1} {level:.1} {end:.1} {level:.1}");
}

fn boxed(
    node: &Node,
    graph: &Graph,
    (x, y): (f64, f64),
    width: f64,
    colour: &str,
    out: &mut String,
) {
    out.push_str("<g>");
    let needs: Vec<&str> = node.needs.iter().map(|&need| graph.nodes[need].name.as_str()).collect();
    let told = match needs.is_empty() {
        true => format!("{} ({})", node.name, node.kind),
        false => format!("{} ({}) needs {}", node.name, node.kind, needs.join(", ")),
    };
    _ = write!(out, "<title>{}</title>", escaped(&told));
    let behind = if node.count == 1 { 0 } else { 2 };
    for step in (0..=behind).rev() {
        let off = f64::from(step) * BEHIND;
        _ = write!(
            out,
            r#"<rect class="box" x="{:.1}" y="{:.1}" width="{width:.1}" height="{BOX}" rx="6"/>"#,
            x + off,
            y + off
        );
    }
    let (bar, end) = (x + 0.5, y + BOX - 6.0);
    _ = write!(
        out,
        r#"<path d="M{bar:.1} {:.1} V{end:.1}" stroke="{colour}" stroke-width="4" stroke-linecap="round"/>"#,
        y + 6.0
    );
    _ = write!(
        out,
        r#"<text class="name" x="{0:.1}" y="{1:.1}">{2}</text><text class="kind" x="{0:.1}" y="{3:.1}">{4}</text>"#,
        x + 14.0,
        y + 20.0,
        escaped(&label(node)),
        y + 36.0,
        escaped(&shortened(&node.kind))
    );
    out.push_str("</g>\n");
}

fn label(node: &Node) -> String {
    match node.count {
        1 => shortened(&node.name),
        count => format!("{} ×{count}", shortened(&node.name)),
    }
}

fn shortened(text: &str) -> String {
    cut_middle(&clean(text), LONGEST, Style::plain(LONGEST)).into_owned()
}

fn providers(graph: &Graph) -> Vec<&str> {
    let mut names: Vec<&str> = graph.nodes.iter().map(provider).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn provider(node: &Node) -> &str {
    node.kind.split('.').next().unwrap_or_default()
}

fn colour(node: &Node, providers: &[&str]) -> &'static str {
    let at = providers.binary_search(&provider(node)).unwrap_or_default();
    COLOURS[at % COLOURS.len()]
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

//! Where nodes stand: in layers from left to right, with few crossings, near to what they belong to.
//!
//! It measures in units of its own and knows no colours. The steps are those of Sugiyama: layers of
//! bounded height, points for edges that pass layers, order by the mean of the neighbours, and places
//! that come nearest to the neighbours without touching.

/// Between the boxes of one layer.
const GAP: f64 = 18.0;
/// An edge that passes a layer takes this much of it.
const THREAD: f64 = 10.0;
/// Times that layers are put in order and in place.
const ROUNDS: usize = 12;

/// What is laid out.
pub(super) struct Problem<'p> {
    /// By node: the height of its box.
    pub(super) heights: &'p [f64],
    /// By node: what it needs; only earlier ones.
    pub(super) needs: &'p [Vec<usize>],
}

/// Where everything stands.
pub(super) struct Layout {
    /// By node: its layer, and the middle of its box.
    pub(super) places: Vec<(usize, f64)>,
    /// By edge: what is needed, what needs it, and the layers and heights that it passes between.
    pub(super) edges: Vec<Edge>,
    pub(super) layers: usize,
    pub(super) height: f64,
}

/// An edge and where it passes the layers between its ends.
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) through: Vec<(usize, f64)>,
}

/// A node, or a point of an edge.
struct Point {
    layer: usize,
    height: f64,
    middle: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Returns where everything stands.
pub(super) fn layout(problem: &Problem<'_>) -> Layout {
    let layer_of = layers(problem);
    let (mut points, edges) = points(problem, &layer_of);
    let count = points.iter().map(|point| point.layer + 1).max().unwrap_or(0);
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (id, point) in points.iter().enumerate() {
        layers[point.layer].push(id);
    }
    order(&mut layers, &points);
    place(&layers, &mut points);
    let top = points.iter().map(|point| point.middle - point.height / 2.0).fold(f64::MAX, f64::min);
    points.iter_mut().for_each(|point| point.middle -= top);
    let height = points.iter().map(|point| point.middle + point.height / 2.0).fold(0.0, f64::max);
    let nodes = problem.heights.len();
    let places = points.iter().take(nodes).map(|point| (point.layer, point.middle)).collect();
    let edge = |(from, to, through): (usize, usize, Vec<usize>)| {
        let through = through.into_iter().map(|id| (points[id].layer, points[id].middle));
        Edge { from, to, through: through.collect() }
    };
    Layout { places, edges: edges.into_iter().map(edge).collect(), layers: count, height }
}

/// Each node right of what it needs, layers of bounded height, and no node farther left than it has to be.
fn layers(problem: &Problem<'_>) -> Vec<usize> {
    let nodes = problem.heights.len();
    let most = (nodes.isqrt() * 3).div_ceil(2).clamp(6, 24);
    let mut filled: Vec<usize> = Vec::new();
    let mut layer_of = vec![0; nodes];
    for id in 0..nodes {
        let mut layer = problem.needs[id].iter().map(|&need| layer_of[need] + 1).max().unwrap_or(0);
        while filled.get(layer).is_some_and(|count| *count >= most) {
            layer += 1;
        }
        if filled.len() <= layer {
            filled.resize(layer + 1, 0);
        }
        filled[layer] += 1;
        layer_of[id] = layer;
    }
    // What only one thing uses stands beside it.
    let mut first_use = vec![usize::MAX; nodes];
    for id in (0..nodes).rev() {
        let next = first_use[id];
        if next != usize::MAX && next > layer_of[id] + 1 && problem.needs[id].is_empty() {
            let nearer = (layer_of[id] + 1..next).rev().find(|layer| filled[*layer] < most);
            if let Some(layer) = nearer {
                filled[layer_of[id]] -= 1;
                filled[layer] += 1;
                layer_of[id] = layer;
            }
        }
        for &need in &problem.needs[id] {
            first_use[need] = first_use[need].min(layer_of[id]);
        }
    }
    layer_of
}

type Chains = Vec<(usize, usize, Vec<usize>)>;

/// Nodes, and a point for each layer that an edge passes.
fn points(problem: &Problem<'_>, layer_of: &[usize]) -> (Vec<Point>, Chains) {
    let point =
        |layer, height| Point { layer, height, middle: 0.0, before: Vec::new(), after: Vec::new() };
    let heights = problem.heights.iter().zip(layer_of);
    let mut points: Vec<Point> = heights.map(|(height, layer)| point(*layer, *height)).collect();
    let mut chains = Vec::new();
    for (to, needs) in problem.needs.iter().enumerate() {
        for &from in needs {
            let mut through = Vec::new();
            let mut last = from;
            for layer in layer_of[from] + 1..layer_of[to] {
                points.push(point(layer, THREAD));
                let id = points.len() - 1;
                points[last].after.push(id);
                points[id].before.push(last);
                through.push(id);
                last = id;
            }
            points[last].after.push(to);
            points[to].before.push(last);
            chains.push((from, to, through));
        }
    }
    (points, chains)
}

/// Puts each layer in the order of the mean of its neighbours, from both sides in turn, and keeps the
/// order with the fewest crossings.
fn order(layers: &mut Vec<Vec<usize>>, points: &[Point]) {
    let mut ranks = ranks(layers, points.len());
    let mut best = (crossings(layers, points, &ranks), layers.clone());
    for round in 0..ROUNDS {
        let forward = round % 2 == 0;
        let turns: Vec<usize> = match forward {
            true => (1..layers.len()).collect(),
            false => (0..layers.len().saturating_sub(1)).rev().collect(),
        };
        for at in turns {
            let mean = |id: usize| {
                let near = if forward { &points[id].before } else { &points[id].after };
                match near.len() {
                    0 => ranks[id] as f64,
                    count => near.iter().map(|id| ranks[*id] as f64).sum::<f64>() / count as f64,
                }
            };
            let mut keyed: Vec<(f64, usize)> =
                layers[at].iter().map(|&id| (mean(id), id)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            layers[at] = keyed.into_iter().map(|(_, id)| id).collect();
            layers[at].iter().enumerate().for_each(|(rank, id)| ranks[*id] = rank);
        }
        let crossed = crossings(layers, points, &ranks);
        if crossed < best.0 {
            best = (crossed, layers.clone());
        }
    }
    *layers = best.1;
}

fn ranks(layers: &[Vec<usize>], count: usize) -> Vec<usize> {
    let mut ranks = vec![0; count];
    for layer in layers {
        layer.iter().enumerate().for_each(|(rank, id)| ranks[*id] = rank);
    }
    ranks
}

fn crossings(layers: &[Vec<usize>], points: &[Point], ranks: &[usize]) -> usize {
    let mut count = 0;
    for layer in layers {
        let mut seen: Vec<usize> = Vec::new();
        for id in layer {
            let ends: Vec<usize> = points[*id].after.iter().map(|end| ranks[*end]).collect();
            count += ends
                .iter()
                .map(|end| seen.iter().filter(|other| *other > end).count())
                .sum::<usize>();
            seen.extend(ends);
        }
    }
    count
}

/// Moves everything as near to the mean of its neighbours as the order lets it.
fn place(layers: &[Vec<usize>], points: &mut [Point]) {
    for layer in layers {
        stack(layer, points, &vec![0.0; layer.len()]);
    }
    for round in 0..ROUNDS {
        let forward = round % 2 == 0;
        let turns: Vec<usize> =
            if forward { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for at in turns {
            let wanted: Vec<f64> = layers[at]
                .iter()
                .map(|&id| {
                    let point = &points[id];
                    let near = if forward { &point.before } else { &point.after };
                    let near = if near.is_empty() { &point.after } else { near };
                    match near.len() {
                        0 => point.middle,
                        count => {
                            near.iter().map(|id| points[*id].middle).sum::<f64>() / count as f64
                        }
                    }
                })
                .collect();
            stack(&layers[at], points, &wanted);
        }
    }
}

/// Places one layer so that the squares of the distances from where each wants to be are least, in
/// this order and without touching: neighbours that would touch are moved as one.
fn stack(layer: &[usize], points: &mut [Point], wanted: &[f64]) {
    // Offsets of each from the first if all stood close together.
    let mut offsets = Vec::with_capacity(layer.len());
    let mut offset = 0.0;
    for (at, &id) in layer.iter().enumerate() {
        if at > 0 {
            let before = points[layer[at - 1]].height;
            offset += f64::midpoint(before, points[id].height) + GAP;
        }
        offsets.push(offset);
    }
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (want, offset) in wanted.iter().zip(&offsets) {
        blocks.push((want - offset, 1));
        while let [.., (above, many), (below, few)] = blocks[..]
            && above > below
        {
            blocks.truncate(blocks.len() - 2);
            let all = many + few;
            blocks.push(((above * many as f64 + below * few as f64) / all as f64, all));
        }
    }
    let starts = blocks.iter().flat_map(|(start, count)| std::iter::repeat_n(*start, *count));
    for ((start, offset), &id) in starts.zip(&offsets).zip(layer) {
        points[id].middle = start + offset;
    }
}

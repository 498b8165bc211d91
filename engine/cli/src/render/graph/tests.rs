//! Graphs as they are drawn.

use std::time::{Duration, Instant};

use super::layout::{Problem, layout};
use super::{Graph, Node};

fn node(name: &str, kind: &str, count: usize, needs: &[usize]) -> Node {
    Node { name: name.to_owned(), kind: kind.to_owned(), count, needs: needs.to_vec() }
}

fn shop() -> Graph {
    let nodes = vec![
        node("folder", "file.directory", 1, &[]),
        node("key", "random.password", 1, &[]),
        node("config", "file.template", 1, &[0]),
        node("web", "process.service", 3, &[0, 1, 2]),
        node("www", "dns.record", 1, &[3]),
    ];
    Graph { title: "shop".to_owned(), nodes }
}

/// Layers of nodes that each need some of the layer before.
pub(super) fn wide(layers: usize, each: usize) -> Graph {
    let needs = |id: usize| -> Vec<usize> {
        match id / each {
            0 => Vec::new(),
            layer => {
                let before = (layer - 1) * each;
                vec![before + id * 7 % each, before + id * 3 % each]
            }
        }
    };
    let kinds = ["file.text", "dns.record", "process.service", "cert.certificate"];
    let one = |id: usize| node(&format!("item_{id}"), kinds[id % 4], 1, &needs(id));
    Graph { title: "wide".to_owned(), nodes: (0..layers * each).map(one).collect() }
}

#[test]
fn dot_has_every_arrow() {
    insta::assert_snapshot!(shop().dot(), @r#"
    digraph "shop" {
      rankdir = LR;
      node [shape = box, style = rounded];
      "folder" [label = "folder\nfile.directory"];
      "key" [label = "key\nrandom.password"];
      "config" [label = "config\nfile.template"];
      "web" [label = "web ×3\nprocess.service"];
      "www" [label = "www\ndns.record"];
      "folder" -> "config";
      "folder" -> "web";
      "key" -> "web";
      "config" -> "web";
      "web" -> "www";
    }
    "#);
}

#[test]
fn arrows_that_follow_from_others_are_left_out_of_the_picture() {
    assert_eq!(shop().direct(), [vec![], vec![], vec![0], vec![1, 2], vec![3]]);
}

#[test]
fn what_people_wrote_cannot_break_out_of_the_picture() {
    let nodes = vec![node("a<script>\"&", "data.value", 1, &[])];
    let svg = Graph { title: "<x>".to_owned(), nodes }.svg();
    assert!(svg.contains("a&lt;script&gt;&quot;&amp;") && !svg.contains("<script"));
}

#[test]
fn every_node_and_arrow_is_drawn_once() {
    let svg = shop().svg();
    assert_eq!(svg.matches("class=\"name\"").count(), 5);
    assert_eq!(svg.matches("class=\"edge\"").count(), 4);
    assert!(svg.contains("web ×3"));
    assert!(Graph { title: "none".to_owned(), nodes: Vec::new() }.svg().ends_with("</svg>\n"));
}

#[test]
fn no_boxes_touch_and_everything_stands_right_of_what_it_needs() {
    for (layers, each) in [(1, 40), (4, 5), (10, 20), (20, 10)] {
        let graph = wide(layers, each);
        let needs = graph.direct();
        let heights = vec![46.0; graph.nodes.len()];
        let layout = layout(&Problem { heights: &heights, needs: &needs });
        for (id, (layer, middle)) in layout.places.iter().enumerate() {
            assert!(needs[id].iter().all(|need| layout.places[*need].0 < *layer));
            for (other, (_, near)) in layout.places.iter().enumerate().skip(id + 1) {
                let same = layout.places[other].0 == *layer;
                assert!(!same || (near - middle).abs() >= 46.0, "{id} and {other}");
            }
        }
    }
}

#[test]
fn a_thousand_nodes_are_drawn_at_once() {
    let begun = Instant::now();
    assert!(wide(20, 50).svg().len() > 100_000);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

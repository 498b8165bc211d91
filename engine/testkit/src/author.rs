//! Random stacks of toys and edits of them, as a busy team would make: blocks come, go, change, get
//! other names, and now and then the dependencies turn round.
//!
//! Every text is one that a stack may have; it must not hold anything that is refused.

use std::fmt::Write;

use fastrand::Rng;

use crate::world::World;

/// Someone who edits one stack.
pub struct Author {
    /// What chance brings.
    pub rng: Rng,
    blocks: Vec<Block>,
    /// Names that were changed by the last edit.
    moved: Vec<(String, String)>,
    /// Blocks that were ever thought of.
    invented: usize,
    with_outputs: bool,
    /// How long one attempt at anything may take.
    pub timeout: Option<&'static str>,
}

#[derive(Clone)]
struct Block {
    name: String,
    /// Where it stands, if it is a file: its own, whatever it is called.
    home: String,
    kind: &'static str,
    repeat: Repeat,
    /// Keys and values as they are written.
    keys: Vec<(&'static str, String)>,
    uses: Vec<String>,
    /// Its value holds a secret and cannot be read by what is shown.
    secret: bool,
}

#[derive(Clone, PartialEq)]
enum Repeat {
    One,
    Count(u32),
    Each(Vec<&'static str>),
}

const KINDS: [&str; 7] =
    ["toy.value", "toy.value", "toy.cert", "toy.cert", "toy.file", "toy.file", "toy.login"];
const PLACES: [&str; 3] = ["eu", "us", "asia"];

impl Author {
    /// Returns an author who always writes the same.
    pub fn new(seed: u64) -> Self {
        let (rng, blocks, moved) = (Rng::with_seed(seed), Vec::new(), Vec::new());
        Self { rng, blocks, moved, invented: 0, with_outputs: false, timeout: None }
    }

    /// Some blocks stay, some change, go or come.
    pub fn edit(&mut self) {
        self.moved.clear();
        self.with_outputs = self.rng.bool();
        let most = self.rng.usize(1..9);
        let old = std::mem::take(&mut self.blocks);
        let mut names: Vec<String> = old.iter().map(|block| block.name.clone()).collect();
        names.extend((0..most.saturating_sub(old.len() / 2)).map(|_| {
            self.invented += 1;
            format!("r{}", self.invented)
        }));
        if self.chance(4) {
            self.rng.shuffle(&mut names);
        }
        for name in names {
            let old = old.iter().find(|block| block.name == name);
            match (old, self.rng.u32(..10)) {
                (_, 0) => {}
                (Some(old), 1..7) if self.holds(old) => self.blocks.push(old.clone()),
                (old, _) => {
                    let block = self.invent(&name, old);
                    self.blocks.push(block);
                }
            }
        }
        if self.chance(4) {
            self.rename();
        }
        if self.chance(4) {
            self.change_places();
        }
    }

    /// Returns the stack, in any order.
    pub fn text(&mut self) -> String {
        let mut text = "stack: shop\n".to_owned();
        if !self.moved.is_empty() {
            text.push_str("moved:\n");
            for (from, to) in &self.moved {
                _ = writeln!(text, "  - {{ from: \"{from}\", to: \"{to}\" }}");
            }
        }
        text.push_str(if self.blocks.is_empty() { "resources: {}\n" } else { "resources:\n" });
        let mut blocks = self.blocks.clone();
        self.rng.shuffle(&mut blocks);
        for block in &blocks {
            _ = write!(text, "  {}:\n    kind: {}\n", block.name, block.kind);
            if let Some(timeout) = self.timeout {
                _ = writeln!(text, "    timeout: {timeout}");
            }
            for (key, value) in &block.keys {
                _ = writeln!(text, "    {key}: {value}");
            }
            match &block.repeat {
                Repeat::One => {}
                Repeat::Count(count) => _ = writeln!(text, "    count: {count}"),
                Repeat::Each(each) => _ = writeln!(text, "    each: [{}]", each.join(", ")),
            }
        }
        if self.with_outputs && !self.blocks.is_empty() {
            text.push_str("outputs:\n");
            for at in 0..self.rng.usize(1..3) {
                let mut uses = Vec::new();
                _ = writeln!(text, "  o{at}: {}", self.word(&mut uses));
            }
        }
        text
    }

    /// Now and then something happens to the world behind everybody's back.
    pub fn drift(&mut self, world: &World) {
        let objects: Vec<(String, String)> =
            (world.objects().into_keys()).filter(|(kind, _)| kind != "toy.value").collect();
        if objects.is_empty() || !self.chance(3) {
            return;
        }
        let (kind, id) = &objects[self.rng.usize(..objects.len())];
        let keys: &[&str] = match kind.as_str() {
            "toy.cert" => &["names", "note", "fingerprint"],
            // Its hash follows its content and cannot be another by itself.
            "toy.file" => &["content", "mode", "mode"],
            "toy.login" => &["user"],
            _ => &["device"],
        };
        match self.chance(3) {
            true => world.lose(kind, id),
            false => {
                let key = keys[self.rng.usize(..keys.len())];
                world.disturb(kind, id, key, ["odd0", "odd1"][self.rng.usize(..2)]);
            }
        }
    }

    /// Returns the names of all blocks.
    pub fn names(&self) -> Vec<String> {
        self.blocks.iter().map(|block| block.name.clone()).collect()
    }

    /// Returns whether one of so many times has come.
    pub fn chance(&mut self, of: u32) -> bool {
        self.rng.u32(..of) == 0
    }

    /// Gives a block another name: with a word about it, or without where it is known by its place.
    fn rename(&mut self) {
        if self.blocks.is_empty() {
            return;
        }
        let at = self.rng.usize(..self.blocks.len());
        let block = &self.blocks[at];
        let stands_still = block.kind == "toy.file" && !block.path().contains("${r");
        let quiet = stands_still && self.chance(2);
        let from = self.blocks[at].name.clone();
        self.invented += 1;
        let to = format!("r{}", self.invented);
        if !quiet {
            let block = &self.blocks[at];
            self.moved = (block.repeat.instances().iter())
                .map(|instance| (format!("{from}{instance}"), format!("{to}{instance}")))
                .collect();
        }
        self.blocks[at].name.clone_from(&to);
        let renamed = |text: &str| {
            text.replace(&format!("{from}."), &format!("{to}."))
                .replace(&format!("{from}["), &format!("{to}["))
        };
        for block in &mut self.blocks {
            for (key, value) in &mut block.keys {
                // Where it stands is no reference.
                if *key != "path" || value.contains("${r") {
                    *value = renamed(value);
                }
            }
            block.uses.iter_mut().for_each(|used| *used = renamed(used));
        }
    }

    /// Two files change places, or one takes the other's, which goes elsewhere.
    fn change_places(&mut self) {
        let stands_still = |block: &&mut Block| {
            block.kind == "toy.file" && block.repeat == Repeat::One && !block.path().contains("${")
        };
        let mut files: Vec<&mut Block> = self.blocks.iter_mut().filter(stands_still).collect();
        let [first, .., last] = &mut files[..] else { return };
        std::mem::swap(&mut first.home, &mut last.home);
        let (one, two) = (first.path().to_owned(), last.path().to_owned());
        first.keys[0].1 = two;
        last.keys[0].1 = one;
        if self.rng.bool() {
            last.keys[0].1 = format!("\"{}/elsewhere\"", last.home);
        }
    }

    fn holds(&self, block: &Block) -> bool {
        block.uses.iter().all(|used| self.means_something(used))
    }

    /// Whether a reference still stands for something of the same form: `*` marks lists of all.
    fn means_something(&self, used: &str) -> bool {
        let (listed, path) = match used.strip_prefix('*') {
            Some(path) => (true, path),
            None => (false, used),
        };
        let Some((head, name)) = path.rsplit_once('.') else { return false };
        let (name_of, instance) = match head.split_once('[') {
            Some((name, instance)) => (name, format!("[{instance}")),
            None => (head, String::new()),
        };
        let Some(block) = self.blocks.iter().find(|one| one.name == name_of) else { return false };
        let fits = match listed {
            true => block.repeat != Repeat::One,
            false => block.repeat.instances().contains(&instance),
        };
        fits && block.readable().contains(&name)
    }

    fn invent(&mut self, name: &str, old: Option<&Block>) -> Block {
        let kind = match old {
            Some(old) if !self.chance(12) => old.kind,
            _ => KINDS[self.rng.usize(..KINDS.len())],
        };
        let repeat = match self.rng.u32(..10) {
            0 => Repeat::Count(self.rng.u32(1..4)),
            1 => Repeat::Each(PLACES[..self.rng.usize(1..=PLACES.len())].to_vec()),
            2 if self.chance(4) => Repeat::Count(self.rng.u32(9..12)),
            _ => Repeat::One,
        };
        let home = old.map_or_else(|| format!("/{name}"), |old| old.home.clone());
        let mut uses = Vec::new();
        let (mut keys, mut secret) = (Vec::new(), false);
        match kind {
            "toy.value" => {
                secret = self.chance(3);
                let with = if secret { " ${secret.token}" } else { "" };
                keys.push(("input", format!("\"{}{with}\"", self.bare(&mut uses))));
                if self.chance(2) {
                    keys.push(("replace_when", self.word(&mut uses)));
                }
            }
            "toy.cert" => {
                let names = match self.list(&mut uses) {
                    Some(list) => list,
                    None => format!("[{}, {}]", self.word(&mut uses), self.word(&mut uses)),
                };
                keys.push(("names", names));
                if self.chance(2) {
                    keys.push(("note", self.word(&mut uses)));
                }
            }
            "toy.login" => {
                keys.push(("user", self.word(&mut uses)));
                keys.push(("password", "\"x${secret.token}\"".to_owned()));
            }
            _ => {
                let instance = match repeat {
                    Repeat::One => "",
                    Repeat::Count(_) => "-${index}",
                    Repeat::Each(_) => "-${each}",
                };
                let path = format!("\"{home}{instance}/{}\"", self.bare(&mut uses));
                keys.push(("path", path));
                keys.push(("content", self.word(&mut uses)));
            }
        }
        Block { name: name.to_owned(), home, kind, repeat, keys, uses, secret }
    }

    fn word(&mut self, uses: &mut Vec<String>) -> String {
        format!("\"{}\"", self.bare(uses))
    }

    /// A literal, or a reference to something earlier. Few literals, so that values often stay the
    /// same.
    fn bare(&mut self, uses: &mut Vec<String>) -> String {
        if self.blocks.is_empty() || self.chance(3) {
            return ["one", "two"][self.rng.usize(..2)].to_owned();
        }
        let block = &self.blocks[self.rng.usize(..self.blocks.len())];
        let names = block.readable();
        let name = names[self.rng.usize(..names.len())];
        let instances = block.repeat.instances();
        let instance = &instances[self.rng.usize(..instances.len())];
        let path = format!("{}{instance}.{name}", block.name);
        uses.push(path.clone());
        format!("{}${{{path}}}", ["", "v-"][self.rng.usize(..2)])
    }

    /// A reference to something of all of many, which is a list.
    fn list(&mut self, uses: &mut Vec<String>) -> Option<String> {
        let many = |block: &&Block| block.repeat != Repeat::One && block.kind == "toy.cert";
        let block = self.blocks.iter().find(many)?;
        let path = format!("{}.fingerprint", block.name);
        uses.push(format!("*{path}"));
        Some(format!("\"${{{path}}}\""))
    }
}

impl Block {
    /// The first key of a file.
    fn path(&self) -> &str {
        &self.keys[0].1
    }

    fn readable(&self) -> &'static [&'static str] {
        match self.kind {
            "toy.value" if self.secret => &["serial"],
            "toy.value" => &["output", "serial"],
            "toy.cert" => &["fingerprint", "note"],
            "toy.login" => &["user"],
            _ => &["hash", "content", "mode", "path"],
        }
    }
}

impl Repeat {
    /// What stands behind the name of each.
    fn instances(&self) -> Vec<String> {
        match self {
            Self::One => vec![String::new()],
            Self::Count(count) => (0..*count).map(|at| format!("[{at}]")).collect(),
            Self::Each(each) => each.iter().map(|one| format!("[{one}]")).collect(),
        }
    }
}

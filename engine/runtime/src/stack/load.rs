//! From a document to a [`Stack`]: names, references, order. Every error is noted on the way.
//!
//! It must not read the world; files of the project are handed in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use language::decoder::read_with;
use language::scope::Unresolved;
use language::{
    AnyValue, Code, Content, Diagnostic, Diagnostics, Document, Found, Node, Record, Reference,
    Scope, Span, suggest,
};
use model::file::ProjectFile;
use model::file::stack::{Each, Header, StackHead};
use model::graph::Graph;
use model::registry::Registry;
use model::{Digest, Tree};

use super::renamed::Names;
use super::shape::{place, write, write_block};
use super::{Block, FileKey, Outputs, Read, Reads, Resource, Stack, Standing, Target};
use crate::parameters::{Outside, Parameters, no_reference, unfit_name};

/// What a stack is loaded with.
pub struct Around<'a> {
    /// THE list.
    pub kinds: &'a Registry,
    /// Values from outside.
    pub outside: Outside<'a>,
    /// Another name for the stack.
    pub name: Option<&'a str>,
    /// The text of a file of the project, or why it cannot be read.
    pub file: &'a dyn Fn(&str) -> Result<Arc<str>, String>,
    /// The outputs of another stack; None: it was never applied.
    pub other: &'a dyn Fn(&str) -> Option<Tree>,
}

/// Loads what stands in the file; None if it cannot be planned with. With errors, every block is
/// checked to its leaves, so that all of them come at once.
pub fn load<'d>(
    document: &'d Document,
    around: &Around<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Stack<'d>> {
    let mut loader = Loader::new(document, around, diagnostics);
    let head = loader.head();
    let mut blocks = loader.blocks(document.root().get("resources"));
    for at in 0..blocks.len() {
        loader.settle(&mut blocks, at);
    }
    loader.settle_strays(&blocks);
    let outputs = loader.outputs(&blocks);
    let order = loader.order(&blocks);
    if let Some(head) =
        head.as_ref().filter(|head| !head.moved.is_empty() || !head.removed.is_empty())
    {
        loader.standing(&blocks).check(head, document.root(), loader.diagnostics);
    }
    if loader.diagnostics.has_errors() {
        let Loader { parameters, diagnostics, .. } = loader;
        blocks.iter().for_each(|block| block.check(document, &parameters, &[], diagnostics));
        return None;
    }
    let head = head?;
    let Loader { parameters, others, .. } = loader;
    let mut stack = Stack {
        name: around.name.map_or(head.stack.0, str::to_owned),
        blocks: Vec::new(),
        resources: Vec::new(),
        moved: head.moved,
        removed: head.removed,
        outputs,
        parameters,
        others,
        document,
    };
    arrange(&mut stack, blocks, &order);
    Some(stack)
}

struct Loader<'d, 'l> {
    document: &'d Document,
    around: &'l Around<'l>,
    parameters: Parameters,
    others: BTreeMap<String, Option<Tree>>,
    buffer: Vec<u8>,
    paths: Vec<Reference>,
    /// Where each is; None: it has a kind that is not known.
    names: HashMap<&'d str, Option<usize>>,
    /// References in blocks whose kind is not known.
    strays: Vec<Read>,
    diagnostics: &'l mut Diagnostics,
}

/// Why a reference means nothing, and what may have been meant: a label, in words.
type Dangling = (String, Option<String>);

impl<'d, 'l> Loader<'d, 'l> {
    fn new(
        document: &'d Document,
        around: &'l Around<'l>,
        diagnostics: &'l mut Diagnostics,
    ) -> Self {
        Self {
            document,
            around,
            parameters: Parameters::default(),
            others: BTreeMap::new(),
            buffer: Vec::new(),
            paths: Vec::new(),
            names: HashMap::new(),
            strays: Vec::new(),
            diagnostics,
        }
    }

    /// Everything in the file but its resources.
    fn head(&mut self) -> Option<StackHead> {
        let root = self.document.root();
        let read = read_with(self.document, &Unresolved, self.diagnostics, |decoder| {
            decoder.read::<StackHead>(root)
        });
        // Those of outputs wait with reason, and those of parameters are looked at there.
        let elsewhere = ["outputs", "parameters"].map(|key| root.get(key).map(Node::span));
        for reference in &read.waiting {
            if !elsewhere.iter().flatten().any(|span| within(reference.span, *span)) {
                self.diagnostics.push(no_reference(reference));
            }
        }
        let place = root.get("stack").map_or(root.span(), Node::span);
        let (declared, outside) = (root.get("parameters"), &self.around.outside);
        self.parameters =
            Parameters::read(self.document, declared, place, outside, self.diagnostics);
        read.value
    }

    fn blocks(&mut self, node: Option<Node<'d>>) -> Vec<Block<'d>> {
        let Some(Content::Map(entries)) = node.map(Node::content) else { return Vec::new() };
        let mut blocks = Vec::new();
        let mut first = 0;
        for (key, node) in entries.iter() {
            let Some(name) = key.scalar() else { continue };
            self.well_named(name.text, key);
            self.names.entry(name.text).or_insert(None);
            if let Some(mut block) = self.block(name.text, key, node) {
                let header = &block.header;
                let many = header.count.map(|count| count as usize);
                let many = many.or(header.each.as_ref().map(Vec::len));
                block.resources = first..first + many.unwrap_or(1);
                first = block.resources.end;
                self.names.insert(block.name, Some(blocks.len()));
                blocks.push(block);
            }
        }
        blocks
    }

    fn well_named(&mut self, name: &str, key: Node<'_>) {
        if let Some(why) = unfit_name(name) {
            let message = format!("`{name}` cannot name a resource");
            self.diagnostics.push(Diagnostic::new(Code::BadValue, key.span(), message).label(why));
        }
        if self.parameters.declares(name)
            && let Some(parameter) = key_of(self.document.root().get("parameters"), name)
        {
            let message = format!("`{name}` is both a parameter and a resource");
            let error = Diagnostic::new(Code::Conflict, key.span(), message);
            let error = error.also(parameter.span(), "the parameter");
            self.diagnostics.push(error.help("`${…}` must mean one of them: rename the other"));
        }
    }

    fn block(&mut self, name: &'d str, key: Node<'d>, node: Node<'d>) -> Option<Block<'d>> {
        let Content::Map(_) = node.content() else {
            let message = format!("`{name}` is no resource: expected a map with `kind`");
            self.diagnostics.push(Diagnostic::new(Code::WrongType, key.span(), message));
            return None;
        };
        let (header, standing) = self.header(node);
        self.buffer.clear();
        self.paths.clear();
        let Some(kind) = self.around.kinds.get(&header.kind) else {
            if standing != Standing::Wrong || !header.kind.is_empty() {
                self.unknown_kind(&header.kind, key, node);
            }
            self.stray(node, standing);
            return None;
        };
        // A kind that gets another declaration is looked at anew.
        kind.names().for_each(|name| self.buffer.extend(name.as_bytes()));
        write_block(node, &mut self.buffer, &mut self.paths);
        self.forget_paths_of_header(node, standing);
        let files = self.files(kind, node);
        let shape = Digest::of(&self.buffer);
        let (needs, resources, reads) = (Vec::new(), 0..0, self.reads());
        let kind = Arc::clone(kind);
        Some(Block {
            name,
            kind,
            key,
            node,
            header,
            standing,
            reads,
            files,
            shape,
            needs,
            resources,
        })
    }

    /// Of a block that cannot become one, what can be said is said all the same.
    fn stray(&mut self, node: Node<'d>, standing: Standing) {
        let Content::Map(entries) = node.content() else { return };
        write_block(node, &mut self.buffer, &mut self.paths);
        self.forget_paths_of_header(node, standing);
        let reads = self.reads();
        self.strays.extend(reads.0);
        let own = |(key, _): &(Node<'_>, _)| !is_of_header(*key);
        for (_, value) in entries.iter().filter(own) {
            read_with(self.document, &Unresolved, self.diagnostics, |decoder| {
                decoder.read::<AnyValue>(value)
            });
        }
    }

    /// What is wrong with the references of a header was said when it was read.
    fn forget_paths_of_header(&mut self, node: Node<'_>, standing: Standing) {
        let Content::Map(entries) = node.content() else { return };
        if standing == Standing::Wrong {
            let header = entries.iter().filter(|(key, _)| is_of_header(*key));
            let header: Vec<Span> = header.map(|(_, value)| value.span()).collect();
            self.paths.retain(|path| !header.iter().any(|span| within(path.span, *span)));
        }
    }

    fn unknown_kind(&mut self, kind: &str, key: Node<'_>, node: Node<'_>) {
        let Some(named) = node.get("kind") else {
            let error = Diagnostic::new(Code::MissingKey, key.span(), "`kind` is missing");
            self.diagnostics.push(error.help("`windlass explain` lists all kinds"));
            return;
        };
        let message = format!("there is no kind `{kind}`");
        let error = Diagnostic::new(Code::UnknownName, named.span(), message);
        self.diagnostics.push(match suggest::nearest(kind, self.around.kinds.names()) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error.help("`windlass explain` lists all kinds"),
        });
    }

    fn header(&mut self, node: Node<'d>) -> (Header, Standing) {
        match header_of_kind(node) {
            Some(header) => (header, Standing::Known),
            None => self.whole_header(node),
        }
    }

    fn whole_header(&mut self, node: Node<'d>) -> (Header, Standing) {
        let errors = self.diagnostics.errors();
        let resources = self.document.root().get("resources");
        let scope = HeaderScope { parameters: &self.parameters, resources };
        let read = read_with(self.document, &scope, self.diagnostics, |decoder| {
            Header::take(&mut decoder.open_partly(node, vec![Header::layout()])?)
        });
        let right = self.diagnostics.errors() == errors;
        match read.value {
            Some(header) if right => (header, Standing::Known),
            Some(header) => (header, Standing::Wrong),
            None if right => (self.likely_header(node), Standing::Open),
            None => (self.likely_header(node), Standing::Wrong),
        }
    }

    /// What can be said of a header that cannot be read as a whole, so that its block is checked too.
    fn likely_header(&self, node: Node<'d>) -> Header {
        let mut unheard = Diagnostics::default();
        let needs = node.get("needs").and_then(|needs| {
            let read = |decoder: &mut language::Decoder<'_>| decoder.read(needs);
            read_with(self.document, &self.parameters, &mut unheard, read).value
        });
        let kind = node.get("kind").and_then(Node::scalar).filter(|kind| !kind.is_null());
        let repeated = node.get("count").or(node.get("each")).is_some();
        Header {
            kind: kind.map_or("", |kind| kind.text).to_owned(),
            needs: needs.unwrap_or_default(),
            count: repeated.then_some(1),
            attempts: 4,
            ..Header::default()
        }
    }

    /// Reads the files of the project that a block names; their text is part of its shape.
    fn files(&mut self, kind: &model::Erased, node: Node<'d>) -> Vec<FileKey> {
        let mut files = Vec::new();
        for field in (kind.spec)().fields.iter().filter(|field| ProjectFile::is((field.shape)())) {
            let Some(value) = node.get(field.key) else { continue };
            let read = read_with(self.document, &self.parameters, self.diagnostics, |decoder| {
                decoder.read::<String>(value)
            });
            let Some(path) = read.value else { continue };
            match (self.around.file)(&path) {
                Ok(content) => {
                    self.buffer.extend(Digest::of(content.as_bytes()).0.to_le_bytes());
                    files.push(FileKey { key: field.key, path, content });
                }
                Err(why) => {
                    let message = format!("the file `{path}` cannot be read");
                    let error = Diagnostic::new(Code::BadValue, value.span(), message).label(why);
                    let help = "the path is relative to the project's folder";
                    self.diagnostics.push(error.help(help));
                }
            }
        }
        files
    }

    fn reads(&mut self) -> Reads {
        self.paths.sort_by(|a, b| a.path.cmp(&b.path));
        self.paths.dedup_by(|a, b| a.path == b.path);
        let read = |reference: Reference| {
            let Reference { path, span } = reference;
            Read { path, span, target: Target::Secret }
        };
        Reads(self.paths.drain(..).map(read).collect())
    }

    fn outputs(&mut self, blocks: &[Block<'d>]) -> Outputs<'d> {
        let node = self.document.root().get("outputs");
        let Some(Content::Map(entries)) = node.map(Node::content) else {
            return Outputs::default();
        };
        self.buffer.clear();
        self.paths.clear();
        let mut values = Vec::new();
        for (key, value) in entries.iter() {
            let Some(name) = key.scalar() else { continue };
            let value = value.get("value").unwrap_or(value);
            self.buffer.extend(name.text.as_bytes());
            write(value, &mut self.buffer, &mut self.paths);
            values.push((name.text, value));
        }
        let shape = Digest::of(&self.buffer);
        let mut reads = self.reads();
        for read in &mut reads.0 {
            match self.target(&read.path, blocks, &mut Vec::new()) {
                Ok(Some(target)) => read.target = target,
                Ok(None) => {}
                Err(why) => self.dangling(read.span, why),
            }
        }
        Outputs { values, reads, shape }
    }

    fn settle_strays(&mut self, blocks: &[Block<'d>]) {
        for read in std::mem::take(&mut self.strays) {
            if let Err(why) = self.target(&read.path, blocks, &mut Vec::new()) {
                self.dangling(read.span, why);
            }
        }
    }

    /// Finds what the references and `needs` of a block mean, now that all names are known.
    fn settle(&mut self, blocks: &mut [Block<'d>], at: usize) {
        let mut reads = std::mem::take(&mut blocks[at].reads);
        let mut needs = Vec::new();
        for read in &mut reads.0 {
            match self.target(&read.path, blocks, &mut needs) {
                Ok(Some(Target::Repeat)) if !blocks[at].header.is_repeated() => {
                    let message = format!("`{}` goes with `count` or `each`", read.path);
                    self.dangling(read.span, (message, None));
                }
                Ok(Some(target)) => read.target = target,
                Ok(None) => {}
                Err(why) => self.dangling(read.span, why),
            }
        }
        for name in &blocks[at].header.needs.clone() {
            match self.names.get(name.as_str()) {
                Some(need) => needs.extend(*need),
                None => {
                    let why = (format!("nothing is called `{name}`"), self.near(name));
                    let node = blocks[at].node.get("needs").unwrap_or(blocks[at].key);
                    self.dangling(place(node, name).unwrap_or(node.span()), why);
                }
            }
        }
        needs.sort_unstable();
        needs.dedup();
        (blocks[at].reads, blocks[at].needs) = (reads, needs);
    }

    /// What a reference means; None: what it names is there, and so wrong that nothing can be said.
    fn target(
        &mut self,
        path: &str,
        blocks: &[Block<'d>],
        needs: &mut Vec<usize>,
    ) -> Result<Option<Target>, Dangling> {
        let (head, name) = path.split_once('.').unwrap_or((path, ""));
        match head {
            "secret" if name.is_empty() => {
                return Err(("this names no secret: write `${secret.NAME}`".to_owned(), None));
            }
            "secret" => return Ok(Some(Target::Secret)),
            "stack" => return self.output(path, name).map(Some),
            "index" | "each" if name.is_empty() => return Ok(Some(Target::Repeat)),
            _ if name.is_empty() && self.parameters.declares(head) => {
                return Ok(Some(Target::Parameter));
            }
            _ => {}
        }
        let (block, instance) = head.split_once('[').unwrap_or((head, ""));
        let Some(&at) = self.names.get(block) else {
            return Err((format!("nothing is called `{block}`"), self.near(block)));
        };
        let Some(at) = at else { return Ok(None) };
        let block = &blocks[at];
        let name = attribute(block, name)?;
        needs.push(at);
        let list = instance.is_empty() && block.header.is_repeated();
        let resources = match instance.strip_suffix(']') {
            None => block.resources.clone(),
            Some(_) if block.standing != Standing::Known => block.resources.clone(),
            Some(instance) => {
                let missing = || (format!("`{}` has no `[{instance}]`", block.name), None);
                let at = block.header.position(instance).ok_or_else(missing)?;
                block.resources.start + at..block.resources.start + at + 1
            }
        };
        Ok(Some(Target::Attribute { resources, name, list }))
    }

    fn output(&mut self, path: &str, rest: &str) -> Result<Target, Dangling> {
        let Some((stack, name)) = rest.split_once('.') else {
            let message = format!("`{path}` names no output: write `stack.NAME.OUTPUT`");
            return Err((message, None));
        };
        let other = self.around.other;
        let outputs = self.others.entry(stack.to_owned()).or_insert_with(|| other(stack));
        let Some(outputs) = outputs else {
            let message = format!("the stack `{stack}` has not been applied, so it has no outputs");
            return Err((message, Some(format!("apply it first: windlass apply {stack}"))));
        };
        if !outputs.contains_key(name) {
            let near = suggest::nearest(name, outputs.keys().map(String::as_str));
            let message = format!("the stack `{stack}` has no output `{name}`");
            let since = || format!("if its file says so since, apply it: windlass apply {stack}");
            return Err((message, Some(near.map_or_else(since, did_you_mean))));
        }
        Ok(Target::Output { stack: stack.to_owned(), name: name.to_owned() })
    }

    /// What stands in the file, for those who name what stood there before.
    fn standing(&self, blocks: &[Block<'d>]) -> Names<'d> {
        let known = || blocks.iter().filter(|block| block.standing == Standing::Known);
        let addresses = known().flat_map(|block| {
            block.header.repeats().into_iter().map(|repeat| address(block.name, repeat.as_deref()))
        });
        let all: BTreeSet<&str> = self.names.keys().copied().collect();
        let open = all.iter().filter(|name| !known().any(|block| block.name == **name)).copied();
        Names { addresses: addresses.collect(), open: open.collect(), blocks: all }
    }

    /// Sorted, so that the same slip always gets the same advice.
    fn near(&self, name: &str) -> Option<String> {
        let mut names: Vec<&str> = self.names.keys().copied().collect();
        names.extend(self.parameters.names());
        names.sort_unstable();
        suggest::nearest(name, names).map(did_you_mean)
    }

    fn dangling(&mut self, span: Span, (message, advice): Dangling) {
        let error = Diagnostic::new(Code::UnknownName, span, message);
        self.diagnostics.push(match advice {
            Some(advice) => error.label(advice),
            None => error,
        });
    }

    /// Blocks after what they need, otherwise as they stand in the file.
    fn order(&mut self, blocks: &[Block<'d>]) -> Vec<usize> {
        let graph = Graph::new(blocks.iter().map(|block| block.needs.as_slice()));
        graph.order().unwrap_or_else(|circle| {
            self.circle(blocks, &circle);
            Vec::new()
        })
    }

    /// Shows each edge of a circle where the file says it.
    fn circle(&mut self, blocks: &[Block<'d>], circle: &[usize]) {
        let message = "these resources wait for each other";
        let edges = circle.iter().zip(circle.iter().cycle().skip(1));
        let mut error: Option<Diagnostic> = None;
        for (&user, &need) in edges {
            let (user, need) = (&blocks[user], &blocks[need]);
            let prefix = format!("{}.", need.name);
            let read = |read: &&Read| {
                read.path.starts_with(&prefix) || read.path.starts_with(&format!("{}[", need.name))
            };
            let (span, text) = match user.reads.0.iter().find(read) {
                Some(read) => (Some(read.span), format!("`{}` uses ${{{}}}", user.name, read.path)),
                None => (
                    user.node.get("needs").map(Node::span),
                    format!("`{}` needs `{}`", user.name, need.name),
                ),
            };
            let span = span.unwrap_or(user.key.span());
            error = Some(match error {
                None => Diagnostic::new(Code::Cycle, span, message).label(text),
                Some(error) => error.also(span, text),
            });
        }
        if let Some(error) = error {
            self.diagnostics.push(error);
        }
    }
}

/// What a header may read: how many resources there are has to be known before any of them is planned.
struct HeaderScope<'h> {
    parameters: &'h Parameters,
    resources: Option<Node<'h>>,
}

impl Scope for HeaderScope<'_> {
    fn find(&self, reference: &Reference) -> Found<'_> {
        let found = self.parameters.find(reference);
        let head = reference.path.split(['.', '[']).next().unwrap_or_default();
        let comes_later =
            matches!(head, "stack" | "secret") || key_of(self.resources, head).is_some();
        match found {
            Found::Unknown { .. } if comes_later => Found::Refused {
                why: "this is not known before there is a plan".to_owned(),
                help: "which resources there are must be known first: write it out, or use a parameter, \
                       `${name}`"
                    .to_owned(),
            },
            found => found,
        }
    }
}

/// Most resources have a kind and nothing else: that is not worth a decoder. None: there is more.
fn header_of_kind(node: Node<'_>) -> Option<Header> {
    let Content::Map(entries) = node.content() else { return None };
    let mut header = Header { attempts: 4, ..Header::default() };
    for (key, value) in entries.iter() {
        match key.scalar()?.text {
            "kind" => {
                let kind = value.scalar().filter(|kind| !kind.is_null())?;
                kind.text.clone_into(&mut header.kind);
            }
            "needs" | "count" | "each" | "protect" | "timeout" | "attempts" => return None,
            _ => {}
        }
    }
    Some(header)
}

fn is_of_header(key: Node<'_>) -> bool {
    key.scalar().is_some_and(|key| Header::layout().keys().any(|known| known == key.text))
}

fn within(span: Span, outer: Span) -> bool {
    span.source == outer.source && span.start >= outer.start && span.end <= outer.end
}

/// Where the key of a map stands.
fn key_of<'d>(map: Option<Node<'d>>, name: &str) -> Option<Node<'d>> {
    let Some(Content::Map(entries)) = map.map(Node::content) else { return None };
    let mut keys = entries.iter().map(|(key, _)| key);
    keys.find(|key| key.scalar().is_some_and(|key| key.text == name))
}

fn address(block: &str, repeat: Option<&str>) -> String {
    match repeat {
        Some(repeat) => format!("{block}[{repeat}]"),
        None => block.to_owned(),
    }
}

fn did_you_mean(near: &str) -> String {
    format!("did you mean `{near}`?")
}

/// The attribute that a reference means.
fn attribute(block: &Block<'_>, name: &str) -> Result<String, Dangling> {
    let kind = &block.kind;
    if name.is_empty() {
        let message = format!("`${{{}}}` names no attribute of `{}`", block.name, kind.name);
        let names: Vec<&str> = kind.names().collect();
        return Err((format!("{message}: it has {}", suggest::list(names)), None));
    }
    if kind.key(name).is_none() && kind.attribute(name).is_none() {
        let near = suggest::nearest(name, kind.names()).map(did_you_mean);
        return Err((format!("`{}` has no `{name}`", kind.name), near));
    }
    Ok(name.to_owned())
}

trait Repeated {
    fn is_repeated(&self) -> bool;
    fn position(&self, instance: &str) -> Option<usize>;
    fn repeats(&self) -> Vec<Option<String>>;
}

impl Repeated for Header {
    fn is_repeated(&self) -> bool {
        self.count.is_some() || self.each.is_some()
    }

    fn position(&self, instance: &str) -> Option<usize> {
        match &self.each {
            Some(each) => each.iter().position(|Each(one)| one == instance),
            None => instance.parse().ok().filter(|at| *at < self.count.unwrap_or(0) as usize),
        }
    }

    fn repeats(&self) -> Vec<Option<String>> {
        match (&self.each, self.count) {
            (Some(each), _) => each.iter().map(|Each(one)| Some(one.clone())).collect(),
            (None, Some(count)) => (0..count).map(|index| Some(index.to_string())).collect(),
            (None, None) => vec![None],
        }
    }
}

/// Puts blocks and their resources into dependency order, and the ranges that point at them.
fn arrange<'d>(stack: &mut Stack<'d>, blocks: Vec<Block<'d>>, order: &[usize]) {
    let mut rank = vec![0; blocks.len()];
    order.iter().enumerate().for_each(|(new, &old)| rank[old] = new);
    let mut shift = vec![0; blocks.last().map_or(0, |block| block.resources.end)];
    let mut slots: Vec<Option<Block<'d>>> = blocks.into_iter().map(Some).collect();
    stack.blocks = order.iter().filter_map(|&old| slots[old].take()).collect();
    for (at, block) in stack.blocks.iter_mut().enumerate() {
        block.needs.iter_mut().for_each(|need| *need = rank[*need]);
        let first = stack.resources.len();
        for (old, repeat) in block.resources.clone().zip(block.header.repeats()) {
            shift[old] = stack.resources.len();
            let address = address(block.name, repeat.as_deref());
            stack.resources.push(Resource { address, block: at, repeat });
        }
        block.resources = first..stack.resources.len();
    }
    let reads = stack.blocks.iter_mut().flat_map(|block| &mut block.reads.0);
    for read in reads.chain(&mut stack.outputs.reads.0) {
        if let Target::Attribute { resources, .. } = &mut read.target
            && let Some(&first) = shift.get(resources.start)
        {
            *resources = first..first + resources.len();
        }
    }
}

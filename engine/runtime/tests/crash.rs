//! Random stacks and edits x a crash at every instant (before and after each write of the store, before
//! and after each effect and each look), every third followed by a second crash: the world, and what
//! is remembered of it, end as without any crash.

use std::sync::Arc;

use runtime::store::{MemoryStore, Store};
use testkit::author::Author;
use testkit::drawing::parting;
use testkit::memory::Memory;
use testkit::{CrashStore, Fuse, Lab, Script, World, toy};

/// Crashes that are made unless the variable `CRASHES` says otherwise.
const CRASHES: usize = 10_000;

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_instant_changes_nothing() {
    let crashes = std::env::var("CRASHES").ok().and_then(|crashes| crashes.parse().ok());
    let crashes = crashes.unwrap_or(CRASHES);
    let (mut count, mut found, mut odd) = (0, 0, 0);
    for seed in 0.. {
        let edit = Edit::new(seed).await;
        odd += usize::from(!edit.works);
        let (expected, instants) = edit.without_crash().await;
        for instant in 1..=instants {
            let after = edit.with_crash(instant, &expected).await;
            count += usize::from(after.died);
            found += after.found;
        }
        if count >= crashes {
            break;
        }
    }
    println!("{count} crashes; {found} effects were found by their token; {odd} odd worlds");
    assert!(found > 0 && odd > 0);
}

/// A stack that was applied, and another text for it.
struct Edit {
    seed: u64,
    lab: Lab,
    kept: Arc<MemoryStore>,
    text: String,
    /// Whether everything that is asked of the world happens in the end.
    works: bool,
}

/// How it ends.
#[derive(Debug, PartialEq)]
struct End {
    memory: Memory,
    troubles: usize,
}

/// What a crash has shown.
struct After {
    died: bool,
    /// How many effects were found by their token.
    found: usize,
}

impl Edit {
    async fn new(seed: u64) -> Self {
        let mut kept = None;
        let lab = Lab::new(toy::registry, |_, kinds| {
            let store = Arc::new(MemoryStore::new("lab", kinds));
            kept = Some(Arc::clone(&store));
            store
        });
        let mut author = Author::new(seed);
        author.timeout = Some("20s");
        author.edit();
        let troubles = lab.converge(&lab.request(&author.text()), "shop").await;
        assert!(troubles.is_empty(), "seed {seed}: {troubles:?}");
        author.edit();
        author.drift(&lab.world);
        // Two that change places in a circle are refused: that is no plan to die in.
        while !lab.plan(&author.text()).await.unwrap().plan.refused.is_empty() {
            author.edit();
        }
        let mut works = true;
        for name in author.names() {
            let script = Script::random(&mut author.rng);
            works &= script.works_in_the_end();
            lab.world.set_script(&name, script);
        }
        lab.world.set_pace(16);
        let text = author.text();
        Self { seed, lab, kept: kept.unwrap(), text, works }
    }

    async fn without_crash(&self) -> (End, usize) {
        let (mut lab, store) = self.fork();
        let fuse = Fuse::default();
        let troubles = self.live(&mut lab, &store, &fuse).await.unwrap();
        (self.end(&lab, troubles), fuse.burnt())
    }

    /// Two lives do not pass exactly the same instants: one that ends before its own is no crash.
    async fn with_crash(&self, instant: usize, expected: &End) -> After {
        let (mut lab, store) = self.fork();
        let died = self.live(&mut lab, &store, &Fuse::of(instant)).await.is_none();
        if instant.is_multiple_of(3) {
            self.live(&mut lab, &store, &Fuse::of(1 + instant / 2)).await;
        }
        lab.world.take_log();
        let troubles = self.live(&mut lab, &store, &Fuse::default()).await.unwrap();
        let end = self.end(&lab, troubles);
        if end != *expected {
            let (is, wanted) = (format!("{end:?}"), format!("{expected:?}"));
            let (is, wanted) = parting(&is, &wanted).unwrap_or_default();
            let log = lab.world.take_log().join("\n");
            let text = &self.text;
            panic!("seed {}, instant {instant}\n{text}\n{log}\n\n{is}\n\n{wanted}", self.seed);
        }
        After { died, found: lab.world.found() }
    }

    /// Another world that is as this one, and a store that dies.
    fn fork(&self) -> (Lab, Arc<CrashStore>) {
        let store = Arc::new(CrashStore::over(Arc::new(self.kept.copy()), 5));
        let world: Arc<World> = self.lab.world.copy();
        (self.lab.fork(world, Arc::clone(&store) as Arc<dyn Store>), store)
    }

    /// The life of one process: Some, with what went wrong, if it came to its end.
    async fn live(
        &self,
        lab: &mut Lab,
        store: &Arc<CrashStore>,
        fuse: &Fuse,
    ) -> Option<Vec<String>> {
        store.set_fuse(fuse);
        lab.world.set_fuse(fuse);
        lab.restart(Arc::clone(store) as Arc<dyn Store>);
        let request = lab.request(&self.text);
        fuse.survive(lab.converge(&request, "shop")).await
    }

    fn end(&self, lab: &Lab, troubles: Vec<String>) -> End {
        let memory = Memory::of(&lab.world, &lab.store, "shop");
        let missing = if self.works { memory.missing() } else { Vec::new() };
        let wrong = [lab.world.violations(), memory.orphans(), missing].concat();
        assert!(wrong.is_empty(), "seed {}: {wrong:?}\n{}", self.seed, self.text);
        assert!(!self.works || troubles.is_empty(), "seed {}: {troubles:?}", self.seed);
        End { memory, troubles: troubles.len() }
    }
}

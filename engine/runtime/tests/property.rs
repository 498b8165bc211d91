//! Random stacks, edits, unknowns, drift, rotated secrets, other names and sudden deaths: a plan that
//! is applied leaves nothing to plan, and digests clear only what the full way finds unchanged.

use std::collections::HashMap;
use std::sync::Arc;

use model::plan::{Plan, Work};
use model::record::Row;
use runtime::engine::PlanRequest;
use runtime::store::Store;
use testkit::author::Author;
use testkit::drawing::{order, parting, text};
use testkit::memory::Memory;
use testkit::{CrashStore, Fuse, Lab};

/// Stories that are told unless the variable `STORIES` says otherwise.
const STORIES: u64 = 300;

#[tokio::test]
async fn a_plan_that_is_applied_leaves_nothing_to_plan() {
    let mut seen = Seen::default();
    let stories = std::env::var("STORIES").ok().and_then(|stories| stories.parse().ok());
    let stories = stories.unwrap_or(STORIES);
    for seed in 0..stories {
        Story::new(seed).tell(&mut seen).await;
    }
    println!("{stories} stories: {seen:?}");
    assert!(seen.all(), "the stories are too tame: {seen:?}");
}

/// How often what ought to happen did.
#[derive(Debug, Default)]
struct Seen {
    plans: usize,
    steps: usize,
    unsure: usize,
    create_first: usize,
    destroy_first: usize,
    degraded: usize,
    deletes: usize,
    vanished: usize,
    remembered: usize,
    renamed: usize,
    outputs: usize,
    joined: usize,
    circles: usize,
    refused: usize,
    killed: usize,
    found: usize,
}

impl Seen {
    /// Circles are rare.
    fn all(&self) -> bool {
        let shown = format!("{self:?}").replace("circles: 0,", "");
        !shown.contains(": 0,") && !shown.contains(": 0 }")
    }

    fn note(&mut self, plan: &Plan) {
        let shown = text(plan);
        let count = |what: &str| shown.matches(what).count();
        let works =
            |wanted: fn(&Work) -> bool| plan.steps.iter().filter(|step| wanted(&step.work)).count();
        self.plans += 1;
        self.steps += plan.steps.len();
        self.unsure += count("if it must");
        self.create_first += count("create first");
        self.destroy_first += count("destroy first");
        self.degraded += count("is destroyed first");
        self.renamed += count(" was r");
        self.outputs += plan.outputs.len();
        self.deletes += works(|work| matches!(work, Work::Delete { .. }));
        self.joined += works(|work| matches!(work, Work::Join));
        self.remembered += plan.steps.len() - plan.steps.len().min(plan.items.len());
    }
}

/// One stack through several edits.
struct Story {
    seed: u64,
    author: Author,
    lab: Lab,
    store: Arc<CrashStore>,
    /// What was planned last, for who has to find out what went wrong.
    planned: String,
}

impl Story {
    /// Every other one is told over the store on disk.
    fn new(seed: u64) -> Self {
        let mut lab = if seed.is_multiple_of(2) { Lab::toys_on_disk() } else { Lab::toys() };
        let store = Arc::new(CrashStore::over(Arc::clone(&lab.store), 0));
        lab.restart(Arc::clone(&store) as Arc<dyn Store>);
        Self { seed, author: Author::new(seed), lab, store, planned: String::new() }
    }

    async fn tell(&mut self, seen: &mut Seen) {
        for _ in 0..4 {
            self.author.edit();
            self.author.drift(&self.lab.world);
            if self.author.chance(4) {
                let text = format!("another text {}", self.author.rng.u32(..3));
                self.lab.rotate("token", &text);
            }
            let stack = self.author.text();
            let plan = self.plan(&stack).await;
            if !plan.refused.is_empty() {
                seen.circles += 1;
                continue;
            }
            seen.note(&plan);
            self.planned = format!("{}{}", text(&plan), order(&plan));
            match self.author.rng.u32(..8) {
                0 => self.interfered(&stack, plan, seen).await,
                1..3 => self.killed(&stack, plan, seen).await,
                _ => self.applied(&stack, plan, seen).await,
            }
            self.settled(&stack).await;
        }
        seen.found += self.lab.world.found();
    }

    /// The same plan with digests and without, and unharmed by being saved.
    async fn plan(&mut self, stack: &str) -> Plan {
        let request = self.lab.request(stack);
        let quick = self.lab.planned(&request).await.unwrap_or_else(|why| self.fail(stack, &why));
        let full = self.lab.planned(&PlanRequest { digests: false, ..request }).await;
        let full = full.unwrap_or_else(|why| self.fail(stack, &why));
        if let Some((quick, full)) = parting(&quick.plan.to_json(), &full.plan.to_json()) {
            self.fail(stack, &format!("with digests\n{quick}\nwithout\n{full}"));
        }
        quick.plan
    }

    async fn applied(&self, stack: &str, plan: Plan, seen: &mut Seen) {
        let users = self.users();
        self.lab.world.take_log();
        let troubles = self.lab.apply(plan.clone()).await;
        if !troubles.is_empty() {
            self.fail(stack, &format!("{}{}\n{troubles:?}", text(&plan), order(&plan)));
        }
        let log = self.lab.world.take_log();
        seen.vanished += usize::from(log.is_empty() && !plan.is_empty());
        for (user, needed) in users {
            let when = |id: &str| {
                log.iter().position(|line| line.starts_with("delete") && line.ends_with(id))
            };
            if let (Some(user_went), Some(needed_went)) =
                (when(&format!(" {user}")), when(&format!(" {needed}")))
                && needed_went < user_went
            {
                let why = format!("{needed} went before {user}, which used it: {log:?}");
                self.fail(stack, &why);
            }
        }
    }

    /// The world moves between plan and apply: some steps refuse, and the next plan finishes.
    async fn interfered(&mut self, stack: &str, plan: Plan, seen: &mut Seen) {
        self.author.drift(&self.lab.world);
        let troubles = self.lab.apply(plan).await;
        seen.refused += troubles.iter().filter(|trouble| trouble.contains("stale")).count();
        let plan = self.plan(stack).await;
        self.applied(stack, plan, seen).await;
    }

    /// The engine dies at some instant, perhaps once more while it recovers, and another one goes on.
    async fn killed(&mut self, stack: &str, plan: Plan, seen: &mut Seen) {
        let fuse = self.light(1 + plan.steps.len() * 5);
        seen.killed += usize::from(fuse.survive(self.lab.apply(plan)).await.is_none());
        self.revive();
        let request = self.lab.request(stack);
        if self.author.chance(3) {
            let fuse = self.light(20);
            seen.killed +=
                usize::from(fuse.survive(self.lab.converge(&request, "shop")).await.is_none());
            self.revive();
        }
        let troubles = self.lab.converge(&request, "shop").await;
        if !troubles.is_empty() {
            self.fail(stack, &format!("{troubles:?}"));
        }
    }

    fn light(&mut self, longest: usize) -> Fuse {
        let fuse = Fuse::of(self.author.rng.usize(1..=longest));
        self.lab.world.set_fuse(&fuse);
        self.store.set_fuse(&fuse);
        fuse
    }

    fn revive(&mut self) {
        self.lab.world.set_fuse(&Fuse::default());
        if self.seed.is_multiple_of(2) {
            self.store = Arc::new(CrashStore::over(self.lab.reopened(), 0));
        }
        self.store.set_fuse(&Fuse::default());
        self.lab.restart(Arc::clone(&self.store) as Arc<dyn Store>);
    }

    async fn settled(&mut self, stack: &str) {
        let again = self.lab.plan(stack).await.unwrap_or_else(|why| self.fail(stack, &why));
        if !again.plan.is_empty() {
            self.fail(stack, &format!("{}{}", text(&again.plan), order(&again.plan)));
        }
        assert_eq!(again.decoded, 0, "seed {}: a plan without changes decodes nothing", self.seed);
        let memory = Memory::of(&self.lab.world, &self.lab.store, "shop");
        let known = [memory.orphans(), memory.missing()].concat();
        let wrong = [self.lab.world.violations(), known, memory.doubts].concat();
        if !wrong.is_empty() {
            self.fail(stack, &wrong.join("\n"));
        }
        self.plan(stack).await;
    }

    /// Which object used which, by id, as it was when they were applied.
    fn users(&self) -> Vec<(String, String)> {
        let rows: HashMap<String, Row> = self.lab.store.rows("shop").unwrap().into_iter().collect();
        let mut users = Vec::new();
        for (key, needs) in self.lab.store.needs("shop").unwrap() {
            let needed = rows.iter().filter(|(other, _)| {
                needs.iter().any(|need| need == model::address::block_of(other))
            });
            users.extend(needed.map(|(_, row)| (rows[&key].id.clone(), row.id.clone())));
        }
        users
    }

    fn fail(&self, stack: &str, why: &str) -> ! {
        panic!("seed {}\n{stack}\n{}\n\n{why}", self.seed, self.planned)
    }
}

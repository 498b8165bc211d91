//! The walker alone, as pipelines use it: random steps x a crash at every instant, and both ways to stop:
//! the run goes on and ends as without.

use std::collections::{BTreeSet, HashMap};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use model::event::{Ending, Outcome};
use model::ledger::{Ledger, Status, Steps};
use model::plan::{Step, When, Work};
use model::registry::BoxFuture;
use model::{Fault, Registry, Token};
use runtime::store::{Acquired, Holder, MemoryStore, NewRun, RunId, RunKind, Store};
use runtime::walk::{Done, Effects, Journal, Limits, Live, Prepared, Stop, Unobserved, Walk, walk};
use testkit::{CrashStore, Fuse};
use tokio::sync::watch;
use tokio::time::sleep;

const PLANS: u64 = 400;

#[tokio::test(start_paused = true)]
async fn a_run_that_dies_at_any_instant_goes_on() {
    let (mut count, mut found) = (0, 0);
    for seed in 0..PLANS {
        let case = Case::random(seed);
        let whole = Fuse::default();
        let site = Site::new(&case).await;
        assert!(site.live(&case, &whole).await);
        let expected = site.end(&case);
        for instant in 1..=whole.burnt() {
            let site = Site::new(&case).await;
            // Two lives do not pass exactly the same instants (pauses differ): one that ends before
            // its own is no crash.
            count += usize::from(!site.live(&case, &Fuse::of(instant)).await);
            if instant % 3 == 0 {
                site.live(&case, &Fuse::of(1 + instant / 2)).await;
            }
            assert!(site.live(&case, &Fuse::default()).await);
            assert_eq!(site.end(&case), expected, "seed {seed}, instant {instant}");
            found += site.remote.state.lock().unwrap().found;
        }
    }
    println!("{count} crashes; {found} effects were found by their token");
    assert!(count >= 5_000 && found > 0, "{count} crashes, {found} found");
}

#[tokio::test(start_paused = true)]
async fn either_stop_leaves_a_run_that_goes_on_later() {
    for (seed, stop) in (0..100).flat_map(|seed| [(seed, Stop::StartNothing), (seed, Stop::Now)]) {
        let case = Case::random(seed);
        let site = Site::new(&case).await;
        assert!(site.live(&case, &Fuse::default()).await);
        let expected = site.end(&case);

        let site = Site::new(&case).await;
        let (sender, stopped) = watch::channel(Stop::No);
        let stopping = async {
            sleep(Duration::from_millis(seed * 7)).await;
            sender.send_replace(stop);
        };
        let (walked, ()) = tokio::join!(site.walk(&case, stopped), stopping);
        assert!(walked);
        assert!(site.live(&case, &Fuse::default()).await);
        assert_eq!(site.end(&case), expected, "seed {seed}, {stop:?}");
    }
}

/// Steps, how the remote answers each of them, and how much may happen at once.
struct Case {
    steps: Arc<Steps>,
    answers: Arc<Vec<Answer>>,
    limits: Limits,
}

impl Case {
    fn random(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(1..7);
        let mut steps = Vec::new();
        for id in 0..count {
            let needs = (0..id).filter(|_| rng.u32(..3) == 0).map(name).collect();
            let whens = [When::Success, When::Success, When::Success, When::Failure, When::Always];
            let (when, timeout) = (whens[rng.usize(..5)], Some(Duration::from_millis(50)));
            steps.push(Step {
                needs,
                when,
                timeout,
                attempts: 4,
                ..Step::new(name(id), Work::Join)
            });
        }
        let answers = Arc::new((0..count).map(|_| Answer::random(&mut rng)).collect());
        let running = rng.usize(1..5);
        let limits = Limits { running, intents: running + rng.usize(..5) };
        Self { steps: Arc::new(Steps::new(steps).unwrap()), answers, limits }
    }
}

fn name(id: usize) -> model::Address {
    format!("step{id}").into()
}

/// How a remote answers the calls for one step.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Works,
    Refuses,
    Breaks,
    NeverAnswers,
    /// The first call fails in passing, before the effect.
    Throttles,
    /// The first call has its effect, and its answer is lost.
    IsLost,
    /// The first call has its effect, and never answers.
    HangsAfterwards,
}

impl Answer {
    fn random(rng: &mut Rng) -> Self {
        let all = [
            Self::Refuses,
            Self::Breaks,
            Self::NeverAnswers,
            Self::Throttles,
            Self::IsLost,
            Self::HangsAfterwards,
        ];
        all.get(rng.usize(..10)).copied().unwrap_or(Self::Works)
    }
}

/// A remote and the journal of one run, which both outlive the engine.
struct Site {
    store: Arc<CrashStore>,
    remote: Arc<Remote>,
    run: RunId,
}

#[derive(Debug, PartialEq, Eq)]
struct End {
    ledger: Ledger,
    made: BTreeSet<Token>,
}

impl Site {
    async fn new(case: &Case) -> Self {
        let store = CrashStore::over(Arc::new(MemoryStore::new("lab", Registry::default())), 5);
        let (kind, subject) = (RunKind::Pipeline, "line".to_owned());
        let new = NewRun {
            kind,
            subject,
            parent: None,
            plan_id: None,
            plan: None,
            nonce: String::new(),
            expects: None,
            again: None,
            cause: None,
            events: Vec::new(),
            now: 0,
        };
        let run = store.begin(new).await.unwrap();
        let remote = Remote { answers: Arc::clone(&case.answers), state: Mutex::default() };
        Self { store: Arc::new(store), remote: Arc::new(remote), run }
    }

    /// True when it came to its end, false when it died before.
    async fn live(&self, case: &Case, fuse: &Fuse) -> bool {
        self.store.set_fuse(&Fuse::default());
        let (_stop, stopped) = watch::channel(Stop::No);
        let walk = async {
            self.store.set_fuse(fuse);
            self.remote.state.lock().unwrap().fuse = fuse.clone();
            self.walk(case, stopped).await
        };
        fuse.survive(walk).await.unwrap_or(false)
    }

    async fn walk(&self, case: &Case, stop: watch::Receiver<Stop>) -> bool {
        let holder = Holder { name: "me".to_owned(), until: 0 };
        let Ok(Acquired::Lease(lease)) = self.store.acquire("line", holder, 1).await else {
            panic!("nobody else is here");
        };
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let walked = walk(Walk {
            steps: Arc::clone(&case.steps),
            journal: Journal { store, run: self.run, lease },
            effects: Arc::clone(&self.remote),
            limits: case.limits,
            observer: Arc::new(Unobserved),
            stop,
        });
        walked.await.is_ok()
    }

    fn end(&self, case: &Case) -> End {
        let ledger = Ledger::fold(&case.steps, &self.store.events(self.run).unwrap());
        let state = self.remote.state.lock().unwrap();
        assert_eq!(state.twice, 0, "something happened twice");
        for (id, step) in case.steps.all().iter().enumerate() {
            let exists = state.made.contains(&token(step));
            match ledger.status(id) {
                Status::Ended(Ending::Done { .. }) => assert!(exists, "{} is not there", step.name),
                Status::Ended(Ending::Errored { .. }) => {}
                Status::Ended(_) => assert!(!exists, "{} is an orphan", step.name),
                other => panic!("{} is {other:?}", step.name),
            }
        }
        End { ledger, made: state.made.clone() }
    }
}

/// Makes something for each step, by its token.
struct Remote {
    answers: Arc<Vec<Answer>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fuse: Fuse,
    made: BTreeSet<Token>,
    calls: HashMap<Token, u32>,
    found: usize,
    twice: usize,
}

fn token(step: &Step) -> Token {
    Token::from(step.name.as_str())
}

fn done() -> Done {
    Done { what: Outcome::Succeeded, state: Vec::new() }
}

impl Remote {
    async fn burn(&self) {
        let fuse = self.state.lock().unwrap().fuse.clone();
        fuse.burn().await;
    }

    /// True on the first call for this step.
    fn call(&self, token: &Token) -> bool {
        let mut state = self.state.lock().unwrap();
        let calls = state.calls.entry(token.clone()).or_default();
        *calls += 1;
        *calls == 1
    }

    async fn make(&self, token: &Token) {
        self.burn().await;
        {
            let mut state = self.state.lock().unwrap();
            state.twice += usize::from(!state.made.insert(token.clone()));
        }
        self.burn().await;
    }
}

impl Effects for Remote {
    fn prepare(&self, step: &Step) -> Result<Prepared, Fault> {
        let timeout = step.timeout;
        Ok(Prepared {
            token: token(step),
            intent: None,
            api: None,
            timeout,
            idle: false,
            held: None,
        })
    }

    fn find<'f>(
        &'f self,
        _: &'f Step,
        prepared: &'f Prepared,
        _: &'f Live,
    ) -> BoxFuture<'f, Result<Option<Done>, Fault>> {
        Box::pin(async move {
            self.burn().await;
            sleep(Duration::from_millis(5)).await;
            let mut state = self.state.lock().unwrap();
            let found = state.made.contains(&prepared.token);
            state.found += usize::from(found);
            Ok(found.then(done))
        })
    }

    fn apply<'f>(
        &'f self,
        step: &'f Step,
        prepared: &'f Prepared,
        _: &'f Live,
    ) -> BoxFuture<'f, Result<Done, Fault>> {
        Box::pin(async move {
            let first = self.call(&prepared.token);
            let id: usize = step.name.as_str().trim_start_matches("step").parse().unwrap();
            sleep(Duration::from_millis(id as u64 * 7 % 16)).await;
            match self.answers[id] {
                Answer::Refuses => return Err(Fault::refused("no")),
                Answer::Breaks => return Err(Fault::broken("it broke")),
                Answer::NeverAnswers => pending().await,
                Answer::Throttles if first => return Err(Fault::passing("try again")),
                _ => self.make(&prepared.token).await,
            }
            match self.answers[id] {
                Answer::IsLost if first => Err(Fault::passing("try again")),
                Answer::HangsAfterwards if first => pending().await,
                _ => Ok(done()),
            }
        })
    }

    fn ended(&self, _: &Step, _: &Ending) {}
}

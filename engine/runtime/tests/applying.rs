//! What an apply does when the world does not answer as it should.

use std::sync::Arc;
use std::time::Duration;

use model::event::Outcome;
use runtime::engine::Report;
use runtime::store::RunOutcome;
use runtime::walk::{Stop, Unobserved};
use testkit::{Lab, Script};
use tokio::sync::watch;

const STACK: &str = "
stack: shop
resources:
  a: { kind: toy.file, path: /a, content: x, timeout: 10s }
  b: { kind: toy.file, path: /b, content: \"${a.hash}\", timeout: 10s }
  c: { kind: toy.file, path: /c, content: x, timeout: 10s }
";

/// A lab in which `a` is answered like this, and what came of the apply.
async fn applied(script: Script) -> (Lab, Vec<String>) {
    let lab = Lab::toys();
    lab.world.set_script("a", script);
    let plan = lab.plan(STACK).await.unwrap().plan;
    let troubles = lab.apply(plan).await;
    assert_eq!(lab.world.violations(), Vec::<String>::new());
    (lab, troubles)
}

async fn all_is_there(lab: &Lab) -> bool {
    lab.world.objects().len() == 3 && lab.plan(STACK).await.unwrap().plan.is_empty()
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_passing_is_tried_again() {
    let (lab, troubles) = applied(Script::Throttles).await;
    assert_eq!(troubles, Vec::<String>::new());
    assert!(all_is_there(&lab).await);
    assert_eq!(lab.world.found(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_effect_whose_answer_is_lost_is_found_and_not_repeated() {
    for script in [Script::LosesTheAnswer, Script::HangsAfterwards] {
        let (lab, troubles) = applied(script).await;
        assert_eq!(troubles, Vec::<String>::new());
        assert!(all_is_there(&lab).await);
        assert_eq!(lab.world.found(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_blocks_its_users_and_nothing_else() {
    let (lab, troubles) = applied(Script::Refuses).await;
    assert_eq!(troubles, ["a: no", "b: blocked by a"]);
    assert!(lab.world.objects().contains_key(&("toy.file".to_owned(), "/c".to_owned())));
    assert!(lab.store.doubts("shop").unwrap().is_empty(), "it surely did not happen");
    lab.world.set_script("a", Script::Works);
    assert_eq!(lab.apply(lab.plan(STACK).await.unwrap().plan).await, Vec::<String>::new());
    assert!(all_is_there(&lab).await);
}

#[tokio::test(start_paused = true)]
async fn what_broke_stays_in_doubt_until_somebody_has_looked() {
    let (lab, troubles) = applied(Script::Breaks).await;
    assert_eq!(troubles, ["a: it broke", "b: blocked by a"]);
    assert_eq!(lab.store.doubts("shop").unwrap().len(), 1);
    let settled = lab.engine.settle("shop", lab.options.terms).await;
    let recovered = settled.unwrap_or_else(|_| panic!("it can be looked for")).recovered;
    assert!(matches!(&recovered[..], [one] if one.step == "a" && !one.happened));
    assert!(lab.store.doubts("shop").unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_thing_was_changed_meanwhile_refuses_alone() {
    let (lab, _) = applied(Script::Works).await;
    let other = STACK.replace("content: x", "content: y");
    let plan = lab.plan(&other).await.unwrap().plan;
    lab.world.disturb("toy.file", "/c", "mode", "0777");
    let troubles = lab.apply(plan).await;
    assert_eq!(troubles, ["c: the plan is stale: it is not what it was when the plan was made"]);
    let troubles = lab.apply(lab.plan(&other).await.unwrap().plan).await;
    assert_eq!(troubles, Vec::<String>::new());
}

async fn stopped(stop: Stop) -> (Lab, Report) {
    let lab = Lab::toys();
    lab.world.set_pace(1_000);
    let plan = lab.plan(STACK).await.unwrap().plan;
    let (sender, stopping) = watch::channel(Stop::No);
    let observer = Arc::new(Unobserved);
    let applying = lab.engine.apply(plan, None, &lab.options, observer, stopping);
    let stop_later = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        sender.send_replace(stop);
    };
    let (report, ()) = tokio::join!(applying, stop_later);
    (lab, report.unwrap_or_else(|_| panic!("it began")))
}

#[tokio::test(start_paused = true)]
async fn told_once_it_starts_nothing_more_and_waits_for_what_runs() {
    let (lab, report) = stopped(Stop::StartNothing).await;
    assert_eq!(report.outcome, RunOutcome::Stopped);
    assert_eq!(report.count(Outcome::Created), 2, "`a` and `c` were at work");
    assert!(lab.store.doubts("shop").unwrap().is_empty());
    assert_eq!(lab.converge(&lab.request(STACK), "shop").await, Vec::<String>::new());
    assert!(all_is_there(&lab).await);
}

#[tokio::test(start_paused = true)]
async fn told_twice_it_leaves_everything_as_it_is_and_the_next_run_finds_out() {
    let (lab, report) = stopped(Stop::Now).await;
    assert_eq!(report.outcome, RunOutcome::Stopped);
    assert_eq!(lab.store.doubts("shop").unwrap().len(), 2);
    assert_eq!(lab.converge(&lab.request(STACK), "shop").await, Vec::<String>::new());
    assert!(all_is_there(&lab).await);
    assert_eq!(lab.world.violations(), Vec::<String>::new());
}

//! What an apply does when the world does not answer as it should.

use std::sync::Arc;
use std::time::Duration;

use model::event::Outcome;
use runtime::engine::{PlanRequest, Report};
use runtime::plan::Targets;
use runtime::store::{MemoryStore, RunId, RunOutcome};
use runtime::walk::{Stop, Unobserved};
use testkit::lab::said;
use testkit::{Lab, Script, World};
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
    let settled = lab.engine.settle("shop", lab.options.terms, |_| {}).await;
    let recovered = settled.unwrap_or_else(|_| panic!("it can be looked for")).recovered;
    assert!(matches!(&recovered[..], [one] if one.step == "a" && one.happened == Some(false)));
    assert!(lab.store.doubts("shop").unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn many_doubts_are_settled_together_and_none_holds_up_everything() {
    let lab = Lab::toys();
    let text = "stack: shop\nresources:\n  a: { kind: toy.value, input: x, count: 40, attempts: 1, timeout: 10s }\n";
    lab.world.set_script("a", Script::LosesTheAnswer);
    assert_eq!(lab.apply(lab.plan(text).await.unwrap().plan).await.len(), 40);
    let settle = async || {
        let told = std::cell::RefCell::new(Vec::new());
        let begun = tokio::time::Instant::now();
        let waiting = |what: &str| told.borrow_mut().push(what.to_owned());
        let settled = lab.engine.settle("shop", lab.options.terms, waiting).await;
        (settled.map_err(said), begun.elapsed(), told.into_inner())
    };
    lab.world.set_patience(Duration::from_hours(1));
    let (settled, took, told) = settle().await;
    let why = "cannot find out whether an earlier run changed a[0]: no answer within 10s";
    assert_eq!(settled.err().unwrap(), why);
    assert_eq!(took.as_secs(), 30, "sixteen at once, ten seconds each");
    assert_eq!(told, ["word of what an earlier run left in doubt (40 steps)"]);
    lab.world.set_patience(Duration::from_secs(1));
    let (settled, took, _) = settle().await;
    assert_eq!(settled.unwrap().recovered.len(), 40);
    assert_eq!(took.as_secs(), 3);
    assert!(lab.plan(text).await.unwrap().plan.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_state_by_hand_settles_doubt_first() {
    let lab = Lab::toys();
    lab.world.set_script("a", Script::LosesTheAnswer);
    let text = STACK.replacen("timeout: 10s", "timeout: 10s, attempts: 1", 1);
    let troubles = lab.apply(lab.plan(&text).await.unwrap().plan).await;
    assert!(troubles[0].starts_with("a: "), "{troubles:?}");
    assert_eq!(lab.store.doubts("shop").unwrap().len(), 1, "it was made, and nobody knows");
    lab.world.set_script("a", Script::Works);

    let refused = lab.engine.rename("shop", "c", "a").await.map_err(said);
    assert_eq!(refused, Err("`a` is remembered already in the stack `shop`".to_owned()));
    assert_eq!(lab.store.doubts("shop").unwrap(), []);
    let refused = lab.engine.import(&lab.request(&text), "a", "1").await.map_err(said);
    assert_eq!(refused.err().unwrap(), "`a` is remembered already in the stack `shop`");
    lab.engine.rename("shop", "a", "elsewhere").await.map_err(said).unwrap();
    lab.engine.rename("shop", "elsewhere", "a").await.map_err(said).unwrap();
    assert_eq!(lab.apply(lab.plan(&text).await.unwrap().plan).await, Vec::<String>::new());
    assert_eq!(lab.world.objects().len(), 3);
    assert_eq!(lab.world.violations(), Vec::<String>::new());
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

#[tokio::test(start_paused = true)]
async fn a_step_whose_thing_another_run_changed_refuses_even_if_it_was_changed_back() {
    let (lab, _) = applied(Script::Works).await;
    let plan = lab.plan(&STACK.replace("/c, content: x", "/c, content: z")).await.unwrap().plan;
    for text in [STACK.replace("/c, content: x", "/c, content: y"), STACK.to_owned()] {
        let troubles = lab.apply(lab.plan(&text).await.unwrap().plan).await;
        assert_eq!(troubles, Vec::<String>::new());
    }
    assert_eq!(lab.apply(plan).await, ["c: the plan is stale: another run changed it since"]);
}

#[tokio::test(start_paused = true)]
async fn what_another_run_removed_is_neither_made_again_nor_removed_twice() {
    let without =
        STACK.replace("  c: { kind: toy.file, path: /c, content: x, timeout: 10s }\n", "");
    let wanted = [
        STACK.replace("path: /c", "path: /d"),
        STACK.replace("/c, content: x", "/c, content: z"),
        STACK.replace("kind: toy.file, path: /c, content: x", "kind: toy.value, input: x"),
        without.clone(),
    ];
    for text in wanted {
        let (lab, _) = applied(Script::Works).await;
        let plan = lab.plan(&text).await.unwrap().plan;
        assert_eq!(lab.apply(lab.plan(&without).await.unwrap().plan).await, Vec::<String>::new());
        let (objects, troubles) = (lab.world.objects(), lab.apply(plan).await);
        assert!(troubles[0].ends_with("the plan is stale: another run removed it since"), "{text}");
        assert_eq!(lab.world.objects(), objects, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_put_back_from_a_copy_repeats_no_token() {
    let kinds = |world: &Arc<World>| testkit::toy::registry(world);
    let lab = Lab::toys();
    let copy = Arc::new(MemoryStore::new("lab", kinds(&lab.world)));
    let text = "stack: shop\nresources: { a: { kind: toy.value, input: x } }\n";
    for store in [Arc::clone(&copy), Arc::new(copy.copy())] {
        let life = lab.fork(Arc::clone(&lab.world), store);
        assert_eq!(life.apply(life.plan(text).await.unwrap().plan).await, Vec::<String>::new());
        assert_eq!(life.store.runs(None, 9).unwrap().len(), 1, "each is the first of its store");
    }
    assert_eq!(lab.world.violations(), Vec::<String>::new());
    assert_eq!(lab.world.objects().len(), 2, "the second one is not taken for the first");
}

#[tokio::test(start_paused = true)]
async fn of_old_runs_neither_steps_nor_logs_are_kept() {
    let lab = Lab::toys();
    lab.write(".windlass/logs/1/0.log", "1 made\n");
    for run in 0..101 {
        assert!(lab.engine.run_details(RunId(1)).is_ok() || run == 0);
        let text =
            format!("stack: shop\nresources: {{ a: {{ kind: toy.value, input: x{run} }} }}\n");
        assert_eq!(lab.apply(lab.plan(&text).await.unwrap().plan).await, Vec::<String>::new());
    }
    let gone = lab.engine.run_details(RunId(1)).map_err(said).err().unwrap();
    assert_eq!(gone, "what run 1 did is no longer kept");
    assert!(!lab.folder().join(".windlass/logs/1").exists());
    assert_eq!(lab.engine.run_details(RunId(2)).map_err(said).unwrap().steps.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_reads_something_that_another_run_changed_refuses() {
    const BEFORE: &str = "
stack: shop
resources:
  a: { kind: toy.file, path: /a, content: x }
  many: { kind: toy.file, path: \"/m${index}\", content: x, count: 2 }
  b: { kind: toy.file, path: /b, content: \"${a.hash}\" }
  c: { kind: toy.cert, names: \"${many.hash}\" }
  d: { kind: toy.file, path: /d, content: \"${stack.other.out}\" }
outputs: { out: \"${a.hash}\" }
";
    let other = |text: &str| format!("stack: other\nresources: {{}}\noutputs: {{ out: {text} }}\n");
    let lab = Lab::toys();
    for text in [other("x"), BEFORE.to_owned()] {
        assert_eq!(lab.apply(lab.plan(&text).await.unwrap().plan).await, Vec::<String>::new());
    }
    // Each reads what it read before, and is changed beside that.
    let mine = BEFORE
        .replace("/b,", "/b, mode: '0600',")
        .replace("c: {", "c: { note: mine,")
        .replace("/d,", "/d, mode: '0600',")
        .replace("out: \"$", "out: \"mine $");
    let plan = lab.plan(&mine).await.unwrap().plan;
    let theirs = BEFORE.replace("content: x", "content: y");
    let targets = Targets { only: vec!["a".to_owned(), "many".to_owned()], without: Vec::new() };
    let theirs = PlanRequest { targets, ..lab.request(&theirs) };
    let theirs = lab.planned(&theirs).await.unwrap().plan;
    assert_eq!(lab.apply(theirs).await, Vec::<String>::new());
    assert_eq!(lab.apply(lab.plan(&other("y")).await.unwrap().plan).await, Vec::<String>::new());
    lab.world.take_log();
    let refused = |step: &str, path: &str| {
        format!("{step}: the plan is stale: `{path}` is not what it was when the plan was made")
    };
    let wanted =
        [refused("b", "a.hash"), refused("c", "many.hash"), refused("d", "stack.other.out")];
    let mut troubles = lab.apply(plan).await;
    troubles.sort();
    assert_eq!(troubles, wanted);
    assert_eq!(lab.world.take_log(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn outputs_that_another_run_changed_are_left_alone() {
    let text = |out: &str| format!("stack: shop\nresources: {{}}\noutputs: {{ out: {out} }}\n");
    let lab = Lab::toys();
    for out in ["x", "y"] {
        let plan = lab.plan(&text("mine")).await.unwrap().plan;
        assert_eq!(lab.apply(lab.plan(&text(out)).await.unwrap().plan).await, Vec::<String>::new());
        let stale = "(outputs): the plan is stale: another run changed the outputs since";
        assert_eq!(lab.apply(plan).await, [stale]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_answers_for_less_than_it_was_asked_for_is_not_believed() {
    let (lab, _) = applied(Script::Works).await;
    lab.world.set_short();
    let said = lab.plan(STACK).await.err().unwrap();
    assert!(said.contains("toy.file was asked for 3 objects and answered for 2"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_path_within_the_project_may_be_absolute_or_relative() {
    let lab = Lab::toys();
    let text = |path: &str| {
        format!(
            "stack: shop\nresources:\n  a: {{ kind: toy.file, path: out/p, content: x }}\n  b: {{ kind: toy.link, path: \"{path}/out/p\", to: x }}\n"
        )
    };
    let refused = lab.plan(&text(lab.folder().to_str().unwrap())).await.err().unwrap();
    assert!(refused.contains("`a` and `b` are both toy.file `out/p`"), "{refused}");
    assert!(lab.plan(&text("/elsewhere")).await.is_ok());
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

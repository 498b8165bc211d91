//! Cutovers by `windlass apply` under load, with the real front, real services and clients who never retry.
//!
//! `WINDLASS_CUTOVERS=200 cargo test -p windlass --test windlass cutovers` makes them many.

#[path = "../../engine/front/tests/front/backend.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the tests of the front share it")]
mod backend;
#[path = "../../engine/front/tests/front/client.rs"]
#[allow(dead_code, reason = "the tests of the front share it")]
mod client;
#[path = "../../engine/front/tests/front/load.rs"]
#[allow(dead_code, reason = "the tests of the front share it")]
mod load;
mod shop;
#[path = "../../engine/front/tests/front/streams.rs"]
#[allow(dead_code, reason = "the tests of the front share it")]
mod streams;

use std::time::Duration;

use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::{Instant, sleep};

use crate::cli::project::Answer;
use shop::{Receipts, Shop, eprint, is_backend, signal, times, within};
use streams::encrypted;

/// What the services of these tests run: this executable, which becomes a backend.
#[test]
fn a_backend() {
    if let Some((address, name)) = is_backend() {
        within(async { backend::good_at(address, name).await.forever().await });
    }
}

#[test]
fn cutovers_under_load_lose_nothing_and_the_receipts_say_so() {
    within(async {
        let shop = Shop::open().await;
        let mut receipts = Receipts::default();
        let load = load::Load::begin(shop.plain).await;
        load.tunnel(shop.plain);
        load.encrypt(shop.tls, "web.test", &shop.authority());
        let begun = Instant::now();
        for round in 0..times(3) {
            sleep(Duration::from_millis(50)).await;
            shop.deploy(&format!("v{round}")).await;
            receipts.take(&shop).await;
            // Its receipt is there: it may die.
            shop.kill_older();
        }
        let took = begun.elapsed();
        load.end().await;
        let total = receipts.settled(&shop, load.answered.get()).await;
        assert_eq!(load.lost.get(), 0, "clients lost; receipts: {total:?}");
        assert_eq!(
            (total.served, total.lost, total.gone),
            (load.answered.get(), 0, 0),
            "{total:?}"
        );
        let rate = load.answered.get() as f64 / took.as_secs_f64();
        eprint(&format!("\n{} cutovers at {rate:.0} requests/s: {total:?}\n", times(3)));
    });
}

#[test]
fn a_side_that_is_killed_too_early_loses_as_much_as_clients_count() {
    within(async {
        let shop = Shop::open().await;
        let mut receipts = Receipts::default();
        let load = load::Load::begin(shop.plain).await;
        for round in 0..times(2).min(20) {
            sleep(Duration::from_millis(100)).await;
            shop.kill_newest();
            shop.deploy(&format!("v{round}")).await;
            receipts.take(&shop).await;
        }
        load.end().await;
        let total = receipts.settled(&shop, load.answered.get()).await;
        assert!(load.lost.get() > 0, "something is lost");
        let counted = (total.served, total.lost + total.gone);
        assert_eq!(counted, (load.answered.get(), load.lost.get()), "{total:?}");
    });
}

#[test]
fn an_apply_that_is_killed_in_the_middle_of_a_cutover_is_settled_by_the_next() {
    within(async {
        let shop = Shop::open().await;
        let mut receipts = Receipts::default();
        let load = load::Load::begin(shop.plain).await;
        load.tunnel(shop.plain);
        for round in 0..times(3) {
            let version = format!("v{round}");
            let mut running = shop.begin(&version);
            sleep(Duration::from_millis(fastrand::u64(50..1_200))).await;
            running.kill().await.expect("a kill");
            shop.deploy(&version).await;
            receipts.take(&shop).await;
            assert_eq!(shop.serves().await, version);
        }
        load.end().await;
        let total = receipts.settled(&shop, load.answered.get() + times(3)).await;
        assert_eq!((load.lost.get(), total.lost), (0, 0), "{total:?}");
        // One question of this test on top for each round.
        assert_eq!(total.served, load.answered.get() + times(3), "{total:?}");
    });
}

#[test]
fn nobody_is_refused_when_the_front_and_its_keeper_are_killed() {
    within(async {
        let shop = Shop::open().await;
        let load = load::Load::begin(shop.plain).await;
        load.tunnel(shop.plain);
        for round in 0..times(3) {
            sleep(Duration::from_millis(100)).await;
            // A refused connection is a panic, and fails the test.
            shop.kill_front(Signal::KILL).await;
            assert_eq!(shop.serves().await, shop.version());
            signal(shop.keeper().await, Signal::KILL);
            assert_eq!(shop.serves().await, shop.version());
            // The next apply brings a keeper again, and changes over.
            shop.deploy(&format!("v{round}")).await;
            assert_eq!(shop.serves().await, format!("v{round}"));
        }
        load.end().await;
        // Each client may lose what was open in a front that died, and nothing else.
        let most = 12 * times(3);
        assert!(load.lost.get() <= most, "{} of {} lost", load.lost.get(), load.answered.get());
    });
}

#[test]
fn a_front_that_is_killed_as_it_waits_for_a_version_is_told_of_it_again() {
    within(async {
        let shop = Shop::open().await;
        let stack = shop.project.read("stacks/shop.yml");
        let judged = stack.replace("watch: 500ms", "watch: 500ms\n    health: { http: / }");
        shop.project.write("stacks/shop.yml", &judged);
        // It does not come before it is well.
        shop.turn_bad("next");
        let mut deploy = shop.begin("next");
        let until = Instant::now() + Duration::from_secs(20);
        while shop.backends() < 2 {
            assert!(Instant::now() < until, "the new version does not start");
            sleep(Duration::from_millis(20)).await;
        }
        sleep(Duration::from_millis(700)).await;
        shop.kill_front(Signal::KILL).await;
        shop.turn_good("next");
        assert!(deploy.wait().await.expect("an end").success(), "it was given up");
        assert_eq!(shop.serves().await, "next");
    });
}

#[test]
fn a_front_that_is_about_to_be_started_again_is_no_drift() {
    within(async {
        let shop = Shop::open().await;
        // Who keeps it sees its end a moment later.
        let (front, keeper) = (shop.front().await, shop.keeper().await);
        signal(keeper, Signal::STOP);
        signal(front, Signal::KILL);
        let goes_on = async {
            sleep(Duration::from_millis(500)).await;
            signal(keeper, Signal::CONT);
        };
        let plan = shop.windlass(&["plan", "--detailed-exitcode"]);
        tokio::join!(plan, goes_on);
    });
}

#[test]
fn a_certificate_that_is_renewed_is_shown_to_the_next_client_and_nobody_is_lost() {
    within(async {
        let shop = Shop::open().await;
        let load = load::Load::begin(shop.plain).await;
        load.tunnel(shop.plain);
        load.encrypt(shop.tls, "web.test", &shop.authority());
        let shown = async || {
            let authority = shop.authority();
            let stream = encrypted(shop.tls, "web.test", &[authority], b"http/1.1").await;
            let stream = stream.expect("a connection");
            let chain = stream.get_ref().1.peer_certificates().expect("a certificate");
            chain[0].clone().into_owned()
        };
        let first = shown().await;
        shop.windlass(&["apply", "--yes", "--replace", "certificate", "--allow-deletes", "all"])
            .await;
        let until = Instant::now() + Duration::from_secs(20);
        while shown().await == first {
            assert!(Instant::now() < until, "the old certificate is still shown");
            sleep(Duration::from_millis(50)).await;
        }
        let file = CertificateDer::from_pem_file(shop.project.place("tls/current/certificate.pem"));
        assert_eq!(shown().await, file.expect("a certificate"));
        load.end().await;
        assert_eq!(load.lost.get(), 0);
    });
}

#[test]
fn a_version_that_turns_bad_is_taken_back_and_does_not_come_again() {
    within(async {
        let shop = Shop::open().await;
        shop.turn_bad("bad");
        let load = load::Load::begin(shop.plain).await;
        load.tunnel(shop.plain);
        let answer = shop.try_deploy("bad").await;
        assert_eq!(answer.code, 1, "{answer}");
        let said = answer.to_string();
        for part in [
            " was taken back: ",
            "requests were answered with 500 or more",
            " serves again, and nothing of it was ended",
            " is in quarantine and does not come again",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(shop.serves().await, "v");
        let answer = shop.windlass_says(&["plan", "--param", "version=bad"]).await;
        assert_eq!(answer.code, 4, "{answer}");
        assert!(answer.to_string().contains("is in quarantine since "), "{answer}");
        shop.deploy("mended").await;
        assert_eq!(shop.serves().await, "mended");
        load.end().await;
        // Clients take an answer of 500 for a loss; the front counts it as an answer.
        assert!(load.lost.get() > 0);
    });
}

/// Deploys a version, and asks it for these paths while it is watched.
async fn watched_under(shop: &Shop, version: &str, paths: &[&str]) -> Answer {
    let asked = async {
        while client::get(shop.plain, "/").await.is_none_or(|heard| heard.text() != version) {
            sleep(Duration::from_millis(5)).await;
        }
        for path in paths {
            client::get(shop.plain, path).await;
        }
    };
    tokio::join!(shop.try_deploy(version), asked).0
}

#[test]
fn how_many_may_be_lost_and_how_many_may_fail_is_for_the_route_to_say() {
    within(async {
        let shop = Shop::open().await;
        let stack = shop.project.read("stacks/shop.yml");
        let keys = "    watch: 2s\n    max_lost: 2\n    max_error_rate: 50%\n";
        shop.project.write("stacks/shop.yml", stack.replacen("    watch: 500ms\n", keys, 1));
        shop.deploy("v").await;
        let (good, cut, failing) = (&["/"; 20][..], "/cut", &["/status/500"; 25][..]);
        let answer = watched_under(&shop, "some", &[good, &[cut; 2], &failing[..6]].concat()).await;
        assert_eq!(answer.code, 0, "{answer}");
        assert_eq!(shop.serves().await, "some");
        for (version, paths, why) in [
            ("lossy", [good, &[cut; 3]].concat(), "requests were lost"),
            ("failing", failing.to_vec(), "requests were answered with 500 or more, 0 were lost"),
        ] {
            let answer = watched_under(&shop, version, &paths).await;
            assert_eq!(answer.code, 1, "{answer}");
            let said: Vec<&str> = answer.stderr.split_whitespace().collect();
            let said = format!("{answer} {}", said.join(" "));
            assert!(said.contains(" was taken back: ") && said.contains(why), "{said}");
            assert_eq!(shop.serves().await, "some");
        }
    });
}

#[test]
fn a_pipeline_goes_back_to_the_version_before() {
    within(async {
        let shop = Shop::open().await;
        shop.project
            .write("pipelines/back.yml", "pipeline: back\nsteps: { go: { rollback: shop } }\n");
        shop.deploy("new").await;
        assert_eq!(shop.serves().await, "new");
        let load = load::Load::begin(shop.plain).await;
        shop.windlass(&["run", "back"]).await;
        assert_eq!(shop.serves().await, "v");
        load.end().await;
        assert_eq!(load.lost.get(), 0);
        let plan = shop.windlass_says(&["plan", "--param", "version=new"]).await;
        assert!(plan.to_string().contains("is in quarantine since "), "{plan}");
        assert_eq!(shop.try_deploy("new").await.code, 4);
        // The refusal says how the rest of the stack goes on.
        let said = plan.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let mut rest = vec!["apply", "--yes", "--param", "version=new"];
        for way in ["--exclude site", "--exclude secure"] {
            assert!(said.contains(&format!("`{way}` applies the rest")), "{plan}");
            rest.extend(way.split(' '));
        }
        shop.project.write(
            "stacks/shop.yml",
            shop.project.read("stacks/shop.yml").replace(
                "resources:\n",
                "resources:\n  more: { kind: file.directory, path: more }\n",
            ),
        );
        shop.windlass(&rest).await;
        assert!(shop.project.place("more").is_dir());
        assert_eq!(shop.serves().await, "v");
        let answer = shop.windlass_says(&["run", "back"]).await;
        assert_eq!(answer.code, 1, "{answer}");
        let said = "nothing of `shop` can go back at once";
        assert!(answer.to_string().contains(said), "{answer}");
    });
}

#[test]
fn the_receipts_of_a_cutover_stand_with_its_run() {
    within(async {
        let shop = Shop::open().await;
        assert_eq!(shop.serves().await, "v");
        shop.windlass(&["run", "deploy", "--param", "version=good"]).await;
        let shown = shop.project.done(["runs", "show", "2"]).stdout;
        // Lines end, and routes come, by how long something took.
        let shown: Vec<&str> = shown.split_whitespace().collect();
        let shown = shown.join(" ").replace("0.5 s", "N.NN s").replace("NN ms", "N ms");
        let mut notices: Vec<&str> = shown.split(" · ").skip(1).collect();
        notices.sort_unstable_by_key(|notice| std::cmp::Reverse(*notice));
        insta::assert_snapshot!(notices.join("\n"), @"
        notice live site: NNNNNNNNNNNN served 1, lost 0 (late 0), errors 0, slowest N ms; NNNNNNNNNNNN within N.NN s: served 0, lost 0 (late 0), errors 0, slowest N ms
        notice live secure: NNNNNNNNNNNN served 0, lost 0 (late 0), errors 0, slowest N ms; NNNNNNNNNNNN within N.NN s: served 0, lost 0 (late 0), errors 0, slowest N ms
        ");
        // Of the apply within it as well.
        let shown = shop.project.done(["runs", "show", "4"]).stdout;
        assert_eq!(shown.matches("lost 0 (late 0), errors 0").count(), 4, "{shown}");
        let events = shop.project.done(["runs", "show", "2", "--json"]).stdout;
        let receipts = events.lines().filter_map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).expect("an event");
            let message = event["message"].as_str()?.to_owned();
            let title = event["title"].as_str()?.to_owned();
            message.contains(" served 1, lost 0 (late 0), errors 0, ").then_some(title)
        });
        assert_eq!(receipts.collect::<Vec<_>>(), ["site"], "{events}");
    });
}

#[test]
fn a_version_that_failed_its_smoke_test_does_not_come_by_a_plain_apply() {
    within(async {
        let shop = Shop::open().await;
        shop.turn_bad("bad");
        let answer = shop.windlass_says(&["run", "deploy", "--param", "version=bad"]).await;
        assert_eq!(answer.code, 1, "{answer}");
        let apply = ["apply", "--yes", "--param", "version=bad"];
        let answer = shop.project.run(apply);
        insta::assert_snapshot!(answer.stderr, @"
        refused: this plan cannot be applied
            - secure: NNNNNNNNNNNN is kept away since NNNN-NN-NNTNN:NN:NNZ: it failed its smoke test: exit
              code 1 (it comes once its test passes: run the pipeline again; or deploy what is another
              version; to try this one all the same, say `pardon: NNNNNNNNNNNN` there; meanwhile `--exclude
              secure` applies the rest)
            - site: NNNNNNNNNNNN is kept away since NNNN-NN-NNTNN:NN:NNZ: it failed its smoke test: exit
              code 1 (it comes once its test passes: run the pipeline again; or deploy what is another
              version; to try this one all the same, say `pardon: NNNNNNNNNNNN` there; meanwhile `--exclude
              site` applies the rest)
        ");
        assert_eq!(answer.code, 4, "{answer}");
        assert_eq!(shop.serves().await, "v");
        // The front may be another by now.
        shop.kill_front(Signal::KILL).await;
        let answer = shop.try_deploy("bad").await;
        assert_eq!(answer.code, 4, "{answer}");
        shop.deploy("mended").await;
        assert_eq!(shop.serves().await, "mended");
        // Whoever stands in its place has nothing against it.
        shop.deploy("next").await;
        assert_eq!(shop.serves().await, "next");
    });
}

#[test]
fn a_version_comes_once_its_smoke_test_passes_or_it_is_pardoned() {
    within(async {
        let shop = Shop::open().await;
        let deploy = async |version: &str| {
            let version = format!("version={version}");
            shop.windlass_says(&["run", "deploy", "--param", &version]).await
        };
        shop.turn_bad("flaky");
        assert_eq!(deploy("flaky").await.code, 1);
        assert_eq!(shop.try_deploy("flaky").await.code, 4);
        shop.turn_good("flaky");
        let answer = deploy("flaky").await;
        assert_eq!(answer.code, 0, "{answer}");
        assert_eq!(shop.serves().await, "flaky");

        // It fails its test, and is good all the same.
        shop.turn_bad("odd");
        assert_eq!(deploy("odd").await.code, 1);
        shop.turn_good("odd");
        let answer = shop.try_deploy("odd").await;
        assert_eq!(answer.code, 4, "{answer}");
        let said = answer.to_string();
        let (_, pardon) = said.split_once("say `pardon: ").expect("what to do");
        let stack = shop.project.read("stacks/shop.yml");
        let key = format!("    watch: 500ms\n    pardon: \"{}\"\n", &pardon[..12]);
        shop.project.write("stacks/shop.yml", stack.replace("    watch: 500ms\n", &key));
        shop.deploy("odd").await;
        assert_eq!(shop.serves().await, "odd");
    });
}

#[test]
fn a_pipeline_that_is_killed_within_a_smoke_test_leaves_a_version_that_nobody_is_sent_to() {
    within(async {
        let shop = Shop::open().await;
        shop.project.write("pipelines/deploy.yml", shop::SLOW_PIPELINE);
        let mut running = shop.begin_with(&["run", "deploy", "--param", "version=new"]);
        let until = Instant::now() + Duration::from_secs(30);
        while !shop.project.place("smoked").exists() {
            assert!(Instant::now() < until, "the smoke test does not begin");
            sleep(Duration::from_millis(20)).await;
        }
        running.kill().await.expect("a kill");
        let answer = shop.try_deploy("new").await;
        assert_eq!(answer.code, 4, "{answer}");
        let said: Vec<&str> = answer.stderr.split_whitespace().collect();
        let why = "its smoke test was begun and has not passed";
        assert!(said.join(" ").contains(why), "{answer}");
        assert_eq!(shop.serves().await, "v");
        shop.project.write("go", "");
        shop.windlass(&["run", "deploy", "--param", "version=new"]).await;
        assert_eq!(shop.serves().await, "new");
    });
}

#[test]
fn what_the_smoke_test_has_not_seen_does_not_come() {
    within(async {
        let shop = Shop::open().await;
        let stack = shop.project.read("stacks/shop.yml");
        let stack = stack.replace("    sides: true\n", "    sides: true\n    source: app\n");
        shop.project.write("stacks/shop.yml", &stack);
        shop.project.write("app/part", "seen");
        let writes = shop::PIPELINE.replace("- test", "- echo unseen >>app/part; test");
        shop.project.write("pipelines/deploy.yml", &writes);
        let answer = shop.windlass_says(&["run", "deploy", "--param", "version=new"]).await;
        assert_eq!(answer.code, 1, "{answer}");
        let said = "web is not what it was when it was looked at (source): nobody is sent to it";
        assert!(answer.to_string().contains(said), "{answer}");
        assert_eq!(shop.serves().await, "v");
        shop.project.write("pipelines/deploy.yml", shop::PIPELINE);
        shop.windlass(&["run", "deploy", "--param", "version=new"]).await;
        assert_eq!(shop.serves().await, "new");
    });
}

#[test]
fn a_version_that_fails_its_smoke_test_never_gets_a_request_and_there_is_a_way_back() {
    within(async {
        let shop = Shop::open().await;
        shop.turn_bad("bad");
        let load = load::Load::begin(shop.plain).await;
        load.tunnel(shop.plain);
        let answer = shop.windlass_says(&["run", "deploy", "--param", "version=bad"]).await;
        assert_eq!(answer.code, 1, "{answer}");
        let said = answer.to_string();
        assert!(said.contains("the new version fails its smoke test: "), "{said}");
        let answer = shop.windlass(&["run", "deploy", "--param", "version=good"]).await;
        assert!(answer.to_string().contains(" lost 0 (late 0)"), "the receipt is shown: {answer}");
        assert_eq!(shop.serves().await, "good");
        let answer = shop.windlass_says(&["rollback", "shop"]).await;
        assert_eq!(answer.code, 2, "{answer}");
        let said = "try: look at the plan above, then say yes: `windlass rollback shop --yes`";
        assert!(answer.to_string().contains(said), "{answer}");
        let answer = shop.windlass(&["rollback", "shop", "--yes"]).await;
        assert!(answer.to_string().contains("back to what was before"), "{answer}");
        assert_eq!(shop.serves().await, "v");
        load.end().await;
        assert_eq!(load.lost.get(), 0, "nobody has seen the bad one");
        let answer = shop.windlass_says(&["rollback", "shop", "--yes"]).await;
        assert_eq!(answer.code, 4, "{answer}");
        let said = "refused: nothing of `shop` can go back at once";
        assert!(answer.to_string().contains(said), "{answer}");
        let answer = shop.windlass_says(&["rollback", "shop", "sites", "--yes"]).await;
        assert!(answer.to_string().contains("did you mean `site`?"), "{answer}");
    });
}

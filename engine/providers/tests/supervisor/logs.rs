//! What services write.

use std::fs;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};

use crate::place::{Place, seen, wait};
use crate::suite::tests;

tests![what_a_service_writes_is_set_aside_and_kept, both_streams_are_kept_in_order];

/// Whether this file system can cut off a file's beginning.
fn cuts(place: &Place) -> bool {
    let path = place.path().join("cut");
    fs::write(&path, vec![0; 65_536]).expect("a file");
    let file = fs::File::options().write(true).open(&path).expect("a file");
    fallocate(&file, FallocateFlags::COLLAPSE_RANGE, 0, 16_384).is_ok()
}

fn what_a_service_writes_is_set_aside_and_kept() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        // Written in bursts and without a pause in between, over several rounds of the supervisor.
        let lines = 400_000;
        let script = "i=0; while [ $i -lt 40 ]; do seq -f 'line %.0f' $((i*10000)) \
                      $((i*10000+9999)); i=$((i+1)); sleep 0.08; done";
        let mut spec = place.shell("web", script);
        (spec.rules.log.size, spec.rules.log.keep) = (20_000, 40);
        client.ensure(&spec, "t").await.expect("a service");
        seen(&client, "web", |s| s.last_exit.is_some()).await;
        assert_eq!(client.tail("web", 1).await.expect("lines"), [format!("line {}", lines - 1)]);
        let read = |suffix: &str| {
            let file = format!("{}{suffix}", spec.rules.log.file.display());
            fs::read_to_string(file).unwrap_or_default()
        };
        let aside = (1..=40).rev().map(|n| read(&format!(".{n}")));
        let text = aside.chain([read("")]).collect::<String>();
        assert!(!read(".1").is_empty(), "it was never set aside");
        let expected: Vec<String> = (0..lines).map(|n| format!("line {n}\n")).collect();
        let expected = expected.concat();
        if cuts(&place) {
            assert!(text == expected, "{} of {} bytes", text.len(), expected.len());
        } else {
            let lost = expected.len() - text.len();
            assert!(lost < expected.len() / 100, "{lost} of {} bytes are lost", expected.len());
        }
    });
}

fn both_streams_are_kept_in_order() {
    wait(async {
        let place = Place::new();
        let client = place.client().await;
        let spec = place.shell("web", "echo one; echo two >&2; echo three; exec sleep 1000");
        client.ensure(&spec, "t").await.expect("a service");
        while client.tail("web", 9).await.expect("lines").len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(client.tail("web", 9).await.expect("lines"), ["one", "two", "three"]);
    });
}

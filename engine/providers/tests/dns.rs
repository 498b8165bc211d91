//! `dns.*`: zones as files, and many records in one of them.

use std::ffi::OsStr;
use std::sync::Arc;

use model::{Change, Context, Fault, Found, Object};
use rustix::fs::{FlockOperation, flock};

use crate::lab::{Lab, alone, become_nobody, kind};
use crate::life::{Life, is_made_once};
use crate::tools;

const ZONE: &str = "{ path: zones/shop.zone, name: shop.test, name_servers: [ns1] }";
const FILE: &str = "zones/shop.zone";

/// A zone in a lab, and records in it that other resources keep.
struct Names {
    lab: Lab,
    zone: Object,
}

impl Names {
    async fn with(zone: &str) -> Self {
        let lab = Lab::new();
        let zone = Life::of(&lab, "dns.zone").create(zone).await.unwrap();
        Self { lab, zone }
    }

    async fn new() -> Self {
        let names = Self::with(ZONE).await;
        names.put("ns1", "name: ns1, type: A, values: [192.0.2.53]").await.unwrap();
        names
    }

    fn context(&self, address: &str) -> Context {
        Context { address: address.into(), ..self.lab.context.clone() }
    }

    /// Creates a record that the resource of this name keeps.
    async fn put(&self, address: &str, keys: &str) -> Result<Object, Fault> {
        let tree = self.lab.tree(&format!("{{ zone: {FILE}, {keys} }}"));
        let (kind, context) = (kind("dns.record"), self.context(address));
        let made = kind.effects.apply(&context, Change::Create(&tree), &self.lab.token()).await?;
        Ok(made.expect("an object"))
    }

    async fn refused(&self, keys: &str) -> String {
        let before = self.lab.text(FILE);
        let fault = self.put("other", keys).await.expect_err("it is refused");
        assert_eq!(self.lab.text(FILE), before, "nothing is written");
        assert_eq!(fault.nature, model::fault::Nature::Refused);
        assert!(fault.help.is_some(), "says what to do: {fault}");
        fault.message
    }

    async fn seen(&self, kind: &str, id: &str) -> Object {
        let known = model::Known { id: id.to_owned(), sealed: false, spec: None };
        let kind = crate::lab::kind(kind);
        kind.effects.read(&self.lab.context, &[known]).await.unwrap().remove(0).unwrap().unwrap()
    }

    fn serial(&self) -> u32 {
        let text = self.lab.text(FILE);
        let line = text.lines().find(|line| line.ends_with("; serial")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Edits the file by hand.
    fn edit(&self, from: &str, to: &str) {
        let text = self.lab.text(FILE);
        assert!(text.contains(from), "`{from}` is in the file:\n{text}");
        self.lab.write(FILE, text.replacen(from, to, 1));
    }
}

#[tokio::test]
async fn a_zone_is_written_changed_and_removed() {
    let lab = Lab::new();
    let second = "{ path: zones/shop.zone, name: shop.test, name_servers: [ns2.example.net.], \
                  hostmaster: ada@example.net, refresh: 2h, serials: counter }";
    Life::of(&lab, "dns.zone").runs(ZONE, second).await;
    assert_eq!(lab.names("zones"), Vec::<String>::new(), "no lock and no temporary file stays");
}

#[tokio::test]
async fn a_zone_and_a_record_are_made_once_under_one_token() {
    let lab = Lab::new();
    is_made_once(&Life::of(&lab, "dns.zone"), ZONE).await;
    let record = "{ zone: zones/shop.zone, name: www, type: A, values: [192.0.2.1] }";
    is_made_once(&Life::of(&lab, "dns.record"), record).await;
}

#[tokio::test]
async fn a_record_of_every_type_is_written_changed_and_removed() {
    for (kind, first, second) in EVERY {
        let lab = Lab::new();
        let zone = if *kind == "PTR" { "2.0.192.in-addr.arpa" } else { "shop.test" };
        let keys = format!("{{ path: {FILE}, name: {zone}, name_servers: [ns.example.net.] }}");
        Life::of(&lab, "dns.zone").create(&keys).await.unwrap();
        let name = if *kind == "SRV" { "_sip._tcp" } else { "one" };
        let keys = |values: &str| {
            format!("{{ zone: {FILE}, name: {name}, type: {kind}, values: [{values}] }}")
        };
        Life::of(&lab, "dns.record").runs(&keys(first), &keys(second)).await;
    }
}

/// Type, values, other values.
const EVERY: &[(&str, &str, &str)] = &[
    ("A", "192.0.2.1", "192.0.2.1, 192.0.2.2"),
    ("AAAA", "'2001:db8::1'", "'::1'"),
    ("CNAME", "www", "www.example.net."),
    ("MX", "10 mail", "10 mail, 20 mail.example.net."),
    ("TXT", "v=spf1 -all", "'\"a\" \"b\"'"),
    ("SRV", "10 5 5060 sip", "10 5 5061 sip.example.net."),
    ("MX", "10 mail", "0 ."),
    ("SRV", "10 5 5060 sip", "0 0 0 ."),
    ("CAA", "'0 issue \"ca.example.net\"'", "'128 iodef \"mailto:a@b.test\"'"),
    ("NS", "ns.example.net.", "a.example.net., b.example.net."),
    ("PTR", "www.shop.test.", "web.shop.test."),
];

#[tokio::test]
async fn real_tools_load_what_is_written() {
    let names = Names::new().await;
    for (count, (kind, first, second)) in EVERY.iter().enumerate() {
        // Addresses stand in another zone; a CNAME must not meet the others.
        if *kind != "PTR" {
            let name = if *kind == "SRV" { "_sip._tcp".to_owned() } else { format!("r{count}") };
            let values = if *kind == "NS" || *kind == "CNAME" { first } else { second };
            let keys = format!("name: {name}, type: {kind}, values: [{values}]");
            names.put(&name, &keys).await.unwrap();
        }
    }
    for (name, value) in [("www", "192.0.2.1"), ("mail", "192.0.2.2"), ("'*.apps'", "192.0.2.3")] {
        let keys = format!("name: {name}, type: A, values: [{value}], ttl: 5m");
        names.put(name, &keys).await.unwrap();
    }
    let long = "x".repeat(600);
    names
        .put("long", &format!("name: long, type: TXT, values: ['{long}; \"q\" \\ ü']"))
        .await
        .unwrap();
    let file = names.lab.place(FILE);
    let checked = tools::run("named-checkzone", ["-D", "shop.test"].map(OsStr::new), &file);
    let Some(answer) = checked else { return };
    assert!(answer.contains(&format!("loaded serial {}", names.serial())), "{answer}");
    for line in ["www.shop.test.", "*.apps.shop.test.", "_sip._tcp.shop.test."] {
        assert!(answer.contains(line), "{line} in {answer}");
    }
    assert!(!answer.contains("warning"), "{answer}");
}

#[tokio::test]
async fn real_tools_load_a_reverse_zone() {
    let names = Names::with(&format!(
        "{{ path: {FILE}, name: 2.0.192.in-addr.arpa, name_servers: [ns.example.net.] }}"
    ))
    .await;
    names.put("one", "name: '1', type: PTR, values: [www.shop.test.]").await.unwrap();
    let file = names.lab.place(FILE);
    let zone = ["2.0.192.in-addr.arpa"].map(OsStr::new);
    if let Some(answer) = tools::run("named-checkzone", zone, &file) {
        assert!(answer.contains("OK"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_records_at_once_lose_no_update() {
    let names = Arc::new(Names::new().await);
    let before = names.serial();
    let put = |number: usize| {
        let names = names.clone();
        tokio::spawn(async move {
            let keys = format!("name: n{number}, type: A, values: [10.0.0.{number}]");
            names.put(&format!("n{number}"), &keys).await.unwrap();
        })
    };
    for task in (1..=100).map(put).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let text = names.lab.text(FILE);
    let missing: Vec<usize> =
        (1..=100).filter(|n| !text.contains(&format!("10.0.0.{n} ; windlass: n{n}\n"))).collect();
    assert_eq!(missing, Vec::<usize>::new());
    let serial = names.serial();
    assert!((before + 1..=before + 100).contains(&serial), "one number for each write: {serial}");
    assert_eq!(names.lab.names("zones"), ["shop.zone"]);
}

#[tokio::test]
async fn a_change_waits_for_another_process() {
    let names = Names::new().await;
    let lock = std::fs::File::create(names.lab.place("zones/.shop.zone.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let keys = "name: www, type: A, values: [192.0.2.1]";
    let mut put = std::pin::pin!(names.put("www", keys));
    let wait = std::time::Duration::from_millis(200);
    assert!(tokio::time::timeout(wait, put.as_mut()).await.is_err(), "it waits");
    assert!(!names.lab.text(FILE).contains("www"));
    drop(lock);
    put.await.unwrap();
    assert!(names.lab.text(FILE).contains("www"));
}

#[tokio::test]
async fn a_change_that_was_given_up_does_not_happen_later() {
    let names = Names::new().await;
    let lock = std::fs::File::create(names.lab.place("zones/.shop.zone.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let wait = std::time::Duration::from_millis(50);
    let mut put = std::pin::pin!(names.put("www", "name: www, type: A, values: [192.0.2.2]"));
    tokio::time::timeout(wait, put.as_mut()).await.expect_err("it waits");
    let given_up = names.put("late", "name: late, type: A, values: [192.0.2.1]");
    tokio::time::timeout(wait, given_up).await.expect_err("it waits behind the other");
    drop(lock);
    put.await.unwrap();
    assert!(names.lab.text(FILE).contains("www"));
    assert!(!names.lab.text(FILE).contains("late"));
}

#[tokio::test]
async fn one_that_is_refused_among_many_does_not_stop_the_others() {
    let names = Names::new().await;
    let good = names.put("www", "name: www, type: A, values: [192.0.2.1]");
    let bad = names.put("bad", "name: ns1, type: A, values: [192.0.2.2]");
    let more = names.put("web", "name: web, type: CNAME, values: [www]");
    let (good, bad, more) = tokio::join!(good, bad, more);
    assert_eq!(bad.unwrap_err().message, "ns1 A is kept by ns1 already");
    good.unwrap();
    more.unwrap();
    let text = names.lab.text(FILE);
    assert!(text.contains("192.0.2.1") && text.contains("CNAME") && !text.contains("192.0.2.2"));
}

#[tokio::test]
async fn a_write_that_fails_is_told_to_everyone_who_waited_for_it() {
    let names = Names::new().await;
    let text = names.lab.text(FILE);
    std::fs::create_dir(names.lab.place("zones/.shop.zone.new")).unwrap();
    let one = names.put("www", "name: www, type: A, values: [192.0.2.1]");
    let bad = names.put("bad", "name: ns1, type: A, values: [192.0.2.2]");
    let two = names.put("web", "name: web, type: A, values: [192.0.2.3]");
    let (one, bad, two) = tokio::join!(one, bad, two);
    for failed in [one, two] {
        assert_eq!(failed.unwrap_err().message, "cannot write zones/shop.zone: is a directory");
    }
    assert_eq!(bad.unwrap_err().message, "ns1 A is kept by ns1 already", "its own reason");
    assert_eq!(names.lab.text(FILE), text, "what was there is kept");
}

#[tokio::test]
async fn what_a_killed_process_left_is_no_obstacle_and_goes() {
    let names = Names::new().await;
    names.lab.write("zones/.shop.zone.lock", "");
    names.lab.write("zones/.shop.zone.new", "half a zo");
    let tree =
        names.lab.tree(&format!("{{ zone: {FILE}, name: www, type: A, values: [192.0.2.1] }}"));
    let (record, token) = (Life::of(&names.lab, "dns.record"), names.lab.token());
    assert_eq!(record.find(Change::Create(&tree), &token).await, Found::Nothing);
    assert_eq!(names.lab.names("zones"), ["shop.zone"]);
}

#[tokio::test]
async fn the_serial_goes_up_with_a_change_and_never_without_one() {
    let names = Names::with(ZONE).await;
    assert_eq!(names.serial(), 2_026_111_800, "the lab's clock stands on that day");
    let www = "name: www, type: A, values: [192.0.2.1]";
    let made = names.put("www", www).await.unwrap();
    assert_eq!(names.serial(), 2_026_111_801);
    names.put("www", www).await.unwrap();
    assert_eq!(names.serial(), 2_026_111_801, "the same again is no change");
    let zone = Life::of(&names.lab, "dns.zone");
    zone.update(ZONE, &names.zone).await.unwrap();
    assert_eq!(names.serial(), 2_026_111_801);
    let counted = ZONE.replace(" }", ", serials: counter }");
    zone.update(&counted, &names.zone).await.unwrap();
    assert_eq!(names.serial(), 2_026_111_801, "how it is numbered is not its content");
    let record = Life::of(&names.lab, "dns.record");
    record.delete(&format!("{{ zone: {FILE}, {www} }}"), &made).await.unwrap();
    assert_eq!(names.serial(), 2_026_111_802);
}

#[tokio::test]
async fn a_zone_that_is_made_again_goes_on_with_its_numbers() {
    let counted = ZONE.replace(" }", ", serials: counter, purge: true }");
    let names = Names::with(&counted).await;
    names.put("www", "name: www, type: A, values: [192.0.2.1]").await.unwrap();
    assert_eq!(names.serial(), 2);
    std::fs::remove_file(names.lab.place(FILE)).unwrap();
    let zone = Life::of(&names.lab, "dns.zone");
    let made = zone.create(&counted).await.unwrap();
    assert_eq!(names.serial(), 3, "somebody removed the file");
    // By hand, as far as secondaries can follow: a removal must note it.
    names.edit("3          ; serial", "40         ; serial");
    zone.delete(&counted, &made).await.unwrap();
    zone.create(&counted).await.unwrap();
    assert_eq!(names.serial(), 41, "it was destroyed, and made again");
    let elsewhere = counted.replace("shop.zone", "other.zone");
    zone.create(&elsewhere).await.unwrap();
    assert!(names.lab.text("zones/other.zone").contains(" 42 "), "under another path");
    let another = counted.replace("shop.zone", "third.zone").replace("shop.test", "third.test");
    zone.create(&another).await.unwrap();
    assert!(names.lab.text("zones/third.zone").contains(" 1 "), "another zone is new");
}

#[tokio::test]
async fn a_zone_that_came_back_from_a_backup_goes_on_with_its_numbers() {
    let names = Names::with(&ZONE.replace(" }", ", serials: counter }")).await;
    let backup = names.lab.text(FILE);
    names.put("www", "name: www, type: A, values: [192.0.2.1]").await.unwrap();
    names.put("web", "name: web, type: A, values: [192.0.2.2]").await.unwrap();
    names.lab.write(FILE, backup);
    names.put("www", "name: www, type: A, values: [192.0.2.1]").await.unwrap();
    assert_eq!(names.serial(), 4);
}

#[tokio::test]
async fn a_record_changes_nothing_in_the_zone_as_it_was_applied() {
    let names = Names::new().await;
    assert_eq!(names.seen("dns.zone", FILE).await, names.zone);
}

#[tokio::test]
async fn a_record_written_by_hand_is_shown_and_removed_and_others_are_kept() {
    let names = Names::new().await;
    names.edit("$TTL 3600\n", "$TTL 3600\n; for the demo\ntest 300 IN A 192.0.2.99\n");
    let seen = names.seen("dns.zone", FILE).await;
    assert_eq!(seen.get("by_hand"), &vec!["test A 192.0.2.99"].into());
    let zone = Life::of(&names.lab, "dns.zone");
    assert_eq!(zone.differing(ZONE, &seen), ["by_hand"]);

    names.edit("test 300", "late IN A 192.0.2.98\ntest 300");
    let after = zone.update(ZONE, &seen).await.unwrap();
    let text = names.lab.text(FILE);
    assert!(!text.contains("192.0.2.99"), "it was planned to go:\n{text}");
    assert!(text.contains("late"), "no plan has shown this one:\n{text}");
    assert!(text.contains("192.0.2.53 ; windlass: ns1"), "{text}");
    assert_eq!(after.get("by_hand"), &vec!["late A 192.0.2.98"].into());
}

#[tokio::test]
async fn other_spacing_comments_and_spellings_are_no_drift() {
    let names = Names::new().await;
    let made = names.put("www", "name: www, type: A, values: [192.0.2.1]").await.unwrap();
    names.lab.write(
        FILE,
        "; windlass: zone thing; serials: date; purge: false\n$TTL 1h\n\
         shop.test. 86400 IN SOA ns1.shop.test. hostmaster.shop.test. ( 7 4h\n 1h ; retry\n 2W 5M )\n\
         \tIN\tNS ns1.shop.test.\n\n$ORIGIN shop.test.\nNS1 A 192.0.2.53 ; windlass: ns1\n\
         WWW.SHOP.TEST. IN A (\n 192.0.2.1 ; windlass: www\n )\n",
    );
    assert_eq!(names.seen("dns.zone", FILE).await, names.zone);
    assert_eq!(names.seen("dns.record", &made.id).await, made);
}

#[tokio::test]
async fn an_edited_record_differs_and_is_put_right() {
    let names = Names::new().await;
    let keys = "name: www, type: A, values: [192.0.2.1]";
    let made = names.put("www", keys).await.unwrap();
    names.edit("192.0.2.1 ", "192.0.2.66 ");
    let keys = format!("{{ zone: {FILE}, {keys} }}");
    let record = Life::of(&names.lab, "dns.record");
    let seen = record.read(&keys, &made).await.unwrap().unwrap();
    assert_eq!(record.differing(&keys, &seen), ["values"]);
    record.update(&keys, &seen).await.unwrap();
    assert!(!names.lab.text(FILE).contains("192.0.2.66"));
    names.edit("192.0.2.1 ; windlass: thing", "192.0.2.1");
    let seen = record.read(&keys, &made).await.unwrap().unwrap();
    assert_eq!(record.differing(&keys, &seen), ["owner"]);
    names.edit("192.0.2.1\n", "192.0.2.1 ; windlass: thing\nwww IN A 192.0.2.2\n");
    let seen = record.read(&keys, &made).await.unwrap().unwrap();
    assert_eq!(record.differing(&keys, &seen), ["values", "owner"], "a line was added");
    names.edit("www IN A", ";");
    assert_eq!(record.read(&keys, &made).await.unwrap().map(|_| ()), Some(()));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_kept_and_its_line_is_said() {
    for (line, why) in [
        ("www IN A 300.2.2.2", "`300.2.2.2` is not an IPv4 address"),
        ("$INCLUDE other.zone", "`$INCLUDE` is not understood here: only $ORIGIN and $TTL are"),
        ("www IN", "a type is missing"),
        ("www.example.net. IN A 192.0.2.1", "www.example.net. does not lie in the zone shop.test."),
        ("www IN TXT \"open", "a quote is not closed"),
        ("www IN A ( 192.0.2.1", "this parenthesis is not closed"),
        ("@ IN SOA a b 1 2 3 4 5", "a second SOA record"),
    ] {
        let names = Names::new().await;
        let text = names.lab.text(FILE) + line + "\n";
        names.lab.write(FILE, &text);
        let number = text.lines().count();
        let says = format!("zones/shop.zone:{number}: {why}");
        let fault = names.put("www", "name: www, type: A, values: [192.0.2.1]").await.unwrap_err();
        assert_eq!(fault.message, says);
        assert!(fault.help.unwrap().contains(&format!("mend line {number}")));
        let zone = Life::of(&names.lab, "dns.zone");
        assert_eq!(zone.read(ZONE, &names.zone).await.unwrap_err().message, says);
        assert_eq!(zone.update(ZONE, &names.zone).await.unwrap_err().message, says);
        assert_eq!(zone.delete(ZONE, &names.zone).await.unwrap_err().message, says);
        assert_eq!(names.lab.text(FILE), text, "it is kept");
    }
}

#[tokio::test]
async fn a_host_that_is_none_is_read_as_others_write_it() {
    let names = Names::new().await;
    let text = names.lab.text(FILE).replacen("$ORIGIN", "$ORIGIN .\n$ORIGIN", 1);
    let more = "@ IN MX 0 .\n_sip._tcp IN SRV 0 0 0 .\nodd IN CNAME .\n";
    names.lab.write(FILE, text + more);
    let seen = names.seen("dns.zone", FILE).await;
    let wanted = vec!["@ MX 0 .", "_sip._tcp SRV 0 0 0 .", "odd CNAME ."];
    assert_eq!(seen.get("by_hand"), &wanted.into());
}

#[tokio::test]
async fn a_cname_stands_alone() {
    let names = Names::new().await;
    names.put("www", "name: www, type: A, values: [192.0.2.1]").await.unwrap();
    names.put("api", "name: api, type: CNAME, values: [www]").await.unwrap();
    let said = names.refused("name: www, type: CNAME, values: [api]").await;
    assert!(said.starts_with("www has the record www A 192.0.2.1 (zones/shop.zone:"), "{said}");
    assert!(said.ends_with("kept by www), and a CNAME stands alone (RFC 1034 §3.6.2)"), "{said}");
    let said = names.refused("name: api, type: TXT, values: [hello]").await;
    assert!(said.starts_with("api has the record api CNAME www.shop.test. ("), "{said}");
    let said = names.refused("name: '@', type: MX, values: [10 api]").await;
    assert!(said.starts_with("`10 api.shop.test.` points to a CNAME"), "{said}");
    names.put("mx", "name: '@', type: MX, values: [10 mail]").await.unwrap();
    let said = names.refused("name: mail, type: CNAME, values: [www]").await;
    assert!(said.starts_with("@ MX 10 mail.shop.test. ("), "{said}");
}

#[tokio::test]
async fn a_record_that_another_keeps_is_not_taken() {
    let names = Names::new().await;
    let said = names.refused("name: ns1, type: A, values: [192.0.2.1]").await;
    assert_eq!(said, "ns1 A is kept by ns1 already");
    names.edit("$TTL 3600\n", "$TTL 3600\nwww IN A 192.0.2.9\n");
    let said = names.refused("name: www, type: A, values: [192.0.2.1]").await;
    assert!(said.starts_with("www A stands in zones/shop.zone:"), "{said}");
    assert!(said.ends_with("already, written by hand"), "{said}");
}

#[tokio::test]
async fn a_record_that_another_took_over_is_not_removed_with_the_old_one() {
    let names = Names::new().await;
    let old = names.put("old", "name: www, type: A, values: [192.0.2.1]").await.unwrap();
    names.edit("; windlass: old", "; windlass: new");
    let keys = format!("{{ zone: {FILE}, name: www, type: A, values: [192.0.2.1] }}");
    Life::of(&names.lab, "dns.record").delete(&keys, &old).await.unwrap();
    assert!(names.lab.text(FILE).contains("; windlass: new"));
}

#[tokio::test]
async fn a_record_must_lie_in_its_zone() {
    let names = Names::new().await;
    let outside = names.put("x", "name: www.example.net., type: A, values: [192.0.2.1]").await;
    assert_eq!(outside.unwrap_err().message, "www.example.net. is not in the zone shop.test.");
    let said = names.refused("name: www.shop.test, type: A, values: [192.0.2.1]").await;
    assert_eq!(said, "this would be called www.shop.test.shop.test.");
    let said = names.refused("name: shop.test., type: CNAME, values: [www]").await;
    assert_eq!(said, "the zone itself cannot have CNAME here");
    let pointer = names.put("x", "name: '1', type: PTR, values: [www]").await.unwrap_err();
    let says = "a PTR record stands in a zone below in-addr.arpa or ip6.arpa";
    assert_eq!(pointer.message, says);
}

#[tokio::test]
async fn a_record_without_its_zone_says_how_to_refer_to_it() {
    let lab = Lab::new();
    let keys = "{ zone: zones/none.zone, name: www, type: A, values: [192.0.2.1] }";
    let fault = Life::of(&lab, "dns.record").create(keys).await.unwrap_err();
    assert_eq!(fault.message, "there is no zone file zones/none.zone");
    assert!(fault.help.unwrap().contains("${zone.path}"));
    assert!(!lab.place("zones").exists(), "no folder is made for it");
}

#[tokio::test]
async fn a_zone_with_records_refuses_to_go_unless_it_is_told() {
    let names = Names::new().await;
    let zone = Life::of(&names.lab, "dns.zone");
    let fault = zone.delete(ZONE, &names.zone).await.unwrap_err();
    assert_eq!(fault.message, "zones/shop.zone still holds 1 record of others");
    assert_eq!(fault.details, ["ns1 A 192.0.2.53 (ns1)"]);
    assert!(names.lab.place(FILE).exists());
    let purged = ZONE.replace(" }", ", purge: true }");
    assert_eq!(zone.differing(&purged, &names.zone), ["purge"]);
    let zone_now = zone.update(&purged, &names.zone).await.unwrap();
    zone.delete(&purged, &zone_now).await.unwrap();
    assert!(!names.lab.place(FILE).exists());
}

#[tokio::test]
async fn a_file_keeps_its_owner_group_and_mode() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let names = Names::new().await;
    let file = names.lab.place(FILE);
    chown(&file, Some(0), Some(65534)).expect("these tests give a file away, which root may");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    names.put("www", "name: www, type: A, values: [192.0.2.1]").await.unwrap();
    let there = file.metadata().unwrap();
    assert_eq!((there.uid(), there.gid(), there.mode() & 0o7777), (0, 65534, 0o640));
    assert!(names.lab.text(FILE).contains("www"));
}

#[test]
fn a_file_whose_owner_cannot_be_kept_is_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let zone = Life::of(&lab, "dns.zone");
    let made = alone(|| (), async || zone.create(ZONE).await).unwrap();
    let note = format!(".windlass/zones/{}", lab.names(".windlass/zones")[0]);
    for open in [".windlass/zones", &note, "zones"] {
        let mode = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(lab.place(open), mode).unwrap();
    }
    let text = lab.text(FILE);
    let keys = ZONE.replace("ns1", "ns2");
    let fault = alone(become_nobody, async || zone.update(&keys, &made).await).unwrap_err();
    let message = "zones/shop.zone belongs to root:root, and would not afterwards";
    assert_eq!(fault.message, message);
    assert!(fault.help.unwrap().contains("or make the file your own"));
    assert_eq!(lab.text(FILE), text);
}

#[tokio::test]
async fn a_file_of_somebody_else_is_not_taken() {
    let lab = Lab::new();
    let text = "$ORIGIN shop.test.\n@ IN SOA a b 1 2 3 4 5\n";
    lab.write(FILE, text);
    let zone = Life::of(&lab, "dns.zone");
    let fault = zone.create(ZONE).await.unwrap_err();
    assert_eq!(fault.message, "zones/shop.zone is there already, and not written by Windlass");
    assert_eq!(lab.text(FILE), text);
    lab.write(FILE, format!("; windlass: zone other/zone; serials: date; purge: false\n{text}"));
    let fault = zone.create(ZONE).await.unwrap_err();
    assert_eq!(fault.message, "zones/shop.zone is kept by other/zone already");
    lab.write(FILE, "");
    zone.create(ZONE).await.expect("nothing is lost with an empty file");
}

#[tokio::test]
async fn a_zone_that_another_took_over_is_neither_changed_nor_removed() {
    let names = Names::new().await;
    names.edit("zone thing;", "zone other/zone;");
    let text = names.lab.text(FILE);
    let zone = Life::of(&names.lab, "dns.zone");
    let fault = zone.update(&ZONE.replace("ns1", "ns2"), &names.zone).await.unwrap_err();
    assert_eq!(fault.message, "zones/shop.zone is kept by other/zone already");
    zone.delete(ZONE, &names.zone).await.unwrap();
    assert_eq!(names.lab.text(FILE), text);
}

#[tokio::test]
async fn a_zone_keeps_its_records_when_it_gets_another_name() {
    let names = Names::new().await;
    let keys = ZONE.replace("shop.test", "shop.example");
    Life::of(&names.lab, "dns.zone").update(&keys, &names.zone).await.unwrap();
    let ns1 = names.seen("dns.record", "zones/shop.zone ns1 A").await;
    assert_eq!(ns1.text("fqdn"), "ns1.shop.example");
}

#[tokio::test]
async fn what_points_into_a_zone_points_into_it_under_its_other_name() {
    let names = Names::new().await;
    let pairs = [
        ("CNAME", "www", "www.shop.example."),
        ("MX", "10 mail", "10 mail.shop.example."),
        ("SRV", "10 5 5060 '@'", "10 5 5060 shop.example."),
        ("NS", "ns.sub", "ns.sub.shop.example."),
        ("CNAME", "myshop.test.", "myshop.test."),
        ("MX", "0 .", "0 ."),
        ("TXT", "see www.shop.test.", "\"see www.shop.test.\""),
    ];
    let name = |at: usize, kind: &str| match kind {
        "SRV" => format!("_sip._tcp.r{at}"),
        _ => format!("r{at}"),
    };
    for (at, (kind, value, _)) in pairs.iter().enumerate() {
        let value = value.replace('\'', "").replace("ns.sub", "ns.sub.shop.test.");
        let keys = format!("name: {}, type: {kind}, values: ['{value}']", name(at, kind));
        names.put("r", &keys).await.unwrap();
    }
    let keys = ZONE.replace("shop.test", "shop.example");
    Life::of(&names.lab, "dns.zone").update(&keys, &names.zone).await.unwrap();
    for (at, (kind, _, wanted)) in pairs.iter().enumerate() {
        let id = format!("{FILE} {} {kind}", name(at, kind));
        let seen = names.seen("dns.record", &id).await;
        assert_eq!(seen.get("values"), &vec![*wanted].into(), "{kind}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_said() {
    let lab = Lab::new();
    // Not even root can make a file there.
    let keys = ZONE.replace("zones/", "/sys/kernel/");
    let fault = Life::of(&lab, "dns.zone").create(&keys).await.unwrap_err();
    assert!(fault.message.starts_with("cannot write /sys/kernel/shop.zone: "), "{fault}");
    assert!(fault.help.is_some(), "{fault:?}");
}

#[test]
fn what_a_zone_must_not_be_is_said_in_the_file() {
    let zone = kind("dns.zone");
    for (keys, says) in [
        ("name: 'sh op.test', name_servers: [ns1]", "` ` cannot stand in a name"),
        ("name: shop..test, name_servers: [ns1]", "two dots follow each other"),
        ("name: 'bücher.test', name_servers: [ns1]", "write the form with `xn--`"),
        ("name: shop.test, name_servers: []", "a zone needs a name server"),
        (
            "name: shop.test, name_servers: [ns1.example.net]",
            "end it with a dot (`ns1.example.net.`)",
        ),
        ("name: shop.test, name_servers: [192.0.2.1.]", "is an address, and a name is needed"),
        ("name: shop.test, name_servers: ['.']", "`.` is the root of all names"),
        ("name: shop.test, name_servers: [ns_1]", "a host has no `_` in its name"),
        ("name: shop.test, name_servers: [ns1, NS1]", "`ns1` stands here twice"),
        ("name: shop.test, name_servers: [ns1], hostmaster: ada", "write a mail address"),
        ("name: shop.test, name_servers: [ns1], ttl: 500ms", "a zone holds whole seconds"),
        (
            "name: shop.test, name_servers: [ns1], retry: 5h",
            "`retry` must be shorter than `refresh`",
        ),
        ("name: shop.test, name_servers: [ns1], expire: 5h", "`expire` must be longer"),
        ("name: shop.test, name_servers: [ns1], serials: dates", "none of the choices"),
    ] {
        let said = tools::said(&zone, &format!("{{ path: x, {keys} }}"));
        assert!(said.contains(says), "{keys}: {said}");
    }
}

#[test]
fn what_a_record_must_not_be_is_said_in_the_file() {
    let record = kind("dns.record");
    for (name, kind, values, says) in [
        ("www", "A", "[300.1.1.1]", "`300.1.1.1` is not an IPv4 address"),
        ("www", "A", "['::1']", "`::1` is an IPv6 address: use the type AAAA"),
        ("www", "AAAA", "[192.0.2.1]", "`192.0.2.1` is an IPv4 address: use the type A"),
        ("www", "AAAA", "['2001:db8:::1']", "is not an IPv6 address"),
        ("www", "A", "[]", "a record needs a value"),
        ("www", "A", "[192.0.2.1, 192.0.2.1]", "`192.0.2.1` stands here twice"),
        ("www", "CNAME", "[a, b]", "one CNAME at the most"),
        ("www", "CNAME", "[192.0.2.1]", "end it with a dot"),
        ("www", "CNAME", "[web.example.net]", "end it with a dot (`web.example.net.`)"),
        ("'@'", "CNAME", "[web]", "a CNAME cannot stand at the zone itself"),
        ("'@'", "NS", "[ns1]", "stand in its `name_servers`"),
        ("www", "MX", "[mail]", "preference and host"),
        ("www", "MX", "[70000 mail]", "`70000` is not a preference: 0 to 65535"),
        ("www", "MX", "[10 192.0.2.1.]", "is an address, and a name is needed here"),
        ("www", "MX", "[10 .]", "`0 .` says that no mail is taken"),
        ("www", "MX", "[0 ., 10 mail]", "`0 .` says that no mail is taken"),
        ("_sip._tcp", "SRV", "[0 0 0 ., 1 2 3 a]", "the host `.` says that it is not offered"),
        ("www", "CNAME", "[.]", "`.` is the root of all names"),
        ("www", "NS", "['.']", "`.` is the root of all names"),
        ("www", "SRV", "[1 2 3 a]", "`_service._protocol`"),
        ("_sip._tcp", "SRV", "[1 2 sip]", "priority, weight, port, host"),
        ("www", "CAA", "[issue ca.test]", "`0 issue"),
        ("www", "CAA", "['7 issue \"ca.test\"']", "`7` are no flags"),
        ("www", "CAA", "['0 is-sue \"ca.test\"']", "`is-sue` is no tag"),
        ("www.shop.test.", "PTR", "[web]", "below in-addr.arpa or ip6.arpa"),
        ("my_host", "A", "[192.0.2.1]", "a host has no `_` in its name"),
        ("a.*", "A", "[192.0.2.1]", "a `*` stands alone and first"),
        ("-www", "A", "[192.0.2.1]", "begins or ends with a hyphen"),
        ("www", "TXT", "['\"open']", "a quote is not closed"),
        ("www", "SPF", "[x]", "the types here: A, AAAA,"),
        ("www", "aaaa", "['::1']", "write `AAAA`"),
    ] {
        let keys = format!("{{ zone: z, name: {name}, type: {kind}, values: {values} }}");
        let said = tools::said(&record, &keys);
        assert!(said.contains(says), "{keys}: {said}");
    }
    let long = "a".repeat(64);
    let keys = format!("{{ zone: z, name: {long}, type: A, values: [192.0.2.1] }}");
    assert!(tools::said(&record, &keys).contains("is longer than 63 characters"));
    let quoted = format!("'\"{}\"'", "x".repeat(256));
    let keys = format!("{{ zone: z, name: www, type: TXT, values: [{quoted}] }}");
    assert!(tools::said(&record, &keys).contains("at most 255 bytes, this has 256"));
}

//! `cert.*`: an authority, what it signs, and what time and people do to it.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::context::{Clock, Site};
use model::{Change, Context, Fault, Found, Known, Object};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::lab::{Lab, kind};
use crate::life::{Life, is_made_once};
use crate::tools;

const CA: &str = "{ path: certs/ca, common_name: Authority }";
const DAY: u64 = 86_400;

/// An authority and a certificate, with a clock that can be moved.
struct Trust {
    lab: Lab,
    ca: Object,
    site: Object,
    /// The keys of the certificate.
    keys: String,
}

struct Moved(SystemTime);

impl Clock for Moved {
    fn now(&self) -> SystemTime {
        self.0
    }
}

fn at(context: &Context, now: SystemTime) -> Context {
    let site = &context.site;
    let site = Site {
        project: site.project.clone(),
        home: site.home.clone(),
        program: site.program.clone(),
        environment: site.environment.clone(),
        secrets: site.secrets.clone(),
        clock: Arc::new(Moved(now)),
        random: site.random.clone(),
    };
    Context { site: Arc::new(site), ..context.clone() }
}

impl Trust {
    async fn new() -> Self {
        Self::with("names: [shop.test, '*.shop.test', 127.0.0.1]").await
    }

    async fn with(keys: &str) -> Self {
        let lab = Lab::new();
        let ca = Life::of(&lab, "cert.authority").create(CA).await.unwrap();
        let keys = site(&ca, keys);
        let site = Life::of(&lab, "cert.certificate").create(&keys).await.unwrap();
        Self { lab, ca, site, keys }
    }

    fn life(&self) -> Life<'_> {
        Life::of(&self.lab, "cert.certificate")
    }

    /// Returns the context so many days later.
    fn after(&self, days: u64) -> Context {
        at(&self.lab.context, self.lab.context.site.clock.now() + Duration::from_secs(days * DAY))
    }

    /// Returns the context so many days before.
    fn before(&self, days: u64) -> Context {
        at(&self.lab.context, self.lab.context.site.clock.now() - Duration::from_secs(days * DAY))
    }

    async fn seen_after(&self, days: u64) -> Object {
        seen(&self.after(days), "cert.certificate", &self.lab, &self.keys, &self.site).await
    }

    async fn seen(&self) -> Object {
        self.life().read(&self.keys, &self.site).await.unwrap().expect("it is there")
    }

    /// Damages a file and says what a look finds, which an update puts right.
    async fn damaged(&self, damage: impl FnOnce(&std::path::Path)) -> String {
        damage(&self.lab.place("certs/site/current"));
        let seen = self.seen().await;
        let said = seen.text("files").to_owned();
        assert_eq!(self.life().differing(&self.keys, &seen), ["files"], "{said}");
        let mended = self.life().update(&self.keys, &seen).await.unwrap();
        self.life().is_as_applied(&self.keys, &mended).await;
        assert_ne!(mended.text("fingerprint"), self.site.text("fingerprint"));
        said
    }
}

fn site(ca: &Object, keys: &str) -> String {
    let authority = ca.text("certificate_path");
    format!("{{ path: certs/site, authority: {authority}, {keys} }}")
}

async fn seen(context: &Context, name: &str, lab: &Lab, keys: &str, object: &Object) -> Object {
    let known = Known { id: object.id.clone(), sealed: false, spec: Some(lab.tree(keys)) };
    kind(name)
        .effects
        .read(context, &[known])
        .await
        .unwrap()
        .remove(0)
        .unwrap()
        .expect("it is there")
}

fn der(lab: &Lab, path: &str) -> Vec<u8> {
    let text = lab.text(path);
    x509_parser::pem::parse_x509_pem(text.as_bytes()).unwrap().1.contents
}

fn mode(lab: &Lab, path: &str) -> u32 {
    std::fs::metadata(lab.place(path)).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_authority_is_made_changed_and_removed() {
    let lab = Lab::new();
    let second = "{ path: certs/ca, common_name: Authority, days: 365, renew_before: 30d }";
    Life::of(&lab, "cert.authority").runs(CA, second).await;
    assert_eq!(lab.names("certs"), Vec::<String>::new(), "nothing of it is left");
}

#[tokio::test]
async fn a_certificate_is_made_changed_and_removed() {
    for key_type in ["ecdsa-p256", "ed25519"] {
        let lab = Lab::new();
        let keys = CA.replace(" }", &format!(", key_type: {key_type} }}"));
        let ca = Life::of(&lab, "cert.authority").create(&keys).await.unwrap();
        let first = site(&ca, &format!("names: [shop.test], key_type: {key_type}"));
        let second = site(&ca, "names: ['::1', shop.test], usage: [client], days: 30");
        Life::of(&lab, "cert.certificate").runs(&first, &second).await;
        assert_eq!(lab.names("certs"), ["ca"], "nothing of it is left");
    }
}

#[tokio::test]
async fn both_are_made_once_under_one_token() {
    let lab = Lab::new();
    let ca = is_made_once(&Life::of(&lab, "cert.authority"), CA).await;
    is_made_once(&Life::of(&lab, "cert.certificate"), &site(&ca, "names: [shop.test]")).await;
}

#[tokio::test]
async fn a_certificate_says_what_was_asked_for() {
    let keys = "names: [shop.test, '*.shop.test', 127.0.0.1, '::1'], usage: [server, client]";
    let trust = Trust::with(keys).await;
    let der = der(&trust.lab, trust.site.text("certificate_path"));
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let authority = self::der(&trust.lab, trust.ca.text("certificate_path"));
    let (_, authority) = X509Certificate::from_der(&authority).unwrap();
    certificate.verify_signature(Some(authority.public_key())).unwrap();
    authority.verify_signature(None).unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=shop.test");
    assert_eq!(certificate.issuer().to_string(), "CN=Authority");
    assert!(authority.is_ca() && !certificate.is_ca());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && usage.client_auth && !usage.any);
    assert!(certificate.key_usage().unwrap().unwrap().value.digital_signature());
    assert!(authority.key_usage().unwrap().unwrap().value.key_cert_sign());
    let length = certificate.validity().not_after.timestamp() - 1_795_000_000;
    assert_eq!(length.cast_unsigned(), 90 * DAY, "90 days from the lab's time");
    assert_eq!(trust.site.text("not_after"), "2027-02-16T11:06:40Z");
    let names: Vec<_> = ["*.shop.test", "127.0.0.1", "::1", "shop.test"].into();
    assert_eq!(trust.site.get("names"), &names.into());
}

#[tokio::test]
async fn openssl_accepts_chain_names_and_key() {
    for key_type in ["ecdsa-p256", "ed25519"] {
        let lab = Lab::new();
        let keys = CA.replace(" }", &format!(", key_type: {key_type} }}"));
        let ca = Life::of(&lab, "cert.authority").create(&keys).await.unwrap();
        let keys = site(
            &ca,
            &format!("names: [shop.test, '*.shop.test', 127.0.0.1], key_type: {key_type}"),
        );
        let made = Life::of(&lab, "cert.certificate").create(&keys).await.unwrap();
        let file = |name: &str| lab.place(made.text(name));
        let authority = lab.place(ca.text("certificate_path"));
        let authority = authority.as_os_str();
        let at = ["-attime", "1795000000", "-x509_strict", "-CAfile"].map(OsStr::new);
        for check in [["-verify_hostname", "www.shop.test"], ["-verify_ip", "127.0.0.1"]] {
            let arguments = [OsStr::new("verify")].into_iter().chain(at).chain([authority]);
            let arguments = arguments.chain(check.map(OsStr::new));
            if let Some(said) = tools::run("openssl", arguments, &file("certificate_path")) {
                assert!(said.contains(": OK"), "{said}");
            }
        }
        let public = |arguments: [&str; 3], name: &str| {
            let arguments = arguments.map(OsStr::new);
            tools::run("openssl", arguments.into_iter().chain([OsStr::new("-in")]), &file(name))
        };
        let of_key = public(["pkey", "-pubout", "-check"], "key_path");
        let of_chain = public(["x509", "-noout", "-pubkey"], "chain_path");
        let of_bundle = public(["pkey", "-pubout", "-check"], "bundle_path");
        if let (Some(key), Some(chain), Some(bundle)) = (of_key, of_chain, of_bundle) {
            assert!(key.contains(chain.trim()), "{key}\n{chain}");
            assert!(bundle.contains(chain.trim()), "{bundle}\n{chain}");
        }
    }
}

#[tokio::test]
async fn openssl_takes_the_fingerprint_for_the_same() {
    let trust = Trust::new().await;
    let arguments = ["x509", "-noout", "-fingerprint", "-sha256", "-serial", "-in"].map(OsStr::new);
    let file = trust.lab.place(trust.site.text("certificate_path"));
    let Some(said) = tools::run("openssl", arguments, &file) else { return };
    let said = said.to_lowercase();
    assert!(said.contains(trust.site.text("fingerprint")), "{said}");
    let serial = trust.site.text("serial").replace(':', "");
    assert!(said.contains(&format!("serial={serial}")), "{said} {serial}");
}

#[tokio::test]
async fn an_authority_that_openssl_made_signs_too() {
    for key_type in [&["rsa:2048"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]] {
        let mut lab = Lab::new();
        // It has no other clock than the machine's.
        lab.context = at(&lab.context, SystemTime::now() + Duration::from_mins(1));
        lab.write("company/README", "made by openssl");
        let (certificate, key) = (lab.place("company/ca.pem"), lab.place("company/ca.key"));
        let make = ["req", "-x509", "-nodes", "-subj", "/CN=Company", "-days", "9000", "-newkey"];
        let make = make.iter().chain(key_type).map(OsStr::new).chain(["-keyout".as_ref()]);
        let make = make.chain([key.as_os_str(), "-out".as_ref()]);
        if tools::run("openssl", make, &certificate).is_none() {
            return;
        }
        let keys = "{ path: certs/site, authority: company/ca.pem, \
                     authority_key: company/ca.key, names: [shop.test] }";
        let made = Life::of(&lab, "cert.certificate").create(keys).await.unwrap();
        Life::of(&lab, "cert.certificate").is_as_applied(keys, &made).await;
        let verify = ["verify", "-no_check_time", "-CAfile"].map(OsStr::new);
        let verify = verify.into_iter().chain([certificate.as_os_str()]);
        tools::run("openssl", verify, &lab.place(made.text("certificate_path")));
    }
}

#[tokio::test]
async fn keys_are_their_owners_alone_and_stay_in_their_files() {
    let trust = Trust::new().await;
    for (object, name) in
        [(&trust.ca, "key_path"), (&trust.site, "key_path"), (&trust.site, "bundle_path")]
    {
        let path = object.text(name);
        assert_eq!(mode(&trust.lab, path), 0o600, "{path}");
        let text = trust.lab.text(path);
        let key: Vec<&str> =
            text.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
        assert!(!key.is_empty());
        let shown = format!("{:?}{:?}{:?}", trust.ca, trust.site, trust.lab.said.lines());
        for line in key {
            assert!(!shown.contains(line), "a line of {path} shows");
        }
    }
    assert_eq!(mode(&trust.lab, trust.site.text("chain_path")), 0o644);
    assert!(!trust.lab.text(trust.site.text("chain_path")).contains("PRIVATE"));
    assert_eq!(trust.lab.said.lines(), ["(valid until 2036-11-15)", "(valid until 2027-02-16)"]);
}

#[tokio::test]
async fn what_was_made_while_the_clock_ran_ahead_is_due() {
    let trust = Trust::new().await;
    let back = trust.before(2);
    let due = seen(&back, "cert.certificate", &trust.lab, &trust.keys, &trust.site).await;
    assert_eq!(due.text("renewal"), "due: valid only from 2026-11-18T10:06:40Z on");
    assert_eq!(trust.life().differing(&trust.keys, &due), ["renewal"]);
    let (tree, token) = (trust.lab.tree(&trust.keys), trust.lab.token());
    let effects = &trust.life().kind.effects;
    let fault = effects.apply(&back, Change::Update(&tree, &due), &token).await.unwrap_err();
    let path = trust.ca.text("certificate_path");
    let message = format!("the authority {path} is valid only from 2026-11-18T10:06:40Z on");
    assert_eq!(fault.message, message);
    assert!(fault.help.unwrap().contains("clock right"));

    let authority = Life::of(&trust.lab, "cert.authority");
    let due = seen(&back, "cert.authority", &trust.lab, CA, &trust.ca).await;
    assert_eq!(authority.differing(CA, &due), ["renewal"]);
    let (tree, token) = (trust.lab.tree(CA), trust.lab.token());
    let change = Change::Update(&tree, &due);
    let renewed = authority.kind.effects.apply(&back, change, &token).await.unwrap().unwrap();
    assert_eq!(renewed.text("renewal"), "not due");
    assert_eq!(renewed.text("not_after"), "2036-11-13T11:06:40Z");
}

#[tokio::test]
async fn a_certificate_is_due_in_the_last_third_and_renewed_in_place() {
    let trust = Trust::new().await;
    assert_eq!(trust.seen_after(59).await, trust.site, "nothing to do yet");
    let due = trust.seen_after(61).await;
    assert_eq!(due.text("renewal"), "due: valid until 2027-02-16");
    assert_eq!(trust.life().differing(&trust.keys, &due), ["renewal"]);
    assert_eq!(trust.seen_after(91).await.text("renewal"), "due: ended on 2027-02-16");

    let (tree, token, context) = (trust.lab.tree(&trust.keys), trust.lab.token(), trust.after(61));
    let key = trust.lab.text(trust.site.text("key_path"));
    let effects = &trust.life().kind.effects;
    let change = || Change::Update(&tree, &due);
    assert_eq!(effects.find(&context, change(), &token).await.unwrap(), Found::Nothing);
    let renewed = effects.apply(&context, change(), &token).await.unwrap().unwrap();
    assert_eq!(renewed.text("not_after"), "2027-04-18T11:06:40Z");
    assert_eq!(renewed.text("renewal"), "not due");
    assert_ne!(trust.lab.text(trust.site.text("key_path")), key, "with a new key");
    for path in ["certificate_path", "chain_path", "key_path", "bundle_path"] {
        assert_eq!(renewed.get(path), trust.site.get(path), "the paths stay");
    }
    let found = effects.find(&context, change(), &token).await.unwrap();
    assert_eq!(found, Found::Done(Some(renewed.clone())));
    let again = effects.apply(&context, change(), &token).await.unwrap().unwrap();
    assert_eq!(again, renewed, "the same token renews once");
}

#[tokio::test]
async fn a_window_of_its_own_is_kept_and_changes_nothing_but_itself() {
    let trust = Trust::new().await;
    let keys = trust.keys.replace(" }", ", renew_before: 80d }");
    assert_eq!(trust.life().differing(&keys, &trust.site), ["renew_before"]);
    let changed = trust.life().update(&keys, &trust.site).await.unwrap();
    assert_eq!(changed.text("fingerprint"), trust.site.text("fingerprint"), "no new one for that");
    assert_eq!(changed.text("renewal"), "not due");
    let context = trust.after(11);
    let due = seen(&context, "cert.certificate", &trust.lab, &keys, &trust.site).await;
    assert_eq!(due.text("renewal"), "due: valid until 2027-02-16");
}

#[tokio::test]
async fn an_authority_that_is_renewed_keeps_its_key_and_its_certificates_follow() {
    let trust = Trust::new().await;
    let context = trust.after(2500);
    let due = seen(&context, "cert.authority", &trust.lab, CA, &trust.ca).await;
    assert_eq!(due.text("renewal"), "due: valid until 2036-11-15");
    let authority = Life::of(&trust.lab, "cert.authority");
    let (tree, token) = (trust.lab.tree(CA), trust.lab.token());
    let change = Change::Update(&tree, &due);
    let renewed = authority.kind.effects.apply(&context, change, &token).await.unwrap().unwrap();
    assert_ne!(renewed.get("certificate_path"), trust.ca.get("certificate_path"));
    let key = |object: &Object| trust.lab.text(object.text("key_path"));
    assert_eq!(key(&renewed), key(&trust.ca), "what it has signed stays valid");
    let follows = site(&renewed, "names: [shop.test, '*.shop.test', 127.0.0.1]");
    assert_eq!(trust.life().differing(&follows, &trust.site), ["authority"]);
    let (tree, token) = (trust.lab.tree(&follows), trust.lab.token());
    let change = Change::Update(&tree, &trust.site);
    let site = trust.life().kind.effects.apply(&context, change, &token).await.unwrap().unwrap();
    let chain = trust.lab.text(site.text("chain_path"));
    assert!(chain.contains(&trust.lab.text(renewed.text("certificate_path"))));
}

#[tokio::test]
async fn a_certificate_follows_another_authority_at_the_same_place() {
    let trust = Trust::new().await;
    let by_folder = "{ path: certs/site, authority: certs/ca, names: [shop.test] }";
    let made = trust.life().update(by_folder, &trust.site).await.unwrap();
    let authority = Life::of(&trust.lab, "cert.authority");
    authority.delete(CA, &trust.ca).await.unwrap();
    let seen = trust.life().read(by_folder, &made).await.unwrap().unwrap();
    assert_eq!(seen, made, "an authority that is gone changes nothing about it");
    authority.create("{ path: certs/ca, common_name: Another }").await.unwrap();
    let seen = trust.life().read(by_folder, &made).await.unwrap().unwrap();
    assert_eq!(seen.text("authority"), "signed by another than certs/ca (Another)");
    assert_eq!(trust.life().differing(by_folder, &seen), ["authority"]);
    let made = trust.life().update(by_folder, &seen).await.unwrap();
    trust.life().is_as_applied(by_folder, &made).await;
}

#[tokio::test]
async fn a_certificate_does_not_outlive_its_authority() {
    let lab = Lab::new();
    let keys = CA.replace(" }", ", days: 50 }");
    let ca = Life::of(&lab, "cert.authority").create(&keys).await.unwrap();
    let keys = site(&ca, "names: [shop.test], days: 90, renew_before: 60d");
    let made = Life::of(&lab, "cert.certificate").create(&keys).await.unwrap();
    assert_eq!(made.get("not_after"), ca.get("not_after"));
    Life::of(&lab, "cert.certificate").is_as_applied(&keys, &made).await;
    assert!(lab.said.lines()[1].ends_with("as its authority is)"), "{:?}", lab.said.lines());
}

#[tokio::test]
async fn damaged_files_are_seen_and_put_right() {
    let remove = |file: &'static str| {
        move |at: &std::path::Path| std::fs::remove_file(at.join(file)).unwrap()
    };
    let put = |file: &'static str, text: &'static str| {
        move |at: &std::path::Path| std::fs::write(at.join(file), text).unwrap()
    };
    let open = |file: &'static str| {
        move |at: &std::path::Path| {
            std::fs::set_permissions(at.join(file), PermissionsExt::from_mode(0o640)).unwrap();
        }
    };
    let new = Trust::new;
    assert_eq!(new().await.damaged(remove("key.pem")).await, "key.pem is gone");
    assert_eq!(new().await.damaged(remove("certificate.pem")).await, "certificate.pem is gone");
    let said = new().await.damaged(remove("chain.pem")).await;
    assert_eq!(said, "chain.pem does not begin with certificate.pem");
    let said = new().await.damaged(put("key.pem", "x")).await;
    assert_eq!(said, "key.pem is not a private key");
    let said = new().await.damaged(put("certificate.pem", "x")).await;
    assert_eq!(said, "certificate.pem is not a certificate");
    let said = new().await.damaged(put("bundle.pem", "x")).await;
    assert_eq!(said, "bundle.pem does not hold certificate.pem and key.pem");
    let said = new().await.damaged(open("key.pem")).await;
    assert_eq!(said, "others may read key.pem (mode 0640)");
    let said = new().await.damaged(open("bundle.pem")).await;
    assert_eq!(said, "others may read bundle.pem (mode 0640)");
    let trust = new().await;
    let other = trust.lab.place(trust.ca.text("key_path"));
    let swap = |at: &std::path::Path| _ = std::fs::copy(&other, at.join("key.pem")).unwrap();
    assert_eq!(trust.damaged(swap).await, "key.pem does not belong to certificate.pem");
}

#[tokio::test]
async fn an_authority_with_another_key_gets_both_anew_and_one_without_certificate_keeps_its_key() {
    let trust = Trust::new().await;
    let authority = Life::of(&trust.lab, "cert.authority");
    let key = trust.lab.text(trust.ca.text("key_path"));
    let site_key = trust.lab.text(trust.site.text("key_path"));
    trust.lab.write(trust.ca.text("key_path"), &site_key);
    let seen = authority.read(CA, &trust.ca).await.unwrap().unwrap();
    assert_eq!(seen.text("files"), "key.pem does not belong to certificate.pem");
    let mended = authority.update(CA, &seen).await.unwrap();
    authority.is_as_applied(CA, &mended).await;
    let new = trust.lab.text(mended.text("key_path"));
    assert!(new != key && new != site_key);

    std::fs::remove_file(trust.lab.place(mended.text("certificate_path"))).unwrap();
    let seen = authority.read(CA, &mended).await.unwrap().unwrap();
    assert_eq!(seen.text("files"), "certificate.pem is gone");
    let mended = authority.update(CA, &seen).await.unwrap();
    authority.is_as_applied(CA, &mended).await;
    assert_eq!(trust.lab.text(mended.text("key_path")), new);
}

#[tokio::test]
async fn what_is_gone_is_gone_and_is_made_again() {
    let trust = Trust::new().await;
    for file in ["certificate.pem", "key.pem"] {
        std::fs::remove_file(trust.lab.place("certs/site/current").join(file)).unwrap();
    }
    assert_eq!(trust.life().read(&trust.keys, &trust.site).await.unwrap(), None);
    std::fs::remove_dir_all(trust.lab.place("certs/site/versions")).unwrap();
    assert_eq!(trust.life().read(&trust.keys, &trust.site).await.unwrap(), None);
    let made = trust.life().create(&trust.keys).await.unwrap();
    trust.life().is_as_applied(&trust.keys, &made).await;
}

#[tokio::test]
async fn a_key_of_somebody_else_is_never_overwritten() {
    for there in ["current/key.pem", "key.pem", "ca.key"] {
        let lab = Lab::new();
        let path = format!("certs/ca/{there}");
        lab.write(&path, "somebody's key");
        let fault = Life::of(&lab, "cert.authority").create(CA).await.unwrap_err();
        assert!(fault.message.ends_with("is there already, and not of this resource"), "{fault}");
        assert!(fault.help.unwrap().contains("move certs/ca away"));
        assert_eq!(lab.text(&path), "somebody's key");
    }
    let trust = Trust::new().await;
    let key = trust.lab.text(trust.ca.text("key_path"));
    let authority = Life::of(&trust.lab, "cert.authority");
    authority.create(CA).await.expect_err("one of another resource of ours, too");
    assert_eq!(trust.lab.text(trust.ca.text("key_path")), key);
}

#[tokio::test]
async fn what_others_put_into_the_folder_stays() {
    let trust = Trust::new().await;
    trust.lab.write("certs/site/README", "mine");
    trust.lab.write("certs/site/versions/notes/x", "mine");
    trust.life().delete(&trust.keys, &trust.site).await.unwrap();
    assert_eq!(trust.lab.names("certs/site"), ["README", "versions"]);
    assert_eq!(trust.lab.names("certs/site/versions"), ["notes"]);
}

#[tokio::test]
async fn an_attempt_that_was_cut_short_leaves_nothing_and_changes_nothing() {
    let trust = Trust::new().await;
    let token = trust.lab.token();
    let half = format!("certs/site/versions/{token}/key.pem");
    trust.lab.write(&half, "half a k");
    std::os::unix::fs::symlink("versions/x", trust.lab.place("certs/site/.current.new")).unwrap();
    assert_eq!(trust.seen().await, trust.site);
    let due = trust.seen_after(61).await;
    let tree = trust.lab.tree(&trust.keys);
    let change = Change::Update(&tree, &due);
    let effects = &trust.life().kind.effects;
    let found = effects.find(&trust.after(61), change, &token).await.unwrap();
    assert_eq!(found, Found::Nothing);
    assert_eq!(trust.lab.names("certs/site"), ["current", "versions"]);
    assert_eq!(trust.lab.names("certs/site/versions").len(), 1);
}

#[tokio::test]
async fn only_the_version_before_is_kept() {
    let trust = Trust::new().await;
    let mut site = trust.site.clone();
    for days in 10..15 {
        let keys = trust.keys.replace(" }", &format!(", days: {days} }}"));
        site = trust.life().update(&keys, &site).await.unwrap();
        assert_eq!(trust.lab.names("certs/site/versions").len(), 2);
    }
}

/// Certificate and key are changed in one step: a reader of the bundle, or of one version, never has
/// a pair that does not fit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_and_certificate_fit_at_every_instant_a_reader_looks() {
    use rcgen::{KeyPair, PublicKeyData};
    let trust = Trust::new().await;
    let current = trust.lab.place("certs/site/current");
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (ended, place) = (stop.clone(), current.clone());
    let reader = std::thread::spawn(move || {
        let fits = |certificate: &str, key: &str| {
            let der = x509_parser::pem::Pem::iter_from_buffer(certificate.as_bytes());
            let der = der.map(Result::unwrap).find(|part| part.label == "CERTIFICATE").unwrap();
            let (_, certificate) = X509Certificate::from_der(&der.contents).unwrap();
            let key = KeyPair::from_pem(key).unwrap();
            assert_eq!(certificate.public_key().raw, key.subject_public_key_info());
        };
        let mut looks = 0;
        while !ended.load(std::sync::atomic::Ordering::Relaxed) {
            let version = place.with_file_name(std::fs::read_link(&place).expect("always a link"));
            let read = |name: &str| std::fs::read_to_string(version.join(name));
            // A reader that was held up for two renewals may find its version gone, and looks again.
            let (Ok(bundle), Ok(chain), Ok(key)) =
                (read("bundle.pem"), read("chain.pem"), read("key.pem"))
            else {
                assert_ne!(place.with_file_name(std::fs::read_link(&place).unwrap()), version);
                continue;
            };
            fits(&bundle, &bundle);
            fits(&chain, &key);
            looks += 1;
        }
        looks
    });
    let mut site = trust.site.clone();
    for days in 10..40 {
        let keys = trust.keys.replace(" }", &format!(", days: {days} }}"));
        site = trust.life().update(&keys, &site).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(reader.join().unwrap() > 10);
}

async fn refused(lab: &Lab, keys: &str) -> Fault {
    let fault = Life::of(lab, "cert.certificate").create(keys).await.expect_err("it is refused");
    assert!(fault.help.is_some(), "says what to do: {fault}");
    assert!(!lab.place("certs/site").exists(), "nothing is written");
    fault
}

#[tokio::test]
async fn an_authority_that_cannot_sign_is_said() {
    let lab = Lab::new();
    let keys = "{ path: certs/site, authority: certs/ca, names: [shop.test] }";
    let missing = refused(&lab, keys).await;
    assert_eq!(missing.message, "there is no authority at certs/ca");
    assert!(missing.help.unwrap().contains("authority: ${ca.certificate_path}"));
    lab.write("certs/ca", "no certificate");
    assert_eq!(refused(&lab, keys).await.message, "certs/ca is not a certificate");

    let trust = Trust::new().await;
    let lab = &trust.lab;
    let site = trust.site.text("certificate_path");
    let other = |authority: &str, more: &str| {
        format!("{{ path: certs/other, authority: {authority}, names: [a.test]{more} }}")
    };
    let life = Life::of(lab, "cert.certificate");
    let says = async |keys: String| life.create(&keys).await.unwrap_err().message;
    let said = says(other(site, "")).await;
    assert_eq!(said, format!("{site} is a certificate, but not an authority's"));

    let ca = trust.ca.text("certificate_path");
    let key = trust.site.text("key_path");
    let said = says(other(ca, &format!(", authority_key: {key}"))).await;
    assert_eq!(said, format!("the key {key} does not belong to {ca}"));
    let said = says(other(ca, ", authority_key: none.pem")).await;
    assert_eq!(said, "there is no key at none.pem");
    let said = says(other(ca, &format!(", authority_key: {ca}"))).await;
    assert_eq!(said, format!("{ca} is not a private key"));
    std::fs::remove_file(lab.place(trust.ca.text("key_path"))).unwrap();
    let said = says(other(ca, "")).await;
    assert_eq!(said, format!("there is no key at {}", trust.ca.text("key_path")));

    let trust = Trust::new().await;
    let (tree, token) = (trust.lab.tree(&trust.keys), trust.lab.token());
    let effects = &trust.life().kind.effects;
    let change = Change::Update(&tree, &trust.site);
    let fault = effects.apply(&trust.after(4000), change, &token).await.unwrap_err();
    assert!(fault.message.ends_with("ended on 2036-11-15"), "{fault}");
    assert_eq!(trust.seen().await, trust.site, "the old one is kept");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_said() {
    let lab = Lab::new();
    // Not even root can make a file there.
    let keys = CA.replace("certs/ca", "/sys/kernel/windlass-ca");
    let fault = Life::of(&lab, "cert.authority").create(&keys).await.unwrap_err();
    assert!(fault.message.starts_with("cannot write /sys/kernel/windlass-ca: "), "{fault}");
    assert!(fault.help.is_some(), "{fault:?}");
}

#[test]
fn what_a_certificate_must_not_be_is_said_in_the_file() {
    let certificate = kind("cert.certificate");
    for (keys, says) in [
        ("names: []", "a certificate needs a name"),
        ("names: [a.test, A.test]", "`a.test` stands here twice"),
        ("names: [shop_a.test]", "a host has no `_` in its name"),
        ("names: ['https://shop.test']", "write the name alone"),
        ("names: ['shop.test:443']", "write the name alone"),
        ("names: [127.0.0.300]", "this is not an address"),
        ("names: ['a.*.test']", "a `*` stands alone and first"),
        ("names: ['*.test']", "a `*` needs two labels behind it"),
        ("names: [shop.test.]", "names without a last dot"),
        ("names: [bücher.test]", "write the form with `xn--`"),
        ("names: [a.test], usage: []", "write `server`, `client` or both"),
        ("names: [a.test], usage: [server, server]", "a use stands here twice"),
        ("names: [a.test], usage: [mail]", "none of the choices"),
        ("names: [a.test], days: 0", "1 to 36500 days"),
        ("names: [a.test], days: 30, renew_before: 30d", "it would always be due"),
        ("names: [a.test], key_type: rsa", "none of the choices"),
    ] {
        let said = tools::said(&certificate, &format!("{{ path: x, authority: y, {keys} }}"));
        assert!(said.contains(says), "{keys}: {said}");
    }
    let authority = kind("cert.authority");
    for (keys, says) in [
        ("common_name: ' '", "a name is needed"),
        ("common_name: \"a\\nb\"", "a name stands on one line"),
        ("common_name: a, days: 40000", "1 to 36500 days"),
    ] {
        let said = tools::said(&authority, &format!("{{ path: x, {keys} }}"));
        assert!(said.contains(says), "{keys}: {said}");
    }
    let long = "x".repeat(65);
    let said = tools::said(&authority, &format!("{{ path: x, common_name: {long} }}"));
    assert!(said.contains("at most 64 characters, this has 65"), "{said}");
}

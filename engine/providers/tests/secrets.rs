//! `random.password` and `secret.file`: what is made, and that nobody sees it.

use std::io::Read;
use std::str::FromStr;

use model::{Change, Found, Object, Value};

use crate::lab::{Lab, kind};
use crate::life::{Life, is_made_once};

/// Returns the text behind the handle of a password.
fn password(lab: &Lab, object: &Object) -> String {
    let Value::Parts(pieces) = object.get("value") else { panic!("a handle: {object:?}") };
    assert_eq!(pieces.len(), 1);
    model::Secrets::reveal(&*lab.vault, &object.id).unwrap().expose().to_owned()
}

#[tokio::test]
async fn a_password_is_made_kept_and_forgotten() {
    let lab = Lab::new();
    let life = Life::of(&lab, "random.password");
    let made = is_made_once(&life, "{}").await;
    life.is_as_applied("{}", &made).await;
    let text = password(&lab, &made);
    assert_eq!(text.len(), 32);
    assert!(text.chars().all(|letter| letter.is_ascii_alphanumeric()), "{text}");
    life.ends("{}", &made).await;
    assert_eq!(lab.vault.names(), ["api", "db"], "nothing is left");
}

#[tokio::test]
async fn two_passwords_are_not_the_same() {
    let lab = Lab::new();
    let life = Life::of(&lab, "random.password");
    let (one, other) = (life.create("{}").await.unwrap(), life.create("{}").await.unwrap());
    assert_ne!(password(&lab, &one), password(&lab, &other));
}

#[tokio::test]
async fn a_password_has_what_was_asked_for() {
    let lab = Lab::new();
    let life = Life::of(&lab, "random.password");
    let keys = "{length: 16, sets: [lower, digits, symbols], symbols: '-_', without: 0abc, \
        least: {digits: 5, symbols: 9}}";
    for _ in 0..50 {
        let text = password(&lab, &life.create(keys).await.unwrap());
        let count = |fits: fn(char) -> bool| text.chars().filter(|letter| fits(*letter)).count();
        assert_eq!(text.len(), 16);
        assert!(count(|letter| letter.is_ascii_digit()) >= 5, "{text}");
        assert!(count(|letter| "-_".contains(letter)) >= 9, "{text}");
        assert!(!text.contains(|letter| "0abc".contains(letter)), "{text}");
    }
}

#[tokio::test]
async fn a_password_that_was_kept_before_the_crash_is_the_one() {
    let lab = Lab::new();
    let life = Life::of(&lab, "random.password");
    let (tree, token) = (lab.tree("{}"), lab.token());
    assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Nothing);
    lab.vault.set(&format!("password-{token}"), "kept-before-the-crash");
    let Found::Done(Some(found)) = life.find(Change::Create(&tree), &token).await else {
        panic!("it happened");
    };
    let made = life.create_as("{}", &token).await.unwrap();
    assert_eq!(made, found);
    assert_eq!(password(&lab, &made), "kept-before-the-crash");
}

#[tokio::test]
async fn a_password_that_somebody_took_out_is_gone() {
    let lab = Lab::new();
    let life = Life::of(&lab, "random.password");
    let made = life.create("{}").await.unwrap();
    model::Secrets::forget(&*lab.vault, &made.id).unwrap();
    assert_eq!(life.read("{}", &made).await.unwrap(), None);
}

#[test]
fn a_password_that_cannot_be_says_why() {
    let lab = Lab::new();
    let refused = [
        ("length: 4", "a password has 12 to 1024 characters"),
        ("sets: []", "there is nothing to make it of"),
        ("{sets: [symbols], symbols: ''}", "nothing is left of `symbols`"),
        ("sets: [lower, lower]", "`lower` stands here twice"),
        ("least: {symbols: 1}", "`symbols` is none of the sets"),
        ("{length: 12, least: {lower: 10, upper: 3}}", "that is 13 characters, and there are 12"),
        ("symbols: 'a b'", "' ' is no symbol"),
    ];
    for (keys, why) in refused {
        let error = (kind("random.password").fits)(&lab.tree(keys)).unwrap_err();
        assert_eq!(error, why, "{keys}");
    }
}

fn decrypted(lab: &Lab, path: &str, key: &age::x25519::Identity) -> serde_json::Value {
    let file = std::fs::File::open(lab.place(path)).unwrap();
    let armor = age::armor::ArmoredReader::new(file);
    let decryptor = age::Decryptor::new(armor).unwrap();
    let mut plain = String::new();
    let key = key as &dyn age::Identity;
    decryptor.decrypt(std::iter::once(key)).unwrap().read_to_string(&mut plain).unwrap();
    serde_json::from_str(&plain).unwrap()
}

fn keys(recipient: &str, values: &str) -> String {
    format!("{{path: run/shop.age, recipients: [{recipient}], values: {values}}}")
}

#[tokio::test]
async fn a_file_of_secrets_can_be_read_by_those_who_may() {
    let lab = Lab::new();
    let life = Life::of(&lab, "secret.file");
    let (mine, theirs) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
    let both = format!("{}, {}", mine.to_public(), theirs.to_public());
    let (first, second) =
        (keys(&both, "{db: '${secret.db}', user: shop}"), keys(&both, "{db: '${secret.api}'}"));
    life.runs(&first, &second).await;
    let made = is_made_once(&life, &first).await;
    let wanted = serde_json::json!({ "db": "canary&of\"db\" 9026", "user": "shop" });
    assert_eq!(decrypted(&lab, "run/shop.age", &mine), wanted);
    assert_eq!(decrypted(&lab, "run/shop.age", &theirs), wanted);
    let mode = std::os::unix::fs::MetadataExt::mode(&lab.place("run/shop.age").metadata().unwrap());
    assert_eq!(mode & 0o777, 0o600);
    life.ends(&first, &made).await;
    assert_eq!(lab.names(".windlass/secret-files"), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_of_secrets_is_encrypted_again_only_when_something_changed() {
    let lab = Lab::new();
    let life = Life::of(&lab, "secret.file");
    let key = age::x25519::Identity::generate();
    let keys = keys(&key.to_public().to_string(), "{db: '${secret.db}'}");
    let made = life.create(&keys).await.unwrap();
    let before = lab.text("run/shop.age");
    let again = life.update(&keys, &made).await.unwrap();
    assert_eq!((lab.text("run/shop.age"), &again), (before.clone(), &made));
    lab.vault.set("db", "rotated-9026");
    assert_eq!(life.differing(&keys, &made), ["values"]);
    life.update(&keys, &made).await.unwrap();
    assert_ne!(lab.text("run/shop.age"), before);
    assert_eq!(decrypted(&lab, "run/shop.age", &key)["db"], "rotated-9026");
}

#[tokio::test]
async fn a_file_of_secrets_that_somebody_changed_is_not_believed() {
    let lab = Lab::new();
    let life = Life::of(&lab, "secret.file");
    let key = age::x25519::Identity::generate();
    let keys = keys(&key.to_public().to_string(), "{db: '${secret.db}'}");
    let made = life.create(&keys).await.unwrap();
    lab.write("run/shop.age", "nonsense");
    let read = life.read(&keys, &made).await.unwrap().unwrap();
    assert_eq!(life.differing(&keys, &read), ["recipients", "values"]);
    let tree = lab.tree(&keys);
    assert_eq!(life.find(Change::Update(&tree, &made), &lab.token()).await, Found::Nothing);
    let fault = life.create(&keys).await.unwrap_err();
    assert!(fault.message.starts_with("run/shop.age is there already"), "{}", fault.message);
}

#[tokio::test]
async fn a_file_of_secrets_that_is_half_made_is_made_again() {
    let lab = Lab::new();
    let life = Life::of(&lab, "secret.file");
    let key = age::x25519::Identity::generate();
    let keys = keys(&key.to_public().to_string(), "{db: '${secret.db}'}");
    let (tree, token) = (lab.tree(&keys), lab.token());
    let made = life.create_as(&keys, &token).await.unwrap();
    // The note is there, and beside it the file that did not come to its place.
    let unfinished = lab.place(&format!("run/.windlass-{token}"));
    std::fs::rename(lab.place("run/shop.age"), unfinished).unwrap();
    assert_eq!(life.find(Change::Create(&tree), &token).await, Found::Nothing);
    assert_eq!(lab.names("run"), Vec::<String>::new());
    let again = life.create_as(&keys, &token).await.unwrap();
    life.is_as_applied(&keys, &again).await;
    assert_eq!(made.get("values"), again.get("values"));
}

#[test]
fn a_key_that_is_none_is_refused_and_a_secret_one_more_so() {
    let lab = Lab::new();
    let secret = age::x25519::Identity::generate().to_string();
    let secret = age::secrecy::ExposeSecret::expose_secret(&secret).to_owned();
    for key in ["age1nonsense", &secret] {
        let error = (kind("secret.file").fits)(&lab.tree(&keys(key, "{}"))).unwrap_err();
        assert!(error.contains("is not a public key of age"), "{error}");
    }
    let error = (kind("secret.file").fits)(&lab.tree("{path: a, recipients: [], values: {}}"));
    assert_eq!(error.unwrap_err(), "nobody could decrypt it");
    assert!(age::x25519::Recipient::from_str("age1nonsense").is_err());
}

//! What a plan says, by table: `cases/*.yml`.

use std::fs;
use std::path::Path;

use language::decoder::decode;
use language::scope::Unresolved;
use language::{Diagnostics, Document, Sources, Spec};
use model::plan::Plan;
use runtime::engine::{ApplyOptions, Budget, PlanRequest};
use runtime::plan::Targets;
use testkit::Lab;
use testkit::drawing::{order, text};

/// A situation and what the plan says to it.
#[derive(Spec)]
struct Case {
    /// What it shows.
    case: String,
    /// Another stack that was applied before that, by the name of `other`.
    other: Option<Raw>,
    /// The stack that was applied before.
    before: Option<Raw>,
    /// What happens to the world meanwhile.
    #[spec(default = "[]")]
    drift: Vec<String>,
    /// Names of secrets that get another text.
    #[spec(default = "[]")]
    rotated: Vec<String>,
    /// Parameters that are given, for the stack after.
    #[spec(default = "[]")]
    given: Vec<String>,
    /// Addresses that are to be replaced.
    #[spec(default = "[]")]
    replace: Vec<String>,
    /// Addresses that the plan is about.
    #[spec(default = "[]")]
    target: Vec<String>,
    /// Addresses that the plan is not about.
    #[spec(default = "[]")]
    exclude: Vec<String>,
    /// Whether the world is looked at.
    #[spec(default = "true")]
    refresh: bool,
    /// How much may be deleted unasked; without it, as much as the plan says.
    #[spec(default = "false")]
    cautious: bool,
    /// The stack that is planned.
    after: Raw,
    /// The text of the plan.
    plan: Raw,
    /// Steps and what each waits for.
    steps: Option<Raw>,
    /// What happens to the world between plan and apply.
    #[spec(default = "[]")]
    meanwhile: Vec<String>,
    /// What somebody else plans and applies between plan and apply: only these.
    #[spec(default = "[]")]
    others: Vec<String>,
    /// Effects of the apply, if they matter.
    effects: Option<Vec<String>>,
    /// What goes wrong when it is applied.
    #[spec(default = "[]")]
    trouble: Vec<String>,
    /// The plan after it was applied, if it is not empty.
    then: Option<Raw>,
}

/// Text in which nothing is a reference.
struct Raw(String);

impl Spec for Raw {
    fn shape() -> language::Shape {
        String::shape()
    }

    fn decode(node: language::Node<'_>, _: &mut language::Decoder<'_>) -> Option<Self> {
        node.scalar().map(|scalar| Self(scalar.text.to_owned()))
    }
}

#[tokio::test(start_paused = true)]
async fn plans_say_what_the_tables_say() {
    let mut wrong = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut count = 0;
    for file in files {
        for case in cases(&file) {
            count += 1;
            if let Err(why) = check(&case).await {
                let file = file.file_name().unwrap().to_string_lossy().into_owned();
                wrong.push(format!("{file}: {}\n{why}", case.case));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 34, "only {count} cases");
}

#[tokio::test(start_paused = true)]
async fn plans_grow_with_their_resources_and_not_with_the_product() {
    let size = |plan: &Plan| {
        let needs: usize = plan.steps.iter().map(|step| step.needs.len()).sum();
        (needs, plan.to_json().len())
    };
    let mut sizes = Vec::new();
    for count in [50, 100] {
        let lab = Lab::toys();
        let many = format!(
            "stack: shop\nresources:\n  a: {{ kind: toy.disk, size: 4, count: {count} }}\n  b: {{ kind: \
             toy.cert, names: \"${{a.device}}\", count: {count} }}\n  c: {{ kind: toy.disk, size: 4, \
             needs: [b], count: {count} }}\n"
        );
        let made = lab.plan(&many).await.unwrap().plan;
        let making = size(&made);
        assert_eq!(lab.apply(made).await, Vec::<String>::new());
        let gone = lab.plan("stack: shop\nresources: {}\n").await.unwrap().plan;
        let destroying = size(&gone);
        assert_eq!(lab.apply(gone).await, Vec::<String>::new());
        assert_eq!(lab.world.violations(), Vec::<String>::new());
        assert_eq!(lab.world.objects().len(), 0);
        sizes.push([making.0, making.1, destroying.0, destroying.1]);
    }
    for (small, large) in sizes[0].iter().zip(sizes[1]) {
        assert!(large < small * 5 / 2, "twice as many are {large} instead of {small}: {sizes:?}");
    }
}

fn cases(file: &Path) -> Vec<Case> {
    let mut sources = Sources::default();
    let source = sources.add(file.display().to_string(), fs::read_to_string(file).unwrap());
    let mut diagnostics = Diagnostics::default();
    let document = Document::parse(&sources, source, &mut diagnostics);
    let cases = decode::<Vec<Case>>(&document, &Unresolved, &mut diagnostics).value;
    let plain = annotate_snippets::Renderer::plain();
    let errors = |diagnostics| language::render::render(diagnostics, &sources, &plain);
    match cases {
        Some(cases) if diagnostics.is_empty() => cases,
        _ => panic!("{}", errors(diagnostics)),
    }
}

async fn check(case: &Case) -> Result<(), String> {
    let mut lab = Lab::toys();
    if let Some(other) = &case.other {
        let troubles = lab.apply(lab.plan(&stack("other", other)).await?.plan).await;
        expect("other", &troubles.join("\n"), "")?;
    }
    if let Some(before) = &case.before {
        let troubles = lab.apply(lab.plan(&stack("shop", before)).await?.plan).await;
        expect("before", &troubles.join("\n"), "")?;
    }
    case.drift.iter().for_each(|change| drift(&lab, change));
    case.rotated.iter().for_each(|name| lab.rotate(name, "second text"));
    let asked = request(case, &lab);
    let planned = match lab.planned(&asked).await {
        Ok(planned) => planned,
        Err(why) => return expect("errors", &why, &case.plan.0),
    };
    expect("plan", &text(&planned.plan), &case.plan.0)?;
    let full = lab.planned(&PlanRequest { digests: false, ..asked.clone() }).await?;
    expect("plan without digests", &full.plan.to_json(), &planned.plan.to_json())?;
    if let Some(steps) = &case.steps {
        expect("steps", &order(&planned.plan), &steps.0)?;
    }
    if case.cautious {
        lab.options = ApplyOptions { budget: Budget::Cautious, ..lab.options };
    }
    case.meanwhile.iter().for_each(|change| drift(&lab, change));
    if !case.others.is_empty() {
        let targets = Targets { only: case.others.clone(), without: Vec::new() };
        let theirs = lab.planned(&PlanRequest { targets, ..asked.clone() }).await?;
        expect("others", &lab.apply(theirs.plan).await.join("\n"), "")?;
    }
    lab.world.take_log();
    expect("trouble", &lab.apply(planned.plan).await.join("\n"), &case.trouble.join("\n"))?;
    if let Some(effects) = &case.effects {
        expect("effects", &lab.world.take_log().join("\n"), &effects.join("\n"))?;
    }
    expect("violations", &lab.world.violations().join("\n"), "")?;
    let again = lab.planned(&PlanRequest { replace: Vec::new(), ..asked }).await;
    if let Some(then) = &case.then {
        let is = again.map_or_else(|why| why, |again| text(&again.plan));
        return expect("then", &is, &then.0);
    }
    let again = again?;
    if case.trouble.is_empty() && case.refresh {
        expect("again", &order(&again.plan), "")?;
        expect("decoded again", &again.decoded.to_string(), "0")?;
    }
    Ok(())
}

fn request(case: &Case, lab: &Lab) -> PlanRequest {
    let given = case.given.iter().filter_map(|given| given.split_once('='));
    PlanRequest {
        given: given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        targets: Targets { only: case.target.clone(), without: case.exclude.clone() },
        replace: case.replace.clone(),
        refresh: case.refresh,
        ..lab.request(&stack("shop", &case.after))
    }
}

/// `delete KIND ID` or `set KIND ID KEY VALUE`, behind the engine's back.
fn drift(lab: &Lab, change: &str) {
    match change.split(' ').collect::<Vec<_>>()[..] {
        ["delete", kind, id] => lab.world.lose(kind, id),
        ["set", kind, id, key, value] => lab.world.disturb(kind, id, key, value),
        _ => panic!("what is `{change}`?"),
    }
}

/// Cases leave out what they all have.
fn stack(name: &str, raw: &Raw) -> String {
    let raw = &raw.0;
    match raw.contains("resources:") {
        true => format!("stack: {name}\n{raw}"),
        false => format!("stack: {name}\nresources:\n{}", indented(raw)),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn expect(what: &str, is: &str, wanted: &str) -> Result<(), String> {
    let lines = |text: &str| -> Vec<String> {
        text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    };
    match lines(is) == lines(wanted) {
        true => Ok(()),
        false => Err(format!("--- {what} is\n{is}\n--- instead of\n{wanted}\n")),
    }
}

//! What the API answers is what its description says.

use serde_json::{Value, json};

use super::http::ask;
use super::server::Server;

/// The schema of an answer, with everything that it refers to.
fn schema(openapi: &Value, path: &str, method: &str, status: &str) -> Value {
    let mut response = &openapi["paths"][path][method]["responses"][status];
    if let Some(name) = response["$ref"].as_str() {
        response = openapi.pointer(name.trim_start_matches('#')).unwrap();
    }
    let schema = &response["content"]["application/json"]["schema"];
    assert!(!schema.is_null(), "{method} {path} {status} has no schema");
    json!({ "allOf": [schema], "components": openapi["components"] })
}

const TESTS: &str = "<testsuite name='sums'><testcase name='counts'/><testcase name='adds'>\
                     <failure message='it is 5, not &lt;4>'/></testcase></testsuite>";

#[test]
fn the_api_answers_as_its_description_says() {
    let server = Server::of("repositories: { shop: { description: The shop }, api: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  a: { run: [cp tests.xml out.xml], reports: { junit: out.xml } }\n  b: { needs: [a], run: [exit 7] }\n  c: { needs: [b], run: [echo c] }\n");
    pusher.file("tests.xml", TESTS);
    pusher.commit("first");
    pusher.push(&server);
    server.settled();
    let results = server.get("/api/v1/runs/shop/1/results");
    assert_eq!((&results["passed"], &results["failed"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&results["tests"][0]["name"], &results["tests"][0]["block"]),
        (&json!("adds"), &json!("a"))
    );
    let page = ask(&server.address(), "GET", "/runs/shop/1", &[], "").text();
    assert!(
        page.contains("1 passed, 1 failed") && page.contains("it is 5, not &lt;4&gt;"),
        "{page}"
    );
    let openapi = server.get("/api/openapi.json");
    let own = "/api/v1/runs/{repository}/{run}";
    let asked = [
        ("/health", "/health", "get", "", "200"),
        ("/api/v1/server", "/api/v1/server", "get", "", "200"),
        ("/api/v1/repositories", "/api/v1/repositories", "get", "", "200"),
        ("/api/v1/repositories/{repository}", "/api/v1/repositories/shop", "get", "", "200"),
        ("/api/v1/repositories/{repository}", "/api/v1/repositories/api", "get", "", "200"),
        ("/api/v1/repositories/{repository}", "/api/v1/repositories/nope", "get", "", "404"),
        (
            "/api/v1/repositories/{repository}/pushed",
            "/api/v1/repositories/shop/pushed",
            "post",
            "[]",
            "403",
        ),
        (
            "/api/v1/repositories/{repository}/runs",
            "/api/v1/repositories/shop/runs",
            "post",
            r#"{"pipeline":"p"}"#,
            "201",
        ),
        (
            "/api/v1/repositories/{repository}/runs",
            "/api/v1/repositories/shop/runs",
            "post",
            r#"{"pipeline":"q"}"#,
            "404",
        ),
        ("/api/v1/runs", "/api/v1/runs?repository=shop&limit=5", "get", "", "200"),
        (own, "/api/v1/runs/shop/1", "get", "", "200"),
        (own, "/api/v1/runs/api/1", "get", "", "404"),
        (
            "/api/v1/runs/{repository}/{run}/results",
            "/api/v1/runs/shop/1/results",
            "get",
            "",
            "200",
        ),
        ("/api/v1/runs/{repository}/{run}/log", "/api/v1/runs/shop/1/log?from=x", "get", "", "400"),
        ("/api/v1/runs/{repository}/{run}/cancel", "/api/v1/runs/shop/1/cancel", "post", "", "409"),
        (
            "/api/v1/runs/{repository}/{run}/approve",
            "/api/v1/runs/shop/1/approve",
            "post",
            "",
            "409",
        ),
        (
            "/api/v1/runs/{repository}/{run}/rerun",
            "/api/v1/runs/shop/1/rerun",
            "post",
            r#"{"failed":true}"#,
            "201",
        ),
    ];
    for (described, path, method, body, status) in asked {
        let reply = ask(&server.address(), &method.to_uppercase(), path, &[], body);
        assert_eq!(reply.status.to_string(), status, "{method} {path}");
        let answer: Value = serde_json::from_str(&reply.text()).unwrap();
        let schema = schema(&openapi, described, method, status);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&answer)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:#?}\n{answer:#}");
    }
    server.settled();
    let all: usize = openapi["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    assert_eq!(all, 18, "a new one belongs into this test");
}

#[test]
fn numbers_and_pages_are_there_and_what_others_wrote_stays_text() {
    let server = Server::of("repositories: { shop: {} }\n");
    let pusher = server.pusher("shop");
    pusher.pipeline("  a: { run: ['echo \"<script>alert(1)</script>\"; exit 1'] }\n");
    pusher.commit("<img src=x onerror=alert(1)>");
    pusher.push(&server);
    server.settled();
    for path in ["/", "/runs/shop/1"] {
        let reply = ask(&server.address(), "GET", path, &[], "");
        assert_eq!(reply.status, 200);
        assert!(
            reply.head.contains("content-security-policy: default-src 'none'"),
            "{}",
            reply.head
        );
        let page = reply.text();
        assert!(page.contains("&lt;img src=x") && !page.contains("<img"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
    let metrics = ask(&server.address(), "GET", "/metrics", &[], "").text();
    for line in [
        "windlass_queue_length 0\n",
        "windlass_runs{repository=\"shop\",state=\"failed\"} 1\n",
        "windlass_http_requests_total{of=\"page\",status=\"200\"} 2\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert_eq!(ask(&server.address(), "GET", "/runs/shop/99", &[], "").status, 404);
}

//! Values that only one record may have, on the command line: two people give the same product code.

use serde_json::{Value, json};

use crate::device::{Device, Server};

/// Lets somebody make a product with the code of another one, with a case that refers to it; returns both ids, the
/// number of the entry that waits, and what the case came to.
fn clash(ann: &Device, bob: &Device) -> (String, String, String, Value) {
    let theirs = ann.json(&["create", "Product", "name=Pump", "code=P-1", "stock=3"], 0);
    bob.json(&["mode", "offline"], 0);
    let mine = bob.json(
        &["create", "Product", "name=Pumpe", "code=P-1", "description=Red"],
        0,
    );
    let mine = mine["id"].as_str().unwrap().to_owned();
    let product = format!("product_id={mine}");
    let case = bob.json(&["create", "Case", "subject=Two pumps", &product], 0);
    let report = bob.json(&["sync"], 3);
    let log = report["newly_waiting"][0].to_string();
    (theirs["id"].as_str().unwrap().to_owned(), mine, log, case)
}

#[test]
fn a_product_whose_code_is_taken_is_linked_to_the_one_that_has_it() {
    let server = Server::start();
    let (ann, bob) = (
        Device::downloaded(&server, "alice"),
        Device::downloaded(&server, "bob"),
    );
    let (theirs, mine, log, case) = clash(&ann, &bob);
    let entry = bob.json(&["log", &log], 0)["entries"][0].clone();
    assert_eq!(entry["cause"]["class"], "unique", "{entry}");
    assert_eq!(entry["cause"]["field"], "code", "{entry}");
    assert_eq!(entry["cause"]["other"], json!(theirs), "{entry}");
    let link = format!("driftless resolve {log} --link {theirs}");
    assert!(
        entry["settle"].as_array().unwrap().contains(&json!(link)),
        "{entry}"
    );
    let card = bob.run(&["log", &log]).stdout;
    assert!(
        card.contains(&link) && card.contains("--rename code=VALUE"),
        "{card}"
    );
    let told = bob.json(&["resolve", &log, "--link", &theirs, "--plan"], 0);
    assert_eq!(told["redirected"], json!([case["operation"]]), "{told}");
    assert_eq!(told["ended"][0]["record"], json!(mine), "{told}");
    bob.json(&["mode", "auto"], 0);
    let done = bob.json(&["resolve", &log, "--link", &theirs], 0);
    assert_eq!(done["redirected"], told["redirected"], "{done}");
    let entry = bob.json(&["log", &log], 0)["entries"][0].clone();
    assert_eq!(entry["settled"]["by"], "link", "{entry}");
    assert_eq!(entry["kept"]["description"], "Red", "{entry}");
    bob.json(&["sync"], 0);
    // The old id leads to the record that there is, which nobody has changed; the case is about it.
    let seen = bob.json(&["get", "Product", &mine], 0);
    assert_eq!(
        (seen["id"].clone(), seen["fields"]["name"].clone()),
        (json!(theirs), json!("Pump"))
    );
    ann.json(&["sync"], 0);
    let cases = ann.json(&["list", "Case"], 0);
    assert!(cases.to_string().contains(&theirs), "{cases}");
}

#[test]
fn a_product_whose_code_is_taken_gets_one_of_its_own() {
    let server = Server::start();
    let (ann, bob) = (
        Device::downloaded(&server, "alice"),
        Device::downloaded(&server, "bob"),
    );
    let (theirs, mine, log, _) = clash(&ann, &bob);
    bob.json(&["mode", "auto"], 0);
    let done = bob.json(&["resolve", &log, "--rename", "code=P-2"], 0);
    assert_eq!(done["outcomes"][0]["outcome"], "accepted", "{done}");
    ann.json(&["sync"], 0);
    for (id, code) in [(&theirs, "P-1"), (&mine, "P-2")] {
        assert_eq!(ann.json(&["get", "Product", id], 0)["fields"]["code"], code);
    }
    // Changing to a code that is taken waits too, and is no case for a link.
    bob.json(&["sync"], 0);
    let refused = bob.json(&["update", "Product", &mine, "code=P-1"], 0);
    let log = refused["log"].to_string();
    let no = bob.json(&["resolve", &log, "--link", &theirs], 1);
    assert_eq!(no["error"]["code"], "not-possible", "{no}");
    bob.json(&["resolve", &log, "--discard"], 0);
}

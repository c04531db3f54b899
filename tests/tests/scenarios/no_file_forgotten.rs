//! A scenario file that no module names would never run.

use std::fs;
use std::path::Path;

#[test]
fn every_scenario_file_is_a_module_of_this_binary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    let mut forgotten = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        if module != "main" && !main.contains(&format!("mod {module};")) {
            forgotten.push(name);
        }
    }
    assert!(
        forgotten.is_empty(),
        "not named in scenarios/main.rs: {forgotten:?}"
    );
}

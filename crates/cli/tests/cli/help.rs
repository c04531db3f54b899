//! Help that reads well to someone who has never seen it.

use crate::device::binary;

fn help(arguments: &[&str]) -> String {
    let output = binary().args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the commands, from the help itself.
fn commands() -> Vec<String> {
    let text = help(&[]);
    let (_, list) = text.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    list.lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_one_line_and_every_argument_a_sentence() {
    let all = commands();
    assert!(all.len() >= 23, "{all:?}");
    for command in all {
        let text = help(&[&command]);
        assert!(!text.lines().next().unwrap().trim().is_empty(), "{command}");
        let lines: Vec<_> = text.lines().collect();
        for pair in lines
            .windows(2)
            .filter(|pair| pair[0].trim_start().starts_with("--"))
        {
            let beside = pair[0].trim().split_once("  ").is_some();
            assert!(
                beside || !pair[1].trim().is_empty(),
                "{command}: no words for {}",
                pair[0]
            );
        }
    }
}

#[test]
fn the_documented_commands_are_those_that_exist() {
    let documented = include_str!("../../../../docs/cli.md");
    for command in commands() {
        assert!(
            documented.contains(&format!("`{command}")),
            "docs/cli.md lacks {command}"
        );
    }
}

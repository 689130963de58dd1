//! The command line as scripts meet it: exit codes, one line on stderr, help with examples. (Building this test also
//! builds the program that the suite under `tests/` starts.)

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_passerelle")).args(arguments).output();
    program.expect("the program runs")
}

#[test]
fn bad_usage_exits_2_and_help_has_an_example() {
    assert_eq!(run(&["no-such-command"]).status.code(), Some(2));
    for command in ["demo", "serve", "pki", "vihf", "space", "import", "verify", "advance", "config"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(String::from_utf8_lossy(&help.stdout).contains("Example: passerelle"), "{command}");
    }
}

#[test]
fn a_missing_or_wrong_configuration_exits_2_with_one_line() {
    let missing = run(&["serve", "--config", "/nonexistent/passerelle.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&missing.stderr).lines().count(), 1);
    let file = std::env::temp_dir().join(format!("passerelle-wrong-{}.toml", std::process::id()));
    std::fs::write(&file, "[listen]\nproo = 1\n").expect("written");
    let checked = run(&["config", "check", file.to_str().expect("UTF-8")]);
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(checked.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&checked.stderr).contains(":2: [listen] has no key proo"));
}
